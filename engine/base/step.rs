//! A stage with its neighbours: [`Step`] for any stage, [`Join`] for one with a second input in key order, [`Merge`]
//! for what feeds them from rings.
//!
//! The one order of events (keys, `message.rs`) is kept here and nowhere else. A step takes an input at key K only when
//! every report below K is in and applied. It knows that none is missing by promises on its return ring, or by
//! counting what it is owed (`Stage::waits_for`). Forward promises never depend on returns, so nothing waits in a circle.
#![forbid(unsafe_code)]

use super::message::{Key, Message, Report};
use super::plant::{Plant, planted};
use super::ring::{Consumer, Inbox};
use super::stage::{Agent, Outlet, Sink, Stage};
use super::unit::Nanos;

/// How strictly the order of events is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// By key: the same bytes come out on every placement.
    Lockstep,
    /// As it comes: nobody waits; results depend on timing.
    FreeRun,
}

/// A stage, the hop to the next one, and its end of the return path.
pub struct Step<S: Stage, H, B> {
    stage: S,
    hop: H,
    back: B,
    returns: Inbox<Report>,
    pace: Pace,
    /// No input below it will come.
    next: Key,
    /// Inputs for which there is sure to be room; 0 when that is not known.
    credit: usize,
    /// Reports taken in and applied so far: to see whether a turn brought anything.
    moved: usize,
}

impl<S: Stage, H: Sink<S::Out>, B: Sink<Report>> Step<S, H, B> {
    /// A stage between its hop forward, its way back and what returns to it.
    pub fn new(stage: S, hop: H, back: B, returns: Inbox<Report>, pace: Pace) -> Self {
        Self { stage, hop, back, returns, pace, next: Key::default(), credit: 0, moved: 0 }
    }

    /// The stage and its hop, when the run has ended.
    pub fn into_parts(self) -> (S, H) {
        (self.stage, self.hop)
    }

    /// Takes in what returned; it is applied at its key.
    fn collect(&mut self) {
        let stage = &mut self.stage;
        self.moved += self.returns.drain(|report| stage.arrived(report));
    }

    /// Applies the reports below `limit` that can have none before them. True if none below it is missing.
    /// Uses only what `collect` took in.
    fn settle(&mut self, limit: Key) -> bool {
        let burst = self.stage.burst().report;
        loop {
            let sure = self.returns.bound().min(Key::least_report(self.stage.waits_for()));
            let head = self.returns.head();
            if head >= limit || head > sure {
                return sure >= limit;
            }
            self.credit = 0;
            if self.back.room() < burst {
                return false;
            }
            self.apply();
        }
    }

    fn apply(&mut self) {
        if let Some(report) = self.returns.take() {
            self.stage.on_report(&report, &mut self.back);
            self.moved += 1;
        }
    }

    /// Says what is left to say. True when all is said.
    fn resume(&mut self) -> bool {
        if self.stage.busy() {
            self.credit = 0;
            self.stage.resume(&mut self.hop, &mut self.back);
        }
        !self.stage.busy()
    }

    fn promise_back(&mut self, held: Key) {
        let promise = self.stage.promise_back(self.next, held);
        self.back.until(promise);
    }

    /// What is held or may still return comes at this key or later.
    fn held(&self) -> Key {
        self.returns.head().min(self.returns.bound())
    }

    /// A turn in which nobody waits: applies what came in, passes the promise on if asked to.
    fn free_turn(&mut self, promise: bool) -> bool {
        // Reports take room on the way back, and a stage behind may take back what it told of its own.
        self.credit = 0;
        self.collect();
        while self.returns.head() != Key::MAX && self.back.room() >= self.stage.burst().report {
            self.apply();
        }
        if promise {
            self.hop.until(self.next);
        }
        let held = self.held();
        self.promise_back(held);
        // At the end all that may return must be in: the promise back is the last word, and the next turn may not come.
        let settled =
            self.returns.head() == Key::MAX && (held == Key::MAX || self.next != Key::MAX);
        self.hop.flush() & self.back.flush() & settled
    }
}

