//! What the lines of the feed and the connection with a venue have in common where io_uring does their work: rings, a receive
//! that is asked for once and answered again and again ([`Multishot`]), and a send that has ended when it returns ([`Sender`]).
//!
//! What must hold:
//! * A ring is enabled by the thread that first uses it, and used by no other after. It can be made and dropped elsewhere.
//! * What a request points to lives until the request has ended. A receive points to buffers that are the [`Multishot`]'s own,
//!   which takes the request back before they go; if the kernel does not let go, they never do. A send points to what its caller
//!   lends, and is never left under way.
//! * The kernel writes into buffers only while the thread that made the request calls it (`DEFER_TASKRUN`), or, if one was
//!   asked for, on a thread of its own, which is stopped by cancelling the request.
//!
//! Receiving and sending have a ring each: so what is sent never meets what has come and waits to be read, and one completion
//! on the ring of a send is that send's.
#![allow(unsafe_code)]

mod buffers;
mod error;
mod poller;
#[cfg(test)]
mod tests;

use crate::base::clock::Wall;
use crate::base::unit::Nanos;
use buffers::Buffers;
pub use error::UringError;
use io_uring::types::{CancelBuilder, Fixed, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use poller::ring;
pub use poller::{Poller, Sqpoll};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// The only group of buffers of a ring, and the only file.
const GROUP: u16 = 0;
const FILE: Fixed = Fixed(0);
const NO_FILE: i32 = -1;
const GETEVENTS: u32 = 1;
/// A request that was cancelled has ended within this, or never: mostly it has at once. A thread of the kernel's that has to
/// share its CPU needs a turn for it, some milliseconds.
const CANCEL_WITHIN: Nanos = Nanos(1_000_000_000);
/// The longest wait for one completion.
const WAIT: Timespec = Timespec::new().nsec(10_000_000);
/// Bytes that one send takes at most.
const SEND_MAX: usize = 1 << 20;

/// The ring's file is this one, or none. Who has the ring enabled is who may say so.
fn set_file(ring: &IoUring, file: i32) -> io::Result<()> {
    ring.submitter().register_files_update(0, &[file]).map(drop)
}

/// A receive that is made once, and brings one thing after the other, each in a buffer of its own, until it ends. To find
/// nothing costs no call: the kernel is called when it says that it has something.
pub struct Multishot {
    ring: IoUring,
    buffers: Buffers,
    request: squeue::Entry,
    /// What a receive has room for beside a datagram; the kernel reads it while the request is made.
    header: Option<Box<Header>>,
    sqpoll: bool,
    enabled: bool,
    /// A request stands.
    armed: bool,
    /// The buffer of what came last, and how much is in it.
    lent: Option<(u16, usize)>,
    exhausted: u64,
    refused: u64,
}

struct Header(libc::msghdr);

// SAFETY: its pointers are null.
unsafe impl Send for Header {}

/// What a receive brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// What [`Multishot::lent`] is.
    Bytes,
    /// Its end, with the system's number for why; 0: nothing comes any more. Who asks on has it made anew.
    End(i32),
}

impl Multishot {
    /// Of datagrams: in each buffer what [`io_uring::types::RecvMsgOut`] reads, with up to `control` bytes of what the kernel
    /// says beside. `buffers`, a power of two, are of `size` bytes each, whole pages; `poller` does the receiving.
    ///
    /// # Errors
    /// If io_uring is not possible.
    pub fn of_datagrams(
        buffers: u16,
        size: usize,
        control: usize,
        poller: Poller<'_>,
    ) -> Result<Self, UringError> {
        // SAFETY: all of it may be zero: null pointers and lengths of nothing.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_controllen = control as _;
        let header = Box::new(Header(header));
        let request = opcode::RecvMsgMulti::new(FILE, &raw const header.0, GROUP).build();
        Self::new(buffers, size, request, Some(header), poller)
    }

    /// Of a stream's bytes.
    ///
    /// # Errors
    /// If io_uring is not possible.
    pub fn of_stream(buffers: u16, size: usize) -> Result<Self, UringError> {
        Self::new(buffers, size, opcode::RecvMulti::new(FILE, GROUP).build(), None, Poller::Asker)
    }

