//! Every setting of the engine. `engine/default.toml` is the manual: each key there has its unit, its range, and
//! when to change it; the fields here have the same names.
//!
//! What must hold: a `Config` that was loaded has every value within its range and its instrument table beside
//! it, and [`Config::to_toml`] written to a file and loaded again is the same configuration.

mod feed;
mod portfolio;
mod tables;

pub use feed::{Feed, MaybeAddress, MaybeCpu, MaybeHost, TransportName};
pub use portfolio::{CommissionName, Portfolio};
pub use tables::{
    Accounting, Book, Engine, Executor, Idle, Imbalance, Ingest, Latency, Link, Links, LockMemory,
    Log, LogLevel, Paper, PlacementName, Quoter, Risk, Route, RouteTransport, Sales, Shard,
    Strategy, StrategyName, Topology, Venue,
};

use super::error::{ConfigError, Fault};
use super::limits::LimitsFile;
use super::source::{self, Layer, Places};
use crate::base::instrument::{Instrument, InstrumentTable, Symbol};
use crate::base::message::SHARDS_MAX;
use crate::base::unit::{AccountId, Nanos, Price};
use crate::risk::LimitSet;
use crate::wire::soup::{SessionName, Username};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The whole configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The way in.
    pub ingest: Ingest,
    /// The live feed.
    pub feed: Feed,
    /// The books.
    pub book: Book,
    /// What concerns all stages.
    pub engine: Engine,
    /// What decides.
    pub strategy: Strategy,
    /// The gate.
    pub risk: Risk,
    /// How profit is told, and what fills cost.
    pub portfolio: Portfolio,
    /// The way out.
    pub route: Route,
    /// The venue of a replay.
    pub paper: Paper,
    /// The real venue.
    pub venue: Venue,
    /// Latency figures.
    pub latency: Latency,
    /// The log of events.
    pub log: Log,
    /// What turns the stages.
    pub topology: Topology,
    /// The rings.
    pub link: Links,
    /// The shards; empty for the named placement.
    #[serde(default, rename = "shard", skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<Shard>,
    /// The limits in force, as tables of TOML.
    #[serde(default, rename = "limits")]
    written: toml::Table,
    /// The limits in force: the defaults, the file that `risk.limits` names, and `[limits]`, laid over one another.
    #[serde(skip)]
    pub limits: LimitsFile,
    /// The instrument table that `engine.instruments` names, read with the configuration.
    #[serde(skip)]
    pub table: Option<Arc<InstrumentTable>>,
    /// Where each key was written, for errors found later.
    #[serde(skip)]
    pub(super) places: Places,
}

/// The tables that a placement file may hold.
const PLACEMENT_TABLES: &[&str] = &["shard", "topology", "link"];

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

impl Config {
    /// The defaults, overridden by the file `config`, then by `placement`: a placement's name, or a file that holds
    /// shards, rings and `[topology]` only.
    ///
    /// # Errors
    /// At the first file that cannot be read, the instrument table among them, and the first key that is unknown, of the
    /// wrong type or out of range.
    pub fn load(config: Option<&Path>, placement: Option<&str>) -> Result<Self, ConfigError> {
        let named = match placement {
            Some("fused") => Some(PlacementName::Fused),
            Some("split") => Some(PlacementName::Split),
            _ => None,
        };
        let mut files = Vec::new();
        if let Some(path) = config {
            files.push((path.display().to_string(), read(path)?, &[][..]));
        }
        if let (Some(name), None) = (placement, named) {
            let path = Path::new(name);
            if !path.exists() {
                return Err(ConfigError::NoPlacement { name: name.into() });
            }
            files.push((name.into(), read(path)?, PLACEMENT_TABLES));
        }
        let layers: Vec<_> =
            files.iter().map(|(n, t, o)| Layer { name: n, text: t, only: o }).collect();
        let mut config = source::lay(&layers)?;
        if let Some(name) = named {
            config.topology.placement = name;
            config.shards.clear();
        }
        config.read_table()?;
        config.lay_limits(true)?;
        config.validate()?;
        Ok(config)
    }

