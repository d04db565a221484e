//! The exchange's own record of what happened to every order: what an engine's account of the day is held against.
//!
//! CSV, one row a change of one order, in the order in which the matching core said them; an execution is two rows, the
//! resting order's first. Rows are gathered and written at each burst's end. A write that fails is counted and ends the
//! writing: a ledger with a hole in it is no ledger, so nothing follows the hole.
//!
//! | column | what |
//! |---|---|
//! | `sequence` | of the row, from 1, without gaps |
//! | `time` | nanoseconds since midnight, as in the protocols' messages |
//! | `kind` | `accept`, `reject`, `replace`, `modify`, `cancel`, `pend`, `execute`, `cross`, `break` |
//! | `participant` | the number of whom it concerns |
//! | `account` | the user name, for clients; empty for background traders |
//! | `channel` | the client's `UserRefIdx`; 0 for background traders |
//! | `user_ref` | the client's `UserRefNum`; a background trader's own number |
//! | `reference` | the exchange's number of the order; empty for a reject |
//! | `symbol` | without padding; empty if it is not known |
//! | `side` | `B` or `S`; empty if it is not known |
//! | `shares` | entered, now open (replace, modify), gone (cancel), to go (pend), or traded |
//! | `price` | in 1e-4 of the dollar: the order's limit, or what it traded at; empty for a market order's limit |
//! | `open` | shares of the order that are left, hidden ones included |
//! | `match` | number of the execution or cross; empty where there is none |
//! | `reason` | why: of a cancel in words, of a reject OUCH's number (clients) or words; the old order of a replace as `reference/user_ref`; of a modify OUCH's letters of the old side and the new one as `S>T` |
//!
//! An accept or a replace tells the order as it was entered; what it trades or loses at once follows in rows of its own. A
//! `modify` is a side that was said anew; shares that the same request took away are a `cancel` behind it. A `pend` is a cancel that
//! waits for the cross to which its order is bound: what the cross leaves is the `cancel` that follows. A `break` is one row for each client's order that was in the execution or cross, or one without an order if there was none.

#[cfg(test)]
mod tests;

use super::matching::{CancelReason, Enter, Event, RejectReason, Resting};
use super::unit::{Locate, MatchNumber, Participant, Price4, Reference};
use crate::base::instrument::Symbol;
use crate::base::unit::Side;
use std::fmt::{self, Display};
use std::io::{self, Write};

/// Bytes of rows for which there is room from the start.
const BURST: usize = 256 * 1024;
/// The first row: the columns' names.
pub const HEADER: &str = "sequence,time,kind,participant,account,channel,user_ref,reference,symbol,side,shares,price,open,match,reason\n";

/// A client's name for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientOrder<'a> {
    /// Its account's user name.
    pub user: &'a str,
    /// Its `UserRefIdx`.
    pub channel: u8,
    /// Its `UserRefNum`.
    pub user_ref: u32,
}

/// What became of a client's order without the matching core, in order entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted<'a> {
    /// Whose.
    pub participant: Participant,
    /// Which.
    pub client: ClientOrder<'a>,
    /// What.
    pub note: Note,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It was refused, for OUCH's number of the reason.
    Refused(u16),
    /// Its side was said anew, `code::side` from and to.
    Modified(Standing, u8, u8),
    /// It is to be cancelled, and waits for its cross.
    CancelPends(Standing),
}

/// Where a live order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its number.
    pub order: Reference,
    /// Its symbol.
    pub locate: Locate,
    /// Buy or sell.
    pub side: Side,
    /// Shares left.
    pub open: u32,
}

/// The ledger, on its way to `out`.
#[derive(Debug)]
pub struct Ledger<W> {
    out: W,
    symbols: Vec<Symbol>,
    background: bool,
    rows: Vec<u8>,
    sequence: u64,
    /// Rows of a burst that could not be written, and all after them.
    lost: u64,
    /// Rows gathered and not yet written.
    gathered: u64,
    error: Option<io::Error>,
    broken: bool,
}

/// One row's cells but sequence, time and the client's name.
#[derive(Clone, Copy, Default)]
struct Row {
    kind: &'static str,
    participant: Participant,
    token: u64,
    reference: Option<Reference>,
    locate: Locate,
    side: Option<Side>,
    shares: u64,
    price: Option<Price4>,
    open: u32,
    match_number: Option<MatchNumber>,
}

