//! Steps, joins and merges over stages that watch how they are called.

use super::*;
use crate::base::message::{Flags, Kind, Market, Source};
use crate::base::ring::{Producer, ring};
use crate::base::stage::{Burst, Hop};
use crate::base::testing::{Recorder, market};
use crate::base::unit::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// What a stage took in, in order: inputs by time, reports as times below zero.
type Taken = Rc<RefCell<Vec<i64>>>;

/// Passes each input on `forward` times and says `back` reports of it; checks that there is room for all of it.
struct Watcher {
    burst: Burst,
    taken: Taken,
    owed: Nanos,
    /// Messages that it has still to say, one a turn.
    more: usize,
    /// As `more`, back.
    more_back: usize,
}

impl Watcher {
    fn new(forward: usize, back: usize) -> (Self, Taken) {
        let taken = Taken::default();
        let burst = Burst { forward, back, report: 1 };
        (Self { burst, taken: taken.clone(), owed: Nanos::MAX, more: 0, more_back: 0 }, taken)
    }
}

impl Stage for Watcher {
    type In = Market;
    type Out = Market;

    fn burst(&self) -> Burst {
        self.burst
    }

    fn on(&mut self, message: &Market, out: &mut impl Sink<Market>, back: &mut impl Sink<Report>) {
        assert!(!self.busy(), "nothing new while there is more to say");
        assert!(out.room() >= self.burst.forward, "room for the burst");
        assert!(back.room() >= self.burst.back, "room for the burst back");
        self.taken.borrow_mut().push(message.head.time.0 as i64);
        if message.head.kind == Kind::KILL {
            self.more = 3;
            return;
        }
        if message.head.kind == Kind::SESSION {
            (self.more_back, self.owed) = (3, message.head.time);
            return;
        }
        (0..self.burst.forward).for_each(|_| out.put(message));
        (0..self.burst.back).for_each(|_| back.put(&report(message.head.time.0, 0)));
    }

    fn on_report(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        assert!(back.room() >= self.burst.report, "room to pass it on");
        self.taken.borrow_mut().push(-(report.head.time.0 as i64));
        back.put(report);
    }

    fn busy(&self) -> bool {
        self.more + self.more_back > 0
    }

    fn resume(&mut self, out: &mut impl Sink<Market>, back: &mut impl Sink<Report>) {
        while self.more_back > 0 && back.room() > 0 {
            back.put(&report(9_000, self.more_back as u64));
            self.more_back -= 1;
        }
        while self.more > 0 && out.room_for_cancels() > 0 {
            out.put(&market(9_000, Kind::KILL, 0));
            self.more -= 1;
        }
    }

    fn arrived(&mut self, report: &Report) {
        if report.head.flags.has(Flags::ANSWER) {
            self.owed = Nanos::MAX;
        }
    }

    fn waits_for(&self) -> Nanos {
        self.owed
    }
}

fn report(time: u64, sequence: u64) -> Report {
    let mut report = Report { sequence, ..Report::default() };
    (report.head.time, report.head.kind) = (Nanos(time), Kind::FILLED);
    report
}

fn add(time: u64) -> Market {
    market(time, Kind::ADD, 0)
}

type Alone = Step<Watcher, Recorder<Market>, Recorder<Report>>;

/// A step between recorders, and the ring on which reports return to it.
fn alone(pace: Pace, forward: usize, back: usize) -> (Alone, Producer<Report>, Taken) {
    let (writer, reader) = ring::<Report>(64, 0, 1);
    let (stage, taken) = Watcher::new(forward, back);
    let inbox = Inbox::promised(vec![reader]);
    let step = Step::new(stage, Recorder::roomy(), Recorder::roomy(), inbox, pace);
    (step, writer, taken)
}

#[test]
fn a_step_has_room_for_as_many_inputs_as_bursts_fit() {
    let (mut step, ..) = alone(Pace::FreeRun, 3, 2);
    for (forward, back, room) in [(9, 9, 3), (8, 9, 2), (9, 5, 2), (2, 9, 0), (9, 1, 0)] {
        (step.hop.room, step.back.room) = (forward, back);
        step.flush();
        assert_eq!(step.room(), room, "{forward} forward, {back} back");
        for time in 0..room {
            step.put(&add(time as u64));
        }
        assert_eq!(step.room(), 0);
    }
}

