//! What does a ring between two cores cost, beside the least that anything between two cores can cost?
//!
//! **Hop**: a message goes to the other core and comes back; half of that is a hop. The floor is two cache lines that the
//! same two cores hand to and fro, with nothing in them but a number: what the processor takes, whoever asks.
//! **Batch**: one core sends as fast as the other takes.
//!
//! The engine's ring comes twice: bare, each message shown at once; and promising, as stages use it: with each message goes the
//! word that nothing before the next will come, which is a record of its own in the ring.
//!
//! All threads spin. On a machine that is shared, neighbours take the cores away for milliseconds: medians are to be
//! believed, and the ratio to the floor; `chrt -f 50 cargo bench --bench ring` keeps most of them away.
#![allow(unsafe_code)]

#[expect(dead_code, reason = "other benches count CPU time")]
#[path = "common/mod.rs"]
mod common;

use clap::Parser;
use coretick::base::clock::Clock;
use coretick::base::message::{Key, Kind, Market};
use coretick::base::ring::{Consumer, Producer, ring};
use coretick::base::stage::{Outlet, Sink};
use coretick::base::unit::{Nanos, Qty};
use coretick::telemetry::Latency;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;

/// What a ring between two cores costs, beside the floor and other channels.
#[derive(Parser)]
struct Arguments {
    /// Round trips of a variant in a round
    #[arg(long, default_value_t = 200_000)]
    hops: u64,
    /// Messages of a variant in a round
    #[arg(long, default_value_t = 4_000_000)]
    messages: u64,
    /// How often each variant runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The two CPUs; the first and the last that this process may use, if not given
    #[arg(long, num_args = 2)]
    cpus: Option<Vec<usize>>,
    /// Little of all, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// Messages in flight at most.
const DEPTH: usize = 1_024;
/// Messages that are made visible at once.
const BATCH: usize = 16;
/// Trips whose mean is one figure: the clock's steps are too coarse for one.
const TOGETHER: u64 = 16;

/// One way to the other core: both ends are asked again and again, and never wait.
trait Way {
    type Tx: Send + 'static;
    type Rx: Send + 'static;
    fn open(batch: usize) -> (Self::Tx, Self::Rx);
    /// Whether it was taken.
    fn send(tx: &mut Self::Tx, message: &Market) -> bool;
    /// Makes what was sent visible.
    fn flush(tx: &mut Self::Tx);
    fn receive(rx: &mut Self::Rx) -> Option<u64>;
}

/// The engine's ring, used as its stages do: how much room there is is asked when what was told is used up.
struct Ours<const PROMISING: bool>;

impl<const PROMISING: bool> Way for Ours<PROMISING> {
    type Tx = (Producer<Market>, usize);
    type Rx = Consumer<Market>;

    fn open(batch: usize) -> (Self::Tx, Self::Rx) {
        let (tx, rx) = ring(DEPTH, 0, if PROMISING { BATCH } else { batch });
        ((tx, 0), rx)
    }

    fn send((tx, room): &mut Self::Tx, message: &Market) -> bool {
        if *room == 0 {
            *room = tx.room();
        }
        if *room == 0 {
            return false;
        }
        *room -= 1;
        tx.put(message);
        if PROMISING {
            tx.until(Key::least_report(Nanos(message.head.time.0 + 1)));
        }
        true
    }

    fn flush((tx, _): &mut Self::Tx) {
        tx.flush();
    }

    fn receive(rx: &mut Self::Rx) -> Option<u64> {
        let found = rx.peek().map(|message| message.reference);
        if found.is_some() {
            rx.take();
        }
        found
    }
}

/// The library's ring under it.
struct Rtrb;

impl Way for Rtrb {
    type Tx = rtrb::Producer<Market>;
    type Rx = rtrb::Consumer<Market>;

    fn open(_batch: usize) -> (Self::Tx, Self::Rx) {
        rtrb::RingBuffer::new(DEPTH)
    }

    fn send(tx: &mut Self::Tx, message: &Market) -> bool {
        tx.push(*message).is_ok()
    }

    fn flush(_tx: &mut Self::Tx) {}

    fn receive(rx: &mut Self::Rx) -> Option<u64> {
        rx.pop().ok().map(|message| message.reference)
    }
}

struct Crossbeam;

impl Way for Crossbeam {
    type Tx = crossbeam_channel::Sender<Market>;
    type Rx = crossbeam_channel::Receiver<Market>;

    fn open(_batch: usize) -> (Self::Tx, Self::Rx) {
        crossbeam_channel::bounded(DEPTH)
    }

