//! Every setting of the engine. `engine/default.toml` is the manual: each key there has its unit, its range, and
//! when to change it; the fields here have the same names.
//!
//! What must hold: a `Config` that was loaded has every value within its range and its instrument table beside it, and [`Config::to_toml`] written to
//! a file and loaded again is the same configuration.

use super::error::{ConfigError, Fault};
use super::source::{self, Layer, Places};
use crate::base::instrument::{Instrument, InstrumentTable, Symbol};
use crate::base::unit::{Money, Nanos, PRICE_SCALE, Price};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::sync::Arc;

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    };
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
        }
    };
}

/// The whole configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The way in.
    pub ingest: Ingest,
    /// The books.
    pub book: Book,
    /// What concerns all stages.
    pub engine: Engine,
    /// What decides.
    pub strategy: Strategy,
    /// The gate.
    pub risk: Risk,
    /// The venue of a replay.
    pub paper: Paper,
    /// Latency figures.
    pub latency: Latency,
    /// What turns the stages.
    pub topology: Topology,
    /// The rings.
    pub link: Links,
    /// The shards; empty for the named placement.
    #[serde(default, rename = "shard", skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<Shard>,
    /// The instrument table that `engine.instruments` names, read with the configuration.
    #[serde(skip)]
    pub table: Option<Arc<InstrumentTable>>,
    /// Where each key was written, for errors found later.
    #[serde(skip)]
    pub(super) places: Places,
}

table! {
    /// `[ingest]`
    Ingest {
        /// How far ahead of the message applied the books are told what comes.
        look_ahead: u32,
        /// Messages a duty cycle.
        batch: u32,
    }
}

table! {
    /// `[book]`
    Book {
        /// Book shards.
        shards: u16,
        /// Open orders, a shard.
        orders_max: u32,
        /// Price levels, a shard.
        levels_max: u32,
        /// Instruments, a shard.
        instruments_max: u32,
    }
}

table! {
    /// `[engine]`
    Engine {
        /// Engine time between ticks, ms; 0 for none.
        tick_ms: u64,
        /// "HH:MM:SS" in New York; empty for never. See [`Config::kill_at`].
        kill_at: String,
        /// The account of all orders.
        account: u32,
        /// From the decision to the venue at most, us of engine time; later is refused.
        good_until_us: u64,
        /// Path of the instrument table; empty for the day's own directory.
        instruments: String,
    }
}

table! {
    /// `[strategy]`
    Strategy {
        /// Which.
        name: StrategyName,
        /// What it trades; empty for all.
        symbols: Vec<String>,
        /// Settings of `imbalance`.
        imbalance: Imbalance,
        /// Settings of `quoter`.
        quoter: Quoter,
    }
}

words! {
    /// The strategies.
    StrategyName {
        /// Books only.
        None,
        /// Takes when one side outweighs the other.
        Imbalance,
        /// Keeps a bid and an ask in the market.
        Quoter,
    }
}

table! {
    /// `[strategy.imbalance]`
    Imbalance {
        /// Share of the heavier side, in thousandths.
        threshold_per_mille: u32,
        /// Shares an order.
        qty: u64,
        /// Shares long or short.
        position_max: u64,
        /// Between two decisions on an instrument, ms of engine time.
        cooldown_ms: u64,
    }
}

table! {
    /// `[strategy.quoter]`
    Quoter {
        /// Shares a quote.
        qty: u64,
        /// Shares long or short.
        position_max: u64,
        /// Least spread to quote in, ticks.
        spread_ticks_min: u32,
        /// Move of the best price before a quote follows, ticks.
        requote_ticks: u32,
        /// Between two moves of a quote, ms of engine time.
        cooldown_ms: u64,
    }
}

table! {
    /// `[risk]`
    Risk {
        /// Shares an order.
        order_qty_max: u64,
        /// Notional of an order, whole currency units. See [`Config::order_notional_max`].
        order_notional_max: u64,
        /// Beyond the opposite best, basis points.
        collar_bp: u32,
        /// Shares long or short an instrument, open orders counted as filled.
        position_max: u64,
        /// Open orders.
        open_orders_max: u32,
    }
}

table! {
    /// `[paper]`
    Paper {
        /// To the venue, ns of engine time; at least 1.
        latency_out_ns: u64,
        /// Back from it, ns of engine time; at least 1.
        latency_in_ns: u64,
        /// Levels one order may take from.
        sweep_levels: u32,
        /// Resting orders of ours in an instrument, both sides.
        resting_max: u32,
    }
}

table! {
    /// `[latency]`
    Latency {
        /// One in so many messages has its decoding timed.
        sample: u32,
    }
}

table! {
    /// `[topology]`
    Topology {
        /// The placement used when there are no shards in the file.
        placement: PlacementName,
        /// What turns a shard's stages.
        executor: Executor,
        /// Whether shards may share a core.
        oversubscribe: bool,
    }
}

words! {
    /// The named placements.
    PlacementName {
        /// One hot shard runs the whole path; the log beside it.
        Fused,
        /// A shard a stage, folded onto the cores there are.
        Split,
    }
}

