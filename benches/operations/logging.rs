//! Logging: a line noted by a hot thread, beside a bare write of as many bytes, and what the other thread does with it.

use super::bench;
use super::made::BATCH;
use coretick::base::instrument::Symbols;
use coretick::base::log::{Event, Log, LogReader, Severity};
use coretick::base::stage::Agent;
use coretick::base::unit::{InstrumentId, Nanos};
use coretick::telemetry::{EventLog, Names};
use criterion::Criterion;
use std::hint::black_box;
use std::io;

/// Lines that a ring holds.
const DEPTH: usize = 1024;
/// What is noted: when, to what, and four numbers.
const LINE: [u64; 4] = [1, 2, 3, 4];

/// All of them.
pub(crate) fn all(criterion: &mut Criterion) {
    let floor = rtrb::RingBuffer::<[u64; 8]>::new(DEPTH);
    let write = |(writer, _): &mut (rtrb::Producer<[u64; 8]>, rtrb::Consumer<[u64; 8]>)| {
        for number in 0..u64::from(BATCH) {
            let written = writer.push(black_box([number; 8]));
            assert!(written.is_ok(), "it was emptied");
        }
    };
    let empty = |(_, reader): &mut (rtrb::Producer<[u64; 8]>, rtrb::Consumer<[u64; 8]>)| {
        while reader.pop().is_ok() {}
    };
    bench(criterion, "logging/floor: the bare ring, 64 bytes", floor, write, empty);

    let note = |(log, _): &mut (Log, LogReader)| {
        for number in 0..BATCH {
            let (instrument, time) = (InstrumentId(number), Nanos(number.into()));
            log.note_of(black_box(instrument), time, Event::Latched, black_box(LINE));
        }
    };
    let read = |(_, reader): &mut (Log, LogReader)| {
        let lines = std::iter::from_fn(|| reader.pop()).count();
        assert_eq!((lines, reader.dropped()), (BATCH as usize, 0));
    };
    let ring = || Log::ring(DEPTH, 0, Severity::Info);
    bench(criterion, "logging/one call", ring(), note, read);
    let left_out = Log::ring(DEPTH, 0, Severity::Error);
    bench(criterion, "logging/one call, left out", left_out, note, |_| ());
    let (mut log, reader) = Log::ring(1, 0, Severity::Info);
    log.note(Nanos(0), Event::Latched, LINE);
    bench(criterion, "logging/one call, ring full", (log, reader), note, |_| ());

    // The other thread.
    let (mut log, reader) = ring();
    let symbols = Symbols::new(BATCH as usize);
    let file = Box::new(io::BufWriter::new(io::sink()));
    let events = EventLog::new(file, symbols, Names::default(), u32::MAX);
    let mut fill = move || {
        for number in 0..BATCH {
            log.note_of(InstrumentId(number), Nanos(number.into()), Event::Latched, LINE);
        }
    };
    fill();
    let events = events.reading("risk".into(), reader);
    let text = |events: &mut EventLog| assert_eq!(events.do_work(), BATCH as usize);
    bench(criterion, "logging/line into text, elsewhere", events, text, move |_| fill());
}
