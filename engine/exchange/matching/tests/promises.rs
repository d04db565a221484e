//! What must hold of the events alone: a witness that keeps the orders as the events tell them, and nothing else.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An order as the events told it.
struct Told {
    enter: Enter,
    open: u32,
    executed: u32,
    canceled: u32,
    shown: u32,
    /// When it came, or its part showed.
    since: u64,
}

/// Lower is better.
fn rank(side: Side, price: u32) -> i64 {
    if side.is_buy() { -i64::from(price) } else { i64::from(price) }
}

#[derive(Default)]
struct Witness {
    orders: BTreeMap<Reference, Told>,
    open: BTreeMap<Locate, bool>,
    /// The largest reference given out.
    references: u64,
    clock: u64,
    /// The order that arrives, and what it has traded.
    arriving: Option<(Reference, u32)>,
    /// Shares bought and sold in a cross, and who traded.
    crossed: (u64, u64),
    in_cross: Vec<Resting>,
    expects_display: bool,
}

impl Told {
    fn price(&self) -> u32 {
        let market = if self.enter.side.is_buy() { u32::MAX } else { 0 };
        self.enter.terms.limit.map_or(market, |limit| limit.0)
    }

    /// Lower trades first: price, what shows, time.
    fn turn(&self) -> (i64, bool, u64) {
        (rank(self.enter.side, self.price()), self.shown == 0, self.since)
    }

    fn need(&self) -> u32 {
        if self.enter.terms.minimum > 1 { self.enter.terms.minimum.min(self.open) } else { 0 }
    }

    fn in_book(&self) -> bool {
        self.enter.session == CrossSession::Continuous
    }
}

impl Witness {
    fn number(&mut self, reference: Reference) {
        assert!(reference.0 > self.references, "references rise");
        self.references = reference.0;
    }

    fn arrives(&mut self, order: Reference, enter: Enter) {
        self.number(order);
        let (open, since) = (enter.terms.shares, self.clock);
        self.arriving = Some((order, 0));
        let told = Told { enter, open, executed: 0, canceled: 0, shown: 0, since };
        assert!(self.orders.insert(order, told).is_none());
    }

    /// Takes shares off an order, which must then be as the event says.
    fn less(&mut self, now: &Resting, shares: u32, shown: u32) -> &mut Told {
        let told = self.orders.get_mut(&now.order).expect("an order that was told of");
        assert!(shares > 0 && shown <= shares);
        told.open = told.open.checked_sub(shares).expect("no more than it has");
        told.shown = told.shown.checked_sub(shown).expect("no more than shows");
        assert_eq!((told.open, told.shown), (now.open, now.shown));
        assert_eq!((told.enter.token, told.enter.side), (now.token, now.side));
        told
    }

