//! Nasdaq OUCH 5.0, both ways: orders in, what became of them out.
//!
//! A message is a fixed part, viewed in place as a struct of bytes with the wire's layout, and an [`Appendage`] of optional
//! fields, each with its length and tag. [`Inbound`] is what a client says, [`Outbound`] what the exchange answers; the
//! same type byte can mean one thing one way and another the other way. All numbers are big-endian; enumerated fields stay
//! bytes, and a value that is not in [`code`] is kept as it came.
//!
//! Some messages always say how long their appendage is, some may end before it, two never have one ([`Presence`]). What
//! may be absent is read both ways, and written only if there is something in it.
//!
//! ```
//! use coretick::wire::ouch::{AppendageBuilder, EnterOrder, Inbound, TagValue, code};
//!
//! let order = EnterOrder {
//!     user_ref_num: 1.into(),
//!     side: code::side::BUY,
//!     quantity: 100.into(),
//!     ..EnterOrder::BLANK
//! };
//! let mut options = AppendageBuilder::new();
//! options.push(TagValue::PostOnly(code::post_only::YES)).unwrap();
//! let mut packet = [0; 64];
//! let length = Inbound::EnterOrder(&order, options.appendage()).write(&mut packet).unwrap();
//! assert_eq!((length, packet[0]), (50, b'O'));
//! ```

mod appendage;
pub mod code;
mod inbound;
mod message;
mod outbound;
mod price;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use crate::base::instrument::Symbol;
pub use appendage::{
    Appendage, AppendageBuilder, AppendageFull, TAGS, TagError, TagValue, TagValues,
};
pub use inbound::*;
pub use message::{Error, Layout, NoRoom, Presence};
pub use outbound::*;
pub use price::{PriceError, WireOffset, WirePrice};

/// The bytes of a client's own name for an order: echoed, never interpreted.
pub type ClOrdId = [u8; 14];
/// A firm: a market participant's four letters, padded with spaces; blank: the port's own.
pub type Firm = [u8; 4];
