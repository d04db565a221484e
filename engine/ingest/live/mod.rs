//! A live feed: two lines of MoldUDP64, what they lose asked for again, messages of ITCH out in order.
#![forbid(unsafe_code)]

mod agent;
mod counts;
mod error;
mod outbox;
mod receiver;
mod recovery;
mod settings;
mod snapshot;
mod wire;

pub use agent::LiveFeed;
pub use counts::{Drops, FeedCounts, FeedState, FirstDrop, Origin, Reason};
pub use error::FeedError;
pub use settings::{LiveSettings, Repair};

use crate::base::unit::{Nanos, Stamp};

/// When something was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Wall time.
    time: Nanos,
    /// For latencies.
    stamp: Stamp,
}

#[cfg(test)]
mod tests;
