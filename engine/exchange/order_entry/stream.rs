//! What an account was told on this day: its sequenced messages, numbered from 1, all kept for replay.
//!
//! A message can be held back: it has its number, and nobody sees it or a later one before its time has come.

use crate::base::unit::Nanos;
use std::collections::VecDeque;

/// The sequenced messages of an account's day.
#[derive(Debug)]
pub(super) struct Stream {
    /// All messages, end to end.
    bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    ends: Vec<usize>,
    /// When each of the last messages may be seen, if those before it may. All messages before them are seen.
    held: VecDeque<Nanos>,
}

impl Stream {
    /// An empty day with room for so many messages before it grows.
    pub(super) fn new(messages: usize) -> Self {
        // Most messages have 36 to 64 bytes.
        let bytes = Vec::with_capacity(messages * 48);
        Self { bytes, ends: Vec::with_capacity(messages), held: VecDeque::new() }
    }

    /// The number of the message that will be seen next.
    pub(super) fn next(&self) -> u64 {
        (self.ends.len() - self.held.len()) as u64 + 1
    }

    /// Adds a message that may be seen at `due`, if it is later than `now`.
    pub(super) fn append(&mut self, message: &[u8], due: Nanos, now: Nanos) {
        self.bytes.extend_from_slice(message);
        self.ends.push(self.bytes.len());
        if due > now || !self.held.is_empty() {
            self.held.push_back(due);
        }
    }

    /// Lets be seen what was held back until `now`. True if there was any.
    pub(super) fn release(&mut self, now: Nanos) -> bool {
        let before = self.held.len();
        while self.held.front().is_some_and(|due| *due <= now) {
            self.held.pop_front();
        }
        self.held.len() < before
    }

    /// When the next message that is held back may be seen.
    pub(super) fn due(&self) -> Option<Nanos> {
        self.held.front().copied()
    }

    /// Whether messages are held back.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// The message of that number, if it may be seen.
    pub(super) fn get(&self, number: u64) -> Option<&[u8]> {
        if number == 0 || number >= self.next() {
            return None;
        }
        let at = number as usize - 1;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.bytes.get(start..self.ends[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_numbered_from_one_and_kept() {
        let mut stream = Stream::new(0);
        assert_eq!((stream.next(), stream.get(0), stream.get(1)), (1, None, None));
        for message in [&b"a"[..], b"", b"bcd"] {
            stream.append(message, Nanos(0), Nanos(0));
        }
        assert_eq!(stream.next(), 4);
        let all: Vec<_> = (0..5).map(|number| stream.get(number)).collect();
        assert_eq!(all, [None, Some(&b"a"[..]), Some(b""), Some(b"bcd"), None]);
    }

    #[test]
    fn what_is_held_back_holds_back_what_follows() {
        let mut stream = Stream::new(4);
        stream.append(b"a", Nanos(10), Nanos(5));
        stream.append(b"b", Nanos(5), Nanos(5));
        stream.append(b"c", Nanos(12), Nanos(6));
        assert_eq!((stream.next(), stream.get(1), stream.due()), (1, None, Some(Nanos(10))));
        assert!(!stream.release(Nanos(9)));
        assert!(stream.release(Nanos(10)));
        assert_eq!((stream.next(), stream.get(2), stream.get(3)), (3, Some(&b"b"[..]), None));
        assert!(stream.is_holding() && stream.release(Nanos(99)) && !stream.is_holding());
        assert_eq!((stream.next(), stream.due()), (4, None));
    }
}
