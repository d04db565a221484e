//! Strategies: books and reports in, intents out. The folder a user copies from.
//!
//! A [`Strategy`] runs on the core that owns its books and sees them whole, by reference. It changes its own state in
//! `on_book`, `on_report`, `on_tick` and `on_state`, and acts only in `decide`, which is called for a packet's last
//! message. To add one: write it beside `imbalance.rs`, and name it in `any.rs`.
#![forbid(unsafe_code)]

mod any;
mod flatten;
mod imbalance;
mod live;
mod marks;
mod quoter;
mod stage;

#[cfg(test)]
mod tests;

pub use any::AnyStrategy;
pub use imbalance::{Imbalance, ImbalanceSettings};
pub use live::Live;
pub use quoter::{Quoter, QuoterSettings};
pub use stage::{BookStage, StageSettings};

use crate::base::message::Report;
use crate::base::unit::*;
use crate::book::{Books, Change};

/// Most intents of one `decide`, of any strategy: rings are at least that deep.
pub const BURST_MAX: usize = 7;
/// Most intents of a book shard for one message: those, and one of its own.
pub const INTENTS_MAX: usize = BURST_MAX + 1;

/// What decides.
pub trait Strategy {
    /// Its id in intents and files; from 1.
    fn id(&self) -> StrategyId;

    /// Most intents of one `decide`.
    fn burst(&self) -> usize;

    /// An instrument that it trades changed, and its book is live.
    fn on_book(&mut self, books: &Books, change: &Change, time: Nanos);

    /// A message about this instrument will come soon: prefetch what is kept of it. Never changes any output.
    #[inline]
    fn hint(&self, _instrument: InstrumentId) {}

    /// Something became of one of its intents.
    fn on_report(&mut self, report: &Report);

    /// Time passed.
    fn on_tick(&mut self, _time: Nanos) {}

    /// An instrument's health or phase changed, live or not.
    fn on_state(&mut self, _instrument: InstrumentId, _health: Health, _phase: Phase) {}

    /// Whether `decide` has anything to do.
    fn wants(&self) -> bool;

    /// Acts. What does not fit into the burst waits for the next call.
    fn decide(&mut self, books: &Books, orders: &mut impl Orders);
}

/// Where a strategy puts its intents.
pub trait Orders {
    /// Intents that may still be put in this call.
    fn room(&self) -> usize;

    /// A new limit order. `None` if there is no room.
    fn new_order(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        tif: TimeInForce,
    ) -> Option<OrderId>;

    /// A day order in the place of `target`: `qty` is what shall then be open; it goes to the back of its level.
    fn replace(
        &mut self,
        target: OrderId,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
    ) -> Option<OrderId>;

    /// Cancels `target`. False if there is no room.
    fn cancel(&mut self, target: OrderId, instrument: InstrumentId, side: Side) -> bool;
}
