//! The gate against a naive model: a list of orders, summed anew in `i128` each time it is asked.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An order that may still trade.
#[derive(Clone, Copy, Debug)]
struct Live {
    buy: bool,
    instrument: u32,
    leaves: u64,
    /// A replace without an answer.
    pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    target: u64,
    /// What it adds to its target.
    extra: u64,
    /// What of its target has filled since.
    since: u64,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    New {
        buy: bool,
        instrument: u32,
        qty: u64,
    },
    Replace {
        which: usize,
        qty: u64,
        odd: bool,
    },
    Fill {
        which: usize,
        qty: u64,
    },
    Cancel {
        which: usize,
        qty: u64,
    },
    /// The answer to a replace: it is done, if it can be.
    Answer {
        which: usize,
        good: bool,
    },
    Refuse {
        which: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let qty = || prop_oneof![1..400u64, Just(1_000)];
    prop_oneof![
        4 => (any::<bool>(), 0..2u32, qty())
            .prop_map(|(buy, instrument, qty)| Act::New { buy, instrument, qty }),
        4 => (any::<usize>(), qty(), prop::bool::weighted(0.1))
            .prop_map(|(which, qty, odd)| Act::Replace { which, qty, odd }),
        3 => (any::<usize>(), 1..300u64).prop_map(|(which, qty)| Act::Fill { which, qty }),
        1 => (any::<usize>(), 1..300u64).prop_map(|(which, qty)| Act::Cancel { which, qty }),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, good)| Act::Answer { which, good }),
        1 => any::<usize>().prop_map(|which| Act::Refuse { which }),
    ]
}

fn side(buy: bool) -> Side {
    if buy { BUY } else { SELL }
}

/// A gate, and what it should know.
struct Model {
    post: Post,
    live: BTreeMap<u64, Live>,
    position: [i128; 2],
    names: u64,
}

const OPEN_MAX: usize = 6;

impl Model {
    fn new() -> Self {
        Self { post: Post::new(OPEN_MAX), live: BTreeMap::new(), position: [0; 2], names: 0 }
    }

    /// The orders that are to take the place of `id`.
    fn changes(&self, id: u64) -> impl Iterator<Item = (&Live, Pending)> {
        let pending = self.live.values().filter_map(|order| Some((order, order.pending?)));
        pending.filter(move |(_, pending)| pending.target == id)
    }

    fn reserved(&self, instrument: u32, buy: bool) -> i128 {
        let mine = self.live.values().filter(|o| o.instrument == instrument && o.buy == buy);
        mine.map(|order| i128::from(order.pending.map_or(order.leaves, |p| p.extra))).sum()
    }

    /// What may truly still fill. Route lets one change of an order out at a time; it brings its quantity less what its
    /// target has filled since.
    fn truly(&self, instrument: u32, buy: bool) -> i128 {
        let mine = self.live.iter().filter(|(_, order)| {
            order.instrument == instrument && order.buy == buy && order.pending.is_none()
        });
        let most = mine.map(|(id, order)| {
            let change = self.changes(*id).next();
            let then =
                change.map_or(0, |(change, pending)| change.leaves.saturating_sub(pending.since));
            i128::from(order.leaves.max(then))
        });
        most.sum()
    }

    fn fits(&self, instrument: u32, buy: bool, added: u64) -> bool {
        let sign = if buy { 1 } else { -1 };
        let worst = self.position[instrument as usize] * sign
            + self.reserved(instrument, buy)
            + i128::from(added);
        worst <= i128::from(POSITION_MAX)
    }

    fn pick(&self, which: usize, wanted: impl Fn(&Live) -> bool) -> Option<(u64, Live)> {
        let some: Vec<_> = self.live.iter().filter(|(_, order)| wanted(order)).collect();
        some.get(which % some.len().max(1)).map(|(id, order)| (**id, **order))
    }

