//! The seldom parts of the receiver: sessions, gaps, snapshots, silence.
#![forbid(unsafe_code)]

use super::super::snapshot::Said;
use super::{BURST, DIGITS, FOREIGN_MAX, Receiver, SEQUENCE_END, SNAPSHOT_END};
use super::{Origin, Reason, Seen};
use crate::base::message::Kind;
use crate::base::unit::Nanos;
use crate::wire::mold::{self, Packet};

impl Receiver {
    /// Whether `packet`, which came from the server of re-requests, has messages of the session taken.
    #[cold]
    pub(super) fn is_answer(&mut self, packet: &Packet<'_>, seen: Seen) -> bool {
        if self.arbiter.session() != Some(packet.session) {
            let bytes = packet.bytes();
            self.counts.drop(Reason::OtherSession, Origin::Rerequests, seen.time, bytes);
            return false;
        }
        self.recovery.answered(packet.sequence, packet.next());
        packet.kind == mold::Kind::Data
    }

    /// Whether `packet`, which is not of the session taken, begins its own now.
    #[cold]
    pub(super) fn begins(&mut self, packet: &Packet<'_>, origin: Origin, seen: Seen) -> bool {
        let is_first = self.arbiter.session().is_none();
        if self.arbiter.left() == Some(packet.session) {
            self.counts.drop(Reason::PastSession, origin, seen.time, packet.bytes());
            return false;
        }
        if !is_first {
            let before = self.foreign.filter(|(other, _)| *other == packet.session);
            let heard = before.map_or(0, |(_, heard)| heard) + 1;
            self.foreign = Some((packet.session, heard));
            if !self.arbiter.ended() && heard < FOREIGN_MAX {
                self.counts.drop(Reason::OtherSession, origin, seen.time, packet.bytes());
                return false;
            }
            let missing = self.arbiter.unheard().saturating_sub(self.due());
            self.counts.lost = self.counts.lost.saturating_add(missing);
            self.arbiter.reset();
            self.begin_anew(seen);
        }
        self.counts.sessions += 1;
        (self.began, self.attempt) = (seen.time, seen.time);
        self.progress = (1, seen.time);
        self.heard = seen.time;
        true
    }

