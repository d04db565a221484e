//! Levels: one price of one side of a symbol, with its totals and the ends of its two queues; and the ladders they stand in.
//!
//! A symbol has six ladders: two of the book, and two each for the orders of the opening and the closing cross. A price is known
//! by its *rank*: lower is better on either side, and a market order's is 0. Levels of a ladder are linked best to worst, so
//! that walks need no search; a tree finds the others. A level without orders goes at once.

use super::command::CrossSession;
use super::tree::{NONE, Neighbour, Trees};
use crate::base::pool::{Full, Slab, touched};
use crate::base::unit::Side;
use crate::exchange::unit::{Locate, Price4};

/// One side of a symbol's book, or of the orders of one of its crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LadderId(u32);

/// Ladders of a symbol are numbered from a multiple of this: the book's two share a cache line.
const PER_SYMBOL: u32 = 8;

#[derive(Clone, Copy)]
pub(super) struct Ladder {
    pub(super) root: u32,
    pub(super) best: u32,
    worst: u32,
    /// Of the best level; meaningless while there is none.
    best_rank: u32,
}

/// One of the two queues of a level: slots of the first and the last order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) head: u32,
    pub(super) tail: u32,
}

/// One price.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Level {
    pub(super) rank: u32,
    pub(super) ladder: LadderId,
    /// The next worse level.
    pub(super) next: u32,
    /// The next better one.
    pub(super) prev: u32,
    /// `FRONT` and `BACK`.
    pub(super) queues: [Ends; 2],
    /// Shares that show.
    pub(super) shown: u64,
    /// Shares of all orders.
    pub(super) open: u64,
    /// Shares of orders with a minimum.
    pub(super) conditional: u64,
    pub(super) orders: u32,
}

const _: () = assert!(size_of::<Level>() == 64, "one cache line");

/// The queue of what shows, or waits for its cross.
pub(super) const FRONT: usize = 0;
/// The queue of what is hidden.
pub(super) const BACK: usize = 1;

/// All levels of all symbols.
pub(super) struct Levels {
    ladders: Vec<Ladder>,
    pool: Slab<Level>,
    pub(super) trees: Trees,
    capacity: usize,
}

/// Where a price stands on a side.
#[inline]
pub(super) const fn rank(side: Side, price: Price4) -> u32 {
    if side.is_buy() { !price.0 } else { price.0 }
}

impl LadderId {
    #[inline]
    pub(super) const fn new(locate: Locate, session: CrossSession, side: Side) -> Self {
        let session = match session {
            CrossSession::Continuous => 0,
            CrossSession::Opening => 2,
            CrossSession::Closing => 4,
        };
        Self(locate.0 as u32 * PER_SYMBOL + session + !side.is_buy() as u32)
    }

    #[inline]
    pub(super) const fn locate(self) -> Locate {
        Locate((self.0 / PER_SYMBOL) as u16)
    }

    #[inline]
    pub(super) const fn side(self) -> Side {
        if self.0 & 1 == 0 { Side::BUY } else { Side::SELL }
    }

    #[inline]
    pub(super) const fn session(self) -> CrossSession {
        match self.0 % PER_SYMBOL / 2 {
            0 => CrossSession::Continuous,
            1 => CrossSession::Opening,
            _ => CrossSession::Closing,
        }
    }
}

impl Level {
    const EMPTY: Self = Self {
        rank: 0,
        ladder: LadderId(0),
        next: NONE,
        prev: NONE,
        queues: [Ends { head: NONE, tail: NONE }; 2],
        shown: 0,
        open: 0,
        conditional: 0,
        orders: 0,
    };

    /// Its price; the highest or 0 for market orders.
    #[inline]
    pub(super) fn price(&self) -> Price4 {
        Price4(if self.ladder.side().is_buy() { !self.rank } else { self.rank })
    }

    /// Shares that may trade in a cross: an order with a minimum waits for an arrival.
    pub(super) fn crossing(&self) -> u64 {
        self.open - self.conditional
    }
}

impl Levels {
    /// Memory that it takes.
    pub(super) fn bytes(levels: usize, symbols: u16) -> usize {
        let ladders = (usize::from(symbols) + 1) * PER_SYMBOL as usize;
        ladders * size_of::<Ladder>() + Slab::<Level>::bytes(levels) + Trees::bytes(levels, ladders)
    }

