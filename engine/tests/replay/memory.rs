//! Memory is taken at start: it does not grow with the day.

use super::support::{Bench, coretick};

/// KiB by which a day ten times as long may differ.
const SLACK_KIB: u64 = 16 << 10;

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
    let (short, long) = (most("200000"), most("2000000"));
    assert!(short > 1 << 10, "{short} KiB were seen: too few to be true");
    assert!(long.abs_diff(short) < SLACK_KIB, "{short} KiB for the short day, {long} KiB");
}
