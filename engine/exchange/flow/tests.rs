//! Promises of a made-up day, checked by a reader that shares nothing with the matching core.

mod reader;

use super::*;
use crate::wire::frame;
use crate::wire::itch::{CrossTrade, Message, Stock, code, parse};
use proptest::prelude::*;
use reader::Reader;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const SMALL: DaySpec =
    DaySpec { messages: 60_000, symbols: 100, live: 3_000, seed: 1, crash: None };

fn bytes(day: DaySpec) -> (Vec<u8>, Totals) {
    let mut out = Vec::new();
    let totals = day.write(&mut out, &mut |_| ()).unwrap();
    (out, totals)
}

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Read the day and hold it against its totals and arguments.
fn check(day: DaySpec) -> Reader {
    let (bytes, totals) = bytes(day);
    let reader = Reader::read(&bytes);
    assert_eq!(reader.events, b"OSQMEC");
    assert_eq!((bytes[2], bytes[bytes.len() - 12]), (b'S', b'S'), "first and last of the day");
    assert_eq!(reader.symbols.len(), day.symbols as usize);
    assert!(reader.halted.is_empty());
    assert_eq!(totals.messages, day.messages);
    for (kind, &count) in (0..=u8::MAX).zip(&totals.by_type) {
        assert_eq!(reader.by_type.get(&kind).copied().unwrap_or(0), count);
    }
    assert_eq!(reader.by_type.values().sum::<u64>(), day.messages, "exactly as many");
    assert_eq!(totals.live_at_end, reader.orders.len() as u64);
    assert_eq!(totals.live_peak, reader.live_peak as u64);
    reader
}

#[test]
fn a_day_is_consistent_and_has_all_that_a_day_has() {
    let day = DaySpec { messages: 300_000, symbols: 200, live: 10_000, seed: 5, crash: None };
    let reader = check(day);
    let kinds: Vec<u8> = reader.by_type.keys().copied().collect();
    assert_eq!(kinds, *b"ABCDEFHILPQRSUVXY");
    assert!(reader.halts >= 8, "{} halts", reader.halts);
    assert!(reader.refills > 20, "{} parts of reserve orders", reader.refills);
    let (least, most) = reader.live_in_hours.unwrap();
    assert!(least >= 9_700 && most <= 10_300, "live orders stay near 10,000: {least} to {most}");
}

#[test]
fn prices_fall_in_a_crash_and_make_part_of_it_good() {
    let crash = Crash { at: Nanos(12 * HOUR), lasts: Nanos(10 * MINUTE), percent: 12 };
    let day = DaySpec { messages: 300_000, symbols: 20, live: 4_000, seed: 3, crash: Some(crash) };
    let (bytes, _) = bytes(day);
    let (mut reader, mut rest) = (Reader::default(), &bytes[..]);
    // The middles of the books before, at the bottom, and long after; a book may have lost a side at the bottom.
    let times = [crash.at, crash.at.plus(crash.lasts), crash.at.plus(Nanos(HOUR))];
    let mut middles: [Vec<Option<u32>>; 3] = Default::default();
    while !rest.is_empty() {
        let (message, after) = frame::split(rest).unwrap();
        let message = parse(message).unwrap();
        for (time, middles) in times.iter().zip(&mut middles) {
            if middles.is_empty() && message.head().timestamp.nanos() > time.0 {
                *middles = (1..=20).map(|locate| reader.middle(locate)).collect();
            }
        }
        reader.apply(message);
        rest = after;
    }
    let change = |to: usize| {
        let pairs = middles[to].iter().zip(&middles[0]).filter_map(|(to, from)| to.zip(*from));
        let per_mille = |(to, from): (u32, u32)| i64::from(to) * 1_000 / i64::from(from) - 1_000;
        let mut changes: Vec<i64> = pairs.map(per_mille).collect();
        changes.sort_unstable();
        assert!(changes.len() > 12, "{} books with both sides", changes.len());
        changes[changes.len() / 2]
    };
    let (bottom, after) = (change(1), change(2));
    assert!((-150..=-60).contains(&bottom), "{bottom} per mille at the bottom");
    assert!((-80..=-10).contains(&after) && after > bottom + 20, "{after} per mille an hour later");
}

#[test]
fn a_book_of_many_orders_stays_as_large_as_asked() {
    // A tenth of the messages live at once, as when 20 million messages hold 1.6 million.
    let reader =
        check(DaySpec { messages: 200_000, symbols: 50, live: 20_000, seed: 2, crash: None });
    let (least, most) = reader.live_in_hours.unwrap();
    assert!(least >= 19_400 && most <= 20_600, "{least} to {most}");
}

