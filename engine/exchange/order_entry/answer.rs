//! What the matching core says becomes answers to the clients it concerns.
//!
//! The first answer to an order waits for the event after it: an order that is cancelled before anything else happens to
//! it is accepted as dead, and no cancel follows. (But for meeting its own account: then the cancel tells more.)

use super::config::SECOND;
use super::desk::{Desk, Fresh, InHand, Prevented};
use super::order::{Order, State};
use super::request::on_channel;
use super::terms::{aiq_letter, reject_code};
use crate::base::unit::Nanos;
use crate::exchange::matching::{
    CancelReason, Command, CrossKind, Display, Event, RejectReason, Resting,
};
use crate::exchange::unit::{MatchNumber, Price4, Reference};
use crate::wire::ouch::code::{aiq, broken, cancel, cross, liquidity, order_state, restated};
use crate::wire::ouch::{
    AiqCanceled, AppendageBuilder, BrokenTrade, OrderAccepted, OrderCanceled, OrderExecuted,
    OrderReplaced, OrderRestated, Outbound, TagValue, WirePrice,
};
use std::cmp::Reverse;

const fn wire(price: Price4) -> WirePrice {
    WirePrice::from_e4(price.0 as u64)
}

impl Desk {
    /// `command` goes to the matching core now; its events follow.
    pub(super) fn begin(&mut self, command: &Command, now: Nanos) {
        self.now = now;
        if let Command::Cross { kind, .. } = command {
            self.in_hand.cross = Some(*kind);
        }
    }

    /// The command's last event has come.
    pub(super) fn end(&mut self) {
        self.settle(order_state::LIVE);
        self.in_hand = InHand::default();
    }

    /// The matching core says what happened.
    pub(super) fn on(&mut self, event: &Event) {
        if let Event::Canceled { order, shares, reason, .. } = event
            && self.is_dead_at_once(order, *shares, *reason)
        {
            self.settle(order_state::DEAD);
            return;
        }
        self.settle(order_state::LIVE);
        match *event {
            Event::Accepted { order, enter } => {
                if let Some(place) = self.place_of(enter.participant, enter.token) {
                    self.take_in(place, order, enter.terms.shares);
                    self.in_hand.fresh = Some(Fresh { place, replaces: None });
                }
            }
            Event::Replaced { old_token, order, enter, .. } => {
                let old = self.place_of(enter.participant, old_token);
                let new = self.place_of(enter.participant, enter.token);
                if let (Some(old), Some(new)) = (old, new) {
                    let replaces = self.orders.get(old).map(|old| old.user_ref);
                    self.orders.remove(old);
                    self.take_in(new, order, enter.terms.shares);
                    self.in_hand.fresh = Some(Fresh { place: new, replaces });
                }
            }
            Event::Rejected { participant, token, reason } => {
                if let Some(place) = self.place_of(participant, token) {
                    self.refused(place, reason);
                }
            }
            Event::Displayed { order, displayed, shares, refill: true } => {
                self.refilled(&order, displayed, shares);
            }
            Event::Executed { resting, incoming, shares, price, match_number } => {
                let added = match resting.display {
                    Display::Hidden => liquidity::ADDED_HIDDEN,
                    Display::Full | Display::Reserve(_) => liquidity::ADDED,
                };
                self.executed(&resting, shares, price, match_number, added);
                self.executed(&incoming, shares, price, match_number, liquidity::REMOVED);
            }
            Event::ExecutedInCross { order, shares, price, match_number } => {
                let flag = match self.in_hand.cross {
                    Some(CrossKind::Opening) => liquidity::OPENING_CROSS,
                    Some(CrossKind::Closing) => liquidity::CLOSING_CROSS,
                    Some(CrossKind::Halt) | None => liquidity::HALT_CROSS,
                };
                self.executed(&order, shares, price, match_number, flag);
            }
            Event::Canceled { order, shares, reason, .. } => self.canceled(&order, shares, reason),
            Event::SelfMatchPrevented { resting, incoming, shares, price } => {
                self.in_hand.prevented = Some(Prevented {
                    resting: resting.order,
                    is_resting_hidden: resting.display == Display::Hidden,
                    strategy: self.strategy(&incoming),
                    shares,
                    price,
                });
            }
            Event::Broken { match_number, .. } => self.broken(match_number),
            Event::Displayed { .. } | Event::Crossed { .. } | Event::PhaseSet { .. } => {}
            // The orders that clients may name are known here to be live.
            Event::NotLive { .. } => self.counters.out_of_step += 1,
        }
    }

    fn take_in(&mut self, place: u32, reference: Reference, open: u32) {
        if self.orders.get(place).is_none_or(|order| order.state != State::Asked) {
            self.counters.out_of_step += 1;
            return;
        }
        self.orders.accept(place, reference, open);
        let Some(order) = self.orders.get_mut(place) else { return };
        let seconds = order.detail.stands_for();
        order.expires_at = seconds.map(|it| self.now.plus(Nanos(u64::from(it) * SECOND)));
        if let Some(at) = order.expires_at {
            self.expiries.push(Reverse((at, place)));
        }
    }

