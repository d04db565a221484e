//! What came of a run: one set of figures, printed as a table and written as `summary.json`.

mod capture;
mod live;
mod risk;
mod trading;

pub(super) use capture::notes as capture_notes;
pub(super) use live::LiveFigures;
pub(super) use trading::{TradingFigures, latencies, stages};

use crate::base::instrument::Symbol;
use crate::base::unit::{Health, InstrumentId};
use crate::ingest::Day;
use crate::ingest::date::Day as Date;
use crate::ingest::decode::{Decoder, Malformed, Place};
use crate::ingest::transport::capture::CaptureCounts;
use crate::ingest::transport::file::FramingFault;
use crate::telemetry::EventCounts;
use crate::topology::config::Config;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// Positions printed; all are in `summary.json`.
const POSITIONS_SHOWN: usize = 12;

/// The figures.
#[derive(Default)]
pub(super) struct Summary {
    date: Date,
    strategy: String,
    placement: String,
    /// The cores that the placement asks for and those that there are, if these are fewer.
    pub(super) folded: Option<(usize, usize)>,
    pub(super) seconds: f64,
    messages: u64,
    by_type: BTreeMap<char, u64>,
    malformed: Vec<(&'static str, Malformed)>,
    time_backwards: u64,
    table_full: u64,
    /// What captures brought, if any were read.
    captures: Option<CaptureCounts>,
    /// The file that broke off, and why.
    pub(super) fault: Option<(PathBuf, FramingFault)>,
    books: Option<BookFigures>,
    pub(super) trading: Option<TradingFigures>,
    /// What became of the lines of `events.log`.
    pub(super) events: Option<EventCounts>,
    /// What a live run has beside.
    pub(super) live: Option<LiveFigures>,
    symbols: Vec<String>,
    /// What the strategy was to trade; nothing: all.
    asked: Vec<Symbol>,
    /// Of those, what the day's directory does not have.
    pub(super) not_announced: Vec<String>,
    /// The files that were read.
    files: Vec<PathBuf>,
}

/// Figures of the books.
#[derive(Default)]
struct BookFigures {
    anomalies: BTreeMap<&'static str, (u64, Option<u64>)>,
    live_orders: u64,
    /// Instruments whose books cannot be vouched for: those still building, and the stale ones.
    doubtful: [u64; 2],
}

impl Summary {
    /// No figures yet.
    pub(super) fn new(config: &Config, asked: Vec<Symbol>, date: Date, placement: String) -> Self {
        let strategy = format!("{:?}", config.strategy.name).to_lowercase();
        Self { date, strategy, placement, asked, ..Self::default() }
    }

    /// Takes in what was read of a recorded day.
    pub(super) fn market(&mut self, day: &Day, files: &[PathBuf]) {
        self.decoded(day.decoder());
        self.captures = day.captures();
        self.fault = day.fault().and_then(|(file, fault)| Some((files.get(file)?.clone(), fault)));
        self.files = files.to_vec();
    }

    /// Takes in what was decoded.
    pub(super) fn decoded(&mut self, decoder: &Decoder) {
        let counts = decoder.counts();
        self.messages = decoder.messages();
        let types = (0..=255u8).zip(counts.by_type).filter(|(_, count)| *count > 0);
        self.by_type = types.map(|(kind, count)| (char::from(kind), count)).collect();
        self.malformed = vec![
            ("unknown_type", counts.unknown_type),
            ("wrong_length", counts.wrong_length),
            ("bad_side", counts.bad_side),
            ("bad_time", counts.bad_time),
        ];
        self.time_backwards = counts.time_backwards;
        self.table_full = counts.table_full;
        let symbols = decoder.table().iter();
        self.symbols = symbols.map(|(_, instrument)| instrument.symbol.to_string()).collect();
        let missing = self.asked.iter().filter(|symbol| !decoder.announced(**symbol));
        self.not_announced = missing.map(Symbol::to_string).collect();
    }

    /// Whether symbols were asked for, and the day has none of them.
    pub(super) fn none_announced(&self) -> bool {
        !self.asked.is_empty() && self.not_announced.len() == self.asked.len()
    }

