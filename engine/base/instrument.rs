//! Instruments: their symbols, what the engine must know of each, and the table of all.
//!
//! An [`InstrumentId`] is a place in the table, in order of adding: instruments are only ever added, so an id never changes
//! its meaning. The table is cold: it is filled at the start of a day, and hot paths keep arrays by id beside it.
#![forbid(unsafe_code)]

use super::unit::{InstrumentId, Price, Qty, ShardId};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A symbol: up to eight bytes, left-justified, padded with spaces, as on the wire.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct Symbol(pub [u8; 8]);

/// Text that is no symbol: empty, longer than eight bytes, or not all printable ASCII without spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolError;

impl Symbol {
    /// All spaces: no symbol.
    pub const BLANK: Self = Self([b' '; 8]);
}

impl Symbol {
    /// The eight bytes as one number, for messages.
    pub const fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// The symbol that `number` was made of.
    pub const fn from_number(number: u64) -> Self {
        Self(number.to_be_bytes())
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > 8 || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(SymbolError);
        }
        let mut symbol = Self::BLANK;
        symbol.0[..bytes.len()].copy_from_slice(bytes);
        Ok(symbol)
    }
}

impl fmt::Display for Symbol {
    /// Without the padding; bytes that do not print are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.trim_ascii_end().escape_ascii().to_string())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({self})")
    }
}

impl fmt::Display for SymbolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a symbol is one to eight printable ASCII characters without spaces")
    }
}

impl std::error::Error for SymbolError {}

/// What the engine must know of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its name at the venue.
    pub symbol: Symbol,
    /// Where it trades: market identifier code (ISO 10383).
    pub venue: [u8; 4],
    /// Smallest step of its price.
    pub tick: Price,
    /// Smallest quantity that an order can have, and the step of all others.
    pub lot: Qty,
    /// Units of the underlying in one of its quantity.
    pub multiplier: u32,
    /// Last close; 0: unknown.
    pub previous_close: Price,
    /// Average quantity traded in a day; 0: unknown.
    pub average_volume: Qty,
    /// Currency of its prices (ISO 4217).
    pub currency: [u8; 3],
    /// The book shard that owns it.
    pub shard: ShardId,
}

impl Instrument {
    /// A stock at Nasdaq of which nothing more is known: steps of a cent and of one share, in dollars, on the first shard.
    pub const fn new(symbol: Symbol) -> Self {
        Self {
            symbol,
            venue: *b"XNAS",
            tick: Price::from_e4(100),
            lot: Qty(1),
            multiplier: 1,
            previous_close: Price(0),
            average_volume: Qty::ZERO,
            currency: *b"USD",
            shard: ShardId(0),
        }
    }
}

/// The symbols of instruments, for those who print them: written by ingest when an instrument is announced, so before
/// anything can be said of it elsewhere; read by the log. Clones share it.
#[derive(Clone, Debug)]
pub struct Symbols(Arc<[AtomicU64]>);

impl Symbols {
    /// No symbols, for ids below `instruments`.
    pub fn new(instruments: usize) -> Self {
        Self((0..instruments).map(|_| AtomicU64::new(0)).collect())
    }

    /// Announce an instrument. Ids beyond the end are dropped.
    pub fn announce(&self, id: InstrumentId, symbol: u64) {
        if let Some(place) = self.0.get(id.index()) {
            // Whoever asks has a message that came after this one through a ring, which orders them.
            place.store(symbol, Ordering::Relaxed);
        }
    }

    /// The symbol without its padding; `#` and the id if it was never announced.
    pub fn name(&self, id: InstrumentId) -> String {
        match self.0.get(id.index()).map_or(0, |place| place.load(Ordering::Relaxed)) {
            0 => format!("#{}", id.0),
            symbol => Symbol::from_number(symbol).to_string(),
        }
    }
}

/// All instruments; an [`InstrumentId`] is a place here.
#[derive(Clone, Debug, Default)]
pub struct InstrumentTable {
    instruments: Vec<Instrument>,
    ids: BTreeMap<Symbol, InstrumentId>,
}

