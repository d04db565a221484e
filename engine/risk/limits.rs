//! The numbers that the gate holds orders against: limits by scope, and the terms on which an instrument trades.
//!
//! A limit that is `None` is off. Limits of a scope are added up over all that it holds (the firm: everything; an account:
//! its strategies; a strategy: its orders; an instrument: everybody's orders in it). A [`LimitSet`] never changes: another one
//! takes its place as a whole, between two messages.
#![forbid(unsafe_code)]

use crate::base::code::Code;
use crate::base::instrument::Instrument;
use crate::base::unit::*;

/// Accounts at most.
pub const ACCOUNTS_MAX: usize = 16;
/// Strategies at most.
pub const STRATEGIES_MAX: usize = 16;
/// Times that the same order may be sent within the window, at most.
pub const REPEATS_MAX: u32 = 4;

/// What is limited over all that a scope holds: controls 13 to 18, 22, 23.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelLimits {
    /// 13: notional traded, both sides added, and of open orders. It never falls within a day.
    pub gross_max: Option<Money>,
    /// 14: purchases less sales, either way, the open orders of the worse side counted as filled.
    pub net_max: Option<Money>,
    /// 15: what open positions cost, and open orders would. Falls when positions are closed.
    pub credit_max: Option<Money>,
    /// 16: what orders may be worth, and how much they may be for, over a short time.
    pub window: Option<WindowLimit>,
    /// 17: pace of orders and replaces.
    pub rate: Option<RateLimit>,
    /// 18: orders open at once.
    pub open_orders_max: Option<u32>,
    /// 18: orders and replaces for each trade, once there were a hundred.
    pub orders_per_trade_max: Option<u32>,
    /// 22: a loss from which the scope may only reduce its positions. Above zero.
    pub loss_reduce: Option<Money>,
    /// 22: a loss from which the scope is killed. Above zero.
    pub loss_kill: Option<Money>,
    /// 23: stops the scope for a while when the venue rejects its orders, or answers late.
    pub breaker: Option<BreakerLimit>,
}

/// 16: limits over a rolling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimit {
    /// How long it is. It is kept in slices of an eighth; what is counted is at least as long, and less than a slice longer.
    pub within: Nanos,
    /// Notional of the orders accepted in it.
    pub value_max: Option<Money>,
    /// Their quantity.
    pub qty_max: Option<Qty>,
}

/// 17: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Orders a second; from 1.
    pub per_second: u32,
    /// Orders at once; from 1.
    pub burst: u32,
}

/// 23: a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerLimit {
    /// It opens at so many failures ...
    pub failures: u32,
    /// ... within this time.
    pub within: Nanos,
    /// It lets trials through after this time.
    pub pause: Nanos,
    /// So many, all of which must succeed for it to close.
    pub trials: u32,
    /// An answer of the venue that takes longer is a failure too; 0: never.
    pub answer_within: Nanos,
}

/// What one order is held against: controls 7 to 12, 19, 21. By class of instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderLimits {
    /// 7: lots.
    pub qty_max: Option<Qty>,
    /// 8: price x quantity x multiplier.
    pub notional_max: Option<Money>,
    /// 9: hundredths of a per cent of the average quantity traded in a day.
    pub average_volume_bp: Option<u32>,
    /// 10: how far a limit may be from the market.
    pub collar: Option<Collar>,
    /// 11: how far from the market a market order may trade: the wider of both. What is beyond it is cancelled.
    pub market_collar: Option<Collar>,
    /// 5: whether a sale whose mark is not what it is is refused. Otherwise only new orders are marked by position: a replace
    /// keeps the mark of its target, which OUCH lets nobody change.
    pub sale_marks: bool,
    /// 10: a market that was seen longer ago is none.
    pub market_age_max: Option<Nanos>,
    /// 12: lots long.
    pub long_max: Option<Qty>,
    /// 12: lots short.
    pub short_max: Option<Qty>,
    /// 19: how often the same order may be sent within a time.
    pub repeats: Option<RepeatLimit>,
    /// 21: what becomes of an order that would trade with one of ours.
    pub self_trade: Option<SelfTrade>,
}

/// 10, 11: a distance from the reference price: the opposite best; without it, the last price; without that, the last close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collar {
    /// Hundredths of a per cent of the reference.
    pub bp: u32,
    /// Or this, if it is wider; 0: only the share.
    pub width: Price,
    /// Whether prices on the passive side are held to it too.
    pub passive: bool,
}

