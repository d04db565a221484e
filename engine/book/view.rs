//! The read side: best prices, depth, queues, walks. Nothing is copied out but what is asked for.

use super::anomaly::Anomalies;
use super::ladder::Ladder;
use super::level::{Level, NIL, key, lane, side};
use super::{Books, Change, orders::Slot};
use crate::base::unit::{Health, InstrumentId, Money, Phase, Price, Qty, Side};

/// The best prices and what stands there; zeros where a side is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Best bid.
    pub bid: Price,
    /// Quantity at the best bid.
    pub bid_qty: Qty,
    /// Best ask.
    pub ask: Price,
    /// Quantity at the best ask.
    pub ask_qty: Qty,
}

/// One price of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelView {
    /// The price.
    pub price: Price,
    /// Sum of its orders.
    pub qty: Qty,
    /// How many orders.
    pub orders: u32,
}

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

/// What taking a quantity from one side at once would cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Sum of price x quantity.
    pub notional: Money,
    /// How much was there.
    pub filled: Qty,
    /// How much was not.
    pub unfilled: Qty,
    /// The last price reached; 0 if nothing was filled.
    pub worst: Price,
    /// Levels touched.
    pub levels: u32,
}

impl Walk {
    /// Notional / filled, rounded down; `None` if nothing was filled.
    pub fn average(&self) -> Option<Price> {
        // Between the best and the worst price, so it fits.
        let average = self.notional.0.checked_div(i128::from(self.filled.0))?;
        i64::try_from(average).ok().map(Price)
    }
}

impl Books {
    /// Best prices. O(1), one cache line.
    #[inline]
    pub fn top(&self, i: InstrumentId) -> Top {
        let Some([bids, asks]) = self.sides.get(i.index()) else { return Top::default() };
        let best = |ladder: &Ladder, lane| {
            if ladder.is_empty() { Price(0) } else { Price(key(lane, ladder.best_key())) }
        };
        Top {
            bid: best(bids, 0),
            bid_qty: bids.best_qty,
            ask: best(asks, 1),
            ask_qty: asks.best_qty,
        }
    }

    /// The levels of a side, best first.
    pub fn levels(&self, i: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> {
        let ladder = self.ladder(i, side).map(|(ladder, _)| ladder);
        ladder.into_iter().flat_map(|ladder| self.rungs.of(ladder)).map(|rung| {
            let level = self.levels.get(rung.level);
            LevelView { price: Price(level.price), qty: Qty(level.qty), orders: level.count }
        })
    }

    /// The orders at a price, first to trade first.
    pub fn orders(
        &self,
        i: InstrumentId,
        side: Side,
        price: Price,
    ) -> impl Iterator<Item = OrderView> {
        let head = self.level(i, side, price).map_or(NIL, |level| level.head);
        self.queue(head, |slot| slot.next).map(|handle| self.view(handle))
    }

    /// A living order.
    pub fn order(&self, reference: u64) -> Option<OrderView> {
        self.orders.find(reference).map(|handle| self.view(handle))
    }

    /// What stands before a living order in its queue. Walks that queue.
    pub fn ahead(&self, reference: u64) -> Option<Ahead> {
        let handle = self.orders.find(reference)?;
        let before = self.queue(self.orders.slot(handle).prev, |slot| slot.prev);
        Some(before.fold(Ahead::default(), |ahead, handle| Ahead {
            qty: ahead.qty.saturating_add(Qty(u64::from(self.orders.slot(handle).qty))),
            orders: ahead.orders + 1,
        }))
    }

    /// Takes `qty` from a side's levels in thought, best first.
    pub fn walk(&self, i: InstrumentId, side: Side, qty: Qty) -> Walk {
        let mut walk = Walk { unfilled: qty, ..Walk::default() };
        for level in self.levels(i, side) {
            if walk.unfilled == Qty::ZERO {
                break;
            }
            let taken = level.qty.min(walk.unfilled);
            walk.notional.0 += level.price.notional(taken).0;
            walk.filled = walk.filled.saturating_add(taken);
            walk.unfilled = walk.unfilled.saturating_sub(taken);
            walk.worst = level.price;
            walk.levels += 1;
        }
        walk
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
        self.records.get(i.index()).map_or(Health::STALE, |record| record.health)
    }

    /// Price and quantity of the last trade that counts as volume.
    pub fn last_trade(&self, i: InstrumentId) -> Option<(Price, Qty)> {
        self.trades.get(i.index()).copied().filter(|(_, qty)| *qty > Qty::ZERO)
    }

    /// What the feed did that it should not have.
    pub fn anomalies(&self) -> &Anomalies {
        &self.anomalies
    }

    /// Orders alive.
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

    fn level(&self, i: InstrumentId, side: Side, price: Price) -> Option<&Level> {
        let (ladder, lane) = self.ladder(i, side).filter(|_| price.0 > 0)?;
        let level = self.rungs.find(ladder, key(lane, price.0)).ok()?;
        Some(self.levels.get(level))
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
