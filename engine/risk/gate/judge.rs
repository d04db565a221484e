//! Whether an order passes: the controls, in their order.
#![forbid(unsafe_code)]

use super::*;
use crate::base::prefetch::prefetch;
use crate::risk::check::*;
use crate::risk::repeats::{Place, RepeatKey};
use crate::risk::throttle::Bucket;

/// The levels, widest first.
const LEVELS: [Level; 4] = [Level::FIRM, Level::ACCOUNT, Level::STRATEGY, Level::INSTRUMENT];
/// Their places in arrays. Those are not iterated over as values: to copy them costs as much as a control.
const ALL: std::ops::Range<usize> = 0..LEVELS.len();

/// Orders that are cancelled before another goes out: slots, then `NIL`.
pub(super) type Cleared = [u32; CLEARED_MAX];

/// An order that passed: what is to be reserved for it, and what goes out.
pub(super) struct Passed {
    pub(super) slots: Slots,
    /// The class of its instrument.
    pub(super) class: u16,
    /// What it adds to what is reserved already.
    pub(super) added: Qty,
    /// The same in money.
    pub(super) value: i128,
    /// What the whole of it is worth.
    pub(super) notional: i128,
    /// The price that these are counted at.
    pub(super) counted_at: Price,
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
    #[inline]
    pub(super) fn judge(&mut self, intent: &Intent) -> Result<Passed, Refusal> {
        let (now, instrument) = (intent.head.time, intent.head.instrument);
        let slot = self.rules.strategy_slot(intent.strategy);
        let known = check_instrument(instrument, self.stakes.len());
        let (Some(slot), Ok(())) = (slot, known) else {
            return Err(self.unknown(intent, slot, known));
        };
        self.expect(instrument.index(), slot, intent);
        let strategy = self.rules.strategies[slot];
        let slots = Slots {
            account: strategy.account_place,
            strategy: Rules::strategy_place(slot) as u8,
            instrument: instrument.0,
        };
        let places = slots.places();
        let repeat = RepeatKey {
            account: intent.account,
            instrument,
            side: intent.side,
            order_type: intent.order_type,
            price: intent.price,
            qty: intent.qty,
        };
        let hashed = self.repeats.as_ref().map(|repeats| repeats.expect(&repeat));
        let Stake { rule: InstrumentRule { class, .. }, first, .. } =
            self.stakes[instrument.index()];
        // The one before it on its side, whose neighbour it will be.
        if let Some(beside) = self.beside.get(first[at(intent.side)] as usize) {
            prefetch(beside);
        }
        let rules = self.rules.levels(places, class);
        // 17 counts first, whatever becomes of the order; and time goes on for 16.
        let (mut waits, mut windows) = ([Nanos(0); 4], [(0, 0); 4]);
        for at in ALL {
            let (place, rule) = (places[at], rules[at]);
            let throttle = &mut self.tallies[place].throttle;
            waits[at] = throttle.wait(&rule.bucket, now);
            throttle.take(&rule.bucket, now);
            if rule.window_slice > 0 {
                windows[at] = self.windows[place].turn(rule.window_slice, now);
            }
        }
        let tallies = places.map(|place| &self.tallies[place]);

        // 1
        for at in ALL {
            check_killed(tallies[at].state, LEVELS[at])?;
        }
        let target = match intent.head.kind {
            Kind::REPLACE_ORDER => self.find(intent.target).filter(|it| it.may_become(intent)),
            _ => None,
        };
        let leaves = target.map_or(Qty::ZERO, |target| target.leaves);
        let added = intent.qty.saturating_sub(leaves);
        let part = &self.parts[slot * self.settings.instruments + instrument.index()];
        let stake = &self.stakes[instrument.index()];
        let Stake { exposure, terms, rule, .. } = stake;
        // Of the strategy and of all together: else one would be reduced by adding to the other.
        let reduces = exposure.only_reduces(intent.side, added)
            && part.exposure.only_reduces(intent.side, added);
        // 1
        let worst = exposure.worst(intent.side, added);
        for at in ALL {
            let (level, state) = (LEVELS[at], tallies[at].state);
            let reduces =
                state == TradingState::LIVE || self.reduces_at(level, slots, intent.side, added);
            check_reduces(state, level, reduces, worst)?;
        }
        // 2
        check_account(intent, strategy.account)?;
        check_allowed(intent, rule.allowed, slot)?;
        let limits = &self.rules.class(class).order;
        // 3
        check_health(intent)?;
        check_market_age(intent, self.latest, limits.market_age_max)?;
        check_phase(intent, self.rules.set.phases)?;
        // 4, 5
        check_restricted(rule.restricted)?;
        let free = exposure.free_to_sell() + i128::from(leaves.0);
        let before = target.map(|target| target.intent.sale);
        // Where a short sale is held to more than others, none goes out as anything else.
        let tested = intent.head.flags.has(Flags::SHORT_TEST) || rule.located.is_some();
        let sale = check_sale(intent, free, before, limits.sale_marks || tested)?;
        if rule.located.is_some() {
            check_located(sale, added, stake.located_used, rule.located)?;
        }
        check_short_price(intent, sale)?;
        // 6
        check_form(intent, rule.negative_prices)?;
        check_steps(intent, terms)?;
        // 7
        check_order_qty(intent.qty, limits.qty_max)?;
        // 8, a purchase at the market at the far side of its collar, a sale at no less than the market.
        let fresh = limits.market_age_max.is_none_or(|age| now.since(stake.last_at) <= age);
        let last = if fresh { stake.last } else { Price(0) };
        let reference = reference(intent, last, terms);
        let market_price = self.price_of_market(intent, reference, limits, terms)?;
        let price = market_price.unwrap_or(intent.price);
        let counted_at = counted_price(intent.side, price, reference);
        let whole = notional(counted_at, intent.qty, terms.multiplier);
        check_order_notional(whole, limits.notional_max)?;
        // 9
        check_average_volume(intent.qty, terms.average_volume, limits.average_volume_bp)?;
        // 10
        if intent.order_type != OrderType::MARKET {
            check_price_collar(intent, reference, limits.collar)?;
        }
        let value = match target {
            // Its target may fill before it takes its place, and what it adds is open all the same: so never less than that.
            Some(target) => {
                let more = notional(counted_at, added, terms.multiplier);
                whole.saturating_sub(target.value).max(more)
            }
            // What a replace adds is not known before its target is.
            None if intent.head.kind == Kind::REPLACE_ORDER => {
                return Err(Refusal { code: Code::NOT_OPEN, limit: 0, value: 0 });
            }
            None => whole,
        };
        if !reduces {
            // 12
            check_position(intent.side, added, exposure, limits.long_max, limits.short_max)?;
        }
        for at in ALL {
            let (level, rule, turnover) = (LEVELS[at], rules[at], &tallies[at].turnover);
            // An account may get more by what makes all together, and the strategy itself, less.
            if reduces
                && (level != Level::ACCOUNT || self.reduces_at(level, slots, intent.side, added))
            {
                continue;
            }
            // 13, 14, 15
            check_gross(turnover, value, Some(rule.gross_max), level)?;
            check_net(turnover, intent.side, value, Some(rule.net_max), level)?;
            check_credit(turnover, value, Some(rule.credit_max), level)?;
        }
        for at in ALL {
            let (level, rule, tally) = (LEVELS[at], rules[at], tallies[at]);
            // 16
            if rule.window_slice > 0 {
                check_window(windows[at], whole, intent.qty, &rule.window, level)?;
            }
            // 17
            check_rate(waits[at], &rule.rate, level)?;
            // 18
            if target.is_none() {
                check_open_orders(tally.open_orders, Some(rule.open_orders_max), level)?;
            }
            let ratio = rule.orders_per_trade_max;
            check_orders_per_trade(tally.orders, tally.trades, ratio, level)?;
        }
        // 19
        let mut repeat_place = None;
        if let (Some(limit), Some(repeats), Some(hashed)) = (&limits.repeats, &self.repeats, hashed)
        {
            let place = repeats.check(&repeat, hashed, limit, now);
            let refused = |(code, limit, value)| Refusal { code, limit, value };
            repeat_place = Some(place.map_err(refused)?);
        }
        // 21
        let self_trade = limits.self_trade;
        let clears = self.self_trade(intent, price, self_trade)?;
        let rules = self.rules.levels(places, class);
        for at in ALL {
            let (level, place, rule) = (LEVELS[at], places[at], rules[at]);
            // 22: what a loss led to is a state, and was looked at above; other limits may have come since.
            if self.tallies[place].profit <= rule.loss_at
                && !self.reduces_at(level, slots, intent.side, added)
            {
                self.check_loss(place, level)?;
            }
            // 23
            if let (Some(limit), Some(breaker)) = (&rule.breaker, self.breakers.get(place)) {
                check_breaker(breaker.admits(limit, now), level)?;
            }
        }
        // 25: no order has children yet, so none is known as a parent.
        check_parent(intent.parent, intent.qty, None)?;
        Ok(Passed {
            slots,
            class,
            added,
            value,
            notional: whole,
            counted_at,
            repeat,
            repeat_place,
            sale,
            market_price,
            clears,
        })
    }

