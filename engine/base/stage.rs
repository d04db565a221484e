//! The shape of the engine: what a stage is, and what it may ask of its neighbours.
//!
//! A [`Stage`] is a pure reaction. It cannot tell whether its neighbour is a function call or a ring away ([`Hop`]).
//! Whoever feeds one calls, in this order: `until(key)`, then `room()`, then `put`. So no stage meets a full ring in
//! the middle of its work, and none takes an input before what should come first has come.
#![forbid(unsafe_code)]

use super::message::{Key, Message, Report};
use super::ring::Producer;
use super::unit::Nanos;

/// What can be full.
pub trait Outlet {
    /// Messages that this outlet is sure to take now; slots reserved for cancels are left out.
    fn room(&mut self) -> usize;

    /// As `room`, the reserved slots included: for cancels that the engine itself sends.
    fn room_for_cancels(&mut self) -> usize {
        self.room()
    }

    /// Whether a stage behind this has more to say before it takes anything new: what was known of its room is void.
    #[inline]
    fn busy(&self) -> bool {
        false
    }

    /// No input keyed below `key` will come. Takes in the reports below it, innermost stage first, and passes the promise
    /// on. True when all are in: only then may an input at `key` be put.
    fn until(&mut self, key: Key) -> bool;

    /// End of a duty cycle: make visible what was gathered, and the promises. True when nothing is left to show.
    /// Never changes any output.
    fn flush(&mut self) -> bool;
}

/// What takes messages.
pub trait Sink<T: Message>: Outlet {
    /// Takes a message; there was room for it.
    fn put(&mut self, message: &T);

    /// A message that will come soon: prefetch what it will touch (step 0: its order's slot and its instrument; step 1:
    /// the level and neighbours; step 2: the level of an addition). A step may be left out. Never changes any output.
    #[inline]
    fn hint(&self, _message: &T, _step: u8) {}
}

/// Most messages that one input can cause, in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Forward, by an input.
    pub forward: usize,
    /// Back, by an input.
    pub back: usize,
    /// Back, by a report.
    pub report: usize,
}

/// A pure reaction: one message in, at most [`Stage::burst`] messages out. No clock, no I/O, no allocation.
pub trait Stage {
    /// What it takes.
    type In: Message;
    /// What it gives.
    type Out: Message;

    /// The most that one input or report can cause; each at least 1, fixed at start.
    fn burst(&self) -> Burst;

    /// Reacts to an input.
    fn on(
        &mut self,
        message: &Self::In,
        out: &mut impl Sink<Self::Out>,
        back: &mut impl Sink<Report>,
    );

    /// Takes in a report: state only, then on to whoever comes before; never an output forward.
    fn on_report(&mut self, report: &Report, back: &mut impl Sink<Report>);

    /// A message that will come soon; as [`Sink::hint`].
    #[inline]
    fn hint(&self, _message: &Self::In, _step: u8) {}

    /// Whether it has more to say than a burst holds: `resume` is called before any new input.
    #[inline]
    fn busy(&self) -> bool {
        false
    }

    /// Says more of it, as far as there is room; reserved slots included.
    fn resume(&mut self, _out: &mut impl Sink<Self::Out>, _back: &mut impl Sink<Report>) {}

    /// A report came in (it is applied later, at its key): for stages that count what is still to come.
    #[inline]
    fn arrived(&mut self, _report: &Report) {}

    /// The earliest time at which a report that has not come in yet may take effect; `Nanos::MAX` if none is missing.
    #[inline]
    fn waits_for(&self) -> Nanos {
        Nanos::MAX
    }

    /// No report below this key will be sent back, given that no input below `next` will come and the least of what
    /// is held or may still return is `held`.
    fn promise_back(&self, _next: Key, _held: Key) -> Key {
        Key::default()
    }
}

/// Where a stage's output goes: a direct call, or a ring to another core. Chosen from the topology at start.
pub enum Hop<Next, T: Message> {
    /// The next stage, on this core.
    Here(Next),
    /// A ring.
    There(Producer<T>),
}

impl<T: Message, Next: Sink<T>> Outlet for Hop<Next, T> {
    #[inline]
    fn room(&mut self) -> usize {
        match self {
            Self::Here(next) => next.room(),
            Self::There(ring) => ring.room(),
        }
    }

    fn room_for_cancels(&mut self) -> usize {
        match self {
            Self::Here(next) => next.room_for_cancels(),
            Self::There(ring) => ring.room_for_cancels(),
        }
    }

    #[inline]
    fn busy(&self) -> bool {
        matches!(self, Self::Here(next) if next.busy())
    }

    #[inline]
    fn until(&mut self, key: Key) -> bool {
        match self {
            Self::Here(next) => next.until(key),
            Self::There(ring) => ring.until(key),
        }
    }

    fn flush(&mut self) -> bool {
        match self {
            Self::Here(next) => next.flush(),
            Self::There(ring) => ring.flush(),
        }
    }
}

