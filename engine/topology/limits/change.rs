//! How limits change while the engine runs: what gets tighter does at once, what gets looser is kept until a person
//! confirms it.
//!
//! What must hold: after a proposal nothing is looser than before it; after its confirmation the limits are those that
//! were proposed. A proposal made against limits that are no longer in force is refused: what it compared with is gone.
//! Pure code: who asks, and when, is for those who keep the record.
#![forbid(unsafe_code)]

use super::file::LimitsFile;
use super::keys::{self, Tight, is_of_many};
use super::value::Value;
use crate::base::name::STRATEGIES;
use crate::base::unit::AccountId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Proposals that wait at a time; the oldest makes room.
const WAITING_MAX: usize = 16;

/// A limit that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As in the file: `firm.gross_max`, `account.1` for an account that may trade.
    pub path: String,
    /// What it is; `None`: there is no such table.
    pub old: Option<Value>,
    /// What it is to be.
    pub new: Option<Value>,
    /// Whether that is looser, or cannot be told to be as tight: then it waits for a confirmation.
    pub looser: bool,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |value: &Option<Value>| value.as_ref().map_or("none".into(), Value::to_string);
        let how = if self.looser { "looser" } else { "tighter" };
        write!(f, "{}: {} -> {} ({how})", self.path, word(&self.old), word(&self.new))
    }
}

/// The way from some limits to others.
#[derive(Clone, Debug)]
pub struct Change {
    /// What differs, in order of path.
    pub entries: Vec<Entry>,
    /// What is as tight as both.
    pub tightened: LimitsFile,
    /// Where it leads.
    pub wanted: LimitsFile,
}

impl Change {
    /// From `old` to `new`, where `own` may trade if a file names no account.
    pub fn between(old: &LimitsFile, new: &LimitsFile, own: AccountId) -> Self {
        let (old, wanted) = (explicit(old, own), explicit(new, own));
        let symbols: BTreeSet<String> =
            old.names("symbol").union(&wanted.names("symbol")).cloned().collect();
        let (from, to) = (old.flat(&symbols), wanted.flat(&symbols));
        let entries = entries(&from, &to);
        let tightened = LimitsFile::of(old.version(), tightened(&from, &to, own));
        Self { entries, tightened, wanted }
    }

    /// Those that wait for a confirmation.
    pub fn looser(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.looser)
    }

    /// Those that do not.
    pub fn tighter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.looser)
    }
}

/// `file` with the accounts and strategies that may trade named, where it leaves them to the default.
fn explicit(file: &LimitsFile, own: AccountId) -> LimitsFile {
    let mut values: BTreeMap<String, Value> =
        file.values().map(|(path, value)| (path.into(), value.clone())).collect();
    if file.names("account").is_empty() {
        values.insert(format!("account.{}", own.0), Value::There);
    }
    if file.names("strategy").is_empty() {
        values.extend(STRATEGIES.map(|(name, _)| (format!("strategy.{name}"), Value::There)));
    }
    LimitsFile::of(file.version(), values)
}

/// The table that `path` belongs to (`account.1`), and the key in it.
fn split(path: &str) -> (&str, Option<&str>) {
    let table = path.split_once('.').map_or(path, |(table, _)| table);
    let depth = if is_of_many(table) { 2 } else { 1 };
    match path.rsplit_once('.') {
        // Symbols have points too; keys have none, and are known.
        Some((at, key)) if depth == 1 || keys::find(table, key).is_some() && at != table => {
            (at, Some(key))
        }
        _ => (path, None),
    }
}

fn tight_of(path: &str) -> Tight {
    let table = path.split_once('.').map_or(path, |(table, _)| table);
    split(path).1.and_then(|key| keys::find(table, key)).map_or(Tight::Neither, |key| key.tight)
}

fn entries(from: &BTreeMap<String, Value>, to: &BTreeMap<String, Value>) -> Vec<Entry> {
    let paths: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let mut entries = Vec::new();
    for path in paths {
        let (old, new) = (from.get(path), to.get(path));
        let looser = match (old, new) {
            _ if old == new => continue,
            (Some(old), Some(new)) => new.is_looser_than(old, tight_of(path)),
            (None, _) => true,
            // With its table goes all that it said.
            (_, None) if split(path).1.is_some() => continue,
            (_, None) => false,
        };
        entries.push(Entry { path: path.clone(), old: old.cloned(), new: new.cloned(), looser });
    }
    entries
}

