//! The engine as its users meet it: the built binary over real and made-up days, on real threads and in real files.
//!
//! One run at a time, so that the threads of a run have the machine's cores to themselves; each has a deadline, so that
//! one that stands still is a failure with a name.

mod captures;
mod data;
mod days;
mod input;
mod memory;
mod placements;
#[path = "../shared.rs"]
mod shared;
mod support;
