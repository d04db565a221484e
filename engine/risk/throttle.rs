//! The pace of orders: a token bucket in eight bytes.
//!
//! A token is an order. The bucket holds `burst` of them and gets one back each interval: a second over `per_second`,
//! rounded up to a whole nanosecond, so the pace is never above the limit (and at hundreds of millions a second somewhat
//! below it). All that is kept is when the bucket will be full again; that time never moves back but by
//! [`Throttle::change`]. Three things follow:
//! * From one order that passes to another, `n` orders later, at least `n - burst` intervals pass.
//! * Refused orders count as well. The debt that they make is at most one bucket: whoever sends without pause is held off
//!   until it has been silent for no longer than an empty bucket takes to fill.
//! * Where time steps back, the wait grows by as much, and nothing passes that would not have passed without the step.
#![forbid(unsafe_code)]

use super::limits::RateLimit;
use crate::base::unit::Nanos;

const SECOND: u64 = 1_000_000_000;

/// The pace of one scope. The default is a full bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// When the bucket is full again (the theoretical arrival time of GCRA).
    full_at: Nanos,
}

const _: () = assert!(size_of::<Throttle>() == 8);

/// What a limit comes to in nanoseconds, worked out once: it takes a division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// From one token to the next.
    interval: u64,
    /// How far from full the bucket may be for one more to pass: one token is left.
    last_token: u64,
    /// How far from full it gets at most: empty, and the whole bucket but one token in debt.
    debt_max: u64,
}

impl Bucket {
    /// Without a limit: nothing waits, and nothing is missing.
    pub const OFF: Self = Self { interval: 0, last_token: u64::MAX, debt_max: 0 };

    /// Of a limit. One of nothing, which no configuration has, counts as 1.
    pub fn of(limit: &RateLimit) -> Self {
        let interval = SECOND.div_ceil(u64::from(limit.per_second.max(1)));
        let burst = u64::from(limit.burst.max(1));
        // 2^32 x 10^9 is below 2^62, and twice as much still fits.
        Self { interval, last_token: (burst - 1) * interval, debt_max: (2 * burst - 1) * interval }
    }
}

impl Throttle {
    /// How long until one may pass; 0: now. Never longer than a bucket takes to fill, unless time stepped back.
    #[inline]
    pub fn wait(&self, bucket: &Bucket, now: Nanos) -> Nanos {
        Nanos(self.full_at.since(now).0.saturating_sub(bucket.last_token))
    }

    /// Counts one, whether it passed or was refused.
    #[inline]
    pub fn take(&mut self, bucket: &Bucket, now: Nanos) {
        let next = self.full_at.max(now).plus(Nanos(bucket.interval));
        // Not below what it was: else a step back and forth of time would forgive what was taken.
        self.full_at = next.min(now.plus(Nanos(bucket.debt_max))).max(self.full_at);
    }

