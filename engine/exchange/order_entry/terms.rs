//! From what a client writes to what the matching core takes: options read, fields checked, and the reason for a reject.

use super::order::{Detail, Order};
use crate::base::unit::Side;
use crate::exchange::matching::{
    CrossSession, Display, Lasts, RejectReason, SelfMatch, Terms, is_reserve,
};
use crate::exchange::unit::{Locate, Price4};
use crate::wire::ouch::code::{
    QUANTITY_MAX, aiq, capacity, cross, customer, display, flag, handling, post_only, price_type,
    reject, side, time_in_force,
};
use crate::wire::ouch::{Appendage, EnterOrder, Firm, ReplaceOrder, TagError, TagValue, WirePrice};

/// Seconds of a day.
const DAY: u32 = 86_400;
/// From this price on, in 1e-4 of the dollar, prices are whole cents.
const WHOLE_CENTS_FROM: u64 = 10_000;
/// A firm that is not said: the account's own.
const BLANK: Firm = *b"    ";

/// OUCH's number for the matching core's reason.
pub const fn reject_code(reason: RejectReason) -> u16 {
    match reason {
        RejectReason::UnknownSymbol => reject::INVALID_SYMBOL,
        RejectReason::Quantity => reject::INVALID_QUANTITY,
        RejectReason::Price => reject::INVALID_PRICE,
        RejectReason::Minimum => reject::INVALID_MIN_QUANTITY,
        RejectReason::Halted => reject::HALTED,
        RejectReason::Closed => reject::DESTINATION_CLOSED,
        RejectReason::NoRoom => reject::PROCESSING_ERROR,
        RejectReason::Terms => reject::OTHER,
    }
}

/// The options of a message that mean something here, as far as they came; of one that came twice, the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) channel: u8,
    pub(super) firm: Option<Firm>,
    pub(super) minimum: Option<u32>,
    pub(super) floor: Option<u32>,
    pub(super) post_only: Option<u8>,
    pub(super) expires: Option<u32>,
    pub(super) side: Option<u8>,
    pub(super) group: Option<u16>,
    pub(super) aiq: Option<u8>,
    pub(super) aiq_group: Option<[u8; 2]>,
    /// Why an order with one of the other options cannot be taken: the first such reason.
    pub(super) refused: Option<u16>,
}

impl Options {
    /// Reads `appendage`.
    ///
    /// # Errors
    /// If it cannot be read to its end: then not even the channel is sure.
    pub(super) fn read(appendage: Appendage<'_>) -> Result<Self, TagError> {
        let mut found = Self::default();
        for option in appendage.options() {
            match option? {
                TagValue::UserRefIdx(channel) => found.channel = channel,
                TagValue::Firm(firm) => found.firm = Some(firm),
                TagValue::MinQty(shares) => found.minimum = Some(shares),
                TagValue::MaxFloor(shares) => found.floor = Some(shares),
                TagValue::PostOnly(code) => found.post_only = Some(code),
                TagValue::ExpireTime(seconds) => found.expires = Some(seconds),
                TagValue::Side(side) => found.side = Some(side),
                TagValue::GroupID(group) => found.group = Some(group),
                TagValue::AiqStrategy(strategy) => found.aiq = Some(strategy),
                TagValue::AiqGroupID(group) => found.aiq_group = Some(group),
                other => found.refused = found.refused.or(refusal(other)),
            }
        }
        Ok(found)
    }
}

/// Why an order with this option cannot be taken; `None` if the option changes nothing here.
const fn refusal(option: TagValue) -> Option<u16> {
    match option {
        TagValue::PriceType(price_type::LIMIT) => None,
        TagValue::PriceType(
            price_type::MARKET_PEG
            | price_type::MIDPOINT_PEG
            | price_type::PRIMARY_PEG
            | price_type::MARKET_MAKER_PEG
            | price_type::MIDPOINT,
        ) => Some(reject::PEGGING_NOT_ALLOWED),
        TagValue::PriceType(_) => Some(reject::INVALID_PEG_TYPE),
        TagValue::HandleInst(b' ') => None,
        TagValue::HandleInst(
            handling::RETAIL_1 | handling::RETAIL_2 | handling::RETAIL_IMPROVEMENT,
        ) => Some(reject::RETAIL_NOT_ALLOWED),
        TagValue::CustomerType(
            customer::RETAIL | customer::NOT_RETAIL | customer::DEFAULT | b'X',
        ) => None,
        TagValue::HandleInst(_) | TagValue::CustomerType(_) | TagValue::DiscretionPrice(_) => {
            Some(reject::OTHER)
        }
        TagValue::Route([b' ', b' ', b' ', b' ']) => None,
        TagValue::Route(_) => Some(reject::ROUTING_NOT_ALLOWED),
        _ => None,
    }
}

