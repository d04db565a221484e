use super::*;
use proptest::prelude::*;

/// Right-padded.
const SESSION: Session = Session(*b"20231225  ");

/// A packet of two messages, field by field.
const DATA: &[u8] = b"20231225  \0\0\0\0\0\0\x01\x02\0\x02\0\x03abc\0\0";

#[test]
fn a_data_packet_is_what_the_table_says() {
    let packet = Packet::parse(DATA).unwrap();
    assert_eq!((packet.session, packet.kind), (SESSION, Kind::Data));
    assert_eq!((packet.sequence, packet.count, packet.next()), (258, 2, 260));
    assert_eq!(packet.messages().collect::<Vec<_>>(), [&b"abc"[..], b""]);
    assert_eq!(packet.bytes(), DATA);

    let mut builder = Builder::new([0; 64], SESSION, 258);
    assert!(builder.push(b"abc") && builder.push(b""));
    assert_eq!(builder.bytes(), DATA);
}

#[test]
fn a_heartbeat_and_the_end_of_a_session_say_what_comes_next() {
    let end = b"20231225  \0\0\0\0\0\0\0\x07\xff\xff";
    assert_eq!(&end_of_session(SESSION, 7), end);
    let packet = Packet::parse(end).unwrap();
    assert_eq!((packet.kind, packet.sequence, packet.next()), (Kind::EndOfSession, 7, 7));

    let beat = b"20231225  \0\0\0\0\0\0\0\x07\0\0";
    assert_eq!(&heartbeat(SESSION, 7), beat);
    assert_eq!(Builder::new([0; HEADER], SESSION, 7).bytes(), beat);
    let packet = Packet::parse(beat).unwrap();
    assert_eq!((packet.kind, packet.sequence, packet.next()), (Kind::Heartbeat, 7, 7));
    assert_eq!(packet.messages().count(), 0);
    // The last of all sequences.
    assert_eq!(Packet::parse(&heartbeat(SESSION, u64::MAX)).unwrap().next(), u64::MAX);
}

#[test]
fn a_request_is_what_the_table_says() {
    let request = Request { session: SESSION, sequence: 0x0102, count: 0x0304 };
    let bytes = b"20231225  \0\0\0\0\0\0\x01\x02\x03\x04";
    assert_eq!(&request.to_bytes(), bytes);
    assert_eq!(Request::parse(bytes), Ok(request));
    assert_eq!(Request::parse(&bytes[..19]), Err(Error::TooShort { got: 19 }));
    assert_eq!(
        Request::parse(b"20231225  \0\0\0\0\0\0\x01\x02\x03\x04?"),
        Err(Error::Trailing { bytes: 1 })
    );
}

#[test]
fn sessions_are_bytes() {
    let left = Session(*b"  20231225");
    assert_ne!(left, SESSION);
    assert_eq!((left.to_string(), SESSION.to_string()), ("20231225".into(), "20231225".into()));
    let null = Session([0; 10]);
    assert_eq!(Packet::parse(&heartbeat(null, 1)).unwrap().session, null);
    assert_eq!(null.to_string(), "\\x00".repeat(10));
}

#[test]
fn a_packet_cut_or_lengthened_anywhere_is_refused_with_its_place() {
    for length in 0..DATA.len() {
        let expected = match length {
            0..HEADER => Error::TooShort { got: length },
            20..25 => Error::Truncated { block: 0, got: length - 20 },
            _ => Error::Truncated { block: 1, got: length - 25 },
        };
        assert_eq!(Packet::parse(&DATA[..length]).unwrap_err(), expected, "{length}");
    }
    let longer = [DATA, b"\0\0"].concat();
    assert_eq!(Packet::parse(&longer).unwrap_err(), Error::Trailing { bytes: 2 });
    let longer = [&end_of_session(SESSION, 7)[..], b"\0"].concat();
    assert_eq!(Packet::parse(&longer).unwrap_err(), Error::Trailing { bytes: 1 });
}

#[test]
fn sequences_end_with_the_last_of_64_bits() {
    let packet = |sequence| {
        let mut builder = Builder::new([0; 64], SESSION, sequence);
        assert!(builder.push(b"x"));
        Packet::parse(builder.bytes()).map(|packet| packet.next())
    };
    assert_eq!(packet(u64::MAX - 1), Ok(u64::MAX));
    assert_eq!(packet(u64::MAX), Err(Error::PastTheLast));
}

#[test]
fn a_packet_holds_what_fits_its_buffer_and_not_a_byte_more() {
    for size in HEADER..HEADER + 40 {
        let mut builder = Builder::new(vec![0; size], SESSION, 1);
        let mut pushed = 0;
        while builder.push(&[7; 5]) {
            pushed += 1;
        }
        assert_eq!(pushed, (size - HEADER) / 7, "{size}");
        assert_eq!(usize::from(builder.count()), pushed);
        let empty_fits = size - builder.bytes().len() >= PREFIX;
        assert_eq!(builder.push(b""), empty_fits);
        Packet::parse(builder.bytes()).unwrap();
    }
    let mut builder = Builder::new(vec![0; 100_000], SESSION, 1);
    assert!(!builder.push(&[0; 65_536]) && builder.push(&[0; 65_535]));
    builder.restart(SESSION, 2);
    assert_eq!(builder.bytes(), heartbeat(SESSION, 2));
}

#[test]
fn a_packet_holds_65534_messages_and_no_more() {
    let mut builder = Builder::new(vec![0; 200_000], SESSION, 1);
    for _ in 0..65_534 {
        assert!(builder.push(b""));
    }
    assert!(!builder.push(b""));
    let packet = Packet::parse(builder.bytes()).unwrap();
    assert_eq!((packet.kind, packet.next()), (Kind::Data, 65_535));
    assert_eq!(packet.messages().count(), 65_534);
}

proptest! {
    #[test]
    fn packets_come_back(
        session in any::<[u8; 10]>(),
        sequence in 0..u64::MAX - 100,
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..40),
        size in HEADER..1_500,
    ) {
        let mut builder = Builder::new(vec![0; size], Session(session), sequence);
        let fit = messages.iter().take_while(|message| builder.push(message)).count();
        let packet = Packet::parse(builder.bytes()).unwrap();
        prop_assert_eq!(packet.session, Session(session));
        prop_assert_eq!(packet.sequence, sequence);
        prop_assert_eq!(usize::from(packet.count), fit);
        prop_assert!(packet.messages().eq(messages.iter().take(fit).map(Vec::as_slice)));
        // The next one is the first that does not fit.
        if let Some(next) = messages.get(fit) {
            prop_assert!(builder.bytes().len() + PREFIX + next.len() > size);
        }
    }

    #[test]
    fn bytes_are_a_packet_or_an_error_and_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        count in 0..4_u16,
    ) {
        let mut bytes = bytes;
        if bytes.len() >= HEADER {
            bytes[18..20].copy_from_slice(&count.to_be_bytes());
        }
        if let Ok(packet) = Packet::parse(&bytes) {
            let length: usize = packet.messages().map(|message| message.len() + PREFIX).sum();
            prop_assert_eq!(length + HEADER, bytes.len());
            prop_assert_eq!(packet.messages().count(), usize::from(packet.count));
        }
    }
}
