//! Risk: intent -> order or refusal. Nothing reaches route but through [`Gate`].
//!
//! `check.rs` holds the checks, one function each; `gate.rs` their order, what is reserved and released, and the kill
//! switch.
#![forbid(unsafe_code)]

mod check;
mod gate;
mod limits;

pub use check::{
    Exposure, Refusal, Verdict, check_form, check_health, check_instrument, check_killed,
    check_open_orders, check_order_notional, check_order_qty, check_position, check_price_collar,
    check_steps,
};
pub use gate::{FirstRefusal, Gate, GateCounts};
pub use limits::*;
