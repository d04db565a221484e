//! The generator's own books: what it may do next, in as few bytes as will do.
//!
//! An order is 32 bytes in one pool, linked into the queue of its price; a symbol adds 4 bytes an order so that any of
//! them can be picked at random. Levels of a side stand in one sorted list, the best last, because what changes is near it.

use super::distributions::{PRICE_CENTS, Random};
use crate::base::instrument::Symbol;
use crate::base::unit::Side;

/// One cent in the wire's unit, 1e-4 of the dollar.
pub(super) const TICK: u32 = 100;

const NONE: u32 = u32::MAX;
/// Fair prices stay above 2 dollars (deep bids must stay above zero) and below 20,000.
const FAIR: std::ops::RangeInclusive<u32> = 20_000..=200_000_000;

/// An order's place in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// A live order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) reference: u64,
    /// In 1e-4 of the dollar.
    pub(super) price: u32,
    /// Shares left; above 0.
    pub(super) shares: u32,
    /// Neighbours in the queue; in a free entry, `behind` is the next free one.
    ahead: u32,
    behind: u32,
    /// Place in the symbol's list of orders.
    slot: u32,
    pub(super) locate: u16,
    pub(super) side: Side,
}

const _: () = assert!(size_of::<Order>() == 32);

/// A price with orders: the ends of its queue.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Rises towards the other side: the price of a bid, the complement of an ask's.
    rank: u32,
    head: u32,
    tail: u32,
}

/// A symbol and its book.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) symbol: Symbol,
    /// How many live orders it should have.
    pub(super) target: u32,
    /// While true, nothing executes.
    pub(super) halted: bool,
    /// The price that quotes follow; a multiple of [`TICK`].
    fair: u32,
    /// Ticks between the fair price and the natural best prices.
    half_spread: u32,
    /// Its orders, in no order but that late ones are mostly late in the list.
    orders: Vec<u32>,
    sides: [Vec<Level>; 2],
}

/// All books.
#[derive(Debug)]
pub(super) struct Market {
    pool: Vec<Order>,
    free: u32,
    live: u32,
    listings: Vec<Listing>,
}

fn index(side: Side) -> usize {
    usize::from(!side.is_buy())
}

/// See [`Level::rank`].
fn rank(side: Side, price: u32) -> u32 {
    if side.is_buy() { price } else { !price }
}

/// The symbol of the listing that comes as number `locate`: AAAB, AAAC, ...
fn name(locate: u16) -> Symbol {
    let mut symbol = Symbol::BLANK;
    let mut rest = u32::from(locate);
    for letter in symbol.0[..4].iter_mut().rev() {
        *letter = b'A' + (rest % 26) as u8;
        rest /= 26;
    }
    symbol
}

impl Market {
    /// Empty books: a listing for each of `targets`, which are (live orders wanted, half the spread in ticks).
    pub(super) fn new(targets: impl Iterator<Item = (u32, u32)>, random: &mut Random) -> Self {
        let listings = targets.enumerate().map(|(place, (target, half_spread))| Listing {
            symbol: name(place as u16 + 1),
            target,
            halted: false,
            fair: random.quantile(&PRICE_CENTS) as u32 * TICK,
            half_spread,
            orders: Vec::new(),
            sides: [Vec::new(), Vec::new()],
        });
        Self { pool: Vec::new(), free: NONE, live: 0, listings: listings.collect() }
    }

    /// Live orders of all listings.
    pub(super) fn live(&self) -> u32 {
        self.live
    }

    /// The listing of locate code `locate`, from 1.
    pub(super) fn listing(&self, locate: u16) -> &Listing {
        &self.listings[usize::from(locate) - 1]
    }

    pub(super) fn listing_mut(&mut self, locate: u16) -> &mut Listing {
        &mut self.listings[usize::from(locate) - 1]
    }

    pub(super) fn order(&self, id: Id) -> &Order {
        &self.pool[id.0 as usize]
    }

    /// The order that would execute next on `side`.
    pub(super) fn front(&self, locate: u16, side: Side) -> Option<Id> {
        self.listing(locate).sides[index(side)].last().map(|level| Id(level.head))
    }

    /// Any order of the listing; with `recent`, one of its latest.
    pub(super) fn pick(&self, locate: u16, recent: bool, random: &mut Random) -> Option<Id> {
        const RECENT: usize = 8;
        let orders = &self.listing(locate).orders;
        let first = if recent { orders.len().saturating_sub(RECENT) } else { 0 };
        let place = first + random.below((orders.len() - first) as u32) as usize;
        orders.get(place).map(|&id| Id(id))
    }

