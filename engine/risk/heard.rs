//! Which of the venue's numbered events were heard: each is taken in once, whatever their order.
#![forbid(unsafe_code)]

/// Numbers that are told apart behind the highest.
const BEHIND: u64 = 1024;

/// The numbers of one source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    highest: u64,
    /// A bit each for the last numbers.
    bits: [u64; (BEHIND / 64) as usize],
}

impl Default for Heard {
    fn default() -> Self {
        Self { highest: 0, bits: [0; (BEHIND / 64) as usize] }
    }
}

impl Heard {
    /// Whether `number` is heard for the first time. 0 is no number: it always is. What is more than a thousand behind
    /// cannot be told, and counts as heard before: so late, it can but be a repetition.
    pub(super) fn is_new(&mut self, number: u64) -> bool {
        if number == 0 {
            return true;
        }
        if number > self.highest {
            let passed = number - self.highest;
            if passed >= BEHIND {
                self.bits = [0; (BEHIND / 64) as usize];
            } else {
                (self.highest + 1..=number).for_each(|it| self.set(it, false));
            }
            self.highest = number;
        } else if self.highest - number >= BEHIND || self.get(number) {
            return false;
        }
        self.set(number, true);
        true
    }

    fn get(&self, number: u64) -> bool {
        self.bits[(number % BEHIND / 64) as usize] >> (number % 64) & 1 == 1
    }

    fn set(&mut self, number: u64, heard: bool) {
        let word = &mut self.bits[(number % BEHIND / 64) as usize];
        *word = *word & !(1 << (number % 64)) | u64::from(heard) << (number % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn each_number_is_new_once(numbers in prop::collection::vec(1u64..2_000, 1..400)) {
            let (mut heard, mut known, mut highest) = (Heard::default(), BTreeSet::new(), 0);
            for number in numbers {
                highest = highest.max(number);
                let new = highest - number < BEHIND && known.insert(number);
                prop_assert_eq!(heard.is_new(number), new);
            }
        }
    }

    #[test]
    fn what_has_no_number_is_always_new() {
        let mut heard = Heard::default();
        assert!(heard.is_new(0) && heard.is_new(0) && heard.is_new(7) && !heard.is_new(7));
    }
}
