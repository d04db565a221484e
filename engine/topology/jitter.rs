//! The jitter meter on its cores: a thread pinned to each, which does nothing but look for hiccups.
#![forbid(unsafe_code)]

use super::config::Executor;
use super::executor::{Body, ExecutorError, Turn, spawn};
use super::machine::Cpu;
use crate::base::clock::Clock;
use crate::base::unit::Nanos;
use crate::telemetry::Hiccups;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The CPUs.
    pub cpus: Vec<Cpu>,
    /// Whether all are watched at once, instead of one after the other.
    pub together: bool,
    /// How long each is watched.
    pub span: Nanos,
    /// The shortest gap that counts.
    pub threshold: Nanos,
}

/// How long a turn of the meter is.
const TURN: Nanos = Nanos(10_000_000);
/// Between two looks at how far it is: whoever looks is a hiccup on some core himself.
const LOOK: Duration = Duration::from_millis(500);

struct Meter {
    hiccups: Hiccups,
    span: Nanos,
    done: Sender<()>,
}

impl Body for Meter {
    type Output = Hiccups;

    fn turn(&mut self) -> Turn {
        let left = self.span.since(self.hiccups.elapsed());
        if left == Nanos(0) {
            return Turn::Done;
        }
        self.hiccups.watch(left.min(TURN));
        Turn::Worked
    }

    fn finish(self) -> Hiccups {
        // Nobody may be listening any more.
        let _ = self.done.send(());
        self.hiccups
    }
}

impl Survey {
    /// How long all of it takes, about.
    pub fn length(&self) -> Nanos {
        let turns = if self.together { 1 } else { self.cpus.len() as u64 };
        Nanos(self.span.0.saturating_mul(turns))
    }

    /// Watches the cores; calls `look` now and then from this thread with the time that has passed.
    ///
    /// # Errors
    /// If a thread cannot be made, or cannot be pinned.
    pub fn run(
        &self,
        clock: Clock,
        mut look: impl FnMut(Nanos),
    ) -> Result<Vec<(Cpu, Hiccups)>, ExecutorError> {
        let began = clock.ticks();
        let mut seen = Vec::with_capacity(self.cpus.len());
        let at_once = if self.together { self.cpus.len() } else { 1 };
        for cpus in self.cpus.chunks(at_once.max(1)) {
            let (done, all_done) = channel();
            let mut running = Vec::new();
            for cpu in cpus {
                let (done, Self { span, threshold, .. }) = (done.clone(), self.clone());
                let make = move || {
                    let hiccups = Hiccups::new(clock, threshold, clock.ticks());
                    Meter { hiccups, span, done }
                };
                let name = format!("jitter-{}", cpu.id);
                running.push((*cpu, spawn(Executor::Thread, &name, Some(*cpu), make)?));
            }
            drop(done);
            // Until each has let go of its end.
            while let Ok(()) | Err(RecvTimeoutError::Timeout) = all_done.recv_timeout(LOOK) {
                look(Nanos(clock.nanos(clock.ticks() - began)));
            }
            for (cpu, meter) in running {
                seen.push((cpu, meter.join()?));
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Machine;

    #[test]
    fn every_core_is_watched_for_as_long_as_was_asked() {
        let cpus = Machine::read().cpus;
        for together in [false, true] {
            let survey = Survey {
                cpus: cpus.clone(),
                together,
                span: Nanos(20_000_000),
                threshold: Nanos(1_000),
            };
            let mut looks = 0;
            let seen = survey.run(Clock::calibrated(), |_| looks += 1).unwrap();
            assert_eq!(seen.iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>(), cpus);
            for (cpu, hiccups) in &seen {
                let elapsed = hiccups.elapsed();
                assert!(elapsed >= Nanos(20_000_000), "CPU {}: {elapsed:?}", cpu.id);
            }
            assert!(looks >= cpus.len(), "{looks}");
        }
    }

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        let cpu = Cpu { node: 0, id: 1_023, core: 1_023 };
        let survey =
            Survey { cpus: vec![cpu], together: false, span: Nanos(1), threshold: Nanos(1) };
        assert!(survey.run(Clock::calibrated_for_tests(), |_| ()).is_err());
    }
}
