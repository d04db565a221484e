//! Why AF_XDP is not possible, and what to do.

use super::sys::QUEUES_MAX;
use std::net::{Ipv4Addr, SocketAddr};
use std::{error, fmt, io};

/// What the system was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpStep {
    /// Asking which interfaces there are.
    Interfaces,
    /// Making the map from queues to sockets.
    Map,
    /// Loading the program.
    Program,
    /// Attaching it to the interface.
    Attach,
    /// Making a socket.
    Socket,
    /// Memory for frames.
    Memory,
    /// Registering it, and making rings.
    Rings,
    /// Binding a socket to a queue.
    Bind,
}

impl XdpStep {
    const fn words(self) -> &'static str {
        match self {
            Self::Interfaces => "to say which interfaces there are",
            Self::Map => "to make a map",
            Self::Program => "to load the program",
            Self::Attach => "to attach the program to the interface",
            Self::Socket => "to make a socket of AF_XDP",
            Self::Memory => "memory for frames",
            Self::Rings => "to take the memory of the frames",
            Self::Bind => "to bind a socket to a queue of the interface",
        }
    }
}

/// Why AF_XDP is not possible.
#[derive(Debug)]
pub enum XdpError {
    /// A line has an address of IPv6.
    NotIpv4(SocketAddr),
    /// No interface of this machine has this address.
    NoInterface(Ipv4Addr),
    /// It is the loopback interface, which has no card.
    Loopback {
        /// Its name.
        interface: String,
    },
    /// A program is attached to the interface already.
    Taken {
        /// Its name.
        interface: String,
    },
    /// It has more queues than a program of ours serves.
    Queues {
        /// Its name.
        interface: String,
    },
    /// The system refused a step.
    System {
        /// Which.
        step: XdpStep,
        /// For which interface; empty before there is one.
        interface: String,
        /// What it says.
        error: io::Error,
        /// What its verifier says of the program.
        log: String,
    },
}

impl fmt::Display for XdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIpv4(address) => {
                write!(f, "the line at {address} is of IPv6: take an address of IPv4")
            }
            Self::NoInterface(address) => write!(
                f,
                "no network interface of this machine has the address {address}: set feed.interface (and \
                 feed.interface_b) to that of the one the lines come in by (`ip -br addr`)"
            ),
            Self::Loopback { interface } => write!(
                f,
                "{interface} is the loopback interface, which has no driver to take frames from: set feed.interface to a \
                 card's address (scripts/lab makes a pair of them on one machine)"
            ),
            Self::Taken { interface } => write!(
                f,
                "{interface} has an XDP program already, or a socket of one: `ip -d link show dev {interface}` tells which. \
                 If it is called coretick, another coretick reads that interface, or is about to end: end it. Else detach it \
                 (`ip link set dev {interface} xdp off`)"
            ),
            Self::Queues { interface } => write!(
                f,
                "{interface} has more than {QUEUES_MAX} queues, and what came by the others would be missed: take fewer \
                 (`ethtool -L {interface} combined {QUEUES_MAX}`)"
            ),
            Self::System { step, interface, error, log } => {
                write!(f, "the system refused {}", step.words())?;
                if !interface.is_empty() {
                    write!(f, " ({interface})")?;
                }
                write!(f, ": {error}; {}", advice(*step, error))?;
                if !log.is_empty() {
                    write!(f, "; its verifier says: {log}")?;
                }
                Ok(())
            }
        }
    }
}

/// What to do.
fn advice(step: XdpStep, error: &io::Error) -> &'static str {
    match (step, error.raw_os_error()) {
        (_, Some(libc::EPERM | libc::EACCES)) => {
            "it takes the capabilities NET_ADMIN, NET_RAW and BPF: run it as root, or `setcap \
             cap_net_admin,cap_net_raw,cap_bpf+ep` on the program"
        }
        (XdpStep::Rings | XdpStep::Memory | XdpStep::Map, Some(libc::ENOBUFS | libc::ENOMEM)) => {
            "too little memory may be locked: raise the limit (`ulimit -l`, LimitMEMLOCK= of a systemd unit), give it the \
             capability IPC_LOCK, or lower feed.receive_buffer_kib"
        }
        (XdpStep::Socket, Some(libc::EAFNOSUPPORT)) => {
            "the kernel was built without CONFIG_XDP_SOCKETS"
        }
        (XdpStep::Map | XdpStep::Program, Some(libc::ENOSYS)) => {
            "the kernel was built without bpf()"
        }
        (XdpStep::Attach | XdpStep::Map | XdpStep::Program, Some(libc::EINVAL)) => {
            "the kernel is older than 5.9, the first that has all it takes, or the driver does not take programs"
        }
        (XdpStep::Attach, _) => {
            "the driver does not take programs, or not with this MTU (`ip link show`)"
        }
        _ => "see what the system says",
    }
}

impl error::Error for XdpError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::System { error, .. } => Some(error),
            _ => None,
        }
    }
}
