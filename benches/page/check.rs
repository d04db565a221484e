//! What the page promises, on figures that are made up: `cargo test --bench page` runs this instead of the page.

use super::read::{self, Figure, Run};
use super::{Page, html, saved, write};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const MACHINE: &str = "a model, 2 cores for this process";

/// A new folder of a check.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page").join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn leave(path: &Path, text: &str) {
    write(path, text).expect("target/ can be written to");
}

/// A run as `scripts/bench` leaves it: what each round found, in the unit.
fn left(folder: &Path, quick: bool, operations: &[(&str, &str, &[f64])]) {
    let quick = if quick { "yes" } else { "no" };
    let about =
        format!("commit 1234567\nbegan 2026-03-02T09:30:00Z\nquick {quick}\nloads 0.10 0.20\n");
    leave(&folder.join("rounds/about"), &about);
    let rounds = operations.iter().map(|(_, _, figures)| figures.len()).max().unwrap_or(0);
    for round in 0..rounds {
        let mut rows = String::new();
        for (operation, unit, figures) in operations {
            let Some(figure) = figures.get(round) else { continue };
            let (low, high) = (figure * 0.99, figure * 1.01);
            let _ = writeln!(
                rows,
                "{{\"operation\":{operation:?},\"unit\":{unit:?},\"median\":{figure},\"low\":{low},\"high\":{high}}}"
            );
        }
        leave(&folder.join(format!("rounds/{}/rows.jsonl", round + 1)), &rows);
    }
}

fn run(name: &str, quick: bool, operations: &[(&str, &str, &[f64])]) -> Run {
    let folder = folder(name);
    left(&folder, quick, operations);
    read::run(&folder, MACHINE).expect("it was left as scripts/bench leaves it")
}

/// The verdict on one operation, now and before.
fn verdict(now: (bool, &[f64]), before: (bool, &[f64])) -> &'static str {
    let now = run("now", now.0, &[("book/add", "ns", now.1)]);
    let before = run("before", before.0, &[("book/add", "ns", before.1)]);
    let page = Page::new(now, Some(("before".into(), before))).expect("targets can be read");
    page.rows[0].verdict()
}

fn a_figure_is_the_middle_of_the_rounds_and_their_ends() {
    let folder = folder("rounds");
    left(&folder, false, &[("book/add", "ns", &[30.0, 10.0, 20.0])]);
    let estimates = r#"{"median":{"point_estimate":800,"confidence_interval":{"lower_bound":700,"upper_bound":900}}}"#;
    let found = folder.join("rounds/2/criterion/gate_judge/new");
    leave(&found.join("estimates.json"), estimates);
    leave(
        &found.join("benchmark.json"),
        r#"{"full_id":"gate/judge","throughput":{"Elements":10}}"#,
    );
    let run = read::run(&folder, MACHINE).expect("it was left as scripts/bench leaves it");
    let [book, gate] = &run.figures[..] else { panic!("{:?}", run.figures) };
    let of = |it: &Figure| (it.median, it.low, it.high, it.rounds);
    assert_eq!(of(book), (20.0, 10.0, 30.0, 3));
    // Of one round, the spread is criterion's.
    assert_eq!(of(gate), (80.0, 70.0, 90.0, 1));
    assert_eq!(
        (run.commit.as_str(), run.loads.as_str(), run.quick),
        ("1234567", "0.10 0.20", false)
    );
}

fn slower_is_said_only_where_the_rounds_allow() {
    let (calm, slow) = ([10.0, 10.1, 10.2, 10.3, 10.4], [12.0, 12.1, 12.2, 12.3, 12.4]);
    assert_eq!(verdict((false, &slow), (false, &calm)), "SLOWER");
    assert_eq!(verdict((false, &calm), (false, &slow)), "faster");
    assert_eq!(verdict((false, &calm), (false, &calm)), "");
    // One round of each, apart by more than their spread within the round: that is the minute, not the code.
    assert_eq!(verdict((false, &slow[..1]), (false, &calm[..1])), "not to be told");
    assert_eq!(verdict((false, &slow), (false, &calm[..4])), "not to be told");
    // One round among those of the other.
    assert_eq!(verdict((false, &[10.2, 12.1, 12.2, 12.3, 12.4]), (false, &calm)), "not to be told");
    // Apart, but not by more than 5 %.
    assert_eq!(verdict((false, &[10.7; 5]), (false, &calm)), "");
    for (now, before) in [(true, false), (false, true)] {
        assert_eq!(verdict((now, &slow), (before, &calm)), "not to be told");
    }
}

