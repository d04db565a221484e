use super::*;
use crate::ingest::transport::file::ItchFile;
use crate::wire::mold::{Builder, Session, end_of_session, heartbeat};
use crate::wire::udp::Route;
use std::io::Cursor;

const TODAY: Session = Session(*b"today     ");
const NEXT: Session = Session(*b"next      ");
const A: Route =
    Route { mac: [2, 0, 0, 0, 0, 1], from: [10, 0, 0, 1], group: [239, 0, 0, 1], port: 1_001 };
const B: Route =
    Route { mac: [2, 0, 0, 0, 0, 2], from: [10, 0, 0, 2], group: [239, 0, 0, 2], port: 1_002 };

/// A capture that is being made.
struct Made(Vec<u8>);

impl Made {
    fn new() -> Self {
        Self(b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0".to_vec())
    }

    fn packet(mut self, packet: &[u8]) -> Self {
        let length = (packet.len() as u32).to_le_bytes();
        self.0.extend([&[0; 8][..], &length, &length, packet].concat());
        self
    }

    fn payload(self, route: Route, payload: &[u8]) -> Self {
        let mut packet = Vec::new();
        route.write(1, payload, &mut packet);
        self.packet(&packet)
    }

    /// A packet of the messages `first..next`.
    fn data(self, route: Route, session: Session, first: u64, next: u64) -> Self {
        let mut builder = Builder::new([0; 1_400], session, first);
        (first..next).for_each(|sequence| assert!(builder.push(&message(sequence))));
        self.payload(route, builder.bytes())
    }

    fn read(self) -> Capture {
        Capture::new(Box::new(Cursor::new(self.0)))
    }
}

fn message(sequence: u64) -> Vec<u8> {
    if sequence == 13 { Vec::new() } else { format!("message {sequence}").into() }
}

/// The frames that bring these sequences.
fn frames(sequences: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut out = Vec::new();
    for sequence in sequences {
        frame::write(&message(sequence), &mut out);
    }
    out
}

/// All of its bytes, taken a few at a time.
fn drain(capture: &mut Capture) -> Vec<u8> {
    let (mut all, mut some) = (Vec::new(), [0; 7]);
    loop {
        match capture.read(&mut some).unwrap() {
            0 => return all,
            count => all.extend_from_slice(&some[..count]),
        }
    }
}

#[test]
fn two_lines_are_one_stream_of_frames() {
    let made = Made::new()
        .data(A, TODAY, 1, 4)
        .data(B, TODAY, 1, 3)
        .data(B, TODAY, 5, 8)
        .data(B, TODAY, 3, 6)
        .data(A, TODAY, 4, 9)
        .payload(A, &heartbeat(TODAY, 9))
        .payload(A, &end_of_session(TODAY, 9));
    let mut capture = made.read();
    assert_eq!(drain(&mut capture), frames(1..9));
    assert_eq!(capture.fault(), None);
    let counts = capture.counts();
    assert_eq!((counts.packets, counts.lines.packets), (7, 5));
    assert_eq!((counts.lines.known, counts.lines.held, counts.lines.overlapping), (1, 1, 3));
    assert_eq!((counts.lines.heartbeats, counts.lines.ends, counts.lines.gaps), (1, 1, 0));
    assert!(Reason::ALL.iter().all(|(reason, _)| counts.not_taken(*reason).count == 0));
}

#[test]
fn a_gap_holds_nothing_up_for_ever_and_is_counted() {
    // As many packets wait as there are slots; with one more, the wait is over.
    let mut made = Made::new().data(A, TODAY, 1, 3);
    for first in 5..5 + SLOTS as u64 {
        made = made.data(A, TODAY, first, first + 1);
    }
    let mut capture = made.data(A, TODAY, 3, 5).read();
    let first = 5 + SLOTS as u64;
    let expected: Vec<u64> = (1..3).chain(5..first).filter(|sequence| *sequence != 13).collect();
    assert_eq!(drain(&mut capture), frames(expected));
    let counts = capture.counts();
    assert_eq!((counts.lines.gaps, counts.lines.lost, counts.lines.known), (1, 2, 1));
    let (session, gap) = counts.lines.first_gap.unwrap();
    assert_eq!((session, gap.first, gap.count), (TODAY, 3, 2));
    assert_eq!(counts.empty_messages, 1);

    // At the end there is nothing to wait for.
    let mut capture = Made::new().data(A, TODAY, 1, 3).data(A, TODAY, 4, 6).read();
    assert_eq!(drain(&mut capture), frames([1, 2, 4, 5]));
    assert_eq!(capture.counts().lines.lost, 1);
}

#[test]
fn what_is_no_part_of_the_feed_is_counted_with_its_first_place() {
    let mut fragment = Vec::new();
    A.write(1, b"half of it", &mut fragment);
    fragment[20] = 0x20;
    let mut arp = fragment.clone();
    arp[13] = 6;
    let mut tcp = fragment.clone();
    tcp[23] = 6;
    let mut bad = fragment.clone();
    bad[14] = 0x41;
    let mut short = fragment.clone();
    (short[20], short[21]) = (0, 0);
    short.pop();
    let made = Made::new()
        .payload(A, &heartbeat(NEXT, 1))
        .data(A, TODAY, 1, 3)
        .packet(&fragment)
        .packet(&arp)
        .packet(&tcp)
        .packet(&bad)
        .packet(&short)
        .payload(A, b"hello")
        .payload(A, &[&b"more than a header of text"[..]; 3].concat())
        .data(A, NEXT, 1, 9)
        .data(A, TODAY, 3, 5);
    let mut capture = made.read();
    assert_eq!(drain(&mut capture), frames(1..5));
    let counts = capture.counts();
    let found = Reason::ALL.map(|(reason, _)| counts.not_taken(reason));
    let found: Vec<_> = Reason::ALL
        .iter()
        .zip(found)
        .filter_map(|((_, name), packets)| Some((*name, packets.count, packets.first?)))
        .collect();
    let expected = [
        ("not_ip", 1, 4),
        ("not_udp", 1, 5),
        ("fragment", 1, 3),
        ("cut_short", 1, 7),
        ("malformed", 1, 6),
        ("not_mold", 2, 8),
        ("before_session", 1, 1),
        ("other_session", 1, 10),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_next_session_begins_when_the_one_before_has_ended() {
    let made = Made::new()
        .data(A, TODAY, 1, 3)
        .data(A, TODAY, 5, 6)
        .payload(A, &end_of_session(TODAY, 6))
        .payload(A, &heartbeat(NEXT, 1))
        .data(A, NEXT, 1, 4)
        .data(B, TODAY, 3, 6)
        .data(B, NEXT, 1, 4)
        .data(A, NEXT, 4, 5);
    let mut capture = made.read();
    assert_eq!(drain(&mut capture), frames([1, 2, 5, 1, 2, 3, 4]));
    let counts = capture.counts();
    assert_eq!((counts.lines.sessions, counts.lines.lost, counts.lines.known), (2, 2, 1));
    assert_eq!(counts.not_taken(Reason::PastSession).count, 1);
    assert_eq!(counts.not_taken(Reason::OtherSession).count, 1);
}

#[test]
fn the_next_session_begins_though_the_end_of_the_one_before_was_not_heard() {
    let last = u64::from(FOREIGN_MAX);
    let mut made = Made::new().data(A, TODAY, 1, 3);
    // Not enough in a row, and then one of its own.
    for sequence in 1..last {
        made = made.data(A, NEXT, sequence, sequence + 1);
    }
    made = made.data(A, TODAY, 3, 4);
    // Another feed, at another port, may say what it likes.
    for sequence in 1..2 * last {
        made = made.data(B, Session(*b"others    "), sequence, sequence + 1);
    }
    for sequence in 1..=last + 1 {
        made = made.data(A, NEXT, sequence, sequence + 1);
    }
    let mut capture = made.data(A, TODAY, 4, 5).read();
    assert_eq!(drain(&mut capture), frames((1..4).chain(last..last + 2)));
    let counts = capture.counts();
    assert_eq!((counts.unended_sessions, counts.lines.sessions), (1, 2));
    assert_eq!((counts.lines.gaps, counts.lines.lost), (1, last - 1));
    assert_eq!(counts.not_taken(Reason::PastSession).count, 1);
}

#[test]
fn one_port_alone_is_taken_if_asked_for() {
    let made = || Made::new().data(B, NEXT, 1, 5).data(A, TODAY, 1, 3).data(A, TODAY, 3, 4);
    let mut capture = made().read();
    capture.only_port(1_001);
    assert_eq!(drain(&mut capture), frames(1..4));
    assert_eq!(
        capture.counts().not_taken(Reason::OtherPort),
        NotTaken { count: 1, first: Some(1) }
    );
    let mut capture = made().read();
    capture.only_port(7);
    assert!(drain(&mut capture).is_empty());
    assert_eq!(capture.fault(), Some(CaptureFault::NoMessages { packets: 3 }));
}

#[test]
fn a_damaged_capture_gives_what_came_before_and_then_its_fault() {
    let mut made = Made::new().data(A, TODAY, 1, 3).data(A, TODAY, 4, 6);
    let offset = made.0.len() as u64;
    made.0.extend([1, 2, 3]);
    let mut capture = made.read();
    assert_eq!(drain(&mut capture), frames([1, 2, 4, 5]));
    assert_eq!(capture.fault(), Some(CaptureFault::Truncated { offset, got: 3 }));
}

#[test]
fn captures_in_a_row_are_one() {
    // What the first file lacks is in the second, and what it brought comes again there.
    let first = Made::new().data(A, TODAY, 1, 3).data(A, TODAY, 5, 7);
    let second = Made::new().data(B, TODAY, 1, 5).data(B, TODAY, 5, 9).data(B, TODAY, 11, 12);
    let (mut first, mut second) = (first.read(), second.read());
    first.set_followed();
    assert_eq!(drain(&mut first), frames(1..3));
    second.follow(&mut first);
    assert_eq!(drain(&mut second), frames((3..9).chain([11])));
    let mut counts = first.counts();
    counts.add(&second.counts());
    assert_eq!((counts.packets, counts.lines.packets), (5, 5));
    assert_eq!((counts.lines.gaps, counts.lines.lost), (1, 2));
}

#[test]
fn a_capture_is_told_by_its_content_however_it_is_packed() {
    let mut made = Made::new();
    // Its first message must be one of ITCH.
    let mut builder = Builder::new([0; 100], TODAY, 1);
    assert!(builder.push(b"S\0\0\0\0\0\0\0\0\0\0O"));
    made = made.payload(A, builder.bytes());
    let gzip = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, &made.0).unwrap();
        packer.finish().unwrap()
    };
    let zstd = zstd::encode_all(&made.0[..], 1).unwrap();
    for bytes in [made.0.clone(), gzip, zstd] {
        let mut file = ItchFile::from_reader(Box::new(Cursor::new(bytes)));
        assert!(file.is_capture());
        assert_eq!(file.next_frame(), Some(&b"S\0\0\0\0\0\0\0\0\0\0O"[..]));
        assert!(file.next_frame().is_none() && file.fault().is_none());
        assert_eq!(file.capture_counts().unwrap().packets, 1);
    }
}
