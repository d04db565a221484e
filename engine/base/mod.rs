//! The vocabulary: units, messages, stages, rings, clocks. Imports nothing of ours.

pub mod clock;
pub mod instrument;
pub mod message;
pub mod pool;
pub mod prefetch;
pub mod plant;
pub mod ring;
pub mod stage;
pub mod step;
pub mod unit;
