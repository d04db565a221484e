//! The engine as one type: ingest, book, risk and route with hops that are calls or rings, as the placement says.
//!
//! A shard is built in two steps, so that every ring lies in the memory of the shard that reads it: [`Rings::open`]
//! makes the rings that a shard reads; their writing ends go to the others ([`Writers::join`]); [`assemble`] makes its
//! stages and puts them together.
#![forbid(unsafe_code)]

use super::config::{Config, StrategyName};
use super::placement::{Placement, StageName};
use crate::base::clock::Clock;
use crate::base::instrument::Symbols;
use crate::base::message::{Intent, Kind, Market, Message, Order, Report};
use crate::base::ring::{Consumer, Inbox, Producer, ring};
use crate::base::stage::{Agent, Fan, Hop, Pick, Picker, Tap, Wanted};
use crate::base::step::{Join, Merge, Pace, Step};
use crate::base::unit::*;
use crate::book::{Books, Limits as BookLimits};
use crate::ingest::{Ingest, Source};
use crate::journal::CsvLog;
use crate::paper::{Latency as PaperLatency, Paper, Rules};
use crate::risk::{Gate, Limits as RiskLimits};
use crate::route::Desk;
use crate::strategy::*;
use crate::telemetry::{Timed, TimedStage};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Market messages to the instrument's book shard; session events, ticks and kills to all.
#[derive(Clone)]
pub struct ByInstrument(Arc<[u8]>);

impl Picker<Market> for ByInstrument {
    #[inline]
    fn pick(&self, message: &Market, count: usize) -> Pick {
        match message.head.kind {
            Kind::SESSION | Kind::TICK | Kind::KILL => Pick::All,
            _ => {
                let index = message.head.instrument.index();
                // Beyond the table that was given, instruments are dealt out in turn, as the decoder does.
                let shard = self.0.get(index).map_or(index, |shard| usize::from(*shard));
                Pick::One(shard % count)
            }
        }
    }
}

/// Orders to the book shard that named them, which has the venue's place beside it.
pub struct ByOrder;

impl Picker<Market> for ByOrder {
    fn pick(&self, message: &Market, count: usize) -> Pick {
        let name = if message.reference != 0 { message.reference } else { message.other };
        Pick::One(usize::from(OrderId(name).shard().0) % count)
    }
}

/// Reports to the book shard that they return to.
pub struct ByShard;

impl Picker<Report> for ByShard {
    fn pick(&self, message: &Report, count: usize) -> Pick {
        Pick::One(usize::from(message.shard.0) % count)
    }
}

/// Fills go to the log too; records of ended orders only there.
fn logged(report: &Report) -> Wanted {
    match report.head.kind {
        Kind::CLOSED => Wanted::Side,
        Kind::FILLED => Wanted::Both,
        _ => Wanted::Main,
    }
}

/// The book stage of a replay.
pub type BookHost = BookStage<AnyStrategy>;
pub(super) type RouteStep =
    Step<TimedStage<Desk>, Fan<Producer<Market>, ByOrder>, Producer<Report>>;
type RiskBack = Tap<Fan<Producer<Report>, ByShard>, Producer<Report>, Report>;
pub(super) type RiskStep = Step<Gate, Timed<Hop<RouteStep, Order>>, RiskBack>;
pub(super) type BookStep = Join<Paper<BookHost>, Timed<Hop<RiskStep, Intent>>, Producer<Report>>;
type ToBooks = Fan<Hop<BookStep, Market>, ByInstrument>;

/// A part of the engine that a shard turns.
#[expect(clippy::large_enum_variant, reason = "a handful, made once")]
pub enum Actor<S: Source> {
    /// Ingest, and what is fused to it.
    Ingest(Ingest<S, ToBooks>),
    /// A book shard that is cut off, and what is fused to it.
    Book(Merge<Market, BookStep>),
    /// Risk that is cut off, and what is fused to it.
    Risk(Merge<Intent, RiskStep>),
    /// Route that is cut off.
    Route(Merge<Order, RouteStep>),
    /// The log.
    Log(CsvLog),
}

