//! What is on the tape, byte for byte.

use super::*;
use crate::exchange::matching::{
    CancelReason, CrossSession, Display, Enter, Lasts, RejectReason, SelfMatch, Terms,
};

const CORE: Locate = Locate(1);
const NOW: Nanos = Nanos(5);

fn tape() -> Tape {
    let listing = |text: &str| Listing::new(text.parse().unwrap());
    Tape::new(TapeConfig {
        listings: vec![
            Listing { phase: Phase::Open, ..listing("CORE") },
            Listing { round_lot: 10, is_test: true, ..listing("ZVZZT") },
        ],
        attributions: vec![(Participant(9), *b"NINE"), (Participant(4), *b"FOUR")],
        market_makers: vec![*b"MAKE"],
        decline_levels: Some([3, 2, 1]),
    })
}

/// What `say` puts on the tape.
fn said(tape: &mut Tape, say: impl FnOnce(&mut Tape, &mut dyn FnMut(&[u8]))) -> Vec<Vec<u8>> {
    let mut got = Vec::new();
    say(tape, &mut |message| {
        parse(message).expect("a message of ITCH");
        got.push(message.to_vec());
    });
    got
}

fn on(tape: &mut Tape, event: Event) -> Vec<Vec<u8>> {
    said(tape, |tape, mut out| tape.on_event(&event, NOW, &mut out))
}

