//! An order arrives at the naive core.

use super::*;
use crate::exchange::matching::{
    Display, Enter, Lasts, PRICE_MAX, RejectReason, Replace, SHARES_MAX,
};
use crate::exchange::unit::{MatchNumber, Price4};

fn need(order: &Stands) -> u32 {
    if order.minimum > 1 { order.minimum.min(order.it.open) } else { 0 }
}

/// Puts an order behind all that show, or behind all if it does not.
pub(super) fn queue(orders: &mut Vec<Stands>, order: Stands) {
    let shows = order.it.displayed.is_some();
    let hidden = |other: &Stands| shows && other.it.displayed.is_none();
    let place = orders.iter().position(hidden).unwrap_or(orders.len());
    orders.insert(place, order);
}

/// The next part of a reserve order whose shown part is gone.
pub(super) fn refill(counts: &mut Counts, order: &mut Stands) -> Event {
    counts.references += 1;
    let Display::Reserve(part) = order.it.display else { panic!("only reserve orders refill") };
    let displayed = Reference(counts.references);
    order.since = counts.references;
    order.it.shown = part.min(order.it.open);
    order.it.displayed = Some(displayed);
    Event::Displayed { order: order.it, displayed, shares: order.it.shown, refill: true }
}

/// Price and place of the first order that `incoming` meets.
fn first(across: &Book, incoming: &Resting) -> Option<(i64, usize)> {
    for (&key, orders) in across {
        let price = orders[0].it.price.0;
        let fits = match incoming.side == Side::BUY {
            true => price <= incoming.price.0,
            false => price >= incoming.price.0,
        };
        if !fits {
            return None;
        }
        if let Some(n) = orders.iter().position(|order| need(order) <= incoming.open) {
            return Some((key, n));
        }
    }
    None
}

/// All that happens when `incoming` meets `across`.
fn trade(
    across: &mut Book,
    incoming: &mut Resting,
    self_match: SelfMatch,
    counts: &mut Counts,
    events: &mut Vec<Event>,
) {
    while let Some((key, n)) = first(across, incoming) {
        if incoming.open == 0 {
            return;
        }
        let orders = across.get_mut(&key).unwrap();
        let mut order = orders.remove(n);
        let price = order.it.price;
        let part = if order.it.shown > 0 { order.it.shown } else { order.it.open };
        let shares = part.min(incoming.open);
        let own = order.it.participant == incoming.participant;
        let cut = |order: &mut Resting, shares: u32, reason| {
            let shown = order.shown.min(shares);
            order.open -= shares;
            order.shown -= shown;
            Event::Canceled { order: *order, shares, displayed_shares: shown, reason }
        };
        let reason = CancelReason::SelfMatch;
        if own && self_match != SelfMatch::Allow {
            let (resting, incoming) = (order.it, *incoming);
            events.push(Event::SelfMatchPrevented { resting, incoming, shares, price });
        }
        match self_match {
            SelfMatch::CancelResting if own => {
                let open = order.it.open;
                events.push(cut(&mut order.it, open, reason));
            }
            SelfMatch::CancelIncoming if own => {
                events.push(cut(incoming, incoming.open, reason));
            }
            SelfMatch::DecrementBoth if own => {
                events.push(cut(&mut order.it, shares, reason));
                events.push(cut(incoming, shares, reason));
            }
            _ => {
                counts.matches += 1;
                order.it.open -= shares;
                order.it.shown -= order.it.shown.min(shares);
                incoming.open -= shares;
                events.push(Event::Executed {
                    resting: order.it,
                    incoming: *incoming,
                    shares,
                    price,
                    match_number: MatchNumber(counts.matches),
                });
            }
        }
        if order.it.open > 0 && order.it.displayed.is_some() && order.it.shown == 0 {
            events.push(refill(counts, &mut order));
            queue(orders, order);
        } else if order.it.open > 0 {
            orders.insert(n, order);
        }
        if orders.is_empty() {
            across.remove(&key);
        }
    }
}

impl Naive {
    fn bad(enter: &Enter) -> Option<RejectReason> {
        let terms = &enter.terms;
        let reserve = match terms.display {
            Display::Reserve(part) => part,
            _ => 0,
        };
        if terms.shares == 0
            || terms.shares > SHARES_MAX
            || terms.display == Display::Reserve(0)
            || reserve >= terms.shares
            || u64::from(reserve) * 1_000 < u64::from(terms.shares) && reserve > 0
        {
            return Some(RejectReason::Quantity);
        }
        if terms.limit == Some(Price4(0)) || terms.limit.is_some_and(|limit| limit > PRICE_MAX) {
            return Some(RejectReason::Price);
        }
        let for_cross = enter.session != CrossSession::Continuous;
        let day = terms.lasts == Lasts::Day;
        if for_cross && (terms.post_only || reserve > 0)
            || !for_cross && day && terms.limit.is_none()
            || !for_cross && !day && terms.post_only
        {
            return Some(RejectReason::Terms);
        }
        let may_have = !for_cross && (!day || terms.display == Display::Hidden);
        (terms.minimum > terms.shares || terms.minimum > 1 && !may_have)
            .then_some(RejectReason::Minimum)
    }

    fn untimely(&self, enter: &Enter) -> Option<RejectReason> {
        let state = self.states[&enter.locate.0];
        if state.phase == Phase::Closed || state.over[enter.session as usize] {
            return Some(RejectReason::Closed);
        }
        let immediate =
            enter.session == CrossSession::Continuous && enter.terms.lasts == Lasts::Immediate;
        (state.phase == Phase::Halted && immediate).then_some(RejectReason::Halted)
    }