    /// The defaults overridden by `text`; errors call it `name`. Files that it names are not read, and each
    /// key is looked at alone: [`Config::validate`] tells whether they fit one another.
    ///
    /// # Errors
    /// At the first key that is unknown, of the wrong type or out of range.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let mut config = source::lay(&[Layer { name, text, only: &[] }])?;
        config.lay_limits(false)?;
        config.validate_keys()?;
        Ok(config)
    }

    /// Every key and its value in force, as TOML that loads to the same configuration.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every value within its range can be written")
    }

    /// When the kill switch is pulled: nanoseconds after midnight, by New York's clocks.
    pub fn kill_at(&self) -> Option<Nanos> {
        time_of_day(&self.engine.kill_at)
    }

    /// The limits as the gate takes them.
    ///
    /// # Errors
    /// If they name symbols that the instrument table does not have, or accounts that may not trade.
    pub fn limit_set(&self) -> Result<LimitSet, ConfigError> {
        self.limits.set(AccountId(self.engine.account), self.table.as_deref())
    }

    /// Other limits than those that were loaded.
    pub fn set_limits(&mut self, limits: LimitsFile) {
        self.written = limits.to_table();
        self.limits = limits;
    }

    /// Lays what the configuration says of limits over the defaults, and the file that it names if it is to be read.
    fn lay_limits(&mut self, with_file: bool) -> Result<(), ConfigError> {
        let mut limits = LimitsFile::defaults();
        if with_file && !self.risk.limits.is_empty() {
            limits.lay_file(Path::new(&self.risk.limits))?;
        }
        limits.lay(&self.written, &self.places, "limits.")?;
        self.set_limits(limits);
        Ok(())
    }

    /// This refusal at the place where `key` was written.
    pub(super) fn refuse(&self, key: impl Into<String>, fault: Fault) -> ConfigError {
        let key = key.into();
        ConfigError::Refused { place: self.places.of(&key), key, fault }
    }

    /// Another instrument table than the one that was loaded.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn set_instruments(&mut self, path: &Path) -> Result<(), ConfigError> {
        self.engine.instruments = path.display().to_string();
        self.read_table()
    }

    fn read_table(&mut self) -> Result<(), ConfigError> {
        let file = &self.engine.instruments;
        if file.is_empty() {
            return Ok(());
        }
        let table = InstrumentTable::parse(&read(Path::new(file))?)
            .map_err(|error| ConfigError::Table { file: file.clone(), error })?;
        self.table = Some(Arc::new(table));
        Ok(())
    }

    /// Whether all is within its range and fits together: for one that was changed after it was loaded.
    ///
    /// # Errors
    /// At the first key that is out of range, or does not fit another or the instrument table.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_keys()?;
        let latency_ns = self.paper.latency_out_ns;
        if self.engine.good_until_us.saturating_mul(1_000) < latency_ns {
            let fault = Fault::AlwaysLate { latency_ns };
            return Err(self.refuse("engine.good_until_us", fault));
        }
        if let (0, Some(limit)) = (self.engine.tick_ms, self.limits.needs_ticks()) {
            let fault = Fault::NoTicks { limit: format!("limits.{limit}") };
            return Err(self.refuse("engine.tick_ms", fault));
        }
        self.validate_table().map_err(|fault| self.refuse("engine.instruments", fault))?;
        // Symbols are looked for once there is a table: it can be named later than the configuration is read.
        if self.table.is_some() { self.limit_set().map(|_| ()) } else { Ok(()) }
    }

    fn validate_keys(&self) -> Result<(), ConfigError> {
        for (key, value, low, high) in self.ranges() {
            if !(low..=high).contains(&value) {
                return Err(self.refuse(key, Fault::Range { value, low, high }));
            }
        }
        for (name, link) in self.link.named() {
            let (key, depth) = (format!("link.{name}.depth"), u64::from(link.depth));
            let (low, high) = (2, 1 << 20);
            if !(low..=high).contains(&depth) {
                return Err(self.refuse(key, Fault::Range { value: depth, low, high }));
            }
            if !depth.is_power_of_two() {
                return Err(self.refuse(key, Fault::NotPowerOfTwo(depth)));
            }
        }
        if let Err(error) = self.portfolio.settings() {
            return Err(self.refuse("portfolio.tiers", Fault::Tiers(error)));
        }
        for (index, symbol) in self.strategy.symbols.iter().enumerate() {
            if symbol.parse::<Symbol>().is_err() {
                let key = format!("strategy.symbols[{index}]");
                return Err(self.refuse(key, Fault::NotASymbol(symbol.clone())));
            }
        }
        for (key, named) in [
            ("venue.user", Username::new(&self.venue.user).map(|_| ())),
            ("venue.session", SessionName::new(&self.venue.session).map(|_| ())),
        ] {
            if let Err(error) = named {
                return Err(self.refuse(key, Fault::Text(error)));
            }
        }
        let time = &self.engine.kill_at;
        if !time.is_empty() && self.kill_at().is_none() {
            return Err(self.refuse("engine.kill_at", Fault::NotATime(time.clone())));
        }
        Ok(())
    }

    fn validate_table(&self) -> Result<(), Fault> {
        let Some(table) = &self.table else { return Ok(()) };
        let shards = self.book.shards;
        for (_, Instrument { symbol, shard, .. }) in table.iter() {
            if shard.0 >= shards {
                return Err(Fault::NoBook { symbol: *symbol, shard: shard.0, shards });
            }
        }
        let tick = self.tick();
        match self.traded().find(|instrument| instrument.tick != tick) {
            Some(other) if self.strategy.name == StrategyName::Quoter => {
                Err(Fault::TwoTicks { symbol: other.symbol, tick: other.tick, others: tick })
            }
            _ => Ok(()),
        }
    }

    /// The instruments of the table that the strategy trades.
    fn traded(&self) -> impl Iterator<Item = &Instrument> {
        let symbols = self.symbols();
        let all = self.table.iter().flat_map(|table| table.iter());
        all.map(|(_, instrument)| instrument)
            .filter(move |it| symbols.is_empty() || symbols.contains(&it.symbol))
    }

    /// What a tick is in the strategy's settings: that of the instruments that it trades; a cent without a table.
    pub fn tick(&self) -> Price {
        const CENT: Price = Price::from_e4(100);
        self.traded().next().map_or(CENT, |instrument| instrument.tick)
    }

    /// The symbols that the strategy trades; none: all.
    pub fn symbols(&self) -> Vec<Symbol> {
        self.strategy.symbols.iter().filter_map(|symbol| symbol.parse().ok()).collect()
    }

    /// Each number with the least and the most it can be.
    pub(super) fn ranges(&self) -> Vec<(&'static str, u64, u64, u64)> {
        let (ingest, book, engine) = (&self.ingest, &self.book, &self.engine);
        let (imbalance, quoter) = (&self.strategy.imbalance, &self.strategy.quoter);
        let (risk, paper, venue) = (&self.risk, &self.paper, &self.venue);
        let shares = 1_000_000_000;
        let minute_ns = 60_000_000_000;
        let mut limits = vec![
            ("ingest.look_ahead", ingest.look_ahead.into(), 0, 16),
            ("ingest.batch", ingest.batch.into(), 1, 65_536),
            ("book.shards", book.shards.into(), 1, SHARDS_MAX.into()),
            ("book.orders_max", book.orders_max.into(), 1, 1 << 26),
            ("book.levels_max", book.levels_max.into(), 1, 1 << 27),
            ("book.instruments_max", book.instruments_max.into(), 1, 1 << 24),
            ("engine.tick_ms", engine.tick_ms, 0, DAY_MS),
            ("engine.good_until_us", engine.good_until_us, 1, DAY_MS * 1_000),
            ("engine.warm_up", engine.warm_up.into(), 0, 10_000_000),
            ("topology.real_time", self.topology.real_time.into(), 0, 99),
            (
                "strategy.imbalance.threshold_per_mille",
                imbalance.threshold_per_mille.into(),
                501,
                1000,
            ),
            ("strategy.imbalance.qty", imbalance.qty, 1, shares),
            ("strategy.imbalance.position_max", imbalance.position_max, 1, shares),
            ("strategy.imbalance.cooldown_ms", imbalance.cooldown_ms, 0, DAY_MS),
            ("strategy.quoter.qty", quoter.qty, 1, shares),
            ("strategy.quoter.position_max", quoter.position_max, 1, shares),
            ("strategy.quoter.spread_ticks_min", quoter.spread_ticks_min.into(), 1, 10_000),
            ("strategy.quoter.requote_ticks", quoter.requote_ticks.into(), 1, 10_000),
            ("strategy.quoter.cooldown_ms", quoter.cooldown_ms, 0, DAY_MS),
            ("risk.open_orders_max", risk.open_orders_max.into(), 1, 1 << 24),
            ("paper.latency_out_ns", paper.latency_out_ns, 1, minute_ns),
            ("paper.latency_in_ns", paper.latency_in_ns, 1, minute_ns),
            ("paper.sweep_levels", paper.sweep_levels.into(), 1, 1024),
            ("paper.resting_max", paper.resting_max.into(), 1, 1024),
            ("venue.messages_per_second", venue.messages_per_second.into(), 0, 1_000_000),
            ("venue.messages_burst", venue.messages_burst.into(), 1, 100_000),
            ("venue.messages_queue", venue.messages_queue.into(), 0, 65_536),
            ("venue.stop_within_ms", venue.stop_within_ms, 1, 60_000),
            ("latency.sample", self.latency.sample.into(), 1, 1 << 30),
            ("latency.sample_orders", self.latency.sample_orders.into(), 1, 1 << 30),
            ("log.lines_per_second", self.log.lines_per_second.into(), 1, 1_000_000),
        ];
        limits.extend(self.feed_limits());
        limits.extend(self.portfolio.ranges());
        limits
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::parse("", "").expect("default.toml is complete; a test loads it")
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { file: path.display().to_string(), error })
}

/// "HH:MM:SS" as nanoseconds after midnight.
fn time_of_day(text: &str) -> Option<Nanos> {
    let digits: Vec<&str> = text.split(':').collect();
    let [hours, minutes, seconds] = digits[..] else { return None };
    let number = |text: &str, below: u64| {
        let whole = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &u64| whole && *number < below)
    };
    let seconds = number(hours, 24)? * 3600 + number(minutes, 60)? * 60 + number(seconds, 60)?;
    Some(Nanos(seconds * 1_000_000_000))
}
