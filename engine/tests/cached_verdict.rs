//! Why the gate remembers no verdicts: what is true of an order is not once a position has moved.
//!
//! The same three orders for the plain design of `benches/gate`, which remembers verdicts for a second, for the same design
//! without that, and for coretick's gate. 800 of at most 1,000 are held; an order for 100 passes; it fills; the same order is
//! asked for again, twice. The second of these would make it 1,100 long.

#[path = "../../benches/gate/old_design.rs"]
mod old_design;

use coretick::base::code::Code;
use coretick::base::message::{Header, Intent, Key, Kind, Message, Order, Report};
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::risk::{Gate, GateSettings, InstrumentClass, LimitSet, OrderLimits};
use old_design::{AccountLimits, LIFE, OldDesign, Rejected, SymbolLimits};
use std::sync::Arc;

/// Shares that may be held.
const POSITION_MAX: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;

/// The plain design, with 800 held.
fn plain(remembers: bool) -> OldDesign {
    let mut design = OldDesign::new(remembers);
    let limits = SymbolLimits {
        tick: 0.01,
        qty_max: 1e6,
        notional_max: 1e9,
        volume_share: 1.0,
        average_volume: 1e9,
        collar: 0.1,
        position_max: POSITION_MAX as f64,
    };
    design.add_symbol("ACME", limits);
    let limits = AccountLimits {
        gross_max: 1e12,
        net_max: 1e12,
        window_value_max: 1e12,
        per_second: 1e6,
        burst: 1e6,
        open_orders_max: 100,
        repeats: 100,
        repeats_within: LIFE,
    };
    design.add_account("FUND", limits);
    assert_eq!(design.submit(&order("first", 800.0), 0), Ok(()));
    design.ended("first", true);
    assert_eq!(design.position("FUND", "ACME"), 800.0);
    design
}

fn order(id: &str, qty: f64) -> old_design::Order {
    old_design::Order {
        id: id.into(),
        symbol: "ACME".into(),
        account: "FUND".into(),
        side: old_design::Side::Buy,
        price: 10.0,
        qty,
        bid: 9.99,
        ask: 10.0,
    }
}

#[test]
fn a_remembered_verdict_lets_a_breach_of_the_position_limit_through() {
    let mut design = plain(true);
    for (id, at) in [("second", 1), ("third", 2)] {
        assert_eq!(design.submit(&order(id, 100.0), at * MILLISECOND), Ok(()));
        design.ended(id, true);
    }
    // At the limit now. The cache still knows that such an order is good.
    assert_eq!(design.position("FUND", "ACME"), POSITION_MAX as f64);
    assert_eq!(design.submit(&order("fourth", 100.0), 3 * MILLISECOND), Ok(()));
    design.ended("fourth", true);
    assert_eq!(design.position("FUND", "ACME"), 1_100.0, "held beyond the limit");
    // Only when the verdict is a second old are the controls asked again: far too late.
    let late = design.submit(&order("fifth", 100.0), MILLISECOND + LIFE);
    assert_eq!(late, Err(Rejected::Position));
    // And the other way round: what was refused stays so, though there is room again.
    let mut sale = order("sale", 500.0);
    sale.side = old_design::Side::Sell;
    assert_eq!(design.submit(&sale, MILLISECOND + LIFE), Ok(()));
    design.ended("sale", true);
    let room = design.submit(&order("sixth", 100.0), 2 * MILLISECOND + LIFE);
    assert_eq!((room, design.position("FUND", "ACME")), (Err(Rejected::Position), 600.0));
    // A kill is asked for each time.
    design.kill();
    assert_eq!(design.submit(&sale, 3 * MILLISECOND + LIFE), Err(Rejected::Killed));
}

#[test]
fn without_remembering_the_same_design_refuses_it() {
    let mut design = plain(false);
    for (id, at) in [("second", 1), ("third", 2)] {
        assert_eq!(design.submit(&order(id, 100.0), at * MILLISECOND), Ok(()));
        design.ended(id, true);
    }
    let fourth = design.submit(&order("fourth", 100.0), 3 * MILLISECOND);
    assert_eq!(fourth, Err(Rejected::Position));
}

/// Keeps what comes.
struct Kept<T>(Vec<T>);

impl<T> Outlet for Kept<T> {
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

impl<T: Message> Sink<T> for Kept<T> {
    fn put(&mut self, message: &T) {
        self.0.push(*message);
    }
}

/// coretick's gate with the same limit.
fn gate() -> Gate {
    let long_max = Some(Qty(POSITION_MAX));
    let limits = OrderLimits { long_max, short_max: long_max, ..OrderLimits::default() };
    let class = InstrumentClass { order: limits, ..InstrumentClass::default() };
    let open = LimitSet::open(AccountId(1), StrategyId(1));
    Gate::new(GateSettings {
        limits: Arc::new(LimitSet { classes: vec![class], ..open }),
        orders_max: 100,
        instruments: 1,
        latency_out: Nanos(0),
        portfolio: coretick::portfolio::Settings::default(),
        heir: (AccountId(1), StrategyId(1)),
    })
}

/// Asks for the `number`-th order. Its refusal, if it is refused; else it fills.
fn ask(gate: &mut Gate, number: u64, qty: u64) -> Option<Report> {
    let price = Price(10 * PRICE_SCALE);
    let intent = Intent {
        head: Header { time: Nanos(number * MILLISECOND), kind: Kind::NEW, ..Header::default() },
        order: OrderId::new(1, ShardId(0), number),
        price,
        qty: Qty(qty),
        bid: price,
        ask: price,
        account: AccountId(1),
        strategy: StrategyId(1),
        side: Side::BUY,
        order_type: OrderType::LIMIT,
        tif: TimeInForce::DAY,
        health: Health::LIVE,
        phase: Phase::OPEN,
        ..Intent::default()
    };
    let (mut out, mut back) = (Kept::<Order>(Vec::new()), Kept(Vec::new()));
    gate.on(&intent, &mut out, &mut back);
    if out.0.is_empty() {
        return back.0.first().copied();
    }
    let head = Header { kind: Kind::FILLED, ..intent.head };
    let Intent { order, qty, side, account, strategy, .. } = intent;
    let fill = Report { head, order, price, qty, side, account, strategy, ..Report::default() };
    gate.on_report(&fill, &mut back);
    None
}

#[test]
fn the_gate_asks_every_control_each_time() {
    let mut gate = gate();
    for (number, qty) in [(1, 800), (2, 100), (3, 100)] {
        assert_eq!(ask(&mut gate, number, qty), None);
    }
    let refusal = ask(&mut gate, 4, 100).expect("it is refused");
    let Report { code, limit, value, .. } = refusal;
    assert_eq!((Code(code), limit, value), (Code::POSITION, 1_000, 1_100));
    let held = gate.portfolio().holding(InstrumentId(0)).position;
    assert_eq!(held, Position(1_000), "at the limit and no further");
}
