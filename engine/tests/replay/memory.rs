//! Memory is taken at start: it is what `check` says, and does not grow with the day.

use super::support::{Bench, coretick};

/// KiB by which a day ten times as long may differ.
const SLACK_KIB: u64 = 16 << 10;
/// Runs of the same, at most.
const LOOKS: usize = 3;

#[test]
fn memory_stays_flat_however_long_the_day() {
    let bench = Bench::new();
    let most = |messages: &str| {
        let path = bench.path(messages);
        let path = path.to_str().unwrap();
        let day = ["--messages", messages, "--symbols", "200", "--live", "8000"];
        coretick(["generate", path].iter().chain(&day)).good();
        coretick(["replay", path, "--stages", "book"]).good().anonymous_kib
    };
    // What a look misses while the machine is busy, another run shows: too little is seen, never too much.
    let (mut short, mut long) = (0, 0);
    for _ in 0..LOOKS {
        (short, long) = (short.max(most("200000")), long.max(most("2000000")));
        if short > 1 << 10 && long.abs_diff(short) < SLACK_KIB {
            return;
        }
    }
    panic!("{short} KiB for the short day, {long} KiB for the long one");
}

#[test]
fn check_tells_what_a_run_takes() {
    // What is not in the pools: the program, its threads, the file's buffer, the first huge pages of each queue.
    const BESIDE_KIB: u64 = 80 << 10;

    let bench = Bench::new();
    let day = bench.day("day", 4_000, 10, 31);
    for (strategy, books) in [("none", 1), ("quoter", 2)] {
        let text = format!("[book]\nshards = {books}\n[strategy]\nname = \"{strategy}\"\n");
        let config = bench.file("config.toml", text);
        let told = coretick(["check", "--config", &config]).good().out;
        let memory = told.lines().find_map(|line| line.strip_prefix("memory")).unwrap();
        let told: u64 = memory.split_whitespace().next().unwrap().parse().unwrap();
        let told_kib = told << 10;
        let mut taken = 0;
        for _ in 0..LOOKS {
            let ran = coretick(["replay", &day, "--config", &config]).good();
            taken = taken.max(ran.anonymous_kib);
            if taken.abs_diff(told_kib) < BESIDE_KIB {
                break;
            }
        }
        assert!(taken.abs_diff(told_kib) < BESIDE_KIB, "{told_kib} KiB told, {taken} taken");
    }
}
