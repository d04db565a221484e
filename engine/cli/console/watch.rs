//! The log's observer: tells the board of orders that ended, fills, and what is held.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::instrument::InstrumentTable;
use crate::base::message::{Kind, Report};
use crate::base::unit::{InstrumentId, Money, OrderState};
use crate::cli::admin::Refusals;
use crate::journal::Observer;
use crate::portfolio::Portfolio;
use crate::telemetry::{Board, Held};

/// Keeps a portfolio of its own from the log's records, as risk keeps its: the same fills in the same order.
pub struct Watch {
    portfolio: Portfolio,
    board: Board,
    refusals: Refusals,
}

impl Watch {
    /// Holds nothing yet, of so many instruments.
    pub fn new(board: Board, instruments: usize) -> Self {
        let (portfolio, refusals) = (Portfolio::new(instruments), Refusals::default());
        Self { portfolio, board, refusals }
    }

    /// This one, with the multipliers of the table's instruments.
    pub fn with_table(mut self, table: &InstrumentTable) -> Self {
        for (id, instrument) in table.iter() {
            self.portfolio.set_multiplier(id, instrument.multiplier);
        }
        self
    }

    /// This one, which also keeps the last refusals.
    pub(crate) fn with_refusals(self, refusals: Refusals) -> Self {
        Self { refusals, ..self }
    }

    fn show(&self, instrument: InstrumentId) {
        let holding = self.portfolio.holding(instrument);
        let held = Held {
            position: holding.position,
            average_cost: holding.average_cost(),
            cost: holding.cost,
            realised: holding.realised,
            fees: holding.fees,
            traded: holding.bought.saturating_add(holding.sold),
            multiplier: holding.multiplier,
        };
        self.board.trading().hold(instrument, &held);
    }
}

impl Observer for Watch {
    fn on(&mut self, record: &Report) {
        let Report { head, side, price, qty, .. } = *record;
        let (instrument, fee) = (head.instrument, Money(i128::from(record.fee)));
        let trading = self.board.trading();
        match head.kind {
            Kind::FILLED => {
                trading.fills.add(1);
                if self.portfolio.fill(instrument, side, price, qty, fee) {
                    self.show(instrument);
                }
            }
            Kind::BROKEN => {
                trading.broken.add(1);
                if self.portfolio.void(instrument, side, price, qty, fee) {
                    self.show(instrument);
                }
            }
            Kind::CLOSED => {
                trading.end(record.state, Code(record.code));
                if record.state == OrderState::REFUSED {
                    self.refusals.push(record);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::instrument::Instrument;
    use crate::base::testing::cents;
    use crate::base::unit::{Nanos, OrderId, Position, Qty, Side};

    fn record(kind: Kind, side: Side, dollars: i64, qty: u64) -> Report {
        let mut record = Report {
            order: OrderId(1),
            side,
            price: cents(dollars * 100),
            qty: Qty(qty),
            fee: 2,
            ..Report::default()
        };
        (record.head.kind, record.head.instrument) = (kind, InstrumentId(0));
        record
    }

    #[test]
    fn positions_are_those_of_the_fills_less_the_void_ones() {
        let board = Board::new(1, &[], &[]);
        let mut table = InstrumentTable::new();
        let symbol = "ES".parse().unwrap();
        assert!(table.add(Instrument { multiplier: 50, ..Instrument::new(symbol) }).is_some());
        let mut watch = Watch::new(board.clone(), 1).with_table(&table);
        watch.on(&record(Kind::FILLED, Side::BUY, 10, 4));
        watch.on(&record(Kind::FILLED, Side::SELL, 12, 1));
        watch.on(&record(Kind::FILLED, Side::SELL, 99, 2));
        watch.on(&record(Kind::BROKEN, Side::SELL, 99, 2));
        let view = board.view(Nanos(0));
        assert_eq!((view.trading.fills, view.trading.broken), (3, 1));
        let held = view.positions[0].held;
        assert_eq!((held.position, held.multiplier, held.fees), (Position(3), 50, Money(4)));
        assert_eq!(held.traded, Qty(5), "what was bought and sold, the void fill apart");
        let dollars = |amount: i128| Money(amount * 1_000_000_000);
        let made = held.realised.0 - held.cost.0;
        assert_eq!(Money(made), dollars((12 - 40) * 50), "what was paid and taken in");
    }

    #[test]
    fn orders_are_counted_as_they_end_and_other_words_are_not() {
        let board = Board::new(1, &[], &[]);
        let last = Refusals::default();
        let mut watch = Watch::new(board.clone(), 1).with_refusals(last.clone());
        let refused = Report {
            state: OrderState::REFUSED,
            code: Code::POSITION.0,
            ..record(Kind::CLOSED, Side::BUY, 1, 1)
        };
        let filled = Report { state: OrderState::FILLED, ..record(Kind::CLOSED, Side::BUY, 1, 1) };
        for record in [refused, refused, filled, record(Kind::SENT, Side::BUY, 1, 1)] {
            watch.on(&record);
        }
        let trading = board.view(Nanos(0)).trading;
        let ended = [OrderState::REFUSED, OrderState::FILLED].map(|state| trading.ended(state));
        assert_eq!((ended, trading.refusals), ([2, 1], vec![(Code::POSITION, 2)]));
        assert_eq!(last.last(), [refused, refused]);
        (1..=16).for_each(|n| last.push(&Report { order: OrderId(n), ..refused }));
        let names: Vec<_> = last.last().iter().map(|record| record.order.0).collect();
        assert_eq!(names, (1..=16).collect::<Vec<_>>(), "the last ones, the oldest first");
    }
}