impl<S: Source> Agent for Actor<S> {
    fn do_work(&mut self) -> usize {
        match self {
            Self::Ingest(agent) => agent.do_work(),
            Self::Book(agent) => agent.do_work(),
            Self::Risk(agent) => agent.do_work(),
            Self::Route(agent) => agent.do_work(),
            Self::Log(agent) => agent.do_work(),
        }
    }

    fn done(&self) -> bool {
        match self {
            Self::Ingest(agent) => agent.done(),
            Self::Book(agent) => agent.done(),
            Self::Risk(agent) => agent.done(),
            Self::Route(agent) => agent.done(),
            Self::Log(agent) => agent.done(),
        }
    }
}

impl<S: Source> Actor<S> {
    /// How many messages it moves a turn; for schedules that vary it.
    pub fn set_batch(&mut self, batch: usize) {
        match self {
            Self::Ingest(agent) => agent.set_batch(batch),
            Self::Book(agent) => agent.set_batch(batch),
            Self::Risk(agent) => agent.set_batch(batch),
            Self::Route(agent) => agent.set_batch(batch),
            Self::Log(_) => {}
        }
    }
}

/// What the stages of a run have in common.
#[derive(Clone)]
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// Days since the Unix epoch.
    pub day: u16,
    /// By key, or as it comes.
    pub pace: Pace,
    /// Whether route lets orders out.
    pub route_shut: bool,
    /// Book shard by instrument, for those of the table that was given.
    pub shards: Arc<[u8]>,
    /// For latencies.
    pub clock: Clock,
    /// Names of instruments, filled by ingest.
    pub symbols: Symbols,
}

impl Setup {
    fn books(&self) -> usize {
        usize::from(self.config.book.shards)
    }

    fn instruments(&self) -> usize {
        self.config.book.instruments_max as usize
    }

    fn latency(&self) -> PaperLatency {
        let paper = &self.config.paper;
        PaperLatency { out: Nanos(paper.latency_out_ns), back: Nanos(paper.latency_in_ns) }
    }

    /// The strategy that the configuration names.
    pub fn strategy(&self) -> AnyStrategy {
        let millis = |ms: u64| Nanos(ms.saturating_mul(1_000_000));
        let tick = self.config.tick();
        let ticks = |count: u32| Price(i64::from(count).saturating_mul(tick.0));
        let config = &self.config.strategy;
        match config.name {
            StrategyName::None => AnyStrategy::None,
            StrategyName::Imbalance => {
                let settings = ImbalanceSettings {
                    threshold_per_mille: config.imbalance.threshold_per_mille,
                    qty: Qty(config.imbalance.qty),
                    position_max: Qty(config.imbalance.position_max),
                    cooldown: millis(config.imbalance.cooldown_ms),
                };
                AnyStrategy::Imbalance(Imbalance::new(settings, self.instruments()))
            }
            StrategyName::Quoter => {
                let settings = QuoterSettings {
                    qty: Qty(config.quoter.qty),
                    position_max: Qty(config.quoter.position_max),
                    spread_min: ticks(config.quoter.spread_ticks_min),
                    requote_step: ticks(config.quoter.requote_ticks),
                    cooldown: millis(config.quoter.cooldown_ms),
                };
                AnyStrategy::Quoter(Quoter::new(settings, self.instruments()))
            }
        }
    }

    /// Empty books of a shard.
    pub fn books_of(config: &Config) -> Books {
        Books::new(&book_limits(config))
    }

    fn host(&self, shard: u16) -> BookHost {
        let config = &self.config;
        let mut symbols: Vec<u64> =
            config.symbols().into_iter().map(|symbol| symbol.number()).collect();
        symbols.sort_unstable();
        let settings = StageSettings {
            shard: ShardId(shard),
            day: self.day,
            account: AccountId(config.engine.account),
            good_for: Nanos(config.engine.good_until_us.saturating_mul(1_000)),
            symbols,
            instruments: self.instruments(),
        };
        BookStage::new(settings, Self::books_of(&self.config), self.strategy())
    }

