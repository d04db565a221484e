//! The house's rules, read from its source: who imports whom, what no stage may call, where `unsafe` may stand, what
//! the README's map names, and what lies at the top. An offence is named with its file and line.

mod planted;
mod source;

use source::{Token, tokens, without_tests};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// Each room and what it may import beside itself; `*` is every room above it in this table.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    // The journal and telemetry stand beside the line: whoever writes to them may name them, and they name nobody.
    ("ingest", &["wire", "telemetry", "base"]),
    ("book", &["base"]),
    ("signal", &["book", "base"]),
    ("strategy", &["signal", "book", "telemetry", "base"]),
    ("portfolio", &["base"]),
    ("risk", &["portfolio", "telemetry", "base"]),
    ("route", &["wire", "telemetry", "base"]),
    ("paper", &["book", "base"]),
    ("journal", &["base"]),
    ("telemetry", &["base"]),
    ("bus", &["journal", "base"]),
    ("exchange", &["wire", "base"]),
    (
        "topology",
        // Of the wire, the names and addresses that a configuration can hold.
        &[
            "ingest",
            "book",
            "strategy",
            "portfolio",
            "risk",
            "route",
            "paper",
            "journal",
            "telemetry",
            "wire",
            "base",
        ],
    ),
    ("sim", &["*"]),
    ("cli", &["*"]),
];

/// Paths that no stage may name, and the files that may. The command line and tests may name all of them.
const BANNED: &[(&[&str], &[&str])] = &[
    (&["Instant", "now"], &["base/clock.rs"]),
    (&["SystemTime"], &["base/clock.rs"]),
    (&["thread", "sleep"], &["base/clock.rs", "topology/idle.rs"]),
    (&["HashMap"], &[]),
    (&["HashSet"], &[]),
    (&["rand", "rng"], &[]),
    (&["thread_rng"], &[]),
    (&["from_os_rng"], &[]),
    (&["OsRng"], &[]),
];

/// The files that may hold `unsafe`.
const UNSAFE: &[&str] = &[
    "base/clock.rs",
    "base/prefetch.rs",
    "base/uring.rs",
    "base/uring/buffers.rs",
    "ingest/transport/xdp/sys.rs",
    "topology/system.rs",
    "main.rs",
];

/// What may lie at the top, beside dot files, `*.toml` and licences.
const TOP: &[&str] =
    &["engine", "scripts", "tuning", "benches", "pgo", "README.md", "Cargo.lock", "target", ".git"];

