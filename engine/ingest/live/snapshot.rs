//! The client of the snapshot service: a SoupBinTCP session without its socket.
//!
//! It logs in, hands out the session's messages, and is over with the connection. Which of them is the last is not its
//! business. A connection that fails is tried again after a pause, which doubles; [`SnapshotClient::done`] says that it
//! served its purpose.
#![forbid(unsafe_code)]

use crate::base::unit::Nanos;
use crate::wire::soup::secret::Secret;
use crate::wire::soup::{
    ClientEvent, ClientSession, Due, LoginRequest, Packet, Reader, SessionName, Username,
};

const SECOND: Nanos = Nanos(1_000_000_000);
/// Whoever is not connected, or not logged in, after so long is given up.
const CONNECT_WITHIN: Nanos = Nanos(5 * SECOND.0);
/// Between two attempts, at first and at most.
const PAUSE_MIN: Nanos = Nanos(SECOND.0 / 10);
const PAUSE_MAX: Nanos = Nanos(5 * SECOND.0);
/// More than a login and a heartbeat take up.
const UNSENT: usize = 128;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody wants a snapshot.
    Idle,
    /// A connection is to be made, at the time.
    Waiting(Nanos),
    /// It is being made, since.
    Connecting(Nanos),
    /// The login was sent, when.
    LoggingIn(Nanos),
    /// Messages come.
    Reading,
}

/// What the service says.
pub(super) enum Said<'a> {
    /// Nothing of interest.
    Nothing,
    /// The login was accepted: what follows is the snapshot.
    Accepted,
    /// Its next message.
    Message(&'a [u8]),
}

/// A client.
pub struct SnapshotClient {
    username: Username,
    secret: Secret,
    phase: Phase,
    session: ClientSession,
    reader: Reader,
    unsent: [u8; UNSENT],
    waiting: usize,
    /// Whole packets may wait in the reader.
    fresh: bool,
    closing: bool,
    /// It served its purpose.
    finished: bool,
    failed: bool,
    pause: Nanos,
    failures: u64,
}

impl SnapshotClient {
    /// One who logs in as `username`.
    pub fn new(username: Username, secret: Secret) -> Self {
        Self {
            username,
            secret,
            phase: Phase::Idle,
            session: ClientSession::new(Nanos(0)),
            reader: Reader::new(Reader::CAPACITY),
            unsent: [0; UNSENT],
            waiting: 0,
            fresh: false,
            closing: false,
            finished: false,
            failed: false,
            pause: PAUSE_MIN,
            failures: 0,
        }
    }

    /// A snapshot is wanted.
    pub(super) fn want(&mut self, now: Nanos) {
        if self.phase == Phase::Idle {
            self.phase = Phase::Waiting(now);
            self.pause = PAUSE_MIN;
        }
    }

    /// Whether a snapshot is wanted, or under way.
    pub(super) fn is_wanted(&self) -> bool {
        self.phase != Phase::Idle && !self.finished
    }

    /// Whether there is nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// No snapshot is wanted, or no more of it.
    pub(super) fn done(&mut self) {
        if self.is_connected() {
            (self.closing, self.finished) = (true, true);
        } else {
            self.phase = Phase::Idle;
        }
    }

    /// This attempt took too long: the connection is closed, and the next one is made soon.
    pub(super) fn restart(&mut self, now: Nanos) {
        self.pause = PAUSE_MIN;
        if self.is_connected() {
            self.closing = true;
        } else if self.is_wanted() {
            self.phase = Phase::Waiting(now);
        }
    }

