//! What the gate says at the end: how much of each limit is used, what it refused, who may not trade, the account.

use super::trading::decimal;
use super::{grouped, wrapped};
use crate::base::name;
use crate::base::unit::{InstrumentId, Level, Money, TradingState};
use crate::portfolio::Figures;
use crate::risk::{FirstRefusal, Gate, GateCounts, ScopeUse, Use};
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::io::{self, Write};

/// Uses that are printed; all are in `summary.json`.
const USES_SHOWN: usize = 6;
/// Uses that are counts; the others are money.
const COUNTS: [&str; 3] = ["window quantity", "open orders", "orders per trade"];

/// The figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RiskFigures {
    version: u32,
    off: Vec<&'static str>,
    scopes: Vec<ScopeUse>,
    counts: GateCounts,
    lost_news: u64,
    account: Figures,
}

/// How much of a limit is used, in per cent; `None` if it is off.
fn per_cent(one: &Use) -> Option<i128> {
    one.limit.map(|limit| one.used.max(0).saturating_mul(100) / limit.max(1))
}

fn called<'a>(scope: &ScopeUse, symbol: &impl Fn(InstrumentId) -> &'a str) -> String {
    match scope.level {
        Level::INSTRUMENT => name::of_scope(scope.level, symbol(InstrumentId(scope.id))),
        level => name::of_scope(level, &scope.id.to_string()),
    }
}

/// An amount of what the limit of this name limits.
fn amount(name: &str, amount: i128) -> Value {
    if COUNTS.contains(&name) { json!(amount as i64) } else { decimal(Money(amount)) }
}

fn refusal(first: &FirstRefusal) -> Value {
    json!({ "order_id": first.order.0, "limit": first.limit, "value": first.value })
}

impl RiskFigures {
    /// Those of a gate that has seen its last message.
    pub(super) fn of(gate: &Gate) -> Self {
        Self {
            version: gate.limits().version,
            off: gate.limits().off(),
            scopes: gate.uses().collect(),
            counts: gate.counts().clone(),
            lost_news: gate.lost_news(),
            account: gate.portfolio().figures(),
        }
    }

