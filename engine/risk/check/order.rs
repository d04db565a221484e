//! Controls that look at one order and its instrument.
#![forbid(unsafe_code)]

use super::{Exposure, NOTIONAL_CEILING, QTY_CEILING, Refusal, Verdict, basis_points, refuse};
use crate::base::code::Code;
use crate::base::message::{Flags, Intent};
use crate::base::unit::*;
use crate::risk::limits::*;

/// 1: nothing new in a scope that was killed.
#[inline]
pub fn check_killed(state: TradingState, level: Level) -> Verdict {
    if state < TradingState::KILLED { Ok(()) } else { refuse(Code::KILLED.at(level), 0, 0) }
}

/// 1: in a scope that may only reduce, only what can but reduce; `worst` is the position after the worst case.
#[inline]
pub fn check_reduces(state: TradingState, level: Level, reduces: bool, worst: i128) -> Verdict {
    if state == TradingState::LIVE || reduces {
        return Ok(());
    }
    refuse(Code::REDUCE_ONLY.at(level), 0, worst)
}

/// 2: the strategy trades for this account.
#[inline]
pub fn check_account(intent: &Intent, account: AccountId) -> Verdict {
    if intent.account == account {
        return Ok(());
    }
    refuse(Code::WRONG_ACCOUNT, account.0.into(), intent.account.0.into())
}

/// 2: the strategy in `slot` may trade the instrument: its bit is set.
#[inline]
pub fn check_allowed(intent: &Intent, allowed: u16, slot: usize) -> Verdict {
    if allowed >> slot & 1 == 1 {
        return Ok(());
    }
    refuse(Code::NOT_ALLOWED, 0, intent.head.instrument.0.into())
}

/// 3: the instrument is one of those that the gate has a place for.
#[inline]
pub fn check_instrument(instrument: InstrumentId, known: usize) -> Verdict {
    if instrument.index() < known {
        return Ok(());
    }
    refuse(Code::UNKNOWN_INSTRUMENT, known as i128, instrument.0.into())
}

/// 3: the strategy saw a book to which nothing is missing.
#[inline]
pub fn check_health(intent: &Intent) -> Verdict {
    if intent.health == Health::LIVE {
        return Ok(());
    }
    refuse(Code::STALE_BOOK, 0, intent.health.0.into())
}

/// 3, 10: the strategy saw the market a moment ago, and not in the future. It may have waited until `now`.
#[inline]
pub fn check_market_age(intent: &Intent, now: Nanos, limit: Option<Nanos>) -> Verdict {
    let Some(limit) = limit else { return Ok(()) };
    let age = i128::from(intent.head.time.max(now).0) - i128::from(intent.seen.0);
    if (0..=i128::from(limit.0)).contains(&age) {
        return Ok(());
    }
    refuse(Code::OLD_MARKET, limit.0.into(), age)
}

/// 3: orders of this type are allowed in the phase that the instrument is in.
#[inline]
pub fn check_phase(intent: &Intent, phases: PhaseLimits) -> Verdict {
    let allowed = if intent.order_type == OrderType::MARKET { phases.market } else { phases.limit };
    if intent.phase.0 < 8 && allowed >> intent.phase.0 & 1 == 1 {
        return Ok(());
    }
    refuse(Code::PHASE, 0, intent.phase.0.into())
}

/// 4: the instrument is not on the restricted list.
#[inline]
pub fn check_restricted(restricted: bool) -> Verdict {
    if restricted { refuse(Code::RESTRICTED, 0, 0) } else { Ok(()) }
}

/// 4: of what is hard to borrow, no more is sold short than is located; `used` is what was before.
#[inline]
pub fn check_located(sale: Sale, added: Qty, used: Qty, located: Option<Qty>) -> Verdict {
    let Some(located) = located else { return Ok(()) };
    let value = i128::from(used.0) + i128::from(added.0);
    if !matches!(sale, Sale::SHORT | Sale::SHORT_EXEMPT) || value <= i128::from(located.0) {
        return Ok(());
    }
    refuse(Code::NO_LOCATE, located.0.into(), value)
}

