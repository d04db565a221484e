//! An engine that is killed again and again, at any moment: in the end it has the day that the exchange has.

use crate::account::{Ledger, positions};
use crate::process::{Exchange, KEEPS_ORDERS, PASSWORD, pause};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::fs;
use tempfile::TempDir;

/// Kills it `times` times, at moments that `seed` draws: while it starts, joins, replays, trades.
fn killed(seed: u64, times: u32, faults: &str, cancel_on_disconnect: bool) {
    let folder = TempDir::new().unwrap();
    let exchange = match cancel_on_disconnect {
        true => Exchange::start(folder.path(), 2_000, faults),
        false => Exchange::start_with(folder.path(), 2_000, faults, KEEPS_ORDERS),
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for time in 0..times {
        let mut engine = exchange.engine(&format!("desk{time}"), &[], PASSWORD);
        // One in three at any moment of its start, the others while they trade.
        match random.next_u32() % 3 {
            0 => pause(u64::from(random.next_u32() % 3_000)),
            _ => {
                engine.trades();
                pause(u64::from(random.next_u32() % 1_000));
            }
        }
        engine.signal("KILL");
        assert_eq!(engine.end().code, None);
    }
    let mut engine = exchange.engine("last", &[], PASSWORD);
    engine.trades();
    pause(1_000);
    engine.signal("INT");
    let ended = engine.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    exchange.end();
    // Reads in order, and asserts that no reference comes twice and no order or execution has two ends.
    let ledger = Ledger::read(&folder.path().join("ledger.csv"), "DESK01");
    assert_eq!(ledger.open(), 0);
    assert!(!ledger.trades.is_empty() && ledger.taken > 50, "hardly traded");
    let summary = fs::read_to_string(folder.path().join("last/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let held = |all: BTreeMap<String, i64>| -> BTreeMap<String, i64> {
        all.into_iter().filter(|(_, position)| *position != 0).collect()
    };
    let (engine, mut day) = (held(positions(&summary)), ledger.positions);
    // Trades that were broken after the venue had answered the last order may be news from after the engine had left.
    for (symbol, shares) in ledger.broken_last.iter().rev() {
        if held(day.clone()) == engine {
            break;
        }
        *day.entry(symbol.clone()).or_default() += shares;
    }
    assert_eq!(engine, held(day), "the day's positions");
    assert_eq!(summary["session"]["oddities"], 0, "{}", summary["session"]);
}

#[test]
fn killed_again_and_again_it_has_the_exchange_s_day() {
    // What it leaves stays in the market, and trades while it is away.
    killed(1, 4, "loss=0.02,bust=0.02,bust-delay=200ms", false);
}

#[test]
#[ignore = "minutes: scripts/soak faults"]
fn killed_at_many_moments_it_has_the_exchange_s_day() {
    for seed in 2..8 {
        killed(
            seed,
            12,
            "loss=0.05,dup=0.1,bust=0.05,bust-delay=500ms,ack-delay=5ms",
            seed % 2 == 0,
        );
    }
}