    fn tell(&mut self, report: Report, order: Live) {
        let mut report = Report { side: side(order.buy), ..report };
        report.head.instrument = InstrumentId(order.instrument);
        self.post.tell(report);
    }

    /// Sends an intent; `added` is what it adds, if its target may be replaced by it.
    fn send(&mut self, mut intent: Intent, live: Live, added: Option<u64>) {
        let is_new = intent.head.kind == Kind::NEW;
        let open = self.live.values().filter(|order| order.pending.is_none()).count();
        let expected = match added {
            None => Code::NOT_OPEN,
            Some(added) if !self.fits(live.instrument, live.buy, added) => Code::POSITION,
            Some(_) if is_new && open >= OPEN_MAX => Code::OPEN_ORDERS,
            Some(_) if self.live.len() >= OPEN_MAX * 2 => Code::GATE_FULL,
            Some(_) => Code::NONE,
        };
        intent.head.instrument = InstrumentId(live.instrument);
        assert_eq!(self.post.send(intent), expected);
        if expected == Code::NONE {
            self.live.insert(intent.order.0, live);
        }
    }

    fn act(&mut self, act: Act) {
        self.names += 1;
        let name = self.names;
        match act {
            Act::New { buy, instrument, qty } => {
                let live = Live { buy, instrument, leaves: qty, pending: None };
                self.send(order(name, side(buy), qty), live, Some(qty));
            }
            Act::Replace { which, qty, odd } => {
                let Some((target, before)) = self.pick(which, |_| true) else { return };
                let buy = before.buy != odd;
                let extra = qty.saturating_sub(before.leaves);
                let pending = Some(Pending { target, extra, since: 0 });
                let live = Live { buy, leaves: qty, pending, ..before };
                let may = !odd && before.pending.is_none();
                self.send(replace(target, name, side(buy), qty), live, may.then_some(extra));
            }
            Act::Fill { which, qty } => self.fill(which, qty),
            Act::Cancel { which, qty } => {
                let Some((id, order)) = self.pick(which, |o| o.pending.is_none()) else { return };
                // A part only where nothing is under way.
                let asked = self.changes(id).next().is_some();
                let qty = if asked { order.leaves } else { qty.min(order.leaves) };
                let left = order.leaves - qty;
                self.tell(Report { leaves: Qty(left), ..canceled(id, qty) }, order);
                self.lower(id, left);
            }
            Act::Answer { which, good } => self.answer(which, good),
            Act::Refuse { which } => {
                let Some((id, order)) = self.pick(which, |_| true) else { return };
                if order.pending.is_none() && self.changes(id).next().is_some() {
                    return;
                }
                let kind = if order.pending.is_some() { Kind::REFUSED } else { Kind::REJECTED };
                self.tell(report(kind, id, BUY), order);
                self.live.remove(&id);
            }
        }
        self.agree();
    }

    fn lower(&mut self, id: u64, left: u64) {
        match self.live.get_mut(&id) {
            Some(order) if left > 0 => order.leaves = left,
            _ => {
                self.live.remove(&id);
            }
        }
    }

    fn fill(&mut self, which: usize, qty: u64) {
        let Some((id, order)) = self.pick(which, |o| o.pending.is_none()) else { return };
        let qty = qty.min(order.leaves);
        let left = order.leaves - qty;
        self.tell(fill(id, BUY, qty, left), order);
        self.lower(id, left);
        let signed = if order.buy { i128::from(qty) } else { -i128::from(qty) };
        self.position[order.instrument as usize] += signed;
        for pending in self.live.values_mut().filter_map(|order| order.pending.as_mut()) {
            if pending.target == id {
                pending.since += qty;
            }
        }
    }

