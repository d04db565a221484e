//! coretick's own books.

use crate::replay::{Contender, Top};
use coretick::base::message::Market;
use coretick::base::unit::{InstrumentId, Price, Qty, Side};
use coretick::book::Books;

impl Contender for Books {
    #[inline]
    fn apply(&mut self, message: &Market) {
        Books::apply(self, message);
    }

    #[inline(always)]
    fn hint(&self, message: &Market, step: u8) {
        Books::hint(self, message, step);
    }

    fn orders(&self, see: &mut impl FnMut(u64, Side, Price, Qty)) {
        for instrument in (0..self.instruments()).map(|id| InstrumentId(id as u32)) {
            for side in [Side::BUY, Side::SELL] {
                for level in self.levels(instrument, side) {
                    for order in Books::orders(self, instrument, side, level.price) {
                        see(order.reference, side, level.price, order.qty);
                    }
                }
            }
        }
    }

    fn top(&self, instrument: InstrumentId) -> Top {
        let top = Books::top(self, instrument);
        [(top.bid, top.bid_qty), (top.ask, top.ask_qty)]
    }
}
