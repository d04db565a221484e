//! The latch file: which scopes are killed or held to reducing positions, so that a start knows what was decided before it.
//!
//! Text that a person can read and correct: a line a scope. It is replaced as a whole (a new file, forced to the disk, takes
//! its name), so it is never half of one state and half of another. A file that cannot be understood stops the whole firm:
//! it may have said so.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::instrument::{Symbol, Symbols};
use crate::base::message::{Kind, Report};
use crate::base::unit::{InstrumentId, Level, Nanos, TradingState};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const HEADER: &str = "\
# Scopes that may not trade as they like. `coretick kill` and `coretick resume` write this file, and so does the engine.
# A line each: state (reduce-only, killed), level (firm, account, strategy, instrument) and which, time in nanoseconds
# since 1970, who, and why in words. Lines that begin with `was` are history: what held, and who took it away, when and why.
";

/// Lines of history that are kept.
const HISTORY_MAX: usize = 100;

/// Longest name and reason that are kept, in bytes.
const TEXT_MAX: usize = 200;

/// Which scope: its level, and the account's or strategy's number or the symbol; empty for the firm.
pub type Latched = (Level, String);

/// What holds for a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latch {
    /// What it may do.
    pub state: TradingState,
    /// Since when.
    pub time: Nanos,
    /// Who decided.
    pub who: String,
    /// Why.
    pub why: String,
}

/// The latches of all scopes that may not trade as they like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latches {
    held: BTreeMap<Latched, Latch>,
    /// What was taken away, as it is written.
    history: Vec<String>,
}

/// A latch file that was read.
#[derive(Debug)]
pub struct LatchesRead {
    /// What holds: what it says, or that the firm is killed.
    pub latches: Latches,
    /// What is wrong with it, if anything is.
    pub damage: Option<LatchDamage>,
}

/// Why a latch file says nothing: the firm is killed then.
#[derive(Debug)]
pub struct LatchDamage {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 if none could be read.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for LatchDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what } = self;
        write!(
            f,
            "{}:{line}: {what}: nothing is traded until this is put right: correct the line, or have `coretick resume \
             --latches {}` write a new file",
            path.display(),
            path.display()
        )
    }
}

/// The right to write a latch file, for as long as it is kept: of one engine, or of one who changes it while none runs. The
/// system takes it back however its process ends.
#[derive(Debug)]
pub struct LatchLock(#[expect(dead_code, reason = "its lock is kept with it")] File);

impl LatchLock {
    /// The right to write the file at `path`, by a file beside it; `None` if somebody has it.
    ///
    /// # Errors
    /// If the file beside it cannot be made or locked.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(beside)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Latches {
    /// No scope is latched.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every scope that is latched, the widest first.
    pub fn iter(&self) -> impl Iterator<Item = (&Latched, &Latch)> {
        self.held.iter()
    }

    /// What a scope may do, by its own latch.
    pub fn state(&self, scope: &Latched) -> TradingState {
        self.held.get(scope).map_or(TradingState::LIVE, |latch| latch.state)
    }

    /// From now on this holds for `scope`; a state of `LIVE` takes its latch away.
    pub fn set(&mut self, scope: Latched, latch: Latch) {
        if latch.state != TradingState::LIVE {
            self.held.insert(scope, latch);
        } else if let Some(was) = self.held.remove(&scope) {
            if self.history.len() == HISTORY_MAX {
                self.history.remove(0);
            }
            let (was, who, why) = (line(&scope, &was), quoted(&latch.who), quoted(&latch.why));
            self.history.push(format!("was {was} until {} {who} {why}", latch.time.0));
        }
    }

    /// The file at `path`; one that is not there says that nothing is latched.
    pub fn read(path: &Path) -> LatchesRead {
        let read = match fs::read(path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| (0, "it is not text".into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return LatchesRead { latches: Self::new(), damage: None };
            }
            Err(error) => Err((0, error.to_string())),
        };
        match read.and_then(|text| parse(&text)) {
            Ok(latches) => LatchesRead { latches, damage: None },
            Err((line, what)) => {
                let (who, why) = ("coretick".into(), format!("the latch file is damaged: {what}"));
                let latch = Latch { state: TradingState::KILLED, time: Nanos(0), who, why };
                let held = BTreeMap::from([((Level::FIRM, String::new()), latch)]);
                let latches = Self { held, history: Vec::new() };
                LatchesRead { latches, damage: Some(LatchDamage { path: path.into(), line, what }) }
            }
        }
    }

    /// Makes this the file at `path`: afterwards it is on the disk, whatever happens.
    ///
    /// # Errors
    /// If the system could not; the file that was there before is unchanged then.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = File::create(&new)?;
        file.write_all(self.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        // The name is on the disk once its folder is.
        File::open(folder)?.sync_all()
    }
}

impl fmt::Display for Latches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        self.history.iter().try_for_each(|was| writeln!(f, "{was}"))?;
        for (scope, latch) in &self.held {
            writeln!(f, "{}", line(scope, latch))?;
        }
        // Whoever finds no such line has not the whole file.
        writeln!(f, "end {}", self.held.len())
    }
}

