//! Signals: what is computed from books for a decision. The one room of the hot path that may use floats: what leaves
//! it for an order is an integer again.
//!
//! [`cost`] estimates what an order will cost before it is sent.
#![forbid(unsafe_code)]

pub mod cost;
