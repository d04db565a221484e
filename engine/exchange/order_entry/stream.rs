//! What an account was told on this day: its sequenced messages, numbered from 1, all kept for replay.
//!
//! They are kept in chunks: a message that was added never moves, and adding one never copies a long day.
//!
//! A message can be held back: it has its number, and nobody sees it or a later one before its time has come.

use crate::base::unit::Nanos;
use std::collections::VecDeque;

/// Messages of a chunk.
const CHUNK: usize = 1 << 10;
/// Bytes of a message for which a chunk has room from the start: most have 36 to 64. A chunk of longer ones grows.
const MESSAGE: usize = 64;

/// Some messages in a row.
#[derive(Debug)]
struct Chunk {
    /// End to end.
    bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    ends: Vec<u32>,
}

impl Chunk {
    fn new() -> Self {
        Self { bytes: Vec::with_capacity(CHUNK * MESSAGE), ends: Vec::with_capacity(CHUNK) }
    }
}

/// The sequenced messages of an account's day.
#[derive(Debug)]
pub(super) struct Stream {
    /// All but the last of those that are begun have `CHUNK` messages.
    chunks: Vec<Chunk>,
    /// How many there are.
    count: usize,
    /// When each of the last messages may be seen, if those before it may. All messages before them are seen.
    held: VecDeque<Nanos>,
}

impl Stream {
    /// An empty day with room for so many messages before it asks for memory.
    pub(super) fn new(messages: usize) -> Self {
        let chunks = (0..messages.div_ceil(CHUNK)).map(|_| Chunk::new()).collect();
        Self { chunks, count: 0, held: VecDeque::new() }
    }

    /// How many messages there are, those held back among them.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The number of the message that will be seen next.
    pub(super) fn next(&self) -> u64 {
        (self.count - self.held.len()) as u64 + 1
    }

    /// Adds a message that may be seen at `due`, if it is later than `now`.
    pub(super) fn append(&mut self, message: &[u8], due: Nanos, now: Nanos) {
        let at = self.count / CHUNK;
        if at == self.chunks.len() {
            self.chunks.push(Chunk::new());
        }
        let chunk = &mut self.chunks[at];
        chunk.bytes.extend_from_slice(message);
        chunk.ends.push(chunk.bytes.len() as u32);
        self.count += 1;
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
        let chunk = self.chunks.get(at / CHUNK)?;
        let end = *chunk.ends.get(at % CHUNK)?;
        let start = if at.is_multiple_of(CHUNK) { 0 } else { chunk.ends[at % CHUNK - 1] };
        chunk.bytes.get(start as usize..end as usize)
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
    fn a_long_day_is_kept_whole_whatever_the_room_at_its_start() {
        let message = |n: usize| n.to_string().repeat(n % 60).into_bytes();
        for room in [0, 1, CHUNK, 3 * CHUNK] {
            let mut stream = Stream::new(room);
            (1..=2 * CHUNK + 1).for_each(|n| stream.append(&message(n), Nanos(0), Nanos(0)));
            assert_eq!(stream.count(), 2 * CHUNK + 1);
            assert!((1..=2 * CHUNK + 1).all(|n| stream.get(n as u64) == Some(&message(n)[..])));
        }
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