impl<W: Write> Ledger<W> {
    /// A ledger with its header gathered. `symbols[n]` has locate `n + 1`. With `background`, the rows of those who are no
    /// clients are kept too.
    pub fn new(out: W, symbols: &[Symbol], background: bool) -> Self {
        let mut rows = Vec::with_capacity(BURST);
        rows.extend_from_slice(HEADER.as_bytes());
        let symbols = symbols.to_vec();
        let (sequence, lost, gathered) = (0, 0, 0);
        Self {
            out,
            symbols,
            background,
            rows,
            sequence,
            lost,
            gathered,
            error: None,
            broken: false,
        }
    }

    /// Keeps what an event says. `client` names a participant's order if that is a client's; `time` is in nanoseconds since
    /// midnight. A broken trade comes by [`Ledger::broken`].
    pub fn on<'a>(
        &mut self,
        time: u64,
        event: &Event,
        client: impl Fn(Participant, u64) -> Option<ClientOrder<'a>>,
    ) {
        match event {
            Event::Accepted { order, enter } => {
                let row = entered("accept", *order, enter);
                self.put(time, row, client(row.participant, row.token), "");
            }
            Event::Replaced { old, old_token, order, enter, .. } => {
                let row = entered("replace", *order, enter);
                let before = client(row.participant, *old_token);
                let old_number = before.map_or(*old_token, |client| u64::from(client.user_ref));
                let why = format_args!("{}/{old_number}", old.0);
                self.put(time, row, client(row.participant, row.token), why);
            }
            Event::Rejected { participant, token, reason } => {
                let row = Row {
                    kind: "reject",
                    participant: *participant,
                    token: *token,
                    ..Row::default()
                };
                let named = client(*participant, *token);
                match named {
                    // Clients are told a number, and rows say what they are told.
                    Some(_) => self.put(time, row, named, super::order_entry::reject_code(*reason)),
                    None => self.put(time, row, named, reject_text(*reason)),
                }
            }
            Event::Executed { resting, incoming, shares, price, match_number } => {
                for order in [resting, incoming] {
                    let row = traded("execute", order, *shares, *price, *match_number);
                    self.put(time, row, client(row.participant, row.token), "");
                }
            }
            Event::ExecutedInCross { order, shares, price, match_number } => {
                let row = traded("cross", order, *shares, *price, *match_number);
                self.put(time, row, client(row.participant, row.token), "");
            }
            Event::Canceled { order, shares, reason, .. } => {
                let price = Some(order.price).filter(|price| *price != Price4::MAX && price.0 != 0);
                let row = Row { price, ..changed("cancel", order, *shares) };
                self.put(time, row, client(row.participant, row.token), cancel_text(*reason));
            }
            Event::Displayed { .. }
            | Event::SelfMatchPrevented { .. }
            | Event::Crossed { .. }
            | Event::PhaseSet { .. }
            | Event::Broken { .. }
            | Event::NotLive { .. } => {}
        }
    }

    /// Keeps what became of a client's order without the matching core.
    pub fn noted(&mut self, time: u64, noted: Noted<'_>) {
        let Noted { participant, client, note } = noted;
        let standing = |kind, order: Standing| Row {
            kind,
            participant,
            reference: Some(order.order),
            locate: order.locate,
            side: Some(order.side),
            shares: u64::from(order.open),
            open: order.open,
            ..Row::default()
        };
        match note {
            Note::Refused(reason) => {
                let row = Row { kind: "reject", participant, ..Row::default() };
                self.put(time, row, Some(client), reason);
            }
            Note::Modified(order, from, to) => {
                let why = format_args!("{}>{}", char::from(from), char::from(to));
                self.put(time, standing("modify", order), Some(client), why);
            }
            Note::CancelPends(order) => self.put(time, standing("pend", order), Some(client), ""),
        }
    }

    /// Keeps that an execution was taken back, for one client's order in it, or for nobody's.
    pub fn broken(
        &mut self,
        time: u64,
        locate: Locate,
        match_number: MatchNumber,
        order: Option<(Participant, Reference, ClientOrder<'_>)>,
    ) {
        let row = Row { kind: "break", locate, match_number: Some(match_number), ..Row::default() };
        match order {
            Some((participant, reference, client)) => {
                let row = Row { participant, reference: Some(reference), ..row };
                self.put(time, row, Some(client), "");
            }
            None => self.put(time, row, None, ""),
        }
    }

    /// The burst is over: writes what was gathered.
    pub fn flush(&mut self) {
        if !self.broken && !self.rows.is_empty() {
            let written = self.out.write_all(&self.rows).and_then(|()| self.out.flush());
            if let Err(error) = written {
                (self.broken, self.error) = (true, Some(error));
            }
        }
        if self.broken {
            self.lost += self.gathered;
        }
        self.gathered = 0;
        self.rows.clear();
    }

    /// The error that ended the writing: given once.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Rows so far, those that were lost included.
    pub fn rows(&self) -> u64 {
        self.sequence
    }

    /// Rows that no write is known to have taken.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Writes what was gathered and gives the writer back.
    pub fn into_inner(mut self) -> W {
        self.flush();
        self.out
    }

    fn put(&mut self, time: u64, row: Row, client: Option<ClientOrder<'_>>, reason: impl Display) {
        if client.is_none() && !self.background {
            return;
        }
        self.sequence += 1;
        self.gathered += 1;
        if self.broken {
            return;
        }
        let symbol =
            match usize::from(row.locate.0).checked_sub(1).and_then(|at| self.symbols.get(at)) {
                Some(symbol) => symbol.0,
                None => Symbol::BLANK.0,
            };
        let symbol = symbol.trim_ascii_end().escape_ascii();
        let side = match row.side {
            Some(side) if side.is_buy() => "B",
            Some(_) => "S",
            None => "",
        };
        let user = client.map_or("", |client| client.user);
        let channel = client.map_or(0, |client| client.channel);
        let user_ref = client.map_or(row.token, |client| u64::from(client.user_ref));
        let (reference, price, number) = (
            cell(row.reference.map(|r| r.0)),
            cell(row.price.map(|p| p.0)),
            cell(row.match_number.map(|m| m.0)),
        );
        let Row { kind, participant, shares, open, .. } = row;
        // Writing to memory does not fail.
        let _ = writeln!(
            self.rows,
            "{},{time},{kind},{},{user},{channel},{user_ref},{reference},{symbol},{side},{shares},{price},{open},{number},{reason}",
            self.sequence, participant.0
        );
    }
}

