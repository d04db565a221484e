//! `orders.csv` and `fills.csv`: records from risk's ring, formatted off the hot path.
//!
//! Rows come in the order in which risk applied them, which is the order of keys: the same on every placement.
//! `orders.csv` has one row an order, written when it ends (or at the end of the run, by order id, if it has not).
//! `time_ns` there is when it was decided.
//! `cause` is the feed sequence of the message that led to the order; `code` is why it was refused, if it was.
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

/// Writes records as rows.
pub struct CsvLog {
    records: Consumer<Report>,
    symbols: Symbols,
    orders: Box<dyn Write + Send>,
    fills: Box<dyn Write + Send>,
    rows: u64,
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
        Self { records, symbols, orders, fills, rows: 0, error: headers.err(), done: false }
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
        let symbol = self.symbols.name(head.instrument);
        if head.kind == Kind::FILLED {
            let (liquidity, fee) = (record.liquidity, Money(i128::from(record.fee)));
            return writeln!(
                self.fills,
                "{},{},{symbol},{side},{price},{},{liquidity},{fee}",
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

impl Agent for CsvLog {
    fn do_work(&mut self) -> usize {
        let mut count = 0;
        while let Some(record) = self.records.peek().copied() {
            self.records.take();
            count += 1;
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
