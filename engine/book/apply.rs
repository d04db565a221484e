//! The hot path: one message in, the books changed, what it did out.
//!
//! Nothing here trusts the message: whatever its bytes, it is applied, or counted as an anomaly, or both.

use super::anomaly::Anomaly;
use super::change::Change;
use super::ladder::{Ladder, Rung};
use super::level::{Level, NIL, key, lane, side};
use super::orders::{Refused, Slot};
use super::record::{Session, Touch, Trading};
use super::{Books, PRICE_MAX};
use crate::base::message::{Flags, Kind, Market};
use crate::base::unit::{Health, InstrumentId, Price, Qty};
use std::hint::select_unpredictable;

impl Books {
    /// Applies one message. Never panics, whatever the bytes.
    #[inline]
    pub fn apply(&mut self, m: &Market) -> Change {
        let mut change = Change::default();
        self.apply_into(m, &mut change);
        change
    }

    /// As `apply`, written to where it will be read: a copy made at once would wait for each field's store.
    #[inline]
    pub fn apply_into(&mut self, m: &Market, change: &mut Change) {
        *change = Change::default();
        let done = match m.head.kind {
            Kind::ADD => self.add(m, change),
            Kind::DELETE => self.delete(m, change),
            Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL => self.reduce(m, change),
            Kind::REPLACE => self.replace(m, change),
            _ => self.notice(m, change),
        };
        if let Err(anomaly) = done {
            self.refuse(m, anomaly, change);
        }
    }

    #[inline]
    fn add(&mut self, m: &Market, change: &mut Change) -> Result<(), Anomaly> {
        let i = self.record_of(m)?;
        if self.records[i].marks.by_level() {
            return Err(Anomaly::MixedDepth);
        }
        let lane = lane(m.side).ok_or(Anomaly::UnknownSide)?;
        (change.slot, change.top) = self.enter(i, lane, m.reference, m.price, m.qty)?;
        change.side = m.side;
        change.price = m.price;
        change.qty = m.qty;
        change.left = m.qty;
        applied(m, change);
        self.seen = self.seen.max(i + 1);
        self.settle(i, m);
        Ok(())
    }

    #[inline]
    fn delete(&mut self, m: &Market, change: &mut Change) -> Result<(), Anomaly> {
        let (i, handle, slot) = self.living(m)?;
        self.resting(handle, &slot, change);
        applied(m, change);
        change.top = self.leave(i, handle, slot, m.reference);
        self.settle(i, m);
        Ok(())
    }

    /// Executions and cancels: part of an order, or all that is left of it, goes.
    fn reduce(&mut self, m: &Market, change: &mut Change) -> Result<(), Anomaly> {
        let (i, handle, slot) = self.living(m)?;
        let open = u64::from(slot.qty);
        if m.qty.0 > open {
            self.anomalies.add(Anomaly::OverExecution, m.head.instrument, m);
        }
        let taken = m.qty.0.min(open);
        let left = open - taken;
        self.resting(handle, &slot, change);
        applied(m, change);
        change.qty = Qty(taken);
        change.left = Qty(left);
        if left == 0 {
            change.top = self.leave(i, handle, slot, m.reference);
        } else {
            let level = self.levels.get_mut(slot.level);
            level.qty -= taken;
            let lane = level.lane();
            // Not above 2^32 - 1: less than what was open.
            self.orders.slot_mut(handle).qty = left as u32;
            let ladder = &mut self.sides[i][lane];
            if ladder.best_level() == slot.level {
                ladder.best_qty = Qty(level.qty);
                change.top = taken > 0;
            }
        }
        self.settle(i, m);
        match m.head.kind {
            Kind::EXECUTE => self.traded(i, change.price, change.qty),
            Kind::EXECUTE_AT if m.head.flags.has(Flags::PRINTABLE) => {
                self.traded(i, m.price, change.qty);
            }
            _ => {}
        }
        Ok(())
    }

    /// The old order leaves in any case; the new one enters if it may.
    fn replace(&mut self, m: &Market, change: &mut Change) -> Result<(), Anomaly> {
        let (i, handle, slot) = self.living(m)?;
        let lane = self.levels.get(slot.level).lane();
        self.resting(handle, &slot, change);
        // The new order may get the very slot.
        change.slot = NIL;
        applied(m, change);
        let best = |ladder: &Ladder| (ladder.best_key(), ladder.best_qty);
        let before = best(&self.sides[i][lane]);
        self.leave(i, handle, slot, m.reference);
        match self.enter(i, lane, m.other, m.price, m.qty) {
            Ok(_) => {
                change.new_reference = m.other;
                change.new_price = m.price;
                change.new_qty = m.qty;
            }
            Err(anomaly) => {
                let mut refused = Change::default();
                self.refuse(m, anomaly, &mut refused);
                (change.top, change.exhausted) = (refused.top, refused.exhausted);
            }
        }
        // Out and in again at the best price with the same quantity: nothing to be seen there.
        change.top |= best(&self.sides[i][lane]) != before;
        // Only now: between the two the book is not as the venue ever showed it.
        self.settle(i, m);
        Ok(())
    }