#[test]
fn reports_are_applied_in_key_order_before_the_inputs_above_them() {
    let (mut step, mut returns, taken) = alone(Pace::Lockstep, 1, 1);
    [report(7, 1), report(3, 2), report(5, 3)].iter().for_each(|report| returns.put(report));
    returns.until(add(8).key());
    returns.flush();
    for time in [4, 6, 8] {
        assert!(step.until(add(time).key()), "all below {time} are in");
        assert!(step.room() > 0);
        step.put(&add(time));
    }
    assert_eq!(*taken.borrow(), [-3, 4, -5, 6, -7, 8]);
    assert!(!step.until(add(9).key()), "a report below 9 may still come");
    returns.until(Key::MAX);
    returns.flush();
    assert!(step.until(add(9).key()));
}

#[test]
fn a_report_is_not_applied_while_one_before_it_may_come() {
    let (mut step, mut returns, taken) = alone(Pace::Lockstep, 1, 1);
    returns.put(&report(7, 1));
    returns.until(Key::least_report(Nanos(5)));
    returns.flush();
    assert!(!step.until(Key::MAX));
    assert_eq!(*taken.borrow(), [0i64; 0]);
    returns.put(&report(6, 2));
    returns.until(Key::MAX);
    returns.flush();
    assert!(step.until(Key::MAX));
    assert_eq!(*taken.borrow(), [-6, -7]);
}

#[test]
fn a_step_waits_for_what_its_stage_is_owed() {
    let (mut step, mut returns, taken) = alone(Pace::Lockstep, 1, 1);
    returns.until(Key::MAX);
    returns.flush();
    step.stage.owed = Nanos(5);
    assert!(step.until(add(4).key()));
    assert!(!step.until(add(5).key()), "an answer at 5 comes before the market at 5");
    let mut answer = report(5, 1);
    answer.head.flags = Flags::ANSWER;
    returns.put(&answer);
    assert!(step.until(add(5).key()));
    assert_eq!(*taken.borrow(), [-5]);
}

#[test]
fn what_cannot_be_passed_on_is_not_applied_and_holds_up_what_follows() {
    let (mut step, mut returns, taken) = alone(Pace::Lockstep, 1, 1);
    [report(3, 1), report(4, 2)].iter().for_each(|report| returns.put(report));
    returns.until(Key::MAX);
    returns.flush();
    step.back.room = 1;
    assert!(!step.until(add(9).key()));
    assert_eq!((taken.borrow().as_slice(), step.back.put.len()), (&[-3][..], 1));
    step.back.room = 1;
    assert!(step.until(add(9).key()));
    assert_eq!(*taken.borrow(), [-3, -4]);
}

#[test]
fn what_is_left_to_say_comes_before_anything_new() {
    for pace in [Pace::Lockstep, Pace::FreeRun] {
        let (mut step, mut returns, _) = alone(pace, 1, 1);
        returns.until(Key::MAX);
        returns.flush();
        assert!(step.until(add(1).key()) && step.room() > 0);
        step.hop.room = 2;
        step.put(&market(1, Kind::KILL, 0));
        assert_eq!((step.room(), step.busy()), (0, true));
        assert!(!step.until(add(2).key()), "{pace:?}: two of three are said");
        assert_eq!((step.hop.put.len(), step.room()), (2, 0));
        step.hop.room = 5;
        assert!(step.until(add(2).key()));
        assert_eq!((step.hop.put.len(), step.room()), (3, 4));
    }
}

#[test]
fn a_free_step_applies_what_is_there_and_ends_when_all_is_in() {
    let (mut step, mut returns, taken) = alone(Pace::FreeRun, 1, 1);
    returns.put(&report(9, 1));
    returns.flush();
    assert!(step.until(add(1).key()), "nobody waits");
    assert!(step.flush());
    assert_eq!(*taken.borrow(), [-9]);
    step.back.room = 0;
    returns.put(&report(2, 2));
    returns.flush();
    assert!(step.until(Key::MAX));
    assert!(!step.flush(), "one report could not be passed on");
    step.back.room = 1;
    assert!(!step.flush(), "more may still return");
    returns.until(Key::MAX);
    returns.flush();
    assert!(step.flush());
    assert_eq!((step.hop.promise, taken.borrow().len()), (Key::MAX, 2));
}

