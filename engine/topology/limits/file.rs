//! A limits file: paths such as `account.1.gross_max` and their values, each with the place where it was written.
//!
//! Files are laid over one another key by key. What is in here is of the right type and within its range; whether it
//! fits the instruments and the accounts there are is told when it becomes a [`LimitSet`](crate::risk::LimitSet).

use super::keys::{self, Key, TABLES, is_of_many};
use super::value::Value;
use crate::base::instrument::Symbol;
use crate::base::name::{self, STRATEGIES};
use crate::topology::error::{ConfigError, Fault, Place};
use crate::topology::source::{self, Layer, Places};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use toml::Table;

/// The built-in file: every key with its default.
pub(in crate::topology) const DEFAULT: &str = include_str!("../../limits.toml");
const DEFAULT_NAME: &str = "engine/limits.toml";

/// Limits as they were written.
#[derive(Clone, Debug, Default)]
pub struct LimitsFile {
    version: u32,
    values: BTreeMap<String, Value>,
    places: BTreeMap<String, (Place, String)>,
}

impl PartialEq for LimitsFile {
    /// The same limits, wherever they were written.
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values && self.version == other.version
    }
}

impl LimitsFile {
    /// The defaults.
    ///
    /// # Panics
    /// Never: the file is part of the program, and a test reads it.
    pub fn defaults() -> Self {
        let mut file = Self::default();
        file.lay_text(DEFAULT_NAME, DEFAULT).expect("limits.toml is complete; a test reads it");
        file
    }

