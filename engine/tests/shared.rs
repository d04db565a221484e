//! The reference data beside the repository, for tests; where it is not, they are skipped aloud.

#[path = "skip.rs"]
mod skip;

use skip::skipped;
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
