//! Every control against a model that is written the other way round: in comparisons of exact products and sums, not in
//! quotients and capped sums.

use crate::draw::Draw;
use coretick::base::code::Code;
use coretick::base::message::{Flags, Intent};
use coretick::base::unit::*;
use coretick::risk::check::*;
use coretick::risk::*;

/// What a control said: code, limit, value.
type Said = Option<(u16, i64, i64)>;

fn said(verdict: Verdict) -> Said {
    verdict.err().map(|refusal| (refusal.code.0, refusal.limit, refusal.value))
}

fn clamp(amount: i128) -> i64 {
    amount.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// A refusal unless `good`.
fn unless(good: bool, code: u16, limit: i128, value: i128) -> Said {
    (!good).then(|| (code, clamp(limit), clamp(value)))
}

/// A sum without bounds: so many times 2^64, and the rest.
#[derive(Clone, Copy, Default)]
struct Wide(i128, i128);

impl Wide {
    fn plus(self, amount: i128) -> Self {
        Self(self.0 + (amount >> 64), self.1 + (amount & i128::from(u64::MAX)))
    }

    fn minus(self, amount: i128) -> Self {
        Self(self.0 - (amount >> 64), self.1 - (amount & i128::from(u64::MAX)))
    }

    /// As an `i128`, or the end of them that is nearer.
    fn capped(self) -> i128 {
        let (high, low) = (self.0 + (self.1 >> 64), self.1 & i128::from(u64::MAX));
        if high >= 1 << 63 {
            i128::MAX
        } else if high < -(1 << 63) {
            i128::MIN
        } else {
            high << 64 | low
        }
    }
}

fn sum(of: &[i128]) -> Wide {
    of.iter().fold(Wide::default(), |sum, amount| sum.plus(*amount))
}

/// `price x qty x multiplier` without its sign, digit by digit in base 2^32; the largest `i128` if it is longer.
fn product(price: i64, qty: u64, multiplier: u32) -> i128 {
    let mut digits = [u64::from(multiplier), 0, 0, 0, 0, 0];
    let halves = |word: u64| [word & 0xffff_ffff, word >> 32];
    for factor in [price.unsigned_abs(), qty] {
        let mut next = [0u64; 6];
        for (at, half) in halves(factor).into_iter().enumerate() {
            let mut carry = 0u64;
            for place in 0..6 - at {
                let digit = u128::from(digits[place]) * u128::from(half);
                let digit = digit + u128::from(next[place + at]) + u128::from(carry);
                next[place + at] = (digit & 0xffff_ffff) as u64;
                carry = (digit >> 32) as u64;
            }
        }
        digits = next;
    }
    if digits[4] > 0 || digits[5] > 0 || digits[3] >> 31 > 0 {
        return i128::MAX;
    }
    (0..4).map(|place| i128::from(digits[place]) << (32 * place)).sum()
}

/// What a turnover is made of.
#[derive(Clone, Debug)]
struct Parts {
    open_buys: i128,
    open_sells: i128,
    bought: i128,
    sold: i128,
    invested: i128,
}

/// One draw of all that controls look at.
#[derive(Clone, Debug)]
struct Case {
    intent: Intent,
    exposure: Exposure,
    parts: Parts,
    terms: Terms,
    added: Qty,
    amount: i128,
    money: Money,
    collar: Collar,
    level: Level,
    state: TradingState,
}

fn case(draw: &mut Draw) -> Case {
    let side = draw.pick(&[Side::BUY, Side::SELL, Side::BUY, Side::SELL, Side(0), Side(255)]);
    let types = [OrderType::LIMIT, OrderType::LIMIT, OrderType::MARKET, OrderType(0), OrderType(9)];
    let mut intent = Intent { side, order_type: draw.pick(&types), ..Intent::default() };
    (intent.price, intent.qty) = (Price(draw.signed()), Qty(draw.extreme()));
    (intent.bid, intent.ask) = (Price(draw.signed()), Price(draw.signed()));
    intent.head.time = Nanos(draw.extreme());
    intent.seen = Nanos(draw.beside(i128::from(intent.head.time.0)));
    intent.head.instrument = InstrumentId(draw.extreme() as u32);
    (intent.account, intent.strategy) = (AccountId(draw.below(3) as u32), StrategyId(1));
    (intent.health, intent.phase) = (Health(draw.below(4) as u8), Phase(draw.extreme() as u8));
    intent.sale = Sale(draw.below(5) as u8);
    if draw.chance(50) {
        intent.head.flags = Flags::SHORT_TEST;
    }
    let exposure = Exposure {
        position: Position(draw.signed()),
        open_buys: Qty(draw.extreme()),
        open_sells: Qty(draw.extreme()),
    };
    let parts = Parts {
        open_buys: draw.amount(),
        open_sells: draw.amount(),
        bought: draw.amount(),
        sold: draw.amount(),
        invested: draw.amount(),
    };
    let terms = Terms {
        multiplier: (draw.extreme() as u32).max(1),
        tick: Price((draw.extreme() as i64).saturating_abs().max(1)),
        lot: Qty(draw.extreme().max(1)),
        average_volume: Qty(draw.extreme()),
        previous_close: Price(draw.signed()),
    };
    let collar = Collar {
        bp: draw.extreme() as u32,
        width: Price(draw.signed().saturating_abs()),
        passive: draw.chance(50),
    };
    // The largest amount of all is the cap of sums: as a limit it is none.
    let money = Money(draw.amount().min(i128::MAX - 1));
    Case {
        added: Qty(draw.extreme()),
        amount: draw.amount(),
        level: Level(draw.below(4) as u8),
        state: TradingState(draw.below(4) as u8),
        intent,
        exposure,
        parts,
        terms,
        money,
        collar,
    }
}

/// Names a control where it differs.
struct Judge<'a> {
    seed: u64,
    round: u64,
    case: &'a Case,
    evaluations: &'a mut u64,
}

