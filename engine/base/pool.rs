//! Arrays and maps whose size is fixed at start: what the hot path takes room from instead of an allocator.
//!
//! Running out is an answer ([`Full`]), never a crash. Nothing here depends on chance or on addresses: the same
//! calls give the same handles and the same order of iteration, in every process.
#![forbid(unsafe_code)]

use super::prefetch::prefetch;
use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::ops::{Index, IndexMut};
use zerocopy::FromZeros;

/// The pool or map has no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool is full")
    }
}

impl std::error::Error for Full {}

/// `len` cells that hold `fill`, each written: no page fault is left for later.
pub fn touched<T: Copy>(len: usize, fill: T) -> Vec<T> {
    let mut cells = vec![fill; len];
    // Zeros come from the system as pages that are not there yet.
    std::hint::black_box(&mut cells).fill(fill);
    cells
}

/// Makes `cells` at least `need` long, by whole chunks, up to `limit`; new cells hold `fill` and are touched.
///
/// `cells` was created with capacity `limit`, so this never moves or allocates anything.
///
/// # Errors
/// [`Full`] if `need` is above `limit`; nothing changes then.
pub fn grow<T: Copy>(
    cells: &mut Vec<T>,
    need: usize,
    chunk: usize,
    limit: usize,
    fill: T,
) -> Result<(), Full> {
    if need <= cells.len() {
        return Ok(());
    }
    if need > limit {
        return Err(Full);
    }
    debug_assert!(limit <= cells.capacity(), "Invariant: growing stays within what was reserved");
    cells.resize(need.max(cells.len().saturating_add(chunk)).min(limit), fill);
    Ok(())
}

/// A map from `u64` to small values: open addressing with linear probing, at most half full.
///
/// Entries stand in the order of how far they are from home (Robin Hood): a search ends early, and a removal moves back
/// only what was pushed away from home. So there are no tombstones, and a long row of neighbours costs nobody anything.
pub struct IdMap<V> {
    /// A power of two of them, at least twice `capacity`.
    entries: Vec<Entry<V>>,
    len: usize,
    capacity: usize,
    /// 64 minus the bits of an index into `entries`.
    shift: u32,
    spread: Spread,
}

/// Where keys are at home.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// All over the map.
    Keys,
    /// Side by side as they count up, around and around: the oldest must go before the youngest come around.
    Dense,
    /// Eight neighbours side by side, the eights all over the map.
    Eights,
}

/// All zero if it is free.
#[derive(Clone, Copy, FromZeros)]
struct Entry<V> {
    key: u64,
    value: V,
    taken: bool,
}

impl<V: Copy + FromZeros> IdMap<V> {
    fn size(capacity: usize) -> usize {
        capacity.max(1).saturating_mul(2).next_power_of_two()
    }

    /// Memory that a map of this capacity takes.
    pub fn bytes(capacity: usize) -> usize {
        Self::size(capacity) * size_of::<Entry<V>>()
    }

    /// A map with room for `capacity` keys, allocated and touched.
    pub fn new(capacity: usize) -> Self {
        let mut map = Self::untouched(capacity);
        std::hint::black_box(&mut map.entries).fill(Entry::new_zeroed());
        map
    }

    /// As `new`, but a page of its memory is the system's until it is first written to: for what may never be used.
    pub fn untouched(capacity: usize) -> Self {
        let size = Self::size(capacity);
        let entries = Entry::new_vec_zeroed(size)
            .unwrap_or_else(|_| handle_alloc_error(Layout::new::<Entry<V>>()));
        Self { entries, len: 0, capacity, shift: 64 - size.trailing_zeros(), spread: Spread::Keys }
    }

    /// A map for [`OrderId`](super::unit::OrderId)s and other keys that count up: neighbours share cache lines.
    pub fn dense(capacity: usize) -> Self {
        Self { spread: Spread::Dense, ..Self::new(capacity) }
    }

    /// A map for keys that count up while some stay for good: neighbours share cache lines, and those that come around never
    /// meet a long row of those that stayed.
    pub fn rising(capacity: usize) -> Self {
        Self { spread: Spread::Eights, ..Self::new(capacity) }
    }

