//! A venue as tests need one: a session's messages, cut into packets; answers to re-requests; snapshots.

use crate::base::instrument::Symbol;
use crate::base::message::{Kind, Market};
use crate::base::unit::{Nanos, Seq};
use crate::ingest::decode::Decoder;
use crate::wire::itch::{
    AddOrder, Noii, OrderCancel, OrderDelete, OrderExecuted, OrderReplace, StockDirectory,
    SystemEvent,
};
use crate::wire::mold::{self, Builder, Request, Session};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use zerocopy::{Immutable, IntoBytes};

pub(super) const SYMBOLS: u16 = 4;

/// An order that stands: reference, locate, side, shares, price.
type Order = (u64, u16, u8, u32, u32);

/// A session.
pub(super) struct Venue {
    pub(super) session: Session,
    rng: ChaCha8Rng,
    /// All messages; the first has sequence 1.
    pub(super) messages: Vec<Vec<u8>>,
    /// Orders that stand, in the order of their arrival.
    orders: Vec<Order>,
    event: u8,
    references: u64,
    pub(super) ended: bool,
}

impl Venue {
    pub(super) fn new(session: &[u8; 10], seed: u64) -> Self {
        Self {
            session: Session(*session),
            rng: ChaCha8Rng::seed_from_u64(seed),
            messages: Vec::new(),
            orders: Vec::new(),
            event: 0,
            references: 0,
            ended: false,
        }
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    /// The sequence that comes next.
    pub(super) fn next(&self) -> u64 {
        self.messages.len() as u64 + 1
    }

    fn say(&mut self, message: &(impl IntoBytes + Immutable)) {
        self.messages.push(message.as_bytes().to_vec());
    }

    /// Says `count` things; the directory and the day's events come first.
    pub(super) fn trade(&mut self, count: usize) {
        for _ in 0..count {
            self.one();
        }
    }

    fn one(&mut self) {
        let time = self.next() * 1_000;
        let at = self.messages.len() as u16;
        match at {
            0 => return self.system(b'O', time),
            1..=SYMBOLS => return self.say(&directory(at, time)),
            5 => return self.system(b'S', time),
            6 => return self.system(b'Q', time),
            _ => {}
        }
        let locate = 1 + self.below(u64::from(SYMBOLS)) as u16;
        let pick = self.below(self.orders.len().max(1) as u64) as usize;
        match self.below(100) {
            0..4 => self.messages.push(Vec::new()),
            4..8 => self.say(&Noii::new(locate, time)),
            8..45 if self.orders.len() > 20 => {
                let (reference, locate, ..) = self.orders.remove(pick);
                let order_reference_number = reference.into();
                self.say(&OrderDelete { order_reference_number, ..OrderDelete::new(locate, time) });
            }
            45..60 if !self.orders.is_empty() => {
                let (reference, locate, _, shares, _) = self.orders[pick];
                let taken = 1 + self.below(u64::from(shares)) as u32;
                let order_reference_number = reference.into();
                if taken.is_multiple_of(2) {
                    let executed_shares = taken.into();
                    let executed = OrderExecuted::new(locate, time);
                    self.say(&OrderExecuted {
                        order_reference_number,
                        executed_shares,
                        ..executed
                    });
                } else {
                    let cancelled_shares = taken.into();
                    let cancel = OrderCancel::new(locate, time);
                    self.say(&OrderCancel { order_reference_number, cancelled_shares, ..cancel });
                }
                self.orders[pick].3 -= taken;
                if taken == shares {
                    self.orders.remove(pick);
                }
            }
            60..65 if !self.orders.is_empty() => {
                let (old, locate, side, ..) = self.orders.remove(pick);
                let (shares, price) = self.terms(side);
                self.references += 1;
                self.orders.push((self.references, locate, side, shares, price));
                self.say(&OrderReplace {
                    original_order_reference_number: old.into(),
                    new_order_reference_number: self.references.into(),
                    shares: shares.into(),
                    price: price.into(),
                    ..OrderReplace::new(locate, time)
                });
            }
            _ => {
                let side = [b'B', b'S'][self.below(2) as usize];
                let (shares, price) = self.terms(side);
                self.references += 1;
                let order = (self.references, locate, side, shares, price);
                self.orders.push(order);
                self.say(&add(&order, time));
            }
        }
    }

    fn terms(&mut self, side: u8) -> (u32, u32) {
        let far = 100 * (1 + self.below(9) as u32);
        let price = if side == b'B' { 100_000 - far } else { 100_000 + far };
        (1 + self.below(500) as u32, price)
    }

    fn system(&mut self, event_code: u8, time: u64) {
        self.event = event_code;
        self.say(&SystemEvent { event_code, ..SystemEvent::new(0, time) });
    }

    /// Packets of at most `size` messages with those from `from` on.
    pub(super) fn packets(&self, from: u64, size: usize) -> Vec<Vec<u8>> {
        let all = self.messages[from as usize - 1..].chunks(size);
        all.zip((from..).step_by(size)).map(|(some, first)| self.packet(some, first)).collect()
    }

    fn packet(&self, messages: &[Vec<u8>], first: u64) -> Vec<u8> {
        let mut builder = Builder::new(vec![0; 9_000], self.session, first);
        messages.iter().for_each(|message| assert!(builder.push(message)));
        builder.bytes().to_vec()
    }

    /// What an idle line says.
    pub(super) fn idle(&self) -> Vec<u8> {
        if self.ended {
            mold::end_of_session(self.session, self.next()).to_vec()
        } else {
            mold::heartbeat(self.session, self.next()).to_vec()
        }
    }

    /// The answer to a request: a packet with at most `size` messages, from `early` before what was asked for.
    pub(super) fn answer(&self, request: &[u8], size: usize, early: u64) -> Option<Vec<u8>> {
        let request = Request::parse(request).expect("a request");
        assert!(request.count > 0 && request.sequence > 0);
        let known = request.session == self.session && request.sequence < self.next();
        known.then(|| {
            let first = request.sequence.saturating_sub(early).max(1);
            // What was asked for is among it.
            let count = early as usize + size.min(usize::from(request.count));
            let some = &self.messages[first as usize - 1..];
            self.packet(&some[..count.min(some.len())], first)
        })
    }

    /// The market as it stands, and the first sequence that is not in it.
    pub(super) fn snapshot(&self) -> (Vec<Vec<u8>>, u64) {
        let time = self.next() * 1_000;
        let mut messages = Vec::new();
        let announced = self.messages.len().saturating_sub(1).min(usize::from(SYMBOLS)) as u16;
        messages.extend((1..=announced).map(|at| directory(at, time).as_bytes().to_vec()));
        if self.event != 0 {
            let event = SystemEvent { event_code: self.event, ..SystemEvent::new(0, time) };
            messages.push(event.as_bytes().to_vec());
        }
        messages.extend(self.orders.iter().map(|order| add(order, time).as_bytes().to_vec()));
        (messages, self.next())
    }
}

fn directory(locate: u16, time: u64) -> StockDirectory {
    let stock: Symbol = format!("S{locate}").parse().unwrap();
    StockDirectory { stock, ..StockDirectory::new(locate, time) }
}

fn add(order: &Order, time: u64) -> AddOrder {
    let &(reference, locate, side, shares, price) = order;
    AddOrder {
        order_reference_number: reference.into(),
        buy_sell_indicator: side,
        shares: shares.into(),
        price: price.into(),
        ..AddOrder::new(locate, time)
    }
}

/// What `messages`, of which the first has sequence `first`, are to the engine, with their sequences.
pub(super) fn decoded(messages: &[Vec<u8>], first: u64) -> Vec<Market> {
    let mut decoder = Decoder::new(Nanos(0), None, 1);
    // Instruments have the ids of a session from its beginning.
    for locate in 1..=SYMBOLS {
        decoder.decode(directory(locate, 0).as_bytes(), Seq(0));
    }
    let frames = messages.iter().zip(first..).filter(|(frame, _)| !frame.is_empty());
    let all = frames.filter_map(|(frame, sequence)| decoder.decode(frame, Seq(sequence)));
    all.inspect(|m| assert_ne!(m.head.kind, Kind(0))).collect()
}
