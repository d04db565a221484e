//! Ladders: the prices of one side of one instrument, in order, each with its level's handle.
//!
//! A ladder is one cache line: its four best rungs, and the quantity at the best. The others wait in a sorted run,
//! **worst first and best last**: nearly all that happens is near the best price, so few rungs move. Rungs are compared by
//! *key*, which is the price for bids and its negative for asks: higher is better on both sides, and there is one code
//! path.
//!
//! Runs live in one arena, in blocks of a power of two. A full run moves to a block of twice the size, one that is
//! down to a quarter moves back; freed blocks wait in a list by size.

use crate::base::pool::{Full, grow};
use crate::base::prefetch::prefetch;
use crate::base::unit::Qty;
use std::hint::select_unpredictable;

/// One price of a ladder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub(super) struct Rung {
    pub(super) key: i64,
    /// Handle of the level; in the first rung of a free block, the next free block (`NONE` at the end).
    pub(super) level: u32,
}

/// One side of one instrument.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Ladder {
    /// The best, best first; `VACANT` where there are fewer.
    keys: [i64; NEAR],
    /// Quantity at the best price, as its level has it; 0 in an empty ladder.
    pub(super) best_qty: Qty,
    /// Handles of their levels; 0 where there are fewer.
    levels: [u32; NEAR],
    /// The run of the others in the arena; meaningless while it has no block.
    start: u32,
    /// Length of the run (24 bits), and the class of its block, from 1; 0 while it has none.
    run: u32,
}

/// Where a key stands in a ladder, counted from the best.
type Place = usize;

/// The arena of all runs.
pub(super) struct Rungs {
    cells: Vec<Rung>,
    limit: usize,
    /// Cells below were handed out at least once; the first few never are, so that every run has cells before it.
    fresh: usize,
    /// First free block of each class.
    free: [u32; CLASSES],
}

/// Rungs in the ladder itself.
const NEAR: usize = 4;
/// Below every key.
const VACANT: i64 = i64::MIN;
/// Rungs of the smallest block: two cache lines.
const SMALLEST: usize = 8;
/// Up to 2^24 rungs a run.
const CLASSES: usize = 22;
const LENGTH: u32 = (1 << 24) - 1;
/// Rungs of a run that are looked at from the best before the rest is searched by halves.
const SCANNED: usize = 8;
const NONE: u32 = u32::MAX;
/// 1 MiB at a time.
const CHUNK: usize = 1 << 16;

impl Default for Ladder {
    fn default() -> Self {
        let (keys, levels) = ([VACANT; NEAR], [0; NEAR]);
        Self { keys, best_qty: Qty::ZERO, levels, start: 0, run: 0 }
    }
}

impl Ladder {
    /// Rungs in the run.
    #[inline]
    fn others(&self) -> usize {
        (self.run & LENGTH) as usize
    }

    /// The best key; below every price where there is none.
    #[inline]
    pub(super) fn best_key(&self) -> i64 {
        self.keys[0]
    }

    /// The best level; level 0 where there is none.
    #[inline]
    pub(super) fn best_level(&self) -> u32 {
        self.levels[0]
    }

    /// Whether it has no rung.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.levels[0] == 0
    }

    /// The level that an addition at `key` probably goes to, as far as this line tells.
    #[inline]
    pub(super) fn guess(&self, key: i64) -> u32 {
        let mut level = 0;
        for n in 0..NEAR {
            level = select_unpredictable(self.keys[n] == key, self.levels[n], level);
        }
        level
    }
}

impl Rungs {
    /// Memory that is touched at start for so many levels and ladders.
    pub(super) fn bytes(levels: usize, ladders: usize) -> usize {
        let cells = ladders.saturating_mul(SMALLEST).saturating_add(SCANNED).saturating_add(levels);
        cells.saturating_mul(size_of::<Rung>())
    }

    /// Room for `levels` rungs over `ladders` ladders: every ladder's smallest block, and four rungs a level, because
    /// a larger block is at least a quarter full.
    pub(super) fn new(levels: usize, ladders: usize) -> Self {
        let least = ladders.saturating_mul(SMALLEST).saturating_add(SCANNED);
        let limit = (levels.saturating_mul(4).saturating_add(least)).min(NONE as usize);
        let mut cells = Vec::with_capacity(limit);
        cells.resize(least.saturating_add(levels).min(limit), Rung::default());
        Self { cells, limit, fresh: SCANNED, free: [NONE; CLASSES] }
    }

