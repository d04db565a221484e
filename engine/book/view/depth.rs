//! Depth: the levels of a side, what stands on the best of them, and a window of them that follows the book.

use super::super::level::{key, lane, side};
use super::{Books, Change};
use crate::base::message::Kind;
use crate::base::unit::{InstrumentId, Price, Qty, Side};

/// One price of one side; all zero where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelView {
    /// The price.
    pub price: Price,
    /// Sum of its orders.
    pub qty: Qty,
    /// How many orders; for a level that was set as a whole what the feed told, else 0.
    pub orders: u32,
}

/// Quantities of both sides, each capped at the largest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// To buy.
    pub bid: Qty,
    /// To sell.
    pub ask: Qty,
}

/// An exact ratio from -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// No further from zero than the denominator.
    pub numerator: i128,
    /// Above zero.
    pub denominator: i128,
}

impl Ratio {
    /// In parts of `whole` (1,000: per mille), rounded towards zero.
    #[inline]
    pub fn parts(self, whole: u32) -> i64 {
        // 2^64 x 2^32 fits, and the result is no larger than `whole`.
        (self.numerator * i128::from(whole) / self.denominator) as i64
    }
}

impl Sizes {
    /// (bid - ask) / (bid + ask): 1 if all of it wants to buy, -1 if all wants to sell. `None` if there is nothing.
    #[inline]
    pub fn imbalance(&self) -> Option<Ratio> {
        let (bid, ask) = (i128::from(self.bid.0), i128::from(self.ask.0));
        let (numerator, denominator) = (bid - ask, bid + ask);
        (denominator > 0).then_some(Ratio { numerator, denominator })
    }
}

impl Books {
    /// The levels of a side, best first.
    pub fn levels(&self, i: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> {
        let ladder = self.ladder(i, side).map(|(ladder, _)| ladder);
        let rungs = ladder.into_iter().flat_map(|ladder| self.rungs.of(ladder));
        rungs.map(|rung| self.level_view(rung.level))
    }

    /// The best `N` levels of a side, best first; zeros where there are fewer.
    pub fn depth<const N: usize>(&self, i: InstrumentId, side: Side) -> [LevelView; N] {
        let mut depth = [LevelView::default(); N];
        depth.iter_mut().zip(self.levels(i, side)).for_each(|(to, level)| *to = level);
        depth
    }

    /// The level at a place of a side, 0 the best. O(1).
    pub fn nth(&self, i: InstrumentId, side: Side, place: usize) -> Option<LevelView> {
        let (ladder, _) = self.ladder(i, side)?;
        self.rungs.nth(ladder, place).map(|level| self.level_view(level))
    }

    /// The level at a price of a side.
    pub fn level(&self, i: InstrumentId, side: Side, price: Price) -> Option<LevelView> {
        self.level_handle(i, side, price).map(|level| self.level_view(level))
    }

    /// What stands on the best `levels` levels of each side. One cache line a level; to follow it message by message, keep
    /// a [`Depth`].
    pub fn sizes(&self, i: InstrumentId, levels: usize) -> Sizes {
        let sum = |side| sum(self.levels(i, side).take(levels));
        Sizes { bid: sum(Side::BUY), ask: sum(Side::SELL) }
    }

    fn level_view(&self, handle: u32) -> LevelView {
        let level = self.levels.get(handle);
        LevelView { price: Price(level.price), qty: Qty(level.qty), orders: level.count }
    }
}

fn sum(levels: impl Iterator<Item = LevelView>) -> Qty {
    levels.fold(Qty::ZERO, |sum, level| sum.saturating_add(level.qty))
}

/// The best `N` levels of both sides of an instrument, kept as messages change them: what [`Books::depth`] gives, without
/// a look at any other level.
///
/// Fed with **every** change, after it was applied. A change beyond the window costs a comparison with its worst
/// price; one within it a look at the changed level, and at the `N`th if a level went.
#[derive(Clone, Debug)]
pub struct Depth<const N: usize> {
    instrument: InstrumentId,
    /// Bids and asks, best first.
    sides: [[LevelView; N]; 2],
}

impl<const N: usize> Depth<N> {
    /// The window as the book stands.
    pub fn new(books: &Books, instrument: InstrumentId) -> Self {
        const { assert!(N > 0, "a window of no levels never changes") };
        let sides = [Side::BUY, Side::SELL].map(|side| books.depth(instrument, side));
        Self { instrument, sides }
    }

