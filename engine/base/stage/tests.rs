//! Fans and taps.

use super::*;
use crate::base::message::{Kind, Market};
use crate::base::testing::{Recorder, market};

struct ByInstrument;

impl Picker<Market> for ByInstrument {
    fn pick(&self, message: &Market, count: usize) -> Pick {
        match message.head.kind {
            Kind::TICK => Pick::All,
            _ => Pick::One(message.head.instrument.index() % count),
        }
    }
}

fn fan(count: usize) -> Fan<Recorder<Market>, ByInstrument> {
    Fan::new((0..count).map(|_| Recorder::with_room(4)).collect(), ByInstrument)
}

#[test]
fn a_fan_gives_each_message_to_one_or_to_all() {
    let mut fan = fan(3);
    let (tick, add) = (market(1, Kind::TICK, 1), |at| market(2, Kind::ADD, at));
    [add(1), tick, add(2), add(4)].iter().for_each(|message| fan.put(message));
    let got: Vec<_> = fan.into_sinks().into_iter().map(|sink| sink.put).collect();
    assert_eq!(got, [vec![tick], vec![add(1), tick, add(4)], vec![tick, add(2)]]);
}

#[test]
fn a_fan_has_room_for_what_everyone_has_room_for_and_promises_to_all() {
    let mut fan = fan(3);
    fan.put(&market(1, Kind::ADD, 1));
    assert_eq!(fan.room(), 3, "who knows whose the next is");
    let key = Key::least_report(Nanos(9));
    assert!(fan.until(key) && fan.flush());
    assert!(fan.into_sinks().iter().all(|sink| sink.promise == key));
}

/// Never ready, never flushed; counts how often it was asked.
#[derive(Default)]
struct Slow(usize);

impl Outlet for Slow {
    fn room(&mut self) -> usize {
        1
    }

    fn busy(&self) -> bool {
        true
    }

    fn until(&mut self, _key: Key) -> bool {
        self.0 += 1;
        false
    }

    fn flush(&mut self) -> bool {
        self.0 += 1;
        false
    }
}

#[test]
fn one_that_is_not_ready_keeps_nobody_from_hearing() {
    let mut fan = Fan::new(vec![Slow::default(), Slow::default()], ByInstrument);
    assert!(!fan.until(Key::MAX) && !fan.flush() && fan.busy());
    assert!(fan.into_sinks().iter().all(|sink| sink.0 == 2));
    let mut tap = Tap::<_, _, Market>::new(Slow::default(), Slow::default(), |_| Wanted::Both);
    assert!(!tap.until(Key::MAX) && !tap.flush() && tap.busy());
    assert_eq!((tap.main.0, tap.side.0), (2, 2));
}

#[test]
fn a_tap_copies_what_is_wanted_where_it_is_wanted() {
    let wanted = |message: &Market| match message.head.kind {
        Kind::TICK => Wanted::Side,
        Kind::ADD => Wanted::Main,
        _ => Wanted::Both,
    };
    let mut tap = Tap::new(Recorder::with_room(8), Recorder::with_room(5), wanted);
    assert_eq!(tap.room(), 5, "of both");
    let sent = [Kind::ADD, Kind::TICK, Kind::DELETE].map(|kind| market(1, kind, 0));
    sent.iter().for_each(|message| tap.put(message));
    assert_eq!((tap.main.drain(), tap.side.drain()), (vec![sent[0], sent[2]], sent[1..].to_vec()));
    (tap.main.reserve, tap.main.room) = (2, 4);
    assert_eq!((tap.room(), tap.room_for_cancels()), (2, 3));
}
