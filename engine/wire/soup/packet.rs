//! Packets, read from frames and written with their lengths.

use super::text::{Password, SessionName, Username, decimal, number};
use super::{PAYLOAD_MAX, PREFIX, TIMEOUT_MS_MAX, code::kind};
use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes before a payload: length and type.
const HEAD: usize = PREFIX + 1;

/// A packet. What follows the type byte of data is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Either way: text for people, to be ignored.
    Debug(&'a [u8]),
    /// Server: the login is accepted.
    LoginAccepted(LoginAccepted),
    /// Server: the login is rejected, for the reason given (`code::reject`); the connection is closed.
    LoginRejected(u8),
    /// Server: a message that has the next number.
    Sequenced(&'a [u8]),
    /// Server: nothing was said for a while.
    ServerHeartbeat,
    /// Server: the session has no more messages, today or later.
    EndOfSession,
    /// Client: the first packet of a connection.
    LoginRequest(LoginRequest),
    /// Either way (from a server in 4.x only): a message without a number, which is not sent again.
    Unsequenced(&'a [u8]),
    /// Client: nothing was said for a while.
    ClientHeartbeat,
    /// Client: wants to be disconnected.
    LogoutRequest,
}

/// The answer to a login that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginAccepted {
    /// The session joined.
    pub session: SessionName,
    /// The number of the next sequenced packet; the first of a session is 1.
    pub sequence: u64,
}

/// A client's wish to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginRequest {
    /// Who.
    pub username: Username,
    /// Proof of it.
    pub password: Password,
    /// Which session; blank: the one that is running.
    pub session: SessionName,
    /// The number of the first sequenced packet wanted: 1 for all that the session has, 0 for none but new ones.
    pub sequence: u64,
    /// 4.x: milliseconds of silence after which the server gives this client up, at most [`TIMEOUT_MS_MAX`].
    pub heartbeat_timeout_ms: Option<u32>,
}

impl LoginRequest {
    /// Whether `answer` gives what was asked for: the session, and no packet less or more.
    pub fn is_met_by(&self, answer: &LoginAccepted) -> bool {
        (self.session.is_blank() || self.session == answer.session)
            && (self.sequence == 0 || self.sequence == answer.sequence)
    }
}

/// The payload of a login's answer.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct AcceptedBytes {
    session: [u8; 10],
    sequence: [u8; 20],
}

/// The payload of a login; in 4.x, [`Timeout`] follows.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RequestBytes {
    username: [u8; 6],
    password: [u8; 10],
    session: [u8; 10],
    sequence: [u8; 20],
}

/// The heartbeat timeout in milliseconds.
type Timeout = [u8; 5];

// Offsets of the numbers in their packets.
const ACCEPTED_SEQUENCE: usize = HEAD + std::mem::offset_of!(AcceptedBytes, sequence);
const REQUEST_SEQUENCE: usize = HEAD + std::mem::offset_of!(RequestBytes, sequence);
const REQUEST_TIMEOUT: usize = HEAD + size_of::<RequestBytes>();
const _: () = assert!(ACCEPTED_SEQUENCE == 13 && REQUEST_SEQUENCE == 29 && REQUEST_TIMEOUT == 49);

