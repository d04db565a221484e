//! Rings between shards: `rtrb` behind [`Sink`], with promises, batches and slots reserved for cancels.
//!
//! A promise ("nothing below this key will come") travels in the ring as a record of its own, after the messages it
//! follows. So it cannot tear, cannot overtake, and a reader that holds it knows that it has taken all before it.
//! At most half of a ring is ever promises: with more in it the reader has work and needs none.
//!
//! [`ring`] is called by the shard that reads: it touches every slot first, so that the pages lie on the reader's node.
#![forbid(unsafe_code)]

use super::message::{Key, Message};
use super::plant::{Plant, planted};
use super::stage::{Outlet, Sink};
use std::collections::BinaryHeap;

/// Messages that a reader takes out of a ring at once.
const WINDOW: usize = 32;

/// A ring of `depth` messages with `reserve` slots more for cancels; a producer makes `batch` messages visible at once.
pub fn ring<T: Message>(depth: usize, reserve: usize, batch: usize) -> (Producer<T>, Consumer<T>) {
    assert!(depth > 0 && batch > 0, "a ring has at least one slot");
    // One slot more, so that a promise never takes the place of a message.
    let capacity = depth + reserve + 1;
    let (mut writer, mut reader) = rtrb::RingBuffer::new(capacity);
    for _ in 0..capacity {
        assert!(writer.push(T::default()).is_ok(), "a new ring is empty");
    }
    while reader.pop().is_ok() {}
    let batch = batch.min(depth);
    let staged = Vec::with_capacity(batch);
    let window = vec![T::default(); WINDOW];
    (
        Producer {
            ring: writer,
            staged,
            batch,
            reserve,
            promise: Key::default(),
            published: Key::default(),
            silent: false,
        },
        Consumer { ring: reader, window, at: 0, end: 0, fresh: false, bound: Key::default() },
    )
}

/// The writing end.
pub struct Producer<T: Message> {
    ring: rtrb::Producer<T>,
    /// Gathered, not yet visible to the reader.
    staged: Vec<T>,
    batch: usize,
    reserve: usize,
    promise: Key,
    published: Key,
    silent: bool,
}

impl<T: Message> Producer<T> {
    /// A ring whose reader needs no promises: none are sent.
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Whether each message is visible to the reader as soon as it is put: one put before another ring's is seen before.
    pub fn shows_at_once(&self) -> bool {
        self.batch == 1
    }

    fn free(&mut self) -> usize {
        // Never the cached count: a stale one can be too little for ever. Steps keep what they are told as credit.
        let free = self.ring.slots();
        free.saturating_sub(self.staged.len() + 1)
    }

    /// Whether more than half of the ring is free when what is staged is in it.
    fn has_half(&self) -> bool {
        let wanted = self.ring.buffer().capacity() / 2 + self.staged.len();
        // The cached count can only be too little, and is no look at the reader's line.
        self.ring.cached_slots() > wanted || self.ring.slots() > wanted
    }

    fn said(&self) -> Key {
        if planted(Plant::CoarsePromise) { self.promise.coarse() } else { self.promise }
    }

    fn publish(&mut self) {
        if !self.staged.is_empty() {
            let sent = self.ring.push_entire_slice(&self.staged);
            assert!(sent.is_ok(), "a message was put without room");
            self.staged.clear();
        }
    }
}

impl<T: Message> Outlet for Producer<T> {
    fn room(&mut self) -> usize {
        let reserve = self.reserve;
        self.free().saturating_sub(reserve)
    }

    fn room_for_cancels(&mut self) -> usize {
        self.free()
    }

    fn flush(&mut self) -> bool {
        if self.promise > self.published && self.has_half() {
            // Shown with what it follows: the line that both cores share goes to the reader once, not twice.
            self.staged.push(T::promise(self.said()));
            self.published = self.promise;
        }
        self.publish();
        self.published >= self.promise
    }

    fn until(&mut self, key: Key) -> bool {
        if !self.silent {
            self.promise = self.promise.max(key);
        }
        true
    }
}

impl<T: Message> Sink<T> for Producer<T> {
    #[inline]
    fn put(&mut self, message: &T) {
        if self.batch == 1 {
            let sent = self.ring.push(*message);
            assert!(sent.is_ok(), "a message was put without room");
            return;
        }
        self.staged.push(*message);
        if self.staged.len() >= self.batch {
            self.publish();
        }
    }
}

/// The reading end: takes messages out in windows, so that what is to come can be looked at.
pub struct Consumer<T: Message> {
    ring: rtrb::Consumer<T>,
    window: Vec<T>,
    at: usize,
    end: usize,
    fresh: bool,
    bound: Key,
}

