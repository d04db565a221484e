//! A cross at the naive core: every price that counts is tried on every order.

use super::arrive::{queue, refill};
use super::*;
use crate::exchange::matching::{Indication, PRICE_MAX};
use crate::exchange::unit::{MatchNumber, Price4};

/// One turn of one order: its price, then what shows before what does not, then time; how many shares, and whether they show.
type Turn = ((i64, u8, u64), Resting, u32, bool);

impl Naive {
    /// The orders of a side that take part.
    fn parties(&self, locate: Locate, side: Side, book: bool, kind: CrossKind) -> Vec<&Stands> {
        let session = match kind {
            CrossKind::Opening => Some(CrossSession::Opening),
            CrossKind::Closing => Some(CrossSession::Closing),
            CrossKind::Halt => None,
        };
        let book = book.then_some(CrossSession::Continuous);
        let lists = book.into_iter().chain(session).map(|s| which(locate, s, side));
        let lists = lists.filter_map(|which| self.books.get(&which)).flat_map(Book::values);
        lists.flatten().filter(|stands| stands.minimum <= 1).collect()
    }

    /// Shares that would be bought and sold at a price.
    fn at(bids: &[&Stands], asks: &[&Stands], price: u32) -> (u64, u64) {
        let sum = |orders: &[&Stands], fits: &dyn Fn(u32) -> bool| -> u64 {
            let orders = orders.iter().filter(|order| fits(order.it.price.0));
            orders.map(|order| u64::from(order.it.open)).sum()
        };
        (sum(bids, &|limit| limit >= price), sum(asks, &|limit| limit <= price))
    }

    /// The best price of a range, with what would be bought and sold.
    fn clear(
        bids: &[&Stands],
        asks: &[&Stands],
        range: (u32, u32),
        near: u32,
    ) -> Option<(u32, u64, u64)> {
        let near = near.clamp(1, PRICE_MAX.0);
        let near = if near < 10_000 { near } else { near - near % 100 };
        let mut prices = BTreeSet::from([near]);
        let edges = [0, PRICE_MAX.0 + 1, range.0 - 1, range.1 + 1];
        let limits = bids.iter().chain(asks).map(|order| order.it.price.0);
        for limit in limits.filter(|&limit| limit <= PRICE_MAX.0).chain(edges) {
            prices.insert(limit);
            prices.insert(if limit >= 9_999 { limit / 100 * 100 + 100 } else { limit + 1 });
            let below = if limit <= 10_000 { 1 } else { (limit - 1) % 100 + 1 };
            prices.insert(limit.saturating_sub(below));
        }
        let prices = prices.into_iter().filter(|p| (range.0..=range.1).contains(p));
        let tried = prices.map(|price| {
            let (bought, sold) = Self::at(bids, asks, price);
            (price, bought, sold)
        });
        tried.min_by_key(|&(price, bought, sold)| {
            let traded = i128::from(bought.min(sold));
            (-traded, bought.abs_diff(sold), price.abs_diff(near), price)
        })
    }

    fn whole(
        &self,
        locate: Locate,
        book: bool,
        kind: CrossKind,
        near: u32,
    ) -> Option<(u32, u64, u64)> {
        let side = |side| self.parties(locate, side, book, kind);
        let found = Self::clear(&side(Side::BUY), &side(Side::SELL), (1, PRICE_MAX.0), near)?;
        (found.1.min(found.2) > 0).then_some(found)
    }

    pub(super) fn crossed(&self, locate: Locate) -> bool {
        let price = |side| {
            let orders = self.parties(locate, side, true, CrossKind::Halt);
            orders.into_iter().map(|order| order.it.price.0).collect::<Vec<_>>()
        };
        let (bid, ask) = (price(Side::BUY).into_iter().max(), price(Side::SELL).into_iter().min());
        bid.is_some_and(|bid| ask.is_some_and(|ask| bid >= ask))
    }

    pub(super) fn near(&self, locate: Locate) -> u32 {
        let last = self.states[&locate.0].last;
        let best = |side| self.best(locate, side).map(|(price, _)| price.0);
        match (best(Side::BUY), best(Side::SELL)) {
            _ if last > 0 => last,
            (Some(bid), Some(ask)) => ((u64::from(bid) + u64::from(ask)) / 2) as u32,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 1,
        }
    }

