//! What clients ask for, and what they are told about it.

use super::harness::*;
use crate::base::unit::{Nanos, Side};
use crate::exchange::matching::*;
use crate::exchange::unit::{Locate, MatchNumber, Price4};
use crate::wire::ouch::code::{aiq, cross, display, side, time_in_force};
use crate::wire::ouch::{Symbol, TagValue, WirePrice};

fn open() -> Exchange {
    let mut it = Exchange::new(config());
    it.login(0, "ALPHA");
    it
}

#[test]
fn an_order_rests_trades_and_is_cancelled() {
    let mut it = open();
    assert_eq!(it.say(0, &[enter(1, side::BUY, 300, 100_000)]), ["A 1 L 300"]);
    it.stranger(Side::SELL, 100_000, 100, Lasts::Immediate);
    assert_eq!(it.told(0), ["E 1 100@100000 A #1"]);
    assert_eq!(it.say(0, &[cancel(1, 50)]), ["C 1 -150 U"]);
    assert_eq!(it.say(0, &[cancel(1, 0)]), ["C 1 -50 U"]);
    it.stranger(Side::SELL, 99_000, 100, Lasts::Day);
    let told = ["A 2 L 150", "E 2 100@99000 R #2"];
    assert_eq!(it.say(0, &[enter(2, side::BUY, 150, 100_000)]), told);
}

#[test]
fn a_cancel_that_changes_nothing_is_ignored() {
    let mut it = open();
    it.say(0, &[enter(1, side::BUY, 100, 100_000)]);
    for nothing in [cancel(1, 100), cancel(1, 101), cancel(2, 0), cancel(0, 0)] {
        assert!(it.say(0, &[nothing]).is_empty());
    }
    it.say(0, &[cancel(1, 0)]);
    assert!(it.say(0, &[cancel(1, 0)]).is_empty());
    assert_eq!(it.entry.counters().ignored, 5);
}

#[test]
fn an_order_that_is_gone_at_once_is_accepted_as_dead() {
    let mut it = open();
    let ioc =
        |user_ref| enter_with(user_ref, |order| order.time_in_force = time_in_force::IOC, &[]);
    assert_eq!(it.say(0, &[ioc(1)]), ["A 1 D 100"]);
    it.stranger(Side::SELL, 100_000, 60, Lasts::Day);
    assert_eq!(it.say(0, &[ioc(2)]), ["A 2 L 100", "E 2 60@100000 R #1", "C 2 -40 I"]);
    it.stranger(Side::SELL, 100_000, 60, Lasts::Day);
    let post = enter_with(3, |_| (), &[TagValue::PostOnly(b'P')]);
    assert_eq!(it.say(0, &[post]), ["A 3 D 100 [PostOnly(80)]"]);
    // A dead order is not live.
    assert!(it.say(0, &[cancel(3, 0)]).is_empty());
}

#[test]
fn a_replace_counts_what_its_chain_has_executed() {
    let mut it = open();
    it.say(0, &[enter(1, side::BUY, 100, 100_000)]);
    it.stranger(Side::SELL, 100_000, 30, Lasts::Immediate);
    it.told(0);
    assert_eq!(it.say(0, &[replace(1, 2, 200, 99_000)]), ["U 1>2 L 170"]);
    it.stranger(Side::SELL, 99_000, 20, Lasts::Immediate);
    it.told(0);
    assert_eq!(it.say(0, &[replace(2, 3, 200, 98_000)]), ["U 2>3 L 150"]);
    assert!(it.say(0, &[cancel(2, 0)]).is_empty());
    // All that was asked for is executed: bad terms, and the original goes.
    assert_eq!(it.say(0, &[replace(3, 4, 50, 98_000)]), ["C 3 -150 U"]);
}

#[test]
fn a_replace_has_three_outcomes() {
    let mut it = open();
    it.say(0, &[enter(1, side::BUY, 100, 100_000), enter(2, side::BUY, 100, 100_000)]);
    // Not live, or an old number: ignored, and no number is used up.
    assert!(it.say(0, &[replace(9, 3, 100, 99_000), replace(1, 2, 100, 99_000)]).is_empty());
    assert_eq!(it.say(0, &[query(0)]), ["Q 3"]);
    // Bad terms: the original goes, and no number is used up.
    assert_eq!(it.say(0, &[replace(1, 3, 100, 0), query(0)]), ["C 1 -100 U", "Q 3"]);
    // Refused later: rejected, the original stays, the number is used up.
    it.apply(&Command::SetPhase { locate: Locate(1), phase: Phase::Closed });
    assert_eq!(it.say(0, &[replace(2, 3, 100, 99_000), query(0)]), ["J 3 2", "Q 4"]);
    assert_eq!(it.say(0, &[cancel(2, 0)]), ["C 2 -100 U"]);
    assert_eq!(it.entry.counters().bad_replaces, 1);
}

