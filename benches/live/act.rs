//! From a packet to the order that answers it, in an open loop: packets are sent when they are due, whatever became of those
//! before, and an order's time counts from when its packet was due.

use crate::common;
use crate::far::Far;
use crate::market::{self, Book, INSTRUMENTS, Line};
use crate::subject::{Program, Running, Said, Stand, Task};
use crate::{Arguments, spin, spread};
use coretick::base::clock::Clock;
use coretick::base::unit::Nanos;
use coretick::ingest::transport::line::Transport;
use hdrhistogram::Histogram;
use std::thread;
use std::time::Duration;
use zerocopy::IntoBytes;

/// Packets are sent in slices of so many; between them the engine's log is given time, on the bench's core.
const SLICE: u32 = 100;
const REST: Duration = Duration::from_millis(2);
/// An interface that AF_XDP was bound to is free again after this.
const SETTLES: Duration = Duration::from_millis(500);
/// An answer later than this is a core that the machine took away: its slice is set aside.
const TAKEN_NS: u64 = 1_000_000;
/// What is not answered by then is not waited for.
const UNANSWERED_NS: u64 = 50_000_000;
/// Between what is done at the start.
const PAUSE_NS: u64 = 200_000;

/// What a program did at a rate.
struct Answers {
    latency: Histogram<u64>,
    slices: u32,
    set_aside: u32,
    unanswered: u32,
}

impl Answers {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("fixed bounds");
        Self { latency, slices: 0, set_aside: 0, unanswered: 0 }
    }

    fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency).expect("the same bounds");
        self.slices += other.slices;
        self.set_aside += other.set_aside;
        self.unanswered += other.unanswered;
    }

    fn at(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64
    }
}

/// The packets that are on their way, by instrument: when each was due, in ticks; 0: none.
struct Pending([u64; INSTRUMENTS as usize]);

impl Pending {
    /// Answers the orders that have come, and notes how long they took.
    #[inline]
    fn take(&mut self, far: &mut Far, clock: Clock, took: &mut Vec<u64>) {
        while let Some(order) = far.order() {
            let now = clock.ticks();
            let instrument = market::instrument(order.symbol.as_bytes()).expect("one of ours");
            let due = std::mem::take(&mut self.0[usize::from(instrument)]);
            if due != 0 {
                took.push(clock.nanos(now.saturating_sub(due)));
            }
            far.answer(&order);
        }
    }

    fn count(&self) -> u32 {
        self.0.iter().filter(|due| **due != 0).count() as u32
    }
}

/// One slice. How long each answer took, in `took`; how many never came.
fn slice(
    (far, line, book): (&mut Far, &Line, &mut Book),
    gap: u64,
    clock: Clock,
    took: &mut Vec<u64>,
) -> u32 {
    let mut pending = Pending([0; INSTRUMENTS as usize]);
    let mut lost = 0;
    took.clear();
    let start = clock.ticks() + gap;
    for number in 0..u64::from(SLICE) {
        let (instrument, packet) = book.tip();
        let due = start + number * gap;
        while clock.ticks() < due {
            pending.take(far, clock, took);
        }
        line.send(&packet);
        let slot = &mut pending.0[usize::from(instrument)];
        lost += u32::from(std::mem::replace(slot, due) != 0);
        // Half way to the next it is undone.
        let undo = book.restore();
        while clock.ticks() < due + gap / 2 {
            pending.take(far, clock, took);
        }
        line.send(&undo);
    }
    let ended = clock.ticks();
    while pending.count() > 0 && clock.nanos(clock.ticks() - ended) < UNANSWERED_NS {
        pending.take(far, clock, took);
    }
    lost + pending.count()
}

/// A program is started, and has packets at each of the rates.
fn act(
    (program, by): (Program, Transport),
    arguments: &Arguments,
    stand: &Stand,
    clock: Clock,
) -> (Vec<Answers>, Said) {
    let names = (0..INSTRUMENTS).map(market::symbol).collect::<Vec<_>>().join("\n");
    let mut running = program.start(by, Task::Act, &format!("symbol\n{names}\n"), stand);
    let mut book = Book::new();
    for packet in book.opening() {
        assert!(running.line.send(&packet), "the line takes a packet");
        spin(clock, PAUSE_NS);
    }
    spin(clock, 100 * PAUSE_NS);
    let mut took = Vec::with_capacity(2 * SLICE as usize);
    let found = arguments.rates.iter().map(|rate| {
        let gap = clock.ticks_in(Nanos(1_000_000_000 / u64::from(*rate).max(1)));
        let mut answers = Answers::new();
        let slices = arguments.orders.div_ceil(SLICE);
        for number in 0..=slices {
            thread::park_timeout(REST);
            let Running { far, line, .. } = &mut running;
            let lost = slice((far, line, &mut book), gap, clock, &mut took);
            assert!(!running.far.gone, "the program left:\n{}", running.log());
            // The first finds cold caches, and is not counted.
            if number == 0 {
                continue;
            }
            answers.slices += 1;
            answers.unanswered += lost;
            if lost > 0 || took.iter().any(|nanos| *nanos > TAKEN_NS) {
                answers.set_aside += 1;
            } else {
                took.iter().for_each(|nanos| answers.latency.saturating_record(*nanos));
            }
        }
        answers
    });
    let found = found.collect();
    // Whatever is still on its way is answered, or the engine would say that an order may be open.
    for _ in 0..100 {
        thread::park_timeout(REST);
        let mut late = Pending([0; INSTRUMENTS as usize]);
        late.take(&mut running.far, clock, &mut took);
    }
    let next = book.next();
    let said = running.end(program, next);
    settle(by);
    (found, said)
}