    /// Slot, side, price and quantity of an order that stands.
    #[inline]
    fn resting(&self, handle: u32, slot: &Slot, change: &mut Change) {
        let level = self.levels.get(slot.level);
        change.side = side(level.lane());
        change.price = Price(level.price);
        change.qty = Qty(u64::from(slot.qty));
        change.slot = handle;
    }

    /// An order enters at the end of its level's queue; tells its slot, and whether the best level changed.
    #[inline]
    fn enter(
        &mut self,
        i: usize,
        lane: usize,
        reference: u64,
        price: Price,
        qty: Qty,
    ) -> Result<(u32, bool), Anomaly> {
        if qty == Qty::ZERO {
            return Err(Anomaly::ZeroQuantity);
        }
        let qty = u32::try_from(qty.0).map_err(|_| Anomaly::QuantityOutOfRange)?;
        if price.0 <= 0 || price > PRICE_MAX {
            return Err(Anomaly::PriceOutOfRange);
        }
        let handle = self.orders.place(reference, &mut self.levels).map_err(|why| match why {
            Refused::Taken => Anomaly::DuplicateReference,
            Refused::Full => Anomaly::PoolExhausted,
        })?;
        let Some(at) = self.level_at(i, lane, price) else {
            self.orders.release(handle, reference, &mut self.levels);
            return Err(Anomaly::PoolExhausted);
        };
        let level = self.levels.get_mut(at);
        let prev = level.tail;
        level.tail = handle;
        level.count += 1;
        level.qty += u64::from(qty);
        level.head = select_unpredictable(prev == NIL, handle, level.head);
        let total = Qty(level.qty);
        self.orders.slot_mut(prev).next = handle;
        // Wraps after 4 billion orders: days beyond what a feed sends between restarts.
        self.arrivals = self.arrivals.wrapping_add(1);
        *self.orders.slot_mut(handle) = Slot { qty, level: at, prev, next: NIL };
        self.orders.set_arrival(handle, self.arrivals);
        let ladder = &mut self.sides[i][lane];
        let top = ladder.best_level() == at;
        ladder.best_qty = select_unpredictable(top, total, ladder.best_qty);
        Ok((handle, top))
    }

    /// The level at `price`, a new one if there is none; `None` if there is no room for it.
    #[inline(always)]
    pub(super) fn level_at(&mut self, i: usize, lane: usize, price: Price) -> Option<u32> {
        let ladder = &mut self.sides[i][lane];
        let key = key(lane, price.0);
        let place = match self.rungs.find(ladder, key) {
            Ok(level) => return Some(level),
            Err(place) => place,
        };
        let level = self.levels.insert(Level::new(i, lane, price.0)).ok()?;
        if self.rungs.insert(ladder, place, Rung { key, level }).is_err() {
            self.levels.remove(level);
            return None;
        }
        Some(level)
    }

    /// A living order leaves, and its level with it if it was the last; tells whether the best level changed.
    #[inline]
    pub(super) fn leave(&mut self, i: usize, handle: u32, slot: Slot, reference: u64) -> bool {
        let level = self.levels.get_mut(slot.level);
        level.count -= 1;
        level.qty -= u64::from(slot.qty);
        level.head = select_unpredictable(slot.prev == NIL, slot.next, level.head);
        level.tail = select_unpredictable(slot.next == NIL, slot.prev, level.tail);
        let (lane, count, total, price) = (level.lane(), level.count, level.qty, level.price);
        // No branches: slot `NIL` takes what has nowhere to go.
        self.orders.slot_mut(slot.prev).next = slot.next;
        self.orders.slot_mut(slot.next).prev = slot.prev;
        self.orders.release(handle, reference, &mut self.levels);

        let ladder = &mut self.sides[i][lane];
        let top = ladder.best_level() == slot.level;
        ladder.best_qty = select_unpredictable(top, Qty(total), ladder.best_qty);
        if count == 0 {
            self.rungs.remove(ladder, key(lane, price));
            self.levels.remove(slot.level);
            if top {
                ladder.best_qty = Qty(self.levels.get(ladder.best_level()).qty);
            }
        }
        top
    }

    /// After the best level of a side, or the phase, changed: counts what the instrument passed into.
    #[inline]
    pub(super) fn settle(&mut self, i: usize, m: &Market) {
        let touch = self.records[i].touch_now(&self.sides[i]);
        if touch != self.records[i].touch {
            self.stand(i, touch, m);
        }
    }

    /// The sides stand to each other as they did not before.
    #[cold]
    fn stand(&mut self, i: usize, touch: Touch, m: &Market) {
        self.records[i].touch = touch;
        let instrument = InstrumentId(i as u32);
        match touch {
            Touch::Apart => {}
            Touch::Locked => self.anomalies.add(Anomaly::Locked, instrument, m),
            Touch::Crossed => self.anomalies.add(Anomaly::Crossed, instrument, m),
        }
    }

