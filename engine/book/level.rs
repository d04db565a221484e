//! Levels: one price of one side of one instrument, with its total and the two ends of its queue.

use crate::base::pool::{Full, touched};
use crate::base::unit::Side;

/// No slot: the end of a queue.
pub(super) const NIL: u32 = 0;
/// Fewer than handles can name.
const LEVELS_MAX: usize = 1 << 31;

/// Half a cache line, so that a level never straddles two.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(super) struct Level {
    /// 1e-9 of the currency; above zero.
    pub(super) price: i64,
    /// Sum of the open quantities: 2^32 orders of 2^32 - 1 fit.
    pub(super) qty: u64,
    /// Orders in the queue; 0 in a free level. In a level that was set as a whole, what the feed tells.
    pub(super) count: u32,
    /// Slot of the order that trades first, `NIL` in a level that was set as a whole; in a free level, the next free one.
    pub(super) head: u32,
    /// Slot of the order that came last.
    pub(super) tail: u32,
    /// Instrument (31 bits) and lane (1 bit).
    owner: u32,
}

impl Level {
    /// An empty level.
    pub(super) fn new(instrument: usize, lane: usize, price: i64) -> Self {
        let owner = (instrument << 1 | lane) as u32;
        Self { price, qty: 0, count: 0, head: NIL, tail: NIL, owner }
    }

    /// Index of its instrument.
    #[inline]
    pub(super) fn instrument(&self) -> usize {
        self.owner as usize >> 1
    }

    /// Its lane.
    #[inline]
    pub(super) fn lane(&self) -> usize {
        self.owner as usize & 1
    }
}

/// All levels. Level 0 is nobody's: hints of unknown orders end there.
pub(super) struct Levels {
    levels: Vec<Level>,
    /// The one freed last, which is warm; 0 if none is.
    free: u32,
    /// Levels below were used at least once.
    fresh: u32,
    len: usize,
}

impl Levels {
    /// Memory that so many levels take.
    pub(super) fn bytes(levels: usize) -> usize {
        (levels.min(LEVELS_MAX) + 1) * size_of::<Level>()
    }

    /// Memory that was touched, counted from what is there.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        size_of_val(&self.levels[..])
    }

    /// Room for `levels` (2^31 at most), all of it touched.
    pub(super) fn new(levels: usize) -> Self {
        let levels = touched(levels.min(LEVELS_MAX) + 1, Level::default());
        Self { levels, free: 0, fresh: 1, len: 0 }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A level.
    #[inline]
    pub(super) fn get(&self, handle: u32) -> &Level {
        &self.levels[handle as usize]
    }

    /// A level, to change.
    #[inline]
    pub(super) fn get_mut(&mut self, handle: u32) -> &mut Level {
        &mut self.levels[handle as usize]
    }

    /// A place for a new level.
    #[inline]
    pub(super) fn insert(&mut self, level: Level) -> Result<u32, Full> {
        let handle = match self.free {
            0 if (self.fresh as usize) < self.levels.len() => {
                self.fresh += 1;
                self.fresh - 1
            }
            0 => return Err(Full),
            free => free,
        };
        let place = &mut self.levels[handle as usize];
        if handle == self.free {
            self.free = place.head;
        }
        *place = level;
        self.len += 1;
        Ok(handle)
    }

    /// The level goes; its orders have gone before.
    #[inline]
    pub(super) fn remove(&mut self, handle: u32) {
        let level = &mut self.levels[handle as usize];
        level.count = 0;
        level.head = self.free;
        self.free = handle;
        self.len -= 1;
    }
}

/// Index of a side into pairs: 0 bids, 1 asks.
#[inline]
pub(super) fn lane(side: Side) -> Option<usize> {
    match side {
        Side::BUY => Some(0),
        Side::SELL => Some(1),
        _ => None,
    }
}

/// As `lane`, where a side that is none may be taken for any.
#[inline]
pub(super) fn lane_or_any(side: Side) -> usize {
    usize::from(side == Side::SELL)
}

/// The side of a lane.
#[inline]
pub(super) fn side(lane: usize) -> Side {
    if lane == 0 { Side::BUY } else { Side::SELL }
}

/// What rungs are compared by: higher is better on both sides.
#[inline]
pub(super) fn key(lane: usize, price: i64) -> i64 {
    if lane == 0 { price } else { price.wrapping_neg() }
}

const _: () = assert!(size_of::<Level>() == 32);
