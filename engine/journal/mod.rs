//! What entered and left, on disk: the order and fill files of a run, the audit of what the gate refused and of what was
//! changed, and the latches that outlive the engine.
#![forbid(unsafe_code)]

mod audit;
mod csv;
mod latches;

pub use audit::{Audit, Keeper};
pub use csv::{CsvLog, Observer};
pub use latches::{
    Latch, LatchDamage, LatchKeeper, Latched, Latches, LatchesRead, scope_of_record,
};
