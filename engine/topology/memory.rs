//! What the stages take at start, told before they are made: the pools that `coretick check` shows, and whether the
//! machine has as much.
#![forbid(unsafe_code)]

use super::chain::{book_limits, gate_settings, route_orders_max, venue_rules};
use super::config::{Config, StrategyName};
use super::error::{ConfigError, Fault};
use super::machine::Machine;
use super::placement::{Bursts, Placement, RingSpec};
use crate::paper::Rules;
use crate::risk::Gate;
use crate::route::Desk;
use crate::strategy::{Imbalance, Quoter};

/// Tables that are sized at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What they hold.
    pub name: &'static str,
    /// The key that says how many.
    pub key: &'static str,
    /// How many there are.
    pub shards: usize,
    /// Entries of each.
    pub entries: usize,
    /// Memory of each, with what finds its entries.
    pub bytes: usize,
}

impl Pool {
    /// Memory of all of them.
    pub fn total(&self) -> usize {
        self.shards * self.bytes
    }
}

/// The tables of `config`.
pub fn pools(config: &Config) -> [Pool; 6] {
    let (books, rules, gate) = (book_limits(config), venue_rules(config), gate_settings(config));
    let strategy = match config.strategy.name {
        StrategyName::None => 0,
        StrategyName::Imbalance => Imbalance::INSTRUMENT_BYTES,
        StrategyName::Quoter => Quoter::INSTRUMENT_BYTES,
    };
    let shards = usize::from(config.book.shards);
    let [orders, levels, instruments] = books.bytes();
    let Rules { orders_max, .. } = rules;
    let [venue, watched] = rules.bytes();
    let [open, positions] = Gate::bytes(&gate);
    let route = Desk::bytes(route_orders_max(config));
    let seen = instruments + watched + books.instruments * strategy;
    let pool = |name, key, shards, entries, bytes| Pool { name, key, shards, entries, bytes };
    [
        pool("orders", "book.orders_max", shards, books.orders, orders),
        pool("levels", "book.levels_max", shards, books.levels, levels),
        pool("instruments", "book.instruments_max", shards, books.instruments, seen),
        pool("paper orders", "risk.open_orders_max", shards, orders_max, venue),
        pool("open orders", "risk.open_orders_max", 1, gate.orders_max, open + route),
        pool("positions", "book.instruments_max", 1, books.instruments, positions),
    ]
}

/// Bytes of all pools and rings.
pub fn total(placement: &Placement, config: &Config, bursts: &Bursts) -> usize {
    let rings: usize = placement.rings(config, bursts).iter().map(RingSpec::bytes).sum();
    rings + pools(config).iter().map(Pool::total).sum::<usize>()
}

/// Whether the machine has the memory for all pools and rings, as far as it tells.
///
/// # Errors
/// At the largest pool, if it has not.
pub fn fits(
    placement: &Placement,
    config: &Config,
    bursts: &Bursts,
    machine: &Machine,
) -> Result<(), ConfigError> {
    let need_mib = total(placement, config, bursts).div_ceil(1 << 20) as u64;
    let have_mib = machine.memory_mib;
    let largest = pools(config).into_iter().max_by_key(Pool::total);
    match largest {
        Some(pool) if have_mib > 0 && need_mib > have_mib => {
            let largest_mib = pool.total().div_ceil(1 << 20) as u64;
            Err(config.refuse(pool.key, Fault::Memory { need_mib, have_mib, largest_mib }))
        }
        _ => Ok(()),
    }
}
