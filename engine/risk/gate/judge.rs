//! Whether an order passes: the controls, in their order.
#![forbid(unsafe_code)]

use super::*;
use crate::risk::check::*;
use crate::risk::repeats::{Place, RepeatKey};

/// The levels, widest first.
const LEVELS: [Level; 4] = [Level::FIRM, Level::ACCOUNT, Level::STRATEGY, Level::INSTRUMENT];

/// Orders that are cancelled before another goes out: slots, then `NIL`.
pub(super) type Cleared = [u32; CLEARED_MAX];

/// An order that passed: what is to be reserved for it, and what goes out.
pub(super) struct Passed {
    pub(super) slots: Slots,
    /// What it adds to what is reserved already.
    pub(super) added: Qty,
    /// The same in money.
    pub(super) value: i128,
    /// What the whole of it is worth.
    pub(super) notional: i128,
    pub(super) repeat: RepeatKey,
    /// Where that is noted, if it is.
    pub(super) repeat_place: Option<Place>,
    /// What a sale is to be marked as.
    pub(super) sale: Sale,
    /// The price that a market order goes out with, if it has one.
    pub(super) market_price: Option<Price>,
    /// Ours that it would trade with, which are to be cancelled first.
    pub(super) clears: Cleared,
}

impl Gate {
    /// All controls, in order. What is refused reserves nothing; it counts for the pace of orders all the same.
    pub(super) fn judge(&mut self, intent: &Intent) -> Result<Passed, Refusal> {
        let (now, instrument) = (intent.head.time, intent.head.instrument);
        let slot = self.rules.strategy_slot(intent.strategy);
        let known = check_instrument(instrument, self.stakes.len());

        // 17 counts first, whatever becomes of the order.
        let account = slot.map(|slot| usize::from(self.rules.strategies[slot].account_place));
        let strategy = slot.map(Rules::strategy_place);
        let place = known.ok().map(|()| SLOTS + instrument.index());
        let places = [Some(0), account, strategy, place];
        let waits = places.map(|place| place.map_or(Nanos(0), |place| self.pace(place, now)));

        // 1
        for (level, place) in LEVELS.into_iter().zip(places) {
            if let Some(place) = place {
                check_killed(self.tallies[place].state, level)?;
            }
        }
        // 2, as far as it tells who it is for; 3.
        let Some(slot) = slot else {
            let value = intent.strategy.0.into();
            return Err(Refusal { code: Code::UNKNOWN_STRATEGY, limit: 0, value });
        };
        known?;
        let slots = Slots {
            account: self.rules.strategies[slot].account_place,
            strategy: Rules::strategy_place(slot) as u8,
            instrument: instrument.0,
        };
        let places = slots.places();
        let target = match intent.head.kind {
            Kind::REPLACE_ORDER => self.find(intent.target).filter(|it| it.may_become(intent)),
            _ => None,
        };
        let leaves = target.map_or(Qty::ZERO, |target| target.leaves);
        let added = intent.qty.saturating_sub(leaves);
        let part = &self.parts[slot * self.settings.instruments + instrument.index()];
        let Stake { exposure, terms, rule, .. } = &self.stakes[instrument.index()];
        // Of the strategy and of all together: else one would be reduced by adding to the other.
        let reduces = exposure.only_reduces(intent.side, added)
            && part.exposure.only_reduces(intent.side, added);
        // 1
        for (level, place) in LEVELS.into_iter().zip(places) {
            let worst = exposure.worst(intent.side, added);
            check_reduces(self.tallies[place].state, level, reduces, worst)?;
        }
        // 2
        check_account(intent, self.rules.strategies[slot].account)?;
        check_allowed(intent, rule.allowed, slot)?;
        let InstrumentClass { order: limits, level: _ } = *self.rules.class(rule.class);
        // 3
        check_health(intent)?;
        check_market_age(intent, limits.market_age_max)?;
        check_phase(intent, self.rules.set.phases)?;
        // 4, 5
        check_restricted(rule.restricted)?;
        let free = exposure.free_to_sell() + i128::from(leaves.0);
        let before = target.map(|target| target.intent.sale);
        // Where a short sale is held to more than others, none goes out as anything else.
        let tested = intent.head.flags.has(Flags::SHORT_TEST) || rule.located.is_some();
        let sale = check_sale(intent, free, before, limits.sale_marks || tested)?;
        check_located(sale, added, self.stakes[instrument.index()].located_used, rule.located)?;
        check_short_price(intent, sale)?;
        // 6
        check_form(intent, rule.negative_prices)?;
        check_steps(intent, terms)?;
        // 7
        check_order_qty(intent.qty, limits.qty_max)?;
        // 8, a market order at the far side of its collar.
        let stake = &self.stakes[instrument.index()];
        let fresh = limits.market_age_max.is_none_or(|age| now.since(stake.last_at) <= age);
        let last = if fresh { stake.last } else { Price(0) };
        let reference = reference(intent, last, terms);
        let market_price = self.price_of_market(intent, reference, &limits, terms)?;
        let price = market_price.unwrap_or(intent.price);
        let more = notional(price, added, terms.multiplier);
        let notional = notional(price, intent.qty, terms.multiplier);
        check_order_notional(notional, limits.notional_max)?;
        // 9
        check_average_volume(intent.qty, terms.average_volume, limits.average_volume_bp)?;
        // 10
        if intent.order_type != OrderType::MARKET {
            check_price_collar(intent, reference, limits.collar)?;
        }
        // What a replace adds is not known before its target is.
        if intent.head.kind == Kind::REPLACE_ORDER && target.is_none() {
            return Err(Refusal { code: Code::NOT_OPEN, limit: 0, value: 0 });
        }
        // Its target may fill before it takes its place, and what it adds is open all the same: so never less than that.
        let value = notional.saturating_sub(target.map_or(0, |target| target.value)).max(more);
        if !reduces {
            // 12
            check_position(intent.side, added, exposure, limits.long_max, limits.short_max)?;
            // 13, 14, 15
            for (level, place) in LEVELS.into_iter().zip(places) {
                let (limits, turnover) = (self.limits_at(place), &self.tallies[place].turnover);
                check_gross(turnover, value, limits.gross_max, level)?;
                check_net(turnover, intent.side, value, limits.net_max, level)?;
                check_credit(turnover, value, limits.credit_max, level)?;
            }
        }
        for (level, place) in LEVELS.into_iter().zip(places) {
            let (limits, tally) = (self.limits_at(place), &self.tallies[place]);
            // 16
            if let Some(limit) = &limits.window {
                let used = self.windows[place].sums(limit.within, now);
                check_window(used, notional, intent.qty, limit, level)?;
            }
            // 17
            if let Some(limit) = &limits.rate {
                check_rate(waits[usize::from(level.0)], limit, level)?;
            }
            // 18
            if target.is_none() {
                // The table of all of them is a limit too.
                let places = self.settings.orders_max.min(u32::MAX as usize) as u32;
                let limit = limits.open_orders_max.map_or(places, |limit| limit.min(places));
                check_open_orders(tally.open_orders, Some(limit), level)?;
            }
            let ratio = limits.orders_per_trade_max;
            check_orders_per_trade(tally.orders, tally.trades, ratio, level)?;
        }
        // 19
        let repeat = RepeatKey {
            account: intent.account,
            instrument,
            side: intent.side,
            order_type: intent.order_type,
            price: intent.price,
            qty: intent.qty,
        };
        let mut repeat_place = None;
        if let (Some(limit), Some(repeats)) = (&limits.repeats, &self.repeats) {
            let place = repeats.check(&repeat, limit, now);
            let refused = |(code, limit, value)| Refusal { code, limit, value };
            repeat_place = Some(place.map_err(refused)?);
        }
        // 21
        let clears = self.self_trade(intent, price, limits.self_trade)?;
        for (level, place) in LEVELS.into_iter().zip(places) {
            let limits = self.limits_at(place);
            // 22: what a loss led to is a state, and was looked at above; other limits may have come since.
            if !reduces && state_at(self.tallies[place].profit(), limits) != TradingState::LIVE {
                let limit = limits.loss_reduce.or(limits.loss_kill).map_or(0, |limit| limit.0);
                let value = capped(self.tallies[place].profit().saturating_neg());
                return Err(Refusal { code: Code::LOSS.at(level), limit: capped(limit), value });
            }
            // 23
            if let (Some(limit), Some(breaker)) = (&limits.breaker, self.breakers.get(place)) {
                check_breaker(breaker.admits(limit, now), level)?;
            }
        }
        // 25: no order has children yet, so none is known as a parent.
        check_parent(intent.parent, intent.qty, None)?;
        Ok(Passed {
            slots,
            added,
            value,
            notional,
            repeat,
            repeat_place,
            sale,
            market_price,
            clears,
        })
    }