#[test]
fn the_mix_is_that_of_the_reference_days() {
    // Shares of the reference day with 1,000,000 messages over 2,000 symbols, in 1e-5.
    let shares: [(&[u8], u64); 8] = [
        (b"A", 45_275),
        (b"F", 1_399),
        (b"D", 39_043),
        (b"U", 6_037),
        (b"EC", 5_005),
        (b"X", 1_727),
        (b"P", 543),
        (b"I", 370),
    ];
    let (_, totals) = bytes(DaySpec { seed: 7, ..DaySpec::default() });
    for (kinds, share) in shares {
        let found: u64 = kinds.iter().map(|&kind| totals.by_type[usize::from(kind)]).sum::<u64>();
        let found = found / 10;
        assert!(
            found.abs_diff(share) <= share * 6 / 100,
            "{}: {found}, not {share}",
            kinds.escape_ascii()
        );
    }
    // That day ended with 40,940 live orders.
    assert!(totals.live_at_end.abs_diff(40_940) <= 2_000, "{} live orders", totals.live_at_end);
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let (first, _) = bytes(SMALL);
    assert!(first == bytes(SMALL).0);
    assert_eq!((first.len(), checksum(&first)), (1_861_802, 0x6b05_46d3_902b_b93f));
}

#[test]
fn another_seed_gives_another_day() {
    let (first, second) = (bytes(SMALL).0, bytes(DaySpec { seed: 2, ..SMALL }).0);
    let directory = 14 + SMALL.symbols as usize * (41 + 27 + 22 + 28);
    assert_eq!(first[..directory], second[..directory], "the directory is the same");
    assert_ne!(first[directory..], second[directory..]);
}

#[test]
fn progress_rises_to_the_last_message() {
    let mut told = Vec::new();
    SMALL.write(&mut io::sink(), &mut |messages| told.push(messages)).unwrap();
    assert!(told.len() > 3 && told.is_sorted());
    assert_eq!(told.last(), Some(&SMALL.messages));
}

#[test]
fn what_cannot_be_a_day_is_refused_and_says_what_to_change() {
    let refused = |day: DaySpec| day.write(&mut io::sink(), &mut |_| ()).unwrap_err().to_string();
    assert_eq!(
        refused(DaySpec { symbols: 0, ..SMALL }),
        "a day of 0 symbols cannot be: give 1 to 65535"
    );
    assert_eq!(
        refused(DaySpec { symbols: 65_536, ..SMALL }),
        "a day of 65536 symbols cannot be: give 1 to 65535"
    );
    assert_eq!(
        refused(DaySpec { messages: 1_799, ..SMALL }),
        "100 symbols need at least 1800 messages, not 1799: raise the messages or lower the symbols"
    );
    for live in [399, 29_701] {
        assert_eq!(
            refused(DaySpec { live, ..SMALL }),
            format!(
                "{live} live orders are out of range: with these messages and symbols give 400 to 29700, \
                 or 0 for a fitting number"
            )
        );
    }
    let full = SMALL.write(&mut &mut [0u8; 1000][..], &mut |_| ());
    assert!(matches!(full, Err(FlowError::Write(_))));
}

#[test]
fn as_many_symbols_as_locate_codes_fit_in_the_fewest_messages() {
    let symbols = 65_535;
    let messages = MESSAGES_PER_SYMBOL_MIN * u64::from(symbols) + MESSAGES_FIXED;
    check(DaySpec { messages, symbols, live: 0, seed: 1, crash: None });
}

#[test]
fn a_day_is_planned_up_to_its_most_messages_and_refused_beyond() {
    for symbols in [1, 65_535] {
        let day = DaySpec { messages: MESSAGES_MAX, symbols, live: 0, seed: 1, crash: None };
        day.check().unwrap();
        let beyond = DaySpec { messages: MESSAGES_MAX + 1, ..day };
        assert!(matches!(beyond.check(), Err(FlowError::TooManyMessages { .. })));
    }
}

proptest! {
    #[test]
    fn no_arguments_break_the_plan(messages in any::<u64>(), small in 0u64..2_000_000, symbols in any::<u32>(), live in any::<u32>()) {
        for messages in [messages, small, messages % MESSAGES_MAX] {
            for symbols in [symbols, symbols % 65_536] {
                let _ = DaySpec { messages, symbols, live, seed: 0, crash: None }.check();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_day_that_is_not_refused_is_consistent(
        symbols in 1u32..60,
        more in 0u64..20_000,
        fill in 0u64..=100,
        seed in any::<u64>(),
        crash in prop::option::of(0u64..20),
    ) {
        let messages = MESSAGES_PER_SYMBOL_MIN * u64::from(symbols) + MESSAGES_FIXED + more;
        let least = LIVE_PER_SYMBOL_MIN * u64::from(symbols);
        let most = (messages - DIRECTORY * u64::from(symbols) - MESSAGES_FIXED) / 2;
        let live = if fill == 0 { 0 } else { least + (most - least) * fill / 100 };
        let crash = crash.map(|hour| Crash {
            at: Nanos(hour * HOUR),
            lasts: Nanos(10 * MINUTE),
            percent: 20,
        });
        check(DaySpec { messages, symbols, live: live as u32, seed, crash });
    }
}
