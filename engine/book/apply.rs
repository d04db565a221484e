//! The hot path: one message in, the books changed, what it did out.
//!
//! Nothing here trusts the message: whatever its bytes, it is applied, or counted as an anomaly, or both.

use super::anomaly::Anomaly;
use super::change::Change;
use super::ladder::Rung;
use super::level::{Level, NIL, key, lane, side};
use super::orders::{Refused, Slot};
use super::record::{Best, Session, Touch, Trading};
use super::{Books, PRICE_MAX};
use crate::base::message::{Flags, Kind, Market};
use crate::base::unit::{Health, InstrumentId, Price, Qty, Side};

impl Books {
    /// Applies one message. Never panics, whatever the bytes.
    #[inline]
    pub fn apply(&mut self, m: &Market) -> Change {
        let done = match m.head.kind {
            Kind::ADD => self.add(m),
            Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL => self.reduce(m),
            Kind::DELETE => self.delete(m),
            Kind::REPLACE => self.replace(m),
            _ => self.notice(m),
        };
        match done {
            Ok(change) => change,
            Err(anomaly) => self.refuse(m, anomaly),
        }
    }

    fn add(&mut self, m: &Market) -> Result<Change, Anomaly> {
        let i = self.record_of(m)?;
        let lane = lane(m.side).ok_or(Anomaly::UnknownSide)?;
        let (arrival, top) = self.enter(i, lane, m.reference, m.price, m.qty)?;
        if top {
            self.settle(i, m);
        }
        self.seen = self.seen.max(i + 1);
        Ok(Change {
            top,
            side: m.side,
            price: m.price,
            qty: m.qty,
            left: m.qty,
            arrival,
            ..applied(m)
        })
    }

    /// Executions and cancels: part of an order, or all that is left of it, goes.
    fn reduce(&mut self, m: &Market) -> Result<Change, Anomaly> {
        let (i, handle, slot) = self.living(m)?;
        let open = u64::from(slot.qty);
        if m.qty.0 > open {
            self.anomalies.add(Anomaly::OverExecution, m.head.instrument, m);
        }
        let taken = m.qty.0.min(open);
        let left = open - taken;
        let level = &mut self.levels[slot.level];
        let (lane, price) = (level.lane(), Price(level.price));
        let top = if left == 0 {
            self.leave(handle)
        } else {
            level.qty -= taken;
            // Not above 2^32 - 1: less than what was open.
            self.orders.slot_mut(handle).qty = left as u32;
            let record = &mut self.records[i];
            let best = record.best[lane].price == price;
            if best {
                record.best[lane].qty = Qty(level.qty);
            }
            best && taken > 0
        };
        if top {
            self.settle(i, m);
        }
        let qty = Qty(taken);
        match m.head.kind {
            Kind::EXECUTE => self.traded(i, price, qty),
            Kind::EXECUTE_AT if m.head.flags.has(Flags::PRINTABLE) => self.traded(i, m.price, qty),
            _ => {}
        }
        let (left, arrival) = (Qty(left), slot.arrival);
        Ok(Change { top, side: side(lane), price, qty, left, arrival, ..applied(m) })
    }

    fn delete(&mut self, m: &Market) -> Result<Change, Anomaly> {
        let (i, handle, slot) = self.living(m)?;
        let level = &self.levels[slot.level];
        let (side, price) = (side(level.lane()), Price(level.price));
        let top = self.leave(handle);
        if top {
            self.settle(i, m);
        }
        let (qty, arrival) = (Qty(u64::from(slot.qty)), slot.arrival);
        Ok(Change { top, side, price, qty, arrival, ..applied(m) })
    }

    /// The old order leaves in any case; the new one enters if it may.
    fn replace(&mut self, m: &Market) -> Result<Change, Anomaly> {
        let (i, handle, slot) = self.living(m)?;
        let level = &self.levels[slot.level];
        let (lane, price) = (level.lane(), Price(level.price));
        let (qty, arrival) = (Qty(u64::from(slot.qty)), slot.arrival);
        let before = self.records[i].best;
        self.leave(handle);
        let mut change = Change { side: side(lane), price, qty, arrival, ..applied(m) };
        match self.enter(i, lane, m.other, m.price, m.qty) {
            Ok(_) => {
                change.new_reference = m.other;
                change.new_price = m.price;
                change.new_qty = m.qty;
            }
            Err(anomaly) => change.top = self.refuse(m, anomaly).top,
        }
        // Out and in again at the best price with the same quantity: nothing to be seen there.
        change.top |= self.records[i].best != before;
        // Only now: between the two the book is not as the venue ever showed it.
        if change.top {
            self.settle(i, m);
        }
        Ok(change)
    }

