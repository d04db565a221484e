//! Other limits while orders come: more accounts, strategies, classes and controls than the gate began with.

use super::counted;
use coretick::base::code::Code;
use coretick::base::message::{Header, Intent, Key, Kind, Order, Report};
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::risk::{
    ACCOUNTS_MAX, AccountScope, Gate, GateSettings, InstrumentClass, LevelLimits, LimitSet,
    LimitsInbox, OrderLimits, RateLimit, RepeatLimit, STRATEGIES_MAX, Single, StrategyScope,
    WindowLimit,
};
use std::sync::Arc;

const INSTRUMENTS: u32 = 1_000;
const CENT: Price = Price(10_000_000);
const SECOND: Nanos = Nanos(1_000_000_000);

/// What is on: every control that has state of its own, and a class for each instrument.
fn all(version: u32) -> LimitSet {
    let (value, qty) = (Some(Money(1 << 100)), Some(Qty(1_000_000)));
    let limits = LevelLimits {
        gross_max: value,
        window: Some(WindowLimit { within: SECOND, value_max: value, qty_max: qty }),
        rate: Some(RateLimit { per_second: 1_000, burst: 1_000 }),
        ..LevelLimits::default()
    };
    let repeats = Some(RepeatLimit { count: 2, within: SECOND });
    let class =
        InstrumentClass { order: OrderLimits { repeats, ..OrderLimits::default() }, level: limits };
    let single = |id: u32| Single {
        instrument: InstrumentId(id),
        class: id as u16,
        restricted: false,
        located: None,
        negative_prices: false,
    };
    let strategy = |id: u16| StrategyScope {
        id: StrategyId(id),
        account: AccountId(id.into()),
        limits,
        instruments: (0..INSTRUMENTS / 2).map(InstrumentId).collect(),
    };
    LimitSet {
        version,
        firm: limits,
        accounts: (1..=ACCOUNTS_MAX as u32)
            .map(|id| AccountScope { id: AccountId(id), limits })
            .collect(),
        strategies: (1..=STRATEGIES_MAX as u16).map(strategy).collect(),
        classes: vec![class; INSTRUMENTS as usize + 1],
        singles: (1..INSTRUMENTS).map(single).collect(),
        ..LimitSet::open(AccountId(1), StrategyId(1))
    }
}

/// The codes of what was refused; what passes is let go.
#[derive(Default)]
struct Refused(Code);

impl Outlet for Refused {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn until(&mut self, _key: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl Sink<Order> for Refused {
    fn put(&mut self, _order: &Order) {}
}

impl Sink<Report> for Refused {
    fn put(&mut self, report: &Report) {
        self.0 = if report.head.kind == Kind::REFUSED { Code(report.code) } else { self.0 };
    }
}

/// What becomes of an order of this strategy.
fn answer(gate: &mut Gate, id: u64, strategy: u16, instrument: u32) -> Code {
    let head =
        Header { kind: Kind::NEW, instrument: InstrumentId(instrument), ..Header::default() };
    let order = Intent {
        head,
        order: OrderId(id),
        account: AccountId(strategy.into()),
        strategy: StrategyId(strategy),
        side: Side::BUY,
        price: CENT,
        qty: Qty(1),
        bid: CENT,
        ask: CENT,
        order_type: OrderType::LIMIT,
        tif: TimeInForce::DAY,
        health: Health::LIVE,
        phase: Phase::OPEN,
        ..Intent::default()
    };
    send(gate, &order)
}

fn send(gate: &mut Gate, intent: &Intent) -> Code {
    let mut refused = Refused::default();
    gate.on(intent, &mut Refused::default(), &mut refused);
    refused.0
}

#[test]
fn limits_that_change_never_allocate() {
    let first = Arc::new(LimitSet::open(AccountId(1), StrategyId(1)));
    let inbox = LimitsInbox::new();
    let settings = GateSettings {
        instruments: INSTRUMENTS as usize,
        orders_max: 100,
        limits: Arc::clone(&first),
        latency_out: Nanos(0),
        portfolio: coretick::portfolio::Settings::default(),
        heir: (AccountId(1), StrategyId(1)),
    };
    inbox.offer(first);
    let mut gate = Gate::new(settings).with_inbox(inbox.clone());
    assert_eq!(answer(&mut gate, 1, 1, 7), Code::NONE);
    assert_eq!(answer(&mut gate, 2, 2, 7), Code::UNKNOWN_STRATEGY);
    let head = Header { kind: Kind::LIMITS, ..Header::default() };
    for version in 2..=4 {
        inbox.offer(Arc::new(all(version)));
        let other = Intent { head, qty: Qty(version.into()), ..Intent::default() };
        let (_, calls) = counted(|| send(&mut gate, &other));
        assert_eq!((calls, gate.limits().version), (0, version));
    }
    // They are in force: by strategy, by instrument, and the repeats by class.
    assert_eq!(answer(&mut gate, 3, 2, 7), Code::NONE);
    assert_eq!(answer(&mut gate, 4, 2, INSTRUMENTS / 2), Code::NOT_ALLOWED);
    assert_eq!(answer(&mut gate, 5, 2, 7), Code::NONE);
    assert_eq!(answer(&mut gate, 6, 2, 7), Code::DUPLICATE);
}
