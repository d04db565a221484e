//! The book stage as the paper venue sees it: apply a message, look at the books, then let the strategies react.
#![forbid(unsafe_code)]

use super::{Books, Change};
use crate::base::message::{Intent, Market, Report};
use crate::base::stage::Sink;
use crate::base::unit::ShardId;

/// A book shard's books and what stands on them.
pub trait Host {
    /// Most intents that one message can lead to.
    fn burst(&self) -> usize;

    /// Which shard it is.
    fn shard(&self) -> ShardId;

    /// The books.
    fn books(&self) -> &Books;

    /// Applies a market message to the books, and writes what it did; nothing else.
    fn apply(&mut self, message: &Market, change: &mut Change);

    /// A message that will come soon.
    fn hint(&self, message: &Market, step: u8);

    /// Lets the strategies react to it. Returns the number of intents put out.
    fn react(&mut self, message: &Market, change: &Change, out: &mut impl Sink<Intent>) -> u32;

    /// Tells the strategies what became of their intents.
    fn on_report(&mut self, report: &Report);
}