fn line((level, id): &Latched, latch: &Latch) -> String {
    let Latch { state, time, who, why } = latch;
    let colon = if id.is_empty() { "" } else { ":" };
    format!("{state} {level}{colon}{id} {} {} {}", time.0, quoted(who), quoted(why))
}

/// Text in quotes on one line.
fn quoted(text: &str) -> String {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let plain: String = text[..end]
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .map(|it| if it == '"' { '\'' } else { it })
        .collect();
    format!("\"{plain}\"")
}

fn parse(text: &str) -> Result<Latches, (usize, String)> {
    let (mut latches, mut history) = (BTreeMap::new(), Vec::new());
    let mut ended = false;
    for (line, text) in (1..).zip(text.lines()) {
        if text.starts_with('#') || text.trim().is_empty() {
            continue;
        }
        let wrong = |what: &str| (line, what.to_string());
        if ended {
            return Err(wrong("there is more behind its end"));
        }
        if let Some(count) = text.strip_prefix("end ") {
            if count.parse() != Ok(latches.len()) {
                return Err(wrong("lines are missing"));
            }
            ended = true;
            continue;
        }
        if text.starts_with("was ") {
            history.push(text.into());
            continue;
        }
        let (state, rest) = text.split_once(' ').ok_or_else(|| wrong("this is no latch"))?;
        let state = [TradingState::REDUCE_ONLY, TradingState::KILLED]
            .into_iter()
            .find(|known| known.name() == state)
            .ok_or_else(|| wrong("the state is neither reduce-only nor killed"))?;
        let (scope, rest) = rest.split_once(' ').ok_or_else(|| wrong("the scope is missing"))?;
        let scope = scope_of(scope).ok_or_else(|| {
            wrong("the scope is none of firm, account:N, strategy:N, instrument:SYMBOL")
        })?;
        let (time, rest) = rest.split_once(' ').ok_or_else(|| wrong("the time is missing"))?;
        let time = time.parse().map_err(|_| wrong("the time is no number"))?;
        let words = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let words = words.and_then(|words| words.split_once("\" \""));
        let (who, why) = words.ok_or_else(|| wrong("who and why are missing, each in quotes"))?;
        let (who, why) = (who.into(), why.into());
        if latches.insert(scope, Latch { state, time: Nanos(time), who, why }).is_some() {
            return Err(wrong("the scope has a line already"));
        }
    }
    if ended {
        Ok(Latches { held: latches, history })
    } else {
        Err((text.lines().count(), "its end is missing: add `end N`, of N latches".into()))
    }
}

fn scope_of(text: &str) -> Option<Latched> {
    if text == Level::FIRM.name() {
        return Some((Level::FIRM, String::new()));
    }
    let (level, id) = text.split_once(':')?;
    match level {
        "account" => Some((Level::ACCOUNT, id.parse::<u32>().ok()?.to_string())),
        "strategy" => Some((Level::STRATEGY, id.parse::<u16>().ok()?.to_string())),
        "instrument" => Some((Level::INSTRUMENT, id.parse::<Symbol>().ok()?.to_string())),
        _ => None,
    }
}

