//! Order entry: SoupBinTCP sessions with OUCH 5.0 in them. Bytes in, commands out; events in, bytes out. No sockets, no
//! clock: `now` is passed in and never steps back.
//!
//! How it is driven: after anything that may have caused one (`received`, `closed`, `due`), `next` is called for commands
//! until there is none; each is applied to the matching core between `begin` and `end`, its events given to `on`, before
//! `next` is called again. Then `unsent` says what each connection is to be sent.
//!
//! What holds:
//! - An account has one stream of numbered messages, kept all day; a login says where it goes on. A number beyond the end
//!   is answered with the number that is next (the client sees that it is not what it asked for).
//! - An account has one connection. A second login takes over, and the first connection is closed: a client that lost its
//!   connection is not locked out by what the exchange has not noticed yet. The account was never without a connection, so
//!   nothing is cancelled.
//! - What a client says is never trusted: bad input is counted with where and why, and ignored; where packets cannot be
//!   told apart any more, or come when they may not, the connection is closed.
//! - An account's day has so many messages and no more, but for what happens to its live orders: with all of them told, a
//!   request that would be answered anew (all but cancels and modifies) ends the connection, and uses no number.
//! - A client that does not read costs a bounded buffer, and is closed after a while.
//! - An order for a time (`GTT`) stands for its seconds from its acceptance. A replacement is an order of its own: its seconds,
//!   said anew or the original's, begin with it, as its answer says.
//! - An order whose options cannot be read is ignored rather than rejected: the channel, and with it the order's number,
//!   would be a guess.

mod answer;
mod chunks;
mod config;
pub(super) mod connection;
mod count;
mod desk;
mod login;
mod order;
mod request;
mod stream;
mod terms;
#[cfg(test)]
pub(super) mod tests;

pub use config::{Account, OrderEntryConfig};
pub use count::{BadInput, Counters, Why};
pub use terms::reject_code;

use super::faults::{ConnectionFaults, LoginFaults};
use super::ledger::{ClientOrder, Noted};
use super::matching::{CancelReason, Command, CrossSession, Event};
use super::unit::{MatchNumber, Participant, Reference};
use crate::base::unit::Nanos;
use crate::wire::ouch::code::event;
use crate::wire::soup::{Cause, Due, Error, Packet, ServerEvent};
use connection::Connection;
use desk::{Aside, Desk};

/// The order-entry side of the exchange.
pub struct OrderEntry {
    config: OrderEntryConfig,
    desk: Desk,
    /// By connection id; places are used again.
    connections: Vec<Option<Connection>>,
    /// Places that were used and are free: their room is kept.
    spare: Vec<Connection>,
    /// The connection on which each account is logged in.
    logged_in: Vec<Option<usize>>,
    /// The connection whose input is being read.
    reading: Option<usize>,
    last_bad: Option<BadInput>,
    login_faults: LoginFaults,
}

/// What the next packet of a connection came to.
enum Step {
    Command(Command),
    Nothing,
    /// There is no whole packet.
    Dry,
}

impl OrderEntry {
    /// Everybody is out, nothing has happened.
    pub fn new(config: OrderEntryConfig) -> Self {
        let desk = Desk::new(&config);
        let logged_in = vec![None; config.accounts.len()];
        let connections = (0..config.connections).map(|_| None).collect();
        let login_faults = LoginFaults::new(&config.faults);
        let (spare, reading, last_bad) = (Vec::new(), None, None);
        Self { config, desk, connections, spare, logged_in, reading, last_bad, login_faults }
    }

    /// A client connected; `id` is the caller's choice. False if there is no such place, or it is taken: the caller closes.
    pub fn connected(&mut self, id: usize, now: Nanos) -> bool {
        let Some(place @ None) = self.connections.get_mut(id) else {
            self.desk.counters.connections_refused += 1;
            return false;
        };
        let faults = ConnectionFaults::new(&self.config.faults, self.desk.counters.connections);
        self.desk.counters.connections += 1;
        *place = Some(match self.spare.pop() {
            Some(mut connection) => {
                connection.renew(faults, now);
                connection
            }
            None => Connection::new(self.config.unsent_max, faults, now),
        });
        true
    }

    /// Bytes came. Says how many were taken in: all of them, unless there are more than a buffer holds; then the rest is
    /// given again after `next` has said that there is no command.
    pub fn received(&mut self, id: usize, bytes: &[u8]) -> usize {
        let Some(connection) = self.connections.get_mut(id).and_then(Option::as_mut) else {
            return bytes.len();
        };
        if connection.over {
            return bytes.len();
        }
        self.reading = Some(id);
        match connection.reader.append(bytes) {
            // Where packets begin is lost: nothing more is read.
            0 => bytes.len(),
            count => count,
        }
    }

