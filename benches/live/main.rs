//! What does the engine add to what its sockets take, from a packet to the order that answers it? And how many packets a second
//! does it take in before any is lost?
//!
//! Both are held against a program that does nothing (`nothing.rs`), by the same transport, pinned to the same core. The
//! programs take turns, each started anew; the bench sends and reads from a core of its own, and spins while it measures. With
//! root the way is a pair of interfaces between two namespaces (`scripts/lab`), else loopback, where there is no AF_XDP.
#![allow(unsafe_code)]

mod act;
#[expect(dead_code, reason = "other benches have costs and variants")]
#[path = "../common/mod.rs"]
mod common;
mod far;
#[path = "../common/lab.rs"]
mod lab;
mod market;
mod nothing;
mod subject;

use clap::Parser;
use coretick::base::clock::Clock;
use coretick::ingest::transport::line::Transport;
use lab::{Lab, Net};
use market::Packets;
use std::process::Command;
use subject::{Cores, Program, Stand, Task};

/// What the engine adds to what its sockets take.
#[derive(Parser)]
struct Arguments {
    /// Orders that are drawn from each program at each rate in a round
    #[arg(long, default_value_t = 2_000)]
    orders: u32,
    /// Packets a second that are answered with an order; as many again undo what they brought
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 5_000, 20_000])]
    rates: Vec<u32>,
    /// By which transport the engine's orders go: "socket" or "uring"
    #[arg(long, default_value = "socket")]
    orders_by: String,
    /// How often each program runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How often the rate is raised from its start until packets are lost; 0: not at all
    #[arg(long, default_value_t = 3)]
    climbs: usize,
    /// Packets a second at which that begins
    #[arg(long, default_value_t = 40_000)]
    from: u32,
    /// Seconds at each rate
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Messages that are published at most
    #[arg(long, default_value_t = 2_000_000)]
    messages: u32,
    /// Little of all, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
    #[command(flatten)]
    nothing: nothing::Arguments,
}

/// What is compared: the floor first.
const PROGRAMS: [(&str, Program); 2] = [("nothing", Program::Nothing), ("engine", Program::Engine)];
/// The engine needs so long until it listens, and between what ends a run.
const PAUSE_NS: u64 = 20_000_000;
/// A rate is raised by a half.
const RAISE: [u32; 2] = [3, 2];
/// Nobody asks for more.
const RATE_MAX: u32 = 4_000_000;
/// Messages a packet: alone, and as many as a packet of a busy day has.
const EACH: [u16; 2] = [1, 20];

fn spin(clock: Clock, nanos: u64) {
    let began = clock.ticks();
    while clock.nanos(clock.ticks() - began) < nanos {
        std::hint::spin_loop();
    }
}

/// What became of packets that were sent at a rate.
struct Step {
    /// Packets a second that really left.
    rate: f64,
    /// Whether that is as many as were asked for.
    as_asked: bool,
    /// Whether all were read.
    whole: bool,
}

fn listen(
    (program, by): (Program, Transport),
    (packets, table): (&Packets, &str),
    (rate, seconds): (u32, f64),
    stand: &Stand,
    clock: Clock,
) -> Step {
    let running = program.start(by, Task::Listen, table, stand);
    let wanted = ((f64::from(rate) * seconds) as usize).min(packets.len());
    let gap = 1e9 / f64::from(rate);
    spin(clock, PAUSE_NS);
    let began = clock.ticks();
    for index in 0..wanted {
        while (clock.nanos(clock.ticks() - began) as f64) < index as f64 * gap {
            std::hint::spin_loop();
        }
        // What the system does not take is lost as well.
        running.line.send(packets.get(index));
    }
    let took = clock.nanos(clock.ticks() - began) as f64 / 1e9;
    let last = packets.get(wanted - 1);
    let next = market::sequence(last) + u64::from(market::count(last));
    // What waits in the buffer is read, and what is missing at the end is missed.
    for _ in 0..50 {
        spin(clock, 10_000_000);
        running.line.send(&market::nothing_new(next));
    }
    let said = running.end(program, next);
    act::settle(by);
    let reached = wanted as f64 / took;
    let whole = said.messages == next - 1 && said.lost == 0 && said.drops == 0;
    Step { rate: reached, as_asked: reached > 0.97 * f64::from(rate), whole }
}

