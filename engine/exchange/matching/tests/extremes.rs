//! The ends of every range, and pools that run out.

use super::desk::{Change, Desk, buy, sell};
use super::*;

#[test]
fn orders_out_of_range_are_not_taken_in() {
    let mut desk = Desk::new();
    let bad = [
        (buy(100, 0), "Quantity"),
        (buy(100, SHARES_MAX + 1), "Quantity"),
        (buy(100, 5).reserve(0), "Quantity"),
        (buy(100, 5).reserve(5), "Quantity"),
        (buy(0, 5), "Price"),
        (buy(PRICE_MAX.0 + 1, 5), "Price"),
        (buy(u32::MAX, 5), "Price"),
        (buy(100, 5).market(), "Terms"),
        (buy(100, 5).hidden().minimum(6), "Minimum"),
        (buy(100, 5).minimum(2), "Minimum"),
        (Enter { session: CrossSession::Closing, ..buy(100, 5).reserve(1) }, "Terms"),
        (Enter { session: CrossSession::Closing, ..buy(100, 5).post_only() }, "Terms"),
        (Enter { session: CrossSession::Closing, ..buy(100, 5).hidden().minimum(2) }, "Minimum"),
        (Enter { locate: Locate(0), ..buy(100, 5) }, "UnknownSymbol"),
        (Enter { locate: Locate(2), ..buy(100, 5) }, "UnknownSymbol"),
    ];
    for (enter, reason) in bad {
        desk.enter(enter);
        desk.says(&[&format!("rejected: {reason}")]);
    }
    assert_eq!(desk.matching.live(), 0);
}

#[test]
fn the_ends_of_every_range_trade() {
    let mut desk = Desk::new();
    let top = PRICE_MAX.0;
    for order in [buy(1, 1), sell(top, SHARES_MAX), buy(top, SHARES_MAX), sell(1, 1)] {
        desk.enter(order);
    }
    desk.says(&[
        "1 shows 1 as 1",
        "2 shows 999999 as 2",
        "3 takes 999999 of 2 at 1999999900",
        "4 takes 1 of 1 at 1",
    ]);
    desk.phase(Phase::Quoting);
    let opening = |enter| Enter { session: CrossSession::Opening, ..enter };
    for order in [opening(buy(top, SHARES_MAX)), opening(sell(1, SHARES_MAX).market())] {
        desk.enter(order);
    }
    desk.cross(CrossKind::Opening, u32::MAX);
    desk.says(&[
        "Quoting",
        "5 (-) crosses 999999 at 1999999900",
        "6 (-) crosses 999999 at 1999999900",
        "Opening: 999999 at 1999999900",
    ]);
}

#[test]
fn a_pool_that_runs_out_turns_orders_away_and_all_else_goes_on() {
    let roomy = Limits { symbols: 1, orders: 4, levels: 4, participants: 2 };
    let cases = [
        (Limits { orders: 1, ..roomy }, true),
        (Limits { levels: 1, ..roomy }, false),
        (Limits { participants: 1, ..roomy }, false),
        (Limits { orders: 0, ..roomy }, true),
        (Limits { levels: 0, ..roomy }, false),
        (Limits { participants: 0, ..roomy }, false),
    ];
    for (limits, rejected) in cases {
        let mut matching = Matching::new(&limits);
        let mut events = Vec::new();
        let mut apply = |command: Command| {
            events.clear();
            matching.apply(&command, &mut |event| events.push(event));
            (events.clone(), matching.live())
        };
        apply(Command::SetPhase { locate: Locate(1), phase: Phase::Open });
        let (_, live) = apply(Command::Enter(buy(100, 5)));
        let (said, _) = apply(Command::Enter(sell(105, 5)));
        let turned_away = said.iter().any(|event| match event {
            Event::Rejected { reason, .. } => rejected && *reason == RejectReason::NoRoom,
            Event::Canceled { reason, .. } => !rejected && *reason == CancelReason::NoRoom,
            _ => false,
        });
        assert!(turned_away, "{limits:?}: {said:?}");
        // What needs no room is not turned away, and a replacement takes the place of its original.
        let (said, _) = apply(Command::Enter(sell(100, 1).immediate()));
        assert_eq!(said.iter().any(|event| matches!(event, Event::Executed { .. })), live == 1);
        let Enter { terms, self_match, .. } = buy(90, 3);
        let (said, after) =
            apply(Command::Replace(Replace { order: Reference(1), token: 0, terms, self_match }));
        assert_eq!(after, live);
        let kept = said.iter().any(|e| matches!(e, Event::Replaced { kept_on_display: true, .. }));
        assert_eq!(kept, live == 1);
    }
}

#[test]
fn a_side_of_ten_thousand_prices_is_taken_in_any_order_and_cleared_by_one() {
    let limits = Limits { symbols: 1, orders: 10_000, levels: 10_000, participants: 1 };
    let mut matching = Matching::new(&limits);
    matching.apply(&Command::SetPhase { locate: Locate(1), phase: Phase::Open }, &mut |_| ());
    for n in 0..10_000u32 {
        matching.apply(&Command::Enter(sell(10_000 + n * 7_919 % 10_007, 1)), &mut |_| ());
    }
    audit(&matching);
    assert_eq!(
        (matching.live(), matching.best(Locate(1), Side::SELL)),
        (10_000, Some((Price4(10_000), 1)))
    );
    let mut last = 0;
    let sweep = buy(1, 10_000).market().immediate().minimum(10_000);
    matching.apply(&Command::Enter(sweep), &mut |event| {
        if let Event::Executed { price, .. } = event {
            assert!(price.0 > last);
            last = price.0;
        }
    });
    assert_eq!(matching.live(), 0);
    audit(&matching);
}
