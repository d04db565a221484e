//! What does it cost to take a datagram in, by each transport: from its sender to the reader, and of the reader's time? And an order
//! out, with its answer back (`orders.rs`)?
//!
//! Each is read by one busy thread, with a sender on another core. With root the way is a pair of interfaces between two
//! namespaces (`scripts/lab`), else loopback, where there is no AF_XDP. The floor is `recv` on a bare socket: no time, no
//! count of drops. Variants take turns. A packet's cost is CPU time of the reader, over packets that lie ready; where the
//! kernel copies frames of AF_XDP, that is not in it: another core, or an interrupt, does it. Its way is from before `send` to
//! behind the read, by the TSC.
#![allow(unsafe_code)]

#[expect(dead_code, reason = "other benches compare variants by their CPU time alone")]
#[path = "../common/mod.rs"]
mod common;
#[expect(dead_code, reason = "another bench starts programs there")]
#[path = "../common/lab.rs"]
mod lab;
mod orders;

use clap::Parser;
use common::Cost;
use coretick::base::clock::Clock;
use coretick::base::uring::Sqpoll;
use coretick::ingest::transport::line::{LineSettings, Lines, Transport};
use coretick::telemetry::Latency;
use lab::{Lab, Net};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Barrier};
use std::thread;

/// What taking a datagram in costs by each transport.
#[derive(Parser)]
struct Arguments {
    /// Packets that lie ready, for their cost: 4000 fit every buffer
    #[arg(long, default_value_t = 3_000)]
    ready: u64,
    /// Packets on their way one by one
    #[arg(long, default_value_t = 40_000)]
    packets: u64,
    /// Packets a second, of those
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Bytes of a packet, 8 at least
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// How often each variant runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Orders on their way one by one
    #[arg(long, default_value_t = 10_000)]
    orders: u32,
    /// Orders alone, no datagrams
    #[arg(long)]
    only_orders: bool,
    /// Little of all, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// Bytes of the kernel's buffer: 4,096 frames.
const BUFFER: usize = 16 << 20;
/// Looks without a packet until no more is waited for.
const PATIENCE: u32 = 20_000_000;

/// How the reader reads.
#[derive(Clone, Copy)]
enum Way {
    /// `recv` on a bare socket.
    Floor,
    By(Transport),
    /// io_uring, with a thread of the kernel's on whatever CPU is free.
    Sqpoll,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor: recv",
            Self::By(transport) => transport.name(),
            Self::Sqpoll => "uring sqpoll",
        }
    }
}

enum Reader {
    Floor(UdpSocket, Box<[u8; 1 << 16]>),
    Lines(Box<Lines>),
}

impl Reader {
    fn open(way: Way, at: SocketAddr, net: &Net) -> Self {
        let settings = |transport, sqpoll| LineSettings {
            transport,
            fallback: false,
            lines: [Some(at), None],
            interfaces: [net.reader; 2],
            receive_buffer: BUFFER,
            sqpoll,
        };
        match way {
            Way::Floor => {
                let socket =
                    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)
                        .expect("a socket");
                socket.set_nonblocking(true).expect("a socket");
                socket.set_recv_buffer_size(BUFFER).expect("a buffer");
                let forced = nix::sys::socket::sockopt::RcvBufForce;
                let _ = nix::sys::socket::setsockopt(&socket, forced, &BUFFER);
                socket.bind(&at.into()).expect("the address");
                Self::Floor(socket.into(), Box::new([0; 1 << 16]))
            }
            Way::By(transport) => Self::by(&settings(transport, None)),
            Way::Sqpoll => Self::by(&settings(Transport::Uring, Some(Sqpoll::default()))),
        }
    }

    fn by(settings: &LineSettings) -> Self {
        let (lines, _) = Lines::open(settings).expect("the transport");
        Self::Lines(Box::new(lines))
    }

    /// The sender's stamp in the next datagram.
    #[inline]
    fn next(&mut self) -> Option<u64> {
        let stamp = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        match self {
            Self::Floor(socket, buffer) => {
                socket.recv(&mut buffer[..]).ok().and_then(|length| stamp(&buffer[..length]))
            }
            Self::Lines(lines) => stamp(lines.receive(0)?.bytes),
        }
    }
}

/// What one turn of a variant found.
struct Found {
    /// CPU time of a packet that lay ready, ns.
    cost: f64,
    /// From the sender to the reader, ns: median and 99th percentile.
    p50: u64,
    p99: u64,
    /// Packets that never came.
    lost: u64,
}