    /// Whether the order whose first answer waits is gone before anything else happened to it.
    fn is_dead_at_once(&self, order: &Resting, shares: u32, reason: CancelReason) -> bool {
        let place = self.place_of(order.participant, order.token);
        let Some(Fresh { place: fresh, .. }) = self.in_hand.fresh else { return false };
        place == Some(fresh)
            && order.open == 0
            && reason != CancelReason::SelfMatch
            && self.orders.get(fresh).is_some_and(|fresh| fresh.open == shares)
    }

    /// Gives the first answer that waits, if there is one.
    fn settle(&mut self, state: u8) {
        let Some(Fresh { place, replaces }) = self.in_hand.fresh.take() else { return };
        let Some(order) = self.orders.get(place).copied() else { return };
        let options = stated(&order);
        let timestamp = self.time().into();
        let detail = &order.detail;
        let symbol = self.symbol(detail.locate);
        if let Some(replaced) = replaces {
            let answer = OrderReplaced {
                timestamp,
                orig_user_ref_num: replaced.into(),
                user_ref_num: order.user_ref.into(),
                side: detail.side,
                quantity: order.open.into(),
                symbol,
                price: detail.price,
                time_in_force: detail.time_in_force,
                display: detail.display,
                order_reference_number: order.reference.0.into(),
                capacity: detail.capacity,
                intermarket_sweep_eligibility: detail.sweep,
                cross_type: detail.cross,
                order_state: state,
                clordid: detail.clordid,
                ..OrderReplaced::BLANK
            };
            self.tell(order.account, &Outbound::OrderReplaced(&answer, options.appendage()));
        } else {
            let answer = OrderAccepted {
                timestamp,
                user_ref_num: order.user_ref.into(),
                side: detail.side,
                quantity: order.open.into(),
                symbol,
                price: detail.price,
                time_in_force: detail.time_in_force,
                display: detail.display,
                order_reference_number: order.reference.0.into(),
                capacity: detail.capacity,
                intermarket_sweep_eligibility: detail.sweep,
                cross_type: detail.cross,
                order_state: state,
                clordid: detail.clordid,
                ..OrderAccepted::BLANK
            };
            self.tell(order.account, &Outbound::OrderAccepted(&answer, options.appendage()));
        }
        if state == order_state::DEAD {
            self.orders.remove(place);
        }
    }

    fn refused(&mut self, place: u32, reason: RejectReason) {
        let Some(order) = self.orders.get(place).copied() else { return };
        let (account, channel) = (order.account, order.channel);
        self.rejected(account, channel, order.user_ref, order.detail.clordid, reject_code(reason));
    }

    /// Notes what is left of a client's order; its copy after that. `None` if it is no client's.
    fn left(&mut self, after: &Resting) -> Option<(u32, Order)> {
        let place = self.place_of(after.participant, after.token)?;
        let order = self.orders.get_mut(place)?;
        if order.state != State::Live || order.reference != after.order {
            self.counters.out_of_step += 1;
            return None;
        }
        order.open = after.open;
        let copy = *order;
        if after.open == 0 {
            self.orders.remove(place);
        }
        Some((place, copy))
    }

    fn executed(
        &mut self,
        after: &Resting,
        shares: u32,
        price: Price4,
        match_number: MatchNumber,
        liquidity_flag: u8,
    ) {
        let Some((place, order)) = self.left(after) else { return };
        if let Some(order) = self.orders.get_mut(place) {
            order.executed = order.executed.saturating_add(shares);
            // What shows of a reserve order and what does not trade in a cross one after the other.
            if order.last_match != match_number {
                order.last_match = match_number;
                self.executions.push((match_number, place));
            }
        }
        let answer = OrderExecuted {
            timestamp: self.time().into(),
            user_ref_num: order.user_ref.into(),
            quantity: shares.into(),
            price: wire(price),
            liquidity_flag,
            match_number: match_number.0.into(),
            ..OrderExecuted::BLANK
        };
        let options = on_channel(order.channel);
        self.tell(order.account, &Outbound::OrderExecuted(&answer, options.appendage()));
    }