/// Two steps on one core: the first's room is the second's, which reports may take back.
#[test]
fn a_stage_is_never_called_without_room_when_it_runs_free() {
    let (writer, reader) = ring::<Report>(64, 0, 1);
    let (inner, _) = Watcher::new(1, 1);
    let inbox = Inbox::promised(vec![reader]);
    let inner = Step::new(inner, Recorder::roomy(), Recorder::with_room(4), inbox, Pace::FreeRun);
    let (stage, taken) = Watcher::new(1, 1);
    let (_orders, side) = ring::<Market>(8, 0, 1);
    let (_answers, returns) = ring::<Report>(8, 0, 1);
    let hop = Hop::<_, Market>::Here(inner);
    let returns = Inbox::counted(vec![returns]);
    let step = Step::new(stage, hop, Recorder::roomy(), returns, Pace::FreeRun);
    let mut join = Join::new(step, Inbox::counted(vec![side]));
    let mut returns = writer;
    assert!(join.until(add(1).key()));
    assert_eq!(join.room(), 4);
    (1..=3).for_each(|n| returns.put(&report(n, n)));
    returns.flush();
    join.flush();
    assert!(join.until(add(2).key()));
    assert_eq!(join.room(), 1, "three reports took the room of three inputs");
    join.put(&add(2));
    assert_eq!(*taken.borrow(), [2]);
}

type Pair = Join<Watcher, Recorder<Market>, Recorder<Report>>;

/// A join over recorders, the ring of its side input, and that of its reports.
fn joined(pace: Pace) -> (Pair, Producer<Market>, Producer<Report>, Taken) {
    let (stage, taken) = Watcher::new(1, 1);
    let (orders, side) = ring::<Market>(64, 0, 1);
    let (answers, returns) = ring::<Report>(64, 0, 1);
    let returns = Inbox::counted(vec![returns]);
    let step = Step::new(stage, Recorder::roomy(), Recorder::roomy(), returns, pace);
    (Join::new(step, Inbox::counted(vec![side])), orders, answers, taken)
}

fn order(time: u64, reference: u32) -> Market {
    Market { stamp: Stamp(reference), ..market(time, Kind::NEW, 0) }
}

#[test]
fn a_join_takes_its_side_input_in_key_order_with_the_market() {
    let (mut join, mut orders, mut answers, taken) = joined(Pace::Lockstep);
    join.step.stage.owed = Nanos(4);
    assert!(join.until(add(3).key()), "nothing is due before 4");
    assert!(!join.until(add(5).key()), "an answer is");
    [order(5, 1), order(4, 2)].iter().for_each(|order| orders.put(order));
    let mut answer = report(4, 1);
    answer.head.flags = Flags::ANSWER;
    answers.put(&answer);
    assert!(join.until(add(5).key()));
    assert!(join.room() > 0);
    join.put(&add(5));
    assert!(join.until(add(6).key()));
    assert_eq!(*taken.borrow(), [-4, 4, 5, 5], "answer, order at 4, market at 5, order at 5");
}

#[test]
fn a_join_that_runs_free_drains_both_inputs_and_ends_when_nothing_is_owed() {
    let (mut join, mut orders, mut answers, taken) = joined(Pace::FreeRun);
    join.step.stage.owed = Nanos(100);
    orders.put(&order(50, 1));
    assert!(join.until(Key::MAX));
    assert!(!join.flush(), "an answer is owed");
    assert_eq!((taken.borrow().as_slice(), join.step.hop.promise), (&[50][..], Key::default()));
    let mut answer = report(4, 1);
    answer.head.flags = Flags::ANSWER;
    answers.put(&answer);
    join.step.back.room = 2;
    while !join.flush() {}
    assert_eq!((taken.borrow().as_slice(), join.step.hop.promise), (&[50, -4][..], Key::MAX));
}

/// A close has more to say back than the ring holds; the stages that read that ring may be behind the join itself.
#[test]
fn what_a_join_has_left_to_say_back_comes_before_either_input_and_lets_others_turn() {
    for pace in [Pace::Lockstep, Pace::FreeRun] {
        let (mut join, mut orders, mut answers, taken) = joined(pace);
        assert!(join.until(add(1).key()) && join.room() > 0);
        join.step.back.room = 2;
        join.put(&market(1, Kind::SESSION, 0));
        assert_eq!((join.room(), join.busy()), (0, true));
        orders.put(&order(2, 1));
        join.until(add(3).key());
        assert!(!join.flush() || pace == Pace::Lockstep);
        assert_eq!((join.step.back.put.len(), join.room()), (2, 0), "{pace:?}: two of three");
        assert_eq!(*taken.borrow(), [1], "nothing new");
        if pace == Pace::Lockstep {
            assert!(!join.until(add(3).key()));
            assert_eq!(join.step.hop.promise, add(3).key(), "those behind are turned");
        }
        join.step.back.room = 9;
        join.until(add(3).key());
        join.flush();
        let mut answer = report(1, 1);
        answer.head.flags = Flags::ANSWER;
        answers.put(&answer);
        while !join.until(add(3).key()) {}
        join.flush();
        let kept = if pace == Pace::Lockstep { [1, -1, 2] } else { [1, 2, -1] };
        assert_eq!(
            *taken.borrow(),
            kept,
            "what is owed, then the order; as they came, running free"
        );
        assert!(!join.busy() && join.room() > 0);
    }
}

