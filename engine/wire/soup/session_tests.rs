//! The machines of both ends: who may say what when, and the edges of time.

use super::*;
use crate::base::unit::Nanos;
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const START: u64 = 77_000 * MS;

/// So many milliseconds after the connection.
const fn ms(milliseconds: u64) -> Nanos {
    Nanos(START + milliseconds * MS)
}

/// One nanosecond before.
const fn before(time: Nanos) -> Nanos {
    Nanos(time.0 - 1)
}

fn request(sequence: u64, heartbeat_timeout_ms: Option<u32>) -> Packet<'static> {
    Packet::LoginRequest(LoginRequest {
        username: Username(*b"alice "),
        password: Password(*b"secret    "),
        session: SessionName::BLANK,
        sequence,
        heartbeat_timeout_ms,
    })
}

fn accepted(sequence: u64) -> Packet<'static> {
    let session = SessionName(*b"       S01");
    Packet::LoginAccepted(LoginAccepted { session, sequence })
}

const REJECTED: Packet<'static> = Packet::LoginRejected(code::reject::NOT_AUTHORIZED);
const MESSAGE: Packet<'static> = Packet::Unsequenced(b"message");
const NUMBERED: Packet<'static> = Packet::Sequenced(b"numbered");

/// A server that logged a client in at 0 ms, with 5 as the next number.
fn server(heartbeat_timeout_ms: Option<u32>) -> ServerSession {
    let mut server = ServerSession::new(ms(0));
    let login = server.on_packet(&request(5, heartbeat_timeout_ms), ms(0));
    assert!(matches!(login, Ok(ServerEvent::Login(login)) if login.sequence == 5));
    server.on_sent(&accepted(5), ms(0));
    assert_eq!((server.state(), server.next_sequence()), (ServerState::LoggedIn, 5));
    server
}

/// A client that was logged in at 0 ms, with 5 as the next number.
fn client(heartbeat_timeout_ms: Option<u32>) -> ClientSession {
    let mut client = ClientSession::new(ms(0));
    client.on_sent(&request(5, heartbeat_timeout_ms), ms(0));
    let answer = client.on_packet(&accepted(5), ms(0));
    assert!(matches!(answer, Ok(ClientEvent::Accepted(answer)) if answer.sequence == 5));
    assert_eq!((client.state(), client.next_sequence()), (ClientState::LoggedIn, 5));
    client
}

#[test]
fn a_client_that_does_not_log_in_is_dropped_after_30_seconds() {
    let mut server = ServerSession::new(ms(0));
    for deciding in [false, true] {
        if deciding {
            server.on_packet(&request(1, Some(50)), ms(29_000)).unwrap();
            assert_eq!(server.state(), ServerState::Deciding);
        }
        // Neither heartbeats nor silence count before the login.
        assert_eq!(server.poll(before(ms(30_000))), Due::Nothing);
        assert_eq!(server.poll(ms(30_000)), Due::Close(Cause::NoLogin));
        assert_eq!(server.next_due(), ms(30_000));
    }
    // The time that the decision took is not the client's silence.
    server.on_sent(&accepted(1), ms(29_999));
    assert_eq!(server.poll(before(ms(30_049))), Due::Nothing);
    assert_eq!(server.poll(ms(30_049)), Due::Close(Cause::Silence));
}

