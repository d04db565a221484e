//! Running the binary, and reading what it wrote.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// One run at a time.
static TURN: Mutex<()> = Mutex::new(());

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// Looks until a run is taken to stand still: over three minutes.
const LOOKS_MAX: u32 = 180_000;

/// Pools that are made in no time; enough for small days.
pub(crate) const SMALL: &str = "
[book]
orders_max = 50_000
levels_max = 50_000
instruments_max = 1_024
";

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    /// The most anonymous memory seen, in KiB.
    pub(crate) anonymous_kib: u64,
}

impl Ran {
    /// It ended well.
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It was refused: exit code 2, and each of `words` in what it said of it.
    pub(crate) fn refused(self, words: &[&str]) -> Self {
        self.failed(2, words)
    }

    /// It ended with `code`, and each of `words` is in what it said of it.
    pub(crate) fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        let said = self.err.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        for word in words {
            assert!(said.contains(word), "`{word}` is not in: {}", self.err);
        }
        self
    }
}

/// Runs the binary with an output that nobody reads. Its exit code, and what it said of it.
pub(crate) fn unread<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> (Option<i32>, String) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Command::new(env!("CARGO_BIN_EXE_coretick"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(writer)
        .output()
        .unwrap();
    (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
}

/// Runs the binary to its end.
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
pub(crate) fn coretick<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_coretick"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap())
        .spawn()
        .unwrap();
    let (mut looks, mut anonymous_kib) = (0, 0);
    let status = loop {
        anonymous_kib = anonymous_kib.max(anonymous(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        looks += 1;
        if looks == LOOKS_MAX {
            child.kill().unwrap();
        }
        std::thread::sleep(LOOK);
    };
    let text = |file: &mut fs::File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    let ran = Ran { code: status.code(), out: text(&mut out), err: text(&mut err), anonymous_kib };
    assert!(looks < LOOKS_MAX, "it stood still: {ran:?}");
    ran
}

/// Anonymous memory of a process, in KiB.
fn anonymous(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A folder for one test.
pub(crate) struct Bench(TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path of a new file.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().into()
    }

    /// The path of a made-up day.
    pub(crate) fn day(&self, name: &str, messages: u64, symbols: u32, seed: u64) -> String {
        let path = self.path(name).to_str().unwrap().to_string();
        let (messages, symbols, seed) =
            (messages.to_string(), symbols.to_string(), seed.to_string());
        coretick([
            "generate",
            &path,
            "--messages",
            &messages,
            "--symbols",
            &symbols,
            "--seed",
            &seed,
        ])
        .good();
        path
    }

    /// `replay` with these arguments into a fresh folder.
    pub(crate) fn replay(&self, arguments: &[&str]) -> (Ran, Files) {
        let out = self.path("replayed");
        let _ = fs::remove_dir_all(&out);
        let all = ["replay", "--out", out.to_str().unwrap()];
        let ran = coretick(all.iter().chain(arguments));
        (ran, Files::read(&out))
    }
}

/// The files of a replay; empty where one is not there.
#[derive(PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) orders: String,
    pub(crate) fills: String,
    pub(crate) events: String,
    summary: String,
}

impl Files {
    fn read(folder: &Path) -> Self {
        let text = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let [orders, fills, events, summary] =
            ["orders.csv", "fills.csv", "events.log", "summary.json"].map(text);
        Self { orders, fills, events, summary }
    }

    pub(crate) fn summary(&self) -> Value {
        serde_json::from_str(&self.summary).unwrap()
    }

    /// Orders and fills are the same, byte for byte.
    pub(crate) fn assert_same(&self, other: &Self, what: &str) {
        for (name, mine, others) in
            [("orders", &self.orders, &other.orders), ("fills", &self.fills, &other.fills)]
        {
            let differ = mine.lines().zip(others.lines()).find(|(mine, others)| mine != others);
            assert!(mine == others, "{name} differ on {what}, first {differ:?}");
        }
    }
}

/// Rows of a CSV file, without its head.
pub(crate) fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

/// The path of a file of the shared data; `None`, said aloud, where there is no shared data at all.
pub(crate) fn data(name: &str) -> Option<String> {
    let path = super::shared::data(name)?;
    Some(path.to_str().unwrap().into())
}
