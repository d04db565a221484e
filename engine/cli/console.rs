//! The console of a live run: one screen, or lines where nobody watches.
#![forbid(unsafe_code)]

mod watch;

pub use watch::Watch;

use crate::base::command::Commands;
use crate::base::instrument::Symbols;
use crate::base::unit::Nanos;
use crate::telemetry::Board;
use std::io;

/// What the person at the console asks for. The console only passes it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// An end in order.
    Stop,
    /// The kill switch; confirmed.
    Kill,
}

/// The console, on the main thread of a live run.
#[derive(Debug)]
pub struct Console {
    board: Board,
    _symbols: Symbols,
    _commands: Commands,
}

impl Console {
    /// Takes the terminal, unless `plain` is asked for or standard output is none.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn open(
        _plain: bool,
        _title: &str,
        board: Board,
        symbols: Symbols,
        commands: Commands,
    ) -> io::Result<Self> {
        Ok(Self { board, _symbols: symbols, _commands: commands })
    }

    /// Looks at keys, and draws if it is time.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn tick(&mut self, now: Nanos) -> io::Result<Asked> {
        let _ = self.board.view(now);
        Ok(Asked::Nothing)
    }

    /// Gives the terminal back.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn close(self) -> io::Result<()> {
        Ok(())
    }
}
