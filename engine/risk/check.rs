//! The checks, one function each: plain arithmetic over what it is shown, no state of its own.
//!
//! Integers only, saturating by name. A check that lacks what it needs to judge refuses. Orders that can only reduce a
//! position are not stopped by the position limit. Cancels never come here.
#![forbid(unsafe_code)]

use super::limits::{Limits, Terms};
use crate::base::code::Code;
use crate::base::message::Intent;
use crate::base::unit::{Health, InstrumentId, OrderType, Position, Qty, Side};

/// Why an intent does not pass: which check, its limit, and what would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The check.
    pub code: Code,
    /// Its limit, in the unit that the code names.
    pub limit: i64,
    /// What the intent would have made it.
    pub value: i64,
}

/// The outcome of a check.
pub type Verdict = Result<(), Refusal>;

/// What is at stake in one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Held.
    pub position: Position,
    /// Bids that may still fill.
    pub open_buys: Qty,
    /// Offers that may still fill.
    pub open_sells: Qty,
}

fn refuse(code: Code, limit: i64, value: i64) -> Verdict {
    Err(Refusal { code, limit, value })
}

fn capped(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount > 0 { i64::MAX } else { i64::MIN })
}

/// 1: nothing new while the kill switch is pulled.
pub fn check_killed(killed: bool) -> Verdict {
    if killed { refuse(Code::KILLED, 0, 0) } else { Ok(()) }
}

/// 3: the instrument is one of those that the gate has a place for.
pub fn check_instrument(instrument: InstrumentId, known: usize) -> Verdict {
    if instrument.index() < known {
        return Ok(());
    }
    refuse(Code::UNKNOWN_INSTRUMENT, known as i64, i64::from(instrument.0))
}

/// 3: the strategy saw a book to which nothing is missing.
pub fn check_health(intent: &Intent) -> Verdict {
    if intent.health == Health::LIVE {
        return Ok(());
    }
    refuse(Code::STALE_BOOK, 0, i64::from(intent.health.0))
}

/// 6: side, quantity and price make an order.
pub fn check_form(intent: &Intent) -> Verdict {
    let sided = intent.side == Side::BUY || intent.side == Side::SELL;
    let priced = match intent.order_type {
        OrderType::LIMIT => intent.price.0 > 0,
        OrderType::MARKET => true,
        _ => false,
    };
    if sided && priced && intent.qty.0 > 0 {
        return Ok(());
    }
    refuse(Code::MALFORMED, 0, intent.qty.signed())
}

/// 6: the price is a multiple of the tick, the quantity one of the lot. A market order has no price.
pub fn check_steps(intent: &Intent, terms: &Terms) -> Verdict {
    if intent.order_type != OrderType::MARKET && intent.price.0 % terms.tick.0 != 0 {
        return refuse(Code::TICK, terms.tick.0, intent.price.0);
    }
    if !intent.qty.0.is_multiple_of(terms.lot.0) {
        return refuse(Code::LOT, terms.lot.signed(), intent.qty.signed());
    }
    Ok(())
}

/// 7: quantity of one order. A replace counts with its new total.
pub fn check_order_qty(intent: &Intent, limits: &Limits) -> Verdict {
    if intent.qty <= limits.order_qty_max {
        return Ok(());
    }
    refuse(Code::ORDER_QTY, limits.order_qty_max.signed(), intent.qty.signed())
}

/// 8: price x quantity x multiplier of one order; a market order counts at the far side of its collar.
pub fn check_order_notional(intent: &Intent, terms: &Terms, limits: &Limits) -> Verdict {
    let price = match intent.order_type {
        OrderType::MARKET => collar(intent, limits)?,
        _ => intent.price.0,
    };
    let notional = i128::from(price).unsigned_abs().saturating_mul(u128::from(intent.qty.0));
    let notional = notional.saturating_mul(u128::from(terms.multiplier));
    if notional <= limits.order_notional_max.0.unsigned_abs() {
        return Ok(());
    }
    let value = i128::try_from(notional).unwrap_or(i128::MAX);
    refuse(Code::ORDER_NOTIONAL, capped(limits.order_notional_max.0), capped(value))
}

/// 10: a buy not above the best ask, a sell not below the best bid, by more than the collar. Without the side that it
/// would trade against, the own side's best is the reference; without either there is none and the order is refused.
pub fn check_price_collar(intent: &Intent, limits: &Limits) -> Verdict {
    let bound = collar(intent, limits)?;
    if intent.order_type == OrderType::MARKET {
        return Ok(());
    }
    let through =
        if intent.side.is_buy() { intent.price.0 > bound } else { intent.price.0 < bound };
    if through { refuse(Code::PRICE_COLLAR, bound, intent.price.0) } else { Ok(()) }
}

