//! What a fill costs: the broker's commission, and the venue's fee or rebate.
//!
//! All is plain data and whole numbers. What is not a whole 1e-9 of the currency (only a share of value can be so) is
//! rounded away from zero, so that what we owe is never told too small; sums that leave an `i128` stop at its end.
//!
//! Tiers are marginal: each unit costs the rate of the tier that it falls in, so a fill across a bound costs both rates.
//! So what a period's fills cost together does not hang on their order, nor on how they were cut, and a void fill can be
//! taken out of it.
#![forbid(unsafe_code)]

use crate::base::unit::{Liquidity, Money, Price, Qty};
use std::fmt;

/// A share in millionths: hundredths of a basis point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millionths(pub u32);

/// What a broker takes for a fill.
#[expect(clippy::large_enum_variant, reason = "one a portfolio, and plain data to the last")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commission {
    /// Nothing.
    #[default]
    None,
    /// So much a fill, whatever its size.
    Fixed(Money),
    /// By quantity.
    PerShare {
        /// For each lot traded.
        rate: Money,
        /// For a fill, at least.
        minimum: Money,
        /// For a fill, at most so much of its value; it goes before the minimum.
        maximum: Option<Millionths>,
    },
    /// By value.
    PerValue(Millionths),
    /// By quantity, at rates that change with what was traded so far in the period.
    Tiered(Tiers),
}

/// What a venue takes for each lot (negative: gives), by what the fill did to its book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VenueFees {
    /// For a lot that added liquidity.
    pub added: Money,
    /// For a lot that removed liquidity.
    pub removed: Money,
}

/// All that a fill costs; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The broker's.
    pub commission: Commission,
    /// The venue's.
    pub venue: VenueFees,
}

/// A rate, and the quantity from which on it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tier {
    /// The first lot of the period that it is for, from 0.
    pub from: Qty,
    /// For each lot.
    pub rate: Money,
}

/// Tiers at most.
pub const TIERS_MAX: usize = 8;

/// Rates by what was traded so far: each tier reaches to the next, the last for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiers {
    tiers: [Tier; TIERS_MAX],
    count: usize,
}

/// Why tiers make no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierError {
    /// There is none.
    None,
    /// There are more than [`TIERS_MAX`].
    TooMany,
    /// The first is not from 0: give the rate of the first lot.
    Start,
    /// This one (from 0) is not from more than the one before: put them in rising order.
    Order(usize),
}

impl fmt::Display for TierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no tier"),
            Self::TooMany => write!(f, "there are more than {TIERS_MAX} tiers"),
            Self::Start => f.write_str("the first tier is not from 0"),
            Self::Order(place) => write!(f, "tier {place} does not begin after the one before"),
        }
    }
}

impl std::error::Error for TierError {}

impl Tiers {
    /// These tiers, in rising order from 0.
    ///
    /// # Errors
    /// See [`TierError`].
    pub fn new(given: &[Tier]) -> Result<Self, TierError> {
        let first = given.first().ok_or(TierError::None)?;
        if first.from != Qty::ZERO {
            return Err(TierError::Start);
        }
        if let Some(place) = given.windows(2).position(|pair| pair[0].from >= pair[1].from) {
            return Err(TierError::Order(place + 1));
        }
        let mut tiers = [Tier::default(); TIERS_MAX];
        tiers.get_mut(..given.len()).ok_or(TierError::TooMany)?.copy_from_slice(given);
        Ok(Self { tiers, count: given.len() })
    }

    /// What `qty` costs after `traded`.
    fn fee(&self, traded: Qty, qty: Qty) -> Money {
        let (first, end) = (u128::from(traded.0), u128::from(traded.0) + u128::from(qty.0));
        let tiers = &self.tiers[..self.count];
        let mut sum = 0i128;
        for (place, tier) in tiers.iter().enumerate() {
            let until = tiers.get(place + 1).map_or(u128::MAX, |next| u128::from(next.from.0));
            let within = end.min(until).saturating_sub(first.max(tier.from.0.into()));
            // No more than `qty`, which is half as wide.
            sum = sum.saturating_add(tier.rate.0.saturating_mul(within as i128));
        }
        Money(sum)
    }
}

