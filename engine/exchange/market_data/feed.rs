//! The whole of market data in one place: each event becomes a message, which is kept and published under one sequence.

use super::{
    Line, Publisher, PublisherConfig, PublisherError, RerequestCounts, Rerequests, Store,
    StoreLimits, Tape, TapeConfig,
};
use crate::base::unit::Nanos;
use crate::exchange::matching::{CrossKind, Event, Indication};
use crate::exchange::unit::Locate;
use crate::wire::itch::code::event;
use zerocopy::{Immutable, IntoBytes};

/// All that market data is told at start.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// The symbols, and what is said of them.
    pub tape: TapeConfig,
    /// The session and its lines. Answers to re-requests are as long as packets of line A.
    pub publication: PublisherConfig,
    /// How much is kept for re-requests.
    pub store: StoreLimits,
}

/// Market data. Times are in nanoseconds since midnight in New York; packets go to the caller's function with their line.
/// After [`Feed::end`] nothing can be said any more: whoever tries has a bug, and it panics.
#[derive(Clone, Debug)]
pub struct Feed {
    tape: Tape,
    store: Store,
    publisher: Publisher,
    rerequests: Rerequests,
}

impl Feed {
    /// A session in which nothing was said yet.
    ///
    /// # Errors
    /// If a value of the publication is out of range.
    pub fn new(config: FeedConfig, now: Nanos) -> Result<Self, PublisherError> {
        let FeedConfig { tape, publication, store } = config;
        let [cut, _] = publication.cuts;
        Ok(Self {
            publisher: Publisher::new(&publication, now)?,
            rerequests: Rerequests::new(publication.session, cut.mtu),
            tape: Tape::new(tape),
            store: Store::new(&store),
        })
    }

    /// The first messages of the day: its first event, the directory with all states, the decline levels.
    pub fn start(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let (tape, mut put) = self.parts(now, out);
        tape.start(now, &mut put);
    }

    /// The next event of the day: one of `wire::itch::code::event`.
    pub fn system_event(&mut self, code: u8, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let (tape, mut put) = self.parts(now, out);
        tape.system_event(code, now, &mut put);
    }

    /// What the core did.
    pub fn on_event(&mut self, event: &Event, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let (tape, mut put) = self.parts(now, out);
        tape.on_event(event, now, &mut put);
    }

    /// What would trade in a cross to come.
    pub fn indication(
        &mut self,
        locate: Locate,
        kind: CrossKind,
        it: &Indication,
        now: Nanos,
        out: &mut impl FnMut(Line, &[u8]),
    ) {
        let (tape, mut put) = self.parts(now, out);
        tape.indication(locate, kind, it, now, &mut put);
    }

    /// Any other message of ITCH, as it is.
    pub fn say(
        &mut self,
        message: &(impl IntoBytes + Immutable),
        now: Nanos,
        out: &mut impl FnMut(Line, &[u8]),
    ) {
        let (tape, mut put) = self.parts(now, out);
        tape.say(message, &mut put);
    }

    /// The end of a burst: what waits leaves.
    pub fn flush(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        self.publisher.flush(now, out);
    }

    /// The end of the session: the day's last message, and the word that it is over, to be repeated by [`Feed::due`].
    pub fn end(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        self.system_event(event::END_OF_MESSAGES, now, out);
        self.publisher.end(now, out);
    }

    /// Heartbeats, or after the end the word that it is over.
    pub fn due(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        self.publisher.due(now, out);
    }

    /// When [`Feed::due`] has something to do, if nothing is sent until then.
    pub fn next_due(&self) -> Option<Nanos> {
        self.publisher.next_due()
    }

    /// The answer to a request for messages that were missed; `None` if there is none.
    pub fn rerequest(&mut self, request: &[u8]) -> Option<&[u8]> {
        self.rerequests.answer(request, &self.store)
    }

    /// What was asked for again.
    pub fn rerequest_counts(&self) -> RerequestCounts {
        self.rerequests.counts()
    }

    /// The tape.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The messages so far.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The lines.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The tape, and what keeps and publishes a message.
    fn parts<'a>(
        &'a mut self,
        now: Nanos,
        out: &'a mut impl FnMut(Line, &[u8]),
    ) -> (&'a mut Tape, impl FnMut(&[u8]) + 'a) {
        let Self { tape, store, publisher, .. } = self;
        let put = move |message: &[u8]| {
            let sequence = store.push(message);
            debug_assert_eq!(sequence, publisher.next(), "store and lines count alike");
            publisher.put(message, now, out);
        };
        (tape, put)
    }
}
