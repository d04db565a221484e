//! Looks over everything: recomputes from the orders what the books keep beside them, and compares.

use super::Books;
use super::ladder::Ladder;
use super::level::{Level, NIL, key, side};
use crate::base::unit::{InstrumentId, Price, Qty, Side};
use std::fmt;

/// The first thing found wrong: a bug, never the feed's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A ladder is out of order, or names a level that is not its own.
    Ladder(InstrumentId, Side),
    /// A level's queue does not hang together, or its orders are not in the order of their arrival.
    Queue(InstrumentId, Side, Price),
    /// A level's quantity or count is not that of its orders.
    Total(InstrumentId, Side, Price),
    /// The best price or quantity is not that of the best level.
    Top(InstrumentId, Side),
    /// Levels without orders stand in a book of orders, or nothing does in one of levels.
    Feed(InstrumentId),
    /// Locked or crossed is not what the best prices say.
    Touch(InstrumentId),
    /// The phase does not follow from session and states.
    Phase(InstrumentId),
    /// The table of orders disagrees with itself, or with the levels.
    Orders,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ladder(i, side) => write!(f, "ladder of {i:?} {side}"),
            Self::Queue(i, side, price) => write!(f, "queue of {i:?} {side} at {price}"),
            Self::Total(i, side, price) => write!(f, "total of {i:?} {side} at {price}"),
            Self::Top(i, side) => write!(f, "best of {i:?} {side}"),
            Self::Feed(i) => write!(f, "orders or levels of {i:?}"),
            Self::Touch(i) => write!(f, "locked or crossed state of {i:?}"),
            Self::Phase(i) => write!(f, "phase of {i:?}"),
            Self::Orders => f.write_str("table of orders"),
        }
    }
}

impl std::error::Error for Fault {}

impl Books {
    /// Recomputes level totals, counts, links, best prices and states from the orders, and compares.
    ///
    /// # Errors
    /// The first difference.
    pub fn verify(&self) -> Result<(), Fault> {
        let mut orders = 0;
        let mut levels = 0;
        for (i, record) in self.records.iter().enumerate() {
            let id = InstrumentId(i as u32);
            for (lane, ladder) in self.sides[i].iter().enumerate() {
                let mut above = None;
                let mut rungs = 0;
                for rung in self.rungs.of(ladder) {
                    let level = self.levels.get(rung.level);
                    let place = (level.instrument(), level.lane(), key(lane, level.price));
                    let falling = above.is_none_or(|above| rung.key < above);
                    if !falling || place != (i, lane, rung.key) {
                        return Err(Fault::Ladder(id, side(lane)));
                    }
                    above = Some(rung.key);
                    rungs += 1;
                    if !record.marks.by_level() {
                        orders += self.verify_level(rung.level)?;
                    } else if (level.head, level.tail) != (NIL, NIL) || level.qty == 0 {
                        return Err(Fault::Feed(id));
                    }
                }
                levels += rungs;
                if ladder.is_empty() != (rungs == 0)
                    || ladder.best_qty != Qty(self.levels.get(ladder.best_level()).qty)
                {
                    return Err(Fault::Top(id, side(lane)));
                }
            }
            if record.marks.by_level() && self.sides[i].iter().all(Ladder::is_empty) {
                return Err(Fault::Feed(id));
            }
            if record.touch != record.touch_now(&self.sides[i]) {
                return Err(Fault::Touch(id));
            }
            if record.phase != record.phase_in(self.session) {
                return Err(Fault::Phase(id));
            }
        }
        let agree = orders == self.orders.len() && levels == self.levels.len();
        if agree && self.orders.verify() { Ok(()) } else { Err(Fault::Orders) }
    }

    /// The number of orders in a level's queue.
    fn verify_level(&self, handle: u32) -> Result<usize, Fault> {
        let level: &Level = self.levels.get(handle);
        let (id, side) = (InstrumentId(level.instrument() as u32), side(level.lane()));
        let (mut qty, mut count, mut prev) = (0, 0, NIL);
        for at in self.queue(level.head, |slot| slot.next) {
            let slot = self.orders.slot(at);
            let later = prev == NIL
                || self.orders.arrival(at).wrapping_sub(self.orders.arrival(prev)) as i32 > 0;
            let linked = slot.qty > 0 && slot.prev == prev && slot.level == handle;
            // A loop would show here at the latest.
            if !later || !linked || count == level.count {
                return Err(Fault::Queue(id, side, Price(level.price)));
            }
            qty += u64::from(slot.qty);
            count += 1;
            prev = at;
        }
        if prev != level.tail {
            return Err(Fault::Queue(id, side, Price(level.price)));
        }
        if (qty, count) != (level.qty, level.count) || count == 0 {
            return Err(Fault::Total(id, side, Price(level.price)));
        }
        Ok(count as usize)
    }
}
