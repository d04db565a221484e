//! Packets of every length and any bytes, fields, and the reader of a stream.

use super::*;
use proptest::prelude::*;

/// Lengths of the packets that have one, without their prefix.
const FIXED: &[(u8, &[usize])] = &[
    (b'A', &[31]),
    (b'J', &[2]),
    (b'H', &[1]),
    (b'Z', &[1]),
    (b'L', &[47, 52]),
    (b'R', &[1]),
    (b'O', &[1]),
];

#[test]
fn every_length_of_every_type_gives_its_exact_error() {
    for kind in 0..=u8::MAX {
        for length in 1..=52 + 8 {
            let mut frame = vec![b'1'; length];
            frame[0] = kind;
            let found = Packet::parse(&frame).map(|packet| packet.length());
            let expected = match FIXED.iter().find(|(of, _)| *of == kind) {
                Some((_, lengths)) if !lengths.contains(&length) => {
                    Err(Error::WrongLength { kind, expected: 2 + lengths[0], found: 2 + length })
                }
                // Twenty ones are a number of 64 bits.
                Some(_) => Ok(2 + length),
                None if b"+SU".contains(&kind) => Ok(2 + length),
                None => Err(Error::UnknownType { kind }),
            };
            assert_eq!(found, expected);
        }
    }
    assert_eq!(Packet::parse(&[]), Err(Error::Empty));
}

/// A login's answer with `number` in its field.
fn accepted(number: &[u8; 20]) -> Vec<u8> {
    [&b"A         S"[..], number].concat()
}

#[test]
fn a_number_may_stand_at_either_side_and_is_written_at_the_right() {
    for field in [b"                  42", b"42                  ", b"        42          "] {
        let frame = accepted(field);
        let packet = Packet::parse(&frame).unwrap();
        let session = SessionName::new("S").unwrap();
        assert_eq!(packet, Packet::LoginAccepted(LoginAccepted { session, sequence: 42 }));
        let mut out = Vec::new();
        packet.append(&mut out).unwrap();
        assert_eq!(out[2..], accepted(b"                  42"));
    }
    let zeros = accepted(b"00000000000000000042");
    assert!(matches!(
        Packet::parse(&zeros),
        Ok(Packet::LoginAccepted(LoginAccepted { sequence: 42, .. }))
    ));
}

#[test]
fn what_is_no_number_is_refused_with_its_place() {
    for field in [
        b"                    ",
        b"                 4 2",
        b"                  -1",
        b"                  +1",
        b"                 0x1",
        b"                1.50",
        b"18446744073709551616",
        b"99999999999999999999",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x001",
        b"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t1",
    ] {
        let error = Error::NotANumber { kind: b'A', offset: 13, length: 20 };
        assert_eq!(Packet::parse(&accepted(field)), Err(error));
    }
    let login = b"Lalice secret                                 x";
    let error = Error::NotANumber { kind: b'L', offset: 29, length: 20 };
    assert_eq!(Packet::parse(login), Err(error));
    let login = b"Lalice secret                                 1 1s  ";
    let error = Error::NotANumber { kind: b'L', offset: 49, length: 5 };
    assert_eq!(Packet::parse(login), Err(error));
    assert_eq!(error.to_string(), "5 bytes at 49 of SoupBinTCP packet 'L' are no number");
}

#[test]
fn text_is_equal_whatever_its_padding() {
    let user = Username::new("Alice").unwrap();
    assert_eq!(user.0, *b"Alice ");
    assert_eq!(user, Username(*b" aLICE"));
    assert_ne!(user, Username(*b"Alice2"));
    assert_ne!(user, Username(*b"Al ice"));
    assert_eq!(Password(*b"SECRET    "), Password(*b"    secret"));
    assert_ne!(Password(*b"SECRET    "), Password(*b"SECRET   1"));
    let session = SessionName::new("s01").unwrap();
    assert_eq!(session.0, *b"       s01");
    assert_eq!(session, SessionName(*b"s01       "));
    assert_ne!(session, SessionName(*b"S01       "), "a session's name has its case");
    assert!(SessionName::BLANK.is_blank() && !session.is_blank());
    assert_ne!(SessionName::BLANK, SessionName([0; 10]), "only spaces are blank");
    assert_eq!(Username::new("toolong"), Err(TextError));
    assert_eq!(SessionName::new("caf\u{e9}"), Err(TextError));
    assert_eq!(Username::new(""), Ok(Username::BLANK));
}

