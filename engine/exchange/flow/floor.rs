//! The floor: what happens next, one message at a time.

use super::distributions::{DISTANCE, GAP, Random, Weighted, activity, chance, share};
use super::market::{Id, Market, Order, TICK};
use super::tape::Tape;
use super::{FlowError, Hours, Phase, Plan, Totals};
use crate::base::unit::Side;
use crate::wire::itch::code::{flag, side as wire_side};
use crate::wire::itch::*;
use std::collections::VecDeque;
use std::io::Write;

/// Whose the attributed orders are, and who makes the market.
pub(super) const MARKET_MAKER: [u8; 4] = *b"NITE";

pub(super) type Done<T = ()> = Result<T, FlowError>;

/// The market and its chances, and the tape that they are written on.
pub(super) struct Floor<'a, W> {
    pub(super) tape: Tape<'a, W>,
    pub(super) random: Random,
    pub(super) market: Market,
    /// Symbols from the most active down.
    pub(super) ranked: Vec<u16>,
    pub(super) by_activity: Weighted,
    by_target: Weighted,
    /// Nanoseconds since midnight.
    pub(super) now: u64,
    reference: u64,
    match_number: u64,
    /// Locate code of the last message's symbol.
    last: u16,
    /// A run of executions that goes on with the next message, at the same time.
    sweep: Option<(u16, Side)>,
    /// Symbol and match number of the last trade, unless it was broken.
    last_trade: Option<(u16, u64)>,
    /// Until when which symbols are halted, first to resume first.
    pub(super) halts: VecDeque<(u64, u16)>,
    pub(super) next_halt: u64,
    live_peak: u32,
    live_target: u32,
    pub(super) crosses: usize,
    pub(super) halt_every: u64,
}

impl<'a, W: Write> Floor<'a, W> {
    pub(super) fn new(plan: &Plan, seed: u64, tape: Tape<'a, W>) -> Self {
        let mut random = Random::new(seed);
        let mut ranked: Vec<u16> = (1..=plan.symbols).collect();
        for place in (1..ranked.len()).rev() {
            ranked.swap(place, random.below(place as u32 + 1) as usize);
        }
        let symbols = u128::from(plan.symbols);
        let mut activities = vec![0; ranked.len()];
        let mut half_spreads = vec![0; ranked.len()];
        for (rank, &locate) in (1u32..).zip(&ranked) {
            activities[usize::from(locate) - 1] = activity(rank);
            half_spreads[usize::from(locate) - 1] = rank * 5 / u32::from(plan.symbols);
        }
        // Half of the live orders are spread evenly, half by activity: as measured.
        let total: u128 = activities.iter().map(|&weight| u128::from(weight)).sum();
        let target = |weight: u64| {
            let parts = u128::from(plan.live) * (total + symbols * u128::from(weight));
            ((parts + symbols * total) / (2 * symbols * total)) as u32
        };
        let targets: Vec<u32> = activities.iter().map(|&weight| target(weight)).collect();
        let weights: Vec<u64> = targets.iter().map(|&target| u64::from(target)).collect();
        let listings = targets.into_iter().zip(half_spreads);
        Self {
            tape,
            market: Market::new(listings, &mut random),
            random,
            ranked,
            by_activity: Weighted::new(&activities),
            by_target: Weighted::new(&weights),
            now: 0,
            reference: 0,
            match_number: 0,
            last: 1,
            sweep: None,
            last_trade: None,
            halts: VecDeque::new(),
            next_halt: 0,
            live_peak: 0,
            live_target: plan.live,
            crosses: usize::from(plan.crosses),
            halt_every: plan.halt_every,
        }
    }

    pub(super) fn set_time(&mut self, now: u64) {
        debug_assert!(now >= self.now, "Invariant: times never fall");
        self.now = now;
    }

    pub(super) fn finish(self) -> Done<Totals> {
        self.tape.finish(self.market.live(), self.live_peak)
    }

    /// Messages until the phase has its number; times stay below its end.
    pub(super) fn run(&mut self, phase: &Phase) -> Done {
        self.sweep = None;
        self.next_halt = self.tape.messages() + self.halt_every / 2;
        while self.tape.messages() < phase.upto {
            if let Some((locate, side)) = self.sweep.take() {
                self.execute(locate, side)?;
                continue;
            }
            self.pass_time(phase);
            match self.halts.front() {
                Some(&(until, _)) if until <= self.now => self.resume()?,
                _ if phase.hours == Hours::Trading && self.halt_is_due() => self.halt()?,
                _ => self.step(phase)?,
            }
            self.live_peak = self.live_peak.max(self.market.live());
        }
        Ok(())
    }

