use super::*;
use proptest::prelude::*;
use std::io::Cursor;

/// A number in one of the byte orders.
fn int(value: u32, big: bool) -> [u8; 4] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn short(value: u16, big: bool) -> [u8; 2] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

/// A pcap of these packets.
fn pcap(magic: u32, big: bool, link: u32, packets: &[&[u8]]) -> Vec<u8> {
    let mut out = int(magic, big).to_vec();
    out.extend([short(2, big), short(4, big)].concat());
    [0, 0, 65_535, link].into_iter().for_each(|field| out.extend(int(field, big)));
    for packet in packets {
        let length = packet.len() as u32;
        [1, 2, length, length].into_iter().for_each(|field| out.extend(int(field, big)));
        out.extend_from_slice(packet);
    }
    out
}

/// A block of pcapng.
fn block(kind: u32, big: bool, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = int((body.len() + padding + 12) as u32, big);
    [&int(kind, big)[..], &length, body, &vec![0; padding], &length].concat()
}

fn section(big: bool) -> Vec<u8> {
    let magic = int(0x1a2b_3c4d, big);
    block(0x0a0d_0d0a, big, &[&magic[..], &short(1, big), &short(0, big), &[0xff; 8]].concat())
}

fn interface(big: bool, link: u16) -> Vec<u8> {
    // With an option: stamps are of nanoseconds.
    let option = [&short(9, big)[..], &short(1, big), &[9, 0, 0, 0], &[0; 4]].concat();
    block(1, big, &[&short(link, big)[..], &[0; 2], &int(65_535, big), &option].concat())
}

fn enhanced(big: bool, interface: u32, packet: &[u8]) -> Vec<u8> {
    let length = packet.len() as u32;
    let head = [interface, 3, 4, length, length].map(|field| int(field, big)).concat();
    block(6, big, &[&head[..], packet].concat())
}

fn simple(big: bool, packet: &[u8]) -> Vec<u8> {
    block(3, big, &[&int(packet.len() as u32, big)[..], packet].concat())
}

type Packets = Vec<(Option<Link>, Vec<u8>)>;

/// All packets and the fault.
fn drain(reader: impl Read + Send + 'static) -> (Packets, Option<CaptureFault>) {
    let mut records = Records::new(Box::new(reader));
    let mut packets = Vec::new();
    loop {
        match records.next() {
            Ok(Some(record)) => packets.push((record.link, records.bytes(&record).to_vec())),
            Ok(None) => return (packets, None),
            Err(fault) => return (packets, Some(fault)),
        }
    }
}

fn read(bytes: &[u8]) -> (Packets, Option<CaptureFault>) {
    drain(Cursor::new(bytes.to_vec()))
}

fn ethernet(packets: &[&[u8]]) -> Packets {
    packets.iter().map(|packet| (Some(Link::Ethernet), packet.to_vec())).collect()
}

const MICRO: u32 = 0xa1b2_c3d4;
const NANO: u32 = 0xa1b2_3c4d;
const SOME: [&[u8]; 4] = [b"first", b"", b"the third", b"4"];

#[test]
fn packets_come_out_of_pcap_of_either_precision_and_byte_order() {
    for (magic, big) in [(MICRO, false), (MICRO, true), (NANO, false), (NANO, true)] {
        let bytes = pcap(magic, big, 1, &SOME);
        assert!(is_capture(&bytes[..4]));
        assert_eq!(read(&bytes), (ethernet(&SOME), None), "{magic:x} {big}");
    }
    assert_eq!(read(&pcap(NANO, false, 276, &[b"x"])).0, [(Some(Link::Cooked2), b"x".to_vec())]);
    assert_eq!(read(&pcap(NANO, false, 147, &[b"x"])).0, [(None, b"x".to_vec())]);
    assert_eq!(read(&pcap(MICRO, false, 1, &[])), (vec![], None));
}

#[test]
fn packets_come_out_of_pcapng_with_sections_interfaces_and_blocks_of_all_kinds() {
    for big in [false, true] {
        let name_resolution = block(4, big, &[0; 4]);
        let unknown = block(0x0bad_cafe, big, b"what is this");
        let bytes = [
            section(big),
            interface(big, 1),
            name_resolution,
            enhanced(big, 0, b"first"),
            unknown,
            interface(big, 113),
            enhanced(big, 1, b"second"),
            simple(big, b"third"),
            enhanced(big, 7, b"of no interface"),
            // The other byte order, and its own interfaces.
            section(!big),
            enhanced(!big, 0, b"of none yet"),
            interface(!big, 101),
            enhanced(!big, 0, b"last"),
        ]
        .concat();
        assert!(is_capture(&bytes[..4]));
        let expected: [(_, &[u8]); 6] = [
            (Some(Link::Ethernet), b"first"),
            (Some(Link::Cooked), b"second"),
            (Some(Link::Ethernet), b"third"),
            (None, b"of no interface"),
            (None, b"of none yet"),
            (Some(Link::Ip), b"last"),
        ];
        let expected = expected.map(|(link, packet)| (link, packet.to_vec()));
        assert_eq!(read(&bytes), (expected.to_vec(), None), "{big}");
    }
}

