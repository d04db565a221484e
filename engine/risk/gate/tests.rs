//! What is reserved and released on every way that an order can go, and the kill switch; `model.rs` has what holds under
//! any sequence.

mod model;

use super::*;
use crate::base::testing::{Recorder, cents};
use crate::base::unit::*;

const BUY: Side = Side::BUY;
const SELL: Side = Side::SELL;
const OUT: Nanos = Nanos(500);
const POSITION_MAX: u64 = 1_000;

/// No limits, in any phase.
fn limits() -> LimitSet {
    let mut limits = LimitSet::open(AccountId(0), StrategyId(0));
    limits.phases = PhaseLimits { limit: u8::MAX, market: u8::MAX };
    limits
}

/// A gate between two recorders.
struct Post {
    gate: Gate,
    out: Recorder<Order>,
    back: Recorder<Report>,
    news: Vec<Report>,
    numbers: u32,
}

impl Post {
    fn new(open_orders_max: usize) -> Self {
        let mut limits = limits();
        limits.classes[0].order = OrderLimits {
            qty_max: Some(Qty(10_000)),
            collar: Some(Collar { bp: 500, width: Price(0), passive: false }),
            long_max: Some(Qty(POSITION_MAX)),
            short_max: Some(Qty(POSITION_MAX)),
            ..OrderLimits::default()
        };
        Self::with(limits, open_orders_max)
    }

    fn with(limits: LimitSet, orders_max: usize) -> Self {
        let settings = GateSettings {
            limits: Arc::new(limits),
            orders_max,
            instruments: 2,
            latency_out: OUT,
            portfolio: portfolio::Settings::default(),
            heir: (AccountId(0), StrategyId(0)),
        };
        let gate = Gate::new(settings);
        let (out, back) = (Recorder::roomy(), Recorder::roomy());
        Self { gate, out, back, news: Vec::new(), numbers: 0 }
    }

    /// What came back, but for records of the gate's own, which are kept.
    fn came_back(&mut self) -> Vec<Report> {
        let is_news = |report: &Report| {
            matches!(report.head.kind, Kind::LATCHED | Kind::FLAT | Kind::ALERT | Kind::LIMITS)
        };
        let (news, back) = self.back.drain().into_iter().partition(is_news);
        self.news.extend::<Vec<_>>(news);
        back
    }

    /// Sends an intent: it is forwarded as it is, or answered with a refusal and recorded, never both.
    fn send(&mut self, intent: Intent) -> Code {
        let intent = Intent { number: self.numbers, ..intent };
        self.numbers += 1;
        self.gate.on(&intent, &mut self.out, &mut self.back);
        let (forward, back) = (self.out.drain(), self.came_back());
        match (forward.as_slice(), back.as_slice()) {
            ([order], []) => {
                // But for the mark of a sale, which is the gate's.
                assert_eq!(Intent { sale: intent.sale, ..*order.intent() }, intent);
                Code::NONE
            }
            ([], [answer, record]) => {
                assert_eq!((answer.head.kind, record.head.kind), (Kind::REFUSED, Kind::CLOSED));
                assert!(answer.head.flags.has(Flags::ANSWER) && answer.number == intent.number);
                assert_eq!(answer.head.time, intent.head.time.plus(OUT));
                assert_eq!((answer.code, record.state), (record.code, OrderState::REFUSED));
                assert_eq!(answer.shard, intent.shard);
                Code(answer.code)
            }
            _ => panic!("{} forward, {} back", forward.len(), back.len()),
        }
    }

    fn new_order(&mut self, id: u64, side: Side, qty: u64) -> Code {
        self.send(order(id, side, qty))
    }

    fn replace(&mut self, target: u64, id: u64, side: Side, qty: u64) -> Code {
        self.send(replace(target, id, side, qty))
    }

