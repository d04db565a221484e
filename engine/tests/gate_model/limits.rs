//! Limits for random sequences: which there are, and how tight.

use crate::draw::Draw;
use crate::world::*;
use coretick::base::unit::*;
use coretick::risk::*;

pub(crate) const MILLI: u64 = 1_000_000;

/// Lengths of windows and breakers: the same in all limits of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    within: [Nanos; 4],
    breakers: [Option<BreakerLimit>; 3],
    repeats: Nanos,
}

/// Draws the lengths.
pub(crate) fn fixed(draw: &mut Draw) -> Fixed {
    let mut span = |low: u64, high: u64| Nanos(low * MILLI + draw.below(high * MILLI));
    let within = [span(1, 2_000), span(1, 500), span(1, 100), span(1, 1_000)];
    let (repeats, failing, pause) = (span(1, 500), span(10, 2_000), span(1, 300));
    let late = span(1, 40);
    let breakers = [0, 1, 2].map(|_| {
        let breaker = BreakerLimit {
            failures: 1 + draw.below(5) as u32,
            within: failing,
            pause,
            trials: 1 + draw.below(3) as u32,
            answer_within: if draw.chance(40) { late } else { Nanos(0) },
        };
        draw.maybe(30, breaker)
    });
    Fixed { within, breakers, repeats }
}

fn money(draw: &mut Draw, most: u64) -> Money {
    Money(i128::from(draw.below(most) + 1) * i128::from(PRICE_SCALE))
}

fn level_limits(draw: &mut Draw, fixed: &Fixed, level: usize, tight: u64) -> LevelLimits {
    let (value, qty) = (money(draw, 60_000), Qty(draw.below(4_000)));
    let window = WindowLimit {
        within: fixed.within[level],
        value_max: draw.maybe(60, value),
        qty_max: draw.maybe(60, qty),
    };
    let rate =
        RateLimit { per_second: 1 + draw.below(400) as u32, burst: 1 + draw.below(20) as u32 };
    let (gross, net, credit) = (money(draw, 400_000), money(draw, 60_000), money(draw, 60_000));
    let (reduce, kill) = (money(draw, 3_000), money(draw, 6_000));
    let (open, ratio) = (draw.below(20) as u32, draw.below(4) as u32);
    LevelLimits {
        gross_max: draw.maybe(tight, gross),
        net_max: draw.maybe(tight, net),
        credit_max: draw.maybe(tight, credit),
        window: draw.maybe(tight, window),
        rate: draw.maybe(tight, rate),
        open_orders_max: draw.maybe(tight, open),
        // Of the firm's it would be met before all others.
        orders_per_trade_max: draw.maybe(if level == 0 { 2 } else { 10 }, ratio),
        loss_reduce: draw.maybe(tight / 2, reduce),
        loss_kill: draw.maybe(tight / 2, kill),
        breaker: fixed.breakers.get(level).copied().flatten(),
    }
}

fn order_limits(draw: &mut Draw, fixed: &Fixed, tight: u64) -> OrderLimits {
    let mut collar = || Collar {
        bp: draw.below(600) as u32,
        width: cents(draw.below(30) as i64),
        passive: draw.chance(40),
    };
    let (own, market) = (collar(), collar());
    let repeats = RepeatLimit { count: 1 + draw.below(4) as u32, within: fixed.repeats };
    let policy = [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth];
    let policy = draw.pick(&policy);
    let (qty, bp, age) = (draw.below(150), draw.below(500) as u32, draw.below(20 * MILLI));
    let (value, long, short) = (money(draw, 100_000), draw.below(600), draw.below(600));
    OrderLimits {
        qty_max: draw.maybe(tight, Qty(qty)),
        notional_max: draw.maybe(tight, value),
        average_volume_bp: draw.maybe(tight / 3, bp),
        collar: draw.maybe(tight, own),
        market_collar: draw.maybe(tight, market),
        sale_marks: draw.chance(tight),
        market_age_max: draw.maybe(tight, Nanos(age)),
        long_max: draw.maybe(2 * tight, Qty(long)),
        short_max: draw.maybe(2 * tight, Qty(short)),
        repeats: draw.maybe(tight, repeats),
        self_trade: draw.maybe(2 * tight, policy),
    }
}

/// Draws limits: none, or more and tighter ones, some of which leave somebody out.
pub(crate) fn limits(draw: &mut Draw, fixed: &Fixed, version: u32) -> LimitSet {
    let tight = draw.pick(&[0, 5, 10, 20, 35]);
    let mut set = open_limits();
    set.version = version;
    set.firm = level_limits(draw, fixed, 0, tight);
    for account in &mut set.accounts {
        account.limits = level_limits(draw, fixed, 1, tight);
    }
    for strategy in &mut set.strategies {
        strategy.limits = level_limits(draw, fixed, 2, tight);
        if draw.chance(10) {
            strategy.instruments = vec![InstrumentId(0), InstrumentId(2)];
        }
    }
    let class = |draw: &mut Draw| InstrumentClass {
        order: order_limits(draw, fixed, tight),
        level: level_limits(draw, fixed, 3, tight),
    };
    set.classes = vec![class(draw), class(draw)];
    let single = |draw: &mut Draw, id| Single {
        instrument: InstrumentId(id),
        class: draw.below(2) as u16,
        restricted: version > 0 && draw.chance(5),
        located: {
            let qty = Qty(draw.below(300));
            draw.maybe(40, qty)
        },
        negative_prices: id == 2,
    };
    set.singles = vec![single(draw, 1), single(draw, 2)];
    if version > 0 && draw.chance(8) {
        set.strategies.pop();
    }
    if version > 0 && draw.chance(8) {
        set.accounts.remove(0);
    }
    if draw.chance(20) {
        set.phases = PhaseLimits { limit: 0b10, market: 0b10 };
    }
    set
}