/// The one message of an event.
fn one(event: Event) -> Vec<u8> {
    let mut all = on(&mut tape(), event);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn none(event: Event) {
    assert_eq!(on(&mut tape(), event), [[0; 0]; 0]);
}

fn enter() -> Enter {
    let terms = Terms {
        limit: Some(Price4(1_000)),
        shares: 100,
        lasts: Lasts::Day,
        display: Display::Full,
        post_only: false,
        minimum: 0,
    };
    Enter {
        locate: CORE,
        participant: Participant(1),
        token: 77,
        side: Side::BUY,
        terms,
        session: CrossSession::Continuous,
        self_match: SelfMatch::Allow,
    }
}

/// An order to buy 100 at 0.1000, number 7, that shows.
fn resting() -> Resting {
    Resting {
        order: Reference(7),
        locate: CORE,
        participant: Participant(1),
        token: 77,
        side: Side::BUY,
        price: Price4(1_000),
        open: 100,
        display: Display::Full,
        displayed: Some(Reference(7)),
        shown: 100,
    }
}

fn hidden() -> Resting {
    Resting { display: Display::Hidden, displayed: None, shown: 0, ..resting() }
}

fn displayed(order: Resting) -> Event {
    let displayed = order.displayed.unwrap_or(order.order);
    Event::Displayed { order, displayed, shares: order.shown, refill: false }
}

fn replaced(kept_on_display: bool, old_displayed: Option<Reference>) -> Event {
    let (old, order) = (Reference(7), Reference(8));
    Event::Replaced { old, old_token: 77, old_displayed, order, enter: enter(), kept_on_display }
}

#[test]
fn an_order_that_shows_is_added() {
    let expected = b"A\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07B\0\0\0\x64CORE    \0\0\x03\xe8";
    assert_eq!(one(displayed(resting())), expected);
    let sells = Resting { side: Side::SELL, locate: Locate(2), ..resting() };
    let expected = b"A\0\x02\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07S\0\0\0\x64ZVZZT   \0\0\x03\xe8";
    assert_eq!(one(displayed(sells)), expected);
}

#[test]
fn an_attributed_order_says_whose_it_is() {
    for (participant, name) in [(4, *b"FOUR"), (9, *b"NINE")] {
        let order = Resting { participant: Participant(participant), ..resting() };
        let message = one(displayed(order));
        assert_eq!(
            message[..36],
            *b"F\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07B\0\0\0\x64CORE    \0\0\x03\xe8"
        );
        assert_eq!(message[36..], name);
    }
}

#[test]
fn the_next_part_of_a_reserve_is_added_under_its_new_number() {
    let order = Resting { display: Display::Reserve(30), shown: 30, ..resting() };
    let displayed = Reference(12);
    let expected = b"A\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x0cB\0\0\0\x1eCORE    \0\0\x03\xe8";
    assert_eq!(one(Event::Displayed { order, displayed, shares: 30, refill: true }), expected);
}

#[test]
fn an_execution_of_an_order_that_shows_is_an_e() {
    let resting = Resting { open: 60, shown: 60, ..resting() };
    let (incoming, price, match_number) = (hidden(), Price4(1_000), MatchNumber(3));
    let event = Event::Executed { resting, incoming, shares: 40, price, match_number };
    let expected = b"E\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07\0\0\0\x28\0\0\0\0\0\0\0\x03";
    assert_eq!(one(event), expected);
    // The last shares too: no delete follows.
    let resting = Resting { open: 0, shown: 0, ..resting };
    let event = Event::Executed { resting, incoming, shares: 40, price, match_number };
    assert_eq!(one(event), expected);
}

#[test]
fn an_execution_of_a_hidden_order_does_not_tell_side_or_number() {
    let resting = Resting { side: Side::SELL, ..hidden() };
    let (incoming, price, match_number) = (self::resting(), Price4(1_000), MatchNumber(3));
    let event = Event::Executed { resting, incoming, shares: 40, price, match_number };
    let expected = b"P\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0B\0\0\0\x28CORE    \0\0\x03\xe8\
        \0\0\0\0\0\0\0\x03";
    assert_eq!(one(event), expected);
}

#[test]
fn an_execution_in_a_cross_is_not_printable() {
    let (price, match_number) = (Price4(990), MatchNumber(4));
    let order = Resting { shown: 60, ..resting() };
    let expected =
        b"C\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07\0\0\0\x28\0\0\0\0\0\0\0\x04N\0\0\x03\xde";
    assert_eq!(one(Event::ExecutedInCross { order, shares: 40, price, match_number }), expected);
    none(Event::ExecutedInCross { order: hidden(), shares: 40, price, match_number });
}

#[test]
fn a_cross_is_printed_in_bulk() {
    let (price, match_number, shares) = (Price4(990), MatchNumber(4), 1 << 32);
    for (kind, byte) in
        [(CrossKind::Opening, b'O'), (CrossKind::Closing, b'C'), (CrossKind::Halt, b'H')]
    {
        let message = one(Event::Crossed { locate: CORE, kind, shares, price, match_number });
        let expected = b"Q\0\x01\0\0\0\0\0\0\0\x05\0\0\0\x01\0\0\0\0CORE    \0\0\x03\xde\
            \0\0\0\0\0\0\0\x04";
        assert_eq!((&message[..39], message[39]), (&expected[..], byte));
    }
}

#[test]
fn a_cancel_is_a_delete_if_nothing_shows_any_more() {
    let reason = CancelReason::Requested;
    let order = Resting { open: 60, shown: 60, ..resting() };
    let event = Event::Canceled { order, shares: 40, displayed_shares: 40, reason };
    assert_eq!(one(event), b"X\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07\0\0\0\x28");
    let order = Resting { open: 0, shown: 0, ..resting() };
    let event = Event::Canceled { order, shares: 60, displayed_shares: 60, reason };
    assert_eq!(one(event), b"D\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07");
    // A reserve order loses hidden shares; an order that never showed loses all.
    let order = Resting { open: 60, display: Display::Reserve(30), shown: 30, ..resting() };
    none(Event::Canceled { order, shares: 40, displayed_shares: 0, reason });
    none(Event::Canceled { order: hidden(), shares: 100, displayed_shares: 0, reason });
}

#[test]
fn a_replace_that_stays_on_display_is_one_u() {
    let mut tape = tape();
    assert!(on(&mut tape, replaced(true, Some(Reference(6)))).is_empty());
    let order = Resting { order: Reference(8), price: Price4(1_010), ..resting() };
    let event = Event::Displayed { order, displayed: Reference(8), shares: 90, refill: false };
    let expected =
        b"U\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\x08\0\0\0\x5a\0\0\x03\xf2";
    assert_eq!(on(&mut tape, event), [expected]);
    // Only once.
    assert_eq!(on(&mut tape, event)[0][0], b'A');
}

#[test]
fn what_is_said_of_others_between_the_halves_of_a_replace_is_said_at_once() {
    let mut tape = tape();
    assert!(on(&mut tape, replaced(true, Some(Reference(7)))).is_empty());
    let other =
        Resting { order: Reference(5), displayed: Some(Reference(5)), shown: 0, ..resting() };
    let reason = CancelReason::SelfMatch;
    let cancel = Event::Canceled { order: other, shares: 9, displayed_shares: 9, reason };
    assert_eq!(on(&mut tape, cancel)[0][0], b'D');
    let order = Resting { order: Reference(8), displayed: Some(Reference(8)), ..resting() };
    assert_eq!(on(&mut tape, displayed(order))[0][0], b'U');
}

#[test]
fn a_replace_that_does_not_stay_on_display_deletes_the_old_order() {
    let expected = b"D\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x06";
    let mut tape = tape();
    assert_eq!(on(&mut tape, replaced(false, Some(Reference(6)))), [expected]);
    // It traded first; what shows of it then is an order of its own.
    let order = Resting { order: Reference(8), displayed: Some(Reference(8)), ..resting() };
    assert_eq!(on(&mut tape, displayed(order))[0][0], b'A');
}

#[test]
fn a_replace_of_a_hidden_order_says_nothing_of_it() {
    for kept in [false, true] {
        let mut tape = tape();
        assert!(on(&mut tape, replaced(kept, None)).is_empty());
        let order = Resting { order: Reference(8), displayed: Some(Reference(8)), ..resting() };
        assert_eq!(on(&mut tape, displayed(order))[0][0], b'A');
    }
}

#[test]
fn a_phase_is_a_trading_state() {
    let set = |phase| Event::PhaseSet { locate: CORE, phase };
    let halted = b"H\0\x01\0\0\0\0\0\0\0\x05CORE    H T1  ";
    assert_eq!(one(set(Phase::Halted)), halted);
    assert_eq!(one(set(Phase::Quoting)), b"H\0\x01\0\0\0\0\0\0\0\x05CORE    Q     ");
    assert_eq!(one(set(Phase::Open)), b"H\0\x01\0\0\0\0\0\0\0\x05CORE    T     ");
    none(set(Phase::Closed));
    none(Event::PhaseSet { locate: Locate(3), phase: Phase::Open });
    none(Event::PhaseSet { locate: Locate(0), phase: Phase::Open });
}

#[test]
fn an_execution_taken_back_is_a_broken_trade() {
    let event = Event::Broken { match_number: MatchNumber(258), locate: CORE };
    assert_eq!(one(event), b"B\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\x01\x02");
}

#[test]
fn what_is_between_a_participant_and_the_exchange_is_not_on_the_tape() {
    none(Event::Accepted { order: Reference(7), enter: enter() });
    let (participant, reason) = (Participant(1), RejectReason::Price);
    none(Event::Rejected { participant, token: 77, reason });
    none(Event::NotLive { order: Reference(7) });
    let (resting, incoming) = (resting(), hidden());
    none(Event::SelfMatchPrevented { resting, incoming, shares: 1, price: Price4(1) });
}

#[test]
fn an_indication_is_what_would_trade() {
    let it = Indication {
        paired: 300,
        imbalance: 20,
        side: Some(Side::SELL),
        far: Price4(1_010),
        near: Price4(1_000),
        reference: Price4(950),
    };
    let got = |it, kind| {
        let say = |tape: &mut Tape, mut out: &mut dyn FnMut(&[u8])| {
            tape.indication(CORE, kind, &it, NOW, &mut out);
        };
        said(&mut tape(), say).remove(0)
    };
    let expected = b"I\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\x01\x2c\0\0\0\0\0\0\0\x14SCORE    \
        \0\0\x03\xf2\0\0\x03\xe8\0\0\x03\xb6O5";
    assert_eq!(got(it, CrossKind::Opening), expected);
    assert_eq!(got(it, CrossKind::Closing)[48], b'C');
    let direction = |it| got(it, CrossKind::Halt)[27];
    assert_eq!(direction(Indication { side: Some(Side::BUY), ..it }), b'B');
    assert_eq!(direction(Indication { side: None, imbalance: 0, ..it }), b'N');
    assert_eq!(direction(Indication::default()), b'O');
}

#[test]
fn how_far_the_near_price_is_has_a_letter() {
    let of = |near| variation(Price4(near), Price4(10_000));
    assert_eq!([of(10_000), of(10_099), of(9_901)], [b'L'; 3]);
    assert_eq!([of(10_100), of(9_001), of(10_999)], [b'1', b'9', b'9']);
    assert_eq!([of(11_000), of(8_001), of(12_000), of(13_000), of(1)], *b"AABCC");
    assert_eq!([of(0), variation(Price4(1), Price4(0))], [b' '; 2]);
    assert_eq!(variation(Price4::MAX, Price4(1)), b'C');
}

#[test]
fn a_day_begins_with_its_directory() {
    let mut tape = tape();
    let got = said(&mut tape, |tape, mut out| tape.start(NOW, &mut out));
    let expected: [&[u8]; 10] = [
        b"S\0\0\0\0\0\0\0\0\0\x05O",
        b"R\0\x01\0\0\0\0\0\0\0\x05CORE    QN\0\0\0\x64NCZ PNN1N\0\0\0\0N",
        b"H\0\x01\0\0\0\0\0\0\0\x05CORE    T     ",
        b"Y\0\x01\0\0\0\0\0\0\0\x05CORE    0",
        b"L\0\x01\0\0\0\0\0\0\0\x05MAKECORE    YNA",
        b"R\0\x02\0\0\0\0\0\0\0\x05ZVZZT   QN\0\0\0\x0aNCZ TNN1N\0\0\0\0N",
        b"H\0\x02\0\0\0\0\0\0\0\x05ZVZZT   Q     ",
        b"Y\0\x02\0\0\0\0\0\0\0\x05ZVZZT   0",
        b"L\0\x02\0\0\0\0\0\0\0\x05MAKEZVZZT   YNA",
        b"V\0\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01",
    ];
    assert_eq!(got, expected);
}

#[test]
fn times_never_fall() {
    let mut tape = tape();
    let mut times = Vec::new();
    for now in [5, 4, 9, 0] {
        let event = |tape: &mut Tape, out: &mut dyn FnMut(&[u8])| {
            tape.system_event(event::START_OF_SYSTEM_HOURS, Nanos(now), &mut |m| out(m));
        };
        times.push(frame_time(&said(&mut tape, event)[0]));
    }
    assert_eq!((times, tape.time()), (vec![5, 5, 9, 9], Nanos(9)));
    let status = MwcbStatus { breached_level: b'1', ..MwcbStatus::new(0, 12) };
    let got = said(&mut tape, |tape, mut out| tape.say(&status, &mut out));
    assert_eq!((got, tape.time()), (vec![b"W\0\0\0\0\0\0\0\0\0\x0c1".to_vec()], Nanos(12)));
}
