//! How to spread a large order over time: the linear model of Almgren and Chriss, *Optimal execution of portfolio
//! transactions*, Journal of Risk 3, 2000.
//!
//! X shares are to be sold (or bought: signs turn, costs stay) in N intervals of τ = T / N days. x_j are left after the
//! j-th, n_j = x_(j-1) - x_j trade in it. Trading moves the price for good by γ a share, and for its own interval by
//! ε + η n_j / τ; between trades the price diffuses with σ. With η' = η - γ τ / 2, which must be above zero, a schedule costs
//!
//! ```text
//! E = γ X² / 2 + ε Σ |n_j| + η'/τ Σ n_j²        expected, currency
//! V = σ² τ Σ x_j²                               variance, currency²   (j from 1 to N)
//! ```
//!
//! and the one with the least E + λ V is
//!
//! ```text
//! x_j = X sinh(κ (T - t_j)) / sinh(κ T)         t_j = j τ
//! 2 (cosh(κ τ) - 1) / τ² = λ σ² / η'            so κ = 2/τ asinh(τ/2 √(λ σ² / η')), exactly
//! κ -> √(λ σ² / η)                              as τ -> 0: the limit of trading without pause
//! ```
//!
//! Without risk aversion (λ = 0) that is a straight line: equal parts. The more averse, the earlier; 1/κ is the time in
//! which an order that has time falls to 1/e.
//!
//! What always holds: the schedule falls from X to 0, and its slices add up to X. Costs are linear in what is traded per
//! day, which markets are not: for the cost of one order see `signal::cost`. Off the hot path; `sinh` comes from the
//! platform, so the last digits may differ between machines: what is to be replayed is the slices, not their making.

mod error;

#[cfg(test)]
mod tests;

pub use error::ScheduleError;

use crate::base::unit::Qty;

/// Most intervals of a schedule: a trading day has 23,400 seconds.
pub const INTERVALS_MAX: u32 = 100_000;

/// Most shares of a schedule: what a float counts one by one.
pub const QUANTITY_MAX: Qty = Qty(1 << 53);

/// How trading moves the price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impact {
    /// σ: standard deviation of the price, in currency per share and √day; above 0.
    pub volatility: f64,
    /// γ: permanent impact, in currency per share, a share traded; not below 0.
    pub permanent: f64,
    /// ε: fixed cost of trading, in currency per share, half of the spread or so; not below 0.
    pub fixed: f64,
    /// η: temporary impact, in currency per share, for each share a day at which is traded; above 0.
    pub temporary: f64,
}

/// What is to be traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Program {
    /// X: how much; 1 to `QUANTITY_MAX`.
    pub quantity: Qty,
    /// T: within how many days; 1e-6 (a fortieth of a second of trading) to 10,000.
    pub days: f64,
    /// N: in how many intervals; 1 to `INTERVALS_MAX`.
    pub intervals: u32,
    /// λ: what a unit of variance is worth, in 1/currency; 0 for no aversion to risk.
    pub risk_aversion: f64,
}

/// Expected cost of a schedule, and its variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// E, currency.
    pub cost: f64,
    /// V, currency².
    pub variance: f64,
}

impl Moments {
    /// Standard deviation of the cost, currency.
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt()
    }

    /// E + λ V, currency: what the optimal schedule makes least.
    pub fn objective(&self, risk_aversion: f64) -> f64 {
        self.cost + risk_aversion * self.variance
    }
}

/// The optimal schedule of a program.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    impact: Impact,
    program: Program,
    /// τ, days.
    interval: f64,
    /// η', currency per share for each share a day.
    temporary: f64,
    /// κ, 1/day.
    kappa: f64,
}

