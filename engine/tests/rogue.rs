//! Strategies that have lost their wits, on the book stage before the gate and the desk: whatever they ask for, no more
//! leaves than the limits allow. What left is counted at the venue.

use coretick::base::message::{
    Flags, Header, Intent, Key, Kind, Market, Message, Order, Report, Source,
};
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::book::{Books, Change, Host, Limits};
use coretick::portfolio;
use coretick::risk::*;
use coretick::route::Desk;
use coretick::strategy::{BookStage, Orders, StageSettings, Strategy};
use std::collections::VecDeque;
use std::sync::Arc;

const CENT: i64 = 10_000_000;
const BID: i64 = 9_999 * CENT;
const ASK: i64 = 10_001 * CENT;
const INSTRUMENT: InstrumentId = InstrumentId(0);
const MS: u64 = 1_000_000;
/// A turn of the engine each millisecond, for ten seconds.
const TURNS: u64 = 10_000;

/// Orders open at once.
const ORDERS: usize = 512;

/// What it does, as often as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The same order again.
    Repeats,
    /// Other orders, whatever became of the last ones.
    Insists,
    /// Buys at the ask, sells at the bid.
    Flips,
    /// Each purchase a cent above the last.
    Walks,
}

struct Rogue {
    way: Way,
    asked: i64,
}

impl Strategy for Rogue {
    fn id(&self) -> StrategyId {
        StrategyId(1)
    }

    fn burst(&self) -> usize {
        4
    }

    fn on_book(&mut self, _: &Books, _: &Change, _: Nanos) {}

    fn on_report(&mut self, _: &Report) {}

    fn wants(&self) -> bool {
        true
    }

    fn decide(&mut self, _: &Books, orders: &mut impl Orders) {
        while orders.room() > 0 {
            let at = self.asked;
            self.asked += 1;
            let (side, price) = match self.way {
                Way::Repeats => (Side::BUY, BID),
                Way::Insists => (Side::BUY, BID - at % 100 * CENT),
                Way::Flips if at % 2 == 0 => (Side::BUY, ASK),
                Way::Flips => (Side::SELL, BID),
                Way::Walks => (Side::BUY, ASK + at * CENT),
            };
            orders.new_order(INSTRUMENT, side, Price(price), Qty(100), TimeInForce::DAY);
        }
    }
}

/// What becomes of an order at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Venue {
    Fills,
    Rests,
    Rejects,
}

struct Pipe<T>(VecDeque<T>);

impl<T> Outlet for Pipe<T> {
    fn room(&mut self) -> usize {
        64
    }

