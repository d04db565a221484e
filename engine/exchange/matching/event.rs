//! What the matching core says: every change of an order, in the order in which it happened.
//!
//! Events say all that their readers need, so that a reader keeps no book: market data is `displayed` in them, the rest is
//! for the participant.

use super::command::{CancelReason, CrossKind, Display, Enter, Phase};
use crate::base::unit::Side;
use crate::exchange::unit::{Locate, MatchNumber, Participant, Price4, Reference};

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new order was taken in. What it trades, shows or loses at once follows in events of their own.
    Accepted {
        /// Its number.
        order: Reference,
        /// As it was entered.
        enter: Enter,
    },
    /// A new order was not taken in, or a replace not done (the original stays as it was).
    Rejected {
        /// Whose.
        participant: Participant,
        /// Its participant's number.
        token: u64,
        /// Why.
        reason: RejectReason,
    },
    /// A command named an order that is not live; nothing happened.
    NotLive {
        /// What it named.
        order: Reference,
    },
    /// An order gave way to a new one. The old is gone; what the new trades, shows or loses at once follows.
    Replaced {
        /// The order that is gone.
        old: Reference,
        /// The participant's number of that order.
        old_token: u64,
        /// What market data knew of it; `None` if nothing. Market data of the pair: `U` if `kept_on_display`, else `D` if this is some.
        old_displayed: Option<Reference>,
        /// The number of the new order.
        order: Reference,
        /// The new order as if it had been entered.
        enter: Enter,
        /// True if the next event about the new order is its `Displayed`, before any execution: then the two are one `U`.
        kept_on_display: bool,
    },
    /// Shares of an order are on market data from now on, at the back of the queue: ITCH `A`.
    Displayed {
        /// Which order.
        order: Resting,
        /// The number that market data knows it by: the order's own, but for a reserve order's later parts.
        displayed: Reference,
        /// How many shares show.
        shares: u32,
        /// True for the next part of a reserve order.
        refill: bool,
    },
    /// A resting order and an arriving one trade: ITCH `E` if the resting one shows, `P` if it is hidden.
    Executed {
        /// The one that was there.
        resting: Resting,
        /// The one that came.
        incoming: Resting,
        /// How many.
        shares: u32,
        /// At the resting order's price.
        price: Price4,
        /// Of this execution.
        match_number: MatchNumber,
    },
    /// An order trades in a cross: ITCH `C`, not printable, if it shows. The whole cross is printed by `Crossed`, which comes last
    /// and has the same match number.
    ExecutedInCross {
        /// Which order.
        order: Resting,
        /// How many.
        shares: u32,
        /// Of the cross.
        price: Price4,
        /// Of the cross.
        match_number: MatchNumber,
    },
    /// A cross is over: ITCH `Q`. Comes also, with no shares, if nothing traded.
    Crossed {
        /// Of which symbol.
        locate: Locate,
        /// Which.
        kind: CrossKind,
        /// Shares of one side.
        shares: u64,
        /// At which price; 0 if nothing traded.
        price: Price4,
        /// Its number.
        match_number: MatchNumber,
    },
    /// Shares of an order are cancelled: ITCH `D` if none that show are left, `X` if fewer show.
    Canceled {
        /// The order as it stands now.
        order: Resting,
        /// How many are gone.
        shares: u32,
        /// How many fewer show: 0 to `shares`.
        displayed_shares: u32,
        /// Why.
        reason: CancelReason,
    },
    /// Two orders of one participant met and did not trade: so many shares of each `Canceled` that follows for this reason.
    SelfMatchPrevented {
        /// The one that was there.
        resting: Resting,
        /// The one that came.
        incoming: Resting,
        /// Shares that would have traded.
        shares: u32,
        /// At which price.
        price: Price4,
    },
    /// A symbol changed its phase: ITCH `H`.
    PhaseSet {
        /// Which symbol.
        locate: Locate,
        /// What holds from now on.
        phase: Phase,
    },
    /// An execution was taken back: ITCH `B`.
    Broken {
        /// Which.
        match_number: MatchNumber,
        /// Of which symbol.
        locate: Locate,
    },
}

/// An order as it stands after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Its number.
    pub order: Reference,
    /// Its symbol.
    pub locate: Locate,
    /// Whose it is.
    pub participant: Participant,
    /// The participant's own number for it.
    pub token: u64,
    /// Buy or sell.
    pub side: Side,
    /// Its limit; [`Price4::MAX`] or 0 for a market order to buy or to sell.
    pub price: Price4,
    /// Shares left, hidden ones included; 0: it is gone.
    pub open: u32,
    /// Who sees it.
    pub display: Display,
    /// What market data knows it by now, or knew it by until this event; `None` if it does not show.
    pub displayed: Option<Reference>,
    /// How many shares show after the event.
    pub shown: u32,
}

/// Why an order was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// No such symbol.
    UnknownSymbol,
    /// Shares out of range, or a reserve's part that is not less than them, or too small a part of them.
    Quantity,
    /// No limit where one is needed, or a price out of range.
    Price,
    /// A minimum above the shares, or on an order that would rest and show.
    Minimum,
    /// The symbol is halted.
    Halted,
    /// The symbol is closed, or its cross is over.
    Closed,
    /// No room for another order.
    NoRoom,
    /// Terms that exclude each other: post-only and immediate, a market order that would rest in the book.
    Terms,
}
