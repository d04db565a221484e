//! Strategies gone wrong, in simulated time: each is stopped at the count that its limit says, and not before.

use crate::world::*;
use coretick::base::code::Code;
use coretick::base::message::*;
use coretick::base::unit::*;
use coretick::risk::*;
use std::sync::Arc;

const BUY: Side = Side::BUY;
const SELL: Side = Side::SELL;
const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;
/// When all begins.
const START: u64 = 1_000 * SECOND;

/// What the small venue does with each order.
#[derive(Clone, Copy, PartialEq)]
enum Venue {
    /// It rests.
    Rests,
    /// It trades in full at its price.
    Fills,
    Rejects,
}

/// A strategy, the gate and the venue.
struct Desk {
    world: World,
    venue: Venue,
    sent: u64,
    /// Orders that left.
    left: u64,
    last: Code,
}

impl Desk {
    fn new(limits: LimitSet, venue: Venue) -> Self {
        Self { world: World::new(limits, 1 << 12), venue, sent: 0, left: 0, last: Code::NONE }
    }

    /// One order; whether it left.
    fn send(&mut self, now: u64, side: Side, qty: u64, price: Price) -> bool {
        self.sent += 1;
        let came = self.world.send(&order(now, self.sent, side, qty, price));
        self.last = came.code();
        for order in &came.left {
            self.left += 1;
            let report = match self.venue {
                Venue::Rests => report(Kind::ACCEPTED, now, order),
                Venue::Fills => fill(now, order, qty, 0),
                Venue::Rejects => report(Kind::REJECTED, now, order),
            };
            self.world.tell(&report);
        }
        !came.left.is_empty()
    }
}

/// The limits of strategy 1.
fn of_strategy(limits: LevelLimits) -> LimitSet {
    let mut set = open_limits();
    set.strategies[0].limits = limits;
    set
}

fn of_order(order: OrderLimits) -> LimitSet {
    let mut set = open_limits();
    set.classes[0].order = order;
    set
}

#[test]
fn a_strategy_that_sends_in_a_loop_is_let_through_at_its_pace() {
    for (per_second, burst) in [(10, 1), (10, 5), (1_000, 20)] {
        let rate = Some(RateLimit { per_second, burst });
        let mut desk =
            Desk::new(of_strategy(LevelLimits { rate, ..LevelLimits::default() }), Venue::Fills);
        for n in 0..1_000 {
            desk.send(START + n, BUY, 1, cents(1_000));
        }
        let burst = u64::from(burst);
        assert_eq!((desk.left, desk.last), (burst, Code::RATE_STRATEGY));
        // It goes on without a pause for ten seconds, and never gets through.
        let step = SECOND / u64::from(per_second) / 2;
        for n in 1..20 * u64::from(per_second) {
            desk.send(START + n * step, BUY, 1, cents(1_000));
        }
        assert_eq!(desk.left, burst);
        // One that waits its turn gets each order through.
        let later = START + 100 * SECOND;
        for n in 0..50 {
            assert!(desk.send(later + n * 2 * step, BUY, 1, cents(1_000)));
        }
    }
}

#[test]
fn a_strategy_that_buys_in_a_loop_is_stopped_at_its_position() {
    for venue in [Venue::Rests, Venue::Fills] {
        let limits = OrderLimits { long_max: Some(Qty(995)), ..OrderLimits::default() };
        let mut desk = Desk::new(of_order(limits), venue);
        for n in 0..500 {
            desk.send(START + n * MILLI, BUY, 10, cents(1_000));
        }
        assert_eq!((desk.left, desk.last), (99, Code::POSITION));
        assert!(desk.send(START + SECOND, BUY, 5, cents(1_000)), "to the very limit");
        assert!(!desk.send(START + SECOND, BUY, 1, cents(1_000)));
        if venue == Venue::Fills {
            assert!(desk.send(START + SECOND, SELL, 995, cents(1_000)), "and back");
        }
    }
}

#[test]
fn a_strategy_that_ignores_rejects_is_stopped_at_their_number_and_tried_once_a_pause() {
    let breaker = BreakerLimit {
        failures: 7,
        within: Nanos(10 * SECOND),
        pause: Nanos(SECOND),
        trials: 2,
        answer_within: Nanos(0),
    };
    let limits = LevelLimits { breaker: Some(breaker), ..LevelLimits::default() };
    let mut desk = Desk::new(of_strategy(limits), Venue::Rejects);
    for n in 0..900 {
        desk.send(START + n * MILLI, BUY, 1, cents(1_000));
    }
    assert_eq!((desk.left, desk.last), (7, Code::BREAKER_STRATEGY));
    // It opened at the seventh, 6 ms on; a trial that fails opens it again: one in 1,000 ms.
    for n in 900..10_000 {
        desk.send(START + n * MILLI, BUY, 1, cents(1_000));
    }
    assert_eq!(desk.left, 7 + 9);
    // The venue is well again: two trials close it.
    desk.venue = Venue::Fills;
    let later = START + 20 * SECOND;
    let before = desk.left;
    for n in 0..100 {
        assert!(desk.send(later + n, BUY, 1, cents(1_000)));
    }
    assert_eq!(desk.left, before + 100);
}

