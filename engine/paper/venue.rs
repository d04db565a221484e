//! How our orders fill in a replay.
//!
//! The recorded market does not react to us; these rules keep us from profiting by that.
//!
//! * `taken`: shares of each real order that we took. What is available of it is its quantity less those, never below
//!   zero. Taken is not lowered by what the market does later, moves along a replace, and goes with the order. Real
//!   executions of shares that we had taken are counted (`displaced`), not given to someone else.
//! * An order that arrives at time T sees every market message up to T. It takes what is available level by level, up to
//!   its limit and at most `sweep_levels`; what it then leaves rests (day) or is cancelled (IOC, market, or swept: there is
//!   more that it could take).
//! * A resting order has ahead of it the real orders that were at its price first. It fills when none of them is left
//!   and a real order behind it, or at a worse price, executes; or when a real order of the other side comes to rest at
//!   its price or better (that order's `taken` grows). It fills at its own price.
//! * A replace names the whole of its chain, what was executed before included, as OUCH has it: what fills while it is
//!   on its way is not open twice.
//! * When market hours end every resting order expires, for all of them are day orders. They may be more than a burst:
//!   `expire` says as many as there is room for, and nothing else happens at the venue until all are gone.
//! * Hidden trades and crosses never fill; nothing fills, and nothing new is taken, outside continuous trading. Our
//!   own orders do not trade with each other.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::message::{Flags, Header, Kind, Market, Report, Source};
use crate::base::pool::{IdMap, Slab};
use crate::base::stage::Sink;
use crate::base::unit::*;
use crate::book::{Books, Change};

/// What the venue takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Price levels that an order takes on arrival.
    pub sweep_levels: usize,
    /// Orders of ours that rest in one instrument.
    pub resting_max: usize,
    /// Orders of ours that rest at all, and real orders of which we took some.
    pub orders_max: usize,
    /// Instruments.
    pub instruments: usize,
}

impl Rules {
    /// Memory that a venue of these rules takes, in bytes: for orders, for instruments.
    pub fn bytes(&self) -> [usize; 2] {
        let maps = IdMap::<u32>::bytes(self.orders_max) + IdMap::<u64>::bytes(self.orders_max);
        let orders = Slab::<Resting>::bytes(self.orders_max) + maps;
        [orders, self.instruments * size_of::<Watch>()]
    }
}

/// What the venue has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaperCounts {
    /// Shares of real executions that we had taken before.
    pub displaced: u64,
    /// Fills that were not given because no more taken orders could be kept.
    pub untracked: u64,
}

const NOBODY: u32 = u32::MAX;

/// An order of ours that rests; a list by instrument, most aggressive price first, then first come.
#[derive(Clone, Copy)]
struct Resting {
    order: OrderId,
    price: Price,
    leaves: Qty,
    /// What it is for, with all that it and the orders before it in its chain of replaces have executed.
    total: Qty,
    /// Real orders that had come when it did: those up to this count are ahead.
    arrival: u32,
    next: u32,
    instrument: InstrumentId,
    side: Side,
}

const NO_ORDER: Resting = Resting {
    order: OrderId::NONE,
    price: Price(0),
    leaves: Qty::ZERO,
    total: Qty::ZERO,
    arrival: 0,
    next: NOBODY,
    instrument: InstrumentId::NONE,
    side: Side(0),
};

/// What there is to look after in an instrument.
#[derive(Clone, Copy)]
struct Watch {
    /// The first of our orders that rest.
    first: u32,
    /// Real orders of which we took some.
    taken: u32,
    /// A bit for each of those: most messages are on other orders, and need no look into the map.
    filter: u64,
}

impl Watch {
    const NOTHING: Self = Self { first: NOBODY, taken: 0, filter: 0 };

