//! The receiver: packets in, messages in order out, and what is to be asked for. A pure machine: no socket, no clock.
//!
//! Whoever owns it takes what is in the outbox first (`front`, `take`), lets it `advance` while it can, and only then
//! brings another packet (`packet`). When nothing more is ready on any line, and now and then before, he calls `turn`, which
//! sees to all that time brings: gaps told, re-requests, snapshots, ticks.
//!
//! What must hold. Messages of the lines come out in the order of their sequences, each once, from the first of the session
//! on; or from the first that a snapshot does not hold, behind `CLEAR` and that snapshot. Once it is known that something is
//! missing, `GAP` comes before any other message; `WHOLE` comes when nothing is missing any more, and for one who came late
//! when nothing waits either; they alternate.
#![forbid(unsafe_code)]

mod mend;

use super::outbox::Outbox;
use super::recovery::{self, Recovery};
use super::snapshot::SnapshotClient;
use super::{FeedCounts, FeedState, Gaps, Origin, Reason, Repair, Seen};
use crate::base::command::{Command, Scope};
use crate::base::instrument::Symbols;
use crate::base::message::{Header, Kind, Market};
use crate::base::stage::Sink;
use crate::base::unit::Nanos;
use crate::ingest::arbiter::{Arbiter, Offer};
use crate::ingest::decode::Decoder;
use crate::wire::mold::{self, HEADER, Messages, Packet, Session};

/// Bytes that a slot for a packet that waits has: a jumbo frame's.
pub(super) const SLOT_SIZE: usize = 9_216;
/// Sequences are below: more do not fit a key.
const SEQUENCE_END: u64 = 1 << 52;
/// So many packets of another session in a row, with none of its own between: the session is over, though its end was not
/// heard.
const FOREIGN_MAX: u32 = 64;
/// Messages of a snapshot that are put at a time.
const BURST: usize = 256;
/// The type of a snapshot's last message, which is followed by the next sequence in so many digits.
const SNAPSHOT_END: u8 = b'G';
const DIGITS: usize = 20;

/// What a receiver needs to know.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverSettings {
    /// Book shards.
    pub shards: usize,
    /// Time between ticks; 0 for none.
    pub tick: Nanos,
    /// How gaps are mended.
    pub repair: Repair,
    /// Packets that can wait for a gap to close.
    pub held_packets: usize,
    /// Whether there is a server of re-requests.
    pub rerequests: bool,
}

/// The receiver.
pub struct Receiver {
    settings: ReceiverSettings,
    arbiter: Arbiter,
    out: Outbox,
    recovery: Recovery,
    snapshot: Option<SnapshotClient>,
    counts: FeedCounts,
    gaps: Gaps,
    /// `GAP` was said, and `WHOLE` not yet.
    gapped: bool,
    /// Nothing was missing at some time in this session.
    joined: bool,
    /// The books were cleared for a snapshot that has not ended; the sequence that was due then.
    void: Option<u64>,
    /// The gap that is open was given up.
    given_up: bool,
    /// A snapshot took the place of what was missing, or its session was over.
    skipped: bool,
    /// The gap that is open counts: it is not that of one who comes late.
    counted: bool,
    /// What was heard beyond the next snapshot is not believed.
    doubted: bool,
    /// The books stand on a snapshot of this session.
    based: bool,
    /// Below this sequence a snapshot holds everything that was heard before its login.
    mark: u64,
    /// When the session's first packet came, and since when catching up is timed.
    began: Nanos,
    attempt: Nanos,
    /// The sequence that was due when it last rose, and when that was.
    progress: (u64, Nanos),
    /// When something was heard that was not of the past, and when anything of the session was.
    heard: Nanos,
    heard_any: Nanos,
    silent: bool,
    /// Another session, and packets of it since the last one of its own.
    foreign: Option<(Session, u32)>,
    next_tick: Nanos,
    ticks: u64,
    /// Nothing older waits on any line, in this turn.
    dry: bool,
}

