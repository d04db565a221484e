//! From which number of sockets on does io_uring beat asking each socket in turn?
//!
//! One thread reads so many sockets, each at a port of its own, while another core sends to them in turns; `scripts/lab`'s
//! interfaces with root, else loopback. Three ways: `recv` on each socket, again and again; io_uring as the engine has it, a
//! ring a socket, which costs no call where nothing has come; and one ring with a request (multishot, out of one group of
//! buffers) for each socket. For each: CPU time of a packet when packets lie ready, spread over all sockets; the way of a packet
//! in an open loop, from when it was due; and packets a second, in bursts of some to each socket, until one is lost.
//!
//! Ways take turns. All threads spin: `chrt -f 50 cargo bench --bench sockets`.
#![allow(unsafe_code)]

#[expect(dead_code, reason = "other benches compare variants by their CPU time alone")]
#[path = "../common/mod.rs"]
mod common;
#[expect(dead_code, reason = "another bench starts programs there")]
#[path = "../common/lab.rs"]
mod lab;
mod ring;

use clap::Parser;
use common::Cost;
use coretick::base::clock::Clock;
use coretick::base::unit::Nanos;
use coretick::base::uring::Poller;
use coretick::ingest::transport::line::Line;
use coretick::ingest::transport::uring::UringLine;
use coretick::telemetry::Latency;
use lab::{Lab, Net};
use ring::Ring;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

/// From which number of sockets on io_uring beats `recv`.
#[derive(Parser)]
struct Arguments {
    /// Sockets
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 64])]
    sockets: Vec<usize>,
    /// Packets that lie ready, for their cost
    #[arg(long, default_value_t = 2_048)]
    ready: usize,
    /// Packets on their way one by one
    #[arg(long, default_value_t = 5_000)]
    packets: usize,
    /// Packets a second, of those
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Packets a second from which the rate is raised by a fifth until one is lost
    #[arg(long, default_value_t = 150_000)]
    from: u64,
    /// Seconds at each of those
    #[arg(long, default_value_t = 0.05)]
    seconds: f64,
    /// How often each way runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Little of all, once: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

/// Bytes of a packet.
const SIZE: usize = 64;
/// Packets that one call sends to a socket while the rate is raised: a core cannot send fast enough one by one.
const BURST: usize = 8;
/// Bytes of a socket's buffer: some 1,000 packets.
const BUFFER: usize = 1 << 20;
/// Nobody asks for more.
const RATE_MAX: u64 = 4_000_000;
/// Passes over all sockets without a packet, until no more is waited for.
const PATIENCE: u32 = 2_000;
/// What is late by more than this was lost.
const GRACE_NS: u64 = 100_000_000;
/// A rate at which packets were lost so often is too fast: once may be the machine, which takes a core away.
const TRIES: u32 = 3;

/// How all sockets are read.
#[derive(Clone, Copy, Debug)]
enum Way {
    Recv,
    Rings,
    OneRing,
}

const WAYS: [(&str, Way); 3] =
    [("recv", Way::Recv), ("a ring each", Way::Rings), ("one ring", Way::OneRing)];

/// So many sockets, read by one thread.
enum Reader {
    Recv(Vec<UdpSocket>, [u8; 2 * SIZE]),
    Rings(Vec<UringLine>),
    OneRing(Box<Ring>),
}

impl Reader {
    fn open(way: Way, at: &[SocketAddr], net: &Net) -> Self {
        let bare = |waits: bool| {
            at.iter().map(move |at| {
                let socket = UdpSocket::bind(at).expect("the address");
                socket.set_nonblocking(!waits).expect("a socket");
                let forced = nix::sys::socket::sockopt::RcvBufForce;
                let _ = nix::sys::socket::setsockopt(&socket, forced, &BUFFER);
                socket
            })
        };
        match way {
            Way::Recv => Self::Recv(bare(false).collect(), [0; 2 * SIZE]),
            Way::OneRing => Self::OneRing(Box::new(Ring::new(bare(true).collect()))),
            Way::Rings => {
                let open = |at: &SocketAddr| {
                    UringLine::open(*at, net.reader, BUFFER, Poller::Asker).expect("a ring")
                };
                Self::Rings(at.iter().map(open).collect())
            }
        }
    }

    /// Once over all sockets, a packet of each; of one ring, what has come. Gives the stamps to `seen`; how many.
    #[inline]
    fn pass(&mut self, mut seen: impl FnMut(u64)) -> usize {
        let stamp = |bytes: &[u8]| bytes.first_chunk().map_or(0, |it| u64::from_le_bytes(*it));
        match self {
            Self::Recv(sockets, buffer) => {
                let mut count = 0;
                for socket in sockets {
                    if socket.recv(buffer).is_ok() {
                        seen(stamp(buffer));
                        count += 1;
                    }
                }
                count
            }
            Self::Rings(lines) => {
                let mut count = 0;
                for line in lines {
                    if let Some(received) = line.receive() {
                        seen(stamp(received.bytes));
                        count += 1;
                    }
                }
                count
            }
            Self::OneRing(ring) => ring.turn(|bytes| seen(stamp(bytes))),
        }
    }

