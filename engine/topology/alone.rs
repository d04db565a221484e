//! Ingest with nothing behind it, or with the books alone: what `replay --stages ingest` and `--stages book` run.
#![forbid(unsafe_code)]

use crate::base::message::{Key, Market};
use crate::base::stage::{Agent, Outlet, Sink};
use crate::book::Books;
use crate::ingest::{Ingest, Source};

/// Where messages end: in books, or nowhere.
pub struct Alone(pub Option<Books>);

impl Outlet for Alone {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn until(&mut self, _key: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl Sink<Market> for Alone {
    #[inline]
    fn put(&mut self, message: &Market) {
        if let Some(books) = &mut self.0 {
            books.apply(message);
        }
    }

    #[inline]
    fn hint(&self, message: &Market, step: u8) {
        if let Some(books) = &self.0 {
            books.hint(message, step);
        }
    }
}

/// Turns ingest here, on this thread, to its end; calls `watch` now and then.
pub fn run_alone<S: Source>(ingest: &mut Ingest<S, Alone>, mut watch: impl FnMut()) {
    let mut turns: u64 = 0;
    while !ingest.done() {
        ingest.do_work();
        turns += 1;
        if turns.is_multiple_of(1 << 14) {
            watch();
        }
    }
}
