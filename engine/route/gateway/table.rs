//! Where a reference stands, and what each word of the exchange does to it: the whole table, no pair left out.
//!
//! ```text
//!               Earlier       Unused        Lost          Ended         Sent          Replacing     Open
//! Accepted      Adopt         Adopt       u Adopt         -           r Open          -           i -           r
//! Dead          -             -           u -             -           r Die           -           i -           i
//! Replaced      Adopt         Adopt       u Adopt         -           r -           i Succeed       -           r
//! ReplacedDead  Bury          Bury        u Bury          -           r -           i Succeed,Die   -           i
//! Executed      -           u -           u -           i -           i Fill        i Fill        i Fill
//! ExecutedAll   -           u -           u -           i -           i FillAll     i FillAll     i FillAll
//! ExecutedOver  -           u -           u -           i -           i FillAll     i FillAll     i FillAll     i
//! Canceled      -           u -           u -           i -           r Reduce      i Reduce      i Reduce
//! CanceledAll   -           u -           u -           i -           r Cancel      i Cancel      i Cancel
//! CanceledOver  -           u -           u -           i -           r Cancel      i Cancel      i Cancel      i
//! Broken        Break         Break         Break         Break         Break         Break         Break
//! Rejected      -             -           u -             -           r Reject        Reject        -           i
//! CancelPends   -           u -           u -           i -             -           i -           i Pend
//! CancelRefused -           u -           u -           i -             -           i -           i Refuse
//! Grown         -           u -           u -           i -           i -           i -           i -           i
//! Told          -           u -           u -           i -           i -           i -           i -
//! Corrected     -           u -           u -           i -           i -           i -           i -           i
//! ```
//!
//! `u` unknown, `r` repeated, `i` impossible: counted, the first of each kept. What is impossible and yet moves shares is
//! done all the same: the exchange has the last word on what traded. A break is looked up by its match, whatever stands
//! of the order; it is unknown if the match is.
//!
//! `Corrected` comes no more: venues took it out of use. It tells a price for shares of which no position changes, so it is
//! counted, and not applied.
//!
//! `Earlier` is a reference in the history of a program before this one, `Unused` one that nobody can have sent, `Lost` one
//! whose order was given up when the connection broke. What the exchange has of them after all is adopted: no one
//! answers for it here, so it is cancelled.

/// Where a reference stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Not ours: the exchange tells what was before this program.
    Earlier,
    /// Above all that was sent.
    Unused,
    /// Sent on a connection that broke, and given up.
    Lost,
    /// Its order has ended, or it never was one's.
    Ended,
    /// A new order, not confirmed.
    #[default]
    Sent,
    /// A replacement, not confirmed.
    Replacing,
    /// Confirmed, open.
    Open,
}

/// What the exchange said of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The order is open.
    Accepted,
    /// The order was accepted and cancelled at once.
    Dead,
    /// The order stands in another's place.
    Replaced,
    /// The order took another's place and was cancelled at once.
    ReplacedDead,
    /// Some of it traded, some is open.
    Executed,
    /// All that was open traded.
    ExecutedAll,
    /// More traded than was open.
    ExecutedOver,
    /// Some of it is open no longer, some is.
    Canceled,
    /// All that was open is so no longer.
    CanceledAll,
    /// More was taken away than was open.
    CanceledOver,
    /// A trade is void.
    Broken,
    /// The order was refused.
    Rejected,
    /// The cancel stands and waits.
    CancelPends,
    /// The cancel was refused; the order stands.
    CancelRefused,
    /// More is open than was.
    Grown,
    /// Something of no consequence: its priority, how it is shown.
    Told,
    /// A trade's price was corrected.
    Corrected,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// An order that nobody here answers for is open: it is kept, and cancelled. What it replaced has ended.
    Adopt,
    /// As `Adopt`, but it is dead already.
    Bury,
    /// The order is open.
    Open,
    /// It was open and has ended.
    Die,
    /// It is open, and its target has ended.
    Succeed,
    /// As `Succeed`, and it has ended too.
    SucceedAndDie,
    /// Shares traded.
    Fill,
    /// Shares traded, the last of it.
    FillAll,
    /// Shares were taken away.
    Reduce,
    /// The last shares were taken away.
    Cancel,
    /// A trade is void.
    Break,
    /// It never came to be.
    Reject,
    /// Its cancel waits at the exchange.
    Pend,
    /// Its cancel has failed.
    Refuse,
}

