//! What an order of ours does when it arrives: it trades, rests, is cancelled or refused.
#![forbid(unsafe_code)]

use super::{Venue, better};
use crate::base::code::Code;
use crate::base::message::{Kind, Market, Report};
use crate::base::stage::Sink;
use crate::base::unit::*;
use crate::book::Books;

impl Venue {
    /// One of our orders arrived. Returns the number of events.
    pub fn on_order(
        &mut self,
        message: &Market,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) -> u32 {
        let before = self.events;
        let open = books.phase(message.head.instrument) == Phase::OPEN;
        let (order, target) = (OrderId(message.reference), OrderId(message.other));
        let found = self.by_order.get(target.0);
        match (message.head.kind, found) {
            (Kind::NEW, _) if !open => {
                let event = self.event(message, Kind::REJECTED, order, message.side);
                self.emit(Report { code: Code::VENUE_HALTED.0, ..event }, back);
            }
            (Kind::NEW, _) => {
                let event = self.event(message, Kind::ACCEPTED, order, message.side);
                self.emit(Report { leaves: message.qty, qty: message.qty, ..event }, back);
                self.trade(message, message.qty, books, back);
            }
            (Kind::CANCEL_ORDER, Some(slot)) => self.cancel(slot, message, back),
            (Kind::REPLACE_ORDER, Some(slot)) if open => {
                let ours = self.resting[slot];
                let executed = ours.total.saturating_sub(ours.leaves);
                let leaves = message.qty.saturating_sub(executed);
                if leaves == Qty::ZERO {
                    // On its way as much traded as should have been open: nothing shall be.
                    self.cancel(slot, message, back);
                    self.too_late(message, Code::VENUE_NOT_OPEN, back);
                } else {
                    self.remove(slot);
                    let event = self.event(message, Kind::REPLACED, order, message.side);
                    self.emit(Report { target, leaves, qty: leaves, ..event }, back);
                    self.trade(message, leaves, books, back);
                }
            }
            (_, Some(_)) => self.too_late(message, Code::VENUE_HALTED, back),
            (_, None) => self.too_late(message, Code::VENUE_NOT_OPEN, back),
        }
        (self.events - before) as u32
    }

    fn cancel(&mut self, slot: u32, message: &Market, back: &mut impl Sink<Report>) {
        let ours = self.resting[slot];
        let event = self.event(message, Kind::CANCELED, ours.order, ours.side);
        self.emit(Report { qty: ours.leaves, target: ours.order, ..event }, back);
        self.remove(slot);
    }

    /// A change that cannot be made.
    fn too_late(&mut self, message: &Market, code: Code, back: &mut impl Sink<Report>) {
        let (order, target) = (OrderId(message.reference), OrderId(message.other));
        let event = self.event(message, Kind::TOO_LATE, order, message.side);
        self.emit(Report { target, code: code.0, ..event }, back);
    }

    /// Of the `left` that is open of it, takes what it can; the rest comes to rest or is cancelled.
    fn trade(
        &mut self,
        message: &Market,
        mut left: Qty,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) {
        let (instrument, side) = (message.head.instrument, message.side);
        let market = message.order_type == OrderType::MARKET;
        let mut levels = 0;
        let mut swept = false;
        for level in books.levels(instrument, side.opposite()) {
            let passes = market || !better(side.opposite(), message.price, level.price);
            if !passes || left == Qty::ZERO {
                break;
            }
            if levels == self.rules.sweep_levels {
                // Only what it could still take makes it swept.
                let mut orders = books.orders(instrument, side.opposite(), level.price);
                swept = orders.any(|real| self.available(real.reference, real.qty) > 0);
                if swept {
                    break;
                }
                continue;
            }
            let mut here = 0;
            for real in books.orders(instrument, side.opposite(), level.price) {
                let qty = self.available(real.reference, real.qty).min(left.0 - here);
                if qty > 0 && self.take(instrument, real.reference, qty) {
                    here += qty;
                }
                if here == left.0 {
                    break;
                }
            }
            if here > 0 {
                levels += 1;
                left = left.saturating_sub(Qty(here));
                let fill = Report {
                    price: level.price,
                    qty: Qty(here),
                    leaves: left,
                    liquidity: Liquidity::REMOVED,
                    ..self.event(message, Kind::FILLED, OrderId(message.reference), side)
                };
                self.emit(fill, back);
            }
        }
        if left == Qty::ZERO {
            return;
        }
        let stands = message.tif == TimeInForce::DAY && !market;
        let code = match () {
            () if swept => Code::VENUE_SWEPT,
            () if stands && self.rest(message, left, books) => return,
            () if stands => Code::VENUE_FULL,
            () => Code::NONE,
        };
        let event = self.event(message, Kind::CANCELED, OrderId(message.reference), side);
        self.emit(Report { qty: left, code: code.0, ..event }, back);
    }
}
