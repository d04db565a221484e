//! coretick: a thread-per-core trading engine for colocated bare metal.

pub mod base;
pub mod book;
pub mod cli;
pub mod topology;
pub mod ingest;
pub mod wire;
