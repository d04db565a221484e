//! What left and what was reported, as lists; every figure is added up anew, in `i128`, each time it is asked for.
//!
//! It knows the gate's promises, none of its code. What may be in a window of slices, or not, counts as both: `surely` and
//! `maybe`.

use crate::world::{INSTRUMENTS, TERMS};
use coretick::base::code::Code;
use coretick::base::message::{Flags, Intent, Kind, Report};
use coretick::base::unit::*;
use coretick::risk::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A scope: its level, and the number of its account, strategy or instrument.
pub(crate) type Scope = (Level, u32);

const SECOND: u64 = 1_000_000_000;

/// An order that left.
#[derive(Clone, Debug)]
struct Line {
    /// As it was asked for, and as it left.
    asked: Intent,
    left: Intent,
    scopes: [Scope; 4],
    /// What a replace added to its target: quantity and worth.
    added: u64,
    value: i128,
    /// By level: whether it counted in a window.
    windowed: [bool; 4],
    repeats: bool,
    eras: [u32; 3],
    answered: bool,
    reports: Vec<Report>,
}

/// What is open of an order.
#[derive(Clone, Copy, Debug)]
struct Standing {
    leaves: u64,
    reserved: u64,
    value: i128,
    /// No replace that waits for its answer.
    confirmed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Fuse {
    Closed,
    Open(u64),
    Trials { sent: u32, good: u32, until: u64 },
}

#[derive(Clone, Debug)]
struct Breakers {
    fuse: Fuse,
    era: u32,
    failures: Vec<u64>,
}

/// Sums of a scope.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    open: [i128; 2],
    pub(crate) traded: [i128; 2],
    pub(crate) invested: i128,
    cash: i128,
    worth: i128,
    orders: i128,
    trades: i128,
    open_orders: i128,
}

impl Sums {
    fn gross(&self) -> i128 {
        self.traded[0] + self.traded[1] + self.open[0] + self.open[1]
    }

    fn net(&self, side: usize) -> i128 {
        self.traded[side] - self.traded[1 - side] + self.open[side]
    }

    fn credit(&self) -> i128 {
        self.invested + self.open[0] + self.open[1]
    }

    fn profit(&self) -> i128 {
        self.cash + self.worth
    }
}

/// What the ledger makes of an order.
#[derive(Debug)]
pub(crate) struct Opinion {
    /// Limits that it breaches for sure: it is not to leave.
    pub(crate) surely: Vec<Code>,
    /// Those that it may breach: one of them is to be named.
    pub(crate) maybe: Vec<Code>,
    /// What is to leave.
    pub(crate) out: Intent,
    /// Ours that it would meet.
    pub(crate) meets: Vec<OrderId>,
    pub(crate) policy: Option<SelfTrade>,
    scopes: [Scope; 4],
    added: u64,
    value: i128,
}

impl Opinion {
    fn breach(&mut self, code: Code) {
        self.surely.push(code);
        self.maybe.push(code);
    }

    fn unless(&mut self, good: bool, code: Code) {
        if !good {
            self.breach(code);
        }
    }
}

pub(crate) struct Ledger {
    pub(crate) limits: Arc<LimitSet>,
    orders_max: i128,
    /// Reports come in any order.
    jumbled: bool,
    lines: Vec<Line>,
    /// Fills and void fills in the order in which they were told.
    trades: Vec<Report>,
    marks: [i64; INSTRUMENTS],
    last: [(i64, u64); INSTRUMENTS],
    states: BTreeMap<Scope, TradingState>,
    /// Orders asked for by scope: when, and the pace then.
    asks: BTreeMap<Scope, Vec<(u64, RateLimit)>>,
    breakers: BTreeMap<Scope, Breakers>,
    /// When the gate last heard of something.
    pub(crate) now: u64,
}

/// The account of each strategy.
fn account_of(strategy: u32) -> u32 {
    if strategy == 3 { 2 } else { 1 }
}

fn scopes(strategy: u32, instrument: u32) -> [Scope; 4] {
    [
        (Level::FIRM, 0),
        (Level::ACCOUNT, account_of(strategy)),
        (Level::STRATEGY, strategy),
        (Level::INSTRUMENT, instrument),
    ]
}

fn side_of(buy: bool) -> usize {
    usize::from(!buy)
}

fn multiplier(instrument: u32) -> i128 {
    TERMS[instrument as usize].2.into()
}

/// Exact where both fit; what does not is more than any limit.
fn worth(price: i64, qty: u64, instrument: u32) -> i128 {
    let each = i128::from(price).abs() * multiplier(instrument);
    each.checked_mul(qty.into()).unwrap_or(i128::MAX)
}

