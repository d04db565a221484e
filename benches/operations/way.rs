//! An order's way: from the message that leads to it, over the gate and route's desk, into bytes for the venue.

use super::made::*;
use super::orders::Session;
use super::void::Void;
use super::{bench, gate};
use coretick::base::message::{Flags, Header, Intent, Key, Kind, Market, Message, Order, Report};
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::book::{Change, Host};
use coretick::risk::Gate;
use coretick::route::Desk;
use coretick::strategy::{BookStage, Imbalance, ImbalanceSettings, StageSettings};
use criterion::Criterion;
use std::hint::black_box;

/// Books with a strategy that takes an offer as soon as bids outweigh it.
struct Decider {
    stage: BookStage<Imbalance>,
    /// One for each instrument: a bid beside which the offers are few, and its end.
    adds: Vec<Market>,
    deletes: Vec<Market>,
    taken: Void,
}

impl Decider {
    fn new() -> Self {
        let settings = ImbalanceSettings {
            threshold_per_mille: 550,
            qty: Qty(100),
            position_max: Qty(1_000),
            cooldown: Nanos(0),
        };
        let strategy = Imbalance::new(settings, BATCH as usize);
        let settings = StageSettings {
            shard: ShardId(0),
            day: 1,
            first_order: 0,
            account: AccountId(0),
            good_for: Nanos(u64::MAX >> 1),
            symbols: Vec::new(),
            instruments: BATCH as usize,
            sample: u32::MAX,
            board: None,
        };
        let stage = BookStage::new(settings, books(BATCH, LEVELS), strategy);
        let last = |message: Market| {
            let head = Header { flags: Flags::LAST, ..message.head };
            Market { head, ..message }
        };
        let (side, best) = BEST[0];
        let free = |at: u32| FREE + u64::from(at);
        let bid = |at| last(add(at, free(at), side, best, 2 * SHARES - 1));
        let gone = |at| last(market(Kind::DELETE, at, free(at)));
        let (adds, deletes) = ((0..BATCH).map(bid).collect(), (0..BATCH).map(gone).collect());
        let mut decider = Self { stage, adds, deletes, taken: Void::default() };
        for at in 0..BATCH {
            decider.take(&Market { other: 1, ..market(Kind::DIRECTORY, at, u64::from(at) + 1) });
        }
        for code in *b"SQ" {
            decider.take(&Market { code, ..market(Kind::SESSION, InstrumentId::NONE.0, 0) });
        }
        decider
    }

    fn take(&mut self, message: &Market) {
        let mut change = Change::default();
        self.stage.apply(black_box(message), &mut change);
        self.stage.react(message, &change, &mut self.taken);
    }

    /// A message each, and an order for each.
    fn decide(&mut self) {
        for at in 0..self.adds.len() {
            let message = self.adds[at];
            self.take(&message);
        }
    }

    /// The orders and the bids are gone.
    fn undo(&mut self) {
        for at in 0..self.deletes.len() {
            let message = self.deletes[at];
            self.take(&message);
            let head = Header { kind: Kind::CANCELED, ..message.head };
            self.stage.on_report(&Report { head, side: Side::BUY, ..Report::default() });
        }
    }
}

/// Gate, desk and gateway in a row, as on one core.
struct Way {
    gate: Gate,
    desk: Desk,
    session: Session,
    intents: Vec<Intent>,
}

/// Hands on what comes.
struct To<F>(F);

impl<F> Outlet for To<F> {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn until(&mut self, _key: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl<T: Message, F: FnMut(&T)> Sink<T> for To<F> {
    #[inline]
    fn put(&mut self, message: &T) {
        (self.0)(message);
    }
}

impl Way {
    fn new() -> Self {
        let (orders, out) = (2 * BATCH as usize, Nanos(0));
        let desk = Desk::new(orders, out).live();
        let intents = (0..BATCH).map(|at| Intent { good_until: Nanos(u64::MAX), ..intent(at) });
        Self {
            gate: Gate::new(gate::settings()),
            desk,
            session: Session::new(),
            intents: intents.collect(),
        }
    }

    /// A batch of orders, judged, routed and written.
    fn go(&mut self) {
        let Self { gate, desk, session, intents } = self;
        let mut to_session = To(|order: &Market| session.write(order));
        let mut to_desk = To(|order: &Order| desk.on(order, &mut to_session, &mut Void::default()));
        for intent in intents.iter() {
            gate.on(black_box(intent), &mut to_desk, &mut Void::default());
        }
        self.session.leave();
    }

    /// They have come to their ends everywhere.
    fn undo(&mut self) {
        assert_eq!(self.desk.open_orders(), BATCH as usize);
        self.session.accepted();
        self.session.canceled();
        let Self { gate, desk, intents, .. } = self;
        for intent in intents {
            for kind in [Kind::ACCEPTED, Kind::CANCELED] {
                let report = report(kind, intent);
                desk.on_report(&report, &mut Void::default());
                gate.on_report(&report, &mut Void::default());
            }
        }
        assert_eq!((self.gate.open_orders().len(), self.desk.open_orders()), (0, 0));
    }
}

/// All of them.
pub(crate) fn all(criterion: &mut Criterion) {
    let mut decider = Decider::new();
    decider.decide();
    assert_eq!(decider.taken.0, u64::from(BATCH), "an order for each message");
    decider.undo();
    assert_eq!(decider.taken.0, u64::from(BATCH));
    bench(
        criterion,
        "orders/decided: a message into its book, an intent out",
        decider,
        Decider::decide,
        Decider::undo,
    );
    bench(criterion, "orders/judged, routed and into bytes", Way::new(), Way::go, Way::undo);
}
