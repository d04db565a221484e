//! Every placement, every executor, real threads: the same orders and fills, byte for byte.

use super::support::{Bench, Files, SMALL, data, rows};
use std::fs;
use std::io::Write;

/// Strategies that act as often as they can.
const EAGER: &str = "
[strategy.imbalance]
cooldown_ms = 10
threshold_per_mille = 650
[strategy.quoter]
cooldown_ms = 1
";

/// The shallowest rings that are allowed.
const SHALLOW: &str = "
[link]
market = { depth = 2 }
intent = { depth = 8 }
order = { depth = 32 }
venue = { depth = 32 }
event = { depth = 16 }
answer = { depth = 32 }
report = { depth = 32 }
record = { depth = 32 }
";

/// A placement file: shards that run these stages, and give way when they have nothing to do, so that more of them than
/// there are cores get on.
fn placement(executor: &str, links: &str, runs: &[Vec<&str>]) -> String {
    let mut text = format!("[topology]\nexecutor = \"{executor}\"\n{links}");
    for (number, run) in runs.iter().enumerate() {
        text += &format!("[[shard]]\nname = \"s{number}\"\nidle = \"yield\"\nrun = {run:?}\n");
    }
    text
}

/// The path cut where the bits of `cuts` say; the log with the last shard, or apart.
fn cut(path: &[&'static str], cuts: usize, log_apart: bool) -> Vec<Vec<&'static str>> {
    let mut runs = vec![vec![]];
    for (place, stage) in path.iter().enumerate() {
        if place > 0 && cuts >> (place - 1) & 1 == 1 {
            runs.push(vec![]);
        }
        runs.last_mut().unwrap().push(*stage);
    }
    if log_apart {
        runs.push(vec![]);
    }
    runs.last_mut().unwrap().push("log");
    runs
}

/// Replays `file` on each placement and compares with the first.
fn compare(bench: &Bench, file: &str, config: &str, placements: &[(String, String)]) {
    for strategy in ["imbalance", "quoter"] {
        let mut first: Option<Files> = None;
        for (what, placement) in placements {
            let arguments =
                [file, "--config", config, "--strategy", strategy, "--placement", placement];
            let (ran, files) = bench.replay(&arguments);
            ran.good();
            let what = format!("{what}, {strategy}, {file}");
            match &first {
                Some(first) => files.assert_same(first, &what),
                None => {
                    let (orders, fills) = (rows(&files.orders).len(), rows(&files.fills).len());
                    assert!(orders > 100 && fills > 10, "{orders} orders, {fills} fills: {what}");
                    first = Some(files);
                }
            }
        }
    }
}

fn named(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_string(), (*name).to_string())).collect()
}

fn written(bench: &Bench, what: &str, text: &str) -> (String, String) {
    (what.into(), bench.file(&format!("{}.toml", what.replace(' ', "-")), text))
}

#[test]
fn every_cut_on_every_executor_gives_the_same_orders_and_fills() {
    let bench = Bench::new();
    let day = bench.day("day", 60_000, 50, 11);
    let config = bench.file("config.toml", format!("{SMALL}{EAGER}"));
    // The first is compared with itself too: the same run twice.
    let mut placements = named(&["fused", "fused", "split"]);
    for cuts in 0..8 {
        let runs = cut(&["ingest", "book", "risk", "route"], cuts, cuts % 2 == 0);
        let executor = if cuts % 3 == 0 { "glommio" } else { "thread" };
        let links = if matches!(cuts, 3 | 7) { SHALLOW } else { "" };
        let what = format!("cuts {cuts:03b} {executor}");
        placements.push(written(&bench, &what, &placement(executor, links, &runs)));
    }
    for executor in ["thread", "glommio"] {
        let what = format!("backwards {executor}");
        let runs = [vec!["risk"], vec!["log"], vec!["ingest", "book"], vec!["route"]];
        placements.push(written(&bench, &what, &placement(executor, SHALLOW, &runs)));
    }
    compare(&bench, &day, &config, &placements);
}

#[test]
fn two_book_shards_give_the_same_orders_and_fills_wherever_they_are() {
    let bench = Bench::new();
    let day = bench.day("day", 40_000, 50, 12);
    let config = bench.file("config.toml", format!("{SMALL}shards = 2\n{EAGER}"));
    let mut placements = named(&["fused", "split"]);
    for (what, executor, links, runs) in [
        (
            "together",
            "thread",
            "",
            vec![vec!["ingest"], vec!["book"], vec!["risk", "route", "log"]],
        ),
        (
            "apart",
            "glommio",
            "",
            vec![vec!["ingest", "book.0"], vec!["book.1"], vec!["risk"], vec!["route", "log"]],
        ),
        (
            "crossed",
            "thread",
            SHALLOW,
            vec![vec!["ingest", "book.1", "risk", "route"], vec!["book.0"], vec!["log"]],
        ),
        ("all", "thread", SHALLOW, vec![vec!["ingest", "book", "risk", "route", "log"]]),
    ] {
        placements.push(written(&bench, what, &placement(executor, links, &runs)));
    }
    compare(&bench, &day, &config, &placements);
}

#[test]
fn real_days_give_the_same_orders_and_fills_on_every_placement() {
    let bench = Bench::new();
    let config = bench.file("config.toml", EAGER);
    let mut placements = named(&["fused", "fused", "split"]);
    let runs = cut(&["ingest", "book", "risk", "route"], 0b010, false);
    placements.push(written(&bench, "middle", &placement("thread", SHALLOW, &runs)));
    for name in ["es_20231225.itch50.zst", "aapl_20120621.itch50.zst"] {
        let Some(path) = data(name) else { return };
        compare(&bench, &path, &config, &placements);
    }
}

#[test]
fn a_packed_day_is_the_same_day() {
    let bench = Bench::new();
    let day = bench.day("day", 30_000, 30, 13);
    let bytes = fs::read(&day).unwrap();
    let gzip = bench.path("day.gz");
    let file = fs::File::create(&gzip).unwrap();
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    packer.finish().unwrap();
    let zstd = bench.file("day.zst", zstd::encode_all(&bytes[..], 1).unwrap());
    for strategy in ["imbalance", "quoter"] {
        let (_, plain) = bench.replay(&[&day, "--strategy", strategy]);
        assert!(!rows(&plain.orders).is_empty());
        for packed in [gzip.to_str().unwrap(), &zstd] {
            let (ran, files) = bench.replay(&[packed, "--strategy", strategy]);
            ran.good();
            files.assert_same(&plain, packed);
        }
    }
}
