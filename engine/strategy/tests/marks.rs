//! What risk is told of the market at each tick, and what it has cancelled.

use super::{BUY, Desk, SELL, market};
use crate::base::code::Code;
use crate::base::message::{Intent, Kind, Report};
use crate::base::testing::cents;
use crate::base::unit::*;
use crate::book::{Books, Change};
use crate::strategy::{AnyStrategy, Orders, Strategy};
use std::cell::RefCell;
use std::rc::Rc;

/// Hears, and wants an order in each turn if it is eager.
struct Listener {
    heard: Rc<RefCell<Vec<Kind>>>,
    is_eager: bool,
}

impl Strategy for Listener {
    fn id(&self) -> StrategyId {
        StrategyId(1)
    }

    fn burst(&self) -> usize {
        1
    }

    fn on_book(&mut self, _books: &Books, _change: &Change, _time: Nanos) {}

    fn on_report(&mut self, report: &Report) {
        self.heard.borrow_mut().push(report.head.kind);
    }

    fn wants(&self) -> bool {
        self.is_eager
    }

    fn decide(&mut self, _books: &Books, orders: &mut impl Orders) {
        orders.new_order(InstrumentId(0), BUY, cents(1), Qty(1), TimeInForce::DAY);
    }
}

fn listener(is_eager: bool) -> (Desk<Listener>, Rc<RefCell<Vec<Kind>>>) {
    let heard = Rc::default();
    (Desk::new(Listener { heard: Rc::clone(&heard), is_eager }, 4), heard)
}

fn silent() -> Desk<AnyStrategy> {
    Desk::new(AnyStrategy::None, 4)
}

fn fill(instrument: u32, side: Side) -> Report {
    let mut report = Report { order: OrderId(9), side, qty: Qty(100), ..Report::default() };
    (report.head.kind, report.head.instrument) = (Kind::FILLED, InstrumentId(instrument));
    report
}

fn told(kind: Kind, code: Code) -> Report {
    let mut report = Report { code: code.0, ..Report::default() };
    (report.head.kind, report.head.instrument) = (kind, InstrumentId::NONE);
    report
}

/// Whose market was told since the last look; `None` is the question.
fn marks<S: Strategy>(desk: &mut Desk<S>) -> Vec<Option<u32>> {
    let marks = std::mem::take(&mut desk.marks);
    let whose = |mark: &Intent| Some(mark.head.instrument.0).filter(|id| *id < 4);
    marks.iter().map(whose).collect()
}

#[test]
fn with_nothing_held_a_tick_only_asks() {
    let mut desk = silent();
    assert!(desk.idle().is_empty() && marks(&mut desk).is_empty(), "no tick, no question");
    for _ in 0..2 {
        assert!(desk.tick().is_empty());
        assert_eq!(marks(&mut desk), [None]);
        desk.idle();
        assert!(marks(&mut desk).is_empty(), "once a tick");
    }
}

#[test]
fn at_a_tick_it_asks_and_tells_the_market_of_each_instrument_that_is_held() {
    let mut desk = silent();
    desk.touch(2, (1000, 10), (1005, 10));
    [2, 0, 3].into_iter().for_each(|instrument| desk.tell(fill(instrument, BUY)));
    desk.idle();
    assert!(marks(&mut desk).is_empty(), "the fill told the price: from the next tick on");
    desk.tick();
    let mark = desk.marks[1];
    assert_eq!((mark.head.kind, mark.bid, mark.ask), (Kind::MARK, cents(1000), cents(1005)));
    assert_eq!(marks(&mut desk), [None, Some(2)], "as many as a turn has room for");
    desk.idle();
    assert_eq!(marks(&mut desk), [Some(0), Some(3)], "and the others at the next");
    desk.tell(fill(0, SELL));
    desk.tell(fill(2, BUY));
    desk.tick();
    desk.idle();
    assert_eq!(marks(&mut desk), [None, Some(2)], "what is flat no more, nor what stands still");
    desk.touch(3, (1000, 10), (1005, 10));
    desk.touch(0, (1000, 10), (1005, 10));
    desk.idle();
    assert!(marks(&mut desk).is_empty());
    desk.tick();
    desk.idle();
    assert_eq!(marks(&mut desk), [None, Some(3)], "what moved, however often, once");
    desk.tick();
    desk.idle();
    assert_eq!(marks(&mut desk), [None]);
}

