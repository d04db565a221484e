//! 19: how often the same order was accepted of late.
//!
//! A table of orders, hashed by what makes them the same, with the times of their last [`REPEATS_MAX`] acceptances: a
//! cache line each. An order has one of [`PLACES`] places, four in each of two buckets; a place whose order has not been
//! accepted within the window is free for another. Where none is, the order is refused: what cannot be remembered is not
//! let through.
//!
//! A bucket's head, another line, has the youngest time and a few bits of the hash of each of its four. So an order costs
//! two heads and, if it is known or gets remembered, its own line. New ones go to the emptier bucket, so that a table
//! with half of its places taken still has one for all.
//!
//! What always holds:
//! * An order is in one place at most: it gets another only when it is in none of its eight.
//! * Times of an entry fall from the first to the last; a time before the youngest counts as that one. So nothing is
//!   forgotten sooner because time stepped back; what was forgotten before stays so.
//!
//! Times are kept whatever the limit, so another count holds at once, and so does a shorter window. A longer one cannot
//! know orders whose places were given away under the shorter one: it is whole once it has passed.
#![forbid(unsafe_code)]

use super::limits::{REPEATS_MAX, RepeatLimit};
use crate::base::code::Code;
use crate::base::prefetch::prefetch;
use crate::base::unit::*;

/// Places in a bucket.
const BUCKET: usize = 4;
/// Places that an order may have.
pub const PLACES: usize = 2 * BUCKET;

/// What makes two orders the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepeatKey {
    /// Price; whatever stands for that of a market order.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// Account.
    pub account: AccountId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Type.
    pub order_type: OrderType,
}

/// An order and when it was accepted: the youngest first, 0 where there is none.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Entry {
    key: RepeatKey,
    times: [Nanos; REPEATS_MAX as usize],
}

/// What is looked at of four entries to find one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Head {
    /// Their youngest times, 0 where there is no entry.
    youngest: [Nanos; BUCKET],
    /// Bits of their hashes, never 0; 0 where there is no entry.
    tags: [u32; BUCKET],
}

const _: () = assert!(size_of::<Entry>() == 64 && size_of::<Head>() == 64);

/// What a bucket looks like to an order: a bit for each place.
#[derive(Clone, Copy)]
struct Looks {
    /// It may have the same order.
    same: u32,
    /// Another order may have it.
    free: u32,
}

impl Head {
    /// Without branches: which of the places are free nobody can foretell.
    #[inline]
    fn looks(&self, tag: u32, within: Nanos, now: Nanos) -> Looks {
        let (mut same, mut free) = (0, 0);
        for place in 0..BUCKET {
            same |= u32::from(self.tags[place] == tag) << place;
            // Younger than `within`; never true of time 0, which is that of no entry.
            let youngest = self.youngest[place].0;
            let young = youngest.saturating_add(within.0) > now.0 && youngest != 0;
            free |= u32::from(!young) << place;
        }
        Looks { same, free }
    }
}

impl Entry {
    /// How many of its times are younger than `within`.
    fn count(&self, within: Nanos, now: Nanos) -> u32 {
        let young = |time: &Nanos| *time != Nanos(0) && now.since(*time) < within;
        self.times.iter().map(|time| u32::from(young(time))).sum()
    }
}

/// The place of an order that may be sent: good until something is noted.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    bucket: usize,
    place: usize,
    tag: u32,
    /// Whether it is this order's already.
    known: bool,
}

/// Where an order's places are, and what marks them.
#[derive(Clone, Copy, Debug)]
pub struct Hashed {
    buckets: [usize; 2],
    tag: u32,
}

/// The orders of late.
#[derive(Debug)]
pub struct Repeats {
    /// A power of two of them.
    heads: Vec<Head>,
    entries: Vec<[Entry; BUCKET]>,
    mask: u64,
    seed: u64,
    /// The longest window: none is forgotten sooner, though limits of one class have a shorter one.
    longest: Nanos,
}

