//! A gateway and a scripted exchange, with two pipes of bytes between them that can be cut anywhere.

mod cuts;
pub(in crate::route) mod far;
mod orders;
mod session;

use super::*;
use crate::base::message::{Header, Kind};
use crate::base::testing::{Recorder, cents};
use crate::base::unit::{OrderType, TimeInForce};
use far::Far;

pub(in crate::route) const USER: Username = Username(*b"DESK  ");
pub(in crate::route) const PASSWORD: &str = "swordfish";
const NAME: SessionName = SessionName(*b"     FRIDA");
const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// The limit of the tests' orders, in cents, if nothing else is said.
const TENNER: i64 = 1_000;

pub(in crate::route) fn settings() -> Settings {
    Settings { orders_max: 64, executions_max: 64, ..Settings::new(USER) }
}

/// A report, as far as tests look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::route) struct Brief {
    pub(in crate::route) kind: Kind,
    pub(in crate::route) order: u64,
    pub(in crate::route) target: u64,
    pub(in crate::route) price: i64,
    pub(in crate::route) qty: u64,
    pub(in crate::route) leaves: u64,
    pub(in crate::route) code: u16,
}

impl Brief {
    pub(in crate::route) fn of(report: &Report) -> Self {
        Self {
            kind: report.head.kind,
            order: report.order.0,
            target: report.target.0,
            price: report.price.0,
            qty: report.qty.0,
            leaves: report.leaves.0,
            code: report.code,
        }
    }
}

/// Both ends.
struct Pair {
    gateway: Gateway,
    far: Far,
    now: Nanos,
    back: Recorder<Report>,
    /// Reports that no test has looked at.
    reports: Vec<Report>,
    connected: bool,
    to_far: Vec<u8>,
    to_gateway: Vec<u8>,
    killed: bool,
    /// When connections were asked for.
    dials: Vec<Nanos>,
    /// Nobody answers.
    unreachable: bool,
    /// The socket takes nothing.
    blocked: bool,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        Self::with(settings, Far::default(), Nanos(1_000 * SECOND), PASSWORD)
    }

    /// A new program before an exchange that has a day behind it.
    fn with(settings: Settings, far: Far, now: Nanos, password: &str) -> Self {
        let secret = Secret::new(password, "the test").ok().unwrap();
        let symbols = ["ABC", "XYZ"].map(|name| name.parse::<Symbol>().unwrap());
        Self {
            gateway: Gateway::new(settings, secret, &symbols, now),
            far,
            now,
            back: Recorder::roomy(),
            reports: Vec::new(),
            connected: false,
            to_far: Vec::new(),
            to_gateway: Vec::new(),
            killed: false,
            dials: Vec::new(),
            unreachable: false,
            blocked: false,
        }
    }

    /// A pair that takes orders.
    fn live(settings: Settings) -> Self {
        let mut pair = Self::new(settings);
        pair.settle();
        assert_eq!(pair.gateway.phase(), Phase::Live);
        pair
    }

    /// The program ends here, without a word, and another one starts.
    fn restart(mut self) -> Self {
        self.far.disconnect();
        Self::with(self.gateway.core.settings, self.far, self.now, PASSWORD)
    }

    /// Makes the connection, if one is wanted.
    fn dial(&mut self) {
        if !self.connected && self.gateway.wants_connection(self.now) {
            self.dials.push(self.now);
            self.gateway.connecting(self.now);
            if self.unreachable {
                return self.gateway.closed(self.now);
            }
            self.gateway.connected(self.now);
            self.far.connect(self.now);
            self.connected = true;
        }
    }

    /// The connection breaks: what is on its way is lost.
    fn cut(&mut self) {
        self.to_far.clear();
        self.to_gateway.clear();
        if self.connected {
            self.connected = false;
            self.far.disconnect();
            self.gateway.closed(self.now);
        }
    }

    /// What both ends wrote goes into the pipes.
    fn write(&mut self) {
        if self.connected && !self.blocked {
            let bytes = self.gateway.unsent(self.killed).to_vec();
            self.gateway.sent(bytes.len());
            self.to_far.extend(bytes);
        }
        self.to_gateway.extend(self.far.out(self.now));
    }

    /// So many bytes of each pipe arrive.
    fn carry(&mut self, to_far: usize, to_gateway: usize) {
        let bytes: Vec<u8> = self.to_far.drain(..to_far.min(self.to_far.len())).collect();
        self.far.receive(&bytes, self.now);
        let space = self.gateway.space();
        let count = to_gateway.min(self.to_gateway.len()).min(space.len());
        space[..count].copy_from_slice(&self.to_gateway[..count]);
        self.to_gateway.drain(..count);
        self.gateway.filled(count);
    }

    fn turn(&mut self) {
        self.gateway.turn(self.now, &mut self.back);
        self.reports.extend(self.back.drain());
        let far_closes = self.far.is_done() && self.to_gateway.is_empty();
        if self.connected && (self.gateway.wants_close() || far_closes) {
            self.cut();
        }
    }

    /// Everything that was written arrives, and is answered, until nothing more happens; no time passes.
    fn settle(&mut self) {
        for _ in 0..50 {
            self.dial();
            self.write();
            self.carry(usize::MAX, usize::MAX);
            self.turn();
        }
    }

    /// Time passes, in steps.
    fn pass(&mut self, span: u64, step: u64) {
        let end = self.now.plus(Nanos(span));
        while self.now < end {
            self.now = end.min(self.now.plus(Nanos(step)));
            for _ in 0..4 {
                self.dial();
                self.write();
                self.carry(usize::MAX, usize::MAX);
                self.turn();
            }
        }
    }

    fn send(&mut self, message: &Market) {
        self.gateway.on_order(message, self.now, self.killed, &mut self.back);
        self.reports.extend(self.back.drain());
    }

    /// What was told since the last call.
    fn told(&mut self) -> Vec<Brief> {
        std::mem::take(&mut self.reports).iter().map(Brief::of).collect()
    }

    /// As `told`: kind, order, quantity, left, code.
    fn brief(&mut self) -> Vec<(Kind, u64, u64, u64, u16)> {
        self.told().iter().map(|b| (b.kind, b.order, b.qty, b.leaves, b.code)).collect()
    }

    /// How much was unknown, repeated, impossible, unreadable.
    fn odd(&self) -> [u64; 4] {
        [Odd::Unknown, Odd::Repeated, Odd::Impossible, Odd::Unreadable]
            .map(|odd| self.gateway.oddities().count(odd))
    }
}

fn message(kind: Kind) -> Market {
    let head = Header { kind, instrument: InstrumentId(1), ..Header::default() };
    let (order_type, tif) = (OrderType::LIMIT, TimeInForce::DAY);
    Market { head, price: cents(TENNER), side: Side::BUY, order_type, tif, ..Market::default() }
}

pub(in crate::route) fn order(id: u64, qty: u64) -> Market {
    Market { reference: id, qty: Qty(qty), ..message(Kind::NEW) }
}

fn replace(target: u64, id: u64, qty: u64) -> Market {
    Market { reference: id, other: target, qty: Qty(qty), ..message(Kind::REPLACE_ORDER) }
}

pub(in crate::route) fn cancel(target: u64) -> Market {
    Market { other: target, ..message(Kind::CANCEL_ORDER) }
}
