//! A set of limits, laid out for the gate: by place in its tables.
//!
//! A scope keeps its place when limits change, and with it what it has used; who is no longer named may not trade any more.
#![forbid(unsafe_code)]

use super::limits::*;
use super::scope::SLOTS;
use super::throttle::Bucket;
use super::window::slice_of;
use crate::base::unit::*;
use std::sync::Arc;

/// The limits of a level as an order is held against them: what is off is a limit that nothing reaches.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct LevelRule {
    pub(super) gross_max: Money,
    pub(super) net_max: Money,
    pub(super) credit_max: Money,
    /// Profit from which on downwards a loss has come to a limit.
    pub(super) loss_at: i128,
    /// 0: there is no window.
    pub(super) window_slice: u64,
    pub(super) window: WindowLimit,
    pub(super) bucket: Bucket,
    pub(super) rate: RateLimit,
    pub(super) open_orders_max: u32,
    pub(super) orders_per_trade_max: Option<u32>,
    pub(super) breaker: Option<BreakerLimit>,
}

impl LevelRule {
    /// `places`: orders open at once that there is room for, which is a limit too.
    fn of(limits: &LevelLimits, places: u32) -> Self {
        let off = Money(i128::MAX);
        let no_window = WindowLimit { within: Nanos(0), value_max: None, qty_max: None };
        let loss = |limit: Option<Money>| limit.map_or(i128::MIN, |limit| -limit.0);
        Self {
            gross_max: limits.gross_max.unwrap_or(off),
            net_max: limits.net_max.unwrap_or(off),
            credit_max: limits.credit_max.unwrap_or(off),
            loss_at: loss(limits.loss_reduce).max(loss(limits.loss_kill)),
            window_slice: limits.window.map_or(0, |limit| slice_of(limit.within)),
            window: limits.window.unwrap_or(no_window),
            bucket: limits.rate.as_ref().map_or(Bucket::OFF, Bucket::of),
            rate: limits.rate.unwrap_or(RateLimit { per_second: 0, burst: 0 }),
            open_orders_max: limits.open_orders_max.map_or(places, |limit| limit.min(places)),
            orders_per_trade_max: limits.orders_per_trade_max,
            breaker: limits.breaker,
        }
    }
}

/// What instruments of a class are held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassRule {
    pub(super) order: OrderLimits,
    pub(super) level: LevelRule,
}

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
    /// The same, as orders are held against them.
    level_rules: [LevelRule; SLOTS],
    pub(super) class_rules: Vec<ClassRule>,
    accounts: Vec<AccountId>,
    pub(super) strategies: Vec<StrategyRule>,
    /// Ids of the strategies, by slot.
    ids: [StrategyId; STRATEGIES_MAX],
    /// Orders open at once that there is room for.
    places: u32,
}

impl Rules {
    /// Laid out; `orders_max`: orders open at once that there is room for.
    pub(super) fn new(set: Arc<LimitSet>, orders_max: usize) -> Self {
        let places = orders_max.min(u32::MAX as usize) as u32;
        let none = LevelLimits::default();
        let mut rules = Self {
            set: set.clone(),
            levels: [none; SLOTS],
            level_rules: [LevelRule::of(&none, places); SLOTS],
            class_rules: Vec::new(),
            accounts: Vec::with_capacity(ACCOUNTS_MAX),
            strategies: Vec::with_capacity(STRATEGIES_MAX),
            ids: [StrategyId(0); STRATEGIES_MAX],
            places,
        };
        rules.replace(set);
        rules
    }

    /// Room for a class for each of the `instruments`, beside the one of all others.
    pub(super) fn reserve(&mut self, instruments: usize) {
        self.class_rules.reserve_exact((1 + instruments).saturating_sub(self.class_rules.len()));
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
            self.ids[slot] = strategy.id;
            self.levels[1 + ACCOUNTS_MAX + slot] = strategy.limits;
        }
        for (rule, limits) in self.level_rules.iter_mut().zip(&self.levels) {
            *rule = LevelRule::of(limits, self.places);
        }
        self.class_rules.clear();
        let rule = |class: &InstrumentClass| ClassRule {
            order: class.order,
            level: LevelRule::of(&class.level, self.places),
        };
        self.class_rules.extend(set.classes.iter().map(rule));
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
        // All at once: where it stands cannot be foretold.
        let same = |at: usize| u32::from(self.ids[at] == id) << at;
        let found = (0..STRATEGIES_MAX).fold(0, |found, at| found | same(at));
        let slot = (found & ((1 << self.strategies.len()) - 1)).trailing_zeros() as usize;
        (slot < STRATEGIES_MAX).then_some(slot)
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

    /// What an instrument is held to that the strategies of these bits may trade.
    pub(super) fn of_instrument(&self, instrument: InstrumentId, allowed: u16) -> InstrumentRule {
        let singles = &self.set.singles;
        let Ok(at) = singles.binary_search_by_key(&instrument, |single| single.instrument) else {
            return InstrumentRule { allowed, ..InstrumentRule::default() };
        };
        let Single { class, restricted, located, negative_prices, .. } = singles[at];
        InstrumentRule { class, restricted, located, negative_prices, allowed }
    }

    /// Strategies that may trade all instruments, a bit each.
    pub(super) fn everywhere(&self) -> u16 {
        let everywhere = self.set.strategies.iter().filter(|it| it.instruments.is_empty());
        everywhere.fold(0, |allowed, strategy| allowed | self.bit(strategy))
    }

    /// The instruments that strategies list, each with the strategy's bit among those that may trade it.
    pub(super) fn listed(&self) -> impl Iterator<Item = (InstrumentId, u16)> + '_ {
        self.set.strategies.iter().flat_map(|strategy| {
            let bit = self.bit(strategy);
            strategy.instruments.iter().map(move |instrument| (*instrument, bit))
        })
    }

    /// The strategy's bit by slot; none if it may not trade.
    fn bit(&self, strategy: &StrategyScope) -> u16 {
        let slot = self.strategy_slot(strategy.id);
        slot.map_or(0, |slot| u16::from(self.strategies[slot].allowed) << slot)
    }

    /// The limits of a class of instruments together.
    pub(super) fn class_limits(&self, class: u16) -> &LevelLimits {
        // A set has its first class, and singles name no other than it has: whoever made it saw to that.
        &self.set.classes[usize::from(class)].level
    }

    /// What instruments of a class are held to.
    #[inline]
    pub(super) fn class(&self, class: u16) -> &ClassRule {
        &self.class_rules[usize::from(class)]
    }

    /// What an order is held to at each level, in the scopes at `places` and in an instrument of the class.
    #[inline]
    pub(super) fn levels(&self, places: [usize; 4], class: u16) -> [&LevelRule; 4] {
        let [firm, account, strategy, _] =
            places.map(|place| &self.level_rules[place.min(SLOTS - 1)]);
        [firm, account, strategy, &self.class(class).level]
    }
}
