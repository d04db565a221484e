//! Orders: from a reference to its slot in one step, for every reference that is alive.
//!
//! Feeds number orders upwards, and most die young. So references are cut into pages of 512; a directory tells for
//! each page where its 512 slots are. A page gets slots when its first order comes and gives them back when its last
//! one dies. References that lie outside the directory, and those whose page got no slots, live in a hash map with
//! slots of their own (the *side*).
//!
//! What always holds:
//! * A directory entry says where **all** living orders of its page are: `NONE` (there are none), `SIDE` (in the hash
//!   map; it stays so), or a page of slots. So one look decides, and no reference can be alive twice.
//! * A slot is free if and only if its quantity is 0. A page without orders is all zero: nothing is cleared on reuse.
//! * Pages in use are at most `SLACK` plus one for each `THIN` orders alive at the peak. When long-lived orders thin the
//!   pages out, the thinnest of the next few is *retired*: its survivors (few, bounded) move to the side.

use super::level::{Level, NIL};
use crate::base::pool::{Full, IdMap, Slab, grow, touched};
use crate::base::prefetch::prefetch;

/// An order, but for what its level tells (price, side, instrument) and its place tells (reference).
///
/// 20 bytes rather than 32: three to a cache line where orders of neighbouring references live together.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Slot {
    /// Open quantity; 0 in a free slot.
    pub(super) qty: u32,
    /// Handle of its level.
    pub(super) level: u32,
    /// The slot before it in the queue, `NIL` at the head.
    pub(super) prev: u32,
    /// The slot behind it in the queue, `NIL` at the tail; in a free side slot, the next free one.
    pub(super) next: u32,
    /// When it got its priority, as the book counts.
    pub(super) arrival: u32,
}