impl<T: Message> Consumer<T> {
    /// The next message, if one is there.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        loop {
            while self.at < self.end {
                match self.window[self.at].promised() {
                    Some(key) => self.bound = self.bound.max(key),
                    None => return Some(&self.window[self.at]),
                }
                self.at += 1;
            }
            if !self.refill() {
                return None;
            }
        }
    }

    /// Takes the message that `peek` showed.
    #[inline]
    pub fn take(&mut self) {
        self.at += 1;
    }

    /// Nothing below this key will come: the last promise taken out. Valid when `peek` found nothing.
    pub fn bound(&self) -> Key {
        self.bound
    }

    /// Messages that follow the one shown, in order (promises among them).
    pub fn following(&self) -> &[T] {
        &self.window[(self.at + 1).min(self.end)..self.end]
    }

    /// Whether a new window was taken since the last call.
    pub fn fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// Whether the writer is gone and everything was taken.
    #[cfg(test)]
    fn ended(&mut self) -> bool {
        // Look at the writer first: what it wrote before it went is then visible.
        let gone = self.ring.is_abandoned();
        self.peek().is_none() && gone
    }

    fn refill(&mut self) -> bool {
        let (taken, _) = self.ring.pop_partial_slice(&mut self.window);
        (self.at, self.end) = (0, taken.len());
        self.fresh = self.end > 0;
        self.fresh
    }
}

/// How much an [`Inbox`] holds under [`Plant::CappedPool`].
const PLANTED_CAP: usize = 4;

/// Rings whose messages need not come in key order: they are held until their key is due.
pub struct Inbox<T: Message> {
    rings: Vec<Consumer<T>>,
    held: BinaryHeap<Held<T>>,
    promised: bool,
}

struct Held<T> {
    key: Key,
    message: T,
}

impl<T> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl<T> Eq for Held<T> {}
impl<T> PartialOrd for Held<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Held<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The heap gives its greatest: the least key.
        other.key.cmp(&self.key)
    }
}

impl<T: Message> Inbox<T> {
    /// Rings that carry promises.
    pub fn promised(rings: Vec<Consumer<T>>) -> Self {
        Self { rings, held: BinaryHeap::with_capacity(1024), promised: true }
    }

    /// Rings without promises: their reader knows by counting what is still to come.
    pub fn counted(rings: Vec<Consumer<T>>) -> Self {
        Self { promised: false, ..Self::promised(rings) }
    }

    /// This one, with memory for so many messages that wait at once; more are held too, after an allocation.
    pub fn with_room(mut self, messages: usize) -> Self {
        // Reserved, not touched: it costs what is used.
        self.held.reserve(messages);
        self
    }

    /// Takes in all that is there, showing each to `seen`; returns how many.
    pub fn drain(&mut self, mut seen: impl FnMut(&T)) -> usize {
        let mut count = 0;
        for ring in &mut self.rings {
            while let Some(message) = ring.peek() {
                if planted(Plant::CappedPool) && self.held.len() >= PLANTED_CAP {
                    return count;
                }
                seen(message);
                self.held.push(Held { key: message.key(), message: *message });
                ring.take();
                count += 1;
            }
        }
        count
    }

    /// The least key held; `Key::MAX` if none is.
    #[inline]
    pub fn head(&self) -> Key {
        self.held.peek().map_or(Key::MAX, |held| held.key)
    }

    /// Takes the message at `head`.
    pub fn take(&mut self) -> Option<T> {
        self.held.pop().map(|held| held.message)
    }

