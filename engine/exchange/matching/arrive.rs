//! An order arrives: it trades with what stands across from it, and what is left rests or is cancelled.

use super::Matching;
use super::command::{
    CancelReason, CrossSession, Display, Enter, Lasts, Phase, Replace, SelfMatch,
};
use super::event::{Event, RejectReason, Resting};
use super::levels::{BACK, FRONT, LadderId, rank};
use super::orders::Order;
use super::terms::terms_refused;
use super::tree::NONE;
use crate::base::pool::Full;
use crate::exchange::unit::{MatchNumber, Price4, Reference};

/// An order on its way into the book.
struct Arrival {
    reference: Reference,
    enter: Enter,
    /// Shares left.
    open: u32,
    /// Handle of its participant if it must not trade with him; else `NONE`.
    foe: u32,
}

impl Arrival {
    fn price(&self) -> Price4 {
        let market = if self.enter.side.is_buy() { Price4::MAX } else { Price4(0) };
        self.enter.terms.limit.unwrap_or(market)
    }

    /// The ladder across, and the last rank there that it can trade at.
    fn across(&self) -> (LadderId, u32) {
        let side = self.enter.side.opposite();
        let ladder = LadderId::new(self.enter.locate, CrossSession::Continuous, side);
        (ladder, rank(side, self.price()))
    }

    /// The ladder and the rank at which it would rest.
    fn place(&self) -> (LadderId, u32) {
        let Enter { locate, session, side, .. } = self.enter;
        (LadderId::new(locate, session, side), rank(side, self.price()))
    }

    /// Whether it is on market data once it rests.
    fn shows(&self) -> bool {
        self.enter.session == CrossSession::Continuous
            && self.enter.terms.lasts == Lasts::Day
            && self.enter.terms.display != Display::Hidden
    }

    fn view(&self) -> Resting {
        Resting {
            order: self.reference,
            locate: self.enter.locate,
            participant: self.enter.participant,
            token: self.enter.token,
            side: self.enter.side,
            price: self.price(),
            open: self.open,
            display: self.enter.terms.display,
            displayed: None,
            shown: 0,
        }
    }

    /// Cancels so many of its shares.
    fn cancel(&mut self, shares: u32, reason: CancelReason, events: &mut impl FnMut(Event)) {
        self.open -= shares;
        events(Event::Canceled { order: self.view(), shares, displayed_shares: 0, reason });
    }
}

impl Matching {
    pub(super) fn enter(&mut self, enter: &Enter, events: &mut impl FnMut(Event)) {
        let rests = enter.session != CrossSession::Continuous || enter.terms.lasts == Lasts::Day;
        let refused = if !self.knows(enter.locate) {
            Some(RejectReason::UnknownSymbol)
        } else if let Some(reason) = terms_refused(enter).or_else(|| self.phase_refused(enter)) {
            Some(reason)
        } else {
            (rests && self.orders.is_full()).then_some(RejectReason::NoRoom)
        };
        if let Some(reason) = refused {
            let (participant, token) = (enter.participant, enter.token);
            return events(Event::Rejected { participant, token, reason });
        }
        let arrival = self.announce(*enter);
        events(Event::Accepted { order: arrival.reference, enter: *enter });
        self.arrive(arrival, events);
    }

    pub(super) fn replace(&mut self, replace: &Replace, events: &mut impl FnMut(Event)) {
        let Some(slot) = self.orders.find(replace.order) else {
            return events(Event::NotLive { order: replace.order });
        };
        let (old, level) = (self.view(slot), self.orders[slot].level);
        let enter = Enter {
            locate: old.locate,
            participant: old.participant,
            token: replace.token,
            side: old.side,
            terms: replace.terms,
            session: self.levels[level].ladder.session(),
            self_match: replace.self_match,
        };
        if terms_refused(&enter).is_some() {
            self.cancel(slot, CancelReason::BadReplace, events);
            return self.levels.retire(level);
        }
        if let Some(reason) = self.phase_refused(&enter) {
            let (participant, token) = (enter.participant, enter.token);
            return events(Event::Rejected { participant, token, reason });
        }
        self.lower(slot, old.open, old.shown);
        self.levels.retire(level);
        let arrival = self.announce(enter);
        let (ladder, rank) = arrival.place();
        let rests_at_once = self.phase(enter.locate) != Phase::Open || !self.meets(&arrival);
        let kept_on_display = old.displayed.is_some()
            && arrival.shows()
            && rests_at_once
            && self.levels.has_room(ladder, rank);
        events(Event::Replaced {
            old: old.order,
            old_token: old.token,
            old_displayed: old.displayed,
            order: arrival.reference,
            enter,
            kept_on_display,
        });
        self.arrive(arrival, events);
    }

