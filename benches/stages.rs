//! What does each operation of the hot path cost alone, with what it touches in the cache?
//!
//! An operation is timed in batches of 256, one for each of as many instruments; what takes it back is not timed. So each
//! batch meets the same state, and there is nothing in the figure but the operation, its loop, and 256th parts of
//! reading the clock. A whole day costs more: its messages come mixed, and its books outgrow the cache (`replay` has that).

use coretick::base::clock::Clock;
use coretick::base::message::{
    Flags, Header, Intent, Key, Kind, Market, Message, Order, Report, Source,
};
use coretick::base::ring::{Consumer, Producer, ring};
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::book::{Books, Limits};
use coretick::ingest::decode::Decoder;
use coretick::portfolio::Settings;
use coretick::risk::{Collar, Gate, GateSettings, LimitSet, OrderLimits};
use coretick::wire::itch::{
    AddOrder, OrderDelete, OrderExecuted, OrderReplace, StockDirectory, code,
};
use criterion::Criterion;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use zerocopy::IntoBytes;

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Operations timed at once, and instruments.
const BATCH: u32 = 256;
/// Levels of each side.
const LEVELS: u32 = 16;
/// Orders of each level.
const DEPTH: u32 = 4;
/// Shares of each order: enough to take one away for as long as a bench may run.
const SHARES: u64 = 1 << 31;
/// Best bid and best ask, in cents; there is room for a level between them.
const BEST: [(Side, u32); 2] = [(Side::BUY, 10_000), (Side::SELL, 10_002)];
/// References from here on are free.
const FREE: u64 = 1 << 20;

/// Times `work` over a state, in batches; `undo` is not timed.
fn bench<S>(
    criterion: &mut Criterion,
    name: &str,
    mut state: S,
    mut work: impl FnMut(&mut S),
    mut undo: impl FnMut(&mut S),
) {
    let clock = Clock::calibrated();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|wanted| {
            let batches = wanted.div_ceil(u64::from(BATCH));
            let mut ticks = 0;
            for _ in 0..batches {
                let began = clock.ticks();
                work(&mut state);
                ticks += clock.ticks() - began;
                undo(&mut state);
            }
            // Of the operations asked for, their share of those that ran.
            let ran = u128::from(batches) * u128::from(BATCH);
            let nanos = u128::from(clock.nanos(ticks)) * u128::from(wanted) / ran;
            Duration::from_nanos(nanos as u64)
        });
    });
}

fn market(kind: Kind, instrument: u32, reference: u64) -> Market {
    let head = Header {
        time: Nanos(1),
        cause: Seq(1),
        instrument: InstrumentId(instrument),
        kind,
        source: Source(0),
        flags: Flags::default(),
    };
    Market { head, reference, ..Market::default() }
}

fn add(instrument: u32, reference: u64, side: Side, cents: u32, shares: u64) -> Market {
    let (price, qty) = (Price::from_e4(cents * 100), Qty(shares));
    Market { side, price, qty, ..market(Kind::ADD, instrument, reference) }
}

/// The price so many levels behind the best.
fn behind(side: Side, best: u32, levels: u32) -> u32 {
    if side.is_buy() { best - levels } else { best + levels }
}

/// Reference of an order that stands in the books: `place` in its level's queue.
fn standing(instrument: u32, lane: u32, level: u32, levels: u32, place: u32) -> u64 {
    u64::from(((instrument * 2 + lane) * levels + level) * DEPTH + place) + 1
}

/// Books of so many instruments, with so many levels on each side.
fn books(instruments: u32, levels: u32) -> Books {
    let limits = Limits { orders: 1 << 17, levels: 1 << 16, instruments: BATCH as usize };
    let mut books = Books::new(&limits);
    for place in 0..DEPTH {
        for level in 0..levels {
            for instrument in 0..instruments {
                for (lane, (side, best)) in (0..).zip(BEST) {
                    let reference = standing(instrument, lane, level, levels, place);
                    let price = behind(side, best, level);
                    books.apply(&add(instrument, reference, side, price, SHARES));
                }
            }
        }
    }
    let orders = instruments * 2 * levels * DEPTH;
    assert_eq!((books.live_orders(), books.anomalies().total()), (u64::from(orders), 0));
    books
}

