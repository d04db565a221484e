//! A capture of any bytes, pcap or pcapng, through container, headers, packets, arbiter and frames: none panics, packets are
//! counted once, and frames end at a fault or at the end.
//!
//! So that bytes get past the container's head, they are read as they are, and behind a head of either kind; so that they
//! get past the network's headers, each of their chunks is also wrapped into a packet.
#![no_main]

use coretick::ingest::transport::capture::Reason;
use coretick::ingest::transport::file::ItchFile;
use coretick::wire::frame;
use coretick::wire::udp::Route;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

const PCAP: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0";
/// A section and an interface of Ethernet.
const PCAPNG: &[u8] = b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0\
    \x01\0\0\0\x14\0\0\0\x01\0\0\0\xff\xff\0\0\x14\0\0\0";
const ROUTE: Route = Route { mac: [2, 0, 0, 0, 0, 1], from: [10, 0, 0, 1], group: [239, 0, 0, 1], port: 1 };

fuzz_target!(|bytes: &[u8]| {
    read(bytes.to_vec());
    read([PCAP, bytes].concat());
    read([PCAPNG, bytes].concat());
    let mut capture = PCAP.to_vec();
    let (mut rest, mut packet) = (bytes, Vec::new());
    while let Some((payload, after)) = frame::split(rest) {
        packet.clear();
        ROUTE.write(0, &payload[..payload.len().min(65_507)], &mut packet);
        let length = (packet.len() as u32).to_le_bytes();
        capture.extend([&[0; 8][..], &length, &length, &packet].concat());
        rest = after;
    }
    read(capture);
});

fn read(bytes: Vec<u8>) {
    let mut file = ItchFile::from_reader(Box::new(Cursor::new(bytes)));
    let is_capture = file.is_capture();
    while let Some(frame) = file.next_frame() {
        // A message without bytes ends a file; a capture lets none through.
        assert!(!frame.is_empty() || !is_capture);
    }
    assert!(file.next_frame().is_none());
    let _ = file.fault().map(|fault| fault.to_string());
    let Some(counts) = file.capture_counts() else { return };
    let skipped: u64 = Reason::ALL.iter().map(|(reason, _)| counts.not_taken(*reason).count).sum();
    let lines = &counts.lines;
    // What found no slot was a packet with messages, too.
    let no_slot = counts.not_taken(Reason::NoSlot).count;
    let heard = lines.packets - no_slot + lines.heartbeats + lines.ends;
    assert_eq!(skipped + heard, counts.packets);
}
