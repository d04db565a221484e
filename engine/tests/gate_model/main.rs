//! The pre-trade gate held against models that share no code with it.
//!
//! * `controls`: every control against exact arithmetic, on ordinary and extreme orders.
//! * `sequences`: random orders, replaces, cancels, reports (late, repeated, out of order), marks, commands, other limits and
//!   restarts, recounted by `ledger` from the bytes that left and the reports alone: nothing that breaches a limit in force
//!   leaves, nothing that breaches none is refused, and what is used of each limit is what the ledger adds up to.
//! * `scenarios`: strategies gone wrong in simulated time, each stopped at the count that its limit says.
//!
//! All is drawn from seeds that are always the same. A failure names its seed, and the case or the step.
//!
//! * `CORETICK_GATE_SCALE=N`: N times the evaluations and sequences (default 1: ten million evaluations, 2,000 sequences).
//! * `CORETICK_GATE_PART=N`: an N-th of that, for who runs it often.
//! * `CORETICK_GATE_SEED=S`: these draws instead of the usual ones; a failed sequence is run alone with its seed.
//!
//! `scripts/soak gate --scale N` runs it optimised.
#![forbid(unsafe_code)]

mod controls;
mod draw;
mod ledger;
mod limits;
mod scenarios;
mod sequences;
mod world;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// As many as usual, or as many times more, or a part of them, as was asked for.
pub(crate) fn scaled(usual: u64) -> u64 {
    let asked = |name| number(name).unwrap_or(1);
    usual * asked("CORETICK_GATE_SCALE") / asked("CORETICK_GATE_PART").max(1)
}

/// The seed that was asked for, or the usual one.
pub(crate) fn seeds(usual: u64) -> [u64; 1] {
    [number("CORETICK_GATE_SEED").unwrap_or(usual)]
}
