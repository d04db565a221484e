//! What the matching core is told: one command at a time, checked for form by whoever took it in.

use crate::base::unit::Side;
use crate::exchange::unit::{Locate, MatchNumber, Participant, Price4, Reference};

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new order.
    Enter(Enter),
    /// A live order gives way to a new one of the same side, symbol and participant.
    Replace(Replace),
    /// A live order shrinks in place, and keeps its priority.
    Reduce {
        /// Which.
        order: Reference,
        /// Shares that stay open, hidden ones included; 0 cancels the order. Not below what is open: nothing happens.
        open: u32,
        /// Told to the participant.
        reason: CancelReason,
    },
    /// All orders of a participant are cancelled, oldest first.
    CancelAll {
        /// Whose.
        participant: Participant,
        /// Of which symbol; of all if `None`.
        locate: Option<Locate>,
        /// Of which side; of both if `None`.
        side: Option<Side>,
        /// Told to the participant.
        reason: CancelReason,
    },
    /// A symbol changes its phase. To `Open` without a cross only from a book that is not crossed: else it is a cross.
    SetPhase {
        /// Which symbol.
        locate: Locate,
        /// What holds from now on.
        phase: Phase,
    },
    /// An auction: all that can trade trades at one price. The phase stays as it is.
    Cross {
        /// Which symbol.
        locate: Locate,
        /// Which cross: orders of `CrossSession` on-open and on-close take part in theirs only, and what is left of them is cancelled.
        kind: CrossKind,
        /// Nearest to it wins among prices that trade as much and leave as little: the last price, say.
        near: Price4,
    },
    /// An execution is taken back. No order comes alive again.
    Break {
        /// Which.
        match_number: MatchNumber,
        /// Its symbol.
        locate: Locate,
    },
}

/// A new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enter {
    /// Its symbol.
    pub locate: Locate,
    /// Whose it is.
    pub participant: Participant,
    /// The participant's own number for it: comes back in every event about the order, and means nothing here.
    pub token: u64,
    /// Buy or sell.
    pub side: Side,
    /// The price and the shares, and how they trade.
    pub terms: Terms,
    /// Which cross it is for.
    pub session: CrossSession,
    /// What happens when it would meet an order of its own participant.
    pub self_match: SelfMatch,
}

/// The part of an order that a replace says anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The limit: `None` for a market order.
    pub limit: Option<Price4>,
    /// Shares, 1 to 999,999.
    pub shares: u32,
    /// What becomes of shares that do not trade at once.
    pub lasts: Lasts,
    /// Who sees it.
    pub display: Display,
    /// It must not take liquidity: what would trade at once is cancelled instead.
    pub post_only: bool,
    /// Fewest shares of one arrival, counted over all orders that it meets; 0 or 1: any. Immediate orders: fewer are
    /// cancelled untraded (all of them: fill or kill). Resting ones must be hidden: an arrival with less passes them by;
    /// an order with less than that left needs only what is left.
    pub minimum: u32,
}

/// A replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replace {
    /// The live order that gives way.
    pub order: Reference,
    /// The participant's own number for the new one.
    pub token: u64,
    /// The new terms; `terms.shares` are the shares open from now on. A replace always goes to the back of the queue, as market
    /// data's `U` says it does; what keeps its place is [`Command::Reduce`].
    pub terms: Terms,
    /// What happens when the new one would meet an order of its own participant: what held for the old one is forgotten.
    pub self_match: SelfMatch,
}

/// Who sees an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// All of it is on market data.
    Full,
    /// Nothing of it is. At a price it waits behind all that is displayed.
    Hidden,
    /// A reserve order: so many shares are on market data, more follow when they are gone, each time at the back of the queue and
    /// under a new reference. At least 1, less than the shares, and not less than a thousandth of them.
    Reserve(u32),
}

/// What becomes of shares that do not trade at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// They rest in the book.
    Day,
    /// They are cancelled.
    Immediate,
}

/// Which cross an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossSession {
    /// None: it trades continuously, and in every cross that finds it in the book.
    Continuous,
    /// The opening cross only: it is not in the book.
    Opening,
    /// The closing cross only: it is not in the book.
    Closing,
}

/// What happens when an order would meet another one of its participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfMatch {
    /// They trade.
    Allow,
    /// The order in the book is cancelled.
    CancelResting,
    /// What is left of the arriving order is cancelled.
    CancelIncoming,
    /// Both lose the shares of the smaller one.
    DecrementBoth,
}

/// What orders of a symbol may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Orders rest; nothing trades, immediate orders are cancelled.
    Quoting,
    /// Continuous trading.
    Open,
    /// Halted: as `Quoting`, and immediate orders are rejected.
    Halted,
    /// No new orders; cancels are taken.
    Closed,
}

/// Which cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossKind {
    /// The opening cross.
    Opening,
    /// The closing cross.
    Closing,
    /// The cross after a halt.
    Halt,
}

/// Why shares were cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// The participant asked.
    Requested,
    /// An immediate order found no more.
    Immediate,
    /// The order would have met its own participant.
    SelfMatch,
    /// A post-only order would have taken.
    PostOnly,
    /// Its time ran out, or its cross is over.
    Expired,
    /// A replace with bad terms: the original goes, the replacement never was.
    BadReplace,
    /// The exchange's operator, or the end of the participant's session.
    Supervisory,
    /// The order book has no room for what is left.
    NoRoom,
}
