//! The venue of a replay: our orders fill against the recorded market, which they never change.
//!
//! [`Paper`] wraps a book stage, because it reads the books: it stands at the venue's place all the same. Orders reach it
//! from route `out` after their decision, its events reach route `in` after they happened (`base::step::Join` merges them
//! with the market in key order). `venue.rs` has the rules by which orders fill.
//!
//! It also counts what the book shard is owed: each intent is answered once, each venue event comes back once. The
//! oldest of what is still owed says how far the shard may go on (`waits_for`).
#![forbid(unsafe_code)]

mod venue;

#[cfg(test)]
mod tests;

pub use venue::{PaperCounts, Rules, Venue};

use crate::base::message::{Flags, Intent, Key, Kind, Market, Rank, Report, Source};
use crate::base::plant::{Plant, planted};
use crate::base::stage::{Burst, Sink, Stage};
use crate::base::unit::Nanos;
use crate::book::{Change, Host};
use std::collections::VecDeque;

/// Time from a decision to the venue, and from there back. Each at least 1 ns: what is answered lies in the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Decision to venue.
    pub out: Nanos,
    /// Venue to risk and strategy.
    pub back: Nanos,
}

/// A book stage with the paper venue beside it.
pub struct Paper<B> {
    host: B,
    venue: Venue,
    latency: Latency,
    /// Decision times of the intents from `answered` on, and whether each is answered.
    unanswered: VecDeque<(Nanos, bool)>,
    answered: u32,
    /// Times of the venue events that have not come back.
    unreturned: VecDeque<Nanos>,
    waits_for: Nanos,
}

impl<B: Host> Paper<B> {
    /// A venue beside `host`.
    pub fn new(host: B, rules: Rules, latency: Latency) -> Self {
        assert!(latency.out.0 > 0 && latency.back.0 > 0, "an answer lies in the future");
        let venue = Venue::new(rules, host.shard(), latency.back);
        // As many replaces may be on their way beside the open orders; what is refused beside those is answered too.
        let on_the_way = rules.orders_max.saturating_mul(2).max(4096);
        Self {
            host,
            venue,
            latency,
            unanswered: VecDeque::with_capacity(on_the_way),
            answered: 0,
            unreturned: VecDeque::with_capacity(on_the_way),
            waits_for: Nanos::MAX,
        }
    }

    /// The book stage, and what the venue has seen, when the run has ended.
    pub fn into_parts(self) -> (B, PaperCounts) {
        (self.host, self.venue.counts())
    }

    /// The session moves on; returns the number of intents.
    #[cold]
    fn session(&mut self, message: &Market, out: &mut impl Sink<Intent>) -> u32 {
        let mut change = Change::default();
        self.host.apply(message, &mut change);
        self.venue.on_session(message, self.host.books());
        let intents = self.host.react(message, &change, out);
        // What expires is owed from now on.
        self.update();
        intents
    }

    fn note(&mut self, time: Nanos, intents: u32, events: u32) {
        self.unanswered.extend((0..intents).map(|_| (time, false)));
        self.unreturned.extend((0..events).map(|_| time));
        self.update();
    }

    fn update(&mut self) {
        while let Some((_, true)) = self.unanswered.front() {
            self.unanswered.pop_front();
            self.answered = self.answered.wrapping_add(1);
        }
        let mut due = Nanos::MAX;
        if !planted(Plant::NoWaitForAnswers) {
            due = due.min(self.oldest_arrival());
        }
        if let Some(time) = self.unreturned.front()
            && !planted(Plant::NoWaitForEvents)
        {
            due = due.min(time.plus(self.latency.back));
        }
        self.waits_for = due.min(self.venue.closing().plus(self.latency.back));
    }

    /// When the oldest unanswered intent reaches the venue.
    fn oldest_arrival(&self) -> Nanos {
        self.unanswered.front().map_or(Nanos::MAX, |(time, _)| time.plus(self.latency.out))
    }
}

impl<B: Host> Stage for Paper<B> {
    type In = Market;
    type Out = Intent;

    fn burst(&self) -> Burst {
        Burst { forward: self.host.burst(), back: self.venue.burst(), report: 1 }
    }

    #[inline]
    fn on(&mut self, message: &Market, out: &mut impl Sink<Intent>, back: &mut impl Sink<Report>) {
        let mut intents = 0;
        let events = match message.head.kind {
            Kind::NEW | Kind::CANCEL_ORDER | Kind::REPLACE_ORDER => {
                self.venue.on_order(message, self.host.books(), back)
            }
            Kind::SESSION => {
                intents = self.session(message, out);
                0
            }
            _ => {
                let mut change = Change::default();
                self.host.apply(message, &mut change);
                let events = self.venue.on_market(message, &change, self.host.books(), back);
                intents = self.host.react(message, &change, out);
                events
            }
        };
        if intents + events > 0 {
            self.note(message.head.time, intents, events);
        }
    }

    fn on_report(&mut self, report: &Report, _back: &mut impl Sink<Report>) {
        self.host.on_report(report);
    }

    #[inline]
    fn hint(&self, message: &Market, step: u8) {
        self.host.hint(message, step);
        if step == 0 {
            self.venue.hint(message.head.instrument);
        }
    }

    #[inline]
    fn busy(&self) -> bool {
        self.venue.closing() != Nanos::MAX
    }

    fn resume(&mut self, _out: &mut impl Sink<Intent>, back: &mut impl Sink<Report>) {
        let time = self.venue.closing();
        let events = self.venue.expire(back);
        self.note(time, 0, events);
    }

    fn arrived(&mut self, report: &Report) {
        if report.head.flags.has(Flags::ANSWER) {
            let place = report.number.wrapping_sub(self.answered) as usize;
            if let Some(entry) = self.unanswered.get_mut(place) {
                entry.1 = true;
            }
        } else {
            self.unreturned.pop_front();
        }
        self.update();
    }

    #[inline]
    fn waits_for(&self) -> Nanos {
        self.waits_for
    }

    fn promise_back(&self, next: Key, held: Key) -> Key {
        // Nothing happens at the venue before the next input, the least order waiting, the next order to come; at the
        // close, what is still to expire.
        let input = next.time().min(held.time()).min(self.oldest_arrival());
        let time = input.min(self.venue.closing());
        if time == Nanos::MAX {
            return Key::MAX;
        }
        let source = Source::VENUE.0 + self.host.shard().0 as u8;
        Key::new(time.plus(self.latency.back), Rank::Report, source, self.venue.events() + 1)
    }
}
