//! What came of a replay: one set of figures, printed as a table and written as `summary.json`.

mod capture;

pub(super) use capture::notes as capture_notes;

use crate::base::instrument::Symbol;
use crate::base::unit::{Health, InstrumentId, Money, Price, Qty};
use crate::book::Host;
use crate::ingest::Day;
use crate::ingest::date::Day as Date;
use crate::ingest::decode::{Malformed, Place};
use crate::ingest::transport::capture::CaptureCounts;
use crate::ingest::transport::file::FramingFault;
use crate::paper::PaperCounts;
use crate::portfolio::Holding;
use crate::risk::FirstRefusal;
use crate::route::RouteCounts;
use crate::telemetry::Latency;
use crate::topology::config::Config;
use crate::topology::outcome::Outcome;
use serde_json::{Map, Number, Value, json};
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
    trading: Option<TradingFigures>,
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

/// Figures of orders and money.
#[derive(Default)]
struct TradingFigures {
    orders: u64,
    cancels: u64,
    fills: u64,
    open: u64,
    refusals: Vec<(&'static str, u64)>,
    first_refusals: Vec<FirstRefusal>,
    paper: PaperCounts,
    /// Reports on orders that the gate does not know.
    unknown_reports: u64,
    route: RouteCounts,
    positions: Vec<Position>,
    realised: i128,
    unrealised: i128,
    fees: i128,
    latencies: Vec<(&'static str, Percentiles)>,
}

struct Position {
    instrument: InstrumentId,
    holding: Holding,
    unrealised: Money,
}

/// The latencies of a run by stage, in flow order.
pub(super) fn latencies(outcome: &Outcome<Day>) -> Vec<(&'static str, &Latency)> {
    let ingest = outcome.source.as_ref().map(|day| ("ingest", day.latency()));
    let stages = [
        ("book", &outcome.book),
        ("risk", &outcome.risk),
        ("route", &outcome.venue),
        ("tick_to_order", &outcome.tick_to_order),
    ];
    ingest.into_iter().chain(stages).collect()
}

/// Nanoseconds.
struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
    count: u64,
}

impl Percentiles {
    fn of(latency: &Latency) -> Self {
        let histogram = latency.histogram();
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
            count: histogram.len(),
        }
    }

    fn json(&self) -> Value {
        let Self { p50, p90, p99, p999, max, count } = self;
        json!({ "p50": p50, "p90": p90, "p99": p99, "p999": p999, "max": max, "count": count })
    }
}

impl Summary {
    /// No figures yet.
    pub(super) fn new(config: &Config, asked: Vec<Symbol>, date: Date, placement: String) -> Self {
        let strategy = format!("{:?}", config.strategy.name).to_lowercase();
        Self { date, strategy, placement, asked, ..Self::default() }
    }

    /// Takes in what was read.
    pub(super) fn market(&mut self, day: &Day, files: &[PathBuf]) {
        let counts = day.decoder().counts();
        self.messages = day.decoder().messages();
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
        self.captures = day.captures();
        self.fault = day.fault().and_then(|(file, fault)| Some((files.get(file)?.clone(), fault)));
        let symbols = day.decoder().table().iter();
        self.symbols = symbols.map(|(_, instrument)| instrument.symbol.to_string()).collect();
        self.files = files.to_vec();
        let missing = self.asked.iter().filter(|symbol| !day.decoder().announced(**symbol));
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

    /// Takes in orders, positions, latencies.
    pub(super) fn trading(&mut self, outcome: &Outcome<Day>) {
        let Some(gate) = &outcome.gate else { return };
        let counts = gate.counts();
        let refusals = counts.refusals.iter().filter(|(_, count)| *count > 0);
        let mut figures = TradingFigures {
            orders: counts.orders,
            cancels: counts.cancels,
            fills: counts.fills,
            first_refusals: counts.first.clone(),
            unknown_reports: counts.unknown_reports,
            route: outcome.route.map(|(route, _)| route).unwrap_or_default(),
            open: gate.open_orders().len() as u64,
            refusals: refusals.map(|(code, count)| (code.name(), *count)).collect(),
            ..TradingFigures::default()
        };
        for (_, paper) in &outcome.books {
            figures.paper.displaced += paper.displaced;
            figures.paper.untracked += paper.untracked;
        }
        for (instrument, holding) in gate.portfolio().traded() {
            let mark = mark(outcome, instrument, holding);
            let unrealised = holding.unrealised(mark);
            figures.realised += holding.realised.0;
            figures.unrealised += unrealised.0;
            figures.fees += holding.fees.0;
            figures.positions.push(Position { instrument, holding: *holding, unrealised });
        }
        let latencies = latencies(outcome).into_iter();
        figures.latencies =
            latencies.map(|(stage, latency)| (stage, Percentiles::of(latency))).collect();
        self.trading = Some(figures);
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
            self.trading_json(trading, &mut all);
        }
        // A map of strings and numbers.
        let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
        text.push('\n');
        text
    }

