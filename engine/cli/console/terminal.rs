//! The terminal: taken as a whole, drawn on, and given back whatever happens.
#![forbid(unsafe_code)]

use super::keys::Keys;
use super::{Asked, Picture, screen};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::fs::File;
use std::io::{self, BufWriter};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Events that are heeded at a tick; what is left comes at the next.
const EVENTS_MAX: usize = 64;
/// More than a screen of cells with their colours: a drawing is one write, mostly.
const DRAWING_BYTES: usize = 64 * 1024;

/// The terminal is ours until it is given back: once, by whoever is first.
#[derive(Clone)]
struct Lease {
    held: Arc<AtomicBool>,
    out: Arc<File>,
}

impl Lease {
    fn take(out: File) -> io::Result<Self> {
        enable_raw_mode()?;
        let lease = Self { held: Arc::new(AtomicBool::new(true)), out: Arc::new(out) };
        let mut out = &*lease.out;
        match execute!(out, EnterAlternateScreen, Hide) {
            Ok(()) => Ok(lease),
            Err(error) => {
                lease.give_back()?;
                Err(error)
            }
        }
    }

    fn give_back(&self) -> io::Result<()> {
        if !self.held.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let mut out = &*self.out;
        let left = execute!(out, LeaveAlternateScreen, Show);
        // Whatever became of the screen: keys are the shell's again.
        disable_raw_mode().and(left)
    }
}

/// A terminal in our hands.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<File>>>,
    lease: Lease,
    keys: Keys,
}

impl Screen {
    /// Takes the terminal behind `out`. A panic gives it back before it says why, on any thread: `out` has no lock that
    /// could be another's.
    pub(super) fn take(out: File) -> io::Result<Self> {
        let writer = BufWriter::with_capacity(DRAWING_BYTES, out.try_clone()?);
        let terminal = Terminal::new(CrosstermBackend::new(writer))?;
        let lease = Lease::take(out)?;
        let (previous, held) = (panic::take_hook(), lease.clone());
        panic::set_hook(Box::new(move |what| {
            // Nobody is left to tell if this fails too.
            let _ = held.give_back();
            previous(what);
        }));
        Ok(Self { terminal, lease, keys: Keys::default() })
    }

    /// Whether it is still ours.
    pub(super) fn is_held(&self) -> bool {
        self.lease.held.load(Ordering::Acquire)
    }

    /// Whether the person is asked if the kill is meant.
    pub(super) fn asks(&self) -> bool {
        self.keys.asks()
    }

    /// Heeds what was pressed since the last time; and whether the screen is to be drawn at once.
    pub(super) fn heed(&mut self, killed: bool) -> io::Result<(Asked, bool)> {
        let mut touched = false;
        for _ in 0..EVENTS_MAX {
            if !event::poll(Duration::ZERO)? {
                break;
            }
            let event = event::read()?;
            touched |= matches!(event, Event::Key(_) | Event::Resize(..));
            if let Some(key) = event.as_key_press_event() {
                let asked = self.keys.press(&key, killed);
                if asked != Asked::Nothing {
                    return Ok((asked, true));
                }
            }
        }
        Ok((Asked::Nothing, touched))
    }

    /// Draws the picture; only what changed is written.
    pub(super) fn draw(&mut self, picture: &Picture<'_>) -> io::Result<()> {
        self.terminal.draw(|frame| screen::draw(frame, picture)).map(|_| ())
    }

    /// Gives it back.
    pub(super) fn give_back(&self) -> io::Result<()> {
        self.lease.give_back()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The way of an error: the one that is on its way is the one to tell.
        let _ = self.give_back();
    }
}
