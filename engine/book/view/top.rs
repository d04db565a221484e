//! The best prices, and what follows from them. Integers throughout; every rounding is stated.

use super::super::ladder::Ladder;
use super::super::level::key;
use super::{Books, Ratio, Sizes};
use crate::base::unit::{InstrumentId, Price, Qty};

/// The best prices and what stands there; zeros where a side is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Best bid.
    pub bid: Price,
    /// Quantity at the best bid.
    pub bid_qty: Qty,
    /// Best ask.
    pub ask: Price,
    /// Quantity at the best ask.
    pub ask_qty: Qty,
}

impl Top {
    /// Whether there is a bid and an ask.
    #[inline]
    pub fn is_two_sided(&self) -> bool {
        self.bid_qty > Qty::ZERO && self.ask_qty > Qty::ZERO
    }

    /// Ask less bid: 0 in a locked market, below in a crossed one. `None` if a side is empty.
    #[inline]
    pub fn spread(&self) -> Option<Price> {
        self.is_two_sided().then(|| Price(self.ask.0.saturating_sub(self.bid.0)))
    }

    /// Halfway between bid and ask, exactly, in **halves** of 1e-9: bid + ask. `None` if a side is empty.
    #[inline]
    pub fn mid_halves(&self) -> Option<i64> {
        // A book's prices are below 2^62.
        self.is_two_sided().then(|| self.bid.0.saturating_add(self.ask.0))
    }

    /// Halfway between bid and ask, rounded down. `None` if a side is empty.
    #[inline]
    pub fn mid(&self) -> Option<Price> {
        self.mid_halves().map(|halves| Price(halves >> 1))
    }

    /// Bid and ask, each weighted by what stands on the **other** side: near the price that will give way first. Rounded
    /// to the nearest 1e-9, halves up; never outside bid and ask. `None` if a side is empty.
    #[inline]
    pub fn microprice(&self) -> Option<Price> {
        let spread = i128::from(self.spread()?.0);
        let bids = i128::from(self.bid_qty.0);
        let all = bids + i128::from(self.ask_qty.0);
        // 2^63 x 2^64 fits.
        let (whole, rest) = ((spread * bids).div_euclid(all), (spread * bids).rem_euclid(all));
        let above_bid = whole + i128::from(rest >= all - rest);
        i64::try_from(i128::from(self.bid.0) + above_bid).ok().map(Price)
    }

    /// Quantities of both sides.
    #[inline]
    pub fn sizes(&self) -> Sizes {
        Sizes { bid: self.bid_qty, ask: self.ask_qty }
    }

    /// (bid - ask) / (bid + ask) of the quantities. `None` if both sides are empty.
    #[inline]
    pub fn imbalance(&self) -> Option<Ratio> {
        self.sizes().imbalance()
    }
}

impl Books {
    /// Best prices. O(1), one cache line a side.
    #[inline]
    pub fn top(&self, i: InstrumentId) -> Top {
        let Some([bids, asks]) = self.sides.get(i.index()) else { return Top::default() };
        let best = |ladder: &Ladder, lane| {
            if ladder.is_empty() { Price(0) } else { Price(key(lane, ladder.best_key())) }
        };
        Top {
            bid: best(bids, 0),
            bid_qty: bids.best_qty,
            ask: best(asks, 1),
            ask_qty: asks.best_qty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn top(bid: i64, bid_qty: u64, ask: i64, ask_qty: u64) -> Top {
        Top { bid: Price(bid), bid_qty: Qty(bid_qty), ask: Price(ask), ask_qty: Qty(ask_qty) }
    }

    #[test]
    fn the_microprice_leans_to_the_side_with_less() {
        assert_eq!(top(100, 300, 110, 100).microprice(), Some(Price(108)), "107.5, halves up");
        assert_eq!(top(100, 301, 110, 100).microprice(), Some(Price(108)));
        assert_eq!(top(100, 299, 110, 100).microprice(), Some(Price(107)));
        assert_eq!(top(110, 100, 100, 300).microprice(), Some(Price(108)), "crossed: 107.5");
        assert_eq!(top(100, 5, 100, 9).microprice(), Some(Price(100)));
    }

    #[test]
    fn what_needs_two_sides_is_not_told_of_one() {
        for one in [top(100, 5, 0, 0), top(0, 0, 100, 5), Top::default()] {
            assert_eq!((one.spread(), one.mid(), one.mid_halves()), (None, None, None));
            assert_eq!(one.microprice(), None);
        }
        assert_eq!(top(100, 5, 0, 0).imbalance(), Some(Ratio { numerator: 5, denominator: 5 }));
        assert_eq!(Top::default().imbalance(), None);
    }

    #[test]
    fn the_mid_is_exact_in_halves() {
        let odd = top(100, 1, 103, 1);
        assert_eq!((odd.mid_halves(), odd.mid()), (Some(203), Some(Price(101))));
        assert_eq!(odd.spread(), Some(Price(3)));
        assert_eq!(top(103, 1, 100, 1).spread(), Some(Price(-3)));
    }

    proptest! {
        #[test]
        fn the_microprice_is_the_nearest_and_lies_between_bid_and_ask(
            bid in prop_oneof![1..1i64 << 62, 1..50i64],
            ask in prop_oneof![1..1i64 << 62, 1..50i64],
            bids in prop_oneof![1..1u64 << 63, 1..9u64],
            asks in prop_oneof![1..1u64 << 63, 1..9u64],
        ) {
            let top = top(bid, bids, ask, asks);
            let micro = top.microprice().unwrap().0;
            prop_assert!(bid.min(ask) <= micro && micro <= bid.max(ask));
            // micro - 1/2 <= exact < micro + 1/2, times twice the sum of quantities, less the bid.
            let all = i128::from(bids) + i128::from(asks);
            let exact = i128::from(ask - bid) * i128::from(bids);
            let off = exact - i128::from(micro - bid) * all;
            prop_assert!(-all <= 2 * off && 2 * off < all, "{off} of {all}");
            let mid = top.mid_halves().unwrap();
            prop_assert!(2 * bid.min(ask) <= mid && mid <= 2 * bid.max(ask));
        }
    }
}
