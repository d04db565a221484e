//! The gate: the order of the controls, what an accepted order reserves, and the trading states of every scope.
//!
//! What must hold. Every intent is answered exactly once: here with a refusal, or by route. An order passes every control
//! at every level, or nothing is reserved for it. What it may still fill is reserved from its acceptance until it is answered,
//! filled or cancelled; a replace reserves what it adds to its target until it is answered. A report is applied before
//! it is passed on, so a strategy never knows of a fill that risk does not, and each once, however often it comes. Cancels
//! always pass.
//!
//! `judge.rs` asks the controls, `keep.rs` reserves and releases, `latch.rs` has the trading states and what a person or a
//! loss does to them, `news.rs` what is told of it.
#![forbid(unsafe_code)]

mod judge;
mod keep;
mod latch;
mod news;
#[cfg(test)]
mod tests;

pub use news::{FirstRefusal, GateCounts};

use super::breaker::{Breaker, Generation};
use super::check::Exposure;
use super::heard::Heard;
use super::inbox::LimitsInbox;
use super::limits::*;
use super::part::Part;
use super::repeats::Repeats;
use super::rules::{ClassRule, InstrumentRule, LevelRule, Rules};
use super::scope::{SLOTS, Slots, Tally, Use, level_of, use_at};
use super::window::Window;
use crate::base::approved::Approved;
use crate::base::code::Code;
use crate::base::instrument::InstrumentTable;
use crate::base::message::{Flags, Header, Intent, Key, Kind, Order, Report, SHARDS_MAX, Source};
use crate::base::pool::{IdMap, Slab, touched};
use crate::base::stage::{Burst, Sink, Stage};
use crate::base::unit::*;
use crate::portfolio::{self, Portfolio, Trade};
use crate::telemetry::Board;
use latch::Pending;
use news::{NEWS_PER_TURN, News, answer_to, record};
use std::sync::Arc;

/// Orders of ours that are cancelled before one goes out that would trade with them, at most.
const CLEARED_MAX: usize = 3;
/// What goes out for an intent, at most: what is cleared for it, and itself.
pub const FORWARD_MAX: usize = CLEARED_MAX + 1;
/// What goes back for an intent, at most: a refusal, its record, and news.
pub const BACK_MAX: usize = 2 + NEWS_PER_TURN;
/// No order: the end of a list of them.
const NIL: u32 = u32::MAX;
/// Different orders whose repetition can be told.
const REPEATS: usize = 1 << 15;
/// Replays are exact, so it is always the same; who sends orders is ours.
const REPEATS_SEED: u64 = 0x5bd1_e995_9d1b_58af;

/// An order that may still trade.
#[derive(Clone, Copy)]
struct Open {
    intent: Intent,
    /// What is reserved for it.
    reserved: Qty,
    /// What the venue still has of it.
    leaves: Qty,
    /// Notional reserved for it, 1e-9 of the currency.
    value: i128,
    /// The price that it is counted at.
    counted_at: Price,
    slots: Slots,
    /// Whether it counts among the open orders: a replace does not before it is confirmed.
    counted: bool,
    /// What of it was located.
    located: Qty,
    /// When it was sent, as the breakers count, by level.
    sent: [Generation; 3],
    /// Whether the venue has said what it makes of it.
    answered: bool,
}

const _: () = assert!(size_of::<Open>() == 192);

/// What is kept beside an open order: a new one changes the links of another, and these are few enough to stay in the cache.
#[derive(Clone, Copy)]
struct Beside {
    /// Its neighbours on the same side of the instrument.
    next: u32,
    previous: u32,
    /// What it and the orders before it in its chain of replaces have executed.
    executed: Qty,
}

impl Beside {
    const NOTHING: Self = Self { next: NIL, previous: NIL, executed: Qty::ZERO };
}

