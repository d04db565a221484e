//! TCP connections that nobody waits for: begun, then looked at until they stand.
#![forbid(unsafe_code)]

use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};

/// Linux's number for "the connection is being made" (EINPROGRESS).
const IN_PROGRESS: i32 = 115;

/// Begins a connection, whose writes leave at once.
///
/// # Errors
/// If the system knows already that it cannot be made.
pub fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        // That is how a connection begins that nobody waits for.
        Err(error) if error.raw_os_error() == Some(IN_PROGRESS) || is_not_yet(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

/// Whether the connection stands.
///
/// # Errors
/// If it could not be made.
pub fn stands(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a call says but that there is nothing to do now.
pub fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
