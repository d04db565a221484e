//! Ladders: the prices of one side of one instrument, in order, each with its level's handle.
//!
//! A ladder is a sorted run of rungs, **worst first and best last**: nearly all that happens is near the best price, so
//! it moves few rungs and is found by a short scan from the end. Rungs are compared by *key*, which is the price
//! for bids and its negative for asks: higher is better on both sides, and there is one code path.
//!
//! Runs live in one arena, in blocks of a power of two. A full run moves to a block of twice the size, one that is
//! down to a quarter moves back; freed blocks wait in a list by size.

use crate::base::pool::{Full, grow};

/// One price of a ladder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub(super) struct Rung {
    pub(super) key: i64,
    /// Handle of the level; in the first rung of a free block, the next free block (`NONE` at the end).
    pub(super) level: u32,
}

/// A run of rungs within the arena.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ladder {
    start: u32,
    len: u32,
    /// The block has `SMALLEST << class` rungs; meaningless while `held` is not set.
    class: u16,
    held: bool,
}

/// The arena of all ladders.
pub(super) struct Rungs {
    cells: Vec<Rung>,
    limit: usize,
    /// Cells below were handed out at least once.
    fresh: usize,
    /// First free block of each class.
    free: [u32; CLASSES],
}

/// Rungs of the smallest block: four cache lines, more levels than most instruments have near the touch.
const SMALLEST: usize = 16;
/// Up to 2^27 rungs a ladder.
const CLASSES: usize = 24;
/// Scanned from the best price before the rest is searched by halves.
const NEAR: usize = 32;
const NONE: u32 = u32::MAX;
/// 1 MiB at a time.
const CHUNK: usize = 1 << 16;

impl Rungs {
    /// Memory that is touched at start for so many levels and ladders.
    pub(super) fn bytes(levels: usize, ladders: usize) -> usize {
        (ladders * SMALLEST + levels) * size_of::<Rung>()
    }

    /// Room for `levels` rungs over `ladders` ladders: every ladder's smallest block, and four rungs a level, because
    /// a larger block is at least a quarter full.
    pub(super) fn new(levels: usize, ladders: usize) -> Self {
        let least = ladders.saturating_mul(SMALLEST);
        let limit = (levels.saturating_mul(4).saturating_add(least)).min(NONE as usize);
        let mut cells = Vec::with_capacity(limit);
        cells.resize(least.saturating_add(levels).min(limit), Rung::default());
        Self { cells, limit, fresh: 0, free: [NONE; CLASSES] }
    }

    /// Worst first, best last.
    #[inline]
    pub(super) fn of(&self, ladder: &Ladder) -> &[Rung] {
        &self.cells[ladder.start as usize..][..ladder.len as usize]
    }

    /// The best rung.
    #[inline]
    pub(super) fn best(&self, ladder: &Ladder) -> Option<Rung> {
        self.of(ladder).last().copied()
    }

    /// Where `key` stands, or where it would.
    #[inline]
    pub(super) fn find(&self, ladder: &Ladder, key: i64) -> Result<usize, usize> {
        let rungs = self.of(ladder);
        let near = rungs.len().saturating_sub(NEAR);
        for (at, rung) in rungs.iter().enumerate().skip(near).rev() {
            if rung.key <= key {
                return if rung.key == key { Ok(at) } else { Err(at + 1) };
            }
        }
        rungs[..near].binary_search_by_key(&key, |rung| rung.key)
    }

    /// Puts `rung` at `at`, which `find` told.
    pub(super) fn insert(
        &mut self,
        ladder: &mut Ladder,
        at: usize,
        rung: Rung,
    ) -> Result<(), Full> {
        let len = ladder.len as usize;
        if !ladder.held {
            *ladder = Ladder { start: self.take(0)?, len: 0, class: 0, held: true };
        } else if len == SMALLEST << ladder.class {
            self.rehouse(ladder, ladder.class + 1)?;
        }
        let start = ladder.start as usize;
        self.cells.copy_within(start + at..start + len, start + at + 1);
        self.cells[start + at] = rung;
        ladder.len += 1;
        Ok(())
    }

