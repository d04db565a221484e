//! Packets and files in, [`Market`](crate::base::message::Market) messages out, in order.

pub mod date;
pub mod decode;
pub mod transport;

#[cfg(test)]
mod tests;
