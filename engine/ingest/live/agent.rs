//! The feed's place in the world: its sockets, and the only looks at the clock.
//!
//! Thin on purpose: what is to be done and when, the receiver knows. The lines are read in turns, a packet each, until they
//! are dry; a packet is read when all that came of the one before was taken. Then the receiver sees to what is due, and what
//! it has to say to the servers is said. Nothing waits. A turn has one packet: what it leads to leaves before the next is read.
#![forbid(unsafe_code)]

use super::receiver::{Receiver, ReceiverSettings};
use super::snapshot::SnapshotClient;
use super::told::Told;
use super::wire::SnapshotWire;
use super::{FeedCounts, FeedError, FeedState, Gaps, LiveSettings, Origin, Seen};
use crate::base::clock::{Clock, Wall};
use crate::base::command::Commands;
use crate::base::instrument::Symbols;
use crate::base::log::Log;
use crate::base::message::{Key, Kind, Market, Message};
use crate::base::stage::Sink;
use crate::base::unit::Stamp;
use crate::ingest::Source;
use crate::ingest::decode::Decoder;
use crate::ingest::transport::line::{LineError, Lines, Transport};
use crate::telemetry::Board;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Packets between two looks at what is due, at most.
const PACKETS_MAX: usize = 32;
/// Ways by which packets come: two lines, and answers to re-requests.
const WAYS: usize = 3;
/// Above the longest datagram.
const DATAGRAM_MAX: usize = 1 << 16;

/// A live feed, read from its sockets.
pub struct LiveFeed {
    receiver: Receiver,
    lines: Lines,
    /// Why they came by the plain socket although another way was asked for.
    fallback: Option<LineError>,
    /// What to read next (line A, line B, answers), and where nothing was there.
    way: usize,
    dry: [bool; WAYS],
    /// Packets since the last look at what is due.
    read: usize,
    /// Whether this turn has had its packet.
    had: bool,
    rerequests: Option<UdpSocket>,
    answer: Box<[u8]>,
    snapshots: Option<SnapshotWire>,
    commands: Commands,
    /// How often the firm was killed, as far as that was said.
    kills: u64,
    flattened: bool,
    quiet: bool,
    over: bool,
    board: Board,
    clock: Clock,
    wall: Wall,
    stamped: bool,
    look_ahead: usize,
    /// When the last thing was seen.
    seen: Seen,
    /// What the log was told, and whether there may be more.
    told: Told,
    looked: bool,
}

impl LiveFeed {
    /// Opens the lines; what the directory announces is told to `symbols`, and its figures are shown on `board`.
    ///
    /// # Errors
    /// At the first socket that cannot be had.
    pub fn open(
        settings: &LiveSettings,
        decoder: Decoder,
        clock: Clock,
        wall: Wall,
        commands: Commands,
        symbols: Symbols,
        board: Board,
    ) -> Result<Self, FeedError> {
        if settings.lines.lines == [None, None] {
            return Err(FeedError::NoLine);
        }
        let (lines, fallback) = Lines::open(&settings.lines).map_err(FeedError::Line)?;
        let rerequests = settings
            .rerequests
            .map(|address| ask(address).map_err(|error| FeedError::Rerequests { address, error }));
        let rerequests = rerequests.transpose()?;
        let receiver_settings = ReceiverSettings {
            shards: settings.shards,
            tick: settings.tick,
            repair: settings.repair,
            held_packets: settings.held_packets,
            rerequests: rerequests.is_some(),
        };
        let client = settings.snapshots.map(|(_, user, secret)| SnapshotClient::new(user, secret));
        Ok(Self {
            receiver: Receiver::new(receiver_settings, client, decoder, symbols),
            lines,
            fallback,
            way: 0,
            dry: [false; WAYS],
            read: 0,
            had: false,
            rerequests,
            answer: vec![0; DATAGRAM_MAX].into_boxed_slice(),
            snapshots: settings.snapshots.map(|(address, ..)| SnapshotWire::new(address)),
            commands,
            kills: 0,
            flattened: false,
            quiet: false,
            over: false,
            board,
            clock,
            wall,
            stamped: settings.stamped,
            look_ahead: settings.look_ahead,
            seen: Seen { time: wall.now(), stamp: Stamp(0) },
            told: Told::default(),
            looked: false,
        })
    }