    /// Gives an order its number.
    fn announce(&mut self, enter: Enter) -> Arrival {
        self.references += 1;
        let foe = match enter.self_match {
            SelfMatch::Allow => NONE,
            _ => self.orders.owner(enter.participant),
        };
        Arrival { reference: Reference(self.references), enter, open: enter.terms.shares, foe }
    }

    fn arrive(&mut self, mut arrival: Arrival, events: &mut impl FnMut(Event)) {
        let terms = arrival.enter.terms;
        if arrival.enter.session != CrossSession::Continuous {
            return self.rest(arrival, events);
        }
        if self.phase(arrival.enter.locate) == Phase::Open {
            if terms.post_only && self.meets(&arrival) {
                return arrival.cancel(arrival.open, CancelReason::PostOnly, events);
            }
            if terms.minimum <= 1 || self.finds(&arrival, terms.minimum) {
                self.trade(&mut arrival, events);
            }
        }
        match terms.lasts {
            _ if arrival.open == 0 => {}
            Lasts::Day => self.rest(arrival, events),
            Lasts::Immediate => arrival.cancel(arrival.open, CancelReason::Immediate, events),
        }
    }

    /// Trades with all that it meets, best first.
    fn trade(&mut self, arrival: &mut Arrival, events: &mut impl FnMut(Event)) {
        let (ladder, reach) = arrival.across();
        let mut at = self.levels.within(ladder, reach);
        while at != NONE && arrival.open > 0 {
            let next = self.levels[at].next;
            // What is met leaves or goes to the back: the head is always the one whose turn it is.
            let mut slot = self.levels[at].queues[FRONT].head;
            while slot != NONE && arrival.open > 0 {
                self.meet(slot, arrival, events);
                slot = self.levels[at].queues[FRONT].head;
            }
            let mut slot = self.levels[at].queues[BACK].head;
            while slot != NONE && arrival.open > 0 {
                let behind = self.orders[slot].next;
                if self.orders[slot].need() <= arrival.open {
                    self.meet(slot, arrival, events);
                }
                slot = behind;
            }
            self.levels.retire(at);
            at = if next != NONE && self.levels[next].rank <= reach { next } else { NONE };
        }
    }

    /// Trades with one order, or does not because both are of one participant.
    #[inline]
    fn meet(&mut self, slot: u32, arrival: &mut Arrival, events: &mut impl FnMut(Event)) {
        let order = &self.orders[slot];
        let part = if order.shown > 0 { order.shown } else { order.open };
        let (shares, shown) = (part.min(arrival.open), order.shown.min(arrival.open));
        if order.owner == arrival.foe {
            return self.prevent(slot, shares, arrival, events);
        }
        self.matches += 1;
        arrival.open -= shares;
        let resting = self.lower(slot, shares, shown);
        self.symbols[usize::from(resting.locate.0)].last = resting.price;
        events(Event::Executed {
            resting,
            incoming: arrival.view(),
            shares,
            price: resting.price,
            match_number: MatchNumber(self.matches),
        });
        self.refill_if_gone(slot, &resting, events);
    }

    /// Two orders of one participant met.
    #[cold]
    fn prevent(
        &mut self,
        slot: u32,
        shares: u32,
        arrival: &mut Arrival,
        events: &mut impl FnMut(Event),
    ) {
        let (resting, incoming) = (self.view(slot), arrival.view());
        let price = resting.price;
        events(Event::SelfMatchPrevented { resting, incoming, shares, price });
        let reason = CancelReason::SelfMatch;
        match arrival.enter.self_match {
            SelfMatch::Allow | SelfMatch::CancelResting => self.cancel(slot, reason, events),
            SelfMatch::CancelIncoming => arrival.cancel(arrival.open, reason, events),
            SelfMatch::DecrementBoth => {
                let displayed_shares = shares.min(resting.shown);
                let order = self.lower(slot, shares, displayed_shares);
                events(Event::Canceled { order, shares, displayed_shares, reason });
                arrival.cancel(shares, reason, events);
                self.refill_if_gone(slot, &order, events);
            }
        }
    }