/// Why bytes are no packet. Lengths and offsets count from the packet's first byte, its length among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There are no bytes: the length was 0, and there is no type.
    Empty,
    /// There is no packet of this type.
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The length is not that of the type.
    WrongLength {
        /// The type byte.
        kind: u8,
        /// Bytes of such a packet; of a login the shorter form.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// A field does not hold a number.
    NotANumber {
        /// The type byte.
        kind: u8,
        /// Where the field begins.
        offset: usize,
        /// Bytes of the field.
        length: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("a SoupBinTCP packet without a type"),
            Self::UnknownType { kind } => {
                write!(f, "no SoupBinTCP packet has type '{}'", kind.escape_ascii())
            }
            Self::WrongLength { kind, expected, found } => {
                let kind = kind.escape_ascii();
                write!(f, "SoupBinTCP packet '{kind}' has {expected} bytes, not {found}")
            }
            Self::NotANumber { kind, offset, length } => {
                let kind = kind.escape_ascii();
                write!(f, "{length} bytes at {offset} of SoupBinTCP packet '{kind}' are no number")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Why a packet cannot be written; nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The payload is longer than [`PAYLOAD_MAX`].
    TooLong {
        /// Its bytes.
        payload: usize,
    },
    /// The heartbeat timeout is above [`TIMEOUT_MS_MAX`].
    Timeout {
        /// Milliseconds.
        milliseconds: u32,
    },
    /// The buffer is too small.
    NoRoom {
        /// Bytes of the packet.
        needed: usize,
        /// Bytes of the buffer.
        room: usize,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLong { payload } => {
                write!(f, "a SoupBinTCP packet holds {PAYLOAD_MAX} bytes, not {payload}")
            }
            Self::Timeout { milliseconds } => {
                write!(f, "a heartbeat timeout is at most {TIMEOUT_MS_MAX} ms, not {milliseconds}")
            }
            Self::NoRoom { needed, room } => write!(f, "{needed} bytes do not fit into {room}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Length and type of a packet of `kind` with `payload` bytes after them: for those who write the payload in place.
#[inline]
pub fn head(kind: u8, payload: usize) -> Result<[u8; HEAD], WriteError> {
    if payload > PAYLOAD_MAX {
        return Err(WriteError::TooLong { payload });
    }
    let [high, low] = (1 + payload as u16).to_be_bytes();
    Ok([high, low, kind])
}

impl<'a> Packet<'a> {
    /// Read `frame`: one whole packet without its length.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Result<Self, Error> {
        let (&kind, payload) = frame.split_first().ok_or(Error::Empty)?;
        let bare = |packet| match payload {
            [] => Ok(packet),
            _ => Err(wrong_length(kind, 0, payload)),
        };
        match kind {
            kind::SEQUENCED => Ok(Self::Sequenced(payload)),
            kind::UNSEQUENCED => Ok(Self::Unsequenced(payload)),
            kind::DEBUG => Ok(Self::Debug(payload)),
            kind::SERVER_HEARTBEAT => bare(Self::ServerHeartbeat),
            kind::CLIENT_HEARTBEAT => bare(Self::ClientHeartbeat),
            kind::END_OF_SESSION => bare(Self::EndOfSession),
            kind::LOGOUT_REQUEST => bare(Self::LogoutRequest),
            kind::LOGIN_REJECTED => match payload {
                &[reason] => Ok(Self::LoginRejected(reason)),
                _ => Err(wrong_length(kind, 1, payload)),
            },
            kind::LOGIN_ACCEPTED => LoginAccepted::parse(payload).map(Self::LoginAccepted),
            kind::LOGIN_REQUEST => LoginRequest::parse(payload).map(Self::LoginRequest),
            _ => Err(Error::UnknownType { kind }),
        }
    }

    /// Its type byte.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Debug(_) => kind::DEBUG,
            Self::LoginAccepted(_) => kind::LOGIN_ACCEPTED,
            Self::LoginRejected(_) => kind::LOGIN_REJECTED,
            Self::Sequenced(_) => kind::SEQUENCED,
            Self::ServerHeartbeat => kind::SERVER_HEARTBEAT,
            Self::EndOfSession => kind::END_OF_SESSION,
            Self::LoginRequest(_) => kind::LOGIN_REQUEST,
            Self::Unsequenced(_) => kind::UNSEQUENCED,
            Self::ClientHeartbeat => kind::CLIENT_HEARTBEAT,
            Self::LogoutRequest => kind::LOGOUT_REQUEST,
        }
    }

    /// Bytes of the whole packet, its length among them.
    pub const fn length(&self) -> usize {
        HEAD + match self {
            Self::Debug(payload) | Self::Sequenced(payload) | Self::Unsequenced(payload) => {
                payload.len()
            }
            Self::LoginAccepted(_) => size_of::<AcceptedBytes>(),
            Self::LoginRejected(_) => 1,
            Self::LoginRequest(LoginRequest { heartbeat_timeout_ms: None, .. }) => {
                size_of::<RequestBytes>()
            }
            Self::LoginRequest(_) => size_of::<RequestBytes>() + size_of::<Timeout>(),
            Self::ServerHeartbeat
            | Self::EndOfSession
            | Self::ClientHeartbeat
            | Self::LogoutRequest => 0,
        }
    }

    /// Write it, its length before it, to the front of `out`, and say how many bytes it took. Numbers are padded on the
    /// left.
    #[inline]
    pub fn write(&self, out: &mut [u8]) -> Result<usize, WriteError> {
        let (head, needed, room) = (self.head()?, self.length(), out.len());
        let out = out.get_mut(..needed).ok_or(WriteError::NoRoom { needed, room })?;
        self.fill(head, out);
        Ok(needed)
    }

    /// Append it, its length before it, to `out`, which grows only if it has to.
    pub fn append(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let (head, start) = (self.head()?, out.len());
        out.resize(start + self.length(), 0);
        self.fill(head, &mut out[start..]);
        Ok(())
    }

    /// Its head, if it can be written.
    #[inline]
    fn head(&self) -> Result<[u8; HEAD], WriteError> {
        if let Self::LoginRequest(LoginRequest { heartbeat_timeout_ms: Some(timeout), .. }) = *self
            && timeout > TIMEOUT_MS_MAX
        {
            return Err(WriteError::Timeout { milliseconds: timeout });
        }
        head(self.kind(), self.length() - HEAD)
    }

    /// Write it into `out`, which has just its length.
    #[inline]
    fn fill(&self, head: [u8; HEAD], out: &mut [u8]) {
        let (front, out) = out.split_at_mut(HEAD);
        front.copy_from_slice(&head);
        match self {
            Self::Debug(payload) | Self::Sequenced(payload) | Self::Unsequenced(payload) => {
                out.copy_from_slice(payload);
            }
            Self::LoginRejected(reason) => out.copy_from_slice(&[*reason]),
            Self::LoginAccepted(answer) => answer.fill(out),
            Self::LoginRequest(request) => request.fill(out),
            Self::ServerHeartbeat
            | Self::EndOfSession
            | Self::ClientHeartbeat
            | Self::LogoutRequest => {}
        }
    }
}

impl LoginAccepted {
    #[cold]
    fn parse(payload: &[u8]) -> Result<Self, Error> {
        let kind = kind::LOGIN_ACCEPTED;
        let bytes = AcceptedBytes::ref_from_bytes(payload)
            .map_err(|_| wrong_length(kind, size_of::<AcceptedBytes>(), payload))?;
        Ok(Self {
            session: SessionName(bytes.session),
            sequence: read(kind, ACCEPTED_SEQUENCE, &bytes.sequence)?,
        })
    }

    fn fill(&self, out: &mut [u8]) {
        let bytes = AcceptedBytes { session: self.session.0, sequence: decimal(self.sequence) };
        out.copy_from_slice(bytes.as_bytes());
    }
}

impl LoginRequest {
    #[cold]
    fn parse(payload: &[u8]) -> Result<Self, Error> {
        let kind = kind::LOGIN_REQUEST;
        let wrong = || wrong_length(kind, size_of::<RequestBytes>(), payload);
        let (bytes, rest) = RequestBytes::ref_from_prefix(payload).map_err(|_| wrong())?;
        let timeout = match rest {
            [] => None,
            rest if rest.len() == size_of::<Timeout>() => {
                // Five digits fit in 32 bits.
                Some(read(kind, REQUEST_TIMEOUT, rest)? as u32)
            }
            _ => return Err(wrong()),
        };
        Ok(Self {
            username: Username(bytes.username),
            password: Password(bytes.password),
            session: SessionName(bytes.session),
            sequence: read(kind, REQUEST_SEQUENCE, &bytes.sequence)?,
            heartbeat_timeout_ms: timeout,
        })
    }

    fn fill(&self, out: &mut [u8]) {
        let bytes = RequestBytes {
            username: self.username.0,
            password: self.password.0,
            session: self.session.0,
            sequence: decimal(self.sequence),
        };
        let (front, rest) = out.split_at_mut(size_of::<RequestBytes>());
        front.copy_from_slice(bytes.as_bytes());
        if let Some(timeout) = self.heartbeat_timeout_ms {
            rest.copy_from_slice(&decimal::<{ size_of::<Timeout>() }>(u64::from(timeout)));
        }
    }
}

/// The number in the field at `offset` of a packet of `kind`.
fn read(kind: u8, offset: usize, field: &[u8]) -> Result<u64, Error> {
    number(field).ok_or(Error::NotANumber { kind, offset, length: field.len() })
}

/// A packet of `kind` whose payload should have `expected` bytes.
fn wrong_length(kind: u8, expected: usize, payload: &[u8]) -> Error {
    Error::WrongLength { kind, expected: HEAD + expected, found: HEAD + payload.len() }
}