fn merge(
    pace: Pace,
    rings: usize,
    depth: usize,
) -> (Merge<Market, Recorder<Market>>, Vec<Producer<Market>>) {
    let (writers, readers) = (0..rings).map(|_| ring::<Market>(depth, 0, 1)).unzip();
    (Merge::new(readers, Recorder::roomy(), 8, pace), writers)
}

#[test]
fn a_merge_waits_for_the_input_that_may_still_bring_less() {
    let (mut merge, mut writers) = merge(Pace::Lockstep, 2, 8);
    writers[0].put(&add(5));
    assert_eq!(merge.do_work(), 0);
    writers[1].until(add(4).key());
    writers[1].flush();
    assert_eq!(
        (merge.do_work(), merge.sink.promise),
        (0, add(4).key()),
        "its promise is passed on"
    );
    writers[1].put(&add(4));
    writers[1].until(Key::MAX);
    writers[1].flush();
    assert_eq!(merge.do_work(), 2);
    assert_eq!(merge.sink.put, [add(4), add(5)]);
    assert!(!merge.done());
    writers[0].until(Key::MAX);
    writers[0].flush();
    merge.do_work();
    assert!(merge.done());
}

#[test]
fn a_merge_that_runs_free_takes_what_is_there_and_ends_with_its_inputs() {
    let (mut merge, mut writers) = merge(Pace::FreeRun, 2, 8);
    writers[1].put(&add(5));
    assert_eq!(merge.do_work(), 1);
    for writer in &mut writers {
        assert!(!merge.done());
        writer.until(Key::MAX);
        writer.flush();
        merge.do_work();
    }
    assert!(merge.done());
}

#[test]
fn a_merge_takes_nothing_that_its_sink_has_no_room_for() {
    let (mut merge, mut writers) = merge(Pace::Lockstep, 1, 8);
    (1..=3).for_each(|time| writers[0].put(&add(time)));
    merge.sink.room = 2;
    assert_eq!((merge.do_work(), merge.do_work()), (2, 0));
    merge.sink.room = 2;
    assert_eq!((merge.do_work(), merge.sink.put.len()), (1, 3));
}

proptest! {
    /// Whatever the schedule: all of every input, in key order, once.
    #[test]
    fn a_merge_gives_all_in_key_order_whatever_arrives_when(
        times in prop::collection::vec(prop::collection::vec(1..40u64, 0..30), 1..4),
        schedule in prop::collection::vec((0..4usize, 1..6usize), 0..200),
        depth in 1..5usize,
    ) {
        let (mut merge, mut writers) = merge(Pace::Lockstep, times.len(), depth);
        let mut inputs: Vec<_> = times.into_iter().zip(0u8..).map(|(mut times, source)| {
            times.sort_unstable();
            let keyed = times.into_iter().zip(1..).map(move |(time, sequence)| {
                let mut message = add(time);
                (message.head.source, message.head.cause) = (Source(source), Seq(sequence));
                message
            });
            keyed.collect::<Vec<_>>().into_iter().peekable()
        }).collect();
        let mut expected: Vec<_> = inputs.iter().flat_map(|input| input.clone()).collect();
        expected.sort_by_key(Message::key);
        let all = (0..3_000).map(|at| (at % 4, 5));
        for (index, batch) in schedule.into_iter().chain(all) {
            if let (Some(input), Some(writer)) = (inputs.get_mut(index), writers.get_mut(index)) {
                for _ in 0..batch.min(writer.room()) {
                    input.next().iter().for_each(|message| writer.put(message));
                }
                writer.until(input.peek().map_or(Key::MAX, Message::key));
                writer.flush();
            } else {
                merge.set_batch(batch);
                merge.do_work();
            }
        }
        prop_assert!(merge.done());
        prop_assert_eq!(merge.into_sink().put, expected);
    }
}
