//! What a live feed says of itself.
#![forbid(unsafe_code)]

use crate::base::unit::Nanos;
use std::fmt;

/// Where a feed stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeedState {
    /// Nothing was heard yet, or what was said before we came is still to be caught up with.
    #[default]
    Joining,
    /// Everything up to now was delivered.
    Live,
    /// Something is missing: no book can be vouched for.
    Gapped,
    /// The session is over, and all of it was delivered.
    Ended,
}

impl FeedState {
    /// The names of all, in order.
    pub const NAMES: [&str; 4] = ["joining", "live", "gapped", "ended"];

    /// Its name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for FeedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// Line A.
    A,
    /// Line B.
    B,
    /// The server of re-requests.
    Rerequests,
}

impl Origin {
    /// All of them, in order, with their names.
    pub const ALL: [(Self, &str); 3] =
        [(Self::A, "line_a"), (Self::B, "line_b"), (Self::Rerequests, "rerequests")];
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// It is no packet of MoldUDP64, or none that is whole.
    NotMold,
    /// Its sequence is none that a session has.
    BadSequence,
    /// It is of a session that is not the one taken.
    OtherSession,
    /// It is of a session that is over.
    PastSession,
    /// It is too early, and found no place to wait in: it is asked for again.
    NoRoom,
}

impl Reason {
    /// All of them, in order, with their names.
    pub const ALL: [(Self, &str); 5] = [
        (Self::NotMold, "not_mold"),
        (Self::BadSequence, "bad_sequence"),
        (Self::OtherSession, "other_session"),
        (Self::PastSession, "past_session"),
        (Self::NoRoom, "no_room"),
    ];
}

/// Bytes that are kept of a packet that was not taken: its header.
const KEPT: usize = crate::wire::mold::HEADER;

/// The first packet that was not taken for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstDrop {
    /// Where it came from.
    pub origin: Origin,
    /// When.
    pub time: Nanos,
    /// Its bytes.
    pub length: usize,
    /// The first of them; zeros behind a shorter one.
    pub head: [u8; KEPT],
}

/// Packets that were not taken, for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Option<FirstDrop>,
}

/// What a live feed has met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedCounts {
    /// Packets by origin, of any kind.
    pub packets: [u64; Origin::ALL.len()],
    /// Their bytes.
    pub bytes: [u64; Origin::ALL.len()],
    /// Messages of the lines that were delivered in order, those without bytes among them.
    pub messages: u64,
    /// Messages without bytes.
    pub empty_messages: u64,
    /// Packets that brought nothing new.
    pub known: u64,
    /// Packets that came too early and waited.
    pub held: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Gaps: times that something was missing once nothing had been.
    pub gaps: u64,
    /// Of those, closed: by what came after all, or by a snapshot.
    pub healed: u64,
    /// Sequences that were missing and never delivered: a snapshot told what they led to, or their session was over.
    pub lost: u64,
    /// Re-requests sent.
    pub rerequests: u64,
    /// Of those, without an answer in time.
    pub unanswered: u64,
    /// Messages that answers to them brought first.
    pub recovered: u64,
    /// Gaps that were given up.
    pub given_up: u64,
    /// Snapshots taken to their end.
    pub snapshots: u64,
    /// Of their messages, delivered.
    pub snapshot_messages: u64,
    /// Snapshots that could not be had, or were cut off.
    pub snapshot_failures: u64,
    /// Times that catching up took longer than it may.
    pub late_joins: u64,
    /// From the session's first packet to the first time that nothing was missing; 0 before.
    pub join_ns: u64,
    /// Packets that the kernel dropped because its buffer was full, by line.
    pub kernel_drops: [u64; 2],
    /// Times that reading failed, by line.
    pub read_errors: [u64; 2],
    /// Messages that the engine took, those of the feed's own among them.
    pub taken: u64,
    drops: [Drops; Reason::ALL.len()],
}

impl FeedCounts {
    /// Packets that were not taken for `reason`.
    pub fn drops(&self, reason: Reason) -> Drops {
        self.drops[reason as usize]
    }

    /// All packets that were not taken.
    pub fn dropped(&self) -> u64 {
        self.drops.iter().map(|drops| drops.count).sum()
    }

    /// The packet `bytes` is not taken.
    #[cold]
    pub(super) fn drop(&mut self, reason: Reason, origin: Origin, time: Nanos, bytes: &[u8]) {
        let drops = &mut self.drops[reason as usize];
        drops.count += 1;
        drops.first.get_or_insert_with(|| {
            let mut head = [0; KEPT];
            let count = bytes.len().min(KEPT);
            head[..count].copy_from_slice(&bytes[..count]);
            FirstDrop { origin, time, length: bytes.len(), head }
        });
    }
}
