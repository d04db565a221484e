//! A copy of the portfolio, taken a bounded number of places at a time: whoever trades is never held up for long.
//!
//! What it promises: each row is whole, as the holding stood when its step copied it. The figures are those of the first
//! step. Rows of different steps may be of different moments; each says of which version of the portfolio it is
//! ([`Row::version`], the count of changes at its last change), and the snapshot of which version the figures are
//! ([`Snapshot::version`]). If no place that was looked at had changed since the first step,
//! [`Snapshot::is_of_one_moment`] is true: rows and figures then are the portfolio's at that version, even if what had
//! been copied changed afterwards. If not, take another, or take one in a single step.
#![forbid(unsafe_code)]

use super::{Figures, Holding, Portfolio};
use crate::base::pool::touched;
use crate::base::unit::{InstrumentId, Price};

/// One instrument's holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub instrument: InstrumentId,
    /// What is held.
    pub holding: Holding,
    /// What it is valued at.
    pub mark: Price,
    /// The portfolio's version at this holding's last change.
    pub version: u64,
}

/// A copy of what was traded so far, in a buffer that is allocated once.
pub struct Snapshot {
    rows: Vec<Row>,
    rows_max: usize,
    /// The next place to look at.
    cursor: usize,
    /// Version of the portfolio, and its figures, at the first step.
    began: Option<(u64, Figures)>,
    done: bool,
    /// Whether a place was met that had changed since the first step.
    newer: bool,
    left_out: u64,
}

impl Snapshot {
    /// An empty one, with room for so many rows, allocated and touched.
    pub fn new(rows_max: usize) -> Self {
        let fill = Row {
            instrument: InstrumentId::NONE,
            holding: Holding::default(),
            mark: Price(0),
            version: 0,
        };
        let mut rows = touched(rows_max, fill);
        rows.clear();
        Self { rows, rows_max, cursor: 0, began: None, done: false, newer: false, left_out: 0 }
    }

    /// Memory that one with room for so many rows takes.
    pub fn bytes(rows_max: usize) -> usize {
        rows_max * size_of::<Row>()
    }

    /// Forgets what was copied: the next step is the first again. Keeps the buffer.
    pub fn restart(&mut self) {
        self.rows.clear();
        (self.cursor, self.began, self.left_out) = (0, None, 0);
        (self.done, self.newer) = (false, false);
    }

    /// Looks at the next `max` instruments (one at least) and copies those that were ever traded. True once all were
    /// looked at; a step more changes nothing. Never allocates.
    pub fn step(&mut self, portfolio: &Portfolio, max: usize) -> bool {
        if self.done {
            return true;
        }
        let (began, _) = *self.began.get_or_insert((portfolio.version, portfolio.figures()));
        let end = self.cursor.saturating_add(max.max(1)).min(portfolio.rows.len());
        for (place, row) in (self.cursor..end).zip(&portfolio.rows[self.cursor.min(end)..end]) {
            self.newer |= row.version > began;
            if !row.holding.is_traded() {
                continue;
            }
            if self.rows.len() == self.rows_max {
                self.left_out += 1;
                continue;
            }
            self.rows.push(Row {
                instrument: InstrumentId(place as u32),
                holding: row.holding,
                mark: row.mark,
                version: row.version,
            });
        }
        self.cursor = end;
        self.done = end == portfolio.rows.len();
        self.done
    }

    /// What was copied so far, by instrument.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The portfolio's version at the first step; `None` before it.
    pub fn version(&self) -> Option<u64> {
        self.began.map(|(version, _)| version)
    }

    /// The account at the first step; `None` before it.
    pub fn figures(&self) -> Option<&Figures> {
        self.began.as_ref().map(|(_, figures)| figures)
    }

    /// Whether every instrument was looked at.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether rows and figures are complete and of one moment: that of [`Snapshot::version`].
    pub fn is_of_one_moment(&self) -> bool {
        self.done && !self.newer && self.left_out == 0
    }

    /// Holdings for which there was no room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::{Money, Qty, Side};
    use proptest::prelude::*;

    fn portfolio(instruments: u32) -> Portfolio {
        let mut portfolio = Portfolio::new(instruments as usize);
        (0..instruments).for_each(|instrument| buy(&mut portfolio, instrument));
        portfolio
    }

    fn buy(portfolio: &mut Portfolio, instrument: u32) {
        let (price, qty) = (Price(i64::from(instrument) + 1), Qty(10));
        assert!(portfolio.fill(InstrumentId(instrument), Side::BUY, price, qty, Money(1)));
    }

    fn places(snapshot: &Snapshot) -> Vec<u32> {
        snapshot.rows().iter().map(|row| row.instrument.0).collect()
    }

    #[test]
    fn steps_copy_at_most_what_they_may_and_end_with_all() {
        let portfolio = portfolio(1_000);
        let mut snapshot = Snapshot::new(1_000);
        assert_eq!((snapshot.version(), snapshot.figures()), (None, None));
        for step in 1..=15 {
            assert!(!snapshot.step(&portfolio, 64));
            assert_eq!((snapshot.rows().len(), snapshot.is_done()), (step * 64, false));
            assert!(!snapshot.is_of_one_moment(), "not yet");
        }
        assert!(snapshot.step(&portfolio, 64) && snapshot.step(&portfolio, 64));
        assert_eq!(places(&snapshot), (0..1_000).collect::<Vec<_>>());
        assert!(snapshot.is_done() && snapshot.is_of_one_moment());
        assert_eq!(snapshot.version(), Some(1_000), "a fill each");
        assert_eq!(snapshot.figures(), Some(&portfolio.figures()));
        for row in snapshot.rows() {
            assert_eq!(row.holding, portfolio.holding(row.instrument));
            assert_eq!(row.version, u64::from(row.instrument.0) + 1);
            assert_eq!(Some(row.mark), portfolio.mark_of(row.instrument));
        }
    }

