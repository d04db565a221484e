//! Bytes <-> fields, one file a protocol. No sockets and no clock; what a session must remember is a machine that is told
//! of packets and times.
#![forbid(unsafe_code)]

mod blank;
pub mod frame;
pub mod itch;
pub mod mold;
pub mod ouch;
pub mod soup;
pub mod udp;
