//! What the traders own: every order of theirs that shows has a handle, and a place in its symbol's row.
//!
//! An order is found by its token, which is its handle here; any order of a symbol is picked by its place, which holds its
//! number. Both take the same few steps however many orders there are, and all memory is taken at start.

use super::distributions::Random;
use crate::base::pool::{Slab, touched};
use crate::base::prefetch::prefetch;
use crate::exchange::unit::{Locate, Reference};

/// The place of an order that does not show (yet).
const ASIDE: u32 = u32::MAX;
/// How many of the latest orders count as recent.
const RECENT: u32 = 8;

/// An order.
#[derive(Clone, Copy)]
struct Held {
    /// In the rows, or [`ASIDE`].
    place: u32,
    locate: Locate,
    /// Whether the exchange gave it a number.
    named: bool,
}

/// A place in a row, and who has it.
#[derive(Clone, Copy)]
struct Place {
    /// The exchange's number of the order.
    reference: u64,
    handle: u32,
}

/// The orders of a symbol: `len` places from `start`.
#[derive(Clone, Copy)]
struct Row {
    start: u32,
    len: u32,
    room: u32,
    /// How many there should be.
    target: u32,
}

/// All orders that show.
pub(super) struct Holdings {
    held: Slab<Held>,
    /// Row by row; in no order but that late ones are mostly late in their row.
    places: Vec<Place>,
    /// By locate - 1.
    rows: Vec<Row>,
    /// Orders in rows.
    shown: u32,
}

/// Places in a row: the number of orders strays from its target by some multiple of the target's root.
pub(super) fn room(target: u32) -> u32 {
    target.saturating_add(target / 8 + 24)
}

impl Holdings {
    /// Empty rows for so many orders by symbol.
    pub(super) fn new(targets: &[u32]) -> Self {
        let mut start = 0;
        let row = |&target: &u32| {
            let row = Row { start, len: 0, room: room(target), target };
            start += row.room;
            row
        };
        let rows: Vec<Row> = targets.iter().map(row).collect();
        let none = Held { place: ASIDE, locate: Locate(0), named: false };
        Self {
            held: Slab::new(start as usize, none),
            places: touched(start as usize, Place { reference: 0, handle: 0 }),
            rows,
            shown: 0,
        }
    }

    /// Orders that show.
    pub(super) fn shown(&self) -> u32 {
        self.shown
    }

    /// Orders of a symbol that show, and how many should.
    pub(super) fn count(&self, locate: Locate) -> (u32, u32) {
        let row = &self.rows[index(locate)];
        (row.len, row.target)
    }

    /// A handle for an order that is about to be entered; `None` if the symbol's row is full.
    pub(super) fn reserve(&mut self, locate: Locate) -> Option<u32> {
        let row = &self.rows[index(locate)];
        if row.len == row.room {
            return None;
        }
        self.held.insert(Held { place: ASIDE, locate, named: false }).ok()
    }

    /// The exchange gave the order its number, or a new one.
    pub(super) fn name(&mut self, handle: u32, reference: Reference) {
        let Some(held) = self.held.get_mut(handle) else { return };
        held.named = true;
        if held.place != ASIDE {
            self.places[held.place as usize].reference = reference.0;
        }
    }

    /// The order of that number shows from now on.
    pub(super) fn show(&mut self, handle: u32, reference: Reference) {
        let Some(held) = self.held.get_mut(handle).filter(|held| held.place == ASIDE) else {
            return;
        };
        let row = &mut self.rows[index(held.locate)];
        if row.len == row.room {
            return;
        }
        held.place = row.start + row.len;
        self.places[held.place as usize] = Place { reference: reference.0, handle };
        row.len += 1;
        self.shown += 1;
    }

    /// The order was not taken in: its handle is free again. One that has a number stays: a replacement was refused, not it.
    pub(super) fn refused(&mut self, handle: u32) {
        if self.held.get(handle).is_some_and(|held| !held.named) {
            self.gone(handle);
        }
    }

