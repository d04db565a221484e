//! The books against the naive book, message by message; and what the naive book cannot see: pools, pages, links.

mod feed;
mod levels;
mod memory;
mod storms;
mod views;
mod whole;

use super::naive::Naive;
use super::*;
use crate::base::message::{Flags, Header, Kind, Market};
use crate::base::unit::{Health, InstrumentId, Phase, Price, Qty, Seq, Side};
use feed::{Feed, Numbering};
use proptest::prelude::*;
use views::Views;

const SMALL: Limits = Limits { orders: 4096, levels: 2048, instruments: 8 };
const TICK: i64 = 10_000_000;

fn message(kind: Kind, instrument: u32, reference: u64) -> Market {
    let instrument = InstrumentId(instrument);
    Market {
        head: Header { kind, instrument, ..Header::default() },
        reference,
        ..Market::default()
    }
}

fn add(instrument: u32, reference: u64, side: Side, ticks: i64, qty: u64) -> Market {
    let price = Price(ticks * TICK);
    Market { side, price, qty: Qty(qty), ..message(Kind::ADD, instrument, reference) }
}

fn part(kind: Kind, instrument: u32, reference: u64, qty: u64) -> Market {
    Market { qty: Qty(qty), ..message(kind, instrument, reference) }
}

fn replace(instrument: u32, old: u64, new: u64, ticks: i64, qty: u64) -> Market {
    let price = Price(ticks * TICK);
    Market { other: new, price, qty: Qty(qty), ..message(Kind::REPLACE, instrument, old) }
}

fn state(kind: Kind, instrument: u32, code: u8) -> Market {
    Market { code, ..message(kind, instrument, 0) }
}

fn session(code: u8) -> Market {
    state(Kind::SESSION, InstrumentId::NONE.0, code)
}

/// Everything that can be read of the instrument that `m` names.
fn compare(books: &Books, naive: &Naive, m: &Market, at: u64) {
    let i = m.head.instrument;
    if i.index() >= 6 {
        return;
    }
    assert_eq!(books.top(i), naive.top(i), "message {at}");
    assert_eq!(books.phase(i), naive.phase(i), "message {at}");
    assert_eq!(books.health(i), naive.health(i), "message {at}");
    assert_eq!(books.last_trade(i), naive.last_trade(i), "message {at}");
    assert_eq!(books.live_orders(), naive.len() as u64, "message {at}");
    for reference in [m.reference, m.other] {
        assert_eq!(books.order(reference), naive.order(reference), "message {at}");
        assert_eq!(books.ahead(reference), naive.ahead(reference), "message {at}");
    }
    for side in [Side::BUY, Side::SELL] {
        assert!(books.levels(i, side).eq(naive.levels(i, side)), "message {at}");
    }
}

/// Everything that can be read at all.
fn compare_all(books: &Books, naive: &Naive) {
    for i in (0..6).map(InstrumentId) {
        for side in [Side::BUY, Side::SELL] {
            let levels = naive.levels(i, side);
            assert!(books.levels(i, side).eq(levels.iter().copied()));
            for level in levels {
                let queue = naive.orders(i, side, level.price);
                assert!(books.orders(i, side, level.price).eq(queue));
            }
        }
    }
    assert!(counts_agree(books, naive));
    books.verify().unwrap();
}

fn counts_agree(books: &Books, naive: &Naive) -> bool {
    let mut counts = books.anomalies().iter();
    counts.all(|(name, count, _)| count == naive.counts.get(name).copied().unwrap_or(0))
}

fn agree(seed: u64, numbering: Numbering, live: usize, messages: u64) -> (Books, Naive) {
    let mut books = Books::new(&Limits { instruments: 6, ..SMALL });
    let mut naive = Naive::new(6);
    let mut feed = Feed::new(seed, numbering, live);
    let mut views = Views::new(&books);
    for at in 0..messages {
        let m = if at == 100 { session(b'Q') } else { feed.next(&naive) };
        (0..3).for_each(|step| books.hint(&m, step));
        let (change, expected) = (books.apply(&m), naive.apply(&m));
        let arrival = books.arrival(&change);
        assert_eq!(Change { slot: 0, ..change }, expected, "message {at}: {m:?}");
        assert_eq!(arrival, naive.arrival, "message {at}: {m:?}");
        compare(&books, &naive, &m, at);
        views.compare(&books, &naive, &change, at);
        assert_eq!(books.anomalies().total(), naive.total, "message {at}: {m:?}");
        if at % 16_384 == 0 {
            compare_all(&books, &naive);
        }
    }
    compare_all(&books, &naive);
    (books, naive)
}