/// A message for each instrument, of the sides in turn.
fn each(message: impl Fn(u32, u32, Side, u32) -> Market) -> Vec<Market> {
    let one = |instrument| {
        let lane = instrument % 2;
        let (side, best) = BEST[lane as usize];
        message(instrument, lane, side, best)
    };
    (0..BATCH).map(one).collect()
}

fn apply(books: &mut Books, messages: &[Market]) {
    for message in messages {
        black_box(books.apply(message));
    }
}

/// What changes the books.
fn changes(criterion: &mut Criterion) {
    let free = |instrument: u32| FREE + u64::from(instrument);
    let delete = each(|i, _, _, _| market(Kind::DELETE, i, free(i)));
    let mut bench = |name: &str, work: &[Market], undo: &[Market], books: Books| {
        let mut books = books;
        apply(&mut books, work);
        apply(&mut books, undo);
        assert_eq!(books.anomalies().total(), 0, "{name}");
        let (work, undo) =
            (|books: &mut Books| apply(books, work), |books: &mut Books| apply(books, undo));
        self::bench(criterion, name, books, work, undo);
    };
    let full = || books(BATCH, LEVELS);
    let at_best = each(|i, _, side, best| add(i, free(i), side, best, 100));
    let deep = each(|i, _, side, best| add(i, free(i), side, behind(side, best, 12), 100));
    // Between the two sides: a level that was not there, before all others.
    let level = each(|i, _, side, _| add(i, free(i), side, 10_001, 100));
    bench("book/add at best", &at_best, &delete, full());
    bench("book/add, new best level", &level, &delete, full());
    bench("book/add, 13th level", &deep, &delete, full());

    // The orders at the best price behind `gone` leave, and come back behind it: the queue is as it was.
    let at = |i, lane, place| standing(i, lane, 0, LEVELS, place);
    let restore = |gone: u32| -> Vec<Market> {
        let leave = (gone + 1..DEPTH)
            .flat_map(|place| each(|i, lane, _, _| market(Kind::DELETE, i, at(i, lane, place))));
        let enter = (gone..DEPTH).flat_map(|place| {
            each(|i, lane, side, best| add(i, at(i, lane, place), side, best, SHARES))
        });
        leave.chain(enter).collect()
    };
    let first = |shares| {
        each(|i, lane, _, _| Market {
            qty: Qty(shares),
            ..market(Kind::EXECUTE, i, at(i, lane, 0))
        })
    };
    let middle = each(|i, lane, _, _| market(Kind::DELETE, i, at(i, lane, 1)));
    bench("book/delete within a queue", &middle, &restore(1), full());
    let mut with_level = full();
    apply(&mut with_level, &level);
    bench("book/delete, best level gone", &delete, &level, with_level);
    bench("book/execute, part of an order", &first(1), &[], full());
    bench("book/execute, all of an order", &first(SHARES), &restore(0), full());

    let replace = |from: fn(u32, u32) -> u64, to: fn(u32, u32) -> u64, levels| {
        each(|i, lane, side, best| Market {
            other: to(i, lane),
            price: Price::from_e4(behind(side, best, levels) * 100),
            qty: Qty(SHARES),
            ..market(Kind::REPLACE, i, from(i, lane))
        })
    };
    let old = |i, lane| standing(i, lane, 0, LEVELS, 1);
    let new = |i: u32, _| FREE + u64::from(i);
    bench("book/replace, best to 2nd level", &replace(old, new, 1), &replace(new, old, 0), full());
}

/// Instruments whose books are asked, and levels of each side there.
const ASKED: u32 = 16;
const DEEP: u32 = 128;

/// What asks the books.
fn questions(criterion: &mut Criterion) {
    let books = &books(ASKED, DEEP);
    question(criterion, "top", |i, _| books.top(i));
    for levels in [1, 10, 100] {
        let wanted = Qty(SHARES * u64::from(DEPTH * levels));
        assert_eq!(books.walk(InstrumentId(0), Side::BUY, wanted).levels, levels);
        question(criterion, &format!("walk {levels} levels"), |i, side| {
            books.walk(i, side, wanted)
        });
    }
    question(criterion, "depth, 10 levels of a side", |i, side| {
        let mut depth = [(Price(0), Qty::ZERO); 10];
        for (place, level) in depth.iter_mut().zip(books.levels(i, side)) {
            *place = (level.price, level.qty);
        }
        depth
    });
}

