//! The imbalance taker.

use super::*;

pub(super) fn taker(cooldown: u64) -> Imbalance {
    let settings = ImbalanceSettings {
        threshold_per_mille: 800,
        qty: Qty(100),
        position_max: Qty(250),
        cooldown: Nanos(cooldown),
    };
    Imbalance::new(settings, 8)
}

/// What was sent, as (instrument, side, price).
fn sent(intents: &[Intent]) -> Vec<(u32, Side, i64)> {
    let cents = |price: Price| price.0 / 10_000_000;
    intents.iter().map(|i| (i.head.instrument.0, i.side, cents(i.price))).collect()
}

#[test]
fn it_takes_the_other_side_from_its_threshold_on() {
    for (bid, ask, expected) in [
        (799, 201, None),
        (800, 200, Some((0, BUY, 1002))),
        (200, 800, Some((0, SELL, 1000))),
        (201, 799, None),
        (500, 500, None),
    ] {
        let mut desk = Desk::new(taker(0), 8);
        let intents = desk.touch(0, (1000, bid), (1002, ask));
        assert_eq!(sent(&intents), Vec::from_iter(expected), "{bid} to {ask}");
        for intent in intents {
            assert_eq!((intent.qty, intent.tif), (Qty(100), TimeInForce::IOC));
            assert_eq!((intent.head.kind, intent.strategy), (Kind::NEW, StrategyId(1)));
            assert_eq!((intent.bid, intent.ask), (cents(1000), cents(1002)));
            assert_eq!(intent.order, OrderId::new(9, ShardId(1), 1));
        }
    }
}

#[test]
fn a_crossed_or_one_sided_book_is_no_signal() {
    let mut desk = Desk::new(taker(0), 8);
    assert_eq!(desk.add(0, BUY, 1000, 900, true), []);
    assert_eq!(desk.add(0, SELL, 1000, 10, true), []);
}

#[test]
fn one_order_works_at_a_time_until_it_has_ended() {
    for end in [Kind::CANCELED, Kind::REFUSED, Kind::REJECTED, Kind::FILLED] {
        let mut desk = Desk::new(taker(0), 8);
        let first = desk.touch(0, (1000, 900), (1002, 100));
        assert_eq!(first.len(), 1);
        assert_eq!(desk.move_to(1, 1000, 901), []);
        desk.tell(about(&first[0], Kind::SENT));
        desk.tell(about(&first[0], Kind::ACCEPTED));
        desk.tell(filled(&first[0], 60, 40));
        assert_eq!(desk.move_to(1, 1000, 902), [], "it works still");
        desk.tell(Report { qty: Qty(40), ..gone(&first[0], end) });
        assert_eq!(desk.move_to(1, 1000, 903).len(), 1, "{end}");
    }
}

#[test]
fn it_adds_nothing_beyond_its_position_but_takes_the_other_way() {
    let mut desk = Desk::new(taker(0), 8);
    let mut first = desk.touch(0, (1000, 900), (1002, 100));
    for (qty, sends) in [(100, 1), (50, 1), (100, 0)] {
        desk.tell(filled(&first[0], qty, 0));
        let next = desk.move_to(1, 1000, 900 + qty);
        assert_eq!(next.len(), sends, "long by {qty} more");
        first = if sends == 1 { next } else { first };
    }
    assert_eq!(sent(&desk.move_to(2, 1002, 9_000)), [(0, SELL, 1000)]);
}

#[test]
fn it_rests_between_two_orders() {
    let mut desk = Desk::new(taker(100), 8);
    let first = desk.touch(0, (1000, 900), (1002, 100));
    let decided = desk.time;
    desk.tell(gone(&first[0], Kind::CANCELED));
    desk.time = decided + 97;
    assert_eq!(desk.move_to(1, 1000, 901), [], "99 ns after");
    desk.time = decided + 98;
    assert_eq!(desk.move_to(1, 1000, 902).len(), 1, "100 ns after");
}

#[test]
fn it_judges_a_packet_by_its_end() {
    let mut desk = Desk::new(taker(0), 8);
    desk.add(0, BUY, 1000, 900, false);
    desk.add(0, SELL, 1002, 100, false);
    assert_eq!(desk.add(0, SELL, 1002, 900, true), [], "no longer");
}

#[test]
fn every_instrument_of_a_packet_has_its_say() {
    let mut desk = Desk::new(taker(0), 8);
    for at in 0..3 {
        desk.add(at, BUY, 1000, 900, false);
    }
    for _ in 0..4 {
        desk.add(0, SELL, 1002, 10, false);
    }
    desk.add(1, SELL, 1002, 10, false);
    let all = desk.add(2, SELL, 1002, 10, true);
    assert_eq!(sent(&all), [(0, BUY, 1002), (1, BUY, 1002), (2, BUY, 1002)]);
}

#[test]
fn it_stays_out_of_a_halt_and_of_what_may_not_be_traded() {
    let mut desk = Desk::new(taker(0), 8);
    desk.trading(0, b'H');
    assert_eq!(desk.touch(0, (1000, 900), (1002, 100)), []);
    // Announced again as a symbol that the instrument table lacks.
    desk.put(Market { reference: 7, ..market(0, Kind::DIRECTORY, 1) }, false);
    assert_eq!(desk.touch(1, (1000, 900), (1002, 100)), []);
}

#[test]
fn what_ends_trading_in_a_packet_ends_its_signals() {
    let mut desk = Desk::new(taker(0), 8);
    desk.add(0, BUY, 1000, 900, false);
    desk.add(0, SELL, 1002, 100, false);
    assert_eq!(desk.trading(0, b'H'), []);
    assert_eq!(desk.trading(0, b'T'), [], "the signal was judged, and is gone");
    // Out of room behind the signal: the book is stale.
    let limits = Limits { orders: 2, levels: 8, instruments: 8 };
    let mut desk = Desk::with(taker(0), 8, limits);
    desk.add(0, BUY, 1000, 900, false);
    desk.add(0, SELL, 1002, 100, false);
    assert_eq!(desk.add(0, BUY, 999, 10, true), []);
    assert_eq!(desk.stage.books().health(InstrumentId(0)), Health::STALE);
}

#[test]
fn what_does_not_fit_into_a_burst_waits_for_the_next_packet() {
    let mut desk = Desk::new(taker(0), 8);
    for at in 0..6 {
        desk.add(at, BUY, 1000, 900, false);
        desk.add(at, SELL, 1002, 10, false);
    }
    let instruments = |intents: &[Intent]| -> Vec<u32> {
        intents.iter().map(|intent| intent.head.instrument.0).collect()
    };
    assert_eq!(instruments(&desk.idle()), [0, 1, 2, 3]);
    assert_eq!(instruments(&desk.idle()), [4, 5]);
    assert_eq!(desk.idle(), []);
}
