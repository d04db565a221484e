//! The matching core: command in, events out. No I/O, no clock, and no allocation after start.
//!
//! Priority: price, then what shows before what is hidden, then time. An arriving order trades at the resting order's price.
//! A reserve order whose shown part is gone shows its next part at once, behind all that shows at its price.

mod command;
mod event;

pub use command::*;
pub use event::*;
