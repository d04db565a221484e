//! UDP datagrams as they are captured: what a link layer and IP put around a payload, taken off and put on.
//!
//! Taken off: Ethernet with any VLAN tags, Linux cooked captures (both), raw IP; IPv4, IPv6 with its extension headers.
//! Checksums are not looked at: a card that writes them itself leaves them wrong in a capture of its own host. Put on:
//! Ethernet and IPv4, with both checksums.

use std::fmt;

/// What stands around IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet, with or without VLAN tags.
    Ethernet,
    /// What Linux gives of its `any` device, the first kind.
    Cooked,
    /// The same, the second kind.
    Cooked2,
    /// Nothing.
    Ip,
}

impl Link {
    /// The link layer of a capture file's code (LINKTYPE_).
    pub const fn from_code(code: u32) -> Option<Self> {
        // The upper half says whether there is a frame check sequence, which is behind what IP counts.
        match code & 0xffff {
            1 => Some(Self::Ethernet),
            113 => Some(Self::Cooked),
            276 => Some(Self::Cooked2),
            // Raw IP has a code of its own and those that systems had before; IPv4 and IPv6 have one each as well.
            12 | 14 | 101 | 228 | 229 => Some(Self::Ip),
            _ => None,
        }
    }
}

/// A datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The port it is sent to.
    pub port: u16,
    /// What it brings.
    pub payload: &'a [u8],
}

/// Why a packet brings no datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It is of another protocol than IP.
    NotIp,
    /// It is of another protocol than UDP.
    NotUdp,
    /// It is a part of a datagram.
    Fragment,
    /// It ends before its headers, or before what they count.
    Truncated,
    /// Its headers contradict themselves.
    Malformed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotIp => "not IP",
            Self::NotUdp => "not UDP",
            Self::Fragment => "a fragment",
            Self::Truncated => "cut short",
            Self::Malformed => "headers that contradict themselves",
        })
    }
}

impl std::error::Error for Error {}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const UDP: u8 = 17;
/// More extension headers, or VLAN tags, than any packet has.
const NESTED_MAX: usize = 8;

impl<'a> Datagram<'a> {
    /// The datagram in a packet of a capture.
    ///
    /// # Errors
    /// If there is none in it, or not a whole one.
    pub fn parse(link: Link, packet: &'a [u8]) -> Result<Self, Error> {
        match link {
            Link::Ethernet => ether(be16(packet, 12)?, after(packet, 14)?),
            Link::Cooked => ether(be16(packet, 14)?, after(packet, 16)?),
            Link::Cooked2 => ether(be16(packet, 0)?, after(packet, 20)?),
            Link::Ip => match byte(packet, 0)? >> 4 {
                4 => ipv4(packet),
                6 => ipv6(packet),
                _ => Err(Error::NotIp),
            },
        }
    }
}

/// What is behind an EtherType.
fn ether(kind: u16, rest: &[u8]) -> Result<Datagram<'_>, Error> {
    let (mut kind, mut rest) = (kind, rest);
    for _ in 0..NESTED_MAX {
        match kind {
            IPV4 => return ipv4(rest),
            IPV6 => return ipv6(rest),
            // VLAN tags.
            0x8100 | 0x88a8 | 0x9100 => (kind, rest) = (be16(rest, 2)?, after(rest, 4)?),
            _ => break,
        }
    }
    Err(Error::NotIp)
}

fn ipv4(bytes: &[u8]) -> Result<Datagram<'_>, Error> {
    let first = byte(bytes, 0)?;
    let (header, total) = (usize::from(first & 15) * 4, usize::from(be16(bytes, 2)?));
    if first >> 4 != 4 || header < 20 || total < header {
        return Err(Error::Malformed);
    }
    if byte(bytes, 9)? != UDP {
        return Err(Error::NotUdp);
    }
    // More to come, or an offset.
    if be16(bytes, 6)? & 0x3fff != 0 {
        return Err(Error::Fragment);
    }
    // Behind it an Ethernet frame may be padded.
    udp(after(bytes.get(..total).ok_or(Error::Truncated)?, header)?)
}

