//! What is said of a day on the command line: made-up days, days in several files, days that are cut short by a kill.

use super::support::{Bench, Files, SMALL, coretick, rows};
use std::fs;

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_seed_others() {
    let bench = Bench::new();
    let [first, again, other] = [("first", 7), ("again", 7), ("other", 8)]
        .map(|(name, seed)| fs::read(bench.day(name, 20_000, 20, seed)).unwrap());
    assert!(first == again);
    assert!(first != other);
}

#[test]
fn an_impossible_day_is_refused_and_no_file_is_made() {
    let bench = Bench::new();
    let path = bench.path("day");
    for (arguments, word) in [
        (&["--messages", "10"][..], "at least"),
        (&["--messages", "0"], "at least"),
        (&["--symbols", "0"], "1 to 65535"),
        (&["--symbols", "65536"], "1 to 65535"),
        (&["--messages", "1000000000001"], "at most 1000000000000"),
        (&["--messages", "100000000000000000"], "at most"),
        (&["--messages", "18446744073709551615"], "at most"),
        (&["--live", "4000000000"], "live orders"),
        (&["--live", "1"], "live orders"),
        (&["--messages=-1"], "--messages"),
        (&["--messages", "many"], "--messages"),
        (&["--messages", "99999999999999999999"], "--messages"),
    ] {
        let all = ["generate", path.to_str().unwrap()];
        let ran = coretick(all.iter().chain(arguments)).refused(&[word]);
        assert!(!path.exists(), "{ran:?}");
    }
}

#[test]
fn files_of_one_day_are_one_day_and_files_of_two_are_refused() {
    let bench = Bench::new();
    let day = bench.day("day", 20_000, 20, 1);
    let (_, whole) = bench.replay(&[&day, "--strategy", "quoter", "--date", "2020-01-30"]);
    let bytes = fs::read(&day).unwrap();
    // A day in two files, cut between messages.
    let mut cut = 0;
    while cut < bytes.len() / 2 {
        cut += 2 + usize::from(u16::from_be_bytes([bytes[cut], bytes[cut + 1]]));
    }
    let first = bench.file("S013020-v50.part1", &bytes[..cut]);
    let second = bench.file("01302020.NASDAQ_ITCH50", &bytes[cut..]);
    let (ran, files) = bench.replay(&[&first, &second, "--strategy", "quoter"]);
    ran.good();
    files.assert_same(&whole, "two files");
    assert!(!rows(&files.orders).is_empty());
    assert_eq!(files.summary()["date"], "2020-01-30");

    let other = bench.file("01312020.NASDAQ_ITCH50", &bytes[cut..]);
    coretick(["replay", &second, &other]).refused(&[&second, &other, "two days"]);
    coretick(["replay", &second, &other, "--date", "2020-01-30", "--stages", "ingest"]).good();
}

