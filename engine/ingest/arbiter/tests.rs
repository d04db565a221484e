use super::*;
use crate::wire::mold::{Builder, end_of_session, heartbeat};
use proptest::prelude::*;

const SESSION: Session = Session(*b"today     ");
const OTHER: Session = Session(*b"another   ");

/// The message of a sequence: its number, and now and then no bytes at all.
fn message(sequence: u64) -> Vec<u8> {
    if sequence.is_multiple_of(7) { Vec::new() } else { sequence.to_be_bytes().to_vec() }
}

/// A packet of the messages `first..next`.
fn packet(session: Session, first: u64, next: u64) -> Vec<u8> {
    let mut builder = Builder::new([0; 1_400], session, first);
    (first..next).for_each(|sequence| assert!(builder.push(&message(sequence))));
    builder.bytes().to_vec()
}

/// An arbiter, and the sequences that it delivered.
struct Line {
    arbiter: Arbiter,
    delivered: Vec<u64>,
}

impl Line {
    fn new(packets: usize) -> Self {
        Self { arbiter: Arbiter::new(packets, 1_400), delivered: Vec::new() }
    }

    fn deliver(delivered: &mut Vec<u64>, packet: &Packet<'_>, skip: usize) {
        let behind = packet.messages().zip(packet.sequence..).skip(skip);
        for (bytes, sequence) in behind {
            assert_eq!(bytes, message(sequence), "each message has its own bytes");
            delivered.push(sequence);
        }
    }

    fn release(&mut self) {
        while let Some(Due { packet, skip }) = self.arbiter.release() {
            Self::deliver(&mut self.delivered, &packet, skip);
        }
    }

    fn give_up(&mut self) -> Option<Gap> {
        let gap = self.arbiter.give_up();
        self.release();
        gap
    }

    fn offer(&mut self, bytes: &[u8]) -> Offer {
        let packet = Packet::parse(bytes).unwrap();
        let offer = self.arbiter.offer(&packet);
        if let Offer::Due { skip } = offer {
            Self::deliver(&mut self.delivered, &packet, skip);
            self.release();
        }
        offer
    }

    fn data(&mut self, first: u64, next: u64) -> Offer {
        self.offer(&packet(SESSION, first, next))
    }

    fn counts(&self) -> &ArbiterCounts {
        self.arbiter.counts()
    }
}

fn gap(first: u64, count: u64) -> Option<Gap> {
    Some(Gap { first, count })
}

#[test]
fn packets_in_order_pass_and_copies_do_not() {
    let mut line = Line::new(4);
    for first in [1, 4, 7] {
        assert_eq!(line.data(first, first + 3), Offer::Due { skip: 0 });
        assert_eq!(line.data(first, first + 3), Offer::Known);
    }
    assert_eq!(line.delivered, (1..10).collect::<Vec<_>>());
    assert_eq!((line.arbiter.next(), line.arbiter.missing()), (10, None));
    assert_eq!((line.counts().packets, line.counts().known), (6, 3));
}

#[test]
fn of_a_packet_that_overlaps_the_head_is_skipped() {
    let mut line = Line::new(4);
    line.data(1, 6);
    assert_eq!(line.data(4, 9), Offer::Due { skip: 2 });
    assert_eq!(line.data(2, 9), Offer::Known);
    // Also of those that waited.
    assert_eq!(line.data(10, 14), Offer::Held);
    assert_eq!(line.data(12, 16), Offer::Held);
    assert_eq!(line.data(8, 12), Offer::Due { skip: 1 });
    assert_eq!(line.delivered, (1..16).collect::<Vec<_>>());
    assert_eq!(line.counts().overlapping, 4);
}

