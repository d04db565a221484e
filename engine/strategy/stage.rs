//! The combined book stage: books, and the strategy that reads them, on one core.
#![forbid(unsafe_code)]

use super::flatten::Flatten;
use super::marks::{Marks, Next, Scope};
use super::{Orders, Strategy};
use crate::base::log::{Event, Log};
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
    /// Instruments under the price test of short sales.
    tested: Vec<bool>,
    flatten: Flatten,
    marks: Marks,
    intents: u32,
    orders: u64,
    log: Log,
}

impl<S: Strategy> BookStage<S> {
    /// A stage over empty books.
    pub fn new(settings: StageSettings, books: Books, strategy: S) -> Self {
        let traded = vec![false; settings.instruments];
        let (tested, marks) = (traded.clone(), Marks::new(settings.instruments));
        let (flatten, orders) = (Flatten::new(settings.instruments), settings.first_order);
        let log = Log::silent();
        Self { settings, books, strategy, traded, tested, flatten, marks, intents: 0, orders, log }
    }

    /// This stage, which tells `log` what happens.
    pub fn telling(self, log: Log) -> Self {
        Self { log, ..self }
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

    /// All books can be vouched for, or none.
    #[cold]
    fn doubt(&mut self, message: &Market) {
        let event = match message.head.kind {
            Kind::GAP => Event::BooksStale,
            Kind::WHOLE => Event::BooksLive,
            _ => Event::BooksCleared,
        };
        self.log.note(message.head.time, event, []);
        self.tell_state(InstrumentId::NONE);
    }

    fn writer<'a, O: Sink<Intent>>(
        &'a mut self,
        message: &'a Market,
        out: &'a mut O,
    ) -> (Writer<'a, O>, &'a mut S, &'a mut Flatten) {
        let Self { settings, books, strategy, flatten, intents, orders, tested, .. } = self;
        let left = strategy.burst();
        let (account, id) = (settings.account, strategy.id());
        let writer = Writer {
            message,
            settings,
            books,
            tested,
            intents,
            orders,
            out,
            account,
            id,
            left,
            sub: 0,
        };
        (writer, strategy, flatten)
    }

    /// Winding down: in the place of the strategy.
    #[cold]
    fn wind_down(&mut self, message: &Market, out: &mut impl Sink<Intent>) -> u32 {
        match message.head.kind {
            Kind::DIRECTORY => self.announce(message),
            Kind::KILL | Kind::REDUCE_ONLY | Kind::RESUME | Kind::LIMITS => {
                return self.command(message, out);
            }
            Kind::SHORT_SALE => self.test_sales(message),
            Kind::QUIET => self.flatten.end(),
            Kind::TICK => {
                self.flatten.on_tick();
                self.marks.on_tick();
            }
            _ => {}
        }
        if !message.head.flags.has(Flags::LAST) {
            return 0;
        }
        let told = match self.tell_risk(message, self.flatten.wants(), out) {
            Told::All(count) => return count,
            Told::Some(count) => count,
        };
        let (mut writer, _, flatten) = self.writer(message, out);
        writer.sub = told;
        flatten.decide(writer.books, &mut writer);
        writer.sub
    }

    /// Passes on what risk wants cancelled, or tells it of the market; of that no more than one if others are to follow.
    #[inline]
    fn tell_risk(&mut self, message: &Market, others: bool, out: &mut impl Sink<Intent>) -> Told {
        if let Some(scope) = self.marks.take_pull() {
            // Risk says more of it than of any order, so it stands alone.
            self.writer(message, out).0.scoped(Kind::CANCEL_ALL, scope, Qty::ZERO);
            return Told::All(1);
        }
        let told = if self.marks.wants() {
            self.mark(message, if others { 1 } else { self.burst() }, out)
        } else {
            0
        };
        if others { Told::Some(told) } else { Told::All(told) }
    }

    /// Whether short sales of an instrument are under the price test.
    fn test_sales(&mut self, message: &Market) {
        if let Some(tested) = self.tested.get_mut(message.head.instrument.index()) {
            // What is not known to be off is on.
            *tested = message.code != b'0';
        }
    }

    /// Passes a command on to risk.
    #[cold]
    fn command(&mut self, message: &Market, out: &mut impl Sink<Intent>) -> u32 {
        let level = Level(message.code);
        match message.head.kind {
            Kind::KILL if level == Level::FIRM => self.flatten.stop(),
            Kind::RESUME if level == Level::FIRM => self.flatten.resume(),
            _ => {}
        }
        let (id, instrument) = (message.reference, message.head.instrument);
        let account = if level == Level::ACCOUNT { id as u32 } else { self.settings.account.0 };
        let strategy = StrategyId(if level == Level::STRATEGY { id as u16 } else { 0 });
        let account = AccountId(account);
        let qty = Qty(if message.head.kind == Kind::LIMITS { id } else { 0 });
        let scope = Scope { level, account, strategy, instrument };
        self.writer(message, out).0.scoped(message.head.kind, scope, qty);
        1
    }