    /// Asks for all that an order of an instrument looks at: seldom in the cache, and one line does not wait for another.
    #[inline]
    fn expect(&self, instrument: usize, slot: usize, intent: &Intent) {
        let place = SLOTS + instrument;
        let (stake, tally) = (&self.stakes[instrument], &self.tallies[place]);
        prefetch(stake);
        prefetch(&stake.rule);
        prefetch(&stake.located_used);
        prefetch(tally);
        prefetch(&tally.profit);
        prefetch(&self.parts[slot * self.settings.instruments + instrument]);
        if let Some(window) = self.windows.get(place) {
            window.expect();
        }
        self.index.hint(intent.order.0);
    }

    /// 1 to 3 for an order of which the strategy or the instrument is not known; it counts for the pace of what is.
    #[cold]
    fn unknown(&mut self, intent: &Intent, slot: Option<usize>, known: Verdict) -> Refusal {
        let account = slot.map(|slot| usize::from(self.rules.strategies[slot].account_place));
        let strategy = slot.map(Rules::strategy_place);
        let instrument = known.ok().map(|()| SLOTS + intent.head.instrument.index());
        let mut killed = Ok(());
        for (level, place) in LEVELS.into_iter().zip([Some(0), account, strategy, instrument]) {
            let Some(place) = place else { continue };
            if let Some(limit) = self.limits_at(place).rate {
                self.tallies[place].throttle.take(&Bucket::of(&limit), intent.head.time);
            }
            killed = killed.and(check_killed(self.tallies[place].state, level));
        }
        let value = intent.strategy.0.into();
        let nobody = Refusal { code: Code::UNKNOWN_STRATEGY, limit: 0, value };
        let strategy = slot.map_or(Err(nobody), |_| Ok(()));
        killed.and(strategy).and(known).err().unwrap_or(nobody)
    }

