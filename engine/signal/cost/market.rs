//! What a cost depends on in the market: spread, volume, volatility. Checked when made, so that estimates need no checks.

use super::CostError;
use crate::base::unit::Qty;
use crate::book::Top;

/// Hundredths of a percent of a reference price.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct BasisPoints(pub f64);

/// A bid-ask spread, relative to the mid: 0 (locked) to 20,000 bp (a bid of nothing).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Spread(f64);

impl Spread {
    /// A spread known from elsewhere.
    pub fn new(spread: BasisPoints) -> Result<Self, CostError> {
        within(spread.0, 0.0, 20_000.0, CostError::Spread).map(Self)
    }

    /// The spread of a book; refused where a side is empty, or the sides have crossed.
    #[inline]
    pub fn of(top: &Top) -> Result<Self, CostError> {
        if top.bid.0 <= 0 || top.ask.0 <= 0 {
            return Err(CostError::OneSided);
        }
        if top.ask < top.bid {
            return Err(CostError::Crossed);
        }
        // Both are above zero: the difference fits. The mid is half of the sum.
        let (width, sum) = ((top.ask.0 - top.bid.0) as f64, top.ask.0 as f64 + top.bid.0 as f64);
        Ok(Self(2e4 * width / sum))
    }

    /// Half of it: what crossing costs.
    #[inline]
    pub fn half(self) -> BasisPoints {
        BasisPoints(self.0 / 2.0)
    }
}

/// How much an instrument trades in a day, and how far its price moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Liquidity {
    /// σ, bp.
    daily_volatility: f64,
    /// σ / √V: the move that goes with one lot, bp.
    lot_move: f64,
}

impl Liquidity {
    /// `daily_volume`: average, in the instrument's lots, at least one. `daily_volatility`: standard deviation of a day's
    /// return, 0.01 to 100,000 bp. Both may be of another period instead, if it is the same.
    pub fn new(daily_volume: Qty, daily_volatility: BasisPoints) -> Result<Self, CostError> {
        if daily_volume == Qty::ZERO {
            return Err(CostError::Volume);
        }
        let daily_volatility = within(daily_volatility.0, 0.01, 1e5, CostError::Volatility)?;
        let lot_move = daily_volatility / (daily_volume.0 as f64).sqrt();
        Ok(Self { daily_volatility, lot_move })
    }

    /// Standard deviation of a day's return.
    #[inline]
    pub fn daily_volatility(&self) -> BasisPoints {
        BasisPoints(self.daily_volatility)
    }

    /// How far the price moves, in bp, while `qty` trades: σ √(qty / V).
    #[inline]
    pub(super) fn move_of(&self, qty: Qty) -> f64 {
        self.lot_move * (qty.0 as f64).sqrt()
    }
}

/// `value`, if it is in `least..=most`; a NaN is not.
pub(super) fn within(
    value: f64,
    least: f64,
    most: f64,
    error: fn(f64) -> CostError,
) -> Result<f64, CostError> {
    if (least..=most).contains(&value) { Ok(value) } else { Err(error(value)) }
}
