//! The exchange as one pure whole: matching core, order entry, market data, ledger, and the programme of the day. No
//! sockets, no clock: whoever drives it passes in bytes and the time, which never steps back, and takes bytes out.
//!
//! There is one place where a command is applied, and each event goes from there to market data, to the clients and to
//! the ledger, in this order, before the next event comes. Packets of the lines go to the caller's function (`out`); bytes
//! for connections wait for [`Venue::unsent`].
//!
//! A burst is whatever the driver takes for one; at its end [`Venue::flush`] lets packets leave that are not full, and the
//! ledger be written.

mod day;
mod snapshots;
#[cfg(test)]
pub(super) mod tests;

pub use day::{Act, Programme};
pub use snapshots::SnapshotService;

use super::background::{Background, BackgroundConfig};
use super::faults::{BustFaults, Faults, PacketCounts, PacketFaults};
use super::ledger::Ledger;
use super::market_data::{Feed, FeedConfig, Line, PublisherError, Snapshot};
use super::matching::{
    CancelReason, Command, CrossKind, CrossSession, Event, Limits, Matching, Phase,
};
use super::order_entry::{OrderEntry, OrderEntryConfig};
use super::unit::{Locate, MatchNumber};
use crate::base::unit::Nanos;
use std::io::Write;

/// All that an exchange is told at its start.
#[derive(Clone, Debug)]
pub struct VenueConfig {
    /// Accounts and room of order entry. Its symbols and faults are set from here.
    pub order_entry: OrderEntryConfig,
    /// The symbols, and market data.
    pub feed: FeedConfig,
    /// Room of the matching core. Its symbols are set from here.
    pub limits: Limits,
    /// What happens when.
    pub day: Programme,
    /// What goes wrong.
    pub faults: Faults,
    /// Who trades beside the clients.
    pub background: Option<BackgroundConfig>,
    /// Whether the ledger also has the rows of those who are no clients.
    pub background_in_ledger: bool,
}

/// The exchange. `W` is where its ledger is written.
pub struct Venue<W> {
    core: Matching,
    entry: OrderEntry,
    feed: Feed,
    lines: [PacketFaults<Line>; 2],
    busts: BustFaults,
    background: Option<Background>,
    ledger: Ledger<W>,
    midnight: Nanos,
    symbols: u16,
    day: Programme,
    /// The last message was told to everybody.
    ended: bool,
    /// Executions that were taken back, in rising order.
    broken: Vec<MatchNumber>,
}

impl<W: Write> Venue<W> {
    /// An exchange before its day.
    ///
    /// # Errors
    /// If a value of the publication is out of range.
    pub fn new(config: VenueConfig, ledger: W, now: Nanos) -> Result<Self, PublisherError> {
        let VenueConfig { mut order_entry, mut feed, mut limits, mut day, faults, .. } = config;
        let midnight = order_entry.midnight;
        feed.tape.listings.truncate(usize::from(u16::MAX));
        let symbols = feed.tape.listings.len() as u16;
        order_entry.symbols = feed.tape.listings.iter().map(|listing| listing.symbol).collect();
        order_entry.faults = faults.clone();
        limits.symbols = symbols;
        for (locate, listing) in (1..).map(Locate).zip(&feed.tape.listings) {
            // Symbols begin in `Quoting` of themselves.
            if listing.phase != Phase::Quoting {
                day.begin_with(locate, listing.phase);
            }
        }
        Ok(Self {
            core: Matching::new(&limits),
            ledger: Ledger::new(ledger, &order_entry.symbols, config.background_in_ledger),
            entry: OrderEntry::new(order_entry),
            feed: Feed::new(feed, now.since(midnight))?,
            lines: Line::BOTH.map(|line| PacketFaults::of_line(&faults, line, now)),
            busts: BustFaults::new(&faults),
            background: config.background.map(|it| Background::new(it, now.since(midnight))),
            midnight,
            symbols,
            day,
            ended: false,
            broken: Vec::new(),
        })
    }

    /// The day begins: its first messages, and what its programme has for now.
    pub fn start(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let Self { feed, lines, .. } = self;
        feed.start(now.since(self.midnight), &mut faulty(lines, now, out));
        self.entry.start_of_day(now);
        self.due(now, out);
    }

    /// Time passed: the programme of the day, heartbeats, clients to be given up, orders whose time is up, faults.
    pub fn due(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        while let Some(act) = self.day.next(now.since(self.midnight)) {
            self.act(act, now, out);
        }
        self.entry.due(now);
        self.drain(now, out);
        while let Some(command) = self.busts.due(now) {
            self.apply(&command, now, out);
        }
        let Self { feed, lines, .. } = self;
        feed.due(now.since(self.midnight), &mut faulty(lines, now, out));
        for line in lines {
            line.due(now, out);
        }
    }

