//! What orders reserve, and what becomes of it.
#![forbid(unsafe_code)]

use super::judge::{Cleared, Passed};
use super::latch::cancel_of;
use super::*;
use crate::risk::check::{Refusal, capped, notional};
use crate::risk::own::signed;

impl Gate {
    /// Lets an order out, or answers it with a refusal.
    pub(super) fn admit(
        &mut self,
        intent: &Intent,
        out: &mut impl Sink<Order>,
        back: &mut impl Sink<Report>,
    ) {
        let refusal = match self.judge(intent) {
            Ok(passed) => match self.let_out(intent, &passed, out) {
                Ok(()) => return,
                Err(refusal) => refusal,
            },
            Err(refusal) => refusal,
        };
        if refusal.code == Code::SELF_TRADE {
            let crossed = self.crossed_by_refused(intent, Price(refusal.value));
            self.clear(crossed, intent, out);
        }
        self.answers += 1;
        let mut answer = answer_to(intent, Kind::REFUSED, self.settings.latency_out);
        (answer.head.source, answer.sequence) = (Source::RISK, self.answers);
        (answer.code, answer.limit, answer.value) = (refusal.code.0, refusal.limit, refusal.value);
        self.counts.refused(&answer);
        back.put(&answer);
        let mut refused = record(intent, Qty::ZERO, OrderState::REFUSED, refusal.code);
        (refused.limit, refused.value) = (refusal.limit, refusal.value);
        back.put(&refused);
        self.warn_of(intent);
    }

    /// Reserves what it may fill, and lets it out: now, or once ours that it would meet are cancelled.
    #[inline]
    fn let_out(
        &mut self,
        intent: &Intent,
        passed: &Passed,
        out: &mut impl Sink<Order>,
    ) -> Result<(), Refusal> {
        let mut order = *intent;
        order.sale = passed.sale;
        if let Some(price) = passed.market_price {
            // What is beyond the collar is not to trade: the venue cancels it.
            (order.price, order.order_type, order.tif) =
                (price, OrderType::LIMIT, TimeInForce::IOC);
        }
        self.keep(&order, passed)?;
        self.clear(passed.clears, intent, out);
        let is_new = order.head.kind == Kind::NEW;
        self.approved.add(if is_new { order.qty } else { Qty::ZERO });
        out.put(Order::approved(&order));
        if self.counts.orders.is_multiple_of(super::latch::ORDERS_BETWEEN_WARNINGS) {
            self.warn_of(intent);
        }
        Ok(())
    }

    /// Cancels ours that an order would trade with.
    #[inline]
    fn clear(&mut self, crossed: Cleared, intent: &Intent, out: &mut impl Sink<Order>) {
        for slot in crossed {
            if let Some(ours) = self.orders.get(slot) {
                self.counts.cancels += 1;
                out.put(Order::approved(&cancel_of(&ours.intent, intent)));
            }
        }
    }

