//! A day as its network would have seen it: messages published over MoldUDP64, written as a capture file.
//!
//! A packet is sent when its last message is there, as full as its size and the time that messages may wait allow; the second
//! line brings the same packets right behind the first's. The file is a pcap with nanoseconds. Time never steps back in it.

use crate::base::unit::Nanos;
use crate::wire::mold::{self, Builder, Session};
use crate::wire::udp::{ETHERNET_HEADER, IPV4_HEADER, Route, UDP_HEADER};
use std::fmt;
use std::io::{self, Write};

/// The least size of an IP packet that every ITCH message fits.
pub const MTU_MIN: u16 = 128;

/// How a day is published.
#[derive(Clone, Copy, Debug)]
pub struct CaptureConfig {
    /// The session.
    pub session: Session,
    /// Lines, each with a copy of every packet: 1 or 2.
    pub lines: usize,
    /// Bytes of the longest IP packet, `MTU_MIN` or more.
    pub mtu: u16,
    /// Messages this much later than a packet's first one do not share it.
    pub within: Nanos,
}

/// What was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Messages.
    pub messages: u64,
    /// Packets in the file, of all lines, with the end of the session.
    pub packets: u64,
}

/// The lines, from one sender to a group each.
const LINES: [Route; 2] = [
    Route {
        mac: [2, 0, 0, 0, 0, 0x0a],
        from: [10, 0, 0, 1],
        group: [239, 192, 0, 1],
        port: 26_400,
    },
    Route {
        mac: [2, 0, 0, 0, 0, 0x0b],
        from: [10, 0, 1, 1],
        group: [239, 192, 0, 2],
        port: 26_401,
    },
];

/// Writes a capture, message after message.
pub struct CaptureWriter<W> {
    out: W,
    publication: CaptureConfig,
    packet: Builder<Box<[u8]>>,
    /// The time of the packet's first message.
    first: Nanos,
    /// The latest time so far.
    now: Nanos,
    /// One packet of the file.
    record: Vec<u8>,
    published: Published,
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture in `out`, which should be buffered.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(mut out: W, publication: CaptureConfig) -> io::Result<Self> {
        let payload = usize::from(publication.mtu.max(MTU_MIN)) - IPV4_HEADER - UDP_HEADER;
        let packet = Builder::new(vec![0; payload].into(), publication.session, 1);
        let (first, now, record) = (Nanos(0), Nanos(0), Vec::new());
        let longest = ETHERNET_HEADER as u32 + u32::from(u16::MAX);
        // The magic number of nanoseconds, version 2.4, two fields that nobody uses, the longest packet, Ethernet.
        for field in [0xa1b2_3c4d, 0x0004_0002, 0, 0, longest, 1_u32] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Self { out, publication, packet, first, now, record, published: Published::default() })
    }

    /// Publishes `message` at `time`.
    ///
    /// # Errors
    /// If it does not fit a packet, or what the writer says.
    pub fn message(&mut self, time: Nanos, message: &[u8]) -> Result<(), PublishError> {
        let time = time.max(self.now);
        if time.since(self.first) > self.publication.within {
            self.send()?;
        }
        if !self.packet.push(message) {
            self.send()?;
            if !self.packet.push(message) {
                let (length, mtu) = (message.len(), self.publication.mtu);
                let number = self.published.messages + 1;
                return Err(PublishError::TooLong { number, length, mtu });
            }
        }
        if self.packet.count() == 1 {
            self.first = time;
        }
        self.now = time;
        self.published.messages += 1;
        Ok(())
    }

    /// Publishes what is left and the end of the session.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<Published> {
        self.send()?;
        let Self { mut out, publication, now, mut record, mut published, .. } = self;
        let end = mold::end_of_session(publication.session, published.messages + 1);
        write_lines(&end, now, publication.lines, &mut record, &mut published, &mut out)?;
        out.flush()?;
        Ok(published)
    }

    /// Sends the packet that is put together, and begins the next one.
    fn send(&mut self) -> io::Result<()> {
        if self.packet.count() > 0 {
            let Self { packet, record, out, now, published, .. } = self;
            write_lines(packet.bytes(), *now, self.publication.lines, record, published, out)?;
            self.packet.restart(self.publication.session, self.published.messages + 1);
        }
        Ok(())
    }
}

/// Writes `payload` as it passes on each line at `time`; `record` is where packets are put together.
fn write_lines(
    payload: &[u8],
    time: Nanos,
    lines: usize,
    record: &mut Vec<u8>,
    published: &mut Published,
    out: &mut impl Write,
) -> io::Result<()> {
    // The format's seconds end in 2106.
    let seconds = u32::try_from(time.0 / 1_000_000_000).unwrap_or(u32::MAX);
    let nanos = (time.0 % 1_000_000_000) as u32;
    for line in LINES.iter().take(lines) {
        record.clear();
        line.write((published.packets / lines as u64) as u16, payload, record);
        // What is captured, and what there was.
        let length = record.len() as u32;
        for field in [seconds, nanos, length, length] {
            out.write_all(&field.to_le_bytes())?;
        }
        out.write_all(record)?;
        published.packets += 1;
    }
    Ok(())
}