    /// Lets background traders do what they want by `now`, at most `most` things. How many they did.
    pub fn trade(&mut self, most: usize, now: Nanos, out: &mut impl FnMut(Line, &[u8])) -> usize {
        let time = now.since(self.midnight);
        for done in 0..most {
            let Self { background: Some(background), core, ended: false, .. } = self else {
                return done;
            };
            match background.next(core, time) {
                Some(command) => self.apply(&command, now, out),
                None => return done,
            }
        }
        most
    }

    /// The day ends now, whatever its programme says.
    pub fn end(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        if !self.ended {
            self.day = Programme::ending_at(now.since(self.midnight));
            self.due(now, out);
        }
    }

    /// Whether the last message was told.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// When `due` has something to do, if nothing happens before.
    pub fn next_due(&self) -> Option<Nanos> {
        let since_midnight = [self.day.next_due(), self.feed.next_due()];
        let [day, feed] = since_midnight.map(|due| due.map(|due| self.midnight.plus(due)));
        let lines = self.lines.iter().filter_map(PacketFaults::next_due).min();
        [day, feed, lines, self.entry.next_due(), self.busts.next_due()].into_iter().flatten().min()
    }

    /// When background traders want something next; `None` if nobody trades but clients.
    pub fn next_trade(&self) -> Option<Nanos> {
        let background = self.background.as_ref().filter(|_| !self.ended)?;
        Some(self.midnight.plus(background.next_due()))
    }

    /// What became of the packets of a line on their way out.
    pub fn line_faults(&self, line: Line) -> PacketCounts {
        self.lines[line as usize].counts()
    }

    /// Executions that were not taken back because too many waited for it.
    pub fn spared(&self) -> u64 {
        self.busts.spared()
    }

    /// A client connected; `id` is the caller's choice. False if there is no room, or no such place: the caller closes.
    pub fn connected(&mut self, id: usize, now: Nanos) -> bool {
        self.entry.connected(id, now)
    }

    /// A client sent bytes.
    pub fn received(
        &mut self,
        id: usize,
        mut bytes: &[u8],
        now: Nanos,
        out: &mut impl FnMut(Line, &[u8]),
    ) {
        while !bytes.is_empty() {
            bytes = &bytes[self.entry.received(id, bytes)..];
            self.drain(now, out);
        }
    }

    /// A client's connection is gone, or was closed as `is_over` said.
    pub fn closed(&mut self, id: usize, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        self.entry.closed(id);
        self.drain(now, out);
    }

    /// The bytes that a connection is to be sent.
    pub fn unsent(&mut self, id: usize, now: Nanos) -> &[u8] {
        self.entry.unsent(id, now)
    }

    /// The first `count` of the unsent bytes were taken.
    pub fn sent(&mut self, id: usize, count: usize, now: Nanos) {
        self.entry.sent(id, count, now);
    }

    /// Whether a connection is to be closed: nothing more is to be sent on it.
    pub fn is_over(&self, id: usize) -> bool {
        self.entry.is_over(id)
    }

    /// Does what someone who is no client wants: a background trader, the exchange's operator. An execution is taken back
    /// once, and one that never was is left alone. Nothing after the day's end.
    pub fn apply(&mut self, command: &Command, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let can_be = match command {
            Command::Break { match_number, .. } => self.is_breakable(*match_number),
            _ => true,
        };
        if can_be && !self.ended {
            self.put(command, now, out);
        }
    }

    /// Crosses a symbol, near its last price or, if it has none, the middle of its best ones.
    fn cross(
        &mut self,
        locate: Locate,
        kind: CrossKind,
        now: Nanos,
        out: &mut impl FnMut(Line, &[u8]),
    ) {
        let near = self.core.middle(locate);
        self.apply(&Command::Cross { locate, kind, near }, now, out);
    }

    /// The burst is over: packets leave, and the ledger is written.
    pub fn flush(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let Self { feed, lines, .. } = self;
        feed.flush(now.since(self.midnight), &mut faulty(lines, now, out));
        self.ledger.flush();
    }

    /// The answer to a request for messages of the lines that were missed; `None` if there is none.
    pub fn rerequest(&mut self, request: &[u8]) -> Option<&[u8]> {
        self.feed.rerequest(request)
    }

    /// The market as it is now, for one who comes late to the lines.
    pub fn snapshot(&self) -> Snapshot {
        self.feed.snapshot((1..=self.symbols).flat_map(|at| self.core.displayed(Locate(at))))
    }

    /// The matching core.
    pub const fn core(&self) -> &Matching {
        &self.core
    }

