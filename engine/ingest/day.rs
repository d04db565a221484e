//! A recorded day as a source: frames decoded in order, with the ticks and the kill that engine time brings.
//!
//! A message is its packet's last for a book shard (`Flags::LAST`) when none of the next frames of the same time is for
//! that shard; frames of one time beyond the look-ahead count as another packet. That depends on the file alone.
#![forbid(unsafe_code)]

use super::agent::Source;
use super::decode::{Decoder, frame_time};
use super::transport::file::{FramingFault, ItchFile};
use crate::base::clock::Clock;
use crate::base::instrument::Symbols;
use crate::base::message::{Flags, Header, Key, Kind, Market, Message, Source as From};
use crate::base::stage::Sink;
use crate::base::unit::{InstrumentId, Nanos, Seq, Stamp};
use crate::telemetry::Latency;

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
    Frame,
    Tick(Nanos),
    Kill(Nanos),
}

/// A day in one or more files, read one after another.
pub struct Day {
    file: ItchFile,
    rest: Vec<ItchFile>,
    decoder: Decoder,
    settings: DaySettings,
    clock: Clock,
    symbols: Symbols,
    due: Due,
    sequence: u64,
    ticks: u64,
    next_tick: Nanos,
    kill_at: Nanos,
    read_before: u64,
    fault: Option<FramingFault>,
    latency: Latency,
}

/// Frames of one time that are looked at to find a packet's last message.
const SAME_TIME: usize = 16;

/// Whether frames of this type become messages on the hop.
const fn on_hop(kind: u8) -> bool {
    matches!(
        kind,
        b'S' | b'R'
            | b'H'
            | b'h'
            | b'A'
            | b'F'
            | b'E'
            | b'C'
            | b'X'
            | b'D'
            | b'U'
            | b'P'
            | b'Q'
            | b'B'
    )
}

/// Type, locate code and time of a frame; zeros where it is too short.
fn head(frame: &[u8]) -> (u8, u16, u64) {
    let locate = frame.get(1..3).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    (frame.first().copied().unwrap_or(0), locate, frame_time(frame))
}

impl Day {
    /// Reads `files` (at least one) in order; tells `symbols` what the directory announces.
    pub fn new(
        mut files: Vec<ItchFile>,
        decoder: Decoder,
        settings: DaySettings,
        clock: Clock,
        symbols: Symbols,
    ) -> Self {
        files.reverse();
        let file = files.pop().unwrap_or_else(|| ItchFile::from_reader(Box::new(std::io::empty())));
        Self {
            file,
            rest: files,
            decoder,
            settings,
            clock,
            symbols,
            due: Due::Frame,
            sequence: 0,
            ticks: 0,
            next_tick: Nanos(0),
            kill_at: settings.kill_at,
            read_before: 0,
            fault: None,
            latency: Latency::default(),
        }
    }

    /// What was decoded.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Why it ended early, if it did.
    pub fn fault(&self) -> Option<FramingFault> {
        self.fault
    }

    /// How long decoding took.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// The book shard of a frame's locate code; `None` if that is no instrument's.
    fn shard(&self, locate: u16) -> Option<usize> {
        let known = self.decoder.table().get(self.decoder.instrument(locate))?;
        Some(usize::from(known.shard.0) % self.settings.shards)
    }

    fn is_last(&mut self) -> bool {
        let Some((_, locate, time)) = self.file.ahead(0).map(head) else { return true };
        let mut shard = None;
        for n in 1..=SAME_TIME {
            let Some((kind, other, later)) = self.file.ahead(n).map(head) else { return true };
            if later != time {
                return true;
            }
            if !on_hop(kind) {
                continue;
            }
            // Frames that go to every shard are everyone's.
            if self.settings.shards == 1 {
                return false;
            }
            let mine = *shard.get_or_insert_with(|| self.shard(locate));
            let others = self.shard(other);
            if mine.is_none() || others.is_none() || mine == others {
                return false;
            }
        }
        true
    }

    /// The file's next frame, or that of the next file.
    fn frame_time_ahead(&mut self) -> Option<(u8, Nanos)> {
        loop {
            if let Some(frame) = self.file.ahead(0) {
                let kind = frame.first().copied().unwrap_or(0);
                let time = self.decoder.engine_time(frame);
                return Some((kind, time));
            }
            self.fault = self.file.fault();
            if self.fault.is_some() {
                return None;
            }
            self.read_before += self.file.progress().read;
            self.file = self.rest.pop()?;
        }
    }

    fn decode(&mut self) -> Option<Market> {
        self.sequence += 1;
        let timed = self.sequence.is_multiple_of(self.settings.sample);
        let stamp = if self.settings.stamped { self.clock.stamp() } else { Stamp(0) };
        let last = self.is_last();
        let frame = self.file.ahead(0)?;
        let message = self.decoder.decode(frame, Seq(self.sequence));
        self.file.advance();
        if timed && self.settings.stamped {
            self.latency.record(self.clock.nanos_between(stamp, self.clock.stamp()));
        }
        let mut message = message?;
        message.stamp = stamp;
        if message.head.kind == Kind::DIRECTORY {
            self.symbols.announce(message.head.instrument, message.reference);
        }
        if last {
            message.head.flags = message.head.flags.with(Flags::LAST);
        }
        Some(message)
    }

    fn engine_event(&mut self, time: Nanos, kind: Kind, count: u64) -> Market {
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
    #[inline]
    fn next(&mut self) -> Key {
        loop {
            let Some((kind, time)) = self.frame_time_ahead() else { return Key::MAX };
            if !on_hop(kind) {
                // Counted, or found malformed: it goes no further.
                self.sequence += 1;
                if let Some(frame) = self.file.ahead(0) {
                    self.decoder.decode(frame, Seq(self.sequence));
                }
                self.file.advance();
                continue;
            }
            if time >= self.kill_at {
                self.due = Due::Kill(time);
                return self.engine_event(time, Kind::KILL, 0).key();
            }
            if self.settings.tick.0 > 0 {
                let tick = self.settings.tick;
                if self.next_tick.0 == 0 {
                    self.next_tick = Nanos(time.0 / tick.0 * tick.0).plus(tick);
                }
                if self.next_tick < time {
                    self.due = Due::Tick(self.next_tick);
                    return self.engine_event(self.next_tick, Kind::TICK, self.ticks + 1).key();
                }
            }
            self.due = Due::Frame;
            return Key::new(time, crate::base::message::Rank::Market, 0, self.sequence + 1);
        }
    }

    #[inline]
    fn take(&mut self) -> Option<Market> {
        match self.due {
            Due::Frame => self.decode(),
            Due::Tick(time) => {
                self.ticks += 1;
                self.next_tick = self.next_tick.plus(self.settings.tick);
                Some(self.engine_event(time, Kind::TICK, self.ticks))
            }
            Due::Kill(time) => {
                self.kill_at = Nanos::MAX;
                Some(self.engine_event(time, Kind::KILL, 0))
            }
        }
    }

    #[inline]
    fn hint(&mut self, sink: &impl Sink<Market>) {
        let far = self.settings.look_ahead;
        if far == 0 {
            return;
        }
        if let Some(message) = self.file.ahead(far).and_then(|frame| self.decoder.peek(frame)) {
            sink.hint(&message, 0);
        }
        if let Some(message) = self.file.ahead(far / 2).and_then(|frame| self.decoder.peek(frame)) {
            sink.hint(&message, 1);
        }
    }

    fn position(&self) -> u64 {
        self.read_before + self.file.progress().read
    }
}
