//! Bytes that wait for the socket: bounded, whole packets only, with room that new orders cannot take.
//!
//! What the socket has not begun to take can still be called back: a packet of which it took a part must be finished,
//! or the stream could not be read on.

use crate::wire::ouch::Inbound;
use crate::wire::soup::code::kind;
use crate::wire::soup::{PREFIX, Packet, head};

/// Bytes before an OUCH message: length and type of the packet.
const HEAD: usize = PREFIX + 1;

/// The bytes, in the order in which they leave; a login among them, so it is never printed.
pub(super) struct SendBuffer {
    bytes: Box<[u8]>,
    /// What waits: `start <= whole <= end <= bytes.len()`.
    start: usize,
    /// Where the first packet begins that the socket has taken nothing of.
    whole: usize,
    end: usize,
    /// Bytes that new orders leave free.
    reserve: usize,
}

impl SendBuffer {
    /// Room for so many bytes, of which new orders leave `reserve` free.
    pub(super) fn new(bytes: usize, reserve: usize) -> Self {
        let bytes = vec![0; bytes].into_boxed_slice();
        Self { bytes, start: 0, whole: 0, end: 0, reserve }
    }

    /// What waits.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether nothing waits.
    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The socket took the first `count` bytes.
    pub(super) fn taken(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        while self.whole < self.start {
            self.whole += packet_length(&self.bytes[self.whole..self.end]);
        }
        if self.start == self.end {
            self.clear();
        }
    }

    /// Nothing waits any more.
    pub(super) const fn clear(&mut self) {
        (self.start, self.whole, self.end) = (0, 0, 0);
    }

    /// Whether an order or replace of so many bytes may be written.
    pub(super) fn has_room_for_order(&self, message: usize) -> bool {
        self.free() >= HEAD + message + self.reserve
    }

    fn free(&self) -> usize {
        self.bytes.len() - (self.end - self.start)
    }

    fn make_room(&mut self, needed: usize) -> bool {
        if self.free() < needed {
            return false;
        }
        if self.bytes.len() - self.end < needed {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.whole, self.end) = (self.whole - self.start, self.end - self.start);
            self.start = 0;
        }
        true
    }

    /// Writes a message as an unsequenced packet. False if there is no room.
    pub(super) fn message(&mut self, message: &Inbound<'_>) -> bool {
        let length = message.length();
        let Ok(front) = head(kind::UNSEQUENCED, length) else { return false };
        if !self.make_room(HEAD + length) {
            return false;
        }
        let out = &mut self.bytes[self.end..];
        out[..HEAD].copy_from_slice(&front);
        if message.write(&mut out[HEAD..]).is_err() {
            return false;
        }
        self.end += HEAD + length;
        true
    }

    /// Writes a packet of the session. False if there is no room.
    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> bool {
        if !self.make_room(packet.length()) {
            return false;
        }
        let written = packet.write(&mut self.bytes[self.end..]);
        self.end += written.unwrap_or(0);
        written.is_ok()
    }

    /// Takes out the orders and replaces of which the socket took nothing, and tells their references.
    #[cold]
    pub(super) fn call_back(&mut self, mut told: impl FnMut(u32)) {
        let (mut from, mut to) = (self.whole, self.whole);
        while from < self.end {
            let length = packet_length(&self.bytes[from..self.end]);
            let frame = &self.bytes[from + PREFIX..from + length];
            let reference = match Packet::parse(frame) {
                Ok(Packet::Unsequenced(message)) => match Inbound::parse(message) {
                    Ok(Inbound::EnterOrder(enter, _)) => Some(enter.user_ref_num.get()),
                    Ok(Inbound::ReplaceOrder(replace, _)) => Some(replace.user_ref_num.get()),
                    _ => None,
                },
                _ => None,
            };
            match reference {
                Some(reference) => told(reference),
                None => {
                    self.bytes.copy_within(from..from + length, to);
                    to += length;
                }
            }
            from += length;
        }
        self.end = to;
        if self.start == self.end {
            self.clear();
        }
    }
}

/// Bytes of the packet at the front of `bytes`: they are our own, and whole.
fn packet_length(bytes: &[u8]) -> usize {
    let prefix = bytes.first_chunk::<PREFIX>().copied().unwrap_or_default();
    (PREFIX + usize::from(u16::from_be_bytes(prefix))).min(bytes.len().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ouch::{Appendage, CancelOrder, EnterOrder};

    fn enter(buffer: &mut SendBuffer, reference: u32) -> bool {
        let enter = EnterOrder { user_ref_num: reference.into(), ..EnterOrder::BLANK };
        let message = Inbound::EnterOrder(&enter, Appendage::EMPTY);
        buffer.has_room_for_order(message.length()) && buffer.message(&message)
    }

    fn cancel(buffer: &mut SendBuffer, reference: u32) -> bool {
        let cancel = CancelOrder { user_ref_num: reference.into(), ..CancelOrder::BLANK };
        buffer.message(&Inbound::CancelOrder(&cancel, Appendage::EMPTY))
    }

    /// What waits, in brief.
    fn packets(buffer: &SendBuffer, skip: usize) -> Vec<(u8, u32)> {
        let mut rest = &buffer.waiting()[skip..];
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (packet, after) = rest.split_at(packet_length(rest));
            let reference =
                packet.get(4..8).map_or(0, |b| u32::from_be_bytes(b.try_into().unwrap()));
            found.push((packet.get(3).copied().unwrap_or(packet[2]), reference));
            rest = after;
        }
        found
    }

    #[test]
    fn a_full_buffer_refuses_orders_and_has_room_for_cancels() {
        let mut buffer = SendBuffer::new(200, 48);
        assert_eq!((1..9).filter(|n| enter(&mut buffer, *n)).count(), 3);
        assert_eq!((1..9).filter(|n| cancel(&mut buffer, *n)).count(), 4);
        buffer.taken(50);
        assert!(!enter(&mut buffer, 4) && cancel(&mut buffer, 9), "round the end of the room");
        assert_eq!(packets(&buffer, 0).len(), 2 + 5);
    }

    #[test]
    fn what_the_socket_took_nothing_of_is_called_back() {
        // A packet of an order has 50 bytes, that of a cancel 12. (taken, called back, bytes of a packet that is begun)
        let cases: [(usize, &[u32], usize); 6] = [
            (0, &[1, 2, 3], 0),
            (1, &[2, 3], 49),
            (50, &[2, 3], 0),
            (55, &[2, 3], 7),
            (62, &[2, 3], 0),
            (63, &[3], 49),
        ];
        for (taken, expected, begun) in cases {
            let mut buffer = SendBuffer::new(400, 0);
            enter(&mut buffer, 1);
            cancel(&mut buffer, 1);
            enter(&mut buffer, 2);
            buffer.packet(&Packet::ClientHeartbeat);
            enter(&mut buffer, 3);
            buffer.taken(taken);
            let mut told = Vec::new();
            buffer.call_back(|reference| told.push(reference));
            assert_eq!(told, expected, "{taken} bytes taken");
            let rest = packets(&buffer, begun);
            assert_eq!(rest.last(), Some(&(b'R', 0)), "{taken} bytes taken");
            assert!(rest.iter().all(|(kind, _)| *kind != b'O'), "{taken} bytes taken: {rest:?}");
        }
    }
}
