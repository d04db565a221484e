//! Lines read by AF_XDP: a program in the card's driver puts their frames into memory of ours, past the kernel's network.
//!
//! ```text
//! frame ─► program ─► ours? ─► the socket of its queue ─► of which line? ─► its datagram
//!                       └ no ─► the kernel's network ─► the line's plain socket, now and then
//! ```
//!
//! Each interface that a line comes in by has one program, and a socket a queue: by which queue a group comes, the card decides.
//! Two lines may share an interface: what comes for the one while the other is asked for waits its turn. Groups are joined by a
//! plain socket, as ever; it is read too, since datagrams that the program leaves alone (parts of a datagram, options) come by it.
//!
//! A frame is what the card gives: its checksums were the card's to check (in Ethernet's own, at least). Headers are checked,
//! and address and port; what is not right is counted. There is no time of the kernel's.

mod error;
mod program;
mod ring;
mod sys;

#[cfg(test)]
mod tests;

use super::line::{Line as _, LineError, LineSettings, Received};
use super::socket::LineSocket;
use crate::base::clock::Wall;
use crate::base::unit::Nanos;
use crate::wire::udp::{Datagram, ETHERNET_HEADER, IPV4_HEADER, Link, UDP_HEADER};
pub use error::{XdpError, XdpStep};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use program::Target;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use sys::{FRAME, Frame, Mode, QUEUES_MAX, Queue};

/// Times that nothing was there until the plain socket is looked at: a look takes as long as some hundred that find nothing,
/// and a frame that comes meanwhile waits for its end.
const ASIDE_EVERY: u32 = 1 << 12;
/// And until the kernel is asked what it dropped, if it had no frame left: that is a call, and no input.
const FIGURES_EVERY: u32 = 1 << 16;
/// Frames that one look at a queue takes out of it, at most: what is not for the line that is asked for takes its time too.
const LOOK_MAX: u32 = 64;
/// Bytes of the kernel's buffer for what the program leaves alone.
const ASIDE_BUFFER: usize = 1 << 18;
/// A queue whose socket was closed is free within this.
const RELEASED_WITHIN: Nanos = Nanos(500_000_000);
/// Frames of a queue, at least and at most.
const FRAMES_MIN: usize = 64;
const FRAMES_MAX: usize = 1 << 18;
/// Bytes before a datagram of a frame that the program took.
const HEADERS: usize = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER;

/// An interface with its program.
struct Port {
    /// As long as it lives the program is attached: it goes first.
    _link: OwnedFd,
    _map: OwnedFd,
    name: String,
    mode: Mode,
    queues: Vec<Queue>,
    /// Where to look next.
    next: usize,
    /// Frames that its queues dropped, when last asked.
    drops: u64,
    /// Frames that were none of a line's.
    strange: u64,
}

impl Port {
    fn open(name: &str, index: u32, targets: &[Target], frames: u32) -> Result<Self, XdpError> {
        let failed = |step| {
            move |error: io::Error| match (step, error.raw_os_error()) {
                (XdpStep::Attach | XdpStep::Bind, Some(libc::EBUSY | libc::EEXIST)) => {
                    XdpError::Taken { interface: name.into() }
                }
                _ => XdpError::System { step, interface: name.into(), error, log: String::new() },
            }
        };
        let map = sys::make_map().map_err(failed(XdpStep::Map))?;
        let program = load(targets, &map, name)?;
        let native = sys::attach(&program, index, Mode::Native).map(|link| (link, Mode::Native));
        let attached = native.or_else(|error| match error.raw_os_error() {
            Some(libc::EBUSY | libc::EEXIST | libc::EPERM) => Err(error),
            _ => sys::attach(&program, index, Mode::Generic).map(|link| (link, Mode::Generic)),
        });
        let (link, mode) = attached.map_err(failed(XdpStep::Attach))?;
        let mut queues = Vec::new();
        // One more than there may be: what comes by a queue without a socket would be missed.
        for queue in 0..=QUEUES_MAX {
            match opened(index, queue, frames) {
                Ok(_) if queue == QUEUES_MAX => {
                    return Err(XdpError::Queues { interface: name.into() });
                }
                Ok(opened) => {
                    let put = sys::put(&map, queue, opened.descriptor());
                    put.map_err(failed(XdpStep::Map))?;
                    queues.push(opened);
                }
                // There are no more.
                Err((XdpStep::Bind, error))
                    if queue > 0 && error.raw_os_error() == Some(libc::EINVAL) =>
                {
                    break;
                }
                Err((step, error)) => return Err(failed(step)(error)),
            }
        }
        let name = name.into();
        Ok(Self { _link: link, _map: map, name, mode, queues, next: 0, drops: 0, strange: 0 })
    }

