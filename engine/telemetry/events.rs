//! `events.log`: the lines of hot threads as text, one each, written by the log's shard.
//!
//! ```text
//! 2026-11-21T14:30:00.000120300Z warn  ingest  gap-opened  messages from 5 on are missing (1 gaps so far): ...
//! ```
//!
//! What must hold. Lines that are there together come in order of time. Of one event, no more than so many are written in
//! a second of the engine's time; how many were left out is written, and so is how many found no room in a ring: every line
//! noted is written, left out or dropped, and each of these is a count. What was left out in a second is told when a line of
//! a later one comes, or at the end. A file that fails stops nothing; it is told at the end.
#![forbid(unsafe_code)]

mod text;

pub use text::Names;

use crate::base::instrument::Symbols;
use crate::base::log::{ARGUMENTS, Event, Line, LogReader};
use crate::base::stage::Agent;
use crate::base::unit::{InstrumentId, Nanos};
use std::io::{self, Write};

/// Lines taken out of each ring at a turn.
const TAKEN_MAX: usize = 256;
const SECOND_NS: u64 = 1_000_000_000;

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Written, those about lines left out or dropped apart.
    pub written: u64,
    /// Left out, since there were too many of their event in a second.
    pub held: u64,
    /// Found no room in a ring.
    pub dropped: u64,
}

/// A ring that is read, and what it is called.
struct Ring {
    name: String,
    reader: LogReader,
    /// Dropped lines that were told.
    told: u64,
}

/// How many of an event there were in a second.
#[derive(Clone, Copy, Default)]
struct Second {
    written: u32,
    held: u64,
}

/// Writes lines as text.
pub struct EventLog {
    rings: Vec<Ring>,
    names: Names,
    symbols: Symbols,
    file: Box<dyn Write + Send>,
    per_second: u32,
    /// By place in [`Event::ALL`], of the second below.
    seconds: [Second; Event::ALL.len()],
    /// Since 1970.
    second: u64,
    /// Taken at this turn.
    taken: Vec<Line>,
    counts: EventCounts,
    error: Option<io::Error>,
}

impl EventLog {
    /// A log into `file`, at most `per_second` lines of an event.
    pub fn new(
        file: Box<dyn Write + Send>,
        symbols: Symbols,
        names: Names,
        per_second: u32,
    ) -> Self {
        Self {
            rings: Vec::new(),
            names,
            symbols,
            file,
            per_second,
            seconds: [Second::default(); Event::ALL.len()],
            second: 0,
            taken: Vec::new(),
            counts: EventCounts::default(),
            error: None,
        }
    }

    /// This log, which also reads what `name` notes.
    pub fn reading(mut self, name: String, reader: LogReader) -> Self {
        self.rings.push(Ring { name, reader, told: 0 });
        self.taken.reserve(TAKEN_MAX);
        self
    }

    /// Writes what is still in the rings, and all that is buffered.
    ///
    /// # Errors
    /// If that failed, or a line before.
    pub fn finish(mut self) -> io::Result<EventCounts> {
        while self.do_work() > 0 {}
        self.tell_held();
        match self.error {
            Some(error) => Err(error),
            None => self.file.flush().map(|()| self.counts),
        }
    }

    /// Takes lines out of the rings, and puts them in order.
    fn take(&mut self) {
        self.taken.clear();
        for (at, ring) in self.rings.iter_mut().enumerate() {
            for _ in 0..TAKEN_MAX {
                let Some(line) = ring.reader.pop() else { break };
                // Whatever the writer was told to call itself.
                self.taken.push(Line { origin: at as u16, ..line });
            }
        }
        self.taken.sort_by_key(|line| line.time);
    }

    fn take_in(&mut self, line: &Line) {
        // What has no name cannot be: both ends are of one program.
        let place = Event::of(line.event).and_then(|it| Event::ALL.iter().position(|e| *e == it));
        let Some(place) = place else { return };
        let second = line.time.0 / SECOND_NS;
        if second > self.second {
            self.tell_held();
            self.second = second;
        }
        let counted = &mut self.seconds[place];
        if counted.written >= self.per_second {
            counted.held += 1;
            self.counts.held += 1;
            return;
        }
        counted.written += 1;
        self.counts.written += 1;
        self.write(line);
    }

    /// Tells what was left out, and counts anew.
    fn tell_held(&mut self) {
        let time = Nanos(self.second * SECOND_NS + SECOND_NS - 1);
        for place in 0..self.seconds.len() {
            let Second { held, .. } = std::mem::take(&mut self.seconds[place]);
            if held > 0 {
                let number = Event::ALL[place] as u64;
                self.write(&own(time, Event::LinesLeftOut, [held, number], NOBODY));
            }
        }
    }

    /// Tells what found no room since it was last told.
    fn tell_dropped(&mut self, time: Nanos) {
        for at in 0..self.rings.len() {
            let ring = &mut self.rings[at];
            let dropped = ring.reader.dropped();
            let since = dropped - ring.told;
            if since > 0 {
                ring.told = dropped;
                self.counts.dropped += since;
                self.write(&own(time, Event::LinesDropped, [since, 0], at as u16));
            }
        }
    }

    fn write(&mut self, line: &Line) {
        if self.error.is_some() {
            return;
        }
        let name = self.rings.get(usize::from(line.origin)).map_or("log", |ring| &ring.name);
        let shown = text::Shown { line, origin: name, names: self.names, symbols: &self.symbols };
        self.error = writeln!(self.file, "{shown}").err();
    }
}

/// Not of any ring.
const NOBODY: u16 = u16::MAX;

/// A line of the log's own.
fn own(time: Nanos, event: Event, [first, second]: [u64; 2], origin: u16) -> Line {
    let mut arguments = [0; ARGUMENTS];
    (arguments[0], arguments[1]) = (first, second);
    Line { time, instrument: InstrumentId::NONE, event: event as u16, origin, arguments }
}

impl Agent for EventLog {
    fn do_work(&mut self) -> usize {
        self.take();
        let taken = std::mem::take(&mut self.taken);
        taken.iter().for_each(|line| self.take_in(line));
        let (count, last) = (taken.len(), taken.last().map(|line| line.time));
        self.taken = taken;
        self.tell_dropped(last.unwrap_or(Nanos(self.second * SECOND_NS)));
        if count > 0 && self.error.is_none() {
            // Whoever follows the file sees it as it happens.
            self.error = self.file.flush().err();
        }
        count
    }

    /// It never holds a run up: what is noted after the last record is written at its end.
    fn done(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