    /// Whether the last attempt came to nothing, and no other has served since.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// Attempts that came to nothing.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connecting(_) | Phase::LoggingIn(_) | Phase::Reading)
    }

    /// Whether the connection is to be made now.
    pub fn wants_connection(&self, now: Nanos) -> bool {
        matches!(self.phase, Phase::Waiting(at) if at <= now)
    }

    /// It is being made.
    pub fn connecting(&mut self, now: Nanos) {
        self.phase = Phase::Connecting(now);
    }

    /// It stands: the login goes out.
    pub(super) fn connected(&mut self, now: Nanos) {
        self.session = ClientSession::new(now);
        self.reader.reset();
        self.fresh = false;
        self.waiting = 0;
        // Blank: whichever session is running.
        let login = Packet::LoginRequest(LoginRequest {
            username: self.username,
            password: self.secret.password(),
            session: SessionName::BLANK,
            sequence: 1,
            heartbeat_timeout_ms: None,
        });
        self.say(&login, now);
        self.phase = Phase::LoggingIn(now);
    }

    /// It is gone, or was not made.
    pub fn closed(&mut self, now: Nanos) {
        self.closing = false;
        self.failed = !std::mem::replace(&mut self.finished, false);
        if !self.failed {
            self.phase = Phase::Idle;
            return;
        }
        self.failures += 1;
        self.phase = Phase::Waiting(now.plus(self.pause));
        self.pause = Nanos(2 * self.pause.0).min(PAUSE_MAX);
    }

    /// Whether it is to be closed from here.
    pub fn wants_close(&self) -> bool {
        self.closing
    }

    /// Where the next bytes of the stream go.
    pub fn space(&mut self) -> &mut [u8] {
        self.reader.space()
    }

    /// Whether bytes came that were not yet made anything of.
    pub fn has_more(&self) -> bool {
        self.fresh
    }

    /// So many came.
    pub fn filled(&mut self, count: usize) {
        self.reader.filled(count);
        self.fresh = count > 0;
    }

    /// Bytes to send.
    pub fn unsent(&self) -> &[u8] {
        &self.unsent[..self.waiting]
    }

    /// So many of them were taken.
    pub fn sent(&mut self, count: usize) {
        let count = count.min(self.waiting);
        self.unsent.copy_within(count..self.waiting, 0);
        self.waiting -= count;
    }

    /// The next thing that the service says; `None` if nothing is there.
    pub(super) fn next(&mut self, now: Nanos) -> Option<Said<'_>> {
        let Self { phase, session, reader, closing, fresh, .. } = self;
        if *closing || !matches!(phase, Phase::LoggingIn(_) | Phase::Reading) {
            return None;
        }
        let event = match reader.next_frame() {
            Ok(None) => {
                *fresh = false;
                return None;
            }
            Ok(Some(frame)) => Packet::parse(frame).ok().map(|it| session.on_packet(&it, now)),
            Err(_) => None,
        };
        match event {
            Some(Ok(ClientEvent::Nothing | ClientEvent::Unsequenced(_))) => Some(Said::Nothing),
            Some(Ok(ClientEvent::Accepted(_))) => {
                *phase = Phase::Reading;
                Some(Said::Accepted)
            }
            Some(Ok(ClientEvent::Sequenced { message, .. })) => Some(Said::Message(message)),
            // Who has heard the last message has called `done`.
            Some(Ok(ClientEvent::Rejected(_) | ClientEvent::Ended) | Err(_)) | None => {
                *closing = true;
                None
            }
        }
    }

    /// Time passes.
    pub(super) fn turn(&mut self, now: Nanos) {
        match self.phase {
            Phase::Connecting(since) | Phase::LoggingIn(since)
                if now.since(since) >= CONNECT_WITHIN =>
            {
                self.closing = true;
            }
            Phase::LoggingIn(_) | Phase::Reading => match self.session.poll(now) {
                Due::Nothing => {}
                Due::Heartbeat => self.say(&Packet::ClientHeartbeat, now),
                Due::Close(_) => self.closing = true,
            },
            _ => {}
        }
    }

    /// Says it, if there is room: what waits then is as good a sign of life.
    fn say(&mut self, packet: &Packet<'_>, now: Nanos) {
        if let Ok(count) = packet.write(&mut self.unsent[self.waiting..]) {
            self.waiting += count;
            self.session.on_sent(packet, now);
        }
    }
}