    /// Adds them to `summary.json`; `symbol` names instruments.
    pub(super) fn json<'a>(
        &self,
        symbol: impl Fn(InstrumentId) -> &'a str,
        all: &mut Map<String, Value>,
    ) {
        let scopes = self.scopes.iter().map(|scope| {
            let uses = Use::NAMES.iter().zip(&scope.uses);
            let uses = uses.filter_map(|(name, one)| {
                let (limit, per_cent) = (one.limit?, per_cent(one)?);
                let (used, limit) = (amount(name, one.used), amount(name, limit));
                let value = json!({ "used": used, "limit": limit, "per_cent": per_cent as i64 });
                Some((name.replace(' ', "_"), value))
            });
            json!({
                "level": scope.level.name(),
                "scope": called(scope, &symbol),
                "state": scope.state.name(),
                "uses": Value::Object(uses.collect()),
            })
        });
        let counts = &self.counts;
        let refused = counts.refusals.iter().filter(|(_, count)| *count > 0);
        let refused = refused.map(|(code, count)| {
            let first = counts.first.iter().find(|first| first.code == *code).map(refusal);
            let value = json!({ "code": code.0, "count": count, "first": first });
            (code.name().to_string(), value)
        });
        let risk = json!({
            "limits_version": self.version,
            "controls_off": self.off,
            "scopes": Value::Array(scopes.collect()),
            "refusals": Value::Object(refused.collect()),
            "repeated_reports": counts.repeated_reports,
            "unknown_commands": counts.unknown_commands,
            "refused_limits": counts.refused_limits,
            "lost_news": self.lost_news,
        });
        all.insert("risk".into(), risk);
        let Figures { cash, equity, gross, net, leverage, buying_power, .. } = self.account;
        let account = json!({
            "cash": decimal(cash),
            "equity": decimal(equity),
            "gross": decimal(gross),
            "net": decimal(net),
            "leverage_hundredths": leverage,
            "buying_power": decimal(buying_power),
        });
        all.insert("account".into(), account);
    }

    /// Limits in order of their use, the most used first.
    fn most_used<'a>(&self, symbol: &impl Fn(InstrumentId) -> &'a str) -> Vec<(i128, String)> {
        let mut used: Vec<_> = self
            .scopes
            .iter()
            .flat_map(|scope| Use::NAMES.iter().zip(&scope.uses).map(move |it| (scope, it)))
            .filter_map(|(scope, (name, one))| Some((per_cent(one)?, scope, *name)))
            .collect();
        used.sort_by_key(|(per_cent, ..)| Reverse(*per_cent));
        let shown = used.into_iter().take(USES_SHOWN);
        shown
            .map(|(share, scope, name)| (share, format!("{} {name}", called(scope, symbol))))
            .collect()
    }

    /// The table's part.
    pub(super) fn print<'a>(
        &self,
        symbol: impl Fn(InstrumentId) -> &'a str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let counts = &self.counts;
        let refused = counts.refusals.iter().filter(|(_, count)| *count > 0);
        let refused = refused.map(|(code, count)| {
            let first = counts.first.iter().find(|first| first.code == *code);
            // Who only says that it was refused has no numbers.
            let first = first.filter(|first| (first.limit, first.value) != (0, 0));
            let first = first.map_or(String::new(), |FirstRefusal { limit, value, .. }| {
                format!(" (first: limit {limit}, value {value})")
            });
            format!("{} {}{first}", code.name(), grouped(*count))
        });
        let mut refused = refused.peekable();
        let none = refused.peek().is_none().then(|| "none".to_string());
        wrapped(out, "refused   ", refused.chain(none))?;
        let head = format!("version {}, most used:", self.version);
        let used = self.most_used(&symbol);
        let used = used.into_iter().map(|(share, name)| format!("{name} {share}%"));
        let mut used = used.peekable();
        let head = if used.peek().is_some() { head } else { format!("version {}", self.version) };
        wrapped(out, "limits    ", std::iter::once(head).chain(used))?;
        let latched = self.scopes.iter().filter(|scope| scope.state != TradingState::LIVE);
        let latched = latched.map(|scope| format!("{} {}", called(scope, &symbol), scope.state));
        let mut latched = latched.peekable();
        if latched.peek().is_some() {
            wrapped(out, "latched   ", latched)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::code::Code;
    use crate::base::unit::OrderId;

    fn figures() -> RiskFigures {
        let off = Use { used: 7, limit: None };
        let mut uses = [off; Use::COUNT];
        uses[1] = Use { used: 1_500_000_000, limit: Some(2_000_000_000) };
        uses[5] = Use { used: 3, limit: Some(4_000) };
        let firm = ScopeUse {
            level: Level::FIRM,
            id: 0,
            state: TradingState::LIVE,
            uses: [off; Use::COUNT],
        };
        let quoter =
            ScopeUse { level: Level::STRATEGY, id: 2, state: TradingState::REDUCE_ONLY, uses };
        uses[1].used = 2_000_000_000;
        let instrument =
            ScopeUse { level: Level::INSTRUMENT, state: TradingState::LIVE, uses, ..quoter };
        let first = FirstRefusal { code: Code::POSITION, order: OrderId(9), limit: 10, value: 12 };
        let counts = GateCounts {
            refusals: vec![(Code::KILLED, 2), (Code::POSITION, 1_500), (Code::RATE, 0)],
            first: vec![first, FirstRefusal { code: Code::KILLED, limit: 0, value: 0, ..first }],
            repeated_reports: 4,
            unknown_commands: 5,
            refused_limits: 7,
            ..GateCounts::default()
        };
        let account = Figures { cash: Money(-1), leverage: Some(120), ..Figures::default() };
        RiskFigures {
            version: 3,
            off: vec!["restricted"],
            scopes: vec![firm, quoter, instrument],
            counts,
            lost_news: 6,
            account,
        }
    }

    #[test]
    fn limits_in_use_refusals_and_latches_are_a_line_each() {
        let mut out = Vec::new();
        figures().print(|_| "AAPL", &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let expected = [
            "refused   killed 2  position 1,500 (first: limit 10, value 12)",
            "limits    version 3, most used:  instrument:AAPL net 100%  strategy:quoter net 75%",
            "          strategy:quoter open orders 0%  instrument:AAPL open orders 0%",
            "latched   strategy:quoter reduce-only",
        ];
        assert_eq!(lines, expected);
        let mut out = Vec::new();
        RiskFigures::default().print(|_| "", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "refused   none\nlimits    version 0\n");
    }

    #[test]
    fn all_of_it_is_in_the_summary() {
        let mut all = Map::new();
        figures().json(|_| "AAPL", &mut all);
        let (all, is) = (Value::Object(all), |value: &Value, text: &str| {
            assert_eq!(value.to_string(), text);
        });
        let at = |path: &str| all.pointer(path).unwrap_or(&Value::Null).clone();
        is(&at("/risk/limits_version"), "3");
        is(&at("/risk/controls_off"), "[\"restricted\"]");
        is(&at("/risk/scopes/0/uses"), "{}");
        is(&at("/risk/scopes/1/scope"), "\"strategy:quoter\"");
        is(&at("/risk/scopes/1/state"), "\"reduce-only\"");
        is(&at("/risk/scopes/1/uses/net/used"), "1.500000000");
        is(&at("/risk/scopes/1/uses/net/per_cent"), "75");
        is(&at("/risk/scopes/2/uses/open_orders/limit"), "4000");
        is(&at("/risk/scopes/2/level"), "\"instrument\"");
        is(&at("/risk/refusals/position/count"), "1500");
        is(&at("/risk/refusals/position/first/value"), "12");
        is(&at("/risk/refusals/rate"), "null");
        is(&at("/risk/repeated_reports"), "4");
        is(&at("/risk/unknown_commands"), "5");
        is(&at("/risk/refused_limits"), "7");
        is(&at("/risk/lost_news"), "6");
        is(&at("/account/cash"), "-0.000000001");
        is(&at("/account/leverage_hundredths"), "120");
    }
}
