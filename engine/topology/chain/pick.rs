//! Who gets a message where a hop goes to several.
#![forbid(unsafe_code)]

use crate::base::message::{Kind, Market, Report};
use crate::base::stage::{Pick, Picker, Wanted};
use crate::base::unit::OrderId;
use std::sync::Arc;

/// Market messages to the instrument's book shard; session events, ticks and kills to all.
#[derive(Clone)]
pub struct ByInstrument(pub(in crate::topology) Arc<[u8]>);

impl Picker<Market> for ByInstrument {
    #[inline]
    fn pick(&self, message: &Market, count: usize) -> Pick {
        if message.is_for_all() {
            return Pick::All;
        }
        let index = message.head.instrument.index();
        // Beyond the table that was given, instruments are dealt out in turn, as the decoder does.
        let shard = self.0.get(index).map_or(index, |shard| usize::from(*shard));
        Pick::One(shard % count)
    }

    fn copy_for(&self, message: &Market, index: usize) -> Market {
        message.copy_for(index)
    }
}

/// Orders to the book shard that named them, which has the venue's place beside it.
pub struct ByOrder;

impl Picker<Market> for ByOrder {
    fn pick(&self, message: &Market, count: usize) -> Pick {
        let name = if message.reference != 0 { message.reference } else { message.other };
        Pick::One(usize::from(OrderId(name).shard().0) % count)
    }
}

/// Reports to the book shard that they return to.
pub struct ByShard;

impl Picker<Report> for ByShard {
    fn pick(&self, message: &Report, count: usize) -> Pick {
        Pick::One(usize::from(message.shard.0) % count)
    }
}

/// Fills, and what takes them back, go to the log too; records, which nobody waits for, only there.
pub(super) fn logged(report: &Report) -> Wanted {
    match report.head.kind {
        Kind::CLOSED | Kind::LATCHED | Kind::FLAT | Kind::ALERT | Kind::LIMITS => Wanted::Side,
        Kind::FILLED | Kind::BROKEN => Wanted::Both,
        _ => Wanted::Main,
    }
}