/// 5: what the sale is to be marked as. `free` is what is owned and not on offer, without what the order takes the place
/// of; `before` is what that was marked as, which no replace can change.
///
/// # Errors
/// If `strict`, and the order's own mark is not what the sale is, or it takes the place of one that was of what is owned, and
/// it is not.
#[inline]
pub fn check_sale(
    intent: &Intent,
    free: i128,
    before: Option<Sale>,
    strict: bool,
) -> Result<Sale, Refusal> {
    if !strict && intent.side == Side::SELL {
        let found = if free >= i128::from(intent.qty.0) { Sale::LONG } else { Sale::SHORT };
        let own = if intent.sale == Sale::UNMARKED { found } else { intent.sale };
        return Ok(before.unwrap_or(own));
    }
    if intent.side.is_buy() {
        return if intent.sale == Sale::UNMARKED {
            Ok(Sale::UNMARKED)
        } else {
            refuse(Code::SALE_MARK, free, intent.qty.0.into())
        };
    }
    let owned = free >= i128::from(intent.qty.0);
    let mark = match (intent.sale, before) {
        // What was short when it was sent stays so.
        (Sale::UNMARKED, Some(before)) if before != Sale::LONG || owned => before,
        (Sale::UNMARKED, None) if owned => Sale::LONG,
        (Sale::UNMARKED, None) => Sale::SHORT,
        (Sale::LONG, None | Some(Sale::LONG)) if owned => Sale::LONG,
        (Sale::SHORT | Sale::SHORT_EXEMPT, None) if !owned => intent.sale,
        (Sale::SHORT | Sale::SHORT_EXEMPT, Some(before)) if before == intent.sale => before,
        _ => return refuse(Code::SALE_MARK, free, intent.qty.0.into()),
    };
    Ok(mark)
}

/// 5: while the price test is in force (rule 201), a short sale is priced above the best bid.
#[inline]
pub fn check_short_price(intent: &Intent, sale: Sale) -> Verdict {
    if sale != Sale::SHORT || !intent.head.flags.has(Flags::SHORT_TEST) {
        return Ok(());
    }
    let above = intent.order_type == OrderType::LIMIT && intent.price > intent.bid;
    if above && intent.bid.0 > 0 {
        return Ok(());
    }
    refuse(Code::SHORT_PRICE, intent.bid.0.into(), intent.price.0.into())
}

/// 6: side, quantity and price make an order.
#[inline]
pub fn check_form(intent: &Intent, negative_prices: bool) -> Verdict {
    let sided = intent.side == Side::BUY || intent.side == Side::SELL;
    let priced = match intent.order_type {
        OrderType::LIMIT => intent.price.0 > 0 || negative_prices,
        OrderType::MARKET => true,
        _ => false,
    };
    if sided && priced && intent.qty > Qty::ZERO && intent.qty <= QTY_CEILING {
        return Ok(());
    }
    refuse(Code::MALFORMED, QTY_CEILING.0.into(), intent.qty.0.into())
}

/// 6: the price is a multiple of the tick, the quantity one of the lot. A market order has no price.
#[inline]
pub fn check_steps(intent: &Intent, terms: &Terms) -> Verdict {
    if intent.order_type != OrderType::MARKET && intent.price.0 % terms.tick.0 != 0 {
        return refuse(Code::TICK, terms.tick.0.into(), intent.price.0.into());
    }
    if !intent.qty.0.is_multiple_of(terms.lot.0) {
        return refuse(Code::LOT, terms.lot.0.into(), intent.qty.0.into());
    }
    Ok(())
}

/// 7: quantity of one order. A replace counts with its new total.
#[inline]
pub fn check_order_qty(qty: Qty, limit: Option<Qty>) -> Verdict {
    match limit {
        Some(limit) if qty > limit => refuse(Code::ORDER_QTY, limit.0.into(), qty.0.into()),
        _ => Ok(()),
    }
}

/// 8: notional of one order, as `check::notional` tells it; a market order counts at the far side of its collar.
#[inline]
pub fn check_order_notional(notional: i128, limit: Option<Money>) -> Verdict {
    let limit = limit.map_or(NOTIONAL_CEILING, |limit| limit.0.min(NOTIONAL_CEILING));
    if notional <= limit {
        return Ok(());
    }
    refuse(Code::ORDER_NOTIONAL, limit, notional)
}

/// 9: quantity of one order against what is traded in a day.
#[inline]
pub fn check_average_volume(qty: Qty, average: Qty, limit_bp: Option<u32>) -> Verdict {
    let Some(limit_bp) = limit_bp else { return Ok(()) };
    if average == Qty::ZERO {
        return refuse(Code::NO_AVERAGE_VOLUME, 0, qty.0.into());
    }
    let limit = basis_points(average.0, limit_bp);
    if i128::from(qty.0) <= limit {
        return Ok(());
    }
    refuse(Code::AVERAGE_VOLUME, limit, qty.0.into())
}

