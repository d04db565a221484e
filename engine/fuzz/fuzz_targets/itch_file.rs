//! A whole file of any bytes, plain or packed, through the file transport and the decoder: neither panics, and every byte
//! is accounted for.
//!
//! So that bytes get past the check of the first message, they are read once as they are and once behind a good frame.
#![no_main]

use coretick::base::unit::{Nanos, Seq};
use coretick::ingest::decode::Decoder;
use coretick::ingest::transport::file::{FramingFault, ItchFile, Packing};
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

/// The first message of a day.
const START: &[u8] = b"\0\x0cS\0\0\0\0\0\0\0\0\0\0O";

fuzz_target!(|bytes: &[u8]| {
    read(bytes.to_vec());
    read([START, bytes].concat());
});

fn read(bytes: Vec<u8>) {
    let length = bytes.len() as u64;
    let mut file = ItchFile::from_reader(Box::new(Cursor::new(bytes)));
    let mut decoder = Decoder::new(Nanos(0), None, 4);
    let (mut frames, mut decoded, mut offset) = (0, 0, 0);
    while let Some(frame) = file.next_frame() {
        frames += 1;
        offset += frame.len() as u64 + 2;
        decoded += u64::from(decoder.decode(frame, Seq(frames)).is_some());
        assert_eq!(file.bytes_read(), offset);
    }
    assert_eq!(decoder.messages(), frames);
    assert!(decoded + decoder.counts().malformed() <= frames);
    let unread = length.saturating_sub(offset);
    match file.fault() {
        // The end, or a mark of two zeros before it.
        None if file.packing() == Packing::Plain && !file.is_capture() => assert!(unread == 0 || unread == 2),
        Some(FramingFault::Truncated { offset: at, got, .. }) => {
            assert_eq!(at, offset);
            assert!(file.packing() != Packing::Plain || got as u64 == unread);
        }
        Some(FramingFault::ZeroLength { offset: at }) => assert_eq!(at, offset),
        Some(FramingFault::NotItch { .. }) => assert_eq!(frames, 0),
        // A capture's frames are others than its bytes: `capture` looks at those.
        Some(FramingFault::Capture(_)) => assert!(file.is_capture()),
        None | Some(FramingFault::Unreadable { .. }) => {}
    }
}
