//! What the console tells of the gate: states, the limits most used, the last refusals.
#![forbid(unsafe_code)]

use super::facts::{Fact, Tone};
use crate::base::code::Code;
use crate::base::instrument::Symbols;
use crate::base::message::Report;
use crate::base::name;
use crate::base::unit::{Level, TradingState};
use crate::telemetry::{RiskView, ScopeView, USE_NAMES};
use std::cmp::Reverse;

/// Uses of a scope that are shown.
const USES: usize = 3;
/// From so many per cent of a limit on it is a warning, and then a bad one.
const WARNED: [u64; 2] = [75, 90];

fn fact(name: &'static str, value: String, tone: Tone) -> Fact {
    Fact { name, value, tone }
}

fn state(of: TradingState) -> Tone {
    match of {
        TradingState::LIVE => Tone::Good,
        TradingState::REDUCE_ONLY => Tone::Warning,
        _ => Tone::Bad,
    }
}

fn tone(per_cent: u64) -> Tone {
    match per_cent {
        share if share >= WARNED[1] => Tone::Bad,
        share if share >= WARNED[0] => Tone::Warning,
        _ => Tone::Plain,
    }
}

fn called(scope: &ScopeView) -> String {
    name::of_scope(scope.level, &scope.id.to_string())
}

/// The uses of a scope that has limits, the highest first: what of, and per cent.
fn used(scope: &ScopeView) -> Vec<(&'static str, u64)> {
    let uses = USE_NAMES.iter().zip(&scope.uses);
    let mut used: Vec<_> = uses.filter_map(|(name, it)| Some((*name, it.per_cent()?))).collect();
    used.sort_by_key(|(_, per_cent)| Reverse(*per_cent));
    used
}

/// The tightest state of any scope; nothing if the gate shows none.
fn tightest(risk: &RiskView) -> Option<TradingState> {
    let scopes = risk.scopes.iter().map(|scope| scope.state);
    let instruments = risk.instruments.iter().map(|(_, state)| *state);
    risk.scopes.first().and(scopes.chain(instruments).max())
}

/// Of all scopes the limit that is used most: whose, what, per cent.
fn highest(risk: &RiskView) -> Option<(String, &'static str, u64)> {
    let first = |scope: &ScopeView| Some((called(scope), *used(scope).first()?));
    let all = risk.scopes.iter().filter_map(first);
    // Of equal ones the widest scope's.
    let highest = all.min_by_key(|(_, (_, per_cent))| Reverse(*per_cent));
    highest.map(|(scope, (name, per_cent))| (scope, name, per_cent))
}

/// A scope: its state and its highest uses.
pub(super) fn scope(scope: &ScopeView) -> Vec<Fact> {
    let mut facts = vec![
        fact("", called(scope), Tone::Strong),
        fact("", scope.state.to_string(), state(scope.state)),
    ];
    let used = used(scope).into_iter().take(USES);
    facts.extend(used.map(|(name, per_cent)| fact(name, format!("{per_cent}%"), tone(per_cent))));
    facts
}

/// Scopes that may not trade as they like.
pub(super) fn latched(risk: &RiskView, symbols: &Symbols) -> Vec<Fact> {
    let scopes = risk.scopes.iter().filter(|it| it.state != TradingState::LIVE);
    let scopes = scopes.map(|it| (called(it), it.state));
    let instruments = risk.instruments.iter().map(|(instrument, state)| {
        (name::of_scope(Level::INSTRUMENT, &symbols.name(*instrument)), *state)
    });
    let latched = scopes.chain(instruments);
    latched.map(|(name, of)| fact("", format!("{name} {of}"), state(of))).collect()
}

/// A refusal, with the limit that it met.
pub(super) fn refusal(record: &Report, symbols: &Symbols) -> Vec<Fact> {
    let (code, symbol) = (Code(record.code), symbols.name(record.head.instrument));
    vec![
        fact("", code.name().into(), Tone::Warning),
        fact("", format!("{} {} {symbol}", record.side, record.qty.0), Tone::Plain),
        fact("limit", record.limit.to_string(), Tone::Plain),
        fact("value", record.value.to_string(), Tone::Plain),
    ]
}

/// All of it in one line.
pub(super) fn line(risk: &RiskView, refusals: &[Report], symbols: &Symbols) -> Vec<Fact> {
    let Some(tightest) = tightest(risk) else {
        return vec![fact("", "not shown yet".into(), Tone::Quiet)];
    };
    let mut facts = vec![fact("", tightest.to_string(), state(tightest))];
    facts.extend(latched(risk, symbols));
    if let Some((scope, name, per_cent)) = highest(risk) {
        facts.push(fact("", format!("{scope} {name} {per_cent}%"), tone(per_cent)));
    }
    if let Some(last) = refusals.last() {
        let (code, symbol) = (Code(last.code), symbols.name(last.head.instrument));
        facts.push(fact("last refused", format!("{} {symbol}", code.name()), Tone::Plain));
    }
    facts
}

/// The same for a line of text: the tightest state and the limit most used; nothing if the gate shows nothing.
pub(super) fn short(risk: &RiskView) -> Option<String> {
    let tightest = tightest(risk)?;
    Some(match highest(risk) {
        Some((scope, name, per_cent)) => format!("risk {tightest} {scope} {name} {per_cent}%"),
        None => format!("risk {tightest}"),
    })
}
