//! Logins, heartbeats, ends: SoupBinTCP as its clients see it.

use super::harness::*;
use crate::base::unit::{Nanos, Side};
use crate::exchange::faults::Faults;
use crate::exchange::matching::{CancelReason, Lasts};
use crate::exchange::order_entry::{OrderEntryConfig, Why};
use crate::wire::ouch::code::side;
use crate::wire::soup::{LoginRequest, Packet, Password, SessionName, Username};
use proptest::prelude::*;

fn open(config: OrderEntryConfig) -> Exchange {
    let mut it = Exchange::new(config);
    it.login(0, "ALPHA");
    it
}

#[test]
fn a_literal_session() {
    let mut it = Exchange::new(config());
    it.entry.start_of_day(Nanos(0x0102));
    assert!(it.entry.connected(0, it.now));
    // Lower case, padded; sequence 1: everything.
    let padding = b"                   ";
    it.receive(0, &[b"\0\x2fLalpha secret    ", &padding[..10], &padding[..], b"1"].concat());
    let accepted = [b"\0\x1fA  CORETICK", &padding[..], b"1"].concat();
    let start = b"\0\x0bSS\0\0\0\0\0\0\x01\x02S";
    assert_eq!(it.take(0), [&accepted[..], &start[..]].concat());
    let order =
        b"\0\x30UO\0\0\0\x07B\0\0\0\x64AAA     \0\0\0\0\0\x01\x86\xa00YPNNMY ORDER      \0\0";
    it.receive(0, order);
    let answer = b"\0\x41SA\0\0\0\0\0\0\x03\xe8\0\0\0\x07B\0\0\0\x64AAA     \0\0\0\0\0\x01\x86\xa0\
        0Y\0\0\0\0\0\0\0\x01PNNLMY ORDER      \0\0";
    assert_eq!(it.take(0), answer);
    it.receive(0, b"\0\x0aUX\0\0\0\x07\0\0\0\0");
    assert_eq!(it.take(0), b"\0\x13SC\0\0\0\0\0\0\x03\xe8\0\0\0\x07\0\0\0\x64U");
    it.receive(0, b"\0\x01O");
    assert!(it.entry.is_over(0));
}

#[test]
fn a_login_says_where_to_go_on() {
    let mut it = open(config());
    it.say(0, &[enter(1, side::BUY, 100, 100), enter(2, side::BUY, 100, 100), cancel(1, 0)]);
    let all = ["A 1 L 100", "A 2 L 100", "C 1 -100 U"];
    for (id, (asked, from)) in
        [(1, 1), (2, 2), (3, 3), (4, 4), (0, 4), (99, 4)].into_iter().enumerate()
    {
        let id = id % 2 + 1;
        assert!(it.entry.connected(id, it.now));
        it.receive(id, &login("ALPHA", "SECRET", "CORETICK", asked));
        let told = it.told(id);
        assert_eq!(told[0], format!("accepted CORETICK {from}"), "{asked}");
        assert_eq!(told[1..], all[from - 1..], "{asked}");
        it.receive(id, &packet(&Packet::LogoutRequest));
        it.close(id);
    }
}

#[test]
fn an_account_with_a_full_day_is_closed_at_its_next_request_and_told_of_its_orders_still() {
    let asks: [fn(u32) -> Vec<u8>; 6] = [
        |_| query(0),
        |user_ref| enter(user_ref, side::BUY, 100, 100),
        |user_ref| enter(user_ref, side::BUY, 0, 100),
        |user_ref| replace(1, user_ref, 100, 90_000),
        |user_ref| mass_cancel(user_ref, crate::wire::ouch::Symbol::BLANK, &[]),
        |user_ref| switch(user_ref, true, *b"FIRM"),
    ];
    for ask in asks {
        let mut config = config();
        config.messages_max = 3;
        config.accounts[0].cancel_on_disconnect = false;
        let mut it = open(config);
        it.say(0, &[enter(1, side::BUY, 100, 100_000), enter(2, side::BUY, 100, 90_000)]);
        assert_eq!(it.say(0, &[query(0)]), ["Q 3"]);
        assert!(!it.entry.is_over(0));
        // Cancels are done, and executions told: they need what lives.
        assert_eq!(it.say(0, &[cancel(2, 40)]), ["C 2 -60 U"]);
        it.stranger(Side::SELL, 100_000, 30, Lasts::Immediate);
        assert_eq!(it.told(0), ["E 1 30@100000 A #1"]);
        assert_eq!(it.say(0, &[modify(2, side::BUY, 30)]), ["M 2 B 30"]);
        assert!(it.say(0, &[ask(3), ask(4)]).is_empty());
        assert!(it.entry.is_over(0));
        assert_eq!(it.entry.last_bad().map(|bad| bad.why), Some(Why::Full));
        it.close(0);
        let counters = it.entry.counters();
        assert_eq!((counters.full, counters.bad_messages, counters.rejected), (1, 0, 0));
        // It can come again, read what it missed, and cancel.
        assert!(it.entry.connected(1, it.now));
        it.receive(1, &login("ALPHA", "SECRET", "", 6));
        assert_eq!(it.told(1), ["accepted CORETICK 6", "M 2 B 30"]);
        assert_eq!(it.say(1, &[cancel(1, 0), cancel(2, 0)]), ["C 1 -70 U", "C 2 -30 U"]);
        assert_eq!(it.core.live(), 0);
    }
}

