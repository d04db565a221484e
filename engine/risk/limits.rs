//! The numbers that the gate holds orders against: the limits, and the terms on which an instrument trades.
#![forbid(unsafe_code)]

use crate::base::instrument::Instrument;
use crate::base::unit::{Money, Price, Qty};

/// Limits; the configuration's `[risk]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lots of one order.
    pub order_qty_max: Qty,
    /// Price x quantity x multiplier of one order.
    pub order_notional_max: Money,
    /// How far an order may be priced through the market, in hundredths of a per cent.
    pub collar_bp: u32,
    /// Lots long or short in one instrument, worst case.
    pub position_max: Qty,
    /// Orders open at once.
    pub open_orders_max: usize,
}

/// What the instrument table says of an instrument, as far as an order is held against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Units of the underlying in one of its quantity; at least 1.
    pub multiplier: u32,
    /// Step of its price; above 0.
    pub tick: Price,
    /// Step of its quantity; above 0.
    pub lot: Qty,
}

impl Default for Terms {
    /// Of an instrument that no table names: any price, any quantity, one unit each.
    fn default() -> Self {
        Self { multiplier: 1, tick: Price(1), lot: Qty(1) }
    }
}

impl From<&Instrument> for Terms {
    fn from(instrument: &Instrument) -> Self {
        let Instrument { multiplier, tick, lot, .. } = *instrument;
        Self { multiplier, tick, lot }
    }
}
