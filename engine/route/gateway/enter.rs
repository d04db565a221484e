//! The desk's orders become messages to the exchange, or are refused here; and orders that never got there are told.

use super::name::name_of;
use super::orders::{Cancel, Entry, NOBODY};
use super::session::Closing;
use super::table::Standing;
use super::{BURST, Core, Phase};
use crate::base::code::Code;
use crate::base::message::{Flags, Header, Kind, Market, Report, Source};
use crate::base::queue::Waited;
use crate::base::stage::Sink;
use crate::base::unit::{Nanos, OrderId, OrderType, Qty, Sale, Seq, Side, TimeInForce};
use crate::wire::ouch::code::{QUANTITY_MAX, cross, display, flag, side, time_in_force};
use crate::wire::ouch::{
    Appendage, CancelOrder, EnterOrder, Inbound, ReplaceOrder, Symbol, WirePrice,
};
use crate::wire::soup::{ClientState, Packet};

/// Bytes of the longest message that enters an order.
const ENTER: usize = EnterOrder::LAYOUT.length + 2;

/// An order in the exchange's words.
struct Terms {
    symbol: Symbol,
    quantity: u32,
    price: WirePrice,
    side: u8,
    time_in_force: u8,
}

impl Core {
    /// An order of the desk came.
    pub(super) fn on_order(
        &mut self,
        message: &Market,
        now: Nanos,
        killed: bool,
        back: &mut impl Sink<Report>,
    ) {
        // Nothing of the exchange's is in hand.
        self.in_hand = 0;
        let refused = match message.head.kind {
            Kind::CANCEL_ORDER if self.call_off(message, now, back) => return,
            Kind::CANCEL_ORDER => return self.cancel(message, now, back),
            // Nobody overtakes those that wait.
            _ if !self.queue.is_empty() && !killed => Err(Code::ROUTE_PACED),
            _ => self.enter(message, now, killed),
        };
        match refused {
            Ok(()) => {}
            Err(Code::ROUTE_PACED) if self.queue.push(*message, now).is_ok() => {
                self.counts.queued += 1;
            }
            Err(code) => self.refuse(message, code, now, back),
        }
    }

    fn enter(&mut self, message: &Market, now: Nanos, killed: bool) -> Result<(), Code> {
        match message.head.kind {
            Kind::NEW => self.new_order(message, now, killed),
            Kind::REPLACE_ORDER => self.replace(message, now, killed),
            _ => Ok(()),
        }
    }

    /// Lets out those that wait, as far as the pace goes; without a session that takes orders, none waits. Returns how many
    /// wait no more.
    pub(super) fn let_out(&mut self, now: Nanos, back: &mut impl Sink<Report>) -> usize {
        let mut done = 0;
        while !self.queue.is_empty() && back.room() > BURST {
            let shut = if self.killed {
                Some(Code::ROUTE_KILLED)
            } else if self.stopping.is_some() {
                Some(Code::ROUTE_STOPPING)
            } else if self.phase != Phase::Live {
                Some(Code::ROUTE_NOT_LIVE)
            } else {
                None
            };
            let may_pass = shut.is_some() || self.bucket.has_for_order(now);
            match self.queue.pop_ready(may_pass, now) {
                None => break,
                Some(Waited::Expired(message)) => {
                    self.refuse(&message, shut.unwrap_or(Code::ROUTE_PACED), now, back);
                }
                Some(Waited::Ready(message)) => {
                    let entered = shut.map_or_else(|| self.enter(&message, now, false), Err);
                    if let Err(code) = entered {
                        self.refuse(&message, code, now, back);
                    }
                }
            }
            done += 1;
        }
        done
    }

    /// Cancels an order that still waits. False if it does not.
    fn call_off(&mut self, cancel: &Market, now: Nanos, back: &mut impl Sink<Report>) -> bool {
        let waiting = self.queue.remove(|message| message.reference == cancel.other);
        let Some(message) = waiting else { return false };
        if message.head.kind == Kind::NEW {
            let (order, side) = (OrderId(message.reference), message.side);
            let instrument = message.head.instrument;
            let entry = Entry { order, instrument, side, ..Entry::default() };
            let report = self.report(Kind::CANCELED, &entry, now);
            self.tell(Report { qty: message.qty, leaves: Qty::ZERO, ..report }, back);
        } else {
            // Its target stands as it was.
            self.refuse(&message, Code::ROUTE_NOT_OPEN, now, back);
        }
        true
    }

