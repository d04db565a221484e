//! Connections, logins, pauses, restarts, the pace, the latch and the way out.

use super::*;
use crate::base::code::Code;
use crate::wire::ouch::{Appendage, DisableOrderEntryResponse, EnableOrderEntryResponse, Outbound};

const A: Kind = Kind::ACCEPTED;
const F: Kind = Kind::FILLED;
const C: Kind = Kind::CANCELED;
const R: Kind = Kind::REJECTED;

/// Seconds between the tries.
fn pauses(pair: &Pair) -> Vec<u64> {
    pair.dials.windows(2).map(|dials| dials[1].since(dials[0]).0 / SECOND).collect()
}

#[test]
fn a_session_begins_as_written_here() {
    let mut pair = Pair::new(settings());
    pair.dial();
    pair.write();
    let probe = b"\0\x2fLDESK  swordfish                              0";
    assert_eq!(pair.to_far, probe);
    pair.carry(usize::MAX, 0);
    pair.write();
    assert_eq!(pair.to_gateway, b"\0\x1fA     FRIDA                   1");
    pair.carry(0, usize::MAX);
    pair.turn();
    pair.write();
    assert_eq!((&pair.to_far[..], pair.gateway.phase()), (&b"\0\x02UQ"[..], Phase::Replaying));
    pair.settle();
    assert_eq!(pair.gateway.phase(), Phase::Live);
    pair.send(&order(1, 100));
    pair.write();
    let enter =
        b"\0\x30UO\0\0\0\x01B\0\0\0\x64XYZ     \0\0\0\0\0\x01\x86\xa00YPNNC0000000000001\0\0";
    assert_eq!(pair.to_far, enter);
    assert_eq!(pair.dials.len(), 1, "with no history one connection does");
}

#[test]
fn history_is_asked_for_once_its_end_is_known() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    let mut pair = pair.restart();
    pair.settle();
    let asked: Vec<_> = pair.far.logins.iter().map(|(_, login)| login.sequence).collect();
    assert_eq!(asked, [0, 0, 1]);
    assert!(pair.far.logged_out && pair.gateway.phase() == Phase::Live);
}

