//! A live feed: two lines of MoldUDP64, what they lose asked for again, messages of ITCH out in order.
//!
//! ```text
//! line A ─┐                                                        ┌─► messages: one packet at a time, flags set (outbox)
//! line B ─┼─► Receiver: arbiter ─► due? decoded ─► late? waits ────┤
//! answers ┘      │ missing: GAP, re-requests (recovery), at last   └─► GAP, WHOLE, CLEAR, ticks, commands
//!                └ a snapshot (SnapshotClient), then the lines from there on
//! ```
//!
//! The receiver is a pure machine; [`LiveFeed`] has the sockets and looks at the clock.
#![forbid(unsafe_code)]

mod agent;
mod counts;
mod error;
mod gaps;
mod outbox;
mod receiver;
mod recovery;
mod settings;
mod snapshot;
mod told;
mod wire;

pub use agent::LiveFeed;
pub use counts::{Drops, FeedCounts, FeedState, FirstDrop, Origin, Reason};
pub use error::FeedError;
pub use gaps::{Gap, Gaps};
pub use receiver::{Receiver, ReceiverSettings};
pub use settings::{HELD_BYTES, LiveSettings, Repair};
pub use snapshot::SnapshotClient;

use crate::base::unit::{Nanos, Stamp};

/// When something was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Wall time.
    pub time: Nanos,
    /// For latencies.
    pub stamp: Stamp,
}

#[cfg(test)]
mod tests;
