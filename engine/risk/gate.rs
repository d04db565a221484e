//! The gate: the order of the checks, what an accepted order reserves, and the kill switch.
//!
//! What must hold. Every intent is answered exactly once: here with a refusal, or by route. What an order may still
//! fill is reserved from its acceptance until it is answered, filled or cancelled; a replace reserves what it adds
//! to its target until it is answered. A report is applied before it is passed on, so a strategy never knows of a fill
//! that risk does not. Cancels always pass.
//!
//! A kill comes as an intent of each book shard: it latches, cancels that shard's open orders (as far as there is room,
//! then on the next turn: `resume`), and follows them to route, which answers it. A cancel of all does so and latches nothing.
#![forbid(unsafe_code)]

use super::check::*;
use super::limits::{Limits, Terms};
use crate::base::code::Code;
use crate::base::instrument::InstrumentTable;
use crate::base::message::{Flags, Header, Intent, Key, Kind, Order, Report, Source};
use crate::base::pool::{IdMap, Slab};
use crate::base::stage::{Burst, Sink, Stage};
use crate::base::unit::{InstrumentId, Money, Nanos, OrderId, OrderState, Qty, ShardId, Side};
use crate::portfolio::{Holding, Portfolio};

/// An order that may still trade.
#[derive(Clone, Copy, Default)]
struct Open {
    intent: Intent,
    /// What is reserved for it.
    reserved: Qty,
    /// What the venue still has of it.
    leaves: Qty,
}

impl Open {
    /// Whether `intent` may take its place: the same side of the same instrument, and what is open of it is known. A
    /// replace that is not confirmed yet reserves less than its quantity: its target has the rest.
    fn may_become(&self, intent: &Intent) -> bool {
        self.intent.side == intent.side
            && self.intent.head.instrument == intent.head.instrument
            && self.reserved == self.leaves
    }
}

/// A kill, or a cancel of all, on its way: the shard's intent, and how far its orders are cancelled.
#[derive(Clone, Copy)]
struct Killing {
    intent: Intent,
    cursor: u32,
}

/// What the gate has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateCounts {
    /// New orders and replaces asked for.
    pub orders: u64,
    /// Cancels asked for, and those that a kill sent.
    pub cancels: u64,
    /// Fills applied.
    pub fills: u64,
    /// Refusals by code, wherever they were made: (code, count), in order of code.
    pub refusals: Vec<(Code, u64)>,
    /// The first refusal of each code that was met, in the order in which they were.
    pub first: Vec<FirstRefusal>,
    /// Reports on orders that the gate does not know.
    pub unknown_reports: u64,
}

/// The first refusal of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstRefusal {
    /// Why.
    pub code: Code,
    /// Of which order; `NONE` for a cancel.
    pub order: OrderId,
    /// The limit that was breached, in the unit that the code names.
    pub limit: i64,
    /// What would have been.
    pub value: i64,
}

/// An instrument, as the gate sees it: one cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Stake {
    exposure: Exposure,
    terms: Terms,
}

/// The stage.
pub struct Gate {
    limits: Limits,
    portfolio: Portfolio,
    /// By instrument.
    stakes: Vec<Stake>,
    orders: Slab<Open>,
    index: IdMap<u32>,
    killed: bool,
    killing: Option<Killing>,
    latency_out: Nanos,
    answers: u64,
    counts: GateCounts,
}

impl Gate {
    /// Memory that a gate takes, in bytes: for open orders, for instruments.
    pub fn bytes(limits: &Limits, instruments: usize) -> [usize; 2] {
        let open = orders_max(limits);
        let instrument = size_of::<Stake>() + size_of::<Holding>();
        [Slab::<Open>::bytes(open) + IdMap::<u32>::bytes(open), instruments * instrument]
    }

    /// A gate over so many instruments; `latency_out` is when an answer takes effect after the decision.
    pub fn new(limits: Limits, instruments: usize, latency_out: Nanos) -> Self {
        let orders_max = orders_max(&limits);
        let refusals = Code::ALL.iter().map(|code| (*code, 0)).collect();
        Self {
            limits,
            portfolio: Portfolio::new(instruments),
            stakes: vec![Stake::default(); instruments],
            orders: Slab::new(orders_max, Open::default()),
            index: IdMap::dense(orders_max),
            killed: false,
            killing: None,
            latency_out,
            answers: 0,
            counts: GateCounts {
                refusals,
                first: Vec::with_capacity(Code::ALL.len()),
                ..GateCounts::default()
            },
        }
    }

