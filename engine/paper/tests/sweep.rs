//! What an order takes on arrival, level by level, and what becomes of the rest.

use super::{BUY, DAY, IOC, NOTHING, Pit, SELL, new, told};
use crate::base::message::Market;
use crate::base::unit::OrderType;

#[test]
fn an_immediate_order_takes_what_is_available_level_by_level_and_the_rest_is_cancelled() {
    let mut pit = Pit::open();
    pit.add(1, SELL, 1001, 30);
    pit.add(2, SELL, 1000, 50);
    pit.add(3, SELL, 1000, 20);
    pit.add(4, SELL, 1002, 99);
    let said = pit.send(1, BUY, 1001, 150, IOC);
    let expected = [
        "accepted 1: 150@0, 150 left",
        "filled 1: 70@1000, 80 left",
        "filled 1: 30@1001, 50 left",
        "canceled 1: 50@0, 0 left",
    ];
    assert_eq!(said, expected, "up to its limit, at each level's own price");
}

#[test]
fn a_sweep_ends_after_so_many_levels() {
    let mut pit = Pit::open();
    for (reference, price) in [(1, 1000), (2, 1001), (3, 1002)] {
        pit.add(reference, SELL, price, 10);
    }
    let said = pit.send(1, BUY, 1005, 100, DAY);
    let expected = [
        "filled 1: 10@1000, 90 left",
        "filled 1: 10@1001, 80 left",
        "canceled 1: 80@0, 0 left, venue_swept",
    ];
    assert_eq!(said[1..], expected);
    let said = pit.send(2, BUY, 1005, 5, DAY);
    assert_eq!(said[1..], ["filled 2: 5@1002, 0 left"], "levels without anything are passed by");
    let said = pit.send(3, BUY, 1001, 5, DAY);
    assert_eq!(said.len(), 1, "nothing is available up to its limit: it rests");
}

#[test]
fn an_order_is_swept_only_if_there_is_more_that_it_could_take() {
    let mut pit = Pit::open();
    pit.add(1, SELL, 1002, 10);
    assert_eq!(pit.send(1, BUY, 1002, 10, IOC)[1], "filled 1: 10@1002, 0 left");
    pit.add(2, SELL, 1003, 10);
    // Two levels for each order, and then 1002, where all is taken, and 1003.
    let mut names = 11..;
    let mut send = |limit, tif| {
        for price in [1000, 1001] {
            pit.add(names.next().unwrap(), SELL, price, 10);
        }
        let id = names.next().unwrap();
        let said = pit.send(id, BUY, limit, 25, tif).split_off(3);
        pit.cancel(id);
        said.into_iter().map(|said| said.replace(&id.to_string(), "it")).collect::<Vec<_>>()
    };
    assert_eq!(send(1002, DAY), NOTHING, "it rests");
    assert_eq!(send(1002, IOC), ["canceled it: 5@0, 0 left"]);
    assert_eq!(send(1003, DAY), ["canceled it: 5@0, 0 left, venue_swept"]);
    assert_eq!(send(1003, IOC), ["canceled it: 5@0, 0 left, venue_swept"]);
}

#[test]
fn a_market_order_takes_any_price_and_never_rests() {
    let mut pit = Pit::open();
    pit.add(1, BUY, 500, 10);
    let order = Market { order_type: OrderType::MARKET, ..new(1, SELL, 0, 15, DAY) };
    let said = told(&pit.order(order));
    assert_eq!(said[1..], ["filled 1: 10@500, 5 left", "canceled 1: 5@0, 0 left"]);
}
