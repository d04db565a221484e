//! What does an order cost at the gate: each control alone, all of them together as instruments, accounts and open orders grow,
//! and the worst of single orders? Beside it the plain design, which looks everything up by name, with verdicts remembered and
//! without.
//!
//! All designs see the same orders, in batches; each order that came in is told as accepted, and as many others as a batch has
//! end, one in eight filled. What ends and what makes the orders is not timed. The floor reads the same bytes.

#[expect(dead_code, reason = "other benches select among their variants")]
#[path = "../common/mod.rs"]
mod common;
mod flow;
#[expect(dead_code, reason = "a test has more to ask")]
mod old_design;
mod subject;
#[path = "../common/void.rs"]
mod void;

use clap::Parser;
use common::{Cost, Variant};
use coretick::base::clock::Clock;
use coretick::base::message::{Intent, Kind};
use coretick::base::stage::Stage;
use coretick::base::unit::Nanos;
use coretick::risk::Gate;
use flow::{Flow, Point};
use old_design::OldDesign;
use std::fmt::Write as _;
use std::hint::black_box;
use subject::Control;
use void::Void;

/// What an order costs at the gate.
#[derive(Parser)]
#[command(after_help = "Example: cargo bench --bench gate -- --rounds 3 --only 'gate, '")]
struct Arguments {
    /// Orders timed of each variant in a round
    #[arg(long, default_value_t = 200_000)]
    orders: usize,
    /// How often each variant runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only the variants whose names hold this, and the floor
    #[arg(long, default_value = "")]
    only: String,
    /// Few orders, few of them open, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// Orders timed at once: reading the clocks of a thread is a few nanoseconds each then.
const BATCH: usize = 512;
/// One in so many of the orders that end was filled.
const FILLED: u64 = 8;

/// A design: what it makes of an order, and of an order's end.
trait Design {
    /// An order in its own words.
    type Order;

    /// The same order in its words.
    fn words(order: &Intent) -> Self::Order;
    /// Whether it may be sent.
    fn submit(&mut self, order: &Self::Order) -> bool;
    /// The venue has it.
    fn accepted(&mut self, order: &Intent);
    /// The venue has it no more.
    fn ended(&mut self, order: &Intent, filled: bool, now: Nanos);
}

impl Design for Gate {
    type Order = Intent;

    fn words(order: &Intent) -> Intent {
        *order
    }

    #[inline]
    fn submit(&mut self, order: &Intent) -> bool {
        let mut out = Void::default();
        self.on(order, &mut out, &mut Void::default());
        out.0 == 1
    }

    fn accepted(&mut self, order: &Intent) {
        self.on_report(&flow::report(Kind::ACCEPTED, order, order.head.time), &mut Void::default());
    }

    fn ended(&mut self, order: &Intent, filled: bool, now: Nanos) {
        let kind = if filled { Kind::FILLED } else { Kind::CANCELED };
        self.on_report(&flow::report(kind, order, now), &mut Void::default());
    }
}

impl Design for OldDesign {
    /// With the time of the question.
    type Order = (old_design::Order, u64);

    fn words(order: &Intent) -> Self::Order {
        (flow::plain(order), order.head.time.0)
    }

    #[inline]
    fn submit(&mut self, (order, now): &Self::Order) -> bool {
        OldDesign::submit(self, order, *now).is_ok()
    }

    fn accepted(&mut self, _order: &Intent) {}

    fn ended(&mut self, order: &Intent, filled: bool, _now: Nanos) {
        OldDesign::ended(self, &flow::plain(order).id, filled);
    }
}

/// A design with so many orders open.
struct Market<D> {
    design: D,
    flow: Flow,
    open: Vec<Intent>,
    ended: u64,
}

impl<D: Design> Market<D> {
    fn new(design: D, point: Point) -> Self {
        let open = Vec::with_capacity(point.open + BATCH);
        let mut market = Self { design, flow: Flow::new(point), open, ended: 0 };
        for _ in 0..point.open {
            let order = market.flow.next();
            assert!(market.design.submit(&D::words(&order)), "{order:?} is within all limits");
            market.opened(&order);
        }
        market
    }

    fn opened(&mut self, order: &Intent) {
        self.design.accepted(order);
        self.open.push(*order);
    }

    /// As many as `count` of the open orders end, any of them.
    fn end(&mut self, count: usize) {
        let now = self.open.last().map_or(Nanos(0), |order| order.head.time);
        for _ in 0..count {
            let at = self.flow.below(self.open.len() as u32) as usize;
            let order = self.open.swap_remove(at);
            self.ended += 1;
            self.design.ended(&order, self.ended.is_multiple_of(FILLED), now);
        }
    }

    /// Times `orders`, a batch at once.
    fn run(mut self, orders: usize) -> Cost {
        let mut cost = Cost::default();
        for _ in 0..orders / BATCH {
            let batch: Vec<Intent> = (0..BATCH).map(|_| self.flow.next()).collect();
            let words: Vec<_> = batch.iter().map(D::words).collect();
            let mut passed = 0;
            let began = Cost::now();
            for order in &words {
                passed += usize::from(self.design.submit(black_box(order)));
            }
            let took = Cost::now().since(began);
            assert_eq!(passed, BATCH, "all orders are within all limits");
            (cost.cpu, cost.wall) = (cost.cpu + took.cpu, cost.wall + took.wall);
            batch.iter().for_each(|order| self.opened(order));
            self.end(BATCH);
        }
        cost
    }

