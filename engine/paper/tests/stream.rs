//! What holds under any stream: nothing fills that was not there, no share twice, and every order ends or rests.

use super::{BUY, DAY, IOC, Pit, SELL, new, of_kind};
use crate::base::message::{Flags, Kind, Market, Report};
use crate::base::unit::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a random stream may do.
#[derive(Clone, Copy, Debug)]
enum Act {
    Add { buy: bool, price: i64, qty: u64 },
    Part { kind: Kind, which: usize, qty: u64 },
    Replace { which: usize, price: i64, qty: u64 },
    Send { buy: bool, price: i64, qty: u64, tif: TimeInForce },
    Change { which: usize, price: i64, qty: u64 },
    Cancel { which: usize },
    Halt { halted: bool },
}

fn act() -> impl Strategy<Value = Act> {
    let (price, qty) = (|| 998..1004i64, || 1..60u64);
    let parts = [Kind::EXECUTE, Kind::EXECUTE, Kind::EXECUTE_AT, Kind::CANCEL, Kind::DELETE];
    let tif = prop::sample::select(vec![DAY, DAY, IOC]);
    prop_oneof![
        6 => (any::<bool>(), price(), qty()).prop_map(|(buy, price, qty)| Act::Add { buy, price, qty }),
        6 => (prop::sample::select(parts.to_vec()), any::<usize>(), qty())
            .prop_map(|(kind, which, qty)| Act::Part { kind, which, qty }),
        2 => (any::<usize>(), price(), qty())
            .prop_map(|(which, price, qty)| Act::Replace { which, price, qty }),
        5 => (any::<bool>(), price(), qty(), tif)
            .prop_map(|(buy, price, qty, tif)| Act::Send { buy, price, qty, tif }),
        2 => (any::<usize>(), price(), qty())
            .prop_map(|(which, price, qty)| Act::Change { which, price, qty }),
        1 => any::<usize>().prop_map(|which| Act::Cancel { which }),
        1 => prop::bool::weighted(0.3).prop_map(|halted| Act::Halt { halted }),
    ]
}

/// An order of ours, as its events tell it.
#[derive(Clone, Copy, Debug)]
struct Ours {
    side: Side,
    price: Price,
    leaves: u64,
    total: u64,
    tif: TimeInForce,
}

/// A stream, and what must be true of every event.
struct Stream {
    pit: Pit,
    ours: BTreeMap<u64, Ours>,
    /// What was taken of real orders, as the fills say.
    taken: BTreeMap<u64, u64>,
    names: u64,
    open: bool,
}

impl Stream {
    /// Takes `qty` of the available shares of a level, the first order's first: they must be there.
    fn take(&mut self, side: Side, price: Price, mut qty: u64) {
        for real in self.pit.books.orders(InstrumentId(0), side, price) {
            let taken = self.taken.entry(real.reference).or_insert(0);
            let part = real.qty.0.saturating_sub(*taken).min(qty);
            *taken += part;
            qty -= part;
        }
        assert_eq!(qty, 0, "no more is filled than stands there untaken");
    }

    fn event(&mut self, event: &Report, message: &Market) {
        let id = event.order.0;
        match event.head.kind {
            Kind::ACCEPTED | Kind::REPLACED => {
                assert!(self.open, "nothing new is taken in a halt");
                let before = self.ours.remove(&event.target.0);
                let executed = before.map_or(0, |before| before.total - before.leaves);
                let leaves = event.leaves.0;
                assert_eq!(leaves + executed, message.qty.0);
                let Market { side, price, tif, .. } = *message;
                let ours = Ours { side, price, leaves, total: message.qty.0, tif };
                assert!(self.ours.insert(id, ours).is_none());
            }
            Kind::FILLED => {
                assert!(self.open, "nothing fills in a halt");
                let ours = self.ours.get_mut(&id).expect("an order that has ended never fills");
                assert!(event.qty.0 > 0 && event.qty.0 <= ours.leaves);
                ours.leaves -= event.qty.0;
                assert_eq!(event.leaves.0, ours.leaves);
                let ours = *ours;
                if ours.leaves == 0 {
                    self.ours.remove(&id);
                }
                if event.liquidity == Liquidity::ADDED {
                    assert_eq!(event.price, ours.price, "at its own price");
                } else {
                    let worse = if ours.side.is_buy() {
                        event.price > ours.price
                    } else {
                        event.price < ours.price
                    };
                    assert!(!worse, "within its limit");
                    self.take(ours.side.opposite(), event.price, event.qty.0);
                }
            }
            Kind::CANCELED => {
                let ours = self.ours.remove(&id).expect("it was open");
                assert_eq!((event.qty.0, event.leaves.0), (ours.leaves, 0));
            }
            _ => assert!(!self.ours.contains_key(&id)),
        }
    }