#[test]
fn the_books_equal_a_naive_book_after_every_message() {
    let (books, naive) = agree(7, Numbering::Dense, 600, 2_000_000);
    for kind in Anomaly::ALL.iter().filter(|&&kind| kind != Anomaly::PoolExhausted) {
        let (count, counted) = (books.anomalies().count(*kind), naive.counts[kind.name()]);
        assert!(count > 20 && count == counted, "{}: {count}", kind.name());
    }
    assert_eq!(books.anomalies().count(Anomaly::PoolExhausted), 0);
}

/// Ten million in all, with those above. A test for each numbering, so that they run side by side.
const EACH: u64 = 1_600_000;

#[test]
fn the_books_equal_a_naive_book_where_others_use_most_references() {
    agree(0, Numbering::Strided, 400, EACH);
}

#[test]
fn the_books_equal_a_naive_book_under_falling_references() {
    agree(1, Numbering::Descending, 400, EACH);
}

#[test]
fn the_books_equal_a_naive_book_under_high_references() {
    agree(2, Numbering::High, 400, EACH);
}

#[test]
fn the_books_equal_a_naive_book_under_any_references() {
    agree(3, Numbering::Sparse, 400, EACH);
}

#[test]
fn the_books_equal_a_naive_book_under_references_of_every_kind() {
    agree(4, Numbering::Mixed, 400, EACH);
}

/// Any message at all, often about the same few orders.
fn any_message() -> impl Strategy<Value = Market> {
    let kind = prop_oneof![
        8 => (20..26u8).prop_map(Kind),
        1 => Just(Kind::LEVEL),
        1 => prop_oneof![(16..29u8).prop_map(Kind), any::<u8>().prop_map(Kind)],
    ];
    let small = prop_oneof![9 => 0..12u64, 1 => any::<u64>()];
    let price = prop_oneof![9 => 0..6i64, 1 => any::<i64>()];
    let instrument = prop_oneof![9 => 0..3u32, 1 => any::<u32>()];
    let code = prop::sample::select(b"OSQMECHPT?".to_vec());
    let bits = (instrument, 0..4u8, code, 0..4u16);
    (kind, small.clone(), small, price, 0..5u64, bits).prop_map(
        |(kind, reference, other, price, qty, (instrument, side, code, flags))| {
            let mut m = message(kind, instrument, reference);
            m.head.flags = Flags(flags);
            Market { other, price: Price(price), qty: Qty(qty), side: Side(side), code, ..m }
        },
    )
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_as_the_naive_book_takes_it(
        messages in prop::collection::vec(any_message(), 0..200),
    ) {
        let mut books = Books::new(&Limits { orders: 64, levels: 64, instruments: 4 });
        let mut naive = Naive::new(4);
        for m in &messages {
            (0..3).for_each(|step| books.hint(m, step));
            let change = books.apply(m);
            prop_assert_eq!(Change { slot: 0, ..change }, naive.apply(m));
            prop_assert_eq!(books.arrival(&change), naive.arrival);
            prop_assert!(counts_agree(&books, &naive));
            prop_assert_eq!(books.verify(), Ok(()));
        }
    }

    #[test]
    fn totals_are_sums_and_the_best_is_best(
        messages in prop::collection::vec(any_message(), 0..200),
    ) {
        let mut books = Books::new(&SMALL);
        // Levels that are set have no orders to add up.
        for m in messages.iter().filter(|m| m.head.kind != Kind::LEVEL) {
            books.apply(m);
        }
        for i in (0..8).map(InstrumentId) {
            for side in [Side::BUY, Side::SELL] {
                let mut prices = Vec::new();
                for level in books.levels(i, side) {
                    let queue: Vec<_> = books.orders(i, side, level.price).collect();
                    prop_assert_eq!(level.qty.0, queue.iter().map(|o| o.qty.0).sum::<u64>());
                    prop_assert_eq!(level.orders as usize, queue.len());
                    prop_assert!(queue.windows(2).all(|w| w[0].arrival < w[1].arrival));
                    prices.push(level.price);
                }
                let best = if side.is_buy() { prices.iter().max() } else { prices.iter().min() };
                let top = books.top(i);
                let top = if side.is_buy() { top.bid } else { top.ask };
                prop_assert_eq!(best.copied().unwrap_or_default(), top);
                prop_assert_eq!(prices.first(), best);
            }
        }
    }

    #[test]
    fn a_walk_takes_no_more_than_there_is_and_never_a_worse_price_first(
        adds in prop::collection::vec((1..40i64, 1..500u64), 0..40),
        qty in 0..8000u64,
    ) {
        let mut books = Books::new(&SMALL);
        for (n, &(ticks, qty)) in adds.iter().enumerate() {
            books.apply(&add(0, n as u64, Side::SELL, ticks, qty));
        }
        let mut shares: Vec<_> = adds
            .iter()
            .flat_map(|&(ticks, qty)| std::iter::repeat_n(ticks * TICK, qty as usize))
            .collect();
        shares.sort_unstable();
        shares.truncate(qty as usize);
        let walk = books.walk(InstrumentId(0), Side::SELL, Qty(qty));
        prop_assert_eq!(walk.filled.0, shares.len() as u64);
        prop_assert_eq!(walk.unfilled.0, qty - shares.len() as u64);
        let notional: i128 = shares.iter().map(|&price| i128::from(price)).sum();
        prop_assert_eq!(walk.notional.0, notional);
        prop_assert_eq!(walk.worst.0, shares.last().copied().unwrap_or(0));
        let average = (notional as f64 / shares.len() as f64) as i64;
        prop_assert_eq!(walk.average().is_some(), !shares.is_empty());
        prop_assert!(walk.average().is_none_or(|price| price.0.abs_diff(average) <= 1));
        shares.dedup();
        prop_assert_eq!(walk.levels as usize, shares.len());
    }
}

