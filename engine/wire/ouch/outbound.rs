//! What the exchange says to a client. Prices are [`WirePrice`]s, quantities shares, timestamps nanoseconds since midnight
//! in New York.
//!
//! Quantities of cancels and executions say what has just gone, that of a replaced or modified order what is open now.

use super::message::{appended, fill, messages, view};
use super::{Appendage, ClOrdId, Error, Firm, Layout, NoRoom, Presence, Symbol, WirePrice};
use crate::wire::blank::Blank;
use zerocopy::IntoBytes;
use zerocopy::byteorder::big_endian::{U16, U32, U64};

messages! {
    /// A message from the exchange, viewed where its bytes are.
    Outbound {
        /// The day begins or ends.
        SystemEvent = b'S', 10, Never {
            /// When.
            timestamp: U64,
            /// `code::event`.
            event_code: u8,
        }

        /// An order was accepted, with the values that it stands with.
        OrderAccepted = b'A', 62, Always {
            /// When.
            timestamp: U64,
            /// The client's number of the order.
            user_ref_num: U32,
            /// `code::side`.
            side: u8,
            /// Shares.
            quantity: U32,
            /// Symbol.
            symbol: Symbol,
            /// Limit.
            price: WirePrice,
            /// `code::time_in_force`.
            time_in_force: u8,
            /// `code::display`.
            display: u8,
            /// The exchange's number: that of the market data, unless an option gives another.
            order_reference_number: U64,
            /// `code::capacity`.
            capacity: u8,
            /// `code::flag`.
            intermarket_sweep_eligibility: u8,
            /// `code::cross`.
            cross_type: u8,
            /// `code::order_state`.
            order_state: u8,
            /// The client's own name for it.
            clordid: ClOrdId,
        }

        /// An order took the place of another.
        OrderReplaced = b'U', 66, Always {
            /// When.
            timestamp: U64,
            /// The order that is gone.
            orig_user_ref_num: U32,
            /// The order that took its place.
            user_ref_num: U32,
            /// `code::side`.
            side: u8,
            /// Shares open now.
            quantity: U32,
            /// Symbol.
            symbol: Symbol,
            /// Limit.
            price: WirePrice,
            /// `code::time_in_force`.
            time_in_force: u8,
            /// `code::display`.
            display: u8,
            /// The exchange's number of the new order.
            order_reference_number: U64,
            /// `code::capacity`.
            capacity: u8,
            /// `code::flag`.
            intermarket_sweep_eligibility: u8,
            /// `code::cross`.
            cross_type: u8,
            /// `code::order_state`.
            order_state: u8,
            /// The client's own name for the new one.
            clordid: ClOrdId,
        }

        /// Shares of an order were cancelled.
        OrderCanceled = b'C', 18, Optional {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// Shares taken away now.
            quantity: U32,
            /// Why: `code::cancel`.
            reason: u8,
        }

        /// [`AiqCanceled`] as it was before it named the strategy; then it had no appendage either. To be read, not to be sent.
        AiqCanceledLegacy = b'D', 31, Never if 31 {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// Shares taken away now.
            decrement_shares: U32,
            /// `code::cancel::SELF_MATCH`.
            reason: u8,
            /// Shares that would have traded with the client's own.
            quantity_prevented_from_trading: U32,
            /// The price at which they would have.
            execution_price: WirePrice,
            /// The `code::liquidity` that they would have had.
            liquidity_flag: u8,
        }

        /// Shares of an order were cancelled, or would have been, because they met the client's own.
        AiqCanceled = b'D', 32, Optional {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// Shares taken away now.
            decrement_shares: U32,
            /// `code::cancel::SELF_MATCH`.
            reason: u8,
            /// Shares that would have traded with the client's own.
            quantity_prevented_from_trading: U32,
            /// The price at which they would have.
            execution_price: WirePrice,
            /// The `code::liquidity` that they would have had.
            liquidity_flag: u8,
            /// `code::aiq`.
            aiq_strategy: u8,
        }

        /// Shares of an order executed.
        OrderExecuted = b'E', 34, Always {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// Shares executed now.
            quantity: U32,
            /// The price.
            price: WirePrice,
            /// `code::liquidity`.
            liquidity_flag: u8,
            /// Number of the match: that of the market data, the same on both sides.
            match_number: U64,
        }

        /// An execution is void.
        BrokenTrade = b'B', 36, Optional {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// The match.
            match_number: U64,
            /// Why: `code::broken`.
            reason: u8,
            /// The client's own name for the order.
            clordid: ClOrdId,
        }

        /// An execution's price was corrected. No longer in use: to be read, not to be sent.
        TradeCorrection = b'F', 49, Never {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// Shares.
            quantity: U32,
            /// The price that holds.
            price: WirePrice,
            /// `code::liquidity`.
            liquidity_flag: u8,
            /// The match.
            match_number: U64,
            /// Why: `N`, adjusted to the net asset value.
            reason: u8,
            /// The client's own name for the order.
            clordid: ClOrdId,
        }

        /// A request was rejected; its number stays used.
        Rejected = b'J', 29, Optional {
            /// When.
            timestamp: U64,
            /// The number of the request.
            user_ref_num: U32,
            /// Why: `code::reject`.
            reason: U16,
            /// The client's own name for the order.
            clordid: ClOrdId,
        }

        /// A cancel could not be done at once; it stands.
        CancelPending = b'P', 13, Optional {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
        }

        /// A cancel was refused; the order stands.
        CancelReject = b'I', 13, Optional {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
        }

        /// An order queues anew, under another number.
        OrderPriorityUpdate = b'T', 30, Optional {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// The price.
            price: WirePrice,
            /// `code::display`.
            display: u8,
            /// The exchange's new number of it.
            order_reference_number: U64,
        }

        /// An order was modified.
        OrderModified = b'M', 18, Optional {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// `code::side`.
            side: u8,
            /// Shares open now.
            quantity: U32,
        }

        /// An order's display changed by itself; the options say how.
        OrderRestated = b'R', 14, Always {
            /// When.
            timestamp: U64,
            /// The order.
            user_ref_num: U32,
            /// Why: `code::restated`.
            reason: u8,
        }

        /// A mass cancel begins; one [`OrderCanceled`] for each order follows.
        MassCancelResponse = b'X', 25, Always {
            /// When.
            timestamp: U64,
            /// The number of the request.
            user_ref_num: U32,
            /// Whose orders.
            firm: Firm,
            /// In which symbol; blank: all.
            symbol: Symbol,
        }

        /// A firm can no longer enter orders.
        DisableOrderEntryResponse = b'G', 17, Always {
            /// When.
            timestamp: U64,
            /// The number of the request.
            user_ref_num: U32,
            /// The firm.
            firm: Firm,
        }

        /// A firm can enter orders again.
        EnableOrderEntryResponse = b'K', 17, Always {
            /// When.
            timestamp: U64,
            /// The number of the request.
            user_ref_num: U32,
            /// The firm.
            firm: Firm,
        }

        /// Which number is next.
        AccountQueryResponse = b'Q', 13, Optional {
            /// When.
            timestamp: U64,
            /// The least `user_ref_num` that has not been used.
            next_user_ref_num: U32,
        }
    }
}

impl Outbound<'_> {
    /// Nanoseconds since midnight in New York.
    #[inline]
    pub fn timestamp(&self) -> u64 {
        // It follows the type byte in every message; the tests hold the layouts to that.
        self.fixed()[1..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}
