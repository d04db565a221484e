//! All messages of the session by sequence, kept for those who missed some.
//!
//! Chunks of bytes in a ring, made at start; a message lies in its chunk as its frame does in a packet (`wire::frame`). When
//! all chunks are full the oldest gives way: its messages can no longer be asked for, and are counted as dropped. So a store
//! of `chunks x chunk_bytes` always keeps the latest `(chunks - 1) x chunk_bytes` of frames, nearly.
//!
//! What always holds: the messages kept are those of sequences `first` to `next - 1`, and messages of one chunk follow each
//! other.

use crate::wire::frame::{LENGTH_MAX, PREFIX, split};

/// Messages between two marks: so many lengths at most are read to find a message.
const MARK_EVERY: u64 = 64;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Bytes of a chunk; raised to what the longest frame needs.
    pub chunk_bytes: usize,
    /// How many chunks; 2 at least. All are reserved at start, and touched as they fill.
    pub chunks: usize,
}

impl Default for StoreLimits {
    /// A gibibyte: some 30 million messages.
    fn default() -> Self {
        Self { chunk_bytes: 1 << 20, chunks: 1 << 10 }
    }
}

/// Messages that follow each other.
#[derive(Clone, Debug)]
struct Chunk {
    bytes: Box<[u8]>,
    used: usize,
    /// The sequence of its first message.
    first: u64,
    count: u64,
    /// Where every 64th message begins, the first of them included.
    marks: Vec<usize>,
}

impl Chunk {
    fn new(bytes: usize) -> Self {
        // No message is shorter than its prefix, but those of 8 bytes and more are what is kept here: others may allocate.
        let marks = Vec::with_capacity(bytes / (PREFIX + 8) / MARK_EVERY as usize + 1);
        Self { bytes: vec![0; bytes].into(), used: 0, first: 0, count: 0, marks }
    }

    fn clear(&mut self, first: u64) {
        (self.used, self.first, self.count) = (0, first, 0);
        self.marks.clear();
    }

    /// Appends `message`; false if there is no room.
    fn push(&mut self, message: &[u8]) -> bool {
        let start = self.used + PREFIX;
        let end = start + message.len();
        if end > self.bytes.len() {
            return false;
        }
        if self.count.is_multiple_of(MARK_EVERY) {
            self.marks.push(self.used);
        }
        // No longer than `LENGTH_MAX`: the store has looked.
        self.bytes[self.used..start].copy_from_slice(&(message.len() as u16).to_be_bytes());
        self.bytes[start..end].copy_from_slice(message);
        self.used = end;
        self.count += 1;
        true
    }

    /// Its frames from that of `sequence` on, which is one of its own.
    fn from(&self, sequence: u64) -> &[u8] {
        let place = sequence - self.first;
        let mut rest = &self.bytes[self.marks[(place / MARK_EVERY) as usize]..self.used];
        for _ in 0..place % MARK_EVERY {
            rest = split(rest).map_or(&[][..], |(_, after)| after);
        }
        rest
    }
}

/// The store.
#[derive(Clone, Debug)]
pub struct Store {
    /// A ring: `newest` is written to, the one behind it is the oldest.
    chunks: Box<[Chunk]>,
    newest: usize,
    first: u64,
    next: u64,
    dropped: u64,
}

impl Store {
    /// An empty store.
    pub fn new(limits: &StoreLimits) -> Self {
        let bytes = limits.chunk_bytes.max(LENGTH_MAX + PREFIX);
        let chunks = (0..limits.chunks.max(2)).map(|_| Chunk::new(bytes)).collect();
        let mut store = Self { chunks, newest: 0, first: 1, next: 1, dropped: 0 };
        store.chunks[0].clear(1);
        store
    }

    /// Keeps `message` and tells its sequence.
    ///
    /// # Panics
    /// If `message` is longer than a frame can be: no protocol of ours has such a message.
    pub fn push(&mut self, message: &[u8]) -> u64 {
        assert!(message.len() <= LENGTH_MAX, "a frame's length is 16 bits");
        if !self.chunks[self.newest].push(message) {
            self.turn();
            let kept = self.chunks[self.newest].push(message);
            assert!(kept, "an empty chunk holds the longest frame");
        }
        self.next += 1;
        self.next - 1
    }

    /// The sequence of the oldest message kept; `next` if there is none.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The sequence of the message to come.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Messages that gave way to later ones.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The message of `sequence`, if it is kept.
    pub fn get(&self, sequence: u64) -> Option<&[u8]> {
        self.range(sequence, 1).next()
    }

