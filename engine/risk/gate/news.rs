//! What the gate says of its own accord, and what it counts.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::message::{Flags, Header, Intent, Kind, Report};
use crate::base::stage::Sink;
use crate::base::unit::*;
use std::collections::VecDeque;

/// Records told at each turn, at most: the others wait.
pub(super) const NEWS_PER_TURN: usize = 2;
/// Warnings are not told while so many records wait.
const WARNINGS_BELOW: usize = 512;
/// Records that can wait, beside two for each scope: other limits can latch all of them in one turn, and find them flat.
const WAITING: usize = 1024;

/// Records that wait to be told.
pub(super) struct News {
    waiting: VecDeque<Report>,
    /// As many as have room: it never grows.
    room: usize,
    /// Records for which there was no room.
    pub(super) lost: u64,
}

impl News {
    /// Of so many scopes.
    pub(super) fn new(scopes: usize) -> Self {
        let room = WAITING + 2 * scopes;
        Self { waiting: VecDeque::with_capacity(room), room, lost: 0 }
    }

    /// Memory that it takes, in bytes.
    pub(super) const fn bytes(scopes: usize) -> usize {
        (WAITING + 2 * scopes) * size_of::<Report>()
    }

    pub(super) fn put(&mut self, record: Report) {
        let full = if record.head.kind == Kind::ALERT { WARNINGS_BELOW } else { self.room };
        if self.waiting.len() < full {
            self.waiting.push_back(record);
        } else {
            self.lost += 1;
        }
    }

    /// Tells what waits, as far as a turn goes.
    #[inline]
    pub(super) fn tell(&mut self, back: &mut impl Sink<Report>) {
        if self.waiting.is_empty() {
            return;
        }
        for _ in 0..NEWS_PER_TURN {
            if let Some(record) = self.waiting.pop_front() {
                back.put(&record);
            }
        }
    }
}

/// What the gate has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateCounts {
    /// New orders and replaces asked for.
    pub orders: u64,
    /// Cancels asked for, and those that a kill sent.
    pub cancels: u64,
    /// Fills applied.
    pub fills: u64,
    /// Refusals by code, wherever they were made: (code, count), in order of code.
    pub refusals: Vec<(Code, u64)>,
    /// The first refusal of each code that was met, in the order in which they were.
    pub first: Vec<FirstRefusal>,
    /// Reports on orders that the gate does not know.
    pub unknown_reports: u64,
    /// Reports that came again: not taken in.
    pub repeated_reports: u64,
    /// Commands whose scope, or whose limits, there are not.
    pub unknown_commands: u64,
    /// Limits that were not taken: a strategy with open orders or a position would have changed its account.
    pub refused_limits: u64,
}

/// The first refusal of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstRefusal {
    /// Why.
    pub code: Code,
    /// Of which order; `NONE` for a cancel.
    pub order: OrderId,
    /// The limit that was breached, in the unit that the code names.
    pub limit: i64,
    /// What would have been.
    pub value: i64,
}

impl GateCounts {
    pub(super) fn new() -> Self {
        Self {
            refusals: Code::ALL.iter().map(|code| (*code, 0)).collect(),
            first: Vec::with_capacity(Code::ALL.len()),
            ..Self::default()
        }
    }

    /// Counts what was refused, and what was cancelled for a reason of the venue's own.
    pub(super) fn refused(&mut self, report: &Report) {
        let code = Code(report.code);
        // Codes rise: a test of theirs says so.
        let Ok(place) = self.refusals.binary_search_by_key(&code, |(known, _)| *known) else {
            return;
        };
        let count = &mut self.refusals[place].1;
        *count += 1;
        if *count == 1 {
            let Report { order, limit, value, .. } = *report;
            self.first.push(FirstRefusal { code, order, limit, value });
        }
    }
}

/// The answer to an intent, to be completed with its source and code.
pub(super) fn answer_to(intent: &Intent, kind: Kind, latency_out: Nanos) -> Report {
    let time = intent.head.time.plus(latency_out);
    let head = Header { time, kind, flags: Flags::ANSWER, ..intent.head };
    Report { head, number: intent.number, ..of_intent(intent) }
}

/// What the log keeps of an order that has ended.
pub(super) fn record(intent: &Intent, leaves: Qty, state: OrderState, code: Code) -> Report {
    let head = Header { kind: Kind::CLOSED, flags: Flags::default(), ..intent.head };
    Report { head, leaves, state, code: code.0, ..of_intent(intent) }
}

fn of_intent(intent: &Intent) -> Report {
    Report {
        head: intent.head,
        order: intent.order,
        target: intent.target,
        parent: intent.parent,
        price: intent.price,
        qty: intent.qty,
        account: intent.account,
        strategy: intent.strategy,
        shard: ShardId(intent.shard.0),
        side: intent.side,
        order_type: intent.order_type,
        tif: intent.tif,
        ..Report::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted_and_nothing_is_taken_from_the_allocator() {
        let mut news = News::new(3);
        let (room, taken) = (news.room, news.waiting.capacity());
        let record =
            |kind| Report { head: Header { kind, ..Header::default() }, ..Report::default() };
        for _ in 0..room {
            news.put(record(Kind::ALERT));
        }
        assert_eq!(
            (news.waiting.len(), news.lost),
            (WARNINGS_BELOW, (room - WARNINGS_BELOW) as u64)
        );
        for _ in 0..room {
            news.put(record(Kind::LATCHED));
        }
        assert_eq!((news.waiting.len(), news.waiting.capacity()), (room, taken));
        assert_eq!(news.lost, room as u64);
        assert_eq!(News::bytes(3), room * size_of::<Report>());
    }

    #[test]
    fn what_is_told_of_an_intent_names_all_of_it() {
        let intent = Intent {
            order: OrderId(1),
            target: OrderId(2),
            parent: OrderId(3),
            price: Price(4),
            qty: Qty(5),
            number: 6,
            account: AccountId(7),
            strategy: StrategyId(8),
            shard: ShardId(9),
            side: Side::SELL,
            order_type: OrderType::MARKET,
            tif: TimeInForce::IOC,
            ..Intent::default()
        };
        let answer = answer_to(&intent, Kind::REFUSED, Nanos(10));
        let record = record(&intent, Qty(11), OrderState::CANCELED, Code::NONE);
        for told in [answer, record] {
            let names = (told.order, told.target, told.parent, told.account, told.strategy);
            let wanted = (intent.order, intent.target, intent.parent);
            assert_eq!(names, (wanted.0, wanted.1, wanted.2, intent.account, intent.strategy));
            assert_eq!((told.price, told.qty, told.shard), (Price(4), Qty(5), ShardId(9)));
            let kind = (told.side, told.order_type, told.tif);
            assert_eq!(kind, (Side::SELL, OrderType::MARKET, TimeInForce::IOC));
        }
        assert_eq!(
            (answer.head.kind, answer.head.time, answer.number),
            (Kind::REFUSED, Nanos(10), 6)
        );
        assert_eq!((record.leaves, record.state), (Qty(11), OrderState::CANCELED));
    }
}