    /// The order is gone: its handle is free again, and the last of its row takes its place.
    pub(super) fn gone(&mut self, handle: u32) {
        let Some(Held { place, locate, .. }) = self.held.remove(handle) else { return };
        if place == ASIDE {
            return;
        }
        let row = &mut self.rows[index(locate)];
        row.len -= 1;
        self.shown -= 1;
        let last = self.places[(row.start + row.len) as usize];
        self.places[place as usize] = last;
        if last.handle != handle {
            self.held[last.handle].place = place;
        }
    }

    /// Whether the handle is still that order's, and it shows.
    pub(super) fn has(&self, handle: u32, reference: Reference) -> bool {
        let held = self.held.get(handle).filter(|held| held.place != ASIDE);
        held.is_some_and(|held| self.places[held.place as usize].reference == reference.0)
    }

    /// The order's memory will be needed soon. Changes nothing but time.
    pub(super) fn hint(&self, handle: u32) {
        prefetch(&self.held[handle]);
    }

    /// Any order of a symbol that shows, or one of its latest: its handle and number.
    pub(super) fn pick(
        &self,
        locate: Locate,
        recent: bool,
        random: &mut Random,
    ) -> Option<(u32, Reference)> {
        let row = &self.rows[index(locate)];
        let first = if recent { row.len.saturating_sub(RECENT) } else { 0 };
        if row.len == 0 {
            return None;
        }
        let place = row.start + first + random.below(row.len - first);
        let Place { reference, handle } = self.places[place as usize];
        Some((handle, Reference(reference)))
    }
}

fn index(locate: Locate) -> usize {
    usize::from(locate.0) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn any_order_that_shows_is_picked_and_no_other(
            steps in prop::collection::vec((0u8..6, 1u16..4, any::<u32>()), 1..400),
            seed in any::<u64>(),
        ) {
            let mut holdings = Holdings::new(&[0, 1, 5]);
            let mut random = Random::new(seed);
            // By handle: locate, number, whether it shows.
            let mut naive: BTreeMap<u32, (Locate, u64, bool)> = BTreeMap::new();
            let mut number = 0;
            for (what, locate, chosen) in steps {
                let locate = Locate(locate);
                let handle = naive.keys().nth(chosen as usize % naive.len().max(1)).copied();
                let of = |naive: &BTreeMap<u32, (Locate, u64, bool)>| {
                    naive.values().filter(|it| it.0 == locate && it.2).count() as u32
                };
                match (what, handle) {
                    (0 | 1, _) | (_, None) => match holdings.reserve(locate) {
                        Some(handle) => {
                            number += 1;
                            holdings.name(handle, Reference(number));
                            prop_assert!(naive.insert(handle, (locate, number, false)).is_none());
                        }
                        None => prop_assert_eq!(of(&naive), room([0, 1, 5][index(locate)])),
                    },
                    (2, Some(handle)) => {
                        let target = [0, 1, 5][index(naive[&handle].0)];
                        let shows = naive.values().filter(|it| it.0 == naive[&handle].0 && it.2);
                        let fits = (shows.count() as u32) < room(target);
                        holdings.show(handle, Reference(naive[&handle].1));
                        naive.get_mut(&handle).unwrap().2 |= fits;
                    }
                    (3, Some(handle)) => {
                        // It has a number: a replacement of it was refused, or made.
                        holdings.refused(handle);
                        number += 1;
                        holdings.name(handle, Reference(number));
                        naive.get_mut(&handle).unwrap().1 = number;
                    }
                    (_, Some(handle)) => {
                        holdings.gone(handle);
                        prop_assert!(!holdings.has(handle, Reference(naive[&handle].1)));
                        naive.remove(&handle);
                    }
                }
                prop_assert_eq!(holdings.count(locate).0, of(&naive));
                let shown = naive.values().filter(|it| it.2).count();
                prop_assert_eq!(holdings.shown() as usize, shown);
                for recent in [false, true] {
                    let picked = holdings.pick(locate, recent, &mut random);
                    prop_assert_eq!(picked.is_none(), of(&naive) == 0);
                    if let Some((handle, reference)) = picked {
                        prop_assert_eq!(naive[&handle], (locate, reference.0, true));
                        prop_assert!(holdings.has(handle, reference));
                    }
                }
            }
        }
    }
}