    pub(super) fn cross(
        &mut self,
        locate: Locate,
        kind: CrossKind,
        near: u32,
        events: &mut Vec<Event>,
    ) {
        self.counts.matches += 1;
        let match_number = MatchNumber(self.counts.matches);
        let found = self.whole(locate, true, kind, near);
        let (price, shares) =
            found.map_or((Price4(0), 0), |(price, b, s)| (Price4(price), b.min(s)));
        for side in [Side::BUY, Side::SELL] {
            let mut turns: Vec<Turn> = Vec::new();
            for order in self.parties(locate, side, true, kind) {
                let (it, key, since) = (order.it, key(&order.it), order.since);
                if it.displayed.is_some() {
                    turns.push(((key, 0, since), it, it.shown, true));
                    turns.push(((key, 1, since), it, it.open - it.shown, false));
                } else {
                    let waits = self.places[&it.order.0].0.1 > 0;
                    turns.push(((key, if waits { 0 } else { 2 }, since), it, it.open, false));
                }
            }
            turns.sort_by_key(|turn| turn.0);
            let mut left = shares;
            let mut met: Vec<u64> = Vec::new();
            for (_, it, part, shows) in turns {
                let shares = u64::from(part).min(left) as u32;
                if shares == 0 {
                    continue;
                }
                left -= u64::from(shares);
                let (place, key) = self.places[&it.order.0];
                let orders = self.books.get_mut(&place).unwrap().get_mut(&key).unwrap();
                let stands = orders.iter_mut().find(|other| other.it.order == it.order).unwrap();
                stands.it.open -= shares;
                stands.it.shown -= if shows { shares } else { 0 };
                let mut order = stands.it;
                order.displayed = order.displayed.filter(|_| shows);
                events.push(Event::ExecutedInCross { order, shares, price, match_number });
                met.push(it.order.0);
                self.sweep(&[order]);
            }
            for reference in met {
                let Some(&(place, key)) = self.places.get(&reference) else { continue };
                let orders = self.books.get_mut(&place).unwrap().get_mut(&key).unwrap();
                let n = orders.iter().position(|other| other.it.order.0 == reference).unwrap();
                if orders[n].it.displayed.is_some() && orders[n].it.shown == 0 {
                    let mut order = orders.remove(n);
                    events.push(refill(&mut self.counts, &mut order));
                    queue(orders, order);
                }
            }
        }
        let state = self.states.get_mut(&locate.0).unwrap();
        if shares > 0 {
            state.last = price.0;
        }
        match kind {
            CrossKind::Opening => state.over[1] = true,
            CrossKind::Closing => state.over[2] = true,
            CrossKind::Halt => {}
        }
        for side in [Side::BUY, Side::SELL] {
            let mut over: Vec<_> = self.parties(locate, side, false, kind);
            over.sort_by_key(|order| (key(&order.it), order.since));
            let over: Vec<_> = over.iter().map(|order| (order.it.order.0, order.it.open)).collect();
            for (reference, open) in over {
                events.push(self.cut(reference, open, CancelReason::Expired));
            }
        }
        events.push(Event::Crossed { locate, kind, shares, price, match_number });
    }

    pub(crate) fn imbalance(&self, locate: Locate, kind: CrossKind) -> Indication {
        if !self.states.contains_key(&locate.0) {
            return Indication::default();
        }
        let best = |side| self.best(locate, side).map(|(price, _)| price.0);
        let range = match (best(Side::BUY), best(Side::SELL)) {
            (Some(bid), Some(ask)) if bid <= ask => (bid, ask),
            (Some(bid), Some(ask)) => (ask, bid),
            _ => (1, PRICE_MAX.0),
        };
        let near = self.near(locate);
        let side = |side| self.parties(locate, side, true, kind);
        let found = Self::clear(&side(Side::BUY), &side(Side::SELL), range, near);
        let Some((price, bought, sold)) = found.filter(|found| found.1 + found.2 > 0) else {
            let reference = Price4(self.states[&locate.0].last);
            return Indication { reference, ..Indication::default() };
        };
        let price_of = |book| self.whole(locate, book, kind, near).map_or(0, |found| found.0);
        Indication {
            paired: bought.min(sold),
            imbalance: bought.abs_diff(sold),
            side: (bought != sold).then_some(if bought > sold { Side::BUY } else { Side::SELL }),
            far: Price4(price_of(false)),
            near: Price4(price_of(true)),
            reference: Price4(price),
        }
    }

    pub(crate) fn best(&self, locate: Locate, side: Side) -> Option<(Price4, u64)> {
        let shown = self.displayed(locate).into_iter().filter(|order| order.side == side);
        let price = shown.clone().next()?.price;
        let here = shown.filter(|order| order.price == price);
        Some((price, here.map(|order| u64::from(order.shown)).sum()))
    }

    /// What shows, bids first, in priority order.
    pub(crate) fn displayed(&self, locate: Locate) -> Vec<Resting> {
        let side = |side| self.books.get(&which(locate, CrossSession::Continuous, side));
        let lists = [Side::BUY, Side::SELL].into_iter().filter_map(side).flat_map(Book::values);
        lists.flatten().map(|order| order.it).filter(|order| order.displayed.is_some()).collect()
    }

    /// All live orders by reference.
    pub(crate) fn all(&self) -> Vec<Resting> {
        self.places.keys().map(|&order| self.order(Reference(order)).unwrap().it).collect()
    }
}
