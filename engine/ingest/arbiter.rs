//! The order of messages out of packets that come twice, late, or not at all.
//!
//! A venue sends each message on two lines, in packets that may be cut differently, and the network loses and reorders them.
//! The arbiter says of every packet which of its messages are due: the sequence decides, never the packet. What is known is
//! dropped, of what overlaps the head is skipped, and what comes too early waits in slots made at the start.
//!
//! It reads no clock, does no I/O and allocates nothing once it is made. Whoever owns it brings packets (`offer`), takes those
//! that waited once they are due (`release`), and decides when a gap is not worth waiting for any more (`give_up`), at the
//! latest when the slots are `full`. What must hold: sequences delivered only rise, none is delivered twice, and each one up to
//! `next` was delivered or is counted as lost.
//!
//! A session begins with sequence 1. Packets of another one are told apart and not taken: `reset` begins anew. Who comes late,
//! or has to start over from a copy of the market, lets everything wait (`hold_from`) until it is known with which
//! sequence to go on (`resume_at`).
#![forbid(unsafe_code)]

use crate::wire::mold::{Kind, Packet, Session};
use std::collections::VecDeque;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Its messages are due, but for so many at its head that are known. Then look at `release`.
    Due {
        /// Messages to skip.
        skip: usize,
    },
    /// It came too early, and waits.
    Held,
    /// It brings nothing new.
    Known,
    /// A heartbeat or the end of the session: heard.
    Heard,
    /// It is of a session that is not the current one.
    Foreign,
    /// It is of the session before the current one.
    Left,
    /// It came too early, and there is no slot that it would fit in: lost, unless it comes again.
    Dropped,
}

/// Sequences that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// What the arbiter has met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArbiterCounts {
    /// Packets with messages, of the sessions taken.
    pub packets: u64,
    /// Of those, packets that brought nothing new.
    pub known: u64,
    /// Packets whose head was known, and the rest new.
    pub overlapping: u64,
    /// Packets that came too early and waited.
    pub held: u64,
    /// Packets that found no slot.
    pub dropped: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Ends of a session.
    pub ends: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Gaps given up.
    pub gaps: u64,
    /// Messages in them.
    pub lost: u64,
    /// The first of them, and its session.
    pub first_gap: Option<(Session, Gap)>,
}

impl ArbiterCounts {
    /// Adds what was met later.
    pub fn add(&mut self, later: &Self) {
        self.packets += later.packets;
        self.known += later.known;
        self.overlapping += later.overlapping;
        self.held += later.held;
        self.dropped += later.dropped;
        self.heartbeats += later.heartbeats;
        self.ends += later.ends;
        self.sessions += later.sessions;
        self.gaps += later.gaps;
        self.lost = self.lost.saturating_add(later.lost);
        self.first_gap = self.first_gap.or(later.first_gap);
    }
}

/// A packet that waits.
#[derive(Clone, Copy, Debug)]
struct Held {
    first: u64,
    next: u64,
    slot: usize,
    length: usize,
}

/// A packet that waited and is due.
#[derive(Clone, Copy, Debug)]
pub struct Due<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// Messages at its head that are known.
    pub skip: usize,
}

/// Puts the messages of one session in order.
pub struct Arbiter {
    session: Option<Session>,
    /// The session before.
    left: Option<Session>,
    ended: bool,
    /// Nothing is due until `resume_at`.
    paused: bool,
    /// The next sequence to deliver.
    next: u64,
    /// No packet has said of sequences from here on that they exist.
    unheard: u64,
    /// By their first sequence.
    held: VecDeque<Held>,
    /// Slots without a packet.
    free: Vec<usize>,
    slots: Box<[u8]>,
    slot_size: usize,
    counts: ArbiterCounts,
}

/// The first sequence of a session.
const FIRST: u64 = 1;

impl Arbiter {
    /// Holds so many packets (at least one) of at most so many bytes each.
    pub fn new(packets: usize, packet_size: usize) -> Self {
        let packets = packets.max(1);
        Self {
            session: None,
            left: None,
            ended: false,
            paused: false,
            next: FIRST,
            unheard: FIRST,
            held: VecDeque::with_capacity(packets),
            // The lowest are used first: memory that is not needed is not touched.
            free: (0..packets).rev().collect(),
            slots: vec![0; packets * packet_size].into_boxed_slice(),
            slot_size: packet_size,
            counts: ArbiterCounts::default(),
        }
    }

    /// Judges a packet. The first one says which session it is.
    #[inline]
    pub fn offer(&mut self, packet: &Packet<'_>) -> Offer {
        if self.session != Some(packet.session) && !self.begin(packet.session) {
            let left = self.left == Some(packet.session);
            return if left { Offer::Left } else { Offer::Foreign };
        }
        if packet.kind != Kind::Data {
            return self.hear(packet);
        }
        self.counts.packets += 1;
        self.unheard = self.unheard.max(packet.next());
        if packet.next() <= self.next {
            self.counts.known += 1;
            return Offer::Known;
        }
        // A packet too early gives no difference.
        match self.next.checked_sub(packet.sequence) {
            Some(known) if !self.paused => {
                self.counts.overlapping += u64::from(known > 0);
                self.next = packet.next();
                Offer::Due { skip: known as usize }
            }
            _ => self.hold(packet),
        }
    }

