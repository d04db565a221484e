//! What scopes are called where a person reads or writes them: `firm`, `account:1`, `strategy:quoter`, `instrument:AAPL`.
#![forbid(unsafe_code)]

use super::unit::{Level, StrategyId};

/// The taker.
pub const IMBALANCE: StrategyId = StrategyId(1);
/// The market maker.
pub const QUOTER: StrategyId = StrategyId(2);

/// Strategies that have a name, in order of id.
pub const STRATEGIES: [(&str, StrategyId); 2] = [("imbalance", IMBALANCE), ("quoter", QUOTER)];

/// A strategy's name, if it has one.
pub fn of_strategy(id: StrategyId) -> Option<&'static str> {
    STRATEGIES.iter().find(|(_, known)| *known == id).map(|(name, _)| *name)
}

/// The strategy of this name.
pub fn strategy(name: &str) -> Option<StrategyId> {
    STRATEGIES.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
}

/// A scope's name; `id` is its account's or strategy's number, or its symbol.
pub fn of_scope(level: Level, id: &str) -> String {
    let named = || id.parse().ok().and_then(|number| of_strategy(StrategyId(number)));
    match level {
        Level::FIRM => level.name().into(),
        Level::STRATEGY => format!("{level}:{}", named().unwrap_or(id)),
        _ => format!("{level}:{id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_called_by_its_name_where_it_has_one() {
        let called = [
            (Level::FIRM, "0", "firm"),
            (Level::ACCOUNT, "2", "account:2"),
            (Level::STRATEGY, "2", "strategy:quoter"),
            (Level::STRATEGY, "7", "strategy:7"),
            (Level::INSTRUMENT, "BRK.A", "instrument:BRK.A"),
        ];
        for (level, id, name) in called {
            assert_eq!(of_scope(level, id), name);
        }
        for (name, id) in STRATEGIES {
            assert_eq!((strategy(name), of_strategy(id)), (Some(id), Some(name)));
        }
        assert_eq!((strategy("none"), of_strategy(StrategyId(0))), (None, None));
    }
}
