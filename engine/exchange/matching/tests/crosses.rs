//! Crosses by hand.

use super::desk::{Change, Desk, buy, sell};
use super::*;

fn opening(enter: Enter) -> Enter {
    Enter { session: CrossSession::Opening, ..enter }
}

/// A symbol that does not trade yet, with these orders.
fn quoting(orders: &[Enter]) -> Desk {
    let mut desk = Desk::new();
    desk.phase(Phase::Quoting);
    orders.iter().for_each(|order| desk.enter(*order));
    desk
}

/// Price and shares of a cross, found before it happens.
#[track_caller]
fn clears(orders: &[Enter], near: u32, price: u32, shares: u64) {
    let mut desk = quoting(orders);
    let mut found = None;
    let command =
        Command::Cross { locate: Locate(1), kind: CrossKind::Opening, near: Price4(near) };
    desk.matching.apply(&command, &mut |event| {
        if let Event::Crossed { price, shares, .. } = event {
            found = Some((price.0, shares));
        }
    });
    assert_eq!(found, Some((price, shares)));
}

const D: u32 = 10_000;

#[test]
fn the_price_that_trades_most_wins() {
    clears(&[buy(12 * D, 10), buy(11 * D, 10), sell(10 * D, 10), sell(11 * D, 10)], 1, 11 * D, 20);
    clears(&[buy(10 * D, 10), sell(11 * D, 10)], 10 * D, 0, 0);
    clears(&[], 10 * D, 0, 0);
}

#[test]
fn of_those_the_one_that_leaves_least() {
    // 20 trade from 10 to 12; at 10 and 11 ten more would buy, at 12 nobody is left.
    clears(&[buy(12 * D, 20), buy(11 * D, 10), sell(10 * D, 20)], 1, 11 * D + 100, 20);
    clears(&[buy(12 * D, 20), sell(11 * D, 10), sell(10 * D, 20)], 20 * D, 11 * D - 100, 20);
}

#[test]
fn of_those_the_nearest_to_the_last_price() {
    let both = [buy(12 * D, 20), sell(10 * D, 20)];
    for (near, price) in [(1, 10 * D), (11 * D + 50, 11 * D), (9_999, 10 * D), (13 * D, 12 * D)] {
        clears(&both, near, price, 20);
    }
    clears(&[opening(buy(1, 20).market()), opening(sell(1, 20).market())], 7 * D, 7 * D, 20);
}

#[test]
fn market_orders_come_first_then_price_then_what_shows_or_waits_by_time_then_what_is_hidden() {
    let mut desk = quoting(&[
        buy(11 * D, 5).hidden(),
        buy(11 * D, 9).reserve(4),
        opening(buy(11 * D, 5)),
        buy(11 * D, 5),
        buy(12 * D, 5),
        opening(buy(1, 5).market()),
        sell(11 * D, 31),
    ]);
    desk.says(&[
        "Quoting",
        "2 shows 4 as 2",
        "4 shows 5 as 4",
        "5 shows 5 as 5",
        "7 shows 31 as 7",
    ]);
    desk.cross(CrossKind::Opening, 11 * D);
    desk.says(&[
        "6 (-) crosses 5 at 110000",
        "5 (5) crosses 5 at 110000",
        "2 (2) crosses 4 at 110000",
        "3 (-) crosses 5 at 110000",
        "4 (4) crosses 5 at 110000",
        "2 (-) crosses 5 at 110000",
        "1 (-) crosses 2 at 110000",
        "7 (7) crosses 31 at 110000",
        "Opening: 31 at 110000",
    ]);
    assert_eq!(desk.matching.order(Reference(1)).unwrap().open, 3);
}

#[test]
fn a_reserve_order_shows_its_next_part_when_the_side_is_done() {
    let mut desk = quoting(&[buy(11 * D, 9).reserve(4), sell(11 * D, 6)]);
    desk.cross(CrossKind::Halt, 11 * D);
    desk.says(&[
        "Quoting",
        "1 shows 4 as 1",
        "2 shows 6 as 2",
        "1 (1) crosses 4 at 110000",
        "1 (-) crosses 2 at 110000",
        "1 shows 3 as 3",
        "2 (2) crosses 6 at 110000",
        "Halt: 6 at 110000",
    ]);
}

#[test]
fn orders_of_a_cross_take_part_in_theirs_only_and_go_with_it() {
    let closing = Enter { session: CrossSession::Closing, ..buy(11 * D, 5) };
    let mut desk = quoting(&[closing, opening(buy(10 * D, 5)), opening(sell(10 * D, 8))]);
    desk.cross(CrossKind::Halt, D);
    desk.cross(CrossKind::Opening, D);
    desk.enter(opening(buy(10 * D, 5)));
    desk.cross(CrossKind::Closing, D);
    desk.enter(closing);
    desk.says(&[
        "Quoting",
        "Halt: 0 at 0",
        "2 (-) crosses 5 at 100000",
        "3 (-) crosses 5 at 100000",
        "3 loses 3 (0): Expired",
        "Opening: 5 at 100000",
        "rejected: Closed",
        "1 loses 5 (0): Expired",
        "Closing: 0 at 0",
        "rejected: Closed",
    ]);
}

#[test]
fn a_halt_ends_with_a_cross_if_the_book_is_crossed() {
    let mut desk = quoting(&[buy(11 * D, 5), sell(10 * D, 8), sell(12 * D, 1)]);
    desk.phase(Phase::Open);
    desk.phase(Phase::Halted);
    desk.phase(Phase::Open);
    desk.says(&[
        "Quoting",
        "1 shows 5 as 1",
        "2 shows 8 as 2",
        "3 shows 1 as 3",
        "1 (1) crosses 5 at 105000",
        "2 (2) crosses 5 at 105000",
        "Halt: 5 at 105000",
        "Open",
        "Halted",
        "Open",
    ]);
}

#[test]
fn a_cross_passes_orders_with_a_minimum_by() {
    let mut desk = quoting(&[buy(11 * D, 5).hidden().minimum(2), sell(11 * D, 8)]);
    desk.phase(Phase::Open);
    desk.enter(sell(11 * D, 2));
    desk.says(&["Quoting", "2 shows 8 as 2", "Open", "3 takes 2 of 1 at 110000"]);
}

#[test]
fn an_indication_says_what_the_cross_would_do() {
    let mut desk = quoting(&[
        buy(10 * D, 100),
        sell(12 * D, 100),
        opening(buy(11 * D, 500)),
        opening(sell(1, 300).market()),
        opening(sell(10 * D, 50)),
    ]);
    let before = desk.matching.imbalance(Locate(1), CrossKind::Opening);
    assert_eq!(
        before,
        Indication {
            paired: 350,
            imbalance: 150,
            side: Some(Side::BUY),
            far: Price4(11 * D),
            near: Price4(11 * D),
            reference: Price4(11 * D),
        }
    );
    desk.cross(CrossKind::Opening, 11 * D);
    let after = desk.matching.imbalance(Locate(1), CrossKind::Opening);
    assert_eq!((after.paired, after.near, after.far), (0, Price4(0), Price4(0)));
    assert_eq!(desk.matching.imbalance(Locate(9), CrossKind::Halt), Indication::default());
}
