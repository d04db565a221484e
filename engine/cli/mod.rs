//! The command line: one file a command. A command reads its arguments, does its work, and writes to `out`; what it
//! cannot do comes back as a [`Failure`], which `main` prints.

mod check;

use crate::topology::ConfigError;
use clap::{Parser, Subcommand};
use std::fmt;
use std::io::{self, Write};

/// A thread-per-core trading engine for colocated bare metal.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
#[command(after_help = "Example: coretick check --placement split")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// One variant a command, one file a variant.
#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
}

/// Runs the command that was asked for; what it has to say goes to `out`.
///
/// # Errors
/// Whatever stopped the command, with the fix.
pub fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    match &arguments.command {
        Command::Check(arguments) => check::run(arguments, out),
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The configuration is refused.
    Config(ConfigError),
    /// Its output could not be written.
    Output(io::Error),
}

impl Failure {
    /// The process's exit code: 2 for what the user must put right, 1 for what the system refused.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Output(_) => 1,
        }
    }

    /// Whether whoever read the output stopped listening (`coretick check | head`): nothing to report.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Output(error) => {
                write!(f, "the output could not be written: {error}: see that its disk has room")
            }
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