fn ipv6(bytes: &[u8]) -> Result<Datagram<'_>, Error> {
    if byte(bytes, 0)? >> 4 != 6 {
        return Err(Error::Malformed);
    }
    let total = 40 + usize::from(be16(bytes, 4)?);
    let mut next = byte(bytes, 6)?;
    let whole = bytes.get(..total).ok_or(Error::Truncated);
    let mut rest = after(whole.unwrap_or(bytes), 40)?;
    for _ in 0..NESTED_MAX {
        match next {
            UDP => return whole.and(udp(rest)),
            // Hop by hop, routing, destination.
            0 | 43 | 60 => {
                let length = 8 * (1 + usize::from(byte(rest, 1)?));
                (next, rest) = (byte(rest, 0)?, after(rest, length)?);
            }
            44 => return Err(Error::Fragment),
            _ => break,
        }
    }
    Err(Error::NotUdp)
}

fn udp(bytes: &[u8]) -> Result<Datagram<'_>, Error> {
    let (port, length) = (be16(bytes, 2)?, usize::from(be16(bytes, 4)?));
    if length < UDP_HEADER {
        return Err(Error::Malformed);
    }
    let whole = bytes.get(..length).ok_or(Error::Truncated)?;
    Ok(Datagram { port, payload: &whole[UDP_HEADER..] })
}

fn byte(bytes: &[u8], at: usize) -> Result<u8, Error> {
    bytes.get(at).copied().ok_or(Error::Truncated)
}

fn be16(bytes: &[u8], at: usize) -> Result<u16, Error> {
    Ok(u16::from_be_bytes([byte(bytes, at)?, byte(bytes, at + 1)?]))
}

fn after(bytes: &[u8], length: usize) -> Result<&[u8], Error> {
    bytes.get(length..).ok_or(Error::Truncated)
}

/// Bytes of an Ethernet header.
pub const ETHERNET_HEADER: usize = 14;
/// Bytes of an IPv4 header without options.
pub const IPV4_HEADER: usize = 20;
/// Bytes of a UDP header.
pub const UDP_HEADER: usize = 8;

/// One way over the network, from a sender to a multicast group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The sender's Ethernet address.
    pub mac: [u8; 6],
    /// The sender's address.
    pub from: [u8; 4],
    /// The group.
    pub group: [u8; 4],
    /// The port, of the sender as of the group.
    pub port: u16,
}

impl Route {
    /// Appends the Ethernet frame that brings `payload`; `id` tells one datagram from the next.
    ///
    /// # Panics
    /// If `payload` is longer than a datagram can be.
    pub fn write(&self, id: u16, payload: &[u8], out: &mut Vec<u8>) {
        let udp = UDP_HEADER + payload.len();
        let total = u16::try_from(IPV4_HEADER + udp).expect("a datagram's length is 16 bits");
        let udp = total - IPV4_HEADER as u16;
        let [_, b, c, d] = self.group;
        // A group's Ethernet address has the lower 23 bits of its own.
        out.extend_from_slice(&[0x01, 0x00, 0x5e, b & 0x7f, c, d]);
        out.extend_from_slice(&self.mac);
        out.extend_from_slice(&IPV4.to_be_bytes());

        let mut ip = [0; IPV4_HEADER];
        ip[0] = 0x45;
        ip[2..4].copy_from_slice(&total.to_be_bytes());
        ip[4..6].copy_from_slice(&id.to_be_bytes());
        // Not to be cut into fragments; sixteen hops.
        (ip[6], ip[8], ip[9]) = (0x40, 16, UDP);
        ip[12..16].copy_from_slice(&self.from);
        ip[16..20].copy_from_slice(&self.group);
        let sum = !checksum([&ip[..]]);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(&ip);

        let mut header = [0; UDP_HEADER];
        header[0..2].copy_from_slice(&self.port.to_be_bytes());
        header[2..4].copy_from_slice(&self.port.to_be_bytes());
        header[4..6].copy_from_slice(&udp.to_be_bytes());
        let length = udp.to_be_bytes();
        let pseudo = [&ip[12..20], &[0, UDP, length[0], length[1]], &header, payload];
        // Zero would say that there is no sum.
        let sum = match !checksum(pseudo) {
            0 => 0xffff,
            sum => sum,
        };
        header[6..8].copy_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
    }
}

/// The ones' complement sum of 16-bit words; only the last part may be of odd length.
fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u16 {
    // 65,535 bytes are far from overflowing it.
    let mut sum = 0_u32;
    for part in parts {
        let (words, odd) = part.as_chunks::<2>();
        sum += words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum::<u32>();
        sum += odd.iter().map(|&byte| u32::from(byte) << 8).sum::<u32>();
    }
    sum = (sum & 0xffff) + (sum >> 16);
    (sum + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests;
