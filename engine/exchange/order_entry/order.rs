//! The day's orders of all clients: what each said, where it stands, and which are live.
//!
//! An order keeps its place in the pool all day, because a trade can be broken after the order is gone; the place is the
//! token by which the matching core names it. Live orders of an account form a list, oldest first.

use crate::base::pool::{Full, IdMap};
use crate::base::unit::Nanos;
use crate::exchange::unit::{Locate, MatchNumber, Reference};
use crate::wire::ouch::{ClOrdId, Firm, WirePrice, code};

/// No order.
pub(super) const NONE: u32 = u32::MAX;

/// What a client said about an order: it comes back in answers, and a replace inherits of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    /// `code::side`.
    pub(super) side: u8,
    pub(super) locate: Locate,
    pub(super) price: WirePrice,
    pub(super) time_in_force: u8,
    pub(super) display: u8,
    pub(super) capacity: u8,
    pub(super) sweep: u8,
    pub(super) cross: u8,
    pub(super) clordid: ClOrdId,
    /// As asked for; blank: the account's own.
    pub(super) firm: Firm,
    /// Fewest shares at once; 0: any.
    pub(super) minimum: u32,
    /// Shares shown; 0: no reserve order.
    pub(super) floor: u32,
    pub(super) post_only: bool,
    /// Seconds for which an order for a time stands.
    pub(super) expires: Option<u32>,
    pub(super) group: Option<u16>,
    /// `code::aiq`, as asked for.
    pub(super) aiq: Option<u8>,
    pub(super) aiq_group: Option<[u8; 2]>,
}

impl Detail {
    /// Seconds for which an order for a time stands; `None` for others.
    pub(super) fn stands_for(&self) -> Option<u32> {
        self.expires.filter(|_| self.time_in_force == code::time_in_force::GTT)
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The matching core has not answered: or it refused, and the place is free again.
    Asked,
    /// In the book, or waiting for its cross.
    Live,
    /// Gone.
    Dead,
}

/// An order of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    /// Place of its account.
    pub(super) account: u16,
    /// `UserRefIdx`.
    pub(super) channel: u8,
    pub(super) user_ref: u32,
    pub(super) state: State,
    /// The exchange's number, once it was accepted.
    pub(super) reference: Reference,
    /// Shares left.
    pub(super) open: u32,
    /// Shares that its chain of replaces has executed.
    pub(super) executed: u32,
    /// When the time of an order for a time is up, once it was accepted.
    pub(super) expires_at: Option<Nanos>,
    /// The last execution or cross it was in.
    pub(super) last_match: MatchNumber,
    /// A cancel waits for its cross.
    pub(super) cancel_pending: bool,
    pub(super) detail: Detail,
    /// Live orders of the account before and after it.
    previous: u32,
    next: u32,
}

impl Order {
    /// An order that the matching core has yet to hear of.
    pub(super) const fn asked(
        account: u16,
        channel: u8,
        user_ref: u32,
        executed: u32,
        detail: Detail,
    ) -> Self {
        Self {
            account,
            channel,
            user_ref,
            state: State::Asked,
            reference: Reference(0),
            open: 0,
            executed,
            expires_at: None,
            last_match: MatchNumber(0),
            cancel_pending: false,
            detail,
            previous: NONE,
            next: NONE,
        }
    }
}

/// The first and the last live order of an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveList {
    first: u32,
    last: u32,
}

/// All orders of the day.
pub(super) struct ClientOrders {
    orders: Vec<Order>,
    capacity: usize,
    /// By account, channel and number: the last order that was accepted under them.
    places: IdMap<u32>,
    live: Vec<LiveList>,
}

impl ClientOrders {
    /// Room for so many orders of so many accounts.
    pub(super) fn new(capacity: usize, accounts: usize) -> Self {
        let capacity = capacity.min(NONE as usize);
        let live = vec![LiveList { first: NONE, last: NONE }; accounts];
        Self { orders: Vec::with_capacity(capacity), capacity, places: IdMap::new(capacity), live }
    }

    const fn key(account: u16, channel: u8, user_ref: u32) -> u64 {
        (account as u64) << 40 | (channel as u64) << 32 | user_ref as u64
    }

    /// A place for an order that the matching core will be asked to take.
    pub(super) fn ask(&mut self, order: Order) -> Result<u32, Full> {
        // One that was refused leaves its place to the next.
        if self.orders.last().is_some_and(|last| last.state == State::Asked) {
            self.orders.pop();
        }
        if self.orders.len() == self.capacity {
            return Err(Full);
        }
        self.orders.push(order);
        Ok(self.orders.len() as u32 - 1)
    }

    /// The order at a place.
    pub(super) fn get(&self, place: u32) -> Option<&Order> {
        self.orders.get(place as usize)
    }

    /// As `get`, to change it.
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Order> {
        self.orders.get_mut(place as usize)
    }