    /// An order enters at the end of its level's queue; tells its arrival, and whether the best level changed.
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
            self.orders.release(handle);
            return Err(Anomaly::PoolExhausted);
        };
        let level = &mut self.levels[at];
        let prev = level.tail;
        level.tail = handle;
        level.count += 1;
        level.qty += u64::from(qty);
        match prev {
            NIL => level.head = handle,
            prev => self.orders.slot_mut(prev).next = handle,
        }
        // Wraps after 4 billion orders: days beyond what a feed sends between restarts.
        self.arrivals = self.arrivals.wrapping_add(1);
        let arrival = self.arrivals;
        *self.orders.slot_mut(handle) = Slot { qty, level: at, prev, next: NIL, arrival };
        Ok((arrival, self.records[i].stands(lane, price, Qty(level.qty))))
    }

    /// The level at `price`, a new one if there is none; `None` if there is no room for it.
    #[inline]
    fn level_at(&mut self, i: usize, lane: usize, price: Price) -> Option<u32> {
        let ladder = &mut self.records[i].ladders[lane];
        let key = key(lane, price.0);
        let place = match self.rungs.find(ladder, key) {
            Ok(place) => return Some(self.rungs.of(ladder)[place].level),
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
    fn leave(&mut self, handle: u32) -> bool {
        let slot = *self.orders.slot(handle);
        let level = &mut self.levels[slot.level];
        level.count -= 1;
        level.qty -= u64::from(slot.qty);
        match slot.prev {
            NIL => level.head = slot.next,
            prev => self.orders.slot_mut(prev).next = slot.next,
        }
        match slot.next {
            NIL => level.tail = slot.prev,
            next => self.orders.slot_mut(next).prev = slot.prev,
        }
        let level = *level;
        self.orders.release(handle);

        let lane = level.lane();
        let record = &mut self.records[level.instrument()];
        let best = record.best[lane].price.0 == level.price;
        if level.count > 0 {
            if best {
                record.best[lane].qty = Qty(level.qty);
            }
            return best;
        }
        let ladder = &mut record.ladders[lane];
        if let Ok(place) = self.rungs.find(ladder, key(lane, level.price)) {
            self.rungs.remove(ladder, place);
        }
        self.levels.remove(slot.level);
        if best {
            record.best[lane] = self.rungs.best(ladder).map_or(Best::default(), |rung| {
                let level = &self.levels[rung.level];
                Best { price: Price(level.price), qty: Qty(level.qty) }
            });
        }
        best
    }

    /// After the best level of a side, or the phase, changed: counts what the instrument passed into.
    #[inline]
    fn settle(&mut self, i: usize, m: &Market) {
        let record = &mut self.records[i];
        let touch = record.touch_now();
        if touch != record.touch {
            record.touch = touch;
            let instrument = InstrumentId(i as u32);
            match touch {
                Touch::Apart => {}
                Touch::Locked => self.anomalies.add(Anomaly::Locked, instrument, m),
                Touch::Crossed => self.anomalies.add(Anomaly::Crossed, instrument, m),
            }
        }
    }

    /// The message's place among the records.
    #[inline]
    fn record_of(&self, m: &Market) -> Result<usize, Anomaly> {
        let i = m.head.instrument.index();
        if i < self.records.len() { Ok(i) } else { Err(Anomaly::UnknownInstrument) }
    }

    /// The living order that the message names, in its instrument.
    #[inline]
    fn living(&self, m: &Market) -> Result<(usize, u32, Slot), Anomaly> {
        let i = self.record_of(m)?;
        let handle = self.orders.find(m.reference).ok_or(Anomaly::UnknownReference)?;
        let slot = *self.orders.slot(handle);
        if self.levels[slot.level].instrument() != i {
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
    fn refuse(&mut self, m: &Market, anomaly: Anomaly) -> Change {
        self.anomalies.add(anomaly, m.head.instrument, m);
        let i = m.head.instrument.index();
        if anomaly != Anomaly::PoolExhausted || self.records[i].health == Health::STALE {
            return Change::default();
        }
        self.records[i].health = Health::STALE;
        self.seen = self.seen.max(i + 1);
        Change { applied: false, top: true, ..applied(m) }
    }

    /// What touches no order: trades, states, the directory. Other kinds are not the books' business.
    #[cold]
    fn notice(&mut self, m: &Market) -> Result<Change, Anomaly> {
        let code = m.code;
        let kind = m.head.kind;
        if kind == Kind::SESSION {
            return Ok(Session::from_code(code).map_or(Change::default(), |s| self.session(m, s)));
        }
        if !matches!(kind, Kind::DIRECTORY | Kind::TRADING | Kind::HALT | Kind::TRADE | Kind::CROSS)
        {
            return Ok(Change::default());
        }
        let i = self.record_of(m)?;
        self.seen = self.seen.max(i + 1);
        let record = &mut self.records[i];
        match (kind, Trading::from_code(code)) {
            (Kind::TRADE | Kind::CROSS, _) => {
                self.traded(i, m.price, m.qty);
                return Ok(Change { side: m.side, price: m.price, qty: m.qty, ..applied(m) });
            }
            (Kind::DIRECTORY, _) => {}
            (Kind::TRADING, Some(trading)) => record.trading = trading,
            (Kind::HALT, Some(Trading::Halted)) => record.halted = true,
            (Kind::HALT, Some(Trading::Free)) => record.halted = false,
            _ => return Ok(Change::default()),
        }
        let phase = record.phase_in(self.session);
        let top = phase != record.phase;
        record.phase = phase;
        self.settle(i, m);
        Ok(Change { reference: 0, top, ..applied(m) })
    }

    /// The session moves on, and every instrument's phase with it.
    fn session(&mut self, m: &Market, session: Session) -> Change {
        let top = session != self.session;
        self.session = session;
        for i in 0..self.records.len() {
            let phase = self.records[i].phase_in(session);
            self.records[i].phase = phase;
            self.settle(i, m);
        }
        Change { instrument: InstrumentId::NONE, reference: 0, side: Side(0), top, ..applied(m) }
    }
}

/// The change of a message that was taken, before its details.
#[inline]
fn applied(m: &Market) -> Change {
    Change {
        kind: m.head.kind,
        applied: true,
        instrument: m.head.instrument,
        reference: m.reference,
        ..Change::default()
    }
}
