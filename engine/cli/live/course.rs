//! The course of a live run, seen from outside: trading, winding down, stopping, the end.
//!
//! It only asks (`base::command`); what it asks for is done where it belongs.

use crate::base::command::Commands;
use crate::base::unit::Nanos;

/// How a run is to end of its own accord.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    /// So long after orders may first leave; never, if there is none.
    pub(crate) after: Option<Nanos>,
    /// Whether positions are then traded down to none.
    pub(crate) flat: bool,
    /// The venue may take trades back until so long after them: flat for as long, it stays flat.
    pub(crate) taken_back: Nanos,
}

/// What is seen of a run at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// When.
    pub(crate) now: Nanos,
    /// Whether the feed is whole and the session takes orders.
    pub(crate) is_live: bool,
    /// Whether the feed has ended.
    pub(crate) feed_ended: bool,
    /// Whether there will be no further connection with the venue.
    pub(crate) is_over: bool,
    /// Whether no order is open and nothing is held.
    pub(crate) is_flat: bool,
    /// Whether a person asked for the end.
    pub(crate) told_to_stop: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leg {
    Trading,
    Flattening { since: Nanos },
    Stopping,
    Ending { since: Nanos },
}

/// A run that was asked to end and has not by then is given up.
const ENDS_WITHIN: Nanos = Nanos(5_000_000_000);

/// A run that cannot trade counts as begun after so long.
const PATIENCE: Nanos = Nanos(10_000_000_000);
/// Positions that are not gone by then stay.
const FLAT_WITHIN: Nanos = Nanos(5_000_000_000);
/// Flat for so long, it stays flat: what was on its way when it was asked has come back.
const FLAT_FOR: Nanos = Nanos(300_000_000);

/// Where a run stands.
#[derive(Debug)]
pub(crate) struct Course {
    ends: Ends,
    commands: Commands,
    leg: Leg,
    started: Nanos,
    /// When orders could first leave.
    live_since: Option<Nanos>,
    flat_since: Option<Nanos>,
}

impl Course {
    /// A run that begins now.
    pub(crate) fn new(ends: Ends, commands: Commands, now: Nanos) -> Self {
        let (live_since, flat_since) = (None, None);
        Self { ends, commands, leg: Leg::Trading, started: now, live_since, flat_since }
    }

    /// Asks for what is due. Call it some ten times a second. False once there is nothing left to wait for, though the run has
    /// not ended.
    pub(crate) fn step(&mut self, seen: Seen) -> bool {
        self.go_on(seen);
        !matches!(self.leg, Leg::Ending { since } if seen.now.since(since) > ENDS_WITHIN)
    }

    fn go_on(&mut self, seen: Seen) {
        let Seen { now, .. } = seen;
        if self.live_since.is_none() && (seen.is_live || now.since(self.started) > PATIENCE) {
            self.live_since = Some(now);
        }
        self.flat_since = if seen.is_flat { self.flat_since.or(Some(now)) } else { None };
        let next = match self.leg {
            Leg::Ending { .. } => return,
            _ if seen.is_over => Leg::Ending { since: now },
            Leg::Stopping => return,
            _ if seen.told_to_stop => Leg::Stopping,
            Leg::Trading if !self.is_due(&seen) => return,
            Leg::Trading if self.ends.flat && !seen.feed_ended && !self.commands.killed() => {
                self.flat_since = None;
                Leg::Flattening { since: now }
            }
            Leg::Trading => Leg::Stopping,
            Leg::Flattening { since } => {
                let (held, taken_back) = (FLAT_FOR.max(self.ends.taken_back), self.ends.taken_back);
                let is_flat = self.flat_since.is_some_and(|flat| now.since(flat) > held);
                if !is_flat && now.since(since) < FLAT_WITHIN.plus(taken_back) {
                    return;
                }
                Leg::Stopping
            }
        };
        match next {
            Leg::Flattening { .. } => self.commands.flatten(),
            Leg::Stopping => self.commands.stop(),
            _ => {
                self.commands.stop();
                self.commands.end();
            }
        }
        self.leg = next;
    }