    /// How long an order would have to wait, which counts as one.
    fn pace(&mut self, place: usize, now: Nanos) -> Nanos {
        let Some(limit) = self.limits_at(place).rate else { return Nanos(0) };
        let throttle = &mut self.tallies[place].throttle;
        let wait = throttle.wait(&limit, now);
        throttle.take(&limit, now);
        wait
    }

    /// 11: the price of a market order; `None` for a limit order, and where there is no collar.
    fn price_of_market(
        &self,
        intent: &Intent,
        reference: Option<Price>,
        limits: &OrderLimits,
        terms: &Terms,
    ) -> Result<Option<Price>, Refusal> {
        if intent.order_type != OrderType::MARKET {
            return Ok(None);
        }
        // Without a collar of its own it is counted at the price that a limit may have.
        let own = Collar { bp: 0, width: Price(0), passive: false };
        let collar = limits.market_collar.or(limits.collar).unwrap_or(own);
        market_price(intent, reference, collar, terms.tick).map(Some)
    }

    /// 21: ours that are to be cancelled before it goes out.
    fn self_trade(
        &mut self,
        intent: &Intent,
        price: Price,
        policy: Option<SelfTrade>,
    ) -> Result<Cleared, Refusal> {
        let none = [NIL; CLEARED_MAX];
        let Some(policy) = policy else { return Ok(none) };
        let other = at(intent.side.opposite());
        let stake = &self.stakes[intent.head.instrument.index()];
        if stake.first[other] == NIL || !crosses(intent.side, price, stake.best[other]) {
            return Ok(none);
        }
        let ours = self.look_for_best(intent);
        let met = check_self_trade(&Intent { price, ..*intent }, ours);
        if met.is_err()
            && policy == SelfTrade::CancelOldest
            && let (crossed, true) = self.crossed(intent, price)
        {
            return Ok(crossed);
        }
        // More than can be cancelled at once: it does not go out.
        met.map(|()| none)
    }

