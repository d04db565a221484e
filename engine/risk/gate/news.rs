//! What the gate says of its own accord, and what it counts.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::message::{Flags, Header, Intent, Kind, Report};
use crate::base::stage::Sink;
use crate::base::unit::*;

/// Records told at each turn, at most: the others wait.
pub(super) const NEWS_PER_TURN: usize = 2;
/// Records that can wait. A warning is not told if there are half as many.
const WAITING: usize = 1 << 16;

/// Records that wait to be told.
pub(super) struct News {
    waiting: std::collections::VecDeque<Report>,
    /// Records for which there was no room.
    pub(super) lost: u64,
}

impl News {
    pub(super) fn new() -> Self {
        Self { waiting: std::collections::VecDeque::with_capacity(1024), lost: 0 }
    }

    pub(super) fn put(&mut self, record: Report) {
        // It never grows on the hot path: what changes state does so once a scope, and there are not so many.
        let full = if record.head.kind == Kind::ALERT { 512 } else { WAITING };
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