#[test]
fn the_pause_between_tries_doubles_from_one_second_to_sixty() {
    let mut pair = Pair::new(settings());
    pair.unreachable = true;
    pair.pass(400 * SECOND, 10 * MS);
    assert_eq!(pauses(&pair), [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
    let mut pair = Pair::new(settings());
    pair.far.refuse = Some(b'S');
    pair.pass(200 * SECOND, 10 * MS);
    assert_eq!(pauses(&pair), [1, 2, 4, 8, 16, 32, 60, 60]);
    pair.far.refuse = None;
    pair.pass(60 * SECOND, 10 * MS);
    assert_eq!(pair.gateway.phase(), Phase::Live);
    assert_eq!(pair.gateway.counts().rejected_logins, 9);
}

#[test]
fn a_wrong_password_is_tried_three_times_and_never_again() {
    let mut pair = Pair::with(settings(), Far::default(), Nanos(0), "guess");
    pair.pass(3_600 * SECOND, 100 * MS);
    assert_eq!((pair.far.logins.len(), pair.dials.len()), (3, 3));
    assert_eq!(pair.gateway.phase(), Phase::Over(End::NotAuthorized));
    pair.send(&order(1, 100));
    assert_eq!(pair.brief(), [(R, 1, 0, 0, Code::ROUTE_NOT_LIVE.0)]);
}

#[test]
fn fifteen_seconds_of_silence_end_a_connection_and_not_less() {
    let mut pair = Pair::live(settings());
    pair.far.silent = true;
    pair.pass(14_900 * MS, 100 * MS);
    assert_eq!((pair.gateway.phase(), pair.connected), (Phase::Live, true));
    pair.pass(200 * MS, 100 * MS);
    assert_eq!((pair.gateway.counts().silences, pair.dials.len()), (1, 2));
    assert_eq!(
        pair.dials[1].since(pair.dials[0]),
        Nanos(15 * SECOND),
        "a proven session is made anew at once"
    );
    pair.settle();
    assert_eq!(pair.gateway.phase(), Phase::Live);
}

#[test]
fn heartbeats_keep_a_quiet_session() {
    let mut pair = Pair::live(settings());
    pair.pass(120 * SECOND, 50 * MS);
    assert_eq!((pair.gateway.phase(), pair.dials.len()), (Phase::Live, 1));
}

#[test]
fn when_the_exchange_ends_the_session_there_is_no_other() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.far.end_session(pair.now);
    pair.pass(100 * SECOND, 100 * MS);
    assert_eq!(pair.gateway.phase(), Phase::Over(End::SessionEnded));
    assert_eq!((pair.dials.len(), pair.gateway.open_orders().count()), (1, 1));
}

#[test]
fn another_place_in_the_stream_than_asked_for_ends_it() {
    for elsewhere in [1, 9] {
        let mut pair = Pair::live(settings());
        pair.pass(2 * SECOND, 100 * MS);
        pair.send(&order(1, 100));
        pair.settle();
        pair.far.elsewhere = Some(elsewhere);
        pair.cut();
        pair.pass(100 * SECOND, 100 * MS);
        assert_eq!(pair.gateway.phase(), Phase::Over(End::OtherStream));
        assert_eq!(pair.dials.len(), 2);
    }
}

#[test]
fn an_account_query_without_an_answer_is_asked_again() {
    let mut pair = Pair::new(settings());
    pair.far.dumb = true;
    pair.pass(29 * SECOND, 100 * MS);
    assert_eq!((pair.gateway.phase(), pair.dials.len()), (Phase::Replaying, 1));
    pair.far.dumb = false;
    pair.pass(5 * SECOND, 100 * MS);
    assert_eq!((pair.gateway.phase(), pair.dials.len()), (Phase::Live, 2));
}

#[test]
fn what_was_never_consumed_is_lost_once_and_its_reference_burned() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.send(&order(2, 50));
    pair.send(&replace(1, 3, 70));
    pair.write();
    pair.cut();
    assert_eq!(pair.brief(), [(A, 1, 100, 100, 0)], "nobody knows yet");
    pair.pass(2 * SECOND, 100 * MS);
    let lost = Code::ROUTE_LOST.0;
    let told = pair.told();
    assert_eq!(told[0], Brief { kind: R, order: 2, code: lost, ..Brief::default() });
    let late = Brief { kind: Kind::TOO_LATE, order: 3, target: 1, ..Brief::default() };
    assert_eq!(told[1..], [Brief { code: lost, ..late }]);
    assert_eq!((pair.far.last, pair.gateway.next_reference()), (1, 4));
    pair.send(&order(4, 60));
    pair.pass(5 * SECOND, 100 * MS);
    assert_eq!(pair.brief(), [(A, 4, 60, 60, 0)]);
    assert_eq!(pair.far.orders.keys().copied().collect::<Vec<_>>(), [1, 4]);
}

#[test]
fn what_the_socket_never_took_is_lost_at_once() {
    let mut pair = Pair::live(settings());
    pair.blocked = true;
    pair.send(&order(1, 100));
    pair.unreachable = true;
    pair.cut();
    pair.turn();
    assert_eq!(pair.brief(), [(R, 1, 0, 0, Code::ROUTE_LOST.0)]);
}

#[test]
fn what_was_given_up_and_lives_is_cancelled() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.write();
    let bytes = pair.to_far.clone();
    pair.cut();
    pair.pass(2 * SECOND, 100 * MS);
    assert_eq!(pair.brief(), [(R, 1, 0, 0, Code::ROUTE_LOST.0)]);
    // The first connection's bytes reach the exchange after all.
    pair.far.receive(&bytes, pair.now);
    pair.settle();
    assert_eq!((pair.far.entered.len(), pair.far.orders.len()), (1, 0));
    assert_eq!((pair.told().len(), pair.gateway.counts().adopted), (0, 1));
    assert_eq!((pair.gateway.open_orders().count(), pair.odd()), (0, [0; 4]));
}

