//! The plain design: orders in std's hash map, levels in a B-tree a side. Level totals and counts, no queues.

use crate::replay::{Contender, Top};
use coretick::base::message::{Kind, Market};
use coretick::base::unit::{InstrumentId, Price, Qty, Side};
use std::collections::{BTreeMap, HashMap};

/// A living order.
struct Order {
    instrument: InstrumentId,
    side: Side,
    price: Price,
    qty: Qty,
}

/// Total and count of a price.
#[derive(Default)]
struct Level {
    total: u64,
    count: u32,
}

/// Bids and asks of an instrument.
type Sides = [BTreeMap<Price, Level>; 2];

/// All books.
pub(crate) struct Plain {
    orders: HashMap<u64, Order>,
    books: Vec<Sides>,
}

impl Plain {
    pub(crate) fn new(instruments: usize) -> Self {
        let books = (0..instruments).map(|_| Sides::default()).collect();
        Self { orders: HashMap::new(), books }
    }

    fn enter(&mut self, reference: u64, order: Order) {
        let side = usize::from(order.side == Side::SELL);
        let Some(sides) = self.books.get_mut(order.instrument.index()) else { return };
        let level = sides[side].entry(order.price).or_default();
        level.total += order.qty.0;
        level.count += 1;
        self.orders.insert(reference, order);
    }

    /// Takes `qty` of an order; all of it takes the order out, and is returned.
    fn take(&mut self, reference: u64, qty: Qty) -> Option<Order> {
        let order = self.orders.get_mut(&reference)?;
        let taken = qty.min(order.qty);
        order.qty.0 -= taken.0;
        let gone = order.qty == Qty::ZERO;
        let (instrument, side, price) = (order.instrument, order.side, order.price);
        let levels = &mut self.books[instrument.index()][usize::from(side == Side::SELL)];
        if let Some(level) = levels.get_mut(&price) {
            level.total -= taken.0;
            level.count -= u32::from(gone);
            if level.count == 0 {
                levels.remove(&price);
            }
        }
        if gone { self.orders.remove(&reference) } else { None }
    }
}

impl Contender for Plain {
    #[inline]
    fn apply(&mut self, message: &Market) {
        let Market { reference, price, qty, side, .. } = *message;
        match message.head.kind {
            Kind::ADD => {
                let instrument = message.head.instrument;
                self.enter(reference, Order { instrument, side, price, qty });
            }
            Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL => {
                self.take(reference, qty);
            }
            Kind::DELETE => {
                self.take(reference, Qty(u64::MAX));
            }
            Kind::REPLACE => {
                if let Some(old) = self.take(reference, Qty(u64::MAX)) {
                    self.enter(message.other, Order { price, qty, ..old });
                }
            }
            _ => {}
        }
    }

    fn orders(&self, see: &mut impl FnMut(u64, Side, Price, Qty)) {
        for (&reference, order) in &self.orders {
            see(reference, order.side, order.price, order.qty);
        }
    }

    fn top(&self, instrument: InstrumentId) -> Top {
        let [bids, asks] = &self.books[instrument.index()];
        let best = |level: Option<(&Price, &Level)>| {
            level.map_or_else(Default::default, |(price, level)| (*price, Qty(level.total)))
        };
        [best(bids.last_key_value()), best(asks.first_key_value())]
    }
}