    fn hear(&mut self, event: &Event) {
        self.clock += 1;
        let expected = std::mem::take(&mut self.expects_display);
        assert!(!expected || matches!(event, Event::Displayed { refill: false, .. }));
        match *event {
            Event::Accepted { order, enter } => self.arrives(order, enter),
            Event::Replaced { old, order, enter, kept_on_display, .. } => {
                let gone = self.orders.remove(&old).expect("a live order gave way");
                assert!(gone.open > 0);
                self.arrives(order, enter);
                self.expects_display = kept_on_display;
            }
            Event::Displayed { order, displayed, shares, refill } => {
                if refill {
                    self.number(displayed);
                }
                let told = self.orders.get_mut(&order.order).unwrap();
                assert!(told.shown == 0 && shares <= told.open, "only when the last part is gone");
                (told.shown, told.since) = (shares, self.clock);
                assert_eq!((order.shown, order.displayed), (shares, Some(displayed)));
            }
            Event::Executed { resting, incoming, shares, price, .. } => {
                self.in_turn(&resting, &incoming, shares);
                let shown = if resting.displayed.is_some() { shares } else { 0 };
                assert_eq!(price.0, self.orders[&resting.order].price());
                self.less(&resting, shares, shown).executed += shares;
                self.less(&incoming, shares, 0).executed += shares;
                let (arriving, traded) = self.arriving.as_mut().unwrap();
                assert_eq!(*arriving, incoming.order);
                *traded += shares;
            }
            Event::ExecutedInCross { order, shares, price, .. } => {
                let limit = self.orders[&order.order].price();
                assert!(if order.side.is_buy() { price.0 <= limit } else { price.0 >= limit });
                let shown = if order.displayed.is_some() { shares } else { 0 };
                self.less(&order, shares, shown).executed += shares;
                let side =
                    if order.side.is_buy() { &mut self.crossed.0 } else { &mut self.crossed.1 };
                *side += u64::from(shares);
                self.in_cross.push(order);
            }
            Event::Crossed { shares, .. } => {
                assert_eq!(std::mem::take(&mut self.crossed), (shares, shares), "two sides");
                self.in_cross.clear();
            }
            Event::Canceled { order, shares, displayed_shares, .. } => {
                self.fair_cross(&order);
                self.less(&order, shares, displayed_shares).canceled += shares;
            }
            Event::SelfMatchPrevented { resting, incoming, .. } => {
                assert_eq!(resting.participant, incoming.participant);
                assert_ne!(self.orders[&incoming.order].enter.self_match, SelfMatch::Allow);
            }
            Event::PhaseSet { locate, phase } => {
                self.open.insert(locate, phase == Phase::Open);
            }
            Event::Rejected { .. } | Event::NotLive { .. } | Event::Broken { .. } => {}
        }
    }

    /// Nobody who could have traded stood before the one that did, and the two were allowed to.
    fn in_turn(&self, resting: &Resting, incoming: &Resting, shares: u32) {
        assert_eq!(self.open.get(&resting.locate), Some(&true), "trading is open");
        let (chosen, arrived) = (&self.orders[&resting.order], &self.orders[&incoming.order]);
        assert_eq!(chosen.enter.side, arrived.enter.side.opposite());
        assert!(chosen.in_book() && arrived.in_book() && !arrived.enter.terms.post_only);
        assert!(chosen.need() <= arrived.open, "its minimum was there");
        let price = chosen.price();
        let (limit, buys) = (arrived.price(), arrived.enter.side.is_buy());
        assert!(if buys { price <= limit } else { price >= limit }, "within the limit");
        if chosen.enter.participant == arrived.enter.participant {
            assert_eq!(arrived.enter.self_match, SelfMatch::Allow, "no trade with oneself");
        }
        if arrived.open > shares && chosen.shown > 0 {
            assert_eq!(shares, chosen.shown, "it takes all that shows before it goes on");
        }
        for (reference, other) in &self.orders {
            let could = other.open > 0
                && *reference != resting.order
                && *reference != incoming.order
                && other.in_book()
                && other.enter.locate == resting.locate
                && other.enter.side == resting.side
                && other.need() <= arrived.open;
            assert!(!could || other.turn() > chosen.turn(), "{reference:?} was before {resting:?}");
        }
    }

    /// Whoever is cancelled while a cross is told had no better limit than one that traded.
    fn fair_cross(&self, expired: &Resting) {
        for traded in self.in_cross.iter().filter(|traded| traded.side == expired.side) {
            let (ours, theirs) =
                (self.orders[&expired.order].price(), self.orders.get(&traded.order));
            let Some(theirs) = theirs.map(Told::price) else { continue };
            assert!(rank(expired.side, ours) >= rank(expired.side, theirs));
        }
    }

