//! Books: every order of every instrument, in the order in which they trade (L3).
//!
//! Levels, best prices and queue positions fall out of the orders; a paper venue and strategies read them here.
//! A book is bound by cache misses, so the layout counts what a message touches:
//!
//! ```text
//! reference ─► directory ─► slot (16 B) ─► level (32 B)        ladder (64 B, one a side of an instrument)
//!              4 B a page   qty, level,    price, total,       the four best prices with their levels,
//!              of 128       prev, next     count, head,        quantity at the best; the others behind it in a
//!                                          tail, owner         sorted run of rungs (16 B), best last
//! ```
//!
//! * A reduction reads slot, level and ladder, and searches nothing. A deletion also touches the two neighbours in the
//!   queue. An addition finds its level in the ladder and touches the order that was last there.
//! * Which way a branch goes is seldom known: half of the messages add, half of the levels lose their last order. So the
//!   hot path selects instead of branching; slot 0 and level 0 are nobody's, and take what has nowhere to go.
//! * Everything is an index into a few large pools that are made at start ([`Limits`]). Nothing is allocated after
//!   that: a pool is reserved in full, touched for what a day needs, and beyond that in chunks as it fills.
//! * Memory is for orders that live: those that outlive the others of their page move together, and take some 80 bytes each
//!   instead of the page's 2.5 KiB.
//! * [`Books::hint`] brings a coming message's lines into the cache; it is worth half of the time where many orders live.
//! * Feeds that have no orders set levels as a whole ([`Books::set_level`]), in the same pools: such a level has no queue.
//!   A book holds orders or levels, never both.
//! * Prices are `i64`; an order's quantity is kept as `u32`, because that is what ITCH can say and it keeps a slot at
//!   16 bytes. More is refused and counted (`quantity_out_of_range`). Level totals are `u64`.
//!
//! * An instrument's book is `BUILDING` until the feed says that its messages or the system's hours begin: who joins later
//!   may have missed orders. Then it is `LIVE`, until there is no room for an order of it, or messages begin anew while it
//!   holds something: `STALE`. Its phase has nothing to do with that, and messages are applied in any case. While the feed
//!   misses something, what would be `LIVE` is `STALE`; when nothing is missing any more, what was building is complete.
//!
//! What always holds: a level's total and count are those of its queue, if it has one, and no level is empty; the best
//! prices are the ladders' first; whatever bytes come, a message is applied or counted. [`Books::verify`] recomputes
//! all of it.

mod anomaly;
mod apply;
mod change;
mod hint;
mod host;
mod ladder;
mod level;
mod orders;
mod record;
mod set_level;
mod verify;
mod view;
mod whole;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use anomaly::{Anomalies, Anomaly, Example};
pub use change::Change;
pub use host::Host;
pub use verify::Fault;
pub use view::{Ahead, Depth, LevelView, OrderFlow, OrderView, Ratio, Sizes, Top, Walk};

use crate::base::pool::touched;
use crate::base::unit::{Price, Qty};
use ladder::Rungs;
use level::Levels;
use orders::Orders;
use record::{Record, Session, Sides};

/// Above every price that ITCH allows: 200,000 of the currency.
const PRICE_MAX: Price = Price::from_e4(2_000_000_000);
/// What an instrument's place leaves of a level's owner, and more than any market lists.
const INSTRUMENTS_MAX: usize = 1 << 24;

/// The most that the books hold. What is above is refused and counted as `pool_exhausted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Orders alive at a time, over all instruments; 2^26 at most. Costs up to 42 bytes each at start. More is reserved,
    /// and touched when it is needed: some 75 an order in all where long-lived ones lie among many that died, 100
    /// where references follow no order.
    pub orders: usize,
    /// Levels at a time, over all instruments. Costs 48 bytes each at start, up to 96 in all.
    pub levels: usize,
    /// Instruments: ids are below this; 2^24 at most. Costs 404 bytes each.
    pub instruments: usize,
}

impl Default for Limits {
    /// A whole Nasdaq day.
    fn default() -> Self {
        Self { orders: 1 << 21, levels: 1 << 20, instruments: 1 << 14 }
    }
}

impl Limits {
    /// Memory that books of these limits take at start, in bytes: for orders, for levels, for instruments.
    pub fn bytes(&self) -> [usize; 3] {
        let instruments = self.instruments.min(INSTRUMENTS_MAX);
        let rungs = Rungs::bytes(self.levels, 0);
        let levels = Levels::bytes(self.levels).saturating_add(rungs);
        let own = size_of::<Record>() + size_of::<Sides>() + size_of::<(Price, Qty)>();
        let blocks = Rungs::bytes(self.levels, instruments * 2).saturating_sub(rungs);
        [Orders::bytes(self.orders), levels, (own * instruments).saturating_add(blocks)]
    }
}

/// All books of a shard.
pub struct Books {
    /// By instrument: its ladders.
    sides: Vec<Sides>,
    /// By instrument: its states.
    records: Vec<Record>,
    /// By instrument: the last trade; quantity 0 if there was none. Apart from the records, which every message reads.
    trades: Vec<(Price, Qty)>,
    rungs: Rungs,
    levels: Levels,
    orders: Orders,
    session: Session,
    /// The feed misses something: no book can be vouched for.
    gapped: bool,
    /// One above the highest instrument that a message named.
    seen: usize,
    /// Orders that got a priority so far; wraps.
    arrivals: u32,
    anomalies: Anomalies,
}

impl Books {
    /// Empty books, before the open. They are building until the day's start is seen; until told otherwise, every
    /// instrument is trading.
    pub fn new(limits: &Limits) -> Self {
        let instruments = limits.instruments.min(INSTRUMENTS_MAX);
        Self {
            sides: touched(instruments, Sides::default()),
            records: touched(instruments, Record::default()),
            trades: touched(instruments, (Price(0), Qty::ZERO)),
            rungs: Rungs::new(limits.levels, instruments * 2),
            levels: Levels::new(limits.levels),
            orders: Orders::new(limits.orders),
            session: Session::Before,
            gapped: false,
            seen: 0,
            arrivals: 0,
            anomalies: Anomalies::default(),
        }
    }
}