    fn canceled(&mut self, after: &Resting, shares: u32, reason: CancelReason) {
        let Some((place, order)) = self.left(after) else { return };
        if self.in_hand.modified == Some(place) && after.open > 0 {
            self.modified(place);
            return;
        }
        let (timestamp, user_ref_num) = (self.time().into(), order.user_ref.into());
        let options = on_channel(order.channel);
        if let Some(prevented) = self.in_hand.prevented
            && reason == CancelReason::SelfMatch
            && !matches!(prevented.strategy, aiq::DECREMENT_SILENT | aiq::ORG_DECREMENT_SILENT)
        {
            let answer = AiqCanceled {
                timestamp,
                user_ref_num,
                decrement_shares: shares.into(),
                reason: cancel::SELF_MATCH,
                quantity_prevented_from_trading: prevented.shares.into(),
                execution_price: wire(prevented.price),
                liquidity_flag: match order.reference == prevented.resting {
                    true if prevented.is_resting_hidden => liquidity::ADDED_HIDDEN,
                    true => liquidity::ADDED,
                    false => liquidity::REMOVED,
                },
                aiq_strategy: prevented.strategy,
                ..AiqCanceled::BLANK
            };
            self.tell(order.account, &Outbound::AiqCanceled(&answer, options.appendage()));
            return;
        }
        let answer = OrderCanceled {
            timestamp,
            user_ref_num,
            quantity: shares.into(),
            reason: self.cancel_code(&order, reason),
            ..OrderCanceled::BLANK
        };
        self.tell(order.account, &Outbound::OrderCanceled(&answer, options.appendage()));
    }

    /// OUCH's letter for why an order was cancelled.
    fn cancel_code(&self, order: &Order, reason: CancelReason) -> u8 {
        let is_up = order.expires_at.is_some_and(|at| at <= self.now);
        match reason {
            CancelReason::Requested | CancelReason::BadReplace => cancel::USER,
            CancelReason::Immediate => cancel::IOC,
            CancelReason::SelfMatch => cancel::SELF_MATCH,
            CancelReason::PostOnly => cancel::POST_ONLY_CONTRA,
            CancelReason::Expired if is_up => cancel::TIMEOUT,
            CancelReason::Expired if order.detail.cross != cross::CONTINUOUS => {
                cancel::CROSS_CANCELED
            }
            CancelReason::Expired => cancel::CLOSED,
            CancelReason::Supervisory => cancel::SUPERVISORY,
            CancelReason::NoRoom => cancel::SYSTEM,
        }
    }

    /// The strategy by which an arriving order is kept from its own account.
    fn strategy(&self, incoming: &Resting) -> u8 {
        let place = self.place_of(incoming.participant, incoming.token);
        let Some(order) = place.and_then(|place| self.orders.get(place)) else { return b' ' };
        let account = &self.clients[usize::from(order.account)].account;
        let asked = order.detail.aiq.filter(|letter| super::terms::self_match(*letter).is_some());
        asked.unwrap_or(aiq_letter(account.self_match))
    }

    /// The next part of a reserve order shows.
    fn refilled(&mut self, after: &Resting, displayed: Reference, shares: u32) {
        let place = self.place_of(after.participant, after.token);
        let Some(order) = place.and_then(|place| self.orders.get(place)).copied() else { return };
        let answer = OrderRestated {
            timestamp: self.time().into(),
            user_ref_num: order.user_ref.into(),
            reason: restated::REFRESH,
            ..OrderRestated::BLANK
        };
        let mut options = AppendageBuilder::new();
        for option in [
            TagValue::SecondaryOrdRefNum(displayed.0),
            TagValue::DisplayQuantity(shares),
            TagValue::UserRefIdx(order.channel),
        ] {
            // Each option once always fits.
            let _ = options.push(option);
        }
        self.tell(order.account, &Outbound::OrderRestated(&answer, options.appendage()));
    }

    fn broken(&mut self, match_number: MatchNumber) {
        let mut at = self.executions.first_not(|(other, _)| other < match_number);
        while let Some((_, place)) =
            self.executions.get(at).filter(|(other, _)| *other == match_number)
        {
            at += 1;
            let Some(order) = self.orders.get(place).copied() else { continue };
            let answer = BrokenTrade {
                timestamp: self.time().into(),
                user_ref_num: order.user_ref.into(),
                match_number: match_number.0.into(),
                reason: broken::SUPERVISORY,
                clordid: order.detail.clordid,
                ..BrokenTrade::BLANK
            };
            let options = on_channel(order.channel);
            self.tell(order.account, &Outbound::BrokenTrade(&answer, options.appendage()));
        }
    }
}

/// What an order stands with beyond the fields of its first answer.
fn stated(order: &Order) -> AppendageBuilder {
    let detail = &order.detail;
    let mut options = on_channel(order.channel);
    let found = [
        (detail.firm != *b"    ").then_some(TagValue::Firm(detail.firm)),
        (detail.minimum > 0).then_some(TagValue::MinQty(detail.minimum)),
        (detail.floor > 0).then_some(TagValue::MaxFloor(detail.floor)),
        detail.post_only.then_some(TagValue::PostOnly(b'P')),
        detail.stands_for().map(TagValue::ExpireTime),
        detail.group.map(TagValue::GroupID),
        detail.aiq.map(TagValue::AiqStrategy),
        detail.aiq_group.map(TagValue::AiqGroupID),
    ];
    for option in found.into_iter().flatten() {
        // Each option once always fits.
        let _ = options.push(option);
    }
    options
}