impl Line {
    fn standing(&self) -> Option<Standing> {
        let (id, qty) = (self.left.order, self.left.qty.0);
        let is = |report: &&Report, kind| report.head.kind == kind;
        let ends = [Kind::REJECTED, Kind::REFUSED, Kind::TOO_LATE];
        let ended = self.reports.iter().any(|report| {
            report.order == id && ends.contains(&report.head.kind)
                || is(&report, Kind::REPLACED) && report.target == id
        });
        if ended {
            return None;
        }
        let own = || self.reports.iter().filter(|report| report.order == id);
        let gone = own().filter(|it| is(it, Kind::FILLED) || is(it, Kind::CANCELED));
        let gone: u64 = gone.map(|report| report.qty.0).sum();
        let told = own().find(|it| is(it, Kind::REPLACED)).map(|it| it.leaves.0.min(qty));
        let (price, instrument) = (self.left.price.0, self.left.head.instrument.0);
        let whole = if self.left.head.kind == Kind::NEW { Some(qty) } else { told };
        let Some(whole) = whole else {
            let leaves = qty.checked_sub(gone).filter(|leaves| *leaves > 0)?;
            let less = gone.min(self.added);
            let value = (self.value - worth(price, less, instrument)).max(0);
            return Some(Standing { leaves, reserved: self.added - less, value, confirmed: false });
        };
        let leaves = whole.checked_sub(gone).filter(|leaves| *leaves > 0)?;
        let value = worth(price, leaves, instrument);
        Some(Standing { leaves, reserved: leaves, value, confirmed: true })
    }

    fn side(&self) -> usize {
        side_of(self.left.side == Side::BUY)
    }

    fn is_short(&self) -> bool {
        self.left.sale == Sale::SHORT || self.left.sale == Sale::SHORT_EXEMPT
    }
}

/// By how much a trade moves a position: a void one goes back.
fn moved(trade: &Report) -> i128 {
    let way = if (trade.side == Side::BUY) == (trade.head.kind == Kind::FILLED) { 1 } else { -1 };
    way * i128::from(trade.qty.0)
}

impl Ledger {
    pub(crate) fn new(limits: Arc<LimitSet>, orders_max: usize, jumbled: bool) -> Self {
        Self {
            limits,
            orders_max: orders_max as i128,
            jumbled,
            lines: Vec::new(),
            trades: Vec::new(),
            marks: [0; INSTRUMENTS],
            last: [(0, 0); INSTRUMENTS],
            states: BTreeMap::new(),
            asks: BTreeMap::new(),
            breakers: BTreeMap::new(),
            now: 0,
        }
    }

    /// The program starts again: what is known of orders is gone; states stay. The fills, which it is to be told again.
    pub(crate) fn restart(&mut self) -> (Vec<Report>, Vec<(Scope, TradingState)>) {
        let fresh = Self::new(self.limits.clone(), self.orders_max as usize, self.jumbled);
        let Self { trades, states, now, .. } = std::mem::replace(self, fresh);
        (self.states, self.now) = (states.clone(), now);
        (trades, states.into_iter().collect())
    }

    pub(crate) fn state(&self, scope: Scope) -> TradingState {
        self.states.get(&scope).copied().unwrap_or(TradingState::LIVE)
    }

    fn class(&self, instrument: u32) -> InstrumentClass {
        let single = self.single(instrument);
        self.limits.classes[single.map_or(0, |single| usize::from(single.class))]
    }

    fn single(&self, instrument: u32) -> Option<Single> {
        self.limits.singles.iter().find(|single| single.instrument.0 == instrument).copied()
    }

    pub(crate) fn limits_of(&self, (level, id): Scope) -> LevelLimits {
        let set = &self.limits;
        match level {
            Level::FIRM => set.firm,
            Level::ACCOUNT => {
                let account = set.accounts.iter().find(|it| it.id.0 == id);
                account.map(|it| it.limits).unwrap_or_default()
            }
            Level::STRATEGY => {
                let strategy = set.strategies.iter().find(|it| u32::from(it.id.0) == id);
                strategy.map(|it| it.limits).unwrap_or_default()
            }
            _ => self.class(id).level,
        }
    }

    fn standing(&self) -> impl Iterator<Item = (&Line, Standing)> {
        self.lines.iter().filter_map(|line| Some((line, line.standing()?)))
    }

