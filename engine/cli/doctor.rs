//! `coretick doctor`: whether this machine is one to trade on. What is wrong with the host for the configuration, what
//! `tuning/tune check` says of its knobs, and how long each core is taken away: a thread pinned to it reads the clock and
//! nothing else; what keeps it from reading is what would keep the engine from trading. `--save` keeps all that, `--against`
//! holds it against what was kept: what tuning bought.

mod against;
mod report;
mod saved;
#[cfg(test)]
mod tests;
mod tuning;

pub use saved::SavedError;

use super::outputs::write_whole;
use super::summary::grouped;
use super::{Failure, check};
use crate::base::clock::{Clock, Wall};
use crate::base::unit::Nanos;
use crate::topology::Machine;
use crate::topology::config::Config;
use crate::topology::jitter::Survey;
use crate::topology::placement::{Bursts, Placement};
use against::Compared;
use indicatif::{ProgressBar, ProgressStyle};
use report::{Core, Identity, Report};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tuning::{Tool, Tuning};

/// Look at the machine: what is wrong for trading on it, how it is tuned, how long each core is taken away, and what tuning bought
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick doctor\n  \
    coretick doctor --jitter --seconds 30 --cpus 2-3 --together\n  \
    coretick doctor --config desk.toml --seconds 30 --together --save before.json\n  \
    sudo tuning/tune apply --topology desk.toml\n  \
    sudo tuning/start --topology desk.toml coretick doctor --config desk.toml --against before.json\n\n\
    Measure on an idle machine, tune it, and measure again: --against measures as the file did, and shows both. On an\n\
    isolated core no gap is longer than some microseconds; gaps of milliseconds are other threads on the core, or the\n\
    hypervisor's. Once CPUs are isolated, start it as the engine is: tuning/start --topology desk.toml coretick doctor ...")]
pub(super) struct Arguments {
    /// Only the jitter meter, without a look at configuration and knobs
    #[arg(long)]
    jitter: bool,
    /// Seconds that each core is watched, fractions too; 5 with --jitter or --save, half a one without
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Nanos>,
    /// CPUs to watch, as in 0-1,3; all that this process may use, if not given
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,
    /// Watch all cores at once, as they would trade, instead of one after the other
    #[arg(long)]
    together: bool,
    /// Nanoseconds of the shortest gap that counts
    #[arg(long, value_name = "NS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000_000))]
    threshold: u64,
    /// Write one JSON object instead of text: the host, the knobs and the meter, or with --against those of before and of now
    #[arg(long)]
    json: bool,
    /// Keep what was found in a file, for --against
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Measure again as the file that --save wrote did, and show both: knobs with another state, gaps by core
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seconds", "cpus", "together", "threshold"])]
    against: Option<PathBuf>,
    /// The folder of tune; if not given, that of the repository that this program lies in, or /opt/coretick/tuning
    #[arg(long, value_name = "DIR", conflicts_with = "jitter")]
    tuning: Option<PathBuf>,
    /// The configuration whose shards are looked at: a TOML file with what differs from the defaults
    #[arg(long, value_name = "FILE", conflicts_with = "jitter")]
    config: Option<PathBuf>,
    /// Where stages run: fused, split, or a TOML file of shards; wins over the configuration
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "jitter")]
    placement: Option<String>,
    /// Knobs are those of the machine that is under this folder: for tests
    #[arg(long, value_name = "DIR", hide = true)]
    root: Option<PathBuf>,
}

