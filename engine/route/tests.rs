//! The desk: references, answers, the latch, and the table of states met by a venue's events.

use super::*;
use crate::base::message::Message;
use crate::base::testing::{Recorder, cents};
use crate::base::unit::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const OUT: Nanos = Nanos(500);

/// A desk between two recorders; watches over references and answers.
struct Office {
    desk: Desk,
    out: Recorder<Market>,
    back: Recorder<Report>,
    numbers: u32,
    references: u32,
    answers: u64,
}

impl Office {
    fn new() -> Self {
        Self::with(Desk::new(4, OUT))
    }

    fn with(desk: Desk) -> Self {
        let (out, back) = (Recorder::roomy(), Recorder::roomy());
        Self { desk, out, back, numbers: 0, references: 0, answers: 0 }
    }

    /// Sends an intent. What leaves has the next reference; what was asked has one answer, what was not has none.
    fn send(&mut self, intent: Intent) -> (Option<Market>, Code) {
        let intent = Intent { number: self.numbers, ..intent };
        let asked = !intent.head.flags.has(Flags::UNASKED);
        self.numbers += u32::from(asked);
        self.desk.on(Order::approved(&intent), &mut self.out, &mut self.back);
        let (left, answers) = (self.out.drain(), self.back.drain());
        assert!(left.len() <= 1);
        for order in &left {
            self.references += 1;
            assert_eq!(order.stamp, Stamp(self.references), "without gaps, as they leave");
            assert_eq!(order.head.time, intent.head.time.plus(OUT));
            assert_eq!((order.reference, order.other), (intent.order.0, intent.target.0));
        }
        assert_eq!(answers.len(), usize::from(asked), "one answer to what was asked");
        let Some(answer) = answers.first() else { return (left.first().copied(), Code::NONE) };
        self.answers += 1;
        assert_eq!((answer.sequence, answer.number), (self.answers, intent.number));
        assert_eq!(answer.head.time, intent.head.time.plus(OUT));
        assert!(answer.head.flags.has(Flags::ANSWER) && answer.head.source == Source::ROUTE);
        let code = Code(answer.code);
        let kind = if code == Code::NONE { Kind::SENT } else { Kind::REFUSED };
        assert_eq!(answer.head.kind, kind);
        assert!(left.is_empty() || code == Code::NONE, "what was refused does not leave");
        (left.first().copied(), code)
    }

    fn refused(&mut self, intent: Intent) -> Code {
        self.send(intent).1
    }

    /// The venue says something: it is passed on once, whatever it is.
    fn tell(&mut self, report: Report) {
        self.desk.on_report(&report, &mut self.back);
        assert_eq!(self.back.drain(), [report]);
    }

    /// An order that the venue has accepted.
    fn opened(&mut self, id: u64) {
        assert_eq!(self.refused(new(id)), Code::NONE);
        self.tell(event(Kind::ACCEPTED, id, 0, 100));
    }

    fn odd(&self) -> (u64, u64) {
        let RouteCounts { unknown, impossible, .. } = self.desk.counts();
        (unknown, impossible)
    }
}

fn intent(kind: Kind, order: u64, target: u64) -> Intent {
    let mut intent = Intent { order: OrderId(order), target: OrderId(target), ..Intent::default() };
    (intent.head.kind, intent.head.time) = (kind, Nanos(1_000));
    Intent { price: cents(1000), qty: Qty(100), side: Side::BUY, good_until: Nanos::MAX, ..intent }
}

fn new(order: u64) -> Intent {
    intent(Kind::NEW, order, 0)
}

fn replace(target: u64, order: u64) -> Intent {
    intent(Kind::REPLACE_ORDER, order, target)
}

fn cancel(target: u64) -> Intent {
    intent(Kind::CANCEL_ORDER, 0, target)
}

fn event(kind: Kind, order: u64, target: u64, leaves: u64) -> Report {
    let leaves = Qty(leaves);
    let mut report =
        Report { order: OrderId(order), target: OrderId(target), leaves, ..Report::default() };
    (report.head.kind, report.qty) = (kind, Qty(10));
    report
}

