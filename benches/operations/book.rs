//! The book: what changes it, and what asks it.

use super::bench;
use super::made::*;
use coretick::base::message::{Kind, Market};
use coretick::base::unit::{InstrumentId, Price, Qty, Side};
use coretick::book::Books;
use criterion::Criterion;
use std::hint::black_box;

/// All of them.
pub(crate) fn all(criterion: &mut Criterion) {
    changes(criterion);
    questions(criterion);
}

fn apply(books: &mut Books, messages: &[Market]) {
    for message in messages {
        black_box(books.apply(message));
    }
}

/// What changes the books.
fn changes(criterion: &mut Criterion) {
    let free = |instrument: u32| FREE + u64::from(instrument);
    let delete = each(|i, _, _, _| market(Kind::DELETE, i, free(i)));
    let mut bench = |name: &str, work: &[Market], undo: &[Market], books: Books| {
        let mut books = books;
        apply(&mut books, work);
        apply(&mut books, undo);
        assert_eq!(books.anomalies().total(), 0, "{name}");
        let (work, undo) =
            (|books: &mut Books| apply(books, work), |books: &mut Books| apply(books, undo));
        self::bench(criterion, name, books, work, undo);
    };
    let full = || books(BATCH, LEVELS);
    let at_best = each(|i, _, side, best| add(i, free(i), side, best, 100));
    let deep = each(|i, _, side, best| add(i, free(i), side, behind(side, best, 12), 100));
    // Between the two sides: a level that was not there, before all others.
    let level = each(|i, _, side, _| add(i, free(i), side, 10_001, 100));
    bench("book/add at best", &at_best, &delete, full());
    bench("book/add, new best level", &level, &delete, full());
    bench("book/add, 13th level", &deep, &delete, full());

    // The orders at the best price behind `gone` leave, and come back behind it: the queue is as it was.
    let at = |i, lane, place| standing(i, lane, 0, LEVELS, place);
    let restore = |gone: u32| -> Vec<Market> {
        let leave = (gone + 1..DEPTH)
            .flat_map(|place| each(|i, lane, _, _| market(Kind::DELETE, i, at(i, lane, place))));
        let enter = (gone..DEPTH).flat_map(|place| {
            each(|i, lane, side, best| add(i, at(i, lane, place), side, best, SHARES))
        });
        leave.chain(enter).collect()
    };
    let first = |shares| {
        each(|i, lane, _, _| Market {
            qty: Qty(shares),
            ..market(Kind::EXECUTE, i, at(i, lane, 0))
        })
    };
    let middle = each(|i, lane, _, _| market(Kind::DELETE, i, at(i, lane, 1)));
    bench("book/delete within a queue", &middle, &restore(1), full());
    let mut with_level = full();
    apply(&mut with_level, &level);
    bench("book/delete, best level gone", &delete, &level, with_level);
    bench("book/execute, part of an order", &first(1), &[], full());
    bench("book/execute, all of an order", &first(SHARES), &restore(0), full());

    let replace = |from: fn(u32, u32) -> u64, to: fn(u32, u32) -> u64, levels| {
        each(|i, lane, side, best| Market {
            other: to(i, lane),
            price: Price::from_e4(behind(side, best, levels) * 100),
            qty: Qty(SHARES),
            ..market(Kind::REPLACE, i, from(i, lane))
        })
    };
    let old = |i, lane| standing(i, lane, 0, LEVELS, 1);
    let new = |i: u32, _| FREE + u64::from(i);
    bench("book/replace, best to 2nd level", &replace(old, new, 1), &replace(new, old, 0), full());
}

/// Instruments whose books are asked, and levels of each side there.
const ASKED: u32 = 16;
const DEEP: u32 = 128;

/// What asks the books.
fn questions(criterion: &mut Criterion) {
    let books = &books(ASKED, DEEP);
    question(criterion, "top", |i, _| books.top(i));
    for levels in [1, 10, 100] {
        let wanted = Qty(SHARES * u64::from(DEPTH * levels));
        assert_eq!(books.walk(InstrumentId(0), Side::BUY, wanted).levels, levels);
        question(criterion, &format!("walk {levels} levels"), |i, side| {
            books.walk(i, side, wanted)
        });
    }
    question(criterion, "depth, 10 levels of a side", |i, side| {
        let mut depth = [(Price(0), Qty::ZERO); 10];
        for (place, level) in depth.iter_mut().zip(books.levels(i, side)) {
            *place = (level.price, level.qty);
        }
        depth
    });
}

/// Asks both sides of all the books in turn.
fn question<A>(criterion: &mut Criterion, name: &str, ask: impl Fn(InstrumentId, Side) -> A) {
    let all = |_: &mut ()| {
        for at in 0..BATCH {
            let (side, _) = BEST[at as usize % 2];
            black_box(ask(black_box(InstrumentId(at % ASKED)), side));
        }
    };
    bench(criterion, &format!("book/{name}"), (), all, |_| ());
}
