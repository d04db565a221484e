//! What orders reserve, and what becomes of it.
#![forbid(unsafe_code)]

use super::judge::{Cleared, Passed};
use super::latch::cancel_of;
use super::*;
use crate::risk::check::{Refusal, capped, notional};
use crate::risk::part::signed;

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
            self.clear(&crossed, intent, out);
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
        let slot = self.keep(&order, passed)?;
        self.clear(&passed.clears, intent, out);
        if order.head.kind == Kind::NEW {
            self.approved.add(order.qty);
            out.put(Order::approved(&order));
        } else {
            self.approved.add(Qty::ZERO);
            let executed = self.executed(order.target);
            self.beside[slot as usize].executed = executed;
            out.put(&Order::after(executed, order));
        }
        self.warn_in_turn(passed.slots.places());
        Ok(())
    }

    /// Cancels ours that an order would trade with.
    #[inline]
    fn clear(&mut self, crossed: &Cleared, intent: &Intent, out: &mut impl Sink<Order>) {
        for slot in crossed {
            let Some(ours) = self.orders.get(*slot) else { return };
            self.counts.cancels += 1;
            out.put(Order::approved(&cancel_of(&ours.intent, intent)));
        }
    }

    /// What an order and those before it in its chain have executed.
    fn executed(&self, order: OrderId) -> Qty {
        let slot = self.index.get(order.0);
        slot.and_then(|slot| self.beside.get(slot as usize)).map_or(Qty::ZERO, |it| it.executed)
    }

    /// Its place among the open ones.
    #[inline]
    fn keep(&mut self, intent: &Intent, passed: &Passed) -> Result<u32, Refusal> {
        let Passed { slots, class, added, value, counted_at, .. } = *passed;
        let is_new = intent.head.kind == Kind::NEW;
        let short = matches!(intent.sale, Sale::SHORT | Sale::SHORT_EXEMPT);
        let located = if short { added } else { Qty::ZERO };
        // Without a name of its own it could not be told from another.
        let nameless = Refusal { code: Code::MALFORMED, limit: 0, value: 0 };
        if intent.order == OrderId::NONE {
            return Err(nameless);
        }
        let Ok(slot) = self.orders.take() else { return Err(self.full()) };
        let added_to_index = self.index.add(intent.order.0, slot);
        if added_to_index != Ok(true) {
            self.orders.remove(slot);
            return Err(if added_to_index.is_ok() { nameless } else { self.full() });
        }
        self.link(slot, slots, intent.side, intent.price);
        self.reserve(slots, intent.side, added);
        if !is_new {
            self.stakes[slots.instrument as usize].waiting[at(intent.side)] += 1;
        }
        if short {
            let stake = &mut self.stakes[slots.instrument as usize];
            stake.located_used = stake.located_used.saturating_add(located);
        }
        let now = intent.head.time;
        let mut sent = [Generation::default(); 3];
        let places = slots.places();
        let rules = self.rules.levels(places, class);
        for at in 0..places.len() {
            let (place, rule) = (places[at], rules[at]);
            let tally = &mut self.tallies[place];
            tally.turnover.reserve(intent.side, value);
            tally.orders += 1;
            tally.open_orders += u32::from(is_new);
            if rule.window_slice > 0 {
                self.windows[place].count(passed.notional.unsigned_abs(), intent.qty.0);
            }
            if let (Some(limit), Some(sent)) = (&rule.breaker, sent.get_mut(at)) {
                *sent = self.breakers[place].sent(limit, now);
            }
        }
        self.orders[slot] = Open {
            intent: *intent,
            reserved: added,
            leaves: intent.qty,
            value,
            counted_at,
            slots,
            counted: is_new,
            located,
            sent,
            answered: false,
        };
        if let (Some(place), Some(repeats)) = (passed.repeat_place, &mut self.repeats) {
            repeats.note(place, &passed.repeat, now);
        }
        Ok(slot)
    }

    #[cold]
    fn full(&self) -> Refusal {
        Refusal {
            code: Code::GATE_FULL,
            limit: self.settings.orders_max as i64,
            value: self.orders.len() as i64,
        }
    }

    /// Reserves a quantity in the instrument.
    #[inline]
    fn reserve(&mut self, slots: Slots, side: Side, qty: Qty) {
        let more = |open: &mut Qty| *open = open.saturating_add(qty);
        more(self.stakes[slots.instrument as usize].exposure.open_mut(side));
        more(self.part(slots).exposure.open_mut(side));
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
            self.tallies[place].turnover.release(side, value);
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
        self.beside[slot as usize] = Beside { next: before, ..Beside::NOTHING };
        if let Some(next) = self.beside.get_mut(before as usize) {
            next.previous = slot;
        }
    }

    #[inline]
    fn unlink(&mut self, slot: u32, open: &Open) {
        let Beside { next, previous, .. } = self.beside[slot as usize];
        match self.beside.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => {
                let stake = &mut self.stakes[open.slots.instrument as usize];
                stake.first[at(open.intent.side)] = next;
            }
        }
        if let Some(next) = self.beside.get_mut(next as usize) {
            next.previous = previous;
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
                    self.rejected(report);
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
        self.unlink(slot, &open);
        self.release(open.slots, open.intent.side, open.reserved, open.value);
        let stake = &mut self.stakes[open.slots.instrument as usize];
        stake.located_used = stake.located_used.saturating_sub(open.located);
        if open.counted {
            self.count_closed(open.slots);
        } else {
            self.answer_waiting(open.slots, open.intent.side);
        }
        back.put(&record(&open.intent, open.leaves, state, code));
    }

    /// A replace that waited has its answer.
    fn answer_waiting(&mut self, slots: Slots, side: Side) {
        let waiting = &mut self.stakes[slots.instrument as usize].waiting[at(side)];
        *waiting = waiting.saturating_sub(1);
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
        if let Some((slot, open)) = slot.and_then(|slot| Some((slot, self.orders.get_mut(slot)?))) {
            open.located = open.located.saturating_sub(report.qty);
            let executed = &mut self.beside[slot as usize].executed;
            *executed = executed.saturating_add(report.qty);
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
            // One that is void was counted when it was made.
            tally.trades += u64::from(report.head.kind == Kind::FILLED);
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
        } else {
            self.bring_back(report.order, report.qty);
        }
    }

    /// The venue took some of an order that is still open. A replace of it that is on its way brings that back, and was not
    /// counted for it: it is now.
    #[cold]
    fn bring_back(&mut self, order: OrderId, qty: Qty) {
        let Some(target) = self.find(order) else { return };
        let (side, stake) = (target.intent.side, &self.stakes[target.slots.instrument as usize]);
        let multiplier = stake.terms.multiplier;
        let (mut slot, mut waiting) = (stake.first[at(side)], stake.waiting[at(side)]);
        // The youngest come first, and what waits is young.
        while let Some(open) = self.orders.get_mut(slot).filter(|_| waiting > 0) {
            waiting -= u32::from(!open.counted);
            if open.intent.target == order && !open.counted {
                let more = qty.min(open.leaves.saturating_sub(open.reserved));
                let value = notional(open.counted_at, more, multiplier);
                open.reserved = open.reserved.saturating_add(more);
                open.value = open.value.saturating_add(value);
                let short = matches!(open.intent.sale, Sale::SHORT | Sale::SHORT_EXEMPT);
                let located = if short { more } else { Qty::ZERO };
                open.located = open.located.saturating_add(located);
                let slots = open.slots;
                self.reserve(slots, side, more);
                let stake = &mut self.stakes[slots.instrument as usize];
                stake.located_used = stake.located_used.saturating_add(located);
                for place in slots.places() {
                    self.tallies[place].turnover.reserve(side, value);
                }
            }
            slot = self.beside[slot as usize].next;
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
        let (slots, side, price) = (open.slots, open.intent.side, open.counted_at);
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
        let executed = self.executed(report.target);
        self.close(report.target, OrderState::REPLACED, Code::NONE, back);
        let Some(slot) = self.index.get(report.order.0) else {
            self.counts.unknown_reports += 1;
            return;
        };
        let Some(open) = self.orders.get_mut(slot).filter(|_| first) else { return };
        // What filled while it was on its way is its chain's too.
        let of_chain = &mut self.beside[slot as usize].executed;
        *of_chain = executed.max(*of_chain);
        // Never more than was asked for, whatever the venue says; and what was heard of it before this is gone.
        let gone = open.intent.qty.saturating_sub(open.leaves);
        let leaves = report.leaves.min(open.intent.qty).saturating_sub(gone);
        let Open { slots, counted_at, intent: Intent { side, sale, .. }, .. } = *open;
        let multiplier = self.stakes[slots.instrument as usize].terms.multiplier;
        let value = notional(counted_at, leaves, multiplier);
        let before = (open.reserved, open.value, open.located);
        let short = matches!(sale, Sale::SHORT | Sale::SHORT_EXEMPT);
        let located = if short { leaves } else { Qty::ZERO };
        (open.leaves, open.reserved, open.value, open.located) = (leaves, leaves, value, located);
        self.reserve(slots, side, leaves);
        for place in slots.places() {
            self.tallies[place].turnover.reserve(side, value);
        }
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
        let (slots, side) = (open.slots, open.intent.side);
        if first {
            self.answer_waiting(slots, side);
            for place in slots.places() {
                self.tallies[place].open_orders += 1;
            }
        }
        first
    }
}