    /// How many keys are in the map.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no key is in the map.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: u64) -> Option<V> {
        Some(self.entries[self.place(key)?].value)
    }

    /// The value of `key`, to change.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let place = self.place(key)?;
        Some(&mut self.entries[place].value)
    }

    /// Gives a new `key` a value. `false`, and nothing changes, if it has one already.
    ///
    /// # Errors
    /// [`Full`] if the map holds as many keys as it has room for.
    #[inline]
    pub fn add(&mut self, key: u64, value: V) -> Result<bool, Full> {
        let home = self.home(key);
        // Nearly always, where keys count up; else it is looked for as any other.
        if self.entries[home].taken {
            if self.place(key).is_some() {
                return Ok(false);
            }
            return self.insert(key, value).map(|()| true);
        }
        if self.len == self.capacity {
            return Err(Full);
        }
        self.len += 1;
        self.entries[home] = Entry { key, value, taken: true };
        Ok(true)
    }

    /// Gives `key` a value, in place of the one it had.
    ///
    /// # Errors
    /// [`Full`] if `key` is new and the map holds as many keys as it has room for.
    pub fn insert(&mut self, key: u64, value: V) -> Result<(), Full> {
        if let Some(place) = self.place(key) {
            self.entries[place].value = value;
            return Ok(());
        }
        if self.len == self.capacity {
            return Err(Full);
        }
        self.len += 1;
        let mask = self.entries.len() - 1;
        let mut carried = Entry { key, value, taken: true };
        let mut place = self.home(key);
        let mut far = 0;
        while self.entries[place].taken {
            let theirs = self.strayed(place);
            if theirs < far {
                std::mem::swap(&mut carried, &mut self.entries[place]);
                far = theirs;
            }
            place = (place + 1) & mask;
            far += 1;
        }
        self.entries[place] = carried;
        Ok(())
    }

    /// Takes `key` out. Those behind move back, up to the first that is at home.
    pub fn remove(&mut self, key: u64) -> Option<V> {
        let mask = self.entries.len() - 1;
        let mut hole = self.place(key)?;
        let value = self.entries[hole].value;
        self.entries[hole].taken = false;
        self.len -= 1;
        loop {
            let next = (hole + 1) & mask;
            if !self.entries[next].taken || self.strayed(next) == 0 {
                return Some(value);
            }
            self.entries[hole] = self.entries[next];
            self.entries[next].taken = false;
            hole = next;
        }
    }

    /// All keys with their values, in the order of their places: the same for the same calls.
    pub fn iter(&self) -> impl Iterator<Item = (u64, V)> {
        let taken = self.entries.iter().filter(|entry| entry.taken);
        taken.map(|entry| (entry.key, entry.value))
    }

    /// Prefetches where `key` is looked for first. Changes nothing.
    #[inline]
    pub fn hint(&self, key: u64) {
        prefetch(&self.entries[self.home(key)]);
    }

    /// Where `key` is. A search ends at a free entry (there is one: the map is half empty) or at one that is nearer to its
    /// home than `key` would be.
    #[inline]
    fn place(&self, key: u64) -> Option<usize> {
        let mask = self.entries.len() - 1;
        let mut place = self.home(key);
        let mut far = 0;
        loop {
            let entry = &self.entries[place];
            if !entry.taken {
                return None;
            }
            if entry.key == key {
                return Some(place);
            }
            if self.strayed(place) < far {
                return None;
            }
            place = (place + 1) & mask;
            far += 1;
        }
    }

    /// How far an entry is from where its key would be at best.
    fn strayed(&self, place: usize) -> usize {
        place.wrapping_sub(self.home(self.entries[place].key)) & (self.entries.len() - 1)
    }

    /// Multiply and xorshift, the top bits taken: dense, strided and high keys all spread.
    #[inline]
    fn home(&self, key: u64) -> usize {
        let all_over = |key: u64| {
            let mixed = (key ^ key >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> self.shift) as usize
        };
        match self.spread {
            Spread::Keys => all_over(key),
            Spread::Eights => {
                ((all_over(key >> 3) & !7) | (key & 7) as usize) & (self.entries.len() - 1)
            }
            Spread::Dense => {
                // Each book shard (the bits above the counter) counts in an eighth of its own.
                let shard = (key >> 40) as usize & 7;
                let start = shard * (self.entries.len() / 8);
                (key as usize).wrapping_add(start) & (self.entries.len() - 1)
            }
        }
    }
}

