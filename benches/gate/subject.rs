//! coretick's side of the bench: a gate with all controls on, each control alone, and what an order touches.
//!
//! The one place that knows how a gate is made. No limit is one that the flow's orders meet.

use super::flow::Point;
use coretick::base::code::Code;
use coretick::base::instrument::{Instrument, InstrumentTable, Symbol};
use coretick::base::message::Intent;
use coretick::base::unit::*;
use coretick::risk::check::*;
use coretick::risk::*;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

const COIN: i128 = PRICE_SCALE as i128;
const SECOND: Nanos = Nanos(1_000_000_000);
const TICK: Price = Price(PRICE_SCALE / 100);
const RATE: RateLimit = RateLimit { per_second: 1_000_000, burst: 1_000_000 };
const REPEAT: RepeatLimit = RepeatLimit { count: 4, within: Nanos(10_000_000) };
const COLLAR: Collar = Collar { bp: 500, width: Price(0), passive: true };
const WINDOW: WindowLimit = WindowLimit {
    within: SECOND,
    value_max: Some(Money(COIN * 1_000_000_000_000)),
    qty_max: Some(Qty(1 << 50)),
};
const BREAKER: BreakerLimit =
    BreakerLimit { failures: 10, within: SECOND, pause: SECOND, trials: 2, answer_within: SECOND };
const LEVEL: LevelLimits = LevelLimits {
    gross_max: Some(Money(COIN * 1_000_000_000_000_000)),
    net_max: Some(Money(COIN * 1_000_000_000_000_000)),
    credit_max: Some(Money(COIN * 1_000_000_000_000_000)),
    window: Some(WINDOW),
    rate: Some(RATE),
    open_orders_max: Some(1 << 20),
    orders_per_trade_max: Some(1 << 30),
    loss_reduce: Some(Money(COIN * 1_000_000_000_000)),
    loss_kill: Some(Money(COIN * 2_000_000_000_000)),
    breaker: Some(BREAKER),
};
const ORDER: OrderLimits = OrderLimits {
    qty_max: Some(Qty(10_000)),
    notional_max: Some(Money(COIN * 10_000_000)),
    average_volume_bp: Some(500),
    collar: Some(COLLAR),
    market_collar: Some(COLLAR),
    market_age_max: Some(SECOND),
    long_max: Some(Qty(1 << 40)),
    short_max: Some(Qty(1 << 40)),
    sale_marks: true,
    repeats: Some(REPEAT),
    self_trade: Some(SelfTrade::CancelNewest),
};

fn settings(point: Point, level: LevelLimits) -> GateSettings {
    let account = |id| AccountScope { id: AccountId(id), limits: level };
    let strategy = |id| StrategyScope {
        id: StrategyId(id as u16),
        account: AccountId(id),
        limits: level,
        instruments: vec![],
    };
    let limits = LimitSet {
        firm: level,
        accounts: (1..=point.accounts).map(account).collect(),
        strategies: (1..=point.accounts).map(strategy).collect(),
        classes: vec![InstrumentClass { order: ORDER, level }],
        ..LimitSet::open(AccountId(1), StrategyId(1))
    };
    GateSettings {
        limits: Arc::new(limits),
        // With room for a batch beside those that stay.
        orders_max: point.open + 4096,
        instruments: point.instruments as usize,
        latency_out: Nanos(20_000),
        portfolio: coretick::portfolio::Settings::default(),
        heir: (AccountId(1), StrategyId(1)),
    }
}

/// A gate with all controls on, at all levels.
pub(crate) fn gate(point: Point) -> Gate {
    let mut table = InstrumentTable::new();
    for number in 0..point.instruments {
        let symbol = Symbol::from_number(0x4141_4141_0000_0000 + u64::from(number));
        let known = (Qty(10_000_000), TICK, Price(100 * PRICE_SCALE));
        let (average_volume, tick, previous_close) = known;
        table.add(Instrument { average_volume, tick, previous_close, ..Instrument::new(symbol) });
    }
    Gate::new(settings(point, LEVEL)).with_table(&table)
}

/// A control alone, over orders, all of which pass.
pub(crate) struct Control {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
}

/// Asks a control about orders.
type Run = Box<dyn FnMut(&[Intent])>;

/// `check` for each order; one call for all of them, so that the loop is made for it.
fn control<T, E>(
    name: &'static str,
    mut check: impl FnMut(&Intent) -> Result<T, E> + 'static,
) -> Control {
    let run = move |orders: &[Intent]| {
        let passed = orders.iter().filter(|order| black_box(check(black_box(order))).is_ok());
        assert_eq!(passed.count(), orders.len(), "{name}: all pass");
    };
    Control { name, run: Box::new(run) }
}

/// What makes an order the same as another.
fn key(order: &Intent) -> RepeatKey {
    let Intent { price, qty, account, side, order_type, .. } = *order;
    RepeatKey { price, qty, account, instrument: order.head.instrument, side, order_type }
}

/// Whether the order may be sent once more, which counts as such.
fn repeated(repeats: &mut Repeats, order: &Intent) -> Result<(), (Code, i64, i64)> {
    let (key, now) = (key(order), order.head.time);
    let hashed = repeats.expect(&key);
    let place = repeats.check(&key, hashed, &REPEAT, now)?;
    repeats.note(place, &key, now);
    Ok(())
}