    /// What is open in a scope of a shard's.
    pub(crate) fn open_in(&self, scope: Scope, shard: ShardId) -> Vec<OrderId> {
        let mine = self
            .standing()
            .filter(|(line, _)| line.scopes.contains(&scope) && line.left.shard == shard);
        mine.map(|(line, _)| line.left.order).collect()
    }

    pub(crate) fn open(&self) -> Vec<(OrderId, u64)> {
        let mut open: Vec<_> =
            self.standing().map(|(line, open)| (line.left.order, open.leaves)).collect();
        open.sort();
        open
    }

    /// Confirmed or not, with its quantity left.
    pub(crate) fn leaves_of(&self, order: OrderId) -> Option<(Intent, u64, bool)> {
        let mut mine = self.standing().filter(|(line, _)| line.left.order == order);
        mine.next().map(|(line, open)| (line.left, open.leaves, open.confirmed))
    }

    /// What was told to have filled of an order.
    pub(crate) fn filled(&self, order: OrderId) -> u64 {
        let fills =
            self.trades.iter().filter(|it| it.order == order && it.head.kind == Kind::FILLED);
        fills.map(|fill| fill.qty.0).sum()
    }

    pub(crate) fn sums(&self, scope: Scope) -> Sums {
        let mut sums = Sums::default();
        for line in self.lines.iter().filter(|line| line.scopes.contains(&scope)) {
            sums.orders += 1;
            if let Some(open) = line.standing() {
                sums.open[line.side()] += open.value;
                sums.open_orders += i128::from(open.confirmed);
            }
        }
        let mut parts = [[(0i128, 0i128); INSTRUMENTS]; 4];
        for trade in &self.trades {
            let (strategy, instrument) = (u32::from(trade.strategy.0), trade.head.instrument.0);
            if !scopes(strategy, instrument).contains(&scope) {
                continue;
            }
            let (qty, each) = (moved(trade), i128::from(trade.price.0) * multiplier(instrument));
            let void = if trade.head.kind == Kind::BROKEN { -1 } else { 1 };
            let paid = each * qty;
            sums.trades += 1;
            sums.traded[side_of(paid >= 0)] += paid.abs();
            sums.cash -= paid + void * i128::from(trade.fee);
            sums.worth +=
                i128::from(self.marks[instrument as usize]) * multiplier(instrument) * qty;
            let (held, cost) = &mut parts[strategy as usize][instrument as usize];
            let closing = if *held * qty < 0 { qty.abs().min(held.abs()) } else { 0 };
            if closing > 0 {
                *cost -= *cost * closing / held.abs();
            }
            *cost += each * (qty.abs() - closing) * qty.signum();
            *held += qty;
        }
        sums.invested = parts.iter().flatten().map(|part| part.1.abs()).sum();
        sums
    }

    /// Position, and what may be bought and sold, of one strategy or of all.
    fn exposure(&self, instrument: u32, strategy: Option<StrategyId>) -> (i128, [i128; 2]) {
        let mine = |of: u32, by: StrategyId| of == instrument && strategy.is_none_or(|it| it == by);
        let trades = self.trades.iter().filter(|it| mine(it.head.instrument.0, it.strategy));
        let mut open = [0; 2];
        for (line, standing) in self.standing() {
            if mine(line.left.head.instrument.0, line.left.strategy) {
                open[line.side()] += i128::from(standing.reserved);
            }
        }
        (trades.map(moved).sum(), open)
    }

    /// Of what is hard to borrow: sold short, or on offer as such.
    fn located(&self, instrument: u32) -> i128 {
        let short = self
            .lines
            .iter()
            .filter(|line| line.left.head.instrument.0 == instrument && line.is_short());
        let each = |line: &Line| {
            let fills = line
                .reports
                .iter()
                .filter(|it| it.order == line.left.order && it.head.kind == Kind::FILLED);
            let sold: u64 = fills.map(|fill| fill.qty.0).sum();
            i128::from(sold + line.standing().map_or(0, |open| open.reserved))
        };
        short.map(each).sum()
    }

    /// Worth and quantity of what was accepted in a scope since `span` ago.
    fn within(&self, scope: Scope, now: u64, span: u64) -> (i128, i128) {
        let level = usize::from(scope.0.0);
        let young = self.lines.iter().filter(|line| {
            line.windowed[level]
                && line.scopes[level] == scope
                && now - line.left.head.time.0 <= span
        });
        young.fold((0, 0), |(value, qty), line| {
            let Intent { price, qty: lots, head, .. } = line.left;
            (value + worth(price.0, lots.0, head.instrument.0), qty + i128::from(lots.0))
        })
    }

