//! B+ trees from a price's rank to its level, all in one pool: any place is found and changed in a few lines of memory,
//! near the best price or far from it.
//!
//! What always holds: keys of a node rise; unused keys are `VACANT`, above all others; but for the root, a node holds at least
//! `LEAST` entries. An entry of an inner node is a child and a key that is not above the child's keys and above all keys of the
//! child before; the first key of an inner node means nothing.

use crate::base::pool::{Full, Slab};

/// No node, no level.
pub(super) const NONE: u32 = u32::MAX;
/// Entries of a node: two cache lines.
const WIDTH: usize = 15;
/// A node with fewer takes from a neighbour, or joins it.
const LEAST: usize = 5;
const HALF: usize = WIDTH.div_ceil(2);
/// Above every rank: no price has it.
const VACANT: u32 = u32::MAX;
/// Trees of 2^32 levels are lower.
const HEIGHT_MAX: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Node {
    keys: [u32; WIDTH],
    /// Levels in a leaf, nodes in others.
    links: [u32; WIDTH],
    len: u16,
    /// 0: a leaf.
    height: u16,
}

const _: () = assert!(size_of::<Node>() == 128, "two cache lines");

/// Where a new entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Neighbour {
    /// It is the only one.
    Alone,
    /// Right behind this one.
    After(u32),
    /// Right before this one.
    Before(u32),
}

/// The nodes of all trees. A tree is known by its root: `NONE` if it is empty.
pub(super) struct Trees {
    nodes: Slab<Node>,
    capacity: usize,
}

impl Node {
    const EMPTY: Self = Self { keys: [VACANT; WIDTH], links: [NONE; WIDTH], len: 0, height: 0 };

    fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Entries before `key`.
    #[inline]
    fn before(&self, key: u32) -> usize {
        self.keys.iter().map(|&other| usize::from(other < key)).sum()
    }

    /// The child that `key` belongs to.
    #[inline]
    fn child(&self, key: u32) -> usize {
        self.keys[1..].iter().map(|&other| usize::from(other <= key)).sum()
    }

    fn insert(&mut self, at: usize, key: u32, link: u32) {
        let len = self.len();
        self.keys.copy_within(at..len, at + 1);
        self.links.copy_within(at..len, at + 1);
        (self.keys[at], self.links[at]) = (key, link);
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        let len = self.len();
        self.keys.copy_within(at + 1..len, at);
        self.links.copy_within(at + 1..len, at);
        self.len -= 1;
        self.keys[len - 1] = VACANT;
    }

    /// Takes the entries from `at` on away.
    fn split_off(&mut self, at: usize) -> Self {
        let mut rest = Self { height: self.height, ..Self::EMPTY };
        for n in at..self.len() {
            rest.insert(n - at, self.keys[n], self.links[n]);
            self.keys[n] = VACANT;
        }
        self.len = self.len.min(at as u16);
        rest
    }
}

impl Trees {
    /// Nodes that so many levels in so many trees can need (a root for each tree, and the others are not nearly empty), and room
    /// for one more insertion, so that none is refused.
    fn nodes(levels: usize, trees: usize) -> usize {
        levels.min(trees) + levels / (LEAST - 1) + HEIGHT_MAX
    }

    /// Memory that they take.
    pub(super) fn bytes(levels: usize, trees: usize) -> usize {
        Slab::<Node>::bytes(Self::nodes(levels, trees))
    }

    /// Room for so many levels in so many trees.
    pub(super) fn new(levels: usize, trees: usize) -> Self {
        let capacity = Self::nodes(levels, trees);
        Self { nodes: Slab::new(capacity, Node::EMPTY), capacity }
    }

    /// The two cache lines of a root.
    #[inline]
    pub(super) fn lines(&self, root: u32) -> Option<(&u32, &u32)> {
        let node = (root != NONE).then(|| &self.nodes[root])?;
        Some((&node.keys[0], &node.links[WIDTH - 1]))
    }

