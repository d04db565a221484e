//! What is left when a run has ended: the stages with what they know, and the latencies.
#![forbid(unsafe_code)]

use super::chain::{Actor, BookHost, BookStep, LiveGateway, RiskStep, RouteStep, Seat};
use crate::base::stage::Hop;
use crate::ingest::Source;
use crate::journal::CsvLog;
use crate::paper::PaperCounts;
use crate::risk::Gate;
use crate::route::{Desk, RouteCounts};
use crate::telemetry::{EventLog, Latency};

/// The stages of a run, taken apart.
pub struct Outcome<S> {
    /// Where the market came from.
    pub source: Option<S>,
    /// Book stages with what their venues saw, by shard.
    pub books: Vec<(BookHost, PaperCounts)>,
    /// The gate.
    pub gate: Option<Gate>,
    /// What route saw, and the orders that are open there.
    pub route: Option<(RouteCounts, usize)>,
    /// The gateway, if the venue was a real one.
    pub gateway: Option<Box<LiveGateway>>,
    /// From the first turn of ingest to the last of the engine: start-up apart.
    pub seconds: f64,
    /// The log, still to be finished.
    pub log: Option<CsvLog>,
    /// The log of events, still to be finished.
    pub events: Option<EventLog>,
    /// Market bytes seen to intent.
    pub book: Latency,
    /// Intent to order.
    pub risk: Latency,
    /// Order to venue.
    pub venue: Latency,
    /// Market bytes seen to order at the venue's door.
    pub tick_to_order: Latency,
}

impl<S> Default for Outcome<S> {
    fn default() -> Self {
        Self {
            source: None,
            books: Vec::new(),
            gate: None,
            route: None,
            gateway: None,
            seconds: 0.0,
            log: None,
            events: None,
            book: Latency::default(),
            risk: Latency::default(),
            venue: Latency::default(),
            tick_to_order: Latency::default(),
        }
    }
}

impl<S: Source> Outcome<S> {
    /// Takes a shard's agents apart.
    ///
    /// # Panics
    /// If the gate and route do not have the same number of orders open: at the end of a run all reports are in, and each
    /// ended the same orders for both, unless one of them could make nothing of it, which is counted. (In a free run the
    /// venue's clock and an order's differ, and an order's fill can come before word that it stands.)
    pub fn take<B: Seat>(&mut self, agents: Vec<Actor<S, B>>) {
        for agent in agents {
            match agent {
                Actor::Ingest(ingest) => {
                    let (source, fan) = ingest.into_parts();
                    self.source = Some(source);
                    for hop in fan.into_sinks() {
                        if let Hop::Here(book) = hop {
                            self.take_book(book);
                        }
                    }
                }
                Actor::Book(merge) => self.take_book(merge.into_sink()),
                Actor::Risk(merge) => self.take_risk(merge.into_sink()),
                Actor::Route(merge) => self.take_route(merge.into_sink()),
                Actor::Gateway(gateway) => self.gateway = Some(gateway),
                Actor::Log(clerk) => {
                    let (log, events) = clerk.into_parts();
                    (self.log, self.events) = (Some(log), Some(events));
                }
            }
        }
        self.books.sort_by_key(|(host, _)| crate::book::Host::shard(host));
        if let (Some(gate), Some((route, open))) = (&self.gate, self.route) {
            let odd = gate.counts().unknown_reports + route.unknown + route.impossible;
            let agree = gate.open_orders().len() == open;
            assert!(agree || odd > 0, "Invariant: what is open at the gate is open at route");
        }
    }

    fn take_book<B: Seat>(&mut self, book: BookStep<B>) {
        let (seat, timed) = book.into_step().into_parts();
        let (hop, latency) = timed.into_parts();
        self.book.add(&latency);
        self.books.push(seat.into_parts());
        if let Hop::Here(risk) = hop {
            self.take_risk(risk);
        }
    }

    fn take_risk(&mut self, risk: RiskStep) {
        let (gate, timed) = risk.into_parts();
        let (hop, latency) = timed.into_parts();
        self.risk.add(&latency);
        self.gate = Some(gate);
        if let Hop::Here(route) = hop {
            self.take_route(route);
        }
    }

    fn take_route(&mut self, route: RouteStep) {
        let (timed, _) = route.into_parts();
        let (desk, latency, whole): (Desk, _, _) = timed.into_parts();
        self.venue.add(&latency);
        self.tick_to_order.add(&whole);
        self.route = Some((desk.counts(), desk.open_orders()));
    }
}