impl Schedule {
    /// What `qty` at `price` costs, when so much was traded in the period before it; negative if it earns a rebate. A fill
    /// of nothing costs nothing. Liquidity other than added or removed has no fee of the venue.
    #[inline]
    pub fn fee(
        &self,
        traded_so_far: Qty,
        price: Price,
        qty: Qty,
        multiplier: u32,
        liquidity: Liquidity,
    ) -> Money {
        if qty == Qty::ZERO || *self == Self::default() {
            return Money::ZERO;
        }
        let commission = self.commission.fee(traded_so_far, price, qty, multiplier);
        let rate = match liquidity {
            Liquidity::ADDED => self.venue.added,
            Liquidity::REMOVED => self.venue.removed,
            _ => Money::ZERO,
        };
        Money(commission.0.saturating_add(times(rate, qty).0))
    }
}

impl Commission {
    fn fee(&self, traded: Qty, price: Price, qty: Qty, multiplier: u32) -> Money {
        match self {
            Self::None => Money::ZERO,
            Self::Fixed(amount) => *amount,
            Self::PerShare { rate, minimum, maximum } => {
                let fee = times(*rate, qty).max(*minimum);
                maximum.map_or(fee, |maximum| fee.min(maximum.of(price, qty, multiplier)))
            }
            Self::PerValue(rate) => rate.of(price, qty, multiplier),
            Self::Tiered(tiers) => tiers.fee(traded, qty),
        }
    }
}

/// `qty` at `rate` each.
fn times(rate: Money, qty: Qty) -> Money {
    Money(rate.0.saturating_mul(i128::from(qty.0)))
}

impl Millionths {
    const WHOLE: u128 = 1_000_000;

