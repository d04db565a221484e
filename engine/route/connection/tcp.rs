//! A TCP socket from its birth to its end: what both ways of the kernel's network have in common.

use crate::base::dial::{dial, stands};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none.
    Closed,
    /// On its way: nobody has said no yet.
    Connecting,
    /// It is read and written.
    Open,
}

/// The socket, if there is one.
#[derive(Default)]
pub(super) struct Tcp {
    stream: Option<TcpStream>,
    stands: bool,
}

impl Tcp {
    #[inline]
    pub(super) fn state(&self) -> State {
        match (&self.stream, self.stands) {
            (None, _) => State::Closed,
            (Some(_), false) => State::Connecting,
            (Some(_), true) => State::Open,
        }
    }

    pub(super) fn dial(&mut self, venue: SocketAddr) -> io::Result<()> {
        (self.stream, self.stands) = (Some(dial(venue)?), false);
        Ok(())
    }

    pub(super) fn stands(&mut self) -> io::Result<bool> {
        self.stands = self.stream.as_ref().map_or(Ok(false), stands)?;
        Ok(self.stands)
    }

    /// The stream, once it stands.
    #[inline]
    pub(super) fn open(&self) -> Option<&TcpStream> {
        self.stream.as_ref().filter(|_| self.stands)
    }

    /// Tells the other end, whoever else has the socket; it stays until it is closed.
    pub(super) fn hang_up(&self) {
        if let Some(stream) = &self.stream {
            // Where there is no other end any more, it knows.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn close(&mut self) {
        *self = Self::default();
    }
}