impl Judge<'_> {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, model: T) {
        *self.evaluations += 1;
        assert!(
            found == model,
            "{what}: {found:?}, and the model {model:?}; seed {}, round {}: {:?}",
            self.seed,
            self.round,
            self.case
        );
    }
}

fn at(code: Code, level: Level) -> u16 {
    code.0 + u16::from(level.0)
}

/// Controls of one order.
fn of_order(judge: &mut Judge<'_>, draw: &mut Draw) {
    let Case { intent, exposure, terms, added, level, state, collar, .. } = judge.case.clone();
    let (price, qty) = (i128::from(intent.price.0), i128::from(intent.qty.0));
    let buy = intent.side == Side::BUY;
    // Whatever is no purchase counts as a sale, until its form is looked at.
    let (held, more) = (i128::from(exposure.position.0), i128::from(added.0));
    let worst = if buy {
        held + i128::from(exposure.open_buys.0) + more
    } else {
        held - i128::from(exposure.open_sells.0) - more
    };
    let toward_zero = if buy { held < 0 && worst <= 0 } else { held > 0 && worst >= 0 };
    judge.same("worst", exposure.worst(intent.side, added), worst);
    judge.same("only_reduces", exposure.only_reduces(intent.side, added), toward_zero);
    let free = held - i128::from(exposure.open_sells.0);
    judge.same("free_to_sell", exposure.free_to_sell(), free);

    let killed = unless(state.0 < 2, at(Code::KILLED, level), 0, 0);
    judge.same("killed", said(check_killed(state, level)), killed);
    let reduces = draw.chance(50);
    let held_back = unless(state.0 == 0 || reduces, at(Code::REDUCE_ONLY, level), 0, worst);
    judge.same("reduces", said(check_reduces(state, level, reduces, worst)), held_back);
    let account = AccountId(draw.below(3) as u32);
    let (own, his) = (i128::from(intent.account.0), i128::from(account.0));
    let wrong = unless(own == his, 201, his, own);
    judge.same("account", said(check_account(&intent, account)), wrong);
    let (allowed, slot) = (draw.bits() as u16, draw.below(16) as usize);
    let instrument = intent.head.instrument.0;
    let bit = allowed / 2u16.pow(slot as u32) % 2 == 1;
    let barred = unless(bit, 202, 0, instrument.into());
    judge.same("allowed", said(check_allowed(&intent, allowed, slot)), barred);
    let known = draw.beside(i128::from(instrument)) as usize;
    let unknown = unless((instrument as usize) < known, 300, known as i128, instrument.into());
    judge.same("instrument", said(check_instrument(intent.head.instrument, known)), unknown);
    let blind = unless(intent.health.0 == 1, 301, 0, intent.health.0.into());
    judge.same("health", said(check_health(&intent)), blind);
    let latest = Nanos(draw.beside(i128::from(intent.head.time.0)));
    let age = i128::from(intent.head.time.0.max(latest.0)) - i128::from(intent.seen.0);
    let limit = Nanos(draw.beside(age));
    let fresh = age >= 0 && age <= i128::from(limit.0);
    let old = unless(fresh, 302, limit.0.into(), age);
    judge.same("age", said(check_market_age(&intent, latest, Some(limit))), old);
    judge.same("age, off", said(check_market_age(&intent, latest, None)), None);
    let phases = PhaseLimits { limit: draw.bits() as u8, market: draw.bits() as u8 };
    let mask = if intent.order_type.0 == 2 { phases.market } else { phases.limit };
    let open = (0..8).any(|phase| intent.phase.0 == phase && mask & (1 << phase) != 0);
    let shut = unless(open, 303, 0, intent.phase.0.into());
    judge.same("phase", said(check_phase(&intent, phases)), shut);
    judge.same("restricted", said(check_restricted(reduces)), unless(!reduces, 400, 0, 0));
    let used = Qty(draw.extreme());
    let total = i128::from(used.0) + more;
    let located = Qty(draw.beside(total));
    let short = intent.sale.0 == 2 || intent.sale.0 == 3;
    let there = unless(!short || total <= located.0.into(), 401, located.0.into(), total);
    judge.same("located", said(check_located(intent.sale, added, used, Some(located))), there);
    judge.same("located, off", said(check_located(intent.sale, added, used, None)), None);

    sale(judge, draw, &intent, free);
    let mark = intent.sale;
    let tested = mark.0 == 2 && intent.head.flags.0 & 16 != 0;
    let above = intent.order_type.0 == 1 && intent.bid.0 > 0 && intent.price.0 > intent.bid.0;
    let short = unless(!tested || above, 501, intent.bid.0.into(), price);
    judge.same("short price", said(check_short_price(&intent, mark)), short);

    let sided = intent.side.0 == 1 || intent.side.0 == 2;
    let priced = intent.order_type.0 == 2 || intent.order_type.0 == 1 && (reduces || price >= 1);
    let sized = (1..=1i128 << 40).contains(&qty);
    let form = unless(sided && priced && sized, 600, 1 << 40, qty);
    judge.same("form", said(check_form(&intent, reduces)), form);
    let (tick, lot) = (i128::from(terms.tick.0), i128::from(terms.lot.0));
    let on_tick = intent.order_type.0 == 2 || price / tick * tick == price;
    let steps = unless(on_tick, 601, tick, price).or(unless(qty / lot * lot == qty, 602, lot, qty));
    judge.same("steps", said(check_steps(&intent, &terms)), steps);
    let most = Qty(draw.beside(qty));
    let large = unless(qty <= most.0.into(), 700, most.0.into(), qty);
    judge.same("quantity", said(check_order_qty(intent.qty, Some(most))), large);
    judge.same("quantity, off", said(check_order_qty(intent.qty, None)), None);

    let worth = product(intent.price.0, intent.qty.0, terms.multiplier);
    judge.same("notional", notional(intent.price, intent.qty, terms.multiplier), worth);
    let market = Price(draw.beside(price.abs()) as i64);
    let market = draw.maybe(80, market).filter(|market| market.0 > 0);
    let counted = match market {
        Some(market) if !buy => {
            [intent.price, market].into_iter().max_by_key(|it| i128::from(it.0).abs())
        }
        _ => None,
    };
    let found = counted_price(intent.side, intent.price, market);
    let known = counted.unwrap_or(intent.price);
    // Of two that are as far from nothing, either is worth the same.
    let size = |price: Price| i128::from(price.0).abs();
    judge.same("counted price", size(found), size(known));
    judge.same("capped", capped(worth), clamp(worth));
    judge.same("capped, below", capped(-worth), clamp(-worth));
    let other = draw.amount();
    let limit = draw.near(worth, other);
    let lower = if limit < 1 << 100 { limit } else { 1 << 100 };
    let dear = unless(worth <= lower, 800, lower, worth);
    judge.same("value", said(check_order_notional(worth, Some(Money(limit)))), dear);
    let dear = unless(worth <= 1 << 100, 800, 1 << 100, worth);
    judge.same("value, off", said(check_order_notional(worth, None)), dear);

    let average = i128::from(terms.average_volume.0);
    let bp = draw.extreme() as u32;
    let enough = qty * 10_000 <= average * i128::from(bp);
    let share = unless(average > 0, 901, 0, qty).or(unless(
        enough,
        900,
        average * i128::from(bp) / 10_000,
        qty,
    ));
    let found = check_average_volume(intent.qty, terms.average_volume, Some(bp));
    judge.same("average volume", said(found), share);
    let found = check_average_volume(intent.qty, terms.average_volume, None);
    judge.same("average volume, off", said(found), None);

    collars(judge, draw, &intent, &terms, collar);

    let (long, short) = (Qty(draw.beside(worst)), Qty(draw.beside(-worst)));
    let (limit, fits) = if buy {
        (long, worst <= i128::from(long.0))
    } else {
        (short, worst >= -i128::from(short.0))
    };
    let position = unless(fits, 1200, limit.0.into(), worst);
    let found = check_position(intent.side, added, &exposure, Some(long), Some(short));
    judge.same("position", said(found), position);
    let found = check_position(intent.side, added, &exposure, None, None);
    judge.same("position, off", said(found), None);

    let other = i128::from(draw.signed());
    let ours = Price(clamp(draw.near(price, other)));
    let meets = if buy { intent.price.0 >= ours.0 } else { intent.price.0 <= ours.0 };
    judge.same("crosses", crosses(intent.side, intent.price, ours), meets);
    let met = unless(!meets, 2100, ours.0.into(), price);
    judge.same("self-trade", said(check_self_trade(&intent, Some(ours))), met);
    judge.same("self-trade, none", said(check_self_trade(&intent, None)), None);
    let left = Qty(draw.beside(qty));
    let left = draw.maybe(70, left);
    let parent = OrderId(draw.below(2));
    let rest = left.map_or(0, |left| i128::from(left.0));
    let child = unless(parent.0 == 0 || qty <= rest, 2500, rest, qty);
    judge.same("parent", said(check_parent(parent, intent.qty, left)), child);
}