#[test]
fn a_strategy_that_flips_sides_is_stopped_by_what_it_turns_over() {
    // 10, then 20 each way at 10.00: 100, 200, 200, ...: 1,900 after ten, and the eleventh would make 2,100.
    let gross_max = Some(Money(2_000 * i128::from(PRICE_SCALE)));
    let limits = LevelLimits { gross_max, ..LevelLimits::default() };
    let mut desk = Desk::new(of_strategy(limits), Venue::Fills);
    desk.send(START, BUY, 10, cents(1_000));
    for n in 1..100 {
        let side = if n % 2 == 0 { BUY } else { SELL };
        desk.send(START + n * SECOND, side, 20, cents(1_000));
    }
    assert_eq!((desk.left, desk.last), (10, Code::GROSS_STRATEGY));

    // The same within a window, by quantity: 60 in 8 s. It takes up again when the first have left it.
    let window = WindowLimit { within: Nanos(8 * SECOND), value_max: None, qty_max: Some(Qty(60)) };
    let limits = LevelLimits { window: Some(window), ..LevelLimits::default() };
    let mut desk = Desk::new(of_strategy(limits), Venue::Fills);
    let flips = |n: u64| if n.is_multiple_of(2) { BUY } else { SELL };
    let through = |desk: &mut Desk, at: u64| {
        (0..100).filter(|n| desk.send(at + n * MILLI, flips(*n), 20, cents(1_000))).count()
    };
    assert_eq!((through(&mut desk, START), desk.last), (3, Code::WINDOW_QTY_STRATEGY));
    assert_eq!(through(&mut desk, START + 8 * SECOND), 0, "at least the window");
    assert_eq!(through(&mut desk, START + 9 * SECOND), 3, "a slice later");
    // By value, at most 400.00 of what is worth 200.00 each.
    let value_max = Some(Money(400 * i128::from(PRICE_SCALE)));
    let window = WindowLimit { value_max, qty_max: None, ..window };
    let limits = LevelLimits { window: Some(window), ..LevelLimits::default() };
    let mut desk = Desk::new(of_strategy(limits), Venue::Fills);
    assert_eq!((through(&mut desk, START), desk.last), (2, Code::WINDOW_VALUE_STRATEGY));
}

#[test]
fn a_strategy_that_walks_the_price_is_stopped_at_its_collar() {
    let collar = |passive| Some(Collar { bp: 200, width: Price(0), passive });
    for (side, passive) in [(BUY, false), (SELL, false), (BUY, true), (SELL, true)] {
        let limits = OrderLimits { collar: collar(passive), ..OrderLimits::default() };
        let mut desk = Desk::new(of_order(limits), Venue::Rests);
        // From the opposite best, 10.01 or 9.99, outwards: 2 % are 20 whole cents of either, and the first is on it.
        let (from, step) = if side.is_buy() { (1_001, 1) } else { (999, -1) };
        for n in 0..100 {
            desk.send(START + n as u64 * MILLI, side, 1, cents(from + step * n));
        }
        let whole = if side.is_buy() { 20 } else { 19 };
        assert_eq!((desk.left, desk.last), (whole + 1, Code::PRICE_COLLAR));
        // Away from the market only if that is asked for.
        let left = desk.left;
        for n in 1..100 {
            desk.send(START + n as u64 * MILLI, side, 1, cents(from - step * n));
        }
        assert_eq!(desk.left - left, if passive { whole } else { 99 });
    }
}

#[test]
fn a_strategy_that_repeats_itself_is_stopped_at_the_count_of_repeats() {
    let repeats = Some(RepeatLimit { count: 3, within: Nanos(SECOND) });
    let mut desk =
        Desk::new(of_order(OrderLimits { repeats, ..OrderLimits::default() }), Venue::Rests);
    for n in 0..1_000 {
        desk.send(START + n * MILLI, BUY, 1, cents(1_000));
    }
    assert_eq!((desk.left, desk.last), (3, Code::DUPLICATE));
    assert!(desk.send(START + SECOND, BUY, 1, cents(1_000)), "the first is a second old");
    assert!(!desk.send(START + SECOND, BUY, 1, cents(1_000)), "the second is not");
}

