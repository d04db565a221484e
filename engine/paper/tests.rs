//! The venue's rules, one by one, on real books that market messages drive; `sweep.rs` has what an
//! order takes on arrival, `close.rs` the end of the day, `stream.rs` what holds under any stream.

mod close;
mod stream;
mod sweep;

use super::{PaperCounts, Rules, Venue};
use crate::base::code::Code;
use crate::base::message::{Flags, Kind, Market, Report, Source};
use crate::base::testing::{Recorder, cents, market};
use crate::base::unit::*;
use crate::book::{Books, Limits};

const DAY: TimeInForce = TimeInForce::DAY;
const IOC: TimeInForce = TimeInForce::IOC;
const BUY: Side = Side::BUY;
const SELL: Side = Side::SELL;
const LATENCY_IN: u64 = 7;

/// A market and our venue in it; what it says is told as `kind order: quantity@cents, leaves left`.
struct Pit {
    books: Books,
    venue: Venue,
    back: Recorder<Report>,
    time: u64,
    events: u64,
}

impl Pit {
    fn new(sweep_levels: usize, resting_max: usize) -> Self {
        let limits = Limits { orders: 1 << 10, levels: 1 << 8, instruments: 2 };
        let rules = Rules { sweep_levels, resting_max, orders_max: 64, instruments: 2 };
        let venue = Venue::new(rules, ShardId(3), Nanos(LATENCY_IN));
        let books = Books::new(&limits);
        let mut pit = Self { books, venue, back: Recorder::roomy(), time: 0, events: 0 };
        pit.session(b'Q');
        pit
    }

    fn open() -> Self {
        Self::new(2, 4)
    }

    /// What was said; keeps watch over what each event must have.
    fn said(&mut self, events: u32) -> Vec<Report> {
        let said = self.back.drain();
        assert_eq!(said.len(), events as usize, "what is counted is what was said");
        assert!(said.len() <= self.venue.burst());
        for event in &said {
            self.events += 1;
            assert_eq!(event.sequence, self.events, "numbered without gaps");
            assert_eq!(event.head.time, Nanos(self.time + LATENCY_IN));
            assert_eq!(event.head.source, Source(Source::VENUE.0 + 3));
            assert_eq!(event.shard, ShardId(3));
        }
        assert_eq!(self.venue.events(), self.events);
        said
    }

    fn apply(&mut self, mut message: Market) -> Vec<Report> {
        self.time += 1;
        message.head.time = Nanos(self.time);
        self.apply_as(message)
    }

    fn apply_as(&mut self, message: Market) -> Vec<Report> {
        let change = self.books.apply(&message);
        let events = self.venue.on_market(&message, &change, &self.books, &mut self.back);
        self.said(events)
    }

    fn session(&mut self, code: u8) {
        self.time += 1;
        let event = market(self.time, Kind::SESSION, InstrumentId::NONE.0);
        let event = Market { code, ..event };
        assert!(self.apply_as(event).is_empty());
        self.venue.on_session(&event, &self.books);
    }

    /// Lets orders expire, with room for so many.
    fn expire(&mut self, room: usize) -> Vec<Report> {
        self.back.room = room;
        let events = self.venue.expire(&mut self.back);
        self.back.room = usize::MAX;
        self.said(events)
    }

    fn add(&mut self, reference: u64, side: Side, price: i64, qty: u64) -> Vec<String> {
        let add = market(0, Kind::ADD, 0);
        told(&self.apply(Market { reference, side, price: cents(price), qty: Qty(qty), ..add }))
    }

    fn part(&mut self, kind: Kind, reference: u64, qty: u64) -> Vec<String> {
        self.time += 1;
        let mut message = market(self.time, kind, 0);
        message.head.flags = Flags::PRINTABLE;
        told(&self.apply_as(Market { reference, qty: Qty(qty), ..message }))
    }

    fn execute(&mut self, reference: u64, qty: u64) -> Vec<String> {
        self.part(Kind::EXECUTE, reference, qty)
    }

    fn replace(&mut self, reference: u64, other: u64, price: i64, qty: u64) -> Vec<String> {
        let replace = market(0, Kind::REPLACE, 0);
        told(&self.apply(Market {
            reference,
            other,
            price: cents(price),
            qty: Qty(qty),
            ..replace
        }))
    }

    fn order(&mut self, message: Market) -> Vec<Report> {
        self.time += 1;
        let message = Market { head: market(self.time, message.head.kind, 0).head, ..message };
        let events = self.venue.on_order(&message, &self.books, &mut self.back);
        self.said(events)
    }

    fn send(&mut self, id: u64, side: Side, price: i64, qty: u64, tif: TimeInForce) -> Vec<String> {
        told(&self.order(new(id, side, price, qty, tif)))
    }