    /// Order entry.
    pub const fn order_entry(&self) -> &OrderEntry {
        &self.entry
    }

    /// Market data.
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The ledger.
    pub const fn ledger(&mut self) -> &mut Ledger<W> {
        &mut self.ledger
    }

    /// Writes the ledger and gives its writer back.
    pub fn into_ledger(self) -> W {
        self.ledger.into_inner()
    }

    /// The one place where commands become events, and events go to all.
    fn put(&mut self, command: &Command, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let Self { core, entry, feed, lines, busts, background, ledger, midnight, ended, .. } =
            self;
        let time = now.since(*midnight);
        let mut out = faulty(lines, now, out);
        entry.begin(command, now);
        core.apply(command, &mut |event| {
            if !*ended {
                feed.on_event(&event, time, &mut out);
            }
            entry.on(&event);
            if let Some(background) = background {
                background.observe(&event);
            }
            match event {
                Event::Broken { match_number, locate } => {
                    let mut orders = entry.orders_in(match_number).peekable();
                    if orders.peek().is_none() {
                        ledger.broken(time.0, locate, match_number, None);
                    }
                    orders.for_each(|order| {
                        ledger.broken(time.0, locate, match_number, Some(order));
                    });
                }
                _ => ledger.on(time.0, &event, |who, token| entry.client_order(who, token)),
            }
            match event {
                Event::Executed { resting, match_number, .. } => {
                    busts.on_execution(resting.locate, match_number, now);
                }
                // All that traded in a cross has its number, and is taken back with it: both sides, and every order.
                Event::Crossed { locate, match_number, shares: 1.., .. } => {
                    busts.on_execution(locate, match_number, now);
                }
                _ => {}
            }
        });
        entry.end();
    }

    /// Applies what clients want until they want nothing.
    fn drain(&mut self, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        loop {
            let command = self.entry.next(now);
            while let Some(noted) = self.entry.next_noted() {
                self.ledger.noted(now.since(self.midnight).0, noted);
            }
            match command {
                Some(command) => self.put(&command, now, out),
                None => return,
            }
        }
    }

    /// Does what the programme of the day says.
    fn act(&mut self, act: Act, now: Nanos, out: &mut impl FnMut(Line, &[u8])) {
        let time = now.since(self.midnight);
        match act {
            _ if self.ended => {}
            Act::Tell(code) => {
                let Self { feed, lines, .. } = self;
                feed.system_event(code, time, &mut faulty(lines, now, out));
            }
            Act::SetOne(locate, phase) => {
                self.apply(&Command::SetPhase { locate, phase }, now, out);
            }
            Act::Set(phase) => {
                for locate in (1..=self.symbols).map(Locate) {
                    self.apply(&Command::SetPhase { locate, phase }, now, out);
                }
            }
            Act::Freeze(session) => self.entry.freeze(session, true),
            Act::Cross(kind) => {
                match kind {
                    CrossKind::Opening => self.entry.freeze(CrossSession::Opening, false),
                    CrossKind::Closing => self.entry.freeze(CrossSession::Closing, false),
                    CrossKind::Halt => {}
                }
                for locate in (1..=self.symbols).map(Locate) {
                    self.cross(locate, kind, now, out);
                }
            }
            Act::Indicate(kind) => {
                let Self { core, feed, lines, symbols, .. } = self;
                let mut out = faulty(lines, now, out);
                for locate in (1..=*symbols).map(Locate) {
                    feed.indication(locate, kind, &core.imbalance(locate, kind), time, &mut out);
                }
            }
            Act::CancelAll => {
                self.entry.cancel_all(CancelReason::Expired);
                self.drain(now, out);
            }
            Act::End => {
                self.entry.end_of_day(now);
                self.entry.end_of_session();
                let Self { feed, lines, .. } = self;
                feed.end(time, &mut faulty(lines, now, out));
                self.ended = true;
            }
        }
    }

    /// Whether an execution can be taken back; it is then noted as broken.
    fn is_breakable(&mut self, number: MatchNumber) -> bool {
        if number.0 == 0 || number > self.core.last_match() {
            return false;
        }
        match self.broken.binary_search(&number) {
            Ok(_) => false,
            Err(place) => {
                self.broken.insert(place, number);
                true
            }
        }
    }
}

/// Packets on their way to `out`, with what goes wrong there.
fn faulty<'a>(
    lines: &'a mut [PacketFaults<Line>; 2],
    now: Nanos,
    out: &'a mut impl FnMut(Line, &[u8]),
) -> impl FnMut(Line, &[u8]) + 'a {
    move |line, packet| lines[line as usize].pass(line, packet, now, out)
}