    #[cold]
    fn count_drops(&mut self) {
        self.drops = self.queues.iter().map(Queue::drops).sum();
    }

    /// What it is, for a person.
    fn note(&self) -> String {
        let Self { name, mode, queues, strange, .. } = self;
        let mode = match mode {
            Mode::Native => "by the driver",
            Mode::Generic => "by the kernel, since the driver takes no programs",
        };
        let copy = if queues.iter().all(Queue::is_zero_copy) { "zero copy" } else { "copied" };
        let mut note =
            format!("AF_XDP on {name}: frames are taken {mode}, {copy}, queues: {}", queues.len());
        if *strange > 0 {
            note += &format!("; {strange} frames were no line's");
        }
        note
    }
}

/// Opens a queue's socket. One that has just been closed keeps its queue for a moment.
fn opened(index: u32, queue: u32, frames: u32) -> Result<Queue, (XdpStep, io::Error)> {
    let wall = Wall::set();
    let end = wall.now().plus(RELEASED_WITHIN);
    loop {
        match Queue::open(index, queue, frames) {
            Err((XdpStep::Bind, error))
                if error.raw_os_error() == Some(libc::EBUSY) && wall.now() < end => {}
            done => return done,
        }
    }
}

fn load(targets: &[Target], map: &OwnedFd, interface: &str) -> Result<OwnedFd, XdpError> {
    let step = XdpStep::Program;
    sys::load(&program::assemble(targets, map.as_raw_fd()))
        .map_err(|(error, log)| XdpError::System { step, interface: interface.into(), error, log })
}

/// A line.
struct XdpLine {
    target: Target,
    /// Its place among the ports.
    port: usize,
    /// Where the group is joined, and what the program leaves alone comes.
    aside: LineSocket,
    /// What came while the other line was asked for: queue and frame.
    waiting: VecDeque<(usize, Frame)>,
    /// Times that nothing was there.
    idle: u32,
    /// Datagrams that the program left alone.
    left: u64,
}

impl XdpLine {
    #[inline]
    fn takes(&self, port: usize, to: Target) -> bool {
        let Target { address, port: number } = self.target;
        self.port == port
            && number == to.port
            && (address == to.address || address.is_unspecified())
    }
}

/// Where the frame of the last datagram goes back to.
struct Lent {
    port: usize,
    queue: usize,
    frame: Frame,
}

/// Both lines.
pub struct XdpLines {
    ports: Vec<Port>,
    lines: [Option<XdpLine>; 2],
    lent: Option<Lent>,
}

impl XdpLines {
    /// Joins the lines' groups, and attaches a program to each of their interfaces.
    ///
    /// # Errors
    /// If a line's socket cannot be had, or AF_XDP is not possible.
    pub(super) fn open(settings: &LineSettings) -> Result<Self, LineError> {
        let frames = frames(settings);
        let places = places(settings).map_err(LineError::Xdp)?;
        let mut lines = [None, None];
        for (port, place) in places.iter().enumerate() {
            for &(line, address, target) in &place.lines {
                let interface = settings.interfaces[line];
                let aside = LineSocket::open(address, interface, ASIDE_BUFFER)
                    .map_err(|error| LineError::Socket { address, interface, error })?;
                let waiting = VecDeque::new();
                lines[line] = Some(XdpLine { target, port, aside, waiting, idle: 0, left: 0 });
            }
        }
        let ports = places.iter().map(|place| {
            Port::open(&place.name, place.index, &place.targets(), frames).map_err(LineError::Xdp)
        });
        let ports: Vec<Port> = ports.collect::<Result<_, _>>()?;
        for line in lines.iter_mut().flatten() {
            // All frames that there are: it never grows.
            line.waiting.reserve(ports[line.port].queues.len() * frames as usize);
        }
        Ok(Self { ports, lines, lent: None })
    }

