//! What a shard does when a turn brought nothing.
#![forbid(unsafe_code)]

use super::config::Idle;
use std::time::Duration;

/// Turns without work before a backing-off shard sleeps.
const SPINS: u32 = 256;
/// Its longest sleep.
const SLEEP_MAX: Duration = Duration::from_micros(200);

/// An idle strategy with its state.
pub(super) struct Idler {
    idle: Idle,
    turns: u32,
}

impl Idler {
    /// An idler that has just worked.
    pub(super) fn new(idle: Idle) -> Self {
        Self { idle, turns: 0 }
    }

    /// Called after each turn with what it did.
    #[inline]
    pub(super) fn idle(&mut self, work: usize) {
        if work > 0 {
            self.turns = 0;
            return;
        }
        self.turns = self.turns.saturating_add(1);
        match self.idle {
            Idle::Spin => {}
            Idle::Pause => std::hint::spin_loop(),
            Idle::Yield => std::thread::yield_now(),
            Idle::BackOff => self.back_off(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is where shards idle")]
    fn back_off(&self) {
        if self.turns < SPINS {
            std::hint::spin_loop();
            return;
        }
        let over = self.turns - SPINS;
        std::thread::sleep(Duration::from_micros(1 << over.min(8)).min(SLEEP_MAX));
    }
}
