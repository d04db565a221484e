//! Latencies by stage, in HdrHistograms owned by the shard that records.
//!
//! A market message is stamped when its bytes are seen, and what it causes carries that stamp; [`TimedStage`] stands around
//! the last stage and records the whole way, for every order. One intent in so many also carries a stamp of when the last
//! stage handed it over. [`Timed`] stands between two stages, records how long the one before took, and stamps anew; in a
//! cut the time in the ring is the next stage's. Only some, because a message that is written and at once copied waits for
//! its fields: three such hops made the way of every order a third longer.
#![forbid(unsafe_code)]

use crate::base::clock::Clock;
use crate::base::message::{Intent, Key, Market, Message, Order, Report};
use crate::base::stage::{Burst, Outlet, Sink, Stage};
use crate::base::unit::{Nanos, Stamp};
use hdrhistogram::Histogram;

/// Latencies in nanoseconds, three digits, up to ten seconds.
pub struct Latency(Histogram<u64>);

const LONGEST_NS: u64 = 10_000_000_000;

impl Default for Latency {
    fn default() -> Self {
        // The bounds are constants that the library accepts.
        Self(Histogram::new_with_bounds(1, LONGEST_NS, 3).unwrap_or_else(|_| unreachable!()))
    }
}

impl Latency {
    /// Records one.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos);
    }

    /// Adds what another one recorded.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let added = self.0.add(&other.0);
        debug_assert!(added.is_ok(), "Invariant: one shape of histogram");
    }

    /// The histogram.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }
}

/// A message that carries stamps.
pub trait Stamped: Message {
    /// When the last stage handed it over; 0 if it is not stamped.
    fn handed(&self) -> Stamp;

    /// This message, handed over now.
    fn hand(&self, now: Stamp) -> Self;
}

impl Stamped for Intent {
    fn handed(&self) -> Stamp {
        self.handed
    }

    fn hand(&self, now: Stamp) -> Self {
        Self { handed: now, ..*self }
    }
}

impl Stamped for Order {
    fn handed(&self) -> Stamp {
        self.intent().handed
    }

    fn hand(&self, now: Stamp) -> Self {
        *Self::approved(&self.intent().hand(now))
    }
}

/// A hop that records how long the stage before it took.
pub struct Timed<S> {
    sink: S,
    clock: Clock,
    latency: Latency,
}

impl<S> Timed<S> {
    /// A timed hop.
    pub fn new(sink: S, clock: Clock) -> Self {
        Self { sink, clock, latency: Latency::default() }
    }

    /// The hop and what was recorded.
    pub fn into_parts(self) -> (S, Latency) {
        (self.sink, self.latency)
    }
}

impl<S: Outlet> Outlet for Timed<S> {
    #[inline]
    fn room(&mut self) -> usize {
        self.sink.room()
    }

    fn room_for_cancels(&mut self) -> usize {
        self.sink.room_for_cancels()
    }

    #[inline]
    fn busy(&self) -> bool {
        self.sink.busy()
    }

    #[inline]
    fn until(&mut self, key: Key) -> bool {
        self.sink.until(key)
    }

    fn flush(&mut self) -> bool {
        self.sink.flush()
    }
}

impl<T: Stamped, S: Sink<T>> Sink<T> for Timed<S> {
    #[inline]
    fn put(&mut self, message: &T) {
        let handed = message.handed();
        if handed == Stamp(0) {
            return self.sink.put(message);
        }
        let now = self.clock.stamp();
        self.latency.record(self.clock.nanos_between(handed, now));
        self.sink.put(&message.hand(now));
    }
}

/// The last stage: records its own time, and the whole way from the market's bytes to what it handed out.
pub struct TimedStage<S> {
    stage: S,
    clock: Clock,
    latency: Latency,
    whole: Latency,
}

impl<S> TimedStage<S> {
    /// A timed stage.
    pub fn new(stage: S, clock: Clock) -> Self {
        Self { stage, clock, latency: Latency::default(), whole: Latency::default() }
    }

    /// The stage, its own latencies, and those of the whole way.
    pub fn into_parts(self) -> (S, Latency, Latency) {
        (self.stage, self.latency, self.whole)
    }
}

/// Notices when the first message was put.
struct Noticing<'a, O> {
    out: &'a mut O,
    clock: Clock,
    put: Stamp,
}

impl<O: Outlet> Outlet for Noticing<'_, O> {
    fn room(&mut self) -> usize {
        self.out.room()
    }

    fn until(&mut self, key: Key) -> bool {
        self.out.until(key)
    }

    fn flush(&mut self) -> bool {
        self.out.flush()
    }
}

impl<O: Sink<Market>> Sink<Market> for Noticing<'_, O> {
    #[inline]
    fn put(&mut self, message: &Market) {
        self.out.put(message);
        if self.put == Stamp(0) {
            self.put = self.clock.stamp();
        }
    }
}