    fn new(
        buffers: u16,
        size: usize,
        request: squeue::Entry,
        header: Option<Box<Header>>,
        poller: Poller<'_>,
    ) -> Result<Self, UringError> {
        // Each completion but the last of a request has a buffer: twice as many are never reached.
        let ring = ring(4, u32::from(buffers) * 2, poller)?;
        let buffers = Buffers::new(buffers, size);
        buffers.register(&ring)?;
        Ok(Self {
            ring,
            buffers,
            request,
            header,
            sqpoll: poller.is_kernels(),
            enabled: false,
            armed: false,
            lent: None,
            exhausted: 0,
            refused: 0,
        })
    }

    /// Receives from `socket`, which must be one that waits: of one that does not, a request ends with "try again". Nothing
    /// else was attached, or it was detached.
    ///
    /// # Errors
    /// What the system says.
    pub fn attach(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        set_file(&self.ring, socket.as_raw_fd())
    }

    /// Whether there is something to ask for.
    #[inline]
    pub fn has_news(&mut self) -> bool {
        !self.armed || !self.ring.completion().is_empty() || self.has_work()
    }

    /// What comes next; `None` if nothing has come. What came before is the kernel's again.
    #[inline]
    pub fn ask(&mut self) -> Option<Came> {
        self.give_back();
        let mut turned = false;
        loop {
            let Some(entry) = self.completion() else {
                // One turn brings what there is; a request that fails each time is not made for ever.
                if turned || !self.turn() {
                    return None;
                }
                turned = true;
                continue;
            };
            if self.completed(&entry) {
                return Some(Came::Bytes);
            }
            match -entry.result() {
                // Buffers ran out: nothing is lost, what comes waits in the socket, and the request is made anew.
                libc::ENOBUFS => self.exhausted += 1,
                libc::EINTR | libc::EAGAIN => {}
                error => return Some(Came::End(error)),
            }
        }
    }

    /// What came last, until the next is asked for; nothing if that brought nothing.
    #[inline]
    pub fn lent(&self) -> &[u8] {
        self.lent.map_or(&[], |(buffer, length)| self.buffers.bytes(buffer, length))
    }

    /// How datagrams were asked for; `None` for a stream.
    #[inline]
    pub fn header(&self) -> Option<&libc::msghdr> {
        self.header.as_ref().map(|header| &header.0)
    }

    /// Times that the kernel ran out of buffers and was asked anew: nothing is lost by it.
    pub fn exhausted(&self) -> u64 {
        self.exhausted
    }

    /// Times that the kernel did not take a call.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes the request back, and lets go of the socket; what came and was not asked for is gone. False if the kernel does
    /// not let go: then no more can be had of this.
    #[cold]
    pub fn detach(&mut self) -> bool {
        self.give_back();
        self.cancel();
        !self.armed && set_file(&self.ring, NO_FILE).is_ok()
    }

    fn give_back(&mut self) {
        if let Some((buffer, _)) = self.lent.take() {
            self.buffers.give(buffer);
        }
    }

    #[inline]
    fn completion(&mut self) -> Option<cqueue::Entry> {
        self.ring.completion().next()
    }

    /// Takes note of a completion. Whether it brought something.
    #[inline]
    fn completed(&mut self, entry: &cqueue::Entry) -> bool {
        if !cqueue::more(entry.flags()) {
            self.armed = false;
        }
        let Some(buffer) = cqueue::buffer_select(entry.flags()) else { return false };
        match usize::try_from(entry.result()) {
            Ok(length @ 1..) => self.lent = Some((buffer, length)),
            _ => self.buffers.give(buffer),
        }
        self.lent.is_some()
    }

    /// Nothing has come that was not read: has the kernel do what it has to, or asks it anew. False if there is nothing to do.
    #[inline]
    fn turn(&mut self) -> bool {
        if !self.armed {
            return self.arm();
        }
        !self.sqpoll && self.has_work() && self.enter()
    }

    /// Whether the kernel says that there is work for it to do on our thread.
    #[inline]
    fn has_work(&mut self) -> bool {
        let queue = self.ring.submission();
        queue.taskrun() || queue.cq_overflow()
    }

    #[inline]
    fn enter(&mut self) -> bool {
        // SAFETY: no argument is passed.
        let entered = unsafe { self.ring.submitter().enter::<()>(0, 0, GETEVENTS, None) };
        let refused = |error: &io::Error| error.raw_os_error() != Some(libc::EINTR);
        self.refused += u64::from(entered.as_ref().is_err_and(refused));
        entered.is_ok()
    }

    /// Makes the request. False if that failed: it is counted, and tried again at the next turn.
    #[cold]
    fn arm(&mut self) -> bool {
        let asked = self.request();
        self.refused += u64::from(asked.is_err());
        self.armed = asked.is_ok();
        self.armed
    }

