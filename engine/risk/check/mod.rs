//! The controls, one function each: plain arithmetic over what it is shown, no state of its own.
//!
//! `order.rs` holds those that look at one order and its instrument (1 to 12, 21), `level.rs` those that are added up over
//! a scope (13 to 18, 22). Integers only, saturating by name. A control whose limit is off passes all; one that lacks what
//! it needs to judge refuses. Orders that can only reduce a position are not stopped by the limits of position, exposure and
//! loss: for those the gate does not ask them. Cancels never come here.
#![forbid(unsafe_code)]

mod level;
mod order;

pub use level::*;
pub use order::*;

use crate::base::code::Code;
use crate::base::unit::{Position, Price, Qty, Side};

/// Why an intent does not pass: which control, its limit, and what would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The control.
    pub code: Code,
    /// Its limit, in the unit that the code names.
    pub limit: i64,
    /// What the intent would have made it.
    pub value: i64,
}

/// The outcome of a control.
pub type Verdict = Result<(), Refusal>;

/// A quantity above this is no order: so no sum of open orders comes near the end of its type.
pub const QTY_CEILING: Qty = Qty(1 << 40);
/// A notional above this, in 1e-9 of the currency, is no order either.
pub const NOTIONAL_CEILING: i128 = 1 << 100;

/// What is at stake in one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Held.
    pub position: Position,
    /// Bids that may still fill.
    pub open_buys: Qty,
    /// Offers that may still fill.
    pub open_sells: Qty,
}

impl Exposure {
    /// Position after the worst case on the side of an order that adds `added`: all that is open there filled.
    #[inline]
    pub fn worst(&self, side: Side, added: Qty) -> i128 {
        let (held, added) = (i128::from(self.position.0), i128::from(added.0));
        if side.is_buy() {
            held + i128::from(self.open_buys.0) + added
        } else {
            held - i128::from(self.open_sells.0) - added
        }
    }

    /// Whether such an order can but reduce the position, whatever fills on its side.
    #[inline]
    pub fn only_reduces(&self, side: Side, added: Qty) -> bool {
        let worst = self.worst(side, added);
        if side.is_buy() {
            self.position.0 < 0 && worst <= 0
        } else {
            self.position.0 > 0 && worst >= 0
        }
    }

    /// This and what is at stake elsewhere, together.
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            position: Position(self.position.0.saturating_add(other.position.0)),
            open_buys: self.open_buys.saturating_add(other.open_buys),
            open_sells: self.open_sells.saturating_add(other.open_sells),
        }
    }

    /// What is owned and not on offer yet; below zero if less than nothing is.
    #[inline]
    pub fn free_to_sell(&self) -> i128 {
        i128::from(self.position.0) - i128::from(self.open_sells.0)
    }

    /// What may still fill on a side.
    #[inline]
    pub fn open_mut(&mut self, side: Side) -> &mut Qty {
        if side.is_buy() { &mut self.open_buys } else { &mut self.open_sells }
    }
}

/// What `qty` is worth at `price`, whatever the sign of the price, in 1e-9 of the currency.
#[inline]
pub fn notional(price: Price, qty: Qty, multiplier: u32) -> i128 {
    let each = u128::from(price.0.unsigned_abs()) * u128::from(multiplier);
    // Nearly always one multiplication; of two wide numbers it is a call.
    let all = match u64::try_from(each) {
        Ok(each) => u128::from(each) * u128::from(qty.0),
        Err(_) => each.saturating_mul(u128::from(qty.0)),
    };
    i128::try_from(all).unwrap_or(i128::MAX)
}

/// So many hundredths of a per cent of an amount, rounded down.
#[inline]
fn basis_points(amount: u64, bp: u32) -> i128 {
    let wide = u128::from(amount) * u128::from(bp);
    // Nearly always narrow; a wide division is a call.
    let share = match u64::try_from(wide) {
        Ok(narrow) => u128::from(narrow / 10_000),
        Err(_) => wide / 10_000,
    };
    // Below 2^96.
    share as i128
}

/// As much of an amount as a report can carry.
pub fn capped(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount > 0 { i64::MAX } else { i64::MIN })
}

#[cold]
fn refuse<T>(code: Code, limit: i128, value: i128) -> Result<T, Refusal> {
    Err(Refusal { code, limit: capped(limit), value: capped(value) })
}