#[test]
fn a_replace_can_trade_or_die_at_once() {
    let mut it = open();
    it.say(0, &[enter(1, side::BUY, 100, 90_000)]);
    let ioc = replace_with(1, 2, |it| it.time_in_force = time_in_force::IOC, &[]);
    assert_eq!(it.say(0, &[ioc]), ["U 1>2 D 100"]);
    it.say(0, &[enter(3, side::BUY, 100, 90_000)]);
    it.stranger(Side::SELL, 100_000, 100, Lasts::Day);
    let told = ["U 3>4 L 100", "E 4 100@100000 R #1"];
    assert_eq!(it.say(0, &[replace(3, 4, 100, 100_000)]), told);
}

#[test]
fn what_a_replace_does_not_say_is_inherited() {
    let mut it = open();
    let options = [TagValue::MaxFloor(100), TagValue::GroupID(7)];
    let big = enter_with(1, |order| order.quantity = 500.into(), &options);
    assert_eq!(it.say(0, &[big]), ["A 1 L 500 [MaxFloor(100), GroupID(7)]"]);
    let told = ["U 1>2 L 400 [MaxFloor(100), GroupID(7)]"];
    assert_eq!(it.say(0, &[replace(1, 2, 400, 99_000)]), told);
    // Less than it shows: no reserve order any more.
    assert_eq!(it.say(0, &[replace(2, 3, 80, 99_000)]), ["U 2>3 L 80 [GroupID(7)]"]);
}

#[test]
fn a_modify_shrinks_or_changes_the_kind_of_sale() {
    let mut it = open();
    it.say(0, &[enter(1, side::SELL, 100, 100_000), enter(2, side::BUY, 100, 90_000)]);
    assert_eq!(it.say(0, &[modify(1, side::SELL_SHORT_EXEMPT, 100)]), ["M 1 E 100"]);
    assert_eq!(it.say(0, &[modify(1, side::SELL_SHORT, 60)]), ["M 1 T 60"]);
    for nothing in [
        modify(1, side::SELL, 60),
        modify(1, side::SELL_SHORT_EXEMPT, 60),
        modify(1, side::SELL_SHORT, 60),
        modify(1, side::SELL_SHORT, 61),
        modify(1, side::BUY, 60),
        modify(2, side::SELL, 100),
        modify(3, side::BUY, 10),
    ] {
        assert!(it.say(0, &[nothing]).is_empty());
    }
    assert_eq!(it.say(0, &[modify(2, side::BUY, 40)]), ["M 2 B 40"]);
    assert_eq!(it.say(0, &[modify(2, side::BUY, 0)]), ["C 2 -40 U"]);
}

#[test]
fn a_mass_cancel_is_answered_first_and_then_order_by_order() {
    let mut it = open();
    let other = |order: &mut crate::wire::ouch::EnterOrder| order.symbol = "BBB".parse().unwrap();
    it.say(
        0,
        &[
            enter(1, side::BUY, 100, 90_000),
            enter_with(2, other, &[]),
            enter_with(3, |_| (), &[TagValue::GroupID(5)]),
            enter(4, side::SELL, 100, 190_000),
            enter(5, side::SELL_SHORT, 100, 190_000),
        ],
    );
    let all = Symbol::BLANK;
    let group = mass_cancel(6, all, &[TagValue::GroupID(5)]);
    assert_eq!(it.say(0, &[group]), ["X 6", "C 3 -100 U"]);
    let short = mass_cancel(7, all, &[TagValue::Side(side::SELL_SHORT)]);
    assert_eq!(it.say(0, &[short]), ["X 7", "C 5 -100 U"]);
    let symbol = mass_cancel(8, "AAA".parse().unwrap(), &[]);
    assert_eq!(it.say(0, &[symbol]), ["X 8", "C 1 -100 U", "C 4 -100 U"]);
    assert_eq!(it.say(0, &[mass_cancel(9, all, &[])]), ["X 9", "C 2 -100 U"]);
    assert_eq!(it.say(0, &[mass_cancel(9, all, &[]), mass_cancel(10, all, &[])]), ["X 10"]);
}

#[test]
fn a_mass_cancel_spares_other_accounts() {
    let mut it = open();
    it.login(1, "BETA");
    it.say(0, &[enter(1, side::BUY, 100, 90_000)]);
    it.say(1, &[enter(1, side::BUY, 100, 90_000), mass_cancel(2, Symbol::BLANK, &[])]);
    assert!(it.told(0).is_empty());
    assert_eq!(it.core.live(), 1);
}