    /// An order enters, last in the queue of its price.
    pub(super) fn add(&mut self, locate: u16, reference: u64, side: Side, price: u32, shares: u32) {
        let id = if self.free == NONE { self.pool.len() as u32 } else { self.free };
        let listing = &mut self.listings[usize::from(locate) - 1];
        let slot = listing.orders.len() as u32;
        listing.orders.push(id);
        let mut order =
            Order { reference, price, shares, ahead: NONE, behind: NONE, slot, locate, side };

        let (levels, rank) = (&mut listing.sides[index(side)], rank(side, price));
        let place = levels.partition_point(|level| level.rank < rank);
        match levels.get_mut(place).filter(|level| level.rank == rank) {
            Some(level) => {
                order.ahead = level.tail;
                self.pool[level.tail as usize].behind = id;
                level.tail = id;
            }
            None => levels.insert(place, Level { rank, head: id, tail: id }),
        }
        match self.pool.get_mut(id as usize) {
            Some(entry) => {
                self.free = entry.behind;
                *entry = order;
            }
            None => self.pool.push(order),
        }
        self.live += 1;
    }

    /// `shares` of an order, at most what it has, go; with the last of them the order goes.
    pub(super) fn reduce(&mut self, id: Id, shares: u32) {
        let order = &mut self.pool[id.0 as usize];
        assert!(shares <= order.shares, "an order has no more shares than it has");
        order.shares -= shares;
        if order.shares == 0 {
            self.remove(id);
        }
    }

    /// An order goes.
    pub(super) fn remove(&mut self, id: Id) {
        let order = self.pool[id.0 as usize];
        let listing = &mut self.listings[usize::from(order.locate) - 1];
        listing.orders.swap_remove(order.slot as usize);
        if let Some(&moved) = listing.orders.get(order.slot as usize) {
            self.pool[moved as usize].slot = order.slot;
        }
        if order.ahead != NONE {
            self.pool[order.ahead as usize].behind = order.behind;
        }
        if order.behind != NONE {
            self.pool[order.behind as usize].ahead = order.ahead;
        }
        // In the middle of a queue, its level is the same as before.
        if order.ahead == NONE || order.behind == NONE {
            let levels = &mut listing.sides[index(order.side)];
            let rank = rank(order.side, order.price);
            let place = levels.partition_point(|level| level.rank < rank);
            match (order.ahead, order.behind) {
                (NONE, NONE) => drop(levels.remove(place)),
                (NONE, behind) => levels[place].head = behind,
                (ahead, _) => levels[place].tail = ahead,
            }
        }
        self.pool[id.0 as usize].behind = self.free;
        self.free = id.0;
        self.live -= 1;
    }
}

impl Listing {
    /// Live orders.
    pub(super) fn live(&self) -> u32 {
        self.orders.len() as u32
    }

    /// The best price of a side.
    pub(super) fn best(&self, side: Side) -> Option<u32> {
        // The complement of an ask's rank is its price again.
        self.sides[index(side)].last().map(|level| rank(side, level.rank))
    }

    /// Halfway between the best prices, rounded down to 1e-4 of the dollar.
    pub(super) fn middle(&self) -> Option<u32> {
        Some(u32::midpoint(self.best(Side::BUY)?, self.best(Side::SELL)?))
    }

    /// The price that quotes follow.
    pub(super) fn fair(&self) -> u32 {
        self.fair
    }

    /// The fair price moves a tick.
    pub(super) fn drift(&mut self, up: bool) {
        let moved = if up { self.fair + TICK } else { self.fair - TICK };
        self.fair = moved.clamp(*FAIR.start(), *FAIR.end());
    }

    /// The price `distance` ticks behind the best of `side`, or before it if negative, that does not meet the other side.
    ///
    /// Where the book has a hole, the natural best price counts as the best.
    pub(super) fn quote(&self, side: Side, distance: i32) -> u32 {
        let spread = self.half_spread * TICK;
        let (natural, other) = if side.is_buy() {
            (self.fair - TICK - spread, self.best(Side::SELL))
        } else {
            (self.fair + spread, self.best(Side::BUY))
        };
        let best = self.best(side).unwrap_or(natural);
        // Nothing to meet: no reason to give way. And a quarter of the price is as deep as it gets.
        let distance = if other.is_none() { distance.max(0) } else { distance };
        let depth = distance.min((natural / TICK / 4) as i32) * TICK as i32;
        if side.is_buy() {
            let price = best.max(natural).saturating_add_signed(-depth);
            other.map_or(price, |ask| price.min(ask - TICK))
        } else {
            let price = best.min(natural).saturating_add_signed(depth);
            other.map_or(price, |bid| price.max(bid + TICK))
        }
    }

    /// The side that the next execution takes: three times in four the one that brings the book to the fair price.
    pub(super) fn taken_side(&self, random: &mut Random) -> Option<Side> {
        let side = match self.middle() {
            None => return None,
            Some(middle) if middle < self.fair => Side::SELL,
            Some(_) => Side::BUY,
        };
        Some(if random.below(4) > 0 { side } else { side.opposite() })
    }
}
