//! The messages of one packet, and what the feed itself says between packets, on their way to the books.
//!
//! What must hold: keys never step back, whatever comes. A packet's messages all have its time, unless that would put the
//! first of them before what was said last: then they are a nanosecond later.
#![forbid(unsafe_code)]

use super::Seen;
use crate::base::instrument::Symbols;
use crate::base::message::{Flags, Header, Key, Kind, Market, Message, Rank, Source};
use crate::base::stage::Sink;
use crate::base::unit::{InstrumentId, Nanos, Seq, Stamp};
use crate::ingest::decode::Decoder;
use crate::ingest::packet::mark_last;
use crate::wire::mold::{HEADER, Messages};

/// Bytes that the shortest message which becomes one of ours takes up in a packet.
const SHORTEST: usize = 14;
/// Messages of the feed itself that can wait at a time.
const EVENTS: usize = 9;
/// As many as the longest datagram can bring, with such as the feed says itself.
pub(super) const ROOM: usize = (u16::MAX as usize - HEADER) / SHORTEST + 1 + EVENTS;

/// A packet that is being put.
pub(super) struct Open {
    /// Its first message's place.
    start: usize,
    time: Nanos,
    stamp: Stamp,
}

/// Decoded messages; filled anew when all are taken.
pub(super) struct Outbox {
    decoder: Decoder,
    symbols: Symbols,
    shards: usize,
    messages: Box<[Market]>,
    /// The front, and the end: `at <= len <= ROOM`.
    at: usize,
    len: usize,
    /// The key of what was put last.
    last: Key,
}

impl Outbox {
    pub(super) fn new(decoder: Decoder, symbols: Symbols, shards: usize) -> Self {
        let messages = vec![Market::default(); ROOM].into_boxed_slice();
        let last = Key::default();
        Self { decoder, symbols, shards: shards.max(1), messages, at: 0, len: 0, last }
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.at == self.len
    }

    /// Messages that can still be put.
    pub(super) fn room(&self) -> usize {
        ROOM - self.len
    }

    /// The `n`-th message from the front.
    #[inline]
    pub(super) fn get(&self, n: usize) -> Option<&Market> {
        self.messages[..self.len].get(self.at + n)
    }

    /// Takes the front out. It stays readable until something is put.
    #[inline]
    pub(super) fn take(&mut self) -> &Market {
        let at = self.at.min(ROOM - 1);
        self.at = (self.at + 1).min(self.len);
        &self.messages[at]
    }

    /// Shows what will come soon.
    #[inline]
    pub(super) fn hint(&self, sink: &impl Sink<Market>, far: usize) {
        if let Some(message) = self.get(far) {
            sink.hint(message, 0);
        }
        if let Some(message) = self.get(far / 2) {
            sink.hint(message, 1);
        }
        if let Some(message) = self.get(far / 4) {
            sink.hint(message, 2);
        }
    }

    /// Begins a packet, of which the first message has sequence `first`.
    #[inline]
    pub(super) fn open(&mut self, first: u64, seen: Seen) -> Open {
        self.begin();
        let time = seen.time.max(self.last.time());
        let behind = Key::new(time, Rank::Market, 0, first) < self.last;
        let time = time.plus(Nanos(u64::from(behind)));
        Open { start: self.len, time, stamp: seen.stamp }
    }

    /// Puts its next message, if the engine has a use for it.
    #[inline]
    pub(super) fn push(&mut self, open: &Open, frame: &[u8], sequence: u64) {
        if self.decode(frame, Seq(sequence)) {
            let place = &mut self.messages[self.len];
            place.head.time = open.time;
            place.stamp = open.stamp;
            self.len += 1;
        }
    }

    /// The packet is whole.
    #[inline]
    pub(super) fn close(&mut self, open: &Open) {
        let Self { decoder, messages, shards, len, .. } = self;
        let packet = &mut messages[open.start..*len];
        let Some(last) = packet.last() else { return };
        self.last = last.key();
        let table = decoder.table();
        let shard_of = |message: &Market| {
            let instrument = message.head.instrument;
            let known = table.get(instrument);
            known.map_or(instrument.index(), |known| usize::from(known.shard.0)) % *shards
        };
        mark_last(packet, shard_of, *shards);
    }

    /// Puts the `messages` of a packet, of which the first has sequence `first`; tells how many had no bytes.
    #[inline]
    pub(super) fn packet(&mut self, messages: Messages<'_>, first: u64, seen: Seen) -> u64 {
        let open = self.open(first, seen);
        let mut empty = 0;
        for (frame, sequence) in messages.zip(first..) {
            if frame.is_empty() {
                empty += 1;
            } else {
                self.push(&open, frame, sequence);
            }
        }
        self.close(&open);
        empty
    }

    /// Puts what the feed itself says: for every instrument, and the last of its packet. Tells the time it has.
    pub(super) fn event(&mut self, kind: Kind, cause: u64, seen: Seen) -> Nanos {
        let head =
            Header { cause: Seq(cause), instrument: InstrumentId::NONE, kind, ..Header::default() };
        self.say(Market { head, ..Market::default() }, seen)
    }

    /// The same, with what else the message says.
    pub(super) fn say(&mut self, mut message: Market, seen: Seen) -> Nanos {
        self.begin();
        if self.len == ROOM {
            debug_assert!(false, "Invariant: few events wait at a time");
            return seen.time;
        }
        // No packet led to it: what it leads to is not timed.
        (message.head.source, message.head.flags) = (Source(0), Flags::LAST);
        message.head.time = seen.time.max(self.last.time());
        if message.key() < self.last {
            message.head.time = message.head.time.plus(Nanos(1));
        }
        self.last = message.key();
        self.messages[self.len] = message;
        self.len += 1;
        message.head.time
    }

    /// Writes to the place behind the last; whether there is a message.
    #[inline]
    fn decode(&mut self, frame: &[u8], cause: Seq) -> bool {
        let Self { decoder, symbols, messages, len, .. } = self;
        let Some(place) = messages.get_mut(*len) else {
            debug_assert!(false, "Invariant: no packet has more messages");
            return false;
        };
        let mut done = decoder.decode_into(frame, cause, place);
        if !done && decoder.leapt() {
            // Its time goes no further than this: there is nothing to doubt.
            decoder.judge_leap(true);
            done = decoder.decode_into(frame, cause, place);
        }
        if done && place.head.kind == Kind::DIRECTORY {
            symbols.announce(place.head.instrument, place.reference);
        }
        done
    }

    #[inline]
    fn begin(&mut self) {
        if self.is_empty() {
            (self.at, self.len) = (0, 0);
        }
    }
}
