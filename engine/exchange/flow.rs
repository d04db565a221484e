//! A made-up day: an ITCH 5.0 file of any size, and the same bytes for the same arguments. Every message is what the matching
//! core said of what the background traders and the exchange's operator did.
//!
//! What holds on every day: an order is named before anything happens to it, and nothing happens to it afterwards; an
//! execution takes the first order in the queue of the best price; no order meets the other side while its symbol trades;
//! nothing executes while its symbol is halted but in the cross that ends the halt, when books may be crossed; times never
//! fall; reference and match numbers rise. Nothing here makes it so: the core does.
//!
//! The day: the directory at 03:05, orders from 04:00 until the books are full, imbalances from 09:25, the opening
//! cross at 09:30, trading with a few halts, imbalances from 15:50, the closing cross at 16:00, quotes until 20:00.
//!
//! The number of messages is exact, though a command may cause several. A taker causes a few dozen at most; a cross is
//! held only if all that could come of it fits; and after the closing cross all that does not show is withdrawn, so that a
//! command then causes one message or none, until the day has as many as it should.

mod floor;
mod out;
#[cfg(test)]
mod tests;

use super::matching::{CrossKind, Matching};
use super::traders::distributions::ONE;
use super::traders::{Crash, Hours, TradersConfig};
use super::unit::Participant;
use crate::base::unit::Nanos;
use crate::wire::itch::code::event;
use floor::Floor;
use out::Out;
use std::io::{self, Write};
use std::{error, fmt};

/// What day to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySpec {
    /// Messages, exactly: system events and directory included. A million millions at most.
    pub messages: u64,
    /// Symbols, 1 to 65,535.
    pub symbols: u32,
    /// Live orders from the open on, nearly; 0: a 24th of the messages as on the reference days, 4 a symbol at least.
    pub live: u32,
    /// Another seed, another day.
    pub seed: u64,
    /// A crash, if there is to be one.
    pub crash: Option<Crash>,
}

impl Default for DaySpec {
    fn default() -> Self {
        Self { messages: 1_000_000, symbols: 2_000, live: 0, seed: 1, crash: None }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Messages.
    pub messages: u64,
    /// Messages by type byte.
    pub by_type: [u64; 256],
    /// Orders left after the last message.
    pub live_at_end: u64,
    /// The most orders that lived at once.
    pub live_peak: u64,
}

/// Why there is no day.
#[derive(Debug)]
pub enum FlowError {
    /// The symbols do not fit locate codes: give 1 to 65,535.
    Symbols {
        /// What was asked for.
        symbols: u32,
    },
    /// The directory and the first orders leave no room for a day: raise the messages or lower the symbols.
    TooFewMessages {
        /// What was asked for.
        messages: u64,
        /// For how many symbols.
        symbols: u32,
        /// The fewest messages for these symbols.
        least: u64,
    },
    /// More messages than a disk holds: lower them.
    TooManyMessages {
        /// What was asked for.
        messages: u64,
    },
    /// Live orders out of range: below, symbols have no book; above, most of the day would go into building it.
    Live {
        /// What was asked for.
        live: u32,
        /// The fewest for these symbols.
        least: u64,
        /// The most for these messages.
        most: u64,
    },
    /// The bytes could not be written.
    Write(io::Error),
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbols { symbols } => {
                write!(f, "a day of {symbols} symbols cannot be: give 1 to {}", u16::MAX)
            }
            Self::TooFewMessages { messages, symbols, least } => write!(
                f,
                "{symbols} symbols need at least {least} messages, not {messages}: \
                 raise the messages or lower the symbols"
            ),
            Self::TooManyMessages { messages } => {
                write!(
                    f,
                    "{messages} messages are more than a disk holds: give at most {MESSAGES_MAX}"
                )
            }
            Self::Live { live, least, most } => write!(
                f,
                "{live} live orders are out of range: with these messages and symbols give \
                 {least} to {most}, or 0 for a fitting number"
            ),
            Self::Write(error) => write!(f, "the day could not be written: {error}"),
        }
    }
}

impl error::Error for FlowError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Write(error) => Some(error),
            _ => None,
        }
    }
}

/// Live orders that a symbol needs on average to have a book.
const LIVE_PER_SYMBOL_MIN: u64 = 4;
/// Messages that a symbol needs: four of the directory, and three times its first orders.
const MESSAGES_PER_SYMBOL_MIN: u64 = 16;
/// Messages that no symbol needs: system events, and what a cross or a reopening may run over its phase.
const MESSAGES_FIXED: u64 = 200;
/// Messages of a day: some 30 TB. The shares below are computed without overflow up to here.
const MESSAGES_MAX: u64 = 1_000_000_000_000;
/// Messages of the directory a symbol: R, H, Y, L.
const DIRECTORY: u64 = 4;

/// The first of the traders' participants.
const PARTICIPANTS: Participant = Participant(1);

const MINUTE: u64 = 60 * 1_000_000_000;
const HOUR: u64 = 60 * MINUTE;
const DIRECTORY_OPENS: Nanos = Nanos(3 * HOUR + 5 * MINUTE);
const SYSTEM_OPENS: Nanos = Nanos(4 * HOUR);
const IMBALANCES_OPEN: Nanos = Nanos(9 * HOUR + 25 * MINUTE);
const MARKET_OPENS: Nanos = Nanos(9 * HOUR + 30 * MINUTE);
const IMBALANCES_CLOSE: Nanos = Nanos(15 * HOUR + 50 * MINUTE);
const MARKET_CLOSES: Nanos = Nanos(16 * HOUR);
const SYSTEM_CLOSES: Nanos = Nanos(20 * HOUR);
const MESSAGES_END: Nanos = Nanos(20 * HOUR + 5 * MINUTE);