/// Asks both sides of all the books in turn.
fn question<A>(criterion: &mut Criterion, name: &str, ask: impl Fn(InstrumentId, Side) -> A) {
    let all = |_: &mut ()| {
        for at in 0..BATCH {
            let (side, _) = BEST[at as usize % 2];
            black_box(ask(black_box(InstrumentId(at % ASKED)), side));
        }
    };
    bench(criterion, &format!("book/{name}"), (), all, |_| ());
}

/// Frames into messages: adds, deletes, executions and replaces, each kind alone.
fn decode(criterion: &mut Criterion) {
    const TIME: u64 = 34_200_000_000_000;
    let frames = |frame: &dyn Fn(u16, u64) -> Vec<u8>| -> Vec<Vec<u8>> {
        (0..BATCH).map(|at| frame(at as u16 + 1, u64::from(at) + 1)).collect()
    };
    let kinds = [
        frames(&|locate, reference| {
            let add = AddOrder {
                order_reference_number: reference.into(),
                buy_sell_indicator: [code::side::BUY, code::side::SELL][reference as usize % 2],
                shares: 100.into(),
                price: 1_500_000.into(),
                ..AddOrder::new(locate, TIME)
            };
            add.as_bytes().to_vec()
        }),
        frames(&|locate, reference| {
            let order_reference_number = reference.into();
            OrderDelete { order_reference_number, ..OrderDelete::new(locate, TIME) }
                .as_bytes()
                .to_vec()
        }),
        frames(&|locate, reference| {
            let execution = OrderExecuted {
                order_reference_number: reference.into(),
                executed_shares: 100.into(),
                match_number: reference.into(),
                ..OrderExecuted::new(locate, TIME)
            };
            execution.as_bytes().to_vec()
        }),
        frames(&|locate, reference| {
            let replace = OrderReplace {
                original_order_reference_number: reference.into(),
                new_order_reference_number: (reference + FREE).into(),
                shares: 100.into(),
                price: 1_500_000.into(),
                ..OrderReplace::new(locate, TIME)
            };
            replace.as_bytes().to_vec()
        }),
    ];
    for (name, frames) in ["A add", "D delete", "E execute", "U replace"].iter().zip(kinds) {
        let mut decoder = Decoder::new(Nanos(0), None, 1);
        for locate in 1..=BATCH as u16 {
            let mut directory = StockDirectory::new(locate, TIME);
            directory.stock.0[..2].copy_from_slice(&locate.to_be_bytes());
            assert!(decoder.decode(directory.as_bytes(), Seq(1)).is_some());
        }
        // Written one behind another, as ingest does.
        let state = (decoder, [Market::default(); 64]);
        let work = |(decoder, window): &mut (Decoder, [Market; 64])| {
            for (at, frame) in frames.iter().enumerate() {
                let place = &mut window[at % 64];
                let decoded = decoder.decode_into(black_box(frame), Seq(at as u64), place);
                debug_assert!(decoded, "the frame is good");
                black_box(place);
            }
        };
        bench(criterion, &format!("decode/{name}"), state, work, |_| ());
    }
}

/// Takes whatever comes.
struct Void;

