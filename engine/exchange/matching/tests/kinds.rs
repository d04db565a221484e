//! Each kind of order by hand, in the words of the events.

use super::desk::{Change, Desk, buy, limit, sell};
use super::*;

/// Orders that come one after the other, and all that is said of them.
#[track_caller]
fn run(orders: &[Enter], expected: &[&str]) -> Desk {
    let mut desk = Desk::new();
    orders.iter().for_each(|order| desk.enter(*order));
    desk.says(expected);
    desk
}

#[test]
fn a_limit_order_takes_the_best_first_and_rests_with_what_is_left() {
    run(
        &[sell(102, 10), sell(101, 10), sell(101, 5), sell(104, 5), buy(103, 40)],
        &[
            "1 shows 10 as 1",
            "2 shows 10 as 2",
            "3 shows 5 as 3",
            "4 shows 5 as 4",
            "5 takes 10 of 2 at 101",
            "5 takes 5 of 3 at 101",
            "5 takes 10 of 1 at 102",
            "5 shows 15 as 5",
        ],
    );
}

#[test]
fn market_and_immediate_orders_never_rest() {
    run(
        &[
            sell(101, 10),
            buy(0, 15).market().immediate(),
            buy(99, 5),
            sell(99, 3).immediate(),
            sell(100, 3).immediate(),
            sell(0, 3).market(),
        ],
        &[
            "1 shows 10 as 1",
            "2 takes 10 of 1 at 101",
            "2 loses 5 (0): Immediate",
            "3 shows 5 as 3",
            "4 takes 3 of 3 at 99",
            "5 loses 3 (0): Immediate",
            "rejected: Terms",
        ],
    );
}

#[test]
fn fill_or_kill_takes_all_or_nothing() {
    run(
        &[
            sell(101, 10),
            sell(102, 10).reserve(2),
            buy(102, 21).immediate().minimum(21),
            buy(101, 11).immediate().minimum(11),
            buy(102, 20).immediate().minimum(20),
        ],
        &[
            "1 shows 10 as 1",
            "2 shows 2 as 2",
            "3 loses 21 (0): Immediate",
            "4 loses 11 (0): Immediate",
            "5 takes 10 of 1 at 101",
            "5 takes 2 of 2 at 102",
            "2 shows 2 as 6",
            "5 takes 2 of 2 at 102",
            "2 shows 2 as 7",
            "5 takes 2 of 2 at 102",
            "2 shows 2 as 8",
            "5 takes 2 of 2 at 102",
            "2 shows 2 as 9",
            "5 takes 2 of 2 at 102",
        ],
    );
}

#[test]
fn post_only_orders_rest_or_go_whole() {
    run(
        &[
            sell(101, 10),
            buy(101, 50).post_only(),
            buy(100, 50).post_only(),
            sell(100, 1).post_only().hidden(),
            sell(100, 1).post_only().immediate(),
        ],
        &[
            "1 shows 10 as 1",
            "2 loses 50 (0): PostOnly",
            "3 shows 50 as 3",
            "4 loses 1 (0): PostOnly",
            "rejected: Terms",
        ],
    );
}

#[test]
fn hidden_orders_wait_behind_all_that_shows_at_their_price() {
    run(
        &[sell(101, 10).hidden(), sell(101, 5), sell(101, 6).reserve(2), buy(101, 15)],
        &[
            "2 shows 5 as 2",
            "3 shows 2 as 3",
            "4 takes 5 of 2 at 101",
            "4 takes 2 of 3 at 101",
            "3 shows 2 as 5",
            "4 takes 2 of 3 at 101",
            "3 shows 2 as 6",
            "4 takes 2 of 3 at 101",
            "4 takes 4 of 1 at 101",
        ],
    );
}

#[test]
fn the_next_part_of_a_reserve_order_goes_to_the_back_under_a_new_reference() {
    let mut desk = run(
        &[buy(100, 7).reserve(3), buy(100, 3), sell(100, 4)],
        &[
            "1 shows 3 as 1",
            "2 shows 3 as 2",
            "3 takes 3 of 1 at 100",
            "1 shows 3 as 4",
            "3 takes 1 of 2 at 100",
        ],
    );
    desk.enter(sell(100, 6));
    desk.says(&[
        "5 takes 2 of 2 at 100",
        "5 takes 3 of 1 at 100",
        "1 shows 1 as 6",
        "5 takes 1 of 1 at 100",
    ]);
    assert_eq!(desk.matching.live(), 0);
}

