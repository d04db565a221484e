//! Keys: the one order of events that every placement of the engine agrees on.

use super::super::unit::{Nanos, ShardId};

/// The place of an event: (time, rank, source, sequence, shard, sub), compared in that order. Unique among events.
///
/// Packed into three words: time; rank (4 bits), source (8), sequence (52); shard (16), sub (32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    time: u64,
    place: u64,
    tail: u64,
}

/// What comes first among events of the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rank {
    /// Commands: kill.
    Control = 0,
    /// Answers and venue events.
    Report = 1,
    /// Market data.
    Market = 2,
    /// Orders that reach the venue.
    Order = 3,
    /// Timers.
    Tick = 4,
}

impl Key {
    /// Above every event.
    pub const MAX: Self = Self { time: u64::MAX, place: u64::MAX, tail: u64::MAX };
    pub(super) const SEQUENCE_BITS: u32 = 52;

    /// The key of an event that has no tail.
    pub const fn new(time: Nanos, rank: Rank, source: u8, sequence: u64) -> Self {
        let sequence = sequence & ((1 << Self::SEQUENCE_BITS) - 1);
        let place = (rank as u64) << 60 | (source as u64) << Self::SEQUENCE_BITS | sequence;
        Self { time: time.0, place, tail: 0 }
    }

    /// Not above any report of `time`; above every event before, commands of `time` among them.
    pub const fn least_report(time: Nanos) -> Self {
        if time.0 == u64::MAX {
            return Self::MAX;
        }
        Self::new(time, Rank::Report, 0, 0)
    }

    /// This key with the tail that tells apart what one cause led to.
    pub const fn with_tail(self, shard: ShardId, sub: u32) -> Self {
        Self { tail: (shard.0 as u64) << 32 | sub as u64, ..self }
    }

    /// Time and rank only, unless it is `MAX`.
    pub(crate) const fn coarse(self) -> Self {
        if self.time == u64::MAX {
            return self;
        }
        Self { time: self.time, place: self.place >> 60 << 60, tail: 0 }
    }

    /// The event's time.
    pub const fn time(self) -> Nanos {
        Nanos(self.time)
    }

    /// The rank's number.
    pub const fn rank(self) -> u8 {
        (self.place >> 60) as u8
    }

    pub(super) const fn words(self) -> (u64, u64, u64) {
        (self.time, self.place, self.tail)
    }

    pub(super) const fn from_words(time: u64, place: u64, tail: u64) -> Self {
        Self { time, place, tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_time_then_rank_source_sequence_shard_sub() {
        let key = |t, r, s, q| Key::new(Nanos(t), r, s, q);
        let rising = [
            key(5, Rank::Control, 0, 1),
            Key::least_report(Nanos(5)),
            key(5, Rank::Report, 0, 9),
            key(5, Rank::Report, 1, 1),
            key(5, Rank::Market, 0, 1),
            key(5, Rank::Market, 0, 1).with_tail(ShardId(0), 1),
            key(5, Rank::Market, 0, 1).with_tail(ShardId(1), 0),
            key(5, Rank::Market, 0, 2),
            key(5, Rank::Order, 0, 1),
            key(5, Rank::Tick, 0, 0),
            key(6, Rank::Control, 0, 0),
            Key::MAX,
        ];
        assert!(rising.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
