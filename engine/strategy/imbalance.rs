//! Order-book-imbalance taker: when nearly all of the quantity at the touch stands on one side, the price tends to move
//! away from it, so take the other side (immediate or cancel), within a position limit.
//!
//! Imbalance = bid quantity / (bid quantity + ask quantity), of the best levels.
#![forbid(unsafe_code)]

use super::{Orders, Strategy};
use crate::base::message::{Kind, Report};
use crate::base::name;
use crate::base::prefetch::prefetch;
use crate::base::unit::*;
use crate::book::{Books, Change};
use std::collections::VecDeque;

/// The configuration's `[strategy.imbalance]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImbalanceSettings {
    /// Imbalance, in thousandths, from which on it buys; below 1,000 less this it sells. 501 to 1,000.
    pub threshold_per_mille: u32,
    /// Lots of an order.
    pub qty: Qty,
    /// Lots long or short at most.
    pub position_max: Qty,
    /// Engine time between two orders in an instrument.
    pub cooldown: Nanos,
}

/// An instrument, as the strategy sees it.
#[derive(Clone, Copy, Default)]
struct Seen {
    position: i64,
    last: Nanos,
    working: bool,
    wanted: bool,
}

/// Most orders of one `decide`.
const BURST: usize = 4;
const _: () = assert!(BURST <= super::BURST_MAX);

/// The strategy.
pub struct Imbalance {
    settings: ImbalanceSettings,
    seen: Vec<Seen>,
    /// Instruments with a signal, in order, each once.
    wanted: VecDeque<InstrumentId>,
    now: Nanos,
}

impl Imbalance {
    /// What it is called in intents and files.
    pub const ID: StrategyId = name::IMBALANCE;
    /// Memory an instrument, in bytes.
    pub const INSTRUMENT_BYTES: usize = size_of::<Seen>() + size_of::<InstrumentId>();

    /// A taker over so many instruments.
    pub fn new(settings: ImbalanceSettings, instruments: usize) -> Self {
        let seen = vec![Seen::default(); instruments];
        Self { settings, seen, wanted: VecDeque::with_capacity(instruments), now: Nanos(0) }
    }

    /// The side to take, if the touch says so and the instrument trades.
    fn signal(&self, books: &Books, instrument: InstrumentId) -> Option<Side> {
        if books.phase(instrument) != Phase::OPEN || books.health(instrument) != Health::LIVE {
            return None;
        }
        let top = books.top(instrument);
        let (bid, ask) = (u128::from(top.bid_qty.0), u128::from(top.ask_qty.0));
        if bid == 0 || ask == 0 || top.bid >= top.ask {
            return None;
        }
        let (all, threshold) = (bid + ask, u128::from(self.settings.threshold_per_mille));
        if bid * 1_000 >= threshold * all {
            Some(Side::BUY)
        } else if ask * 1_000 >= threshold * all {
            Some(Side::SELL)
        } else {
            None
        }
    }

    fn may(&self, seen: &Seen, side: Side) -> bool {
        let signed = if side.is_buy() { seen.position } else { -seen.position };
        let room = i128::from(signed) + i128::from(self.settings.qty.0)
            <= i128::from(self.settings.position_max.0);
        // `last` is 0 until the first order.
        let rested = seen.last.0 == 0 || self.now.since(seen.last) >= self.settings.cooldown;
        !seen.working && room && rested
    }
}

impl Strategy for Imbalance {
    fn id(&self) -> StrategyId {
        Self::ID
    }

    fn burst(&self) -> usize {
        BURST
    }

    #[inline]
    fn on_book(&mut self, books: &Books, change: &Change, time: Nanos) {
        self.now = time;
        if !change.top {
            return;
        }
        let Some(side) = self.signal(books, change.instrument) else { return };
        let Some(seen) = self.seen.get(change.instrument.index()) else { return };
        if !seen.wanted && self.may(seen, side) {
            self.seen[change.instrument.index()].wanted = true;
            self.wanted.push_back(change.instrument);
        }
    }

    #[inline]
    fn hint(&self, instrument: InstrumentId) {
        if let Some(seen) = self.seen.get(instrument.index()) {
            prefetch(seen);
        }
    }

    fn on_tick(&mut self, time: Nanos) {
        self.now = time;
    }

    fn on_report(&mut self, report: &Report) {
        let Some(seen) = self.seen.get_mut(report.head.instrument.index()) else { return };
        seen.position = seen.position.saturating_add(report.moves());
        let over = match report.head.kind {
            Kind::REFUSED | Kind::REJECTED | Kind::CANCELED => true,
            Kind::FILLED => report.leaves == Qty::ZERO,
            _ => false,
        };
        seen.working &= !over;
    }

    #[inline]
    fn wants(&self) -> bool {
        !self.wanted.is_empty()
    }

    fn decide(&mut self, books: &Books, orders: &mut impl Orders) {
        while orders.room() > 0 {
            let Some(instrument) = self.wanted.pop_front() else { return };
            self.seen[instrument.index()].wanted = false;
            // Judged once more, on what is now: a packet can touch an instrument several times, and halt it.
            let Some(side) = self.signal(books, instrument) else { continue };
            let seen = self.seen[instrument.index()];
            if !self.may(&seen, side) {
                continue;
            }
            let top = books.top(instrument);
            let price = if side.is_buy() { top.ask } else { top.bid };
            let sent =
                orders.new_order(instrument, side, price, self.settings.qty, TimeInForce::IOC);
            if sent.is_some() {
                self.seen[instrument.index()] = Seen { working: true, last: self.now, ..seen };
            }
        }
    }
}
