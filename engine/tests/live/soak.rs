//! An engine for longer, at five times the demo's rate and with faults: what it keeps does not grow, and in the end it has the
//! day that the exchange has. `scripts/soak live` runs it.
//!
//! `CORETICK_SOAK_SECONDS` (60) and `CORETICK_SOAK_RATE` (100,000 messages a second) say how long and how fast.

use crate::account::{Engine, Ledger};
use crate::process::{Exchange, PASSWORD, now, pause};
use std::time::Duration;
use std::{env, fs};
use tempfile::TempDir;

/// No broken trades: one that is broken after the engine has left is in the ledger alone. No cut near the end either.
const FAULTS: &str = "loss=0.02,dup=0.02,reorder=8,rerequest-loss=0.1,ack-delay=2ms,ack-delay-chance=0.1,\
    disconnect-within=1000000,disconnect-times=5";
/// KiB by which the engine may grow once it is warm, whatever comes.
const GROWTH_KIB: u64 = 8 << 10;

fn from_env(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Anonymous memory in KiB and open descriptors; none once it has ended.
fn holds(process: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some((kib, fs::read_dir(format!("/proc/{process}/fd")).ok()?.count()))
}

#[test]
#[ignore = "a minute: scripts/soak live"]
fn a_long_run_with_faults_keeps_no_more_than_at_its_start() {
    let seconds = from_env("CORETICK_SOAK_SECONDS", 60);
    let rate = from_env("CORETICK_SOAK_RATE", 100_000);
    let folder = TempDir::new().unwrap();
    // An exchange that has no more room for orders, or for answers to them, rejects: its day is to be long enough.
    let orders = (seconds * rate / 8).max(1 << 20);
    let room = format!("orders_max = {orders}\nmessages_max = {}\n", 4 * orders);
    let exchange = Exchange::start_with(folder.path(), rate as u32, FAULTS, &room);
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.trades();
    let (since, mut samples) = (now(), Vec::new());
    while since.elapsed() < Duration::from_secs(seconds) {
        pause(500);
        samples.extend(holds(engine.id()));
    }
    engine.signal("INT");
    let ended = engine.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    exchange.end();
    let out = folder.path().join("desk");
    let summary = fs::read_to_string(out.join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let ledger = Ledger::read(&folder.path().join("ledger.csv"), "DESK01");
    let engine = Engine::read(&out);
    let (first, last) = (samples[samples.len() / 3], *samples.last().unwrap());
    let most = samples.iter().map(|(_, files)| *files).max().unwrap();
    eprintln!(
        "{seconds} s: {} messages, {} orders, {} gaps, {} connections; anonymous {} KiB, then {}; {most} descriptors at most",
        summary["messages"],
        ledger.taken,
        summary["gaps_seen"],
        summary["session"]["connections"],
        first.0,
        last.0,
    );
    assert_eq!(engine.differences(&ledger, &summary), [""; 0]);
    assert_eq!((ledger.open(), engine.blind), (0, 0));
    assert!(engine.gaps > 0, "no fault struck");
    assert!(last.0.saturating_sub(first.0) <= GROWTH_KIB, "{} KiB grew to {} KiB", first.0, last.0);
    // Connections come and go.
    assert!(most <= first.1 + 4, "{most} descriptors from {}", first.1);
}
