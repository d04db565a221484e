//! `[portfolio]`: how profit is told, and what fills cost.

use super::tables::Accounting;
use crate::base::unit::{Money, PRICE_SCALE, Qty};
use crate::portfolio::fees::{Commission, Millionths, Schedule, Tier, TierError, Tiers, VenueFees};
use crate::portfolio::{Capital, Method, Settings};
use serde::{Deserialize, Serialize};

/// `[portfolio]`. Rates are in millionths of the currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portfolio {
    /// How profit is told.
    pub accounting: Accounting,
    /// Cash at the start, whole units of the currency.
    pub cash: u64,
    /// Gross exposure at most, hundredths of equity.
    pub leverage_max: u32,
    /// What the broker takes.
    pub commission: CommissionName,
    /// A fill, a share, or of its value.
    pub commission_rate: u32,
    /// A fill, at least.
    pub commission_minimum: u32,
    /// A fill, at most this share of its value; 0: any.
    pub commission_maximum: u32,
    /// From so many shares on, such a rate.
    pub tiers: Vec<[u64; 2]>,
    /// A share that added liquidity; below zero: a rebate.
    pub venue_added: i64,
    /// A share that removed it.
    pub venue_removed: i64,
}

/// What a broker takes for a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommissionName {
    /// Nothing.
    None,
    /// So much a fill.
    Fixed,
    /// So much a share.
    PerShare,
    /// A share of its value.
    PerValue,
    /// So much a share, by what was traded before.
    Tiered,
}

impl Portfolio {
    /// The settings of the portfolio.
    ///
    /// # Errors
    /// If the tiers make no schedule.
    pub fn settings(&self) -> Result<Settings, TierError> {
        let money = |millionths: i64| Money(i128::from(millionths) * 1_000);
        let rate = money(self.commission_rate.into());
        let commission = match self.commission {
            CommissionName::None => Commission::None,
            CommissionName::Fixed => Commission::Fixed(rate),
            CommissionName::PerShare => Commission::PerShare {
                rate,
                minimum: money(self.commission_minimum.into()),
                maximum: (self.commission_maximum > 0)
                    .then_some(Millionths(self.commission_maximum)),
            },
            CommissionName::PerValue => Commission::PerValue(Millionths(self.commission_rate)),
            CommissionName::Tiered => {
                let tiers = self.tiers.iter().map(|[from, rate]| Tier {
                    from: Qty(*from),
                    rate: Money(i128::from(*rate) * 1_000),
                });
                Commission::Tiered(Tiers::new(&tiers.collect::<Vec<_>>())?)
            }
        };
        Ok(Settings {
            method: match self.accounting {
                Accounting::Average => Method::Average,
                Accounting::Fifo => Method::Fifo,
            },
            schedule: Schedule {
                commission,
                venue: VenueFees {
                    added: money(self.venue_added),
                    removed: money(self.venue_removed),
                },
            },
            capital: Capital {
                cash: Money(i128::from(self.cash) * i128::from(PRICE_SCALE)),
                leverage_max: self.leverage_max,
            },
            ..Settings::default()
        })
    }

    /// Each number with the least and the most it can be.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 7] {
        let (share, large) = (1_000_000, 1_000_000_000);
        [
            ("portfolio.cash", self.cash, 0, 1_000_000_000_000),
            ("portfolio.leverage_max", self.leverage_max.into(), 1, 1_000_000),
            ("portfolio.commission_rate", self.commission_rate.into(), 0, large),
            ("portfolio.commission_minimum", self.commission_minimum.into(), 0, large),
            ("portfolio.commission_maximum", self.commission_maximum.into(), 0, share),
            ("portfolio.venue_added", self.venue_added.unsigned_abs(), 0, share),
            ("portfolio.venue_removed", self.venue_removed.unsigned_abs(), 0, share),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use crate::base::unit::{Liquidity, Money, Price, Qty};

    /// What 100 shares at 10 cost that added liquidity, in millionths.
    fn cost(text: &str) -> i128 {
        let config = Config::parse("fees.toml", text).unwrap();
        let schedule = config.portfolio.settings().unwrap().schedule;
        let price = Price::from_e4(100_000);
        let Money(fee) = schedule.fee(Qty(50), price, Qty(100), 1, Liquidity::ADDED);
        fee / 1_000
    }

    #[test]
    fn every_way_to_charge_can_be_written() {
        let with = |text: &str| cost(&format!("[portfolio]\n{text}"));
        assert_eq!(cost(""), 0);
        assert_eq!(with("commission = 'fixed'\ncommission_rate = 250000"), 250_000);
        assert_eq!(with("commission = 'per-share'\ncommission_rate = 3500"), 350_000);
        let at_least = "commission = 'per-share'\ncommission_rate = 3500\n";
        assert_eq!(with(&format!("{at_least}commission_minimum = 1000000")), 1_000_000);
        assert_eq!(with(&format!("{at_least}commission_maximum = 100")), 100_000);
        // A thousand are traded: a hundredth of a per cent of it is 0.10.
        assert_eq!(with("commission = 'per-value'\ncommission_rate = 100"), 100_000);
        // 50 were traded before: 50 more at the first rate, 50 at the second.
        let tiers = "commission = 'tiered'\ntiers = [[0, 3000], [100, 1000]]";
        assert_eq!(with(tiers), 50 * 3_000 + 50 * 1_000);
        assert_eq!(with("venue_added = -2000\nvenue_removed = 3000"), -200_000);
    }

    #[test]
    fn tiers_that_make_no_schedule_are_named() {
        for tiers in ["[]", "[[1, 5]]", "[[0, 5], [0, 4]]"] {
            let text = format!("[portfolio]\ncommission = 'tiered'\ntiers = {tiers}");
            let error = Config::parse("fees.toml", &text).unwrap_err().to_string();
            assert!(error.contains("portfolio.tiers") && error.contains("fees.toml:"), "{error}");
        }
    }
}
