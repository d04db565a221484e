//! A file that `--save` wrote, field by field: what is wrong with it is told with the file, the field and what to do.

use serde_json::Value;
use std::fmt;
use std::io;

/// Why a saved file cannot be compared with.
#[derive(Debug)]
pub struct SavedError {
    pub(super) file: String,
    pub(super) fault: Fault,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is no JSON from here on.
    NotJson { line: usize, column: usize },
    /// The field is not there.
    Missing { field: String },
    /// The field is something else than this.
    NotA { field: String, what: &'static str },
    /// The field is none of a file of this format.
    OfField { field: String, fault: Box<Fault> },
    /// It must be this.
    Format(&'static str),
    /// It must be between these.
    Range { least: u64, most: u64 },
    /// It must hold something.
    Empty,
    /// It is the same as another.
    Twice,
    /// It is of another machine.
    OtherMachine { field: &'static str, was: String, is: String },
    /// A CPU that it looked at is not to be had.
    NoCpu { at: usize, cpu: u64 },
}

const AGAIN: &str = "save it again, before the host is tuned: `coretick doctor --save FILE`";

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => {
                write!(f, "{error}: name a file that `coretick doctor --save FILE` wrote")
            }
            Self::NotJson { line, column } => {
                write!(f, "line {line}, column {column}: it is no JSON, or was cut off: {AGAIN}")
            }
            Self::Missing { field } => write!(f, "`{field}` is missing: {AGAIN}"),
            Self::NotA { field, what } => write!(f, "`{field}` is not {what}: {AGAIN}"),
            Self::OfField { field, fault } => write!(f, "`{field}` {fault}"),
            Self::Format(format) => write!(f, "is not \"{format}\": {AGAIN}"),
            Self::Range { least, most } => write!(f, "is not between {least} and {most}: {AGAIN}"),
            Self::Empty => write!(f, "is empty: {AGAIN}"),
            Self::Twice => write!(f, "is that of another core too: {AGAIN}"),
            Self::OtherMachine { field, was, is } => write!(
                f,
                "`{field}` is \"{was}\", and here it is \"{is}\": figures of two machines do not compare: {AGAIN} on this one"
            ),
            Self::NoCpu { at, cpu } => write!(
                f,
                "`cores[{at}].cpu` is {cpu}, which this process may not use now: run it where isolated CPUs may be used: \
                 `tuning/start --topology FILE coretick doctor ...`"
            ),
        }
    }
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.fault)
    }
}

impl std::error::Error for SavedError {}

/// A field of a file, and the way to it.
pub(super) struct Field<'a> {
    file: &'a str,
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// The whole of a file.
    pub(super) fn top(file: &'a str, value: &'a Value) -> Self {
        Self { file, path: String::new(), value }
    }

    /// What is wrong with it.
    pub(super) fn refuse(&self, fault: Fault) -> SavedError {
        let field = self.path.clone();
        let fault = Fault::OfField { field, fault: Box::new(fault) };
        SavedError { file: self.file.into(), fault }
    }

    fn wrong(&self, fault: Fault) -> SavedError {
        SavedError { file: self.file.into(), fault }
    }

    /// The field of this name in it.
    pub(super) fn get(&self, name: &str) -> Result<Self, SavedError> {
        let path = if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) };
        match self.value.get(name) {
            Some(value) => Ok(Self { file: self.file, path, value }),
            None => Err(self.wrong(Fault::Missing { field: path })),
        }
    }

    /// All that it lists.
    pub(super) fn list(&self) -> Result<Vec<Self>, SavedError> {
        let all = self.value.as_array().ok_or_else(|| self.not("a list"))?;
        let field =
            |(at, value)| Self { file: self.file, path: format!("{}[{at}]", self.path), value };
        Ok(all.iter().enumerate().map(field).collect())
    }

    /// Whether there is nothing in it.
    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// As a whole number.
    pub(super) fn number(&self) -> Result<u64, SavedError> {
        self.value.as_u64().ok_or_else(|| self.not("a whole number"))
    }

    /// As text.
    pub(super) fn text(&self) -> Result<&'a str, SavedError> {
        self.value.as_str().ok_or_else(|| self.not("text"))
    }

    /// As yes or no.
    pub(super) fn truth(&self) -> Result<bool, SavedError> {
        self.value.as_bool().ok_or_else(|| self.not("true or false"))
    }

    fn not(&self, what: &'static str) -> SavedError {
        self.wrong(Fault::NotA { field: self.path.clone(), what })
    }
}
