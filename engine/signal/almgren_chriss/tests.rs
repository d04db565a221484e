//! The paper's example, a schedule solved by hand, and that no other schedule is better.

use super::*;
use proptest::prelude::*;

/// The example of the paper: a million shares of a stock at 50 with 30 % of volatility a year, a spread of an
/// eighth, and five million shares of volume a day; one percent of that moves the price by the spread, ten by it for good.
const IMPACT: Impact =
    Impact { volatility: 0.95, permanent: 2.5e-7, fixed: 0.0625, temporary: 2.5e-6 };

const PROGRAM: Program =
    Program { quantity: Qty(1_000_000), days: 5.0, intervals: 5, risk_aversion: 1e-6 };

fn near(seen: f64, wanted: f64) {
    assert!((seen - wanted).abs() <= 1e-11 * wanted.abs(), "{seen} is not {wanted}");
}

/// The figures were computed in Python by other ways than the code's: κ with acosh, the trajectory by solving the linear
/// equations of the least E + λ V (η'/τ (2 x_j - x_(j-1) - x_(j+1)) + λ σ² τ x_j = 0), E and V by the paper's closed forms.
#[test]
fn the_example_of_the_paper_comes_out() {
    let schedule = Schedule::new(IMPACT, PROGRAM).unwrap();
    near(schedule.kappa(), 0.6070761632470627);
    near(schedule.kappa_limit(), 0.600832755431992);
    let wanted = [
        1_000_000.0,
        541_955.5543739222,
        289_854.219409935,
        147_897.4878217231,
        62_141.801605766006,
        0.0,
    ];
    for (seen, wanted) in schedule.trajectory().zip(wanted) {
        near(seen, wanted);
    }
    assert_eq!(schedule.trajectory().count(), 6);
    let slices: Vec<u64> = schedule.slices().map(|slice| slice.0).collect();
    assert_eq!(slices, [458_044, 252_102, 141_957, 85_755, 62_142]);
    near(schedule.moments().cost, 911_226.9863037934);
    near(schedule.moments().variance, 364_128_572_058.141_05);
    near(schedule.moments().deviation(), 603_430.6688134616);
}

/// With two intervals the only unknown is x_1: X a / (2 a + b), where a = η'/τ and b = λ σ² τ.
/// η' = 0.01 - 0.001 x 0.5 / 2 = 0.00975, a = 0.0195, b = 0.005 x 4 x 0.5 = 0.01: x_1 = 1000 x 0.0195 / 0.049.
#[test]
fn two_intervals_are_as_by_hand() {
    let impact = Impact { volatility: 2.0, permanent: 0.001, fixed: 0.01, temporary: 0.01 };
    let program = Program { quantity: Qty(1000), days: 1.0, intervals: 2, risk_aversion: 0.005 };
    let schedule = Schedule::new(impact, program).unwrap();
    near(schedule.left(1), 397.9591836734694);
    // 500 + 10 + 0.0195 (602.0408² + 397.9592²), and 4 x 0.5 x 397.9592².
    near(schedule.moments().cost, 10_666.080799666806);
    near(schedule.moments().variance, 316_743.0237401083);
    // All at once in the first of two intervals: 500 + 10 + 0.0195 x 1000², and no variance.
    let at_once = schedule.moments_of(&[0.0, 0.0]).unwrap();
    assert_eq!(at_once, Moments { cost: 20_010.0, variance: 0.0 });
}

/// The sums in closed form, as the paper gives them for the optimal schedule.
#[test]
fn the_sums_are_those_of_the_closed_forms() {
    for intervals in [1, 2, 5, 40, 390] {
        for risk_aversion in [1e-8, 1e-6, 1e-5] {
            let program = Program { intervals, risk_aversion, ..PROGRAM };
            let schedule = Schedule::new(IMPACT, program).unwrap();
            let (k, t, x) = (schedule.kappa(), program.days, 1e6);
            let tau = t / f64::from(intervals);
            let eta = IMPACT.temporary - IMPACT.permanent * tau / 2.0;
            let cost = IMPACT.permanent * x * x / 2.0
                + IMPACT.fixed * x
                + eta
                    * x
                    * x
                    * (k * tau / 2.0).tanh()
                    * (tau * (2.0 * k * t).sinh() + 2.0 * t * (k * tau).sinh())
                    / (2.0 * tau * tau * (k * t).sinh().powi(2));
            let variance = (IMPACT.volatility * x).powi(2) / 2.0
                * (tau * (k * t).sinh() * (k * (t - tau)).cosh() - t * (k * tau).sinh())
                / ((k * t).sinh().powi(2) * (k * tau).sinh());
            let moments = schedule.moments();
            assert!((moments.cost / cost - 1.0).abs() < 1e-9, "{moments:?} {cost}");
            // With one interval nothing is left after it: the closed form leaves a rounding error there.
            let off = (moments.variance - variance).abs();
            assert!(off < 1e-9 * (IMPACT.volatility * x).powi(2), "{moments:?} {variance}");
        }
    }
}

