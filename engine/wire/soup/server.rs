//! The server's end of a session. Who may log in, to which session and from which number is the caller's to say.
//!
//! ```text
//! Awaiting --L came--> Deciding --A sent--> LoggedIn --Z sent--> Ended
//!     |                    |                    |                  |
//!     +--30 s--------------+--J sent, 30 s------+--15 s------------+--> closed; from any state by O or a violation
//! ```

use super::packet::{LoginAccepted, LoginRequest, Packet};
use super::session::{Cause, Due, LOGIN_WITHIN, Pulse, Violation, silence};
use crate::base::unit::Nanos;

/// Where a session stands, seen from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// The client has not asked to log in.
    Awaiting,
    /// It has, and awaits the answer.
    Deciding,
    /// Messages go both ways.
    LoggedIn,
    /// The end was said; the client is awaited to go.
    Ended,
    /// Over: the connection is to be closed.
    Closed(Cause),
}

/// What a packet from a client means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEvent<'a> {
    /// Nothing, but that the client is there.
    Nothing,
    /// It wants to log in: to be answered with `LoginAccepted` or `LoginRejected`.
    Login(LoginRequest),
    /// It says this.
    Message(&'a [u8]),
    /// It goes.
    Logout,
}

/// One client's session.
#[derive(Clone, Debug)]
pub struct ServerSession {
    state: ServerState,
    /// When the client must be logged in.
    login_until: Nanos,
    pulse: Pulse,
    /// The number of the next sequenced packet.
    sequence: u64,
}

impl ServerSession {
    /// A client connected at `now`.
    pub const fn new(now: Nanos) -> Self {
        Self {
            state: ServerState::Awaiting,
            login_until: now.plus(LOGIN_WITHIN),
            pulse: Pulse::new(now),
            sequence: 1,
        }
    }

    /// Where it stands.
    pub const fn state(&self) -> ServerState {
        self.state
    }

    /// The number that the next sequenced packet has; before the login, 1.
    pub const fn next_sequence(&self) -> u64 {
        self.sequence
    }

    /// `packet` came at `now`. After a violation the session is closed, and what comes then means nothing. What a client
    /// says after it was told of the session's end means nothing either: it can have been on its way.
    pub fn on_packet<'a>(
        &mut self,
        packet: &Packet<'a>,
        now: Nanos,
    ) -> Result<ServerEvent<'a>, Violation> {
        self.pulse.received = now;
        let event = self.react(packet);
        if event.is_err() {
            self.state = ServerState::Closed(Cause::Violation);
        }
        event
    }

    fn react<'a>(&mut self, packet: &Packet<'a>) -> Result<ServerEvent<'a>, Violation> {
        use ServerState::{Awaiting, Closed, Deciding, Ended, LoggedIn};
        let kind = packet.kind();
        match (self.state, packet) {
            (Closed(_), _) | (_, Packet::Debug(_)) => Ok(ServerEvent::Nothing),
            (LoggedIn, &Packet::Unsequenced(message)) => Ok(ServerEvent::Message(message)),
            (Ended, Packet::Unsequenced(_)) => Ok(ServerEvent::Nothing),
            (Deciding | LoggedIn | Ended, Packet::ClientHeartbeat) => Ok(ServerEvent::Nothing),
            (Awaiting, &Packet::LoginRequest(request)) => {
                self.state = Deciding;
                self.pulse.silence_max = silence(request.heartbeat_timeout_ms);
                Ok(ServerEvent::Login(request))
            }
            (_, Packet::LoginRequest(_)) => Err(Violation::AlreadyLoggedIn { kind }),
            (_, Packet::LogoutRequest) => {
                self.state = Closed(Cause::LoggedOut);
                Ok(ServerEvent::Logout)
            }
            (_, Packet::Unsequenced(_) | Packet::ClientHeartbeat) => {
                Err(Violation::NotLoggedIn { kind })
            }
            (
                _,
                Packet::LoginAccepted(_)
                | Packet::LoginRejected(_)
                | Packet::Sequenced(_)
                | Packet::ServerHeartbeat
                | Packet::EndOfSession,
            ) => Err(Violation::WrongDirection { kind }),
        }
    }

    /// `packet` was sent at `now`.
    ///
    /// # Panics
    /// If it is none that a server may send in this state.
    pub fn on_sent(&mut self, packet: &Packet<'_>, now: Nanos) {
        use ServerState::{Closed, Deciding, Ended, LoggedIn};
        self.pulse.sent = now;
        match (self.state, packet) {
            (_, Packet::Debug(_)) => {}
            (LoggedIn, Packet::ServerHeartbeat | Packet::Unsequenced(_)) => {}
            (LoggedIn, Packet::Sequenced(_)) => {
                let next = self.sequence.checked_add(1);
                self.sequence = next.expect("a session has fewer messages than 64 bits count");
            }
            (LoggedIn, Packet::EndOfSession) => self.state = Ended,
            (Deciding, &Packet::LoginAccepted(LoginAccepted { sequence, .. })) => {
                self.state = LoggedIn;
                self.sequence = sequence;
                // What the decision took is not the client's silence.
                self.pulse.received = now;
            }
            (Deciding, Packet::LoginRejected(_)) => self.state = Closed(Cause::Rejected),
            (state, packet) => panic!("no server sends '{}' when {state:?}", packet.kind() as char),
        }
    }

    /// What is due at `now`.
    pub fn poll(&self, now: Nanos) -> Due {
        match self.state {
            ServerState::Closed(cause) => Due::Close(cause),
            ServerState::Awaiting | ServerState::Deciding if now >= self.login_until => {
                Due::Close(Cause::NoLogin)
            }
            ServerState::LoggedIn | ServerState::Ended if now >= self.pulse.silent_at() => {
                Due::Close(Cause::Silence)
            }
            ServerState::LoggedIn if now >= self.pulse.heartbeat_at() => Due::Heartbeat,
            _ => Due::Nothing,
        }
    }

    /// When something is due, if nothing happens before.
    pub fn next_due(&self) -> Nanos {
        match self.state {
            ServerState::Closed(_) => Nanos(0),
            ServerState::Awaiting | ServerState::Deciding => self.login_until,
            ServerState::Ended => self.pulse.silent_at(),
            ServerState::LoggedIn => self.pulse.silent_at().min(self.pulse.heartbeat_at()),
        }
    }
}
