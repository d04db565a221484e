//! The exchange on sockets: one poll loop for everything.
//!
//! A turn of the loop ([`Server::do_work`]) looks once at every socket, lets the venue do what is due, and sends what there is.
//! Sockets never block and nothing waits: whoever turns the loop decides how to idle when a turn did nothing, reads the
//! clock, and may pin the thread.
//!
//! Packets of the lines go out by multicast or unicast; one that the system does not take at once is lost and counted, as it
//! would be on a wire. A multicast line leaves by the interface whose address it is bound to: on 127.0.0.1 the packets
//! stay on this machine, for whoever joins the group there.

mod listener;
#[cfg(test)]
mod tests;

use super::faults::{Faults, PacketCounts, PacketFaults};
use super::market_data::Line;
use super::venue::{SnapshotService, Venue};
use crate::base::unit::Nanos;
use crate::wire::mold::HEADER;
use listener::{Listener, Service};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::{error, fmt};

/// Connections of the snapshot service at a time: each has a copy of the market.
const SNAPSHOTS_MAX: usize = 8;
/// Re-requests that are answered in one turn: order entry is not starved.
const REREQUESTS_PER_TURN: usize = 64;
/// What background traders do in one turn: clients are heard in between.
const TRADES_PER_TURN: usize = 64;
/// A late-comer that takes nothing for so long is given up.
const STALLED: Nanos = Nanos(5_000_000_000);

/// Where the exchange is. Port 0: any that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// TCP: SoupBinTCP with OUCH.
    pub order_entry: SocketAddr,
    /// TCP: SoupBinTCP with snapshots.
    pub snapshots: SocketAddr,
    /// UDP: MoldUDP64 re-requests.
    pub rerequests: SocketAddr,
    /// Where packets of line A and line B go: multicast groups or single receivers.
    pub lines: [SocketAddr; 2],
    /// The addresses of the interfaces by which they leave.
    pub interfaces: [Ipv4Addr; 2],
    /// Routers that a multicast packet may pass.
    pub ttl: u32,
}

impl Addresses {
    /// On this machine only: services on free ports, line A and line B as multicast to these ports.
    pub const fn on_this_machine(line_a: u16, line_b: u16) -> Self {
        let free = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self {
            order_entry: free,
            snapshots: free,
            rerequests: free,
            lines: [group(1, line_a), group(2, line_b)],
            interfaces: [Ipv4Addr::LOCALHOST; 2],
            ttl: 1,
        }
    }
}

/// A multicast group that stays within a site.
const fn group(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 0, last)), port)
}

/// A socket that cannot be had.
#[derive(Debug)]
pub struct ServerError {
    /// For what.
    pub what: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no socket for {} at {}: {}", self.what, self.address, self.error)
    }
}

impl error::Error for ServerError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.error)
    }
}

/// What went out by UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets that the system took.
    pub packets: u64,
    /// Packets that it did not.
    pub lost: u64,
}

/// The sockets of the lines, each bound to its interface.
struct Lines {
    sockets: [UdpSocket; 2],
    to: [SocketAddr; 2],
    sent: Sent,
}

impl Lines {
    fn send(&mut self, line: Line, packet: &[u8]) {
        match self.sockets[line as usize].send_to(packet, self.to[line as usize]) {
            Ok(_) => self.sent.packets += 1,
            Err(_) => self.sent.lost += 1,
        }
    }
}

/// The exchange with its sockets.
pub struct Server<W> {
    venue: Venue<W>,
    snapshots: SnapshotService,
    lines: Lines,
    order_entry: Listener,
    late: Listener,
    rerequests: UdpSocket,
    /// What goes wrong with answers to re-requests.
    answers: PacketFaults<SocketAddr>,
    started: bool,
}

impl<W: Write> Server<W> {
    /// Opens all sockets. Nothing is sent before the first turn. `connections` is how many order entry has room for.
    ///
    /// # Errors
    /// At the first socket that cannot be had.
    pub fn bind(
        venue: Venue<W>,
        addresses: &Addresses,
        connections: usize,
        faults: &Faults,
        now: Nanos,
    ) -> Result<Self, ServerError> {
        let failed = |what, address| move |error| ServerError { what, address, error };
        let listen =
            |what, address, room| Listener::bind(address, room).map_err(failed(what, address));
        let datagrams = |what, address| {
            let socket = UdpSocket::bind(address).map_err(failed(what, address))?;
            socket.set_nonblocking(true).map_err(failed(what, address))?;
            Ok(socket)
        };
        let line = |interface: Ipv4Addr| {
            let from = SocketAddr::new(IpAddr::V4(interface), 0);
            let socket: UdpSocket = datagrams("the lines", from)?;
            socket.set_multicast_loop_v4(true).map_err(failed("the lines", from))?;
            socket.set_multicast_ttl_v4(addresses.ttl).map_err(failed("the lines", from))?;
            Ok(socket)
        };
        let [a, b] = addresses.interfaces;
        let sockets = [line(a)?, line(b)?];
        Ok(Self {
            venue,
            snapshots: SnapshotService::new(SNAPSHOTS_MAX, STALLED, faults),
            lines: Lines { sockets, to: addresses.lines, sent: Sent::default() },
            order_entry: listen("order entry", addresses.order_entry, connections)?,
            late: listen("snapshots", addresses.snapshots, SNAPSHOTS_MAX)?,
            rerequests: datagrams("re-requests", addresses.rerequests)?,
            answers: PacketFaults::of_rerequests(faults, now),
            started: false,
        })
    }

