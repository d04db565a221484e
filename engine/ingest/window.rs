//! The window of decoded messages between the file and the books: what is in it can be looked at before it is due.
#![forbid(unsafe_code)]

use crate::base::message::Market;

/// Messages that it holds at most.
pub(super) const SIZE: usize = 32;

/// Decoded messages, first in, first out.
pub(super) struct Window {
    messages: Box<[Market; SIZE]>,
    first: usize,
    len: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { messages: Box::new([Market::default(); SIZE]), first: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The `n`-th message from the front.
    #[inline]
    pub(super) fn get(&self, n: usize) -> Option<&Market> {
        (n < self.len).then(|| &self.messages[(self.first + n) % SIZE])
    }

    /// The place behind the last, to write a message to; it counts once `keep` is called. Not while the window is full.
    #[inline]
    pub(super) fn place(&mut self) -> &mut Market {
        &mut self.messages[(self.first + self.len) % SIZE]
    }

    /// Keeps what was written to `place`.
    #[inline]
    pub(super) fn keep(&mut self) {
        debug_assert!(self.len < SIZE, "Invariant: nothing is written over");
        self.len += 1;
    }

    /// Drops the front, which stays readable until the window has turned once more.
    #[inline]
    pub(super) fn pop(&mut self) -> &mut Market {
        let at = self.first;
        self.first = (self.first + 1) % SIZE;
        self.len = self.len.saturating_sub(1);
        &mut self.messages[at]
    }
}
