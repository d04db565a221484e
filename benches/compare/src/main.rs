//! coretick's books beside others, over the same days.
//!
//! Every run of a variant is a process of its own, so that its peak memory is its own; the variants take turns, round by
//! round. All read the file through the engine's ingest and have the product's allocator with its settings. Those that
//! keep orders must end with the same ones, and those that keep books with the same best prices, or there are no figures.

#[path = "../../common/mod.rs"]
#[allow(dead_code)]
mod common;
mod hft;
mod nautilus;
mod own;
mod plain;
mod replay;

use clap::Parser;
use common::Cost;
use coretick::ingest::transport::file::{ItchFile, Packing};
use coretick::topology::chain::Setup;
use coretick::topology::config::Config;
use hft::{Hft, LOT, Ranges, TICK};
use hftbacktest::depth::{BTreeMarketDepth, HashMapMarketDepth, ROIVectorMarketDepth};
use replay::{Contender, Outcome, Reading};
use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// coretick's books beside others, over the same days
#[derive(Parser)]
#[command(after_help = "Example:\n  \
    coretick generate out/day.itch50 --messages 20000000 --symbols 8000 --live 493000\n  \
    cargo run --release -- out/day.itch50 ../../../shared/data/itch/*.itch50.zst --rounds 5")]
struct Arguments {
    /// ITCH days whose prices are whole cents, a table each; packed ones are unpacked first. One that is not there is
    /// skipped
    #[arg(value_name = "DAY", required = true)]
    paths: Vec<PathBuf>,
    /// How often each variant runs
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Outside crates read the day's first N messages only
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    messages: u64,
    /// Orders that coretick's pools are made for; as configured by default
    #[arg(long, value_name = "N", default_value_t = Config::default().book.orders_max)]
    orders_max: u32,
    /// Only the variants whose names hold this, and the floor
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Run this one here and tell its figures
    #[arg(long, hide = true)]
    variant: Option<String>,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Floor,
    Parse,
    Own,
    OwnBlind,
    Plain,
    HftHash,
    HftTree,
    HftVector,
    Feeder,
    Nautilus,
}

/// A variant, its name, and whether its book is of an outside crate.
const VARIANTS: [(What, &str, bool); 10] = [
    (What::Floor, "floor: touch each message", false),
    (What::Parse, "parse", false),
    (What::Own, "coretick", false),
    (What::OwnBlind, "coretick, no look-ahead", false),
    (What::Plain, "plain: HashMap + BTreeMap", false),
    (What::HftHash, "hftbacktest, hash map", true),
    (What::HftTree, "hftbacktest, B-tree", true),
    (What::HftVector, "hftbacktest, vector", true),
    (What::Feeder, "nautilus-model's feeder alone", true),
    (What::Nautilus, "nautilus-model", true),
];

impl What {
    /// Whether it ends with orders that can be compared.
    fn keeps_orders(self) -> bool {
        !matches!(self, Self::Floor | Self::Parse)
    }

    /// Whether it ends with best prices that can be compared. `hftbacktest` 0.9.4 takes the lowest bid of its B-tree for the
    /// best one when the level of the best has gone.
    fn keeps_tops(self) -> bool {
        self.keeps_orders() && !matches!(self, Self::Feeder | Self::HftTree)
    }
}

/// What a variant came to on a day.
type Results = Vec<(What, &'static str, Vec<Run>)>;

/// A run in a process of its own.
#[derive(Clone, Copy)]
struct Run {
    outcome: Outcome,
    /// Anonymous memory at its peak, KiB.
    peak: u64,
}

impl Run {
    fn nanos(&self) -> f64 {
        self.outcome.cost.cpu as f64 / self.outcome.messages as f64
    }
}

/// Runs `what` here.
fn run(what: What, path: &Path, arguments: &Arguments) -> Result<Outcome, Box<dyn Error>> {
    let mut config = Config::default();
    config.book.orders_max = arguments.orders_max;
    let instruments = config.book.instruments_max as usize;
    let messages = arguments.messages;
    let look_ahead = if what == What::Own { 16 } else { 0 };
    let reading = Reading { path, messages, look_ahead };

    fn outcome<C: Contender>(reading: Reading, contender: C) -> Result<Outcome, Box<dyn Error>> {
        Ok(reading.replay(contender)?.0)
    }
    match what {
        What::Floor => Ok(reading.floor()?),
        What::Parse => outcome(reading, ()),
        What::Own | What::OwnBlind => outcome(reading, Setup::books_of(&config)),
        What::Plain => outcome(reading, plain::Plain::new(instruments)),
        What::HftHash => {
            outcome(reading, Hft::new(instruments, |_| HashMapMarketDepth::new(TICK, LOT)))
        }
        What::HftTree => {
            outcome(reading, Hft::new(instruments, |_| BTreeMarketDepth::new(TICK, LOT)))
        }
        What::HftVector => {
            let (_, ranges) = reading.replay(Ranges::new(instruments))?;
            let depth = |instrument| {
                let (low, high) = ranges.of(instrument);
                ROIVectorMarketDepth::new(TICK, LOT, low, high)
            };
            outcome(reading, Hft::new(instruments, depth))
        }
        What::Feeder => outcome(reading, nautilus::Feeder::default()),
        What::Nautilus => outcome(reading, nautilus::Nautilus::new(instruments)),
    }
}

/// Anonymous memory at this process's peak, in KiB: the peak of all of it but what is of files now, which is its program.
fn peak() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
    };
    match (field("VmHWM"), field("RssFile"), field("RssShmem")) {
        (Some(all), Some(file), Some(shared)) => Ok(all.saturating_sub(file + shared)),
        _ => Err("/proc/self/status does not tell the memory's peak".into()),
    }
}

/// Runs the variant of that name in a process of its own.
fn run_apart(
    name: &str,
    path: &Path,
    messages: u64,
    arguments: &Arguments,
) -> Result<Run, Box<dyn Error>> {
    let told = Command::new(std::env::current_exe()?)
        .arg(path)
        .args(["--variant", name])
        .args(["--messages", &messages.to_string()])
        .args(["--orders-max", &arguments.orders_max.to_string()])
        .output()?;
    let words = String::from_utf8(told.stdout)?;
    let words: Result<Vec<u64>, _> = words.split_whitespace().map(str::parse).collect();
    match words.as_deref() {
        Ok(&[messages, cpu, wall, live, orders, tops, peak]) if told.status.success() => {
            let outcome = Outcome { messages, cost: Cost { cpu, wall }, live, orders, tops };
            Ok(Run { outcome, peak })
        }
        _ => {
            let why = String::from_utf8_lossy(&told.stderr);
            Err(format!("{name}: {}\n{}", told.status, why.trim_end()).into())
        }
    }
}

/// Whether all that keep books of as many messages kept the same.
fn agree(results: &Results) -> Result<(), String> {
    let runs: Vec<_> = results
        .iter()
        .flat_map(|(what, name, runs)| runs.iter().map(move |run| (*what, *name, run.outcome)))
        .collect();
    for (n, (what, name, one)) in runs.iter().enumerate() {
        for (other_what, other_name, other) in &runs[..n] {
            let same = one.messages == other.messages;
            let orders = same && what.keeps_orders() && other_what.keeps_orders();
            let tops = same && what.keeps_tops() && other_what.keeps_tops();
            if (orders && one.orders != other.orders) || (tops && one.tops != other.tops) {
                return Err(format!("'{name}' and '{other_name}' end with different books"));
            }
        }
    }
    Ok(())
}

/// One line for each variant.
fn table(results: &Results) -> String {
    let mut text = format!(
        "{:30} {:>8} {:>8} {:>16} {:>9} {:>11} {:>9}\n",
        "CPU ns a message, median", "", "x floor", "least..most", "peak MiB", "messages", "orders"
    );
    let mut floor = None;
    for (_, name, runs) in results {
        let mut nanos: Vec<f64> = runs.iter().map(Run::nanos).collect();
        nanos.sort_by(f64::total_cmp);
        let (Some(least), Some(most), Some(run)) = (nanos.first(), nanos.last(), runs.first())
        else {
            continue;
        };
        let median = f64::midpoint(nanos[(nanos.len() - 1) / 2], nanos[nanos.len() / 2]);
        let ratio = median / *floor.get_or_insert(median);
        let peak = runs.iter().map(|run| run.peak).max().unwrap_or(0) as f64 / 1024.0;
        let Outcome { messages, live, .. } = run.outcome;
        let spread = format!("{least:.1}..{most:.1}");
        let _ = writeln!(
            text,
            "{name:30} {median:>8.1} {ratio:>8.2} {spread:>16} {peak:>9.0} {messages:>11} {live:>9}"
        );
    }
    text
}

/// A day to read: as it is, or unpacked into `folder` if it is packed. `None` if it is not there, which is said.
fn ready(path: &Path, folder: &Path) -> Result<Option<PathBuf>, Box<dyn Error>> {
    if !path.exists() {
        eprintln!("SKIPPED: {}: it is not there", path.display());
        return Ok(None);
    }
    let mut day = ItchFile::open(path)?;
    if day.packing() == Packing::Plain {
        return Ok(Some(path.to_owned()));
    }
    let name = path.file_stem().ok_or("a file has a name")?;
    let plain = folder.join(name);
    let mut out = BufWriter::new(File::create(&plain)?);
    while let Some(frame) = day.next_frame() {
        out.write_all(&u16::try_from(frame.len())?.to_be_bytes())?;
        out.write_all(frame)?;
    }
    out.flush()?;
    match day.fault() {
        None => Ok(Some(plain)),
        Some(fault) => Err(format!("{}: {fault}", path.display()).into()),
    }
}

/// Runs all in turns and prints a table for each day.
fn compare(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("coretick-compare-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let done = compare_in(&folder, arguments);
    fs::remove_dir_all(&folder)?;
    done
}

fn compare_in(folder: &Path, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let wanted = |what, name: &str| what == What::Floor || name.contains(&arguments.only);
    let variants: Vec<_> =
        VARIANTS.into_iter().filter(|(what, name, _)| wanted(*what, name)).collect();
    let mut days: Vec<(&Path, PathBuf, Results)> = Vec::new();
    for path in &arguments.paths {
        if let Some(plain) = ready(path, folder)? {
            // Read once before all, so that the file is in the page cache for every variant.
            run_apart(VARIANTS[0].1, &plain, u64::MAX, arguments)?;
            let results = variants.iter().map(|(what, name, _)| (*what, *name, Vec::new()));
            days.push((path, plain, results.collect()));
        }
    }
    if days.is_empty() {
        return Err("no day is there".into());
    }
    for round in 1..=arguments.rounds.max(1) {
        for (day, plain, results) in &mut days {
            for ((_, name, outside), (.., runs)) in variants.iter().zip(results) {
                let day = day.display();
                eprint!("\r\x1b[2Kround {round} of {}: {day}, {name}", arguments.rounds);
                let messages = if *outside { arguments.messages } else { u64::MAX };
                runs.push(run_apart(name, plain, messages, arguments)?);
            }
        }
    }
    eprint!("\r\x1b[2K");
    print!("{}", common::machine());
    println!(
        "rounds    {}; allocator jemalloc, thp:always, for all; pools for {} orders",
        arguments.rounds.max(1),
        arguments.orders_max
    );
    for (day, _, results) in &days {
        agree(results).map_err(|why| format!("{}: {why}", day.display()))?;
        println!("\n{}\n\n{}", day.display(), table(results));
    }
    println!("All that keep orders, of as many messages, ended with the same.");
    println!(
        "So they did with best prices, but for hftbacktest's B-tree, whose best bid is known to be wrong."
    );
    if arguments.messages != u64::MAX {
        println!("Outside crates ran over a day's first messages only, when fewer orders live.");
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let told = match (&arguments.variant, &arguments.paths[..]) {
        (Some(name), [path]) => match VARIANTS.iter().find(|(_, other, _)| other == name) {
            None => Err(format!("no variant is called '{name}'").into()),
            Some((what, ..)) => run(*what, path, &arguments).and_then(|outcome| {
                let Outcome { messages, cost: Cost { cpu, wall }, live, orders, tops } = outcome;
                println!("{messages} {cpu} {wall} {live} {orders} {tops} {}", peak()?);
                Ok(())
            }),
        },
        _ => compare(&arguments),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