#[test]
fn numbers_rise_for_each_account_and_channel() {
    let mut it = open();
    it.login(1, "BETA");
    let on = |channel, user_ref| enter_with(user_ref, |_| (), &[TagValue::UserRefIdx(channel)]);
    assert_eq!(it.say(0, &[enter(5, side::BUY, 100, 90_000)]), ["A 5 L 100"]);
    for old in [5, 4, 0] {
        assert!(it.say(0, &[enter(old, side::BUY, 100, 90_000)]).is_empty());
    }
    assert_eq!(it.entry.counters().repeated, 3);
    assert_eq!(it.say(0, &[on(3, 1)]), ["A 1 L 100 [UserRefIdx(3)]"]);
    assert_eq!(it.say(0, &[query(0), query(3)]), ["Q 6", "Q 2 [UserRefIdx(3)]"]);
    assert_eq!(it.say(1, &[enter(1, side::BUY, 100, 90_000)]), ["A 1 L 100"]);
    // A name is the channel's own: there is no order 1 on channel 0.
    assert!(it.say(0, &[cancel(1, 0)]).is_empty());
    // Rejected numbers stay used.
    let told = ["J 6 19", "Q 7"];
    assert_eq!(
        it.say(0, &[enter(6, side::BUY, 0, 1), enter(6, side::BUY, 1, 100), query(0)]),
        told
    );
}

#[test]
fn order_entry_can_be_barred_and_let_again() {
    let mut it = open();
    it.say(0, &[enter(1, side::BUY, 100, 90_000)]);
    assert_eq!(it.say(0, &[switch(2, true, *b"FIRM")]), ["G 2"]);
    let told = ["J 3 12", "J 4 12"];
    assert_eq!(it.say(0, &[enter(3, side::BUY, 100, 90_000), replace(1, 4, 100, 80_000)]), told);
    assert_eq!(it.say(0, &[cancel(1, 60)]), ["C 1 -40 U"]);
    assert_eq!(it.say(0, &[switch(5, false, *b"    ")]), ["K 5"]);
    assert_eq!(it.say(0, &[enter(6, side::BUY, 100, 90_000)]), ["A 6 L 100"]);
    assert_eq!(it.say(0, &[switch(7, true, *b"ELSE"), switch(7, true, *b"FIRM")]), ["J 7 12"]);
}

#[test]
fn a_reserve_order_says_when_its_next_part_shows() {
    let mut it = open();
    let big = enter_with(1, |order| order.quantity = 250.into(), &[TagValue::MaxFloor(100)]);
    it.say(0, &[big]);
    it.stranger(Side::SELL, 100_000, 120, Lasts::Immediate);
    let told = it.told(0);
    assert_eq!(
        told[..2],
        ["E 1 100@100000 A #1", "R 1 R [SecondaryOrdRefNum(3), DisplayQuantity(100)]"]
    );
    assert_eq!(told[2..], ["E 1 20@100000 A #2"]);
}

#[test]
fn a_hidden_order_adds_hidden_liquidity() {
    let mut it = open();
    it.say(0, &[enter_with(1, |order| order.display = display::HIDDEN, &[])]);
    it.stranger(Side::SELL, 100_000, 10, Lasts::Immediate);
    assert_eq!(it.told(0), ["E 1 10@100000 J #1"]);
}

#[test]
fn an_account_is_kept_from_meeting_itself_as_its_order_asks() {
    for (strategy, told) in [
        (aiq::OLDEST, &["D 1 -100 Q 100@100000 AO"][..]),
        (aiq::NEWEST, &["D 2 -150 Q 100@100000 RW"]),
        (aiq::DECREMENT, &["D 1 -100 Q 100@100000 AD", "D 2 -100 Q 100@100000 RD"]),
        (aiq::DECREMENT_SILENT, &["C 1 -100 Q", "C 2 -100 Q"]),
        (b' ', &["E 1 100@100000 A #1", "E 2 100@100000 R #1"]),
    ] {
        let mut it = open();
        it.say(0, &[enter(1, side::BUY, 100, 100_000)]);
        let sell = |order: &mut crate::wire::ouch::EnterOrder| {
            (order.side, order.quantity) = (side::SELL, 150.into());
        };
        let said = it.say(0, &[enter_with(2, sell, &[TagValue::AiqStrategy(strategy)])]);
        assert!(said[0].starts_with("A 2 L 150"), "{said:?}");
        let mut found = said[1..].to_vec();
        found.sort();
        assert_eq!(found, told, "{}", strategy as char);
    }
}

