//! What is reserved and released on every way that an order can go, and the kill switch; `model.rs` has what holds under
//! any sequence.

mod levels;
mod model;
mod room;
mod told;
mod venue;

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
    /// By the chain of what left last.
    executed: Qty,
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
        Self { gate, out, back, news: Vec::new(), numbers: 0, executed: Qty::ZERO }
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
                // But for the mark of a sale, which is the gate's, and what a chain has executed.
                let Intent { sale, parent, .. } = intent;
                assert_eq!(Intent { sale, parent, ..*order.intent() }, intent);
                self.executed = order.executed();
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
fn a_sale_below_the_market_is_worth_what_is_bid() {
    let of_firm = |post: &Post| post.gate.uses().next().unwrap().uses.map(|it| it.used);
    let units = |cents: i128| cents * 10_000_000;
    let mut limits = limits();
    limits.firm.credit_max = Some(Money(units(999 * 100)));
    limits.firm.window = Some(WindowLimit {
        within: Nanos(1_000),
        value_max: Some(Money(units(999 * 150))),
        qty_max: None,
    });
    let mut post = Post::with(limits, 8);
    let far_below = |id, qty| Intent { price: cents(1), ..order(id, SELL, qty) };
    assert_eq!(post.send(far_below(1, 101)), Code::CREDIT);
    assert_eq!(post.send(far_below(1, 100)), Code::NONE);
    assert_eq!(of_firm(&post)[..4], [units(999 * 100); 4], "bid is 9.99");
    post.tell(Report { side: SELL, ..canceled(1, 40) });
    assert_eq!(of_firm(&post)[..3], [units(999 * 60); 3]);
    // A replace is worth no less, and what it leaves open neither.
    let lower = Intent { price: cents(2), ..replace(1, 2, SELL, 60) };
    assert_eq!(post.send(lower), Code::WINDOW_VALUE);
    let lower = Intent { price: cents(2), ..replace(1, 2, SELL, 50) };
    assert_eq!(post.send(lower), Code::NONE);
    post.tell(Report { side: SELL, ..of_change(Kind::REPLACED, 1, 2, 50) });
    assert_eq!(of_firm(&post)[..3], [units(999 * 50); 3]);
    post.tell(Report { side: SELL, ..canceled(2, 50) });
    assert_eq!(of_firm(&post)[..3], [0; 3]);
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
fn what_the_venue_takes_of_an_order_its_replace_brings_back() {
    for (qty, larger, after) in [(700, 700, 700), (400, 400, 400), (100, 400, 400), (350, 400, 400)]
    {
        let mut post = Post::new(8);
        post.new_order(7, BUY, 10);
        post.new_order(1, BUY, 400);
        post.new_order(8, BUY, 10);
        // Another that waits, of another order, and comes to nothing.
        assert_eq!(post.replace(8, 9, BUY, 10), Code::NONE);
        assert_eq!(post.replace(1, 2, BUY, qty), Code::NONE);
        assert_eq!(post.gate.stakes[0].waiting, [2, 0]);
        post.tell(of_change(Kind::REJECTED, 8, 9, 0));
        assert_eq!(post.stake(), (0, 20 + larger, 0));
        // Decremented where it met another of ours; the replace counts from its own quantity.
        post.tell(Report { leaves: Qty(340), ..canceled(1, 60) });
        assert_eq!(post.stake(), (0, 20 + after, 0));
        post.tell(of_change(Kind::REPLACED, 1, 2, qty));
        assert_eq!(post.stake(), (0, 20 + qty, 0));
        assert_eq!(post.gate.stakes[0].waiting, [0, 0]);
        post.tell(canceled(2, qty));
        assert_eq!((post.stake(), post.gate.open_orders().len()), ((0, 20, 0), 2));
    }
}

#[test]
fn a_replace_carries_what_its_chain_executed_as_far_as_is_known() {
    let mut post = Post::new(8);
    post.new_order(1, BUY, 400);
    post.tell(fill(1, BUY, 60, 340));
    assert_eq!((post.replace(1, 2, BUY, 400), post.executed), (Code::NONE, Qty(60)));
    // On its way; then as the replacement.
    post.tell(fill(1, BUY, 40, 300));
    post.tell(of_change(Kind::REPLACED, 1, 2, 360));
    post.tell(fill(2, BUY, 10, 350));
    assert_eq!((post.replace(2, 3, BUY, 500), post.executed), (Code::NONE, Qty(110)));
    assert_eq!((post.new_order(4, BUY, 1), post.executed), (Code::NONE, Qty(0)));
    // Its place is taken by another, which has executed nothing.
    post.tell(of_change(Kind::TOO_LATE, 2, 3, 0));
    post.tell(canceled(2, 350));
    post.new_order(5, BUY, 100);
    assert_eq!((post.replace(5, 6, BUY, 50), post.executed), (Code::NONE, Qty(0)));
}

#[test]
fn an_order_that_waited_longer_than_its_market_may_be_old_is_refused() {
    let mut limits = limits();
    limits.classes[0].order.market_age_max = Some(Nanos(500));
    let mut post = Post::with(limits, 8);
    let seen = |id, time| {
        let mut intent = Intent { seen: Nanos(time), ..order(id, BUY, 1) };
        intent.head.time = Nanos(time);
        intent
    };
    assert_eq!(post.send(seen(1, 1_000)), Code::NONE);
    assert_eq!(post.send(seen(2, 1_600)), Code::NONE);
    assert_eq!(post.send(seen(3, 1_100)), Code::NONE, "from a shard that is behind");
    assert_eq!(post.send(seen(4, 1_099)), Code::OLD_MARKET);
    let mut late = report(Kind::ACCEPTED, 1, BUY);
    late.head.time = Nanos(2_101);
    post.tell(late);
    assert_eq!(post.send(seen(5, 1_600)), Code::OLD_MARKET);
    assert_eq!(post.send(seen(6, 1_601)), Code::NONE);
}

#[test]
fn what_an_order_would_meet_is_cancelled_and_counted() {
    let mut limits = limits();
    limits.classes[0].order.self_trade = Some(SelfTrade::CancelOldest);
    let mut post = Post::with(limits, 8);
    for id in 1..=3 {
        assert_eq!(post.new_order(id, BUY, 10), Code::NONE);
    }
    post.gate.on(&order(4, SELL, 10), &mut post.out, &mut post.back);
    let left = post.out.drain();
    let left: Vec<_> = left.iter().map(|it| (it.intent().order.0, it.intent().target.0)).collect();
    assert_eq!(left, [(0, 3), (0, 2), (0, 1), (4, 0)], "a cancel is nobody's order");
    assert_eq!(post.gate.counts().cancels, 3);
}

#[test]
fn only_the_end_is_promised_to_books_and_only_when_nothing_is_held() {
    let gate = Post::new(8).gate;
    let early = Key::default();
    for (next, held) in [(Key::MAX, early), (early, Key::MAX), (early, early)] {
        assert_eq!(gate.promise_back(next, held), Key::default());
    }
    assert_eq!(gate.promise_back(Key::MAX, Key::MAX), Key::MAX);
}

#[test]
fn who_holds_nothing_reduces_nothing() {
    let reduces = |position, side| {
        let exposure = Exposure { position: Position(position), ..Exposure::default() };
        exposure.only_reduces(side, Qty(0))
    };
    for side in [BUY, SELL] {
        assert!(!reduces(0, side));
    }
    assert!(reduces(-1, BUY) && !reduces(-1, SELL) && reduces(1, SELL) && !reduces(1, BUY));
}

#[test]
fn a_broken_trade_makes_no_room_for_orders() {
    let mut limits = limits();
    limits.firm.orders_per_trade_max = Some(1);
    let mut post = Post::with(limits, 300);
    for id in 1..=100 {
        assert_eq!(post.new_order(id, BUY, 1), Code::NONE);
    }
    post.tell(fill(1, BUY, 1, 0));
    post.tell(report(Kind::BROKEN, 1, BUY));
    assert_eq!(post.new_order(101, BUY, 1), Code::ORDERS_PER_TRADE);
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
fn what_all_shards_have_cancelled_is_asked_of_nobody_any_more() {
    let mut post = Post::new(8);
    let ask = |post: &mut Post, shard: u16| {
        let mut mark = of_shard(shard, intent(Kind::MARK));
        (mark.head.instrument, mark.number) = (InstrumentId::NONE, 77);
        post.gate.on(&mark, &mut post.out, &mut post.back);
        let back = post.came_back();
        assert_eq!((back.len(), back[0].head.kind, back[0].number), (1, Kind::MARKED, 77));
        Code(back[0].code)
    };
    let cancel = |post: &mut Post, kind: Kind, shard: u16| {
        post.gate.on(&of_shard(shard, intent(kind)), &mut post.out, &mut post.back);
        resume(post, 8);
    };
    assert_eq!(ask(&mut post, 0), Code::NONE);
    cancel(&mut post, Kind::REDUCE_ONLY, 0);
    assert_eq!((post.gate.pulled.len(), ask(&mut post, 0)), (1, Code::NONE), "it has cancelled");
    assert_eq!(post.gate.pulled.len(), 0, "there is no other shard");
    assert_eq!(ask(&mut post, 1), Code::KILLED, "but one that is heard of late");
    cancel(&mut post, Kind::CANCEL_ALL, 1);
    assert_eq!((ask(&mut post, 1), post.gate.pulled.len()), (Code::NONE, 0));
    let mut post = Post::new(8);
    cancel(&mut post, Kind::REDUCE_ONLY, 0);
    assert_eq!((ask(&mut post, 1), post.gate.pulled.len()), (Code::KILLED, 1), "once");
    // What is killed is asked for again, as long as something is open.
    let mut post = Post::new(8);
    assert_eq!(ask(&mut post, 0), Code::NONE);
    post.send(of_shard(0, order(1, BUY, 10)));
    for _ in 0..2 {
        cancel(&mut post, Kind::KILL, 0);
        assert_eq!(ask(&mut post, 0), Code::KILLED);
    }
    post.tell(canceled(1, 10));
    cancel(&mut post, Kind::KILL, 0);
    assert_eq!((ask(&mut post, 0), post.gate.pulled.len()), (Code::NONE, 0));
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
fn what_is_lost_between_two_copies_of_a_resume_still_kills() {
    let mut set = limits();
    set.firm.loss_kill = Some(Money(1));
    let mut post = Post::with(set, 8);
    let at = |now: u64, shard: u16, kind: Kind| {
        let mut command = of_shard(shard, intent(kind));
        command.head.time = Nanos(now);
        command
    };
    let command = |post: &mut Post, command: Intent| {
        post.gate.on(&command, &mut post.out, &mut post.back);
        resume(post, 8);
        post.gate.tallies[0].state
    };
    assert_eq!(post.new_order(1, BUY, 10), Code::NONE);
    assert_eq!(command(&mut post, at(2_000, 0, Kind::REDUCE_ONLY)), TradingState::REDUCE_ONLY);
    assert_eq!(command(&mut post, at(3_000, 0, Kind::RESUME)), TradingState::LIVE);
    let mut paid = Report { fee: 5, ..fill(1, BUY, 10, 0) };
    paid.head.time = Nanos(3_000);
    post.tell(paid);
    assert_eq!(command(&mut post, at(3_000, 1, Kind::RESUME)), TradingState::KILLED);
    assert_eq!(command(&mut post, at(3_001, 0, Kind::RESUME)), TradingState::LIVE);
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
