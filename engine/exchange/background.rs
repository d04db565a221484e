//! Who trades when no client does: the background traders and the exchange's own hand, paced by the time that is passed in.

use super::matching::{Command, Event, Matching};
use super::operator::Operator;
use super::traders::{Hours, Traders, TradersConfig};
use crate::base::unit::Nanos;

const MINUTE: u64 = 60 * 1_000_000_000;
/// What is further behind than this is left out: as fast as it goes.
const BEHIND_MAX: Nanos = Nanos(100_000_000);
/// Symbols that may be halted at once.
const HALTED_MAX: usize = 8;

/// What the background is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundConfig {
    /// The traders.
    pub traders: TradersConfig,
    /// What they do in a second, on average: about as many market-data messages.
    pub rate: u32,
    /// A symbol is halted every so often; 0: never.
    pub halt_every: Nanos,
    /// From a halt to the cross that ends it.
    pub halt: Nanos,
    /// Whether they keep New York's hours; else they trade all the time.
    pub regular_hours: bool,
}

/// The background.
pub struct Background {
    traders: Traders,
    operator: Operator,
    config: BackgroundConfig,
    /// When the next action is due.
    next: Nanos,
    next_halt: Nanos,
    filled: bool,
}

impl Background {
    /// Traders who begin to fill the books at `now`. Times are since midnight, and never fall.
    pub fn new(config: BackgroundConfig, now: Nanos) -> Self {
        Self {
            traders: Traders::new(&config.traders),
            operator: Operator::new(HALTED_MAX, config.halt),
            next: now,
            next_halt: now.plus(config.halt_every),
            filled: false,
            config,
        }
    }

    /// When there is something to do.
    pub fn next_due(&self) -> Nanos {
        self.next
    }

    /// The next command that is due. It must be applied, and its events observed, before the next one is asked for.
    pub fn next(&mut self, core: &Matching, now: Nanos) -> Option<Command> {
        if now < self.next {
            return None;
        }
        if self.filled {
            self.pace(now);
            if let Some(command) = self.operate(core, now) {
                return Some(command);
            }
        } else if self.traders.shown() >= self.config.traders.live / 10 * 9 {
            // Books are filled without a pause: nobody would wait for them.
            self.filled = true;
            self.next = now;
            return None;
        }
        self.traders.act(core, now)
    }

    /// What the core did, whoever caused it.
    pub fn observe(&mut self, event: &Event) {
        self.traders.observe(event);
        self.operator.observe(event);
    }

    /// When the action after this one is due, and what the traders are up to by then.
    fn pace(&mut self, now: Nanos) {
        let mean = Nanos(1_000_000_000 / u64::from(self.config.rate.max(1)));
        let gap = self.traders.gap(mean, now);
        self.next = self.next.max(now.since(BEHIND_MAX)).plus(gap);
        let hours = if self.config.regular_hours { hours(now) } else { Hours::Trading };
        self.traders.set_hours(hours);
    }

    /// What the exchange itself does: halts, and what ends them.
    fn operate(&mut self, core: &Matching, now: Nanos) -> Option<Command> {
        if self.config.halt_every.0 > 0 && now >= self.next_halt {
            self.next_halt = now.plus(self.config.halt_every);
            let locate = self.traders.draw_symbol();
            if let Some(command) = self.operator.halt(locate, core, now) {
                return Some(command);
            }
        }
        self.operator.resume(core, now, false, |_| true)
    }
}

/// What traders are up to at a time of a regular day.
fn hours(now: Nanos) -> Hours {
    match now.0 / MINUTE {
        565..570 => Hours::Opening,
        570..950 => Hours::Trading,
        950..960 => Hours::Closing,
        _ => Hours::Quiet,
    }
}
