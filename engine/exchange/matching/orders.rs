//! Live orders: a pool of them, found by reference, each in the queue of its level and in the row of its participant.
//!
//! A row is in the order of arrival, because a new order always joins its end: a mass cancel walks it. What hangs on a
//! participant goes with his last live order.

use super::command::{CrossSession, Display, Enter};
use super::levels::{BACK, FRONT, Level};
use super::tree::NONE;
use crate::base::pool::{Full, IdMap, Slab};
use crate::base::prefetch::prefetch;
use crate::exchange::unit::{Participant, Reference};

/// One live order: a cache line. Its level tells the symbol, the side and the price.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Order {
    pub(super) reference: u64,
    /// What market data knows it by; 0 if it does not show.
    pub(super) displayed: u64,
    pub(super) token: u64,
    /// The one before it in its queue.
    pub(super) prev: u32,
    /// The one behind it in its queue.
    pub(super) next: u32,
    /// The participant's order before it.
    older: u32,
    /// The participant's order after it.
    younger: u32,
    pub(super) level: u32,
    /// Handle of its participant.
    pub(super) owner: u32,
    /// Shares left, above 0.
    pub(super) open: u32,
    /// Of them, shares that show.
    pub(super) shown: u32,
    /// Of a reserve order: shares of a part. Of a hidden one: its minimum. Else 0.
    special: u32,
    look: Look,
}

const _: () = assert!(size_of::<Order>() == 64, "one cache line");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Full,
    Hidden,
    Reserve,
    /// Hidden, and for a cross alone: it waits among those that would show.
    Waits,
}

/// A participant with live orders.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) participant: Participant,
    pub(super) oldest: u32,
    youngest: u32,
}

/// All live orders.
pub(super) struct OrderPool {
    pool: Slab<Order>,
    capacity: usize,
    /// Slot by reference.
    pub(super) slots: IdMap<u32>,
    owners: Slab<Owner>,
    /// Owner by participant.
    pub(super) handles: IdMap<u32>,
}

impl Order {
    const FREE: Self = Self {
        reference: 0,
        displayed: 0,
        token: 0,
        prev: NONE,
        next: NONE,
        older: NONE,
        younger: NONE,
        level: NONE,
        owner: NONE,
        open: 0,
        shown: 0,
        special: 0,
        look: Look::Full,
    };

    /// An order that stands in no queue yet.
    pub(super) fn new(reference: Reference, open: u32, enter: &Enter) -> Self {
        let minimum = if enter.terms.minimum > 1 { enter.terms.minimum } else { 0 };
        let (look, special) = match enter.terms.display {
            Display::Full => (Look::Full, 0),
            Display::Hidden if enter.session != CrossSession::Continuous => (Look::Waits, 0),
            Display::Hidden => (Look::Hidden, minimum),
            Display::Reserve(part) => (Look::Reserve, part),
        };
        Self { reference: reference.0, token: enter.token, open, look, special, ..Self::FREE }
    }

    /// Who sees it.
    #[inline]
    pub(super) fn display(&self) -> Display {
        match self.look {
            Look::Full => Display::Full,
            Look::Hidden | Look::Waits => Display::Hidden,
            Look::Reserve => Display::Reserve(self.special),
        }
    }

    /// Shares that show at once if so many are open.
    #[inline]
    pub(super) fn next_part(&self) -> u32 {
        match self.look {
            Look::Full => self.open,
            Look::Hidden | Look::Waits => 0,
            Look::Reserve => self.special.min(self.open),
        }
    }

    /// Shares that show in its turn after `round` others, if all before are gone.
    pub(super) fn part(&self, round: u32) -> u32 {
        let unseen = self.open - self.shown;
        match round {
            0 => self.shown,
            _ => unseen.saturating_sub(self.special.saturating_mul(round - 1)).min(self.special),
        }
    }

    /// Whether it waits for an arrival of some size.
    #[inline]
    pub(super) fn is_conditional(&self) -> bool {
        self.look == Look::Hidden && self.special > 0
    }

    /// Shares that an arrival must have left to meet it.
    #[inline]
    pub(super) fn need(&self) -> u32 {
        if self.look == Look::Hidden { self.special.min(self.open) } else { 0 }
    }

    /// When it got its place: comparable with other orders and parts of orders.
    pub(super) fn priority(&self) -> u64 {
        if self.displayed == 0 { self.reference } else { self.displayed }
    }

    #[inline]
    fn queue(&self) -> usize {
        if self.look == Look::Hidden { BACK } else { FRONT }
    }
}

