//! A line's socket: datagrams of a multicast group, or to an address of this machine, each with the time at which the
//! kernel got it.
//!
//! Plain calls only, so that a library that takes the kernel's place (OpenOnload) finds what it knows. Nothing waits. A
//! group is joined on the interface that has the given address, and the socket is bound to the group itself: what other
//! groups send to the same port does not come here.
#![forbid(unsafe_code)]

use super::line::{Line, Received};
use crate::base::unit::Nanos;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Above the longest datagram.
const DATAGRAM_MAX: usize = 1 << 16;

/// What could not be done.
#[derive(Debug)]
pub enum SocketError {
    /// The address is a group of IPv6.
    GroupV6,
    /// Making, setting or binding the socket.
    Bind(io::Error),
    /// Joining the group.
    Join(io::Error),
}

/// A socket that datagrams are read from.
pub struct LineSocket {
    socket: UdpSocket,
    buffer: Box<[u8]>,
    control: Vec<u8>,
    receive_buffer: usize,
    drops: u64,
    errors: u64,
}

impl LineSocket {
    /// Listens at `address`, with a kernel's buffer of `receive_buffer` bytes if that is to be had.
    ///
    /// # Errors
    /// If the socket cannot be had, or the group not be joined.
    pub fn open(
        address: SocketAddr,
        interface: Ipv4Addr,
        receive_buffer: usize,
    ) -> Result<Self, SocketError> {
        let (socket, receive_buffer) = listen(address, interface, receive_buffer)?;
        Ok(Self {
            socket,
            buffer: vec![0; DATAGRAM_MAX].into_boxed_slice(),
            control: nix::cmsg_space!(TimeSpec, u32),
            receive_buffer,
            drops: 0,
            errors: 0,
        })
    }

    /// Where it is.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl Line for LineSocket {
    #[inline]
    fn receive(&mut self) -> Option<Received<'_>> {
        let mut into = [IoSliceMut::new(&mut self.buffer)];
        let control = Some(&mut self.control[..]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = match recvmsg::<()>(self.socket.as_raw_fd(), &mut into, control, flags) {
            Ok(message) => message,
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return None,
            Err(_) => {
                self.errors += 1;
                return None;
            }
        };
        let mut kernel = None;
        for said in message.cmsgs().into_iter().flatten() {
            match said {
                ControlMessageOwned::ScmTimestampns(time) => kernel = nanos(time),
                // A count of 32 bits that goes around.
                ControlMessageOwned::RxqOvfl(count) => {
                    self.drops += u64::from(count.wrapping_sub(self.drops as u32));
                }
                _ => {}
            }
        }
        let length = message.bytes;
        Some(Received { bytes: &self.buffer[..length], kernel })
    }

    fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    fn drops(&self) -> u64 {
        self.drops
    }

    fn errors(&self) -> u64 {
        self.errors
    }
}

/// A socket that listens at `address` and does not wait, and the bytes of its buffer as the kernel counts them.
pub(super) fn listen(
    address: SocketAddr,
    interface: Ipv4Addr,
    receive_buffer: usize,
) -> Result<(UdpSocket, usize), SocketError> {
    if address.is_ipv6() && address.ip().is_multicast() {
        return Err(SocketError::GroupV6);
    }
    let socket = bound(address, receive_buffer).map_err(SocketError::Bind)?;
    if let SocketAddr::V4(group) = address
        && group.ip().is_multicast()
    {
        socket.join_multicast_v4(group.ip(), &interface).map_err(SocketError::Join)?;
    }
    let receive_buffer = socket.recv_buffer_size().map_err(SocketError::Bind)?;
    Ok((socket.into(), receive_buffer))
}

