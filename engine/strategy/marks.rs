//! What risk is told of the market, and what it has cancelled.
//!
//! At each tick risk hears that the shard is there, and what each instrument is worth in which there is a position and whose
//! market moved since it was last told: so a loss is seen without an order. A market of one side is told at each tick, moved or
//! not: of the other side risk knows only what it was told, and believes it no longer than its limits say.
//!
//! The answer may say that a scope's orders are to be cancelled, because it lost too much or its orders were rejected too often:
//! then the shard asks for it. This goes on while positions are traded down, and to the end.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::message::{Kind, Report};
use crate::base::unit::*;
use std::collections::VecDeque;

/// A scope, as commands name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) level: Level,
    pub(super) account: AccountId,
    pub(super) strategy: StrategyId,
    pub(super) instrument: InstrumentId,
}

/// What is still to be told.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    /// By instrument.
    known: Vec<Known>,
    /// Those that moved, each once.
    moved: VecDeque<InstrumentId>,
    /// So many of them, the first, are to be told since the last tick; the others from the next one on.
    due: usize,
    /// Whether risk is to be asked what is to be cancelled.
    asks: bool,
    pull: Option<Scope>,
}

/// An instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Whether there is, or was, a position.
    held: bool,
    /// Whether it is among those that moved.
    moved: bool,
}

/// What is next.
pub(super) enum Next {
    Ask,
    Mark(InstrumentId),
}

impl Marks {
    pub(super) fn new(instruments: usize) -> Self {
        let known = vec![Known::default(); instruments];
        let moved = VecDeque::with_capacity(instruments);
        Self { known, moved, due: 0, asks: false, pull: None }
    }

    pub(super) fn on_tick(&mut self) {
        (self.due, self.asks) = (self.moved.len(), true);
    }

    /// The market of an instrument moved, or of all of them.
    #[inline]
    pub(super) fn on_market(&mut self, instrument: InstrumentId) {
        if instrument == InstrumentId::NONE {
            (0..self.known.len() as u32).for_each(|at| self.moves(InstrumentId(at)));
        } else {
            self.moves(instrument);
        }
    }

    #[inline]
    fn moves(&mut self, instrument: InstrumentId) {
        if let Some(known) = self.known.get_mut(instrument.index())
            && known.held
            && !std::mem::replace(&mut known.moved, true)
        {
            self.moved.push_back(instrument);
        }
    }

    /// What was just told is to be told at the next tick too.
    #[inline]
    pub(super) fn again(&mut self, instrument: InstrumentId) {
        self.moves(instrument);
    }

    /// What became of an intent; what is held of the market.
    pub(super) fn on_report(&mut self, report: &Report) {
        let instrument = report.head.instrument;
        match report.head.kind {
            Kind::FILLED | Kind::BROKEN => {
                if let Some(known) = self.known.get_mut(instrument.index()) {
                    known.held = true;
                    // Its price is known: that of the fill. It is told from the next tick on.
                    self.moves(instrument);
                }
            }
            // The order's scope may be shut for more than this order.
            Kind::REFUSED => self.asks |= is_of_state(Code(report.code)),
            Kind::MARKED if report.code != 0 => {
                let (account, strategy) = (report.account, report.strategy);
                let level = Level(report.limit as u8);
                self.pull = Some(Scope { level, account, strategy, instrument });
            }
            _ => {}
        }
    }

    pub(super) fn wants(&self) -> bool {
        self.asks || self.due > 0
    }

    /// The scope whose orders are to be cancelled; there may be others after it.
    #[inline]
    pub(super) fn take_pull(&mut self) -> Option<Scope> {
        let pull = self.pull.take()?;
        self.asks = true;
        Some(pull)
    }

    /// What is to be told next; `holds` says whether there still is a position.
    pub(super) fn next(&mut self, holds: impl Fn(InstrumentId) -> bool) -> Option<Next> {
        if std::mem::take(&mut self.asks) {
            return Some(Next::Ask);
        }
        while let Some(due) = self.due.checked_sub(1) {
            self.due = due;
            let instrument = self.moved.pop_front()?;
            // Only those that are known are among them.
            let known = self.known.get_mut(instrument.index())?;
            *known = Known { held: holds(instrument), moved: false };
            if known.held {
                return Some(Next::Mark(instrument));
            }
        }
        None
    }
}

/// Whether a refusal says more of the scope than of the order.
fn is_of_state(code: Code) -> bool {
    let number = code.0;
    [Code::KILLED, Code::REDUCE_ONLY, Code::LOSS, Code::BREAKER]
        .iter()
        .any(|first| (first.0..first.0 + 4).contains(&number))
}