    /// Tells that an order does not leave.
    pub(super) fn refuse(
        &mut self,
        message: &Market,
        code: Code,
        now: Nanos,
        back: &mut impl Sink<Report>,
    ) {
        self.in_hand = 0;
        self.counts.refused += 1;
        let kind = if message.head.kind == Kind::NEW { Kind::REJECTED } else { Kind::TOO_LATE };
        let (order, target) = (OrderId(message.reference), OrderId(message.other));
        let (instrument, side) = (message.head.instrument, message.side);
        let entry = Entry { order, instrument, side, ..Entry::default() };
        let report = self.report(kind, &entry, now);
        self.tell(Report { target, code: code.0, ..report }, back);
    }

    /// Whether new orders may be written at all, and what this one is in the exchange's words.
    fn vet(&mut self, message: &Market, now: Nanos, killed: bool) -> Result<Terms, Code> {
        if killed {
            return Err(Code::ROUTE_KILLED);
        }
        if now > message.head.time.plus(self.settings.good_for) {
            return Err(Code::ROUTE_LATE);
        }
        if self.stopping.is_some() {
            return Err(Code::ROUTE_STOPPING);
        }
        if self.phase != Phase::Live || !self.may_speak() {
            return Err(Code::ROUTE_NOT_LIVE);
        }
        if self.disabled {
            return Err(Code::ROUTE_DISABLED);
        }
        let terms = self.terms(message).ok_or(Code::ROUTE_UNSAYABLE)?;
        if self.orders.is_full() || self.next_reference == u32::MAX {
            return Err(Code::ROUTE_FULL);
        }
        if !self.bucket.has_for_order(now) {
            return Err(Code::ROUTE_PACED);
        }
        if !self.send.has_room_for_order(ENTER) {
            return Err(Code::ROUTE_BLOCKED);
        }
        Ok(terms)
    }

    fn terms(&self, message: &Market) -> Option<Terms> {
        let symbol = *self.symbols.get(message.head.instrument.index())?;
        let quantity = u32::try_from(message.qty.0).ok()?;
        let name = OrderId(message.reference);
        if symbol == Symbol::BLANK
            || !(1..=QUANTITY_MAX).contains(&quantity)
            || name == OrderId::NONE
            || self.orders.by_order(name).is_some()
        {
            return None;
        }
        let (price, immediate) = match message.order_type {
            OrderType::LIMIT => {
                (WirePrice::from_price(message.price).ok()?, message.tif == TimeInForce::IOC)
            }
            // At any price, and only now: there is nothing at which the rest could stand.
            OrderType::MARKET => (WirePrice::MARKET, true),
            _ => return None,
        };
        let side = match message.side {
            Side::BUY => side::BUY,
            Side::SELL => match (self.settings.sale, Sale(message.code)) {
                (Some(sale), _) => sale,
                (None, Sale::SHORT) => side::SELL_SHORT,
                (None, Sale::SHORT_EXEMPT) => side::SELL_SHORT_EXEMPT,
                (None, _) => side::SELL,
            },
            _ => return None,
        };
        let time_in_force = match message.tif {
            _ if immediate => time_in_force::IOC,
            TimeInForce::DAY => time_in_force::DAY,
            _ => return None,
        };
        Some(Terms { symbol, quantity, price, side, time_in_force })
    }

    fn new_order(&mut self, message: &Market, now: Nanos, killed: bool) -> Result<(), Code> {
        let terms = self.vet(message, now, killed)?;
        let reference = self.next_reference;
        let entry = entry_of(message, &terms, reference, Standing::Sent);
        let slot = self.orders.insert(entry).map_err(|_| Code::ROUTE_FULL)?;
        let enter = EnterOrder {
            user_ref_num: reference.into(),
            side: terms.side,
            quantity: terms.quantity.into(),
            symbol: terms.symbol,
            price: terms.price,
            time_in_force: terms.time_in_force,
            display: display::VISIBLE,
            capacity: self.settings.capacity,
            intermarket_sweep_eligibility: flag::NO,
            cross_type: cross::CONTINUOUS,
            clordid: name_of(entry.order),
            ..EnterOrder::BLANK
        };
        self.write_order(slot, &Inbound::EnterOrder(&enter, Appendage::EMPTY), now)?;
        self.counts.orders += 1;
        Ok(())
    }

