//! A recorded day as a source: frames decoded in order, with the ticks and the kill that engine time brings.
//!
//! A message is its packet's last for a book shard (`Flags::LAST`) when none of the next messages of the same time is
//! for that shard (`packet.rs`); those of one time beyond the window count as another packet. That depends on the file
//! alone.
//!
//! The stamp of a message is taken before the one that enters the window is decoded, so a latency includes the
//! decoding of one message. Looking ahead decodes earlier, it does not make decoding free.
#![forbid(unsafe_code)]

use super::agent::Source;
use super::decode::{Decoder, LEAP};
use super::packet::last_of_packet;
use super::transport::capture::CaptureCounts;
use super::transport::file::{FramingFault, ItchFile};
use super::window::{self, Window};
use crate::base::clock::Clock;
use crate::base::instrument::Symbols;
use crate::base::message::{Flags, Header, Key, Kind, Market, Message, Source as From};
use crate::base::stage::Sink;
use crate::base::unit::{InstrumentId, Nanos, Seq, Stamp};
use crate::telemetry::Latency;
use crate::wire::itch;

/// How a day is read.
#[derive(Clone, Copy, Debug)]
pub struct DaySettings {
    /// Messages shown to the books before they are due; 0 to 16.
    pub look_ahead: usize,
    /// Engine time between ticks; 0 for none.
    pub tick: Nanos,
    /// When the kill switch is pulled; `Nanos::MAX` for never.
    pub kill_at: Nanos,
    /// Book shards.
    pub shards: usize,
    /// Whether messages are stamped, for latencies.
    pub stamped: bool,
    /// One in so many messages has its decoding timed.
    pub sample: u64,
}

/// The next event.
#[derive(Clone, Copy)]
enum Due {
    /// The front of the window.
    Front,
    Tick,
    Kill,
}

/// A day in one or more files, read one after another.
pub struct Day {
    file: ItchFile,
    rest: Vec<ItchFile>,
    decoder: Decoder,
    settings: DaySettings,
    clock: Clock,
    symbols: Symbols,
    window: Window,
    due: Due,
    /// The tick or kill that is due.
    event: Market,
    /// Before this time no tick or kill is due.
    timer: Nanos,
    sequence: u64,
    taken: u64,
    ticks: u64,
    next_tick: Nanos,
    kill_at: Nanos,
    read_before: u64,
    /// Files that were read to their end.
    ended: usize,
    /// What the captures among them brought.
    captures: Option<CaptureCounts>,
    fault: Option<FramingFault>,
    latency: Latency,
}

/// Messages decoded behind the front. Hints reach half as far: a message shown in the turn in which it was decoded cost a
/// third more (its fields are then read out of stores still under way).
const AHEAD: usize = 30;
/// Frames behind a leap of time that are asked whether it is one.
const WITNESSES: usize = 4;
const _: () =
    assert!(AHEAD + 1 < window::SIZE, "the front stays readable while the next one is decoded");

impl Day {
    /// Reads `files` (at least one) in order; tells `symbols` what the directory announces.
    pub fn new(
        mut files: Vec<ItchFile>,
        decoder: Decoder,
        settings: DaySettings,
        clock: Clock,
        symbols: Symbols,
    ) -> Self {
        ItchFile::join(&mut files);
        files.reverse();
        let file = files.pop().unwrap_or_else(|| ItchFile::from_reader(Box::new(std::io::empty())));
        Self {
            file,
            rest: files,
            decoder,
            settings,
            clock,
            symbols,
            window: Window::new(),
            due: Due::Front,
            event: Market::default(),
            timer: Nanos(0),
            taken: 0,
            sequence: 0,
            ticks: 0,
            next_tick: Nanos(0),
            kill_at: settings.kill_at,
            read_before: 0,
            ended: 0,
            captures: None,
            fault: None,
            latency: Latency::default(),
        }
    }

    /// What was decoded.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Why it ended early, if it did, and in which of the files.
    pub fn fault(&self) -> Option<(usize, FramingFault)> {
        self.fault.map(|fault| (self.ended, fault))
    }

    /// What the captures among its files brought, if there are any.
    pub fn captures(&self) -> Option<CaptureCounts> {
        let mut all = self.captures.clone();
        if let Some(counts) = self.file.capture_counts() {
            all.get_or_insert_default().add(&counts);
        }
        all
    }

    /// How long decoding took.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// The book shard of a message that does not go to all: its instrument's; without one, the one that the fan picks.
    fn shard(&self, message: &Market) -> usize {
        let instrument = message.head.instrument;
        let known = self.decoder.table().get(instrument);
        known.map_or(instrument.index(), |known| usize::from(known.shard.0)) % self.settings.shards
    }

    /// The flags that say for which book shards the front of the window is its packet's last message.
    #[inline]
    fn last(&self) -> Flags {
        let Some(front) = self.window.get(0) else { return Flags::LAST };
        match self.window.get(1).filter(|next| next.head.time == front.head.time) {
            None => Flags::LAST,
            Some(_) if self.settings.shards == 1 => Flags::default(),
            Some(_) => {
                let behind = (1..=AHEAD).map_while(|n| self.window.get(n));
                last_of_packet(front, behind, |next| self.shard(next), self.settings.shards)
            }
        }
    }

    /// Decodes until the window is full, or the files have ended.
    fn fill(&mut self) {
        while self.window.len() <= AHEAD {
            let Some(frame) = self.file.next_frame() else {
                if self.next_file() {
                    continue;
                }
                return;
            };
            let length = frame.len();
            let place = self.window.place();
            if self.decoder.decode_into(frame, Seq(self.sequence + 1), place) {
                if place.head.kind == Kind::DIRECTORY {
                    self.symbols.announce(place.head.instrument, place.reference);
                }
                self.window.keep();
            } else if self.decoder.leapt() {
                self.judge_leap(length);
                continue;
            }
            self.sequence += 1;
        }
    }

