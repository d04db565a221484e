//! Requests for messages that were missed -> one packet each, with as many of them as fit.
//!
//! Who asks for what cannot be answered hears nothing, as the protocol has it, and is counted: the answer to silence is to
//! ask again, or to give up.

use super::Store;
use crate::wire::mold::{Builder, HEADER, Request, Session};

/// What was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RerequestCounts {
    /// Requests that were answered.
    pub answered: u64,
    /// Messages sent again.
    pub messages: u64,
    /// Datagrams that are no request.
    pub malformed: u64,
    /// Requests of another session.
    pub wrong_session: u64,
    /// Requests for no messages.
    pub zero_count: u64,
    /// Requests from a sequence on that was not yet given out.
    pub beyond_the_end: u64,
    /// Requests from a sequence on that is no longer kept, or is 0.
    pub too_old: u64,
}

/// The server of re-requests, but for its socket.
#[derive(Clone, Debug)]
pub struct Rerequests {
    session: Session,
    packet: Builder<Box<[u8]>>,
    counts: RerequestCounts,
}

impl Rerequests {
    /// A server whose packets are no longer than `mtu`, raised to what the header needs.
    pub fn new(session: Session, mtu: usize) -> Self {
        let packet = Builder::new(vec![0; mtu.max(HEADER)].into(), session, 1);
        Self { session, packet, counts: RerequestCounts::default() }
    }

    /// The answer to a datagram, to be sent to where it came from; `None` if there is none.
    pub fn answer(&mut self, request: &[u8], store: &Store) -> Option<&[u8]> {
        let counts = &mut self.counts;
        let missed = match Request::parse(request) {
            Err(_) => &mut counts.malformed,
            Ok(it) if it.session != self.session => &mut counts.wrong_session,
            Ok(it) if it.count == 0 => &mut counts.zero_count,
            Ok(it) if it.sequence >= store.next() => &mut counts.beyond_the_end,
            Ok(it) if it.sequence < store.first() => &mut counts.too_old,
            Ok(it) => {
                self.packet.restart(self.session, it.sequence);
                for message in store.range(it.sequence, u64::from(it.count)) {
                    if !self.packet.push(message) {
                        break;
                    }
                }
                counts.answered += 1;
                counts.messages += u64::from(self.packet.count());
                return Some(self.packet.bytes());
            }
        };
        *missed += 1;
        None
    }

    /// What was asked so far.
    pub fn counts(&self) -> RerequestCounts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::market_data::StoreLimits;
    use crate::wire::mold::Packet;

    const SESSION: Session = Session(*b"CORETICK01");

    fn store(messages: u8) -> Store {
        let mut store = Store::new(&StoreLimits { chunk_bytes: 0, chunks: 2 });
        (1..=messages).for_each(|n| assert_eq!(store.push(&[n; 30]), u64::from(n)));
        store
    }

    fn request(session: Session, sequence: u64, count: u16) -> [u8; HEADER] {
        Request { session, sequence, count }.to_bytes()
    }

    #[test]
    fn an_answer_is_one_packet_with_what_fits() {
        let (store, mut server) = (store(9), Rerequests::new(SESSION, 20 + 3 * 32 + 31));
        let mut ask = |sequence, count| {
            let answer = server.answer(&request(SESSION, sequence, count), &store)?;
            let packet = Packet::parse(answer).unwrap();
            assert!(packet.messages().zip(sequence..).all(|(m, n)| m == [n as u8; 30]));
            Some((packet.sequence, packet.count))
        };
        assert_eq!(ask(2, 2), Some((2, 2)));
        assert_eq!(ask(2, 9), Some((2, 3)));
        // Part of it is still to come: what is there is sent.
        assert_eq!(ask(9, u16::MAX), Some((9, 1)));
        let counts = server.counts();
        assert_eq!((counts.answered, counts.messages), (3, 6));
    }

    #[test]
    fn what_cannot_be_answered_is_counted_and_nothing_is_sent() {
        let mut store = store(9);
        let mut server = Rerequests::new(SESSION, 1_400);
        let mut silent = |bytes: &[u8], store: &Store| {
            assert_eq!(server.answer(bytes, store), None);
            server.counts()
        };
        assert_eq!(silent(&request(SESSION, 1, 1)[1..], &store).malformed, 1);
        assert_eq!(silent(b"", &store).malformed, 2);
        assert_eq!(silent(&request(Session(*b"CORETICK02"), 1, 1), &store).wrong_session, 1);
        assert_eq!(silent(&request(SESSION, 1, 0), &store).zero_count, 1);
        assert_eq!(silent(&request(SESSION, 10, 1), &store).beyond_the_end, 1);
        assert_eq!(silent(&request(SESSION, 0, 1), &store).too_old, 1);
        while store.first() == 1 {
            store.push(&[0; 60_000]);
        }
        let counts = silent(&request(SESSION, 1, 1), &store);
        assert_eq!((counts.too_old, counts.answered, counts.messages), (2, 0, 0));
    }
}
