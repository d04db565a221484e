//! What is held, by instrument: figures that are read as a whole.
//!
//! A version stands beside each: odd while it is written. A reader that finds it odd, or another one afterwards, reads
//! again. The writer never waits. Instruments that were traded stand in a list, so that a reader looks at no others.
#![forbid(unsafe_code)]

use crate::base::unit::{InstrumentId, Money, Position, Price, Qty};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};

/// A writer needs nanoseconds; one that was put to sleep in the middle is not waited for.
const TRIES_MAX: u32 = 1_000;
const FIGURES: usize = 7;

/// What is held of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Long above zero, short below.
    pub position: Position,
    /// The price at which the open position was made, on average; 0 when flat.
    pub average_cost: Price,
    /// What the open position cost (negative: what its sale brought).
    pub cost: Money,
    /// Profit of what was closed, before fees.
    pub realised: Money,
    /// Fees paid, less rebates.
    pub fees: Money,
    /// Lots bought and sold so far.
    pub traded: Qty,
    /// Units of the underlying in one lot.
    pub multiplier: u32,
}

impl Default for Held {
    /// Nothing, of an instrument whose lots are one unit each.
    fn default() -> Self {
        Self {
            position: Position(0),
            average_cost: Price(0),
            cost: Money::ZERO,
            realised: Money::ZERO,
            fees: Money::ZERO,
            traded: Qty::ZERO,
            multiplier: 1,
        }
    }
}

impl Held {
    fn to_figures(self) -> [i64; FIGURES] {
        [
            self.position.0,
            self.average_cost.0,
            capped(self.cost),
            capped(self.realised),
            capped(self.fees),
            self.traded.signed(),
            i64::from(self.multiplier),
        ]
    }

    fn from_figures(figures: [i64; FIGURES]) -> Self {
        let [position, average_cost, cost, realised, fees, traded, multiplier] = figures;
        Self {
            position: Position(position),
            average_cost: Price(average_cost),
            cost: Money(cost.into()),
            realised: Money(realised.into()),
            fees: Money(fees.into()),
            traded: Qty(traded as u64),
            multiplier: multiplier as u32,
        }
    }
}

/// What fits in one figure: up to 9.2 billion of the currency. The books that count are the portfolio's.
fn capped(money: Money) -> i64 {
    i64::try_from(money.0).unwrap_or(if money.0 < 0 { i64::MIN } else { i64::MAX })
}

/// One instrument: a cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place {
    version: AtomicU64,
    figures: [AtomicI64; FIGURES],
}

const _: () = assert!(size_of::<Place>() == 64, "one cache line");

/// All instruments.
#[derive(Debug)]
pub(super) struct Holdings {
    places: Box<[Place]>,
    /// Ids of those that were traded, in the order in which they first were.
    traded: Box<[AtomicU64]>,
    count: AtomicU64,
}

impl Holdings {
    pub(super) fn new(instruments: usize) -> Self {
        Self {
            places: (0..instruments).map(|_| Place::default()).collect(),
            traded: (0..instruments).map(|_| AtomicU64::new(0)).collect(),
            count: AtomicU64::new(0),
        }
    }

    /// For one writer.
    pub(super) fn write(&self, instrument: InstrumentId, held: &Held) {
        let Some(place) = self.places.get(instrument.index()) else { return };
        let version = place.version.load(Ordering::Relaxed);
        place.version.store(version + 1, Ordering::Relaxed);
        // Release: whoever sees a figure stored below sees the odd version too; pairs with the fence in `read_place`.
        fence(Ordering::Release);
        for (figure, value) in place.figures.iter().zip(held.to_figures()) {
            figure.store(value, Ordering::Relaxed);
        }
        // Release: publishes the figures; pairs with the first load in `read_place`.
        place.version.store(version + 2, Ordering::Release);
        if version == 0 {
            let count = self.count.load(Ordering::Relaxed);
            // Each instrument is new once: there is a place.
            self.traded[count as usize].store(instrument.0.into(), Ordering::Relaxed);
            // Release: publishes the id; pairs with the load in `read`.
            self.count.store(count + 1, Ordering::Release);
        }
    }

    /// Those that were traded, in the order in which they first were.
    pub(super) fn read(&self) -> impl Iterator<Item = (InstrumentId, Held)> {
        let count = self.count.load(Ordering::Acquire) as usize;
        self.traded[..count].iter().map(|id| {
            let instrument = InstrumentId(id.load(Ordering::Relaxed) as u32);
            (instrument, read_place(&self.places[instrument.index()]))
        })
    }
}

fn read_place(place: &Place) -> Held {
    let figures = || place.figures.each_ref().map(|figure| figure.load(Ordering::Relaxed));
    for _ in 0..TRIES_MAX {
        let before = place.version.load(Ordering::Acquire);
        let read = figures();
        // Acquire: if a figure was of a later version, that one is seen below; pairs with the fence in `write`.
        fence(Ordering::Acquire);
        if before.is_multiple_of(2) && place.version.load(Ordering::Relaxed) == before {
            return Held::from_figures(read);
        }
        std::hint::spin_loop();
    }
    Held::from_figures(figures())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_beyond_a_figure_is_the_largest_that_fits() {
        let holdings = Holdings::new(1);
        let beyond = Money(i128::from(i64::MAX) + 1);
        let held = Held { cost: beyond, realised: Money(-beyond.0 * 2), ..Held::default() };
        holdings.write(InstrumentId(0), &held);
        let (_, read) = holdings.read().next().unwrap();
        assert_eq!((read.cost.0, read.realised.0), (i64::MAX.into(), i64::MIN.into()));
    }

    #[test]
    fn a_writer_that_sleeps_in_the_middle_is_not_waited_for() {
        let place = Place::default();
        place.version.store(3, Ordering::Relaxed);
        assert_eq!(read_place(&place).position, Position(0));
    }
}
