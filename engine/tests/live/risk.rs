//! What a person does to a running engine over its socket, and what its gate does by itself, seen from the exchange's ledger:
//! kills, resumes, limits, losses and rejects.
//!
//! The engine's files tell when something held, in its own time; the ledger counts from midnight, which is whole hours off.

use crate::account::{Engine, Ledger};
use crate::csv::Table;
use crate::process::{Exchange, KEEPS_ORDERS, PASSWORD, Program, now, pause};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// What was under way when something changed has arrived after this, on a busy machine too.
const UNDER_WAY: i64 = 3 * SECOND;
/// So long something is held: twice that, ms.
const HELD: u64 = 6_000;

/// What an engine says that did not see something done in its two seconds: on a busy machine it is to be asked again.
const TOO_SOON: [&str; 3] =
    ["not confirmed within", "does not say so", "is not in force, and will"];

/// Runs `coretick` with these words, again where the machine was too busy for it; what it said, if it was done.
fn done(words: &[&str]) -> String {
    for tries in 1.. {
        let output = Command::new(env!("CARGO_BIN_EXE_coretick")).args(words).output().unwrap();
        let [said, error] =
            [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        if output.status.success() {
            return said;
        }
        let again = tries < 5 && TOO_SOON.iter().any(|it| said.contains(it) || error.contains(it));
        assert!(again, "{words:?}: {said}{error}");
    }
    unreachable!("it is asked again or told")
}

/// What a scope may do, by `coretick risk`.
fn state(socket: &str, scope: &str) -> String {
    let said: Value = serde_json::from_str(&done(&["risk", "--json", "--socket", socket])).unwrap();
    let scopes = said["scopes"].as_array().unwrap();
    let shown = scopes.iter().find(|it| it["scope"] == scope).unwrap_or_else(|| panic!("{said}"));
    shown["state"].as_str().unwrap().into()
}

/// Lets the engines of an exchange listen at a socket, and keep latches, with `more` configuration; the paths of both.
fn configure(exchange: &Exchange, more: &str) -> [String; 2] {
    let paths = ["admin", "latches"].map(|name| exchange.folder.join(name));
    let [socket, latches] = paths.map(|path| path.to_str().unwrap().to_owned());
    let path = exchange.folder.join("desk.toml");
    let risk = format!("[risk]\nadmin = \"{socket}\"\nlatches = \"{latches}\"\n{more}");
    fs::write(&path, fs::read_to_string(&path).unwrap() + &risk).unwrap();
    [socket, latches]
}

fn ends_in_order(engine: Program) {
    engine.signal("INT");
    let ended = engine.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}

/// When a scope's state changed, and to what and why, by `audit.csv`.
fn latched(folder: &Path, scope: &str) -> Vec<(i64, String, i64)> {
    let table = Table::so_far(&folder.join("audit.csv"));
    let states = ["killed", "reduce-only", "live", "paused"];
    let rows = table.rows().filter(|row| row.text("who") == "coretick");
    let rows = rows.filter(|row| row.text("scope") == scope && states.contains(&row.text("event")));
    rows.map(|row| (row.number("time_ns"), row.text("event").into(), row.number("code"))).collect()
}

/// Waits until the audit tells what holds of a scope's latches; two minutes at most.
fn until_latched(folder: &Path, scope: &str, holds: impl Fn(&[(i64, String, i64)]) -> bool) {
    let since = now();
    while !holds(&latched(folder, scope)) {
        let is_late = since.elapsed() >= Duration::from_secs(120);
        assert!(!is_late, "{:?} after {:?}", latched(folder, scope), fates(folder));
        pause(50);
    }
}

/// How many orders stand how, and why, by `orders.csv`.
fn fates(folder: &Path) -> BTreeMap<[String; 2], usize> {
    let mut fates = BTreeMap::new();
    for row in Table::so_far(&folder.join("orders.csv")).rows() {
        *fates.entry(["state", "code"].map(|column| row.text(column).to_owned())).or_default() += 1;
    }
    fates
}

/// When the orders were decided that left, by `orders.csv`; and those that the gate refused, with the code.
fn decided(folder: &Path) -> (Vec<i64>, Vec<(i64, String)>) {
    let (mut sent, mut refused) = (Vec::new(), Vec::new());
    for row in Table::read(&folder.join("orders.csv")).rows() {
        let time = row.number("time_ns");
        match row.text("state") {
            "refused" => refused.push((time, row.text("code").into())),
            _ => sent.push(time),
        }
    }
    (sent, refused)
}

/// A change of an order in the ledger.
struct Change {
    /// In the engine's time.
    time: i64,
    kind: String,
    symbol: String,
    buy: bool,
    reference: i64,
    shares: i64,
    open: i64,
    reason: String,
}

/// The client's rows of the ledger. The engine's files in `folder` tell the hour.
fn changes(ledger: &Path, folder: &Path) -> Vec<Change> {
    let mut changes = Vec::new();
    for row in Table::read(ledger).rows().filter(|row| row.text("account") == "DESK01") {
        let number = |column| row.text(column).parse().unwrap_or(0);
        changes.push(Change {
            time: row.number("time"),
            kind: row.text("kind").into(),
            symbol: row.text("symbol").into(),
            buy: row.text("side") == "B",
            reference: number("user_ref"),
            shares: number("shares"),
            open: number("open"),
            reason: row.text("reason").into(),
        });
    }
    let last = decided(folder).0.into_iter().max().unwrap();
    let entered = changes.iter().filter(|it| matches!(&*it.kind, "accept" | "replace"));
    let off = last - entered.map(|it| it.time).max().unwrap();
    let off = (off + HOUR / 2).div_euclid(HOUR) * HOUR;
    changes.iter_mut().for_each(|it| it.time += off);
    changes
}

fn entered(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|it| matches!(&*it.kind, "accept" | "replace"))
}

