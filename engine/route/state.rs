//! The states of an order at route, and what each message of the venue does in each: the whole table, no pair left out.
//!
//! ```text
//!            Accepted   FillPart   FillAll    CancelPart CancelAll  Rejected   Replaced   TooLate
//! Sent       Open       impossible impossible impossible impossible Gone       Open       impossible
//! Open       impossible Open       Gone       Open       Gone       impossible impossible impossible
//! Canceling  Canceling  Canceling  Gone       Canceling  Gone       Gone       Canceling  Open
//! Replacing  impossible Replacing  Gone       Replacing  Gone       impossible impossible Open
//! ```
//!
//! `Sent` is an order, or a replacement, that the venue has not confirmed; `Canceling` may be that too, for a cancel need
//! not wait. After `Canceling` comes `Open` when a replace or a cancel failed, though the other one may still be on its
//! way: a further change is then let out, and the venue, which has the last word, answers each. `TooLate` is what the venue says of a change to *this* order; for the replacement that it refuses it
//! means `Rejected`. An order that is not in the table is unknown: counted, and the event passed on all the same.
#![forbid(unsafe_code)]

use crate::base::message::{Kind, Report};
use crate::base::unit::Qty;
use zerocopy::FromZeros;

/// Where an order stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
#[repr(u8)]
pub enum State {
    /// Handed to the venue, not confirmed.
    #[default]
    Sent,
    /// Confirmed, open.
    Open,
    /// Open; a cancel is on its way.
    Canceling,
    /// Open; a replace is on its way.
    Replacing,
}

/// What the venue said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The order is open.
    Accepted,
    /// Some of it traded, some is open.
    FillPart,
    /// The last of it traded.
    FillAll,
    /// Some of it was cancelled, some is open.
    CancelPart,
    /// The last of it was cancelled.
    CancelAll,
    /// The order was refused.
    Rejected,
    /// The order stands in its target's place.
    Replaced,
    /// A cancel or replace came too late.
    TooLate,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The order is in this state.
    State(State),
    /// The order has ended.
    Gone,
    /// The venue cannot mean it: counted, nothing changes.
    Impossible,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Open, Self::Canceling, Self::Replacing];

    /// The table.
    pub const fn after(self, event: Event) -> Next {
        match (self, event) {
            (Self::Sent, Event::Accepted | Event::Replaced) => Next::State(Self::Open),
            (Self::Sent | Self::Canceling, Event::Rejected) => Next::Gone,
            (Self::Canceling, Event::Accepted | Event::Replaced) => Next::State(self),
            (Self::Sent, _) => Next::Impossible,
            (_, Event::FillPart | Event::CancelPart) => Next::State(self),
            (_, Event::FillAll | Event::CancelAll) => Next::Gone,
            (Self::Canceling | Self::Replacing, Event::TooLate) => Next::State(Self::Open),
            (_, _) => Next::Impossible,
        }
    }

    /// Whether a cancel may be sent: not while another cancel is on its way. A replace on its way does not stop it.
    pub const fn may_cancel(self) -> bool {
        !matches!(self, Self::Canceling)
    }

    /// Whether a replace may be sent.
    pub const fn may_replace(self) -> bool {
        matches!(self, Self::Open)
    }
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 8] = [
        Self::Accepted,
        Self::FillPart,
        Self::FillAll,
        Self::CancelPart,
        Self::CancelAll,
        Self::Rejected,
        Self::Replaced,
        Self::TooLate,
    ];

    /// What a report says; `None` if it is not the venue's.
    pub fn of(report: &Report) -> Option<Self> {
        let rest = report.leaves > Qty::ZERO;
        Some(match report.head.kind {
            Kind::ACCEPTED => Self::Accepted,
            Kind::FILLED if rest => Self::FillPart,
            Kind::FILLED => Self::FillAll,
            Kind::CANCELED if rest => Self::CancelPart,
            Kind::CANCELED => Self::CancelAll,
            Kind::REJECTED => Self::Rejected,
            Kind::REPLACED => Self::Replaced,
            Kind::TOO_LATE => Self::TooLate,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table above, row by row; `i` impossible, `g` gone, else the state's first letter.
    const TABLE: [(State, [char; 8]); 4] = [
        (State::Sent, ['O', 'i', 'i', 'i', 'i', 'g', 'O', 'i']),
        (State::Open, ['i', 'O', 'g', 'O', 'g', 'i', 'i', 'i']),
        (State::Canceling, ['C', 'C', 'g', 'C', 'g', 'g', 'C', 'O']),
        (State::Replacing, ['i', 'R', 'g', 'R', 'g', 'i', 'i', 'O']),
    ];

    #[test]
    fn every_pair_of_state_and_event_is_as_the_table_says() {
        for (state, row) in TABLE {
            for (event, expected) in Event::ALL.into_iter().zip(row) {
                let found = match state.after(event) {
                    Next::Gone => 'g',
                    Next::Impossible => 'i',
                    Next::State(next) => format!("{next:?}").remove(0),
                };
                assert_eq!(found, expected, "{state:?} on {event:?}");
            }
        }
    }
}
