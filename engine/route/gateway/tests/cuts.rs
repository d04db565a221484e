//! The connection breaks anywhere, both ways, and the engine hears of every order what it would have heard without.

use super::far::{BAD_PRICE, DEAD, REJECTED};
use super::*;
use crate::base::code::Code;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens next; orders are named in the order in which they are asked for, from 1.
#[derive(Clone, Copy, Debug)]
enum Event {
    New(u64),
    Replace(u64, u64, bool),
    Cancel(u64),
    /// The exchange: shares of an order trade.
    Execute(u64, u32),
    /// The exchange: shares of an order are cancelled.
    Expire(u64, u32),
    /// Bytes arrive: to the exchange, to the gateway.
    Carry(usize, usize),
    Cut,
    Pass(u64),
}

use Event::{Cancel, Carry, Cut, Execute, Expire, New, Pass, Replace};

impl Pair {
    fn happen(&mut self, event: Event, names: &mut u64) {
        match event {
            New(qty) => {
                *names += 1;
                self.send(&order(*names, qty));
            }
            Replace(target, qty, bad) => {
                *names += 1;
                let price = if bad { BAD_PRICE } else { cents(TENNER) };
                self.send(&Market { price, ..replace(target, *names, qty) });
            }
            Cancel(target) => self.send(&cancel(target)),
            Execute(order, shares) => {
                self.far.execute(self.far.reference(order), shares, TENNER as u64);
            }
            Expire(order, shares) => self.far.cancel(self.far.reference(order), shares, b'T'),
            Carry(to_far, to_gateway) => {
                self.write();
                self.carry(to_far, to_gateway);
                self.turn();
            }
            Cut => self.cut(),
            Pass(ms) => self.pass(ms * MS, 50 * MS),
        }
        self.dial();
    }

    /// All is quiet: both sides know the same, and every order was told what became of it.
    fn check(&mut self, names: u64) {
        self.pass(3 * SECOND, 100 * MS);
        self.settle();
        assert_eq!(self.gateway.phase(), Phase::Live);
        let mut told: BTreeMap<u64, Vec<Brief>> = BTreeMap::new();
        for brief in self.told() {
            told.entry(brief.order).or_default().push(brief);
        }
        // Of cancels that came too late.
        told.remove(&0);
        for name in 1..=names {
            let told = told.remove(&name).unwrap_or_default();
            match self.far.told.get(&name) {
                Some(expected) => assert_eq!(&told, expected, "order {name}"),
                None => {
                    let [end] = told[..] else { panic!("order {name} ended so: {told:?}") };
                    let codes = [Code::ROUTE_LOST, Code::ROUTE_NOT_LIVE, Code::VENUE_NOT_OPEN];
                    assert!(codes.contains(&Code(end.code)), "{end:?}");
                    assert!([Kind::REJECTED, Kind::TOO_LATE].contains(&end.kind), "{end:?}");
                }
            }
        }
        assert!(told.is_empty(), "nobody asked for {told:?}");
        let mut open: Vec<_> =
            self.gateway.open_orders().map(|o| (o.reference, o.order, o.open.0)).collect();
        open.sort_unstable();
        let far = self.far.orders.iter();
        let far: Vec<_> = far.map(|(at, order)| (*at, order.name, u64::from(order.open))).collect();
        assert_eq!(open, far);
        assert!(self.gateway.next_reference() > self.far.last);
        assert_eq!(self.odd(), [0; 4]);
    }
}

/// Every kind of thing that becomes of orders.
const SCRIPT: [Event; 16] = [
    New(100),
    New(60),
    Execute(1, 30),
    Replace(1, 150, false),
    Cancel(2),
    New(REJECTED),
    Execute(3, 20),
    New(DEAD),
    New(80),
    Replace(6, 90, true),
    New(70),
    Execute(8, 70),
    Replace(3, REJECTED, false),
    Expire(3, 40),
    New(50),
    Replace(8, 40, false),
];

/// Plays the script over a connection that breaks once so many bytes have arrived. Returns how many arrived in all.
fn play(pair: &mut Pair, cut: Option<usize>) -> (usize, u64) {
    let (mut names, mut arrived) = (0, 0);
    let mut cut = cut;
    for event in SCRIPT {
        // A strategy waits for the session.
        for _ in 0..40 {
            if pair.gateway.phase() == Phase::Live {
                break;
            }
            pair.happen(Pass(50), &mut names);
        }
        pair.happen(event, &mut names);
        for _ in 0..6 {
            pair.dial();
            pair.write();
            for to_far in [true, false] {
                let waiting = if to_far { pair.to_far.len() } else { pair.to_gateway.len() };
                let left = cut.map_or(usize::MAX, |cut| cut - arrived);
                let count = waiting.min(left);
                pair.carry(if to_far { count } else { 0 }, if to_far { 0 } else { count });
                arrived += count;
                if Some(arrived) == cut {
                    // What has arrived is looked at first, or not.
                    if arrived.is_multiple_of(2) {
                        pair.turn();
                    }
                    pair.cut();
                    cut = None;
                }
            }
            pair.turn();
        }
    }
    (arrived, names)
}