words! {
    /// What turns a shard's stages.
    Executor {
        /// A glommio executor a core.
        Glommio,
        /// A bare pinned thread.
        Thread,
    }
}

table! {
    /// `[link]`: the rings.
    Links {
        /// Ingest to book.
        market: Link,
        /// Book to risk.
        intent: Link,
        /// Risk to route.
        order: Link,
        /// Route to the paper venue.
        venue: Link,
        /// The paper venue to route.
        event: Link,
        /// Route to risk.
        answer: Link,
        /// Risk to book.
        report: Link,
        /// Risk to the log.
        record: Link,
    }
}

table! {
    /// A ring.
    Link {
        /// Messages; a power of two.
        depth: u32,
    }
}

impl Links {
    /// Each ring with its name.
    pub fn named(&self) -> [(&'static str, &Link); 8] {
        [
            ("market", &self.market),
            ("intent", &self.intent),
            ("order", &self.order),
            ("venue", &self.venue),
            ("event", &self.event),
            ("answer", &self.answer),
            ("report", &self.report),
            ("record", &self.record),
        ]
    }
}

/// `[[shard]]`: one thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// What it is called.
    pub name: String,
    /// The CPU it is pinned to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<usize>,
    /// Its stages in flow order.
    pub run: Vec<String>,
    /// What it does when there is nothing to do.
    pub idle: Idle,
}

words! {
    /// What a shard does when there is nothing to do.
    Idle {
        /// Asks again at once.
        Spin,
        /// Asks again after a pause instruction.
        Pause,
        /// Lets others on the core run.
        Yield,
        /// Sleeps for longer and longer.
        BackOff,
    }
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
        config.validate()?;
        Ok(config)
    }

    /// The defaults overridden by `text`; errors call it `name`. An instrument table that it names is not read, and each
    /// key is looked at alone: [`Config::validate`] tells whether they fit one another.
    ///
    /// # Errors
    /// At the first key that is unknown, of the wrong type or out of range.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let config = source::lay(&[Layer { name, text, only: &[] }])?;
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

    /// The most that one order may be worth.
    pub fn order_notional_max(&self) -> Money {
        Money(i128::from(self.risk.order_notional_max) * i128::from(PRICE_SCALE))
    }

    /// This refusal at the place where `key` was written.
    pub(super) fn refuse(&self, key: impl Into<String>, fault: Fault) -> ConfigError {
        let key = key.into();
        ConfigError::Refused { place: self.places.of(&key), key, fault }
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
        self.validate_table().map_err(|fault| self.refuse("engine.instruments", fault))
    }

    fn validate_keys(&self) -> Result<(), ConfigError> {
        for (key, value, low, high) in self.limits() {
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
        for (index, symbol) in self.strategy.symbols.iter().enumerate() {
            if symbol.parse::<Symbol>().is_err() {
                let key = format!("strategy.symbols[{index}]");
                return Err(self.refuse(key, Fault::NotASymbol(symbol.clone())));
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
    pub(super) fn limits(&self) -> Vec<(&'static str, u64, u64, u64)> {
        let (ingest, book, engine) = (&self.ingest, &self.book, &self.engine);
        let (imbalance, quoter) = (&self.strategy.imbalance, &self.strategy.quoter);
        let (risk, paper) = (&self.risk, &self.paper);
        let shares = 1_000_000_000;
        let large = 1_000_000_000_000;
        let minute_ns = 60_000_000_000;
        vec![
            ("ingest.look_ahead", ingest.look_ahead.into(), 0, 16),
            ("ingest.batch", ingest.batch.into(), 1, 65_536),
            ("book.shards", book.shards.into(), 1, 8),
            ("book.orders_max", book.orders_max.into(), 1, 1 << 27),
            ("book.levels_max", book.levels_max.into(), 1, 1 << 27),
            ("book.instruments_max", book.instruments_max.into(), 1, 1 << 24),
            ("engine.tick_ms", engine.tick_ms, 0, DAY_MS),
            ("engine.good_until_us", engine.good_until_us, 1, DAY_MS * 1_000),
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
            ("risk.order_qty_max", risk.order_qty_max, 1, large),
            ("risk.order_notional_max", risk.order_notional_max, 1, large),
            ("risk.collar_bp", risk.collar_bp.into(), 1, 10_000),
            ("risk.position_max", risk.position_max, 1, large),
            ("risk.open_orders_max", risk.open_orders_max.into(), 1, 1 << 24),
            ("paper.latency_out_ns", paper.latency_out_ns, 1, minute_ns),
            ("paper.latency_in_ns", paper.latency_in_ns, 1, minute_ns),
            ("paper.sweep_levels", paper.sweep_levels.into(), 1, 1024),
            ("paper.resting_max", paper.resting_max.into(), 1, 1024),
            ("latency.sample", self.latency.sample.into(), 1, 1 << 30),
        ]
    }
}

impl Default for Config {
    fn default() -> Self {
        source::lay(&[]).expect("default.toml is complete; a test loads it")
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