    /// The level at `key`.
    #[inline]
    pub(super) fn get(&self, root: u32, key: u32) -> Option<u32> {
        if root == NONE {
            return None;
        }
        let mut node = &self.nodes[root];
        while node.height > 0 {
            node = &self.nodes[node.links[node.child(key)]];
        }
        let at = node.before(key);
        (at < node.len() && node.keys[at] == key).then(|| node.links[at])
    }

    /// Puts `level` in at `key`, which is not there yet.
    pub(super) fn insert(
        &mut self,
        root: &mut u32,
        key: u32,
        level: u32,
    ) -> Result<Neighbour, Full> {
        if self.nodes.len() + HEIGHT_MAX > self.capacity {
            return Err(Full);
        }
        if *root == NONE {
            *root = self.nodes.insert(Node::EMPTY)?;
        }
        let mut neighbour = Neighbour::Alone;
        if let Some((split, right)) = self.put(*root, key, level, &mut neighbour) {
            let height = self.nodes[*root].height + 1;
            let mut node = Node { height, ..Node::EMPTY };
            node.insert(0, 0, *root);
            node.insert(1, split, right);
            *root = self.nodes.insert(node)?;
        }
        Ok(neighbour)
    }

    /// Puts a level in below `at`. If that splits the node: the new one behind it, with its least key.
    fn put(
        &mut self,
        at: u32,
        key: u32,
        level: u32,
        neighbour: &mut Neighbour,
    ) -> Option<(u32, u32)> {
        let node = &self.nodes[at];
        if node.height > 0 {
            let child = node.child(key);
            let (key, right) = self.put(node.links[child], key, level, neighbour)?;
            return self.widen(at, child + 1, key, right);
        }
        let place = node.before(key);
        *neighbour = match place {
            0 if node.len == 0 => Neighbour::Alone,
            0 => Neighbour::Before(node.links[0]),
            _ => Neighbour::After(node.links[place - 1]),
        };
        self.widen(at, place, key, level)
    }

    /// Puts an entry into a node.
    fn widen(&mut self, at: u32, place: usize, key: u32, link: u32) -> Option<(u32, u32)> {
        let node = &mut self.nodes[at];
        if node.len() < WIDTH {
            node.insert(place, key, link);
            return None;
        }
        let mut right = node.split_off(HALF);
        if place <= HALF {
            node.insert(place, key, link);
        } else {
            right.insert(place - HALF, key, link);
        }
        let least = right.keys[0];
        let right = self.nodes.insert(right);
        debug_assert!(right.is_ok(), "Invariant: room was checked before");
        Some((least, right.ok()?))
    }

    /// Takes the level at `key` out.
    pub(super) fn remove(&mut self, root: &mut u32, key: u32) {
        if *root == NONE {
            return;
        }
        self.take(*root, key);
        let node = &self.nodes[*root];
        if node.len == 0 || node.height > 0 && node.len == 1 {
            let only = if node.height > 0 { node.links[0] } else { NONE };
            self.nodes.remove(*root);
            *root = only;
        }
    }

    fn take(&mut self, at: u32, key: u32) {
        let node = &mut self.nodes[at];
        if node.height == 0 {
            let place = node.before(key);
            if place < node.len() && node.keys[place] == key {
                node.remove(place);
            }
            return;
        }
        let child = node.child(key);
        let (below, last) = (node.links[child], node.len() - 1);
        self.take(below, key);
        if self.nodes[below].len() < LEAST {
            self.balance(at, if child == last { child - 1 } else { child });
        }
    }