    /// The next packet that waited and is due now. Call until there is none, after each packet that was due and each gap that
    /// was given up.
    #[inline]
    pub fn release(&mut self) -> Option<Due<'_>> {
        if self.paused {
            return None;
        }
        let (held, known) = loop {
            let held = *self.held.front()?;
            let known = self.next.checked_sub(held.first)?;
            self.held.pop_front();
            self.free.push(held.slot);
            if held.next > self.next {
                break (held, known);
            }
            self.counts.known += 1;
        };
        self.counts.overlapping += u64::from(known > 0);
        self.next = held.next;
        let start = held.slot * self.slot_size;
        let packet = Packet::parse(&self.slots[start..start + held.length]).ok()?;
        Some(Due { packet, skip: known as usize })
    }

    /// The first sequences that are missing: something behind them came, or was said to exist.
    pub fn missing(&self) -> Option<Gap> {
        self.missing_from(self.next)
    }

    /// As `missing`, of the sequences from `from` on, which is not below `next`. Looks at what waits from there on.
    pub fn missing_from(&self, from: u64) -> Option<Gap> {
        let mut first = from;
        // From `next` on all count: a packet may lie within one before it.
        let before = |held: &Held| from > self.next && held.first <= from;
        let at = self.held.partition_point(before).saturating_sub(1);
        for held in self.held.range(at..) {
            if held.first > first {
                return Some(Gap { first, count: held.first - first });
            }
            first = first.max(held.next);
        }
        (self.unheard > first).then(|| Gap { first, count: self.unheard - first })
    }

    /// Gives up what is missing first: it counts as lost, and what is behind it is due. `None` if nothing is missing before
    /// what `release` has.
    pub fn give_up(&mut self) -> Option<Gap> {
        let gap = self.missing().filter(|gap| gap.first == self.next)?;
        self.next = gap.first + gap.count;
        self.counts.gaps += 1;
        self.counts.lost = self.counts.lost.saturating_add(gap.count);
        if let Some(session) = self.session {
            self.counts.first_gap.get_or_insert((session, gap));
        }
        Some(gap)
    }

    /// Whether something is missing, or waits.
    #[inline]
    pub fn behind(&self) -> bool {
        self.unheard > self.next
    }

    /// Nothing is due any more until `resume_at`: what comes waits, unless it is below `mark`; what waits below it goes.
    pub fn hold_from(&mut self, mark: u64) {
        self.paused = true;
        self.next = mark;
        while let Some(held) = self.held.front().copied().filter(|held| held.next <= mark) {
            self.held.pop_front();
            self.free.push(held.slot);
        }
        self.unheard = self.unheard.max(mark);
    }

    /// Goes on with `next`, wherever it was: what waits from there on is due.
    pub fn resume_at(&mut self, next: u64) {
        self.paused = false;
        self.next = next;
        self.unheard = self.unheard.max(next);
    }

    /// What waits is dropped, and what was said to exist is forgotten.
    pub fn drop_held(&mut self) {
        self.free.extend(self.held.drain(..).map(|held| held.slot));
        self.unheard = self.next;
    }

    /// Leaves the session as `reset` does, and takes it anew if it comes again.
    pub fn restart(&mut self) {
        self.reset();
        self.left = None;
    }

    /// Leaves the session, with whatever waits: the next packet of another one begins anew.
    pub fn reset(&mut self) {
        self.left = self.session.take();
        self.paused = false;
        self.free.extend(self.held.drain(..).map(|held| held.slot));
    }

    /// Whether no more packets can wait: `give_up` before the next one.
    #[inline]
    pub fn full(&self) -> bool {
        self.free.is_empty()
    }

    /// The session; `None` before its first packet.
    pub fn session(&self) -> Option<Session> {
        self.session
    }

    /// The session before the current one, or the last that was left.
    pub fn left(&self) -> Option<Session> {
        self.left
    }

    /// Whether the end of the session was heard. What is missing may still come.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The sequence that is due next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The sequence from which on nothing was heard of.
    pub fn unheard(&self) -> u64 {
        self.unheard
    }

    /// Packets that wait.
    pub fn waiting(&self) -> usize {
        self.held.len()
    }

    /// What was met so far.
    pub fn counts(&self) -> &ArbiterCounts {
        &self.counts
    }

    /// Whether `session` begins now.
    #[cold]
    fn begin(&mut self, session: Session) -> bool {
        if self.session.is_some() || self.left == Some(session) {
            return false;
        }
        self.session = Some(session);
        (self.next, self.unheard, self.ended) = (FIRST, FIRST, false);
        self.counts.sessions += 1;
        true
    }

    /// A packet without messages.
    #[cold]
    fn hear(&mut self, packet: &Packet<'_>) -> Offer {
        self.unheard = self.unheard.max(packet.next());
        if packet.kind == Kind::EndOfSession {
            self.ended = true;
            self.counts.ends += 1;
        } else {
            self.counts.heartbeats += 1;
        }
        Offer::Heard
    }

    /// A packet that came too early.
    #[cold]
    fn hold(&mut self, packet: &Packet<'_>) -> Offer {
        let (first, next, length) = (packet.sequence, packet.next(), packet.bytes().len());
        let at = self.held.partition_point(|held| held.first <= first);
        // Of the packets before it, the nearest is the one most likely to cover it.
        if at > 0 && self.held[at - 1].next >= next {
            self.counts.known += 1;
            return Offer::Known;
        }
        let slot = match self.free.pop() {
            Some(slot) if length <= self.slot_size => slot,
            slot => {
                self.free.extend(slot);
                self.counts.dropped += 1;
                return Offer::Dropped;
            }
        };
        let start = slot * self.slot_size;
        self.slots[start..start + length].copy_from_slice(packet.bytes());
        self.held.insert(at, Held { first, next, slot, length });
        self.counts.held += 1;
        Offer::Held
    }
}

#[cfg(test)]
mod tests;