#[test]
fn a_packet_too_early_waits_for_those_before_it() {
    let mut line = Line::new(4);
    assert_eq!(line.data(7, 9), Offer::Held);
    assert_eq!(line.data(3, 5), Offer::Held);
    assert_eq!(line.data(7, 9), Offer::Known);
    assert_eq!(line.data(7, 8), Offer::Known);
    assert_eq!((line.arbiter.waiting(), line.arbiter.missing()), (2, gap(1, 2)));
    assert_eq!(line.data(1, 3), Offer::Due { skip: 0 });
    assert_eq!((line.delivered.len(), line.arbiter.missing()), (4, gap(5, 2)));
    assert_eq!(line.data(5, 7), Offer::Due { skip: 0 });
    assert_eq!(line.delivered, (1..9).collect::<Vec<_>>());
    assert_eq!((line.arbiter.waiting(), line.arbiter.missing()), (0, None));
}

#[test]
fn a_gap_that_is_given_up_is_counted_with_its_first_sequence() {
    let mut line = Line::new(2);
    line.data(1, 4);
    line.data(6, 8);
    assert!(!line.arbiter.full());
    line.data(10, 11);
    assert!(line.arbiter.full());
    assert_eq!(line.data(12, 13), Offer::Dropped);
    assert_eq!(line.give_up(), gap(4, 2));
    assert_eq!(line.delivered, [1, 2, 3, 6, 7]);
    assert!(!line.arbiter.full());
    assert_eq!(line.data(4, 6), Offer::Known, "what comes later than that is too late");
    assert_eq!(line.give_up(), gap(8, 2));
    assert_eq!(line.give_up(), gap(11, 2), "the packet that was dropped said that it exists");
    assert_eq!(line.give_up(), None);
    assert_eq!(line.data(13, 14), Offer::Due { skip: 0 });
    let counts = line.counts();
    assert_eq!((counts.gaps, counts.lost, counts.dropped), (3, 6, 1));
    assert_eq!(counts.first_gap, Some((SESSION, Gap { first: 4, count: 2 })));
}

#[test]
fn what_is_due_is_released_before_anything_is_given_up() {
    let mut arbiter = Arbiter::new(4, 1_400);
    let offer = |arbiter: &mut Arbiter, first, next| {
        arbiter.offer(&Packet::parse(&packet(SESSION, first, next)).unwrap())
    };
    offer(&mut arbiter, 3, 5);
    offer(&mut arbiter, 6, 8);
    offer(&mut arbiter, 1, 3);
    assert_eq!((arbiter.missing(), arbiter.give_up()), (gap(5, 1), None));
    assert_eq!(arbiter.release().unwrap().packet.sequence, 3);
    assert!(arbiter.release().is_none());
    assert_eq!(arbiter.give_up(), gap(5, 1));
    assert_eq!(arbiter.release().unwrap().packet.sequence, 6);
}

#[test]
fn heartbeats_and_the_end_tell_of_messages_that_did_not_come() {
    let mut line = Line::new(2);
    assert_eq!(line.offer(&heartbeat(SESSION, 1)), Offer::Heard);
    assert_eq!(line.arbiter.missing(), None);
    line.data(1, 4);
    line.offer(&heartbeat(SESSION, 6));
    assert_eq!(line.arbiter.missing(), gap(4, 2));
    assert!(!line.arbiter.ended());
    line.offer(&end_of_session(SESSION, 7));
    line.offer(&end_of_session(SESSION, 7));
    assert!(line.arbiter.ended());
    assert_eq!(line.arbiter.missing(), gap(4, 3));
    assert_eq!(line.data(4, 6), Offer::Due { skip: 0 }, "what is asked for again still comes");
    assert_eq!(line.give_up(), gap(6, 1));
    assert_eq!((line.counts().heartbeats, line.counts().ends), (2, 2));
}

#[test]
fn whoever_joins_late_misses_the_beginning() {
    let mut line = Line::new(8);
    assert_eq!(line.data(1_000, 1_003), Offer::Held);
    assert_eq!(line.data(997, 1_001), Offer::Held, "the first packet need not be the first sent");
    assert_eq!(line.give_up(), gap(1, 996));
    assert_eq!(line.delivered, (997..1_003).collect::<Vec<_>>());
}

