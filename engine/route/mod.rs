//! Route: order -> venue, venue -> report. [`Desk`] is the pure core: order states (`state.rs`), references, answers.
//! Live, its orders go to a [`gateway`], which an [`agent`] connects with a venue by a
//! [`connection`]; in a replay the paper venue stands there.
//!
//! What must hold. References are given in the order in which orders leave, never twice. Every intent that came this far
//! is answered exactly once, keyed decision + latency out. Every event of the venue is passed on exactly once, whatever
//! it says. Nothing new is written after the kill latch was seen.
#![forbid(unsafe_code)]

pub mod agent;
pub mod connection;
pub mod gateway;
mod state;
#[cfg(test)]
mod tests;

pub use secret::{Secret, SecretError};
pub use state::{Event, Next, State};

use crate::base::code::Code;
use crate::base::message::{Flags, Header, Intent, Key, Kind, Market, Order, Rank, Report, Source};
use crate::base::pool::IdMap;
use crate::base::stage::{Burst, Sink, Stage};
use crate::base::unit::{Level, Nanos, OrderId, Qty, Stamp};
use crate::wire::soup::secret;

/// What route has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCounts {
    /// New orders and replaces handed to the venue.
    pub sent: u64,
    /// Cancels handed to the venue.
    pub cancels: u64,
    /// Venue events on orders that route does not know.
    pub unknown: u64,
    /// Venue events that make no sense in the order's state.
    pub impossible: u64,
}

/// The stage.
pub struct Desk {
    orders: IdMap<State>,
    reference: u32,
    answers: u64,
    killed: bool,
    shut: bool,
    live: bool,
    latency_out: Nanos,
    counts: RouteCounts,
}

impl Desk {
    /// Memory that a desk with room for so many open orders takes, in bytes.
    pub fn bytes(orders_max: usize) -> usize {
        IdMap::<State>::bytes(orders_max)
    }

    /// A desk with room for so many open orders; orders reach the venue `latency_out` after the decision.
    pub fn new(orders_max: usize, latency_out: Nanos) -> Self {
        Self {
            orders: IdMap::dense(orders_max),
            reference: 0,
            answers: 0,
            killed: false,
            shut: false,
            live: false,
            latency_out,
            counts: RouteCounts::default(),
        }
    }

    /// A desk that lets nothing out: every intent that reaches it is refused.
    pub fn shut(self) -> Self {
        Self { shut: true, ..self }
    }

    /// A desk whose orders go to a gateway: they carry the stamp of the market data that led to them in the place of a
    /// reference, which the gateway gives.
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// What it has seen.
    pub fn counts(&self) -> RouteCounts {
        self.counts
    }

    /// Orders that may still trade.
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// Whether the order may leave, and if so the state changes that this makes.
    fn accept(&mut self, intent: &Intent) -> Result<(), Code> {
        match intent.head.kind {
            Kind::CANCEL_ORDER => match self.orders.get_mut(intent.target.0) {
                Some(target) if target.may_cancel() => *target = State::Canceling,
                _ => return Err(Code::ROUTE_NOT_OPEN),
            },
            // The last look before the write.
            _ if self.killed => return Err(Code::ROUTE_KILLED),
            Kind::REPLACE_ORDER => {
                match self.orders.get(intent.target.0) {
                    Some(target) if target.may_replace() => {}
                    _ => return Err(Code::ROUTE_NOT_OPEN),
                }
                self.orders.insert(intent.order.0, State::Sent).map_err(|_| Code::ROUTE_FULL)?;
                if let Some(target) = self.orders.get_mut(intent.target.0) {
                    *target = State::Replacing;
                }
            }
            _ => self.orders.insert(intent.order.0, State::Sent).map_err(|_| Code::ROUTE_FULL)?,
        }
        Ok(())
    }

    /// Whether the intent is too old to act on. Cancels never are.
    fn late(&self, intent: &Intent) -> bool {
        let arrival = intent.head.time.plus(self.latency_out);
        intent.head.kind != Kind::CANCEL_ORDER && arrival > intent.good_until
    }

