//! `hftbacktest`'s L3 depths: orders in a hash map of their book, level totals in a hash map, a tree, or a vector over a
//! range of prices that must be known before. No queues: those are in its queue models.

use crate::replay::{Contender, Top};
use coretick::base::message::{Kind, Market};
use coretick::base::unit::{InstrumentId, PRICE_SCALE, Price, Qty, Side};
use hftbacktest::depth::{INVALID_MAX, INVALID_MIN, L3MarketDepth};

/// A generated day has whole cents.
pub(crate) const TICK: f64 = 0.01;
/// One share.
pub(crate) const LOT: f64 = 1.0;

/// 1e-9 of the dollar in a tick.
const TICK_UNITS: i64 = PRICE_SCALE / 100;

/// One depth for each instrument.
pub(crate) struct Hft<D>(Vec<D>);

impl<D: L3MarketDepth> Hft<D> {
    pub(crate) fn new(instruments: usize, depth: impl FnMut(usize) -> D) -> Self {
        Self((0..instruments).map(depth).collect())
    }
}

/// Dollars.
pub(crate) fn dollars(price: Price) -> f64 {
    price.0 as f64 / PRICE_SCALE as f64
}

fn enter<D: L3MarketDepth>(depth: &mut D, side: Side, id: u64, price: Price, qty: Qty, time: i64) {
    let (price, qty) = (dollars(price), qty.0 as f64);
    // What it refuses is missed by the digest.
    let _ = match side {
        Side::BUY => depth.add_buy_order(id, price, qty, time),
        _ => depth.add_sell_order(id, price, qty, time),
    };
}

impl<D: L3MarketDepth> Contender for Hft<D> {
    #[inline]
    fn apply(&mut self, message: &Market) {
        let Some(depth) = self.0.get_mut(message.head.instrument.index()) else { return };
        let Market { reference, price, qty, .. } = *message;
        let time = message.head.time.0 as i64;
        match message.head.kind {
            Kind::ADD => enter(depth, message.side, reference, price, qty, time),
            Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL => {
                // It takes what is left, not what went.
                let Some(order) = depth.orders().get(&reference) else { return };
                let (left, price) = (order.qty - qty.0 as f64, order.price_tick as f64 * TICK);
                let _ = if left > 0.0 {
                    depth.modify_order(reference, price, left, time)
                } else {
                    depth.delete_order(reference, time)
                };
            }
            Kind::DELETE => {
                let _ = depth.delete_order(reference, time);
            }
            Kind::REPLACE => {
                if let Ok((side, _, _)) = depth.delete_order(reference, time) {
                    let side = if side as i8 > 0 { Side::BUY } else { Side::SELL };
                    enter(depth, side, message.other, price, qty, time);
                }
            }
            _ => {}
        }
    }

    fn orders(&self, see: &mut impl FnMut(u64, Side, Price, Qty)) {
        for order in self.0.iter().flat_map(|depth| depth.orders().values()) {
            let side = if order.side as i8 > 0 { Side::BUY } else { Side::SELL };
            let price = Price(order.price_tick * TICK_UNITS);
            see(order.order_id, side, price, Qty(order.qty as u64));
        }
    }

    fn top(&self, instrument: InstrumentId) -> Top {
        let depth = &self.0[instrument.index()];
        let best = |tick, none, qty| {
            if tick == none {
                Default::default()
            } else {
                (Price(tick * TICK_UNITS), Qty(qty as u64))
            }
        };
        [
            best(depth.best_bid_tick(), INVALID_MIN, depth.best_bid_qty()),
            best(depth.best_ask_tick(), INVALID_MAX, depth.best_ask_qty()),
        ]
    }
}

/// Lowest and highest price of each instrument over the day: what the vector's range must be made from.
pub(crate) struct Ranges(pub(crate) Vec<(Price, Price)>);

impl Ranges {
    pub(crate) fn new(instruments: usize) -> Self {
        Self(vec![(Price(i64::MAX), Price(0)); instruments])
    }

    /// In dollars; a cent where there was no order.
    pub(crate) fn of(&self, instrument: usize) -> (f64, f64) {
        let (low, high) = self.0[instrument];
        if low > high { (TICK, TICK) } else { (dollars(low), dollars(high)) }
    }
}

impl Contender for Ranges {
    fn apply(&mut self, message: &Market) {
        if let Kind::ADD | Kind::REPLACE = message.head.kind
            && let Some((low, high)) = self.0.get_mut(message.head.instrument.index())
        {
            *low = message.price.min(*low);
            *high = message.price.max(*high);
        }
    }

    fn orders(&self, _see: &mut impl FnMut(u64, Side, Price, Qty)) {}

    fn top(&self, _instrument: InstrumentId) -> Top {
        Top::default()
    }
}