#[test]
fn what_changes_nothing_is_not_refused_for_ever_on_a_full_day() {
    let mut config = config();
    config.messages_max = 2;
    let mut it = open(config);
    let closing = |order: &mut crate::wire::ouch::EnterOrder| {
        order.cross_type = crate::wire::ouch::code::cross::CLOSING;
    };
    it.say(0, &[enter_with(1, closing, &[])]);
    it.entry.freeze(crate::exchange::matching::CrossSession::Closing, true);
    let said = [cancel(1, 50), cancel(1, 50), modify(1, side::BUY, 50), cancel(1, 0), cancel(1, 0)];
    assert_eq!(it.say(0, &said), ["I 1", "P 1"]);
    assert_eq!(it.entry.counters().ignored, 3);
}

#[test]
fn a_wrong_login_is_rejected_and_the_connection_closed() {
    let mut it = Exchange::new(config());
    for (user, password, session, told) in [
        ("ALPHA", "wrong", "", "rejected A"),
        ("GAMMA", "secret", "", "rejected A"),
        ("ALPHA", "secret", "YESTERDAY", "rejected S"),
        ("ALPHA", "", "YESTERDAY", "rejected A"),
    ] {
        assert!(it.entry.connected(0, it.now));
        it.receive(0, &login(user, password, session, 1));
        assert!(!it.entry.is_over(0));
        assert_eq!(it.told(0), [told]);
        assert!(it.entry.is_over(0));
        it.close(0);
    }
    let counters = it.entry.counters();
    assert_eq!((counters.logins, counters.logins_rejected, counters.lost), (0, 4, 0));
}

#[test]
fn a_second_login_takes_over_and_cancels_nothing() {
    let mut it = open(config());
    it.say(0, &[enter(1, side::BUY, 100, 100)]);
    it.login(1, "ALPHA");
    assert!(it.entry.is_over(0) && !it.entry.is_over(1));
    // What the first connection still says is not heard.
    assert!(it.say(0, &[enter(2, side::BUY, 100, 100)]).is_empty());
    it.close(0);
    assert_eq!(
        (it.core.live(), it.entry.counters().taken_over, it.entry.counters().lost),
        (1, 1, 0)
    );
    assert_eq!(it.say(1, &[cancel(1, 0)]), ["C 1 -100 U"]);
}

#[test]
fn heartbeats_are_sent_after_a_second_and_awaited_for_fifteen() {
    let mut it = open(config());
    it.pass(SECOND - 1);
    assert!(it.told(0).is_empty());
    for _ in 0..14 {
        it.pass(1);
        assert_eq!(it.told(0), ["H"]);
        it.pass(SECOND - 1);
    }
    it.say(0, &[enter(1, side::BUY, 100, 100)]);
    it.pass(15 * SECOND - 1);
    assert!(!it.entry.is_over(0));
    it.told(0);
    assert_eq!(it.core.live(), 1);
    it.pass(1);
    assert!(it.entry.is_over(0));
    assert_eq!((it.core.live(), it.entry.counters().silent), (0, 1));
}

#[test]
fn a_login_can_ask_for_another_time() {
    let mut it = Exchange::new(config());
    assert!(it.entry.connected(0, it.now));
    it.receive(
        0,
        &packet(&Packet::LoginRequest(LoginRequest {
            username: Username::new("BETA").unwrap(),
            password: Password::new("secret").unwrap(),
            session: SessionName::BLANK,
            sequence: 0,
            heartbeat_timeout_ms: Some(2_500),
        })),
    );
    it.told(0);
    it.pass(2_499_999_999);
    it.told(0);
    assert!(!it.entry.is_over(0));
    it.pass(1);
    assert!(it.entry.is_over(0));
}

#[test]
fn who_does_not_log_in_is_closed() {
    let mut it = Exchange::new(config());
    assert!(it.entry.connected(0, it.now));
    assert_eq!(it.entry.next_due(), Some(it.now.plus(Nanos(30 * SECOND))));
    it.pass(30 * SECOND - 1);
    assert!(!it.entry.is_over(0));
    it.pass(1);
    assert!(it.entry.is_over(0));
    assert_eq!(it.entry.counters().no_login, 1);
}

