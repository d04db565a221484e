//! What both ends of a session have in common: the pulse, and why a session ends.
//!
//! Times come from any one clock that does not step back. A machine is told of every packet that came (`on_packet`) and
//! of every one that was sent (`on_sent`); `poll` says what is due and changes nothing, so that what could not be
//! sent is still due the next time. `next_due` is when to ask again if nothing happens.

use crate::base::unit::Nanos;
use std::fmt;

const SECOND: u64 = 1_000_000_000;
/// Whoever sent nothing for so long sends a heartbeat.
pub const HEARTBEAT_AFTER: Nanos = Nanos(SECOND);
/// Whoever heard nothing for so long gives the other up.
pub const SILENCE_MAX: Nanos = Nanos(15 * SECOND);
/// A client that is not logged in so long after it connected is disconnected.
pub const LOGIN_WITHIN: Nanos = Nanos(30 * SECOND);
const _: () = assert!(HEARTBEAT_AFTER.0 < SILENCE_MAX.0, "else peace and quiet ends a session");

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Send a heartbeat.
    Heartbeat,
    /// Close the connection.
    Close(Cause),
}

/// Why the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The client did not log in in time.
    NoLogin,
    /// The other end was silent for too long.
    Silence,
    /// The login was rejected.
    Rejected,
    /// The client logged out.
    LoggedOut,
    /// The session is over.
    Ended,
    /// The other end broke the protocol.
    Violation,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLogin => "no login in time",
            Self::Silence => "nothing heard for too long",
            Self::Rejected => "the login was rejected",
            Self::LoggedOut => "the client logged out",
            Self::Ended => "the session has ended",
            Self::Violation => "the other end broke the protocol",
        })
    }
}

/// How the other end broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A packet of this type comes from the other side only.
    WrongDirection {
        /// The type byte.
        kind: u8,
    },
    /// A packet of this type before the login was accepted.
    NotLoggedIn {
        /// The type byte.
        kind: u8,
    },
    /// A login, or an answer to one, for the second time.
    AlreadyLoggedIn {
        /// The type byte.
        kind: u8,
    },
    /// A packet of this type after the end of the session.
    AfterEnd {
        /// The type byte.
        kind: u8,
    },
    /// More sequenced packets than numbers for them.
    SequenceEnd,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, what) = match self {
            Self::WrongDirection { kind } => (kind, "from the wrong side"),
            Self::NotLoggedIn { kind } => (kind, "before the login"),
            Self::AlreadyLoggedIn { kind } => (kind, "after the login"),
            Self::AfterEnd { kind } => (kind, "after the end of the session"),
            Self::SequenceEnd => return f.write_str("no sequence number is left"),
        };
        write!(f, "a SoupBinTCP packet '{}' {what}", kind.escape_ascii())
    }
}

impl std::error::Error for Violation {}

/// When either end last said something, and how long each may be silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// When we last sent.
    pub(super) sent: Nanos,
    /// When we last received.
    pub(super) received: Nanos,
    /// Our silence, after which a heartbeat is due.
    pub(super) heartbeat_after: Nanos,
    /// The other's silence, after which it is given up.
    pub(super) silence_max: Nanos,
}

impl Pulse {
    pub(super) const fn new(now: Nanos) -> Self {
        Self {
            sent: now,
            received: now,
            heartbeat_after: HEARTBEAT_AFTER,
            silence_max: SILENCE_MAX,
        }
    }

    /// When a heartbeat is due.
    pub(super) const fn heartbeat_at(&self) -> Nanos {
        self.sent.plus(self.heartbeat_after)
    }

    /// When the other end is given up.
    pub(super) const fn silent_at(&self) -> Nanos {
        self.received.plus(self.silence_max)
    }
}

/// `milliseconds` as a limit of silence; 0 asks for none of its own.
pub(super) const fn silence(milliseconds: Option<u32>) -> Nanos {
    match milliseconds {
        None | Some(0) => SILENCE_MAX,
        Some(milliseconds) => Nanos(milliseconds as u64 * 1_000_000),
    }
}