    /// How far a scope's bucket is from full at `now`, and in debt, by all that were asked for.
    fn wait(&self, scope: Scope, limit: RateLimit) -> u64 {
        let each = |limit: RateLimit| SECOND.div_ceil(limit.per_second.into());
        let mut full = 0u64;
        for (time, then) in self.asks.get(&scope).into_iter().flatten() {
            let most = time + (2 * u64::from(then.burst) - 1) * each(*then);
            let next = full.max(*time) + each(*then);
            full = full.max(next.min(most));
        }
        let spare = (u64::from(limit.burst) - 1) * each(limit);
        full.saturating_sub(self.now).saturating_sub(spare)
    }

    /// What is to become of an order, all limits looked at.
    pub(crate) fn judge(&mut self, intent: &Intent) -> Opinion {
        self.now = intent.head.time.0;
        let (instrument, strategy) = (intent.head.instrument.0, u32::from(intent.strategy.0));
        let known = (1..=3).contains(&strategy);
        let there = (instrument as usize) < INSTRUMENTS;
        let scopes = scopes(strategy, instrument);
        let asked = [true, known, known, there];
        let mut waits = [0; 4];
        for (level, scope) in scopes.into_iter().enumerate().filter(|(level, _)| asked[*level]) {
            if let Some(rate) = self.limits_of(scope).rate {
                waits[level] = self.wait(scope, rate);
                self.asks.entry(scope).or_default().push((self.now, rate));
            }
        }
        let mut said = Opinion {
            surely: Vec::new(),
            maybe: Vec::new(),
            out: *intent,
            meets: Vec::new(),
            policy: None,
            scopes,
            added: 0,
            value: 0,
        };
        for (scope, _) in scopes.into_iter().zip(asked).filter(|(_, asked)| *asked) {
            said.unless(self.state(scope) < TradingState::KILLED, Code::KILLED.at(scope.0));
        }
        said.unless(known, Code::UNKNOWN_STRATEGY);
        said.unless(there, Code::UNKNOWN_INSTRUMENT);
        if known && there {
            self.judge_order(intent, waits, &mut said);
        }
        said
    }

