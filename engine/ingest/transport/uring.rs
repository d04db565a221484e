//! A line's socket, read by io_uring: one request is answered by datagram after datagram (a multishot receive), each in a
//! buffer out of those that the kernel was given (`base/uring.rs`). To find nothing costs no call.
//!
//! The first thread that asks for a datagram is the only one that may; what comes before that waits in the socket. A request
//! that ends is made anew once all that it brought was read. It ends when buffers run out, which loses nothing: datagrams wait
//! in the socket, and what finds no room there is counted as it is with a plain socket.
#![forbid(unsafe_code)]

use super::control::Control;
use super::line::{Line, Received};
use super::socket::{SocketError, listen};
use crate::base::uring::{Came, Multishot, Poller, Sqpoll, UringError};
use io_uring::types::RecvMsgOut;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::AsFd;

/// Buffers of a line: a batch. More of them lose cache and win nothing, since the socket's own buffer is behind them.
const BUFFERS: u16 = 64;
/// Bytes of a buffer: the kernel's header (16), what is said beside (`CONTROL`), and the longest datagram; whole pages.
const BUFFER_SIZE: usize = 68 << 10;
/// Bytes for what is said beside a datagram: its time (32) and the count of drops (24).
const CONTROL: usize = 64;

const _: () = assert!(16 + CONTROL + (1 << 16) <= BUFFER_SIZE);

/// Why a line cannot be read by io_uring.
#[derive(Debug)]
pub enum UringLineError {
    /// The line's socket cannot be had.
    Socket(SocketError),
    /// io_uring is not possible.
    Uring(UringError),
}

/// Whether a ring with its buffers can be had.
///
/// # Errors
/// Why not.
pub(super) fn probe(sqpoll: Option<Sqpoll>) -> Result<(), UringError> {
    let poller = sqpoll.map_or(Poller::Asker, Poller::Kernel);
    Multishot::of_datagrams(BUFFERS, BUFFER_SIZE, CONTROL, poller).map(drop)
}

/// A line that io_uring reads.
pub struct UringLine {
    receive: Multishot,
    socket: UdpSocket,
    receive_buffer: usize,
    drops: u64,
    errors: u64,
}

impl UringLine {
    /// Listens at `address`, with a kernel's buffer of `receive_buffer` bytes if that is to be had; `poller` does the receiving.
    ///
    /// # Errors
    /// If the socket cannot be had, the group not be joined, or io_uring is not possible.
    pub fn open(
        address: SocketAddr,
        interface: Ipv4Addr,
        receive_buffer: usize,
        poller: Poller<'_>,
    ) -> Result<Self, UringLineError> {
        Self::with_buffers(address, interface, receive_buffer, poller, BUFFERS)
    }

    fn with_buffers(
        address: SocketAddr,
        interface: Ipv4Addr,
        receive_buffer: usize,
        poller: Poller<'_>,
        count: u16,
    ) -> Result<Self, UringLineError> {
        let opened = listen(address, interface, receive_buffer).map_err(UringLineError::Socket)?;
        let (socket, receive_buffer) = opened;
        let set = socket.set_nonblocking(false);
        set.map_err(|error| UringLineError::Socket(SocketError::Bind(error)))?;
        let receive = Multishot::of_datagrams(count, BUFFER_SIZE, CONTROL, poller);
        let mut receive = receive.map_err(UringLineError::Uring)?;
        let attached = receive.attach(socket.as_fd());
        attached.map_err(|error| UringLineError::Uring(UringError::Register(error)))?;
        Ok(Self { receive, socket, receive_buffer, drops: 0, errors: 0 })
    }

    /// Who receives for this line, for another one.
    pub fn poller(&self) -> Poller<'_> {
        Poller::SameAs(&self.receive)
    }

    /// Where it is.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Times that the kernel ran out of buffers and was asked anew: nothing is lost by it.
    pub fn exhausted(&self) -> u64 {
        self.receive.exhausted()
    }
}

impl Line for UringLine {
    #[inline]
    fn receive(&mut self) -> Option<Received<'_>> {
        let (payload, said) = loop {
            match self.receive.ask()? {
                Came::Bytes => {}
                Came::End(error) => {
                    // An end without a cause is none of our concern: it is made anew.
                    self.errors += u64::from(error != 0);
                    return None;
                }
            }
            match parse(&self.receive) {
                Some(parsed) => break parsed,
                None => self.errors += 1,
            }
        };
        if let Some(count) = said.drops {
            self.drops += u64::from(count.wrapping_sub(self.drops as u32));
        }
        Some(Received { bytes: &self.receive.lent()[payload], kernel: said.kernel })
    }

    fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    fn drops(&self) -> u64 {
        self.drops
    }

    fn errors(&self) -> u64 {
        self.errors + self.receive.refused()
    }
}

/// Where the payload lies in what came, and what was said beside it. `None` if it was cut short, which no datagram is long
/// enough for.
#[inline]
fn parse(receive: &Multishot) -> Option<(Range<usize>, Control)> {
    let bytes = receive.lent();
    let message = RecvMsgOut::parse(bytes, receive.header()?).ok()?;
    if message.is_payload_truncated() {
        return None;
    }
    let said = Control::parse(message.control_data());
    let length = message.payload_data().len();
    Some((bytes.len() - length..bytes.len(), said))
}

#[cfg(test)]
mod tests;