#[test]
fn without_a_session_orders_are_refused_and_cancels_kept() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.send(&order(2, 100));
    pair.settle();
    pair.told();
    pair.send(&cancel(2));
    pair.write();
    pair.cut();
    pair.unreachable = true;
    pair.send(&cancel(1));
    pair.send(&order(3, 100));
    pair.send(&replace(1, 4, 100));
    let refused = Code::ROUTE_NOT_LIVE.0;
    assert_eq!(pair.brief(), [(R, 3, 0, 0, refused), (Kind::TOO_LATE, 4, 0, 0, refused)]);
    pair.unreachable = false;
    pair.pass(5 * SECOND, 100 * MS);
    assert_eq!(pair.brief(), [(C, 1, 100, 0, 0), (C, 2, 100, 0, 0)]);
}

#[test]
fn the_next_program_finds_its_orders_and_never_a_reference_again() {
    let mut pair = Pair::live(settings());
    let mut references = Vec::new();
    for program in 0..20_u64 {
        let id = 10 * program + 1;
        references.push(pair.gateway.next_reference());
        pair.send(&Market { side: Side::SELL, ..order(id, 100) });
        pair.settle();
        let reference = pair.far.reference(id);
        assert!(reference >= references[references.len() - 1]);
        pair.far.execute(reference, 30, 1_000);
        pair.far.execute(reference, 5, 1_000);
        if program % 3 == 0 {
            pair.far.break_trade(reference, pair.far.matches);
        }
        if program % 2 == 0 {
            pair.far.execute(reference, 65, 1_001);
        }
        // Sent and never consumed: a later program cannot know of it.
        pair.send(&order(id + 1, 100));
        pair = pair.restart();
        pair.settle();
        assert_eq!(pair.gateway.phase(), Phase::Live);
        assert!(pair.far.orders.is_empty(), "nobody answered for it: it was cancelled");
        let traded = pair.far.told.values().flatten().filter(|brief| brief.kind == F).count();
        let told = pair.brief();
        assert_eq!(told.iter().filter(|brief| brief.0 == F).count(), traded);
        assert_eq!(
            told.iter().filter(|brief| brief.0 == Kind::BROKEN).count() as u64,
            program / 3 + 1
        );
        assert_eq!(
            told.len() as u64,
            traded as u64 + program / 3 + 1,
            "nothing else of other programs"
        );
        assert_eq!(pair.odd(), [0; 4]);
    }
    assert!(references.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_program_without_room_for_what_is_open_does_not_trade() {
    let mut pair = Pair::live(settings());
    (1..=3).for_each(|id| pair.send(&order(id, 100)));
    pair.settle();
    pair.far.disconnect();
    let small = Settings { orders_max: 2, ..settings() };
    let mut pair = Pair::with(small, pair.far, pair.now, PASSWORD);
    pair.settle();
    assert_eq!(pair.gateway.phase(), Phase::Over(End::TooManyOrders));
    assert_eq!(pair.gateway.open_orders().count(), 2);
}

#[test]
fn a_fill_of_an_earlier_program_says_which_order_it_was() {
    let mut pair = Pair::live(settings());
    let id = OrderId::new(77, crate::base::unit::ShardId(2), 5);
    pair.send(&Market { side: Side::SELL, ..order(id.0, 100) });
    pair.settle();
    pair.far.execute(1, 30, 1_000);
    let mut pair = pair.restart();
    pair.settle();
    let fill = pair.reports[0];
    assert_eq!((fill.head.kind, fill.order, fill.shard), (F, id, id.shard()));
    assert_eq!((fill.side, fill.qty, fill.leaves), (Side::SELL, Qty(30), Qty(70)));
    assert_eq!(fill.head.instrument, InstrumentId(1));
}

#[test]
fn answers_to_other_programs_queries_are_no_answers() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    let mut pair = pair.restart();
    // Up to the middle of history, in which the first program's query was answered.
    for _ in 0..3 {
        pair.dial();
        pair.write();
        pair.carry(usize::MAX, usize::MAX);
        pair.turn();
    }
    pair.dial();
    pair.write();
    pair.carry(usize::MAX, 0);
    pair.write();
    // The login's answer, and that to the old query.
    pair.carry(0, 33 + 16);
    pair.turn();
    assert_eq!((pair.gateway.phase(), pair.gateway.counts().messages), (Phase::Replaying, 1));
    pair.settle();
    assert_eq!((pair.gateway.phase(), pair.gateway.next_reference()), (Phase::Live, 2));
}

#[test]
fn after_the_latch_no_order_is_written_even_if_it_waits_for_the_socket() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    pair.blocked = true;
    pair.send(&order(2, 100));
    pair.send(&cancel(1));
    pair.send(&replace(1, 3, 100));
    pair.killed = true;
    pair.blocked = false;
    pair.send(&order(4, 100));
    pair.settle();
    let killed = Code::ROUTE_KILLED.0;
    let expected = [
        (R, 4, 0, 0, killed),
        (R, 2, 0, 0, killed),
        (Kind::TOO_LATE, 3, 0, 0, killed),
        (C, 1, 100, 0, 0),
    ];
    assert_eq!(pair.brief(), expected);
    assert_eq!(pair.far.heard, b"QOX");
}