/// 5, as a table: what it is, what it says it is, what it was.
fn sale(judge: &mut Judge<'_>, draw: &mut Draw, intent: &Intent, free: i128) {
    const NONE: u8 = 0;
    const LONG: u8 = 1;
    const SHORT: u8 = 2;
    const EXEMPT: u8 = 3;
    let intent = Intent { qty: Qty(draw.beside(free)), ..*intent };
    let before = draw.pick(&[None, Some(Sale::LONG), Some(Sale::SHORT), Some(Sale::SHORT_EXEMPT)]);
    let strict = draw.chance(50);
    let qty = i128::from(intent.qty.0);
    let owned = qty <= free;
    let is = if owned { LONG } else { SHORT };
    let (side, says) = (intent.side.0, intent.sale.0);
    let good = match (side, strict, says, before.map(|sale| sale.0)) {
        (1, _, NONE, _) => Some(NONE),
        (1, ..) => None,
        (2, false, NONE, None) => Some(is),
        (2, false, says, None) => Some(says),
        (2, false, _, Some(before)) => Some(before),
        (_, _, NONE, None) => Some(is),
        (_, _, LONG, None) => owned.then_some(LONG),
        (_, _, SHORT | EXEMPT, None) => (!owned).then_some(says),
        (_, _, NONE | LONG, Some(LONG)) => owned.then_some(LONG),
        (_, _, NONE, Some(before)) => Some(before),
        (_, _, SHORT | EXEMPT, Some(before)) => (before == says).then_some(before),
        _ => None,
    };
    let model = good.ok_or((500, clamp(free), clamp(qty)));
    let found = check_sale(&intent, free, before, strict);
    let found = found.map(|sale| sale.0).map_err(|it| (it.code.0, it.limit, it.value));
    judge.same("sale", found, model);
}

