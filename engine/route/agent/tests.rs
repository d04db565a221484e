//! The agent over real sockets, with the scripted exchange behind them; time is the tests' own.

use super::*;
use crate::base::command::{Command, Scope};
use crate::base::dial::is_not_yet;
use crate::base::instrument::Symbol;
use crate::base::log::{LogReader, Severity};
use crate::base::message::Kind;
use crate::base::ring::ring;
use crate::base::stage::Sink;
use crate::base::testing::skipped;
use crate::base::unit::Qty;
use crate::route::Secret;
use crate::route::gateway::tests::far::Far;
use crate::route::gateway::tests::{Brief, PASSWORD, cancel, order, settings};
use crate::route::gateway::{End, Phase, Settings};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

const MS: u64 = 1_000_000;

/// An agent, and an exchange that listens.
struct Both {
    agent: GatewayAgent,
    listener: Option<TcpListener>,
    socket: Option<TcpStream>,
    far: Far,
    orders: Producer<Market>,
    reports: Consumer<Report>,
    commands: Commands,
    now: Nanos,
}

/// With orders by each way that is possible here.
fn each(test: impl Fn(Both)) {
    for transport in [Transport::Socket, Transport::Uring] {
        match Connection::open(transport, false) {
            Ok((connection, _)) => test(Both::new(connection)),
            Err(why) => skipped(&why.to_string()),
        }
    }
}

impl Both {
    fn new(connection: Connection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        SockRef::from(&listener).set_recv_buffer_size(4_096).unwrap();
        listener.set_nonblocking(true).unwrap();
        let secret = Secret::new(PASSWORD, "the test").ok().unwrap();
        let symbols = ["ABC", "XYZ"].map(|name| name.parse::<Symbol>().unwrap());
        let settings = Settings { orders_max: 8_192, ..settings() };
        let gateway = Gateway::new(settings, secret, &symbols, Nanos(0));
        let (orders, to_agent) = ring(64, 0, 1);
        let (back, reports) = ring(64, 0, 1);
        let (commands, clock) = (Commands::new(), Clock::calibrated_for_tests());
        let venue = listener.local_addr().unwrap();
        let way = (connection, venue);
        let agent = GatewayAgent::new(gateway, way, commands.clone(), clock, to_agent, back);
        let (far, now) = (Far::default(), Nanos(0));
        let listener = Some(listener);
        Self { agent, listener, socket: None, far, orders, reports, commands, now }
    }

    fn turn(&mut self) {
        self.now = self.now.plus(Nanos(MS));
        self.agent.do_work(self.now);
        if let Some(Ok((socket, _))) = self.listener.as_ref().map(TcpListener::accept) {
            socket.set_nonblocking(true).unwrap();
            self.far.connect(self.now);
            self.socket = Some(socket);
        }
        let Some(socket) = &mut self.socket else { return };
        let mut bytes = [0; 4096];
        match socket.read(&mut bytes) {
            Ok(0) => return self.drop_connection(),
            Ok(count) => self.far.receive(&bytes[..count], self.now),
            Err(error) => assert!(is_not_yet(&error), "{error}"),
        }
        let out = self.far.out(self.now);
        // What a test says fits into the kernel's buffer.
        socket.write_all(&out).unwrap();
        if self.far.is_done() {
            self.drop_connection();
        }
    }

    fn drop_connection(&mut self) {
        self.far.disconnect();
        self.socket = None;
    }

    /// Turns until it is so.
    fn until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..200_000 {
            if done(self) {
                return;
            }
            self.turn();
        }
        panic!("it never came: {:?}, {:?}", self.agent.gateway().phase(), self.agent.take_error());
    }

    fn live(&mut self) {
        self.until(|both| both.agent.gateway().phase() == Phase::Live);
    }

    fn send(&mut self, message: &Market) {
        self.orders.put(message);
        self.orders.flush();
    }

    /// The next report.
    fn next(&mut self) -> Brief {
        let mut next = None;
        self.until(|both| {
            next = both.reports.peek().map(Brief::of);
            next.is_some()
        });
        self.reports.take();
        next.unwrap()
    }
}

/// How often an event was told since the last look.
fn told(lines: &mut LogReader, event: Event) -> usize {
    std::iter::from_fn(|| lines.pop()).filter(|line| line.event == event as u16).count()
}