    pub(super) fn enter(&mut self, enter: Enter, events: &mut Vec<Event>) {
        let immediate =
            enter.session == CrossSession::Continuous && enter.terms.lasts == Lasts::Immediate;
        let full = self.places.len() >= self.limits.orders;
        let reason = match self.states.contains_key(&enter.locate.0) {
            false => Some(RejectReason::UnknownSymbol),
            true => Self::bad(&enter)
                .or(self.untimely(&enter))
                .or((full && !immediate).then_some(RejectReason::NoRoom)),
        };
        if let Some(reason) = reason {
            let (participant, token) = (enter.participant, enter.token);
            return events.push(Event::Rejected { participant, token, reason });
        }
        self.counts.references += 1;
        let order = Reference(self.counts.references);
        events.push(Event::Accepted { order, enter });
        self.arrive(order, enter, events);
    }

    pub(super) fn replace(&mut self, replace: Replace, events: &mut Vec<Event>) {
        let Some(old) = self.order(replace.order).cloned() else {
            return events.push(Event::NotLive { order: replace.order });
        };
        let session = match self.places[&replace.order.0].0.1 {
            0 => CrossSession::Continuous,
            1 => CrossSession::Opening,
            _ => CrossSession::Closing,
        };
        let enter = Enter {
            locate: old.it.locate,
            participant: old.it.participant,
            token: replace.token,
            side: old.it.side,
            terms: replace.terms,
            session,
            self_match: replace.self_match,
        };
        if Self::bad(&enter).is_some() {
            events.push(self.cut(replace.order.0, old.it.open, CancelReason::BadReplace));
            return;
        }
        if let Some(reason) = self.untimely(&enter) {
            let (participant, token) = (enter.participant, enter.token);
            return events.push(Event::Rejected { participant, token, reason });
        }
        self.cut(replace.order.0, old.it.open, CancelReason::Requested);
        self.counts.references += 1;
        let order = Reference(self.counts.references);
        let mut follows = Vec::new();
        self.arrive(order, enter, &mut follows);
        let displayed = matches!(follows.first(), Some(Event::Displayed { refill: false, .. }));
        events.push(Event::Replaced {
            old: replace.order,
            old_token: old.it.token,
            old_displayed: old.it.displayed,
            order,
            enter,
            kept_on_display: old.it.displayed.is_some() && displayed,
        });
        events.extend(follows);
    }

    fn arrive(&mut self, order: Reference, enter: Enter, events: &mut Vec<Event>) {
        let Enter { locate, participant, token, side, terms, session, self_match } = enter;
        let market = if side == Side::BUY { Price4::MAX } else { Price4(0) };
        let mut it = Resting {
            order,
            locate,
            participant,
            token,
            side,
            price: terms.limit.unwrap_or(market),
            open: terms.shares,
            display: terms.display,
            displayed: None,
            shown: 0,
        };
        let continuous = session == CrossSession::Continuous;
        let cancel = |mut it: Resting, reason| {
            let shares = std::mem::take(&mut it.open);
            Event::Canceled { order: it, shares, displayed_shares: 0, reason }
        };
        if continuous && self.states[&locate.0].phase == Phase::Open {
            let there = which(locate, session, side.opposite());
            let across = self.books.entry(there).or_default();
            if terms.post_only && first(across, &it).is_some() {
                return events.push(cancel(it, CancelReason::PostOnly));
            }
            // Tried on a copy, if it depends.
            let enough = terms.minimum <= 1 || {
                let (mut copy, mut counts, mut tried) = (across.clone(), self.counts, Vec::new());
                trade(&mut copy, &mut it.clone(), self_match, &mut counts, &mut tried);
                let traded = |event: &Event| match event {
                    Event::Executed { shares, .. } => *shares,
                    _ => 0,
                };
                tried.iter().map(traded).sum::<u32>() >= terms.minimum
            };
            if enough {
                let from = events.len();
                trade(across, &mut it, self_match, &mut self.counts, events);
                let mut met = Vec::new();
                for event in &events[from..] {
                    match event {
                        Event::Executed { resting, price, .. } => {
                            self.states.get_mut(&locate.0).unwrap().last = price.0;
                            met.push(*resting);
                        }
                        Event::Canceled { order, .. } if order.order != it.order => {
                            met.push(*order);
                        }
                        _ => {}
                    }
                }
                self.sweep(&met);
            }
        }
        if it.open == 0 {
            return;
        }
        if continuous && terms.lasts == Lasts::Immediate {
            return events.push(cancel(it, CancelReason::Immediate));
        }
        let (here, key) = (which(locate, session, side), key(&it));
        let levels = || self.books.values().map(BTreeMap::len).sum::<usize>();
        let new_level = !self.books.get(&here).is_some_and(|book| book.contains_key(&key));
        let new_owner = !self.owners.contains_key(&participant.0);
        if new_level && levels() >= self.limits.levels
            || new_owner && self.owners.len() >= self.limits.participants
        {
            return events.push(cancel(it, CancelReason::NoRoom));
        }
        if continuous && terms.display != Display::Hidden {
            it.displayed = Some(order);
            it.shown = match terms.display {
                Display::Reserve(part) => part.min(it.open),
                _ => it.open,
            };
            let (displayed, shares) = (order, it.shown);
            events.push(Event::Displayed { order: it, displayed, shares, refill: false });
        }
        let stands = Stands { it, minimum: terms.minimum, since: order.0 };
        queue(self.books.entry(here).or_default().entry(key).or_default(), stands);
        self.places.insert(order.0, (here, key));
        self.owners.entry(participant.0).or_default().insert(order.0);
    }
}