    /// The defaults overridden by the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, and at the first key that is unknown, of the wrong type or out of range.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut file = Self::defaults();
        file.lay_file(path)?;
        Ok(file)
    }

    /// The defaults overridden by `text`; errors call it `name`.
    ///
    /// # Errors
    /// At the first key that is unknown, of the wrong type or out of range.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let mut file = Self::defaults();
        file.lay_text(name, text)?;
        Ok(file)
    }

    /// Lays the file at `path` over this.
    pub(in crate::topology) fn lay_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => self.lay_text(&name, &text),
            Err(error) => Err(ConfigError::Unreadable { file: name, error }),
        }
    }

    fn lay_text(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let (table, places) = source::read(&Layer { name, text, only: &[] })?;
        self.lay(&table, &places, "")
    }

    /// Lays `table` over this; its keys were written at `places`, with `prefix` before them.
    pub(in crate::topology) fn lay(
        &mut self,
        table: &Table,
        places: &Places,
        prefix: &str,
    ) -> Result<(), ConfigError> {
        let refuse = |key: &str, fault| {
            let key = format!("{prefix}{key}");
            ConfigError::Refused { place: places.of(&key), key, fault }
        };
        for (name, written) in table {
            if name == "version" {
                let version = written.as_integer().and_then(|it| u32::try_from(it).ok());
                let like = Some("version = 1".into());
                let message = "this is to be a whole number, which rises with each change".into();
                let wrong = || refuse(name, Fault::Type { message, like });
                self.version = version.ok_or_else(wrong)?;
                continue;
            }
            if !TABLES.iter().any(|(known, _)| known == name) {
                let known = TABLES.iter().map(|(known, _)| String::from(*known));
                let known = known.chain([String::from("version")]).collect();
                return Err(refuse(name, Fault::Unknown { word: name.clone(), known }));
            }
            let inner = written.as_table().ok_or_else(|| refuse(name, no_table(name, "key")))?;
            if !is_of_many(name) {
                self.lay_keys(name, name, inner, places, prefix, &refuse)?;
                continue;
            }
            for (id, written) in inner {
                let path = format!("{name}.{id}");
                let id = canonical(name, id).map_err(|fault| refuse(&path, fault))?;
                let inner =
                    written.as_table().ok_or_else(|| refuse(&path, no_table(&path, "key")))?;
                self.put(format!("{name}.{id}"), Value::There, places, prefix, &path);
                self.lay_keys(name, &path, inner, places, prefix, &refuse)?;
            }
        }
        Ok(())
    }

    fn lay_keys(
        &mut self,
        table: &str,
        at: &str,
        inner: &Table,
        places: &Places,
        prefix: &str,
        refuse: &impl Fn(&str, Fault) -> ConfigError,
    ) -> Result<(), ConfigError> {
        for (name, written) in inner {
            let path = format!("{at}.{name}");
            let Some(key) = keys::find(table, name) else {
                let known = keys::keys(table).map(|key| key.name.into()).collect();
                return Err(refuse(&path, Fault::Unknown { word: name.clone(), known }));
            };
            let value = key.read(written).map_err(|fault| refuse(&path, fault))?;
            let at = match at.split_once('.') {
                Some((table, id)) => {
                    format!("{table}.{}", canonical(table, id).unwrap_or_default())
                }
                None => at.into(),
            };
            self.put(format!("{at}.{name}"), value, places, prefix, &path);
        }
        Ok(())
    }

    fn put(&mut self, path: String, value: Value, places: &Places, prefix: &str, written: &str) {
        let key = format!("{prefix}{written}");
        self.places.insert(path.clone(), (places.of(&key), key));
        self.values.insert(path, value);
    }

    /// Which change of the limits this is.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A limit that is looked at once a tick, if there is one: a loss that stops somebody, a breaker.
    pub fn needs_ticks(&self) -> Option<&str> {
        const KEYS: [&str; 3] = ["loss_reduce", "loss_kill", "breaker_failures"];
        let is_one = |path: &str| path.rsplit_once('.').is_some_and(|(_, key)| KEYS.contains(&key));
        self.values().find(|(path, value)| **value != Value::Off && is_one(path)).map(|it| it.0)
    }

    /// These limits as another change.
    pub fn with_version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// Every path and its value, as written: what a symbol leaves out is that of all instruments.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(path, value)| (path.as_str(), value))
    }

    /// The names under `table` (of accounts, strategies or symbols) that there are.
    pub(super) fn names(&self, table: &str) -> BTreeSet<String> {
        let names = self.values.iter().filter(|(_, value)| **value == Value::There);
        let names = names.filter_map(|(path, _)| path.split_once('.'));
        names.filter(|(of, _)| *of == table).map(|(_, name)| name.into()).collect()
    }

    /// The limits by scope, the widest first: each with its keys and what holds, also where it was left out.
    pub fn by_scope(&self) -> Vec<(String, Vec<(&'static str, Value)>)> {
        let mut scopes = Vec::new();
        for (table, _) in TABLES {
            let all = |at: String| {
                let values = keys::keys(table).map(|key| (key.name, self.value(&at, key)));
                (at.clone(), values.collect())
            };
            if is_of_many(table) {
                scopes.extend(self.names(table).into_iter().map(|it| all(format!("{table}.{it}"))));
            } else {
                scopes.push(all(table.into()));
            }
        }
        scopes
    }

    /// The value of a key: as written at `at` (`firm`, `account.1`), else what holds where it is left out.
    pub(super) fn value(&self, at: &str, key: &Key) -> Value {
        let written = |at: &str| self.values.get(&format!("{at}.{}", key.name)).cloned();
        let table = at.split_once('.').map_or(at, |(table, _)| table);
        let below = if table == "symbol" { written("instrument") } else { None };
        written(at).or(below).unwrap_or_else(|| key.absent())
    }

    /// Every path with its value, also those that are left out, as if the symbols of `more` had tables too.
    pub(super) fn flat(&self, more: &BTreeSet<String>) -> BTreeMap<String, Value> {
        let mut flat = BTreeMap::new();
        for (table, _) in TABLES {
            if !is_of_many(table) {
                self.flatten(table, table, &mut flat);
                continue;
            }
            let mut names = self.names(table);
            if table == "symbol" {
                names.extend(more.iter().cloned());
            }
            for name in names {
                let at = format!("{table}.{name}");
                self.flatten(table, &at, &mut flat);
                flat.insert(at, Value::There);
            }
        }
        flat
    }

    fn flatten(&self, table: &str, at: &str, flat: &mut BTreeMap<String, Value>) {
        for key in keys::keys(table) {
            flat.insert(format!("{at}.{}", key.name), self.value(at, key));
        }
    }

    /// The limits that these paths and values say.
    pub(super) fn of(version: u32, mut values: BTreeMap<String, Value>) -> Self {
        // An account that is not named cannot be written.
        let is_none = |path: &str| path.starts_with("strategy.") && path.ends_with(".account");
        values.retain(|path, value| *value != Value::Off || !is_none(path));
        Self { version, values, places: BTreeMap::new() }
    }

    /// This refusal at the place where `path` was written.
    pub(super) fn refuse(&self, path: &str, fault: Fault) -> ConfigError {
        let table = path.split_once('.').map_or(path, |(table, _)| table);
        let known = self.places.get(path).or_else(|| self.places.get(table)).cloned();
        let unknown = || {
            let place = Place { file: DEFAULT_NAME.into(), line: 1, column: 1 };
            (place, path.into())
        };
        let (place, key) = known.unwrap_or_else(unknown);
        ConfigError::Refused { place, key, fault }
    }

    /// As tables of TOML.
    pub fn to_table(&self) -> Table {
        let mut table = Table::new();
        table.insert("version".into(), i64::from(self.version).into());
        for (path, value) in &self.values {
            let (at, name) = match value {
                Value::There => (path.as_str(), None),
                _ => path.rsplit_once('.').map_or((path.as_str(), None), |(at, it)| (at, Some(it))),
            };
            let (first, second) = at.split_once('.').map_or((at, None), |(a, b)| (a, Some(b)));
            let inner = below(&mut table, first);
            let inner = match second {
                Some(second) => inner.and_then(|table| below(table, second)),
                None => inner,
            };
            if let (Some(inner), Some(name), Some(value)) = (inner, name, value.to_toml()) {
                inner.insert(name.into(), value);
            }
        }
        table
    }

    /// As the text of a file that reads to the same limits.
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.to_table()).unwrap_or_default()
    }
}

fn below<'a>(table: &'a mut Table, name: &str) -> Option<&'a mut Table> {
    table.entry(name).or_insert_with(|| toml::Value::Table(Table::new())).as_table_mut()
}

fn no_table(path: &str, key: &str) -> Fault {
    let message = format!("this is to be a table, as in [{path}] with a {key} below it");
    Fault::Type { message, like: None }
}

/// The name of an account, strategy or symbol in the one way in which it is written.
fn canonical(table: &str, id: &str) -> Result<String, Fault> {
    match table {
        "account" => {
            let message = format!("`{id}` is no account: accounts are numbers, as in [account.1]");
            let wrong = Fault::Type { message, like: None };
            id.parse::<u32>().map(|id| id.to_string()).map_err(|_| wrong)
        }
        "strategy" if name::strategy(id).is_some() => Ok(id.into()),
        "strategy" => {
            let known = STRATEGIES.iter().map(|(known, _)| (*known).into()).collect();
            Err(Fault::Unknown { word: id.into(), known })
        }
        _ => {
            let symbol = id.parse::<Symbol>().map_err(|_| Fault::NotASymbol(id.into()))?;
            Ok(symbol.to_string())
        }
    }
}