    fn paper(&self, shard: u16) -> Paper<BookHost> {
        Paper::new(self.host(shard), venue_rules(&self.config), self.latency())
    }

    fn gate(&self) -> Gate {
        let gate = Gate::new(gate_limits(&self.config), self.instruments(), self.latency().out);
        match &self.config.table {
            Some(table) => gate.with_table(table),
            None => gate,
        }
    }

    fn desk(&self) -> TimedStage<Desk> {
        let desk = Desk::new(route_orders_max(&self.config), self.latency().out);
        TimedStage::new(if self.route_shut { desk.shut() } else { desk }, self.clock)
    }
}

/// The most that the books of a shard hold.
pub(super) fn book_limits(config: &Config) -> BookLimits {
    BookLimits {
        orders: config.book.orders_max as usize,
        levels: config.book.levels_max as usize,
        instruments: config.book.instruments_max as usize,
    }
}

/// What the venue of a shard takes.
pub(super) fn venue_rules(config: &Config) -> Rules {
    Rules {
        sweep_levels: config.paper.sweep_levels as usize,
        resting_max: config.paper.resting_max as usize,
        orders_max: config.risk.open_orders_max as usize,
        instruments: config.book.instruments_max as usize,
    }
}

/// What the gate lets through.
pub(super) fn gate_limits(config: &Config) -> RiskLimits {
    let risk = &config.risk;
    RiskLimits {
        order_qty_max: Qty(risk.order_qty_max),
        order_notional_max: config.order_notional_max(),
        collar_bp: risk.collar_bp,
        position_max: Qty(risk.position_max),
        open_orders_max: risk.open_orders_max as usize,
    }
}

/// Orders that route has room for: replacements are open beside what they replace.
pub(super) fn route_orders_max(config: &Config) -> usize {
    config.risk.open_orders_max as usize * 2
}

/// One end of every ring, where this side has it.
pub struct RingEnds<M, I, O, R> {
    market: Vec<Option<M>>,
    intent: Vec<Option<I>>,
    order: Option<O>,
    venue: Vec<Option<M>>,
    event: Vec<Option<R>>,
    answer: Option<R>,
    report: Vec<Option<R>>,
    record: Option<R>,
}

/// The ends that are read.
pub type Rings = RingEnds<Consumer<Market>, Consumer<Intent>, Consumer<Order>, Consumer<Report>>;
/// The ends that are written.
pub type Writers = RingEnds<Producer<Market>, Producer<Intent>, Producer<Order>, Producer<Report>>;

impl<M, I, O, R> RingEnds<M, I, O, R> {
    fn none(books: usize) -> Self {
        fn empty<T>(count: usize) -> Vec<Option<T>> {
            (0..count).map(|_| None).collect()
        }
        Self {
            market: empty(books),
            intent: empty(books),
            order: None,
            venue: empty(books),
            event: empty(books),
            answer: None,
            report: empty(books),
            record: None,
        }
    }
}

/// Messages made visible at once on the market ring.
const MARKET_BATCH: usize = 16;
/// Slots for cancels on the order path.
const CANCEL_SLOTS: usize = 4;

