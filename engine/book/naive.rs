//! The book as one would write it on a slate: maps of orders and queues, everything recomputed. Tests compare against it.

use super::{Ahead, Change, LevelView, OrderView, Top};
use crate::base::message::{Flags, Kind, Market};
use crate::base::unit::{Health, InstrumentId, Phase, Price, Qty, Side};
use std::collections::BTreeMap;

/// By price: references and open quantities, first to trade first.
type Queues = BTreeMap<i64, Vec<(u64, Qty)>>;

/// Orders by reference; references with their quantities by (instrument, side, price), in the order of their arrival.
#[derive(Default)]
pub(super) struct Naive {
    orders: BTreeMap<u64, OrderView>,
    queues: BTreeMap<(u32, Side), Queues>,
    /// Levels without orders.
    levels: BTreeMap<(u32, Side), BTreeMap<i64, LevelView>>,
    states: BTreeMap<u32, State>,
    session: u8,
    gapped: bool,
    limit: u32,
    arrivals: u32,
    /// Of the order that the last message added or took from; 0 if there was none, or it was replaced.
    pub(super) arrival: u32,
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) total: u64,
}

#[derive(Default)]
struct State {
    trading: u8,
    halted: bool,
    health: Health,
    trade: Option<(Price, Qty)>,
    standing: &'static str,
}

impl Naive {
    pub(super) fn new(instruments: u32) -> Self {
        let states = (0..instruments).map(|i| (i, State::default())).collect();
        Self { limit: instruments, states, ..Self::default() }
    }

    pub(super) fn apply(&mut self, m: &Market) -> Change {
        let tops: Vec<_> = self.watched(m).map(|i| (self.top(i), self.phase(i))).collect();
        let phase = self.session_phase();
        self.arrival = 0;
        let mut change = self.take(m);
        let now: Vec<_> = self.watched(m).map(|i| (self.top(i), self.phase(i))).collect();
        change.top = change.top
            || tops != now
            || (m.head.kind == Kind::SESSION && phase != self.session_phase());
        match m.head.kind {
            Kind::SESSION => (0..self.limit).for_each(|i| self.stand(i)),
            _ => self.watched(m).for_each(|i| self.stand(i.0)),
        }
        change
    }

    fn watched(&self, m: &Market) -> impl Iterator<Item = InstrumentId> + use<> {
        let id = m.head.instrument;
        (id.0 < self.limit).then_some(id).into_iter()
    }

    fn note(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
        self.total += 1;
    }

    fn take(&mut self, m: &Market) -> Change {
        let i = m.head.instrument;
        let kind = m.head.kind;
        let mut change = Change {
            kind,
            applied: true,
            instrument: i,
            reference: m.reference,
            ..Change::default()
        };
        match kind {
            Kind::SESSION if b"OSQMEC".contains(&m.code) => {
                self.session = m.code;
                self.begin(m.code);
                return Change { instrument: InstrumentId::NONE, reference: 0, ..change };
            }
            Kind::GAP | Kind::WHOLE | Kind::CLEAR => {
                let before = self.healths();
                self.hear(kind);
                let top = kind == Kind::CLEAR || before != self.healths();
                return Change { instrument: InstrumentId::NONE, reference: 0, top, ..change };
            }
            Kind::ADD
            | Kind::EXECUTE
            | Kind::EXECUTE_AT
            | Kind::CANCEL
            | Kind::DELETE
            | Kind::REPLACE
            | Kind::LEVEL
            | Kind::TRADE
            | Kind::CROSS
            | Kind::TRADING
            | Kind::HALT
            | Kind::DIRECTORY => {}
            _ => return Change::default(),
        }
        if i.0 >= self.limit {
            self.note("unknown_instrument");
            return Change::default();
        }
        let state = self.states.get_mut(&i.0).expect("made at start");
        match kind {
            Kind::DIRECTORY => return Change { reference: 0, ..change },
            Kind::TRADING if b"HPQT".contains(&m.code) => {
                state.trading = m.code;
                return Change { reference: 0, ..change };
            }
            Kind::HALT if b"HT".contains(&m.code) => {
                state.halted = m.code == b'H';
                return Change { reference: 0, ..change };
            }
            Kind::TRADING | Kind::HALT => return Change::default(),
            Kind::TRADE | Kind::CROSS => {
                if m.qty.0 > 0 && m.price.0 > 0 {
                    state.trade = Some((m.price, m.qty));
                }
                return Change { side: m.side, price: m.price, qty: m.qty, ..change };
            }
            Kind::LEVEL => {
                let Some(before) = self.set_level(m) else { return Change::default() };
                let (reference, qty) = (0, before);
                return Change {
                    reference,
                    side: m.side,
                    price: m.price,
                    qty,
                    left: m.qty,
                    ..change
                };
            }
            Kind::ADD => {
                let Some(arrival) = self.enter(i, m.side, m.reference, m.price, m.qty) else {
                    return Change::default();
                };
                (change.side, change.price) = (m.side, m.price);
                self.arrival = arrival;
                (change.qty, change.left) = (m.qty, m.qty);
                return change;
            }
            _ => {}
        }
        let Some(old) = self.orders.get(&m.reference).copied().filter(|o| o.instrument == i) else {
            self.note("unknown_reference");
            return Change::default();
        };
        (change.side, change.price) = (old.side, old.price);
        self.arrival = old.arrival;
        change.qty = old.qty;
        match kind {
            Kind::DELETE => self.leave(m.reference),
            Kind::REPLACE => {
                self.arrival = 0;
                self.leave(m.reference);
                if self.enter(i, old.side, m.other, m.price, m.qty).is_some() {
                    (change.new_reference, change.new_price, change.new_qty) =
                        (m.other, m.price, m.qty);
                }
            }
            _ => {
                if m.qty > old.qty {
                    self.note("over_execution");
                }
                change.qty = m.qty.min(old.qty);
                change.left = old.qty.saturating_sub(m.qty);
                if change.left.0 == 0 {
                    self.leave(m.reference);
                } else {
                    self.lessen(old, change.left);
                }
                let at = match kind {
                    Kind::EXECUTE => old.price,
                    Kind::EXECUTE_AT if m.head.flags.has(Flags::PRINTABLE) => m.price,
                    _ => Price(0),
                };
                if at.0 > 0 && change.qty.0 > 0 {
                    self.states.get_mut(&i.0).expect("made at start").trade =
                        Some((at, change.qty));
                }
            }
        }
        change
    }

