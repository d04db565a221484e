//! The programme of a day: what the exchange does of itself, and when.

use crate::base::unit::Nanos;
use crate::exchange::matching::{CrossKind, CrossSession, Phase};
use crate::exchange::unit::Locate;
use crate::wire::itch::code::event;
use std::collections::VecDeque;

/// Something that the exchange does of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Tells everybody on market data: one of `wire::itch::code::event`.
    Tell(u8),
    /// One symbol changes its phase.
    SetOne(Locate, Phase),
    /// All symbols change their phase.
    Set(Phase),
    /// Orders for a cross are bound to it until it has been.
    Freeze(CrossSession),
    /// Of all symbols, what would trade in a cross to come.
    Indicate(CrossKind),
    /// All symbols cross.
    Cross(CrossKind),
    /// All orders of clients are cancelled.
    CancelAll,
    /// The last message, to everybody. Nothing follows.
    End,
}

/// A programme. It does not begin before the exchange is told to start; what it is late for is done at once, in order, but for
/// imbalances that a later one has made old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programme {
    /// Times since midnight in New York, which never fall.
    acts: VecDeque<(Nanos, Act)>,
}

/// Imbalances are told so often.
const INDICATE_EVERY: Nanos = Nanos(10_000_000_000);

/// `hours:minutes` since midnight.
const fn at(hours: u64, minutes: u64) -> Nanos {
    Nanos((hours * 60 + minutes) * 60_000_000_000)
}

impl Programme {
    /// These acts at these times since midnight.
    pub fn new(mut acts: Vec<(Nanos, Act)>) -> Self {
        acts.sort_by_key(|(due, _)| *due);
        Self { acts: acts.into() }
    }

    /// Open from the start on, without an end.
    pub fn open_at_once() -> Self {
        let acts = [
            Act::Tell(event::START_OF_SYSTEM_HOURS),
            Act::Set(Phase::Open),
            Act::Tell(event::START_OF_MARKET_HOURS),
        ];
        Self { acts: acts.into_iter().map(|act| (Nanos(0), act)).collect() }
    }

    /// As [`Programme::open_at_once`], with an end at that time since midnight.
    pub fn open_until(end: Nanos) -> Self {
        let mut day = Self::open_at_once();
        day.acts.extend(Self::ending(event::END_OF_MARKET_HOURS).map(|act| (end, act)));
        day
    }

    /// A regular day: orders from 4:00, the opening cross at 9:30, trading, the closing cross at 16:00, orders until
    /// 20:00, the end at 20:05. Imbalances are told from 9:25 and 15:50 on, every ten seconds; orders for a cross are bound
    /// to it from 9:28 and 15:55 on.
    pub fn regular() -> Self {
        let mut acts = vec![
            (at(4, 0), Act::Tell(event::START_OF_SYSTEM_HOURS)),
            (at(9, 28), Act::Freeze(CrossSession::Opening)),
            (at(9, 30), Act::Tell(event::START_OF_MARKET_HOURS)),
            (at(9, 30), Act::Cross(CrossKind::Opening)),
            (at(9, 30), Act::Set(Phase::Open)),
            (at(15, 55), Act::Freeze(CrossSession::Closing)),
            (at(16, 0), Act::Tell(event::END_OF_MARKET_HOURS)),
            (at(16, 0), Act::Set(Phase::Quoting)),
            (at(16, 0), Act::Cross(CrossKind::Closing)),
        ];
        let [_, close @ .., end] = Self::ending(event::END_OF_MARKET_HOURS);
        acts.extend(close.map(|act| (at(20, 0), act)));
        acts.push((at(20, 5), end));
        for (kind, from, to) in [
            (CrossKind::Opening, at(9, 25), at(9, 30)),
            (CrossKind::Closing, at(15, 50), at(16, 0)),
        ] {
            let times = (from.0..to.0).step_by(INDICATE_EVERY.0 as usize);
            acts.extend(times.map(|time| (Nanos(time), Act::Indicate(kind))));
        }
        Self::new(acts)
    }

    /// Nothing but the end.
    pub(super) fn ending_at(end: Nanos) -> Self {
        Self { acts: Self::ending(event::END_OF_MARKET_HOURS).map(|act| (end, act)).into() }
    }

    /// The acts that end a day, after those hours have ended.
    const fn ending(hours: u8) -> [Act; 5] {
        [
            Act::Tell(hours),
            Act::Set(Phase::Closed),
            Act::CancelAll,
            Act::Tell(event::END_OF_SYSTEM_HOURS),
            Act::End,
        ]
    }

    /// A symbol is in another phase from the start on, whatever all others are set to then.
    pub(super) fn begin_with(&mut self, locate: Locate, phase: Phase) {
        let start = self.acts.partition_point(|(due, _)| *due == Nanos(0));
        self.acts.insert(start, (Nanos(0), Act::SetOne(locate, phase)));
    }

    /// The next act, if it is due at `now` since midnight.
    pub(super) fn next(&mut self, now: Nanos) -> Option<Act> {
        loop {
            let due = self.next_due().filter(|due| *due <= now)?;
            let (_, act) = self.acts.pop_front()?;
            let is_old = now.since(due) >= INDICATE_EVERY;
            if !(is_old && matches!(act, Act::Indicate(_))) {
                return Some(act);
            }
        }
    }

    /// When the next act is due, since midnight.
    pub(super) fn next_due(&self) -> Option<Nanos> {
        self.acts.front().map(|(due, _)| *due)
    }
}
