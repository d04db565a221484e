//! Exchange and engine in network namespaces of their own, the lines by pairs of interfaces (`scripts/lab`): what takes a card
//! can be run there. Takes root.

use crate::account::{Engine, Ledger};
use crate::process::{Exchange, Net, PASSWORD, pause};
use crate::skip::skipped;
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

const TRANSPORTS: [&str; 3] = ["socket", "uring", "xdp"];

/// The namespaces of this process; there is one lab at a time.
struct Lab {
    names: [String; 2],
    _alone: MutexGuard<'static, ()>,
}

fn script(command: &str) -> bool {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab");
    let status = Command::new(script).args([command, &std::process::id().to_string()]).status();
    status.is_ok_and(|status| status.success())
}

impl Lab {
    /// None without the right to have one.
    fn up() -> Option<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        if !script("up") {
            skipped("no namespaces on this machine: see `scripts/lab --help`");
            return None;
        }
        let names = ["x", "e"].map(|side| format!("ct-{}-{side}", std::process::id()));
        Some(Self { names, _alone: alone })
    }

    fn net<'a>(&'a self, transport: &'a str) -> Net<'a> {
        Net {
            namespaces: self.names.each_ref().map(|name| Some(name.as_str())),
            exchange: ["10.77.1.1", "10.77.2.1"],
            engine: ["10.77.1.2", "10.77.2.2"],
            transport,
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        script("down");
    }
}

/// A day by one transport: both accounts are the same, and nothing was said that made no sense. The summary and what was sent.
fn day(lab: &Lab, transport: &str, faults: &str) -> (Value, usize) {
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start_on(lab.net(transport), folder.path(), 5_000, faults, "");
    // A gap heals however long the exchange stands still.
    let path = folder.path().join("desk.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("[venue]", "give_up_ms = 30000\n[venue]")).unwrap();
    let engine = exchange.engine("desk", &["--seconds", "3", "--flatten"], PASSWORD);
    let ended = engine.end();
    assert_eq!(ended.code, Some(0), "{transport}, {faults}: {}", ended.text);
    exchange.end();
    let summary = fs::read_to_string(folder.path().join("desk/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let ledger = Ledger::read(&folder.path().join("ledger.csv"), "DESK01");
    let engine = Engine::read(&folder.path().join("desk"));
    let differences = engine.differences(&ledger, &summary);
    assert!(differences.is_empty(), "{transport}, {faults}: {differences:#?}\n{}", ended.text);
    assert_eq!(ledger.open(), 0);
    let feed = &summary["feed"];
    assert_eq!(feed["transport"], transport, "{feed}");
    assert_eq!(
        (&feed["read_errors"], &feed["lost_messages"]),
        (&serde_json::json!([0, 0]), &0.into())
    );
    for line in ["line_a", "line_b"] {
        assert!(feed["packets"][line].as_u64() > Some(100), "{feed}");
    }
    (summary, engine.sent)
}

/// The same, until it traded: a machine can be too busy for a session to stand, but not each time.
fn traded(lab: &Lab, transport: &str, faults: &str) -> Value {
    for _ in 0..3 {
        let (summary, sent) = day(lab, transport, faults);
        if sent > 20 {
            return summary;
        }
    }
    panic!("{transport}, {faults}: it did not trade in three runs");
}

#[test]
fn clean() {
    let Some(lab) = Lab::up() else { return };
    for transport in TRANSPORTS {
        let summary = traded(&lab, transport, "");
        eprintln!("{transport}: {}", summary["feed"]["packets"]);
    }
}

#[test]
fn faults() {
    let Some(lab) = Lab::up() else { return };
    let faults =
        "loss=0.1,dup=0.2,reorder=16,a-dead=3s..3500ms,disconnect-within=20000,disconnect-times=2";
    for transport in TRANSPORTS {
        let summary = traded(&lab, transport, faults);
        let count = |value: &Value| value.as_u64().unwrap();
        let recovered = count(&summary["feed"]["recovered_messages"]);
        assert!(count(&summary["gaps_seen"]) > 0 && recovered > 0, "{transport}: {summary}");
        eprintln!("{transport}: {recovered} messages recovered");
    }
}

#[test]
fn an_interface_has_one_reader_and_none_once_that_is_gone_however_it_went() {
    let Some(lab) = Lab::up() else { return };
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start_on(lab.net("xdp"), folder.path(), 2_000, "", "");
    for round in 0..3 {
        let mut first = exchange.engine(&format!("first{round}"), &[], PASSWORD);
        first.trades();
        let second = exchange.engine(&format!("second{round}"), &[], PASSWORD).end();
        assert_eq!(second.code, Some(1), "{}", second.text);
        let said = "e1 has an XDP program already";
        assert!(
            second.text.contains(said) && second.text.contains("ip -d link"),
            "{}",
            second.text
        );
        first.signal("KILL");
        assert_eq!(first.end().code, None);
        // What it left open at the exchange is cancelled there.
        pause(50);
    }
    exchange.end();
}

#[test]
fn what_found_no_frame_is_told_before_the_end() {
    let Some(lab) = Lab::up() else { return };
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start_on(lab.net("xdp"), folder.path(), 5_000, "", "");
    let path = folder.path().join("desk.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("[feed]\n", "[feed]\nreceive_buffer_kib = 256\n")).unwrap();
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.trades();
    engine.signal("STOP");
    pause(1_000);
    engine.signal("CONT");
    engine.until("drops are not told", |text| text.lines().any(|line| line.contains(" drops ")));
    engine.signal("KILL");
    engine.end();
    exchange.end();
}

#[test]
fn an_interface_with_more_queues_than_are_read_is_refused() {
    let Some(lab) = Lab::up() else { return };
    let ip = |words: &str| {
        let done = Command::new("ip").args(["-n", &lab.names[1]]).args(words.split(' ')).status();
        assert!(done.unwrap().success(), "ip {words}");
    };
    let queues = "numtxqueues 65 numrxqueues 65";
    ip(&format!("link add many {queues} type veth peer name far {queues}"));
    ip("address add 10.77.3.2/24 dev many");
    ip("link set many up");
    let net = Net { engine: ["10.77.3.2", "10.77.2.2"], ..lab.net("xdp") };
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start_on(net, folder.path(), 1_000, "", "");
    let path = folder.path().join("desk.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("[feed]\n", "[feed]\nreceive_buffer_kib = 64\n")).unwrap();
    let ended = exchange.engine("desk", &[], PASSWORD).end();
    exchange.end();
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    let said = "many has more than 64 queues";
    assert!(ended.text.contains(said) && ended.text.contains("ethtool -L many"), "{}", ended.text);
}
