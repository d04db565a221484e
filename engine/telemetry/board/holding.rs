//! What is held, by instrument: figures that are read as a whole.
//!
//! Each instrument has two sets of figures, and a version whose lowest bit says which of them is the last. The writer fills
//! the other one and then counts the version up; it never waits. A reader that finds another version afterwards reads
//! again: only then can what it read have been overwritten. So a writer that is put to sleep in the middle holds up
//! nobody. Instruments that were traded stand in a list, so that a reader looks at no others.
#![forbid(unsafe_code)]

use crate::base::unit::{InstrumentId, Money, Position, Price, Qty};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};

/// A reader that is overtaken so often gives up, and shows what it has: fills do not come that fast.
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

/// One instrument.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place {
    version: AtomicU64,
    sets: [[AtomicI64; FIGURES]; 2],
}

const _: () = assert!(size_of::<Place>() == 128, "two cache lines");

impl Place {
    fn set(&self, version: u64) -> &[AtomicI64; FIGURES] {
        &self.sets[(version % 2) as usize]
    }

    /// For one writer. Returns the version before: 0 if this is the first time.
    fn write(&self, held: &Held) -> u64 {
        let version = self.version.load(Ordering::Relaxed);
        // Release: whoever sees a figure stored below sees the version before it too; pairs with the fence in `read`.
        fence(Ordering::Release);
        for (figure, value) in self.set(version + 1).iter().zip(held.to_figures()) {
            figure.store(value, Ordering::Relaxed);
        }
        // Release: publishes the figures; pairs with the first load in `read`.
        self.version.store(version + 1, Ordering::Release);
        version
    }

    fn read(&self) -> Held {
        let mut tries = 0;
        loop {
            let version = self.version.load(Ordering::Acquire);
            let read = self.set(version).each_ref().map(|figure| figure.load(Ordering::Relaxed));
            // Acquire: if a figure was of a later version, that one is seen below; pairs with the fence in `write`.
            fence(Ordering::Acquire);
            tries += 1;
            if self.version.load(Ordering::Relaxed) == version || tries == TRIES_MAX {
                return Held::from_figures(read);
            }
        }
    }
}

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
        if place.write(held) == 0 {
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
            (instrument, self.places[instrument.index()].read())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn money_beyond_a_figure_is_the_largest_that_fits() {
        let holdings = Holdings::new(1);
        let beyond = Money(i128::from(i64::MAX) + 1);
        let held = Held { cost: beyond, realised: Money(-beyond.0 * 2), ..Held::default() };
        holdings.write(InstrumentId(0), &held);
        let (_, read) = holdings.read().next().unwrap();
        assert_eq!((read.cost.0, read.realised.0), (i64::MAX.into(), i64::MIN.into()));
    }

    /// All that is held follows from one number: what is mixed of two is found.
    fn of(n: u32) -> Held {
        Held {
            position: Position(i64::from(n)),
            average_cost: Price(i64::from(n) * 2),
            cost: Money(i128::from(n) * 3),
            realised: Money(-i128::from(n)),
            fees: Money(i128::from(n) * 5),
            traded: Qty(u64::from(n) * 7),
            multiplier: n,
        }
    }

    #[test]
    fn what_is_read_while_it_is_written_is_whole_and_never_older_than_before() {
        let (holdings, done) = (Holdings::new(1), AtomicBool::new(false));
        holdings.write(InstrumentId(0), &of(1));
        thread::scope(|scope| {
            scope.spawn(|| {
                (2..=2_000_000).for_each(|n| holdings.write(InstrumentId(0), &of(n)));
                done.store(true, Ordering::Release);
            });
            let mut last = 1;
            while !done.load(Ordering::Acquire) {
                let (_, held) = holdings.read().next().unwrap();
                assert_eq!(held, of(held.multiplier));
                assert!(held.multiplier >= last);
                last = held.multiplier;
            }
        });
        assert_eq!(holdings.read().next(), Some((InstrumentId(0), of(2_000_000))));
    }

    #[test]
    fn a_writer_that_sleeps_in_the_middle_is_not_waited_for() {
        let place = Place::default();
        for n in 1..=3 {
            place.write(&of(n));
            let version = place.version.load(Ordering::Relaxed);
            place.set(version + 1)[0].store(77, Ordering::Relaxed);
            assert_eq!(place.read(), of(n));
        }
    }
}