    fn judge_order(&self, intent: &Intent, waits: [u64; 4], said: &mut Opinion) {
        let (instrument, now) = (intent.head.instrument.0, self.now);
        let (tick, lot, _, close, volume) = TERMS[instrument as usize];
        let (buy, qty, price) =
            (intent.side == Side::BUY, i128::from(intent.qty.0), intent.price.0);
        let replace = intent.head.kind == Kind::REPLACE_ORDER;
        let target = self.standing().find(|(line, open)| {
            replace
                && line.left.order == intent.target
                && open.confirmed
                && line.left.side == intent.side
                && line.left.head.instrument == intent.head.instrument
                && line.left.strategy == intent.strategy
        });
        let (leaves, held_value) = target.map_or((0, 0), |(_, open)| (open.leaves, open.value));
        said.added = intent.qty.0.saturating_sub(leaves);
        let added = i128::from(said.added);
        let all = self.exposure(instrument, None);
        let own = self.exposure(instrument, Some(intent.strategy));
        let worst = |(position, open): (i128, [i128; 2])| {
            if buy { position + open[0] + added } else { position - open[1] - added }
        };
        let toward = |it: (i128, [i128; 2])| {
            if buy { it.0 < 0 && worst(it) <= 0 } else { it.0 > 0 && worst(it) >= 0 }
        };
        let reduces = toward(all) && toward(own);
        for scope in said.scopes {
            let held = self.state(scope) != TradingState::LIVE && !reduces;
            said.unless(!held, Code::REDUCE_ONLY.at(scope.0));
        }

        let class = self.class(instrument);
        let single = self.single(instrument);
        let order = class.order;
        let set = &self.limits;
        said.unless(intent.account.0 == account_of(intent.strategy.0.into()), Code::WRONG_ACCOUNT);
        let allowed = set.strategies.iter().any(|it| {
            it.id == intent.strategy
                && set.accounts.iter().any(|account| account.id == it.account)
                && (it.instruments.is_empty() || it.instruments.contains(&intent.head.instrument))
        });
        said.unless(allowed, Code::NOT_ALLOWED);
        said.unless(intent.health == Health::LIVE, Code::STALE_BOOK);
        let seen = intent.seen.0;
        let fresh = order.market_age_max.is_none_or(|age| seen <= now && now - seen <= age.0);
        said.unless(fresh, Code::OLD_MARKET);
        let market = intent.order_type == OrderType::MARKET;
        let phases = if market { set.phases.market } else { set.phases.limit };
        said.unless((0..8).any(|it| intent.phase.0 == it && phases & 1 << it != 0), Code::PHASE);
        said.unless(!single.is_some_and(|single| single.restricted), Code::RESTRICTED);

        let owned = all.0 - all.1[1] + i128::from(leaves) >= qty;
        let before = target.map(|(line, _)| line.left.sale);
        let tested = intent.head.flags.has(Flags::SHORT_TEST)
            || single.is_some_and(|single| single.located.is_some());
        match mark(intent, owned, before, order.sale_marks || tested) {
            Some(mark) => said.out.sale = mark,
            None => said.breach(Code::SALE_MARK),
        }
        let short = said.out.sale == Sale::SHORT || said.out.sale == Sale::SHORT_EXEMPT;
        if let (Some(located), true) = (single.and_then(|single| single.located), short) {
            let fits = self.located(instrument) + added <= i128::from(located.0);
            // A gate that hears of a fill after the end of its order does not know what it was marked as.
            if !fits && self.jumbled {
                said.maybe.push(Code::NO_LOCATE);
            }
            said.unless(fits || self.jumbled, Code::NO_LOCATE);
        }
        if said.out.sale == Sale::SHORT && intent.head.flags.has(Flags::SHORT_TEST) {
            let limit = intent.order_type == OrderType::LIMIT;
            let above = limit && intent.bid.0 > 0 && price > intent.bid.0;
            said.unless(above, Code::SHORT_PRICE);
        }
        let sided = intent.side == Side::BUY || intent.side == Side::SELL;
        let below = single.is_some_and(|single| single.negative_prices);
        let limit = intent.order_type == OrderType::LIMIT;
        let formed = sided && (market || limit && (price > 0 || below));
        said.unless(formed && qty > 0 && qty <= 1 << 40, Code::MALFORMED);
        said.unless(market || price % tick == 0, Code::TICK);
        said.unless(intent.qty.0.is_multiple_of(lot), Code::LOT);
        said.unless(order.qty_max.is_none_or(|max| intent.qty <= max), Code::ORDER_QTY);

        let (last, last_at) = self.last[instrument as usize];
        let recent = order.market_age_max.is_none_or(|age| now.saturating_sub(last_at) <= age.0);
        let last = if recent { last } else { 0 };
        let far = if buy { intent.ask.0 } else { intent.bid.0 };
        let centre = [far, last, close].into_iter().find(|price| *price > 0).map(i128::from);
        let span = |collar: Collar, centre: i128| {
            (centre * i128::from(collar.bp) / 10_000).max(collar.width.0.into())
        };
        let mut price = price;
        if market {
            let collar = order.market_collar.or(order.collar);
            let bound = centre.map(|centre| {
                let span = collar.map_or(0, |collar| span(collar, centre));
                let (tick, edge) =
                    (i128::from(tick), if buy { centre + span } else { centre - span });
                if buy { edge - edge.rem_euclid(tick) } else { edge + (-edge).rem_euclid(tick) }
            });
            match bound.filter(|bound| *bound > 0 && *bound <= i64::MAX.into()) {
                Some(bound) => price = bound as i64,
                None => said.breach(Code::NO_COLLAR_PRICE),
            }
            let out = &mut said.out;
            (out.price, out.order_type) = (Price(price), OrderType::LIMIT);
            out.tif = TimeInForce::IOC;
        } else if let Some(collar) = order.collar {
            match centre {
                None => said.breach(Code::NO_REFERENCE_PRICE),
                Some(centre) => {
                    let away = i128::from(price) - centre;
                    let far = if collar.passive {
                        away.abs()
                    } else if buy {
                        away
                    } else {
                        -away
                    };
                    said.unless(far <= span(collar, centre), Code::PRICE_COLLAR);
                }
            }
        }
        let notional = worth(price, intent.qty.0, instrument);
        let most = order.notional_max.map_or(1 << 100, |max| max.0.min(1 << 100));
        said.unless(notional <= most, Code::ORDER_NOTIONAL);
        if let Some(bp) = order.average_volume_bp {
            said.unless(volume > 0, Code::NO_AVERAGE_VOLUME);
            let share = i128::from(volume) * i128::from(bp);
            said.unless(volume == 0 || qty * 10_000 <= share, Code::AVERAGE_VOLUME);
        }
        said.unless(!replace || target.is_some(), Code::NOT_OPEN);

        // The most that target and replace can be worth together, whatever of the target fills first.
        let more = worth(price, said.added, instrument);
        said.value = notional.saturating_sub(held_value).max(more);
        if !reduces {
            let fits = if buy {
                order.long_max.is_none_or(|max| worst(all) <= max.0.into())
            } else {
                order.short_max.is_none_or(|max| -worst(all) <= max.0.into())
            };
            said.unless(fits, Code::POSITION);
        }
        for (level, scope) in said.scopes.into_iter().enumerate() {
            let (limits, sums, at) = (self.limits_of(scope), self.sums(scope), scope.0);
            let fits = |limit: Option<Money>, used: i128| {
                limit.is_none_or(|limit| used.saturating_add(said.value) <= limit.0)
            };
            let (gross, net, credit, lost) = (
                fits(limits.gross_max, sums.gross()),
                fits(limits.net_max, sums.net(side_of(buy))),
                fits(limits.credit_max, sums.credit()),
                lost(sums.profit(), &limits) != TradingState::LIVE,
            );
            said.unless(reduces || gross, Code::GROSS.at(at));
            said.unless(reduces || net, Code::NET.at(at));
            said.unless(reduces || credit, Code::CREDIT.at(at));
            said.unless(reduces || !lost, Code::LOSS.at(at));
            if let Some(window) = limits.window {
                let slice = window.within.0.div_ceil(8).max(1);
                for (span, sure) in [(window.within.0, true), (9 * slice - 1, false)] {
                    let (value, lots) = self.within(scope, now, span);
                    let dear =
                        window.value_max.is_some_and(|max| value.saturating_add(notional) > max.0);
                    let many = window.qty_max.is_some_and(|max| lots + qty > max.0.into());
                    let codes = [(dear, Code::WINDOW_VALUE), (many, Code::WINDOW_QTY)];
                    for (_, code) in codes.into_iter().filter(|(over, _)| *over) {
                        let list = if sure { &mut said.surely } else { &mut said.maybe };
                        list.push(code.at(at));
                    }
                }
            }
            said.unless(waits[level] == 0, Code::RATE.at(at));
            if target.is_none() {
                let most = limits.open_orders_max.map_or(self.orders_max, i128::from);
                let fits = sums.open_orders < most.min(self.orders_max);
                said.unless(fits, Code::OPEN_ORDERS.at(at));
            }
            if let Some(ratio) = limits.orders_per_trade_max {
                let (orders, trades) = (sums.orders + 1, sums.trades.max(1));
                let fits = orders <= 100 || orders <= trades * i128::from(ratio);
                said.unless(fits, Code::ORDERS_PER_TRADE.at(at));
            }
            if level < 3 {
                let admits = self.admits(scope, &limits);
                said.unless(admits, Code::BREAKER.at(at));
            }
        }
        if let Some(limit) = order.repeats {
            let same = self.lines.iter().filter(|line| {
                let it = &line.asked;
                line.repeats
                    && now - it.head.time.0 < limit.within.0
                    && it.account == intent.account
                    && it.head.instrument == intent.head.instrument
                    && (it.side, it.order_type) == (intent.side, intent.order_type)
                    && (it.price, it.qty) == (intent.price, intent.qty)
            });
            said.unless(same.count() < limit.count as usize, Code::DUPLICATE);
        }
        said.policy = order.self_trade;
        if order.self_trade.is_some() {
            let ours = self.standing().filter(|(line, _)| {
                let it = &line.left;
                let meets = if buy { price >= it.price.0 } else { price <= it.price.0 };
                it.account == intent.account
                    && it.head.instrument == intent.head.instrument
                    && it.side != intent.side
                    && meets
            });
            said.meets = ours.map(|(line, _)| line.left.order).collect();
            let oldest = order.self_trade == Some(SelfTrade::CancelOldest) && said.meets.len() <= 3;
            said.unless(said.meets.is_empty() || oldest, Code::SELF_TRADE);
        }
        said.unless(intent.parent == OrderId::NONE, Code::PARENT);
        let named = intent.order == OrderId::NONE
            || self.standing().any(|(line, _)| line.left.order == intent.order);
        said.unless(!named, Code::MALFORMED);
        said.unless((self.standing().count() as i128) < 2 * self.orders_max, Code::GATE_FULL);
    }

