//! Feeds without orders: a level is set as a whole, in the pools and ladders that orders use.
//!
//! Such a level has a quantity, a count if the feed tells one, and no queue. A book holds orders or levels, never both:
//! an empty one takes whichever comes first, and until it is empty again the other kind is refused and counted
//! (`mixed_depth`). So each level has one owner, and [`Books::verify`] knows what to expect.

use super::Books;
use super::anomaly::Anomaly;
use super::apply::applied;
use super::change::Change;
use super::ladder::Ladder;
use super::level::{key, lane};
use crate::base::message::{Header, Kind, Market};
use crate::base::unit::{InstrumentId, Price, Qty, Side};

/// Prices of levels are below: two of them add up in an `i64`, and one times any quantity in an `i128`.
const PRICE_END: Price = Price(1 << 62);
/// So that the best quantities of two sides add up in a `u64`.
const QTY_MAX: Qty = Qty(i64::MAX as u64);

impl Books {
    /// What stands at a price now, in all: `qty` in `orders` orders (0 if the feed does not tell); a quantity of 0 takes
    /// the level away, and where there is none changes nothing. The same as applying a [`Kind::LEVEL`].
    ///
    /// Refused and counted: in a book of orders, prices that are not above 0 or from 2^62 on, quantities above 2^63 - 1.
    pub fn set_level(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        orders: u32,
    ) -> Change {
        let head = Header { kind: Kind::LEVEL, instrument, ..Header::default() };
        let other = u64::from(orders);
        self.apply(&Market { head, other, price, qty, side, ..Market::default() })
    }

    pub(super) fn level_set(&mut self, m: &Market, change: &mut Change) -> Result<(), Anomaly> {
        let i = self.record_of(m)?;
        let lane = lane(m.side).ok_or(Anomaly::UnknownSide)?;
        let empty = |sides: &[Ladder; 2]| sides.iter().all(Ladder::is_empty);
        if !self.records[i].marks.by_level() && !empty(&self.sides[i]) {
            return Err(Anomaly::MixedDepth);
        }
        if m.price.0 <= 0 || m.price >= PRICE_END {
            return Err(Anomaly::PriceOutOfRange);
        }
        if m.qty > QTY_MAX {
            return Err(Anomaly::QuantityOutOfRange);
        }
        let ladder = &self.sides[i][lane];
        let best = (ladder.best_key(), ladder.best_qty);
        let before = if m.qty == Qty::ZERO {
            self.unset(i, lane, m.price)
        } else {
            let at = self.level_at(i, lane, m.price).ok_or(Anomaly::PoolExhausted)?;
            let level = self.levels.get_mut(at);
            level.count = u32::try_from(m.other).unwrap_or(u32::MAX);
            std::mem::replace(&mut level.qty, m.qty.0)
        };
        let ladder = &mut self.sides[i][lane];
        // Level 0, that of an empty ladder, has nothing.
        ladder.best_qty = Qty(self.levels.get(ladder.best_level()).qty);
        applied(m, change);
        change.reference = 0;
        (change.side, change.price) = (m.side, m.price);
        (change.qty, change.left) = (Qty(before), m.qty);
        change.top = best != (ladder.best_key(), ladder.best_qty);
        self.records[i].marks.set_by_level(!empty(&self.sides[i]));
        self.seen = self.seen.max(i + 1);
        self.settle(i, m);
        Ok(())
    }

    /// Takes a level away, if there is one; tells what it held.
    fn unset(&mut self, i: usize, lane: usize, price: Price) -> u64 {
        let ladder = &mut self.sides[i][lane];
        let key = key(lane, price.0);
        let Ok(at) = self.rungs.find(ladder, key) else { return 0 };
        let held = self.levels.get(at).qty;
        self.rungs.remove(ladder, key);
        self.levels.remove(at);
        held
    }
}
