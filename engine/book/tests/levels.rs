//! Feeds without orders: levels that are set as a whole.

use super::super::*;
use super::{SMALL, TICK, add, message, session};
use crate::base::message::Kind;
use crate::base::unit::{Health, InstrumentId, Price, Qty, Side};
use proptest::prelude::*;
use std::collections::BTreeMap;

const I: InstrumentId = InstrumentId(0);

fn set(books: &mut Books, side: Side, ticks: i64, qty: u64) -> Change {
    books.set_level(I, side, Price(ticks * TICK), Qty(qty), 2)
}

#[test]
fn a_level_that_is_set_is_seen_like_any_other() {
    let mut books = Books::new(&SMALL);
    let change = set(&mut books, Side::BUY, 100, 30);
    let expected = Change {
        kind: Kind::LEVEL,
        applied: true,
        top: true,
        instrument: I,
        side: Side::BUY,
        price: Price(100 * TICK),
        qty: Qty(0),
        left: Qty(30),
        ..Change::default()
    };
    assert_eq!(change, expected);
    let change = set(&mut books, Side::BUY, 99, 7);
    assert!(change.applied && !change.top, "not the best");
    let change = set(&mut books, Side::BUY, 100, 30);
    assert!(!change.top, "as before");
    let change = set(&mut books, Side::BUY, 100, 12);
    assert_eq!((change.top, change.qty, change.left), (true, Qty(30), Qty(12)));
    set(&mut books, Side::SELL, 103, 5);

    let level = |ticks, qty| LevelView { price: Price(ticks * TICK), qty: Qty(qty), orders: 2 };
    assert_eq!(books.depth(I, Side::BUY), [level(100, 12), level(99, 7)]);
    let top = books.top(I);
    assert_eq!((top.bid_qty, top.ask_qty, top.spread()), (Qty(12), Qty(5), Some(Price(3 * TICK))));
    assert_eq!(books.walk(I, Side::BUY, Qty(15)).levels, 2);
    assert_eq!(books.orders(I, Side::BUY, Price(100 * TICK)).count(), 0, "it has no queue");
    assert_eq!((books.live_orders(), books.instruments()), (0, 1));
    books.verify().unwrap();
}

#[test]
fn a_quantity_of_zero_takes_a_level_away_and_is_nothing_where_there_is_none() {
    let mut books = Books::new(&SMALL);
    set(&mut books, Side::SELL, 100, 30);
    set(&mut books, Side::SELL, 101, 8);
    let change = set(&mut books, Side::SELL, 100, 0);
    assert_eq!((change.top, change.qty, change.left), (true, Qty(30), Qty(0)));
    assert_eq!((books.top(I).ask, books.top(I).ask_qty), (Price(101 * TICK), Qty(8)));
    let change = set(&mut books, Side::SELL, 100, 0);
    assert_eq!((change.applied, change.top, change.qty), (true, false, Qty(0)));
    set(&mut books, Side::SELL, 101, 0);
    assert_eq!(books.top(I), Top::default());
    assert_eq!(books.anomalies().total(), 0);
    books.verify().unwrap();
}

#[test]
fn a_book_holds_orders_or_levels_whichever_came_first_until_it_is_empty() {
    let mut books = Books::new(&SMALL);
    let mixed = |books: &Books| books.anomalies().count(Anomaly::MixedDepth);
    set(&mut books, Side::BUY, 100, 30);
    let change = books.apply(&add(0, 1, Side::SELL, 105, 10));
    assert_eq!((change, mixed(&books)), (Change::default(), 1), "an order meets levels");
    assert_eq!((books.order(1), books.live_orders()), (None, 0));
    assert!(books.apply(&add(1, 1, Side::SELL, 105, 10)).applied, "another instrument");

    set(&mut books, Side::BUY, 100, 0);
    assert!(books.apply(&add(0, 2, Side::SELL, 105, 10)).applied, "it was empty");
    let change = set(&mut books, Side::BUY, 100, 30);
    assert_eq!((change, mixed(&books)), (Change::default(), 2), "a level meets orders");
    let change = set(&mut books, Side::SELL, 105, 0);
    assert_eq!((change, mixed(&books)), (Change::default(), 3), "nor does it take orders away");
    assert_eq!(books.top(I).ask_qty, Qty(10));
    books.verify().unwrap();

    books.apply(&message(Kind::DELETE, 0, 2));
    assert!(set(&mut books, Side::BUY, 100, 30).applied, "it was empty again");
    assert_eq!((mixed(&books), books.health(I)), (3, Health::BUILDING));
    books.verify().unwrap();
}

#[test]
fn levels_that_cannot_be_are_refused_and_counted() {
    let mut books = Books::new(&SMALL);
    let mut refused = |instrument, side, price, qty, anomaly| {
        let change = books.set_level(InstrumentId(instrument), side, Price(price), Qty(qty), 1);
        assert_eq!((change, books.anomalies().count(anomaly)), (Change::default(), 1));
        books.anomalies = Anomalies::default();
    };
    refused(8, Side::BUY, 5, 5, Anomaly::UnknownInstrument);
    refused(0, Side(0), 5, 5, Anomaly::UnknownSide);
    refused(0, Side::BUY, 0, 5, Anomaly::PriceOutOfRange);
    refused(0, Side::SELL, -5, 0, Anomaly::PriceOutOfRange);
    refused(0, Side::SELL, 1 << 62, 5, Anomaly::PriceOutOfRange);
    refused(0, Side::SELL, 5, 1 << 63, Anomaly::QuantityOutOfRange);
    assert!(books.levels(I, Side::SELL).next().is_none() && books.verify().is_ok());
}