    /// An order left.
    pub(crate) fn left(&mut self, asked: &Intent, left: &Intent, said: &Opinion) {
        let windowed = said.scopes.map(|scope| self.limits_of(scope).window.is_some());
        let mut eras = [0; 3];
        for (level, scope) in said.scopes.into_iter().take(3).enumerate() {
            if let Some(limit) = self.limits_of(scope).breaker {
                eras[level] = self.breaker(scope).sent(&limit, left.head.time.0);
            }
        }
        self.lines.push(Line {
            asked: *asked,
            left: *left,
            scopes: said.scopes,
            added: said.added,
            value: said.value,
            windowed,
            repeats: self.class(left.head.instrument.0).order.repeats.is_some(),
            eras,
            answered: false,
            reports: Vec::new(),
        });
    }

    /// The gate was told of something for the first time.
    pub(crate) fn told(&mut self, report: &Report) {
        self.now = self.now.max(report.head.time.0);
        let kind = report.head.kind;
        let answer = [Kind::ACCEPTED, Kind::FILLED, Kind::REPLACED, Kind::REJECTED].contains(&kind);
        if let Some(at) = self.lines.iter().position(|line| line.left.order == report.order) {
            let open = self.lines[at].standing().is_some();
            if answer && open && !std::mem::replace(&mut self.lines[at].answered, true) {
                let line = self.lines[at].clone();
                let took = report.head.time.0.saturating_sub(line.left.head.time.0);
                for (scope, era) in line.scopes.into_iter().zip(line.eras) {
                    let Some(limit) = self.limits_of(scope).breaker else { continue };
                    let late = limit.answer_within.0 > 0 && took > limit.answer_within.0;
                    let now = self.now;
                    let bad = kind == Kind::REJECTED || late;
                    self.breaker(scope).result(&limit, era, bad, now);
                }
            }
        }
        for line in &mut self.lines {
            let id = line.left.order;
            if report.order == id || kind == Kind::REPLACED && report.target == id {
                line.reports.push(*report);
            }
        }
        if kind == Kind::FILLED || kind == Kind::BROKEN {
            let instrument = report.head.instrument.0;
            if self.marks[instrument as usize] == 0 {
                self.revalue(instrument, report.price.0);
            }
            self.trades.push(*report);
            self.last[instrument as usize] = (report.price.0, report.head.time.0);
            self.look_at(report.strategy, instrument);
        }
    }

