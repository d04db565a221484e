//! The console of a live run: one screen, or a line a second where nobody watches.
//!
//! It looks at the board from a cold thread and touches nothing that runs. What the person asks for it passes on; whoever
//! turns it does it. The terminal is given back on every way out: [`Console::close`], a drop on the way of an error, and
//! a panic of any thread, before its message. Keys come as bytes meanwhile, Ctrl-C among them: signals are the
//! caller's to heed.
#![forbid(unsafe_code)]

mod facts;
mod history;
mod keys;
mod lines;
mod risk;
mod screen;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod watch;

pub use watch::Watch;

use crate::base::command::Commands;
use crate::base::instrument::Symbols;
use crate::base::message::Report;
use crate::base::unit::Nanos;
use crate::cli::admin::Refusals;
use crate::telemetry::{Board, View};
use history::History;
use screen::Palette;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use terminal::Screen;

/// Between two drawings of the screen: eight a second.
const REDRAW: Nanos = Nanos(125_000_000);
/// Between two looks where lines are written; fewer than a second, so that each line is on time.
const LOOK: Nanos = Nanos(50_000_000);

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

/// Where it shows what it sees.
enum Face {
    Screen(Box<Screen>),
    Lines,
}

/// What a picture of the engine is made of.
struct Picture<'a> {
    title: &'a str,
    view: &'a View,
    history: &'a History,
    symbols: &'a Symbols,
    commands: &'a Commands,
    /// The last ones, the oldest first.
    refusals: &'a [Report],
    /// Whether the person is asked if the kill is meant.
    asks: bool,
    palette: Palette,
}

/// The console of a live run.
pub struct Console {
    face: Face,
    /// Standard output without its lock: whoever turns the console may hold that.
    out: File,
    title: String,
    board: Board,
    symbols: Symbols,
    commands: Commands,
    refusals: Refusals,
    history: History,
    palette: Palette,
    looked: Option<Nanos>,
}

impl Console {
    /// Takes the terminal; writes lines if that is asked for (`plain`), or if standard output or what stands behind it is
    /// no terminal that can be drawn on. States called `live` are shown as good ones, all others as a warning.
    ///
    /// # Errors
    /// If there is no standard output.
    pub(crate) fn open(
        plain: bool,
        title: &str,
        board: Board,
        symbols: Symbols,
        commands: Commands,
        refusals: Refusals,
    ) -> io::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        let screen = if plain || dumb || !out.is_terminal() {
            None
        } else {
            // A terminal that lets nobody read keys is one to write lines on.
            Screen::take(out.try_clone()?).ok()
        };
        Ok(Self {
            face: screen.map_or(Face::Lines, |screen| Face::Screen(Box::new(screen))),
            out,
            title: title.into(),
            board,
            symbols,
            commands,
            refusals,
            history: History::default(),
            palette: Palette::of_environment(),
            looked: None,
        })
    }

    /// Heeds the keys that were pressed, and shows the board if it is time: to be called some twenty times a second.
    ///
    /// # Errors
    /// If the terminal or standard output fails; the terminal is given back when the console is dropped.
    pub fn tick(&mut self, now: Nanos) -> io::Result<Asked> {
        let (mut asked, mut touched, mut pause) = (Asked::Nothing, false, LOOK);
        if let Face::Screen(screen) = &mut self.face {
            if screen.is_held() {
                (asked, touched) = screen.heed(self.commands.killed())?;
                pause = REDRAW;
            } else {
                // A thread panicked, and its message is to be read.
                self.face = Face::Lines;
            }
        }
        let due = self.looked.is_none_or(|looked| now.since(looked) >= pause);
        if due || touched {
            self.looked = Some(now);
            self.show(now)?;
        }
        Ok(asked)
    }

    fn show(&mut self, now: Nanos) -> io::Result<()> {
        let view = self.board.view(now);
        let second_over = self.history.see(&view);
        let refusals = self.refusals.last();
        let picture = Picture {
            title: &self.title,
            view: &view,
            history: &self.history,
            symbols: &self.symbols,
            commands: &self.commands,
            refusals: &refusals,
            asks: matches!(&self.face, Face::Screen(screen) if screen.asks()),
            palette: self.palette,
        };
        match &mut self.face {
            Face::Screen(screen) => screen.draw(&picture),
            Face::Lines if second_over => {
                self.out.write_all(format!("{}\n", lines::line(&picture)).as_bytes())
            }
            Face::Lines => Ok(()),
        }
    }

    /// Gives the terminal back.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn close(self) -> io::Result<()> {
        match self.face {
            Face::Screen(screen) => screen.give_back(),
            Face::Lines => Ok(()),
        }
    }
}
