//! One who trades on the exchange and is cut off again and again: what it was told, to be held against the ledger.

use coretick::base::clock::Wall;
use coretick::wire::ouch::code::{
    capacity, cross, display, flag, order_state, side, time_in_force,
};
use coretick::wire::ouch::{
    Appendage, CancelOrder, EnterOrder, Inbound, Outbound, ReplaceOrder, Symbol, WirePrice,
};
use coretick::wire::soup::{
    ClientEvent, ClientSession, Due, LoginRequest, Packet, Password, Reader, SessionName, Username,
};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// What became of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Shares that it was accepted with, or that took the place of another's.
    pub(crate) entered: u64,
    pub(crate) executed: u64,
    pub(crate) canceled: u64,
    pub(crate) open: u64,
    /// Executions that were taken back.
    pub(crate) broken: u64,
}

/// A connection.
struct Line {
    stream: TcpStream,
    reader: Reader,
    session: ClientSession,
}

/// The client. Its orders are numbered from 1.
pub(crate) struct Client {
    at: SocketAddr,
    line: Option<Line>,
    wall: Wall,
    /// Of the stream's messages, the next.
    sequence: u64,
    last_ref: u32,
    pub(crate) orders: BTreeMap<u32, Fate>,
    pub(crate) logins: u64,
    pub(crate) rejected: u64,
    /// The exchange has said that the day is over.
    pub(crate) ended: bool,
}

impl Client {
    pub(crate) fn new(at: SocketAddr) -> Self {
        Self {
            at,
            line: None,
            wall: Wall::set(),
            sequence: 1,
            last_ref: 0,
            orders: BTreeMap::new(),
            logins: 0,
            rejected: 0,
            ended: false,
        }
    }

    /// Does one thing near this market: enters an order, replaces its oldest live one, or cancels that.
    pub(crate) fn act(&mut self, symbol: Symbol, bid: u64, ask: u64) {
        self.last_ref += 1;
        let number = self.last_ref;
        let oldest = self.orders.iter().find(|(_, order)| order.open > 0).map(|(&at, _)| at);
        let is_buy = number.is_multiple_of(2);
        // Mostly at the market, where it is traded with; at times across it.
        let price = match (is_buy, number.is_multiple_of(7)) {
            (true, false) | (false, true) => bid,
            _ => ask,
        };
        let price = WirePrice::from_e4(price);
        let mut message = Vec::new();
        match (number % 5, oldest) {
            (3, Some(old)) => {
                let replace = ReplaceOrder {
                    orig_user_ref_num: old.into(),
                    user_ref_num: number.into(),
                    quantity: 500.into(),
                    price,
                    time_in_force: time_in_force::DAY,
                    display: display::VISIBLE,
                    intermarket_sweep_eligibility: flag::NO,
                    ..ReplaceOrder::BLANK
                };
                Inbound::ReplaceOrder(&replace, Appendage::EMPTY).append(&mut message);
            }
            (4, Some(old)) => {
                let cancel = CancelOrder {
                    user_ref_num: old.into(),
                    quantity: 0.into(),
                    ..CancelOrder::BLANK
                };
                Inbound::CancelOrder(&cancel, Appendage::EMPTY).append(&mut message);
            }
            _ => {
                let enter = EnterOrder {
                    user_ref_num: number.into(),
                    side: if is_buy { side::BUY } else { side::SELL },
                    quantity: 100.into(),
                    symbol,
                    price,
                    time_in_force: time_in_force::DAY,
                    display: display::VISIBLE,
                    capacity: capacity::PRINCIPAL,
                    intermarket_sweep_eligibility: flag::NO,
                    cross_type: cross::CONTINUOUS,
                    ..EnterOrder::BLANK
                };
                Inbound::EnterOrder(&enter, Appendage::EMPTY).append(&mut message);
            }
        }
        self.send(&Packet::Unsequenced(&message));
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let Some(line) = &mut self.line else { return };
        let mut bytes = Vec::new();
        packet.append(&mut bytes).unwrap();
        line.session.on_sent(packet, self.wall.now());
        if line.stream.write_all(&bytes).is_err() {
            self.line = None;
        }
    }

    /// Messages that it was told.
    pub(crate) fn messages(&self) -> u64 {
        self.sequence - 1
    }