    fn enter(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        reference: u64,
        price: Price,
        qty: Qty,
    ) -> Option<u32> {
        let wrong = if self.has_levels(instrument) {
            "mixed_depth"
        } else if side != Side::BUY && side != Side::SELL {
            "unknown_side"
        } else if qty.0 == 0 {
            "zero_quantity"
        } else if qty.0 > 0xffff_ffff {
            "quantity_out_of_range"
        } else if price.0 <= 0 || price.0 > 200_000_000_000_000 {
            "price_out_of_range"
        } else if self.orders.contains_key(&reference) {
            "duplicate_reference"
        } else {
            ""
        };
        if !wrong.is_empty() {
            self.note(wrong);
            return None;
        }
        self.arrivals += 1;
        let arrival = self.arrivals;
        let order = OrderView { reference, instrument, side, price, qty, arrival };
        self.orders.insert(reference, order);
        let queues = self.queues.entry((instrument.0, side)).or_default();
        queues.entry(price.0).or_default().push((reference, qty));
        Some(arrival)
    }

    fn has_levels(&self, i: InstrumentId) -> bool {
        [Side::BUY, Side::SELL].iter().any(|side| self.levels.contains_key(&(i.0, *side)))
    }

    fn has_orders(&self, i: InstrumentId) -> bool {
        let queues = [Side::BUY, Side::SELL].map(|side| self.queues.get(&(i.0, side)));
        queues.into_iter().flatten().any(|queues| !queues.is_empty())
    }

    /// What stood there before.
    fn set_level(&mut self, m: &Market) -> Option<Qty> {
        let (i, side) = (m.head.instrument, m.side);
        let wrong = if side != Side::BUY && side != Side::SELL {
            "unknown_side"
        } else if self.has_orders(i) {
            "mixed_depth"
        } else if m.price.0 <= 0 || m.price.0 > 0x3fff_ffff_ffff_ffff {
            "price_out_of_range"
        } else if m.qty.0 > 0x7fff_ffff_ffff_ffff {
            "quantity_out_of_range"
        } else {
            ""
        };
        if !wrong.is_empty() {
            self.note(wrong);
            return None;
        }
        let levels = self.levels.entry((i.0, side)).or_default();
        let before = levels.remove(&m.price.0);
        if m.qty.0 > 0 {
            let orders = m.other.min(0xffff_ffff) as u32;
            levels.insert(m.price.0, LevelView { price: m.price, qty: m.qty, orders });
        }
        if levels.is_empty() {
            self.levels.remove(&(i.0, side));
        }
        Some(before.map_or(Qty(0), |level| level.qty))
    }

    fn leave(&mut self, reference: u64) {
        let order = self.orders.remove(&reference).expect("alive");
        let queues = self.queues.get_mut(&(order.instrument.0, order.side)).expect("has orders");
        let queue = queues.get_mut(&order.price.0).expect("has orders");
        queue.retain(|&(other, _)| other != reference);
        if queue.is_empty() {
            queues.remove(&order.price.0);
        }
    }

    fn lessen(&mut self, order: OrderView, left: Qty) {
        self.orders.get_mut(&order.reference).expect("alive").qty = left;
        let queues = self.queues.get_mut(&(order.instrument.0, order.side)).expect("has orders");
        let queue = queues.get_mut(&order.price.0).expect("has orders");
        let place = queue.iter().position(|(other, _)| *other == order.reference);
        queue[place.expect("in its queue")].1 = left;
    }

