//! Captures: a day wrapped into packets gives, byte for byte, what the day itself does, whatever the network did to it.

use super::support::{Bench, Files, SMALL, coretick, data, rows};
use serde_json::json;
use std::fs;

/// The head of a capture and its packets, each with its own head.
fn packets(capture: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (head, mut rest) = capture.split_at(24);
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        let (packet, behind) = rest.split_at(16 + length as usize);
        packets.push(packet);
        rest = behind;
    }
    (head, packets)
}

/// The sequence and the count of a packet.
fn numbers(packet: &[u8]) -> (u64, u16) {
    let mold = &packet[16 + 42..];
    let count = u16::from_be_bytes(mold[18..20].try_into().unwrap());
    (u64::from_be_bytes(mold[10..18].try_into().unwrap()), count)
}

impl Bench {
    fn convert(&self, day: &str, name: &str, arguments: &[&str]) -> String {
        let path = self.path(name).to_str().unwrap().to_string();
        coretick([&["convert", day, &path][..], arguments].concat()).good();
        path
    }

    fn traded(&self, arguments: &[&str], files: &[&str]) -> Files {
        let (ran, replayed) = self.replay(&[files, arguments].concat());
        ran.good();
        replayed
    }
}

/// What a day and a capture of it have in common, beside orders and fills.
const SAME: [&str; 6] =
    ["messages", "messages_by_type", "malformed", "time_backwards", "anomalies", "live_orders"];

fn assert_same(capture: &Files, day: &Files, what: &str) {
    capture.assert_same(day, what);
    let (capture, day) = (capture.summary(), day.summary());
    for key in SAME {
        assert_eq!(capture[key], day[key], "{what} {key}");
    }
    assert!(day.get("capture").is_none());
}

#[test]
fn a_capture_gives_what_the_day_that_it_was_made_of_does() {
    let bench = Bench::new();
    let small = bench.file("small.toml", SMALL);
    let day = bench.day("01302020", 20_000, 20, 31);
    let strategy = ["--strategy", "quoter", "--config", &small, "--date", "2020-01-30"];
    let expected = bench.traded(&strategy, &[&day]);
    assert!(rows(&expected.orders).len() > 100);
    for (name, arguments) in [
        ("one.pcap", &[][..]),
        ("two.pcap", &["--lines", "2"]),
        ("narrow.pcap", &["--mtu", "128", "--within-us", "0", "--session", "S1"]),
        ("wide.pcap", &["--lines", "2", "--mtu", "65535", "--within-us", "4000000000"]),
    ] {
        let capture = bench.convert(&day, name, arguments);
        for placement in ["fused", "split"] {
            let arguments = [&strategy[..], &["--placement", placement]].concat();
            let replayed = bench.traded(&arguments, &[&capture]);
            assert_same(&replayed, &expected, &format!("{name} {placement}"));
            let counts = &replayed.summary()["capture"];
            let lines = if name == "two.pcap" || name == "wide.pcap" { 2 } else { 1 };
            assert_eq!(
                counts["known"],
                counts["with_messages"].as_u64().unwrap() / lines * (lines - 1)
            );
            assert_eq!(counts["ends_of_session"], lines);
            assert_eq!((&counts["gaps"], &counts["too_early"]), (&json!(0), &json!(0)));
        }
    }
    let two = bench.path("two.pcap").to_str().unwrap().to_string();
    let packed = bench.file("packed", zstd::encode_all(&fs::read(&two).unwrap()[..], 1).unwrap());
    assert_same(&bench.traded(&strategy, &[&packed]), &expected, "packed");
    let symbol = rows(&expected.orders)[0][2].to_string();
    let depth = |path: &str| {
        let arguments = ["--symbol", &symbol, "--every", "500", "--config", &small];
        let ran = coretick([&["book", path][..], &arguments].concat()).good();
        assert!(ran.err.is_empty(), "{ran:?}");
        ran.out
    };
    let expected = depth(&day);
    assert!(expected.lines().count() > 100 && depth(&two) == expected);
}

#[test]
fn captures_of_real_days_give_what_the_days_do() {
    let bench = Bench::new();
    for day in ["es_20231225.itch50.zst", "aapl_20120621.itch50.zst"] {
        let Some(path) = data(day) else { return };
        let small = bench.file("small.toml", SMALL);
        let strategy = ["--strategy", "imbalance", "--date", "2023-12-25", "--config", &small];
        let expected = bench.traded(&strategy, &[&path]);
        let capture = bench.convert(&path, "day.pcap", &["--lines", "2"]);
        assert_same(&bench.traded(&strategy, &[&capture]), &expected, day);
    }
}

