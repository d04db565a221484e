//! How our orders fill in a replay: the rules, and what the venue keeps. `order.rs` has what arrives, `rest.rs` what
//! rests, `market.rs` what the market does to it, `taken.rs` what we took.
//!
//! The recorded market does not react to us; these rules keep us from profiting by that.
//!
//! * `taken`: shares of each real order that we took. What is available of it is its quantity less those, never below
//!   zero. Taken is not lowered by what the market does later, moves along a replace, and goes with the order. Real
//!   executions of shares that we had taken are counted (`displaced`), not given to someone else.
//! * An order that arrives at time T sees every market message up to T. It takes what is available level by level, up to
//!   its limit and at most `sweep_levels`; what it then leaves rests (day) or is cancelled (IOC, market, or swept: there is
//!   more that it could take).
//! * A resting order has ahead of it the real orders that were at its price first. It fills when none of them is left
//!   and a real order behind it, or at a worse price, executes; or when a real order of the other side comes to rest at
//!   its price or better (that order's `taken` grows). It fills at its own price.
//! * A replace names the whole of its chain, what was executed before included, as OUCH has it: what fills while it is
//!   on its way is not open twice.
//! * When market hours end every resting order expires, for all of them are day orders. They may be more than a burst:
//!   `expire` says as many as there is room for, and nothing else happens at the venue until all are gone.
//! * Hidden trades and crosses never fill; nothing fills, and nothing new is taken, outside continuous trading. Our
//!   own orders do not trade with each other.
#![forbid(unsafe_code)]

mod market;
mod order;
mod rest;
mod taken;

use crate::base::message::{Flags, Header, Kind, Market, Report, Source};
use crate::base::pool::{IdMap, Slab};
use crate::base::stage::Sink;
use crate::base::unit::*;

/// What the venue takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Price levels that an order takes on arrival.
    pub sweep_levels: usize,
    /// Orders of ours that rest in one instrument.
    pub resting_max: usize,
    /// Orders of ours that rest at all, and real orders of which we took some.
    pub orders_max: usize,
    /// Instruments.
    pub instruments: usize,
}

impl Rules {
    /// Memory that a venue of these rules takes, in bytes: for orders, for instruments.
    pub fn bytes(&self) -> [usize; 2] {
        let maps = IdMap::<u32>::bytes(self.orders_max) + IdMap::<u64>::bytes(self.orders_max);
        let orders = Slab::<Resting>::bytes(self.orders_max) + maps;
        [orders, self.instruments * size_of::<Watch>()]
    }
}

/// What the venue has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaperCounts {
    /// Shares of real executions that we had taken before.
    pub displaced: u64,
    /// Fills that were not given because no more taken orders could be kept.
    pub untracked: u64,
}

const NOBODY: u32 = u32::MAX;

/// An order of ours that rests; a list by instrument, most aggressive price first, then first come.
#[derive(Clone, Copy)]
struct Resting {
    order: OrderId,
    price: Price,
    leaves: Qty,
    /// What it is for, with all that it and the orders before it in its chain of replaces have executed.
    total: Qty,
    /// Real orders that had come when it did: those up to this count are ahead.
    arrival: u32,
    next: u32,
    instrument: InstrumentId,
    side: Side,
}

const NO_ORDER: Resting = Resting {
    order: OrderId::NONE,
    price: Price(0),
    leaves: Qty::ZERO,
    total: Qty::ZERO,
    arrival: 0,
    next: NOBODY,
    instrument: InstrumentId::NONE,
    side: Side(0),
};

/// What there is to look after in an instrument.
#[derive(Clone, Copy)]
struct Watch {
    /// The first of our orders that rest.
    first: u32,
    /// Real orders of which we took some.
    taken: u32,
    /// A bit for each of those: most messages are on other orders, and need no look into the map.
    filter: u64,
}

impl Watch {
    const NOTHING: Self = Self { first: NOBODY, taken: 0, filter: 0 };

    fn bit(reference: u64) -> u64 {
        1 << (reference.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }

    fn may_have_taken(self, reference: u64) -> bool {
        self.filter & Self::bit(reference) != 0
    }
}

/// The end of market hours, and how far its orders have expired.
#[derive(Clone, Copy)]
struct Closing {
    time: Nanos,
    cause: Seq,
    cursor: u32,
}

const NOT_CLOSING: Closing = Closing { time: Nanos::MAX, cause: Seq(0), cursor: 0 };

/// The venue.
pub struct Venue {
    rules: Rules,
    shard: ShardId,
    latency_in: Nanos,
    resting: Slab<Resting>,
    by_order: IdMap<u32>,
    taken: IdMap<u64>,
    watch: Vec<Watch>,
    closing: Closing,
    events: u64,
    counts: PaperCounts,
}

impl Venue {
    /// A venue beside book shard `shard`, whose events reach route after `latency_in`.
    pub fn new(rules: Rules, shard: ShardId, latency_in: Nanos) -> Self {
        Self {
            rules,
            shard,
            latency_in,
            resting: Slab::new(rules.orders_max, NO_ORDER),
            by_order: IdMap::dense(rules.orders_max),
            taken: IdMap::new(rules.orders_max),
            watch: vec![Watch::NOTHING; rules.instruments],
            closing: NOT_CLOSING,
            events: 0,
            counts: PaperCounts::default(),
        }
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What it has seen.
    pub fn counts(&self) -> PaperCounts {
        self.counts
    }

    /// Most events that one message can cause.
    pub fn burst(&self) -> usize {
        (self.rules.sweep_levels + 2).max(self.rules.resting_max)
    }

    fn event(&self, message: &Market, kind: Kind, order: OrderId, side: Side) -> Report {
        let head = Header {
            time: message.head.time.plus(self.latency_in),
            cause: message.head.cause,
            instrument: message.head.instrument,
            kind,
            source: Source(Source::VENUE.0 + self.shard.0 as u8),
            flags: Flags::default(),
        };
        Report { head, order, shard: self.shard, side, ..Report::default() }
    }

    fn emit(&mut self, event: Report, back: &mut impl Sink<Report>) {
        self.events += 1;
        back.put(&Report { sequence: self.events, ..event });
    }
}

/// Whether an order of `side` at `price` stands before one at `other`.
fn better(side: Side, price: Price, other: Price) -> bool {
    if side.is_buy() { price > other } else { price < other }
}
