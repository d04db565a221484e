//! Our orders at the exchange, by reference and by name; and the executions of the day, for those that may be broken.

use super::table::Standing;
use crate::base::code::Code;
use crate::base::pool::{Full, IdMap, Slab};
use crate::base::unit::{InstrumentId, OrderId, Price, Side};
use zerocopy::FromZeros;

/// No order.
pub(super) const NOBODY: u32 = u32::MAX;

/// How far a cancel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cancel {
    /// Nobody asked for one.
    #[default]
    No,
    /// It waits for the session, the pace or the socket.
    Wanted,
    /// It was sent.
    Sent,
    /// The exchange has it, and will do it later.
    Pends,
}

/// An order that may be open at the exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) order: OrderId,
    /// The name of the order that it is to replace.
    pub(super) target: OrderId,
    pub(super) reference: u32,
    /// Shares open, as far as is known.
    pub(super) open: u32,
    pub(super) price: Price,
    pub(super) instrument: InstrumentId,
    pub(super) side: Side,
    pub(super) standing: Standing,
    pub(super) cancel: Cancel,
    /// What it leaves over is cancelled at once.
    pub(super) immediate: bool,
    /// Nobody here answers for it: only what it trades is told.
    pub(super) orphan: bool,
    /// It never reached the exchange, for this reason; that is still to be told.
    pub(super) doom: Code,
    /// The order that is to take its place.
    pub(super) heir: u32,
    /// The order whose place it is to take.
    pub(super) before: u32,
}

/// Shares that traded at a match.
#[derive(Clone, Copy, Debug, FromZeros)]
pub(super) struct Execution {
    pub(super) order: OrderId,
    pub(super) match_number: u64,
    pub(super) reference: u32,
    pub(super) instrument: InstrumentId,
    pub(super) qty: u64,
    pub(super) price: Price,
    pub(super) side: Side,
}

/// What became of an execution that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It was.
    Yes,
    /// It was added to one of the same order and match.
    Added,
    /// There is no room: it cannot be found if it is broken.
    No,
}

/// All of them.
pub(super) struct Orders {
    pool: Slab<Entry>,
    by_reference: IdMap<u32>,
    by_order: IdMap<u32>,
    executions: IdMap<Execution>,
    /// References given up since the last connection.
    lost: Vec<u32>,
    capacity: usize,
    wanted: usize,
    doomed: usize,
}

impl Orders {
    pub(super) fn new(orders: usize, executions: usize) -> Self {
        Self {
            pool: Slab::new(orders, Entry::default()),
            by_reference: IdMap::dense(orders),
            by_order: IdMap::dense(orders),
            executions: IdMap::new(executions),
            lost: Vec::with_capacity(orders),
            capacity: orders,
            wanted: 0,
            doomed: 0,
        }
    }

    pub(super) fn bytes(orders: usize, executions: usize) -> usize {
        Slab::<Entry>::bytes(orders)
            + 2 * IdMap::<u32>::bytes(orders)
            + IdMap::<Execution>::bytes(executions)
            + orders * size_of::<u32>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pool.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.pool.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.pool.len() == self.capacity
    }

    /// Cancels that wait to be sent.
    pub(super) const fn wanted(&self) -> usize {
        self.wanted
    }

    /// Orders whose end is still to be told.
    pub(super) const fn doomed(&self) -> usize {
        self.doomed
    }

    /// Takes an order in; its reference and name are new.
    pub(super) fn insert(&mut self, entry: Entry) -> Result<u32, Full> {
        let slot = self.pool.insert(entry)?;
        // The maps have room for as many as the pool. An order without a name is found by its reference only.
        let _ = self.by_reference.insert(u64::from(entry.reference), slot);
        if entry.order != OrderId::NONE {
            let _ = self.by_order.insert(entry.order.0, slot);
        }
        self.wanted += usize::from(entry.cancel == Cancel::Wanted);
        Ok(slot)
    }

    /// Takes an order out, and off the order whose place it was to take.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.pool.remove(slot)?;
        self.by_reference.remove(u64::from(entry.reference));
        if self.by_order.get(entry.order.0) == Some(slot) {
            self.by_order.remove(entry.order.0);
        }
        self.wanted -= usize::from(entry.cancel == Cancel::Wanted);
        self.doomed -= usize::from(entry.doom != Code::NONE);
        if let Some(before) = self.pool.get_mut(entry.before) {
            before.heir = NOBODY;
        }
        if let Some(heir) = self.pool.get_mut(entry.heir) {
            heir.before = NOBODY;
        }
        Some(entry)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Entry> {
        self.pool.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.pool.get_mut(slot)
    }

    pub(super) fn by_reference(&self, reference: u32) -> Option<u32> {
        self.by_reference.get(u64::from(reference))
    }

    pub(super) fn by_order(&self, order: OrderId) -> Option<u32> {
        self.by_order.get(order.0)
    }

    /// The first order from `slot` on.
    pub(super) fn first_from(&self, slot: u32) -> Option<u32> {
        self.pool.first_from(slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let slot = self.pool.first_from(at)?;
            at = slot + 1;
            self.pool.get(slot)
        })
    }

    /// How far the cancel of an order is from now on.
    pub(super) fn set_cancel(&mut self, slot: u32, cancel: Cancel) {
        if let Some(entry) = self.pool.get_mut(slot) {
            self.wanted -= usize::from(entry.cancel == Cancel::Wanted);
            self.wanted += usize::from(cancel == Cancel::Wanted);
            entry.cancel = cancel;
        }
    }

    /// The order never reached the exchange.
    pub(super) fn doom(&mut self, slot: u32, code: Code) {
        if let Some(entry) = self.pool.get_mut(slot) {
            self.doomed += usize::from(entry.doom == Code::NONE);
            entry.doom = code;
        }
    }

    /// References that were given up before are forgotten: no connection on which they could arrive is left.
    pub(super) fn forget_lost(&mut self) {
        self.lost.clear();
    }

    pub(super) fn note_lost(&mut self, reference: u32) {
        if self.lost.len() < self.capacity {
            self.lost.push(reference);
        }
    }

    pub(super) fn is_lost(&self, reference: u32) -> bool {
        self.lost.contains(&reference)
    }

    /// Keeps an execution.
    pub(super) fn keep(&mut self, execution: Execution) -> Kept {
        let Execution { match_number, reference, .. } = execution;
        match self.executions.get_mut(key(match_number, reference)) {
            None => match self.executions.insert(key(match_number, reference), execution) {
                Ok(()) => Kept::Yes,
                Err(Full) => Kept::No,
            },
            Some(kept)
                if (kept.match_number, kept.reference) == (match_number, reference)
                    && kept.price == execution.price =>
            {
                kept.qty = kept.qty.saturating_add(execution.qty);
                Kept::Added
            }
            Some(_) => Kept::No,
        }
    }

    /// Takes out the execution of that match and order.
    pub(super) fn take_execution(
        &mut self,
        match_number: u64,
        reference: u32,
    ) -> Option<Execution> {
        let key = key(match_number, reference);
        let found = self.executions.get(key)?;
        if (found.match_number, found.reference) != (match_number, reference) {
            return None;
        }
        self.executions.remove(key)
    }
}

/// A match and an order as one number: no two have the same while matches are below 2^32; others are told apart by what is
/// kept under it.
const fn key(match_number: u64, reference: u32) -> u64 {
    match_number.rotate_left(32) ^ reference as u64
}