    /// `count` messages from that of `sequence` on, or as many as there are. None if that one is not kept.
    pub fn range(&self, sequence: u64, count: u64) -> Range<'_> {
        if !(self.first..self.next).contains(&sequence) {
            return Range { store: self, chunk: self.newest, rest: &[], left: 0 };
        }
        let chunk = self.chunk_of(sequence);
        let left = count.min(self.next - sequence);
        Range { store: self, chunk, rest: self.chunks[chunk].from(sequence), left }
    }

    /// The next chunk becomes the newest; what was in it is gone.
    #[cold]
    fn turn(&mut self) {
        self.newest = self.after(self.newest);
        let chunk = &mut self.chunks[self.newest];
        self.dropped += chunk.count;
        self.first += chunk.count;
        chunk.clear(self.next);
    }

    fn after(&self, chunk: usize) -> usize {
        if chunk + 1 == self.chunks.len() { 0 } else { chunk + 1 }
    }

    /// The chunk of a message that is kept, by halving the ring.
    fn chunk_of(&self, sequence: u64) -> usize {
        let len = self.chunks.len();
        // By age: 0 is the newest. One that was never written to says 0, and so is older than all.
        let at = |age: usize| (self.newest + len - age) % len;
        let (mut low, mut high) = (0, len - 1);
        while low < high {
            let middle = (low + high) / 2;
            match self.chunks[at(middle)].first > sequence {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        at(low)
    }
}

/// Messages that follow each other.
#[derive(Clone, Debug)]
pub struct Range<'a> {
    store: &'a Store,
    chunk: usize,
    rest: &'a [u8],
    left: u64,
}

impl<'a> Iterator for Range<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.left == 0 {
            return None;
        }
        if self.rest.is_empty() {
            self.chunk = self.store.after(self.chunk);
            let chunk = &self.store.chunks[self.chunk];
            self.rest = &chunk.bytes[..chunk.used];
        }
        let (message, rest) = split(self.rest)?;
        (self.rest, self.left) = (rest, self.left - 1);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn store(chunks: usize) -> Store {
        Store::new(&StoreLimits { chunk_bytes: 0, chunks })
    }

    #[test]
    fn sequences_count_from_one() {
        let mut store = store(2);
        assert_eq!((store.first(), store.next(), store.get(1)), (1, 1, None));
        assert_eq!((store.push(b"a"), store.push(b""), store.push(b"ccc")), (1, 2, 3));
        assert_eq!((store.first(), store.next(), store.dropped()), (1, 4, 0));
        assert_eq!(store.range(1, 9).collect::<Vec<_>>(), [&b"a"[..], b"", b"ccc"]);
        assert_eq!(store.range(2, 1).collect::<Vec<_>>(), [b""]);
        assert_eq!((store.get(0), store.get(4)), (None, None));
    }

    #[test]
    fn a_full_store_drops_its_oldest_chunk_and_counts() {
        let mut store = store(2);
        let half = [7; (LENGTH_MAX - PREFIX) / 2];
        // Two of them fill a chunk: the fifth turns the first out.
        (1..=5).for_each(|sequence| assert_eq!(store.push(&half), sequence));
        assert_eq!((store.first(), store.next(), store.dropped()), (3, 6, 2));
        assert_eq!((store.get(2), store.get(3)), (None, Some(&half[..])));
        assert_eq!(store.range(2, 5).count(), 0);
        assert_eq!(store.range(3, u64::MAX).count(), 3);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_came(
            lengths in prop::collection::vec(prop_oneof![0..60_usize, 5_000..LENGTH_MAX], 1..300),
            chunks in 2..6_usize,
            asked in any::<prop::sample::Index>(),
            count in 0..200_u64,
        ) {
            let mut store = store(chunks);
            let mut all = VecDeque::new();
            for (at, &length) in lengths.iter().enumerate() {
                all.push_back(vec![at as u8; length]);
                prop_assert_eq!(store.push(&all[at]), at as u64 + 1);
            }
            prop_assert_eq!(store.next(), lengths.len() as u64 + 1);
            prop_assert_eq!(store.first(), store.dropped() + 1);
            // All but one chunk's worth is kept, but for what does not fit at a chunk's end.
            let kept: usize = store.range(store.first(), u64::MAX).map(<[u8]>::len).sum();
            let came: usize = lengths.iter().sum();
            prop_assert!(store.dropped() == 0 && kept == came || kept > (chunks - 2) * 5_000);
            let asked = asked.index(lengths.len()) as u64 + 1;
            let found: Vec<_> = store.range(asked, count).collect();
            if asked < store.first() {
                prop_assert!(found.is_empty());
            } else {
                let want: Vec<_> = all.iter().skip(asked as usize - 1).take(count as usize).collect();
                prop_assert_eq!(found, want);
            }
        }
    }
}
