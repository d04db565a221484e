//! The exchange's account of a client's orders, read from its ledger, and whether the engine's is the same.
//!
//! The ledger is read as text: its columns are what the two have in common, not their code (`exchange/ledger.rs` tells what
//! they mean).

use crate::base::instrument::{InstrumentTable, Symbol};
use crate::base::unit::{Money, Price, Qty, Side};
use crate::portfolio::{Holding, Portfolio};
use std::collections::BTreeMap;

/// What a ledger says of one client.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Account {
    /// Orders and replaces that the exchange took: when, in nanoseconds since midnight, by the client's reference.
    pub(super) taken: BTreeMap<u32, u64>,
    /// Executions, by match number and reference: of what, and how much at which price.
    executions: BTreeMap<(u64, u32), Execution>,
    /// Executions.
    pub(super) fills: u64,
    /// What is held.
    holdings: BTreeMap<Symbol, Holding>,
    /// Shares that are open, by reference.
    open: BTreeMap<u32, u64>,
    /// References that were taken twice.
    twice: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Execution {
    symbol: Symbol,
    side: Side,
    price: Price,
    qty: Qty,
}

impl Account {
    /// That of `user`.
    ///
    /// # Errors
    /// The first row that cannot be read.
    pub(super) fn read(ledger: &str, user: &str) -> Result<Self, String> {
        let mut account = Self::default();
        for (row, line) in ledger.lines().enumerate().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            if fields.get(4) == Some(&user) {
                let read = account.row(&fields);
                read.ok_or_else(|| format!("ledger, row {row}: cannot be read: {line}"))?;
            }
        }
        Ok(account)
    }

    fn row(&mut self, fields: &[&str]) -> Option<()> {
        let [_, time, kind, _, _, _, reference, _, symbol, side, shares, price, open, number, why] =
            fields
        else {
            return None;
        };
        let reference: u32 = reference.parse().ok()?;
        match *kind {
            "accept" | "replace" => {
                if self.taken.insert(reference, time.parse().ok()?).is_some() {
                    self.twice.push(reference);
                }
                self.open.insert(reference, open.parse().ok()?);
                if *kind == "replace" {
                    let (_, before) = why.split_once('/')?;
                    self.open.insert(before.parse().ok()?, 0);
                }
            }
            "execute" | "cross" => {
                self.open.insert(reference, open.parse().ok()?);
                let side = if *side == "B" { Side::BUY } else { Side::SELL };
                let price = Price::from_e4(price.parse().ok()?);
                let qty = Qty(shares.parse().ok()?);
                let execution = Execution { symbol: symbol.parse().ok()?, side, price, qty };
                self.executions.insert((number.parse().ok()?, reference), execution);
                self.fills += 1;
                self.holding(execution.symbol).fill(side, price, qty, Money::ZERO);
            }
            "break" => {
                let broken = self.executions.remove(&(number.parse().ok()?, reference))?;
                let Execution { symbol, side, price, qty } = broken;
                self.holding(symbol).void(side, price, qty, Money::ZERO);
            }
            "cancel" => {
                self.open.insert(reference, open.parse().ok()?);
            }
            _ => {}
        }
        Some(())
    }

    fn holding(&mut self, symbol: Symbol) -> &mut Holding {
        self.holdings.entry(symbol).or_default()
    }

    /// Where the engine's account differs: `fills` is how many it counted, `references` the first that it has not given.
    pub(super) fn differences(
        &self,
        portfolio: &Portfolio,
        table: &InstrumentTable,
        fills: u64,
        references: u32,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let mut differ =
            |what: String, engine: &dyn std::fmt::Display, ledger: &dyn std::fmt::Display| {
                found.push(format!("{what}: the engine has {engine}, the ledger {ledger}"));
            };
        if fills != self.fills {
            differ("fills".into(), &fills, &self.fills);
        }
        for reference in &self.twice {
            differ(format!("reference {reference}"), &"one order", &"two");
        }
        for reference in self.taken.keys().filter(|reference| **reference >= references) {
            differ(format!("reference {reference}"), &"not given it", &"an order of it");
        }
        for (reference, open) in self.open.iter().filter(|(_, open)| **open > 0) {
            differ(format!("reference {reference}"), &"no shares open", open);
        }
        for (id, instrument) in table.iter() {
            let engine = portfolio.holding(id);
            let ledger = self.holdings.get(&instrument.symbol).copied().unwrap_or_default();
            let of = |what| format!("{} {what}", instrument.symbol);
            if engine.position != ledger.position {
                differ(of("position"), &engine.position.0, &ledger.position.0);
            }
            if (engine.bought, engine.sold) != (ledger.bought, ledger.sold) {
                let both =
                    |holding: &Holding| format!("{} and {}", holding.bought.0, holding.sold.0);
                differ(of("bought and sold"), &both(&engine), &both(&ledger));
            }
            if (engine.cost, engine.realised) != (ledger.cost, ledger.realised) {
                let both = |holding: &Holding| format!("{} and {}", holding.cost, holding.realised);
                differ(of("cost and realised profit"), &both(&engine), &both(&ledger));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::instrument::Instrument;
    use crate::base::unit::InstrumentId;

    const LEDGER: &str = "sequence,...\n\
        1,100,accept,1,DESK01,0,1,900,AAAB,B,100,1000000,100,,\n\
        2,100,execute,7,,0,5,800,AAAB,S,40,1000000,0,11,\n\
        3,100,execute,1,DESK01,0,1,900,AAAB,B,40,1000000,60,11,\n\
        4,150,replace,1,DESK01,0,2,901,AAAB,B,60,1010000,60,,900/1\n\
        5,160,cancel,1,DESK01,0,2,901,AAAB,B,60,1010000,0,,user\n\
        6,170,accept,1,DESK01,0,3,902,AAAC,S,10,2000000,10,,\n\
        7,170,execute,1,DESK01,0,3,902,AAAC,S,10,2000000,0,12,\n";

    /// A table of both symbols, and a portfolio with what was traded.
    fn engine(fills: &[(u32, Side, u64, i64)]) -> (Portfolio, InstrumentTable) {
        let (mut portfolio, mut table) = (Portfolio::new(2), InstrumentTable::new());
        for name in ["AAAB", "AAAC"] {
            table.add(Instrument::new(name.parse().unwrap()));
        }
        for (id, side, qty, dollars) in fills {
            let price = Price(dollars * 1_000_000_000);
            portfolio.fill(InstrumentId(*id), *side, price, Qty(*qty), Money::ZERO);
        }
        (portfolio, table)
    }

    const SAME: [(u32, Side, u64, i64); 2] = [(0, Side::BUY, 40, 100), (1, Side::SELL, 10, 200)];

    #[test]
    fn an_account_that_is_the_same_has_no_differences() {
        let account = Account::read(LEDGER, "DESK01").unwrap();
        assert_eq!((account.fills, account.taken[&2]), (2, 150));
        let (portfolio, table) = engine(&SAME);
        assert_eq!(account.differences(&portfolio, &table, 2, 4), [""; 0]);
    }

    #[test]
    fn each_thing_that_differs_is_told() {
        let account = Account::read(LEDGER, "DESK01").unwrap();
        let (portfolio, table) = engine(&SAME);
        let told = |fills, references| account.differences(&portfolio, &table, fills, references);
        assert!(told(3, 4)[0].starts_with("fills: the engine has 3"));
        assert!(told(2, 3)[0].starts_with("reference 3: "));
        let (other, _) = engine(&[(0, Side::BUY, 40, 101), SAME[1]]);
        assert_eq!(account.differences(&other, &table, 2, 4).len(), 1, "another price");
        let (other, _) = engine(&SAME[..1]);
        assert_eq!(account.differences(&other, &table, 2, 4).len(), 3, "a fill that it lacks");
    }

    #[test]
    fn what_is_open_or_came_twice_is_told() {
        let twice = LEDGER.to_owned() + "8,180,accept,1,DESK01,0,3,903,AAAC,S,10,2000000,10,,\n";
        let (portfolio, table) = engine(&SAME);
        let account = Account::read(&twice, "DESK01").unwrap();
        assert_eq!(account.differences(&portfolio, &table, 2, 4).len(), 2);
    }

    #[test]
    fn a_broken_trade_takes_its_fill_back() {
        let broken = LEDGER.to_owned() + "8,180,break,1,DESK01,0,3,902,AAAC,,0,,0,12,\n";
        let account = Account::read(&broken, "DESK01").unwrap();
        let (mut portfolio, table) = engine(&SAME);
        portfolio.void(InstrumentId(1), Side::SELL, Price(200_000_000_000), Qty(10), Money::ZERO);
        assert_eq!(account.differences(&portfolio, &table, 2, 4), [""; 0]);
        let unknown = LEDGER.to_owned() + "8,180,break,1,DESK01,0,3,902,AAAC,,0,,0,99,\n";
        assert!(Account::read(&unknown, "DESK01").unwrap_err().starts_with("ledger, row 8"));
    }
}