    /// 21: ours that are to be cancelled although the order is refused.
    pub(super) fn crossed_by_refused(&self, intent: &Intent, price: Price) -> Cleared {
        let stake = &self.stakes[intent.head.instrument.index()];
        match self.rules.class(stake.rule.class).order.self_trade {
            // Of more than three, some: it passes when it is tried again.
            Some(SelfTrade::CancelBoth | SelfTrade::CancelOldest) => self.crossed(intent, price).0,
            _ => [NIL; CLEARED_MAX],
        }
    }

    /// Ours that an order of this price would trade with, as many as can be cancelled at once; whether that is all.
    fn crossed(&self, intent: &Intent, price: Price) -> (Cleared, bool) {
        let (mut crossed, mut count) = ([NIL; CLEARED_MAX], 0);
        let stake = &self.stakes[intent.head.instrument.index()];
        let mut slot = stake.first[at(intent.side.opposite())];
        while let Some(open) = self.orders.get(slot) {
            let ours = open.intent.account == intent.account;
            if ours && crosses(intent.side, price, open.intent.price) {
                let Some(place) = crossed.get_mut(count) else { return (crossed, false) };
                (*place, count) = (slot, count + 1);
            }
            slot = open.next;
        }
        (crossed, true)
    }

    /// The best price of the account's orders on the other side; what was known of all orders' is put right.
    fn look_for_best(&mut self, intent: &Intent) -> Option<Price> {
        let side = intent.side.opposite();
        let better = |price: Price, than: Option<Price>| {
            than.is_none_or(|than| if side.is_buy() { price > than } else { price < than })
        };
        let stake = &mut self.stakes[intent.head.instrument.index()];
        let (mut best, mut ours) = (None, None);
        let mut slot = stake.first[at(side)];
        while let Some(open) = self.orders.get(slot) {
            let price = open.intent.price;
            if better(price, best) {
                best = Some(price);
            }
            if open.intent.account == intent.account && better(price, ours) {
                ours = Some(price);
            }
            slot = open.next;
        }
        stake.best[at(side)] = best.unwrap_or_default();
        ours
    }
}
