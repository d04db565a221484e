//! Nasdaq TotalView-ITCH 5.0: all 23 messages, viewed in place.
//!
//! A message is a struct of bytes with the wire's layout, so that [`Message::parse`] only checks type and length and
//! hands out a reference, and `as_bytes` (`zerocopy::IntoBytes`) is the encoding. All numbers are big-endian and unsigned.
//! Enumerated fields stay bytes: they are open sets, and a value that is not in [`code`] is kept as it came.
//!
//! To write a message, name its fields over a blank one:
//!
//! ```
//! use coretick::wire::itch::{AddOrder, code};
//! use zerocopy::IntoBytes;
//!
//! let order = AddOrder {
//!     order_reference_number: 7.into(),
//!     buy_sell_indicator: code::side::BUY,
//!     shares: 100.into(),
//!     price: 1_500_000.into(),
//!     ..AddOrder::new(1, 34_200_000_000_000)
//! };
//! assert_eq!(order.as_bytes()[0], b'A');
//! ```

pub mod code;
mod message;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use crate::base::instrument::Symbol as Stock;
pub use message::*;

use super::blank::Blank;
use std::fmt;
use zerocopy::byteorder::big_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The longest message.
pub const LENGTH_MAX: usize = 50;

/// Nanoseconds since midnight in New York, 48 bits.
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
pub struct Timestamp(pub [u8; 6]);

impl Timestamp {
    /// The timestamp of `nanos` since midnight; bits above the 48th are cut off.
    pub const fn from_nanos(nanos: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = nanos.to_be_bytes();
        Self([a, b, c, d, e, f])
    }

    /// Nanoseconds since midnight.
    #[inline]
    pub const fn nanos(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.nanos())
    }
}

/// The first 11 bytes of every message.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Head {
    /// Which message it is.
    pub message_type: u8,
    /// The day's number of the security, announced by its directory message; 0 where there is none.
    pub stock_locate: U16,
    /// The exchange's own; means nothing here.
    pub tracking_number: U16,
    /// When.
    pub timestamp: Timestamp,
}

impl Head {
    /// A head with tracking number 0.
    pub const fn new(message_type: u8, stock_locate: u16, timestamp: u64) -> Self {
        Self {
            message_type,
            stock_locate: U16::new(stock_locate),
            tracking_number: U16::ZERO,
            timestamp: Timestamp::from_nanos(timestamp),
        }
    }
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There are no bytes.
    Empty,
    /// No message of ITCH 5.0 has this type byte.
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The length is not that of the type.
    WrongLength {
        /// The type byte.
        kind: u8,
        /// The length of such a message.
        expected: usize,
        /// The length of the bytes.
        found: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("no bytes where an ITCH message should be"),
            Self::UnknownType { kind } => {
                write!(f, "no ITCH 5.0 message has type '{}'", kind.escape_ascii())
            }
            Self::WrongLength { kind, expected, found } => {
                let kind = kind.escape_ascii();
                write!(f, "ITCH message '{kind}' has {expected} bytes, not {found}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// The time of a message in nanoseconds since midnight, whatever its type; 0 if it is too short to have one.
#[inline]
pub fn frame_time(bytes: &[u8]) -> u64 {
    match bytes.get(5..11).and_then(|slice| slice.try_into().ok()) {
        Some(time) => Timestamp(time).nanos(),
        None => 0,
    }
}
