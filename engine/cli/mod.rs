//! The command line: one file a command. A command reads its arguments, does its work, and writes to `out`; what it
//! cannot do comes back as a [`Failure`], which `main` prints.
#![forbid(unsafe_code)]

mod admin;
mod book;
mod build_info;
mod check;
pub mod console;
mod convert;
mod demo;
mod doctor;
mod exchange;
mod generate;
mod kill;
mod limits;
mod live;
mod outputs;
mod replay;
mod risk;
mod run;
mod service;
mod signal;
mod summary;

pub use doctor::SavedError;

use crate::exchange::capture::PublishError;
use crate::exchange::faults::FaultsError;
use crate::exchange::flow::FlowError;
use crate::exchange::market_data::PublisherError;
use crate::exchange::server::ServerError;
use crate::exchange::settings::SettingsError;
use crate::ingest::date::Day as Date;
use crate::ingest::live::FeedError;
use crate::ingest::transport::file::{FramingFault, ItchFile, OpenError};
use crate::ingest::transport::pcap::CaptureFault;
use crate::route::connection::ConnectionError;
use crate::topology::ConfigError;
use crate::topology::config::{Config, Executor};
use crate::topology::executor::{self, ExecutorError};
use crate::wire::soup::secret::SecretError;
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A thread-per-core trading engine for colocated bare metal.
#[derive(Debug, Parser)]
#[command(version, long_version = build_info::long_version(), max_term_width = 100)]
#[command(after_help = "Example: coretick replay day.itch50 --out out")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// One variant a command, one file a variant.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Run(run::Arguments),
    Replay(replay::Arguments),
    Book(book::Arguments),
    Generate(generate::Arguments),
    Convert(convert::Arguments),
    Exchange(exchange::Arguments),
    Check(check::Arguments),
    Doctor(doctor::Arguments),
    Risk(risk::Arguments),
    Kill(kill::Kill),
    Resume(kill::Resume),
    Limits(limits::Arguments),
}