#[test]
fn an_order_goes_its_whole_way() {
    let mut office = Office::new();
    let (order, _) = office.send(new(1));
    let order = order.unwrap();
    assert_eq!((order.head.kind, order.qty, order.price), (Kind::NEW, Qty(100), cents(1000)));
    assert_eq!(office.refused(replace(1, 2)), Code::ROUTE_NOT_OPEN, "not confirmed yet");
    office.tell(event(Kind::ACCEPTED, 1, 0, 100));
    office.tell(event(Kind::FILLED, 1, 0, 90));
    assert_eq!(office.refused(replace(1, 3)), Code::NONE);
    assert_eq!(office.refused(replace(1, 4)), Code::ROUTE_NOT_OPEN, "one change at a time");
    office.tell(event(Kind::REPLACED, 3, 1, 90));
    assert_eq!(office.refused(cancel(1)), Code::ROUTE_NOT_OPEN, "it was replaced");
    assert_eq!(office.refused(cancel(3)), Code::NONE);
    assert_eq!(office.refused(cancel(3)), Code::ROUTE_NOT_OPEN, "one cancel at a time");
    office.tell(event(Kind::FILLED, 3, 0, 80));
    office.tell(event(Kind::CANCELED, 3, 0, 0));
    assert_eq!((office.desk.open_orders(), office.odd()), (0, (0, 0)));
    let RouteCounts { sent, cancels, .. } = office.desk.counts();
    assert_eq!((sent, cancels), (2, 1));
}

#[test]
fn a_replace_names_what_its_chain_had_executed_when_it_was_approved() {
    let mut office = Office::new();
    office.opened(1);
    // The gate has not heard of these yet: they come off what is open.
    office.tell(event(Kind::FILLED, 1, 0, 90));
    let mut leaves = |approved: Order| {
        office.desk.on(&approved, &mut office.out, &mut office.back);
        office.back.drain();
        office.out.drain()[0].qty.0
    };
    assert_eq!(leaves(Order::after(Qty(0), replace(1, 2))), 100);
    let mut office = Office::new();
    office.opened(1);
    let mut leaves = |approved: Order| {
        office.desk.on(&approved, &mut office.out, &mut office.back);
        office.out.drain()[0].qty.0
    };
    assert_eq!(leaves(Order::after(Qty(10), replace(1, 2))), 110);
    // The place is a parent's in what is no replace.
    let child = Intent { parent: OrderId(7), ..new(4) };
    assert_eq!(leaves(*Order::approved(&child)), 100);
}

#[test]
fn a_change_that_came_too_late_leaves_its_target_open() {
    let mut office = Office::new();
    office.opened(1);
    office.send(replace(1, 2));
    office.tell(event(Kind::TOO_LATE, 2, 1, 0));
    assert_eq!(office.desk.open_orders(), 1);
    office.send(cancel(1));
    office.tell(event(Kind::TOO_LATE, 0, 1, 0));
    assert_eq!(office.refused(replace(1, 3)), Code::NONE, "open as before");
    office.tell(event(Kind::FILLED, 1, 0, 0));
    office.tell(event(Kind::TOO_LATE, 3, 1, 0));
    assert_eq!((office.desk.open_orders(), office.odd()), (0, (0, 0)), "its target had filled");
}

#[test]
fn the_kill_latch_stops_what_is_new_and_lets_cancels_pass() {
    let mut office = Office::new();
    office.opened(1);
    let kill = intent(Kind::KILL, 0, 0);
    assert_eq!(office.send(kill), (None, Code::NONE), "answered, and nothing leaves");
    assert_eq!(office.refused(new(2)), Code::ROUTE_KILLED);
    assert_eq!(office.refused(replace(1, 3)), Code::ROUTE_KILLED);
    let mut unasked = cancel(1);
    unasked.head.flags = Flags::UNASKED;
    assert!(office.send(unasked).0.is_some());
    assert!(office.send(unasked).0.is_none(), "it is on its way out: nobody waits for an answer");
    assert_eq!(office.refused(new(4)), Code::ROUTE_KILLED, "the latch stays");
}

