//! What a person, or the end of a run, asks of a running engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Commands from any thread; the shards that they concern see them at their next turn. Clones share them. None is taken back.
#[derive(Clone, Debug, Default)]
pub struct Commands(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    kill: AtomicBool,
    flatten: AtomicBool,
    stop: AtomicBool,
    end: AtomicBool,
}

impl Commands {
    /// Nothing was asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuse what is new, cancel what is open: from now on, for good.
    pub fn kill(&self) {
        self.0.kill.store(true, Ordering::Release);
    }

    /// Let no strategy decide any more, cancel what is open, trade positions down to none.
    pub fn flatten(&self) {
        self.0.flatten.store(true, Ordering::Release);
    }

    /// Cancel what is open, wait for the answers, log out. New orders are refused.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
    }

    /// Read no more of the feed: the run is over once all that is under way has come back.
    pub fn end(&self) {
        self.0.end.store(true, Ordering::Release);
    }

    /// Whether `kill` was asked.
    pub fn killed(&self) -> bool {
        self.0.kill.load(Ordering::Acquire)
    }

    /// Whether `flatten` was asked.
    pub fn flattens(&self) -> bool {
        self.0.flatten.load(Ordering::Acquire)
    }

    /// Whether `stop` was asked.
    pub fn stops(&self) -> bool {
        self.0.stop.load(Ordering::Acquire)
    }

    /// Whether `end` was asked.
    pub fn ends(&self) -> bool {
        self.0.end.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_seen_by_all_who_share_it_and_implies_no_other() {
        let commands = Commands::new();
        let seen = commands.clone();
        commands.kill();
        assert!(seen.killed() && !seen.flattens() && !seen.stops() && !seen.ends());
    }
}