/// The price that a collar is measured from: the opposite best; without it, `last`, the last price that is known; without
/// that, the last close. `None` without any.
#[inline]
pub fn reference(intent: &Intent, last: Price, terms: &Terms) -> Option<Price> {
    let far = if intent.side.is_buy() { intent.ask } else { intent.bid };
    [far, last, terms.previous_close].into_iter().find(|price| price.0 > 0)
}

/// The price that an order is counted at: the worst that it may trade at. For a purchase that is its limit; a sale below
/// the market trades at the market, so `reference` stands in for a limit below it.
#[inline]
pub fn counted_price(side: Side, limit: Price, reference: Option<Price>) -> Price {
    match reference {
        Some(market) if !side.is_buy() && market.0 > limit.0.saturating_abs() => market,
        _ => limit,
    }
}

/// How far the collar lets a price be from `reference`, which is above zero, in 1e-9.
#[inline]
fn width(collar: Collar, reference: Price) -> i128 {
    basis_points(reference.0.unsigned_abs(), collar.bp).max(collar.width.0.into())
}

/// 10: a buy not above the reference by more than the collar, a sale not below; with `passive`, not beyond it on the other
/// side either.
#[inline]
pub fn check_price_collar(
    intent: &Intent,
    reference: Option<Price>,
    limit: Option<Collar>,
) -> Verdict {
    let Some(collar) = limit else { return Ok(()) };
    let price = i128::from(intent.price.0);
    let Some(reference) = reference else { return refuse(Code::NO_REFERENCE_PRICE, 0, price) };
    let (centre, width) = (i128::from(reference.0), width(collar, reference));
    let (low, high) = (centre - width, centre + width);
    let (too_high, too_low) = (price > high, price < low);
    let (through, away) =
        if intent.side.is_buy() { (too_high, too_low) } else { (too_low, too_high) };
    if through || (away && collar.passive) {
        return refuse(Code::PRICE_COLLAR, if too_high { high } else { low }, price);
    }
    Ok(())
}

/// 11: the worst price that a market order may trade at: what is beyond it is left to be cancelled. On the tick, towards the
/// reference.
///
/// # Errors
/// Without a reference, or where the collar leaves no price above zero.
#[inline]
pub fn market_price(
    intent: &Intent,
    reference: Option<Price>,
    collar: Collar,
    tick: Price,
) -> Result<Price, Refusal> {
    let Some(reference) = reference else { return refuse(Code::NO_COLLAR_PRICE, 0, 0) };
    let (centre, width) = (i128::from(reference.0), width(collar, reference));
    let tick = i128::from(tick.0);
    let bound = if intent.side.is_buy() {
        (centre + width).div_euclid(tick) * tick
    } else {
        let low = centre - width;
        (low + tick - 1).div_euclid(tick) * tick
    };
    match i64::try_from(bound) {
        Ok(price) if price > 0 => Ok(Price(price)),
        _ => refuse(Code::NO_COLLAR_PRICE, reference.0.into(), bound),
    }
}

/// 12: position after the worst case on the order's side: all that is open there filled, and `added`.
#[inline]
pub fn check_position(
    side: Side,
    added: Qty,
    exposure: &Exposure,
    long_max: Option<Qty>,
    short_max: Option<Qty>,
) -> Verdict {
    let worst = exposure.worst(side, added);
    let (limit, beyond) =
        if side.is_buy() { (long_max, worst) } else { (short_max, worst.saturating_neg()) };
    match limit {
        Some(limit) if beyond > i128::from(limit.0) => {
            refuse(Code::POSITION, limit.0.into(), worst)
        }
        _ => Ok(()),
    }
}

/// 21: the order does not trade with ours: `ours` is the best price of the account on the other side.
#[inline]
pub fn check_self_trade(intent: &Intent, ours: Option<Price>) -> Verdict {
    match ours {
        Some(ours) if crosses(intent.side, intent.price, ours) => {
            refuse(Code::SELF_TRADE, ours.0.into(), intent.price.0.into())
        }
        _ => Ok(()),
    }
}

/// Whether an order of this side and price would trade with one at `other` on the other side.
#[inline]
pub fn crosses(side: Side, price: Price, other: Price) -> bool {
    if side.is_buy() { price >= other } else { price <= other }
}
