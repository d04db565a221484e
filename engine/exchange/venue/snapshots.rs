//! Snapshots for those who come late to the lines: a SoupBinTCP session each, without its socket.
//!
//! A login (user and password of an account) is answered with the whole market as it is then, in messages numbered from 1,
//! and the end of the session behind them. It is driven as order entry is. What goes wrong on purpose: connections that end at
//! a byte, logins that are refused, and snapshots that come late, which a receiver must not take for newer than they are.

use super::Venue;
use crate::base::unit::Nanos;
use crate::exchange::faults::{AnswerFaults, ConnectionFaults, Faults, LoginFaults};
use crate::exchange::market_data::{Cursor, Snapshot};
use crate::exchange::order_entry::connection::Connection;
use crate::wire::soup::{
    Due, LoginAccepted, LoginRequest, PACKET_MAX, Packet, ServerEvent, ServerState, code::reject,
};
use std::io::Write;

/// Bytes that wait for a connection.
const UNSENT_MAX: usize = 4 * PACKET_MAX;
/// Who has not logged in after so long is given up, though a session would wait longer: places are few.
const LOGIN_WITHIN: Nanos = Nanos(5_000_000_000);
/// Who was sent all of it is given so long to go.
const LINGER: Nanos = Nanos(5_000_000_000);

/// One who comes late.
struct LateComer {
    connection: Connection,
    /// What it is sent, from its login on until all of it is written.
    snapshot: Option<(Snapshot, Cursor)>,
    /// Nothing of it is written before this time.
    not_before: Nanos,
    answers: AnswerFaults,
    /// It is closed then, at the latest, unless it is being served.
    until: Nanos,
}

/// The service.
pub struct SnapshotService {
    late: Box<[Option<LateComer>]>,
    stalled: Nanos,
    faults: Faults,
    login_faults: LoginFaults,
    connections: u64,
    served: u64,
    rejected: u64,
    cut: u64,
}

impl SnapshotService {
    /// A service for so many connections at a time. One that takes nothing for `stalled` is closed.
    pub fn new(connections: usize, stalled: Nanos, faults: &Faults) -> Self {
        Self {
            late: (0..connections).map(|_| None).collect(),
            stalled,
            faults: faults.clone(),
            login_faults: LoginFaults::of_snapshots(faults),
            connections: 0,
            served: 0,
            rejected: 0,
            cut: 0,
        }
    }

    /// Snapshots that were begun.
    pub const fn served(&self) -> u64 {
        self.served
    }

    /// Logins that were rejected.
    pub const fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Connections that a fault ended.
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// Copies of the market that are held for those who are being served.
    pub fn held(&self) -> usize {
        self.late.iter().flatten().filter(|late| late.snapshot.is_some()).count()
    }

    /// Someone connected; false if there is no such place, or it is taken: the caller closes.
    pub fn connected(&mut self, id: usize, now: Nanos) -> bool {
        let Some(place @ None) = self.late.get_mut(id) else { return false };
        let faults = ConnectionFaults::of_snapshots(&self.faults, self.connections);
        let answers = AnswerFaults::of_snapshots(&self.faults, self.connections);
        self.connections += 1;
        let connection = Connection::new(UNSENT_MAX, faults, now);
        let until = now.plus(LOGIN_WITHIN);
        *place = Some(LateComer { connection, snapshot: None, not_before: now, answers, until });
        true
    }

    /// Bytes came. A login takes its snapshot of `venue`.
    pub fn received<W: Write>(
        &mut self,
        id: usize,
        mut bytes: &[u8],
        venue: &Venue<W>,
        now: Nanos,
    ) {
        let Some(Some(late)) = self.late.get_mut(id) else { return };
        while !bytes.is_empty() && !late.connection.over {
            let count = late.connection.reader.append(bytes);
            bytes = &bytes[count..];
            // A login may have packets behind it.
            while !late.connection.over {
                match late.read(now) {
                    Ok(None) => break,
                    Ok(Some(ServerEvent::Login(request))) => {
                        let is_refused = self.login_faults.refuses();
                        match late.answer(&request, is_refused, venue, now) {
                            true => self.served += 1,
                            false => self.rejected += 1,
                        }
                    }
                    Ok(Some(ServerEvent::Nothing | ServerEvent::Message(_))) => {}
                    Ok(Some(ServerEvent::Logout)) | Err(()) => late.connection.finish(true),
                }
            }
        }
    }