fn a_kept_page_is_read_as_it_was_and_only_on_its_machine() {
    let folder = folder("kept");
    let path = saved(&folder, "before");
    let page = Page::new(run("to keep", true, &[("book/add", "ns", &[1.0, 2.0, 3.0])]), None);
    leave(&path, &page.expect("targets can be read").json().to_string());
    let kept = read::kept(&path, MACHINE).expect("it was kept");
    assert_eq!((kept.commit.as_str(), kept.quick, kept.figures[0].rounds), ("1234567", true, 3));
    let refused = read::kept(&path, "a model, 1 cores for this process").map(|_| ());
    assert!(refused.is_err_and(|why| why.contains("another machine")), "a page of another machine");
    let refused = read::kept(&saved(&folder, "none"), MACHINE).map(|_| ());
    assert!(refused.is_err_and(|why| why.contains("--save first")), "a page that is not there");
}

fn ceilings_aims_and_floors_are_those_of_the_row() {
    let run = run(
        "targets",
        false,
        &[
            ("floor/read a line", "ns", &[0.5]),
            ("book/add at best", "ns", &[20_000.0]),
            ("logging/one call", "ns", &[20.0]),
            ("replay/floor: file", "ns", &[5.0]),
            ("replay/parse + book", "ns", &[20.0]),
            ("replay/everything, quoter", "ns", &[40.0]),
            ("start/memory, 10,000 instruments", "MiB", &[300.0]),
            ("start/process alone", "ms", &[3.0]),
        ],
    );
    let page = Page::new(run, None).expect("targets can be read");
    let of = |operation: &str| {
        let row = page.rows.iter().find(|row| row.figure.operation == operation);
        let row = row.expect("it is on the page");
        (
            row.ceiling.as_ref().map(|(limit, _)| limit.missed),
            row.aim.map(|limit| (limit.most, limit.missed)),
            row.floors,
        )
    };
    assert_eq!(of("book/add at best"), (Some(true), None, Some(40_000.0)));
    assert_eq!(of("logging/one call"), (Some(false), Some((10.0, true)), Some(40.0)));
    // Of its group's own floor, not of a line's.
    assert_eq!(of("replay/parse + book"), (Some(false), Some((25.0, false)), Some(4.0)));
    assert_eq!(of("replay/everything, quoter"), (Some(false), Some((32.0, true)), Some(8.0)));
    assert_eq!(of("start/memory, 10,000 instruments"), (Some(false), None, None));
    assert_eq!(of("start/process alone"), (None, None, None));
    assert!(
        page.sum().contains("1 above their ceiling, 2 of 3 aims not reached"),
        "{}",
        page.sum()
    );
    let json = page.json();
    let floors = |unit: &str| {
        let rows = json["operations"].as_array().expect("it has rows").iter();
        rows.filter(|row| row["unit"] == unit).all(|row| row["floors"].is_number())
    };
    assert!(floors("ns") && !floors("ms") && !floors("MiB"), "{json:#}");
}

fn the_html_has_what_the_text_has() {
    let operations: &[(&str, &str, &[f64])] = &[
        ("floor/read a line", "ns", &[0.5]),
        ("start/memory, 10,000 instruments", "MiB", &[300.0]),
        ("start/process alone", "ms", &[3.0]),
    ];
    let (now, before) = (run("html", true, operations), run("html before", false, operations));
    let page = Page::new(now, Some(("<calm>".into(), before))).expect("targets can be read");
    let (text, html) = (page.text(), html::page(&page));
    for words in ["x floor", "ceiling", "aim", "whole processes", "commit    1234567", "QUICK"] {
        assert!(text.contains(words) && html.contains(words), "{words}: {text}\n{html}");
    }
    assert!(
        html.contains("against &lt;calm&gt;") && text.contains("against   <calm>: commit 1234567"),
        "{text}\n{html}"
    );
    assert_eq!(html.matches("<svg").count(), 3, "a bar each, of times and memory");
}

/// All of them.
pub(crate) fn all() {
    a_figure_is_the_middle_of_the_rounds_and_their_ends();
    slower_is_said_only_where_the_rounds_allow();
    a_kept_page_is_read_as_it_was_and_only_on_its_machine();
    ceilings_aims_and_floors_are_those_of_the_row();
    the_html_has_what_the_text_has();
    println!("as it should be: 5 checks of the page");
}