impl Repeats {
    /// Memory that room for so many takes, in bytes.
    pub const fn bytes(capacity: usize) -> usize {
        let places = if 2 * capacity > PLACES { 2 * capacity } else { PLACES };
        places.next_power_of_two() / BUCKET * (size_of::<Head>() + BUCKET * size_of::<Entry>())
    }

    /// Room for `capacity` orders within a window, in at least twice as many places, so that each finds one. `seed` is to
    /// be such as nobody who sends orders can tell: else they could be made to meet in a few places.
    pub fn new(capacity: usize, seed: u64) -> Self {
        let buckets = (2 * capacity).max(PLACES).next_power_of_two() / BUCKET;
        let heads = vec![Head::default(); buckets];
        let entries = vec![[Entry::default(); BUCKET]; buckets];
        Self { heads, entries, mask: buckets as u64 - 1, seed, longest: Nanos(0) }
    }

    /// Keeps what is younger than `within`, whatever the window that it is asked with.
    pub fn keep(&mut self, within: Nanos) {
        self.longest = within;
    }

    /// Starts to bring in what finds the order, which is then to be asked with what this returns.
    #[inline]
    pub fn expect(&self, key: &RepeatKey) -> Hashed {
        let hashed = self.hash(key);
        for bucket in hashed.buckets {
            prefetch(&self.heads[bucket]);
        }
        hashed
    }

    /// Whether the order may be sent once more, and where that is to be noted if it is.
    ///
    /// # Errors
    /// [`Code::DUPLICATE`], with the limit and what the count would be; [`Code::DUPLICATES_FULL`], with how many other
    /// orders there is room for and one more.
    #[inline(always)]
    pub fn check(
        &self,
        key: &RepeatKey,
        hashed: Hashed,
        limit: &RepeatLimit,
        now: Nanos,
    ) -> Result<Place, (Code, i64, i64)> {
        let full = (Code::DUPLICATES_FULL, PLACES as i64, PLACES as i64 + 1);
        let place = self.find(key, hashed, limit.within, now).ok_or(full)?;
        let count = match place.known {
            true => self.entries[place.bucket][place.place].count(limit.within, now),
            false => 0,
        };
        // More than are remembered would never be reached.
        let most = limit.count.min(REPEATS_MAX);
        if count < most {
            return Ok(place);
        }
        Err((Code::DUPLICATE, i64::from(most), i64::from(count) + 1))
    }

    /// Notes that the order was accepted, at the place that its check told; nothing was noted since.
    #[inline]
    pub fn note(&mut self, place: Place, key: &RepeatKey, now: Nanos) {
        let Place { bucket, place, tag, known } = place;
        // Time 0 means none.
        let now = now.max(Nanos(1));
        let (head, entry) = (&mut self.heads[bucket], &mut self.entries[bucket][place]);
        if known {
            debug_assert_eq!(entry.key, *key, "Invariant: the place is still the order's");
            let youngest = now.max(head.youngest[place]);
            head.youngest[place] = youngest;
            entry.times.rotate_right(1);
            entry.times[0] = youngest;
        } else {
            (head.youngest[place], head.tags[place]) = (now, tag);
            let mut times = [Nanos(0); REPEATS_MAX as usize];
            times[0] = now;
            *entry = Entry { key: *key, times };
        }
    }

    /// Where the order is, or else where it could be, if there is such a place.
    #[inline(always)]
    fn find(
        &self,
        key: &RepeatKey,
        Hashed { buckets, tag }: Hashed,
        within: Nanos,
        now: Nanos,
    ) -> Option<Place> {
        let within = within.max(self.longest);
        let [one, other] = buckets.map(|bucket| self.heads[bucket].looks(tag, within, now));
        for (bucket, looks) in buckets.into_iter().zip([one, other]) {
            let mut same = looks.same;
            while same != 0 {
                let place = same.trailing_zeros() as usize;
                if self.entries[bucket][place].key == *key {
                    return Some(Place { bucket, place, tag, known: true });
                }
                same &= same - 1;
            }
        }
        let second = other.free.count_ones() > one.free.count_ones();
        let (bucket, free) = if second { (buckets[1], other.free) } else { (buckets[0], one.free) };
        let place = free.trailing_zeros() as usize;
        (free != 0).then_some(Place { bucket, place, tag, known: false })
    }

