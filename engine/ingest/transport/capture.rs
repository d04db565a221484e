//! A captured feed as the stream of frames that it brings: the datagrams of a capture file that are MoldUDP64, in the order
//! of their sequences, their messages framed as in a daily file.
//!
//! So whoever reads daily files reads captures: the same frames come out of a capture as out of the file that it was made of.
//! Both lines may be in it, and any other traffic. The session of the first packet with messages is taken until its end; then
//! the next one begins; or, if its end is not in the capture, once nothing but packets of one other came to the same port for
//! long enough. A gap is waited for as long as there are slots, then given up and counted. Messages without bytes take
//! up their sequence and go no further.

use super::pcap::{CaptureFault, Record, Records};
use crate::ingest::arbiter::{Arbiter, ArbiterCounts, Due, Offer};
use crate::wire::frame;
use crate::wire::mold::{Kind, Packet, Session};
use crate::wire::udp::{self, Datagram};
use std::io::{self, Read};

/// Packets that wait for a gap to close: some milliseconds of a line at its busiest. Memory that no packet needs is never
/// touched.
const SLOTS: usize = 1_024;
/// Above the longest datagram.
const SLOT_SIZE: usize = 1 << 16;

/// So many packets of another session in a row, at a port of the session taken and with none of its own between: it is over,
/// though its end was not heard.
const FOREIGN_MAX: u32 = 64;

/// Packets that were not taken, for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotTaken {
    /// How many.
    pub count: u64,
    /// Which was the first in its file, from 1.
    pub first: Option<u64>,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// Its link layer is none that we know.
    UnknownLink,
    /// It is of another protocol than IP.
    NotIp,
    /// It is of another protocol than UDP.
    NotUdp,
    /// It is a part of a datagram.
    Fragment,
    /// It is a datagram that was not captured whole.
    CutShort,
    /// Its headers contradict themselves.
    Malformed,
    /// It is to another port than asked for.
    OtherPort,
    /// It is no packet of MoldUDP64, or none that is whole.
    NotMold,
    /// It tells of a session before any packet with messages.
    BeforeSession,
    /// It is of a session that is not the one taken.
    OtherSession,
    /// It is of a session that had ended when the next one began.
    PastSession,
    /// It is too early, and found no slot to wait in.
    NoSlot,
}

impl Reason {
    /// All of them, in order, with their names.
    pub const ALL: [(Self, &str); 12] = [
        (Self::UnknownLink, "unknown_link"),
        (Self::NotIp, "not_ip"),
        (Self::NotUdp, "not_udp"),
        (Self::Fragment, "fragment"),
        (Self::CutShort, "cut_short"),
        (Self::Malformed, "malformed"),
        (Self::OtherPort, "other_port"),
        (Self::NotMold, "not_mold"),
        (Self::BeforeSession, "before_session"),
        (Self::OtherSession, "other_session"),
        (Self::PastSession, "past_session"),
        (Self::NoSlot, "no_slot"),
    ];
}

impl From<udp::Error> for Reason {
    fn from(error: udp::Error) -> Self {
        match error {
            udp::Error::NotIp => Self::NotIp,
            udp::Error::NotUdp => Self::NotUdp,
            udp::Error::Fragment => Self::Fragment,
            udp::Error::Truncated => Self::CutShort,
            udp::Error::Malformed => Self::Malformed,
        }
    }
}

/// What captures brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounts {
    /// Packets of any kind.
    pub packets: u64,
    /// Packets that were not taken, by reason.
    not_taken: [NotTaken; Reason::ALL.len()],
    /// Messages without bytes.
    pub empty_messages: u64,
    /// Sessions that were over without their end being heard.
    pub unended_sessions: u64,
    /// What came of the lines.
    pub lines: ArbiterCounts,
}

impl CaptureCounts {
    /// Packets that were not taken for `reason`.
    pub fn not_taken(&self, reason: Reason) -> NotTaken {
        self.not_taken[reason as usize]
    }

    /// Adds what a later file brought.
    pub fn add(&mut self, later: &Self) {
        self.packets += later.packets;
        for (mine, others) in self.not_taken.iter_mut().zip(later.not_taken) {
            mine.count += others.count;
            mine.first = mine.first.or(others.first);
        }
        self.empty_messages += later.empty_messages;
        self.unended_sessions += later.unended_sessions;
        self.lines.add(&later.lines);
    }

    /// The packet read last is not taken.
    fn skip(&mut self, reason: Reason) {
        let entry = &mut self.not_taken[reason as usize];
        entry.count += 1;
        entry.first.get_or_insert(self.packets);
    }
}

/// A capture, read as frames.
pub(super) struct Capture {
    records: Records,
    /// Made with the first packet; taken over by the file that follows.
    arbiter: Option<Box<Arbiter>>,
    foreign: Foreign,
    port: Option<u16>,
    /// Another capture goes on where this one ends: what waits is left to it.
    followed: bool,
    /// Frames that are due.
    frames: Vec<u8>,
    /// Bytes of them that were read.
    read: usize,
    counts: CaptureCounts,
    /// The packets have ended: cleanly, or at a fault.
    end: Option<Result<(), CaptureFault>>,
}