    /// The next datagram of a line.
    #[inline]
    pub(super) fn receive(&mut self, line: usize) -> Option<Received<'_>> {
        if let Some(Lent { port, queue, frame }) = self.lent.take() {
            self.ports[port].queues[queue].give(frame);
        }
        let XdpLine { port, waiting, .. } = self.lines[line].as_mut()?;
        let port = *port;
        let next = waiting.pop_front().or_else(|| self.take(line, port));
        let Some((queue, frame)) = next else { return self.look_aside(line) };
        let lent = self.lent.insert(Lent { port, queue, frame });
        let bytes = self.ports[port].queues[queue].bytes(&lent.frame);
        Some(Received { bytes, kernel: None })
    }

    /// The next frame of a line, its datagram; those of the other line have to wait.
    #[inline]
    fn take(&mut self, line: usize, port: usize) -> Option<(usize, Frame)> {
        let Self { ports, lines, .. } = self;
        let Port { queues, next, strange, .. } = &mut ports[port];
        let count = queues.len();
        for _ in 0..count {
            let place = *next;
            // The others have their turn, however busy this one is.
            *next = if place + 1 == count { 0 } else { place + 1 };
            match sort(&mut queues[place], lines, (port, place), line, strange) {
                Sorted::Ours(frame) => return Some((place, frame)),
                Sorted::Empty => queues[place].rest(),
                Sorted::Others => {}
            }
        }
        None
    }

    /// Nothing came by the program: now and then, what it left alone.
    fn look_aside(&mut self, line: usize) -> Option<Received<'_>> {
        let XdpLine { port, aside, idle, left, .. } = self.lines[line].as_mut()?;
        *idle = idle.wrapping_add(1);
        if idle.is_multiple_of(FIGURES_EVERY) {
            let port = &mut self.ports[*port];
            let ran_out = |any, queue: &mut Queue| queue.ran_out() | any;
            if port.queues.iter_mut().fold(false, ran_out) {
                port.count_drops();
            }
        }
        if !idle.is_multiple_of(ASIDE_EVERY) {
            return None;
        }
        let received = aside.receive()?;
        // There may be more: it is looked at again the next time.
        *idle = idle.wrapping_sub(1);
        *left += 1;
        Some(received)
    }

    /// Bytes of the frames that a line's datagrams come into.
    pub(super) fn receive_buffers(&self) -> [usize; 2] {
        self.of_each(|line| self.ports[line.port].queues.iter().map(Queue::size).sum())
    }

    /// Asks the kernel what it dropped: also for other reasons than want of room.
    pub(super) fn count_drops(&mut self) {
        self.ports.iter_mut().for_each(Port::count_drops);
    }

    /// What was dropped on a line's way, as far as it is known without asking. What an interface drops is the first line's that
    /// comes by it.
    pub(super) fn drops(&self) -> [u64; 2] {
        self.by_port(|port| port.drops, |line| line.aside.drops())
    }

    /// Times that reading failed, and frames that were no line's, counted likewise.
    pub(super) fn errors(&self) -> [u64; 2] {
        self.by_port(|port| port.strange, |line| line.aside.errors())
    }

    /// What a person may want to know.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.ports.iter().map(Port::note).collect();
        let left: u64 = self.of_each(|line| line.left).iter().sum();
        if left > 0 {
            notes.push(format!(
                "{left} datagrams came by the plain socket: from before the program was attached, or as it leaves them alone"
            ));
        }
        notes
    }

    fn of_each<T: Default>(&self, of: impl Fn(&XdpLine) -> T) -> [T; 2] {
        self.lines.each_ref().map(|line| line.as_ref().map_or_else(T::default, &of))
    }

    fn by_port(
        &self,
        of_port: impl Fn(&Port) -> u64,
        of_line: impl Fn(&XdpLine) -> u64,
    ) -> [u64; 2] {
        let mut counts = self.of_each(of_line);
        for (place, port) in self.ports.iter().enumerate() {
            let is_on = |line: &Option<XdpLine>| line.as_ref().is_some_and(|it| it.port == place);
            if let Some(line) = self.lines.iter().position(is_on) {
                counts[line] += of_port(port);
            }
        }
        counts
    }
}

/// What a queue is to those who sort its frames.
trait Frames {
    /// The next frame, if one has come.
    fn take(&mut self) -> Option<Frame>;
    /// What a frame holds.
    fn bytes(&self, frame: &Frame) -> &[u8];
    /// Gives a frame back.
    fn give(&mut self, frame: Frame);
}

/// What came of a look at a queue.
enum Sorted {
    /// A datagram of the line that was asked for.
    Ours(Frame),
    /// Nothing, and nothing is there any more.
    Empty,
    /// As many as one look may take, none of them that line's; there may be more.
    Others,
}

