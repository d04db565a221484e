//! The numbers that the gate holds orders against.
#![forbid(unsafe_code)]

use crate::base::unit::{Money, Qty};

/// Limits; the configuration's `[risk]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lots of one order.
    pub order_qty_max: Qty,
    /// Price x quantity of one order.
    pub order_notional_max: Money,
    /// How far an order may be priced through the market, in hundredths of a per cent.
    pub collar_bp: u32,
    /// Lots long or short in one instrument, worst case.
    pub position_max: Qty,
    /// Orders open at once.
    pub open_orders_max: usize,
}
