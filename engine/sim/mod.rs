//! The same engine in one thread under a seed: its agents are turned in an order, and in steps, that the seed draws.
//!
//! What a placement gives on real cores is one of the schedules that can be drawn here; so what holds under all of
//! them holds there. `tests.rs` has the placement test.
#![forbid(unsafe_code)]

mod script;
#[cfg(test)]
mod tests;
mod warm;

pub use script::{Flow, Script};
pub use warm::warm_up;

use crate::base::stage::Agent;
use crate::ingest::Source;
use crate::topology::Placement;
use crate::topology::chain::{Actor, Parts, Rings, Setup, Writers, assemble};
use crate::topology::outcome::Outcome;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded source of chance.
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// Chance that is the same for the same seed, on every machine.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `bound` (at least 1).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    /// A number from `low` to `high`.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `per_mille` of a thousand.
    pub fn often(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// The engine did not come to its end: its agents wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Turns taken.
    pub turns: u64,
}

/// The engine's agents with the shards that they belong to, for whoever turns them on one thread.
pub fn agents<S: Source>(
    placement: &Placement,
    setup: &Setup,
    mut parts: Parts<S>,
) -> Vec<(usize, Actor<S>)> {
    let mut writers = Writers::empty(setup);
    let rings: Vec<_> = (0..placement.shards.len())
        .map(|index| {
            let (mine, others) = Rings::open(placement, setup, index);
            writers.join(others);
            mine
        })
        .collect();
    let mut agents = Vec::new();
    for (index, rings) in rings.into_iter().enumerate() {
        let writers = writers.of_shard(placement, index);
        let parts = parts.take(&placement.shards[index].run);
        let here = assemble(placement, setup, index, rings, writers, parts);
        agents.extend(here.into_iter().map(|agent| (index, agent)));
    }
    agents
}

/// Runs the engine to its end under a schedule drawn from `seed`.
///
/// # Errors
/// If it does not end within `turns_max`.
pub fn simulate<S: Source>(
    placement: &Placement,
    setup: &Setup,
    parts: Parts<S>,
    seed: u64,
    turns_max: u64,
) -> Result<Outcome<S>, Stuck> {
    let (shard_of, mut agents): (Vec<_>, Vec<_>) =
        agents(placement, setup, parts).into_iter().unzip();
    let mut chance = Chance::new(seed);
    let mut turns = 0;
    let mut ended = vec![false; placement.shards.len()];
    while !agents.iter().all(Agent::done) {
        if turns == turns_max {
            return Err(Stuck { turns });
        }
        turns += 1;
        // One agent runs for a while, as a core does when others are held up.
        let index = chance.below(agents.len() as u64) as usize;
        let shard = shard_of[index];
        if ended[shard] {
            continue;
        }
        for _ in 0..chance.within(1, 4) {
            agents[index].set_batch(chance.within(1, 12) as usize);
            agents[index].do_work();
        }
        // A shard with nothing more to do is never turned again.
        let mut here = agents.iter().zip(&shard_of).filter(|(_, other)| **other == shard);
        ended[shard] = here.all(|(agent, _)| agent.done());
    }
    let mut outcome = Outcome::default();
    outcome.take(agents);
    Ok(outcome)
}
