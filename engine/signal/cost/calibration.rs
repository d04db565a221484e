//! The impact factor from observed costs: of one's own fills, or of walks through a book.
//!
//! Least squares through the origin of y = Y x, where y is an observed cost less half of the spread, and x the move that
//! goes with the quantity: Y = Σ x y / Σ x². Large costs weigh most, as they do in money.

use super::{BasisPoints, CostError, Liquidity, Spread, within};
use crate::base::unit::Qty;

/// Sums over the costs observed so far. Holds no samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calibration {
    /// Σ x y, bp².
    product: f64,
    /// Σ x², bp².
    square: f64,
}

impl Calibration {
    /// Adds what a market order cost, from the mid at the time it was sent. Below zero if the price came to meet it;
    /// what is not a number is left out.
    pub fn observe(&mut self, liquidity: &Liquidity, spread: Spread, qty: Qty, cost: BasisPoints) {
        let x = liquidity.move_of(qty);
        let y = cost.0 - spread.half().0;
        if y.is_finite() {
            self.product += x * y;
            self.square += x * x;
        }
    }

    /// The impact factor; refused if nothing was observed, or if no model would take it.
    pub fn impact_factor(&self) -> Result<f64, CostError> {
        if self.square == 0.0 {
            return Err(CostError::Unobserved);
        }
        within(self.product / self.square, 0.001, 1000.0, CostError::ImpactFactor)
    }
}