    /// This gate, which has seen nothing yet, with the terms of the table's instruments.
    pub fn with_table(mut self, table: &InstrumentTable) -> Self {
        for ((id, instrument), stake) in table.iter().zip(&mut self.stakes) {
            stake.terms = instrument.into();
            self.portfolio.set_multiplier(id, instrument.multiplier);
        }
        self
    }

    /// Positions and P&L.
    pub fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// What it has seen.
    pub fn counts(&self) -> &GateCounts {
        &self.counts
    }

    /// Records of the orders that are still open, by id.
    pub fn open_orders(&self) -> Vec<Report> {
        let slots = self.index.iter().map(|(_, slot)| slot);
        let mut records: Vec<_> = slots
            .filter_map(|slot| self.orders.get(slot))
            .map(|open| record(&open.intent, open.leaves, OrderState::WORKING, Code::NONE))
            .collect();
        records.sort_by_key(|record| record.order);
        records
    }

    /// The whole gate, in order. What it returns is to be reserved.
    fn judge(&self, intent: &Intent) -> Result<Qty, Refusal> {
        check_killed(self.killed)?;
        check_instrument(intent.head.instrument, self.stakes.len())?;
        check_health(intent)?;
        check_form(intent)?;
        let Stake { exposure, terms } = &self.stakes[intent.head.instrument.index()];
        check_steps(intent, terms)?;
        check_order_qty(intent, &self.limits)?;
        check_order_notional(intent, terms, &self.limits)?;
        check_price_collar(intent, &self.limits)?;
        let added = match intent.head.kind {
            Kind::REPLACE_ORDER => match self.find(intent.target) {
                Some(target) if target.may_become(intent) => {
                    intent.qty.saturating_sub(target.leaves)
                }
                _ => return Err(Refusal { code: Code::NOT_OPEN, limit: 0, value: 0 }),
            },
            _ => intent.qty,
        };
        check_position(intent.side, added, exposure, &self.limits)?;
        if intent.head.kind == Kind::NEW {
            check_open_orders(self.orders.len(), &self.limits)?;
        }
        Ok(added)
    }

    fn find(&self, order: OrderId) -> Option<&Open> {
        self.index.get(order.0).and_then(|slot| self.orders.get(slot))
    }

    fn admit(&mut self, intent: &Intent, back: &mut impl Sink<Report>) -> bool {
        let refusal = match self.judge(intent) {
            Ok(reserved) => match self.keep(intent, reserved) {
                true => return true,
                false => Refusal {
                    code: Code::OPEN_ORDERS,
                    limit: self.limits.open_orders_max as i64,
                    value: self.orders.len() as i64,
                },
            },
            Err(refusal) => refusal,
        };
        self.answers += 1;
        let mut answer = answer_to(intent, self.latency_out);
        (answer.head.source, answer.sequence) = (Source::RISK, self.answers);
        (answer.code, answer.limit, answer.value) = (refusal.code.0, refusal.limit, refusal.value);
        self.count_refusal(&answer);
        back.put(&answer);
        let mut refused = record(intent, Qty::ZERO, OrderState::REFUSED, refusal.code);
        (refused.limit, refused.value) = (refusal.limit, refusal.value);
        back.put(&refused);
        false
    }

    #[inline]
    fn keep(&mut self, intent: &Intent, reserved: Qty) -> bool {
        let open = Open { intent: *intent, reserved, leaves: intent.qty };
        let Ok(slot) = self.orders.insert(open) else { return false };
        if self.index.insert(intent.order.0, slot).is_err() {
            self.orders.remove(slot);
            return false;
        }
        self.reserve(intent.head.instrument, intent.side, reserved);
        true
    }

    fn reserve(&mut self, instrument: InstrumentId, side: Side, qty: Qty) {
        let exposure = &mut self.stakes[instrument.index()].exposure;
        let open = if side.is_buy() { &mut exposure.open_buys } else { &mut exposure.open_sells };
        *open = open.saturating_add(qty);
    }

