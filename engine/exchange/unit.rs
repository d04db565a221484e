//! The exchange's numbers with their units, as its protocols say them.

use crate::base::instrument::Symbol;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub $inner);
    };
}

number! {
    /// The day's number of a symbol, from 1: ITCH's stock locate.
    Locate(u16)
}
number! {
    /// A price in 1e-4 of the dollar, as ITCH writes it.
    Price4(u32)
}
number! {
    /// The exchange's number of an order, from 1, in the order of arrival; never used twice in a day.
    Reference(u64)
}
number! {
    /// The number of an execution or a cross, from 1.
    MatchNumber(u64)
}
number! {
    /// Who trades: an account at the exchange. Orders of one participant can be kept from meeting each other, and go together.
    Participant(u32)
}

impl Price4 {
    /// The price of a market order to buy: no limit.
    pub const MAX: Self = Self(u32::MAX);
}

impl Locate {
    /// The symbol of a made-up market with this locate: AAAB, AAAC, ...
    pub fn symbol(self) -> Symbol {
        let mut symbol = Symbol::BLANK;
        let mut rest = u32::from(self.0);
        for letter in symbol.0[..4].iter_mut().rev() {
            *letter = b'A' + (rest % 26) as u8;
            rest /= 26;
        }
        symbol
    }
}
