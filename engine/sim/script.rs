//! A short seeded market, made to cause orders, fills, refusals and every kind of coincidence of times.
#![forbid(unsafe_code)]

use super::Chance;
use crate::base::message::{Flags, Header, Key, Kind, Market, Message, Source as From};
use crate::base::unit::*;
use crate::ingest::{Source, last_of_packet};

/// What a script is like.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Draws everything.
    pub seed: u64,
    /// Messages, ticks apart.
    pub messages: usize,
    /// Instruments, dealt out to the shards in turn.
    pub instruments: u32,
    /// Book shards.
    pub shards: u32,
    /// Longest time between two messages, ns; often they have the same time.
    pub gap_max: u64,
    /// Whether market hours end within it.
    pub closes: bool,
}

/// Market messages one after another.
#[derive(Clone)]
pub struct Script {
    messages: Vec<Market>,
    at: usize,
}

/// An order of the script's market.
#[derive(Clone, Copy)]
struct Alive {
    reference: u64,
    instrument: u32,
    side: Side,
    qty: u64,
}

/// The market while it is drawn.
struct Drawing {
    chance: Chance,
    alive: Vec<Alive>,
    reference: u64,
    instruments: u32,
}

impl Script {
    /// Draws a script.
    pub fn new(flow: Flow) -> Self {
        let (mut messages, everyone) = (opening(flow.instruments), InstrumentId::NONE.0);
        let mut time = 2_000;
        let chance = Chance::new(flow.seed);
        let instruments = flow.instruments;
        let mut market = Drawing { chance, alive: Vec::new(), reference: 0, instruments };
        // Drawn apart: up to its close a script is the same as without one.
        let part = Chance::new(flow.seed ^ 0xbe11).within(50, 120).min(100);
        let close = flow.closes.then_some(flow.messages as u64 * part / 100);
        let kill = market.chance.often(300).then(|| market.chance.below(flow.messages as u64));
        for count in 0..flow.messages as u64 {
            if market.chance.often(600) {
                time += market.chance.within(1, flow.gap_max);
            }
            if Some(count) == kill {
                messages.push(message(time, Kind::KILL, everyone));
            }
            if Some(count) == close {
                messages.push(bell(time));
            }
            if market.chance.often(30) {
                messages.push(message(time, Kind::TICK, everyone));
                time += 1;
            }
            if market.chance.often(30) {
                messages.push(Market { code: b'Q', ..message(time, Kind::SESSION, everyone) });
            }
            messages.push(market.draw(time));
        }
        if close == Some(flow.messages as u64) {
            messages.push(bell(time));
        }
        Self::of(messages, flow.shards)
    }

    /// These messages, in the order of their times.
    pub(super) fn of(mut messages: Vec<Market>, shards: u32) -> Self {
        for (index, message) in messages.iter_mut().enumerate() {
            message.head.cause = Seq(index as u64 + 1);
        }
        messages.sort_by_key(Message::key);
        mark_last(&mut messages, shards);
        Self { messages, at: 0 }
    }
}

/// What is announced at time 1000: the instruments, and that market hours begin.
pub(super) fn opening(instruments: u32) -> Vec<Market> {
    let mut messages = Vec::new();
    for instrument in 0..instruments {
        let mut directory = message(1_000, Kind::DIRECTORY, instrument);
        (directory.reference, directory.other) = (u64::from(instrument) + 1, 1);
        messages.push(directory);
    }
    for code in [b'S', b'Q'] {
        messages.push(Market { code, ..message(1_000, Kind::SESSION, InstrumentId::NONE.0) });
    }
    messages
}

/// Market hours end.
fn bell(time: u64) -> Market {
    Market { code: b'M', ..message(time, Kind::SESSION, InstrumentId::NONE.0) }
}

pub(super) fn message(time: u64, kind: Kind, instrument: u32) -> Market {
    let head = Header {
        time: Nanos(time),
        cause: Seq(0),
        instrument: InstrumentId(instrument),
        kind,
        source: From(0),
        flags: Flags::default(),
    };
    Market { head, ..Market::default() }
}

impl Drawing {
    /// Bids from 100.00 to 100.03, offers from 100.02 on: they touch and cross now and then.
    fn price(&mut self, side: Side) -> Price {
        let base = if side.is_buy() { 1_000_000 } else { 1_000_200 };
        Price::from_e4(base + self.chance.below(4) as u32 * 100)
    }

    fn draw(&mut self, time: u64) -> Market {
        let choice = self.chance.below(100);
        let qty = self.chance.within(1, 400);
        let instrument = self.chance.below(u64::from(self.instruments)) as u32;
        if self.alive.is_empty() || choice < 45 {
            let side = if self.chance.often(500) { Side::BUY } else { Side::SELL };
            self.reference += 1;
            self.alive.push(Alive { reference: self.reference, instrument, side, qty });
            let (price, add) = (self.price(side), message(time, Kind::ADD, instrument));
            return Market { reference: self.reference, price, qty: Qty(qty), side, ..add };
        }
        if choice < 47 {
            let code = [b'H', b'T', b'T', b'T'][self.chance.below(4) as usize];
            return Market { code, ..message(time, Kind::TRADING, instrument) };
        }
        let index = self.chance.below(self.alive.len() as u64) as usize;
        let order = self.alive[index];
        let kind = match choice {
            47..80 => Kind::EXECUTE,
            80..84 => Kind::CANCEL,
            84..90 => Kind::REPLACE,
            _ => Kind::DELETE,
        };
        let mut event = message(time, kind, order.instrument);
        event.reference = order.reference;
        match kind {
            Kind::EXECUTE | Kind::CANCEL => {
                let part = self.chance.within(1, order.qty);
                event.qty = Qty(part);
                event.head.flags = Flags::PRINTABLE;
                self.alive[index].qty -= part;
                if self.alive[index].qty == 0 {
                    self.alive.swap_remove(index);
                }
            }
            Kind::REPLACE => {
                self.reference += 1;
                event.price = self.price(order.side);
                (event.other, event.qty) = (self.reference, Qty(qty));
                self.alive[index] = Alive { reference: self.reference, qty, ..order };
            }
            _ => {
                self.alive.swap_remove(index);
            }
        }
        event
    }
}

/// Flags the last message of each time for each shard, as a day's file does: ticks and the kill are packets of their own.
fn mark_last(messages: &mut [Market], shards: u32) {
    let alone = |message: &Market| matches!(message.head.kind, Kind::TICK | Kind::KILL);
    let shard_of = |message: &Market| (message.head.instrument.0 % shards) as usize;
    for index in 0..messages.len() {
        let (front, behind) = (messages[index], &messages[index + 1..]);
        let behind = behind.iter().filter(|next| !alone(next));
        let last = if alone(&front) {
            Flags::LAST
        } else {
            last_of_packet(&front, behind, shard_of, shards as usize)
        };
        messages[index].head.flags = front.head.flags.with(last);
    }
}

impl Source for Script {
    fn next(&mut self) -> Key {
        self.messages.get(self.at).map_or(Key::MAX, Message::key)
    }

    fn take(&mut self) -> &Market {
        self.at += 1;
        &self.messages[self.at - 1]
    }
}
