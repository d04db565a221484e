//! What the bench publishes: MoldUDP64 packets of one line, by multicast over the loopback interface.

use coretick::base::clock::Wall;
use coretick::ingest::date::Day;
use coretick::wire::frame;
use coretick::wire::itch::{
    AddOrder, OrderDelete, Stock, StockDirectory, StockTradingAction, SystemEvent, code,
};
use coretick::wire::mold::{Builder, Session, end_of_session, heartbeat};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use zerocopy::IntoBytes;

/// Payload of the longest packet.
const MTU: usize = 1_400;
const SESSION: Session = Session(*b"     BENCH");
/// A group of this site that nobody else here uses.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 9);
/// The instrument that is traded.
pub(crate) const SYMBOL: &str = "BENCH";
const LOCATE: u16 = 1;
/// Best bid and best ask: 10.00 and 10.01.
const BEST: [u32; 2] = [100_000, 100_100];

/// The line.
pub(crate) struct Line {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Line {
    /// A line to a port that nobody has now.
    pub(crate) fn new() -> Self {
        let port = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.local_addr());
        let to = SocketAddr::V4(SocketAddrV4::new(GROUP, port.expect("a free port").port()));
        // What is bound to the loopback address leaves by the loopback interface.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_multicast_loop_v4(true).expect("multicast");
        socket.connect(to).expect("multicast on the loopback interface");
        Self { socket, to }
    }

    /// Where packets go.
    pub(crate) fn address(&self) -> SocketAddr {
        self.to
    }

    /// Sends a packet; false if the system took it not.
    #[inline]
    pub(crate) fn send(&self, packet: &[u8]) -> bool {
        self.socket.send(packet).is_ok()
    }
}

/// Messages put into packets, `each` to a packet as far as it holds them, end to end.
pub(crate) struct Packets {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    next: u64,
}

impl Packets {
    pub(crate) fn of<'a>(messages: impl Iterator<Item = &'a [u8]>, each: u16) -> Self {
        let mut packets = Self { bytes: Vec::new(), ends: Vec::new(), next: 1 };
        let mut builder = Builder::new([0; MTU], SESSION, 1);
        for message in messages {
            if builder.count() == each || !builder.push(message) {
                packets.take(&mut builder);
                assert!(builder.push(message), "a packet holds a message");
            }
        }
        packets.take(&mut builder);
        packets
    }

    fn take(&mut self, builder: &mut Builder<[u8; MTU]>) {
        if builder.count() > 0 {
            self.bytes.extend_from_slice(builder.bytes());
            self.ends.push(self.bytes.len());
            self.next += u64::from(builder.count());
        }
        builder.restart(SESSION, self.next);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

/// The sequence of a packet's first message; of a packet without any, that of the next one.
pub(crate) fn sequence(packet: &[u8]) -> u64 {
    packet[10..18].try_into().map_or(0, u64::from_be_bytes)
}

/// Messages in a packet, as its header says.
pub(crate) fn count(packet: &[u8]) -> u16 {
    packet[18..20].try_into().map_or(0, u16::from_be_bytes)
}

/// Nothing is new, `next` is the next; so nobody overlooks that the last packets are missing.
pub(crate) fn nothing_new(next: u64) -> [u8; 20] {
    heartbeat(SESSION, next)
}

/// The session ends.
pub(crate) fn end(next: u64) -> [u8; 20] {
    end_of_session(SESSION, next)
}

/// A market of one instrument in which both sides stand equal, until an order makes the bid outweigh the ask.
pub(crate) struct Book {
    wall: Wall,
    next: u64,
    reference: u64,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self { wall: Wall::set(), next: 1, reference: 2 }
    }

    /// Nanoseconds since midnight in New York.
    fn time(&self) -> u64 {
        let now = self.wall.now();
        now.since(Day::of(now).midnight()).0
    }

    fn packet(&mut self, messages: &[&[u8]]) -> Vec<u8> {
        let mut builder = Builder::new([0; MTU], SESSION, self.next);
        assert!(messages.iter().all(|message| builder.push(message)), "a few messages");
        self.next += messages.len() as u64;
        builder.bytes().to_vec()
    }

    fn stock() -> Stock {
        SYMBOL.parse().expect("a symbol")
    }

    fn add(&self, reference: u64, side: u8, shares: u32) -> AddOrder {
        AddOrder {
            order_reference_number: reference.into(),
            buy_sell_indicator: side,
            shares: shares.into(),
            stock: Self::stock(),
            price: BEST[usize::from(side == code::side::SELL)].into(),
            ..AddOrder::new(LOCATE, self.time())
        }
    }

    /// The day begins, the instrument trades, both sides show 500 shares.
    pub(crate) fn opening(&mut self) -> Vec<u8> {
        let time = self.time();
        let event = |event_code| SystemEvent { event_code, ..SystemEvent::new(0, time) };
        let events = [
            event(code::event::START_OF_MESSAGES),
            event(code::event::START_OF_SYSTEM_HOURS),
            event(code::event::START_OF_MARKET_HOURS),
        ];
        let stock = StockDirectory {
            stock: Self::stock(),
            round_lot_size: 100.into(),
            ..StockDirectory::new(LOCATE, time)
        };
        let trading = StockTradingAction {
            stock: Self::stock(),
            trading_state: code::trading::TRADING,
            ..StockTradingAction::new(LOCATE, time)
        };
        let (bid, ask) = (self.add(1, code::side::BUY, 500), self.add(2, code::side::SELL, 500));
        let [a, b, c] = events.each_ref().map(IntoBytes::as_bytes);
        self.packet(&[
            a,
            b,
            stock.as_bytes(),
            trading.as_bytes(),
            c,
            bid.as_bytes(),
            ask.as_bytes(),
        ])
    }

    /// 2,500 shares join the bid: 857 thousandths of the touch.
    pub(crate) fn tip(&mut self) -> Vec<u8> {
        self.reference += 1;
        let order = self.add(self.reference, code::side::BUY, 2_500);
        self.packet(&[order.as_bytes()])
    }

    /// The sequence of the next message.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// They leave again.
    pub(crate) fn restore(&mut self) -> Vec<u8> {
        let order = OrderDelete {
            order_reference_number: self.reference.into(),
            ..OrderDelete::new(LOCATE, self.time())
        };
        self.packet(&[order.as_bytes()])
    }
}

/// The messages of a daily file.
pub(crate) fn messages(day: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = day;
    std::iter::from_fn(move || {
        let (message, after) = frame::split(rest)?;
        rest = after;
        Some(message)
    })
}

/// The symbols that it announces, as an instrument table.
pub(crate) fn table(day: &[u8]) -> String {
    let mut table = String::from("symbol\n");
    for message in messages(day).filter(|message| message[0] == b'R') {
        table.push_str(String::from_utf8_lossy(&message[11..19]).trim_end());
        table.push('\n');
    }
    table
}
