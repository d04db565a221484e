//! What an order will cost, estimated before it is sent: in basis points of a reference price, and in money.
//!
//! ```text
//! σ  daily volatility, bp          V  average daily volume, lots        s  bid-ask spread, bp of the mid
//! Q  quantity of the order, lots   A  what trades before it, lots       move(x) = σ √(x / V), bp
//!
//! market(Q)    = s/2 + Y move(Q)                                        from the mid
//! limit(Q, A)  = s/2 + move(A + Q) / √(2π h) + a market(Q)              from the mid
//! stop(Q)      = g σ + market(Q)                                        from the trigger price
//! ```
//!
//! * **Market.** Half of the spread is crossed; the rest is the *square-root impact law*: a quantity Q of a day's volume
//!   V moves the price by its square root, times volatility, times a factor Y near one, whatever the market (Torre and
//!   Ferrari, *BARRA Market Impact Model Handbook*, 1997; Tóth et al., *Phys. Rev. X* 1, 021006, 2011; Bouchaud et al.,
//!   *Trades, Quotes and Prices*, 2018). It was found for orders worked over minutes to days, of about 1e-5 to 0.1 of
//!   V: beyond that it is an extrapolation. What an order finds in the book is less where its first level holds it: the
//!   law also counts how the book closes behind it. σ and V may be of any period, as long as it is the same: over t
//!   periods σ grows by √t and V by t, and `move` stays as it is (g is then of that period's σ).
//! * **Limit.** Three costs. *Half of the spread*, charged and not earned: a resting order gets it only when filled, and
//!   pays it when it must be chased; who trusts in the fill takes [`Estimate::spread`] off twice. *Queue risk*: until
//!   A + Q have traded at one side, a share h of the volume, a time t = (A + Q) / (h V) passes; a price that diffuses is
//!   then σ √(t / 2π) away on average, counting only moves that leave the order behind (E max(0, σ B(t))). *Adverse
//!   selection*: who fills us pays what a market order of our size pays, and a part `a` of it stays in the price,
//!   against us (Glosten and Milgrom, *J. Financial Economics* 14, 1985: all of it; Farmer et al., *Quantitative
//!   Finance* 13, 2013: two thirds of the impact).
//! * **Stop.** When the trigger trades, the price does not wait there: it is a gap further, a part g of a day's volatility,
//!   and then a market order is sent.
//!
//! This is not called Almgren-Chriss, although the square-root law often is: that model is linear in the quantity, and
//! answers another question (`signal::almgren_chriss`).
//!
//! What always holds: an order of no size costs nothing; any other costs more than nothing, and never less than a
//! smaller one, or than itself in a calmer, busier or tighter market. A call is a square root or two and some
//! products, and allocates nothing: 3 ns for a market order in basis points, 20 ns for a limit order in money (shared VM,
//! AMD EPYC). Only operations that IEEE 754 rounds exactly are used: every machine gives the same bits.

mod calibration;
mod error;
mod market;

#[cfg(test)]
mod tests;

pub use calibration::Calibration;
pub use error::CostError;
pub use market::{BasisPoints, Liquidity, Spread};

use crate::base::unit::{Money, Price, Qty};
use market::within;
use std::f64::consts::TAU;

/// What the formulas leave open. Pure numbers; `Calibration` finds the impact factor from costs that were observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// Y: impact of a whole day's volume, in daily volatilities; 0.001 to 1,000. The literature finds 0.5 to 1.
    pub impact_factor: f64,
    /// h: share of the volume that trades at one side of the book; 0.001 to 1.
    pub side_share: f64,
    /// a: share of what a taker pays that stays in the price; 0 to 10.
    pub adverse_share: f64,
    /// g: how far beyond a trigger the price is when it trades, in daily volatilities; 0 to 10.
    pub gap_share: f64,
}

