//! The exchange on real sockets of this machine.

use super::*;
use crate::base::testing::skipped;
use crate::exchange::order_entry::tests::harness as client;
use crate::exchange::venue::Programme;
use crate::exchange::venue::tests::config;
use crate::wire::mold;
use crate::wire::ouch::code::side;
use std::io::Read;
use std::net::{Shutdown, TcpStream};

/// Bytes that wait for a client: a few messages.
const UNSENT_MAX: usize = 1_000;

/// A server that is turned by hand.
struct Exchange {
    server: Server<Vec<u8>>,
    addresses: Addresses,
    lines: Option<[UdpSocket; 2]>,
    now: Nanos,
}

impl Exchange {
    fn new(faults: &str) -> Self {
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let lines = [(); 2].map(|()| UdpSocket::bind(any).unwrap());
        let ports = lines.each_ref().map(|line| line.local_addr().unwrap().port());
        let at = Addresses::on_this_machine(ports[0], ports[1]);
        let joined = lines.iter().zip(at.lines).all(|(line, group)| {
            let IpAddr::V4(group) = group.ip() else { return false };
            line.set_nonblocking(true).unwrap();
            line.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_ok()
        });
        let mut config = config(Programme::open_at_once(), faults);
        config.order_entry.accounts[0].cancel_on_disconnect = true;
        config.order_entry.unsent_max = UNSENT_MAX;
        let (room, faults) = (config.order_entry.connections, config.faults.clone());
        let venue = Venue::new(config, Vec::new(), Nanos(0)).unwrap();
        let server = Server::bind(venue, &at, room, &faults, Nanos(0)).unwrap();
        let addresses = server.addresses().unwrap();
        Self { server, addresses, lines: joined.then_some(lines), now: Nanos(0) }
    }

    /// Turns until `done` gives something. Sockets of this machine need a moment.
    fn turn_until<T>(&mut self, mut done: impl FnMut(&mut Server<Vec<u8>>) -> Option<T>) -> T {
        for _ in 0..200_000 {
            self.now.0 += 1_000;
            self.server.do_work(self.now);
            if let Some(found) = done(&mut self.server) {
                return found;
            }
            std::thread::yield_now();
        }
        panic!("nothing came");
    }

    fn connect(&self, to: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    }

    /// Turns until so many packets came on a connection.
    fn hear(&mut self, stream: &mut TcpStream, packets: usize) -> Vec<String> {
        let mut bytes = Vec::new();
        self.turn_until(|_| {
            let mut buffer = [0; 4_096];
            if let Ok(count) = stream.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..count]);
            }
            let mut whole = (0, &bytes[..]);
            while let Some((_, rest)) = crate::wire::frame::split(whole.1) {
                whole = (whole.0 + 1, rest);
            }
            (whole.0 >= packets && whole.1.is_empty()).then(|| client::packets(&bytes))
        })
    }
}

