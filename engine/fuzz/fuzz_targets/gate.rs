//! Intents and reports of any bytes into a gate with all controls on: nothing panics, every intent is answered or forwarded
//! exactly once, nothing that is used of a limit is ever below zero, and when every order has ended nothing is open.
//!
//! The first byte chooses among policies. Then each message begins with a byte: of what follows, a whole message is taken as
//! it is, or a few bytes become one that means something, so that most orders pass and most reports meet an open one.
#![no_main]

use coretick::base::instrument::InstrumentTable;
use coretick::base::message::{Flags, Header, Intent, Key, Kind, Message, Order, Report, Source};
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::portfolio;
use coretick::risk::*;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use zerocopy::FromBytes;

const TABLE: &str = "symbol,tick,lot,multiplier,previous_close,average_volume\n\
    AAA,0.01,1,1,100,100000\nBBB,0.01,10,5,100,1000\nCCC,0.01,1,1,,\nDDD,0.01,1,1,100,100000\n";
const INSTRUMENTS: u32 = 4;
const CENT: i64 = 10_000_000;
/// Open orders at once: few, so that the table runs out.
const ORDERS: usize = 12;

/// What was put.
struct Sheet<T>(Vec<T>);

impl<T> Outlet for Sheet<T> {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn until(&mut self, _: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl<T: Message> Sink<T> for Sheet<T> {
    fn put(&mut self, message: &T) {
        self.0.push(*message);
    }
}

fn level(scale: i128) -> LevelLimits {
    let money = |units: i128| Some(Money(units * scale * i128::from(PRICE_SCALE)));
    let ms = |ms: u64| Nanos(ms * 1_000_000);
    LevelLimits {
        gross_max: money(10_000_000),
        net_max: money(1_000_000),
        credit_max: money(1_000_000),
        window: Some(WindowLimit {
            within: ms(1),
            value_max: money(500_000),
            qty_max: Some(Qty(10_000)),
        }),
        rate: Some(RateLimit { per_second: 10_000, burst: 50 }),
        open_orders_max: Some(8),
        orders_per_trade_max: Some(50),
        loss_reduce: money(1_000),
        loss_kill: money(2_000),
        breaker: Some(BreakerLimit {
            failures: 3,
            within: ms(1),
            pause: ms(1),
            trials: 2,
            answer_within: ms(1),
        }),
    }
}

fn limits(policy: u8) -> LimitSet {
    let self_trade = match policy % 4 {
        0 => None,
        1 => Some(SelfTrade::CancelNewest),
        2 => Some(SelfTrade::CancelOldest),
        _ => Some(SelfTrade::CancelBoth),
    };
    let collar = Some(Collar { bp: 500, width: Price(0), passive: policy & 4 != 0 });
    let order = OrderLimits {
        qty_max: Some(Qty(1_000)),
        notional_max: Some(Money(200_000 * i128::from(PRICE_SCALE))),
        average_volume_bp: Some(5_000),
        collar,
        market_collar: collar,
        sale_marks: policy & 8 != 0,
        market_age_max: Some(Nanos(1_000_000_000)),
        long_max: Some(Qty(2_000)),
        short_max: Some(Qty(2_000)),
        repeats: Some(RepeatLimit { count: 2, within: Nanos(1_000_000) }),
        self_trade,
    };
    let class = InstrumentClass { order, level: level(1) };
    let strategy = |id, account, instruments| StrategyScope {
        id: StrategyId(id),
        account: AccountId(account),
        limits: level(1),
        instruments,
    };
    LimitSet {
        version: 1,
        firm: level(4),
        accounts: [1, 2].map(|id| AccountScope { id: AccountId(id), limits: level(2) }).into(),
        strategies: vec![
            strategy(1, 1, Vec::new()),
            strategy(2, 1, vec![InstrumentId(0), InstrumentId(1)]),
            strategy(3, 2, Vec::new()),
        ],
        classes: vec![class, InstrumentClass { order, level: LevelLimits::default() }],
        singles: vec![
            Single {
                instrument: InstrumentId(1),
                class: 1,
                restricted: false,
                located: Some(Qty(200)),
                negative_prices: true,
            },
            Single {
                instrument: InstrumentId(3),
                class: 0,
                restricted: true,
                located: None,
                negative_prices: false,
            },
        ],
        phases: PhaseLimits { limit: 1 << Phase::OPEN.0, market: 1 << Phase::OPEN.0 },
    }
}

/// Bytes that are left.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    /// A message as it is, if there are as many bytes.
    fn raw<T: FromBytes>(&mut self) -> Option<T> {
        let (message, rest) = T::read_from_prefix(self.0).ok()?;
        self.0 = rest;
        Some(message)
    }
}

struct Post {
    gate: Gate,
    out: Sheet<Order>,
    back: Sheet<Report>,
    now: u64,
    number: u32,
    names: u64,
    sequence: u64,
}

impl Post {
    fn intend(&mut self, intent: &Intent) {
        // What the gate sends of its own accord is told apart by this.
        let mut intent = Intent { number: self.number, ..*intent };
        intent.head.flags = Flags(intent.head.flags.0 & !(Flags::UNASKED.0 | Flags::ANSWER.0));
        self.number += 1;
        self.gate.on(&intent, &mut self.out, &mut self.back);
        while self.gate.busy() {
            self.gate.resume(&mut self.out, &mut self.back);
        }
        let asked = |order: &&Order| !order.intent().head.flags.has(Flags::UNASKED);
        let forwarded = self.out.0.iter().filter(asked).count();
        let answered = self.back.0.iter().filter(|it| it.head.flags.has(Flags::ANSWER)).count();
        assert_eq!(forwarded + answered, 1, "{intent:?}");
        let number = self.out.0.iter().find(asked).map(|order| order.intent().number);
        let answer = self.back.0.iter().find(|it| it.head.flags.has(Flags::ANSWER));
        assert_eq!(number.or(answer.map(|it| it.number)), Some(intent.number));
        self.look();
    }

