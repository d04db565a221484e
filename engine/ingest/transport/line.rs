//! The ways by which the datagrams of the lines come in: a plain socket, io_uring, AF_XDP. Whoever reads asks one line after
//! the other for its next datagram, and cannot tell which way it came by.
//!
//! Which it is, is chosen at start and told apart by a `match`; nothing on the way is a virtual call. A datagram is lent
//! until the next is asked for.
#![forbid(unsafe_code)]

use super::socket::{LineSocket, SocketError};
use super::uring::{UringLine, UringLineError};
use super::xdp::{XdpError, XdpLines};
use crate::base::unit::Nanos;
use crate::base::uring::{Poller, Sqpoll, UringError};
use std::net::{Ipv4Addr, SocketAddr};
use std::{error, fmt};

/// A way by which datagrams come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A socket that is asked again and again.
    #[default]
    Socket,
    /// A socket that io_uring reads: the kernel puts datagrams into buffers that it was given.
    Uring,
    /// AF_XDP: frames come from the card, or its driver, past the kernel's network.
    Xdp,
}

impl Transport {
    /// Its name, as in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Uring => "uring",
            Self::Xdp => "xdp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// When the kernel got it, by the system's clock, if it says so.
    pub kernel: Option<Nanos>,
}

/// A line that is read by itself.
pub trait Line {
    /// The next datagram; `None` if none is there. Nothing waits.
    fn receive(&mut self) -> Option<Received<'_>>;

    /// Bytes of the kernel's buffer, as the kernel counts them: twice what it grants, its own records included.
    fn receive_buffer(&self) -> usize;

    /// Datagrams that the kernel dropped because its buffer was full. Known once a later one was read.
    fn drops(&self) -> u64;

    /// Times that reading failed.
    fn errors(&self) -> u64;
}

/// How lines are opened.
#[derive(Clone, Copy, Debug)]
pub struct LineSettings {
    /// By which way.
    pub transport: Transport,
    /// Whether the plain socket will do where that way is not possible.
    pub fallback: bool,
    /// Where line A and line B come: a multicast group, or an address of this machine, with the port.
    pub lines: [Option<SocketAddr>; 2],
    /// The addresses of the interfaces by which they come.
    pub interfaces: [Ipv4Addr; 2],
    /// Bytes of the kernel's buffer that are asked for, for each line; for AF_XDP those of a queue's frames.
    pub receive_buffer: usize,
    /// io_uring: the thread of the kernel's that does the work for both lines, if there is to be one.
    pub sqpoll: Option<Sqpoll>,
}

/// The lines, however they come.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Lines {
    /// By plain sockets.
    Socket([Option<LineSocket>; 2]),
    /// By io_uring, a ring each.
    Uring([Option<UringLine>; 2]),
    /// By AF_XDP.
    Xdp(XdpLines),
}

impl Lines {
    /// Opens them. The second is why they came by the plain socket although another way was asked for.
    ///
    /// # Errors
    /// If a socket cannot be had; if the way is not possible, and the plain socket will not do instead.
    pub fn open(settings: &LineSettings) -> Result<(Self, Option<LineError>), LineError> {
        let opened = match settings.transport {
            Transport::Socket => Ok(Self::Socket(Self::sockets(settings)?)),
            Transport::Uring => Self::urings(settings).map(Self::Uring),
            Transport::Xdp => XdpLines::open(settings).map(Self::Xdp),
        };
        match opened {
            Ok(lines) => Ok((lines, None)),
            Err(error) if settings.fallback && error.is_of_the_transport() => {
                Ok((Self::Socket(Self::sockets(settings)?), Some(error)))
            }
            Err(error) => Err(error),
        }
    }

    fn sockets(settings: &LineSettings) -> Result<[Option<LineSocket>; 2], LineError> {
        each(settings, |address, interface| {
            LineSocket::open(address, interface, settings.receive_buffer)
                .map_err(|error| LineError::Socket { address, interface, error })
        })
    }

