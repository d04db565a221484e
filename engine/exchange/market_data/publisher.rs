//! Messages -> MoldUDP64 packets of two lines, A and B, which carry the same sequences.
//!
//! A packet leaves when the next message does not fit it, or at the end of a burst ([`Publisher::flush`]). A line that sent
//! nothing for a heartbeat's time says which sequence comes next. After the end both lines repeat, in the same time, that the
//! session is over, for a while; then they are silent. Lines may cut their packets differently, as venues' lines do: then
//! whoever reads both must put them together by sequence, not by packet.

use crate::base::unit::Nanos;
use crate::wire::frame::PREFIX;
use crate::wire::itch::LENGTH_MAX;
use crate::wire::mold::{self, Builder, COUNT_MAX, HEADER, Session};
use std::fmt;

/// The shortest payload that holds any message.
const DATAGRAM_MIN: usize = HEADER + PREFIX + LENGTH_MAX;
/// The longest payload of a UDP datagram.
const DATAGRAM_MAX: usize = 65_507;

/// One of the two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// The first.
    A,
    /// The second.
    B,
}

impl Line {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];
}

/// Where a line ends its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of a packet at most, its header included: 72 to 65,507.
    pub mtu: usize,
    /// Messages of a packet at most: 1 to 65,534.
    pub messages: u16,
}

impl Default for Cut {
    /// What passes every Ethernet, however many messages.
    fn default() -> Self {
        Self { mtu: 1_400, messages: COUNT_MAX }
    }
}

/// How a session is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherConfig {
    /// The session's name, in every packet.
    pub session: Session,
    /// Where line A and line B end their packets.
    pub cuts: [Cut; 2],
    /// A line is not silent for longer.
    pub heartbeat: Nanos,
    /// So long the end is repeated.
    pub end: Nanos,
}

impl PublisherConfig {
    /// A session cut alike on both lines, with a heartbeat every second and the end repeated for half a minute.
    pub fn new(session: Session) -> Self {
        let (heartbeat, end) = (Nanos(1_000_000_000), Nanos(30_000_000_000));
        Self { session, cuts: [Cut::default(); 2], heartbeat, end }
    }

    /// Whether all is within its range.
    ///
    /// # Errors
    /// At the first value that is not.
    pub fn check(&self) -> Result<(), PublisherError> {
        for (line, cut) in Line::BOTH.into_iter().zip(self.cuts) {
            if !(DATAGRAM_MIN..=DATAGRAM_MAX).contains(&cut.mtu) {
                return Err(PublisherError::Mtu { line, mtu: cut.mtu });
            }
            if !(1..=COUNT_MAX).contains(&cut.messages) {
                return Err(PublisherError::Messages { line, messages: cut.messages });
            }
        }
        if self.heartbeat == Nanos(0) { Err(PublisherError::Heartbeat) } else { Ok(()) }
    }
}

/// Why there is no such publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublisherError {
    /// A packet that does not hold every message, or is no datagram.
    Mtu {
        /// Of which line.
        line: Line,
        /// What was asked for.
        mtu: usize,
    },
    /// No messages in a packet, or more than it can count.
    Messages {
        /// Of which line.
        line: Line,
        /// What was asked for.
        messages: u16,
    },
    /// Heartbeats without end.
    Heartbeat,
}

impl fmt::Display for PublisherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mtu { line, mtu } => write!(
                f,
                "packets of line {line:?} cannot have {mtu} bytes: give {DATAGRAM_MIN} to {DATAGRAM_MAX}"
            ),
            Self::Messages { line, messages } => write!(
                f,
                "packets of line {line:?} cannot have {messages} messages: give 1 to {COUNT_MAX}"
            ),
            Self::Heartbeat => f.write_str("the time between heartbeats cannot be 0"),
        }
    }
}

impl std::error::Error for PublisherError {}

/// What a line has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Packets with messages.
    pub packets: u64,
    /// Messages in them.
    pub messages: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Packets that said that the session is over.
    pub ends: u64,
}

