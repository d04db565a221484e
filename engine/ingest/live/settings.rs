//! How a live feed is read.
#![forbid(unsafe_code)]

use crate::base::unit::Nanos;
use crate::ingest::transport::line::LineSettings;
use crate::wire::soup::Username;
use crate::wire::soup::secret::Secret;
use std::net::SocketAddr;

/// Bytes that a packet takes which waits for a gap to close.
pub const HELD_BYTES: usize = super::receiver::SLOT_SIZE;

/// How a live feed is read.
#[derive(Clone, Copy)]
pub struct LiveSettings {
    /// Line A and line B, at least one of them, and by which way they come.
    pub lines: LineSettings,
    /// The server of re-requests, by UDP; without one, what is lost is not asked for again.
    pub rerequests: Option<SocketAddr>,
    /// The service of snapshots for who comes late, with the login; without one, everything is asked for from the beginning.
    pub snapshots: Option<(SocketAddr, Username, Secret)>,
    /// Book shards.
    pub shards: usize,
    /// Time between ticks; 0 for none.
    pub tick: Nanos,
    /// Messages shown to the books before they are due; 0 to 16.
    pub look_ahead: usize,
    /// Whether messages are stamped, for latencies.
    pub stamped: bool,
    /// How gaps are mended.
    pub repair: Repair,
    /// Packets that can wait for a gap to close.
    pub held_packets: usize,
}

/// How gaps are mended, and how long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What is missing is waited for so long, since the other line mostly brings it, before it is asked for.
    pub patience: Nanos,
    /// Messages that one re-request asks for, at most; at least 1.
    pub request_messages: u16,
    /// Between two re-requests, at least.
    pub pause: Nanos,
    /// Re-requests without an answer at a time; 1 to [`Repair::OUTSTANDING_MAX`].
    pub outstanding: usize,
    /// A re-request without an answer is tried again after so long at first, and after twice as long each time.
    pub retry: Nanos,
    /// And after so long at most.
    pub retry_max: Nanos,
    /// A gap of which nothing came for so long is given up: a snapshot is asked for.
    pub give_up: Nanos,
    /// Lines of which nothing new was heard for so long are not believed to be alive: nothing is live until they are. A venue
    /// says something each second. 0: never.
    pub silence: Nanos,
    /// Who comes late, or goes back to a snapshot, is to have caught up within this; else it is said, and tried again.
    pub join_within: Nanos,
}

impl Repair {
    /// Re-requests without an answer, at most.
    pub const OUTSTANDING_MAX: usize = 64;
}

impl Default for Repair {
    fn default() -> Self {
        let ms = |n: u64| Nanos(n * 1_000_000);
        Self {
            patience: ms(1),
            request_messages: 32,
            pause: Nanos(50_000),
            outstanding: 8,
            retry: ms(10),
            retry_max: ms(1_000),
            give_up: ms(2_000),
            silence: ms(5_000),
            join_within: ms(30_000),
        }
    }
}
