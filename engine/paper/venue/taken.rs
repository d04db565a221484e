//! What we took of real orders: each share once, for as long as the order lives.
#![forbid(unsafe_code)]

use super::{Venue, Watch};
use crate::base::unit::*;
use crate::book::Change;

impl Venue {
    /// Shares that the market executes although we had taken them.
    pub(super) fn displace(&mut self, change: &Change) {
        if let Some(taken) = self.taken.get(change.reference) {
            let available = (change.qty.0 + change.left.0).saturating_sub(taken);
            self.counts.displaced += change.qty.0.saturating_sub(available);
        }
    }

    pub(super) fn forget(&mut self, instrument: InstrumentId, reference: u64) -> Option<u64> {
        let taken = self.taken.remove(reference)?;
        if let Some(watch) = self.watch.get_mut(instrument.index()) {
            watch.taken -= 1;
            if watch.taken == 0 {
                watch.filter = 0;
            }
        }
        Some(taken)
    }

    pub(super) fn move_taken(&mut self, change: &Change) {
        if let Some(taken) = self.forget(change.instrument, change.reference)
            && change.new_qty > Qty::ZERO
        {
            self.take(change.instrument, change.new_reference, taken);
        }
    }

    /// Takes `qty` more of a real order. False if that cannot be kept.
    pub(super) fn take(&mut self, instrument: InstrumentId, reference: u64, qty: u64) -> bool {
        if let Some(taken) = self.taken.get_mut(reference) {
            *taken = taken.saturating_add(qty);
            return true;
        }
        let kept = self.taken.insert(reference, qty).is_ok();
        match self.watch.get_mut(instrument.index()) {
            Some(watch) if kept => {
                watch.taken += 1;
                watch.filter |= Watch::bit(reference);
            }
            _ => self.counts.untracked += 1,
        }
        kept
    }

    pub(super) fn available(&self, reference: u64, qty: Qty) -> u64 {
        qty.0.saturating_sub(self.taken.get(reference).unwrap_or(0))
    }
}
