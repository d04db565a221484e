//! Positions, cost, P&L, fees and the account's figures: from reports and marks only.
//!
//! [`Holding`] is one instrument and what a fill makes of it, at average cost or first in, first out ([`Method`]);
//! `lots` are FIFO's open lots; [`fees`] what a fill costs; [`account`] the sums over all instruments, kept as each
//! changes.
//!
//! All room is taken at the start; nothing here allocates after it.
#![forbid(unsafe_code)]

pub mod account;
pub mod fees;
mod holding;
mod lots;
#[cfg(test)]
mod tests;

pub use account::{Capital, Figures};
pub use fees::Schedule;
pub use holding::{Holding, share};

use crate::base::message::Report;
use crate::base::unit::{InstrumentId, Liquidity, Money, Price, Qty, Side};
use account::{Part, Totals, capped};
use holding::Average;
use lots::{Fifo, Pool, Queue};

/// Which part of a position's cost a close takes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The same for each unit that is held.
    #[default]
    Average,
    /// That of the units held longest.
    Fifo,
}

/// How a portfolio counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How cost is counted.
    pub method: Method,
    /// FIFO only: open lots at most, of all instruments, beside one for each. Those beyond join their instrument's youngest.
    pub lots_max: usize,
    /// What fills cost, beside what reports say.
    pub schedule: Schedule,
    /// What the account begins with.
    pub capital: Capital,
}

impl Default for Settings {
    /// Average cost, no fees, no cash.
    fn default() -> Self {
        Self {
            method: Method::default(),
            // A fill that closes all of them at once takes 20 us or so (bench `operations`).
            lots_max: 4096,
            schedule: Schedule::default(),
            capital: Capital::default(),
        }
    }
}

/// What was traded: a fill's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trade {
    /// Which way.
    pub side: Side,
    /// At what.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// What it did to the venue's book; if it is not known, the schedule's venue fee is left out.
    pub liquidity: Liquidity,
    /// What the report says that it cost, beside the schedule; negative for a rebate.
    pub fee: Money,
}

impl From<&Report> for Trade {
    fn from(report: &Report) -> Self {
        let Report { side, price, qty, liquidity, .. } = *report;
        Self { side, price, qty, liquidity, fee: Money(report.fee.into()) }
    }
}

/// An instrument's place: two cache lines.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Place {
    holding: Holding,
    /// What the position is worth at the mark, as it counts in the sums.
    value: i128,
    /// What it is valued at: the mark that was given, or else the price of the last fill.
    mark: Price,
    /// Whether a mark was given.
    marked: bool,
}

const _: () = assert!(size_of::<Place>() == 128, "two cache lines");

impl Place {
    #[inline]
    fn part(&self) -> Part {
        let Holding { realised, cost, fees, .. } = self.holding;
        Part {
            realised: capped(realised),
            cost: capped(cost),
            fees: capped(fees),
            value: self.value,
        }
    }
}

/// Everything that is held.
pub struct Portfolio {
    settings: Settings,
    /// By instrument.
    rows: Vec<Place>,
    /// By instrument; none at average cost.
    queues: Vec<Queue>,
    pool: Pool,
    totals: Totals,
    /// Lots traded so far: what tiers go by. A portfolio is of one day.
    traded_so_far: Qty,
}

impl Portfolio {
    /// A flat portfolio of so many instruments: average cost, no fees.
    pub fn new(instruments: usize) -> Self {
        Self::with(Settings::default(), instruments)
    }

    /// A flat portfolio of so many instruments. All memory is taken and touched here.
    pub fn with(settings: Settings, instruments: usize) -> Self {
        let (queues, lots) = Self::room(&settings, instruments);
        Self {
            settings,
            rows: vec![Place::default(); instruments],
            queues: vec![Queue::EMPTY; queues],
            pool: Pool::new(lots),
            totals: Totals::default(),
            traded_so_far: Qty::ZERO,
        }
    }

    /// Memory that such a portfolio takes.
    pub fn bytes(settings: &Settings, instruments: usize) -> usize {
        let (queues, lots) = Self::room(settings, instruments);
        instruments * size_of::<Place>() + queues * size_of::<Queue>() + Pool::bytes(lots)
    }

    /// Queues of lots, and lots in the pool.
    fn room(settings: &Settings, instruments: usize) -> (usize, usize) {
        match settings.method {
            Method::Average => (0, 0),
            Method::Fifo => (instruments, settings.lots_max),
        }
    }

