//! What entered and left, on disk: the order and fill files of a run, the audit of what the gate refused and of what was
//! changed, the latches that outlive the engine, and what of the records the log of events tells.
#![forbid(unsafe_code)]

mod audit;
mod csv;
mod latches;
mod retold;

pub use audit::{Audit, Keeper};
pub use csv::{CsvLog, Observer};
pub use latches::{
    Latch, LatchDamage, LatchKeeper, LatchLock, Latched, Latches, LatchesRead, scope_of_record,
};
pub use retold::Retold;
