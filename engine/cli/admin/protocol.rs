//! What is asked and answered, one line of JSON each.

use super::scope::ScopeName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest question, in bytes: a limits file is in it.
pub(super) const REQUEST_MAX: usize = 1 << 20;

/// What a scope is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StateWord {
    /// Nothing but cancels.
    Kill,
    /// Reduce positions.
    ReduceOnly,
    /// Trade.
    Resume,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// How the gate stands.
    Risk,
    /// Move the latch of a scope.
    Latch {
        /// To what.
        state: StateWord,
        /// Of which.
        scope: ScopeName,
        /// Who asks.
        who: String,
        /// Why.
        why: String,
    },
    /// The limits in force, and the proposals that wait.
    Limits,
    /// Other limits.
    Propose {
        /// What the file is called.
        name: String,
        /// What is in it.
        text: String,
        /// Who asks.
        who: String,
    },
    /// Put a proposal in force.
    Confirm {
        /// Which.
        number: u32,
        /// Who asks.
        who: String,
    },
}

impl Request {
    /// Whether it stops something.
    pub(super) fn stops(&self) -> bool {
        matches!(self, Self::Latch { state: StateWord::Kill | StateWord::ReduceOnly, .. })
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Whether it was done.
    pub(crate) done: bool,
    /// What there is to say, a line each: if it was not done, why, and the fix.
    pub(crate) said: Vec<String>,
    /// The same for programs.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) data: Value,
}

impl Answer {
    pub(super) fn done(said: Vec<String>) -> Self {
        Self { done: true, said, data: Value::Null }
    }

    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self { done: false, said: vec![why.into()], data: Value::Null }
    }
}