    /// Takes the rung at `at` out.
    pub(super) fn remove(&mut self, ladder: &mut Ladder, at: usize) {
        let (start, len) = (ladder.start as usize, ladder.len as usize);
        self.cells.copy_within(start + at + 1..start + len, start + at);
        ladder.len -= 1;
        if ladder.class > 0 && len - 1 <= SMALLEST << ladder.class >> 2 {
            // No smaller block to be had: it stays where it is.
            let _ = self.rehouse(ladder, ladder.class - 1);
        }
    }

    /// Moves a ladder to a block of another class.
    fn rehouse(&mut self, ladder: &mut Ladder, class: u16) -> Result<(), Full> {
        let to = self.take(class)?;
        let from = ladder.start as usize;
        self.cells.copy_within(from..from + ladder.len as usize, to as usize);
        self.cells[from].level = self.free[ladder.class as usize];
        self.free[ladder.class as usize] = ladder.start;
        *ladder = Ladder { start: to, class, ..*ladder };
        Ok(())
    }

    /// A block of `class`: a freed one, else a fresh one.
    fn take(&mut self, class: u16) -> Result<u32, Full> {
        let head = self.free.get_mut(class as usize).ok_or(Full)?;
        if *head != NONE {
            let start = *head;
            *head = self.cells[start as usize].level;
            return Ok(start);
        }
        let start = self.fresh;
        let end = start + (SMALLEST << class);
        grow(&mut self.cells, end, CHUNK, self.limit, Rung::default())?;
        self.fresh = end;
        Ok(start as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn ladders_that_share_an_arena_stay_sorted_and_apart(
            calls in prop::collection::vec((0..3usize, any::<bool>(), 0..300i64), 0..1500),
        ) {
            let mut rungs = Rungs::new(1000, 3);
            let mut ladders = [Ladder::default(); 3];
            let mut models = [const { BTreeMap::new() }; 3];
            for (n, (which, put, key)) in calls.into_iter().enumerate() {
                let (ladder, model) = (&mut ladders[which], &mut models[which]);
                let found = rungs.find(ladder, key);
                prop_assert_eq!(found.is_ok(), model.contains_key(&key));
                match found {
                    Err(at) if put => {
                        let level = n as u32;
                        rungs.insert(ladder, at, Rung { key, level }).unwrap();
                        model.insert(key, level);
                    }
                    Ok(at) if !put => {
                        rungs.remove(ladder, at);
                        model.remove(&key);
                    }
                    _ => {}
                }
                for (ladder, model) in ladders.iter().zip(&models) {
                    let wanted = model.iter().map(|(&key, &level)| Rung { key, level });
                    prop_assert!(rungs.of(ladder).iter().copied().eq(wanted));
                }
            }
        }
    }

    #[test]
    fn blocks_are_used_again() {
        let mut rungs = Rungs::new(512, 2);
        let mut ladder = Ladder::default();
        for _ in 0..1000 {
            for key in 0..500 {
                rungs.insert(&mut ladder, key as usize, Rung { key, level: 0 }).unwrap();
            }
            (0..500).rev().for_each(|at| rungs.remove(&mut ladder, at));
        }
        assert!(rungs.fresh <= SMALLEST * (1 + 2 + 4 + 8 + 16 + 32));
    }

    #[test]
    fn a_full_arena_says_so_and_keeps_what_it_has() {
        let mut rungs = Rungs::new(16, 1);
        let mut ladder = Ladder::default();
        let mut held = 0;
        while rungs.insert(&mut ladder, held, Rung { key: held as i64, level: 0 }).is_ok() {
            held += 1;
        }
        assert!(held >= 16);
        assert!(rungs.of(&ladder).iter().map(|rung| rung.key).eq(0..held as i64));
    }
}