#[test]
fn a_client_trades_over_sockets_and_everybody_hears_of_it() {
    let mut it = Exchange::new("");
    let mut stream = it.connect(it.addresses.order_entry);
    stream.write_all(&client::login("ALPHA", "secret", "", 1)).unwrap();
    assert_eq!(it.hear(&mut stream, 2), ["accepted CORETICK 1", "S S"]);
    let order = client::unsequenced(&client::enter(1, side::BUY, 100, 100_000));
    let (first, rest) = order.split_at(7);
    stream.write_all(first).unwrap();
    it.turn_until(|_| Some(()));
    stream.write_all(rest).unwrap();
    assert_eq!(it.hear(&mut stream, 1), ["A 1 L 100"]);

    // The lines: directory, the day's events, the order.
    match it.lines.take() {
        None => skipped("no multicast on this machine"),
        Some(lines) => {
            for line in lines {
                let mut kinds = String::new();
                it.turn_until(|_| {
                    let mut buffer = [0; 2_048];
                    let count = line.recv(&mut buffer).ok()?;
                    let packet = mold::Packet::parse(&buffer[..count]).unwrap();
                    kinds.extend(packet.messages().map(|message| char::from(message[0])));
                    kinds.ends_with('A').then_some(())
                });
                assert_eq!(kinds, "SRHYRHYSHHSA");
            }
        }
    }

    // A re-request.
    let asker = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    asker.set_nonblocking(true).unwrap();
    let session = mold::Session(*b"  CORETICK");
    let request = mold::Request { session, sequence: 12, count: 1 }.to_bytes();
    asker.send_to(&request, it.addresses.rerequests).unwrap();
    let kind = it.turn_until(|_| {
        let mut buffer = [0; 2_048];
        let count = asker.recv(&mut buffer).ok()?;
        mold::Packet::parse(&buffer[..count]).unwrap().messages().next().map(|message| message[0])
    });
    assert_eq!(kind, b'A');

    // A snapshot.
    let mut late = it.connect(it.addresses.snapshots);
    late.write_all(&client::login("BETA", "secret", "", 1)).unwrap();
    let mut bytes = Vec::new();
    it.turn_until(|_| {
        let mut buffer = [0; 4_096];
        let count = late.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        bytes.ends_with(b"\0\x01Z").then_some(())
    });
    assert!(bytes.ends_with(b"G00000000000000000013\0\x01Z"));

    // The connection breaks, and the order goes.
    stream.shutdown(Shutdown::Both).unwrap();
    it.turn_until(|server| (server.venue().core().live() == 0).then_some(()));
    let text = String::from_utf8(it.server.into_ledger()).unwrap();
    assert!(text.ends_with("cancel,1,ALPHA,0,1,1,AAA,B,100,100000,0,,supervisory\n"), "{text}");
}

#[test]
fn a_client_that_says_nothing_more_is_sent_what_waits_for_it_and_closed() {
    let mut it = Exchange::new("");
    let mut stream = it.connect(it.addresses.order_entry);
    let queries = client::unsequenced(&client::query(0)).repeat(400);
    stream.write_all(&[client::login("ALPHA", "secret", "", 1), queries].concat()).unwrap();
    let told = it.hear(&mut stream, 402);
    // All of that again is more than is sent in a turn.
    let mut stream = it.connect(it.addresses.order_entry);
    stream.write_all(&client::login("ALPHA", "secret", "", 1)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut bytes = Vec::new();
    it.turn_until(|_| {
        let mut buffer = [0; 4_096];
        let count = stream.read(&mut buffer).ok()?;
        bytes.extend_from_slice(&buffer[..count]);
        (count == 0).then_some(())
    });
    assert!(bytes.len() > 4 * UNSENT_MAX, "{}", bytes.len());
    assert_eq!(client::packets(&bytes), told);
    assert_eq!(it.server.venue().order_entry().counters().lost, 1);
}

#[test]
fn a_rejected_login_is_told_and_the_connection_closed() {
    let mut it = Exchange::new("");
    let mut stream = it.connect(it.addresses.order_entry);
    stream.write_all(&client::login("ALPHA", "wrong", "", 1)).unwrap();
    assert_eq!(it.hear(&mut stream, 1), ["rejected A"]);
    it.turn_until(|_| (stream.read(&mut [0; 16]).ok() == Some(0)).then_some(()));
}

#[test]
fn connections_beyond_the_room_are_closed() {
    let mut it = Exchange::new("");
    let streams: Vec<_> = (0..6).map(|_| it.connect(it.addresses.order_entry)).collect();
    let refused = |server: &mut Server<Vec<u8>>| {
        let counters = *server.venue().order_entry().counters();
        (counters.connections == 4 && counters.connections_refused == 2).then_some(())
    };
    it.turn_until(refused);
    drop(streams);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let it = Exchange::new("");
    let mut at = Addresses::on_this_machine(1, 2);
    at.snapshots = it.addresses.order_entry;
    let config = config(Programme::default(), "");
    let venue = Venue::new(config, Vec::new(), Nanos(0)).unwrap();
    let error = Server::bind(venue, &at, 4, &Faults::default(), Nanos(0)).err().unwrap();
    assert!(error.to_string().starts_with("no socket for snapshots at 127.0.0.1:"), "{error}");
}