#[test]
fn without_risk_aversion_the_parts_are_equal() {
    let straight = Schedule::new(IMPACT, Program { risk_aversion: 0.0, ..PROGRAM }).unwrap();
    assert_eq!(straight.kappa(), 0.0);
    assert_eq!(straight.kappa_limit(), 0.0);
    for (j, left) in straight.trajectory().enumerate() {
        near(left, 200_000.0 * (5 - j) as f64);
    }
    // 125,000 + 62,500 + 2.375e-6 x 1e12 / 5.
    near(straight.moments().cost, 662_500.0);
    // 0.9025 x 1e12 x (16 + 9 + 4 + 1) / 25.
    near(straight.moments().variance, 1.083e12);

    // And what has next to none comes close to that, down to where floats end.
    for exponent in [-12, -20, -100, -300, -320] {
        let risk_aversion = 10_f64.powi(exponent);
        let schedule = Schedule::new(IMPACT, Program { risk_aversion, ..PROGRAM }).unwrap();
        for (left, straight) in schedule.trajectory().zip(straight.trajectory()) {
            assert!((left - straight).abs() <= 1.0, "{risk_aversion}: {left} {straight}");
        }
    }
}

#[test]
fn with_all_risk_aversion_everything_goes_at_once() {
    let schedule = Schedule::new(IMPACT, Program { risk_aversion: 1e100, ..PROGRAM }).unwrap();
    let slices: Vec<u64> = schedule.slices().map(|slice| slice.0).collect();
    assert_eq!(slices, [1_000_000, 0, 0, 0, 0]);
    assert!(schedule.left(1) < 1e-6 && schedule.moments().cost.is_finite());
}

#[test]
fn shorter_intervals_lead_to_the_limit() {
    let off = |intervals| {
        let schedule = Schedule::new(IMPACT, Program { intervals, ..PROGRAM }).unwrap();
        (schedule.kappa() / schedule.kappa_limit() - 1.0).abs()
    };
    assert!(off(5) > 1e-2 && off(50) < 1.5e-2 && off(500) < off(50) / 5.0 && off(100_000) < 1e-5);
    // In shape too: sinh(κ (T - t)) / sinh(κ T) of continuous trading, half-way.
    let fine = Schedule::new(IMPACT, Program { intervals: 100_000, ..PROGRAM }).unwrap();
    let kappa = fine.kappa_limit();
    let wanted = 1e6 * (kappa * 2.5).sinh() / (kappa * 5.0).sinh();
    assert!((fine.left(50_000) / wanted - 1.0).abs() < 1e-5);
}

#[test]
fn what_cannot_be_is_refused() {
    type Change = fn(&mut Impact, &mut Program, f64);
    type Error = fn(f64) -> ScheduleError;
    let cases: [(Change, Error, f64); 8] = [
        (|i, _, v| i.volatility = v, ScheduleError::Volatility, 0.0),
        (|i, _, v| i.permanent = v, ScheduleError::Permanent, -1e-9),
        (|i, _, v| i.fixed = v, ScheduleError::Fixed, -1e-9),
        (|i, _, v| i.temporary = v, ScheduleError::Temporary, 0.0),
        (|_, p, v| p.days = v, ScheduleError::Days, 1e-7),
        (|_, p, v| p.risk_aversion = v, ScheduleError::RiskAversion, -1e-9),
        (|_, p, v| p.intervals = v as u32, |v| ScheduleError::Intervals(v as u32), 0.0),
        (|_, p, v| p.quantity = Qty(v as u64), |v| ScheduleError::Quantity(Qty(v as u64)), 0.0),
    ];
    for (at, (change, error, bad)) in cases.into_iter().enumerate() {
        let with = |value| {
            let (mut impact, mut program) = (IMPACT, PROGRAM);
            change(&mut impact, &mut program, value);
            Schedule::new(impact, program).err()
        };
        assert_eq!(with(bad), Some(error(bad)));
        assert!(!error(bad).to_string().is_empty());
        assert_eq!(with(f64::INFINITY), Some(error(f64::INFINITY)));
        assert!(with(f64::NAN).is_some(), "{at}");
    }
    let refused = |impact, program| Schedule::new(impact, program).err();
    // 2.5e-6 - 5e-6 x 1 / 2 = 0: what is gained by trading slowly is lost for good.
    let lasting = Impact { permanent: 5e-6, ..IMPACT };
    assert_eq!(refused(lasting, PROGRAM), Some(ScheduleError::TooCoarse(0.0)));
    assert_eq!(refused(lasting, Program { intervals: 6, ..PROGRAM }), None);

    let schedule = Schedule::new(IMPACT, PROGRAM).unwrap();
    for other in [&[0.0; 4][..], &[0.0; 6], &[1.0; 5], &[f64::NAN, 0.0, 0.0, 0.0, 0.0]] {
        assert_eq!(schedule.moments_of(other), Err(ScheduleError::Other));
    }
}