    /// Where it really is: free ports resolved.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn addresses(&self) -> io::Result<Addresses> {
        let interface = |socket: &UdpSocket| match socket.local_addr()?.ip() {
            IpAddr::V4(address) => Ok(address),
            IpAddr::V6(_) => Ok::<_, io::Error>(Ipv4Addr::UNSPECIFIED),
        };
        let [a, b] = &self.lines.sockets;
        Ok(Addresses {
            order_entry: self.order_entry.address()?,
            snapshots: self.late.address()?,
            rerequests: self.rerequests.local_addr()?,
            lines: self.lines.to,
            interfaces: [interface(a)?, interface(b)?],
            ttl: a.multicast_ttl_v4()?,
        })
    }

    /// One turn at `now`, which never steps back. How many things were done; the first turn begins the day.
    pub fn do_work(&mut self, now: Nanos) -> usize {
        let Self { venue, snapshots, lines, order_entry, late, .. } = self;
        let before = lines.sent;
        let mut out = |line: Line, packet: &[u8]| lines.send(line, packet);
        if self.started {
            venue.due(now, &mut out);
        } else {
            venue.start(now, &mut out);
            self.started = true;
        }
        let mut done = order_entry.work(&mut OrderEntryPort { venue, out: &mut out }, now);
        done += venue.trade(TRADES_PER_TURN, now, &mut out);
        venue.flush(now, &mut out);
        snapshots.due(now);
        done += late.work(&mut SnapshotPort { venue, snapshots }, now);
        done += self.answer(now);
        let sent = self.lines.sent;
        done + (sent.packets + sent.lost - before.packets - before.lost) as usize
    }

    /// Does what a background trader or the exchange's operator wants, between two turns.
    pub fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Venue<W>, &mut dyn FnMut(Line, &[u8])) -> T,
    ) -> T {
        let Self { venue, lines, .. } = self;
        act(venue, &mut |line, packet| lines.send(line, packet))
    }

    /// The exchange without its sockets.
    pub const fn venue(&mut self) -> &mut Venue<W> {
        &mut self.venue
    }

    /// When a turn has something to do, if nothing comes before.
    pub fn next_due(&self) -> Option<Nanos> {
        let due = [self.venue.next_due(), self.venue.next_trade(), self.answers.next_due()];
        due.into_iter().flatten().min()
    }

    /// The snapshot service.
    pub const fn snapshots(&self) -> &SnapshotService {
        &self.snapshots
    }

    /// What became of answers to re-requests on their way out.
    pub fn answer_faults(&self) -> PacketCounts {
        self.answers.counts()
    }

    /// What the lines sent.
    pub const fn sent(&self) -> Sent {
        self.lines.sent
    }

    /// Closes all sockets; the ledger is written, and its writer given back.
    pub fn into_ledger(self) -> W {
        self.venue.into_ledger()
    }

    /// Answers requests for missed messages.
    fn answer(&mut self, now: Nanos) -> usize {
        let Self { venue, rerequests, answers, .. } = self;
        // Whoever asks asks again if the answer is lost.
        let mut out = |to: SocketAddr, packet: &[u8]| {
            let _ = rerequests.send_to(packet, to);
        };
        answers.due(now, &mut out);
        // One byte more than a request has: longer datagrams are seen to be none.
        let mut request = [0; HEADER + 1];
        for done in 0..REREQUESTS_PER_TURN {
            let Ok((count, from)) = rerequests.recv_from(&mut request) else { return done };
            if let Some(answer) = venue.rerequest(&request[..count]) {
                answers.pass(from, answer, now, &mut out);
            }
        }
        REREQUESTS_PER_TURN
    }
}

/// Order entry, as its listener sees it.
struct OrderEntryPort<'a, W, F> {
    venue: &'a mut Venue<W>,
    out: &'a mut F,
}

impl<W: Write, F: FnMut(Line, &[u8])> Service for OrderEntryPort<'_, W, F> {
    fn connected(&mut self, id: usize, now: Nanos) -> bool {
        self.venue.connected(id, now)
    }

    fn received(&mut self, id: usize, bytes: &[u8], now: Nanos) {
        self.venue.received(id, bytes, now, self.out);
    }

    fn closed(&mut self, id: usize, now: Nanos) {
        self.venue.closed(id, now, self.out);
    }

    fn unsent(&mut self, id: usize, now: Nanos) -> &[u8] {
        self.venue.unsent(id, now)
    }

    fn sent(&mut self, id: usize, count: usize, now: Nanos) {
        self.venue.sent(id, count, now);
    }

    fn is_over(&self, id: usize) -> bool {
        self.venue.is_over(id)
    }
}

/// The snapshot service, as its listener sees it.
struct SnapshotPort<'a, W> {
    venue: &'a Venue<W>,
    snapshots: &'a mut SnapshotService,
}

impl<W: Write> Service for SnapshotPort<'_, W> {
    fn connected(&mut self, id: usize, now: Nanos) -> bool {
        self.snapshots.connected(id, now)
    }

    fn received(&mut self, id: usize, bytes: &[u8], now: Nanos) {
        self.snapshots.received(id, bytes, self.venue, now);
    }

    fn closed(&mut self, id: usize, _: Nanos) {
        self.snapshots.closed(id);
    }

    fn unsent(&mut self, id: usize, now: Nanos) -> &[u8] {
        self.snapshots.unsent(id, now)
    }

    fn sent(&mut self, id: usize, count: usize, now: Nanos) {
        self.snapshots.sent(id, count, now);
    }

    fn is_over(&self, id: usize) -> bool {
        self.snapshots.is_over(id)
    }
}
