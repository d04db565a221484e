//! Where an order is placed: around a fair price that drifts, beside what stands in the book.

use super::distributions::{PRICE_CENTS, Random};
use crate::base::unit::Side;
use crate::exchange::matching::Matching;
use crate::exchange::unit::{Locate, Price4};

/// One cent in the wire's unit, 1e-4 of the dollar.
pub(super) const TICK: u32 = 100;
/// Fair prices stay above 2 dollars (deep bids must stay above zero) and below 20,000.
const FAIR: std::ops::RangeInclusive<u32> = 20_000..=200_000_000;

/// What the traders think of a symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opinion {
    /// The price that quotes follow; a multiple of [`TICK`].
    fair: u32,
    /// Ticks between the fair price and the natural best prices.
    half_spread: u32,
}

/// The best prices that show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) bid: Option<u32>,
    pub(super) ask: Option<u32>,
}

impl Best {
    pub(super) fn of(view: &Matching, locate: Locate) -> Self {
        let best = |side| view.best(locate, side).map(|(price, _)| price.0);
        Self { bid: best(Side::BUY), ask: best(Side::SELL) }
    }

    /// Halfway between the best prices, rounded down to 1e-4 of the dollar.
    pub(super) fn middle(&self) -> Option<u32> {
        Some(u32::midpoint(self.bid?, self.ask?))
    }
}

impl Opinion {
    pub(super) fn new(half_spread: u32, random: &mut Random) -> Self {
        Self { fair: random.quantile(&PRICE_CENTS) as u32 * TICK, half_spread }
    }

    /// The fair price moves a tick.
    pub(super) fn drift(&mut self, up: bool) {
        let moved = if up { self.fair + TICK } else { self.fair - TICK };
        self.fair = moved.clamp(*FAIR.start(), *FAIR.end());
    }

    /// News: the fair price jumps by 1 to 5 %.
    pub(super) fn jump(&mut self, random: &mut Random) {
        let change = self.fair / TICK * (1 + random.below(5)) / 100 * TICK;
        let moved = if random.below(2) == 0 { self.fair + change } else { self.fair - change };
        self.fair = moved.clamp(*FAIR.start(), *FAIR.end());
    }

    /// The fair price while the market is down by so many millionths.
    pub(super) fn fair(&self, down: u32) -> Price4 {
        let lost = u64::from(self.fair / TICK) * u64::from(down) / 1_000_000;
        Price4((self.fair - lost as u32 * TICK).max(*FAIR.start()))
    }

    /// The best price of a side if the fair price alone decided.
    fn natural(&self, side: Side, fair: Price4) -> u32 {
        let spread = self.half_spread * TICK;
        if side.is_buy() { fair.0 - TICK - spread } else { fair.0 + spread }
    }

    /// The price `distance` ticks behind the best of `side`, or before it if negative, that does not meet the other side.
    ///
    /// Where the book has a hole, the natural best price counts as the best; and so everywhere while the market `moves` as a whole.
    pub(super) fn quote(
        &self,
        side: Side,
        distance: i32,
        best: Best,
        fair: Price4,
        moves: bool,
    ) -> Price4 {
        let natural = self.natural(side, fair);
        let (own, other) = if side.is_buy() { (best.bid, best.ask) } else { (best.ask, best.bid) };
        let own = own.filter(|_| !moves).unwrap_or(natural);
        // Nothing to meet: no reason to give way.
        let distance = if other.is_none() { distance.max(0) } else { distance };
        let depth = Self::depth(natural, distance);
        Price4(if side.is_buy() {
            let price = own.max(natural).saturating_add_signed(-depth);
            other.map_or(price, |ask| price.min(ask - TICK))
        } else {
            let price = own.min(natural).saturating_add_signed(depth);
            other.map_or(price, |bid| price.max(bid + TICK))
        })
    }

    /// As [`Opinion::quote`] while nothing trades: the fair price alone decides, and one who wants to trade goes beyond it.
    pub(super) fn uncross(&self, side: Side, distance: i32, fair: Price4) -> Price4 {
        let natural = self.natural(side, fair);
        let depth = Self::depth(natural, distance);
        let depth = if side.is_buy() { -depth } else { depth };
        Price4(natural.saturating_add_signed(depth))
    }

    /// A quarter of the price is as deep as it gets.
    fn depth(natural: u32, distance: i32) -> i32 {
        distance.min((natural / TICK / 4) as i32) * TICK as i32
    }

    /// The side that the next execution takes: three times in four the one that brings the book to the fair price.
    pub(super) fn taken_side(best: Best, fair: Price4, random: &mut Random) -> Option<Side> {
        let side = if best.middle()? < fair.0 { Side::SELL } else { Side::BUY };
        Some(if random.below(4) > 0 { side } else { side.opposite() })
    }
}