/// 512 slots.
#[derive(Clone, Copy, Default)]
struct Page {
    /// Dense: the references' upper bits. Side: place of its first reference in `side_references`.
    number: u64,
    /// Orders alive in it.
    live: u32,
    dense: bool,
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
    /// Page 0 is never used: slot 0 means `NIL`, page 0 means `NONE`.
    pages: Vec<Page>,
    pages_limit: usize,
    free_pages: Vec<u32>,
    /// Pages in use, or free again, for dense references.
    dense_pages: usize,
    /// By page number, from `origin`.
    directory: Vec<u32>,
    /// Page number of the directory's first entry; set by the first order.
    origin: Option<u64>,
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

/// 512 slots a page: a new page every 512 orders, 10 KiB each.
const PAGE_BITS: u32 = 9;
const PAGE: usize = 1 << PAGE_BITS;
const NONE: u32 = 0;
const SIDE: u32 = u32::MAX;
/// Pages that may be nearly empty: 640 KiB.
const SLACK: usize = 64;
/// Beyond the slack, a page for this many living orders: 320 bytes of slots an order at worst.
const THIN: usize = 32;
/// Pages that a search for a thin one looks at.
const SEARCH: usize = 16;
/// A page with more orders is not retired: bounds the work of one message.
const RETIRED_MAX: u32 = 32;
/// A page this close to the newest one belongs to a feed that counts; others are sparse.
const NEIGHBOUR: u64 = 4;
/// Pages touched at a time when the pool grows: 160 KiB.
const CHUNK: usize = 16;
/// Directory entries at most: 2^31 references in 16 MiB.
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
        (limit * 2).next_power_of_two().clamp(1 << 12, DIRECTORY_MAX)
    }

    /// Memory that is touched at start for so many orders.
    pub(super) fn bytes(limit: usize) -> usize {
        let limit = limit.clamp(1, ORDERS_MAX);
        let (pages, at_once) = Self::pages(limit);
        at_once * PAGE * size_of::<Slot>()
            + (pages + Self::entries(limit)) * size_of::<u32>()
            + IdMap::<u32>::bytes(limit)
    }

    /// Room for `limit` orders (2^27 at most).
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, ORDERS_MAX);
        let side_pages = limit.div_ceil(PAGE);
        let (pages_limit, at_once) = Self::pages(limit);
        let mut slots = Vec::with_capacity(pages_limit * PAGE);
        slots.resize(at_once * PAGE, Slot::default());
        let mut pages = Vec::with_capacity(pages_limit);
        pages.push(Page::default());
        let mut free_pages = touched(pages_limit, 0);
        free_pages.clear();
        Self {
            slots,
            pages,
            pages_limit,
            free_pages,
            dense_pages: 0,
            directory: touched(Self::entries(limit), NONE),
            origin: None,
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
        match self.entry(reference) {
            Some(NONE) => None,
            Some(SIDE) | None => self.side.get(reference),
            Some(page) => {
                let handle = slot_of(page, reference);
                (self.slots[handle as usize].qty > 0).then_some(handle)
            }
        }
    }

    /// A free slot for `reference`. It counts as alive from here on: the caller gives it a quantity, or releases it.
    ///
    /// May move other orders to the side; their levels' ends follow.
    #[inline]
    pub(super) fn place(
        &mut self,
        reference: u64,
        levels: &mut Slab<Level>,
    ) -> Result<u32, Refused> {
        let page = match self.entry(reference) {
            Some(page) if page != NONE && page != SIDE => page,
            _ => match self.page_for(reference, levels) {
                Some(page) => page,
                None => return self.place_aside(reference),
            },
        };
        let handle = slot_of(page, reference);
        if self.slots[handle as usize].qty > 0 {
            return Err(Refused::Taken);
        }
        if self.live == self.limit {
            return Err(Refused::Full);
        }
        self.pages[page as usize].live += 1;
        self.live += 1;
        Ok(handle)
    }

    /// Frees a living order's slot. Its neighbours no longer point at it.
    #[inline]
    pub(super) fn release(&mut self, handle: u32) {
        self.slots[handle as usize].qty = 0;
        self.live -= 1;
        let at = handle as usize / PAGE;
        let page = &mut self.pages[at];
        page.live -= 1;
        if !page.dense {
            self.side.remove(self.side_references[side_place(page, handle)]);
            self.slots[handle as usize].next = self.side_free;
            self.side_free = handle;
        } else if page.live == 0 {
            let number = page.number;
            self.give_back(at, number, NONE);
        }
    }

    /// The reference of a living order.
    pub(super) fn reference(&self, handle: u32) -> u64 {
        let page = &self.pages[handle as usize / PAGE];
        if page.dense {
            page.number << PAGE_BITS | (handle as usize % PAGE) as u64
        } else {
            self.side_references[side_place(page, handle)]
        }
    }

    /// A slot.
    #[inline]
    pub(super) fn slot(&self, handle: u32) -> &Slot {
        &self.slots[handle as usize]
    }

    /// A slot, to change.
    #[inline]
    pub(super) fn slot_mut(&mut self, handle: u32) -> &mut Slot {
        &mut self.slots[handle as usize]
    }

    /// Prefetches what `find` or `place` will look at.
    #[inline]
    pub(super) fn hint(&self, reference: u64) {
        match self.entry(reference) {
            Some(NONE) => {}
            Some(SIDE) | None => self.side.hint(reference),
            Some(page) => prefetch(&self.slots[slot_of(page, reference) as usize]),
        }
    }

    /// The handle of a reference whose slot `hint` prefetched. A reference aside is found here at last: its slot is
    /// prefetched now, and `None` given, for nothing of it can be read yet.
    #[inline]
    pub(super) fn hinted(&self, reference: u64) -> Option<u32> {
        match self.entry(reference) {
            Some(NONE) => None,
            Some(SIDE) | None => {
                if let Some(handle) = self.side.get(reference) {
                    prefetch(&self.slots[handle as usize]);
                    let page = &self.pages[handle as usize / PAGE];
                    prefetch(&self.side_references[side_place(page, handle)]);
                }
                None
            }
            Some(page) => Some(slot_of(page, reference)),
        }
    }

    /// Whether a reference is found by the map.
    #[inline]
    pub(super) fn aside(&self, reference: u64) -> bool {
        matches!(self.entry(reference), Some(SIDE) | None)
    }

    /// The directory's word on a reference; `None` if it lies outside.
    #[inline]
    fn entry(&self, reference: u64) -> Option<u32> {
        let place = (reference >> PAGE_BITS).wrapping_sub(self.origin.unwrap_or(0));
        self.directory.get(usize::try_from(place).ok()?).copied()
    }

    /// Slots for the page of `reference`, which has none; `None` if its orders live aside.
    #[cold]
    fn page_for(&mut self, reference: u64, levels: &mut Slab<Level>) -> Option<u32> {
        let number = reference >> PAGE_BITS;
        let half = self.directory.len() as u64 / 2;
        // Low numbers count from 0; a feed that begins high gets room on both sides.
        let origin = *self.origin.get_or_insert(if number < half * 2 { 0 } else { number - half });
        let place = usize::try_from(number.wrapping_sub(origin)).ok()?;
        if *self.directory.get(place)? == SIDE || self.live == self.limit {
            return None;
        }
        let page = self.dense_page(number, levels);
        self.directory[place] = page.unwrap_or(SIDE);
        let at = page?;
        self.pages[at as usize] = Page { number, live: 0, dense: true };
        self.newest = number;
        Some(at)
    }

    /// An empty page for dense references: a used one, a new one, or that of a thin page.
    fn dense_page(&mut self, number: u64, levels: &mut Slab<Level>) -> Option<u32> {
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
        let page = self.pages.len();
        let limit = self.pages_limit * PAGE;
        grow(&mut self.slots, (page + 1) * PAGE, CHUNK * PAGE, limit, Slot::default())?;
        grow(&mut self.pages, page + 1, 0, self.pages_limit, Page::default())?;
        Ok(page as u32)
    }

    /// Moves the orders of the thinnest of the next few pages aside, if it is thin enough.
    fn retire_thinnest(&mut self, levels: &mut Slab<Level>) {
        let mut thinnest = None;
        for _ in 0..SEARCH.min(self.pages.len()) {
            self.hand = if self.hand + 1 < self.pages.len() { self.hand + 1 } else { 1 };
            let page = self.pages[self.hand];
            let recent = page.number.abs_diff(self.newest) <= NEIGHBOUR;
            if page.dense && !recent && thinnest.is_none_or(|(live, _)| page.live < live) {
                thinnest = Some((page.live, self.hand));
            }
        }
        let Some((1..=RETIRED_MAX, at)) = thinnest else { return };
        let number = self.pages[at].number;
        for from in at * PAGE..(at + 1) * PAGE {
            let slot = self.slots[from];
            if slot.qty > 0 {
                let reference = number << PAGE_BITS | (from % PAGE) as u64;
                // There is always room: the side can hold every order that may be alive.
                let Ok(to) = self.side_slot(reference) else { return };
                self.slots[from] = Slot::default();
                self.pages[at].live -= 1;
                self.slots[to as usize] = slot;
                match slot.prev {
                    NIL => levels[slot.level].head = to,
                    prev => self.slots[prev as usize].next = to,
                }
                match slot.next {
                    NIL => levels[slot.level].tail = to,
                    next => self.slots[next as usize].prev = to,
                }
            }
        }
        self.give_back(at, number, SIDE);
    }

    /// An empty page goes back; its references are `then` (nowhere, or aside).
    fn give_back(&mut self, at: usize, number: u64, then: u32) {
        // Unset while it is free: no search for thin pages finds it.
        self.pages[at].dense = false;
        self.free_pages.push(at as u32);
        if let Ok(place) = usize::try_from(number.wrapping_sub(self.origin.unwrap_or(0))) {
            self.directory[place] = then;
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
            self.pages[at as usize] = Page { number: number as u64, live: 0, dense: false };
            for handle in (at * PAGE as u32..(at + 1) * PAGE as u32).rev() {
                self.slots[handle as usize].next = self.side_free;
                self.side_free = handle;
            }
        }
        let handle = self.side_free;
        self.side.insert(reference, handle)?;
        self.side_free = self.slots[handle as usize].next;
        let page = &mut self.pages[handle as usize / PAGE];
        page.live += 1;
        self.side_references[side_place(page, handle)] = reference;
        Ok(handle)
    }

    /// Whether counts, map and directory agree with the slots.
    pub(super) fn verify(&self) -> bool {
        let mut live = 0;
        for (at, page) in self.pages.iter().enumerate().skip(1) {
            let slots = at * PAGE..(at + 1) * PAGE;
            let alive = slots.filter(|&slot| self.slots[slot].qty > 0);
            let mut count = 0;
            for slot in alive {
                count += 1;
                if self.find(self.reference(slot as u32)) != Some(slot as u32) {
                    return false;
                }
            }
            live += count;
            if count != page.live as usize || (page.dense && count == 0) {
                return false;
            }
        }
        live == self.live
    }
}

