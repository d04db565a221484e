//! SoupBinTCP out of any bytes: a stream in pieces of any size gives the same frames as the whole of it, what parses is
//! written in its canonical form and read back, and neither end of a session is ever brought to panic by what it hears.
#![no_main]

use coretick::base::unit::Nanos;
use coretick::wire::frame;
use coretick::wire::soup::{
    ClientSession, ClientState, Due, Error, LoginAccepted, LoginRequest, Packet, Password, Reader,
    ServerSession, ServerState, SessionName, StreamError, Username,
};
use libfuzzer_sys::fuzz_target;

const CAPACITY: usize = 300;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let Some((&piece, stream)) = bytes.split_first() else { return };
    let (mut server, mut client) = sessions();
    let (mut reader, mut whole) = (Reader::new(CAPACITY), stream);
    let (mut taken, mut now) = (0, 0);
    let fault = 'stream: loop {
        let end = stream.len().min(taken + 1 + usize::from(piece));
        taken += reader.append(&stream[taken..end]);
        loop {
            match reader.next_frame() {
                Ok(None) => break,
                Ok(Some(found)) => {
                    let (expected, rest) = frame::split(whole).expect("the stream has it too");
                    assert_eq!(found, expected);
                    whole = rest;
                    // Times up to a minute apart.
                    now +=
                        found.iter().map(|&byte| u64::from(byte)).sum::<u64>() % 1000 * 60_000_000;
                    if let Some(packet) = check(found) {
                        hear(&mut server, &mut client, &packet, Nanos(now));
                    }
                }
                Err(fault) => break 'stream Some(fault),
            }
        }
        if taken == stream.len() {
            break None;
        }
    };
    let offset = (stream.len() - whole.len()) as u64;
    assert_eq!(reader.offset(), offset);
    let length = whole.first_chunk().map(|prefix| usize::from(u16::from_be_bytes(*prefix)));
    match fault {
        None => assert!(frame::split(whole).is_none()),
        Some(StreamError::ZeroLength { offset: at }) => {
            assert_eq!((at, length), (offset, Some(0)));
        }
        Some(StreamError::TooLong { offset: at, length: found, room }) => {
            assert_eq!((at, room, length), (offset, CAPACITY, Some(found - 2)));
            assert!(found > room);
        }
    }
    assert_eq!(reader.next_frame(), fault.map_or(Ok(None), Err));
});

/// A frame that is read is written, and read again as what it was. The packet, if `frame` is one.
fn check(frame: &[u8]) -> Option<Packet<'_>> {
    match Packet::parse(frame) {
        Ok(packet) => {
            let mut out = Vec::new();
            packet.append(&mut out).expect("what was read can be written");
            assert_eq!(out.len(), packet.length());
            let (again, rest) = frame::split(&out).expect("a frame");
            assert!(rest.is_empty());
            assert_eq!(Packet::parse(again), Ok(packet));
            // Only numbers have more than one form.
            let numbers = matches!(packet, Packet::LoginAccepted(_) | Packet::LoginRequest(_));
            assert!(numbers || again == frame);
            assert_eq!(again.len(), frame.len());
            assert!(!format!("{packet:?}").is_empty());
            Some(packet)
        }
        Err(error) => {
            match error {
                Error::Empty => assert!(frame.is_empty()),
                Error::UnknownType { kind } => assert!(!b"+AJSHZLURO".contains(&kind)),
                Error::WrongLength { kind, expected, found } => {
                    assert!(kind == frame[0] && found == frame.len() + 2 && expected != found);
                }
                Error::NotANumber { kind, offset, length } => {
                    assert!(kind == frame[0] && offset + length <= frame.len() + 2);
                }
            }
            None
        }
    }
}

/// A server that awaits a login, and a client that awaits the answer to one.
fn sessions() -> (ServerSession, ClientSession) {
    let mut client = ClientSession::new(Nanos(0));
    let request = LoginRequest {
        username: Username::BLANK,
        password: Password::BLANK,
        session: SessionName::BLANK,
        sequence: 0,
        heartbeat_timeout_ms: Some(700),
    };
    client.on_sent(&Packet::LoginRequest(request), Nanos(0));
    (ServerSession::new(Nanos(0)), client)
}

/// Both ends hear `packet` and do what is due.
fn hear(server: &mut ServerSession, client: &mut ClientSession, packet: &Packet<'_>, now: Nanos) {
    let sequence = client.next_sequence();
    let (told, heard) = (server.on_packet(packet, now), client.on_packet(packet, now));
    assert!(told.is_ok() || matches!(server.state(), ServerState::Closed(_)));
    assert!(heard.is_ok() || matches!(client.state(), ClientState::Closed(_)));
    if matches!((packet, heard), (Packet::Sequenced(_), Ok(_)))
        && !matches!(client.state(), ClientState::Closed(_))
    {
        assert_eq!(client.next_sequence(), sequence + 1);
    }
    if server.state() == ServerState::Deciding {
        let answer = LoginAccepted { session: SessionName::BLANK, sequence: 1 };
        server.on_sent(&Packet::LoginAccepted(answer), now);
    }
    assert_eq!(server.poll(now) == Due::Nothing, now < server.next_due());
    assert_eq!(client.poll(now) == Due::Nothing, now < client.next_due());
    if server.poll(now) == Due::Heartbeat {
        server.on_sent(&Packet::ServerHeartbeat, now);
    }
    if client.poll(now) == Due::Heartbeat {
        client.on_sent(&Packet::ClientHeartbeat, now);
    }
}
