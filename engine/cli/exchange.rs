//! `coretick exchange`: the embedded exchange, alone, for whoever speaks its protocols.

mod counts;

use super::Failure;
use super::signal::Stop;
use super::summary::grouped;
use crate::base::clock::Wall;
use crate::base::instrument::{Instrument, InstrumentTable};
use crate::base::unit::{Nanos, Price, Qty};
use crate::exchange::faults::Faults;
use crate::exchange::server::{Addresses, Server};
use crate::exchange::settings::{ProgrammeOf, Settings};
use crate::exchange::traders::Traders;
use crate::exchange::unit::Locate;
use crate::exchange::venue::{Venue, VenueConfig};
use crate::ingest::date::Day as Date;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Run the embedded exchange: ITCH over MoldUDP64 out, OUCH over SoupBinTCP in
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick exchange\n  \
    coretick exchange --symbols 8000 --rate 500000 --seconds 60 --out out/exchange\n  \
    coretick exchange --rate 50000 --crash after=20,seconds=30,percent=10\n  \
    coretick exchange --faults loss=0.01,dup=0.005,reorder=8,a-dead=10s..20s\n\n\
    It prints where it listens, then figures: each second on a terminal, else every ten. Ctrl-C ends the day in order: orders are cancelled,\n\
    sessions ended, the ledger written.\n\n\
    All keys of --config, with their units and defaults, are in engine/exchange/default.toml.\n\n\
    Keys of --faults: seed; of the lines loss, dup, reorder (packets), reorder-chance, a-delay, b-delay, a-dead, b-dead,\n\
    both-dead (from..to), held-max; of the re-request server rerequest-loss, -dup, -reorder, -reorder-chance, -delay,\n\
    -dead; of order entry disconnect-after, disconnect-within (bytes), disconnect-times, login-refusals,\n\
    login-refusal-chance, ack-delay, ack-delay-chance; of the snapshot service the same as snapshot-disconnect-after\n\
    and so on, snapshot-delay, snapshot-delay-chance; of trades bust, bust-delay. Chances are 0 to 1, times like\n\
    250us, 10ms or 5s.")]
pub(super) struct Arguments {
    /// The configuration: a TOML file with what differs from the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Symbols: 1 to 65535
    #[arg(long, value_name = "N")]
    symbols: Option<u32>,
    /// Market-data messages a second of background traders, about; 0: none
    #[arg(long, value_name = "R")]
    rate: Option<u32>,
    /// Draws what the background traders do
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Prices fall, sellers sweep the books: after=SECONDS or at=HH:MM:SS\[,seconds=N\]\[,percent=N\]
    #[arg(long, value_name = "CRASH")]
    crash: Option<String>,
    /// What goes wrong on purpose, as key=value,...
    #[arg(long, value_name = "FAULTS")]
    faults: Option<String>,
    /// Seconds after which the day ends; 0: when told to
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// The folder for ledger.csv, and for instruments.csv, an instrument table for `coretick run`; without it neither is
    /// written
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// How long the end of the day is told before the sockets close, at least.
const ENDING: Nanos = Nanos(1_000_000_000);
/// And at most, if clients have yet to be sent something.
const ENDING_MAX: Nanos = Nanos(30_000_000_000);
const SECOND: Nanos = Nanos(1_000_000_000);
/// A turn that did nothing is followed by no longer a sleep, and none that is shorter than what a system can sleep.
const SLEEP_MAX: Nanos = Nanos(200_000);
const SLEEP_MIN: Nanos = Nanos(20_000);

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let settings = settings(arguments)?;
    let stop = Stop::on_signals()?;
    let wall = Wall::set();
    let now = wall.now();
    let plan = settings.plan(now, Date::of(now).midnight())?;
    if let (needed, Some(free)) = (plan.memory_mib(), available_mib())
        && needed > free
    {
        return Err(Failure::Memory { needed, free });
    }
    let ledger: Box<dyn Write> = match &arguments.out {
        Some(folder) => {
            let failed = |path: &Path| {
                let path = path.to_path_buf();
                move |error| Failure::File(path, error)
            };
            fs::create_dir_all(folder).map_err(failed(folder))?;
            let path = folder.join("instruments.csv");
            let table = table(&plan.venue).to_csv();
            fs::write(&path, table).map_err(failed(&path))?;
            let path = folder.join("ledger.csv");
            Box::new(File::create(&path).map_err(failed(&path))?)
        }
        None => Box::new(io::sink()),
    };
    let connections = settings.order_entry.connections;
    let venue = Venue::new(plan.venue, ledger, now)?;
    let mut server = Server::bind(venue, &plan.addresses, connections, &settings.faults, now)?;
    announce(&server.addresses()?, &settings, arguments, out)?;

