//! The program that does nothing: it reads packets by the transport that the engine has, and for some it writes an order, whose
//! bytes were ready before it began, to a socket as the engine has it. What it takes is what sockets, kernel and machine take.

use crate::market;
use coretick::base::clock::Clock;
use coretick::ingest::transport::line::{LineSettings, Lines, Transport};
use coretick::telemetry::Latency;
use coretick::wire::ouch::{
    AccountQueryRequest, Appendage, EnterOrder, Inbound, Symbol, WirePrice, code,
};
use coretick::wire::soup::{LoginRequest, Packet, Password, SessionName, Username};
use std::hint::black_box;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// Bytes of the kernel's buffer: as the engine's by default.
pub(crate) const RECEIVE_BUFFER: usize = 8 << 20;

/// The ways in.
pub(crate) const TRANSPORTS: [Transport; 3] = [Transport::Socket, Transport::Uring, Transport::Xdp];

/// What it is told.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// Be the program that does nothing: where packets come
    #[arg(long, hide = true, requires_all = ["order_entry", "cpu", "by", "interface"])]
    nothing: Option<SocketAddr>,
    /// By which transport
    #[arg(long, hide = true)]
    by: Option<String>,
    /// By which interface
    #[arg(long, hide = true)]
    interface: Option<Ipv4Addr>,
    /// Where orders go
    #[arg(long, hide = true)]
    order_entry: Option<SocketAddr>,
    /// The core to be pinned to
    #[arg(long, hide = true)]
    cpu: Option<usize>,
    /// Write an order for each packet that begins with a new order
    #[arg(long, hide = true)]
    act: bool,
}

impl Arguments {
    /// Is that program, if it was asked for, and says what it counted. False if it was not.
    pub(crate) fn run(&self) -> bool {
        let (Some(line), Some(order_entry), Some(cpu)) = (self.nothing, self.order_entry, self.cpu)
        else {
            return false;
        };
        let (by, interface) = (self.by.as_deref(), self.interface.expect("as required"));
        let transport = TRANSPORTS.into_iter().find(|transport| by == Some(transport.name()));
        let settings = LineSettings {
            transport: transport.expect("a transport"),
            fallback: false,
            lines: [Some(line), None],
            interfaces: [interface; 2],
            receive_buffer: RECEIVE_BUFFER,
            sqpoll: None,
        };
        let (mut lines, _) = Lines::open(&settings).expect("the line");
        core_affinity::set_for_current(core_affinity::CoreId { id: cpu });
        let clock = Clock::calibrated();
        // Nobody sends before there is a connection.
        warm_up(&mut lines, clock);
        let mut stream = TcpStream::connect(order_entry).expect("the order entry");
        stream.set_nodelay(true).expect("a connection");
        stream.write_all(&hello()).expect("the login leaves");
        stream.set_nonblocking(true).expect("a connection");
        let orders: Vec<_> = (0..market::INSTRUMENTS).map(order).collect();
        let mut answer = [0; 1 << 16];
        let mut latency = Latency::default();
        let (mut messages, mut lost, mut next) = (0_u64, 0_u64, 1_u64);
        loop {
            let Some(received) = lines.receive(0) else { continue };
            let began = clock.ticks();
            let bytes = received.bytes;
            if let [b'A', high, low, ..] = bytes[bytes.len().min(22)..]
                && self.act
            {
                let instrument = usize::from(u16::from_be_bytes([high, low])) - 1;
                match stream.write(&orders[instrument]) {
                    Ok(_) => latency.record(clock.nanos(clock.ticks() - began)),
                    // Nobody reads: then nobody waits for it either.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("the order does not leave: {error}"),
                }
            }
            let (sequence, count) = (market::sequence(bytes), market::count(bytes));
            lost += sequence.saturating_sub(next);
            match count {
                u16::MAX => break,
                0 => next = sequence,
                _ => {
                    messages += u64::from(count);
                    next = sequence + u64::from(count);
                }
            }
            if self.act {
                // What was answered to the order.
                while matches!(stream.read(&mut answer), Ok(1..)) {}
            }
        }
        lines.count_drops();
        let drops: u64 = lines.drops().iter().sum();
        let histogram = latency.histogram();
        let at = |quantile| histogram.value_at_quantile(quantile);
        println!("{messages} {lost} {drops} {} {}", at(0.5), at(0.99));
        true
    }
}

/// Packets that are made up before the first one is there: as many as the engine's own warm-up works through.
const WARM_UP: u64 = 20_000;

/// Works through made-up packets, so that the code of the whole path was run and its memory is there, as with the engine.
fn warm_up(lines: &mut Lines, clock: Clock) {
    let mut latency = Latency::default();
    let packet = market::nothing_new(1);
    for _ in 0..WARM_UP {
        let began = clock.ticks();
        let _ = black_box(lines.receive(0));
        black_box((market::sequence(black_box(&packet)), market::count(&packet)));
        latency.record(clock.nanos(clock.ticks() - began));
    }
    black_box(latency.histogram().len());
}

/// The login and the account query.
fn hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    let login = LoginRequest {
        username: Username::new("BENCH").expect("short"),
        password: Password::new("BENCH").expect("short"),
        session: SessionName::BLANK,
        sequence: 1,
        heartbeat_timeout_ms: None,
    };
    Packet::LoginRequest(login).append(&mut bytes).expect("a short packet");
    let query = AccountQueryRequest::BLANK;
    append(&Inbound::AccountQueryRequest(&query, Appendage::EMPTY), &mut bytes);
    bytes
}

/// An order for an instrument as the engine writes it.
fn order(instrument: u16) -> Vec<u8> {
    let symbol: Symbol = market::symbol(instrument).parse().expect("a symbol");
    let order = EnterOrder {
        user_ref_num: 1.into(),
        side: code::side::BUY,
        quantity: 100.into(),
        symbol,
        price: WirePrice::from_e4(100_100),
        time_in_force: code::time_in_force::IOC,
        display: code::display::VISIBLE,
        capacity: code::capacity::PRINCIPAL,
        intermarket_sweep_eligibility: code::flag::NO,
        cross_type: code::cross::CONTINUOUS,
        ..EnterOrder::BLANK
    };
    let mut bytes = Vec::new();
    append(&Inbound::EnterOrder(&order, Appendage::EMPTY), &mut bytes);
    bytes
}

fn append(message: &Inbound<'_>, bytes: &mut Vec<u8>) {
    let mut body = [0; 64];
    let length = message.write(&mut body).expect("room");
    Packet::Unsequenced(&body[..length]).append(bytes).expect("a short packet");
}