#[test]
fn orders_keep_to_the_pace_and_cancels_have_room() {
    let pace = Pace { per_second: 10, burst: 4, for_cancels: 2 };
    let mut pair = Pair::live(Settings { pace, ..settings() });
    for id in 1..=4 {
        pair.send(&order(id, 100));
    }
    let paced = Code::ROUTE_PACED.0;
    assert_eq!(pair.brief(), [(R, 3, 0, 0, paced), (R, 4, 0, 0, paced)]);
    pair.settle();
    pair.send(&cancel(1));
    pair.send(&cancel(2));
    pair.settle();
    let accepted = |id| (A, id, 100, 100, 0);
    assert_eq!(pair.brief(), [accepted(1), accepted(2), (C, 1, 100, 0, 0), (C, 2, 100, 0, 0)]);
    pair.pass(300 * MS, 10 * MS);
    pair.send(&order(5, 100));
    pair.settle();
    // One that is on its way is not sent again.
    (0..2).for_each(|_| pair.send(&cancel(5)));
    pair.settle();
    assert_eq!(pair.brief(), [accepted(5), (C, 5, 100, 0, 0)]);
    assert_eq!(pair.gateway.counts().cancels, 3);
}

#[test]
fn orders_beyond_the_pace_wait_in_line_where_there_is_one() {
    let pace = Pace { per_second: 10, burst: 3, for_cancels: 1 };
    let mut pair = Pair::live(Settings { pace, queue: 3, ..settings() });
    for id in 1..=6 {
        pair.send(&order(id, 100));
    }
    assert_eq!(pair.brief(), [(R, 6, 0, 0, Code::ROUTE_PACED.0)], "the line has an end");
    pair.settle();
    let accepted = |id| (A, id, 100, 100, 0);
    assert_eq!(pair.brief(), [accepted(1), accepted(2)]);
    // One that waits is cancelled where it is: nothing is sent.
    let sent = pair.gateway.counts().orders;
    pair.send(&cancel(4));
    assert_eq!((pair.brief(), pair.gateway.counts().orders), (vec![(C, 4, 100, 0, 0)], sent));
    pair.pass(150 * MS, 10 * MS);
    assert_eq!(pair.brief(), [accepted(3)], "as soon as the pace lets it, and no sooner");
    pair.gateway.kill();
    pair.pass(10 * MS, 10 * MS);
    let killed = Code::ROUTE_KILLED.0;
    assert!(pair.brief().contains(&(R, 5, 0, 0, killed)), "a kill waits for nobody");
    assert_eq!(pair.gateway.counts().queued, 3);
}