/// A stretch of the day.
#[derive(Clone, Copy, Debug)]
struct Phase {
    hours: Hours,
    /// It ends before this time, since midnight,
    until: Nanos,
    /// and when the day has this many messages, or a few more.
    upto: u64,
    /// Imbalances, of the cross to come: how many in 65,536 actions.
    imbalances: u32,
}

impl DaySpec {
    /// Write the day to `out` as 2-byte length-prefixed messages. `progress` is told now and then how many there are.
    ///
    /// Memory is that of the live orders, some 300 bytes each. Errors: arguments that allow no day, or what `out` says.
    pub fn write(
        &self,
        out: &mut impl Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Totals, FlowError> {
        self.write_watched(out, &mut |messages, _| progress(messages))
    }

    /// As [`DaySpec::write`]; `watch` is also shown the matching core, as it is after that message.
    pub fn write_watched(
        &self,
        out: &mut impl Write,
        watch: &mut dyn FnMut(u64, &Matching),
    ) -> Result<Totals, FlowError> {
        let plan = self.plan()?;
        let mut floor = Floor::new(&plan, Out::new(out), watch);

        floor.open(DIRECTORY_OPENS);
        floor.set_time(SYSTEM_OPENS);
        floor.system_event(event::START_OF_SYSTEM_HOURS);
        floor.run(&plan.build)?;
        floor.set_time(IMBALANCES_OPEN);
        floor.run(&plan.before_open)?;

        floor.set_time(MARKET_OPENS);
        floor.system_event(event::START_OF_MARKET_HOURS);
        floor.crosses(CrossKind::Opening)?;
        floor.run(&plan.trading)?;
        floor.set_time(IMBALANCES_CLOSE);
        floor.resume_all()?;
        floor.run(&plan.before_close)?;

        floor.set_time(MARKET_CLOSES);
        floor.system_event(event::END_OF_MARKET_HOURS);
        floor.crosses(CrossKind::Closing)?;
        floor.withdraw_unseen()?;
        floor.run(&plan.after_close)?;

        floor.set_time(SYSTEM_CLOSES);
        floor.system_event(event::END_OF_SYSTEM_HOURS);
        floor.set_time(MESSAGES_END);
        floor.system_event(event::END_OF_MESSAGES);
        let totals = floor.finish()?;
        assert_eq!(totals.messages, self.messages, "the last phase takes what the others left");
        Ok(totals)
    }

    /// When trading begins: what is said to be after the start is after this.
    pub const START: Nanos = MARKET_OPENS;

    /// Whether such a day can be made; if not, what to change.
    pub fn check(&self) -> Result<(), FlowError> {
        self.plan().map(|_| ())
    }

    /// Share the messages out.
    fn plan(&self) -> Result<Plan, FlowError> {
        let &Self { messages, symbols, live, .. } = self;
        let locates = u16::try_from(symbols).map_err(|_| FlowError::Symbols { symbols })?;
        if locates == 0 {
            return Err(FlowError::Symbols { symbols });
        }
        let least = MESSAGES_PER_SYMBOL_MIN * u64::from(symbols) + MESSAGES_FIXED;
        if messages < least {
            return Err(FlowError::TooFewMessages { messages, symbols, least });
        }
        if messages > MESSAGES_MAX {
            return Err(FlowError::TooManyMessages { messages });
        }
        let body = messages - DIRECTORY * u64::from(symbols) - MESSAGES_FIXED;
        let least = LIVE_PER_SYMBOL_MIN * u64::from(symbols);
        // Places in the pool are 32-bit numbers.
        let most = (body / 2).min(u64::from(u32::MAX / 2));
        let wanted = match live {
            0 => (messages / 24).clamp(least, most),
            live => u64::from(live),
        };
        if !(least..=most).contains(&wanted) {
            return Err(FlowError::Live { live, least, most });
        }

        // 0.37 % of the reference days' messages were imbalances: half of them before each cross.
        let imbalances = body * 185 / 100_000;
        let head = DIRECTORY * u64::from(symbols) + 3;
        let build = head + wanted * 13 / 10;
        let before_open = build + imbalances * 2;
        let after_close = messages - 2;
        let market_closes = after_close - body / 100 - MESSAGES_FIXED / 2;
        let before_close = (body / 40).min((market_closes - before_open) / 4);
        let trading = market_closes - before_close;
        let of_close = (imbalances * 65_536 / before_close.max(1)).min(32_768) as u32;
        let crosses = (body / 4_000).clamp(1, u64::from(symbols)) as u16;
        let phase = |hours, until, upto, imbalances| Phase { hours, until, upto, imbalances };
        Ok(Plan {
            traders: TradersConfig {
                symbols: locates,
                live: wanted as u32,
                crosses,
                seed: self.seed,
                participants: PARTICIPANTS,
                crash: self.crash,
            },
            messages,
            halt_every: (body / 40).max(25_000.min(body / 8)),
            build: phase(Hours::Building, IMBALANCES_OPEN, build, 0),
            before_open: phase(Hours::Opening, MARKET_OPENS, before_open, ONE / 2),
            trading: phase(Hours::Trading, IMBALANCES_CLOSE, trading, 0),
            before_close: phase(Hours::Closing, MARKET_CLOSES, market_closes, of_close),
            after_close: phase(Hours::Quiet, SYSTEM_CLOSES, after_close, 0),
        })
    }
}

/// A day's arguments once they are known to be good, and what follows from them.
#[derive(Clone, Copy, Debug)]
struct Plan {
    traders: TradersConfig,
    messages: u64,
    /// Messages from one halt to the next.
    halt_every: u64,
    build: Phase,
    before_open: Phase,
    trading: Phase,
    before_close: Phase,
    after_close: Phase,
}
