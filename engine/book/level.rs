//! Levels: one price of one side of one instrument, with its total and the two ends of its queue.

use crate::base::unit::Side;

/// No slot: the end of a queue.
pub(super) const NIL: u32 = 0;

/// Half a cache line, so that a level never straddles two.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(super) struct Level {
    /// 1e-9 of the currency; above zero.
    pub(super) price: i64,
    /// Sum of the open quantities: 2^32 orders of 2^32 - 1 fit.
    pub(super) qty: u64,
    /// Orders in the queue; 0 in a free level.
    pub(super) count: u32,
    /// Slot of the order that trades first.
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

/// Index of a side into pairs: 0 bids, 1 asks.
#[inline]
pub(super) fn lane(side: Side) -> Option<usize> {
    match side {
        Side::BUY => Some(0),
        Side::SELL => Some(1),
        _ => None,
    }
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
