//! The ingest stage: moves what a source has into the books, in key order.
#![forbid(unsafe_code)]

use crate::base::log::{Event, Log};
use crate::base::message::{Key, Market};
use crate::base::stage::{Agent, Sink};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where market messages come from.
pub trait Source {
    /// The key of the next message; `Key::MAX` when there is none and none will come.
    fn next(&mut self) -> Key;

    /// A turn begins. What it brings leaves the core when it ends, so a live source brings one packet in each.
    #[inline]
    fn turn(&mut self) {}

    /// Whether `next` said `Key::MAX` only because nothing is there yet. A source of what was recorded never waits.
    #[inline]
    fn waits(&self) -> bool {
        false
    }

    /// Takes the message that `next` announced; read it where it lies, before the next call.
    fn take(&mut self) -> &Market;

    /// Shows the sink what will come soon.
    fn hint(&self, _sink: &impl Sink<Market>) {}

    /// Tells `log` what happened since it was last asked.
    #[inline]
    fn tell(&mut self, _log: &mut Log) {}

    /// How far it is, in the unit that its progress is shown in.
    fn position(&self) -> u64 {
        0
    }
}

/// The stage, with the hop to the books.
pub struct Ingest<S, K> {
    source: S,
    sink: K,
    batch: usize,
    position: Arc<AtomicU64>,
    done: bool,
    log: Log,
    /// Turns in which a live source had a message and what follows had no room for it.
    held_back: u64,
}

impl<S: Source, K: Sink<Market>> Ingest<S, K> {
    /// Moves at most `batch` messages a turn; stores the source's position where others can see it.
    pub fn new(source: S, sink: K, batch: usize, position: Arc<AtomicU64>) -> Self {
        let log = Log::silent();
        Self { source, sink, batch, position, done: false, log, held_back: 0 }
    }

    /// This one, which tells `log` what happens.
    pub fn telling(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// Messages of the next turns.
    pub fn set_batch(&mut self, batch: usize) {
        self.batch = batch;
    }

    /// The source and the hop, when the run has ended.
    pub fn into_parts(self) -> (S, K) {
        (self.source, self.sink)
    }
}

impl<S: Source, K: Sink<Market>> Agent for Ingest<S, K> {
    fn do_work(&mut self) -> usize {
        let mut count = 0;
        let mut ended = false;
        self.source.turn();
        while count < self.batch {
            let key = self.source.next();
            if key == Key::MAX && self.source.waits() {
                break;
            }
            let settled = self.sink.until(key);
            if key == Key::MAX {
                ended = settled;
                break;
            }
            if !settled || self.sink.room() == 0 {
                // A recorded day is as fast as the engine.
                self.held_back += u64::from(self.source.waits());
                break;
            }
            if self.held_back > 0 {
                let turns = std::mem::take(&mut self.held_back);
                self.log.note(key.time(), Event::HeldBack, [turns]);
            }
            self.source.hint(&self.sink);
            self.sink.put(self.source.take());
            count += 1;
        }
        self.source.tell(&mut self.log);
        self.position.store(self.source.position(), Ordering::Relaxed);
        self.done = self.sink.flush() && ended;
        count
    }

    fn done(&self) -> bool {
        self.done
    }
}