#[test]
fn orders_go_with_the_connection_if_the_account_says_so() {
    for (on_disconnect, on_logout, logs_out, live) in [
        (true, false, false, 0),
        (true, false, true, 2),
        (true, true, true, 0),
        (false, false, false, 2),
        (false, true, false, 2),
        (false, true, true, 0),
    ] {
        let mut config = config();
        config.accounts[0].cancel_on_disconnect = on_disconnect;
        config.accounts[0].cancel_on_logout = on_logout;
        let mut it = open(config);
        it.say(0, &[enter(1, side::BUY, 100, 100), enter(2, side::BUY, 100, 100)]);
        if logs_out {
            it.receive(0, &packet(&Packet::LogoutRequest));
        }
        it.close(0);
        assert_eq!(it.core.live(), live);
        it.login(0, "ALPHA");
        it.close(0);
        assert!(it.entry.connected(0, it.now));
        it.receive(0, &login("ALPHA", "secret", "", 3));
        let told = if live == 0 { vec!["C 1 -100 S", "C 2 -100 S"] } else { vec![] };
        let after: Vec<String> = it.told(0).split_off(1);
        assert!(
            after.starts_with(&told.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "{after:?}"
        );
    }
}

#[test]
fn what_happens_while_a_client_is_away_is_told_when_it_comes_back() {
    let mut config = config();
    config.accounts[0].cancel_on_disconnect = false;
    let mut it = open(config);
    it.say(0, &[enter(1, side::BUY, 100, 100_000)]);
    it.close(0);
    it.stranger(Side::SELL, 100_000, 40, Lasts::Immediate);
    assert!(it.entry.connected(1, it.now));
    it.receive(1, &login("ALPHA", "secret", "", 2));
    assert_eq!(it.told(1), ["accepted CORETICK 2", "E 1 40@100000 A #1"]);
}

#[test]
fn the_end_of_the_day_is_told_behind_the_last_message() {
    let mut it = open(config());
    it.say(0, &[enter(1, side::BUY, 100, 100)]);
    it.entry.cancel_all(CancelReason::Expired);
    it.drain();
    it.entry.end_of_day(it.now);
    it.entry.end_of_session();
    assert_eq!(it.told(0), ["C 1 -100 E", "S E", "Z"]);
    it.pass(SECOND);
    assert!(it.told(0).is_empty() && !it.entry.is_over(0));
    // Who comes late is told everything, and that it is over.
    assert!(it.entry.connected(1, it.now));
    it.receive(1, &login("ALPHA", "secret", "", 2));
    assert_eq!(it.told(1), ["accepted CORETICK 2", "C 1 -100 E", "S E", "Z"]);
}

#[test]
fn who_does_not_read_is_closed_and_costs_a_bounded_buffer() {
    let mut config = config();
    config.unsent_max = 70_000;
    let mut it = open(config);
    for user_ref in 1..=900 {
        it.receive(0, &unsequenced(&enter(user_ref, side::BUY, 100, 100)));
        it.receive(0, &unsequenced(&cancel(user_ref, 0)));
        assert!(it.entry.unsent(0, it.now).len() <= 70_000);
    }
    assert!(it.entry.unsent(0, it.now).len() > 69_000);
    it.pass(4 * SECOND);
    // A byte is a sign of life.
    it.entry.sent(0, 1, it.now);
    it.pass(5 * SECOND - 1);
    assert!(!it.entry.is_over(0));
    it.pass(1);
    assert!(it.entry.is_over(0));
    assert_eq!(it.entry.counters().stalled, 1);
    it.close(0);
    // Nothing is lost.
    assert!(it.entry.connected(0, it.now));
    it.receive(0, &login("ALPHA", "secret", "", 1));
    let told = it.told(0);
    assert_eq!((told.len(), &told[1800][..]), (1801, "C 900 -100 U"));
}

#[test]
fn bad_input_is_counted_and_the_session_goes_on() {
    let mut it = open(config());
    let cut = &enter(1, side::BUY, 100, 100)[..20];
    let options = [&enter(1, side::BUY, 100, 100)[..45], &[0, 3, 9, 5, 0]].concat();
    for bad in [&b""[..], b"?", b"S\0", cut, &options] {
        assert!(it.say(0, &[bad.to_vec()]).is_empty());
    }
    assert_eq!((it.entry.counters().bad_messages, it.entry.counters().messages), (5, 0));
    let last = it.entry.last_bad().unwrap();
    assert!(matches!(last.why, Why::Options(_)) && last.connection == 0 && last.offset > 49);
    // A packet of no known type, and a text for people.
    it.receive(0, b"\0\x02?!\0\x03+hi");
    assert_eq!(it.entry.counters().bad_packets, 1);
    assert_eq!(it.say(0, &[enter(1, side::BUY, 100, 100)]), ["A 1 L 100"]);
}

#[test]
fn what_breaks_the_protocol_ends_the_connection() {
    let first: &[&[u8]] = &[b"\0\0", b"\0\x02Sx", b"\0\x01H", b"\0\x03Lxx", b"\0\x01U", b"\0\x01R"];
    for bad in first {
        let mut it = Exchange::new(config());
        assert!(it.entry.connected(0, it.now));
        it.receive(0, bad);
        assert!(it.entry.is_over(0), "{}", bad.escape_ascii());
        assert_eq!(it.entry.counters().bad_packets, 1);
    }
    let mut it = open(config());
    it.say(0, &[enter(1, side::BUY, 100, 100)]);
    it.receive(0, &login("ALPHA", "secret", "", 1));
    assert!(it.entry.is_over(0));
    assert_eq!(it.core.live(), 0);
}

#[test]
fn there_is_room_for_so_many_connections() {
    let mut it = Exchange::new(config());
    assert!((0..4).all(|id| it.entry.connected(id, it.now)));
    assert!(!it.entry.connected(4, it.now) && !it.entry.connected(0, it.now));
    it.close(0);
    assert!(it.entry.connected(0, it.now));
    assert_eq!(it.entry.counters().connections_refused, 2);
}

#[test]
fn late_answers_come_late_and_in_order() {
    let mut config = config();
    config.faults = Faults::parse("ack_delay=5ms").unwrap();
    let mut it = open(config);
    assert!(it.say(0, &[enter(1, side::BUY, 100, 100)]).is_empty());
    assert_eq!(it.entry.next_due(), Some(it.now.plus(Nanos(5_000_000))));
    it.pass(3_000_000);
    assert!(it.say(0, &[cancel(1, 0)]).is_empty());
    it.pass(2_000_000);
    assert_eq!(it.told(0), ["A 1 L 100"]);
    // A login meanwhile does not know of what is held back.
    it.login(1, "ALPHA");
    it.pass(3_000_000);
    assert_eq!(it.told(1), ["C 1 -100 U"]);
}

#[test]
fn the_exchange_knows_whether_a_client_has_yet_to_be_told_of_the_end() {
    let mut config = config();
    config.faults = Faults::parse("ack_delay=5s").unwrap();
    let mut it = open(config);
    assert!(!it.entry.is_behind());
    it.say(0, &[enter(1, side::BUY, 100, 100)]);
    it.entry.end_of_session();
    assert!(it.entry.is_behind(), "the answer is held back");
    it.pass(5 * SECOND);
    assert!(it.entry.is_behind(), "the client has not heard of the end");
    assert!(!it.entry.unsent(0, it.now).is_empty() && it.entry.is_behind(), "bytes wait");
    assert_eq!(it.told(0), ["A 1 L 100", "Z"]);
    assert!(!it.entry.is_behind());
}

#[test]
fn logins_and_connections_fail_on_demand() {
    let mut config = config();
    config.faults =
        Faults::parse("login_refusals=1,disconnect_after=50,disconnect_times=2").unwrap();
    let mut it = Exchange::new(config);
    assert!(it.entry.connected(0, it.now));
    it.receive(0, &login("ALPHA", "secret", "", 1));
    assert_eq!(it.told(0), ["rejected A"]);
    it.close(0);
    it.login(0, "ALPHA");
    it.receive(0, &unsequenced(&enter(1, side::BUY, 100, 100)));
    assert_eq!(it.take(0).len(), 50 - 33);
    assert!(it.entry.is_over(0));
    it.drain();
    assert_eq!((it.core.live(), it.entry.counters().cut), (0, 1));
    it.close(0);
    assert!(it.entry.connected(0, it.now));
    it.receive(0, &login("ALPHA", "secret", "", 1));
    assert_eq!(it.told(0), ["accepted CORETICK 1", "A 1 L 100", "C 1 -100 S"]);
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..30),
        logged_in in any::<bool>(),
    ) {
        let mut it = Exchange::new(config());
        assert!(it.entry.connected(0, it.now));
        if logged_in {
            it.receive(0, &login("ALPHA", "secret", "", 1));
        }
        for chunk in &chunks {
            it.receive(0, chunk);
        }
        it.take(0);
    }

    #[test]
    fn no_message_makes_it_panic(
        messages in prop::collection::vec(
            (prop::sample::select(b"OUXMCDEQ".to_vec()), prop::collection::vec(prop_oneof![
                any::<u8>(), prop::sample::select(b"\0\x01\x02BSTE03NYAPC ".to_vec())
            ], 0..70)),
            0..30,
        ),
    ) {
        let mut it = open(config());
        for (kind, rest) in &messages {
            let message = [&[*kind][..], rest].concat();
            it.receive(0, &unsequenced(&message));
        }
        it.take(0);
        prop_assert_eq!(it.entry.counters().out_of_step, 0);
    }
}
