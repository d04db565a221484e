//! The program that does nothing: it reads packets from the socket that the engine has, and for some it writes an order, whose
//! bytes were ready before it began, to a socket as the engine has it. What it takes is what sockets, kernel and machine take.

use crate::market;
use coretick::base::clock::Clock;
use coretick::ingest::transport::socket::LineSocket;
use coretick::telemetry::Latency;
use coretick::wire::ouch::{
    AccountQueryRequest, Appendage, EnterOrder, Inbound, Symbol, WirePrice, code,
};
use coretick::wire::soup::{LoginRequest, Packet, Password, SessionName, Username};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// Bytes of the kernel's buffer: as the engine's by default.
pub(crate) const RECEIVE_BUFFER: usize = 8 << 20;

/// What it is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Be the program that does nothing: where packets come
    #[arg(long, hide = true, requires = "order_entry", requires = "cpu")]
    nothing: Option<SocketAddr>,
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
        core_affinity::set_for_current(core_affinity::CoreId { id: cpu });
        let clock = Clock::calibrated();
        let mut socket =
            LineSocket::open(line, Ipv4Addr::LOCALHOST, RECEIVE_BUFFER).expect("the line");
        let mut stream = TcpStream::connect(order_entry).expect("the order entry");
        stream.set_nodelay(true).expect("a connection");
        stream.write_all(&hello()).expect("the login leaves");
        stream.set_nonblocking(true).expect("a connection");
        let (order, mut answer) = (order(), [0; 1 << 16]);
        let mut latency = Latency::default();
        let (mut messages, mut lost, mut next) = (0_u64, 0_u64, 1_u64);
        loop {
            let Some(received) = socket.receive() else { continue };
            let began = clock.ticks();
            let bytes = received.bytes;
            if bytes.get(22) == Some(&b'A') && self.act {
                stream.write_all(&order).expect("the order leaves");
                latency.record(clock.nanos(clock.ticks() - began));
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
        let drops = socket.drops();
        let histogram = latency.histogram();
        let at = |quantile| histogram.value_at_quantile(quantile);
        println!("{messages} {lost} {drops} {} {}", at(0.5), at(0.99));
        true
    }
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

/// An order as the engine writes it.
fn order() -> Vec<u8> {
    let symbol: Symbol = market::SYMBOL.parse().expect("a symbol");
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