/// The worst price that the collar allows, in 1e-9.
fn collar(intent: &Intent, limits: &Limits) -> Result<i64, Refusal> {
    let (far, near) = if intent.side.is_buy() {
        (intent.ask.0, intent.bid.0)
    } else {
        (intent.bid.0, intent.ask.0)
    };
    let reference = if far > 0 { far } else { near };
    if reference <= 0 {
        return Err(Refusal { code: Code::NO_REFERENCE_PRICE, limit: 0, value: intent.price.0 });
    }
    let width = i128::from(reference) * i128::from(limits.collar_bp) / 10_000;
    let width = if intent.side.is_buy() { width } else { -width };
    Ok(capped(i128::from(reference) + width))
}

/// 12: position after the worst-case fill on the order's side: all that is open there, and `added`.
pub fn check_position(side: Side, added: Qty, exposure: &Exposure, limits: &Limits) -> Verdict {
    let (held, open) = (i128::from(exposure.position.0), i128::from(added.0));
    let worst = if side.is_buy() {
        held + i128::from(exposure.open_buys.0) + open
    } else {
        held - i128::from(exposure.open_sells.0) - open
    };
    // On the other side of flat or nearer to it: it can only reduce.
    let reduces = if side.is_buy() { worst <= 0 } else { worst >= 0 };
    let limit = limits.position_max.signed();
    if reduces || worst.unsigned_abs() <= u128::from(limits.position_max.0) {
        return Ok(());
    }
    refuse(Code::POSITION, limit, capped(worst))
}