    /// The live order of that name, with its place.
    pub(super) fn find_live(
        &self,
        account: u16,
        channel: u8,
        user_ref: u32,
    ) -> Option<(u32, Order)> {
        let place = self.places.get(Self::key(account, channel, user_ref))?;
        let order = *self.get(place)?;
        (order.state == State::Live).then_some((place, order))
    }

    /// The matching core took the order in: it is the account's youngest.
    pub(super) fn accept(&mut self, place: u32, reference: Reference, open: u32) {
        let Some(order) = self.orders.get_mut(place as usize) else { return };
        debug_assert_eq!(order.state, State::Asked, "Invariant: an order is accepted once");
        let list = &mut self.live[usize::from(order.account)];
        (order.state, order.reference, order.open) = (State::Live, reference, open);
        (order.previous, order.next) = (list.last, NONE);
        let key = Self::key(order.account, order.channel, order.user_ref);
        let before = std::mem::replace(&mut list.last, place);
        match self.orders.get_mut(before as usize) {
            Some(before) => before.next = place,
            None => list.first = place,
        }
        // The map has room for as many orders as the pool.
        let _ = self.places.insert(key, place);
    }

    /// The order is gone: no longer live, if it was.
    pub(super) fn remove(&mut self, place: u32) {
        let Some(order) = self.orders.get_mut(place as usize) else { return };
        if order.state != State::Live {
            return;
        }
        order.state = State::Dead;
        order.open = 0;
        let (previous, next) = (order.previous, order.next);
        let list = &mut self.live[usize::from(order.account)];
        match self.orders.get_mut(previous as usize) {
            Some(before) => before.next = next,
            None => list.first = next,
        }
        match self.orders.get_mut(next as usize) {
            Some(after) => after.previous = previous,
            None => list.last = previous,
        }
    }

    /// The account's oldest live order; `NONE` if it has none.
    pub(super) fn first(&self, account: u16) -> u32 {
        self.live[usize::from(account)].first
    }

    /// The live order after the one at `place`.
    pub(super) fn after(&self, place: u32) -> u32 {
        self.get(place).map_or(NONE, |order| order.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ouch::EnterOrder;

    fn order(account: u16, user_ref: u32) -> Order {
        let blank = EnterOrder::BLANK;
        let detail = Detail {
            side: code::side::BUY,
            locate: Locate(1),
            price: blank.price,
            time_in_force: code::time_in_force::DAY,
            display: code::display::VISIBLE,
            capacity: code::capacity::AGENCY,
            sweep: code::flag::NO,
            cross: code::cross::CONTINUOUS,
            clordid: blank.clordid,
            firm: *b"    ",
            minimum: 0,
            floor: 0,
            post_only: false,
            expires: None,
            group: None,
            aiq: None,
            aiq_group: None,
        };
        Order::asked(account, 0, user_ref, 0, detail)
    }

    fn live(orders: &ClientOrders, account: u16) -> Vec<u32> {
        let mut at = orders.first(account);
        let mut found = Vec::new();
        while at != NONE {
            found.push(orders.get(at).unwrap().user_ref);
            at = orders.after(at);
        }
        found
    }

    #[test]
    fn an_accounts_live_orders_are_listed_oldest_first() {
        let mut orders = ClientOrders::new(8, 2);
        for (account, user_ref) in [(0, 1), (1, 1), (0, 2), (0, 3)] {
            let place = orders.ask(order(account, user_ref)).unwrap();
            orders.accept(place, Reference(u64::from(place)), 100);
        }
        assert_eq!((live(&orders, 0), live(&orders, 1)), (vec![1, 2, 3], vec![1]));
        let (place, found) = orders.find_live(0, 0, 2).unwrap();
        assert_eq!((place, found.user_ref), (2, 2));
        orders.remove(place);
        orders.remove(place);
        assert!(orders.find_live(0, 0, 2).is_none() && orders.find_live(0, 1, 1).is_none());
        assert_eq!(live(&orders, 0), [1, 3]);
        orders.remove(0);
        orders.remove(3);
        assert_eq!((live(&orders, 0), orders.first(0), live(&orders, 1)), (vec![], NONE, vec![1]));
    }

    #[test]
    fn a_place_is_an_orders_own_all_day_unless_it_was_refused() {
        let mut orders = ClientOrders::new(2, 1);
        assert_eq!(orders.ask(order(0, 1)), Ok(0));
        assert_eq!(orders.ask(order(0, 2)), Ok(0));
        orders.accept(0, Reference(1), 1);
        orders.remove(0);
        assert_eq!(orders.ask(order(0, 3)), Ok(1));
        orders.accept(1, Reference(2), 1);
        assert_eq!(orders.ask(order(0, 4)), Err(Full));
        assert_eq!(orders.get(0).map(|order| order.user_ref), Some(2));
    }
}
