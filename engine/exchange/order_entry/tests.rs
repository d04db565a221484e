//! Order entry with a matching core behind it: what clients send, and what they are told.

mod cuts;
pub(in crate::exchange) mod harness;
mod rejects;
mod requests;
mod sessions;
