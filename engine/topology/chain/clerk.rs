//! The log's agent: records become rows, lines become text.
#![forbid(unsafe_code)]

use crate::base::stage::Agent;
use crate::journal::CsvLog;
use crate::telemetry::EventLog;

/// Who keeps the files of a run.
pub struct Clerk {
    records: CsvLog,
    events: EventLog,
}

impl Clerk {
    /// One who keeps both.
    pub fn new(records: CsvLog, events: EventLog) -> Self {
        Self { records, events }
    }

    /// Both, still to be finished.
    pub fn into_parts(self) -> (CsvLog, EventLog) {
        (self.records, self.events)
    }
}

impl Agent for Clerk {
    fn do_work(&mut self) -> usize {
        // Records first: lines are made of some.
        self.records.do_work() + self.events.do_work()
    }

    fn done(&self) -> bool {
        self.records.done() && self.events.done()
    }
}