#[test]
fn a_heartbeat_is_due_a_second_after_anything_was_sent() {
    let mut server = server(None);
    assert_eq!(server.next_due(), ms(1000));
    assert_eq!(server.poll(before(ms(1000))), Due::Nothing);
    assert_eq!(server.poll(ms(1000)), Due::Heartbeat);
    assert_eq!(server.poll(ms(1400)), Due::Heartbeat, "due until it was sent");
    server.on_sent(&Packet::ServerHeartbeat, ms(1500));
    let mut now = 1500;
    for packet in [NUMBERED, MESSAGE, Packet::Debug(b"hi"), Packet::ServerHeartbeat] {
        assert_eq!(server.poll(before(ms(now + 1000))), Due::Nothing, "{packet:?}");
        assert_eq!(server.poll(ms(now + 1000)), Due::Heartbeat, "{packet:?}");
        now += 999;
        server.on_sent(&packet, ms(now));
    }
    // What comes in does not count as sent.
    server.on_packet(&MESSAGE, ms(now + 500)).unwrap();
    assert_eq!(server.poll(ms(now + 1000)), Due::Heartbeat);

    let mut client = client(None);
    let mut now = 0;
    for packet in [MESSAGE, Packet::Debug(b"hi"), Packet::ClientHeartbeat] {
        client.on_packet(&Packet::ServerHeartbeat, ms(now + 900)).unwrap();
        assert_eq!(client.next_due(), ms(now + 1000));
        assert_eq!(client.poll(before(ms(now + 1000))), Due::Nothing, "{packet:?}");
        assert_eq!(client.poll(ms(now + 1000)), Due::Heartbeat, "{packet:?}");
        now += 1000;
        client.on_sent(&packet, ms(now));
    }
}

#[test]
fn a_silent_peer_is_given_up_after_15_seconds_or_what_it_asked_for() {
    for (asked, limit) in
        [(None, 15_000), (Some(0), 15_000), (Some(1), 1), (Some(500), 500), (Some(99_999), 99_999)]
    {
        let mut server = server(asked);
        server.on_packet(&Packet::ClientHeartbeat, ms(250)).unwrap();
        server.on_sent(&NUMBERED, before(ms(250 + limit)));
        assert_eq!(server.poll(before(ms(250 + limit))), Due::Nothing);
        assert_eq!(server.poll(ms(250 + limit)), Due::Close(Cause::Silence), "{asked:?}");
        assert_eq!(server.next_due().min(ms(250 + limit)), server.next_due());
        // Anything heard keeps it.
        for packet in [MESSAGE, Packet::Debug(b""), Packet::ClientHeartbeat] {
            let mut server = server.clone();
            server.on_packet(&packet, ms(300)).unwrap();
            server.on_sent(&Packet::ServerHeartbeat, before(ms(300 + limit)));
            assert_eq!(server.poll(before(ms(300 + limit))), Due::Nothing);
            assert_eq!(server.poll(ms(300 + limit)), Due::Close(Cause::Silence));
        }
        // The server is not held to what the client asked of it.
        let mut client = client(asked);
        client.on_packet(&NUMBERED, ms(250)).unwrap();
        client.on_sent(&Packet::ClientHeartbeat, before(ms(15_250)));
        assert_eq!(client.poll(before(ms(15_250))), Due::Nothing);
        assert_eq!(client.poll(ms(15_250)), Due::Close(Cause::Silence));
    }
}

#[test]
fn a_client_that_asks_to_be_given_up_soon_speaks_sooner() {
    for (asked, after) in [(None, 1000), (Some(0), 1000), (Some(2000), 1000), (Some(600), 300)] {
        let client = client(asked);
        assert_eq!(client.poll(before(ms(after))), Due::Nothing, "{asked:?}");
        assert_eq!(client.poll(ms(after)), Due::Heartbeat, "{asked:?}");
    }
}

#[test]
fn an_unanswered_login_is_silence() {
    let mut client = ClientSession::new(ms(0));
    assert_eq!((client.poll(ms(3_600_000)), client.next_due()), (Due::Nothing, Nanos::MAX));
    client.on_sent(&request(1, None), ms(20_000));
    assert_eq!(client.next_due(), ms(35_000));
    assert_eq!(client.poll(before(ms(35_000))), Due::Nothing, "no heartbeat before the login");
    assert_eq!(client.poll(ms(35_000)), Due::Close(Cause::Silence));
}

