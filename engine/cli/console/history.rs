//! The last minute, second by second: rates of the last whole second, and how slow each was.
#![forbid(unsafe_code)]

use crate::base::unit::Nanos;
use crate::telemetry::{Rates, View};
use std::collections::VecDeque;

const SECOND: Nanos = Nanos(1_000_000_000);
/// Seconds that are kept.
pub(super) const MINUTE: usize = 60;

/// What was seen.
#[derive(Default)]
pub(super) struct History {
    start: Option<Nanos>,
    /// As it was when the last second ended.
    second: Option<View>,
    rates: Rates,
    slowest: VecDeque<u64>,
}

impl History {
    /// Sees the board. True if a second is over: then there are new rates.
    pub(super) fn see(&mut self, view: &View) -> bool {
        self.start.get_or_insert(view.at);
        let Some(earlier) = &self.second else {
            self.second = Some(view.clone());
            return false;
        };
        if view.at.since(earlier.at) < SECOND {
            return false;
        }
        self.rates = Rates::between(earlier, view);
        if self.slowest.len() == MINUTE {
            self.slowest.pop_front();
        }
        self.slowest.push_back(self.rates.latency.quantile(990));
        self.second = Some(view.clone());
        true
    }

    /// How long it is since the first look.
    pub(super) fn elapsed(&self, now: Nanos) -> Nanos {
        now.since(self.start.unwrap_or(now))
    }

    /// Of the last whole second.
    pub(super) fn rates(&self) -> &Rates {
        &self.rates
    }

    /// p99 of each second's latencies in nanoseconds, oldest first; the `count` last ones.
    pub(super) fn slowest(&self, count: usize) -> impl Iterator<Item = u64> {
        self.slowest.iter().copied().skip(self.slowest.len().saturating_sub(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Board;

    #[test]
    fn rates_stand_for_a_second_and_a_minute_is_kept() {
        let (board, mut history) = (Board::new(0, &[], &[]), History::default());
        let at = |millis: u64| Nanos(millis * 1_000_000);
        assert!(!history.see(&board.view(at(5_000))));
        board.feed().messages.set(500);
        board.latency().record(30);
        assert!(!history.see(&board.view(at(5_900))));
        assert_eq!(history.rates().messages, 0);
        assert!(history.see(&board.view(at(6_000))));
        assert_eq!((history.rates().messages, history.elapsed(at(6_000))), (500, at(1_000)));
        for second in 7..=70 {
            board.latency().record(second - 6);
            assert!(history.see(&board.view(at(second * 1_000))));
        }
        assert_eq!(history.rates().messages, 0);
        let slowest: Vec<u64> = history.slowest(100).collect();
        assert_eq!((slowest.len(), slowest[0]), (MINUTE, 5));
        // Lengths from 64 on are counted two by two.
        assert_eq!(history.slowest(2).collect::<Vec<_>>(), [63, 64]);
    }
}