#[test]
fn a_replace_loses_priority_and_a_partial_cancel_keeps_it() {
    let mut books = Books::new(&SMALL);
    for reference in 1..=3 {
        books.apply(&add(0, reference, Side::BUY, 100, 10));
    }
    books.apply(&part(Kind::CANCEL, 0, 1, 4));
    books.apply(&replace(0, 2, 9, 100, 10));
    let queue = books.orders(InstrumentId(0), Side::BUY, Price(100 * TICK));
    assert_eq!(
        queue.map(|o| (o.reference, o.qty.0)).collect::<Vec<_>>(),
        [(1, 6), (3, 10), (9, 10)]
    );
    assert_eq!(books.ahead(9), Some(Ahead { qty: Qty(16), orders: 2 }));
    assert_eq!(books.ahead(2), None);
}

#[test]
fn crossed_counts_passages_not_messages() {
    let mut books = Books::new(&SMALL);
    let crossed = |books: &Books| {
        let count = |kind| books.anomalies().count(kind);
        (count(Anomaly::Locked), count(Anomaly::Crossed))
    };
    books.apply(&add(0, 1, Side::SELL, 100, 10));
    books.apply(&add(0, 2, Side::BUY, 101, 10));
    assert_eq!(crossed(&books), (0, 0), "before the open it is no anomaly");
    books.apply(&session(b'Q'));
    assert_eq!(crossed(&books), (0, 1), "it opened crossed");
    books.apply(&add(0, 3, Side::BUY, 102, 10));
    books.apply(&replace(0, 3, 4, 103, 10));
    assert_eq!(crossed(&books), (0, 1), "it stays crossed");
    books.apply(&message(Kind::DELETE, 0, 4));
    books.apply(&replace(0, 2, 5, 100, 10));
    assert_eq!(crossed(&books), (1, 1));
    books.apply(&state(Kind::HALT, 0, b'H'));
    assert_eq!(books.phase(InstrumentId(0)), Phase::HALTED);
    books.apply(&state(Kind::HALT, 0, b'T'));
    assert_eq!(crossed(&books), (2, 1), "it resumed locked");
}

#[test]
fn the_first_of_a_kind_is_kept() {
    let mut books = Books::new(&SMALL);
    for (sequence, reference) in [(5, 70), (6, 71)] {
        let mut m = message(Kind::DELETE, 3, reference);
        m.head.cause = Seq(sequence);
        books.apply(&m);
    }
    let first = Example { sequence: Seq(5), instrument: InstrumentId(3), reference: 70 };
    let mut seen = books.anomalies().iter().filter(|(_, count, _)| *count > 0);
    assert_eq!(seen.next(), Some(("unknown_reference", 2, Some(first))));
    assert_eq!(seen.next(), None);
}