/// Seconds with a fraction, a day at most.
fn seconds(text: &str) -> Result<Nanos, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(Nanos((seconds * 1e9) as u64)),
        _ => Err("write a number from 0.001 to 86400".into()),
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let machine = Machine::read();
    let before = arguments.against.as_deref().map(Report::read).transpose()?;
    if let Some(path) = &arguments.save {
        // Said before anything is measured.
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let there = fs::metadata(folder.unwrap_or(Path::new(".")));
        there.map_err(|error| Failure::File(path.clone(), error))?;
    }
    let survey = survey(arguments, before.as_ref(), &machine)?;
    let mut host = Value::Null;
    let tuning = if arguments.jitter {
        Tuning(Err("only the jitter meter was asked for".into()))
    } else {
        let tool = Tool::find(arguments.tuning.as_deref(), arguments.root.as_deref())?;
        let config = Config::load(arguments.config.as_deref(), arguments.placement.as_deref())?;
        let placement = Placement::new(&config, &machine, &Bursts::of(&config))?;
        if arguments.json {
            let found = check::host_findings(&config, &machine)?;
            let found =
                found.iter().map(|it| json!({ "of": it.of, "what": it.what, "fix": it.fix }));
            host = found.collect();
        } else {
            check::show_host(&config, &machine, out)?;
            writeln!(out)?;
            out.flush()?;
        }
        match tool {
            Ok(tool) => tool.check(&config, &placement),
            Err(why) => Tuning(Err(why)),
        }
    };
    let taken = jiff::Timestamp::from_nanosecond(i128::from(Wall::set().now().0));
    let taken = taken.map_or_else(|_| "unknown".into(), |it| format!("{it:.0}"));
    let bar = progress(survey.length());
    let seen = survey.run(Clock::calibrated(), |passed| bar.set_position(passed.0 / 1_000_000));
    bar.finish_and_clear();
    let now = Report::new(&survey, &seen?, tuning, taken);
    if let Some(path) = &arguments.save {
        let text = format!("{:#}\n", now.to_json());
        write_whole(path, text.as_bytes())?;
    }
    match (&before, arguments.json) {
        (Some(before), true) => {
            writeln!(out, "{}", with_host(Compared { before, now: &now }.to_json(), host))?;
        }
        (Some(before), false) => Compared { before, now: &now }.show(out)?,
        (None, true) => writeln!(out, "{}", with_host(now.to_json(), host))?,
        (None, false) => {
            if !arguments.jitter {
                now.tuning.show(out)?;
                writeln!(out)?;
            }
            show(&now, out)?;
        }
    }
    if let (Some(path), false) = (&arguments.save, arguments.json) {
        writeln!(out, "\nsaved     {}", path.display())?;
    }
    Ok(())
}

/// With what was found wrong with the host; `null` if nobody looked.
fn with_host(mut all: Value, host: Value) -> Value {
    all["host"] = host;
    all
}

/// What is measured: as before, or as it was asked for.
fn survey(
    arguments: &Arguments,
    before: Option<&Report>,
    machine: &Machine,
) -> Result<Survey, Failure> {
    if let (Some(before), Some(file)) = (before, &arguments.against) {
        let cpus = before.is_of(&Identity::read(), &machine.cpus, file)?;
        let (span, threshold) = (Nanos(before.span), Nanos(before.threshold));
        return Ok(Survey { cpus, together: before.together, span, threshold });
    }
    let cpus = match &arguments.cpus {
        None => machine.cpus.clone(),
        Some(list) => {
            machine.pick(list).ok_or_else(|| Failure::Cpus(list.clone(), machine.list(None)))?
        }
    };
    let long = arguments.jitter || arguments.save.is_some();
    let usual = Nanos(if long { 5_000_000_000 } else { 500_000_000 });
    Ok(Survey {
        cpus,
        together: arguments.together,
        span: arguments.seconds.unwrap_or(usual),
        threshold: Nanos(arguments.threshold),
    })
}

/// A bar over so much time; nothing where nobody watches.
fn progress(length: Nanos) -> ProgressBar {
    let bar = ProgressBar::new(length.0 / 1_000_000);
    // The template is a constant that parses.
    let style = ProgressStyle::with_template("watching  [{wide_bar}] {eta}");
    bar.with_style(style.unwrap_or(ProgressStyle::default_bar()))
}

fn show(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let (span, threshold) = (report.span as f64 / 1e9, grouped(report.threshold));
    let how = if report.together { "all at once" } else { "one after the other" };
    writeln!(
        out,
        "jitter    {} CPUs {how}, {span} s each; gaps of {threshold} ns and more",
        report.cores.len()
    )?;
    let heads = ["gaps/s", "p50 ns", "p99 ns", "p99.9 ns", "max ns", "stolen us/s"];
    writeln!(
        out,
        "\n  CPU  node{:>10}{:>11}{:>12}{:>13}{:>14}{:>14}",
        heads[0], heads[1], heads[2], heads[3], heads[4], heads[5]
    )?;
    for core in &report.cores {
        let [p50, p99, p999, max] = core.figures.map(grouped);
        let stolen = grouped(core.stolen_each_second() / 1_000);
        let rate = grouped(core.rate());
        let Core { cpu, node, .. } = core;
        writeln!(
            out,
            "  {cpu:>3}  {node:>4}{rate:>10}{p50:>11}{p99:>12}{p999:>13}{max:>14}{stolen:>14}"
        )?;
    }
    writeln!(out, "\nlongest gaps, us (s after the start)")?;
    for core in &report.cores {
        let gaps: Vec<_> = core.worst.iter().map(told).collect();
        let gaps = if gaps.is_empty() { "none".into() } else { gaps.join("  ") };
        writeln!(out, "  CPU {:<3}  {gaps}", core.cpu)?;
    }
    Ok(())
}

/// A gap in us, and when it was, in seconds.
fn told([at, length]: &[u64; 2]) -> String {
    format!("{:.1} ({:.3})", *length as f64 / 1e3, *at as f64 / 1e9)
}