/// Keeps a latch file as records of changes pass.
#[derive(Debug)]
pub struct LatchKeeper {
    latches: Latches,
    path: PathBuf,
    symbols: Symbols,
    /// Whether the file does not hold them yet, because it could not be written.
    behind: bool,
    /// Nobody else writes it.
    _lock: Option<LatchLock>,
}

impl LatchKeeper {
    /// Keeps the file at `path`, which holds `latches`.
    pub fn new(path: &Path, latches: Latches, symbols: Symbols) -> Self {
        Self { latches, path: path.into(), symbols, behind: false, _lock: None }
    }

    /// This keeper, which alone has the right to write the file.
    pub fn alone(self, lock: LatchLock) -> Self {
        Self { _lock: Some(lock), ..self }
    }

    /// Takes in a record; the file is on the disk when this returns. `asked` says who asked for it and why: without that it
    /// was the engine, by the control that the record names. Records of other kinds change nothing, but a file that could not
    /// be written is tried again.
    ///
    /// # Errors
    /// If the file could not be written.
    pub fn take(&mut self, record: &Report, asked: Option<(String, String)>) -> io::Result<()> {
        if record.head.kind == Kind::LATCHED
            && let Some((scope, state)) = latched(record, &self.symbols)
            // What is said again, as at a start, leaves who decided it on record.
            && self.latches.state(&scope) != state
        {
            let time = record.head.time;
            let by_engine = || ("coretick".into(), Code(record.code).name().into());
            let (who, why) = asked.unwrap_or_else(by_engine);
            self.latches.set(scope, Latch { state, time, who, why });
            self.behind = true;
        }
        if self.behind {
            self.latches.write(&self.path)?;
            self.behind = false;
        }
        Ok(())
    }
}

/// The scope that a record of a latch, an alert or a flat scope is about.
pub fn scope_of_record(record: &Report, symbols: &Symbols) -> Option<Latched> {
    let level = match record.head.kind {
        Kind::ALERT => level_of(record.code),
        _ => Level(u8::try_from(record.limit).ok()?),
    };
    let id = match level {
        Level::FIRM => String::new(),
        Level::ACCOUNT => record.account.0.to_string(),
        Level::STRATEGY => record.strategy.0.to_string(),
        Level::INSTRUMENT if record.head.instrument != InstrumentId::NONE => {
            symbols.name(record.head.instrument)
        }
        _ => return None,
    };
    Some((level, id))
}

/// The level of a control's code: its last digit.
pub(super) fn level_of(code: u16) -> Level {
    Level((code % 10) as u8)
}

