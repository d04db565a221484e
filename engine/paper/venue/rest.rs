//! Our orders at rest: each instrument has a list of them, and all end with market hours.
#![forbid(unsafe_code)]

use super::{Closing, NOBODY, NOT_CLOSING, Resting, Venue, better};
use crate::base::code::Code;
use crate::base::message::{Header, Kind, Market, Report};
use crate::base::stage::Sink;
use crate::base::unit::*;
use crate::book::Books;

impl Venue {
    /// Puts an order to rest behind what is there. False if there is no place for it.
    pub(super) fn rest(&mut self, message: &Market, leaves: Qty, books: &Books) -> bool {
        let instrument = message.head.instrument;
        let Some(watch) = self.watch.get(instrument.index()) else { return false };
        let ours = Resting {
            order: OrderId(message.reference),
            price: message.price,
            leaves,
            total: message.qty,
            arrival: books.arrivals(),
            next: watch.first,
            instrument,
            side: message.side,
        };
        let (mut count, mut before, mut placed, mut slot) = (0, NOBODY, false, watch.first);
        while slot != NOBODY {
            let other = self.resting[slot];
            count += 1;
            placed |= other.side == ours.side && better(ours.side, ours.price, other.price);
            if !placed {
                before = slot;
            }
            slot = other.next;
        }
        if count >= self.rules.resting_max {
            return false;
        }
        let Ok(slot) = self.resting.insert(ours) else { return false };
        if self.by_order.insert(ours.order.0, slot).is_err() {
            self.resting.remove(slot);
            return false;
        }
        if before == NOBODY {
            self.watch[instrument.index()].first = slot;
        } else {
            self.resting[slot].next = self.resting[before].next;
            self.resting[before].next = slot;
        }
        true
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let ours = self.resting[slot];
        let first = &mut self.watch[ours.instrument.index()].first;
        if *first == slot {
            *first = ours.next;
        } else {
            let mut before = *first;
            while before != NOBODY && self.resting[before].next != slot {
                before = self.resting[before].next;
            }
            if before != NOBODY {
                self.resting[before].next = ours.next;
            }
        }
        self.by_order.remove(ours.order.0);
        self.resting.remove(slot);
    }

    /// The session moved on: at the end of market hours orders begin to expire.
    pub fn on_session(&mut self, message: &Market, books: &Books) {
        // All instruments close at once: the first tells.
        let closed = books.phase(InstrumentId(0)) == Phase::CLOSED;
        if closed && !self.resting.is_empty() {
            let Header { time, cause, .. } = message.head;
            self.closing = Closing { time, cause, cursor: 0 };
        }
    }

    /// When market hours ended, while orders are still to expire; else the end of time.
    #[inline]
    pub fn closing(&self) -> Nanos {
        self.closing.time
    }

    /// Lets orders expire, as many as there is room to say. Returns the number of events.
    pub fn expire(&mut self, back: &mut impl Sink<Report>) -> u32 {
        let before = self.events;
        let Closing { time, cause, .. } = self.closing;
        for _ in 0..back.room() {
            let Some(slot) = self.resting.first_from(self.closing.cursor) else { break };
            self.closing.cursor = slot + 1;
            let ours = self.resting[slot];
            let head = Header { time, cause, instrument: ours.instrument, ..Header::default() };
            let close = Market { head, ..Market::default() };
            let event = self.event(&close, Kind::CANCELED, ours.order, ours.side);
            self.emit(Report { qty: ours.leaves, code: Code::VENUE_EXPIRED.0, ..event }, back);
            self.remove(slot);
        }
        if self.resting.is_empty() {
            self.closing = NOT_CLOSING;
        }
        (self.events - before) as u32
    }
}
