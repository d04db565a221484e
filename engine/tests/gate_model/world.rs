//! A gate between two sinks that keep bytes, and messages in brief.

use coretick::base::code::Code;
use coretick::base::instrument::{Instrument, InstrumentTable, Symbol};
use coretick::base::message::*;
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::portfolio;
use coretick::risk::*;
use std::sync::Arc;

/// What was put, as bytes. There is always room for so many.
struct Kept {
    bytes: Vec<u8>,
    room: usize,
}

impl Outlet for Kept {
    fn room(&mut self) -> usize {
        self.room
    }

    fn until(&mut self, _: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl<T: Message> Sink<T> for Kept {
    fn put(&mut self, message: &T) {
        self.bytes.extend_from_slice(message.as_bytes());
    }
}

/// Messages of their bytes.
fn read<T: Message>(bytes: &[u8]) -> Vec<T> {
    let messages = bytes.chunks(size_of::<T>());
    messages.map(|bytes| T::read_from_bytes(bytes).expect("whole messages")).collect()
}

/// What came of an intent.
#[derive(Debug, Default)]
pub(crate) struct Came {
    /// What left, in order.
    pub(crate) left: Vec<Intent>,
    pub(crate) back: Vec<Report>,
}

impl Came {
    /// Why the intent was refused; `NONE` if it was not.
    pub(crate) fn code(&self) -> Code {
        let mut answers = self.back.iter().filter(|it| it.head.kind == Kind::REFUSED);
        answers.next().map_or(Code::NONE, |answer| Code(answer.code))
    }
}

/// A gate, and what surrounds it.
pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) inbox: LimitsInbox,
}

pub(crate) const INSTRUMENTS: usize = 3;

/// What the table says of the instruments: (tick, lot, multiplier, close, average volume).
pub(crate) const TERMS: [(i64, u64, u32, i64, u64); INSTRUMENTS] = [
    (cents(1).0, 1, 1, 0, 5_000),
    (cents(1).0, 10, 100, cents(1_000).0, 0),
    (1, 1, 1, cents(1_000).0, 100_000),
];

pub(crate) const fn cents(cents: i64) -> Price {
    Price(cents * 10_000_000)
}

fn table() -> InstrumentTable {
    let mut table = InstrumentTable::new();
    for (at, (tick, lot, multiplier, close, volume)) in TERMS.into_iter().enumerate() {
        let mut name = *b"GATE    ";
        name[4] = b'A' + at as u8;
        let (tick, lot) = (Price(tick), Qty(lot));
        let (previous_close, average_volume) = (Price(close), Qty(volume));
        let instrument = Instrument::new(Symbol(name));
        let it = Instrument { tick, lot, multiplier, previous_close, average_volume, ..instrument };
        table.add(it).expect("a name of its own");
    }
    table
}

impl World {
    /// A gate that has seen nothing, with these limits.
    pub(crate) fn new(limits: LimitSet, orders_max: usize) -> Self {
        let inbox = LimitsInbox::new();
        let limits = Arc::new(limits);
        inbox.offer(limits.clone());
        let settings = GateSettings {
            limits,
            orders_max,
            instruments: INSTRUMENTS,
            latency_out: Nanos(500),
            portfolio: portfolio::Settings::default(),
            heir: (AccountId(1), StrategyId(1)),
        };
        let gate = Gate::new(settings).with_table(&table()).with_inbox(inbox.clone());
        Self { gate, inbox }
    }

    /// Sends an intent, and what it leads to until all is said.
    pub(crate) fn send(&mut self, intent: &Intent) -> Came {
        let burst = self.gate.burst();
        let (mut out, mut back) = (Kept::empty(burst.forward), Kept::empty(burst.back));
        self.gate.on(intent, &mut out, &mut back);
        assert!(out.bytes.len() <= burst.forward * size_of::<Order>(), "as many as it may");
        assert!(back.bytes.len() <= burst.back * size_of::<Report>(), "as many as it may");
        while self.gate.busy() {
            self.gate.resume(&mut out, &mut back);
        }
        let left = read::<Order>(&out.bytes).iter().map(|order| *order.intent()).collect();
        Came { left, back: read(&back.bytes) }
    }

    /// Tells the gate. What came back.
    pub(crate) fn tell(&mut self, report: &Report) -> Vec<Report> {
        let mut back = Kept::empty(self.gate.burst().report);
        self.gate.on_report(report, &mut back);
        assert!(back.bytes.len() <= back.room * size_of::<Report>(), "as many as it may");
        read(&back.bytes)
    }

    /// How much a scope has used, in the order of [`Use::NAMES`].
    pub(crate) fn used(&self, level: Level, id: u32) -> [i128; Use::COUNT] {
        let scope = self.gate.uses().find(|scope| scope.level == level && scope.id == id);
        scope.map_or([0; Use::COUNT], |scope| scope.uses.map(|each| each.used))
    }
}

impl Kept {
    fn empty(room: usize) -> Self {
        Self { bytes: Vec::new(), room }
    }
}

/// No limits; strategies 1 and 2 of account 1, and 3 of account 2.
pub(crate) fn open_limits() -> LimitSet {
    let limits = LevelLimits::default();
    let account = |id| AccountScope { id: AccountId(id), limits };
    let strategy = |id, account| StrategyScope {
        id: StrategyId(id),
        account: AccountId(account),
        limits,
        instruments: vec![],
    };
    LimitSet {
        accounts: vec![account(1), account(2)],
        strategies: vec![strategy(1, 1), strategy(2, 1), strategy(3, 2)],
        phases: PhaseLimits { limit: u8::MAX, market: u8::MAX },
        ..LimitSet::open(AccountId(1), StrategyId(1))
    }
}

/// An intent of strategy 1, which sees 9.99 to 10.01.
pub(crate) fn intent(kind: Kind, now: u64) -> Intent {
    let mut intent = Intent {
        bid: cents(999),
        ask: cents(1_001),
        seen: Nanos(now),
        account: AccountId(1),
        strategy: StrategyId(1),
        health: Health::LIVE,
        phase: Phase::OPEN,
        order_type: OrderType::LIMIT,
        tif: TimeInForce::DAY,
        ..Intent::default()
    };
    (intent.head.time, intent.head.kind, intent.head.instrument) =
        (Nanos(now), kind, InstrumentId(0));
    intent
}

pub(crate) fn order(now: u64, id: u64, side: Side, qty: u64, price: Price) -> Intent {
    Intent { order: OrderId(id), side, qty: Qty(qty), price, ..intent(Kind::NEW, now) }
}

/// What the venue says of an order that left.
pub(crate) fn report(kind: Kind, now: u64, order: &Intent) -> Report {
    let head = Header { kind, time: Nanos(now), source: Source::VENUE, ..order.head };
    Report {
        head: Header { flags: Flags::default(), ..head },
        order: order.order,
        target: order.target,
        price: order.price,
        account: order.account,
        strategy: order.strategy,
        side: order.side,
        shard: order.shard,
        ..Report::default()
    }
}

pub(crate) fn fill(now: u64, order: &Intent, qty: u64, leaves: u64) -> Report {
    Report { qty: Qty(qty), leaves: Qty(leaves), ..report(Kind::FILLED, now, order) }
}
