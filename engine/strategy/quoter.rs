//! Two-sided quoter: one bid and one offer at the touch of each instrument that it trades, moved when the touch has moved
//! by a step, withdrawn on the side that would add to a position at its limit.
//!
//! After a turn an instrument rests for the cooldown, whatever its touch and its reports do; what they ask for is
//! remembered, and done at the first book event or tick after. Only a change of phase or health is acted on at once.
//!
//! A quote that may not be moved is not left where it is: if the gate refuses a replace for what neither time nor another
//! price mends (a part-filled offer of what was owned may be a short sale by now, which no replace can say), the quote is
//! cancelled, and quoted anew.
#![forbid(unsafe_code)]

use super::{Orders, Strategy};
use crate::base::code::Code;
use crate::base::message::{Kind, Report};
use crate::base::name;
use crate::base::unit::*;
use crate::book::{Books, Change};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The configuration's `[strategy.quoter]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoterSettings {
    /// Lots of a quote.
    pub qty: Qty,
    /// Lots long or short at most.
    pub position_max: Qty,
    /// It quotes only while best ask less best bid is at least this.
    pub spread_min: Price,
    /// A quote is moved when it is at least this far from the touch.
    pub requote_step: Price,
    /// Engine time between two turns in an instrument.
    pub cooldown: Nanos,
}

/// One side's quote.
#[derive(Clone, Copy, Default)]
struct Quote {
    /// Open at the venue, or on its way there; `NONE` if there is none.
    order: OrderId,
    price: Price,
    /// Not yet answered by the venue: leave it alone.
    pending: bool,
    /// The order that a pending replace takes the place of.
    before: OrderId,
    /// It can be moved no more: to be cancelled, and quoted anew.
    pull: bool,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    quotes: [Quote; 2],
    position: i64,
    last: Nanos,
    /// It is among those `wanted`.
    wanted: bool,
    /// It is among those `resting`.
    resting: bool,
    quotable: bool,
}

/// Intents of one `decide`: both sides of four instruments.
const BURST: usize = super::BURST_MAX;

/// The strategy.
pub struct Quoter {
    settings: QuoterSettings,
    seen: Vec<Seen>,
    /// Instruments that wait for `decide`, each once.
    wanted: VecDeque<InstrumentId>,
    /// Instruments that will be wanted when their cooldown ends, by that time; each once.
    resting: BinaryHeap<Rest>,
    now: Nanos,
}

/// The end of an instrument's cooldown, the earliest first.
type Rest = Reverse<(Nanos, InstrumentId)>;

impl Quoter {
    /// What it is called in intents and files.
    pub const ID: StrategyId = name::QUOTER;
    /// Memory an instrument, in bytes.
    pub const INSTRUMENT_BYTES: usize =
        size_of::<Seen>() + size_of::<InstrumentId>() + size_of::<Rest>();

    /// A quoter over so many instruments.
    pub fn new(settings: QuoterSettings, instruments: usize) -> Self {
        let seen = vec![Seen { quotable: true, ..Seen::default() }; instruments];
        let wanted = VecDeque::with_capacity(instruments);
        let resting = BinaryHeap::with_capacity(instruments);
        Self { settings, seen, wanted, resting, now: Nanos(0) }
    }

    fn want(&mut self, instrument: InstrumentId) {
        if let Some(seen) = self.seen.get_mut(instrument.index())
            && !seen.wanted
        {
            seen.wanted = true;
            self.wanted.push_back(instrument);
        }
    }

    /// As `want`, but not before the cooldown ends.
    fn want_rested(&mut self, instrument: InstrumentId, time: Nanos) {
        let Some(seen) = self.seen.get_mut(instrument.index()) else { return };
        // `last` is 0 until the first turn.
        let due = if seen.last.0 == 0 { time } else { seen.last.plus(self.settings.cooldown) };
        if due <= time {
            self.want(instrument);
        } else if !seen.resting {
            seen.resting = true;
            self.resting.push(Reverse((due, instrument)));
        }
    }

    /// Time passed: wants those whose cooldown has ended.
    #[inline]
    fn wake(&mut self, time: Nanos) {
        self.now = time;
        while let Some(&Reverse((due, instrument))) = self.resting.peek()
            && due <= time
        {
            self.resting.pop();
            self.seen[instrument.index()].resting = false;
            // A change of phase may have made it turn since: then it rests anew.
            self.want_rested(instrument, time);
        }
    }

    /// The price to quote; `None` to be out of the market on that side.
    fn target(
        &self,
        side: Side,
        seen: &Seen,
        books: &Books,
        instrument: InstrumentId,
    ) -> Option<Price> {
        let top = books.top(instrument);
        let two_sided = top.bid_qty > Qty::ZERO && top.ask_qty > Qty::ZERO;
        let wide = top.ask.0.saturating_sub(top.bid.0) >= self.settings.spread_min.0;
        let signed = if side.is_buy() { seen.position } else { -seen.position };
        let room = i128::from(signed) + i128::from(self.settings.qty.0)
            <= i128::from(self.settings.position_max.0);
        let open = seen.quotable && books.phase(instrument) == Phase::OPEN;
        (two_sided && wide && room && open).then_some(if side.is_buy() { top.bid } else { top.ask })
    }

