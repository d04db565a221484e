use super::*;
use crate::wire::frame;
use proptest::prelude::*;
use std::io::Write;

/// Frames of `bytes` and what they end in: the promise of the module, said once more over all bytes at once.
fn walk(bytes: &[u8]) -> (Vec<&[u8]>, Option<FramingFault>) {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    loop {
        let at = bytes.len() - rest.len();
        let offset = at as u64;
        let fault = match *rest {
            [] | [0, 0] => None,
            [_] => Some(FramingFault::Truncated { offset, wanted: 2, got: 1 }),
            [0, 0, ..] => Some(FramingFault::ZeroLength { offset }),
            [a, b, ref after @ ..] => {
                let length = usize::from(a) << 8 | usize::from(b);
                if let Some(&kind) = after.first()
                    && at == 0
                    && itch::length(kind) != Some(length)
                {
                    Some(FramingFault::NotItch { kind, length })
                } else if let Some((frame, after)) = frame::split(rest) {
                    frames.push(frame);
                    rest = after;
                    continue;
                } else {
                    Some(FramingFault::Truncated { offset, wanted: length + 2, got: rest.len() })
                }
            }
        };
        return (frames, fault);
    }
}

/// All frames one after the other, and the fault; `bytes_read` is checked on the way.
fn drain(file: &mut ItchFile) -> (Vec<Vec<u8>>, Option<FramingFault>) {
    let (mut frames, mut offset) = (Vec::new(), file.bytes_read());
    while let Some(frame) = file.next_frame() {
        frames.push(frame.to_vec());
        offset += (frames[frames.len() - 1].len() + PREFIX) as u64;
        assert_eq!(file.bytes_read(), offset);
    }
    assert!(file.next_frame().is_none() && file.bytes_read() == offset);
    (frames, file.fault())
}

fn drain_bytes(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<FramingFault>) {
    drain(&mut ItchFile::from_reader(Box::new(Cursor::new(bytes.to_vec()))))
}

