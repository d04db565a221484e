//! Looking ahead: the memory that a command will touch, asked for before its turn comes.
//!
//! Each step may read only what the step before has asked for, and asks for what lies behind it.

use super::Matching;
use super::command::{Command, CrossSession, Enter};
use super::levels::{LadderId, Levels, rank};
use super::orders::OrderPool;
use super::tree::{NONE, Trees};
use crate::base::prefetch::prefetch;
use crate::exchange::unit::{Participant, Reference};

impl Matching {
    /// A command that comes soon: step 0 first, say twelve commands before its turn, step 1 some commands later, then step 2.
    /// Changes nothing but time.
    #[inline]
    pub fn hint(&self, command: &Command, step: u8) {
        match *command {
            Command::Enter(ref enter) if self.knows(enter.locate) => self.hint_enter(enter, step),
            Command::Replace(ref replace) => self.hint_order(replace.order, step),
            Command::Reduce { order, .. } => self.hint_order(order, step),
            _ => {}
        }
    }

    fn hint_enter(&self, enter: &Enter, step: u8) {
        let id = LadderId::new(enter.locate, CrossSession::Continuous, enter.side);
        match (step, enter.terms.limit) {
            (0, _) => {
                self.levels.hint_ladder(id);
                self.orders.hint_owner(enter.participant);
            }
            (1, _) => {
                self.levels.hint_best(id);
                self.levels.hint_best(LadderId::new(
                    enter.locate,
                    CrossSession::Continuous,
                    enter.side.opposite(),
                ));
            }
            (_, Some(limit)) => {
                if let Some(level) = self.levels.find(id, rank(enter.side, limit)) {
                    prefetch(&self.levels[level]);
                }
            }
            _ => {}
        }
    }

    fn hint_order(&self, order: Reference, step: u8) {
        if step == 0 {
            return self.orders.hint(order);
        }
        let Some(slot) = self.orders.find(order) else { return };
        let order = &self.orders[slot];
        if step == 1 {
            return prefetch(order);
        }
        prefetch(&self.levels[order.level]);
        self.orders.hint_neighbours(order);
    }
}

impl Levels {
    fn hint_ladder(&self, id: LadderId) {
        prefetch(self.ladder(id));
    }

    fn hint_best(&self, id: LadderId) {
        let ladder = self.ladder(id);
        if ladder.best != NONE {
            prefetch(&self[ladder.best]);
            self.trees.hint(ladder.root);
        }
    }
}

impl Trees {
    fn hint(&self, root: u32) {
        if let Some((keys, links)) = self.lines(root) {
            prefetch(keys);
            prefetch(links);
        }
    }
}

impl OrderPool {
    fn hint(&self, order: Reference) {
        self.slots.hint(order.0);
    }

    fn hint_owner(&self, participant: Participant) {
        self.handles.hint(u64::from(participant.0));
    }
}
