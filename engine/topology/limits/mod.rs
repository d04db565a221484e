//! The limits of the gate as data: `engine/limits.toml`, files laid over it, and how they change.
//!
//! `keys.rs` is every key with what it can be, `file.rs` what was written and where, `set.rs` the numbers that the gate
//! takes, `change.rs` how limits change while the engine runs: what is tighter at once, what is looser once it is confirmed.
#![forbid(unsafe_code)]

mod change;
mod file;
mod keys;
mod set;
#[cfg(test)]
mod tests;
mod value;

pub use change::{Change, Control, Entry, ProposeError, Proposed};
#[cfg(test)]
pub(super) use file::DEFAULT;
pub use file::LimitsFile;
pub use value::Value;
