//! What does a command cost the exchange's matching core as live orders, symbols and the depth of a side grow?
//!
//! Each point fills a core with so many orders, then times commands that keep their number: 45 % enter and rest, 40 % cancel,
//! 6 % replace, 9 % trade. They are drawn beforehand, against a core of their own, so that they name orders that are alive.
//! Most of what leaves is young, one in five is any order. With look-ahead the next twelve are hinted at. The naive core of the tests takes fewer of them.
//!
//! `--pace` times each command at an open loop instead, from when it was due: what waits behind a slow one counts, and
//! behind whatever else takes the core; and beside it from when it was begun.

mod common;
#[allow(dead_code)]
#[path = "../engine/exchange/matching/naive/mod.rs"]
mod naive;

// The naive core names the crate's modules from the root.
use coretick::{base, exchange};

use base::clock::Clock;
use base::unit::Side;
use clap::Parser;
use common::{Cost, Variant};
use exchange::matching::{
    CancelReason, Command, CrossSession, Display, Enter, Event, Lasts, Limits, Matching, Phase,
    Replace, SelfMatch, Terms,
};
use exchange::unit::{Locate, Participant, Price4, Reference};
use hdrhistogram::Histogram;
use naive::Naive;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::VecDeque;
use std::hint::{black_box, spin_loop};

/// What a command costs the exchange's matching core.
#[derive(Parser)]
struct Arguments {
    /// Commands timed at each point
    #[arg(long, default_value_t = 2_000_000)]
    commands: usize,
    /// How often each point runs
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only the points whose names hold this, and the first
    #[arg(long, default_value = "")]
    only: String,
    /// So many commands a second, each timed from when it was due
    #[arg(long)]
    pace: Option<u64>,
    /// Few commands, small cores, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// A core of a size.
#[derive(Clone, Copy)]
struct Point {
    symbols: u16,
    live: usize,
    /// Prices of a side that orders spread over evenly; 0: near the touch, fewer and fewer behind.
    depth: u64,
}

impl Point {
    fn limits(self) -> Limits {
        let levels = usize::from(self.symbols) * 140 + 4 * self.depth as usize;
        let orders = self.live + self.live / 4 + 10_000;
        Limits { symbols: self.symbols, orders, levels, participants: PARTICIPANTS as usize }
    }
}

const PARTICIPANTS: u64 = 1_000;
/// Orders that are young: what leaves is mostly one of them.
const YOUNG: usize = 4096;
/// The naive core takes one command for so many.
const NAIVE: usize = 50;

/// Seeded commands about orders that it knows to be alive.
struct Churn {
    rng: ChaCha8Rng,
    point: Point,
    matching: Matching,
    young: VecDeque<Reference>,
    old: Vec<Reference>,
}

impl Churn {
    fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    /// Cents from the middle on the order's own side, or beyond it.
    fn terms(&mut self, side: Side, beyond: bool) -> Terms {
        let cents = match self.point.depth {
            _ if beyond => -10,
            0 => i64::from(self.rng.next_u64().trailing_zeros()) + self.below(3) as i64,
            depth => self.below(depth) as i64,
        };
        let cents = if side.is_buy() { 149_999 - cents } else { 150_000 + cents };
        Terms {
            limit: Some(Price4(cents as u32 * 100)),
            shares: 100 * (1 + self.below(9) as u32),
            lasts: if beyond { Lasts::Immediate } else { Lasts::Day },
            display: Display::Full,
            post_only: false,
            minimum: 0,
        }
    }

    fn self_match(&mut self) -> SelfMatch {
        [SelfMatch::Allow, SelfMatch::CancelResting][self.below(2) as usize]
    }