    /// After a command: what is told is what can be read, and what must always hold then.
    fn rest(&mut self, matching: &Matching) {
        for told in self.orders.values() {
            assert_eq!(told.enter.terms.shares, told.executed + told.canceled + told.open);
        }
        if let Some((order, traded)) = self.arriving.take() {
            let Told { enter: Enter { terms, session, .. }, open, .. } = self.orders[&order];
            assert!(traded == 0 || traded >= terms.minimum, "its own minimum");
            let continuous = session == CrossSession::Continuous;
            assert!(!continuous || terms.lasts == Lasts::Day || open == 0, "immediate");
        }
        self.orders.retain(|_, told| told.open > 0);
        assert_eq!(matching.live(), self.orders.len());
        for (&reference, told) in &self.orders {
            let order = matching.order(reference).expect("told of, so there");
            assert_eq!((order.open, order.shown), (told.open, told.shown));
        }
        for (&locate, _) in self.open.iter().filter(|(_, open)| **open) {
            let best = |counts: &dyn Fn(&&Told) -> bool, side: Side| {
                let orders = self.orders.values().filter(|told| {
                    told.in_book() && told.enter.locate == locate && told.enter.side == side
                });
                orders.filter(counts).map(|told| rank(side, told.price())).min()
            };
            let crossed = |counts: &dyn Fn(&&Told) -> bool| {
                let (bid, ask) = (best(counts, Side::BUY), best(counts, Side::SELL));
                bid.is_some_and(|bid| ask.is_some_and(|ask| -bid >= ask))
            };
            assert!(!crossed(&|told| told.shown > 0), "what shows is crossed");
            assert!(!crossed(&|told| told.enter.terms.minimum <= 1), "what could trade did not");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Price and time are never violated, quantities add up, refills go to the back, open books are not crossed, minimums and
    /// self-match prevention are kept.
    #[test]
    fn the_events_alone_show_a_fair_market(seed in any::<u64>(), symbols in 1..3u16) {
        let limits = Limits { symbols, orders: 500, levels: 500, participants: 12 };
        let mut matching = Matching::new(&limits);
        let mut stream = Stream::new(seed, symbols);
        let mut witness = Witness::default();
        for _ in 0..400 {
            let command = stream.next();
            let mut events = Vec::new();
            matching.apply(&command, &mut |event| events.push(event));
            events.iter().for_each(|event| witness.hear(event));
            witness.rest(&matching);
            stream.hear(&events);
        }
    }
}

/// A witness of two sells at one price, the first of which was first; and the buy that arrives.
fn witness() -> (Witness, [Resting; 2], Resting) {
    let mut matching = Matching::new(&Limits { symbols: 1, orders: 9, levels: 9, participants: 9 });
    let mut witness = Witness::default();
    let locate = Locate(1);
    let mut said = Vec::new();
    matching.apply(&Command::SetPhase { locate, phase: Phase::Open }, &mut |e| said.push(e));
    for participant in [1, 2] {
        let enter = desk::limit(Side::SELL, participant, 100, 10);
        matching.apply(&Command::Enter(enter), &mut |event| said.push(event));
    }
    let resting = [1, 2].map(|n| matching.order(Reference(n)).unwrap());
    let enter = desk::limit(Side::BUY, 3, 100, 10);
    said.push(Event::Accepted { order: Reference(3), enter });
    said.iter().for_each(|event| witness.hear(event));
    let gone = |order| Resting { open: 0, shown: 0, ..order };
    let incoming = Resting { order: Reference(3), side: Side::BUY, ..gone(resting[0]) };
    (witness, resting.map(gone), incoming)
}

fn executed(resting: Resting, incoming: Resting, price: u32) -> Event {
    let (price, match_number) = (Price4(price), MatchNumber(1));
    Event::Executed { resting, incoming, shares: 10, price, match_number }
}

#[test]
fn the_witness_takes_what_is_fair() {
    let (mut witness, [first, _], incoming) = witness();
    witness.hear(&executed(first, incoming, 100));
}

#[test]
#[should_panic(expected = "was before")]
fn the_witness_notices_who_was_passed_over() {
    let (mut witness, [_, second], incoming) = witness();
    witness.hear(&executed(second, incoming, 100));
}

#[test]
#[should_panic(expected = "left == right")]
fn the_witness_notices_a_wrong_price() {
    let (mut witness, [first, _], incoming) = witness();
    witness.hear(&executed(first, incoming, 101));
}

#[test]
#[should_panic(expected = "no trade with oneself")]
fn the_witness_notices_a_trade_with_oneself() {
    let (mut witness, [first, _], incoming) = witness();
    let enter = &mut witness.orders.get_mut(&Reference(3)).unwrap().enter;
    (enter.participant, enter.self_match) = (Participant(1), SelfMatch::CancelResting);
    witness.hear(&executed(first, incoming, 100));
}
