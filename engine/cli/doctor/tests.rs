//! What the doctor says, keeps, and refuses to compare with.

use super::*;
use clap::Parser;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn tried(arguments: &[&str]) -> Result<String, Failure> {
    let all = ["coretick", "doctor"].iter().chain(arguments);
    let mut out = Vec::new();
    crate::cli::run(&crate::cli::Arguments::parse_from(all), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn said(arguments: &[&str]) -> String {
    tried(arguments).unwrap_or_else(|error| panic!("{error}"))
}

/// Why it was refused, and the exit code.
fn refused(arguments: &[&str]) -> (String, u8) {
    let error = tried(arguments).expect_err("it was not refused");
    (error.to_string(), error.exit_code())
}

#[test]
fn the_meter_tells_of_each_core() {
    let text = said(&["--jitter", "--seconds", "0.2", "--together"]);
    let cpus = Machine::read().cpus;
    let head = format!("jitter    {} CPUs all at once, 0.2 s each; gaps of 1,000 ns", cpus.len());
    assert!(text.starts_with(&head), "{text}");
    for cpu in &cpus {
        let rows = text.lines().filter(|line| line.starts_with(&format!("  CPU {} ", cpu.id)));
        assert_eq!(rows.count(), 1, "{text}");
    }
}

#[test]
fn json_has_the_figures_of_the_cores_that_were_asked_for() {
    let cpu = Machine::read().cpus[0].id.to_string();
    let text = said(&["--jitter", "--seconds", "0.2", "--cpus", &cpu, "--json"]);
    let all: Value = serde_json::from_str(&text).unwrap();
    let cores = all["cores"].as_array().unwrap();
    assert_eq!((cores.len(), cores[0]["cpu"].to_string()), (1, cpu));
    let number = |name: &str| cores[0][name].as_u64().unwrap();
    assert!(number("elapsed_ns") >= 200_000_000);
    assert!(number("p50_ns") <= number("p99_ns") && number("p99_ns") <= number("p999_ns"));
    assert!(number("p999_ns") <= number("max_ns"));
    assert!(number("max_ns") <= number("stolen_ns") && number("stolen_ns") <= number("elapsed_ns"));
    let worst = cores[0]["worst"].as_array().unwrap().len() as u64;
    assert_eq!(worst, number("gaps").min(10));
}

#[test]
fn a_doctor_without_the_meter_alone_looks_at_the_machine_first() {
    let text = said(&["--seconds", "0.05"]);
    let [machine, host, tuning, jitter] =
        ["machine ", "\nhost ", "\ntuning ", "\njitter "].map(|word| text.find(word).expect(word));
    assert!(machine < host && host < tuning && tuning < jitter, "{text}");
}

#[test]
fn seconds_are_fractions_within_reason() {
    assert_eq!(seconds("0.2"), Ok(Nanos(200_000_000)));
    for wrong in ["0", "-1", "NaN", "inf", "1e9", "x", ""] {
        assert!(seconds(wrong).is_err(), "{wrong}");
    }
}

/// A made-up machine under a folder, as the tests of tuning make it, and a configuration for it.
struct MadeUp {
    folder: TempDir,
}

impl MadeUp {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let made = Self { folder };
        fs::create_dir(made.path("machine")).unwrap();
        let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tuning/tests/machine");
        let script = format!(". {tests} && machine_server");
        let mut shell = Command::new("bash");
        let done = shell.args(["-ec", &script]).env("FAKE_ROOT", made.path("machine")).status();
        assert!(done.unwrap().success());
        // The made-up machine has eight CPUs, this one at least the first.
        let desk = "[topology]\noversubscribe = true\n[[shard]]\nname = \"hot\"\ncpu = 0\n\
            run = [\"ingest\", \"book\", \"risk\", \"route\", \"log\"]\nidle = \"spin\"\n";
        fs::write(made.path("desk.toml"), desk).unwrap();
        made
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().into()
    }

    fn doctor(&self, more: &[&str]) -> Result<String, Failure> {
        let (root, desk) = (self.path("machine"), self.path("desk.toml"));
        let mut all = vec!["--root", &root, "--config", &desk];
        all.extend(more);
        tried(&all)
    }

    fn apply(&self, knobs: &[&str]) {
        let tuning = Path::new(env!("CARGO_MANIFEST_DIR")).join("tuning");
        let mut tune = Command::new(tuning.join("tune"));
        tune.arg("apply").args(knobs).args(["--topology", &self.path("desk.toml")]);
        tune.args(["--root", &self.path("machine")]);
        tune.env("CORETICK_TUNE_KERNEL", tuning.join("tests/kernel"));
        tune.env("FAKE_ROOT", self.path("machine")).env("FAKE_COUNT", self.path("count"));
        let said = tune.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }

    /// What it saved, as JSON.
    fn saved(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("before.json")).unwrap()).unwrap()
    }
}