#[test]
fn another_session_begins_when_the_owner_says_so_and_the_one_before_does_not_come_back() {
    let mut line = Line::new(2);
    line.data(1, 4);
    line.data(6, 7);
    line.offer(&end_of_session(SESSION, 7));
    let next = packet(OTHER, 1, 3);
    assert_eq!(line.offer(&next), Offer::Foreign);
    assert_eq!(line.arbiter.session(), Some(SESSION));
    line.arbiter.reset();
    assert_eq!(line.data(4, 6), Offer::Left, "the other line is still at the end of it");
    assert_eq!(line.offer(&next), Offer::Due { skip: 0 });
    assert_eq!(line.arbiter.session(), Some(OTHER));
    assert_eq!((line.arbiter.next(), line.arbiter.waiting(), line.arbiter.ended()), (3, 0, false));
    assert_eq!(line.data(4, 6), Offer::Left);
    assert_eq!(line.counts().sessions, 2);
    // All slots are there again.
    assert_eq!(line.offer(&packet(OTHER, 5, 6)), Offer::Held);
    assert_eq!(line.offer(&packet(OTHER, 8, 9)), Offer::Held);
}

#[test]
fn a_packet_longer_than_a_slot_cannot_wait() {
    let mut arbiter = Arbiter::new(0, 30);
    let late = packet(SESSION, 5, 9);
    assert_eq!(arbiter.offer(&Packet::parse(&late).unwrap()), Offer::Dropped);
    assert_eq!(arbiter.missing(), gap(1, 8));
    let short = packet(SESSION, 7, 8);
    assert_eq!(arbiter.offer(&Packet::parse(&short).unwrap()), Offer::Held, "one slot at least");
}

#[test]
fn sequences_at_the_end_of_64_bits_are_sequences() {
    let mut line = Line::new(2);
    line.data(u64::MAX - 3, u64::MAX);
    assert_eq!(line.give_up(), gap(1, u64::MAX - 4));
    assert_eq!(line.delivered, [u64::MAX - 3, u64::MAX - 2, u64::MAX - 1]);
    line.offer(&end_of_session(SESSION, u64::MAX));
    assert_eq!(line.give_up(), None);
}

/// What one line makes of `1..end`: packets cut its own way, some lost, some twice, some late by a few places.
fn sent(end: u64) -> impl Strategy<Value = Vec<(u64, u64)>> {
    let packet = (1..12_u64, 0..10_u8, 0..10_u8, 0..8_usize);
    prop::collection::vec(packet, end as usize).prop_map(move |draws| {
        let (mut first, mut packets) = (1, Vec::new());
        for (position, (length, lost, twice, late)) in draws.into_iter().enumerate() {
            if first == end {
                break;
            }
            let next = (first + length).min(end);
            // One in ten is lost, one in ten comes twice, half are in their place.
            let copies = if lost == 0 { 0 } else { 1 + usize::from(twice == 0) };
            let late = late.saturating_sub(4);
            (0..copies).for_each(|copy| packets.push((position + late + copy, first, next)));
            first = next;
        }
        packets.sort_by_key(|(position, ..)| *position);
        packets.into_iter().map(|(_, first, next)| (first, next)).collect()
    })
}

