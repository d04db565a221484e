//! A byte stream in, whole packets out.
//!
//! The bytes lie in one buffer that is made at the start and never grows. A socket reads straight into it
//! ([`space`](Reader::space), [`filled`](Reader::filled)); frames are handed out where they lie. The only copy is that of
//! what is left at the end of the buffer to its front, and never of more than was handed out before, unless there
//! is no other way to make room.

use super::{PACKET_MAX, PREFIX};
use crate::wire::frame;
use std::fmt;

/// Cuts a stream into frames: packets without their lengths.
#[derive(Debug)]
pub struct Reader {
    buffer: Box<[u8]>,
    /// Where the bytes that are not yet handed out begin and end; `start <= end <= buffer.len()`.
    start: usize,
    end: usize,
    /// Bytes of the stream before `start`.
    offset: u64,
    fault: Option<StreamError>,
}

/// Why a stream cannot be read on: where packets begin is lost. The connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// A packet of length 0, which leaves no room for a type.
    ZeroLength {
        /// Bytes of the stream before it.
        offset: u64,
    },
    /// A packet that is longer than the buffer.
    TooLong {
        /// Bytes of the stream before it.
        offset: u64,
        /// Its bytes.
        length: usize,
        /// Bytes of the buffer.
        room: usize,
    },
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ZeroLength { offset } => {
                write!(f, "a SoupBinTCP packet of length 0 at byte {offset} of the stream")
            }
            Self::TooLong { offset, length, room } => {
                write!(
                    f,
                    "the SoupBinTCP packet at byte {offset} of the stream has {length} bytes, room is for {room}"
                )
            }
        }
    }
}

impl std::error::Error for StreamError {}

impl Reader {
    /// Room for any packet, and for reading on while the last bytes of one are awaited.
    pub const CAPACITY: usize = (2 * PACKET_MAX).next_power_of_two();

    /// A buffer of `capacity` bytes: the longest packet that will be read, better several times that.
    ///
    /// # Panics
    /// If it holds no packet at all.
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > PREFIX, "a packet has a length and a type");
        let buffer = vec![0; capacity].into_boxed_slice();
        Self { buffer, start: 0, end: 0, offset: 0, fault: None }
    }

    /// Where the next bytes of the stream go. Not empty if no frame is waiting to be handed out; empty after an error.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        if self.fault.is_some() {
            return &mut [];
        }
        let left = self.end - self.start;
        if self.start > 0 && (left <= self.start || self.end == self.buffer.len()) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, left);
        }
        &mut self.buffer[self.end..]
    }

    /// `count` bytes were written to the front of [`space`](Self::space).
    ///
    /// # Panics
    /// If there was no room for them.
    #[inline]
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.buffer.len() - self.end, "more bytes than there was room for");
        self.end += count;
    }

    /// Copy as many of `bytes` into the buffer as there is room for, and say how many. At least one, if there are any, no
    /// frame is waiting to be handed out, and there was no error.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let space = self.space();
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.filled(count);
        count
    }

    /// The next packet without its length; `None` until its last byte is there. An error comes again on every call.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, StreamError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let bytes = &self.buffer[self.start..self.end];
        let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = PREFIX + usize::from(u16::from_be_bytes(*prefix));
        if length == PREFIX || length > self.buffer.len() {
            let (offset, room) = (self.offset, self.buffer.len());
            let fault = match length {
                PREFIX => StreamError::ZeroLength { offset },
                _ => StreamError::TooLong { offset, length, room },
            };
            self.fault = Some(fault);
            return Err(fault);
        }
        let Some((frame, _)) = frame::split(bytes) else { return Ok(None) };
        self.start += length;
        self.offset += length as u64;
        Ok(Some(frame))
    }

    /// Bytes of the stream that were handed out, lengths among them.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes that came and were not handed out. If it is not 0 where a stream ends, its last packet is cut.
    pub const fn pending(&self) -> usize {
        self.end - self.start
    }

    /// Begin anew with another stream, in the same buffer.
    pub const fn reset(&mut self) {
        (self.start, self.end, self.offset, self.fault) = (0, 0, 0, None);
    }
}
