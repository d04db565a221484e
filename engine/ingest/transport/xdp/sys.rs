//! What AF_XDP asks of the kernel: maps, programs and links by `bpf()`, sockets with their memory and rings. Nothing is decided
//! here.
//!
//! What must hold:
//! * A frame belongs to the kernel while it is in the fill ring or on its way, and to us from when the receive ring names it
//!   until it is given back. It is read in between only: [`Queue`] lends it under `&self`, and gives back under `&mut self`.
//! * Of each ring one end is ours: we store our count and load the kernel's, releasing and acquiring.
//! * Rings are unmapped before the socket is closed, or its queue stays taken.
//! * The link is a descriptor: however the process ends, it goes with it, and the program with it.
#![allow(unsafe_code)]

use super::ring::{Reader, Writer};
use super::{Frames, XdpStep as Step};
use libc::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of a frame's place: a page, of which the kernel keeps 256.
pub(super) const FRAME: usize = 4_096;
/// Queues of an interface, at most.
pub(super) const QUEUES_MAX: u32 = 64;
/// Bytes of a huge page.
const HUGE: usize = 2 << 20;

// Commands of bpf(), kinds of maps, programs and links, flags: as in the kernel's <linux/bpf.h> and <linux/if_link.h>.
const MAP_CREATE: c_int = 0;
const MAP_UPDATE: c_int = 2;
const PROGRAM_LOAD: c_int = 5;
const LINK_CREATE: c_int = 28;
const XSKMAP: u32 = 17;
const XDP_PROGRAM: u32 = 6;
const AT_XDP: u32 = 37;
const BY_THE_KERNEL: u32 = 1 << 1;
const BY_THE_DRIVER: u32 = 1 << 2;

/// What our program and map are called: what `ip -d link` and `bpftool` show.
const NAME: [u8; 16] = *b"coretick\0\0\0\0\0\0\0\0";

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// By the card's driver, before the kernel has made anything of a frame.
    Native,
    /// By the kernel, for drivers that cannot.
    Generic,
}

/// Calls bpf() with a command's attributes, whose descriptor is given back if it makes one.
fn bpf<T>(command: c_int, attributes: &T) -> io::Result<RawFd> {
    // SAFETY: the attributes are those of the command, and the kernel reads no more than their size.
    let made =
        unsafe { libc::syscall(libc::SYS_bpf, command, ptr::from_ref(attributes), size_of::<T>()) };
    RawFd::try_from(checked(made)?).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made it for us.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// Makes the map from an interface's queues to sockets.
pub(super) fn make_map() -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        kind: u32,
        key_size: u32,
        value_size: u32,
        entries: u32,
        flags: u32,
        inner: u32,
        node: u32,
        name: [u8; 16],
    }
    let attributes = Attributes {
        kind: XSKMAP,
        key_size: 4,
        value_size: 4,
        entries: QUEUES_MAX,
        flags: 0,
        inner: 0,
        node: 0,
        name: NAME,
    };
    bpf(MAP_CREATE, &attributes).map(owned)
}