impl Default for Open {
    fn default() -> Self {
        Self {
            intent: Intent::default(),
            reserved: Qty::ZERO,
            leaves: Qty::ZERO,
            value: 0,
            counted_at: Price(0),
            slots: Slots::default(),
            counted: false,
            located: Qty::ZERO,
            sent: Default::default(),
            answered: true,
        }
    }
}

impl Open {
    /// Whether `intent` may take its place: the same side of the same instrument for the same strategy, and what is open of
    /// it is known, as it is not of a replace that is not confirmed yet.
    fn may_become(&self, intent: &Intent) -> bool {
        self.intent.side == intent.side
            && self.intent.head.instrument == intent.head.instrument
            && self.intent.strategy == intent.strategy
            && self.counted
    }
}

/// An instrument, as the gate sees it. An order touches its first two cache lines, and the third if it is a short sale.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Stake {
    exposure: Exposure,
    terms: Terms,
    rule: InstrumentRule,
    /// The last price that is known, and when it was.
    last: Price,
    last_at: Nanos,
    /// Our best price by side, or beyond it: where the order at it has gone, it stays until it is looked at.
    best: [Price; 2],
    /// Our open orders by side.
    first: [u32; 2],
    /// Sold short, or on offer as such.
    located_used: Qty,
    /// What positions are valued at; 0: nothing yet.
    mark: Price,
    /// Strategies that hold some of it: a bit each.
    held: u16,
    /// Replaces that are not confirmed, by side.
    waiting: [u32; 2],
}

const _: () = assert!(std::mem::offset_of!(Stake, located_used) == 128);

impl Default for Stake {
    fn default() -> Self {
        Self {
            exposure: Exposure::default(),
            terms: Terms::default(),
            rule: InstrumentRule::default(),
            located_used: Qty::ZERO,
            mark: Price(0),
            last: Price(0),
            last_at: Nanos(0),
            held: 0,
            waiting: [0; 2],
            best: [Price(0); 2],
            first: [NIL; 2],
        }
    }
}

/// A side's place in a pair.
fn at(side: Side) -> usize {
    usize::from(!side.is_buy())
}

/// What a gate is made of.
#[derive(Clone)]
pub struct GateSettings {
    /// The limits in force at first.
    pub limits: Arc<LimitSet>,
    /// Orders open at once, at most. Each may have a replace on its way, which is open beside it.
    pub orders_max: usize,
    /// Instruments: ids are below it.
    pub instruments: usize,
    /// When an answer takes effect after the decision.
    pub latency_out: Nanos,
    /// How positions are accounted for, and what fills cost.
    pub portfolio: portfolio::Settings,
    /// To whom fills are counted of orders that are not known: of an earlier program.
    pub heir: (AccountId, StrategyId),
}

/// What an order that passes touches of the gate: what, how many of it, its size in bytes, and how much of each is touched.
pub const TOUCHED: [(&str, usize, usize, usize); 10] = [
    ("instrument; its last line for short sales", 1, size_of::<Stake>(), size_of::<Stake>()),
    ("tally: firm, account, strategy, instrument", 4, size_of::<Tally>(), 128),
    ("limits of a level", 4, size_of::<LevelRule>(), size_of::<LevelRule>()),
    ("limits of an order", 1, size_of::<OrderLimits>(), size_of::<OrderLimits>()),
    ("window: its first line, until a slice ends", 4, size_of::<Window>(), 64),
    ("breaker: its first line, until one fails", 3, size_of::<Breaker>(), 64),
    ("strategy's part in the instrument", 1, size_of::<Part>(), size_of::<Part>()),
    ("open order", 1, size_of::<Open>(), size_of::<Open>()),
    ("links of two orders, place in the index", 3, size_of::<Beside>(), size_of::<Beside>()),
    ("repeats: two heads and an entry", 3, 64, 64),
];

/// How much a scope has used of its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeUse {
    /// How wide it is.
    pub level: Level,
    /// The id of the account, strategy or instrument; 0 for the firm.
    pub id: u32,
    /// What it may do.
    pub state: TradingState,
    /// In the order of [`Use::NAMES`].
    pub uses: [Use; Use::COUNT],
}

