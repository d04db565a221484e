//! The book stage of a live engine: nothing stands beside it, for the venue is at the other end of a gateway.
#![forbid(unsafe_code)]

use crate::base::message::{Flags, Intent, Market, Report};
use crate::base::stage::{Burst, Sink, Stage};
use crate::base::unit::Nanos;
use crate::book::{Change, Host};

/// Books and strategy, which see the market as it comes.
///
/// It counts the intents that are not answered yet: the run is not over before they are.
pub struct Live<B> {
    host: B,
    unanswered: u64,
}

impl<B: Host> Live<B> {
    /// The stage around `host`.
    pub fn new(host: B) -> Self {
        Self { host, unanswered: 0 }
    }

    /// Books and strategy, when the run has ended.
    pub fn into_host(self) -> B {
        self.host
    }
}

impl<B: Host> Stage for Live<B> {
    type In = Market;
    type Out = Intent;

    fn burst(&self) -> Burst {
        Burst { forward: self.host.burst(), back: 1, report: 1 }
    }

    #[inline]
    fn on(&mut self, message: &Market, out: &mut impl Sink<Intent>, _back: &mut impl Sink<Report>) {
        let mut change = Change::default();
        self.host.apply(message, &mut change);
        self.unanswered += u64::from(self.host.react(message, &change, out));
    }

    fn on_report(&mut self, report: &Report, _back: &mut impl Sink<Report>) {
        self.host.on_report(report);
    }

    #[inline]
    fn hint(&self, message: &Market, step: u8) {
        self.host.hint(message, step);
    }

    fn arrived(&mut self, report: &Report) {
        if report.head.flags.has(Flags::ANSWER) {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
    }

    #[inline]
    fn waits_for(&self) -> Nanos {
        if self.unanswered > 0 { Nanos(0) } else { Nanos::MAX }
    }
}
