//! What follows from the levels, added up anew from the naive book's after every message.

use super::super::naive::Naive;
use super::super::*;
use super::{SMALL, TICK, add, message, part, replace};
use crate::base::message::Kind;
use crate::base::unit::{InstrumentId, Money, Price, Qty, Side};
use proptest::prelude::*;

/// What a reader keeps, one of each an instrument; and the naive tops that it last saw.
pub(super) struct Views {
    small: Vec<Depth<2>>,
    large: Vec<Depth<9>>,
    flows: Vec<OrderFlow>,
    tops: Vec<Top>,
}

impl Views {
    pub(super) fn new(books: &Books) -> Self {
        let all = || (0..6).map(InstrumentId);
        let flows = vec![OrderFlow::new(); 6].into_iter().map(|mut flow| {
            flow.update(Top::default());
            flow
        });
        Self {
            small: all().map(|i| Depth::new(books, i)).collect(),
            large: all().map(|i| Depth::new(books, i)).collect(),
            flows: flows.collect(),
            tops: vec![Top::default(); 6],
        }
    }

    pub(super) fn compare(&mut self, books: &Books, naive: &Naive, change: &Change, at: u64) {
        for window in &mut self.small {
            window.update(books, change);
        }
        for window in &mut self.large {
            window.update(books, change);
        }
        if change.kind == Kind::CLEAR {
            self.flows.iter_mut().for_each(|flow| _ = flow.update(Top::default()));
            self.tops.fill(Top::default());
        }
        let i = change.instrument;
        if i.index() >= 6 {
            return;
        }
        let sides = [Side::BUY, Side::SELL].map(|side| naive.levels(i, side));
        self.compare_top(books, &naive.top(i), change, at);
        for (side, levels) in [Side::BUY, Side::SELL].into_iter().zip(&sides) {
            assert_eq!(padded::<5>(levels), books.depth(i, side), "message {at}");
            assert_eq!(padded(levels), *self.small[i.index()].levels(side), "message {at}");
            assert_eq!(padded(levels), *self.large[i.index()].levels(side), "message {at}");
            let some = at as usize % (levels.len() + 1);
            let level = levels.get(some).copied();
            assert_eq!(books.nth(i, side, some), level, "message {at}");
            let price = level.map_or(Price(3), |level| level.price);
            assert_eq!(books.level(i, side, price), level, "message {at}");
            compare_walks(books, i, side, levels, at);
        }
        let count = [0, 1, 3, usize::MAX][at as usize % 4];
        compare_sizes(books.sizes(i, count), &sides, count, at);
        compare_sizes(self.small[i.index()].sizes(), &sides, 2, at);
        compare_sizes(self.large[i.index()].sizes(), &sides, 9, at);
    }

    fn compare_top(&mut self, books: &Books, naive: &Top, change: &Change, at: u64) {
        let i = change.instrument;
        let (top, flow) = (books.top(i), &mut self.flows[i.index()]);
        // Where it says that the top stayed, nothing is missed by not looking.
        let seen = if change.top { flow.update(top) } else { 0 };
        let before = std::mem::replace(&mut self.tops[i.index()], *naive);
        let bid = came((before.bid, before.bid_qty), (naive.bid, naive.bid_qty), 1);
        let ask = came((before.ask, before.ask_qty), (naive.ask, naive.ask_qty), -1);
        assert_eq!(seen, bid - ask, "message {at}");

        let wide = |price: Price| i128::from(price.0);
        let (bid, ask) = (wide(naive.bid), wide(naive.ask));
        let (bids, asks) = (i128::from(naive.bid_qty.0), i128::from(naive.ask_qty.0));
        let all = bids + asks;
        let ratio = top.imbalance().map(|ratio| (ratio.numerator, ratio.denominator));
        assert_eq!(ratio, (all > 0).then_some((bids - asks, all)), "message {at}");
        if bids == 0 || asks == 0 {
            assert_eq!((top.spread(), top.mid(), top.microprice()), (None, None, None));
            return;
        }
        assert_eq!(top.spread().map(wide), Some(ask - bid), "message {at}");
        assert_eq!(top.mid_halves().map(i128::from), Some(bid + ask), "message {at}");
        assert_eq!(top.mid().map(wide), Some((bid + ask) / 2), "message {at}");
        let micro = (2 * (bid * asks + ask * bids) + all).div_euclid(2 * all);
        assert_eq!(top.microprice().map(wide), Some(micro), "message {at}");
    }
}