    fn trading_json(&self, trading: &TradingFigures, all: &mut Map<String, Value>) {
        let refusals = trading.refusals.iter();
        let refusals = refusals.map(|(name, count)| ((*name).to_string(), json!(count)));
        let positions = trading.positions.iter().map(|position| {
            let holding = &position.holding;
            json!({
                "instrument": self.symbol(position.instrument),
                "position": holding.position.0,
                "average_cost": decimal(Money(i128::from(holding.average_cost().0))),
                "realised": decimal(holding.realised),
                "unrealised": decimal(position.unrealised),
                "fees": decimal(holding.fees),
                "bought": holding.bought.0,
                "sold": holding.sold.0,
            })
        });
        all.insert("orders".into(), json!(trading.orders));
        all.insert("orders_sent".into(), json!(trading.route.sent));
        all.insert("orders_open".into(), json!(trading.open));
        all.insert("cancels".into(), json!(trading.cancels));
        all.insert("fills".into(), json!(trading.fills));
        all.insert("refusals".into(), Value::Object(refusals.collect()));
        let first = trading.first_refusals.iter().map(|first| {
            let FirstRefusal { code, order, limit, value } = first;
            let first = json!({ "order_id": order.0, "limit": limit, "value": value });
            (code.name().to_string(), first)
        });
        all.insert("first_refusals".into(), Value::Object(first.collect()));
        all.insert("paper_displaced".into(), json!(trading.paper.displaced));
        all.insert("paper_untracked".into(), json!(trading.paper.untracked));
        all.insert("unknown_reports".into(), json!(trading.unknown_reports));
        all.insert("route_unknown_reports".into(), json!(trading.route.unknown));
        all.insert("route_impossible_reports".into(), json!(trading.route.impossible));
        let pnl = json!({
            "realised": decimal(Money(trading.realised)),
            "unrealised": decimal(Money(trading.unrealised)),
            "fees": decimal(Money(trading.fees)),
        });
        all.insert("pnl".into(), pnl);
        all.insert("positions".into(), Value::Array(positions.collect()));
        let latencies = trading.latencies.iter();
        let latencies = latencies.map(|(stage, figures)| ((*stage).to_string(), figures.json()));
        all.insert("latency_ns".into(), Value::Object(latencies.collect()));
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
        match &self.trading {
            Some(trading) => self.print_trading(trading, out),
            None => Ok(()),
        }
    }

    fn print_trading(&self, trading: &TradingFigures, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "orders    {} asked for, {} sent, {} cancels, {} fills, {} still open",
            grouped(trading.orders),
            grouped(trading.route.sent),
            grouped(trading.cancels),
            grouped(trading.fills),
            grouped(trading.open)
        )?;
        let refusals = trading.refusals.iter();
        let mut refusals =
            refusals.map(|(name, count)| format!("{name} {}", grouped(*count))).peekable();
        let none = refusals.peek().is_none().then(|| "none".to_string());
        wrapped(out, "refused   ", refusals.chain(none))?;
        writeln!(
            out,
            "P&L       realised {:.2}, unrealised {:.2}, fees {:.2}",
            units(trading.realised),
            units(trading.unrealised),
            units(trading.fees)
        )?;
        writeln!(
            out,
            "\nlatency, ns         p50      p90      p99    p99.9        max      count"
        )?;
        for (stage, figures) in &trading.latencies {
            let Percentiles { p50, p90, p99, p999, max, count } = figures;
            writeln!(
                out,
                "  {stage:<13} {p50:>8} {p90:>8} {p99:>8} {p999:>8} {max:>10} {count:>10}"
            )?;
        }
        if trading.positions.is_empty() {
            return Ok(());
        }
        let mut positions: Vec<_> = trading.positions.iter().collect();
        let total = |position: &Position| position.holding.realised.0 + position.unrealised.0;
        positions.sort_by_key(|position| std::cmp::Reverse(total(position).unsigned_abs()));
        writeln!(out, "\nposition           lots    avg cost     realised   unrealised")?;
        for position in positions.iter().take(POSITIONS_SHOWN) {
            let Position { instrument, holding, unrealised } = position;
            writeln!(
                out,
                "  {:<10} {:>10} {:>11} {:>12.2} {:>12.2}",
                self.symbol(*instrument),
                holding.position.0,
                holding.average_cost().to_string(),
                units(holding.realised.0),
                units(unrealised.0)
            )?;
        }
        match positions.len().saturating_sub(POSITIONS_SHOWN) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more, by size of profit or loss"),
        }
    }
}

/// What the position could be closed at: the best price of the other side, else the last trade, else its own cost.
fn mark(outcome: &Outcome<Day>, instrument: InstrumentId, holding: &Holding) -> Price {
    let mut last = None;
    for (host, _) in &outcome.books {
        let top = host.books().top(instrument);
        let (price, qty) =
            if holding.position.0 > 0 { (top.bid, top.bid_qty) } else { (top.ask, top.ask_qty) };
        if qty > Qty::ZERO {
            return price;
        }
        last = last.or(host.books().last_trade(instrument));
    }
    last.map_or(holding.average_cost(), |(price, _)| price)
}

/// Money as a JSON number, digit for digit.
fn decimal(amount: Money) -> Value {
    // A decimal literal is a JSON number.
    amount.to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

/// Money for a table: two places are enough there.
fn units(amount: i128) -> f64 {
    amount as f64 / 1e9
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
    fn numbers_are_grouped_and_money_is_written_digit_for_digit() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        let huge = Money(123_456_789_012_345_678_901_234_567);
        assert_eq!(decimal(huge).to_string(), "123456789012345678.901234567");
    }
}