/// Puts a queue's socket into the map.
pub(super) fn put(map: &OwnedFd, queue: u32, socket: RawFd) -> io::Result<()> {
    #[repr(C)]
    struct Attributes {
        map: u32,
        padding: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let value = socket.cast_unsigned();
    let attributes = Attributes {
        map: map.as_raw_fd().cast_unsigned(),
        padding: 0,
        key: ptr::from_ref(&queue) as u64,
        value: ptr::from_ref(&value) as u64,
        flags: 0,
    };
    bpf(MAP_UPDATE, &attributes).map(drop)
}

/// Loads a program. If the kernel does not take it, what its verifier says of it comes with the error.
pub(super) fn load(code: &[u64]) -> Result<OwnedFd, (io::Error, String)> {
    #[repr(C)]
    struct Attributes {
        kind: u32,
        count: u32,
        code: u64,
        licence: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel: u32,
        flags: u32,
        name: [u8; 16],
        interface: u32,
        attach: u32,
    }
    let mut log = vec![0_u8; 1 << 16];
    let mut attributes = Attributes {
        kind: XDP_PROGRAM,
        count: code.len() as u32,
        code: code.as_ptr() as u64,
        licence: c"MIT OR Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel: 0,
        flags: 0,
        name: NAME,
        interface: 0,
        attach: AT_XDP,
    };
    let error = match bpf(PROGRAM_LOAD, &attributes) {
        Ok(program) => return Ok(owned(program)),
        Err(error) => error,
    };
    // Once more, to hear why: asking at once would have every program's log written.
    attributes.log_level = 1;
    attributes.log_size = log.len() as u32;
    attributes.log = log.as_mut_ptr() as u64;
    match bpf(PROGRAM_LOAD, &attributes) {
        Ok(program) => Ok(owned(program)),
        Err(_) => {
            let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
            Err((error, String::from_utf8_lossy(&log[..end]).trim().into()))
        }
    }
}

/// Attaches a program to an interface for as long as the descriptor lives.
pub(super) fn attach(program: &OwnedFd, interface: u32, mode: Mode) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        program: u32,
        interface: u32,
        attach: u32,
        flags: u32,
    }
    let flags = match mode {
        Mode::Native => BY_THE_DRIVER,
        Mode::Generic => BY_THE_KERNEL,
    };
    let program = program.as_raw_fd().cast_unsigned();
    bpf(LINK_CREATE, &Attributes { program, interface, attach: AT_XDP, flags }).map(owned)
}

/// Memory of ours that the kernel sees.
struct Mapping {
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: whoever has it has all of it.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(size: usize, flags: c_int, descriptor: RawFd, offset: i64) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, wherever the kernel likes.
        let base = unsafe { libc::mmap(ptr::null_mut(), size, access, flags, descriptor, offset) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(base.cast())
            .map(|base| Self { base, size })
            .ok_or(io::ErrorKind::OutOfMemory.into())
    }

    /// Zeros, on huge pages if there are any. What is registered as frames is pinned by it, and so never swapped.
    fn of_frames(size: usize) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        if size.is_multiple_of(HUGE)
            && let Ok(huge) = Self::new(size, flags | libc::MAP_HUGETLB, -1, 0)
        {
            return Ok(huge);
        }
        Self::new(size, flags, -1, 0)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: as it was mapped, and nobody looks at it any more. That it fails would be a bug, and leaks.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.size) };
    }
}

/// A ring of `T` that is shared with the kernel.
struct Shared<T> {
    memory: Mapping,
    offsets: libc::xdp_ring_offset,
    slots: usize,
    of: std::marker::PhantomData<T>,
}

impl<T: Copy> Shared<T> {
    fn map(
        socket: &OwnedFd,
        offsets: libc::xdp_ring_offset,
        slots: u32,
        at: i64,
    ) -> io::Result<Self> {
        let slots = slots as usize;
        let size = offsets.desc as usize + slots * size_of::<T>();
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        let memory = Mapping::new(size, flags, socket.as_raw_fd(), at)?;
        Ok(Self { memory, offsets, slots, of: std::marker::PhantomData })
    }

    /// The count at this offset.
    #[inline]
    fn count(&self, offset: u64) -> &AtomicU32 {
        // SAFETY: the kernel says that an aligned count is there, within what was mapped; it is only ever accessed as one.
        unsafe { self.memory.base.add(offset as usize).cast().as_ref() }
    }

    /// Where slot `slot` is.
    #[inline]
    fn slot(&self, slot: usize) -> NonNull<T> {
        assert!(slot < self.slots, "slots are found by a mask");
        // SAFETY: within what was mapped.
        unsafe { self.memory.base.add(self.offsets.desc as usize).cast::<T>().add(slot) }
    }
}

/// A frame that was received: whoever has it may read it.
#[derive(Debug)]
pub(super) struct Frame {
    start: usize,
    length: usize,
}

impl Frame {
    /// One of so many bytes, from `start` on.
    #[cfg(test)]
    pub(super) fn at(start: usize, length: usize) -> Self {
        Self { start, length }
    }

    /// Leaves nothing but `length` bytes behind the first `skip` to be read.
    #[inline]
    pub(super) fn narrow(&mut self, skip: usize, length: usize) {
        assert!(skip + length <= self.length, "a part of it");
        (self.start, self.length) = (self.start + skip, length);
    }
}