    /// Carries the tokens that are missing over to another limit, at most as many as it would have let be taken.
    ///
    /// Without this a new limit holds at once as well, but what is missing counts as time: a bucket that takes a minute to
    /// fill would go on taking it under a faster pace, and a nearly empty one would seem nearly full under a slower one.
    pub fn change(&mut self, from: &Bucket, to: &Bucket, now: Nanos) {
        let missing = self.full_at.since(now).0.div_ceil(from.interval.max(1));
        let refill = missing.saturating_mul(to.interval);
        self.full_at = now.plus(Nanos(refill.min(to.debt_max)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(per_second: u32, burst: u32) -> Bucket {
        Bucket::of(&RateLimit { per_second, burst })
    }

    /// Asks and counts, as the gate does.
    fn passes(throttle: &mut Throttle, limit: &Bucket, now: u64) -> bool {
        let passed = throttle.wait(limit, Nanos(now)) == Nanos(0);
        throttle.take(limit, Nanos(now));
        passed
    }

    #[test]
    fn a_full_bucket_gives_its_burst_at_once_and_then_one_each_interval() {
        let (mut throttle, limit) = (Throttle::default(), limit(10, 3));
        let start = 5 * SECOND;
        for _ in 0..3 {
            assert!(passes(&mut throttle, &limit, start));
        }
        assert_eq!(throttle.wait(&limit, Nanos(start)), Nanos(100_000_000));
        assert_eq!(throttle.wait(&limit, Nanos(start + 99_999_999)), Nanos(1));
        assert!(passes(&mut throttle, &limit, start + 100_000_000));
        assert!(!passes(&mut throttle, &limit, start + 100_000_000));
    }

    #[test]
    fn refused_orders_make_debt_up_to_one_bucket() {
        let (mut throttle, limit) = (Throttle::default(), limit(10, 3));
        for _ in 0..3 {
            throttle.take(&limit, Nanos(0));
        }
        let waits: Vec<_> = (0..5)
            .map(|_| {
                throttle.take(&limit, Nanos(0));
                throttle.wait(&limit, Nanos(0)).0 / 100_000_000
            })
            .collect();
        assert_eq!(waits, [2, 3, 3, 3, 3], "intervals, at most the burst");
    }

    #[test]
    fn whoever_never_stops_is_never_let_through_and_silence_of_a_bucket_mends_it() {
        let (mut throttle, limit) = (Throttle::default(), limit(1_000, 2));
        let passed = (0..100_000).filter(|n| passes(&mut throttle, &limit, n * 1_000)).count();
        assert_eq!(passed, 2);
        assert!(passes(&mut throttle, &limit, 99_999_000 + 2_000_000));
    }

    #[test]
    fn the_fastest_pace_and_the_largest_burst_stay_within_their_numbers() {
        let mut throttle = Throttle::default();
        let fast = limit(1_000_000_000, 1);
        assert!(passes(&mut throttle, &fast, 7));
        assert!(!passes(&mut throttle, &fast, 7));
        assert!(passes(&mut throttle, &fast, 9));
        let wide = limit(1, u32::MAX);
        for now in [0, u64::MAX / 2, u64::MAX - 1, u64::MAX, 3] {
            throttle.take(&wide, Nanos(now));
            let _ = throttle.wait(&wide, Nanos(now));
        }
        assert!(
            throttle.wait(&limit(0, 0), Nanos(0)) > Nanos(0),
            "a limit of nothing divides by nothing"
        );
    }

    #[test]
    fn a_pace_that_does_not_divide_a_second_is_rounded_to_the_slower_side() {
        let (mut throttle, limit) = (Throttle::default(), limit(3, 1));
        throttle.take(&limit, Nanos(0));
        assert_eq!(throttle.wait(&limit, Nanos(333_333_333)), Nanos(1));
        assert_eq!(throttle.wait(&limit, Nanos(333_333_334)), Nanos(0));
    }

    #[test]
    fn a_step_back_of_time_frees_nothing() {
        let (mut throttle, limit) = (Throttle::default(), limit(1_000, 4));
        let now = 60 * SECOND;
        for _ in 0..4 {
            assert!(passes(&mut throttle, &limit, now));
        }
        assert!(!passes(&mut throttle, &limit, now - 10 * SECOND));
        assert!(!passes(&mut throttle, &limit, now));
        let wait = throttle.wait(&limit, Nanos(now));
        assert_eq!(wait, Nanos(2_000_000), "the order refused just now, and none of before");
    }

    #[test]
    fn a_change_keeps_the_tokens_that_are_missing() {
        let (slow, fast) = (limit(1, 60), limit(1_000, 60));
        let mut throttle = Throttle::default();
        for _ in 0..60 {
            throttle.take(&slow, Nanos(0));
        }
        let mut faster = throttle;
        faster.change(&slow, &fast, Nanos(0));
        assert_eq!(faster.wait(&fast, Nanos(0)), Nanos(1_000_000), "empty before, empty after");
        faster.change(&fast, &slow, Nanos(0));
        assert_eq!(faster, throttle);
        let small = limit(1, 2);
        throttle.change(&slow, &small, Nanos(0));
        assert_eq!(
            throttle.wait(&small, Nanos(0)),
            Nanos(2 * SECOND),
            "no more debt than it allows"
        );
    }

    proptest! {
        #[test]
        fn it_is_a_bucket_counted_from_the_first_event_on(
            per_second in prop_oneof![1_u32..50, 1_u32..=1_000_000_000],
            burst in 1_u32..9,
            steps in prop::collection::vec((0_u64..4, 0_u64..1_000), 1..120),
        ) {
            let limit = limit(per_second, burst);
            let interval = i128::from(SECOND.div_ceil(u64::from(per_second)));
            let full = i128::from(burst) * interval;
            let mut throttle = Throttle::default();
            let mut events: Vec<i128> = Vec::new();
            let mut now = 17_u64;
            for (intervals, part) in steps {
                now += (intervals * 1_000 + part) * interval as u64 / 1_500;
                // The level, in nanoseconds of refill, from all events again.
                let (mut level, mut last) = (full, 0);
                for &event in &events {
                    level = full.min(level + event - last);
                    level = (level - interval).max(interval - full);
                    last = event;
                }
                level = full.min(level + i128::from(now) - last);
                let wait = (interval - level).max(0);
                prop_assert_eq!(i128::from(throttle.wait(&limit, Nanos(now)).0), wait);
                throttle.take(&limit, Nanos(now));
                events.push(i128::from(now));
            }
        }

        #[test]
        fn no_stretch_of_orders_is_above_the_limit_wherever_time_steps(
            per_second in prop_oneof![1_u32..50, 1_u32..=1_000_000_000],
            burst in 1_u32..9,
            steps in prop::collection::vec((-3_i64..8, 0_i64..1_000), 1..120),
        ) {
            let limit = limit(per_second, burst);
            let interval = i64::from((SECOND.div_ceil(u64::from(per_second))) as u32);
            let (mut throttle, mut now) = (Throttle::default(), 100 * interval * 1_000);
            let mut passed: Vec<i128> = Vec::new();
            for (intervals, part) in steps {
                now += intervals * interval / 2 + part * interval / 3_000;
                if passes(&mut throttle, &limit, now as u64) {
                    passed.push(i128::from(now));
                }
            }
            for (n, first) in passed.iter().enumerate() {
                for (m, last) in passed.iter().enumerate().skip(n + 1) {
                    let beyond = (m - n + 1) as i128 - i128::from(burst);
                    let span = last - first;
                    prop_assert!(beyond * i128::from(interval) <= span, "{n}..={m} of {passed:?}");
                    let may = span * i128::from(per_second);
                    prop_assert!(span < 0 || beyond * i128::from(SECOND) <= may);
                }
            }
        }
    }
}
