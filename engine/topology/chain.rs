//! The engine as one type: ingest, book, risk and route with hops that are calls or rings, as the placement says.
//!
//! A shard is built in two steps, so that every ring lies in the memory of the shard that reads it: [`Rings::open`]
//! makes the rings that a shard reads; their writing ends go to the others ([`Writers::join`]); [`assemble`] makes its
//! stages and puts them together.
#![forbid(unsafe_code)]

mod clerk;
mod ends;
mod live;
mod pick;
mod seat;
mod setup;

pub use clerk::Clerk;
pub use ends::{RingEnds, Rings, Writers};
pub use live::{GatewayPart, LiveGateway, OVER, PHASES};
pub use pick::{ByInstrument, ByOrder, ByShard};
pub use seat::Seat;
pub use setup::{Setup, WarmUp};
pub(super) use setup::{book_limits, gate_settings, route_orders_max, venue_rules};

use super::placement::{Placement, StageName};
use crate::base::message::{Intent, Market, Order, Report};
use crate::base::ring::{Inbox, Producer, ring};
use crate::base::stage::{Agent, Fan, Hop, Tap};
use crate::base::step::{Join, Merge, Step};
use crate::ingest::live::FeedState;
use crate::ingest::{Ingest, Source};
use crate::journal::{CsvLog, Observer, Retold};
use crate::paper::Paper;
use crate::risk::Gate;
use crate::route::Desk;
use crate::strategy::{AnyStrategy, BookStage, Live};
use crate::telemetry::{EventLog, Names, Timed, TimedStage};
use ends::teller;
use pick::logged;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Books and strategy of a shard.
pub type BookHost = BookStage<AnyStrategy>;
/// The book stage of a replay.
pub type PaperSeat = Paper<BookHost>;
/// The book stage of a live engine.
pub type LiveSeat = Live<BookHost>;
pub(super) type RouteStep =
    Step<TimedStage<Desk>, Fan<Producer<Market>, ByOrder>, Producer<Report>>;
type RiskBack = Tap<Fan<Producer<Report>, ByShard>, Producer<Report>, Report>;
pub(super) type RiskStep = Step<Gate, Timed<Hop<RouteStep, Order>>, RiskBack>;
pub(super) type BookStep<B> = Join<B, Timed<Hop<RiskStep, Intent>>, Producer<Report>>;
type ToBooks<B> = Fan<Hop<BookStep<B>, Market>, ByInstrument>;

/// A part of the engine that a shard turns. `B` is the book stage: that of a replay, or that of a live engine.
#[expect(clippy::large_enum_variant, reason = "a handful, made once")]
pub enum Actor<S: Source, B: Seat = PaperSeat> {
    /// Ingest, and what is fused to it.
    Ingest(Ingest<S, ToBooks<B>>),
    /// A book shard that is cut off, and what is fused to it.
    Book(Merge<Market, BookStep<B>>),
    /// Risk that is cut off, and what is fused to it.
    Risk(Merge<Intent, RiskStep>),
    /// Route that is cut off.
    Route(Merge<Order, RouteStep>),
    /// The gateway to the venue, on route's core.
    Gateway(Box<LiveGateway>),
    /// The log.
    Log(Box<Clerk>),
}

impl<S: Source, B: Seat> Agent for Actor<S, B> {
    fn do_work(&mut self) -> usize {
        match self {
            Self::Ingest(agent) => agent.do_work(),
            Self::Book(agent) => agent.do_work(),
            Self::Risk(agent) => agent.do_work(),
            Self::Route(agent) => agent.do_work(),
            Self::Gateway(agent) => agent.do_work(),
            Self::Log(agent) => agent.do_work(),
        }
    }

    fn done(&self) -> bool {
        match self {
            Self::Ingest(agent) => agent.done(),
            Self::Book(agent) => agent.done(),
            Self::Risk(agent) => agent.done(),
            Self::Route(agent) => agent.done(),
            Self::Gateway(agent) => agent.done(),
            Self::Log(agent) => agent.done(),
        }
    }
}

