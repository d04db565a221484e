//! What a client says to the exchange. Prices are [`WirePrice`]s, quantities shares.
//!
//! `user_ref_num` rises with every message that has one of its own, for each channel (`TagValue::UserRefIdx`) apart; one
//! that is not above the last is taken for a repetition and ignored. So what may have been lost can be sent again.

use super::message::{appended, fill, messages, view};
use super::{Appendage, ClOrdId, Error, Firm, Layout, NoRoom, Presence, Symbol, WirePrice};
use crate::wire::blank::Blank;
use zerocopy::IntoBytes;
use zerocopy::byteorder::big_endian::U32;

messages! {
    /// A message from a client, viewed where its bytes are.
    Inbound {
        /// Enters an order.
        EnterOrder = b'O', 45, Always {
            /// The client's number of the order.
            user_ref_num: U32,
            /// `code::side`.
            side: u8,
            /// Shares: 1 to `code::QUANTITY_MAX`.
            quantity: U32,
            /// Symbol.
            symbol: Symbol,
            /// Limit; `WirePrice::MARKET` is an order for a cross at any price.
            price: WirePrice,
            /// `code::time_in_force`.
            time_in_force: u8,
            /// `code::display`.
            display: u8,
            /// `code::capacity`.
            capacity: u8,
            /// `code::flag`: the other markets have been swept.
            intermarket_sweep_eligibility: u8,
            /// `code::cross`.
            cross_type: u8,
            /// The client's own name for it.
            clordid: ClOrdId,
        }

        /// Puts an order in the place of another.
        ReplaceOrder = b'U', 38, Always {
            /// The order to replace.
            orig_user_ref_num: U32,
            /// The number of the new one.
            user_ref_num: U32,
            /// Shares of the whole chain, what it has executed among them.
            quantity: U32,
            /// Limit.
            price: WirePrice,
            /// `code::time_in_force`.
            time_in_force: u8,
            /// `code::display`.
            display: u8,
            /// `code::flag`.
            intermarket_sweep_eligibility: u8,
            /// The client's own name for the new one.
            clordid: ClOrdId,
        }

        /// Reduces an order, or cancels it.
        CancelOrder = b'X', 9, Optional {
            /// The order.
            user_ref_num: U32,
            /// Shares that shall stay open; 0: none.
            quantity: U32,
        }

        /// Changes how an order sells, or reduces it; its place stays.
        ModifyOrder = b'M', 10, Optional {
            /// The order.
            user_ref_num: U32,
            /// `code::side`: from sell to one of the short sales, or from exempt to short.
            side: u8,
            /// Shares that shall stay open; no more than there are.
            quantity: U32,
        }

        /// Cancels all orders of a firm, a symbol, or what the options say.
        MassCancelRequest = b'C', 17, Always {
            /// The number of this request.
            user_ref_num: U32,
            /// Whose orders.
            firm: Firm,
            /// In which symbol; blank: all.
            symbol: Symbol,
        }

        /// Bars a firm from entering orders.
        DisableOrderEntryRequest = b'D', 9, Always {
            /// The number of this request.
            user_ref_num: U32,
            /// The firm.
            firm: Firm,
        }

        /// Lets a firm enter orders again.
        EnableOrderEntryRequest = b'E', 9, Always {
            /// The number of this request.
            user_ref_num: U32,
            /// The firm.
            firm: Firm,
        }

        /// Asks which `user_ref_num` is next.
        AccountQueryRequest = b'Q', 1, Optional {}
    }
}
