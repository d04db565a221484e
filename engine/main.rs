//! coretick: parse the command line, run the command, print the error, set the exit code.
fn main() {}
