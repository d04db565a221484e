//! A set of limits, laid out for the gate: by place in its tables.
//!
//! A scope keeps its place when limits change, and with it what it has used; who is no longer named may not trade any more.
#![forbid(unsafe_code)]

use super::limits::*;
use super::scope::SLOTS;
use crate::base::unit::*;
use std::sync::Arc;

/// A strategy that is, or was, allowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct StrategyRule {
    pub(super) id: StrategyId,
    pub(super) account: AccountId,
    /// Place of its account.
    pub(super) account_place: u8,
    pub(super) allowed: bool,
}

/// What an instrument is held to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InstrumentRule {
    /// 4: how much of it is located; `None`: it is easy to borrow.
    pub(super) located: Option<Qty>,
    pub(super) class: u16,
    /// Strategies that may trade it, by slot: a bit each.
    pub(super) allowed: u16,
    pub(super) restricted: bool,
    pub(super) negative_prices: bool,
}

/// The limits in force.
pub(super) struct Rules {
    pub(super) set: Arc<LimitSet>,
    /// Of the scopes that are not instruments, by place.
    pub(super) levels: [LevelLimits; SLOTS],
    accounts: Vec<AccountId>,
    pub(super) strategies: Vec<StrategyRule>,
}

impl Rules {
    pub(super) fn new(set: Arc<LimitSet>) -> Self {
        let levels = [LevelLimits::default(); SLOTS];
        let (accounts, strategies) =
            (Vec::with_capacity(ACCOUNTS_MAX), Vec::with_capacity(STRATEGIES_MAX));
        let mut rules = Self { set: set.clone(), levels, accounts, strategies };
        rules.replace(set);
        rules
    }

    /// Others take their place.
    pub(super) fn replace(&mut self, set: Arc<LimitSet>) {
        self.levels = [LevelLimits::default(); SLOTS];
        self.levels[0] = set.firm;
        for strategy in &mut self.strategies {
            strategy.allowed = false;
        }
        for account in &set.accounts {
            if let Some(place) = self.account_place_or_new(account.id) {
                self.levels[place] = account.limits;
            }
        }
        for strategy in &set.strategies {
            // An account that is not in the set may not trade, and nobody for it.
            let listed = set.accounts.iter().any(|account| account.id == strategy.account);
            let Some(account) = self.account_place_or_new(strategy.account) else { continue };
            let rule = StrategyRule {
                id: strategy.id,
                account: strategy.account,
                account_place: account as u8,
                allowed: listed,
            };
            let slot = match self.strategies.iter().position(|known| known.id == strategy.id) {
                Some(slot) => {
                    self.strategies[slot] = rule;
                    slot
                }
                None if self.strategies.len() < STRATEGIES_MAX => {
                    self.strategies.push(rule);
                    self.strategies.len() - 1
                }
                None => continue,
            };
            self.levels[1 + ACCOUNTS_MAX + slot] = strategy.limits;
        }
        self.set = set;
    }

    fn account_place_or_new(&mut self, id: AccountId) -> Option<usize> {
        if let Some(place) = self.account_place(id) {
            return Some(place);
        }
        if self.accounts.len() == ACCOUNTS_MAX {
            return None;
        }
        self.accounts.push(id);
        Some(self.accounts.len())
    }

    /// The place of an account.
    pub(super) fn account_place(&self, id: AccountId) -> Option<usize> {
        self.accounts.iter().position(|known| *known == id).map(|at| at + 1)
    }

    /// The slot of a strategy, from 0.
    #[inline]
    pub(super) fn strategy_slot(&self, id: StrategyId) -> Option<usize> {
        self.strategies.iter().position(|known| known.id == id)
    }

    /// The place of a strategy's slot.
    pub(super) const fn strategy_place(slot: usize) -> usize {
        1 + ACCOUNTS_MAX + slot
    }

    /// The id of a scope that is not an instrument.
    pub(super) fn id_at(&self, place: usize) -> u32 {
        match place {
            0 => 0,
            place if place <= ACCOUNTS_MAX => self.accounts.get(place - 1).map_or(0, |id| id.0),
            place => {
                let slot = place - 1 - ACCOUNTS_MAX;
                self.strategies.get(slot).map_or(0, |rule| u32::from(rule.id.0))
            }
        }
    }

    /// The places that are in use, but for instruments.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let accounts = 1..=self.accounts.len();
        let strategies = (0..self.strategies.len()).map(Self::strategy_place);
        std::iter::once(0).chain(accounts).chain(strategies)
    }

    /// What an instrument is held to.
    pub(super) fn of_instrument(&self, instrument: InstrumentId) -> InstrumentRule {
        let mut rule = InstrumentRule::default();
        for strategy in &self.set.strategies {
            let may = strategy.instruments.is_empty() || strategy.instruments.contains(&instrument);
            if let Some(slot) = self.strategy_slot(strategy.id).filter(|_| may) {
                rule.allowed |= u16::from(self.strategies[slot].allowed) << slot;
            }
        }
        let singles = &self.set.singles;
        if let Ok(at) = singles.binary_search_by_key(&instrument, |single| single.instrument) {
            let Single { class, restricted, located, negative_prices, .. } = singles[at];
            rule = InstrumentRule { class, restricted, located, negative_prices, ..rule };
        }
        rule
    }

    /// The class of instruments at a place.
    #[inline]
    pub(super) fn class(&self, class: u16) -> &InstrumentClass {
        // A set has its first class, and singles name no other than it has: whoever made it saw to that.
        &self.set.classes[usize::from(class)]
    }
}
