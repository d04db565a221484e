//! `coretick kill` and `coretick resume`: what a scope may do from now on, in a running engine or in the latch file of one
//! that does not run.

use super::Failure;
use super::admin::{Request, ScopeName, StateWord, Where, ask};
use crate::base::clock::Wall;
use crate::base::unit::{Level, TradingState};
use crate::journal::{Latch, LatchLock, Latches};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Stop trading, or hold it to reducing positions: of the firm, an account, a strategy or an instrument
#[derive(Debug, clap::Args)]
#[command(after_help = "In an emergency:\n  \
    1. Stop all:          coretick kill --config desk.toml --who NAME --why TEXT\n                        \
    (`k`, then `y`, on the engine's console does the same)\n  \
    2. See that it is:    coretick risk --config desk.toml\n  \
    3. If it says that it is not confirmed, or nobody answers: have the venue cancel all orders and close the\n     \
    session, then end the engine's process.\n  \
    4. Before it may start again: coretick resume --scope firm --who NAME --why TEXT (with --config if it runs, with\n     \
    --latches if it does not). With a latch file (risk.latches) no restart forgets that it was killed.\n\n\
    Killed is: whatever is new is refused, and what is open is cancelled. Positions stay: trade them down with\n\
    --reduce-only in force, or elsewhere. Stop no more than you must: a strategy or an instrument can go alone.\n\n\
    Examples:\n  \
    coretick kill --config desk.toml\n  \
    coretick kill --socket /run/user/1000/coretick.sock --scope strategy:imbalance --who ada --why \"quotes are wild\"\n  \
    coretick kill --scope instrument:AAPL --reduce-only --config desk.toml\n  \
    coretick kill --latches coretick.latches --who ada --why \"not before the audit\"\n\n\
    It answers when the gate shows that it is done. With --latches it changes the file of an engine that does not run, so\n\
    that its next start is killed.\n\n\
    Exit code: 0 when it is done; 1 when it is not, or nobody could be asked; 2 for wrong input.")]
pub(super) struct Kill {
    /// What to stop: firm, account:1, strategy:imbalance, instrument:AAPL
    #[arg(long, value_name = "SCOPE", default_value = "firm")]
    scope: ScopeName,
    /// Let through what can but reduce a position
    #[arg(long)]
    reduce_only: bool,
    /// Who asks; else the user's name
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// Change this latch file instead of asking an engine
    #[arg(long, value_name = "FILE", conflicts_with_all = ["socket", "config"])]
    latches: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

/// Let a scope trade again that was killed or held to reducing positions
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick resume --scope strategy:imbalance --who ada --why \"feed is back\" --config desk.toml\n  \
    coretick resume --scope firm --who ada --why \"checked with the venue\" --latches coretick.latches\n\n\
    Only the scope's own latch is taken away: a strategy of a killed account stays stopped. With --latches it changes the\n\
    file of an engine that does not run; a damaged file is written anew by a resume of the firm.\n\n\
    Exit code: 0 when it is done; 1 when it is not, or nobody could be asked; 2 for wrong input.")]
