//! What must hold of a portfolio as a whole, whatever comes in which order.

use super::account::CAP;
use super::fees::{Commission, Millionths, Tier, Tiers, VenueFees};
use super::*;
use crate::base::unit::Position;
use proptest::prelude::*;

const ONE: InstrumentId = InstrumentId(0);

fn usd(dollars: i128) -> Money {
    Money(dollars * 1_000_000_000)
}

fn at(dollars: u32) -> Price {
    Price::from_e4(dollars * 10_000)
}

fn fifo(lots_max: usize) -> Settings {
    Settings { method: Method::Fifo, lots_max, ..Settings::default() }
}

fn trade(side: Side, price: Price, qty: u64) -> Trade {
    Trade { side, price, qty: Qty(qty), ..Trade::default() }
}

/// What the sums must be: added up anew.
fn recount(portfolio: &Portfolio) -> Figures {
    let mut totals = Totals::default();
    for row in &portfolio.rows {
        let value = capped(row.holding.value(row.mark));
        totals.change(&Part::default(), &Part { value, ..row.part() });
    }
    totals.figures(&portfolio.settings.capital)
}

#[test]
fn a_price_counts_for_every_unit_of_a_lot() {
    let mut portfolio = Portfolio::new(1);
    portfolio.set_multiplier(ONE, 50);
    for (side, price, qty) in [(Side::BUY, at(10), Qty(2)), (Side::SELL, at(13), Qty(1))] {
        assert!(portfolio.fill(ONE, side, price, qty, Money(0)));
    }
    let holding = portfolio.holding(ONE);
    assert_eq!((holding.cost, holding.realised), (usd(500), usd(150)));
    assert_eq!((holding.average_cost(), holding.unrealised(at(9))), (at(10), usd(-50)));
}

#[test]
fn the_method_decides_what_a_close_realises() {
    // 100 at 10 and 100 at 20; 100 sold at 18: 800 by the oldest, 300 on average.
    let settings = [Settings::default(), fifo(4)];
    let realised = settings.map(|settings| {
        let mut portfolio = Portfolio::with(settings, 1);
        for (side, dollars) in [(Side::BUY, 10), (Side::BUY, 20), (Side::SELL, 18)] {
            assert!(portfolio.on_fill(ONE, &trade(side, at(dollars), 100)));
        }
        portfolio.mark(ONE, at(25));
        assert_eq!(portfolio.figures().unrealised, portfolio.unrealised(ONE));
        let realised = portfolio.holding(ONE).realised;
        assert_eq!(realised.0 + portfolio.unrealised(ONE).0, usd(800 + 500).0);
        realised
    });
    assert_eq!(realised, [usd(300), usd(800)]);
}

#[test]
fn the_account_follows_fills_and_marks() {
    let capital = Capital { cash: usd(10_000), leverage_max: 200 };
    let mut portfolio = Portfolio::with(Settings { capital, ..Settings::default() }, 3);
    assert_eq!(portfolio.figures().buying_power, usd(20_000));
    portfolio.fill(ONE, Side::BUY, at(60), Qty(100), usd(4));
    // Not marked yet: at its last fill.
    assert_eq!(portfolio.figures().gross, usd(6_000));
    portfolio.mark(ONE, at(66));
    portfolio.mark(InstrumentId(1), at(23));
    portfolio.fill(InstrumentId(1), Side::SELL, at(20), Qty(100), usd(3));
    let figures = portfolio.figures();
    // Bought for 6,000, now 6,600; sold for 2,000, now 2,300 to buy back; fees of 7.
    assert_eq!((figures.cash, figures.fees), (usd(10_000 - 6_000 + 2_000 - 7), usd(7)));
    assert_eq!((figures.gross, figures.net), (usd(8_900), usd(4_300)));
    assert_eq!((figures.unrealised, figures.equity), (usd(300), usd(10_293)));
    assert_eq!((figures.leverage, figures.buying_power), (Some(87), usd(11_686)));
}

#[test]
fn a_side_that_is_neither_counts_as_a_sale_and_is_taken_back_as_one() {
    for settings in [Settings::default(), fifo(1)] {
        for side in [Side(0), Side(3), Side(255)] {
            let mut portfolio = Portfolio::with(settings, 1);
            portfolio.fill(ONE, side, at(5), Qty(3), Money(0));
            assert_eq!(portfolio.holding(ONE).position, Position(-3));
            portfolio.void(ONE, side, at(5), Qty(3), Money(0));
            assert_eq!(portfolio.holding(ONE), Holding::default());
        }
    }
}

