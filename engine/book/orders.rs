//! Orders: from a reference to its slot in one step, for every reference that is alive.
//!
//! Feeds number orders upwards, and most die young. So references are cut into pages of 128, slots into frames of 128;
//! a directory tells for each page where its orders are. A page gets a frame when its first order comes, and gives it
//! back when its last one dies. Where few orders of a page outlive the others, they move together into a [`bundle`],
//! which has no more slots than they need: so the books take memory for the orders that live, not for those that lived.
//! References that lie outside the directory are found by a hash map and have slots [`aside`].
//!
//! What always holds:
//! * A directory entry says where **all** living orders of its page are: `NONE` (there are none), a frame, or a bundle.
//!   So one look decides, and no reference can be alive twice.
//! * A slot is free if and only if its quantity is 0. A frame without orders is all zero: nothing is cleared on reuse.
//! * Frames of pages are at most a slack plus one for each `THIN` living orders, but for those with more orders than a
//!   bundle takes. The thinnest of the next few goes when one more is wanted.

mod aside;
mod bundle;
mod frame;

use super::level::{Levels, NIL};
use crate::base::pool::{Full, IdMap};
use crate::base::prefetch::prefetch;
use bundle::{Bundle, CLASSES};

/// An order, but for what its level tells (price, side, instrument) and its place tells (reference).
///
/// 16 bytes: four to a cache line where orders of neighbouring references live together, and none across two.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub(super) struct Slot {
    /// Open quantity; 0 in a free slot.
    pub(super) qty: u32,
    /// Handle of its level.
    pub(super) level: u32,
    /// The slot before it in the queue, `NIL` at the head.
    pub(super) prev: u32,
    /// The slot behind it in the queue, `NIL` at the tail; in a free slot aside, the next free one; in the first of a free block, the next free block.
    pub(super) next: u32,
}

/// Why an order got no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its reference is alive.
    Taken,
    /// As many orders are alive as there is room for.
    Full,
}

/// All living orders.
pub(super) struct Orders {
    slots: Vec<Slot>,
    /// By slot: when its order got its priority, as the book counts. Apart, because it is seldom read.
    arrivals: Vec<u32>,
    /// By frame: orders alive in it; `SHARED` or `ASIDE` beside them where it is not a page's own. Frame 0 is never used:
    /// slot 0 means `NIL`, frame 0 means `NONE`.
    live_in: Vec<u16>,
    /// By frame: its page's number; for others, the place of its first slot in `owners` or `references`.
    numbers: Vec<u64>,
    frames_limit: usize,
    /// Frames for pages that have none.
    free_frames: Vec<u32>,
    /// Frames that are a page's own, or free again.
    own_frames: usize,
    /// By page, from `origin`.
    directory: Vec<u32>,
    /// Number of the directory's first page; set by the first order.
    origin: u64,
    started: bool,
    /// The page that last got a frame.
    newest: u64,
    /// Where the search for a thin page goes on.
    hand: usize,
    bundles: Vec<Bundle>,
    free_bundle: u32,
    /// First free block of each class.
    free_blocks: [u32; CLASSES],
    /// By slot of a shared frame: the bundle that has it.
    owners: Vec<u32>,
    /// Slot by reference, for those outside the directory.
    aside: IdMap<u32>,
    /// By slot aside: its reference.
    references: Vec<u64>,
    free_aside: u32,
    live: usize,
    limit: usize,
}

/// 128 slots a frame, 2 KiB: small enough that few lines are looked at when one is given up.
const PAGE_BITS: u32 = 7;
const PAGE: usize = 1 << PAGE_BITS;
/// Directory: no order of the page is alive.
const NONE: u32 = 0;
/// Directory: from here on bundles.
const BUNDLED: u32 = 1 << 31;
/// What the directory would say of references outside.
const OUTSIDE: u32 = u32::MAX;
/// Set in the count of a frame that bundles share.
const SHARED: u16 = 1 << 14;
/// Set in the count of a frame aside.
const ASIDE: u16 = 1 << 15;
/// Frames whose page may be nearly empty, at least: 640 KiB with the arrivals.
const SLACK: usize = 256;
/// And at most, 20 MiB: the more young orders stay where they are, the fewer are moved.
const SLACK_MAX: usize = 1 << 13;
/// Beyond the slack, a frame for this many living orders: 40 bytes an order.
const THIN: usize = 64;
/// A page with more orders keeps its frame: bounds the work of one message.
const BUNDLE_MAX: u16 = 32;
/// A page this close to the newest one belongs to a feed that counts; others are sparse.
const NEIGHBOUR: u64 = 16;
/// Directory entries at most: 2^29 references in 16 MiB.
const DIRECTORY_MAX: usize = 1 << 22;
/// More than slots that a handle can name, with room for every kind of frame.
const ORDERS_MAX: usize = 1 << 26;
/// Slots reserved for an order: bundles have up to four of them, in blocks of each class, while orders come and go.
const RESERVED: usize = 16;

