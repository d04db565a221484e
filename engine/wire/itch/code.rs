//! Known values of the enumerated fields that the engine reads or the exchange writes. Open sets: others may come.

/// `event_code` of a system event.
pub mod event {
    /// The first message of the day.
    pub const START_OF_MESSAGES: u8 = b'O';
    /// Orders can be entered.
    pub const START_OF_SYSTEM_HOURS: u8 = b'S';
    /// Continuous trading begins.
    pub const START_OF_MARKET_HOURS: u8 = b'Q';
    /// Continuous trading ends.
    pub const END_OF_MARKET_HOURS: u8 = b'M';
    /// No more orders.
    pub const END_OF_SYSTEM_HOURS: u8 = b'E';
    /// The last message of the day.
    pub const END_OF_MESSAGES: u8 = b'C';
}

/// `buy_sell_indicator`.
pub mod side {
    /// Bid side.
    pub const BUY: u8 = b'B';
    /// Ask side.
    pub const SELL: u8 = b'S';
}

/// `trading_state` of a trading action.
pub mod trading {
    /// Halted in all of the country's markets.
    pub const HALTED: u8 = b'H';
    /// Paused: the price moved too far.
    pub const PAUSED: u8 = b'P';
    /// Quotes only, before a release.
    pub const QUOTATION_ONLY: u8 = b'Q';
    /// Trading.
    pub const TRADING: u8 = b'T';
}

/// `operational_halt_action`.
pub mod halt {
    /// Halted on that market.
    pub const HALTED: u8 = b'H';
    /// Resumed.
    pub const RESUMED: u8 = b'T';
}

/// `market_code` of an operational halt.
pub mod market {
    /// Nasdaq.
    pub const NASDAQ: u8 = b'Q';
    /// BX.
    pub const BX: u8 = b'B';
    /// PSX.
    pub const PSX: u8 = b'X';
}

/// `printable` of an execution with a price, and other yes-or-no fields.
pub mod flag {
    /// Yes.
    pub const YES: u8 = b'Y';
    /// No.
    pub const NO: u8 = b'N';
}

/// `cross_type` of a cross or an imbalance.
pub mod cross {
    /// Opening cross.
    pub const OPENING: u8 = b'O';
    /// Closing cross.
    pub const CLOSING: u8 = b'C';
    /// Cross after a halt, or of a new listing.
    pub const HALT: u8 = b'H';
    /// Extended trading close; imbalances only.
    pub const EXTENDED: u8 = b'A';
}

/// `imbalance_direction`.
pub mod imbalance {
    /// More to buy.
    pub const BUY: u8 = b'B';
    /// More to sell.
    pub const SELL: u8 = b'S';
    /// None.
    pub const NONE: u8 = b'N';
    /// Too few orders to tell.
    pub const INSUFFICIENT: u8 = b'O';
    /// Paused.
    pub const PAUSED: u8 = b'P';
}

/// Values of a directory message.
pub mod directory {
    /// `market_category`: Nasdaq Global Select.
    pub const GLOBAL_SELECT: u8 = b'Q';
    /// `financial_status_indicator`: nothing to report.
    pub const NORMAL: u8 = b'N';
    /// `issue_classification`: common stock.
    pub const COMMON_STOCK: u8 = b'C';
    /// `authenticity`: a real security.
    pub const PRODUCTION: u8 = b'P';
    /// `authenticity`: a symbol for tests.
    pub const TEST: u8 = b'T';
    /// `luld_reference_price_tier`: tier 1.
    pub const TIER_1: u8 = b'1';
    /// `luld_reference_price_tier`: tier 2.
    pub const TIER_2: u8 = b'2';
}
