//! Latencies by stage, in HdrHistograms owned by the shard that records.
//!
//! A market message is stamped when its bytes are seen; what it causes carries that stamp, and one of when the last stage
//! handed it over. [`Timed`] stands between two stages, records how long the one before took, and stamps anew; in a cut
//! the time in the ring is the next stage's. [`TimedStage`] does it for the last one, and for the whole way.
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
        Self::approved(self.intent().hand(now))
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

/// Notices whether anything was put.
struct Noticing<'a, O> {
    out: &'a mut O,
    put: bool,
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
        self.put = true;
        self.out.put(message);
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
        let mut out = Noticing { out, put: false };
        self.stage.on(order, &mut out, back);
        let (handed, seen) = (order.intent().handed, order.intent().stamp);
        if out.put && handed != Stamp(0) {
            let now = self.clock.stamp();
            self.latency.record(self.clock.nanos_between(handed, now));
            self.whole.record(self.clock.nanos_between(seen, now));
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
