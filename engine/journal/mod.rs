//! What entered and left, on disk. Today: the order and fill files of a run.
#![forbid(unsafe_code)]

mod csv;

pub use csv::{CsvLog, Observer};