#[test]
fn orders_without_trades_are_stopped_at_their_ratio_and_open_ones_at_their_number() {
    let limits = LevelLimits { orders_per_trade_max: Some(20), ..LevelLimits::default() };
    let mut desk = Desk::new(of_strategy(limits), Venue::Rejects);
    for n in 0..500 {
        desk.send(START + n * MILLI, BUY, 1, cents(1_000));
    }
    assert_eq!((desk.left, desk.last), (100, Code::ORDERS_PER_TRADE_STRATEGY));
    let limits = LevelLimits { open_orders_max: Some(17), ..LevelLimits::default() };
    let mut desk = Desk::new(of_strategy(limits), Venue::Rests);
    for n in 0..500 {
        desk.send(START + n * MILLI, BUY, 1, cents(1_000));
    }
    assert_eq!((desk.left, desk.last), (17, Code::OPEN_ORDERS_STRATEGY));
}

#[test]
fn a_repeat_is_known_whatever_other_classes_forget() {
    let mut set = open_limits();
    let class = |within| InstrumentClass {
        order: OrderLimits {
            repeats: Some(RepeatLimit { count: 1, within: Nanos(within) }),
            ..OrderLimits::default()
        },
        ..InstrumentClass::default()
    };
    set.classes = vec![class(3_600 * SECOND), class(1)];
    set.singles = vec![Single {
        instrument: InstrumentId(2),
        class: 1,
        restricted: false,
        located: None,
        negative_prices: false,
    }];
    let mut desk = Desk::new(set, Venue::Rejects);
    assert!(desk.send(START, BUY, 1, cents(1_000)));
    // Another instrument, whose repeats matter for a nanosecond only: many different orders, all of which find a place.
    for n in 0..16_000 {
        let mut other = order(START + n * 10_000, 1_000 + n, BUY, 1, Price(1 + n as i64));
        other.head.instrument = InstrumentId(2);
        let came = desk.world.send(&other);
        assert_eq!(came.code(), Code::NONE);
        desk.world.tell(&report(Kind::REJECTED, START + n, &came.left[0]));
    }
    assert!(!desk.send(START + 60 * SECOND, BUY, 1, cents(1_000)), "it was sent a minute ago");
    assert_eq!(desk.last, Code::DUPLICATE);
}

#[test]
fn a_mark_that_costs_one_strategy_what_it_brings_another_is_no_loss_of_both() {
    let mut set = open_limits();
    set.firm.loss_kill = Some(Money(1_000 * i128::from(PRICE_SCALE)));
    let mut world = World::new(set, 16);
    let long = order(START, 1, BUY, 1_000, cents(1_000));
    let mut short = order(START, 2, SELL, 1_000, cents(1_000));
    (short.account, short.strategy) = (AccountId(2), StrategyId(3));
    for order in [long, short] {
        let came = world.send(&order);
        world.tell(&fill(START, &came.left[0], 1_000, 0));
    }
    for (now, bid) in [(1, 800), (2, 1_200)] {
        let mark = Intent { bid: cents(bid), ask: cents(bid), ..intent(Kind::MARK, START + now) };
        world.send(&mark);
        assert_eq!(world.used(Level::FIRM, 0)[7], 0, "nothing is lost in all");
        let came = world.send(&order(START + now, 10 + now, BUY, 1, cents(bid)));
        assert_eq!(came.code(), Code::NONE);
    }
}

#[test]
fn a_cheaper_larger_replace_is_reserved_with_what_its_target_may_fill_before_it() {
    let mut set = open_limits();
    set.firm.gross_max = Some(Money(1_000 * i128::from(PRICE_SCALE)));
    let mut world = World::new(set, 16);
    let came = world.send(&order(START, 1, BUY, 100, cents(1_000)));
    world.tell(&report(Kind::ACCEPTED, START, &came.left[0]));
    // 200 at 5.00 are worth as much as 100 at 10.00; but these may fill on its way, and then 100 at 5.00 are left.
    let mut replace = order(START, 2, BUY, 200, cents(500));
    (replace.head.kind, replace.target) = (Kind::REPLACE_ORDER, OrderId(1));
    assert_eq!(world.send(&replace).code(), Code::GROSS);
    let replace = Intent { qty: Qty(100), order: OrderId(3), ..replace };
    assert_eq!(world.send(&replace).code(), Code::NONE, "no more of it, and cheaper");
}

#[test]
fn what_a_replace_filled_before_it_was_confirmed_is_not_open_after() {
    let mut world = World::new(open_limits(), 16);
    let came = world.send(&order(START, 1, BUY, 100, cents(1_000)));
    world.tell(&report(Kind::ACCEPTED, START, &came.left[0]));
    let mut replace = order(START, 2, BUY, 100, cents(1_000));
    (replace.head.kind, replace.target) = (Kind::REPLACE_ORDER, OrderId(1));
    let came = world.send(&replace);
    // The venue said: replaced, filled 30, filled 70. The first comes last but one.
    let replaced = Report { leaves: Qty(100), ..report(Kind::REPLACED, START, &came.left[0]) };
    world.tell(&fill(START, &came.left[0], 30, 70));
    world.tell(&replaced);
    let open = world.used(Level::FIRM, 0)[0] - 300 * i128::from(PRICE_SCALE);
    assert_eq!(open, 700 * i128::from(PRICE_SCALE));
    world.tell(&fill(START, &came.left[0], 70, 0));
    assert!(world.gate.open_orders().is_empty());
    assert_eq!(world.used(Level::FIRM, 0)[0], 1_000 * i128::from(PRICE_SCALE));
}

