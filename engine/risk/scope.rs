//! What each scope has used of its limits: the firm, its accounts, their strategies, the instruments.
//!
//! An order is counted in four scopes at once ([`Slots`]), and in all of them or in none: the gate counts only what has
//! passed every control. Profit is cash (what sales brought, less what purchases cost and fees) plus what positions are worth
//! at their marks, so it adds up over scopes and needs no cost.
#![forbid(unsafe_code)]

use super::check::Turnover;
use super::limits::*;
use super::throttle::Throttle;
use super::window::Window;
use crate::base::unit::*;

/// Scopes that are not instruments: the firm, accounts, strategies.
pub(super) const SLOTS: usize = 1 + ACCOUNTS_MAX + STRATEGIES_MAX;

/// What a scope has used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) turnover: Turnover,
    /// What sales brought, less what purchases cost, less fees.
    cash: i128,
    /// What positions would bring at their marks.
    worth: i128,
    /// Orders and replaces accepted.
    pub(super) orders: u64,
    pub(super) trades: u64,
    pub(super) throttle: Throttle,
    /// When it was held to less; for how long it takes until nothing is open.
    pub(super) tightened_at: Nanos,
    /// When it was last resumed: what was decided before that holds no more.
    pub(super) resumed_at: Nanos,
    pub(super) open_orders: u32,
    pub(super) state: TradingState,
    /// Book shards that are to cancel what they have open here: a bit each.
    pub(super) pull: u8,
    /// What it was last warned of: by limit, the share of it in per cent.
    pub(super) warned: [u8; Use::COUNT],
}

impl Tally {
    /// Profit of the day, fees paid; a loss below zero.
    pub(super) fn profit(&self) -> i128 {
        self.cash.saturating_add(self.worth)
    }

    /// A fill of this notional, signed: what was paid above zero.
    pub(super) fn traded(&mut self, paid: i128, fee: i128, invested: i128) {
        let side = if paid >= 0 { &mut self.turnover.bought } else { &mut self.turnover.sold };
        *side = side.saturating_add(paid.saturating_abs());
        self.cash = self.cash.saturating_sub(paid).saturating_sub(fee);
        self.turnover.invested = self.turnover.invested.saturating_add(invested);
    }

    /// Positions are worth so much more.
    pub(super) fn revalue(&mut self, more: i128) {
        self.worth = self.worth.saturating_add(more);
    }

    /// Reserves a notional for what may still fill on a side.
    pub(super) fn reserve(&mut self, side: Side, notional: i128) {
        let open = self.open(side);
        *open = open.saturating_add(notional);
    }

    /// Releases it.
    pub(super) fn release(&mut self, side: Side, notional: i128) {
        let open = self.open(side);
        debug_assert!(*open >= notional, "Invariant: what is released was reserved");
        *open = open.saturating_sub(notional).max(0);
    }

    fn open(&mut self, side: Side) -> &mut i128 {
        if side.is_buy() { &mut self.turnover.open_buys } else { &mut self.turnover.open_sells }
    }
}

/// How much of a limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// In the limit's unit.
    pub used: i128,
    /// `None`: it is off.
    pub limit: Option<i128>,
}

impl Use {
    /// Limits of a scope of which the use is told.
    pub const COUNT: usize = crate::telemetry::USES;
    /// What they are called, in order.
    pub const NAMES: [&'static str; Self::COUNT] = crate::telemetry::USE_NAMES;
    /// The share of a limit at which it is warned of, in per cent.
    pub const STEPS: [u8; 4] = [50, 75, 90, 95];

    /// The highest step that is reached; 0 for none.
    pub fn step(&self) -> u8 {
        let Some(limit) = self.limit else { return 0 };
        let reached = |step: u8| {
            self.used.saturating_mul(100) >= limit.saturating_mul(step.into()) && self.used > 0
        };
        Self::STEPS.into_iter().rev().find(|step| reached(*step)).unwrap_or(0)
    }
}

/// The uses of a scope, in the order of [`Use::NAMES`].
pub(super) fn uses(
    tally: &Tally,
    window: &Window,
    limits: &LevelLimits,
    now: Nanos,
) -> [Use; Use::COUNT] {
    let money = |used: i128, limit: Option<Money>| Use { used, limit: limit.map(|it| it.0) };
    let count =
        |used: u64, limit: Option<u32>| Use { used: used.into(), limit: limit.map(i128::from) };
    let turnover = &tally.turnover;
    let net = turnover.net(Side::BUY).max(turnover.net(Side::SELL));
    let (value, qty) = match &limits.window {
        Some(limit) => {
            let (value, qty) = window.sums(limit.within, now);
            let value = i128::try_from(value).unwrap_or(i128::MAX);
            let qty = Use { used: qty.into(), limit: limit.qty_max.map(|max| max.0.into()) };
            (money(value, limit.value_max), qty)
        }
        None => (Use { used: 0, limit: None }, Use { used: 0, limit: None }),
    };
    // While there are few, the ratio says nothing.
    let ratio = if tally.orders > super::check::ORDERS_BEFORE_RATIO {
        tally.orders / tally.trades.max(1)
    } else {
        0
    };
    [
        money(turnover.gross(), limits.gross_max),
        money(net, limits.net_max),
        money(turnover.credit(), limits.credit_max),
        value,
        qty,
        count(tally.open_orders.into(), limits.open_orders_max),
        count(ratio, limits.orders_per_trade_max),
        money(tally.profit().saturating_neg().max(0), limits.loss_kill.or(limits.loss_reduce)),
    ]
}

/// The scopes that an order is counted in: places in the gate's tables, by [`Level`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) account: u8,
    pub(super) strategy: u8,
    pub(super) instrument: u32,
}

impl Slots {
    /// Places in the table of scopes, in order of level.
    pub(super) fn places(self) -> [usize; 4] {
        let instrument = SLOTS + self.instrument as usize;
        [0, usize::from(self.account), usize::from(self.strategy), instrument]
    }
}

/// The level of a place.
pub(super) fn level_of(place: usize) -> Level {
    match place {
        0 => Level::FIRM,
        place if place <= ACCOUNTS_MAX => Level::ACCOUNT,
        place if place < SLOTS => Level::STRATEGY,
        _ => Level::INSTRUMENT,
    }
}
