//! What does the book cost as symbols, living orders, the spread of their references and the prices of a book grow; and
//! what does each operation cost, at the median and at worst?
//!
//! Each point fills books with so many orders, then applies churn that keeps their number: most of what leaves is young,
//! one in five is any order. Messages are decoded before; they lie in memory one behind the other, so a look ahead reads
//! what is to come. The figures are `apply` alone, with hints and without.

mod common;

use clap::Parser;
use common::{Cost, Variant};
use coretick::base::clock::Clock;
use coretick::base::message::{Flags, Header, Kind, Market};
use coretick::base::unit::{InstrumentId, Price, Qty, Side};
use coretick::book::{Books, Change, Limits};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hint::black_box;

/// What the book costs as it grows.
#[derive(Parser)]
#[command(after_help = "Example: cargo bench --bench book -- --rounds 3 --only live")]
struct Arguments {
    /// Messages timed at each point
    #[arg(long, default_value_t = 2_000_000)]
    messages: usize,
    /// How often each point runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only the points whose names hold this, and the first
    #[arg(long, default_value = "")]
    only: String,
    /// Few messages, small books, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// Books of a size.
#[derive(Clone, Copy)]
struct Point {
    symbols: u32,
    live: usize,
    /// References from one of the orders that it begins with to the next.
    stride: u64,
    /// Prices of a side, each as likely; `None`: most at the touch.
    prices: Option<u64>,
}

/// Cents of the best ask, more than there are prices of a side.
const TOUCH: i64 = 20_000;
/// Orders that are young: what leaves is mostly one of them.
const YOUNG: usize = 4096;

/// Seeded messages about orders that it knows to be alive.
struct Churn {
    rng: ChaCha8Rng,
    symbols: u32,
    prices: Option<u64>,
    next: u64,
    young: VecDeque<(u64, u32)>,
    old: Vec<(u64, u32)>,
}

impl Churn {
    fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    fn message(kind: Kind, (reference, instrument): (u64, u32)) -> Market {
        let head = Header { kind, instrument: InstrumentId(instrument), ..Header::default() };
        Market { head, reference, ..Market::default() }
    }

    /// Half at the touch, fewer and fewer behind; or spread over so many prices.
    fn price(&mut self, side: Side) -> Price {
        let behind = match self.prices {
            None => i64::from(self.rng.next_u64().trailing_zeros()) + self.below(3) as i64,
            Some(prices) => self.below(prices) as i64,
        };
        let cents = if side.is_buy() { TOUCH - 1 - behind } else { TOUCH + behind };
        Price::from_e4(0).plus_cents(cents)
    }

