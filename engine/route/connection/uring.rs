//! By io_uring: what comes is put into buffers of ours by one request that stands as long as the connection; what goes is one
//! send at a time, of all that is ready.
//!
//! The receive is a multishot one into buffers that the kernel was given: to find nothing costs no call. The send is of the
//! caller's own bytes and has ended when the call returns, with what the socket had room for: a buffer of ours would cost a copy
//! and, were the send left under way in the kernel until there is room, orders would leave after a kill that nobody can call
//! back any more. The socket is a registered file of both rings.
//!
//! The thread that makes the connection stand is the one that reads, writes and closes it. The rings are made once; should they
//! break, the connection ends, and new ones are made for the next. If there are none to be had then, it goes on by plain calls
//! where these will do.

use super::tcp::{State, Tcp};
use crate::base::dial::is_not_yet;
use crate::base::uring::{Came, Multishot, Sender, UringError};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;

/// Buffers for what comes: a burst of answers, of which each that comes alone takes one. The socket's own are behind them.
const BUFFERS: u16 = 32;
/// Bytes of a buffer.
const BUFFER_SIZE: usize = 4 << 10;

/// Both ways.
struct Rings {
    receive: Multishot,
    send: Sender,
}

impl Rings {
    fn new() -> Result<Self, UringError> {
        Ok(Self { receive: Multishot::of_stream(BUFFERS, BUFFER_SIZE)?, send: Sender::new()? })
    }

    fn attach(&mut self, stream: &TcpStream) -> io::Result<()> {
        // A socket that does not wait would have the receive end with "try again".
        stream.set_nonblocking(false)?;
        self.receive.attach(stream.as_fd())?;
        self.send.attach(stream.as_fd())
    }

    fn detach(&mut self) -> bool {
        let (received, sent) = (self.receive.detach(), self.send.detach());
        received && sent
    }
}

/// A connection by io_uring.
pub(super) struct UringConnection {
    tcp: Tcp,
    /// None if they broke.
    rings: Option<Rings>,
    /// Bytes that were read of those that are lent.
    read: usize,
    /// Makes rings.
    make: fn() -> Result<Rings, UringError>,
}

impl UringConnection {
    pub(super) fn new() -> Result<Self, UringError> {
        Ok(Self { tcp: Tcp::default(), rings: Some(Rings::new()?), read: 0, make: Rings::new })
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        self.tcp.state()
    }

    pub(super) fn dial(&mut self, venue: SocketAddr) -> io::Result<()> {
        self.tcp.dial(venue)
    }

    /// Whether the connection that was begun stands. The second is why there are no rings for it; it has none then, and can be
    /// had by [`take_tcp`](Self::take_tcp).
    pub(super) fn stands(&mut self) -> io::Result<(bool, Option<UringError>)> {
        if !self.tcp.stands()? {
            return Ok((false, None));
        }
        let rings = match &mut self.rings {
            Some(rings) => rings,
            none => match (self.make)() {
                Ok(made) => none.insert(made),
                Err(why) => return Ok((true, Some(why))),
            },
        };
        self.tcp.open().map_or(Ok(()), |stream| rings.attach(stream))?;
        Ok((true, None))
    }

    /// Its socket, which no ring has.
    #[cold]
    pub(super) fn take_tcp(&mut self) -> Tcp {
        std::mem::take(&mut self.tcp)
    }

    #[inline]
    pub(super) fn has_news(&mut self) -> bool {
        let (Some(_), Some(rings)) = (self.tcp.open(), &mut self.rings) else { return false };
        rings.receive.lent().len() > self.read || rings.receive.has_news()
    }

    #[inline]
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<Option<usize>> {
        let (Some(_), Some(rings)) = (self.tcp.open(), &mut self.rings) else { return Ok(None) };
        loop {
            let rest = &rings.receive.lent()[self.read..];
            if !rest.is_empty() {
                let count = rest.len().min(space.len());
                space[..count].copy_from_slice(&rest[..count]);
                self.read += count;
                return Ok(Some(count));
            }
            self.read = 0;
            match rings.receive.ask() {
                None => return Ok(None),
                Some(Came::Bytes) => {}
                Some(Came::End(0)) => return Ok(Some(0)),
                Some(Came::End(error)) => return Err(io::Error::from_raw_os_error(error)),
            }
        }
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (Some(_), Some(rings)) = (self.tcp.open(), &mut self.rings) else { return Ok(0) };
        match rings.send.send(bytes) {
            Err(error) if is_not_yet(&error) => Ok(0),
            sent => sent,
        }
    }

    pub(super) fn close(&mut self) {
        self.tcp.hang_up();
        if self.tcp.open().is_some() && self.rings.as_mut().is_some_and(|rings| !rings.detach()) {
            self.rings = None;
        }
        self.tcp.close();
        self.read = 0;
    }

    /// The rings broke, and there will be no others.
    #[cfg(test)]
    pub(super) fn lose_rings(&mut self) {
        self.rings = None;
        self.make = || Err(UringError::Ring(io::Error::from_raw_os_error(libc::ENOMEM)));
    }

    #[cfg(test)]
    pub(super) fn tcp(&self) -> &Tcp {
        &self.tcp
    }
}

impl Drop for UringConnection {
    fn drop(&mut self) {
        self.close();
    }
}