#[test]
fn who_waits_too_long_is_refused() {
    let pace = Pace { per_second: 1, burst: 1, for_cancels: 0 };
    let mut pair = Pair::live(Settings { pace, queue: 3, good_for: Nanos(50 * MS), ..settings() });
    for id in 1..=2 {
        let mut order = order(id, 100);
        order.head.time = pair.now;
        pair.send(&order);
    }
    pair.settle();
    pair.brief();
    pair.pass(100 * MS, 10 * MS);
    assert_eq!(pair.brief(), [(R, 2, 0, 0, Code::ROUTE_PACED.0)]);
}

#[test]
fn cancels_beyond_the_pace_wait_and_go_later() {
    let pace = Pace { per_second: 10, burst: 4, for_cancels: 1 };
    let mut pair = Pair::live(Settings { pace, ..settings() });
    for id in 1..=3 {
        pair.send(&order(id, 100));
    }
    (1..=3).for_each(|id| pair.send(&cancel(id)));
    pair.settle();
    assert_eq!(pair.gateway.counts().cancels, 1);
    pair.pass(250 * MS, 10 * MS);
    assert_eq!((pair.gateway.counts().cancels, pair.far.orders.len()), (3, 0));
}

#[test]
fn a_blocked_socket_refuses_orders_and_has_room_for_cancels() {
    let small = Settings { send_bytes: 400, send_bytes_for_cancels: 200, ..settings() };
    let mut pair = Pair::live(small);
    (1..=3).for_each(|id| pair.send(&order(id, 100)));
    pair.settle();
    pair.told();
    pair.blocked = true;
    (4..=8).for_each(|id| pair.send(&order(id, 100)));
    let blocked = Code::ROUTE_BLOCKED.0;
    assert_eq!(pair.brief(), [(R, 8, 0, 0, blocked)]);
    (1..=3).for_each(|id| pair.send(&cancel(id)));
    assert_eq!(pair.gateway.counts().cancels, 3);
    pair.blocked = false;
    pair.settle();
    assert_eq!(pair.brief().len(), 4 + 3);
    assert_eq!(pair.far.orders.keys().copied().collect::<Vec<_>>(), [4, 5, 6, 7]);
}

#[test]
fn a_port_that_is_switched_off_takes_no_orders() {
    let mut pair = Pair::live(settings());
    let off =
        DisableOrderEntryResponse { user_ref_num: 5.into(), ..DisableOrderEntryResponse::BLANK };
    pair.far.say(&Outbound::DisableOrderEntryResponse(&off, Appendage::EMPTY));
    pair.settle();
    pair.send(&order(1, 100));
    assert_eq!(pair.brief(), [(R, 1, 0, 0, Code::ROUTE_DISABLED.0)]);
    let on = EnableOrderEntryResponse { user_ref_num: 6.into(), ..EnableOrderEntryResponse::BLANK };
    pair.far.say(&Outbound::EnableOrderEntryResponse(&on, Appendage::EMPTY));
    pair.settle();
    pair.send(&order(1, 100));
    pair.settle();
    assert_eq!(pair.far.orders.keys().copied().collect::<Vec<_>>(), [7]);
}

#[test]
fn a_stop_cancels_all_and_logs_out() {
    for (mass_cancel, refused, heard) in
        [(false, false, "QOOOXXX"), (true, false, "QOOOC"), (true, true, "QOOOCXXX")]
    {
        let mut pair = Pair::live(Settings { mass_cancel, ..settings() });
        pair.far.no_mass_cancel = refused;
        (1..=2).for_each(|id| pair.send(&order(id, 100)));
        pair.settle();
        // One is on its way.
        pair.send(&order(3, 100));
        pair.told();
        pair.gateway.stop(pair.now.plus(Nanos(2 * SECOND)));
        pair.send(&order(4, 100));
        assert_eq!(pair.brief(), [(R, 4, 0, 0, Code::ROUTE_STOPPING.0)]);
        pair.settle();
        assert_eq!(pair.brief().iter().filter(|brief| brief.0 == C).count(), 3);
        assert_eq!(pair.gateway.phase(), Phase::Over(End::Stopped));
        assert_eq!((pair.gateway.open_orders().count(), pair.far.logged_out), (0, true));
        assert_eq!(std::str::from_utf8(&pair.far.heard), Ok(heard));
        pair.pass(100 * SECOND, 100 * MS);
        assert_eq!(pair.dials.len(), 1);
    }
}