    /// Only what is confirmed can be replaced, and once at a time: so there is at most one answer that does not come.
    fn replace(&mut self, message: &Market, now: Nanos, killed: bool) -> Result<(), Code> {
        let before = self.orders.by_order(OrderId(message.other)).ok_or(Code::VENUE_NOT_OPEN)?;
        let target = self.orders.get(before).ok_or(Code::VENUE_NOT_OPEN)?;
        if target.standing != Standing::Open || target.heir != NOBODY || target.orphan {
            return Err(Code::VENUE_NOT_OPEN);
        }
        let orig = target.reference;
        let terms = self.vet(message, now, killed)?;
        let reference = self.next_reference;
        let entry = Entry {
            target: OrderId(message.other),
            before,
            ..entry_of(message, &terms, reference, Standing::Replacing)
        };
        let slot = self.orders.insert(entry).map_err(|_| Code::ROUTE_FULL)?;
        let replace = ReplaceOrder {
            orig_user_ref_num: orig.into(),
            user_ref_num: reference.into(),
            // The desk adds what the chain has executed: this is what all of it may come to.
            quantity: terms.quantity.into(),
            price: terms.price,
            time_in_force: terms.time_in_force,
            display: display::VISIBLE,
            intermarket_sweep_eligibility: flag::NO,
            clordid: name_of(entry.order),
            ..ReplaceOrder::BLANK
        };
        self.write_order(slot, &Inbound::ReplaceOrder(&replace, Appendage::EMPTY), now)?;
        if let Some(target) = self.orders.get_mut(before) {
            target.heir = slot;
        }
        self.counts.replaces += 1;
        Ok(())
    }

    fn write_order(&mut self, slot: u32, message: &Inbound<'_>, now: Nanos) -> Result<(), Code> {
        if !self.send.message(message) {
            self.orders.remove(slot);
            return Err(Code::ROUTE_BLOCKED);
        }
        self.bucket.take();
        self.next_reference += 1;
        self.link.on_sent(&Packet::Unsequenced(&[]), now);
        Ok(())
    }

    fn cancel(&mut self, message: &Market, now: Nanos, back: &mut impl Sink<Report>) {
        let target = OrderId(message.other);
        let open = match self.orders.by_order(target) {
            Some(_) if matches!(self.phase, Phase::Over(_)) => Err(Code::ROUTE_NOT_LIVE),
            Some(slot) => Ok(slot),
            None => Err(Code::VENUE_NOT_OPEN),
        };
        match open {
            Ok(slot) => {
                if self.orders.get(slot).is_some_and(|entry| entry.cancel == Cancel::No) {
                    self.orders.set_cancel(slot, Cancel::Wanted);
                }
                self.write_cancel(slot, now);
            }
            Err(code) => {
                let entry = Entry {
                    order: target,
                    instrument: message.head.instrument,
                    side: message.side,
                    ..Entry::default()
                };
                self.tell_moot(&entry, code, now, back);
            }
        }
    }

    /// Writes the cancel of an order, if one is wanted and it may go. False if it could not go now.
    fn write_cancel(&mut self, slot: u32, now: Nanos) -> bool {
        let Some(entry) = self.orders.get(slot) else { return true };
        if entry.cancel != Cancel::Wanted || entry.doom != Code::NONE {
            return true;
        }
        // The quantity is what shall stay open.
        let cancel = CancelOrder {
            user_ref_num: entry.reference.into(),
            quantity: 0.into(),
            ..CancelOrder::BLANK
        };
        if !self.may_speak() || !self.bucket.has_for_cancel(now) {
            return false;
        }
        if !self.send.message(&Inbound::CancelOrder(&cancel, Appendage::EMPTY)) {
            return false;
        }
        self.bucket.take();
        self.link.on_sent(&Packet::Unsequenced(&[]), now);
        self.orders.set_cancel(slot, Cancel::Sent);
        self.counts.cancels += 1;
        true
    }

    /// Writes the cancels that wait, as far as they may go.
    pub(super) fn write_cancels(&mut self, now: Nanos) {
        let mut at = 0;
        while self.orders.wanted() > 0
            && let Some(slot) = self.orders.first_from(at)
        {
            if !self.write_cancel(slot, now) {
                return;
            }
            at = slot + 1;
        }
    }