    fn release(&mut self, instrument: InstrumentId, side: Side, qty: Qty) {
        let exposure = &mut self.stakes[instrument.index()].exposure;
        let open = if side.is_buy() { &mut exposure.open_buys } else { &mut exposure.open_sells };
        debug_assert!(*open >= qty, "Invariant: what is released was reserved");
        *open = open.saturating_sub(qty);
    }

    /// Ends an order: releases what is left of it and records it.
    fn close(
        &mut self,
        order: OrderId,
        state: OrderState,
        code: Code,
        back: &mut impl Sink<Report>,
    ) {
        let Some(slot) = self.index.remove(order.0) else {
            self.counts.unknown_reports += 1;
            return;
        };
        let Some(open) = self.orders.remove(slot) else { return };
        self.release(open.intent.head.instrument, open.intent.side, open.reserved);
        back.put(&record(&open.intent, open.leaves, state, code));
    }

    fn filled(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        self.counts.fills += 1;
        let instrument = report.head.instrument;
        let fee = Money(i128::from(report.fee));
        if self.portfolio.fill(instrument, report.side, report.price, report.qty, fee) {
            self.stakes[instrument.index()].exposure.position =
                self.portfolio.holding(instrument).position;
        }
        let done = self.reduce(report.order, report.qty);
        if done {
            self.close(report.order, OrderState::FILLED, Code::NONE, back);
        }
    }

    /// A fill is void: the position goes back, and nothing is open again.
    fn broken(&mut self, report: &Report) {
        let Report { head, side, price, qty, .. } = *report;
        if self.portfolio.void(head.instrument, side, price, qty, Money(i128::from(report.fee))) {
            self.stakes[head.instrument.index()].exposure.position =
                self.portfolio.holding(head.instrument).position;
        }
    }

    fn canceled(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        self.count_refusal(report);
        if self.reduce(report.order, report.qty) {
            self.close(report.order, OrderState::CANCELED, Code(report.code), back);
        }
    }

    /// `qty` of an order is no longer open. True if nothing is.
    fn reduce(&mut self, order: OrderId, qty: Qty) -> bool {
        let Some(slot) = self.index.get(order.0) else {
            self.counts.unknown_reports += 1;
            return false;
        };
        let Some(open) = self.orders.get_mut(slot) else { return false };
        let released = open.reserved.min(qty);
        open.reserved = open.reserved.saturating_sub(qty);
        open.leaves = open.leaves.saturating_sub(qty);
        let (done, intent) = (open.leaves == Qty::ZERO, open.intent);
        self.release(intent.head.instrument, intent.side, released);
        done
    }

    /// `order` has taken the place of `target`: it now reserves all that is open of it.
    fn replaced(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        self.close(report.target, OrderState::REPLACED, Code::NONE, back);
        let Some(slot) = self.index.get(report.order.0) else {
            self.counts.unknown_reports += 1;
            return;
        };
        let Some(open) = self.orders.get_mut(slot) else { return };
        // Never more than was asked for, whatever the venue says.
        let leaves = report.leaves.min(open.intent.qty);
        let before = std::mem::replace(&mut open.reserved, leaves);
        open.leaves = leaves;
        let (instrument, side) = (open.intent.head.instrument, open.intent.side);
        self.reserve(instrument, side, leaves);
        self.release(instrument, side, before);
    }

    /// Counts what was refused, and what was cancelled for a reason of the venue's own.
    fn count_refusal(&mut self, report: &Report) {
        let code = Code(report.code);
        let found = self.counts.refusals.iter_mut().find(|(known, _)| *known == code);
        let Some((_, count)) = found else { return };
        *count += 1;
        if *count == 1 {
            let Report { order, limit, value, .. } = *report;
            self.counts.first.push(FirstRefusal { code, order, limit, value });
        }
    }
}

impl Stage for Gate {
    type In = Intent;
    type Out = Order;

    fn burst(&self) -> Burst {
        // Back: a refusal and its record; a replace that is confirmed closes its target and passes the report on.
        Burst { forward: 1, back: 2, report: 3 }
    }

