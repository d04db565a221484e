//! Tests that this machine cannot run say so aloud.

use std::io::Write;

/// Says that this test is skipped: past the test runner, which keeps to itself what a test prints that passes.
pub(crate) fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let mut terminal = std::io::stderr();
    writeln!(terminal, "SKIPPED: {test}: {why}").unwrap();
}