#[test]
fn a_market_of_one_side_is_told_at_each_tick_for_risk_believes_it_for_a_while_only() {
    let mut desk = silent();
    desk.touch(0, (1000, 10), (1005, 10));
    desk.add(1, BUY, 1000, 10, true);
    [0, 1, 2].into_iter().for_each(|instrument| desk.tell(fill(instrument, BUY)));
    desk.tick();
    desk.idle();
    assert_eq!(marks(&mut desk), [None, Some(0), Some(1), Some(2)]);
    for _ in 0..3 {
        desk.tick();
        let told: Vec<_> = desk.marks.iter().map(|mark| (mark.seen, mark.bid, mark.ask)).collect();
        assert_eq!(
            told[1..],
            [(Nanos(desk.time), cents(1000), Price(0))],
            "its time is the tick's"
        );
        assert_eq!(
            marks(&mut desk),
            [None, Some(1)],
            "alone: neither what has both sides nor none"
        );
        desk.idle();
        assert!(marks(&mut desk).is_empty(), "once a tick");
    }
    desk.add(1, SELL, 1005, 10, true);
    for told in [&[None, Some(1)][..], &[None]] {
        desk.tick();
        desk.idle();
        assert_eq!(marks(&mut desk), told);
    }
}

#[test]
fn who_decides_does_not_wait_for_what_is_told() {
    let (mut desk, _) = listener(true);
    desk.tell(fill(1, BUY));
    assert_eq!(desk.tick().len(), 1, "its order");
    assert_eq!(marks(&mut desk), [None], "and one of ours before it");
    assert_eq!(desk.idle().len(), 1);
    assert_eq!(marks(&mut desk), [Some(1)]);
}

#[test]
fn what_risk_has_cancelled_is_asked_for_alone() {
    let (mut desk, _) = listener(true);
    let pull = Report {
        account: AccountId(8),
        strategy: StrategyId(5),
        limit: i64::from(Level::STRATEGY.0),
        ..told(Kind::MARKED, Code::KILLED_STRATEGY)
    };
    desk.tell(pull);
    let sent = desk.tick();
    assert_eq!(sent.len(), 1, "no order beside it");
    let Intent { level, account, strategy, head, .. } = sent[0];
    assert_eq!((head.kind, level), (Kind::CANCEL_ALL, Level::STRATEGY));
    assert_eq!((account, strategy), (AccountId(8), StrategyId(5)));
    assert!(marks(&mut desk).is_empty(), "nor a question");
    assert_eq!(desk.idle()[0].head.kind, Kind::NEW);
    assert_eq!(marks(&mut desk), [None], "there may be others after it");
    desk.idle();
    assert!(marks(&mut desk).is_empty());
}

#[test]
fn a_refusal_of_the_scope_asks_at_once_and_one_of_the_order_does_not() {
    let (mut desk, _) = listener(false);
    let asked = [
        Code::KILLED,
        Code::KILLED_INSTRUMENT,
        Code::REDUCE_ONLY_ACCOUNT,
        Code::LOSS_STRATEGY,
        Code::BREAKER,
    ];
    for code in asked {
        desk.tell(told(Kind::REFUSED, code));
        desk.idle();
        assert_eq!(marks(&mut desk), [None], "{}", code.name());
    }
    for code in [Code::POSITION, Code::PRICE_COLLAR, Code::RATE, Code::ROUTE_KILLED] {
        desk.tell(told(Kind::REFUSED, code));
        desk.idle();
        assert!(marks(&mut desk).is_empty(), "{}", code.name());
    }
}

#[test]
fn the_answer_to_a_question_never_reaches_the_strategy() {
    let (mut desk, heard) = listener(false);
    desk.tell(told(Kind::MARKED, Code::NONE));
    desk.tell(told(Kind::MARKED, Code::KILLED));
    desk.put(market(0, Kind::TICK, InstrumentId::NONE.0), true);
    desk.tell(fill(0, BUY));
    assert_eq!(*heard.borrow(), [Kind::FILLED]);
}
