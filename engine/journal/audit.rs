//! `audit.csv`: every refusal, every change of a trading state or a limit, every alert, with who asked for it.
//!
//! Two write it, both cold: the log, as records pass, and whoever serves the administrator. A row is whole, whoever else
//! writes; all but refusals are on their way to the disk when the call returns.
#![forbid(unsafe_code)]

use super::csv::{Observer, field};
use super::latches::{LatchKeeper, scope_of_record};
use crate::base::code::Code;
use crate::base::instrument::Symbols;
use crate::base::message::{Kind, Report};
use crate::base::name;
use crate::base::unit::{Level, Nanos, OrderState, TradingState};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The columns of `audit.csv`.
const COLUMNS: &str = "time_ns,event,scope,code,order_id,limit,value,who,detail";

/// The audit file. Clones write to the same one.
#[derive(Clone)]
pub struct Audit(Arc<Mutex<Sheet>>);

struct Sheet {
    file: Box<dyn Write + Send>,
    error: Option<io::Error>,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audit")
    }
}

impl Audit {
    /// Writes the header, if the file is `new`; a failure is kept for `finish`.
    pub fn new(mut file: Box<dyn Write + Send>, new: bool) -> Self {
        let error = if new { writeln!(file, "{COLUMNS}").err() } else { None };
        Self(Arc::new(Mutex::new(Sheet { file, error })))
    }

    /// An audit that nobody keeps.
    pub fn none() -> Self {
        Self::new(Box::new(io::sink()), false)
    }

    /// Somebody asked for something, or it was done: `event` in a word, `scope` as in `account:1`.
    pub fn said(&self, time: Nanos, event: &str, scope: &str, who: &str, detail: &str) {
        let (scope, who, detail) = (text(scope), text(who), text(detail));
        self.row(true, format_args!("{},{event},{scope},,,,,{who},{detail}", time.0));
    }

    /// A record of the log: a refusal, a latch, a scope that is flat, or an alert. Others leave no row.
    pub fn record(&self, record: &Report, symbols: &Symbols) {
        let Report { head, limit, value, .. } = *record;
        let (time, code) = (head.time.0, Code(record.code));
        let scope = || match scope_of_record(record, symbols) {
            Some((level, id)) => text(&name::of_scope(level, &id)),
            None => "unknown".into(),
        };
        match head.kind {
            Kind::CLOSED if record.state == OrderState::REFUSED => {
                let order = record.order.0;
                let strategy = name::of_scope(Level::STRATEGY, &record.strategy.0.to_string());
                let (account, symbol) = (record.account.0, symbols.name(head.instrument));
                let detail = text(&format!("{} {} {symbol}", record.side, record.qty.0));
                self.row(
                    false,
                    format_args!(
                        "{time},refused,{strategy} account:{account},{},{order},{limit},{value},,{detail}",
                        code.0
                    ),
                );
            }
            Kind::LATCHED => {
                // A breaker that opens changes no state.
                let state = match u8::try_from(value) {
                    _ if (Code::BREAKER..Code(Code::BREAKER.0 + 10)).contains(&code) => "paused",
                    Ok(state) => TradingState(state).name(),
                    Err(_) => "unknown",
                };
                let why = code.name();
                self.row(
                    true,
                    format_args!("{time},{state},{},{},,,,coretick,{why}", scope(), code.0),
                );
            }
            Kind::FLAT => {
                let scope = scope();
                self.row(
                    true,
                    format_args!("{time},flat,{scope},,,,{value},coretick,nanoseconds since"),
                );
            }
            Kind::ALERT => {
                let (scope, name) = (scope(), code.name());
                self.row(
                    true,
                    format_args!(
                        "{time},alert,{scope},{},,{limit},{value},coretick,per cent of {name}",
                        code.0
                    ),
                );
            }
            _ => {}
        }
    }

