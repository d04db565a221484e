//! The tables of the configuration, as `engine/default.toml` has them, and the words that stand for choices.

use crate::base::log::Severity;
use crate::route::connection::Transport;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

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
        /// "HH:MM:SS" in New York; empty for never. See [`Config::kill_at`](super::Config::kill_at).
        kill_at: String,
        /// The account of all orders.
        account: u32,
        /// From the decision to the venue at most, us of engine time; later is refused.
        good_until_us: u64,
        /// Path of the instrument table; empty for the day's own directory.
        instruments: String,
        /// Whether memory stays where it is.
        lock_memory: LockMemory,
        /// Whether memory comes in huge pages.
        huge_pages: bool,
        /// Whether a shard's memory comes from its CPU's node only.
        bind_memory: bool,
        /// Made-up messages that a hot shard of a live engine works through before it begins.
        warm_up: u32,
    }
}

words! {
    /// Which memory is locked.
    LockMemory {
        /// None.
        No,
        /// What was touched.
        Touched,
        /// All, and it is there from the start.
        All,
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
        /// Between two turns in an instrument, ms of engine time.
        cooldown_ms: u64,
    }
}

table! {
    /// `[risk]`
    Risk {
        /// The file of limits; empty for the defaults.
        limits: String,
        /// Open orders.
        open_orders_max: u32,
        /// The file of latches; empty for none.
        latches: String,
        /// The socket at which the engine is asked; empty for none.
        admin: String,
    }
}

words! {
    /// What a sale takes from a position.
    Accounting {
        /// Its part of the cost.
        Average,
        /// What was bought first.
        Fifo,
    }
}

table! {
    /// `[route]`
    Route {
        /// By which way orders go, and answers come.
        transport: RouteTransport,
        /// Whether the plain socket will do where that is not possible.
        transport_fallback: bool,
    }
}

words! {
    /// The ways by which orders go.
    RouteTransport {
        /// A plain socket.
        Socket,
        /// A socket that io_uring reads and writes.
        Uring,
    }
}

impl From<RouteTransport> for Transport {
    fn from(name: RouteTransport) -> Self {
        match name {
            RouteTransport::Socket => Self::Socket,
            RouteTransport::Uring => Self::Uring,
        }
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
    /// `[venue]`
    Venue {
        /// Where it takes orders.
        order_entry: SocketAddr,
        /// Who logs in.
        user: String,
        /// The file with the password; empty for the environment.
        password_file: String,
        /// The session; empty for the one that is running.
        session: String,
        /// The pace that it allows; 0 for any.
        messages_per_second: u32,
        /// Messages at once.
        messages_burst: u32,
        /// Orders beyond the pace that wait.
        messages_queue: u32,
        /// What a stop waits for open orders, ms.
        stop_within_ms: u64,
        /// One mass cancel at a stop.
        mass_cancel: bool,
        /// How sales are marked.
        sales: Sales,
    }
}

words! {
    /// What a sale is marked as at the venue.
    Sales {
        /// Of what is owned where the position covers it, of what is borrowed where it does not.
        ByPosition,
        /// Of what is owned.
        Long,
        /// Of what is borrowed.
        Short,
        /// The same, where the price test of short sales does not apply.
        ShortExempt,
    }
}

table! {
    /// `[latency]`
    Latency {
        /// One in so many messages has its decoding timed.
        sample: u32,
        /// One in so many orders is timed stage by stage.
        sample_orders: u32,
    }
}

table! {
    /// `[log]`
    Log {
        /// The least grave events that are told.
        level: LogLevel,
        /// Lines of an event in a second of the engine's time, at most.
        lines_per_second: u32,
    }
}

words! {
    /// How grave an event is.
    LogLevel {
        /// Of use to who looks for a fault.
        Debug,
        /// As it should be.
        Info,
        /// The engine mends it, or goes on with less.
        Warn,
        /// Somebody should look at it now.
        Error,
        /// Nothing is told.
        Off,
    }
}

impl From<LogLevel> for Severity {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
            LogLevel::Off => Self::Off,
        }
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
        /// Priority of shards that spin or pause; 0: the usual one.
        real_time: u32,
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
        /// Each stage to the log: what it tells of.
        line: Link,
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
    pub fn named(&self) -> [(&'static str, &Link); 9] {
        [
            ("market", &self.market),
            ("intent", &self.intent),
            ("order", &self.order),
            ("venue", &self.venue),
            ("event", &self.event),
            ("answer", &self.answer),
            ("report", &self.report),
            ("record", &self.record),
            ("line", &self.line),
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