/// 10 and 11: a price is outside where its distance, ten thousand times, is more than the share.
fn collars(judge: &mut Judge<'_>, draw: &mut Draw, intent: &Intent, terms: &Terms, collar: Collar) {
    let last = Price(draw.signed());
    let buy = intent.side == Side::BUY;
    let far = if buy { intent.ask.0 } else { intent.bid.0 };
    let known = [far, last.0, terms.previous_close.0];
    let first = known.iter().find(|price| **price >= 1).map(|price| Price(*price));
    judge.same("reference", reference(intent, last, terms), first);

    let centre = draw.extreme().clamp(1, i64::MAX as u64) as i128;
    let (bp, least) = (i128::from(collar.bp), i128::from(collar.width.0));
    // The edge, for a price beside it.
    let span = (centre * bp / 10_000).max(least);
    let edge = if draw.chance(50) { centre + span } else { centre - span };
    let drawn = i128::from(draw.signed());
    let price = draw.near(edge, drawn).clamp(i64::MIN.into(), i64::MAX.into());
    let intent = Intent { price: Price(price as i64), ..*intent };
    let outside = |distance: i128| distance * 10_000 > centre * bp && distance > least;
    let (above, below) = (outside(price - centre), outside(centre - price));
    let through = if buy { above } else { below };
    let out = through || collar.passive && (above || below);
    let bound = if above { centre + span } else { centre - span };
    let model = unless(!out, 1000, bound, price);
    let centre_price = Some(Price(centre as i64));
    judge.same("collar", said(check_price_collar(&intent, centre_price, Some(collar))), model);
    judge.same("collar, off", said(check_price_collar(&intent, None, None)), None);
    let none = unless(false, 1001, 0, price);
    judge.same("collar, blind", said(check_price_collar(&intent, None, Some(collar))), none);

    let tick = i128::from(terms.tick.0);
    // The last multiple of the tick that is not beyond.
    let bound = if buy {
        let high = centre + span;
        high - high % tick
    } else {
        let low = centre - span;
        let over = low.rem_euclid(tick);
        if over == 0 { low } else { low - over + tick }
    };
    let model = if (1..=i128::from(i64::MAX)).contains(&bound) {
        Ok(bound as i64)
    } else {
        Err((1101, clamp(centre), clamp(bound)))
    };
    let found = market_price(&intent, centre_price, collar, terms.tick);
    let found = found.map(|price| price.0).map_err(|it| (it.code.0, it.limit, it.value));
    judge.same("market price", found, model);
    let blind = market_price(&intent, None, collar, terms.tick).is_err();
    judge.same("market price, blind", blind, true);
}