/// 19: repeats of an order: same account, instrument, side, price, quantity and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatLimit {
    /// Times within the window, the first included: 1 to [`REPEATS_MAX`].
    pub count: u32,
    /// The window.
    pub within: Nanos,
}

/// 21: what becomes of an order that would trade with one of the same account (FIX 2362, CME's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTrade {
    /// It is refused.
    CancelNewest,
    /// Ours that it would meet are cancelled before it goes out.
    CancelOldest,
    /// Both.
    CancelBoth,
}

/// An account that may trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountScope {
    /// Which.
    pub id: AccountId,
    /// Its limits.
    pub limits: LevelLimits,
}

/// A strategy that may trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyScope {
    /// Which; from 1.
    pub id: StrategyId,
    /// The account that it trades for: one of the set's. A running gate takes no set that gives a strategy another account
    /// while it has open orders or a position.
    pub account: AccountId,
    /// Its limits.
    pub limits: LevelLimits,
    /// What it may trade; empty: all.
    pub instruments: Vec<InstrumentId>,
}

/// Instruments with the same limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstrumentClass {
    /// Of one order.
    pub order: OrderLimits,
    /// Of all orders in an instrument together.
    pub level: LevelLimits,
}

/// Which phases orders may be sent in. A bit each: `1 << phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseLimits {
    /// Limit orders.
    pub limit: u8,
    /// Market orders.
    pub market: u8,
}

/// What an instrument is singled out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Single {
    /// Which.
    pub instrument: InstrumentId,
    /// Its class: a place in [`LimitSet::classes`].
    pub class: u16,
    /// 4: it may not be traded.
    pub restricted: bool,
    /// 4: it may be sold short for as much as is located, and no more; `None`: it is easy to borrow.
    pub located: Option<Qty>,
    /// 6: whether prices at and below zero are allowed.
    pub negative_prices: bool,
}

/// All limits in force at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSet {
    /// Rises with each change.
    pub version: u32,
    /// Of everything.
    pub firm: LevelLimits,
    /// Those that may trade; [`ACCOUNTS_MAX`] at most, in order of id.
    pub accounts: Vec<AccountScope>,
    /// Those that may trade; [`STRATEGIES_MAX`] at most, in order of id.
    pub strategies: Vec<StrategyScope>,
    /// Classes of instruments; the first is that of all that no [`Single`] names.
    pub classes: Vec<InstrumentClass>,
    /// Instruments that differ from the first class; in order of id.
    pub singles: Vec<Single>,
    /// When orders may be sent.
    pub phases: PhaseLimits,
}

impl LimitSet {
    /// No limits: one strategy of one account may do what it likes, while the market is open.
    pub fn open(account: AccountId, strategy: StrategyId) -> Self {
        let limits = LevelLimits::default();
        let open = 1 << Phase::OPEN.0;
        Self {
            version: 0,
            firm: limits,
            accounts: vec![AccountScope { id: account, limits }],
            strategies: vec![StrategyScope { id: strategy, account, limits, instruments: vec![] }],
            classes: vec![InstrumentClass::default()],
            singles: Vec::new(),
            phases: PhaseLimits { limit: open, market: open },
        }
    }
}

impl LimitSet {
    /// Nobody may trade.
    pub fn closed() -> Self {
        let open = Self::open(AccountId(0), StrategyId(0));
        Self { accounts: Vec::new(), strategies: Vec::new(), ..open }
    }

