//! Scopes as a person names them: `firm`, `account:1`, `strategy:imbalance`, `instrument:AAPL`.

use crate::base::command::Scope;
use crate::base::instrument::{InstrumentTable, Symbol};
use crate::base::name;
use crate::base::unit::{AccountId, Level, StrategyId, TradingState};
use crate::journal::{Latched, Latches};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A scope by name. Whether there is such an instrument, the table tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum ScopeName {
    Firm,
    Account(AccountId),
    Strategy(StrategyId),
    Instrument(Symbol),
}

impl FromStr for ScopeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no scope: write firm, account:1, strategy:imbalance or instrument:AAPL"
            )
        };
        if text == "firm" {
            return Ok(Self::Firm);
        }
        let (level, id) = text.split_once(':').ok_or_else(wrong)?;
        let scope = match level {
            "account" => id.parse().map(|id| Self::Account(AccountId(id))).ok(),
            "strategy" => {
                name::strategy(id).or_else(|| id.parse().map(StrategyId).ok()).map(Self::Strategy)
            }
            "instrument" => id.parse().map(Self::Instrument).ok(),
            _ => None,
        };
        scope.ok_or_else(wrong)
    }
}

impl TryFrom<String> for ScopeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ScopeName> for String {
    fn from(scope: ScopeName) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, id) = self.latched();
        f.write_str(&name::of_scope(level, &id))
    }
}

impl ScopeName {
    /// What the engine calls it; `None` for an instrument that the table does not have.
    pub(crate) fn find(&self, table: &InstrumentTable) -> Option<Scope> {
        Some(match self {
            Self::Firm => Scope::Firm,
            Self::Account(id) => Scope::Account(*id),
            Self::Strategy(id) => Scope::Strategy(*id),
            Self::Instrument(symbol) => Scope::Instrument(table.find(*symbol)?),
        })
    }

    /// What the latch file calls it.
    pub(crate) fn latched(&self) -> Latched {
        match self {
            Self::Firm => (Level::FIRM, String::new()),
            Self::Account(id) => (Level::ACCOUNT, id.0.to_string()),
            Self::Strategy(id) => (Level::STRATEGY, id.0.to_string()),
            Self::Instrument(symbol) => (Level::INSTRUMENT, symbol.to_string()),
        }
    }
}

/// The latches as the engine takes them at its start. One of an instrument that the table does not have kills the firm:
/// what it was to stop cannot be told.
pub(crate) fn scopes_of(latches: &Latches, table: &InstrumentTable) -> Vec<(Scope, TradingState)> {
    let scope = |(level, id): &Latched| match *level {
        Level::ACCOUNT => id.parse().map(|id| Scope::Account(AccountId(id))).ok(),
        Level::STRATEGY => id.parse().map(|id| Scope::Strategy(StrategyId(id))).ok(),
        Level::INSTRUMENT => id.parse().ok().and_then(|it| table.find(it)).map(Scope::Instrument),
        _ => Some(Scope::Firm),
    };
    let known = |(id, latch): (&Latched, &crate::journal::Latch)| match scope(id) {
        Some(scope) => (scope, latch.state),
        None => (Scope::Firm, TradingState::KILLED),
    };
    latches.iter().map(known).collect()
}
