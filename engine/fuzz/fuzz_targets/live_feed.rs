//! A live feed to which anybody says anything: it never panics, its keys never step back, what is missing is said before
//! anything else comes, and said to be whole as often.
#![no_main]

use coretick::base::instrument::Symbols;
use coretick::base::message::{Key, Kind, Message};
use coretick::base::unit::{Nanos, Stamp};
use coretick::ingest::decode::Decoder;
use coretick::ingest::live::{Origin, Receiver, ReceiverSettings, Repair, Seen, SnapshotClient};
use coretick::wire::mold::{self, Builder, Session};
use coretick::wire::soup::secret::Secret;
use coretick::wire::soup::{LoginAccepted, Packet, SessionName, Username};
use libfuzzer_sys::fuzz_target;

/// As much of `bytes` as its first byte says, and the rest.
fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((&length, rest)) = bytes.split_first() else { return (&[], &[]) };
    rest.split_at(rest.len().min(usize::from(length)))
}

struct Out {
    last: Key,
    gapped: bool,
}

impl Out {
    /// Takes all that there is.
    fn take(&mut self, receiver: &mut Receiver, seen: Seen) {
        loop {
            while let Some(front) = receiver.front() {
                let key = front.key();
                assert!(key >= self.last, "a key steps back");
                self.last = key;
                match receiver.take().head.kind {
                    Kind::GAP => assert!(!std::mem::replace(&mut self.gapped, true)),
                    Kind::WHOLE => assert!(std::mem::replace(&mut self.gapped, false)),
                    Kind::CLEAR => assert!(self.gapped),
                    _ => {}
                }
            }
            if !receiver.advance(seen) {
                return;
            }
        }
    }
}

fn hear(client: &mut SnapshotClient, bytes: &[u8]) {
    let space = client.space();
    let count = bytes.len().min(space.len());
    space[..count].copy_from_slice(&bytes[..count]);
    client.filled(count);
}

fuzz_target!(|bytes: &[u8]| {
    let settings = ReceiverSettings {
        shards: 2,
        tick: Nanos(50_000_000),
        repair: Repair { give_up: Nanos(20_000_000), ..Repair::default() },
        held_packets: 4,
        rerequests: true,
    };
    let user = Username::new("DESK").expect("a name");
    let secret = Secret::new("swordfish", "here").unwrap_or_else(|_| unreachable!());
    let client = Some(SnapshotClient::new(user, secret));
    let decoder = Decoder::new(Nanos(0), None, 2);
    let mut receiver = Receiver::new(settings, client, decoder, Symbols::new(8));
    let mut out = Out { last: Key::default(), gapped: false };
    let mut seen = Seen { time: Nanos(1_700_000_000_000_000_000), stamp: Stamp(1) };
    let sessions = [Session(*b"ONE       "), Session(*b"TWO       ")];
    let mut rest = bytes;
    while let Some((&what, after)) = rest.split_first() {
        rest = after;
        let number = u64::from(rest.first().copied().unwrap_or(0));
        let origin = [Origin::A, Origin::B, Origin::Rerequests][usize::from(what >> 4) % 3];
        let session = sessions[usize::from(what >> 7)];
        match what % 8 {
            0 => {
                let (raw, after) = cut(rest);
                rest = after;
                receiver.packet(origin, raw, seen);
            }
            1 | 2 => {
                let (message, after) = cut(after.get(1..).unwrap_or(&[]));
                rest = after;
                let mut builder = Builder::new(vec![0; 600], session, number);
                builder.push(message);
                builder.push(&[]);
                receiver.packet(origin, builder.bytes(), seen);
            }
            3 => receiver.packet(origin, &mold::heartbeat(session, number), seen),
            4 => receiver.packet(origin, &mold::end_of_session(session, number), seen),
            5 => {
                let now = seen.time;
                if let Some(client) = receiver.snapshot() {
                    if client.wants_close() {
                        client.closed(now);
                    } else if client.wants_connection(now) {
                        client.connecting(now);
                        receiver.snapshot_connected(now);
                    } else {
                        let (raw, after) = cut(rest);
                        rest = after;
                        hear(client, raw);
                        client.sent(usize::from(what));
                    }
                }
            }
            6 => {
                if let Some(client) = receiver.snapshot() {
                    let mut said = Vec::new();
                    let session = SessionName::new("ONE").expect("a name");
                    let login = LoginAccepted { session, sequence: 1 };
                    let end = format!("G{number:020}");
                    let packet = match number % 3 {
                        0 => Packet::LoginAccepted(login),
                        1 => Packet::Sequenced(end.as_bytes()),
                        _ => Packet::ServerHeartbeat,
                    };
                    packet.append(&mut said).expect("a short packet");
                    hear(client, &said);
                }
            }
            _ => seen.time = seen.time.plus(Nanos(number * number * 100_000)),
        }
        out.take(&mut receiver, seen);
        if what & 8 != 0 {
            receiver.turn(seen, what & 16 != 0);
            out.take(&mut receiver, seen);
            while receiver.rerequest(seen.time).is_some() {}
        }
    }
});
