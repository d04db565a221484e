//! When is a second core worth its hop, and what do more cores bring?
//!
//! **Rates**: a generated day goes through ingest, book, strategy, gate, route and paper venue in an open loop: packets of some
//! messages are due at moments drawn before (exponential gaps), whether the engine has kept up or not. A latency is from when
//! the packet was due until the order that it led to is at the venue's door. Decoding of a message is done before it is due;
//! nothing is looked ahead for that is not due yet. **All at once**: everything is due at the start; what comes is the limit.
//! **Shards**: the same limit with more books shards.
//!
//! Placements take turns. The day's first part warms all up, as fast as it goes, and is not counted. Hot threads spin, each on
//! a core: `chrt -f 50` keeps neighbours away. Where there are fewer cores than threads wanted, stages share threads, which is
//! said. Command line for a larger machine: `chrt -f 50 cargo bench --bench placement -- --rates 0.5,1,2,4,8 --shards 1,2,4,8`.

#[expect(dead_code, reason = "other benches compare variants by their CPU time alone")]
mod common;
#[path = "common/day.rs"]
mod day;

use clap::Parser;
use coretick::base::clock::Clock;
use coretick::base::instrument::Symbols;
use coretick::base::message::{Key, Market};
use coretick::base::stage::Sink;
use coretick::base::step::Pace;
use coretick::base::unit::{Nanos, Stamp};
use coretick::exchange::flow::DaySpec;
use coretick::ingest::decode::Decoder;
use coretick::ingest::transport::file::ItchFile;
use coretick::ingest::{Day, DaySettings, Source};
use coretick::telemetry::Latency;
use coretick::topology::chain::{Files, PaperSeat, Parts, Setup};
use coretick::topology::config::{Config, Executor, StrategyName};
use coretick::topology::placement::StageName;
use coretick::topology::{Machine, Placement, executor, run};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// When a second core is worth its hop, and what more cores bring.
#[derive(Parser)]
struct Arguments {
    /// Million messages a second
    #[arg(long, value_delimiter = ',', default_values_t = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5])]
    rates: Vec<f64>,
    /// Book shards
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8])]
    shards: Vec<u16>,
    /// Messages of a packet
    #[arg(long, default_value_t = 8)]
    each: usize,
    /// Seconds at each rate
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Messages counted at most
    #[arg(long, default_value_t = 2_000_000)]
    messages: u64,
    /// Symbols
    #[arg(long, default_value_t = 2_000)]
    symbols: u32,
    /// Orders alive
    #[arg(long, default_value_t = 200_000)]
    live: u32,
    /// Seconds of the day that the strategy rests after an order in an instrument: at 1800 some four messages in a thousand
    /// lead to an order
    #[arg(long, default_value_t = 1_800)]
    rest: u32,
    /// How often each placement runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Books only: nothing is decided, and no latency is told
    #[arg(long)]
    no_strategy: bool,
    /// In the one order that every placement agrees on, as a replay; else in that of arrival, as a live engine
    #[arg(long)]
    lockstep: bool,
    /// Little of all, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// Further behind than this, the engine has not kept up.
const BEHIND_NS: u64 = 2_000_000;
/// Further behind than this, nothing more is learnt. Well under the second that a stamp can tell.
const LOST_NS: u64 = 300_000_000;
/// Messages that a look ahead reaches.
const AHEAD: usize = 16;

/// A day whose messages come when they are due.
struct Paced {
    day: Day,
    clock: Clock,
    /// Ticks after the start at which each counted message is due.
    due: Arc<[u64]>,
    warm: usize,
    taken: usize,
    began: u64,
    /// The last look at the clock, in ticks since the start.
    seen: u64,
    waits: bool,
    message: Market,
    /// Ticks: the furthest that it was behind, how far at the end, and how long all took.
    latest: u64,
    late: u64,
    took: u64,
    /// It is further behind than tells anything: the rest is left out.
    gave_up: bool,
}

impl Paced {
    fn now(&mut self) -> u64 {
        self.seen = self.clock.ticks() - self.began;
        self.seen
    }
}