    /// The connection is gone: the client closed it, it broke, or the caller closed it as it was told to.
    pub fn closed(&mut self, id: usize) {
        let Some(mut connection) = self.connections.get_mut(id).and_then(Option::take) else {
            return;
        };
        if self.reading == Some(id) {
            self.reading = None;
        }
        if let Some(account) = connection.account.take() {
            self.desk.counters.lost += 1;
            self.left(account, false);
        }
        self.spare.push(connection);
    }

    /// Time passed: heartbeats, connections to be given up, answers that were held back.
    pub fn due(&mut self, now: Nanos) {
        self.desk.release(now);
        for id in 0..self.connections.len() {
            self.gather(id, now);
            let Some(connection) = self.connections[id].as_mut() else { continue };
            if connection.stalls_at(self.config.stalled).is_some_and(|at| at <= now) {
                self.desk.counters.stalled += 1;
                self.finish(id, false);
                continue;
            }
            if connection.over {
                continue;
            }
            match connection.session.poll(now) {
                Due::Nothing => {}
                Due::Heartbeat => {
                    let heartbeat = Packet::ServerHeartbeat;
                    if !connection.send(&heartbeat, now) {
                        // No room: what waits is as good a sign of life.
                        connection.session.on_sent(&heartbeat, now);
                    }
                }
                Due::Close(cause) => {
                    match cause {
                        Cause::NoLogin => self.desk.counters.no_login += 1,
                        Cause::Silence => self.desk.counters.silent += 1,
                        Cause::Rejected | Cause::LoggedOut | Cause::Ended | Cause::Violation => {}
                    }
                    self.finish(id, true);
                }
            }
        }
    }

    /// When `due` has something to do, if nothing happens before.
    pub fn next_due(&self) -> Option<Nanos> {
        let connections = self.connections.iter().flatten().flat_map(|connection| {
            let stalls = connection.stalls_at(self.config.stalled);
            let session = (!connection.over).then(|| connection.session.next_due());
            [stalls, session]
        });
        connections.flatten().chain(self.desk.next_due()).min()
    }

    /// The next command, if there is one. Reads on in what came, and sees to expired orders and mass cancels.
    pub fn next(&mut self, now: Nanos) -> Option<Command> {
        loop {
            if let Some(command) = self.desk.next(now) {
                return Some(command);
            }
            let id = self.reading?;
            match self.step(id, now) {
                Step::Command(command) => return Some(command),
                Step::Nothing => {}
                Step::Dry => self.reading = None,
            }
        }
    }

    /// `command`, one of these or of someone else, goes to the matching core now.
    pub fn begin(&mut self, command: &Command, now: Nanos) {
        self.desk.begin(command, now);
    }

    /// The matching core says what happened.
    pub fn on(&mut self, event: &Event) {
        self.desk.on(event);
    }

    /// That was the command's last event.
    pub fn end(&mut self) {
        self.desk.end();
    }

    /// The day begins: told to all accounts.
    pub fn start_of_day(&mut self, now: Nanos) {
        self.desk.system_event(event::START_OF_DAY, now);
    }

    /// The day ends: told to all accounts. Trades may still be broken, and answers come, until `end_of_session`.
    pub fn end_of_day(&mut self, now: Nanos) {
        self.desk.system_event(event::END_OF_DAY, now);
    }

    /// No message follows today: said to each client after its last message.
    pub fn end_of_session(&mut self) {
        self.desk.ended = true;
    }

    /// Whether orders for a cross are bound to it from now on: they can no longer come, go, or change.
    pub fn freeze(&mut self, session: CrossSession, is_frozen: bool) {
        match session {
            CrossSession::Opening => self.desk.frozen[0] = is_frozen,
            CrossSession::Closing => self.desk.frozen[1] = is_frozen,
            CrossSession::Continuous => {}
        }
    }

    /// Cancels all orders of all accounts, by `next`.
    pub fn cancel_all(&mut self, reason: CancelReason) {
        for account in 0..self.logged_in.len() as u16 {
            self.desk.sweep_all(account, reason);
        }
    }

    /// The bytes that a connection is to be sent.
    pub fn unsent(&mut self, id: usize, now: Nanos) -> &[u8] {
        self.gather(id, now);
        match self.connections.get(id) {
            Some(Some(connection)) => connection.unsent(),
            _ => &[],
        }
    }

    /// The first `count` of the unsent bytes were taken.
    pub fn sent(&mut self, id: usize, count: usize, now: Nanos) {
        if let Some(Some(connection)) = self.connections.get_mut(id) {
            connection.sent(count, now);
        }
    }