/// 18: orders open at once.
pub fn check_open_orders(open: usize, limits: &Limits) -> Verdict {
    if open < limits.open_orders_max {
        return Ok(());
    }
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    refuse(Code::OPEN_ORDERS, count(limits.open_orders_max), count(open).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::{Money, Price};
    use proptest::prelude::*;

    fn limits() -> Limits {
        Limits {
            order_qty_max: Qty(1_000),
            order_notional_max: Money(100_000 * 1_000_000_000),
            collar_bp: 500,
            position_max: Qty(2_000),
            open_orders_max: 4,
        }
    }

    fn order(side: Side, e4: u32, qty: u64) -> Intent {
        Intent {
            health: Health::LIVE,
            side,
            price: Price::from_e4(e4),
            qty: Qty(qty),
            bid: Price::from_e4(990_000),
            ask: Price::from_e4(1_000_000),
            order_type: OrderType::LIMIT,
            ..Intent::default()
        }
    }

    fn code(verdict: Verdict) -> Code {
        verdict.err().map_or(Code::NONE, |refusal| refusal.code)
    }

    #[test]
    fn each_limit_holds_at_its_edge() {
        let l = limits();
        assert_eq!(code(check_order_qty(&order(Side::BUY, 1, 1_000), &l)), Code::NONE);
        assert_eq!(code(check_order_qty(&order(Side::BUY, 1, 1_001), &l)), Code::ORDER_QTY);
        let one = Terms::default();
        let whole = order(Side::BUY, 1_000_000, 1_000);
        assert_eq!(code(check_order_notional(&whole, &one, &l)), Code::NONE);
        let over = check_order_notional(&order(Side::SELL, 1_000_001, 1_000), &one, &l);
        assert_eq!(code(over), Code::ORDER_NOTIONAL);
        assert_eq!(code(check_price_collar(&order(Side::BUY, 1_050_000, 1), &l)), Code::NONE);
        assert_eq!(
            code(check_price_collar(&order(Side::BUY, 1_050_001, 1), &l)),
            Code::PRICE_COLLAR
        );
        assert_eq!(code(check_price_collar(&order(Side::SELL, 940_500, 1), &l)), Code::NONE);
        assert_eq!(
            code(check_price_collar(&order(Side::SELL, 940_499, 1), &l)),
            Code::PRICE_COLLAR
        );
        assert_eq!(code(check_open_orders(3, &l)), Code::NONE);
        assert_eq!(code(check_open_orders(4, &l)), Code::OPEN_ORDERS);
        assert_eq!(code(check_killed(true)), Code::KILLED);
        assert_eq!(code(check_instrument(InstrumentId(7), 7)), Code::UNKNOWN_INSTRUMENT);
        assert_eq!(code(check_instrument(InstrumentId::NONE, 7)), Code::UNKNOWN_INSTRUMENT);
        assert_eq!(code(check_form(&order(Side::BUY, 0, 1))), Code::MALFORMED);
        assert_eq!(code(check_form(&order(Side(9), 1, 1))), Code::MALFORMED);
        assert_eq!(code(check_form(&order(Side::SELL, 1, 0))), Code::MALFORMED);
    }

    #[test]
    fn an_order_is_held_against_the_terms_of_its_instrument() {
        let l = limits();
        let terms =
            Terms { multiplier: 50, tick: Price::from_e4(2_500), lot: Qty(2), ..Terms::default() };
        let notional =
            |qty| code(check_order_notional(&order(Side::BUY, 1_000_000, qty), &terms, &l));
        assert_eq!((notional(20), notional(21)), (Code::NONE, Code::ORDER_NOTIONAL));
        let steps = |e4, qty| code(check_steps(&order(Side::BUY, e4, qty), &terms));
        assert_eq!(steps(1_002_500, 4), Code::NONE);
        assert_eq!((steps(1_002_400, 4), steps(1_002_500, 3)), (Code::TICK, Code::LOT));
        let market = Intent { order_type: OrderType::MARKET, ..order(Side::BUY, 1, 4) };
        assert_eq!(code(check_steps(&market, &terms)), Code::NONE);
        let any = Intent { price: Price(7), ..order(Side::BUY, 1, 3) };
        assert_eq!(code(check_steps(&any, &Terms::default())), Code::NONE);
    }

    #[test]
    fn the_collar_takes_the_own_side_where_the_other_is_empty_and_refuses_without_either() {
        let l = limits();
        let one_sided = Intent { ask: Price(0), ..order(Side::BUY, 1_039_500, 1) };
        assert_eq!(code(check_price_collar(&one_sided, &l)), Code::NONE);
        let beyond = Intent { price: Price::from_e4(1_039_501), ..one_sided };
        assert_eq!(code(check_price_collar(&beyond, &l)), Code::PRICE_COLLAR);
        let blind = Intent { bid: Price(0), ..one_sided };
        assert_eq!(code(check_price_collar(&blind, &l)), Code::NO_REFERENCE_PRICE);
        let market = Intent { order_type: OrderType::MARKET, ..blind };
        assert_eq!(
            code(check_order_notional(&market, &Terms::default(), &l)),
            Code::NO_REFERENCE_PRICE
        );
    }

    #[test]
    fn an_order_that_only_reduces_passes_the_position_limit() {
        let long = Exposure { position: Position(5_000), ..Exposure::default() };
        assert_eq!(code(check_position(Side::SELL, Qty(5_000), &long, &limits())), Code::NONE);
        assert_eq!(code(check_position(Side::SELL, Qty(7_000), &long, &limits())), Code::NONE);
        assert_eq!(code(check_position(Side::SELL, Qty(7_001), &long, &limits())), Code::POSITION);
        assert_eq!(code(check_position(Side::BUY, Qty(1), &long, &limits())), Code::POSITION);
    }

    proptest! {
        /// Against a naive model in `i128`, at the extremes too.
        #[test]
        fn checks_agree_with_a_naive_model(
            buy in any::<bool>(),
            price in prop_oneof![any::<i64>(), 0i64..2_000_000_000_000, Just(i64::MAX), Just(0)],
            qty in prop_oneof![any::<u64>(), 0u64..3_000, Just(u64::MAX)],
            bid in prop_oneof![0i64..2_000_000_000_000, Just(i64::MAX)],
            held in prop_oneof![any::<i64>(), -3_000i64..3_000],
            open in prop_oneof![any::<u64>(), 0u64..3_000],
        ) {
            let l = limits();
            let side = if buy { Side::BUY } else { Side::SELL };
            let intent = Intent {
                price: Price(price), qty: Qty(qty), bid: Price(bid), ask: Price(bid),
                ..order(side, 1, 1)
            };
            prop_assert_eq!(check_order_qty(&intent, &l).is_ok(), qty <= 1_000);
            if let Some(notional) = i128::from(price).checked_mul(i128::from(qty)) {
                let fits = notional.abs() <= l.order_notional_max.0;
                let one = Terms::default();
                prop_assert_eq!(check_order_notional(&intent, &one, &l).is_ok(), fits);
            }
            let width = i128::from(bid) * 500 / 10_000;
            let inside = if buy {
                i128::from(price) <= (i128::from(bid) + width).min(i128::from(i64::MAX))
            } else {
                i128::from(price) >= i128::from(bid) - width
            };
            prop_assert_eq!(check_price_collar(&intent, &l).is_ok(), bid > 0 && inside);
            let exposure = Exposure {
                position: Position(held), open_buys: Qty(open), open_sells: Qty(open),
            };
            let sign = if buy { 1 } else { -1 };
            let worst = i128::from(held) + sign * (i128::from(open) + i128::from(qty));
            let fits = worst.abs() <= 2_000 || worst * sign <= 0;
            prop_assert_eq!(check_position(side, Qty(qty), &exposure, &l).is_ok(), fits);
        }
    }
}