    fn is_due(&self, seen: &Seen) -> bool {
        let (Some(since), Some(after)) = (self.live_since, self.ends.after) else {
            return seen.feed_ended;
        };
        seen.feed_ended || seen.now.since(since) >= after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// A course that ends flat after a second of trading, and what was asked by a step at `ms`.
    struct Run(Course, Commands);

    impl Run {
        fn new(ends: Ends) -> Self {
            let commands = Commands::new();
            Self(Course::new(ends, commands.clone(), Nanos(0)), commands)
        }

        fn step(&mut self, ms: u64, seen: Seen) -> [bool; 3] {
            let _ = self.0.step(Seen { now: Nanos(ms * MS), ..seen });
            [self.1.flattens(), self.1.stops(), self.1.ends()]
        }
    }

    const SECOND: Ends = Ends { after: Some(Nanos(1_000 * MS)), flat: true, taken_back: Nanos(0) };

    fn live() -> Seen {
        Seen { is_live: true, ..Seen::default() }
    }

    #[test]
    fn it_trades_for_its_time_then_winds_down_stops_and_ends() {
        let mut run = Run::new(SECOND);
        assert_eq!(run.step(700, Seen::default()), [false; 3], "nothing is live yet");
        assert_eq!(run.step(800, live()), [false; 3]);
        assert_eq!(run.step(1_700, live()), [false; 3]);
        assert_eq!(run.step(1_800, live()), [true, false, false]);
        let flat = Seen { is_flat: true, ..live() };
        assert_eq!(run.step(1_900, flat), [true, false, false]);
        assert_eq!(run.step(2_000, live()), [true, false, false], "not for good");
        assert_eq!(run.step(2_100, flat), [true, false, false]);
        assert_eq!(run.step(2_500, flat), [true, true, false]);
        assert_eq!(run.step(2_600, flat), [true, true, false], "the venue has yet to say so");
        assert_eq!(run.step(2_700, Seen { is_over: true, ..flat }), [true; 3]);
    }

    #[test]
    fn what_cannot_be_traded_down_does_not_hold_it_up() {
        let mut run = Run::new(SECOND);
        run.step(0, live());
        run.step(1_000, live());
        assert_eq!(run.step(5_900, live()), [true, false, false]);
        assert_eq!(run.step(6_000, live()), [true, true, false]);
    }

    #[test]
    fn it_stays_as_long_as_trades_may_be_taken_back() {
        let mut run = Run::new(Ends { taken_back: Nanos(2_000 * MS), ..SECOND });
        let flat = Seen { is_flat: true, ..live() };
        run.step(0, live());
        assert_eq!(run.step(1_000, flat), [true, false, false]);
        assert_eq!(run.step(1_100, flat), [true, false, false]);
        assert_eq!(run.step(3_100, flat), [true, false, false]);
        assert_eq!(run.step(3_101, flat), [true, true, false]);
        // As long again where that is not so.
        let mut run = Run::new(Ends { taken_back: Nanos(2_000 * MS), ..SECOND });
        run.step(0, live());
        run.step(1_000, live());
        assert_eq!(run.step(7_900, live()), [true, false, false]);
        assert_eq!(run.step(8_000, live()), [true, true, false]);
    }

    #[test]
    fn told_to_stop_it_does_so_without_winding_down() {
        let mut run = Run::new(Ends::default());
        assert_eq!(run.step(50_000, live()), [false; 3], "without an end of its own");
        let told = Seen { told_to_stop: true, ..live() };
        assert_eq!(run.step(50_001, told), [false, true, false]);
        assert_eq!(run.step(50_002, Seen { is_over: true, ..told }), [false, true, true]);
    }

    #[test]
    fn an_end_of_the_feed_stops_it_and_an_end_of_the_session_ends_it() {
        let mut run = Run::new(SECOND);
        assert_eq!(run.step(10, Seen { feed_ended: true, ..live() }), [false, true, false]);
        let mut run = Run::new(SECOND);
        assert_eq!(run.step(10, Seen { is_over: true, ..live() }), [false, true, true]);
    }

    #[test]
    fn a_run_that_does_not_end_is_given_up() {
        let mut run = Run::new(Ends::default());
        let over = |ms: u64| Seen { now: Nanos(ms * MS), is_over: true, ..live() };
        assert!(run.0.step(over(100)) && run.0.step(over(5_100)));
        assert!(!run.0.step(over(5_200)));
    }

    #[test]
    fn a_killed_engine_does_not_trade_down() {
        let mut run = Run::new(SECOND);
        run.step(0, live());
        run.1.kill();
        assert_eq!(run.step(1_000, live()), [false, true, false]);
    }
}