    let mut figures = Figures::new(now);
    let mut ended: Option<Nanos> = None;
    loop {
        let now = wall.now();
        let done = server.do_work(now);
        figures.show(&mut server, now);
        if stop.is_set() && ended.is_none() {
            server.act(|venue, out| venue.end(now, &mut |line, packet| out(line, packet)));
        }
        if server.venue().has_ended() {
            let since = now.since(*ended.get_or_insert(now));
            if is_told(since, server.venue().order_entry().is_behind()) {
                break;
            }
        }
        if done == 0 {
            idle(server.next_due().map(|due| due.since(wall.now())));
        }
    }
    figures.finish(&mut server, wall.now(), out)?;
    let ledger = server.venue().ledger();
    ledger.flush();
    match ledger.take_error() {
        Some(error) => Err(Failure::Ledger(ledger.lost(), error)),
        None => Ok(()),
    }
}

/// What is traded of a symbol in a day: so much that the demo's orders are small beside it. No day here was ever measured.
const AVERAGE_VOLUME: Qty = Qty(1_000_000);

/// The exchange's symbols as an engine's instrument table.
pub(super) fn table(venue: &VenueConfig) -> InstrumentTable {
    let traders = venue.background.as_ref().map(|background| Traders::new(&background.traders));
    let mut table = InstrumentTable::new();
    for (locate, listing) in (1..=u16::MAX).map(Locate).zip(&venue.feed.tape.listings) {
        // Yesterday closed where today's traders begin; where nobody trades but clients, it is not known.
        let close = traders.as_ref().map_or(0, |traders| traders.fair(locate, Nanos(0)).0);
        table.add(Instrument {
            previous_close: Price::from_e4(close),
            average_volume: AVERAGE_VOLUME,
            ..Instrument::new(listing.symbol)
        });
    }
    table
}

/// Whether the sockets may close so long after the end of the day.
fn is_told(since: Nanos, is_behind: bool) -> bool {
    since >= if is_behind { ENDING_MAX } else { ENDING }
}

/// Waits until something is due, but not for long: whoever speaks is to be heard. A core that nobody waits for is not burnt: this
/// exchange is measured in the engine's benches, not here.
#[expect(clippy::disallowed_methods, reason = "this loop is no shard's")]
fn idle(due_in: Option<Nanos>) {
    match due_in.unwrap_or(SLEEP_MAX).min(SLEEP_MAX) {
        short if short < SLEEP_MIN => std::thread::yield_now(),
        Nanos(span) => std::thread::sleep(Duration::from_nanos(span)),
    }
}

/// MiB of memory that the system can give, if it says.
fn available_mib() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1_024)
}

fn settings(arguments: &Arguments) -> Result<Settings, Failure> {
    let mut settings = match &arguments.config {
        Some(path) => {
            let text =
                fs::read_to_string(path).map_err(|error| Failure::File(path.clone(), error))?;
            Settings::read(&path.display().to_string(), &text)?
        }
        None => Settings::default(),
    };
    let Arguments { symbols, rate, seed, crash, faults, seconds, .. } = arguments;
    settings.flow.symbols = symbols.unwrap_or(settings.flow.symbols);
    settings.flow.rate = rate.unwrap_or(settings.flow.rate);
    settings.flow.seed = seed.unwrap_or(settings.flow.seed);
    if let Some(text) = crash {
        settings.flow.crash.clone_from(text);
    }
    settings.day.seconds = seconds.unwrap_or(settings.day.seconds);
    if let Some(text) = faults {
        settings.faults = Faults::parse(text).map_err(Failure::Faults)?;
    }
    Ok(settings)
}

fn announce(
    at: &Addresses,
    settings: &Settings,
    arguments: &Arguments,
    out: &mut impl Write,
) -> io::Result<()> {
    let [line_a, line_b] = at.lines;
    let by = match at.interfaces {
        [a, b] if a == b => a.to_string(),
        [a, b] => format!("{a} and {b}"),
    };
    let session = &settings.feed.session;
    let (symbols, rate) = (settings.flow.symbols, settings.flow.rate);
    writeln!(
        out,
        "exchange      {} symbols, {} messages/s, seed {}",
        grouped(symbols.into()),
        grouped(rate.into()),
        settings.flow.seed
    )?;
    writeln!(
        out,
        "market data   {line_a} and {line_b} by {by}, session {session}: ITCH 5.0 over MoldUDP64"
    )?;
    writeln!(out, "re-requests   {} (UDP)", at.rerequests)?;
    writeln!(out, "snapshots     {} (TCP): ITCH 5.0 over SoupBinTCP", at.snapshots)?;
    writeln!(out, "order entry   {} (TCP): OUCH 5.0 over SoupBinTCP", at.order_entry)?;
    let users: Vec<_> = settings.account.iter().map(|account| account.user.as_str()).collect();
    writeln!(out, "accounts      {}", users.join(" "))?;
    if !settings.flow.crash.is_empty() {
        writeln!(out, "crash         {}", settings.flow.crash)?;
    }
    if settings.faults != Faults::default() {
        writeln!(out, "faults        {}", settings.faults)?;
    }
    if let Some(folder) = &arguments.out {
        writeln!(out, "ledger        {}", folder.join("ledger.csv").display())?;
    }
    match (settings.day.programme, settings.day.seconds) {
        (ProgrammeOf::Regular, _) => writeln!(out, "day           regular hours of New York")?,
        (ProgrammeOf::Open, 0) => writeln!(out, "day           open until Ctrl-C")?,
        (ProgrammeOf::Open, seconds) => writeln!(out, "day           open for {seconds} s")?,
    }
    out.flush()
}

