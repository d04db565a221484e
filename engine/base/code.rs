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
        }
    };
}

codes! {
    /// The kill switch is pulled. Limit and value: 0.
    KILLED = 100, "killed";
    /// The instrument is not one that may be traded. Value: its id.
    UNKNOWN_INSTRUMENT = 300, "unknown_instrument";
    /// The book that the strategy saw cannot be vouched for: the feed misses something, or it ran out of room. Value: its health.
    STALE_BOOK = 301, "stale_book";
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
    /// The price is further than `collar_bp` through the market that the strategy saw. Unit: price in 1e-9.
    PRICE_COLLAR = 1000, "price_collar";
    /// There is no market to measure the price against. Value: the price in 1e-9.
    NO_REFERENCE_PRICE = 1001, "no_reference_price";
    /// Position after the worst-case fill is beyond `position_max`. Unit: lots.
    POSITION = 1200, "position";
    /// The order to replace is not open. Value: 0.
    NOT_OPEN = 1300, "not_open";
    /// More open orders than `open_orders_max`. Unit: orders.
    OPEN_ORDERS = 1800, "open_orders";
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
