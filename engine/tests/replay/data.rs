//! Real and synthetic days against what their source says of them.

use super::support::{Bench, coretick, data, rows};
use serde_json::{Value, json};
use std::fs;

/// Symbols of a synthetic day that are looked at one by one.
const SYMBOLS: usize = 3;

/// What must come out of a real day.
struct Real {
    file: &'static str,
    depth: &'static str,
    by_type: Value,
    unknown_references: u64,
    live_orders: u64,
}

fn real() -> [Real; 2] {
    [
        Real {
            file: "es_20231225.itch50.zst",
            depth: "es_20231225.depth.csv",
            by_type: json!({"A": 29_216, "D": 12_673, "E": 6_217, "U": 9_919, "X": 1_367, "S": 6, "R": 1, "H": 1}),
            unknown_references: 0,
            live_orders: 11_217,
        },
        Real {
            file: "aapl_20120621.itch50.zst",
            depth: "aapl_20120621.depth.csv",
            by_type: json!({"A": 44_256, "D": 41_004, "E": 4_067, "P": 2_201, "X": 469, "S": 6, "R": 1, "H": 1}),
            unknown_references: 84,
            live_orders: 380,
        },
    ]
}

#[test]
fn real_days_give_the_counts_of_their_source_at_every_stage_and_with_every_strategy() {
    let bench = Bench::new();
    for real in real() {
        let Some(path) = data(real.file) else { return };
        for stages in ["ingest", "book", "risk", "route"] {
            for strategy in ["none", "imbalance", "quoter"] {
                let trades = matches!(stages, "risk" | "route");
                if !trades && strategy != "none" {
                    continue;
                }
                let (ran, files) =
                    bench.replay(&[&path, "--stages", stages, "--strategy", strategy]);
                ran.good();
                let summary = files.summary();
                let what = format!("{} {stages} {strategy}", real.file);
                let counts: u64 =
                    real.by_type.as_object().unwrap().values().filter_map(Value::as_u64).sum();
                assert_eq!(summary["messages"], counts, "{what}");
                assert_eq!(summary["messages_by_type"], real.by_type, "{what}");
                if stages == "ingest" {
                    continue;
                }
                assert_eq!(summary["live_orders"], real.live_orders, "{what}");
                let unknown = &summary["anomalies"]["unknown_reference"];
                assert_eq!(*unknown, real.unknown_references, "{what}");
                if trades {
                    let traded = summary["orders"].as_u64().unwrap() > 0;
                    assert_eq!(traded, strategy != "none", "{what}");
                    assert_eq!(rows(&files.orders).len() as u64, summary["orders"], "{what}");
                    assert_eq!(rows(&files.fills).len() as u64, summary["fills"], "{what}");
                }
            }
        }
    }
}

#[test]
fn the_depth_of_real_days_is_that_of_their_source_byte_for_byte() {
    for real in real() {
        let (Some(path), Some(depth)) = (data(real.file), data(real.depth)) else { return };
        let shown = coretick(["book", &path, "--every", "1000"]).good().out;
        // The source's lines end as on a teletype.
        let expected = fs::read_to_string(depth).unwrap().replace("\r\n", "\n");
        assert!(shown == expected, "{}: {} lines", real.file, shown.lines().count());
    }
}

/// The last line of a symbol's depth, as the truth file writes it: best levels, and how much there is of each side.
fn ends(path: &str, symbol: &str) -> String {
    let ran = coretick(["book", path, "--symbol", symbol, "--levels", "1000000"]).good();
    let rows = rows(&ran.out);
    let side = |side: &str| rows.iter().filter(|row| row[1] == side).collect::<Vec<_>>();
    let best = |side: &[&Vec<&str>]| {
        side.first().map_or("0 0".into(), |row| format!("{} {}", row[3], row[4]))
    };
    let orders: u64 = rows.iter().map(|row| row[5].parse::<u64>().unwrap()).sum();
    let (bids, asks) = (side("B"), side("S"));
    format!("{} {} {} {} {orders}", best(&bids), best(&asks), bids.len(), asks.len())
}

#[test]
fn synthetic_days_end_with_the_books_of_their_truth() {
    let bench = Bench::new();
    for (name, messages) in [("syn200k_500sym_seed1", 200_000), ("syn1m_2000sym_seed7", 1_000_000)]
    {
        let Some(path) = data(&format!("synthetic/{name}.itch50.zst")) else { return };
        let Some(truth) = data(&format!("synthetic/{name}.truth")) else { return };
        let truth = fs::read_to_string(truth).unwrap();
        let truth: Vec<Vec<&str>> =
            truth.lines().map(|line| line.split_whitespace().collect()).collect();
        let orders: u64 = truth.iter().map(|line| line[8].parse::<u64>().unwrap()).sum();

        for stages in ["book", "route"] {
            let (ran, files) = bench.replay(&[&path, "--stages", stages, "--strategy", "none"]);
            ran.good();
            let summary = files.summary();
            assert_eq!(summary["messages"], messages, "{name} {stages}");
            assert_eq!(summary["live_orders"], orders, "{name} {stages}");
        }
        let step = truth.len() / SYMBOLS;
        for line in truth.iter().step_by(step).take(SYMBOLS) {
            assert_eq!(ends(&path, line[1]), line[2..].join(" "), "{name} {}", line[1]);
        }
        coretick(["book", &path]).refused(&["--symbol", truth[0][1]]);
        coretick(["book", &path, "--symbol", "NOSUCH"]).refused(&["NOSUCH", truth[0][1]]);
    }
}

#[test]
fn a_real_directory_is_read_whole_and_makes_no_book() {
    let bench = Bench::new();
    let Some(path) = data("directory_real.itch50") else { return };
    for stages in ["ingest", "book", "risk", "route"] {
        let (ran, files) = bench.replay(&[&path, "--stages", stages, "--strict"]);
        ran.good();
        let summary = files.summary();
        assert_eq!(summary["messages"], 1_000);
        assert_eq!(summary["messages_by_type"], json!({"R": 993, "H": 3, "Y": 3, "S": 1}));
        if stages != "ingest" {
            assert_eq!(summary["live_orders"], 0);
            let anomalies = summary["anomalies"].as_object().unwrap();
            assert!(anomalies.values().all(|count| *count == 0), "{anomalies:?}");
        }
    }
}
