//! The session: connections, logins, what is missed and read again, pauses between tries, and the way out.
//!
//! A message counts when it was taken in: the next login asks for the one after. What came and was not taken in comes
//! again. So the connection may break at any byte.

use super::orders::Cancel;
use super::table::Standing;
use super::{Core, End, Phase};
use crate::base::code::Code;
use crate::base::message::Report;
use crate::base::stage::Sink;
use crate::base::unit::Nanos;
use crate::wire::ouch::{AccountQueryRequest, Appendage, Inbound};
use crate::wire::soup::code::reject;
use crate::wire::soup::{
    Cause, ClientEvent, ClientSession, Due, LoginAccepted, LoginRequest, Packet,
};

const SECOND: u64 = 1_000_000_000;
/// Cancels that were refused are not asked for again before.
const ASK_AGAIN: Nanos = Nanos(100_000_000);
/// The pause after a try that came to nothing; doubled after each further one.
pub(super) const PAUSE_MIN: Nanos = Nanos(SECOND);
/// The longest pause.
const PAUSE_MAX: Nanos = Nanos(60 * SECOND);
/// How often a login that the exchange did not authorise is tried.
const WRONG_PASSWORDS_MAX: u32 = 3;
/// A connection that is not made after so long is given up.
const CONNECT_WITHIN: Nanos = Nanos(5 * SECOND);
/// An account query that is not answered so long after the last message is asked again, on another connection.
const ANSWER_WITHIN: Nanos = Nanos(30 * SECOND);
/// After a logout the exchange has so long to close the connection.
const CLOSE_WITHIN: Nanos = Nanos(SECOND);
/// A session that was live for so long is made anew without a pause.
const PROVEN: Nanos = Nanos(SECOND);

/// Whether the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// No.
    No,
    /// Once all has been sent.
    WhenSent,
    /// At once.
    Now,
}

/// The mass cancel of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mass {
    /// Not asked for on this connection.
    Unasked,
    /// Asked for, under this reference.
    Asked(u32),
    /// The exchange does not do it.
    Refused,
}

impl Core {
    pub(super) fn enter_phase(&mut self, phase: Phase, now: Nanos) {
        if !matches!(self.phase, Phase::Over(_)) {
            (self.phase, self.since) = (phase, now);
        }
    }

    pub(super) fn over(&mut self, end: End, now: Nanos) {
        self.enter_phase(Phase::Over(end), now);
        self.closing = Closing::Now;
    }

    /// What came breaks the protocol.
    #[cold]
    pub(super) fn violated(&mut self) {
        self.counts.violations += 1;
        self.closing = Closing::Now;
    }

    /// The connection stands.
    pub(super) fn connected(&mut self, now: Nanos) {
        self.counts.connections += 1;
        self.link = ClientSession::new(now);
        self.send.clear();
        self.closing = Closing::No;
        let probe = self.history_end == 0;
        let request =
            LoginRequest { sequence: if probe { 0 } else { self.expected }, ..self.login() };
        let packet = Packet::LoginRequest(request);
        if self.send.packet(&packet) {
            self.link.on_sent(&packet, now);
        }
        self.enter_phase(if probe { Phase::Probing } else { Phase::LoggingIn }, now);
    }

    fn login(&self) -> LoginRequest {
        LoginRequest {
            username: self.settings.username,
            password: self.secret.password(),
            session: self.session,
            sequence: self.expected,
            heartbeat_timeout_ms: None,
        }
    }

    /// A packet came.
    pub(super) fn on_frame(&mut self, frame: &[u8], now: Nanos, back: &mut impl Sink<Report>) {
        let Ok(packet) = Packet::parse(frame) else { return self.violated() };
        match self.link.on_packet(&packet, now) {
            Err(_) => self.violated(),
            Ok(ClientEvent::Nothing) => {}
            Ok(ClientEvent::Accepted(answer)) => self.on_login(&answer, now),
            Ok(ClientEvent::Rejected(reason)) => self.on_login_refused(reason, now),
            // The probe asked for none; what comes is asked for again.
            Ok(ClientEvent::Sequenced { .. }) if self.phase == Phase::Probing => {}
            Ok(ClientEvent::Sequenced { sequence, message }) => {
                self.expected = sequence + 1;
                if self.phase == Phase::Replaying {
                    self.since = now;
                }
                self.on_message(sequence, message, now, back);
            }
            // The orders' exchange numbers all that it says of orders.
            Ok(ClientEvent::Unsequenced(message)) => {
                self.oddities.note(super::Odd::Unknown, None, 0, message);
            }
            Ok(ClientEvent::Ended) => self.over(End::SessionEnded, now),
        }
    }

