//! The 23 messages, declared once: from each declaration come its struct, its arm of the parser and its row in the tests.
//!
//! Prices are in 1e-4 of the dollar (`U32`), decline levels in 1e-8 (`U64`), quantities in shares.

use super::{Blank, Error, Head, Stock};
use zerocopy::byteorder::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// From each declaration: the struct, its size assured at compile time, a constructor, and its part of [`Message`].
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $length:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
            #[repr(C)]
            pub struct $name {
                /// Type, locate code, tracking number and time.
                pub head: Head,
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl $name {
                /// Its type byte.
                pub const KIND: u8 = $kind;

                /// Such a message with 0 in its numbers and spaces in its text. `timestamp` is in nanoseconds since midnight.
                pub const fn new(stock_locate: u16, timestamp: u64) -> Self {
                    Self {
                        head: Head::new($kind, stock_locate, timestamp),
                        $($field: <$type as Blank>::BLANK,)*
                    }
                }
            }

            const _: () = assert!(size_of::<$name>() == $length && $length <= super::LENGTH_MAX);
        )*

        /// The type bytes of all messages.
        pub const KINDS: [u8; 23] = [$($kind),*];

        /// The length of a message of type `kind`; `None` if there is no such type.
        #[inline]
        pub const fn length(kind: u8) -> Option<usize> {
            match kind {
                $($kind => Some($length),)*
                _ => None,
            }
        }

        /// A message, viewed where its bytes are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message<'a> {
            $($(#[$doc])* $name(&'a $name),)*
        }

        impl<'a> Message<'a> {
            /// View `bytes`, which must be one whole message, as what its first byte says it is.
            #[inline]
            pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
                let &kind = bytes.first().ok_or(Error::Empty)?;
                match kind {
                    $($kind => match $name::ref_from_bytes(bytes) {
                        Ok(message) => Ok(Self::$name(message)),
                        Err(_) => {
                            Err(Error::WrongLength { kind, expected: $length, found: bytes.len() })
                        }
                    },)*
                    _ => Err(Error::UnknownType { kind }),
                }
            }

            /// The bytes viewed.
            pub fn as_bytes(&self) -> &'a [u8] {
                match self {
                    $(Self::$name(message) => message.as_bytes(),)*
                }
            }

            /// What all messages begin with.
            pub fn head(&self) -> &'a Head {
                match self {
                    $(Self::$name(message) => &message.head,)*
                }
            }
        }

        /// For the tests: type, length, and (name, offset, size) of the fields after the head.
        #[cfg(test)]
        pub(super) const LAYOUT: &[(u8, usize, &[(&str, usize, usize)])] = &[$((
            $kind,
            size_of::<$name>(),
            &[$((stringify!($field), std::mem::offset_of!($name, $field), size_of::<$type>())),*],
        )),*];
    };
}

/// View `bytes`, which must be one whole message: [`Message::parse`].
#[inline]
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Error> {
    Message::parse(bytes)
}

