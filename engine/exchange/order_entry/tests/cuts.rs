//! A session cut anywhere: after every byte, both ways, and in reads of any size. What a client has after it came back
//! is what it would have had.

use super::harness::*;
use crate::base::unit::Side;
use crate::exchange::matching::Lasts;
use crate::wire::ouch::code::side;
use crate::wire::ouch::{Symbol, TagValue};
use crate::wire::soup::{Packet, Reader};
use proptest::prelude::*;

/// What a client says, message by message. All can be sent again: numbers that were used are ignored, and what names an
/// order only lowers it.
fn script() -> Vec<Vec<u8>> {
    let big = |order: &mut crate::wire::ouch::EnterOrder| order.quantity = 250.into();
    vec![
        enter(1, side::BUY, 300, 100_000),
        enter(2, side::BUY, 100, 99_000),
        replace(1, 3, 200, 100_000),
        enter_with(4, big, &[TagValue::MaxFloor(100)]),
        enter(5, side::SELL, 250, 100_000),
        enter(6, side::BUY, 0, 100_000),
        cancel(2, 40),
        mass_cancel(7, Symbol::BLANK, &[]),
        enter(8, side::BUY, 50, 98_000),
    ]
}

fn exchange() -> Exchange {
    let mut config = config();
    config.accounts.iter_mut().for_each(|account| account.cancel_on_disconnect = false);
    let mut it = Exchange::new(config);
    it.stranger(Side::SELL, 101_000, 500, Lasts::Day);
    it
}

/// A client that keeps whole packets and can come back.
struct Client {
    reader: Reader,
    /// Sequenced messages, all of them in order.
    heard: Vec<Vec<u8>>,
    is_in: bool,
}

impl Client {
    fn new() -> Self {
        Self { reader: Reader::new(Reader::CAPACITY), heard: Vec::new(), is_in: false }
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.reader.append(bytes)..];
            while let Some(frame) = self.reader.next_frame().unwrap() {
                match Packet::parse(frame).unwrap() {
                    Packet::LoginAccepted(accepted) => {
                        assert_eq!(accepted.sequence, self.heard.len() as u64 + 1);
                        self.is_in = true;
                    }
                    Packet::Sequenced(message) => self.heard.push(message.to_vec()),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// A new connection: what was left of a packet is lost.
    fn come_back(&mut self, it: &mut Exchange, id: usize) {
        self.reader.reset();
        self.is_in = false;
        assert!(it.entry.connected(id, it.now));
        it.receive(id, &login("ALPHA", "secret", "CORETICK", self.heard.len() as u64 + 1));
        self.hear(&it.take(id));
        assert!(self.is_in);
    }
}

fn script_bytes() -> Vec<u8> {
    script().iter().flat_map(|message| unsequenced(message)).collect()
}

/// What a client hears that is never cut.
fn uncut() -> Vec<Vec<u8>> {
    let (mut it, mut client) = (exchange(), Client::new());
    client.come_back(&mut it, 0);
    it.receive(0, &script_bytes());
    client.hear(&it.take(0));
    assert!(client.heard.len() > 12, "{}", client.heard.len());
    client.heard
}

#[test]
fn what_a_client_says_can_be_cut_after_every_byte() {
    let (bytes, expected) = (script_bytes(), uncut());
    for cut in 0..=bytes.len() {
        let (mut it, mut client) = (exchange(), Client::new());
        client.come_back(&mut it, 0);
        it.receive(0, &bytes[..cut]);
        // What it was told meanwhile gets lost with the connection.
        it.close(0);
        client.come_back(&mut it, 1);
        it.receive(1, &bytes);
        client.hear(&it.take(1));
        let (mut other, mut fresh) = (Client::new(), Vec::new());
        it.close(1);
        other.come_back(&mut it, 2);
        std::mem::swap(&mut fresh, &mut other.heard);
        assert_eq!(client.heard, fresh, "cut at {cut}");
        assert_eq!(client.heard, expected, "cut at {cut}");
    }
}

#[test]
fn what_a_client_is_told_can_be_cut_after_every_byte() {
    let expected = uncut();
    let length = {
        let mut it = exchange();
        assert!(it.entry.connected(0, it.now));
        it.receive(0, &login("ALPHA", "secret", "", 1));
        it.receive(0, &script_bytes());
        it.take(0).len()
    };
    for cut in 0..=length {
        let (mut it, mut client) = (exchange(), Client::new());
        assert!(it.entry.connected(0, it.now));
        it.receive(0, &login("ALPHA", "secret", "", 1));
        it.receive(0, &script_bytes());
        let told = it.take(0);
        client.hear(&told[..cut]);
        it.close(0);
        client.come_back(&mut it, 1);
        assert_eq!(client.heard, expected, "cut at {cut}");
    }
}

#[test]
fn the_size_of_reads_changes_nothing() {
    let expected = uncut();
    let bytes = [login("ALPHA", "secret", "", 1), script_bytes()].concat();
    for size in [1, 2, 3, 7, 64, 1_000, 64 * 1024] {
        let (mut it, mut client) = (exchange(), Client::new());
        assert!(it.entry.connected(0, it.now));
        for piece in bytes.chunks(size) {
            it.receive(0, piece);
        }
        // And so in writes of that size.
        loop {
            let unsent = it.entry.unsent(0, it.now);
            let count = unsent.len().min(size);
            if count == 0 {
                break;
            }
            client.hear(&unsent[..count]);
            it.entry.sent(0, count, it.now);
        }
        assert_eq!(client.heard, expected, "reads of {size}");
    }
}

proptest! {
    #[test]
    fn many_cuts_lose_nothing(
        pieces in prop::collection::vec((1..200_usize, 0..120_usize, any::<bool>()), 1..40),
    ) {
        let (bytes, expected) = (script_bytes(), uncut());
        let (mut it, mut client) = (exchange(), Client::new());
        let (mut id, mut at) = (0, 0);
        client.come_back(&mut it, id);
        for (said, heard, is_cut) in pieces {
            let end = (at + said).min(bytes.len());
            it.receive(id, &bytes[at..end]);
            at = end;
            let unsent = it.entry.unsent(id, it.now);
            let count = unsent.len().min(heard);
            client.hear(&unsent[..count]);
            it.entry.sent(id, count, it.now);
            if is_cut {
                it.close(id);
                (id, at) = ((id + 1) % 4, 0);
                client.come_back(&mut it, id);
            }
        }
        it.receive(id, &bytes[at..]);
        client.hear(&it.take(id));
        prop_assert_eq!(client.heard, expected);
    }
}