    #[test]
    fn what_was_never_traded_has_no_row() {
        let mut portfolio = Portfolio::new(9);
        [2, 5, 8].iter().for_each(|instrument| buy(&mut portfolio, *instrument));
        portfolio.mark(InstrumentId(3), Price(7));
        let mut snapshot = Snapshot::new(3);
        // No places a step would never end: one at least.
        let steps = (1..).find(|_| snapshot.step(&portfolio, 0));
        assert_eq!((steps, places(&snapshot)), (Some(9), vec![2, 5, 8]));
        assert!(snapshot.is_of_one_moment());
    }

    #[test]
    fn a_change_to_what_is_still_to_come_is_told() {
        let mut portfolio = portfolio(4);
        let mut snapshot = Snapshot::new(4);
        snapshot.step(&portfolio, 2);
        buy(&mut portfolio, 3);
        assert!(snapshot.step(&portfolio, 2));
        assert!(!snapshot.is_of_one_moment());
        assert_eq!(snapshot.version(), Some(4));
        let newer = snapshot.rows().iter().filter(|row| Some(row.version) > snapshot.version());
        assert_eq!(newer.map(|row| row.instrument.0).collect::<Vec<_>>(), [3]);
        snapshot.restart();
        assert!(snapshot.rows().is_empty() && !snapshot.is_done());
        assert!(snapshot.step(&portfolio, 4) && snapshot.is_of_one_moment());
    }

    #[test]
    fn a_change_to_what_was_copied_leaves_the_moment_whole() {
        let mut portfolio = portfolio(4);
        let figures = portfolio.figures();
        let mut snapshot = Snapshot::new(4);
        snapshot.step(&portfolio, 2);
        buy(&mut portfolio, 1);
        assert!(snapshot.step(&portfolio, 2) && snapshot.is_of_one_moment());
        assert_eq!(snapshot.figures(), Some(&figures));
        let cost: i128 = snapshot.rows().iter().map(|row| row.holding.cost.0).sum();
        assert_eq!(cost, 10 * (1 + 2 + 3 + 4));
    }

    #[test]
    fn a_holding_that_a_void_fill_emptied_is_a_change_too() {
        let mut portfolio = portfolio(2);
        let mut snapshot = Snapshot::new(2);
        snapshot.step(&portfolio, 1);
        portfolio.void(InstrumentId(1), Side::BUY, Price(2), Qty(10), Money(1));
        assert!(snapshot.step(&portfolio, 1));
        assert_eq!((snapshot.rows().len(), snapshot.is_of_one_moment()), (1, false));
    }

    #[test]
    fn a_new_multiplier_is_a_change_too() {
        let mut portfolio = portfolio(2);
        let mut snapshot = Snapshot::new(2);
        snapshot.step(&portfolio, 1);
        portfolio.set_multiplier(InstrumentId(1), 5);
        assert!(snapshot.step(&portfolio, 1) && !snapshot.is_of_one_moment());
    }

    #[test]
    fn memory_is_that_of_the_rows() {
        assert_eq!(Snapshot::bytes(1_000), 1_000 * size_of::<Row>());
    }

    #[test]
    fn rows_without_room_are_counted() {
        let portfolio = portfolio(5);
        let mut snapshot = Snapshot::new(3);
        assert!(snapshot.step(&portfolio, 100));
        assert_eq!((places(&snapshot), snapshot.left_out()), (vec![0, 1, 2], 2));
        assert!(!snapshot.is_of_one_moment());
        snapshot.restart();
        assert_eq!(snapshot.left_out(), 0);
    }

    proptest! {
        #[test]
        fn rows_of_one_moment_add_up_to_its_figures(
            max in 1usize..5,
            changes in prop::collection::vec(prop::collection::vec((0u32..8, any::<bool>()), 0..3), 8),
        ) {
            let mut portfolio = portfolio(8);
            let mut snapshot = Snapshot::new(8);
            let mut changes = changes.into_iter();
            while !snapshot.step(&portfolio, max) {
                for (instrument, fill) in changes.next().unwrap_or_default() {
                    if fill {
                        buy(&mut portfolio, instrument);
                    } else {
                        portfolio.mark(InstrumentId(instrument), Price(77));
                    }
                }
            }
            let (mut cost, mut value, mut fees) = (0, 0, 0);
            for row in snapshot.rows() {
                cost += row.holding.cost.0;
                value += row.holding.value(row.mark).0;
                fees += row.holding.fees.0;
            }
            let began = snapshot.version().unwrap();
            let late = snapshot.rows().iter().any(|row| row.version > began);
            prop_assert_eq!(snapshot.is_of_one_moment(), !late);
            if !late {
                let figures = snapshot.figures().unwrap();
                prop_assert_eq!((Money(-cost - fees), Money(value), Money(fees)), (figures.cash, figures.net, figures.fees));
            }
        }
    }
}
