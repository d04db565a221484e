//! The book stage in its place in the chain: with the paper venue beside it, or with none because the venue is real.
#![forbid(unsafe_code)]

use super::{BookHost, LiveSeat, PaperSeat, Setup};
use crate::base::log::Log;
use crate::base::message::{Intent, Market};
use crate::base::stage::Stage;
use crate::paper::PaperCounts;

/// A book stage of the chain.
pub trait Seat: Stage<In = Market, Out = Intent> {
    /// Whether orders leave the engine.
    const LIVE: bool;

    /// That of book shard `shard`, which tells `log` what happens.
    fn new(setup: &Setup, shard: u16, log: Log) -> Self;

    /// Books and strategy, and what the paper venue has seen, when the run has ended.
    fn into_parts(self) -> (BookHost, PaperCounts);
}

impl Seat for PaperSeat {
    const LIVE: bool = false;

    fn new(setup: &Setup, shard: u16, log: Log) -> Self {
        setup.paper(shard, log)
    }

    fn into_parts(self) -> (BookHost, PaperCounts) {
        self.into_parts()
    }
}

impl Seat for LiveSeat {
    const LIVE: bool = true;

    fn new(setup: &Setup, shard: u16, log: Log) -> Self {
        Self::new(setup.host(shard, log))
    }

    fn into_parts(self) -> (BookHost, PaperCounts) {
        (self.into_host(), PaperCounts::default())
    }
}