/// Controls over a scope.
fn of_level(judge: &mut Judge<'_>, draw: &mut Draw) {
    let Case { intent, parts, amount, level, money, .. } = judge.case.clone();
    let Parts { open_buys, open_sells, bought, sold, invested } = parts;
    let mut turnover = Turnover::default();
    turnover.reserve(Side::BUY, open_buys);
    turnover.reserve(Side::SELL, open_sells);
    turnover.trade(bought, invested);
    turnover.trade(-sold, 0);
    // What is capped stays so.
    let capped = |before: Wide, other: i128| match before.capped() {
        i128::MAX => before,
        _ => before.minus(other),
    };
    let gross = sum(&[bought, sold, open_buys, open_sells]);
    let net = if intent.side == Side::BUY {
        capped(sum(&[open_buys, bought]), sold)
    } else {
        match open_sells {
            i128::MAX => sum(&[open_sells]),
            open_sells => sum(&[sold, open_sells]).minus(bought),
        }
    };
    let credit = sum(&[invested, open_buys, open_sells]);
    judge.same("gross, used", turnover.gross, gross.capped());
    judge.same("net, used", turnover.net(intent.side), net.capped());
    judge.same("credit, used", turnover.credit, credit.capped());
    let mut after = turnover;
    after.release(intent.side, open_buys.min(open_sells));
    let less = |used: i128| match used {
        i128::MAX => used,
        used => sum(&[used]).minus(open_buys.min(open_sells)).capped(),
    };
    judge.same("gross, released", after.gross, less(turnover.gross));
    judge.same("net, released", after.net(intent.side), less(turnover.net(intent.side)));
    let other = |turnover: &Turnover| match intent.side {
        Side::BUY => turnover.net_sold,
        _ => turnover.net_bought,
    };
    judge.same("net, other side", other(&after), other(&turnover));
    let mut limit_by =
        |total: i128| Money(draw.near(total, money.0).clamp(i128::MIN + 1, i128::MAX - 1));
    for (what, code, total) in [
        ("gross", Code::GROSS, gross.plus(amount).capped()),
        ("net", Code::NET, net.plus(amount).capped()),
        ("credit", Code::CREDIT, credit.plus(amount).capped()),
    ] {
        let limit = limit_by(total);
        let model = unless(total <= limit.0, at(code, level), limit.0, total);
        let check = |limit| match what {
            "gross" => check_gross(&turnover, amount, limit, level),
            "net" => check_net(&turnover, intent.side, amount, limit, level),
            _ => check_credit(&turnover, amount, limit, level),
        };
        judge.same(what, said(check(Some(limit))), model);
        judge.same("exposure, off", said(check(None)), None);
    }

    let used = (draw.amount() as u128 | u128::from(draw.bits()) << 64, draw.extreme());
    let half = (used.0 >> 1) as i128;
    let value = sum(&[half, half, (used.0 & 1) as i128]);
    let value = value.plus(amount).capped();
    let lots = i128::from(used.1) + i128::from(intent.qty.0);
    let value_max = Money(draw.near(value, money.0).clamp(0, i128::MAX - 1));
    let qty_max = Qty(draw.beside(lots));
    let window = WindowLimit {
        within: Nanos(1),
        value_max: draw.maybe(80, value_max),
        qty_max: draw.maybe(80, qty_max),
    };
    let dear = window.value_max.is_some() && value > value_max.0;
    let many = window.qty_max.is_some() && lots > i128::from(qty_max.0);
    let model = unless(!dear, at(Code::WINDOW_VALUE, level), value_max.0, value).or(unless(
        !many,
        at(Code::WINDOW_QTY, level),
        qty_max.0.into(),
        lots,
    ));
    let found = check_window(used, amount, intent.qty, &window, level);
    judge.same("window", said(found), model);

    let (wait, pace) = (Nanos(draw.extreme()), draw.extreme() as u32);
    let rate = RateLimit { per_second: pace, burst: 1 };
    let model = unless(wait.0 < 1, at(Code::RATE, level), pace.into(), wait.0.into());
    judge.same("rate", said(check_rate(wait, &rate, level)), model);
    let open = draw.extreme() as u32;
    let most = draw.beside(open.into()) as u32;
    let one_more = i128::from(open) + 1;
    let model =
        unless(one_more <= most.into(), at(Code::OPEN_ORDERS, level), most.into(), one_more);
    judge.same("open orders", said(check_open_orders(open, Some(most), level)), model);
    judge.same("open orders, off", said(check_open_orders(open, None, level)), None);
    let (orders, trades) = (draw.extreme(), draw.extreme());
    let each = i128::from(orders) + 1;
    let trades_or_one = i128::from(trades).max(1);
    let ratio = draw.beside(each / trades_or_one) as u32;
    let few = each <= 100 || each - i128::from(ratio) * trades_or_one <= 0;
    let code = at(Code::ORDERS_PER_TRADE, level);
    let model = unless(few, code, ratio.into(), each / trades_or_one);
    let found = check_orders_per_trade(orders, trades, Some(ratio), level);
    judge.same("orders a trade", said(found), model);
    let found = check_orders_per_trade(orders, trades, None, level);
    judge.same("orders a trade, off", said(found), None);

    let loss = draw.amount();
    let profit = if draw.chance(70) { -loss } else { loss };
    let lost = Wide::default().minus(profit).capped();
    let mut limit = || {
        let limit = Money(draw.near(lost, money.0).max(1));
        draw.maybe(70, limit)
    };
    let (loss_reduce, loss_kill) = (limit(), limit());
    let limits = LevelLimits { loss_reduce, loss_kill, ..LevelLimits::default() };
    let state = match (loss_kill, loss_reduce) {
        (Some(kill), _) if lost >= kill.0 => 2,
        (_, Some(reduce)) if lost >= reduce.0 => 1,
        _ => 0,
    };
    judge.same("loss", state_at(profit, &limits).0, state);
    let model = unless(false, at(Code::BREAKER, level), 0, wait.0.into());
    judge.same("breaker", said(check_breaker(Err(wait), level)), model);
    judge.same("breaker, closed", said(check_breaker(Ok(()), level)), None);
}

#[test]
fn every_control_says_what_an_exact_model_says() {
    let wanted = crate::scaled(10_000_000);
    for seed in crate::seeds(0xc0_2e) {
        let (mut evaluations, mut round) = (0, 0);
        while evaluations < wanted {
            // Each round from a seed of its own: one can be drawn again alone.
            let mut draw = Draw::new(seed ^ round << 20);
            let case = case(&mut draw);
            let mut judge = Judge { seed, round, case: &case, evaluations: &mut evaluations };
            of_order(&mut judge, &mut draw);
            of_level(&mut judge, &mut draw);
            round += 1;
        }
        eprintln!("controls: {evaluations} evaluations in {round} rounds, seed {seed}");
    }
}