#[test]
fn a_reserve_order_has_a_thousand_parts_at_most_however_it_came() {
    for (shares, part, is_taken) in
        [(1_000, 1, true), (1_001, 1, false), (2_000, 2, true), (2_001, 2, false), (2, 1, true)]
    {
        let order = buy(100, shares).reserve(part);
        let mut desk = Desk::new();
        desk.enter(order);
        assert_eq!(desk.matching.live(), usize::from(is_taken), "{shares} by {part}");
        // A replace cannot make more parts of it either: that is bad terms.
        let mut desk = run(&[buy(100, 5)], &["1 shows 5 as 1"]);
        desk.replace(1, order.terms);
        assert_eq!(desk.matching.live(), usize::from(is_taken), "{shares} by {part}");
    }
    let mut desk = Desk::new();
    desk.enter(buy(100, SHARES_MAX).reserve(SHARES_MAX.div_ceil(PARTS_MAX)));
    desk.said.clear();
    desk.enter(sell(100, SHARES_MAX));
    let takes = desk.said.iter().filter(|said| said.contains(" takes ")).count();
    assert_eq!((takes, desk.matching.live()), (PARTS_MAX as usize, 0));
}

#[test]
fn a_hidden_order_with_a_minimum_is_passed_by_until_one_is_large_enough() {
    let mut desk = run(
        &[sell(100, 10).hidden().minimum(6), sell(101, 3), buy(101, 4), buy(100, 7)],
        &["2 shows 3 as 2", "3 takes 3 of 2 at 101", "3 shows 1 as 3", "4 takes 7 of 1 at 100"],
    );
    // Of three shares left, three are enough.
    desk.enter(buy(100, 2));
    desk.enter(buy(100, 3));
    desk.says(&["5 shows 2 as 5", "6 takes 3 of 1 at 100"]);
}

#[test]
fn an_order_that_comes_with_a_minimum_counts_all_that_it_meets() {
    run(
        &[
            sell(100, 5),
            sell(101, 5),
            buy(100, 9).hidden().minimum(6),
            buy(101, 9).hidden().minimum(6),
            sell(0, 8).market().immediate(),
        ],
        &[
            "1 shows 5 as 1",
            "2 shows 5 as 2",
            "4 takes 5 of 1 at 100",
            "4 takes 4 of 2 at 101",
            // The third one waits at 100, and eight are enough for it.
            "5 takes 8 of 3 at 100",
        ],
    );
}

#[test]
fn a_participant_is_kept_from_trading_with_himself_in_three_ways() {
    let resting = [
        limit(Side::SELL, 1, 100, 5),
        limit(Side::SELL, 2, 100, 5),
        limit(Side::SELL, 1, 101, 5).reserve(2),
    ];
    let shown = ["1 shows 5 as 1", "2 shows 5 as 2", "3 shows 2 as 3"];
    let ways: [(SelfMatch, &[&str]); 3] = [
        (
            SelfMatch::CancelResting,
            &[
                "1 and 4 do not trade 5",
                "1 loses 5 (5): SelfMatch",
                "4 takes 5 of 2 at 100",
                "3 and 4 do not trade 2",
                "3 loses 5 (2): SelfMatch",
                "4 shows 3 as 4",
            ],
        ),
        (SelfMatch::CancelIncoming, &["1 and 4 do not trade 5", "4 loses 8 (0): SelfMatch"]),
        (
            SelfMatch::DecrementBoth,
            &[
                "1 and 4 do not trade 5",
                "1 loses 5 (5): SelfMatch",
                "4 loses 5 (0): SelfMatch",
                "4 takes 3 of 2 at 100",
            ],
        ),
    ];
    for (self_match, expected) in ways {
        let arriving = Enter { self_match, ..buy(101, 8) };
        let mut desk = run(&resting, &shown);
        desk.enter(arriving);
        desk.says(expected);
        // All or nothing counts only what would trade.
        let mut desk = run(&resting, &shown);
        desk.enter(arriving.immediate().minimum(8));
        desk.says(&["4 loses 8 (0): Immediate"]);
    }
    let mut desk = run(&resting, &shown);
    desk.enter(Enter { self_match: SelfMatch::DecrementBoth, ..buy(101, 13) });
    desk.says(&[
        "1 and 4 do not trade 5",
        "1 loses 5 (5): SelfMatch",
        "4 loses 5 (0): SelfMatch",
        "4 takes 5 of 2 at 100",
        "3 and 4 do not trade 2",
        "3 loses 2 (2): SelfMatch",
        "4 loses 2 (0): SelfMatch",
        "3 shows 2 as 5",
        "3 and 4 do not trade 1",
        "3 loses 1 (1): SelfMatch",
        "4 loses 1 (0): SelfMatch",
    ]);
}

#[test]
fn a_replacement_is_kept_from_its_own_participant_as_it_says_not_as_its_original_said() {
    for (was, is, expected) in [
        (
            SelfMatch::Allow,
            SelfMatch::CancelIncoming,
            &["1 and 3 do not trade 5", "3 loses 5 (0): SelfMatch"][..],
        ),
        (SelfMatch::CancelIncoming, SelfMatch::Allow, &["3 takes 5 of 1 at 100"]),
    ] {
        let original = Enter { self_match: was, ..limit(Side::SELL, 1, 110, 5) };
        let mut desk = run(&[buy(100, 5), original], &["1 shows 5 as 1", "2 shows 5 as 2"]);
        desk.replace_with(2, sell(100, 5).terms, is);
        assert_eq!(desk.said.remove(0), "3 replaces 2 (D 2)");
        desk.says(expected);
    }
}

