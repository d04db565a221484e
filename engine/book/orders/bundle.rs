//! Bundles: the few orders of a page that outlived the others, side by side in a block of slots.
//!
//! A block has a power of two of slots. The bundle's mask tells which references of the page have one, in their order, so
//! the slot of a reference is the number of those before it: one line more than in a frame, and no search. Slots whose
//! orders died stay free until three quarters of the block are; then the others move to a smaller one.

use super::{BUNDLE_MAX, BUNDLED, NONE, Orders, PAGE, PAGE_BITS, Room, SHARED, Slot, slot_of};
use crate::base::pool::{Full, grow};
use crate::base::prefetch::prefetch;
use crate::book::level::{Levels, NIL};

/// Where the orders of a page are. Half a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub(super) struct Bundle {
    /// By reference of the page: whether it has a slot.
    mask: [u64; 2],
    /// The first slot of the block; `NIL` if it has none.
    first: u32,
    /// Place of the page in the directory; in a free bundle, the next free one.
    page: u32,
    /// Slots in use.
    live: u16,
    /// The block has 2^class slots.
    class: u16,
}

/// Blocks of 1 to 32 slots.
pub(super) const CLASSES: usize = BUNDLE_MAX.ilog2() as usize + 1;
/// One reference of a page.
const REST: u64 = PAGE as u64 - 1;

impl Bundle {
    /// Place of the page in the directory.
    pub(super) fn page(&self) -> u32 {
        self.page
    }

    fn mask(&self) -> u128 {
        u128::from(self.mask[1]) << 64 | u128::from(self.mask[0])
    }

    /// The slot of a reference; `NIL` if it has none.
    #[inline]
    pub(super) fn slot(&self, reference: u64) -> u32 {
        let [low, high] = self.mask;
        let below = (1 << (reference & 63)) - 1;
        let upper = reference & 64 != 0;
        let (word, before) = if upper { (high, low) } else { (low, 0) };
        let place = before.count_ones() + (word & below).count_ones();
        if word >> (reference & 63) & 1 == 1 { self.first + place } else { NIL }
    }

    /// The reference, within its page, that has a slot.
    pub(super) fn nth(&self, handle: u32) -> u64 {
        let mut mask = self.mask();
        for _ in self.first..handle {
            mask &= mask - 1;
        }
        u64::from(mask.trailing_zeros())
    }

    /// Slots of the block.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        1 << self.class
    }

    /// Every reference of the page that has a slot, as its bit, with its slot.
    fn slots(&self) -> impl Iterator<Item = (u128, u32)> + use<> {
        let mut mask = self.mask();
        (self.first..).map_while(move |handle| {
            let bit = mask & mask.wrapping_neg();
            mask ^= bit;
            (bit != 0).then_some((bit, handle))
        })
    }
}

impl Orders {
    /// The bundle that an entry of the directory names.
    #[inline]
    pub(super) fn bundle(&self, entry: u32) -> &Bundle {
        &self.bundles[(entry - BUNDLED) as usize]
    }

    /// A slot for the only order of a page; it is counted.
    pub(super) fn place_alone(&mut self, reference: u64, levels: &mut Levels) -> Result<u32, Full> {
        let number = reference >> PAGE_BITS;
        let id = self.new_bundle(number)?;
        let placed = self.rebuild(id, 1 << (reference & REST), levels);
        if placed.is_err() {
            self.free_bundle(id);
        } else {
            self.enter(number, BUNDLED + id);
        }
        placed
    }

    /// A slot for one more order of a page that is bundled; it is counted. A page with too many gets its frame back.
    pub(super) fn place_bundled(
        &mut self,
        entry: u32,
        reference: u64,
        levels: &mut Levels,
    ) -> Result<Room, Full> {
        let id = entry - BUNDLED;
        let bundle = self.bundles[id as usize];
        let handle = bundle.slot(reference);
        if handle != NIL {
            self.bundles[id as usize].live += 1;
            self.live_in[handle as usize / PAGE] += 1;
            self.live += 1;
            return Ok(Room::Slot(handle));
        }
        if bundle.live < BUNDLE_MAX {
            return self.rebuild(id, 1 << (reference & REST), levels).map(Room::Slot);
        }
        let frame = self.own_frame(reference >> PAGE_BITS, levels)?;
        for (bit, from) in bundle.slots() {
            if self.slots[from as usize].qty > 0 {
                self.relocate(from, slot_of(frame, bit.trailing_zeros().into()), levels);
            }
        }
        self.free_block(bundle.first, bundle.class);
        self.free_bundle(id);
        Ok(Room::Frame(frame))
    }

    /// An order of a bundle has gone.
    pub(super) fn vacate_bundled(&mut self, entry: u32, levels: &mut Levels) {
        let id = entry - BUNDLED;
        let bundle = &mut self.bundles[id as usize];
        bundle.live -= 1;
        let Bundle { first, page, live, class, .. } = *bundle;
        if live == 0 {
            self.free_block(first, class);
            self.free_bundle(id);
            self.directory[page as usize] = NONE;
        } else if live << 2 <= 1 << class {
            // No smaller block to be had: it stays where it is.
            let _ = self.rebuild(id, 0, levels);
        }
    }

