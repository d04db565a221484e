//! coretick: parse the command line, run the command, print the error, set the exit code.

use clap::Parser;
use coretick::cli;
use std::io::{self, Write};
use std::process::ExitCode;

/// Serves start-up and the cold path; the hot path allocates nothing.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What jemalloc reads at its start: ask for huge pages, where the kernel has them. Books reach all over their memory, and
/// a fifth of a replay's time was spent on page-table walks. Exported safely: jemalloc declares this symbol as a pointer to
/// a string, ended by a zero byte, that it only reads.
#[allow(unsafe_code)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: Option<&'static std::ffi::c_char> = {
    // SAFETY: the literal lives for ever, and both types are one byte.
    Some(unsafe { &*c"thp:always".as_ptr() })
};

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