    fn bit(reference: u64) -> u64 {
        1 << (reference.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }

    fn may_have_taken(self, reference: u64) -> bool {
        self.filter & Self::bit(reference) != 0
    }
}

/// The end of market hours, and how far its orders have expired.
#[derive(Clone, Copy)]
struct Closing {
    time: Nanos,
    cause: Seq,
    cursor: u32,
}

const NOT_CLOSING: Closing = Closing { time: Nanos::MAX, cause: Seq(0), cursor: 0 };

/// The venue.
pub struct Venue {
    rules: Rules,
    shard: ShardId,
    latency_in: Nanos,
    resting: Slab<Resting>,
    by_order: IdMap<u32>,
    taken: IdMap<u64>,
    watch: Vec<Watch>,
    closing: Closing,
    events: u64,
    counts: PaperCounts,
}

impl Venue {
    /// A venue beside book shard `shard`, whose events reach route after `latency_in`.
    pub fn new(rules: Rules, shard: ShardId, latency_in: Nanos) -> Self {
        Self {
            rules,
            shard,
            latency_in,
            resting: Slab::new(rules.orders_max, NO_ORDER),
            by_order: IdMap::dense(rules.orders_max),
            taken: IdMap::new(rules.orders_max),
            watch: vec![Watch::NOTHING; rules.instruments],
            closing: NOT_CLOSING,
            events: 0,
            counts: PaperCounts::default(),
        }
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What it has seen.
    pub fn counts(&self) -> PaperCounts {
        self.counts
    }

    /// Most events that one message can cause.
    pub fn burst(&self) -> usize {
        (self.rules.sweep_levels + 2).max(self.rules.resting_max)
    }

    /// The market moved: what of ours fills. Returns the number of events.
    #[inline]
    pub fn on_market(
        &mut self,
        message: &Market,
        change: &Change,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) -> u32 {
        match self.watch.get(change.instrument.index()) {
            Some(watch)
                if change.applied
                    && (watch.first != NOBODY || watch.may_have_taken(change.reference)) =>
            {
                self.watched(message, change, books, back)
            }
            _ => 0,
        }
    }

    fn watched(
        &mut self,
        message: &Market,
        change: &Change,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) -> u32 {
        let before = self.events;
        let open = books.phase(change.instrument) == Phase::OPEN;
        match change.kind {
            Kind::EXECUTE | Kind::EXECUTE_AT => {
                self.displace(change);
                if open && message.head.flags.has(Flags::PRINTABLE) {
                    self.fill_behind(message, change, books, back);
                }
            }
            Kind::ADD if open => {
                self.fill_crossing(message, change.reference, change.price, change, back);
            }
            Kind::REPLACE => {
                self.move_taken(change);
                if open && change.new_qty > Qty::ZERO {
                    self.fill_crossing(
                        message,
                        change.new_reference,
                        change.new_price,
                        change,
                        back,
                    );
                }
            }
            _ => {}
        }
        let reduced =
            matches!(change.kind, Kind::EXECUTE | Kind::EXECUTE_AT | Kind::CANCEL | Kind::DELETE);
        if reduced && change.left == Qty::ZERO {
            self.forget(change.instrument, change.reference);
        }
        (self.events - before) as u32
    }

    /// Shares that the market executes although we had taken them.
    fn displace(&mut self, change: &Change) {
        if let Some(taken) = self.taken.get(change.reference) {
            let available = (change.qty.0 + change.left.0).saturating_sub(taken);
            self.counts.displaced += change.qty.0.saturating_sub(available);
        }
    }

    fn forget(&mut self, instrument: InstrumentId, reference: u64) -> Option<u64> {
        let taken = self.taken.remove(reference)?;
        if let Some(watch) = self.watch.get_mut(instrument.index()) {
            watch.taken -= 1;
            if watch.taken == 0 {
                watch.filter = 0;
            }
        }
        Some(taken)
    }

    fn move_taken(&mut self, change: &Change) {
        if let Some(taken) = self.forget(change.instrument, change.reference)
            && change.new_qty > Qty::ZERO
        {
            self.take(change.instrument, change.new_reference, taken);
        }
    }

    /// Takes `qty` more of a real order. False if that cannot be kept.
    fn take(&mut self, instrument: InstrumentId, reference: u64, qty: u64) -> bool {
        if let Some(taken) = self.taken.get_mut(reference) {
            *taken = taken.saturating_add(qty);
            return true;
        }
        let kept = self.taken.insert(reference, qty).is_ok();
        match self.watch.get_mut(instrument.index()) {
            Some(watch) if kept => {
                watch.taken += 1;
                watch.filter |= Watch::bit(reference);
            }
            _ => self.counts.untracked += 1,
        }
        kept
    }

    fn available(&self, reference: u64, qty: Qty) -> u64 {
        qty.0.saturating_sub(self.taken.get(reference).unwrap_or(0))
    }

    /// A real order executed: ours at better prices, or before it at the same price, would have been hit first.
    fn fill_behind(
        &mut self,
        message: &Market,
        change: &Change,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) {
        let mut left = change.qty.0;
        let mut slot = self.watch[change.instrument.index()].first;
        while slot != NOBODY && left > 0 {
            let ours = self.resting[slot];
            let next = ours.next;
            let first = ours.side == change.side
                && (better(ours.side, ours.price, change.price)
                    || (ours.price == change.price && books.arrival(change) > ours.arrival));
            if first && self.none_ahead(&ours, books) {
                let qty = ours.leaves.0.min(left);
                left -= qty;
                self.fill_resting(slot, Qty(qty), message, back);
            }
            slot = next;
        }
    }

    /// Whether every real order that was at our price before us is gone, or wholly taken by us.
    fn none_ahead(&self, ours: &Resting, books: &Books) -> bool {
        let mut level = books.orders(ours.instrument, ours.side, ours.price);
        level
            .find(|real| self.available(real.reference, real.qty) > 0)
            .is_none_or(|front| front.arrival > ours.arrival)
    }

    /// A real order came to rest at `price`: it would have met ours of the other side first.
    fn fill_crossing(
        &mut self,
        message: &Market,
        reference: u64,
        price: Price,
        change: &Change,
        back: &mut impl Sink<Report>,
    ) {
        let qty = if change.kind == Kind::REPLACE { change.new_qty } else { change.left };
        let mut slot = self.watch[change.instrument.index()].first;
        while slot != NOBODY {
            let ours = self.resting[slot];
            let next = ours.next;
            let crossed =
                ours.side != change.side && !better(change.side.opposite(), price, ours.price);
            let qty = Qty(self.available(reference, qty).min(ours.leaves.0));
            if crossed && qty > Qty::ZERO && self.take(change.instrument, reference, qty.0) {
                self.fill_resting(slot, qty, message, back);
            }
            slot = next;
        }
    }

    fn fill_resting(
        &mut self,
        slot: u32,
        qty: Qty,
        message: &Market,
        back: &mut impl Sink<Report>,
    ) {
        let ours = &mut self.resting[slot];
        ours.leaves = ours.leaves.saturating_sub(qty);
        let ours = *ours;
        let fill = Report {
            price: ours.price,
            qty,
            leaves: ours.leaves,
            liquidity: Liquidity::ADDED,
            ..self.event(message, Kind::FILLED, ours.order, ours.side)
        };
        self.emit(fill, back);
        if ours.leaves == Qty::ZERO {
            self.remove(slot);
        }
    }

    /// The session moved on: at the end of market hours orders begin to expire.
    pub fn on_session(&mut self, message: &Market, books: &Books) {
        // All instruments close at once: the first tells.
        let closed = books.phase(InstrumentId(0)) == Phase::CLOSED;
        if closed && !self.resting.is_empty() {
            let Header { time, cause, .. } = message.head;
            self.closing = Closing { time, cause, cursor: 0 };
        }
    }

    /// When market hours ended, while orders are still to expire; else the end of time.
    #[inline]
    pub fn closing(&self) -> Nanos {
        self.closing.time
    }

    /// Lets orders expire, as many as there is room to say. Returns the number of events.
    pub fn expire(&mut self, back: &mut impl Sink<Report>) -> u32 {
        let before = self.events;
        let Closing { time, cause, .. } = self.closing;
        for _ in 0..back.room() {
            let Some(slot) = self.resting.first_from(self.closing.cursor) else { break };
            self.closing.cursor = slot + 1;
            let ours = self.resting[slot];
            let head = Header { time, cause, instrument: ours.instrument, ..Header::default() };
            let close = Market { head, ..Market::default() };
            let event = self.event(&close, Kind::CANCELED, ours.order, ours.side);
            self.emit(Report { qty: ours.leaves, code: Code::VENUE_EXPIRED.0, ..event }, back);
            self.remove(slot);
        }
        if self.resting.is_empty() {
            self.closing = NOT_CLOSING;
        }
        (self.events - before) as u32
    }

    /// One of our orders arrived. Returns the number of events.
    pub fn on_order(
        &mut self,
        message: &Market,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) -> u32 {
        let before = self.events;
        let open = books.phase(message.head.instrument) == Phase::OPEN;
        let (order, target) = (OrderId(message.reference), OrderId(message.other));
        let found = self.by_order.get(target.0);
        match (message.head.kind, found) {
            (Kind::NEW, _) if !open => {
                let event = self.event(message, Kind::REJECTED, order, message.side);
                self.emit(Report { code: Code::VENUE_HALTED.0, ..event }, back);
            }
            (Kind::NEW, _) => {
                let event = self.event(message, Kind::ACCEPTED, order, message.side);
                self.emit(Report { leaves: message.qty, qty: message.qty, ..event }, back);
                self.trade(message, message.qty, books, back);
            }
            (Kind::CANCEL_ORDER, Some(slot)) => self.cancel(slot, message, back),
            (Kind::REPLACE_ORDER, Some(slot)) if open => {
                let ours = self.resting[slot];
                let executed = ours.total.saturating_sub(ours.leaves);
                let leaves = message.qty.saturating_sub(executed);
                if leaves == Qty::ZERO {
                    // On its way as much traded as should have been open: nothing shall be.
                    self.cancel(slot, message, back);
                    self.too_late(message, Code::VENUE_NOT_OPEN, back);
                } else {
                    self.remove(slot);
                    let event = self.event(message, Kind::REPLACED, order, message.side);
                    self.emit(Report { target, leaves, qty: leaves, ..event }, back);
                    self.trade(message, leaves, books, back);
                }
            }
            (_, Some(_)) => self.too_late(message, Code::VENUE_HALTED, back),
            (_, None) => self.too_late(message, Code::VENUE_NOT_OPEN, back),
        }
        (self.events - before) as u32
    }

    fn cancel(&mut self, slot: u32, message: &Market, back: &mut impl Sink<Report>) {
        let ours = self.resting[slot];
        let event = self.event(message, Kind::CANCELED, ours.order, ours.side);
        self.emit(Report { qty: ours.leaves, target: ours.order, ..event }, back);
        self.remove(slot);
    }

    /// A change that cannot be made.
    fn too_late(&mut self, message: &Market, code: Code, back: &mut impl Sink<Report>) {
        let (order, target) = (OrderId(message.reference), OrderId(message.other));
        let event = self.event(message, Kind::TOO_LATE, order, message.side);
        self.emit(Report { target, code: code.0, ..event }, back);
    }

    /// Of the `left` that is open of it, takes what it can; the rest comes to rest or is cancelled.
    fn trade(
        &mut self,
        message: &Market,
        mut left: Qty,
        books: &Books,
        back: &mut impl Sink<Report>,
    ) {
        let (instrument, side) = (message.head.instrument, message.side);
        let market = message.order_type == OrderType::MARKET;
        let mut levels = 0;
        let mut swept = false;
        for level in books.levels(instrument, side.opposite()) {
            let passes = market || !better(side.opposite(), message.price, level.price);
            if !passes || left == Qty::ZERO {
                break;
            }
            if levels == self.rules.sweep_levels {
                // Only what it could still take makes it swept.
                let mut orders = books.orders(instrument, side.opposite(), level.price);
                swept = orders.any(|real| self.available(real.reference, real.qty) > 0);
                if swept {
                    break;
                }
                continue;
            }
            let mut here = 0;
            for real in books.orders(instrument, side.opposite(), level.price) {
                let qty = self.available(real.reference, real.qty).min(left.0 - here);
                if qty > 0 && self.take(instrument, real.reference, qty) {
                    here += qty;
                }
                if here == left.0 {
                    break;
                }
            }
            if here > 0 {
                levels += 1;
                left = left.saturating_sub(Qty(here));
                let fill = Report {
                    price: level.price,
                    qty: Qty(here),
                    leaves: left,
                    liquidity: Liquidity::REMOVED,
                    ..self.event(message, Kind::FILLED, OrderId(message.reference), side)
                };
                self.emit(fill, back);
            }
        }
        if left == Qty::ZERO {
            return;
        }
        let stands = message.tif == TimeInForce::DAY && !market;
        let code = match () {
            () if swept => Code::VENUE_SWEPT,
            () if stands && self.rest(message, left, books) => return,
            () if stands => Code::VENUE_FULL,
            () => Code::NONE,
        };
        let event = self.event(message, Kind::CANCELED, OrderId(message.reference), side);
        self.emit(Report { qty: left, code: code.0, ..event }, back);
    }

    /// Puts an order to rest behind what is there. False if there is no place for it.
    fn rest(&mut self, message: &Market, leaves: Qty, books: &Books) -> bool {
        let instrument = message.head.instrument;
        let Some(watch) = self.watch.get(instrument.index()) else { return false };
        let ours = Resting {
            order: OrderId(message.reference),
            price: message.price,
            leaves,
            total: message.qty,
            arrival: books.arrivals(),
            next: watch.first,
            instrument,
            side: message.side,
        };
        let (mut count, mut before, mut placed, mut slot) = (0, NOBODY, false, watch.first);
        while slot != NOBODY {
            let other = self.resting[slot];
            count += 1;
            placed |= other.side == ours.side && better(ours.side, ours.price, other.price);
            if !placed {
                before = slot;
            }
            slot = other.next;
        }
        if count >= self.rules.resting_max {
            return false;
        }
        let Ok(slot) = self.resting.insert(ours) else { return false };
        if self.by_order.insert(ours.order.0, slot).is_err() {
            self.resting.remove(slot);
            return false;
        }
        if before == NOBODY {
            self.watch[instrument.index()].first = slot;
        } else {
            self.resting[slot].next = self.resting[before].next;
            self.resting[before].next = slot;
        }
        true
    }

    fn remove(&mut self, slot: u32) {
        let ours = self.resting[slot];
        let first = &mut self.watch[ours.instrument.index()].first;
        if *first == slot {
            *first = ours.next;
        } else {
            let mut before = *first;
            while before != NOBODY && self.resting[before].next != slot {
                before = self.resting[before].next;
            }
            if before != NOBODY {
                self.resting[before].next = ours.next;
            }
        }
        self.by_order.remove(ours.order.0);
        self.resting.remove(slot);
    }

    fn event(&self, message: &Market, kind: Kind, order: OrderId, side: Side) -> Report {
        let head = Header {
            time: message.head.time.plus(self.latency_in),
            cause: message.head.cause,
            instrument: message.head.instrument,
            kind,
            source: Source(Source::VENUE.0 + self.shard.0 as u8),
            flags: Flags::default(),
        };
        Report { head, order, shard: self.shard, side, ..Report::default() }
    }

    fn emit(&mut self, event: Report, back: &mut impl Sink<Report>) {
        self.events += 1;
        back.put(&Report { sequence: self.events, ..event });
    }
}

/// Whether an order of `side` at `price` stands before one at `other`.
fn better(side: Side, price: Price, other: Price) -> bool {
    if side.is_buy() { price > other } else { price < other }
}
