//! Files and decoder together, over recorded and made days.

use super::decode::{Counts, Decoder};
use super::transport::file::{FramingFault, ItchFile};
use crate::base::message::Kind;
use crate::base::unit::{InstrumentId, Nanos, Seq};
use crate::wire::itch;
use std::io::{Cursor, Read, Write};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/itch/");

/// The path of a data file; says so if it is not there.
fn data(name: &str) -> Option<String> {
    let path = format!("{DATA}{name}");
    let there = std::path::Path::new(&path).exists();
    if !there {
        crate::base::testing::skipped(&format!("{path} is not there"));
    }
    there.then_some(path)
}

/// Decode all of `file`: frames, messages that came of them, and the decoder.
fn decode(file: &mut ItchFile) -> (u64, u64, Decoder) {
    let mut decoder = Decoder::new(Nanos(0), None, 1);
    let (mut frames, mut messages) = (0, 0);
    while let Some(frame) = file.next_frame() {
        frames += 1;
        messages += u64::from(decoder.decode(frame, Seq(frames)).is_some());
    }
    (frames, messages, decoder)
}

fn by_type(counts: &Counts) -> String {
    let with = |(kind, &count): (usize, &u64)| {
        (count > 0).then(|| format!("{}={count} ", char::from(kind as u8)))
    };
    counts.by_type.iter().enumerate().filter_map(with).collect()
}

/// Every frame of the file is well-formed and in order, and the counts are `expected`.
fn assert_counts(name: &str, messages: u64, instruments: usize, expected: &str) {
    let Some(path) = data(name) else { return };
    let mut file = ItchFile::open(path).unwrap();
    let (frames, decoded, decoder) = decode(&mut file);
    assert_eq!(file.fault(), None);
    assert_eq!(by_type(decoder.counts()), expected);
    let used: u64 =
        b"SRHhAFECXDUPQBY".iter().map(|&k| decoder.counts().by_type[usize::from(k)]).sum();
    assert_eq!((frames, decoded, decoder.messages()), (messages, used, messages));
    assert_eq!(decoder.table().len(), instruments);
    let counts = decoder.counts();
    assert_eq!((counts.malformed(), counts.time_backwards, counts.table_full), (0, 0, 0));
    let progress = file.progress();
    assert_eq!(Some(progress.read), progress.total);
}

#[test]
fn the_futures_session_has_the_messages_it_is_said_to_have() {
    let counts = "A=29216 D=12673 E=6217 H=1 R=1 S=6 U=9919 X=1367 ";
    assert_counts("es_20231225.itch50.zst", 59_400, 1, counts);
}

#[test]
fn the_hour_of_apple_has_the_messages_it_is_said_to_have() {
    let counts = "A=44256 D=41004 E=4067 H=1 P=2201 R=1 S=6 X=469 ";
    assert_counts("aapl_20120621.itch50.zst", 92_005, 1, counts);
}

#[test]
fn the_real_directory_has_the_messages_it_is_said_to_have() {
    assert_counts("directory_real.itch50", 1000, 993, "H=3 R=993 S=1 Y=3 ");
}

#[test]
fn the_made_days_have_the_messages_they_are_said_to_have() {
    let counts = "A=452752 C=949 D=390435 E=49103 F=13986 H=2000 I=3700 P=5426 R=2000 S=6 U=60370 \
                  X=17273 Y=2000 ";
    assert_counts("synthetic/syn1m_2000sym_seed7.itch50.zst", 1_000_000, 2000, counts);
    let counts = "A=90735 C=173 D=77481 E=9794 F=2810 H=500 I=714 P=1114 R=500 S=6 U=12061 X=3612 \
                  Y=500 ";
    assert_counts("synthetic/syn200k_500sym_seed1.itch50.zst", 200_000, 500, counts);
}