    /// The gap to the next message, such that the rest of the phase's messages fill the rest of its time.
    fn pass_time(&mut self, phase: &Phase) {
        let (time, messages) = (phase.until - self.now, phase.upto - self.tape.messages());
        let part = u128::from(self.random.quantile(&GAP).unsigned_abs());
        let gap = (u128::from(time / messages) * part) >> 16;
        self.now += gap.min(u128::from(time / 2)) as u64;
    }

    fn step(&mut self, phase: &Phase) -> Done {
        let (cross_type, imbalances) = phase.imbalances;
        if self.random.chance(imbalances) {
            return self.imbalance(cross_type);
        }
        if !self.random.chance(chance::SAME_SYMBOL) {
            let building = phase.hours == Hours::Building;
            let weighted = if building { &self.by_target } else { &self.by_activity };
            self.last = weighted.draw(&mut self.random) + 1;
        }
        let locate = self.last;
        if self.random.below(16) == 0 {
            let up = self.random.below(2) == 0;
            self.market.listing_mut(locate).drift(up);
        }
        let open = matches!(phase.hours, Hours::Trading | Hours::Closing)
            && !self.market.listing(locate).halted;
        const REPLACES: u32 = share::REPLACE;
        const CANCELS: u32 = REPLACES + share::CANCEL;
        const EXECUTES: u32 = CANCELS + share::EXECUTE;
        const TRADES: u32 = EXECUTES + share::TRADE;
        const BREAKS: u32 = TRADES + share::BREAK;
        let done = match self.random.below(100_000) {
            0..REPLACES => self.replace(locate)?,
            REPLACES..CANCELS if phase.hours != Hours::Building => self.cancel(locate)?,
            CANCELS..EXECUTES if open => {
                match self.market.listing(locate).taken_side(&mut self.random) {
                    Some(side) => self.execute(locate, side)?,
                    None => false,
                }
            }
            EXECUTES..TRADES if open => self.trade(locate)?,
            TRADES..BREAKS if open => self.break_last_trade()?,
            _ => false,
        };
        if done { Ok(()) } else { self.add_or_delete(locate, phase.hours) }
    }

    /// Chosen so that the symbol keeps its number of orders.
    fn add_or_delete(&mut self, locate: u16, hours: Hours) -> Done {
        let listing = self.market.listing(locate);
        let adds = if hours == Hours::Building && self.market.live() < self.live_target {
            chance::BUILDING
        } else {
            let (live, target) = (i64::from(listing.live()), i64::from(listing.target));
            let lacking = (target - live) * 32_768 / (target + 1);
            (i64::from(chance::BALANCED) + lacking).clamp(0, 65_536) as u32
        };
        if !self.random.chance(adds) {
            let recent = self.random.chance(chance::FLEETING);
            if let Some(id) = self.market.pick(locate, recent, &mut self.random) {
                return self.delete(id);
            }
        }
        self.add(locate)
    }

    fn add(&mut self, locate: u16) -> Done {
        let side = if self.random.below(2) == 0 { Side::BUY } else { Side::SELL };
        let distance = self.random.quantile(&DISTANCE);
        let price = self.market.listing(locate).quote(side, distance);
        let shares = self.random.quantity();
        let reference = self.next_reference();
        self.market.add(locate, reference, side, price, shares);
        let (stock, now) = (self.stock(locate), self.now);
        let buy_sell_indicator = if side.is_buy() { wire_side::BUY } else { wire_side::SELL };
        let (order_reference_number, shares, price) =
            (reference.into(), shares.into(), price.into());
        if self.random.chance(chance::ATTRIBUTED) {
            self.tape.put(&AddOrderMpid {
                order_reference_number,
                buy_sell_indicator,
                shares,
                stock,
                price,
                attribution: MARKET_MAKER,
                ..AddOrderMpid::new(locate, now)
            })
        } else {
            self.tape.put(&AddOrder {
                order_reference_number,
                buy_sell_indicator,
                shares,
                stock,
                price,
                ..AddOrder::new(locate, now)
            })
        }
    }

    fn delete(&mut self, id: Id) -> Done {
        let Order { reference, locate, .. } = *self.market.order(id);
        self.market.remove(id);
        self.tape.put(&OrderDelete {
            order_reference_number: reference.into(),
            ..OrderDelete::new(locate, self.now)
        })
    }