/// The live line: in place on a terminal, a line every ten seconds elsewhere.
struct Figures {
    bar: ProgressBar,
    start: Nanos,
    shown: Nanos,
    messages: u64,
    packets: u64,
    seconds: u64,
}

impl Figures {
    fn new(now: Nanos) -> Self {
        let bar = ProgressBar::new_spinner();
        // The template is a constant that parses.
        let style = ProgressStyle::with_template("{msg}").unwrap_or(ProgressStyle::default_bar());
        Self {
            bar: bar.with_style(style),
            start: now,
            shown: now,
            messages: 0,
            packets: 0,
            seconds: 0,
        }
    }

    fn show<W: Write>(&mut self, server: &mut Server<W>, now: Nanos) {
        if now.since(self.shown) < SECOND {
            return;
        }
        let nanos = now.since(self.shown).0;
        let (packets, venue) = (server.sent().packets, server.venue());
        let messages = venue.feed().store().next() - 1;
        let rate = |count: u64| grouped(count * SECOND.0 / nanos);
        let text = format!(
            "{:>5} s  {:>11} messages/s  {:>9} packets/s  {:>10} orders alive  {} clients",
            now.since(self.start).0 / SECOND.0,
            rate(messages - self.messages),
            rate(packets - self.packets),
            grouped(venue.core().live() as u64),
            venue.order_entry().clients(),
        );
        (self.shown, self.messages, self.packets) = (now, messages, packets);
        self.seconds += 1;
        if io::stderr().is_terminal() {
            self.bar.set_message(text);
        } else if self.seconds % 10 == 1 {
            eprintln!("{text}");
        }
    }

    fn finish<W: Write>(
        &self,
        server: &mut Server<W>,
        now: Nanos,
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.bar.finish_and_clear();
        let sent = server.sent();
        let venue = server.venue();
        let counts = venue.order_entry().counters();
        writeln!(
            out,
            "ended after {} s: {} messages, {} packets ({} not taken by the system), {} executions; clients: {counts}",
            now.since(self.start).0 / SECOND.0,
            grouped(venue.feed().store().next() - 1),
            grouped(sent.packets),
            grouped(sent.lost),
            grouped(venue.core().last_match().0),
        )?;
        counts::print(server, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn told(line: &[&str]) -> Result<Settings, Failure> {
        let all = [&["exchange"], line].concat();
        settings(&Line::parse_from(all).arguments)
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exchange.toml");
        fs::write(&file, "[flow]\ncrash = \"after=5\"\nrate = 7\nseed = 9\n").unwrap();
        let file = file.to_str().unwrap();
        let flow = told(&["--config", file, "--rate", "8", "--crash", "after=20"]).unwrap().flow;
        assert_eq!((flow.crash.as_str(), flow.rate, flow.seed), ("after=20", 8, 9));
        let flow = told(&["--config", file]).unwrap().flow;
        assert_eq!((flow.crash.as_str(), flow.rate, flow.seed), ("after=5", 7, 9));
    }

    #[test]
    fn the_end_is_told_for_a_while_and_longer_to_those_who_are_behind() {
        let second = |seconds: u64| Nanos(seconds * SECOND.0);
        assert!(!is_told(second(0), false) && is_told(second(1), false));
        assert!(!is_told(second(29), true) && is_told(second(30), true));
    }
}

#[cfg(test)]
mod table_tests {
    use super::*;

    #[test]
    fn the_table_tells_all_that_an_order_is_held_against() {
        let mut settings = Settings::default();
        settings.flow.symbols = 50;
        settings.flow.rate = 1_000;
        let plan = settings.plan(Nanos(0), Nanos(0)).unwrap();
        let all = table(&plan.venue);
        assert_eq!(all.len(), 50);
        for (_, instrument) in all.iter() {
            let Instrument { tick, lot, previous_close, average_volume, .. } = *instrument;
            assert_eq!((tick, lot, average_volume), (Price::from_e4(100), Qty(1), AVERAGE_VOLUME));
            assert!(previous_close.0 > 0 && previous_close.0 % tick.0 == 0, "{previous_close}");
        }
        let again = table(&settings.plan(Nanos(0), Nanos(0)).unwrap().venue);
        assert_eq!(again.to_csv(), all.to_csv(), "the same seed, the same closes");
        settings.flow.rate = 0;
        let alone = table(&settings.plan(Nanos(0), Nanos(0)).unwrap().venue);
        assert!(alone.iter().all(|(_, instrument)| instrument.previous_close == Price(0)));
    }
}
