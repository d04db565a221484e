//! SoupBinTCP 3.00 and 4.x: packets over a byte stream, one side numbering what it says.
//!
//! A packet is a 2-byte big-endian length, a type byte and a payload; the length counts the latter two. [`Packet`] reads
//! and writes them, [`Reader`] cuts a stream into them. [`ServerSession`] and [`ClientSession`] are the two ends of a
//! session as machines without I/O: they are told of packets that came, packets that went, and the time, and say what it
//! means and what is due.
//!
//! The number of a sequenced packet is not in it: the login's answer says the number of the first, and both ends count.
//! Whoever sent nothing for a second sends a heartbeat; whoever heard nothing for fifteen gives the other up. Version 4.x
//! lets a client ask for another limit in a longer login, and the server send unsequenced packets; both are always read.

mod client;
pub mod code;
mod packet;
mod reader;
pub mod secret;
mod server;
mod session;
mod text;

#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use client::{ClientEvent, ClientSession, ClientState};
pub use packet::{Error, LoginAccepted, LoginRequest, Packet, WriteError, head};
pub use reader::{Reader, StreamError};
pub use server::{ServerEvent, ServerSession, ServerState};
pub use session::{Cause, Due, HEARTBEAT_AFTER, LOGIN_WITHIN, SILENCE_MAX, Violation};
pub use text::{Password, SessionName, TextError, Username};

/// Bytes of the length before each packet.
pub const PREFIX: usize = super::frame::PREFIX;
/// The longest payload: the length counts the type byte too.
pub const PAYLOAD_MAX: usize = super::frame::LENGTH_MAX - 1;
/// The longest packet.
pub const PACKET_MAX: usize = PREFIX + super::frame::LENGTH_MAX;
/// The longest heartbeat timeout that a login can ask for, in milliseconds.
pub const TIMEOUT_MS_MAX: u32 = 99_999;