/// The stage.
pub struct Gate {
    settings: GateSettings,
    rules: Rules,
    portfolio: Portfolio,
    /// By instrument.
    stakes: Vec<Stake>,
    /// By strategy's slot, then by instrument.
    parts: Vec<Part>,
    /// By place.
    tallies: Vec<Tally>,
    /// By place; those of instruments only if the limits have windows for them.
    windows: Vec<Window>,
    /// By place, without instruments.
    breakers: Vec<Breaker>,
    /// Only if the limits ask for it.
    repeats: Option<Repeats>,
    orders: Slab<Open>,
    /// By slot of `orders`.
    beside: Vec<Beside>,
    index: IdMap<u32>,
    pending: Option<Pending>,
    /// Places whose orders are to be cancelled by the shards.
    pulled: Vec<u32>,
    /// Book shards that were heard of: a bit each. No others will cancel anything.
    shards: u8,
    heard: [Heard; SHARDS_MAX as usize],
    news: News,
    inbox: Option<LimitsInbox>,
    /// States from before this program of scopes that the limits do not name.
    held_back: Vec<(Level, u32, TradingState)>,
    board: Option<Board>,
    approved: Approved,
    answers: u64,
    counts: GateCounts,
    /// Engine time of the last message.
    now: Nanos,
    /// The latest of all messages: an intent that waited comes behind it.
    latest: Nanos,
}

impl Gate {
    /// Memory that a gate takes, in bytes, whatever limits may come: for open orders, for instruments.
    pub fn bytes(settings: &GateSettings) -> [usize; 2] {
        let open = places_for(settings.orders_max);
        let portfolio = Portfolio::bytes(&settings.portfolio, settings.instruments);
        let parts = STRATEGIES_MAX * size_of::<Part>();
        let each = size_of::<Stake>()
            + size_of::<Tally>()
            + size_of::<Window>()
            + size_of::<ClassRule>()
            + parts;
        let repeats = Repeats::bytes(REPEATS);
        [
            Slab::<Open>::bytes(open)
                + open * size_of::<Beside>()
                + IdMap::<u32>::bytes(open)
                + repeats,
            settings.instruments * each + News::bytes(SLOTS + settings.instruments) + portfolio,
        ]
    }

    /// A gate that has seen nothing.
    pub fn new(settings: GateSettings) -> Self {
        let open = places_for(settings.orders_max);
        let instruments = settings.instruments;
        let rules = Rules::new(settings.limits.clone(), settings.orders_max);
        let mut gate = Self {
            portfolio: Portfolio::with(settings.portfolio, instruments),
            stakes: vec![Stake::default(); instruments],
            parts: vec![Part::default(); rules.strategies.len() * instruments],
            tallies: vec![Tally::default(); SLOTS + instruments],
            windows: Vec::new(),
            breakers: vec![Breaker::default(); SLOTS],
            repeats: None,
            orders: Slab::new(open, Open::default()),
            beside: touched(open, Beside::NOTHING),
            index: IdMap::dense(open),
            pending: None,
            pulled: Vec::with_capacity(SLOTS + instruments),
            shards: 0,
            heard: Default::default(),
            news: News::new(SLOTS + instruments),
            inbox: None,
            held_back: Vec::new(),
            board: None,
            approved: Approved::new(),
            answers: 0,
            counts: GateCounts::new(),
            now: Nanos(0),
            latest: Nanos(0),
            rules,
            settings,
        };
        let limits = Arc::clone(&gate.rules.set);
        gate.lay_out(&limits);
        gate
    }

    /// This gate, which has seen nothing yet, with the terms of the table's instruments.
    pub fn with_table(mut self, table: &InstrumentTable) -> Self {
        for ((id, instrument), stake) in table.iter().zip(&mut self.stakes) {
            stake.terms = instrument.into();
            self.portfolio.set_multiplier(id, instrument.multiplier);
        }
        self
    }