impl Orders {
    /// Frames whose page may be nearly empty, however few orders are alive: 10 bytes for each that may be.
    fn slack(limit: usize) -> usize {
        (limit / 256).clamp(SLACK, SLACK_MAX)
    }

    /// Frames at most, and those touched at start.
    fn frames(limit: usize) -> (usize, usize) {
        let at_once = 1 + Self::slack(limit) + limit.div_ceil(PAGE);
        (Self::slack(limit) + at_once + limit * RESERVED / PAGE, at_once)
    }

    /// Bundles touched at start: one for this many orders.
    fn bundles(limit: usize) -> usize {
        1 + limit / 16
    }

    /// Entries of the directory, and those touched at start: the rest is the system's until references reach it, a huge
    /// page for each 67 million of them. A day has a few hundred references for each order alive at a time.
    fn entries(limit: usize) -> (usize, usize) {
        let entries = (limit * 4).next_power_of_two().clamp(1 << 14, DIRECTORY_MAX);
        (entries, entries / 4)
    }

    /// Memory that is touched at start for so many orders.
    pub(super) fn bytes(limit: usize) -> usize {
        let limit = limit.clamp(1, ORDERS_MAX);
        let (_, at_once) = Self::frames(limit);
        at_once * PAGE * (size_of::<Slot>() + size_of::<u32>())
            + at_once * (size_of::<u16>() + size_of::<u64>() + size_of::<u32>())
            + Self::bundles(limit) * size_of::<Bundle>()
            + Self::entries(limit).1 * size_of::<u32>()
    }