    /// Memory that was touched at start and since, counted from what is there.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        size_of_val(&self.cells[..])
    }

    /// The run of a ladder: worst first.
    #[inline]
    fn run(&self, ladder: &Ladder) -> &[Rung] {
        &self.cells[ladder.start as usize..][..ladder.others()]
    }

    /// All rungs, best first.
    pub(super) fn of<'a>(&'a self, ladder: &'a Ladder) -> impl Iterator<Item = Rung> + 'a {
        let near = ladder.keys.iter().zip(&ladder.levels).filter(|(_, level)| **level != 0);
        let near = near.map(|(&key, &level)| Rung { key, level });
        near.chain(self.run(ladder).iter().rev().copied())
    }

    /// The level at a place; `None` beyond the last.
    #[inline]
    pub(super) fn nth(&self, ladder: &Ladder, place: Place) -> Option<u32> {
        match ladder.levels.get(place) {
            Some(&level) => (level != 0).then_some(level),
            None => self.run(ladder).iter().nth_back(place - NEAR).map(|rung| rung.level),
        }
    }

    /// The level at `key`, or the place where it would stand.
    #[inline]
    pub(super) fn find(&self, ladder: &Ladder, key: i64) -> Result<u32, Place> {
        // Counted without a branch, for where it stands is anyone's guess.
        let mut better = 0;
        for near in ladder.keys {
            better += usize::from(near > key);
        }
        if better < NEAR {
            return if ladder.keys[better] == key {
                Ok(ladder.levels[better])
            } else {
                Err(better)
            };
        }
        self.find_in_run(ladder, key)
    }

    /// As `find`, for a key below the near ones.
    #[inline]
    fn find_in_run(&self, ladder: &Ladder, key: i64) -> Result<u32, Place> {
        let len = ladder.others();
        let end = ladder.start as usize + len;
        // Most are close: two lines, without a branch. Cells before the run do not count.
        let mut better = 0_u32;
        if let Some(near) = self.cells.get(end.wrapping_sub(SCANNED)..end) {
            for (n, rung) in near.iter().rev().enumerate() {
                better |= u32::from(rung.key > key) << n;
            }
        }
        let better = (better.trailing_ones() as usize).min(len);
        let run = &self.cells[ladder.start as usize..end];
        if better == SCANNED {
            return match run[..len - SCANNED].binary_search_by_key(&key, |rung| rung.key) {
                Ok(at) => Ok(run[at].level),
                Err(at) => Err(NEAR + len - at),
            };
        }
        match run[..len - better].last() {
            Some(rung) if rung.key == key => Ok(rung.level),
            _ => Err(NEAR + better),
        }
    }

    /// Puts a rung at a place that `find` told.
    #[inline]
    pub(super) fn insert(
        &mut self,
        ladder: &mut Ladder,
        place: Place,
        rung: Rung,
    ) -> Result<(), Full> {
        if place >= NEAR {
            return self.insert_in_run(ladder, NEAR + ladder.others() - place, rung);
        }
        let last = Rung { key: ladder.keys[NEAR - 1], level: ladder.levels[NEAR - 1] };
        if last.level != 0 {
            self.insert_in_run(ladder, ladder.others(), last)?;
        }
        // By select, not by a move of unknown length.
        for n in (1..NEAR).rev() {
            ladder.keys[n] = select_unpredictable(n > place, ladder.keys[n - 1], ladder.keys[n]);
            ladder.levels[n] =
                select_unpredictable(n > place, ladder.levels[n - 1], ladder.levels[n]);
        }
        ladder.keys[place] = rung.key;
        ladder.levels[place] = rung.level;
        Ok(())
    }

    fn insert_in_run(&mut self, ladder: &mut Ladder, at: usize, rung: Rung) -> Result<(), Full> {
        let len = ladder.others();
        if ladder.run >> 24 == 0 {
            *ladder = Ladder { start: self.take(0)?, run: 1 << 24, ..*ladder };
        } else if len == SMALLEST << (ladder.run >> 24) >> 1 {
            self.rehouse(ladder, (ladder.run >> 24) + 1)?;
        }
        let start = ladder.start as usize;
        self.cells.copy_within(start + at..start + len, start + at + 1);
        self.cells[start + at] = rung;
        ladder.run += 1;
        Ok(())
    }

    /// Takes the rung at `key` out, if there is one.
    #[inline]
    pub(super) fn remove(&mut self, ladder: &mut Ladder, key: i64) {
        if key < ladder.keys[NEAR - 1] {
            return self.remove_from_run(ladder, key);
        }
        for n in 0..NEAR - 1 {
            let gone = ladder.keys[n] <= key;
            ladder.keys[n] = select_unpredictable(gone, ladder.keys[n + 1], ladder.keys[n]);
            ladder.levels[n] = select_unpredictable(gone, ladder.levels[n + 1], ladder.levels[n]);
        }
        let next = self.run(ladder).last().copied();
        let next = next.unwrap_or(Rung { key: VACANT, level: 0 });
        ladder.keys[NEAR - 1] = next.key;
        ladder.levels[NEAR - 1] = next.level;
        if next.level != 0 {
            self.shrink(ladder);
        }
    }

    fn remove_from_run(&mut self, ladder: &mut Ladder, key: i64) {
        if let Ok(at) = self.run(ladder).binary_search_by_key(&key, |rung| rung.key) {
            let (start, len) = (ladder.start as usize, ladder.others());
            self.cells.copy_within(start + at + 1..start + len, start + at);
            self.shrink(ladder);
        }
    }

    /// A run is shorter by its last rung.
    #[inline]
    fn shrink(&mut self, ladder: &mut Ladder) {
        ladder.run -= 1;
        let class = ladder.run >> 24;
        if class > 1 && ladder.others() <= SMALLEST << class >> 3 {
            // No smaller block to be had: it stays where it is.
            let _ = self.rehouse(ladder, class - 1);
        }
    }

    /// Moves a run to a block of another class (from 1).
    #[cold]
    fn rehouse(&mut self, ladder: &mut Ladder, class: u32) -> Result<(), Full> {
        let to = self.take(class as usize - 1)?;
        let (from, len) = (ladder.start as usize, ladder.others());
        self.cells.copy_within(from..from + len, to as usize);
        let freed = &mut self.free[(ladder.run >> 24) as usize - 1];
        self.cells[from].level = *freed;
        *freed = ladder.start;
        *ladder = Ladder { start: to, run: class << 24 | len as u32, ..*ladder };
        Ok(())
    }

    /// A block of `class` (from 0): a freed one, else a fresh one.
    fn take(&mut self, class: usize) -> Result<u32, Full> {
        let head = self.free.get_mut(class).ok_or(Full)?;
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

    /// Prefetches where `find` would look next for a key that is not among the near ones.
    #[inline]
    pub(super) fn hint(&self, ladder: &Ladder, key: i64) {
        let end = ladder.start as usize + ladder.others();
        let end = if key < ladder.keys[NEAR - 1] { end } else { SCANNED };
        if let Some(near) = self.cells.get(end.wrapping_sub(SCANNED)..end) {
            prefetch(&near[SCANNED - 1]);
            prefetch(&near[SCANNED / 2 - 1]);
        }
    }

    /// The level at a key beyond the near ones, if there is one.
    #[inline]
    pub(super) fn far(&self, ladder: &Ladder, key: i64) -> Option<u32> {
        if key < ladder.keys[NEAR - 1] { self.find_in_run(ladder, key).ok() } else { None }
    }
}

