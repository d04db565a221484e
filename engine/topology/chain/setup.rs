//! What the stages of a run have in common, and the stages made of it.
#![forbid(unsafe_code)]

use super::super::config::{Config, StrategyName};
use super::BookHost;
use crate::base::approved::Approved;
use crate::base::clock::Clock;
use crate::base::instrument::Symbols;
use crate::base::log::Log;
use crate::base::step::Pace;
use crate::base::unit::*;
use crate::book::{Books, Limits as BookLimits};
use crate::paper::{Latency as PaperLatency, Paper, Rules};
use crate::risk::*;
use crate::route::Desk;
use crate::strategy::*;
use crate::telemetry::{Board, TimedStage};
use std::sync::Arc;

/// What a shard that spins does on its core before it is made.
pub type WarmUp = Arc<dyn Fn() + Send + Sync>;

/// What the stages of a run have in common.
#[derive(Clone)]
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// Days since the Unix epoch.
    pub day: u16,
    /// By key, or as it comes.
    pub pace: Pace,
    /// Whether route lets orders out.
    pub route_shut: bool,
    /// Orders of the day are numbered from here on, plus one: above all of an earlier program on the same day.
    pub first_order: u64,
    /// Book shard by instrument, for those of the table that was given.
    pub shards: Arc<[u8]>,
    /// Where a live engine shows its figures.
    pub board: Option<Board>,
    /// What the gate lets through, for who compares what leaves.
    pub approved: Option<Approved>,
    /// Where other limits come from.
    pub inbox: Option<LimitsInbox>,
    /// What scopes may do from the start, because it was decided before: level, id of the account, strategy or instrument.
    pub states: Vec<(Level, u32, TradingState)>,
    /// What hot shards do before they are made, so that their code was run and is there.
    pub warm_up: Option<WarmUp>,
    /// For latencies.
    pub clock: Clock,
    /// Names of instruments, filled by ingest.
    pub symbols: Symbols,
}

impl Setup {
    /// That of a replay over these settings: route is open, and orders are numbered from 1.
    pub fn new(config: Config, day: u16, pace: Pace, clock: Clock, symbols: Symbols) -> Self {
        // A configuration that was loaded names no shard beyond the eighth.
        let shards = config.table.as_ref().map_or(Arc::from([]), |table| {
            table.iter().map(|(_, instrument)| instrument.shard.0 as u8).collect()
        });
        Self {
            config,
            day,
            pace,
            route_shut: false,
            first_order: 0,
            shards,
            board: None,
            approved: None,
            inbox: None,
            states: Vec::new(),
            warm_up: None,
            clock,
            symbols,
        }
    }

    pub(super) fn books(&self) -> usize {
        usize::from(self.config.book.shards)
    }

    fn instruments(&self) -> usize {
        self.config.book.instruments_max as usize
    }

    /// Orders that may be on their way at a time, and as many answers.
    pub(super) fn on_the_way(&self) -> usize {
        route_orders_max(&self.config)
    }

    /// When an answer takes effect after the decision: with a real venue, at once.
    fn latency_out(&self, live: bool) -> Nanos {
        if live { Nanos(0) } else { self.latency().out }
    }

    fn latency(&self) -> PaperLatency {
        let paper = &self.config.paper;
        PaperLatency { out: Nanos(paper.latency_out_ns), back: Nanos(paper.latency_in_ns) }
    }

    /// The strategy that the configuration names.
    pub fn strategy(&self) -> AnyStrategy {
        let millis = |ms: u64| Nanos(ms.saturating_mul(1_000_000));
        let tick = self.config.tick();
        let ticks = |count: u32| Price(i64::from(count).saturating_mul(tick.0));
        let config = &self.config.strategy;
        match config.name {
            StrategyName::None => AnyStrategy::None,
            StrategyName::Imbalance => {
                let settings = ImbalanceSettings {
                    threshold_per_mille: config.imbalance.threshold_per_mille,
                    qty: Qty(config.imbalance.qty),
                    position_max: Qty(config.imbalance.position_max),
                    cooldown: millis(config.imbalance.cooldown_ms),
                };
                AnyStrategy::Imbalance(Imbalance::new(settings, self.instruments()))
            }
            StrategyName::Quoter => {
                let settings = QuoterSettings {
                    qty: Qty(config.quoter.qty),
                    position_max: Qty(config.quoter.position_max),
                    spread_min: ticks(config.quoter.spread_ticks_min),
                    requote_step: ticks(config.quoter.requote_ticks),
                    cooldown: millis(config.quoter.cooldown_ms),
                };
                AnyStrategy::Quoter(Quoter::new(settings, self.instruments()))
            }
        }
    }

