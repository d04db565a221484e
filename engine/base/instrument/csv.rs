//! The instrument table as text: CSV with a header, read line by line; what is wrong is told with its line.

use super::super::unit::{Price, Qty, ShardId};
use super::{Instrument, InstrumentTable, Symbol};
use std::fmt::{self, Write};

impl InstrumentTable {
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

    /// The table as text that [`InstrumentTable::parse`] reads to the same table.
    pub fn to_csv(&self) -> String {
        let mut text = COLUMNS.join(",");
        text.push('\n');
        for (_, instrument) in self.iter() {
            let Instrument { symbol, tick, lot, multiplier, shard, .. } = instrument;
            let venue = instrument.venue.escape_ascii();
            let currency = instrument.currency.escape_ascii();
            let (close, volume) = (instrument.previous_close, instrument.average_volume.0);
            let (lot, shard) = (lot.0, shard.0);
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{symbol},{venue},{tick},{lot},{multiplier},{close},{volume},{currency},{shard}"
            );
        }
        text
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
        "tick" => instrument.tick = decimal(value).filter(|tick| tick.0 > 0)?,
        "lot" => instrument.lot = value.parse().ok().filter(|&lot| lot > 0).map(Qty)?,
        "multiplier" => instrument.multiplier = value.parse().ok().filter(|&units| units > 0)?,
        "previous_close" => instrument.previous_close = decimal(value)?,
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
pub(crate) fn decimal(text: &str) -> Option<Price> {
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

    #[test]
    fn a_table_written_is_read_to_the_same_table() {
        let text = "symbol,tick,lot,previous_close,average_volume,shard,currency,venue,multiplier\n\
            AAPL,0.01,1,189.5,54000000,1,USD,XNAS,1\n\
            ESZ6,0.25,2,0,0,0,USD,XCME,50\n";
        let table = InstrumentTable::parse(text).unwrap();
        let again = InstrumentTable::parse(&table.to_csv()).unwrap();
        let all = |table: &InstrumentTable| table.iter().map(|(_, it)| *it).collect::<Vec<_>>();
        assert_eq!(all(&again), all(&table));
    }
}
