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
        match self.nap() {
            None => std::hint::spin_loop(),
            Some(nap) => std::thread::sleep(nap),
        }
    }

    /// How long it sleeps now: not at all, at first.
    fn nap(&self) -> Option<Duration> {
        let over = self.turns.checked_sub(SPINS).filter(|_| self.idle == Idle::BackOff)?;
        Some(Duration::from_micros(1 << over.min(8)).min(SLEEP_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_backs_off_sleeps_and_work_wakes_it() {
        for idle in [Idle::Spin, Idle::Pause, Idle::Yield] {
            let mut idler = Idler::new(idle);
            (0..10_000).for_each(|_| idler.idle(0));
            assert_eq!(idler.nap(), None, "{idle:?}");
        }
        let mut idler = Idler::new(Idle::BackOff);
        (0..SPINS - 1).for_each(|_| idler.idle(0));
        assert_eq!(idler.nap(), None, "it spins first");
        let naps: Vec<u64> = (0..10)
            .map(|_| {
                idler.turns += 1;
                idler.nap().map_or(0, |nap| nap.as_micros() as u64)
            })
            .collect();
        assert_eq!(naps, [1, 2, 4, 8, 16, 32, 64, 128, 200, 200]);
        idler.idle(1);
        assert_eq!((idler.turns, idler.nap()), (0, None));
    }
}