    /// Empty books of a shard.
    pub fn books_of(config: &Config) -> Books {
        Books::new(&book_limits(config))
    }

    pub(super) fn host(&self, shard: u16, log: Log) -> BookHost {
        let config = &self.config;
        let mut symbols: Vec<u64> =
            config.symbols().into_iter().map(|symbol| symbol.number()).collect();
        symbols.sort_unstable();
        let settings = StageSettings {
            shard: ShardId(shard),
            day: self.day,
            first_order: self.first_order,
            account: AccountId(config.engine.account),
            good_for: Nanos(config.engine.good_until_us.saturating_mul(1_000)),
            symbols,
            instruments: self.instruments(),
            sample: config.latency.sample_orders,
            board: self.board.clone(),
        };
        BookStage::new(settings, Self::books_of(&self.config), self.strategy()).telling(log)
    }

    pub(super) fn paper(&self, shard: u16, log: Log) -> Paper<BookHost> {
        Paper::new(self.host(shard, log), venue_rules(&self.config), self.latency())
    }

    pub(super) fn gate(&self, live: bool) -> Gate {
        let latency_out = self.latency_out(live);
        let mut settings = GateSettings { latency_out, ..gate_settings(&self.config) };
        // Who offers limits keeps them: they are freed there.
        let version = settings.limits.version;
        if let Some(limits) = self.inbox.as_ref().and_then(|inbox| inbox.take(version)) {
            settings.limits = limits;
        }
        let mut gate = Gate::new(settings);
        if let Some(table) = &self.config.table {
            gate = gate.with_table(table);
        }
        if let Some(inbox) = &self.inbox {
            gate = gate.with_inbox(inbox.clone());
        }
        if let Some(approved) = &self.approved {
            gate = gate.counted_in(approved.clone());
        }
        if let Some(board) = &self.board {
            gate = gate.shown_on(board.clone());
        }
        for (level, id, state) in &self.states {
            // What the limits do not name cannot trade in any case.
            gate.restore(*level, *id, *state);
        }
        gate
    }

    pub(super) fn desk(&self, live: bool) -> TimedStage<Desk> {
        let desk = Desk::new(route_orders_max(&self.config), self.latency_out(live));
        let desk = if live { desk.live() } else { desk };
        TimedStage::new(if self.route_shut { desk.shut() } else { desk }, self.clock)
    }
}

/// The most that the books of a shard hold.
pub(in crate::topology) fn book_limits(config: &Config) -> BookLimits {
    BookLimits {
        orders: config.book.orders_max as usize,
        levels: config.book.levels_max as usize,
        instruments: config.book.instruments_max as usize,
    }
}

/// What the venue of a shard takes.
pub(in crate::topology) fn venue_rules(config: &Config) -> Rules {
    Rules {
        sweep_levels: config.paper.sweep_levels as usize,
        resting_max: config.paper.resting_max as usize,
        orders_max: config.risk.open_orders_max as usize,
        instruments: config.book.instruments_max as usize,
    }
}

/// What the gate is made of, but for the time that an answer takes.
pub(in crate::topology) fn gate_settings(config: &Config) -> GateSettings {
    let account = AccountId(config.engine.account);
    // A configuration that was loaded has limits that fit its instruments. Without any, nobody may trade.
    let limits = config.limit_set().unwrap_or_else(|_| LimitSet::closed());
    GateSettings {
        limits: Arc::new(limits),
        orders_max: config.risk.open_orders_max as usize,
        instruments: config.book.instruments_max as usize,
        latency_out: Nanos(0),
        // The same holds for its tiers.
        portfolio: config.portfolio.settings().unwrap_or_default(),
        heir: (account, strategy_id(config.strategy.name)),
    }
}

/// What a strategy is called in intents.
fn strategy_id(name: StrategyName) -> StrategyId {
    match name {
        StrategyName::None => StrategyId(0),
        StrategyName::Imbalance => Imbalance::ID,
        StrategyName::Quoter => Quoter::ID,
    }
}

/// Orders that route has room for: replacements are open beside what they replace.
pub(in crate::topology) fn route_orders_max(config: &Config) -> usize {
    config.risk.open_orders_max as usize * 2
}
