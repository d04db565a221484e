//! The engine's files against the exchange's ledger: orders, what became of each, executions, positions. The columns are all
//! that the two have in common; nothing of either's code is used.

use crate::csv::{Row, Table};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Symbol, whether it is a buy, price in ten-thousandths, shares.
type Trade = (String, bool, i64, i64);
/// Symbol, whether it is a buy, the limit, and what became of it.
type Fate = (String, bool, i64, &'static str);

/// What an exchange's ledger says of one client.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Executions that stand, and how often each.
    pub(crate) trades: BTreeMap<Trade, i64>,
    /// Shares bought less shares sold.
    pub(crate) positions: BTreeMap<String, i64>,
    /// Orders by reference: what became of them; those that are open have no entry.
    ends: BTreeMap<u32, &'static str>,
    orders: BTreeMap<u32, (String, bool, i64)>,
    /// Orders, replaces among them.
    pub(crate) taken: usize,
    pub(crate) rejects: usize,
    pub(crate) breaks: usize,
    /// Symbol and shares of the trades that were broken after all else, in order; signed, as they stood.
    pub(crate) broken_last: Vec<(String, i64)>,
    /// When orders were taken, in the ledger's time.
    pub(crate) times: Vec<i64>,
}

/// Shares, negative if they were sold.
fn signed(trade: &Trade) -> i64 {
    if trade.1 { trade.3 } else { -trade.3 }
}

impl Ledger {
    /// Reads it, and sees that references are taken once, in order, and that no order has more than one end.
    pub(crate) fn read(path: &Path, user: &str) -> Self {
        let (mut ledger, mut last) = (Self::default(), 0);
        let mut executions: BTreeMap<(i64, u32), Trade> = BTreeMap::new();
        for (place, row) in Table::read(path).rows().enumerate() {
            assert_eq!(row.number("sequence"), place as i64 + 1, "a ledger without holes");
            if row.text("account") != user {
                continue;
            }
            let reference: u32 = row.text("user_ref").parse().unwrap();
            let symbol = || row.text("symbol").to_owned();
            if row.text("kind") != "break" {
                ledger.broken_last.clear();
            }
            match row.text("kind") {
                kind @ ("accept" | "replace") => {
                    assert!(reference > last, "reference {reference} after {last}");
                    last = reference;
                    let limit = row.number("price");
                    ledger.orders.insert(reference, (symbol(), row.text("side") == "B", limit));
                    ledger.times.push(row.number("time"));
                    if kind == "replace" {
                        let (_, before) = row.text("reason").split_once('/').unwrap();
                        ledger.end(before.parse().unwrap(), "replaced");
                    }
                }
                "execute" | "cross" => {
                    let (price, shares) = (row.number("price"), row.number("shares"));
                    let trade = (symbol(), row.text("side") == "B", price, shares);
                    ledger.trade(&trade, 1);
                    let before = executions.insert((row.number("match"), reference), trade);
                    assert!(before.is_none(), "an execution told twice");
                    if row.number("open") == 0 {
                        ledger.end(reference, "filled");
                    }
                }
                "break" => {
                    let broken = executions.remove(&(row.number("match"), reference));
                    let broken = broken.expect("an execution that was");
                    ledger.trade(&broken, -1);
                    ledger.broken_last.push((symbol(), signed(&broken)));
                    ledger.breaks += 1;
                }
                "cancel" if row.number("open") == 0 => ledger.end(reference, "canceled"),
                "reject" => {
                    assert!(reference > last, "reference {reference} after {last}");
                    last = reference;
                    ledger.rejects += 1;
                }
                _ => {}
            }
        }
        ledger.taken = ledger.orders.len();
        ledger
    }

    fn end(&mut self, reference: u32, how: &'static str) {
        assert!(self.orders.contains_key(&reference), "{how}: no order {reference}");
        let before = self.ends.insert(reference, how);
        assert_eq!(before, None, "{how}: order {reference} had ended");
    }

    fn trade(&mut self, trade: &Trade, sign: i64) {
        *self.trades.entry(trade.clone()).or_default() += sign;
        *self.positions.entry(trade.0.clone()).or_default() += sign * signed(trade);
    }

    /// Orders that have no end.
    pub(crate) fn open(&self) -> usize {
        self.orders.len() - self.ends.len()
    }

