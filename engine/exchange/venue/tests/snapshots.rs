//! The snapshot service: who is served, who is let go, and what goes wrong on purpose.

use super::*;

/// A service with a place or two, and what goes wrong with it.
fn service(connections: usize, faults: &str) -> SnapshotService {
    SnapshotService::new(connections, Nanos(5 * SECOND), &Faults::parse(faults).unwrap())
}

/// All that a connection is sent at `now`.
fn told(service: &mut SnapshotService, id: usize, now: Nanos) -> Vec<u8> {
    let mut told = Vec::new();
    loop {
        let bytes = service.unsent(id, now).to_vec();
        service.sent(id, bytes.len(), now);
        if bytes.is_empty() {
            return told;
        }
        told.extend(bytes);
    }
}

/// What a login is sent at once on a connection that is made for it.
fn late_comer(service: &mut SnapshotService, it: &Market, now: Nanos) -> Vec<u8> {
    assert!(service.connected(0, now));
    service.received(0, &client::login("BETA", "SECRET", "", 1), &it.venue, now);
    told(service, 0, now)
}

/// The types of the packets, or of the messages in them.
fn kinds(bytes: &[u8]) -> String {
    let (mut kinds, mut rest) = (String::new(), bytes);
    while let Some((frame, after)) = crate::wire::frame::split(rest) {
        kinds.push(char::from(frame[if frame[0] == b'S' { 1 } else { 0 }]));
        rest = after;
    }
    kinds
}

#[test]
fn who_comes_late_is_sent_the_market_as_it_is() {
    let mut it = Market::new(Programme::open_at_once(), "");
    it.stranger(Side::SELL, 100_000, 40, Lasts::Day);
    it.stranger(Side::BUY, 90_000, 40, Lasts::Day);
    let mut service = service(2, "");
    assert!(service.connected(0, Nanos(0)) && !service.connected(0, Nanos(0)));
    let login = client::login("BETA", "SECRET", "", 1);
    for byte in &login {
        service.received(0, &[*byte], &it.venue, Nanos(0));
    }
    let bytes = told(&mut service, 0, Nanos(0));
    // The answer to the login, the directory, the day's event, two orders, the end, the end of the session.
    assert_eq!(kinds(&bytes), "ARHYRHYSAAGZ");
    assert!(service.connected(1, Nanos(0)));
    service.received(1, &client::login("BETA", "wrong", "", 1), &it.venue, Nanos(0));
    assert_eq!(client::packets(&told(&mut service, 1, Nanos(0))), ["rejected A"]);
    assert!(service.is_over(1) && !service.is_over(0));
    assert_eq!((service.served(), service.rejected()), (1, 1));
    service.due(Nanos(15 * SECOND));
    assert!(service.is_over(0));
    service.closed(0);
    assert!(service.connected(0, Nanos(0)));
}

#[test]
fn what_comes_behind_a_login_is_read_at_once() {
    let it = Market::new(Programme::open_at_once(), "");
    let mut service = service(1, "");
    assert!(service.connected(0, Nanos(0)));
    let [login, logout] =
        [client::login("BETA", "SECRET", "", 1), client::packet(&Packet::LogoutRequest)];
    service.received(0, &[login, logout].concat(), &it.venue, Nanos(0));
    assert_eq!(service.served(), 1);
    let waits = service.unsent(0, Nanos(0)).len();
    service.sent(0, waits, Nanos(0));
    assert!(service.is_over(0));
}

#[test]
fn who_has_all_of_the_market_is_let_go_whatever_it_says() {
    let it = Market::new(Programme::open_at_once(), "");
    let mut service = service(1, "");
    assert!(service.connected(0, Nanos(0)));
    service.received(0, &client::login("BETA", "SECRET", "", 1), &it.venue, Nanos(0));
    for second in 0..6 {
        let now = Nanos(second * SECOND);
        let waits = service.unsent(0, now).len();
        service.sent(0, waits, now);
        assert!(!service.is_over(0) || second >= 5);
        service.received(0, &client::packet(&Packet::ClientHeartbeat), &it.venue, now);
        service.due(now);
        assert!(service.held() == 0);
    }
    assert!(service.is_over(0));
}

#[test]
fn who_does_not_log_in_for_a_snapshot_loses_its_place_soon() {
    let mut service = service(1, "");
    assert!(service.connected(0, Nanos(0)));
    service.due(Nanos(4 * SECOND));
    assert!(!service.is_over(0));
    service.due(Nanos(5 * SECOND));
    assert!(service.is_over(0));
}

#[test]
fn a_snapshot_ends_at_any_byte_and_the_next_one_is_whole() {
    let it = Market::new(Programme::open_at_once(), "");
    let whole = late_comer(&mut service(1, ""), &it, Nanos(0));
    for length in 1..whole.len() {
        let mut service =
            service(1, &format!("snapshot-disconnect-after={length},snapshot-disconnect-times=1"));
        assert_eq!(late_comer(&mut service, &it, Nanos(0)), whole[..length]);
        assert!(service.is_over(0) && service.held() == 0);
        service.closed(0);
        assert_eq!(late_comer(&mut service, &it, Nanos(0)), whole);
        assert!(!service.is_over(0));
        assert_eq!((service.served(), service.cut()), (2, 1));
    }
}

#[test]
fn order_entry_and_snapshots_are_cut_apart() {
    let it = Market::new(Programme::open_at_once(), "");
    let whole = late_comer(&mut service(1, ""), &it, Nanos(0));
    let faults = "disconnect-after=5,login-refusals=9,ack-delay=1s";
    assert_eq!(late_comer(&mut service(1, faults), &it, Nanos(0)), whole);
    let mut it = Market::new(
        Programme::open_at_once(),
        "snapshot-disconnect-after=5,snapshot-login-refusals=9,snapshot-delay=1s",
    );
    assert_eq!(it.login(0, "ALPHA", 1), ["accepted CORETICK 1", "S S"]);
}

#[test]
fn a_login_for_a_snapshot_is_refused_on_demand() {
    let it = Market::new(Programme::open_at_once(), "");
    let mut service = service(1, "snapshot-login-refusals=2");
    for _ in 0..2 {
        assert_eq!(client::packets(&late_comer(&mut service, &it, Nanos(0))), ["rejected A"]);
        assert!(service.is_over(0));
        service.closed(0);
    }
    assert!(kinds(&late_comer(&mut service, &it, Nanos(0))).ends_with("GZ"));
    assert_eq!((service.served(), service.rejected()), (1, 2));
}

#[test]
fn a_late_snapshot_is_the_market_of_its_login() {
    let mut it = Market::new(Programme::open_at_once(), "");
    it.stranger(Side::SELL, 100_000, 40, Lasts::Day);
    let mut service = service(1, "snapshot-delay=7s");
    assert_eq!(kinds(&late_comer(&mut service, &it, Nanos(0))), "A");
    it.stranger(Side::BUY, 90_000, 40, Lasts::Day);
    for second in 1..7 {
        service.due(Nanos(second * SECOND));
        // No more than that the exchange is alive.
        assert!(kinds(&told(&mut service, 0, Nanos(second * SECOND))).bytes().all(|it| it == b'H'));
        service.received(
            0,
            &client::packet(&Packet::ClientHeartbeat),
            &it.venue,
            Nanos(second * SECOND),
        );
    }
    assert!(!service.is_over(0) && service.held() == 1);
    service.due(Nanos(7 * SECOND));
    let bytes = told(&mut service, 0, Nanos(7 * SECOND));
    // One order: the other came later.
    assert_eq!(kinds(&bytes).trim_start_matches('H'), "RHYRHYSAGZ");
}