#[test]
fn a_mark_stands_though_fills_come_at_other_prices() {
    let mut portfolio = Portfolio::new(1);
    portfolio.fill(ONE, Side::BUY, at(1), Qty(1), Money(0));
    portfolio.fill(ONE, Side::BUY, at(2), Qty(1), Money(0));
    assert_eq!(portfolio.figures().net, usd(4), "the last fill's");
    portfolio.void(ONE, Side::BUY, at(1), Qty(1), Money(0));
    assert_eq!(portfolio.figures().net, usd(2), "a void fill is no price");
    portfolio.mark(ONE, at(3));
    portfolio.fill(ONE, Side::BUY, at(9), Qty(1), Money(0));
    assert_eq!(portfolio.figures().net, usd(6), "at the mark");
}

#[test]
fn fees_are_the_reports_and_the_schedules() {
    let venue = VenueFees { added: Money(-2), removed: Money(3) };
    let schedule = Schedule { commission: Commission::Fixed(Money(10)), venue };
    let mut portfolio = Portfolio::with(Settings { schedule, ..Settings::default() }, 1);
    let report = Report {
        side: Side::BUY,
        price: at(5),
        qty: Qty(100),
        fee: 7,
        liquidity: Liquidity::REMOVED,
        ..Report::default()
    };
    let removed = Trade::from(&report);
    portfolio.on_fill(ONE, &removed);
    assert_eq!(portfolio.holding(ONE).fees, Money(10 + 300 + 7));
    let added = Trade { side: Side::SELL, liquidity: Liquidity::ADDED, fee: Money(0), ..removed };
    portfolio.on_fill(ONE, &added);
    assert_eq!(portfolio.holding(ONE).fees, Money(317 + 10 - 200));
    assert_eq!(portfolio.holding(ONE).net(), Money(-127));
    assert_eq!((portfolio.figures().fees, portfolio.figures().cash), (Money(127), Money(-127)));
    portfolio.on_void(ONE, &removed);
    portfolio.on_void(ONE, &added);
    assert_eq!((portfolio.holding(ONE).fees, portfolio.traded_so_far), (Money(0), Qty(0)));
}

#[test]
fn a_void_fill_gives_back_the_fee_that_its_report_told() {
    let mut portfolio = Portfolio::new(1);
    portfolio.fill(ONE, Side::BUY, at(5), Qty(1), Money(7));
    assert_eq!(portfolio.figures().fees, Money(7));
    portfolio.void(ONE, Side::BUY, at(5), Qty(1), Money(7));
    assert_eq!(portfolio.figures().fees, Money(0));
}

#[test]
fn tiers_go_by_what_all_instruments_traded() {
    let tier = |from, rate| Tier { from: Qty(from), rate: Money(rate) };
    let tiers = Tiers::new(&[tier(0, 5), tier(100, 2)]).unwrap();
    let schedule = Schedule { commission: Commission::Tiered(tiers), ..Schedule::default() };
    let mut portfolio = Portfolio::with(Settings { schedule, ..Settings::default() }, 2);
    portfolio.on_fill(ONE, &trade(Side::BUY, at(1), 60));
    // 40 of the first tier, 20 of the second.
    portfolio.on_fill(InstrumentId(1), &trade(Side::BUY, at(1), 60));
    assert_eq!(portfolio.holding(InstrumentId(1)).fees, Money(40 * 5 + 20 * 2));
    // Without the first fill all was of the first tier: 60 x 5 in all.
    portfolio.on_void(ONE, &trade(Side::BUY, at(1), 60));
    assert_eq!((portfolio.figures().fees, portfolio.traded_so_far), (Money(300), Qty(60)));
}

#[test]
fn an_instrument_without_a_place_changes_nothing() {
    let mut portfolio = Portfolio::with(fifo(1), 1);
    for instrument in [InstrumentId(1), InstrumentId::NONE] {
        portfolio.set_multiplier(instrument, 5);
        assert!(!portfolio.fill(instrument, Side::BUY, at(1), Qty(1), Money(1)));
        assert!(!portfolio.void(instrument, Side::BUY, at(1), Qty(1), Money(1)));
        assert!(!portfolio.mark(instrument, at(1)));
        assert_eq!(portfolio.holding(instrument), Holding::default());
        assert_eq!(portfolio.unrealised(instrument), Money(0));
    }
    assert_eq!(portfolio.traded_so_far, Qty(0));
    assert_eq!((portfolio.figures(), portfolio.traded().count()), (Figures::default(), 0));
}

