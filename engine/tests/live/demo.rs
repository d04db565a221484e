//! A run of `coretick demo`, and what must hold of each.

use crate::account::{Engine, Ledger};
use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// Runs at a time: each turns two or three threads all the time.
static PLACES: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demo {
    pub(crate) faults: &'static str,
    pub(crate) seconds: u32,
    pub(crate) rate: u32,
    pub(crate) seed: u32,
    pub(crate) strategy: &'static str,
    pub(crate) placement: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) orders: &'static str,
}

pub(crate) const DEMO: Demo = Demo {
    faults: "",
    seconds: 2,
    rate: 5_000,
    seed: 1,
    strategy: "quoter",
    placement: "fused",
    transport: "socket",
    orders: "socket",
};

/// A run that is over, all of its accounts the same.
pub(crate) struct Ran {
    pub(crate) summary: Value,
    pub(crate) engine: Engine,
    pub(crate) ledger: Ledger,
    pub(crate) events: String,
}

impl Demo {
    /// Runs it, and sees that it ended in order: exit code 0, both accounts the same by its own word and by ours, nothing open
    /// anywhere, no order decided while the feed was not whole, nothing said that made no sense. And that it traded.
    pub(crate) fn run(&self) -> Ran {
        for _ in 0..2 {
            let ran = self.once();
            if ran.engine.sent > 20 {
                return ran;
            }
        }
        // A machine can be too busy for a session to stand within these seconds, but not each time.
        let ran = self.once();
        assert!(ran.engine.sent > 20, "{self:?}: it did not trade in three runs: {}", ran.summary);
        ran
    }

    fn once(&self) -> Ran {
        let folder = TempDir::new().unwrap();
        let text = self.exit_in_order(&folder);
        let summary = fs::read_to_string(folder.path().join("summary.json")).unwrap();
        let summary: Value = serde_json::from_str(&summary).unwrap();
        let ledger = Ledger::read(&folder.path().join("ledger.csv"), "DESK01");
        let engine = Engine::read(folder.path());
        let events = fs::read_to_string(folder.path().join("events.log")).unwrap();
        let ran = Ran { summary, engine, ledger, events };
        let differences = ran.engine.differences(&ran.ledger, &ran.summary);
        let kept = || {
            let path = folder.path().to_path_buf();
            format!("{self:?}: {differences:#?}\n{text}\nin {}", path.display())
        };
        let summary = &ran.summary;
        let is = |path: &str, value: i64| {
            assert_eq!(
                summary.pointer(path).and_then(Value::as_i64),
                Some(value),
                "{path}: {}",
                kept()
            );
        };
        assert!(differences.is_empty(), "{}", kept());
        assert_eq!(summary["ledger_equal"], true, "{}", kept());
        assert_eq!(summary["feed"]["transport"], self.transport, "{}", kept());
        assert_eq!(summary["session"]["transport"], self.orders, "{}", kept());
        for path in [
            "/orders_open",
            "/session/oddities",
            "/session/violations",
            "/session/maybe_open_orders",
            "/session/adopted_orders",
            "/unknown_reports",
            "/route_unknown_reports",
            "/route_impossible_reports",
            "/anomalies/unknown_reference",
            "/anomalies/duplicate_reference",
            "/anomalies/over_execution",
            "/anomalies/crossed",
        ] {
            is(path, 0);
        }
        // Where packets are lost up to the end, what was missing then may not have come yet.
        let lossy = ["loss=", "reorder="].iter().any(|fault| self.faults.contains(fault));
        let is_gapped = lossy && summary["feed"]["state"] == "gapped";
        assert!(is_gapped || summary["feed"]["state"] == "live", "{}", kept());
        assert_eq!((ran.ledger.open(), ran.engine.blind), (0, 0), "{}", kept());
        assert_eq!(ran.ledger.taken, ran.engine.sent, "{}", kept());
        // A gap ends healed or with a snapshot.
        let ended = ran.count("/gaps_healed") + ran.count("/feed/snapshots");
        assert!(ran.count("/gaps_seen") <= ended + i64::from(is_gapped), "{}", kept());
        ran
    }

    fn exit_in_order(&self, folder: &TempDir) -> String {
        let one = PLACES.iter().find_map(|place| place.try_lock().ok());
        let _one = one.unwrap_or_else(|| PLACES[0].lock().unwrap_or_else(PoisonError::into_inner));
        let numbers = [self.seconds, self.rate, self.seed].map(|number| number.to_string());
        // `timeout` ends what hangs, so that it fails here rather than with the whole run.
        let output = Command::new("timeout")
            .args(["--kill-after=5", "120", env!("CARGO_BIN_EXE_coretick")])
            .args(["demo", "--plain", "--seconds", &numbers[0], "--rate", &numbers[1]])
            .args(["--seed", &numbers[2], "--strategy", self.strategy])
            .args(["--placement", self.placement, "--transport", self.transport])
            .args(["--order-transport", self.orders, "--faults", self.faults, "--out"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said =
            [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        let text = said.join("\n");
        assert_eq!(output.status.code(), Some(0), "{self:?}\n{text}");
        text
    }
}

impl Ran {
    /// A number of the summary.
    pub(crate) fn count(&self, path: &str) -> i64 {
        let number = self.summary.pointer(path).and_then(Value::as_i64);
        number.unwrap_or_else(|| panic!("{path}: {}", self.summary))
    }
}