impl Source for Paced {
    #[inline]
    fn next(&mut self) -> Key {
        self.waits = false;
        let Some(number) = self.taken.checked_sub(self.warm) else { return self.day.next() };
        if number == 0 && self.began == 0 {
            self.began = self.clock.ticks();
        }
        let due = if self.gave_up { None } else { self.due.get(number) };
        let Some(&due) = due else {
            if self.took == 0 {
                self.took = self.now();
                self.late = self.took - self.due[number - 1].min(self.took);
            }
            return Key::MAX;
        };
        if due > self.seen && due > self.now() {
            self.waits = true;
            return Key::MAX;
        }
        self.day.next()
    }

    fn waits(&self) -> bool {
        self.waits
    }

    #[inline]
    fn take(&mut self) -> &Market {
        self.message = *self.day.take();
        if let Some(number) = self.taken.checked_sub(self.warm) {
            let due = self.due[number];
            self.message.stamp = Stamp((self.began + due) as u32 | 1);
            if number % AHEAD == 0 {
                let late = self.now() - due;
                self.latest = self.latest.max(late);
                self.gave_up = due > 0 && self.clock.nanos(late) > LOST_NS;
            }
        }
        self.taken += 1;
        &self.message
    }

    #[inline]
    fn hint(&self, sink: &impl Sink<Market>) {
        let due = |number: usize| self.due.get(number + AHEAD).is_some_and(|due| *due <= self.seen);
        if self.taken.checked_sub(self.warm).is_none_or(due) {
            self.day.hint(sink);
        }
    }
}

/// What a run found.
struct Found {
    /// From when its packet was due until an order is at the venue's door.
    latency: Latency,
    /// Messages a second, in millions.
    rate: f64,
    /// Whether the engine kept up.
    kept_up: bool,
}

struct Bench {
    path: PathBuf,
    warm: usize,
    clock: Clock,
    executor: Executor,
    pace: Pace,
    rest: u32,
    strategy: StrategyName,
    cores: Machine,
}

impl Bench {
    fn run(&self, placement: &Placement, books: u16, due: Arc<[u64]>) -> Found {
        let mut config = Config::default();
        config.book.shards = books;
        config.strategy.name = self.strategy;
        config.strategy.imbalance.cooldown_ms = u64::from(self.rest) * 1_000;
        (config.book.orders_max, config.book.levels_max) = (1_000_000, 300_000);
        let symbols = Symbols::new(config.book.instruments_max as usize);
        let settings = DaySettings {
            look_ahead: AHEAD,
            tick: Nanos(config.engine.tick_ms * 1_000_000),
            kill_at: Nanos::MAX,
            shards: books.into(),
            stamped: false,
            sample: config.latency.sample.into(),
        };
        let decoder = Decoder::new(Nanos(0), None, books);
        let (setup, files) =
            (Setup::new(config, 0, self.pace, self.clock, symbols.clone()), vec![open(&self.path)]);
        let counted = due.len() as f64;
        let at_once = due.last() == Some(&0);
        let source = Paced {
            day: Day::new(files, decoder, settings, self.clock, symbols),
            clock: self.clock,
            due,
            warm: self.warm,
            taken: 0,
            began: 0,
            seen: 0,
            waits: false,
            message: Market::default(),
            latest: 0,
            late: 0,
            took: 0,
            gave_up: false,
        };
        let parts = Parts::of_replay(source, Arc::default(), Files::none());
        let outcome = run::run::<_, PaperSeat>(placement, &setup, self.executor, parts, || true)
            .expect("the shards start and end in order");
        let source = outcome.source.expect("a run gives its source back");
        let nanos = |ticks| self.clock.nanos(ticks);
        let kept_up = !at_once && !source.gave_up && nanos(source.late) < BEHIND_NS;
        let rate = counted * 1e3 / nanos(source.took).max(1) as f64;
        Found { latency: outcome.tick_to_order, rate, kept_up }
    }

