//! `coretick run`: the engine against a venue that speaks its protocols, until it is told to stop.

use super::Failure;
use super::live::{Ends, Engine, Ran};
use super::outputs::Outputs;
use super::signal::Stop;
use crate::base::clock::Wall;
use crate::base::unit::Nanos;
use crate::topology::Machine;
use crate::topology::config::{Config, StrategyName};
use crate::wire::soup::secret::Secret;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Trade live: ITCH over MoldUDP64 in, OUCH over SoupBinTCP out
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    CORETICK_PASSWORD=... coretick run --config desk.toml --out out/today\n  \
    coretick exchange --out out/exchange &\n  \
    CORETICK_PASSWORD=PASS01 coretick run --instruments out/exchange/instruments.csv --seconds 60 --flatten\n\n\
    Addresses, user and session are [feed] and [venue] of the configuration; all keys are in engine/default.toml.\n\
    The password comes from the environment (CORETICK_PASSWORD), or from the file that venue.password_file names.\n\n\
    Ctrl-C cancels all, waits for the venue's word, and logs out; k on the console is the kill switch.\n\n\
    Exit code: 0 when it ended in order, all orders with it; 1 for what the system or the venue refused; 2 for wrong input\n\
    or configuration; 3 when orders may still be open at the venue (they are listed).")]
pub(super) struct Arguments {
    /// The configuration: a TOML file with what differs from the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The instrument table, a CSV file; wins over the configuration
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,
    /// The strategy; wins over the configuration
    #[arg(long, value_enum)]
    strategy: Option<StrategyName>,
    /// Where stages run: fused, split, or a TOML file of shards; wins over the configuration
    #[arg(long, value_name = "NAME|FILE")]
    placement: Option<String>,
    /// Stop so many seconds after orders could first leave
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// With --seconds: trade positions down to none before the stop
    #[arg(long, requires = "seconds")]
    flatten: bool,
    /// Show plain lines instead of a console
    #[arg(long)]
    plain: bool,
    /// Write summary.json, orders.csv, fills.csv, gaps.csv, audit.csv, events.log, latency_*.hgrm and config.toml into this folder; those of an
    /// earlier run are removed from it first
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let placement = arguments.placement.as_deref();
    let mut config = Config::load(arguments.config.as_deref(), placement)?;
    if let Some(name) = arguments.strategy {
        config.strategy.name = name;
    }
    if let Some(path) = &arguments.instruments {
        config.set_instruments(path)?;
    }
    config.validate()?;
    config.limit_set()?;
    if arguments.flatten && config.engine.tick_ms == 0 {
        return Err(Failure::NoTicks);
    }
    let secret = match config.venue.password_file.as_str() {
        "" => Secret::from_env("CORETICK_PASSWORD"),
        file => Secret::from_file(Path::new(file)),
    };
    let secret = secret.map_err(Failure::Secret)?;
    let outputs = arguments.out.as_deref().map(Outputs::create).transpose()?;
    let after = arguments.seconds.map(|seconds| Nanos(seconds.saturating_mul(1_000_000_000)));
    let engine = Engine {
        machine: Machine::read(),
        secret,
        wall: Wall::set(),
        stop: Stop::on_signals()?,
        ends: Ends { after, flat: arguments.flatten, taken_back: Nanos(0) },
        outputs: outputs.as_ref(),
        title: format!("coretick run  {}", config.venue.order_entry),
        plain: arguments.plain,
        causes: 0,
        config: config.clone(),
    };
    let mut ran = engine.run()?;
    ran.sum_up(&[]);
    let told = tell(&ran, arguments, outputs.as_ref(), &config, out);
    ran.verdict(told)
}

/// Writes and prints what came of it.
fn tell(
    ran: &Ran,
    arguments: &Arguments,
    outputs: Option<&Outputs>,
    config: &Config,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if let Some(outputs) = outputs {
        ran.write(outputs, config)?;
    }
    ran.summary.print(out)?;
    if let Some(path) = &arguments.out {
        writeln!(out, "\nwritten   {}", path.display())?;
    }
    Ok(out.flush()?)
}