impl<S: Source, B: Seat> Actor<S, B> {
    /// How many messages it moves a turn; for schedules that vary it.
    pub fn set_batch(&mut self, batch: usize) {
        match self {
            Self::Ingest(agent) => agent.set_batch(batch),
            Self::Book(agent) => agent.set_batch(batch),
            Self::Risk(agent) => agent.set_batch(batch),
            Self::Route(agent) => agent.set_batch(batch),
            Self::Gateway(_) | Self::Log(_) => {}
        }
    }
}

/// What only one shard of a run can have, each at most once.
pub struct Parts<S> {
    /// Where market messages come from, for the shard that runs ingest.
    pub source: Option<S>,
    /// How far it is.
    pub position: Arc<AtomicU64>,
    /// The way to a real venue, for the shard that runs route; none in a replay.
    pub gateway: Option<GatewayPart>,
    /// The log's files, for the shard that runs the log.
    pub files: Option<Files>,
}

impl<S> Parts<S> {
    /// Those of a replay.
    pub fn of_replay(source: S, position: Arc<AtomicU64>, files: Files) -> Self {
        Self { source: Some(source), position, gateway: None, files: Some(files) }
    }

    /// Takes out what a shard that runs these stages needs.
    pub fn take(&mut self, run: &[StageName]) -> Self {
        fn take<T>(part: &mut Option<T>, wanted: bool) -> Option<T> {
            if wanted { part.take() } else { None }
        }
        Self {
            source: take(&mut self.source, run.contains(&StageName::Ingest)),
            position: self.position.clone(),
            gateway: take(&mut self.gateway, run.contains(&StageName::Route)),
            files: take(&mut self.files, run.contains(&StageName::Log)),
        }
    }
}

/// The log's files.
pub struct Files {
    /// `orders.csv`.
    pub orders: Box<dyn Write + Send>,
    /// `fills.csv`.
    pub fills: Box<dyn Write + Send>,
    /// `events.log`.
    pub events: Box<dyn Write + Send>,
    /// Who is told all that is written.
    pub observer: Option<Box<dyn Observer>>,
}

impl Files {
    /// Nothing is kept.
    pub fn none() -> Self {
        let nowhere = || Box::new(io::sink());
        Self { orders: nowhere(), fills: nowhere(), events: nowhere(), observer: None }
    }
}

/// Depth of a way back that nothing takes: so many messages are put before its room is looked at again.
const UNUSED: usize = 64;