#[test]
fn a_password_is_never_printed() {
    let request = LoginRequest {
        username: Username(*b"alice "),
        password: Password(*b"hunter2   "),
        session: SessionName::BLANK,
        sequence: 1,
        heartbeat_timeout_ms: None,
    };
    let text = format!("{:?}", Packet::LoginRequest(request));
    assert!(text.contains("alice") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_login_is_met_by_the_session_and_the_number_that_it_asked_for() {
    let asks = |session, sequence| LoginRequest {
        username: Username::BLANK,
        password: Password::BLANK,
        session: SessionName(session),
        sequence,
        heartbeat_timeout_ms: None,
    };
    let answer = LoginAccepted { session: SessionName(*b"       S01"), sequence: 7 };
    for (session, sequence, met) in [
        (*b"          ", 0, true),
        (*b"          ", 7, true),
        (*b"S01       ", 7, true),
        (*b"S01       ", 6, false),
        (*b"S01       ", 8, false),
        (*b"S02       ", 7, false),
        (*b"S02       ", 0, false),
    ] {
        assert_eq!(asks(session, sequence).is_met_by(&answer), met);
    }
}

#[test]
fn lengths_have_no_sign() {
    for length in [0x7fff, 0x8000, PAYLOAD_MAX] {
        let payload = vec![7; length];
        let mut out = Vec::new();
        Packet::Sequenced(&payload).append(&mut out).unwrap();
        assert_eq!(out.len(), 3 + length);
        assert_eq!(out[..3], head(b'S', length).unwrap());
        let mut reader = Reader::new(PACKET_MAX);
        assert_eq!(reader.append(&out), out.len());
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!(Packet::parse(frame), Ok(Packet::Sequenced(&payload)));
    }
    assert_eq!(head(b'S', 0x8000), Ok([0x80, 0x01, b'S']));
    assert_eq!(head(b'S', PAYLOAD_MAX), Ok([0xff, 0xff, b'S']));
}

#[test]
fn what_cannot_be_written_is_refused_and_nothing_is() {
    let payload = vec![7; PAYLOAD_MAX + 1];
    let mut out = vec![1, 2];
    let error = WriteError::TooLong { payload: PAYLOAD_MAX + 1 };
    assert_eq!(Packet::Unsequenced(&payload).append(&mut out), Err(error));
    let request = LoginRequest {
        username: Username::BLANK,
        password: Password::BLANK,
        session: SessionName::BLANK,
        sequence: 0,
        heartbeat_timeout_ms: Some(100_000),
    };
    let error = WriteError::Timeout { milliseconds: 100_000 };
    assert_eq!(Packet::LoginRequest(request).append(&mut out), Err(error));
    assert_eq!(out, [1, 2]);
    let mut small = [0xee; 5];
    let error = WriteError::NoRoom { needed: 6, room: 5 };
    assert_eq!(Packet::Sequenced(b"abc").write(&mut small), Err(error));
    assert_eq!(small, [0xee; 5]);
}

#[test]
fn a_packet_of_length_0_ends_the_stream() {
    let mut reader = Reader::new(64);
    assert_eq!(reader.append(b"\0\x01H\0\0\0\x01H"), 8);
    assert_eq!(reader.next_frame(), Ok(Some(&b"H"[..])));
    let error = StreamError::ZeroLength { offset: 3 };
    assert_eq!(reader.next_frame(), Err(error));
    assert_eq!(reader.next_frame(), Err(error), "it does not heal");
    assert_eq!((reader.space().len(), reader.append(b"\0\x01H")), (0, 0));
    reader.reset();
    assert_eq!(reader.append(b"\0\x01H"), 3);
    assert_eq!(reader.next_frame(), Ok(Some(&b"H"[..])));
    assert_eq!(reader.offset(), 3);
}

#[test]
fn a_packet_longer_than_the_buffer_ends_the_stream() {
    let mut reader = Reader::new(8);
    assert_eq!(reader.append(b"\0\x06S12345\0\x07"), 8, "what fits");
    assert_eq!(reader.next_frame(), Ok(Some(&b"S12345"[..])));
    assert_eq!(reader.append(b"\0\x07S"), 3);
    let error = StreamError::TooLong { offset: 8, length: 9, room: 8 };
    assert_eq!(reader.next_frame(), Err(error));
    let text = "the SoupBinTCP packet at byte 8 of the stream has 9 bytes, room is for 8";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_cut_packet_is_seen_at_the_end_of_the_stream() {
    let mut reader = Reader::new(64);
    reader.append(b"\0\x01H\0\x05S12");
    assert_eq!(reader.next_frame(), Ok(Some(&b"H"[..])));
    assert_eq!(reader.next_frame(), Ok(None));
    assert_eq!(reader.pending(), 5);
}

#[test]
#[should_panic(expected = "than there was room")]
fn more_bytes_than_the_space_had_are_a_bug() {
    let mut reader = Reader::new(8);
    let space = reader.space().len();
    reader.filled(space + 1);
}

/// A packet of any kind, with payloads short and long.
fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (0..=PAYLOAD_MAX).prop_map(|length| vec![0x5a; length]),
    ];
    (0..10_u8, payload, any::<(u64, [u8; 10], u32)>()).prop_map(|(kind, payload, numbers)| {
        let (sequence, text, timeout) = numbers;
        let packet = match kind {
            0 => Packet::Debug(&payload),
            1 => Packet::LoginAccepted(LoginAccepted { session: SessionName(text), sequence }),
            2 => Packet::LoginRejected(text[0]),
            3 => Packet::Sequenced(&payload),
            4 => Packet::ServerHeartbeat,
            5 => Packet::EndOfSession,
            6 => Packet::LoginRequest(LoginRequest {
                username: Username(text[..6].try_into().unwrap()),
                password: Password(text),
                session: SessionName(text),
                sequence,
                heartbeat_timeout_ms: (timeout > 1 << 31).then_some(timeout % 100_000),
            }),
            7 => Packet::Unsequenced(&payload),
            8 => Packet::ClientHeartbeat,
            _ => Packet::LogoutRequest,
        };
        let mut out = Vec::new();
        packet.append(&mut out).unwrap();
        assert_eq!(Packet::parse(&out[2..]), Ok(packet));
        out
    })
}

proptest! {
    #[test]
    fn packets_come_back_from_pieces_of_any_size(
        packets in prop::collection::vec(any_packet(), 1..30),
        pieces in prop::collection::vec(prop_oneof![1..4_usize, 1..200_usize, 1..=65536_usize], 1..20),
        capacity in prop_oneof![Just(PACKET_MAX), Just(Reader::CAPACITY)],
        into_space in any::<bool>(),
    ) {
        let stream = packets.concat();
        let mut reader = Reader::new(capacity);
        let buffer = reader.space().as_ptr();
        let mut pieces = pieces.into_iter().cycle();
        let (mut sent, mut found) = (0, 0);
        while sent < stream.len() {
            let piece = &stream[sent..stream.len().min(sent + pieces.next().unwrap())];
            let taken = if into_space {
                let space = reader.space();
                let count = piece.len().min(space.len());
                space[..count].copy_from_slice(&piece[..count]);
                reader.filled(count);
                count
            } else {
                reader.append(piece)
            };
            prop_assert!(taken > 0, "there is room once no frame waits");
            sent += taken;
            while let Some(frame) = reader.next_frame().unwrap() {
                prop_assert_eq!(frame, &packets[found][2..]);
                found += 1;
            }
            prop_assert_eq!(reader.offset() + reader.pending() as u64, sent as u64);
        }
        prop_assert_eq!((found, reader.pending()), (packets.len(), 0));
        prop_assert_eq!(reader.space().as_ptr(), buffer, "the buffer stays where it was");
    }

    #[test]
    fn frames_that_wait_are_kept_while_more_bytes_come(
        packets in prop::collection::vec(any_packet(), 1..30),
        takes in prop::collection::vec(0..4_usize, 1..40),
    ) {
        // A caller who does not take all that is there before it reads on.
        let stream = packets.concat();
        let mut reader = Reader::new(PACKET_MAX);
        let mut takes = takes.into_iter().chain([1]).cycle();
        let (mut sent, mut found) = (0, 0);
        while found < packets.len() {
            sent += reader.append(&stream[sent..]);
            for _ in 0..takes.next().unwrap() {
                let Some(frame) = reader.next_frame().unwrap() else { break };
                prop_assert_eq!(frame, &packets[found][2..]);
                found += 1;
            }
        }
        prop_assert_eq!(sent, stream.len());
    }

    #[test]
    fn any_bytes_are_a_packet_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(packet) = Packet::parse(&bytes) {
            let mut out = Vec::new();
            packet.append(&mut out).unwrap();
            prop_assert_eq!(Packet::parse(&out[2..]), Ok(packet));
        }
    }
}
