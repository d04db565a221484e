//! The core against the naive one, event by event; what must hold of the events alone; and each kind of order by hand.

mod crosses;
mod desk;
mod extremes;
mod kinds;
mod promises;
mod stream;

use super::naive::Naive;
use super::*;
use crate::exchange::unit::Participant;
use stream::Stream;

/// What must hold inside, counted from the orders.
fn audit(matching: &Matching) {
    let mut orders = 0;
    for locate in 0..matching.symbols.len() as u16 {
        for session in [CrossSession::Continuous, CrossSession::Opening, CrossSession::Closing] {
            for side in [Side::BUY, Side::SELL] {
                let ladder = LadderId::new(Locate(locate), session, side);
                let mut before = None;
                for level in matching.levels.of(ladder) {
                    assert!(
                        before < Some(level.rank) && level.orders > 0 && level.ladder == ladder
                    );
                    before = Some(level.rank);
                    let found = matching.levels.find(ladder, level.rank);
                    assert!(found.is_some_and(|at| matching.levels[at].rank == level.rank));
                    let (mut shown, mut open, mut conditional, mut count) = (0, 0, 0, 0);
                    for queue in [FRONT, levels::BACK] {
                        let mut since = 0;
                        for slot in matching.queue(level, queue) {
                            let order = &matching.orders[slot];
                            assert!(order.priority() > since, "queues are in the order of time");
                            since = order.priority();
                            shown += u64::from(order.shown);
                            open += u64::from(order.open);
                            conditional +=
                                if order.is_conditional() { u64::from(order.open) } else { 0 };
                            count += 1;
                        }
                    }
                    let totals = (level.shown, level.open, level.conditional, level.orders);
                    assert_eq!(totals, (shown, open, conditional, count));
                    orders += count as usize;
                }
            }
        }
    }
    assert_eq!(orders, matching.live());
}

/// Everything that can be read.
fn compare(matching: &Matching, naive: &Naive, symbols: u16) {
    audit(matching);
    let mut all: Vec<_> = matching.iter().collect();
    all.sort_by_key(|order| order.order);
    assert_eq!(all, naive.all());
    assert!(all.iter().all(|order| matching.order(order.order) == Some(*order)));
    for locate in (0..=symbols + 1).map(Locate) {
        assert!(matching.displayed(locate).eq(naive.displayed(locate)));
        for side in [Side::BUY, Side::SELL] {
            assert_eq!(matching.best(locate, side), naive.best(locate, side));
        }
        for kind in [CrossKind::Opening, CrossKind::Closing, CrossKind::Halt] {
            assert_eq!(matching.imbalance(locate, kind), naive.imbalance(locate, kind));
        }
    }
}

const EPISODE: u64 = 5_000;

/// Two and a half million commands of all kinds, in episodes with seeds of their own. The kinds of events that came.
fn agree(limits: Limits, first_seed: u64) -> usize {
    let mut seen = stream::Seen::default();
    for seed in first_seed..first_seed + 500 {
        let (mut matching, mut naive) = (Matching::new(&limits), Naive::new(&limits));
        let mut stream = Stream::new(seed, limits.symbols);
        let mut events = Vec::new();
        for n in 0..EPISODE {
            let command = stream.next();
            events.clear();
            matching.apply(&command, &mut |event| events.push(event));
            let expected = naive.apply(&command);
            assert_eq!(events, expected, "seed {seed}, command {n}: {command:?}");
            stream.hear(&events);
            seen.count(&events);
            if n % 500 == 0 {
                compare(&matching, &naive, limits.symbols);
            }
        }
        compare(&matching, &naive, limits.symbols);
    }
    seen.kinds()
}

/// Every event, with every reason, but that there was no room.
const ALL: usize = 36;
const ROOMY: Limits = Limits { symbols: 2, orders: 1_000, levels: 1_000, participants: 12 };

#[test]
fn matching_agrees_with_the_naive_core_event_by_event() {
    assert_eq!(agree(ROOMY, 1), ALL);
}

#[test]
fn matching_agrees_with_the_naive_core_when_orders_run_out() {
    assert_eq!(agree(Limits { orders: 40, ..ROOMY }, 10_001), ALL + 1);
}

#[test]
fn matching_agrees_with_the_naive_core_when_levels_run_out() {
    assert_eq!(agree(Limits { levels: 20, symbols: 1, ..ROOMY }, 20_001), ALL + 1);
}

#[test]
fn matching_agrees_with_the_naive_core_when_participants_run_out() {
    assert_eq!(agree(Limits { participants: 4, symbols: 3, ..ROOMY }, 30_001), ALL + 1);
}
