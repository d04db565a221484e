//! Bad input: refused with a word on what and where, and never a panic.

use super::support::{Bench, SMALL, coretick, rows, unread};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::fs;
use std::io::Write;

/// Files with flipped bits that are tried.
const FLIPPED: u64 = 120;

/// Where each message's length prefix begins, and the end.
fn starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    while let Some(&[high, low]) = bytes.get(starts[starts.len() - 1]..).and_then(|b| b.get(..2)) {
        starts.push(starts[starts.len() - 1] + 2 + usize::from(u16::from_be_bytes([high, low])));
    }
    starts
}

#[test]
fn a_file_that_is_cut_keeps_what_came_before_and_fails() {
    let bench = Bench::new();
    let small = bench.file("small.toml", SMALL);
    let bytes = fs::read(bench.day("day", 20_000, 20, 21)).unwrap();
    let starts = starts(&bytes);
    for (message, extra) in [(0, 1), (0, 2), (0, 5), (1, 1), (9_000, 1), (9_000, 2), (19_999, 5)] {
        let cut = bench.file("cut", &bytes[..starts[message] + extra]);
        for stages in ["book", "route"] {
            let arguments = [&cut, "--config", &small, "--stages", stages, "--strategy", "quoter"];
            let (ran, files) = bench.replay(&arguments);
            let place = format!("at byte {}", starts[message]);
            let ran = ran.refused(&[&cut, &place]);
            let what = format!("{message} + {extra} {stages}: {ran:?}");
            assert!(ran.out.contains("messages  "), "{what}");
            let summary = files.summary();
            assert_eq!(summary["messages"], message, "{what}");
            assert!(summary["broken_off"].as_str().unwrap().contains(&place), "{what}");
            let unread = unread(["replay", &cut, "--config", &small, "--stages", stages]);
            assert!(unread.0 == Some(2) && unread.1.contains(&place), "{unread:?}");
            if stages == "route" && message > 9_000 {
                assert!(!rows(&files.orders).is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn a_packed_file_that_is_cut_keeps_what_came_before_and_fails() {
    let bench = Bench::new();
    let bytes = fs::read(bench.day("day", 20_000, 20, 22)).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    let gzip = packer.finish().unwrap();
    let zstd = zstd::encode_all(&bytes[..], 1).unwrap();
    for (name, packed) in [("gzip", gzip), ("zstd", zstd)] {
        let cut = bench.file(name, &packed[..packed.len() * 3 / 4]);
        let (ran, files) = bench.replay(&[&cut, "--stages", "book"]);
        ran.refused(&[&cut, "cut short"]);
        let read = files.summary()["messages"].as_u64().unwrap();
        assert!((1..20_000).contains(&read), "{name}: {read}");
        // All of it, and then something else.
        let damaged = bench.file(name, [&packed[..], b"\x00\x01 and so on"].concat());
        let (ran, files) = bench.replay(&[&damaged, "--stages", "book"]);
        ran.refused(&[&damaged, "cannot be read or unpacked", &format!("byte {}", bytes.len())]);
        assert_eq!(files.summary()["messages"], 20_000, "{name}");
    }
}

#[test]
fn flipped_bits_never_stop_the_engine_in_disorder() {
    let bench = Bench::new();
    let quick = bench.file("quick.toml", format!("{SMALL}[topology]\nexecutor = \"thread\"\n"));
    let whole = fs::read(bench.day("day", 4_000, 10, 23)).unwrap();
    let packed = zstd::encode_all(&whole[..], 1).unwrap();
    let orders = |path: &str, arguments: &[&str]| {
        let (ran, files) = bench.replay(&[&[path], arguments].concat());
        (rows(&files.orders).len(), files, ran)
    };
    let strategy = ["--strategy", "quoter", "--config", &quick];
    let (undamaged, _, ran) = orders(&bench.file("whole", &whole), &strategy);
    ran.good();
    let (mut good, mut refused, mut compared) = (0, 0, 0);
    for seed in 0..FLIPPED {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = if seed % 8 == 7 { packed.clone() } else { whole.clone() };
        let flips = 1 << (seed % 7);
        for _ in 0..flips {
            let at = random.next_u32() as usize % bytes.len();
            bytes[at] ^= 1 << (random.next_u32() % 8);
        }
        let path = bench.file("flipped", bytes);
        let placement = if seed % 2 == 0 { "fused" } else { "split" };
        let (count, files, ran) =
            orders(&path, &[&strategy[..], &["--placement", placement]].concat());
        match ran.code {
            Some(0) => {
                good += 1;
                // Little damage changes little: the engine goes on trading behind it. An order that never leaves can stop
                // the trade in its symbol, one in ten, for the rest of the day. A length that is damaged can swallow a
                // sixth of these 4,000 messages: nobody trades on what was not read.
                if flips <= 4 {
                    compared += 1;
                    let messages = files.summary()["messages"].as_u64().unwrap() as usize;
                    let expected = undamaged * messages / 4_000;
                    let few = expected.abs_diff(count) <= expected / 5;
                    assert!(few, "seed {seed}: {count} orders, not some {expected}: {ran:?}");
                }
            }
            Some(2) => refused += 1,
            _ => panic!("seed {seed}: {ran:?}"),
        }
    }
    assert!(good > 0 && refused > 0, "{good} went through, {refused} were refused");
    assert!(compared > 20, "{compared}");
}

#[test]
fn a_damaged_time_costs_little_more_than_its_message() {
    let bench = Bench::new();
    let small = bench.file("small.toml", SMALL);
    let day = bench.day("day", 20_000, 20, 26);
    let arguments = ["--strategy", "quoter", "--config", &small];
    let (ran, files) = bench.replay(&[&[day.as_str()][..], &arguments].concat());
    assert!(!ran.good().out.contains("\ntimed "));
    let undamaged = rows(&files.orders).len();
    let bytes = fs::read(&day).unwrap();
    // Prefix, type, locate and tracking number stand before the six bytes of the time.
    let time = starts(&bytes)[12_000] + 2 + 5;
    for bit in 28..48 {
        let mut damaged = bytes.clone();
        let byte = &mut damaged[time + 5 - bit / 8];
        let raised = *byte & 1 << (bit % 8) == 0;
        *byte ^= 1 << (bit % 8);
        let damaged = bench.file("damaged", damaged);
        let (ran, files) = bench.replay(&[&[damaged.as_str()][..], &arguments].concat());
        let ran = ran.good();
        let count = rows(&files.orders).len();
        assert!(undamaged.abs_diff(count) <= undamaged / 50, "bit {bit}: {count}, {undamaged}");
        let summary = files.summary();
        let bad = summary["malformed"]["bad_time"]["count"].as_u64().unwrap();
        let backwards = summary["time_backwards"].as_u64().unwrap();
        assert_eq!(ran.out.contains("\ntimed     1 before"), backwards == 1, "{ran:?}");
        // Some seconds may be a pause of the market as well.
        assert!(bit < 36 || (bad, backwards) == if raised { (1, 0) } else { (0, 1) }, "{summary}");
    }
}

#[test]
fn what_is_no_day_is_refused_by_its_name() {
    let bench = Bench::new();
    let folder = bench.path("").to_str().unwrap().to_string();
    for (path, word) in [
        (bench.file("empty", ""), "empty"),
        (bench.file("mark", [0, 0]), "empty"),
        (bench.file("nothing.zst", zstd::encode_all(&b""[..], 1).unwrap()), "empty"),
        (bench.file("text", "Dear all,\nplease find the day attached.\n"), "no ITCH"),
        (bench.file("picture", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"), "no ITCH"),
        (bench.file("zeros", [0; 64]), ""),
        (folder, "directory"),
        (bench.path("missing").to_str().unwrap().into(), "no such file"),
        ("/dev/null".into(), "empty"),
    ] {
        for command in ["replay", "book"] {
            let ran = coretick([command, &path]).refused(&[&path, word]);
            assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        }
    }
}

#[test]
fn malformed_messages_are_skipped_and_strictly_an_error() {
    let bench = Bench::new();
    let bytes = fs::read(bench.day("day", 20_000, 20, 24)).unwrap();
    let at = starts(&bytes)[5_000];
    let unknown = [&[0, 12, b'z'][..], &[0; 11]].concat();
    let wrong_length = [&[0, 20, b'A'][..], &[0; 19]].concat();
    let (head, tail) = bytes.split_at(at);
    let path = bench.file("day", [head, &unknown, &wrong_length, tail].concat());
    let (ran, files) = bench.replay(&[&path]);
    let ran = ran.good();
    for line in [
        format!("skipped   1 unknown_type, first message 5001 at byte {at}"),
        format!("skipped   1 wrong_length, first message 5002 at byte {}", at + unknown.len()),
    ] {
        assert!(ran.out.contains(&line), "{line}: {}", ran.out);
    }
    let summary = files.summary();
    assert_eq!(summary["messages"], 20_002);
    for (name, at) in [("unknown_type", at), ("wrong_length", at + unknown.len())] {
        let malformed = &summary["malformed"][name];
        assert_eq!(malformed["count"], 1);
        assert!(malformed["first"].as_str().unwrap().contains(&format!("at byte {at}:")));
    }
    coretick(["replay", &path, "--strict"]).failed(3, &["2 malformed"]);
    let (code, said) = unread(["replay", &path, "--strict"]);
    assert!(code == Some(3) && said.contains("2 malformed"), "{code:?} {said}");
    assert_eq!(unread(["replay", &path]), (Some(0), String::new()), "who left asked for no more");
}

#[test]
fn a_book_says_what_it_skipped_and_fails_when_it_runs_out_of_room() {
    let bench = Bench::new();
    let day = bench.day("day", 4_000, 1, 26);
    let shown = coretick(["book", &day]).good();
    assert!(!shown.err.contains("pool_exhausted"), "{shown:?}");
    let tiny = bench.file("tiny.toml", "[book]\norders_max = 8\n");
    let cut = coretick(["book", &day, "--config", &tiny]).refused(&[&day, "book.orders_max"]);
    assert!(cut.err.contains("note: pool_exhausted "), "{cut:?}");
    assert!(rows(&cut.out).len() < rows(&shown.out).len(), "{cut:?}");

    let bytes = fs::read(&day).unwrap();
    let (head, tail) = bytes.split_at(starts(&bytes)[3_000]);
    let flawed = bench.file("flawed", [head, &[0, 1, b'z'], tail].concat());
    let ran = coretick(["book", &flawed]).good();
    let note = format!("note: skipped 1 unknown_type, first message 3001 at byte {}", head.len());
    assert!(ran.err.contains(&note), "{ran:?}");
    assert_eq!(rows(&ran.out).len(), rows(&shown.out).len());
}

#[test]
fn malformed_messages_of_a_later_file_have_their_place_in_it() {
    let bench = Bench::new();
    let bytes = fs::read(bench.day("day", 20_000, 20, 24)).unwrap();
    let starts = starts(&bytes);
    let unknown = [&[0, 12, b'z'][..], &[0; 11]].concat();
    let (first, second) = bytes.split_at(starts[12_000]);
    let at = starts[15_000] - starts[12_000];
    let first = bench.file("first", first);
    let second = bench.file("second", [&second[..at], &unknown, &second[at..]].concat());
    let (ran, files) = bench.replay(&[&first, &second]);
    let place = format!("{second}: message 15001 at byte {at}: type 'z', 12 bytes");
    let ran = ran.good();
    assert!(ran.out.contains(&format!("skipped   1 unknown_type, first {place}\n")), "{}", ran.out);
    assert_eq!(files.summary()["malformed"]["unknown_type"]["first"], place);
}

#[test]
fn a_wrong_argument_is_refused_and_says_which() {
    let bench = Bench::new();
    let day = bench.day("day", 2_000, 10, 25);
    let unknown = bench.file("unknown.toml", "[book]\nshards = 1\nordersmax = 5\n");
    let broken = bench.file("broken.toml", "[book\n");
    let refused = |arguments: &[&str], words: &[&str]| {
        coretick(["replay", &day].iter().chain(arguments)).refused(words);
    };
    refused(&["--date", "2020-02-30"], &["--date 2020-02-30", "YYYY-MM-DD"]);
    refused(&["--date", "today"], &["--date today"]);
    refused(&["--config", &unknown], &[&format!("{unknown}:3:1"), "book.ordersmax", "orders_max"]);
    refused(&["--config", &broken], &[&format!("{broken}:1")]);
    refused(&["--config", "nowhere.toml"], &["nowhere.toml"]);
    let late = bench.file("late.toml", "[engine]\ngood_until_us = 5\n");
    refused(&["--config", &late], &[&format!("{late}:2:1"), "late", "at least 20"]);
    coretick(["check", "--config", &late]).refused(&["late"]);
    let tableless = bench.file("tableless.toml", "engine.instruments = \"nowhere.csv\"\n");
    refused(&["--config", &tableless], &["nowhere.csv"]);
    coretick(["check", "--config", &tableless]).refused(&["nowhere.csv"]);
    refused(&["--placement", "sideways"], &["sideways", "fused, split"]);
    refused(&["--placement", &unknown], &[&unknown]);
    refused(&["--stages", "all"], &["all"]);
    refused(&["--strategy", "luck"], &["luck"]);
    refused(&["--symbols", "AAPL,TOOLONGNAME"], &["TOOLONGNAME", "one to eight"]);
    refused(&["--symbols", ""], &["one to eight"]);
    let file = bench.file("file", "");
    let taken = coretick(["replay", &day, "--out", &file]).failed(1, &[&file]);
    assert!(taken.out.is_empty());
    assert!(fs::read(&file).unwrap().is_empty());
}

#[test]
fn a_symbol_that_the_day_never_announces_is_named() {
    let bench = Bench::new();
    let day = bench.day("day", 20_000, 10, 26);
    let (_, all) = bench.replay(&[&day, "--strategy", "quoter"]);
    let symbol = rows(&all.orders)[0][2].to_string();
    assert_eq!(all.summary()["symbols_not_announced"], serde_json::json!([]));
    // An instrument table may name what this day does not have.
    let table = bench.file("table.csv", format!("symbol\n{symbol}\nZZZZ\n"));
    let known = bench.file("known.toml", format!("[engine]\ninstruments = \"{table}\"\n"));
    let small = bench.file("small.toml", SMALL);
    for config in [&small, &known] {
        for stages in ["ingest", "book", "risk", "route"] {
            let arguments = [&day, "--config", config, "--stages", stages, "--strategy", "quoter"];
            let some = format!("ZZZZ,{symbol},YYYY");
            let (ran, files) = bench.replay(&[&arguments[..], &["--symbols", &some]].concat());
            let ran = ran.good();
            let said: Vec<_> = ran.err.lines().filter(|line| line.contains("symbol")).collect();
            assert_eq!(said.len(), 2, "{ran:?}");
            for (line, name) in said.iter().zip(["ZZZZ", "YYYY"]) {
                assert!(line.contains(&format!("symbol {name}: not announced")), "{line}");
                assert!(line.contains(&day), "{line}");
            }
            assert!(ran.out.contains("missing   ZZZZ  YYYY"), "{ran:?}");
            let missing = &files.summary()["symbols_not_announced"];
            assert_eq!(*missing, serde_json::json!(["ZZZZ", "YYYY"]));
            let orders = rows(&files.orders);
            assert!(orders.iter().all(|row| row[2] == symbol));
            assert_eq!(orders.is_empty(), !matches!(stages, "risk" | "route"), "{stages}");

            let (ran, files) =
                bench.replay(&[&arguments[..], &["--symbols", "ZZZZ,YYYY"]].concat());
            let ran = ran.refused(&[&day, "none of the symbols"]);
            assert!(ran.out.contains("messages  20,000"), "what was read is shown: {ran:?}");
            assert_eq!(files.summary()["messages"], 20_000);
        }
    }
}
