//! Bytes <-> fields, one file a protocol. No sockets, no clock, no state.

pub mod frame;
pub mod itch;
