//! Orders: from a reference to its slot in one step, for every reference that is alive.
//!
//! Feeds number orders upwards, and most die young. So references are cut into pages of 128; a directory tells for
//! each page where its 128 slots are. A page gets slots when its first order comes and gives them back when its last
//! one dies. References that lie outside the directory, and those whose page got no slots, live in a hash map with
//! slots of their own (the *side*).
//!
//! What always holds:
//! * A directory entry says where **all** living orders of its page are: `NONE` (there are none), `SIDE` (in the hash
//!   map; it stays so), or a page of slots. So one look decides, and no reference can be alive twice.
//! * A slot is free if and only if its quantity is 0. A page without orders is all zero: nothing is cleared on reuse.
//! * Pages in use are at most `SLACK` plus one for each `THIN` orders alive at the peak. When long-lived orders thin the
//!   pages out, the thinnest of the next few is *retired*: its survivors (few, bounded) move to the side.

use super::level::{Levels, NIL};
use crate::base::pool::{Full, IdMap, grow, touched};
use crate::base::prefetch::prefetch;

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
    /// The slot behind it in the queue, `NIL` at the tail; in a free side slot, the next free one.
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
    /// By page: orders alive in it; for a page of the side, `ASIDE` beside them. Page 0 is never used: slot 0 means
    /// `NIL`, page 0 means `NONE`.
    live_in: Vec<u16>,
    /// By page: the references' upper bits; on the side, place of its first reference in `side_references`.
    numbers: Vec<u64>,
    pages_limit: usize,
    free_pages: Vec<u32>,
    /// Pages in use, or free again, for dense references.
    dense_pages: usize,
    /// By page number, from `origin`.
    directory: Vec<u32>,
    /// Page number of the directory's first entry; set by the first order.
    origin: u64,
    started: bool,
    /// Page number that last got slots.
    newest: u64,
    /// Where the search for a thin page goes on.
    hand: usize,
    /// Slot by reference, for those that are not in a page of their own.
    side: IdMap<u32>,
    side_references: Vec<u64>,
    side_free: u32,
    live: usize,
    limit: usize,
}

/// 128 slots a page, 2 KiB: small enough that few lines are looked at when a page is given up.
const PAGE_BITS: u32 = 7;
const PAGE: usize = 1 << PAGE_BITS;
const NONE: u32 = 0;
const SIDE: u32 = u32::MAX;
/// Set in the count of a page of the side.
const ASIDE: u16 = 1 << 15;
/// Pages that may be nearly empty: 640 KiB with the arrivals.
const SLACK: usize = 256;
/// Beyond the slack, a page for this many living orders: 320 bytes of slots an order at worst.
const THIN: usize = 8;
/// Pages that a search for a thin one looks at.
const SEARCH: usize = 16;
/// A page with more orders is not retired: bounds the work of one message.
const RETIRED_MAX: u16 = 32;
/// A page this close to the newest one belongs to a feed that counts; others are sparse.
const NEIGHBOUR: u64 = 16;
/// Pages touched at a time when the pool grows: 160 KiB with the arrivals.
const CHUNK: usize = 64;
/// Directory entries at most: 2^29 references in 16 MiB.
const DIRECTORY_MAX: usize = 1 << 22;
/// More than slots that a handle can name, with room for every kind of page.
const ORDERS_MAX: usize = 1 << 27;

impl Orders {
    /// Pages at most, and those made at start.
    fn pages(limit: usize) -> (usize, usize) {
        let most = 1 + SLACK + limit / THIN + limit.div_ceil(PAGE);
        (most, (1 + SLACK + limit / (PAGE / 4)).min(most))
    }

    /// Entries of the directory: a day has a few hundred references for each order alive at a time.
    fn entries(limit: usize) -> usize {
        (limit * 4).next_power_of_two().clamp(1 << 14, DIRECTORY_MAX)
    }

