//! Numbers that a pencil gives, what always holds, and what is refused.

use super::*;
use crate::book::Top;
use proptest::prelude::*;

const PARAMETERS: Parameters =
    Parameters { impact_factor: 1.0, side_share: 0.5, adverse_share: 0.5, gap_share: 0.01 };

fn model() -> CostModel {
    CostModel::new(PARAMETERS).unwrap()
}

fn liquidity(volume: u64, volatility: f64) -> Liquidity {
    Liquidity::new(Qty(volume), BasisPoints(volatility)).unwrap()
}

fn spread(bp: f64) -> Spread {
    Spread::new(BasisPoints(bp)).unwrap()
}

fn near(seen: BasisPoints, wanted: f64) {
    assert!((seen.0 - wanted).abs() <= 1e-12 * wanted.abs(), "{} is not {wanted}", seen.0);
}

/// A market of a million lots a day, 2 % of volatility and 4 bp of spread, and 10,000 lots to trade: 1 % of the volume,
/// whose root is 0.1.
#[test]
fn a_market_order_costs_half_the_spread_and_the_root_of_its_part_of_the_day() {
    let cost = model().market(&liquidity(1_000_000, 200.0), spread(4.0), Qty(10_000));
    // 0.1 x 200 = 20.
    near(cost.impact, 20.0);
    near(cost.spread, 2.0);
    near(cost.total(), 22.0);
    // 10,000 at 50 are 500,000; 22 bp of that are 1,100.
    let money = cost.money(Price(50 * 1_000_000_000)).0 - 1_100 * 1_000_000_000;
    assert!((0..=1).contains(&money), "{money}");
}

#[test]
fn a_limit_order_costs_half_the_spread_its_wait_and_what_its_taker_knew() {
    let liquidity = liquidity(1_000_000, 200.0);
    let cost = model().limit(&liquidity, spread(4.0), Qty(15_000), Qty(10_000));
    near(cost.spread, 2.0);
    // 25,000 lots are a twentieth of one side's 500,000: 200 x sqrt(0.05) / sqrt(2 pi) = 44.721359549996 / 2.506628274631.
    near(cost.queue, 17.841241161527712);
    // Half of the 22 bp of the market order above.
    near(cost.adverse, 11.0);
    near(cost.total(), 30.841241161527712);
}

#[test]
fn a_stop_order_costs_its_gap_and_then_a_market_order() {
    let cost = model().stop(&liquidity(1_000_000, 200.0), spread(4.0), Qty(10_000));
    // 0.01 x 200 = 2.
    near(cost.gap, 2.0);
    near(cost.total(), 24.0);
}

#[test]
fn four_times_the_size_has_twice_the_impact() {
    let (model, liquidity) = (model(), liquidity(777_777, 123.0));
    let impact = |qty| model.market(&liquidity, spread(1.0), Qty(qty)).impact.0;
    near(BasisPoints(impact(4 * 997)), 2.0 * impact(997));
}

#[test]
fn the_spread_of_a_book_is_relative_to_its_mid() {
    let top = |bid, ask| Top { bid: Price(bid), ask: Price(ask), ..Top::default() };
    // 1 on a mid of 100.
    near(Spread::of(&top(99_500, 100_500)).unwrap().half(), 50.0);
    assert_eq!(Spread::of(&top(7, 7)), Ok(spread(0.0)));
    assert_eq!(Spread::of(&top(8, 7)), Err(CostError::Crossed));
    assert_eq!(Spread::of(&top(0, 7)), Err(CostError::OneSided));
    assert_eq!(Spread::of(&top(7, 0)), Err(CostError::OneSided));
    assert_eq!(Spread::of(&top(-9, 7)), Err(CostError::OneSided));
    assert!(Spread::of(&top(1, i64::MAX)).unwrap().half().0 <= 10_000.0);
}