    /// Tells the gate, and returns how the orders ended that it closed. The report is passed on last, once.
    fn tell(&mut self, report: Report) -> Vec<OrderState> {
        self.gate.on_report(&report, &mut self.back);
        let mut back = self.came_back();
        assert_eq!(back.pop(), Some(report), "passed on as it is, after what it led to");
        assert!(back.iter().all(|record| record.head.kind == Kind::CLOSED));
        assert!(back.len() < self.gate.burst().report);
        back.iter().map(|record| record.state).collect()
    }

    /// Long, reserved bids, reserved offers of the first instrument.
    fn stake(&self) -> (i64, u64, u64) {
        let Exposure { position, open_buys, open_sells } = self.gate.stakes[0].exposure;
        (position.0, open_buys.0, open_sells.0)
    }
}

fn intent(kind: Kind) -> Intent {
    let (bid, ask, health) = (cents(999), cents(1001), Health::LIVE);
    let mut intent = Intent { bid, ask, health, ..Intent::default() };
    (intent.head.kind, intent.head.time) = (kind, Nanos(1_000));
    intent
}

fn order(id: u64, side: Side, qty: u64) -> Intent {
    let (price, order_type) = (cents(1000), OrderType::LIMIT);
    Intent { order: OrderId(id), side, qty: Qty(qty), price, order_type, ..intent(Kind::NEW) }
}

fn replace(target: u64, id: u64, side: Side, qty: u64) -> Intent {
    let mut replace = Intent { target: OrderId(target), ..order(id, side, qty) };
    replace.head.kind = Kind::REPLACE_ORDER;
    replace
}

fn cancel(target: u64) -> Intent {
    Intent { target: OrderId(target), ..intent(Kind::CANCEL_ORDER) }
}

fn report(kind: Kind, order: u64, side: Side) -> Report {
    let mut report = Report { order: OrderId(order), side, ..Report::default() };
    (report.head.kind, report.price) = (kind, cents(1000));
    report
}

fn fill(order: u64, side: Side, qty: u64, leaves: u64) -> Report {
    Report { qty: Qty(qty), leaves: Qty(leaves), ..report(Kind::FILLED, order, side) }
}

fn canceled(order: u64, qty: u64) -> Report {
    Report { qty: Qty(qty), ..report(Kind::CANCELED, order, BUY) }
}

fn of_change(kind: Kind, target: u64, order: u64, leaves: u64) -> Report {
    Report { target: OrderId(target), leaves: Qty(leaves), ..report(kind, order, BUY) }
}

#[test]
fn nothing_new_leaves_on_a_book_that_misses_something_and_cancels_do() {
    let mut post = Post::new(8);
    assert_eq!(post.new_order(1, BUY, 10), Code::NONE);
    for health in [Health::BUILDING, Health::STALE] {
        let blind = |intent| Intent { health, ..intent };
        assert_eq!(post.send(blind(order(2, BUY, 10))), Code::STALE_BOOK);
        assert_eq!(post.send(blind(replace(1, 3, BUY, 5))), Code::STALE_BOOK);
        assert_eq!(post.send(blind(cancel(1))), Code::NONE);
    }
}

#[test]
fn a_refused_order_reserves_nothing() {
    let mut post = Post::new(8);
    assert_eq!(post.new_order(1, BUY, POSITION_MAX + 1), Code::POSITION);
    assert_eq!(post.new_order(2, BUY, 10_001), Code::ORDER_QTY);
    assert_eq!((post.stake(), post.gate.open_orders().len()), ((0, 0, 0), 0));
    assert_eq!(post.new_order(3, BUY, POSITION_MAX), Code::NONE);
}