    /// Units of the underlying in one lot of an instrument, for one that was not traded yet.
    pub fn set_multiplier(&mut self, instrument: InstrumentId, multiplier: u32) {
        let Some(row) = self.rows.get_mut(instrument.index()) else { return };
        let holding = Holding { multiplier, ..Holding::default() };
        let fresh = Place { holding, value: 0, ..*row };
        self.totals.change(&row.part(), &fresh.part());
        *row = fresh;
        if let Some(queue) = self.queues.get_mut(instrument.index()) {
            self.pool.clear(queue);
        }
    }

    /// Takes in a fill of which it is not known what it did to the venue's book. False if the instrument has no place here:
    /// nothing was changed.
    pub fn fill(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Money,
    ) -> bool {
        self.on_fill(instrument, &Trade { side, price, qty, fee, ..Trade::default() })
    }

    /// Takes back such a fill. False if the instrument has no place here: nothing was changed.
    pub fn void(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Money,
    ) -> bool {
        self.on_void(instrument, &Trade { side, price, qty, fee, ..Trade::default() })
    }

    /// Takes in a fill, with what its report and the schedule say that it cost. False if the instrument has no place here:
    /// nothing was changed.
    #[inline]
    pub fn on_fill(&mut self, instrument: InstrumentId, trade: &Trade) -> bool {
        self.change(instrument, trade, false)
    }

    /// Takes a fill back, told as it was told to [`Portfolio::on_fill`]: position, fees and P&L in all are as if it had
    /// never been. What of the P&L is realised may not be: what closes took of the cost had the fill in it. Where it is
    /// FIFO's youngest lot, it is simply gone.
    #[inline]
    pub fn on_void(&mut self, instrument: InstrumentId, trade: &Trade) -> bool {
        self.change(instrument, trade, true)
    }

    #[inline]
    fn change(&mut self, instrument: InstrumentId, trade: &Trade, void: bool) -> bool {
        let Some(row) = self.rows.get_mut(instrument.index()) else { return false };
        let Trade { side, price, qty, liquidity, fee } = *trade;
        // Tiers are marginal: without the last fill, the period costs what it would have cost before it.
        let before = if void { self.traded_so_far.saturating_sub(qty) } else { self.traded_so_far };
        let after = if void { before } else { before.saturating_add(qty) };
        let multiplier = row.holding.multiplier;
        let due = self.settings.schedule.fee(before, price, qty, multiplier, liquidity);
        let fee = Money(fee.0.saturating_add(due.0));
        let part = row.part();
        let holding = &mut row.holding;
        match (self.queues.get_mut(instrument.index()), void) {
            (None, false) => holding.fill_by(&mut Average, side, price, qty, fee),
            (None, true) => holding.void_by(&mut Average, side, price, qty, fee),
            (Some(queue), void) => {
                let mut costs = Fifo { queue, pool: &mut self.pool };
                if void {
                    holding.void_by(&mut costs, side, price, qty, fee);
                } else {
                    holding.fill_by(&mut costs, side, price, qty, fee);
                }
            }
        }
        if !row.marked && !void {
            row.mark = price;
        }
        row.value = capped(row.holding.value(row.mark));
        self.totals.change(&part, &row.part());
        self.traded_so_far = after;
        true
    }

    /// Values an instrument at `price` from here on. Until the first mark it is valued at its last fill. False if the
    /// instrument has no place here: nothing was changed.
    #[inline]
    pub fn mark(&mut self, instrument: InstrumentId, price: Price) -> bool {
        let Some(row) = self.rows.get_mut(instrument.index()) else { return false };
        (row.mark, row.marked) = (price, true);
        let value = capped(row.holding.value(price));
        self.totals.revalue(row.value, value);
        row.value = value;
        true
    }

    /// What is held of an instrument.
    pub fn holding(&self, instrument: InstrumentId) -> Holding {
        self.rows.get(instrument.index()).map(|row| row.holding).unwrap_or_default()
    }

    /// What an instrument's position would bring at its mark, less its cost.
    pub fn unrealised(&self, instrument: InstrumentId) -> Money {
        let row = self.rows.get(instrument.index());
        row.map(|row| row.holding.unrealised(row.mark)).unwrap_or_default()
    }

    /// The account's figures. They take the same time whatever is held.
    #[inline]
    pub fn figures(&self) -> Figures {
        self.totals.figures(&self.settings.capital)
    }

    /// FIFO's lots that joined another of another price, because the pool was full.
    pub fn merged_lots(&self) -> u64 {
        self.pool.merged
    }

    /// The instruments that were ever traded.
    pub fn traded(&self) -> impl Iterator<Item = (InstrumentId, &Holding)> {
        let numbered = self.rows.iter().enumerate();
        numbered
            .filter(|(_, row)| row.holding.is_traded())
            .map(|(index, row)| (InstrumentId(index as u32), &row.holding))
    }
}
