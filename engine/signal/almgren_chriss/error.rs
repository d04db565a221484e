//! Why there is no schedule.

use super::{INTERVALS_MAX, QUANTITY_MAX};
use crate::base::unit::Qty;
use std::fmt;

/// What is wrong with a program, or with what is known of its market; the value that was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScheduleError {
    /// Volatility is not above zero.
    Volatility(f64),
    /// Permanent impact is below zero.
    Permanent(f64),
    /// Fixed cost is below zero.
    Fixed(f64),
    /// Temporary impact is not above zero.
    Temporary(f64),
    /// The time to trade in is out of range.
    Days(f64),
    /// Risk aversion is below zero, or beyond all bounds.
    RiskAversion(f64),
    /// The quantity is out of range.
    Quantity(Qty),
    /// The number of intervals is out of range.
    Intervals(u32),
    /// Within an interval, permanent impact outweighs temporary impact (η' is not above zero): take more intervals.
    TooCoarse(f64),
    /// Another schedule that was to be weighed is not of the program's length, or does not end at zero.
    Other,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volatility(value) => write!(f, "volatility {value} is not above 0"),
            Self::Permanent(value) => write!(f, "permanent impact {value} is below 0"),
            Self::Fixed(value) => write!(f, "fixed cost {value} is below 0"),
            Self::Temporary(value) => write!(f, "temporary impact {value} is not above 0"),
            Self::Days(value) => write!(f, "a time of {value} days is not in 0.000001..=10000"),
            Self::RiskAversion(value) => write!(f, "risk aversion {value} is out of range"),
            Self::Quantity(Qty(value)) => {
                write!(f, "a quantity of {value} is not in 1..={}", QUANTITY_MAX.0)
            }
            Self::Intervals(value) => write!(f, "{value} intervals are not in 1..={INTERVALS_MAX}"),
            Self::TooCoarse(value) => write!(
                f,
                "temporary impact less half of an interval's permanent impact is {value}, not above 0: take more intervals"
            ),
            Self::Other => f.write_str(
                "the other schedule is not as long as the program, or does not end at 0",
            ),
        }
    }
}

impl std::error::Error for ScheduleError {}
