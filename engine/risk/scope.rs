//! What each scope has used of its limits: the firm, its accounts, their strategies, the instruments.
//!
//! An order is counted in four scopes at once ([`Slots`]), and in all of them or in none: the gate counts only what has
//! passed every control. Profit is cash (what sales brought, less what purchases cost and fees) plus what positions are worth
//! at their marks, so it adds up over scopes and needs no cost.
#![forbid(unsafe_code)]

use super::check::Turnover;
use super::limits::*;
use super::throttle::{Bucket, Throttle};
use super::window::Window;
use crate::base::unit::*;

/// Scopes that are not instruments: the firm, accounts, strategies.
pub(super) const SLOTS: usize = 1 + ACCOUNTS_MAX + STRATEGIES_MAX;

/// What a scope has used. An order touches its first two cache lines.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Tally {
    pub(super) turnover: Turnover,
    /// Profit of the day, fees paid; a loss below zero.
    pub(super) profit: i128,
    /// Orders and replaces accepted.
    pub(super) orders: u64,
    pub(super) trades: u64,
    pub(super) throttle: Throttle,
    pub(super) open_orders: u32,
    pub(super) state: TradingState,
    /// Book shards that are to cancel what they have open here: a bit each.
    pub(super) pull: u8,
    /// What it was last warned of: by limit, the share of it in per cent.
    pub(super) warned: [u8; Use::COUNT],
    /// When it was held to less; for how long it takes until nothing is open.
    pub(super) tightened_at: Nanos,
    /// When it was last resumed: what was decided before that holds no more.
    pub(super) resumed_at: Nanos,
}

const _: () = assert!(std::mem::offset_of!(Tally, tightened_at) <= 128);

impl Tally {
    /// A fill of this notional, signed: what was paid above zero.
    pub(super) fn traded(&mut self, paid: i128, fee: i128, invested: i128) {
        self.turnover.trade(paid, invested);
        self.profit = self.profit.saturating_sub(paid).saturating_sub(fee);
    }

    /// Another pace is in force: the tokens that are missing are missing there too.
    pub(super) fn change_rate(
        &mut self,
        from: Option<RateLimit>,
        to: Option<RateLimit>,
        now: Nanos,
    ) {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            self.throttle.change(&Bucket::of(&from), &Bucket::of(&to), now);
        }
    }

    /// Positions are worth so much more.
    pub(super) fn revalue(&mut self, more: i128) {
        self.profit = self.profit.saturating_add(more);
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
    /// The place of the loss among them: the one that moves with the market.
    pub const LOSS: usize = Self::COUNT - 1;
    /// The share of a limit at which it is warned of, in per cent.
    pub const STEPS: [u8; 4] = [50, 75, 90, 95];

    /// The highest step that is reached; 0 for none.
    pub fn step(&self) -> u8 {
        let Some(limit) = self.limit else { return 0 };
        // Nearly always: less than half, which is the first step.
        if self.used <= 0 || self.used.saturating_add(self.used) < limit {
            return 0;
        }
        let reached = |step: u8| self.used.saturating_mul(100) >= limit.saturating_mul(step.into());
        Self::STEPS.into_iter().rev().find(|step| reached(*step)).unwrap_or(0)
    }
}

/// A use of a scope: the one at `at` in the order of [`Use::NAMES`].
#[inline]
pub(super) fn use_at(
    at: usize,
    tally: &Tally,
    window: Option<&Window>,
    limits: &LevelLimits,
    now: Nanos,
) -> Use {
    let money = |used: i128, limit: Option<Money>| Use { used, limit: limit.map(|it| it.0) };
    let count =
        |used: u64, limit: Option<u32>| Use { used: used.into(), limit: limit.map(i128::from) };
    let turnover = &tally.turnover;
    let sums = || match (&limits.window, window) {
        (Some(limit), Some(window)) => window.sums(limit.within, now),
        _ => (0, 0),
    };
    match at {
        0 => money(turnover.gross, limits.gross_max),
        1 => money(turnover.net_bought.max(turnover.net_sold), limits.net_max),
        2 => money(turnover.credit, limits.credit_max),
        3 => {
            let value = i128::try_from(sums().0).unwrap_or(i128::MAX);
            money(value, limits.window.and_then(|limit| limit.value_max))
        }
        4 => {
            let limit = limits.window.and_then(|limit| limit.qty_max);
            Use { used: sums().1.into(), limit: limit.map(|max| max.0.into()) }
        }
        5 => count(tally.open_orders.into(), limits.open_orders_max),
        // While there are few, the ratio says nothing.
        6 if tally.orders <= super::check::ORDERS_BEFORE_RATIO => {
            count(0, limits.orders_per_trade_max)
        }
        6 => count(tally.orders / tally.trades.max(1), limits.orders_per_trade_max),
        _ => {
            let loss = tally.profit.saturating_neg().max(0);
            money(loss, limits.loss_kill.or(limits.loss_reduce))
        }
    }
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
