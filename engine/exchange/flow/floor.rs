//! The floor: traders, operator, core and tape together, one command at a time.

use super::out::Out;
use super::{FlowError, IMBALANCES_CLOSE, PARTICIPANTS, Phase, Plan, Totals};
use crate::base::unit::Nanos;
use crate::exchange::market_data::{Listing, Tape, TapeConfig};
use crate::exchange::matching::{Command, CrossKind, Matching};
use crate::exchange::operator::{HALT, Operator};
use crate::exchange::traders::distributions::{Random, share};
use crate::exchange::traders::{Hours, MARKET_MAKER, Traders};
use crate::exchange::unit::Locate;
use crate::exchange::{matching, unit};
use std::io::Write;

/// Between two crosses.
const STEP: Nanos = Nanos(20_000);
/// When the last halt may begin so that all are over before the close.
const LAST_HALT: Nanos = Nanos(IMBALANCES_CLOSE.0 - 2 * HALT.0);
/// Symbols halted at once.
const HALTED_MAX: usize = 4;
/// The market-wide levels: 7, 13 and 20 % below an index at 5,000.
const DECLINE_LEVELS: [u64; 3] = [below(7), below(13), below(20)];

const fn below(percent: u64) -> u64 {
    (100 - percent) * 50 * 100_000_000
}

type Done = Result<(), FlowError>;

/// The market, and the tape that it is written on.
pub(super) struct Floor<'a, W> {
    out: Out<'a, W>,
    watch: &'a mut dyn FnMut(u64, &Matching),
    tape: Tape,
    matching: Matching,
    traders: Traders,
    operator: Operator,
    random: Random,
    /// Since midnight.
    now: Nanos,
    /// Symbols that have an opening and a closing cross.
    crossed: Vec<Locate>,
    next_halt: u64,
    halt_every: u64,
    /// No cross may bring the day beyond so many messages.
    upto: u64,
    live_peak: u32,
}

impl<'a, W: Write> Floor<'a, W> {
    pub(super) fn new(
        plan: &Plan,
        out: Out<'a, W>,
        watch: &'a mut dyn FnMut(u64, &Matching),
    ) -> Self {
        let traders = Traders::new(&plan.traders);
        let listing = |locate| Listing {
            phase: matching::Phase::Open,
            ..Listing::new(unit::Locate(locate).symbol())
        };
        let tape = Tape::new(TapeConfig {
            listings: (1..=plan.traders.symbols).map(listing).collect(),
            attributions: vec![(PARTICIPANTS, MARKET_MAKER)],
            market_makers: vec![MARKET_MAKER],
            decline_levels: Some(DECLINE_LEVELS),
        });
        Self {
            out,
            watch,
            tape,
            matching: Matching::new(&Traders::limits(&plan.traders)),
            operator: Operator::new(HALTED_MAX, HALT),
            // Not the numbers that the traders draw.
            random: Random::new(!plan.traders.seed),
            now: Nanos(0),
            crossed: traders.ranked().take(usize::from(plan.traders.crosses)).collect(),
            traders,
            next_halt: 0,
            halt_every: plan.halt_every,
            // The last three events come after every cross.
            upto: plan.messages - 3,
            live_peak: 0,
        }
    }

    /// The first event and the directory: all symbols trade.
    pub(super) fn open(&mut self, now: Nanos) {
        self.set_time(now);
        for locate in 1..=self.tape.listings().len() as u16 {
            // The directory says so.
            let phase = matching::Phase::Open;
            let open = Command::SetPhase { locate: Locate(locate), phase };
            self.matching.apply(&open, &mut |_| ());
        }
        self.tape.start(self.now, &mut |message| self.out.put(message));
    }

    pub(super) fn set_time(&mut self, now: Nanos) {
        debug_assert!(now >= self.now, "Invariant: times never fall");
        self.now = now;
    }

    pub(super) fn system_event(&mut self, event_code: u8) {
        self.tape.system_event(event_code, self.now, &mut |message| self.out.put(message));
    }

    pub(super) fn finish(self) -> Result<Totals, FlowError> {
        let Self { out, watch, matching, traders, live_peak, .. } = self;
        let totals = out.finish(traders.shown(), live_peak)?;
        watch(totals.messages, &matching);
        Ok(totals)
    }

    /// Messages until the phase has its number; times stay below its end.
    pub(super) fn run(&mut self, phase: &Phase) -> Done {
        self.traders.set_hours(phase.hours);
        self.next_halt = self.out.messages() + self.halt_every / 2;
        while self.out.messages() < phase.upto {
            self.pass_time(phase);
            if let Some(command) = self.next(phase) {
                self.apply(&command)?;
            }
        }
        Ok(())
    }

