//! What does a replayed day cost, stage by stage, beside the least that anyone can spend on its bytes?
//!
//! The floor reads the same file the same way and touches the type and the last eight bytes of every message. Then come
//! parsing, the books behind it, and everything: strategy, gate, route, paper venue, on one hot shard with the log
//! beside it. The figures are those of the thread that takes the day in, from its first message to its last.

mod common;
#[path = "common/day.rs"]
mod day;

use clap::Parser;
use common::{Cost, Variant};
use coretick::base::clock::Clock;
use coretick::base::instrument::Symbols;
use coretick::base::message::{Key, Market};
use coretick::base::stage::Sink;
use coretick::base::step::Pace;
use coretick::base::unit::Nanos;
use coretick::exchange::flow;
use coretick::ingest::decode::Decoder;
use coretick::ingest::transport::file::ItchFile;
use coretick::ingest::{Day, DaySettings, Ingest, Source};
use coretick::telemetry::Latency;
use coretick::topology::alone::{Alone, run_alone};
use coretick::topology::chain::{Files, PaperSeat, Parts, Setup};
use coretick::topology::config::{Config, Executor, StrategyName};
use coretick::topology::placement::{Bursts, Placement, StageName};
use coretick::topology::{Machine, executor, run};
use coretick::wire::frame;
use std::cell::RefCell;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a replayed day costs, stage by stage.
#[derive(Parser)]
struct Arguments {
    /// Messages of the day
    #[arg(long, default_value_t = 20_000_000)]
    messages: u64,
    /// Its symbols
    #[arg(long, default_value_t = 8_000)]
    symbols: u32,
    /// Orders alive at its peak
    #[arg(long, default_value_t = 493_000)]
    live: u32,
    /// How often each variant runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only the variants whose names hold this, and the floor
    #[arg(long, default_value = "")]
    only: String,
    /// A small day, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// A source that notes the cost of the thread that it is on, from its first message to its end.
struct Metered {
    day: Day,
    began: Option<Cost>,
    cost: Cost,
}

impl Source for Metered {
    #[inline(always)]
    fn next(&mut self) -> Key {
        let began = *self.began.get_or_insert_with(Cost::now);
        let key = self.day.next();
        if key == Key::MAX {
            self.cost = Cost::now().since(began);
        }
        key
    }

    #[inline]
    fn take(&mut self) -> &Market {
        self.day.take()
    }

    #[inline(always)]
    fn hint(&self, sink: &impl Sink<Market>) {
        self.day.hint(sink);
    }
}

/// A day on the disk and how it is replayed.
struct Bench {
    path: PathBuf,
    messages: u64,
    clock: Clock,
    executor: Executor,
}

impl Bench {
    fn day(&self, config: &Config, symbols: Symbols, trading: bool) -> Metered {
        let settings = DaySettings {
            look_ahead: config.ingest.look_ahead as usize,
            tick: Nanos(if trading { config.engine.tick_ms * 1_000_000 } else { 0 }),
            kill_at: Nanos::MAX,
            shards: 1,
            stamped: trading,
            sample: config.latency.sample.into(),
        };
        let decoder = Decoder::new(Nanos(0), None, 1);
        let day = Day::new(vec![open(&self.path)], decoder, settings, self.clock, symbols);
        Metered { day, began: None, cost: Cost::default() }
    }

    /// The day taken in, and the books kept if asked for; nothing else.
    fn alone(&self, config: &Config, books: bool) -> Cost {
        let symbols = Symbols::new(config.book.instruments_max as usize);
        let books = Alone(books.then(|| Setup::books_of(config)));
        let source = self.day(config, symbols, false);
        let batch = config.ingest.batch as usize;
        let mut ingest = Ingest::new(source, books, batch, Arc::default());
        run_alone(&mut ingest, || ());
        let (source, books) = ingest.into_parts();
        assert_eq!(source.day.decoder().messages(), self.messages);
        if let Some(books) = books.0 {
            assert!(books.live_orders() > 0, "orders are left at the end of the day");
        }
        source.cost
    }

    /// Everything. Adds the latencies from tick to order to `orders`.
    fn everything(&self, name: StrategyName, pace: Pace, orders: &RefCell<Latency>) -> Cost {
        let mut config = Config::default();
        config.strategy.name = name;
        let placement = Placement::new(&config, &Machine::read(), &Bursts::of(&config))
            .expect("the defaults fit any machine");
        assert!(placement.together(StageName::Ingest, StageName::Route), "one hot shard");
        let symbols = Symbols::new(config.book.instruments_max as usize);
        let setup = Setup::new(config.clone(), 0, pace, self.clock, symbols.clone());
        let source = self.day(&config, symbols, true);
        let files = Files::none();
        let parts = Parts::of_replay(source, Arc::default(), files);
        let outcome = run::run::<_, PaperSeat>(&placement, &setup, self.executor, parts, || true)
            .expect("the shards start and end in order");
        let source = outcome.source.expect("a run gives its source back");
        assert_eq!(source.day.decoder().messages(), self.messages);
        orders.borrow_mut().add(&outcome.tick_to_order);
        source.cost
    }

    /// Every frame touched, read as the engine reads.
    fn floor_of_file(&self) -> Cost {
        let mut file = open(&self.path);
        let (mut touched, mut count) = (Touched::default(), 0);
        let began = Cost::now();
        while let Some(frame) = file.next_frame() {
            touched.add(frame);
            count += 1;
        }
        let cost = Cost::now().since(began);
        black_box(touched);
        assert_eq!(count, self.messages);
        cost
    }

