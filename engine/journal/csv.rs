//! `orders.csv` and `fills.csv`: records from risk's ring, formatted off the hot path.
//!
//! Rows come in the order in which risk applied them, which is the order of keys: the same on every placement.
//! `orders.csv` has one row an order, written when it ends (or at the end of the run, by order id, if it has not).
//! `time_ns` there is when it was decided; in `fills.csv` it is when risk heard of the fill, the way back from the venue
//! after it happened.
//! `cause` is the number of what led to the order: of a message in the feed, or, if a timer did, of the tick among ticks.
//! A fill that the venue took back has a row of its own, with a negative quantity.
//! `code` is why it was refused, or why the venue cancelled it, if it did of its own accord.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::instrument::Symbols;
use crate::base::message::{Key, Kind, Report};
use crate::base::ring::Consumer;
use crate::base::stage::Agent;
use crate::base::unit::{Money, OrderId};
use std::io::{self, Write};

/// The columns of `orders.csv`.
const ORDERS: &str =
    "time_ns,order_id,instrument,side,price,quantity,type,tif,strategy,cause,state,code";
/// The columns of `fills.csv`.
const FILLS: &str = "time_ns,order_id,instrument,side,price,quantity,liquidity,fee";

/// Is told each record that the log takes, in order, on the log's shard.
pub trait Observer: Send {
    /// This one.
    fn on(&mut self, record: &Report);
}

/// Writes records as rows.
pub struct CsvLog {
    records: Consumer<Report>,
    symbols: Symbols,
    orders: Box<dyn Write + Send>,
    fills: Box<dyn Write + Send>,
    rows: u64,
    observer: Option<Box<dyn Observer>>,
    error: Option<io::Error>,
    done: bool,
}

impl CsvLog {
    /// Writes the headers; a failure is kept for `finish`.
    pub fn new(
        records: Consumer<Report>,
        symbols: Symbols,
        mut orders: Box<dyn Write + Send>,
        mut fills: Box<dyn Write + Send>,
    ) -> Self {
        let headers = writeln!(orders, "{ORDERS}").and_then(|()| writeln!(fills, "{FILLS}"));
        let error = headers.err();
        Self { records, symbols, orders, fills, rows: 0, observer: None, error, done: false }
    }

    /// Tells each record to `observer` too, whatever becomes of the files.
    pub fn watched_by(mut self, observer: Box<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Writes the orders that are still open, and all that is buffered. Returns the number of order rows.
    pub fn finish(mut self, open: &[Report]) -> io::Result<u64> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        for record in open {
            self.write(record)?;
        }
        self.orders.flush()?;
        self.fills.flush()?;
        Ok(self.rows)
    }

    fn write(&mut self, record: &Report) -> io::Result<()> {
        let Report { head, order, side, price, qty, .. } = record;
        let symbol = field(self.symbols.name(head.instrument));
        if matches!(head.kind, Kind::FILLED | Kind::BROKEN) {
            let (liquidity, fee) = (record.liquidity, Money(i128::from(record.fee)));
            let sign = if head.kind == Kind::BROKEN { "-" } else { "" };
            return writeln!(
                self.fills,
                "{},{},{symbol},{side},{price},{sign}{},{liquidity},{fee}",
                head.time.0, order.0, qty.0
            );
        }
        if *order == OrderId::NONE {
            return Ok(());
        }
        self.rows += 1;
        let (order_type, tif, strategy) = (record.order_type, record.tif, record.strategy.0);
        let (state, code) = (record.state, Code(record.code).name());
        writeln!(
            self.orders,
            "{},{},{symbol},{side},{price},{},{order_type},{tif},{strategy},{},{state},{code}",
            head.time.0, order.0, qty.0, head.cause.0
        )
    }
}