#[test]
fn a_new_multiplier_begins_anew() {
    let mut portfolio = Portfolio::with(fifo(2), 2);
    for instrument in [ONE, InstrumentId(1)] {
        for dollars in 1..=3 {
            portfolio.fill(instrument, Side::BUY, at(dollars), Qty(1), Money(1));
        }
    }
    assert_eq!((portfolio.merged_lots(), portfolio.pool.len()), (2, 2));
    portfolio.set_multiplier(ONE, 10);
    assert_eq!(portfolio.holding(ONE), Holding { multiplier: 10, ..Holding::default() });
    assert_eq!(portfolio.pool.len(), 0);
    assert_eq!(portfolio.figures(), recount(&portfolio));
    assert_eq!(portfolio.traded().map(|(id, _)| id).collect::<Vec<_>>(), [InstrumentId(1)]);
}

#[test]
fn memory_is_by_instruments_and_for_fifo_by_lots() {
    let [none, some, lots] =
        [Settings::default(), fifo(0), fifo(1_000)].map(|settings| Portfolio::bytes(&settings, 10));
    assert_eq!(none, 10 * 128);
    assert_eq!(some, none + 10 * size_of::<Queue>());
    assert_eq!(lots, some + Pool::bytes(1_000));
    assert!(lots > some + 1_000 * size_of::<lots::Lot>());
}

#[test]
fn the_greatest_figures_stop_at_their_ends() {
    let most = [(i64::MAX, i64::MIN), (i64::MIN, i64::MAX)];
    for settings in [Settings::default(), fifo(1)] {
        let schedule = Schedule {
            commission: Commission::PerValue(Millionths(u32::MAX)),
            venue: VenueFees { added: Money(i128::MAX), removed: Money(i128::MIN) },
        };
        let capital = Capital { cash: Money(i128::MAX), leverage_max: u32::MAX };
        let mut portfolio = Portfolio::with(Settings { schedule, capital, ..settings }, 2);
        portfolio.set_multiplier(ONE, u32::MAX);
        for (price, mark) in most {
            for side in [Side::BUY, Side::SELL, Side(0)] {
                for liquidity in [Liquidity::ADDED, Liquidity::REMOVED] {
                    for fee in [Money(i128::MAX), Money(i128::MIN)] {
                        let qty = Qty(u64::MAX);
                        let trade = Trade { side, price: Price(price), qty, liquidity, fee };
                        for instrument in [ONE, InstrumentId(1)] {
                            assert!(portfolio.on_fill(instrument, &trade));
                            assert!(portfolio.mark(instrument, Price(mark)));
                            assert_eq!(portfolio.figures(), recount(&portfolio));
                            assert!(portfolio.on_void(instrument, &trade));
                            assert!(portfolio.on_fill(instrument, &trade));
                            assert_eq!(portfolio.figures(), recount(&portfolio));
                        }
                    }
                }
            }
        }
        let held = portfolio.holding(ONE).position;
        assert!(held.0 != 0 && portfolio.figures().gross.0 == 2 * CAP.0, "each counts for the cap");
        assert_eq!(portfolio.traded_so_far, Qty(u64::MAX));
    }
}

/// Something that happens to a portfolio.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Fill(usize, Trade),
    /// Of the fills so far that still stand, one of these is void.
    Void(usize),
    Mark(usize, Price),
}