#[test]
fn a_replaced_order_goes_to_the_back_and_is_one_message_if_it_only_moves() {
    let mut desk = run(&[buy(100, 5), buy(100, 5)], &["1 shows 5 as 1", "2 shows 5 as 2"]);
    desk.replace(1, buy(100, 4).terms);
    desk.enter(sell(100, 6));
    desk.says(&[
        "3 replaces 1 (U 1)",
        "3 shows 4 as 3",
        "4 takes 5 of 2 at 100",
        "4 takes 1 of 3 at 100",
    ]);
    desk.enter(sell(105, 5));
    desk.replace(3, buy(105, 9).terms);
    desk.replace(6, buy(104, 9).hidden().terms);
    desk.replace(7, buy(104, 9).terms);
    desk.replace(8, buy(104, 0).terms);
    desk.replace(8, buy(104, 1).terms);
    desk.says(&[
        "5 shows 5 as 5",
        "6 replaces 3 (D 3)",
        "6 takes 5 of 5 at 105",
        "6 shows 4 as 6",
        "7 replaces 6 (D 6)",
        "8 replaces 7 (D -)",
        "8 shows 9 as 8",
        "8 loses 9 (9): BadReplace",
        "8 is not live",
    ]);
}

#[test]
fn a_reduction_keeps_the_place_and_takes_what_is_hidden_first() {
    let mut desk =
        run(&[buy(100, 9).reserve(4), buy(100, 5)], &["1 shows 4 as 1", "2 shows 5 as 2"]);
    for open in [10, 9, 6, 3] {
        desk.reduce(1, open);
    }
    desk.enter(sell(100, 4));
    desk.reduce(2, 0);
    desk.reduce(2, 0);
    desk.says(&[
        "1 loses 3 (0): Requested",
        "1 loses 3 (1): Requested",
        "3 takes 3 of 1 at 100",
        "3 takes 1 of 2 at 100",
        "2 loses 4 (4): Requested",
        "2 is not live",
    ]);
}

#[test]
fn a_mass_cancel_goes_oldest_first_and_takes_only_what_it_names() {
    let orders = [
        buy(100, 1),
        sell(105, 2),
        limit(Side::SELL, 1, 106, 3),
        buy(99, 4).hidden(),
        Enter { session: CrossSession::Closing, ..buy(90, 5) },
    ];
    let shown = ["1 shows 1 as 1", "2 shows 2 as 2", "3 shows 3 as 3"];
    let all = [
        "1 loses 1 (1): Supervisory",
        "3 loses 3 (3): Supervisory",
        "4 loses 4 (0): Supervisory",
        "5 loses 5 (0): Supervisory",
    ];
    let cases = [
        (None, None, &all[..]),
        (Some(Locate(1)), Some(Side::SELL), &all[1..2]),
        (Some(Locate(2)), None, &[]),
    ];
    for (locate, side, expected) in cases {
        let mut desk = run(&orders, &shown);
        let (participant, reason) = (Participant(1), CancelReason::Supervisory);
        desk.apply(Command::CancelAll { participant, locate, side, reason });
        desk.says(expected);
    }
}

#[test]
fn phases_say_what_may_come_and_what_trades() {
    let cases: [(Phase, &[&str]); 3] = [
        (
            Phase::Quoting,
            &["2 shows 5 as 2", "3 loses 5 (0): Immediate", "1 loses 5 (5): Requested"],
        ),
        (Phase::Halted, &["2 shows 5 as 2", "rejected: Halted", "1 loses 5 (5): Requested"]),
        (Phase::Closed, &["rejected: Closed", "rejected: Closed", "1 loses 5 (5): Requested"]),
    ];
    for (phase, expected) in cases {
        let mut desk = run(&[sell(100, 5)], &["1 shows 5 as 1"]);
        desk.phase(phase);
        assert_eq!(desk.matching.phase(Locate(1)), phase);
        desk.said.clear();
        desk.enter(buy(100, 5));
        desk.enter(buy(100, 5).immediate());
        desk.reduce(1, 0);
        desk.says(expected);
    }
}

#[test]
fn only_executions_that_were_can_be_broken() {
    let mut desk = run(&[sell(100, 5), buy(100, 5)], &["1 shows 5 as 1", "2 takes 5 of 1 at 100"]);
    for number in [0, 1, 2] {
        desk.apply(Command::Break { match_number: MatchNumber(number), locate: Locate(1) });
    }
    desk.says(&["broken 1"]);
}
