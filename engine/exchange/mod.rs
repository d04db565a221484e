//! The far end, independent of the engine: it shares only `base` and `wire` with it.
#![forbid(unsafe_code)]

pub mod background;
pub mod capture;
pub mod faults;
pub mod flow;
pub mod ledger;
pub mod market_data;
pub mod matching;
pub mod operator;
pub mod order_entry;
pub mod server;
pub mod settings;
pub mod traders;
pub mod unit;
pub mod venue;
