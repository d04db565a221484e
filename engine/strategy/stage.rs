//! The combined book stage: books, and the strategy that reads them, on one core.
#![forbid(unsafe_code)]

use super::flatten::Flatten;
use super::{Orders, Strategy};
use crate::base::message::{Flags, Header, Intent, Kind, Market, Message, Report};
use crate::base::plant::{Plant, planted};
use crate::base::stage::Sink;
use crate::base::unit::*;
use crate::book::{Books, Change, Host};
use crate::telemetry::Board;

/// What the stage puts into intents, and which instruments it trades.
#[derive(Clone, Debug)]
pub struct StageSettings {
    /// Which book shard it is.
    pub shard: ShardId,
    /// Days since the Unix epoch: part of order ids.
    pub day: u16,
    /// Orders are numbered from here on, plus one.
    pub first_order: u64,
    /// For whom.
    pub account: AccountId,
    /// An intent is refused as late when it is older than this.
    pub good_for: Nanos,
    /// Symbols that may be traded, as eight bytes; empty: all.
    pub symbols: Vec<u64>,
    /// Instruments.
    pub instruments: usize,
    /// One intent in so many has its way timed stage by stage; from 1.
    pub sample: u32,
    /// Where the prices of what is held are shown, if anybody looks.
    pub board: Option<Board>,
}

/// A book shard's books and strategy.
pub struct BookStage<S> {
    settings: StageSettings,
    books: Books,
    strategy: S,
    traded: Vec<bool>,
    flatten: Flatten,
    intents: u32,
    orders: u64,
}

impl<S: Strategy> BookStage<S> {
    /// A stage over empty books.
    pub fn new(settings: StageSettings, books: Books, strategy: S) -> Self {
        let traded = vec![false; settings.instruments];
        let (flatten, orders) = (Flatten::new(settings.instruments), settings.first_order);
        Self { settings, books, strategy, traded, flatten, intents: 0, orders }
    }

    fn trades(&self, instrument: InstrumentId) -> bool {
        self.traded.get(instrument.index()).copied().unwrap_or(false)
    }

    fn announce(&mut self, message: &Market) {
        let listed =
            self.settings.symbols.is_empty() || self.settings.symbols.contains(&message.reference);
        // `other` is 0 for a symbol that the instrument table lacks: a book, but no orders.
        if let Some(traded) = self.traded.get_mut(message.head.instrument.index()) {
            *traded = listed && message.other != 0;
        }
    }

    fn tell_state(&mut self, instrument: InstrumentId) {
        if instrument == InstrumentId::NONE {
            (0..self.books.instruments()).for_each(|at| self.tell_state(InstrumentId(at as u32)));
        } else if self.trades(instrument) {
            let (health, phase) = (self.books.health(instrument), self.books.phase(instrument));
            self.strategy.on_state(instrument, health, phase);
        }
    }

    fn writer<'a, O: Sink<Intent>>(
        &'a mut self,
        message: &'a Market,
        out: &'a mut O,
    ) -> (Writer<'a, O>, &'a mut S, &'a mut Flatten) {
        let Self { settings, books, strategy, flatten, intents, orders, .. } = self;
        let left = strategy.burst();
        let id = strategy.id();
        let writer = Writer { message, settings, books, intents, orders, out, id, left, sub: 0 };
        (writer, strategy, flatten)
    }

    /// Winding down: in the place of the strategy.
    #[cold]
    fn wind_down(&mut self, message: &Market, out: &mut impl Sink<Intent>) -> u32 {
        match message.head.kind {
            Kind::DIRECTORY => self.announce(message),
            Kind::KILL => {
                self.flatten.stop();
                self.writer(message, out).0.all(Kind::KILL);
                return 1;
            }
            Kind::QUIET => self.flatten.stop(),
            Kind::TICK => self.flatten.on_tick(),
            _ => {}
        }
        if !message.head.flags.has(Flags::LAST) || !self.flatten.wants() {
            return 0;
        }
        let (mut writer, _, flatten) = self.writer(message, out);
        flatten.decide(writer.books, &mut writer);
        writer.sub
    }
}

impl<S: Strategy> Host for BookStage<S> {
    fn burst(&self) -> usize {
        self.strategy.burst()
    }

    fn shard(&self) -> ShardId {
        self.settings.shard
    }

    fn books(&self) -> &Books {
        &self.books
    }

    #[inline]
    fn apply(&mut self, message: &Market, change: &mut Change) {
        self.books.apply_into(message, change);
    }

    #[inline]
    fn hint(&self, message: &Market, step: u8) {
        self.books.hint(message, step);
        if step == 0 {
            self.strategy.hint(message.head.instrument);
        }
    }