proptest! {
    #[test]
    fn two_lines_give_each_message_that_either_brought_once_and_in_order(
        a in sent(300),
        b in sent(300),
        turns in prop::collection::vec(any::<bool>(), 700),
        slots in prop::sample::select(vec![1, 2, 5, 1_000]),
    ) {
        let mut line = Line::new(slots);
        let (mut a, mut b) = (a.into_iter(), b.into_iter());
        let mut came = [false; 300];
        let mut lost = Vec::new();
        for turn in turns.into_iter().chain([true; 700]).chain([false; 700]) {
            let Some((first, next)) = (if turn { a.next() } else { b.next() }) else { continue };
            (first..next).for_each(|sequence| came[sequence as usize] = true);
            let before = (line.arbiter.next(), line.delivered.len());
            match line.data(first, next) {
                Offer::Due { .. } => prop_assert!(first <= before.0 && next > before.0),
                Offer::Known => prop_assert_eq!(before.1, line.delivered.len()),
                Offer::Held => prop_assert!(first > before.0),
                offer => panic!("{offer:?}"),
            }
            while line.arbiter.full() {
                lost.push(line.give_up().unwrap());
            }
        }
        prop_assert!(a.next().is_none() && b.next().is_none());
        line.offer(&end_of_session(SESSION, 300));
        while let Some(gap) = line.give_up() {
            lost.push(gap);
        }
        prop_assert_eq!((line.arbiter.next(), line.arbiter.waiting()), (300, 0));
        // Everything up to the end was delivered once or is lost, and both rise.
        let gaps = lost.iter().flat_map(|gap| gap.first..gap.first + gap.count);
        let mut all: Vec<u64> = line.delivered.iter().copied().chain(gaps).collect();
        prop_assert!(line.delivered.is_sorted() && lost.is_sorted_by_key(|gap| gap.first));
        all.sort_unstable();
        prop_assert_eq!(all, (1..300).collect::<Vec<_>>());
        prop_assert_eq!(line.counts().lost, lost.iter().map(|gap| gap.count).sum::<u64>());
        prop_assert_eq!(line.counts().gaps, lost.len() as u64);
        // With room enough, what is lost is what neither line brought.
        if slots == 1_000 {
            let expected = (1..300).filter(|&sequence| came[sequence as usize]);
            prop_assert!(line.delivered.iter().copied().eq(expected));
        }
    }
}

#[test]
fn while_everything_waits_nothing_is_due_and_then_it_goes_on_anywhere() {
    let mut line = Line::new(8);
    line.data(1, 4);
    assert_eq!(line.data(6, 9), Offer::Held);
    assert_eq!(line.data(12, 15), Offer::Held);
    line.arbiter.hold_from(10);
    assert_eq!(line.arbiter.waiting(), 1, "what is below is not needed");
    assert_eq!(line.data(4, 10), Offer::Known);
    // Not even what would be next.
    assert_eq!(line.data(10, 12), Offer::Held);
    assert_eq!(line.data(16, 18), Offer::Held);
    line.release();
    assert_eq!(line.delivered, [1, 2, 3]);
    line.arbiter.resume_at(13);
    line.release();
    assert_eq!(line.delivered, [1, 2, 3, 13, 14], "what lies before is known");
    assert_eq!((line.arbiter.missing(), line.arbiter.next()), (gap(15, 1), 15));
    line.arbiter.drop_held();
    assert_eq!((line.arbiter.missing(), line.arbiter.behind()), (None, false));
    assert_eq!((line.data(15, 19), line.arbiter.next()), (Offer::Due { skip: 0 }, 19));
}

#[test]
fn what_is_missing_can_be_looked_for_from_anywhere() {
    let mut line = Line::new(8);
    line.data(1, 3);
    line.data(5, 7);
    line.data(9, 12);
    line.offer(&heartbeat(SESSION, 15));
    let from = |at| line.arbiter.missing_from(at);
    assert_eq!([from(3), from(4)], [gap(3, 2), gap(4, 1)]);
    assert_eq!([from(5), from(6), from(7), from(8)], [gap(7, 2), gap(7, 2), gap(7, 2), gap(8, 1)]);
    assert_eq!(
        [from(9), from(11), from(12), from(14)],
        [gap(12, 3), gap(12, 3), gap(12, 3), gap(14, 1)]
    );
    assert_eq!([from(15), from(20)], [None, None]);
}

#[test]
fn a_session_that_was_restarted_is_taken_anew_under_its_own_name() {
    let mut line = Line::new(4);
    line.data(1, 6);
    line.arbiter.restart();
    assert_eq!(line.data(1, 3), Offer::Due { skip: 0 });
    assert_eq!((line.arbiter.next(), line.counts().sessions), (3, 2));
}
