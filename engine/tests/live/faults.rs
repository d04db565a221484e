//! Everything that the exchange can do wrong, alone and mixed: the accounts agree, whatever it is.
//!
//! Windows are counted from the exchange's start; the engine trades from about two seconds after it, later on a busy machine.
//! Each test sees that its fault struck.

use crate::demo::{DEMO, Demo, Ran};
use crate::skip::skipped;
use coretick::ingest::transport::line::{LineSettings, Transport, probe};
use coretick::route::connection;
use std::net::Ipv4Addr;

fn with(faults: &'static str) -> Demo {
    Demo { faults, ..DEMO }
}

/// Runs it until what is wanted of it was seen, three times at most. A window can be over before the engine trades, and a
/// machine can be too busy for the kernel to keep all packets; that the accounts agree is asserted of every run.
fn run_until(demo: Demo, wanted: impl Fn(&Ran) -> bool) -> Ran {
    for _ in 0..2 {
        let ran = demo.run();
        if wanted(&ran) {
            return ran;
        }
    }
    let ran = demo.run();
    assert!(wanted(&ran), "{demo:?}: not once in three runs: {}", ran.summary);
    ran
}

#[test]
fn both_strategies_trade_on_both_placements() {
    for strategy in ["quoter", "imbalance"] {
        for placement in ["fused", "split"] {
            let ran = Demo { strategy, placement, ..DEMO }.run();
            assert!(!ran.ledger.trades.is_empty(), "{strategy}, {placement}: no executions");
        }
    }
}

#[test]
fn lost_doubled_and_reordered_packets_are_made_good() {
    let ran = with("loss=0.3,dup=0.5,reorder=64,reorder-chance=0.5").run();
    assert!(ran.engine.gaps > 0 && ran.engine.gapped > 0, "no gap was told");
    assert!(ran.count("/feed/recovered_messages") > 0, "nothing was asked for again");
    // The log of events tells of it as it happens, in order of what led to what.
    let at =
        |what: &str| ran.events.find(what).unwrap_or_else(|| panic!("no {what}: {}", ran.events));
    assert!(at(" gap-opened ") < at(" gap-healed ") && at(" books-stale ") < at(" books-live "));
    assert!(at("the session was down, and is connecting") < at("and is live: "));
    assert!(at("and is leaving") < at("and is stopped"));
    let counts = ["written", "left_out", "dropped"].map(|it| ran.count(&format!("/events/{it}")));
    let own = |line: &&str| line.contains(" lines-left-out ") || line.contains(" lines-dropped ");
    let written = ran.events.lines().filter(|line| !own(line)).count();
    assert_eq!((counts[0], counts[2]), (written as i64, 0), "{counts:?}");
}

#[test]
fn io_uring_brings_what_a_socket_does() {
    let lines = LineSettings {
        transport: Transport::Uring,
        fallback: false,
        lines: [None; 2],
        interfaces: [Ipv4Addr::LOCALHOST; 2],
        receive_buffer: 1 << 20,
        sqpoll: None,
    };
    if let Err(why) = probe(&lines) {
        skipped(&why.to_string());
        return;
    }
    for placement in ["fused", "split"] {
        let faults = "loss=0.1,dup=0.2,reorder=16,disconnect-within=20000,disconnect-times=2";
        let ran = Demo { placement, transport: "uring", ..with(faults) }.run();
        assert!(ran.engine.gaps > 0 && ran.count("/feed/recovered_messages") > 0);
        assert_eq!(ran.summary["feed"]["read_errors"], serde_json::json!([0, 0]));
    }
}

#[test]
fn orders_by_io_uring_are_accounted_for_whatever_breaks() {
    if let Err(why) = connection::probe(connection::Transport::Uring) {
        skipped(&why.to_string());
        return;
    }
    let cuts = "disconnect-within=4000,disconnect-times=4,login-refusals=1,ack-delay=20ms,ack-delay-chance=0.2,bust=0.1,\
        bust-delay=100ms,loss=0.1";
    for placement in ["fused", "split"] {
        for (strategy, transport) in [("quoter", "socket"), ("imbalance", "uring")] {
            let whole = Demo { strategy, placement, transport, orders: "uring", ..DEMO }.run();
            assert!(!whole.ledger.trades.is_empty(), "{strategy}, {placement}: no executions");
        }
        run_until(Demo { seconds: 6, placement, orders: "uring", ..with(cuts) }, |ran| {
            ran.count("/session/connections") > 4
        });
    }
}

#[test]
fn with_one_line_whole_the_books_see_no_gap() {
    // From one line to the other both are there for a while: else what comes next on one can be read before the last of the other.
    let turns = "a-dead=3s..4s,b-dead=4500ms..5500ms";
    let dead = ["a-dead=0s..60s", "b-dead=0s..60s", turns, "a-delay=5ms"];
    for faults in dead {
        run_until(Demo { seconds: 3, ..with(faults) }, |ran| {
            let of = |line: &str| ran.count(&format!("/feed/packets/{line}"));
            let apart = of("line_a").abs_diff(of("line_b"));
            ran.engine.gaps == 0 && (apart > 100 || faults.contains("delay"))
        });
    }
}