    fn send(tx: &mut Self::Tx, message: &Market) -> bool {
        tx.try_send(*message).is_ok()
    }

    fn flush(_tx: &mut Self::Tx) {}

    fn receive(rx: &mut Self::Rx) -> Option<u64> {
        rx.try_recv().ok().map(|message| message.reference)
    }
}

/// The standard library's channel.
struct Std;

impl Way for Std {
    type Tx = SyncSender<Market>;
    type Rx = Receiver<Market>;

    fn open(_batch: usize) -> (Self::Tx, Self::Rx) {
        sync_channel(DEPTH)
    }

    fn send(tx: &mut Self::Tx, message: &Market) -> bool {
        !matches!(tx.try_send(*message), Err(TrySendError::Full(_)))
    }

    fn flush(_tx: &mut Self::Tx) {}

    fn receive(rx: &mut Self::Rx) -> Option<u64> {
        match rx.try_recv() {
            Ok(message) => Some(message.reference),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}

fn message(number: u64) -> Market {
    let mut message = Market { reference: number, qty: Qty(100), ..Market::default() };
    message.head.kind = Kind::ADD;
    message.head.time = Nanos(number);
    message
}

fn pin(cpu: usize) {
    let pinned = core_affinity::set_for_current(core_affinity::CoreId { id: cpu });
    assert!(pinned, "CPU {cpu} cannot be had: choose others with --cpus");
}

/// Runs `here` and `there` on the two CPUs at once; gives what `here` gives.
fn both<T: Send + 'static>(
    cpus: [usize; 2],
    here: impl FnOnce() -> T + Send + 'static,
    there: impl FnOnce() + Send + 'static,
) -> T {
    let start = Arc::new(Barrier::new(2));
    let (one, other) = (start.clone(), start);
    let there = thread::spawn(move || {
        pin(cpus[1]);
        other.wait();
        there();
    });
    let here = thread::spawn(move || {
        pin(cpus[0]);
        one.wait();
        here()
    });
    let given = here.join().expect("the first thread ends");
    there.join().expect("the second thread ends");
    given
}

/// Hops: each, and the median of the means of some.
struct Hops {
    each: Latency,
    median: f64,
}

/// Times `hops` round trips; each is half as long for a single hop.
fn time(clock: Clock, hops: u64, mut trip: impl FnMut(u64)) -> Hops {
    let (mut each, mut means) = (Latency::default(), Vec::new());
    let mut since = clock.ticks();
    for number in 1..=hops + hops / 10 {
        let began = clock.ticks();
        trip(number);
        let ended = clock.ticks();
        // The first ones find cold caches, and are not counted.
        if number > hops / 10 {
            each.record(clock.nanos(ended - began) / 2);
            if number % TOGETHER == 0 {
                means.push(clock.nanos(ended - since) as f64 / (2 * TOGETHER) as f64);
            }
        }
        if number % TOGETHER == 0 {
            since = clock.ticks();
        }
    }
    Hops { each, median: spread(&mut means)[0] }
}

fn hop<W: Way>(cpus: [usize; 2], hops: u64, clock: Clock) -> Hops {
    let ((mut out, mut there), (mut back, mut here)) = (W::open(1), W::open(1));
    let last = hops + hops / 10;
    let echo = move || {
        loop {
            let Some(number) = W::receive(&mut there) else { continue };
            while !W::send(&mut back, &message(number)) {}
            W::flush(&mut back);
            if number == last {
                return;
            }
        }
    };
    let ask = move || {
        time(clock, hops, |number| {
            while !W::send(&mut out, &message(number)) {}
            W::flush(&mut out);
            while W::receive(&mut here) != Some(number) {}
        })
    };
    both(cpus, ask, echo)
}

/// A number on a pair of cache lines of its own: processors fetch them in pairs.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

fn floor(cpus: [usize; 2], hops: u64, clock: Clock) -> Hops {
    let lines: Arc<[Line; 2]> = Arc::default();
    let (ours, theirs) = (lines.clone(), lines);
    let last = hops + hops / 10;
    let echo = move || {
        for number in 1..=last {
            // Pairs with the Release of the other side.
            while theirs[0].0.load(Ordering::Acquire) != number {}
            theirs[1].0.store(number, Ordering::Release);
        }
    };
    let ask = move || {
        time(clock, hops, |number| {
            ours[0].0.store(number, Ordering::Release);
            while ours[1].0.load(Ordering::Acquire) != number {}
        })
    };
    both(cpus, ask, echo)
}

/// Nanoseconds that a message takes when they are sent as fast as they are taken.
fn batch<W: Way>(cpus: [usize; 2], messages: u64, clock: Clock) -> f64 {
    let (mut tx, mut rx) = W::open(BATCH);
    let send = move || {
        for number in 1..=messages {
            let message = message(number);
            while !W::send(&mut tx, &message) {
                W::flush(&mut tx);
                spin_loop();
            }
        }
        W::flush(&mut tx);
        // A ring that is dropped is none for the reader: it stays until all was taken.
        tx
    };
    let began = clock.ticks();
    let take = move || {
        let mut expected = 1;
        while expected <= messages {
            if let Some(number) = W::receive(&mut rx) {
                assert_eq!(black_box(number), expected, "none is lost, doubled or out of place");
                expected += 1;
            }
        }
    };
    let left = both(cpus, send, take);
    drop(left);
    clock.nanos(clock.ticks() - began) as f64 / messages as f64
}

/// The middle of some figures, with their ends.
fn spread(figures: &mut [f64]) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[figures.len() / 2], figures[0], figures[figures.len() - 1]]
}