    fn tell(&mut self, report: &Report) {
        self.gate.on_report(report, &mut self.back);
        self.look();
    }

    fn look(&mut self) {
        self.out.0.clear();
        self.back.0.clear();
        for scope in self.gate.uses() {
            // What is lost can be below zero: it is won.
            for (name, it) in Use::NAMES.iter().zip(scope.uses) {
                assert!(it.used >= 0 || *name == "loss", "{name} of {scope:?}");
            }
        }
    }

    /// An intent that means something.
    fn intent(&mut self, rest: &mut Rest<'_>) -> Intent {
        let [what, who, terms, near] = [(); 4].map(|()| rest.byte());
        self.now += u64::from(rest.byte()) * 10_000;
        let kind = match what % 16 {
            0..8 => Kind::NEW,
            8..11 => Kind::REPLACE_ORDER,
            11 => Kind::CANCEL_ORDER,
            12 => Kind::MARK,
            13 => Kind::CANCEL_ALL,
            14 => Kind::RESUME,
            _ => [Kind::KILL, Kind::REDUCE_ONLY, Kind::LIMITS, Kind(what)][usize::from(what / 16 % 4)],
        };
        let is_order = matches!(kind, Kind::NEW | Kind::REPLACE_ORDER);
        self.names += 1;
        let target = self.open(near).map_or(OrderId(u64::from(near)), |open| open.order);
        let account = AccountId(1 + u32::from(who % 4 == 2));
        let price = 10_000 + i64::from(near as i8);
        let head = Header {
            time: Nanos(self.now),
            kind,
            instrument: InstrumentId(u32::from(who / 4) % (INSTRUMENTS + 1)),
            flags: if what & 128 == 0 { Flags::default() } else { Flags::SHORT_TEST },
            ..Header::default()
        };
        Intent {
            head,
            order: if is_order { OrderId(self.names) } else { OrderId::NONE },
            target,
            price: Price(price * CENT),
            qty: Qty(u64::from(terms) * 10),
            good_until: Nanos::MAX,
            bid: Price(9_999 * CENT),
            ask: Price(10_001 * CENT),
            seen: Nanos(self.now),
            account,
            strategy: StrategyId(1 + u16::from(who % 4)),
            side: Side(1 + terms % 2),
            order_type: OrderType(1 + u8::from(terms % 16 == 15)),
            tif: TimeInForce::DAY,
            health: Health::LIVE,
            phase: Phase::OPEN,
            level: Level(who / 32 % 5),
            sale: Sale(terms / 64),
            ..Intent::default()
        }
    }