#[test]
fn what_is_open_is_reserved_until_it_fills_or_ends() {
    let mut post = Post::new(8);
    post.new_order(1, BUY, 600);
    post.new_order(2, SELL, 50);
    assert_eq!(post.stake(), (0, 600, 50));
    assert_eq!(post.new_order(3, BUY, 401), Code::POSITION, "as if all that is open filled");
    assert_eq!(post.tell(report(Kind::SENT, 1, BUY)), []);
    assert_eq!(post.tell(report(Kind::ACCEPTED, 1, BUY)), []);
    assert_eq!(post.tell(fill(1, BUY, 250, 350)), []);
    assert_eq!(post.stake(), (250, 350, 50));
    assert_eq!(post.tell(fill(1, BUY, 350, 0)), [OrderState::FILLED]);
    assert_eq!(post.stake(), (600, 0, 50));
    assert_eq!(post.tell(Report { side: SELL, ..canceled(2, 50) }), [OrderState::CANCELED]);
    assert_eq!(post.stake(), (600, 0, 0));
}

#[test]
fn refused_by_route_or_rejected_by_the_venue_an_order_releases_all() {
    for (kind, state) in
        [(Kind::REFUSED, OrderState::REFUSED), (Kind::REJECTED, OrderState::REJECTED)]
    {
        let mut post = Post::new(8);
        post.new_order(1, BUY, 600);
        let report = Report { code: Code::ROUTE_LATE.0, ..report(kind, 1, BUY) };
        assert_eq!(post.tell(report), [state]);
        assert_eq!((post.stake(), post.gate.open_orders().len()), ((0, 0, 0), 0));
        assert!(post.gate.counts().refusals.contains(&(Code::ROUTE_LATE, 1)));
        assert_eq!(post.gate.counts().first.len(), 1);
    }
}

#[test]
fn a_replace_reserves_the_larger_of_both_until_it_is_answered() {
    for (qty, larger) in [(700, 700), (100, 400)] {
        let mut post = Post::new(8);
        post.new_order(1, BUY, 400);
        assert_eq!(post.replace(1, 2, BUY, qty), Code::NONE);
        assert_eq!(post.stake(), (0, larger, 0));
        let ended = post.tell(of_change(Kind::REPLACED, 1, 2, qty));
        assert_eq!((ended.as_slice(), post.stake()), (&[OrderState::REPLACED][..], (0, qty, 0)));
        post.tell(canceled(2, qty));
        assert_eq!(post.stake(), (0, 0, 0));
    }
}

#[test]
fn a_replace_that_comes_to_nothing_leaves_its_target_as_it_was() {
    for kind in [Kind::REFUSED, Kind::REJECTED, Kind::TOO_LATE] {
        let mut post = Post::new(8);
        post.new_order(1, BUY, 400);
        post.replace(1, 2, BUY, 700);
        assert_eq!(post.tell(of_change(kind, 1, 2, 0)).len(), 1);
        assert_eq!(post.stake(), (0, 400, 0));
        assert_eq!(post.tell(canceled(1, 400)), [OrderState::CANCELED]);
        assert_eq!(post.stake(), (0, 0, 0));
    }
}

#[test]
fn what_fills_while_a_replace_is_on_its_way_is_counted_once() {
    let mut post = Post::new(8);
    post.new_order(1, BUY, 400);
    post.replace(1, 2, BUY, 700);
    post.tell(fill(1, BUY, 150, 250));
    assert_eq!(post.stake(), (150, 550, 0), "of 700 in all, 150 are had");
    post.tell(of_change(Kind::REPLACED, 1, 2, 550));
    assert_eq!(post.stake(), (150, 550, 0));
    post.replace(2, 3, BUY, 600);
    assert_eq!(post.tell(fill(2, BUY, 550, 0)), [OrderState::FILLED]);
    assert_eq!(post.stake(), (700, 50, 0));
    assert_eq!(post.tell(of_change(Kind::TOO_LATE, 2, 3, 0)), [OrderState::REJECTED]);
    assert_eq!(post.stake(), (700, 0, 0));
}

