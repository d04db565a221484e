//! Storms: messages that work one part of the books over and over, with the naive book beside them all the time.
//!
//! Orders that outlive their page's other orders and move aside, references at both ends of what 64 bits can say,
//! prices about the border between a ladder's near rungs and its run, books ten thousand levels deep.

use super::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, VecDeque};

/// Both books, and a seeded stream of choices.
struct Storm {
    books: Books,
    naive: Naive,
    rng: ChaCha8Rng,
    sent: u64,
}

impl Storm {
    fn new(seed: u64, limits: Limits) -> Self {
        let mut storm = Self {
            books: Books::new(&Limits { instruments: 6, ..limits }),
            naive: Naive::new(6),
            rng: ChaCha8Rng::seed_from_u64(seed),
            sent: 0,
        };
        storm.send(&session(b'Q'));
        storm
    }

    fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    /// To both books: what it did, the best prices, and the orders it names with their queue positions are the same.
    fn send_deep(&mut self, m: &Market) {
        let Self { books, naive, sent, .. } = self;
        (0..3).for_each(|step| books.hint(m, step));
        let (change, expected) = (books.apply(m), naive.apply(m));
        assert_eq!(Change { slot: 0, ..change }, expected, "message {sent}: {m:?}");
        assert_eq!(books.arrival(&change), naive.arrival, "message {sent}: {m:?}");
        assert_eq!(books.anomalies().total(), naive.total, "message {sent}: {m:?}");
        if m.head.instrument.index() < 6 {
            let i = m.head.instrument;
            assert_eq!(books.top(i), naive.top(i), "message {sent}: {m:?}");
        }
        for reference in [m.reference, m.other] {
            assert_eq!(books.order(reference), naive.order(reference), "message {sent}: {m:?}");
            assert_eq!(books.ahead(reference), naive.ahead(reference), "message {sent}: {m:?}");
        }
        *sent += 1;
    }

    /// As `send_deep`, and all levels are the same.
    fn send(&mut self, m: &Market) {
        self.send_deep(m);
        compare(&self.books, &self.naive, m, self.sent);
    }

    /// A new order of a reference's own instrument and side, near the others.
    fn enter(&mut self, reference: u64) {
        let buy = reference.is_multiple_of(2);
        let side = if buy { Side::BUY } else { Side::SELL };
        let off = self.below(12) as i64;
        let ticks = if buy { 1000 - off } else { 1001 + off };
        let qty = 1 + self.below(500);
        self.send(&add((reference / 2 % 6) as u32, reference, side, ticks, qty));
    }

    /// One message about a living order; the reference under which it still lives, if it does.
    fn disturb(&mut self, reference: u64, fresh: u64) -> Option<u64> {
        let order = self.naive.order(reference).expect("alive");
        let (i, open) = (order.instrument.0, order.qty.0);
        let some = 1 + self.below(open);
        let ticks = order.price.0 / TICK + self.below(3) as i64 - 1;
        let heir = match self.below(8) {
            0 => {
                self.send(&message(Kind::DELETE, i, reference));
                reference
            }
            1 => {
                self.send(&part(Kind::EXECUTE, i, reference, some));
                reference
            }
            2 | 3 => {
                self.send(&part(Kind::CANCEL, i, reference, some));
                reference
            }
            4 => {
                self.send(&replace(i, reference, reference, ticks, some));
                reference
            }
            _ => {
                self.send(&replace(i, reference, fresh, ticks, some));
                fresh
            }
        };
        self.naive.order(heir).map(|order| order.reference)
    }

    fn end(self) {
        compare_all(&self.books, &self.naive);
    }
}

/// Upwards from 0, downwards from the top, upwards to the very top, and across the middle.
const ENDS: [fn(u64) -> u64; 4] =
    [|n| n, |n| u64::MAX - n, |n| u64::MAX - (80_000 - n), |n| (1 << 63) - 40_000 + n];

