//! What the gate shows: trading states and how much of each limit is used, by scope.
//!
//! Figures of the risk shard alone. Each is a store of its own: the parts of a scope can be a moment apart.
#![forbid(unsafe_code)]

use super::Figure;
use crate::base::unit::{InstrumentId, Level, TradingState};
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

/// Accounts that can be shown.
const ACCOUNTS: usize = 16;
/// Strategies that can be shown.
const STRATEGIES: usize = 16;
/// Scopes that can be shown: the firm, accounts, strategies.
pub const RISK_SLOTS: usize = 1 + ACCOUNTS + STRATEGIES;
/// Limits of a scope that are shown.
pub const USES: usize = 8;
/// What they are called, in order.
pub const USE_NAMES: [&str; USES] = [
    "gross",
    "net",
    "credit",
    "window value",
    "window quantity",
    "open orders",
    "orders per trade",
    "loss",
];

/// How much of a limit is used, both in the unit of its control's code (1e-9 of the currency, capped; lots; orders).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// So much.
    pub used: i64,
    /// Of so much; [`Use::OFF`] if it is off.
    pub limit: i64,
}

impl Default for Use {
    fn default() -> Self {
        Self { used: 0, limit: Self::OFF }
    }
}

impl Use {
    /// The limit of what is not limited.
    pub const OFF: i64 = i64::MAX;

    /// How much of the limit is used, in per cent, rounded down; nothing if it is off.
    pub fn per_cent(&self) -> Option<u64> {
        if self.limit == Self::OFF {
            return None;
        }
        let used = i128::from(self.used.max(0)) * 100;
        Some((used / i128::from(self.limit.max(1))).min(i128::from(u64::MAX)) as u64)
    }
}

#[derive(Debug, Default)]
struct Slot {
    /// The account's or strategy's number plus one; 0: nothing is shown here.
    id: Figure,
    state: AtomicU8,
    uses: [[AtomicI64; 2]; USES],
}

/// What the risk shard says.
#[derive(Debug)]
#[repr(align(128))]
pub struct RiskFigures {
    /// Version of the limits in force.
    pub limits: Figure,
    slots: [Slot; RISK_SLOTS],
    /// Trading states by instrument.
    instruments: Box<[AtomicU8]>,
}

impl RiskFigures {
    pub(super) fn new(instruments: usize) -> Self {
        Self {
            limits: Figure::default(),
            slots: std::array::from_fn(|_| Slot::default()),
            instruments: (0..instruments).map(|_| AtomicU8::new(0)).collect(),
        }
    }

    /// The slot of the firm.
    pub const FIRM: usize = 0;

    /// The slot of the `n`-th account of the limits in force.
    pub const fn account(n: usize) -> usize {
        1 + n
    }

    /// The slot of the `n`-th strategy.
    pub const fn strategy(n: usize) -> usize {
        1 + ACCOUNTS + n
    }

    /// What a scope may do, and what it uses. `id` is the account's or strategy's number, 0 for the firm. Slots beyond the
    /// last are dropped.
    pub fn show(&self, slot: usize, id: u32, state: u8, uses: &[Use; USES]) {
        let Some(slot) = self.slots.get(slot) else { return };
        slot.state.store(state, Ordering::Relaxed);
        for (figures, Use { used, limit }) in slot.uses.iter().zip(uses) {
            figures[0].store(*used, Ordering::Relaxed);
            figures[1].store(*limit, Ordering::Relaxed);
        }
        slot.id.set(u64::from(id) + 1);
    }

    /// Nothing is shown in this slot any more: other limits are in force, which know no such scope.
    pub fn clear(&self, slot: usize) {
        if let Some(slot) = self.slots.get(slot) {
            slot.id.set(0);
        }
    }

    /// What an instrument may do. Ids beyond the board's are dropped.
    pub fn instrument(&self, instrument: InstrumentId, state: u8) {
        if let Some(place) = self.instruments.get(instrument.index()) {
            place.store(state, Ordering::Relaxed);
        }
    }