    /// Controls that are off wherever they could be on, by the name of their code.
    pub fn off(&self) -> Vec<&'static str> {
        let accounts = self.accounts.iter().map(|scope| &scope.limits);
        let strategies = self.strategies.iter().map(|scope| &scope.limits);
        let instruments = self.classes.iter().map(|class| &class.level);
        let levels: Vec<&LevelLimits> =
            [&self.firm].into_iter().chain(accounts).chain(strategies).chain(instruments).collect();
        let single = |is_on: fn(&Single) -> bool| self.singles.iter().any(is_on);
        let order =
            |is_on: fn(&OrderLimits) -> bool| self.classes.iter().any(|class| is_on(&class.order));
        let level = |is_on: fn(&LevelLimits) -> bool| levels.iter().any(|limits| is_on(limits));
        let windows = |is_on: fn(&WindowLimit) -> bool| {
            levels.iter().any(|limits| limits.window.as_ref().is_some_and(is_on))
        };
        let controls = [
            (Code::OLD_MARKET, order(|it| it.market_age_max.is_some())),
            (Code::RESTRICTED, single(|it| it.restricted)),
            (Code::NO_LOCATE, single(|it| it.located.is_some())),
            (Code::SALE_MARK, order(|it| it.sale_marks)),
            (Code::ORDER_QTY, order(|it| it.qty_max.is_some())),
            (Code::ORDER_NOTIONAL, order(|it| it.notional_max.is_some())),
            (Code::AVERAGE_VOLUME, order(|it| it.average_volume_bp.is_some())),
            (Code::PRICE_COLLAR, order(|it| it.collar.is_some())),
            (Code::NO_COLLAR_PRICE, order(|it| it.market_collar.is_some())),
            (Code::POSITION, order(|it| it.long_max.is_some() || it.short_max.is_some())),
            (Code::GROSS, level(|it| it.gross_max.is_some())),
            (Code::NET, level(|it| it.net_max.is_some())),
            (Code::CREDIT, level(|it| it.credit_max.is_some())),
            (Code::WINDOW_VALUE, windows(|it| it.value_max.is_some())),
            (Code::WINDOW_QTY, windows(|it| it.qty_max.is_some())),
            (Code::RATE, level(|it| it.rate.is_some())),
            (Code::OPEN_ORDERS, level(|it| it.open_orders_max.is_some())),
            (Code::ORDERS_PER_TRADE, level(|it| it.orders_per_trade_max.is_some())),
            (Code::DUPLICATE, order(|it| it.repeats.is_some())),
            (Code::SELF_TRADE, order(|it| it.self_trade.is_some())),
            (Code::LOSS, level(|it| it.loss_reduce.is_some() || it.loss_kill.is_some())),
            (Code::BREAKER, level(|it| it.breaker.is_some())),
        ];
        controls.iter().filter(|(_, is_on)| !is_on).map(|(code, _)| code.name()).collect()
    }
}

/// What the instrument table says of an instrument, as far as an order is held against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Units of the underlying in one of its quantity; at least 1.
    pub multiplier: u32,
    /// Step of its price; above 0.
    pub tick: Price,
    /// Step of its quantity; above 0.
    pub lot: Qty,
    /// Average quantity traded in a day; 0: not known.
    pub average_volume: Qty,
    /// Last close; 0: not known.
    pub previous_close: Price,
}

impl Default for Terms {
    /// Of an instrument that no table names: any price, any quantity, one unit each.
    fn default() -> Self {
        let (average_volume, previous_close) = (Qty::ZERO, Price(0));
        Self { multiplier: 1, tick: Price(1), lot: Qty(1), average_volume, previous_close }
    }
}

impl From<&Instrument> for Terms {
    fn from(instrument: &Instrument) -> Self {
        let Instrument { multiplier, tick, lot, average_volume, previous_close, .. } = *instrument;
        Self { multiplier, tick, lot, average_volume, previous_close }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_off_only_if_it_is_nowhere_on() {
        let open = LimitSet::open(AccountId(1), StrategyId(1));
        let off = open.off();
        assert_eq!((off.len(), off[0], off[21]), (22, "old_market", "breaker"));
        let mut set = open;
        set.classes[0].order.qty_max = Some(Qty(1));
        set.strategies[0].limits.net_max = Some(Money(1));
        set.firm.window =
            Some(WindowLimit { within: Nanos(1), value_max: None, qty_max: Some(Qty(1)) });
        let on: Vec<_> = off.into_iter().filter(|name| !set.off().contains(name)).collect();
        assert_eq!(on, ["order_qty", "net", "window_qty"]);
    }

    #[test]
    fn either_of_two_limits_of_a_control_turns_it_on() {
        let set = LimitSet::open(AccountId(1), StrategyId(1));
        let off = |order: OrderLimits, level: LevelLimits| {
            let off = LimitSet { classes: vec![InstrumentClass { order, level }], ..set.clone() };
            off.off()
        };
        let (none, open) = (OrderLimits::default(), LevelLimits::default());
        let one = Some(Qty(1));
        for order in [
            OrderLimits { long_max: one, ..none },
            OrderLimits { short_max: one, ..none },
            OrderLimits { long_max: one, short_max: one, ..none },
        ] {
            assert!(!off(order, open).contains(&"position"));
        }
        let some = Some(Money(1));
        for level in [
            LevelLimits { loss_reduce: some, ..open },
            LevelLimits { loss_kill: some, ..open },
            LevelLimits { loss_reduce: some, loss_kill: some, ..open },
        ] {
            assert!(!off(none, level).contains(&"loss"));
        }
    }
}