#[test]
fn the_largest_levels_there_can_be_are_added_up_without_overflow() {
    let mut books = Books::new(&SMALL);
    let largest = Qty((1 << 63) - 1);
    for n in 1..=3 {
        for side in [Side::BUY, Side::SELL] {
            books.set_level(I, side, Price((1 << 62) - n), largest, u32::MAX);
        }
    }
    assert_eq!(books.sizes(I, 9), Sizes { bid: Qty(u64::MAX), ask: Qty(u64::MAX) });
    let walk = books.quantity_to(I, Side::SELL, Price(i64::MAX));
    assert_eq!((walk.filled, walk.levels), (Qty(u64::MAX), 3));
    assert_eq!(books.walk(I, Side::SELL, Qty(u64::MAX)), walk);
    let top = books.top(I);
    assert_eq!(top.mid_halves(), Some(i64::MAX - 3), "(2^62 - 1) + (2^62 - 3)");
    assert_eq!(top.microprice(), Some(Price((1 << 62) - 2)));
    books.verify().unwrap();
}

#[test]
fn levels_cross_and_lock_as_orders_do() {
    let mut books = Books::new(&SMALL);
    books.apply(&session(b'Q'));
    set(&mut books, Side::BUY, 100, 5);
    set(&mut books, Side::SELL, 100, 5);
    set(&mut books, Side::SELL, 99, 5);
    set(&mut books, Side::SELL, 98, 5);
    let count = |kind| books.anomalies().count(kind);
    assert_eq!((count(Anomaly::Locked), count(Anomaly::Crossed)), (1, 1));
    books.verify().unwrap();
}

#[test]
fn without_room_for_a_level_the_instrument_is_stale_and_the_rest_stays() {
    let mut books = Books::new(&Limits { orders: 10, levels: 3, instruments: 2 });
    for ticks in 1..=3 {
        assert!(set(&mut books, Side::BUY, ticks, 5).applied);
    }
    let change = set(&mut books, Side::BUY, 4, 5);
    assert!(!change.applied && change.top && change.kind == Kind::LEVEL);
    assert_eq!((books.health(I), books.health(InstrumentId(1))), (Health::STALE, Health::BUILDING));
    assert_eq!(books.anomalies().count(Anomaly::PoolExhausted), 1);
    assert!(set(&mut books, Side::BUY, 2, 0).applied && set(&mut books, Side::BUY, 9, 1).applied);
    books.verify().unwrap();
}

#[test]
fn what_does_not_fit_levels_is_found() {
    let mut books = Books::new(&SMALL);
    set(&mut books, Side::BUY, 100, 5);
    books.records[0].marks.set_by_level(false);
    assert!(matches!(books.verify(), Err(Fault::Total(I, ..))), "a queue without orders");
    books.records[0].marks.set_by_level(true);
    books.verify().unwrap();
    books.records[1].marks.set_by_level(true);
    assert_eq!(books.verify(), Err(Fault::Feed(InstrumentId(1))), "levels where nothing is");
    let mut books = Books::new(&SMALL);
    books.apply(&add(0, 1, Side::BUY, 100, 5));
    books.records[0].marks.set_by_level(true);
    assert_eq!(books.verify(), Err(Fault::Feed(I)), "levels with a queue");
}

proptest! {
    #[test]
    fn storms_of_levels_leave_what_was_set_last(
        sets in prop::collection::vec((0..3u32, any::<bool>(), 1..60i64, 0..4u64), 0..600),
        opens in any::<bool>(),
    ) {
        let mut books = Books::new(&SMALL);
        if opens {
            books.apply(&session(b'Q'));
        }
        let mut model = BTreeMap::new();
        for (instrument, buy, ticks, qty) in sets {
            let (i, side) = (InstrumentId(instrument), if buy { Side::BUY } else { Side::SELL });
            let before = books.top(i);
            let change = books.set_level(i, side, Price(ticks), Qty(qty), qty as u32);
            let had = model.insert((instrument, side, ticks), qty);
            prop_assert_eq!((change.qty.0, change.left.0), (had.unwrap_or(0), qty));
            prop_assert_eq!(change.top, before != books.top(i));
            prop_assert_eq!(books.verify(), Ok(()));
        }
        model.retain(|_, qty| *qty > 0);
        for i in (0..3).map(InstrumentId) {
            for side in [Side::BUY, Side::SELL] {
                let there = model.range((i.0, side, 0)..(i.0, side, i64::MAX));
                let mut wanted: Vec<_> = there.map(|(&(.., ticks), &qty)| (ticks, qty)).collect();
                if side.is_buy() {
                    wanted.reverse();
                }
                let seen = books.levels(i, side).map(|level| (level.price.0, level.qty.0));
                prop_assert_eq!(seen.collect::<Vec<_>>(), wanted);
            }
        }
    }
}