/// A line: the packet in the making, and what was sent.
#[derive(Clone, Debug)]
struct Sender {
    packet: Builder<Box<[u8]>>,
    messages_max: u16,
    /// The sequence of the message to come.
    next: u64,
    sent: Nanos,
    counts: LineCounts,
}

/// Publishes a session. Packets go to the caller's function with their line.
#[derive(Clone, Debug)]
pub struct Publisher {
    session: Session,
    heartbeat: Nanos,
    end: Nanos,
    /// When the session ended.
    ended: Option<Nanos>,
    lines: [Sender; 2],
}

impl Publisher {
    /// Lines on which nothing was sent yet, and both silent since `now`. Times may be of any clock that does not step back.
    ///
    /// # Errors
    /// As [`PublisherConfig::check`].
    pub fn new(publication: &PublisherConfig, now: Nanos) -> Result<Self, PublisherError> {
        publication.check()?;
        let &PublisherConfig { session, cuts, heartbeat, end } = publication;
        let lines = cuts.map(|cut| Sender {
            packet: Builder::new(vec![0; cut.mtu].into(), session, 1),
            messages_max: cut.messages,
            next: 1,
            sent: now,
            counts: LineCounts::default(),
        });
        Ok(Self { session, heartbeat, end, ended: None, lines })
    }

    /// The next message of the session. Packets that are full leave.
    ///
    /// # Panics
    /// If `message` is longer than any of ITCH, or the session was ended.
    pub fn put(&mut self, message: &[u8], now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        assert!(self.ended.is_none(), "nothing is said after the end of a session");
        for (line, it) in Line::BOTH.into_iter().zip(&mut self.lines) {
            if it.packet.count() == it.messages_max || !it.packet.push(message) {
                it.flush(self.session, now, &mut |bytes| out(line, bytes));
                assert!(it.packet.push(message), "an empty packet holds every message");
            }
            it.next += 1;
        }
    }

    /// The end of a burst: what waits leaves.
    pub fn flush(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        for (line, it) in Line::BOTH.into_iter().zip(&mut self.lines) {
            it.flush(self.session, now, &mut |bytes| out(line, bytes));
        }
    }

    /// The end of the session: what waits leaves, and the first word that it is over.
    pub fn end(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        self.flush(now, out);
        self.ended.get_or_insert(now);
        for (line, it) in Line::BOTH.into_iter().zip(&mut self.lines) {
            it.say_end(self.session, now, &mut |bytes| out(line, bytes));
        }
    }

    /// What time alone brings: heartbeats, and after the end the word that it is over. To be called at
    /// [`Publisher::next_due`], or oftener.
    pub fn due(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        if self.is_over(now) {
            return;
        }
        for (line, it) in Line::BOTH.into_iter().zip(&mut self.lines) {
            let mut out = |bytes: &[u8]| out(line, bytes);
            if now < it.sent.plus(self.heartbeat) {
                continue;
            }
            match self.ended {
                Some(_) => it.say_end(self.session, now, &mut out),
                None if it.packet.count() > 0 => it.flush(self.session, now, &mut out),
                None => it.beat(self.session, now, &mut out),
            }
        }
    }

    /// When something is due, if nothing is sent until then. `None` after all is over.
    pub fn next_due(&self) -> Option<Nanos> {
        let due = self.lines.iter().map(|it| it.sent.plus(self.heartbeat)).min()?;
        (!self.is_over(due)).then_some(due)
    }

    /// Whether the session has ended and nothing more is to be said of it.
    pub fn is_over(&self, now: Nanos) -> bool {
        self.ended.is_some_and(|ended| now.since(ended) > self.end)
    }

    /// The sequence of the message to come.
    pub fn next(&self) -> u64 {
        self.lines[0].next
    }

    /// What a line has sent.
    pub fn counts(&self, line: Line) -> LineCounts {
        self.lines[line as usize].counts
    }
}