/// Waits until a program that has ended has left its interface: the kernel takes its last traces off behind its back.
pub(crate) fn settle(by: Transport) {
    if by == Transport::Xdp {
        thread::park_timeout(SETTLES);
    }
}

/// Both programs by each transport, in turns.
pub(crate) fn latencies(arguments: &Arguments, stand: &Stand, clock: Clock) {
    let transports = stand.transports();
    // By transport, program, rate: all rounds. And by transport, rate: what each round's engine added to its floor.
    let mut all: Vec<Vec<Vec<Answers>>> = Vec::new();
    let mut added: Vec<Vec<[Vec<f64>; 2]>> = Vec::new();
    let mut inside: Vec<[[Vec<f64>; 2]; 2]> = Vec::new();
    for _ in &transports {
        let none = || arguments.rates.iter().map(|_| Answers::new()).collect::<Vec<_>>();
        all.push(vec![none(), none()]);
        added.push(arguments.rates.iter().map(|_| Default::default()).collect());
        inside.push(Default::default());
    }
    for round in 1..=arguments.rounds {
        for (place, by) in transports.iter().enumerate() {
            let both = [Program::Nothing, Program::Engine].map(|program| {
                eprint!("\r\x1b[2Kround {round} of {}: {by}", arguments.rounds);
                act((program, *by), arguments, stand, clock)
            });
            for (rate, added) in added[place].iter_mut().enumerate() {
                for (added, quantile) in added.iter_mut().zip([0.5, 0.99]) {
                    let [floor, engine] = both.each_ref().map(|it| it.0[rate].at(quantile));
                    added.push(engine - floor);
                }
            }
            for (program, (found, said)) in both.iter().enumerate() {
                found.iter().zip(&mut all[place][program]).for_each(|(of, all)| all.add(of));
                let inside = &mut inside[place][program];
                inside.iter_mut().zip(said.inside).for_each(|(all, it)| all.push(it as f64));
            }
        }
    }
    eprint!("\r\x1b[2K");
    println!(
        "packet due to order read, ns; {} orders a round, {} rounds; slices with an answer over {} us set aside",
        arguments.orders,
        arguments.rounds,
        TAKEN_NS / 1_000
    );
    println!(
        "{:7} {:>7} {:>24} {:>24} {:>24} {:>26} {:>11} {:>10}",
        "",
        "a sec.",
        "nothing p50, p99, p99.9",
        "engine p50, p99, p99.9",
        "added p50, least..most",
        "added p99, least..most",
        "aside, %",
        "unanswered"
    );
    let aside = |it: &Answers| 100.0 * f64::from(it.set_aside) / f64::from(it.slices.max(1));
    for (place, by) in transports.iter().enumerate() {
        for (at, rate) in arguments.rates.iter().enumerate() {
            let [floor, engine] = [0, 1].map(|program| &all[place][program][at]);
            let three =
                |it: &Answers| [0.5, 0.99, 0.999].map(|at| format!("{:>7.0}", it.at(at))).join(" ");
            let [p50, p99] = added[place][at].clone().map(|figures| {
                let [least, median, most] = spread(figures);
                format!("{median:.0} {:>15}", format!("{least:.0}..{most:.0}"))
            });
            println!(
                "{:7} {rate:>7} {:>24} {:>24} {p50:>24} {p99:>26} {:>11} {:>10}",
                by.name(),
                three(floor),
                three(engine),
                format!("{:.0}, {:.0}", aside(floor), aside(engine)),
                format!("{}, {}", floor.unanswered, engine.unanswered),
            );
        }
        let [floor, engine] = inside[place].clone().map(|both| both.map(|it| spread(it)[1]));
        println!(
            "{:7} inside, from packet read to order written: p50 {:.0} and {:.0}, p99 {:.0} and {:.0}",
            by.name(),
            floor[0],
            engine[0],
            floor[1],
            engine[1]
        );
    }
    println!("aims: 1000 added at p50, 3000 at p99");
    print!("{}", common::machine());
}