impl InstrumentTable {
    /// The most instruments: as many as a day of ITCH has locate codes.
    pub const LEN_MAX: usize = 1 << 16;

    /// A table of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add `instrument` at the end. `None` if its symbol is already there, or the table is full.
    pub fn add(&mut self, instrument: Instrument) -> Option<InstrumentId> {
        if self.len() == Self::LEN_MAX || self.ids.contains_key(&instrument.symbol) {
            return None;
        }
        let id = InstrumentId(self.instruments.len() as u32);
        self.ids.insert(instrument.symbol, id);
        self.instruments.push(instrument);
        Some(id)
    }

    /// The instrument of `id`.
    pub fn get(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id.index())
    }

    /// The id of `symbol`.
    pub fn find(&self, symbol: Symbol) -> Option<InstrumentId> {
        self.ids.get(&symbol).copied()
    }

    /// How many there are; ids are below it.
    pub fn len(&self) -> usize {
        self.instruments.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.instruments.is_empty()
    }

    /// All of them with their ids, which rise from 0.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Instrument)> {
        (0..).map(InstrumentId).zip(&self.instruments)
    }

    /// Read a table from CSV: a header line, then one line an instrument. Blank lines and lines that open with `#` count
    /// for nothing.
    ///
    /// Columns, in any order: `symbol`, which must be there, `venue`, `tick`, `lot`, `multiplier`, `previous_close`,
    /// `average_volume`, `currency`, `shard` (0 to 255). A column that is missing, or empty on a line, means what
    /// [`Instrument::new`] says. Prices are decimal, at most nine places, and all of one currency.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        let (line, header) =
            lines.next().ok_or(TableError { line: 1, problem: TableProblem::NoHeader })?;
        let columns = columns(header).map_err(|problem| TableError { line, problem })?;
        let mut table = Self::new();
        for (line, row) in lines {
            let fail = |problem| TableError { line, problem };
            let instrument = instrument(&columns, row).map_err(fail)?;
            if table.find(instrument.symbol).is_some() {
                return Err(fail(TableProblem::Repeated));
            }
            if table.instruments.first().is_some_and(|first| first.currency != instrument.currency)
            {
                return Err(fail(TableProblem::Currency));
            }
            table.add(instrument).ok_or(fail(TableProblem::Full))?;
        }
        Ok(table)
    }
}

/// Why a table's text cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: TableProblem,
}

/// What is wrong with a line of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableProblem {
    /// The text has no line that names the columns.
    NoHeader,
    /// The header has no column `symbol`, or names one twice, or one that there is not.
    BadHeader,
    /// The line has more or fewer values than the header has columns.
    Values {
        /// Columns of the header.
        expected: usize,
        /// Values of the line.
        found: usize,
    },
    /// The value of this column cannot be read, or is out of range.
    Value(&'static str),
    /// The symbol stands on a line above.
    Repeated,
    /// The currency is not that of the lines above: without a rate, limits and P&L of the two cannot be added.
    Currency,
    /// There are more instruments than [`InstrumentTable::LEN_MAX`].
    Full,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match self.problem {
            TableProblem::NoHeader => f.write_str("there is no header line; it must name `symbol`"),
            TableProblem::BadHeader => {
                write!(f, "the header must name `symbol`, and each at most once: {COLUMNS:?}")
            }
            TableProblem::Values { expected, found } => {
                write!(f, "{found} values under a header of {expected}")
            }
            TableProblem::Value(column) => {
                write!(f, "`{column}` cannot be read or is out of range")
            }
            TableProblem::Repeated => f.write_str("this symbol stands on a line above"),
            TableProblem::Currency => {
                f.write_str("another currency than on the lines above; a table is of one currency")
            }
            TableProblem::Full => write!(f, "more than {} instruments", InstrumentTable::LEN_MAX),
        }
    }
}

impl std::error::Error for TableError {}