    pub(super) fn new(levels: usize, symbols: u16) -> Self {
        let ladders = (usize::from(symbols) + 1) * PER_SYMBOL as usize;
        Self {
            ladders: touched(ladders, Ladder { root: NONE, best: NONE, worst: NONE, best_rank: 0 }),
            pool: Slab::new(levels, Level::EMPTY),
            trees: Trees::new(levels, ladders),
            capacity: levels,
        }
    }

    #[inline]
    pub(super) fn ladder(&self, ladder: LadderId) -> &Ladder {
        &self.ladders[ladder.0 as usize]
    }

    /// The best level of a ladder; `NONE` if it is empty.
    #[inline]
    pub(super) fn best(&self, ladder: LadderId) -> u32 {
        self.ladders[ladder.0 as usize].best
    }

    /// The best level if its rank is not above `reach`; else `NONE`.
    #[inline]
    pub(super) fn within(&self, ladder: LadderId, reach: u32) -> u32 {
        let ladder = &self.ladders[ladder.0 as usize];
        if ladder.best_rank <= reach { ladder.best } else { NONE }
    }

    /// The levels of a ladder, best first.
    pub(super) fn of(&self, ladder: LadderId) -> impl Iterator<Item = &Level> {
        let mut at = self.best(ladder);
        std::iter::from_fn(move || {
            let level = (at != NONE).then(|| &self.pool[at])?;
            at = level.next;
            Some(level)
        })
    }

    /// The level of a price, if it has one.
    #[inline]
    pub(super) fn find(&self, ladder: LadderId, rank: u32) -> Option<u32> {
        let ladder = &self.ladders[ladder.0 as usize];
        if ladder.best_rank == rank && ladder.best != NONE {
            return Some(ladder.best);
        }
        self.trees.get(ladder.root, rank)
    }

    /// Whether an order at that price would find its level, or room for a new one.
    pub(super) fn has_room(&self, ladder: LadderId, rank: u32) -> bool {
        self.pool.len() < self.capacity || self.find(ladder, rank).is_some()
    }

    /// The level of a price, made if there is none.
    #[inline]
    pub(super) fn find_or_make(&mut self, ladder: LadderId, rank: u32) -> Result<u32, Full> {
        match self.find(ladder, rank) {
            Some(level) => Ok(level),
            None => self.make(ladder, rank),
        }
    }

    fn make(&mut self, id: LadderId, rank: u32) -> Result<u32, Full> {
        let level = self.pool.insert(Level { rank, ladder: id, ..Level::EMPTY })?;
        let ladder = &mut self.ladders[id.0 as usize];
        let (prev, next) = match self.trees.insert(&mut ladder.root, rank, level) {
            Ok(Neighbour::Alone) => (NONE, NONE),
            Ok(Neighbour::After(prev)) => (prev, self.pool[prev].next),
            Ok(Neighbour::Before(next)) => (self.pool[next].prev, next),
            Err(Full) => {
                self.pool.remove(level);
                return Err(Full);
            }
        };
        (self.pool[level].prev, self.pool[level].next) = (prev, next);
        match prev {
            NONE => (ladder.best, ladder.best_rank) = (level, rank),
            _ => self.pool[prev].next = level,
        }
        match next {
            NONE => ladder.worst = level,
            _ => self.pool[next].prev = level,
        }
        Ok(level)
    }

    /// Gives the level up if it has no orders.
    #[inline]
    pub(super) fn retire(&mut self, level: u32) {
        if self.pool[level].orders == 0 {
            self.remove(level);
        }
    }

    fn remove(&mut self, level: u32) {
        let Level { ladder, rank, prev, next, .. } = self.pool[level];
        let ladder = &mut self.ladders[ladder.0 as usize];
        match prev {
            NONE => ladder.best = next,
            _ => self.pool[prev].next = next,
        }
        match next {
            NONE => ladder.worst = prev,
            _ => self.pool[next].prev = prev,
        }
        if prev == NONE && next != NONE {
            ladder.best_rank = self.pool[next].rank;
        }
        self.trees.remove(&mut ladder.root, rank);
        self.pool.remove(level);
    }
}

impl std::ops::Index<u32> for Levels {
    type Output = Level;

    #[inline]
    fn index(&self, level: u32) -> &Level {
        &self.pool[level]
    }
}

impl std::ops::IndexMut<u32> for Levels {
    #[inline]
    fn index_mut(&mut self, level: u32) -> &mut Level {
        &mut self.pool[level]
    }
}
