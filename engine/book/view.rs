//! The read side: orders and their queues, states, counts; below it best prices, depth, walks and order flow. Nothing is
//! copied out but what is asked for.
//!
//! What an instrument's ladders tell is computed when it is asked for. What would have to be added up again for every
//! message is kept by whoever wants it ([`Depth`], [`OrderFlow`]), and fed with changes: the books pay for no reader.

mod depth;
mod flow;
mod top;
mod walk;

pub use depth::{Depth, LevelView, Ratio, Sizes};
pub use flow::OrderFlow;
pub use top::Top;
pub use walk::Walk;

use super::anomaly::Anomalies;
use super::ladder::Ladder;
use super::level::{NIL, key, lane, side};
use super::{Books, Change, orders::Slot};
use crate::base::unit::{Health, InstrumentId, Phase, Price, Qty, Side};

/// One order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// The feed's reference.
    pub reference: u64,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Its price.
    pub price: Price,
    /// What is open.
    pub qty: Qty,
    /// When it got its priority, as the book counts additions and replaces: rising, from 1, wrapping at 2^32.
    pub arrival: u32,
}

/// What trades before an order at its own price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Their quantity.
    pub qty: Qty,
    /// How many orders.
    pub orders: u32,
}

impl Ahead {
    /// Counts one more.
    fn count<'a>(&mut self, slot: &'a Slot) -> &'a Slot {
        self.qty = self.qty.saturating_add(Qty(u64::from(slot.qty)));
        self.orders += 1;
        slot
    }
}

impl Books {
    /// The orders at a price, first to trade first.
    pub fn orders(
        &self,
        i: InstrumentId,
        side: Side,
        price: Price,
    ) -> impl Iterator<Item = OrderView> {
        let head = self.level_handle(i, side, price).map_or(NIL, |at| self.levels.get(at).head);
        self.queue(head, |slot| slot.next).map(|handle| self.view(handle))
    }

    /// A living order.
    pub fn order(&self, reference: u64) -> Option<OrderView> {
        self.orders.find(reference).map(|handle| self.view(handle))
    }

    /// What stands before a living order in its queue. Looks at no more orders than twice the fewer of those before and
    /// those behind it: at the ends of a queue that is nothing, in the middle all of it.
    pub fn ahead(&self, reference: u64) -> Option<Ahead> {
        let own = self.orders.slot(self.orders.find(reference)?);
        let level = self.levels.get(own.level);
        let (mut before, mut behind) = (Ahead::default(), Ahead::default());
        let (mut prev, mut next) = (own.prev, own.next);
        // Both ways at once; the end that is reached first tells, for the level has the sum.
        loop {
            if prev == NIL {
                return Some(before);
            }
            prev = before.count(self.orders.slot(prev)).prev;
            if next == NIL {
                let others = Qty(level.qty).saturating_sub(Qty(u64::from(own.qty)));
                let qty = others.saturating_sub(behind.qty);
                return Some(Ahead { qty, orders: level.count - 1 - behind.orders });
            }
            next = behind.count(self.orders.slot(next)).next;
        }
    }

    /// When the order of a change got its priority, as the book counts; 0 if the change names none. Ask before the next
    /// message is applied: then its slot may have another order.
    pub fn arrival(&self, change: &Change) -> u32 {
        self.orders.arrival(change.slot)
    }

    /// Orders that got a priority so far: who comes to rest now is behind those whose `arrival` is not above this.
    pub fn arrivals(&self) -> u32 {
        self.arrivals
    }

    /// The trading phase; before the open for an instrument beyond the table.
    pub fn phase(&self, i: InstrumentId) -> Phase {
        self.records.get(i.index()).map_or(Phase::PRE_OPEN, |record| record.phase)
    }

    /// Whether the book can be vouched for; stale for an instrument beyond the table.
    pub fn health(&self, i: InstrumentId) -> Health {
        match self.records.get(i.index()).map_or(Health::STALE, |record| record.health) {
            Health::LIVE if self.gapped => Health::STALE,
            own => own,
        }
    }

    /// Price and quantity of the last trade that counts as volume.
    pub fn last_trade(&self, i: InstrumentId) -> Option<(Price, Qty)> {
        self.trades.get(i.index()).copied().filter(|(_, qty)| *qty > Qty::ZERO)
    }

    /// What the feed did that it should not have.
    pub fn anomalies(&self) -> &Anomalies {
        &self.anomalies
    }

    /// Orders alive; levels that were set as a whole have none.
    pub fn live_orders(&self) -> u64 {
        self.orders.len() as u64
    }

    /// Instruments seen: their ids are below this.
    pub fn instruments(&self) -> usize {
        self.seen
    }

    fn ladder(&self, i: InstrumentId, side: Side) -> Option<(&Ladder, usize)> {
        let lane = lane(side)?;
        Some((&self.sides.get(i.index())?[lane], lane))
    }

    fn level_handle(&self, i: InstrumentId, side: Side, price: Price) -> Option<u32> {
        let (ladder, lane) = self.ladder(i, side).filter(|_| price.0 > 0)?;
        self.rungs.find(ladder, key(lane, price.0)).ok()
    }

    /// The slots from `first` on, by one of their links.
    pub(super) fn queue(
        &self,
        first: u32,
        link: impl Fn(&Slot) -> u32,
    ) -> impl Iterator<Item = u32> {
        let some = |handle| (handle != NIL).then_some(handle);
        std::iter::successors(some(first), move |&handle| some(link(self.orders.slot(handle))))
    }

    fn view(&self, handle: u32) -> OrderView {
        let slot = self.orders.slot(handle);
        let level = self.levels.get(slot.level);
        OrderView {
            reference: self.orders.reference(handle),
            instrument: InstrumentId(level.instrument() as u32),
            side: side(level.lane()),
            price: Price(level.price),
            qty: Qty(u64::from(slot.qty)),
            arrival: self.orders.arrival(handle),
        }
    }
}
