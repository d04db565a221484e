//! Which stage runs where, and the rings that follow from it.
//!
//! What must hold of a [`Placement`]: each stage is in exactly one shard, in flow order within it; no two shards
//! share a core unless that was asked for; and each ring holds at least its producer's burst. A placement decides
//! speed only: what the engine does is the same on every one.

use super::config::{Config, Idle, PlacementName, Shard};
use super::error::{ConfigError, Fault};
use super::executor::Birth;
use super::machine::{Cpu, Machine};
use crate::base::log::Line;
use crate::base::message::{Intent, Market, Order, Report};
use crate::base::uring::Sqpoll;
use crate::route::gateway::BURST as GATEWAY_BURST;
use std::fmt;

/// A stage by its name; they compare in flow order, book shards among themselves by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageName {
    /// Packets to market messages.
    Ingest,
    /// Books, signals, strategies of one book shard.
    Book(u16),
    /// The gate.
    Risk,
    /// Order states and sessions.
    Route,
    /// Files.
    Log,
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ingest => f.write_str("ingest"),
            Self::Book(shard) => write!(f, "book.{shard}"),
            Self::Risk => f.write_str("risk"),
            Self::Route => f.write_str("route"),
            Self::Log => f.write_str("log"),
        }
    }
}

/// One thread: its stages, and where it is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardSpec {
    /// What it is called.
    pub name: String,
    /// Its stages in flow order; neighbours call each other.
    pub run: Vec<StageName>,
    /// The CPU it is pinned to, with its memory node.
    pub cpu: Option<Cpu>,
    /// What it does when there is nothing to do.
    pub idle: Idle,
    /// Its real-time priority; 0: none.
    pub real_time: u32,
}

impl ShardSpec {
    /// Whether it takes its CPU for itself: nothing makes it wait.
    pub fn is_hot(&self) -> bool {
        matches!(self.idle, Idle::Spin | Idle::Pause)
    }

    /// How its thread is born.
    pub fn birth(&self, config: &Config) -> Birth {
        Birth { cpu: self.cpu, bound: config.engine.bind_memory, real_time: self.real_time }
    }
}

/// A ring between two stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSpec {
    /// Its key under `[link]`.
    pub link: &'static str,
    /// The stage that writes.
    pub from: StageName,
    /// The stage that reads.
    pub to: StageName,
    /// Messages.
    pub depth: usize,
    /// Bytes a message.
    pub slot_bytes: usize,
    /// The most messages written at once.
    pub burst: usize,
}

impl RingSpec {
    /// Memory of its slots.
    pub fn bytes(&self) -> usize {
        self.depth * self.slot_bytes
    }
}

/// The most messages that each ring's producer can send at once. Bounds from the configuration, known before there are
/// stages: what these say of themselves (`Stage::burst`) is not above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the rings, by their names")]
pub struct Bursts {
    pub market: usize,
    pub intent: usize,
    pub order: usize,
    pub venue: usize,
    pub event: usize,
    pub answer: usize,
    pub report: usize,
    pub record: usize,
}

/// The stages on the cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The threads.
    pub shards: Vec<ShardSpec>,
    /// Cores that a named placement would take if the machine had them; 0 if it has.
    pub cores_wanted: usize,
    /// Whether the venue is a real one: then a gateway beside route has the place that the paper venue has beside the books.
    pub live: bool,
}

impl Placement {
    /// The placement that `config` asks for, by its shards or by name, on `machine`.
    ///
    /// # Errors
    /// At the first thing that must hold and does not.
    pub fn new(config: &Config, machine: &Machine, bursts: &Bursts) -> Result<Self, ConfigError> {
        let placement = if config.shards.is_empty() {
            Self::named(config.topology.placement, config.book.shards, machine)
        } else {
            Self::written(config, machine)?
        };
        let placement = placement.with_priority(config, machine)?;
        placement.with_sqpoll(config, machine)?.with_deep_rings(config, bursts)
    }