#[test]
fn a_strategy_reduces_what_it_holds_though_another_holds_against_it_and_the_firm_does_not() {
    let mut world = World::new(open_limits(), 40);
    let of = |strategy: u16, order: Intent| Intent { strategy: StrategyId(strategy), ..order };
    let bought = order(1, 1, Side::BUY, 100, cents(1_000));
    let sold = of(2, order(2, 2, Side::SELL, 100, cents(1_000)));
    for traded in [bought, sold] {
        assert_eq!(world.send(&traded).code(), Code::NONE);
        world.tell(&Report { price: traded.price, ..fill(3, &traded, 100, 0) });
    }
    let sale = |now, id, qty| order(now, id, Side::SELL, qty, cents(1_000));
    for (level, id, refused) in [
        (Level::STRATEGY, 1, Code::NONE),
        (Level::ACCOUNT, 1, Code::REDUCE_ONLY.at(Level::ACCOUNT)),
        (Level::FIRM, 0, Code::REDUCE_ONLY),
        (Level::INSTRUMENT, 0, Code::REDUCE_ONLY.at(Level::INSTRUMENT)),
    ] {
        let now = 10 * (1 + u64::from(level.0));
        let mut command = Intent { level, ..intent(Kind::REDUCE_ONLY, now) };
        (command.account, command.strategy) = (AccountId(id), StrategyId(id as u16));
        world.send(&command);
        let first = sale(now + 1, 100 + now, 60);
        assert_eq!(world.send(&first).code(), refused, "{level}");
        if refused == Code::NONE {
            let more = world.send(&sale(now + 2, 101 + now, 41));
            assert_eq!(more.code(), Code::REDUCE_ONLY.at(Level::STRATEGY), "of the 40 left");
            world.tell(&Report { qty: Qty(60), ..report(Kind::CANCELED, now + 3, &first) });
        }
        command.head.kind = Kind::RESUME;
        command.head.time = Nanos(now + 5);
        world.send(&command);
    }
}

#[test]
fn a_strategy_changes_its_account_with_nothing_open_and_nothing_held() {
    let mut world = World::new(open_limits(), 40);
    let mut version = 0;
    let mut to_account_2 = |world: &mut World, now: u64| {
        version += 1;
        let mut set = LimitSet { version, ..open_limits() };
        set.strategies[0].account = AccountId(2);
        world.inbox.offer(Arc::new(set));
        world.send(&Intent { qty: Qty(version.into()), ..intent(Kind::LIMITS, now) });
        world.gate.limits().version == version
    };
    let buy = order(1, 1, Side::BUY, 100, cents(1_000));
    world.send(&buy);
    assert!(!to_account_2(&mut world, 2), "an order is open");
    world.tell(&Report { price: buy.price, ..fill(3, &buy, 100, 0) });
    assert!(!to_account_2(&mut world, 4), "it is long");
    assert_eq!(world.gate.counts().refused_limits, 2);
    let sell = order(5, 2, Side::SELL, 100, cents(1_001));
    world.send(&sell);
    world.tell(&Report { price: sell.price, ..fill(6, &sell, 100, 0) });
    assert!(to_account_2(&mut world, 7));
    let [before, after] = [1, 2].map(|account| world.used(Level::ACCOUNT, account));
    assert_eq!((before[2], after[2]), (0, 0), "nothing is invested in either");
    let again = Intent { account: AccountId(2), ..order(8, 3, Side::BUY, 1, cents(1_000)) };
    assert_eq!(world.send(&again).code(), Code::NONE);
    assert_eq!(world.used(Level::ACCOUNT, 2)[2], i128::from(cents(1_000).0));
}

#[test]
fn only_a_resume_loosens_what_was_killed() {
    let mut world = World::new(open_limits(), 16);
    world.send(&intent(Kind::KILL, START));
    world.send(&intent(Kind::REDUCE_ONLY, START + 1));
    let came = world.send(&order(START + 2, 1, BUY, 1, cents(1_000)));
    assert_eq!(came.code(), Code::KILLED);
    world.send(&intent(Kind::RESUME, START + 3));
    let came = world.send(&order(START + 4, 2, BUY, 1, cents(1_000)));
    assert_eq!(came.code(), Code::NONE);
}