/// What an enter says. Errors: the reason for a reject, by what is looked at first.
pub(super) fn entered(
    message: &EnterOrder,
    options: &Options,
    locate: Option<Locate>,
) -> Result<Detail, u16> {
    let detail = Detail {
        side: message.side,
        locate: locate.ok_or(reject::INVALID_SYMBOL)?,
        price: message.price,
        time_in_force: message.time_in_force,
        display: message.display,
        capacity: message.capacity,
        sweep: message.intermarket_sweep_eligibility,
        cross: message.cross_type,
        clordid: message.clordid,
        firm: options.firm.unwrap_or(BLANK),
        minimum: options.minimum.unwrap_or(0),
        floor: options.floor.unwrap_or(0),
        post_only: is_post_only(options.post_only.unwrap_or(post_only::NO))?,
        expires: options.expires,
        group: options.group,
        aiq: options.aiq,
        aiq_group: options.aiq_group,
    };
    options.refused.map_or(Ok(detail), Err)
}

/// What a replace of `old` with `open` shares says: what it does not say is inherited, as far as it still makes sense.
pub(super) fn replaced(
    message: &ReplaceOrder,
    options: &Options,
    old: &Order,
    open: u32,
) -> Result<Detail, u16> {
    let before = old.detail;
    let is_hidden = message.display == display::HIDDEN;
    let is_immediate = message.time_in_force == time_in_force::IOC;
    let minimum = if is_hidden || is_immediate { before.minimum.min(open) } else { 0 };
    let floor = if is_hidden || before.floor >= open { 0 } else { before.floor };
    let post_only = match options.post_only {
        Some(code) => is_post_only(code)?,
        None => before.post_only && !is_immediate,
    };
    let side = options.side.unwrap_or(before.side);
    if !may_become(before.side, side) {
        return Err(reject::INVALID_SIDE);
    }
    let detail = Detail {
        side,
        price: message.price,
        time_in_force: message.time_in_force,
        display: message.display,
        sweep: message.intermarket_sweep_eligibility,
        clordid: message.clordid,
        firm: options.firm.unwrap_or(before.firm),
        minimum: options.minimum.unwrap_or(minimum),
        floor: options.floor.unwrap_or(floor),
        post_only,
        expires: options.expires.or(before.expires),
        group: options.group.or(before.group),
        aiq: options.aiq.or(before.aiq),
        aiq_group: options.aiq_group.or(before.aiq_group),
        ..before
    };
    options.refused.map_or(Ok(detail), Err)
}

/// Whether the side of a live order may change so: a sale to a short one, and an exempt one to one that is not.
pub(super) const fn may_become(from: u8, to: u8) -> bool {
    from == to
        || matches!(
            (from, to),
            (side::SELL, side::SELL_SHORT | side::SELL_SHORT_EXEMPT)
                | (side::SELL_SHORT_EXEMPT, side::SELL_SHORT)
        )
}

/// The terms of an order with `shares` open. Errors: the reason for a reject, by what is looked at first.
pub(super) fn terms(detail: &Detail, shares: u32, own_firm: Firm) -> Result<Terms, u16> {
    core_side(detail.side)?;
    if shares == 0 || shares > QUANTITY_MAX {
        return Err(reject::INVALID_QUANTITY);
    }
    if detail.firm != BLANK && detail.firm != own_firm {
        return Err(reject::FIRM_NOT_AUTHORIZED);
    }
    let lasts = lasts(detail)?;
    let session = session(detail.cross)?;
    let limit = limit(detail.price)?;
    let shown = shown(detail, shares)?;
    check_codes(detail, session)?;
    // Orders for a cross wait for it, and show nothing: they have no kinds.
    let is_continuous = session == CrossSession::Continuous;
    let is_immediate = lasts == Lasts::Immediate;
    if detail.post_only && (is_immediate || !is_continuous) {
        return Err(reject::OTHER);
    }
    if !is_continuous && matches!(shown, Display::Reserve(_)) {
        return Err(reject::INVALID_MAX_FLOOR);
    }
    let may_wait = is_continuous && (is_immediate || shown == Display::Hidden);
    if detail.minimum > shares || detail.minimum > 1 && !may_wait {
        return Err(reject::INVALID_MIN_QUANTITY);
    }
    if limit.is_none() && is_continuous && !is_immediate {
        return Err(reject::INVALID_PRICE);
    }
    let (minimum, post_only) = (detail.minimum, detail.post_only);
    Ok(Terms { limit, shares, lasts, display: shown, post_only, minimum })
}

