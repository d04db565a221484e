//! What the market does to our orders: those that rest fill when a real one would have met them first.
#![forbid(unsafe_code)]

use super::{NOBODY, Resting, Venue, better};
use crate::base::message::{Flags, Kind, Market, Report};
use crate::base::prefetch::prefetch;
use crate::base::stage::Sink;
use crate::base::unit::*;
use crate::book::{Books, Change};

impl Venue {
    /// The market moved: what of ours fills. Returns the number of events.
    #[inline]
    pub fn on_market(
        &mut self,
        message: &Market,
        change: &Change,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) -> u32 {
        match self.watch.get(change.instrument.index()) {
            Some(watch)
                if change.applied
                    && (watch.first != NOBODY || watch.may_have_taken(change.reference)) =>
            {
                self.watched(message, change, books, back)
            }
            _ => 0,
        }
    }

    /// A message about this instrument will come soon.
    #[inline]
    pub fn hint(&self, instrument: InstrumentId) {
        if let Some(watch) = self.watch.get(instrument.index()) {
            prefetch(watch);
        }
    }

    fn watched(
        &mut self,
        message: &Market,
        change: &Change,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) -> u32 {
        let before = self.events;
        let open = books.phase(change.instrument) == Phase::OPEN;
        match change.kind {
            Kind::EXECUTE | Kind::EXECUTE_AT => {
                self.displace(change);
                if open && message.head.flags.has(Flags::PRINTABLE) {
                    self.fill_behind(message, change, books, back);
                }
            }
            Kind::ADD if open => {
                self.fill_crossing(message, change.reference, change.price, change, back);
            }
            Kind::REPLACE => {
                self.move_taken(change);
                if open && change.new_qty > Qty::ZERO {
                    self.fill_crossing(
                        message,
                        change.new_reference,
                        change.new_price,
                        change,
                        back,
                    );
                }
            }
            _ => {}
        }
        let reduced =
            matches!(change.kind, Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL | Kind::DELETE);
        if reduced && change.left == Qty::ZERO {
            self.forget(change.instrument, change.reference);
        }
        (self.events - before) as u32
    }

    /// A real order executed: ours at better prices, or before it at the same price, would have been hit first.
    fn fill_behind(
        &mut self,
        message: &Market,
        change: &Change,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) {
        let mut left = change.qty.0;
        let mut slot = self.watch[change.instrument.index()].first;
        while slot != NOBODY && left > 0 {
            let ours = self.resting[slot];
            let next = ours.next;
            let first = ours.side == change.side
                && (better(ours.side, ours.price, change.price)
                    || (ours.price == change.price && books.arrival(change) > ours.arrival));
            if first && self.none_ahead(&ours, books) {
                let qty = ours.leaves.0.min(left);
                left -= qty;
                self.fill_resting(slot, Qty(qty), message, back);
            }
            slot = next;
        }
    }

    /// Whether every real order that was at our price before us is gone, or wholly taken by us.
    fn none_ahead(&self, ours: &Resting, books: &Books) -> bool {
        let mut level = books.orders(ours.instrument, ours.side, ours.price);
        level
            .find(|real| self.available(real.reference, real.qty) > 0)
            .is_none_or(|front| front.arrival > ours.arrival)
    }

    /// A real order came to rest at `price`: it would have met ours of the other side first.
    fn fill_crossing(
        &mut self,
        message: &Market,
        reference: u64,
        price: Price,
        change: &Change,
        back: &mut impl Sink<Report>,
    ) {
        let qty = if change.kind == Kind::REPLACE { change.new_qty } else { change.left };
        let mut slot = self.watch[change.instrument.index()].first;
        while slot != NOBODY {
            let ours = self.resting[slot];
            let next = ours.next;
            let crossed =
                ours.side != change.side && !better(change.side.opposite(), price, ours.price);
            let qty = Qty(self.available(reference, qty).min(ours.leaves.0));
            if crossed && qty > Qty::ZERO && self.take(change.instrument, reference, qty.0) {
                self.fill_resting(slot, qty, message, back);
            }
            slot = next;
        }
    }

    fn fill_resting(
        &mut self,
        slot: u32,
        qty: Qty,
        message: &Market,
        back: &mut impl Sink<Report>,
    ) {
        let ours = &mut self.resting[slot];
        ours.leaves = ours.leaves.saturating_sub(qty);
        let ours = *ours;
        let fill = Report {
            price: ours.price,
            qty,
            leaves: ours.leaves,
            liquidity: Liquidity::ADDED,
            ..self.event(message, Kind::FILLED, ours.order, ours.side)
        };
        self.emit(fill, back);
        if ours.leaves == Qty::ZERO {
            self.remove(slot);
        }
    }
}
