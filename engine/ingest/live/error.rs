//! Why a live feed cannot be opened.
#![forbid(unsafe_code)]

use crate::ingest::transport::line::LineError;
use std::net::SocketAddr;
use std::{error, fmt, io};

/// Why a live feed cannot be opened.
#[derive(Debug)]
pub enum FeedError {
    /// Neither line has an address.
    NoLine,
    /// A line cannot be opened.
    Line(LineError),
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
            Self::Line(error) if error.is_of_the_transport() => write!(
                f,
                "{error}; or set feed.transport = \"socket\", or feed.transport_fallback = true to have it where the other is \
                 not possible"
            ),
            Self::Line(error) => error.fmt(f),
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
            Self::NoLine => None,
            Self::Line(error) => Some(error),
            Self::Rerequests { error, .. } => Some(error),
        }
    }
}