    /// Memory that is touched at start for so many orders.
    pub(super) fn bytes(limit: usize) -> usize {
        let limit = limit.clamp(1, ORDERS_MAX);
        let (pages, at_once) = Self::pages(limit);
        at_once * PAGE * (size_of::<Slot>() + size_of::<u32>())
            + pages * (size_of::<u16>() + size_of::<u64>() + size_of::<u32>())
            + Self::entries(limit) * size_of::<u32>()
            + IdMap::<u32>::bytes(limit)
    }

    /// Memory that was touched at start and since, counted from what is there.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        size_of_val(&self.slots[..])
            + size_of_val(&self.arrivals[..])
            + self.live_in.capacity() * size_of::<u16>()
            + self.numbers.capacity() * size_of::<u64>()
            + self.free_pages.capacity() * size_of::<u32>()
            + size_of_val(&self.directory[..])
            + size_of_val(&self.side_references[..])
            + self.side.touched()
    }

    /// Room for `limit` orders (2^27 at most).
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, ORDERS_MAX);
        let side_pages = limit.div_ceil(PAGE);
        let (pages_limit, at_once) = Self::pages(limit);
        let mut slots = Vec::with_capacity(pages_limit * PAGE);
        slots.resize(at_once * PAGE, Slot::default());
        let mut arrivals = Vec::with_capacity(pages_limit * PAGE);
        arrivals.resize(at_once * PAGE, 0);
        let (mut live_in, mut numbers) = (touched(pages_limit, 0), touched(pages_limit, 0));
        live_in.truncate(1);
        numbers.truncate(1);
        let mut free_pages = touched(pages_limit, 0);
        free_pages.clear();
        Self {
            slots,
            arrivals,
            live_in,
            numbers,
            pages_limit,
            free_pages,
            dense_pages: 0,
            directory: touched(Self::entries(limit), NONE),
            origin: 0,
            started: false,
            newest: 0,
            hand: 1,
            side: IdMap::new(limit),
            side_references: Vec::with_capacity(side_pages * PAGE),
            side_free: NIL,
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
        let page = self.entry(reference);
        if page == SIDE {
            return self.side.get(reference);
        }
        // Page 0 has no orders.
        let handle = slot_of(page, reference);
        (self.slots[handle as usize].qty > 0).then_some(handle)
    }

    /// A free slot for `reference`. It counts as alive from here on: the caller gives it a quantity, or releases it.
    ///
    /// May move other orders to the side; their levels' ends follow.
    #[inline]
    pub(super) fn place(&mut self, reference: u64, levels: &mut Levels) -> Result<u32, Refused> {
        let mut page = self.entry(reference);
        if page == NONE || page == SIDE {
            page = match self.page_for(reference, levels) {
                Some(page) => page,
                None => return self.place_aside(reference),
            };
        }
        let handle = slot_of(page, reference);
        if self.slots[handle as usize].qty > 0 {
            return Err(Refused::Taken);
        }
        if self.live == self.limit {
            return Err(Refused::Full);
        }
        self.live_in[page as usize] += 1;
        self.live += 1;
        Ok(handle)
    }

    /// Frees the slot of a living order. Its neighbours no longer point at it.
    #[inline]
    pub(super) fn release(&mut self, handle: u32, reference: u64) {
        self.slots[handle as usize].qty = 0;
        self.live -= 1;
        let at = handle as usize / PAGE;
        let live = &mut self.live_in[at];
        *live -= 1;
        if *live == 0 || *live >= ASIDE {
            self.vacate(at, handle, reference);
        }
    }

    /// A slot of the side is free again, or a page without orders.
    fn vacate(&mut self, at: usize, handle: u32, reference: u64) {
        if self.live_in[at] >= ASIDE {
            self.side.remove(reference);
            self.slots[handle as usize].next = self.side_free;
            self.side_free = handle;
        } else {
            self.give_back(at, reference >> PAGE_BITS, NONE);
        }
    }

    /// The reference of a living order.
    pub(super) fn reference(&self, handle: u32) -> u64 {
        let at = handle as usize / PAGE;
        if self.live_in[at] >= ASIDE {
            self.side_references[self.side_place(handle)]
        } else {
            self.numbers[at] << PAGE_BITS | (handle as usize % PAGE) as u64
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
        let page = self.entry(reference);
        if page == SIDE {
            return self.side.hint(reference);
        }
        prefetch(&self.slots[slot_of(page, reference) as usize]);
    }

    /// The slot of a reference that `hint` was told of; free if there is no such order. A reference aside is found here
    /// at last: its slot is prefetched now, and that of no order given, for nothing of it can be read yet.
    #[inline]
    pub(super) fn hinted(&self, reference: u64) -> &Slot {
        let page = self.entry(reference);
        if page == SIDE {
            return self.hinted_aside(reference);
        }
        &self.slots[slot_of(page, reference) as usize]
    }

    #[inline(never)]
    fn hinted_aside(&self, reference: u64) -> &Slot {
        if let Some(handle) = self.side.get(reference) {
            prefetch(&self.slots[handle as usize]);
        }
        &self.slots[NIL as usize]
    }

    /// Whether a reference is found by the map.
    #[inline]
    pub(super) fn aside(&self, reference: u64) -> bool {
        self.entry(reference) == SIDE
    }

    /// The directory's word on a reference; `SIDE` if it lies outside.
    #[inline]
    fn entry(&self, reference: u64) -> u32 {
        let place = (reference >> PAGE_BITS).wrapping_sub(self.origin);
        self.directory.get(place as usize).copied().unwrap_or(SIDE)
    }

    /// Slots for the page of `reference`, which has none; `None` if its orders live aside.
    #[cold]
    fn page_for(&mut self, reference: u64, levels: &mut Levels) -> Option<u32> {
        let number = reference >> PAGE_BITS;
        let half = self.directory.len() as u64 / 2;
        // Low numbers count from 0; a feed that begins high gets room on both sides.
        if !self.started {
            self.started = true;
            self.origin = number.checked_sub(half * 2).map_or(0, |_| number - half);
        }
        let place = number.wrapping_sub(self.origin) as usize;
        if *self.directory.get(place)? == SIDE || self.live == self.limit {
            return None;
        }
        let page = self.dense_page(number, levels);
        self.directory[place] = page.unwrap_or(SIDE);
        let at = page?;
        self.live_in[at as usize] = 0;
        self.numbers[at as usize] = number;
        self.newest = number;
        Some(at)
    }

    /// An empty page for dense references: a used one, a new one, or that of a thin page.
    fn dense_page(&mut self, number: u64, levels: &mut Levels) -> Option<u32> {
        if let Some(page) = self.free_pages.pop() {
            return Some(page);
        }
        if self.dense_pages < SLACK + self.live / THIN {
            let page = self.new_page().ok()?;
            self.dense_pages += 1;
            return Some(page);
        }
        if number.abs_diff(self.newest) > NEIGHBOUR {
            return None;
        }
        self.retire_thinnest(levels);
        self.free_pages.pop()
    }

    /// A page that was never used.
    fn new_page(&mut self) -> Result<u32, Full> {
        let page = self.live_in.len();
        let limit = self.pages_limit * PAGE;
        grow(&mut self.slots, (page + 1) * PAGE, CHUNK * PAGE, limit, Slot::default())?;
        grow(&mut self.arrivals, (page + 1) * PAGE, CHUNK * PAGE, limit, 0)?;
        grow(&mut self.live_in, page + 1, 0, self.pages_limit, 0)?;
        grow(&mut self.numbers, page + 1, 0, self.pages_limit, 0)?;
        Ok(page as u32)
    }

    /// Moves the orders of the thinnest of the next few pages aside, if it is thin enough.
    fn retire_thinnest(&mut self, levels: &mut Levels) {
        let mut thinnest = None;
        let pages = self.live_in.len();
        for _ in 0..SEARCH.min(pages) {
            self.hand = if self.hand + 1 < pages { self.hand + 1 } else { 1 };
            let live = self.live_in[self.hand];
            // Free pages have 0, those of the side more than any.
            if (1..=RETIRED_MAX).contains(&live)
                && self.numbers[self.hand].abs_diff(self.newest) > NEIGHBOUR
                && thinnest.is_none_or(|(least, _)| live < least)
            {
                thinnest = Some((live, self.hand));
            }
        }
        let Some((_, at)) = thinnest else { return };
        let number = self.numbers[at];
        for from in at * PAGE..(at + 1) * PAGE {
            let slot = self.slots[from];
            if slot.qty > 0 {
                let reference = number << PAGE_BITS | (from % PAGE) as u64;
                // There is always room: the side can hold every order that may be alive.
                let Ok(to) = self.side_slot(reference) else { return };
                self.slots[from] = Slot::default();
                self.live_in[at] -= 1;
                self.slots[to as usize] = slot;
                self.arrivals[to as usize] = self.arrivals[from];
                match slot.prev {
                    NIL => levels.get_mut(slot.level).head = to,
                    prev => self.slots[prev as usize].next = to,
                }
                match slot.next {
                    NIL => levels.get_mut(slot.level).tail = to,
                    next => self.slots[next as usize].prev = to,
                }
            }
        }
        self.give_back(at, number, SIDE);
    }

    /// An empty page goes back; its references are `then` (nowhere, or aside).
    fn give_back(&mut self, at: usize, number: u64, then: u32) {
        self.free_pages.push(at as u32);
        let place = number.wrapping_sub(self.origin) as usize;
        if let Some(entry) = self.directory.get_mut(place) {
            *entry = then;
        }
    }

    #[cold]
    fn place_aside(&mut self, reference: u64) -> Result<u32, Refused> {
        if self.side.get(reference).is_some() {
            return Err(Refused::Taken);
        }
        if self.live == self.limit {
            return Err(Refused::Full);
        }
        let handle = self.side_slot(reference).map_err(|Full| Refused::Full)?;
        self.live += 1;
        Ok(handle)
    }

    /// A slot on the side, entered in the map.
    fn side_slot(&mut self, reference: u64) -> Result<u32, Full> {
        if self.side_free == NIL {
            let at = self.new_page()?;
            let number = self.side_references.len();
            let room = self.side_references.capacity();
            grow(&mut self.side_references, number + PAGE, 0, room, 0)?;
            self.live_in[at as usize] = ASIDE;
            self.numbers[at as usize] = number as u64;
            for handle in (at * PAGE as u32..(at + 1) * PAGE as u32).rev() {
                self.slots[handle as usize].next = self.side_free;
                self.side_free = handle;
            }
        }
        let handle = self.side_free;
        self.side.insert(reference, handle)?;
        self.side_free = self.slots[handle as usize].next;
        self.live_in[handle as usize / PAGE] += 1;
        let place = self.side_place(handle);
        self.side_references[place] = reference;
        Ok(handle)
    }

    /// Place of a side slot's reference.
    fn side_place(&self, handle: u32) -> usize {
        self.numbers[handle as usize / PAGE] as usize + handle as usize % PAGE
    }

    /// Whether counts, map and directory agree with the slots.
    pub(super) fn verify(&self) -> bool {
        let mut live = 0;
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
            if count != usize::from(self.live_in[at] & !ASIDE) {
                return false;
            }
        }
        let named = self.directory.iter().filter(|&&page| page != NONE && page != SIDE);
        let dense = self.live_in.iter().filter(|&&live| (1..ASIDE).contains(&live));
        live == self.live && named.count() == dense.count()
    }
}

/// The slot of a reference in its page.
#[inline]
fn slot_of(page: u32, reference: u64) -> u32 {
    page << PAGE_BITS | (reference as u32 & (PAGE as u32 - 1))
}

#[cfg(test)]
mod tests;