    /// How often each end was met, by what the order was.
    fn fates(&self) -> BTreeMap<Fate, i64> {
        let mut fates = BTreeMap::new();
        for (reference, (symbol, buy, limit)) in &self.orders {
            let end = self.ends.get(reference).copied().unwrap_or("open");
            *fates.entry((symbol.clone(), *buy, *limit, end)).or_default() += 1;
        }
        fates
    }
}

/// What an engine's files say, and what must hold of them alone.
pub(crate) struct Engine {
    trades: BTreeMap<Trade, i64>,
    fates: BTreeMap<Fate, i64>,
    /// Orders that the venue saw.
    pub(crate) sent: usize,
    /// Of those decided while the feed was not whole; must be none.
    pub(crate) blind: usize,
    /// How long the feed was not whole, in nanoseconds of that part of the run in which orders were decided.
    pub(crate) gapped: i64,
    /// Gaps that began in that part of the run.
    pub(crate) gaps: usize,
}

impl Engine {
    pub(crate) fn read(folder: &Path) -> Self {
        let mut trades = BTreeMap::new();
        for row in Table::read(&folder.join("fills.csv")).rows() {
            let shares = row.number("quantity");
            let trade = (name(row), row.text("side") == "buy", row.price("price"), shares.abs());
            *trades.entry(trade).or_default() += shares.signum();
        }
        let gaps: Vec<(i64, i64)> = Table::read(&folder.join("gaps.csv"))
            .rows()
            .map(|row| {
                let open = row.text("to_ns").is_empty();
                (row.number("from_ns"), if open { i64::MAX } else { row.number("to_ns") })
            })
            .collect();
        let (mut fates, mut ids) = (BTreeMap::new(), BTreeSet::new());
        let (mut sent, mut blind, mut span) = (0, 0, (i64::MAX, i64::MIN));
        for row in Table::read(&folder.join("orders.csv")).rows() {
            assert!(ids.insert(row.number("order_id")), "an order told twice");
            let time = row.number("time_ns");
            // Strictly between: what the packet before led to can have the very time at which a gap was told.
            let after = gaps.partition_point(|gap| gap.0 < time);
            blind += usize::from(after > 0 && time < gaps[after - 1].1);
            span = (span.0.min(time), span.1.max(time));
            let end = match row.text("state") {
                "filled" => "filled",
                "canceled" => "canceled",
                "replaced" => "replaced",
                // By the gate, or by route or the venue: no order came of it.
                "refused" | "rejected" => continue,
                other => panic!("an order ended as {other}"),
            };
            sent += 1;
            let fate = (name(row), row.text("side") == "buy", row.price("price"), end);
            *fates.entry(fate).or_default() += 1;
        }
        let within = |gap: &(i64, i64)| gap.1.min(span.1).saturating_sub(gap.0.max(span.0)).max(0);
        let gapped = if sent > 0 { gaps.iter().map(within).sum() } else { 0 };
        let gaps = gaps.iter().filter(|gap| (span.0..span.1).contains(&gap.0)).count();
        Self { trades, fates, sent, blind, gapped, gaps }
    }

    /// Where it differs from `ledger`; empty if nowhere.
    pub(crate) fn differences(&self, ledger: &Ledger, summary: &Value) -> Vec<String> {
        let mut found = Vec::new();
        differ("execution", &self.trades, &ledger.trades, &mut found);
        differ("order", &self.fates, &ledger.fates(), &mut found);
        differ("position", &positions(summary), &ledger.positions, &mut found);
        found
    }
}

/// Positions by symbol.
pub(crate) fn positions(summary: &Value) -> BTreeMap<String, i64> {
    let list = summary["positions"].as_array().expect("positions");
    let of =
        |it: &Value| (it["instrument"].as_str().unwrap().into(), it["position"].as_i64().unwrap());
    list.iter().map(of).collect()
}

fn name(row: Row<'_>) -> String {
    row.text("instrument").into()
}

/// Says of each key how often it is here and there, where that is not the same.
fn differ<K: Ord + std::fmt::Debug>(
    what: &str,
    engine: &BTreeMap<K, i64>,
    ledger: &BTreeMap<K, i64>,
    found: &mut Vec<String>,
) {
    let keys: BTreeSet<&K> = engine.keys().chain(ledger.keys()).collect();
    for key in keys {
        let of = |all: &BTreeMap<K, i64>| all.get(key).copied().unwrap_or(0);
        if of(engine) != of(ledger) {
            found.push(format!("{what} {key:?}: engine {}, ledger {}", of(engine), of(ledger)));
        }
    }
}
