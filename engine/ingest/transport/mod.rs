//! Where bytes come from: each transport yields frames in order, and says where and why they end.

pub mod capture;
mod control;
pub mod file;
pub mod line;
pub mod pcap;
pub mod socket;
pub mod uring;
pub mod xdp;
