//! Instruments: their symbols, what the engine must know of each, and the table of all.
//!
//! An [`InstrumentId`] is a place in the table, in order of adding: instruments are only ever added, so an id never changes
//! its meaning. The table is cold: it is filled at the start of a day, and hot paths keep arrays by id beside it.
#![forbid(unsafe_code)]

mod csv;
mod symbol;

pub(crate) use csv::decimal;
pub use csv::{TableError, TableProblem};
pub use symbol::{Symbol, SymbolError, Symbols};

use super::unit::{InstrumentId, Price, Qty, ShardId};
use std::collections::BTreeMap;

/// What the engine must know of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its name at the venue.
    pub symbol: Symbol,
    /// Where it trades: market identifier code (ISO 10383).
    pub venue: [u8; 4],
    /// Smallest step of its price.
    pub tick: Price,
    /// Smallest quantity that an order can have, and the step of all others.
    pub lot: Qty,
    /// Units of the underlying in one of its quantity.
    pub multiplier: u32,
    /// Last close; 0: unknown.
    pub previous_close: Price,
    /// Average quantity traded in a day; 0: unknown.
    pub average_volume: Qty,
    /// Currency of its prices (ISO 4217).
    pub currency: [u8; 3],
    /// The book shard that owns it.
    pub shard: ShardId,
}

impl Instrument {
    /// A stock at Nasdaq of which nothing more is known: steps of a cent and of one share, in dollars, on the first shard.
    pub const fn new(symbol: Symbol) -> Self {
        Self {
            symbol,
            venue: *b"XNAS",
            tick: Price::from_e4(100),
            lot: Qty(1),
            multiplier: 1,
            previous_close: Price(0),
            average_volume: Qty::ZERO,
            currency: *b"USD",
            shard: ShardId(0),
        }
    }
}

/// All instruments; an [`InstrumentId`] is a place here.
#[derive(Clone, Debug, Default)]
pub struct InstrumentTable {
    instruments: Vec<Instrument>,
    ids: BTreeMap<Symbol, InstrumentId>,
}

impl InstrumentTable {
    /// The most instruments: as many as a day of ITCH has locate codes.
    pub const LEN_MAX: usize = 1 << 16;

    /// A table of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add `instrument` at the end. `None` if its symbol is already there, or the table is full.
    pub fn add(&mut self, instrument: Instrument) -> Option<InstrumentId> {
        if self.len() == Self::LEN_MAX || self.ids.contains_key(&instrument.symbol) {
            return None;
        }
        let id = InstrumentId(self.instruments.len() as u32);
        self.ids.insert(instrument.symbol, id);
        self.instruments.push(instrument);
        Some(id)
    }

    /// The instrument of `id`.
    pub fn get(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id.index())
    }

    /// The id of `symbol`.
    pub fn find(&self, symbol: Symbol) -> Option<InstrumentId> {
        self.ids.get(&symbol).copied()
    }

    /// How many there are; ids are below it.
    pub fn len(&self) -> usize {
        self.instruments.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.instruments.is_empty()
    }

    /// All of them with their ids, which rise from 0.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Instrument)> {
        (0..).map(InstrumentId).zip(&self.instruments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_places_in_order_of_adding() {
        let mut table = InstrumentTable::new();
        let symbol = |text: &str| text.parse::<Symbol>().unwrap();
        assert_eq!(table.add(Instrument::new(symbol("B"))), Some(InstrumentId(0)));
        assert_eq!(table.add(Instrument::new(symbol("A"))), Some(InstrumentId(1)));
        assert_eq!(table.add(Instrument::new(symbol("B"))), None);
        assert_eq!(
            (table.find(symbol("A")), table.find(symbol("C"))),
            (Some(InstrumentId(1)), None)
        );
        let ids: Vec<_> = table.iter().map(|(id, it)| (id.0, it.symbol.to_string())).collect();
        assert_eq!(ids, [(0, "B".into()), (1, "A".into())]);
        assert_eq!(table.get(InstrumentId(1)).map(|it| it.symbol), Some(symbol("A")));
        assert!(table.get(InstrumentId(2)).is_none() && table.get(InstrumentId::NONE).is_none());
    }

    #[test]
    fn a_full_table_takes_no_more() {
        let mut table = InstrumentTable::new();
        let instrument = |n: usize| Instrument::new(Symbol((n as u64).to_be_bytes()));
        assert!((0..InstrumentTable::LEN_MAX).all(|n| table.add(instrument(n)).is_some()));
        assert_eq!(table.add(instrument(InstrumentTable::LEN_MAX)), None);
    }
}