impl Rings {
    /// The rings that shard `index` reads, made here and now; and their writing ends, for the others.
    pub fn open(placement: &Placement, setup: &Setup, index: usize) -> (Self, Writers) {
        let books = setup.books();
        let (mut mine, mut others) = (Self::none(books), Writers::none(books));
        let bursts = super::placement::Bursts::of(&setup.config);
        for spec in placement.rings(&setup.config, &bursts) {
            if placement.shard_of(spec.to) != Some(index) {
                continue;
            }
            let shard = match (spec.from, spec.to) {
                (StageName::Book(shard), _) | (_, StageName::Book(shard)) => usize::from(shard),
                _ => 0,
            };
            let depth = spec.depth;
            match spec.link {
                "market" => {
                    let ends = open(depth, 0, MARKET_BATCH);
                    (others.market[shard], mine.market[shard]) = ends;
                }
                "intent" => (others.intent[shard], mine.intent[shard]) = open(depth, 0, 1),
                "order" => (others.order, mine.order) = open(depth, CANCEL_SLOTS, 1),
                "venue" => {
                    let (writer, reader) = open::<Market>(depth, CANCEL_SLOTS, 1);
                    (others.venue[shard], mine.venue[shard]) =
                        (writer.map(Producer::silent), reader);
                }
                "event" => (others.event[shard], mine.event[shard]) = open(depth, 0, 1),
                "answer" => (others.answer, mine.answer) = open(depth, CANCEL_SLOTS, 1),
                "report" => {
                    let (writer, reader) = open::<Report>(depth, 0, 1);
                    (others.report[shard], mine.report[shard]) =
                        (writer.map(Producer::silent), reader);
                }
                _ => (others.record, mine.record) = open(depth, 0, 1),
            }
        }
        (mine, others)
    }
}

fn open<T: Message>(
    depth: usize,
    reserve: usize,
    batch: usize,
) -> (Option<Producer<T>>, Option<Consumer<T>>) {
    let (writer, reader) = ring(depth, reserve, batch);
    (Some(writer), Some(reader))
}

impl Writers {
    /// No ring, yet.
    pub fn empty(setup: &Setup) -> Self {
        Self::none(setup.books())
    }

    /// These and those.
    pub fn join(&mut self, other: Self) {
        fn each<T>(mine: &mut [Option<T>], other: Vec<Option<T>>) {
            mine.iter_mut().zip(other).for_each(|(mine, other)| one(mine, other));
        }
        fn one<T>(mine: &mut Option<T>, other: Option<T>) {
            if other.is_some() {
                *mine = other;
            }
        }
        each(&mut self.market, other.market);
        each(&mut self.intent, other.intent);
        one(&mut self.order, other.order);
        each(&mut self.venue, other.venue);
        each(&mut self.event, other.event);
        one(&mut self.answer, other.answer);
        each(&mut self.report, other.report);
        one(&mut self.record, other.record);
    }

    /// Of these, the ends that shard `index` writes.
    pub fn of_shard(&mut self, placement: &Placement, index: usize) -> Self {
        fn take<T>(from: &mut [Option<T>], wanted: impl Fn(u16) -> bool) -> Vec<Option<T>> {
            let numbered = (0..).zip(from.iter_mut());
            numbered.map(|(book, end)| if wanted(book) { end.take() } else { None }).collect()
        }
        let here = |stage| placement.shard_of(stage) == Some(index);
        let book = |shard| here(StageName::Book(shard));
        let (risk, route) = (here(StageName::Risk), here(StageName::Route));
        Self {
            market: take(&mut self.market, |_| here(StageName::Ingest)),
            intent: take(&mut self.intent, book),
            order: if risk { self.order.take() } else { None },
            venue: take(&mut self.venue, |_| route),
            event: take(&mut self.event, book),
            answer: if route { self.answer.take() } else { None },
            report: take(&mut self.report, |_| risk),
            record: if risk { self.record.take() } else { None },
        }
    }
}

/// What only one shard of a run can have.
pub struct Parts<S> {
    /// Where market messages come from.
    pub source: S,
    /// How far it is.
    pub position: Arc<AtomicU64>,
}

/// The log's files.
pub struct Files {
    /// `orders.csv`.
    pub orders: Box<dyn Write + Send>,
    /// `fills.csv`.
    pub fills: Box<dyn Write + Send>,
}