    fn open(&self, which: u8) -> Option<Report> {
        let open = self.gate.open_orders();
        (!open.is_empty()).then(|| open[usize::from(which) % open.len()])
    }

    /// Something becomes of an order that is open, or of none.
    fn report(&mut self, rest: &mut Rest<'_>) -> Report {
        let [what, which, qty] = [(); 3].map(|()| rest.byte());
        let open = self.open(which).unwrap_or_default();
        let kinds = [
            Kind::ACCEPTED,
            Kind::FILLED,
            Kind::FILLED,
            Kind::CANCELED,
            Kind::REPLACED,
            Kind::REJECTED,
            Kind::TOO_LATE,
            Kind::BROKEN,
        ];
        let (kind, qty) = (kinds[usize::from(what % 8)], Qty(u64::from(qty) * 10));
        self.sequence += u64::from(what & 64 == 0);
        let head = Header { time: Nanos(self.now), kind, source: Source::VENUE, ..open.head };
        let target = self.open(which / 2).unwrap_or_default().order;
        Report {
            head,
            qty: Qty(qty.0.min(open.leaves.0)),
            leaves: Qty(open.leaves.0.saturating_sub(qty.0)),
            target: if open.target == OrderId::NONE { target } else { open.target },
            sequence: self.sequence,
            ..open
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut rest = Rest(bytes);
    let policy = rest.byte();
    let settings = GateSettings {
        limits: Arc::new(limits(policy)),
        orders_max: ORDERS,
        instruments: INSTRUMENTS as usize,
        latency_out: Nanos(500),
        portfolio: portfolio::Settings {
            method: if policy & 16 == 0 { portfolio::Method::Average } else { portfolio::Method::Fifo },
            lots_max: 8,
            ..portfolio::Settings::default()
        },
        heir: (AccountId(1), StrategyId(1)),
    };
    let table = InstrumentTable::parse(TABLE).expect("a table");
    let mut post = Post {
        gate: Gate::new(settings).with_table(&table),
        out: Sheet(Vec::new()),
        back: Sheet(Vec::new()),
        now: 1_000_000_000,
        number: 0,
        names: 1 << 20,
        sequence: 0,
    };
    while !rest.0.is_empty() {
        match rest.byte() % 8 {
            0 => {
                if let Some(intent) = rest.raw::<Intent>() {
                    post.intend(&intent);
                }
            }
            1 => {
                if let Some(report) = rest.raw::<Report>() {
                    post.tell(&report);
                }
            }
            2..6 => {
                let intent = post.intent(&mut rest);
                post.intend(&intent);
            }
            _ => {
                let report = post.report(&mut rest);
                post.tell(&report);
            }
        }
    }
    // All ends.
    for open in post.gate.open_orders() {
        let head = Header { kind: Kind::REJECTED, ..open.head };
        post.tell(&Report { head, sequence: 0, ..open });
    }
    assert!(post.gate.open_orders().is_empty());
    for scope in post.gate.uses() {
        let at = Use::NAMES.iter().position(|name| *name == "open orders").expect("a name");
        assert_eq!(scope.uses[at].used, 0, "{scope:?}");
    }
});
