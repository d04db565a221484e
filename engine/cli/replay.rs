//! `coretick replay`: a recorded day through the engine, and what came of it.

use super::outputs::Outputs;
use super::summary::{self, Summary, TradingFigures};
use super::{Failure, choose_executor, progress_bar};
use crate::base::clock::Clock;
use crate::base::instrument::{Symbol, SymbolError, Symbols};
use crate::base::step::Pace;
use crate::base::unit::Nanos;
use crate::book::Host;
use crate::ingest::date::Day as Date;
use crate::ingest::decode::Decoder;
use crate::ingest::{Day, DaySettings, Ingest};
use crate::journal::Keeper;
use crate::topology::alone::{Alone, run_alone};
use crate::topology::chain::{Files, PaperSeat, Parts, Setup};
use crate::topology::config::{Config, StrategyName};
use crate::topology::placement::{Bursts, Placement};
use crate::topology::{Machine, memory, run};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Replay a recorded day through ingest, book, risk and route
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick replay 01302020.NASDAQ_ITCH50.gz --out out/day\n  \
    coretick replay day.itch50 --symbols AAPL,MSFT --strategy quoter --placement split\n  \
    coretick replay day.itch50 --stages book\n  \
    coretick replay day.pcap --date 2020-01-30\n\n\
    Files are ITCH 5.0 with 2-byte length prefixes, or captures (pcap, pcapng) of it over MoldUDP64: plain, gzip or zstd.\n\
    Several are read one after another as one day. A capture may hold both lines of the feed; its first session is taken.\n\n\
    Exit code: 0 when all was read; 1 for what the system refused; 2 for wrong input or configuration, and when a file\n\
    broke off in the middle, or none of the symbols was announced (what was read is shown); 3 with --strict when\n\
    malformed messages were skipped.")]
