//! What the feed says of all books at once.

use super::*;

const I: InstrumentId = InstrumentId(0);
const NONE: u32 = InstrumentId::NONE.0;

fn all(kind: Kind) -> Market {
    message(kind, NONE, 0)
}

fn health(books: &Books, i: u32) -> Health {
    books.health(InstrumentId(i))
}

#[test]
fn while_something_is_missing_no_book_is_live() {
    let mut books = Books::new(&SMALL);
    books.apply(&session(b'S'));
    assert_eq!(health(&books, 0), Health::LIVE);
    let change = books.apply(&all(Kind::GAP));
    assert_eq!((change.applied, change.top, change.instrument), (true, true, InstrumentId::NONE));
    assert_eq!(health(&books, 0), Health::STALE);
    // It goes on as far as it is told.
    assert!(books.apply(&add(0, 7, Side::BUY, 100, 5)).applied);
    assert!(!books.apply(&all(Kind::GAP)).top, "nothing new");
    assert_eq!(health(&books, 0), Health::STALE);
    assert!(books.apply(&all(Kind::WHOLE)).top);
    assert_eq!((health(&books, 0), books.top(I).bid_qty), (Health::LIVE, Qty(5)));
    assert!(!books.apply(&all(Kind::WHOLE)).top, "nothing new");
}

#[test]
fn when_nothing_is_missing_what_was_building_is_complete() {
    let mut books = Books::new(&SMALL);
    books.apply(&all(Kind::GAP));
    assert_eq!(health(&books, 3), Health::BUILDING, "it was not live before");
    assert!(books.apply(&all(Kind::WHOLE)).top);
    assert_eq!(health(&books, 3), Health::LIVE);
    assert_eq!(health(&books, SMALL.instruments as u32), Health::STALE, "beyond the table");
}

#[test]
fn a_book_that_ran_out_of_room_stays_stale_until_it_is_told_anew() {
    let mut books = Books::new(&Limits { orders: 1, ..SMALL });
    books.apply(&session(b'S'));
    books.apply(&add(0, 1, Side::BUY, 100, 5));
    books.apply(&add(0, 2, Side::BUY, 100, 5));
    books.apply(&all(Kind::GAP));
    books.apply(&all(Kind::WHOLE));
    assert_eq!((health(&books, 0), health(&books, 1)), (Health::STALE, Health::LIVE));
    books.apply(&all(Kind::GAP));
    books.apply(&all(Kind::CLEAR));
    books.apply(&add(0, 2, Side::BUY, 100, 5));
    books.apply(&all(Kind::WHOLE));
    assert_eq!((health(&books, 0), health(&books, 1)), (Health::LIVE, Health::LIVE));
}

#[test]
fn cleared_books_are_as_new_but_for_the_last_trades() {
    let mut books = Books::new(&SMALL);
    books.apply(&session(b'Q'));
    books.apply(&state(Kind::HALT, 0, b'H'));
    books.apply(&add(0, 7, Side::BUY, 100, 5));
    books.apply(&part(Kind::EXECUTE, 0, 7, 2));
    books.apply(&Market { qty: Qty(4), ..add(2, 0, Side::SELL, 103, 0) });
    books.set_level(InstrumentId(1), Side::SELL, Price(103 * TICK), Qty(4), 1);
    assert_eq!((books.live_orders(), books.phase(I)), (2, Phase::HALTED));
    books.apply(&all(Kind::GAP));
    let change = books.apply(&all(Kind::CLEAR));
    assert_eq!((change.applied, change.top, change.instrument), (true, true, InstrumentId::NONE));
    books.verify().unwrap();
    assert_eq!((books.live_orders(), books.phase(I)), (0, Phase::PRE_OPEN));
    for i in (0..3).map(InstrumentId) {
        assert_eq!((books.top(i), books.health(i)), (Top::default(), Health::BUILDING));
    }
    assert_eq!(books.last_trade(I), Some((Price(100 * TICK), Qty(2))));
    // A book that held levels takes orders again, under numbers that were alive before.
    assert!(books.apply(&add(1, 7, Side::SELL, 103, 9)).applied);
    books.apply(&session(b'Q'));
    assert_eq!(books.phase(I), Phase::OPEN, "the halt is to be told again");
    books.verify().unwrap();
}

#[test]
fn cleared_again_and_again_the_books_equal_a_naive_book() {
    for numbering in [Numbering::Dense, Numbering::Mixed, Numbering::Sparse] {
        let mut books = Books::new(&Limits { instruments: 6, ..SMALL });
        let mut naive = Naive::new(6);
        let mut feed = Feed::new(11, numbering, 900);
        for at in 0..60_000_u64 {
            let m = match at % 6_000 {
                4_000 => all(Kind::GAP),
                5_000 => all(Kind::CLEAR),
                5_500 => all(Kind::WHOLE),
                _ => feed.next(&naive),
            };
            let (change, expected) = (books.apply(&m), naive.apply(&m));
            assert_eq!(Change { slot: 0, ..change }, expected, "message {at}: {m:?}");
            compare(&books, &naive, &m, at);
            if at % 500 == 0 {
                compare_all(&books, &naive);
            }
        }
        compare_all(&books, &naive);
    }
}