/// A rule that a file breaks.
#[derive(Debug, PartialEq, Eq)]
struct Offence {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// The rooms that the source at `path` (below `engine/`) names, with their lines.
fn imports<'a>(path: &str, source: &[Token<'a>]) -> Vec<Token<'a>> {
    let folders = path.matches('/').count();
    let depth = if path.ends_with("/mod.rs") { folders } else { folders + 1 };
    let mut found = Vec::new();
    for at in 0..source.len() {
        let text = |offset: usize| source.get(at + offset).map_or("", |token| token.text);
        // As many `super` as the file is deep reach the top, like `crate`.
        let root = if text(0) == "crate" {
            1
        } else if text(0) == "super" && (at == 0 || source[at - 1].text != "::") {
            let supers =
                (0..).take_while(|n| text(2 * n) == "super" && text(2 * n + 1) == "::").count();
            if supers != depth {
                continue;
            }
            2 * supers - 1
        } else {
            continue;
        };
        if text(root) != "::" {
            continue;
        }
        let first = at + root + 1;
        if text(root + 1) != "{" {
            found.extend(source.get(first).filter(|_| text(root + 2) != "!"));
            continue;
        }
        let mut depth = 0;
        for index in first..source.len() {
            match source[index].text {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ if depth == 1 && matches!(source[index - 1].text, "{" | ",") => {
                    found.push(source[index]);
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// What the source at `path` (below `engine/`) does that it may not.
fn offences(path: &str, text: &str) -> Vec<Offence> {
    let room = path.split_once('/').map_or("", |(room, _)| room);
    let source = without_tests(&tokens(text));
    let mut found = Vec::new();
    let mut add = |line, rule| found.push(Offence { file: format!("engine/{path}"), line, rule });

    // lib.rs and main.rs declare and start; whatever they use is theirs to use.
    if !room.is_empty() {
        let position = |name: &str| ROOMS.iter().position(|(other, _)| *other == name);
        match position(room) {
            None => {
                add(1, format!("`{room}` is no room of the house: add it to the table of imports"))
            }
            Some(here) => {
                for token in imports(path, &source) {
                    let there = position(token.text);
                    let below =
                        ROOMS[here].1.contains(&"*") && there.is_some_and(|there| there < here);
                    if token.text != room && !ROOMS[here].1.contains(&token.text) && !below {
                        add(token.line, format!("`{room}` may not import `{}`", token.text));
                    }
                }
            }
        }
    }
    for (at, token) in source.iter().enumerate() {
        for (banned, allowed) in BANNED {
            let here = banned.iter().enumerate().all(|(step, name)| {
                let separated =
                    step == 0 || source.get(at + 2 * step - 1).is_some_and(|t| t.text == "::");
                separated && source.get(at + 2 * step).is_some_and(|token| token.text == *name)
            });
            if here && room != "cli" && !allowed.contains(&path) {
                add(token.line, format!("`{}` has no place in the engine", banned.join("::")));
            }
        }
        if token.text == "unsafe" && !UNSAFE.contains(&path) {
            add(token.line, format!("`unsafe` may stand only in {}", UNSAFE.join(", ")));
        }
    }
    found
}

/// Files named by the README's map (between its two marks) that do not exist.
fn unmapped(readme: &str, exists: impl Fn(&str) -> bool) -> Vec<Offence> {
    let mut found = Vec::new();
    let (mut inside, mut rows) = (false, 0);
    for (index, text) in readme.lines().enumerate() {
        match text.trim() {
            "<!-- map -->" => inside = true,
            "<!-- /map -->" => inside = false,
            row if inside && row.starts_with('|') => {
                for path in row.split('`').skip(1).step_by(2) {
                    rows += 1;
                    if !exists(path) {
                        let rule = format!("the map names `{path}`, which does not exist");
                        found.push(Offence { file: "README.md".into(), line: index + 1, rule });
                    }
                }
            }
            _ => {}
        }
    }
    if rows == 0 || inside {
        let rule = "the map must stand between <!-- map --> and <!-- /map -->".into();
        found.push(Offence { file: "README.md".into(), line: 1, rule });
    }
    found
}

/// Whether `name` may lie at the top; `ignored` are the lines of `.gitignore`.
fn belongs_at_the_top(name: &str, ignored: &[&str]) -> bool {
    let is_ignored = ignored.iter().any(|pattern| {
        let pattern = pattern.trim_matches('/');
        pattern == name || pattern.strip_prefix('*').is_some_and(|end| name.ends_with(end))
    });
    TOP.contains(&name)
        || is_ignored
        || name.starts_with('.')
        || name.starts_with("LICENSE")
        || name.ends_with(".toml")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source of the engine but its tests and fuzz targets, as (path below `engine/`, text).
fn sources() -> Vec<(String, String)> {
    let engine = root().join("engine");
    let (mut found, mut folders) = (Vec::new(), vec![engine.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(&engine).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && below != "tests" && below != "fuzz" {
                folders.push(path);
            } else if below.ends_with(".rs") && !below.ends_with("tests.rs") {
                found.push((below, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn assert_none(offences: &[Offence]) {
    let list: Vec<String> = offences.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "\n{}\n", list.join("\n"));
}

#[test]
fn every_source_keeps_to_its_room() {
    let sources = sources();
    let rooms: BTreeSet<&str> =
        sources.iter().filter_map(|(path, _)| path.split('/').next()).collect();
    assert!(
        rooms.contains("base") && rooms.contains("topology") && rooms.contains("cli"),
        "{rooms:?}"
    );
    let found: Vec<_> = sources.iter().flat_map(|(path, text)| offences(path, text)).collect();
    assert_none(&found);
}

#[test]
fn every_file_on_the_map_exists() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert_none(&unmapped(&readme, |path| root().join(path).exists()));
}

#[test]
fn only_what_belongs_there_lies_at_the_top() {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap_or_default();
    let ignored: Vec<&str> = ignored.lines().collect();
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(belongs_at_the_top(&name, &ignored), "{name} has no place at the top");
    }
}
