//! `nautilus-model`'s order book, L3: a B-tree of levels a side, each an ordered map of its orders, and a hash map from
//! order to price. It wants side, price and what is left with each change, which ITCH does not say after an order's
//! addition: so a feeder remembers, in a hash map with a cheap hash. The feeder also runs alone, to tell its share.

use crate::replay::{Contender, Top};
use coretick::base::message::{Kind, Market};
use coretick::base::unit::{InstrumentId, Price, Qty, Side};
use nautilus_model::data::BookOrder;
use nautilus_model::enums::{BookType, OrderSide};
use nautilus_model::identifiers::InstrumentId as Id;
use nautilus_model::orderbook::{BookLevel, OrderBook};
use nautilus_model::types::{Price as Fixed, Quantity};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Raw units in one share.
const SHARE: u64 = 1_000_000_000;

/// One multiplication.
#[derive(Default)]
pub(crate) struct Cheap(u64);

impl Hasher for Cheap {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

/// What became of an order.
#[derive(Clone, Copy)]
enum Step {
    Enter,
    Change,
    Leave,
}

/// Living orders by reference.
#[derive(Default)]
pub(crate) struct Feeder(HashMap<u64, BookOrder, BuildHasherDefault<Cheap>>);

fn order(side: OrderSide, price: Price, qty: Qty, id: u64) -> BookOrder {
    let (price, size) = (Fixed::from_raw(price.0, 4), Quantity::from_raw(qty.0 * SHARE, 0));
    BookOrder::new(side, price, size, id)
}

impl Feeder {
    /// Tells `step` what a message does, in orders that are complete.
    #[inline]
    fn feed(&mut self, message: &Market, mut step: impl FnMut(Step, BookOrder)) {
        let Market { reference, price, qty, .. } = *message;
        match message.head.kind {
            Kind::ADD => {
                let side = if message.side == Side::BUY { OrderSide::Buy } else { OrderSide::Sell };
                let order = order(side, price, qty, reference);
                self.0.insert(reference, order);
                step(Step::Enter, order);
            }
            Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL => {
                let Some(order) = self.0.get_mut(&reference) else { return };
                let left = order.size.raw.saturating_sub(qty.0 * SHARE);
                order.size = Quantity::from_raw(left, 0);
                let order = *order;
                if left > 0 {
                    step(Step::Change, order);
                } else {
                    self.0.remove(&reference);
                    step(Step::Leave, order);
                }
            }
            Kind::DELETE => {
                if let Some(order) = self.0.remove(&reference) {
                    step(Step::Leave, order);
                }
            }
            Kind::REPLACE => {
                let Some(old) = self.0.remove(&reference) else { return };
                step(Step::Leave, old);
                let new = order(old.side, price, qty, message.other);
                self.0.insert(message.other, new);
                step(Step::Enter, new);
            }
            _ => {}
        }
    }
}

impl Contender for Feeder {
    #[inline]
    fn apply(&mut self, message: &Market) {
        self.feed(message, |_, order| {
            std::hint::black_box(order);
        });
    }

    fn orders(&self, see: &mut impl FnMut(u64, Side, Price, Qty)) {
        self.0.values().for_each(|order| show(order, see));
    }

    fn top(&self, _instrument: InstrumentId) -> Top {
        Top::default()
    }
}

/// The feeder and one book for each instrument.
pub(crate) struct Nautilus {
    feeder: Feeder,
    books: Vec<OrderBook>,
}

impl Nautilus {
    pub(crate) fn new(instruments: usize) -> Self {
        let book = |n| OrderBook::new(Id::from(format!("S{n}.XNAS")), BookType::L3_MBO);
        Self { feeder: Feeder::default(), books: (0..instruments).map(book).collect() }
    }
}

impl Contender for Nautilus {
    #[inline]
    fn apply(&mut self, message: &Market) {
        let Some(book) = self.books.get_mut(message.head.instrument.index()) else { return };
        let (sequence, time) = (message.head.cause.0, message.head.time.0.into());
        self.feeder.feed(message, |step, order| match step {
            Step::Enter => book.add(order, 0, sequence, time),
            Step::Change => book.update(order, 0, sequence, time),
            Step::Leave => book.delete(order, 0, sequence, time),
        });
    }

    fn orders(&self, see: &mut impl FnMut(u64, Side, Price, Qty)) {
        for book in &self.books {
            let levels = book.bids(None).chain(book.asks(None));
            levels.flat_map(BookLevel::iter).for_each(|order| show(order, see));
        }
    }

    fn top(&self, instrument: InstrumentId) -> Top {
        let book = &self.books[instrument.index()];
        let best = |level: Option<&BookLevel>| {
            level.map_or_else(Default::default, |level| {
                (Price(level.price.value.raw), Qty(level.size_raw() / SHARE))
            })
        };
        [best(book.bids(Some(1)).next()), best(book.asks(Some(1)).next())]
    }
}

fn show(order: &BookOrder, see: &mut impl FnMut(u64, Side, Price, Qty)) {
    let side = if order.side == OrderSide::Buy { Side::BUY } else { Side::SELL };
    see(order.order_id, side, Price(order.price.raw), Qty(order.size.raw / SHARE));
}
