//! A list that only grows, in chunks: it never moves what it has, so that no push of a long day is a slow one.

/// Rows of a chunk.
const CHUNK: usize = 1 << 13;

/// The list.
#[derive(Debug)]
pub(super) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
    length: usize,
}

impl<T: Copy> Chunks<T> {
    /// An empty list with room for so many before it asks for memory.
    pub(super) fn new(room: usize) -> Self {
        let chunks = (0..room.div_ceil(CHUNK)).map(|_| Vec::with_capacity(CHUNK));
        Self { chunks: chunks.collect(), length: 0 }
    }

    /// Adds one at the end.
    pub(super) fn push(&mut self, row: T) {
        let at = self.length / CHUNK;
        if at == self.chunks.len() {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks[at].push(row);
        self.length += 1;
    }

    /// The one at a place.
    pub(super) fn get(&self, place: usize) -> Option<T> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK).copied()
    }

    /// The first place where `is_before` does not hold, which holds for none behind it.
    pub(super) fn first_not(&self, is_before: impl Fn(T) -> bool) -> usize {
        let (mut from, mut to) = (0, self.length);
        while from < to {
            let middle = from.midpoint(to);
            match self.get(middle) {
                Some(row) if is_before(row) => from = middle + 1,
                _ => to = middle,
            }
        }
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_places_and_are_found_across_chunks() {
        for room in [0, 1, 3 * CHUNK] {
            let mut list = Chunks::new(room);
            assert_eq!((list.get(0), list.first_not(|_: usize| true)), (None, 0));
            let rows = 2 * CHUNK + 5;
            (0..rows).for_each(|n| list.push(2 * n));
            assert!((0..rows).all(|n| list.get(n) == Some(2 * n)) && list.get(rows).is_none());
            for n in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, rows - 1] {
                assert_eq!(list.first_not(|row| row < 2 * n), n);
                assert_eq!(list.first_not(|row| row <= 2 * n), n + 1);
            }
        }
    }
}