    /// This placement, if the kernel's thread that receives has a CPU of this machine, and no shard keeps it from running.
    fn with_sqpoll(self, config: &Config, machine: &Machine) -> Result<Self, ConfigError> {
        let Some(Sqpoll { cpu: named }) = config.sqpoll() else { return Ok(self) };
        let key = if named.is_some() { "feed.uring_sqpoll_cpu" } else { "feed.uring_sqpoll" };
        if let Some(cpu) = named.filter(|cpu| machine.cpu(*cpu).is_none()) {
            return Err(config.refuse(key, Fault::NoCpu { cpu, have: machine.list(None) }));
        }
        let cpu = self.sqpoll_cpu(config);
        let is_starved =
            |shard: &&ShardSpec| shard.real_time > 0 && shard.cpu.map(|cpu| cpu.id) == cpu;
        match (cpu, self.shards.iter().find(is_starved)) {
            (Some(cpu), Some(ShardSpec { name, .. })) => {
                Err(config.refuse(key, Fault::SqpollStarved { cpu, shard: name.clone() }))
            }
            _ => Ok(self),
        }
    }

    /// The CPU on which the kernel's thread that receives is born, if there is one, and it is known: the one that is named, or
    /// that of the shard beside which the ring is made.
    pub fn sqpoll_cpu(&self, config: &Config) -> Option<usize> {
        let beside = || self.shards[self.shard_of(StageName::Ingest)?].cpu.map(|cpu| cpu.id);
        config.sqpoll()?.cpu.or_else(beside)
    }

    /// This placement, its hot shards of the priority that is asked for, if nobody then waits for ever.
    fn with_priority(mut self, config: &Config, machine: &Machine) -> Result<Self, ConfigError> {
        let real_time = config.topology.real_time;
        if real_time == 0 {
            return Ok(self);
        }
        let refuse = |fault| Err(config.refuse("topology.real_time", fault));
        for shard in self.shards.iter_mut().filter(|shard| shard.is_hot() && shard.cpu.is_some()) {
            shard.real_time = real_time;
        }
        let raised = || self.shards.iter().filter(|shard| shard.real_time > 0);
        if raised().next().is_none() {
            return refuse(Fault::RealTimeNowhere);
        }
        for shard in raised() {
            let beside = |other: &&ShardSpec| other.name != shard.name && other.cpu == shard.cpu;
            if let (Some(other), Some(cpu)) = (self.shards.iter().find(beside), shard.cpu) {
                let (shard, other) = (shard.name.clone(), other.name.clone());
                return refuse(Fault::RealTimeShared { cpu: cpu.id, shard, other });
            }
        }
        if machine.cpus.iter().all(|cpu| raised().any(|shard| shard.cpu == Some(*cpu))) {
            return refuse(Fault::RealTimeEverywhere { cpus: machine.list(None) });
        }
        Ok(self)
    }

    /// This placement, if each of its rings holds its producer's burst.
    fn with_deep_rings(self, config: &Config, bursts: &Bursts) -> Result<Self, ConfigError> {
        for ring in self.rings(config, bursts) {
            if ring.depth < ring.burst {
                let fault = Fault::Shallow { depth: ring.depth, burst: ring.burst };
                return Err(config.refuse(format!("link.{}.depth", ring.link), fault));
            }
        }
        Ok(self)
    }

    /// A named placement of `books` book shards, folded onto the machine's cores if it has too few.
    pub fn named(name: PlacementName, books: u16, machine: &Machine) -> Self {
        let path = [StageName::Ingest].into_iter().chain((0..books).map(StageName::Book));
        let path = path.chain([StageName::Risk, StageName::Route]);
        let mut runs: Vec<Vec<StageName>> = match name {
            PlacementName::Fused => vec![path.collect()],
            PlacementName::Split => path.map(|stage| vec![stage]).collect(),
        };
        let cores = machine.cores();
        let cores_wanted = runs.len() + 1;
        // The log has a core to itself where that leaves the path what it asks for, or at least two.
        let log_apart = cores.len() >= cores_wanted.min(3);
        let hot_max = if log_apart { cores.len() - 1 } else { cores.len() };
        // Folded from the end: a decision then reaches the wire by calls, and ingest still works ahead.
        while runs.len() > hot_max.max(1) {
            let last = runs.pop().unwrap_or_default();
            if let Some(run) = runs.last_mut() {
                run.extend(last);
            }
        }
        let cores_wanted = if cores.len() < cores_wanted { cores_wanted } else { 0 };
        Self { cores_wanted, ..Self::of_runs(runs, machine, log_apart) }
    }

