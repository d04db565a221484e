//! The bench's order entry: one client in a SoupBinTCP session that begins anew, whose orders are for now only and find nothing.
//!
//! Nothing waits: who is timed against it must not meet a thread that sleeps.

use coretick::wire::ouch::{
    AccountQueryResponse, Appendage, EnterOrder, Inbound, OrderAccepted, OrderCanceled, Outbound,
    code,
};
use coretick::wire::soup::{LoginAccepted, Packet, Reader, SessionName};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Between two looks while nothing is measured: a thread of high priority would keep from the core what it waits for.
pub(crate) const PAUSE: Duration = Duration::from_micros(200);

/// Where a client can come.
pub(crate) struct Gate(TcpListener);

impl Gate {
    pub(crate) fn new(at: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((at, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not wait");
        Self(listener)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound socket has an address")
    }

    /// Whoever has come.
    pub(crate) fn client(&self) -> Option<Far> {
        let (stream, _) = self.0.accept().ok()?;
        stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).expect("a connection");
        Some(Far {
            stream,
            reader: Reader::new(Reader::CAPACITY),
            next: 1,
            ready: false,
            orders: VecDeque::with_capacity(1_024),
            gone: false,
            out: Vec::with_capacity(256),
        })
    }
}

/// The far end of a client's connection.
pub(crate) struct Far {
    stream: TcpStream,
    reader: Reader,
    next: u64,
    ready: bool,
    orders: VecDeque<EnterOrder>,
    /// The client left: nobody answers any more.
    pub(crate) gone: bool,
    out: Vec<u8>,
}

impl Far {
    /// Reads what came, and answers what is not an order. False if the client is gone.
    #[inline]
    fn read(&mut self) -> bool {
        match self.stream.read(self.reader.space()) {
            Ok(0) => return false,
            Ok(count) => self.reader.filled(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
        let (mut login, mut query, mut logout) = (false, false, false);
        while let Some(frame) = self.reader.next_frame().expect("a stream of packets") {
            match Packet::parse(frame).expect("a packet") {
                Packet::LoginRequest(_) => login = true,
                Packet::LogoutRequest => logout = true,
                Packet::Unsequenced(message) => match Inbound::parse(message).expect("a message") {
                    Inbound::EnterOrder(order, _) => self.orders.push_back(*order),
                    Inbound::AccountQueryRequest(..) => query = true,
                    _ => {}
                },
                _ => {}
            }
        }
        if login {
            let session = SessionName::new("BENCH").expect("a name");
            self.add(&Packet::LoginAccepted(LoginAccepted { session, sequence: self.next }));
            self.write();
        }
        if query {
            let answer =
                AccountQueryResponse { next_user_ref_num: 1.into(), ..AccountQueryResponse::BLANK };
            self.say(&Outbound::AccountQueryResponse(&answer, Appendage::EMPTY));
            self.write();
            self.ready = true;
        }
        !logout
    }

    fn add(&mut self, packet: &Packet<'_>) {
        packet.append(&mut self.out).expect("a short packet");
    }

    fn write(&mut self) {
        // What the socket does not take, nobody misses: a client that is gone, or reads nothing.
        let _ = self.stream.write_all(&self.out);
        self.out.clear();
    }

    fn say(&mut self, message: &Outbound<'_>) {
        let mut body = [0; 128];
        let length = message.write(&mut body).expect("room");
        self.next += 1;
        self.add(&Packet::Sequenced(&body[..length]));
    }

    /// Whether the client has logged in and asked for its account: it can be sent to.
    pub(crate) fn is_ready(&mut self) -> bool {
        assert!(self.read(), "the client left before it began");
        self.ready
    }

    /// The next order that came.
    #[inline]
    pub(crate) fn order(&mut self) -> Option<EnterOrder> {
        if self.orders.is_empty() {
            self.gone |= !self.read();
        }
        self.orders.pop_front()
    }

    /// The order is accepted, and cancelled whole.
    pub(crate) fn answer(&mut self, order: &EnterOrder) {
        let accepted = OrderAccepted {
            user_ref_num: order.user_ref_num,
            side: order.side,
            quantity: order.quantity,
            symbol: order.symbol,
            price: order.price,
            time_in_force: order.time_in_force,
            display: order.display,
            order_reference_number: u64::from(order.user_ref_num.get()).into(),
            capacity: order.capacity,
            intermarket_sweep_eligibility: order.intermarket_sweep_eligibility,
            cross_type: order.cross_type,
            order_state: code::order_state::LIVE,
            clordid: order.clordid,
            ..OrderAccepted::BLANK
        };
        let canceled = OrderCanceled {
            user_ref_num: order.user_ref_num,
            quantity: order.quantity,
            reason: code::cancel::IOC,
            ..OrderCanceled::BLANK
        };
        self.say(&Outbound::OrderAccepted(&accepted, Appendage::EMPTY));
        self.say(&Outbound::OrderCanceled(&canceled, Appendage::EMPTY));
        self.write();
    }

    /// Keeps the session alive until the client says goodbye, or `over` says that it is gone.
    pub(crate) fn see_off(&mut self, mut over: impl FnMut() -> bool) {
        while !over() && self.read() {
            std::thread::park_timeout(PAUSE);
        }
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}
