//! Whether what came out is what was said.

use super::venue::{SYMBOLS, decoded};
use super::world::Outcome;
use crate::base::message::{Header, Kind, Market};
use crate::base::unit::{Health, InstrumentId, Seq, Side, Stamp};
use crate::book::{Books, Limits};

const LIMITS: Limits = Limits { orders: 4_096, levels: 1_024, instruments: 8 };

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

/// Books of what came out equal those of all that the last session said; nothing is missing.
pub(super) fn complete(outcome: &Outcome) {
    let mut books = Books::new(&LIMITS);
    outcome.out.iter().for_each(|message| _ = books.apply(message));
    let last = outcome.venues.last().unwrap();
    let mut whole = Books::new(&LIMITS);
    decoded(&last.messages, 1).iter().for_each(|message| _ = whole.apply(message));
    for i in (0..u32::from(SYMBOLS)).map(InstrumentId) {
        assert_eq!((books.top(i), books.phase(i)), (whole.top(i), whole.phase(i)));
        let nothing = last.messages.is_empty();
        assert_eq!(books.health(i), if nothing { Health::BUILDING } else { Health::LIVE });
        for side in [Side::BUY, Side::SELL] {
            assert!(books.levels(i, side).eq(whole.levels(i, side)));
            for level in whole.levels(i, side) {
                let queue = |books: &Books| -> Vec<_> {
                    let orders = books.orders(i, side, level.price);
                    orders.map(|order| (order.reference, order.qty)).collect()
                };
                assert_eq!(queue(&books), queue(&whole));
            }
        }
    }
    books.verify().unwrap();
    assert_eq!(outcome.count(Kind::GAP), outcome.count(Kind::WHOLE), "whole in the end");
}
