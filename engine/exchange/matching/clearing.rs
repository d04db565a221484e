//! At which price a cross would trade, and how much.
//!
//! The price at which most shares trade; among those, at which fewest are left; among those, nearest to a given one; then the
//! lower. Prices that count: every limit of an order that takes part, and between two limits the ticks ($0.01, below $1
//! $0.0001), the given price among them once it is rounded down to one.
//! So one walk over the limits decides, for between two of them nothing changes.

use super::Matching;
use super::command::{CrossKind, CrossSession};
use super::levels::{LadderId, Level, Levels};
use super::terms::PRICE_MAX;
use super::tree::NONE;
use crate::base::unit::Side;
use crate::exchange::unit::{Locate, Price4};
use std::cmp::Reverse;

/// What a cross would do now: ITCH `I`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indication {
    /// Shares that would trade at the reference price.
    pub paired: u64,
    /// Shares that would be left there.
    pub imbalance: u64,
    /// On which side they are; `None` if there are none.
    pub side: Option<Side>,
    /// Price of the orders for the cross alone; 0 if they would not trade.
    pub far: Price4,
    /// Price of all orders; 0 if nothing would trade.
    pub near: Price4,
    /// The price within the best shown bid and ask at which most would trade; 0 if nothing says any.
    pub reference: Price4,
}

/// Whose orders take part.
#[derive(Clone, Copy)]
pub(super) struct Parties {
    /// Those of the book.
    pub(super) book: bool,
    /// Those of this cross alone.
    pub(super) session: Option<CrossSession>,
}

/// A price, and what wants to trade at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clearing {
    pub(super) price: Price4,
    bought: u64,
    sold: u64,
}

impl Clearing {
    /// Shares that trade.
    pub(super) fn paired(&self) -> u64 {
        self.bought.min(self.sold)
    }

    /// Better is higher.
    fn quality(&self, near: Price4) -> impl Ord + use<> {
        let left = self.bought.abs_diff(self.sold);
        (self.paired(), Reverse((left, self.price.0.abs_diff(near.0), self.price.0)))
    }
}

impl Parties {
    pub(super) fn of(kind: CrossKind) -> Self {
        let session = match kind {
            CrossKind::Opening => Some(CrossSession::Opening),
            CrossKind::Closing => Some(CrossSession::Closing),
            CrossKind::Halt => None,
        };
        Self { book: true, session }
    }

    /// Their ladders on a side.
    pub(super) fn ladders(self, locate: Locate, side: Side) -> [Option<LadderId>; 2] {
        let book = self.book.then_some(CrossSession::Continuous);
        [book, self.session].map(|s| s.map(|session| LadderId::new(locate, session, side)))
    }
}

/// The tick above a price.
fn tick_above(price: u32) -> u32 {
    if price + 1 < 10_000 { price + 1 } else { (price / 100 + 1) * 100 }
}

/// The price itself if it is a tick, or the tick below.
const fn tick_at(price: u32) -> u32 {
    if price < 10_000 { price } else { price / 100 * 100 }
}

/// The tick below a price above 0.
fn tick_below(price: u32) -> u32 {
    if price <= 10_000 { price - 1 } else { (price - 1) / 100 * 100 }
}

/// Between two limits, the price nearest to `near` that counts.
fn between(low: u32, high: u32, near: u32) -> Option<u32> {
    let price = if near <= low {
        tick_above(low)
    } else if near >= high {
        tick_below(high)
    } else {
        near
    };
    (low < price && price < high).then_some(price)
}

/// A walk along the levels of one or two ladders that hold what takes part, from one price to the next.
struct Walk<'a> {
    levels: &'a Levels,
    at: [u32; 2],
    /// Towards better prices.
    up: bool,
}

impl Walk<'_> {
    fn price(&self, ladder: usize) -> Option<u32> {
        (self.at[ladder] != NONE).then(|| self.levels[self.at[ladder]].price().0)
    }

    /// The lowest price ahead: walks go from low to high.
    fn ahead(&self) -> Option<u32> {
        self.price(0).into_iter().chain(self.price(1)).min()
    }

    /// Passes all levels up to `price`, and says what they hold.
    fn pass(&mut self, price: u32) -> u64 {
        let mut shares = 0;
        for ladder in 0..2 {
            while self.price(ladder).is_some_and(|ahead| ahead <= price) {
                let level = &self.levels[self.at[ladder]];
                shares += level.crossing();
                self.at[ladder] = if self.up { level.prev } else { level.next };
                self.skip(ladder);
            }
        }
        shares
    }

    /// Levels where nothing takes part are as if they were not there.
    fn skip(&mut self, ladder: usize) {
        while self.at[ladder] != NONE && self.levels[self.at[ladder]].crossing() == 0 {
            let level = &self.levels[self.at[ladder]];
            self.at[ladder] = if self.up { level.prev } else { level.next };
        }
    }
}

