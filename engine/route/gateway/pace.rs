//! How fast orders may leave: a bucket of tokens with some kept back for cancels.

use crate::base::unit::Nanos;

/// The pace that a venue allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Messages a second in the long run; 0: as many as come.
    pub per_second: u32,
    /// Messages at once.
    pub burst: u32,
    /// Of those, how many only cancels may use; below `burst`.
    pub for_cancels: u32,
}

impl Pace {
    /// No limit.
    pub const UNLIMITED: Self = Self { per_second: 0, burst: 1, for_cancels: 0 };
}

/// The tokens, counted as the time that it takes to earn them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Nanoseconds that earn a token; 0: no limit.
    token: u64,
    full: u64,
    kept: u64,
    level: u64,
    /// When `level` was right.
    at: Nanos,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(pace: Pace, now: Nanos) -> Self {
        let token = match pace.per_second {
            0 => 0,
            rate => (1_000_000_000 / u64::from(rate)).max(1),
        };
        let full = token * u64::from(pace.burst.max(1));
        let kept = token * u64::from(pace.for_cancels.min(pace.burst.max(1) - 1));
        Self { token, full, kept, level: full, at: now }
    }

    fn refill(&mut self, now: Nanos) {
        self.level = self.full.min(self.level.saturating_add(now.since(self.at).0));
        self.at = self.at.max(now);
    }

    /// Whether an order may leave.
    pub(super) fn has_for_order(&mut self, now: Nanos) -> bool {
        self.refill(now);
        self.level >= self.kept + self.token
    }

    /// Whether a cancel may leave.
    pub(super) fn has_for_cancel(&mut self, now: Nanos) -> bool {
        self.refill(now);
        self.level >= self.token
    }

    /// Something left.
    pub(super) fn take(&mut self) {
        self.level = self.level.saturating_sub(self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;
    const PACE: Pace = Pace { per_second: 100, burst: 5, for_cancels: 2 };

    fn orders(bucket: &mut Bucket, now: Nanos) -> usize {
        (0..100).take_while(|_| bucket.has_for_order(now).then(|| bucket.take()).is_some()).count()
    }

    fn cancels(bucket: &mut Bucket, now: Nanos) -> usize {
        (0..100).take_while(|_| bucket.has_for_cancel(now).then(|| bucket.take()).is_some()).count()
    }

    #[test]
    fn cancels_have_room_when_orders_have_none() {
        let mut bucket = Bucket::new(PACE, Nanos(0));
        assert_eq!((orders(&mut bucket, Nanos(0)), cancels(&mut bucket, Nanos(0))), (3, 2));
        assert_eq!(cancels(&mut bucket, Nanos(10 * MS - 1)), 0);
        assert_eq!(cancels(&mut bucket, Nanos(10 * MS)), 1);
        assert_eq!(orders(&mut bucket, Nanos(30 * MS)), 0, "the first tokens are the cancels'");
        assert_eq!(orders(&mut bucket, Nanos(40 * MS)), 1);
        assert_eq!(orders(&mut bucket, Nanos(10_000 * MS)), 3, "no more than the burst is saved");
    }

    #[test]
    fn without_a_limit_everything_may_leave() {
        let mut bucket = Bucket::new(Pace::UNLIMITED, Nanos(0));
        assert_eq!(orders(&mut bucket, Nanos(0)), 100);
    }

    proptest! {
        #[test]
        fn no_more_leave_than_burst_and_rate_allow(
            steps in prop::collection::vec((0..30 * MS, any::<bool>()), 1..200),
        ) {
            let mut bucket = Bucket::new(PACE, Nanos(0));
            let (mut now, mut left) = (Nanos(0), 0_u64);
            for (wait, cancel) in steps {
                now = now.plus(Nanos(wait));
                left += if cancel { cancels(&mut bucket, now) } else { orders(&mut bucket, now) } as u64;
                prop_assert!(left <= 5 + now.0 / (10 * MS));
            }
        }
    }
}