/// A pool of values, each under a handle that stays its own until it is removed.
///
/// Handles are given out lowest first, then the one freed last: what is warm in the cache is used again.
pub struct Slab<T: Copy> {
    values: Vec<T>,
    /// One bit a handle: set while it is given out.
    taken: Vec<u64>,
    /// Freed handles.
    free: Vec<u32>,
    /// Handles below were given out at least once.
    fresh: u32,
}

impl<T: Copy> Slab<T> {
    /// Memory that a pool of this capacity takes.
    pub fn bytes(capacity: usize) -> usize {
        capacity * (size_of::<T>() + size_of::<u32>()) + capacity.div_ceil(64) * size_of::<u64>()
    }

    /// A pool for `capacity` values (2^32 - 1 at most), allocated and touched; free places hold `fill`.
    pub fn new(capacity: usize, fill: T) -> Self {
        let capacity = capacity.min(u32::MAX as usize);
        let mut free = touched(capacity, 0);
        free.clear();
        let taken = touched(capacity.div_ceil(64), 0);
        Self { values: touched(capacity, fill), taken, free, fresh: 0 }
    }

    /// How many values are in the pool.
    pub fn len(&self) -> usize {
        self.fresh as usize - self.free.len()
    }

    /// Whether no value is in the pool.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `value` in and gives its handle.
    ///
    /// # Errors
    /// [`Full`] if every handle is given out.
    #[inline]
    pub fn insert(&mut self, value: T) -> Result<u32, Full> {
        let handle = self.take()?;
        self.values[handle as usize] = value;
        Ok(handle)
    }

    /// Gives a handle out whose value is still what it was before: it is to be written next.
    ///
    /// # Errors
    /// [`Full`] if every handle is given out.
    #[inline]
    pub fn take(&mut self) -> Result<u32, Full> {
        let handle = match self.free.pop() {
            Some(handle) => handle,
            None if (self.fresh as usize) < self.values.len() => {
                self.fresh += 1;
                self.fresh - 1
            }
            None => return Err(Full),
        };
        self.taken[handle as usize / 64] |= 1 << (handle % 64);
        Ok(handle)
    }

    /// Takes a value out; `None` if `handle` is not given out.
    pub fn remove(&mut self, handle: u32) -> Option<T> {
        if !self.holds(handle) {
            return None;
        }
        self.taken[handle as usize / 64] &= !(1 << (handle % 64));
        self.free.push(handle);
        Some(self.values[handle as usize])
    }

    /// The value under `handle`, if it is given out.
    #[inline]
    pub fn get(&self, handle: u32) -> Option<&T> {
        if self.holds(handle) { self.values.get(handle as usize) } else { None }
    }

    /// As `get`, to change it.
    #[inline]
    pub fn get_mut(&mut self, handle: u32) -> Option<&mut T> {
        if self.holds(handle) { self.values.get_mut(handle as usize) } else { None }
    }

    /// The lowest handle given out from `handle` on.
    pub fn first_from(&self, handle: u32) -> Option<u32> {
        (handle..self.fresh).find(|at| self.holds(*at))
    }

    /// Whether `handle` is given out.
    pub fn holds(&self, handle: u32) -> bool {
        self.taken.get(handle as usize / 64).is_some_and(|word| word >> (handle % 64) & 1 == 1)
    }
}

/// # Panics
/// If `handle` was never within the pool: handles come from `insert`.
impl<T: Copy> Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, handle: u32) -> &T {
        &self.values[handle as usize]
    }
}