impl OrderPool {
    /// Memory that it takes.
    pub(super) fn bytes(orders: usize, participants: usize) -> usize {
        Slab::<Order>::bytes(orders)
            + IdMap::<u32>::bytes(orders)
            + Slab::<Owner>::bytes(participants)
            + IdMap::<u32>::bytes(participants)
    }

    pub(super) fn new(orders: usize, participants: usize) -> Self {
        let nobody = Owner { participant: Participant(0), oldest: NONE, youngest: NONE };
        Self {
            pool: Slab::new(orders, Order::FREE),
            capacity: orders,
            slots: IdMap::rising(orders),
            owners: Slab::new(participants, nobody),
            handles: IdMap::new(participants),
        }
    }

    /// How many are live.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= self.capacity
    }

    #[inline]
    pub(super) fn find(&self, reference: Reference) -> Option<u32> {
        self.slots.get(reference.0)
    }

    /// The slots of all, lowest first.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let slot = self.pool.first_from(from)?;
            from = slot + 1;
            Some(slot)
        })
    }

    /// The handle of a participant with live orders; `NONE` if he has none.
    #[inline]
    pub(super) fn owner(&self, participant: Participant) -> u32 {
        self.handles.get(u64::from(participant.0)).unwrap_or(NONE)
    }

    #[inline]
    pub(super) fn owned(&self, owner: u32) -> &Owner {
        &self.owners[owner]
    }

    /// The participant's order after this one.
    pub(super) fn younger(&self, slot: u32) -> u32 {
        self.pool[slot].younger
    }

    /// Asks for the orders beside this one, in its queue and in its row.
    #[inline]
    pub(super) fn hint_neighbours(&self, order: &Order) {
        for slot in [order.prev, order.next, order.older, order.younger] {
            if slot != NONE {
                prefetch(&self.pool[slot]);
            }
        }
    }

    /// Takes an order in: it has a slot and a place in its participant's row from now on, but none in a queue.
    #[inline]
    pub(super) fn insert(&mut self, order: Order, participant: Participant) -> Result<u32, Full> {
        let known = self.owner(participant);
        let owner = match known {
            NONE => self.owners.insert(Owner { participant, oldest: NONE, youngest: NONE })?,
            known => known,
        };
        let older = self.owners[owner].youngest;
        let slot = match self.pool.insert(Order { owner, older, ..order }) {
            Ok(slot) => slot,
            Err(Full) => {
                if known == NONE {
                    self.owners.remove(owner);
                }
                return Err(Full);
            }
        };
        // Neither map can be fuller than its pool.
        if known == NONE {
            self.handles.insert(u64::from(participant.0), owner)?;
        }
        self.slots.insert(order.reference, slot)?;
        self.owners[owner].youngest = slot;
        match older {
            NONE => self.owners[owner].oldest = slot,
            _ => self.pool[older].younger = slot,
        }
        Ok(slot)
    }

    /// Gives the slot of an order back that stands in no queue any more.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) {
        let Order { reference, older, younger, owner, .. } = self.pool[slot];
        let row = &mut self.owners[owner];
        match older {
            NONE => row.oldest = younger,
            _ => self.pool[older].younger = younger,
        }
        match younger {
            NONE => row.youngest = older,
            _ => self.pool[younger].older = older,
        }
        if older == NONE && younger == NONE {
            self.handles.remove(u64::from(row.participant.0));
            self.owners.remove(owner);
        }
        self.slots.remove(reference);
        self.pool.remove(slot);
    }

    /// Puts an order at the back of its queue in `level`. Totals stay as they are.
    #[inline]
    pub(super) fn link(&mut self, level: &mut Level, slot: u32) {
        let queue = self.pool[slot].queue();
        let ends = &mut level.queues[queue];
        let tail = ends.tail;
        (self.pool[slot].prev, self.pool[slot].next) = (tail, NONE);
        match tail {
            NONE => ends.head = slot,
            _ => self.pool[tail].next = slot,
        }
        ends.tail = slot;
    }

    /// Takes an order out of its queue in `level`. Totals stay as they are.
    #[inline]
    pub(super) fn unlink(&mut self, level: &mut Level, slot: u32) {
        let order = &self.pool[slot];
        let (prev, next) = (order.prev, order.next);
        let ends = &mut level.queues[order.queue()];
        match prev {
            NONE => ends.head = next,
            _ => self.pool[prev].next = next,
        }
        match next {
            NONE => ends.tail = prev,
            _ => self.pool[next].prev = prev,
        }
    }
}

impl std::ops::Index<u32> for OrderPool {
    type Output = Order;

    #[inline]
    fn index(&self, slot: u32) -> &Order {
        &self.pool[slot]
    }
}

impl std::ops::IndexMut<u32> for OrderPool {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Order {
        &mut self.pool[slot]
    }
}
