//! Walks: what a quantity would cost if it were taken at once, and what a price would buy.

use super::Books;
use crate::base::unit::{InstrumentId, Money, Price, Qty, Side};

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

    /// Takes up to `qty` at a price; what is filled is capped at the largest quantity, and nothing taken beyond it.
    #[inline]
    fn take(&mut self, price: Price, qty: Qty) {
        // So the notional is below 2^62 x 2^64.
        let taken = qty.min(Qty(u64::MAX).saturating_sub(self.filled));
        self.notional.0 += price.notional(taken).0;
        self.filled = self.filled.saturating_add(taken);
        self.worst = price;
        self.levels += 1;
    }
}

impl Books {
    /// Takes `qty` from a side's levels in thought, best first. One cache line a level used.
    pub fn walk(&self, i: InstrumentId, side: Side, qty: Qty) -> Walk {
        let mut walk = Walk { unfilled: qty, ..Walk::default() };
        for level in self.levels(i, side) {
            if walk.unfilled == Qty::ZERO {
                break;
            }
            let taken = level.qty.min(walk.unfilled);
            walk.take(level.price, taken);
            walk.unfilled = walk.unfilled.saturating_sub(taken);
        }
        walk
    }

    /// Takes all that a side has at `limit` or better, in thought: the inverse of [`walk`](Self::walk), whose answer for
    /// as much is the same. Nothing is left unfilled, for no quantity was asked for.
    pub fn quantity_to(&self, i: InstrumentId, side: Side, limit: Price) -> Walk {
        let mut walk = Walk::default();
        for level in self.levels(i, side) {
            let beyond = if side.is_buy() { level.price < limit } else { level.price > limit };
            if beyond || walk.filled == Qty(u64::MAX) {
                break;
            }
            walk.take(level.price, level.qty);
        }
        walk
    }
}