#[test]
fn running_out_of_room_makes_only_that_instrument_stale() {
    let health = |books: &Books| [0, 1].map(|i| books.health(InstrumentId(i)));
    for limits in [
        Limits { orders: 10, levels: 100, instruments: 2 },
        Limits { orders: 100, levels: 10, instruments: 2 },
    ] {
        let mut books = Books::new(&limits);
        books.apply(&session(b'O'));
        for n in 0..10 {
            assert!(books.apply(&add(0, n, Side::BUY, 1 + n as i64, 1)).applied);
        }
        assert_eq!(health(&books), [Health::LIVE; 2]);
        let change = books.apply(&add(1, 10, Side::BUY, 11, 1));
        assert!(!change.applied && change.top);
        let change = books.apply(&add(1, 11, Side::BUY, 12, 1));
        assert!(!change.applied && !change.top, "it was stale already");
        assert_eq!(health(&books), [Health::LIVE, Health::STALE]);
        assert_eq!(books.anomalies().count(Anomaly::PoolExhausted), 2);
        assert_eq!((books.live_orders(), books.order(10), books.order(11)), (10, None, None));
        books.apply(&message(Kind::DELETE, 0, 4));
        assert!(books.apply(&add(0, 12, Side::BUY, 99, 1)).applied, "there is room again");
        books.verify().unwrap();
    }
}

#[test]
fn a_book_is_vouched_for_only_if_its_day_was_seen_from_the_start() {
    let health = |books: &Books| [0, 1].map(|i| books.health(InstrumentId(i)));
    for start in [b'O', b'S'] {
        let mut books = Books::new(&SMALL);
        assert_eq!(health(&books), [Health::BUILDING; 2]);
        assert!(books.apply(&session(start)).applied);
        assert_eq!(health(&books), [Health::LIVE; 2]);
        // No other event, and nothing that the instruments do, says anything of it.
        books.apply(&add(0, 1, Side::BUY, 10, 1));
        for code in *b"SQMECQ" {
            books.apply(&session(code));
            books.apply(&state(Kind::HALT, 1, b'H'));
            assert_eq!(health(&books), [Health::LIVE; 2]);
        }
        books.apply(&session(b'O'));
        assert_eq!(
            health(&books),
            [Health::STALE, Health::LIVE],
            "orders of a day that did not end"
        );
        books.apply(&message(Kind::DELETE, 0, 1));
        books.apply(&session(b'O'));
        assert_eq!(health(&books), [Health::STALE, Health::LIVE], "once stale it stays so");
    }
    let mut late = Books::new(&SMALL);
    for code in *b"QMECQ" {
        late.apply(&session(code));
        late.apply(&add(0, u64::from(code), Side::BUY, 10, 1));
        late.apply(&state(Kind::DIRECTORY, 1, b'N'));
        assert_eq!(health(&late), [Health::BUILDING; 2], "what came before is not known");
    }
    late.verify().unwrap();
}

#[test]
fn ten_thousand_levels_stay_in_order() {
    let mut books = Books::new(&Limits { orders: 20_000, levels: 20_000, instruments: 1 });
    // 7919 and 10,000 have no common factor: every price once, in no order.
    for n in 0..10_000u64 {
        let ticks = 1 + (n * 7919 % 10_000) as i64;
        assert!(books.apply(&add(0, n, Side::SELL, ticks, 1)).applied);
    }
    let prices = books.levels(InstrumentId(0), Side::SELL).map(|level| level.price.0 / TICK);
    assert!(prices.eq(1..=10_000));
    books.verify().unwrap();
    for n in 0..10_000u64 {
        assert!(books.apply(&message(Kind::DELETE, 0, n)).applied);
    }
    assert_eq!(books.top(InstrumentId(0)), Top::default());
    books.verify().unwrap();
}

#[test]
fn a_session_s_end_closes_every_instrument() {
    let mut books = Books::new(&SMALL);
    let phases = |books: &Books| [0, 1].map(|i| books.phase(InstrumentId(i)));
    assert_eq!(phases(&books), [Phase::PRE_OPEN; 2]);
    books.apply(&state(Kind::TRADING, 0, b'P'));
    books.apply(&session(b'Q'));
    assert_eq!(phases(&books), [Phase::PAUSED, Phase::OPEN]);
    let change = books.apply(&session(b'M'));
    assert!(change.top && change.instrument == InstrumentId::NONE);
    assert_eq!(phases(&books), [Phase::CLOSED; 2]);
}