    fn answer(&mut self, which: usize, good: bool) {
        let Some((id, order)) = self.pick(which, |o| o.pending.is_some()) else { return };
        let Some(Pending { target, since, .. }) = order.pending else { return };
        let stands = self.live.get(&target).is_some_and(|o| o.pending.is_none());
        let leaves = order.leaves.saturating_sub(since);
        if good && stands && leaves > 0 && self.changes(target).count() == 1 {
            self.tell(of_change(Kind::REPLACED, target, id, leaves), order);
            self.live.remove(&target);
            self.live.insert(id, Live { leaves, pending: None, ..order });
        } else {
            self.tell(of_change(Kind::TOO_LATE, target, id, 0), order);
            self.live.remove(&id);
        }
    }

    fn agree(&self) {
        for instrument in 0..2 {
            let exposure = self.post.gate.stakes[instrument as usize].exposure;
            let position = self.position[instrument as usize];
            assert_eq!(i128::from(exposure.position.0), position);
            for (buy, open) in [(true, exposure.open_buys), (false, exposure.open_sells)] {
                let open = i128::from(open.0);
                assert_eq!(open, self.reserved(instrument, buy));
                assert!(self.truly(instrument, buy) <= open, "all that may fill is reserved");
            }
        }
        assert_eq!(self.post.gate.open_orders().len(), self.live.len());
    }
}

/// A report of any kind on any order, sensible or not.
fn any_report() -> impl Strategy<Value = Report> {
    let kinds = [
        Kind::SENT,
        Kind::REFUSED,
        Kind::ACCEPTED,
        Kind::FILLED,
        Kind::CANCELED,
        Kind::REPLACED,
        Kind::REJECTED,
        Kind::TOO_LATE,
    ];
    let kind = prop::sample::select(kinds.to_vec());
    let qty = || prop_oneof![0..1_200u64, Just(u64::MAX)];
    (kind, 0..12u64, 0..12u64, any::<bool>(), 0..3u32, qty(), qty()).prop_map(
        |(kind, order, target, buy, instrument, qty, leaves)| {
            let mut report = report(kind, order, side(buy));
            report.head.instrument = InstrumentId(instrument);
            (report.target, report.qty, report.leaves) = (OrderId(target), Qty(qty), Qty(leaves));
            report
        },
    )
}

proptest! {
    #[test]
    fn what_is_reserved_is_what_may_fill_and_nothing_is_left_at_the_end(
        acts in prop::collection::vec(act(), 1..150),
    ) {
        let mut model = Model::new();
        acts.into_iter().for_each(|act| model.act(act));
        while let Some((id, order)) = model.pick(0, |order| order.pending.is_some()) {
            model.tell(of_change(Kind::TOO_LATE, 0, id, 0), order);
            model.live.remove(&id);
        }
        while let Some((id, order)) = model.pick(0, |_| true) {
            model.tell(canceled(id, order.leaves), order);
            model.live.remove(&id);
        }
        model.agree();
        prop_assert_eq!(model.post.gate.counts().unknown_reports, 0);
    }

    /// Reports late, repeated, out of order, or of nothing at all.
    #[test]
    fn whatever_is_reported_nothing_is_lost_and_what_ends_releases_all(
        steps in prop::collection::vec(
            prop_oneof![
                any_report().prop_map(Err),
                (any::<bool>(), 0..2u32, 1..400u64).prop_map(Ok),
            ],
            1..100,
        ),
    ) {
        let mut post = Post::new(OPEN_MAX);
        for (step, name) in steps.into_iter().zip(1..) {
            match step {
                Ok((buy, instrument, qty)) => {
                    let mut intent = order(name % 12, side(buy), qty);
                    intent.head.instrument = InstrumentId(instrument);
                    // A name that is open is not given again.
                    if post.gate.find(intent.order).is_none() {
                        post.send(intent);
                    }
                }
                Err(report) => {
                    post.tell(report);
                }
            }
        }
        for open in post.gate.open_orders() {
            post.tell(canceled(open.order.0, open.leaves.0));
        }
        prop_assert!(post.gate.open_orders().is_empty());
        for Stake { exposure, .. } in &post.gate.stakes {
            prop_assert_eq!((exposure.open_buys, exposure.open_sells), (Qty(0), Qty(0)));
        }
    }
}
