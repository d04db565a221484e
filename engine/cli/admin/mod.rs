//! The administrator's way to a running engine: a socket that only the owner of the process reaches, and the commands that
//! ask there (`coretick risk`, `kill`, `resume`, `limits`).
//!
//! One question a connection: a line of JSON, an answer of one line, then it closes. Served by plain threads beside the
//! shards: they put commands where shards look, and read what shards show. Nothing here can hold up a shard.
#![forbid(unsafe_code)]

mod client;
mod desk;
mod protocol;
mod scope;
mod server;
#[cfg(test)]
mod tests;

pub(super) use client::{Where, ask};
pub(super) use desk::{Desk, Refusals};
pub(super) use protocol::{Request, StateWord};
pub(super) use scope::{ScopeName, scopes_of};
pub(super) use server::Server;