    /// These runs of stages, at least one, each on a core of its own; the log on one too, or with the first of them.
    pub fn of_runs(mut runs: Vec<Vec<StageName>>, machine: &Machine, log_apart: bool) -> Self {
        // The log comes first: it gets the first core, which serves most interrupts.
        if log_apart {
            runs.insert(0, vec![StageName::Log]);
        } else {
            runs[0].push(StageName::Log);
        }
        let shards = runs.into_iter().zip(machine.cores()).map(|(run, cpu)| {
            let idle = if run == [StageName::Log] { Idle::BackOff } else { Idle::Spin };
            ShardSpec { name: shard_name(&run), run, cpu: Some(*cpu), idle, real_time: 0 }
        });
        Self { shards: shards.collect(), cores_wanted: 0, live: false }
    }

    /// The placement that the shards of a file make.
    fn written(config: &Config, machine: &Machine) -> Result<Self, ConfigError> {
        let books = config.book.shards;
        let mut seen = Vec::new();
        let mut shards: Vec<ShardSpec> = Vec::new();
        for (index, shard) in config.shards.iter().enumerate() {
            let key = format!("shard[{index}]");
            if shard.name.is_empty() || shards.iter().any(|other| other.name == shard.name) {
                let fault = Fault::ShardName(shard.name.clone());
                return Err(config.refuse(format!("{key}.name"), fault));
            }
            let run = read_run(shard, books, &mut seen)
                .map_err(|(at, fault)| config.refuse(format!("{key}.run{at}"), fault))?;
            let cpu = find_cpu(shard, &shards, config.topology.oversubscribe, machine)
                .map_err(|fault| config.refuse(format!("{key}.cpu"), fault))?;
            let (name, idle) = (shard.name.clone(), shard.idle);
            shards.push(ShardSpec { name, run, cpu, idle, real_time: 0 });
        }
        let all = [StageName::Ingest, StageName::Risk, StageName::Route, StageName::Log];
        let all = all.into_iter().chain((0..books).map(StageName::Book));
        match all.filter(|stage| !seen.contains(stage)).min() {
            Some(stage) => Err(config.refuse("shard", Fault::StageMissing(stage.to_string()))),
            None => Ok(Self { shards, cores_wanted: 0, live: false }),
        }
    }

    /// This placement for a real venue.
    ///
    /// # Errors
    /// If a ring to or from the gateway is too shallow.
    pub fn live(self, config: &Config, bursts: &Bursts) -> Result<Self, ConfigError> {
        Self { live: true, ..self }.with_deep_rings(config, bursts)
    }

    /// The shard that runs `stage`, by its place in `shards`.
    pub fn shard_of(&self, stage: StageName) -> Option<usize> {
        self.shards.iter().position(|shard| shard.run.contains(&stage))
    }

    /// Whether `from` and `to` are in one shard.
    pub fn together(&self, from: StageName, to: StageName) -> bool {
        self.shard_of(from) == self.shard_of(to)
    }

    /// The stages that have a ring for lines of the log: the log's own are what it retells of records.
    pub fn telling(&self, books: u16) -> impl Iterator<Item = StageName> + use<> {
        let books = (0..books).map(StageName::Book);
        [StageName::Ingest].into_iter().chain(books).chain([StageName::Route, StageName::Log])
    }

    /// The rings that this placement needs. Return paths and the log are always rings; so is book to risk when
    /// several book shards meet there.
    pub fn rings(&self, config: &Config, bursts: &Bursts) -> Vec<RingSpec> {
        use StageName::{Book, Ingest, Log, Risk, Route};
        let depth = |name| {
            let named = config.link.named();
            named.iter().find(|(link, _)| *link == name).map_or(0, |(_, link)| link.depth as usize)
        };
        let mut rings = Vec::new();
        let mut ring = |link, from, to, slot_bytes, burst| {
            rings.push(RingSpec { link, from, to, depth: depth(link), slot_bytes, burst });
        };
        let (market, report) = (size_of::<Market>(), size_of::<Report>());
        let books = config.book.shards;
        for book in (0..books).map(Book) {
            if !self.together(Ingest, book) {
                ring("market", Ingest, book, market, bursts.market);
            }
            if books > 1 || !self.together(book, Risk) {
                ring("intent", book, Risk, size_of::<Intent>(), bursts.intent);
            }
            if !self.live {
                ring("venue", Route, book, market, bursts.venue);
                ring("event", book, Route, report, bursts.event);
            }
            ring("report", Risk, book, report, bursts.report);
        }
        if self.live {
            ring("venue", Route, Route, market, bursts.venue);
            ring("event", Route, Route, report, bursts.event.max(GATEWAY_BURST + 1));
        }
        if !self.together(Risk, Route) {
            ring("order", Risk, Route, size_of::<Order>(), bursts.order);
        }
        ring("answer", Route, Risk, report, bursts.answer);
        ring("record", Risk, Log, report, bursts.record);
        for stage in self.telling(books) {
            ring("line", stage, Log, size_of::<Line>(), 1);
        }
        rings
    }
}