const COLUMNS: [&str; 9] = [
    "symbol",
    "venue",
    "tick",
    "lot",
    "multiplier",
    "previous_close",
    "average_volume",
    "currency",
    "shard",
];

fn columns(header: &str) -> Result<Vec<&'static str>, TableProblem> {
    let mut columns = Vec::new();
    for name in header.split(',') {
        match COLUMNS.iter().find(|&&column| column == name.trim()) {
            Some(column) if !columns.contains(column) => columns.push(*column),
            _ => return Err(TableProblem::BadHeader),
        }
    }
    if columns.contains(&"symbol") { Ok(columns) } else { Err(TableProblem::BadHeader) }
}

fn instrument(columns: &[&'static str], row: &str) -> Result<Instrument, TableProblem> {
    let values: Vec<_> = row.split(',').map(str::trim).collect();
    if values.len() != columns.len() {
        let (expected, found) = (columns.len(), values.len());
        return Err(TableProblem::Values { expected, found });
    }
    let mut instrument = Instrument::new(Symbol::BLANK);
    for (&column, value) in columns.iter().zip(values) {
        if column == "symbol" || !value.is_empty() {
            set(&mut instrument, column, value).ok_or(TableProblem::Value(column))?;
        }
    }
    Ok(instrument)
}

/// Set one column; `None` if `value` cannot stand there.
fn set(instrument: &mut Instrument, column: &str, value: &str) -> Option<()> {
    match column {
        "symbol" => instrument.symbol = value.parse().ok()?,
        "venue" => instrument.venue = code(value)?,
        "tick" => instrument.tick = price(value).filter(|tick| tick.0 > 0)?,
        "lot" => instrument.lot = value.parse().ok().filter(|&lot| lot > 0).map(Qty)?,
        "multiplier" => instrument.multiplier = value.parse().ok().filter(|&units| units > 0)?,
        "previous_close" => instrument.previous_close = price(value)?,
        "average_volume" => instrument.average_volume = value.parse().ok().map(Qty)?,
        "currency" => instrument.currency = code(value)?,
        "shard" => instrument.shard = ShardId(u16::from(value.parse::<u8>().ok()?)),
        _ => return None,
    }
    Some(())
}

/// A code of exactly `N` capital letters or digits.
fn code<const N: usize>(text: &str) -> Option<[u8; N]> {
    let code: [u8; N] = text.as_bytes().try_into().ok()?;
    code.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).then_some(code)
}

