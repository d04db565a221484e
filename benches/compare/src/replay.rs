//! A day replayed into a contender, and what that cost.
//!
//! All contenders hang behind the engine's own ingest, so that reading and parsing is the same code for all of them.

use crate::common::Cost;
use coretick::base::clock::Clock;
use coretick::base::instrument::Symbols;
use coretick::base::message::{Key, Market};
use coretick::base::stage::{Agent, Outlet, Sink};
use coretick::base::unit::{InstrumentId, Nanos, Price, Qty, Side};
use coretick::ingest::decode::Decoder;
use coretick::ingest::transport::file::{ItchFile, OpenError};
use coretick::ingest::{Day, DaySettings, Ingest, Source};
use coretick::topology::config::Config;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

/// Price and quantity of the best bid and the best ask; zeros for none.
pub(crate) type Top = [(Price, Qty); 2];

/// Something that keeps books.
pub(crate) trait Contender {
    /// Takes a message of the day.
    fn apply(&mut self, message: &Market);

    /// A message that will come soon.
    #[inline(always)]
    fn hint(&self, _message: &Market, _step: u8) {}

    /// Shows every living order to `see`: reference, side, price, quantity.
    fn orders(&self, see: &mut impl FnMut(u64, Side, Price, Qty));

    /// The best of both sides.
    fn top(&self, instrument: InstrumentId) -> Top;
}

/// Parsing only.
impl Contender for () {
    #[inline(always)]
    fn apply(&mut self, message: &Market) {
        black_box(message);
    }

    fn orders(&self, _see: &mut impl FnMut(u64, Side, Price, Qty)) {}

    fn top(&self, _instrument: InstrumentId) -> Top {
        Top::default()
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Frames read.
    pub(crate) messages: u64,
    /// From the first message to the last.
    pub(crate) cost: Cost,
    /// Orders alive at the end.
    pub(crate) live: u64,
    /// Of all living orders: who kept the same has the same.
    pub(crate) orders: u64,
    /// Of all best prices and what stands there.
    pub(crate) tops: u64,
}

/// How a day is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    /// The day.
    pub(crate) path: &'a Path,
    /// Stop after so many messages.
    pub(crate) messages: u64,
    /// Messages shown to the contender before they are due.
    pub(crate) look_ahead: usize,
}

impl Reading<'_> {
    /// Replays into `contender`.
    pub(crate) fn replay<C: Contender>(&self, contender: C) -> Result<(Outcome, C), OpenError> {
        let config = Config::default();
        let instruments = config.book.instruments_max;
        let settings = DaySettings {
            look_ahead: self.look_ahead,
            tick: Nanos(0),
            kill_at: Nanos::MAX,
            shards: 1,
            stamped: false,
            sample: 1,
        };
        let files = vec![ItchFile::open(self.path)?];
        let decoder = Decoder::new(Nanos(0), None, 1);
        let symbols = Symbols::new(instruments as usize);
        let day = Day::new(files, decoder, settings, Clock::calibrated(), symbols);
        let source = Metered { day, left: self.messages, began: None, cost: Cost::default() };
        let batch = config.ingest.batch as usize;
        let mut ingest = Ingest::new(source, Behind(contender), batch, Arc::default());
        while !ingest.done() {
            ingest.do_work();
        }
        let (source, Behind(contender)) = ingest.into_parts();
        let (mut live, mut orders, mut tops) = (0, 0_u64, 0_u64);
        contender.orders(&mut |reference, side, price, qty| {
            live += 1;
            orders = orders.wrapping_add(mixed(&[reference, side.0.into(), price.0 as u64, qty.0]));
        });
        for instrument in 0..instruments {
            let [bid, ask] = contender.top(InstrumentId(instrument));
            let words = [bid.0.0 as u64, bid.1.0, ask.0.0 as u64, ask.1.0, instrument.into()];
            tops = tops.wrapping_add(mixed(&words));
        }
        let messages = source.day.decoder().messages();
        Ok((Outcome { messages, cost: source.cost, live, orders, tops }, contender))
    }

    /// Touches every frame, and nothing else.
    pub(crate) fn floor(&self) -> Result<Outcome, OpenError> {
        let mut file = ItchFile::open(self.path)?;
        let (mut kinds, mut ends, mut messages) = (0_u64, 0, 0);
        let began = Cost::now();
        while messages < self.messages
            && let Some(frame) = file.next_frame()
        {
            if let (Some(kind), Some(end)) = (frame.first(), frame.last_chunk::<8>()) {
                kinds = kinds.wrapping_add(u64::from(*kind));
                ends ^= u64::from_le_bytes(*end);
            }
            messages += 1;
        }
        let cost = Cost::now().since(began);
        black_box((kinds, ends));
        Ok(Outcome { messages, cost, ..Outcome::default() })
    }
}

/// Words stirred into one.
fn mixed(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |state, word| {
        let state = (state ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^ (state >> 32)
    })
}

/// A day that notes what its thread spent between the first message and the last, and stops early if told to.
struct Metered {
    day: Day,
    left: u64,
    began: Option<Cost>,
    cost: Cost,
}

impl Source for Metered {
    #[inline(always)]
    fn next(&mut self) -> Key {
        let began = *self.began.get_or_insert_with(Cost::now);
        let key = if self.left > 0 { self.day.next() } else { Key::MAX };
        if key == Key::MAX {
            self.cost = Cost::now().since(began);
        }
        key
    }

    #[inline]
    fn take(&mut self) -> &Market {
        self.left -= 1;
        self.day.take()
    }

    #[inline(always)]
    fn hint(&self, sink: &impl Sink<Market>) {
        self.day.hint(sink);
    }
}

/// The end of the line.
struct Behind<C>(C);

impl<C> Outlet for Behind<C> {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn until(&mut self, _key: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl<C: Contender> Sink<Market> for Behind<C> {
    #[inline]
    fn put(&mut self, message: &Market) {
        self.0.apply(message);
    }

    #[inline]
    fn hint(&self, message: &Market, step: u8) {
        self.0.hint(message, step);
    }
}
