//! What a feed did that it should not have: counted by kind, once for each time it happens, the first one kept.

use crate::base::message::Market;
use crate::base::unit::{InstrumentId, Seq};

macro_rules! anomalies {
    ($($(#[$doc:meta])* $name:ident = $text:expr,)*) => {
        /// A kind of anomaly.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Anomaly { $($(#[$doc])* $name,)* }

        impl Anomaly {
            /// All kinds, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, as reports print it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

anomalies! {
    /// An execution, cancel, delete or replace of an order that is not alive, or not in the message's instrument.
    UnknownReference = "unknown_reference",
    /// An order enters under a reference that is alive: it is not added.
    DuplicateReference = "duplicate_reference",
    /// More was executed or cancelled than was open: the order is removed.
    OverExecution = "over_execution",
    /// The best bid rose above the best ask while the instrument was open.
    Crossed = "crossed",
    /// The best bid came to equal the best ask while the instrument was open.
    Locked = "locked",
    /// An order enters at a price that is not above zero, or above 200,000: it is not added. A level is set at one that
    /// is not above zero, or from 2^62 on: it is not set.
    PriceOutOfRange = "price_out_of_range",
    /// An order enters with more than 2^32 - 1, or a level is set to more than 2^63 - 1: not applied.
    QuantityOutOfRange = "quantity_out_of_range",
    /// An order enters with nothing: it is not added.
    ZeroQuantity = "zero_quantity",
    /// An order enters, or a level is set, that is neither to buy nor to sell: not applied.
    UnknownSide = "unknown_side",
    /// A message about an instrument that has none, or one beyond the table: not applied.
    UnknownInstrument = "unknown_instrument",
    /// No room for the order or its level: it is not added, and its instrument is stale from here on.
    PoolExhausted = "pool_exhausted",
    /// An order enters a book of levels without orders, or a level is set in a book of orders: not applied.
    MixedDepth = "mixed_depth",
}

/// The first message that did it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// Its sequence.
    pub sequence: Seq,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its order reference.
    pub reference: u64,
}

/// Counts by kind.
#[derive(Clone, Debug, Default)]
pub struct Anomalies {
    kinds: [(u64, Option<Example>); Anomaly::ALL.len()],
}

impl Anomalies {
    /// How often `kind` happened.
    pub fn count(&self, kind: Anomaly) -> u64 {
        self.kinds[kind as usize].0
    }

    /// How often anything happened.
    pub fn total(&self) -> u64 {
        self.kinds.iter().map(|(count, _)| count).sum()
    }

    /// Every kind: its name, how often it happened, and the first time.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64, Option<Example>)> {
        Anomaly::ALL
            .iter()
            .zip(&self.kinds)
            .map(|(kind, &(count, first))| (kind.name(), count, first))
    }

    #[cold]
    pub(super) fn add(&mut self, kind: Anomaly, instrument: InstrumentId, m: &Market) {
        let (count, first) = &mut self.kinds[kind as usize];
        *count += 1;
        let example = Example { sequence: m.head.cause, instrument, reference: m.reference };
        first.get_or_insert(example);
    }
}