/// `count` deletes.
fn deletes(count: u64) -> Vec<u8> {
    use zerocopy::IntoBytes;
    let mut bytes = Vec::new();
    for number in 0..count {
        let order_reference_number = number.into();
        let delete = itch::OrderDelete { order_reference_number, ..itch::OrderDelete::new(1, 2) };
        frame::write(delete.as_bytes(), &mut bytes);
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut packer = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    packer.include_checksum(true).unwrap();
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// Gives bytes a few at a time, is interrupted now and then, and fails at the end.
struct Faltering {
    bytes: Vec<u8>,
    at: usize,
    calls: usize,
}

impl Read for Faltering {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.at == self.bytes.len() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let count = into.len().min(1 + self.calls % 7).min(self.bytes.len() - self.at);
        into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[test]
fn a_file_cut_anywhere_gives_its_whole_frames_and_says_where_it_was_cut() {
    let bytes = deletes(30);
    for cut in 0..=bytes.len() {
        let (frames, fault) = drain_bytes(&bytes[..cut]);
        assert_eq!(frames.len(), cut / 21);
        let (offset, got) = ((cut / 21 * 21) as u64, cut % 21);
        let wanted = if got == 1 { 2 } else { 21 };
        let truncated = FramingFault::Truncated { offset, wanted, got };
        assert_eq!(fault, (got > 0).then_some(truncated), "cut at {cut}");
    }
}

#[test]
fn one_frame_of_no_bytes_may_end_a_file_and_none_may_stand_elsewhere() {
    let with = |tail: &[u8]| [&deletes(2)[..], tail].concat();
    assert_eq!(drain_bytes(&with(&[0, 0])).1, None);
    let fault = Some(FramingFault::ZeroLength { offset: 42 });
    assert_eq!(drain_bytes(&with(&[0, 0, 0])).1, fault);
    assert_eq!(drain_bytes(&with(&[0, 0, 0, 0])), (drain_bytes(&deletes(2)).0, fault));
    assert_eq!(drain_bytes(&[0, 0]), (vec![], None));
}

#[test]
fn what_is_not_itch_is_called_so() {
    let not = |kind, length| (vec![], Some(FramingFault::NotItch { kind, length }));
    assert_eq!(drain_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF"), not(0xff, 0xffd8));
    assert_eq!(drain_bytes(b"time,price\n"), not(b'm', 0x7469));
    // A type of ITCH, but not its length.
    assert_eq!(drain_bytes(b"\0\x0dS2345678901234"), not(b'S', 13));
    let text = drain_bytes(b"time,price\n").1.map(|fault| fault.to_string());
    let expected =
        "this is no ITCH 5.0 file: its first message would be of type 'm' with 29801 bytes";
    assert_eq!(text.as_deref(), Some(expected));
    // Later ones are the decoder's to judge.
    let later = [&deletes(1)[..], b"\0\x02??"].concat();
    assert_eq!(drain_bytes(&later).0[1], b"??");
}

#[test]
fn packed_files_give_the_same_frames_in_one_part_or_in_several() {
    let bytes = deletes(40_000);
    let plain = drain_bytes(&bytes);
    assert_eq!((plain.0.len(), plain.1), (40_000, None));
    let (head, tail) = bytes.split_at(333_333);
    for (packed, packing) in [
        (gzip(&bytes), Packing::Gzip),
        ([gzip(head), gzip(tail)].concat(), Packing::Gzip),
        (zstd(&bytes), Packing::Zstd),
        ([zstd(head), zstd(tail)].concat(), Packing::Zstd),
        ([&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(&bytes)].concat(), Packing::Zstd),
    ] {
        let size = packed.len() as u64;
        let mut file = ItchFile::from_reader(Box::new(Cursor::new(packed)));
        assert_eq!(file.packing(), packing);
        assert!(drain(&mut file) == plain);
        assert_eq!(file.progress(), Progress { read: size, total: None });
    }
}

#[test]
fn packed_files_that_are_cut_or_damaged_say_so() {
    let bytes = deletes(1000);
    for packed in [gzip(&bytes), zstd(&bytes)] {
        for cut in [5, 11, packed.len() / 2, packed.len() - 1] {
            let (frames, fault) = drain_bytes(&packed[..cut]);
            let Some(FramingFault::Unreadable { offset, kind }) = fault else {
                panic!("{fault:?} at {cut}")
            };
            assert_eq!((kind, offset as usize / 21), (io::ErrorKind::UnexpectedEof, frames.len()));
        }
        // In the check sum: gzip has four more bytes after it.
        let mut damaged = packed.clone();
        damaged[packed.len() - if packed[0] == 0x1f { 5 } else { 1 }] ^= 1;
        let (frames, fault) = drain_bytes(&damaged);
        let Some(FramingFault::Unreadable { offset, kind }) = fault else {
            panic!("{fault:?} with a wrong check sum")
        };
        assert_eq!(offset as usize / 21, frames.len());
        assert_ne!(kind, io::ErrorKind::UnexpectedEof);
    }
}

#[test]
fn a_reader_that_falters_loses_nothing_and_its_error_comes_last() {
    let reader = Faltering { bytes: deletes(20_000)[..419_990].to_vec(), at: 0, calls: 0 };
    let (frames, fault) = drain(&mut ItchFile::from_reader(Box::new(reader)));
    assert_eq!(frames.len(), 19_999);
    let kind = io::ErrorKind::ConnectionReset;
    assert_eq!(fault, Some(FramingFault::Unreadable { offset: 419_990, kind }));
    let reader = Faltering { bytes: vec![], at: 0, calls: 0 };
    let (frames, fault) = drain(&mut ItchFile::from_reader(Box::new(reader)));
    assert_eq!((frames.len(), fault), (0, Some(FramingFault::Unreadable { offset: 0, kind })));
}

#[test]
fn the_longest_frames_pass_wherever_they_lie_in_the_buffer() {
    let mut bytes = deletes(1);
    for byte in 1..9 {
        frame::write(&vec![byte; LENGTH_MAX], &mut bytes);
        bytes.extend(deletes(u64::from(byte) * 1000));
    }
    let (frames, fault) = walk(&bytes);
    let (found, found_fault) = drain_bytes(&bytes);
    assert_eq!(found_fault, fault);
    assert!(found.iter().eq(frames));
}

#[test]
fn a_file_that_cannot_be_opened_is_named_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let error = |name: &str| ItchFile::open(path(name)).map(|_| ()).unwrap_err();
    std::fs::write(path("empty"), b"").unwrap();
    assert_eq!(error("none"), OpenError::NotFound(path("none")));
    assert_eq!(error("none/none"), OpenError::NotFound(path("none/none")));
    assert_eq!(error("empty"), OpenError::Empty(path("empty")));
    assert_eq!(error("."), OpenError::Directory(path(".")));
    for bytes in [vec![0, 0], gzip(b""), zstd(b""), gzip(&[0, 0])] {
        std::fs::write(path("no frames"), bytes).unwrap();
        assert_eq!(error("no frames"), OpenError::Empty(path("no frames")));
    }
    let text = error("empty").to_string();
    assert!(text.starts_with(path("empty").to_str().unwrap()) && text.contains("is empty"));
}

#[test]
fn a_file_tells_how_much_of_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day");
    let bytes = deletes(30_000);
    std::fs::write(&path, &bytes).unwrap();
    let mut file = ItchFile::open(&path).unwrap();
    let total = Some(bytes.len() as u64);
    assert_eq!(file.progress(), Progress { read: BUFFER as u64, total });
    assert_eq!(file.bytes_read(), 0);
    assert!(drain(&mut file) == drain_bytes(&bytes));
    assert_eq!(file.progress(), Progress { read: bytes.len() as u64, total });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_frames_come_out_as_they_went_in(
        lengths in prop::collection::vec(prop_oneof![9 => 1..60usize, 1 => 1..=LENGTH_MAX], 0..400),
        tail in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = deletes(1);
        for (number, &length) in lengths.iter().enumerate() {
            frame::write(&vec![number as u8; length], &mut bytes);
        }
        bytes.extend(tail);
        let (frames, fault) = walk(&bytes);
        let (found, found_fault) = drain_bytes(&bytes);
        prop_assert!(found.iter().eq(frames));
        prop_assert_eq!(found_fault, fault);
    }

    #[test]
    fn any_bytes_are_frames_up_to_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let packed = matches!(bytes[..], [0x1f, 0x8b, ..] | [0x28, 0xb5, ..] | [0x50..=0x5f, 0x2a, ..]);
        let (frames, fault) = drain_bytes(&bytes);
        if !packed {
            prop_assert_eq!((frames.iter().map(|f| &f[..]).collect(), fault), walk(&bytes));
        }
    }
}
