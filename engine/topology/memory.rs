//! What the stages take at start, told before they are made: the pools that `coretick check` shows.
#![forbid(unsafe_code)]

use super::chain::{book_limits, gate_limits, route_orders_max, venue_rules};
use super::config::{Config, StrategyName};
use crate::paper::Rules;
use crate::risk::Gate;
use crate::route::Desk;
use crate::strategy::{Imbalance, Quoter};

/// Tables that are sized at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What they hold.
    pub name: &'static str,
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
    let (books, rules, limits) = (book_limits(config), venue_rules(config), gate_limits(config));
    let strategy = match config.strategy.name {
        StrategyName::None => 0,
        StrategyName::Imbalance => Imbalance::INSTRUMENT_BYTES,
        StrategyName::Quoter => Quoter::INSTRUMENT_BYTES,
    };
    let shards = usize::from(config.book.shards);
    let [orders, levels, instruments] = books.bytes();
    let Rules { orders_max, .. } = rules;
    let [venue, watched] = rules.bytes();
    let [open, positions] = Gate::bytes(&limits, books.instruments);
    let route = Desk::bytes(route_orders_max(config));
    let seen = instruments + watched + books.instruments * strategy;
    let pool = |name, shards, entries, bytes| Pool { name, shards, entries, bytes };
    [
        pool("orders", shards, books.orders, orders),
        pool("levels", shards, books.levels, levels),
        pool("instruments", shards, books.instruments, seen),
        pool("paper orders", shards, orders_max, venue),
        pool("open orders", 1, limits.open_orders_max, open + route),
        pool("positions", 1, books.instruments, positions),
    ]
}