    fn venue_order(&mut self, order: &Order) -> Market {
        let intent = order.intent();
        self.reference += 1;
        let executed = match intent.head.kind {
            Kind::REPLACE_ORDER => order.executed(),
            _ => Qty::ZERO,
        };
        match intent.head.kind {
            Kind::CANCEL_ORDER => self.counts.cancels += 1,
            _ => self.counts.sent += 1,
        }
        let head = Header {
            time: intent.head.time.plus(self.latency_out),
            source: Source(0),
            flags: Flags::default(),
            ..intent.head
        };
        Market {
            head,
            reference: intent.order.0,
            other: intent.target.0,
            price: intent.price,
            qty: intent.qty.saturating_add(executed),
            stamp: if self.live { intent.stamp } else { Stamp(self.reference) },
            side: intent.side,
            code: intent.sale.0,
            order_type: intent.order_type,
            tif: intent.tif,
        }
    }

    fn answer(&mut self, intent: &Intent, refused: Option<Code>) -> Report {
        self.answers += 1;
        let head = Header {
            time: intent.head.time.plus(self.latency_out),
            kind: if refused.is_some() { Kind::REFUSED } else { Kind::SENT },
            source: Source::ROUTE,
            flags: Flags::ANSWER,
            ..intent.head
        };
        let late = refused == Some(Code::ROUTE_LATE);
        let nanos = |time: Nanos| i64::try_from(time.0).unwrap_or(i64::MAX);
        Report {
            head,
            order: intent.order,
            target: intent.target,
            parent: intent.parent,
            price: intent.price,
            qty: intent.qty,
            leaves: intent.qty,
            sequence: self.answers,
            number: intent.number,
            reference: if refused.is_some() { 0 } else { self.reference },
            account: intent.account,
            strategy: intent.strategy,
            shard: intent.shard,
            code: refused.unwrap_or(Code::NONE).0,
            limit: if late { nanos(intent.good_until) } else { 0 },
            value: if late { nanos(head.time) } else { 0 },
            side: intent.side,
            order_type: intent.order_type,
            tif: intent.tif,
            ..Report::default()
        }
    }

    /// Moves an order through the table.
    fn move_on(&mut self, order: OrderId, event: Event) {
        let Some(state) = self.orders.get_mut(order.0) else {
            self.counts.unknown += 1;
            return;
        };
        match state.after(event) {
            Next::State(next) => *state = next,
            Next::Gone => {
                self.orders.remove(order.0);
            }
            Next::Impossible => self.counts.impossible += 1,
        }
    }
}

impl Stage for Desk {
    type In = Order;
    type Out = Market;

    fn burst(&self) -> Burst {
        Burst { forward: 1, back: 1, report: 1 }
    }

    fn on(&mut self, order: &Order, out: &mut impl Sink<Market>, back: &mut impl Sink<Report>) {
        let intent = order.intent();
        let asked = !intent.head.flags.has(Flags::UNASKED);
        let refused = match intent.head.kind {
            // A wider scope than any order's is route's own too.
            Kind::KILL | Kind::RESUME => {
                if intent.level == Level::FIRM {
                    self.killed = intent.head.kind == Kind::KILL;
                }
                None
            }
            Kind::CANCEL_ALL | Kind::REDUCE_ONLY | Kind::LIMITS => None,
            _ if self.shut => Some(Code::ROUTE_SHUT),
            _ if self.late(intent) => Some(Code::ROUTE_LATE),
            _ => match self.accept(intent) {
                Ok(()) => {
                    // The order first, then its answer: who sees the answer can see the order.
                    out.put(&self.venue_order(order));
                    None
                }
                Err(code) => Some(code),
            },
        };
        if asked {
            back.put(&self.answer(intent, refused));
        }
    }

    fn on_report(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        match Event::of(report) {
            None => {}
            Some(Event::TooLate) => {
                // The change is dead, and with it the order that it would have brought; its target stands as it was.
                if report.order != OrderId::NONE {
                    self.move_on(report.order, Event::Rejected);
                }
                if self.orders.get(report.target.0).is_some() {
                    self.move_on(report.target, Event::TooLate);
                }
            }
            Some(event) => {
                self.move_on(report.order, event);
                if event == Event::Replaced {
                    self.orders.remove(report.target.0);
                }
            }
        }
        back.put(report);
    }

    fn promise_back(&self, next: Key, held: Key) -> Key {
        if next == Key::MAX {
            return held;
        }
        let answer = next.time().plus(self.latency_out);
        held.min(Key::new(answer, Rank::Report, Source::ROUTE.0, self.answers + 1))
    }
}