    /// Where it stands.
    pub fn state(&self) -> FeedState {
        self.receiver.state()
    }

    /// What it has met.
    pub fn counts(&self) -> &FeedCounts {
        self.receiver.counts()
    }

    /// When something was missing.
    pub fn gaps(&self) -> &Gaps {
        self.receiver.gaps()
    }

    /// What was decoded.
    pub fn decoder(&self) -> &Decoder {
        self.receiver.decoder()
    }

    /// Bytes of the kernel's buffers that the lines were given, as the kernel counts them: twice what was granted, its own
    /// records included. 0 for a line without an address.
    pub fn receive_buffers(&self) -> [usize; 2] {
        self.lines.receive_buffers()
    }

    /// The way by which datagrams come.
    pub fn transport(&self) -> Transport {
        self.lines.transport()
    }

    /// Why they come by the plain socket although another way was asked for, if so.
    pub fn fallback(&self) -> Option<&LineError> {
        self.fallback.as_ref()
    }

    /// What a person may want to know of that way: first of all, that it is not the one that was asked for.
    pub fn transport_notes(&self) -> Vec<String> {
        let fallback =
            self.fallback.iter().map(|why| format!("the lines came by plain sockets: {why}"));
        fallback.chain(self.lines.notes()).collect()
    }

    /// Why the last connection with the snapshot service ended or was not made, if the system said so; given once.
    pub fn take_snapshot_error(&mut self) -> Option<io::Error> {
        self.snapshots.as_mut()?.take_error()
    }

    /// Reads a packet, or sees to what is due. False if nothing is there.
    fn pass(&mut self) -> bool {
        while self.read < PACKETS_MAX && self.dry != [true; WAYS] {
            let way = self.way;
            self.way = (way + 1) % WAYS;
            if self.dry[way] {
                continue;
            }
            let came = if way < 2 { self.read_line(way) } else { self.read_answer() };
            if came {
                self.read += 1;
                if self.receiver.is_behind() {
                    // The other line may have it by now: it is looked at again before a gap is told.
                    self.dry = [false; WAYS];
                }
                return true;
            }
            self.dry[way] = true;
        }
        let was_busy = self.read > 0;
        // With more to read, the time is that of the last packet: what is stamped later would make what is old look new.
        let dry = self.dry == [true; WAYS];
        let seen = if dry { self.now() } else { self.seen };
        (self.read, self.dry) = (0, [false; WAYS]);
        self.see_to(seen, dry);
        was_busy || self.receiver.front().is_some()
    }

    /// Whether line A (0) or B (1) has a packet.
    #[inline]
    fn read_line(&mut self, line: usize) -> bool {
        let Some(received) = self.lines.receive(line) else { return false };
        let stamp = if self.stamped { self.clock.stamp() } else { Stamp(0) };
        let now = self.wall.now();
        // As old as the kernel says, so that an order that comes of it can be seen to be late; never ahead of the clock by
        // which the venue's answers are timed.
        let time = received.kernel.map_or(now, |kernel| kernel.min(now));
        self.seen = Seen { time, stamp };
        let origin = if line == 0 { Origin::A } else { Origin::B };
        self.receiver.packet(origin, received.bytes, self.seen);
        true
    }

    /// Whether there is an answer to a re-request.
    #[inline]
    fn read_answer(&mut self) -> bool {
        if !self.receiver.awaits_answers() {
            return false;
        }
        let Some(socket) = &self.rerequests else { return false };
        let Ok(length) = socket.recv(&mut self.answer) else { return false };
        self.seen = self.now();
        self.receiver.packet(Origin::Rerequests, &self.answer[..length], self.seen);
        true
    }

