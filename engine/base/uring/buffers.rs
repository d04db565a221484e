//! Memory that the kernel receives into, buffer by buffer.
//!
//! What must hold: a buffer belongs to the kernel from when it is given until a completion names it, and to us from then until
//! it is given again. It is read in between only.
#![allow(unsafe_code)]

use super::{GROUP, UringError};
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};

const PAGE: usize = 4_096;
/// Most buffers: a page of entries.
pub(super) const COUNT_MAX: u16 = (PAGE / size_of::<BufRingEntry>()) as u16;

const _: () = assert!(COUNT_MAX.is_power_of_two());

/// Buffers that the kernel is given, behind the ring in which it is given them: one piece of memory.
pub(super) struct Buffers {
    base: NonNull<u8>,
    layout: Layout,
    count: u16,
    /// Bytes of each.
    size: usize,
    /// Buffers given so far; it goes around.
    given: u16,
    /// The kernel may write into them for ever.
    abandoned: bool,
}

// SAFETY: the memory is its own, and whoever has it has all of it.
unsafe impl Send for Buffers {}

impl Buffers {
    /// `count` of them, a power of two, of `size` bytes each, whole pages.
    pub(super) fn new(count: u16, size: usize) -> Self {
        assert!(count.is_power_of_two() && count <= COUNT_MAX, "as many as a page of entries");
        assert!(size.is_multiple_of(PAGE) && u32::try_from(size).is_ok(), "whole pages");
        // Below 2^48, and a page is a power of two: a layout.
        let bytes = PAGE + usize::from(count) * size;
        let layout = Layout::from_size_align(bytes, PAGE).expect("a page and whole pages");
        // SAFETY: the layout has a size.
        let base = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(base) else { handle_alloc_error(layout) };
        // Written, not asked for as zeros: so that no page is missing when the first bytes come. Behind a black box, or the
        // compiler would ask for zeros after all.
        // SAFETY: all of what was allocated.
        unsafe { std::hint::black_box(base).write_bytes(0, bytes) };
        let mut buffers = Self { base, layout, count, size, given: 0, abandoned: false };
        (0..count).for_each(|buffer| buffers.give(buffer));
        buffers
    }

    /// Tells `ring` of them.
    pub(super) fn register(&self, ring: &IoUring) -> Result<(), UringError> {
        let base = self.base.as_ptr() as u64;
        // SAFETY: the memory lives as long as the ring; that nothing is written into it later is told above.
        let done =
            unsafe { ring.submitter().register_buf_ring_with_flags(base, self.count, GROUP, 0) };
        done.map_err(UringError::Register)
    }

    /// They are the kernel's for ever: their memory is not given back.
    #[cold]
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Where buffer `buffer` begins.
    #[inline]
    fn start(&self, buffer: u16) -> NonNull<u8> {
        assert!(buffer < self.count, "the kernel names buffers that it was given");
        // SAFETY: within the one piece of memory.
        unsafe { self.base.add(PAGE + usize::from(buffer) * self.size) }
    }

    /// Gives a buffer to the kernel. It is not read from here on.
    #[inline]
    pub(super) fn give(&mut self, buffer: u16) {
        let (start, given) = (self.start(buffer), self.given);
        let entries = self.base.cast::<BufRingEntry>();
        // SAFETY: entries are within the first page, and the kernel reads those below the tail only.
        let entry = unsafe { entries.add(usize::from(given & (self.count - 1))).as_mut() };
        entry.set_addr(start.as_ptr() as u64);
        entry.set_len(self.size as u32);
        entry.set_bid(buffer);
        self.given = given.wrapping_add(1);
        // SAFETY: the base is that of the ring.
        let tail = unsafe { BufRingEntry::tail(entries.as_ptr()) };
        // SAFETY: two aligned bytes of our memory, which the kernel reads as they are.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        // Release: publishes the entry above; pairs with the kernel's acquiring load of the tail.
        tail.store(self.given, Ordering::Release);
    }

    /// The first `length` bytes of a buffer that a completion named and that was not given since.
    #[inline]
    pub(super) fn bytes(&self, buffer: u16, length: usize) -> &[u8] {
        let start = self.start(buffer);
        // SAFETY: within one buffer, all of it set (zeros at first), and the kernel writes into it only once it is given
        // again, which takes `&mut self`.
        unsafe { slice::from_raw_parts(start.as_ptr(), length.min(self.size)) }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        if !self.abandoned {
            // SAFETY: as it was allocated; the kernel writes no more (see `Multishot`).
            unsafe { dealloc(self.base.as_ptr(), self.layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_is_missing_before_the_first_bytes() {
        let buffers = Buffers::new(COUNT_MAX, PAGE);
        let pages = buffers.layout.size() / PAGE;
        let mut there = vec![0_u8; pages];
        // SAFETY: whole pages of our memory, and a byte for each.
        let told = unsafe {
            libc::mincore(buffers.base.as_ptr().cast(), pages * PAGE, there.as_mut_ptr())
        };
        assert_eq!(told, 0);
        assert_eq!(there.iter().filter(|page| **page & 1 == 0).count(), 0, "of {pages} pages");
    }
}
