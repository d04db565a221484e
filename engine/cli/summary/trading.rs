//! Orders, positions, profit and latencies of a run.

use super::risk::RiskFigures;
use super::{POSITIONS_SHOWN, grouped};
use crate::base::unit::{InstrumentId, Money, Price, Qty};
use crate::book::Host;
use crate::ingest::Day;
use crate::paper::PaperCounts;
use crate::portfolio::Holding;
use crate::risk::FirstRefusal;
use crate::route::RouteCounts;
use crate::telemetry::Latency;
use crate::topology::outcome::Outcome;
use serde_json::{Map, Number, Value, json};
use std::io::{self, Write};

/// Figures of orders and money.
#[derive(Default)]
pub(crate) struct TradingFigures {
    orders: u64,
    cancels: u64,
    fills: u64,
    open: u64,
    refusals: Vec<(&'static str, u64)>,
    first_refusals: Vec<FirstRefusal>,
    paper: PaperCounts,
    /// Reports on orders that the gate does not know.
    unknown_reports: u64,
    route: RouteCounts,
    positions: Vec<Position>,
    realised: i128,
    unrealised: i128,
    fees: i128,
    latencies: Vec<(&'static str, Percentiles)>,
    risk: RiskFigures,
}

struct Position {
    instrument: InstrumentId,
    holding: Holding,
    unrealised: Money,
}

/// The latencies of a replay by stage, in flow order.
pub(crate) fn latencies(outcome: &Outcome<Day>) -> Vec<(&'static str, &Latency)> {
    let ingest = outcome.source.as_ref().map(|day| ("ingest", day.latency()));
    ingest.into_iter().chain(stages(outcome)).collect()
}

/// The latencies of the stages that every run has.
pub(crate) fn stages<S>(outcome: &Outcome<S>) -> [(&'static str, &Latency); 4] {
    [
        ("book", &outcome.book),
        ("risk", &outcome.risk),
        ("route", &outcome.venue),
        ("tick_to_order", &outcome.tick_to_order),
    ]
}

/// Nanoseconds.
struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
    count: u64,
}

impl Percentiles {
    fn of(latency: &Latency) -> Self {
        let histogram = latency.histogram();
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
            count: histogram.len(),
        }
    }

    fn json(&self) -> Value {
        let Self { p50, p90, p99, p999, max, count } = self;
        json!({ "p50": p50, "p90": p90, "p99": p99, "p999": p999, "max": max, "count": count })
    }
}

impl TradingFigures {
    /// Those of a run; without a gate, none.
    pub(crate) fn of<S>(
        outcome: &Outcome<S>,
        latencies: &[(&'static str, &Latency)],
    ) -> Option<Self> {
        let gate = outcome.gate.as_ref()?;
        let counts = gate.counts();
        let refusals = counts.refusals.iter().filter(|(_, count)| *count > 0);
        let mut figures = Self {
            orders: counts.orders,
            cancels: counts.cancels,
            fills: counts.fills,
            first_refusals: counts.first.clone(),
            unknown_reports: counts.unknown_reports,
            route: outcome.route.map(|(route, _)| route).unwrap_or_default(),
            risk: RiskFigures::of(gate),
            open: gate.open_orders().len() as u64,
            refusals: refusals.map(|(code, count)| (code.name(), *count)).collect(),
            ..Self::default()
        };
        for (_, paper) in &outcome.books {
            figures.paper.displaced += paper.displaced;
            figures.paper.untracked += paper.untracked;
        }
        for (instrument, holding) in gate.portfolio().traded() {
            let mark = mark(outcome, instrument, holding);
            let unrealised = holding.unrealised(mark);
            figures.realised += holding.realised.0;
            figures.unrealised += unrealised.0;
            figures.fees += holding.fees.0;
            figures.positions.push(Position { instrument, holding: *holding, unrealised });
        }
        let latencies = latencies.iter();
        figures.latencies =
            latencies.map(|(stage, latency)| (*stage, Percentiles::of(latency))).collect();
        Some(figures)
    }

    /// Adds them to `summary.json`; `symbol` names instruments.
    pub(super) fn json<'a>(
        &self,
        symbol: impl Fn(InstrumentId) -> &'a str,
        all: &mut Map<String, Value>,
    ) {
        let trading = self;
        let refusals = trading.refusals.iter();
        let refusals = refusals.map(|(name, count)| ((*name).to_string(), json!(count)));
        let positions = trading.positions.iter().map(|position| {
            let holding = &position.holding;
            json!({
                "instrument": symbol(position.instrument),
                "position": holding.position.0,
                "average_cost": decimal(Money(i128::from(holding.average_cost().0))),
                "realised": decimal(holding.realised),
                "unrealised": decimal(position.unrealised),
                "fees": decimal(holding.fees),
                "bought": holding.bought.0,
                "sold": holding.sold.0,
            })
        });
        all.insert("orders".into(), json!(trading.orders));
        all.insert("orders_sent".into(), json!(trading.route.sent));
        all.insert("orders_open".into(), json!(trading.open));
        all.insert("cancels".into(), json!(trading.cancels));
        all.insert("fills".into(), json!(trading.fills));
        all.insert("refusals".into(), Value::Object(refusals.collect()));
        let first = trading.first_refusals.iter().map(|first| {
            let FirstRefusal { code, order, limit, value } = first;
            let first = json!({ "order_id": order.0, "limit": limit, "value": value });
            (code.name().to_string(), first)
        });
        all.insert("first_refusals".into(), Value::Object(first.collect()));
        all.insert("paper_displaced".into(), json!(trading.paper.displaced));
        all.insert("paper_untracked".into(), json!(trading.paper.untracked));
        all.insert("unknown_reports".into(), json!(trading.unknown_reports));
        all.insert("route_unknown_reports".into(), json!(trading.route.unknown));
        all.insert("route_impossible_reports".into(), json!(trading.route.impossible));
        let pnl = json!({
            "realised": decimal(Money(trading.realised)),
            "unrealised": decimal(Money(trading.unrealised)),
            "fees": decimal(Money(trading.fees)),
        });
        all.insert("pnl".into(), pnl);
        trading.risk.json(&symbol, all);
        all.insert("positions".into(), Value::Array(positions.collect()));
        let latencies = trading.latencies.iter();
        let latencies = latencies.map(|(stage, figures)| ((*stage).to_string(), figures.json()));
        all.insert("latency_ns".into(), Value::Object(latencies.collect()));
    }

    /// The table's part; `symbol` names instruments.
    pub(super) fn print<'a>(
        &self,
        symbol: impl Fn(InstrumentId) -> &'a str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let trading = self;
        writeln!(
            out,
            "orders    {} asked for, {} sent, {} cancels, {} fills, {} still open",
            grouped(trading.orders),
            grouped(trading.route.sent),
            grouped(trading.cancels),
            grouped(trading.fills),
            grouped(trading.open)
        )?;
        trading.risk.print(&symbol, out)?;
        writeln!(
            out,
            "P&L       realised {:.2}, unrealised {:.2}, fees {:.2}",
            units(trading.realised),
            units(trading.unrealised),
            units(trading.fees)
        )?;
        writeln!(
            out,
            "\nlatency, ns         p50      p90      p99    p99.9        max      count"
        )?;
        for (stage, figures) in &trading.latencies {
            let Percentiles { p50, p90, p99, p999, max, count } = figures;
            writeln!(
                out,
                "  {stage:<13} {p50:>8} {p90:>8} {p99:>8} {p999:>8} {max:>10} {count:>10}"
            )?;
        }
        if trading.positions.is_empty() {
            return Ok(());
        }
        let mut positions: Vec<_> = trading.positions.iter().collect();
        let total = |position: &Position| position.holding.realised.0 + position.unrealised.0;
        positions.sort_by_key(|position| std::cmp::Reverse(total(position).unsigned_abs()));
        writeln!(out, "\nposition           lots    avg cost     realised   unrealised")?;
        for position in positions.iter().take(POSITIONS_SHOWN) {
            let Position { instrument, holding, unrealised } = position;
            writeln!(
                out,
                "  {:<10} {:>10} {:>11} {:>12.2} {:>12.2}",
                symbol(*instrument),
                holding.position.0,
                holding.average_cost().to_string(),
                units(holding.realised.0),
                units(unrealised.0)
            )?;
        }
        match positions.len().saturating_sub(POSITIONS_SHOWN) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more, by size of profit or loss"),
        }
    }
}

/// What the position could be closed at: the best price of the other side, else the last trade, else its own cost.
fn mark<S>(outcome: &Outcome<S>, instrument: InstrumentId, holding: &Holding) -> Price {
    let mut last = None;
    for (host, _) in &outcome.books {
        let top = host.books().top(instrument);
        let (price, qty) =
            if holding.position.0 > 0 { (top.bid, top.bid_qty) } else { (top.ask, top.ask_qty) };
        if qty > Qty::ZERO {
            return price;
        }
        last = last.or(host.books().last_trade(instrument));
    }
    last.map_or(holding.average_cost(), |(price, _)| price)
}

/// Money as a JSON number, digit for digit.
pub(super) fn decimal(amount: Money) -> Value {
    // A decimal literal is a JSON number.
    amount.to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

/// Money for a table: two places are enough there.
fn units(amount: i128) -> f64 {
    amount as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_digit_for_digit() {
        let huge = Money(123_456_789_012_345_678_901_234_567);
        assert_eq!(decimal(huge).to_string(), "123456789012345678.901234567");
    }
}