/// Builds the agents of shard `index` from the rings that it reads and those that it writes, and from its parts.
///
/// # Panics
/// If a ring or a part is missing: the placement's list of rings and this function disagree.
pub fn assemble<S: Source, B: Seat>(
    placement: &Placement,
    setup: &Setup,
    index: usize,
    mut rings: Rings,
    mut writers: Writers,
    parts: Parts<S>,
) -> Vec<Actor<S, B>> {
    assert_eq!(B::LIVE, placement.live, "Invariant: rings for the venue that there is");
    let run = &placement.shards[index].run;
    let has = |stage| run.contains(&stage);
    let (pace, clock) = (setup.pace, setup.clock);
    let batch = setup.config.ingest.batch as usize;
    // Each open order has one message on its way, mostly.
    let on_the_way = setup.on_the_way();
    // A replay's venue has a place beside each book shard.
    let venues = if B::LIVE { 1 } else { setup.books() };
    let mut agents = Vec::new();

    let mut route = has(StageName::Route).then(|| {
        let venue = writers.venue.iter_mut().map(|end| end.take().expect("route -> venue"));
        let venue: Vec<Producer<Market>> = venue.take(venues).collect();
        // Its answers are made visible while its orders are not flushed: an answer seen means that its order can be seen.
        assert!(venue.iter().all(Producer::shows_at_once), "Invariant: orders before answers");
        let events = rings.event.iter_mut().map(|end| end.take().expect("venue -> route"));
        let events = events.take(venues).collect();
        let back = writers.answer.take().expect("route -> risk");
        let events = Inbox::promised(events).with_room(on_the_way);
        Step::new(setup.desk(B::LIVE), Fan::new(venue, ByOrder), back, events, pace)
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
        let answers = Inbox::promised(vec![rings.answer.take().expect("route -> risk")])
            .with_room(on_the_way);
        Step::new(setup.gate(B::LIVE), Timed::new(hop, clock), back, answers, pace)
    });
    let mut books: Vec<Option<BookStep<B>>> = (0..setup.config.book.shards)
        .map(|shard| {
            let at = usize::from(shard);
            has(StageName::Book(shard)).then(|| {
                let hop = match writers.intent[at].take() {
                    Some(ring) => Hop::There(ring),
                    None => Hop::Here(risk.take().expect("risk is fused to book")),
                };
                // A real venue's way in and back are the gateway's.
                let (back, orders) = if B::LIVE {
                    let ((back, _), (_, orders)) = (ring(UNUSED, 0, 1), ring(1, 0, 1));
                    (back, orders)
                } else {
                    let back = writers.event[at].take().expect("book -> route");
                    (back, rings.venue[at].take().expect("route -> book"))
                };
                let reports = rings.report[at].take().expect("risk -> book");
                let returns = Inbox::counted(vec![reports]).with_room(on_the_way);
                let log = writers.lines[teller(StageName::Book(shard))].take();
                let stage = B::new(setup, shard, log.expect("book -> log"));
                let step = Step::new(stage, Timed::new(hop, clock), back, returns, pace);
                Join::new(step, Inbox::counted(vec![orders]).with_room(on_the_way))
            })
        })
        .collect();
    if has(StageName::Ingest) {
        let source = parts.source.expect("one shard runs ingest");
        let ends = writers.market.iter_mut().zip(&mut books);
        let hops = ends.map(|(ring, book)| match ring.take() {
            Some(ring) => Hop::There(ring),
            None => Hop::Here(book.take().expect("book is fused to ingest")),
        });
        let fan = Fan::new(hops.collect(), ByInstrument(setup.shards.clone()));
        let log = writers.lines[teller(StageName::Ingest)].take().expect("ingest -> log");
        let ingest = Ingest::new(source, fan, batch, parts.position).telling(log);
        agents.push(Actor::Ingest(ingest));
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
    // After what it writes out: an order leaves in the turn in which it was decided.
    if B::LIVE && has(StageName::Route) {
        let part = parts.gateway.expect("one shard runs route");
        let orders = rings.venue[0].take().expect("route -> venue");
        let back = writers.event[0].take().expect("venue -> route");
        let log = writers.lines[teller(StageName::Route)].take().expect("route -> log");
        agents.push(Actor::Gateway(Box::new(LiveGateway::new(part, clock, orders, back, log))));
    }
    if has(StageName::Log) {
        let records = rings.record.take().expect("risk -> log");
        let files = parts.files.expect("one shard runs the log");
        let log = writers.lines[teller(StageName::Log)].take().expect("log -> log");
        let retold = Retold::new(log, files.observer);
        let csv = CsvLog::new(records, setup.symbols.clone(), files.orders, files.fills);
        let csv = csv.watched_by(Box::new(retold));
        let names = Names { feed: &FeedState::NAMES, session: &PHASES };
        let per_second = setup.config.log.lines_per_second;
        let mut events = EventLog::new(files.events, setup.symbols.clone(), names, per_second);
        for stage in placement.telling(setup.config.book.shards) {
            let reader = rings.lines[teller(stage)].take().expect("each stage -> log");
            // What is retold of records is risk's.
            let name = if stage == StageName::Log { StageName::Risk } else { stage };
            events = events.reading(name.to_string(), reader);
        }
        agents.push(Actor::Log(Box::new(Clerk::new(csv, events))));
    }
    agents
}
