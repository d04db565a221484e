//! What came of captures: lines of the table, notes, and an object of `summary.json`.

use super::{grouped, wrapped};
use crate::ingest::transport::capture::{CaptureCounts, Reason};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Packets that were not taken, by reason.
fn not_taken(counts: &CaptureCounts) -> impl Iterator<Item = String> {
    Reason::ALL.into_iter().filter_map(|(reason, name)| {
        let packets = counts.not_taken(reason);
        let first = packets.first?;
        Some(format!("{name} {} (first: packet {first})", grouped(packets.count)))
    })
}

/// Messages that never came.
fn gaps(counts: &CaptureCounts) -> Option<String> {
    let lines = &counts.lines;
    let (session, first) = lines.first_gap?;
    let (gaps, lost) = (grouped(lines.gaps), grouped(lines.lost));
    let (sequence, count) = (first.first, grouped(first.count));
    Some(format!(
        "{gaps}: {lost} messages missing, first {count} from sequence {sequence} of session {session}"
    ))
}

/// What was wrong with a capture, a line each.
pub(in crate::cli) fn notes(counts: &CaptureCounts) -> Vec<String> {
    let gaps = gaps(counts).map(|gaps| format!("gaps {gaps}"));
    let skipped = not_taken(counts).map(|packets| format!("packets not taken: {packets}"));
    gaps.into_iter().chain(skipped).collect()
}

/// The lines of the table.
pub(super) fn print(counts: &CaptureCounts, out: &mut impl Write) -> io::Result<()> {
    let CaptureCounts { packets, empty_messages, unended_sessions, lines, .. } = counts;
    let shown = [
        (lines.packets, "with messages"),
        (lines.known, "known"),
        (lines.overlapping, "overlapping"),
        (lines.held, "too early"),
        (lines.heartbeats, "heartbeats"),
        (lines.ends, "ends of session"),
        (lines.sessions.saturating_sub(1), "more sessions"),
        (*unended_sessions, "sessions without their end"),
        (*empty_messages, "messages without bytes"),
    ];
    let shown = shown.into_iter().filter(|(count, _)| *count > 0);
    let shown = shown.map(|(count, what)| format!("{} {what}", grouped(count)));
    wrapped(
        out,
        "capture   ",
        [format!("{} packets:", grouped(*packets))].into_iter().chain(shown),
    )?;
    writeln!(out, "gaps      {}", gaps(counts).unwrap_or_else(|| "none".into()))?;
    let mut skipped = not_taken(counts).peekable();
    if skipped.peek().is_some() {
        wrapped(out, "not taken ", skipped)?;
    }
    Ok(())
}

/// The object.
pub(super) fn json(counts: &CaptureCounts) -> Value {
    let lines = &counts.lines;
    let skipped = Reason::ALL.map(|(reason, name)| {
        let packets = counts.not_taken(reason);
        (name.to_string(), json!({ "count": packets.count, "first": packets.first }))
    });
    let first = lines.first_gap.map(|(session, gap)| {
        let session = session.to_string();
        json!({ "session": session, "sequence": gap.first, "count": gap.count })
    });
    json!({
        "packets": counts.packets,
        "with_messages": lines.packets,
        "known": lines.known,
        "overlapping": lines.overlapping,
        "too_early": lines.held,
        "heartbeats": lines.heartbeats,
        "ends_of_session": lines.ends,
        "sessions": lines.sessions,
        "unended_sessions": counts.unended_sessions,
        "empty_messages": counts.empty_messages,
        "gaps": lines.gaps,
        "missing_messages": lines.lost,
        "first_gap": first,
        "not_taken": Map::from_iter(skipped),
    })
}