/// Why a message cannot be published.
#[derive(Debug)]
pub enum PublishError {
    /// It fits no packet.
    TooLong {
        /// Which one it is, from 1.
        number: u64,
        /// Its length.
        length: usize,
        /// Bytes of the longest IP packet.
        mtu: u16,
    },
    /// The capture could not be written.
    Write(io::Error),
}

impl From<io::Error> for PublishError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { number, length, mtu } => {
                write!(f, "message {number} of {length} bytes fits no packet of {mtu} bytes")
            }
            Self::Write(error) => write!(f, "the capture could not be written: {error}"),
        }
    }
}

impl std::error::Error for PublishError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mold::{Kind, Packet};
    use crate::wire::udp::{Datagram, Link};

    const PUBLICATION: CaptureConfig =
        CaptureConfig { session: Session(*b"day       "), lines: 1, mtu: 200, within: Nanos(100) };

    /// The packets of a capture: their time, and what they bring.
    fn packets(capture: &[u8]) -> Vec<(u64, u16, Vec<u8>)> {
        let (_, mut rest) = capture.split_at(24);
        let mut packets = Vec::new();
        while !rest.is_empty() {
            let (head, behind) = rest.split_at(16);
            let field = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
            assert_eq!(field(8), field(12));
            let (packet, behind) = behind.split_at(field(8) as usize);
            let datagram = Datagram::parse(Link::Ethernet, packet).unwrap();
            let time = u64::from(field(0)) * 1_000_000_000 + u64::from(field(4));
            packets.push((time, datagram.port, datagram.payload.to_vec()));
            rest = behind;
        }
        packets
    }

    fn published(publication: CaptureConfig, messages: &[(u64, usize)]) -> (Vec<u8>, Published) {
        let mut capture = Vec::new();
        let mut writer = CaptureWriter::new(&mut capture, publication).unwrap();
        for &(time, length) in messages {
            writer.message(Nanos(time), &vec![7; length]).unwrap();
        }
        let published = writer.finish().unwrap();
        (capture, published)
    }

    /// Time, first sequence and messages of each packet.
    fn told(capture: &[u8]) -> Vec<(u64, u64, u16)> {
        let one = |(time, _, payload): &(u64, u16, Vec<u8>)| {
            let packet = Packet::parse(payload).unwrap();
            (*time, packet.sequence, packet.count)
        };
        packets(capture).iter().map(one).collect()
    }

    #[test]
    fn a_capture_begins_as_pcap_with_nanoseconds_does() {
        let (capture, published) = published(PUBLICATION, &[]);
        let head = b"\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\x0d\0\x01\0\x01\0\0\0";
        assert_eq!(&capture[..24], head);
        assert_eq!(published, Published { messages: 0, packets: 1 });
        assert_eq!(told(&capture), [(0, 1, 0)]);
    }

    #[test]
    fn messages_close_in_time_share_a_packet_sent_at_its_last() {
        let second = 1_600_000_000_000_000_000;
        let times = [0, 60, 100, 101, 150, 150, 400].map(|time| (second + time, 20));
        let (capture, published) = published(PUBLICATION, &times);
        let expected = [(100, 1, 3), (150, 4, 3), (400, 7, 1), (400, 8, 0)];
        assert_eq!(
            told(&capture),
            expected.map(|(time, first, count)| (second + time, first, count))
        );
        assert_eq!(published, Published { messages: 7, packets: 4 });
        let end = packets(&capture).pop().unwrap().2;
        assert_eq!(Packet::parse(&end).unwrap().kind, Kind::EndOfSession);
    }

    #[test]
    fn a_full_packet_goes_and_a_message_that_fits_none_is_an_error() {
        // 200 less 28 of headers and 20 of its own: 7 messages of 21 with their lengths.
        let (capture, _) = published(PUBLICATION, &[(5, 19); 16]);
        assert_eq!(told(&capture), [(5, 1, 7), (5, 8, 7), (5, 15, 2), (5, 17, 0)]);
        assert!(packets(&capture).iter().all(|(.., payload)| payload.len() + 28 <= 200));
        let mut writer = CaptureWriter::new(Vec::new(), PUBLICATION).unwrap();
        writer.message(Nanos(1), &[0; 150]).unwrap();
        let error = writer.message(Nanos(1), &[0; 151]).unwrap_err();
        assert!(matches!(error, PublishError::TooLong { number: 2, length: 151, mtu: 200 }));
    }

    #[test]
    fn time_never_steps_back() {
        let (capture, _) = published(PUBLICATION, &[(1_000, 9), (500, 9), (2_000, 9), (1_999, 9)]);
        assert_eq!(told(&capture), [(1_000, 1, 2), (2_000, 3, 2), (2_000, 5, 0)]);
    }

    #[test]
    fn two_lines_bring_the_same() {
        let publication = CaptureConfig { lines: 2, ..PUBLICATION };
        let (capture, both) = published(publication, &[(5, 19); 16]);
        let (one, _) = published(PUBLICATION, &[(5, 19); 16]);
        let (one, two) = (packets(&one), packets(&capture));
        assert_eq!((both.packets, two.len()), (8, 8));
        for (single, pair) in one.iter().zip(two.chunks(2)) {
            assert_eq!((&pair[0], &pair[1].2), (single, &single.2));
            assert_eq!((pair[0].1, pair[1].1), (26_400, 26_401));
        }
    }
}
