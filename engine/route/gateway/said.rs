//! What a message of the exchange says of an order, in the table's words.

use super::reason::{of_cancel, of_reject};
use super::table::Word;
use crate::base::code::Code;
use crate::wire::ouch::code::order_state;
use crate::wire::ouch::{Appendage, ClOrdId, Outbound, Symbol, TagValue, WirePrice};

/// What a message says of one order.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) word: Word,
    pub(super) reference: u32,
    /// Of a replace: the reference of the order that is gone.
    pub(super) orig: u32,
    /// Shares open now (accepted, replaced, modified), or gone now (executed, cancelled).
    pub(super) shares: u32,
    pub(super) side: u8,
    pub(super) symbol: Symbol,
    pub(super) price: WirePrice,
    pub(super) match_number: u64,
    pub(super) liquidity: u8,
    pub(super) code: Code,
    /// The exchange's number or letter for it.
    pub(super) reason: i64,
    pub(super) name: Option<ClOrdId>,
}

const NOTHING: Said = Said {
    word: Word::Told,
    reference: 0,
    orig: 0,
    shares: 0,
    side: b' ',
    symbol: Symbol::BLANK,
    price: WirePrice::from_e4(0),
    match_number: 0,
    liquidity: b' ',
    code: Code::NONE,
    reason: 0,
    name: None,
};

/// Whether a message is of our channel, which is the one that is not named; `None` if its options cannot be read.
pub(super) fn is_ours(appendage: Appendage<'_>) -> Option<bool> {
    if appendage.is_empty() {
        return Some(true);
    }
    let mut ours = true;
    for option in appendage.options() {
        if let TagValue::UserRefIdx(channel) = option.ok()? {
            ours = channel == 0;
        }
    }
    Some(ours)
}

/// Measures what is said against what is open.
pub(super) fn of_open(said: Said, open: u32) -> Said {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (word, shares) = match (said.word, said.shares.cmp(&open)) {
        (Word::Executed, Equal) => (Word::ExecutedAll, said.shares),
        (Word::Executed, Greater) => (Word::ExecutedOver, said.shares),
        (Word::Canceled, Equal) => (Word::CanceledAll, said.shares),
        (Word::Canceled, Greater) => (Word::CanceledOver, said.shares),
        // A modified order tells what is open now.
        (Word::Grown, Equal) => (Word::Told, 0),
        (Word::Grown, Less) if said.shares == 0 => (Word::CanceledAll, open),
        (Word::Grown, Less) => (Word::Canceled, open - said.shares),
        (word, _) => (word, said.shares),
    };
    Said { word, shares, ..said }
}

/// What a message says of an order.
pub(super) fn said(message: &Outbound<'_>) -> Said {
    match message {
        Outbound::OrderAccepted(m, _) => Said {
            word: if m.order_state == order_state::DEAD { Word::Dead } else { Word::Accepted },
            reference: m.user_ref_num.get(),
            shares: m.quantity.get(),
            side: m.side,
            symbol: m.symbol,
            price: m.price,
            name: Some(m.clordid),
            ..NOTHING
        },
        Outbound::OrderReplaced(m, _) => Said {
            word: if m.order_state == order_state::DEAD {
                Word::ReplacedDead
            } else {
                Word::Replaced
            },
            reference: m.user_ref_num.get(),
            orig: m.orig_user_ref_num.get(),
            shares: m.quantity.get(),
            side: m.side,
            symbol: m.symbol,
            price: m.price,
            name: Some(m.clordid),
            ..NOTHING
        },
        Outbound::OrderCanceled(m, _) => canceled(m.user_ref_num.get(), m.quantity.get(), m.reason),
        Outbound::AiqCanceledLegacy(m, _) => {
            canceled(m.user_ref_num.get(), m.decrement_shares.get(), m.reason)
        }
        Outbound::AiqCanceled(m, _) => {
            canceled(m.user_ref_num.get(), m.decrement_shares.get(), m.reason)
        }
        Outbound::OrderExecuted(m, _) => Said {
            word: Word::Executed,
            reference: m.user_ref_num.get(),
            shares: m.quantity.get(),
            price: m.price,
            match_number: m.match_number.get(),
            liquidity: m.liquidity_flag,
            ..NOTHING
        },
        Outbound::BrokenTrade(m, _) => Said {
            word: Word::Broken,
            reference: m.user_ref_num.get(),
            match_number: m.match_number.get(),
            reason: i64::from(m.reason),
            ..NOTHING
        },
        Outbound::TradeCorrection(m, _) => {
            Said { word: Word::Corrected, reference: m.user_ref_num.get(), ..NOTHING }
        }
        Outbound::Rejected(m, _) => Said {
            word: Word::Rejected,
            reference: m.user_ref_num.get(),
            code: of_reject(m.reason.get()),
            reason: i64::from(m.reason.get()),
            ..NOTHING
        },
        Outbound::CancelPending(m, _) => {
            Said { word: Word::CancelPends, reference: m.user_ref_num.get(), ..NOTHING }
        }
        Outbound::CancelReject(m, _) => {
            Said { word: Word::CancelRefused, reference: m.user_ref_num.get(), ..NOTHING }
        }
        Outbound::OrderModified(m, _) => Said {
            word: Word::Grown,
            reference: m.user_ref_num.get(),
            shares: m.quantity.get(),
            ..NOTHING
        },
        Outbound::OrderPriorityUpdate(m, _) => Said { reference: m.user_ref_num.get(), ..NOTHING },
        Outbound::OrderRestated(m, _) => Said { reference: m.user_ref_num.get(), ..NOTHING },
        // Of the session, not of an order.
        Outbound::SystemEvent(..)
        | Outbound::MassCancelResponse(..)
        | Outbound::DisableOrderEntryResponse(..)
        | Outbound::EnableOrderEntryResponse(..)
        | Outbound::AccountQueryResponse(..) => NOTHING,
    }
}

fn canceled(reference: u32, shares: u32, reason: u8) -> Said {
    let (code, reason) = (of_cancel(reason), i64::from(reason));
    Said { word: Word::Canceled, reference, shares, code, reason, ..NOTHING }
}