#[test]
fn a_script_can_be_cut_at_every_byte() {
    let mut pair = Pair::live(settings());
    let (bytes, names) = play(&mut pair, None);
    let lost = pair.gateway.counts().lost;
    pair.check(names);
    assert!(bytes > 1_000 && lost == 0);
    let mut lost = 0;
    for cut in 0..bytes {
        let mut pair = Pair::live(settings());
        let (_, names) = play(&mut pair, Some(cut));
        pair.check(names);
        lost += pair.gateway.counts().lost;
        assert!(pair.dials.len() >= 2, "cut at {cut}");
    }
    assert!(lost > 100, "cuts hit what was on its way");
}

#[test]
fn a_program_can_end_at_every_byte_and_the_next_one_knows_all_that_traded() {
    let mut pair = Pair::live(settings());
    let (bytes, _) = play(&mut pair, None);
    for cut in (0..bytes).step_by(3) {
        let mut pair = Pair::live(settings());
        play(&mut pair, Some(cut));
        let mut pair = pair.restart();
        pair.settle();
        assert_eq!(pair.gateway.phase(), Phase::Live);
        let fills = |briefs: &[Brief]| -> u64 {
            briefs.iter().filter(|b| b.kind == Kind::FILLED).map(|b| b.qty).sum()
        };
        let told = pair.told();
        let traded: u64 = pair.far.told.values().map(|briefs| fills(briefs)).sum();
        assert_eq!(fills(&told), traded, "cut at {cut}");
        assert!(pair.far.orders.is_empty() && pair.gateway.open_orders().count() == 0);
        assert!(pair.gateway.next_reference() > pair.far.last);
        assert_eq!(pair.odd(), [0; 4]);
    }
}

fn event() -> impl Strategy<Value = Event> {
    let qty = prop_oneof![Just(REJECTED), Just(DEAD), 1..200_u64];
    let name = 1..12_u64;
    let bytes = || prop_oneof![Just(0), 1..20_usize, 1..200_usize, Just(usize::MAX)];
    prop_oneof![
        4 => qty.clone().prop_map(New),
        3 => (name.clone(), qty, any::<bool>()).prop_map(|(a, b, c)| Replace(a, b, c)),
        3 => name.clone().prop_map(Cancel),
        3 => (name.clone(), 1..120_u32).prop_map(|(a, b)| Execute(a, b)),
        1 => (name, 1..120_u32).prop_map(|(a, b)| Expire(a, b)),
        8 => (bytes(), bytes()).prop_map(|(a, b)| Carry(a, b)),
        1 => Just(Cut),
        2 => (1..1_500_u64).prop_map(Pass),
    ]
}

proptest! {
    #[test]
    fn however_it_is_cut_every_order_is_told_what_became_of_it(
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut pair = Pair::live(settings());
        let mut names = 0;
        for event in events {
            pair.happen(event, &mut names);
        }
        pair.check(names);
    }

    #[test]
    fn nothing_that_the_exchange_says_brings_it_down(
        messages in prop::collection::vec(
            (0..18_usize, prop::collection::vec(any::<u8>(), 0..90), 0..6_u8, 0..3_u8),
            1..60,
        ),
    ) {
        let mut pair = Pair::live(settings());
        for id in 1..=3 {
            pair.send(&order(id, 100));
        }
        pair.settle();
        pair.send(&replace(1, 4, 120));
        pair.send(&cancel(2));
        pair.write();
        pair.to_far.clear();
        let sizes = crate::wire::ouch::Outbound::LAYOUTS;
        for (kind, mut bytes, reference, how) in messages {
            // As sent, of the right length, or of the right length and on an order that there is.
            let layout = sizes[kind % sizes.len()];
            if how > 0 {
                bytes.resize(layout.length, b'L');
                bytes[0] = layout.kind;
                bytes.extend([0, 0]);
            }
            if how > 1 && bytes.len() > 16 {
                bytes[9..13].copy_from_slice(&u32::from(reference).to_be_bytes());
                bytes[13..16].fill(0);
            }
            pair.far.stream.push(bytes);
        }
        pair.settle();
        prop_assert_eq!(pair.gateway.counts().messages, pair.far.stream.len() as u64);
        prop_assert!(matches!(pair.gateway.phase(), Phase::Live));
    }
}