#[test]
fn an_outage_of_both_lines_is_made_good_by_re_requests_or_else_by_a_snapshot() {
    // The outage is of the exchange's time, and a busy machine has the engine trade late: then it is later too.
    let made_good =
        [(5, "both-dead=5s..5500ms"), (9, "both-dead=9s..9500ms"), (14, "both-dead=14s..14500ms")]
            .iter()
            .any(|(seconds, faults)| {
                let ran = Demo { seconds: *seconds, ..with(faults) }.run();
                ran.engine.gaps > 0 && ran.count("/feed/recovered_messages") > 0
            });
    assert!(made_good, "no outage was made good by re-requests");
    let given_up = [
        (8, "both-dead=5s..5500ms,rerequest-dead=0s..60s"),
        (12, "both-dead=9s..9500ms,rerequest-dead=0s..60s"),
        (17, "both-dead=14s..14500ms,rerequest-dead=0s..60s"),
    ]
    .iter()
    .any(|(seconds, faults)| {
        let ran = Demo { seconds: *seconds, ..with(faults) }.run();
        let counts = ["/feed/gaps_given_up", "/feed/snapshots"].map(|count| ran.count(count));
        ran.engine.gaps > 0 && !counts.contains(&0)
    });
    assert!(given_up, "no outage was made good by a snapshot");
}

#[test]
fn a_slow_server_of_re_requests_and_one_that_loses_half_heal_all_the_same() {
    let faults =
        "loss=0.1,rerequest-loss=0.5,rerequest-dup=0.5,rerequest-reorder=8,rerequest-delay=20ms";
    let ran = with(faults).run();
    assert!(ran.engine.gaps > 0 && ran.count("/feed/rerequests_unanswered") > 0);
}

#[test]
fn a_snapshot_service_that_fails_is_asked_until_it_does_not() {
    let faults = "snapshot-disconnect-after=5000,snapshot-disconnect-times=2,snapshot-login-refusals=1,\
        snapshot-delay=200ms";
    let ran = Demo { seconds: 6, ..with(faults) }.run();
    assert!(ran.count("/feed/snapshot_failures") > 0);
}

#[test]
fn a_session_that_is_cut_at_any_byte_loses_and_doubles_nothing() {
    for (faults, cuts) in [
        ("disconnect-after=3000,disconnect-times=3", 1),
        ("disconnect-within=20000", 2),
        ("disconnect-within=4000,disconnect-times=4,login-refusals=1", 2),
    ] {
        run_until(Demo { seconds: 6, ..with(faults) }, |ran| {
            ran.count("/session/connections") > 2 + cuts
        });
    }
}

#[test]
fn late_answers_and_broken_trades_are_accounted_for() {
    let faults = "ack-delay=40ms,ack-delay-chance=0.3,bust=0.2,bust-delay=200ms";
    let ran = with(faults).run();
    assert!(ran.ledger.breaks > 0);
}

#[test]
fn everything_at_once() {
    let faults = "loss=0.1,dup=0.2,reorder=16,a-dead=4s..5s,rerequest-loss=0.2,rerequest-delay=2ms,\
        disconnect-within=20000,disconnect-times=3,login-refusals=1,ack-delay=5ms,ack-delay-chance=0.2,bust=0.1,\
        bust-delay=100ms,snapshot-disconnect-within=20000,snapshot-disconnect-times=1";
    for placement in ["fused", "split"] {
        let demo = Demo { seconds: 5, placement, ..with(faults) };
        let ran = demo.run();
        assert!(ran.engine.gaps > 0 && ran.count("/session/connections") > 2);
    }
}

#[test]
#[ignore = "minutes: scripts/soak faults"]
fn every_fault_alone_and_at_many_points() {
    let all = [
        "loss=0.01",
        "loss=0.1",
        "loss=0.3",
        "dup=0.5",
        "reorder=4,reorder-chance=0.5",
        "reorder=64,reorder-chance=0.5",
        "a-delay=1ms",
        "b-delay=20ms",
        "a-delay=100ms,loss=0.1",
        "a-dead=0s..4s",
        "a-dead=3s..3100ms",
        "b-dead=4s..6s",
        "both-dead=4s..4050ms",
        "both-dead=4s..5s",
        "loss=0.2,rerequest-dead=0s..5s",
        "loss=0.2,rerequest-loss=0.9",
        "loss=0.2,rerequest-delay=100ms",
        "loss=0.2,rerequest-reorder=32,rerequest-reorder-chance=0.5,rerequest-dup=0.5",
        "snapshot-login-refusals=2",
        "snapshot-disconnect-within=30000,snapshot-disconnect-times=3",
        "snapshot-delay=1s",
        "disconnect-after=100,disconnect-times=5",
        "disconnect-after=1000,disconnect-times=3",
        "disconnect-after=5001,disconnect-times=5",
        "disconnect-after=20003,disconnect-times=5",
        "disconnect-within=50000,disconnect-times=5",
        "login-refusals=3",
        "login-refusal-chance=0.5,disconnect-within=30000,disconnect-times=4",
        "ack-delay=1ms",
        "ack-delay=100ms,ack-delay-chance=0.5",
        "bust=0.5,bust-delay=10ms",
        "bust=1,bust-delay=1s",
    ];
    for (seed, faults) in (1..).zip(all) {
        for strategy in ["quoter", "imbalance"] {
            for placement in ["fused", "split"] {
                Demo { seconds: 6, seed, strategy, placement, ..with(faults) }.run();
            }
        }
    }
}