/// Runs the command that was asked for; what it has to say goes to `out`.
///
/// # Errors
/// Whatever stopped the command, with the fix.
pub fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    match &arguments.command {
        Command::Demo(arguments) => demo::run(arguments, out),
        Command::Run(arguments) => run::run(arguments, out),
        Command::Replay(arguments) => replay::run(arguments, out),
        Command::Book(arguments) => book::run(arguments, out),
        Command::Generate(arguments) => generate::run(arguments, out),
        Command::Convert(arguments) => convert::run(arguments, out),
        Command::Exchange(arguments) => exchange::run(arguments, out),
        Command::Check(arguments) => check::run(arguments, out),
        Command::Doctor(arguments) => doctor::run(arguments, out),
        Command::Risk(arguments) => risk::run(arguments, out),
        Command::Kill(arguments) => kill::kill(arguments, out),
        Command::Resume(arguments) => kill::resume(arguments, out),
        Command::Limits(arguments) => limits::run(arguments, out),
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The configuration is refused.
    Config(ConfigError),
    /// Its output could not be written.
    Output(io::Error),
    /// A file or folder could not be read or written.
    File(PathBuf, io::Error),
    /// A recorded day could not be opened.
    Open(OpenError),
    /// A recorded day ended in the middle.
    BrokenOff(PathBuf, FramingFault),
    /// The books ran out of room, and so many orders were left out of them.
    NoRoom(PathBuf, u64),
    /// Messages were malformed, and that was not to be.
    Malformed(u64),
    /// Not a date.
    Date(String),
    /// Files of two days.
    TwoDays(PathBuf, PathBuf),
    /// A symbol cannot be written like that.
    Symbol(String),
    /// The file has several instruments; some of them.
    SymbolNeeded(String),
    /// The file does not have the symbol; some that it has.
    NoSymbol(String, String),
    /// These files announce none of the symbols that were asked for.
    NoneAnnounced(String),
    /// A day cannot be made like that.
    Flow(FlowError),
    /// A message of this file cannot be published.
    Publish(PathBuf, PublishError),
    /// A capture is to be written to a file of another name.
    NotPcap(PathBuf),
    /// A file is to be converted onto itself.
    OntoItself(PathBuf),
    /// A shard did not start or did not end in order.
    Executor(ExecutorError),
    /// `--cpus` is no list of CPUs that this process may use: the list, and what there is.
    Cpus(String, String),
    /// The exchange cannot be set up like that.
    Exchange(SettingsError),
    /// Its market data cannot be published like that.
    Publication(PublisherError),
    /// It cannot fail like that.
    Faults(FaultsError),
    /// It does not get a socket.
    Server(ServerError),
    /// The exchange needs more memory than there is, both in MiB.
    Memory {
        /// What its room takes.
        needed: u64,
        /// What the system can give.
        free: u64,
    },
    /// The folder named with `--tuning` has no `tune`.
    NoTune(PathBuf),
    /// The doctor cannot compare with this file.
    Saved(SavedError),
    /// A running engine could not be asked, or did not do it: why, and the fix.
    Admin(String),
    /// So many rows of its ledger were lost, and why.
    Ledger(u64, io::Error),
    /// A live engine without an instrument table.
    NoTable,
    /// Positions are to be traded down, and no timer says when.
    NoTicks,
    /// There is no password.
    Secret(SecretError),
    /// The feed cannot be opened.
    Feed(FeedError),
    /// The lines could not be opened, if it were asked for.
    Lines(FeedError),
    /// Orders cannot go the way that is configured.
    Connection(ConnectionError),
    /// `check` found that they could not.
    Orders(ConnectionError),
    /// The venue ended the session in a way that needs a person: what to do.
    Session(&'static str),
    /// Over, for a reason if it is not that it was stopped, and these orders may be open at the venue.
    OpenOrders(Option<&'static str>, Vec<String>),
    /// Stopped before the venue told what was open.
    Unlearned,
    /// Asked to end, the engine went on; so many orders were open when it was last seen.
    NotEnded(u64),
    /// The engine's account of the run and the exchange's differ: where.
    LedgerDiffers(Vec<String>),
}

impl Failure {
    /// The process's exit code: 2 for what the user must put right, 1 for what the system refused.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(_)
            | Self::File(..)
            | Self::Executor(_)
            | Self::Server(_)
            | Self::Ledger(..)
            | Self::Feed(_)
            | Self::Connection(_)
            | Self::Admin(_)
            | Self::Session(_)
            | Self::LedgerDiffers(_) => 1,
            Self::Malformed(_) | Self::OpenOrders(..) | Self::Unlearned | Self::NotEnded(_) => 3,
            _ => 2,
        }
    }

    /// Whether whoever read the output stopped listening (`coretick check | head`): nothing to report.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Output(error) => {
                write!(f, "the output could not be written: {error}: see that its disk has room")
            }
            Self::File(path, error) => {
                let path = path.display();
                write!(
                    f,
                    "{path}: {error}: see that the path is right, allowed, and its disk has room"
                )
            }
            Self::Open(error) => error.fmt(f),
            Self::BrokenOff(path, fault @ FramingFault::NotItch { .. }) => {
                write!(f, "{}: {fault}: name an ITCH file", path.display())
            }
            Self::BrokenOff(
                path,
                fault @ FramingFault::Capture(CaptureFault::NoMessages { .. }),
            ) => {
                write!(
                    f,
                    "{}: {fault}: name a capture of the feed, and its --port if you gave one",
                    path.display()
                )
            }
            Self::BrokenOff(path, fault) => write!(
                f,
                "{}: {fault}; what came before is above: fetch the file again",
                path.display()
            ),
            Self::NoRoom(path, count) => write!(
                f,
                "{}: the books ran out of room and left out {count} orders, so the depth is wrong from the first of \
                 them on: raise book.orders_max or book.levels_max in a --config",
                path.display()
            ),
            Self::Malformed(count) => {
                write!(f, "{count} malformed messages were skipped (--strict): see the first above")
            }
            Self::Date(text) => write!(f, "--date {text}: not a date: write YYYY-MM-DD"),
            Self::TwoDays(first, other) => write!(
                f,
                "{} and {} are of two days: replay one day at a time, or say which with --date",
                first.display(),
                other.display()
            ),
            Self::Symbol(text) => {
                write!(f, "symbol `{text}`: not a symbol: write one to eight letters, as in AAPL")
            }
            Self::SymbolNeeded(some) => {
                write!(
                    f,
                    "the file holds several instruments: say which with --symbol ({some}, ...)"
                )
            }
            Self::NoSymbol(symbol, some) => {
                write!(f, "--symbol {symbol}: the file does not announce it; it has {some}, ...")
            }
            Self::NoneAnnounced(files) => write!(
                f,
                "{files}: none of the symbols asked for is announced: \
                 write them as the venue does, and see that the day is the right one"
            ),
            Self::Flow(error) => error.fmt(f),
            Self::Publish(path, error) => {
                write!(f, "{}: {error}: raise --mtu", path.display())
            }
            Self::NotPcap(path) => {
                write!(f, "{}: a capture is written as pcap: name it so (.pcap)", path.display())
            }
            Self::OntoItself(path) => {
                write!(
                    f,
                    "{}: a file cannot be converted onto itself: name another",
                    path.display()
                )
            }
            Self::Executor(error) => error.fmt(f),
            Self::Cpus(list, have) => {
                write!(f, "--cpus {list}: write numbers and ranges of {have}, as in 0-1,3")
            }
            Self::NoTune(folder) => write!(
                f,
                "--tuning {}: there is no `tune` in it: name the folder tuning/ of the repository, or where it was copied to",
                folder.display()
            ),
            Self::Saved(error) => error.fmt(f),
            Self::Exchange(error) => error.fmt(f),
            Self::Memory { needed, free } => write!(
                f,
                "the exchange would take {needed} MiB of memory, and the system has {free}: lower order_entry.orders_max, \
                 feed.kept_mib, flow.live or faults.held_max"
            ),
            Self::Publication(error) => error.fmt(f),
            Self::Faults(error) => write!(f, "--faults: {error}"),
            Self::Server(error) => write!(
                f,
                "{error}: see that no other exchange runs, and that the address is this machine's; --config can name others"
            ),
            Self::Ledger(rows, error) => write!(
                f,
                "the ledger could not be written ({rows} rows lost): {error}: see that the disk of --out has room"
            ),
            Self::NoTable => f.write_str(
                "a live engine needs an instrument table: name one with --instruments or engine.instruments \
                 (`coretick exchange --out DIR` writes one of its symbols to DIR/instruments.csv)",
            ),
            Self::NoTicks => f.write_str(
                "--flatten trades at ticks, and engine.tick_ms = 0 has none: set it, to 100 or less for a quick end",
            ),
            Self::Secret(error) => error.fmt(f),
            Self::Feed(error) | Self::Lines(error) => error.fmt(f),
            Self::Connection(error) | Self::Orders(error) => write!(
                f,
                "orders: {error}; or set route.transport = \"socket\", or route.transport_fallback = true to have it where the \
                 other is not possible"
            ),
            Self::Session(what) => f.write_str(what),
            Self::Admin(why) => f.write_str(why),
            Self::OpenOrders(why, orders) => {
                if let Some(why) = why {
                    writeln!(f, "{why}")?;
                }
                let count = orders.len();
                write!(
                    f,
                    "the venue did not say that these {count} orders ended: call it, and have them cancelled:"
                )?;
                orders.iter().try_for_each(|order| write!(f, "\n  {order}"))
            }
            Self::Unlearned => f.write_str(
                "stopped before the venue told what is open: orders of an earlier program may be; see that venue.order_entry \
                 is right and the venue up, then start again or ask it",
            ),
            Self::NotEnded(open) => write!(
                f,
                "{}; {open} orders were open when it was last seen: ask the venue",
                ExecutorError::NotEnded
            ),
            Self::LedgerDiffers(places) => {
                f.write_str("the engine's account and the exchange's ledger differ; please report it with the files:")?;
                places.iter().try_for_each(|place| write!(f, "\n  {place}"))
            }
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<ExecutorError> for Failure {
    fn from(error: ExecutorError) -> Self {
        Self::Executor(error)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Exchange(error)
    }
}