    /// Passes until so many have come, or none comes any more; CPU time of it, ns, and how many came.
    fn take(&mut self, wanted: usize, patience: u32, mut seen: impl FnMut(u64)) -> (u64, usize) {
        let began = Cost::now();
        let (mut came, mut idle, mut ended) = (0, 0, began);
        while came < wanted && idle < patience {
            match self.pass(&mut seen) {
                0 => {
                    idle += 1;
                    if idle == 1 {
                        ended = Cost::now();
                    }
                }
                count => (came, idle) = (came + count, 0),
            }
        }
        if idle == 0 {
            ended = Cost::now();
        }
        (ended.since(began).cpu, came)
    }
}

/// What a turn of a way found.
struct Found {
    cost: f64,
    p50: f64,
    p99: f64,
    /// Packets a second of which all came.
    most: f64,
    /// Whether more were lost; else the bench could send no faster.
    bound: bool,
}

struct Bench<'a> {
    arguments: &'a Arguments,
    net: &'a Net,
    clock: Clock,
}

impl Bench<'_> {
    fn spin_until(&self, ticks: u64) {
        while self.clock.ticks() < ticks {
            std::hint::spin_loop();
        }
    }

    /// The sender: what lies ready; one by one; then faster and faster, until it is told to stop.
    fn send(&self, at: &[SocketAddr], steps: &Barrier, lost: &AtomicBool) -> (f64, bool) {
        let Self { arguments, net, clock } = self;
        let open = |at: &SocketAddr| {
            let socket = UdpSocket::bind((net.sender, 0)).expect("a socket");
            socket.connect(at).expect("the reader");
            socket
        };
        let sockets: Vec<UdpSocket> = at.iter().map(open).collect();
        let mut packet = [0; SIZE];
        steps.wait();
        for number in 0..arguments.ready {
            sockets[number % at.len()].send(&packet).expect("it leaves");
        }
        steps.wait();
        steps.wait();
        let gap = clock.ticks_in(Nanos(1_000_000_000 / arguments.rate));
        let start = clock.ticks() + gap;
        for number in 0..arguments.packets {
            let due = start + number as u64 * gap;
            self.spin_until(due);
            packet[..8].copy_from_slice(&due.to_le_bytes());
            sockets[number % at.len()].send(&packet).expect("it leaves");
        }
        steps.wait();
        // Bursts: the kernel cuts what is sent at once into packets, behind the call.
        for socket in &sockets {
            let size = SIZE as libc::c_int;
            let length = size_of::<libc::c_int>() as libc::socklen_t;
            let (level, option) = (libc::SOL_UDP, libc::UDP_SEGMENT);
            // SAFETY: the option is an int, whose place and length are passed.
            let set = unsafe {
                libc::setsockopt(
                    socket.as_raw_fd(),
                    level,
                    option,
                    (&raw const size).cast(),
                    length,
                )
            };
            assert_eq!(set, 0, "the kernel can cut packets (Linux 4.18)");
        }
        let burst = [0; SIZE * BURST];
        let (mut rate, mut best, mut failed) = (arguments.from, 0.0, 0);
        loop {
            let bursts = (rate as f64 * arguments.seconds) as usize / BURST;
            let gap = clock.ticks_in(Nanos(1_000_000_000 * BURST as u64 / rate));
            steps.wait();
            let start = clock.ticks();
            for number in 0..bursts {
                self.spin_until(start + number as u64 * gap);
                sockets[number % at.len()].send(&burst).expect("it leaves");
            }
            let took = clock.nanos(clock.ticks() - start) as f64 / 1e9;
            let reached = (bursts * BURST) as f64 / took;
            // The reader has counted.
            steps.wait();
            if lost.load(Ordering::Relaxed) {
                failed += 1;
                if failed == TRIES {
                    return (best, true);
                }
                continue;
            }
            (best, failed) = (reached, 0);
            let slow = reached < 0.95 * rate as f64 || rate > RATE_MAX;
            lost.store(slow, Ordering::Relaxed);
            steps.wait();
            if slow {
                return (best, false);
            }
            rate += rate / 5;
        }
    }

    /// Takes so many, which are sent within `nanos`; how many came.
    fn take(
        &self,
        reader: &mut Reader,
        wanted: usize,
        nanos: u64,
        mut seen: impl FnMut(u64),
    ) -> usize {
        let began = self.clock.ticks();
        let most = self.clock.ticks_in(Nanos(2 * nanos + GRACE_NS));
        let mut came = 0;
        while came < wanted && self.clock.ticks() - began < most {
            came += reader.take(wanted - came, PATIENCE, &mut seen).1;
        }
        came
    }

    fn read(&self, way: Way, at: &[SocketAddr], steps: &Barrier, lost: &AtomicBool) -> [f64; 3] {
        let Self { arguments, net, clock } = self;
        let mut reader = Reader::open(way, at, net);
        reader.take(1, 1_000, |_| ());
        steps.wait();
        steps.wait();
        let (cost, came) = reader.take(arguments.ready, 1_000, |_| ());
        assert!(came * 10 > arguments.ready * 9, "{came} of {} came", arguments.ready);
        let cost = cost as f64 / came as f64;
        steps.wait();
        let mut latency = Latency::default();
        let nanos = arguments.packets as u64 * 1_000_000_000 / arguments.rate;
        self.take(&mut reader, arguments.packets, nanos, |due| {
            latency.record(clock.nanos(clock.ticks().saturating_sub(due)));
        });
        steps.wait();
        let (mut rate, mut failed) = (arguments.from, 0);
        loop {
            let wanted = (rate as f64 * arguments.seconds) as usize / BURST * BURST;
            steps.wait();
            let came = self.take(&mut reader, wanted, (arguments.seconds * 1e9) as u64, |_| ());
            lost.store(came < wanted, Ordering::Relaxed);
            steps.wait();
            if came < wanted {
                failed += 1;
                if failed == TRIES {
                    break;
                }
                continue;
            }
            failed = 0;
            steps.wait();
            if lost.load(Ordering::Relaxed) {
                break;
            }
            rate += rate / 5;
        }
        let histogram = latency.histogram();
        [cost, histogram.value_at_quantile(0.5) as f64, histogram.value_at_quantile(0.99) as f64]
    }

    fn turn(&self, way: Way, count: usize, port: u16) -> Found {
        let at: Vec<SocketAddr> =
            (0..count as u16).map(|of| (self.net.reader, port + of).into()).collect();
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let pin = |core: Option<&core_affinity::CoreId>| {
            core.copied().map(core_affinity::set_for_current)
        };
        let (steps, lost) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                self.net.enter(0);
                pin(cores.first());
                self.send(&at, &steps, &lost)
            });
            let reader = scope.spawn(|| {
                self.net.enter(1);
                pin(cores.last());
                self.read(way, &at, &steps, &lost)
            });
            let [cost, p50, p99] = reader.join().expect("the reader");
            let (most, bound) = sender.join().expect("the sender");
            Found { cost, p50, p99, most, bound }
        })
    }
}

