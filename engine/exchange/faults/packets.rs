//! Datagrams that are lost, come twice, out of order, late, or not at all for a while.
//!
//! Each packet is dropped or not, doubled or not; then each copy is held back to be overtaken or not; then all wait for the
//! delay in the order in which they got there. One that is held back goes on after the packet that is the last to overtake
//! it, at most `reorder` later, or after [`HELD_FOR`] if no more come. So nothing is ever stuck, as long as `due` is called.
//!
//! What always holds: passed + duplicated = sent + lost + dead + overflowed + held.

use super::value::{Chance, below};
use super::{Faults, Stream};
use crate::base::unit::Nanos;
use crate::exchange::faults::Window;
use crate::exchange::market_data::Line;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// A packet waits no longer for others to overtake it.
const HELD_FOR: Nanos = Nanos(10_000_000);
/// Bytes of a buffer at first: a packet that passes Ethernet. For longer ones it grows, once.
const BUFFER: usize = 1_500;

/// What became of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// Handed in.
    pub passed: u64,
    /// Handed out, copies included.
    pub sent: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Held back to be overtaken, copies included.
    pub reordered: u64,
    /// Lost because the line was dead.
    pub dead: u64,
    /// Lost because too many were held already, copies included.
    pub overflowed: u64,
}

/// A packet that waits.
#[derive(Clone, Debug)]
struct Held<T> {
    tag: T,
    bytes: Vec<u8>,
    /// Leaves then at the latest.
    due: Nanos,
    /// Leaves after this packet has passed.
    after: u64,
}

/// The faults of one way out. Each packet has a tag that comes out with it: where it goes, say.
#[derive(Clone, Debug)]
pub struct PacketFaults<T> {
    random: ChaCha8Rng,
    loss: Chance,
    dup: Chance,
    reorder: u32,
    reorder_chance: Chance,
    delay: Nanos,
    dead: [Option<Window>; 2],
    start: Nanos,
    held_max: usize,
    /// To be overtaken, in the order in which they came.
    overtaken: VecDeque<Held<T>>,
    /// Late, in the order in which they leave.
    late: VecDeque<Held<T>>,
    /// Buffers that are free.
    spare: Vec<Vec<u8>>,
    counts: PacketCounts,
}

impl<T: Copy> PacketFaults<T> {
    /// The faults of a line in a session that began at `start`.
    pub fn of_line(faults: &Faults, line: Line, start: Nanos) -> Self {
        let (stream, delay, dead) = match line {
            Line::A => (Stream::LineA, faults.a_delay, faults.a_dead),
            Line::B => (Stream::LineB, faults.b_delay, faults.b_dead),
        };
        Self {
            loss: faults.loss,
            dup: faults.dup,
            reorder: faults.reorder,
            reorder_chance: faults.reorder_chance,
            delay: delay.0,
            dead: [dead, faults.both_dead],
            ..Self::none(faults, stream, start)
        }
        .reserved()
    }

    /// The faults of the answers to re-requests.
    pub fn of_rerequests(faults: &Faults, start: Nanos) -> Self {
        Self {
            loss: faults.rerequest_loss,
            dup: faults.rerequest_dup,
            reorder: faults.rerequest_reorder,
            reorder_chance: faults.rerequest_reorder_chance,
            delay: faults.rerequest_delay.0,
            dead: [faults.rerequest_dead, None],
            ..Self::none(faults, Stream::Rerequests, start)
        }
        .reserved()
    }

    fn none(faults: &Faults, stream: Stream, start: Nanos) -> Self {
        Self {
            random: faults.random(stream),
            loss: Chance::NEVER,
            dup: Chance::NEVER,
            reorder: 0,
            reorder_chance: Chance::NEVER,
            delay: Nanos(0),
            dead: [None; 2],
            start,
            held_max: faults.held_max as usize,
            overtaken: VecDeque::new(),
            late: VecDeque::new(),
            spare: Vec::new(),
            counts: PacketCounts::default(),
        }
    }

    /// With room for all that may wait.
    fn reserved(mut self) -> Self {
        let waits = self.reorder > 0 || self.delay > Nanos(0);
        let room = if waits { self.held_max } else { 0 };
        self.overtaken.reserve_exact(room);
        self.late.reserve_exact(room);
        self.spare = (0..room).map(|_| Vec::with_capacity(BUFFER)).collect();
        self
    }

