//! Looking ahead: a message that is still to come says what it will touch, and the cache lines start on their way.
//!
//! Each step reads only what the step before has fetched. Nothing changes but time.

use super::Books;
use super::level::{key, lane};
use crate::base::message::{Kind, Market};
use crate::base::prefetch::prefetch;

impl Books {
    /// Prefetches what [`apply`](Self::apply) will touch for a message that comes soon. Changes nothing.
    ///
    /// Step 0 (about 16 messages ahead): its order's slot and its instrument's record. Step 1 (about 8 ahead) reads
    /// those, and prefetches the level and the neighbours in its queue, or the ladder's end. Step 2 (about 4 ahead)
    /// is for books that outgrow the cache: it looks an addition's level up. On small books it costs more than
    /// it brings.
    #[inline]
    pub fn hint(&self, m: &Market, step: u8) {
        let kind = m.head.kind;
        if !(Kind::ADD..=Kind::REPLACE).contains(&kind) {
            return;
        }
        let Some(record) = self.records.get(m.head.instrument.index()) else { return };
        match (step, kind) {
            (0, _) => {
                prefetch(record);
                self.orders.hint(m.reference);
                if kind == Kind::REPLACE {
                    self.orders.hint(m.other);
                }
            }
            (1, Kind::ADD) => {
                let Some(lane) = lane(m.side) else { return };
                if let Some(rung) = self.rungs.of(&record.ladders[lane]).last() {
                    prefetch(rung);
                }
            }
            (1, _) => {
                let Some(handle) = self.orders.hinted(m.reference) else { return };
                let slot = self.orders.slot(handle);
                prefetch(&self.levels[slot.level]);
                prefetch(self.orders.slot(slot.prev));
                prefetch(self.orders.slot(slot.next));
            }
            (_, Kind::ADD) => {
                let Some(lane) = lane(m.side) else { return };
                let ladder = &record.ladders[lane];
                let Ok(at) = self.rungs.find(ladder, key(lane, m.price.0)) else { return };
                prefetch(&self.levels[self.rungs.of(ladder)[at].level]);
            }
            (_, _) => {
                let Some(handle) = self.orders.find(m.reference) else { return };
                let slot = self.orders.slot(handle);
                let level = &self.levels[slot.level];
                if self.orders.aside(m.reference) {
                    prefetch(level);
                    prefetch(self.orders.slot(slot.prev));
                    prefetch(self.orders.slot(slot.next));
                    return;
                }
                let last = level.count == 1 || kind == Kind::REPLACE;
                if last && let Some(rung) = self.rungs.of(&record.ladders[level.lane()]).last() {
                    prefetch(rung);
                }
            }
        }
    }
}