    /// Ticks of each of `orders`, alone.
    fn alone(mut self, orders: usize, clock: Clock) -> Vec<u64> {
        let mut ticks = Vec::with_capacity(orders);
        for _ in 0..orders {
            let order = self.flow.next();
            let words = D::words(&order);
            let began = clock.ticks();
            let passed = self.design.submit(black_box(&words));
            ticks.push(clock.ticks() - began);
            assert!(passed, "all orders are within all limits");
            self.opened(&order);
            self.end(1);
        }
        ticks
    }
}

/// Times `work` over as many orders as told, a batch at once.
fn over(point: Point, orders: usize, mut work: impl FnMut(&[Intent])) -> Cost {
    let (mut flow, mut cost) = (Flow::new(point), Cost::default());
    for _ in 0..orders / BATCH {
        let batch: Vec<Intent> = (0..BATCH).map(|_| flow.next()).collect();
        let began = Cost::now();
        work(&batch);
        let took = Cost::now().since(began);
        (cost.cpu, cost.wall) = (cost.cpu + took.cpu, cost.wall + took.wall);
    }
    cost
}

/// A line of what single orders cost.
fn line(text: &mut String, name: &str, mut ticks: Vec<u64>, clock: Clock) {
    ticks.sort_unstable();
    let Some(last) = ticks.len().checked_sub(1) else { return };
    let at = |part: f64| clock.nanos(ticks[(last as f64 * part) as usize]);
    let [p50, p99, p999, worst] = [0.5, 0.99, 0.999, 1.0].map(at);
    let _ = writeln!(text, "{name:46} {p50:>8} {p99:>8} {p999:>8} {worst:>10} {:>9}", last + 1);
}

/// What single orders cost, with the clock's own part in a line of its own.
fn singles(points: &[(String, Point)], orders: usize) -> String {
    let clock = Clock::calibrated();
    let mut text = format!(
        "{:46} {:>8} {:>8} {:>8} {:>10} {:>9}\n",
        "ns of single orders, the clock's part included", "p50", "p99", "p99.9", "worst", "count"
    );
    let empty = (0..orders).map(|_| {
        let began = clock.ticks();
        clock.ticks() - began
    });
    line(&mut text, "the clock", empty.collect(), clock);
    for (name, point) in points {
        let gate = Market::new(subject::gate(*point), *point).alone(orders, clock);
        line(&mut text, &format!("gate, {name}"), gate, clock);
        for (which, remembers) in [("plain", false), ("plain, remembering", true)] {
            let plain = Market::new(flow::plain_design(*point, remembers), *point);
            line(&mut text, &format!("{which}, {name}"), plain.alone(orders, clock), clock);
        }
    }
    text
}

/// A number in thousands, as the names of variants have it.
fn thousands(count: usize) -> String {
    if count < 10_000 { count.to_string() } else { format!("{} k", count / 1_000) }
}

fn main() {
    let mut arguments = Arguments::parse();
    let quick = arguments.quick || !arguments.bench;
    if quick {
        (arguments.orders, arguments.rounds) = (4 * BATCH, 1);
    }
    let Arguments { orders, rounds, ref only, .. } = arguments;
    let orders = orders.next_multiple_of(BATCH);
    let mut points = Vec::new();
    for instruments in [100, 10_000] {
        for accounts in [1, 16] {
            for open in [1_000, 100_000] {
                let point = Point { instruments, accounts, open, repeating: false };
                let instruments = thousands(instruments as usize);
                points
                    .push((format!("{instruments} x {accounts}, {} open", thousands(open)), point));
            }
        }
    }
    if quick {
        points.retain(|(_, point)| {
            point.instruments * point.accounts <= 1_600 && point.open <= 1_000
        });
    }
    let small = points[0].1;
    let mut variants = vec![Variant::new("floor: read the order", || {
        over(small, orders, |batch| {
            batch.iter().for_each(|order| {
                black_box(*order);
            })
        })
    })];
    for (at, Control { name, .. }) in subject::controls().into_iter().enumerate() {
        let run = move || over(small, orders, &mut subject::controls()[at].run);
        variants.push(Variant::new(name, run));
    }
    for (name, point) in &points {
        let name = |which: &str| format!("{which}, {name}");
        variants.push(Variant::new(&name("gate"), || {
            Market::new(subject::gate(*point), *point).run(orders)
        }));
        let plain = |point: Point, remembers: bool| {
            Market::new(flow::plain_design(point, remembers), point).run(orders)
        };
        variants.push(Variant::new(&name("plain"), move || plain(*point, false)));
        variants.push(Variant::new(&name("remembering, new"), move || plain(*point, true)));
        let known = Point { repeating: true, ..*point };
        variants.push(Variant::new(&name("remembering, known"), move || plain(known, true)));
    }
    let floor = variants[0].name().to_owned();
    variants.retain(|variant| variant.name().contains(only.as_str()) || variant.is(&floor));
    common::interleave(&mut variants, rounds);
    print!("{}", common::machine());
    println!(
        "flow      {orders} orders a variant, {rounds} rounds; instruments x accounts, orders open\n"
    );
    println!("{}", common::table("whole gate", &variants, orders as u64));
    let mut ends = vec![points[0].clone(), points[points.len() - 1].clone()];
    ends.retain(|(name, _)| format!("gate, {name}").contains(only.as_str()));
    println!("{}", singles(&ends, orders));
    print!("{}", subject::touched());
}
