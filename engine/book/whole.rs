//! What the feed says of all books at once: that it misses something, that nothing is missing any more, and that it tells
//! everything from the beginning.
//!
//! While something is missing no book can be vouched for: that is one flag beside the books' own states, which stay what
//! they are and count again when nothing is missing. Then everything was heard, so books that were building are complete.

use super::Books;
use super::apply::applied;
use super::change::Change;
use super::level::key;
use super::record::{Record, Session};
use crate::base::message::{Kind, Market};
use crate::base::unit::{Health, InstrumentId, Qty};

impl Books {
    /// `GAP`, `WHOLE` or `CLEAR`.
    pub(super) fn hear(&mut self, m: &Market, change: &mut Change) {
        applied(m, change);
        change.instrument = InstrumentId::NONE;
        change.reference = 0;
        change.top = match m.head.kind {
            Kind::GAP => !std::mem::replace(&mut self.gapped, true),
            Kind::WHOLE => self.complete(),
            _ => self.clear(),
        };
    }

    /// Nothing is missing; whether that changed any book's health.
    fn complete(&mut self) -> bool {
        let mut changed = std::mem::replace(&mut self.gapped, false);
        for record in &mut self.records {
            if record.health == Health::BUILDING {
                record.health = Health::LIVE;
                changed = true;
            }
        }
        changed
    }

    /// Takes out all orders and levels, and forgets all states: what follows tells them anew. Last trades stay, for nothing
    /// tells them again. Orders leave one by one, so that every pool is as if they had left by themselves.
    fn clear(&mut self) -> bool {
        for i in 0..self.records.len() {
            for lane in 0..2 {
                self.empty(i, lane);
            }
            self.records[i] = Record::default();
        }
        self.session = Session::Before;
        true
    }

    fn empty(&mut self, i: usize, lane: usize) {
        while !self.sides[i][lane].is_empty() {
            let at = self.sides[i][lane].best_level();
            if self.records[i].marks.by_level() {
                let ladder = &mut self.sides[i][lane];
                self.rungs.remove(ladder, key(lane, self.levels.get(at).price));
                self.levels.remove(at);
                ladder.best_qty = Qty(self.levels.get(ladder.best_level()).qty);
            } else {
                let handle = self.levels.get(at).head;
                let (slot, reference) = (*self.orders.slot(handle), self.orders.reference(handle));
                self.leave(i, handle, slot, reference);
            }
        }
    }
}
