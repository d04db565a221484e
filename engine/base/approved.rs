//! The last comparison before orders leave: no more of them, and for no more quantity, than the gate let through.
//!
//! The gate counts up when it lets an order through, whoever writes orders to a venue counts down. Neither looks at what the
//! other believes. What is refused in between is counted as let through all the same: so many orders that nobody approved would
//! not be seen here.
#![forbid(unsafe_code)]

use super::message::{Kind, Market};
use super::unit::Qty;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the gate let through. Clones share it; it has one writer.
#[derive(Clone, Debug, Default)]
pub struct Approved(Arc<Counts>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    /// New orders and replaces.
    orders: AtomicU64,
    /// Quantity of new orders.
    qty: AtomicU64,
}

impl Approved {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An order was let through; `qty` is nothing for a replace, whose quantity at the venue counts what its target has executed.
    /// For the gate, before it hands the order on.
    #[inline]
    pub fn add(&self, qty: Qty) {
        // One writer: nothing is lost between the two.
        let more = |count: &AtomicU64, by: u64| {
            count.store(count.load(Ordering::Relaxed).saturating_add(by), Ordering::Release);
        };
        more(&self.0.orders, 1);
        more(&self.0.qty, qty.0);
    }
}

/// What has left, beside what may.
#[derive(Debug, Default)]
pub struct Departures {
    approved: Approved,
    orders: u64,
    qty: u64,
}

impl Departures {
    /// Nothing has left yet.
    pub fn new(approved: Approved) -> Self {
        Self { approved, orders: 0, qty: 0 }
    }

    /// Counts an order that is about to be written. False if more would leave than was let through: it must not. Cancels may
    /// always leave.
    pub fn may_leave(&mut self, order: &Market) -> bool {
        let qty = match order.head.kind {
            Kind::NEW => order.qty.0,
            Kind::REPLACE_ORDER => 0,
            _ => return true,
        };
        let Counts { orders, qty: approved } = &*self.approved.0;
        let after = (self.orders + 1, self.qty.saturating_add(qty));
        if after.0 > orders.load(Ordering::Acquire) || after.1 > approved.load(Ordering::Acquire) {
            return false;
        }
        (self.orders, self.qty) = after;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::message::Header;

    fn order(kind: Kind, qty: u64) -> Market {
        Market { head: Header { kind, ..Header::default() }, qty: Qty(qty), ..Market::default() }
    }

    #[test]
    fn no_more_leaves_than_was_let_through() {
        let approved = Approved::new();
        let mut departures = Departures::new(approved.clone());
        assert!(!departures.may_leave(&order(Kind::NEW, 1)), "nobody asked");
        approved.add(Qty(100));
        assert!(!departures.may_leave(&order(Kind::NEW, 101)), "for more");
        assert!(departures.may_leave(&order(Kind::NEW, 100)));
        assert!(!departures.may_leave(&order(Kind::NEW, 0)), "doubled");
        assert!(departures.may_leave(&order(Kind::CANCEL_ORDER, 0)));
        approved.add(Qty::ZERO);
        assert!(departures.may_leave(&order(Kind::REPLACE_ORDER, 700)));
        assert!(!departures.may_leave(&order(Kind::REPLACE_ORDER, 700)));
    }
}
