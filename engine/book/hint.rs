//! Looking ahead: a message that is still to come says what it will touch, and the cache lines start on their way.
//!
//! Each step reads only what the step before has fetched. Nothing changes but time.

use super::Books;
use super::ladder::Ladder;
use super::level::{key, lane_or_any};
use super::record::Sides;
use crate::base::message::{Kind, Market};
use crate::base::prefetch::prefetch;
use std::hint::select_unpredictable;

impl Books {
    /// Prefetches what [`apply`](Self::apply) will touch for a message that comes soon. Changes nothing.
    ///
    /// Step 0 (about 16 messages ahead): its order's slot and its instrument's ladders. Step 1 (about 8 ahead) reads
    /// those, and prefetches the level, the neighbours in its queue, and where the ladder goes on. Step 2 (about 4 ahead):
    /// the order behind which an addition will stand, a level far from the touch, and all of an order that lives aside.
    /// It pays where the books outgrow the cache: a day of 20,000 orders is as fast without.
    #[inline(always)]
    pub fn hint(&self, m: &Market, step: u8) {
        let kind = m.head.kind;
        if !(Kind::ADD..=Kind::REPLACE).contains(&kind) {
            return;
        }
        let Some(sides) = self.sides.get(m.head.instrument.index()) else { return };
        match step {
            0 => {
                prefetch(&sides[0]);
                prefetch(&sides[1]);
                self.orders.hint(m.reference);
                if kind == Kind::REPLACE {
                    self.orders.hint(m.other);
                }
            }
            // No branch on the kind: it would be wrong half the time. An addition's slot is free and leads nowhere; what
            // is not an addition has a key that no level has.
            1 => {
                let (ladder, key) = sought(sides, m);
                prefetch(self.levels.get(ladder.guess(key)));
                self.rungs.hint(ladder, key);
                let slot = self.orders.hinted(m.reference);
                prefetch(self.levels.get(slot.level));
                prefetch(self.orders.slot(slot.prev));
                prefetch(self.orders.slot(slot.next));
            }
            _ => {
                let (ladder, key) = sought(sides, m);
                prefetch(self.orders.slot(self.levels.get(ladder.guess(key)).tail));
                if let Some(level) = self.rungs.far(ladder, key) {
                    prefetch(self.levels.get(level));
                }
                if self.orders.moved(m.reference)
                    && let Some(handle) = self.orders.find(m.reference)
                {
                    let slot = self.orders.slot(handle);
                    prefetch(self.levels.get(slot.level));
                    prefetch(self.orders.slot(slot.prev));
                    prefetch(self.orders.slot(slot.next));
                }
            }
        }
    }
}

/// The ladder of an addition and its key there; above all keys for what is none.
#[inline(always)]
fn sought<'a>(sides: &'a Sides, m: &Market) -> (&'a Ladder, i64) {
    let lane = lane_or_any(m.side);
    let key = select_unpredictable(m.head.kind == Kind::ADD, key(lane, m.price.0), i64::MAX);
    (&sides[lane], key)
}