/// Markets from calm to wild, programs of up to 60 intervals.
fn case() -> impl Strategy<Value = (Impact, Program)> {
    let impact = (0.001..10.0, 0.0..1.0, 0.0..1.0, -8.0..-3.0);
    let program = (1..10_000_000_u64, 0.01..20.0, 1..60_u32, -12.0..0.0);
    (impact, program).prop_map(
        |((volatility, permanent, fixed, temporary), (quantity, days, intervals, aversion))| {
            let temporary = 10_f64.powf(temporary);
            // Up to what the intervals allow.
            let permanent = permanent * temporary * f64::from(intervals) / days;
            (
                Impact { volatility, permanent, fixed, temporary },
                Program {
                    quantity: Qty(quantity),
                    days,
                    intervals,
                    risk_aversion: 10_f64.powf(aversion),
                },
            )
        },
    )
}

proptest! {
    #[test]
    fn a_schedule_falls_from_all_to_nothing((impact, program) in case()) {
        let schedule = Schedule::new(impact, program).unwrap();
        let left: Vec<f64> = schedule.trajectory().collect();
        prop_assert_eq!(left.len(), program.intervals as usize + 1);
        prop_assert_eq!((left[0], left[left.len() - 1]), (program.quantity.0 as f64, 0.0));
        prop_assert!(left.windows(2).all(|pair| pair[0] >= pair[1]));
        // Ever slower.
        let slices: Vec<f64> = left.windows(2).map(|pair| pair[0] - pair[1]).collect();
        prop_assert!(slices.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9 * left[0]));
        let whole: Vec<u64> = schedule.slices().map(|slice| slice.0).collect();
        prop_assert_eq!(whole.iter().sum::<u64>(), program.quantity.0);
        for (whole, slice) in whole.iter().zip(&slices) {
            prop_assert!((*whole as f64 - slice).abs() <= 1.0 + 1e-9);
        }
    }

    #[test]
    fn no_other_schedule_is_better(
        (impact, program) in case(),
        noise in proptest::collection::vec(-1.0..1.0, 60),
        scale in -6.0..1.0,
    ) {
        let schedule = Schedule::new(impact, program).unwrap();
        let best = schedule.moments().objective(program.risk_aversion);
        let size = program.quantity.0 as f64 * 10_f64.powf(scale);
        let mut other: Vec<f64> = schedule.trajectory().skip(1).collect();
        let last = other.len() - 1;
        for (left, noise) in other[..last].iter_mut().zip(&noise) {
            *left += size * noise;
        }
        let moments = schedule.moments_of(&other).unwrap();
        prop_assert!(moments.objective(program.risk_aversion) >= best * (1.0 - 1e-12));
    }

    #[test]
    fn the_exact_kappa_beats_every_other(
        (impact, program) in case(),
        turn in 0.3..20.0_f64,
        factor in prop_oneof![0.5..0.99, 1.01..2.0],
    ) {
        // The aversion that leads to a certain κ T. With fewer than three intervals there is less to choose.
        let intervals = program.intervals.max(3);
        let interval = program.days / f64::from(intervals);
        let discrete = impact.temporary - impact.permanent * interval / 2.0;
        let square = 2.0 * ((turn / f64::from(intervals)).cosh() - 1.0) / (interval * interval);
        let risk_aversion = square * discrete / (impact.volatility * impact.volatility);
        let program = Program { intervals, risk_aversion, ..program };

        let schedule = Schedule::new(impact, program).unwrap();
        prop_assert!((schedule.kappa() * program.days / turn - 1.0).abs() < 1e-9);
        let other = Schedule { kappa: schedule.kappa() * factor, ..schedule };
        let [best, worse] =
            [schedule, other].map(|schedule| schedule.moments().objective(risk_aversion));
        prop_assert!(worse > best);
    }

    #[test]
    fn more_aversion_means_more_cost_and_less_variance((impact, program) in case()) {
        let calm = Schedule::new(impact, program).unwrap().moments();
        let risk_aversion = program.risk_aversion * 2.0;
        let averse = Schedule::new(impact, Program { risk_aversion, ..program }).unwrap().moments();
        prop_assert!(averse.cost >= calm.cost * (1.0 - 1e-12));
        prop_assert!(averse.variance <= calm.variance * (1.0 + 1e-12));
    }
}
