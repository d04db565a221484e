//! `coretick risk`: how the gate of a running engine stands.

use super::Failure;
use super::admin::{Request, Where, ask};
use std::io::Write;

/// Show limits in use, trading states and the last refusals of a running engine
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick risk --config desk.toml\n  \
    coretick risk --socket /run/user/1000/coretick.sock --json\n\n\
    Exit code: 0 when it answers; 1 when nobody could be asked; 2 for wrong input.")]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: Where,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let answer = ask(&arguments.at, &Request::Risk)?;
    if arguments.json {
        writeln!(out, "{:#}", answer.data)?;
    } else {
        answer.said.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}
