//! What to ask for again, and when: re-requests with patience, pacing and back-off.
//!
//! What is missing ripens for a while first, since the other line mostly brings it. Then it is asked for from the front,
//! in pieces, a few at a time and with a pause between. An answer may hold less than was asked for: what is still missing
//! of the piece is asked for like anything else. A piece without an answer is free to be asked for again after a while,
//! which doubles until something is answered.
#![forbid(unsafe_code)]

use super::Repair;
use crate::base::unit::Nanos;
use crate::ingest::arbiter::{Arbiter, Gap};
use crate::wire::mold::Request;

/// A piece that was asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    first: u64,
    /// Behind its last.
    end: u64,
    until: Nanos,
}

/// The re-requests of one feed.
pub(super) struct Recovery {
    settings: Repair,
    asked: [Asked; Repair::OUTSTANDING_MAX],
    len: usize,
    /// What is missing below was missing for long enough.
    ripe: u64,
    /// What is missing below will be, at `ripens`.
    ripening: u64,
    ripens: Nanos,
    /// No request before.
    next_at: Nanos,
    /// How long an answer is waited for now.
    retry: Nanos,
    unanswered: u64,
}

impl Recovery {
    pub(super) fn new(settings: Repair) -> Self {
        Self {
            settings,
            asked: [Asked::default(); Repair::OUTSTANDING_MAX],
            len: 0,
            ripe: 0,
            ripening: 0,
            ripens: Nanos(0),
            next_at: Nanos(0),
            retry: settings.retry,
            unanswered: 0,
        }
    }

    /// A gap opens, below `unheard`.
    pub(super) fn open(&mut self, unheard: u64, now: Nanos) {
        self.len = 0;
        self.ripe = 0;
        self.ripening = unheard;
        self.ripens = now.plus(self.settings.patience);
        self.retry = self.settings.retry;
    }

    /// Whether anything was missing for long enough.
    pub(super) fn is_ripe(&self, arbiter: &Arbiter) -> bool {
        self.ripe > arbiter.next()
    }

    /// Whether an answer may come.
    pub(super) fn waits(&self) -> bool {
        self.len > 0
    }

    /// Requests without an answer in time.
    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// An answer came, with the sequences from `first` to before `next`.
    pub(super) fn answered(&mut self, first: u64, next: u64) {
        while let Some(at) = self.place(|asked| asked.first < next && first < asked.end) {
            self.remove(at);
            self.retry = self.settings.retry;
        }
    }

    /// Time passes.
    pub(super) fn turn(&mut self, arbiter: &Arbiter, now: Nanos) {
        if now >= self.ripens {
            self.ripe = self.ripening;
            self.ripening = arbiter.unheard();
            self.ripens = now.plus(self.settings.patience);
        }
        let mut late = false;
        while let Some(at) = self.place(|asked| asked.until <= now) {
            let Asked { first, end, .. } = self.asked[at];
            self.remove(at);
            // The lines may have brought it meanwhile.
            let gap = arbiter.missing_from(first.max(arbiter.next()));
            if gap.is_some_and(|gap| gap.first < end) {
                self.unanswered += 1;
                late = true;
            }
        }
        if late {
            self.retry = Nanos(self.retry.0.saturating_mul(2)).min(self.settings.retry_max);
        }
    }

    /// The next piece to ask for (first sequence and count), if it is time for one. It counts as asked for.
    pub(super) fn next(&mut self, arbiter: &Arbiter, now: Nanos) -> Option<(u64, u16)> {
        let outstanding = self.settings.outstanding.clamp(1, Repair::OUTSTANDING_MAX);
        if now < self.next_at || self.len >= outstanding {
            return None;
        }
        let (first, limit) = self.open_piece(arbiter)?;
        // At most what the field holds.
        let count = (limit - first).min(u64::from(self.settings.request_messages.max(1))) as u16;
        let until = now.plus(self.retry);
        self.asked[self.len] = Asked { first, end: first + u64::from(count), until };
        self.len += 1;
        self.next_at = now.plus(self.settings.pause);
        Some((first, count))
    }

    /// The first piece that is missing, ripe, and not asked for: its first sequence, and the one behind its last.
    fn open_piece(&self, arbiter: &Arbiter) -> Option<(u64, u64)> {
        let asked = &self.asked[..self.len];
        let mut from = arbiter.next();
        while from < self.ripe {
            let Gap { mut first, count } = arbiter.missing_from(from)?;
            let end = first + count;
            while let Some(piece) = asked.iter().find(|it| (it.first..it.end).contains(&first)) {
                first = piece.end;
            }
            let limit = end.min(self.ripe);
            if first < limit {
                let behind = asked.iter().map(|it| it.first).filter(|&other| other > first);
                return Some((first, behind.min().unwrap_or(limit).min(limit)));
            }
            from = end.max(first);
        }
        None
    }

    fn place(&self, is: impl Fn(&Asked) -> bool) -> Option<usize> {
        self.asked[..self.len].iter().position(is)
    }

    fn remove(&mut self, at: usize) {
        self.len -= 1;
        self.asked[at] = self.asked[self.len];
    }
}

/// A piece as the request that asks for it.
pub(super) fn request(arbiter: &Arbiter, (sequence, count): (u64, u16)) -> Option<Request> {
    Some(Request { session: arbiter.session()?, sequence, count })
}