    /// Tells risk of the market, in so many intents at most. Returns how many.
    #[cold]
    fn mark(&mut self, message: &Market, most: usize, out: &mut impl Sink<Intent>) -> u32 {
        let mut count = 0;
        while (count as usize) < most {
            let flatten = &self.flatten;
            let next = self.marks.next(|instrument| flatten.position(instrument) != 0);
            let Some(next) = next else { break };
            count += 1;
            let (mut writer, ..) = self.writer(message, out);
            writer.sub = count - 1;
            match next {
                Next::Ask => writer.put(InstrumentId::NONE, Kind::MARK, Intent::default()),
                Next::Mark(instrument) => {
                    writer.put(instrument, Kind::MARK, Intent::default());
                    let top = self.books.top(instrument);
                    if (top.bid.0 > 0) != (top.ask.0 > 0) {
                        self.marks.again(instrument);
                    }
                }
            }
        }
        count
    }
}

impl<S: Strategy> Host for BookStage<S> {
    fn burst(&self) -> usize {
        self.strategy.burst() + 1
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
        if change.top {
            self.marks.on_market(change.instrument);
        }
        if self.flatten.is_asked() {
            return self.wind_down(message, out);
        }
        match message.head.kind {
            Kind::DIRECTORY => self.announce(message),
            Kind::SESSION | Kind::TRADING | Kind::HALT => self.tell_state(message.head.instrument),
            Kind::GAP | Kind::WHOLE | Kind::CLEAR => self.doubt(message),
            Kind::TICK => {
                self.strategy.on_tick(message.head.time);
                self.marks.on_tick();
            }
            Kind::SHORT_SALE => self.test_sales(message),
            Kind::KILL | Kind::REDUCE_ONLY | Kind::RESUME | Kind::LIMITS => {
                return self.command(message, out);
            }
            Kind::FLATTEN => {
                self.flatten.ask();
                self.writer(message, out).0.all(Kind::CANCEL_ALL);
                return 1;
            }
            Kind::QUIET => {
                self.flatten.ask();
                self.flatten.end();
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
                    if change.exhausted {
                        let Header { instrument, time, .. } = message.head;
                        self.log.note_of(instrument, time, Event::BookStale, []);
                    }
                    self.tell_state(change.instrument);
                }
            }
            _ => {}
        }
        if !message.head.flags.has(Flags::LAST) {
            return 0;
        }
        let told = match self.tell_risk(message, self.strategy.wants(), out) {
            Told::All(count) => return count,
            Told::Some(count) => count,
        };
        let (mut writer, strategy, _) = self.writer(message, out);
        writer.sub = told;
        strategy.decide(writer.books, &mut writer);
        writer.sub
    }

    fn on_report(&mut self, report: &Report) {
        self.marks.on_report(report);
        if report.head.kind == Kind::MARKED {
            return;
        }
        self.flatten.on_report(report);
        self.strategy.on_report(report);
    }
}

/// How many intents risk was told in.
enum Told {
    /// Nothing else is to follow.
    All(u32),
    /// What is decided follows.
    Some(u32),
}

/// Turns what a strategy wants into intents.
struct Writer<'a, O> {
    message: &'a Market,
    settings: &'a StageSettings,
    books: &'a Books,
    tested: &'a [bool],
    intents: &'a mut u32,
    orders: &'a mut u64,
    out: &'a mut O,
    account: AccountId,
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
        let tested = self.tested.get(instrument.index()).copied().unwrap_or(false);
        let flags = if tested { Flags::SHORT_TEST } else { Flags::default() };
        let head = Header { instrument, kind, flags, ..message.head };
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
            account: self.account,
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

    /// What is for all of the shard's orders: `CANCEL_ALL`.
    fn all(&mut self, kind: Kind) {
        self.id = StrategyId(0);
        self.put(InstrumentId::NONE, kind, Intent::default());
    }

    /// What is for a scope.
    fn scoped(&mut self, kind: Kind, scope: Scope, qty: Qty) {
        (self.account, self.id) = (scope.account, scope.strategy);
        self.put(scope.instrument, kind, Intent { level: scope.level, qty, ..Intent::default() });
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