    fn row(&self, flush: bool, row: fmt::Arguments<'_>) {
        let mut sheet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sheet.error.is_some() {
            return;
        }
        let mut written = writeln!(sheet.file, "{row}");
        if flush {
            written = written.and_then(|()| sheet.file.flush());
        }
        sheet.error = written.err();
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// If that failed, or a row before; told once.
    pub fn finish(&self) -> io::Result<()> {
        let mut sheet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match sheet.error.take() {
            Some(error) => Err(error),
            None => sheet.file.flush(),
        }
    }
}

/// Text as one field on one line.
fn text(text: &str) -> String {
    field(text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect())
}

/// The log's observer that keeps the audit and the latch file, and tells another one.
pub struct Keeper {
    audit: Option<Audit>,
    latches: Option<LatchKeeper>,
    symbols: Symbols,
    next: Option<Box<dyn Observer>>,
}

impl Keeper {
    /// Keeps what is given; `next` is told each record after that.
    pub fn new(
        audit: Option<Audit>,
        latches: Option<LatchKeeper>,
        symbols: Symbols,
        next: Option<Box<dyn Observer>>,
    ) -> Self {
        Self { audit, latches, symbols, next }
    }
}

impl Observer for Keeper {
    fn on(&mut self, record: &Report) {
        // Latches first: who looks at the board after the next one has seen it finds them on the disk.
        if let Some(latches) = &mut self.latches
            && let Err(error) = latches.take(record)
            && let Some(audit) = &self.audit
        {
            let detail = format!("the latch file could not be written: {error}");
            audit.said(record.head.time, "failed", "firm", "coretick", &detail);
        }
        if let Some(audit) = &self.audit {
            audit.record(record, &self.symbols);
        }
        if let Some(next) = &mut self.next {
            next.on(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::*;
    use crate::journal::{Latches, latches::LatchKeeper};

    /// A file in memory that can be full.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>, bool);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn rows(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().skip(1).map(str::to_owned).collect()
        }
    }

    fn symbols() -> Symbols {
        let symbols = Symbols::new(2);
        symbols.announce(InstrumentId(1), u64::from_be_bytes(*b"A,B     "));
        symbols
    }

    fn record(kind: Kind, code: Code) -> Report {
        let mut record = Report {
            code: code.0,
            account: AccountId(4),
            strategy: StrategyId(2),
            limit: i64::from(Level::INSTRUMENT.0),
            ..Report::default()
        };
        (record.head.kind, record.head.time) = (kind, Nanos(9));
        record.head.instrument = InstrumentId(1);
        record
    }

    #[test]
    fn each_refusal_latch_and_alert_is_a_row_and_nothing_else_is() {
        let paper = Paper::default();
        let audit = Audit::new(Box::new(paper.clone()), true);
        let mut keeper = Keeper::new(Some(audit.clone()), None, symbols(), None);
        let refused = Report {
            order: OrderId(5),
            qty: Qty(70),
            side: Side::BUY,
            limit: 10,
            value: 12,
            state: OrderState::REFUSED,
            ..record(Kind::CLOSED, Code::POSITION)
        };
        keeper.on(&refused);
        keeper.on(&Report { state: OrderState::FILLED, ..refused });
        let killed = Report { value: 2, ..record(Kind::LATCHED, Code::KILLED_INSTRUMENT) };
        keeper.on(&killed);
        keeper.on(&Report { value: 1_500, limit: 1, ..record(Kind::FLAT, Code::NONE) });
        keeper.on(&Report { value: 75, limit: 1_000, ..record(Kind::ALERT, Code::NET_STRATEGY) });
        keeper.on(&record(Kind::FILLED, Code::NONE));
        audit.said(
            Nanos(10),
            "limits",
            "firm",
            "ada, \"the\" first",
            "firm.net_max: 5 -> 6\n(looser)",
        );
        let rows = [
            "9,refused,strategy:quoter account:4,1200,5,10,12,,\"buy 70 A,B\"",
            "9,killed,\"instrument:A,B\",103,,,,coretick,killed_instrument",
            "9,flat,account:4,,,,1500,coretick,nanoseconds since",
            "9,alert,strategy:quoter,1402,,1000,75,coretick,per cent of net_strategy",
            "10,limits,firm,,,,,\"ada, \"\"the\"\" first\",firm.net_max: 5 -> 6 (looser)",
        ];
        assert_eq!(paper.rows(), rows);
        let fields =
            |row: &str| row.replace("A,B", "AB").replace("ada, ", "ada ").split(',').count();
        rows.iter().for_each(|row| assert_eq!(fields(row), COLUMNS.split(',').count(), "{row}"));
        audit.finish().unwrap();
    }

    #[test]
    fn a_full_disk_is_told_once_and_a_latch_file_that_fails_is_a_row() {
        let audit = Audit::new(Box::new(Paper(Arc::default(), true)), true);
        audit.said(Nanos(1), "kill", "firm", "ada", "");
        assert_eq!(audit.finish().map_err(|it| it.kind()), Err(io::ErrorKind::StorageFull));
        let dir = tempfile::tempdir().unwrap();
        let (gone, paper) = (dir.path().join("none/latches"), Paper::default());
        let audit = Audit::new(Box::new(paper.clone()), true);
        let latches = LatchKeeper::new(&gone, Latches::new(), symbols());
        let mut keeper = Keeper::new(Some(audit), Some(latches), symbols(), None);
        keeper.on(&Report { value: 2, ..record(Kind::LATCHED, Code::KILLED_INSTRUMENT) });
        let rows = paper.rows();
        assert!(rows[0].contains("failed,firm") && rows[1].contains("killed,"), "{rows:?}");
    }
}