    /// Whether the caller is to close the connection (and say `closed`): it is over, and nothing waits to be sent.
    pub fn is_over(&self, id: usize) -> bool {
        match self.connections.get(id) {
            Some(Some(connection)) => connection.over && connection.unsent().is_empty(),
            _ => false,
        }
    }

    /// Whether clients have yet to be sent something: answers that are held back, bytes that wait, and on a day that is over
    /// its end.
    pub fn is_behind(&self) -> bool {
        let ended = self.desk.ended;
        self.desk.is_holding()
            || self.connections.iter().flatten().any(|connection| connection.is_behind(ended))
    }

    /// A client's name for an order of the matching core.
    pub fn client_order(&self, participant: Participant, token: u64) -> Option<ClientOrder<'_>> {
        self.desk.client_order(participant, token)
    }

    /// Clients' orders that were in an execution or a cross.
    pub fn orders_in(
        &self,
        number: MatchNumber,
    ) -> impl Iterator<Item = (Participant, Reference, ClientOrder<'_>)> {
        self.desk.in_match(number).filter_map(|place| {
            let order = self.desk.orders.get(place)?;
            let participant = self.desk.clients[usize::from(order.account)].account.participant;
            let client = self.desk.client_order(participant, u64::from(place))?;
            Some((participant, order.reference, client))
        })
    }

    /// What became of the next order without the matching core: to be asked for before the next command is applied.
    pub fn next_noted(&mut self) -> Option<Noted<'_>> {
        let Aside { account, channel, user_ref, note } = self.desk.asides.pop_front()?;
        let account = &self.desk.clients[usize::from(account)].account;
        let client = ClientOrder { user: account.name(), channel, user_ref };
        Some(Noted { participant: account.participant, client, note })
    }

    /// Accounts that are logged in now.
    pub fn clients(&self) -> usize {
        self.logged_in.iter().flatten().count()
    }

    /// What was counted.
    pub const fn counters(&self) -> &Counters {
        &self.desk.counters
    }

    /// The last input that was wrong.
    pub const fn last_bad(&self) -> Option<BadInput> {
        self.last_bad
    }

    /// Reads the next packet of a connection.
    fn step(&mut self, id: usize, now: Nanos) -> Step {
        let Some(connection) = self.connections[id].as_mut().filter(|c| !c.over) else {
            return Step::Dry;
        };
        let offset = connection.reader.offset();
        let bad = |why| BadInput { connection: id, offset, why };
        let frame = match connection.reader.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Step::Dry,
            Err(error) => return self.broke(bad(Why::Stream(error))),
        };
        let packet = match Packet::parse(frame) {
            Ok(packet) => packet,
            Err(error @ Error::UnknownType { .. }) => {
                self.desk.counters.bad_packets += 1;
                self.last_bad = Some(bad(Why::Packet(error)));
                return Step::Nothing;
            }
            Err(error) => return self.broke(bad(Why::Packet(error))),
        };
        match connection.session.on_packet(&packet, now) {
            Ok(ServerEvent::Nothing) => Step::Nothing,
            Ok(ServerEvent::Message(message)) => {
                let Some(account) = connection.account else { return Step::Nothing };
                match self.desk.request(account, message, now) {
                    Ok(Some(command)) => Step::Command(command),
                    Ok(None) => Step::Nothing,
                    Err(why @ Why::Full) => {
                        self.desk.counters.full += 1;
                        self.last_bad = Some(bad(why));
                        self.finish(id, true);
                        Step::Nothing
                    }
                    Err(why) => {
                        self.desk.counters.bad_messages += 1;
                        self.last_bad = Some(bad(why));
                        Step::Nothing
                    }
                }
            }
            Ok(ServerEvent::Login(request)) => {
                self.login(id, &request, now);
                Step::Nothing
            }
            Ok(ServerEvent::Logout) => {
                self.desk.counters.logouts += 1;
                if let Some(account) = connection.account.take() {
                    self.left(account, true);
                }
                self.finish(id, true);
                Step::Nothing
            }
            Err(violation) => self.broke(bad(Why::Violation(violation))),
        }
    }

    /// The connection cannot be read on.
    fn broke(&mut self, bad: BadInput) -> Step {
        self.desk.counters.bad_packets += 1;
        self.last_bad = Some(bad);
        self.finish(bad.connection, true);
        Step::Nothing
    }

    /// Writes what a connection has not been sent.
    fn gather(&mut self, id: usize, now: Nanos) {
        let Some(Some(connection)) = self.connections.get_mut(id) else { return };
        if let Some(account) = connection.account.filter(|_| !connection.over) {
            let stream = &self.desk.clients[usize::from(account)].stream;
            connection.gather(stream, self.desk.ended, now);
        }
        if connection.is_cut() && !connection.over {
            self.desk.counters.cut += 1;
            self.finish(id, true);
        }
    }
}