    fn request(&mut self) -> io::Result<()> {
        if !self.enabled {
            self.ring.submitter().register_enable_rings()?;
            self.enabled = true;
        }
        if self.ring.submission().is_empty() {
            // SAFETY: what the request points to is a box of ours; buffers are those of the group. Both outlive it (see Drop).
            let pushed = unsafe { self.ring.submission().push(&self.request) };
            pushed.map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))?;
        }
        self.ring.submit().map(drop)
    }

    /// Has the request end, and takes what it brought as read. If the kernel does not let it end in time, it stays armed.
    fn cancel(&mut self) {
        if !self.armed {
            return;
        }
        let wall = Wall::set();
        let end = wall.now().plus(CANCEL_WITHIN);
        // What a thread of the kernel's has not taken yet cannot be cancelled; it may need this CPU to take it.
        while self.sqpoll && !self.ring.submission().is_empty() && wall.now() < end {
            if self.ring.submit().is_err() {
                break;
            }
            std::thread::yield_now();
        }
        let within = Timespec::from(Duration::from_nanos(CANCEL_WITHIN.0));
        // Whatever it answers, no request is left then; its last word is still to come.
        let _ = self.ring.submitter().register_sync_cancel(Some(within), CancelBuilder::any());
        loop {
            while let Some(entry) = self.completion() {
                self.completed(&entry);
                self.give_back();
            }
            if !self.armed || wall.now() >= end || !self.wait() {
                break;
            }
        }
    }

    /// Waits for a completion, not for long. False if there is no waiting: on another thread than that of the request.
    fn wait(&mut self) -> bool {
        let args = SubmitArgs::new().timespec(&WAIT);
        match self.ring.submitter().submit_with_args(1, &args) {
            Ok(_) => true,
            Err(error) => matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR)),
        }
    }
}

impl Drop for Multishot {
    fn drop(&mut self) {
        // On another thread than that of the request nothing can be cancelled, nor does the kernel write there.
        self.cancel();
        if self.armed && self.sqpoll {
            // A thread of the kernel's that never had its turn may still write: what it writes into is nobody else's, ever.
            self.buffers.abandon();
            std::mem::forget(self.header.take());
        }
    }
}

/// Sends that have ended when they return: each takes as much as the socket has room for now, and leaves nothing under way. So
/// the bytes may be the caller's own, they leave in order, and what was not taken can still be called back.
pub struct Sender {
    ring: IoUring,
    enabled: bool,
    /// The kernel did not take a request, which is still in the ring, and must never be taken.
    broken: bool,
}

impl Sender {
    /// One without a socket.
    ///
    /// # Errors
    /// If io_uring is not possible.
    pub fn new() -> Result<Self, UringError> {
        Ok(Self { ring: ring(1, 2, Poller::Asker)?, enabled: false, broken: false })
    }

    /// Sends to `socket` from here on, from this thread.
    ///
    /// # Errors
    /// What the system says.
    pub fn attach(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        if !self.enabled {
            self.ring.submitter().register_enable_rings()?;
            self.enabled = true;
        }
        set_file(&self.ring, socket.as_raw_fd())
    }

    /// Lets go of the socket. False if the kernel does not, or no more can be sent by this.
    #[cold]
    pub fn detach(&mut self) -> bool {
        !self.broken && set_file(&self.ring, NO_FILE).is_ok()
    }

    /// Sends what fits of `bytes`; how many that was.
    ///
    /// # Errors
    /// What the system says: "would block" where nothing fits now.
    #[inline]
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let length = bytes.len().min(SEND_MAX) as u32;
        // A send that may not wait ends within the call that submits it, whatever comes of it.
        let request = opcode::Send::new(FILE, bytes.as_ptr(), length)
            .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            .build();
        // SAFETY: the bytes are lent until this returns; then the request has ended, or is never taken.
        let pushed = unsafe { self.ring.submission().push(&request) };
        let submitted = if pushed.is_ok() { self.ring.submit() } else { Ok(0) };
        if !matches!(submitted, Ok(1)) {
            self.broken = true;
            return Err(submitted.err().unwrap_or(io::ErrorKind::BrokenPipe.into()));
        }
        loop {
            if let Some(entry) = self.ring.completion().next() {
                let taken = usize::try_from(entry.result());
                return taken.map_err(|_| io::Error::from_raw_os_error(-entry.result()));
            }
            // Not met: were the kernel to put it off, it would be waited for.
            let _ = self.ring.submit_and_wait(1);
        }
    }
}