    #[inline]
    fn keep(&mut self, intent: &Intent, passed: &Passed) -> Result<(), Refusal> {
        let Passed { slots, added, value, .. } = *passed;
        let is_new = intent.head.kind == Kind::NEW;
        let short = matches!(intent.sale, Sale::SHORT | Sale::SHORT_EXEMPT);
        let open = Open {
            intent: *intent,
            reserved: added,
            leaves: intent.qty,
            value,
            slots,
            counted: is_new,
            located: if short { added } else { Qty::ZERO },
            ..Open::default()
        };
        let full = Refusal {
            code: Code::GATE_FULL,
            limit: self.settings.orders_max as i64,
            value: self.orders.len() as i64,
        };
        // Without a name of its own it could not be told from another.
        if intent.order == OrderId::NONE || self.index.get(intent.order.0).is_some() {
            return Err(Refusal { code: Code::MALFORMED, limit: 0, value: 0 });
        }
        let Ok(slot) = self.orders.insert(open) else { return Err(full) };
        if self.index.insert(intent.order.0, slot).is_err() {
            self.orders.remove(slot);
            return Err(full);
        }
        self.link(slot, slots, intent.side, intent.price);
        self.reserve(slots, intent.side, added, value);
        let stake = &mut self.stakes[slots.instrument as usize];
        stake.located_used = stake.located_used.saturating_add(open.located);
        let now = intent.head.time;
        let mut sent = [Generation::default(); 3];
        for (level, place) in slots.places().into_iter().enumerate() {
            let (window, breaker) = {
                let limits = self.limits_at(place);
                (limits.window, limits.breaker)
            };
            let tally = &mut self.tallies[place];
            tally.orders += 1;
            tally.open_orders += u32::from(is_new);
            if let Some(limit) = window {
                let value = passed.notional.unsigned_abs();
                self.windows[place].add(limit.within, now, value, intent.qty.0);
            }
            if let (Some(limit), Some(breaker)) = (breaker, self.breakers.get_mut(place)) {
                sent[level] = breaker.sent(&limit, now);
            }
        }
        self.orders[slot].sent = Some(sent);
        if let (Some(place), Some(repeats)) = (passed.repeat_place, &mut self.repeats) {
            repeats.note(place, &passed.repeat, now);
        }
        Ok(())
    }

    #[inline]
    fn reserve(&mut self, slots: Slots, side: Side, qty: Qty, value: i128) {
        let more = |open: &mut Qty| *open = open.saturating_add(qty);
        more(self.stakes[slots.instrument as usize].exposure.open_mut(side));
        more(self.part(slots).exposure.open_mut(side));
        for place in slots.places() {
            self.tallies[place].reserve(side, value);
        }
    }

    #[inline]
    fn release(&mut self, slots: Slots, side: Side, qty: Qty, value: i128) {
        let less = |open: &mut Qty| {
            debug_assert!(*open >= qty, "Invariant: what is released was reserved");
            *open = open.saturating_sub(qty);
        };
        less(self.stakes[slots.instrument as usize].exposure.open_mut(side));
        less(self.part(slots).exposure.open_mut(side));
        for place in slots.places() {
            self.tallies[place].release(side, value);
        }
    }

    /// Puts an order at the head of its side's list.
    #[inline]
    fn link(&mut self, slot: u32, slots: Slots, side: Side, price: Price) {
        let stake = &mut self.stakes[slots.instrument as usize];
        let before = std::mem::replace(&mut stake.first[at(side)], slot);
        let best = &mut stake.best[at(side)];
        let is_better = if side.is_buy() { price > *best } else { price < *best };
        if before == NIL || is_better {
            *best = price;
        }
        self.orders[slot].next = before;
        if let Some(next) = self.orders.get_mut(before) {
            next.previous = slot;
        }
    }

    #[inline]
    fn unlink(&mut self, open: &Open) {
        match self.orders.get_mut(open.previous) {
            Some(previous) => previous.next = open.next,
            None => {
                let stake = &mut self.stakes[open.slots.instrument as usize];
                stake.first[at(open.intent.side)] = open.next;
            }
        }
        if let Some(next) = self.orders.get_mut(open.next) {
            next.previous = open.previous;
        }
    }

    /// Takes a report in. Returns what it costs, all in all.
    pub(super) fn take_in(&mut self, report: &Report, back: &mut impl Sink<Report>) -> i64 {
        let mut fee = report.fee;
        let code = Code(report.code);
        match report.head.kind {
            Kind::REFUSED => {
                self.counts.refused(report);
                // A cancel that was refused has no order of its own.
                if report.order != OrderId::NONE {
                    self.close(report.order, OrderState::REFUSED, code, back);
                }
            }
            Kind::ACCEPTED => self.answered(report),
            Kind::FILLED => fee = self.filled(report, back),
            Kind::BROKEN => fee = self.broken(report),
            Kind::CANCELED => self.canceled(report, back),
            Kind::REPLACED => self.replaced(report, back),
            Kind::REJECTED => {
                self.counts.refused(report);
                self.rejected(report);
                self.close(report.order, OrderState::REJECTED, code, back);
            }
            Kind::TOO_LATE => {
                self.counts.refused(report);
                if report.order != OrderId::NONE {
                    self.close(report.order, OrderState::REJECTED, code, back);
                }
            }
            _ => {}
        }
        fee
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
        self.unlink(&open);
        self.release(open.slots, open.intent.side, open.reserved, open.value);
        let stake = &mut self.stakes[open.slots.instrument as usize];
        stake.located_used = stake.located_used.saturating_sub(open.located);
        if open.counted {
            self.count_closed(open.slots);
        }
        back.put(&record(&open.intent, open.leaves, state, code));
    }