    /// Where a frame is; with its file, if there are several.
    fn place(&self, place: &Place) -> String {
        match self.files.get(place.file) {
            Some(file) if self.files.len() > 1 => format!("{}: {place}", file.display()),
            _ => place.to_string(),
        }
    }

    /// Messages skipped as malformed.
    pub(super) fn malformed(&self) -> u64 {
        self.malformed.iter().map(|(_, malformed)| malformed.count).sum()
    }

    /// Takes in the books of a shard.
    pub(super) fn books(&mut self, books: &crate::book::Books) {
        let figures = self.books.get_or_insert_default();
        for (name, count, first) in books.anomalies().iter() {
            let entry = figures.anomalies.entry(name).or_default();
            let first = first.map(|first| first.sequence.0);
            *entry = (entry.0 + count, entry.1.into_iter().chain(first).min());
        }
        figures.live_orders += books.live_orders();
        let count = |health| {
            let all = (0..books.instruments()).map(|id| InstrumentId(id as u32));
            all.filter(|id| books.health(*id) == health).count() as u64
        };
        let [building, stale] = &mut figures.doubtful;
        // The day's start goes to every shard: if one lacks it, so do all, and each knows of all instruments.
        *building = count(Health::BUILDING).max(*building);
        *stale += count(Health::STALE);
    }

    fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.messages as f64 / self.seconds } else { 0.0 }
    }

    fn symbol(&self, instrument: InstrumentId) -> &str {
        self.symbols.get(instrument.index()).map_or("?", String::as_str)
    }

    /// `summary.json`.
    pub(super) fn to_json(&self) -> String {
        let mut all = Map::new();
        all.insert("date".into(), json!(self.date.to_string()));
        all.insert("strategy".into(), json!(self.strategy));
        all.insert("placement".into(), json!(self.placement));
        let folded = self.folded.map(|(wanted, cores)| json!({ "wanted": wanted, "cores": cores }));
        all.insert("folded".into(), json!(folded));
        all.insert("messages".into(), json!(self.messages));
        let by_type = self.by_type.iter().map(|(kind, count)| (kind.to_string(), json!(count)));
        all.insert("messages_by_type".into(), Value::Object(by_type.collect()));
        all.insert("seconds".into(), json!(self.seconds));
        all.insert("messages_per_second".into(), json!(self.rate()));
        let malformed = self.malformed.iter().map(|(name, flaw)| {
            let first = flaw.first.as_ref().map(|first| self.place(first));
            ((*name).to_string(), json!({ "count": flaw.count, "first": first }))
        });
        all.insert("malformed".into(), Value::Object(malformed.collect()));
        all.insert("time_backwards".into(), json!(self.time_backwards));
        all.insert("symbols_beyond_table".into(), json!(self.table_full));
        if let Some(counts) = &self.captures {
            all.insert("capture".into(), capture::json(counts));
        }
        let broken_off = self.fault.as_ref();
        let broken_off = broken_off.map(|(file, fault)| format!("{}: {fault}", file.display()));
        all.insert("broken_off".into(), json!(broken_off));
        all.insert("symbols_not_announced".into(), json!(self.not_announced));
        if let Some(books) = &self.books {
            let anomalies = books.anomalies.iter();
            let anomalies = anomalies.map(|(name, (count, _))| ((*name).to_string(), json!(count)));
            all.insert("anomalies".into(), Value::Object(anomalies.collect()));
            all.insert("live_orders".into(), json!(books.live_orders));
            let [building, stale] = books.doubtful;
            all.insert("health".into(), json!({ "building": building, "stale": stale }));
        }
        if let Some(trading) = &self.trading {
            trading.json(|instrument| self.symbol(instrument), &mut all);
        }
        if let Some(live) = &self.live {
            live.json(&mut all);
        }
        if let Some(EventCounts { written, held, dropped }) = self.events {
            let lines = json!({ "written": written, "left_out": held, "dropped": dropped });
            all.insert("events".into(), lines);
        }
        // A map of strings and numbers.
        let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The table.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { date, strategy, placement, .. } = self;
        let (messages, seconds) = (grouped(self.messages), self.seconds);
        writeln!(out, "day       {date}   strategy {strategy}   placement {placement}")?;
        if let Some((wanted, cores)) = self.folded {
            writeln!(
                out,
                "folded    {placement} asks for {wanted} cores; folded onto the {cores} there are"
            )?;
        }
        let (rate, each) = (self.rate() / 1e6, 1e9 * seconds / self.messages.max(1) as f64);
        writeln!(out, "messages  {messages} in {seconds:.3} s: {rate:.2} M/s, {each:.1} ns each")?;
        let types = self.by_type.iter().map(|(kind, count)| {
            let kind = if kind.is_ascii_graphic() {
                kind.to_string()
            } else {
                format!("\\x{:02x}", *kind as u32)
            };
            format!("{kind} {}", grouped(*count))
        });
        wrapped(out, "by type   ", types)?;
        if !self.not_announced.is_empty() {
            wrapped(out, "missing   ", self.not_announced.iter().cloned())?;
        }
        for (name, malformed) in &self.malformed {
            if let Some(first) = &malformed.first {
                let (count, first) = (malformed.count, self.place(first));
                writeln!(out, "skipped   {count} {name}, first {first}")?;
            }
        }
        if self.time_backwards > 0 {
            let count = grouped(self.time_backwards);
            writeln!(out, "timed     {count} before the message before, and taken at its time")?;
        }
        if let Some(counts) = &self.captures {
            capture::print(counts, out)?;
        }
        if let Some(books) = &self.books {
            let anomalies = books.anomalies.iter().filter(|(_, (count, _))| *count > 0);
            let anomalies = anomalies.map(|(name, (count, first))| {
                let first =
                    first.map_or(String::new(), |first| format!(" (first: message {first})"));
                format!("{name} {}{first}", grouped(*count))
            });
            let mut anomalies = anomalies.peekable();
            let none = anomalies.peek().is_none().then(|| "none".to_string());
            wrapped(out, "anomalies ", anomalies.chain(none))?;
            writeln!(out, "books     {} orders alive at the end", grouped(books.live_orders))?;
            let [building, stale] = books.doubtful.map(grouped);
            if books.doubtful != [0; 2] {
                writeln!(
                    out,
                    "health    {building} instruments building (the day's start is not in the file), {stale} stale"
                )?;
            }
        }
        if let Some(live) = &self.live {
            live.print(out)?;
        }
        if let Some(EventCounts { written, held, dropped }) = self.events {
            let [written, held, dropped] = [written, held, dropped].map(grouped);
            writeln!(
                out,
                "events    {written} lines written, {held} left out as too many, {dropped} dropped for want of room"
            )?;
        }
        match &self.trading {
            Some(trading) => trading.print(|instrument| self.symbol(instrument), out),
            None => Ok(()),
        }
    }
}

/// 1234567 as 1,234,567.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A head, then items on as many lines as they need.
fn wrapped(
    out: &mut impl Write,
    head: &str,
    items: impl Iterator<Item = String>,
) -> io::Result<()> {
    let mut line = head.to_string();
    for item in items {
        if line.len() + item.len() > 96 && line.len() > head.len() {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(head.len());
        }
        line.push_str(&item);
        line.push_str("  ");
    }
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placement_that_was_folded_is_said_to_be() {
        let shown = |folded| {
            let summary = Summary { folded, placement: "split".into(), ..Summary::default() };
            let mut out = Vec::new();
            summary.print(&mut out).unwrap();
            (String::from_utf8(out).unwrap(), summary.to_json())
        };
        let (table, json) = shown(Some((5, 2)));
        assert!(
            table.contains("\nfolded    split asks for 5 cores; folded onto the 2 there are\n")
        );
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["folded"]["cores"], 2);
        let (table, json) = shown(None);
        assert!(!table.contains("folded") && json.contains("\"folded\": null"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
