//! Signals: what is computed from books for a decision. The one room of the hot path that may use floats: what leaves
//! it for an order is an integer again.
//!
//! [`cost`] estimates what an order will cost before it is sent; [`almgren_chriss`] says how to spread a large one over
//! time. The two are different models and share nothing.
#![forbid(unsafe_code)]

pub mod almgren_chriss;
pub mod cost;