    /// The connection is gone.
    pub fn closed(&mut self, id: usize) {
        if let Some(place) = self.late.get_mut(id) {
            *place = None;
        }
    }

    /// Time passed.
    pub fn due(&mut self, now: Nanos) {
        for late in self.late.iter_mut().flatten() {
            self.cut += u64::from(late.gather(now));
            let connection = &mut late.connection;
            if connection.stalls_at(self.stalled).is_some_and(|at| at <= now) {
                connection.finish(false);
            } else if late.snapshot.is_none() && late.until <= now {
                // Whatever it says meanwhile.
                connection.finish(true);
            } else if !connection.over {
                match connection.session.poll(now) {
                    Due::Nothing => {}
                    Due::Heartbeat => {
                        connection.send(&Packet::ServerHeartbeat, now);
                    }
                    Due::Close(_) => connection.finish(true),
                }
            }
        }
    }

    /// The bytes that a connection is to be sent.
    pub fn unsent(&mut self, id: usize, now: Nanos) -> &[u8] {
        match self.late.get_mut(id) {
            Some(Some(late)) => {
                self.cut += u64::from(late.gather(now));
                late.connection.unsent()
            }
            _ => &[],
        }
    }

    /// The first `count` of the unsent bytes were taken.
    pub fn sent(&mut self, id: usize, count: usize, now: Nanos) {
        if let Some(Some(late)) = self.late.get_mut(id) {
            late.connection.sent(count, now);
        }
    }

    /// Whether the caller is to close the connection.
    pub fn is_over(&self, id: usize) -> bool {
        match self.late.get(id) {
            Some(Some(late)) => late.connection.over && late.connection.unsent().is_empty(),
            _ => false,
        }
    }
}

impl LateComer {
    /// What the next packet means; `None` if there is no whole one. Whatever is no packet, or none that may come, is an error.
    fn read(&mut self, now: Nanos) -> Result<Option<ServerEvent<'_>>, ()> {
        let Some(frame) = self.connection.reader.next_frame().map_err(|_| ())? else {
            return Ok(None);
        };
        let packet = Packet::parse(frame).map_err(|_| ())?;
        self.connection.session.on_packet(&packet, now).map(Some).map_err(|_| ())
    }

    /// Answers a login; whether it was accepted.
    fn answer<W: Write>(
        &mut self,
        request: &LoginRequest,
        is_refused: bool,
        venue: &Venue<W>,
        now: Nanos,
    ) -> bool {
        let session = venue.order_entry().session();
        let reason = if is_refused || !venue.order_entry().knows(request) {
            reject::NOT_AUTHORIZED
        } else if !request.session.is_blank() && request.session != session {
            reject::NO_SESSION
        } else {
            let accepted = LoginAccepted { session, sequence: 1 };
            self.connection.send(&Packet::LoginAccepted(accepted), now);
            self.snapshot = Some((venue.snapshot(), Cursor::default()));
            self.not_before = self.answers.leaves_at(now);
            return true;
        };
        self.connection.send(&Packet::LoginRejected(reason), now);
        self.connection.finish(true);
        false
    }

    /// Writes on as far as there is room. True if a fault ends the connection by it.
    fn gather(&mut self, now: Nanos) -> bool {
        self.write(now);
        let is_cut = self.connection.is_cut() && !self.connection.over;
        if is_cut {
            self.connection.finish(true);
            self.snapshot = None;
        }
        is_cut
    }

    fn write(&mut self, now: Nanos) {
        let Some((snapshot, cursor)) = self.snapshot.as_mut().filter(|_| now >= self.not_before)
        else {
            return;
        };
        while self.connection.session.state() == ServerState::LoggedIn && !self.connection.over {
            let mut next = *cursor;
            let packet = match snapshot.read(&mut next) {
                Some(message) => Packet::Sequenced(message),
                None => Packet::EndOfSession,
            };
            if !self.connection.send(&packet, now) {
                return;
            }
            *cursor = next;
        }
        // All is written: the copy of the market goes.
        self.snapshot = None;
        self.until = now.plus(LINGER);
    }
}
