//! The stage and its strategies on real books: what they send for a packet, and what they make of reports.

mod flatten;
mod marks;
mod quoter;
mod taker;

use super::*;
use crate::base::log::{Event, Log, Severity};
use crate::base::message::{Flags, Intent, Kind, Market};
use crate::base::testing::{Recorder, cents, market};
use crate::book::{Host, Limits};

const BUY: Side = Side::BUY;
const SELL: Side = Side::SELL;

/// A stage whose intents are looked at.
struct Desk<S> {
    stage: BookStage<S>,
    out: Recorder<Intent>,
    time: u64,
    names: u64,
    intents: u32,
    marks: Vec<Intent>,
}

impl<S: Strategy> Desk<S> {
    fn new(strategy: S, instruments: usize) -> Self {
        Self::with(strategy, instruments, Limits { orders: 1 << 12, levels: 1 << 10, instruments })
    }

    /// All instruments are announced, and open.
    fn with(strategy: S, instruments: usize, limits: Limits) -> Self {
        let settings = StageSettings {
            first_order: 0,
            shard: ShardId(1),
            day: 9,
            account: AccountId(3),
            good_for: Nanos(50),
            symbols: Vec::new(),
            instruments,
            sample: 1,
            board: None,
        };
        let stage = BookStage::new(settings, Books::new(&limits), strategy);
        let mut desk = Self {
            stage,
            out: Recorder::roomy(),
            time: 999,
            names: 0,
            intents: 0,
            marks: Vec::new(),
        };
        for at in 0..instruments as u32 {
            desk.put(Market { reference: 7, other: 1, ..market(0, Kind::DIRECTORY, at) }, false);
        }
        for code in [b'S', b'Q'] {
            desk.put(Market { code, ..market(0, Kind::SESSION, InstrumentId::NONE.0) }, false);
        }
        desk
    }

    /// One message; the intents it led to, which must be numbered and keyed as they should.
    fn put(&mut self, mut message: Market, last: bool) -> Vec<Intent> {
        self.time += 1;
        message.head.time = Nanos(self.time);
        if last {
            message.head.flags = message.head.flags.with(Flags::LAST);
        }
        let mut change = Change::default();
        self.stage.apply(&message, &mut change);
        self.out.room = self.stage.burst();
        let count = self.stage.react(&message, &change, &mut self.out);
        let mut intents = self.out.drain();
        assert_eq!(intents.len(), count as usize);
        assert!(last || intents.is_empty(), "only a packet's last message makes it decide");
        for (intent, sub) in intents.iter().zip(0..) {
            assert_eq!((intent.number, intent.sub, intent.shard), (self.intents, sub, ShardId(1)));
            assert_eq!(intent.head.time, message.head.time);
            assert_eq!(intent.good_until, message.head.time.plus(Nanos(50)));
            self.intents += 1;
        }
        // What risk is told of the market has tests of its own.
        self.marks.extend(intents.extract_if(.., |intent| intent.head.kind == Kind::MARK));
        intents
    }

    fn add(
        &mut self,
        instrument: u32,
        side: Side,
        price: i64,
        qty: u64,
        last: bool,
    ) -> Vec<Intent> {
        self.names += 1;
        let add = market(0, Kind::ADD, instrument);
        let (reference, price, qty) = (self.names, cents(price), Qty(qty));
        self.put(Market { reference, side, price, qty, ..add }, last)
    }

    /// The touch of an empty book: a bid, then an offer that ends the packet.
    fn touch(&mut self, instrument: u32, bid: (i64, u64), ask: (i64, u64)) -> Vec<Intent> {
        self.add(instrument, BUY, bid.0, bid.1, false);
        self.add(instrument, SELL, ask.0, ask.1, true)
    }

    /// Gives the `reference`-th order added another price and quantity.
    fn move_to(&mut self, reference: u64, price: i64, qty: u64) -> Vec<Intent> {
        let order = self.stage.books().order(reference).unwrap();
        self.part(Kind::DELETE, reference);
        let add = market(0, Kind::ADD, order.instrument.0);
        let (price, qty) = (cents(price), Qty(qty));
        self.put(Market { reference, side: order.side, price, qty, ..add }, true)
    }

    /// Takes an order out; the packet goes on.
    fn part(&mut self, kind: Kind, reference: u64) {
        let instrument = self.stage.books().order(reference).map_or(0, |o| o.instrument.0);
        self.put(Market { reference, ..market(0, kind, instrument) }, false);
    }

    /// A message that changes nothing, the last of its packet.
    fn idle(&mut self) -> Vec<Intent> {
        self.put(market(0, Kind::BROKEN, InstrumentId::NONE.0), true)
    }

    fn trading(&mut self, instrument: u32, code: u8) -> Vec<Intent> {
        self.put(Market { code, ..market(0, Kind::TRADING, instrument) }, true)
    }

    /// Time passes.
    fn tick(&mut self) -> Vec<Intent> {
        self.put(market(0, Kind::TICK, InstrumentId::NONE.0), true)
    }

    fn tell(&mut self, mut report: Report) {
        report.head.time = Nanos(self.time);
        self.stage.on_report(&report);
    }
}

/// A report on what became of `intent`.
fn about(intent: &Intent, kind: Kind) -> Report {
    let mut report = Report {
        order: intent.order,
        target: intent.target,
        side: intent.side,
        qty: intent.qty,
        leaves: intent.qty,
        price: intent.price,
        ..Report::default()
    };
    (report.head.kind, report.head.instrument) = (kind, intent.head.instrument);
    report
}

fn filled(intent: &Intent, qty: u64, leaves: u64) -> Report {
    Report { qty: Qty(qty), leaves: Qty(leaves), ..about(intent, Kind::FILLED) }
}

fn gone(intent: &Intent, kind: Kind) -> Report {
    Report { leaves: Qty(0), ..about(intent, kind) }
}

#[test]
fn a_book_that_runs_out_of_room_is_told_once_by_an_add_or_a_replace() {
    for replaces in [false, true] {
        let limits = Limits { orders: 10, levels: 1, instruments: 1 };
        let (log, mut lines) = Log::ring(16, 0, Severity::Debug);
        let desk = Desk::with(AnyStrategy::None, 1, limits);
        let mut desk = Desk { stage: desk.stage.telling(log), ..desk };
        desk.add(0, BUY, 5, 10, true);
        desk.add(0, BUY, 5, 10, true);
        for price in [6, 7] {
            if replaces {
                let (other, qty) = (100 + price as u64, Qty(10));
                let reference = if price == 6 { 1 } else { 2 };
                let replace = market(0, Kind::REPLACE, 0);
                desk.put(Market { reference, other, price: cents(price), qty, ..replace }, true);
            } else {
                desk.add(0, BUY, price, 10, true);
            }
        }
        let told: Vec<_> = std::iter::from_fn(|| lines.pop()).collect();
        let stale: Vec<_> = told.iter().filter(|it| it.event == Event::BookStale as u16).collect();
        assert_eq!(stale.len(), 1, "{told:?}");
        assert_eq!(stale[0].instrument, InstrumentId(0));
    }
}

#[test]
fn a_kill_is_one_intent_of_nobody() {
    let mut desk = Desk::new(AnyStrategy::None, 2);
    let sent = desk.put(market(0, Kind::KILL, InstrumentId::NONE.0), true);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].head.kind, sent[0].strategy), (Kind::KILL, StrategyId(0)));
}
