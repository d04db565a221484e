//! What a venue's refusals do to the breakers.

use super::*;

const FAILURES: u64 = 3;

/// A firm that pauses at the third failure, with one order in the market.
fn guarded() -> Post {
    let breaker = BreakerLimit {
        failures: FAILURES as u32,
        within: Nanos(1_000_000),
        pause: Nanos(1_000_000),
        trials: 1,
        answer_within: Nanos(0),
    };
    let mut limits = limits();
    limits.firm.breaker = Some(breaker);
    let mut post = Post::with(limits, 64);
    assert_eq!(post.new_order(1, BUY, 10), Code::NONE);
    post.tell(report(Kind::ACCEPTED, 1, BUY));
    post
}

/// Replaces the order again and again, which is answered in this way; what the gate says of the next order.
fn turned_down(kind: Kind, code: Code) -> Code {
    let mut post = guarded();
    for id in 2..2 + FAILURES {
        assert_eq!(post.replace(1, id, BUY, 10), Code::NONE);
        post.tell(Report { code: code.0, ..of_change(kind, 1, id, 0) });
    }
    post.new_order(50, BUY, 10)
}

#[test]
fn replacements_that_the_venue_turns_down_are_failures_as_new_orders_are() {
    for code in [Code::VENUE_REJECTED, Code::VENUE_TERMS, Code::VENUE_RISK, Code::VENUE_FULL] {
        for kind in [Kind::TOO_LATE, Kind::REJECTED] {
            assert_eq!(turned_down(kind, code), Code::BREAKER, "{code:?}");
        }
    }
}

#[test]
fn replacements_of_what_has_ended_or_that_route_kept_are_none() {
    for code in [Code::VENUE_NOT_OPEN, Code::ROUTE_LATE, Code::ROUTE_LOST] {
        assert_eq!(turned_down(Kind::TOO_LATE, code), Code::NONE, "{code:?}");
    }
}