    /// Takes in what a message did. True if the window may have changed.
    #[inline]
    pub fn update(&mut self, books: &Books, change: &Change) -> bool {
        let kind = change.kind;
        let moved = (Kind::ADD..=Kind::REPLACE).contains(&kind) || kind == Kind::LEVEL;
        if change.instrument != self.instrument || !moved {
            return change.kind == Kind::CLEAR && self.clear();
        }
        let Some(lane) = lane(change.side) else { return false };
        let mut changed = self.refresh(books, lane, change.price);
        if change.new_qty > Qty::ZERO {
            changed |= self.refresh(books, lane, change.new_price);
        }
        changed
    }

    /// All books were emptied.
    #[cold]
    fn clear(&mut self) -> bool {
        self.sides = [[LevelView::default(); N]; 2];
        true
    }

    /// The best levels of a side, best first; zeros where there are fewer.
    pub fn levels(&self, side: Side) -> &[LevelView; N] {
        &self.sides[usize::from(!side.is_buy())]
    }

    /// What stands in the window.
    pub fn sizes(&self) -> Sizes {
        let [bid, ask] = self.sides.map(|levels| sum(levels.into_iter()));
        Sizes { bid, ask }
    }

    /// (bid - ask) / (bid + ask) of what stands in the window. `None` if it is empty.
    pub fn imbalance(&self) -> Option<Ratio> {
        self.sizes().imbalance()
    }

    /// Takes one price over from the book.
    fn refresh(&mut self, books: &Books, lane: usize, price: Price) -> bool {
        let levels = &mut self.sides[lane];
        let sought = key(lane, price.0);
        let no_better =
            |level: &LevelView| level.qty == Qty::ZERO || key(lane, level.price.0) <= sought;
        if !no_better(&levels[N - 1]) {
            return false;
        }
        let at = levels.iter().position(no_better).unwrap_or(N - 1);
        let had = levels[at].qty > Qty::ZERO && levels[at].price == price;
        let side = side(lane);
        match books.level(self.instrument, side, price) {
            Some(level) if had => levels[at] = level,
            Some(level) => {
                levels[at..].rotate_right(1);
                levels[at] = level;
            }
            None if had => {
                levels[at..].rotate_left(1);
                levels[N - 1] = books.nth(self.instrument, side, N - 1).unwrap_or_default();
            }
            None => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_imbalance_lies_between_minus_one_and_one(bid: u64, ask: u64, whole: u32) {
            let sizes = Sizes { bid: Qty(bid), ask: Qty(ask) };
            let Some(ratio) = sizes.imbalance() else {
                prop_assert_eq!((bid, ask), (0, 0));
                return Ok(());
            };
            prop_assert!(ratio.denominator > 0 && ratio.numerator.abs() <= ratio.denominator);
            prop_assert!(ratio.parts(whole).unsigned_abs() <= u64::from(whole));
            let swapped = Sizes { bid: Qty(ask), ask: Qty(bid) }.imbalance().unwrap();
            prop_assert_eq!(ratio.parts(whole), -swapped.parts(whole));
        }
    }

    #[test]
    fn an_imbalance_in_parts_is_rounded_towards_zero() {
        let parts =
            |bid, ask| Sizes { bid: Qty(bid), ask: Qty(ask) }.imbalance().unwrap().parts(1000);
        assert_eq!((parts(2, 1), parts(1, 2), parts(7, 0), parts(0, 7)), (333, -333, 1000, -1000));
        assert_eq!(Sizes::default().imbalance(), None);
    }
}
