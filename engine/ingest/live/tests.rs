//! The receiver in worlds of all kinds: what comes out is what was said, and nobody decides behind a gap.

mod check;
mod venue;
mod world;

use super::FeedState;
use crate::base::message::Kind;
use crate::base::unit::Nanos;
use check::complete;
use proptest::prelude::*;
use world::{Outcome, Plan, Server, Service, run};

fn all_is_well(plan: &Plan) -> Outcome {
    let outcome = run(plan);
    assert_eq!(outcome.state, FeedState::Ended, "{plan:?}: {:?}", outcome.counts);
    complete(&outcome);
    outcome
}

#[test]
fn a_calm_feed_is_delivered_without_a_word() {
    let outcome = all_is_well(&Plan::calm(1));
    let counts = outcome.counts;
    assert_eq!((counts.gaps, counts.rerequests, counts.lost, counts.dropped()), (0, 0, 0, 0));
    assert_eq!(counts.messages, outcome.venues[0].next() - 1);
    assert!(counts.empty_messages > 5 && counts.known > 50 && counts.join_ns > 0);
    assert_eq!((outcome.count(Kind::GAP), counts.sessions), (0, 1));
    assert_eq!(counts.taken, outcome.out.len() as u64);
}

#[test]
fn a_session_without_data_is_joined_and_ends() {
    let outcome = all_is_well(&Plan { steps: 0, ..Plan::calm(1) });
    assert_eq!((outcome.out.len(), outcome.counts.sessions), (0, 1));
}

#[test]
fn what_one_line_loses_the_other_brings_without_a_re_request() {
    for line in 0..2 {
        for from in (0..400).step_by(57) {
            let mut plan = Plan::calm(from);
            plan.dead[line] = from..from + 150;
            let outcome = all_is_well(&plan);
            assert_eq!((outcome.counts.gaps, outcome.counts.rerequests), (0, 0));
            let mut plan = Plan::calm(from);
            plan.dead[line] = from..u64::MAX;
            assert_eq!(all_is_well(&plan).counts.rerequests, 0);
        }
    }
}

#[test]
fn what_both_lines_lose_is_asked_for_again() {
    for from in (0..400).step_by(43) {
        let dead = [from..from + 60, from..from + 60];
        let outcome = all_is_well(&Plan { dead, ..Plan::calm(from) });
        let counts = outcome.counts;
        assert!(counts.rerequests > 0 && counts.recovered > 10, "{counts:?}");
        assert_eq!((counts.healed, counts.lost), (counts.gaps, 0));
    }
}

#[test]
fn lines_that_fall_silent_are_not_believed_until_they_speak() {
    let dead = [100..2_500, 100..2_500];
    let outcome = all_is_well(&Plan { dead, steps: 3_000, ..Plan::calm(3) });
    let silent = outcome.out.iter().position(|m| m.head.kind == Kind::GAP).unwrap();
    let before = outcome.out[silent - 1].head.time;
    let told = outcome.out[silent].head.time.since(before);
    assert!((25_000_000..35_000_000).contains(&told.0), "{told:?}");
}

#[test]
fn a_server_of_re_requests_may_be_slow_forgetful_and_deaf() {
    let base = Plan { loss: 200, dead: [100..160, 100..160], ..Plan::calm(5) };
    let servers = [
        Server { delay: 200, ..Server::GOOD },
        Server { loss: 600, ..Server::GOOD },
        Server { size: 1, ..Server::GOOD },
        Server { early: 7, size: 30, ..Server::GOOD },
        Server { dead: 0..1_500, ..Server::GOOD },
    ];
    for server in servers {
        let outcome = all_is_well(&Plan { server: Some(server.clone()), ..base.clone() });
        let counts = outcome.counts;
        assert!(counts.recovered > 0 && counts.lost == 0, "{server:?}: {counts:?}");
        assert_eq!(
            counts.unanswered > 0,
            server.loss > 0 || server.delay > 20 || server.dead.end > 0
        );
    }
}