#[test]
fn a_replace_is_kept_from_its_own_account_as_it_asks_and_else_as_the_original_did() {
    let asks = |strategy: Option<u8>| strategy.map(TagValue::AiqStrategy).into_iter().collect();
    for (original, replace, told) in [
        (None, Some(aiq::NEWEST), &["D 3 -100 Q 100@100000 RW"][..]),
        (Some(aiq::NEWEST), None, &["D 3 -100 Q 100@100000 RW"]),
        (Some(aiq::OLDEST), Some(aiq::NEWEST), &["D 3 -100 Q 100@100000 RW"]),
        (None, None, &["D 1 -100 Q 100@100000 AO"]),
        (Some(b' '), Some(b' '), &["D 1 -100 Q 100@100000 AO"]),
    ] {
        let mut config = config();
        config.accounts[0].self_match = SelfMatch::CancelResting;
        let mut it = Exchange::new(config);
        it.login(0, "ALPHA");
        let sell = |order: &mut crate::wire::ouch::EnterOrder| {
            (order.side, order.price) = (side::SELL, WirePrice::from_e4(110_000));
        };
        let original: Vec<_> = asks(original);
        it.say(0, &[enter(1, side::BUY, 100, 100_000), enter_with(2, sell, &original)]);
        let replace: Vec<_> = asks(replace);
        let said = it.say(0, &[replace_with(2, 3, |_| (), &replace)]);
        assert!(said[0].starts_with("U 2>3 L 100"), "{said:?}");
        assert_eq!(said[1..], *told);
    }
}

#[test]
fn an_order_for_a_time_goes_so_many_seconds_after_it_came() {
    let mut it = Exchange::new(config());
    // Noon: seconds to live are not seconds of the day.
    it.now = Nanos(12 * 3_600 * SECOND);
    it.login(0, "ALPHA");
    let lasts = |user_ref, seconds| {
        let change = |order: &mut crate::wire::ouch::EnterOrder| {
            order.time_in_force = time_in_force::GTT;
        };
        enter_with(user_ref, change, &[TagValue::ExpireTime(seconds)])
    };
    let told = ["A 1 L 100 [ExpireTime(20)]", "A 2 L 100 [ExpireTime(10)]"];
    assert_eq!(it.say(0, &[lasts(1, 20), lasts(2, 10)]), told);
    assert_eq!(it.entry.next_due(), Some(it.now.plus(Nanos(SECOND))));
    it.pass(10 * SECOND - 1);
    assert_eq!(it.told(0), ["H"]);
    it.pass(1);
    assert_eq!(it.told(0), ["C 2 -100 T"]);
    it.say(0, &[cancel(1, 0)]);
    it.receive(0, &packet(&crate::wire::soup::Packet::ClientHeartbeat));
    it.pass(10 * SECOND);
    assert_eq!(it.told(0), ["H"]);
    // None at all: in and out.
    assert_eq!(it.say(0, &[lasts(3, 0)]), ["A 3 L 100 [ExpireTime(0)]", "C 3 -100 T"]);
}

#[test]
fn the_seconds_of_an_order_begin_again_with_its_replacement() {
    for (said, seconds) in [(&[][..], 10), (&[TagValue::ExpireTime(4)][..], 4)] {
        let mut it = Exchange::new(config());
        it.now = Nanos(12 * 3_600 * SECOND);
        it.login(0, "ALPHA");
        let lasts = |order: &mut crate::wire::ouch::EnterOrder| {
            order.time_in_force = time_in_force::GTT;
        };
        it.say(0, &[enter_with(1, lasts, &[TagValue::ExpireTime(10)])]);
        it.pass(8 * SECOND);
        it.told(0);
        let lasts = |it: &mut crate::wire::ouch::ReplaceOrder| {
            it.time_in_force = time_in_force::GTT;
        };
        let told = it.say(0, &[replace_with(1, 2, lasts, said)]);
        assert_eq!(told, [format!("U 1>2 L 100 [ExpireTime({seconds})]")]);
        it.pass(seconds * SECOND - 1);
        assert_eq!(it.core.live(), 1, "the original's time is of no account");
        it.pass(1);
        assert_eq!(it.told(0).last().map(String::as_str), Some("C 2 -100 T"));
    }
}

