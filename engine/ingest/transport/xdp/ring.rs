//! A place in a ring that is shared with the kernel: counts that go around at 2^32, slots at the ring's size.
#![forbid(unsafe_code)]

/// The place of who takes out what the kernel puts in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    mask: u32,
    /// The next that is taken.
    next: u32,
    /// What the kernel had put in when it was last looked at.
    put: u32,
}

impl Reader {
    /// At the beginning of a ring of `size` slots, a power of two.
    pub(super) fn new(size: u32) -> Self {
        assert!(size.is_power_of_two(), "slots are found by a mask");
        Self { mask: size - 1, next: 0, put: 0 }
    }

    /// Takes in how much the kernel has put in.
    #[inline]
    pub(super) fn see(&mut self, put: u32) {
        debug_assert!(put.wrapping_sub(self.next) <= self.mask + 1, "it overwrites nothing");
        self.put = put;
    }

    /// The slot of the next, if the kernel was seen to have put it in.
    #[inline]
    pub(super) fn take(&mut self) -> Option<usize> {
        if self.next == self.put {
            return None;
        }
        let slot = self.next & self.mask;
        self.next = self.next.wrapping_add(1);
        Some(slot as usize)
    }

    /// How many were taken so far: what the kernel is to be told.
    #[inline]
    pub(super) fn taken(&self) -> u32 {
        self.next
    }
}

/// The place of who puts in what the kernel takes out. There are never more things than slots, so that there is always room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    mask: u32,
    next: u32,
}

impl Writer {
    /// At the beginning of a ring of `size` slots, a power of two.
    pub(super) fn new(size: u32) -> Self {
        assert!(size.is_power_of_two(), "slots are found by a mask");
        Self { mask: size - 1, next: 0 }
    }

    /// The slot of the next.
    #[inline]
    pub(super) fn put(&mut self) -> usize {
        let slot = self.next & self.mask;
        self.next = self.next.wrapping_add(1);
        slot as usize
    }

    /// How many were put in so far: what the kernel is to be told.
    #[inline]
    pub(super) fn all(&self) -> u32 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_in_comes_out_in_order_wherever_counts_go_around(
            start in prop_oneof![Just(0_u32), any::<u32>(), u32::MAX - 20..=u32::MAX],
            steps in prop::collection::vec((0_usize..9, 0_usize..9), 1..100),
        ) {
            const SIZE: u32 = 8;
            let mut reader = Reader { next: start, put: start, ..Reader::new(SIZE) };
            let mut writer = Writer { next: start, ..Writer::new(SIZE) };
            let mut slots = [0_u64; SIZE as usize];
            let (mut put, mut taken) = (0_u64, 0_u64);
            for (more, fewer) in steps {
                for _ in 0..more.min((u64::from(SIZE) - (put - taken)) as usize) {
                    slots[writer.put()] = put;
                    put += 1;
                }
                reader.see(writer.all());
                for _ in 0..fewer {
                    match reader.take() {
                        Some(slot) => {
                            prop_assert_eq!(slots[slot], taken);
                            taken += 1;
                        }
                        None => prop_assert_eq!(put, taken),
                    }
                }
                prop_assert_eq!(reader.taken(), start.wrapping_add(taken as u32));
                prop_assert_eq!(writer.all(), start.wrapping_add(put as u32));
            }
        }
    }

    #[test]
    fn nothing_is_taken_that_was_not_seen() {
        let mut reader = Reader::new(4);
        assert_eq!(reader.take(), None);
        reader.see(2);
        assert_eq!([reader.take(), reader.take(), reader.take()], [Some(0), Some(1), None]);
        reader.see(5);
        assert_eq!([reader.take(), reader.take(), reader.take()], [Some(2), Some(3), Some(0)]);
        assert_eq!((reader.take(), reader.taken()), (None, 5));
    }
}
