//! The bytes of every packet, written out from the field table, its length before it.

use super::*;

/// `bytes`, its length before it, are `packet`, read and written.
#[track_caller]
fn assert_both_ways(bytes: &[u8], packet: Packet<'_>) {
    assert_eq!(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])), bytes.len() - 2);
    assert_eq!(Packet::parse(&bytes[2..]), Ok(packet));
    assert_eq!(packet.length(), bytes.len());
    let mut out = vec![0xee; bytes.len() + 2];
    assert_eq!(packet.write(&mut out), Ok(bytes.len()));
    assert_eq!(out, [bytes, &[0xee; 2]].concat());
    assert_eq!(packet.append(&mut out), Ok(()));
    assert_eq!(&out[bytes.len() + 2..], bytes);
}

#[test]
fn debug_bytes() {
    assert_both_ways(b"\0\x06+hello", Packet::Debug(b"hello"));
    assert_both_ways(b"\0\x01+", Packet::Debug(b""));
}

#[test]
fn login_accepted_bytes() {
    let answer = LoginAccepted { session: SessionName(*b"  20260130"), sequence: 4321 };
    assert_both_ways(b"\0\x1fA  20260130                4321", Packet::LoginAccepted(answer));
    let answer = LoginAccepted { session: SessionName(*b"RIGHT     "), sequence: u64::MAX };
    assert_both_ways(b"\0\x1fARIGHT     18446744073709551615", Packet::LoginAccepted(answer));
}

#[test]
fn login_rejected_bytes() {
    assert_both_ways(b"\0\x02JA", Packet::LoginRejected(code::reject::NOT_AUTHORIZED));
    assert_both_ways(b"\0\x02JS", Packet::LoginRejected(code::reject::NO_SESSION));
    assert_both_ways(b"\0\x02J?", Packet::LoginRejected(b'?'));
}

#[test]
fn sequenced_data_bytes() {
    assert_both_ways(b"\0\x04S\x01\x02\x03", Packet::Sequenced(&[1, 2, 3]));
    assert_both_ways(b"\0\x01S", Packet::Sequenced(&[]));
}

#[test]
fn heartbeats_end_and_logout_bytes() {
    assert_both_ways(b"\0\x01H", Packet::ServerHeartbeat);
    assert_both_ways(b"\0\x01R", Packet::ClientHeartbeat);
    assert_both_ways(b"\0\x01Z", Packet::EndOfSession);
    assert_both_ways(b"\0\x01O", Packet::LogoutRequest);
}

#[test]
fn login_request_bytes_of_both_lengths() {
    let request = LoginRequest {
        username: Username(*b"alice "),
        password: Password(*b"secret    "),
        session: SessionName(*b"          "),
        sequence: 1,
        heartbeat_timeout_ms: None,
    };
    assert_both_ways(
        b"\0\x2fLalice secret                                 1",
        Packet::LoginRequest(request),
    );
    let request = LoginRequest {
        session: SessionName(*b"       S01"),
        sequence: 0,
        heartbeat_timeout_ms: Some(2500),
        ..request
    };
    assert_both_ways(
        b"\0\x34Lalice secret           S01                   0 2500",
        Packet::LoginRequest(request),
    );
    let request = LoginRequest { heartbeat_timeout_ms: Some(99_999), ..request };
    assert_both_ways(
        b"\0\x34Lalice secret           S01                   099999",
        Packet::LoginRequest(request),
    );
}

#[test]
fn unsequenced_data_bytes() {
    assert_both_ways(b"\0\x03U\xff\x00", Packet::Unsequenced(&[0xff, 0]));
}