/// The first `length` bytes of a packed data file.
fn unpacked(name: &str, length: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(data(name)?).unwrap();
    zstd::stream::read::Decoder::new(file).unwrap().take(length).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

fn open(bytes: &[u8]) -> ItchFile {
    ItchFile::from_reader(Box::new(Cursor::new(bytes.to_vec())))
}

#[test]
fn gzip_of_a_session_decodes_as_the_session() {
    let Some(bytes) = unpacked("es_20231225.itch50.zst", u64::MAX) else { return };
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    let packed = packer.finish().unwrap();
    let (plain, gzip) = (decode(&mut open(&bytes)), decode(&mut open(&packed)));
    assert_eq!((plain.0, plain.1, plain.2.counts()), (gzip.0, gzip.1, gzip.2.counts()));
    assert_eq!(plain.0, 59_400);
}

/// Where each frame of whole `bytes` begins, and the end.
fn starts(bytes: &[u8]) -> Vec<usize> {
    let (mut starts, mut at) = (vec![0], 0);
    while let Some(prefix) = bytes.get(at..at + 2) {
        at += 2 + usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
        starts.push(at);
    }
    starts
}

#[test]
fn a_recording_cut_anywhere_stops_at_the_frame_that_was_cut() {
    let Some(bytes) = unpacked("es_20231225.itch50.zst", 50_000) else { return };
    let starts = starts(&bytes);
    for cut in (1..600).chain((600..bytes.len()).step_by(97)) {
        let mut file = open(&bytes[..cut]);
        let (frames, _, decoder) = decode(&mut file);
        let whole = starts.partition_point(|&start| start <= cut) - 1;
        let (start, got) = (starts[whole], cut - starts[whole]);
        assert_eq!((frames, file.bytes_read()), (whole as u64, start as u64), "cut at {cut}");
        assert_eq!(decoder.counts().malformed(), 0);
        let wanted = if got == 1 { 2 } else { starts[whole + 1] - start };
        let truncated = FramingFault::Truncated { offset: start as u64, wanted, got };
        assert_eq!(file.fault(), (got > 0).then_some(truncated), "cut at {cut}");
    }
}

#[test]
fn a_recording_with_a_flipped_bit_stops_where_it_must_and_skips_what_it_must() {
    let Some(bytes) = unpacked("es_20231225.itch50.zst", 50_000) else { return };
    let starts = starts(&bytes);
    for bit in (0..4000).chain((4000..bytes.len() * 8).step_by(811)) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut file = open(&flipped);
        let (frames, _, decoder) = decode(&mut file);
        let hit = starts.partition_point(|&start| start <= bit / 8) - 1;
        let place = bit / 8 - starts[hit];
        assert!(frames >= hit as u64, "what comes before the flip is whole");
        let first = |counts: &Counts| {
            let flaws =
                [counts.unknown_type, counts.wrong_length, counts.bad_side, counts.bad_time];
            flaws.iter().filter_map(|flaw| flaw.first).map(|place| place.offset).min()
        };
        let length = starts[hit + 1] - starts[hit] - 2;
        let same_length = place == 2 && itch::length(flipped[bit / 8]) == Some(length);
        match place {
            // In the first frame: the file is not known for what it is.
            0..=2 if hit == 0 && !same_length => {
                assert!(matches!(file.fault(), Some(FramingFault::NotItch { .. })), "bit {bit}");
                assert_eq!(frames, 0);
            }
            // The length is wrong: so is this frame, or it is cut by the end.
            0..=1 => match first(decoder.counts()) {
                Some(offset) => assert_eq!(offset, starts[hit] as u64, "bit {bit}"),
                None => assert_eq!(
                    (frames, file.bytes_read()),
                    (hit as u64, starts[hit] as u64),
                    "bit {bit}"
                ),
            },
            // The type is wrong: this frame alone is skipped, unless the other type has its length.
            2 if !same_length => {
                assert_eq!(first(decoder.counts()), Some(starts[hit] as u64), "bit {bit}");
                assert_eq!(decoder.counts().malformed(), 1);
            }
            // The frames are all there; a side may be wrong.
            _ => {
                assert_eq!(frames as usize, starts.len() - 2, "bit {bit}");
                assert!(decoder.counts().malformed() <= 1);
            }
        }
    }
}

#[test]
fn engine_time_is_the_days_midnight_and_the_messages_own_time() {
    let Some(path) = data("aapl_20120621.itch50.zst") else { return };
    let day = super::date::Day::from_file_name(&path).unwrap();
    let mut decoder = Decoder::new(day.midnight(), None, 1);
    let mut file = ItchFile::open(path).unwrap();
    let (mut sequence, mut first) = (0, None);
    while let Some(frame) = file.next_frame() {
        sequence += 1;
        if let Some(market) = decoder.decode(frame, Seq(sequence)) {
            let span = market.head.time.since(day.midnight());
            assert_eq!(span.0, itch::frame_time(frame));
            assert!(market.head.instrument == InstrumentId(0) || market.head.kind == Kind::SESSION);
            first = first.or((market.head.kind == Kind::ADD).then_some(span));
        }
    }
    let half_past_nine = 34_200_000_000_000;
    assert!(
        first
            .is_some_and(|span| (half_past_nine..half_past_nine + 1_000_000_000).contains(&span.0))
    );
}
