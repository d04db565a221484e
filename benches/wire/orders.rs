//! What does an order's way out cost, and the way of its answer back, by each transport of orders?
//!
//! One busy thread writes an order of 50 bytes as the engine does, and reads until the answer, of 100 bytes, is whole; at the other
//! end of a TCP connection over loopback a busy thread on another core answers at once. The floor is `write` and `read` on a bare
//! socket; the last row reads by io_uring and writes by a plain call. `taken` is the call that writes, until the kernel has the
//! bytes; then the round trip from before it; then a look that finds nothing, of which an engine makes many. Variants take turns.

use crate::median;
use coretick::base::clock::Clock;
use coretick::base::uring::{Came, Multishot};
use coretick::route::connection::{Connection, Transport};
use coretick::telemetry::Latency;
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;

const ORDER: usize = 50;
const ANSWER: usize = 100;
/// Between two orders, so that each finds everybody waiting.
const PAUSE_NS: u64 = 20_000;
/// Looks that find nothing.
const LOOKS: u32 = 100_000;
/// Orders that find cold caches, and are not counted.
const COLD: u32 = 500;

/// How an order goes.
#[derive(Clone, Copy)]
enum Way {
    /// Plain calls on a bare socket.
    Floor,
    By(Transport),
    /// io_uring reads, and a plain call writes.
    Half,
}

const WAYS: [Way; 4] =
    [Way::Floor, Way::By(Transport::Socket), Way::By(Transport::Uring), Way::Half];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor: write",
            Self::By(transport) => transport.name(),
            Self::Half => "uring, send",
        }
    }
}

/// The near end.
enum Near {
    Floor(TcpStream),
    By(Connection),
    Half(TcpStream, Box<Multishot>),
}

impl Near {
    fn open(way: Way, venue: SocketAddr) -> Self {
        match way {
            Way::Floor => {
                let stream = TcpStream::connect(venue).expect("the far end");
                stream.set_nodelay(true).expect("a connection");
                stream.set_nonblocking(true).expect("a connection");
                Self::Floor(stream)
            }
            Way::Half => {
                let stream = TcpStream::connect(venue).expect("the far end");
                stream.set_nodelay(true).expect("a connection");
                let mut receive = Multishot::of_stream(32, 4_096).expect("io_uring");
                receive.attach(stream.as_fd()).expect("io_uring");
                Self::Half(stream, Box::new(receive))
            }
            Way::By(transport) => {
                let (mut it, _) = Connection::open(transport, false).expect("the transport");
                it.dial(venue).expect("the far end");
                while !it.stands().expect("the far end") {}
                Self::By(it)
            }
        }
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Floor(stream) => stream.write(bytes).expect("room"),
            Self::By(connection) => connection.write(bytes).expect("room"),
            Self::Half(stream, _) => {
                let flags = libc::MSG_DONTWAIT;
                SockRef::from(&*stream).send_with_flags(bytes, flags).expect("room")
            }
        }
    }

    /// As the engine looks: 0 if nothing has come.
    #[inline]
    fn read(&mut self, space: &mut [u8]) -> usize {
        match self {
            Self::Floor(stream) => match stream.read(space) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                count => count.expect("a connection"),
            },
            Self::By(connection) => connection.read(space).expect("a connection").unwrap_or(0),
            Self::Half(_, receive) => match receive.ask() {
                None => 0,
                Some(Came::Bytes) => {
                    space[..receive.lent().len()].copy_from_slice(receive.lent());
                    receive.lent().len()
                }
                Some(Came::End(error)) => panic!("the connection ended: {error}"),
            },
        }
    }
}

/// Answers orders until the other end is gone.
fn answer(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().expect("a connection");
    stream.set_nodelay(true).expect("a connection");
    stream.set_nonblocking(true).expect("a connection");
    let (mut space, mut came) = ([0; 4_096], 0);
    loop {
        match stream.read(&mut space) {
            Ok(0) => return,
            Ok(count) => came += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        while came >= ORDER {
            came -= ORDER;
            stream.write_all(&[7; ANSWER]).expect("room");
        }
    }
}

/// What one turn of a variant found, ns.
#[derive(Clone, Copy)]
struct Found {
    taken: [u64; 2],
    round: [u64; 2],
    look: f64,
}

fn turn(way: Way, orders: u32) -> Found {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let venue = listener.local_addr().expect("a port");
    let clock = Clock::calibrated();
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let (first, last) = (cores.first().copied(), cores.last().copied());
    let far = thread::spawn(move || {
        first.map(core_affinity::set_for_current);
        answer(&listener);
    });
    let near = thread::spawn(move || {
        last.map(core_affinity::set_for_current);
        let mut near = Near::open(way, venue);
        let (order, mut space) = ([3; ORDER], [0; 4_096]);
        let (mut taken, mut round) = (Latency::default(), Latency::default());
        let since = |began| clock.nanos(clock.ticks() - began);
        for number in 0..orders + COLD {
            let began = clock.ticks();
            assert_eq!(near.write(&order), ORDER, "there is room for one order");
            let gone = since(began);
            let mut came = 0;
            while came < ANSWER {
                came += near.read(&mut space);
            }
            let back = since(began);
            if number >= COLD {
                taken.record(gone);
                round.record(back);
            }
            let paused = clock.ticks();
            while since(paused) < PAUSE_NS {
                std::hint::spin_loop();
            }
        }
        let began = clock.ticks();
        for _ in 0..LOOKS {
            assert_eq!(near.read(&mut space), 0, "nobody says anything");
        }
        let look = since(began) as f64 / f64::from(LOOKS);
        let of = |latency: &Latency| {
            [0.5, 0.99].map(|quantile| latency.histogram().value_at_quantile(quantile))
        };
        Found { taken: of(&taken), round: of(&round), look }
    });
    let found = near.join().expect("the near end");
    far.join().expect("the far end");
    found
}

/// Runs it, and prints the table.
pub(crate) fn run(orders: u32, rounds: usize) {
    let mut found = WAYS.map(|_| Vec::new());
    for _ in 0..rounds {
        for (way, found) in WAYS.iter().zip(&mut found) {
            found.push(turn(*way, orders));
        }
    }
    println!("\norders    loopback; {orders} of {ORDER} bytes one by one, {rounds} rounds; ns\n");
    println!(
        "{:12} {:>9} {:>12} {:>9} {:>11} {:>8} {:>14} {:>9} {:>7}",
        "",
        "taken p50",
        "least..most",
        "p99",
        "round p50",
        "x socket",
        "least..most",
        "p99",
        "a look"
    );
    let of =
        |found: &[Found], figure: fn(&Found) -> f64| median(found.iter().map(figure).collect());
    let (socket, ..) = of(&found[1], |it| it.round[0] as f64);
    for (way, found) in WAYS.iter().zip(&found) {
        let (taken, taken_least, taken_most) = of(found, |it| it.taken[0] as f64);
        let (round, least, most) = of(found, |it| it.round[0] as f64);
        let (taken99, ..) = of(found, |it| it.taken[1] as f64);
        let (round99, ..) = of(found, |it| it.round[1] as f64);
        let (look, ..) = of(found, |it| it.look);
        println!(
            "{:12} {taken:>9.0} {:>12} {taken99:>9.0} {round:>11.0} {:>8.2} {:>14} {round99:>9.0} {look:>7.0}",
            way.name(),
            format!("{taken_least:.0}..{taken_most:.0}"),
            round / socket,
            format!("{least:.0}..{most:.0}"),
        );
    }
}
