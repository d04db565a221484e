//! Where other limits wait for the gate to take them.
#![forbid(unsafe_code)]

use super::limits::LimitSet;
use std::sync::{Arc, Mutex};

/// The way of limits to the gate, and back: whoever offers them frees those that were in force before.
#[derive(Clone, Debug, Default)]
pub struct LimitsInbox(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    offered: Option<Arc<LimitSet>>,
    /// Out of force; dropped by whoever offers next.
    back: Option<Arc<LimitSet>>,
}

impl LimitsInbox {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers limits: the command that names their version puts them in force. They take the place of what was offered before.
    pub fn offer(&self, set: Arc<LimitSet>) {
        // Nobody panics while holding it.
        if let Ok(mut waiting) = self.0.lock() {
            waiting.offered = Some(set);
            waiting.back = None;
        }
    }

    /// The limits of this version, if they were offered. For the gate: it never waits.
    pub(super) fn take(&self, version: u32) -> Option<Arc<LimitSet>> {
        let mut waiting = self.0.try_lock().ok()?;
        if waiting.offered.as_ref()?.version == version { waiting.offered.take() } else { None }
    }

    /// Hands back what is no longer in force.
    pub(super) fn give_back(&self, set: Arc<LimitSet>) {
        if let Ok(mut waiting) = self.0.try_lock() {
            waiting.back = Some(set);
        }
    }
}
