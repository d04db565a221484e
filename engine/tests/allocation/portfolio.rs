//! Positions by both methods, with a pool of lots that is too small.

use super::counted;
use coretick::base::unit::{InstrumentId, Liquidity, Money, Price, Qty, Side};
use coretick::portfolio::{Method, Portfolio, Settings, Trade};

#[test]
fn fills_marks_and_figures_never_allocate() {
    for method in [Method::Average, Method::Fifo] {
        let settings = Settings { method, lots_max: 64, ..Settings::default() };
        let mut portfolio = Portfolio::with(settings, 100);
        let ((), calls) = counted(|| {
            for n in 0..20_000u32 {
                let instrument = InstrumentId(n % 100);
                // Mostly opening, so that lots run out; now and then a close of all.
                let (side, qty) =
                    if n % 7_001 > 6_900 { (Side::SELL, 2_000) } else { (Side::BUY, 10) };
                let price = Price(i64::from(n % 37) + 1);
                let liquidity = Liquidity::ADDED;
                let trade = Trade { side, price, qty: Qty(qty), liquidity, fee: Money(1) };
                assert!(portfolio.on_fill(instrument, &trade));
                if n.is_multiple_of(11) {
                    assert!(portfolio.on_void(instrument, &trade));
                }
                assert!(portfolio.mark(instrument, price));
                assert!(portfolio.figures().fees.0 >= 0);
            }
        });
        assert_eq!(calls, 0);
        assert_eq!(portfolio.merged_lots() > 0, method == Method::Fifo, "the pool ran out");
        assert!(portfolio.figures().gross.0 > 0 && portfolio.traded().count() == 100);
    }
}
