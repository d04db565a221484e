//! What the console tells, in facts: a name, a value, and how it sounds. The screen and the lines choose among them.
#![forbid(unsafe_code)]

use super::text::{decimal, rate, signed, span};
use crate::base::command::Commands;
use crate::base::instrument::Symbols;
use crate::base::unit::{Money, OrderState};
use crate::cli::summary::grouped;
use crate::telemetry::{Distribution, PositionView, Rates, Stated, View};
use std::cmp::Reverse;

/// How a fact sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Quiet,
    Strong,
    Good,
    Warning,
    Bad,
}

/// One fact; its name may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) tone: Tone,
}

fn fact(name: &'static str, value: String) -> Fact {
    Fact { name, value, tone: Tone::Plain }
}

/// A count that should be zero.
fn fault(name: &'static str, count: u64, tone: Tone) -> Fact {
    Fact { name, value: grouped(count), tone: if count > 0 { tone } else { Tone::Quiet } }
}

fn state(state: &Stated) -> Fact {
    let tone = if state.name == "live" { Tone::Good } else { Tone::Warning };
    Fact { name: "", value: state.name.to_string(), tone }
}

/// How the run stands.
pub(super) fn standing(commands: &Commands) -> Fact {
    let stops = commands.stops() || commands.ends();
    let (value, tone) = match (commands.killed(), stops, commands.flattens()) {
        (true, true, _) => ("KILLED, stopping", Tone::Bad),
        (true, false, _) => ("KILLED", Tone::Bad),
        (false, true, _) => ("stopping", Tone::Warning),
        (false, false, true) => ("flattening", Tone::Warning),
        (false, false, false) => ("running", Tone::Quiet),
    };
    Fact { name: "", value: value.into(), tone }
}

/// The feed: where it stands and what comes.
pub(super) fn feed(view: &View, rates: &Rates) -> Vec<Fact> {
    let [a, b] = rates.packets;
    vec![
        state(&view.feed.state),
        fact("messages", rate(rates.messages)),
        fact("A", rate(a)),
        fact("B", rate(b)),
        fact("in all", grouped(view.feed.messages)),
    ]
}

/// Gaps, and what became of them.
pub(super) fn gaps(view: &View) -> Vec<Fact> {
    let feed = &view.feed;
    vec![
        fact("seen", grouped(feed.gaps_seen)),
        fact("healed", grouped(feed.gaps_healed)),
        fault("lost", feed.lost, Tone::Bad),
        fault("kernel drops", feed.kernel_drops, Tone::Bad),
        fact("re-requests", grouped(feed.rerequests)),
        fact("snapshots", grouped(feed.snapshots)),
    ]
}

/// The session with the exchange, and what goes over it.
pub(super) fn session(view: &View, rates: &Rates) -> Vec<Fact> {
    let gateway = &view.gateway;
    vec![
        state(&gateway.phase),
        fact("open", grouped(gateway.open)),
        fact("orders", rate(rates.orders)),
        fact("replaces", rate(rates.replaces)),
        fact("cancels", rate(rates.cancels)),
        fact("answers", rate(rates.answers)),
        fact("connections", grouped(gateway.connections)),
        fact("logins", grouped(gateway.logins)),
        fact("next reference", grouped(gateway.next_reference)),
    ]
}

/// Orders since the start, and how they ended.
pub(super) fn orders(view: &View, rates: &Rates) -> Vec<Fact> {
    let (trading, gateway) = (&view.trading, &view.gateway);
    let ended = |state| grouped(trading.ended(state));
    let mut facts = vec![
        fact("sent", grouped(gateway.orders + gateway.replaces)),
        fact("fills", format!("{} ({})", grouped(trading.fills), rate(rates.fills))),
        fact("filled", ended(OrderState::FILLED)),
        fact("canceled", ended(OrderState::CANCELED)),
        fact("replaced", ended(OrderState::REPLACED)),
    ];
    if trading.broken > 0 {
        facts.push(fault("broken fills", trading.broken, Tone::Warning));
    }
    if gateway.refused > 0 {
        facts.push(fault("refused by the gateway", gateway.refused, Tone::Warning));
    }
    facts
}