fn turn(way: Way, net: &Net, arguments: &Arguments, port: u16) -> Found {
    let &Arguments { ready, packets, rate, size, .. } = arguments;
    let at = SocketAddr::new(net.reader.into(), port);
    let clock = Clock::calibrated();
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let pin = move |core: Option<&core_affinity::CoreId>| {
        core.copied().map(core_affinity::set_for_current)
    };
    let steps = Arc::new(Barrier::new(2));
    let sender = thread::spawn({
        let (net, steps, first) = (net.clone(), steps.clone(), cores.first().copied());
        move || {
            net.enter(0);
            pin(first.as_ref());
            let socket = UdpSocket::bind((net.sender, 0)).expect("a socket");
            let mut packet = vec![0; size.max(8)];
            // The reader listens; then so many lie ready.
            steps.wait();
            socket.connect(at).expect("the reader");
            for _ in 0..ready {
                socket.send(&packet).expect("it leaves");
            }
            steps.wait();
            // They were read; now one by one.
            steps.wait();
            let gap = 1_000_000_000 / rate;
            let start = clock.ticks();
            for number in 0..packets {
                while clock.nanos(clock.ticks() - start) < number * gap {
                    std::hint::spin_loop();
                }
                packet[..8].copy_from_slice(&clock.ticks().to_le_bytes());
                socket.send(&packet).expect("it leaves");
            }
        }
    });
    let reader = thread::spawn({
        let (net, last) = (net.clone(), cores.last().copied());
        move || {
            net.enter(1);
            // Rings and their threads are made unpinned.
            let mut reader = Reader::open(way, at, &net);
            pin(last.as_ref());
            while reader.next().is_some() {}
            steps.wait();
            steps.wait();
            let (began, mut came, mut idle) = (Cost::now(), 0, 0);
            let mut ended = began;
            while came < ready && idle < 1_000 {
                if reader.next().is_some() {
                    (came, idle) = (came + 1, 0);
                    if came == ready {
                        ended = Cost::now();
                    }
                } else {
                    idle += 1;
                    if idle == 1 {
                        ended = Cost::now();
                    }
                }
            }
            let cost = ended.since(began).cpu as f64 / came.max(1) as f64;
            let mut lost = ready - came;
            steps.wait();
            let mut latency = Latency::default();
            let (mut came, mut idle) = (0, 0);
            while came < packets && idle < PATIENCE {
                match reader.next() {
                    Some(sent) => {
                        latency.record(clock.nanos(clock.ticks().saturating_sub(sent)));
                        (came, idle) = (came + 1, 0);
                    }
                    None => idle += 1,
                }
            }
            lost += packets - came;
            let histogram = latency.histogram();
            let at = |quantile| histogram.value_at_quantile(quantile);
            Found { cost, p50: at(0.5), p99: at(0.99), lost }
        }
    });
    let found = reader.join().expect("the reader");
    sender.join().expect("the sender");
    found
}

fn median(mut figures: Vec<f64>) -> (f64, f64, f64) {
    figures.sort_by(f64::total_cmp);
    (figures[figures.len() / 2], figures[0], figures[figures.len() - 1])
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.quick || !arguments.bench {
        (arguments.ready, arguments.packets, arguments.orders, arguments.rounds) =
            (200, 500, 500, 1);
    }
    print!("{}", common::machine());
    if !arguments.only_orders {
        datagrams(&arguments);
    }
    orders::run(arguments.orders, arguments.rounds);
}

fn datagrams(arguments: &Arguments) {
    let lab = Lab::up();
    let net = Net::of(lab.as_ref());
    let mut ways = vec![Way::Floor, Way::By(Transport::Socket), Way::By(Transport::Uring)];
    ways.extend(net.has_interfaces().then_some(Way::By(Transport::Xdp)));
    // Sender and reader spin: a third CPU is for the kernel's thread, or it has turns of milliseconds.
    let cpus = core_affinity::get_core_ids().map_or(1, |cpus| cpus.len());
    if cpus > 2 {
        ways.push(Way::Sqpoll);
    } else {
        println!("SKIPPED: uring sqpoll: it takes three CPUs, and here are {cpus}");
    }
    let mut found: Vec<Vec<Found>> = ways.iter().map(|_| Vec::new()).collect();
    for round in 0..arguments.rounds {
        for (place, way) in ways.iter().enumerate() {
            let port = 27_000 + (round % 100 * ways.len() + place) as u16;
            found[place].push(turn(*way, &net, arguments, port));
        }
    }
    println!(
        "way       {}; {} packets of {} bytes that lie ready, {} at {} a second; {} rounds\n",
        net.name,
        arguments.ready,
        arguments.size,
        arguments.packets,
        arguments.rate,
        arguments.rounds
    );
    println!(
        "{:12} {:>9} {:>8} {:>18} {:>9} {:>8} {:>9} {:>6}",
        "", "ns a", "x socket", "least..most", "way p50", "x socket", "way p99", "lost"
    );
    let of =
        |found: &[Found], figure: fn(&Found) -> f64| median(found.iter().map(figure).collect());
    let socket = &found[1];
    let (cost_of_socket, p50_of_socket) =
        (of(socket, |it| it.cost).0, of(socket, |it| it.p50 as f64).0);
    for (way, found) in ways.iter().zip(&found) {
        let (cost, least, most) = of(found, |it| it.cost);
        let (p50, p99) = (of(found, |it| it.p50 as f64).0, of(found, |it| it.p99 as f64).0);
        let lost: u64 = found.iter().map(|it| it.lost).sum();
        println!(
            "{:12} {cost:>9.0} {:>8.2} {:>18} {p50:>9.0} {:>8.2} {p99:>9.0} {lost:>6}",
            way.name(),
            cost / cost_of_socket,
            format!("{least:.0}..{most:.0}"),
            p50 / p50_of_socket
        );
    }
    println!(
        "\naims: xdp at most 0.65 of the socket's median way and 0.1 of its cost; uring at most 1.25 of the socket's median way"
    );
}
