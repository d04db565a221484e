//! Promises across the parts: the same messages in store, on the lines and from re-requests; a late-comer who is right.

use super::*;
use crate::base::unit::{Nanos, Side};
use crate::exchange::matching::{CancelReason, Display, Event, Phase, Resting};
use crate::exchange::unit::{Locate, MatchNumber, Participant, Price4, Reference};
use crate::wire::itch::code::event;
use crate::wire::mold::{Kind, Packet, Request};

const SESSION: Session = Session(*b"CORETICK01");

pub(super) fn feed() -> Feed {
    let listing = |text: &str| Listing::new(text.parse().unwrap());
    let tape = TapeConfig {
        listings: vec![listing("CORE"), listing("TICK")],
        attributions: vec![(Participant(2), *b"FIRM")],
        market_makers: vec![],
        decline_levels: Some([3, 2, 1]),
    };
    let publication = PublisherConfig::new(SESSION);
    let publication =
        PublisherConfig { cuts: [Cut::default(), Cut { mtu: 300, messages: 3 }], ..publication };
    let store = StoreLimits { chunk_bytes: 0, chunks: 2 };
    Feed::new(FeedConfig { tape, publication, store }, Nanos(0)).unwrap()
}

fn order(number: u64, participant: u32) -> Resting {
    Resting {
        order: Reference(number),
        locate: Locate(2),
        participant: Participant(participant),
        token: 0,
        side: Side::BUY,
        price: Price4(1_000),
        open: 100,
        display: Display::Full,
        displayed: Some(Reference(number)),
        shown: 100,
    }
}

fn displayed(order: Resting) -> Event {
    Event::Displayed { order, displayed: order.order, shares: order.shown, refill: false }
}

fn events() -> Vec<Event> {
    let reason = CancelReason::Requested;
    let gone = Resting { open: 0, shown: 0, ..order(3, 1) };
    let left = Resting { open: 60, shown: 60, ..order(1, 1) };
    vec![
        Event::PhaseSet { locate: Locate(2), phase: Phase::Open },
        displayed(order(1, 1)),
        displayed(order(2, 2)),
        displayed(order(3, 1)),
        Event::Executed {
            resting: left,
            incoming: order(4, 2),
            shares: 40,
            price: Price4(1_000),
            match_number: MatchNumber(1),
        },
        Event::Canceled { order: gone, shares: 100, displayed_shares: 100, reason },
        Event::PhaseSet { locate: Locate(1), phase: Phase::Halted },
    ]
}

/// A feed that has said all of it, and the packets of its lines.
fn told() -> (Feed, [Vec<Vec<u8>>; 2]) {
    let (mut feed, mut sent) = (feed(), [vec![], vec![]]);
    let mut out = |line: Line, bytes: &[u8]| sent[line as usize].push(bytes.to_vec());
    feed.start(Nanos(1), &mut out);
    feed.system_event(event::START_OF_MARKET_HOURS, Nanos(2), &mut out);
    feed.flush(Nanos(2), &mut out);
    for (at, event) in events().iter().enumerate() {
        feed.on_event(event, Nanos(3 + at as u64), &mut out);
    }
    feed.flush(Nanos(99), &mut out);
    (feed, sent)
}

#[test]
fn lines_store_and_rerequests_say_the_same() {
    let (mut feed, sent) = told();
    let stored: Vec<_> = feed.store().range(1, u64::MAX).map(<[u8]>::to_vec).collect();
    // S, twice R H Y, V, S, and a message of each event.
    assert_eq!(stored.len(), 1 + 2 * 3 + 1 + 1 + 7);
    assert_eq!((feed.store().next(), feed.publisher().next()), (17, 17));
    for packets in &sent {
        let messages = packets.iter().flat_map(|bytes| Packet::parse(bytes).unwrap().messages());
        assert_eq!(messages.collect::<Vec<_>>(), stored);
    }
    assert!(sent[1].len() > sent[0].len());
    let mut again = Vec::new();
    while again.len() < stored.len() {
        let request = Request { session: SESSION, sequence: again.len() as u64 + 1, count: 5 };
        let packet = Packet::parse(feed.rerequest(&request.to_bytes()).unwrap()).unwrap();
        again.extend(packet.messages().map(<[u8]>::to_vec));
    }
    assert_eq!(again, stored);
    assert_eq!(feed.rerequest_counts().answered, 4);
}

#[test]
fn the_end_is_the_last_message_and_the_word_that_it_is_over() {
    let (mut feed, mut last) = (told().0, Vec::new());
    feed.end(Nanos(100), &mut |line, bytes| {
        if line == Line::A {
            last.push(bytes.to_vec());
        }
    });
    let packets: Vec<_> = last.iter().map(|bytes| Packet::parse(bytes).unwrap()).collect();
    assert_eq!(packets[0].messages().last().unwrap()[11], event::END_OF_MESSAGES);
    assert_eq!((packets[1].kind, packets[1].sequence), (Kind::EndOfSession, 18));
    assert_eq!(feed.next_due(), Some(Nanos(1_000_000_100)));
}

#[test]
fn a_snapshot_is_the_state_before_its_sequence() {
    let (feed, _) = told();
    let first = Resting { open: 60, shown: 60, ..order(1, 1) };
    let hidden = Resting { displayed: None, shown: 0, ..order(5, 1) };
    let snapshot = feed.snapshot([first, order(2, 2), hidden]);
    let (mut cursor, mut got) = (Cursor::default(), Vec::new());
    while let Some(message) = snapshot.read(&mut cursor) {
        got.push(message.to_vec());
    }
    let expected: [&[u8]; 11] = [
        b"R\0\x01\0\0\0\0\0\0\0\x09CORE    QN\0\0\0\x64NCZ PNN1N\0\0\0\0N",
        b"H\0\x01\0\0\0\0\0\0\0\x09CORE    H T1  ",
        b"Y\0\x01\0\0\0\0\0\0\0\x09CORE    0",
        b"R\0\x02\0\0\0\0\0\0\0\x09TICK    QN\0\0\0\x64NCZ PNN1N\0\0\0\0N",
        b"H\0\x02\0\0\0\0\0\0\0\x09TICK    T     ",
        b"Y\0\x02\0\0\0\0\0\0\0\x09TICK    0",
        b"V\0\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01",
        b"S\0\0\0\0\0\0\0\0\0\x09Q",
        b"A\0\x02\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x01B\0\0\0\x3cTICK    \0\0\x03\xe8",
        b"F\0\x02\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x02B\0\0\0\x64TICK    \0\0\x03\xe8FIRM",
        b"G00000000000000000017",
    ];
    assert_eq!(got, expected);
    assert_eq!((snapshot.next(), snapshot.messages()), (17, 11));
    assert_eq!(snapshot.read(&mut cursor), None);
}

#[test]
fn the_end_of_a_snapshot_has_twenty_digits() {
    assert_eq!(snapshot_end(0), *b"G00000000000000000000");
    assert_eq!(snapshot_end(u64::MAX), *b"G18446744073709551615");
}
