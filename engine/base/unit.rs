//! Numbers with their units. Prices, quantities, times and ids never mix by accident; money is an integer.
//!
//! All types are plain bytes (`zerocopy`), so that they can stand in messages. A byte enum is an *open
//! set*: any byte is a value, names exist for those that are known, and code that meets another one says so.
#![forbid(unsafe_code)]

use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One unit of [`Price`]: 1e-9 of the currency (Databento's convention; ITCH's 1e-4 and crypto's 1e-8 fit exactly).
pub const PRICE_SCALE: i64 = 1_000_000_000;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

number! {
    /// A price in 1e-9 of the currency. Signed: spreads and some products go below zero.
    Price(i64)
}
number! {
    /// A quantity in the instrument's smallest lot; never negative.
    Qty(u64)
}
number! {
    /// A signed quantity: long above zero, short below, in the instrument's smallest lot.
    Position(i64)
}
number! {
    /// An amount of currency in 1e-9. `i128`: an `i64` at this scale overflows at 9.2 billion.
    Money(i128)
}
number! {
    /// Nanoseconds since the Unix epoch, UTC; or a span of nanoseconds.
    Nanos(u64)
}
number! {
    /// A feed's sequence number: the packet's (live) or the message's position, from 1 (files).
    Seq(u64)
}
number! {
    /// An instrument's place in the instrument table; stable across days. `NONE` where there is none.
    InstrumentId(u32)
}
number! {
    /// An order's name: day (16 bits), book shard (8), counter (40). Unique across restarts.
    OrderId(u64)
}
number! {
    /// The account that an order is for.
    AccountId(u32)
}
number! {
    /// The strategy that decided; 0 is the engine itself (kills).
    StrategyId(u16)
}
number! {
    /// A book shard: 0 to 255.
    ShardId(u16)
}
number! {
    /// The low 32 bits of a tick counter, for latencies below its wrap (over a second); 0 means "not stamped".
    /// No decision ever depends on it.
    Stamp(u32)
}

impl Price {
    /// `ticks` of ITCH's Price(4): 1e-4 of the currency.
    pub const fn from_e4(ticks: u32) -> Self {
        Self(ticks as i64 * 100_000)
    }

    /// The price in 1e-4, rounded towards zero: ITCH's scale.
    pub const fn to_e4(self) -> i64 {
        self.0 / 100_000
    }

    /// `self x quantity`, exact.
    pub const fn notional(self, qty: Qty) -> Money {
        // 2^63 x 2^64 fits in an i128.
        Money(self.0 as i128 * qty.0 as i128)
    }
}

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `self - other`, not below zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self + other`, capped at the largest quantity.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// As a signed quantity, capped at the largest one.
    pub const fn signed(self) -> i64 {
        if self.0 > i64::MAX as u64 { i64::MAX } else { self.0 as i64 }
    }
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
}

impl fmt::Display for Money {
    /// Decimal currency, all nine places.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = PRICE_SCALE as u128;
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", units / scale, units % scale)
    }
}

impl fmt::Display for Price {
    /// Decimal currency; at least four places, up to nine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Money(self.0 as i128).to_string();
        let keep = text.trim_end_matches('0').len().max(text.len() - 5);
        f.write_str(&text[..keep])
    }
}

impl Nanos {
    /// The end of time: what never comes due.
    pub const MAX: Self = Self(u64::MAX);

    /// `self + span`, not beyond the end of time.
    pub const fn plus(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// `self - earlier`, zero if that is later.
    pub const fn since(self, earlier: Nanos) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl InstrumentId {
    /// No instrument: a message for the whole market, or one whose instrument is not known.
    pub const NONE: Self = Self(u32::MAX);

    /// Index into tables by instrument.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl OrderId {
    /// No order.
    pub const NONE: Self = Self(0);
    const COUNTER_BITS: u32 = 40;

    /// The `counter`-th order (from 1) of a book shard on a day (days since the Unix epoch, low 16 bits).
    pub const fn new(day: u16, shard: ShardId, counter: u64) -> Self {
        assert!(shard.0 < 256 && counter < 1 << Self::COUNTER_BITS);
        Self((day as u64) << 48 | (shard.0 as u64) << Self::COUNTER_BITS | counter)
    }

    /// The book shard that named it.
    pub const fn shard(self) -> ShardId {
        ShardId((self.0 >> Self::COUNTER_BITS & 0xff) as u16)
    }

    /// Its number within the shard's day, from 1.
    pub const fn counter(self) -> u64 {
        self.0 & ((1 << Self::COUNTER_BITS) - 1)
    }
}

/// A byte enum as an open set: named values, and whatever else comes.
macro_rules! open_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $value:ident = $byte:expr, $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(transparent)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$vdoc])* pub const $value: Self = Self($byte);)*

            /// The value's name, or `unknown`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                    _ => "unknown",
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", self.name(), self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use open_set;

open_set! {
    /// The side of an order. Anything but `BUY` and `SELL` is refused at the boundary.
    Side {
        /// Bid side.
        BUY = 1, "buy";
        /// Ask side.
        SELL = 2, "sell";
    }
}

impl Side {
    /// The other side.
    pub const fn opposite(self) -> Self {
        Self(3 - self.0)
    }

    /// Whether this is `BUY`.
    pub const fn is_buy(self) -> bool {
        self.0 == Self::BUY.0
    }
}

open_set! {
    /// What kind of order.
    OrderType {
        /// At its price or better.
        LIMIT = 1, "limit";
        /// At any price.
        MARKET = 2, "market";
    }
}

open_set! {
    /// How long an order stands.
    TimeInForce {
        /// Until the close.
        DAY = 1, "day";
        /// What cannot trade at once is cancelled.
        IOC = 2, "ioc";
    }
}

open_set! {
    /// Whether a book can be vouched for.
    Health {
        /// Not yet complete: late joiners catch up.
        BUILDING = 0, "building";
        /// Complete and current.
        LIVE = 1, "live";
        /// A gap is open, or a pool ran out: do not trade on it.
        STALE = 2, "stale";
    }
}

open_set! {
    /// The trading phase of an instrument.
    Phase {
        /// Before the market opens.
        PRE_OPEN = 0, "pre-open";
        /// Continuous trading.
        OPEN = 1, "open";
        /// Quotes only, before a release.
        QUOTE_ONLY = 2, "quote-only";
        /// Halted by a regulator or operationally.
        HALTED = 3, "halted";
        /// Paused (volatility).
        PAUSED = 4, "paused";
        /// After the close.
        CLOSED = 5, "closed";
    }
}

open_set! {
    /// What a sale is marked as (Regulation SHO, rule 200(g)). Purchases have none.
    Sale {
        /// As the gate finds: long where the position covers it, short where it does not.
        UNMARKED = 0, "unmarked";
        /// Of what is owned.
        LONG = 1, "long";
        /// Of what is borrowed.
        SHORT = 2, "short";
        /// The same, where the price test of short sales does not apply.
        SHORT_EXEMPT = 3, "short-exempt";
    }
}

open_set! {
    /// How wide a limit, a latch or a command reaches; each level lies within the one before.
    Level {
        /// All that the engine trades.
        FIRM = 0, "firm";
        /// One account.
        ACCOUNT = 1, "account";
        /// One strategy.
        STRATEGY = 2, "strategy";
        /// One instrument, whoever trades it.
        INSTRUMENT = 3, "instrument";
    }
}

open_set! {
    /// What a scope may do. Later is tighter.
    TradingState {
        /// Trade.
        LIVE = 0, "live";
        /// Only what can but reduce a position.
        REDUCE_ONLY = 1, "reduce-only";
        /// Nothing but cancels.
        KILLED = 2, "killed";
    }
}

open_set! {
    /// Whether a fill made or took liquidity.
    Liquidity {
        /// Our order rested.
        ADDED = b'A', "added";
        /// Our order crossed.
        REMOVED = b'R', "removed";
    }
}

open_set! {
    /// Where an order stands, as the log tells it.
    OrderState {
        /// Sent or open.
        WORKING = 1, "working";
        /// Traded in full.
        FILLED = 2, "filled";
        /// Cancelled, all or what was left.
        CANCELED = 3, "canceled";
        /// Another order took its place.
        REPLACED = 4, "replaced";
        /// Refused by risk or route: it never left.
        REFUSED = 5, "refused";
        /// Refused by the venue.
        REJECTED = 6, "rejected";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_and_money_print_as_decimal_currency() {
        assert_eq!(Price::from_e4(5_855_300).to_string(), "585.5300");
        assert_eq!(Price(1).to_string(), "0.000000001");
        assert_eq!(Price(-1_500_000_000).to_string(), "-1.5000");
        assert_eq!(Money(-1).to_string(), "-0.000000001");
        assert_eq!(Money(i128::from(i64::MIN) * 4).to_string(), "-36893488147.419103232");
    }

    #[test]
    fn an_order_id_keeps_its_parts() {
        let id = OrderId::new(65535, ShardId(255), (1 << 40) - 1);
        assert_eq!((id.shard(), id.counter(), id.0 >> 48), (ShardId(255), (1 << 40) - 1, 65535));
    }
}