    /// The next frame's time leaps: that is believed unless most of those behind are earlier. Then its timestamp is
    /// damaged: were it believed, all that follows would have its time.
    #[cold]
    fn judge_leap(&mut self, length: usize) {
        self.file.put_back(length);
        let time = |frame: &[u8]| {
            let whole = itch::length(*frame.first()?) == Some(frame.len());
            whole.then(|| Nanos(itch::frame_time(frame)))
        };
        let leapt = self.file.peek(0).and_then(time);
        let (mut asked, mut agreed) = (0, 0);
        for n in 1..=WITNESSES {
            // At a file's end the next one's first frame is asked.
            let next = match self.rest.last_mut() {
                // A capture that goes on where this one ends cannot be asked before that.
                Some(next) if self.file.peek(n).is_none() && !next.is_capture() => next.peek(0),
                _ => self.file.peek(n),
            };
            let Some(next) = next else { break };
            asked += 1;
            agreed += usize::from(time(next).map(|time| time.plus(LEAP)) >= leapt);
        }
        self.decoder.judge_leap(agreed * 2 >= asked);
    }

    /// Goes on to the next file, if this one ended as it should.
    #[cold]
    fn next_file(&mut self) -> bool {
        self.fault = self.file.fault();
        if self.fault.is_some() {
            return false;
        }
        let Some(mut next) = self.rest.pop() else { return false };
        next.follow(&mut self.file);
        self.captures = self.captures();
        self.ended += 1;
        self.decoder.next_file();
        self.read_before += self.file.progress().read;
        self.file = next;
        true
    }

    /// Stamps the front, and takes it out.
    fn take_front(&mut self) -> &Market {
        self.taken += 1;
        let stamp = if self.settings.stamped { self.clock.stamp() } else { Stamp(0) };
        self.fill();
        let last = self.last();
        if self.settings.stamped && self.taken.is_multiple_of(self.settings.sample) {
            self.latency.record(self.clock.nanos_between(stamp, self.clock.stamp()));
        }
        let message = self.window.pop();
        message.stamp = stamp;
        message.head.flags = message.head.flags.with(last);
        message
    }

    /// The key of what comes at or before `time`: a tick, the kill, or the front of the window after all.
    #[cold]
    fn next_timer(&mut self, time: Nanos) -> Key {
        let tick = self.settings.tick;
        if self.next_tick == Nanos(0) && tick > Nanos(0) {
            // The first message starts the ticks.
            self.next_tick = Nanos(time.0 / tick.0 * tick.0).plus(tick);
        }
        let ticks = tick > Nanos(0);
        // A tick comes after the messages of its time, the kill before those of its own.
        self.due = match () {
            () if ticks && self.next_tick < time && self.next_tick < self.kill_at => Due::Tick,
            () if self.kill_at <= time => Due::Kill,
            () => Due::Front,
        };
        match self.due {
            Due::Front => {
                let tick_after = if ticks { self.next_tick.plus(Nanos(1)) } else { Nanos::MAX };
                self.timer = tick_after.min(self.kill_at);
                self.window.get(0).map_or(Key::MAX, Message::key)
            }
            Due::Tick => {
                self.event = self.engine_event(self.next_tick, Kind::TICK, self.ticks + 1);
                self.event.key()
            }
            Due::Kill => {
                self.event = self.engine_event(self.kill_at, Kind::KILL, 0);
                self.event.key()
            }
        }
    }

    #[cold]
    fn take_timer(&mut self) -> &Market {
        match self.due {
            Due::Tick => {
                self.ticks += 1;
                self.next_tick = self.next_tick.plus(self.settings.tick);
            }
            _ => self.kill_at = Nanos::MAX,
        }
        &self.event
    }

    fn engine_event(&self, time: Nanos, kind: Kind, count: u64) -> Market {
        let head = Header {
            time,
            cause: Seq(count),
            instrument: InstrumentId::NONE,
            kind,
            source: From(0),
            flags: Flags::LAST,
        };
        let stamp = if self.settings.stamped { self.clock.stamp() } else { Stamp(0) };
        Market { head, stamp, ..Market::default() }
    }
}

impl Source for Day {
    // Always: a key that goes through memory is read before its parts have arrived there.
    #[inline(always)]
    fn next(&mut self) -> Key {
        if self.window.len() == 0 {
            self.fill();
        }
        let Some(front) = self.window.get(0) else { return Key::MAX };
        let time = front.head.time;
        if time < self.timer {
            self.due = Due::Front;
            return front.key();
        }
        self.next_timer(time)
    }

    #[inline]
    fn take(&mut self) -> &Market {
        match self.due {
            Due::Front => self.take_front(),
            Due::Tick | Due::Kill => self.take_timer(),
        }
    }

    #[inline(always)]
    fn hint(&self, sink: &impl Sink<Market>) {
        let far = self.settings.look_ahead;
        if far == 0 {
            return;
        }
        // Not a loop: its branches would cost more than the hints.
        if let Some(message) = self.window.get(far) {
            sink.hint(message, 0);
        }
        if let Some(message) = self.window.get(far / 2) {
            sink.hint(message, 1);
        }
        if let Some(message) = self.window.get(far / 4) {
            sink.hint(message, 2);
        }
    }

    fn position(&self) -> u64 {
        self.read_before + self.file.progress().read
    }
}

#[cfg(test)]
mod tests;