/// A shard of one stage is called by it; a longer path is "hot"; part of a path, by its first stage.
fn shard_name(run: &[StageName]) -> String {
    match run {
        [StageName::Ingest, StageName::Book(_), ..] => "hot".into(),
        [first, ..] => first.to_string(),
        [] => String::new(),
    }
}

/// The stages of `shard`, or the place in its `run` where they go wrong. Adds them to those `seen`.
fn read_run(
    shard: &Shard,
    books: u16,
    seen: &mut Vec<StageName>,
) -> Result<Vec<StageName>, (String, Fault)> {
    let mut run: Vec<StageName> = Vec::new();
    if shard.run.is_empty() {
        return Err((String::new(), Fault::Empty));
    }
    for (index, word) in shard.run.iter().enumerate() {
        let at = || format!("[{index}]");
        let stages = read_stage(word, books)
            .ok_or_else(|| (at(), Fault::NoStage { word: word.clone(), books: books.into() }))?;
        for stage in stages {
            if seen.contains(&stage) {
                return Err((at(), Fault::StageTwice(stage.to_string())));
            }
            if let Some(before) = run.last().filter(|before| flow(**before) > flow(stage)) {
                let (stage, after) = (stage.to_string(), before.to_string());
                return Err((at(), Fault::Backwards { stage, after }));
            }
            seen.push(stage);
            run.push(stage);
        }
    }
    Ok(run)
}

fn read_stage(word: &str, books: u16) -> Option<Vec<StageName>> {
    Some(match word {
        "ingest" => vec![StageName::Ingest],
        "risk" => vec![StageName::Risk],
        "route" => vec![StageName::Route],
        "log" => vec![StageName::Log],
        "book" => (0..books).map(StageName::Book).collect(),
        _ => {
            let all = (0..books).map(StageName::Book);
            vec![all.into_iter().find(|stage| stage.to_string() == word)?]
        }
    })
}

/// A stage's place in the flow: book shards have the same.
fn flow(stage: StageName) -> StageName {
    if let StageName::Book(_) = stage { StageName::Book(0) } else { stage }
}

/// The CPU that `shard` asks for, if no other has it.
fn find_cpu(
    shard: &Shard,
    others: &[ShardSpec],
    oversubscribe: bool,
    machine: &Machine,
) -> Result<Option<Cpu>, Fault> {
    let Some(id) = shard.cpu else { return Ok(None) };
    let cpu = machine.cpu(id);
    let cpu = cpu.ok_or_else(|| Fault::NoCpu { cpu: id, have: machine.list(None) })?;
    for other in others {
        match other.cpu {
            Some(taken) if taken.core == cpu.core && !oversubscribe => {
                let shard = other.name.clone();
                return Err(if taken.id == id {
                    Fault::CpuTaken { cpu: id, shard }
                } else {
                    Fault::Sibling { cpu: id, shard, other: taken.id }
                });
            }
            _ => {}
        }
    }
    Ok(Some(*cpu))
}

impl Bursts {
    /// Bounds that follow from the configuration: what any strategy may send for one message, and what the paper
    /// venue may answer to one.
    pub fn of(config: &Config) -> Self {
        // What any strategy may send in one decision; each intent may be refused, its end recorded, and more be told.
        let intent = crate::strategy::INTENTS_MAX;
        // An order is accepted, fills at each level, and its rest is cancelled; a message fills what rests.
        let event = (config.paper.sweep_levels as usize + 2).max(config.paper.resting_max as usize);
        let back = intent * crate::risk::BACK_MAX;
        Self {
            market: 1,
            intent,
            order: intent * crate::risk::FORWARD_MAX,
            venue: intent * crate::risk::FORWARD_MAX,
            event,
            answer: intent * crate::risk::FORWARD_MAX,
            report: back,
            record: back,
        }
    }
}