#[test]
fn sequenced_packets_are_numbered_by_counting() {
    let (mut server, mut client) = (server(None), client(None));
    for sequence in 5..9 {
        assert_eq!((server.next_sequence(), client.next_sequence()), (sequence, sequence));
        server.on_sent(&NUMBERED, ms(1));
        let event = client.on_packet(&NUMBERED, ms(2));
        assert_eq!(event, Ok(ClientEvent::Sequenced { sequence, message: b"numbered" }));
        for other in [Packet::ServerHeartbeat, MESSAGE, Packet::Debug(b"x")] {
            server.on_sent(&other, ms(3));
            client.on_packet(&other, ms(3)).unwrap();
        }
    }
    assert_eq!(client.on_packet(&MESSAGE, ms(4)), Ok(ClientEvent::Unsequenced(b"message")));
    assert_eq!(server.on_packet(&MESSAGE, ms(4)), Ok(ServerEvent::Message(b"message")));
}

#[test]
fn numbers_that_run_out_are_a_violation_and_not_a_panic() {
    let mut client = ClientSession::new(ms(0));
    client.on_sent(&request(0, None), ms(0));
    client.on_packet(&accepted(u64::MAX), ms(0)).unwrap();
    assert_eq!(client.on_packet(&NUMBERED, ms(0)), Err(Violation::SequenceEnd));
    assert_eq!(client.state(), ClientState::Closed(Cause::Violation));
}

#[test]
fn a_rejected_login_ends_both_sessions() {
    let mut server = ServerSession::new(ms(0));
    server.on_packet(&request(1, None), ms(0)).unwrap();
    server.on_sent(&REJECTED, ms(0));
    assert_eq!(server.poll(ms(0)), Due::Close(Cause::Rejected));
    let mut client = ClientSession::new(ms(0));
    client.on_sent(&request(1, None), ms(0));
    assert_eq!(client.on_packet(&REJECTED, ms(0)), Ok(ClientEvent::Rejected(b'A')));
    assert_eq!(client.poll(ms(0)), Due::Close(Cause::Rejected));
    assert_eq!(client.next_due(), Nanos(0));
}

#[test]
fn a_logout_ends_the_server_s_session_and_lets_the_client_s_run_out() {
    let (mut server, mut client) = (server(None), client(None));
    client.on_sent(&Packet::LogoutRequest, ms(100));
    assert_eq!(client.state(), ClientState::Leaving);
    assert_eq!(server.on_packet(&Packet::LogoutRequest, ms(110)), Ok(ServerEvent::Logout));
    assert_eq!(server.poll(ms(110)), Due::Close(Cause::LoggedOut));
    assert_eq!(server.on_packet(&MESSAGE, ms(111)), Ok(ServerEvent::Nothing));
    // What was on its way still counts; no heartbeat is due any more.
    let event = client.on_packet(&NUMBERED, ms(120));
    assert_eq!(event, Ok(ClientEvent::Sequenced { sequence: 5, message: b"numbered" }));
    assert_eq!(client.poll(before(ms(15_120))), Due::Nothing);
    assert_eq!(client.poll(ms(15_120)), Due::Close(Cause::Silence));
}

#[test]
fn the_end_of_the_session_ends_it() {
    let (mut server, mut client) = (server(None), client(None));
    server.on_sent(&Packet::EndOfSession, ms(100));
    assert_eq!(server.state(), ServerState::Ended);
    // What the client said meanwhile means nothing any more, and no heartbeat is due.
    assert_eq!(server.on_packet(&MESSAGE, ms(200)), Ok(ServerEvent::Nothing));
    assert_eq!(server.poll(before(ms(15_200))), Due::Nothing);
    assert_eq!(server.poll(ms(15_200)), Due::Close(Cause::Silence));
    assert_eq!(server.next_due(), ms(15_200));
    assert_eq!(client.on_packet(&Packet::EndOfSession, ms(110)), Ok(ClientEvent::Ended));
    assert_eq!(client.poll(ms(110)), Due::Close(Cause::Ended));
    let error = Violation::AfterEnd { kind: b'S' };
    assert_eq!(client.on_packet(&NUMBERED, ms(120)), Err(error));
    assert_eq!(client.on_packet(&Packet::ServerHeartbeat, ms(120)), Ok(ClientEvent::Nothing));
}

