//! What a live run has beside a replay: the feed, the session, what became of gaps, whose account of it agrees.

use super::{grouped, wrapped};
use crate::ingest::live::{FeedCounts, FeedState, Origin, Reason};
use crate::ingest::transport::line::Transport;
use crate::route::connection;
use crate::route::gateway::GatewayCounts;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The figures.
pub(crate) struct LiveFigures {
    /// Where the feed stood at the end.
    pub(crate) state: FeedState,
    /// By which way its packets came.
    pub(crate) transport: Transport,
    /// What the feed met.
    pub(crate) feed: FeedCounts,
    /// By which way its orders went.
    pub(crate) orders_by: connection::Transport,
    /// What the session did and met.
    pub(crate) gateway: GatewayCounts,
    /// What made no sense there: how often.
    pub(crate) odd: u64,
    /// Orders that may be open at the venue.
    pub(crate) open: usize,
    /// Whether the exchange's ledger tells the same, where there is one.
    pub(crate) ledger_equal: Option<bool>,
    /// What else a person should know: why the last connection ended, what made no sense.
    pub(crate) notes: Vec<String>,
}

impl LiveFigures {
    /// Adds them to `summary.json`.
    pub(super) fn json(&self, all: &mut Map<String, Value>) {
        let Self { state, transport, feed, orders_by, gateway, odd, open, ledger_equal, notes } =
            self;
        let by_origin = |counts: [u64; Origin::ALL.len()]| {
            let named = Origin::ALL.iter().zip(counts);
            let named = named.map(|((_, name), count)| ((*name).to_string(), json!(count)));
            Value::Object(named.collect())
        };
        let drops = Reason::ALL
            .iter()
            .map(|(reason, name)| ((*name).to_string(), json!(feed.drops(*reason).count)));
        all.insert("ledger_equal".into(), json!(ledger_equal));
        all.insert("notes".into(), json!(notes));
        all.insert("gaps_seen".into(), json!(feed.gaps));
        all.insert("gaps_healed".into(), json!(feed.healed));
        all.insert(
            "feed".into(),
            json!({
                "state": state.name(),
                "transport": transport.name(),
                "packets": by_origin(feed.packets),
                "bytes": by_origin(feed.bytes),
                "messages": feed.messages,
                "known_packets": feed.known,
                "held_packets": feed.held,
                "lost_messages": feed.lost,
                "rerequests": feed.rerequests,
                "rerequests_unanswered": feed.unanswered,
                "recovered_messages": feed.recovered,
                "gaps_given_up": feed.given_up,
                "snapshots": feed.snapshots,
                "snapshot_messages": feed.snapshot_messages,
                "snapshot_failures": feed.snapshot_failures,
                "late_joins": feed.late_joins,
                "join_ns": feed.join_ns,
                "kernel_drops": feed.kernel_drops,
                "read_errors": feed.read_errors,
                "packets_not_taken": Value::Object(drops.collect()),
            }),
        );
        all.insert(
            "session".into(),
            json!({
                "transport": orders_by.name(),
                "orders": gateway.orders,
                "replaces": gateway.replaces,
                "cancels": gateway.cancels,
                "refused": gateway.refused,
                "messages": gateway.messages,
                "connections": gateway.connections,
                "logins": gateway.logins,
                "rejected_logins": gateway.rejected_logins,
                "silences": gateway.silences,
                "violations": gateway.violations,
                "adopted_orders": gateway.adopted,
                "lost_orders": gateway.lost,
                "oddities": odd,
                "untracked_executions": gateway.untracked,
                "maybe_open_orders": open,
            }),
        );
    }

    /// The table's part.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { state, feed, gateway, odd, open, ledger_equal, notes, .. } = self;
        let [a, b, again] = feed.packets.map(grouped);
        writeln!(
            out,
            "feed      {state}: packets {a} by line A, {b} by line B, {again} asked for"
        )?;
        let mut gaps = vec![
            format!("{} seen", grouped(feed.gaps)),
            format!("{} healed", grouped(feed.healed)),
        ];
        let more = [
            (feed.rerequests, "re-requests"),
            (feed.recovered, "messages recovered"),
            (feed.snapshots, "snapshots"),
            (feed.given_up, "given up"),
            (feed.lost, "messages lost"),
            (feed.dropped(), "packets not taken"),
            (feed.kernel_drops.iter().sum(), "dropped by the kernel"),
            (feed.read_errors.iter().sum(), "errors of reading"),
        ];
        let more = more.into_iter().filter(|(count, _)| *count > 0);
        gaps.extend(more.map(|(count, what)| format!("{} {what}", grouped(count))));
        wrapped(out, "gaps      ", gaps.into_iter())?;
        let mut session = vec![
            format!("{} logins", grouped(gateway.logins)),
            format!("{} messages", grouped(gateway.messages)),
        ];
        let more = [
            (gateway.refused, "refused before the wire"),
            (gateway.adopted, "orders of earlier programs"),
            (gateway.lost, "never arrived"),
            (*odd, "that make no sense"),
            (gateway.untracked, "executions too many: if one is broken, its position is wrong"),
            (*open as u64, "orders that may be open"),
        ];
        let more = more.into_iter().filter(|(count, _)| *count > 0);
        session.extend(more.map(|(count, what)| format!("{} {what}", grouped(count))));
        wrapped(out, "session   ", session.into_iter())?;
        notes.iter().try_for_each(|note| writeln!(out, "note      {note}"))?;
        match ledger_equal {
            Some(true) => writeln!(
                out,
                "ledger    the exchange's account is the engine's: orders, fills, positions, P&L"
            ),
            Some(false) => writeln!(out, "ledger    DIFFERS from the engine's account"),
            None => Ok(()),
        }
    }
}
