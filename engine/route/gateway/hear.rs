//! What the exchange says is done: of orders what the table answers, of the port what it says.

use super::enter::qty;
use super::name::order_of;
use super::orders::{Cancel, Entry, Execution, Kept, NOBODY};
use super::reason::of_liquidity;
use super::said::{Said, is_ours, of_open, said};
use super::session::Mass;
use super::table::{Act, Odd, Standing, Word};
use super::{Core, End};
use crate::base::code::Code;
use crate::base::message::{Kind, Report};
use crate::base::stage::Sink;
use crate::base::unit::{InstrumentId, Nanos, OrderId, Price, Qty, Side};
use crate::wire::ouch::code::side;
use crate::wire::ouch::{Appendage, Inbound, MassCancelRequest, Outbound};
use crate::wire::soup::Packet;

/// A message in hand.
#[derive(Clone, Copy)]
struct Moment<'a> {
    now: Nanos,
    bytes: &'a [u8],
}

impl Core {
    /// A numbered message came.
    pub(super) fn on_message(
        &mut self,
        sequence: u64,
        bytes: &[u8],
        now: Nanos,
        back: &mut impl Sink<Report>,
    ) {
        self.counts.messages += 1;
        self.in_hand = sequence;
        let message = match Outbound::parse(bytes) {
            Ok(message) => message,
            Err(_) => return self.oddities.note(Odd::Unreadable, None, sequence, bytes),
        };
        match is_ours(message.appendage()) {
            Some(true) => {}
            Some(false) => return self.oddities.note(Odd::Unknown, None, sequence, bytes),
            // The fixed part is whole: what it says counts.
            None => self.oddities.note(Odd::Unreadable, None, sequence, bytes),
        }
        let reference = match message {
            Outbound::SystemEvent(..) => return,
            Outbound::AccountQueryResponse(answer, _) => {
                return self.on_query(sequence, answer.next_user_ref_num.get(), now);
            }
            Outbound::MassCancelResponse(answer, _) => answer.user_ref_num.get(),
            Outbound::DisableOrderEntryResponse(answer, _) => {
                self.disabled = true;
                answer.user_ref_num.get()
            }
            Outbound::EnableOrderEntryResponse(answer, _) => {
                self.disabled = false;
                answer.user_ref_num.get()
            }
            Outbound::Rejected(reject, _)
                if self.mass == Mass::Asked(reject.user_ref_num.get()) =>
            {
                // Then each order by itself.
                self.mass = Mass::Refused;
                reject.user_ref_num.get()
            }
            _ => return self.on_word(said(&message), Moment { now, bytes }, back),
        };
        self.use_reference(reference);
    }

    /// The reference is used up.
    fn use_reference(&mut self, reference: u32) {
        self.next_reference = self.next_reference.max(reference.saturating_add(1));
    }

    fn standing(&self, reference: u32) -> (Standing, Option<u32>) {
        let found = self.orders.by_reference(reference);
        let entry = found.and_then(|slot| self.orders.get(slot));
        let standing = match entry {
            Some(entry) => entry.standing,
            None if self.in_hand < self.history_end && reference >= self.next_reference => {
                Standing::Earlier
            }
            None if reference >= self.next_reference || reference == 0 => Standing::Unused,
            None if self.orders.is_lost(reference) => Standing::Lost,
            None => Standing::Ended,
        };
        (standing, found)
    }

    fn on_word(&mut self, mut said: Said, at: Moment<'_>, back: &mut impl Sink<Report>) {
        let (standing, slot) = self.standing(said.reference);
        let entry = slot.and_then(|slot| self.orders.get(slot)).copied();
        if let Some(entry) = entry {
            said = of_open(said, entry.open);
        }
        let (act, odd) = standing.on(said.word);
        if let Some(odd) = odd {
            self.oddities.note(odd, Some(standing), self.in_hand, at.bytes);
        }
        if matches!(
            said.word,
            Word::Accepted | Word::Dead | Word::Replaced | Word::ReplacedDead | Word::Rejected
        ) {
            self.use_reference(said.reference);
        }
        match (act, slot, entry) {
            (Act::Nothing, _, _) => {}
            (Act::Adopt, _, _) => {
                self.end_replaced(&said, at, back);
                self.adopt(&said, at);
            }
            (Act::Bury, _, _) => self.end_replaced(&said, at, back),
            (Act::Break, _, _) => self.break_trade(&said, at, back),
            (_, Some(slot), Some(entry)) => self.on_known(act, slot, entry, &said, at, back),
            // The table asks for an order where there is one.
            (_, _, _) => {
                self.oddities.note(Odd::Impossible, Some(standing), self.in_hand, at.bytes)
            }
        }
    }

