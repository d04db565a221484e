//! The packets in a capture file: pcap of either byte order with microseconds or nanoseconds, and pcapng.
//!
//! The bytes stream through one buffer of fixed size; packets lie in it until the next one is asked for. When they were
//! captured is not looked at: engine time is in the messages. What is wrong with the file is met at its place, behind all
//! packets before it.

use crate::wire::udp::Link;
use pcap_parser::nom::{Err as Stop, IResult};
use pcap_parser::{
    Block, LegacyPcapBlock, PcapError, PcapHeader, parse_block_be, parse_block_le,
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

/// Bytes in the buffer: several times the longest packet that tools capture (256 KiB).
const BUFFER: usize = 1 << 20;
/// Interfaces of a pcapng section that are remembered; packets of others are of an unknown link layer.
const INTERFACES_MAX: usize = 4_096;

/// Whether a file that begins with these four bytes is a capture.
pub(super) fn is_capture(first: &[u8]) -> bool {
    matches!(
        first,
        // Microseconds, nanoseconds, an old kind of Linux's own; in either byte order.
        [0xd4, 0xc3, 0xb2, 0xa1]
            | [0xa1, 0xb2, 0xc3, 0xd4]
            | [0x4d, 0x3c, 0xb2, 0xa1]
            | [0xa1, 0xb2, 0x3c, 0x4d]
            | [0x34, 0xcd, 0xb2, 0xa1]
            | [0x0a, 0x0d, 0x0d, 0x0a]
    )
}

const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// A packet, where it lies in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// What is around IP in it; `None` if that is nothing we know.
    pub(super) link: Option<Link>,
    bytes: Range<usize>,
}

/// Why packets end before the file's clean end. Offsets are bytes in the unpacked file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureFault {
    /// The file ends in the middle of a packet or of another block.
    Truncated {
        /// Where that begins.
        offset: u64,
        /// Bytes that are there.
        got: usize,
    },
    /// What stands there is no packet and no other block.
    Malformed {
        /// Where that begins.
        offset: u64,
    },
    /// A packet or another block is longer than any tool writes.
    TooLong {
        /// Where that begins.
        offset: u64,
    },
    /// The disk failed, or the packed data is damaged or cut short.
    Unreadable {
        /// How many bytes could be read.
        offset: u64,
        /// The error.
        kind: io::ErrorKind,
    },
    /// No message of MoldUDP64 is in it.
    NoMessages {
        /// Packets that are in it.
        packets: u64,
    },
}

impl fmt::Display for CaptureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { offset, got } => {
                write!(
                    f,
                    "the capture ends in the middle of a packet: {got} bytes at byte {offset}"
                )
            }
            Self::Malformed { offset } => write!(f, "no packet of a capture at byte {offset}"),
            Self::TooLong { offset } => {
                write!(f, "a packet longer than {BUFFER} bytes at byte {offset}")
            }
            Self::Unreadable { offset, kind: io::ErrorKind::UnexpectedEof } => {
                write!(f, "the packed data is cut short after byte {offset}")
            }
            Self::Unreadable { offset, kind } => {
                write!(f, "cannot be read or unpacked after byte {offset} ({kind})")
            }
            Self::NoMessages { packets } => {
                write!(f, "no message of MoldUDP64 is in this capture of {packets} packets")
            }
        }
    }
}

impl std::error::Error for CaptureFault {}

/// What kind of capture file it is.
enum Format {
    /// Not known before its head was read.
    Unknown,
    Pcap {
        frame: ParseFrame,
        /// Bytes before a packet.
        head: usize,
        link: Option<Link>,
    },
    PcapNg {
        big_endian: bool,
        /// By interface.
        links: Vec<Option<Link>>,
    },
}

type ParseFrame = for<'a> fn(&'a [u8]) -> Parsed<'a, LegacyPcapBlock<'a>>;
type Parsed<'a, T> = IResult<&'a [u8], T, PcapError<&'a [u8]>>;

/// What stands at a place of the file.
enum Step {
    /// Something of so many bytes that is no packet.
    Other(usize),
    /// Something of so many bytes, and the packet in it.
    Packet(usize, Range<usize>, Option<Link>),
    /// More bytes are needed to tell.
    More,
    /// Nothing of a capture.
    Bad,
}

/// A capture file's packets.
pub(super) struct Records {
    reader: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// Where in the unpacked file the buffer begins.
    origin: u64,
    /// What is read and not yet looked at.
    ahead: Range<usize>,
    /// The reader has no more: its end, or an error.
    dry: Option<Result<(), io::ErrorKind>>,
    format: Format,
}

