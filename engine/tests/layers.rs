//! The house's rules, read from its source: who imports whom, what no stage may call, where `unsafe` may stand, what
//! the README's map names, and what lies at the top. An offence is named with its file and line.

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
    ("strategy", &["signal", "book", "base"]),
    ("portfolio", &["base"]),
    ("risk", &["portfolio", "base"]),
    ("route", &["wire", "base"]),
    ("paper", &["book", "base"]),
    ("journal", &["base"]),
    ("telemetry", &["base"]),
    ("bus", &["journal", "base"]),
    ("exchange", &["wire", "base"]),
    (
        "topology",
        &["ingest", "book", "strategy", "risk", "route", "paper", "journal", "telemetry", "base"],
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
const UNSAFE: &[&str] = &["base/clock.rs", "base/prefetch.rs", "main.rs"];

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

/// A word or a mark of the source, with its line.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// The source without comments and literals.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 128;
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < bytes.len() {
        let start = at;
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        } else if rest.starts_with(b"/*") {
            at += comment_length(rest);
        } else if let Some(length) = literal_length(rest) {
            at += length;
        } else if word(bytes[at]) {
            at += rest.iter().position(|byte| !word(*byte)).unwrap_or(rest.len());
            found.push(Token { text: &text[start..at], line });
        } else if rest.starts_with(b"::") {
            at += 2;
            found.push(Token { text: "::", line });
        } else {
            at += 1;
            if !bytes[start].is_ascii_whitespace() {
                found.push(Token { text: &text[start..at], line });
            }
        }
        line += bytes[start..at].iter().filter(|byte| **byte == b'\n').count();
    }
    found
}

/// Length of the block comment that `rest` starts with; they nest.
fn comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of the string or character that `rest` starts with.
fn literal_length(rest: &[u8]) -> Option<usize> {
    let prefix = rest.iter().take_while(|byte| matches!(byte, b'b' | b'c' | b'r')).count();
    let raw = rest[..prefix].ends_with(b"r") && prefix <= 2;
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    if raw && rest.get(prefix + hashes) == Some(&b'"') {
        let end: Vec<u8> = [b'"'].into_iter().chain(vec![b'#'; hashes]).collect();
        let body = prefix + hashes + 1;
        let close = rest[body..].windows(end.len()).position(|window| window == end);
        return Some(close.map_or(rest.len(), |close| body + close + end.len()));
    }
    let prefix = prefix.min(1);
    let quote = *rest.get(prefix)?;
    // A lone quote before a word is a lifetime unless another closes it after one character.
    let one_character = || {
        let closed = rest[prefix + 1..].iter().skip(1).take(4).position(|byte| *byte == b'\'')?;
        let text = std::str::from_utf8(&rest[prefix + 1..prefix + 2 + closed]).ok()?;
        (rest[prefix + 1] == b'\\' || text.chars().count() == 1).then_some(())
    };
    if quote != b'"'
        && (quote != b'\'' || (rest.get(prefix + 1) != Some(&b'\\') && one_character().is_none()))
    {
        return None;
    }
    let mut at = prefix + 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    Some((at + 1).min(rest.len()))
}

/// `all` without what stands behind `#[cfg(test)]`, up to the end of that item.
fn without_tests<'a>(all: &[Token<'a>]) -> Vec<Token<'a>> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < all.len() {
        let is_test = all.len() - at >= mark.len()
            && all[at..].iter().zip(mark).all(|(token, mark)| token.text == mark);
        if !is_test {
            kept.push(all[at]);
            at += 1;
            continue;
        }
        let mut depth = 0;
        at += mark.len();
        while at < all.len() {
            match all[at].text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 && matches!(all[at - 1].text, "}" | ";") {
                break;
            }
        }
    }
    kept
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

/// The checker checked: what it must find in planted text.
mod planted {
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
        assert_eq!(
            lines("sim/mod.rs", "use crate::topology::Config; use crate::cli::run;").len(),
            1
        );
        for room in ["sim", "exchange", "wire", "portfolio", "cli"] {
            let import = format!("use crate::{room}::X;");
            assert_eq!(lines("topology/run.rs", &import).len(), 1, "{room}");
        }
        for (room, neighbour) in [
            ("telemetry", "ingest"),
            ("journal", "route"),
            ("book", "telemetry"),
            ("exchange", "book"),
        ] {
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
        let readme =
            "| stray | `gone.rs` |\n<!-- map -->\n| book | `a.rs`, `b.rs` |\n<!-- /map -->\n";
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
}