    /// As `on_word`, on an order that is known.
    fn on_known(
        &mut self,
        act: Act,
        slot: u32,
        entry: Entry,
        said: &Said,
        at: Moment<'_>,
        back: &mut impl Sink<Report>,
    ) {
        let now = at.now;
        match act {
            Act::Open | Act::Die => {
                self.stands(slot, said.shares);
                let open = self.report(Kind::ACCEPTED, &entry, now);
                let open = Report { qty: qty(said.shares), leaves: qty(said.shares), ..open };
                self.tell_of(&entry, open, back);
                if act == Act::Die {
                    self.dies(slot, said.shares, at, back);
                }
            }
            Act::Succeed | Act::SucceedAndDie => {
                self.stands(slot, said.shares);
                let report = self.report(Kind::REPLACED, &entry, now);
                let (open, target) = (qty(said.shares), entry.target);
                self.tell_of(&entry, Report { target, qty: open, leaves: open, ..report }, back);
                self.part(slot, entry.before);
                self.end(entry.before, false, now, back);
                if act == Act::SucceedAndDie {
                    self.dies(slot, said.shares, at, back);
                }
            }
            // No trade at all.
            Act::Fill | Act::FillAll if said.shares == 0 => {
                self.oddities.note(Odd::Impossible, Some(entry.standing), self.in_hand, at.bytes);
            }
            Act::Fill | Act::FillAll => {
                let leaves = self.shrink(slot, said.shares);
                self.fill(&entry, said, leaves, at, back);
                if act == Act::FillAll {
                    self.end(slot, false, now, back);
                }
            }
            Act::Reduce if said.shares == 0 => {}
            Act::Reduce | Act::Cancel => {
                let leaves = self.shrink(slot, said.shares);
                let gone = entry.open - leaves;
                let report = self.report(Kind::CANCELED, &entry, now);
                let (code, value) = (said.code.0, said.reason);
                let report = Report { qty: qty(gone), leaves: qty(leaves), code, value, ..report };
                self.tell_of(&entry, report, back);
                if act == Act::Cancel {
                    self.end(slot, true, now, back);
                }
            }
            Act::Reject => {
                self.tell_rejected(&entry, said.code, said.reason, now, back);
                self.end(slot, false, now, back);
            }
            Act::Pend => {
                self.counts.cancels_pending += 1;
                self.orders.set_cancel(slot, Cancel::Pends);
            }
            Act::Refuse => {
                if entry.cancel != Cancel::No && !entry.orphan {
                    self.tell_moot(&entry, Code::VENUE_CANCEL_REFUSED, now, back);
                }
                self.orders.set_cancel(slot, Cancel::No);
            }
            Act::Nothing | Act::Adopt | Act::Bury | Act::Break => {}
        }
    }

    /// The exchange has it, with so many shares.
    fn stands(&mut self, slot: u32, shares: u32) {
        if let Some(entry) = self.orders.get_mut(slot) {
            (entry.standing, entry.open) = (Standing::Open, shares);
        }
    }

    /// An order and the one that replaced it have nothing more to do with each other.
    fn part(&mut self, heir: u32, before: u32) {
        if let Some(entry) = self.orders.get_mut(heir) {
            entry.before = NOBODY;
        }
        if let Some(entry) = self.orders.get_mut(before) {
            entry.heir = NOBODY;
        }
    }

    /// It was cancelled as soon as it stood.
    fn dies(&mut self, slot: u32, shares: u32, at: Moment<'_>, back: &mut impl Sink<Report>) {
        let Some(entry) = self.orders.get(slot).copied() else { return };
        let code = if entry.immediate { Code::NONE } else { Code::VENUE_CANCELED };
        let report = self.report(Kind::CANCELED, &entry, at.now);
        self.tell_of(&entry, Report { qty: qty(shares), code: code.0, ..report }, back);
        self.end(slot, true, at.now, back);
    }

    /// So many shares are open no longer. Returns what is.
    fn shrink(&mut self, slot: u32, shares: u32) -> u32 {
        let Some(entry) = self.orders.get_mut(slot) else { return 0 };
        entry.open = entry.open.saturating_sub(shares);
        entry.open
    }