#[test]
fn what_tuning_bought_is_shown_knob_by_knob_and_core_by_core() {
    let made = MadeUp::new();
    let before = made.path("before.json");
    let measure = ["--seconds", "0.05", "--cpus", "0", "--threshold", "2000", "--save", &before];
    let text = made.doctor(&measure).unwrap();
    assert!(
        text.contains("\n  swappiness       is /proc/sys/vm/swappiness = 60, wanted "),
        "{text}"
    );
    assert!(text.ends_with(&format!("saved     {before}\n")), "{text}");
    made.apply(&["swappiness", "stat-interval"]);
    let text = made.doctor(&["--against", &before]).unwrap();
    let moved: Vec<_> = text.lines().filter(|line| line.contains(" not      ok ")).collect();
    assert_eq!(moved.len(), 2, "{text}");
    assert!(moved[0].starts_with("  swappiness ") && moved[1].starts_with("  stat-interval "));
    let [was, is] = ["    0  before ", "       now "].map(|row| text.find(row).expect(row));
    assert!(was < is && text.contains("0.05 s each; gaps of 2,000 ns"), "{text}");

    // What an isolated core's own have, and nobody else.
    let mut more = made.saved();
    let mut elsewhere = more["cores"][0].clone();
    elsewhere["cpu"] = json!(4_000);
    more["cores"].as_array_mut().unwrap().insert(0, elsewhere);
    let of_two = made.path("two.json");
    fs::write(&of_two, more.to_string()).unwrap();
    let text = made.doctor(&["--against", &of_two]).unwrap();
    assert!(text.contains("  4000  not to be used from here: `tuning/start"), "{text}");
    assert!(text.contains("    0  before "), "{text}");

    let compared = made.doctor(&["--against", &before, "--json"]).unwrap();
    let compared: Value = serde_json::from_str(&compared).unwrap();
    let found = compared["host"].as_array().unwrap();
    assert!(found.iter().all(|it| ["of", "what", "fix"].iter().all(|key| it[key].is_string())));
    let knobs = compared["knobs_changed"].as_array().unwrap();
    let state = |at: usize| ["knob", "before", "now"].map(|it| knobs[at][it].as_str().unwrap());
    assert_eq!(knobs.len(), 2);
    assert_eq!([state(0), state(1)], [["swappiness", "not", "ok"], ["stat-interval", "not", "ok"]]);
    assert_eq!(compared["before"], made.saved(), "what was kept is read as it was");
    let core = &compared["cores"][0];
    for name in ["p50_ns", "p99_ns", "p999_ns", "max_ns", "gaps"] {
        assert!(core["before"][name].is_u64() && core["now"][name].is_u64(), "{name}: {core}");
    }
    assert_eq!(compared["now"]["span_ns"], 50_000_000, "measured as before");
}

#[test]
fn a_saved_file_that_is_damaged_or_of_another_machine_is_refused_with_field_and_fix() {
    let made = MadeUp::new();
    let before = made.path("before.json");
    made.doctor(&["--seconds", "0.01", "--cpus", "0", "--save", &before]).unwrap();
    let (whole, text) = (made.saved(), fs::read_to_string(&before).unwrap());
    let refused_as = |text: &str, why: &str| {
        fs::write(&before, text).unwrap();
        let (said, code) = refused(&["--jitter", "--against", &before]);
        assert_eq!(code, 2);
        assert!(said.starts_with(&format!("{before}: ")) && said.contains(why), "{why}: {said}");
        // What to do comes last.
        assert!(said.contains(": save it again") || said.contains("tuning/start"), "{said}");
    };
    refused_as(&text[..text.len() / 2], "it is no JSON, or was cut off");
    refused_as("", "line 1, column 0");
    refused_as("[]", "`format` is missing");
    let cases = [
        ("/format", json!("coretick doctor 2"), "`format` is not \"coretick doctor 1\""),
        ("/span_ns", json!(7), "`span_ns` is not between 1000000 and"),
        ("/together", json!("yes"), "`together` is not true or false"),
        ("/cores", json!([]), "`cores` is empty"),
        ("/cores/0/p99_ns", json!(-1), "`cores[0].p99_ns` is not a whole number"),
        ("/cores/0/worst", json!([{ "at_ns": 1 }]), "`cores[0].worst[0].length_ns` is missing"),
        ("/tuning/knobs", json!([{ "knob": 5 }]), "`tuning.knobs[0].knob` is not text"),
        ("/tuning/knobs", Value::Null, "`tuning.why` is missing"),
        ("/machine/host", json!("elsewhere"), "`machine.host` is \"elsewhere\", and here it is"),
        ("/machine/cpus", json!(4_096), "`machine.cpus` is \"4096\""),
        ("/cores/0/cpu", json!(4_000), "`cores[0].cpu` is 4000, which this process may not use"),
    ];
    for (at, value, why) in cases {
        let mut all = whole.clone();
        *all.pointer_mut(at).expect(at) = value;
        refused_as(&all.to_string(), why);
    }
    let mut twice = whole.clone();
    twice["cores"] = json!([whole["cores"][0], whole["cores"][0]]);
    refused_as(&twice.to_string(), "`cores[1].cpu` is that of another core too");
    let (said, code) = refused(&["--jitter", "--against", &made.path("none.json")]);
    assert!(code == 2 && said.contains("none.json: ") && said.contains("--save FILE"), "{said}");
}

#[test]
fn a_tool_that_is_not_there_or_fails_is_said() {
    let made = MadeUp::new();
    let (said, code) = refused(&["--seconds", "0.01", "--tuning", &made.path("machine")]);
    assert!(code == 2 && said.contains("there is no `tune` in it: name the folder"), "{said}");
    // A folder without /sys is no machine.
    let empty = made.path("empty");
    fs::create_dir(&empty).unwrap();
    let text = tried(&["--seconds", "0.01", "--cpus", "0", "--root", &empty]).unwrap();
    assert!(
        text.contains("tuning    not looked at: ") && text.contains("is /sys mounted?"),
        "{text}"
    );
    let text = tried(&["--jitter", "--seconds", "0.01", "--cpus", "0", "--json"]).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all["tuning"]["why"], "only the jitter meter was asked for");
    assert!(all["host"].is_null(), "nobody looked");
}