    /// Nothing below this key will come from the rings (as of the last `drain`).
    pub fn bound(&self) -> Key {
        if !self.promised {
            return Key::MAX;
        }
        self.rings.iter().map(Consumer::bound).min().unwrap_or(Key::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Kind, Market, Rank, Report};
    use super::super::unit::{Nanos, Seq};
    use super::*;
    use proptest::prelude::*;

    fn market(time: u64) -> Market {
        let mut message = Market::default();
        message.head.time = Nanos(time);
        message.head.cause = Seq(time);
        message.head.kind = Kind::ADD;
        message
    }

    #[test]
    fn what_is_staged_is_seen_after_flush_and_in_order() {
        let (mut producer, mut consumer) = ring::<Market>(8, 0, 4);
        (1..=3).for_each(|time| producer.put(&market(time)));
        assert!(consumer.peek().is_none());
        producer.until(Key::least_report(Nanos(9)));
        assert!(producer.flush());
        for time in 1..=3 {
            assert_eq!(consumer.peek().map(|m| m.head.time), Some(Nanos(time)));
            consumer.take();
        }
        assert!(consumer.peek().is_none());
        assert_eq!(consumer.bound(), Key::least_report(Nanos(9)));
    }

    #[test]
    fn room_leaves_out_what_is_staged_and_reserved() {
        let (mut producer, mut consumer) = ring::<Market>(4, 2, 4);
        assert_eq!((producer.room(), producer.room_for_cancels()), (4, 6));
        (1..=3).for_each(|time| producer.put(&market(time)));
        assert_eq!((producer.room(), producer.room_for_cancels()), (1, 3));
        producer.put(&market(4));
        producer.put(&market(5));
        producer.flush();
        assert_eq!((producer.room(), producer.room_for_cancels()), (0, 1));
        while consumer.peek().is_some() {
            consumer.take();
        }
        assert_eq!((producer.room(), producer.room_for_cancels()), (4, 6));
    }

    #[test]
    fn promises_never_fill_a_ring() {
        let (mut producer, mut consumer) = ring::<Market>(4, 0, 1);
        for time in 1..100 {
            producer.until(Key::least_report(Nanos(time)));
            producer.flush();
        }
        assert!(producer.room() >= 1, "room for a message beside the promises");
        producer.put(&market(100));
        assert_eq!(consumer.peek().map(|m| m.head.time), Some(Nanos(100)));
        consumer.take();
        producer.until(Key::MAX);
        assert!(producer.flush());
        assert!(consumer.peek().is_none());
        assert_eq!(consumer.bound(), Key::MAX);
    }

    #[test]
    fn an_inbox_gives_the_least_key_first_and_the_least_bound() {
        let report = |time, sequence| {
            let mut report = Report { sequence, ..Report::default() };
            (report.head.time, report.head.kind) = (Nanos(time), Kind::FILLED);
            report
        };
        let (mut a, a_end) = ring::<Report>(8, 0, 1);
        let (mut b, b_end) = ring::<Report>(8, 0, 1);
        let mut inbox = Inbox::promised(vec![a_end, b_end]);
        a.put(&report(7, 1));
        a.put(&report(3, 2));
        b.put(&report(5, 1));
        a.until(Key::least_report(Nanos(6)));
        b.until(Key::least_report(Nanos(4)));
        assert!(a.flush() && b.flush());
        assert_eq!(inbox.drain(|_| {}), 3);
        assert_eq!(inbox.bound(), Key::least_report(Nanos(4)));
        assert_eq!(inbox.head(), Key::new(Nanos(3), Rank::Report, 0, 2));
        let times: Vec<_> = std::iter::from_fn(|| inbox.take()).map(|r| r.head.time.0).collect();
        assert_eq!(times, [3, 5, 7]);
    }

    proptest! {
        #[test]
        fn promises_follow_what_they_promise_and_all_comes_in_order(
            batch in 1_usize..6,
            steps in prop::collection::vec(0_u8..4, 1..200),
        ) {
            let (mut producer, mut consumer) = ring::<Market>(6, 0, batch);
            let (mut next, mut expected) = (1, 1);
            let mut look = |consumer: &mut Consumer<Market>| {
                let seen = consumer.peek().map(|message| message.head.time);
                if let Some(time) = seen {
                    assert_eq!(time, Nanos(expected));
                    assert!(consumer.bound() <= Key::least_report(time));
                    expected += 1;
                    consumer.take();
                }
                seen.is_some()
            };
            for step in steps {
                match step {
                    0 if producer.room() > 0 => {
                        producer.put(&market(next));
                        next += 1;
                    }
                    1 => assert!(producer.until(Key::least_report(Nanos(next)))),
                    2 => {
                        let room = producer.room();
                        producer.flush();
                        assert!(producer.room() + 1 >= room, "a promise takes one place at most");
                    }
                    _ => {
                        look(&mut consumer);
                    }
                }
            }
            producer.until(Key::least_report(Nanos(next)));
            while !producer.flush() || look(&mut consumer) {
                look(&mut consumer);
            }
            assert_eq!((consumer.bound(), expected), (Key::least_report(Nanos(next)), next));
        }
    }

    #[test]
    fn a_ring_between_two_threads_loses_doubles_and_reorders_nothing() {
        let (mut producer, mut consumer) = ring::<Market>(16, 0, 8);
        let count = 200_000;
        let writer = std::thread::spawn(move || {
            let mut next = 1;
            while next <= count {
                for _ in 0..producer.room().min(5).min((count + 1 - next) as usize) {
                    producer.put(&market(next));
                    next += 1;
                }
                producer.flush();
                std::hint::spin_loop();
            }
            while !producer.flush() {}
        });
        let mut expected = 1;
        while !consumer.ended() {
            while let Some(message) = consumer.peek() {
                assert_eq!(message.head.time, Nanos(expected));
                consumer.take();
                expected += 1;
            }
        }
        assert!(writer.join().is_ok());
        assert_eq!(expected, count + 1);
    }
}