pub(super) struct Arguments {
    /// Recorded days
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The configuration: a TOML file with what differs from the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What the strategy trades: a list of symbols; all if not given
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = symbol)]
    symbols: Option<Vec<String>>,
    /// The strategy; wins over the configuration
    #[arg(long, value_enum)]
    strategy: Option<StrategyName>,
    /// The last stage that runs
    #[arg(long, value_enum, default_value = "route")]
    stages: Stages,
    /// Where stages run: fused, split, or a TOML file of shards; wins over the configuration
    #[arg(long, value_name = "NAME|FILE")]
    placement: Option<String>,
    /// The day, YYYY-MM-DD; else the file's name tells, else it is 1970-01-01
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// Of captures, take only datagrams to this UDP port
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Let no stage wait for another: measures speed; orders and fills then depend on timing
    #[arg(long)]
    free_run: bool,
    /// Exit with 3 if any message was malformed
    #[arg(long)]
    strict: bool,
    /// Write summary.json, orders.csv, fills.csv, audit.csv, events.log, latency_*.hgrm and config.toml into this folder; those of an earlier run
    /// are removed from it first
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Stages {
    /// Parse only
    Ingest,
    /// Parse and keep the books
    Book,
    /// Strategies and the gate too; nothing leaves
    Risk,
    /// Everything
    Route,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let mut config = Config::load(arguments.config.as_deref(), arguments.placement.as_deref())?;
    if let Some(name) = arguments.strategy {
        config.strategy.name = name;
    }
    if let Some(symbols) = &arguments.symbols {
        config.strategy.symbols = symbols.clone();
    }
    config.validate()?;
    config.limit_set()?;
    let asked = config.symbols();
    let machine = Machine::read();
    let bursts = Bursts::of(&config);
    let placement = Placement::new(&config, &machine, &bursts)?;
    memory::fits(&placement, &config, &bursts, &machine)?;
    let (date, dated) = super::date(arguments.date.as_deref(), &arguments.files)?;
    let files: Vec<_> = arguments
        .files
        .iter()
        .map(|path| super::open(path, arguments.port))
        .collect::<Result<_, _>>()?;
    let total: Option<u64> = files.iter().map(|file| file.progress().total).sum();
    let outputs = arguments.out.as_deref().map(Outputs::create).transpose()?;

    let clock = Clock::calibrated();
    let symbols = Symbols::new(config.book.instruments_max as usize);
    let trading = matches!(arguments.stages, Stages::Risk | Stages::Route);
    let millis = |ms: u64| Nanos(ms.saturating_mul(1_000_000));
    let settings = DaySettings {
        look_ahead: config.ingest.look_ahead as usize,
        tick: if trading { millis(config.engine.tick_ms) } else { Nanos(0) },
        kill_at: config.kill_at().map_or(Nanos::MAX, |time| date.midnight().plus(time)),
        shards: usize::from(config.book.shards),
        stamped: trading,
        sample: u64::from(config.latency.sample),
    };
    let table = config.table.as_deref();
    let decoder = Decoder::new(date.midnight(), table.cloned(), config.book.shards);
    let day = Day::new(files, decoder, settings, clock, symbols.clone());
    let position = Arc::new(AtomicU64::new(0));
    let bar = progress_bar(total);
    let watch = || bar.set_position(position.load(Ordering::Relaxed));

    let mut summary = Summary::new(&config, asked, date, placement_name(arguments, &config));
    if trading {
        let wanted = placement.cores_wanted;
        summary.folded = (wanted > 0).then(|| (wanted, machine.cores().len()));
        let pace = if arguments.free_run { Pace::FreeRun } else { Pace::Lockstep };
        let route_shut = arguments.stages == Stages::Risk;
        let setup = Setup::new(config.clone(), date.number(), pace, clock, symbols);
        let setup = Setup { route_shut, ..setup };
        let executor = choose_executor(&config)?;
        let files = match &outputs {
            Some(outputs) => outputs.files()?,
            None => Files::none(),
        };
        let audit = outputs.as_ref().map(Outputs::audit).transpose()?;
        let keeper = Keeper::new(audit.clone(), None, setup.symbols.clone(), None);
        let files = Files { observer: Some(Box::new(keeper)), ..files };
        let parts = Parts::of_replay(day, position.clone(), files);
        let mut outcome = run::run::<_, PaperSeat>(&placement, &setup, executor, parts, || {
            watch();
            true
        })?;
        bar.finish_and_clear();
        if let (Some(gate), Some(log)) = (&outcome.gate, outcome.log.take()) {
            let written = log.finish(&gate.open_orders()).map(|_| ());
            let written = written.and(audit.map_or(Ok(()), |audit| audit.finish()));
            written.map_err(|error| outputs_failed(arguments, error))?;
        }
        if let Some(events) = outcome.events.take() {
            let told = events.finish().map_err(|error| outputs_failed(arguments, error))?;
            summary.events = outputs.as_ref().map(|_| told);
        }
        summary.seconds = outcome.seconds;
        if let Some(day) = &outcome.source {
            summary.market(day, &arguments.files);
        }
        for (host, _) in &outcome.books {
            summary.books(host.books());
        }
        summary.trading = TradingFigures::of(&outcome, &summary::latencies(&outcome));
        if let Some(outputs) = &outputs {
            outputs.latencies(&summary::latencies(&outcome))?;
        }
    } else {
        let books = (arguments.stages == Stages::Book).then(|| Setup::books_of(&config));
        let batch = config.ingest.batch as usize;
        let mut ingest = Ingest::new(day, Alone(books), batch, position.clone());
        let began = clock.ticks();
        run_alone(&mut ingest, watch);
        summary.seconds = clock.nanos(clock.ticks() - began) as f64 / 1e9;
        bar.finish_and_clear();
        let (day, books) = ingest.into_parts();
        summary.market(&day, &arguments.files);
        if let Some(books) = &books.0 {
            summary.books(books);
        }
    }
    if let Some(outputs) = &outputs {
        outputs.write("config.toml", config.to_toml().as_bytes())?;
        outputs.write("summary.json", summary.to_json().as_bytes())?;
    }
    let undated = (!dated).then_some(date);
    let shown = show(&summary, undated, arguments.out.as_deref(), out);
    for symbol in &summary.not_announced {
        let files = file_list(&arguments.files);
        let why = format!("not announced in the directory of {files}");
        writeln!(io::stderr(), "note: symbol {symbol}: {why}: nothing of it was traded")?;
    }
    let (malformed, none_announced) = (summary.malformed(), summary.none_announced());
    // Before whether it could be shown: a reader who has left is no reason to call the day good.
    match summary.fault {
        Some((file, fault)) => Err(Failure::BrokenOff(file, fault)),
        None if none_announced => Err(Failure::NoneAnnounced(file_list(&arguments.files))),
        None if arguments.strict && malformed > 0 => Err(Failure::Malformed(malformed)),
        None => Ok(shown?),
    }
}

fn file_list(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn show(
    summary: &Summary,
    undated: Option<Date>,
    written: Option<&Path>,
    out: &mut impl Write,
) -> io::Result<()> {
    if let Some(date) = undated {
        writeln!(out, "date      none in the file's name: taken as {date} (--date tells)")?;
    }
    summary.print(out)?;
    if let Some(path) = written {
        writeln!(out, "\nwritten   {}", path.display())?;
    }
    out.flush()
}

/// A symbol, as it was written.
fn symbol(text: &str) -> Result<String, SymbolError> {
    text.parse::<Symbol>().map(|_| text.into())
}

fn placement_name(arguments: &Arguments, config: &Config) -> String {
    let named = format!("{:?}", config.topology.placement).to_lowercase();
    let written = || if config.shards.is_empty() { named } else { "from the configuration".into() };
    arguments.placement.clone().unwrap_or_else(written)
}

fn outputs_failed(arguments: &Arguments, error: io::Error) -> Failure {
    match &arguments.out {
        Some(path) => Failure::File(path.clone(), error),
        None => Failure::Output(error),
    }
}