    /// One packet on its way out at `now`, which does not step back. What leaves now goes to `out`: nothing, this packet,
    /// others that were held back.
    pub fn pass(&mut self, tag: T, packet: &[u8], now: Nanos, out: &mut impl FnMut(T, &[u8])) {
        self.due(now, out);
        self.counts.passed += 1;
        // Always as many draws, in the same order: no setting shifts what another one draws.
        let lost = self.loss.strikes(&mut self.random);
        let doubled = self.dup.strikes(&mut self.random);
        let held = [(); 2].map(|()| {
            let held = self.reorder_chance.strikes(&mut self.random);
            let by = below(&mut self.random, u64::from(self.reorder)) + 1;
            (held && self.reorder > 0).then_some(by)
        });
        if self.dead.iter().flatten().any(|window| window.has(now.since(self.start))) {
            self.counts.dead += 1;
        } else if lost {
            self.counts.lost += 1;
        } else {
            self.counts.duplicated += u64::from(doubled);
            for by in &held[..1 + usize::from(doubled)] {
                match by {
                    Some(by) => self.hold(tag, packet, *by, now),
                    None => self.later(tag, packet, now, out),
                }
            }
        }
        let passed = self.counts.passed;
        self.overtake(now, out, |held| held.after <= passed);
    }

    /// What time alone lets out. To be called at [`PacketFaults::next_due`], or oftener.
    pub fn due(&mut self, now: Nanos, out: &mut impl FnMut(T, &[u8])) {
        self.overtake(now, out, |held| held.due <= now);
        while self.late.front().is_some_and(|held| held.due <= now) {
            let Some(held) = self.late.pop_front() else { return };
            self.send(held.tag, &held.bytes, out);
            self.spare.push(held.bytes);
        }
    }

    /// When something leaves, if no packet comes until then. `None` if nothing waits.
    pub fn next_due(&self) -> Option<Nanos> {
        let first = [self.overtaken.front(), self.late.front()];
        first.into_iter().flatten().map(|held| held.due).min()
    }

    /// Packets that wait.
    pub fn held(&self) -> usize {
        self.overtaken.len() + self.late.len()
    }

    /// What became of all so far.
    pub fn counts(&self) -> PacketCounts {
        self.counts
    }

    /// Lets go, in the order in which they came, those who have waited enough to be overtaken.
    fn overtake(
        &mut self,
        now: Nanos,
        out: &mut impl FnMut(T, &[u8]),
        enough: impl Fn(&Held<T>) -> bool,
    ) {
        let mut at = 0;
        while at < self.overtaken.len() {
            if !enough(&self.overtaken[at]) {
                at += 1;
                continue;
            }
            let Some(held) = self.overtaken.remove(at) else { return };
            if self.delay > Nanos(0) {
                self.late.push_back(Held { due: now.plus(self.delay), ..held });
            } else {
                self.send(held.tag, &held.bytes, out);
                self.spare.push(held.bytes);
            }
        }
    }

    fn hold(&mut self, tag: T, packet: &[u8], by: u64, now: Nanos) {
        let Some(bytes) = self.keep(packet) else { return };
        self.counts.reordered += 1;
        let (due, after) = (now.plus(HELD_FOR), self.counts.passed + by);
        self.overtaken.push_back(Held { tag, bytes, due, after });
    }

    fn later(&mut self, tag: T, packet: &[u8], now: Nanos, out: &mut impl FnMut(T, &[u8])) {
        if self.delay == Nanos(0) {
            return self.send(tag, packet, out);
        }
        let Some(bytes) = self.keep(packet) else { return };
        self.late.push_back(Held { tag, bytes, due: now.plus(self.delay), after: 0 });
    }

    /// A copy of `packet`, or one packet more that overflowed.
    fn keep(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        if self.held() >= self.held_max {
            self.counts.overflowed += 1;
            return None;
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(packet);
        Some(bytes)
    }

    fn send(&mut self, tag: T, packet: &[u8], out: &mut impl FnMut(T, &[u8])) {
        self.counts.sent += 1;
        out(tag, packet);
    }
}