#[test]
fn a_gap_that_nobody_closes_stays_open_and_is_said() {
    for server in [None, Some(Server { first: u64::MAX, ..Server::GOOD })] {
        let dead = [100..160, 100..160];
        let outcome = run(&Plan { server, dead, ..Plan::calm(9) });
        assert_eq!((outcome.state, outcome.count(Kind::GAP)), (FeedState::Gapped, 1));
        assert_eq!((outcome.count(Kind::WHOLE), outcome.counts.given_up), (0, 1));
    }
}

#[test]
fn a_gap_that_cannot_be_closed_leads_to_a_snapshot() {
    for server in [None, Some(Server { first: u64::MAX, ..Server::GOOD })] {
        let dead = [100..160, 100..160];
        let service = Some(Service::GOOD);
        let plan = Plan { server, service, dead, steps: 3_000, ..Plan::calm(9) };
        let outcome = all_is_well(&Plan { held_packets: 8_192, ..plan.clone() });
        let counts = outcome.counts;
        assert_eq!((counts.snapshots, counts.given_up, outcome.count(Kind::CLEAR)), (1, 1, 1));
        assert!(counts.lost > 50);
        assert_eq!((counts.gaps, counts.healed), (1, 1), "a snapshot heals");
        // With room for few packets, too: the rest is asked for again, or another snapshot.
        let outcome = all_is_well(&Plan { held_packets: 64, ..plan });
        assert!(outcome.counts.drops(super::Reason::NoRoom).count > 0);
    }
}

#[test]
fn who_comes_late_is_told_the_state_and_goes_on_from_there() {
    for joins in (1..400).step_by(37) {
        let plan = Plan { joins, service: Some(Service::GOOD), ..Plan::calm(joins) };
        let outcome = all_is_well(&plan);
        let counts = outcome.counts;
        assert_eq!((counts.snapshots, counts.rerequests), (1, 0), "from {joins}");
        assert!(counts.join_ns > 100_000 && counts.snapshot_messages > 4);
    }
}

#[test]
fn who_comes_late_has_not_caught_up_before_nothing_waits() {
    for service in [None, Some(Service::GOOD)] {
        // For longer than catching up may take: nothing is missing meanwhile, so nothing is begun anew.
        let (joins, busy) = (100, 16_500);
        let plan = Plan { joins, busy, service, steps: 18_000, ..Plan::calm(4) };
        let outcome = all_is_well(&plan);
        assert_eq!(outcome.counts.late_joins, 0);
        let whole = outcome.out.iter().find(|m| m.head.kind == Kind::WHOLE).unwrap();
        let first = outcome.out[0].head.time;
        let took = whole.head.time.since(first).0 / 20_000;
        assert!((busy - joins - 50..busy + 50).contains(&took), "{took} steps");
    }
}

#[test]
fn without_a_service_who_comes_late_asks_for_everything() {
    for joins in (1..400).step_by(37) {
        let outcome = all_is_well(&Plan { joins, ..Plan::calm(joins) });
        assert!(outcome.counts.rerequests > 0 && outcome.count(Kind::CLEAR) == 0);
    }
}

#[test]
fn a_snapshot_that_is_refused_or_cut_off_is_asked_for_again() {
    for (refused, cut) in [(1, 0), (0, 1), (2, 2)] {
        for server in [None, Some(Server { first: u64::MAX, ..Server::GOOD })] {
            let service = Some(Service { refused, cut, chunk: 300 });
            let (joins, steps) = (200, 400);
            let plan = Plan { joins, steps, server, service, held_packets: 8_192, ..Plan::calm(4) };
            let outcome = all_is_well(&plan);
            let counts = outcome.counts;
            assert_eq!((counts.snapshots, counts.snapshot_failures), (1, refused + cut));
            assert_eq!(outcome.count(Kind::CLEAR) as u64, 1 + cut);
        }
    }
}