    fn enter(&mut self, beyond: bool) -> Command {
        let side = if self.below(2) == 0 { Side::BUY } else { Side::SELL };
        let self_match = self.self_match();
        Command::Enter(Enter {
            locate: Locate(1 + self.below(self.point.symbols.into()) as u16),
            participant: Participant(self.below(PARTICIPANTS) as u32),
            token: self.rng.next_u64(),
            side,
            terms: self.terms(side, beyond),
            session: CrossSession::Continuous,
            self_match,
        })
    }

    /// An order that is alive, which is then no longer known.
    fn leaving(&mut self) -> Option<Reference> {
        for _ in 0..100 {
            let young = self.old.is_empty() || self.below(5) > 0;
            let among = if young { self.young.len() } else { self.old.len() };
            let at = self.below(among.max(1) as u64) as usize;
            let order = match young {
                true => self.young.swap_remove_back(at)?,
                false => self.old.swap_remove(at),
            };
            if self.matching.order(order).is_some() {
                return Some(order);
            }
        }
        None
    }

    fn apply(&mut self, command: Command) -> Command {
        let (young, old) = (&mut self.young, &mut self.old);
        self.matching.apply(&command, &mut |event| {
            if let Event::Displayed { order, .. } = event {
                young.push_back(order.order);
                if young.len() > YOUNG {
                    old.extend(young.pop_front());
                }
            }
        });
        command
    }

    fn draw(&mut self) -> Command {
        // As many come as go, whatever the trades take.
        let few = self.matching.live() < self.point.live;
        let order = match self.below(100) {
            0..9 => None,
            9..15 => self.leaving().map(|order| (order, true)),
            n if n < 55 || !few => self.leaving().map(|order| (order, false)),
            _ => {
                let command = self.enter(false);
                return self.apply(command);
            }
        };
        let command = match order {
            None => self.enter(true),
            Some((order, true)) => {
                let side = self.matching.order(order).map_or(Side::BUY, |order| order.side);
                let (token, terms) = (self.rng.next_u64(), self.terms(side, false));
                let self_match = self.self_match();
                Command::Replace(Replace { order, token, terms, self_match })
            }
            Some((order, false)) => {
                Command::Reduce { order, open: 0, reason: CancelReason::Requested }
            }
        };
        self.apply(command)
    }
}

/// What fills a core to the point, and what comes then.
struct Script {
    limits: Limits,
    fill: Vec<Command>,
    commands: Vec<Command>,
    /// Orders that are alive in the end.
    live: usize,
}

impl Script {
    fn new(point: Point, count: usize) -> Self {
        let limits = point.limits();
        let mut churn = Churn {
            rng: ChaCha8Rng::seed_from_u64(7),
            point,
            matching: Matching::new(&limits),
            young: VecDeque::with_capacity(YOUNG + 1),
            old: Vec::with_capacity(limits.orders),
        };
        let mut fill = Vec::new();
        for locate in (1..=point.symbols).map(Locate) {
            fill.push(churn.apply(Command::SetPhase { locate, phase: Phase::Open }));
        }
        while churn.matching.live() < point.live {
            let command = churn.enter(false);
            fill.push(churn.apply(command));
        }
        let commands = (0..count).map(|_| churn.draw()).collect();
        Self { limits, fill, commands, live: churn.matching.live() }
    }

    fn filled(&self) -> Matching {
        let mut matching = Matching::new(&self.limits);
        self.fill.iter().for_each(|command| matching.apply(command, &mut |_| ()));
        matching
    }

    fn run(&self, ahead: usize) -> Cost {
        let mut matching = self.filled();
        let began = Cost::now();
        for (n, command) in self.commands.iter().enumerate() {
            if ahead > 0 {
                for (step, far) in [(0, ahead), (1, ahead * 2 / 3), (2, ahead / 3)] {
                    if let Some(coming) = self.commands.get(n + far) {
                        matching.hint(coming, step);
                    }
                }
            }
            matching.apply(command, &mut |event| {
                black_box(&event);
            });
        }
        let cost = Cost::now().since(began);
        assert_eq!(matching.live(), self.live, "the core did what the script says");
        cost
    }