    fn urings(settings: &LineSettings) -> Result<[Option<UringLine>; 2], LineError> {
        let open = |line: usize, poller: Poller<'_>| {
            let (address, interface) = (settings.lines[line]?, settings.interfaces[line]);
            let opened = UringLine::open(address, interface, settings.receive_buffer, poller);
            Some(opened.map_err(|error| match error {
                UringLineError::Socket(error) => LineError::Socket { address, interface, error },
                UringLineError::Uring(error) => LineError::Uring(error),
            }))
        };
        let first = settings.sqpoll.map_or(Poller::Asker, Poller::Kernel);
        let a = open(0, first).transpose()?;
        let b = open(1, a.as_ref().map_or(first, UringLine::poller)).transpose()?;
        Ok([a, b])
    }

    /// The way they came to be opened by.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Socket(_) => Transport::Socket,
            Self::Uring(_) => Transport::Uring,
            Self::Xdp(_) => Transport::Xdp,
        }
    }

    /// The next datagram of line A (0) or B (1); `None` if none is there. Nothing waits.
    #[inline]
    pub fn receive(&mut self, line: usize) -> Option<Received<'_>> {
        match self {
            Self::Socket(lines) => lines[line].as_mut()?.receive(),
            Self::Uring(lines) => lines[line].as_mut()?.receive(),
            Self::Xdp(lines) => lines.receive(line),
        }
    }

    /// Bytes that the kernel has for datagrams on their way, by line. 0 for a line without an address.
    pub fn receive_buffers(&self) -> [usize; 2] {
        match self {
            Self::Socket(lines) => of_each(lines, Line::receive_buffer),
            Self::Uring(lines) => of_each(lines, Line::receive_buffer),
            Self::Xdp(lines) => lines.receive_buffers(),
        }
    }

    /// Has `drops` be exact, by a call of the system where it takes one.
    pub fn count_drops(&mut self) {
        if let Self::Xdp(lines) = self {
            lines.count_drops();
        }
    }

    /// Datagrams that the kernel dropped for want of room, by line.
    pub fn drops(&self) -> [u64; 2] {
        match self {
            Self::Socket(lines) => of_each(lines, Line::drops),
            Self::Uring(lines) => of_each(lines, Line::drops),
            Self::Xdp(lines) => lines.drops(),
        }
    }

    /// Times that reading failed, by line.
    pub fn errors(&self) -> [u64; 2] {
        match self {
            Self::Socket(lines) => of_each(lines, Line::errors),
            Self::Uring(lines) => of_each(lines, Line::errors),
            Self::Xdp(lines) => lines.errors(),
        }
    }

    /// What a person may want to know of them.
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::Socket(_) => Vec::new(),
            Self::Uring(lines) => {
                let exhausted: u64 = of_each(lines, |line| line.exhausted()).iter().sum();
                let note = format!(
                    "io_uring ran out of buffers {exhausted} times, and was given them anew; nothing is lost by it"
                );
                if exhausted > 0 { vec![note] } else { Vec::new() }
            }
            Self::Xdp(lines) => lines.notes(),
        }
    }
}

/// Whether lines can come by `settings.transport` here, as far as can be told without listening; a word on how, or why not.
///
/// # Errors
/// Why not, and what to do.
pub fn probe(settings: &LineSettings) -> Result<String, LineError> {
    match settings.transport {
        Transport::Socket => Ok(String::from("possible here")),
        Transport::Uring => super::uring::probe(settings.sqpoll)
            .map(|()| String::from("possible here"))
            .map_err(LineError::Uring),
        Transport::Xdp => super::xdp::probe(settings).map_err(LineError::Xdp),
    }
}

fn each<L>(
    settings: &LineSettings,
    open: impl Fn(SocketAddr, Ipv4Addr) -> Result<L, LineError>,
) -> Result<[Option<L>; 2], LineError> {
    let [a, b] = [0, 1]
        .map(|line| settings.lines[line].map(|address| open(address, settings.interfaces[line])));
    Ok([a.transpose()?, b.transpose()?])
}

fn of_each<L, T: Default>(lines: &[Option<L>; 2], of: impl Fn(&L) -> T) -> [T; 2] {
    lines.each_ref().map(|line| line.as_ref().map_or_else(T::default, &of))
}

/// Why lines cannot be opened.
#[derive(Debug)]
pub enum LineError {
    /// A line's socket cannot be had, whichever the transport.
    Socket {
        /// Where it was to listen.
        address: SocketAddr,
        /// On which interface a group was to be joined.
        interface: Ipv4Addr,
        /// Why not.
        error: SocketError,
    },
    /// io_uring is not possible: take another transport, or do what its text says.
    Uring(UringError),
    /// AF_XDP is not possible: take another transport, or do what its text says.
    Xdp(XdpError),
}

impl LineError {
    /// Whether the plain socket may be possible all the same.
    pub fn is_of_the_transport(&self) -> bool {
        !matches!(self, Self::Socket { .. })
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { address, interface, error: SocketError::Join(error) } => write!(
                f,
                "the multicast group {address} cannot be joined on {interface}: {error}; the interface must be the address \
                 of a network interface of this machine (`ip -br addr`)"
            ),
            Self::Socket { address, error: SocketError::GroupV6, .. } => {
                write!(f, "the multicast group {address} is of IPv6: groups of IPv4 can be joined")
            }
            Self::Socket { address, error: SocketError::Bind(error), .. } => write!(
                f,
                "no socket for the line at {address}: {error}; it must be a multicast group, or an address of this machine \
                 with a port that nobody else has"
            ),
            Self::Uring(error) => write!(f, "transport = \"uring\" is not possible here: {error}"),
            Self::Xdp(error) => write!(f, "transport = \"xdp\" is not possible here: {error}"),
        }
    }
}

impl error::Error for LineError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Socket { error: SocketError::Bind(error) | SocketError::Join(error), .. } => {
                Some(error)
            }
            Self::Socket { .. } => None,
            Self::Uring(error) => Some(error),
            Self::Xdp(error) => Some(error),
        }
    }
}