impl<T: Message, Next: Sink<T>> Sink<T> for Hop<Next, T> {
    #[inline]
    fn put(&mut self, message: &T) {
        match self {
            Self::Here(next) => next.put(message),
            Self::There(ring) => ring.put(message),
        }
    }

    #[inline]
    fn hint(&self, message: &T, step: u8) {
        if let Self::Here(next) = self {
            next.hint(message, step);
        }
    }
}

/// A hop to several: each message goes to the one that `pick` names, or to all.
pub struct Fan<S, P> {
    sinks: Vec<S>,
    pick: P,
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This one.
    One(usize),
    /// Everyone.
    All,
}

/// Chooses who gets a message.
pub trait Picker<T: Copy> {
    /// For a fan over `count` sinks; `One(index)` is below it.
    fn pick(&self, message: &T, count: usize) -> Pick;

    /// What the `index`-th gets of a message that goes to all.
    fn copy_for(&self, message: &T, _index: usize) -> T {
        *message
    }
}

impl<S, P> Fan<S, P> {
    /// A fan over `sinks`, at least one.
    pub fn new(sinks: Vec<S>, pick: P) -> Self {
        assert!(!sinks.is_empty(), "a fan has somewhere to go");
        Self { sinks, pick }
    }

    /// What it goes to.
    pub fn into_sinks(self) -> Vec<S> {
        self.sinks
    }
}

impl<S: Outlet, P> Outlet for Fan<S, P> {
    #[inline]
    fn room(&mut self) -> usize {
        self.sinks.iter_mut().map(S::room).min().unwrap_or(0)
    }

    fn room_for_cancels(&mut self) -> usize {
        self.sinks.iter_mut().map(S::room_for_cancels).min().unwrap_or(0)
    }

    #[inline]
    fn busy(&self) -> bool {
        self.sinks.iter().any(S::busy)
    }

    #[inline]
    fn until(&mut self, key: Key) -> bool {
        // Every one hears the promise, whether the others are ready or not.
        self.sinks.iter_mut().fold(true, |ready, sink| sink.until(key) & ready)
    }

    fn flush(&mut self) -> bool {
        self.sinks.iter_mut().fold(true, |done, sink| sink.flush() & done)
    }
}

impl<T: Message, S: Sink<T>, P: Picker<T>> Sink<T> for Fan<S, P> {
    #[inline]
    fn put(&mut self, message: &T) {
        if let [only] = self.sinks.as_mut_slice() {
            return only.put(message);
        }
        match self.pick.pick(message, self.sinks.len()) {
            Pick::One(index) => self.sinks[index].put(message),
            Pick::All => {
                for (index, sink) in self.sinks.iter_mut().enumerate() {
                    sink.put(&self.pick.copy_for(message, index));
                }
            }
        }
    }

    #[inline]
    fn hint(&self, message: &T, step: u8) {
        if let [only] = self.sinks.as_slice() {
            return only.hint(message, step);
        }
        if let Pick::One(index) = self.pick.pick(message, self.sinks.len()) {
            self.sinks[index].hint(message, step);
        }
    }
}

/// Copies what passes, if `wanted`, to a second sink. There is room only if both have some.
pub struct Tap<A, B, T: Message> {
    main: A,
    side: B,
    wanted: fn(&T) -> Wanted,
}

/// Who gets a message that passes a [`Tap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Only the main sink.
    Main,
    /// Only the side.
    Side,
    /// Both.
    Both,
}

impl<A, B, T: Message> Tap<A, B, T> {
    /// A tap beside `main`.
    pub fn new(main: A, side: B, wanted: fn(&T) -> Wanted) -> Self {
        Self { main, side, wanted }
    }
}

impl<A: Outlet, B: Outlet, T: Message> Outlet for Tap<A, B, T> {
    fn room(&mut self) -> usize {
        self.main.room().min(self.side.room())
    }

    fn room_for_cancels(&mut self) -> usize {
        self.main.room_for_cancels().min(self.side.room_for_cancels())
    }

    fn busy(&self) -> bool {
        self.main.busy() || self.side.busy()
    }

    fn until(&mut self, key: Key) -> bool {
        self.side.until(key) & self.main.until(key)
    }

    fn flush(&mut self) -> bool {
        self.side.flush() & self.main.flush()
    }
}

impl<A: Sink<T>, B: Sink<T>, T: Message> Sink<T> for Tap<A, B, T> {
    fn put(&mut self, message: &T) {
        let wanted = (self.wanted)(message);
        if wanted != Wanted::Side {
            self.main.put(message);
        }
        if wanted != Wanted::Main {
            self.side.put(message);
        }
    }
}

/// What a shard turns: something with a duty cycle.
pub trait Agent {
    /// One turn, bounded; returns how much was done (0: nothing, idle).
    fn do_work(&mut self) -> usize;

    /// Whether its input has ended and everything it caused has come back.
    fn done(&self) -> bool;
}

#[cfg(test)]
mod tests;
