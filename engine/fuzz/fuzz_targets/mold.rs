//! MoldUDP64 packets of any bytes, through the view and the arbiter: neither panics, a packet is exactly its blocks and can
//! be built again, and sequences come out rising, each at most once.
//!
//! The bytes are a run of datagrams, each behind a byte that says what is done to it. So that they get past the header, it
//! is made from that byte where the first bit is set.
#![no_main]

use coretick::ingest::arbiter::{Arbiter, Due, Offer};
use coretick::wire::frame;
use coretick::wire::mold::{Builder, Kind, Packet, Request, Session, end_of_session, heartbeat};
use libfuzzer_sys::fuzz_target;

const SESSION: Session = Session(*b"fuzz      ");

fuzz_target!(|bytes: &[u8]| {
    let mut arbiter = Arbiter::new(3, 200);
    let (mut rest, mut next) = (bytes, 1);
    while let Some((&[what], after)) = rest.split_first_chunk::<1>() {
        let Some((datagram, after)) = frame::split(after) else { break };
        rest = after;
        let sequence = u64::from(what >> 1);
        let made = match what & 1 {
            1 => {
                let mut builder = Builder::new([0; 300], SESSION, sequence);
                datagram.chunks(9).all(|message| builder.push(message));
                builder.bytes().to_vec()
            }
            _ => datagram.to_vec(),
        };
        view(&made);
        if let Ok(packet) = Packet::parse(&made) {
            offer(&mut arbiter, &packet, &mut next);
        }
        if what == 0 {
            arbiter.reset();
            next = 1;
        }
    }
    assert!(arbiter.counts().known <= arbiter.counts().packets);
});

fn view(bytes: &[u8]) {
    if let Ok(request) = Request::parse(bytes) {
        assert_eq!(request.to_bytes(), bytes);
    }
    let Ok(packet) = Packet::parse(bytes) else { return };
    let (session, sequence) = (packet.session, packet.sequence);
    match packet.kind {
        Kind::Heartbeat => assert_eq!(heartbeat(session, sequence), bytes),
        Kind::EndOfSession => assert_eq!(end_of_session(session, sequence), bytes),
        Kind::Data => {
            let mut builder = Builder::new(vec![0; bytes.len()], session, sequence);
            assert!(packet.messages().all(|message| builder.push(message)));
            assert!(!builder.push(b""), "the buffer is full");
            assert_eq!(builder.bytes(), bytes);
        }
    }
}

fn offer(arbiter: &mut Arbiter, packet: &Packet<'_>, next: &mut u64) {
    let mut due = |packet: &Packet<'_>, skip: usize| {
        let first = packet.sequence + skip as u64;
        assert!(first >= *next && skip < usize::from(packet.count));
        *next = packet.next();
    };
    if arbiter.session().is_none() {
        // Whatever begins does so at the first sequence; `reset` has said so.
        assert_eq!(arbiter.waiting(), 0);
    }
    if let Offer::Due { skip } = arbiter.offer(packet) {
        due(packet, skip);
    }
    loop {
        while let Some(Due { packet, skip }) = arbiter.release() {
            due(&packet, skip);
        }
        if !arbiter.full() {
            break;
        }
        assert!(arbiter.give_up().is_some(), "what waits, waits for something");
    }
    assert!(arbiter.missing().is_none_or(|gap| gap.first == arbiter.next() && gap.count > 0));
}
