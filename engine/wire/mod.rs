//! Bytes <-> fields, one file a protocol. No sockets, no clock, no state.
#![forbid(unsafe_code)]

pub mod frame;
pub mod itch;
