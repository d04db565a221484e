//! Hiccups of a core: for how long a thread that does nothing but read the clock was kept from reading it.
//!
//! Whatever takes the core away (an interrupt, another thread, the hypervisor, firmware) is a gap between two readings. What
//! the meter itself does when it has found one is left out: it reads the clock anew before it goes on.
#![forbid(unsafe_code)]

use super::Latency;
use crate::base::clock::Clock;
use crate::base::unit::Nanos;

/// So many of the longest gaps are kept.
pub const WORST: usize = 10;

/// A time in which the core was not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// Since the start, ns.
    pub at: Nanos,
    /// How long it was, ns.
    pub length: Nanos,
}

/// What a core's meter has seen.
pub struct Hiccups {
    clock: Clock,
    /// Gaps as long as this count, in ticks.
    threshold: u64,
    began: u64,
    last: u64,
    /// Ticks in gaps.
    stolen: u64,
    gaps: Latency,
    /// Longest first; `count` of them.
    worst: [Gap; WORST],
    count: usize,
}

impl Hiccups {
    /// A meter whose clock stands at `now` ticks; shorter gaps than `threshold` do not count.
    pub fn new(clock: Clock, threshold: Nanos, now: u64) -> Self {
        Self {
            clock,
            threshold: clock.ticks_in(threshold).max(1),
            began: now,
            last: now,
            stolen: 0,
            gaps: Latency::default(),
            worst: [Gap::default(); WORST],
            count: 0,
        }
    }

    /// Takes the clock's next reading, and says whether a gap lay before it.
    #[inline]
    pub fn read(&mut self, now: u64) -> bool {
        let ticks = now.saturating_sub(self.last);
        let is_gap = ticks >= self.threshold;
        if is_gap {
            self.note(ticks);
        }
        self.last = self.last.max(now);
        is_gap
    }

    /// Goes on from `now`: what lay between is nobody's.
    pub fn go_on(&mut self, now: u64) {
        self.last = self.last.max(now);
    }

    #[cold]
    fn note(&mut self, ticks: u64) {
        self.stolen += ticks;
        let length = Nanos(self.clock.nanos(ticks));
        self.gaps.record(length.0);
        let gap = Gap { at: Nanos(self.clock.nanos(self.last - self.began)), length };
        let place = self.worst().iter().position(|other| other.length < length);
        let place = place.unwrap_or(self.count);
        if place < WORST {
            self.count = (self.count + 1).min(WORST);
            self.worst[place..self.count].rotate_right(1);
            self.worst[place] = gap;
        }
    }

    /// Reads the clock again and again for so long, once at least.
    pub fn watch(&mut self, span: Nanos) {
        let end = self.last.saturating_add(self.clock.ticks_in(span));
        loop {
            if self.read(self.clock.ticks()) {
                self.go_on(self.clock.ticks());
            }
            if self.last >= end {
                break;
            }
        }
    }

    /// From its start to its last reading.
    pub fn elapsed(&self) -> Nanos {
        Nanos(self.clock.nanos(self.last - self.began))
    }

    /// Time in gaps.
    pub fn stolen(&self) -> Nanos {
        Nanos(self.clock.nanos(self.stolen))
    }

    /// Time in gaps for each second of measuring.
    pub fn stolen_each_second(&self) -> Nanos {
        let elapsed = u128::from(self.last - self.began).max(1);
        Nanos((u128::from(self.stolen) * 1_000_000_000 / elapsed) as u64)
    }

    /// How long the gaps were.
    pub fn gaps(&self) -> &Latency {
        &self.gaps
    }

    /// The longest gaps, longest first; of equal ones the earlier first.
    pub fn worst(&self) -> &[Gap] {
        &self.worst[..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A meter whose ticks are nanoseconds.
    fn meter(threshold: u64, now: u64) -> Hiccups {
        Hiccups::new(Clock::calibrated_for_tests(), Nanos(threshold), now)
    }

    fn gap(at: u64, length: u64) -> Gap {
        Gap { at: Nanos(at), length: Nanos(length) }
    }

    #[test]
    fn a_gap_is_two_readings_too_far_apart() {
        let mut meter = meter(100, 5_000);
        let found = [5_010, 5_109, 5_209, 5_210, 6_210].map(|now| meter.read(now));
        assert_eq!(found, [false, false, true, false, true]);
        assert_eq!(meter.worst(), [gap(210, 1_000), gap(109, 100)]);
        assert_eq!((meter.stolen(), meter.elapsed()), (Nanos(1_100), Nanos(1_210)));
        assert_eq!(meter.gaps().histogram().len(), 2);
        assert_eq!(meter.stolen_each_second(), Nanos(1_100 * 1_000_000_000 / 1_210));
    }

    #[test]
    fn what_the_meter_does_itself_is_no_gap() {
        let mut meter = meter(100, 0);
        assert!(meter.read(500));
        meter.go_on(900);
        assert!(!meter.read(950));
        assert_eq!((meter.stolen(), meter.worst().len()), (Nanos(500), 1));
    }

    #[test]
    fn a_clock_that_steps_back_is_no_gap_and_no_time() {
        let mut meter = meter(100, 1_000);
        assert!(!meter.read(900));
        assert!(!meter.read(1_050));
        assert_eq!((meter.stolen(), meter.elapsed()), (Nanos(0), Nanos(50)));
    }

    #[test]
    fn it_measures_as_long_as_it_was_asked_to() {
        let clock = Clock::calibrated();
        let mut meter = Hiccups::new(clock, Nanos(1_000), clock.ticks());
        meter.watch(Nanos(5_000_000));
        assert!(meter.elapsed() >= Nanos(4_999_999), "{:?}", meter.elapsed());
        assert!(meter.stolen() <= meter.elapsed());
    }

    proptest! {
        #[test]
        fn the_worst_are_those_of_all_gaps_sorted(lengths in prop::collection::vec(1_u64..5_000, 0..60)) {
            let (mut meter, mut now, mut all) = (meter(1_000, 7), 7, Vec::new());
            for length in lengths {
                if length >= 1_000 {
                    all.push(gap(now - 7, length));
                }
                now += length;
                meter.read(now);
            }
            let stolen: u64 = all.iter().map(|gap| gap.length.0).sum();
            prop_assert_eq!(meter.stolen(), Nanos(stolen));
            prop_assert_eq!(meter.gaps().histogram().len(), all.len() as u64);
            // A sort that keeps the order of equals: the earlier first.
            all.sort_by_key(|gap| std::cmp::Reverse(gap.length));
            all.truncate(WORST);
            prop_assert_eq!(meter.worst(), &all[..]);
        }
    }
}