/// Every packet there is.
fn all() -> [Packet<'static>; 10] {
    [
        Packet::Debug(b""),
        accepted(1),
        REJECTED,
        NUMBERED,
        Packet::ServerHeartbeat,
        Packet::EndOfSession,
        request(1, None),
        MESSAGE,
        Packet::ClientHeartbeat,
        Packet::LogoutRequest,
    ]
}

/// How a violation reads in the tables: direction, not logged in, already logged in, none.
fn brief<T>(result: Result<T, Violation>, kind: u8) -> char {
    match result {
        Ok(_) => '.',
        Err(Violation::WrongDirection { kind: found }) if found == kind => 'd',
        Err(Violation::NotLoggedIn { kind: found }) if found == kind => 'n',
        Err(Violation::AlreadyLoggedIn { kind: found }) if found == kind => 'a',
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_server_hears_what_may_be_said_in_each_state() {
    let awaiting = ServerSession::new(ms(0));
    let mut deciding = awaiting.clone();
    deciding.on_packet(&request(1, None), ms(0)).unwrap();
    let mut ended = server(None);
    ended.on_sent(&Packet::EndOfSession, ms(0));
    let mut closed = server(None);
    closed.on_packet(&Packet::LogoutRequest, ms(0)).unwrap();
    for (session, expected) in [
        // + A J S H Z L U R O
        (awaiting, ".ddddd.nn."),
        (deciding, ".dddddan.."),
        (server(None), ".ddddda..."),
        (ended, ".ddddda..."),
        (closed, ".........."),
    ] {
        let found: String = all()
            .iter()
            .map(|packet| {
                let mut session = session.clone();
                let found = session.on_packet(packet, ms(1));
                if found.is_err() {
                    assert_eq!(session.poll(ms(1)), Due::Close(Cause::Violation));
                }
                brief(found, packet.kind())
            })
            .collect();
        assert_eq!(found, expected, "{:?}", session.state());
    }
}

#[test]
fn a_client_hears_what_may_be_said_in_each_state() {
    let connected = ClientSession::new(ms(0));
    let mut logging_in = connected.clone();
    logging_in.on_sent(&request(1, None), ms(0));
    let mut leaving = client(None);
    leaving.on_sent(&Packet::LogoutRequest, ms(0));
    let mut closed = logging_in.clone();
    closed.on_packet(&REJECTED, ms(0)).unwrap();
    for (session, expected) in [
        // + A J S H Z L U R O
        (connected, ".nnnnndndd"),
        (logging_in, "...nnndndd"),
        (client(None), ".aa...d.dd"),
        (leaving, ".aa...d.dd"),
        (closed, ".........."),
    ] {
        let found: String = all()
            .iter()
            .map(|packet| {
                let mut session = session.clone();
                let found = session.on_packet(packet, ms(1));
                if found.is_err() {
                    assert_eq!(session.poll(ms(1)), Due::Close(Cause::Violation));
                }
                brief(found, packet.kind())
            })
            .collect();
        assert_eq!(found, expected, "{:?}", session.state());
    }
}

#[test]
#[should_panic(expected = "no server sends 'S' when Awaiting")]
fn a_server_that_sends_before_the_login_is_a_bug() {
    ServerSession::new(ms(0)).on_sent(&NUMBERED, ms(0));
}

#[test]
#[should_panic(expected = "no client sends 'U' when LoggingIn")]
fn a_client_that_sends_before_the_answer_is_a_bug() {
    let mut client = ClientSession::new(ms(0));
    client.on_sent(&request(1, None), ms(0));
    client.on_sent(&MESSAGE, ms(0));
}

#[test]
fn violations_say_what_came_and_when() {
    for (violation, text) in [
        (Violation::WrongDirection { kind: b'S' }, "a SoupBinTCP packet 'S' from the wrong side"),
        (Violation::NotLoggedIn { kind: b'U' }, "a SoupBinTCP packet 'U' before the login"),
        (Violation::AlreadyLoggedIn { kind: b'L' }, "a SoupBinTCP packet 'L' after the login"),
        (Violation::SequenceEnd, "no sequence number is left"),
    ] {
        assert_eq!(violation.to_string(), text);
    }
}

/// A packet under way: when it arrives, its type byte, its payload.
type Flight = std::collections::VecDeque<(Nanos, Packet<'static>)>;

proptest! {
    #[test]
    fn two_ends_that_do_what_is_due_keep_each_other(
        asked in prop::option::of(400..20_000_u32),
        // (Milliseconds until it is said, whether the server says it.)
        talk in prop::collection::vec((0..40_000_u64, any::<bool>()), 1..20),
        latency in 0..100_u64,
    ) {
        let (mut server, mut client) = (server(asked), client(asked));
        let (mut to_server, mut to_client) = (Flight::new(), Flight::new());
        let arrives = |now: Nanos| now.plus(Nanos(latency * MS));
        let (mut now, mut said) = (ms(0), 0);
        for (wait, by_server) in talk {
            let until = now.plus(Nanos(wait * MS));
            loop {
                let flights = [&to_server, &to_client];
                let first = flights.iter().filter_map(|flight| flight.front()).map(|f| f.0).min();
                let next = server.next_due().min(client.next_due()).min(first.unwrap_or(Nanos::MAX));
                if next > until {
                    break;
                }
                prop_assert!(next >= now);
                now = next;
                if to_server.front().is_some_and(|flight| flight.0 == now) {
                    server.on_packet(&to_server.pop_front().unwrap().1, now).unwrap();
                } else if to_client.front().is_some_and(|flight| flight.0 == now) {
                    client.on_packet(&to_client.pop_front().unwrap().1, now).unwrap();
                } else if server.next_due() == now {
                    prop_assert_eq!(server.poll(now), Due::Heartbeat);
                    server.on_sent(&Packet::ServerHeartbeat, now);
                    to_client.push_back((arrives(now), Packet::ServerHeartbeat));
                } else {
                    prop_assert_eq!(client.poll(now), Due::Heartbeat);
                    client.on_sent(&Packet::ClientHeartbeat, now);
                    to_server.push_back((arrives(now), Packet::ClientHeartbeat));
                }
            }
            now = until;
            if by_server {
                server.on_sent(&NUMBERED, now);
                to_client.push_back((arrives(now), NUMBERED));
                said += 1;
            } else {
                client.on_sent(&MESSAGE, now);
                to_server.push_back((arrives(now), MESSAGE));
            }
        }
        for (at, packet) in to_client {
            client.on_packet(&packet, at).unwrap();
        }
        prop_assert_eq!((server.next_sequence(), client.next_sequence()), (5 + said, 5 + said));
    }

    #[test]
    fn nothing_is_due_before_it_is_said_to_be(
        asked in prop::option::of(0..20_000_u32),
        steps in prop::collection::vec((0..10_usize, any::<bool>(), 0..3_000_u64), 0..20),
    ) {
        let (mut server, mut client) = (server(asked), client(asked));
        let mut now = ms(0);
        for (which, sent, wait) in steps {
            now = now.plus(Nanos(wait * MS));
            let packet = all()[which];
            let may_send = server.state() == ServerState::LoggedIn && b"SHU".contains(&packet.kind());
            if !sent {
                let _ = server.on_packet(&packet, now);
                let _ = client.on_packet(&packet, now);
            } else if may_send {
                server.on_sent(&packet, now);
            }
            let due = [
                (server.next_due(), server.poll(now), server.poll(server.next_due())),
                (client.next_due(), client.poll(now), client.poll(client.next_due())),
            ];
            for (at, at_once, then) in due {
                prop_assert_eq!(at_once == Due::Nothing, now < at);
                prop_assert_ne!(then, Due::Nothing);
            }
        }
    }
}
