//! What the engine tells of itself: latencies. Written to by all, read by none of the stages.
#![forbid(unsafe_code)]

mod hgrm;
mod latency;

pub use latency::{Latency, Stamped, Timed, TimedStage};