#[test]
fn orders_that_are_bundled_keep_their_place_and_can_be_changed_there() {
    for (seed, reference) in ENDS.into_iter().enumerate() {
        let mut storm = Storm::new(seed as u64, SMALL);
        // One of a hundred stays: nearly every page keeps one order, more pages than thin ones may hold.
        let stays = |n: u64| n % 100 == 7;
        for n in 0..=80_000 {
            storm.enter(reference(n));
            if let Some(old) = n.checked_sub(50).filter(|&old| !stays(old)) {
                let order = storm.naive.order(reference(old)).expect("alive");
                let kind = [Kind::DELETE, Kind::EXECUTE, Kind::CANCEL][n as usize % 3];
                storm.send(&part(kind, order.instrument.0, order.reference, order.qty.0));
            }
        }
        let stayed = (0..80_000 - 50).filter(|&n| stays(n)).map(reference);
        let moved: Vec<_> = stayed.filter(|&it| storm.books.orders.moved(it)).collect();
        assert!(moved.len() > 100, "pattern {seed}: {} moved", moved.len());
        storm.books.verify().unwrap();
        for (n, old) in moved.into_iter().enumerate() {
            // What replaces it lives in a new page, in another bundle, or in its own place.
            let mut now = Some(old);
            for turn in 0..4 {
                let Some(it) = now else { break };
                let fresh = reference(if turn % 2 == 0 { 80_000 } else { n as u64 * 3 % 79_000 });
                now = storm.disturb(it, fresh);
            }
            // It may come back where it was: its page stays bundled.
            if storm.naive.order(old).is_none() {
                storm.enter(old);
            }
        }
        storm.end();
    }
}

#[test]
fn a_page_for_every_order_is_a_book_like_any_other() {
    let strides: [fn(u64) -> u64; 5] = [
        |n| n * 128,
        |n| n * 128 + 127,
        |n| u64::MAX - n * 128,
        |n| n * 129,
        // Pages in no order: the newest one has no neighbours.
        |n| (n * 7919 % 30_000) * 128 + n % 128,
    ];
    for (seed, reference) in strides.into_iter().enumerate() {
        let mut storm = Storm::new(seed as u64, SMALL);
        let mut alive = VecDeque::new();
        let mut next = 0;
        while next < 30_000 {
            if alive.len() < 1000 || storm.below(2) == 0 {
                storm.enter(reference(next));
                alive.push_back(reference(next));
            } else if let Some(old) = alive.pop_front() {
                alive.extend(storm.disturb(old, reference(next)));
            }
            next += 1;
            if alive.len() > 1200 {
                let old = alive.swap_remove_back(next as usize % 1200).expect("there are as many");
                let order = storm.naive.order(old).expect("alive");
                storm.send(&message(Kind::DELETE, order.instrument.0, old));
            }
        }
        storm.end();
    }
}

#[test]
fn the_same_few_orders_are_replaced_and_cancelled_without_end() {
    for (seed, reference) in ENDS.into_iter().enumerate() {
        let mut storm = Storm::new(10 + seed as u64, SMALL);
        // Both ends of what the pattern gives are among them.
        let some = |n: u64| reference(if n < 12 { n } else { 80_000 - (n - 12) });
        for _ in 0..60_000 {
            let (it, fresh) = (some(storm.below(24)), some(storm.below(24)));
            if storm.naive.order(it).is_none() {
                storm.enter(it);
            } else {
                storm.disturb(it, fresh);
            }
        }
        assert!(storm.books.anomalies().count(Anomaly::DuplicateReference) > 1000);
        storm.end();
    }
}

#[test]
fn prices_come_and_go_about_the_border_of_the_near_ones() {
    // Few more than stand in the ladder itself; about one block of the run; several.
    for (seed, width) in [6, 14, 40, 150].into_iter().enumerate() {
        for side in [Side::BUY, Side::SELL] {
            let mut storm = Storm::new(20 + seed as u64, SMALL);
            for n in 0..40_000 {
                let price = 1 + storm.below(width);
                // Each price has one order, of that number, but where one moved to.
                let there = storm.naive.from(price).filter(|&it| it == price);
                let filling = n / (width * 8) % 2 == 0;
                match (there, storm.below(4)) {
                    (Some(_), 0) => {
                        let to = 1 + storm.below(width);
                        storm.send(&replace(0, price, price, to as i64, 1 + n % 9));
                    }
                    (Some(_), roll) if !filling || roll == 1 => {
                        storm.send(&message(Kind::DELETE, 0, price));
                    }
                    (None, roll) if filling || roll == 1 => {
                        storm.send(&add(0, price, side, price as i64, 1 + n % 9));
                    }
                    _ => {}
                }
            }
            storm.end();
        }
    }
}