#[test]
fn a_replace_needs_an_open_order_of_its_side_and_instrument() {
    let mut post = Post::new(8);
    post.new_order(1, BUY, 400);
    assert_eq!(post.replace(9, 2, BUY, 100), Code::NOT_OPEN);
    assert_eq!(post.replace(1, 2, SELL, 100), Code::NOT_OPEN);
    let mut elsewhere = replace(1, 2, BUY, 400);
    elsewhere.head.instrument = InstrumentId(1);
    assert_eq!(post.send(elsewhere), Code::NOT_OPEN, "it would be open there without a reserve");
    assert_eq!(post.replace(1, 2, BUY, 300), Code::NONE);
    assert_eq!(post.replace(2, 3, BUY, 300), Code::NOT_OPEN, "how much is open of it is not known");
    assert_eq!(post.stake(), (0, 400, 0));
}

#[test]
fn a_broken_trade_gives_the_position_back_and_opens_nothing() {
    let mut post = Post::new(8);
    post.new_order(1, BUY, 600);
    post.tell(fill(1, BUY, 250, 350));
    let broken = Report { qty: Qty(100), ..report(Kind::BROKEN, 1, BUY) };
    assert_eq!(post.tell(broken), []);
    assert_eq!(post.stake(), (150, 350, 0));
    // Its order need not be known any more.
    post.tell(canceled(1, 350));
    assert_eq!(post.tell(Report { qty: Qty(150), ..broken }), []);
    assert_eq!((post.stake(), post.gate.counts().unknown_reports), ((0, 0, 0), 0));
}

#[test]
fn a_fill_after_the_cancel_was_sent_counts() {
    let mut post = Post::new(8);
    post.new_order(1, SELL, 400);
    assert_eq!(post.send(cancel(1)), Code::NONE);
    post.tell(fill(1, SELL, 100, 300));
    assert_eq!(post.stake(), (-100, 0, 300));
    assert_eq!(post.tell(Report { side: SELL, ..canceled(1, 300) }), [OrderState::CANCELED]);
    assert_eq!(post.stake(), (-100, 0, 0));
    let too_late = Report { target: OrderId(1), ..report(Kind::TOO_LATE, 0, SELL) };
    assert_eq!(post.tell(too_late), [], "a cancel has no order of its own");
    assert_eq!(post.gate.counts().unknown_reports, 0);
}

#[test]
fn a_fill_of_an_unknown_order_moves_the_position_and_is_counted() {
    let mut post = Post::new(8);
    post.new_order(1, BUY, 100);
    assert_eq!(post.tell(fill(77, BUY, 30, 0)), []);
    assert_eq!(post.stake(), (30, 100, 0));
    let nowhere = Report {
        head: Header { instrument: InstrumentId(9), ..fill(1, BUY, 1, 0).head },
        ..fill(78, BUY, 1, 0)
    };
    assert_eq!(post.tell(nowhere), []);
    assert_eq!(post.tell(canceled(79, 1)), []);
    assert_eq!(post.tell(of_change(Kind::REPLACED, 80, 81, 5)), []);
    let GateCounts { unknown_reports, fills, .. } = post.gate.counts();
    assert_eq!((*unknown_reports, *fills, post.stake()), (5, 2, (30, 100, 0)));
}

#[test]
fn cancels_always_pass_and_open_orders_are_limited() {
    let mut post = Post::new(2);
    post.new_order(1, BUY, 10);
    post.new_order(2, SELL, 10);
    assert_eq!(post.new_order(3, BUY, 10), Code::OPEN_ORDERS);
    assert_eq!(post.replace(1, 4, BUY, 20), Code::NONE, "it takes a place, no more");
    assert_eq!(post.replace(2, 5, SELL, 20), Code::NONE, "each may be replaced");
    assert_eq!(post.stake(), (0, 20, 20));
    assert_eq!(post.send(cancel(99)), Code::NONE);
    assert_eq!(post.replace(2, 6, SELL, 20), Code::GATE_FULL, "but once at a time");
    post.tell(of_change(Kind::REPLACED, 1, 4, 20));
    assert_eq!(post.replace(2, 7, SELL, 20), Code::NONE);
}

