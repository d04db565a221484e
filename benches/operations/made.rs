//! Messages, books and orders that are made up for the benches.

use coretick::base::message::{Flags, Header, Intent, Kind, Market, Report, Source};
use coretick::base::unit::*;
use coretick::book::{Books, Limits};

/// Operations timed at once, and instruments.
pub(crate) const BATCH: u32 = 256;
/// Levels of each side.
pub(crate) const LEVELS: u32 = 16;
/// Orders of each level.
pub(crate) const DEPTH: u32 = 4;
/// Shares of each order: enough to take one away for as long as a bench may run.
pub(crate) const SHARES: u64 = 1 << 31;
/// Best bid and best ask, in cents; there is room for a level between them.
pub(crate) const BEST: [(Side, u32); 2] = [(Side::BUY, 10_000), (Side::SELL, 10_002)];
/// References from here on are free.
pub(crate) const FREE: u64 = 1 << 20;

pub(crate) fn market(kind: Kind, instrument: u32, reference: u64) -> Market {
    let head = Header {
        time: Nanos(1),
        cause: Seq(1),
        instrument: InstrumentId(instrument),
        kind,
        source: Source(0),
        flags: Flags::default(),
    };
    Market { head, reference, ..Market::default() }
}

pub(crate) fn add(instrument: u32, reference: u64, side: Side, cents: u32, shares: u64) -> Market {
    let (price, qty) = (Price::from_e4(cents * 100), Qty(shares));
    Market { side, price, qty, ..market(Kind::ADD, instrument, reference) }
}

/// The price so many levels behind the best.
pub(crate) fn behind(side: Side, best: u32, levels: u32) -> u32 {
    if side.is_buy() { best - levels } else { best + levels }
}

/// Reference of an order that stands in the books: `place` in its level's queue.
pub(crate) fn standing(instrument: u32, lane: u32, level: u32, levels: u32, place: u32) -> u64 {
    u64::from(((instrument * 2 + lane) * levels + level) * DEPTH + place) + 1
}

/// Books of so many instruments, with so many levels on each side.
pub(crate) fn books(instruments: u32, levels: u32) -> Books {
    let limits = Limits { orders: 1 << 17, levels: 1 << 16, instruments: BATCH as usize };
    let mut books = Books::new(&limits);
    for place in 0..DEPTH {
        for level in 0..levels {
            for instrument in 0..instruments {
                for (lane, (side, best)) in (0..).zip(BEST) {
                    let reference = standing(instrument, lane, level, levels, place);
                    let price = behind(side, best, level);
                    books.apply(&add(instrument, reference, side, price, SHARES));
                }
            }
        }
    }
    let orders = instruments * 2 * levels * DEPTH;
    assert_eq!((books.live_orders(), books.anomalies().total()), (u64::from(orders), 0));
    books
}

/// A message for each instrument, of the sides in turn.
pub(crate) fn each(message: impl Fn(u32, u32, Side, u32) -> Market) -> Vec<Market> {
    let one = |instrument| {
        let lane = instrument % 2;
        let (side, best) = BEST[lane as usize];
        message(instrument, lane, side, best)
    };
    (0..BATCH).map(one).collect()
}

/// An order of 100 at the best ask, or at the best bid.
pub(crate) fn intent(instrument: u32) -> Intent {
    let side = if instrument.is_multiple_of(2) { Side::BUY } else { Side::SELL };
    let [(_, bid), (_, ask)] = BEST.map(|(side, cents)| (side, Price::from_e4(cents * 100)));
    Intent {
        head: market(Kind::NEW, instrument, 0).head,
        order: OrderId::new(1, ShardId(0), u64::from(instrument) + 1),
        price: if side.is_buy() { ask } else { bid },
        qty: Qty(100),
        bid,
        ask,
        side,
        order_type: OrderType::LIMIT,
        tif: TimeInForce::IOC,
        health: Health::LIVE,
        phase: Phase::OPEN,
        ..Intent::default()
    }
}

/// A report on that order.
pub(crate) fn report(kind: Kind, intent: &Intent) -> Report {
    Report {
        head: Header { kind, ..intent.head },
        order: intent.order,
        price: intent.price,
        qty: intent.qty,
        side: intent.side,
        ..Report::default()
    }
}