pub(super) struct Resume {
    /// What to let trade: firm, account:1, strategy:imbalance, instrument:AAPL
    #[arg(long, value_name = "SCOPE")]
    scope: ScopeName,
    /// Who asks
    #[arg(long, value_name = "NAME")]
    who: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Change this latch file instead of asking an engine
    #[arg(long, value_name = "FILE", conflicts_with_all = ["socket", "config"])]
    latches: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

/// Runs `coretick kill`.
pub(super) fn kill(arguments: &Kill, out: &mut impl Write) -> Result<(), Failure> {
    let state = if arguments.reduce_only { StateWord::ReduceOnly } else { StateWord::Kill };
    let who = arguments.who.clone().or_else(|| std::env::var("USER").ok());
    let who = who.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".into());
    let (scope, why) = (arguments.scope.clone(), arguments.why.clone());
    run(state, scope, who, why, arguments.latches.as_deref(), &arguments.at, out)
}

/// Runs `coretick resume`.
pub(super) fn resume(arguments: &Resume, out: &mut impl Write) -> Result<(), Failure> {
    let Resume { scope, who, why, latches, at } = arguments;
    if who.trim().is_empty() || why.trim().is_empty() {
        return Err(Failure::Admin("a resume is on record: say --who and --why".into()));
    }
    let (who, why) = (who.clone(), why.clone());
    run(StateWord::Resume, scope.clone(), who, why, latches.as_deref(), at, out)
}

fn run(
    state: StateWord,
    scope: ScopeName,
    who: String,
    why: String,
    latches: Option<&Path>,
    at: &Where,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if let Some(path) = latches {
        let said = change(path, state, &scope, who, why)?;
        return Ok(writeln!(out, "{said}")?);
    }
    let answer = ask(at, &Request::Latch { state, scope, who, why })?;
    answer.said.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(())
}

/// Changes a latch file.
fn change(
    path: &Path,
    state: StateWord,
    scope: &ScopeName,
    who: String,
    why: String,
) -> Result<String, Failure> {
    let lock = LatchLock::take(path).map_err(|error| Failure::File(path.into(), error))?;
    if lock.is_none() {
        return Err(Failure::Admin(format!(
            "{}: an engine that runs keeps this file, and would not see it: ask it, with --config or --socket",
            path.display()
        )));
    }
    let read = Latches::read(path);
    let mut latches = read.latches;
    let scope = (scope.latched(), scope);
    if let Some(damage) = read.damage {
        let anew = state == StateWord::Resume && scope.0.0 == Level::FIRM;
        if !anew {
            return Err(Failure::Admin(damage.to_string()));
        }
    }
    let state = match state {
        StateWord::Kill => TradingState::KILLED,
        StateWord::ReduceOnly => TradingState::REDUCE_ONLY,
        StateWord::Resume => TradingState::LIVE,
    };
    if state != TradingState::LIVE && latches.state(&scope.0) > state {
        let held = latches.state(&scope.0);
        return Ok(format!("{} is {held} already, which only a resume takes back", scope.1));
    }
    latches.set(scope.0, Latch { state, time: Wall::set().now(), who, why });
    latches.write(path).map_err(|error| Failure::File(path.into(), error))?;
    Ok(format!("{} is {state} from the next start with {}", scope.1, path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(path: &Path, level: Level, id: &str) -> TradingState {
        Latches::read(path).latches.state(&(level, id.into()))
    }

    #[test]
    fn a_latch_file_is_changed_by_scope_and_keeps_who_and_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latches");
        let put = |word, scope: &str, why: &str| {
            change(&path, word, &scope.parse().unwrap(), "ada".into(), why.into())
        };
        put(StateWord::Kill, "strategy:imbalance", "wild").unwrap();
        put(StateWord::ReduceOnly, "strategy:imbalance", "less wild").unwrap();
        put(StateWord::ReduceOnly, "instrument:AAPL", "news").unwrap();
        assert_eq!(state(&path, Level::STRATEGY, "1"), TradingState::KILLED);
        assert_eq!(state(&path, Level::INSTRUMENT, "AAPL"), TradingState::REDUCE_ONLY);
        put(StateWord::Resume, "strategy:1", "calm").unwrap();
        assert_eq!(state(&path, Level::STRATEGY, "1"), TradingState::LIVE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"wild\"") && text.contains("\"calm\""), "it is on record: {text}");
    }

    #[test]
    fn a_file_that_an_engine_keeps_is_not_changed_behind_its_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latches");
        let kill =
            || change(&path, StateWord::Kill, &"firm".parse().unwrap(), "ada".into(), "now".into());
        let engine = LatchLock::take(&path).unwrap().unwrap();
        let said = kill().unwrap_err().to_string();
        assert!(said.contains("--socket") && said.contains("an engine that runs"), "{said}");
        assert!(LatchLock::take(&path).unwrap().is_none() && !path.exists());
        drop(engine);
        kill().unwrap();
        assert_eq!(state(&path, Level::FIRM, ""), TradingState::KILLED);
    }

    #[test]
    fn a_damaged_file_is_written_anew_by_a_resume_of_the_firm_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latches");
        std::fs::write(&path, "kiled firm\n").unwrap();
        let put = |word, scope: &str| {
            change(&path, word, &scope.parse().unwrap(), "ada".into(), "why".into())
        };
        for (word, scope) in [
            (StateWord::Kill, "firm"),
            (StateWord::Resume, "strategy:quoter"),
            (StateWord::Kill, "account:1"),
        ] {
            let said = put(word, scope).unwrap_err().to_string();
            assert!(said.contains("latches:1: the state is neither"), "{said}");
        }
        put(StateWord::Resume, "firm").unwrap();
        assert!(Latches::read(&path).damage.is_none());
        assert_eq!(state(&path, Level::FIRM, ""), TradingState::LIVE);
    }
}