    /// `order` is what stands in the slot, if anything.
    #[inline]
    fn refill_if_gone(&mut self, slot: u32, order: &Resting, events: &mut impl FnMut(Event)) {
        if order.displayed.is_some() && order.shown == 0 && order.open > 0 {
            self.refill(slot, events);
        }
    }

    /// Whether it would meet any order at all.
    fn meets(&self, arrival: &Arrival) -> bool {
        let (ladder, reach) = arrival.across();
        self.levels.of(ladder).take_while(|level| level.rank <= reach).any(|level| {
            level.open > level.conditional
                || self.queue(level, BACK).any(|slot| self.orders[slot].need() <= arrival.open)
        })
    }

    /// Whether it would trade so many shares if it began now: `trade` step by step, with nothing changed.
    fn finds(&self, arrival: &Arrival, minimum: u32) -> bool {
        let (ladder, reach) = arrival.across();
        let (mut open, mut traded) = (arrival.open, 0);
        let own = |slot: &u32| self.orders[*slot].owner == arrival.foe;
        let self_match = arrival.enter.self_match;
        // Those are cancelled as they are met: all others trade as if they were not there.
        let stays = |slot: &u32| !(own(slot) && self_match == SelfMatch::CancelResting);
        // What is left of the arrival if it goes on.
        let mut meet = |slot: u32, part: u32| {
            let shares = part.min(open);
            match self_match {
                SelfMatch::CancelIncoming if own(&slot) => open = 0,
                SelfMatch::DecrementBoth if own(&slot) => open -= shares,
                _ => (open, traded) = (open - shares, traded + shares),
            }
            (traded < minimum && open > 0).then_some(open)
        };
        let mut left = Some(arrival.open);
        for level in self.levels.of(ladder).take_while(|level| level.rank <= reach) {
            for round in 0.. {
                let mut any = false;
                for slot in self.queue(level, FRONT).filter(stays) {
                    let part = self.orders[slot].part(round);
                    if part > 0 && left.is_some() {
                        left = meet(slot, part);
                        any = true;
                    }
                }
                if !any {
                    break;
                }
            }
            for slot in self.queue(level, BACK).filter(stays) {
                if left.is_some_and(|open| self.orders[slot].need() <= open) {
                    left = meet(slot, self.orders[slot].open);
                }
            }
            if left.is_none() {
                break;
            }
        }
        traded >= minimum
    }

    /// Puts what is left into the book, or among the orders of its cross.
    fn rest(&mut self, mut arrival: Arrival, events: &mut impl FnMut(Event)) {
        let Ok(slot) = self.settle(&arrival) else {
            return arrival.cancel(arrival.open, CancelReason::NoRoom, events);
        };
        if arrival.shows() {
            let order = self.view(slot);
            let (displayed, shares) = (arrival.reference, order.shown);
            events(Event::Displayed { order, displayed, shares, refill: false });
        }
    }

    fn settle(&mut self, arrival: &Arrival) -> Result<u32, Full> {
        let (ladder, rank) = arrival.place();
        let at = self.levels.find_or_make(ladder, rank)?;
        let mut order = Order::new(arrival.reference, arrival.open, &arrival.enter);
        order.level = at;
        if arrival.shows() {
            (order.shown, order.displayed) = (order.next_part(), order.reference);
        }
        let slot = match self.orders.insert(order, arrival.enter.participant) {
            Ok(slot) => slot,
            Err(Full) => {
                self.levels.retire(at);
                return Err(Full);
            }
        };
        let level = &mut self.levels[at];
        level.orders += 1;
        level.open += u64::from(order.open);
        level.shown += u64::from(order.shown);
        if order.is_conditional() {
            level.conditional += u64::from(order.open);
        }
        self.orders.link(level, slot);
        Ok(slot)
    }
}