/// The highest rate at which all came, the lowest at which not; none, if the sender cannot send so fast.
fn climb(mut step: impl FnMut(u32) -> Step, from: u32) -> (f64, Option<f64>) {
    let (mut rate, mut best) = (from, 0.0);
    while rate < RATE_MAX {
        let Step { rate: reached, as_asked, whole } = step(rate);
        if !whole {
            return (best, Some(reached));
        }
        best = reached;
        if !as_asked {
            break;
        }
        rate = rate / RAISE[1] * RAISE[0];
    }
    (best, None)
}

/// Least, median, most.
fn spread(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    let count = figures.len();
    assert!(count > 0, "a program ran");
    [figures[0], (figures[(count - 1) / 2] + figures[count / 2]) / 2.0, figures[count - 1]]
}

fn rates(arguments: &Arguments, stand: &Stand, clock: Clock) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("day.itch50");
    let mut generate = Command::new(env!("CARGO_BIN_EXE_coretick"));
    generate.arg("generate").arg(&path).args(["--symbols", "500"]);
    generate.args(["--messages", &arguments.messages.to_string()]);
    assert!(generate.output().is_ok_and(|done| done.status.success()), "a day is generated");
    let day = std::fs::read(&path).expect("a day");
    let table = market::table(&day);
    println!("\nthousand packets a second until some are lost, {} s each", arguments.seconds);
    println!(
        "{:8} {:12} {:>14} {:>12} {:>16} {:>14}",
        "", "", "messages each", "all came at", "least..most", "not all at"
    );
    for by in stand.transports() {
        for each in EACH {
            let packets = Packets::of(market::messages(&day), each);
            climbs(arguments, (by, each), (&packets, &table), stand, clock);
        }
    }
    println!("not all at -: the bench cannot send as fast as would be too fast");
}

/// The climbs of both programs by one transport, in turns.
fn climbs(
    arguments: &Arguments,
    (by, each): (Transport, u16),
    market: (&Packets, &str),
    stand: &Stand,
    clock: Clock,
) {
    let mut climbs = [const { (Vec::new(), Vec::new()) }; PROGRAMS.len()];
    for round in 1..=arguments.climbs {
        for ((name, program), (whole, not)) in PROGRAMS.iter().zip(&mut climbs) {
            let step = |rate| {
                let of = arguments.climbs;
                eprint!("\r\x1b[2Kclimb {round} of {of}: {name} by {by} at {rate}/s");
                listen((*program, by), market, (rate, arguments.seconds), stand, clock)
            };
            let (best, beyond) = climb(step, arguments.from);
            whole.push(best);
            not.extend(beyond);
        }
    }
    eprint!("\r\x1b[2K");
    for ((name, _), (whole, not)) in PROGRAMS.iter().zip(climbs) {
        let [least, median, most] = spread(whole).map(|rate| rate / 1e3);
        let beyond = match not.is_empty() {
            true => "-".into(),
            false => format!("{:.0}", spread(not)[1] / 1e3),
        };
        let spread = format!("{least:.0}..{most:.0}");
        let by = by.name();
        println!("{by:8} {name:12} {each:>14} {median:>12.0} {spread:>16} {beyond:>14}");
    }
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.nothing.run() {
        return;
    }
    if arguments.quick || !arguments.bench {
        (arguments.orders, arguments.rounds, arguments.climbs) = (100, 1, 1);
        arguments.rates = vec![1_000];
        (arguments.messages, arguments.seconds, arguments.from) = (200_000, 0.1, 60_000);
    }
    let cores = Cores::of_this_machine();
    let lab = Lab::up();
    let net = Net::of(lab.as_ref());
    print!("{}", common::machine());
    // A thread of its own goes there: what is there when the lab is removed is ended with it.
    let bench = std::thread::spawn(move || {
        net.enter(0);
        core_affinity::set_for_current(core_affinity::CoreId { id: cores.bench });
        let orders_by = arguments.orders_by.clone();
        measure(&arguments, &Stand { cores, net, orders_by });
    });
    assert!(bench.join().is_ok(), "the bench ended early");
}

fn measure(arguments: &Arguments, stand: &Stand) {
    let clock = Clock::calibrated();
    let Cores { bench, program } = stand.cores;
    println!("way       {}; the engine's orders by {}", stand.net.name, stand.orders_by);
    println!("cores     {bench} for the bench, {program} for the program\n");
    act::latencies(arguments, stand, clock);
    if arguments.climbs > 0 {
        rates(arguments, stand, clock);
    }
}
