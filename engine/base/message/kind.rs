//! What messages say, where they come from, and their bits. A number is never used twice: files keep them.

use super::super::unit::open_set;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

open_set! {
    /// What a message says. One numbering for all messages; a number is never used twice.
    Kind {
        /// In a ring: no message keyed below the one written here will come.
        PROMISE = 1, "promise";

        /// Market: an instrument is announced; `code` is its trading category.
        DIRECTORY = 16, "directory";
        /// Market: the session enters a phase (`code`: ITCH's event code); for every instrument.
        SESSION = 17, "session";
        /// Market: the instrument's trading state (`code`: ITCH's H T P Q).
        TRADING = 18, "trading";
        /// Market: operational halt (`code`: H halted, T resumed).
        HALT = 19, "halt";
        /// Market: an order enters the book.
        ADD = 20, "add";
        /// Market: an order executed at its price.
        EXECUTE = 21, "execute";
        /// Market: an order executed at `price`; flag `PRINTABLE` tells whether it counts as volume.
        EXECUTE_AT = 22, "execute-at";
        /// Market: part of an order is cancelled.
        CANCEL = 23, "cancel";
        /// Market: an order leaves the book.
        DELETE = 24, "delete";
        /// Market: `reference` leaves, `other` enters on the same side with a new priority.
        REPLACE = 25, "replace";
        /// Market: a trade against a hidden order; the book is unchanged.
        TRADE = 26, "trade";
        /// Market: a cross traded.
        CROSS = 27, "cross";
        /// Market: the trade of match number `other` is void. Report: the trade of `qty` at `price` is void: the position goes
        /// back, the order does not.
        BROKEN = 28, "broken";
        /// Market: `qty` in `other` orders (0: not told) is all that stands at `price` now; for feeds without orders.
        LEVEL = 29, "level";
        /// Market: the feed misses something, so no book can be vouched for until `WHOLE`; for every instrument.
        GAP = 30, "gap";
        /// Market: nothing is missing any more: every book is as the venue's; for every instrument.
        WHOLE = 31, "whole";

        /// Market: time passed.
        TICK = 32, "tick";
        /// Market, Intent, Order: stop: refuse what is new, cancel what is open.
        KILL = 33, "kill";
        /// Market: all books are emptied, because what follows tells them from the beginning; for every instrument.
        CLEAR = 34, "clear";
        /// Market: no strategy decides any more; what is open is cancelled, and positions are traded down to none.
        FLATTEN = 35, "flatten";
        /// Market: no strategy decides any more; what is open, others see to.
        QUIET = 36, "quiet";
        /// Market, Intent: a scope may only reduce its positions.
        REDUCE_ONLY = 37, "reduce-only";
        /// Market, Intent: a scope trades again.
        RESUME = 38, "resume";
        /// Market, Intent: other limits are in force from here on.
        LIMITS = 39, "limits";
        /// Market: the price test of short sales (`code`: ITCH's 0 off, 1 on, 2 still on).
        SHORT_SALE = 40, "short-sale";

        /// Market at the venue, Intent, Order: a new order.
        NEW = 48, "new";
        /// Market at the venue, Intent, Order: cancel `target`.
        CANCEL_ORDER = 49, "cancel-order";
        /// Market at the venue, Intent, Order: `order` takes the place of `target`.
        REPLACE_ORDER = 50, "replace-order";
        /// Intent, Order: cancel what is open of the shard's orders in a scope.
        CANCEL_ALL = 51, "cancel-all";
        /// Intent: the market of an instrument in which there is a position.
        MARK = 52, "mark";

        /// Report: route handed the order to the venue.
        SENT = 64, "sent";
        /// Report: risk or route refused; `code` says why, `limit` and `value` with which numbers.
        REFUSED = 65, "refused";
        /// Report: the venue took the order; `leaves` is open.
        ACCEPTED = 66, "accepted";
        /// Report: `quantity` traded at `price`; `leaves` is still open.
        FILLED = 67, "filled";
        /// Report: `quantity` is no longer open; `leaves` is.
        CANCELED = 68, "canceled";
        /// Report: `order` stands in the place of `target`, which is gone.
        REPLACED = 69, "replaced";
        /// Report: the venue refused the order.
        REJECTED = 70, "rejected";
        /// Report: the venue did not cancel or replace `target`: it is not open, or `code` says why else.
        TOO_LATE = 71, "too-late";
        /// Report: a mark was taken in; `code` says whether what the strategy has open is to be cancelled.
        MARKED = 72, "marked";
        /// Record: the final state of an order.
        CLOSED = 80, "closed";
        /// Record: a scope's trading state changed; `code` says why.
        LATCHED = 81, "latched";
        /// Record: nothing is open any more in a scope that was killed; `value` is how long that took, ns.
        FLAT = 82, "flat";
        /// Record: so much of a limit is used up.
        ALERT = 83, "alert";
    }
}

open_set! {
    /// Where a message comes from; part of its key.
    Source {
        /// Refusals by risk; orders at the venue; commands.
        RISK = 0, "risk";
        /// Answers of route.
        ROUTE = 1, "route";
        /// Events of the first book shard's venue; shard n is `VENUE + n`.
        VENUE = 2, "venue";
    }
}

/// Bits of [`Header::flags`](super::Header::flags).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct Flags(pub u16);

impl Flags {
    /// The last message of its packet for this book shard: strategies decide after it.
    pub const LAST: Self = Self(1);
    /// An execution that counts as volume.
    pub const PRINTABLE: Self = Self(2);
    /// Sent by risk of its own accord (kill): counts as no intent's answer.
    pub const UNASKED: Self = Self(4);
    /// An answer to an intent: each intent gets exactly one.
    pub const ANSWER: Self = Self(8);
    /// The price test of short sales (Regulation SHO, rule 201) is in force for the instrument.
    pub const SHORT_TEST: Self = Self(16);

    pub(super) const SHARDS_AT: u32 = 8;

    /// On a message to all book shards: the last of its packet for those whose bits are set, not for the others.
    pub const fn last_for(shards: u8) -> Self {
        Self((shards as u16) << Self::SHARDS_AT)
    }

    /// Whether all bits of `flag` are set.
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// These bits and those of `flag`.
    pub const fn with(self, flag: Self) -> Self {
        Self(self.0 | flag.0)
    }
}
