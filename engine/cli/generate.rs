//! `coretick generate`: a seeded ITCH day of any size, out of real matching.

use super::Failure;
use super::summary::grouped;
use crate::exchange::flow::{DaySpec, FlowError};
use crate::exchange::traders::CrashPlan;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// Make up a day of ITCH 5.0: the same arguments give the same bytes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick generate out/day.itch50\n  \
    coretick generate big.itch50 --messages 20000000 --symbols 8000 --live 493000\n  \
    coretick generate crash.itch50 --crash at=14:32:00,seconds=120,percent=8\n\n\
    The file has 2-byte length prefixes, as Nasdaq's daily files. It comes from traders who meet in a matching core, so it\n\
    is consistent: orders that execute, shrink or leave are alive, executions hit the best price in time order, and books\n\
    never cross while their symbol trades. There are crosses, halts, hidden and reserve orders, and broken trades.")]
pub(super) struct Arguments {
    /// The file to write
    #[arg(value_name = "OUT")]
    path: PathBuf,
    /// Messages in all
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    messages: u64,
    /// Symbols: 1 to 65535
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    symbols: u32,
    /// Orders alive once the books are full; 0: one for each 24 messages
    #[arg(long, value_name = "N", default_value_t = 0)]
    live: u32,
    /// Draws everything
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Prices fall, sellers sweep the books: at=HH:MM:SS or after=SECONDS of 9:30\[,seconds=N\]\[,percent=N\]
    #[arg(long, value_name = "CRASH")]
    crash: Option<CrashPlan>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let &Arguments { ref path, messages, symbols, live, seed, crash } = arguments;
    let crash = crash.map(|crash| crash.from_start(DaySpec::START));
    let day = DaySpec { messages, symbols, live, seed, crash };
    day.check().map_err(Failure::Flow)?;
    let failed = |error| Failure::File(path.clone(), error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = File::create(path).map_err(failed)?;
    let style = "{elapsed_precise} [{wide_bar}] {human_pos}/{human_len} messages {per_sec} {eta}";
    // The template is a constant that parses.
    let style = ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar());
    let bar = ProgressBar::new(messages).with_style(style);
    let totals =
        day.write(&mut file, &mut |done| bar.set_position(done)).map_err(|error| match error {
            FlowError::Write(error) => failed(error),
            error => Failure::Flow(error),
        })?;
    bar.finish_and_clear();
    writeln!(
        out,
        "generated {}: {} messages, {} symbols, {} orders alive at the peak, {} at the end (seed {seed})",
        path.display(),
        grouped(totals.messages),
        grouped(u64::from(symbols)),
        grouped(totals.live_peak),
        grouped(totals.live_at_end),
    )?;
    Ok(())
}