impl Default for Parameters {
    /// For want of better: Y = 1, the upper end of the literature; h = 0.4, half of the volume less crosses and hidden
    /// orders; a = 1, a taker knows as much as it pays; g = 0.01, two basis points where a day moves by 2 %. An hour of
    /// a futures book and one of a Nasdaq book gave Y (of walks) 0.9 and 1.6, h 0.5 and 0.3, a 0.9 and 1.3 (ten seconds
    /// after the fill), g 0.003 and 0.002.
    fn default() -> Self {
        Self { impact_factor: 1.0, side_share: 0.4, adverse_share: 1.0, gap_share: 0.01 }
    }
}

/// Estimates costs. Made once, asked for every order.
#[derive(Clone, Copy, Debug)]
pub struct CostModel {
    parameters: Parameters,
    /// 1 / √(2π h).
    queue_factor: f64,
}

impl CostModel {
    /// A model with these parameters, if they are in range.
    pub fn new(parameters: Parameters) -> Result<Self, CostError> {
        let Parameters { impact_factor, side_share, adverse_share, gap_share } = parameters;
        within(impact_factor, 0.001, 1000.0, CostError::ImpactFactor)?;
        within(side_share, 0.001, 1.0, CostError::SideShare)?;
        within(adverse_share, 0.0, 10.0, CostError::AdverseShare)?;
        within(gap_share, 0.0, 10.0, CostError::GapShare)?;
        Ok(Self { parameters, queue_factor: 1.0 / (TAU * side_share).sqrt() })
    }

    /// What it was made with.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// A market order, from the mid.
    #[inline]
    pub fn market(&self, liquidity: &Liquidity, spread: Spread, qty: Qty) -> Estimate {
        if qty == Qty::ZERO {
            return Estimate::default();
        }
        let impact = self.parameters.impact_factor * liquidity.move_of(qty);
        Estimate { qty, spread: spread.half(), impact: BasisPoints(impact), ..Estimate::default() }
    }

    /// A limit order that rests, from the mid. `ahead` is all that trades before it: its queue, and every better level.
    #[inline]
    pub fn limit(&self, liquidity: &Liquidity, spread: Spread, ahead: Qty, qty: Qty) -> Estimate {
        if qty == Qty::ZERO {
            return Estimate::default();
        }
        let queue = self.queue_factor * liquidity.move_of(ahead.saturating_add(qty));
        let taker = self.market(liquidity, spread, qty).total();
        Estimate {
            qty,
            spread: spread.half(),
            queue: BasisPoints(queue),
            adverse: BasisPoints(self.parameters.adverse_share * taker.0),
            ..Estimate::default()
        }
    }

    /// A stop order, from its trigger price. `spread` is what is expected when it triggers.
    #[inline]
    pub fn stop(&self, liquidity: &Liquidity, spread: Spread, qty: Qty) -> Estimate {
        if qty == Qty::ZERO {
            return Estimate::default();
        }
        let gap = self.parameters.gap_share * liquidity.daily_volatility().0;
        Estimate { gap: BasisPoints(gap), ..self.market(liquidity, spread, qty) }
    }
}

/// What an order is expected to cost, by cause. Nothing is below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    qty: Qty,
    /// Half of the spread.
    pub spread: BasisPoints,
    /// What the order itself moves the price by.
    pub impact: BasisPoints,
    /// The price leaving while the order waits in its queue.
    pub queue: BasisPoints,
    /// The price going on against the order after its fill.
    pub adverse: BasisPoints,
    /// Between a trigger and the first price there is.
    pub gap: BasisPoints,
}

impl Estimate {
    /// All of it, of the reference price.
    #[inline]
    pub fn total(&self) -> BasisPoints {
        BasisPoints(self.spread.0 + self.impact.0 + self.queue.0 + self.adverse.0 + self.gap.0)
    }

    /// All of it, at a reference price: rounded up, so that an order costs at least 1e-9 of the currency.
    ///
    /// Exact to 15 digits; capped at the most that `Money` holds. A price below zero counts as if above.
    #[inline]
    pub fn money(&self, price: Price) -> Money {
        if self.qty == Qty::ZERO {
            return Money::ZERO;
        }
        let notional = price.notional(self.qty).0.unsigned_abs() as f64;
        // A cast from a float stops at the ends of the integer.
        Money(((notional * self.total().0 / 1e4).ceil() as i128).max(1))
    }
}