    fn on_login(&mut self, answer: &LoginAccepted, now: Nanos) {
        self.counts.logins += 1;
        self.wrong_passwords = 0;
        let asked = self.session;
        if !asked.is_blank() && asked != answer.session {
            return self.over(End::OtherStream, now);
        }
        if self.phase == Phase::Probing {
            self.session = answer.session;
            self.history_end = answer.sequence.max(1);
            if answer.sequence != self.expected {
                // There is a history: now from its first message on.
                self.log_out(now);
                self.closing = Closing::WhenSent;
                return;
            }
        } else if answer.sequence != self.expected {
            return self.over(End::OtherStream, now);
        }
        self.enter_phase(Phase::Replaying, now);
        let query = AccountQueryRequest::BLANK;
        if self.send.message(&Inbound::AccountQueryRequest(&query, Appendage::EMPTY)) {
            self.link.on_sent(&Packet::Unsequenced(&[]), now);
        }
    }

    /// Says goodbye, if there is room for it.
    fn log_out(&mut self, now: Nanos) -> bool {
        let said = self.send.packet(&Packet::LogoutRequest);
        if said {
            self.link.on_sent(&Packet::LogoutRequest, now);
        }
        said
    }

    fn on_login_refused(&mut self, reason: u8, now: Nanos) {
        self.counts.rejected_logins += 1;
        self.closing = Closing::Now;
        if reason == reject::NOT_AUTHORIZED {
            self.wrong_passwords += 1;
            if self.wrong_passwords >= WRONG_PASSWORDS_MAX {
                self.over(End::NotAuthorized, now);
            }
        }
    }

    /// The account query is answered: everything that the exchange did before has been read.
    pub(super) fn on_query(&mut self, sequence: u64, next: u32, now: Nanos) {
        // One that was asked before this program tells nothing of now.
        if self.phase != Phase::Replaying || sequence < self.history_end {
            return;
        }
        self.next_reference = self.next_reference.max(next);
        self.orders.forget_lost();
        let mut at = 0;
        while let Some(slot) = self.orders.first_from(at) {
            at = slot + 1;
            let Some(entry) = self.orders.get(slot).copied() else { continue };
            if entry.orphan {
                self.orders.set_cancel(slot, Cancel::Wanted);
            } else if entry.standing != Standing::Open && entry.doom == Code::NONE {
                // No answer is behind the answer: the exchange never had it.
                self.orders.doom(slot, Code::ROUTE_LOST);
                self.orders.note_lost(entry.reference);
            }
        }
        self.learnt = true;
        self.enter_phase(Phase::Clearing, now);
    }

    /// The connection is gone.
    pub(super) fn closed(&mut self, now: Nanos) {
        let (phase, since, probed) = (self.phase, self.since, self.closing == Closing::WhenSent);
        // The exchange cannot have what the socket never took.
        self.call_back(Code::ROUTE_LOST);
        self.send.clear();
        self.closing = Closing::No;
        self.mass = Mass::Unasked;
        let mut at = 0;
        while let Some(slot) = self.orders.first_from(at) {
            at = slot + 1;
            // Whether it arrived is not known; to send it again does no harm.
            if self.orders.get(slot).is_some_and(|entry| entry.cancel == Cancel::Sent) {
                self.orders.set_cancel(slot, Cancel::Wanted);
            }
        }
        match phase {
            Phase::Over(_) => return,
            Phase::Leaving => return self.enter_phase(Phase::Over(End::Stopped), now),
            Phase::Probing if probed && self.history_end > 0 => self.retry_at = now,
            Phase::Clearing | Phase::Live => {
                // The exchange is there. If it drops us at once, it is tried once a second, no more.
                let proven = phase == Phase::Live && now.since(since) >= PROVEN;
                self.pause = PAUSE_MIN;
                self.retry_at = if proven { now } else { now.plus(PAUSE_MIN) };
            }
            _ => {
                self.retry_at = now.plus(self.pause);
                self.pause = PAUSE_MAX.min(Nanos(2 * self.pause.0));
            }
        }
        self.enter_phase(Phase::Down, now);
    }

