//! The folder that a run writes its files to.

use super::Failure;
use crate::journal::Audit;
use crate::telemetry::Latency;
use crate::topology::chain::Files;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Whether a run writes a file of that name.
fn is_output(name: &str) -> bool {
    let named = [
        "config.toml",
        "summary.json",
        "orders.csv",
        "fills.csv",
        "audit.csv",
        "events.log",
        "gaps.csv",
        "ledger.csv",
        "instruments.csv",
    ];
    named.contains(&name) || (name.starts_with("latency_") && name.ends_with(".hgrm"))
}

/// Writes a whole file.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::File(path.into(), error))
}

/// The folder of a run.
pub(super) struct Outputs(PathBuf);

impl Outputs {
    /// The folder, made if need be, without the files of an earlier run.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::File(path.into(), error);
        std::fs::create_dir_all(path).map_err(failed)?;
        // What an earlier run left would be taken for this one's.
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_str().is_some_and(is_output) {
                std::fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(Self(path.into()))
    }

    /// A new file, to be written piece by piece.
    pub(super) fn open(&self, name: &str) -> Result<BufWriter<File>, Failure> {
        let path = self.0.join(name);
        let file = File::create(&path).map_err(|error| Failure::File(path, error))?;
        Ok(BufWriter::with_capacity(1 << 20, file))
    }

    /// A whole file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        write_whole(&self.0.join(name), bytes)
    }

    /// The log's files.
    pub(super) fn files(&self) -> Result<Files, Failure> {
        let [orders, fills, events] =
            ["orders.csv", "fills.csv", "events.log"].map(|it| self.open(it));
        let (orders, fills, events) = (Box::new(orders?), Box::new(fills?), Box::new(events?));
        Ok(Files { orders, fills, events, observer: None })
    }

    /// The audit, with nothing in it yet.
    pub(super) fn audit(&self) -> Result<Audit, Failure> {
        Ok(Audit::new(Box::new(self.open("audit.csv")?), true))
    }

    /// A histogram each.
    pub(super) fn latencies(&self, latencies: &[(&str, &Latency)]) -> Result<(), Failure> {
        for (stage, latency) in latencies {
            let mut text = Vec::new();
            latency.write_hgrm(&mut text)?;
            self.write(&format!("latency_{stage}.hgrm"), &text)?;
        }
        Ok(())
    }
}
