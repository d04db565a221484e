//! 23: a circuit breaker. Failures in a row of time stop a scope; trials let it go on.
//!
//! Closed, all passes. It opens at the limit's failures within its window, exactly counted; after the pause, trials pass,
//! and it closes when all of them have succeeded. A failed trial opens it again. Trials that nobody answers do as well,
//! from when the last was sent: another pause, and others are let through.
//!
//! What is sent belongs to a [`Generation`], which ends when the breaker opens and when it starts to let trials through.
//! A result of an earlier one says nothing of how things are now: it is ignored. So what was sent before the breaker
//! opened neither closes it, nor counts as a trial, nor opens it again.
#![forbid(unsafe_code)]

use super::limits::BreakerLimit;
use crate::base::unit::Nanos;

/// Failures that are remembered: a limit above is none that can be kept.
pub const FAILURES_MAX: u32 = 32;

/// Between two changes of a breaker. To be kept with each order, and handed back with its result. Wraps around: an order
/// would have to stay unanswered for 32,768 pauses to be taken for another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(pub u16);

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerState {
    /// All passes.
    #[default]
    Closed,
    /// Nothing passes.
    Open {
        /// From here on trials do.
        until: Nanos,
    },
    /// Trials pass.
    HalfOpen {
        /// Trials sent.
        sent: u32,
        /// Of these, how many succeeded.
        succeeded: u32,
        /// When those that nobody answered are given up: a pause after the last.
        until: Nanos,
    },
}

/// The breaker of one scope. The default is closed.
///
/// What an order touches is one cache line. The times of failures are four more: exact to 32 of them, and touched by
/// failures only.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Breaker {
    state: BreakerState,
    generation: Generation,
    /// Failures that count, at most as many as there are times.
    known: u8,
    /// Where the next one's time goes.
    next: u8,
    /// Times of failures, a ring. They never fall: one before the youngest counts as that one.
    failures: Failures,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Failures([Nanos; FAILURES_MAX as usize]);

const _: () =
    assert!(size_of::<Breaker>() == 64 + 256 && std::mem::offset_of!(Breaker, failures) == 64);

impl Breaker {
    /// Where it stands. Open and half-open are told as they were left: whether their time is over, `admits` says.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether one more may be sent.
    ///
    /// # Errors
    /// How long until that is so; where trials are under way, at the latest.
    #[inline]
    pub fn admits(&self, limit: &BreakerLimit, now: Nanos) -> Result<(), Nanos> {
        let until = match self.state {
            BreakerState::Closed => return Ok(()),
            BreakerState::Open { until } => until,
            BreakerState::HalfOpen { sent, .. } if sent < limit.trials.max(1) => return Ok(()),
            BreakerState::HalfOpen { until, .. } => until,
        };
        if now >= until { Ok(()) } else { Err(until.since(now)) }
    }

    /// Counts what is sent as a trial, if that is what it is. The result is to name what this returns.
    #[inline]
    pub fn sent(&mut self, limit: &BreakerLimit, now: Nanos) -> Generation {
        let trials = limit.trials.max(1);
        match &mut self.state {
            BreakerState::Closed => {}
            BreakerState::HalfOpen { sent, until, .. } if *sent < trials => {
                *sent += 1;
                *until = now.plus(limit.pause);
            }
            BreakerState::Open { until } | BreakerState::HalfOpen { until, .. }
                if now >= *until =>
            {
                self.begin(BreakerState::HalfOpen {
                    sent: 1,
                    succeeded: 0,
                    until: now.plus(limit.pause),
                });
            }
            // It should not have been sent. Its result is nobody's trial.
            BreakerState::Open { .. } | BreakerState::HalfOpen { .. } => {
                return Generation(self.generation.0.wrapping_sub(1));
            }
        }
        self.generation
    }

    /// Something of a generation failed. Whether that opened the breaker.
    pub fn failed(&mut self, generation: Generation, limit: &BreakerLimit, now: Nanos) -> bool {
        if generation != self.generation {
            return false;
        }
        let opens = match self.state {
            BreakerState::Closed => self.note(limit, now),
            BreakerState::Open { .. } => false,
            BreakerState::HalfOpen { .. } => true,
        };
        if opens {
            self.begin(BreakerState::Open { until: now.plus(limit.pause) });
        }
        opens
    }