impl Capture {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            records: Records::new(reader),
            arbiter: None,
            foreign: Foreign::default(),
            port: None,
            followed: false,
            frames: Vec::new(),
            read: 0,
            counts: CaptureCounts::default(),
            end: None,
        }
    }

    /// Takes datagrams to `port` alone.
    pub(super) fn only_port(&mut self, port: u16) {
        self.port = Some(port);
    }

    /// Another capture will `follow` this one.
    pub(super) fn set_followed(&mut self) {
        self.followed = true;
    }

    /// Goes on where `before`, which was read to its end, has ended.
    pub(super) fn follow(&mut self, before: &mut Self) {
        self.arbiter = before.arbiter.take();
        self.foreign = before.foreign;
    }

    /// What was met so far.
    pub(super) fn counts(&self) -> CaptureCounts {
        let lines = self.arbiter.as_ref().map(|arbiter| arbiter.counts().clone());
        CaptureCounts { lines: lines.unwrap_or_default(), ..self.counts.clone() }
    }

    /// Once all frames were read: why they ended early, if they did.
    pub(super) fn fault(&self) -> Option<CaptureFault> {
        self.end?.err()
    }

    /// Takes the next packet, or sees that there is none.
    fn step(&mut self) {
        match self.records.next() {
            Ok(Some(record)) => {
                self.counts.packets += 1;
                self.take(&record);
            }
            Ok(None) => self.finish(Ok(())),
            Err(fault) => self.finish(Err(fault)),
        }
    }

    fn take(&mut self, record: &Record) {
        if let Err(reason) = self.try_take(record) {
            self.counts.skip(reason);
        }
    }

    fn try_take(&mut self, record: &Record) -> Result<(), Reason> {
        let link = record.link.ok_or(Reason::UnknownLink)?;
        let datagram = Datagram::parse(link, self.records.bytes(record))?;
        if self.port.is_some_and(|port| port != datagram.port) {
            return Err(Reason::OtherPort);
        }
        let packet = Packet::parse(datagram.payload).map_err(|_| Reason::NotMold)?;
        let arbiter = self.arbiter.get_or_insert_with(|| Box::new(Arbiter::new(SLOTS, SLOT_SIZE)));
        // Twenty bytes that look like a heartbeat do not choose the session.
        if arbiter.session().is_none() && packet.kind != Kind::Data {
            return Err(Reason::BeforeSession);
        }
        let mut due = Frames { frames: &mut self.frames, empty: &mut self.counts.empty_messages };
        let mut offer = arbiter.offer(&packet);
        let is_over = match offer {
            Offer::Foreign if packet.kind == Kind::Data => {
                arbiter.ended() || self.foreign.is_enough(packet.session, datagram.port)
            }
            Offer::Foreign | Offer::Left => false,
            _ => {
                self.foreign = Foreign { port: Some(datagram.port), ..Foreign::default() };
                false
            }
        };
        if is_over {
            self.counts.unended_sessions += u64::from(!arbiter.ended());
            self.foreign = Foreign { port: Some(datagram.port), ..Foreign::default() };
            due.give_up_all(arbiter);
            arbiter.reset();
            offer = arbiter.offer(&packet);
        }
        match offer {
            Offer::Due { skip } => {
                due.push(&packet, skip);
                due.release(arbiter);
            }
            Offer::Held => {
                while arbiter.full() && arbiter.give_up().is_some() {
                    due.release(arbiter);
                }
            }
            Offer::Known | Offer::Heard => {}
            Offer::Foreign => return Err(Reason::OtherSession),
            Offer::Left => return Err(Reason::PastSession),
            Offer::Dropped => return Err(Reason::NoSlot),
        }
        Ok(())
    }

    /// No packet comes any more: what waits need not wait longer.
    fn finish(&mut self, end: Result<(), CaptureFault>) {
        let Self { arbiter, frames, counts, .. } = self;
        let taken = arbiter.as_ref().and_then(|arbiter| arbiter.session());
        self.end = Some(match end {
            Ok(()) if taken.is_none() && !self.followed => {
                Err(CaptureFault::NoMessages { packets: counts.packets })
            }
            end => end,
        });
        if let Some(arbiter) = arbiter
            && !(self.followed && end.is_ok())
        {
            Frames { frames, empty: &mut counts.empty_messages }.give_up_all(arbiter);
        }
    }
}

/// What came of another session since the last packet of the one taken.
#[derive(Clone, Copy, Default)]
struct Foreign {
    /// Where that last packet came to.
    port: Option<u16>,
    /// The other session, and how many packets with messages of it came to that port.
    heard: Option<(Session, u32)>,
}

impl Foreign {
    /// Another packet of `session` came to `port`: whether the session taken is over.
    fn is_enough(&mut self, session: Session, port: u16) -> bool {
        if self.port != Some(port) {
            return false;
        }
        let before =
            self.heard.filter(|(heard, _)| *heard == session).map_or(0, |(_, count)| count);
        self.heard = Some((session, before + 1));
        before + 1 >= FOREIGN_MAX
    }
}

/// Where messages that are due go.
struct Frames<'a> {
    frames: &'a mut Vec<u8>,
    empty: &'a mut u64,
}

impl Frames<'_> {
    fn push(&mut self, packet: &Packet<'_>, skip: usize) {
        for message in packet.messages().skip(skip) {
            if message.is_empty() {
                *self.empty += 1;
            } else {
                frame::write(message, self.frames);
            }
        }
    }

    fn release(&mut self, arbiter: &mut Arbiter) {
        while let Some(Due { packet, skip }) = arbiter.release() {
            self.push(&packet, skip);
        }
    }

    fn give_up_all(&mut self, arbiter: &mut Arbiter) {
        while arbiter.give_up().is_some() {
            self.release(arbiter);
        }
    }
}

impl Read for Capture {
    /// Frames that are due; no bytes once the packets have ended.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.read == self.frames.len() {
            self.frames.clear();
            self.read = 0;
            if self.end.is_some() {
                return Ok(0);
            }
            self.step();
        }
        let ready = &self.frames[self.read..];
        let count = ready.len().min(into.len());
        into[..count].copy_from_slice(&ready[..count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
