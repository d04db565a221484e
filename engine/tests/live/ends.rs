//! How a live engine ends: when a person says so, when the venue is gone, when something is wrong from the start.

use crate::account::Ledger;
use crate::process::{Exchange, KEEPS_ORDERS, PASSWORD, Program, SERVICE, pause};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;
use std::{fs, thread};
use tempfile::TempDir;

/// Two seconds are promised; a busy machine gets more.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
/// And a second and a half, if the venue says nothing.
const LEFT_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn ctrl_c_ends_a_demo_in_order() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let arguments = ["demo", "--plain", "--seconds", "600", "--rate", "5000", "--out"];
    let arguments = [&arguments[..], &[out.to_str().unwrap()]].concat();
    let mut demo = Program::start(folder.path(), "demo", &arguments, "");
    demo.trades();
    demo.signal("INT");
    let ended = demo.end();
    eprintln!("Ctrl-C to the end of a demo: {:?}", ended.after);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.after < STOPPED_WITHIN, "{:?}", ended.after);
    let ledger = Ledger::read(&out.join("ledger.csv"), "DESK01");
    assert!(ledger.taken > 0);
    assert_eq!(ledger.open(), 0);
}

#[test]
fn ctrl_c_ends_a_run_in_order_with_all_orders_cancelled() {
    let folder = TempDir::new().unwrap();
    // What its client leaves open stays so: it is the engine that cancels.
    let exchange = Exchange::start_with(folder.path(), 2_000, "", KEEPS_ORDERS);
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.trades();
    engine.signal("INT");
    let ended = engine.end();
    eprintln!("Ctrl-C to the end of a run: {:?}", ended.after);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.after < STOPPED_WITHIN, "{:?}", ended.after);
    exchange.end();
    let ledger = Ledger::read(&folder.path().join("ledger.csv"), "DESK01");
    assert!(ledger.taken > 0);
    assert_eq!(ledger.open(), 0);
}

#[test]
fn a_service_says_that_it_runs_how_it_stands_and_that_it_ends() {
    let folder = TempDir::new().unwrap();
    let manager = UnixDatagram::bind(folder.path().join(SERVICE)).unwrap();
    let reader = thread::spawn(move || {
        let mut told: Vec<String> = Vec::new();
        let mut buffer = [0; 1_024];
        manager.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        while told.last().is_none_or(|it| it != "STOPPING=1") {
            let Ok(length) = manager.recv(&mut buffer) else { break };
            told.push(String::from_utf8(buffer[..length].to_vec()).unwrap().trim().to_owned());
        }
        told
    });
    let exchange = Exchange::start(folder.path(), 2_000, "");
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.trades();
    pause(1_500);
    engine.signal("INT");
    assert_eq!(engine.end().code, Some(0));
    exchange.end();
    let told = reader.join().unwrap();
    assert_eq!(told[0], "READY=1");
    assert!(told[1].starts_with("STATUS=feed "), "{told:?}");
    assert!(
        told.iter().any(|it| it.contains("feed live") && it.contains("session live")),
        "{told:?}"
    );
    assert_eq!(told.iter().filter(|it| *it == "READY=1").count(), 1);
    assert_eq!(told.iter().filter(|it| *it == "STOPPING=1").count(), 1);
}

#[test]
fn a_service_manager_that_does_not_listen_holds_nothing_up() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(SERVICE);
    let _manager = UnixDatagram::bind(&path).unwrap();
    // Whoever tells it one more word waits until it reads, which it never does.
    // From sockets of their own: one alone fills its own buffer first.
    let is_full = || {
        let other = UnixDatagram::unbound().unwrap();
        other.set_nonblocking(true).unwrap();
        other.send_to(b"STATUS=another", &path).is_err()
    };
    while !is_full() {}
    let exchange = Exchange::start(folder.path(), 2_000, "");
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.trades();
    engine.signal("INT");
    let ended = engine.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(ended.after < STOPPED_WITHIN, "{:?}", ended.after);
    exchange.end();
}

#[test]
fn a_venue_gone_silent_is_left_with_its_open_orders_listed() {
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start(folder.path(), 2_000, "");
    let path = folder.path().join("desk.toml");
    let text = fs::read_to_string(&path).unwrap();
    let short = text.replace("stop_within_ms = 20000", "stop_within_ms = 1500");
    assert_ne!(short, text);
    fs::write(&path, short).unwrap();
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.trades();
    exchange.signal("STOP");
    pause(300);
    engine.signal("INT");
    let ended = engine.end();
    exchange.signal("CONT");
    assert_eq!(ended.code, Some(3), "{}", ended.text);
    assert!(ended.after < LEFT_WITHIN, "{:?}", ended.after);
    let listed = ended.text.lines().filter(|line| line.contains(", reference ")).count();
    assert!(listed > 0 && ended.text.contains("have them cancelled"), "{}", ended.text);
    exchange.end();
}

#[test]
fn a_wrong_password_is_tried_three_times_at_most_and_the_fix_is_named() {
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start(folder.path(), 1_000, "");
    let ended = exchange.engine("desk", &[], "WRONG").end();
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    assert!(ended.text.contains("CORETICK_PASSWORD"), "{}", ended.text);
    let summary = fs::read_to_string(folder.path().join("desk/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let tried = summary["session"]["rejected_logins"].as_u64().unwrap();
    assert!((1..=3).contains(&tried), "{tried} logins");
    exchange.end();
}

#[test]
fn what_is_wrong_from_the_start_is_said_with_its_fix() {
    let folder = TempDir::new().unwrap();
    let bad = folder.path().join("bad.toml");
    fs::write(&bad, "[venue]\npasswort = 1\n").unwrap();
    let bad = bad.to_str().unwrap();
    for (arguments, fix) in [
        (&["run", "--plain"][..], "--instruments"),
        (&["run", "--plain", "--config", bad], "password"),
        (&["run", "--plain", "--instruments", "/nowhere.csv"], "/nowhere.csv"),
        (&["demo", "--plain", "--faults", "lost=1"], "loss"),
        (&["demo", "--plain", "--faults", "loss=2"], "0 to 1"),
        (&["demo", "--plain", "--placement", "/nowhere.toml"], "/nowhere.toml"),
    ] {
        let ended = Program::start(folder.path(), "wrong", arguments, PASSWORD).end();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.text);
        assert!(ended.text.contains(fix), "{arguments:?}: {}", ended.text);
    }
    let ended = Program::start(folder.path(), "none", &["run", "--plain"], "").end();
    assert_eq!(ended.code, Some(2), "no password: {}", ended.text);
}