const _: () = assert!(size_of::<Ladder>() == 64, "one cache line");

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
                prop_assert_eq!(found.ok(), model.get(&key).copied());
                match found {
                    Err(place) if put => {
                        let level = 1 + n as u32;
                        rungs.insert(ladder, place, Rung { key, level }).unwrap();
                        model.insert(key, level);
                    }
                    Ok(_) if !put => {
                        rungs.remove(ladder, key);
                        model.remove(&key);
                    }
                    _ => {}
                }
                for (ladder, model) in ladders.iter().zip(&models) {
                    let wanted = model.iter().rev().map(|(&key, &level)| Rung { key, level });
                    prop_assert!(rungs.of(ladder).eq(wanted.clone()));
                    let places = (0..=model.len()).map(|place| rungs.nth(ladder, place));
                    prop_assert!(places.eq(wanted.map(|rung| Some(rung.level)).chain([None])));
                    prop_assert_eq!(ladder.is_empty(), model.is_empty());
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
                let place = rungs.find(&ladder, key).unwrap_err();
                rungs.insert(&mut ladder, place, Rung { key, level: 1 }).unwrap();
            }
            (0..500).rev().for_each(|key| rungs.remove(&mut ladder, key));
        }
        assert!(rungs.fresh - SCANNED <= SMALLEST * (1 + 2 + 4 + 8 + 16 + 32 + 64));
    }

    #[test]
    fn a_full_arena_says_so_and_keeps_what_it_has() {
        let mut rungs = Rungs::new(16, 1);
        let mut ladder = Ladder::default();
        let mut held = 0;
        while rungs.insert(&mut ladder, 0, Rung { key: held, level: 1 }).is_ok() {
            held += 1;
        }
        assert!(held >= 16);
        assert!(rungs.of(&ladder).map(|rung| rung.key).eq((0..held).rev()));
    }
}