type Hop = fn([usize; 2], u64, Clock) -> Hops;
type Batch = fn([usize; 2], u64, Clock) -> f64;

const HOPS: [(&str, Hop); 6] = [
    ("floor: two cache lines", floor),
    ("the engine's ring", hop::<Ours<false>>),
    ("the same, promising", hop::<Ours<true>>),
    ("rtrb alone", hop::<Rtrb>),
    ("crossbeam, bounded", hop::<Crossbeam>),
    ("std, sync_channel", hop::<Std>),
];
const BATCHES: [(&str, Batch); 5] = [
    ("the engine's ring", batch::<Ours<false>>),
    ("the same, promising", batch::<Ours<true>>),
    ("rtrb alone", batch::<Rtrb>),
    ("crossbeam, bounded", batch::<Crossbeam>),
    ("std, sync_channel", batch::<Std>),
];

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.quick || !arguments.bench {
        (arguments.hops, arguments.messages, arguments.rounds) = (2_000, 20_000, 1);
    }
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let ends = || [cores.first(), cores.last()].map(|core| core.map_or(0, |core| core.id));
    let cpus = arguments.cpus.as_ref().map_or_else(ends, |cpus| [cpus[0], cpus[1]]);
    if cpus[0] == cpus[1] {
        println!("one CPU: there is no other core to hop to");
        return;
    }
    let clock = Clock::calibrated();
    let rounds = arguments.rounds.max(1);
    let mut hops = HOPS.map(|_| (Latency::default(), Vec::new()));
    let mut batches = BATCHES.map(|_| Vec::new());
    for round in 1..=rounds {
        eprint!("\r\x1b[2Kround {round} of {rounds}");
        for ((_, run), (all, medians)) in HOPS.iter().zip(&mut hops) {
            let seen = run(cpus, arguments.hops, clock);
            medians.push(seen.median);
            all.add(&seen.each);
        }
        for ((_, run), each) in BATCHES.iter().zip(&mut batches) {
            each.push(run(cpus, arguments.messages, clock));
        }
    }
    eprint!("\r\x1b[2K");
    print!("{}", common::machine());
    println!(
        "\nCPU {} to CPU {}, {} bytes a message, {rounds} rounds in turns",
        cpus[0],
        cpus[1],
        size_of::<Market>()
    );
    println!(
        "\nhop, ns                    p50  x floor    least..most      p99    p99.9        max"
    );
    let floor = spread(&mut hops[0].1)[0].max(1.0);
    for ((name, _), (all, medians)) in HOPS.iter().zip(&mut hops) {
        let [median, least, most] = spread(medians);
        let [p99, p999] = [0.99, 0.999].map(|at| all.histogram().value_at_quantile(at));
        let (ratio, range) = (median / floor, format!("{least:.1}..{most:.1}"));
        println!(
            "{name:24} {median:>5.1} {ratio:>8.2} {range:>14} {p99:>8} {p999:>8} {:>10}",
            all.histogram().max()
        );
    }
    println!("\none way, {DEPTH} deep      ns each    least..most     M/s");
    for ((name, _), each) in BATCHES.iter().zip(&mut batches) {
        let [median, least, most] = spread(each);
        let range = format!("{least:.1}..{most:.1}");
        println!("{name:24} {median:>8.1} {range:>14} {:>7.1}", 1_000.0 / median);
    }
}