#[test]
fn orders_for_a_cross_trade_in_it_or_go_with_it() {
    let mut it = open();
    it.apply(&Command::SetPhase { locate: Locate(1), phase: Phase::Quoting });
    let opening = |side, shares: u32| {
        move |order: &mut crate::wire::ouch::EnterOrder| {
            (order.side, order.quantity, order.cross_type) = (side, shares.into(), cross::OPENING);
            (order.price, order.time_in_force) = (WirePrice::MARKET, time_in_force::IOC);
        }
    };
    let told = ["A 1 L 300", "A 2 L 100"];
    let said = [enter_with(1, opening(side::BUY, 300), &[]), enter(2, side::SELL, 100, 100_000)];
    assert_eq!(it.say(0, &said), told);
    let (locate, kind, near) = (Locate(1), CrossKind::Opening, Price4(100_000));
    it.apply(&Command::Cross { locate, kind, near });
    let told = ["E 1 100@100000 O #1", "E 2 100@100000 O #1", "C 1 -200 C"];
    assert_eq!(it.told(0), told);
    // Its cross is over.
    assert_eq!(it.say(0, &[enter_with(3, opening(side::BUY, 100), &[])]), ["J 3 2"]);
}

#[test]
fn orders_bound_to_their_cross_cannot_change() {
    let mut it = open();
    let closing = |order: &mut crate::wire::ouch::EnterOrder| order.cross_type = cross::CLOSING;
    it.say(
        0,
        &[enter_with(1, closing, &[]), enter_with(2, closing, &[]), enter(3, side::BUY, 1, 100)],
    );
    it.entry.freeze(CrossSession::Closing, true);
    assert_eq!(it.say(0, &[cancel(1, 50)]), ["I 1"]);
    assert_eq!(it.say(0, &[modify(1, side::BUY, 50)]), ["I 1"]);
    assert_eq!(it.say(0, &[replace(1, 4, 100, 90_000)]), ["J 4 21"]);
    assert_eq!(it.say(0, &[cancel(1, 0), cancel(1, 0)]), ["P 1"]);
    assert_eq!(it.say(0, &[replace(1, 5, 100, 90_000)]), ["J 5 11"]);
    assert_eq!(it.say(0, &[enter_with(6, closing, &[])]), ["J 6 20"]);
    assert_eq!(it.say(0, &[mass_cancel(7, Symbol::BLANK, &[])]), ["X 7", "P 2", "C 3 -1 U"]);
    it.entry.freeze(CrossSession::Closing, false);
    assert_eq!(it.say(0, &[cancel(1, 0)]), ["C 1 -100 U"]);
}

#[test]
fn a_broken_trade_is_told_to_all_who_were_in_it() {
    let mut it = open();
    it.login(1, "BETA");
    it.say(0, &[enter(1, side::BUY, 100, 100_000)]);
    assert_eq!(it.say(1, &[enter(1, side::SELL, 100, 100_000)]).len(), 2);
    it.told(0);
    it.apply(&Command::Break { match_number: MatchNumber(1), locate: Locate(1) });
    assert_eq!((it.told(0), it.told(1)), (vec!["B 1 #1".into()], vec!["B 1 #1".into()]));
    let orders: Vec<_> = it.entry.orders_in(MatchNumber(1)).map(|(who, ..)| who.0).collect();
    assert_eq!(orders, [1, 2]);
    it.apply(&Command::Break { match_number: MatchNumber(2), locate: Locate(1) });
    assert!(it.told(0).is_empty());
}

#[test]
fn an_order_that_traded_twice_in_a_cross_hears_once_that_it_was_broken() {
    let mut it = open();
    it.apply(&Command::SetPhase { locate: Locate(1), phase: Phase::Quoting });
    it.say(0, &[enter_with(1, |_| (), &[TagValue::MaxFloor(10)])]);
    it.stranger(Side::SELL, 100_000, 60, Lasts::Day);
    it.apply(&Command::Cross { locate: Locate(1), kind: CrossKind::Halt, near: Price4(100_000) });
    let told = it.told(0);
    assert_eq!(told[..2], ["E 1 10@100000 K #1", "E 1 50@100000 K #1"]);
    it.apply(&Command::Break { match_number: MatchNumber(1), locate: Locate(1) });
    assert_eq!(it.told(0), ["B 1 #1"]);
    assert_eq!(it.entry.orders_in(MatchNumber(1)).count(), 1);
}

#[test]
fn the_core_and_the_desk_agree_all_along() {
    let mut it = open();
    for user_ref in 1..=200 {
        let price = 100_000 + u64::from(user_ref % 7) * 100;
        let side = if user_ref % 3 == 0 { side::SELL } else { side::BUY };
        it.say(0, &[enter(user_ref, side, 100 + user_ref, price)]);
    }
    it.say(0, &[mass_cancel(1_000, Symbol::BLANK, &[])]);
    assert_eq!((it.core.live(), it.entry.counters().out_of_step), (0, 0));
}
