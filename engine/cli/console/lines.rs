//! The console where nobody watches: one line a second.
#![forbid(unsafe_code)]

use super::facts::{self, Tone, Totals};
use super::text::{clock, decimal, rate, span};
use super::{Picture, risk};
use crate::base::unit::OrderState;
use crate::cli::summary::grouped;

/// The line of this moment, without its end.
pub(super) fn line(picture: &Picture<'_>) -> String {
    let Picture { view, history, commands, .. } = picture;
    let (rates, feed) = (history.rates(), &view.feed);
    let (gateway, trading) = (&view.gateway, &view.trading);
    let refused = trading.ended(OrderState::REFUSED) + trading.ended(OrderState::REJECTED);
    let mut line = format!(
        "{}  feed {} {} gaps {} healed {} lost {}",
        clock(history.elapsed(view.at)),
        feed.state.name,
        rate(rates.messages),
        grouped(feed.gaps_seen),
        grouped(feed.gaps_healed),
        grouped(feed.lost),
    );
    if feed.kernel_drops > 0 {
        line += &format!(" drops {}", grouped(feed.kernel_drops));
    }
    line += &format!(
        "  session {} open {} sent {} cancels {}  fills {} refused {}",
        gateway.phase.name,
        grouped(gateway.open),
        rate(rates.orders + rates.replaces),
        rate(rates.cancels),
        grouped(trading.fills),
        grouped(refused),
    );
    // The first fact is the sum; the next the most frequent reason.
    if let Some(most) = facts::refusals(view).get(1) {
        line += &format!(" ({} {})", most.name, most.value);
    }
    if let Some(risk) = risk::short(&view.risk) {
        line += &format!("  {risk}");
    }
    line += &format!("  net {}", decimal(Totals::of(&view.positions).net(), 2));
    let latency = &rates.latency;
    if latency.count() > 0 {
        let [p50, p99] = [500, 990].map(|per_mille| span(latency.quantile(per_mille)));
        line += &format!("  p50 {p50} p99 {p99} max {}", span(latency.max()));
    }
    let standing = facts::standing(commands);
    if standing.tone != Tone::Quiet {
        line += &format!("  {}", standing.value);
    }
    line
}
