//! The account's figures: cash, exposure, equity, leverage, buying power.
//!
//! Sums over all instruments are kept as each changes, so that figures cost the same for one position and for ten thousand.
//! An instrument's part in a sum is capped at [`CAP`]: sums of as many instruments as there can be then never overflow,
//! and always are what adding up anew would give.
#![forbid(unsafe_code)]

use crate::base::unit::Money;

/// An instrument counts for this much in a sum at the most, either way: 4.9e18 of the currency. 2^32 of them fit.
pub const CAP: Money = Money(1 << 92);

/// What the account begins with, and how far it may be stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capital {
    /// Cash at the start.
    pub cash: Money,
    /// Gross exposure at most, in hundredths of equity: 100 is no leverage, 400 four times.
    pub leverage_max: u32,
}

impl Default for Capital {
    /// No cash, no leverage.
    fn default() -> Self {
        Self { cash: Money::ZERO, leverage_max: 100 }
    }
}

/// The account at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What is in the till: the cash at the start, what sales brought, less what purchases and fees took.
    pub cash: Money,
    /// Profit of what was closed, before fees.
    pub realised: Money,
    /// What the open positions would bring at their marks, less their cost.
    pub unrealised: Money,
    /// Fees paid, less rebates.
    pub fees: Money,
    /// The sum of what the positions are worth, long and short alike: |position x mark x multiplier|.
    pub gross: Money,
    /// The same with its sign: long less short.
    pub net: Money,
    /// Cash and net exposure: what would be left if all were closed at its mark.
    pub equity: Money,
    /// Gross exposure in hundredths of equity, rounded up; `None` if there is no equity.
    pub leverage: Option<u64>,
    /// Gross exposure that may still be added within the leverage limit, rounded down; never below zero.
    pub buying_power: Money,
}

/// What one instrument adds to the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) realised: i128,
    pub(super) cost: i128,
    pub(super) fees: i128,
    pub(super) value: i128,
}

/// An amount as it counts in a sum.
#[inline]
pub(super) fn capped(amount: Money) -> i128 {
    amount.0.clamp(-CAP.0, CAP.0)
}

/// Sums over all instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    realised: i128,
    cost: i128,
    fees: i128,
    gross: i128,
    net: i128,
}

impl Totals {
    /// An instrument's part was `before` and is `after`.
    #[inline]
    pub(super) fn change(&mut self, before: &Part, after: &Part) {
        self.realised += after.realised - before.realised;
        self.cost += after.cost - before.cost;
        self.fees += after.fees - before.fees;
        self.revalue(before.value, after.value);
    }

    /// An instrument's position was worth `before` and is worth `after`.
    #[inline]
    pub(super) fn revalue(&mut self, before: i128, after: i128) {
        self.gross += after.abs() - before.abs();
        self.net += after - before;
    }

    /// The account that these sums make of a capital.
    #[inline]
    pub(super) fn figures(&self, capital: &Capital) -> Figures {
        let cash = capital.cash.0.saturating_add(self.realised - self.cost - self.fees);
        let equity = cash.saturating_add(self.net);
        let room = hundredths(equity.max(0), capital.leverage_max).saturating_sub(self.gross);
        Figures {
            cash: Money(cash),
            realised: Money(self.realised),
            unrealised: Money(self.net - self.cost),
            fees: Money(self.fees),
            gross: Money(self.gross),
            net: Money(self.net),
            equity: Money(equity),
            leverage: leverage(self.gross, equity),
            buying_power: Money(room.max(0)),
        }
    }
}

/// So many hundredths of an amount from zero, rounded down.
fn hundredths(amount: i128, count: u32) -> i128 {
    // Quotient and remainder apart: the second product cannot overflow.
    let (wholes, rest) = (amount / 100, amount % 100);
    wholes.saturating_mul(count.into()).saturating_add(rest * i128::from(count) / 100)
}