/// The slot of a reference in its page.
#[inline]
fn slot_of(page: u32, reference: u64) -> u32 {
    page << PAGE_BITS | (reference as u32 & (PAGE as u32 - 1))
}

/// Place of a side slot's reference.
fn side_place(page: &Page, handle: u32) -> usize {
    page.number as usize + handle as usize % PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters an order that stands alone in its level's queue.
    fn enter(orders: &mut Orders, levels: &mut Slab<Level>, reference: u64) -> Result<(), Refused> {
        let handle = orders.place(reference, levels)?;
        let level = levels.insert(Level::new(0, 0, 1)).unwrap();
        (levels[level].head, levels[level].tail) = (handle, handle);
        *orders.slot_mut(handle) = Slot { qty: 1, level, ..Slot::default() };
        Ok(())
    }

    fn leave(orders: &mut Orders, levels: &mut Slab<Level>, reference: u64) {
        let handle = orders.find(reference).unwrap();
        let level = orders.slot(handle).level;
        assert_eq!(
            (levels[level].head, levels[level].tail),
            (handle, handle),
            "ends follow a move"
        );
        levels.remove(level);
        orders.release(handle);
    }

    fn pools(limit: usize) -> (Orders, Slab<Level>) {
        (Orders::new(limit), Slab::new(limit, Level::default()))
    }

    #[test]
    fn a_page_is_used_again_when_its_last_order_dies() {
        let (mut orders, mut levels) = pools(1000);
        for reference in 0..1_000_000 {
            enter(&mut orders, &mut levels, reference).unwrap();
            if reference >= 700 {
                leave(&mut orders, &mut levels, reference - 700);
            }
        }
        assert_eq!((orders.len(), orders.dense_pages), (700, 3));
        assert!(orders.side.is_empty() && orders.verify());
    }

    #[test]
    fn long_lived_orders_move_aside_before_they_hold_many_pages() {
        let (mut orders, mut levels) = pools(10_000);
        // One of 512 stays for ever, the others for 700 more.
        let stays = |reference: u64| reference % 512 == 77;
        for reference in 0..2_000_000 {
            enter(&mut orders, &mut levels, reference).unwrap();
            if reference >= 700 && !stays(reference - 700) {
                leave(&mut orders, &mut levels, reference - 700);
            }
        }
        assert!(orders.dense_pages <= SLACK + orders.len() / THIN);
        assert!(orders.side.len() > 3000, "{}", orders.side.len());
        assert!(orders.verify());
        assert_eq!(enter(&mut orders, &mut levels, 77), Err(Refused::Taken));
        assert_eq!(enter(&mut orders, &mut levels, 1_999_999), Err(Refused::Taken));
        for reference in (0..2_000_000 - 700).filter(|&reference| stays(reference)) {
            leave(&mut orders, &mut levels, reference);
        }
        assert!(orders.len() == 700 && orders.verify());
    }

    #[test]
    fn every_reference_can_live_wherever_it_lies_and_as_many_as_fit() {
        let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let patterns: [&dyn Fn(u64) -> u64; 6] =
            [&|n| n, &|n| u64::MAX - n, &|n| n * 512, &|n| n * 100_000_007, &spread, &|n| {
                if n % 2 == 0 { n } else { spread(n) }
            }];
        for pattern in patterns {
            let (mut orders, mut levels) = pools(5000);
            for round in 0..3 {
                for n in 0..5000 {
                    enter(&mut orders, &mut levels, pattern(n)).unwrap();
                }
                assert_eq!(enter(&mut orders, &mut levels, pattern(5000)), Err(Refused::Full));
                assert_eq!(orders.find(pattern(5000)), None);
                for n in 0..5000 {
                    let handle = orders.find(pattern(n)).unwrap();
                    assert_eq!(orders.reference(handle), pattern(n));
                }
                assert!(orders.verify(), "round {round}");
                assert!(orders.pages.len() <= 1 + SLACK + 5000 / THIN + 10, "memory is bounded");
                (0..5000).for_each(|n| leave(&mut orders, &mut levels, pattern(n)));
                assert!(orders.len() == 0 && orders.verify());
            }
        }
    }
}