impl<S: Stage, H: Sink<S::Out>, B: Sink<Report>> Outlet for Step<S, H, B> {
    #[inline]
    fn room(&mut self) -> usize {
        if self.credit == 0 && !self.busy() {
            let burst = self.stage.burst();
            self.credit = (self.hop.room() / burst.forward).min(self.back.room() / burst.back);
        }
        self.credit
    }

    fn room_for_cancels(&mut self) -> usize {
        if self.busy() {
            return 0;
        }
        let burst = self.stage.burst();
        let forward = self.hop.room_for_cancels() / burst.forward;
        self.credit = forward.min(self.back.room_for_cancels() / burst.back);
        self.credit
    }

    #[inline]
    fn busy(&self) -> bool {
        self.stage.busy() || self.hop.busy()
    }

    fn until(&mut self, key: Key) -> bool {
        self.next = self.next.max(key);
        if self.pace == Pace::FreeRun {
            return self.resume();
        }
        self.credit = 0;
        if !self.resume() {
            self.collect();
            return false;
        }
        let inner = self.hop.until(key);
        self.collect();
        let settled = self.settle(key);
        // Shown at once: whoever comes before may be on this core, and waits for it in this very call.
        self.promise_back(self.held());
        self.back.flush();
        settled & inner
    }

    fn flush(&mut self) -> bool {
        self.credit = 0;
        let said = self.resume();
        if self.pace == Pace::FreeRun {
            return self.free_turn(true) & said;
        }
        self.promise_back(self.held());
        self.hop.flush() & self.back.flush() & said
    }
}

impl<S: Stage, H: Sink<S::Out>, B: Sink<Report>> Sink<S::In> for Step<S, H, B> {
    #[inline]
    fn put(&mut self, message: &S::In) {
        debug_assert!(self.credit > 0, "Invariant: room() was asked");
        self.credit = self.credit.saturating_sub(1);
        self.stage.on(message, &mut self.hop, &mut self.back);
        if self.busy() {
            self.credit = 0;
        }
    }

    #[inline]
    fn hint(&self, message: &S::In, step: u8) {
        self.stage.hint(message, step);
    }
}

/// A step with a second input, taken in key order with the first: orders that reach the venue beside the market.
///
/// What comes on the side is always an effect of what the step put out: while `Stage::waits_for` is later than an
/// input, none below that input can be missing. So with nothing in flight an input costs one compare.
///
/// A stage that has more to say than a burst (`Stage::resume`) says it back here, never forward: the promise forward
/// holds while it does.
pub struct Join<S: Stage, H, B> {
    step: Step<S, H, B>,
    side: Inbox<S::In>,
}

impl<S: Stage, H: Sink<S::Out>, B: Sink<Report>> Join<S, H, B> {
    /// A step and its side input.
    pub fn new(step: Step<S, H, B>, side: Inbox<S::In>) -> Self {
        Self { step, side }
    }

    /// The step, when the run has ended.
    pub fn into_step(self) -> Step<S, H, B> {
        self.step
    }

    /// Whether nothing is due at or before the time of `key`.
    #[inline]
    fn quiet(&self, key: Key) -> bool {
        let held = self.step.returns.head().time().min(self.side.head().time());
        key.time() < held.min(self.step.stage.waits_for())
    }

    /// Takes in all that is there. Answers first: an answer seen means that its order can be seen.
    fn collect(&mut self) {
        self.step.collect();
        self.step.moved += self.side.drain(|_| {});
    }

    /// Applies reports and takes orders below `key`, in key order. True when none is missing.
    fn advance(&mut self, key: Key) -> bool {
        if !self.step.resume() {
            // What it says goes back, perhaps to stages that nothing but this call turns: they make room for more.
            self.step.back.flush();
            self.step.hop.until(key);
            self.collect();
            return false;
        }
        loop {
            let before = self.step.moved;
            self.step.credit = 0;
            self.collect();
            self.step.promise_back(self.side.head());
            self.step.back.flush();
            let inner = self.step.hop.until(key);
            self.collect();
            let next = key.min(self.side.head());
            if self.step.settle(next) {
                if next == key && inner {
                    return true;
                }
                if next < key {
                    if self.step.room() == 0 {
                        return false;
                    }
                    if let Some(message) = self.side.take() {
                        self.step.put(&message);
                        self.step.moved += 1;
                    }
                }
            }
            if self.step.moved == before {
                return false;
            }
        }
    }
}