    fn count_closed(&mut self, slots: Slots) {
        for place in slots.places() {
            let tally = &mut self.tallies[place];
            tally.open_orders = tally.open_orders.saturating_sub(1);
            if tally.open_orders == 0 && tally.state == TradingState::KILLED {
                self.tell_flat(place);
            }
        }
    }

    fn filled(&mut self, report: &Report, back: &mut impl Sink<Report>) -> i64 {
        self.counts.fills += 1;
        self.answered(report);
        let slots = self.slots_of(report);
        // What was sold short stays borrowed.
        let slot = self.index.get(report.order.0);
        if let Some(open) = slot.and_then(|slot| self.orders.get_mut(slot)) {
            open.located = open.located.saturating_sub(report.qty);
        }
        let fee = self.account_for(report, slots, false);
        if self.reduce(report.order, report.qty) {
            self.close(report.order, OrderState::FILLED, Code::NONE, back);
        }
        fee
    }

    /// Takes a trade into the books, or out of them again if it is `void`. Returns its fee: the report's and the schedule's.
    fn account_for(&mut self, report: &Report, slots: Slots, void: bool) -> i64 {
        let (instrument, trade) = (report.head.instrument, Trade::from(report));
        let before = self.portfolio.holding(instrument).fees.0;
        let known = match void {
            false => self.portfolio.on_fill(instrument, &trade),
            true => self.portfolio.on_void(instrument, &trade),
        };
        if !known {
            return report.fee;
        }
        // Below zero if it is given back.
        let fee = self.portfolio.holding(instrument).fees.0.saturating_sub(before);
        let side = if void { report.side.opposite() } else { report.side };
        self.trade(report, slots, side, fee);
        capped(if void { fee.saturating_neg() } else { fee })
    }

    /// A fill is void: the position goes back, and nothing is open again.
    fn broken(&mut self, report: &Report) -> i64 {
        let slots = self.slots_of(report);
        self.account_for(report, slots, true)
    }

    /// For whom a report is. An order of an earlier program is this one's to answer for.
    fn slots_of(&self, report: &Report) -> Slots {
        if let Some(open) = self.find(report.order) {
            return open.slots;
        }
        let slot = self
            .rules
            .strategy_slot(report.strategy)
            .or_else(|| self.rules.strategy_slot(self.settings.heir.1));
        let Some(slot) = slot else {
            // Nobody may trade at all: it is counted where it is seen.
            return Slots { account: 1, strategy: Rules::strategy_place(0) as u8, instrument: 0 };
        };
        Slots {
            account: self.rules.strategies[slot].account_place,
            strategy: Rules::strategy_place(slot) as u8,
            instrument: report.head.instrument.0,
        }
    }

