//! What the ledger makes of an order: which limits it breaches, and what may leave.

use super::*;

/// What the ledger makes of an order.
#[derive(Debug)]
pub(crate) struct Opinion {
    /// Limits that it breaches for sure: it is not to leave.
    pub(crate) surely: Vec<Code>,
    /// Those that it may breach: one of them is to be named.
    pub(crate) maybe: Vec<Code>,
    /// What is to leave.
    pub(crate) out: Intent,
    /// Ours that it would meet.
    pub(crate) meets: Vec<OrderId>,
    pub(crate) policy: Option<SelfTrade>,
    pub(super) scopes: [Scope; 4],
    pub(super) added: u64,
    pub(super) value: i128,
    pub(super) at: i64,
}

impl Opinion {
    fn breach(&mut self, code: Code) {
        self.surely.push(code);
        self.maybe.push(code);
    }

    fn unless(&mut self, good: bool, code: Code) {
        if !good {
            self.breach(code);
        }
    }
}

impl Ledger {
    /// What is to become of an order, all limits looked at.
    pub(crate) fn judge(&mut self, intent: &Intent) -> Opinion {
        self.now = intent.head.time.0;
        let (instrument, strategy) = (intent.head.instrument.0, u32::from(intent.strategy.0));
        let known = (1..=3).contains(&strategy);
        let there = (instrument as usize) < INSTRUMENTS;
        let scopes = scopes(strategy, instrument);
        let asked = [true, known, known, there];
        let mut waits = [0; 4];
        for (level, scope) in scopes.into_iter().enumerate().filter(|(level, _)| asked[*level]) {
            if let Some(rate) = self.limits_of(scope).rate {
                waits[level] = self.wait(scope, rate);
                self.asks.entry(scope).or_default().push((self.now, Paced::Asked(rate)));
            }
        }
        let mut out = *intent;
        if intent.head.kind == Kind::REPLACE_ORDER {
            out.parent = OrderId(self.executed(intent.target));
        }
        let mut said = Opinion {
            surely: Vec::new(),
            maybe: Vec::new(),
            out,
            meets: Vec::new(),
            policy: None,
            scopes,
            added: 0,
            value: 0,
            at: 0,
        };
        for (scope, _) in scopes.into_iter().zip(asked).filter(|(_, asked)| *asked) {
            said.unless(self.state(scope) < TradingState::KILLED, Code::KILLED.at(scope.0));
        }
        said.unless(known, Code::UNKNOWN_STRATEGY);
        said.unless(there, Code::UNKNOWN_INSTRUMENT);
        if known && there {
            self.judge_order(intent, waits, &mut said);
        }
        said
    }