#[test]
fn what_one_line_loses_or_brings_late_the_other_makes_up_for() {
    let bench = Bench::new();
    let small = bench.file("small.toml", SMALL);
    let day = bench.day("day", 20_000, 20, 32);
    let strategy = ["--strategy", "quoter", "--config", &small];
    let expected = bench.traded(&strategy, &[&day]);
    // The lines cut their packets at other places.
    let a = fs::read(bench.convert(&day, "a.pcap", &["--mtu", "700", "--within-us", "1000000"]))
        .unwrap();
    let b = fs::read(bench.convert(&day, "b.pcap", &["--mtu", "400", "--within-us", "1000000"]))
        .unwrap();
    let (head, a) = packets(&a);
    let (_, b) = packets(&b);
    // Of each line what falls into every other stretch of 64 sequences is lost, a little less than half.
    let kept = |packets: &[&'_ [u8]], odd: u64| -> Vec<(u64, Vec<u8>)> {
        let kept = packets.iter().filter(|packet| {
            let (first, count) = numbers(packet);
            let last = first + u64::from(count.min(1_000));
            first / 64 % 2 == odd || last / 64 % 2 == odd
        });
        kept.map(|packet| (numbers(packet).0, packet.to_vec())).collect()
    };
    let mut both = [kept(&a, 0), kept(&b, 1)].concat();
    let lost = a.len() + b.len() - both.len();
    assert!(lost > both.len() / 4, "{lost} of {} are lost", a.len() + b.len());
    // Line B is some way behind, and pairs change places.
    both.sort_by_key(|(first, _)| *first + if first / 64 % 2 == 1 { 150 } else { 0 });
    both.chunks_mut(5).for_each(|chunk| chunk.reverse());
    let bytes: Vec<u8> = both.into_iter().flat_map(|(_, packet)| packet).collect();
    let lossy = bench.file("lossy.pcap", [head, &bytes].concat());
    let replayed = bench.traded(&strategy, &[&lossy]);
    assert_same(&replayed, &expected, "two lines that lose");
    let counts = &replayed.summary()["capture"];
    assert!(counts["too_early"].as_u64() > Some(300), "{counts}");
    assert!(counts["overlapping"].as_u64() > Some(50), "{counts}");
    assert_eq!(counts["gaps"], 0);
}

#[test]
fn a_gap_on_both_lines_is_told_with_its_place_and_the_rest_is_read() {
    let bench = Bench::new();
    let small = bench.file("small.toml", SMALL);
    let day = bench.day("day", 20_000, 20, 33);
    let capture = fs::read(bench.convert(&day, "day.pcap", &["--lines", "2"])).unwrap();
    let (head, mut packets) = packets(&capture);
    let (first, count) = numbers(packets[2_000]);
    assert_eq!(numbers(packets[2_001]), (first, count));
    packets.drain(2_000..2_002);
    // Something else passes by.
    let mut arp = packets[0].to_vec();
    arp[16 + 13] = 6;
    packets.insert(10, &arp);
    let gap = bench.file("gap.pcap", [head, &packets.concat()].concat());
    let (ran, files) = bench.replay(&[&gap, "--stages", "book", "--config", &small]);
    let ran = ran.good();
    let told = format!(
        "gaps      1: {count} messages missing, first {count} from sequence {first} of session 19700101\n"
    );
    assert!(ran.out.contains(&told), "{}", ran.out);
    assert!(ran.out.contains("not taken not_ip 1 (first: packet 11)\n"), "{}", ran.out);
    let summary = files.summary();
    assert_eq!(summary["messages"], 20_000 - u64::from(count));
    let counts = &summary["capture"];
    assert_eq!(counts["missing_messages"], count);
    let place = json!({ "session": "19700101", "sequence": first, "count": count });
    assert_eq!(counts["first_gap"], place);
    assert_eq!(counts["not_taken"]["not_ip"], json!({ "count": 1, "first": 11 }));
    let ran =
        coretick(["book", &gap, "--symbol", "NOSUCH", "--config", &small]).refused(&["NOSUCH"]);
    assert!(ran.err.contains("note: gaps 1: ") && ran.err.contains("not_ip 1"), "{ran:?}");
}

