//! What a message did to the books, for those who watch.

use crate::base::message::Kind;
use crate::base::unit::{InstrumentId, Price, Qty, Side};

/// What one message did. All zero where it did nothing.
///
/// What the book did not take (see [`Anomalies`](super::Anomalies)) is not in it: quantities are those that were
/// really added or taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The message's kind; `Kind(0)` if it changed nothing at all.
    pub kind: Kind,
    /// Whether orders, last trade, phase or the table of instruments took it in.
    pub applied: bool,
    /// Whether the instrument's best price or the quantity there changed on either side, or its phase or health;
    /// for a session's event, whether the session did, for all instruments; for what the feed says of all books, whether
    /// that changed any.
    pub top: bool,
    /// Whether the book ran out of room with this, and is stale from here on.
    pub exhausted: bool,
    /// The instrument; `NONE` for what concerns all of them.
    pub instrument: InstrumentId,
    /// The resting order's side; the message's own for levels and trades.
    pub side: Side,
    /// The resting order's price (the old one of a replace); a level's or trade's own.
    pub price: Price,
    /// The order; the old one of a replace; 0 for a level.
    pub reference: u64,
    /// Added, executed, cancelled; all that was open for a delete or replace; what a level held before; traded.
    pub qty: Qty,
    /// Still open in `reference`; what a level holds now.
    pub left: Qty,
    /// The slot of `reference`, for [`Books::arrival`](super::Books::arrival); none after a replace.
    pub(super) slot: u32,
    /// Replace: the new order, if the book took it.
    pub new_reference: u64,
    /// Replace: the new order's price.
    pub new_price: Price,
    /// Replace: the new order's quantity.
    pub new_qty: Qty,
}
