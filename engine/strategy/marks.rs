//! What risk is told of the market, and what it has cancelled.
//!
//! At each tick risk hears that the shard is there, and what each instrument is worth in which there is a position: so a loss
//! is seen without an order. The answer may say that a scope's orders are to be cancelled, because it lost too much or its
//! orders were rejected too often: then the shard asks for it.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::message::{Kind, Report};
use crate::base::unit::*;

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
    /// Instruments in which there is, or was, a position.
    held: Vec<InstrumentId>,
    listed: Vec<bool>,
    /// Those from here on have not been told since the last tick.
    cursor: usize,
    /// Whether risk is to be asked what is to be cancelled.
    asks: bool,
    pull: Option<Scope>,
}

/// What is next.
pub(super) enum Next {
    Ask,
    Mark(InstrumentId),
}

impl Marks {
    pub(super) fn new(instruments: usize) -> Self {
        let (held, listed) = (Vec::with_capacity(instruments), vec![false; instruments]);
        Self { held, listed, cursor: 0, asks: false, pull: None }
    }

    pub(super) fn on_tick(&mut self) {
        (self.cursor, self.asks) = (0, true);
    }

    /// What became of an intent; what is held of the market.
    pub(super) fn on_report(&mut self, report: &Report) {
        let instrument = report.head.instrument;
        match report.head.kind {
            Kind::FILLED | Kind::BROKEN => {
                if let Some(listed) = self.listed.get_mut(instrument.index())
                    && !std::mem::replace(listed, true)
                {
                    // Its price is known: that of the fill. It is told from the next tick on.
                    self.cursor += usize::from(self.cursor == self.held.len());
                    self.held.push(instrument);
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
        self.asks || self.cursor < self.held.len()
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
        while let Some(instrument) = self.held.get(self.cursor).copied() {
            if holds(instrument) {
                self.cursor += 1;
                return Some(Next::Mark(instrument));
            }
            self.held.swap_remove(self.cursor);
            self.listed[instrument.index()] = false;
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