    /// Of all orders.
    pub(crate) fn sum(&self, of: impl Fn(&Fate) -> u64) -> u64 {
        self.orders.values().map(of).sum()
    }

    /// Whether it is logged in.
    pub(crate) fn is_in(&self) -> bool {
        use coretick::wire::soup::ClientState::LoggedIn;
        self.line.as_ref().is_some_and(|line| line.session.state() == LoggedIn)
    }

    /// Reads what came; connects again if it was cut off.
    pub(crate) fn listen(&mut self) {
        if self.ended {
            return;
        }
        if self.line.is_none() {
            let Ok(stream) = TcpStream::connect(self.at) else { return };
            stream.set_nodelay(true).unwrap();
            stream.set_nonblocking(true).unwrap();
            let session = ClientSession::new(self.wall.now());
            self.line = Some(Line { stream, reader: Reader::new(Reader::CAPACITY), session });
            self.send(&Packet::LoginRequest(LoginRequest {
                username: Username::new("DESK01").unwrap(),
                password: Password::new("PASS01").unwrap(),
                session: SessionName::BLANK,
                sequence: self.sequence,
                heartbeat_timeout_ms: None,
            }));
        }
        let mut buffer = [0; 4_096];
        loop {
            let Some(line) = &mut self.line else { return };
            match line.stream.read(&mut buffer) {
                Ok(0) => {
                    self.line = None;
                    return;
                }
                Ok(count) => {
                    assert_eq!(line.reader.append(&buffer[..count]), count);
                    self.read();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.line = None;
                    return;
                }
            }
        }
        let now = self.wall.now();
        if self.line.as_ref().is_some_and(|line| line.session.poll(now) == Due::Heartbeat) {
            self.send(&Packet::ClientHeartbeat);
        }
    }

    fn read(&mut self) {
        let Self { line: Some(line), wall, sequence, orders, logins, rejected, ended, .. } = self
        else {
            return;
        };
        while let Some(frame) = line.reader.next_frame().unwrap() {
            let packet = Packet::parse(frame).unwrap();
            match line.session.on_packet(&packet, wall.now()).unwrap() {
                ClientEvent::Accepted(answer) => {
                    assert_eq!(answer.sequence, *sequence, "as it was asked for");
                    *logins += 1;
                }
                ClientEvent::Sequenced { sequence: number, message } => {
                    assert_eq!(number, *sequence, "each message once");
                    *sequence += 1;
                    *rejected += u64::from(message[0] == b'J');
                    told(orders, &Outbound::parse(message).unwrap());
                }
                ClientEvent::Ended => *ended = true,
                ClientEvent::Nothing | ClientEvent::Unsequenced(_) => {}
                ClientEvent::Rejected(why) => panic!("rejected: {}", char::from(why)),
            }
        }
    }
}

/// Keeps what a message says of orders.
fn told(orders: &mut BTreeMap<u32, Fate>, message: &Outbound<'_>) {
    let mut begins = |number: u32, shares: u32, state: u8| {
        let shares = u64::from(shares);
        let dead = if state == order_state::DEAD { shares } else { 0 };
        let fate = Fate { entered: shares, canceled: dead, open: shares - dead, ..Fate::default() };
        assert!(orders.insert(number, fate).is_none(), "order {number} twice");
    };
    match message {
        Outbound::OrderAccepted(it, _) => {
            begins(it.user_ref_num.get(), it.quantity.get(), it.order_state);
        }
        Outbound::OrderReplaced(it, _) => {
            begins(it.user_ref_num.get(), it.quantity.get(), it.order_state);
            orders.get_mut(&it.orig_user_ref_num.get()).unwrap().open = 0;
        }
        Outbound::OrderExecuted(it, _) => {
            let order = orders.get_mut(&it.user_ref_num.get()).unwrap();
            order.executed += u64::from(it.quantity.get());
            order.open = order.open.checked_sub(it.quantity.get().into()).unwrap();
        }
        Outbound::OrderCanceled(it, _) => {
            let order = orders.get_mut(&it.user_ref_num.get()).unwrap();
            order.canceled += u64::from(it.quantity.get());
            order.open = order.open.checked_sub(it.quantity.get().into()).unwrap();
        }
        Outbound::BrokenTrade(it, _) => {
            orders.get_mut(&it.user_ref_num.get()).unwrap().broken += 1;
        }
        _ => {}
    }
}