#[test]
fn a_folder_keeps_nothing_of_the_run_before() {
    let bench = Bench::new();
    let day = bench.day("day", 4_000, 10, 5);
    let out = bench.path("out");
    let names = || {
        let names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    coretick(["replay", &day, "--out", out.to_str().unwrap()]).good();
    fs::write(out.join("notes.txt"), "mine").unwrap();
    assert!(names().len() > 8, "{:?}", names());
    coretick(["replay", &day, "--stages", "book", "--out", out.to_str().unwrap()]).good();
    assert_eq!(names(), ["config.toml", "notes.txt", "summary.json"]);
}

#[test]
fn what_the_table_says_of_an_instrument_reaches_the_gate_and_the_money() {
    let bench = Bench::new();
    let day = bench.day("day", 40_000, 5, 6);
    let eager = "[strategy.imbalance]\ncooldown_ms = 10\nthreshold_per_mille = 650\n";
    let (_, plain) = bench.replay(&[&day, "--config", &bench.file("eager.toml", eager)]);
    let plain = plain.summary();
    let traded = plain["positions"].as_array().unwrap().iter().map(|it| it["instrument"].as_str());
    let traded: Vec<&str> = traded.map(Option::unwrap).collect();
    assert!(!traded.is_empty());
    let with = |terms: &str, notional: u64| {
        let (columns, values) = terms.split_once('=').unwrap();
        let rows: String = traded.iter().map(|symbol| format!("{symbol},{values}\n")).collect();
        let table = bench.file("table.csv", format!("symbol,{columns}\n{rows}"));
        let text = format!(
            "engine.instruments = '{table}'\nlimits.instrument.order_notional_max = {notional}\n{eager}"
        );
        let (ran, files) = bench.replay(&[&day, "--config", &bench.file("table.toml", text)]);
        ran.good();
        files
    };
    let most = 1_000_000_000_000;
    let (one, fifty) = (with("multiplier=1", most), with("multiplier=50", most));
    fifty.assert_same(&one, "another multiplier");
    let nanos = |files: &Files, what: &str| {
        let text = files.summary()["pnl"][what].to_string();
        text.replace('.', "").parse::<i128>().unwrap()
    };
    for what in ["realised", "unrealised"] {
        assert_ne!(nanos(&one, what), 0);
        assert_eq!(nanos(&one, what) * 50, nanos(&fifty, what), "{what}");
    }
    for (terms, code) in
        [("multiplier=1000000", "order_notional"), ("tick=1000", "tick"), ("lot=3", "lot")]
    {
        let summary = with(terms, 1_000_000).summary();
        assert_eq!(summary["refusals"], serde_json::json!({ code: summary["orders"] }), "{terms}");
        let first = &summary["first_refusals"][code];
        assert!(
            first["order_id"].as_u64() > Some(0) && first["limit"] != first["value"],
            "{first}"
        );
    }
}

#[test]
fn a_route_that_is_shut_refuses_everything() {
    let bench = Bench::new();
    let day = bench.day("day", 20_000, 20, 2);
    for strategy in ["imbalance", "quoter"] {
        let (ran, files) = bench.replay(&[&day, "--stages", "risk", "--strategy", strategy]);
        ran.good();
        let (summary, orders) = (files.summary(), rows(&files.orders));
        assert!(!orders.is_empty());
        assert!(orders.iter().all(|row| row[10..] == ["refused", "route_shut"]));
        assert_eq!(summary["refusals"], serde_json::json!({ "route_shut": orders.len() }));
        assert_eq!((&summary["orders_sent"], &summary["fills"]), (&0.into(), &0.into()));
    }
}

#[test]
fn a_kill_refuses_what_is_new_and_leaves_nothing_working() {
    // Noon in New York on 1 January 1970, five hours behind UTC; and what is on its way then.
    const NOON: u64 = 17 * 3_600 * 1_000_000_000;
    const ON_ITS_WAY: u64 = 1_000_000;

    let bench = Bench::new();
    let day = bench.day("day", 60_000, 30, 3);
    let kill = bench.file("kill.toml", "[engine]\nkill_at = \"12:00:00\"\n");
    let (_, lived) = bench.replay(&[&day, "--strategy", "quoter"]);
    let (ran, files) = bench.replay(&[&day, "--strategy", "quoter", "--config", &kill]);
    ran.good();
    let time = |row: &[&str]| row[0].parse::<u64>().unwrap();
    let after = |text| rows(text).into_iter().filter(|row| time(row) >= NOON + ON_ITS_WAY).count();
    assert!(after(&lived.fills) > 0, "the day goes on without the kill");
    assert_eq!(after(&files.fills), 0);

    let (before, killed): (Vec<_>, Vec<_>) =
        rows(&files.orders).into_iter().partition(|row| time(row) < NOON + ON_ITS_WAY);
    assert!(killed.len() > 10);
    for row in &killed {
        assert_eq!(row[10..], ["refused", "killed"], "{row:?}");
    }
    // What worked at noon, and traded or was replaced later without the kill, was cancelled by it; nothing was left.
    let lived_on = rows(&lived.orders);
    let otherwise = before.iter().filter(|row| {
        let lived = lived_on.iter().find(|lived| lived[1] == row[1]).unwrap();
        lived[10] != row[10]
    });
    let otherwise: Vec<_> = otherwise.map(|row| row[10]).collect();
    assert!(!otherwise.is_empty() && otherwise.iter().all(|state| *state == "canceled"));
    assert!(
        files.events.contains(" risk    latched  firm is killed: killed\n"),
        "{}",
        files.events
    );
    let summary = files.summary();
    assert_eq!(summary["orders_open"], 0);
    let ended = ["filled", "canceled", "replaced", "rejected", "refused"];
    assert!(before.iter().all(|row| ended.contains(&row[10])));

    let (_, split) =
        bench.replay(&[&day, "--strategy", "quoter", "--config", &kill, "--placement", "split"]);
    split.assert_same(&files, "split, killed");
}

#[test]
fn no_order_outlives_the_close() {
    let bench = Bench::new();
    let day = bench.day("day", 60_000, 30, 5);
    let (ran, files) = bench.replay(&[&day, "--strategy", "quoter"]);
    ran.good();
    let orders = rows(&files.orders);
    let expired = orders.iter().filter(|row| row[10..] == ["canceled", "venue_expired"]).count();
    assert!(expired > 0, "quotes rest at the close");
    assert!(orders.iter().all(|row| row[10] != "working"));
    assert_eq!(files.summary()["orders_open"], 0);
    let (_, split) = bench.replay(&[&day, "--strategy", "quoter", "--placement", "split"]);
    split.assert_same(&files, "split");
}

#[test]
fn a_free_run_ends_with_the_same_market() {
    let bench = Bench::new();
    let day = bench.day("day", 60_000, 30, 4);
    let small = bench.file("small.toml", SMALL);
    for strategy in ["imbalance", "quoter"] {
        let arguments = ["--strategy", strategy, "--config", &small];
        let (_, kept) = bench.replay(&[&[day.as_str()][..], &arguments].concat());
        let kept = kept.summary();
        for placement in ["fused", "split"] {
            let free = [&day, "--free-run", "--placement", placement];
            let (ran, files) = bench.replay(&[&free[..], &arguments].concat());
            ran.good();
            let free = files.summary();
            for key in ["messages", "messages_by_type", "anomalies", "live_orders"] {
                assert_eq!(free[key], kept[key], "{key} {strategy} {placement}");
            }
            assert!(free["orders"].as_u64() > Some(0), "{strategy} {placement}");
            assert_eq!(rows(&files.orders).len() as u64, free["orders"]);
            assert_eq!(rows(&files.fills).len() as u64, free["fills"]);
        }
    }
}