    /// Memory that was touched at start and since, counted from what is there; the map aside and the rest of the directory
    /// apart.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        let frames = self.slots.len() / PAGE;
        size_of_val(&self.slots[..])
            + size_of_val(&self.arrivals[..])
            + frames * (size_of::<u16>() + size_of::<u64>() + size_of::<u32>())
            + self.bundles.len().max(Self::bundles(self.limit)) * size_of::<Bundle>()
            + size_of_val(&self.owners[..])
            + self.directory.len() / 4 * size_of::<u32>()
            + size_of_val(&self.references[..])
    }

    /// Room for `limit` orders (2^26 at most). What a feed that counts upwards needs is touched.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, ORDERS_MAX);
        let (frames_limit, at_once) = Self::frames(limit);
        let mut slots = Vec::with_capacity(frames_limit * PAGE);
        slots.resize(at_once * PAGE, Slot::default());
        let mut arrivals = Vec::with_capacity(frames_limit * PAGE);
        arrivals.resize(at_once * PAGE, 0);
        let bundles = Self::bundles(limit);
        let (entries, first) = Self::entries(limit);
        let mut directory = vec![NONE; entries];
        std::hint::black_box(&mut directory)[..first].fill(NONE);
        Self {
            slots,
            arrivals,
            live_in: reserved(frames_limit, at_once, 1, 0),
            numbers: reserved(frames_limit, at_once, 1, 0),
            frames_limit,
            free_frames: reserved(frames_limit, at_once, 0, 0),
            own_frames: 0,
            directory,
            origin: 0,
            started: false,
            newest: 0,
            hand: 1,
            bundles: reserved(limit + 1, bundles, 1, Bundle::default()),
            free_bundle: 0,
            free_blocks: [NIL; CLASSES],
            owners: Vec::with_capacity(frames_limit * PAGE),
            aside: IdMap::untouched(limit),
            references: Vec::with_capacity(limit.next_multiple_of(PAGE)),
            free_aside: NIL,
            live: 0,
            limit,
        }
    }

    /// Orders alive.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// The slot of a living order.
    #[inline]
    pub(super) fn find(&self, reference: u64) -> Option<u32> {
        let entry = self.entry(reference);
        let handle = if entry < BUNDLED {
            // Frame 0 has no orders.
            slot_of(entry, reference)
        } else if entry == OUTSIDE {
            self.aside.get(reference)?
        } else {
            self.bundle(entry).slot(reference)
        };
        (self.slots[handle as usize].qty > 0).then_some(handle)
    }

    /// A free slot for `reference`. It counts as alive from here on: the caller gives it a quantity, or releases it.
    ///
    /// May move other orders; their levels' ends follow.
    #[inline]
    pub(super) fn place(&mut self, reference: u64, levels: &mut Levels) -> Result<u32, Refused> {
        let mut frame = self.entry(reference);
        if frame == NONE || frame >= BUNDLED {
            frame = match self.frame_for(frame, reference, levels)? {
                Room::Frame(frame) => frame,
                Room::Slot(handle) => return Ok(handle),
            };
        }
        let handle = slot_of(frame, reference);
        if self.slots[handle as usize].qty > 0 {
            return Err(Refused::Taken);
        }
        if self.live == self.limit {
            return Err(Refused::Full);
        }
        self.live_in[frame as usize] += 1;
        self.live += 1;
        Ok(handle)
    }

    /// Frees the slot of a living order. Its neighbours no longer point at it.
    ///
    /// May move other orders; their levels' ends follow.
    #[inline]
    pub(super) fn release(&mut self, handle: u32, reference: u64, levels: &mut Levels) {
        self.slots[handle as usize].qty = 0;
        self.live -= 1;
        let at = handle as usize / PAGE;
        let live = &mut self.live_in[at];
        *live -= 1;
        if *live == 0 || *live >= SHARED {
            self.vacate(at, handle, reference, levels);
        }
    }

    /// A frame is without orders, or one that is no page's own has one less.
    fn vacate(&mut self, at: usize, handle: u32, reference: u64, levels: &mut Levels) {
        match self.live_in[at] {
            0 => {
                self.free_frames.push(at as u32);
                self.enter(reference >> PAGE_BITS, NONE);
            }
            ASIDE.. => self.vacate_aside(handle, reference),
            _ => self.vacate_bundled(self.entry(reference), levels),
        }
    }

    /// The reference of a living order.
    pub(super) fn reference(&self, handle: u32) -> u64 {
        let (at, rest) = (handle as usize / PAGE, handle as usize % PAGE);
        let number = self.numbers[at];
        match self.live_in[at] {
            ASIDE.. => self.references[number as usize + rest],
            SHARED.. => {
                let bundle = &self.bundles[self.owners[number as usize + rest] as usize];
                (self.origin + u64::from(bundle.page())) << PAGE_BITS | bundle.nth(handle)
            }
            _ => number << PAGE_BITS | rest as u64,
        }
    }

    /// A slot.
    #[inline]
    pub(super) fn slot(&self, handle: u32) -> &Slot {
        &self.slots[handle as usize]
    }

    /// A slot, to change. That of `NIL` may be written to: nobody reads its links.
    #[inline]
    pub(super) fn slot_mut(&mut self, handle: u32) -> &mut Slot {
        &mut self.slots[handle as usize]
    }

    /// When an order got its priority.
    #[inline]
    pub(super) fn arrival(&self, handle: u32) -> u32 {
        self.arrivals[handle as usize]
    }

    /// Notes when an order got its priority.
    #[inline]
    pub(super) fn set_arrival(&mut self, handle: u32, arrival: u32) {
        self.arrivals[handle as usize] = arrival;
    }

    /// Prefetches what `find` or `place` will look at.
    #[inline]
    pub(super) fn hint(&self, reference: u64) {
        let entry = self.entry(reference);
        if entry < BUNDLED {
            prefetch(&self.slots[slot_of(entry, reference) as usize]);
        } else if entry == OUTSIDE {
            self.aside.hint(reference);
        } else {
            prefetch(self.bundle(entry));
        }
    }

    /// The slot of a reference that `hint` was told of; free if there is no such order. One that is not in its page's own
    /// frame is found here at last: its slot is prefetched now, and that of no order given, for nothing of it can be
    /// read yet.
    #[inline]
    pub(super) fn hinted(&self, reference: u64) -> &Slot {
        let entry = self.entry(reference);
        if entry < BUNDLED {
            return &self.slots[slot_of(entry, reference) as usize];
        }
        self.hinted_moved(entry, reference)
    }

    #[inline(never)]
    fn hinted_moved(&self, entry: u32, reference: u64) -> &Slot {
        let handle = if entry == OUTSIDE {
            self.aside.get(reference).unwrap_or(NIL)
        } else {
            self.bundle(entry).slot(reference)
        };
        prefetch(&self.slots[handle as usize]);
        &self.slots[NIL as usize]
    }

    /// Whether a reference is looked for in two steps: in a bundle, or aside.
    #[inline]
    pub(super) fn moved(&self, reference: u64) -> bool {
        self.entry(reference) >= BUNDLED
    }

    /// The directory's word on a reference; `OUTSIDE` if it lies there.
    #[inline]
    fn entry(&self, reference: u64) -> u32 {
        let place = (reference >> PAGE_BITS).wrapping_sub(self.origin);
        self.directory.get(place as usize).copied().unwrap_or(OUTSIDE)
    }

    /// Writes the directory's entry of a page that is in it.
    fn enter(&mut self, number: u64, entry: u32) {
        let place = number.wrapping_sub(self.origin) as usize;
        if let Some(at) = self.directory.get_mut(place) {
            *at = entry;
        }
    }

    /// Room for a reference whose page has no frame of its own: a frame for the page, or a slot elsewhere.
    #[cold]
    fn frame_for(
        &mut self,
        entry: u32,
        reference: u64,
        levels: &mut Levels,
    ) -> Result<Room, Refused> {
        let number = reference >> PAGE_BITS;
        if !self.started {
            self.started = true;
            let half = self.directory.len() as u64 / 2;
            // Low numbers count from 0; a feed that begins high gets room on both sides.
            self.origin = number.checked_sub(half * 2).map_or(0, |_| number - half);
            return self.frame_for(self.entry(reference), reference, levels);
        }
        if self.find(reference).is_some() {
            return Err(Refused::Taken);
        }
        if self.live == self.limit {
            return Err(Refused::Full);
        }
        let room = match entry {
            OUTSIDE => self.place_aside(reference).map(Room::Slot),
            NONE if !self.crowded() || number.abs_diff(self.newest) <= NEIGHBOUR => {
                self.own_frame(number, levels).map(Room::Frame)
            }
            NONE => self.place_alone(reference, levels).map(Room::Slot),
            _ => self.place_bundled(entry, reference, levels),
        };
        room.map_err(|Full| Refused::Full)
    }

    /// Moves an order to another slot: its neighbours and its level's ends follow.
    fn relocate(&mut self, from: u32, to: u32, levels: &mut Levels) {
        let slot = self.slots[from as usize];
        self.slots[from as usize] = Slot::default();
        self.slots[to as usize] = slot;
        self.arrivals[to as usize] = self.arrivals[from as usize];
        self.live_in[from as usize / PAGE] -= 1;
        self.live_in[to as usize / PAGE] += 1;
        match slot.prev {
            NIL => levels.get_mut(slot.level).head = to,
            prev => self.slots[prev as usize].next = to,
        }
        match slot.next {
            NIL => levels.get_mut(slot.level).tail = to,
            next => self.slots[next as usize].prev = to,
        }
    }

    /// Whether counts, map, bundles and directory agree with the slots.
    pub(super) fn verify(&self) -> bool {
        let mut live = 0;
        let mut own = 0;
        for at in 0..self.live_in.len() {
            let slots = at * PAGE..(at + 1) * PAGE;
            let mut count = 0;
            for slot in slots.filter(|&slot| self.slots[slot].qty > 0) {
                count += 1;
                if self.find(self.reference(slot as u32)) != Some(slot as u32) {
                    return false;
                }
            }
            live += count;
            own += usize::from((1..SHARED).contains(&self.live_in[at]));
            if count != usize::from(self.live_in[at] & !(ASIDE | SHARED)) {
                return false;
            }
        }
        let named = |bundled| {
            let entries = self.directory.iter().filter(|entry| **entry != NONE);
            entries.filter(move |entry| (**entry >= BUNDLED) == bundled)
        };
        live == self.live
            && named(false).count() == own
            && named(true).all(|&entry| self.whole(entry))
    }
}

/// What an order gets.
enum Room {
    /// A frame for its page.
    Frame(u32),
    /// A slot; it is counted.
    Slot(u32),
}

/// An empty pool of `capacity` with `len` cells of `fill`, and the first `at_once` touched.
fn reserved<T: Copy>(capacity: usize, at_once: usize, len: usize, fill: T) -> Vec<T> {
    let mut cells = Vec::with_capacity(capacity);
    cells.resize(at_once, fill);
    std::hint::black_box(&mut cells).truncate(len);
    cells
}

/// The slot of a reference in its page's frame.
#[inline]
fn slot_of(frame: u32, reference: u64) -> u32 {
    frame << PAGE_BITS | (reference as u32 & (PAGE as u32 - 1))
}

#[cfg(test)]
mod tests;
