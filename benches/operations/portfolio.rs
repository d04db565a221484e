//! Positions: a fill by either method, a mark, the account's figures.
//!
//! Fills and marks are a fixed list over a thousand instruments, mixed as they would come: buys and sales, opening and
//! closing in part and whole. A figure is for one of them.

use coretick::base::clock::Clock;
use coretick::base::unit::{InstrumentId, Liquidity, Money, PRICE_SCALE, Price, Qty, Side};
use coretick::portfolio::fees::{Commission, Tier, Tiers, VenueFees};
use coretick::portfolio::{Capital, Method, Portfolio, Schedule, Settings, Trade};
use criterion::{Criterion, Throughput};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::hint::black_box;
use std::time::Duration;

const INSTRUMENTS: u32 = 1_000;
/// Fills and marks of the list.
const COUNT: usize = 1 << 14;
/// Lots of FIFO's pool.
const LOTS: usize = 4096;

/// All of them.
pub(crate) fn all(criterion: &mut Criterion) {
    updates(criterion);
    longest(criterion);
    readers(criterion);
}

/// Fills around 50 of the currency, of 100 to 1,000.
fn trades() -> Vec<(InstrumentId, Trade)> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut below = move |n: u32| rng.next_u32() % n;
    let one = |_| {
        let side = if below(2) == 0 { Side::BUY } else { Side::SELL };
        let price = Price::from_e4(500_000 + 100 * below(200));
        let qty = Qty(100 * (1 + u64::from(below(10))));
        let liquidity = if below(2) == 0 { Liquidity::ADDED } else { Liquidity::REMOVED };
        (InstrumentId(below(INSTRUMENTS)), Trade { side, price, qty, liquidity, fee: Money::ZERO })
    };
    (0..COUNT).map(one).collect()
}

/// Tiers and the venue's fees.
fn schedule() -> Schedule {
    let tier = |from, rate| Tier { from: Qty(from), rate: Money(rate) };
    let tiers = [tier(0, 3_500_000), tier(300_000, 2_000_000), tier(3_000_000, 1_500_000)];
    let tiers = Tiers::new(&tiers).expect("in order");
    let venue = VenueFees { added: Money(-2_000_000), removed: Money(3_000_000) };
    Schedule { commission: Commission::Tiered(tiers), venue }
}

fn settings(method: Method) -> Settings {
    let capital =
        Capital { cash: Money(1_000_000_000 * i128::from(PRICE_SCALE)), leverage_max: 400 };
    Settings { method, lots_max: LOTS, schedule: Schedule::default(), capital }
}

/// A portfolio that took in the list once.
fn traded(settings: Settings, instruments: u32, trades: &[(InstrumentId, Trade)]) -> Portfolio {
    let mut portfolio = Portfolio::with(settings, instruments as usize);
    for (instrument, trade) in trades {
        portfolio.on_fill(*instrument, trade);
    }
    portfolio
}

fn updates(criterion: &mut Criterion) {
    let trades = trades();
    let mut group = criterion.benchmark_group("portfolio");
    group.throughput(Throughput::Elements(COUNT as u64));
    let average = settings(Method::Average);
    for (name, settings) in [
        ("fill, average", average),
        ("fill, FIFO", settings(Method::Fifo)),
        ("fill, average, with tiers and venue fees", Settings { schedule: schedule(), ..average }),
    ] {
        let mut portfolio = traded(settings, INSTRUMENTS, &trades);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (instrument, trade) in &trades {
                    black_box(portfolio.on_fill(*instrument, trade));
                }
            });
        });
        assert!(portfolio.traded().count() > 990);
    }
    let mut portfolio = traded(average, INSTRUMENTS, &trades);
    group.bench_function("mark", |bencher| {
        bencher.iter(|| {
            for (instrument, trade) in &trades {
                black_box(portfolio.mark(*instrument, trade.price));
            }
        });
    });
    group.finish();
}

/// The longest that one fill can take: it closes every lot of the pool.
fn longest(criterion: &mut Criterion) {
    let mut portfolio = Portfolio::with(settings(Method::Fifo), 1);
    let one = |side, price, qty| {
        let (price, qty) = (Price(price), Qty(qty));
        Trade { side, price, qty, ..Trade::default() }
    };
    let lots = LOTS as u64 + 1;
    let clock = Clock::calibrated();
    criterion.bench_function("portfolio/fill that closes 4,097 lots", |bencher| {
        bencher.iter_custom(|wanted| {
            let mut ticks = 0;
            for _ in 0..wanted {
                for price in 0..lots {
                    portfolio.on_fill(InstrumentId(0), &one(Side::BUY, price as i64 + 1, 3));
                }
                let began = clock.ticks();
                portfolio.on_fill(InstrumentId(0), &one(Side::SELL, 5_000, 3 * lots));
                ticks += clock.ticks() - began;
            }
            assert_eq!(
                (portfolio.merged_lots(), portfolio.holding(InstrumentId(0)).cost.0),
                (0, 0)
            );
            Duration::from_nanos(clock.nanos(ticks))
        });
    });
}

fn readers(criterion: &mut Criterion) {
    let trades = trades();
    let mut fifty = traded(settings(Method::Average), 50, &trades);
    criterion.bench_function("portfolio/50 positions marked, with P&L and figures", |bencher| {
        bencher.iter(|| {
            let mut sum = 0;
            for instrument in (0..50).map(InstrumentId) {
                fifty.mark(instrument, Price::from_e4(510_000 + instrument.0));
                sum += fifty.unrealised(instrument).0 + fifty.holding(instrument).net().0;
            }
            black_box((sum, fifty.figures()))
        });
    });
    let portfolio = traded(settings(Method::Average), INSTRUMENTS, &trades);
    criterion.bench_function("portfolio/figures", |bencher| {
        bencher.iter(|| black_box(&portfolio).figures());
    });
}