    pub(super) fn view(&self) -> RiskView {
        let scopes = self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let id = u32::try_from(slot.id.get().checked_sub(1)?).ok()?;
            let level = match at {
                Self::FIRM => Level::FIRM,
                at if at <= ACCOUNTS => Level::ACCOUNT,
                _ => Level::STRATEGY,
            };
            let uses = slot.uses.each_ref().map(|figures| {
                let [used, limit] = figures.each_ref().map(|it| it.load(Ordering::Relaxed));
                Use { used, limit }
            });
            let state = TradingState(slot.state.load(Ordering::Relaxed));
            Some(ScopeView { level, id, state, uses })
        });
        let states = self.instruments.iter().map(|it| TradingState(it.load(Ordering::Relaxed)));
        let latched = (0..).map(InstrumentId).zip(states);
        RiskView {
            limits: self.limits.get(),
            scopes: scopes.collect(),
            instruments: latched.filter(|(_, state)| *state != TradingState::LIVE).collect(),
        }
    }
}

/// The gate at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RiskView {
    /// Version of the limits in force.
    pub limits: u64,
    /// The firm, accounts, strategies: those that were shown.
    pub scopes: Vec<ScopeView>,
    /// Instruments that may not trade as they like.
    pub instruments: Vec<(InstrumentId, TradingState)>,
}

/// A scope at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeView {
    /// Its level.
    pub level: Level,
    /// Its number; 0 for the firm.
    pub id: u32,
    /// What it may do by its own latch.
    pub state: TradingState,
    /// What it uses of its limits, in the order of [`USE_NAMES`].
    pub uses: [Use; USES],
}

#[cfg(test)]
mod tests {
    use super::super::Board;
    use super::*;
    use crate::base::unit::Nanos;

    #[test]
    fn what_the_gate_shows_is_seen_by_scope_and_the_rest_is_not() {
        let board = Board::new(3, &[], &[]);
        let view = || board.view(Nanos(0)).risk;
        assert_eq!(view(), RiskView::default());
        let risk = board.risk();
        let mut uses = [Use::default(); USES];
        uses[2] = Use { used: 30, limit: 40 };
        risk.show(RiskFigures::FIRM, 0, TradingState::LIVE.0, &uses);
        risk.show(RiskFigures::account(15), u32::MAX, TradingState::REDUCE_ONLY.0, &uses);
        risk.show(RiskFigures::strategy(0), 1, TradingState::KILLED.0, &[Use::default(); USES]);
        risk.show(RISK_SLOTS, 1, 0, &uses);
        risk.instrument(InstrumentId(1), TradingState::KILLED.0);
        risk.instrument(InstrumentId(3), TradingState::KILLED.0);
        risk.limits.set(4);
        let seen = view();
        let scopes: Vec<_> = seen
            .scopes
            .iter()
            .map(|it| (it.level, it.id, it.state, it.uses[2].per_cent()))
            .collect();
        let expected = [
            (Level::FIRM, 0, TradingState::LIVE, Some(75)),
            (Level::ACCOUNT, u32::MAX, TradingState::REDUCE_ONLY, Some(75)),
            (Level::STRATEGY, 1, TradingState::KILLED, None),
        ];
        assert_eq!(scopes, expected);
        assert_eq!(
            (seen.limits, seen.instruments),
            (4, vec![(InstrumentId(1), TradingState::KILLED)])
        );
        risk.clear(RiskFigures::account(15));
        assert_eq!(view().scopes.len(), 2);
    }

    #[test]
    fn a_share_of_a_limit_is_exact_at_the_ends() {
        let per_cent = |used, limit| Use { used, limit }.per_cent();
        assert_eq!(per_cent(i64::MAX - 1, i64::MAX - 1), Some(100));
        assert_eq!((per_cent(-5, 10), per_cent(5, 0)), (Some(0), Some(500)));
        assert_eq!((per_cent(749, 1_000), per_cent(5, Use::OFF)), (Some(74), None));
    }
}