#[test]
fn a_strategy_killed_over_the_socket_stops_and_trades_again_once_it_is_resumed() {
    let folder = TempDir::new().unwrap();
    let [out, socket] = ["out", "admin"].map(|name| folder.path().join(name));
    let socket = socket.to_str().unwrap();
    let words =
        ["demo", "--plain", "--seconds", "600", "--rate", "5000", "--admin", socket, "--out"];
    let words = [&words[..], &[out.to_str().unwrap()]].concat();
    let mut demo = Program::start(folder.path(), "demo", &words, "");
    demo.trades();
    pause(500);
    let scope =
        ["--scope", "strategy:quoter", "--who", "ada", "--why", "a test", "--socket", socket];
    done(&[&["kill"][..], &scope].concat());
    assert_eq!(state(socket, "strategy:quoter"), "killed");
    assert_eq!(state(socket, "firm"), "live");
    pause(HELD);
    done(&[&["resume"][..], &scope].concat());
    assert_eq!(state(socket, "strategy:quoter"), "live");
    pause(HELD);
    ends_in_order(demo);

    let summary: Value =
        serde_json::from_slice(&fs::read(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["ledger_equal"], true, "{summary}");
    let (engine, ledger) = (Engine::read(&out), Ledger::read(&out.join("ledger.csv"), "DESK01"));
    assert_eq!(engine.differences(&ledger, &summary), [""; 0]);
    assert_eq!(ledger.open(), 0);
    let latched = latched(&out, "strategy:quoter");
    let [(killed, .., 102), (live, word, 0)] = &latched[..] else { panic!("{latched:?}") };
    assert_eq!(word, "live");
    let (sent, refused) = decided(&out);
    let within = |time: &i64| (killed..live).contains(&time);
    assert_eq!(sent.iter().filter(|time| within(time)).count(), 0, "new orders while killed");
    assert!(sent.iter().any(|time| time < killed) && sent.iter().any(|time| time > live));
    assert!(refused.iter().any(|(time, code)| within(time) && code == "killed_strategy"));
    let changes = changes(&out.join("ledger.csv"), &out);
    let late = entered(&changes).filter(|it| (killed + UNDER_WAY..*live).contains(&it.time));
    assert_eq!(late.count(), 0, "by the exchange's ledger");
}

#[test]
fn a_killed_firm_stays_killed_over_a_crash_until_its_latch_is_taken_out_of_the_file() {
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start_with(folder.path(), 2_000, "", KEEPS_ORDERS);
    let [socket, latches] = configure(&exchange, "");
    let mut first = exchange.engine("first", &[], PASSWORD);
    first.trades();
    done(&["kill", "--who", "ada", "--why", "a test", "--socket", &socket]);
    // The file is written by the log, beside the answer.
    let killed = || fs::read_to_string(&latches).is_ok_and(|text| text.contains("killed firm "));
    (0..100).take_while(|_| !killed()).for_each(|_| pause(20));
    assert!(killed());
    first.signal("KILL");
    assert_eq!(first.end().code, None);

    let mut second = exchange.engine("second", &[], PASSWORD);
    let stands = |line: &str| line.contains("feed live") && line.contains("session live");
    second.until("no session", |text| text.lines().any(stands));
    assert_eq!(state(&socket, "firm"), "killed");
    pause(HELD);
    ends_in_order(second);
    let words = ["--scope", "firm", "--who", "ada", "--why", "a test", "--latches", &latches];
    done(&[&["resume"][..], &words].concat());

    let mut third = exchange.engine("third", &[], PASSWORD);
    third.trades();
    assert_eq!(state(&socket, "firm"), "live");
    pause(HELD);
    ends_in_order(third);
    exchange.end();
    let (sent, refused) = decided(&folder.path().join("second"));
    assert_eq!(sent.len(), 0);
    assert!(refused.iter().any(|(_, code)| code == "killed"), "it wanted to trade");
    let third = folder.path().join("third");
    let ledger = folder.path().join("ledger.csv");
    let changes = changes(&ledger, &third);
    let times: Vec<i64> = entered(&changes).map(|it| it.time).collect();
    // Between the kill and the last start, which took seconds, there is nothing.
    let longest = times.windows(2).max_by_key(|pair| pair[1] - pair[0]).unwrap();
    assert!(longest[1] - longest[0] > 3 * SECOND, "{longest:?}");
    let after = times.iter().filter(|time| **time >= longest[1]).count();
    assert_eq!(after, Engine::read(&third).sent, "all that came after is the last engine's");
    assert_eq!(Ledger::read(&ledger, "DESK01").open(), 0);
}

/// What an order would leave a symbol with, if all that is open on its side traded: by row, what it was and what it is.
fn worst_cases(changes: &[Change]) -> Vec<(i64, i64, i64)> {
    let mut worst = Vec::new();
    let (mut positions, mut open) =
        (BTreeMap::<_, i64>::new(), BTreeMap::<_, (_, bool, i64)>::new());
    for it in changes {
        let case = |positions: &BTreeMap<_, i64>, open: &BTreeMap<i64, (String, bool, i64)>| {
            let held = positions.get(&it.symbol).copied().unwrap_or(0);
            let ours =
                open.values().filter(|(symbol, buy, _)| (symbol, *buy) == (&it.symbol, it.buy));
            let open: i64 = ours.map(|(.., shares)| shares).sum();
            open + if it.buy { held } else { -held }
        };
        let before = case(&positions, &open);
        match &*it.kind {
            "accept" | "replace" => {
                if let Some((_, target)) = it.reason.split_once('/') {
                    open.remove(&target.parse::<i64>().unwrap());
                }
                open.insert(it.reference, (it.symbol.clone(), it.buy, it.shares));
                worst.push((it.time, before, case(&positions, &open)));
            }
            "execute" | "cancel" => {
                if it.kind == "execute" {
                    let signed = if it.buy { it.shares } else { -it.shares };
                    *positions.entry(it.symbol.clone()).or_default() += signed;
                }
                open.insert(it.reference, (it.symbol.clone(), it.buy, it.open));
            }
            _ => {}
        }
    }
    worst
}

#[test]
fn a_tighter_limit_holds_once_it_is_answered_and_a_looser_one_once_it_is_confirmed() {
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start(folder.path(), 5_000, "");
    let [socket, _] = configure(&exchange, "");
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.trades();
    pause(1_500);
    let propose = |name: &str, most: u32| {
        let path = folder.path().join(name);
        let text = format!("[instrument]\nlong_max = {most}\nshort_max = {most}\n");
        fs::write(&path, text).unwrap();
        let words =
            ["limits", "propose", path.to_str().unwrap(), "--who", "ada", "--socket", &socket];
        done(&words)
    };
    let in_force = || -> Value {
        let said = done(&["limits", "show", "--json", "--socket", &socket]);
        let said: Value = serde_json::from_str(&said).unwrap();
        said["limits"]["instrument"]["long_max"].clone()
    };
    propose("tight.toml", 100);
    assert_eq!(in_force(), 100);
    pause(HELD);
    let said = propose("loose.toml", 300);
    assert!(said.contains("coretick limits confirm 1"), "{said}");
    pause(1_500);
    assert_eq!(in_force(), 100, "nobody confirmed it");
    done(&["limits", "confirm", "1", "--who", "bob", "--socket", &socket]);
    assert_eq!(in_force(), 300);
    pause(HELD);
    ends_in_order(engine);
    exchange.end();

    let out = folder.path().join("desk");
    let audit = Table::read(&out.join("audit.csv"));
    let answered = audit.rows().filter(|row| row.text("event") == "limits-in-force");
    let answered = answered.filter(|row| ["ada", "bob"].contains(&row.text("who")));
    let answered: Vec<i64> = answered.map(|row| row.number("time_ns")).collect();
    let [tight, loose] = answered[..] else { panic!("{answered:?}") };
    // The gate has the looser ones somewhere between the word and the answer, which a busy machine keeps apart.
    let mut words = audit.rows().filter(|row| row.text("event") == "limit-confirmed");
    let confirmed = words.next().unwrap().number("time_ns");
    assert!((tight..=loose).contains(&confirmed));
    let (_, refused) = decided(&out);
    let held = |it: &&(i64, String)| (tight..confirmed).contains(&it.0) && it.1 == "position";
    assert!(refused.iter().any(|it| held(&it)), "it never wanted more");
    let worst = worst_cases(&changes(&folder.path().join("ledger.csv"), &out));
    let raised = |most: i64| move |it: &&(i64, i64, i64)| it.2 > it.1 && it.2 > most;
    let span = |from: i64, to: i64| worst.iter().filter(move |it| (from..to).contains(&it.0));
    assert!(span(0, tight).any(|it| it.2 > 100), "more than that was wanted before");
    assert!(span(tight + UNDER_WAY, confirmed).count() > 20, "hardly traded");
    assert_eq!(span(tight + UNDER_WAY, confirmed).find(raised(100)), None, "tightened at {tight}");
    assert_eq!(span(confirmed, i64::MAX).find(raised(300)), None);
    assert!(span(loose, i64::MAX).any(|it| it.2 > 100), "the raise is in force");
}

#[test]
fn a_loss_holds_the_firm_to_reducing_and_then_stops_it() {
    let folder = TempDir::new().unwrap();
    let exchange = Exchange::start(folder.path(), 5_000, "");
    // Each fill costs twenty whatever it brings: some three fills lead to the first limit, with a position that is left to
    // reduce, and no single one from there to beyond the second, whatever the market did meanwhile.
    let more = "[limits.firm]\nloss_reduce = 50\nloss_kill = 95\n\
        [portfolio]\ncommission = \"fixed\"\ncommission_rate = 20_000_000\n";
    let [socket, latches] = configure(&exchange, more);
    let mut engine = exchange.engine("desk", &[], PASSWORD);
    engine.until("no session", |text| text.contains("session live"));
    let out = folder.path().join("desk");
    until_latched(&out, "firm", |latched| latched.iter().any(|it| it.1 == "killed"));
    assert_eq!(state(&socket, "firm"), "killed");
    pause(HELD);
    ends_in_order(engine);
    exchange.end();
    let told = latched(&out, "firm");
    let [(reduce, ref first, 2200), (killed, ref then, 2200)] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!([&first[..], then], ["reduce-only", "killed"]);
    assert!(reduce <= killed);
    let text = fs::read_to_string(&latches).unwrap();
    assert!(text.contains("killed firm ") && text.contains("\"loss\""), "{text}");
    let (sent, refused) = decided(&out);
    assert_eq!(sent.iter().filter(|time| **time > killed).count(), 0, "new orders of one killed");
    assert!(refused.iter().any(|it| it.0 > killed && it.1 == "killed"), "it wanted to trade");
    let changes = changes(&folder.path().join("ledger.csv"), &out);
    assert_eq!(entered(&changes).filter(|it| it.time > killed + UNDER_WAY).count(), 0);
    assert_eq!(Ledger::read(&folder.path().join("ledger.csv"), "DESK01").open(), 0);
}

#[test]
fn an_exchange_that_rejects_is_left_alone_for_a_while_and_then_tried() {
    const FAILURES: usize = 5;
    const TRIALS: usize = 2;
    const PAUSE: i64 = 5 * SECOND;
    let folder = TempDir::new().unwrap();
    // It takes forty orders in its day, and rejects the others.
    let exchange = Exchange::start_with(folder.path(), 20_000, "", "orders_max = 40\n");
    let more = format!(
        "[limits.firm]\nbreaker_failures = {FAILURES}\nbreaker_within_ms = 60000\n\
         breaker_pause_ms = {}\nbreaker_trials = {TRIALS}\n",
        PAUSE / 1_000_000
    );
    configure(&exchange, &more);
    let path = folder.path().join("desk.toml");
    let text = fs::read_to_string(&path).unwrap();
    // In one symbol few can be under way at a time.
    let one = text.replace("name = \"quoter\"\n", "name = \"quoter\"\nsymbols = [\"AAAB\"]\n");
    fs::write(&path, one).unwrap();
    let engine = exchange.engine("desk", &[], PASSWORD);
    let out = folder.path().join("desk");
    until_latched(&out, "firm", |latched| latched.iter().filter(|it| it.2 == 2300).count() >= 3);
    ends_in_order(engine);
    exchange.end();
    let changes = changes(&folder.path().join("ledger.csv"), &out);
    let rejects = changes.iter().filter(|it| it.kind == "reject").map(|it| it.time);
    // What is rejected within half a pause belongs together.
    let mut groups: Vec<Vec<i64>> = Vec::new();
    for time in rejects {
        match groups.last_mut() {
            Some(group) if time - group[group.len() - 1] < PAUSE / 2 => group.push(time),
            _ => groups.push(vec![time]),
        }
    }
    let counts: Vec<usize> = groups.iter().map(Vec::len).collect();
    let opened = latched(&out, "firm");
    eprintln!("rejects by pause: {counts:?}; {} times open", opened.len());
    let [first, trials @ ..] = &counts[..] else { panic!("no rejects") };
    // More were under way when the last of them was heard; that none was decided after, is asked below.
    assert!(*first >= FAILURES, "{counts:?}");
    assert!(
        trials.len() >= 2 && trials.iter().all(|count| (1..=TRIALS).contains(count)),
        "{counts:?}"
    );
    let (sent, refused) = decided(&out);
    assert!(refused.iter().any(|it| it.1 == "breaker"), "it wanted to trade");
    for (time, ..) in opened {
        let paused = sent.iter().filter(|it| (time + 1..time + PAUSE).contains(it)).count();
        assert_eq!(paused, 0, "new orders within a pause");
    }
}
