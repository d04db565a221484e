//! Why a live feed cannot be opened.
#![forbid(unsafe_code)]

use std::net::{Ipv4Addr, SocketAddr};
use std::{error, fmt, io};

/// Why a live feed cannot be opened.
#[derive(Debug)]
pub enum FeedError {
    /// Neither line has an address.
    NoLine,
    /// A line's address is a multicast group of IPv6.
    GroupV6 {
        /// Which.
        address: SocketAddr,
    },
    /// There is no socket to be had for a line.
    Line {
        /// Its address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// A line's multicast group cannot be joined.
    Join {
        /// The group.
        address: SocketAddr,
        /// On which interface.
        interface: Ipv4Addr,
        /// What the system says.
        error: io::Error,
    },
    /// There is no socket to be had for re-requests.
    Rerequests {
        /// The server's address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLine => f.write_str("neither line has an address: one of them is needed"),
            Self::GroupV6 { address } => {
                write!(f, "the multicast group {address} is of IPv6: groups of IPv4 can be joined")
            }
            Self::Line { address, error } => write!(
                f,
                "no socket for the line at {address}: {error}; it must be a multicast group, or an address of \
                 this machine with a port that nobody else has"
            ),
            Self::Join { address, interface, error } => write!(
                f,
                "the multicast group {address} cannot be joined on {interface}: {error}; the interface must be \
                 the address of a network interface of this machine (`ip -br addr`)"
            ),
            Self::Rerequests { address, error } => write!(
                f,
                "no socket for re-requests to {address}: {error}; there must be a route to it (`ip route get {}`)",
                address.ip()
            ),
        }
    }
}

impl error::Error for FeedError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::NoLine | Self::GroupV6 { .. } => None,
            Self::Line { error, .. }
            | Self::Join { error, .. }
            | Self::Rerequests { error, .. } => Some(error),
        }
    }
}