fn latched(record: &Report, symbols: &Symbols) -> Option<(Latched, TradingState)> {
    let state = TradingState(u8::try_from(record.value).ok()?);
    Some((scope_of_record(record, symbols)?, state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::{AccountId, StrategyId};
    use proptest::prelude::*;

    fn latch(state: TradingState, who: &str, why: &str) -> Latch {
        Latch { state, time: Nanos(7), who: who.into(), why: why.into() }
    }

    fn some() -> Latches {
        let mut latches = Latches::new();
        let killed = latch(TradingState::KILLED, "ada", "the \"feed\"\nis wrong");
        latches.set((Level::STRATEGY, "2".into()), killed);
        let reduce = latch(TradingState::REDUCE_ONLY, "coretick", "loss");
        latches.set((Level::INSTRUMENT, "BRK.A".into()), reduce);
        latches
    }

    #[test]
    fn what_is_written_is_read_and_can_be_read_by_a_person() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("coretick.latches");
        let none = Latches::read(&path);
        assert!(none.damage.is_none() && none.latches == Latches::new(), "no file, no latch");
        let latches = some();
        latches.write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\nkilled strategy:2 7 \"ada\" \"the 'feed' is wrong\"\n"), "{text}");
        assert!(text.ends_with("\nreduce-only instrument:BRK.A 7 \"coretick\" \"loss\"\nend 2\n"));
        let read = Latches::read(&path);
        assert!(read.damage.is_none());
        assert_eq!(read.latches.to_string(), text);
        assert_eq!(read.latches.state(&(Level::STRATEGY, "2".into())), TradingState::KILLED);
        assert_eq!(read.latches.state(&(Level::FIRM, String::new())), TradingState::LIVE);
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing else is left");
    }

    #[test]
    fn a_damaged_file_kills_the_firm_and_says_which_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latches");
        let whole = some().to_string();
        for (text, line, what) in [
            (whole.replace("killed", "kiled"), 4, "neither"),
            (whole.replace("strategy:2", "strategy:x"), 4, "none of firm"),
            (whole.replace("end 2", "end 3"), 6, "missing"),
            (whole.replace("end 2\n", ""), 5, "its end is missing"),
            (whole.replace(" 7 ", " x "), 4, "no number"),
            (String::new(), 0, "its end is missing"),
        ] {
            fs::write(&path, &text).unwrap();
            let read = Latches::read(&path);
            let damage = read.damage.expect(&text);
            assert_eq!(damage.line, line, "{text}");
            let said = damage.to_string();
            assert!(said.contains(what) && said.contains("coretick resume"), "{said}");
            assert_eq!(read.latches.state(&(Level::FIRM, String::new())), TradingState::KILLED);
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(Latches::read(&path).damage.is_some());
        assert!(Latches::read(dir.path()).damage.is_some(), "a folder is no file");
    }

    #[test]
    fn the_file_follows_the_records_and_forgets_what_is_resumed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latches");
        let symbols = Symbols::new(4);
        symbols.announce(InstrumentId(3), "AAPL".parse::<Symbol>().unwrap().number());
        let mut keeper = LatchKeeper::new(&path, Latches::new(), symbols);
        let record = |kind, level: Level, state: TradingState| {
            let mut record = Report {
                account: AccountId(9),
                strategy: StrategyId(2),
                limit: i64::from(level.0),
                value: i64::from(state.0),
                code: Code::LOSS.at(level).0,
                ..Report::default()
            };
            (record.head.kind, record.head.instrument) = (kind, InstrumentId(3));
            record
        };
        for level in [Level::FIRM, Level::ACCOUNT, Level::STRATEGY, Level::INSTRUMENT] {
            keeper.take(&record(Kind::LATCHED, level, TradingState::KILLED), None).unwrap();
        }
        keeper
            .take(&record(Kind::LATCHED, Level::ACCOUNT, TradingState::REDUCE_ONLY), None)
            .unwrap();
        keeper.take(&record(Kind::LATCHED, Level::STRATEGY, TradingState::LIVE), None).unwrap();
        keeper.take(&record(Kind::FLAT, Level::FIRM, TradingState::LIVE), None).unwrap();
        keeper.take(&record(Kind::LATCHED, Level(9), TradingState::KILLED), None).unwrap();
        let read = Latches::read(&path);
        assert!(read.damage.is_none());
        let held: Vec<_> =
            read.latches.iter().map(|(scope, it)| (scope.clone(), it.state)).collect();
        let expected = [
            ((Level::FIRM, ""), TradingState::KILLED),
            ((Level::ACCOUNT, "9"), TradingState::REDUCE_ONLY),
            ((Level::INSTRUMENT, "AAPL"), TradingState::KILLED),
        ];
        let expected = expected.map(|((level, id), state)| ((level, id.to_string()), state));
        assert_eq!(held, expected);
        let whys: Vec<_> = read.latches.iter().map(|(_, it)| it.why.as_str()).collect();
        assert_eq!(whys, ["loss", "loss_account", "loss_instrument"]);
    }

    proptest! {
        #[test]
        fn any_words_come_back_on_their_line(who in ".{0,300}", why in ".{0,300}") {
            let mut latches = Latches::new();
            let firm = (Level::FIRM, String::new());
            latches.set(firm, latch(TradingState::KILLED, &who, &why));
            let text = latches.to_string();
            let read = parse(&text).map_err(|(line, what)| TestCaseError::fail(format!("{line}: {what}")))?;
            prop_assert_eq!(read.to_string(), text);
        }

        #[test]
        fn a_file_cut_short_never_lets_a_killed_scope_trade(cut in 0..1_000_usize) {
            let text = some().to_string();
            let cut = cut.min(text.len() - 2);
            prop_assume!(text.is_char_boundary(cut));
            prop_assert!(parse(&text[..cut]).is_err(), "{}", &text[..cut]);
        }
    }
}