    #[inline]
    fn react(&mut self, message: &Market, change: &Change, out: &mut impl Sink<Intent>) -> u32 {
        if self.flatten.is_asked() {
            return self.wind_down(message, out);
        }
        match message.head.kind {
            Kind::DIRECTORY => self.announce(message),
            Kind::SESSION | Kind::TRADING | Kind::HALT => self.tell_state(message.head.instrument),
            Kind::GAP | Kind::WHOLE | Kind::CLEAR => self.tell_state(InstrumentId::NONE),
            Kind::TICK => self.strategy.on_tick(message.head.time),
            Kind::KILL => {
                self.flatten.stop();
                self.writer(message, out).0.all(Kind::KILL);
                return 1;
            }
            Kind::FLATTEN => {
                self.flatten.ask();
                self.writer(message, out).0.all(Kind::CANCEL_ALL);
                return 1;
            }
            Kind::QUIET => {
                self.flatten.ask();
                self.flatten.stop();
                return 0;
            }
            _ if self.trades(change.instrument) => {
                let live = self.books.health(change.instrument) == Health::LIVE;
                if live && change.applied {
                    if change.top
                        && let Some(board) = &self.settings.board
                    {
                        self.flatten.show(board, &self.books, change.instrument);
                    }
                    self.strategy.on_book(&self.books, change, message.head.time);
                } else if !live && change.top {
                    // A book that ran out of room says so here first.
                    self.tell_state(change.instrument);
                }
            }
            _ => {}
        }
        if !message.head.flags.has(Flags::LAST) || !self.strategy.wants() {
            return 0;
        }
        let (mut writer, strategy, _) = self.writer(message, out);
        strategy.decide(writer.books, &mut writer);
        writer.sub
    }

    fn on_report(&mut self, report: &Report) {
        self.flatten.on_report(report);
        self.strategy.on_report(report);
    }
}

/// Turns what a strategy wants into intents.
struct Writer<'a, O> {
    message: &'a Market,
    settings: &'a StageSettings,
    books: &'a Books,
    intents: &'a mut u32,
    orders: &'a mut u64,
    out: &'a mut O,
    id: StrategyId,
    left: usize,
    sub: u32,
}

impl<O: Sink<Intent>> Writer<'_, O> {
    fn name(&mut self) -> OrderId {
        *self.orders += 1;
        OrderId::new(self.settings.day, self.settings.shard, *self.orders)
    }

    /// Puts an intent: who, when, and which market was seen.
    #[inline(always)]
    fn put(&mut self, instrument: InstrumentId, kind: Kind, intent: Intent) {
        let message = self.message;
        let top = self.books.top(instrument);
        let head = Header { instrument, kind, flags: Flags::default(), ..message.head };
        let timed = self.intents.is_multiple_of(self.settings.sample);
        let shard = if planted(Plant::NoShardInKey) { ShardId(0) } else { self.settings.shard };
        self.out.put(&Intent {
            head,
            good_until: message.head.time.plus(self.settings.good_for),
            bid: top.bid,
            ask: top.ask,
            seen: message.head.time,
            number: *self.intents,
            sub: self.sub,
            account: self.settings.account,
            strategy: self.id,
            shard,
            stamp: message.stamp,
            handed: if timed { message.stamp } else { Stamp(0) },
            health: self.books.health(instrument),
            phase: self.books.phase(instrument),
            rank: message.key().rank(),
            ..intent
        });
        *self.intents = self.intents.wrapping_add(1);
        self.sub += 1;
        self.left = self.left.saturating_sub(1);
    }

    /// What is for all of the shard's orders: `KILL` or `CANCEL_ALL`.
    fn all(&mut self, kind: Kind) {
        self.id = StrategyId(0);
        self.put(InstrumentId::NONE, kind, Intent::default());
    }
}

impl<O: Sink<Intent>> Orders for Writer<'_, O> {
    fn room(&self) -> usize {
        self.left
    }

    fn new_order(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        tif: TimeInForce,
    ) -> Option<OrderId> {
        if self.left == 0 {
            return None;
        }
        let order = self.name();
        let order_type = OrderType::LIMIT;
        let intent = Intent { order, side, price, qty, tif, order_type, ..Intent::default() };
        self.put(instrument, Kind::NEW, intent);
        Some(order)
    }

    fn replace(
        &mut self,
        target: OrderId,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
    ) -> Option<OrderId> {
        if self.left == 0 {
            return None;
        }
        let (order, order_type) = (self.name(), OrderType::LIMIT);
        let tif = TimeInForce::DAY;
        let intent =
            Intent { order, target, side, price, qty, tif, order_type, ..Intent::default() };
        self.put(instrument, Kind::REPLACE_ORDER, intent);
        Some(order)
    }

    fn cancel(&mut self, target: OrderId, instrument: InstrumentId, side: Side) -> bool {
        if self.left == 0 {
            return false;
        }
        self.put(instrument, Kind::CANCEL_ORDER, Intent { target, side, ..Intent::default() });
        true
    }
}