impl Outlet for Void {
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

impl<T: Message> Sink<T> for Void {
    #[inline]
    fn put(&mut self, message: &T) {
        black_box(message);
    }
}

/// An order of 100 at the best ask, or at the best bid.
fn intent(instrument: u32) -> Intent {
    let side = if instrument.is_multiple_of(2) { Side::BUY } else { Side::SELL };
    let [(_, bid), (_, ask)] = BEST.map(|(side, cents)| (side, Price::from_e4(cents * 100)));
    Intent {
        head: market(Kind::NEW, instrument, 0).head,
        order: OrderId::new(1, ShardId(0), u64::from(instrument) + 1),
        price: if side.is_buy() { ask } else { bid },
        qty: Qty(100),
        bid,
        ask,
        side,
        order_type: OrderType::LIMIT,
        tif: TimeInForce::IOC,
        phase: Phase::OPEN,
        ..Intent::default()
    }
}

/// A report on that order.
fn report(kind: Kind, intent: &Intent) -> Report {
    Report {
        head: Header { kind, ..intent.head },
        order: intent.order,
        price: intent.price,
        qty: intent.qty,
        side: intent.side,
        ..Report::default()
    }
}

/// The gate: judging and admitting an order, refusing one, and the reports that end one.
fn gate(criterion: &mut Criterion) {
    // Those that are on by default; positions are not limited, since each instrument is filled on one side for as long as a
    // bench runs.
    let mut limits = LimitSet::open(AccountId(0), StrategyId(0));
    limits.phases.limit = u8::MAX;
    limits.classes[0].order = OrderLimits {
        qty_max: Some(Qty(1_000)),
        notional_max: Some(Money(1_000_000 * i128::from(PRICE_SCALE))),
        collar: Some(Collar { bp: 500, width: Price(0), passive: false }),
        ..OrderLimits::default()
    };
    let settings = GateSettings {
        limits: Arc::new(limits),
        orders_max: 2 * BATCH as usize,
        instruments: BATCH as usize,
        latency_out: Nanos(20_000),
        portfolio: Settings::default(),
        heir: (AccountId(0), StrategyId(0)),
    };
    let intents: Vec<Intent> = (0..BATCH).map(intent).collect();
    let large: Vec<Intent> = intents.iter().map(|it| Intent { qty: Qty(1_001), ..*it }).collect();
    let fills: Vec<Report> = intents.iter().map(|it| report(Kind::FILLED, it)).collect();
    let cancels: Vec<Report> = intents.iter().map(|it| report(Kind::CANCELED, it)).collect();
    let put = |gate: &mut Gate, intents: &[Intent]| {
        intents.iter().for_each(|intent| gate.on(intent, &mut Void, &mut Void));
    };
    let tell = |gate: &mut Gate, reports: &[Report]| {
        reports.iter().for_each(|report| gate.on_report(report, &mut Void));
    };
    let new = || Gate::new(settings.clone());
    let mut checked = new();
    put(&mut checked, &intents);
    assert_eq!(checked.open_orders().len(), BATCH as usize, "all are admitted");
    tell(&mut checked, &fills);
    assert_eq!(checked.counts().fills, u64::from(BATCH));
    assert!(checked.open_orders().is_empty() && checked.counts().unknown_reports == 0);

    bench(
        criterion,
        "gate/judge and admit",
        new(),
        |gate| put(gate, &intents),
        |gate| {
            tell(gate, &cancels);
        },
    );
    bench(criterion, "gate/judge and refuse", new(), |gate| put(gate, &large), |_| ());
    for (name, reports) in
        [("gate/report of a fill", &fills), ("gate/report of a cancel", &cancels)]
    {
        let mut gate = new();
        put(&mut gate, &intents);
        bench(criterion, name, gate, |gate| tell(gate, reports), |gate| put(gate, &intents));
    }
    bench(
        criterion,
        "gate/admit and report of a fill",
        new(),
        |gate| {
            put(gate, &intents);
            tell(gate, &fills);
        },
        |_| (),
    );
}

/// The two ends of a ring.
type Ends<T> = (Producer<T>, Consumer<T>);

/// A ring whose two ends are on one core: putting, and taking in windows.
fn rings(criterion: &mut Criterion) {
    fn pair<T: Message>(criterion: &mut Criterion, what: &str, batch: usize, message: T) {
        let put = |(writer, _): &mut Ends<T>| {
            (0..BATCH).for_each(|_| writer.put(black_box(&message)));
            writer.flush();
        };
        let take = |(_, reader): &mut Ends<T>| {
            let mut count = 0;
            while let Some(message) = reader.peek() {
                black_box(message);
                reader.take();
                count += 1;
            }
            assert_eq!(count, BATCH);
        };
        let open = || ring::<T>(1024, 0, batch);
        bench(criterion, &format!("ring/put {what}"), open(), put, take);
        let mut full = open();
        put(&mut full);
        bench(criterion, &format!("ring/take {what}"), full, take, put);
    }
    pair(criterion, "market, 16 at once", 16, market(Kind::ADD, 1, 1));
    pair(criterion, "order, each at once", 1, *Order::approved(&intent(1)));
}

fn main() {
    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    for stage in [decode, changes, questions, gate, rings] {
        stage(&mut criterion);
    }
    criterion.final_summary();
}
