//! coretick: parse the command line, run the command, print the error, set the exit code.

use clap::Parser;
use coretick::cli;
use std::io::{self, Write};
use std::process::ExitCode;

/// Serves start-up and the cold path; the hot path allocates nothing.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let mut out = io::stdout().lock();
    let done = cli::run(&arguments, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Err(failure) if !failure.is_closed_pipe() => {
            // Nobody is left to tell if this fails too.
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(failure.exit_code())
        }
        _ => ExitCode::SUCCESS,
    }
}