#[test]
fn who_comes_late_where_the_service_is_dead_asks_for_everything() {
    let service = Some(Service { refused: u64::MAX, ..Service::GOOD });
    let outcome = all_is_well(&Plan { joins: 300, service, ..Plan::calm(6) });
    assert!(outcome.counts.snapshots == 0 && outcome.counts.snapshot_failures > 0);
    assert_eq!(outcome.count(Kind::CLEAR), 0);
}

#[test]
fn catching_up_that_takes_too_long_is_said_and_tried_again() {
    let service = Some(Service { chunk: 0, ..Service::GOOD });
    let (server, joins) = (None, 300);
    let outcome = run(&Plan { joins, service, server, ..Plan::calm(6) });
    assert!(outcome.counts.late_joins > 0, "{:?}", outcome.counts);
    assert!(outcome.count(Kind::WHOLE) == 0 && outcome.state == FeedState::Joining);
}

#[test]
fn another_session_takes_the_place_of_one_that_ended_or_fell_silent() {
    for says_end in [true, false] {
        for loss in [0, 200] {
            let plan = Plan { changes: Some(250), says_end, loss, steps: 600, ..Plan::calm(8) };
            let outcome = all_is_well(&plan);
            assert_eq!((outcome.counts.sessions, outcome.count(Kind::CLEAR)), (2, 1));
        }
    }
}

#[test]
fn the_end_of_a_session_of_which_something_is_missing_waits_for_it() {
    let dead = [380..400, 380..400];
    let outcome = all_is_well(&Plan { dead, ..Plan::calm(2) });
    assert!(outcome.counts.recovered > 0);
    let outcome = run(&Plan { dead: [380..400, 380..400], server: None, ..Plan::calm(2) });
    assert_eq!(outcome.state, FeedState::Gapped);
}

#[test]
fn ticks_come_by_the_clock_and_never_behind_a_gap_that_is_not_told() {
    let tick = Nanos(1_000_000);
    let outcome = all_is_well(&Plan { tick, loss: 300, ..Plan::calm(2) });
    assert!(outcome.count(Kind::TICK) > 8);
    let times = outcome.out.iter().filter(|m| m.head.kind == Kind::TICK).map(|m| m.head.time.0);
    let times: Vec<_> = times.collect();
    assert!(times.windows(2).all(|pair| (980_000..1_050_000).contains(&(pair[1] - pair[0]))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn whatever_goes_wrong_on_the_way_the_books_are_right_in_the_end(
        seed in any::<u64>(),
        loss in 0..300_u64,
        dup in 0..500_u64,
        reorder in 0..500_u64,
        joins in prop_oneof![Just(0), 0..350_u64],
        dead in (0..400_u64, 0..200_u64, 0..400_u64, 0..200_u64),
        server in (0..40_u64, 0..500_u64, 1..20_usize, 0..5_u64),
        service in prop_oneof![Just(None), (0..2_u64, 0..3_u64, 100..2_000_usize).prop_map(Some)],
        changes in prop_oneof![Just(None), (300..700_u64).prop_map(Some)],
        says_end in any::<bool>(),
        held_packets in prop_oneof![Just(2_000_usize), 8..64_usize],
        shards in 1..4_usize,
    ) {
        let (delay, lost, size, early) = server;
        let server = Some(Server { delay, loss: lost, size, early, ..Server::GOOD });
        let service = service.map(|(refused, cut, chunk)| Service { refused, cut, chunk });
        let dead = [dead.0..dead.0 + dead.1, dead.2..dead.2 + dead.3];
        let steps = if changes.is_some() { 900 } else { 400 };
        let busy = if loss % 3 == 0 { dup } else { 0 };
        all_is_well(&Plan {
            seed, loss, dup, reorder, joins, busy, dead, server, service, changes, says_end, held_packets,
            shards, steps, tick: Nanos(500_000),
        });
    }
}