/// A socket at `address`.
fn bound(address: SocketAddr, receive_buffer: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    // So that two listeners on one machine can join the same group.
    if address.ip().is_multicast() {
        socket.set_reuse_address(true)?;
    }
    socket.set_recv_buffer_size(receive_buffer)?;
    if socket.recv_buffer_size()? / 2 < receive_buffer {
        // Beyond the system's limit for all: given to whoever administers the network, else it stays as it is.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &receive_buffer);
    }
    // Neither is needed to read on.
    let _ = setsockopt(&socket, sockopt::ReceiveTimestampns, &true);
    let _ = setsockopt(&socket, sockopt::RxqOvfl, &1);
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

fn nanos(time: TimeSpec) -> Option<Nanos> {
    let seconds = u64::try_from(time.tv_sec()).ok()?.checked_mul(1_000_000_000)?;
    seconds.checked_add(u64::try_from(time.tv_nsec()).ok()?).map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Wall;

    const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

    fn free() -> SocketAddr {
        (HERE, 0).into()
    }

    /// What is sure to come does so within this, on the busiest machine.
    const LONG: Nanos = Nanos(30_000_000_000);

    /// What comes.
    fn wait(socket: &mut LineSocket) -> Option<(Vec<u8>, Option<Nanos>)> {
        let wall = Wall::set();
        let end = wall.now().plus(LONG);
        while wall.now() < end {
            if let Some(Received { bytes, kernel }) = socket.receive() {
                return Some((bytes.to_vec(), kernel));
            }
        }
        None
    }

    #[test]
    fn a_datagram_comes_with_the_kernels_time() {
        let mut socket = LineSocket::open(free(), HERE, 1 << 16).unwrap();
        assert!(socket.receive().is_none(), "nothing waits");
        let from = UdpSocket::bind(free()).unwrap();
        from.send_to(b"hello", socket.address().unwrap()).unwrap();
        let (bytes, kernel) = wait(&mut socket).unwrap();
        assert_eq!(bytes, b"hello");
        let now = Wall::set().now();
        assert!(kernel.is_some_and(|time| now.0.abs_diff(time.0) < LONG.0), "{kernel:?}");
        assert!(socket.receive_buffer() >= 1 << 16);
        assert_eq!((socket.drops(), socket.errors()), (0, 0));
    }

    #[test]
    fn what_the_kernel_drops_is_told_with_a_later_datagram() {
        let mut socket = LineSocket::open(free(), HERE, 4_096).unwrap();
        let from = UdpSocket::bind(free()).unwrap();
        let to = socket.address().unwrap();
        for _ in 0..500 {
            from.send_to(&[7; 1_000], to).unwrap();
        }
        let mut came = 0;
        while wait_once(&mut socket) {
            came += 1;
        }
        from.send_to(b"later", to).unwrap();
        assert!(wait(&mut socket).is_some());
        assert_eq!(came + socket.drops(), 500, "{came} came");
        assert!(socket.drops() > 0);
    }

    fn wait_once(socket: &mut LineSocket) -> bool {
        (0..1_000).any(|_| socket.receive().is_some())
    }

    #[test]
    fn a_group_is_joined_on_an_interface_of_this_machine_only() {
        let group: SocketAddr = "239.255.77.1:0".parse().unwrap();
        let mut socket = LineSocket::open(group, HERE, 1 << 16).unwrap();
        let port = socket.address().unwrap().port();
        let from = UdpSocket::bind(free()).unwrap();
        from.set_multicast_loop_v4(true).unwrap();
        let to = SocketAddr::new(group.ip(), port);
        from.send_to(b"to all", to).unwrap();
        assert_eq!(wait(&mut socket).map(|(bytes, _)| bytes), Some(b"to all".to_vec()));

        let elsewhere = Ipv4Addr::new(192, 0, 2, 77);
        assert!(matches!(LineSocket::open(group, elsewhere, 0), Err(SocketError::Join(_))));
        let group: SocketAddr = "[ff02::77]:0".parse().unwrap();
        assert!(matches!(LineSocket::open(group, HERE, 0), Err(SocketError::GroupV6)));
        let other: SocketAddr = "192.0.2.77:0".parse().unwrap();
        assert!(matches!(LineSocket::open(other, HERE, 0), Err(SocketError::Bind(_))));
    }
}
