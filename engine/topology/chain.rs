//! The engine as one type: ingest, book, risk and route with hops that are calls or rings, as the placement says.
//!
//! A shard is built in two steps, so that every ring lies in the memory of the shard that reads it: [`Rings::open`]
//! makes the rings that a shard reads; their writing ends go to the others ([`Writers::join`]); [`assemble`] makes its
//! stages and puts them together.
#![forbid(unsafe_code)]

mod ends;
mod pick;
mod setup;

pub use ends::{RingEnds, Rings, Writers};
pub use pick::{ByInstrument, ByOrder, ByShard};
pub use setup::Setup;
pub(super) use setup::{book_limits, gate_limits, route_orders_max, venue_rules};

use super::placement::{Placement, StageName};
use crate::base::message::{Intent, Market, Order, Report};
use crate::base::ring::{Inbox, Producer};
use crate::base::stage::{Agent, Fan, Hop, Tap};
use crate::base::step::{Join, Merge, Step};
use crate::ingest::{Ingest, Source};
use crate::journal::CsvLog;
use crate::paper::Paper;
use crate::risk::Gate;
use crate::route::Desk;
use crate::strategy::{AnyStrategy, BookStage};
use crate::telemetry::{Timed, TimedStage};
use pick::logged;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

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
    // Each open order has one message on its way, mostly.
    let on_the_way = route_orders_max(&setup.config);
    let mut agents = Vec::new();

    let mut route = has(StageName::Route).then(|| {
        let venue = writers.venue.iter_mut().map(|end| end.take().expect("route -> book"));
        let venue: Vec<Producer<Market>> = venue.collect();
        // Its answers are made visible while its orders are not flushed: an answer seen means that its order can be seen.
        assert!(venue.iter().all(Producer::shows_at_once), "Invariant: orders before answers");
        let events = rings.event.iter_mut().map(|end| end.take().expect("book -> route")).collect();
        let back = writers.answer.take().expect("route -> risk");
        let events = Inbox::promised(events).with_room(on_the_way);
        Step::new(setup.desk(), Fan::new(venue, ByOrder), back, events, pace)
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
                let returns = Inbox::counted(vec![reports]).with_room(on_the_way);
                let step =
                    Step::new(setup.paper(shard), Timed::new(hop, clock), back, returns, pace);
                Join::new(step, Inbox::counted(vec![orders]).with_room(on_the_way))
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
