//! Every reason that this exchange can give, by a request that is wrong in one thing.

use super::harness::*;
use crate::base::unit::Side;
use crate::exchange::ledger::Note;
use crate::exchange::matching::*;
use crate::exchange::unit::Locate;
use crate::wire::ouch::code::{cross, display, flag, reject, side, time_in_force};
use crate::wire::ouch::{EnterOrder, TagValue, WirePrice};
use proptest::prelude::*;

type Change = fn(&mut EnterOrder);
type Case = (u16, Change, &'static [TagValue]);

const NONE: &[TagValue] = &[];

const CASES: &[Case] = &[
    (reject::INVALID_SIDE, |order| order.side = b'Q', NONE),
    (reject::INVALID_QUANTITY, |order| order.quantity = 0.into(), NONE),
    (reject::INVALID_QUANTITY, |order| order.quantity = 1_000_000.into(), NONE),
    (reject::INVALID_SYMBOL, |order| order.symbol = "ZZZ".parse().unwrap(), NONE),
    (reject::INVALID_PRICE, |order| order.price = WirePrice::from_e4(0), NONE),
    (reject::INVALID_PRICE, |order| order.price = WirePrice::from_e4(1_999_999_901), NONE),
    (reject::INVALID_PRICE, |order| order.price = WirePrice::from_e4(u64::MAX), NONE),
    (reject::INVALID_PRICE, |order| order.price = WirePrice::from_e4(10_001), NONE),
    (reject::INVALID_PRICE, |order| order.price = WirePrice::MARKET, NONE),
    (reject::INVALID_DISPLAY, |order| order.display = b'?', NONE),
    (reject::OTHER, |order| order.time_in_force = b'9', NONE),
    (reject::OTHER, |order| order.time_in_force = time_in_force::GTT, NONE),
    (
        reject::OTHER,
        |order| order.time_in_force = time_in_force::GTT,
        &[TagValue::ExpireTime(86_400)],
    ),
    (reject::OTHER, |order| order.capacity = b'?', NONE),
    (reject::OTHER, |order| order.intermarket_sweep_eligibility = b'?', NONE),
    (reject::OTHER, |_| (), &[TagValue::PostOnly(b'?')]),
    (reject::OTHER, |order| order.time_in_force = time_in_force::IOC, &[TagValue::PostOnly(b'P')]),
    (reject::OTHER, |_| (), &[TagValue::DiscretionPrice(WirePrice::from_e4(1))]),
    (reject::OTHER, |_| (), &[TagValue::HandleInst(b'I')]),
    (
        reject::ISO_NOT_ALLOWED,
        |order| {
            (order.intermarket_sweep_eligibility, order.cross_type) = (flag::YES, cross::OPENING)
        },
        NONE,
    ),
    (reject::INVALID_CROSS_ORDER, |order| order.cross_type = cross::HALT, NONE),
    (reject::INVALID_CROSS_ORDER, |order| order.cross_type = b'?', NONE),
    (reject::RETAIL_NOT_ALLOWED, |order| order.cross_type = cross::RETAIL, NONE),
    (reject::RETAIL_NOT_ALLOWED, |_| (), &[TagValue::HandleInst(b'O')]),
    (reject::INVALID_MAX_FLOOR, |_| (), &[TagValue::MaxFloor(101)]),
    (reject::INVALID_MAX_FLOOR, |order| order.quantity = 1_001.into(), &[TagValue::MaxFloor(1)]),
    (reject::INVALID_MAX_FLOOR, |order| order.quantity = 2_001.into(), &[TagValue::MaxFloor(2)]),
    (reject::INVALID_MAX_FLOOR, |order| order.display = display::HIDDEN, &[TagValue::MaxFloor(10)]),
    (
        reject::INVALID_MAX_FLOOR,
        |order| order.cross_type = cross::OPENING,
        &[TagValue::MaxFloor(10)],
    ),
    (reject::INVALID_MIN_QUANTITY, |_| (), &[TagValue::MinQty(50)]),
    (
        reject::INVALID_MIN_QUANTITY,
        |order| order.display = display::HIDDEN,
        &[TagValue::MinQty(101)],
    ),
    (reject::PEGGING_NOT_ALLOWED, |_| (), &[TagValue::PriceType(b'M')]),
    (reject::INVALID_PEG_TYPE, |_| (), &[TagValue::PriceType(b'?')]),
    (reject::ROUTING_NOT_ALLOWED, |_| (), &[TagValue::Route(*b"SCAN")]),
    (reject::FIRM_NOT_AUTHORIZED, |_| (), &[TagValue::Firm(*b"ELSE")]),
    (reject::SHARES_EXCEED_THRESHOLD, |order| order.quantity = 5_001.into(), NONE),
    (reject::EXCEEDS_MAX_NOTIONAL, |order| order.price = WirePrice::from_e4(1_000_100), NONE),
];

fn exchange() -> Exchange {
    let mut config = config();
    config.accounts[0].shares_max = 5_000;
    config.accounts[0].notional_max = 100_000_000;
    let mut it = Exchange::new(config);
    it.login(0, "ALPHA");
    it
}

#[test]
fn each_wrong_thing_has_its_reason() {
    let mut it = exchange();
    for (user_ref, (reason, change, options)) in (1..).zip(CASES) {
        let told = it.say(0, &[enter_with(user_ref, change, options)]);
        assert_eq!(told, [format!("J {user_ref} {reason}")], "case {user_ref}");
        let noted = it.entry.next_noted().map(|it| (it.client.user_ref, it.note));
        assert_eq!(noted, Some((user_ref, Note::Refused(*reason))));
    }
    assert_eq!(it.core.live(), 0);
    assert_eq!(it.entry.counters().rejected, CASES.len() as u64);
}

#[test]
fn the_cores_reasons_are_passed_on() {
    let mut it = exchange();
    it.apply(&Command::SetPhase { locate: Locate(1), phase: Phase::Halted });
    let ioc = enter_with(1, |order| order.time_in_force = time_in_force::IOC, &[]);
    assert_eq!(it.say(0, &[ioc]), [format!("J 1 {}", reject::HALTED)]);
    it.apply(&Command::SetPhase { locate: Locate(1), phase: Phase::Closed });
    let told = [format!("J 2 {}", reject::DESTINATION_CLOSED)];
    assert_eq!(it.say(0, &[enter(2, side::BUY, 100, 100_000)]), told);
}

#[test]
fn a_day_with_too_many_orders_rejects_them() {
    let mut config = config();
    config.orders = 2;
    let mut it = Exchange::new(config);
    it.login(0, "ALPHA");
    it.say(0, &[enter(1, side::BUY, 100, 100_000), enter(2, side::BUY, 100, 100_000)]);
    let full = [format!("J 3 {}", reject::PROCESSING_ERROR)];
    assert_eq!(it.say(0, &[enter(3, side::BUY, 100, 100_000)]), full);
    let full = [format!("J 4 {}", reject::PROCESSING_ERROR)];
    assert_eq!(it.say(0, &[replace(1, 4, 100, 90_000)]), full);
    assert_eq!(it.say(0, &[cancel(1, 0)]), ["C 1 -100 U"]);
}

#[test]
fn what_is_allowed_is_taken() {
    let mut it = exchange();
    let cases: &[(Change, &[TagValue])] = &[
        (|order| order.price = WirePrice::from_e4(9_999), &[]),
        (|order| order.time_in_force = time_in_force::GTX, &[]),
        (|order| order.time_in_force = time_in_force::AFTER_HOURS, &[]),
        (|order| order.display = display::ATTRIBUTABLE, &[]),
        (|order| order.display = display::HIDDEN, &[TagValue::MinQty(100)]),
        (|_| (), &[TagValue::MaxFloor(100)]),
        (|_| (), &[TagValue::MaxFloor(1)]),
        (|_| (), &[TagValue::Firm(*b"FIRM"), TagValue::PriceType(b'L'), TagValue::Route(*b"    ")]),
        (|_| (), &[TagValue::CustomerType(b'R'), TagValue::HandleInst(b' ')]),
        (|order| order.cross_type = cross::CLOSING, &[]),
    ];
    for (user_ref, (change, options)) in (1..).zip(cases) {
        let told = it.say(0, &[enter_with(user_ref, change, options)]);
        assert!(told[0].starts_with(&format!("A {user_ref} L 100")), "{told:?}");
    }
}

proptest! {
    /// A replace whose terms are wrong must be found so before the core hears of it, or a number is used up wrongly.
    #[test]
    fn the_core_never_finds_fault_with_checked_terms(
        fields in (0..2_000_u32, 0..200_000_u64, 0..6_usize, 0..4_usize, 0..4_usize),
        options in (prop::option::of(0..200_u32), prop::option::of(0..200_u32), any::<bool>()),
        is_replace in any::<bool>(),
    ) {
        let mut it = exchange();
        it.stranger(Side::SELL, 150_000, 70, Lasts::Day);
        let (shares, price, tif, shown, session) = fields;
        let mut tags = vec![TagValue::ExpireTime(5)];
        tags.extend(options.0.map(TagValue::MinQty));
        tags.extend(options.1.map(TagValue::MaxFloor));
        tags.extend(options.2.then_some(TagValue::PostOnly(b'P')));
        let tif = b"0356E?"[tif];
        let shown = b"YNA?"[shown];
        let first = enter_with(1, |order| order.cross_type = b"NOCH"[session], &[]);
        let second = if is_replace {
            it.say(0, &[first]);
            replace_with(1, 2, |it| {
                (it.quantity, it.price) = (shares.into(), WirePrice::from_e4(price));
                (it.time_in_force, it.display) = (tif, shown);
            }, &tags)
        } else {
            enter_with(2, |it| {
                (it.quantity, it.price) = (shares.into(), WirePrice::from_e4(price));
                (it.time_in_force, it.display) = (tif, shown);
                it.cross_type = b"NOCH"[session];
            }, &tags)
        };
        it.receive(0, &unsequenced(&second));
        let before = *it.entry.counters();
        let told = it.told(0);
        let by_core = told.iter().any(|text| text.starts_with("J 2")) && before.rejected == 0;
        prop_assert!(!by_core, "{told:?}");
        let bad = told.iter().any(|text| text.starts_with("C 1 "));
        prop_assert!(!bad || before.bad_replaces == 1, "{told:?}");
        prop_assert_eq!(before.out_of_step, 0);
    }
}
