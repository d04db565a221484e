//! The far end, independent of the engine: it shares only `base` and `wire` with it.

pub mod flow;
