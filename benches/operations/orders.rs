//! Orders: the gateway's work from an approved order to the bytes for the venue, and from its answer to a report.

use super::bench;
use super::made::BATCH;
use super::void::Void;
use coretick::base::instrument::Symbol;
use coretick::base::message::{Header, Kind, Market};
use coretick::base::unit::{Nanos, OrderType, Price, Qty, Side, TimeInForce};
use coretick::route::Secret;
use coretick::route::gateway::{Gateway, Phase, Settings};
use coretick::wire::ouch::{
    AccountQueryResponse, Appendage, OrderAccepted, OrderCanceled, Outbound,
};
use coretick::wire::soup::{LoginAccepted, Packet, SessionName, Username};
use criterion::Criterion;
use std::hint::black_box;

/// Between two batches: what was sent before takes nothing from the session's pace.
const PAUSE: Nanos = Nanos(1_000_000_000);

/// A session that stands, and what is said in it.
pub(crate) struct Session {
    gateway: Gateway,
    now: Nanos,
    /// Orders so far.
    orders: u64,
    /// References of the batch that is open.
    references: Vec<u32>,
}

impl Session {
    pub(crate) fn new() -> Self {
        let now = Nanos(1);
        let settings = Settings::new(Username::new("DESK").expect("a name"));
        let secret = Secret::new("swordfish", "the bench").expect("a password");
        let symbol = |at: u32| format!("A{at}").parse().expect("a symbol");
        let symbols: Vec<Symbol> = (0..BATCH).map(symbol).collect();
        let gateway = Gateway::new(settings, secret, &symbols, now);
        let references = Vec::with_capacity(BATCH as usize);
        let mut session = Self { gateway, now, orders: 0, references };
        session.gateway.connecting(now);
        session.gateway.connected(now);
        let name = SessionName::new("S").expect("a name");
        session.hear(&Packet::LoginAccepted(LoginAccepted { session: name, sequence: 1 }));
        let answer =
            AccountQueryResponse { next_user_ref_num: 1.into(), ..AccountQueryResponse::BLANK };
        session.hear_message(&Outbound::AccountQueryResponse(&answer, Appendage::EMPTY));
        assert_eq!(session.gateway.phase(), Phase::Live);
        session.leave();
        session
    }

    /// The venue's bytes.
    fn hear(&mut self, packet: &Packet<'_>) {
        let count = packet.write(self.gateway.space()).expect("it fits");
        self.gateway.filled(count);
        self.gateway.turn(self.now, &mut Void::default());
    }

    fn hear_message(&mut self, message: &Outbound<'_>) {
        let mut bytes = [0; 128];
        let count = message.write(&mut bytes).expect("it fits");
        self.hear(&Packet::Sequenced(&bytes[..count]));
    }

    /// What waits for the socket has left.
    pub(crate) fn leave(&mut self) {
        let waiting = black_box(self.gateway.unsent(false)).len();
        self.gateway.sent(waiting);
    }

    fn order(kind: Kind) -> Market {
        Market {
            head: Header { kind, ..Header::default() },
            price: Price::from_e4(100_000),
            qty: Qty(100),
            side: Side::BUY,
            order_type: OrderType::LIMIT,
            tif: TimeInForce::DAY,
            ..Market::default()
        }
    }

    /// An order into bytes, that wait.
    pub(crate) fn write(&mut self, order: &Market) {
        let head = Header { time: self.now, ..order.head };
        let order = Market { head, ..*order };
        self.references.push(self.gateway.next_reference());
        self.gateway.on_order(black_box(&order), self.now, false, &mut Void::default());
    }

    /// A batch of orders into bytes, so many of them for a write to the socket.
    fn enter(&mut self, together: u32) {
        let order = Self::order(Kind::NEW);
        for at in 1..=BATCH {
            self.orders += 1;
            self.write(&Market { reference: self.orders, ..order });
            if at.is_multiple_of(together) {
                self.leave();
            }
        }
        self.leave();
    }

    /// Cancels of the batch into bytes.
    fn cancel(&mut self) {
        let cancel = Self::order(Kind::CANCEL_ORDER);
        let first = self.orders - u64::from(BATCH);
        for order in first + 1..=self.orders {
            let cancel = Market { other: order, ..cancel };
            self.gateway.on_order(black_box(&cancel), self.now, false, &mut Void::default());
        }
        self.leave();
    }

    /// The venue takes the batch.
    pub(crate) fn accepted(&mut self) {
        let open = self.gateway.open_orders_count();
        assert_eq!(open, self.references.len(), "the gateway took them all");
        for at in 0..self.references.len() {
            let user_ref_num = self.references[at].into();
            let accepted =
                OrderAccepted { user_ref_num, quantity: 100.into(), ..OrderAccepted::BLANK };
            self.hear_message(&Outbound::OrderAccepted(&accepted, Appendage::EMPTY));
        }
    }

    /// The venue has cancelled the batch.
    pub(crate) fn canceled(&mut self) {
        for at in 0..self.references.len() {
            let user_ref_num = self.references[at].into();
            let canceled = OrderCanceled {
                user_ref_num,
                quantity: 100.into(),
                reason: b'U',
                ..OrderCanceled::BLANK
            };
            self.hear_message(&Outbound::OrderCanceled(&canceled, Appendage::EMPTY));
        }
        self.references.clear();
        assert_eq!(self.gateway.open_orders_count(), 0);
        self.now = self.now.plus(PAUSE);
    }
}

/// All of them.
pub(crate) fn all(criterion: &mut Criterion) {
    let ended = |session: &mut Session| {
        session.accepted();
        session.canceled();
    };
    for (name, together) in [
        ("orders/order into bytes", BATCH),
        ("orders/order into bytes, 50 to a write", 50),
        ("orders/order into bytes, one to a write", 1),
    ] {
        bench(criterion, name, Session::new(), |session| session.enter(together), ended);
    }
    let open = || {
        let mut session = Session::new();
        session.enter(BATCH);
        session.accepted();
        session
    };
    let again = |session: &mut Session| {
        session.canceled();
        session.enter(BATCH);
        session.accepted();
    };
    bench(criterion, "orders/cancel into bytes", open(), Session::cancel, again);
    let mut sent = Session::new();
    sent.enter(BATCH);
    let again = |session: &mut Session| {
        session.canceled();
        session.enter(BATCH);
    };
    let name = "orders/acceptance into a report, its bytes made first";
    bench(criterion, name, sent, Session::accepted, again);
}
