//! Whether what came out is what was said.

use super::venue::decoded;
use super::world::Outcome;
use crate::base::message::{Header, Kind, Market};
use crate::base::unit::{InstrumentId, Price, Qty, Seq, Side, Stamp};

/// A message without what a feed adds to it; with its sequence, if it is of the lines.
fn plain(message: &Market, counted: bool) -> Market {
    let Header { cause, instrument, kind, .. } = message.head;
    let cause = if counted { cause } else { Seq(0) };
    let head = Header { cause, instrument, kind, ..Header::default() };
    Market { head, stamp: Stamp(0), ..*message }
}

fn is_event(message: &Market) -> bool {
    [Kind::GAP, Kind::WHOLE, Kind::TICK].contains(&message.head.kind)
}

/// Between two `CLEAR`s stands what one session, or a snapshot and the lines from then on, tell in order, from the first
/// message on.
pub(super) fn well_formed(outcome: &Outcome) {
    let messages: Vec<_> = outcome.out.iter().filter(|message| !is_event(message)).collect();
    for (at, segment) in messages.split(|m| m.head.kind == Kind::CLEAR).enumerate() {
        let sessions = outcome.venues.iter().map(|venue| (Vec::new(), &venue.messages[..], 1));
        let snapshots = outcome.snapshots.iter().map(|(session, snapshot, next)| {
            let lines = &outcome.venues[*session].messages[*next as usize - 1..];
            (decoded(snapshot, 0), lines, *next)
        });
        let mut told = sessions.chain(snapshots);
        let fits = told.any(|(snapshot, lines, next)| {
            let (counted, uncounted) = (decoded(lines, next), snapshot.len());
            let told = snapshot.iter().map(|m| plain(m, false));
            let told: Vec<_> = told.chain(counted.iter().map(|m| plain(m, true))).collect();
            let mut all = segment.iter().enumerate();
            segment.len() <= told.len() && all.all(|(n, m)| plain(m, n >= uncounted) == told[n])
        });
        assert!(fits, "segment {at} is none that anybody told");
    }
}

/// The orders that stand, in the order of their arrival, as one would keep them on a slate; and the day's last event.
#[derive(Debug, Default, PartialEq, Eq)]
struct Slate {
    orders: Vec<(u64, InstrumentId, Side, Price, Qty)>,
    event: u8,
}

impl Slate {
    fn of<'a>(messages: impl IntoIterator<Item = &'a Market>) -> Self {
        let mut slate = Self::default();
        messages.into_iter().for_each(|message| slate.apply(message));
        slate
    }

    fn apply(&mut self, m: &Market) {
        let place = self.orders.iter().position(|order| order.0 == m.reference);
        match (m.head.kind, place) {
            (Kind::CLEAR, _) => *self = Self::default(),
            (Kind::SESSION, _) => self.event = m.code,
            (Kind::ADD, None) => {
                self.orders.push((m.reference, m.head.instrument, m.side, m.price, m.qty));
            }
            (Kind::DELETE, Some(at)) => _ = self.orders.remove(at),
            (Kind::EXECUTE | Kind::CANCEL, Some(at)) => {
                let open = &mut self.orders[at].4;
                *open = Qty(open.0 - m.qty.0);
                if *open == Qty::ZERO {
                    self.orders.remove(at);
                }
            }
            (Kind::REPLACE, Some(at)) => {
                let (_, instrument, side, ..) = self.orders.remove(at);
                self.orders.push((m.other, instrument, side, m.price, m.qty));
            }
            (Kind::DIRECTORY | Kind::GAP | Kind::WHOLE | Kind::TICK, _) => {}
            _ => panic!("an order that is not there, or there already: {m:?}"),
        }
    }
}

/// What came out leads to what all that the last session said leads to; nothing is missing.
pub(super) fn complete(outcome: &Outcome) {
    let last = outcome.venues.last().unwrap();
    let whole = Slate::of(&decoded(&last.messages, 1));
    assert_eq!(Slate::of(&outcome.out), whole);
    assert_eq!(outcome.count(Kind::GAP), outcome.count(Kind::WHOLE), "whole in the end");
}