    fn run_naive(&self) -> Cost {
        let mut naive = Naive::new(&self.limits);
        self.fill.iter().for_each(|command| drop(naive.apply(command)));
        let began = Cost::now();
        for command in &self.commands[..self.commands.len() / NAIVE] {
            black_box(naive.apply(command));
        }
        let cost = Cost::now().since(began);
        let times = NAIVE as u64;
        Cost { cpu: cost.cpu * times, wall: cost.wall * times }
    }

    /// Nanoseconds from when each command was due, and from when it was begun, to when it was done.
    fn paced(&self, a_second: u64) -> [Histogram<u64>; 2] {
        let mut matching = self.filled();
        let histogram = || Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("fixed bounds");
        let [mut due_to_done, mut begun_to_done] = [histogram(), histogram()];
        let clock = Clock::calibrated();
        let began = clock.ticks();
        let now = || clock.nanos(clock.ticks() - began);
        for (n, command) in self.commands.iter().enumerate() {
            let due = n as u64 * 1_000_000_000 / a_second;
            let mut begun = now();
            while begun < due {
                spin_loop();
                begun = now();
            }
            matching.apply(command, &mut |event| {
                black_box(&event);
            });
            let done = now();
            due_to_done.saturating_record(done - due);
            begun_to_done.saturating_record(done - begun);
        }
        [due_to_done, begun_to_done]
    }
}

fn main() {
    let mut arguments = Arguments::parse();
    let quick = arguments.quick || !arguments.bench;
    if quick {
        (arguments.commands, arguments.rounds) = (20_000, 1);
    }
    let Arguments { commands, rounds, ref only, pace, .. } = arguments;
    let mut points = Vec::new();
    for (name, live) in [("10 k", 10_000), ("200 k", 200_000), ("2 M", 2_000_000)] {
        for symbols in [1, 100, 8_000] {
            let point = Point { symbols, live, depth: 0 };
            points.push((format!("live {name}, symbols {symbols}"), point));
        }
    }
    for depth in [1_000, 10_000, 100_000] {
        let point = Point { symbols: 1, live: 200_000, depth };
        points.push((format!("live 200 k, symbols 1, prices {depth}"), point));
    }
    points.retain(|(_, point)| !quick || point.live <= 10_000);
    print!("{}", common::machine());
    if let Some(pace) = pace {
        println!("paced     {commands} commands a point, {pace} a second\n");
        println!(
            "{:40} {:>9} {:>9} {:>9} {:>10}",
            "latency, ns, since", "p50", "p99", "p99.9", "max"
        );
        for (name, point) in points.iter().filter(|(name, _)| name.contains(only.as_str())) {
            let from = ["due", "begun"].into_iter().zip(Script::new(*point, commands).paced(pace));
            for (from, latency) in from {
                let at = |share| latency.value_at_quantile(share);
                let (p50, p99, p999, max) = (at(0.5), at(0.99), at(0.999), latency.max());
                println!("{:40} {p50:>9} {p99:>9} {p999:>9} {max:>10}", format!("{name}, {from}"));
            }
        }
        return;
    }
    let mut variants = Vec::new();
    for (name, point) in points {
        variants.push(Variant::new(&name, move || Script::new(point, commands).run(0)));
        let ahead = format!("{name}, look-ahead");
        variants.push(Variant::new(&ahead, move || Script::new(point, commands).run(12)));
        if point.live <= 200_000 && point.symbols > 1 {
            let naive = move || Script::new(point, commands).run_naive();
            variants.push(Variant::new(&format!("{name}, naive"), naive));
        }
    }
    let first = variants[0].name().to_owned();
    variants.retain(|variant| variant.name().contains(only.as_str()) || variant.is(&first));
    common::interleave(&mut variants, rounds);
    println!("commands  {commands} a point, {rounds} rounds; ratios to the first\n");
    println!("{}", common::table("exchange", &variants, commands as u64));
}