/// What is as tight as both. Who may trade under only one of them may not, unless nobody would be left.
fn tightened(
    from: &BTreeMap<String, Value>,
    to: &BTreeMap<String, Value>,
    own: AccountId,
) -> BTreeMap<String, Value> {
    let of = |values: &BTreeMap<String, Value>, table: &str| -> BTreeSet<String> {
        let there = values.iter().filter(|(_, value)| **value == Value::There);
        let names = there.map(|(path, _)| path.clone());
        names.filter(|path| path.split_once('.').is_some_and(|(of, _)| of == table)).collect()
    };
    let kept = |table: &str| -> BTreeSet<String> {
        let (old, new) = (of(from, table), of(to, table));
        let both: BTreeSet<String> = old.intersection(&new).cloned().collect();
        if both.is_empty() { old } else { both }
    };
    let strategies = kept("strategy");
    let mut accounts = kept("account");
    // A strategy keeps the account that it had until another one is confirmed.
    accounts.extend(strategies.iter().map(|at| match from.get(&format!("{at}.account")) {
        Some(Value::Number(id)) => format!("account.{id}"),
        _ => format!("account.{}", own.0),
    }));
    let is_kept = |at: &str| match at.split_once('.') {
        Some(("account", _)) => accounts.contains(at),
        Some(("strategy", _)) => strategies.contains(at),
        _ => true,
    };
    let mut values = BTreeMap::new();
    for (path, old) in from {
        if !is_kept(split(path).0) {
            continue;
        }
        let new = to.get(path).unwrap_or(old);
        values.insert(path.clone(), old.tightened(new, tight_of(path)));
    }
    // An account kept for a strategy may be one that no file gives limits.
    for at in accounts {
        values.entry(at).or_insert(Value::There);
    }
    values
}

/// Why nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposeError {
    /// There is no proposal of this number.
    NoSuchProposal(u32),
    /// Other limits are in force than those that it was made against.
    Outdated {
        /// The proposal.
        number: u32,
        /// What it was made against.
        against: u32,
        /// What is in force.
        in_force: u32,
    },
    /// The limits proposed are those in force.
    Same,
    /// There is no version after the one in force.
    LastVersion,
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchProposal(number) => {
                write!(f, "there is no proposal {number}: see `coretick limits show`")
            }
            Self::Outdated { number, against, in_force } => write!(
                f,
                "proposal {number} was made against version {against} of the limits, and {in_force} is in force: \
                 propose again"
            ),
            Self::LastVersion => write!(
                f,
                "the limits in force are of the last version, {}: start the engine with limits of a lower one",
                u32::MAX
            ),
            Self::Same => f.write_str("these are the limits in force: nothing to change"),
        }
    }
}

impl std::error::Error for ProposeError {}

/// A proposal that waits for its confirmation.
#[derive(Clone, Debug)]
struct Waiting {
    number: u32,
    against: u32,
    wanted: LimitsFile,
    entries: Vec<Entry>,
}

/// What came of a proposal.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// What it would change.
    pub entries: Vec<Entry>,
    /// The limits to put in force at once, where something gets tighter.
    pub tightened: Option<LimitsFile>,
    /// By which number the rest is confirmed, if there is any.
    pub number: Option<u32>,
}

/// The limits in force, and what was proposed.
#[derive(Clone, Debug)]
pub struct Control {
    in_force: LimitsFile,
    own: AccountId,
    waiting: Vec<Waiting>,
    last: u32,
}

impl Control {
    /// `in_force` holds; `own` may trade if a file names no account.
    pub fn new(in_force: LimitsFile, own: AccountId) -> Self {
        Self { in_force, own, waiting: Vec::new(), last: 0 }
    }

    /// The limits in force.
    pub fn in_force(&self) -> &LimitsFile {
        &self.in_force
    }

    /// Proposals that can be confirmed: number, and what they change.
    pub fn waiting(&self) -> impl Iterator<Item = (u32, &[Entry])> {
        let version = self.in_force.version();
        let waiting = self.waiting.iter().filter(move |it| it.against == version);
        waiting.map(|waiting| (waiting.number, &waiting.entries[..]))
    }

    /// Proposes `wanted`: what is tighter is in force when this returns.
    ///
    /// # Errors
    /// If it changes nothing, or there are no versions left for it.
    pub fn propose(&mut self, wanted: &LimitsFile) -> Result<Proposed, ProposeError> {
        let Change { entries, tightened, wanted } =
            Change::between(&self.in_force, wanted, self.own);
        if entries.is_empty() {
            return Err(ProposeError::Same);
        }
        let next = self.in_force.version().checked_add(1).ok_or(ProposeError::LastVersion)?;
        let before = Change::between(&self.in_force, &tightened, self.own);
        let tightened = (!before.entries.is_empty()).then(|| {
            self.in_force = tightened.with_version(next);
            self.in_force.clone()
        });
        let rest = Change::between(&self.in_force, &wanted, self.own);
        let number = (!rest.entries.is_empty()).then(|| {
            self.last += 1;
            if self.waiting.len() == WAITING_MAX {
                self.waiting.remove(0);
            }
            let (number, against) = (self.last, self.in_force.version());
            self.waiting.push(Waiting { number, against, wanted, entries: rest.entries });
            number
        });
        Ok(Proposed { entries, tightened, number })
    }

    /// Confirms a proposal: its limits are in force when this returns. Tells them, and what changed.
    ///
    /// # Errors
    /// If there is no such proposal, or it was made against other limits than those in force.
    pub fn confirm(&mut self, number: u32) -> Result<(LimitsFile, Vec<Entry>), ProposeError> {
        let at = self.waiting.iter().position(|waiting| waiting.number == number);
        let at = at.ok_or(ProposeError::NoSuchProposal(number))?;
        let in_force = self.in_force.version();
        let next = in_force.checked_add(1).ok_or(ProposeError::LastVersion)?;
        let Waiting { against, wanted, entries, .. } = self.waiting.remove(at);
        if against != in_force {
            return Err(ProposeError::Outdated { number, against, in_force });
        }
        self.in_force = wanted.with_version(next);
        Ok((self.in_force.clone(), entries))
    }
}