    fn fill(
        &mut self,
        entry: &Entry,
        said: &Said,
        leaves: u32,
        at: Moment<'_>,
        back: &mut impl Sink<Report>,
    ) {
        let price = said.price.to_price().unwrap_or_else(|_| {
            self.oddities.note(Odd::Unreadable, Some(entry.standing), self.in_hand, at.bytes);
            Price(0)
        });
        let execution = Execution {
            order: entry.order,
            match_number: said.match_number,
            reference: entry.reference,
            instrument: entry.instrument,
            qty: u64::from(said.shares),
            price,
            side: entry.side,
        };
        match self.orders.keep(execution) {
            Kept::Yes => {}
            // Messages are numbered, so it is no repetition in the stream: the shares count.
            Kept::Added => {
                self.oddities.note(Odd::Repeated, Some(entry.standing), self.in_hand, at.bytes);
            }
            Kept::No => self.counts.untracked += 1,
        }
        let report = self.report(Kind::FILLED, entry, at.now);
        let fill = Report {
            price,
            qty: qty(said.shares),
            leaves: qty(leaves),
            liquidity: of_liquidity(said.liquidity),
            ..report
        };
        self.tell(fill, back);
    }

    fn break_trade(&mut self, said: &Said, at: Moment<'_>, back: &mut impl Sink<Report>) {
        let Some(execution) = self.orders.take_execution(said.match_number, said.reference) else {
            let (standing, _) = self.standing(said.reference);
            return self.oddities.note(Odd::Unknown, Some(standing), self.in_hand, at.bytes);
        };
        let entry = Entry {
            order: execution.order,
            reference: execution.reference,
            instrument: execution.instrument,
            side: execution.side,
            ..Entry::default()
        };
        let report = self.report(Kind::BROKEN, &entry, at.now);
        let gone = Qty(execution.qty);
        self.tell(Report { price: execution.price, qty: gone, value: said.reason, ..report }, back);
    }

    /// What an adopted order replaced has ended. If the engine thinks it open, it hears of a cancel.
    fn end_replaced(&mut self, said: &Said, at: Moment<'_>, back: &mut impl Sink<Report>) {
        if !matches!(said.word, Word::Replaced | Word::ReplacedDead) {
            return;
        }
        let Some(slot) = self.orders.by_reference(said.orig) else { return };
        let Some(entry) = self.orders.get(slot).copied() else { return };
        let report = self.report(Kind::CANCELED, &entry, at.now);
        let gone = Report { qty: qty(entry.open), code: Code::ROUTE_LOST.0, ..report };
        self.tell_of(&entry, gone, back);
        self.end(slot, true, at.now, back);
    }

    /// Keeps an order that nobody here answers for. In history it may have ended by itself: what is left is cancelled later.
    fn adopt(&mut self, said: &Said, at: Moment<'_>) {
        let side = match said.side {
            side::BUY => Side::BUY,
            side::SELL | side::SELL_SHORT | side::SELL_SHORT_EXEMPT => Side::SELL,
            _ => {
                self.oddities.note(Odd::Unreadable, None, self.in_hand, at.bytes);
                Side(said.side)
            }
        };
        let name = said.name.and_then(|name| order_of(&name)).unwrap_or(OrderId::NONE);
        let known = name != OrderId::NONE && self.orders.by_order(name).is_some();
        let entry = Entry {
            // Of two under one name the first keeps it.
            order: if known { OrderId::NONE } else { name },
            target: OrderId::NONE,
            reference: said.reference,
            open: said.shares,
            price: said.price.to_price().unwrap_or(Price(0)),
            instrument: self.instruments.get(&said.symbol).copied().unwrap_or(InstrumentId::NONE),
            side,
            standing: Standing::Open,
            cancel: if self.may_speak() { Cancel::Wanted } else { Cancel::No },
            immediate: false,
            orphan: true,
            doom: Code::NONE,
            heir: NOBODY,
            before: NOBODY,
        };
        match self.orders.insert(entry) {
            Ok(_) => self.counts.adopted += 1,
            // It could not be cancelled, and what it trades could not be told.
            Err(_) => self.over(End::TooManyOrders, at.now),
        }
    }

    /// Tells of an order, if someone answers for it.
    fn tell_of(&mut self, entry: &Entry, report: Report, back: &mut impl Sink<Report>) {
        if !entry.orphan {
            self.tell(report, back);
        }
    }

    /// One cancel for all that is open.
    pub(super) fn ask_mass_cancel(&mut self, now: Nanos) {
        let reference = self.next_reference;
        if reference == u32::MAX || !self.bucket.has_for_cancel(now) {
            return;
        }
        let request =
            MassCancelRequest { user_ref_num: reference.into(), ..MassCancelRequest::BLANK };
        if self.send.message(&Inbound::MassCancelRequest(&request, Appendage::EMPTY)) {
            self.bucket.take();
            self.next_reference += 1;
            self.link.on_sent(&Packet::Unsequenced(&[]), now);
            self.mass = Mass::Asked(reference);
            self.counts.cancels += 1;
        }
    }
}
