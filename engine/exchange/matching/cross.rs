//! A cross: all that can trade trades at one price.
//!
//! Each side has its own order of turns: better limits first, market orders before all. At a limit first what shows in the book
//! and what waits for this cross, by time; then what reserve orders hide; then hidden orders. A reserve order
//! shows its next part when the side is done. Orders with a minimum take no part.

use super::Matching;
use super::clearing::Parties;
use super::command::{CancelReason, CrossKind, CrossSession};
use super::event::Event;
use super::levels::{BACK, FRONT, LadderId};
use super::tree::NONE;
use crate::base::unit::Side;
use crate::exchange::unit::{Locate, MatchNumber, Price4};

/// A cross under way.
struct Turn {
    price: Price4,
    match_number: MatchNumber,
    /// Shares of this side that still trade.
    left: u64,
}

impl Matching {
    pub(super) fn cross(
        &mut self,
        locate: Locate,
        kind: CrossKind,
        near: Price4,
        events: &mut impl FnMut(Event),
    ) {
        self.matches += 1;
        let match_number = MatchNumber(self.matches);
        let parties = Parties::of(kind);
        let found = self.crossing(locate, parties, near);
        let (price, shares) = found.map_or((Price4(0), 0), |found| (found.price, found.paired()));
        for side in [Side::BUY, Side::SELL] {
            self.allocate(
                locate,
                side,
                parties,
                Turn { price, match_number, left: shares },
                events,
            );
        }
        let symbol = &mut self.symbols[usize::from(locate.0)];
        if shares > 0 {
            symbol.last = price;
        }
        match parties.session {
            Some(CrossSession::Opening) => symbol.over[0] = true,
            Some(CrossSession::Closing) => symbol.over[1] = true,
            Some(CrossSession::Continuous) | None => {}
        }
        for side in [Side::BUY, Side::SELL] {
            let alone = Parties { book: false, ..parties };
            for ladder in alone.ladders(locate, side).into_iter().flatten() {
                self.expire(ladder, events);
            }
        }
        events(Event::Crossed { locate, kind, shares, price, match_number });
    }

    /// Trades one side's part.
    fn allocate(
        &mut self,
        locate: Locate,
        side: Side,
        parties: Parties,
        mut turn: Turn,
        events: &mut impl FnMut(Event),
    ) {
        let ladders = parties.ladders(locate, side);
        let mut at = ladders.map(|ladder| ladder.map_or(NONE, |ladder| self.levels.best(ladder)));
        while turn.left > 0 && at != [NONE; 2] {
            let rank = |level: u32| (level != NONE).then(|| self.levels[level].rank);
            let best = at.into_iter().filter_map(rank).min();
            let here = at.map(|level| if rank(level) == best { level } else { NONE });
            for n in 0..2 {
                if here[n] != NONE {
                    at[n] = self.levels[here[n]].next;
                }
            }
            self.take_fronts(here, &mut turn, events);
            if here[0] != NONE {
                self.take_unseen(here[0], &mut turn, events);
            }
            here.into_iter().filter(|&level| level != NONE).for_each(|at| self.levels.retire(at));
        }
    }

    /// What shows in the book, and what waits for the cross, by time.
    fn take_fronts(&mut self, here: [u32; 2], turn: &mut Turn, events: &mut impl FnMut(Event)) {
        let mut slots =
            here.map(|at| if at == NONE { NONE } else { self.levels[at].queues[FRONT].head });
        while turn.left > 0 {
            let since = |slot: u32| (slot != NONE).then(|| self.orders[slot].priority());
            let n = match (since(slots[0]), since(slots[1])) {
                (None, None) => return,
                (Some(book), Some(waits)) => usize::from(waits < book),
                (Some(_), None) => 0,
                (None, Some(_)) => 1,
            };
            let slot = slots[n];
            let order = &self.orders[slot];
            slots[n] = order.next;
            let (part, shows) = if n == 0 { (order.shown, true) } else { (order.open, false) };
            self.take(slot, part, shows, turn, events);
        }
    }

    /// What reserve orders hide, then hidden orders; what is left of a reserve order then shows.
    fn take_unseen(&mut self, at: u32, turn: &mut Turn, events: &mut impl FnMut(Event)) {
        for queue in [FRONT, BACK] {
            let mut slot = self.levels[at].queues[queue].head;
            while slot != NONE && turn.left > 0 {
                let order = &self.orders[slot];
                let behind = order.next;
                if !order.is_conditional() {
                    self.take(slot, order.open, false, turn, events);
                }
                slot = behind;
            }
        }
        let mut slot = self.levels[at].queues[FRONT].head;
        while slot != NONE && self.orders[slot].shown == 0 {
            self.refill(slot, events);
            slot = self.levels[at].queues[FRONT].head;
        }
    }

    /// Cancels all orders of a cross that is over, in the order in which they would have traded.
    fn expire(&mut self, ladder: LadderId, events: &mut impl FnMut(Event)) {
        let mut at = self.levels.best(ladder);
        while at != NONE {
            let mut slot = self.levels[at].queues[FRONT].head;
            while slot != NONE {
                self.cancel(slot, CancelReason::Expired, events);
                slot = self.levels[at].queues[FRONT].head;
            }
            self.levels.retire(at);
            at = self.levels.best(ladder);
        }
    }

    /// Trades up to `part` of an order.
    fn take(
        &mut self,
        slot: u32,
        part: u32,
        shows: bool,
        turn: &mut Turn,
        events: &mut impl FnMut(Event),
    ) {
        let shares = u64::from(part).min(turn.left) as u32;
        turn.left -= u64::from(shares);
        let mut order = self.lower(slot, shares, if shows { shares } else { 0 });
        if !shows {
            order.displayed = None;
        }
        let Turn { price, match_number, .. } = *turn;
        events(Event::ExecutedInCross { order, shares, price, match_number });
    }
}