/// What came to a side less what went, where prices in direction `up` are better.
fn came((was, had): (Price, Qty), (now, has): (Price, Qty), up: i64) -> i128 {
    let (had, has) = (i128::from(had.0), i128::from(has.0));
    match (had > 0, has > 0) {
        (true, true) if now.0 * up > was.0 * up => has,
        (true, true) if now.0 * up < was.0 * up => -had,
        _ => has - had,
    }
}

fn padded<const N: usize>(levels: &[LevelView]) -> [LevelView; N] {
    std::array::from_fn(|at| levels.get(at).copied().unwrap_or_default())
}

fn compare_sizes(sizes: Sizes, sides: &[Vec<LevelView>; 2], count: usize, at: u64) {
    let [bid, ask] = sides.each_ref().map(|levels| {
        let sum = levels.iter().take(count).map(|level| u128::from(level.qty.0)).sum::<u128>();
        Qty(u64::try_from(sum).unwrap_or(u64::MAX))
    });
    assert_eq!(sizes, Sizes { bid, ask }, "message {at}");
}

/// A walk of one quantity, and the inverse at a level's price or just beside it.
fn compare_walks(books: &Books, i: InstrumentId, side: Side, levels: &[LevelView], at: u64) {
    let all: u64 = levels.iter().map(|level| level.qty.0).sum();
    let qty = [at % 700, all / 2, all, all + 7][at as usize / 2 % 4];
    let mut expected = Walk { unfilled: Qty(qty.saturating_sub(all)), ..Walk::default() };
    let mut above = 0;
    for level in levels {
        let taken = Qty(qty.min(above + level.qty.0) - qty.min(above));
        if taken.0 > 0 {
            expected.notional = Money(expected.notional.0 + level.price.notional(taken).0);
            expected.filled = Qty(expected.filled.0 + taken.0);
            (expected.worst, expected.levels) = (level.price, expected.levels + 1);
        }
        above += level.qty.0;
    }
    assert_eq!(books.walk(i, side, Qty(qty)), expected, "message {at}");

    let some = levels.get(at as usize % (levels.len() + 1)).map_or(Price(7), |level| level.price);
    let limit = Price(some.0 + at as i64 / 4 % 3 - 1);
    let reached = |level: &&LevelView| match side {
        Side::BUY => level.price >= limit,
        _ => level.price <= limit,
    };
    let within: Vec<_> = levels.iter().filter(reached).collect();
    let reach = books.quantity_to(i, side, limit);
    assert_eq!(reach.filled.0, within.iter().map(|level| level.qty.0).sum::<u64>());
    let notional = within.iter().map(|level| level.price.notional(level.qty).0).sum();
    assert_eq!(reach.notional, Money(notional), "message {at}");
    assert_eq!(reach.levels as usize, within.len(), "message {at}");
    assert_eq!(reach, books.walk(i, side, reach.filled), "message {at}");
}

