//! The vocabulary: units, messages, stages, rings, clocks, pools. Imports nothing of ours.

pub mod approved;
pub mod clock;
pub mod code;
pub mod command;
pub mod dial;
pub mod instrument;
pub mod log;
pub mod message;
pub mod name;
pub mod plant;
pub mod pool;
pub mod prefetch;
pub mod queue;
pub mod ring;
pub mod stage;
pub mod step;
#[cfg(test)]
pub(crate) mod testing;
pub mod unit;
pub mod uring;