    /// Every frame touched, in bytes that lie in memory.
    fn floor_of_memory(&self, bytes: &[u8]) -> Cost {
        let (mut touched, mut count) = (Touched::default(), 0);
        let mut rest = bytes;
        let began = Cost::now();
        while let Some((frame, after)) = frame::split(rest) {
            touched.add(frame);
            rest = after;
            count += 1;
        }
        let cost = Cost::now().since(began);
        black_box(touched);
        assert_eq!(count, self.messages);
        cost
    }
}

/// The least that can be done with a frame.
#[derive(Default)]
struct Touched {
    kinds: u64,
    ends: u64,
}

impl Touched {
    #[inline(always)]
    fn add(&mut self, frame: &[u8]) {
        if let (Some(kind), Some(end)) = (frame.first(), frame.last_chunk::<8>()) {
            self.kinds = self.kinds.wrapping_add(u64::from(*kind));
            self.ends ^= u64::from_le_bytes(*end);
        }
    }
}

fn open(path: &Path) -> ItchFile {
    ItchFile::open(path).expect("the day was written before")
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.quick || !arguments.bench {
        (arguments.messages, arguments.symbols) = (200_000, 100);
        (arguments.live, arguments.rounds) = (8_000, 1);
    }
    let Arguments { messages, symbols, live, rounds, ref only, .. } = arguments;
    let path = day::write(&flow::DaySpec { messages, symbols, live, ..Default::default() });
    // Read once before all: the file is then in the page cache for every variant.
    let bytes = fs::read(&path).expect("the day was written before");
    let executor = match executor::glommio_works() {
        Ok(()) => Executor::Glommio,
        Err(_) => Executor::Thread,
    };
    let bench = &Bench { path, messages, clock: Clock::calibrated(), executor };
    let config = &Config::default();
    let mut blind = config.clone();
    blind.ingest.look_ahead = 0;
    let blind = &blind;
    let [imbalance, quoter, free] = &[(); 3].map(|()| RefCell::new(Latency::default()));
    let all = |name, pace, latency| move || bench.everything(name, pace, latency);
    use StrategyName::{Imbalance, None as Nothing, Quoter};

    let mut variants = vec![
        Variant::new("floor: file", || bench.floor_of_file()),
        Variant::new("floor: memory", || bench.floor_of_memory(&bytes)),
        Variant::new("parse", || bench.alone(config, false)),
        Variant::new("parse + book", || bench.alone(config, true)),
        Variant::new("parse + book, no look-ahead", || bench.alone(blind, true)),
        Variant::new("everything, no strategy", all(Nothing, Pace::Lockstep, free)),
        Variant::new("everything, imbalance", all(Imbalance, Pace::Lockstep, imbalance)),
        Variant::new("everything, imbalance, free run", all(Imbalance, Pace::FreeRun, free)),
        Variant::new("everything, quoter", all(Quoter, Pace::Lockstep, quoter)),
        Variant::new("everything, quoter, free run", all(Quoter, Pace::FreeRun, free)),
    ];
    variants.retain(|variant| variant.name().contains(only.as_str()) || variant.is("floor: file"));
    common::interleave(&mut variants, rounds);

    print!("{}", common::machine());
    println!(
        "day       {messages} messages, {symbols} symbols, {live} orders alive; {rounds} rounds\n"
    );
    println!("{}", common::table("replay", &variants, messages));
    println!("tick to order, ns          p50      p90      p99    p99.9      max    count");
    for (name, latency) in [("imbalance", imbalance), ("quoter", quoter)] {
        println!("{name:22} {}", percentiles(&latency.borrow()));
    }
    println!("\ntargets");
    let cpu = |name| variants.iter().find(|variant| variant.is(name)).map(Variant::cpu);
    let ratio = |above, below| Some(cpu(above)? / cpu(below)?);
    target("parse + book / floor: file", ratio("parse + book", "floor: file"), 5.0);
    for name in ["everything, imbalance", "everything, quoter"] {
        target(&format!("{name} / parse + book"), ratio(name, "parse + book"), 1.6);
    }
    for (name, latency) in [("imbalance", imbalance), ("quoter", quoter)] {
        let latency = latency.borrow();
        let histogram = latency.histogram();
        let at = |quantile| {
            (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile) as f64)
        };
        target(&format!("tick to order p50, ns, {name}"), at(0.5), 300.0);
        target(&format!("tick to order p99, ns, {name}"), at(0.99), 1_000.0);
    }
}

fn percentiles(latency: &Latency) -> String {
    let histogram = latency.histogram();
    let [p50, p90, p99, p999] =
        [0.5, 0.9, 0.99, 0.999].map(|quantile| histogram.value_at_quantile(quantile));
    format!("{p50:>8} {p90:>8} {p99:>8} {p999:>8} {:>8} {:>8}", histogram.max(), histogram.len())
}

fn target(what: &str, is: Option<f64>, most: f64) {
    match is {
        Some(is) if is <= most => println!("  met      {what:44} {is:8.2}, at most {most}"),
        Some(is) => println!("  not met  {what:44} {is:8.2}, at most {most}"),
        None => println!("  not run  {what}"),
    }
}