const INSTRUMENTS: usize = 3;

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let price =
        || prop_oneof![(1i64..40).prop_map(Price), any::<i32>().prop_map(|it| Price(it.into()))];
    let liquidity = prop::sample::select(vec![Liquidity::ADDED, Liquidity::REMOVED, Liquidity(0)]);
    let trade = (any::<bool>(), price(), 1u64..200, liquidity, -9i128..9).prop_map(
        |(buy, price, qty, liquidity, fee)| Trade {
            side: if buy { Side::BUY } else { Side::SELL },
            price,
            qty: Qty(qty),
            liquidity,
            fee: Money(fee),
        },
    );
    let one = prop_oneof![
        5 => (0..INSTRUMENTS, trade).prop_map(|(place, trade)| Happening::Fill(place, trade)),
        2 => any::<usize>().prop_map(Happening::Void),
        2 => (0..INSTRUMENTS, price()).prop_map(|(place, price)| Happening::Mark(place, price)),
    ];
    prop::collection::vec(one, 1..80)
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let tier = |from, rate| Tier { from: Qty(from), rate: Money(rate) };
    let tiers = Tiers::new(&[tier(0, 7), tier(150, 4), tier(700, -1)]).unwrap();
    let maximum = Some(Millionths(900));
    let commissions = vec![
        Commission::None,
        Commission::Fixed(Money(11)),
        Commission::PerShare { rate: Money(3), minimum: Money(100), maximum },
        Commission::PerValue(Millionths(777)),
        Commission::Tiered(tiers),
    ];
    let venue = VenueFees { added: Money(-2), removed: Money(3) };
    prop::sample::select(commissions).prop_map(move |commission| Schedule { commission, venue })
}

proptest! {
    #[test]
    fn whatever_happens_the_books_are_those_of_the_fills_that_stand(
        happenings in happenings(),
        schedule in schedules(),
        lots_max in prop_oneof![Just(None), (0..6usize).prop_map(Some), Just(Some(80))],
        multipliers in [1u32..3, 1u32..100, 1u32..100],
    ) {
        let capital = Capital { cash: Money(1_000), leverage_max: 300 };
        let settings = lots_max.map_or_else(Settings::default, fifo);
        let settings = Settings { schedule, capital, ..settings };
        let mut portfolio = Portfolio::with(settings, INSTRUMENTS);
        for (place, multiplier) in multipliers.into_iter().enumerate() {
            portfolio.set_multiplier(InstrumentId(place as u32), multiplier);
        }
        let mut standing: Vec<(usize, Trade)> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Fill(place, trade) => {
                    portfolio.on_fill(InstrumentId(place as u32), &trade);
                    standing.push((place, trade));
                }
                Happening::Void(_) if standing.is_empty() => continue,
                Happening::Void(which) => {
                    let (place, trade) = standing.swap_remove(which % standing.len());
                    portfolio.on_void(InstrumentId(place as u32), &trade);
                }
                Happening::Mark(place, price) => {
                    portfolio.mark(InstrumentId(place as u32), price);
                }
            }
            prop_assert_eq!(portfolio.figures(), recount(&portfolio));
            let (mut fees, mut traded) = (0, Qty::ZERO);
            let (mut cash, mut position) = ([0i128; INSTRUMENTS], [0i128; INSTRUMENTS]);
            for (place, trade) in &standing {
                let sign = if trade.side.is_buy() { 1 } else { -1 };
                let units = i128::from(multipliers[*place]);
                cash[*place] -= sign * trade.price.notional(trade.qty).0 * units;
                position[*place] += sign * i128::from(trade.qty.0);
                let Trade { price, qty, liquidity, .. } = *trade;
                fees += trade.fee.0;
                fees += schedule.fee(traded, price, qty, multipliers[*place], liquidity).0;
                traded = traded.saturating_add(qty);
            }
            for place in 0..INSTRUMENTS {
                let id = InstrumentId(place as u32);
                let holding = portfolio.holding(id);
                prop_assert_eq!(i128::from(holding.position.0), position[place]);
                prop_assert_eq!(holding.realised.0 - holding.cost.0, cash[place]);
                let mark = portfolio.rows[place].mark;
                let worth = position[place] * i128::from(multipliers[place]) * i128::from(mark.0);
                prop_assert_eq!(
                    holding.realised.0 + holding.unrealised(mark).0,
                    cash[place] + worth
                );
                if holding.position == Position(0) {
                    prop_assert_eq!(holding.cost, Money(0));
                }
            }
            let figures = portfolio.figures();
            prop_assert_eq!((figures.fees, portfolio.traded_so_far), (Money(fees), traded));
            prop_assert_eq!(figures.cash.0, 1_000 + cash.iter().sum::<i128>() - fees);
            prop_assert_eq!(
                figures.equity.0,
                1_000 + figures.realised.0 + figures.unrealised.0 - fees
            );
        }
    }
}