    /// Sees to what is due.
    pub(super) fn due(&mut self, now: Nanos, back: &mut impl Sink<Report>) {
        self.tell_doomed(now, back);
        if self.killed && self.phase == Phase::Live && self.may_speak() {
            self.want_all_canceled(now);
        }
        if self.phase == Phase::Clearing
            && self.orders.doomed() == 0
            && !self.orders.iter().any(|entry| entry.orphan)
        {
            self.enter_phase(Phase::Live, now);
        }
        if self.stopping.is_some() {
            self.wind_down(now);
        }
        if self.orders.wanted() > 0 {
            self.write_cancels(now);
        }
        let late = |limit: Nanos| now.since(self.since) >= limit;
        match self.phase {
            Phase::Down | Phase::Over(_) => return,
            Phase::Connecting if late(CONNECT_WITHIN) => self.closing = Closing::Now,
            Phase::Probing if self.closing == Closing::WhenSent && late(CONNECT_WITHIN) => {
                self.closing = Closing::Now;
            }
            Phase::Replaying if late(ANSWER_WITHIN) => self.closing = Closing::Now,
            Phase::Leaving if late(CLOSE_WITHIN) => self.closing = Closing::Now,
            _ => {}
        }
        if self.phase == Phase::Connecting || self.closing != Closing::No {
            return;
        }
        match self.link.poll(now) {
            Due::Nothing => {}
            Due::Heartbeat => {
                // Without room for it, what waits is as good a sign of life.
                if self.send.packet(&Packet::ClientHeartbeat) {
                    self.link.on_sent(&Packet::ClientHeartbeat, now);
                }
            }
            Due::Close(cause) => {
                self.counts.silences += u64::from(cause == Cause::Silence);
                self.closing = Closing::Now;
            }
        }
    }

    /// On the way out: cancels all that is open, logs out when nothing is.
    fn wind_down(&mut self, now: Nanos) {
        let nothing_open = self.orders.is_empty();
        match self.phase {
            Phase::Over(_) => return,
            Phase::Down | Phase::Connecting if nothing_open && self.learnt => {
                return self.over(End::Stopped, now);
            }
            Phase::Live if nothing_open && self.may_speak() => {
                let said = self.log_out(now);
                if said {
                    self.enter_phase(Phase::Leaving, now);
                }
            }
            Phase::Live if self.may_speak() => {
                if self.settings.mass_cancel && self.mass == Mass::Unasked {
                    self.ask_mass_cancel(now);
                }
                if !self.settings.mass_cancel || self.mass == Mass::Refused {
                    self.want_all_canceled(now);
                }
            }
            _ => {}
        }
        if self.stopping.is_some_and(|deadline| now >= deadline) {
            let end = match (nothing_open, self.learnt) {
                (true, true) => End::Stopped,
                (true, false) => End::Unlearned,
                (false, _) => End::Deadline,
            };
            self.over(end, now);
        }
    }

    /// Asks for a cancel of all that is open. What the exchange refuses to cancel is asked for again, but not in a rush.
    pub(super) fn want_all_canceled(&mut self, now: Nanos) {
        if self.asked_all.is_some_and(|asked| now.since(asked) < ASK_AGAIN) {
            return;
        }
        self.asked_all = Some(now);
        let mut at = 0;
        while let Some(slot) = self.orders.first_from(at) {
            at = slot + 1;
            // What is not confirmed too: the exchange takes the cancel after the order.
            if self.orders.get(slot).is_some_and(|entry| entry.cancel == Cancel::No) {
                self.orders.set_cancel(slot, Cancel::Wanted);
            }
        }
    }
}
