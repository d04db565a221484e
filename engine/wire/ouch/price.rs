//! Prices on the wire: eight bytes in 1e-4 of the dollar, and four signed ones for offsets.

use crate::base::unit::Price;
use crate::wire::blank::Blank;
use std::fmt;
use zerocopy::byteorder::big_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// [`Price`]'s units in 1e-4 of the dollar.
const E4: i64 = 100_000;

/// A price: 1e-4 of the dollar in eight bytes.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct WirePrice(pub U64);

impl WirePrice {
    /// No limit: an order for a cross at any price.
    pub const MARKET: Self = Self::from_e4(0x7fff_ffff);
    /// The highest limit that the exchange takes: 199,999.99 dollars. It could be written higher.
    pub const LIMIT_MAX: Self = Self::from_e4(1_999_999_900);

    /// `number` of 1e-4 dollars.
    pub const fn from_e4(number: u64) -> Self {
        Self(U64::new(number))
    }

    /// In 1e-4 dollars.
    #[inline]
    pub const fn e4(self) -> u64 {
        self.0.get()
    }

    /// Whether this is [`MARKET`](Self::MARKET).
    pub fn is_market(self) -> bool {
        self == Self::MARKET
    }

    /// How `price` is written. It must be at least 0, a multiple of 1e-4, and not the number that stands for the market.
    pub fn from_price(price: Price) -> Result<Self, PriceError> {
        let number = u64::try_from(price.0).map_err(|_| PriceError::Negative)?;
        if !number.is_multiple_of(E4 as u64) {
            return Err(PriceError::TooFine);
        }
        let wire = Self::from_e4(number / E4 as u64);
        if wire.is_market() { Err(PriceError::Market) } else { Ok(wire) }
    }

    /// The price that is written. It must be a limit, and no more than a [`Price`] can say (9.2 billion dollars).
    #[inline]
    pub fn to_price(self) -> Result<Price, PriceError> {
        if self.is_market() {
            return Err(PriceError::Market);
        }
        let number = i64::try_from(self.e4()).ok().and_then(|number| number.checked_mul(E4));
        number.map(Price).ok_or(PriceError::TooLarge)
    }
}

impl fmt::Debug for WirePrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WirePrice({})", self.e4())
    }
}

impl Blank for WirePrice {
    const BLANK: Self = Self::from_e4(0);
}

/// How far a price lies from another: 1e-4 of the dollar, signed (two's complement), four bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireOffset(pub i32);

impl WireOffset {
    /// How `offset` is written. It must be a multiple of 1e-4 and within 214,748.3648 dollars.
    pub fn from_price(offset: Price) -> Result<Self, PriceError> {
        if offset.0 % E4 != 0 {
            return Err(PriceError::TooFine);
        }
        i32::try_from(offset.0 / E4).map(Self).map_err(|_| PriceError::TooLarge)
    }

    /// The offset that is written.
    pub const fn to_price(self) -> Price {
        Price(self.0 as i64 * E4)
    }
}

/// Why a price cannot be said on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceError {
    /// A price below 0 cannot be written.
    Negative,
    /// The price is no multiple of 1e-4.
    TooFine,
    /// The number stands for "no limit": it is not a price, and the price that it would be cannot be written.
    Market,
    /// The price is beyond the numbers there.
    TooLarge,
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Negative => "OUCH has no price below 0",
            Self::TooFine => "OUCH has no price finer than 0.0001",
            Self::Market => "214748.3647 stands for a market order in OUCH",
            Self::TooLarge => "the price is too large to be said",
        })
    }
}

impl std::error::Error for PriceError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_price_keeps_its_value_on_the_wire() {
        let wire = WirePrice::from_price(Price(150_000_100_000)).unwrap();
        assert_eq!(wire.as_bytes(), [0, 0, 0, 0, 0, 0x16, 0xe3, 0x61]);
        assert_eq!(wire.to_price(), Ok(Price(150_000_100_000)));
        assert_eq!(WirePrice::LIMIT_MAX.to_price(), Ok(Price(199_999_990_000_000)));
        assert_eq!(WirePrice::from_price(Price(0)), Ok(WirePrice::from_e4(0)));
    }

    #[test]
    fn what_cannot_be_said_is_an_error() {
        for (price, error) in [
            (Price(-1), PriceError::Negative),
            (Price(-100_000), PriceError::Negative),
            (Price(i64::MIN), PriceError::Negative),
            (Price(1), PriceError::TooFine),
            (Price(100_001), PriceError::TooFine),
            (Price(214_748_364_700_000), PriceError::Market),
        ] {
            assert_eq!(WirePrice::from_price(price), Err(error), "{price}");
        }
        assert_eq!(WirePrice::MARKET.as_bytes(), [0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(WirePrice::MARKET.to_price(), Err(PriceError::Market));
        let last = 92_233_720_368_547;
        assert_eq!(WirePrice::from_e4(last).to_price(), Ok(Price(last as i64 * E4)));
        for number in [last + 1, 1 << 63, u64::MAX] {
            assert_eq!(WirePrice::from_e4(number).to_price(), Err(PriceError::TooLarge));
        }
    }

    #[test]
    fn offsets_have_a_sign() {
        assert_eq!(WireOffset::from_price(Price(-100_000)), Ok(WireOffset(-1)));
        assert_eq!(WireOffset(i32::MIN).to_price(), Price(-214_748_364_800_000));
        assert_eq!(WireOffset::from_price(Price(-50_000)), Err(PriceError::TooFine));
        for price in [214_748_364_800_000, -214_748_364_900_000] {
            assert_eq!(WireOffset::from_price(Price(price)), Err(PriceError::TooLarge));
        }
    }

    proptest! {
        #[test]
        fn what_can_be_said_comes_back(number in any::<u64>(), offset in any::<i32>()) {
            let wire = WirePrice::from_e4(number);
            if let Ok(price) = wire.to_price() {
                prop_assert_eq!(WirePrice::from_price(price), Ok(wire));
            }
            let offset = WireOffset(offset);
            prop_assert_eq!(WireOffset::from_price(offset.to_price()), Ok(offset));
        }
    }
}