/// Each control alone, at one level, with the state of one scope, which is new.
pub(crate) fn controls() -> Vec<Control> {
    let terms = Terms {
        tick: TICK,
        lot: Qty(1),
        average_volume: Qty(10_000_000),
        previous_close: Price(100 * PRICE_SCALE),
        ..Terms::default()
    };
    // Hidden from the compiler, which else would know what the answer is.
    let (order, level, terms) = (black_box(ORDER), black_box(LEVEL), black_box(terms));
    let exposure = black_box(Exposure { position: Position(1_000), ..Exposure::default() });
    let (turnover, state) = (black_box(Turnover::default()), black_box(TradingState::LIVE));
    let open = black_box(LimitSet::open(AccountId(1), StrategyId(1)).phases);
    let worth = move |it: &Intent| notional(it.price, it.qty, terms.multiplier);
    let (at, bucket) = (Level::FIRM, black_box(Bucket::of(&RATE)));
    let (mut throttle, mut window, mut breaker) =
        (Throttle::default(), Window::default(), Breaker::default());
    let mut repeats = Repeats::new(1 << 15, 7);
    let mut hinted = Repeats::new(1 << 15, 7);
    // As far ahead as the other controls take.
    let ahead = move |orders: &[Intent]| {
        for (at, order) in orders.iter().enumerate() {
            if let Some(coming) = orders.get(at + 8) {
                black_box(hinted.expect(&key(coming)));
            }
            assert!(repeated(&mut hinted, black_box(order)).is_ok(), "all pass");
        }
    };
    vec![
        control("1 trading state", move |_| check_killed(state, at)),
        control("2 who may trade what", move |it| {
            check_account(it, AccountId(1))?;
            check_allowed(it, black_box(1), 0)
        }),
        control("3 instrument, book, age, phase", move |it| {
            check_instrument(it.head.instrument, black_box(1 << 16))?;
            check_health(it)?;
            check_market_age(it, it.head.time, order.market_age_max)?;
            check_phase(it, open)
        }),
        control("4 restricted, located", move |it| {
            check_restricted(black_box(false))?;
            check_located(Sale::SHORT, it.qty, Qty(0), black_box(Some(Qty(1 << 40))))
        }),
        control("5 sale mark, short price", move |it| {
            let sale = check_sale(it, exposure.free_to_sell(), None, black_box(true))?;
            check_short_price(it, sale)
        }),
        control("6 form, tick, lot", move |it| {
            check_form(it, false)?;
            check_steps(it, &terms)
        }),
        control("7 quantity", move |it| check_order_qty(it.qty, order.qty_max)),
        control("8 notional", move |it| check_order_notional(worth(it), order.notional_max)),
        control("9 average volume", move |it| {
            check_average_volume(it.qty, terms.average_volume, order.average_volume_bp)
        }),
        control("10 collar", move |it| {
            check_price_collar(it, reference(it, Price(0), &terms), order.collar)
        }),
        control("11 market collar", move |it| {
            market_price(it, reference(it, Price(0), &terms), COLLAR, terms.tick)
        }),
        control("12 position", move |it| {
            check_position(it.side, it.qty, &exposure, order.long_max, order.short_max)
        }),
        control("13 gross", move |it| check_gross(&turnover, worth(it), level.gross_max, at)),
        control("14 net", move |it| check_net(&turnover, it.side, worth(it), level.net_max, at)),
        control("15 credit", move |it| check_credit(&turnover, worth(it), level.credit_max, at)),
        control("16 window", move |it| {
            let (now, value) = (it.head.time, worth(it));
            check_window(window.sums(SECOND, now), value, it.qty, &WINDOW, at)?;
            window.add(SECOND, now, value.unsigned_abs(), it.qty.0);
            Verdict::Ok(())
        }),
        control("17 rate", move |it| {
            let wait = throttle.wait(&bucket, it.head.time);
            throttle.take(&bucket, it.head.time);
            check_rate(wait, &RATE, at)
        }),
        control("18 open orders, orders a trade", move |it| {
            check_open_orders(1, level.open_orders_max, at)?;
            check_orders_per_trade(it.order.counter(), 1, level.orders_per_trade_max, at)
        }),
        control("19 repeats", move |it| repeated(&mut repeats, it)),
        Control { name: "19 repeats, asked for ahead", run: Box::new(ahead) },
        control("21 self-trade", move |it| check_self_trade(it, black_box(None))),
        control("22 loss", move |it| match state_at(i128::from(it.qty.0), &level) {
            TradingState::LIVE => Ok(()),
            other => Err(other),
        }),
        control("23 breaker", move |it| {
            check_breaker(breaker.admits(&BREAKER, it.head.time), at)?;
            breaker.sent(&BREAKER, it.head.time);
            Verdict::Ok(())
        }),
    ]
}

/// What an order that is accepted touches, by structure: how many, their size, and the lines of each.
pub(crate) fn touched() -> String {
    let intent = ("intent", 1, size_of::<Intent>(), size_of::<Intent>());
    let mut text = format!(
        "{:46} {:>6} {:>8} {:>8} {:>7}\n",
        "an accepted order touches", "count", "bytes", "touched", "lines"
    );
    let (mut bytes, mut lines) = (0, 0);
    for (name, count, size, touched) in std::iter::once(intent).chain(TOUCHED) {
        let (all, in_lines) = (count * touched, count * touched.div_ceil(64));
        (bytes, lines) = (bytes + all, lines + in_lines);
        let _ = writeln!(text, "{name:46} {count:>6} {size:>8} {all:>8} {in_lines:>7}");
    }
    let _ = writeln!(text, "{:46} {:>6} {:>8} {bytes:>8} {lines:>7}", "together", "", "");
    text
}