    fn judge_order(&self, intent: &Intent, waits: [u64; 4], said: &mut Opinion) {
        let (instrument, now) = (intent.head.instrument.0, self.now);
        let (tick, lot, _, close, volume) = TERMS[instrument as usize];
        let (buy, qty, price) =
            (intent.side == Side::BUY, i128::from(intent.qty.0), intent.price.0);
        let replace = intent.head.kind == Kind::REPLACE_ORDER;
        let target = self.standing().find(|(line, open)| {
            replace
                && line.left.order == intent.target
                && open.confirmed
                && line.left.side == intent.side
                && line.left.head.instrument == intent.head.instrument
                && line.left.strategy == intent.strategy
        });
        let (leaves, held_value) = target.map_or((0, 0), |(_, open)| (open.leaves, open.value));
        said.added = intent.qty.0.saturating_sub(leaves);
        let added = i128::from(said.added);
        let all = self.exposure(instrument, None);
        let own = self.exposure(instrument, Some(intent.strategy));
        let worst = |(position, open): (i128, [i128; 2])| {
            if buy { position + open[0] + added } else { position - open[1] - added }
        };
        let toward = |it: (i128, [i128; 2])| {
            if buy { it.0 < 0 && worst(it) <= 0 } else { it.0 > 0 && worst(it) >= 0 }
        };
        let reduces = toward(all) && toward(own);
        // Each scope by what it holds itself.
        let account = account_of(intent.strategy.0.into());
        let of_account = (1..=3).filter(|id| account_of(u32::from(*id)) == account);
        let of_account = of_account.map(|id| self.exposure(instrument, Some(StrategyId(id))));
        let of_account = of_account.fold((0, [0; 2]), |(held, open), it| {
            (held + it.0, [open[0] + it.1[0], open[1] + it.1[1]])
        });
        let reduces_at = [reduces, toward(own) && toward(of_account), toward(own), reduces];
        for (scope, reduces) in said.scopes.into_iter().zip(reduces_at) {
            let held = self.state(scope) != TradingState::LIVE && !reduces;
            said.unless(!held, Code::REDUCE_ONLY.at(scope.0));
        }

        let class = self.class(instrument);
        let single = self.single(instrument);
        let order = class.order;
        let set = &self.limits;
        said.unless(intent.account.0 == account_of(intent.strategy.0.into()), Code::WRONG_ACCOUNT);
        let allowed = set.strategies.iter().any(|it| {
            it.id == intent.strategy
                && set.accounts.iter().any(|account| account.id == it.account)
                && (it.instruments.is_empty() || it.instruments.contains(&intent.head.instrument))
        });
        said.unless(allowed, Code::NOT_ALLOWED);
        said.unless(intent.health == Health::LIVE, Code::STALE_BOOK);
        let seen = intent.seen.0;
        let age = |age: Nanos| seen <= now && now.max(self.latest) - seen <= age.0;
        let fresh = order.market_age_max.is_none_or(age);
        said.unless(fresh, Code::OLD_MARKET);
        let market = intent.order_type == OrderType::MARKET;
        let phases = if market { set.phases.market } else { set.phases.limit };
        said.unless((0..8).any(|it| intent.phase.0 == it && phases & 1 << it != 0), Code::PHASE);
        said.unless(!single.is_some_and(|single| single.restricted), Code::RESTRICTED);

        let owned = all.0 - all.1[1] + i128::from(leaves) >= qty;
        let before = target.map(|(line, _)| line.left.sale);
        let tested = intent.head.flags.has(Flags::SHORT_TEST)
            || single.is_some_and(|single| single.located.is_some());
        match mark(intent, owned, before, order.sale_marks || tested) {
            Some(mark) => said.out.sale = mark,
            None => said.breach(Code::SALE_MARK),
        }
        let short = said.out.sale == Sale::SHORT || said.out.sale == Sale::SHORT_EXEMPT;
        if let (Some(located), true) = (single.and_then(|single| single.located), short) {
            let fits = self.located(instrument) + added <= i128::from(located.0);
            // A gate that hears of a fill after the end of its order does not know what it was marked as.
            if !fits && self.jumbled {
                said.maybe.push(Code::NO_LOCATE);
            }
            said.unless(fits || self.jumbled, Code::NO_LOCATE);
        }
        if said.out.sale == Sale::SHORT && intent.head.flags.has(Flags::SHORT_TEST) {
            let limit = intent.order_type == OrderType::LIMIT;
            let above = limit && intent.bid.0 > 0 && price > intent.bid.0;
            said.unless(above, Code::SHORT_PRICE);
        }
        let sided = intent.side == Side::BUY || intent.side == Side::SELL;
        let below = single.is_some_and(|single| single.negative_prices);
        let limit = intent.order_type == OrderType::LIMIT;
        let formed = sided && (market || limit && (price > 0 || below));
        said.unless(formed && qty > 0 && qty <= 1 << 40, Code::MALFORMED);
        said.unless(market || price % tick == 0, Code::TICK);
        said.unless(intent.qty.0.is_multiple_of(lot), Code::LOT);
        said.unless(order.qty_max.is_none_or(|max| intent.qty <= max), Code::ORDER_QTY);

        let (last, last_at) = self.last[instrument as usize];
        let recent = order.market_age_max.is_none_or(|age| now.saturating_sub(last_at) <= age.0);
        let last = if recent { last } else { 0 };
        let far = if buy { intent.ask.0 } else { intent.bid.0 };
        let centre = [far, last, close].into_iter().find(|price| *price > 0).map(i128::from);
        let span = |collar: Collar, centre: i128| {
            (centre * i128::from(collar.bp) / 10_000).max(collar.width.0.into())
        };
        let mut price = price;
        if market {
            let collar = order.market_collar;
            let bound = centre.map(|centre| {
                let span = collar.map_or(0, |collar| span(collar, centre));
                let (tick, edge) =
                    (i128::from(tick), if buy { centre + span } else { centre - span });
                if buy { edge - edge.rem_euclid(tick) } else { edge + (-edge).rem_euclid(tick) }
            });
            match bound.filter(|bound| *bound > 0 && *bound <= i64::MAX.into()) {
                Some(bound) => price = bound as i64,
                None => said.breach(Code::NO_COLLAR_PRICE),
            }
            let out = &mut said.out;
            (out.price, out.order_type) = (Price(price), OrderType::LIMIT);
            out.tif = TimeInForce::IOC;
        } else if let Some(collar) = order.collar {
            match centre {
                None => said.breach(Code::NO_REFERENCE_PRICE),
                Some(centre) => {
                    let away = i128::from(price) - centre;
                    let far = if collar.passive {
                        away.abs()
                    } else if buy {
                        away
                    } else {
                        -away
                    };
                    said.unless(far <= span(collar, centre), Code::PRICE_COLLAR);
                }
            }
        }
        // Nobody sells for less than is bid, whatever the limit.
        let market = centre.map_or(0, |centre| centre as i64);
        said.at = if !buy && i128::from(market) > i128::from(price).abs() { market } else { price };
        let notional = worth(said.at, intent.qty.0, instrument);
        let most = order.notional_max.map_or(1 << 100, |max| max.0.min(1 << 100));
        said.unless(notional <= most, Code::ORDER_NOTIONAL);
        if let Some(bp) = order.average_volume_bp {
            said.unless(volume > 0, Code::NO_AVERAGE_VOLUME);
            let share = i128::from(volume) * i128::from(bp);
            said.unless(volume == 0 || qty * 10_000 <= share, Code::AVERAGE_VOLUME);
        }
        said.unless(!replace || target.is_some(), Code::NOT_OPEN);

        // The most that target and replace can be worth together, whatever of the target fills first.
        let more = worth(said.at, said.added, instrument);
        said.value = notional.saturating_sub(held_value).max(more);
        if !reduces {
            let fits = if buy {
                order.long_max.is_none_or(|max| worst(all) <= max.0.into())
            } else {
                order.short_max.is_none_or(|max| -worst(all) <= max.0.into())
            };
            said.unless(fits, Code::POSITION);
        }
        for (level, scope) in said.scopes.into_iter().enumerate() {
            let (limits, sums, at) = (self.limits_of(scope), self.sums(scope), scope.0);
            let fits = |limit: Option<Money>, used: i128| {
                limit.is_none_or(|limit| used.saturating_add(said.value) <= limit.0)
            };
            let (gross, net, credit, lost) = (
                fits(limits.gross_max, sums.gross()),
                fits(limits.net_max, sums.net(side_of(buy))),
                fits(limits.credit_max, sums.credit()),
                lost(sums.profit(), &limits) != TradingState::LIVE,
            );
            let less = reduces && reduces_at[level];
            said.unless(less || gross, Code::GROSS.at(at));
            said.unless(less || net, Code::NET.at(at));
            said.unless(less || credit, Code::CREDIT.at(at));
            said.unless(reduces_at[level] || !lost, Code::LOSS.at(at));
            if let Some(window) = limits.window {
                let slice = window.within.0.div_ceil(8).max(1);
                for (span, sure) in [(window.within.0, true), (9 * slice - 1, false)] {
                    let (value, lots) = self.within(scope, now, span);
                    let dear =
                        window.value_max.is_some_and(|max| value.saturating_add(notional) > max.0);
                    let many = window.qty_max.is_some_and(|max| lots + qty > max.0.into());
                    let codes = [(dear, Code::WINDOW_VALUE), (many, Code::WINDOW_QTY)];
                    for (_, code) in codes.into_iter().filter(|(over, _)| *over) {
                        let list = if sure { &mut said.surely } else { &mut said.maybe };
                        list.push(code.at(at));
                    }
                }
            }
            said.unless(waits[level] == 0, Code::RATE.at(at));
            if target.is_none() {
                let most = limits.open_orders_max.map_or(self.orders_max, i128::from);
                let fits = sums.open_orders < most.min(self.orders_max);
                said.unless(fits, Code::OPEN_ORDERS.at(at));
            }
            if let Some(ratio) = limits.orders_per_trade_max {
                let (orders, trades) = (sums.orders + 1, sums.trades.max(1));
                let fits = orders <= 100 || orders <= trades * i128::from(ratio);
                said.unless(fits, Code::ORDERS_PER_TRADE.at(at));
            }
            if level < 3 {
                let admits = self.admits(scope, &limits);
                said.unless(admits, Code::BREAKER.at(at));
            }
        }
        if let Some(limit) = order.repeats {
            let same = self.lines.iter().filter(|line| {
                let it = &line.asked;
                line.repeats
                    && now - it.head.time.0 < limit.within.0
                    && it.account == intent.account
                    && it.head.instrument == intent.head.instrument
                    && (it.side, it.order_type) == (intent.side, intent.order_type)
                    && (it.price, it.qty) == (intent.price, intent.qty)
            });
            said.unless(same.count() < limit.count as usize, Code::DUPLICATE);
        }
        said.policy = order.self_trade;
        if order.self_trade.is_some() {
            let ours = self.standing().filter(|(line, _)| {
                let it = &line.left;
                let meets = if buy { price >= it.price.0 } else { price <= it.price.0 };
                it.account == intent.account
                    && it.head.instrument == intent.head.instrument
                    && it.side != intent.side
                    && meets
            });
            said.meets = ours.map(|(line, _)| line.left.order).collect();
            let oldest = order.self_trade == Some(SelfTrade::CancelOldest) && said.meets.len() <= 3;
            said.unless(said.meets.is_empty() || oldest, Code::SELF_TRADE);
        }
        said.unless(intent.parent == OrderId::NONE, Code::PARENT);
        let named = intent.order == OrderId::NONE
            || self.standing().any(|(line, _)| line.left.order == intent.order);
        said.unless(!named, Code::MALFORMED);
        said.unless((self.standing().count() as i128) < 2 * self.orders_max, Code::GATE_FULL);
    }
}

/// 5: what an order is to be marked as; `None` if what it says is not so.
fn mark(intent: &Intent, owned: bool, before: Option<Sale>, strict: bool) -> Option<Sale> {
    let is = if owned { Sale::LONG } else { Sale::SHORT };
    let says = (intent.sale != Sale::UNMARKED).then_some(intent.sale);
    if intent.side == Side::BUY {
        return says.is_none().then_some(Sale::UNMARKED);
    }
    if !strict && intent.side == Side::SELL {
        return before.or(says).or(Some(is));
    }
    match (says, before) {
        (None, Some(before)) => (before != Sale::LONG || owned).then_some(before),
        (None, None) => Some(is),
        (Some(says), Some(before)) => {
            (says == before && (says != Sale::LONG || owned)).then_some(says)
        }
        (Some(Sale::LONG), None) => owned.then_some(Sale::LONG),
        (Some(says), None) => (!owned && says <= Sale::SHORT_EXEMPT).then_some(says),
    }
}
