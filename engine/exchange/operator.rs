//! The exchange's own hand: halts that end in a cross, and trades that are taken back.
//!
//! A symbol is halted for four fifths of a halt; then orders are quoted, and books may cross; then a cross, and it trades.
//! Commands come one at a time, and each must be applied before the next is asked for.

use super::matching::{Command, CrossKind, Event, Matching, Phase};
use super::unit::{Locate, MatchNumber};
use crate::base::unit::Nanos;
use std::collections::VecDeque;

/// From the halt to the cross, unless something else is said: five minutes.
pub const HALT: Nanos = Nanos(300 * 1_000_000_000);

/// Symbols that do not trade, and the last trade.
#[derive(Debug)]
pub struct Operator {
    /// How many symbols may be halted at once.
    most: usize,
    /// From the halt until orders are quoted, and from then to the cross.
    spans: [Nanos; 2],
    /// Since when which symbols are halted, first to go on first.
    halted: VecDeque<(Nanos, Locate)>,
    /// Since when which symbols are quoted, first to go on first.
    quoted: VecDeque<(Nanos, Locate)>,
    /// Its cross was; it trades next.
    crossed: Option<Locate>,
    /// The last trade, unless it was broken.
    last_trade: Option<(Locate, MatchNumber)>,
}

impl Operator {
    /// Nothing is halted; at most so many symbols will be at once, each from its `halt` to its cross: four fifths of it
    /// without quotes, one with.
    pub fn new(most: usize, halt: Nanos) -> Self {
        let queue = || VecDeque::with_capacity(most);
        let quoted = Nanos(halt.0 / 5);
        let spans = [halt.since(quoted), quoted];
        Self { most, spans, halted: queue(), quoted: queue(), crossed: None, last_trade: None }
    }

    /// Whether no more symbols can be halted now.
    pub fn is_full(&self) -> bool {
        self.halted.len() + self.quoted.len() >= self.most
    }

    /// Halts a symbol that trades, if there is room.
    pub fn halt(&mut self, locate: Locate, view: &Matching, now: Nanos) -> Option<Command> {
        if self.is_full() || view.phase(locate) != Phase::Open || self.crossed == Some(locate) {
            return None;
        }
        self.halted.push_back((now, locate));
        Some(Command::SetPhase { locate, phase: Phase::Halted })
    }

    /// What is due now to let a symbol trade again; with `at_once` all of them, whatever the time. A symbol whose cross would
    /// be larger than `fits` allows stays as it is, and all behind it.
    pub fn resume(
        &mut self,
        view: &Matching,
        now: Nanos,
        at_once: bool,
        fits: impl FnOnce(Locate) -> bool,
    ) -> Option<Command> {
        let due = |queue: &VecDeque<(Nanos, Locate)>, span| {
            let &(since, locate) = queue.front()?;
            (at_once || now.since(since) >= span).then_some(locate)
        };
        if let Some(locate) = self.crossed.take() {
            return Some(Command::SetPhase { locate, phase: Phase::Open });
        }
        let [halted, quoted] = self.spans;
        if let Some(locate) = due(&self.quoted, quoted) {
            if !fits(locate) {
                return None;
            }
            self.quoted.pop_front();
            self.crossed = Some(locate);
            let near = view.middle(locate);
            return Some(Command::Cross { locate, kind: CrossKind::Halt, near });
        }
        let locate = due(&self.halted, halted)?;
        self.halted.pop_front();
        self.quoted.push_back((now, locate));
        Some(Command::SetPhase { locate, phase: Phase::Quoting })
    }

    /// Takes the last trade back, if there is one.
    pub fn break_last(&mut self) -> Option<Command> {
        let (locate, match_number) = self.last_trade.take()?;
        Some(Command::Break { match_number, locate })
    }