#[test]
fn orders_and_what_becomes_of_them_go_over_a_socket_that_breaks() {
    each(|mut both| {
        let (log, mut lines) = Log::ring(64, 0, Severity::Debug);
        *both.agent.log() = log;
        both.live();
        assert_eq!(told(&mut lines, Event::ConnectionFailed), 0);
        both.send(&order(1, 100));
        assert_eq!((both.next().kind, both.far.orders.len()), (Kind::ACCEPTED, 1));
        for shares in [10, 20, 30] {
            both.drop_connection();
            both.far.execute(1, shares, 1_000);
            let fill = both.next();
            assert_eq!((fill.kind, fill.qty), (Kind::FILLED, u64::from(shares)));
            both.live();
        }
        assert_eq!(told(&mut lines, Event::ConnectionFailed), 3);
        both.commands.kill();
        both.send(&order(2, 100));
        assert_eq!((both.next().kind, both.far.last), (Kind::REJECTED, 1));
        both.send(&cancel(1));
        assert_eq!((both.next().kind, both.far.orders.len()), (Kind::CANCELED, 0));
        both.commands.ask(Command::Resume(Scope::Firm)).unwrap();
        both.send(&order(3, 100));
        assert_eq!(
            both.next().kind,
            Kind::REJECTED,
            "asked is not yet done: the feed's shard has its turn"
        );
        both.commands.take().unwrap();
        both.send(&order(4, 100));
        assert_eq!((both.next().kind, both.far.orders.len()), (Kind::ACCEPTED, 1));
        both.agent.stop(both.now.plus(Nanos(2_000 * MS)));
        both.until(|both| both.agent.gateway().phase() == Phase::Over(End::Stopped));
        assert!(both.far.logged_out);
    });
}

#[test]
fn a_venue_that_is_not_there_is_tried_again_and_the_reason_told() {
    each(|mut both| {
        let listener = both.listener.take();
        let address = listener.as_ref().map(|listener| listener.local_addr().unwrap()).unwrap();
        drop(listener);
        for _ in 0..100 {
            both.turn();
        }
        let error = both.agent.take_error().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        both.listener = Some(listener);
        both.live();
        // The first pause is a second.
        assert!(both.now >= Nanos(1_000 * MS));
    });
}

#[test]
fn what_the_gate_did_not_let_through_does_not_leave_and_stops_all() {
    each(|mut both| {
        let (log, mut lines) = Log::ring(64, 0, Severity::Debug);
        *both.agent.log() = log;
        let approved = Approved::new();
        both.agent.departures = Some(Departures::new(approved.clone()));
        both.live();
        approved.add(Qty(100));
        both.send(&order(1, 100));
        assert_eq!((both.next().kind, both.far.orders.len()), (Kind::ACCEPTED, 1));
        // It comes once more, as another.
        both.send(&order(2, 100));
        let refused = both.next();
        assert_eq!((refused.kind, refused.code), (Kind::REJECTED, Code::ROUTE_UNASKED.0));
        assert_eq!(told(&mut lines, Event::OrderUnasked), 1);
        assert!(both.commands.killed());
        // What was let through is called back: the firm is killed.
        assert_eq!(
            (both.next().kind, both.far.orders.len(), both.far.last),
            (Kind::CANCELED, 0, 1)
        );
    });
}

/// The prevented kill: what stands in a socket's way when the latch is set was not let out, and never is.
#[test]
fn orders_that_the_kernel_has_not_taken_when_the_firm_is_killed_never_leave() {
    each(|mut both| {
        both.live();
        SockRef::from(both.agent.connection.stream()).set_send_buffer_size(4_096).unwrap();
        // The exchange reads nothing, until the kernel takes no more and orders wait behind it.
        let mut number = 0;
        while both.agent.gateway.unsent(false).len() < 1_000 {
            number += 1;
            both.send(&order(number, 100));
            both.agent.do_work(both.now);
        }
        both.commands.kill();
        both.until(|both| {
            while both.reports.peek().is_some() {
                both.reports.take();
            }
            let counts = both.agent.gateway.counts();
            both.far.entered.len() as u64 + counts.lost == counts.orders
        });
        let counts = both.agent.gateway.counts();
        assert!(counts.orders == number && counts.lost >= 19, "{counts:?}");
        (0..100).for_each(|_| both.turn());
        assert_eq!(both.far.entered.len() as u64, counts.orders - counts.lost);
    });
}
