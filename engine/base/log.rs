//! The log of hot threads: what happened, in numbers. Another thread makes words of them (`telemetry::EventLog`).
//!
//! What must hold. A call is one write of one cache line into the ring of its stage: it waits for nobody, asks no clock (the
//! time is passed in), allocates nothing and formats nothing. A full ring drops the line and counts it, exactly; who reads
//! tells how many. What an event is called and says stands in one table, [`Event`].
#![forbid(unsafe_code)]

mod event;

pub use event::{Event, Severity};

use super::unit::{InstrumentId, Nanos};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Numbers that a line can carry.
pub const ARGUMENTS: usize = 6;

/// What happened: a cache line.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C, align(64))]
pub struct Line {
    /// When, in the engine's time.
    pub time: Nanos,
    /// To what; none if it is of no instrument.
    pub instrument: InstrumentId,
    /// What, by number.
    pub event: u16,
    /// Which of the rings it came by.
    pub origin: u16,
    /// What the event's text has places for; zeros behind.
    pub arguments: [u64; ARGUMENTS],
}

const _: () = assert!(size_of::<Line>() == 64, "one write is one cache line");

/// The writing end, for one stage.
pub struct Log {
    ring: rtrb::Producer<Line>,
    origin: u16,
    least: Severity,
    dropped: Arc<AtomicU64>,
}

/// The reading end.
pub struct LogReader {
    ring: rtrb::Consumer<Line>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// A ring of `depth` lines, touched here; lines carry `origin`, and events below `least` are left out.
    pub fn ring(depth: usize, origin: u16, least: Severity) -> (Self, LogReader) {
        assert!(depth > 0, "a ring has at least one slot");
        let (mut writer, mut reader) = rtrb::RingBuffer::new(depth);
        while writer.push(Line::default()).is_ok() {}
        while reader.pop().is_ok() {}
        let dropped = Arc::new(AtomicU64::new(0));
        let log = Self { ring: writer, origin, least, dropped: dropped.clone() };
        (log, LogReader { ring: reader, dropped })
    }

    /// A log that nobody reads: each line is left out.
    pub fn silent() -> Self {
        Self::ring(1, 0, Severity::Off).0
    }

    /// `event` happened at `time`, to no instrument.
    #[inline]
    pub fn note<const N: usize>(&mut self, time: Nanos, event: Event, arguments: [u64; N]) {
        self.note_of(InstrumentId::NONE, time, event, arguments);
    }

    /// `event` happened to `instrument` at `time`.
    #[inline]
    pub fn note_of<const N: usize>(
        &mut self,
        instrument: InstrumentId,
        time: Nanos,
        event: Event,
        arguments: [u64; N],
    ) {
        const { assert!(N <= ARGUMENTS, "a line carries no more") };
        if event.severity() < self.least {
            return;
        }
        let mut all = [0; ARGUMENTS];
        all[..N].copy_from_slice(&arguments);
        let event = event as u16;
        let line = Line { time, instrument, event, origin: self.origin, arguments: all };
        if self.ring.push(line).is_err() {
            self.drop_one();
        }
    }

    #[cold]
    fn drop_one(&self) {
        // One writer: nothing is lost between the two.
        self.dropped.store(self.dropped.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

impl LogReader {
    /// The next line, if one is there.
    #[inline]
    pub fn pop(&mut self) -> Option<Line> {
        self.ring.pop().ok()
    }

    /// Lines that found no room so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_read_as_it_was_noted() {
        let (mut log, mut reader) = Log::ring(4, 3, Severity::Info);
        assert_eq!(reader.pop(), None, "what was touched is gone");
        log.note_of(InstrumentId(7), Nanos(5), Event::BookStale, [1, 2]);
        let line = Line {
            time: Nanos(5),
            instrument: InstrumentId(7),
            event: Event::BookStale as u16,
            origin: 3,
            arguments: [1, 2, 0, 0, 0, 0],
        };
        assert_eq!((reader.pop(), reader.pop(), reader.dropped()), (Some(line), None, 0));
        assert_eq!(line.as_bytes().len(), 64);
    }

    #[test]
    fn what_is_below_the_least_is_left_out_and_not_counted_as_dropped() {
        let (mut log, mut reader) = Log::ring(1, 0, Severity::Warn);
        assert_eq!(Event::FeedState.severity(), Severity::Info);
        log.note(Nanos(1), Event::FeedState, [0, 1]);
        assert_eq!((reader.pop(), reader.dropped()), (None, 0));
        Log::silent().note(Nanos(1), Event::OrderUnasked, [9]);
        let (mut off, mut reader) = Log::ring(1, 0, Severity::Off);
        Event::ALL.iter().for_each(|event| off.note(Nanos(1), *event, []));
        assert_eq!((reader.pop(), reader.dropped()), (None, 0));
    }

    proptest! {
        #[test]
        fn a_full_ring_keeps_the_first_lines_in_order_and_counts_the_others(
            depth in 1_usize..9,
            steps in prop::collection::vec(any::<bool>(), 0..100),
        ) {
            let (mut log, mut reader) = Log::ring(depth, 0, Severity::Debug);
            let (mut noted, mut kept) = (0, std::collections::VecDeque::new());
            let mut dropped = 0;
            for write in steps {
                if write {
                    noted += 1;
                    log.note(Nanos(noted), Event::Session, [noted]);
                    if kept.len() < depth { kept.push_back(noted) } else { dropped += 1 }
                } else {
                    prop_assert_eq!(reader.pop().map(|line| line.arguments[0]), kept.pop_front());
                }
                prop_assert_eq!(reader.dropped(), dropped);
            }
        }
    }

    #[test]
    fn between_two_threads_each_line_is_read_or_counted() {
        const LINES: u64 = 100_000;
        let (mut log, mut reader) = Log::ring(64, 0, Severity::Debug);
        let writer = std::thread::spawn(move || {
            (1..=LINES).for_each(|n| log.note(Nanos(n), Event::Session, [n, !n]));
        });
        let (mut read, mut last) = (0, 0);
        loop {
            let ended = writer.is_finished();
            while let Some(line) = reader.pop() {
                let [first, second, ..] = line.arguments;
                assert!(first > last && second == !first && line.time == Nanos(first));
                (read, last) = (read + 1, first);
            }
            if ended {
                break;
            }
        }
        writer.join().unwrap();
        assert_eq!(read + reader.dropped(), LINES);
    }
}
