//! When the feed was not whole: between `GAP` and `WHOLE`, in the engine's time.
//!
//! What must hold: no order is decided in between. Orders and gaps both leave with the time of the message that led to
//! them, so whoever has the files of a run can see whether it held.
#![forbid(unsafe_code)]

use crate::base::unit::Nanos;
use std::fmt::Write;

/// Gaps that are kept; more are counted.
const KEPT: usize = 1 << 14;

/// A time in which something was missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When `GAP` was said.
    pub from: Nanos,
    /// When `WHOLE` was; none while it is open.
    pub to: Option<Nanos>,
    /// The sequence that was due.
    pub due: u64,
    /// And the one with which it went on.
    pub next: u64,
}

/// All of them, in order.
#[derive(Debug)]
pub struct Gaps {
    kept: Vec<Gap>,
    unkept: u64,
    /// The one that is open is kept.
    open: bool,
    last: Option<Gap>,
}

impl Gaps {
    pub(super) fn new() -> Self {
        Self { kept: Vec::with_capacity(KEPT), unkept: 0, open: false, last: None }
    }

    /// Those that were kept: the first ones.
    pub fn kept(&self) -> &[Gap] {
        &self.kept
    }

    /// How many there were beyond these.
    pub fn unkept(&self) -> u64 {
        self.unkept
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.kept.len() as u64 + self.unkept
    }

    /// The last of them, kept or not.
    pub fn last(&self) -> Option<Gap> {
        self.last
    }

    #[cold]
    pub(super) fn open(&mut self, from: Nanos, due: u64) {
        self.last = Some(Gap { from, to: None, due, next: due });
        self.open = self.kept.len() < KEPT;
        if self.open {
            self.kept.push(Gap { from, to: None, due, next: due });
        } else {
            self.unkept += 1;
        }
    }

    #[cold]
    pub(super) fn close(&mut self, to: Nanos, next: u64) {
        self.last = self.last.map(|gap| Gap { to: Some(to), next, ..gap });
        if let (true, Some(gap)) = (self.open, self.kept.last_mut()) {
            (gap.to, gap.next) = (Some(to), next);
        }
        self.open = false;
    }

    /// As CSV: `from_ns,to_ns,due,next`; `to_ns` is empty for one that is open.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("from_ns,to_ns,due,next\n");
        for Gap { from, to, due, next } in &self.kept {
            let to = to.map_or(String::new(), |to| to.0.to_string());
            // Text takes all that is written to it.
            let _ = writeln!(text, "{},{to},{due},{next}", from.0);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_in_order_and_the_open_one_has_no_end() {
        let mut gaps = Gaps::new();
        gaps.open(Nanos(10), 5);
        gaps.close(Nanos(12), 7);
        gaps.open(Nanos(20), 9);
        assert_eq!(gaps.to_csv(), "from_ns,to_ns,due,next\n10,12,5,7\n20,,9,9\n");
    }

    #[test]
    fn beyond_the_room_they_are_counted_and_the_last_one_kept_stays_as_it_was() {
        let mut gaps = Gaps::new();
        for n in 0..KEPT as u64 + 2 {
            gaps.open(Nanos(2 * n), n);
            gaps.close(Nanos(2 * n + 1), n + 1);
        }
        let last = KEPT as u64 - 1;
        let (from, to) = (Nanos(2 * last), Some(Nanos(2 * last + 1)));
        assert_eq!(gaps.kept().last(), Some(&Gap { from, to, due: last, next: last + 1 }));
        assert_eq!((gaps.kept().len(), gaps.unkept(), gaps.count()), (KEPT, 2, KEPT as u64 + 2));
        assert_eq!(gaps.last().map(|gap| gap.due), Some(KEPT as u64 + 1));
    }
}
