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
use std::collections::BTreeMap;
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
    /// Who asked last to put a scope in a state, by its name, and why.
    asked: BTreeMap<String, (TradingState, String, String)>,
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
        Self(Arc::new(Mutex::new(Sheet { file, error, asked: BTreeMap::new() })))
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

    /// Somebody asks to put a scope in a state: what [`said`](Self::said) writes, and on record with its latch if that moves.
    pub fn asked(&self, time: Nanos, state: TradingState, scope: &str, who: &str, why: &str) {
        let event = match state {
            TradingState::LIVE => "resume",
            TradingState::REDUCE_ONLY => "reduce-only",
            _ => "kill",
        };
        self.said(time, event, scope, who, why);
        let mut sheet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sheet.asked.insert(scope.into(), (state, who.into(), why.into()));
    }

    /// Who asked for what a record of a latch says, and why; `None` if nobody did.
    fn who(&self, record: &Report, symbols: &Symbols) -> Option<(String, String)> {
        let (level, id) = scope_of_record(record, symbols)?;
        let name = name::of_scope(level, &id);
        let mut sheet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, ..) = sheet.asked.get(&name)?;
        // What a loss or a breaker did meanwhile was not asked for; what was asked is still to come.
        let by_itself = [Code::LOSS, Code::BREAKER].map(|code| code.at(level));
        if i64::from(state.0) != record.value || by_itself.contains(&Code(record.code)) {
            return None;
        }
        sheet.asked.remove(&name).map(|(_, who, why)| (who, why))
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
    /// Why the latch file could not be written, if it cannot: said once.
    failed: Option<io::ErrorKind>,
}

impl Keeper {
    /// Keeps what is given; `next` is told each record after that.
    pub fn new(
        audit: Option<Audit>,
        latches: Option<LatchKeeper>,
        symbols: Symbols,
        next: Option<Box<dyn Observer>>,
    ) -> Self {
        Self { audit, latches, symbols, next, failed: None }
    }
}

impl Observer for Keeper {
    fn on(&mut self, record: &Report) {
        // Latches first: who looks at the board after the next one has seen it finds them on the disk.
        let who = match &self.audit {
            Some(audit) if record.head.kind == Kind::LATCHED => audit.who(record, &self.symbols),
            _ => None,
        };
        let taken = self.latches.as_mut().map_or(Ok(()), |latches| latches.take(record, who));
        let failed = taken.as_ref().err().map(io::Error::kind);
        let is_new = std::mem::replace(&mut self.failed, failed) != failed;
        if let (Err(error), Some(audit), true) = (taken, &self.audit, is_new) {
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
    use crate::base::testing::Paper;
    use crate::base::unit::*;
    use crate::journal::{Latches, latches::LatchKeeper};

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
        let paper = Paper::roomy();
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
    fn the_latch_file_names_who_asked_and_the_engine_where_nobody_did() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latches");
        let audit = Audit::none();
        let latches = LatchKeeper::new(&path, Latches::new(), symbols());
        let mut keeper = Keeper::new(Some(audit.clone()), Some(latches), symbols(), None);
        let firm = |code| Report { limit: 0, value: 2, ..record(Kind::LATCHED, code) };
        let who = || {
            let latches = Latches::read(&path).latches;
            latches.iter().map(|(_, it)| (it.who.clone(), it.why.clone())).collect::<Vec<_>>()
        };
        let row = |who: &str, why: &str| vec![(who.to_owned(), why.to_owned())];
        audit.asked(Nanos(1), TradingState::KILLED, "firm", "ada", "odd fills");
        keeper.on(&firm(Code::KILLED));
        assert_eq!(who(), row("ada", "odd fills"));
        // Said again it stays hers; then it is taken away, and a loss comes before what is asked next.
        keeper.on(&firm(Code::KILLED));
        assert_eq!(who(), row("ada", "odd fills"));
        audit.asked(Nanos(2), TradingState::LIVE, "firm", "bob", "found it");
        keeper.on(&Report { value: 0, ..firm(Code::NONE) });
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("bob") && text.contains("found it"), "{text}");
        audit.asked(Nanos(3), TradingState::KILLED, "firm", "eve", "");
        keeper.on(&Report { value: 1, ..firm(Code::LOSS) });
        assert_eq!(who(), row("coretick", Code::LOSS.name()));
        keeper.on(&Report { value: 1, ..firm(Code::BREAKER) });
        keeper.on(&firm(Code::KILLED));
        assert_eq!(who(), row("eve", ""), "what came between was not hers");
    }

    #[test]
    fn a_full_disk_is_told_once_and_a_latch_file_that_fails_is_a_row() {
        let audit = Audit::new(Box::new(Paper::with_room(0)), true);
        audit.said(Nanos(1), "kill", "firm", "ada", "");
        assert_eq!(audit.finish().map_err(|it| it.kind()), Err(io::ErrorKind::StorageFull));
        let dir = tempfile::tempdir().unwrap();
        let (gone, paper) = (dir.path().join("none/latches"), Paper::roomy());
        let audit = Audit::new(Box::new(paper.clone()), true);
        let latches = LatchKeeper::new(&gone, Latches::new(), symbols());
        let mut keeper = Keeper::new(Some(audit), Some(latches), symbols(), None);
        keeper.on(&Report { value: 2, ..record(Kind::LATCHED, Code::KILLED_INSTRUMENT) });
        let rows = paper.rows();
        assert!(rows[0].contains("failed,firm") && rows[1].contains("killed,"), "{rows:?}");
        keeper.on(&record(Kind::FILLED, Code::NONE));
        assert_eq!(paper.rows().len(), 2, "it is tried again, and not told again");
    }
}
