//! Risk: intent -> order or refusal. Nothing reaches route but through [`Gate`].
//!
//! `limits.rs` has the limits as types; `check/` the controls, one function each; `gate.rs` their order, what is reserved and
//! released, and who may trade. What the controls count over time stands by itself: `throttle.rs`, `window.rs`, `repeats.rs`,
//! `breaker.rs`. `scope.rs` is what a scope has used, `rules.rs` where each limit lies.
#![forbid(unsafe_code)]

mod breaker;
pub mod check;
mod gate;
mod heard;
mod inbox;
mod limits;
mod part;
mod repeats;
mod rules;
mod scope;
mod throttle;
mod window;

pub use breaker::{Breaker, BreakerState, FAILURES_MAX, Generation};
pub use check::{NOTIONAL_CEILING, QTY_CEILING, Refusal, Verdict};
pub use gate::{
    BACK_MAX, FORWARD_MAX, FirstRefusal, Gate, GateCounts, GateSettings, ScopeUse, TOUCHED,
};
pub use inbox::LimitsInbox;
pub use limits::*;
pub use repeats::{Hashed, PLACES, Place, RepeatKey, Repeats};
pub use scope::Use;
pub use throttle::{Bucket, Throttle};
pub use window::Window;
