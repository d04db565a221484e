//! What is written of what was noted.

use super::*;
use crate::base::code::Code;
use crate::base::log::{Log, Severity};
use crate::base::testing::Paper;
use crate::base::unit::Level;
use proptest::prelude::*;

const NAMES: Names =
    Names { feed: &["joining", "live", "gapped", "ended"], session: &["down", "live"] };
const MS: u64 = 1_000_000;

/// A log that reads what two note, in rings of so many lines.
fn log(paper: &Paper, depth: usize, per_second: u32) -> (EventLog, [Log; 2]) {
    let symbols = Symbols::new(8);
    symbols.announce(InstrumentId(7), u64::from_be_bytes(*b"BRK.A   "));
    let (ingest, first) = Log::ring(depth, 0, Severity::Debug);
    let (route, second) = Log::ring(depth, 0, Severity::Debug);
    let log = EventLog::new(Box::new(paper.clone()), symbols, NAMES, per_second);
    let log = log.reading("ingest".into(), first).reading("route".into(), second);
    (log, [ingest, route])
}

#[test]
fn lines_say_when_how_grave_who_what_and_what_was_done() {
    let paper = Paper::roomy();
    let (mut log, [mut ingest, mut route]) = log(&paper, 16, 10);
    let time = Nanos(1_795_264_200_000_120_300);
    let later = |ns: u64| Nanos(time.0 + ns);
    route.note(later(4), Event::ConnectionFailed, [104]);
    ingest.note(time, Event::FeedState, [0, 1, 5]);
    ingest.note_of(InstrumentId(7), later(2), Event::BookStale, []);
    ingest.note(later(3), Event::GapHealed, [5, 9, 1_234_567]);
    let scope = [u64::from(Level::STRATEGY.0), 2, 2, Code::KILLED_STRATEGY.0.into()];
    route.note(later(5), Event::Latched, scope);
    route.note(later(6), Event::Session, [9, 1, 2, 3]);
    assert_eq!((log.do_work(), log.do_work(), log.done()), (6, 0, true));
    let wanted = [
        "2026-11-21T12:30:00.000120300Z info  ingest  feed-state  the feed was joining, and is live after 5 messages",
        "2026-11-21T12:30:00.000120302Z error ingest  book-stale  BRK.A: its book has no room left, and stays stale: raise book.orders_max and book.levels_max",
        "2026-11-21T12:30:00.000120303Z info  ingest  gap-healed  nothing is missing any more from 5 to 9, after 1234.567 us",
        "2026-11-21T12:30:00.000120304Z warn  route   connection-failed  the connection with the venue ended or was not made: Connection reset by peer (os error 104)",
        "2026-11-21T12:30:00.000120305Z warn  route   latched  strategy:quoter is killed: killed_strategy",
        "2026-11-21T12:30:00.000120306Z info  route   session  the session was unknown, and is live: 2 logins, 3 orders open",
    ];
    assert_eq!(paper.lines(), wanted);
    let counts = EventCounts { written: 6, ..EventCounts::default() };
    assert_eq!(log.finish().unwrap(), counts);
}

#[test]
fn every_text_has_places_that_are_filled() {
    let paper = Paper::roomy();
    let (mut log, [mut ingest, _]) = log(&paper, 64, 10);
    for event in Event::ALL {
        let text = event.text();
        ingest.note_of(
            InstrumentId(7),
            Nanos(1),
            *event,
            [1, if text.contains(":event") { 100 } else { 1 }, 1, 100, 104, 105],
        );
    }
    log.do_work();
    let lines = paper.lines();
    assert_eq!(lines.len(), Event::ALL.len());
    for (line, event) in lines.iter().zip(Event::ALL) {
        assert!(line.contains(&format!(" {}  ", event.name())), "{line}");
        assert!(!line.contains(['{', '}']) && !line.contains("unknown"), "{line}");
    }
}

#[test]
fn more_of_an_event_in_a_second_than_may_be_are_counted_and_told() {
    let paper = Paper::roomy();
    let (mut log, [mut ingest, _]) = log(&paper, 64, 3);
    (0..10).for_each(|n| ingest.note(Nanos(n * MS), Event::NotTaken, [n]));
    ingest.note(Nanos(11 * MS), Event::LateJoin, [1]);
    ingest.note(Nanos(1_000 * MS), Event::NotTaken, [10]);
    log.do_work();
    let lines = paper.lines();
    assert_eq!(lines.len(), 3 + 1 + 1 + 1, "{lines:?}");
    let left_out = "1970-01-01T00:00:00.999999999Z info  log     lines-left-out  7 more lines of packets-not-taken in";
    assert!(lines[4].starts_with(left_out), "{}", lines[4]);
    assert!(lines[5].contains("packets-not-taken  10 packets"), "another second: {}", lines[5]);
    (0..5).for_each(|n| ingest.note(Nanos((1_001 + n) * MS), Event::NotTaken, [n]));
    let counts = log.finish().unwrap();
    assert_eq!(counts, EventCounts { written: 7, held: 10, dropped: 0 });
    assert!(paper.lines().last().unwrap().contains("3 more lines"), "told at the end");
}

#[test]
fn what_a_full_ring_dropped_is_told_with_the_ring_and_counted() {
    let paper = Paper::roomy();
    let (mut log, [mut ingest, mut route]) = log(&paper, 2, 100);
    (0..5).for_each(|n| ingest.note(Nanos(n), Event::NotTaken, [n]));
    route.note(Nanos(9), Event::LateJoin, [1]);
    log.do_work();
    let lines = paper.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[3].contains("warn  ingest  lines-dropped  3 lines found no room"), "{lines:?}");
    (0..3).for_each(|n| ingest.note(Nanos(n), Event::NotTaken, [n]));
    let counts = log.finish().unwrap();
    assert_eq!(counts, EventCounts { written: 5, held: 0, dropped: 4 });
}

#[test]
fn a_full_disk_stops_nothing_and_is_told_at_the_end() {
    let paper = Paper::with_room(0);
    let (mut log, [mut ingest, _]) = log(&paper, 2, 100);
    ingest.note(Nanos(1), Event::NotTaken, [1]);
    assert_eq!(log.do_work(), 1);
    ingest.note(Nanos(2), Event::NotTaken, [2]);
    assert_eq!(log.do_work(), 1, "it takes on what comes");
    assert_eq!(log.finish().map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
}

proptest! {
    #[test]
    fn each_line_noted_is_written_left_out_or_dropped(
        depth in 1_usize..6,
        per_second in 1_u32..4,
        steps in prop::collection::vec((0_u8..3, 0_u64..3_000), 0..80),
    ) {
        let paper = Paper::roomy();
        let (mut log, [mut ingest, mut route]) = log(&paper, depth, per_second);
        let (mut noted, mut time) = (0, 0);
        for (step, ms) in steps {
            time += ms * MS;
            match step {
                0 => ingest.note(Nanos(time), Event::NotTaken, [1]),
                1 => route.note(Nanos(time), Event::LateJoin, [1]),
                _ => { log.do_work(); }
            }
            noted += u64::from(step < 2);
        }
        let counts = log.finish().unwrap();
        prop_assert_eq!(counts.written + counts.held + counts.dropped, noted);
        let own = |line: &&String| line.contains(" lines-left-out ") || line.contains(" lines-dropped ");
        let written = paper.lines().iter().filter(|line| !own(line)).count() as u64;
        prop_assert_eq!(written, counts.written);
    }
}