    pub(crate) fn marked(&mut self, intent: &Intent) {
        self.now = intent.head.time.0;
        let (bid, ask) = (i128::from(intent.bid.0), i128::from(intent.ask.0));
        let mid = match (bid > 0, ask > 0) {
            (true, true) => (bid + ask) / 2,
            (true, false) => bid,
            _ => ask,
        };
        let instrument = intent.head.instrument.0;
        if mid <= 0 || intent.health != Health::LIVE || instrument as usize >= INSTRUMENTS {
            return;
        }
        self.last[instrument as usize] = (mid as i64, intent.seen.0);
        self.revalue(instrument, mid as i64);
    }

    fn revalue(&mut self, instrument: u32, mark: i64) {
        if std::mem::replace(&mut self.marks[instrument as usize], mark) == mark {
            return;
        }
        for strategy in 1..=3 {
            if self.exposure(instrument, Some(StrategyId(strategy))).0 != 0 {
                self.look_at(StrategyId(strategy), instrument);
            }
        }
    }

    pub(crate) fn commanded(&mut self, kind: Kind, scope: Scope) {
        let state = self.state(scope);
        let state = match kind {
            Kind::KILL => TradingState::KILLED,
            Kind::REDUCE_ONLY => state.max(TradingState::REDUCE_ONLY),
            Kind::RESUME => TradingState::LIVE,
            _ => state,
        };
        self.states.insert(scope, state);
    }

    pub(crate) fn take_limits(&mut self, limits: Arc<LimitSet>) {
        self.limits = limits;
        for scope in all_scopes() {
            if self.sums(scope).trades > 0 {
                self.look(scope);
            }
        }
    }

    /// 22: what is lost tightens a state, and loosens none.
    fn look(&mut self, scope: Scope) {
        let state = lost(self.sums(scope).profit(), &self.limits_of(scope));
        let state = state.max(self.state(scope));
        self.states.insert(scope, state);
    }

    fn look_at(&mut self, strategy: StrategyId, instrument: u32) {
        for scope in scopes(strategy.0.into(), instrument) {
            self.look(scope);
        }
    }

    fn breaker(&mut self, scope: Scope) -> &mut Breakers {
        let fresh = Breakers { fuse: Fuse::Closed, era: 0, failures: Vec::new() };
        self.breakers.entry(scope).or_insert(fresh)
    }

    fn admits(&self, scope: Scope, limits: &LevelLimits) -> bool {
        let (Some(limit), Some(breaker)) = (limits.breaker, self.breakers.get(&scope)) else {
            return true;
        };
        match breaker.fuse {
            Fuse::Closed => true,
            Fuse::Open(until) => self.now >= until,
            Fuse::Trials { sent, until, .. } => sent < limit.trials || self.now >= until,
        }
    }