    /// What the core did.
    #[inline]
    pub fn observe(&mut self, event: &Event) {
        if let Event::Executed { resting, match_number, .. } = event {
            self.last_trade = Some((resting.locate, *match_number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::Side;
    use crate::exchange::matching::{
        CrossSession, Display, Enter, Lasts, Limits, SelfMatch, Terms,
    };
    use crate::exchange::unit::{Participant, Price4};

    const MINUTE: u64 = 60 * 1_000_000_000;
    const A: Locate = Locate(1);
    const B: Locate = Locate(2);

    fn open() -> Matching {
        let mut matching =
            Matching::new(&Limits { symbols: 2, orders: 4, levels: 4, participants: 1 });
        for locate in [A, B] {
            matching.apply(&Command::SetPhase { locate, phase: Phase::Open }, &mut |_| ());
        }
        matching
    }

    #[test]
    fn a_halt_ends_in_quotes_then_a_cross_then_trading() {
        let (mut matching, mut operator) = (open(), Operator::new(1, HALT));
        let at = |minute: u64| Nanos(minute * MINUTE);
        let halt = operator.halt(A, &matching, at(10)).unwrap();
        assert_eq!(halt, Command::SetPhase { locate: A, phase: Phase::Halted });
        matching.apply(&halt, &mut |_| ());
        assert_eq!(operator.halt(B, &matching, at(10)), None, "no more than one");
        let mut said = Vec::new();
        for minute in 10..17 {
            while let Some(command) = operator.resume(&matching, at(minute), false, |_| true) {
                matching.apply(&command, &mut |_| ());
                said.push((minute, command));
            }
        }
        let phase = |phase| Command::SetPhase { locate: A, phase };
        let cross = |command: &Command| matches!(command, Command::Cross { locate: A, .. });
        assert_eq!(said[0], (14, phase(Phase::Quoting)));
        assert!(said[1].0 == 15 && cross(&said[1].1));
        assert_eq!(said[2..], [(15, phase(Phase::Open))]);
        assert!(operator.halt(A, &matching, at(17)).is_some());
    }

    #[test]
    fn a_halt_lasts_as_long_as_it_was_told() {
        let (mut matching, mut operator) = (open(), Operator::new(1, Nanos(10)));
        matching.apply(&operator.halt(A, &matching, Nanos(0)).unwrap(), &mut |_| ());
        let mut said = Vec::new();
        for now in 0..12 {
            while let Some(command) = operator.resume(&matching, Nanos(now), false, |_| true) {
                matching.apply(&command, &mut |_| ());
                said.push(now);
            }
        }
        assert_eq!(said, [8, 10, 10]);
    }

    #[test]
    fn before_the_first_trade_a_halt_crosses_in_the_middle() {
        let (mut matching, mut operator) = (open(), Operator::new(1, HALT));
        matching.apply(&operator.halt(A, &matching, Nanos(0)).unwrap(), &mut |_| ());
        for (token, side, price) in [(1, Side::BUY, 120_100), (2, Side::SELL, 100_000)] {
            let terms = Terms {
                limit: Some(Price4(price)),
                shares: 10,
                lasts: Lasts::Day,
                display: Display::Full,
                post_only: false,
                minimum: 0,
            };
            let enter = Enter {
                locate: A,
                participant: Participant(1),
                token,
                side,
                terms,
                session: CrossSession::Continuous,
                self_match: SelfMatch::Allow,
            };
            matching.apply(&Command::Enter(enter), &mut |_| ());
        }
        while let Some(command) = operator.resume(&matching, Nanos(0), true, |_| true) {
            matching.apply(&command, &mut |_| ());
        }
        // Half a cent is no price: 11.005 is 11.00.
        assert_eq!(matching.last(A), Some(Price4(110_000)));
    }

    #[test]
    fn all_resume_at_once_but_those_whose_cross_does_not_fit() {
        let (mut matching, mut operator) = (open(), Operator::new(2, HALT));
        for locate in [A, B] {
            let halt = operator.halt(locate, &matching, Nanos(5)).unwrap();
            matching.apply(&halt, &mut |_| ());
            assert_eq!(operator.halt(locate, &matching, Nanos(5)), None, "it is halted");
        }
        while let Some(command) = operator.resume(&matching, Nanos(5), true, |it| it == A) {
            matching.apply(&command, &mut |_| ());
        }
        assert_eq!([A, B].map(|it| matching.phase(it)), [Phase::Open, Phase::Quoting]);
    }

    #[test]
    fn only_the_last_trade_is_broken_and_once() {
        let mut operator = Operator::new(1, HALT);
        assert_eq!(operator.break_last(), None);
        operator.last_trade = Some((B, MatchNumber(7)));
        let broken = Command::Break { match_number: MatchNumber(7), locate: B };
        assert_eq!(operator.break_last(), Some(broken));
        assert_eq!(operator.break_last(), None);
    }
}