    /// Counts what the instrument passed into.
    fn stand(&mut self, i: u32) {
        let top = self.top(InstrumentId(i));
        let both = top.bid.0 > 0 && top.ask.0 > 0;
        let now = if self.phase(InstrumentId(i)) != Phase::OPEN || !both || top.bid < top.ask {
            ""
        } else if top.bid == top.ask {
            "locked"
        } else {
            "crossed"
        };
        let before = self.states.get_mut(&i).expect("made at start");
        if std::mem::replace(&mut before.standing, now) != now && !now.is_empty() {
            self.note(now);
        }
    }

    pub(super) fn top(&self, i: InstrumentId) -> Top {
        let best = |side| {
            let queues = self.queues.get(&(i.0, side));
            let best = queues.and_then(|queues| match side {
                Side::BUY => queues.last_key_value(),
                _ => queues.first_key_value(),
            });
            if best.is_none() {
                let level = self.levels(i, side).first().copied().unwrap_or_default();
                return (level.price, level.qty);
            }
            best.map_or((Price(0), Qty(0)), |(&price, queue)| (Price(price), sum(queue)))
        };
        let ((bid, bid_qty), (ask, ask_qty)) = (best(Side::BUY), best(Side::SELL));
        Top { bid, bid_qty, ask, ask_qty }
    }

    pub(super) fn levels(&self, i: InstrumentId, side: Side) -> Vec<LevelView> {
        let queues = self.queues.get(&(i.0, side)).into_iter().flatten();
        let queues = queues.map(|(&price, queue)| LevelView {
            price: Price(price),
            qty: sum(queue),
            orders: queue.len() as u32,
        });
        let set = self.levels.get(&(i.0, side)).into_iter().flat_map(|levels| levels.values());
        let mut all: Vec<_> = queues.chain(set.copied()).collect();
        if side == Side::BUY {
            all.reverse();
        }
        all
    }

    pub(super) fn orders(&self, i: InstrumentId, side: Side, price: Price) -> Vec<OrderView> {
        let queue = self.queues.get(&(i.0, side)).and_then(|queues| queues.get(&price.0));
        queue.into_iter().flatten().map(|(reference, _)| self.orders[reference]).collect()
    }

    pub(super) fn order(&self, reference: u64) -> Option<OrderView> {
        self.orders.get(&reference).copied()
    }

    pub(super) fn ahead(&self, reference: u64) -> Option<Ahead> {
        let order = self.order(reference)?;
        let queue = &self.queues[&(order.instrument.0, order.side)][&order.price.0];
        let place = queue.iter().position(|(other, _)| *other == reference)?;
        Some(Ahead { qty: sum(&queue[..place]), orders: place as u32 })
    }

    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    /// The first living order from `reference` on, wrapping.
    pub(super) fn from(&self, reference: u64) -> Option<u64> {
        let first = self.orders.range(reference..).next().or(self.orders.iter().next());
        first.map(|(&reference, _)| reference)
    }

    pub(super) fn last_trade(&self, i: InstrumentId) -> Option<(Price, Qty)> {
        self.states[&i.0].trade
    }

    fn begin(&mut self, code: u8) {
        for i in 0..self.limit {
            let empty = !self.has_orders(InstrumentId(i)) && !self.has_levels(InstrumentId(i));
            let health = &mut self.states.get_mut(&i).expect("made at start").health;
            if code == b'O' && !empty {
                *health = Health::STALE;
            } else if b"OS".contains(&code) && *health == Health::BUILDING {
                *health = Health::LIVE;
            }
        }
    }

    fn hear(&mut self, kind: Kind) {
        self.gapped = kind == Kind::GAP || (self.gapped && kind == Kind::CLEAR);
        for state in self.states.values_mut() {
            if kind == Kind::WHOLE && state.health == Health::BUILDING {
                state.health = Health::LIVE;
            }
            if kind == Kind::CLEAR {
                *state = State { trade: state.trade, ..State::default() };
            }
        }
        if kind == Kind::CLEAR {
            self.orders.clear();
            self.queues.clear();
            self.levels.clear();
            self.session = 0;
        }
    }

    fn healths(&self) -> (bool, Vec<Health>) {
        (self.gapped, self.states.values().map(|state| state.health).collect())
    }

    pub(super) fn health(&self, i: InstrumentId) -> Health {
        match self.states[&i.0].health {
            Health::LIVE if self.gapped => Health::STALE,
            health => health,
        }
    }

    fn session_phase(&self) -> u8 {
        match self.session {
            b'Q' => 1,
            b'M' | b'E' | b'C' => 2,
            _ => 0,
        }
    }

    pub(super) fn phase(&self, i: InstrumentId) -> Phase {
        let state = &self.states[&i.0];
        match self.session_phase() {
            0 => Phase::PRE_OPEN,
            2 => Phase::CLOSED,
            _ if state.halted || state.trading == b'H' => Phase::HALTED,
            _ if state.trading == b'P' => Phase::PAUSED,
            _ if state.trading == b'Q' => Phase::QUOTE_ONLY,
            _ => Phase::OPEN,
        }
    }
}

fn sum(queue: &[(u64, Qty)]) -> Qty {
    Qty(queue.iter().map(|(_, qty)| qty.0).sum())
}
