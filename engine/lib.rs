//! coretick: a thread-per-core trading engine for colocated bare metal.
//!
//! Data flows one way, **ingest -> book -> risk -> route**; reports come back by one path. Stages (`base::stage`) are pure
//! reactions that cannot tell whether their neighbour is a call or a ring away; `topology` puts them on cores. The one
//! order of events (`base::message::Key`, kept by `base::step`) makes every placement give the same bytes.

pub mod base;

pub mod wire;

pub mod exchange;
pub mod ingest;

pub mod book;
pub mod signal;
pub mod strategy;

pub mod risk;

pub mod route;

pub mod paper;
pub mod portfolio;

pub mod journal;
pub mod telemetry;

pub mod topology;

pub mod sim;

pub mod cli;