impl<T: Copy> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, handle: u32) -> &mut T {
        &mut self.values[handle as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Few keys, so that calls meet; some at both ends of the range.
    fn key() -> impl Strategy<Value = u64> {
        prop_oneof![0..24u64, (0..8u64).prop_map(|n| u64::MAX - n), (0..8u64).prop_map(|n| n << 61)]
    }

    proptest! {
        #[test]
        fn a_map_answers_as_a_btree_does(
            made in 0..3u8,
            capacity in 0..20usize,
            calls in prop::collection::vec((0..4u8, key(), any::<u32>()), 0..400),
        ) {
            let mut map = match made {
                0 => IdMap::new(capacity),
                1 => IdMap::dense(capacity),
                _ => IdMap::rising(capacity),
            };
            let mut model = BTreeMap::new();
            for (call, key, value) in calls {
                match call {
                    0 if model.len() == capacity && !model.contains_key(&key) => {
                        prop_assert_eq!(map.insert(key, value), Err(Full));
                    }
                    0 => {
                        model.insert(key, value);
                        prop_assert_eq!(map.insert(key, value), Ok(()));
                    }
                    1 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                    2 if model.contains_key(&key) => {
                        prop_assert_eq!(map.add(key, value), Ok(false));
                    }
                    2 if model.len() == capacity => {
                        prop_assert_eq!(map.add(key, value), Err(Full));
                    }
                    2 => {
                        prop_assert_eq!(map.add(key, value), Ok(true));
                        model.insert(key, value);
                    }
                    _ => prop_assert_eq!(map.get_mut(key).copied(), model.get(&key).copied()),
                }
                prop_assert_eq!(map.get(key), model.get(&key).copied());
                prop_assert_eq!(map.len(), model.len());
            }
            let mut all: Vec<_> = map.iter().collect();
            all.sort_unstable();
            prop_assert_eq!(all, model.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_slab_answers_as_a_btree_does(
            capacity in 0..70usize,
            calls in prop::collection::vec((any::<bool>(), 0..80u32), 0..400),
        ) {
            let mut slab = Slab::new(capacity, 0);
            let mut model = BTreeMap::new();
            for (put, n) in calls {
                if put && model.len() < capacity {
                    let handle = slab.insert(n).unwrap();
                    prop_assert_eq!(model.insert(handle, n), None, "handed out twice");
                } else if put {
                    prop_assert_eq!(slab.insert(n), Err(Full));
                } else {
                    prop_assert_eq!(slab.remove(n), model.remove(&n));
                }
                prop_assert_eq!(slab.len(), model.len());
                for (&handle, &value) in &model {
                    prop_assert_eq!(slab[handle], value);
                }
            }
        }
    }

    #[test]
    fn a_row_of_neighbours_stays_at_home_when_one_of_them_leaves() {
        let mut map = IdMap::dense(10_000);
        (0..10_000u64).for_each(|key| map.insert(key, key).unwrap());
        for key in (0..10_000).step_by(3) {
            assert_eq!(map.remove(key), Some(key));
            // Nothing behind the hole was looked at further than its home.
            assert_eq!(map.place(key), None);
        }
        let taken = (0..map.entries.len()).filter(|&at| map.entries[at].taken);
        assert!(taken.into_iter().all(|at| map.strayed(at) == 0));
    }

    #[test]
    fn keys_that_come_around_meet_no_long_row_of_those_that_stayed() {
        let mut map = IdMap::rising(10_000);
        (0..9_000u64).for_each(|key| map.insert(key, key).unwrap());
        for key in 9_000..200_000u64 {
            map.insert(key, key).unwrap();
            if let Some(old) = key.checked_sub(900).filter(|&old| old >= 9_000) {
                assert_eq!(map.remove(old), Some(old));
            }
        }
        let taken = (0..map.entries.len()).filter(|&at| map.entries[at].taken);
        let farthest = taken.map(|at| map.strayed(at)).max();
        assert!(farthest < Some(400), "{farthest:?}");
    }

    #[test]
    fn the_same_calls_give_the_same_order() {
        let order = || {
            let mut map = IdMap::new(1000);
            (0..1000u64).for_each(|n| map.insert(n * 7919, n).unwrap());
            (0..1000u64).step_by(3).for_each(|n| assert_eq!(map.remove(n * 7919), Some(n)));
            map.iter().collect::<Vec<_>>()
        };
        assert_eq!(order(), order());
    }

    #[test]
    fn growing_stays_within_what_was_reserved() {
        let mut cells = Vec::with_capacity(100);
        assert_eq!(grow(&mut cells, 1, 40, 100, 7u8), Ok(()));
        assert_eq!(cells, [7; 40]);
        assert_eq!(grow(&mut cells, 90, 40, 100, 7), Ok(()));
        assert_eq!((cells.len(), grow(&mut cells, 95, 40, 100, 7)), (90, Ok(())));
        assert_eq!((cells.len(), grow(&mut cells, 101, 40, 100, 7)), (100, Err(Full)));
    }
}