#[test]
fn a_stop_before_a_silent_exchange_ends_in_time_with_what_may_be_open() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.blocked = true;
    pair.send(&order(2, 50));
    let start = pair.now;
    pair.gateway.stop(start.plus(Nanos(2 * SECOND)));
    pair.pass(1_900 * MS, 100 * MS);
    assert_eq!(pair.gateway.phase(), Phase::Live);
    pair.pass(100 * MS, 100 * MS);
    assert_eq!(pair.gateway.phase(), Phase::Over(End::Deadline));
    pair.pass(100 * MS, 100 * MS);
    let open: Vec<_> =
        pair.gateway.open_orders().map(|o| (o.order.0, o.open.0, o.confirmed)).collect();
    assert_eq!(open, [(1, 100, true)], "the other one never left");
}

#[test]
fn a_stop_without_a_connection_makes_one_if_anything_may_be_open() {
    let mut pair = Pair::new(settings());
    pair.unreachable = true;
    pair.pass(SECOND, 100 * MS);
    pair.gateway.stop(pair.now.plus(Nanos(5 * SECOND)));
    pair.pass(4_900 * MS, 100 * MS);
    assert_ne!(
        pair.gateway.phase(),
        Phase::Over(End::Unlearned),
        "an earlier program's may be open"
    );
    pair.pass(200 * MS, 100 * MS);
    assert_eq!(pair.gateway.phase(), Phase::Over(End::Unlearned));
    let mut pair = Pair::live(settings());
    pair.cut();
    pair.unreachable = true;
    pair.gateway.stop(pair.now.plus(Nanos(5 * SECOND)));
    pair.turn();
    assert_eq!(pair.gateway.phase(), Phase::Over(End::Stopped), "it is known that nothing is open");
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.cut();
    pair.gateway.stop(pair.now.plus(Nanos(5 * SECOND)));
    pair.pass(3 * SECOND, 100 * MS);
    assert_eq!(pair.gateway.phase(), Phase::Over(End::Stopped));
    assert!(pair.far.orders.is_empty() && pair.far.logged_out);
}

#[test]
fn a_kill_cancels_what_is_open_and_asks_again_without_a_rush() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.gateway.kill();
    pair.pass(50 * MS, MS);
    assert!(pair.far.orders.is_empty(), "cancelled");
    assert_eq!((pair.gateway.counts().cancels, pair.gateway.phase()), (1, Phase::Live));
}

#[test]
fn nothing_is_taken_in_while_nobody_can_be_told() {
    let mut pair = Pair::live(settings());
    pair.send(&order(1, 100));
    pair.settle();
    pair.told();
    pair.back.room = BURST - 1;
    pair.far.execute(1, 10, 1_000);
    pair.settle();
    assert_eq!(pair.told().len(), 0);
    pair.back.room = BURST;
    pair.settle();
    assert_eq!(pair.brief(), [(F, 1, 10, 90, 0)]);
}

#[test]
fn bytes_that_are_no_packets_end_the_connection_and_not_the_program() {
    for bytes in [&b"\0\0"[..], b"\0\x01?", b"\0\x01L", b"\0\x02HH"] {
        let mut pair = Pair::live(settings());
        pair.pass(2 * SECOND, 100 * MS);
        pair.to_gateway.extend(bytes);
        pair.settle();
        assert_eq!((pair.gateway.counts().violations, pair.dials.len()), (1, 2), "{bytes:?}");
        assert_eq!(pair.gateway.phase(), Phase::Live);
    }
}
