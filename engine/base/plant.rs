//! Planted mistakes: what the placement test must find. They exist only in test builds; elsewhere `planted` is a constant.
#![forbid(unsafe_code)]

/// A mistake in the rules of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A merge takes whatever is there.
    MergeByArrival,
    /// A book shard goes on without the answers that are due.
    NoWaitForAnswers,
    /// A book shard goes on without the venue events that are due.
    NoWaitForEvents,
    /// Intents of two shards from the same cause have the same key.
    NoShardInKey,
    /// A promise says only time and rank.
    CoarsePromise,
    /// What holds messages until they are due takes no more than so many: those that are due wait behind.
    CappedPool,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Plant>> = const { std::cell::Cell::new(None) };
}

/// Plants a mistake in this thread, or takes it out.
#[cfg(test)]
pub(crate) fn plant(mistake: Option<Plant>) {
    PLANTED.set(mistake);
}

/// Whether the mistake is planted.
#[inline]
pub(crate) fn planted(_mistake: Plant) -> bool {
    #[cfg(test)]
    return PLANTED.get() == Some(_mistake);
    #[cfg(not(test))]
    false
}