    /// These runs of stages, each on a core; the log with the first of them if there is no core left.
    fn placement(&self, runs: Vec<Vec<StageName>>) -> Placement {
        let log_apart = self.cores.cores().len() > runs.len();
        Placement::of_runs(runs, &self.cores, log_apart)
    }
}

fn open(path: &Path) -> ItchFile {
    ItchFile::open(path).expect("the day was written before")
}

/// When messages are due, in ticks: packets of `each` at exponential gaps, `rate` million messages a second; all at once, if that
/// is 0.
fn schedule(clock: Clock, rate: f64, each: usize, messages: usize) -> Arc<[u64]> {
    if rate == 0.0 {
        return vec![0; messages].into();
    }
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let (gap, mut at) = (1e3 * each as f64 / rate, 0.0);
    let mut due = Vec::with_capacity(messages);
    while due.len() < messages {
        // In (0, 1].
        let drawn = (random.next_u64() >> 11) as f64 + 1.0;
        at -= gap * (drawn / (1_u64 << 53) as f64).ln();
        due.resize((due.len() + each).min(messages), clock.ticks_in(Nanos(at as u64)));
    }
    due.into()
}

/// Book shards on so many hot threads: ingest has one for itself, and so have gate and route, as far as there are enough.
fn sharded(books: u16, threads: usize) -> Vec<Vec<StageName>> {
    let count = usize::from(books);
    let threads = threads.min(count + 2);
    let first = usize::from(threads > count);
    let across = count.min(threads - first);
    let mut runs = vec![Vec::new(); threads];
    runs[0].push(StageName::Ingest);
    for book in 0..books {
        runs[first + usize::from(book) % across].push(StageName::Book(book));
    }
    runs[threads - 1].extend([StageName::Risk, StageName::Route]);
    runs
}

/// Median, least, most.
fn spread(figures: &mut [f64]) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[figures.len() / 2], figures[0], figures[figures.len() - 1]]
}

fn rates(bench: &Bench, arguments: &Arguments, placements: &[(&str, Placement)]) {
    println!("\npackets of {} messages, latencies in ns from when they were due", arguments.each);
    println!(
        "{:>6} {:20} {:>8} {:>15} {:>9} {:>17} {:>9} {:>8} {:>8}",
        "M/s", "", "p50", "least..most", "p99", "least..most", "p99.9", "orders", "kept up"
    );
    for &rate in &arguments.rates {
        let most = arguments.messages as f64;
        let count = (rate * 1e6 * arguments.seconds).min(most).max(1_000.0) as usize;
        let due = schedule(bench.clock, rate, arguments.each, count);
        let mut found: Vec<Vec<Found>> = placements.iter().map(|_| Vec::new()).collect();
        for round in 1..=arguments.rounds {
            for ((name, placement), found) in placements.iter().zip(&mut found) {
                eprint!("\r\x1b[2K{rate} M/s, round {round} of {}: {name}", arguments.rounds);
                found.push(bench.run(placement, 1, due.clone()));
            }
        }
        eprint!("\r\x1b[2K");
        for ((name, _), found) in placements.iter().zip(&found) {
            let at = |quantile| {
                let of = |it: &Found| it.latency.histogram().value_at_quantile(quantile) as f64;
                spread(&mut found.iter().map(of).collect::<Vec<_>>())
            };
            let ([p50, l50, m50], [p99, l99, m99], [p999, ..]) = (at(0.5), at(0.99), at(0.999));
            let kept_up = found.iter().filter(|it| it.kept_up).count();
            let orders: u64 = found.iter().map(|it| it.latency.histogram().len()).sum();
            if 2 * kept_up < found.len() {
                println!(
                    "{rate:>6} {name:20} {:>71} {:>8}",
                    "-",
                    format!("{kept_up}/{}", found.len())
                );
                continue;
            }
            println!(
                "{rate:>6} {name:20} {p50:>8.0} {:>15} {p99:>9.0} {:>17} {p999:>9.0} {orders:>8} {:>8}",
                format!("{l50:.0}..{m50:.0}"),
                format!("{l99:.0}..{m99:.0}"),
                format!("{kept_up}/{}", found.len())
            );
        }
    }
}

