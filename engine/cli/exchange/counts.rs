//! What the exchange counted, at its end: a line for each part that has something to say, without the zeros.

use super::grouped;
use crate::exchange::faults::PacketCounts;
use crate::exchange::market_data::Line;
use crate::exchange::server::Server;
use std::io::{self, Write};

/// One line, if any count is not zero.
fn line(out: &mut impl Write, name: &str, counts: &[(u64, &str)]) -> io::Result<()> {
    let shown: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    if shown.is_empty() { Ok(()) } else { writeln!(out, "{name:<13} {}", shown.join(", ")) }
}

/// Packets on their way out, if anything went wrong with them.
fn packets(out: &mut impl Write, name: &str, counts: &PacketCounts) -> io::Result<()> {
    let &PacketCounts { passed, sent, lost, duplicated, reordered, dead, overflowed } = counts;
    if lost + duplicated + reordered + dead + overflowed == 0 {
        return Ok(());
    }
    let counts = [
        (passed, "packets"),
        (lost, "lost"),
        (duplicated, "doubled"),
        (reordered, "held back"),
        (dead, "while dead"),
        (overflowed, "beyond held-max"),
        (sent, "sent"),
    ];
    line(out, name, &counts)
}

/// All of it.
pub(super) fn print<W: Write>(server: &mut Server<W>, out: &mut impl Write) -> io::Result<()> {
    let snapshots = server.snapshots();
    let late_comers = [
        (snapshots.served(), "served"),
        (snapshots.rejected(), "logins rejected"),
        (snapshots.cut(), "cut off"),
    ];
    let answers = server.answer_faults();
    let venue = server.venue();
    packets(out, "line A", &venue.line_faults(Line::A))?;
    packets(out, "line B", &venue.line_faults(Line::B))?;
    let asked = venue.feed().rerequest_counts();
    let counts = [
        (asked.answered, "answered"),
        (asked.messages, "messages sent again"),
        (asked.malformed, "malformed"),
        (asked.wrong_session, "of another session"),
        (asked.zero_count, "for nothing"),
        (asked.beyond_the_end, "beyond the end"),
        (asked.too_old, "too old"),
    ];
    line(out, "re-requests", &counts)?;
    packets(out, "answers", &answers)?;
    line(out, "snapshots", &late_comers)?;
    let dropped = venue.feed().store().dropped();
    line(out, "store", &[(dropped, "messages no longer kept")])?;
    line(out, "broken trades", &[(venue.spared(), "spared, too many waited")])?;
    if let Some(bad) = venue.order_entry().last_bad() {
        writeln!(out, "{:<13} {bad}", "bad input")?;
    }
    Ok(())
}
