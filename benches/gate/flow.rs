//! Orders for both designs: the same ones, seeded, each in the words of either.

use super::old_design::{self, AccountLimits, OldDesign, SymbolLimits};
use coretick::base::message::{Header, Intent, Kind, Report};
use coretick::base::unit::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// From one order to the next: ten thousand a second.
const STEP: u64 = 100_000;
/// Cents of each instrument's bid; the ask is two above.
const BID: u64 = 10_000;

/// How much there is of everything.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    /// Instruments, all as likely.
    pub(crate) instruments: u32,
    /// Accounts, with a strategy each.
    pub(crate) accounts: u32,
    /// Orders open before each batch.
    pub(crate) open: usize,
    /// Whether prices repeat, so that most orders ask what was asked within the second; else hardly any does.
    pub(crate) repeating: bool,
}

/// A flow of orders.
pub(crate) struct Flow {
    rng: ChaCha8Rng,
    point: Point,
    count: u64,
}

impl Flow {
    pub(crate) fn new(point: Point) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(7), point, count: 0 }
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.rng.next_u32() % n
    }

    /// The next order: a limit behind the best price of its side, so that no two of them could trade with each other.
    pub(crate) fn next(&mut self) -> Intent {
        self.count += 1;
        let instrument = InstrumentId(self.below(self.point.instruments));
        let trader = 1 + self.below(self.point.accounts);
        let side = if self.below(2) == 0 { Side::BUY } else { Side::SELL };
        let behind = if self.point.repeating { 0 } else { u64::from(self.below(400)) };
        let cents = if side.is_buy() { BID - behind } else { BID + 2 + behind };
        let price_of = |cents: u64| Price(cents as i64 * (PRICE_SCALE / 100));
        let time = Nanos(self.count * STEP);
        Intent {
            head: Header { time, kind: Kind::NEW, instrument, ..Header::default() },
            order: OrderId::new(1, ShardId(0), self.count),
            price: price_of(cents),
            // Of a hundred, so that verdicts are remembered for all of them.
            qty: Qty(100 + u64::from(self.below(100))),
            bid: price_of(BID),
            ask: price_of(BID + 2),
            seen: time,
            account: AccountId(trader),
            strategy: StrategyId(trader as u16),
            side,
            order_type: OrderType::LIMIT,
            tif: TimeInForce::DAY,
            health: Health::LIVE,
            phase: Phase::OPEN,
            ..Intent::default()
        }
    }
}

/// What the venue says of all of an order.
pub(crate) fn report(kind: Kind, order: &Intent, time: Nanos) -> Report {
    let Intent { price, qty, account, strategy, side, .. } = *order;
    let head = Header { kind, time, ..order.head };
    Report { head, order: order.order, price, qty, account, strategy, side, ..Report::default() }
}

fn symbol(instrument: InstrumentId) -> String {
    format!("SYM{:05}", instrument.0)
}

fn account(id: AccountId) -> String {
    format!("ACCOUNT{:02}", id.0)
}

/// The same order in the plain design's words.
pub(crate) fn plain(order: &Intent) -> old_design::Order {
    let float = |price: Price| price.0 as f64 / PRICE_SCALE as f64;
    old_design::Order {
        id: format!("ORD-{:010}", order.order.counter()),
        symbol: symbol(order.head.instrument),
        account: account(order.account),
        side: if order.side.is_buy() { old_design::Side::Buy } else { old_design::Side::Sell },
        price: float(order.price),
        qty: order.qty.0 as f64,
        bid: float(order.bid),
        ask: float(order.ask),
    }
}

/// The plain design with limits that none of these orders meets.
pub(crate) fn plain_design(point: Point, remembers: bool) -> OldDesign {
    let mut design = OldDesign::new(remembers);
    let limits = SymbolLimits {
        tick: 0.01,
        qty_max: 10_000.0,
        notional_max: 1e7,
        volume_share: 0.05,
        average_volume: 1e7,
        collar: 0.05,
        position_max: 1e12,
    };
    for instrument in 0..point.instruments {
        design.add_symbol(&symbol(InstrumentId(instrument)), limits.clone());
    }
    for id in 1..=point.accounts {
        let limits = AccountLimits {
            gross_max: 1e15,
            net_max: 1e15,
            window_value_max: 1e15,
            per_second: 1e6,
            burst: 1e6,
            open_orders_max: 1 << 20,
            repeats: 4,
            repeats_within: 10_000_000,
        };
        design.add_account(&account(AccountId(id)), limits);
    }
    design
}