/// Text as one field of a row: in quotes if it would else be several (RFC 4180). Symbols come from the feed.
pub(super) fn field(text: String) -> String {
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

impl Agent for CsvLog {
    fn do_work(&mut self) -> usize {
        let mut count = 0;
        while let Some(record) = self.records.peek().copied() {
            self.records.take();
            count += 1;
            if let Some(observer) = &mut self.observer {
                observer.on(&record);
            }
            if self.error.is_none() {
                // The run goes on without its files; it fails at the end.
                self.error = self.write(&record).err();
            }
        }
        self.done = self.records.bound() == Key::MAX;
        count
    }

    fn done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ring::{Producer, ring};
    use crate::base::stage::{Outlet, Sink};
    use crate::base::testing::{Paper, cents};
    use crate::base::unit::*;
    use std::sync::{Arc, Mutex};

    fn log(orders: &Paper, fills: &Paper) -> (CsvLog, Producer<Report>) {
        let (writer, reader) = ring::<Report>(8, 0, 1);
        let symbols = Symbols::new(4);
        symbols.announce(InstrumentId(1), u64::from_be_bytes(*b"BRK.A   "));
        (CsvLog::new(reader, symbols, Box::new(orders.clone()), Box::new(fills.clone())), writer)
    }

    fn record(kind: Kind, order: u64, instrument: u32) -> Report {
        let mut record = Report {
            order: OrderId(order),
            price: cents(10_050),
            qty: Qty(70),
            fee: -1_500_000,
            side: Side::SELL,
            order_type: OrderType::LIMIT,
            tif: TimeInForce::IOC,
            strategy: StrategyId(2),
            liquidity: Liquidity::ADDED,
            state: OrderState::REFUSED,
            code: Code::POSITION.0,
            ..Report::default()
        };
        record.head.time = Nanos(9);
        (record.head.kind, record.head.cause) = (kind, Seq(5));
        record.head.instrument = InstrumentId(instrument);
        record
    }

    #[test]
    fn an_order_is_one_row_and_a_fill_another_file_s() {
        let (orders, fills) = (Paper::with_room(9_999), Paper::with_room(9_999));
        let (mut log, mut writer) = log(&orders, &fills);
        writer.put(&record(Kind::CLOSED, 3, 1));
        writer.put(&record(Kind::FILLED, 4, 2));
        writer.put(&record(Kind::CLOSED, 0, 1));
        assert_eq!((log.do_work(), log.done()), (3, false), "more may come");
        writer.until(Key::MAX);
        writer.flush();
        assert_eq!((log.do_work(), log.done()), (0, true));
        let open = Report { state: OrderState::WORKING, code: 0, ..record(Kind::CLOSED, 8, 1) };
        assert_eq!(log.finish(&[open]).unwrap(), 2, "what has no name is no order");
        let rows = [
            "9,3,BRK.A,sell,100.5000,70,limit,ioc,2,5,refused,position",
            "9,8,BRK.A,sell,100.5000,70,limit,ioc,2,5,working,",
        ];
        assert_eq!(orders.rows(), rows);
        assert_eq!(fills.rows(), ["9,4,#2,sell,100.5000,70,added,-0.001500000"]);
        for (columns, row) in [(ORDERS, &orders.rows()[0]), (FILLS, &fills.rows()[0])] {
            assert_eq!(columns.split(',').count(), row.split(',').count());
        }
    }

    #[test]
    fn a_symbol_is_one_field_whatever_it_is() {
        let (orders, fills) = (Paper::with_room(9_999), Paper::with_room(9_999));
        let (mut log, mut writer) = log(&orders, &fills);
        log.symbols.announce(InstrumentId(2), u64::from_be_bytes(*b"A,B     "));
        log.symbols.announce(InstrumentId(3), u64::from_be_bytes(*b"\"\n,     "));
        writer.put(&record(Kind::CLOSED, 3, 2));
        writer.put(&record(Kind::FILLED, 4, 3));
        log.do_work();
        log.finish(&[]).unwrap();
        assert!(orders.rows()[0].starts_with("9,3,\"A,B\",sell,"), "{:?}", orders.rows());
        assert!(fills.rows()[0].starts_with("9,4,\"\\\"\"\\n,\",sell,"), "{:?}", fills.rows());
    }

    /// Keeps the kinds that it is told.
    struct Kinds(Arc<Mutex<Vec<Kind>>>);

    impl Observer for Kinds {
        fn on(&mut self, record: &Report) {
            self.0.lock().unwrap().push(record.head.kind);
        }
    }

    #[test]
    fn an_observer_is_told_all_in_order_whatever_becomes_of_the_files() {
        let (orders, fills) = (Paper::with_room(0), Paper::with_room(9_999));
        let (log, mut writer) = log(&orders, &fills);
        let told = Arc::default();
        let mut log = log.watched_by(Box::new(Kinds(Arc::clone(&told))));
        let kinds = [Kind::FILLED, Kind::BROKEN, Kind::CLOSED];
        kinds.iter().for_each(|kind| writer.put(&record(*kind, 3, 1)));
        log.do_work();
        assert_eq!(*told.lock().unwrap(), kinds);
    }

    #[test]
    fn a_void_fill_is_a_row_that_takes_it_back() {
        let (orders, fills) = (Paper::with_room(9_999), Paper::with_room(9_999));
        let (mut log, mut writer) = log(&orders, &fills);
        writer.put(&record(Kind::FILLED, 3, 1));
        writer.put(&record(Kind::BROKEN, 3, 1));
        log.do_work();
        assert_eq!(log.finish(&[]).unwrap(), 0);
        let rows = fills.rows();
        let quantity = |row: &String| row.split(',').nth(5).map(str::to_owned);
        assert_eq!((orders.rows().len(), rows.len()), (0, 2));
        assert_eq!(quantity(&rows[1]), quantity(&rows[0]).map(|filled| format!("-{filled}")));
    }

    #[test]
    fn a_full_disk_stops_no_run_and_is_told_at_the_end() {
        let (orders, fills) = (Paper::with_room(ORDERS.len() + 9), Paper::with_room(9_999));
        let (mut log, mut writer) = log(&orders, &fills);
        writer.put(&record(Kind::CLOSED, 3, 1));
        writer.put(&record(Kind::CLOSED, 4, 1));
        writer.until(Key::MAX);
        writer.flush();
        assert_eq!((log.do_work(), log.done()), (2, true), "it takes on what comes");
        let failed = log.finish(&[]).map_err(|error| error.kind());
        assert_eq!(failed, Err(io::ErrorKind::StorageFull));
    }
}