#[test]
fn only_the_firm_s_own_words_move_the_latch() {
    let mut office = Office::new();
    let at = |kind, level| Intent { level, ..intent(kind, 0, 0) };
    assert_eq!(office.send(at(Kind::KILL, Level::ACCOUNT)), (None, Code::NONE));
    assert_eq!(office.refused(new(1)), Code::NONE, "the gate refuses what a narrower kill stops");
    office.send(at(Kind::KILL, Level::FIRM));
    for words in [
        at(Kind::RESUME, Level::STRATEGY),
        at(Kind::REDUCE_ONLY, Level::FIRM),
        at(Kind::LIMITS, Level::FIRM),
    ] {
        assert_eq!(office.send(words), (None, Code::NONE), "answered, and nothing leaves");
        assert_eq!(office.refused(new(2)), Code::ROUTE_KILLED);
    }
    office.send(at(Kind::RESUME, Level::FIRM));
    assert_eq!(office.refused(new(3)), Code::NONE);
}

#[test]
fn what_would_arrive_after_its_time_is_refused_but_for_cancels() {
    let mut office = Office::new();
    let until = |intent: Intent, time| Intent { good_until: Nanos(time), ..intent };
    assert_eq!(office.refused(until(new(1), 1_499)), Code::ROUTE_LATE);
    assert_eq!(office.refused(until(new(1), 1_500)), Code::NONE);
    office.tell(event(Kind::ACCEPTED, 1, 0, 100));
    assert_eq!(office.refused(until(replace(1, 2), 1_499)), Code::ROUTE_LATE);
    assert_eq!(office.refused(until(cancel(1), 0)), Code::NONE);
}

#[test]
fn a_shut_desk_lets_nothing_out_and_a_full_one_no_more() {
    let mut office = Office::with(Desk::new(4, OUT).shut());
    assert_eq!(office.refused(new(1)), Code::ROUTE_SHUT);
    assert_eq!(office.refused(cancel(1)), Code::ROUTE_SHUT);
    let mut office = Office::new();
    (1..=4).for_each(|id| office.opened(id));
    assert_eq!(office.refused(new(5)), Code::ROUTE_FULL);
    assert_eq!(office.refused(replace(1, 6)), Code::ROUTE_FULL);
    assert_eq!(office.refused(cancel(1)), Code::NONE);
    office.tell(event(Kind::CANCELED, 1, 0, 0));
    assert_eq!(office.refused(new(7)), Code::NONE);
    assert_eq!(office.refused(replace(2, 8)), Code::ROUTE_FULL, "its target stays as it was:");
    assert_eq!(office.refused(cancel(2)), Code::NONE);
}

#[test]
fn what_is_unknown_or_impossible_is_counted_and_passed_on() {
    let mut office = Office::new();
    office.tell(event(Kind::FILLED, 7, 0, 0));
    assert_eq!(office.odd(), (1, 0));
    office.opened(1);
    office.tell(event(Kind::ACCEPTED, 1, 0, 100));
    assert_eq!(office.odd(), (1, 1));
    office.send(new(2));
    office.tell(event(Kind::FILLED, 2, 0, 0));
    assert_eq!(office.odd(), (1, 2), "filled before it was accepted");
    assert_eq!(office.desk.open_orders(), 2);
    // What is not the venue's word on an order is passed on too.
    office.tell(event(Kind::REFUSED, 1, 0, 0));
    assert_eq!(office.odd(), (1, 2));
}

#[test]
fn nothing_below_what_is_promised_is_answered() {
    let mut office = Office::new();
    let order = new(1);
    let next = Order::approved(&order).key();
    let promise = office.desk.promise_back(next, Key::MAX);
    office.desk.on(Order::approved(&order), &mut office.out, &mut office.back);
    assert_eq!(office.back.drain()[0].key(), promise, "the very next answer");
    assert_eq!(office.desk.promise_back(next, promise), promise, "nor what is held");
    assert_eq!(office.desk.promise_back(Key::MAX, next), next);
}

