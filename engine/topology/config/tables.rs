//! The tables of the configuration, as `engine/default.toml` has them, and the words that stand for choices.

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
