//! A TCP listener with its connections: bytes between their sockets and a service that knows no sockets.

use crate::base::unit::Nanos;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Bytes of a read.
const READ: usize = 64 * 1024;
/// New connections that are taken in one turn.
const ACCEPTS_PER_TURN: usize = 16;

/// Who talks on the connections. Their ids are places, used again after `closed`.
pub(super) trait Service {
    /// False if there is no room.
    fn connected(&mut self, id: usize, now: Nanos) -> bool;
    /// Bytes came.
    fn received(&mut self, id: usize, bytes: &[u8], now: Nanos);
    /// The connection is gone.
    fn closed(&mut self, id: usize, now: Nanos);
    /// What is to be sent.
    fn unsent(&mut self, id: usize, now: Nanos) -> &[u8];
    /// So many of those bytes were.
    fn sent(&mut self, id: usize, count: usize, now: Nanos);
    /// Whether the connection is to be closed.
    fn is_over(&self, id: usize) -> bool;
}

/// A connection.
struct Peer {
    stream: TcpStream,
    /// It says nothing more: what waits for it is sent, then it is closed.
    is_silent: bool,
}

/// The listener.
pub(super) struct Listener {
    listener: TcpListener,
    peers: Box<[Option<Peer>]>,
    buffer: Box<[u8]>,
}

impl Listener {
    /// Listens at `address` with room for so many connections.
    pub(super) fn bind(address: SocketAddr, connections: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let peers = (0..connections).map(|_| None).collect();
        Ok(Self { listener, peers, buffer: vec![0; READ].into() })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Looks once at every socket. How many things were done.
    pub(super) fn work(&mut self, service: &mut impl Service, now: Nanos) -> usize {
        let mut done = self.accept(service, now);
        for id in 0..self.peers.len() {
            if let Some(peer) = self.peers[id].as_mut().filter(|peer| !peer.is_silent) {
                let (count, is_open) = turn(peer, id, &mut self.buffer, service, now);
                done += count;
                if !is_open {
                    self.peers[id] = None;
                    service.closed(id, now);
                }
            }
        }
        // What one client did can be news for another that was looked at before it.
        for id in 0..self.peers.len() {
            if let Some(peer) = &mut self.peers[id] {
                let (count, is_open) = send(peer, id, service, now);
                done += count;
                if !is_open {
                    self.peers[id] = None;
                    service.closed(id, now);
                }
            }
        }
        done
    }

    fn accept(&mut self, service: &mut impl Service, now: Nanos) -> usize {
        for done in 0..ACCEPTS_PER_TURN {
            let Ok((stream, _)) = self.listener.accept() else { return done };
            let free = self.peers.iter().position(Option::is_none);
            // Without a place the service hears of it, and says no.
            let id = free.unwrap_or(usize::MAX);
            let is_set = stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true));
            if is_set.is_ok() && service.connected(id, now) {
                self.peers[id] = Some(Peer { stream, is_silent: false });
            }
        }
        ACCEPTS_PER_TURN
    }
}

/// One read. How many things were done, and whether the connection stays.
fn turn(
    peer: &mut Peer,
    id: usize,
    buffer: &mut [u8],
    service: &mut impl Service,
    now: Nanos,
) -> (usize, bool) {
    match peer.stream.read(buffer) {
        Ok(0) => {
            peer.is_silent = true;
            (1, true)
        }
        Ok(count) => {
            service.received(id, &buffer[..count], now);
            (1, true)
        }
        Err(error) => (0, is_passing(&error)),
    }
}

/// One write. How many things were done, and whether the connection stays.
fn send(peer: &mut Peer, id: usize, service: &mut impl Service, now: Nanos) -> (usize, bool) {
    let unsent = service.unsent(id, now);
    if unsent.is_empty() {
        return (0, !(peer.is_silent || service.is_over(id)));
    }
    match peer.stream.write(unsent) {
        Ok(count) => {
            service.sent(id, count, now);
            (1, !service.is_over(id))
        }
        Err(error) => (0, is_passing(&error)),
    }
}

/// Whether an error says no more than "not now".
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