    fn until(&mut self, _: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl<T: Message> Sink<T> for Pipe<T> {
    fn put(&mut self, message: &T) {
        self.0.push_back(*message);
    }
}

fn pipe<T>() -> Pipe<T> {
    Pipe(VecDeque::new())
}

/// What came of it.
#[derive(Debug, Default)]
struct Ran {
    /// When new orders left, their sides and prices.
    sent: Vec<(u64, Side, i64)>,
    /// Most shares held, or that could be if all that is open traded.
    worst: i64,
    asked: i64,
    state: TradingState,
}

fn limits(level: LevelLimits) -> LimitSet {
    let mut limits = LimitSet::open(AccountId(1), StrategyId(1));
    limits.strategies[0].limits = level;
    limits.classes[0].order = OrderLimits {
        collar: Some(Collar { bp: 100, width: Price(0), passive: false }),
        long_max: Some(Qty(1_000)),
        short_max: Some(Qty(1_000)),
        repeats: Some(RepeatLimit { count: 2, within: Nanos(1_000 * MS) }),
        self_trade: Some(SelfTrade::CancelNewest),
        ..OrderLimits::default()
    };
    limits
}

fn run(way: Way, venue: Venue, limits: LimitSet) -> Ran {
    let settings = StageSettings {
        shard: ShardId(0),
        day: 1,
        first_order: 0,
        account: AccountId(1),
        good_for: Nanos::MAX,
        symbols: Vec::new(),
        instruments: 1,
        sample: 1,
        board: None,
    };
    let books = Books::new(&Limits { orders: 16, levels: 16, instruments: 1 });
    let mut stage = BookStage::new(settings, books, Rogue { way, asked: 0 });
    let mut gate = Gate::new(GateSettings {
        limits: Arc::new(limits),
        orders_max: ORDERS,
        instruments: 1,
        latency_out: Nanos(1),
        portfolio: portfolio::Settings::default(),
        heir: (AccountId(1), StrategyId(1)),
    });
    let mut desk = Desk::new(ORDERS, Nanos(1));
    let (mut intents, mut orders, mut at_venue) =
        (pipe::<Intent>(), pipe::<Order>(), pipe::<Market>());
    let (mut to_gate, mut to_stage) = (pipe::<Report>(), pipe::<Report>());
    let (mut ran, mut sequence) = (Ran::default(), 0);
    let (mut held, mut open) = (0, [0, 0]);
    let said = |kind, code: u8| Market { code, ..market(kind) };
    let entered = |reference, side, price| {
        let add = market(Kind::ADD);
        Market { reference, side, price: Price(price), qty: Qty(100), ..add }
    };
    let opening = [
        Market { reference: 7, other: 1, ..market(Kind::DIRECTORY) },
        said(Kind::SESSION, b'S'),
        said(Kind::SESSION, b'Q'),
        said(Kind::TRADING, b'T'),
        entered(1, Side::BUY, BID),
        entered(2, Side::SELL, ASK),
    ];
    let ticks = (0..TURNS).map(|_| {
        let mut tick = market(Kind::TICK);
        tick.head.flags = Flags::LAST;
        tick
    });
    for (turn, mut message) in (1..).zip(opening.into_iter().chain(ticks)) {
        (message.head.time, message.head.cause) = (Nanos(turn * MS), Seq(turn));
        let mut change = Change::default();
        stage.apply(&message, &mut change);
        stage.react(&message, &change, &mut intents);
        while let Some(intent) = intents.0.pop_front() {
            ran.asked += i64::from(intent.head.kind == Kind::NEW);
            gate.on(&intent, &mut orders, &mut to_stage);
            while gate.busy() {
                gate.resume(&mut orders, &mut to_stage);
            }
        }
        while let Some(order) = orders.0.pop_front() {
            desk.on(&order, &mut at_venue, &mut to_gate);
        }
        while let Some(order) = at_venue.0.pop_front() {
            if order.head.kind != Kind::NEW {
                continue;
            }
            ran.sent.push((order.head.time.0, order.side, order.price.0));
            let sign = if order.side.is_buy() { 1 } else { -1 };
            let shares = order.qty.signed();
            let kinds: &[Kind] = match venue {
                Venue::Fills => &[Kind::ACCEPTED, Kind::FILLED],
                Venue::Rests => &[Kind::ACCEPTED],
                Venue::Rejects => &[Kind::REJECTED],
            };
            match venue {
                Venue::Fills => held += sign * shares,
                Venue::Rests => open[usize::from(sign < 0)] += shares,
                Venue::Rejects => {}
            }
            ran.worst = ran.worst.max(held + open[0]).max(open[1] - held);
            for kind in kinds {
                sequence += 1;
                let filled = *kind == Kind::FILLED;
                let head = Header { kind: *kind, source: Source::VENUE, ..order.head };
                desk.on_report(
                    &Report {
                        head,
                        order: OrderId(order.reference),
                        price: order.price,
                        qty: order.qty,
                        leaves: if filled { Qty::ZERO } else { order.qty },
                        account: AccountId(1),
                        strategy: StrategyId(1),
                        side: order.side,
                        sequence,
                        ..Report::default()
                    },
                    &mut to_gate,
                );
            }
        }
        while let Some(report) = to_gate.0.pop_front() {
            gate.on_report(&report, &mut to_stage);
        }
        while let Some(report) = to_stage.0.pop_front() {
            stage.on_report(&report);
        }
    }
    let own = gate.uses().find(|it| it.level == Level::STRATEGY).expect("its scope");
    ran.state = own.state;
    assert!(ran.asked > 20_000, "it asks as often as it can: {}", ran.asked);
    eprintln!("{way:?}, {venue:?}: {} asked, {} sent, {:?}", ran.asked, ran.sent.len(), ran.state);
    ran
}

fn market(kind: Kind) -> Market {
    let head = Header { kind, instrument: INSTRUMENT, ..Header::default() };
    Market { head, ..Market::default() }
}

/// Most orders that left within a second.
fn most_in_a_second(ran: &Ran) -> usize {
    let within =
        |from: u64| ran.sent.iter().filter(move |it| (from..from + 1_000 * MS).contains(&it.0));
    ran.sent.iter().map(|it| within(it.0).count()).max().unwrap_or(0)
}

#[test]
fn one_that_repeats_itself_sends_an_order_twice_a_second_up_to_its_position() {
    for venue in [Venue::Fills, Venue::Rests] {
        let ran = run(Way::Repeats, venue, limits(LevelLimits::default()));
        assert_eq!((most_in_a_second(&ran), ran.sent.len(), ran.worst), (2, 10, 1_000));
    }
}

#[test]
fn one_that_sends_in_a_loop_is_held_to_its_pace() {
    let level =
        LevelLimits { rate: Some(RateLimit { per_second: 1, burst: 3 }), ..LevelLimits::default() };
    let ran = run(Way::Insists, Venue::Rejects, limits(level));
    // What is refused counts for the pace too, so one that never pauses has its burst and no more.
    assert!((1..=13).contains(&ran.sent.len()), "{}", ran.sent.len());
    assert!(most_in_a_second(&ran) <= 4);
}

#[test]
fn one_that_ignores_rejects_is_paused_and_tried_once_a_second() {
    let breaker = BreakerLimit {
        failures: 5,
        within: Nanos(1_000 * MS),
        pause: Nanos(1_000 * MS),
        trials: 1,
        answer_within: Nanos(0),
    };
    let level = LevelLimits { breaker: Some(breaker), ..LevelLimits::default() };
    let ran = run(Way::Insists, Venue::Rejects, limits(level));
    // A turn's orders are under way when the fifth is rejected; after that, one a pause.
    assert!((5 + 8..=8 + 10).contains(&ran.sent.len()), "{}", ran.sent.len());
    let later: Vec<u64> = ran.sent.iter().map(|it| it.0).skip(8).collect();
    assert!(later.windows(2).all(|pair| pair[1] - pair[0] >= 1_000 * MS), "{later:?}");
}

#[test]
fn one_that_flips_sides_never_meets_itself_and_is_stopped_by_what_it_loses() {
    let rests = run(Way::Flips, Venue::Rests, limits(LevelLimits::default()));
    let sides: Vec<Side> = rests.sent.iter().map(|it| it.1).collect();
    assert!(!sides.is_empty() && sides.iter().all(|side| *side == sides[0]), "{sides:?}");
    // Two dollars a round trip.
    let level = LevelLimits {
        loss_kill: Some(Money(20 * i128::from(PRICE_SCALE))),
        ..LevelLimits::default()
    };
    let mut limits = limits(level);
    limits.classes[0].order.repeats = None;
    let ran = run(Way::Flips, Venue::Fills, limits);
    assert_eq!(ran.state, TradingState::KILLED);
    // Before the first are filled nothing may be sold, so it is long as much as it may; then ten round trips.
    assert!((20..=32).contains(&ran.sent.len()) && ran.worst <= 1_000, "{ran:?}");
}

#[test]
fn one_that_walks_the_price_gets_no_further_than_its_collar() {
    let mut limits = limits(LevelLimits::default());
    limits.classes[0].order.long_max = Some(Qty(1_000_000));
    let ran = run(Way::Walks, Venue::Rests, limits);
    let most = ran.sent.iter().map(|it| it.2).max().expect("it trades");
    assert!(most <= ASK + ASK / 100 && most > ASK + ASK / 110, "{most}");
    assert!(ran.sent.len() <= 100 + 1, "a cent apart: {}", ran.sent.len());
}