    fn change(&mut self, target: u64, id: u64, price: i64, total: u64) -> Vec<String> {
        let change = Market { other: target, ..new(id, BUY, price, total, DAY) };
        told(&self.order(of_kind(Kind::REPLACE_ORDER, change)))
    }

    fn cancel(&mut self, target: u64) -> Vec<String> {
        let cancel = Market { other: target, side: BUY, ..Market::default() };
        told(&self.order(of_kind(Kind::CANCEL_ORDER, cancel)))
    }

    fn counts(&self) -> PaperCounts {
        self.venue.counts()
    }
}

fn of_kind(kind: Kind, message: Market) -> Market {
    Market { head: market(0, kind, 0).head, ..message }
}

fn new(id: u64, side: Side, price: i64, qty: u64, tif: TimeInForce) -> Market {
    let (price, qty, order_type) = (cents(price), Qty(qty), OrderType::LIMIT);
    let order = market(0, Kind::NEW, 0);
    Market { reference: id, side, price, qty, tif, order_type, ..order }
}

fn told(events: &[Report]) -> Vec<String> {
    let one = |event: &Report| {
        let (kind, id, left) = (event.head.kind, event.order.0, event.leaves.0);
        let (qty, price) = (event.qty.0, event.price.0 / 10_000_000);
        match Code(event.code) {
            Code::NONE => format!("{kind} {id}: {qty}@{price}, {left} left"),
            code => format!("{kind} {id}: {qty}@{price}, {left} left, {}", code.name()),
        }
    };
    events.iter().map(one).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn two_orders_never_take_the_same_shares() {
    let mut pit = Pit::open();
    pit.add(1, BUY, 1000, 100);
    assert_eq!(pit.send(1, SELL, 1000, 60, IOC)[1], "filled 1: 60@1000, 0 left");
    assert_eq!(pit.send(2, SELL, 1000, 60, IOC)[1], "filled 2: 40@1000, 20 left");
    assert_eq!(pit.send(3, SELL, 1000, 60, IOC)[1], "canceled 3: 60@0, 0 left");
    assert_eq!(pit.books.top(InstrumentId(0)).bid_qty, Qty(100), "the market never changes");
}

#[test]
fn what_was_taken_is_not_lowered_by_executions_or_cancels() {
    for kind in [Kind::EXECUTE, Kind::CANCEL] {
        let mut pit = Pit::open();
        pit.add(1, SELL, 1000, 100);
        pit.send(1, BUY, 1000, 60, IOC);
        pit.part(kind, 1, 30);
        let said = pit.send(2, BUY, 1000, 60, IOC);
        assert_eq!(said[1], "filled 2: 10@1000, 50 left", "70 stand, 60 are taken");
    }
}

#[test]
fn what_was_taken_moves_along_a_replace_and_goes_with_the_order() {
    let mut pit = Pit::open();
    pit.add(1, SELL, 1000, 100);
    pit.send(1, BUY, 1000, 60, IOC);
    pit.replace(1, 2, 1001, 80);
    assert_eq!(pit.send(2, BUY, 1001, 60, IOC)[1], "filled 2: 20@1001, 40 left");
    pit.part(Kind::DELETE, 2, 0);
    pit.add(2, SELL, 1000, 10);
    assert_eq!(pit.send(3, BUY, 1000, 60, IOC)[1], "filled 3: 10@1000, 50 left");
    pit.execute(2, 10);
    pit.add(2, SELL, 1000, 10);
    assert_eq!(pit.send(4, BUY, 1000, 60, IOC)[1], "filled 4: 10@1000, 50 left");
}

#[test]
fn executions_of_taken_shares_are_counted_once_each() {
    let mut pit = Pit::open();
    pit.add(1, SELL, 1000, 100);
    pit.send(1, BUY, 1000, 60, IOC);
    pit.execute(1, 50);
    assert_eq!(pit.counts().displaced, 10);
    pit.execute(1, 50);
    assert_eq!(pit.counts().displaced, 60);
    pit.add(2, SELL, 1000, 100);
    pit.execute(2, 100);
    assert_eq!(pit.counts().displaced, 60, "not those that nobody took");
}

#[test]
fn a_resting_order_waits_for_those_ahead_and_fills_from_those_behind() {
    let mut pit = Pit::open();
    pit.add(1, BUY, 1000, 10);
    pit.add(2, BUY, 1000, 10);
    assert_eq!(pit.send(1, BUY, 1000, 50, DAY), ["accepted 1: 50@0, 50 left"]);
    pit.add(3, BUY, 1000, 100);
    assert_eq!(pit.execute(3, 5), NOTHING, "two are ahead");
    assert_eq!(pit.execute(1, 10), NOTHING, "one is ahead");
    assert_eq!(pit.execute(2, 4), NOTHING, "the last to come before it is ahead, all of it");
    assert_eq!(pit.execute(3, 5), NOTHING, "and with what is left of it");
    assert_eq!(pit.execute(2, 6), NOTHING, "its own execution is not ours");
    assert_eq!(pit.execute(3, 20), ["filled 1: 20@1000, 30 left"]);
    assert_eq!(pit.part(Kind::CANCEL, 3, 5), NOTHING);
    assert_eq!(pit.execute(3, 40), ["filled 1: 30@1000, 0 left"]);
    assert_eq!(pit.execute(3, 20), NOTHING, "it has ended");
}

#[test]
fn a_resting_order_fills_at_its_own_price_when_a_worse_one_executes() {
    let mut pit = Pit::open();
    pit.add(1, SELL, 1005, 100);
    pit.send(1, SELL, 1003, 50, DAY);
    assert_eq!(pit.execute(1, 20), ["filled 1: 20@1003, 30 left"]);
    pit.add(2, SELL, 1003, 10);
    pit.add(3, SELL, 1002, 10);
    assert_eq!(pit.execute(3, 10), NOTHING, "a better one");
    pit.add(4, BUY, 1001, 10);
    assert_eq!(pit.execute(4, 10), NOTHING, "the other side");
}

#[test]
fn an_order_wholly_taken_by_us_is_not_ahead() {
    let mut pit = Pit::open();
    pit.add(1, BUY, 1000, 10);
    pit.send(1, SELL, 1000, 10, IOC);
    pit.send(2, BUY, 1000, 50, DAY);
    pit.add(2, BUY, 1000, 10);
    assert_eq!(pit.execute(2, 10), ["filled 2: 10@1000, 40 left"]);
}

#[test]
fn what_executes_is_shared_out_by_price_then_time() {
    let mut pit = Pit::open();
    for (id, price) in [(1, 1001), (2, 1002), (3, 1001), (4, 1000)] {
        pit.send(id, BUY, price, 10, DAY);
    }
    pit.add(1, BUY, 1000, 100);
    let expected =
        ["filled 2: 10@1002, 0 left", "filled 1: 10@1001, 0 left", "filled 3: 5@1001, 5 left"];
    assert_eq!(pit.execute(1, 25), expected);
    let expected = ["filled 3: 5@1001, 0 left", "filled 4: 1@1000, 9 left"];
    assert_eq!(pit.execute(1, 6), expected);
}

#[test]
fn both_sides_keep_their_own_order_of_prices() {
    let mut pit = Pit::open();
    for (id, side, price) in [(1, SELL, 1010), (2, BUY, 990), (3, SELL, 1005), (4, BUY, 995)] {
        pit.send(id, side, price, 10, DAY);
    }
    pit.add(1, SELL, 1020, 100);
    pit.add(2, BUY, 980, 100);
    assert_eq!(pit.execute(1, 15), ["filled 3: 10@1005, 0 left", "filled 1: 5@1010, 5 left"]);
    assert_eq!(pit.execute(2, 15), ["filled 4: 10@995, 0 left", "filled 2: 5@990, 5 left"]);
}

#[test]
fn a_real_order_of_the_other_side_fills_what_it_meets_once() {
    let mut pit = Pit::open();
    pit.send(1, BUY, 1000, 30, DAY);
    pit.send(2, BUY, 1001, 30, DAY);
    assert_eq!(pit.add(1, SELL, 1002, 99), NOTHING, "not yet at their price");
    let expected = ["filled 2: 30@1001, 0 left", "filled 1: 20@1000, 10 left"];
    assert_eq!(pit.add(2, SELL, 1000, 50), expected);
    assert_eq!(
        pit.send(3, BUY, 1000, 50, IOC)[1],
        "canceled 3: 50@0, 0 left",
        "all of it is taken"
    );
    assert_eq!(
        pit.replace(1, 3, 1000, 4),
        ["filled 1: 4@1000, 6 left"],
        "a replace comes to rest too"
    );
    assert_eq!(
        pit.replace(2, 4, 999, 52),
        ["filled 1: 2@1000, 4 left"],
        "50 of it were taken before"
    );
}

#[test]
fn hidden_trades_crosses_and_what_is_not_printable_never_fill() {
    let mut pit = Pit::open();
    pit.send(1, BUY, 1000, 50, DAY);
    pit.add(1, BUY, 999, 100);
    for kind in [Kind::TRADE, Kind::CROSS] {
        let trade = of_kind(kind, Market { side: BUY, price: cents(900), ..Market::default() });
        assert!(pit.apply(Market { qty: Qty(100), ..trade }).is_empty());
    }
    let hidden = Market { reference: 1, qty: Qty(10), ..Market::default() };
    assert!(pit.apply(of_kind(Kind::EXECUTE_AT, hidden)).is_empty());
    assert_eq!(pit.part(Kind::EXECUTE_AT, 1, 10), ["filled 1: 10@1000, 40 left"], "printable");
}

#[test]
fn outside_continuous_trading_nothing_fills_and_only_cancels_are_taken() {
    let mut pit = Pit::open();
    pit.send(1, BUY, 1000, 50, DAY);
    pit.add(1, BUY, 999, 100);
    let trading = |code| of_kind(Kind::TRADING, Market { code, ..Market::default() });
    pit.apply(trading(b'H'));
    assert_eq!(pit.execute(1, 10), NOTHING);
    assert_eq!(pit.add(2, SELL, 1000, 10), NOTHING);
    assert_eq!(pit.replace(2, 3, 999, 10), NOTHING);
    assert_eq!(pit.send(2, BUY, 1000, 10, DAY), ["rejected 2: 0@0, 0 left, venue_halted"]);
    assert_eq!(pit.change(1, 3, 1001, 10), ["too-late 3: 0@0, 0 left, venue_halted"]);
    pit.apply(trading(b'T'));
    assert_eq!(pit.execute(1, 10), ["filled 1: 10@1000, 40 left"], "it rests as before");
    pit.apply(trading(b'H'));
    assert_eq!(pit.cancel(1), ["canceled 1: 40@0, 0 left"]);
}

#[test]
fn as_many_orders_rest_as_the_rules_say_whatever_their_prices() {
    for rising in [true, false] {
        let mut pit = Pit::open();
        for id in 1..=4u64 {
            let price = if rising { 1000 + id as i64 } else { 1000 - id as i64 };
            assert_eq!(pit.send(id, BUY, price, 10, DAY).len(), 1, "the {id}th of four rests");
        }
        let said = pit.send(5, BUY, 1000, 10, DAY);
        assert_eq!(said[1], "canceled 5: 10@0, 0 left, venue_full");
        assert_eq!(pit.change(2, 6, 1000, 10), ["replaced 6: 10@0, 10 left"], "in its place");
        assert_eq!(pit.cancel(1), ["canceled 1: 10@0, 0 left"]);
        assert_eq!(pit.send(7, SELL, 2000, 10, DAY).len(), 1);
    }
}

#[test]
fn a_replace_goes_to_the_back_and_trades_on_arrival() {
    let mut pit = Pit::open();
    pit.send(1, BUY, 1000, 10, DAY);
    pit.send(2, BUY, 1000, 10, DAY);
    pit.add(1, BUY, 1000, 50);
    assert_eq!(pit.change(1, 3, 1000, 20), ["replaced 3: 20@0, 20 left"]);
    assert_eq!(
        pit.execute(1, 30),
        ["filled 2: 10@1000, 0 left"],
        "the real one is ahead of it now"
    );
    pit.add(2, SELL, 1001, 5);
    let expected = ["replaced 4: 20@0, 20 left", "filled 4: 5@1001, 15 left"];
    assert_eq!(pit.change(3, 4, 1001, 20), expected);
    assert_eq!(pit.change(3, 5, 1001, 20), ["too-late 5: 0@0, 0 left, venue_not_open"]);
    assert_eq!(pit.cancel(3), ["too-late 0: 0@0, 0 left, venue_not_open"]);
    assert_eq!(pit.cancel(4), ["canceled 4: 15@0, 0 left"]);
    assert_eq!(pit.cancel(4), ["too-late 0: 0@0, 0 left, venue_not_open"]);
}

/// Decided with nothing executed, 100 are to be open: what fills before the replace arrives counts against them.
#[test]
fn what_fills_while_a_replace_is_on_its_way_is_not_open_twice() {
    let mut pit = Pit::open();
    pit.send(1, BUY, 1000, 100, DAY);
    pit.add(1, BUY, 999, 500);
    pit.execute(1, 30);
    assert_eq!(pit.change(1, 2, 1000, 100), ["replaced 2: 70@0, 70 left"]);
    pit.execute(1, 20);
    assert_eq!(pit.change(2, 3, 1000, 130), ["replaced 3: 80@0, 80 left"], "all of the chain");
    pit.execute(1, 10);
    let expected = ["canceled 3: 70@0, 0 left", "too-late 4: 0@0, 0 left, venue_not_open"];
    assert_eq!(pit.change(3, 4, 1000, 60), expected, "60 have traded: nothing is to be open");
    assert_eq!(pit.execute(1, 10), NOTHING);
}

#[test]
fn what_cannot_be_kept_is_not_filled() {
    let mut pit = Pit::new(100, 4);
    for reference in 0..100 {
        pit.add(reference, SELL, 1000, 1);
    }
    assert_eq!(pit.send(1, BUY, 1000, 100, IOC)[1], "filled 1: 64@1000, 36 left");
    assert_eq!(pit.counts().untracked, 36);
}
