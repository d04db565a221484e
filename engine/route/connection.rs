//! The connection with a venue: made while others go on turning, then read and written as far as it goes. Nothing waits.
//!
//! Which way the bytes go is chosen at start and told apart by a `match`; nothing here is a virtual call, and whoever uses it
//! cannot tell the ways apart. What each must keep:
//!
//! * [`Connection::write`] takes bytes off the front, and what it took has left for good: it is in the kernel's hands, in order,
//!   and nothing is under way when it returns. What it did not take was not touched: after a kill that is called back.
//! * [`Connection::read`] copies, and tells the end of the stream once all before it was read.
//! * [`Connection::close`] leaves nothing behind: no descriptor, no request, no memory that the kernel may write.
//!
//! Once opened it takes no memory, however often it is dialled, unless the kernel's rings broke.
#![forbid(unsafe_code)]

mod socket;
mod tcp;
#[cfg(test)]
mod tests;
mod uring;

use crate::base::uring::UringError;
use socket::SocketConnection;
use std::net::SocketAddr;
use std::{error, fmt, io};
pub(super) use tcp::State;
use uring::UringConnection;

/// A way by which orders go and answers come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A socket, read and written by plain calls.
    #[default]
    Socket,
    /// A socket that io_uring reads and writes.
    Uring,
}

impl Transport {
    /// Its name, as in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Uring => "uring",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why orders cannot go by io_uring: take the plain socket, or do what its text says.
#[derive(Debug)]
pub struct ConnectionError(UringError);

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(f, "transport = \"uring\" is not possible here: {error}")
    }
}

impl error::Error for ConnectionError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.0)
    }
}

/// A connection, however its bytes go.
pub struct Connection {
    way: Way,
    /// Whether plain calls will do where io_uring is not possible.
    fallback: bool,
    /// Why it goes by plain calls since it was opened.
    fell_back: Option<ConnectionError>,
}

enum Way {
    Socket(SocketConnection),
    Uring(Box<UringConnection>),
}

impl Connection {
    /// One that is closed, by plain calls.
    pub fn by_socket() -> Self {
        Self::of(Way::Socket(SocketConnection::default()), false)
    }

    fn of(way: Way, fallback: bool) -> Self {
        Self { way, fallback, fell_back: None }
    }

    /// One that is closed. The second is why it goes by plain calls although another way was asked for.
    ///
    /// # Errors
    /// If the way is not possible, and plain calls will not do instead.
    pub fn open(
        transport: Transport,
        fallback: bool,
    ) -> Result<(Self, Option<ConnectionError>), ConnectionError> {
        match transport {
            Transport::Socket => Ok((Self::by_socket(), None)),
            Transport::Uring => match UringConnection::new().map_err(ConnectionError) {
                Ok(it) => Ok((Self::of(Way::Uring(Box::new(it)), fallback), None)),
                Err(why) if fallback => Ok((Self::by_socket(), Some(why))),
                Err(why) => Err(why),
            },
        }
    }

    /// Why it goes by plain calls although it was opened by another way: that was not possible any more at a later dial.
    pub fn fell_back(&self) -> Option<&ConnectionError> {
        self.fell_back.as_ref()
    }

    /// The way it goes by.
    pub fn transport(&self) -> Transport {
        match &self.way {
            Way::Socket(_) => Transport::Socket,
            Way::Uring(_) => Transport::Uring,
        }
    }

    /// How it stands.
    #[inline]
    pub fn state(&self) -> State {
        match &self.way {
            Way::Socket(it) => it.state(),
            Way::Uring(it) => it.state(),
        }
    }

    /// Begins a connection, where there is none.
    ///
    /// # Errors
    /// If the system knows already that it cannot be made; then it is to be closed.
    pub fn dial(&mut self, venue: SocketAddr) -> io::Result<()> {
        match &mut self.way {
            Way::Socket(it) => it.dial(venue),
            Way::Uring(it) => it.dial(venue),
        }
    }

    /// Whether the connection that was begun stands.
    ///
    /// # Errors
    /// If it could not be made, or io_uring is not possible any more and plain calls will not do; then it is to be closed.
    pub fn stands(&mut self) -> io::Result<bool> {
        let (tcp, why) = match &mut self.way {
            Way::Socket(it) => return it.stands(),
            Way::Uring(it) => match it.stands()? {
                (stands, None) => return Ok(stands),
                (_, Some(why)) if !self.fallback => {
                    return Err(io::Error::other(ConnectionError(why)));
                }
                (_, Some(why)) => (it.take_tcp(), why),
            },
        };
        self.way = Way::Socket(tcp.into());
        self.fell_back = Some(ConnectionError(why));
        Ok(true)
    }

    /// Whether it is known, without a call of the system, that there is something to read. A plain socket never knows.
    #[inline]
    pub fn has_news(&mut self) -> bool {
        match &mut self.way {
            Way::Socket(_) => false,
            Way::Uring(it) => it.has_news(),
        }
    }

    /// Copies what has come to the front of `space`, which is not empty, and says how much that was: 0 is the end. `None`:
    /// nothing has come.
    ///
    /// # Errors
    /// If it broke; then it is to be closed.
    #[inline]
    pub fn read(&mut self, space: &mut [u8]) -> io::Result<Option<usize>> {
        match &mut self.way {
            Way::Socket(it) => it.read(space),
            Way::Uring(it) => it.read(space),
        }
    }

    /// Sends what there is room for of `bytes`, and says how much that was; 0: there is none now.
    ///
    /// # Errors
    /// If it broke; then it is to be closed.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Socket(it) => it.write(bytes),
            Way::Uring(it) => it.write(bytes),
        }
    }

    /// Ends the connection, if there is one.
    #[cold]
    pub fn close(&mut self) {
        match &mut self.way {
            Way::Socket(it) => it.close(),
            Way::Uring(it) => it.close(),
        }
    }

    /// The socket, where there is a connection.
    #[cfg(test)]
    pub(super) fn stream(&self) -> &std::net::TcpStream {
        let tcp = match &self.way {
            Way::Socket(it) => it.tcp(),
            Way::Uring(it) => it.tcp(),
        };
        tcp.open().unwrap()
    }
}

/// Whether orders can go by `transport` here, as far as can be told without a venue.
///
/// # Errors
/// Why not, and what to do.
pub fn probe(transport: Transport) -> Result<(), ConnectionError> {
    Connection::open(transport, false).map(drop)
}
