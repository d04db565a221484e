//! What risk's records say that belongs into the log of events as well: who may trade no more, what is nearly used up, which
//! order came too late. The gate writes nothing for it: the records pass here in any case.
#![forbid(unsafe_code)]

use super::csv::Observer;
use super::latches::level_of;
use crate::base::code::Code;
use crate::base::log::{Event, Log};
use crate::base::message::{Kind, Report};
use crate::base::unit::{Level, OrderState};

/// The log's observer that notes such records, and tells another one.
pub struct Retold {
    log: Log,
    next: Option<Box<dyn Observer>>,
}

impl Retold {
    /// Notes into `log`; `next` is told each record after that.
    pub fn new(log: Log, next: Option<Box<dyn Observer>>) -> Self {
        Self { log, next }
    }

    fn note(&mut self, record: &Report) {
        let Report { head, limit, value, .. } = *record;
        let (time, instrument, code) = (head.time, head.instrument, Code(record.code));
        let level = match head.kind {
            Kind::ALERT => level_of(record.code),
            _ => Level(u8::try_from(limit).unwrap_or(u8::MAX)),
        };
        let id = match level {
            Level::ACCOUNT => u64::from(record.account.0),
            Level::STRATEGY => u64::from(record.strategy.0),
            _ => u64::from(instrument.0),
        };
        let (level, number, value) = (u64::from(level.0), u64::from(record.code), value as u64);
        let (event, arguments) = match head.kind {
            Kind::CLOSED if code == Code::ROUTE_LATE && record.state == OrderState::REFUSED => {
                (Event::OrderLate, [record.order.0, 0, 0, 0])
            }
            // A breaker that opens changes no state.
            Kind::LATCHED if (Code::BREAKER..Code(Code::BREAKER.0 + 10)).contains(&code) => {
                (Event::Breaker, [level, id, value, number])
            }
            Kind::LATCHED => (Event::Latched, [level, id, value, number]),
            Kind::FLAT => (Event::Flat, [level, id, value, number]),
            Kind::ALERT => (Event::Alert, [level, id, value, number]),
            Kind::LIMITS => (Event::Limits, [value, 0, 0, 0]),
            _ => return,
        };
        self.log.note_of(instrument, time, event, arguments);
    }
}

impl Observer for Retold {
    fn on(&mut self, record: &Report) {
        self.note(record);
        if let Some(next) = &mut self.next {
            next.on(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::log::Severity;
    use crate::base::unit::{AccountId, InstrumentId, Nanos, OrderId, StrategyId};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Count(Arc<AtomicU64>);

    impl Observer for Count {
        fn on(&mut self, _: &Report) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn record(kind: Kind, code: Code, limit: i64, value: i64) -> Report {
        let mut record = Report {
            code: code.0,
            limit,
            value,
            account: AccountId(4),
            strategy: StrategyId(2),
            order: OrderId(9),
            state: OrderState::REFUSED,
            ..Report::default()
        };
        (record.head.kind, record.head.time) = (kind, Nanos(5));
        record.head.instrument = InstrumentId(7);
        record
    }

    #[test]
    fn what_a_person_should_hear_of_is_noted_and_every_record_passed_on() {
        let (log, mut reader) = Log::ring(16, 0, Severity::Debug);
        let told = Arc::default();
        let mut retold = Retold::new(log, Some(Box::new(Count(Arc::clone(&told)))));
        let [strategy, account, instrument] =
            [Level::STRATEGY, Level::ACCOUNT, Level::INSTRUMENT].map(|level| i64::from(level.0));
        let records = [
            record(Kind::LATCHED, Code::KILLED_STRATEGY, strategy, 2),
            record(Kind::LATCHED, Code::BREAKER, instrument, 0),
            record(Kind::FLAT, Code::KILLED, account, 1_500),
            record(Kind::ALERT, Code::NET_STRATEGY, 0, 75),
            record(Kind::LIMITS, Code::NONE, 0, 3),
            record(Kind::CLOSED, Code::ROUTE_LATE, 0, 0),
            record(Kind::CLOSED, Code::POSITION, 0, 0),
            record(Kind::FILLED, Code::NONE, 0, 0),
        ];
        records.iter().for_each(|record| retold.on(record));
        let lines: Vec<_> = std::iter::from_fn(|| reader.pop()).collect();
        let noted: Vec<_> =
            lines.iter().map(|line| (Event::of(line.event).unwrap(), line.arguments)).collect();
        let (strategy, account, instrument) = (strategy as u64, account as u64, instrument as u64);
        let codes = [Code::KILLED_STRATEGY, Code::BREAKER, Code::KILLED, Code::NET_STRATEGY];
        let [killed, breaker, flat, net] = codes.map(|code| u64::from(code.0));
        let wanted = [
            (Event::Latched, [strategy, 2, 2, killed, 0, 0]),
            (Event::Breaker, [instrument, 7, 0, breaker, 0, 0]),
            (Event::Flat, [account, 4, 1_500, flat, 0, 0]),
            (Event::Alert, [strategy, 2, 75, net, 0, 0]),
            (Event::Limits, [3, 0, 0, 0, 0, 0]),
            (Event::OrderLate, [9, 0, 0, 0, 0, 0]),
        ];
        assert_eq!(noted, wanted, "a refusal by risk is the audit's");
        assert!(lines.iter().all(|line| line.instrument == InstrumentId(7)));
        assert_eq!(told.load(Ordering::Relaxed), records.len() as u64);
    }
}
