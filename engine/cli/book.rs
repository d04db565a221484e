//! `coretick book`: the depth of one instrument over a recorded day, as CSV.

use super::summary::capture_notes as notes;
use super::{Failure, progress_bar};
use crate::base::instrument::Symbol;
use crate::base::message::Kind;
use crate::base::unit::{Health, InstrumentId, Nanos, Seq, Side};
use crate::book::{Anomaly, Books};
use crate::ingest::decode::Decoder;
use crate::ingest::transport::capture::CaptureCounts;
use crate::topology::chain::Setup;
use crate::topology::config::Config;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Show the depth of an instrument over a recorded day, as CSV
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick book day.itch50 --symbol AAPL --every 1000 --levels 10 > depth.csv\n  \
    coretick book day.itch50 --symbol AAPL\n\n\
    Columns: after_message (messages read so far), side, level (0 is the best), price_1e-4, quantity, orders.\n\
    A snapshot after every N messages of the file, if asked for, and one at its end. What was malformed or odd in the\n\
    file is told on the error output.\n\n\
    Exit code: 0 when all was read; 2 for wrong input, when the file broke off in the middle, and when the books ran out\n\
    of room (raise book.orders_max or book.levels_max in a --config).")]
pub(super) struct Arguments {
    /// A recorded day
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The instrument; needed when the file holds several
    #[arg(long, value_name = "SYMBOL")]
    symbol: Option<String>,
    /// The configuration, for the sizes of its books: a TOML file with what differs from the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A snapshot after every so many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// Of a capture, take only datagrams to this UDP port
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Levels of each side
    #[arg(long, value_name = "L", default_value_t = 10)]
    levels: usize,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let wanted = match &arguments.symbol {
        Some(text) => Some(text.parse::<Symbol>().map_err(|_| Failure::Symbol(text.clone()))?),
        None => None,
    };
    let config = Config::load(arguments.config.as_deref(), None)?;
    let mut file = super::open(&arguments.file, arguments.port)?;
    // One day of time is as good as another here.
    let mut decoder = Decoder::new(Nanos(0), None, 1);
    let mut books = Setup::books_of(&config);
    let mut out = BufWriter::with_capacity(1 << 16, out);
    writeln!(out, "after_message,side,level,price_1e-4,quantity,orders")?;
    let bar = progress_bar(file.progress().total);
    let mut count = 0;
    let mut shown = None;
    while let Some(frame) = file.next_frame() {
        count += 1;
        if let Some(message) = decoder.decode(frame, Seq(count)) {
            if message.head.kind == Kind::DIRECTORY && wanted.is_none() && decoder.table().len() > 1
            {
                bar.finish_and_clear();
                return Err(Failure::SymbolNeeded(names(&decoder)));
            }
            books.apply(&message);
        }
        if arguments.every.is_some_and(|every| count.is_multiple_of(every)) {
            if let Some(instrument) = instrument(&decoder, wanted) {
                snapshot(&books, instrument, count, arguments.levels, &mut out)?;
            }
            shown = Some(count);
        }
        if count.is_multiple_of(1 << 20) {
            bar.set_position(file.progress().read);
        }
    }
    bar.finish_and_clear();
    let found = instrument(&decoder, wanted);
    if shown != Some(count)
        && let Some(instrument) = found
    {
        snapshot(&books, instrument, count, arguments.levels, &mut out)?;
    }
    out.flush()?;
    tell(&decoder, &books, file.capture_counts().as_ref())?;
    if let Some(fault) = file.fault() {
        return Err(Failure::BrokenOff(arguments.file.clone(), fault));
    }
    match (found, wanted) {
        (None, Some(symbol)) => Err(Failure::NoSymbol(symbol.to_string(), names(&decoder))),
        (Some(instrument), _) if books.health(instrument) == Health::STALE => {
            let exhausted = books.anomalies().count(Anomaly::PoolExhausted);
            Err(Failure::NoRoom(arguments.file.clone(), exhausted))
        }
        _ => Ok(()),
    }
}

/// Says on the error output what was wrong with the file and odd in its books.
fn tell(decoder: &Decoder, books: &Books, capture: Option<&CaptureCounts>) -> io::Result<()> {
    let mut err = io::stderr();
    for line in capture.into_iter().flat_map(notes) {
        writeln!(err, "note: {line}")?;
    }
    let counts = decoder.counts();
    for (name, flaw) in [
        ("unknown_type", counts.unknown_type),
        ("wrong_length", counts.wrong_length),
        ("bad_side", counts.bad_side),
    ] {
        if let Some(first) = flaw.first {
            writeln!(err, "note: skipped {} {name}, first {first}", flaw.count)?;
        }
    }
    for (name, count, first) in books.anomalies().iter() {
        if let Some(first) = first {
            writeln!(err, "note: {name} {count}, first at message {}", first.sequence.0)?;
        }
    }
    Ok(())
}

/// The instrument that was asked for, or the only one.
fn instrument(decoder: &Decoder, wanted: Option<Symbol>) -> Option<InstrumentId> {
    match wanted {
        Some(symbol) => decoder.table().find(symbol),
        None => decoder.table().iter().next().map(|(id, _)| id),
    }
}

/// A few symbols of the file, to choose from.
fn names(decoder: &Decoder) -> String {
    let all = decoder.table().iter().map(|(_, instrument)| instrument.symbol.to_string());
    all.take(8).collect::<Vec<_>>().join(", ")
}

fn snapshot(
    books: &Books,
    instrument: InstrumentId,
    after: u64,
    levels: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    for (side, letter) in [(Side::BUY, 'B'), (Side::SELL, 'S')] {
        for (level, view) in books.levels(instrument, side).take(levels).enumerate() {
            let (price, qty, orders) = (view.price.to_e4(), view.qty.0, view.orders);
            writeln!(out, "{after},{letter},{level},{price},{qty},{orders}")?;
        }
    }
    Ok(())
}