/// What is drawn: an intent, or what a venue may say of an order.
#[derive(Clone, Copy, Debug)]
enum Act {
    Ask { kind: Kind, which: u64, asked: bool, late: bool },
    Say { kind: Kind, order: u64, target: u64, leaves: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    let asks = [Kind::NEW, Kind::NEW, Kind::CANCEL_ORDER, Kind::REPLACE_ORDER];
    let says = [
        Kind::ACCEPTED,
        Kind::FILLED,
        Kind::CANCELED,
        Kind::REPLACED,
        Kind::REJECTED,
        Kind::TOO_LATE,
    ];
    prop_oneof![
        (prop::sample::select(asks.to_vec()), 0..12u64, any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(kind, which, asked, late)| Act::Ask { kind, which, asked, late }),
        (prop::sample::select(says.to_vec()), 0..12u64, 0..12u64, 0..2u64)
            .prop_map(|(kind, order, target, leaves)| Act::Say { kind, order, target, leaves }),
    ]
}

proptest! {
    /// `Office` watches over every answer, reference and report.
    #[test]
    fn every_intent_is_answered_once_and_the_states_are_as_the_table_says(
        acts in prop::collection::vec(act(), 1..100),
        kill in 0..200usize,
    ) {
        let mut office = Office::new();
        let mut states: BTreeMap<u64, State> = BTreeMap::new();
        let mut killed = false;
        for (at, act) in acts.into_iter().enumerate() {
            if at == kill {
                office.send(intent(Kind::KILL, 0, 0));
                killed = true;
            }
            match act {
                Act::Ask { kind, which, asked, late } => {
                    let name = 12 + at as u64;
                    let target = if which == 0 { 0 } else { states.keys().nth(which as usize % states.len().max(1)).copied().unwrap_or(0) };
                    let mut intent = match kind {
                        Kind::NEW => new(name),
                        Kind::CANCEL_ORDER => cancel(target),
                        _ => replace(target, name),
                    };
                    if !asked && kind == Kind::CANCEL_ORDER {
                        intent.head.flags = Flags::UNASKED;
                    }
                    if late {
                        intent.good_until = Nanos(0);
                    }
                    let state = states.get(&target).copied();
                    let may = match kind {
                        Kind::CANCEL_ORDER => state.is_some_and(State::may_cancel),
                        _ if late || killed || states.len() == 4 => false,
                        Kind::NEW => true,
                        _ => state.is_some_and(State::may_replace),
                    };
                    let (left, _) = office.send(intent);
                    prop_assert_eq!(left.is_some(), may);
                    match kind {
                        _ if !may => {}
                        Kind::CANCEL_ORDER => drop(states.insert(target, State::Canceling)),
                        Kind::NEW => drop(states.insert(name, State::Sent)),
                        _ => {
                            states.insert(target, State::Replacing);
                            states.insert(name, State::Sent);
                        }
                    }
                }
                Act::Say { kind, order, target, leaves } => {
                    let pick = |n: u64| states.keys().nth(n as usize).copied().unwrap_or(n);
                    let (order, target) = (if order == 0 { 0 } else { pick(order - 1) }, pick(target));
                    let report = event(kind, order, target, leaves);
                    office.tell(report);
                    let moves = match Event::of(&report) {
                        Some(Event::TooLate) => vec![(order, Event::Rejected), (target, Event::TooLate)],
                        Some(event) => vec![(order, event)],
                        None => vec![],
                    };
                    for (order, event) in moves {
                        match states.get(&order).map(|state| state.after(event)) {
                            Some(Next::State(next)) => drop(states.insert(order, next)),
                            Some(Next::Gone) => drop(states.remove(&order)),
                            _ => {}
                        }
                    }
                    if kind == Kind::REPLACED {
                        states.remove(&target);
                    }
                }
            }
            prop_assert_eq!(office.desk.open_orders(), states.len());
        }
    }
}
