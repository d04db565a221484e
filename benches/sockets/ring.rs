//! One ring with a request for each socket: multishot receives, whose datagrams come in buffers of one group.

use crate::SIZE;
use io_uring::types::BufRingEntry;
use io_uring::{IoUring, cqueue, opcode, types};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU16, Ordering};

/// Buffers that one ring's sockets share.
const SHARED: u16 = 1_024;

/// One ring over sockets that do not know of it.
pub(crate) struct Ring {
    // Before the memory that the kernel writes to.
    ring: IoUring,
    sockets: Vec<UdpSocket>,
    entries: Box<[Page]>,
    buffers: Box<[[u8; 2 * SIZE]]>,
    given: u16,
}

#[repr(align(4096))]
struct Page(#[expect(dead_code, reason = "the kernel reads it")] [u8; 4096]);

impl Ring {
    pub(crate) fn new(sockets: Vec<UdpSocket>) -> Self {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(2 * u32::from(SHARED));
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
        let ring: IoUring = builder.build(128).expect("a ring");
        let pages = usize::from(SHARED) * size_of::<BufRingEntry>() / 4096;
        let entries: Box<[Page]> = (0..pages).map(|_| Page([0; 4096])).collect();
        let buffers = vec![[0; 2 * SIZE]; usize::from(SHARED)].into_boxed_slice();
        let base = entries.as_ptr() as u64;
        // SAFETY: whole pages that live as long as the ring.
        let done = unsafe { ring.submitter().register_buf_ring_with_flags(base, SHARED, 0, 0) };
        done.expect("the ring takes buffers");
        let mut ring = Self { ring, sockets, entries, buffers, given: 0 };
        (0..SHARED).for_each(|buffer| ring.give(buffer));
        (0..ring.sockets.len()).for_each(|place| ring.ask(place));
        ring.ring.submit().expect("the requests are made");
        ring
    }

    fn give(&mut self, buffer: u16) {
        let entries = self.entries.as_mut_ptr().cast::<BufRingEntry>();
        // SAFETY: within the pages; the kernel reads entries below the tail only.
        let entry = unsafe { &mut *entries.add(usize::from(self.given & (SHARED - 1))) };
        entry.set_addr(self.buffers[usize::from(buffer)].as_mut_ptr() as u64);
        entry.set_len(2 * SIZE as u32);
        entry.set_bid(buffer);
        self.given = self.given.wrapping_add(1);
        // SAFETY: the base is that of the ring; two aligned bytes of it, which the kernel reads as they are.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(entries).cast_mut()) };
        // Publishes the entry above; pairs with the kernel's acquiring load.
        tail.store(self.given, Ordering::Release);
    }

    fn ask(&mut self, place: usize) {
        let socket = types::Fd(self.sockets[place].as_raw_fd());
        let request = opcode::RecvMulti::new(socket, 0).build().user_data(place as u64);
        // SAFETY: the buffers are the group's, which outlive the ring.
        unsafe { self.ring.submission().push(&request) }.expect("as many entries as sockets");
    }

    /// Shows what has come to `seen`, at most `SHARED` packets; how many.
    #[inline]
    pub(crate) fn turn(&mut self, mut seen: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        loop {
            let Some(entry) = self.ring.completion().next() else { break };
            let buffer = cqueue::buffer_select(entry.flags());
            if let Some(buffer) = buffer {
                let length = usize::try_from(entry.result()).unwrap_or(0);
                seen(&self.buffers[usize::from(buffer)][..length]);
                self.give(buffer);
                count += 1;
            }
            if !cqueue::more(entry.flags()) {
                self.ask(entry.user_data() as usize);
                self.ring.submit().expect("the request is made anew");
            }
        }
        let work = {
            let queue = self.ring.submission();
            queue.taskrun() || queue.cq_overflow()
        };
        if count == 0 && work {
            // GETEVENTS: does what the kernel has to do on this thread.
            // SAFETY: no argument is passed.
            let _ = unsafe { self.ring.submitter().enter::<()>(0, 0, 1, None) };
        }
        count
    }
}
