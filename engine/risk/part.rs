//! What a strategy holds of an instrument, and what it cost.
#![forbid(unsafe_code)]

use super::check::Exposure;
use crate::base::unit::{Money, Position, Qty};
use crate::portfolio::share;

/// One strategy's part in one instrument.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) exposure: Exposure,
    /// What the open position cost; below zero: what its sale brought. Average cost: a fill against the position takes the
    /// same share of the cost as of the quantity.
    cost: i128,
}

impl Part {
    /// Takes in a trade of `qty` (below zero: a sale) for `paid` (below zero: received). Returns by how much the cost of
    /// the position rose, signs left out.
    pub(super) fn trade(&mut self, qty: i64, paid: i128) -> i128 {
        let before = self.cost.saturating_abs();
        let held = self.exposure.position.0;
        let closing = if held.signum() * qty.signum() < 0 {
            qty.unsigned_abs().min(held.unsigned_abs())
        } else {
            0
        };
        if closing > 0 {
            self.cost -= share(Money(self.cost), closing, held.unsigned_abs()).0;
        }
        // What opens was traded at the same price as what closes.
        let opening = qty.unsigned_abs() - closing;
        let cost = if opening > 0 { share(Money(paid), opening, qty.unsigned_abs()).0 } else { 0 };
        self.cost = self.cost.saturating_add(cost);
        self.exposure.position = Position(held.saturating_add(qty));
        self.cost.saturating_abs() - before
    }
}

/// A quantity with the sign of its side: a purchase above zero.
pub(super) fn signed(is_buy: bool, qty: Qty) -> i64 {
    if is_buy { qty.signed() } else { -qty.signed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_position_follows_it_through_zero() {
        let mut part = Part::default();
        assert_eq!(part.trade(100, 1_000), 1_000);
        assert_eq!(part.trade(100, 2_000), 2_000);
        // A quarter is sold, whatever for: three quarters of 3,000 are left.
        assert_eq!(part.trade(-50, -5_000), -750);
        // 150 are sold and 50 sold short, at 10 each: 500 stand in for 2,250.
        assert_eq!(part.trade(-200, -2_000), 500 - 2_250);
        assert_eq!(part.exposure.position, Position(-50));
        assert_eq!(part.trade(50, 1), -500);
    }
}