#[test]
fn a_book_of_ten_thousand_levels_a_side_holds_against_a_storm() {
    const DEEP: u64 = 10_000;
    let limits = Limits { orders: 1 << 15, levels: 1 << 15, instruments: 6 };
    let mut storm = Storm::new(30, limits);
    let ticks = |storm: &mut Storm, buy: bool| {
        // Half of them near the touch.
        let range = if storm.below(2) == 0 { 20 } else { DEEP };
        let off = storm.below(range) as i64;
        if buy { DEEP as i64 - off } else { DEEP as i64 + 1 + off }
    };
    for n in 0..DEEP {
        let off = (n * 7919 % DEEP) as i64;
        storm.send_deep(&add(0, 2 * n, Side::BUY, DEEP as i64 - off, 5));
        storm.send_deep(&add(0, 2 * n + 1, Side::SELL, DEEP as i64 + 1 + off, 5));
    }
    for side in [Side::BUY, Side::SELL] {
        assert_eq!(storm.books.levels(InstrumentId(0), side).count() as u64, DEEP);
    }
    for n in 0..40_000 {
        let reference = storm.below(2 * DEEP);
        let buy = reference.is_multiple_of(2);
        let side = if buy { Side::BUY } else { Side::SELL };
        let to = ticks(&mut storm, buy);
        let m = match (storm.naive.order(reference), storm.below(4)) {
            (None, _) => add(0, reference, side, to, 5),
            (_, 0) => message(Kind::DELETE, 0, reference),
            (_, 1) => part(Kind::CANCEL, 0, reference, 2),
            _ => replace(0, reference, reference, to, 7),
        };
        if n % 1000 == 0 { storm.send(&m) } else { storm.send_deep(&m) }
    }
    storm.end();
}

/// Queue position of every order, added up from its level's queue; the books' own answer must be the same.
fn positions(books: &Books) -> BTreeMap<(u64, u32), Ahead> {
    let mut all = BTreeMap::new();
    for i in (0..books.instruments() as u32).map(InstrumentId) {
        for side in [Side::BUY, Side::SELL] {
            for level in books.levels(i, side) {
                let mut ahead = Ahead::default();
                for order in books.orders(i, side, level.price) {
                    assert_eq!(books.ahead(order.reference), Some(ahead));
                    all.insert((order.reference, order.arrival), ahead);
                    ahead.qty.0 += order.qty.0;
                    ahead.orders += 1;
                }
            }
        }
    }
    all
}

/// Other names for the same references, each of its own.
const NAMES: [fn(u64) -> u64; 6] = [
    |reference| !reference,
    |reference| reference.rotate_left(7),
    |reference| reference.wrapping_sub(6),
    |reference| reference.wrapping_add(1 << 63),
    |reference| reference.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    |reference| reference.rotate_left(60),
];

proptest! {
    #[test]
    fn who_waits_moves_forward_only_and_never_past_the_first_place(
        messages in prop::collection::vec(any_message(), 0..200),
    ) {
        let mut books = Books::new(&SMALL);
        let mut before = positions(&books);
        for m in &messages {
            let change = books.apply(m);
            let now = positions(&books);
            for (order, ahead) in &now {
                let Some(was) = before.get(order) else { continue };
                prop_assert!(ahead.qty <= was.qty && ahead.orders <= was.orders, "{:?}", m);
                // No one message takes more from before it than it took at all.
                prop_assert!(was.qty.0 - ahead.qty.0 <= change.qty.0, "{:?}", m);
                prop_assert!(was.orders - ahead.orders <= 1, "{:?}", m);
            }
            before = now;
        }
    }

    #[test]
    fn what_orders_are_called_makes_no_difference(
        messages in prop::collection::vec(any_message(), 0..200),
    ) {
        let nameless = |change| Change { reference: 0, new_reference: 0, slot: 0, ..change };
        for name in NAMES {
            let (mut books, mut others) = (Books::new(&SMALL), Books::new(&SMALL));
            for m in &messages {
                let other = if m.head.kind == Kind::REPLACE { name(m.other) } else { m.other };
                let renamed = Market { reference: name(m.reference), other, ..*m };
                let (one, two) = (books.apply(m), others.apply(&renamed));
                prop_assert_eq!(books.arrival(&one), others.arrival(&two));
                prop_assert_eq!(nameless(one), nameless(two));
            }
            let renamed = positions(&books).into_iter();
            let renamed = renamed.map(|((reference, n), ahead)| ((name(reference), n), ahead));
            prop_assert_eq!(renamed.collect::<BTreeMap<_, _>>(), positions(&others));
            prop_assert_eq!(others.verify(), Ok(()));
        }
    }
}
