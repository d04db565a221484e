//! Controls that are added up over a scope: firm, account, strategy, instrument.
#![forbid(unsafe_code)]

use super::{Verdict, refuse};
use crate::base::code::Code;
use crate::base::unit::*;
use crate::risk::limits::*;

/// Orders of a scope before its orders are held against its trades.
pub const ORDERS_BEFORE_RATIO: u64 = 100;

/// What a scope has traded and may still trade, in 1e-9 of the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Notional of bids that may still fill.
    pub open_buys: i128,
    /// Notional of offers that may still fill.
    pub open_sells: i128,
    /// Notional bought.
    pub bought: i128,
    /// Notional sold.
    pub sold: i128,
    /// What open positions cost, without sign.
    pub invested: i128,
}

impl Turnover {
    /// 13: traded and open, both sides added.
    pub fn gross(&self) -> i128 {
        let traded = self.bought.saturating_add(self.sold);
        traded.saturating_add(self.open_buys).saturating_add(self.open_sells)
    }

    /// 14: purchases less sales, with all that is open on one side filled; above zero where that side prevails.
    pub fn net(&self, side: Side) -> i128 {
        let net = self.bought.saturating_sub(self.sold);
        if side.is_buy() {
            net.saturating_add(self.open_buys)
        } else {
            self.open_sells.saturating_sub(net)
        }
    }

    /// 15: cost of open positions and of open orders.
    pub fn credit(&self) -> i128 {
        self.invested.saturating_add(self.open_buys).saturating_add(self.open_sells)
    }
}

/// Holds what a scope would have used against a limit.
#[inline]
fn within(limit: Option<Money>, used: i128, added: i128, code: Code, level: Level) -> Verdict {
    let Some(limit) = limit else { return Ok(()) };
    let value = used.saturating_add(added);
    if value <= limit.0 { Ok(()) } else { refuse(code.at(level), limit.0, value) }
}

/// 13: gross exposure with an order that adds this notional.
#[inline]
pub fn check_gross(
    turnover: &Turnover,
    added: i128,
    limit: Option<Money>,
    level: Level,
) -> Verdict {
    within(limit, turnover.gross(), added, Code::GROSS, level)
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
    within(limit, turnover.credit(), added, Code::CREDIT, level)
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