/// An order that came, as it came.
fn entered(kind: &'static str, order: Reference, enter: &Enter) -> Row {
    Row {
        kind,
        participant: enter.participant,
        token: enter.token,
        reference: Some(order),
        locate: enter.locate,
        side: Some(enter.side),
        shares: u64::from(enter.terms.shares),
        price: enter.terms.limit,
        open: enter.terms.shares,
        match_number: None,
    }
}

/// An order that lost shares.
fn changed(kind: &'static str, order: &Resting, shares: u32) -> Row {
    Row {
        kind,
        participant: order.participant,
        token: order.token,
        reference: Some(order.order),
        locate: order.locate,
        side: Some(order.side),
        shares: u64::from(shares),
        price: None,
        open: order.open,
        match_number: None,
    }
}

/// An order that lost shares to a trade.
fn traded(
    kind: &'static str,
    order: &Resting,
    shares: u32,
    price: Price4,
    number: MatchNumber,
) -> Row {
    Row { price: Some(price), match_number: Some(number), ..changed(kind, order, shares) }
}

/// A number that may be missing.
fn cell(number: Option<impl Into<u64>>) -> Cell {
    Cell(number.map(Into::into))
}

struct Cell(Option<u64>);

impl Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |number| number.fmt(f))
    }
}

const fn cancel_text(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Requested => "requested",
        CancelReason::Immediate => "immediate",
        CancelReason::SelfMatch => "self_match",
        CancelReason::PostOnly => "post_only",
        CancelReason::Expired => "expired",
        CancelReason::BadReplace => "bad_replace",
        CancelReason::Supervisory => "supervisory",
        CancelReason::NoRoom => "no_room",
    }
}

const fn reject_text(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::UnknownSymbol => "unknown_symbol",
        RejectReason::Quantity => "quantity",
        RejectReason::Price => "price",
        RejectReason::Minimum => "minimum",
        RejectReason::Halted => "halted",
        RejectReason::Closed => "closed",
        RejectReason::NoRoom => "no_room",
        RejectReason::Terms => "terms",
    }
}