fn limits(bench: &Bench, arguments: &Arguments, rows: &[(String, Placement, u16)]) {
    println!("\nall at once, {} messages", arguments.messages);
    println!("{:44} {:>8} {:>8} {:>14}", "", "M/s", "x first", "least..most");
    let due = schedule(bench.clock, 0.0, 1, arguments.messages as usize);
    let mut found: Vec<Vec<f64>> = rows.iter().map(|_| Vec::new()).collect();
    for round in 1..=arguments.rounds {
        for ((name, placement, books), found) in rows.iter().zip(&mut found) {
            eprint!("\r\x1b[2Kall at once, round {round} of {}: {name}", arguments.rounds);
            found.push(bench.run(placement, *books, due.clone()).rate);
        }
    }
    eprint!("\r\x1b[2K");
    let first = spread(&mut found[0])[0];
    for ((name, ..), found) in rows.iter().zip(&mut found) {
        let [median, least, most] = spread(found);
        let range = format!("{least:.2}..{most:.2}");
        println!("{name:44} {median:>8.2} {:>8.2} {range:>14}", median / first);
    }
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.quick || !arguments.bench {
        (arguments.messages, arguments.symbols, arguments.live) = (20_000, 100, 2_000);
        (arguments.rates, arguments.seconds, arguments.rounds) = (vec![0.5], 0.02, 1);
        arguments.shards.truncate(2);
    }
    let Arguments { messages, symbols, live, .. } = arguments;
    let warm = u64::from(live) * 3 + messages / 10;
    let spec = DaySpec { messages: messages + warm, symbols, live, ..Default::default() };
    let bench = &Bench {
        path: day::write(&spec),
        warm: warm as usize,
        clock: Clock::calibrated(),
        executor: match executor::glommio_works() {
            Ok(()) => Executor::Glommio,
            Err(_) => Executor::Thread,
        },
        pace: if arguments.lockstep { Pace::Lockstep } else { Pace::FreeRun },
        rest: arguments.rest,
        strategy: if arguments.no_strategy { StrategyName::None } else { StrategyName::Imbalance },
        cores: Machine::read(),
    };
    let cores = bench.cores.cores().len();
    use StageName::{Book, Ingest, Risk, Route};
    let mut placements =
        vec![("one core", bench.placement(vec![vec![Ingest, Book(0), Risk, Route]]))];
    if cores >= 2 {
        let two = vec![vec![Ingest], vec![Book(0), Risk, Route]];
        placements.push(("two: ingest | rest", bench.placement(two)));
        let late = vec![vec![Ingest, Book(0)], vec![Risk, Route]];
        placements.push(("two: books | orders", bench.placement(late)));
    }
    if cores >= 5 {
        let four = vec![vec![Ingest], vec![Book(0)], vec![Risk], vec![Route]];
        placements.push(("four", bench.placement(four)));
    }
    print!("{}", common::machine());
    println!(
        "day       {messages} messages behind {warm} that warm up, {symbols} symbols, {live} orders alive; {} rounds; {cores} cores; {}",
        arguments.rounds,
        if arguments.lockstep { "lockstep" } else { "free run" }
    );
    rates(bench, &arguments, &placements);
    let mut rows: Vec<_> =
        placements.into_iter().map(|(name, placement)| (name.into(), placement, 1)).collect();
    for &books in &arguments.shards {
        let runs = sharded(books, cores);
        let (threads, wanted) = (runs.len(), usize::from(books) + 2);
        let shared = if threads < wanted { ", shared" } else { "" };
        let name = format!("{books} book shards, {threads} of {wanted} threads{shared}");
        rows.push((name, bench.placement(runs), books));
    }
    limits(bench, &arguments, &rows);
    println!(
        "shared: fewer cores than stages that want one; what more shards bring is not to be seen there"
    );
    print!("{}", common::machine());
}