/// Median, least, most.
fn spread(figures: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    [figures[figures.len() / 2], figures[0], figures[figures.len() - 1]]
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.quick || !arguments.bench {
        (arguments.sockets, arguments.packets, arguments.rounds) = (vec![1, 4], 500, 1);
        (arguments.ready, arguments.from, arguments.seconds) = (200, RATE_MAX, 0.002);
    }
    let lab = Lab::up();
    let net = Net::of(lab.as_ref());
    let bench = Bench { arguments: &arguments, net: &net, clock: Clock::calibrated() };
    print!("{}", common::machine());
    println!(
        "way       {}; {} packets of {SIZE} bytes that lie ready, {} at {} a second; bursts of {BURST}; {} rounds\n",
        net.name, arguments.ready, arguments.packets, arguments.rate, arguments.rounds
    );
    println!(
        "{:>7} {:12} {:>6} {:>7} {:>13} {:>8} {:>7} {:>15} {:>8} {:>7} {:>7} {:>13}",
        "sockets",
        "",
        "ns CPU",
        "x recv",
        "least..most",
        "way p50",
        "x recv",
        "least..most",
        "way p99",
        "k/s",
        "x recv",
        "least..most"
    );
    let mut port = 20_000;
    for &count in &arguments.sockets {
        let mut found = WAYS.map(|_| Vec::new());
        for _ in 0..arguments.rounds {
            for ((_, way), found) in WAYS.iter().zip(&mut found) {
                found.push(bench.turn(*way, count, port));
                port += count as u16;
                port = if port > 60_000 { 20_000 } else { port };
            }
        }
        let of = |found: &[Found], figure: fn(&Found) -> f64| spread(found.iter().map(figure));
        let figures: [fn(&Found) -> f64; 3] = [|it| it.cost, |it| it.p50, |it| it.most / 1e3];
        let recv = figures.map(|figure| of(&found[0], figure)[0]);
        for ((name, _), found) in WAYS.iter().zip(&found) {
            let [cost, way, most] = figures.map(|figure| of(found, figure));
            let range = |it: [f64; 3]| format!("{:.0}..{:.0}", it[1], it[2]);
            // With a plus where the sender gave out first.
            let plus = if found.iter().all(|it| it.bound) { ' ' } else { '+' };
            println!(
                "{count:>7} {name:12} {:>6.0} {:>7.2} {:>13} {:>8.0} {:>7.2} {:>15} {:>8.0} {:>7.0}{plus} {:>6.2} {:>13}",
                cost[0],
                cost[0] / recv[0],
                range(cost),
                way[0],
                way[0] / recv[1],
                range(way),
                of(found, |it| it.p99)[0],
                most[0],
                most[0] / recv[2],
                range(most)
            );
        }
    }
    println!(
        "\nk/s: thousand packets a second of which all came; +: in a round the bench could send no faster"
    );
    print!("{}", common::machine());
}