    /// This gate, with other limits to come from there. It has room for any that name its instruments, so that nothing is
    /// allocated when they come.
    pub fn with_inbox(mut self, inbox: LimitsInbox) -> Self {
        let instruments = self.settings.instruments;
        self.rules.reserve(instruments);
        self.parts.reserve_exact((STRATEGIES_MAX * instruments).saturating_sub(self.parts.len()));
        self.windows.reserve_exact(self.tallies.len().saturating_sub(self.windows.len()));
        self.repeats.get_or_insert_with(|| Repeats::new(REPEATS, REPEATS_SEED));
        Self { inbox: Some(inbox), ..self }
    }

    /// This gate, which counts what it lets through there.
    pub fn counted_in(self, approved: Approved) -> Self {
        Self { approved, ..self }
    }

    /// This gate, which shows on `board` what is used of the limits.
    pub fn shown_on(self, board: Board) -> Self {
        (0..SLOTS).for_each(|place| board.risk().clear(place));
        let gate = Self { board: Some(board), ..self };
        gate.show();
        gate
    }

    /// Positions and P&L.
    pub fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// What it has seen.
    pub fn counts(&self) -> &GateCounts {
        &self.counts
    }

    /// Records that it had no room to tell.
    pub fn lost_news(&self) -> u64 {
        self.news.lost
    }

    /// The limits in force.
    pub fn limits(&self) -> &LimitSet {
        &self.rules.set
    }

    /// What is used of the limits of the firm, the accounts and the strategies; and of the instruments that are `busy`: that
    /// have orders or may not trade as they like.
    pub fn uses(&self) -> impl Iterator<Item = ScopeUse> + '_ {
        let busy = self.tallies.iter().enumerate().skip(SLOTS).filter(|(_, tally)| {
            tally.orders > 0 || tally.trades > 0 || tally.state != TradingState::LIVE
        });
        self.rules.places().chain(busy.map(|(place, _)| place)).map(|place| self.use_of(place))
    }

    fn use_of(&self, place: usize) -> ScopeUse {
        ScopeUse {
            level: level_of(place),
            id: self.id_at(place),
            state: self.tallies[place].state,
            uses: std::array::from_fn(|at| self.one_use(place, at)),
        }
    }

    #[inline]
    fn one_use(&self, place: usize, at: usize) -> Use {
        let (tally, window) = (&self.tallies[place], self.windows.get(place));
        use_at(at, tally, window, self.limits_at(place), self.now)
    }

    fn id_at(&self, place: usize) -> u32 {
        if place < SLOTS { self.rules.id_at(place) } else { (place - SLOTS) as u32 }
    }

    #[inline]
    fn limits_at(&self, place: usize) -> &LevelLimits {
        match place.checked_sub(SLOTS) {
            None => &self.rules.levels[place],
            Some(instrument) => self.rules.class_limits(self.stakes[instrument].rule.class),
        }
    }

    /// Records of the orders that are still open, by id.
    pub fn open_orders(&self) -> Vec<Report> {
        let slots = self.index.iter().map(|(_, slot)| slot);
        let mut records: Vec<_> = slots
            .filter_map(|slot| self.orders.get(slot))
            .map(|open| record(&open.intent, open.leaves, OrderState::WORKING, Code::NONE))
            .collect();
        records.sort_by_key(|record| record.order);
        records
    }

    /// Lays the rules out by instrument; `before` are those that it was laid out by.
    fn lay_out(&mut self, before: &LimitSet) {
        let everywhere = self.rules.everywhere();
        for (index, stake) in self.stakes.iter_mut().enumerate() {
            let from = before.classes[usize::from(stake.rule.class)].level.rate;
            stake.rule = self.rules.of_instrument(InstrumentId(index as u32), everywhere);
            let to = self.rules.class_limits(stake.rule.class).rate;
            self.tallies[SLOTS + index].change_rate(from, to, self.now);
        }
        for (instrument, strategy) in self.rules.listed() {
            // A set can name instruments that this gate has not.
            if let Some(stake) = self.stakes.get_mut(instrument.0 as usize) {
                stake.rule.allowed |= strategy;
            }
        }
        let parts = self.rules.strategies.len() * self.settings.instruments;
        self.parts.resize(parts, Part::default());
        let windows = if has_windows(&self.rules.set) { self.tallies.len() } else { SLOTS };
        self.windows.resize(windows.max(self.windows.len()), Window::default());
        if has_repeats(&self.rules.set) && self.repeats.is_none() {
            self.repeats = Some(Repeats::new(REPEATS, REPEATS_SEED));
        }
        if let Some(repeats) = &mut self.repeats {
            let limits = self.rules.set.classes.iter().filter_map(|class| class.order.repeats);
            repeats.keep(limits.map(|limit| limit.within).max().unwrap_or_default());
        }
    }

    /// The part of a strategy in an instrument.
    #[inline]
    fn part(&mut self, slots: Slots) -> &mut Part {
        let slot = usize::from(slots.strategy) - Rules::strategy_place(0);
        &mut self.parts[slot * self.settings.instruments + slots.instrument as usize]
    }

    fn find(&self, order: OrderId) -> Option<&Open> {
        self.index.get(order.0).and_then(|slot| self.orders.get(slot))
    }
}