    /// An order is placed anew, by the same chances as a new one. False if there is none.
    fn replace(&mut self, locate: u16) -> Done<bool> {
        let Some(id) = self.market.pick(locate, false, &mut self.random) else { return Ok(false) };
        let Order { reference: original, side, shares, .. } = *self.market.order(id);
        self.market.remove(id);
        let distance = self.random.quantile(&DISTANCE);
        let price = self.market.listing(locate).quote(side, distance);
        let keep = self.random.chance(chance::SAME_QUANTITY);
        let shares = if keep { shares } else { self.random.quantity() };
        let reference = self.next_reference();
        self.market.add(locate, reference, side, price, shares);
        self.tape.put(&OrderReplace {
            original_order_reference_number: original.into(),
            new_order_reference_number: reference.into(),
            shares: shares.into(),
            price: price.into(),
            ..OrderReplace::new(locate, self.now)
        })?;
        Ok(true)
    }

    /// Part of an order is cancelled. False if no order was found that has parts.
    fn cancel(&mut self, locate: u16) -> Done<bool> {
        let Some(id) = self.market.pick(locate, false, &mut self.random) else { return Ok(false) };
        let Order { reference, shares, .. } = *self.market.order(id);
        if shares < 2 {
            return Ok(false);
        }
        let cancelled = 1 + self.random.below(shares - 1);
        self.market.reduce(id, cancelled);
        self.tape.put(&OrderCancel {
            order_reference_number: reference.into(),
            cancelled_shares: cancelled.into(),
            ..OrderCancel::new(locate, self.now)
        })?;
        Ok(true)
    }

    /// The first order of a side executes, and perhaps the next one with the next message. False if there is none.
    fn execute(&mut self, locate: u16, side: Side) -> Done<bool> {
        let Some(id) = self.market.front(locate, side) else { return Ok(false) };
        let Order { shares, price, .. } = *self.market.order(id);
        if shares == 1 || self.random.chance(chance::WHOLE) {
            let sweeps = self.random.chance(chance::SWEEP);
            self.fill(id, shares, None)?;
            self.sweep = sweeps.then_some((locate, side));
        } else {
            let executed = 1 + self.random.below(shares - 1);
            // Half a tick better for the one who takes.
            let better = if side.is_buy() { price + TICK / 2 } else { price - TICK / 2 };
            let other = self.random.chance(chance::OTHER_PRICE);
            self.fill(id, executed, other.then_some((better, flag::YES)))?;
        }
        Ok(true)
    }

    /// `shares` of an order execute, at its price or at another one (with whether that is printed).
    pub(super) fn fill(&mut self, id: Id, shares: u32, at: Option<(u32, u8)>) -> Done {
        let Order { reference, locate, .. } = *self.market.order(id);
        self.market.reduce(id, shares);
        let match_number = self.next_match(locate).into();
        let order_reference_number = reference.into();
        let executed_shares = shares.into();
        match at {
            None => self.tape.put(&OrderExecuted {
                order_reference_number,
                executed_shares,
                match_number,
                ..OrderExecuted::new(locate, self.now)
            }),
            Some((price, printable)) => self.tape.put(&OrderExecutedWithPrice {
                order_reference_number,
                executed_shares,
                match_number,
                printable,
                execution_price: price.into(),
                ..OrderExecutedWithPrice::new(locate, self.now)
            }),
        }
    }

    /// A trade with a hidden order between the best prices. False if a side has none.
    fn trade(&mut self, locate: u16) -> Done<bool> {
        let Some(price) = self.market.listing(locate).middle() else { return Ok(false) };
        let (shares, match_number) = (self.random.quantity(), self.next_match(locate));
        self.tape.put(&TradeNonCross {
            buy_sell_indicator: wire_side::BUY,
            shares: shares.into(),
            stock: self.stock(locate),
            price: price.into(),
            match_number: match_number.into(),
            ..TradeNonCross::new(locate, self.now)
        })?;
        Ok(true)
    }

    fn break_last_trade(&mut self) -> Done<bool> {
        let Some((locate, match_number)) = self.last_trade.take() else { return Ok(false) };
        self.tape.put(&BrokenTrade {
            match_number: match_number.into(),
            ..BrokenTrade::new(locate, self.now)
        })?;
        Ok(true)
    }

    pub(super) fn stock(&self, locate: u16) -> Stock {
        self.market.listing(locate).symbol
    }

    /// References are dense but not without gaps: other orders took the numbers between.
    fn next_reference(&mut self) -> u64 {
        self.reference += 1 + u64::from(self.random.below(3));
        self.reference
    }

    pub(super) fn next_match(&mut self, locate: u16) -> u64 {
        self.match_number += 1;
        self.last_trade = Some((locate, self.match_number));
        self.match_number
    }
}