impl From<PublisherError> for Failure {
    fn from(error: PublisherError) -> Self {
        Self::Publication(error)
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<SavedError> for Failure {
    fn from(error: SavedError) -> Self {
        Self::Saved(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// The day that was said, or that the files' names tell; and whether either did.
fn date(said: Option<&str>, files: &[PathBuf]) -> Result<(Date, bool), Failure> {
    if let Some(text) = said {
        let date = Date::parse(text).ok_or_else(|| Failure::Date(text.into()))?;
        return Ok((date, true));
    }
    let mut found: Option<(Date, &PathBuf)> = None;
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(date) = name.as_deref().and_then(Date::from_file_name) else { continue };
        match found {
            Some((other, first)) if other != date => {
                return Err(Failure::TwoDays(first.clone(), path.clone()));
            }
            _ => found = Some((date, path)),
        }
    }
    Ok(found.map_or((Date::default(), false), |(date, _)| (date, true)))
}

/// Opens a recorded day; of captures, only datagrams to `port` are taken, if one is given.
fn open(path: &Path, port: Option<u16>) -> Result<ItchFile, Failure> {
    let mut file = ItchFile::open(path)?;
    if let Some(port) = port {
        file.only_port(port);
    }
    Ok(file)
}

/// A progress bar over the bytes of a file; nothing where nobody watches.
fn progress_bar(total: Option<u64>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let style = "{elapsed_precise} [{wide_bar}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
    // The template is a constant that parses.
    bar.with_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()))
}

/// The executor that the configuration asks for, or a thread where glommio cannot run.
fn choose_executor(config: &Config) -> Result<Executor, Failure> {
    if config.topology.executor == Executor::Glommio
        && let Err(why) = executor::glommio_works()
    {
        // Worth a line, not worth stopping for: the same stages run on a bare thread.
        writeln!(
            io::stderr(),
            "note: glommio cannot run here ({why}); shards run on bare threads instead. \
             Raise `ulimit -l` or allow io_uring, or set topology.executor = \"thread\""
        )?;
        return Ok(Executor::Thread);
    }
    Ok(config.topology.executor)
}
