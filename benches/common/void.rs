//! Where what a stage says ends.

use coretick::base::message::{Key, Message};
use coretick::base::stage::{Outlet, Sink};
use std::hint::black_box;

/// Takes whatever comes, and counts it.
#[derive(Default)]
pub(crate) struct Void(pub(crate) u64);

impl Outlet for Void {
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

impl<T: Message> Sink<T> for Void {
    #[inline]
    fn put(&mut self, message: &T) {
        black_box(message);
        self.0 += 1;
    }
}
