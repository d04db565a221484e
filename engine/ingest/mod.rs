//! Packets and files in, [`Market`](crate::base::message::Market) messages out, in order.

mod agent;
pub mod arbiter;
pub mod date;
mod day;
pub mod decode;
pub mod live;
mod packet;
pub mod transport;
mod window;

#[cfg(test)]
mod tests;

pub use agent::{Ingest, Source};
pub use day::{Day, DaySettings};
pub use live::{LiveFeed, LiveSettings};
pub use packet::last_of_packet;
