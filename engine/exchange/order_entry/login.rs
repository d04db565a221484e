//! Who is in: logins, second logins that take over, and accounts that are left without a connection.

use super::OrderEntry;
use crate::base::unit::Nanos;
use crate::exchange::matching::CancelReason;
use crate::wire::soup::{LoginAccepted, LoginRequest, Packet, SessionName, code::reject};

impl OrderEntry {
    /// Whether a login has an account and its password.
    pub fn knows(&self, request: &LoginRequest) -> bool {
        self.account(request).is_some()
    }

    /// The day's session.
    pub const fn session(&self) -> SessionName {
        self.config.session
    }

    /// Answers a login.
    pub(super) fn login(&mut self, id: usize, request: &LoginRequest, now: Nanos) {
        let found = self.account(request);
        let is_here = request.session.is_blank() || request.session == self.config.session;
        let is_refused = self.login_faults.refuses();
        let answer = match found {
            _ if is_refused => Err(reject::NOT_AUTHORIZED),
            None => Err(reject::NOT_AUTHORIZED),
            Some(_) if !is_here => Err(reject::NO_SESSION),
            Some(account) => Ok(account),
        };
        if let Ok(account) = answer
            && let Some(other) = self.logged_in[account].filter(|other| *other != id)
        {
            self.desk.counters.taken_over += 1;
            if let Some(other) = self.connections[other].as_mut() {
                other.account = None;
                other.finish(false);
            }
        }
        let Some(connection) = self.connections[id].as_mut() else { return };
        match answer {
            Ok(account) => {
                let next = self.desk.clients[account].stream.next();
                let sequence = match request.sequence {
                    0 => next,
                    asked => asked.min(next),
                };
                let accepted = LoginAccepted { session: self.config.session, sequence };
                // A connection's first packet always has room.
                connection.send(&Packet::LoginAccepted(accepted), now);
                connection.account = Some(account as u16);
                self.logged_in[account] = Some(id);
                self.desk.counters.logins += 1;
            }
            Err(reason) => {
                connection.send(&Packet::LoginRejected(reason), now);
                self.desk.counters.logins_rejected += 1;
                self.finish(id, true);
            }
        }
    }

    /// The account that a login is for, if user and password are right.
    fn account(&self, request: &LoginRequest) -> Option<usize> {
        self.config.accounts.iter().position(|account| {
            account.user == request.username && account.password == request.password
        })
    }

    /// Ends a connection; what waits for it still goes if it is to be `drained`.
    pub(super) fn finish(&mut self, id: usize, drained: bool) {
        let Some(connection) = self.connections[id].as_mut() else { return };
        connection.finish(drained);
        if let Some(account) = connection.account.take() {
            self.left(account, false);
        }
    }

    /// An account is without a connection.
    pub(super) fn left(&mut self, account: u16, by_logout: bool) {
        self.logged_in[usize::from(account)] = None;
        let config = &self.config.accounts[usize::from(account)];
        if if by_logout { config.cancel_on_logout } else { config.cancel_on_disconnect } {
            self.desk.sweep_all(account, CancelReason::Supervisory);
        }
    }
}
