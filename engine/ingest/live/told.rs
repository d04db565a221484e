//! What the log was told of a feed: whatever differs at the next look is news. A look is a handful of comparisons, made when
//! the feed sees to what is due; gaps, snapshots and drops are counted where they happen.
#![forbid(unsafe_code)]

use super::receiver::Receiver;
use super::{FeedCounts, FeedState, Gap, Gaps};
use crate::base::log::{Event, Log};
use crate::base::unit::Nanos;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    state: FeedState,
    /// Gaps, and whether the last one was told to be closed.
    gaps: u64,
    closed: bool,
    counted: [u64; EVENTS.len()],
}

/// What is told when its count rises.
const EVENTS: [Event; 6] = [
    Event::GapGivenUp,
    Event::Snapshot,
    Event::SnapshotFailed,
    Event::LateJoin,
    Event::KernelDrops,
    Event::NotTaken,
];

/// Their counts.
fn watched(counts: &FeedCounts) -> [u64; EVENTS.len()] {
    let FeedCounts { given_up, snapshots, snapshot_failures, late_joins, .. } = *counts;
    let drops = counts.kernel_drops.iter().sum();
    [given_up, snapshots, snapshot_failures, late_joins, drops, counts.dropped()]
}

impl Told {
    /// Tells what is new, at `now`.
    pub(super) fn tell(&mut self, receiver: &Receiver, now: Nanos, log: &mut Log) {
        self.tell_of(receiver.state(), receiver.gaps(), receiver.counts(), now, log);
    }

    fn tell_of(
        &mut self,
        state: FeedState,
        gaps: &Gaps,
        counts: &FeedCounts,
        now: Nanos,
        log: &mut Log,
    ) {
        if let Some(Gap { from, to, due, next }) = gaps.last() {
            if gaps.count() > self.gaps {
                (self.gaps, self.closed) = (gaps.count(), false);
                log.note(from, Event::GapOpened, [due, self.gaps]);
            }
            if let (Some(to), false) = (to, self.closed) {
                self.closed = true;
                log.note(to, Event::GapHealed, [due, next, to.since(from).0]);
            }
        }
        let counted = watched(counts);
        for (at, event) in EVENTS.into_iter().enumerate() {
            if counted[at] > self.counted[at] {
                let more = if event == Event::Snapshot { counts.lost } else { 0 };
                log.note(now, event, [counted[at], more]);
            }
        }
        self.counted = counted;
        // What is between live and gapped, gaps tell.
        let joined = |state| matches!(state, FeedState::Live | FeedState::Gapped);
        if state != self.state && !(joined(state) && joined(self.state)) {
            log.note(now, Event::FeedState, [self.state as u64, state as u64, counts.messages]);
        }
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::log::Severity;
    use crate::ingest::live::{Origin, Reason};

    #[test]
    fn what_differs_is_told_once() {
        let (mut log, mut reader) = Log::ring(64, 0, Severity::Debug);
        let (mut told, mut gaps) = (Told::default(), Gaps::new());
        let mut counts = FeedCounts::default();
        let mut look = |state, gaps: &Gaps, counts: &FeedCounts, at| {
            told.tell_of(state, gaps, counts, Nanos(at), &mut log);
            let mut news = Vec::new();
            while let Some(line) = reader.pop() {
                let [first, second, third, ..] = line.arguments;
                news.push((line.time.0, Event::of(line.event).unwrap(), [first, second, third]));
            }
            news
        };
        assert_eq!(look(FeedState::Joining, &gaps, &counts, 1), []);
        counts.messages = 9;
        let live = look(FeedState::Live, &gaps, &counts, 2);
        assert_eq!(live, [(2, Event::FeedState, [0, 1, 9])]);
        assert_eq!(look(FeedState::Live, &gaps, &counts, 3), []);
        gaps.open(Nanos(4), 10);
        let news = look(FeedState::Gapped, &gaps, &counts, 5);
        assert_eq!(news, [(4, Event::GapOpened, [10, 1, 0])]);
        gaps.close(Nanos(8), 12);
        // Opened and closed between two looks.
        gaps.open(Nanos(9), 14);
        gaps.close(Nanos(11), 15);
        let news = look(FeedState::Gapped, &gaps, &counts, 12);
        assert_eq!(news, [(9, Event::GapOpened, [14, 2, 0]), (11, Event::GapHealed, [14, 15, 2])]);
        (counts.given_up, counts.snapshots) = (1, 1);
        (counts.lost, counts.snapshot_failures, counts.late_joins) = (3, 2, 1);
        counts.kernel_drops = [4, 5];
        counts.drop(Reason::NotMold, Origin::A, Nanos(1), &[]);
        let news = look(FeedState::Gapped, &gaps, &counts, 20);
        let wanted = [
            (20, Event::GapGivenUp, [1, 0, 0]),
            (20, Event::Snapshot, [1, 3, 0]),
            (20, Event::SnapshotFailed, [2, 0, 0]),
            (20, Event::LateJoin, [1, 0, 0]),
            (20, Event::KernelDrops, [9, 0, 0]),
            (20, Event::NotTaken, [1, 0, 0]),
        ];
        assert_eq!(news, wanted);
        assert_eq!(look(FeedState::Live, &gaps, &counts, 21), []);
        let ended = look(FeedState::Ended, &gaps, &counts, 22);
        assert_eq!(ended, [(22, Event::FeedState, [1, 3, 9])]);
    }
}