impl Receiver {
    /// With `snapshot`, who comes late asks it.
    pub fn new(
        settings: ReceiverSettings,
        snapshot: Option<SnapshotClient>,
        decoder: Decoder,
        symbols: Symbols,
    ) -> Self {
        Self {
            arbiter: Arbiter::new(settings.held_packets, SLOT_SIZE),
            out: Outbox::new(decoder, symbols, settings.shards),
            recovery: Recovery::new(settings.repair),
            snapshot,
            settings,
            counts: FeedCounts::default(),
            gaps: Gaps::new(),
            gapped: false,
            joined: false,
            void: None,
            given_up: false,
            skipped: false,
            counted: false,
            doubted: false,
            based: false,
            mark: 0,
            began: Nanos(0),
            attempt: Nanos(0),
            progress: (0, Nanos(0)),
            heard: Nanos(0),
            heard_any: Nanos(0),
            silent: false,
            foreign: None,
            next_tick: Nanos(0),
            ticks: 0,
            dry: false,
        }
    }

    /// What was decoded.
    pub fn decoder(&self) -> &Decoder {
        self.out.decoder()
    }

    #[cfg(test)]
    pub(super) fn session(&self) -> Option<Session> {
        self.arbiter.session()
    }

    /// What it has met.
    pub fn counts(&self) -> &FeedCounts {
        &self.counts
    }

    /// When something was missing.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// The packets that the kernel dropped for want of room, and times that reading failed, by line.
    pub fn set_kernel_counts(&mut self, drops: [u64; 2], errors: [u64; 2]) {
        self.counts.kernel_drops = drops;
        self.counts.read_errors = errors;
    }

    /// Where the feed stands.
    pub fn state(&self) -> FeedState {
        match () {
            () if !self.joined => FeedState::Joining,
            () if self.gapped || self.arbiter.behind() => FeedState::Gapped,
            () if self.arbiter.ended() => FeedState::Ended,
            () => FeedState::Live,
        }
    }

    /// Whether something is missing, told or not.
    #[inline]
    pub(super) fn is_behind(&self) -> bool {
        self.arbiter.behind()
    }

    /// The next message, if there is one.
    #[inline]
    pub fn front(&self) -> Option<&Market> {
        self.out.get(0)
    }

    /// Takes it.
    #[inline]
    pub fn take(&mut self) -> &Market {
        self.counts.taken += 1;
        self.out.take()
    }

    /// Shows the sink what will come soon, at most so `far`.
    #[inline]
    pub fn hint(&self, sink: &impl Sink<Market>, far: usize) {
        self.out.hint(sink, far);
    }

    /// Puts what waited and is due now, or that nothing is missing any more; false if there is neither. The outbox is empty.
    #[inline]
    pub fn advance(&mut self, seen: Seen) -> bool {
        if !(self.gapped | self.arbiter.behind() | !self.joined) {
            return false;
        }
        self.catch_up(seen)
    }

