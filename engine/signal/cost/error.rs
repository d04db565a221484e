//! Why a cost cannot be estimated.

use std::fmt;

/// What is wrong with a parameter or a market; the value that was given. Ranges stand where the value is described.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CostError {
    /// Impact factor out of range.
    ImpactFactor(f64),
    /// Share of the volume at one side out of range.
    SideShare(f64),
    /// Share of a taker's cost that stays in the price out of range.
    AdverseShare(f64),
    /// Trigger gap out of range.
    GapShare(f64),
    /// Daily volatility out of range, in bp.
    Volatility(f64),
    /// Spread out of range, in bp.
    Spread(f64),
    /// No daily volume.
    Volume,
    /// A side of the book is empty.
    OneSided,
    /// The best bid is above the best ask.
    Crossed,
    /// Nothing was observed that an impact factor could be found from.
    Unobserved,
}

impl fmt::Display for CostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImpactFactor(value) => write!(f, "impact factor {value} is not in 0.001..=1000"),
            Self::SideShare(value) => write!(f, "side share {value} is not in 0.001..=1"),
            Self::AdverseShare(value) => write!(f, "adverse share {value} is not in 0..=10"),
            Self::GapShare(value) => write!(f, "gap share {value} is not in 0..=10"),
            Self::Volatility(value) => {
                write!(f, "daily volatility of {value} bp is not in 0.01..=100000")
            }
            Self::Spread(value) => write!(f, "spread of {value} bp is not in 0..=20000"),
            Self::Volume => f.write_str("the daily volume is zero"),
            Self::OneSided => f.write_str("a side of the book is empty"),
            Self::Crossed => f.write_str("the best bid is above the best ask"),
            Self::Unobserved => f.write_str("no cost was observed to calibrate with"),
        }
    }
}

impl std::error::Error for CostError {}