impl Records {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            origin: 0,
            ahead: 0..0,
            dry: None,
            format: Format::Unknown,
        }
    }

    /// The next packet; `None` at the file's end.
    pub(super) fn next(&mut self) -> Result<Option<Record>, CaptureFault> {
        loop {
            let bytes = &self.buffer[self.ahead.clone()];
            let start = self.ahead.start;
            let offset = self.origin + start as u64;
            match self.format.step(bytes) {
                Step::Other(size) => self.ahead.start += size,
                Step::Packet(size, packet, link) => {
                    self.ahead.start += size;
                    let bytes = start + packet.start..start + packet.end;
                    return Ok(Some(Record { link, bytes }));
                }
                Step::Bad => return Err(CaptureFault::Malformed { offset }),
                Step::More => match self.dry {
                    None if bytes.len() == BUFFER => return Err(CaptureFault::TooLong { offset }),
                    None => self.fill(),
                    Some(Ok(())) if bytes.is_empty() => return Ok(None),
                    Some(Ok(())) => {
                        return Err(CaptureFault::Truncated { offset, got: bytes.len() });
                    }
                    Some(Err(kind)) => {
                        let offset = offset + bytes.len() as u64;
                        return Err(CaptureFault::Unreadable { offset, kind });
                    }
                },
            }
        }
    }

    /// The bytes of the packet that `next` gave last.
    pub(super) fn bytes(&self, record: &Record) -> &[u8] {
        &self.buffer[record.bytes.clone()]
    }

    /// Moves what is not yet looked at to the front of the buffer and fills the rest.
    #[cold]
    fn fill(&mut self) {
        self.buffer.copy_within(self.ahead.clone(), 0);
        self.origin += self.ahead.start as u64;
        self.ahead = 0..self.ahead.len();
        while self.ahead.end < BUFFER && self.dry.is_none() {
            match self.reader.read(&mut self.buffer[self.ahead.end..]) {
                Ok(0) => self.dry = Some(Ok(())),
                Ok(count) => self.ahead.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.dry = Some(Err(error.kind())),
            }
        }
    }
}

impl Format {
    /// What `bytes` begin with.
    fn step(&mut self, bytes: &[u8]) -> Step {
        match self {
            Self::Unknown if bytes.len() < PCAPNG.len() => Step::More,
            Self::Unknown if bytes.starts_with(&PCAPNG) => {
                *self = Self::PcapNg { big_endian: false, links: Vec::new() };
                self.step(bytes)
            }
            Self::Unknown => match parse_pcap_header(bytes) {
                Ok((_, header)) => {
                    *self = Self::pcap(&header);
                    Step::Other(header.size())
                }
                Err(Stop::Incomplete(_)) => Step::More,
                Err(_) => Step::Bad,
            },
            Self::Pcap { frame, head, link } => match frame(bytes) {
                Ok((_, packet)) => {
                    let end = *head + packet.data.len();
                    Step::Packet(end, *head..end, *link)
                }
                Err(Stop::Incomplete(_)) => Step::More,
                Err(_) => Step::Bad,
            },
            Self::PcapNg { big_endian, links } => block(bytes, big_endian, links),
        }
    }

    fn pcap(header: &PcapHeader) -> Self {
        let (frame, head): (ParseFrame, usize) = match header {
            _ if header.is_modified_format() => (parse_pcap_frame_modified, 24),
            _ if header.is_bigendian() => (parse_pcap_frame_be, 16),
            _ => (parse_pcap_frame, 16),
        };
        Self::Pcap { frame, head, link: Link::from_code(header.network.0 as u32) }
    }
}

/// The block of pcapng that `bytes` begin with.
fn block(bytes: &[u8], big_endian: &mut bool, links: &mut Vec<Option<Link>>) -> Step {
    let parsed = if *big_endian { parse_block_be(bytes) } else { parse_block_le(bytes) };
    let (rest, block) = match parsed {
        Ok(parsed) => parsed,
        Err(Stop::Incomplete(_)) if is_cut(bytes, *big_endian) => return Step::More,
        Err(_) => return Step::Bad,
    };
    let size = bytes.len() - rest.len();
    match block {
        Block::SectionHeader(section) => {
            *big_endian = section.big_endian();
            links.clear();
        }
        Block::InterfaceDescription(interface) if links.len() < INTERFACES_MAX => {
            links.push(Link::from_code(interface.linktype.0 as u32));
        }
        Block::EnhancedPacket(packet) => {
            let link = links.get(packet.if_id as usize).copied().flatten();
            // What is behind the packet is padding.
            let end = ENHANCED_HEAD + packet.data.len().min(packet.caplen as usize);
            return Step::Packet(size, ENHANCED_HEAD..end, link);
        }
        Block::SimplePacket(packet) => {
            let link = links.first().copied().flatten();
            let end = SIMPLE_HEAD + packet.data.len().min(packet.origlen as usize);
            return Step::Packet(size, SIMPLE_HEAD..end, link);
        }
        _ => {}
    }
    Step::Other(size)
}

/// Bytes of the blocks before their packets.
const ENHANCED_HEAD: usize = 28;
const SIMPLE_HEAD: usize = 12;

/// Whether `bytes` are fewer than the block that they begin with says of itself: else what is in it wants more than it has.
fn is_cut(bytes: &[u8], big_endian: bool) -> bool {
    let Some((kind, length)) = bytes.get(..8).and_then(|head| head.split_first_chunk::<4>()) else {
        return true;
    };
    // A section header's byte order is in it.
    let Some(length) = length.first_chunk::<4>().filter(|_| *kind != PCAPNG) else { return true };
    let length = if big_endian { u32::from_be_bytes(*length) } else { u32::from_le_bytes(*length) };
    bytes.len() < length as usize
}

#[cfg(test)]
mod tests;
