//! The checker checked: what it must find in planted text.

use super::*;

fn lines(path: &str, text: &str) -> Vec<(usize, String)> {
    offences(path, text).into_iter().map(|offence| (offence.line, offence.rule)).collect()
}

fn imported(room: &str) -> String {
    format!("`book` may not import `{room}`")
}

#[test]
fn an_import_against_the_table_is_found() {
    assert_eq!(
        lines("book/mod.rs", "use crate::base::unit::Qty;\nuse crate::risk::Gate;"),
        [(2, imported("risk"))]
    );
    assert_eq!(
        lines("book/a.rs", "fn f() {\n  crate::wire::read(crate::book::X, 1)\n}"),
        [(2, imported("wire"))]
    );
    let group = "use crate::{\n  base::{unit::Qty, stage},\n  paper::Paper,\n  book,\n};\npub(crate) fn f() {}";
    assert_eq!(lines("book/a.rs", group), [(3, imported("paper"))]);
    assert_eq!(lines("book/a.rs", "use crate::newcomer::X;"), [(1, imported("newcomer"))]);
    assert_eq!(lines("newcomer/mod.rs", "").len(), 1);
    assert_eq!(lines("sim/mod.rs", "use crate::topology::Config; use crate::cli::run;").len(), 1);
    for room in ["sim", "exchange", "bus", "signal", "cli"] {
        let import = format!("use crate::{room}::X;");
        assert_eq!(lines("topology/run.rs", &import).len(), 1, "{room}");
    }
    for (room, neighbour) in
        [("telemetry", "ingest"), ("journal", "route"), ("book", "telemetry"), ("exchange", "book")]
    {
        let import = format!("use crate::{neighbour}::X;");
        assert_eq!(lines(&format!("{room}/a.rs"), &import).len(), 1, "{room} -> {neighbour}");
    }
}

#[test]
fn an_import_by_super_is_found_at_any_depth() {
    assert_eq!(
        lines("book/mod.rs", "use super::risk::Gate; use self::ladder::L;"),
        [(1, imported("risk"))]
    );
    assert_eq!(
        lines("book/a.rs", "use super::super::risk::Gate; use super::ladder::L;"),
        [(1, imported("risk"))]
    );
    assert_eq!(
        lines("book/deep/a.rs", "use super::super::super::{base, risk};"),
        [(1, imported("risk"))]
    );
    assert_eq!(lines("book/deep/a.rs", "use super::super::ladder::L;"), []);
}

#[test]
fn what_the_table_allows_is_no_offence() {
    for (room, imports) in [
        ("strategy", "use crate::signal::S; use crate::book::B; use crate::base::unit::Qty;"),
        ("risk", "use crate::portfolio::P;"),
        ("ingest", "use crate::telemetry::Latency;"),
        ("topology", "use crate::paper::Paper; use crate::journal::CsvLog;"),
        ("paper", "use crate::book::B;"),
        ("cli", "use crate::sim::W; use crate::topology::C; use std::collections::HashMap;"),
    ] {
        assert_eq!(lines(&format!("{room}/mod.rs"), imports), []);
    }
}

#[test]
fn the_outside_world_is_found() {
    let banned = |path: &str, text: &str| !lines(path, text).is_empty();
    for text in [
        "let t = Instant::now();",
        "let t = std::time::Instant :: now();",
        "use std::time::SystemTime;",
        "std::thread::sleep(d)",
        "use std::collections::{BTreeMap, HashMap};",
        "let s: HashSet<u8>;",
        "let r = rand::rng();",
        "let r = ChaCha8Rng::from_os_rng();",
        "unsafe { f() }",
    ] {
        assert!(banned("risk/mod.rs", text), "{text}");
        assert!(banned("topology/mod.rs", text), "{text}");
    }
    assert!(!banned("base/clock.rs", "Instant::now(); unsafe { rdtsc() }"));
    assert!(banned("base/clock.rs", "let m: HashMap<u8, u8>;"));
    assert!(!banned("cli/report.rs", "SystemTime::now()"));
    assert!(banned("cli/report.rs", "unsafe { f() }"));
    assert!(!banned("risk/mod.rs", "fn f(instant: Instant) { now() }"));
}

#[test]
fn comments_literals_and_tests_are_not_source() {
    let text = r##"
            //! crate::risk::Gate
            /* use crate::risk; /* nested */ unsafe */
            const A: &str = "crate::risk \" unsafe"; const B: &str = r#"unsafe " unsafe"#;
            const C: [char; 3] = ['"', '\'', 'é']; fn f<'a>(x: &'a str) {}
            #[cfg(test)]
            use crate::risk::Gate;
            #[cfg(test)]
            mod tests { fn f() { crate::risk::g(); unsafe {} } }
        "##;
    assert_eq!(lines("book/mod.rs", text), []);
    let after = format!("{text}\nuse crate::risk::Gate;");
    assert_eq!(lines("book/mod.rs", &after), [(11, imported("risk"))]);
    assert_eq!(lines("book/mod.rs", "fn f<'a>(x: &'a u8) { unsafe {} } // 'x'").len(), 1);
}

#[test]
fn a_hole_in_the_map_is_found() {
    let readme = "| stray | `gone.rs` |\n<!-- map -->\n| book | `a.rs`, `b.rs` |\n<!-- /map -->\n";
    let found = unmapped(readme, |path| path == "a.rs");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].rule.contains("b.rs")), (3, true));
    assert_eq!(unmapped("no map", |_| true).len(), 1);
    assert_eq!(unmapped("<!-- map -->\n| book | `a.rs` |", |_| true).len(), 1);
}

#[test]
fn a_stray_at_the_top_is_found() {
    assert!(!belongs_at_the_top("src", &["target/", "/out/"]));
    assert!(!belongs_at_the_top("notes.md", &["*.profraw"]));
    for name in ["engine", ".ci", "LICENSE-MIT", "clippy.toml", "out", "x.profraw"] {
        assert!(belongs_at_the_top(name, &["/out/", "*.profraw"]), "{name}");
    }
}
