//! Winding down: what the strategies hold is traded down to none, in their place.
//!
//! Positions are counted from the first fill on. Once asked, at each tick every instrument that is held, open, and has a
//! book that can be vouched for gets one order: immediate or cancel, at the opposite best price, for what stands there and
//! no more than is held. What is left waits for the next tick; so does the first order, for what was open before is being
//! cancelled then, and must not trade with it.
#![forbid(unsafe_code)]

use super::Orders;
use crate::base::message::{Kind, Report};
use crate::base::unit::*;
use crate::book::Books;
use crate::telemetry::Board;

/// An instrument's position, and the order that reduces it.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    position: i64,
    working: OrderId,
}

/// The state of winding down.
#[derive(Clone, Debug)]
pub(super) struct Flatten {
    /// By instrument.
    held: Vec<Held>,
    asked: bool,
    stopped: bool,
    ended: bool,
    /// Instruments from here on have not had their turn since the last tick.
    cursor: usize,
}

impl Flatten {
    /// Nothing held, nothing asked.
    pub(super) fn new(instruments: usize) -> Self {
        let held = vec![Held::default(); instruments];
        Self { held, asked: false, stopped: false, ended: false, cursor: instruments }
    }

    /// Begin, at the next tick.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether it was asked: then no strategy decides any more.
    #[inline]
    pub(super) fn is_asked(&self) -> bool {
        self.asked
    }

    /// Send nothing more, for good.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Send nothing until it is let go on.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// What was stopped may go on.
    pub(super) fn resume(&mut self) {
        self.stopped = false;
    }

    /// What is held of an instrument, long above zero.
    pub(super) fn position(&self, instrument: InstrumentId) -> i64 {
        self.held.get(instrument.index()).map_or(0, |held| held.position)
    }

    /// Shows what the position could be closed at.
    pub(super) fn show(&self, board: &Board, books: &Books, instrument: InstrumentId) {
        let position = self.position(instrument);
        if position != 0 {
            let top = books.top(instrument);
            board.mark(instrument, if position > 0 { top.bid } else { top.ask });
        }
    }

    pub(super) fn on_tick(&mut self) {
        self.cursor = 0;
    }

    pub(super) fn wants(&self) -> bool {
        !self.stopped && !self.ended && self.cursor < self.held.len()
    }

    pub(super) fn on_report(&mut self, report: &Report) {
        let Some(held) = self.held.get_mut(report.head.instrument.index()) else { return };
        held.position = held.position.saturating_add(report.moves());
        let is_over = match report.head.kind {
            Kind::REFUSED | Kind::REJECTED => true,
            Kind::FILLED | Kind::CANCELED => report.leaves == Qty::ZERO,
            _ => false,
        };
        if is_over && report.order == held.working {
            held.working = OrderId::NONE;
        }
    }

    /// An order for each instrument that needs one, as far as there is room; the others have their turn at the next call.
    pub(super) fn decide(&mut self, books: &Books, orders: &mut impl Orders) {
        while self.cursor < self.held.len() && orders.room() > 0 {
            let held = &mut self.held[self.cursor];
            let instrument = InstrumentId(self.cursor as u32);
            self.cursor += 1;
            let trades =
                books.health(instrument) == Health::LIVE && books.phase(instrument) == Phase::OPEN;
            if held.position == 0 || held.working != OrderId::NONE || !trades {
                continue;
            }
            let top = books.top(instrument);
            let (side, price, there) = match held.position > 0 {
                true => (Side::SELL, top.bid, top.bid_qty),
                false => (Side::BUY, top.ask, top.ask_qty),
            };
            let qty = there.min(Qty(held.position.unsigned_abs()));
            if qty > Qty::ZERO {
                let sent = orders.new_order(instrument, side, price, qty, TimeInForce::IOC);
                held.working = sent.unwrap_or(OrderId::NONE);
            }
        }
    }
}
