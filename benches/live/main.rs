//! What does the engine add to what its sockets take, from a packet to the order that answers it? And how many packets a second
//! does it take in before any is lost?
//!
//! Both are held against a program that does nothing (`nothing.rs`), on sockets of the same kind, pinned to the same core. The
//! programs take turns, each started anew; the bench sends and reads from a core of its own, and never sleeps.

#[expect(dead_code, reason = "other benches have costs and variants")]
#[path = "../common/mod.rs"]
mod common;
mod far;
mod market;
mod nothing;
mod subject;

use clap::Parser;
use coretick::base::clock::Clock;
use hdrhistogram::Histogram;
use market::{Book, Packets};
use std::process::Command;
use subject::{Cores, Program, Running, Said, Task};

/// What the engine adds to what its sockets take.
#[derive(Parser)]
struct Arguments {
    /// Orders that are drawn from each program in a round
    #[arg(long, default_value_t = 2_000)]
    orders: u32,
    /// How often each program runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How often the rate is raised from its start until packets are lost; 0: not at all
    #[arg(long, default_value_t = 3)]
    climbs: usize,
    /// Packets a second at which that begins
    #[arg(long, default_value_t = 40_000)]
    rate: u32,
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

/// What is compared: the floor first. A way in or out that the engine can be told to take is a row here.
const PROGRAMS: [(&str, Program); 2] =
    [("nothing", Program::Nothing), ("engine", Program::Engine { settings: "" })];
/// Between what is done and what is done next, so that each packet finds everybody waiting.
const PAUSE_NS: u64 = 200_000;
/// A packet that is not answered by then is not waited for.
const UNANSWERED_NS: u64 = 50_000_000;
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

/// From before the packet is sent until the order is read, in ns, and what the program said.
fn act(program: Program, orders: u32, cores: Cores, clock: Clock) -> (Histogram<u64>, Said) {
    let table = format!("symbol\n{}\n", market::SYMBOL);
    let mut running = program.start(Task::Act, &table, cores);
    let Running { far, line, .. } = &mut running;
    let mut book = Book::new();
    assert!(line.send(&book.opening()), "the line takes a packet");
    spin(clock, 100 * PAUSE_NS);
    let mut latency = Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("fixed bounds");
    let mut unanswered = 0;
    // The first ones find cold caches, and are not counted.
    for number in 0..orders + orders / 10 {
        let packet = book.tip();
        let began = clock.ticks();
        line.send(&packet);
        let took = loop {
            let took = clock.nanos(clock.ticks() - began);
            if let Some(order) = far.order() {
                far.answer(&order);
                break Some(took);
            }
            // Whoever was kept from the core until now takes the next packet for what it is not: an order works.
            if took > UNANSWERED_NS {
                break None;
            }
        };
        match took {
            Some(took) if number >= orders / 10 => latency.saturating_record(took),
            Some(_) => {}
            None => unanswered += 1,
        }
        assert!(unanswered < orders / 4, "{unanswered} of {number} packets were not answered");
        spin(clock, PAUSE_NS);
        line.send(&book.restore());
        spin(clock, if took.is_some() { PAUSE_NS } else { UNANSWERED_NS });
        while let Some(late) = far.order() {
            far.answer(&late);
            spin(clock, UNANSWERED_NS);
        }
    }
    let next = book.next();
    let said = running.end(program, next);
    (latency, Said { unanswered, ..said })
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
    program: Program,
    (packets, table): (&Packets, &str),
    (rate, seconds): (u32, f64),
    cores: Cores,
    clock: Clock,
) -> Step {
    let running = program.start(Task::Listen, table, cores);
    let wanted = ((f64::from(rate) * seconds) as usize).min(packets.len());
    let gap = 1e9 / f64::from(rate);
    spin(clock, 100 * PAUSE_NS);
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

fn latencies(arguments: &Arguments, cores: Cores, clock: Clock) {
    // Of each program: median, 99th percentile, both of what it said of itself, and packets that were not answered.
    let mut figures = [const { [const { Vec::new() }; 5] }; PROGRAMS.len()];
    for round in 1..=arguments.rounds {
        for ((name, program), figures) in PROGRAMS.iter().zip(&mut figures) {
            eprint!("\r\x1b[2Kround {round} of {}: {name}", arguments.rounds);
            let (latency, said) = act(*program, arguments.orders, cores, clock);
            let at = |quantile| latency.value_at_quantile(quantile);
            let all = [at(0.5), at(0.99), said.inside[0], said.inside[1], said.unanswered.into()];
            figures.iter_mut().zip(all).for_each(|(kept, figure)| kept.push(figure as f64));
        }
    }
    eprint!("\r\x1b[2K");
    println!("from the packet's send() to the order read, {} orders a round, ns", arguments.orders);
    println!(
        "{:12} {:>9} {:>8} {:>16} {:>9} {:>14} {:>10} {:>11}",
        "", "p50", "x floor", "least..most", "p99", "inside: p50", "p99", "unanswered"
    );
    let floor = spread(figures[0][0].clone())[1];
    for ((name, _), [p50, p99, inside50, inside99, unanswered]) in PROGRAMS.iter().zip(figures) {
        let [least, median, most] = spread(p50);
        let middle = |figures| spread(figures)[1];
        println!(
            "{name:12} {median:>9.0} {:>8.2} {:>16} {:>9.0} {:>14.0} {:>10.0} {:>11}",
            median / floor,
            format!("{least:.0}..{most:.0}"),
            middle(p99),
            middle(inside50),
            middle(inside99),
            unanswered.iter().sum::<f64>(),
        );
    }
}

fn rates(arguments: &Arguments, cores: Cores, clock: Clock) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("day.itch50");
    let mut generate = Command::new(env!("CARGO_BIN_EXE_coretick"));
    generate.arg("generate").arg(&path).args(["--symbols", "500"]);
    generate.args(["--messages", &arguments.messages.to_string()]);
    assert!(generate.output().is_ok_and(|done| done.status.success()), "a day is generated");
    let day = std::fs::read(&path).expect("a day");
    let table = market::table(&day);
    println!("\nthousand packets a second, {} s each", arguments.seconds);
    println!(
        "{:12} {:>14} {:>12} {:>16} {:>14}",
        "", "messages each", "all came at", "least..most", "not all at"
    );
    for each in EACH {
        let packets = Packets::of(market::messages(&day), each);
        let mut climbs = [const { (Vec::new(), Vec::new()) }; PROGRAMS.len()];
        for round in 1..=arguments.climbs {
            for ((name, program), (whole, not)) in PROGRAMS.iter().zip(&mut climbs) {
                let step = |rate| {
                    eprint!("\r\x1b[2Kclimb {round} of {}: {name} at {rate}/s", arguments.climbs);
                    let load = (rate, arguments.seconds);
                    listen(*program, (&packets, &table), load, cores, clock)
                };
                let (best, beyond) = climb(step, arguments.rate);
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
            println!("{name:12} {each:>14} {median:>12.0} {spread:>16} {beyond:>14}");
        }
    }
    println!("not all at -: the bench cannot send as fast as would be too fast");
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.nothing.run() {
        return;
    }
    if arguments.quick || !arguments.bench {
        (arguments.orders, arguments.rounds, arguments.climbs) = (200, 1, 1);
        (arguments.messages, arguments.seconds, arguments.rate) = (200_000, 0.1, 60_000);
    }
    let cores = Cores::of_this_machine();
    print!("{}", common::machine());
    core_affinity::set_for_current(core_affinity::CoreId { id: cores.bench });
    let clock = Clock::calibrated();
    println!("cores     {} for the bench, {} for the program\n", cores.bench, cores.program);
    latencies(&arguments, cores, clock);
    if arguments.climbs > 0 {
        rates(&arguments, cores, clock);
    }
}