    /// The gap to the next action, such that the rest of the phase's messages fill the rest of its time.
    fn pass_time(&mut self, phase: &Phase) {
        let (time, messages) = (phase.until.since(self.now).0, phase.upto - self.out.messages());
        let gap = self.traders.gap(Nanos(time / messages), self.now);
        self.now = self.now.plus(gap.min(Nanos(time / 2)));
    }

    /// What happens next; `None` if it is an imbalance.
    fn next(&mut self, phase: &Phase) -> Option<Command> {
        let cross = match phase.hours {
            Hours::Opening => CrossKind::Opening,
            _ => CrossKind::Closing,
        };
        if self.random.chance(phase.imbalances) {
            self.imbalance(cross);
            return None;
        }
        if matches!(phase.hours, Hours::Trading | Hours::Closing) {
            let operators = self.resumption(false).or_else(|| self.halt(phase)).or_else(|| {
                let breaks = self.random.below(100_000) < share::BREAK;
                breaks.then(|| self.operator.break_last()).flatten()
            });
            if operators.is_some() {
                return operators;
            }
        }
        self.traders.act(&self.matching, self.now)
    }

    /// A halt, if one is due.
    fn halt(&mut self, phase: &Phase) -> Option<Command> {
        if phase.hours != Hours::Trading
            || self.out.messages() < self.next_halt
            || self.now >= LAST_HALT
            || self.operator.is_full()
        {
            return None;
        }
        self.next_halt += self.halt_every;
        let locate = self.traders.draw_symbol();
        // Its cross will fit even if no message is left to trading then, and the book is twice as large.
        let fits = 2 * cost(&self.matching, locate) <= self.upto.saturating_sub(phase.upto);
        fits.then(|| self.operator.halt(locate, &self.matching, self.now)).flatten()
    }

    /// What is due for halted symbols to trade again.
    fn resumption(&mut self, at_once: bool) -> Option<Command> {
        let room = self.room();
        let Self { operator, matching, now, .. } = self;
        operator.resume(matching, *now, at_once, |locate| cost(matching, locate) <= room)
    }

    /// No symbol stays halted.
    pub(super) fn resume_all(&mut self) -> Done {
        while let Some(command) = self.resumption(true) {
            self.apply(&command)?;
        }
        Ok(())
    }

    /// The cross of each symbol that has one.
    pub(super) fn crosses(&mut self, kind: CrossKind) -> Done {
        for place in 0..self.crossed.len() {
            let locate = self.crossed[place];
            self.now = self.now.plus(STEP);
            if cost(&self.matching, locate) <= self.room() {
                let near = self.matching.last(locate);
                let near = near.unwrap_or_else(|| self.traders.fair(locate, self.now));
                self.apply(&Command::Cross { locate, kind, near })?;
            }
        }
        Ok(())
    }

    /// Nothing that does not show is left.
    pub(super) fn withdraw_unseen(&mut self) -> Done {
        for command in self.traders.withdraw_unseen() {
            self.apply(&command)?;
        }
        Ok(())
    }

    /// What would trade in a cross to come, of one of the symbols that have one.
    fn imbalance(&mut self, kind: CrossKind) {
        let locate = self.crossed[self.random.below(self.crossed.len() as u32) as usize];
        let it = self.matching.imbalance(locate, kind);
        self.tape.indication(locate, kind, &it, self.now, &mut |message| self.out.put(message));
    }

    /// Messages that a cross may cause.
    fn room(&self) -> u64 {
        self.upto.saturating_sub(self.out.messages())
    }

    #[inline]
    fn apply(&mut self, command: &Command) -> Done {
        let Self { matching, tape, traders, operator, out, now, .. } = self;
        matching.apply(command, &mut |event| {
            tape.on_event(&event, *now, &mut |message| out.put(message));
            traders.observe(&event);
            operator.observe(&event);
        });
        self.live_peak = self.live_peak.max(self.traders.shown());
        if self.out.is_full() {
            self.out.flush()?;
            (self.watch)(self.out.messages(), &self.matching);
        }
        Ok(())
    }
}

/// Messages that a cross causes at most: each order that shows executes, and what it hides shows; then the print.
fn cost(matching: &Matching, locate: Locate) -> u64 {
    2 * matching.displayed(locate).count() as u64 + 1
}