impl Sender {
    fn flush(&mut self, session: Session, now: Nanos, out: &mut impl FnMut(&[u8])) {
        if self.packet.count() == 0 {
            return;
        }
        out(self.packet.bytes());
        self.counts.packets += 1;
        self.counts.messages += u64::from(self.packet.count());
        self.sent = now;
        self.packet.restart(session, self.next);
    }

    fn beat(&mut self, session: Session, now: Nanos, out: &mut impl FnMut(&[u8])) {
        out(&mold::heartbeat(session, self.next));
        self.counts.heartbeats += 1;
        self.sent = now;
    }

    fn say_end(&mut self, session: Session, now: Nanos, out: &mut impl FnMut(&[u8])) {
        out(&mold::end_of_session(session, self.next));
        self.counts.ends += 1;
        self.sent = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mold::{Kind, Packet};
    use proptest::prelude::*;

    const SESSION: Session = Session(*b"CORETICK01");
    const SECOND: Nanos = Nanos(1_000_000_000);

    /// What was sent, by line.
    type Sent = [Vec<Vec<u8>>; 2];

    fn keep(sent: &mut Sent) -> impl FnMut(Line, &[u8]) {
        |line, bytes| sent[line as usize].push(bytes.to_vec())
    }

    fn publisher(cuts: [Cut; 2]) -> Publisher {
        let publication = PublisherConfig { cuts, ..PublisherConfig::new(SESSION) };
        Publisher::new(&publication, Nanos(0)).unwrap()
    }

    #[test]
    fn a_burst_is_one_packet_on_each_line() {
        let (mut publisher, mut sent) = (publisher([Cut::default(); 2]), Sent::default());
        publisher.put(b"one", Nanos(1), &mut keep(&mut sent));
        publisher.put(b"", Nanos(1), &mut keep(&mut sent));
        assert!(sent[0].is_empty());
        publisher.flush(Nanos(2), &mut keep(&mut sent));
        publisher.flush(Nanos(3), &mut keep(&mut sent));
        let expected = b"CORETICK01\0\0\0\0\0\0\0\x01\0\x02\0\x03one\0\0";
        assert_eq!(sent, [vec![expected.to_vec()], vec![expected.to_vec()]]);
        let counts = LineCounts { packets: 1, messages: 2, ..LineCounts::default() };
        assert_eq!((publisher.counts(Line::B), publisher.next()), (counts, 3));
    }

    #[test]
    fn lines_can_be_cut_differently() {
        let short = Cut { mtu: 72, messages: 2 };
        let (mut publisher, mut sent) = (publisher([Cut::default(), short]), Sent::default());
        for message in [&[b'1'; 50][..], b"2", b"3", b"4"] {
            publisher.put(message, Nanos(1), &mut keep(&mut sent));
        }
        publisher.flush(Nanos(1), &mut keep(&mut sent));
        let counts = |sent: &[Vec<u8>]| -> Vec<_> {
            sent.iter()
                .map(|bytes| Packet::parse(bytes).unwrap())
                .map(|p| (p.sequence, p.count))
                .collect()
        };
        assert_eq!(counts(&sent[0]), [(1, 4)]);
        assert_eq!(counts(&sent[1]), [(1, 1), (2, 2), (4, 1)]);
    }

    #[test]
    fn a_silent_line_says_what_comes_next() {
        let (mut publisher, mut sent) = (publisher([Cut::default(); 2]), Sent::default());
        publisher.due(Nanos(SECOND.0 - 1), &mut keep(&mut sent));
        assert_eq!((sent[0].len(), publisher.next_due()), (0, Some(SECOND)));
        publisher.due(SECOND, &mut keep(&mut sent));
        assert_eq!(sent[0], [b"CORETICK01\0\0\0\0\0\0\0\x01\0\0"]);
        publisher.put(b"x", SECOND, &mut keep(&mut sent));
        publisher.flush(SECOND.plus(SECOND), &mut keep(&mut sent));
        publisher.due(SECOND.plus(Nanos(SECOND.0 * 2 - 1)), &mut keep(&mut sent));
        assert_eq!(sent[0].len(), 2);
        publisher.due(SECOND.plus(Nanos(SECOND.0 * 2)), &mut keep(&mut sent));
        assert_eq!(sent[1][2], b"CORETICK01\0\0\0\0\0\0\0\x02\0\0");
    }

    #[test]
    fn what_nobody_flushed_leaves_instead_of_a_heartbeat() {
        let (mut publisher, mut sent) = (publisher([Cut::default(); 2]), Sent::default());
        publisher.put(b"x", Nanos(0), &mut keep(&mut sent));
        publisher.due(SECOND, &mut keep(&mut sent));
        assert_eq!(Packet::parse(&sent[0][0]).unwrap().count, 1);
    }

    #[test]
    fn the_end_is_repeated_for_a_while_and_then_all_is_silent() {
        let (mut publisher, mut sent) = (publisher([Cut::default(); 2]), Sent::default());
        publisher.put(b"x", Nanos(0), &mut keep(&mut sent));
        publisher.end(Nanos(0), &mut keep(&mut sent));
        let mut now = Nanos(0);
        while let Some(due) = publisher.next_due() {
            assert!(due > now && !publisher.is_over(due));
            now = due;
            publisher.due(now, &mut keep(&mut sent));
        }
        assert_eq!(now, Nanos(30 * SECOND.0));
        publisher.due(Nanos(31 * SECOND.0), &mut keep(&mut sent));
        assert_eq!(sent[0].len(), 1 + 1 + 30);
        assert_eq!(sent[0][31], b"CORETICK01\0\0\0\0\0\0\0\x02\xff\xff");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let good = PublisherConfig::new(SESSION);
        let with = |cut| PublisherConfig { cuts: [good.cuts[0], cut], ..good };
        let text = |publication: PublisherConfig| publication.check().unwrap_err().to_string();
        assert_eq!(
            text(with(Cut { mtu: 71, messages: 1 })),
            "packets of line B cannot have 71 bytes: give 72 to 65507"
        );
        assert_eq!(
            text(with(Cut { mtu: 72, messages: 0 })),
            "packets of line B cannot have 0 messages: give 1 to 65534"
        );
        assert_eq!(
            text(PublisherConfig { heartbeat: Nanos(0), ..good }),
            "the time between heartbeats cannot be 0"
        );
    }

    proptest! {
        #[test]
        fn each_line_carries_every_message_once_and_in_order(
            messages in prop::collection::vec((0..=LENGTH_MAX, prop::bool::weighted(0.2)), 0..200),
            mtus in prop::array::uniform2(DATAGRAM_MIN..400),
            most in prop::array::uniform2(1..40_u16),
        ) {
            let cut = |line: usize| Cut { mtu: mtus[line], messages: most[line] };
            let (mut publisher, mut sent) = (publisher([cut(0), cut(1)]), Sent::default());
            let mut all = Vec::new();
            for (at, &(length, flush)) in messages.iter().enumerate() {
                all.push(vec![at as u8; length]);
                publisher.put(&all[at], Nanos(0), &mut keep(&mut sent));
                if flush {
                    publisher.flush(Nanos(0), &mut keep(&mut sent));
                }
            }
            publisher.flush(Nanos(0), &mut keep(&mut sent));
            for line in 0..2 {
                let mut got = Vec::new();
                for bytes in &sent[line] {
                    let packet = Packet::parse(bytes).unwrap();
                    prop_assert!(bytes.len() <= mtus[line] && packet.count <= most[line]);
                    prop_assert_eq!((packet.kind, packet.sequence), (Kind::Data, got.len() as u64 + 1));
                    got.extend(packet.messages().map(<[u8]>::to_vec));
                }
                prop_assert_eq!(&got, &all);
            }
        }
    }
}
