//! The matching core as one would write it on a slate: lists in maps, everything looked for from the start and recomputed.
//! Tests and the bench compare against it.

mod arrive;
mod cross;

use crate::base::unit::Side;
use crate::exchange::matching::{
    CancelReason, Command, CrossKind, CrossSession, Event, Limits, Phase, Resting, SelfMatch,
};
use crate::exchange::unit::{Locate, Reference};
use std::collections::{BTreeMap, BTreeSet};

/// A live order.
#[derive(Clone)]
struct Stands {
    it: Resting,
    minimum: u32,
    /// Who came, or showed, first.
    since: u64,
}

/// Orders of one side by price, best first: prices to buy are negative.
type Book = BTreeMap<i64, Vec<Stands>>;
/// Locate, cross (0: the book), whether it sells.
type Which = (u16, u8, bool);

#[derive(Clone, Copy)]
struct State {
    phase: Phase,
    over: [bool; 3],
    last: u32,
}

/// All books.
pub(crate) struct Naive {
    limits: Limits,
    books: BTreeMap<Which, Book>,
    /// Where each live order stands.
    places: BTreeMap<u64, (Which, i64)>,
    owners: BTreeMap<u32, BTreeSet<u64>>,
    states: BTreeMap<u16, State>,
    counts: Counts,
}

#[derive(Clone, Copy)]
struct Counts {
    references: u64,
    matches: u64,
}

fn which(locate: Locate, session: CrossSession, side: Side) -> Which {
    (locate.0, session as u8, side == Side::SELL)
}

fn key(order: &Resting) -> i64 {
    let price = i64::from(order.price.0);
    if order.side == Side::BUY { -price } else { price }
}

impl Naive {
    pub(crate) fn new(limits: &Limits) -> Self {
        let state = State { phase: Phase::Quoting, over: [false; 3], last: 0 };
        Self {
            limits: *limits,
            books: BTreeMap::new(),
            places: BTreeMap::new(),
            owners: BTreeMap::new(),
            states: (1..=limits.symbols).map(|locate| (locate, state)).collect(),
            counts: Counts { references: 0, matches: 0 },
        }
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Vec<Event> {
        let mut events = Vec::new();
        match *command {
            Command::Enter(enter) => self.enter(enter, &mut events),
            Command::Replace(replace) => self.replace(replace, &mut events),
            Command::Reduce { order, open, reason } => match self.order(order) {
                None => events.push(Event::NotLive { order }),
                Some(live) if open < live.it.open => {
                    events.push(self.cut(order.0, live.it.open - open, reason));
                }
                Some(_) => {}
            },
            Command::CancelAll { participant, locate, side, reason } => {
                let all: Vec<u64> =
                    self.owners.get(&participant.0).into_iter().flatten().copied().collect();
                for reference in all {
                    let it = self.order(Reference(reference)).unwrap().it;
                    if locate.is_none_or(|locate| locate == it.locate)
                        && side.is_none_or(|side| side == it.side)
                    {
                        events.push(self.cut(reference, it.open, reason));
                    }
                }
            }
            Command::SetPhase { locate, phase } => {
                if self.states.contains_key(&locate.0) {
                    if phase == Phase::Open && self.crossed(locate) {
                        self.cross(locate, CrossKind::Halt, self.near(locate), &mut events);
                    }
                    self.states.get_mut(&locate.0).unwrap().phase = phase;
                    events.push(Event::PhaseSet { locate, phase });
                }
            }
            Command::Cross { locate, kind, near } => {
                if self.states.contains_key(&locate.0) {
                    self.cross(locate, kind, near.0, &mut events);
                }
            }
            Command::Break { match_number, locate } => {
                let known = match_number.0 >= 1 && match_number.0 <= self.counts.matches;
                if known && self.states.contains_key(&locate.0) {
                    events.push(Event::Broken { match_number, locate });
                }
            }
        }
        events
    }

    fn order(&self, order: Reference) -> Option<&Stands> {
        let (which, key) = self.places.get(&order.0)?;
        self.books[which][key].iter().find(|stands| stands.it.order == order)
    }

    /// Takes shares off, what is hidden first, and the order out if none are left.
    fn cut(&mut self, reference: u64, shares: u32, reason: CancelReason) -> Event {
        let (which, key) = self.places[&reference];
        let orders = self.books.get_mut(&which).unwrap().get_mut(&key).unwrap();
        let it = &mut orders.iter_mut().find(|other| other.it.order.0 == reference).unwrap().it;
        it.open -= shares;
        let displayed_shares = it.shown.saturating_sub(it.open);
        it.shown -= displayed_shares;
        let order = *it;
        self.sweep(&[order]);
        Event::Canceled { order, shares, displayed_shares, reason }
    }

    /// Forgets those of the orders that have no shares left.
    fn sweep(&mut self, orders: &[Resting]) {
        for gone in orders.iter().filter(|order| order.open == 0) {
            let Some((which, key)) = self.places.remove(&gone.order.0) else { continue };
            let book = self.books.get_mut(&which).unwrap();
            if let Some(orders) = book.get_mut(&key) {
                orders.retain(|other| other.it.order != gone.order);
                if orders.is_empty() {
                    book.remove(&key);
                }
            }
            let owned = self.owners.get_mut(&gone.participant.0).unwrap();
            owned.remove(&gone.order.0);
            if owned.is_empty() {
                self.owners.remove(&gone.participant.0);
            }
        }
    }
}
