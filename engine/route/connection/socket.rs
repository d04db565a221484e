//! By plain calls: each look costs one.

use super::tcp::{State, Tcp};
use crate::base::dial::is_not_yet;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// A connection by plain calls of a socket that does not wait.
#[derive(Default)]
pub(super) struct SocketConnection {
    tcp: Tcp,
}

impl From<Tcp> for SocketConnection {
    fn from(tcp: Tcp) -> Self {
        Self { tcp }
    }
}

impl SocketConnection {
    #[inline]
    pub(super) fn state(&self) -> State {
        self.tcp.state()
    }

    pub(super) fn dial(&mut self, venue: SocketAddr) -> io::Result<()> {
        self.tcp.dial(venue)
    }

    pub(super) fn stands(&mut self) -> io::Result<bool> {
        self.tcp.stands()
    }

    #[inline]
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(mut stream) = self.tcp.open() else { return Ok(None) };
        match stream.read(space) {
            Ok(count) => Ok(Some(count)),
            Err(error) if is_not_yet(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(mut stream) = self.tcp.open() else { return Ok(0) };
        match stream.write(bytes) {
            Err(error) if is_not_yet(&error) => Ok(0),
            written => written,
        }
    }

    pub(super) fn close(&mut self) {
        self.tcp.close();
    }

    #[cfg(test)]
    pub(super) fn tcp(&self) -> &Tcp {
        &self.tcp
    }
}