/// What is odd about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// Of something that is not known here.
    Unknown,
    /// It was said before.
    Repeated,
    /// The exchange cannot mean it.
    Impossible,
    /// It is no message.
    Unreadable,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Earlier,
        Self::Unused,
        Self::Lost,
        Self::Ended,
        Self::Sent,
        Self::Replacing,
        Self::Open,
    ];

    /// The table.
    pub const fn on(self, word: Word) -> (Act, Option<Odd>) {
        use Odd::{Impossible, Repeated, Unknown};
        use Standing::{Earlier, Ended, Lost, Open, Replacing, Sent, Unused};
        let unsent = matches!(self, Unused);
        let stray = match self {
            Earlier | Unused => Some(Unknown),
            Lost | Ended | Sent | Replacing => Some(Impossible),
            Open => None,
        };
        match (word, self) {
            (Word::Accepted | Word::Replaced, Earlier | Unused | Lost) => {
                (Act::Adopt, if unsent { Some(Unknown) } else { None })
            }
            (Word::Accepted | Word::Replaced, Open) => (Act::Nothing, Some(Repeated)),
            (Word::Accepted, Sent) => (Act::Open, None),
            (Word::Dead, Sent) => (Act::Die, None),
            (Word::Replaced, Replacing) => (Act::Succeed, None),
            (Word::ReplacedDead, Replacing) => (Act::SucceedAndDie, None),
            (Word::ReplacedDead, Earlier | Unused | Lost) => {
                (Act::Bury, if unsent { Some(Unknown) } else { None })
            }
            (Word::Dead, Earlier | Unused | Lost) => {
                (Act::Nothing, if unsent { Some(Unknown) } else { None })
            }
            (Word::Accepted | Word::Dead | Word::Replaced | Word::ReplacedDead, Ended) => {
                (Act::Nothing, Some(Repeated))
            }
            (Word::Accepted | Word::Dead | Word::Replaced | Word::ReplacedDead, _) => {
                (Act::Nothing, Some(Impossible))
            }
            (Word::Executed, Sent | Replacing | Open) => (Act::Fill, stray),
            (Word::ExecutedAll, Sent | Replacing | Open) => (Act::FillAll, stray),
            (Word::ExecutedOver, Sent | Replacing | Open) => (Act::FillAll, Some(Impossible)),
            (Word::Canceled, Sent | Replacing | Open) => (Act::Reduce, stray),
            (Word::CanceledAll, Sent | Replacing | Open) => (Act::Cancel, stray),
            (Word::CanceledOver, Sent | Replacing | Open) => (Act::Cancel, Some(Impossible)),
            (Word::Canceled | Word::CanceledAll | Word::CanceledOver, Ended) => {
                (Act::Nothing, Some(Repeated))
            }
            (Word::Broken, _) => (Act::Break, None),
            (Word::Rejected, Sent | Replacing) => (Act::Reject, None),
            (Word::Rejected, Earlier | Lost) => (Act::Nothing, None),
            (Word::Rejected, Unused) => (Act::Nothing, Some(Unknown)),
            (Word::Rejected, Ended) => (Act::Nothing, Some(Repeated)),
            (Word::Rejected, Open) => (Act::Nothing, Some(Impossible)),
            // A cancel that crossed with the order's end.
            (Word::CancelPends | Word::CancelRefused, Ended) => (Act::Nothing, None),
            (Word::CancelPends, Open) => (Act::Pend, None),
            (Word::CancelRefused, Open) => (Act::Refuse, None),
            (Word::Grown | Word::Corrected, Open) => (Act::Nothing, Some(Impossible)),
            (_, _) => (Act::Nothing, stray),
        }
    }
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Accepted,
        Self::Dead,
        Self::Replaced,
        Self::ReplacedDead,
        Self::Executed,
        Self::ExecutedAll,
        Self::ExecutedOver,
        Self::Canceled,
        Self::CanceledAll,
        Self::CanceledOver,
        Self::Broken,
        Self::Rejected,
        Self::CancelPends,
        Self::CancelRefused,
        Self::Grown,
        Self::Told,
        Self::Corrected,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table at the head of this file: it is read from there.
    fn documented() -> Vec<(String, Vec<(String, char)>)> {
        let text = include_str!("table.rs");
        let lines = text.lines().skip_while(|line| *line != "//! ```text").skip(2);
        let rows = lines.take_while(|line| *line != "//! ```").map(|line| {
            let line = format!("{line:<120}");
            // 14 letters a column: what is done, and the last but one is what is odd.
            let cell = |at: usize| {
                let cell = &line[18 + 14 * at..32 + 14 * at];
                (cell[..12].trim().to_owned(), cell.as_bytes()[12] as char)
            };
            (line[4..18].trim().to_owned(), (0..7).map(cell).collect())
        });
        rows.collect()
    }

    #[test]
    fn every_pair_of_standing_and_word_is_as_the_table_says() {
        let rows = documented();
        assert_eq!(rows.len(), Word::ALL.len());
        for (word, (name, cells)) in Word::ALL.into_iter().zip(rows) {
            assert_eq!(format!("{word:?}"), name);
            for (standing, (act, odd)) in Standing::ALL.into_iter().zip(cells) {
                let (found, found_odd) = standing.on(word);
                let found = match found {
                    Act::Nothing => "-".to_owned(),
                    Act::SucceedAndDie => "Succeed,Die".to_owned(),
                    other => format!("{other:?}"),
                };
                let letter = match found_odd {
                    None => ' ',
                    Some(Odd::Unknown) => 'u',
                    Some(Odd::Repeated) => 'r',
                    Some(Odd::Impossible) => 'i',
                    Some(Odd::Unreadable) => '?',
                };
                assert_eq!((found, letter), (act, odd), "{standing:?} on {word:?}");
            }
        }
    }
}
