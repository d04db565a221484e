//! Orders that wait for their turn, where the pace is to delay rather than to refuse.
//!
//! First in, first out, up to a number and an age: what finds no room comes back at once, what has waited too long comes
//! out as [`Waited::Expired`], to be refused. The line is as long as it was built from the first push on.
#![forbid(unsafe_code)]

use super::unit::Nanos;
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

    /// Items that wait.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
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

    /// The first in line, if it has expired, or one `may_pass` now.
    pub fn pop_ready(&mut self, may_pass: bool, now: Nanos) -> Option<Waited<T>> {
        let (since, _) = self.line.front()?;
        if now.since(*since) > self.age_max {
            return self.pop().map(Waited::Expired);
        }
        if may_pass { self.pop().map(Waited::Ready) } else { None }
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

    #[test]
    fn items_come_out_in_order_as_they_may_pass() {
        let mut queue = Queue::new(3, Nanos(10_000));
        for item in ['a', 'b', 'c'] {
            queue.push(item, Nanos(0)).unwrap();
        }
        assert_eq!(queue.push('d', Nanos(0)), Err('d'));
        for (may_pass, out) in [(true, Some('a')), (false, None), (true, Some('b'))] {
            assert_eq!(queue.pop_ready(may_pass, Nanos(9)), out.map(Waited::Ready));
        }
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn an_item_expires_once_it_is_older_than_it_may_be_and_no_sooner() {
        let mut queue = Queue::new(2, Nanos(50));
        queue.push(1, Nanos(100)).unwrap();
        queue.push(2, Nanos(120)).unwrap();
        assert_eq!(queue.pop_ready(false, Nanos(150)), None);
        assert_eq!(queue.pop_ready(true, Nanos(151)), Some(Waited::Expired(1)));
        assert_eq!(queue.pop_ready(true, Nanos(90)), Some(Waited::Ready(2)), "time stepped back");
        assert!(queue.is_empty());
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
                        let first = came.iter().position(|item| item.1);
                        let old = first.is_some_and(|n| now.saturating_sub(came[n].0) > age_max);
                        let out = first.filter(|_| old || free);
                        let popped = queue.pop_ready(free, Nanos(now));
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