#[test]
fn a_capture_cut_anywhere_gives_its_whole_packets_and_says_where_it_was_cut() {
    let bytes = pcap(MICRO, false, 1, &SOME);
    let mut starts = vec![24];
    SOME.iter().for_each(|packet| starts.push(starts[starts.len() - 1] + 16 + packet.len()));
    for cut in 4..=bytes.len() {
        let (packets, fault) = read(&bytes[..cut]);
        let whole = starts.iter().filter(|start| **start <= cut).count();
        assert_eq!(packets.len(), whole.saturating_sub(1), "{cut}");
        let start = if whole == 0 { 0 } else { starts[whole - 1] };
        let truncated = CaptureFault::Truncated { offset: start as u64, got: cut - start };
        assert_eq!(fault, (cut > start).then_some(truncated), "{cut}");
    }
    let bytes = [section(false), interface(false, 1), enhanced(false, 0, b"packet")].concat();
    for cut in 4..bytes.len() {
        let (packets, fault) = read(&bytes[..cut]);
        assert!(packets.is_empty(), "{cut}");
        let at_block = cut == section(false).len() || cut == bytes.len() - 40;
        assert_eq!(
            matches!(fault, Some(CaptureFault::Truncated { .. })),
            !at_block,
            "{cut} {fault:?}"
        );
    }
}

#[test]
fn what_cannot_be_a_packet_is_called_so_at_its_place() {
    let huge = [&pcap(MICRO, false, 1, &[b"x"])[..], &[0; 8], &[0xff; 4], &[0; 2 << 20]].concat();
    let (packets, fault) = read(&huge);
    assert_eq!((packets.len(), fault), (1, Some(CaptureFault::TooLong { offset: 41 })));

    let mut block = enhanced(false, 0, b"packet");
    // More of it was captured than the block has.
    block[20] = 200;
    let bytes = [section(false), interface(false, 1), block, vec![0; 500]].concat();
    let offset = (section(false).len() + interface(false, 1).len()) as u64;
    assert_eq!(read(&bytes).1, Some(CaptureFault::Malformed { offset }));
    let lengths = [section(false), vec![6, 0, 0, 0, 5, 0, 0, 0], vec![0; 500]].concat();
    let offset = section(false).len() as u64;
    assert_eq!(read(&lengths).1, Some(CaptureFault::Malformed { offset }));
}

/// Gives a byte or a few at a time, is interrupted now and then, and fails at the end.
struct Faltering(Cursor<Vec<u8>>, usize);

impl Read for Faltering {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = into.len().min(1 + self.1 % 5);
        match self.0.read(&mut into[..most])? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            count => Ok(count),
        }
    }
}

#[test]
fn a_reader_that_falters_loses_nothing_and_its_error_comes_last() {
    let bytes = pcap(NANO, true, 1, &SOME);
    let (offset, kind) = (bytes.len() as u64, io::ErrorKind::ConnectionReset);
    let (packets, fault) = drain(Faltering(Cursor::new(bytes), 0));
    assert_eq!(packets, ethernet(&SOME));
    assert_eq!(fault, Some(CaptureFault::Unreadable { offset, kind }));
}

#[test]
fn a_capture_longer_than_the_buffer_passes_through_it() {
    let packets: Vec<Vec<u8>> = (0..60_u8).map(|n| vec![n; 60_000 + usize::from(n)]).collect();
    let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    assert!(read(&pcap(NANO, false, 1, &packets)) == (ethernet(&packets), None));
}

#[test]
fn a_daily_file_is_no_capture() {
    assert!(!is_capture(b"\0\x0cS\0"));
    assert!(!is_capture(b""));
    assert!(!is_capture(b"\xd4\xc3\xb2"));
}

proptest! {
    #[test]
    fn damaged_captures_end_in_a_fault_and_never_in_a_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        big in any::<bool>(),
        ng in any::<bool>(),
    ) {
        let mut bytes = if ng {
            let packets = [enhanced(big, 0, b"first"), simple(big, b"second"), section(!big)].concat();
            [section(big), interface(big, 1), packets, enhanced(!big, 0, b"third")].concat()
        } else {
            pcap(MICRO, big, 1, &SOME)
        };
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let length: usize = read(&bytes).0.iter().map(|(_, packet)| packet.len()).sum();
        prop_assert!(length <= bytes.len());
    }
}
