//! Orders aside: those whose references lie outside the directory, found by a hash map. Feeds that count never come here,
//! so the map's memory is not touched before one does.

use super::{ASIDE, Orders, PAGE};
use crate::base::pool::{Full, grow};
use crate::book::level::NIL;

impl Orders {
    /// A slot for a reference outside the directory; it is counted.
    pub(super) fn place_aside(&mut self, reference: u64) -> Result<u32, Full> {
        if self.free_aside == NIL {
            let at = self.common_frame()?;
            let number = self.references.len();
            let room = self.references.capacity();
            grow(&mut self.references, number + PAGE, 0, room, 0)?;
            self.live_in[at as usize] = ASIDE;
            self.numbers[at as usize] = number as u64;
            for handle in (at * PAGE as u32..(at + 1) * PAGE as u32).rev() {
                self.slots[handle as usize].next = self.free_aside;
                self.free_aside = handle;
            }
        }
        let handle = self.free_aside;
        self.aside.insert(reference, handle)?;
        self.free_aside = self.slots[handle as usize].next;
        let (at, rest) = (handle as usize / PAGE, handle as usize % PAGE);
        self.live_in[at] += 1;
        self.live += 1;
        self.references[self.numbers[at] as usize + rest] = reference;
        Ok(handle)
    }

    /// The order of a slot aside has gone.
    pub(super) fn vacate_aside(&mut self, handle: u32, reference: u64) {
        self.aside.remove(reference);
        self.slots[handle as usize].next = self.free_aside;
        self.free_aside = handle;
    }
}