impl Matching {
    /// What a cross would do now. Ties go to what is nearest to the last price, or the middle of the book before there is one.
    pub fn imbalance(&self, locate: Locate, kind: CrossKind) -> Indication {
        if !self.knows(locate) {
            return Indication::default();
        }
        let (all, near) = (Parties::of(kind), self.middle(locate));
        let price = |parties| {
            self.crossing(locate, parties, near).map_or(Price4(0), |clearing| clearing.price)
        };
        let alone = Parties { book: false, ..all };
        let best = |side| self.best(locate, side).map(|(price, _)| price.0);
        let (low, high) = match (best(Side::BUY), best(Side::SELL)) {
            (Some(bid), Some(ask)) => (bid.min(ask), bid.max(ask)),
            _ => (1, PRICE_MAX.0),
        };
        let found = self.clear(locate, all, (low, high), near);
        let Some(found) = found.filter(|found| found.bought + found.sold > 0) else {
            let reference = self.last(locate).unwrap_or_default();
            return Indication { reference, ..Indication::default() };
        };
        Indication {
            paired: found.paired(),
            imbalance: found.bought.abs_diff(found.sold),
            side: match found.bought.cmp(&found.sold) {
                std::cmp::Ordering::Greater => Some(Side::BUY),
                std::cmp::Ordering::Less => Some(Side::SELL),
                std::cmp::Ordering::Equal => None,
            },
            far: price(alone),
            near: price(all),
            reference: found.price,
        }
    }

    /// The last price; before there is one the middle of what shows, or the one side that does, or the lowest price. It need
    /// not be a tick.
    pub fn middle(&self, locate: Locate) -> Price4 {
        let best = |side| self.best(locate, side).map(|(price, _)| price.0);
        let shown = match (best(Side::BUY), best(Side::SELL)) {
            (Some(bid), Some(ask)) => bid.midpoint(ask),
            (bid, ask) => bid.or(ask).unwrap_or(1),
        };
        self.last(locate).unwrap_or(Price4(shown))
    }

    /// Whether orders stand in the book that a cross would trade.
    pub(super) fn is_crossed(&self, locate: Locate) -> bool {
        let best = |side| self.book(locate, side).find(|level| level.crossing() > 0);
        let (bid, ask) = (best(Side::BUY), best(Side::SELL));
        bid.zip(ask).is_some_and(|(bid, ask)| bid.price() >= ask.price())
    }

    /// Where a cross of the parties trades, if it trades.
    pub(super) fn crossing(
        &self,
        locate: Locate,
        parties: Parties,
        near: Price4,
    ) -> Option<Clearing> {
        let best = |side| {
            let ladders = parties.ladders(locate, side).into_iter().flatten();
            ladders.filter_map(|ladder| self.levels.of(ladder).next()).map(Level::price)
        };
        // Below the lowest sell and above the highest buy nothing trades.
        let low = best(Side::SELL).min()?.0.max(1);
        let high = best(Side::BUY).max()?.min(PRICE_MAX).0;
        self.clear(locate, parties, (low, high), near).filter(|clearing| clearing.paired() > 0)
    }

    /// The best price from `low` to `high`, if these are prices.
    fn clear(
        &self,
        locate: Locate,
        parties: Parties,
        (low, high): (u32, u32),
        near: Price4,
    ) -> Option<Clearing> {
        // Half a cent is no price: what is printed is a tick, or somebody's limit.
        let near = Price4(tick_at(near.0.clamp(1, PRICE_MAX.0)));
        let first = |side| {
            parties.ladders(locate, side).map(|id| id.map_or(NONE, |id| self.levels.best(id)))
        };
        let mut bids = Walk { levels: &self.levels, at: [NONE; 2], up: true };
        let mut bought = 0;
        for (n, mut at) in first(Side::BUY).into_iter().enumerate() {
            while at != NONE && self.levels[at].price().0 >= low {
                bought += self.levels[at].crossing();
                bids.at[n] = at;
                at = self.levels[at].next;
            }
        }
        let mut asks = Walk { levels: &self.levels, at: first(Side::SELL), up: false };
        for ladder in 0..2 {
            bids.skip(ladder);
            asks.skip(ladder);
        }
        let mut below = low.saturating_sub(1);
        let mut sold = asks.pass(below);
        let mut best: Option<Clearing> = None;
        let mut consider = |price: u32, bought, sold| {
            let found = Clearing { price: Price4(price), bought, sold };
            if (low..=high).contains(&price)
                && best.is_none_or(|best| best.quality(near) < found.quality(near))
            {
                best = Some(found);
            }
        };
        while below < high {
            let ahead = bids.ahead().into_iter().chain(asks.ahead()).min();
            let limit = ahead.unwrap_or(u32::MAX).min(high + 1);
            if let Some(price) = between(below, limit, near.0) {
                consider(price, bought, sold);
            }
            sold += asks.pass(limit);
            consider(limit, bought, sold);
            bought -= bids.pass(limit);
            below = limit;
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_pennies_from_a_dollar_on() {
        assert_eq!(
            [0, 1, 9_998, 9_999, 10_000, 10_099].map(tick_above),
            [1, 2, 9_999, 10_000, 10_100, 10_100]
        );
        assert_eq!(
            [1, 2, 9_999, 10_000, 10_001, 10_100, 10_101].map(tick_below),
            [0, 1, 9_998, 9_999, 10_000, 10_000, 10_100]
        );
    }

    #[test]
    fn between_two_limits_the_nearest_tick_counts_or_the_price_itself() {
        assert_eq!(between(10_000, 10_500, 9_000), Some(10_100));
        assert_eq!(between(10_000, 10_500, 10_000), Some(10_100));
        assert_eq!(between(10_000, 10_500, 20_000), Some(10_400));
        assert_eq!(between(10_000, 10_500, 10_250), Some(10_250));
        assert_eq!(between(10_000, 10_100, 20_000), None);
        assert_eq!(between(0, 1, 1), None);
    }
}