/// How many orders were refused or rejected, and why: the most frequent reasons first.
pub(super) fn refusals(view: &View) -> Vec<Fact> {
    let trading = &view.trading;
    let count = trading.ended(OrderState::REFUSED) + trading.ended(OrderState::REJECTED);
    let mut refusals = trading.refusals.clone();
    // Equal ones in order of code: the screen does not flicker.
    refusals.sort_by_key(|(code, count)| (Reverse(*count), *code));
    let reasons = refusals.into_iter().map(|(code, count)| fact(code.name(), grouped(count)));
    [fault("", count, Tone::Warning)].into_iter().chain(reasons).collect()
}

/// Latencies: median, 99 of a hundred, the longest, how many.
pub(super) fn latency(latency: &Distribution) -> Vec<Fact> {
    if latency.count() == 0 {
        return vec![Fact { name: "", value: "nothing sent".into(), tone: Tone::Quiet }];
    }
    vec![
        fact("p50", span(latency.quantile(500))),
        fact("p99", span(latency.quantile(990))),
        fact("max", span(latency.max())),
        fact("of", grouped(latency.count())),
    ]
}

/// The sum of all positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Instruments that are not flat.
    pub(super) open: u64,
    /// Of those, the ones without a mark: their P&L is not in `unrealised`.
    pub(super) unmarked: u64,
    /// What is held, long and short alike.
    pub(super) gross: i128,
    pub(super) realised: i128,
    pub(super) unrealised: i128,
    pub(super) fees: i128,
}

impl Totals {
    pub(super) fn of(positions: &[PositionView]) -> Self {
        let mut totals = Self::default();
        for position in positions {
            let held = &position.held;
            totals.open += u64::from(held.position.0 != 0);
            totals.gross += position.value().0.abs();
            totals.realised += held.realised.0;
            totals.fees += held.fees.0;
            match position.unrealised() {
                Some(amount) => totals.unrealised += amount.0,
                None => totals.unmarked += 1,
            }
        }
        totals
    }

    /// What it all comes to, fees paid.
    pub(super) fn net(&self) -> i128 {
        self.realised + self.unrealised - self.fees
    }
}

/// The sum of all positions, in facts.
pub(super) fn totals(totals: &Totals) -> Vec<Fact> {
    let Totals { open, unmarked, gross, realised, unrealised, fees } = *totals;
    let mut facts = vec![
        Fact { name: "net", ..profit(totals.net()) },
        Fact { name: "realised", ..profit(realised) },
        Fact { name: "unrealised", ..profit(unrealised) },
        fact("fees", decimal(fees, 2)),
        fact("gross", decimal(gross, 0)),
        fact("positions", grouped(open)),
    ];
    if unmarked > 0 {
        facts.push(fault("without a mark", unmarked, Tone::Warning));
    }
    facts
}

fn profit(amount: i128) -> Fact {
    let tone = match amount {
        0 => Tone::Plain,
        1.. => Tone::Good,
        _ => Tone::Bad,
    };
    Fact { name: "", value: decimal(amount, 2), tone }
}

/// The columns of the table of positions, with their widths: the first to the left, the others to the right with a space
/// before them.
pub(super) const COLUMNS: [(&str, usize); 7] = [
    ("symbol", 8),
    ("mark", 12),
    ("position", 10),
    ("avg cost", 11),
    ("value", 12),
    ("realised", 10),
    ("unrealised", 11),
];

/// A row of the table.
pub(super) fn row(position: &PositionView, symbols: &Symbols) -> [Fact; 7] {
    let held = &position.held;
    let flat = held.position.0 == 0;
    let unknown = || Fact { name: "", value: "-".into(), tone: Tone::Quiet };
    let price = |amount: i64| fact("", decimal(amount.into(), 4));
    let Money(value) = position.value();
    [
        Fact { name: "", value: symbols.name(position.instrument), tone: Tone::Strong },
        position.mark.map_or_else(unknown, |mark| price(mark.0)),
        fact("", signed(held.position.0)),
        if flat { unknown() } else { price(held.average_cost.0) },
        fact("", decimal(value, 0)),
        profit(held.realised.0),
        position.unrealised().map_or_else(unknown, |amount| profit(amount.0)),
    ]
}

/// Positions in the order in which they are shown: the largest by value, then those most traded.
pub(super) fn ranked(positions: &[PositionView]) -> Vec<&PositionView> {
    let mut ranked: Vec<_> = positions.iter().collect();
    let size = |position: &PositionView| Reverse(position.value().0.unsigned_abs());
    ranked.sort_by_key(|position| {
        (size(position), Reverse(position.held.traded), position.instrument)
    });
    ranked
}
