//! Where bytes come from: each transport yields frames in order, and says where and why they end.

pub mod capture;
pub mod file;
pub mod pcap;
pub mod socket;
