//! Sequences of messages through the books: nothing panics, the books stay what they say they are, and the changes that
//! they tell add up to the orders that they hold.
//!
//! Eight bytes make a message. References are few and lie where pages, directory and map differ, so that most messages
//! meet a living order; the first byte sizes the pools, small ones that run out among them.
#![no_main]

use coretick::base::message::{Flags, Header, Kind, Market};
use coretick::base::unit::{InstrumentId, Price, Qty, Side};
use coretick::book::{Books, Change, Limits};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

const TICK: i64 = 10_000_000;

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, rest)) = bytes.split_first() else { return };
    let room = [3, 24, 200, 1000][usize::from(size % 4)];
    let instruments = 1 + usize::from(size / 4 % 4);
    let mut books = Books::new(&Limits { orders: room, levels: room, instruments });
    let mut alive = BTreeMap::new();
    let messages: Vec<_> = rest.chunks_exact(8).map(message).collect();
    for (n, m) in messages.iter().enumerate() {
        for (ahead, step) in [(3, 0), (2, 1), (1, 2)] {
            if let Some(later) = messages.get(n + ahead) {
                books.hint(later, step);
            }
        }
        let change = books.apply(m);
        account(&mut alive, &change);
        look(&books, &alive, m);
        if n % 8 == 0 {
            books.verify().expect("the books hold");
        }
    }
    books.verify().expect("the books hold");
    for (&reference, order) in &alive {
        assert_eq!(
            books.order(reference).map(|order| (order.side, order.price, order.qty)),
            Some(*order)
        );
        assert!(books.ahead(reference).is_some());
    }
});

/// A message of any kind, mostly about orders that may be there.
fn message(b: &[u8]) -> Market {
    // Order flow, all market kinds, and anything.
    let kind = match b[0] {
        0..200 => Kind(20 + b[0] % 6),
        200..240 => Kind(16 + b[0] % 13),
        _ => Kind(b[7]),
    };
    let instrument = if b[1] < 250 { u32::from(b[1] % 5) } else { u32::MAX - u32::from(b[1] % 2) };
    let side = if b[1] & 0x40 == 0 { Side(1 + b[7] % 2) } else { Side(b[7] % 5) };
    let head = Header {
        kind,
        instrument: InstrumentId(instrument),
        flags: Flags(u16::from(b[7] % 4)),
        ..Header::default()
    };
    let price = match b[4] {
        0..240 => Price(i64::from(b[4]) * TICK),
        far => Price([i64::MIN, -1, 0, 1, 200_000_000_000_000, i64::MAX][usize::from(far % 6)]),
    };
    let qty = match b[5] {
        0..240 => Qty(u64::from(b[5] % 16)),
        far => Qty([0, u64::from(u32::MAX), 1 << 32, u64::MAX][usize::from(far % 4)]),
    };
    let (reference, other) = (reference(b[2], b[6]), reference(b[3], b[6] >> 4));
    let code = b"OSQMECHPT?"[usize::from(b[7] % 10)];
    Market { head, reference, other, price, qty, side, code, ..Market::default() }
}

/// A reference: few of one page, of many pages, from both ends of the numbers, and far apart.
fn reference(n: u8, family: u8) -> u64 {
    let n = u64::from(n);
    match family % 8 {
        0..=3 => n % 16,
        4 => n * 128,
        5 => u64::MAX - n,
        6 => u64::MAX - n * 128,
        _ => n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

/// Follows a change: side, price and quantity of every order that should be alive.
fn account(alive: &mut BTreeMap<u64, (Side, Price, Qty)>, change: &Change) {
    if !change.applied {
        return;
    }
    match change.kind {
        Kind::ADD => {
            let order = (change.side, change.price, change.left);
            assert_eq!(alive.insert(change.reference, order), None, "it was alive");
        }
        Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL | Kind::DELETE | Kind::REPLACE => {
            let (side, price, open) = alive.remove(&change.reference).expect("it was alive");
            assert_eq!((side, price), (change.side, change.price));
            assert_eq!(open.0, change.qty.0 + change.left.0);
            if change.left.0 > 0 {
                alive.insert(change.reference, (side, price, change.left));
            }
            if change.new_qty.0 > 0 {
                let order = (side, change.new_price, change.new_qty);
                assert_eq!(alive.insert(change.new_reference, order), None, "it was alive");
            }
        }
        _ => {}
    }
}

/// What can be seen of the message's instrument is in order.
fn look(books: &Books, alive: &BTreeMap<u64, (Side, Price, Qty)>, m: &Market) {
    assert_eq!(books.live_orders(), alive.len() as u64);
    for reference in [m.reference, m.other] {
        let order = books.order(reference).map(|order| (order.side, order.price, order.qty));
        assert_eq!(order, alive.get(&reference).copied());
    }
    let i = m.head.instrument;
    let top = books.top(i);
    for (side, price, qty) in
        [(Side::BUY, top.bid, top.bid_qty), (Side::SELL, top.ask, top.ask_qty)]
    {
        let best = books.levels(i, side).next();
        assert_eq!(best.map_or((Price(0), Qty(0)), |level| (level.price, level.qty)), (price, qty));
    }
}
