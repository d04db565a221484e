//! The vocabulary: units, messages, stages, rings, clocks, pools. Imports nothing of ours.

pub mod instrument;
pub mod message;
pub mod pool;
pub mod prefetch;
pub mod unit;