    fn events(&mut self, events: &[Report], message: &Market) {
        events.iter().for_each(|event| self.event(event, message));
    }

    /// A market message: what fills comes out of what it executes or brings.
    fn market(&mut self, message: Market) {
        let reference = message.reference;
        let before = self.pit.books.order(reference).map_or(0, |order| order.qty.0);
        let events = self.pit.apply(message);
        let filled: u64 = events.iter().map(|event| event.qty.0).sum();
        self.events(&events, &message);
        let brought = match message.head.kind {
            Kind::EXECUTE | Kind::EXECUTE_AT => before.min(message.qty.0),
            Kind::ADD => {
                self.taken.insert(reference, filled);
                message.qty.0
            }
            Kind::REPLACE => {
                let taken = self.taken.remove(&reference).unwrap_or(0);
                self.taken.insert(message.other, taken + filled);
                message.qty.0.saturating_sub(taken)
            }
            _ => 0,
        };
        assert!(filled <= brought, "{filled} filled of {brought}");
        if self.pit.books.order(reference).is_none() {
            self.taken.remove(&reference);
        }
    }

    fn ours(&self, which: usize) -> Option<u64> {
        self.ours.keys().nth(which % self.ours.len().max(1)).copied()
    }

    fn real(&self, which: usize) -> u64 {
        // Mostly alive, for the market seldom names what is gone.
        let alive: Vec<_> =
            (1..=self.names).filter(|at| self.pit.books.order(*at).is_some()).collect();
        alive.get(which % alive.len().max(1)).copied().unwrap_or(0)
    }

    fn act(&mut self, act: Act) {
        let side = |buy| if buy { BUY } else { SELL };
        self.names += 1;
        let name = self.names;
        match act {
            Act::Add { buy, price, qty } => {
                let add = of_kind(Kind::ADD, new(name, side(buy), price, qty, DAY));
                self.market(add);
            }
            Act::Part { kind, which, qty } => {
                let part =
                    of_kind(kind, Market { reference: self.real(which), ..Market::default() });
                let mut part = Market { qty: Qty(qty), ..part };
                part.head.flags = Flags::PRINTABLE;
                self.market(part);
            }
            Act::Replace { which, price, qty } => {
                let reference = self.real(which);
                if reference == 0 {
                    return;
                }
                let replace = Market { other: name, reference, ..new(0, BUY, price, qty, DAY) };
                self.market(of_kind(Kind::REPLACE, replace));
            }
            Act::Send { buy, price, qty, tif } => {
                let order = new(name, side(buy), price, qty, tif);
                let events = self.pit.order(order);
                self.events(&events, &order);
                assert!(tif == DAY || !self.ours.contains_key(&name), "nothing immediate rests");
            }
            Act::Change { which, price, qty } => {
                let Some(target) = self.ours(which) else { return };
                let side = self.ours[&target].side;
                let change = Market { other: target, ..new(name, side, price, qty, DAY) };
                let change = of_kind(Kind::REPLACE_ORDER, change);
                let events = self.pit.order(change);
                self.events(&events, &change);
            }
            Act::Cancel { which } => {
                let other = self.ours(which).unwrap_or(name);
                let cancel = of_kind(Kind::CANCEL_ORDER, Market { other, ..Market::default() });
                let events = self.pit.order(cancel);
                self.events(&events, &cancel);
                assert!(!self.ours.contains_key(&other));
            }
            Act::Halt { halted } => {
                self.open = !halted;
                let code = if halted { b'H' } else { b'T' };
                self.market(of_kind(Kind::TRADING, Market { code, ..Market::default() }));
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_fills_that_was_not_there_and_every_order_ends_or_rests(
        acts in prop::collection::vec(act(), 1..120),
        closes in any::<bool>(),
    ) {
        let mut stream = Stream {
            pit: Pit::new(3, 4),
            ours: BTreeMap::new(),
            taken: BTreeMap::new(),
            names: 0,
            open: true,
        };
        acts.into_iter().for_each(|act| stream.act(act));
        if closes {
            stream.pit.session(b'M');
            while stream.pit.venue.closing() != Nanos::MAX {
                let events = stream.pit.expire(2);
                stream.events(&events, &Market::default());
            }
            prop_assert!(stream.ours.is_empty(), "the close ends what rests");
        }
        // What has not ended rests: each can be cancelled, once.
        for (id, ours) in std::mem::take(&mut stream.ours) {
            prop_assert_eq!(ours.tif, DAY);
            prop_assert_eq!(stream.pit.cancel(id), [format!("canceled {id}: {}@0, 0 left", ours.leaves)]);
            prop_assert_eq!(stream.pit.cancel(id), ["too-late 0: 0@0, 0 left, venue_not_open"]);
        }
    }
}