    #[inline]
    fn hash(&self, key: &RepeatKey) -> Hashed {
        // Where no quantity that passes reaches.
        let small = u64::from(key.side.0) << 56 | u64::from(key.order_type.0) << 48;
        let ids = u64::from(key.account.0) << 32 | u64::from(key.instrument.0);
        let mut hash = self.seed;
        for word in [key.price.0 as u64, key.qty.0 ^ small, ids] {
            hash = mix(hash ^ word);
        }
        let (one, other) = (hash & self.mask, mix(hash) & self.mask);
        // Two buckets at least, so there is another.
        let other = if other == one { one ^ 1 } else { other };
        Hashed { buckets: [one as usize, other as usize], tag: (hash >> 32) as u32 | 1 }
    }
}

/// Spreads each bit over all: a multiplication whose halves are folded onto each other, twice as wide as what comes in.
#[inline]
fn mix(word: u64) -> u64 {
    // An odd number of well mixed bits: the fraction of the square root of 3, in 2^-64. Added first, so that 0 moves on.
    const ROOT: u64 = 0xbb67_ae85_84ca_a73b;
    let wide = u128::from(word.wrapping_add(ROOT)) * u128::from(ROOT);
    wide as u64 ^ (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: RepeatLimit = RepeatLimit { count: 2, within: Nanos(100) };

    fn key(price: i64) -> RepeatKey {
        RepeatKey { price: Price(price), qty: Qty(100), ..RepeatKey::default() }
    }

    impl Repeats {
        /// Notes that an order was accepted that was not checked. `false` where it has no place.
        fn add(&mut self, key: &RepeatKey, limit: &RepeatLimit, now: Nanos) -> bool {
            let found = self.find(key, self.hash(key), limit.within, now.max(Nanos(1)));
            found.map(|place| self.note(place, key, now)).is_some()
        }
    }

    fn check(
        repeats: &Repeats,
        key: &RepeatKey,
        limit: &RepeatLimit,
        now: Nanos,
    ) -> Result<(), (Code, i64, i64)> {
        repeats.check(key, repeats.expect(key), limit, now).map(drop)
    }

    fn code(verdict: Result<(), (Code, i64, i64)>) -> Code {
        verdict.err().map_or(Code::NONE, |(code, _, _)| code)
    }

    #[test]
    fn an_order_may_be_sent_its_count_of_times_within_the_window() {
        let mut repeats = Repeats::new(16, 1);
        for now in [50, 70] {
            assert_eq!(check(&repeats, &key(1), &LIMIT, Nanos(now)), Ok(()));
            assert!(repeats.add(&key(1), &LIMIT, Nanos(now)));
        }
        assert_eq!(check(&repeats, &key(1), &LIMIT, Nanos(149)), Err((Code::DUPLICATE, 2, 3)));
        assert_eq!(check(&repeats, &key(1), &LIMIT, Nanos(150)), Ok(()));
        assert_eq!(check(&repeats, &key(2), &LIMIT, Nanos(149)), Ok(()));
    }

    #[test]
    fn the_memory_that_is_told_is_what_the_table_takes() {
        for capacity in [0, 1, 3, 4, 5, 100, 1 << 13] {
            let repeats = Repeats::new(capacity, 1);
            let taken = size_of_val(&*repeats.heads) + size_of_val(&*repeats.entries);
            assert_eq!(Repeats::bytes(capacity), taken, "room for {capacity}");
        }
    }

    #[test]
    fn an_order_is_told_from_another_of_the_same_tag() {
        for kept in 0..BUCKET {
            let mut repeats = Repeats::new(16, 1);
            let hashed = repeats.expect(&key(1));
            let [bucket, other] = hashed.buckets;
            // All places look like those of this order, and one is.
            for place in 0..BUCKET {
                for bucket in [bucket, other] {
                    let free = Place { bucket, place, tag: hashed.tag, known: false };
                    let is_it = bucket == other && place == kept;
                    let key = key(if is_it { 1 } else { (2 + 2 * bucket + place) as i64 * 100 });
                    repeats.note(free, &key, Nanos(60));
                }
            }
            assert_eq!(check(&repeats, &key(1), &LIMIT, Nanos(70)), Ok(()));
            assert!(repeats.add(&key(1), &LIMIT, Nanos(70)));
            assert_eq!(code(check(&repeats, &key(1), &LIMIT, Nanos(80))), Code::DUPLICATE);
            assert_eq!(code(check(&repeats, &key(7), &LIMIT, Nanos(80))), Code::NONE);
        }
    }

    #[test]
    fn each_part_of_an_order_makes_it_another() {
        let mut repeats = Repeats::new(64, 2);
        let limit = RepeatLimit { count: 1, ..LIMIT };
        let one = key(5);
        repeats.add(&one, &limit, Nanos(1));
        assert_eq!(code(check(&repeats, &one, &limit, Nanos(1))), Code::DUPLICATE);
        for other in [
            key(6),
            RepeatKey { qty: Qty(101), ..one },
            RepeatKey { account: AccountId(1), ..one },
            RepeatKey { instrument: InstrumentId(1), ..one },
            RepeatKey { side: Side::SELL, ..one },
            RepeatKey { order_type: OrderType::MARKET, ..one },
        ] {
            assert_eq!(check(&repeats, &other, &limit, Nanos(1)), Ok(()), "{other:?}");
        }
    }

    #[test]
    fn without_a_free_place_it_fails_closed_until_one_is_stale() {
        let mut repeats = Repeats::new(1, 3);
        for n in 0..PLACES as i64 {
            assert_eq!(check(&repeats, &key(n), &LIMIT, Nanos(10 + n as u64)), Ok(()));
            assert!(repeats.add(&key(n), &LIMIT, Nanos(10 + n as u64)));
        }
        let full = Err((Code::DUPLICATES_FULL, 8, 9));
        assert_eq!(check(&repeats, &key(99), &LIMIT, Nanos(109)), full);
        assert!(!repeats.add(&key(99), &LIMIT, Nanos(109)));
        assert_eq!(
            check(&repeats, &key(0), &LIMIT, Nanos(109)),
            Ok(()),
            "what is known has its place"
        );
        assert_eq!(check(&repeats, &key(99), &LIMIT, Nanos(110)), Ok(()));
        assert!(repeats.add(&key(99), &LIMIT, Nanos(110)));
        assert_eq!(code(check(&repeats, &key(0), &LIMIT, Nanos(110))), Code::DUPLICATES_FULL);
    }

    #[test]
    fn the_time_of_the_epoch_and_steps_back_count_as_times() {
        let mut repeats = Repeats::new(4, 4);
        repeats.add(&key(1), &LIMIT, Nanos(0));
        repeats.add(&key(1), &LIMIT, Nanos(0));
        assert_eq!(code(check(&repeats, &key(1), &LIMIT, Nanos(0))), Code::DUPLICATE);
        repeats.add(&key(2), &LIMIT, Nanos(500));
        repeats.add(&key(2), &LIMIT, Nanos(300));
        assert_eq!(code(check(&repeats, &key(2), &LIMIT, Nanos(200))), Code::DUPLICATE);
        assert_eq!(code(check(&repeats, &key(2), &LIMIT, Nanos(599))), Code::DUPLICATE);
        assert_eq!(code(check(&repeats, &key(2), &LIMIT, Nanos(600))), Code::NONE);
    }

    #[test]
    fn another_limit_holds_at_once() {
        let mut repeats = Repeats::new(4, 5);
        for now in [100, 150, 190] {
            repeats.add(&key(1), &LIMIT, Nanos(now));
        }
        let with = |count, within| RepeatLimit { count, within: Nanos(within) };
        for (limit, expected) in [
            (with(1, 10), Code::NONE),
            (with(1, 11), Code::DUPLICATE),
            (with(3, 100), Code::NONE),
            (with(3, 101), Code::DUPLICATE),
            (with(4, 1_000), Code::NONE),
            (with(0, 1), Code::DUPLICATE),
        ] {
            assert_eq!(code(check(&repeats, &key(1), &limit, Nanos(200))), expected, "{limit:?}");
        }
        repeats.add(&key(1), &LIMIT, Nanos(200));
        // Never more than are remembered.
        let verdict = check(&repeats, &key(1), &with(9, 1_000), Nanos(200));
        assert_eq!(verdict, Err((Code::DUPLICATE, 4, 5)));
    }

    #[test]
    fn there_is_a_place_for_each_order_that_there_is_room_for() {
        for seed in 0..4 {
            let mut repeats = Repeats::new(1 << 13, seed);
            // Prices and instruments that count upwards, as a market's do.
            for n in 0..1 << 13 {
                let instrument = InstrumentId(n / 64);
                let key = RepeatKey { instrument, ..key(100_000_000 * i64::from(n % 64)) };
                assert!(repeats.add(&key, &LIMIT, Nanos(1)), "the {n}th with seed {seed}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_all_that_was_accepted(
            capacity in 1_usize..12,
            seed: u64,
            changes: bool,
            steps in prop::collection::vec((0_i64..14, -6_i64..30, 1_u32..=4, 50_u64..200), 1..200),
        ) {
            let mut repeats = Repeats::new(capacity, seed);
            // All that was accepted, with the shortest window in force since; and the latest time of each order.
            let mut accepted: Vec<(i64, u64, u64)> = Vec::new();
            let (mut now, mut shortest) = (1_000_u64, vec![]);
            // What was too old at some time may be forgotten from then on, though time steps back.
            let mut furthest = now;
            for (price, step, count, within) in steps {
                now = now.saturating_add_signed(step);
                let within = if changes { within } else { 100 };
                furthest = furthest.max(now);
                let limit = RepeatLimit { count, within: Nanos(within) };
                shortest.push(within);
                let of = |price: i64| accepted.iter().filter(move |event| event.0 == price);
                let young = |event: &&(i64, u64, u64)| now.saturating_sub(event.1) < within;
                let known = |event: &&(i64, u64, u64)| {
                    let least = shortest[event.2 as usize..].iter().copied().min();
                    furthest.saturating_sub(event.1) < least.unwrap_or(within)
                };
                let most = of(price).filter(young).count();
                let least = of(price).filter(known).count();
                let others = (0..14).filter(|other| *other != price);
                let others = others.filter(|other| of(*other).any(|event| young(&event)));
                match check(&repeats, &key(price), &limit, Nanos(now)) {
                    Ok(()) => prop_assert!(least < count as usize, "{} of {}", least, count),
                    Err((Code::DUPLICATE, _, _)) => prop_assert!(most >= count as usize),
                    Err(_) => prop_assert!(others.count() >= PLACES, "there were places"),
                }
                let hashed = repeats.expect(&key(price));
                if let Ok(place) = repeats.check(&key(price), hashed, &limit, Nanos(now)) {
                    repeats.note(place, &key(price), Nanos(now));
                    let latest = of(price).map(|event| event.1).max().unwrap_or(0);
                    accepted.push((price, now.max(latest), shortest.len() as u64 - 1));
                }
            }
        }
    }
}
