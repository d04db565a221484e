//! `coretick limits`: the limits of a running engine, and how they are changed: what is tighter at once, what is looser in
//! two steps.

use super::Failure;
use super::admin::{Request, Where, ask};
use clap::Subcommand;
use std::io::Write;
use std::path::PathBuf;

/// Show and change the limits of a running engine
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick limits show --config desk.toml\n  \
    coretick limits propose limits.toml --who ada --config desk.toml\n  \
    coretick limits confirm 3 --who bob --config desk.toml\n\n\
    What a proposal makes tighter is in force at once; what it makes looser waits until it is confirmed by its number. One\n\
    that was made against other limits than those in force then is refused. All of it is written to the audit.\n\
    A running engine does not write its file of limits (risk.limits): put the same file there for the next start.\n\n\
    Exit code: 0 when it is done; 1 when it is not, or nobody could be asked; 2 for wrong input.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    word: Word,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Propose the limits of a file
    #[command(
        after_help = "Example: coretick limits propose limits.toml --who ada --config desk.toml\n\n\
        The file is laid over the defaults (engine/limits.toml), as at a start: what it leaves out is that of the defaults."
    )]
    Propose {
        /// The limits: a TOML file
        file: PathBuf,
        /// Who asks
        #[arg(long, value_name = "NAME")]
        who: String,
        #[command(flatten)]
        at: Where,
    },
    /// Put what a proposal makes looser in force
    #[command(after_help = "Example: coretick limits confirm 3 --who bob --config desk.toml")]
    Confirm {
        /// The number that the proposal was given
        number: u32,
        /// Who asks
        #[arg(long, value_name = "NAME")]
        who: String,
        #[command(flatten)]
        at: Where,
    },
    /// Show the limits in force, and the proposals that wait
    #[command(after_help = "Example: coretick limits show --config desk.toml > limits.toml")]
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: Where,
    },
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let answer = match &arguments.word {
        Word::Propose { file, who, at } => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| Failure::File(file.clone(), error))?;
            let (name, who) = (file.display().to_string(), who.clone());
            ask(at, &Request::Propose { name, text, who })?
        }
        Word::Confirm { number, who, at } => {
            ask(at, &Request::Confirm { number: *number, who: who.clone() })?
        }
        Word::Show { json: true, at } => {
            return Ok(writeln!(out, "{:#}", ask(at, &Request::Limits)?.data)?);
        }
        Word::Show { json: false, at } => ask(at, &Request::Limits)?,
    };
    answer.said.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}
