//! Open positions by the lots they were opened in, oldest first: what FIFO takes the cost of a close from.
//!
//! The youngest lot of an instrument stands beside its queue, the older ones in a pool that all instruments share, linked
//! by index. A fill at the price of the youngest lot joins it: nothing is lost, as its units are alike. When the pool has
//! no room, the youngest two lots become one of both quantities and both costs, counted in `merged`: position and total
//! P&L stay exact, and only what a later close realises is that of their average.
//!
//! What must hold: an instrument's lots add up to its position, and their costs to its cost.
//!
//! Opening takes the same time whatever is held. Closing takes time by the lots that it ends, each of which was opened by a
//! fill of its own; so one fill ends as many as the pool has at the most, and over a day one for each fill.
#![forbid(unsafe_code)]

use super::holding::{Costs, Holding, share, value};
use crate::base::pool::Slab;
use crate::base::unit::{Money, Price};

/// No lot.
const NONE: u32 = u32::MAX;

/// What was opened at one price, or at the average of several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lot {
    /// What it cost, or its sale brought: the sign is that of the position's.
    cost: Money,
    /// How much is still open.
    qty: u64,
    /// The next younger in the pool.
    next: u32,
}

impl Lot {
    const EMPTY: Self = Self { cost: Money::ZERO, qty: 0, next: NONE };

    /// Takes `qty` out, at most all: its cost. What division leaves over stays.
    #[inline]
    fn take(&mut self, qty: u64) -> Money {
        let cost = share(self.cost, qty, self.qty);
        self.cost.0 = self.cost.0.saturating_sub(cost.0);
        self.qty -= qty;
        cost
    }

    #[inline]
    fn add(&mut self, qty: u64, cost: Money) {
        // No overflow: an instrument's lots never add up to more than 2^63 - 1.
        self.qty += qty;
        self.cost.0 = self.cost.0.saturating_add(cost.0);
    }

    /// Whether each of its units cost `price`.
    #[inline]
    fn costs(&self, price: Price, held: &Holding) -> bool {
        let sign = if held.position.0 < 0 { -1 } else { 1 };
        self.cost == value(price, sign * self.qty as i64, held.multiplier)
    }
}

/// The lots of one instrument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    /// Opened last; empty if that was taken back, or if nothing is open.
    youngest: Lot,
    /// The oldest of those in the pool.
    head: u32,
    /// The youngest of those in the pool.
    tail: u32,
}

impl Queue {
    /// Nothing open.
    pub(super) const EMPTY: Self = Self { youngest: Lot::EMPTY, head: NONE, tail: NONE };
}

/// Lots of all instruments, apart from their youngest.
pub(super) struct Pool {
    lots: Slab<Lot>,
    /// Lots that joined another of another price, for want of room.
    pub(super) merged: u64,
}

impl Pool {
    /// Room for so many, allocated and touched.
    pub(super) fn new(lots: usize) -> Self {
        Self { lots: Slab::new(lots, Lot::EMPTY), merged: 0 }
    }

    /// Memory that it takes.
    pub(super) fn bytes(lots: usize) -> usize {
        Slab::<Lot>::bytes(lots)
    }

    /// Lots that are in it.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lots.len()
    }

    /// Gives back what a queue has here.
    pub(super) fn clear(&mut self, queue: &mut Queue) {
        while let Some(lot) = self.lots.remove(queue.head) {
            queue.head = lot.next;
        }
        *queue = Queue::EMPTY;
    }
}

/// First in, first out: the lots of one instrument, and the pool that holds them.
pub(super) struct Fifo<'a> {
    pub(super) queue: &'a mut Queue,
    pub(super) pool: &'a mut Pool,
}

