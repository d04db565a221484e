//! A run: shards on their cores, rings between them, until the source has ended and everything it caused came back.
#![forbid(unsafe_code)]

use super::chain::{Actor, Parts, Rings, Seat, Setup, Writers, assemble};
use super::config::{Executor, LockMemory};
use super::executor::{Body, ExecutorError, Turn, spawn};
use super::idle::Idler;
use super::outcome::Outcome;
use super::placement::Placement;
use super::system;
use crate::base::clock::Clock;
use crate::base::stage::Agent;
use crate::ingest::Source;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A shard's agents in their duty cycle.
struct Cycle<S: Source, B: Seat> {
    agents: Vec<Actor<S, B>>,
    idler: Idler,
    clock: Clock,
    began: u64,
    done: Sender<()>,
}

/// What a shard leaves: its agents, and the ticks of its first turn and of its end.
struct Ended<S: Source, B: Seat> {
    agents: Vec<Actor<S, B>>,
    began: u64,
    ended: u64,
}

impl<S: Source + Send + 'static, B: Seat + Send + 'static> Body for Cycle<S, B> {
    type Output = Ended<S, B>;

    fn turn(&mut self) -> Turn {
        if self.began == 0 {
            self.began = self.clock.ticks();
        }
        let work: usize = self.agents.iter_mut().map(Agent::do_work).sum();
        if work > 0 {
            self.idler.idle(work);
            return Turn::Worked;
        }
        if self.agents.iter().all(Agent::done) {
            return Turn::Done;
        }
        self.idler.idle(0);
        Turn::Idle
    }

    fn finish(self) -> Self::Output {
        // Nobody may be listening any more.
        let _ = self.done.send(());
        Ended { agents: self.agents, began: self.began, ended: self.clock.ticks() }
    }
}

/// Runs the engine with book stages of kind `B`; calls `watch` some ten times a second from this thread, and gives
/// up when that says false.
///
/// # Errors
/// If a shard cannot be started, or panics; or if `watch` gave it up: its shards then run on until the program ends.
pub fn run<S: Source + Send + 'static, B: Seat + Send + 'static>(
    placement: &Placement,
    setup: &Setup,
    executor: Executor,
    mut parts: Parts<S>,
    mut watch: impl FnMut() -> bool,
) -> Result<Outcome<S>, ExecutorError> {
    keep_memory(setup)?;
    let (done, finished) = channel();
    let (made, made_by_all) = channel::<Writers>();
    let mut shards = Vec::new();
    let mut inboxes = Vec::new();
    for (index, spec) in placement.shards.iter().enumerate() {
        let (give, given): (Sender<Writers>, Receiver<Writers>) = channel();
        inboxes.push(give);
        let birth = spec.birth(&setup.config);
        let (placement, setup) = (placement.clone(), setup.clone());
        let (idler, done, made) = (Idler::new(spec.idle), done.clone(), made.clone());
        let parts = parts.take(&spec.run);
        let warm_up = setup.warm_up.clone().filter(|_| spec.is_hot());
        let make = move || {
            if let Some(warm_up) = warm_up {
                warm_up();
            }
            let (rings, others) = Rings::open(&placement, &setup, index);
            let agents = match (made.send(others), given.recv()) {
                (Ok(()), Ok(writers)) => {
                    assemble::<S, B>(&placement, &setup, index, rings, writers, parts)
                }
                // The run was given up while it started.
                _ => Vec::new(),
            };
            Cycle { agents, idler, clock: setup.clock, began: 0, done }
        };
        shards.push(spawn(executor, &spec.name, birth, make)?);
    }
    drop((done, made));
    let mut writers = Writers::empty(setup);
    made_by_all.iter().take(shards.len()).for_each(|others| writers.join(others));
    for (index, inbox) in inboxes.into_iter().enumerate() {
        inbox.send(writers.of_shard(placement, index)).map_err(|_| ExecutorError::Panicked)?;
    }
    let mut left = shards.len();
    while left > 0 {
        match finished.recv_timeout(Duration::from_millis(100)) {
            Ok(()) => left -= 1,
            Err(RecvTimeoutError::Timeout) if !watch() => return Err(ExecutorError::NotEnded),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let mut outcome = Outcome::default();
    let (mut began, mut ended) = (0, 0);
    for shard in shards {
        let left = shard.join()?;
        // The others wait, while this one still makes its pools.
        if left.agents.iter().any(|agent| matches!(agent, Actor::Ingest(_))) {
            began = left.began;
        }
        ended = ended.max(left.ended);
        outcome.take(left.agents);
    }
    outcome.seconds = setup.clock.nanos(ended.saturating_sub(began)) as f64 / 1e9;
    Ok(outcome)
}

/// What is asked of the system for all memory of the process, before there is any to speak of.
fn keep_memory(setup: &Setup) -> Result<(), ExecutorError> {
    let engine = &setup.config.engine;
    if !engine.huge_pages {
        // A kernel without the switch has no huge pages either.
        let _ = system::allow_huge_pages(false);
    }
    match engine.lock_memory {
        LockMemory::No => Ok(()),
        LockMemory::Touched => system::lock_memory(false).map_err(ExecutorError::NotLocked),
        LockMemory::All => system::lock_memory(true).map_err(ExecutorError::NotLocked),
    }
}