    /// Whether orders and cancels may be written: the exchange's answers are read up to now.
    pub(super) fn may_speak(&self) -> bool {
        matches!(self.phase, Phase::Clearing | Phase::Live)
            && self.closing == Closing::No
            && self.link.state() == ClientState::LoggedIn
    }

    /// Takes back the orders of which the socket took nothing.
    pub(super) fn call_back(&mut self, code: Code) {
        let orders = &mut self.orders;
        self.send.call_back(|reference| {
            if let Some(slot) = orders.by_reference(reference) {
                orders.doom(slot, code);
            }
        });
    }

    /// Tells the ends of orders that never reached the exchange, as far as there is room.
    pub(super) fn tell_doomed(&mut self, now: Nanos, back: &mut impl Sink<Report>) {
        let mut at = 0;
        while self.orders.doomed() > 0
            && back.room() >= BURST
            && let Some(slot) = self.orders.first_from(at)
        {
            at = slot + 1;
            let Some(entry) = self.orders.get(slot).copied() else { continue };
            if entry.doom != Code::NONE {
                self.in_hand = 0;
                self.counts.lost += 1;
                self.tell_rejected(&entry, entry.doom, 0, now, back);
                self.end(slot, false, now, back);
            }
        }
    }

    /// An order or a replacement never came to be.
    pub(super) fn tell_rejected(
        &mut self,
        entry: &Entry,
        code: Code,
        value: i64,
        now: Nanos,
        back: &mut impl Sink<Report>,
    ) {
        let kind =
            if entry.standing == Standing::Replacing { Kind::TOO_LATE } else { Kind::REJECTED };
        let report = self.report(kind, entry, now);
        self.tell(Report { target: entry.target, code: code.0, value, ..report }, back);
    }

    /// The order is out of the exchange's hands, and has been told so: what was on its way to it comes too late.
    pub(super) fn end(
        &mut self,
        slot: u32,
        canceled: bool,
        now: Nanos,
        back: &mut impl Sink<Report>,
    ) {
        let Some(entry) = self.orders.remove(slot) else { return };
        if entry.cancel != Cancel::No && !canceled && !entry.orphan {
            self.tell_moot(&entry, Code::VENUE_NOT_OPEN, now, back);
        }
        // The exchange ignores a replace of what has ended: no answer will come.
        if let Some(heir) = self.orders.remove(entry.heir) {
            let code = if heir.doom == Code::NONE { Code::VENUE_NOT_OPEN } else { heir.doom };
            self.tell_rejected(&heir, code, 0, now, back);
            if heir.cancel != Cancel::No {
                self.tell_moot(&heir, Code::VENUE_NOT_OPEN, now, back);
            }
        }
    }

    /// A cancel of `entry` came too late, or was refused.
    pub(super) fn tell_moot(
        &mut self,
        entry: &Entry,
        code: Code,
        now: Nanos,
        back: &mut impl Sink<Report>,
    ) {
        let report = self.report(Kind::TOO_LATE, entry, now);
        let report = Report {
            order: OrderId::NONE,
            target: entry.order,
            code: code.0,
            reference: 0,
            ..report
        };
        self.tell(report, back);
    }

    /// A report on `entry`, to be completed.
    pub(super) fn report(&self, kind: Kind, entry: &Entry, now: Nanos) -> Report {
        let head = Header {
            time: now,
            cause: Seq(self.in_hand),
            instrument: entry.instrument,
            kind,
            source: Source::VENUE,
            flags: Flags::default(),
        };
        Report {
            head,
            order: entry.order,
            reference: entry.reference,
            shard: entry.order.shard(),
            side: entry.side,
            ..Report::default()
        }
    }

    pub(super) fn tell(&mut self, report: Report, back: &mut impl Sink<Report>) {
        self.counts.reports += 1;
        back.put(&Report { sequence: self.counts.reports, ..report });
    }
}

fn entry_of(message: &Market, terms: &Terms, reference: u32, standing: Standing) -> Entry {
    Entry {
        order: OrderId(message.reference),
        target: OrderId::NONE,
        reference,
        open: terms.quantity,
        price: message.price,
        instrument: message.head.instrument,
        side: message.side,
        standing,
        cancel: Cancel::No,
        immediate: terms.time_in_force == time_in_force::IOC,
        orphan: false,
        doom: Code::NONE,
        heir: NOBODY,
        before: NOBODY,
    }
}

/// Shares as a quantity.
pub(super) fn qty(shares: u32) -> Qty {
    Qty(u64::from(shares))
}