messages! {
    /// The day's phases, from the first message to the last.
    SystemEvent = b'S', 12 {
        /// Which: `code::event`.
        event_code: u8,
    }

    /// A security and its locate code for the day.
    StockDirectory = b'R', 39 {
        /// Its symbol.
        stock: Stock,
        /// Where it is listed; space: not available.
        market_category: u8,
        /// Deficient, delinquent, bankrupt, suspended; `N` normal.
        financial_status_indicator: u8,
        /// Shares in a round lot.
        round_lot_size: U32,
        /// `Y`: nothing but round lots is accepted.
        round_lots_only: u8,
        /// Class of the security: `C` common stock, `W` warrant, ...
        issue_classification: u8,
        /// Finer class, padded with spaces.
        issue_sub_type: [u8; 2],
        /// `P` production, `T` test.
        authenticity: u8,
        /// Short sales restricted under Rule 203(b)(3): `Y`, `N`, space.
        short_sale_threshold_indicator: u8,
        /// New listing: `Y`, `N`, `Z`, space.
        ipo_flag: u8,
        /// Tier of the price bands: `1`, `2`, space.
        luld_reference_price_tier: u8,
        /// Exchange-traded product: `Y`, `N`, space.
        etp_flag: u8,
        /// Leverage of the product; 1: none.
        etp_leverage_factor: U32,
        /// `Y`: moves against its index.
        inverse_indicator: u8,
    }

    /// A security's trading state changes.
    StockTradingAction = b'H', 25 {
        /// Symbol.
        stock: Stock,
        /// The new state: `code::trading`.
        trading_state: u8,
        /// Means nothing.
        reserved: u8,
        /// Why, padded with spaces; blank if nothing is said.
        reason: [u8; 4],
    }

    /// Short sales under Rule 201: whether a price test is in force.
    RegShoRestriction = b'Y', 20 {
        /// Symbol.
        stock: Stock,
        /// `0` no test; `1` since today's drop; `2` still.
        reg_sho_action: u8,
    }

    /// A market maker's standing in a security.
    MarketParticipantPosition = b'L', 26 {
        /// The market participant.
        mpid: [u8; 4],
        /// Symbol.
        stock: Stock,
        /// `Y`: primary market maker.
        primary_market_maker: u8,
        /// `N` normal, `P` passive, `S` syndicate, `R` pre-syndicate, `L` penalty.
        market_maker_mode: u8,
        /// `A` active, `E` excused, `W` withdrawn, `S` suspended, `D` deleted.
        market_participant_state: u8,
    }

    /// The levels of the market-wide circuit breaker for the day, in 1e-8.
    MwcbDeclineLevel = b'V', 35 {
        /// First level.
        level1: U64,
        /// Second level.
        level2: U64,
        /// Third level.
        level3: U64,
    }

    /// A level of the market-wide circuit breaker was breached.
    MwcbStatus = b'W', 12 {
        /// `1`, `2` or `3`.
        breached_level: u8,
    }

    /// When quoting of a new listing will be released.
    IpoQuotingPeriodUpdate = b'K', 28 {
        /// Symbol.
        stock: Stock,
        /// Seconds (not nanoseconds) since midnight; 0 if it is off.
        ipo_quotation_release_time: U32,
        /// `A` anticipated; `C` cancelled or postponed.
        ipo_quotation_release_qualifier: u8,
        /// Price; 0 if it is off.
        ipo_price: U32,
    }

    /// The collars of an auction after a price pause.
    LuldAuctionCollar = b'J', 35 {
        /// Symbol.
        stock: Stock,
        /// The price in the middle.
        auction_collar_reference_price: U32,
        /// No higher.
        upper_auction_collar_price: U32,
        /// No lower.
        lower_auction_collar_price: U32,
        /// How often the auction was extended.
        auction_collar_extension: U32,
    }

    /// One market stops or resumes trading a security.
    OperationalHalt = b'h', 21 {
        /// Symbol.
        stock: Stock,
        /// Which market: `code::market`.
        market_code: u8,
        /// Stops or resumes: `code::halt`.
        operational_halt_action: u8,
    }

    /// An order enters the book.
    AddOrder = b'A', 36 {
        /// The order's number, unique on its day.
        order_reference_number: U64,
        /// `code::side`.
        buy_sell_indicator: u8,
        /// Shares shown.
        shares: U32,
        /// Symbol.
        stock: Stock,
        /// Price shown.
        price: U32,
    }

    /// An order enters the book, and says whose it is.
    AddOrderMpid = b'F', 40 {
        /// The order's number, unique on its day.
        order_reference_number: U64,
        /// `code::side`.
        buy_sell_indicator: u8,
        /// Shares shown.
        shares: U32,
        /// Symbol.
        stock: Stock,
        /// Price shown.
        price: U32,
        /// Whose: the market participant.
        attribution: [u8; 4],
    }

    /// An order executed at its own price.
    OrderExecuted = b'E', 31 {
        /// The order.
        order_reference_number: U64,
        /// Shares executed now; at 0 left the order is gone.
        executed_shares: U32,
        /// Number of the match, unique on its day.
        match_number: U64,
    }

    /// An order executed at another price.
    OrderExecutedWithPrice = b'C', 36 {
        /// The order.
        order_reference_number: U64,
        /// Shares executed now; at 0 left the order is gone.
        executed_shares: U32,
        /// Number of the match, unique on its day.
        match_number: U64,
        /// `Y`: counts as volume. `N`: a cross prints it in bulk.
        printable: u8,
        /// The price; that of the rest of the order stays.
        execution_price: U32,
    }

    /// Part of an order is cancelled; the rest keeps its place.
    OrderCancel = b'X', 23 {
        /// The order.
        order_reference_number: U64,
        /// Shares taken away.
        cancelled_shares: U32,
    }

    /// An order leaves the book.
    OrderDelete = b'D', 19 {
        /// The order.
        order_reference_number: U64,
    }

    /// An order is replaced by one on the same side, which queues anew.
    OrderReplace = b'U', 35 {
        /// The order that leaves.
        original_order_reference_number: U64,
        /// The order that enters.
        new_order_reference_number: U64,
        /// Shares shown by the new one.
        shares: U32,
        /// Price of the new one.
        price: U32,
    }

    /// A trade with an order that was not shown; the book is unchanged.
    TradeNonCross = b'P', 44 {
        /// 0 since December 2010.
        order_reference_number: U64,
        /// `B` since July 2014, even if the hidden order sold.
        buy_sell_indicator: u8,
        /// Shares.
        shares: U32,
        /// Symbol.
        stock: Stock,
        /// Price.
        price: U32,
        /// Number of the match, unique on its day.
        match_number: U64,
    }

    /// The print of a cross; the book is unchanged.
    CrossTrade = b'Q', 40 {
        /// Shares: eight bytes here; can be 0.
        shares: U64,
        /// Symbol.
        stock: Stock,
        /// Price of the cross.
        cross_price: U32,
        /// Number of the match, unique on its day.
        match_number: U64,
        /// Which: `code::cross`.
        cross_type: u8,
    }

    /// A match is void; the book is not restored.
    BrokenTrade = b'B', 19 {
        /// The match.
        match_number: U64,
    }

    /// What would trade, and what would not, in a cross to come.
    Noii = b'I', 50 {
        /// Shares that would trade.
        paired_shares: U64,
        /// Shares that would not.
        imbalance_shares: U64,
        /// On which side: `code::imbalance`.
        imbalance_direction: u8,
        /// Symbol.
        stock: Stock,
        /// Clearing price of orders for the cross alone.
        far_price: U32,
        /// Clearing price with the book's orders.
        near_price: U32,
        /// The price at which the shares were reckoned.
        current_reference_price: U32,
        /// Which: `code::cross`.
        cross_type: u8,
        /// How far the near price is from the reference: `L`, `1` to `9`, `A` to `C`; space: unknown.
        price_variation_indicator: u8,
    }

    /// Interest of retail price improvement.
    Rpii = b'N', 20 {
        /// Symbol.
        stock: Stock,
        /// `B` buy, `S` sell, `A` both, `N` none.
        interest_flag: u8,
    }

    /// A direct listing with capital raise finds its price.
    DlcrPriceDiscovery = b'O', 48 {
        /// Symbol.
        stock: Stock,
        /// `Y`: may open.
        open_eligibility_status: u8,
        /// 20 % below the registered range.
        minimum_allowable_price: U32,
        /// 80 % above the registered range.
        maximum_allowable_price: U32,
        /// The reference once the volatility test has passed.
        near_execution_price: U32,
        /// When that was set; taken as nanoseconds since midnight (the sources give no unit).
        near_execution_time: U64,
        /// No lower.
        lower_price_range_collar: U32,
        /// No higher.
        upper_price_range_collar: U32,
    }
}