impl Schedule {
    /// The schedule with the least E + λ V.
    pub fn new(impact: Impact, program: Program) -> Result<Self, ScheduleError> {
        let Impact { volatility, permanent, fixed, temporary } = impact;
        let Program { quantity, days, intervals, risk_aversion } = program;
        let above = |value: f64| value > 0.0 && value.is_finite();
        let from = |value: f64| value >= 0.0 && value.is_finite();
        let checks = [
            (above(volatility), ScheduleError::Volatility(volatility)),
            (from(permanent), ScheduleError::Permanent(permanent)),
            (from(fixed), ScheduleError::Fixed(fixed)),
            (above(temporary), ScheduleError::Temporary(temporary)),
            ((1e-6..=1e4).contains(&days), ScheduleError::Days(days)),
            (from(risk_aversion), ScheduleError::RiskAversion(risk_aversion)),
            (quantity > Qty::ZERO && quantity <= QUANTITY_MAX, ScheduleError::Quantity(quantity)),
            ((1..=INTERVALS_MAX).contains(&intervals), ScheduleError::Intervals(intervals)),
        ];
        if let Some((_, error)) = checks.into_iter().find(|(good, _)| !good) {
            return Err(error);
        }
        let interval = days / f64::from(intervals);
        let discrete = temporary - permanent * interval / 2.0;
        if !above(discrete) {
            return Err(ScheduleError::TooCoarse(discrete));
        }
        let tilde = volatility * (risk_aversion / discrete).sqrt();
        let kappa = 2.0 / interval * (interval / 2.0 * tilde).asinh();
        if !kappa.is_finite() {
            return Err(ScheduleError::RiskAversion(risk_aversion));
        }
        Ok(Self { impact, program, interval, temporary: discrete, kappa })
    }

    /// κ, 1/day: exact for these intervals.
    pub fn kappa(&self) -> f64 {
        self.kappa
    }

    /// κ of ever shorter intervals, 1/day: √(λ σ² / η).
    pub fn kappa_limit(&self) -> f64 {
        self.impact.volatility * (self.program.risk_aversion / self.impact.temporary).sqrt()
    }

    /// x_j: what is left after the j-th interval, shares; all at 0, nothing from N on.
    pub fn left(&self, j: u32) -> f64 {
        let quantity = self.program.quantity.0 as f64;
        let intervals = self.program.intervals;
        match intervals.saturating_sub(j) {
            0 => 0.0,
            _ if j == 0 => quantity,
            to_go => quantity * sinh_ratio(self.kappa * self.interval, to_go, intervals),
        }
    }

    /// x_0 to x_N, shares.
    pub fn trajectory(&self) -> impl Iterator<Item = f64> {
        (0..=self.program.intervals).map(|j| self.left(j))
    }

    /// What to trade in each interval, in whole lots that add up to X. What is left is never further than half a lot from
    /// the trajectory.
    pub fn slices(&self) -> impl Iterator<Item = Qty> {
        // Up to 2^53 a rounded float is that integer. Neighbours differ by a part in N at least, far more than floats err
        // by: what is left never rises.
        let left = |j| self.left(j).round() as u64;
        (1..=self.program.intervals).map(move |j| Qty(left(j - 1) - left(j)))
    }

    /// Expected cost and variance of this schedule.
    pub fn moments(&self) -> Moments {
        self.weigh(self.trajectory())
    }

    /// Expected cost and variance of another schedule for the same program: what is left after each interval, x_1 to
    /// x_N. Refused if it is not N long, does not end at 0, or holds what is not a number.
    pub fn moments_of(&self, left: &[f64]) -> Result<Moments, ScheduleError> {
        let whole = left.len() == self.program.intervals as usize && left.last() == Some(&0.0);
        if !whole || !left.iter().all(|left| left.is_finite()) {
            return Err(ScheduleError::Other);
        }
        let all = self.program.quantity.0 as f64;
        Ok(self.weigh(std::iter::once(all).chain(left.iter().copied())))
    }

    /// E and V of what is left, from x_0 on.
    fn weigh(&self, mut left: impl Iterator<Item = f64>) -> Moments {
        let all = left.next().unwrap_or(0.0);
        let (mut before, mut traded, mut traded_squares, mut left_squares) = (all, 0.0, 0.0, 0.0);
        for left in left {
            let slice: f64 = before - left;
            traded += slice.abs();
            traded_squares += slice * slice;
            left_squares += left * left;
            before = left;
        }
        let Impact { volatility, permanent, fixed, .. } = self.impact;
        Moments {
            cost: permanent / 2.0 * all * all
                + fixed * traded
                + self.temporary / self.interval * traded_squares,
            variance: volatility * volatility * self.interval * left_squares,
        }
    }
}

/// sinh(a n) / sinh(a m) for n up to m, both above 0: where `sinh` itself would overflow, and n / m where a is 0.
fn sinh_ratio(a: f64, n: u32, m: u32) -> f64 {
    let (n, m) = (f64::from(n), f64::from(m));
    let below = (-2.0 * a * m).exp_m1();
    if below == 0.0 {
        return n / m;
    }
    (a * (n - m)).exp() * (-2.0 * a * n).exp_m1() / below
}
