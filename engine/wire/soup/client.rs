//! The client's end of a session. Which session and which number to ask for is the caller's to say.
//!
//! ```text
//! Connected --L sent--> LoggingIn --A came--> LoggedIn --O sent--> Leaving
//!                           |                     |                   |
//!                           +--J came, 15 s-------+--15 s, Z came-----+--> closed; from any state by a violation
//! ```

use super::packet::{LoginAccepted, Packet};
use super::session::{Cause, Due, HEARTBEAT_AFTER, Pulse, Violation, silence};
use crate::base::unit::Nanos;

/// Where a session stands, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// The login is to be sent.
    Connected,
    /// It was sent, and the answer is awaited.
    LoggingIn,
    /// Messages go both ways.
    LoggedIn,
    /// The logout was sent; what comes still counts, until the server closes the connection.
    Leaving,
    /// Over: the connection is to be closed.
    Closed(Cause),
}

/// What a packet from the server means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEvent<'a> {
    /// Nothing, but that the server is there.
    Nothing,
    /// The login was accepted. Whether it gives what was asked for: `LoginRequest::is_met_by`.
    Accepted(LoginAccepted),
    /// The login was rejected: `code::reject`.
    Rejected(u8),
    /// A message that has this number.
    Sequenced {
        /// Its number.
        sequence: u64,
        /// Its bytes.
        message: &'a [u8],
    },
    /// A message without a number.
    Unsequenced(&'a [u8]),
    /// The session has no more messages.
    Ended,
}

/// A session with a server.
#[derive(Clone, Debug)]
pub struct ClientSession {
    state: ClientState,
    pulse: Pulse,
    /// The number that the next sequenced packet will have.
    sequence: u64,
}

impl ClientSession {
    /// Connected to a server at `now`.
    pub const fn new(now: Nanos) -> Self {
        Self { state: ClientState::Connected, pulse: Pulse::new(now), sequence: 1 }
    }

    /// Where it stands.
    pub const fn state(&self) -> ClientState {
        self.state
    }

    /// The number that the next sequenced packet will have; before the login was accepted, 1. The next connection's login
    /// asks for it: a session lives longer than a connection, and this machine does not.
    pub const fn next_sequence(&self) -> u64 {
        self.sequence
    }

    /// `packet` came at `now`. After a violation, or the end, the session is closed, and what comes then means nothing; but
    /// a numbered packet after the end is a violation.
    pub fn on_packet<'a>(
        &mut self,
        packet: &Packet<'a>,
        now: Nanos,
    ) -> Result<ClientEvent<'a>, Violation> {
        self.pulse.received = now;
        let event = self.react(packet);
        if event.is_err() && !matches!(self.state, ClientState::Closed(_)) {
            self.state = ClientState::Closed(Cause::Violation);
        }
        event
    }

    fn react<'a>(&mut self, packet: &Packet<'a>) -> Result<ClientEvent<'a>, Violation> {
        use ClientState::{Closed, Leaving, LoggedIn, LoggingIn};
        let kind = packet.kind();
        match (self.state, packet) {
            (LoggedIn | Leaving, &Packet::Sequenced(message)) => {
                let sequence = self.sequence;
                self.sequence = sequence.checked_add(1).ok_or(Violation::SequenceEnd)?;
                Ok(ClientEvent::Sequenced { sequence, message })
            }
            (LoggedIn | Leaving, &Packet::Unsequenced(message)) => {
                Ok(ClientEvent::Unsequenced(message))
            }
            (LoggedIn | Leaving, Packet::ServerHeartbeat) | (_, Packet::Debug(_)) => {
                Ok(ClientEvent::Nothing)
            }
            (LoggedIn | Leaving, Packet::EndOfSession) => {
                self.state = Closed(Cause::Ended);
                Ok(ClientEvent::Ended)
            }
            (LoggingIn, &Packet::LoginAccepted(answer)) => {
                self.state = LoggedIn;
                self.sequence = answer.sequence;
                Ok(ClientEvent::Accepted(answer))
            }
            (LoggingIn, &Packet::LoginRejected(reason)) => {
                self.state = Closed(Cause::Rejected);
                Ok(ClientEvent::Rejected(reason))
            }
            (Closed(Cause::Ended), Packet::Sequenced(_)) => Err(Violation::AfterEnd { kind }),
            (Closed(_), _) => Ok(ClientEvent::Nothing),
            (_, Packet::LoginRequest(_) | Packet::ClientHeartbeat | Packet::LogoutRequest) => {
                Err(Violation::WrongDirection { kind })
            }
            (LoggedIn | Leaving, _) => Err(Violation::AlreadyLoggedIn { kind }),
            (_, _) => Err(Violation::NotLoggedIn { kind }),
        }
    }

    /// `packet` was sent at `now`.
    ///
    /// # Panics
    /// If it is none that a client may send in this state.
    pub fn on_sent(&mut self, packet: &Packet<'_>, now: Nanos) {
        use ClientState::{Closed, Connected, Leaving, LoggedIn, LoggingIn};
        self.pulse.sent = now;
        match (self.state, packet) {
            (_, Packet::Debug(_)) => {}
            (LoggedIn, Packet::Unsequenced(_) | Packet::ClientHeartbeat) => {}
            (Connected, Packet::LoginRequest(request)) => {
                self.state = LoggingIn;
                // The answer is awaited from now on.
                self.pulse.received = now;
                // Who asks to be given up soon must speak sooner: twice within that time.
                let limit = silence(request.heartbeat_timeout_ms);
                self.pulse.heartbeat_after = HEARTBEAT_AFTER.min(Nanos(limit.0 / 2));
            }
            (LoggedIn, Packet::LogoutRequest) => self.state = Leaving,
            (Connected | LoggingIn, Packet::LogoutRequest) => self.state = Closed(Cause::LoggedOut),
            (state, packet) => panic!("no client sends '{}' when {state:?}", packet.kind() as char),
        }
    }

    /// What is due at `now`. The login is not: it is sent when the caller is ready.
    pub fn poll(&self, now: Nanos) -> Due {
        match self.state {
            ClientState::Closed(cause) => Due::Close(cause),
            ClientState::LoggingIn | ClientState::LoggedIn | ClientState::Leaving
                if now >= self.pulse.silent_at() =>
            {
                Due::Close(Cause::Silence)
            }
            ClientState::LoggedIn if now >= self.pulse.heartbeat_at() => Due::Heartbeat,
            _ => Due::Nothing,
        }
    }

    /// When something is due, if nothing happens before.
    pub fn next_due(&self) -> Nanos {
        match self.state {
            ClientState::Closed(_) => Nanos(0),
            ClientState::Connected => Nanos::MAX,
            ClientState::LoggingIn | ClientState::Leaving => self.pulse.silent_at(),
            ClientState::LoggedIn => self.pulse.silent_at().min(self.pulse.heartbeat_at()),
        }
    }
}
