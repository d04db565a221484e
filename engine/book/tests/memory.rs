//! What the pools cost is what `Limits` says they do.

use super::super::*;
use super::add;
use crate::base::unit::{Health, InstrumentId, Side};

/// Memory that was touched, counted from the pools themselves.
fn touched(books: &Books) -> [usize; 2] {
    let instruments = size_of_val(&books.sides[..])
        + size_of_val(&books.records[..])
        + size_of_val(&books.trades[..]);
    [books.orders.touched(), books.levels.touched() + books.rungs.touched() + instruments]
}

#[test]
fn books_touch_at_start_what_their_limits_say() {
    for limits in [
        Limits { orders: 1, levels: 1, instruments: 1 },
        Limits { orders: 5000, levels: 300, instruments: 70 },
        Limits { orders: 1 << 15, levels: 1 << 12, instruments: 1 << 10 },
        Limits { orders: (1 << 16) + 1, levels: 0, instruments: 0 },
    ] {
        let [orders, levels, instruments] = limits.bytes();
        assert_eq!(touched(&Books::new(&limits)), [orders, levels + instruments], "{limits:?}");
    }
}

#[test]
fn each_costs_what_its_limit_s_description_says() {
    let bytes = |orders, levels, instruments| Limits { orders, levels, instruments }.bytes();
    // The map and the directory double at powers of two.
    for orders in [1 << 16, (1 << 16) + 1, (1 << 19) + 1, 1 << 21, (1 << 24) + 1] {
        let [each, ..] = bytes(orders, 0, 0);
        let fixed = Limits { orders: 1, levels: 0, instruments: 0 }.bytes()[0];
        assert!((each - fixed) / orders <= 42, "{orders}: {}", (each - fixed) / orders);
    }
    let [_, none, _] = bytes(0, 0, 0);
    let [_, levels, instruments] = bytes(0, 10_000, 1000);
    assert_eq!((levels - none, instruments), (480_000, 404_000));
}

#[test]
fn full_books_touch_no_more_than_what_is_reserved() {
    let limits = Limits { orders: 40_000, levels: 10_000, instruments: 4 };
    let mut books = Books::new(&limits);
    let at_start = touched(&books);
    for n in 0..40_000 {
        // Far apart: every order opens a page, or goes aside. Half of the levels come and go.
        let (instrument, ticks) = ((n % 4) as u32, 1 + (n / 4 % 2400) as i64);
        books.apply(&add(instrument, n * 1000, Side::BUY, ticks, 1));
    }
    assert_eq!(books.live_orders(), 40_000);
    assert!((0..4).all(|i| books.health(InstrumentId(i)) == Health::BUILDING));
    let [orders, rest] = touched(&books);
    assert!(orders > at_start[0], "pages were opened");
    // Slots and arrivals of all pages that there may be, references on the side; rungs of the largest blocks.
    assert!(orders - at_start[0] <= 40_000 * (340 + 8), "{}", orders - at_start[0]);
    assert!(rest - at_start[1] <= 10_000 * 48, "{}", rest - at_start[1]);
    books.verify().unwrap();
}
