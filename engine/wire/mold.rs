//! MoldUDP64: sequenced messages in datagrams, viewed in place.
//!
//! A downstream packet is a header (session, sequence of its first message, count) and so many message blocks, each a frame
//! (`wire::frame`). A count of 0 is a heartbeat, 65,535 the end of the session; both carry the sequence that comes next. A
//! message without bytes takes up a sequence as any other does. A request has the same 20 bytes and asks for messages again.
//!
//! [`Packet::parse`] looks at every block before it gives out the view: messages come out of a packet that is whole, or not
//! at all. Sessions are compared byte for byte: venues pad them differently, and some are not even printable.

use super::frame::{self, PREFIX};
use std::fmt;
use zerocopy::byteorder::big_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of the header, and of a request.
pub const HEADER: usize = 20;
/// The most messages in a packet.
pub const COUNT_MAX: u16 = END_OF_SESSION - 1;

/// The counts that are none.
const HEARTBEAT: u16 = 0;
const END_OF_SESSION: u16 = u16::MAX;

/// Which stream of sequences: the name of a session, as it came.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct Session(pub [u8; 10]);

impl fmt::Display for Session {
    /// Without its padding; what cannot be printed is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.trim_ascii().escape_ascii().fmt(f)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session(\"{}\")", self.0.escape_ascii())
    }
}

/// The 20 bytes of every packet.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Header {
    session: Session,
    sequence: U64,
    count: U16,
}

impl Header {
    fn bytes(session: Session, sequence: u64, count: u16) -> [u8; HEADER] {
        zerocopy::transmute!(Self { session, sequence: sequence.into(), count: count.into() })
    }
}

const _: () = assert!(size_of::<Header>() == HEADER, "the header has the wire's length");

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It brings messages.
    Data,
    /// The line is alive, and idle.
    Heartbeat,
    /// No message will come any more; those that were sent may still be asked for.
    EndOfSession,
}

/// A downstream packet, found to be whole.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    /// The session.
    pub session: Session,
    /// What the packet is for.
    pub kind: Kind,
    /// The sequence of its first message; without messages, the one that comes next.
    pub sequence: u64,
    /// Its messages.
    pub count: u16,
}

impl<'a> Packet<'a> {
    /// The packet that `bytes`, a whole datagram's payload, are.
    ///
    /// # Errors
    /// If `bytes` are not a header and exactly the blocks that it counts.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let Ok((header, mut rest)) = Header::ref_from_prefix(bytes) else {
            return Err(Error::TooShort { got: bytes.len() });
        };
        let (kind, count) = match header.count.get() {
            HEARTBEAT => (Kind::Heartbeat, 0),
            END_OF_SESSION => (Kind::EndOfSession, 0),
            count => (Kind::Data, count),
        };
        for block in 0..count {
            let Some((_, after)) = frame::split(rest) else {
                return Err(Error::Truncated { block, got: rest.len() });
            };
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Error::Trailing { bytes: rest.len() });
        }
        let (session, sequence) = (header.session, header.sequence.get());
        if sequence.checked_add(u64::from(count)).is_none() {
            return Err(Error::PastTheLast);
        }
        Ok(Self { bytes, session, kind, sequence, count })
    }

    /// The sequence behind its last message.
    #[inline]
    pub fn next(&self) -> u64 {
        // Parsed: that is below 2^64.
        self.sequence.saturating_add(u64::from(self.count))
    }

    /// Its messages in order, without their prefixes.
    #[inline]
    pub fn messages(&self) -> Messages<'a> {
        Messages { rest: &self.bytes[HEADER..] }
    }

    /// All of it.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// The messages of a packet.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (message, rest) = frame::split(self.rest)?;
        self.rest = rest;
        Some(message)
    }
}

/// A heartbeat: the line is alive, and `next` comes next.
pub fn heartbeat(session: Session, next: u64) -> [u8; HEADER] {
    Header::bytes(session, next, HEARTBEAT)
}

/// The end of the session, `next` being the sequence behind its last message.
pub fn end_of_session(session: Session, next: u64) -> [u8; HEADER] {
    Header::bytes(session, next, END_OF_SESSION)
}

/// A request for messages that were missed. The answer is one packet with as many as fit it: ask again for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The session.
    pub session: Session,
    /// The first message wanted.
    pub sequence: u64,
    /// How many are wanted.
    pub count: u16,
}

impl Request {
    /// The request that `bytes`, a whole datagram's payload, are. Any 20 bytes are one.
    ///
    /// # Errors
    /// If there are fewer bytes, or more.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        match Header::ref_from_prefix(bytes) {
            Err(_) => Err(Error::TooShort { got: bytes.len() }),
            Ok((_, rest)) if !rest.is_empty() => Err(Error::Trailing { bytes: rest.len() }),
            Ok((&Header { session, sequence, count }, _)) => {
                Ok(Self { session, sequence: sequence.get(), count: count.get() })
            }
        }
    }

    /// The request as bytes.
    pub fn to_bytes(self) -> [u8; HEADER] {
        Header::bytes(self.session, self.sequence, self.count)
    }
}

/// Puts a packet together in a buffer of fixed size, as long as the longest payload: nothing is allocated.
#[derive(Clone, Debug)]
pub struct Builder<B> {
    buffer: B,
    length: usize,
    count: u16,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Builder<B> {
    /// A packet without messages yet, the first of which will be `sequence`.
    ///
    /// # Panics
    /// If `buffer` does not hold a header.
    pub fn new(buffer: B, session: Session, sequence: u64) -> Self {
        let mut builder = Self { buffer, length: HEADER, count: 0 };
        builder.restart(session, sequence);
        builder
    }

    /// Begins the next packet in the same buffer.
    pub fn restart(&mut self, session: Session, sequence: u64) {
        let header = Header::bytes(session, sequence, 0);
        self.buffer.as_mut()[..HEADER].copy_from_slice(&header);
        (self.length, self.count) = (HEADER, 0);
    }

    /// Adds `message` if it fits; says whether it did.
    #[inline]
    pub fn push(&mut self, message: &[u8]) -> bool {
        let Ok(length) = u16::try_from(message.len()) else { return false };
        let start = self.length + PREFIX;
        let end = start + message.len();
        let buffer = self.buffer.as_mut();
        if end > buffer.len() || self.count == COUNT_MAX {
            return false;
        }
        buffer[self.length..start].copy_from_slice(&length.to_be_bytes());
        buffer[start..end].copy_from_slice(message);
        self.length = end;
        self.count += 1;
        buffer[HEADER - 2..HEADER].copy_from_slice(&self.count.to_be_bytes());
        true
    }

    /// Messages in it.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The packet. Without messages it is a heartbeat.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.as_ref()[..self.length]
    }
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// They do not even hold the header.
    TooShort {
        /// Bytes that are there.
        got: usize,
    },
    /// A message block is cut short.
    Truncated {
        /// Which of them, from 0.
        block: u16,
        /// Bytes that are there of it.
        got: usize,
    },
    /// There is more behind the last block.
    Trailing {
        /// So many bytes.
        bytes: usize,
    },
    /// The sequence of its last message is above what 64 bits hold.
    PastTheLast,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { got } => write!(f, "{got} bytes are no header of {HEADER}"),
            Self::Truncated { block, got } => {
                write!(f, "message block {block} is cut short after {got} bytes")
            }
            Self::Trailing { bytes } => write!(f, "{bytes} bytes behind the last message block"),
            Self::PastTheLast => write!(f, "sequences above the last there is"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
