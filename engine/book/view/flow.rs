//! Order-flow imbalance: how much more came to buy than to sell, as the best prices and quantities tell it.
//!
//! R. Cont, A. Kukanov, S. Stoikov, "The Price Impact of Order Book Events", Journal of Financial Econometrics 12 (2014).
//! From one top to the next, with bid `b`, ask `a` and their quantities `q`, the contribution is
//!
//! ```text
//! e = [b' >= b] q_b' - [b' <= b] q_b - [a' <= a] q_a' + [a' >= a] q_a
//! ```
//!
//! A bid that rises, or grows, counts for the buyers; one that falls, or shrinks, against them; asks the other way round.
//! An empty side is one whose price is as far away as can be and whose quantity is 0.

use super::Top;
use crate::base::unit::{Price, Qty};

/// The order-flow imbalance of an instrument, kept from top to top.
///
/// Feed it where [`Change::top`](super::Change::top) is set, or for every message: a top that stayed contributes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFlow {
    last: Option<Top>,
    sum: i128,
}

impl OrderFlow {
    /// No top seen, nothing summed.
    pub const fn new() -> Self {
        Self { last: None, sum: 0 }
    }

    /// Takes in the top as it stands now; tells what that contributed, in lots. The first contributes nothing.
    #[inline]
    pub fn update(&mut self, top: Top) -> i128 {
        let Some(last) = self.last.replace(top) else { return 0 };
        let bid = side(last.bid, last.bid_qty, top.bid, top.bid_qty);
        // As bids, asks are better the lower they are.
        let ask = side(reversed(&last), last.ask_qty, reversed(&top), top.ask_qty);
        self.sum += bid - ask;
        bid - ask
    }

    /// The sum of the contributions since the last `take`, in lots.
    #[inline]
    pub fn sum(&self) -> i128 {
        self.sum
    }

    /// Ends an interval: tells its sum and begins the next at 0.
    #[inline]
    pub fn take(&mut self) -> i128 {
        std::mem::take(&mut self.sum)
    }

    /// After a gap: forgets the last top, so that what was missed does not count. The sum stays.
    pub fn forget(&mut self) {
        self.last = None;
    }
}

/// The ask, higher where it is better; an empty side is worse than any.
#[inline]
fn reversed(top: &Top) -> Price {
    if top.ask_qty == Qty::ZERO { Price(i64::MIN) } else { Price(top.ask.0.wrapping_neg()) }
}

/// One side's contribution; higher prices are better. An empty bid has price 0, which is below any.
#[inline]
fn side(last: Price, last_qty: Qty, now: Price, qty: Qty) -> i128 {
    let came = if now >= last { i128::from(qty.0) } else { 0 };
    let went = if now <= last { i128::from(last_qty.0) } else { 0 };
    came - went
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(bid: i64, bid_qty: u64, ask: i64, ask_qty: u64) -> Top {
        Top { bid: Price(bid), bid_qty: Qty(bid_qty), ask: Price(ask), ask_qty: Qty(ask_qty) }
    }

    #[test]
    fn every_way_a_side_can_move_counts_as_the_definition_says() {
        let start = top(100, 30, 110, 40);
        for (next, contribution) in [
            (top(100, 50, 110, 40), 20),  // The bid grows by 20.
            (top(100, 10, 110, 40), -20), // It shrinks.
            (top(101, 7, 110, 40), 7),    // It rises: all of the new one came.
            (top(99, 90, 110, 40), -30),  // It falls: all of the old one went.
            (top(0, 0, 110, 40), -30),    // It is gone.
            (top(100, 30, 110, 45), -5),  // The ask grows.
            (top(100, 30, 110, 15), 25),  // It shrinks.
            (top(100, 30, 109, 6), -6),   // It falls: more to sell.
            (top(100, 30, 111, 99), 40),  // It rises: the old one went.
            (top(100, 30, 0, 0), 40),     // It is gone.
            (top(101, 7, 111, 99), 47),   // Both.
            (start, 0),
        ] {
            let mut flow = OrderFlow::new();
            assert_eq!(flow.update(start), 0, "the first contributes nothing");
            assert_eq!(flow.update(next), contribution, "{next:?}");
        }
    }

    #[test]
    fn sides_that_come_from_nothing_count_in_full() {
        let mut flow = OrderFlow::new();
        flow.update(Top::default());
        assert_eq!(flow.update(top(100, 30, 0, 0)), 30);
        assert_eq!(flow.update(top(100, 30, 110, 8)), -8);
        assert_eq!((flow.take(), flow.sum()), (22, 0));
        assert_eq!(flow.update(Top::default()), -22);
    }

    #[test]
    fn what_was_missed_does_not_count() {
        let mut flow = OrderFlow::new();
        flow.update(top(100, 30, 110, 40));
        flow.update(top(100, 35, 110, 40));
        flow.forget();
        flow.update(top(200, 1, 210, 1));
        flow.update(top(200, 2, 210, 1));
        assert_eq!(flow.sum(), 6);
    }
}