    /// Moves the orders of a page from their frame into a bundle.
    pub(super) fn retire(&mut self, at: usize, levels: &mut Levels) -> Result<(), Full> {
        let number = self.numbers[at];
        let id = self.new_bundle(number)?;
        let live = self.live_in[at];
        let class = class_for(live);
        let first = match self.take_block(class, id) {
            Ok(first) => first,
            Err(Full) => {
                self.free_bundle(id);
                return Err(Full);
            }
        };
        let mut mask = 0_u128;
        for (rest, slot) in self.slots[at * PAGE..(at + 1) * PAGE].iter().enumerate() {
            if slot.qty > 0 {
                mask |= 1 << rest;
                prefetch(levels.get(slot.level));
                prefetch(&self.slots[slot.prev as usize]);
                prefetch(&self.slots[slot.next as usize]);
            }
        }
        let bundle = &mut self.bundles[id as usize];
        *bundle = Bundle { mask: halves(mask), first, live, class, ..*bundle };
        for (bit, to) in self.bundles[id as usize].slots() {
            self.relocate((at * PAGE) as u32 + bit.trailing_zeros(), to, levels);
        }
        self.free_frames.push(at as u32);
        self.enter(number, BUNDLED + id);
        Ok(())
    }

    /// Moves the orders of a bundle to a block that fits them, and the reference of bit `more`, if any: the slot of that
    /// is the answer, and it is counted.
    fn rebuild(&mut self, id: u32, more: u128, levels: &mut Levels) -> Result<u32, Full> {
        let old = self.bundles[id as usize];
        let live = old.live + u16::from(more != 0);
        let class = class_for(live);
        let first = self.take_block(class, id)?;
        let (mut mask, mut to, mut placed) = (more, first, NIL);
        for (bit, from) in old.slots() {
            if self.slots[from as usize].qty == 0 {
                continue;
            }
            if placed == NIL && more != 0 && bit > more {
                placed = to;
                to += 1;
            }
            self.relocate(from, to, levels);
            mask |= bit;
            to += 1;
        }
        if more != 0 {
            placed = if placed == NIL { to } else { placed };
            self.live_in[placed as usize / PAGE] += 1;
            self.live += 1;
        }
        if old.first != NIL {
            self.free_block(old.first, old.class);
        }
        self.bundles[id as usize] = Bundle { mask: halves(mask), first, live, class, ..old };
        Ok(placed)
    }

    /// A bundle without orders.
    fn new_bundle(&mut self, number: u64) -> Result<u32, Full> {
        let id = match self.free_bundle {
            0 => {
                let (id, room) = (self.bundles.len(), self.bundles.capacity());
                grow(&mut self.bundles, id + 1, 0, room, Bundle::default())?;
                id as u32
            }
            id => {
                self.free_bundle = self.bundles[id as usize].page;
                id
            }
        };
        let page = number.wrapping_sub(self.origin) as u32;
        self.bundles[id as usize] = Bundle { page, ..Bundle::default() };
        Ok(id)
    }

    fn free_bundle(&mut self, id: u32) {
        self.bundles[id as usize] = Bundle { page: self.free_bundle, ..Bundle::default() };
        self.free_bundle = id;
    }

    /// A free block for a bundle.
    fn take_block(&mut self, class: u16, id: u32) -> Result<u32, Full> {
        let size = 1 << class;
        if self.free_blocks[usize::from(class)] == NIL {
            let at = self.common_frame()?;
            let number = self.owners.len();
            let room = self.owners.capacity();
            grow(&mut self.owners, number + PAGE, 0, room, 0)?;
            self.live_in[at as usize] = SHARED;
            self.numbers[at as usize] = number as u64;
            for first in (at * PAGE as u32..(at + 1) * PAGE as u32).step_by(size).rev() {
                self.free_block(first, class);
            }
        }
        let free = &mut self.free_blocks[usize::from(class)];
        let first = *free;
        *free = self.slots[first as usize].next;
        self.slots[first as usize].next = NIL;
        let (at, rest) = (first as usize / PAGE, first as usize % PAGE);
        self.owners[self.numbers[at] as usize + rest..][..size].fill(id);
        Ok(first)
    }

    /// Gives a block back that has no orders.
    fn free_block(&mut self, first: u32, class: u16) {
        let free = &mut self.free_blocks[usize::from(class)];
        self.slots[first as usize] = Slot { next: *free, ..Slot::default() };
        *free = first;
    }

    /// Whether a bundle's count is that of its slots, and the directory leads to it.
    pub(super) fn whole(&self, entry: u32) -> bool {
        let bundle = self.bundle(entry);
        let live = bundle.slots().filter(|&(_, handle)| self.slots[handle as usize].qty > 0);
        let within = bundle.mask().count_ones() <= 1 << bundle.class;
        within && live.count() == usize::from(bundle.live) && bundle.live > 0
    }
}

/// The class of the smallest block for so many slots.
fn class_for(slots: u16) -> u16 {
    slots.next_power_of_two().ilog2() as u16
}

/// A mask as a bundle keeps it.
fn halves(mask: u128) -> [u64; 2] {
    [mask as u64, (mask >> 64) as u64]
}

const _: () = assert!(size_of::<Bundle>() == 32 && BUNDLE_MAX.is_power_of_two());
