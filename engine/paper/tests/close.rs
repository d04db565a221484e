//! The end of market hours: what rests expires, in pieces, and nothing is promised that it would belie.

use super::{BUY, DAY, IOC, NOTHING, Pit, SELL, new, told};
use crate::base::message::{Intent, Key, Kind, Market, Rank, Report, Source};
use crate::base::stage::{Sink, Stage};
use crate::base::testing::{Recorder, market};
use crate::base::unit::*;
use crate::book::{Books, Change, Host, Limits};
use crate::paper::{Latency, Paper, Rules};

#[test]
fn at_the_close_every_order_that_rests_expires_once_as_far_as_there_is_room() {
    let mut pit = Pit::open();
    pit.session(b'M');
    assert_eq!(pit.venue.closing(), Nanos::MAX, "nothing rests");
    pit.session(b'Q');
    for (id, side, price) in [(1, BUY, 1000), (2, SELL, 1010), (3, BUY, 1001)] {
        pit.send(id, side, price, 50, DAY);
    }
    pit.add(1, BUY, 999, 100);
    assert_eq!(pit.execute(1, 20), ["filled 3: 20@1001, 30 left"]);
    pit.change(1, 4, 1000, 60);
    pit.session(b'M');
    assert_eq!(pit.venue.closing(), Nanos(pit.time));
    assert!(pit.expire(0).is_empty());
    let mut said = pit.expire(2);
    assert_eq!((said.len(), pit.venue.closing()), (2, Nanos(pit.time)));
    said.extend(pit.expire(2));
    assert_eq!(pit.venue.closing(), Nanos::MAX);
    assert!(said.iter().all(|event| event.head.instrument == InstrumentId(0)));
    let mut said = told(&said);
    said.sort();
    let expected = [
        "canceled 2: 50@0, 0 left, venue_expired",
        "canceled 3: 30@0, 0 left, venue_expired",
        "canceled 4: 60@0, 0 left, venue_expired",
    ];
    assert_eq!(said, expected);
    for code in [b'E', b'C'] {
        pit.session(code);
        assert_eq!(pit.venue.closing(), Nanos::MAX, "once");
    }
}

#[test]
fn after_the_close_nothing_is_taken() {
    let mut pit = Pit::open();
    pit.send(1, BUY, 1000, 50, DAY);
    pit.session(b'M');
    pit.expire(9);
    assert_eq!(pit.send(2, BUY, 1000, 10, DAY), ["rejected 2: 0@0, 0 left, venue_halted"]);
    assert_eq!(pit.send(3, BUY, 1000, 10, IOC), ["rejected 3: 0@0, 0 left, venue_halted"]);
    assert_eq!(pit.change(1, 4, 1001, 10), ["too-late 4: 0@0, 0 left, venue_not_open"]);
    assert_eq!(pit.cancel(1), ["too-late 0: 0@0, 0 left, venue_not_open"]);
    pit.add(1, BUY, 999, 100);
    assert_eq!(pit.execute(1, 10), NOTHING);
}

/// Books on which nobody acts.
struct Quiet(Books);

impl Host for Quiet {
    fn burst(&self) -> usize {
        1
    }

    fn shard(&self) -> ShardId {
        ShardId(3)
    }

    fn books(&self) -> &Books {
        &self.0
    }

    fn apply(&mut self, message: &Market, change: &mut Change) {
        self.0.apply_into(message, change);
    }

    fn hint(&self, _: &Market, _: u8) {}

    fn react(&mut self, _: &Market, _: &Change, _: &mut impl Sink<Intent>) -> u32 {
        0
    }

    fn on_report(&mut self, _: &Report) {}
}

#[test]
fn while_orders_expire_nothing_later_is_promised_and_the_rest_is_owed() {
    let limits = Limits { orders: 16, levels: 16, instruments: 1 };
    let rules = Rules { sweep_levels: 1, resting_max: 4, orders_max: 8, instruments: 1 };
    let latency = Latency { out: Nanos(5), back: Nanos(7) };
    let mut paper = Paper::new(Quiet(Books::new(&limits)), rules, latency);
    let (mut out, mut back) = (Recorder::roomy(), Recorder::<Report>::roomy());
    let session = |time, code| Market { code, ..market(time, Kind::SESSION, InstrumentId::NONE.0) };
    paper.on(&session(1, b'Q'), &mut out, &mut back);
    for id in 1..=3 {
        let mut order = new(id, BUY, 1000, 10, DAY);
        order.head.time = Nanos(2);
        paper.on(&order, &mut out, &mut back);
    }
    back.drain().iter().for_each(|event| paper.arrived(event));
    assert_eq!((paper.busy(), paper.waits_for()), (false, Nanos::MAX));

    paper.on(&session(9, b'M'), &mut out, &mut back);
    let mut events = 3;
    for room in [0, 2] {
        back.room = room;
        paper.resume(&mut out, &mut back);
        let said = back.drain();
        assert_eq!(said.len(), room);
        events += room as u64;
        said.iter().for_each(|event| paper.arrived(event));
        assert_eq!((paper.busy(), paper.waits_for()), (true, Nanos(9 + 7)), "more is owed");
        let next = Key::new(Nanos(9 + 7), Rank::Report, Source::VENUE.0 + 3, events + 1);
        assert_eq!(paper.promise_back(Key::MAX, Key::MAX), next, "the very next event");
    }
    back.room = 2;
    paper.resume(&mut out, &mut back);
    assert_eq!((paper.busy(), paper.waits_for()), (false, Nanos(9 + 7)), "said, not back yet");
    assert_eq!(paper.promise_back(Key::MAX, Key::MAX), Key::MAX);
    back.drain().iter().for_each(|event| paper.arrived(event));
    assert_eq!(paper.waits_for(), Nanos::MAX);
}