/// A decimal price of at most nine places, exact.
fn price(text: &str) -> Option<Price> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 9 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    format!("{sign}{whole}{fraction:0<9}").parse().ok().map(Price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_padded_with_spaces_and_prints_without() {
        assert_eq!("AAPL".parse(), Ok(Symbol(*b"AAPL    ")));
        assert_eq!("BRK.A+12".parse(), Ok(Symbol(*b"BRK.A+12")));
        assert_eq!(Symbol(*b"AAPL    ").to_string(), "AAPL");
        assert_eq!(format!("{:6}|", Symbol(*b"AAPL    ")), "AAPL  |");
        assert_eq!(Symbol(*b"A\0\xff     ").to_string(), "A\\x00\\xff");
    }

    #[test]
    fn what_is_no_symbol_is_refused() {
        for text in ["", "NINECHARS", "A B", " A", "\u{e9}"] {
            assert_eq!(text.parse::<Symbol>(), Err(SymbolError), "{text:?}");
        }
    }

    #[test]
    fn ids_are_places_in_order_of_adding() {
        let mut table = InstrumentTable::new();
        let symbol = |text: &str| text.parse::<Symbol>().unwrap();
        assert_eq!(table.add(Instrument::new(symbol("B"))), Some(InstrumentId(0)));
        assert_eq!(table.add(Instrument::new(symbol("A"))), Some(InstrumentId(1)));
        assert_eq!(table.add(Instrument::new(symbol("B"))), None);
        assert_eq!(
            (table.find(symbol("A")), table.find(symbol("C"))),
            (Some(InstrumentId(1)), None)
        );
        let ids: Vec<_> = table.iter().map(|(id, it)| (id.0, it.symbol.to_string())).collect();
        assert_eq!(ids, [(0, "B".into()), (1, "A".into())]);
        assert_eq!(table.get(InstrumentId(1)).map(|it| it.symbol), Some(symbol("A")));
        assert!(table.get(InstrumentId(2)).is_none() && table.get(InstrumentId::NONE).is_none());
    }

    #[test]
    fn a_full_table_takes_no_more() {
        let mut table = InstrumentTable::new();
        let instrument = |n: usize| Instrument::new(Symbol((n as u64).to_be_bytes()));
        assert!((0..InstrumentTable::LEN_MAX).all(|n| table.add(instrument(n)).is_some()));
        assert_eq!(table.add(instrument(InstrumentTable::LEN_MAX)), None);
    }

    #[test]
    fn a_table_is_read_from_text_with_its_columns_in_any_order() {
        let text = "# day 1\n\ntick, symbol ,shard,previous_close,venue,lot,multiplier,average_volume,currency\n\
                    0.25,ESH4,255,4810.123456789,XCME,2,50,1000000,EUR\r\n,AAPL,,,,,,,EUR\n";
        let table = InstrumentTable::parse(text).unwrap();
        let es = Instrument {
            symbol: Symbol(*b"ESH4    "),
            venue: *b"XCME",
            tick: Price(250_000_000),
            lot: Qty(2),
            multiplier: 50,
            previous_close: Price(4_810_123_456_789),
            average_volume: Qty(1_000_000),
            currency: *b"EUR",
            shard: ShardId(255),
        };
        let apple = Instrument { currency: *b"EUR", ..Instrument::new(Symbol(*b"AAPL    ")) };
        let found: Vec<_> = table.iter().map(|(_, instrument)| *instrument).collect();
        assert_eq!(found, [es, apple]);
        assert_eq!(InstrumentTable::parse("symbol").unwrap().len(), 0);
    }

    #[test]
    fn what_is_wrong_in_a_table_is_told_with_its_line() {
        let error = |text: &str| InstrumentTable::parse(text).map(|_| ()).unwrap_err();
        let at = |line, problem| TableError { line, problem };
        assert_eq!(error(" \n"), at(1, TableProblem::NoHeader));
        assert_eq!(error("tick"), at(1, TableProblem::BadHeader));
        assert_eq!(error("symbol,symbol"), at(1, TableProblem::BadHeader));
        assert_eq!(error("#\nsymbol,name"), at(2, TableProblem::BadHeader));
        let values = TableProblem::Values { expected: 2, found: 1 };
        assert_eq!(error("symbol,tick\n\nA"), at(3, values));
        assert_eq!(error("symbol\nA\nB\nA"), at(4, TableProblem::Repeated));
        assert_eq!(error("symbol,currency\nA,USD\nB,\nC,EUR"), at(4, TableProblem::Currency));
        for (column, bad) in [
            ("tick", &["0", "-1", "x", "1e3", ".5", "0.0000000001", "9223372037"][..]),
            ("lot", &["0", "-1", "1.5", "18446744073709551616"]),
            ("multiplier", &["0", "4294967296"]),
            ("previous_close", &["--1", "+1", "1.2.3"]),
            ("venue", &["NASDAQ", "xnas"]),
            ("currency", &["US"]),
            ("shard", &["256", "-1"]),
        ] {
            for value in bad {
                let text = format!("symbol,{column}\nA,{value}");
                assert_eq!(error(&text), at(2, TableProblem::Value(column)), "{column} {value}");
            }
        }
        assert_eq!(error("symbol\n\nTOO LONG A NAME"), at(3, TableProblem::Value("symbol")));
        assert_eq!(error("tick,symbol\n0.01,"), at(2, TableProblem::Value("symbol")));
        assert_eq!(
            error("symbol,tick\nA,x").to_string(),
            "line 2: `tick` cannot be read or is out of range"
        );
    }
}