    /// What a gate should say that a scope has used, in the order of [`Use::NAMES`]: at least, and at most.
    pub(crate) fn uses(&self, scope: Scope, now: u64) -> [(i128, i128); Use::COUNT] {
        let (sums, limits) = (self.sums(scope), self.limits_of(scope));
        let ratio = if sums.orders > 100 { sums.orders / sums.trades.max(1) } else { 0 };
        let same = |used: i128| (used, used);
        let mut uses = [
            same(sums.gross()),
            same(sums.net(0).max(sums.net(1))),
            same(sums.credit()),
            same(0),
            same(0),
            same(sums.open_orders),
            same(ratio),
            same((-sums.profit()).max(0)),
        ];
        if let Some(window) = limits.window {
            let slice = window.within.0.div_ceil(8).max(1);
            // What the gate last heard of was between these times.
            let least = self.within(scope, now.max(self.now), window.within.0);
            let most = self.within(scope, self.now, 9 * slice - 1);
            (uses[3], uses[4]) = ((least.0, most.0), (least.1, most.1));
        }
        uses
    }
}

pub(crate) fn all_scopes() -> impl Iterator<Item = Scope> {
    let firm = [(Level::FIRM, 0), (Level::ACCOUNT, 1), (Level::ACCOUNT, 2)];
    let strategies = (1..=3).map(|id| (Level::STRATEGY, id));
    let instruments = (0..INSTRUMENTS as u32).map(|id| (Level::INSTRUMENT, id));
    firm.into_iter().chain(strategies).chain(instruments)
}

fn lost(profit: i128, limits: &LevelLimits) -> TradingState {
    let reached = |limit: Option<Money>| limit.is_some_and(|limit| profit + limit.0 <= 0);
    match (reached(limits.loss_kill), reached(limits.loss_reduce)) {
        (true, _) => TradingState::KILLED,
        (_, true) => TradingState::REDUCE_ONLY,
        _ => TradingState::LIVE,
    }
}

/// 5: what an order is to be marked as; `None` if what it says is not so.
fn mark(intent: &Intent, owned: bool, before: Option<Sale>, strict: bool) -> Option<Sale> {
    let is = if owned { Sale::LONG } else { Sale::SHORT };
    let says = (intent.sale != Sale::UNMARKED).then_some(intent.sale);
    if intent.side == Side::BUY {
        return says.is_none().then_some(Sale::UNMARKED);
    }
    if !strict && intent.side == Side::SELL {
        return before.or(says).or(Some(is));
    }
    match (says, before) {
        (None, Some(before)) => (before != Sale::LONG || owned).then_some(before),
        (None, None) => Some(is),
        (Some(says), Some(before)) => {
            (says == before && (says != Sale::LONG || owned)).then_some(says)
        }
        (Some(Sale::LONG), None) => owned.then_some(Sale::LONG),
        (Some(says), None) => (!owned && says <= Sale::SHORT_EXEMPT).then_some(says),
    }
}

impl Breakers {
    fn turn(&mut self, fuse: Fuse) {
        (self.fuse, self.era) = (fuse, self.era + 1);
        self.failures.clear();
    }

    /// One was sent: the era that it belongs to.
    fn sent(&mut self, limit: &BreakerLimit, now: u64) -> u32 {
        let until = now + limit.pause.0;
        match &mut self.fuse {
            Fuse::Trials { sent, until: ends, .. } if *sent < limit.trials => {
                (*sent, *ends) = (*sent + 1, until);
            }
            Fuse::Closed => {}
            _ => self.turn(Fuse::Trials { sent: 1, good: 0, until }),
        }
        self.era
    }

    /// What became of one of an era.
    fn result(&mut self, limit: &BreakerLimit, era: u32, bad: bool, now: u64) {
        if era != self.era {
            return;
        }
        match &mut self.fuse {
            Fuse::Closed if bad => {
                self.failures.push(now);
                let young = self.failures.iter().filter(|time| now - **time < limit.within.0);
                if young.count() >= limit.failures as usize {
                    self.turn(Fuse::Open(now + limit.pause.0));
                }
            }
            Fuse::Trials { .. } if bad => self.turn(Fuse::Open(now + limit.pause.0)),
            Fuse::Trials { good, .. } => {
                *good += 1;
                if *good >= limit.trials {
                    self.fuse = Fuse::Closed;
                }
            }
            _ => {}
        }
    }
}
