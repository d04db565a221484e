//! The reference data beside the repository, for tests; where it is not, they are skipped aloud.

use std::io::Write;
use std::path::{Path, PathBuf};

/// A file of the shared data; `None`, said aloud, where there is no shared data at all.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/itch"));
    if !root.exists() {
        skipped(&format!("{} is not there", root.display()));
        return None;
    }
    let path = root.join(name);
    assert!(path.exists(), "{} is missing", path.display());
    Some(path)
}

/// Says that this test is skipped: past the test runner, which keeps to itself what a test prints that passes.
fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let mut terminal = std::io::stderr();
    writeln!(terminal, "SKIPPED: {test}: {why}").unwrap();
}