    /// The session is left: what the books hold is void.
    fn begin_anew(&mut self, seen: Seen) {
        self.tell_gap(seen);
        self.out.event(Kind::CLEAR, self.due(), seen);
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.done();
        }
        self.void = None;
        // Whatever was missing is not healed.
        self.skipped = true;
        (self.joined, self.based, self.silent, self.given_up) = (false, false, false, false);
        self.foreign = None;
    }

    /// The sequence that is, or was, due.
    fn due(&self) -> u64 {
        self.void.unwrap_or(self.arbiter.next())
    }

    /// Says `GAP`, if something is missing and it was not said.
    #[cold]
    pub(super) fn check(&mut self, seen: Seen) {
        if !self.gapped && self.arbiter.missing().is_some() {
            self.tell_gap(seen);
        }
    }

    fn tell_gap(&mut self, seen: Seen) {
        if self.gapped {
            return;
        }
        self.gapped = true;
        // Who comes late has missed nothing yet.
        self.counted = self.joined;
        self.counts.gaps += u64::from(self.counted);
        self.progress = (self.due(), seen.time);
        self.attempt = seen.time;
        self.recovery.open(self.arbiter.unheard(), seen.time);
        let time = self.out.event(Kind::GAP, self.due(), seen);
        self.gaps.open(time, self.due());
    }

    /// Whether re-requests make sense: not while a snapshot is read, nor for one who comes late and has a service to ask,
    /// unless that failed.
    pub(super) fn may_ask(&self) -> bool {
        let is_late = !(self.joined || self.based);
        let asks_snapshot = is_late && self.snapshot.as_ref().is_some_and(|it| !it.failed());
        self.settings.rerequests && self.void.is_none() && !asks_snapshot
    }

    /// Something is missing: what is to be done about it by now.
    #[cold]
    pub(super) fn mend(&mut self, now: Seen) {
        let due = self.due();
        if due != self.progress.0 {
            self.progress = (due, now.time);
        }
        if self.void.is_none() {
            self.recovery.turn(&self.arbiter, now.time);
            self.counts.unanswered = self.recovery.unanswered();
        }
        let repair = self.settings.repair;
        let (behind, is_late) = (self.arbiter.behind(), !(self.joined || self.based));
        let fruitless = behind && now.time.since(self.progress.1) >= repair.give_up;
        if fruitless && !is_late && !self.given_up {
            self.given_up = true;
            self.counts.given_up += 1;
            if !self.skipped {
                self.attempt = now.time;
            }
        }
        let catches_up = match &mut self.snapshot {
            None => is_late,
            Some(snapshot) => {
                if self.given_up || (is_late && behind && self.recovery.is_ripe(&self.arbiter)) {
                    snapshot.want(now.time);
                }
                snapshot.is_wanted() || is_late
            }
        };
        // Who misses nothing any more only waits until the lines are dry: no snapshot would bring that.
        let misses = behind || self.void.is_some() || self.silent;
        if catches_up && misses && now.time.since(self.attempt) >= repair.join_within {
            self.counts.late_joins += 1;
            self.attempt = now.time;
            if let Some(snapshot) = &mut self.snapshot {
                snapshot.restart(now.time);
                // What was heard may itself be what keeps us from catching up.
                self.doubted = true;
            }
        }
    }

    /// Judges whether the lines still tell of now.
    pub(super) fn listen(&mut self, now: Seen) {
        let limit = self.settings.repair.silence;
        if limit == Nanos(0) || self.arbiter.ended() {
            self.silent = false;
            return;
        }
        let quiet = now.time.since(self.heard);
        self.silent = quiet >= limit;
        if !self.silent {
            return;
        }
        self.tell_gap(now);
        // All that comes was known long ago: the session began anew under the same name.
        let again = self.heard_any.since(self.heard) >= limit.plus(self.settings.repair.give_up);
        if again && !self.arbiter.behind() {
            self.arbiter.restart();
            self.begin_anew(now);
        }
    }

    /// Puts what came of a snapshot, as far as there is room.
    pub(super) fn read_snapshot(&mut self, now: Seen) {
        let due = self.due();
        let (mut end, mut count) = (None, 0);
        let open = self.out.open(due, now);
        while count < BURST.min(self.out.room()) {
            match self.snapshot.as_mut().and_then(|snapshot| snapshot.next(now.time)) {
                None => break,
                Some(Said::Nothing) => {}
                Some(Said::Accepted) => {
                    self.void = Some(due);
                    self.arbiter.hold_from(self.mark.max(1));
                    self.tell_gap(now);
                    // Nothing else was put: a login is accepted before there are messages.
                    self.out.event(Kind::CLEAR, due, now);
                    return;
                }
                Some(Said::Message(message)) => {
                    end = snapshot_end(message);
                    if end.is_some() {
                        break;
                    }
                    self.out.push(&open, message, due);
                    count += 1;
                }
            }
        }
        self.out.close(&open);
        self.counts.snapshot_messages += count as u64;
        if let Some(next) = end {
            self.resume(next, now);
        }
    }

    /// A snapshot has ended: from `next` on, the lines.
    fn resume(&mut self, next: u64, now: Seen) {
        let due = self.due();
        let lost = if self.joined { next.saturating_sub(due) } else { 0 };
        self.counts.lost = self.counts.lost.saturating_add(lost);
        self.counts.snapshots += 1;
        self.void = None;
        (self.given_up, self.skipped, self.based) = (false, true, true);
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.done();
        }
        self.arbiter.resume_at(next);
        if std::mem::replace(&mut self.doubted, false) {
            self.arbiter.drop_held();
        }
        self.progress = (next, now.time);
        self.recovery.open(self.arbiter.unheard(), now.time);
    }

    /// A tick, if one is due. Those that were missed are left out.
    pub(super) fn tick(&mut self, now: Seen) {
        let every = self.settings.tick.0;
        if every == 0 || now.time < self.next_tick {
            return;
        }
        let first = self.next_tick == Nanos(0);
        self.next_tick = Nanos(now.time.0 / every * every).plus(Nanos(every));
        if !first {
            self.ticks += 1;
            self.out.event(Kind::TICK, self.ticks, now);
        }
    }
}

/// The sequence with which to go on, if `message` is a snapshot's last.
fn snapshot_end(message: &[u8]) -> Option<u64> {
    let (&kind, digits) = message.split_first()?;
    if kind != SNAPSHOT_END || digits.len() != DIGITS {
        return None;
    }
    let number =
        digits.iter().filter(|digit| **digit != b' ').try_fold(0_u64, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })?;
    Some(number.clamp(1, SEQUENCE_END - 1))
}
