//! The whole engine over real sockets: the program itself is run, its faults asked for on the command line, and what it
//! leaves in files is held against the exchange's own ledger by code that shares nothing with the engine.
//!
//! Machines differ in speed, and tests share them: nothing here asserts a time that a busy machine cannot keep. What is not
//! quick is behind `--ignored` (`scripts/soak faults`).

mod account;
mod crash;
mod csv;
mod demo;
mod ends;
mod faults;
mod lab;
mod process;
mod risk;
#[path = "../skip.rs"]
mod skip;
mod soak;