/// Gross exposure in hundredths of equity, rounded up; the greatest number if it is beyond.
fn leverage(gross: i128, equity: i128) -> Option<u64> {
    let equity = u128::try_from(equity).ok().filter(|equity| *equity > 0)?;
    let gross = gross.unsigned_abs().saturating_mul(100);
    Some(u64::try_from(gross.div_ceil(equity)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(realised: i128, cost: i128, fees: i128, value: i128) -> Part {
        Part { realised, cost, fees, value }
    }

    fn figures(parts: &[Part], cash: i128, leverage_max: u32) -> Figures {
        let mut totals = Totals::default();
        parts.iter().for_each(|part| totals.change(&Part::default(), part));
        totals.figures(&Capital { cash: Money(cash), leverage_max })
    }

    #[test]
    fn figures_are_those_worked_by_hand() {
        // Begun with 10,000. Long, bought for 6,000, now 6,600; short, sold for 2,000, now 2,300; 50 made before; 7 of fees.
        let parts = [part(50, 6_000, 4, 6_600), part(0, -2_000, 3, -2_300)];
        let found = figures(&parts, 10_000, 200);
        let expected = Figures {
            cash: Money(10_000 + 50 - 6_000 + 2_000 - 7),
            realised: Money(50),
            unrealised: Money(600 - 300),
            fees: Money(7),
            gross: Money(8_900),
            net: Money(4_300),
            // 6,043 + 4,300; the same as 10,000 + 50 + 300 - 7.
            equity: Money(10_343),
            // 890,000 / 10,343 = 86.05.
            leverage: Some(87),
            // Twice 10,343, less 8,900.
            buying_power: Money(11_786),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_ends_leaves_nothing_in_the_sums() {
        let mut totals = Totals::default();
        let (one, other) = (part(1, 2, 3, 4), part(-5, -6, -7, -8));
        totals.change(&Part::default(), &one);
        totals.change(&one, &other);
        assert_eq!(totals, Totals { realised: -5, cost: -6, fees: -7, gross: 8, net: -8 });
        totals.revalue(-8, 9);
        assert_eq!((totals.gross, totals.net), (9, 9));
        totals.revalue(9, -8);
        totals.change(&other, &Part::default());
        assert_eq!(totals, Totals::default());
    }

    #[test]
    fn buying_power_is_rounded_down_and_leverage_up() {
        // 1.5 times 101 is 151.5.
        let found = figures(&[part(0, 50, 0, 50)], 101, 150);
        assert_eq!((found.equity, found.buying_power), (Money(101), Money(101)));
        assert_eq!(found.leverage, Some(50), "49.5 hundredths");
        assert_eq!(figures(&[part(0, 303, 0, 303)], 101, 300).leverage, Some(300));
        assert_eq!(figures(&[], 1_050, 33).buying_power, Money(346), "346.5");
    }

    #[test]
    fn without_equity_there_is_no_leverage_and_nothing_may_be_bought() {
        for (cash, equity) in [(0, 0), (-1, -1)] {
            let found = figures(&[part(0, 5, 0, 5)], cash, 400);
            assert_eq!((found.equity, found.leverage), (Money(equity), None));
            assert_eq!(found.buying_power, Money(0));
        }
        assert_eq!(figures(&[part(0, 5, 0, 5)], 1, 400).leverage, Some(500));
        assert_eq!(figures(&[part(0, 5, 0, 5)], 1, 400).buying_power, Money(0), "beyond its limit");
        assert_eq!(figures(&[], 1, 400).leverage, Some(0));
    }

    #[test]
    fn sums_of_as_many_as_there_can_be_do_not_overflow() {
        let most = capped(Money(i128::MAX));
        assert_eq!((most, capped(Money(i128::MIN)), capped(Money(-3))), (CAP.0, -CAP.0, -3));
        let all = most * (1 << 32);
        for value in [all, -all] {
            let totals = Totals { realised: all, cost: -all, fees: -all, gross: all, net: value };
            for cash in [i128::MAX, i128::MIN] {
                let capital = Capital { cash: Money(cash), leverage_max: u32::MAX };
                let figures = totals.figures(&capital);
                assert_eq!(figures.leverage.is_some(), figures.equity.0 > 0);
                assert_eq!(figures.unrealised, Money(value + all));
            }
        }
        assert_eq!(leverage(1 << 124, 1), Some(u64::MAX));
        assert_eq!(hundredths(i128::MAX, u32::MAX), i128::MAX);
    }
}