impl Costs for Fifo<'_> {
    #[inline]
    fn close(&mut self, _: &Holding, qty: u64) -> Money {
        let (mut left, mut cost) = (qty, 0i128);
        while left > 0
            && let Some(lot) = self.pool.lots.get_mut(self.queue.head)
        {
            let part = left.min(lot.qty);
            cost = cost.saturating_add(lot.take(part).0);
            left -= part;
            if lot.qty == 0 {
                let next = lot.next;
                self.pool.lots.remove(self.queue.head);
                self.queue.head = next;
            }
        }
        if left > 0 {
            let youngest = &mut self.queue.youngest;
            debug_assert!(left <= youngest.qty, "Invariant: lots add up to the position");
            cost = cost.saturating_add(youngest.take(left.min(youngest.qty)).0);
        }
        Money(cost)
    }

    #[inline]
    fn open(&mut self, held: &Holding, price: Price, qty: u64, cost: Money) {
        let youngest = self.queue.youngest;
        if youngest.qty == 0 {
            self.queue.youngest = Lot { cost, qty, next: NONE };
        } else if youngest.costs(price, held) {
            self.queue.youngest.add(qty, cost);
        } else if let Ok(slot) = self.pool.lots.insert(youngest) {
            match self.pool.lots.get_mut(self.queue.tail) {
                Some(tail) if self.queue.head != NONE => tail.next = slot,
                _ => self.queue.head = slot,
            }
            self.queue.tail = slot;
            self.queue.youngest = Lot { cost, qty, next: NONE };
        } else {
            self.queue.youngest.add(qty, cost);
            self.pool.merged += 1;
        }
    }

    #[inline]
    fn reopen(&mut self, held: &Holding, price: Price, qty: u64) -> bool {
        let youngest = &mut self.queue.youngest;
        let known = qty <= youngest.qty && youngest.costs(price, held);
        if known {
            youngest.take(qty);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::{Position, Qty, Side};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// Holdings of one pool.
    struct Desk {
        pool: Pool,
        held: Vec<(Holding, Queue)>,
    }

    impl Desk {
        fn new(instruments: usize, lots: usize) -> Self {
            let held = vec![(Holding::default(), Queue::EMPTY); instruments];
            Self { pool: Pool::new(lots), held }
        }

        fn fill(&mut self, instrument: usize, side: Side, price: i64, qty: u64) -> Holding {
            let (holding, queue) = &mut self.held[instrument];
            let mut costs = Fifo { queue, pool: &mut self.pool };
            holding.fill_by(&mut costs, side, Price(price), Qty(qty), Money(0));
            self.check();
            self.held[instrument].0
        }

        fn void(&mut self, instrument: usize, side: Side, price: i64, qty: u64) -> Holding {
            let (holding, queue) = &mut self.held[instrument];
            let mut costs = Fifo { queue, pool: &mut self.pool };
            holding.void_by(&mut costs, side, Price(price), Qty(qty), Money(0));
            self.check();
            self.held[instrument].0
        }

        /// Quantities and costs of an instrument's lots, oldest first.
        fn lots(&self, instrument: usize) -> Vec<(u64, i128)> {
            let (_, queue) = &self.held[instrument];
            let (mut lots, mut at) = (Vec::new(), queue.head);
            while let Some(lot) = self.pool.lots.get(at) {
                lots.push((lot.qty, lot.cost.0));
                at = lot.next;
            }
            assert_eq!(at, NONE, "no list ends in a lot that is not there");
            if queue.youngest.qty > 0 {
                lots.push((queue.youngest.qty, queue.youngest.cost.0));
            } else {
                assert_eq!(queue.youngest.cost, Money(0));
            }
            lots
        }

        /// Lots add up to what is held, and the pool has no others.
        fn check(&self) {
            let mut pooled = 0;
            for (instrument, (holding, queue)) in self.held.iter().enumerate() {
                let lots = self.lots(instrument);
                let qty: u64 = lots.iter().map(|lot| lot.0).sum();
                let cost: i128 = lots.iter().map(|lot| lot.1).sum();
                assert_eq!((qty, cost), (holding.position.0.unsigned_abs(), holding.cost.0));
                assert!(lots.iter().all(|lot| lot.0 > 0));
                pooled += lots.len() - usize::from(queue.youngest.qty > 0);
            }
            assert_eq!(self.pool.len(), pooled);
        }
    }

    #[test]
    fn a_close_takes_the_oldest_lots_first() {
        let mut desk = Desk::new(1, 8);
        desk.fill(0, Side::BUY, 10, 100);
        desk.fill(0, Side::BUY, 20, 100);
        // 100 of 10 and 50 of 20 for 150 x 18 = 2,700: less 1,000 and 1,000. At average cost it would be 450.
        let held = desk.fill(0, Side::SELL, 18, 150);
        assert_eq!(
            (held.realised, held.cost, held.position),
            (Money(700), Money(1_000), Position(50))
        );
        // 50 of 20 for 900 is a loss of 100; 30 more are sold short.
        let held = desk.fill(0, Side::SELL, 18, 80);
        assert_eq!((held.realised, held.cost), (Money(600), Money(-540)));
        assert_eq!(desk.lots(0), [(30, -540)]);
        // 10 of those 30, bought back at 15, make 30.
        let held = desk.fill(0, Side::BUY, 15, 10);
        assert_eq!((held.realised, held.position), (Money(630), Position(-20)));
    }

    #[test]
    fn fills_at_one_price_in_a_row_are_one_lot() {
        let mut desk = Desk::new(1, 0);
        for side in [Side::SELL, Side::BUY] {
            desk.fill(0, side, 7, 3);
            desk.fill(0, side, 7, 4);
            assert_eq!((desk.lots(0).len(), desk.pool.merged), (1, 0));
            desk.fill(0, side.opposite(), 7, 7);
        }
    }

    #[test]
    fn a_full_pool_makes_the_two_youngest_lots_one_and_counts_it() {
        let mut desk = Desk::new(2, 1);
        desk.fill(0, Side::BUY, 10, 1);
        desk.fill(0, Side::BUY, 20, 1);
        desk.fill(0, Side::BUY, 31, 2);
        assert_eq!(desk.lots(0), [(1, 10), (3, 82)], "20 + 2 x 31");
        // Another instrument always has room for its youngest.
        desk.fill(1, Side::SELL, 5, 1);
        desk.fill(1, Side::SELL, 6, 1);
        assert_eq!((desk.lots(1), desk.pool.merged), (vec![(2, -11)], 2));
        // The first unit cost 10, the second a third of 82, towards zero: 27. The other two cost 55.
        let held = desk.fill(0, Side::SELL, 40, 2);
        assert_eq!((held.realised, held.cost), (Money(30 + 13), Money(55)));
        // The pool has room again.
        desk.fill(1, Side::SELL, 7, 1);
        assert_eq!((desk.lots(1), desk.pool.merged), (vec![(2, -11), (1, -7)], 2));
    }

    #[test]
    fn the_youngest_fill_is_taken_back_as_if_it_had_never_been() {
        for (side, sign) in [(Side::BUY, 1), (Side::SELL, -1)] {
            let mut desk = Desk::new(1, 8);
            desk.fill(0, side, 10, 100);
            let before = desk.fill(0, side, 12, 50);
            desk.fill(0, side, 20, 30);
            assert_eq!(desk.void(0, side, 20, 30), before);
            // Nor is it the price of the lot before that one: that is as a fill of the other side.
            desk.void(0, side, 12, 50);
            assert_eq!(desk.lots(0), [(50, sign * 500), (50, sign * 600)]);
            // What is opened now is younger than both.
            desk.fill(0, side, 30, 1);
            assert_eq!(desk.lots(0).last(), Some(&(1, sign * 30)));
        }
    }

    #[test]
    fn a_cleared_queue_gives_its_lots_back() {
        let mut desk = Desk::new(2, 8);
        for price in 1..=5 {
            desk.fill(0, Side::BUY, price, 1);
            desk.fill(1, Side::BUY, price, 1);
        }
        assert_eq!(desk.pool.len(), 8);
        desk.pool.clear(&mut desk.held[0].1);
        desk.held[0].0 = Holding::default();
        desk.check();
        assert_eq!((desk.pool.len(), desk.lots(0)), (4, vec![]));
    }

    #[test]
    fn lots_of_the_greatest_sizes_end_flat_without_a_panic() {
        for price in [i64::MAX, i64::MIN] {
            for side in [Side::BUY, Side::SELL] {
                let (mut pool, mut queue) = (Pool::new(1), Queue::EMPTY);
                let mut held = Holding { multiplier: u32::MAX, ..Holding::default() };
                for _ in 0..3 {
                    let mut costs = Fifo { queue: &mut queue, pool: &mut pool };
                    let mut go = |side, price, qty| {
                        held.fill_by(&mut costs, side, Price(price), Qty(qty), Money(0));
                    };
                    go(side, price, i64::MAX as u64 / 2);
                    go(side, price / 2, 1);
                    go(side, price / 3, u64::MAX);
                    go(side.opposite(), price, u64::MAX);
                    held.void_by(&mut costs, side, Price(price), Qty(u64::MAX), Money(0));
                    held.fill_by(&mut costs, side, Price(price), Qty(u64::MAX), Money(0));
                    assert_eq!((held.position, held.cost), (Position(0), Money(0)));
                    assert_eq!((costs.pool.len(), costs.queue.youngest.qty), (0, 0));
                }
            }
        }
    }

    /// FIFO as one would write it on paper: open quantities and their prices.
    #[derive(Default)]
    struct Paper {
        open: VecDeque<(i128, i128)>,
        realised: i128,
    }

    impl Paper {
        fn fill(&mut self, buy: bool, price: i128, qty: i128) {
            let mut signed = if buy { qty } else { -qty };
            while let Some(first) = self.open.front_mut()
                && first.0.signum() == -signed.signum()
            {
                let part = first.0.abs().min(signed.abs()) * signed.signum();
                self.realised += -part * (price - first.1);
                first.0 += part;
                signed -= part;
                if first.0 == 0 {
                    self.open.pop_front();
                }
            }
            if signed != 0 {
                self.open.push_back((signed, price));
            }
        }
    }

    proptest! {
        #[test]
        fn with_room_it_realises_what_paper_does(
            fills in prop::collection::vec((0..3usize, any::<bool>(), -50i64..50, 1u64..1_000), 1..80),
        ) {
            let mut desk = Desk::new(3, 80);
            let mut paper: [Paper; 3] = Default::default();
            for (instrument, buy, price, qty) in fills {
                let side = if buy { Side::BUY } else { Side::SELL };
                let held = desk.fill(instrument, side, price, qty);
                let paper = &mut paper[instrument];
                paper.fill(buy, price.into(), qty.into());
                prop_assert_eq!(held.realised.0, paper.realised);
                let cost: i128 = paper.open.iter().map(|(qty, price)| qty * price).sum();
                prop_assert_eq!(held.cost.0, cost);
            }
            prop_assert_eq!(desk.pool.merged, 0);
        }

        #[test]
        fn without_room_the_total_is_still_exact(
            room in 0..4usize,
            fills in prop::collection::vec((0..3usize, any::<bool>(), -50i64..50, 1u64..1_000), 1..80),
        ) {
            let mut desk = Desk::new(3, room);
            let mut cash = [0i128; 3];
            for (instrument, buy, price, qty) in fills {
                let side = if buy { Side::BUY } else { Side::SELL };
                let held = desk.fill(instrument, side, price, qty);
                let value = i128::from(price) * i128::from(qty);
                cash[instrument] += if buy { -value } else { value };
                prop_assert_eq!(held.realised.0 - held.cost.0, cash[instrument]);
            }
        }
    }
}