    /// 22
    #[cold]
    fn check_loss(&self, place: usize, level: Level) -> Verdict {
        let (profit, limits) = (self.tallies[place].profit, self.limits_at(place));
        if state_at(profit, limits) == TradingState::LIVE {
            return Ok(());
        }
        let limit = limits.loss_reduce.or(limits.loss_kill).map_or(0, |limit| limit.0);
        let value = capped(profit.saturating_neg());
        Err(Refusal { code: Code::LOSS.at(level), limit: capped(limit), value })
    }

    /// Whether an order that adds `added` can but reduce what its strategy holds, and what the scope at `level` holds. Of a
    /// strategy that is the same: others may hold as much against it.
    #[cold]
    fn reduces_at(&self, level: Level, slots: Slots, side: Side, added: Qty) -> bool {
        let instrument = slots.instrument as usize;
        let of = |slot: usize| self.parts[slot * self.settings.instruments + instrument].exposure;
        let own = of(usize::from(slots.strategy) - Rules::strategy_place(0));
        let of_scope = match level {
            Level::STRATEGY => own,
            Level::ACCOUNT => {
                let mut sum = Exposure::default();
                for (slot, rule) in self.rules.strategies.iter().enumerate() {
                    if rule.account_place == slots.account {
                        sum = sum.plus(&of(slot));
                    }
                }
                sum
            }
            _ => self.stakes[instrument].exposure,
        };
        own.only_reduces(side, added) && of_scope.only_reduces(side, added)
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
        // Without a collar it trades no further than the price that it was sent for.
        let none = Collar { bp: 0, width: Price(0), passive: false };
        let collar = limits.market_collar.unwrap_or(none);
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
            slot = self.beside[slot as usize].next;
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
            slot = self.beside[slot as usize].next;
        }
        stake.best[at(side)] = best.unwrap_or_default();
        ours
    }
}
