//! Why something was refused: one stable number each, for reports, counters and files alike.
//!
//! Hundreds are the control's number. The gate evaluates them in that order, but for `NOT_OPEN`: what a replace adds to
//! a position is not known before its target is. 3000 and up is route, 4000 and up the venue. A number is never used
//! twice.
#![forbid(unsafe_code)]

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:expr, $text:expr;)*) => {
        /// A refusal's code; `NONE` where nothing was refused.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct Code(pub u16);

        impl Code {
            /// Not refused.
            pub const NONE: Self = Self(0);
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code's name: the key in `summary.json`.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::NONE => "",
                    $(Self::$name => $text,)*
                    _ => "unknown",
                }
            }

            /// The code of the same control at another level: from the firm's to the account's, and so on.
            pub const fn at(self, level: super::unit::Level) -> Self {
                Self(self.0 + level.0 as u16)
            }
        }
    };
}

codes! {
    /// The kill switch of the firm is pulled. Limit and value: 0.
    KILLED = 100, "killed";
    /// The kill switch of the account is pulled. Limit and value: 0.
    KILLED_ACCOUNT = 101, "killed_account";
    /// The kill switch of the strategy is pulled. Limit and value: 0.
    KILLED_STRATEGY = 102, "killed_strategy";
    /// The kill switch of the instrument is pulled. Limit and value: 0.
    KILLED_INSTRUMENT = 103, "killed_instrument";
    /// Trading of the firm is held to what can but reduce its position. Value: lots after the worst case.
    REDUCE_ONLY = 110, "reduce_only";
    /// Trading of the account is held to what can but reduce its position. Value: lots after the worst case.
    REDUCE_ONLY_ACCOUNT = 111, "reduce_only_account";
    /// Trading of the strategy is held to what can but reduce its position. Value: lots after the worst case.
    REDUCE_ONLY_STRATEGY = 112, "reduce_only_strategy";
    /// Trading of the instrument is held to what can but reduce its position. Value: lots after the worst case.
    REDUCE_ONLY_INSTRUMENT = 113, "reduce_only_instrument";
    /// The strategy is not one that may trade. Value: its id.
    UNKNOWN_STRATEGY = 200, "unknown_strategy";
    /// The strategy does not trade for this account. Limit: its account; value: the order's.
    WRONG_ACCOUNT = 201, "wrong_account";
    /// The strategy may not trade this instrument. Value: the instrument's id.
    NOT_ALLOWED = 202, "not_allowed";
    /// The instrument is not one that may be traded. Value: its id.
    UNKNOWN_INSTRUMENT = 300, "unknown_instrument";
    /// The book that the strategy saw cannot be vouched for: the feed misses something, or it ran out of room. Value: its health.
    STALE_BOOK = 301, "stale_book";
    /// The market that the strategy saw is older than `market_age_us`. Unit: nanoseconds.
    OLD_MARKET = 302, "old_market";
    /// Orders of this kind are not allowed in the phase that the instrument is in. Value: the phase.
    PHASE = 303, "phase";
    /// The instrument is on the restricted list.
    RESTRICTED = 400, "restricted";
    /// A short sale of what is hard to borrow, beyond what is located. Unit: lots.
    NO_LOCATE = 401, "no_locate";
    /// A sale is marked as what it is not. Limit: what is owned and not yet on offer; value: the quantity.
    SALE_MARK = 500, "sale_mark";
    /// A short sale not above the best bid while the price test of rule 201 is in force. Unit: price in 1e-9.
    SHORT_PRICE = 501, "short_price";
    /// The message is no valid order: side, quantity or price is missing. Value: the quantity.
    MALFORMED = 600, "malformed";
    /// The price is no multiple of the instrument's tick. Limit: the tick; unit: price in 1e-9.
    TICK = 601, "tick";
    /// The quantity is no multiple of the instrument's lot. Limit: the lot.
    LOT = 602, "lot";
    /// The order's quantity is above `order_qty_max`. Unit: lots.
    ORDER_QTY = 700, "order_qty";
    /// Price x quantity x multiplier is above `order_notional_max`. Unit: 1e-9 of the currency, capped at the largest `i64`.
    ORDER_NOTIONAL = 800, "order_notional";
    /// The quantity is above `average_volume_bp` of what is traded in a day. Unit: lots.
    AVERAGE_VOLUME = 900, "average_volume";
    /// What is traded in a day is not known.
    NO_AVERAGE_VOLUME = 901, "no_average_volume";
    /// The price is further than the collar through the market that the strategy saw. Unit: price in 1e-9.
    PRICE_COLLAR = 1000, "price_collar";
    /// There is no market to measure the price against. Value: the price in 1e-9.
    NO_REFERENCE_PRICE = 1001, "no_reference_price";
    /// There is no market to price a market order by.
    NO_COLLAR_PRICE = 1101, "no_collar_price";
    /// Position after the worst-case fill is beyond what may be held long or short. Unit: lots.
    POSITION = 1200, "position";
    /// The order to replace is not open. Value: 0.
    NOT_OPEN = 1300, "not_open";
    /// What the firm has traded and may still trade, both sides added, is above `gross_max`. Unit: 1e-9 of the currency, capped.
    GROSS = 1310, "gross";
    /// What the account has traded and may still trade, both sides added, is above `gross_max`. Unit: 1e-9 of the currency, capped.
    GROSS_ACCOUNT = 1311, "gross_account";
    /// What the strategy has traded and may still trade, both sides added, is above `gross_max`. Unit: 1e-9 of the currency, capped.
    GROSS_STRATEGY = 1312, "gross_strategy";
    /// What the instrument has traded and may still trade, both sides added, is above `gross_max`. Unit: 1e-9 of the currency, capped.
    GROSS_INSTRUMENT = 1313, "gross_instrument";
    /// Purchases less sales of the firm, in the worst case, are above `net_max` either way. Unit: 1e-9 of the currency, capped.
    NET = 1400, "net";
    /// Purchases less sales of the account, in the worst case, are above `net_max` either way. Unit: 1e-9 of the currency, capped.
    NET_ACCOUNT = 1401, "net_account";
    /// Purchases less sales of the strategy, in the worst case, are above `net_max` either way. Unit: 1e-9 of the currency, capped.
    NET_STRATEGY = 1402, "net_strategy";
    /// Purchases less sales of the instrument, in the worst case, are above `net_max` either way. Unit: 1e-9 of the currency, capped.
    NET_INSTRUMENT = 1403, "net_instrument";
    /// What the positions of the firm cost, and what is on order, is above `credit_max`. Unit: 1e-9 of the currency, capped.
    CREDIT = 1500, "credit";
    /// What the positions of the account cost, and what is on order, is above `credit_max`. Unit: 1e-9 of the currency, capped.
    CREDIT_ACCOUNT = 1501, "credit_account";
    /// What the positions of the strategy cost, and what is on order, is above `credit_max`. Unit: 1e-9 of the currency, capped.
    CREDIT_STRATEGY = 1502, "credit_strategy";
    /// What the positions of the instrument cost, and what is on order, is above `credit_max`. Unit: 1e-9 of the currency, capped.
    CREDIT_INSTRUMENT = 1503, "credit_instrument";
    /// Orders of the firm within the window are worth more than `window_value_max`. Unit: 1e-9 of the currency, capped.
    WINDOW_VALUE = 1600, "window_value";
    /// Orders of the account within the window are worth more than `window_value_max`. Unit: 1e-9 of the currency, capped.
    WINDOW_VALUE_ACCOUNT = 1601, "window_value_account";
    /// Orders of the strategy within the window are worth more than `window_value_max`. Unit: 1e-9 of the currency, capped.
    WINDOW_VALUE_STRATEGY = 1602, "window_value_strategy";
    /// Orders of the instrument within the window are worth more than `window_value_max`. Unit: 1e-9 of the currency, capped.
    WINDOW_VALUE_INSTRUMENT = 1603, "window_value_instrument";
    /// Orders of the firm within the window are for more than `window_qty_max`. Unit: lots.
    WINDOW_QTY = 1610, "window_qty";
    /// Orders of the account within the window are for more than `window_qty_max`. Unit: lots.
    WINDOW_QTY_ACCOUNT = 1611, "window_qty_account";
    /// Orders of the strategy within the window are for more than `window_qty_max`. Unit: lots.
    WINDOW_QTY_STRATEGY = 1612, "window_qty_strategy";
    /// Orders of the instrument within the window are for more than `window_qty_max`. Unit: lots.
    WINDOW_QTY_INSTRUMENT = 1613, "window_qty_instrument";
    /// Orders of the firm come faster than `orders_per_second`. Value: nanoseconds until the next may come.
    RATE = 1700, "rate";
    /// Orders of the account come faster than `orders_per_second`. Value: nanoseconds until the next may come.
    RATE_ACCOUNT = 1701, "rate_account";
    /// Orders of the strategy come faster than `orders_per_second`. Value: nanoseconds until the next may come.
    RATE_STRATEGY = 1702, "rate_strategy";
    /// Orders of the instrument come faster than `orders_per_second`. Value: nanoseconds until the next may come.
    RATE_INSTRUMENT = 1703, "rate_instrument";
    /// More open orders of the firm than `open_orders_max`. Unit: orders.
    OPEN_ORDERS = 1800, "open_orders";
    /// More open orders of the account than `open_orders_max`. Unit: orders.
    OPEN_ORDERS_ACCOUNT = 1801, "open_orders_account";
    /// More open orders of the strategy than `open_orders_max`. Unit: orders.
    OPEN_ORDERS_STRATEGY = 1802, "open_orders_strategy";
    /// More open orders of the instrument than `open_orders_max`. Unit: orders.
    OPEN_ORDERS_INSTRUMENT = 1803, "open_orders_instrument";
    /// More orders of the firm for each trade than `orders_per_trade_max`. Unit: orders a trade.
    ORDERS_PER_TRADE = 1810, "orders_per_trade";
    /// More orders of the account for each trade than `orders_per_trade_max`. Unit: orders a trade.
    ORDERS_PER_TRADE_ACCOUNT = 1811, "orders_per_trade_account";
    /// More orders of the strategy for each trade than `orders_per_trade_max`. Unit: orders a trade.
    ORDERS_PER_TRADE_STRATEGY = 1812, "orders_per_trade_strategy";
    /// More orders of the instrument for each trade than `orders_per_trade_max`. Unit: orders a trade.
    ORDERS_PER_TRADE_INSTRUMENT = 1813, "orders_per_trade_instrument";
    /// The table of open orders is full. Unit: orders.
    GATE_FULL = 1820, "gate_full";
    /// The same order was sent as often as may be within the window. Unit: orders.
    DUPLICATE = 1900, "duplicate";
    /// Too many different orders within the window to tell whether this one is new. Fails closed.
    DUPLICATES_FULL = 1901, "duplicates_full";
    /// The order would trade with one of ours. Limit: our price on the other side; value: its own. Unit: price in 1e-9.
    SELF_TRADE = 2100, "self_trade";
    /// the firm has lost as much as it may. Unit: 1e-9 of the currency, capped.
    LOSS = 2200, "loss";
    /// the account has lost as much as it may. Unit: 1e-9 of the currency, capped.
    LOSS_ACCOUNT = 2201, "loss_account";
    /// the strategy has lost as much as it may. Unit: 1e-9 of the currency, capped.
    LOSS_STRATEGY = 2202, "loss_strategy";
    /// the instrument has lost as much as it may. Unit: 1e-9 of the currency, capped.
    LOSS_INSTRUMENT = 2203, "loss_instrument";
    /// The circuit breaker of the firm is open: too many orders were rejected, or answered late. Value: nanoseconds until it is tried again.
    BREAKER = 2300, "breaker";
    /// The circuit breaker of the account is open: too many orders were rejected, or answered late. Value: nanoseconds until it is tried again.
    BREAKER_ACCOUNT = 2301, "breaker_account";
    /// The circuit breaker of the strategy is open: too many orders were rejected, or answered late. Value: nanoseconds until it is tried again.
    BREAKER_STRATEGY = 2302, "breaker_strategy";
    /// The circuit breaker of the instrument is open: too many orders were rejected, or answered late. Value: nanoseconds until it is tried again.
    BREAKER_INSTRUMENT = 2303, "breaker_instrument";
    /// Children of an order are for more than it. Unit: lots.
    PARENT = 2500, "parent";
    /// Route: the kill latch was set when the order was about to be written.
    ROUTE_KILLED = 3000, "route_killed";
    /// Route: the order to cancel or replace is not open, or already on its way out.
    ROUTE_NOT_OPEN = 3001, "route_not_open";
    /// Route: no room for another open order.
    ROUTE_FULL = 3002, "route_full";
    /// Route: the intent is older than its `good_until`. Unit: nanoseconds since the epoch.
    ROUTE_LATE = 3003, "route_late";
    /// Route is shut: the run stops before it (`--stages risk`).
    ROUTE_SHUT = 3004, "route_shut";
    /// Route: no session with the venue, or one that has not caught up yet.
    ROUTE_NOT_LIVE = 3005, "route_not_live";
    /// Route: more orders than the venue's pace allows.
    ROUTE_PACED = 3006, "route_paced";
    /// Route: the socket does not take bytes as fast as orders come.
    ROUTE_BLOCKED = 3007, "route_blocked";
    /// Route: the venue's protocol cannot say this order.
    ROUTE_UNSAYABLE = 3008, "route_unsayable";
    /// Route: the connection broke, and the venue never had the order.
    ROUTE_LOST = 3009, "route_lost";
    /// Route: the venue takes no orders from us.
    ROUTE_DISABLED = 3010, "route_disabled";
    /// Route: it cancels what is open and goes.
    ROUTE_STOPPING = 3011, "route_stopping";
    /// Route: more orders, or more quantity, than the gate let through. Limit: what it let through.
    ROUTE_UNASKED = 3012, "route_unasked";
    /// Venue: the instrument is halted, or its session is closed.
    VENUE_HALTED = 4000, "venue_halted";
    /// Venue: it holds as many of our orders in the instrument as it takes (`paper.resting_max`).
    VENUE_FULL = 4001, "venue_full";
    /// Venue: the order to cancel or replace is not open.
    VENUE_NOT_OPEN = 4002, "venue_not_open";
    /// Venue: what an order left over after `paper.sweep_levels` price levels was cancelled.
    VENUE_SWEPT = 4003, "venue_swept";
    /// Venue: market hours ended, and with them the day order.
    VENUE_EXPIRED = 4004, "venue_expired";
    /// Venue: rejected for another reason. Value: the venue's number of it.
    VENUE_REJECTED = 4005, "venue_rejected";
    /// Venue: the terms of the order are not such as it takes. Value: the venue's number of the reason.
    VENUE_TERMS = 4006, "venue_terms";
    /// Venue: a risk check of its own. Value: the venue's number of the reason.
    VENUE_RISK = 4007, "venue_risk";
    /// Venue: it cancelled for another reason. Value: the venue's letter of it.
    VENUE_CANCELED = 4008, "venue_canceled";
    /// Venue: the order met one of our own.
    VENUE_SELF_MATCH = 4009, "venue_self_match";
    /// Venue: a post-only order would have traded.
    VENUE_POST_ONLY = 4010, "venue_post_only";
    /// Venue: the price was outside its collars.
    VENUE_COLLAR = 4011, "venue_collar";
    /// Venue: it does not let the order be cancelled now; the order stands.
    VENUE_CANCEL_REFUSED = 4012, "venue_cancel_refused";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rise_and_have_names_of_their_own() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|c| c.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
