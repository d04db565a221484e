//! The strategies that the configuration can name: one `match`, no virtual call.
#![forbid(unsafe_code)]

use super::{Imbalance, Orders, Quoter, Strategy};
use crate::base::message::Report;
use crate::base::unit::*;
use crate::book::{Books, Change};

/// One of the strategies, or none.
pub enum AnyStrategy {
    /// Books only.
    None,
    /// Order-book-imbalance taker.
    Imbalance(Imbalance),
    /// Two-sided quoter.
    Quoter(Quoter),
}

macro_rules! each {
    ($self:expr, $none:expr, $name:ident => $call:expr) => {
        match $self {
            AnyStrategy::None => $none,
            AnyStrategy::Imbalance($name) => $call,
            AnyStrategy::Quoter($name) => $call,
        }
    };
}

impl Strategy for AnyStrategy {
    fn id(&self) -> StrategyId {
        each!(self, StrategyId(0), s => s.id())
    }

    fn burst(&self) -> usize {
        each!(self, 1, s => s.burst())
    }

    #[inline]
    fn on_book(&mut self, books: &Books, change: &Change, time: Nanos) {
        each!(self, (), s => s.on_book(books, change, time));
    }

    #[inline]
    fn hint(&self, instrument: InstrumentId) {
        each!(self, (), s => s.hint(instrument));
    }

    fn on_report(&mut self, report: &Report) {
        each!(self, (), s => s.on_report(report));
    }

    fn on_tick(&mut self, time: Nanos) {
        each!(self, (), s => s.on_tick(time));
    }

    fn on_state(&mut self, instrument: InstrumentId, health: Health, phase: Phase) {
        each!(self, (), s => s.on_state(instrument, health, phase));
    }

    #[inline]
    fn wants(&self) -> bool {
        each!(self, false, s => s.wants())
    }

    fn decide(&mut self, books: &Books, orders: &mut impl Orders) {
        each!(self, (), s => s.decide(books, orders));
    }
}
