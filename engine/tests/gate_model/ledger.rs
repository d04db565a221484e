//! What left and what was reported, as lists; every figure is added up anew, in `i128`, each time it is asked for.
//!
//! It knows the gate's promises, none of its code. What may be in a window of slices, or not, counts as both: `surely` and
//! `maybe`.

mod judge;

pub(crate) use judge::Opinion;

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

/// What moves a bucket.
#[derive(Clone, Copy, Debug)]
enum Paced {
    Asked(RateLimit),
    Changed { from: RateLimit, to: RateLimit },
}

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
    /// At what price it is worth that: its limit, or what a sale below the market would bring.
    at: i64,
    /// By level: whether it counted in a window.
    windowed: [bool; 4],
    repeats: bool,
    eras: [u32; 3],
    answered: bool,
    /// By it and those before it in its chain.
    executed: u64,
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
    /// When a state got tighter.
    tightened: BTreeMap<Scope, u64>,
    /// Orders asked for by scope, and other paces: when, and the pace then.
    asks: BTreeMap<Scope, Vec<(u64, Paced)>>,
    breakers: BTreeMap<Scope, Breakers>,
    /// When the gate last heard of something.
    pub(crate) now: u64,
    /// The latest time of all that was said.
    latest: u64,
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
        let (price, instrument) = (self.at, self.left.head.instrument.0);
        let whole = if self.left.head.kind == Kind::NEW { Some(qty) } else { told };
        let Some(whole) = whole else {
            return self.waiting();
        };
        let leaves = whole.checked_sub(gone).filter(|leaves| *leaves > 0)?;
        let value = worth(price, leaves, instrument);
        Some(Standing { leaves, reserved: leaves, value, confirmed: true })
    }

    /// Whether some of it is open when so much of it is taken.
    fn takes(&self, qty: u64) -> bool {
        self.standing().is_some_and(|open| open.leaves > qty)
    }

    /// A replace that is not confirmed: what it adds to its target; what the venue takes of that, it brings back.
    fn waiting(&self) -> Option<Standing> {
        let (price, instrument) = (self.at, self.left.head.instrument.0);
        let (mut leaves, mut reserved, mut value) = (self.left.qty.0, self.added, self.value);
        for Report { order, qty, head, .. } in &self.reports {
            if *order == self.left.target {
                let more = qty.0.min(leaves - reserved);
                (reserved, value) = (reserved + more, value + worth(price, more, instrument));
            } else if [Kind::FILLED, Kind::CANCELED].contains(&head.kind) {
                let less = qty.0.min(reserved);
                leaves = leaves.checked_sub(qty.0).filter(|leaves| *leaves > 0)?;
                (reserved, value) = (reserved - less, value - worth(price, less, instrument));
                value = value.max(0);
            }
        }
        Some(Standing { leaves, reserved, value, confirmed: false })
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
            tightened: BTreeMap::new(),
            asks: BTreeMap::new(),
            breakers: BTreeMap::new(),
            now: 0,
            latest: 0,
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

    /// What an order and those before it in its chain of replaces have executed, as far as was told while it was open.
    pub(crate) fn executed(&self, order: OrderId) -> u64 {
        let open = self.lines.iter().find(|line| line.left.order == order);
        open.filter(|line| line.standing().is_some()).map_or(0, |line| line.executed)
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
            sums.trades += i128::from(trade.head.kind == Kind::FILLED);
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

    /// Whether a strategy has something open, or holds something.
    pub(crate) fn is_at_stake(&self, strategy: StrategyId) -> bool {
        let open = self.standing().any(|(line, _)| line.left.strategy == strategy);
        let held = |at: u32| self.exposure(at, Some(strategy)).0 != 0;
        open || (0..INSTRUMENTS as u32).any(held)
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
            let Intent { qty: lots, head, .. } = line.left;
            (value + worth(line.at, lots.0, head.instrument.0), qty + i128::from(lots.0))
        })
    }

    /// How far a scope's bucket is from full at `now`, and in debt, by all that were asked for.
    fn wait(&self, scope: Scope, limit: RateLimit) -> u64 {
        let each = |limit: RateLimit| SECOND.div_ceil(limit.per_second.into());
        let most = |limit: RateLimit| (2 * u64::from(limit.burst) - 1) * each(limit);
        let mut full = 0u64;
        for (time, paced) in self.asks.get(&scope).into_iter().flatten() {
            full = match *paced {
                Paced::Asked(then) => {
                    let next = full.max(*time) + each(then);
                    full.max(next.min(time + most(then)))
                }
                // As many tokens are missing as before, those in part whole; no more than can be.
                Paced::Changed { from, to } => {
                    let missing = full.saturating_sub(*time).div_ceil(each(from));
                    time + most(to).min(missing * each(to))
                }
            };
        }
        let spare = (u64::from(limit.burst) - 1) * each(limit);
        full.saturating_sub(self.now).saturating_sub(spare)
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
            at: said.at,
            windowed,
            repeats: self.class(left.head.instrument.0).order.repeats.is_some(),
            eras,
            answered: false,
            executed: if left.head.kind == Kind::NEW { 0 } else { left.parent.0 },
            reports: Vec::new(),
        });
    }

    /// The gate was told of something for the first time.
    pub(crate) fn told(&mut self, report: &Report) {
        self.now = self.now.max(report.head.time.0);
        self.latest = self.latest.max(self.now);
        let kind = report.head.kind;
        // A replacement that the venue did not take, though what it replaces was there.
        let turned_down = kind == Kind::TOO_LATE && report.code != Code::VENUE_NOT_OPEN.0;
        let answers = [Kind::ACCEPTED, Kind::FILLED, Kind::REPLACED, Kind::REJECTED];
        let answer = turned_down || answers.contains(&kind);
        if let Some(at) = self.lines.iter().position(|line| line.left.order == report.order) {
            let open = self.lines[at].standing().is_some();
            if answer && open && !std::mem::replace(&mut self.lines[at].answered, true) {
                let line = self.lines[at].clone();
                let took = report.head.time.0.saturating_sub(line.left.head.time.0);
                for (scope, era) in line.scopes.into_iter().zip(line.eras) {
                    let Some(limit) = self.limits_of(scope).breaker else { continue };
                    let late = limit.answer_within.0 > 0 && took > limit.answer_within.0;
                    let now = self.now;
                    let bad = turned_down || kind == Kind::REJECTED || late;
                    self.breaker(scope).result(&limit, era, bad, now);
                }
            }
        }
        let of_target = self.executed(report.target);
        // What was taken of an order that is still open.
        let mut parts = self.lines.iter().filter(|line| line.left.order == report.order);
        let taken = parts.any(|line| kind == Kind::CANCELED && line.takes(report.qty.0));
        for line in &mut self.lines {
            let id = line.left.order;
            if report.order == id {
                match kind {
                    Kind::FILLED => line.executed += report.qty.0,
                    Kind::REPLACED => line.executed = line.executed.max(of_target),
                    _ => {}
                }
            }
            let of_replace = taken && line.left.target == report.order;
            if report.order == id || kind == Kind::REPLACED && report.target == id || of_replace {
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
        self.latest = self.latest.max(self.now);
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
            // At the same time what tightens holds.
            Kind::RESUME if self.tightened.get(&scope) == Some(&self.now) => state,
            Kind::RESUME => TradingState::LIVE,
            _ => state,
        };
        self.set_state(scope, state);
    }

    fn set_state(&mut self, scope: Scope, state: TradingState) {
        if state > self.state(scope) {
            self.tightened.insert(scope, self.now);
        }
        self.states.insert(scope, state);
    }

    pub(crate) fn take_limits(&mut self, limits: Arc<LimitSet>) {
        let before = all_scopes().map(|scope| (scope, self.limits_of(scope).rate));
        let before: Vec<_> = before.collect();
        self.limits = limits;
        for (scope, from) in before {
            let (Some(from), Some(to)) = (from, self.limits_of(scope).rate) else { continue };
            if from != to {
                let paced = Paced::Changed { from, to };
                self.asks.entry(scope).or_default().push((self.now, paced));
            }
        }
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
        self.set_state(scope, state);
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