impl<S: Stage<In = Order, Out = Market>> Stage for TimedStage<S> {
    type In = Order;
    type Out = Market;

    fn burst(&self) -> Burst {
        self.stage.burst()
    }

    #[inline]
    fn on(&mut self, order: &Order, out: &mut impl Sink<Market>, back: &mut impl Sink<Report>) {
        let mut out = Noticing { out, clock: self.clock, put: Stamp(0) };
        self.stage.on(order, &mut out, back);
        let (handed, seen) = (order.intent().handed, order.intent().stamp);
        // The way ends where the order leaves; what is then told back is no part of it.
        let now = out.put;
        if now != Stamp(0) && seen != Stamp(0) {
            self.whole.record(self.clock.nanos_between(seen, now));
            if handed != Stamp(0) {
                self.latency.record(self.clock.nanos_between(handed, now));
            }
        }
    }

    fn on_report(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        self.stage.on_report(report, back);
    }

    fn busy(&self) -> bool {
        self.stage.busy()
    }

    fn resume(&mut self, out: &mut impl Sink<Market>, back: &mut impl Sink<Report>) {
        self.stage.resume(out, back);
    }

    fn arrived(&mut self, report: &Report) {
        self.stage.arrived(report);
    }

    fn waits_for(&self) -> Nanos {
        self.stage.waits_for()
    }

    fn promise_back(&self, next: Key, held: Key) -> Key {
        self.stage.promise_back(next, held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::message::Kind;
    use crate::base::testing::{Recorder, market};

    /// Lets every second order out.
    #[derive(Default)]
    struct Every2nd(u64);

    impl Stage for Every2nd {
        type In = Order;
        type Out = Market;

        fn burst(&self) -> Burst {
            Burst { forward: 1, back: 2, report: 3 }
        }

        fn on(&mut self, _: &Order, out: &mut impl Sink<Market>, _: &mut impl Sink<Report>) {
            self.0 += 1;
            if self.0.is_multiple_of(2) {
                out.put(&market(1, Kind::NEW, 0));
            }
        }

        fn on_report(&mut self, report: &Report, back: &mut impl Sink<Report>) {
            back.put(report);
        }
    }

    fn stamped(clock: Clock) -> Intent {
        Intent { stamp: clock.stamp(), handed: clock.stamp(), ..Intent::default() }
    }

    #[test]
    fn a_latency_beyond_the_longest_is_counted_as_the_longest() {
        let (mut latency, mut other) = (Latency::default(), Latency::default());
        [0, 5, u64::MAX].iter().for_each(|nanos| latency.record(*nanos));
        other.record(7);
        latency.add(&other);
        let histogram = latency.histogram();
        assert_eq!((histogram.len(), histogram.min()), (4, 0));
        assert!(histogram.max() >= LONGEST_NS && histogram.value_at_quantile(0.75) <= 7);
    }

    #[test]
    fn what_is_stamped_is_timed_and_stamped_anew_and_what_is_not_passes() {
        let clock = Clock::calibrated_for_tests();
        let mut timed = Timed::new(Recorder::<Intent>::with_room(3), clock);
        assert_eq!((timed.room(), timed.room_for_cancels(), timed.busy()), (3, 3, false));
        let intent = stamped(clock);
        timed.put(&intent);
        timed.put(&Intent::default());
        let (sink, latency) = timed.into_parts();
        assert_eq!(latency.histogram().len(), 1);
        assert_eq!(sink.put[1], Intent::default());
        assert_eq!(Intent { handed: intent.handed, ..sink.put[0] }, intent, "nothing else changes");
        assert_ne!(sink.put[0].handed, Stamp(0));
        let order = Order::approved(&intent);
        assert_eq!((order.handed(), order.hand(Stamp(9)).handed()), (intent.handed, Stamp(9)));
    }

    #[test]
    fn the_last_stage_is_timed_for_what_it_lets_out() {
        let clock = Clock::calibrated_for_tests();
        let mut stage = TimedStage::new(Every2nd::default(), clock);
        let (mut out, mut back) = (Recorder::<Market>::roomy(), Recorder::roomy());
        let whole = Intent { handed: Stamp(0), ..stamped(clock) };
        for intent in
            [stamped(clock), stamped(clock), whole, whole, Intent::default(), Intent::default()]
        {
            stage.on(Order::approved(&intent), &mut out, &mut back);
        }
        stage.on_report(&Report::default(), &mut back);
        assert_eq!(stage.burst(), Burst { forward: 1, back: 2, report: 3 });
        let (_, latency, whole) = stage.into_parts();
        assert_eq!((out.put.len(), back.put.len()), (3, 1));
        let counts = (latency.histogram().len(), whole.histogram().len());
        assert_eq!(counts, (1, 2), "neither what stays nor what carries no stamp");
    }
}