impl Stage for Gate {
    type In = Intent;
    type Out = Order;

    fn burst(&self) -> Burst {
        // Back: a refusal and its record; a replace that is confirmed closes its target and passes the report on.
        Burst { forward: FORWARD_MAX, back: BACK_MAX, report: BACK_MAX + 1 }
    }

    fn on(&mut self, intent: &Intent, out: &mut impl Sink<Order>, back: &mut impl Sink<Report>) {
        self.now = intent.head.time;
        self.latest = self.latest.max(self.now);
        match intent.head.kind {
            Kind::NEW | Kind::REPLACE_ORDER => {
                self.counts.orders += 1;
                self.admit(intent, out, back);
            }
            Kind::CANCEL_ORDER => {
                self.counts.cancels += 1;
                out.put(Order::approved(intent));
            }
            Kind::MARK => self.marked(intent, back),
            // What is left commands.
            _ => self.command(intent),
        }
        self.news.tell(back);
    }

    fn on_report(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        self.now = self.now.max(report.head.time);
        self.latest = self.latest.max(self.now);
        let source = report.head.source.0.checked_sub(Source::VENUE.0).map(usize::from);
        let heard = source.and_then(|source| self.heard.get_mut(source));
        if heard.is_none_or(|heard| heard.is_new(report.sequence)) {
            let fee = self.take_in(report, back);
            self.news.tell(back);
            // What a fill costs is known here.
            if fee == report.fee {
                back.put(report);
            } else {
                back.put(&Report { fee, ..*report });
            }
        } else {
            self.counts.repeated_reports += 1;
        }
    }

    fn busy(&self) -> bool {
        self.pending.is_some()
    }

    fn resume(&mut self, out: &mut impl Sink<Order>, _back: &mut impl Sink<Report>) {
        self.go_on(out);
    }

    fn promise_back(&self, next: Key, held: Key) -> Key {
        // Books count what they are owed; only the end is said, for the log.
        if next == Key::MAX && held == Key::MAX { Key::MAX } else { Key::default() }
    }
}

/// Places for open orders: each that the limit allows may have a replace on its way, which is open beside it.
fn places_for(orders_max: usize) -> usize {
    orders_max.saturating_mul(2)
}

/// Whether instruments have windows.
fn has_windows(limits: &LimitSet) -> bool {
    limits.classes.iter().any(|class| class.level.window.is_some())
}

/// Whether repetitions are to be told.
fn has_repeats(limits: &LimitSet) -> bool {
    limits.classes.iter().any(|class| class.order.repeats.is_some())
}
