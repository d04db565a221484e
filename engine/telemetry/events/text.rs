//! A line as a person reads it.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::instrument::Symbols;
use crate::base::log::{ARGUMENTS, Event, Line};
use crate::base::name;
use crate::base::unit::{Level, Nanos, TradingState};
use std::fmt;
use std::io;

/// What numbers are called that others give.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names {
    /// States of the feed, in order.
    pub feed: &'static [&'static str],
    /// Phases of the session, in order.
    pub session: &'static [&'static str],
}

/// A line, with what it takes to read it.
pub(super) struct Shown<'a> {
    pub(super) line: &'a Line,
    pub(super) origin: &'a str,
    pub(super) names: Names,
    pub(super) symbols: &'a Symbols,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, origin, .. } = self;
        show_time(line.time, f)?;
        let Some(event) = Event::of(line.event) else {
            return write!(f, " error {origin:<7} unknown  event {}", line.event);
        };
        write!(f, " {:<5} {origin:<7} {}  ", event.severity().name(), event.name())?;
        let mut rest = event.text();
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            let Some((place, after)) = after.split_once('}') else { return f.write_str(after) };
            self.place(place, f)?;
            rest = after;
        }
        f.write_str(rest)
    }
}

impl Shown<'_> {
    /// What stands in a place of the text.
    fn place(&self, place: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line: Line { instrument, arguments, .. }, names, symbols, .. } = self;
        match place {
            "symbol" => return f.write_str(&symbols.name(*instrument)),
            "scope" => {
                let level = Level(arguments[0] as u8);
                let id = match level {
                    Level::INSTRUMENT => symbols.name(*instrument),
                    _ => arguments[1].to_string(),
                };
                return f.write_str(&name::of_scope(level, &id));
            }
            _ => {}
        }
        let (at, kind) = place.split_once(':').unwrap_or((place, ""));
        let at: usize = at.parse().ok().filter(|at| *at < ARGUMENTS).unwrap_or(0);
        let number = arguments[at];
        let named = |all: &[&'static str]| {
            let name = usize::try_from(number).ok().and_then(|place| all.get(place).copied());
            name.unwrap_or("unknown")
        };
        match kind {
            "feed" => f.write_str(named(names.feed)),
            "session" => f.write_str(named(names.session)),
            "event" => {
                let event = u16::try_from(number).ok().and_then(Event::of);
                f.write_str(event.map_or("unknown", Event::name))
            }
            "code" => f.write_str(Code(number as u16).name()),
            "state" => f.write_str(TradingState(number as u8).name()),
            "us" => write!(f, "{}.{:03}", number / 1_000, number % 1_000),
            "error" => show_error(number, f),
            _ => write!(f, "{number}"),
        }
    }
}

/// An error of the system, by its number; 0 where it gave none.
fn show_error(number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match i32::try_from(number) {
        Ok(number) if number > 0 => write!(f, "{}", io::Error::from_raw_os_error(number)),
        _ => f.write_str("by one of the two ends, without an error of the system"),
    }
}

/// As in RFC 3339, to the nanosecond.
fn show_time(time: Nanos, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match jiff::Timestamp::from_nanosecond(i128::from(time.0)) {
        Ok(moment) => write!(f, "{moment:.9}"),
        Err(_) => write!(f, "{}", time.0),
    }
}