    fn add(&mut self, reference: u64) -> Market {
        let instrument = self.below(self.symbols.into()) as u32;
        let side = if self.below(2) == 0 { Side::BUY } else { Side::SELL };
        let (price, qty) = (self.price(side), Qty(100 * (1 + self.below(9))));
        self.young.push_back((reference, instrument));
        if self.young.len() > YOUNG {
            self.old.extend(self.young.pop_front());
        }
        Market { side, price, qty, ..Self::message(Kind::ADD, (reference, instrument)) }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A living order, which is then no longer known.
    fn leaving(&mut self) -> Option<(u64, u32)> {
        let young = self.old.is_empty() || self.below(5) > 0;
        if young && !self.young.is_empty() {
            let at = self.below(self.young.len() as u64) as usize;
            return self.young.swap_remove_back(at);
        }
        let at = self.below(self.old.len().max(1) as u64) as usize;
        (at < self.old.len()).then(|| self.old.swap_remove(at))
    }

    /// One that adds while fewer than `live` are alive, else one about an order that is.
    fn draw(&mut self, live: usize) -> Market {
        let full = self.young.len() + self.old.len() >= live;
        let Some(order) = full.then(|| self.leaving()).flatten() else {
            let reference = self.fresh();
            return self.add(reference);
        };
        match self.below(100) {
            0..82 => Self::message(Kind::DELETE, order),
            82..94 => {
                let new = (self.fresh(), order.1);
                // The side is the old order's; a price below every ask and above no bid suits both.
                let price = match self.prices {
                    None => {
                        Price::from_e4(0).plus_cents(TOUCH - 1_000 + self.below(50) as i64 * 40)
                    }
                    Some(_) => self.price(Side::BUY),
                };
                self.old.push(new);
                Market { other: new.0, price, qty: Qty(100), ..Self::message(Kind::REPLACE, order) }
            }
            _ => {
                self.old.push(order);
                let flags = Flags::PRINTABLE;
                let mut part = Self::message(Kind::EXECUTE, order);
                (part.qty, part.head.flags) = (Qty(1), flags);
                part
            }
        }
    }
}

/// Dollars and cents, for readers of the above.
trait Cents {
    fn plus_cents(self, cents: i64) -> Self;
}

impl Cents for Price {
    fn plus_cents(self, cents: i64) -> Self {
        Self(self.0 + cents * 10_000_000)
    }
}

/// Books filled to the point, and the messages to come.
fn filled(point: Point, messages: usize) -> (Books, Churn, Vec<Market>) {
    let limits = Limits {
        orders: point.live + point.live / 4 + 100_000,
        levels: 1 << 20,
        instruments: point.symbols as usize,
    };
    let mut books = Books::new(&limits);
    let mut churn = Churn {
        rng: ChaCha8Rng::seed_from_u64(7),
        symbols: point.symbols,
        prices: point.prices,
        next: 0,
        young: VecDeque::with_capacity(YOUNG + 1),
        old: Vec::with_capacity(limits.orders),
    };
    for _ in 0..point.live {
        churn.next += point.stride;
        let reference = churn.next;
        books.apply(&churn.add(reference));
    }
    let script = (0..messages).map(|_| churn.draw(point.live)).collect();
    (books, churn, script)
}

/// Whether the books went where the churn did.
fn check(books: &Books, churn: &Churn) {
    let known = churn.young.len() + churn.old.len();
    assert_eq!(books.live_orders(), known as u64, "the books hold what the churn says");
    assert_eq!(books.anomalies().total(), 0);
}

/// Times `messages` at a point, all together.
fn run(point: Point, messages: usize, ahead: usize) -> Cost {
    let (mut books, churn, script) = filled(point, messages);
    let mut change = Change::default();
    let began = Cost::now();
    for (n, message) in script.iter().enumerate() {
        if ahead > 0 {
            for (step, far) in [(0, ahead), (1, ahead / 2), (2, ahead / 4)] {
                if let Some(coming) = script.get(n + far) {
                    books.hint(coming, step);
                }
            }
        }
        books.apply_into(message, &mut change);
        black_box(&change);
    }
    let cost = Cost::now().since(began);
    check(&books, &churn);
    cost
}

/// Times each of `messages` at a point alone: a line for each operation.
fn operations(point: Point, messages: usize) -> String {
    let (mut books, churn, script) = filled(point, messages);
    let clock = Clock::calibrated();
    let mut change = Change::default();
    let kinds = [
        ("add", Kind::ADD),
        ("delete", Kind::DELETE),
        ("execute, in part", Kind::EXECUTE),
        ("replace", Kind::REPLACE),
    ];
    // Index 0 is the clock alone.
    let mut ticks = vec![Vec::with_capacity(messages); kinds.len() + 1];
    for message in &script {
        let empty = clock.ticks();
        let began = clock.ticks();
        books.apply_into(message, &mut change);
        black_box(&change);
        let ended = clock.ticks();
        ticks[0].push(began - empty);
        let kind = kinds.iter().position(|(_, kind)| *kind == message.head.kind);
        ticks[1 + kind.expect("the churn sends these")].push(ended - began);
    }
    check(&books, &churn);
    let mut text = format!(
        "{:26} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10}\n",
        "ns each, alone", "p50", "p90", "p99", "p99.9", "worst", "count"
    );
    let names = std::iter::once("the clock").chain(kinds.map(|(name, _)| name));
    for (name, ticks) in names.zip(&mut ticks) {
        ticks.sort_unstable();
        let Some(last) = ticks.len().checked_sub(1) else { continue };
        let at = |part: f64| clock.nanos(ticks[(last as f64 * part) as usize]);
        let [p50, p90, p99, p999, worst] = [0.5, 0.9, 0.99, 0.999, 1.0].map(at);
        let _ = writeln!(
            text,
            "{name:26} {p50:>8} {p90:>8} {p99:>8} {p999:>8} {worst:>8} {:>10}",
            last + 1
        );
    }
    text
}

fn main() {
    let mut arguments = Arguments::parse();
    let quick = arguments.quick || !arguments.bench;
    if quick {
        (arguments.messages, arguments.rounds) = (20_000, 1);
    }
    let Arguments { messages, rounds, ref only, .. } = arguments;
    let point = |symbols, live, stride| Point { symbols, live, stride, prices: None };
    let mut points = vec![
        ("live 10 k".to_owned(), point(1_000, 10_000, 1)),
        ("live 100 k".to_owned(), point(1_000, 100_000, 1)),
        ("live 500 k".to_owned(), point(8_000, 500_000, 1)),
        ("live 1.6 M".to_owned(), point(8_000, 1_600_000, 1)),
        ("live 5 M".to_owned(), point(8_000, 5_000_000, 1)),
        ("live 1.6 M over 300 M references".to_owned(), point(8_000, 1_600_000, 187)),
    ];
    for symbols in [10, 100, 1_000, 10_000] {
        points.push((format!("symbols {symbols}, live 100 k"), point(symbols, 100_000, 1)));
    }
    for prices in [1, 10, 100, 1_000, 10_000] {
        let point = Point { prices: Some(prices), ..point(5, 200_000, 1) };
        points.push((format!("{prices} prices a side"), point));
    }
    let alone = if quick { point(1_000, 10_000, 1) } else { point(8_000, 500_000, 1) };
    if quick {
        points.retain(|(_, point)| point.live <= 100_000);
    }
    let mut variants = Vec::new();
    for (name, point) in points {
        variants.push(Variant::new(&name, move || run(point, messages, 16)));
        let blind = format!("{name}, no look-ahead");
        variants.push(Variant::new(&blind, move || run(point, messages, 0)));
    }
    let first = variants[0].name().to_owned();
    variants.retain(|variant| variant.name().contains(only.as_str()) || variant.is(&first));
    common::interleave(&mut variants, rounds);
    print!("{}", common::machine());
    println!("churn     {messages} messages a point, {rounds} rounds; ratios to the first\n");
    println!("{}", common::table("books", &variants, messages as u64));
    println!("{}", operations(alone, messages));
    let cpu = |name| variants.iter().find(|variant| variant.is(name)).map(Variant::cpu);
    match cpu("live 5 M").zip(cpu("live 10 k")) {
        Some((large, small)) => println!(
            "target    5 M living orders / 10 k: {:.2}, at most 2: {}",
            large / small,
            if large / small <= 2.0 { "met" } else { "not met" }
        ),
        None => println!("target    5 M living orders / 10 k: not run"),
    }
}