proptest! {
    #[test]
    fn a_walk_and_its_inverse_agree(
        adds in prop::collection::vec((1..40i64, 1..500u64), 1..40),
        qty in 1..9000u64,
        buy: bool,
    ) {
        let side = if buy { Side::BUY } else { Side::SELL };
        let (mut books, i) = (Books::new(&SMALL), InstrumentId(0));
        for (n, &(ticks, qty)) in adds.iter().enumerate() {
            books.apply(&add(0, n as u64, side, ticks, qty));
        }
        let walk = books.walk(i, side, Qty(qty));
        let reach = books.quantity_to(i, side, walk.worst);
        prop_assert!(walk.filled <= reach.filled && walk.levels == reach.levels);
        prop_assert_eq!(books.walk(i, side, reach.filled), reach);
        // One tick less would not have been enough.
        let short = Price(if buy { walk.worst.0 + 1 } else { walk.worst.0 - 1 });
        prop_assert!(books.quantity_to(i, side, short).filled < walk.filled);
        let (best, worst) = (books.nth(i, side, 0).unwrap().price, walk.worst);
        let average = walk.average().unwrap();
        prop_assert!(best.min(worst) <= average && average <= best.max(worst));
    }

    #[test]
    fn a_window_is_the_depth_of_its_book_whatever_moves(
        moves in prop::collection::vec((0..4u8, 0..12u64, 1..14i64, any::<bool>()), 0..200),
    ) {
        let (mut books, i) = (Books::new(&SMALL), InstrumentId(0));
        let mut window = Depth::<4>::new(&books, i);
        for (next, (what, reference, ticks, buy)) in (100..).zip(moves) {
            let side = if buy { Side::BUY } else { Side::SELL };
            let change = books.apply(&match what {
                0 => add(0, reference, side, ticks, 5),
                1 => part(Kind::CANCEL, 0, reference, 2),
                2 => message(Kind::DELETE, 0, reference),
                _ => replace(0, reference, if buy { reference } else { next }, ticks, 5),
            });
            let before = window.clone();
            let changed = window.update(&books, &change);
            for side in [Side::BUY, Side::SELL] {
                prop_assert_eq!(*window.levels(side), books.depth(i, side));
                prop_assert!(changed || window.levels(side) == before.levels(side));
            }
            prop_assert_eq!(window.sizes(), books.sizes(i, 4));
            prop_assert_eq!(window.imbalance(), books.sizes(i, 4).imbalance());
        }
    }
}

#[test]
fn a_window_leaves_other_instruments_and_what_is_beyond_it_alone() {
    let mut books = Books::new(&SMALL);
    let mut window = Depth::<2>::new(&books, InstrumentId(0));
    for (reference, ticks, seen) in [(1, 100, true), (2, 99, true), (3, 98, false), (4, 101, true)]
    {
        let change = books.apply(&add(0, reference, Side::BUY, ticks, 10));
        assert_eq!(window.update(&books, &change), seen, "{ticks}");
    }
    let change = books.apply(&add(1, 5, Side::BUY, 200, 10));
    assert!(!window.update(&books, &change));
    let prices = window.levels(Side::BUY).map(|level| level.price.0 / TICK);
    assert_eq!(prices, [101, 100]);
}

#[test]
fn a_place_in_a_long_queue_is_told_from_its_nearer_end() {
    let mut books = Books::new(&Limits { orders: 5000, levels: 8, instruments: 1 });
    for reference in 1..=5000 {
        books.apply(&add(0, reference, Side::BUY, 100, reference));
    }
    for reference in [1, 2, 3, 1000, 2499, 2500, 2501, 2502, 4998, 4999, 5000] {
        let ahead =
            Ahead { qty: Qty(reference * (reference - 1) / 2), orders: reference as u32 - 1 };
        assert_eq!(books.ahead(reference), Some(ahead));
    }
    assert_eq!(books.ahead(5001), None);
}

#[test]
fn an_instrument_that_is_none_has_nothing_to_see() {
    let books = Books::new(&SMALL);
    for (i, side) in
        [(InstrumentId::NONE, Side::BUY), (InstrumentId(8), Side::SELL), (InstrumentId(0), Side(0))]
    {
        assert_eq!(books.depth::<3>(i, side), [LevelView::default(); 3]);
        assert_eq!((books.nth(i, side, 0), books.level(i, side, Price(TICK))), (None, None));
        assert_eq!(books.walk(i, side, Qty(5)), Walk { unfilled: Qty(5), ..Walk::default() });
        assert_eq!(books.quantity_to(i, side, Price(TICK)), Walk::default());
        assert_eq!(books.sizes(i, 5), Sizes::default());
    }
}
