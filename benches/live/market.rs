//! What the bench publishes: MoldUDP64 packets of one line, by multicast.

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
/// Instruments that are traded in turns, so that each has rested when it comes again.
pub(crate) const INSTRUMENTS: u16 = 64;
/// Best bid and best ask: 10.00 and 10.01.
const BEST: [u32; 2] = [100_000, 100_100];

/// The line.
pub(crate) struct Line {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Line {
    /// A line to a port that nobody has now, from this address.
    pub(crate) fn new(from: Ipv4Addr) -> Self {
        let port = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.local_addr());
        let to = SocketAddr::V4(SocketAddrV4::new(GROUP, port.expect("a free port").port()));
        // What is bound to an interface's address leaves by that interface.
        let socket = UdpSocket::bind((from, 0)).expect("a free port");
        socket.set_multicast_loop_v4(true).expect("multicast");
        socket.connect(to).expect("multicast on that interface");
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

/// The name of an instrument, by its number.
pub(crate) fn symbol(instrument: u16) -> String {
    format!("B{instrument:03}")
}

/// The number of an instrument, by its name.
#[inline]
pub(crate) fn instrument(symbol: &[u8]) -> Option<u16> {
    let digits = symbol.get(1..4)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 10 + u16::from(digit.checked_sub(b'0')?)))
}

/// A market in whose instruments both sides stand equal, until an order makes a bid outweigh its ask.
pub(crate) struct Book {
    wall: Wall,
    next: u64,
    reference: u64,
    /// Tips so far, and those that were undone.
    tips: u64,
    undone: u64,
}

impl Book {
    pub(crate) fn new() -> Self {
        let reference = 2 * u64::from(INSTRUMENTS);
        Self { wall: Wall::set(), next: 1, reference, tips: 0, undone: 0 }
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

    fn stock(instrument: u16) -> Stock {
        symbol(instrument).parse().expect("a symbol")
    }

    fn add(&self, instrument: u16, reference: u64, side: u8, shares: u32) -> AddOrder {
        AddOrder {
            order_reference_number: reference.into(),
            buy_sell_indicator: side,
            shares: shares.into(),
            stock: Self::stock(instrument),
            price: BEST[usize::from(side == code::side::SELL)].into(),
            ..AddOrder::new(instrument + 1, self.time())
        }
    }

    /// The day begins, the instruments trade, both sides of each show 500 shares.
    pub(crate) fn opening(&mut self) -> Vec<Vec<u8>> {
        let time = self.time();
        let event = |event_code| SystemEvent { event_code, ..SystemEvent::new(0, time) };
        let events = [
            event(code::event::START_OF_MESSAGES),
            event(code::event::START_OF_SYSTEM_HOURS),
            event(code::event::START_OF_MARKET_HOURS),
        ];
        let mut packets = Vec::new();
        let [begin, open, market] = events.each_ref().map(IntoBytes::as_bytes);
        packets.push(self.packet(&[begin, open]));
        for instrument in 0..INSTRUMENTS {
            let (stock, locate) = (Self::stock(instrument), instrument + 1);
            let listed = StockDirectory {
                stock,
                round_lot_size: 100.into(),
                ..StockDirectory::new(locate, time)
            };
            let trading_state = code::trading::TRADING;
            let trading = StockTradingAction {
                stock,
                trading_state,
                ..StockTradingAction::new(locate, time)
            };
            packets.push(self.packet(&[listed.as_bytes(), trading.as_bytes()]));
        }
        packets.push(self.packet(&[market]));
        for instrument in 0..INSTRUMENTS {
            let reference = 2 * u64::from(instrument) + 1;
            let bid = self.add(instrument, reference, code::side::BUY, 500);
            let ask = self.add(instrument, reference + 1, code::side::SELL, 500);
            packets.push(self.packet(&[bid.as_bytes(), ask.as_bytes()]));
        }
        packets
    }

    fn turn(count: u64) -> u16 {
        (count % u64::from(INSTRUMENTS)) as u16
    }

    /// 2,500 shares join the bid of the next instrument: 857 thousandths of the touch. With the instrument.
    pub(crate) fn tip(&mut self) -> (u16, Vec<u8>) {
        let instrument = Self::turn(self.tips);
        self.tips += 1;
        let order = self.add(instrument, self.reference + self.tips, code::side::BUY, 2_500);
        (instrument, self.packet(&[order.as_bytes()]))
    }

    /// The sequence of the next message.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The earliest that are still there leave again.
    pub(crate) fn restore(&mut self) -> Vec<u8> {
        let locate = Self::turn(self.undone) + 1;
        self.undone += 1;
        let order = OrderDelete {
            order_reference_number: (self.reference + self.undone).into(),
            ..OrderDelete::new(locate, self.time())
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