/// Buy or sell, whatever kind of sale.
pub(super) const fn core_side(code: u8) -> Result<Side, u16> {
    match code {
        side::BUY => Ok(Side::BUY),
        side::SELL | side::SELL_SHORT | side::SELL_SHORT_EXEMPT => Ok(Side::SELL),
        _ => Err(reject::INVALID_SIDE),
    }
}

/// Which cross an order of that type is for.
pub(super) const fn session(cross_type: u8) -> Result<CrossSession, u16> {
    match cross_type {
        cross::CONTINUOUS => Ok(CrossSession::Continuous),
        cross::OPENING => Ok(CrossSession::Opening),
        cross::CLOSING => Ok(CrossSession::Closing),
        cross::RETAIL => Err(reject::RETAIL_NOT_ALLOWED),
        _ => Err(reject::INVALID_CROSS_ORDER),
    }
}

/// What an order asks for against its own account; `None`: nothing, what the account says holds.
///
/// The matching core knows participants only, so organisations and groups are the account here.
pub(super) const fn self_match(strategy: u8) -> Option<SelfMatch> {
    match strategy {
        aiq::OLDEST | aiq::ORG_OLDEST => Some(SelfMatch::CancelResting),
        aiq::NEWEST | aiq::ORG_NEWEST => Some(SelfMatch::CancelIncoming),
        aiq::DECREMENT | aiq::DECREMENT_SILENT | aiq::ORG_DECREMENT | aiq::ORG_DECREMENT_SILENT => {
            Some(SelfMatch::DecrementBoth)
        }
        _ => None,
    }
}

/// The strategy's letter for what an account says.
pub(super) const fn aiq_letter(self_match: SelfMatch) -> u8 {
    match self_match {
        SelfMatch::Allow => b' ',
        SelfMatch::CancelResting => aiq::OLDEST,
        SelfMatch::CancelIncoming => aiq::NEWEST,
        SelfMatch::DecrementBoth => aiq::DECREMENT,
    }
}

fn is_post_only(code: u8) -> Result<bool, u16> {
    match code {
        post_only::YES => Ok(true),
        post_only::NO => Ok(false),
        _ => Err(reject::OTHER),
    }
}

fn lasts(detail: &Detail) -> Result<Lasts, u16> {
    match detail.time_in_force {
        time_in_force::DAY | time_in_force::GTX | time_in_force::AFTER_HOURS => Ok(Lasts::Day),
        time_in_force::GTT if detail.expires.is_some_and(|seconds| seconds < DAY) => Ok(Lasts::Day),
        // An order for a cross only is gone after it, immediate or not.
        time_in_force::IOC if detail.cross != cross::CONTINUOUS => Ok(Lasts::Day),
        time_in_force::IOC => Ok(Lasts::Immediate),
        _ => Err(reject::OTHER),
    }
}

fn limit(price: WirePrice) -> Result<Option<Price4>, u16> {
    if price.is_market() {
        return Ok(None);
    }
    let e4 = price.e4();
    let is_too_fine = e4 >= WHOLE_CENTS_FROM && !e4.is_multiple_of(100);
    if e4 == 0 || e4 > WirePrice::LIMIT_MAX.e4() || is_too_fine {
        return Err(reject::INVALID_PRICE);
    }
    u32::try_from(e4).map(|e4| Some(Price4(e4))).map_err(|_| reject::INVALID_PRICE)
}

fn shown(detail: &Detail, shares: u32) -> Result<Display, u16> {
    match detail.display {
        display::HIDDEN if detail.floor > 0 => Err(reject::INVALID_MAX_FLOOR),
        display::HIDDEN => Ok(Display::Hidden),
        display::VISIBLE | display::ATTRIBUTABLE => match detail.floor {
            0 => Ok(Display::Full),
            floor if floor == shares => Ok(Display::Full),
            floor if is_reserve(shares, floor) => Ok(Display::Reserve(floor)),
            _ => Err(reject::INVALID_MAX_FLOOR),
        },
        _ => Err(reject::INVALID_DISPLAY),
    }
}

fn check_codes(detail: &Detail, session: CrossSession) -> Result<(), u16> {
    let capacities = [capacity::AGENCY, capacity::PRINCIPAL, capacity::RISKLESS, capacity::OTHER];
    if !capacities.contains(&detail.capacity) {
        return Err(reject::OTHER);
    }
    match detail.sweep {
        flag::YES if session != CrossSession::Continuous => Err(reject::ISO_NOT_ALLOWED),
        flag::YES | flag::NO => Ok(()),
        _ => Err(reject::OTHER),
    }
}