    /// Two neighbours below `at`, the first at place `left`, become one, or share evenly.
    fn balance(&mut self, at: u32, left: usize) {
        let parent = self.nodes[at];
        let (first, second) = (parent.links[left], parent.links[left + 1]);
        let (mut one, mut two) = (self.nodes[first], self.nodes[second]);
        if two.height > 0 {
            two.keys[0] = parent.keys[left + 1];
        }
        if one.len() + two.len() <= WIDTH {
            for n in 0..two.len() {
                one.insert(one.len(), two.keys[n], two.links[n]);
            }
            self.nodes[first] = one;
            self.nodes.remove(second);
            self.nodes[at].remove(left + 1);
            return;
        }
        let half = (one.len() + two.len()) / 2;
        while one.len() < half {
            one.insert(one.len(), two.keys[0], two.links[0]);
            two.remove(0);
        }
        while one.len() > half {
            let last = one.len() - 1;
            two.insert(0, one.keys[last], one.links[last]);
            one.remove(last);
        }
        self.nodes[at].keys[left + 1] = two.keys[0];
        self.nodes[first] = one;
        self.nodes[second] = two;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    impl Trees {
        /// All entries in order; asserts what must hold of each node.
        fn walk(&self, at: u32, root: bool, least: u32, above: u32, out: &mut Vec<(u32, u32)>) {
            let node = &self.nodes[at];
            assert!(root || node.len() >= LEAST, "a node that is nearly empty");
            assert!(node.len > 0 && node.keys[node.len()..].iter().all(|&key| key == VACANT));
            for n in 0..node.len() {
                let (key, link) = (node.keys[n], node.links[n]);
                if node.height == 0 {
                    assert!((least..above).contains(&key));
                    out.push((key, link));
                    continue;
                }
                assert_eq!(self.nodes[link].height + 1, node.height);
                let least = if n == 0 { least } else { key };
                let above = if n + 1 < node.len() { node.keys[n + 1] } else { above };
                self.walk(link, false, least, above, out);
            }
        }
    }

    proptest! {
        #[test]
        fn trees_that_share_a_pool_answer_as_maps_do(
            calls in prop::collection::vec((0..3usize, 0..5u8, 0..600u32), 0..3000),
        ) {
            let mut trees = Trees::new(1_800, 3);
            let mut roots = [NONE; 3];
            let mut models = [const { BTreeMap::new() }; 3];
            for (n, (which, call, key)) in calls.into_iter().enumerate() {
                let (root, model) = (&mut roots[which], &mut models[which]);
                prop_assert_eq!(trees.get(*root, key), model.get(&key).copied());
                // More come than go, then more go than come.
                let put = if n % 2_000 < 1_000 { call > 0 } else { call > 3 };
                if put && !model.contains_key(&key) {
                    let found = trees.insert(root, key, n as u32);
                    let expected = match model.range(..key).next_back() {
                        Some((_, &level)) => vec![Neighbour::After(level)],
                        None => vec![],
                    };
                    let next = model.range(key..).next().map(|(_, &level)| Neighbour::Before(level));
                    let alone = expected.is_empty() && next.is_none();
                    let mut expected: Vec<_> = expected.into_iter().chain(next).collect();
                    expected.extend(alone.then_some(Neighbour::Alone));
                    prop_assert!(expected.contains(&found.unwrap()));
                    model.insert(key, n as u32);
                } else if !put {
                    trees.remove(root, key);
                    model.remove(&key);
                }
            }
            for (root, model) in roots.iter().zip(&models) {
                let mut found = Vec::new();
                if *root != NONE {
                    trees.walk(*root, true, 0, VACANT, &mut found);
                }
                prop_assert_eq!(found, model.iter().map(|(&k, &v)| (k, v)).collect::<Vec<_>>());
            }
            for (root, model) in roots.iter_mut().zip(&models) {
                model.keys().for_each(|&key| trees.remove(root, key));
                prop_assert_eq!(*root, NONE);
            }
            prop_assert!(trees.nodes.is_empty());
        }
    }

    #[test]
    fn the_pool_holds_as_many_levels_as_it_was_made_for_whatever_comes_and_goes() {
        for stride in [1, 7, 4_999] {
            let mut trees = Trees::new(10_000, 2);
            let mut root = NONE;
            for round in 0..5u32 {
                for n in 0..10_000u32 {
                    trees.insert(&mut root, n * stride % 10_007, n).unwrap();
                }
                for n in (0..10_000u32).filter(|n| n % 11 != round) {
                    trees.remove(&mut root, n * stride % 10_007);
                }
                for n in (0..10_000u32).filter(|n| n % 11 != round) {
                    trees.insert(&mut root, n * stride % 10_007, n).unwrap();
                }
                (0..10_000u32).for_each(|n| trees.remove(&mut root, n * stride % 10_007));
                assert!(root == NONE && trees.nodes.is_empty());
            }
        }
    }
}
