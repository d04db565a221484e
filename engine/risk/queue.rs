//! Orders that wait for their turn, where the pace is to delay rather than to refuse.
//!
//! First in, first out, up to a number and an age: what finds no room comes back at once, what has waited too long comes
//! out as [`Waited::Expired`], to be refused. The line is as long as it was built from the first push on.
#![forbid(unsafe_code)]

use super::limits::RateLimit;
use super::throttle::Throttle;
use crate::base::unit::Nanos;
use std::collections::VecDeque;

/// Items in order of their coming, each with the time of it.
#[derive(Debug)]
pub struct Queue<T> {
    line: VecDeque<(Nanos, T)>,
    capacity: usize,
    age_max: Nanos,
}

/// What comes out of a [`Queue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited<T> {
    /// It is its turn.
    Ready(T),
    /// It has waited longer than it may.
    Expired(T),
}

impl<T> Queue<T> {
    /// Room for `capacity` items, none of which waits longer than `age_max`.
    pub fn new(capacity: usize, age_max: Nanos) -> Self {
        Self { line: VecDeque::with_capacity(capacity), capacity, age_max }
    }

    /// Holds all that wait, and all that come, to another age.
    pub fn set_age_max(&mut self, age_max: Nanos) {
        self.age_max = age_max;
    }

    /// Items that wait.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// When the first in line expires; `None` where none waits.
    pub fn expires(&self) -> Option<Nanos> {
        self.line.front().map(|(since, _)| since.plus(self.age_max))
    }

    /// Puts `item` at the end.
    ///
    /// # Errors
    /// The item, where there is no room.
    pub fn push(&mut self, item: T, now: Nanos) -> Result<(), T> {
        if self.line.len() >= self.capacity {
            return Err(item);
        }
        self.line.push_back((now, item));
        Ok(())
    }

    /// The first in line, if it has expired or the throttle lets one pass. What passes is for the caller to
    /// [take](Throttle::take).
    pub fn pop_ready(
        &mut self,
        throttle: &Throttle,
        limit: &RateLimit,
        now: Nanos,
    ) -> Option<Waited<T>> {
        self.pop_after(throttle.wait(limit, now), now)
    }

    /// The same where more than one throttle has a say: `wait` is the longest of theirs.
    pub fn pop_after(&mut self, wait: Nanos, now: Nanos) -> Option<Waited<T>> {
        let (since, _) = self.line.front()?;
        if now.since(*since) > self.age_max {
            return self.pop().map(Waited::Expired);
        }
        if wait > Nanos(0) {
            return None;
        }
        self.pop().map(Waited::Ready)
    }

    /// The first in line, whatever its time: to clear the line.
    pub fn pop(&mut self) -> Option<T> {
        self.line.pop_front().map(|(_, item)| item)
    }

    /// Takes the first item out for which `wanted` holds, wherever it stands: what waits can be cancelled.
    pub fn remove(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let place = self.line.iter().position(|(_, item)| wanted(item))?;
        self.line.remove(place).map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: RateLimit = RateLimit { per_second: 1_000_000, burst: 1 };

    #[test]
    fn items_come_out_in_order_at_the_throttles_pace() {
        let (mut queue, mut throttle) = (Queue::new(3, Nanos(10_000)), Throttle::default());
        for item in ['a', 'b', 'c'] {
            queue.push(item, Nanos(0)).unwrap();
        }
        assert_eq!(queue.push('d', Nanos(0)), Err('d'));
        for (now, out) in [
            (0, Some('a')),
            (0, None),
            (999, None),
            (1_000, Some('b')),
            (2_000, Some('c')),
            (9_000, None),
        ] {
            let popped = queue.pop_ready(&throttle, &PACE, Nanos(now));
            assert_eq!(popped, out.map(Waited::Ready), "at {now}");
            if popped.is_some() {
                throttle.take(&PACE, Nanos(now));
            }
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn an_item_expires_once_it_is_older_than_it_may_be_and_no_sooner() {
        let mut queue = Queue::new(2, Nanos(50));
        queue.push(1, Nanos(100)).unwrap();
        queue.push(2, Nanos(120)).unwrap();
        assert_eq!(queue.expires(), Some(Nanos(150)));
        assert_eq!(queue.pop_after(Nanos(1), Nanos(150)), None);
        assert_eq!(queue.pop_after(Nanos(0), Nanos(151)), Some(Waited::Expired(1)));
        assert_eq!(
            queue.pop_after(Nanos(0), Nanos(90)),
            Some(Waited::Ready(2)),
            "time stepped back"
        );
        assert_eq!((queue.len(), queue.expires()), (0, None));
    }

    #[test]
    fn what_waits_can_be_cancelled_and_cleared() {
        let mut queue = Queue::new(4, Nanos(50));
        for item in 0..4 {
            queue.push(item, Nanos(0)).unwrap();
        }
        assert_eq!(queue.remove(|item| *item == 2), Some(2));
        assert_eq!(queue.remove(|item| *item == 2), None);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(left, [0, 1, 3]);
    }

    #[test]
    fn a_line_without_room_takes_nothing() {
        assert_eq!(Queue::new(0, Nanos(1)).push((), Nanos(0)), Err(()));
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_what_came(
            capacity in 0_usize..6,
            age_max in 0_u64..40,
            steps in prop::collection::vec((0_u8..4, -5_i64..20, any::<bool>()), 0..150),
        ) {
            let mut queue = Queue::new(capacity, Nanos(age_max));
            let room = queue.line.capacity();
            // All that came: its time, and whether it is still there.
            let mut came: Vec<(u64, bool)> = Vec::new();
            let mut now = 1_000_u64;
            for (operation, step, free) in steps {
                now = now.saturating_add_signed(step);
                let waiting = |came: &[(u64, bool)]| came.iter().filter(|item| item.1).count();
                match operation {
                    0 | 1 => {
                        let room = waiting(&came) < capacity;
                        let pushed = queue.push(came.len(), Nanos(now));
                        prop_assert_eq!(pushed.is_ok(), room);
                        came.push((now, room));
                    }
                    _ => {
                        let wait = Nanos(u64::from(!free));
                        let first = came.iter().position(|item| item.1);
                        let old = first.is_some_and(|n| now.saturating_sub(came[n].0) > age_max);
                        let out = first.filter(|_| old || free);
                        let popped = queue.pop_after(wait, Nanos(now));
                        let kind = if old { Waited::Expired } else { Waited::Ready };
                        prop_assert_eq!(popped, out.map(kind));
                        if let Some(n) = out {
                            came[n].1 = false;
                        }
                    }
                }
                prop_assert_eq!(queue.len(), waiting(&came));
                prop_assert_eq!(queue.line.capacity(), room, "it never grows");
            }
        }
    }
}