impl<S: Stage, H: Sink<S::Out>, B: Sink<Report>> Outlet for Join<S, H, B> {
    #[inline]
    fn room(&mut self) -> usize {
        self.step.room()
    }

    #[inline]
    fn busy(&self) -> bool {
        self.step.busy()
    }

    #[inline]
    fn until(&mut self, key: Key) -> bool {
        self.step.next = self.step.next.max(key);
        if self.quiet(key) || self.step.pace == Pace::FreeRun {
            return true;
        }
        self.advance(key)
    }

    fn flush(&mut self) -> bool {
        if self.step.pace == Pace::FreeRun {
            self.step.resume();
            self.collect();
            while self.side.head() != Key::MAX && self.step.room() > 0 {
                if let Some(message) = self.side.take() {
                    self.step.put(&message);
                }
            }
            // The end is passed on only when nothing is in flight: what follows may stop then.
            let owed = self.step.stage.waits_for() != Nanos::MAX || self.side.head() != Key::MAX;
            return self.step.free_turn(!owed) & !owed;
        }
        let next = self.step.next;
        self.advance(next);
        self.step.hop.flush() & self.step.back.flush()
    }
}

impl<S: Stage, H: Sink<S::Out>, B: Sink<Report>> Sink<S::In> for Join<S, H, B> {
    #[inline]
    fn put(&mut self, message: &S::In) {
        self.step.put(message);
    }

    #[inline]
    fn hint(&self, message: &S::In, step: u8) {
        self.step.hint(message, step);
    }
}

/// Moves messages from rings into a sink, in key order. With one ring it is the pump of a cut.
pub struct Merge<T: Message, S> {
    inputs: Vec<Consumer<T>>,
    sink: S,
    batch: usize,
    pace: Pace,
    done: bool,
}

/// How far ahead of the message put the second hint goes; the third is not given here.
const HINT_LEVEL_AHEAD: usize = 6;

impl<T: Message, S: Sink<T>> Merge<T, S> {
    /// A merge that moves at most `batch` messages a turn.
    pub fn new(inputs: Vec<Consumer<T>>, sink: S, batch: usize, pace: Pace) -> Self {
        Self { inputs, sink, batch, pace, done: false }
    }

    /// What it feeds, when the run has ended.
    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Messages of the next turns.
    pub fn set_batch(&mut self, batch: usize) {
        self.batch = batch;
    }

    /// The input whose head may be taken, or the least key that any input may still bring.
    fn least(&mut self) -> (Key, Option<usize>) {
        let mut least = (Key::MAX, None);
        let arrival = self.pace == Pace::FreeRun || planted(Plant::MergeByArrival);
        for (index, input) in self.inputs.iter_mut().enumerate() {
            let (key, ready) = match input.peek() {
                Some(message) if arrival => return (message.key(), Some(index)),
                Some(message) => (message.key(), Some(index)),
                None => (input.bound(), None),
            };
            if key < least.0 {
                least = (key, ready);
            }
        }
        least
    }

    fn hints(&mut self, index: usize) {
        let fresh = self.inputs[index].fresh();
        let following = self.inputs[index].following();
        if fresh {
            following.iter().for_each(|message| self.sink.hint(message, 0));
        }
        if let Some(message) = following.get(HINT_LEVEL_AHEAD - 1) {
            self.sink.hint(message, 1);
        }
    }
}

impl<T: Message, S: Sink<T>> Agent for Merge<T, S> {
    fn do_work(&mut self) -> usize {
        let mut count = 0;
        let mut ended = false;
        while count < self.batch {
            let (key, ready) = self.least();
            let settled = self.sink.until(key);
            let Some(index) = ready else {
                ended = settled && key == Key::MAX;
                break;
            };
            if !settled || self.sink.room() == 0 {
                break;
            }
            self.hints(index);
            if let Some(message) = self.inputs[index].peek() {
                self.sink.put(message);
                self.inputs[index].take();
            }
            count += 1;
        }
        self.done = self.sink.flush() && ended;
        count
    }

    fn done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests;