#[test]
fn what_is_out_of_range_is_refused_and_named() {
    let with = |change: fn(&mut Parameters, f64), value| {
        let mut parameters = PARAMETERS;
        change(&mut parameters, value);
        CostModel::new(parameters).err()
    };
    for (change, error, bad) in [
        (
            (|p, v| p.impact_factor = v) as fn(&mut Parameters, f64),
            CostError::ImpactFactor as fn(f64) -> CostError,
            [0.0, 1000.1],
        ),
        (|p, v| p.side_share = v, CostError::SideShare, [0.0, 1.1]),
        (|p, v| p.adverse_share = v, CostError::AdverseShare, [-0.1, 10.1]),
        (|p, v| p.gap_share = v, CostError::GapShare, [-0.1, 10.1]),
    ] {
        for value in bad.into_iter().chain([f64::INFINITY, f64::NEG_INFINITY]) {
            assert_eq!(with(change, value), Some(error(value)));
            assert!(error(value).to_string().contains(&value.to_string()));
        }
        assert!(with(change, f64::NAN).is_some());
        assert_eq!(with(change, 1.0), None);
    }
    let market = |volume, volatility| Liquidity::new(Qty(volume), BasisPoints(volatility)).err();
    assert_eq!(market(0, 100.0), Some(CostError::Volume));
    assert_eq!(market(1, 0.0), Some(CostError::Volatility(0.0)));
    assert_eq!(market(1, 1e6), Some(CostError::Volatility(1e6)));
    assert!(market(1, f64::NAN).is_some());
    assert_eq!(Spread::new(BasisPoints(-1.0)), Err(CostError::Spread(-1.0)));
    assert!(Spread::new(BasisPoints(f64::NAN)).is_err());
}

#[test]
fn an_order_of_no_size_costs_nothing() {
    let (model, liquidity, spread) = (model(), liquidity(1_000, 100.0), spread(10.0));
    for cost in [
        model.market(&liquidity, spread, Qty::ZERO),
        model.limit(&liquidity, spread, Qty(5), Qty::ZERO),
        model.stop(&liquidity, spread, Qty::ZERO),
    ] {
        assert_eq!((cost.total(), cost.money(Price(1))), (BasisPoints(0.0), Money::ZERO));
    }
}

#[test]
fn the_least_order_in_the_calmest_market_costs_more_than_nothing() {
    let least =
        Parameters { impact_factor: 0.001, side_share: 1.0, adverse_share: 0.0, gap_share: 0.0 };
    let model = CostModel::new(least).unwrap();
    let (liquidity, spread) = (liquidity(u64::MAX, 0.01), spread(0.0));
    for cost in [
        model.market(&liquidity, spread, Qty(1)),
        model.limit(&liquidity, spread, Qty(0), Qty(1)),
        model.stop(&liquidity, spread, Qty(1)),
    ] {
        assert!(cost.total().0 > 0.0);
        assert_eq!(cost.money(Price(1)), Money(1));
        assert_eq!(cost.money(Price(0)), Money(1));
    }
}

#[test]
fn the_greatest_order_in_the_wildest_market_has_a_cost() {
    let most = Parameters {
        impact_factor: 1000.0,
        side_share: 0.001,
        adverse_share: 10.0,
        gap_share: 10.0,
    };
    let model = CostModel::new(most).unwrap();
    let (liquidity, spread) = (liquidity(1, 1e5), spread(20_000.0));
    let limit = model.limit(&liquidity, spread, Qty(u64::MAX), Qty(u64::MAX));
    assert!(limit.total().0.is_finite());
    assert_eq!(limit.money(Price(i64::MIN)), Money(i128::MAX));
    assert!(model.stop(&liquidity, spread, Qty(u64::MAX)).total().0.is_finite());
}

#[test]
fn calibration_finds_the_factor_that_made_the_costs() {
    let made = CostModel::new(Parameters { impact_factor: 0.7, ..PARAMETERS }).unwrap();
    let mut calibration = Calibration::default();
    assert_eq!(calibration.impact_factor(), Err(CostError::Unobserved));
    for n in 1..100_u64 {
        let liquidity = liquidity(n * 1000, 50.0 + n as f64);
        let (spread, qty) = (spread(n as f64), Qty(n * n));
        let cost = made.market(&liquidity, spread, qty).total();
        // What is found lies around the model: the two cancel.
        for off in [-1.0, 1.0, f64::NAN] {
            calibration.observe(&liquidity, spread, qty, BasisPoints(cost.0 + off));
        }
    }
    near(BasisPoints(calibration.impact_factor().unwrap()), 0.7);

    let mut favourable = Calibration::default();
    favourable.observe(&liquidity(100, 100.0), spread(2.0), Qty(1), BasisPoints(0.0));
    // 1 bp better than half of the spread, where the move is 10 bp.
    assert_eq!(favourable.impact_factor(), Err(CostError::ImpactFactor(-0.1)));
}

fn parameters() -> impl Strategy<Value = Parameters> {
    (0.001..1000.0, 0.001..=1.0, 0.0..=10.0, 0.0..=10.0).prop_map(
        |(impact_factor, side_share, adverse_share, gap_share)| Parameters {
            impact_factor,
            side_share,
            adverse_share,
            gap_share,
        },
    )
}