    /// Moves positions, turnover and profit by a trade on `side`.
    fn trade(&mut self, report: &Report, slots: Slots, side: Side, fee: i128) {
        let slots = Slots { instrument: report.head.instrument.0, ..slots };
        let index = slots.instrument as usize;
        let strategy = usize::from(slots.strategy) - Rules::strategy_place(0);
        if strategy >= self.rules.strategies.len() {
            return;
        }
        if self.stakes[index].mark == Price(0) {
            // Before this trade: what was traded for nothing is worth something too.
            self.revalue(report.head.instrument, report.price);
        }
        let stake = &mut self.stakes[index];
        let position = self.portfolio.holding(report.head.instrument).position;
        stake.exposure.position = position;
        (stake.last, stake.last_at) = (report.price, report.head.time);
        let multiplier = i128::from(stake.terms.multiplier);
        let each = i128::from(report.price.0) * multiplier;
        let qty = signed(side.is_buy(), report.qty);
        let paid = each.saturating_mul(i128::from(qty));
        let worth = (i128::from(stake.mark.0) * multiplier).saturating_mul(i128::from(qty));
        let part = self.part(slots);
        let invested = part.trade(qty, paid);
        let holds = part.exposure.position.0 != 0;
        let held = &mut self.stakes[index].held;
        *held = *held & !(1 << strategy) | u16::from(holds) << strategy;
        for place in slots.places() {
            let tally = &mut self.tallies[place];
            tally.trades += 1;
            tally.traded(paid, fee, invested);
            tally.revalue(worth);
            self.look_at_loss(place);
        }
    }

    fn canceled(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        self.counts.refused(report);
        let slot = self.index.get(report.order.0);
        if let Some(open) = slot.and_then(|slot| self.orders.get_mut(slot)) {
            // What is no longer on offer need not be borrowed.
            let freed = open.located.min(report.qty);
            open.located = open.located.saturating_sub(freed);
            let stake = &mut self.stakes[open.slots.instrument as usize];
            stake.located_used = stake.located_used.saturating_sub(freed);
        }
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
        let (slots, side, price) = (open.slots, open.intent.side, open.intent.price);
        let multiplier = self.stakes[slots.instrument as usize].terms.multiplier;
        open.reserved = open.reserved.saturating_sub(qty);
        open.leaves = open.leaves.saturating_sub(qty);
        let value = notional(price, released, multiplier).min(open.value);
        open.value -= value;
        let done = open.leaves == Qty::ZERO;
        self.release(slots, side, released, value);
        done
    }

    /// `order` has taken the place of `target`: it now reserves all that is open of it.
    fn replaced(&mut self, report: &Report, back: &mut impl Sink<Report>) {
        self.answered(report);
        // It is counted before its target is not: in between nothing would seem to be open.
        let first = self.count_replacement(report.order);
        self.close(report.target, OrderState::REPLACED, Code::NONE, back);
        let Some(slot) = self.index.get(report.order.0) else {
            self.counts.unknown_reports += 1;
            return;
        };
        let Some(open) = self.orders.get_mut(slot).filter(|_| first) else { return };
        // Never more than was asked for, whatever the venue says; and what was heard of it before this is gone.
        let gone = open.intent.qty.saturating_sub(open.leaves);
        let leaves = report.leaves.min(open.intent.qty).saturating_sub(gone);
        let Open { slots, intent: Intent { side, price, sale, .. }, .. } = *open;
        let multiplier = self.stakes[slots.instrument as usize].terms.multiplier;
        let value = notional(price, leaves, multiplier);
        let before = (open.reserved, open.value, open.located);
        let short = matches!(sale, Sale::SHORT | Sale::SHORT_EXEMPT);
        let located = if short { leaves } else { Qty::ZERO };
        (open.leaves, open.reserved, open.value, open.located) = (leaves, leaves, value, located);
        self.reserve(slots, side, leaves, value);
        self.release(slots, side, before.0, before.1);
        let stake = &mut self.stakes[slots.instrument as usize];
        let used = stake.located_used.saturating_add(located);
        stake.located_used = used.saturating_sub(before.2);
        if leaves == Qty::ZERO {
            self.close(report.order, OrderState::FILLED, Code::NONE, back);
        }
    }

    /// Whether it was not confirmed before.
    fn count_replacement(&mut self, order: OrderId) -> bool {
        let slot = self.index.get(order.0);
        let Some(open) = slot.and_then(|slot| self.orders.get_mut(slot)) else { return false };
        let first = !std::mem::replace(&mut open.counted, true);
        if first {
            for place in open.slots.places() {
                self.tallies[place].open_orders += 1;
            }
        }
        first
    }
}
