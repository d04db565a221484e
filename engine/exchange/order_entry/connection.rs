//! One TCP connection, without its socket: bytes that came, cut into packets; bytes that wait to go; and its session.

use super::stream::Stream;
use crate::base::unit::Nanos;
use crate::exchange::faults::ConnectionFaults;
use crate::wire::soup::{Packet, Reader, ServerSession, ServerState};

/// Bytes that wait to be taken, in the order in which they were written.
#[derive(Debug)]
struct Unsent {
    bytes: Vec<u8>,
    /// Bytes of `bytes` that were taken.
    taken: usize,
    max: usize,
    /// How many may be written before the connection ends.
    faults: ConnectionFaults,
}

impl Unsent {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// Writes a packet if there is room for it, or what of it may still be sent.
    fn write(&mut self, packet: &Packet<'_>) -> bool {
        if self.waiting() + packet.length() > self.max || self.faults.is_over() {
            return false;
        }
        if self.taken > 0 && self.bytes.len() + packet.length() > self.bytes.capacity() {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        let start = self.bytes.len();
        let is_written = packet.append(&mut self.bytes).is_ok();
        let allowed = self.faults.allow(self.bytes.len() - start);
        self.bytes.truncate(start + allowed);
        is_written
    }

    fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.bytes.len());
        if self.taken == self.bytes.len() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.taken = 0;
    }
}

/// A connection.
#[derive(Debug)]
pub(in crate::exchange) struct Connection {
    pub(in crate::exchange) reader: Reader,
    pub(in crate::exchange) session: ServerSession,
    /// Place of the account that is logged in.
    pub(in crate::exchange) account: Option<u16>,
    /// Nothing is read from it any more, and it is to be closed once its bytes are taken.
    pub(in crate::exchange) over: bool,
    unsent: Unsent,
    /// When bytes were taken last, or began to wait.
    taken_at: Nanos,
}

impl Connection {
    /// A client connected at `now`; at most `unsent_max` bytes wait for it.
    pub(in crate::exchange) fn new(
        unsent_max: usize,
        faults: ConnectionFaults,
        now: Nanos,
    ) -> Self {
        let (bytes, taken, max) = (Vec::with_capacity(unsent_max), 0, unsent_max);
        let unsent = Unsent { bytes, taken, max, faults };
        Self {
            reader: Reader::new(Reader::CAPACITY),
            session: ServerSession::new(now),
            account: None,
            over: false,
            unsent,
            taken_at: now,
        }
    }

    /// Another client connected at `now`, in the same room.
    pub(in crate::exchange) fn renew(&mut self, faults: ConnectionFaults, now: Nanos) {
        self.reader.reset();
        self.unsent.clear();
        self.unsent.faults = faults;
        self.session = ServerSession::new(now);
        (self.account, self.over, self.taken_at) = (None, false, now);
    }

    /// Writes a packet if there is room for it. The session must be in a state to send it.
    pub(in crate::exchange) fn send(&mut self, packet: &Packet<'_>, now: Nanos) -> bool {
        if self.unsent.waiting() == 0 {
            self.taken_at = now;
        }
        let is_written = self.unsent.write(packet);
        if is_written {
            self.session.on_sent(packet, now);
        }
        is_written
    }

    /// Writes what the client has not been sent of its account's stream, as far as there is room, and the end of the
    /// session behind the last message of a day that has `ended`.
    pub(super) fn gather(&mut self, stream: &Stream, ended: bool, now: Nanos) {
        while self.session.state() == ServerState::LoggedIn {
            let packet = match stream.get(self.session.next_sequence()) {
                Some(message) => Packet::Sequenced(message),
                None if ended && !stream.is_holding() => Packet::EndOfSession,
                None => return,
            };
            if !self.send(&packet, now) {
                return;
            }
        }
    }

    /// Whether nothing more may be written, because a fault ends it here.
    pub(in crate::exchange) fn is_cut(&self) -> bool {
        self.unsent.faults.is_over()
    }

    /// The bytes that wait.
    pub(in crate::exchange) fn unsent(&self) -> &[u8] {
        &self.unsent.bytes[self.unsent.taken..]
    }

    /// The first `count` bytes that waited were taken.
    pub(in crate::exchange) fn sent(&mut self, count: usize, now: Nanos) {
        if count > 0 {
            self.unsent.take(count);
            self.taken_at = now;
        }
    }

    /// Whether bytes wait to be taken, or the client has yet to hear that a day that has `ended` is over.
    pub(super) fn is_behind(&self, ended: bool) -> bool {
        let is_to_hear = ended && !self.over && self.session.state() == ServerState::LoggedIn;
        is_to_hear || self.unsent.waiting() > 0
    }

    /// When the client is given up because it takes nothing; `None` while nothing waits.
    pub(in crate::exchange) fn stalls_at(&self, stalled: Nanos) -> Option<Nanos> {
        (self.unsent.waiting() > 0).then(|| self.taken_at.plus(stalled))
    }

    /// Ends it; what waits is given up too if it is not to be `drained`.
    pub(in crate::exchange) fn finish(&mut self, drained: bool) {
        self.over = true;
        if !drained {
            self.unsent.clear();
        }
    }
}