/// The socket of one queue of an interface, with its frames and rings.
pub(super) struct Queue {
    receive: Shared<libc::xdp_desc>,
    reader: Reader,
    fill: Shared<u64>,
    writer: Writer,
    /// Frames given back that the kernel was not told of.
    untold: u32,
    /// The kernel had no frame left.
    ran_out: bool,
    socket: OwnedFd,
    frames: Mapping,
}

/// Frames given back until the kernel is told, at most.
const UNTOLD_MAX: u32 = 32;

impl Queue {
    /// Opens a socket for `queue` of an interface, with so many frames (a power of two).
    pub(super) fn open(interface: u32, queue: u32, frames: u32) -> Result<Self, (Step, io::Error)> {
        let at = |step| move |error| (step, error);
        let socket = make_socket().map_err(at(Step::Socket))?;
        let memory = Mapping::of_frames(frames as usize * FRAME).map_err(at(Step::Memory))?;
        let region = libc::xdp_umem_reg {
            addr: memory.base.as_ptr() as u64,
            len: memory.size as u64,
            chunk_size: FRAME as u32,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        let rings = at(Step::Rings);
        set(&socket, libc::XDP_UMEM_REG, &region).map_err(rings)?;
        set(&socket, libc::XDP_UMEM_FILL_RING, &frames).map_err(rings)?;
        // Nothing is sent; the kernel asks for this ring all the same, and it is never looked at.
        set(&socket, libc::XDP_UMEM_COMPLETION_RING, &1_u32).map_err(rings)?;
        set(&socket, libc::XDP_RX_RING, &frames).map_err(rings)?;
        // SAFETY: numbers, all of which may be zero.
        let mut offsets: libc::xdp_mmap_offsets = unsafe { std::mem::zeroed() };
        get(&socket, libc::XDP_MMAP_OFFSETS, &mut offsets).map_err(rings)?;
        let receive = Shared::map(&socket, offsets.rx, frames, libc::XDP_PGOFF_RX_RING);
        let receive = receive.map_err(rings)?;
        let fill = libc::XDP_UMEM_PGOFF_FILL_RING as i64;
        let fill = Shared::map(&socket, offsets.fr, frames, fill).map_err(rings)?;
        let (reader, writer) = (Reader::new(frames), Writer::new(frames));
        let mut opened = Self {
            receive,
            reader,
            fill,
            writer,
            untold: 0,
            ran_out: false,
            socket,
            frames: memory,
        };
        for frame in 0..frames as usize {
            opened.give(Frame { start: frame * FRAME, length: 0 });
        }
        opened.tell();
        opened.ran_out = false;
        // Zero copy where the driver has it, else copies: without either flag the kernel takes what it can.
        let address = libc::sockaddr_xdp {
            sxdp_family: libc::AF_XDP as u16,
            sxdp_flags: libc::XDP_USE_NEED_WAKEUP,
            sxdp_ifindex: interface,
            sxdp_queue_id: queue,
            sxdp_shared_umem_fd: 0,
        };
        let size = size_of_val(&address) as libc::socklen_t;
        // SAFETY: an address of that family and size.
        let bound =
            unsafe { libc::bind(opened.socket.as_raw_fd(), ptr::from_ref(&address).cast(), size) };
        checked(bound.into()).map_err(at(Step::Bind))?;
        Ok(opened)
    }

    /// The socket, for the map.
    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Bytes of its frames.
    pub(super) fn size(&self) -> usize {
        self.frames.size
    }

    /// Whether the card writes into the frames itself.
    pub(super) fn is_zero_copy(&self) -> bool {
        let mut options = libc::xdp_options { flags: 0 };
        get(&self.socket, libc::XDP_OPTIONS, &mut options).is_ok()
            && options.flags & libc::XDP_OPTIONS_ZEROCOPY != 0
    }

    /// Whether the kernel had no frame left, some time since the last question: then it dropped what came. No call of the system is
    /// needed to know that.
    pub(super) fn ran_out(&mut self) -> bool {
        std::mem::take(&mut self.ran_out)
    }

    /// Frames for us that the kernel dropped: for want of room, or too long for a place.
    pub(super) fn drops(&self) -> u64 {
        // SAFETY: numbers, all of which may be zero.
        let mut figures: libc::xdp_statistics = unsafe { std::mem::zeroed() };
        if get(&self.socket, libc::XDP_STATISTICS, &mut figures).is_err() {
            return 0;
        }
        figures.rx_dropped + figures.rx_ring_full
    }

    /// Nothing has come: tells the kernel of what was given back, and wakes it if it asks for that.
    #[inline]
    pub(super) fn rest(&mut self) {
        if self.untold > 0 {
            self.tell();
        }
        let flags = self.fill.count(self.fill.offsets.flags).load(Ordering::Relaxed);
        if flags & libc::XDP_RING_NEED_WAKEUP != 0 {
            self.wake();
        }
    }

    #[inline]
    fn tell(&mut self) {
        // Nothing but this gives it frames: were there none, there still are none.
        // Relaxed: it is judged by the count alone.
        let put = self.receive.count(self.receive.offsets.producer).load(Ordering::Relaxed);
        self.ran_out |= self.writer.all().wrapping_sub(self.untold) == put;
        // Release: what was read is read, and slots that were written are seen; each pairs with the kernel's acquiring load.
        let taken = self.receive.count(self.receive.offsets.consumer);
        taken.store(self.reader.taken(), Ordering::Release);
        let given = self.fill.count(self.fill.offsets.producer);
        given.store(self.writer.all(), Ordering::Release);
        self.untold = 0;
    }

    #[cold]
    fn wake(&self) {
        let (none, flags) = (ptr::null_mut::<c_void>(), libc::MSG_DONTWAIT);
        // SAFETY: nothing is read into nothing; that it would wait is its answer.
        unsafe {
            libc::recvfrom(
                self.socket.as_raw_fd(),
                none,
                0,
                flags,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
    }
}

impl Frames for Queue {
    #[inline]
    fn take(&mut self) -> Option<Frame> {
        let slot = match self.reader.take() {
            Some(slot) => slot,
            None => {
                // Acquire: the descriptors and frames below the count are seen; pairs with the kernel's releasing store.
                let put = self.receive.count(self.receive.offsets.producer).load(Ordering::Acquire);
                self.reader.see(put);
                self.reader.take()?
            }
        };
        // SAFETY: the kernel has put it there, and puts nothing else there until it is told that it was taken.
        let descriptor = unsafe { self.receive.slot(slot).read() };
        let start = (descriptor.addr as usize).min(self.frames.size);
        let length = (descriptor.len as usize).min(self.frames.size - start).min(FRAME);
        Some(Frame { start, length })
    }

    #[inline]
    fn bytes(&self, frame: &Frame) -> &[u8] {
        // SAFETY: within the frames, as `take` has seen to, all of them set (zeros at first); and not the kernel's while there is
        // a `Frame` of it.
        unsafe { slice::from_raw_parts(self.frames.base.add(frame.start).as_ptr(), frame.length) }
    }

    /// The kernel is told of it sooner or later.
    #[inline]
    fn give(&mut self, frame: Frame) {
        let slot = self.fill.slot(self.writer.put());
        let start = (frame.start & !(FRAME - 1)) as u64;
        // SAFETY: the kernel does not look at it before it is told. There are as many slots as frames, so it is no other's.
        unsafe { slot.write(start) };
        self.untold += 1;
        if self.untold >= UNTOLD_MAX {
            self.tell();
        }
    }
}

/// A socket of AF_XDP, of nothing yet.
pub(super) fn make_socket() -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let made = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    checked(made.into())?;
    Ok(owned(made))
}

fn set<T>(socket: &OwnedFd, option: c_int, value: &T) -> io::Result<()> {
    let (value, size) = (ptr::from_ref(value).cast(), size_of::<T>() as libc::socklen_t);
    // SAFETY: a value of that size, which is read.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_XDP, option, value, size) };
    checked(done.into()).map(drop)
}

fn get<T>(socket: &OwnedFd, option: c_int, value: &mut T) -> io::Result<()> {
    let mut size = size_of::<T>() as libc::socklen_t;
    let value = ptr::from_mut(value).cast();
    // SAFETY: as many bytes as the value has are written at most, and it is made of numbers only.
    let done =
        unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_XDP, option, value, &mut size) };
    checked(done.into()).map(drop)
}
