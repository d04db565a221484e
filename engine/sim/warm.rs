//! A warm-up: a small engine of all stages, on the thread that is about to be a shard, takes a made-up market to its end.
//!
//! What it leaves is not its memory, which is given back, but its ways: the code of books, strategy, gate and route was run,
//! so its pages are there, and the processor has seen where it branches. The market is the same each time; nothing of it
//! reaches the real stages, which are made afterwards. What has to do with sockets is not walked: a live engine does that
//! itself while it takes in the day so far and logs in.
#![forbid(unsafe_code)]

use super::script::{message, opening};
use super::{Script, agents};
use crate::base::clock::Clock;
use crate::base::instrument::Symbols;
use crate::base::message::{Kind, Market};
use crate::base::stage::Agent;
use crate::base::step::Pace;
use crate::base::unit::{InstrumentId, Price, Qty, Side};
use crate::topology::chain::{Actor, Files, Parts, Setup, WarmUp};
use crate::topology::config::{Config, PlacementName};
use crate::topology::outcome::Outcome;
use crate::topology::{Machine, Placement};
use std::sync::Arc;

/// Instruments of the made-up market.
const INSTRUMENTS: u32 = 8;
/// A warm-up that has not ended by so many turns for each message is left as it is.
const TURNS: u64 = 100;

/// The warm-up for an engine of this configuration; none if it asks for none.
pub fn warm_up(config: &Config, clock: Clock) -> Option<WarmUp> {
    let messages = config.engine.warm_up;
    let practice = Practice::new(config, messages, clock);
    (messages > 0).then(|| Arc::new(move || drop(practice.run())) as WarmUp)
}

struct Practice {
    setup: Setup,
    script: Script,
    turns_max: u64,
}

impl Practice {
    fn new(config: &Config, messages: u32, clock: Clock) -> Self {
        // As many pools and limits as it needs, but the real strategy, which decides as often as it can.
        let mut small = Config::default();
        small.strategy = config.strategy.clone();
        small.strategy.symbols.clear();
        let (imbalance, quoter) = (&mut small.strategy.imbalance, &mut small.strategy.quoter);
        (imbalance.cooldown_ms, quoter.cooldown_ms) = (0, 0);
        (imbalance.threshold_per_mille, quoter.spread_ticks_min) = (501, 1);
        (imbalance.position_max, quoter.position_max) = (1_000_000, 1_000_000);
        small.book.orders_max = messages.max(1_024);
        (small.book.levels_max, small.book.instruments_max) = (1_024, INSTRUMENTS);
        small.risk.open_orders_max = 1_024;
        let script = Script::of(market(messages), 1);
        let symbols = Symbols::new(INSTRUMENTS as usize);
        // Each order is answered before the market goes on: so as many as can be are sent.
        let setup = Setup::new(small, 1, Pace::Lockstep, clock, symbols);
        Self { setup, script, turns_max: u64::from(messages) * TURNS }
    }

    fn run(&self) -> Outcome<Script> {
        let placement = Placement::named(PlacementName::Fused, 1, &Machine::uniform(1));
        let parts = Parts::of_replay(self.script.clone(), Arc::default(), Files::none());
        let agents = agents(&placement, &self.setup, parts).into_iter();
        let mut agents: Vec<Actor<Script>> = agents.map(|(_, agent)| agent).collect();
        let mut turns = 0;
        while !agents.iter().all(Agent::done) && turns < self.turns_max {
            agents.iter_mut().for_each(|agent| {
                agent.do_work();
            });
            turns += 1;
        }
        let mut outcome = Outcome::default();
        outcome.take(agents);
        outcome
    }
}

/// Time between two messages, ns: an order has arrived, and its answer is back, before the next one of its instrument.
const GAP: u64 = 10_000;

/// So many messages of a market in which each instrument's book is built up, leans to one side and then to the other, trades,
/// and is taken down, again and again.
fn market(messages: u32) -> Vec<Market> {
    let mut all = opening(INSTRUMENTS);
    for number in 0..messages {
        let (round, instrument) = (number / INSTRUMENTS, number % INSTRUMENTS);
        let time = 2_000 + u64::from(number) * GAP;
        if instrument == 0 {
            all.push(message(time, Kind::TICK, InstrumentId::NONE.0));
        }
        all.push(step(round, instrument, time));
    }
    all
}

/// What happens to an instrument in a round.
fn step(round: u32, instrument: u32, time: u64) -> Market {
    const STEPS: u32 = 13;
    let (turn, step) = (round / STEPS, round % STEPS);
    // Six orders a turn.
    let order = |number: u32| u64::from((turn * INSTRUMENTS + instrument) * 8 + number);
    let cents = |cents: u32| Price::from_e4(cents * 100);
    let add = |number, side, price, shares| Market {
        reference: order(number),
        side,
        price: cents(price),
        qty: Qty(shares),
        ..message(time, Kind::ADD, instrument)
    };
    let change = |kind, number, shares| Market {
        reference: order(number),
        qty: Qty(shares),
        ..message(time, kind, instrument)
    };
    match step {
        0 => add(1, Side::BUY, 10_000, 900),
        1 => add(2, Side::SELL, 10_003, 100),
        2 => add(3, Side::BUY, 10_000, 300),
        // A bid of ours between the two is filled.
        3 => change(Kind::EXECUTE, 1, 900),
        4 => change(Kind::EXECUTE, 3, 300),
        5 => add(4, Side::BUY, 10_000, 100),
        6 => add(5, Side::SELL, 10_003, 900),
        7 => Market { other: order(6), price: cents(10_002), ..change(Kind::REPLACE, 5, 900) },
        8 => change(Kind::EXECUTE, 6, 100),
        9 => change(Kind::CANCEL, 6, 100),
        10 => change(Kind::DELETE, 2, 0),
        11 => change(Kind::DELETE, 4, 0),
        _ => change(Kind::DELETE, 6, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Host;
    use crate::topology::config::StrategyName;

    #[test]
    fn a_warm_up_walks_the_whole_path() {
        for name in [StrategyName::Imbalance, StrategyName::Quoter] {
            let mut config = Config::default();
            config.strategy.name = name;
            let practice = Practice::new(&config, 5_000, Clock::calibrated_for_tests());
            let outcome = practice.run();
            let gate = outcome.gate.unwrap();
            let counts = gate.counts();
            // One takes, the other is in the market and out again.
            let ended = if name == StrategyName::Quoter { counts.cancels } else { counts.fills };
            assert!(counts.orders > 100 && ended > 100, "{name:?}: {counts:?}");
            let anomalies = outcome.books[0].0.books().anomalies().total();
            assert_eq!(anomalies, 0, "the market is a sound one");
            assert!(outcome.route.is_some() && outcome.log.is_some(), "it came to its end");
        }
    }

    #[test]
    fn there_is_none_where_none_is_asked_for() {
        let mut config = Config::default();
        assert!(warm_up(&config, Clock::calibrated_for_tests()).is_some());
        config.engine.warm_up = 0;
        assert!(warm_up(&config, Clock::calibrated_for_tests()).is_none());
    }
}