    /// Something of a generation succeeded. Whether that closed the breaker.
    #[inline]
    pub fn succeeded(&mut self, generation: Generation, limit: &BreakerLimit) -> bool {
        let BreakerState::HalfOpen { succeeded, .. } = &mut self.state else { return false };
        if generation != self.generation {
            return false;
        }
        *succeeded += 1;
        if *succeeded < limit.trials.max(1) {
            return false;
        }
        self.state = BreakerState::Closed;
        true
    }

    fn begin(&mut self, state: BreakerState) {
        self.state = state;
        self.generation = Generation(self.generation.0.wrapping_add(1));
        (self.known, self.next) = (0, 0);
    }

    /// Remembers a failure. Whether there are now as many within the window as open it.
    fn note(&mut self, limit: &BreakerLimit, now: Nanos) -> bool {
        let times = &mut self.failures.0;
        let (next, room) = (usize::from(self.next), times.len());
        let before = |steps: usize| (next + room - steps) % room;
        let now = if self.known > 0 { now.max(times[before(1)]) } else { now };
        times[next] = now;
        self.next = ((next + 1) % room) as u8;
        self.known = self.known.saturating_add(1).min(FAILURES_MAX as u8);
        let wanted = limit.failures.clamp(1, FAILURES_MAX) as usize;
        usize::from(self.known) >= wanted && now.since(times[before(wanted - 1)]) < limit.within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: BreakerLimit = BreakerLimit {
        failures: 3,
        within: Nanos(100),
        pause: Nanos(1_000),
        trials: 2,
        answer_within: Nanos(0),
    };

    /// A breaker that opened at 50, and the generation of what was sent before.
    fn opened() -> (Breaker, Generation) {
        let mut breaker = Breaker::default();
        let before = breaker.sent(&LIMIT, Nanos(0));
        let opens = [10, 20, 50].map(|now| breaker.failed(before, &LIMIT, Nanos(now)));
        assert_eq!(opens, [false, false, true]);
        (breaker, before)
    }

    #[test]
    fn it_opens_at_its_failures_within_the_window_and_not_when_they_take_as_long_as_that() {
        let mut breaker = Breaker::default();
        let sent = breaker.sent(&LIMIT, Nanos(0));
        for (now, opens) in [(0, false), (50, false), (100, false), (149, true)] {
            assert_eq!(breaker.failed(sent, &LIMIT, Nanos(now)), opens, "at {now}");
        }
        assert_eq!(breaker.state(), BreakerState::Open { until: Nanos(1_149) });
    }

    #[test]
    fn it_lets_trials_through_after_the_pause_and_closes_when_all_succeed() {
        let (mut breaker, _) = opened();
        assert_eq!(breaker.admits(&LIMIT, Nanos(1_049)), Err(Nanos(1)));
        assert_eq!(breaker.admits(&LIMIT, Nanos(1_050)), Ok(()));
        let first = breaker.sent(&LIMIT, Nanos(1_050));
        assert_eq!(breaker.admits(&LIMIT, Nanos(1_060)), Ok(()));
        let second = breaker.sent(&LIMIT, Nanos(1_060));
        assert_eq!(breaker.admits(&LIMIT, Nanos(1_070)), Err(Nanos(990)), "both trials are out");
        assert!(!breaker.succeeded(second, &LIMIT));
        assert!(breaker.succeeded(first, &LIMIT));
        assert_eq!(
            (breaker.state(), breaker.admits(&LIMIT, Nanos(0))),
            (BreakerState::Closed, Ok(()))
        );
        // With an empty list of failures.
        let sent = breaker.sent(&LIMIT, Nanos(1_071));
        assert!(!breaker.failed(sent, &LIMIT, Nanos(1_071)));
        assert!(!breaker.failed(sent, &LIMIT, Nanos(1_071)));
        assert!(breaker.failed(sent, &LIMIT, Nanos(1_071)));
    }

    #[test]
    fn a_failed_trial_opens_it_again_and_the_others_results_come_too_late() {
        let (mut breaker, _) = opened();
        let trials = [1_050, 1_051].map(|now| breaker.sent(&LIMIT, Nanos(now)));
        assert!(breaker.failed(trials[0], &LIMIT, Nanos(1_100)));
        assert_eq!(breaker.admits(&LIMIT, Nanos(1_100)), Err(Nanos(1_000)));
        assert!(!breaker.failed(trials[1], &LIMIT, Nanos(1_900)), "open as it is");
        assert!(!breaker.succeeded(trials[1], &LIMIT));
        assert_eq!(breaker.state(), BreakerState::Open { until: Nanos(2_100) });
    }

    #[test]
    fn results_of_what_was_sent_before_it_opened_are_nobodys_trials() {
        let (mut breaker, before) = opened();
        assert!(!breaker.succeeded(before, &LIMIT));
        assert!(!breaker.failed(before, &LIMIT, Nanos(60)));
        let trials = [1_050, 1_051].map(|now| breaker.sent(&LIMIT, Nanos(now)));
        for _ in 0..5 {
            assert!(!breaker.succeeded(before, &LIMIT));
            assert!(!breaker.failed(before, &LIMIT, Nanos(1_060)));
        }
        assert!(matches!(breaker.state(), BreakerState::HalfOpen { sent: 2, succeeded: 0, .. }));
        assert!(!breaker.succeeded(trials[0], &LIMIT));
        assert!(breaker.succeeded(trials[1], &LIMIT));
        for _ in 0..5 {
            assert!(!breaker.failed(before, &LIMIT, Nanos(1_070)), "nor do they open it again");
        }
    }

    #[test]
    fn what_is_sent_past_an_open_breaker_is_no_trial_either() {
        let (mut breaker, _) = opened();
        let forced = breaker.sent(&LIMIT, Nanos(60));
        let trials = [1_050, 1_051].map(|now| breaker.sent(&LIMIT, Nanos(now)));
        let third = breaker.sent(&LIMIT, Nanos(1_052));
        for other in [forced, third] {
            assert!(
                !breaker.succeeded(other, &LIMIT) && !breaker.failed(other, &LIMIT, Nanos(1_053))
            );
        }
        assert!(!breaker.succeeded(trials[0], &LIMIT));
        assert!(breaker.succeeded(trials[1], &LIMIT));
    }

    #[test]
    fn trials_that_nobody_answers_are_given_up_after_a_pause() {
        let (mut breaker, _) = opened();
        let lost = [1_050, 1_500].map(|now| breaker.sent(&LIMIT, Nanos(now)));
        assert_eq!(breaker.admits(&LIMIT, Nanos(2_499)), Err(Nanos(1)));
        assert_eq!(breaker.admits(&LIMIT, Nanos(2_500)), Ok(()));
        let other = breaker.sent(&LIMIT, Nanos(2_500));
        assert!(!breaker.succeeded(lost[0], &LIMIT) && !breaker.succeeded(lost[1], &LIMIT));
        assert!(!breaker.succeeded(other, &LIMIT));
        assert_eq!(breaker.admits(&LIMIT, Nanos(2_500)), Ok(()));
        let last = breaker.sent(&LIMIT, Nanos(2_500));
        assert!(breaker.succeeded(last, &LIMIT));
    }

    #[test]
    fn thirty_two_failures_are_counted_exactly_and_a_limit_above_counts_as_that() {
        for failures in [32, 33, u32::MAX] {
            let limit = BreakerLimit { failures, within: Nanos(320), ..LIMIT };
            let mut breaker = Breaker::default();
            let opens: Vec<_> = (0..40)
                .map(|n| breaker.failed(breaker.generation, &limit, Nanos(n * 10)))
                .collect();
            assert_eq!(opens.iter().position(|opens| *opens), Some(31), "310 ns, of 320");
            let limit = BreakerLimit { within: Nanos(310), ..limit };
            let mut breaker = Breaker::default();
            assert!((0..90).all(|n| !breaker.failed(breaker.generation, &limit, Nanos(n * 10))));
        }
    }

    #[test]
    fn a_step_back_of_time_shortens_nothing() {
        let (mut breaker, _) = opened();
        assert_eq!(breaker.admits(&LIMIT, Nanos(0)), Err(Nanos(1_050)));
        breaker = Breaker::default();
        let sent = breaker.sent(&LIMIT, Nanos(500));
        let opens = [500, 100, 599].map(|now| breaker.failed(sent, &LIMIT, Nanos(now)));
        assert_eq!(opens, [false, false, true]);
    }

    /// One stretch between two changes, kept whole.
    enum Stretch {
        Closed { failures: Vec<u64> },
        Open { since: u64 },
        HalfOpen { sent: Vec<u64>, succeeded: usize },
    }

    proptest! {
        #[test]
        fn it_is_a_history_of_stretches(
            failures in 1_u32..6,
            trials in 1_u32..4,
            steps in prop::collection::vec((0_u64..40, 0_u8..8, any::<prop::sample::Index>()), 1..300),
        ) {
            let limit = BreakerLimit { failures, trials, pause: Nanos(150), ..LIMIT };
            let mut breaker = Breaker::default();
            let mut history = vec![Stretch::Closed { failures: vec![] }];
            // What is out: its generation, and the stretches for which its result counts.
            let mut out: Vec<(Generation, std::ops::RangeInclusive<usize>)> = Vec::new();
            let mut now = 0;
            for (step, operation, which) in steps {
                now += step;
                let over = |since: u64| now >= since + 150;
                let begins = match &history[history.len() - 1] {
                    Stretch::Closed { .. } => None,
                    Stretch::Open { since } => Some(over(*since)),
                    Stretch::HalfOpen { sent, .. } => {
                        (sent.len() >= trials as usize).then(|| over(sent[sent.len() - 1]))
                    }
                };
                prop_assert_eq!(breaker.admits(&limit, Nanos(now)).is_ok(), begins != Some(false));
                if operation < 4 {
                    if begins == Some(false) {
                        continue;
                    }
                    if begins == Some(true) {
                        history.push(Stretch::HalfOpen { sent: vec![], succeeded: 0 });
                    }
                    let at = history.len() - 1;
                    // A half-open stretch and the closed one that it ends in are one generation.
                    let counts = match &mut history[at] {
                        Stretch::HalfOpen { sent, .. } => {
                            sent.push(now);
                            at..=at + 1
                        }
                        _ if at > 0 => at - 1..=at,
                        _ => at..=at,
                    };
                    out.push((breaker.sent(&limit, Nanos(now)), counts));
                    continue;
                }
                if out.is_empty() {
                    continue;
                }
                let (generation, counts) = out.swap_remove(which.index(out.len()));
                let at = history.len() - 1;
                let first_half_open = matches!(history[*counts.start()], Stretch::HalfOpen { .. });
                let counts = counts.contains(&at)
                    && (at == *counts.start()
                        || first_half_open && matches!(history[at], Stretch::Closed { .. }));
                let mut changes = None;
                if operation < 6 {
                    match &mut history[at] {
                        Stretch::HalfOpen { succeeded, .. } if counts => {
                            *succeeded += 1;
                            if *succeeded == trials as usize {
                                changes = Some(Stretch::Closed { failures: vec![] });
                            }
                        }
                        _ => {}
                    }
                    prop_assert_eq!(breaker.succeeded(generation, &limit), changes.is_some());
                } else {
                    match &mut history[at] {
                        Stretch::Closed { failures: times } if counts => {
                            times.push(now);
                            let young = times.iter().filter(|time| now - **time < 100).count();
                            if young >= failures as usize {
                                changes = Some(Stretch::Open { since: now });
                            }
                        }
                        Stretch::HalfOpen { .. } if counts => {
                            changes = Some(Stretch::Open { since: now });
                        }
                        _ => {}
                    }
                    prop_assert_eq!(breaker.failed(generation, &limit, Nanos(now)), changes.is_some());
                }
                history.extend(changes);
            }
        }
    }
}