/// Resumes with room for so many until all is said; what came out, a turn a line.
fn resume(post: &mut Post, room: usize) -> Vec<Vec<Order>> {
    let mut turns = Vec::new();
    while post.gate.busy() {
        post.out.room = room;
        post.gate.resume(&mut post.out, &mut post.back);
        turns.push(post.out.drain());
        assert!(turns.len() < 100, "it comes to an end");
    }
    post.out.room = usize::MAX;
    turns
}

fn of_shard(shard: u16, intent: Intent) -> Intent {
    Intent { shard: ShardId(shard), ..intent }
}

#[test]
fn a_kill_cancels_what_its_shard_has_open_then_follows() {
    for room in [1, 2, 100] {
        let mut post = Post::new(8);
        for id in 1..=6 {
            post.send(of_shard(id as u16 % 2, order(id, BUY, 10)));
        }
        post.tell(canceled(3, 10));
        let kill = Intent { number: 6, ..of_shard(1, intent(Kind::KILL)) };
        post.gate.on(&kill, &mut post.out, &mut post.back);
        assert!(post.gate.busy() && post.out.put.is_empty(), "it has no other output");
        let turns = resume(&mut post, room);
        assert!(turns.iter().all(|turn| turn.len() <= room));
        let mut said: Vec<_> = turns.concat().iter().map(|order| *order.intent()).collect();
        assert_eq!(said.pop(), Some(kill), "the kill follows last");
        let targets: Vec<_> = said.iter().map(|cancel| cancel.target.0).collect();
        assert_eq!(targets, [1, 5], "open, and of that shard");
        for cancel in &said {
            assert_eq!((cancel.head.kind, cancel.head.flags), (Kind::CANCEL_ORDER, Flags::UNASKED));
            assert_eq!((cancel.order, cancel.head.time), (OrderId::NONE, kill.head.time));
        }
        assert_eq!(post.stake(), (0, 50, 0), "reserved until the venue has said so");
        assert_eq!(post.gate.counts().cancels, 2);
    }
}

#[test]
fn a_cancel_of_all_cancels_what_is_open_and_latches_nothing() {
    let mut post = Post::new(8);
    post.send(order(1, BUY, 10));
    post.gate.on(&intent(Kind::CANCEL_ALL), &mut post.out, &mut post.back);
    let said: Vec<_> =
        resume(&mut post, 4).concat().iter().map(|order| order.intent().head.kind).collect();
    assert_eq!(said, [Kind::CANCEL_ORDER, Kind::CANCEL_ALL]);
    assert_eq!(post.new_order(2, SELL, 10), Code::NONE, "what is new may leave");
}

#[test]
fn a_kill_latches_for_all_that_is_new() {
    let mut post = Post::new(8);
    post.send(of_shard(0, order(1, BUY, 10)));
    post.gate.on(&of_shard(1, intent(Kind::KILL)), &mut post.out, &mut post.back);
    assert_eq!(resume(&mut post, 4).concat().len(), 1, "nothing of that shard's is open");
    assert_eq!(post.send(of_shard(0, order(2, BUY, 10))), Code::KILLED);
    assert_eq!(post.send(of_shard(0, replace(1, 3, BUY, 5))), Code::KILLED);
    assert_eq!(post.send(cancel(1)), Code::NONE);
    post.gate.on(&of_shard(0, intent(Kind::KILL)), &mut post.out, &mut post.back);
    assert_eq!(resume(&mut post, 4).concat().len(), 2, "its own cancel, and itself");
}

#[test]
fn a_kill_without_room_says_nothing_and_goes_on_later() {
    let mut post = Post::new(8);
    post.new_order(1, BUY, 10);
    post.gate.on(&intent(Kind::KILL), &mut post.out, &mut post.back);
    post.out.room = 0;
    post.gate.resume(&mut post.out, &mut post.back);
    assert!(post.gate.busy() && post.out.put.is_empty());
    // What ends in between needs no cancel.
    post.tell(fill(1, BUY, 10, 0));
    assert_eq!(resume(&mut post, 1).concat().len(), 1);
}