    /// The message's place among the records.
    #[inline]
    pub(super) fn record_of(&self, m: &Market) -> Result<usize, Anomaly> {
        let i = m.head.instrument.index();
        if i < self.records.len() { Ok(i) } else { Err(Anomaly::UnknownInstrument) }
    }

    /// The living order that the message names, in its instrument.
    #[inline(always)]
    fn living(&self, m: &Market) -> Result<(usize, u32, Slot), Anomaly> {
        let i = self.record_of(m)?;
        let handle = self.orders.find(m.reference).ok_or(Anomaly::UnknownReference)?;
        let &Slot { qty, level, prev, next } = self.orders.slot(handle);
        let slot = Slot { qty, level, prev, next };
        if self.levels.get(slot.level).instrument() != i {
            return Err(Anomaly::UnknownReference);
        }
        Ok((i, handle, slot))
    }

    /// Keeps the last trade. Nothing traded, or at no price (a cross that found no one): it stays.
    #[inline]
    fn traded(&mut self, i: usize, price: Price, qty: Qty) {
        if qty.0 > 0 && price.0 > 0 {
            self.trades[i] = (price, qty);
        }
    }

    /// Counts what cannot be applied. Out of room, the instrument can no longer be vouched for.
    #[cold]
    fn refuse(&mut self, m: &Market, anomaly: Anomaly, change: &mut Change) {
        *change = Change::default();
        self.anomalies.add(anomaly, m.head.instrument, m);
        let i = m.head.instrument.index();
        if anomaly != Anomaly::PoolExhausted || self.records[i].health == Health::STALE {
            return;
        }
        self.records[i].health = Health::STALE;
        self.seen = self.seen.max(i + 1);
        applied(m, change);
        change.applied = false;
        (change.top, change.exhausted) = (true, true);
    }

    /// What touches no order: levels, trades, states, the directory. Other kinds are not the books' business.
    #[cold]
    fn notice(&mut self, m: &Market, change: &mut Change) -> Result<(), Anomaly> {
        let code = m.code;
        let kind = m.head.kind;
        if kind == Kind::SESSION {
            if let Some(session) = Session::from_code(code) {
                self.session(m, session, change);
            }
            return Ok(());
        }
        if matches!(kind, Kind::GAP | Kind::WHOLE | Kind::CLEAR) {
            self.hear(m, change);
            return Ok(());
        }
        if kind == Kind::LEVEL {
            return self.level_set(m, change);
        }
        if !matches!(kind, Kind::DIRECTORY | Kind::TRADING | Kind::HALT | Kind::TRADE | Kind::CROSS)
        {
            return Ok(());
        }
        let i = self.record_of(m)?;
        self.seen = self.seen.max(i + 1);
        let record = &mut self.records[i];
        match (kind, Trading::from_code(code)) {
            (Kind::TRADE | Kind::CROSS, _) => {
                applied(m, change);
                (change.side, change.price, change.qty) = (m.side, m.price, m.qty);
                self.traded(i, m.price, m.qty);
                return Ok(());
            }
            (Kind::DIRECTORY, _) => {}
            (Kind::TRADING, Some(trading)) => record.marks.set_trading(trading),
            (Kind::HALT, Some(Trading::Halted)) => record.marks.set_halted(true),
            (Kind::HALT, Some(Trading::Free)) => record.marks.set_halted(false),
            _ => return Ok(()),
        }
        let phase = record.phase_in(self.session);
        applied(m, change);
        change.reference = 0;
        change.top = phase != record.phase;
        record.phase = phase;
        self.settle(i, m);
        Ok(())
    }

    /// The session moves on, and every instrument's phase with it.
    fn session(&mut self, m: &Market, session: Session, change: &mut Change) {
        applied(m, change);
        change.instrument = InstrumentId::NONE;
        change.reference = 0;
        change.top = session != self.session;
        self.session = session;
        for i in 0..self.records.len() {
            let phase = self.records[i].phase_in(session);
            self.records[i].phase = phase;
            self.begin(i, m.code);
            self.settle(i, m);
        }
    }
}

impl Books {
    /// What the beginning of messages (`O`) or of system hours (`S`), before which no order can be, says of a book: nothing
    /// was missed. One that holds something when messages begin is of a session that did not end.
    fn begin(&mut self, i: usize, code: u8) {
        let empty = self.sides[i].iter().all(Ladder::is_empty);
        let health = &mut self.records[i].health;
        match code {
            b'O' if !empty => *health = Health::STALE,
            b'O' | b'S' if *health == Health::BUILDING => *health = Health::LIVE,
            _ => {}
        }
    }
}

/// The change of a message that was taken, but for its details.
#[inline]
pub(super) fn applied(m: &Market, change: &mut Change) {
    change.kind = m.head.kind;
    change.applied = true;
    change.instrument = m.head.instrument;
    change.reference = m.reference;
}