/// Builds the agents of shard `index` from the rings that it reads and those that it writes. `parts` and `files` are
/// taken by the shards that run ingest and the log.
///
/// # Panics
/// If a ring is missing: the placement's list of rings and this function disagree.
pub fn assemble<S: Source>(
    placement: &Placement,
    setup: &Setup,
    index: usize,
    mut rings: Rings,
    mut writers: Writers,
    parts: &mut Option<Parts<S>>,
    files: &mut Option<Files>,
) -> Vec<Actor<S>> {
    let run = &placement.shards[index].run;
    let has = |stage| run.contains(&stage);
    let (pace, clock) = (setup.pace, setup.clock);
    let batch = setup.config.ingest.batch as usize;
    let mut agents = Vec::new();

    let mut route = has(StageName::Route).then(|| {
        let venue = writers.venue.iter_mut().map(|end| end.take().expect("route -> book"));
        let venue: Vec<Producer<Market>> = venue.collect();
        // Its answers are made visible while its orders are not flushed: an answer seen means that its order can be seen.
        assert!(venue.iter().all(Producer::shows_at_once), "Invariant: orders before answers");
        let events = rings.event.iter_mut().map(|end| end.take().expect("book -> route")).collect();
        let back = writers.answer.take().expect("route -> risk");
        Step::new(setup.desk(), Fan::new(venue, ByOrder), back, Inbox::promised(events), pace)
    });
    let mut risk = has(StageName::Risk).then(|| {
        let reports =
            writers.report.iter_mut().map(|end| end.take().expect("risk -> book")).collect();
        let record = writers.record.take().expect("risk -> log");
        let back = Tap::new(Fan::new(reports, ByShard), record, logged);
        let hop = match writers.order.take() {
            Some(ring) => Hop::There(ring),
            None => Hop::Here(route.take().expect("route is fused to risk")),
        };
        let answers = Inbox::promised(vec![rings.answer.take().expect("route -> risk")]);
        Step::new(setup.gate(), Timed::new(hop, clock), back, answers, pace)
    });
    let mut books: Vec<Option<BookStep>> = (0..setup.config.book.shards)
        .map(|shard| {
            let at = usize::from(shard);
            has(StageName::Book(shard)).then(|| {
                let hop = match writers.intent[at].take() {
                    Some(ring) => Hop::There(ring),
                    None => Hop::Here(risk.take().expect("risk is fused to book")),
                };
                let back = writers.event[at].take().expect("book -> route");
                let reports = rings.report[at].take().expect("risk -> book");
                let orders = rings.venue[at].take().expect("route -> book");
                let returns = Inbox::counted(vec![reports]);
                let step =
                    Step::new(setup.paper(shard), Timed::new(hop, clock), back, returns, pace);
                Join::new(step, Inbox::counted(vec![orders]))
            })
        })
        .collect();
    if has(StageName::Ingest) {
        let parts = parts.take().expect("one shard runs ingest");
        let ends = writers.market.iter_mut().zip(&mut books);
        let hops = ends.map(|(ring, book)| match ring.take() {
            Some(ring) => Hop::There(ring),
            None => Hop::Here(book.take().expect("book is fused to ingest")),
        });
        let fan = Fan::new(hops.collect(), ByInstrument(setup.shards.clone()));
        agents.push(Actor::Ingest(Ingest::new(parts.source, fan, batch, parts.position)));
    }
    for (book, ring) in books.into_iter().zip(&mut rings.market) {
        if let Some(book) = book {
            let ring = ring.take().expect("ingest -> book");
            agents.push(Actor::Book(Merge::new(vec![ring], book, batch, pace)));
        }
    }
    if let Some(risk) = risk {
        let intents =
            rings.intent.iter_mut().map(|end| end.take().expect("book -> risk")).collect();
        agents.push(Actor::Risk(Merge::new(intents, risk, batch, pace)));
    }
    if let Some(route) = route {
        let orders = vec![rings.order.take().expect("risk -> route")];
        agents.push(Actor::Route(Merge::new(orders, route, batch, pace)));
    }
    if has(StageName::Log) {
        let records = rings.record.take().expect("risk -> log");
        let files = files.take().expect("one shard runs the log");
        agents.push(Actor::Log(CsvLog::new(
            records,
            setup.symbols.clone(),
            files.orders,
            files.fills,
        )));
    }
    agents
}