    /// Sees to what is due; `dry` if nothing is ready on any line.
    fn see_to(&mut self, now: Seen, dry: bool) {
        self.seen = now;
        if self.commands.ends() {
            self.lines.count_drops();
            self.receiver.set_kernel_counts(self.lines.drops(), self.lines.errors());
            // What is only known now is told too.
            (self.looked, self.over) = (true, true);
            return;
        }
        let kills = self.commands.kills();
        if kills != self.kills {
            self.kills = kills;
            self.receiver.command(Kind::KILL, now);
        }
        // After the kills, so that a resume takes back only those that came before it. One at a time: there is room for it.
        if let Some(command) = self.commands.take() {
            self.receiver.scoped(command, now);
        }
        if self.commands.flattens() && !self.flattened {
            self.flattened = true;
            self.receiver.command(Kind::FLATTEN, now);
        }
        if self.commands.stops() && !self.quiet {
            self.quiet = true;
            self.receiver.command(Kind::QUIET, now);
        }
        self.show();
        if let Some(wire) = &mut self.snapshots {
            wire.turn(&mut self.receiver, now.time);
        }
        self.receiver.set_kernel_counts(self.lines.drops(), self.lines.errors());
        self.receiver.turn(now, dry);
        self.repair(now);
        self.looked = true;
    }

    /// Shows the figures to whoever looks.
    fn show(&self) {
        let (figures, counts) = (self.board.feed(), self.counts());
        figures.state.set(self.state() as u64);
        figures.packets[0].set(counts.packets[Origin::A as usize]);
        figures.packets[1].set(counts.packets[Origin::B as usize]);
        figures.messages.set(counts.messages);
        figures.gaps_seen.set(counts.gaps);
        figures.gaps_healed.set(counts.healed);
        figures.lost.set(counts.lost);
        figures.rerequests.set(counts.rerequests);
        figures.snapshots.set(counts.snapshots);
        figures.kernel_drops.set(counts.kernel_drops.iter().sum());
    }

    /// Sends the re-requests that are due.
    fn repair(&mut self, now: Seen) {
        if !self.receiver.awaits_answers() {
            return;
        }
        let Some(socket) = &self.rerequests else { return };
        while let Some(request) = self.receiver.rerequest(now.time) {
            // Whoever is not heard is asked again.
            let _ = socket.send(&request);
        }
    }

    fn now(&self) -> Seen {
        let stamp = if self.stamped { self.clock.stamp() } else { Stamp(0) };
        Seen { time: self.wall.now(), stamp }
    }
}

/// A socket that speaks with the server of re-requests, and hears nobody else.
fn ask(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Source for LiveFeed {
    #[inline]
    fn next(&mut self) -> Key {
        loop {
            if self.over {
                return Key::MAX;
            }
            if let Some(front) = self.receiver.front() {
                return front.key();
            }
            if self.receiver.advance(self.seen) {
                continue;
            }
            if self.had || !self.pass() {
                return Key::MAX;
            }
            self.had = true;
        }
    }

    fn turn(&mut self) {
        self.had = false;
    }

    fn waits(&self) -> bool {
        !self.over
    }

    #[inline]
    fn take(&mut self) -> &Market {
        self.receiver.take()
    }

    #[inline(always)]
    fn hint(&self, sink: &impl Sink<Market>) {
        if self.look_ahead > 0 {
            self.receiver.hint(sink, self.look_ahead);
        }
    }

    #[inline]
    fn tell(&mut self, log: &mut Log) {
        if self.looked {
            self.looked = false;
            self.told.tell(&self.receiver, self.seen.time, log);
        }
    }

    fn position(&self) -> u64 {
        self.receiver.counts().messages
    }
}