/// All sizes of size, and their neighbours.
fn quantity() -> impl Strategy<Value = u64> {
    (0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
}

/// A market and an order.
#[derive(Clone, Copy, Debug)]
struct Case {
    volume: u64,
    volatility: f64,
    spread: f64,
    ahead: u64,
    qty: u64,
}

impl Case {
    /// Market, limit and stop.
    fn costs(&self, model: &CostModel) -> [Estimate; 3] {
        let liquidity = liquidity(self.volume, self.volatility);
        let (spread, qty) = (spread(self.spread), Qty(self.qty));
        [
            model.market(&liquidity, spread, qty),
            model.limit(&liquidity, spread, Qty(self.ahead), qty),
            model.stop(&liquidity, spread, qty),
        ]
    }
}

fn case() -> impl Strategy<Value = Case> {
    (quantity(), 0.01..1e5, 0.0..20_000.0, quantity(), quantity()).prop_map(
        |(volume, volatility, spread, ahead, qty)| Case {
            volume: volume.max(1),
            volatility,
            spread,
            ahead,
            qty: qty.max(1),
        },
    )
}

proptest! {
    #[test]
    fn more_of_what_costs_never_costs_less(
        parameters in parameters(), a in case(), b in case(), which in 0..5, price in 1..i64::MAX,
    ) {
        let model = CostModel::new(parameters).unwrap();
        // Two cases that differ in one thing, the dearer second.
        let mut less = a;
        let mut more = a;
        match which {
            0 => (less.qty, more.qty) = (a.qty.min(b.qty), a.qty.max(b.qty)),
            1 => (less.ahead, more.ahead) = (a.ahead.min(b.ahead), a.ahead.max(b.ahead)),
            2 => (less.volume, more.volume) = (a.volume.max(b.volume), a.volume.min(b.volume)),
            3 => {
                less.volatility = a.volatility.min(b.volatility);
                more.volatility = a.volatility.max(b.volatility);
            }
            _ => (less.spread, more.spread) = (a.spread.min(b.spread), a.spread.max(b.spread)),
        }
        for (less, more) in less.costs(&model).iter().zip(&more.costs(&model)) {
            prop_assert!(less.total().0 > 0.0 && less.total() <= more.total());
            prop_assert!(more.total().0.is_finite());
            let price = Price(price);
            prop_assert!(less.money(price) > Money::ZERO && less.money(price) <= more.money(price));
        }
    }

    #[test]
    fn one_more_lot_never_costs_less(parameters in parameters(), case in case()) {
        let model = CostModel::new(parameters).unwrap();
        let next = Case { qty: case.qty.saturating_add(1), ..case };
        for (one, other) in case.costs(&model).iter().zip(&next.costs(&model)) {
            prop_assert!(one.total() <= other.total());
            prop_assert!(one.money(Price(1)) <= other.money(Price(1)));
        }
    }

    #[test]
    fn a_twice_as_large_order_costs_clearly_more(parameters in parameters(), case in case()) {
        let model = CostModel::new(parameters).unwrap();
        let qty = case.qty.min(u64::MAX / 2);
        let (one, two) = (Case { qty, ..case }, Case { qty: 2 * qty, ..case });
        let [one, two] = [one, two].map(|case| case.costs(&model)[0].impact.0);
        prop_assert!(two > 1.4 * one && two < 1.5 * one);
    }

    #[test]
    fn a_part_of_the_day_with_its_volume_and_volatility_gives_the_same_cost(case in case()) {
        let volume = case.volume.min(u64::MAX / 4);
        let whole = Case { volume: volume * 4, volatility: case.volatility.max(0.02), ..case };
        let part = Case { volume, volatility: whole.volatility / 2.0, ..case };
        let (whole, part) = (whole.costs(&model()), part.costs(&model()));
        // Not the stop: its gap is a part of the period's volatility.
        for at in 0..2 {
            prop_assert!((whole[at].total().0 / part[at].total().0 - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn money_is_the_basis_points_of_the_notional(case in case(), price in 1..1_000_000_000_000_i64) {
        let case = Case { qty: case.qty >> 24 | 1, ..case };
        for cost in case.costs(&model()) {
            let wanted = price as f64 * case.qty as f64 * cost.total().0 / 1e4;
            let seen = cost.money(Price(price)).0 as f64;
            prop_assert!((seen - wanted).abs() <= 1.0 + 1e-12 * wanted);
            prop_assert_eq!(cost.money(Price(price)), cost.money(Price(-price)));
        }
    }
}