    fn on(&mut self, intent: &Intent, out: &mut impl Sink<Order>, back: &mut impl Sink<Report>) {
        match intent.head.kind {
            Kind::KILL | Kind::CANCEL_ALL => {
                self.killed |= intent.head.kind == Kind::KILL;
                self.killing = Some(Killing { intent: *intent, cursor: 0 });
                return;
            }
            Kind::CANCEL_ORDER => self.counts.cancels += 1,
            _ => {
                self.counts.orders += 1;
                if !self.admit(intent, back) {
                    return;
                }
            }
        }
        out.put(Order::approved(intent));
    }

    fn on_report(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        let code = Code(report.code);
        match report.head.kind {
            Kind::REFUSED => {
                self.count_refusal(report);
                // A cancel that was refused has no order of its own.
                if report.order != OrderId::NONE {
                    self.close(report.order, OrderState::REFUSED, code, back);
                }
            }
            Kind::FILLED => self.filled(report, back),
            Kind::BROKEN => self.broken(report),
            Kind::CANCELED => self.canceled(report, back),
            Kind::REPLACED => self.replaced(report, back),
            Kind::REJECTED => {
                self.count_refusal(report);
                self.close(report.order, OrderState::REJECTED, code, back);
            }
            Kind::TOO_LATE => {
                self.count_refusal(report);
                if report.order != OrderId::NONE {
                    self.close(report.order, OrderState::REJECTED, code, back);
                }
            }
            _ => {}
        }
        back.put(report);
    }

    fn busy(&self) -> bool {
        self.killing.is_some()
    }

    fn resume(&mut self, out: &mut impl Sink<Order>, _back: &mut impl Sink<Report>) {
        let Some(mut killing) = self.killing else { return };
        let mut room = out.room_for_cancels();
        while room > 0 {
            room -= 1;
            let Some(slot) = self.orders.first_from(killing.cursor) else {
                out.put(Order::approved(&killing.intent));
                self.killing = None;
                return;
            };
            killing.cursor = slot + 1;
            let open = self.orders[slot];
            if open.intent.shard == killing.intent.shard {
                self.counts.cancels += 1;
                out.put(Order::approved(&cancel_of(&open.intent, &killing.intent)));
            }
        }
        self.killing = Some(killing);
    }

    fn promise_back(&self, next: Key, held: Key) -> Key {
        // Books count what they are owed; only the end is said, for the log.
        if next == Key::MAX && held == Key::MAX { Key::MAX } else { Key::default() }
    }
}

/// Places for open orders: each that the limit allows may have a replace on its way, which is open beside it.
fn orders_max(limits: &Limits) -> usize {
    limits.open_orders_max.saturating_mul(2)
}

/// A cancel of an open order that a kill sends.
fn cancel_of(open: &Intent, kill: &Intent) -> Intent {
    let head = Header {
        instrument: open.head.instrument,
        kind: Kind::CANCEL_ORDER,
        flags: Flags::UNASKED,
        ..kill.head
    };
    Intent {
        head,
        order: OrderId::NONE,
        target: open.order,
        side: open.side,
        strategy: open.strategy,
        account: open.account,
        ..*kill
    }
}

/// The refusal of an intent, to be completed with its source and code.
fn answer_to(intent: &Intent, latency_out: Nanos) -> Report {
    let head = Header {
        time: intent.head.time.plus(latency_out),
        kind: Kind::REFUSED,
        flags: Flags::ANSWER,
        ..intent.head
    };
    Report { head, number: intent.number, ..of_intent(intent) }
}

/// What the log keeps of an order that has ended.
fn record(intent: &Intent, leaves: Qty, state: OrderState, code: Code) -> Report {
    let head = Header { kind: Kind::CLOSED, ..intent.head };
    Report { head, leaves, state, code: code.0, ..of_intent(intent) }
}

fn of_intent(intent: &Intent) -> Report {
    Report {
        head: intent.head,
        order: intent.order,
        target: intent.target,
        parent: intent.parent,
        price: intent.price,
        qty: intent.qty,
        account: intent.account,
        strategy: intent.strategy,
        shard: ShardId(intent.shard.0),
        side: intent.side,
        order_type: intent.order_type,
        tif: intent.tif,
        ..Report::default()
    }
}

#[cfg(test)]
mod tests;
