//! Controls that are added up over a scope: firm, account, strategy, instrument.
#![forbid(unsafe_code)]

use super::{Verdict, refuse};
use crate::base::code::Code;
use crate::base::unit::*;
use crate::risk::limits::*;

/// Orders of a scope before its orders are held against its trades.
pub const ORDERS_BEFORE_RATIO: u64 = 100;

/// What a scope has traded and may still trade, in 1e-9 of the currency: the sums that the controls ask for, kept rather than
/// their parts. A sum that has reached its end stays there: nothing is let through because of what did not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Turnover {
    /// 13: bought, sold, and open on both sides.
    pub gross: i128,
    /// 14: purchases less sales, with all open bids filled.
    pub net_bought: i128,
    /// 14: sales less purchases, with all open offers filled.
    pub net_sold: i128,
    /// 15: cost of open positions, without sign, and of open orders.
    pub credit: i128,
}

impl Turnover {
    /// 14: net on a side, all that is open there filled; above zero where that side prevails.
    #[inline]
    pub fn net(&self, side: Side) -> i128 {
        if side.is_buy() { self.net_bought } else { self.net_sold }
    }

    /// So much more is open on a side.
    #[inline]
    pub fn reserve(&mut self, side: Side, notional: i128) {
        more(&mut self.gross, notional);
        more(&mut self.credit, notional);
        more(self.net_mut(side), notional);
    }

    /// So much is open no more.
    #[inline]
    pub fn release(&mut self, side: Side, notional: i128) {
        less(&mut self.gross, notional);
        less(&mut self.credit, notional);
        less(self.net_mut(side), notional);
    }

    /// So much was bought (below zero: sold), and the cost of positions rose by `invested`.
    pub fn trade(&mut self, paid: i128, invested: i128) {
        self.gross = self.gross.saturating_add(paid.saturating_abs());
        less(&mut self.net_bought, paid.saturating_neg());
        less(&mut self.net_sold, paid);
        less(&mut self.credit, invested.saturating_neg());
    }

    #[inline]
    fn net_mut(&mut self, side: Side) -> &mut i128 {
        if side.is_buy() { &mut self.net_bought } else { &mut self.net_sold }
    }
}

/// A sum gets larger, up to its end; `notional` is none below zero.
#[inline]
fn more(sum: &mut i128, notional: i128) {
    // A branch that is never taken is cheaper than working out where the end is.
    *sum = sum.checked_add(notional).unwrap_or_else(end);
}

#[cold]
fn end() -> i128 {
    i128::MAX
}

/// A sum gets smaller, unless it was capped.
#[inline]
fn less(sum: &mut i128, by: i128) {
    *sum = if *sum == i128::MAX { i128::MAX } else { sum.saturating_sub(by) };
}

/// Holds what a scope would have used against a limit.
#[inline]
fn within(limit: Option<Money>, used: i128, added: i128, code: Code, level: Level) -> Verdict {
    let Some(limit) = limit else { return Ok(()) };
    match used.checked_add(added) {
        Some(value) if value <= limit.0 => Ok(()),
        _ => exceeded(limit, used.saturating_add(added), code.at(level)),
    }
}

#[cold]
fn exceeded(limit: Money, value: i128, code: Code) -> Verdict {
    if value <= limit.0 { Ok(()) } else { refuse(code, limit.0, value) }
}

/// 13: gross exposure with an order that adds this notional.
#[inline]
pub fn check_gross(
    turnover: &Turnover,
    added: i128,
    limit: Option<Money>,
    level: Level,
) -> Verdict {
    within(limit, turnover.gross, added, Code::GROSS, level)
}

/// 14: net exposure on the order's side with an order that adds this notional.
#[inline]
pub fn check_net(
    turnover: &Turnover,
    side: Side,
    added: i128,
    limit: Option<Money>,
    level: Level,
) -> Verdict {
    within(limit, turnover.net(side), added, Code::NET, level)
}

/// 15: credit with an order that adds this notional.
#[inline]
pub fn check_credit(
    turnover: &Turnover,
    added: i128,
    limit: Option<Money>,
    level: Level,
) -> Verdict {
    within(limit, turnover.credit, added, Code::CREDIT, level)
}

/// 16: what was ordered within the window, and this order.
#[inline]
pub fn check_window(
    used: (u128, u64),
    notional: i128,
    qty: Qty,
    limit: &WindowLimit,
    level: Level,
) -> Verdict {
    let value = i128::try_from(used.0).unwrap_or(i128::MAX);
    within(limit.value_max, value, notional, Code::WINDOW_VALUE, level)?;
    let total = i128::from(used.1) + i128::from(qty.0);
    match limit.qty_max {
        Some(limit) if total > i128::from(limit.0) => {
            refuse(Code::WINDOW_QTY.at(level), limit.0.into(), total)
        }
        _ => Ok(()),
    }
}

/// 17: the next order need not wait.
#[inline]
pub fn check_rate(wait: Nanos, limit: &RateLimit, level: Level) -> Verdict {
    if wait == Nanos(0) {
        return Ok(());
    }
    refuse(Code::RATE.at(level), limit.per_second.into(), wait.0.into())
}

/// 18: orders open at once, with one more.
#[inline]
pub fn check_open_orders(open: u32, limit: Option<u32>, level: Level) -> Verdict {
    match limit {
        Some(limit) if open >= limit => {
            refuse(Code::OPEN_ORDERS.at(level), limit.into(), i128::from(open) + 1)
        }
        _ => Ok(()),
    }
}

/// 18: orders for each trade, with one more, once there were a hundred.
#[inline]
pub fn check_orders_per_trade(
    orders: u64,
    trades: u64,
    limit: Option<u32>,
    level: Level,
) -> Verdict {
    let Some(limit) = limit else { return Ok(()) };
    let (orders, trades) = (u128::from(orders) + 1, u128::from(trades.max(1)));
    if orders <= u128::from(ORDERS_BEFORE_RATIO) || orders <= trades * u128::from(limit) {
        return Ok(());
    }
    refuse(Code::ORDERS_PER_TRADE.at(level), limit.into(), (orders / trades) as i128)
}

/// 22: what a profit or loss leads to.
#[inline]
pub fn state_at(profit: i128, limits: &LevelLimits) -> TradingState {
    let reached = |limit: Option<Money>| limit.is_some_and(|limit| profit <= -limit.0);
    if reached(limits.loss_kill) {
        TradingState::KILLED
    } else if reached(limits.loss_reduce) {
        TradingState::REDUCE_ONLY
    } else {
        TradingState::LIVE
    }
}

/// 23: the breaker is closed, or it lets a trial through; `wait` is how long it does not.
#[inline]
pub fn check_breaker(wait: Result<(), Nanos>, level: Level) -> Verdict {
    wait.or_else(|wait| refuse(Code::BREAKER.at(level), 0, wait.0.into()))
}

/// 25: an order's children are for no more than it is. `parent` is what is left of it, if it is known.
#[inline]
pub fn check_parent(order: OrderId, qty: Qty, parent: Option<Qty>) -> Verdict {
    let left = parent.unwrap_or(Qty::ZERO);
    if order == OrderId::NONE || qty <= left {
        return Ok(());
    }
    refuse(Code::PARENT, left.0.into(), qty.0.into())
}