/// Looks for a line's next frame in queue `place` of `port`: those of the other line have to wait, those of none are counted in
/// `strange` and given back. However many of these come, the shard goes on to its other work in between.
#[inline]
fn sort(
    queue: &mut impl Frames,
    lines: &mut [Option<XdpLine>; 2],
    (port, place): (usize, usize),
    line: usize,
    strange: &mut u64,
) -> Sorted {
    for _ in 0..LOOK_MAX {
        let Some(mut frame) = queue.take() else { return Sorted::Empty };
        let found = datagram(queue.bytes(&frame)).and_then(|(to, length)| {
            frame.narrow(HEADERS, length);
            let is_of = |it: &Option<XdpLine>| it.as_ref().is_some_and(|it| it.takes(port, to));
            lines.iter().position(is_of)
        });
        match found.and_then(|found| Some((found, lines[found].as_mut()?))) {
            Some((found, _)) if found == line => return Sorted::Ours(frame),
            Some((_, other)) => other.waiting.push_back((place, frame)),
            None => {
                *strange += 1;
                queue.give(frame);
            }
        }
    }
    Sorted::Others
}

/// Whether AF_XDP is possible, without attaching anything; on which interfaces.
///
/// # Errors
/// Why not.
pub(super) fn probe(settings: &LineSettings) -> Result<String, XdpError> {
    let places = places(settings)?;
    for place in &places {
        let failed = |step| {
            let interface = place.name.clone();
            move |error| XdpError::System { step, interface, error, log: String::new() }
        };
        sys::make_socket().map_err(failed(XdpStep::Socket))?;
        let map = sys::make_map().map_err(failed(XdpStep::Map))?;
        load(&place.targets(), &map, &place.name)?;
    }
    let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
    let (count, kib) = (frames(settings), frames(settings) as usize * FRAME / 1_024);
    Ok(format!("possible here, on {}: {count} frames a queue, {kib} KiB", names.join(" and ")))
}

/// Frames of a queue: as many as fit what was asked for, a power of two.
fn frames(settings: &LineSettings) -> u32 {
    let wanted = (settings.receive_buffer / FRAME).clamp(FRAMES_MIN, FRAMES_MAX);
    1 << wanted.ilog2()
}

/// An interface, and the lines that come by it: which, where to, and as the program knows it.
struct Place {
    name: String,
    index: u32,
    lines: Vec<(usize, SocketAddr, Target)>,
}

impl Place {
    fn targets(&self) -> Vec<Target> {
        self.lines.iter().map(|(_, _, target)| *target).collect()
    }
}

/// The interfaces that lines come by.
fn places(settings: &LineSettings) -> Result<Vec<Place>, XdpError> {
    let mut places: Vec<Place> = Vec::new();
    for (line, address) in settings.lines.into_iter().enumerate() {
        let Some(address) = address else { continue };
        let IpAddr::V4(to) = address.ip() else { return Err(XdpError::NotIpv4(address)) };
        let target = Target { address: to, port: address.port() };
        let (name, index) = interface(settings.interfaces[line])?;
        match places.iter_mut().find(|place| place.index == index) {
            Some(place) => place.lines.push((line, address, target)),
            None => places.push(Place { name, index, lines: vec![(line, address, target)] }),
        }
    }
    Ok(places)
}

/// The name and number of the interface that has this address.
fn interface(address: Ipv4Addr) -> Result<(String, u32), XdpError> {
    let step = XdpStep::Interfaces;
    let failed = |error: nix::Error| XdpError::System {
        step,
        interface: String::new(),
        error: error.into(),
        log: String::new(),
    };
    for found in getifaddrs().map_err(failed)? {
        let has = found.address.and_then(|it| it.as_sockaddr_in().map(|it| it.ip()));
        if has != Some(address) {
            continue;
        }
        let name = found.interface_name;
        if found.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            return Err(XdpError::Loopback { interface: name });
        }
        let index = if_nametoindex(name.as_str()).map_err(failed)?;
        return Ok((name, index));
    }
    Err(XdpError::NoInterface(address))
}

/// Where a frame is sent to, and how long the datagram is that stands behind its headers; `None` if there is none.
#[inline]
fn datagram(frame: &[u8]) -> Option<(Target, usize)> {
    let Datagram { port, payload } = Datagram::parse(Link::Ethernet, frame).ok()?;
    // As the program lets them through: IPv4 without options, no VLAN.
    if frame[12..15] != [0x08, 0x00, 0x45] {
        return None;
    }
    let address = Ipv4Addr::from(*frame[30..].first_chunk::<4>()?);
    Some((Target { address, port }, payload.len()))
}