    fn turn(
        &mut self,
        side: Side,
        instrument: InstrumentId,
        books: &Books,
        orders: &mut impl Orders,
    ) {
        let seen = self.seen[instrument.index()];
        let mut quote = seen.quotes[place(side)];
        if quote.pending {
            return;
        }
        let target = self.target(side, &seen, books, instrument).filter(|_| !quote.pull);
        let qty = self.settings.qty;
        match (target, quote.order) {
            (Some(price), OrderId::NONE) => {
                let sent = orders.new_order(instrument, side, price, qty, TimeInForce::DAY);
                let Some(order) = sent else { return };
                quote = Quote { order, price, pending: true, ..Quote::default() };
            }
            (Some(price), order) => {
                let away = (price.0 - quote.price.0).abs();
                if away < self.settings.requote_step.0 {
                    return;
                }
                let sent = orders.replace(order, instrument, side, price, qty);
                let Some(new) = sent else { return };
                quote = Quote { order: new, price, pending: true, before: order, pull: false };
            }
            (None, OrderId::NONE) => return,
            (None, order) => {
                if !orders.cancel(order, instrument, side) {
                    return;
                }
                quote.pending = true;
            }
        }
        self.seen[instrument.index()].quotes[place(side)] = quote;
        self.seen[instrument.index()].last = self.now;
    }
}

/// Whether a replace that was refused for this may pass at another time or at another price: all that route and the venue say,
/// and of the gate what looks at the market, at the pace or at the price.
fn passes(code: Code) -> bool {
    match code {
        Code::NONE | Code::SHORT_PRICE => true,
        // Hundreds are the control's number.
        Code(number) => matches!(number / 100, 3 | 10 | 11 | 16 | 17 | 19 | 21 | 23 | 30..),
    }
}

fn place(side: Side) -> usize {
    usize::from(!side.is_buy())
}

impl Strategy for Quoter {
    fn id(&self) -> StrategyId {
        Self::ID
    }

    fn burst(&self) -> usize {
        BURST
    }

    #[inline]
    fn on_book(&mut self, books: &Books, change: &Change, time: Nanos) {
        self.wake(time);
        if !change.top {
            return;
        }
        let Some(seen) = self.seen.get(change.instrument.index()) else { return };
        let top = books.top(change.instrument);
        let step = self.settings.requote_step.0;
        let [bid, ask] = seen.quotes;
        let stands = |quote: Quote, touch: Price| {
            quote.order != OrderId::NONE && (touch.0 - quote.price.0).abs() < step
        };
        if seen.wanted || (stands(bid, top.bid) && stands(ask, top.ask)) {
            return;
        }
        self.want_rested(change.instrument, time);
    }

    fn on_report(&mut self, report: &Report) {
        self.now = self.now.max(report.head.time);
        let Some(seen) = self.seen.get_mut(report.head.instrument.index()) else { return };
        seen.position = seen.position.saturating_add(report.moves());
        if report.side != Side::BUY && report.side != Side::SELL {
            return;
        }
        let quote = &mut seen.quotes[place(report.side)];
        let (ours, before) = (report.order == quote.order, report.order == quote.before);
        let cancel = report.order == OrderId::NONE && report.target == quote.order;
        match report.head.kind {
            Kind::ACCEPTED | Kind::REPLACED if ours => {
                (quote.pending, quote.before) = (false, OrderId::NONE);
            }
            // The order is dead: what it was to replace stands, if it still does.
            Kind::REFUSED | Kind::REJECTED | Kind::TOO_LATE if ours => {
                let stands = quote.before;
                let refused = report.head.kind == Kind::REFUSED && !passes(Code(report.code));
                let pull = refused && stands != OrderId::NONE;
                *quote = Quote { order: stands, pull, ..Quote::default() };
                // Asked again at once it would be refused again: the next move of the touch is soon enough.
                if report.head.kind != Kind::TOO_LATE && !pull {
                    return;
                }
            }
            Kind::REFUSED if cancel && quote.pull => {
                quote.pending = false;
                return;
            }
            Kind::REFUSED | Kind::TOO_LATE if cancel => quote.pending = false,
            Kind::FILLED | Kind::CANCELED if report.leaves == Qty::ZERO && ours => {
                *quote = Quote::default();
                // The venue had no place for it: as above.
                if report.code != 0 {
                    return;
                }
            }
            Kind::FILLED | Kind::CANCELED if report.leaves == Qty::ZERO && before => {
                quote.before = OrderId::NONE;
            }
            _ => return,
        }
        self.want_rested(report.head.instrument, report.head.time);
    }

    fn on_tick(&mut self, time: Nanos) {
        self.wake(time);
    }

    fn on_state(&mut self, instrument: InstrumentId, health: Health, phase: Phase) {
        if let Some(seen) = self.seen.get_mut(instrument.index()) {
            seen.quotable = health == Health::LIVE && phase == Phase::OPEN;
            self.want(instrument);
        }
    }

    #[inline]
    fn wants(&self) -> bool {
        !self.wanted.is_empty()
    }

    fn decide(&mut self, books: &Books, orders: &mut impl Orders) {
        while orders.room() >= 2 {
            let Some(instrument) = self.wanted.pop_front() else { return };
            self.seen[instrument.index()].wanted = false;
            self.turn(Side::BUY, instrument, books, orders);
            self.turn(Side::SELL, instrument, books, orders);
        }
    }
}
