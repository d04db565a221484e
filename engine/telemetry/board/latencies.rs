//! Latencies on the board: counts by length, so that a reader finds percentiles, and those of any span between two looks.
//!
//! Lengths below 64 ns are counted apart; above, each power of two has 32 steps, so a percentile is at most a
//! thirty-second too long and never too short. The finer histograms of a run are `telemetry::Latency`.
#![forbid(unsafe_code)]

use super::Figure;
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps in a power of two: 2^5.
const STEP_BITS: u32 = 5;
const STEPS: usize = 1 << STEP_BITS;
/// Lengths from 2^34 ns (17 s) on are counted as the longest below.
const LONGEST: u64 = (1 << 34) - 1;
const PLACES: usize = place(LONGEST) + 1;

/// Where a length is counted.
const fn place(nanos: u64) -> usize {
    if nanos < STEPS as u64 {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - STEP_BITS;
    shift as usize * STEPS + (nanos >> shift) as usize
}

/// The longest that is counted at a place.
const fn longest_at(place: usize) -> u64 {
    let shift = (place / STEPS).saturating_sub(1);
    (((place - shift * STEPS) as u64 + 1) << shift) - 1
}

/// What the sending shard says.
#[derive(Debug)]
#[repr(align(128))]
pub struct LatencyFigures {
    max: AtomicU64,
    counts: Box<[Figure]>,
}

impl Default for LatencyFigures {
    fn default() -> Self {
        Self { max: AtomicU64::new(0), counts: (0..PLACES).map(|_| Figure::default()).collect() }
    }
}

impl LatencyFigures {
    /// One more, in nanoseconds. For its one writer.
    #[inline]
    pub fn record(&self, nanos: u64) {
        if nanos > self.max.load(Ordering::Relaxed) {
            self.max.store(nanos, Ordering::Relaxed);
        }
        self.counts[place(nanos.min(LONGEST))].add(1);
    }

    pub(super) fn read(&self) -> Distribution {
        // Counts first: a length that is counted is not above the maximum read after.
        let counts = self.counts.iter().map(Figure::get).collect();
        Distribution { counts, max: self.max.load(Ordering::Relaxed) }
    }
}

/// Latencies counted by length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    counts: Box<[u64]>,
    max: u64,
}

impl Distribution {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The length that `per_mille` of a thousand do not exceed, in nanoseconds; 0 if there are none.
    pub fn quantile(&self, per_mille: u64) -> u64 {
        let count = u128::from(self.count());
        let rank = (count * u128::from(per_mille)).div_ceil(1_000).max(1);
        let mut seen = 0_u128;
        for (place, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return longest_at(place).min(self.max);
            }
        }
        0
    }

    /// The longest, in nanoseconds; 0 if there are none.
    pub fn max(&self) -> u64 {
        let last = self.counts.iter().rposition(|count| *count > 0);
        match last {
            // The last place also counts all that is longer.
            Some(place) if place + 1 == PLACES => self.max,
            Some(place) => longest_at(place).min(self.max),
            None => 0,
        }
    }

    /// Those that came after `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.counts.iter().copied().chain(std::iter::repeat(0));
        let counts = self.counts.iter().zip(before).map(|(now, then)| now.saturating_sub(then));
        Self { counts: counts.collect(), max: self.max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_of_a_span_are_of_what_came_in_it() {
        let figures = LatencyFigures::default();
        (0..1_000).for_each(|_| figures.record(40));
        let before = figures.read();
        assert_eq!((before.quantile(500), before.quantile(1_000), before.max()), (40, 40, 40));
        (0..98).for_each(|_| figures.record(2_000));
        (0..2).for_each(|_| figures.record(50_000));
        let span = figures.read().since(&before);
        assert_eq!(span.count(), 100);
        assert_eq!((span.quantile(500), span.quantile(980)), (2_015, 2_015));
        assert_eq!((span.quantile(990), span.max()), (50_000, 50_000));
        assert_eq!(figures.read().quantile(500), 40);
    }

    #[test]
    fn nothing_has_no_length_and_too_long_is_the_longest() {
        let figures = LatencyFigures::default();
        let none = figures.read();
        assert_eq!((none.count(), none.quantile(500), none.max()), (0, 0, 0));
        figures.record(u64::MAX);
        let one = figures.read();
        assert_eq!((one.count(), one.quantile(500), one.max()), (1, LONGEST, u64::MAX));
        assert_eq!(Distribution::default().quantile(990), 0);
    }

    proptest! {
        #[test]
        fn a_place_holds_what_is_at_most_a_thirty_second_shorter(nanos in 0..=LONGEST) {
            let longest = longest_at(place(nanos));
            prop_assert!(longest >= nanos && longest - nanos <= nanos / 32);
            prop_assert!(place(nanos) < PLACES && place(longest) == place(nanos));
        }
    }
}
