//! The log of hot threads, with room in its ring and without.

use super::counted;
use coretick::base::log::{Event, Log, Severity};
use coretick::base::unit::{InstrumentId, Nanos};

#[test]
fn a_log_call_never_allocates_and_a_full_ring_counts_what_it_drops() {
    const ROOM: u64 = 64;
    let (mut log, mut reader) = Log::ring(ROOM as usize, 0, Severity::Info);
    let ((), calls) = counted(|| {
        for n in 0..10 * ROOM {
            log.note_of(InstrumentId(7), Nanos(n), Event::BookStale, [n, 1, 2, 3, 4, 5]);
        }
    });
    assert_eq!(calls, 0);
    let (read, calls) = counted(|| std::iter::from_fn(|| reader.pop()).count() as u64);
    assert_eq!((read, reader.dropped(), calls), (ROOM, 9 * ROOM, 0));
}
