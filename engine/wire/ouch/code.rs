//! Known values of the enumerated fields. Open sets: others may come.

/// The most shares of an order.
pub const QUANTITY_MAX: u32 = 999_999;

/// Constants in a module each: the value, and what it means.
macro_rules! codes {
    ($($(#[$doc:meta])* $module:ident { $($(#[$code_doc:meta])* $name:ident = $value:literal;)* })*) => {$(
        $(#[$doc])*
        pub mod $module {
            $($(#[$code_doc])* pub const $name: u8 = $value;)*
        }
    )*};
}

codes! {
    /// `event_code` of a system event.
    event {
        /// The day begins.
        START_OF_DAY = b'S';
        /// The day ends; trades may still be broken, orders cancelled.
        END_OF_DAY = b'E';
    }
    /// `side`.
    side {
        /// Buys.
        BUY = b'B';
        /// Sells.
        SELL = b'S';
        /// Sells short.
        SELL_SHORT = b'T';
        /// Sells short, exempt from the price test.
        SELL_SHORT_EXEMPT = b'E';
    }
    /// `time_in_force`.
    time_in_force {
        /// Until the close.
        DAY = b'0';
        /// What cannot trade at once is cancelled.
        IOC = b'3';
        /// Through extended hours.
        GTX = b'5';
        /// For so many seconds: option `ExpireTime`.
        GTT = b'6';
        /// After hours only.
        AFTER_HOURS = b'E';
    }
    /// `display`.
    display {
        /// Shown.
        VISIBLE = b'Y';
        /// Not shown.
        HIDDEN = b'N';
        /// Shown with its firm.
        ATTRIBUTABLE = b'A';
        /// Hidden by the exchange until it may be shown; outbound only.
        CONFORMANT = b'Z';
    }
    /// `capacity`.
    capacity {
        /// For a customer.
        AGENCY = b'A';
        /// For the firm itself.
        PRINCIPAL = b'P';
        /// For the firm, against a customer's order in hand.
        RISKLESS = b'R';
        /// Another.
        OTHER = b'O';
    }
    /// Yes-or-no fields.
    flag {
        /// Yes.
        YES = b'Y';
        /// No.
        NO = b'N';
    }
    /// `cross_type`.
    cross {
        /// No cross: continuous trading.
        CONTINUOUS = b'N';
        /// Opening cross.
        OPENING = b'O';
        /// Closing cross.
        CLOSING = b'C';
        /// Cross after a halt, or of a new listing.
        HALT = b'H';
        /// Supplemental.
        SUPPLEMENTAL = b'S';
        /// Retail (BX).
        RETAIL = b'R';
        /// Extended life.
        EXTENDED_LIFE = b'E';
        /// After-hours close.
        AFTER_HOURS_CLOSE = b'A';
    }
    /// `order_state` of an accepted or a replaced order.
    order_state {
        /// It stands.
        LIVE = b'L';
        /// It was cancelled at once.
        DEAD = b'D';
    }
    /// `reason` of a cancel.
    cancel {
        /// A regulator's restriction.
        REGULATORY = b'D';
        /// The market is closed.
        CLOSED = b'E';
        /// Post-only: it would have met a better market elsewhere.
        POST_ONLY_NMS = b'F';
        /// Post-only: it would have taken a displayed order.
        POST_ONLY_CONTRA = b'G';
        /// Halted.
        HALTED = b'H';
        /// What an immediate order left over.
        IOC = b'I';
        /// Outside the collars.
        COLLAR = b'K';
        /// It met the client's own order.
        SELF_MATCH = b'Q';
        /// By the exchange's staff.
        SUPERVISORY = b'S';
        /// Its time is up.
        TIMEOUT = b'T';
        /// The client asked for it.
        USER = b'U';
        /// Protection at the open.
        OPEN_PROTECTION = b'X';
        /// By the system.
        SYSTEM = b'Z';
        /// The cross was cancelled; in older tables.
        CROSS_CANCELED = b'C';
        /// Beyond what the price discovery of a direct listing takes; in newer tables.
        DLCR_EXCEEDED = b'e';
    }
    /// `liquidity_flag`.
    liquidity {
        /// It rested.
        ADDED = b'A';
        /// It crossed.
        REMOVED = b'R';
        /// It rested, hidden.
        ADDED_HIDDEN = b'J';
        /// It rested at the midpoint.
        ADDED_MIDPOINT = b'k';
        /// It took from the midpoint.
        REMOVED_MIDPOINT = b'm';
        /// In the opening cross.
        OPENING_CROSS = b'O';
        /// In the closing cross.
        CLOSING_CROSS = b'C';
        /// In a cross after a halt, or of a new listing.
        HALT = b'H';
        /// In a halt cross.
        HALT_CROSS = b'K';
        /// In the opening cross, as an imbalance-only order.
        OPENING_IMBALANCE_ONLY = b'M';
        /// In the closing cross, as an imbalance-only order.
        CLOSING_IMBALANCE_ONLY = b'L';
        /// Supplemental.
        SUPPLEMENTAL = b'0';
        /// It rested and set the national best price.
        ADDED_NBBO = b'7';
        /// It rested and set the exchange's best price.
        ADDED_QBBO = b'8';
    }
    /// `aiq_strategy`: what happens when orders of one participant (capitals) or organisation (small letters) meet.
    aiq {
        /// The older one is cancelled.
        OLDEST = b'O';
        /// The newer one is cancelled.
        NEWEST = b'W';
        /// Both are reduced, and say by what.
        DECREMENT = b'D';
        /// Both are reduced, without details.
        DECREMENT_SILENT = b'Y';
        /// As `OLDEST`, within the organisation.
        ORG_OLDEST = b'o';
        /// As `NEWEST`, within the organisation.
        ORG_NEWEST = b'w';
        /// As `DECREMENT`, within the organisation.
        ORG_DECREMENT = b'd';
        /// As `DECREMENT_SILENT`, within the organisation.
        ORG_DECREMENT_SILENT = b'y';
    }
    /// `reason` of a broken trade.
    broken {
        /// Clearly erroneous.
        ERRONEOUS = b'E';
        /// Both sides agreed.
        CONSENT = b'C';
        /// By the exchange's staff.
        SUPERVISORY = b'S';
        /// By another party.
        EXTERNAL = b'X';
    }
    /// `reason` of a restated order.
    restated {
        /// The shown part of a reserve was refreshed.
        REFRESH = b'R';
        /// The price shown changed.
        PRICE = b'P';
    }
    /// Option `CustomerType`.
    customer {
        /// A retail order.
        RETAIL = b'R';
        /// Not a retail order. Sources differ; `X` has been seen for it too.
        NOT_RETAIL = b'N';
        /// What the port says.
        DEFAULT = b' ';
    }
    /// Options `PriceType` and `DiscretionPriceType`.
    price_type {
        /// The price itself.
        LIMIT = b'L';
        /// Pegged to the other side.
        MARKET_PEG = b'P';
        /// Pegged to the midpoint.
        MIDPOINT_PEG = b'M';
        /// Pegged to its own side.
        PRIMARY_PEG = b'R';
        /// Pegged for a market maker.
        MARKET_MAKER_PEG = b'Q';
        /// At the midpoint.
        MIDPOINT = b'm';
    }
    /// Option `PostOnly`.
    post_only {
        /// It may only rest.
        YES = b'P';
        /// It may take too.
        NO = b'N';
    }
    /// Option `HandleInst`.
    handling {
        /// Imbalance only.
        IMBALANCE_ONLY = b'I';
        /// Retail, type 1.
        RETAIL_1 = b'O';
        /// Retail, type 2.
        RETAIL_2 = b'T';
        /// Retail price improvement.
        RETAIL_IMPROVEMENT = b'Q';
        /// Extended life and continuous.
        EXTENDED_LIFE = b'B';
        /// Direct listing with a capital raise.
        DLCR = b'D';
    }
    /// Option `BboWeightIndicator`.
    bbo_weight {
        /// Up to 0.2 %.
        TO_0_2 = b'0';
        /// 0.2 to 1 %.
        TO_1 = b'1';
        /// 1 to 2 %.
        TO_2 = b'2';
        /// Above 2 %.
        ABOVE_2 = b'3';
        /// It sets the exchange's best price.
        SETS_QBBO = b'S';
        /// It improves the national best price.
        IMPROVES_NBBO = b'N';
    }
}

/// `reason` of a reject.
pub mod reject {
    /// Constants with the words for them.
    macro_rules! rejects {
        ($($name:ident = $value:literal, $text:literal;)*) => {
            $(#[doc = concat!($text, ".")] pub const $name: u16 = $value;)*

            /// What `reason` means; `None` if it is not known.
            pub const fn name(reason: u16) -> Option<&'static str> {
                match reason {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        };
    }

    rejects! {
        QUOTE_UNAVAILABLE = 1, "quote unavailable";
        DESTINATION_CLOSED = 2, "destination closed";
        INVALID_DISPLAY = 3, "invalid display";
        INVALID_MAX_FLOOR = 4, "invalid max floor";
        INVALID_PEG_TYPE = 5, "invalid peg type";
        FAT_FINGER = 6, "fat finger";
        HALTED = 7, "halted";
        ISO_NOT_ALLOWED = 8, "ISO not allowed";
        INVALID_SIDE = 9, "invalid side";
        PROCESSING_ERROR = 10, "processing error";
        CANCEL_PENDING = 11, "cancel pending";
        FIRM_NOT_AUTHORIZED = 12, "firm not authorized";
        INVALID_MIN_QUANTITY = 13, "invalid min quantity";
        NO_CLOSING_REFERENCE_PRICE = 14, "no closing reference price";
        OTHER = 15, "other";
        CANCEL_NOT_ALLOWED = 16, "cancel not allowed";
        PEGGING_NOT_ALLOWED = 17, "pegging not allowed";
        CROSSED_MARKET = 18, "crossed market";
        INVALID_QUANTITY = 19, "invalid quantity";
        INVALID_CROSS_ORDER = 20, "invalid cross order";
        REPLACE_NOT_ALLOWED = 21, "replace not allowed";
        ROUTING_NOT_ALLOWED = 22, "routing not allowed";
        INVALID_SYMBOL = 23, "invalid symbol";
        TEST = 24, "test";
        LATE_LOC_TOO_AGGRESSIVE = 25, "late LOC too aggressive";
        RETAIL_NOT_ALLOWED = 26, "retail not allowed";
        INVALID_MIDPOINT_POST_ONLY_PRICE = 27, "invalid midpoint post-only price";
        INVALID_DESTINATION = 28, "invalid destination";
        INVALID_PRICE = 29, "invalid price";
        SHARES_EXCEED_THRESHOLD = 30, "shares exceed threshold";
        EXCEEDS_MAX_NOTIONAL = 31, "exceeds max notional";
        RISK_AGGREGATE_EXPOSURE_EXCEEDED = 32, "risk: aggregate exposure exceeded";
        RISK_MARKET_IMPACT = 33, "risk: market impact";
        RISK_RESTRICTED_STOCK = 34, "risk: restricted stock";
        RISK_SHORT_SELL_RESTRICTED = 35, "risk: short sell restricted";
        RISK_ISO_NOT_ALLOWED = 36, "risk: ISO not allowed";
        RISK_EXCEEDS_ADV_LIMIT = 37, "risk: exceeds ADV limit";
        RISK_FAT_FINGER = 38, "risk: fat finger";
        RISK_LOCATE_REQUIRED = 39, "risk: locate required";
        RISK_SYMBOL_MESSAGE_RATE = 40, "risk: symbol message rate";
        RISK_PORT_MESSAGE_RATE = 41, "risk: port message rate";
        RISK_DUPLICATE_MESSAGE_RATE = 42, "risk: duplicate message rate";
        RISK_SHORT_SELL_NOT_ALLOWED = 43, "risk: short sell not allowed";
        RISK_MARKET_ORDER_NOT_ALLOWED = 44, "risk: market order not allowed";
        RISK_PRE_MARKET_NOT_ALLOWED = 45, "risk: pre-market not allowed";
        RISK_POST_MARKET_NOT_ALLOWED = 46, "risk: post-market not allowed";
        RISK_SHORT_SELL_EXEMPT_NOT_ALLOWED = 47, "risk: short sell exempt not allowed";
        RISK_SINGLE_ORDER_NOTIONAL_EXCEEDED = 48, "risk: single order notional exceeded";
        RISK_MAX_QUANTITY_EXCEEDED = 49, "risk: max quantity exceeded";
        REG_SHO_STATE_NOT_AVAILABLE = 50, "Reg SHO state not available";
        RISK_IPO_MARKET_BUY_NOT_ALLOWED = 51, "risk: IPO market buy not allowed";
    }
}
