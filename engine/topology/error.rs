//! Why a configuration is refused. Each error names the file, line and column, the key, and the fix.

use crate::base::instrument::{Symbol, SymbolError, TableError};
use crate::base::unit::Price;
use crate::portfolio::fees::TierError;
use crate::wire::soup::TextError;
use std::{fmt, io};

/// A configuration that cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file could not be read: give one that exists and is UTF-8.
    Unreadable {
        /// As it was given.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The instrument table is wrong.
    Table {
        /// As the configuration names it.
        file: String,
        /// In which line, and how.
        error: TableError,
    },
    /// `--placement` names neither a placement nor a file.
    NoPlacement {
        /// As it was given.
        name: String,
    },
    /// The file says what cannot be.
    Refused {
        /// Where.
        place: Place,
        /// The key, as `table.key`; empty where the text is not TOML.
        key: String,
        /// Why, and what would be right.
        fault: Fault,
    },
}

/// Where a key was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// What is wrong with a key, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not TOML: correct the text.
    Syntax(String),
    /// No such key, or no such word for a value: use one of those known.
    Unknown {
        /// What was written.
        word: String,
        /// What can be written here.
        known: Vec<String>,
    },
    /// The wrong type, or too large for it: write it as the default is written.
    Type {
        /// What the parser said.
        message: String,
        /// The default, as `key = value`, if the key has one.
        like: Option<String>,
    },
    /// A placement file says something that is not placement: move it to the configuration.
    NotPlacement,
    /// Out of range: write a value within it.
    Range {
        /// What was written.
        value: u64,
        /// The least allowed.
        low: u64,
        /// The most allowed.
        high: u64,
    },
    /// A ring's depth is not a power of two.
    NotPowerOfTwo(u64),
    /// Not "HH:MM:SS".
    NotATime(String),
    /// The instrument table names a book shard that there is not.
    NoBook {
        /// Of which instrument.
        symbol: Symbol,
        /// The shard.
        shard: u16,
        /// How many there are.
        shards: u16,
    },
    /// The quoter would trade instruments of two ticks; its settings are counted in one.
    TwoTicks {
        /// One of them.
        symbol: Symbol,
        /// Its tick.
        tick: Price,
        /// That of those before.
        others: Price,
    },
    /// No order can reach the venue in time.
    AlwaysLate {
        /// Nanoseconds to the venue.
        latency_ns: u64,
    },
    /// Losses and rejects are to stop somebody, and nothing looks at them in time.
    NoTicks {
        /// One of the limits that say so.
        limit: String,
    },
    /// A collar's width without its share.
    WidthAlone {
        /// The key of the share.
        share: &'static str,
    },
    /// Not a symbol.
    NotASymbol(String),
    /// A symbol, and no instrument table to find it in.
    NoTableFor {
        /// Which.
        symbol: Symbol,
    },
    /// A symbol that the instrument table does not have.
    NotInTable {
        /// Which.
        symbol: Symbol,
    },
    /// Tiers that make no schedule.
    Tiers(TierError),
    /// An account that may not trade.
    NoAccount {
        /// Which.
        account: u32,
        /// Those that may.
        known: Vec<u32>,
    },
    /// More tables than there is room for.
    TooMany {
        /// So many.
        count: usize,
        /// As many as may be.
        most: usize,
    },
    /// A name that a login cannot carry.
    Text(TextError),
    /// No such stage.
    NoStage {
        /// What was written.
        word: String,
        /// How many book shards there are.
        books: usize,
    },
    /// A stage that no shard runs.
    StageMissing(String),
    /// A stage that two shards run, or one shard twice.
    StageTwice(String),
    /// A stage listed behind one that it feeds.
    Backwards {
        /// The stage that comes too late.
        stage: String,
        /// The one before it.
        after: String,
    },
    /// A shard that runs nothing.
    Empty,
    /// A shard without a name, or with another's.
    ShardName(String),
    /// Not a CPU of this machine that the process may use.
    NoCpu {
        /// What was asked for.
        cpu: usize,
        /// What there is, as a list of ranges.
        have: String,
    },
    /// Two shards on one CPU.
    CpuTaken {
        /// The CPU.
        cpu: usize,
        /// The shard that has it.
        shard: String,
    },
    /// Two shards on two hyper-threads of one core.
    Sibling {
        /// The CPU asked for.
        cpu: usize,
        /// The shard on the same core.
        shard: String,
        /// That shard's CPU.
        other: usize,
    },
    /// A shard of real-time priority on a CPU that another one needs.
    RealTimeShared {
        /// The CPU.
        cpu: usize,
        /// The shard that would run.
        shard: String,
        /// The one that would not.
        other: String,
    },
    /// The kernel's thread that receives on the CPU of a shard of real-time priority.
    SqpollStarved {
        /// The CPU.
        cpu: usize,
        /// The shard that would run.
        shard: String,
    },
    /// Shards of real-time priority on all CPUs.
    RealTimeEverywhere {
        /// The CPUs that this process may use.
        cpus: String,
    },
    /// Real-time priority, and no shard that it is for.
    RealTimeNowhere,
    /// The pools take more memory than the machine has.
    Memory {
        /// What all of them take.
        need_mib: u64,
        /// What there is.
        have_mib: u64,
        /// What this key's pool takes.
        largest_mib: u64,
    },
    /// A ring that cannot hold what its producer sends at once.
    Shallow {
        /// Its depth in messages.
        depth: usize,
        /// The producer's burst in messages.
        burst: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "{file}: {error}: give a file that exists and is UTF-8 text")
            }
            Self::Table { file, error } => write!(f, "{file}: {error}"),
            Self::NoPlacement { name } => {
                write!(f, "--placement `{name}`: no such file, and no placement of that name")?;
                hint(f, name, &["fused", "split"].map(String::from))
            }
            Self::Refused { place, key, fault } => {
                write!(f, "{}:{}:{}: ", place.file, place.line, place.column)?;
                match fault {
                    Fault::Unknown { word, .. } if key.rsplit('.').next() == Some(word) => {
                        write!(f, "unknown key `{key}`{fault}")
                    }
                    Fault::Unknown { word, .. } => {
                        write!(f, "`{key}`: unknown word `{word}`{fault}")
                    }
                    _ if key.is_empty() => fault.fmt(f),
                    _ => write!(f, "`{key}`: {fault}"),
                }
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => {
                write!(f, "not TOML: {message}: correct the text here, as in `key = value`")
            }
            Self::Unknown { word, known } => hint(f, word, known),
            Self::Type { message, like: Some(like) } => {
                write!(f, "{message}: write it as the default is written, `{like}`")
            }
            Self::Type { message, like: None } => {
                write!(f, "{message}: see the examples in engine/default.toml")
            }
            Self::NotPlacement => f.write_str(
                "a placement file holds only [[shard]], [topology] and [link]: move this to the --config file",
            ),
            Self::Range { value, low, high } => {
                write!(f, "{value} is out of range: set it from {low} to {high}")
            }
            Self::NotPowerOfTwo(value) => {
                let above = value.checked_next_power_of_two().unwrap_or(1 << 63);
                write!(f, "{value} is not a power of two: set it to {above}")
            }
            Self::NotATime(text) => {
                write!(f, "\"{text}\" is not a time of day: write \"HH:MM:SS\", as in \"15:45:00\"")
            }
            Self::NoBook { symbol, shard, shards } => write!(
                f,
                "the table puts {symbol} on book shard {shard}, of {shards}: lower it there, or raise `book.shards`"
            ),
            Self::TwoTicks { symbol, tick, others } => write!(
                f,
                "the tick of {symbol} is {tick}, of those before it {others}: \
                 let the quoter trade instruments of one tick, by `strategy.symbols`"
            ),
            Self::AlwaysLate { latency_ns } => write!(
                f,
                "every order would be late: the venue is {latency_ns} ns away (`paper.latency_out_ns`): \
                 set it to at least {}",
                latency_ns.div_ceil(1_000)
            ),
            Self::NoTicks { limit } => write!(
                f,
                "without ticks `{limit}` is looked at only when orders are sent and fill: set it to 1000 for a look a \
                 second, or turn that limit \"off\""
            ),
            Self::WidthAlone { share } => write!(
                f,
                "a width widens a collar, and `{share}` is off here: set that, to as little as 1, or the width to \"0\""
            ),
            Self::NotASymbol(text) => write!(f, "\"{text}\": {SymbolError}"),
            Self::NoTableFor { symbol } => write!(
                f,
                "{symbol} is known by an instrument table only: name one with `engine.instruments`, or remove this"
            ),
            Self::NotInTable { symbol } => write!(
                f,
                "the instrument table has no {symbol}: add it there, or correct the symbol here"
            ),
            Self::Tiers(error) => write!(
                f,
                "{error}: write them as [[from, rate], ...], the first from 0, the others rising"
            ),
            Self::NoAccount { account, known } => {
                let known: Vec<String> = known.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "account {account} may not trade: add a table [account.{account}], or use one of {}",
                    known.join(", ")
                )
            }
            Self::TooMany { count, most } => {
                write!(f, "{count} of these are too many: leave {most} at most")
            }
            Self::Text(error) => error.fmt(f),
            Self::NoStage { word, books } => {
                write!(f, "no stage is called `{word}`")?;
                let mut known = ["ingest", "book", "risk", "route", "log"].map(String::from).to_vec();
                known.extend((0..*books).map(|n| format!("book.{n}")));
                hint(f, word, &known)
            }
            Self::StageMissing(stage) => {
                write!(f, "no shard runs `{stage}`: add it to the `run` of one")
            }
            Self::StageTwice(stage) => {
                write!(f, "`{stage}` is run twice: leave it in one shard's `run` only")
            }
            Self::Backwards { stage, after } => write!(
                f,
                "`{stage}` comes after `{after}`, against the flow: order them ingest, book, risk, route, log"
            ),
            Self::Empty => f.write_str("the shard runs nothing: name its stages, or remove it"),
            Self::ShardName(name) => {
                write!(f, "\"{name}\" is empty or taken: give each shard a name of its own")
            }
            Self::NoCpu { cpu, have } => {
                write!(f, "this process has no CPU {cpu}: choose one of {have}, or leave `cpu` out; one that is isolated it has if tuning/start begins it")
            }
            Self::CpuTaken { cpu, shard } => write!(
                f,
                "CPU {cpu} belongs to shard \"{shard}\": choose another, or set `topology.oversubscribe = true`"
            ),
            Self::Sibling { cpu, shard, other } => write!(
                f,
                "CPU {cpu} is a hyper-thread of the core of shard \"{shard}\" (CPU {other}): choose another core, or \
                 set `topology.oversubscribe = true`"
            ),
            Self::RealTimeShared { cpu, shard, other } => write!(
                f,
                "shard \"{other}\" would hardly ever run beside \"{shard}\" on CPU {cpu}: give each its own, or set it to 0"
            ),
            Self::SqpollStarved { cpu, shard } => write!(
                f,
                "the kernel's thread that receives would have CPU {cpu}, where shard \"{shard}\" spins with real-time \
                 priority, and next to no turn: set `feed.uring_sqpoll_cpu` to a CPU without such a shard, \
                 `feed.uring_sqpoll = false`, or `topology.real_time = 0`"
            ),
            Self::RealTimeEverywhere { cpus } => write!(
                f,
                "no CPU of {cpus} would be left for the log, the console and the kernel's own threads: leave one without a \
                 shard that spins, or set it to 0"
            ),
            Self::RealTimeNowhere => f.write_str(
                "no shard is pinned and spins or pauses: give one a `cpu` and idle = \"spin\", or set it to 0",
            ),
            Self::Memory { need_mib, have_mib, largest_mib } => write!(
                f,
                "the run would take {need_mib} MiB, {largest_mib} of them for this, and the machine has {have_mib}: \
                 lower it"
            ),
            Self::Shallow { depth, burst } => write!(
                f,
                "{depth} messages cannot hold the {burst} that its producer can send at once: set it to at least {}",
                burst.next_power_of_two()
            ),
        }
    }
}

/// Ends a message with the known word nearest to `word`, or with all of them.
fn hint(f: &mut fmt::Formatter<'_>, word: &str, known: &[String]) -> fmt::Result {
    match nearest(word, known) {
        Some(near) => write!(f, ": did you mean `{near}`?"),
        None => write!(f, ": use one of {}", known.join(", ")),
    }
}

/// The known word that differs least from `word`, if it is no more than a few slips away.
fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a String> {
    let slips_max = 1 + word.chars().count() / 4;
    let (slips, near) = known.iter().map(|name| (slips(word, name), name)).min()?;
    (slips <= slips_max).then_some(near)
}

/// Letters to insert, delete or change to make `right` of `left`, whatever their case.
fn slips(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (at, other) in right.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = change.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_from_another_word() {
        assert_eq!(slips("lookahead", "look_ahead"), 1);
        assert_eq!(slips("", "log"), 3);
        assert_eq!(slips("Risk", "risk"), 0);
        let known = ["book", "risk"].map(String::from);
        assert_eq!(nearest("boook", &known).map(String::as_str), Some("book"));
        assert_eq!(nearest("journal", &known), None);
    }
}