#[test]
fn captures_in_a_row_are_one_day() {
    let bench = Bench::new();
    let small = bench.file("small.toml", SMALL);
    let day = bench.day("day", 20_000, 20, 34);
    let strategy = ["--strategy", "quoter", "--config", &small];
    let expected = bench.traded(&strategy, &[&day]);
    let capture = fs::read(bench.convert(&day, "day.pcap", &["--lines", "2"])).unwrap();
    let (head, packets) = packets(&capture);
    // Cut between the copies of a packet.
    let parts: Vec<String> = [&packets[..2_001], &packets[2_001..4_000], &packets[4_000..]]
        .iter()
        .enumerate()
        .map(|(part, packets)| {
            bench.file(&format!("part{part}"), [head, &packets.concat()].concat())
        })
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let replayed = bench.traded(&strategy, &parts);
    assert_same(&replayed, &expected, "three captures");
    let counts = &replayed.summary()["capture"];
    assert_eq!(counts["packets"], packets.len());
    assert_eq!((&counts["sessions"], &counts["gaps"]), (&json!(1), &json!(0)));
}

#[test]
fn a_capture_that_is_cut_or_of_something_else_is_refused_with_its_place() {
    let bench = Bench::new();
    let small = bench.file("small.toml", SMALL);
    let day = bench.day("day", 20_000, 20, 35);
    let capture = fs::read(bench.convert(&day, "day.pcap", &[])).unwrap();
    let (head, packets) = packets(&capture);
    let whole: usize = packets[..1_000].iter().map(|packet| packet.len()).sum();
    let cut = bench.file("cut.pcap", &capture[..24 + whole + 30]);
    let (ran, files) = bench.replay(&[&cut, "--stages", "book", "--config", &small]);
    ran.refused(&[&cut, "in the middle of a packet", &format!("30 bytes at byte {}", 24 + whole)]);
    let (first, _) = numbers(packets[1_000]);
    assert_eq!(files.summary()["messages"], first - 1);

    let empty = bench.file("empty.pcap", head);
    let text =
        bench.file("text.pcap", [head, &[0; 8], &[4, 0, 0, 0, 4, 0, 0, 0], b"text"].concat());
    for (path, words) in [(&empty, "0 packets"), (&text, "1 packets")] {
        for command in ["replay", "book"] {
            coretick([command, path, "--config", &small]).refused(&[path, "MoldUDP64", words]);
        }
    }
    let whole = bench.path("day.pcap").to_str().unwrap().to_string();
    coretick(["replay", &whole, "--port", "26400", "--stages", "ingest"]).good();
    coretick(["replay", &whole, "--port", "26401", "--stages", "ingest"])
        .refused(&[&whole, "--port"]);
    coretick(["replay", &whole, "--port", "65536"]).refused(&["65536"]);
}

#[test]
fn what_cannot_be_converted_is_refused_by_its_name() {
    let bench = Bench::new();
    let day = bench.day("day.pcap", 2_000, 10, 36);
    let before = fs::read(&day).unwrap();
    let out = bench.path("out.pcap").to_str().unwrap().to_string();
    coretick(["convert", &day, &day]).refused(&[&day, "onto itself"]);
    assert!(fs::read(&day).unwrap() == before);
    coretick(["convert", &day, "out.pcapng"]).refused(&["out.pcapng", ".pcap"]);
    coretick(["convert", "nowhere", &out]).refused(&["nowhere", "no such file"]);
    for (argument, value) in [
        ("--mtu", "127"),
        ("--mtu", "65536"),
        ("--lines", "0"),
        ("--lines", "3"),
        ("--session", ""),
        ("--session", "elevenchars"),
        ("--session", "a b"),
        ("--date", "today"),
    ] {
        coretick(["convert", &day, &out, argument, value]).refused(&[argument]);
    }
    assert!(!bench.path("out.pcap").exists());
    let long = bench.file("long", [&before[..14], &[1, 0], &[b'z'; 256]].concat());
    coretick(["convert", &long, &out, "--mtu", "128"]).refused(&[
        &long,
        "message 2 of 256",
        "--mtu",
    ]);
    let blocked = format!("{day}/out.pcap");
    coretick(["convert", &day, &blocked]).failed(1, &[&blocked]);
    // What can be read of a day that is cut is written.
    let cut = bench.file("cut", &before[..before.len() - 1]);
    let ran = coretick(["convert", &cut, &out]).refused(&[&cut, "in the middle of a message"]);
    assert!(ran.out.contains("1,999 messages in "), "{ran:?}");
    coretick(["replay", &out, "--stages", "ingest"]).good();
}