    #[cold]
    fn catch_up(&mut self, seen: Seen) -> bool {
        if let Some(due) = self.arbiter.release() {
            let first = due.packet.sequence + due.skip as u64;
            self.counts.messages += u64::from(due.packet.count) - due.skip as u64;
            let messages = behind(due.packet.messages(), due.skip);
            self.counts.empty_messages += self.out.packet(messages, first, seen);
            return true;
        }
        if self.arbiter.session().is_none() || self.void.is_some() || self.arbiter.behind() {
            return false;
        }
        // Who comes late has caught up once nothing older waits: what was decided before would be late.
        if self.gapped && !self.joined && !self.dry {
            return false;
        }
        if !self.silent && !self.joined {
            self.joined = true;
            self.counts.join_ns = seen.time.since(self.began).0.max(1);
        }
        if self.silent || !self.gapped {
            return false;
        }
        self.gapped = false;
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.done();
        }
        self.counts.healed += u64::from(self.counted);
        (self.given_up, self.skipped, self.doubted) = (false, false, false);
        let next = self.arbiter.next();
        let time = self.out.event(Kind::WHOLE, next.saturating_sub(1), seen);
        self.gaps.close(time, next);
        true
    }

    /// A packet came. The outbox is empty, and `advance` has no more.
    #[inline]
    pub fn packet(&mut self, origin: Origin, bytes: &[u8], seen: Seen) {
        self.counts.packets[origin as usize] += 1;
        self.counts.bytes[origin as usize] += bytes.len() as u64;
        let Ok(packet) = Packet::parse(bytes) else {
            return self.counts.drop(Reason::NotMold, origin, seen.time, bytes);
        };
        // From 1 on; and those above do not fit a key.
        if packet.sequence == 0 || packet.next() >= SEQUENCE_END {
            return self.counts.drop(Reason::BadSequence, origin, seen.time, bytes);
        }
        if origin == Origin::Rerequests && !self.is_answer(&packet, seen) {
            return;
        }
        if self.arbiter.session() != Some(packet.session) && !self.begins(&packet, origin, seen) {
            return;
        }
        self.heard_any = seen.time;
        if packet.next() >= self.arbiter.next() {
            self.heard = seen.time;
        }
        self.foreign = None;
        match self.arbiter.offer(&packet) {
            Offer::Due { skip } => {
                if self.arbiter.behind() {
                    self.check(seen);
                }
                let new = u64::from(packet.count) - skip as u64;
                self.counts.messages += new;
                if origin == Origin::Rerequests {
                    self.counts.recovered += new;
                }
                let first = packet.sequence + skip as u64;
                let messages = behind(packet.messages(), skip);
                self.counts.empty_messages += self.out.packet(messages, first, seen);
            }
            Offer::Known => self.counts.known += 1,
            Offer::Held => {
                self.counts.held += 1;
                if origin == Origin::Rerequests {
                    self.counts.recovered += u64::from(packet.count);
                }
            }
            Offer::Heard => {
                self.counts.heartbeats += u64::from(packet.kind == mold::Kind::Heartbeat)
            }
            Offer::Dropped => self.counts.drop(Reason::NoRoom, origin, seen.time, bytes),
            Offer::Foreign | Offer::Left => {
                self.counts.drop(Reason::OtherSession, origin, seen.time, bytes);
            }
        }
    }

    /// Says so if something is missing, and sees to all that is due by now; `dry` if nothing more is ready on any line. The
    /// outbox is empty.
    pub fn turn(&mut self, now: Seen, dry: bool) {
        self.dry = dry;
        if self.arbiter.session().is_some() {
            if self.arbiter.behind() | self.gapped {
                self.check(now);
                self.mend(now);
            }
            self.listen(now);
        }
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.turn(now.time);
            self.counts.snapshot_failures = snapshot.failures();
            self.read_snapshot(now);
        }
        // Before what time brings: who decides then knows that nothing is missing any more.
        self.advance(now);
        self.dry = false;
        self.tick(now);
    }

    /// Says what a person asked for: `KILL` or `FLATTEN`.
    #[cold]
    pub fn command(&mut self, kind: Kind, now: Seen) {
        self.out.event(kind, 0, now);
    }

    /// Says what a person asked of a scope, or that other limits are in force.
    #[cold]
    pub fn scoped(&mut self, command: Command, now: Seen) {
        let (kind, scope) = match command {
            Command::Kill(scope) => (Kind::KILL, scope),
            Command::ReduceOnly(scope) => (Kind::REDUCE_ONLY, scope),
            Command::Resume(scope) => (Kind::RESUME, scope),
            Command::Limits(_) => (Kind::LIMITS, Scope::Firm),
        };
        let reference = if let Command::Limits(version) = command { version } else { scope.id() };
        let head = Header { kind, instrument: scope.instrument(), ..Header::default() };
        let (code, reference) = (scope.level().0, reference.into());
        self.out.say(Market { head, code, reference, ..Market::default() }, now);
    }

    /// The re-request to send now, if any.
    pub fn rerequest(&mut self, now: Nanos) -> Option<[u8; HEADER]> {
        if !self.gapped || !self.may_ask() {
            return None;
        }
        let piece = self.recovery.next(&self.arbiter, now)?;
        let request = recovery::request(&self.arbiter, piece)?;
        self.counts.rerequests += 1;
        Some(request.to_bytes())
    }

    /// Whether answers to re-requests are to be looked for.
    pub fn awaits_answers(&self) -> bool {
        self.settings.rerequests && (self.gapped || self.recovery.waits())
    }

    /// The client of the snapshot service, while it has something to do.
    pub fn snapshot(&mut self) -> Option<&mut SnapshotClient> {
        self.snapshot.as_mut().filter(|snapshot| !snapshot.is_idle())
    }

    /// The connection with the snapshot service stands.
    pub fn snapshot_connected(&mut self, now: Nanos) {
        // Everything that was heard before the login is older than the snapshot.
        self.mark = self.arbiter.unheard();
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.connected(now);
        }
    }
}

/// What is left of `messages` behind the first `skip`.
#[inline]
fn behind(mut messages: Messages<'_>, skip: usize) -> Messages<'_> {
    for _ in 0..skip {
        messages.next();
    }
    messages
}