    /// So much of what `qty` is worth at `price` (below zero: of what it would be worth above), rounded away from zero.
    fn of(self, price: Price, qty: Qty, multiplier: u32) -> Money {
        // 2^63 x 2^64 fits; what a multiplier makes of it may not.
        let value = u128::from(price.0.unsigned_abs()) * u128::from(qty.0);
        let value = value.saturating_mul(multiplier.into());
        let rate = u128::from(self.0);
        // Quotient and remainder apart: the second product cannot overflow.
        let wholes = (value / Self::WHOLE).saturating_mul(rate);
        let fee = wholes.saturating_add((value % Self::WHOLE * rate).div_ceil(Self::WHOLE));
        Money(i128::try_from(fee).unwrap_or(i128::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CENT: i128 = 10_000_000;
    const DOLLAR: i128 = 100 * CENT;

    fn of(commission: Commission, traded: u64, price: i64, qty: u64) -> i128 {
        let schedule = Schedule { commission, ..Schedule::default() };
        let liquidity = Liquidity::ADDED;
        schedule.fee(Qty(traded), Price(price), Qty(qty), 1, liquidity).0
    }

    fn tiers(given: &[(u64, i128)]) -> Result<Tiers, TierError> {
        let tier = |(from, rate): &(u64, i128)| Tier { from: Qty(*from), rate: Money(*rate) };
        Tiers::new(&given.iter().map(tier).collect::<Vec<_>>())
    }

    #[test]
    fn the_default_costs_nothing() {
        let none = Schedule::default();
        for liquidity in [Liquidity::ADDED, Liquidity::REMOVED, Liquidity(0)] {
            assert_eq!(none.fee(Qty(9), Price(5), Qty(7), 3, liquidity), Money(0));
        }
    }

    #[test]
    fn a_fixed_commission_is_for_the_fill_whatever_its_size() {
        let fixed = Commission::Fixed(Money(DOLLAR));
        assert_eq!((of(fixed, 0, 1, 1), of(fixed, 5, 9, 1_000)), (DOLLAR, DOLLAR));
        assert_eq!(of(fixed, 0, 1, 0), 0, "no fill, no fee");
    }

    #[test]
    fn a_rate_for_each_share_has_a_minimum_and_a_maximum_that_goes_before_it() {
        // Half a cent a share, a dollar at least, one per cent of value at most.
        let (rate, minimum) = (Money(CENT / 2), Money(DOLLAR));
        let maximum = Some(Millionths(10_000));
        let rule = Commission::PerShare { rate, minimum, maximum };
        let ten = (10 * DOLLAR) as i64;
        assert_eq!(of(rule, 0, ten, 1_000), 5 * DOLLAR, "1,000 x 0.005, under 1 % of 10,000");
        assert_eq!(
            of(rule, 0, ten, 20),
            DOLLAR,
            "20 x 0.005 = 0.10: the minimum, under 1 % of 200"
        );
        assert_eq!(of(rule, 0, ten, 5), 50 * CENT, "1 % of 50, though the minimum is a dollar");
        assert_eq!(of(rule, 0, (CENT * 20) as i64, 1_000), 2 * DOLLAR, "1 % of 200, not 5");
        let rule = Commission::PerShare { rate, minimum, maximum: None };
        assert_eq!(of(rule, 0, ten, 5), DOLLAR);
    }

    #[test]
    fn a_share_of_value_is_rounded_away_from_zero() {
        let rule = Commission::PerValue(Millionths(250));
        // 0.025 % of 100 x 50.00 = 5,000 is 1.25.
        assert_eq!(of(rule, 0, (50 * DOLLAR) as i64, 100), 125 * CENT);
        // 250 millionths of 4,000 are 1 exactly, of 4,001 a little more: 2. Below zero they are paid as well.
        assert_eq!((of(rule, 0, 4_000, 1), of(rule, 0, 4_001, 1), of(rule, 0, 1, 1)), (1, 2, 1));
        assert_eq!(of(rule, 0, -4_001, 1), 2);
        let schedule = Schedule { commission: rule, ..Schedule::default() };
        // 250 millionths of 4,000 x 3 x 50 = 600,000.
        assert_eq!(schedule.fee(Qty(0), Price(4_000), Qty(3), 50, Liquidity(0)), Money(150));
    }

    #[test]
    fn a_fill_across_tiers_costs_each_ones_rate() {
        let rule = Commission::Tiered(tiers(&[(0, 35), (300, 20), (3_000, 15)]).unwrap());
        assert_eq!((of(rule, 0, 1, 300), of(rule, 300, 1, 1)), (300 * 35, 20));
        // 100 of the first, 2,700 of the second, 200 of the third.
        assert_eq!(of(rule, 200, 1, 3_000), 100 * 35 + 2_700 * 20 + 200 * 15);
        assert_eq!(of(rule, 3_000, 1, 7), 7 * 15);
        assert_eq!(of(rule, 299, 1, 1), 35, "the 300th lot is the last of the first tier");
    }

    #[test]
    fn tiers_out_of_order_are_refused() {
        assert_eq!(tiers(&[]), Err(TierError::None));
        assert_eq!(tiers(&[(1, 1)]), Err(TierError::Start));
        assert_eq!(tiers(&[(0, 1), (5, 1), (5, 2)]), Err(TierError::Order(2)));
        let many = |count| (0..count).map(|from| (from, 1)).collect::<Vec<_>>();
        assert_eq!(tiers(&many(9)), Err(TierError::TooMany));
        let most = tiers(&many(8)).unwrap();
        assert_eq!(of(Commission::Tiered(most), 0, 1, 10), 10);
        let said = [TierError::None, TierError::TooMany, TierError::Start, TierError::Order(2)];
        assert_eq!(
            said.map(|error| error.to_string()),
            [
                "there is no tier",
                "there are more than 8 tiers",
                "the first tier is not from 0",
                "tier 2 does not begin after the one before",
            ]
        );
    }

    #[test]
    fn a_venue_takes_and_gives_by_liquidity_beside_the_commission() {
        // 0.0030 a share for what removes; 0.0020 back for what adds.
        let venue = VenueFees { added: Money(-CENT / 5), removed: Money(CENT * 3 / 10) };
        let schedule = Schedule { commission: Commission::Fixed(Money(7)), venue };
        let fee = |liquidity| schedule.fee(Qty(0), Price(1), Qty(100), 1, liquidity).0;
        assert_eq!(fee(Liquidity::REMOVED), 30 * CENT + 7);
        assert_eq!(fee(Liquidity::ADDED), -20 * CENT + 7);
        assert_eq!(fee(Liquidity(0)), 7, "unknown: the venue's part is left out");
    }

    #[test]
    fn the_greatest_figures_stop_at_the_end() {
        let (price, qty) = (i64::MIN, u64::MAX);
        let most = Money(i128::MAX);
        let tiered = Commission::Tiered(tiers(&[(0, 2), (u64::MAX, 5)]).unwrap());
        assert_eq!(of(tiered, u64::MAX, price, qty), i128::from(u64::MAX) * 5);
        assert_eq!(of(tiered, u64::MAX - 1, price, 2), 2 + 5);
        let steep = Commission::Tiered(tiers(&[(0, i128::MAX), (1, i128::MAX)]).unwrap());
        assert_eq!(of(steep, 0, price, qty), i128::MAX);
        let schedule = |commission| Schedule {
            commission,
            venue: VenueFees { added: most, removed: Money(i128::MIN) },
        };
        for rule in [Commission::Fixed(most), Commission::PerValue(Millionths(u32::MAX))] {
            let fee = |side| schedule(rule).fee(Qty(0), Price(price), Qty(qty), u32::MAX, side);
            assert_eq!((fee(Liquidity::ADDED), fee(Liquidity::REMOVED)), (most, Money(-1)));
        }
        // All of 2^63 x (2^64 - 1), which fits: 2^127 - 2^63 exactly.
        let whole = Commission::PerValue(Millionths(1_000_000));
        assert_eq!(of(whole, 0, price, qty), i128::MAX - (1 << 63) + 1);
    }

    proptest! {
        #[test]
        fn tiers_cost_the_same_however_the_quantity_is_cut(
            bounds in prop::collection::btree_set(1u64..5_000, 0..7),
            rates in prop::collection::vec(-100i128..100, 8),
            cuts in prop::collection::vec(0u64..2_000, 1..10),
        ) {
            let froms = std::iter::once(0).chain(bounds);
            let given: Vec<_> = froms.zip(rates.iter().copied()).collect();
            let rule = Commission::Tiered(tiers(&given).unwrap());
            let (mut traded, mut sum, mut by_lot) = (0, 0, 0);
            for cut in cuts {
                sum += of(rule, traded, 1, cut);
                for lot in traded..traded + cut {
                    by_lot += given.iter().rfind(|tier| tier.0 <= lot).unwrap().1;
                }
                traded += cut;
            }
            prop_assert_eq!(sum, of(rule, 0, 1, traded));
            prop_assert_eq!(sum, by_lot);
        }

        #[test]
        fn a_share_of_value_is_the_exact_one_rounded_up(
            rate in any::<u32>(), price in any::<i32>(), qty in any::<u32>(), multiplier in 1u32..1_000,
        ) {
            // 2^32 x 2^31 x 2^32 x 2^10 fits.
            let value = i128::from(price.unsigned_abs()) * i128::from(qty) * i128::from(multiplier);
            let exact = value * i128::from(rate);
            let fee = Millionths(rate).of(Price(price.into()), Qty(qty.into()), multiplier).0;
            prop_assert!(fee * 1_000_000 >= exact && (fee - 1) * 1_000_000 < exact);
        }
    }
}
