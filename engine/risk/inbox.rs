//! Limits on their way to a running gate: offered by a cold thread, taken by the gate when it is told to.
//!
//! The inbox keeps what the gate holds too, so that a set the gate lets go of is freed here, by whoever offers the next one,
//! never on the gate's shard. Nothing that the gate calls waits.
#![forbid(unsafe_code)]

use super::limits::LimitSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Where limits wait. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct LimitsInbox(Arc<Mutex<Vec<Arc<LimitSet>>>>);

impl LimitsInbox {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps `set` for the gate, under its version. Offer the gate's first set too: who lets go of a set here frees it.
    pub fn offer(&self, set: Arc<LimitSet>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Older ones that nobody holds will never be asked for; newer ones may still wait.
        kept.retain(|it| Arc::strong_count(it) > 1 && it.version != set.version);
        kept.push(set);
    }

    /// Takes the set of this version back, so that nobody gets it any more. `false` if somebody has it.
    pub fn withdraw(&self, version: u32) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|it| Arc::strong_count(it) > 1 || it.version != version);
        kept.iter().all(|it| it.version != version)
    }

    /// The set of this version; `None` if it is not here, or the inbox is in use: whoever told of it tells again.
    #[cold]
    pub fn take(&self, version: u32) -> Option<Arc<LimitSet>> {
        let kept = self.0.try_lock().ok()?;
        kept.iter().find(|set| set.version == version).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::{AccountId, StrategyId};

    fn set(version: u32) -> Arc<LimitSet> {
        Arc::new(LimitSet { version, ..LimitSet::open(AccountId(1), StrategyId(1)) })
    }

    #[test]
    fn a_set_is_taken_by_its_version_and_none_else() {
        let (inbox, other) = (LimitsInbox::new(), set(3));
        inbox.clone().offer(Arc::clone(&other));
        assert!(inbox.take(2).is_none());
        assert!(Arc::ptr_eq(&inbox.take(3).unwrap(), &other));
        let held = inbox.0.lock().unwrap();
        assert!(inbox.take(3).is_none(), "nobody waits");
        drop(held);
    }

    #[test]
    fn a_set_that_is_taken_back_is_nobody_s_and_one_that_was_taken_stays() {
        let inbox = LimitsInbox::new();
        inbox.offer(set(1));
        inbox.offer(set(2));
        let taken = inbox.take(1);
        assert!(taken.is_none(), "the next offer frees what nobody holds");
        let taken = inbox.take(2).unwrap();
        assert!(!inbox.withdraw(2) && inbox.take(2).is_some());
        inbox.offer(set(3));
        assert!(inbox.withdraw(3) && inbox.take(3).is_none());
        drop(taken);
    }

    #[test]
    fn what_the_gate_lets_go_of_is_freed_by_the_next_offer() {
        let inbox = LimitsInbox::new();
        inbox.offer(set(1));
        let gate = inbox.take(1).unwrap();
        inbox.offer(set(2));
        let (old, new) = (Arc::downgrade(&gate), inbox.take(2).unwrap());
        drop(gate);
        assert!(old.upgrade().is_some(), "not on the gate's shard");
        inbox.offer(set(3));
        assert!(old.upgrade().is_none());
        assert!(inbox.take(2).is_some() && inbox.take(3).is_some());
        drop(new);
    }
}
