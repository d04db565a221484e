//! The gateway's place in the world: a connection, the desk's orders on one side, the venue on the other.
//!
//! Thin on purpose: what is to be done and when, the gateway knows. Nothing here waits: the connection (`connection.rs`) is
//! made while the agent goes on turning, and is read and written as far as it goes. What an order needs comes first: orders are
//! taken and written before anything is read.
#![forbid(unsafe_code)]

use super::connection::{Connection, ConnectionError, State, Transport};
use super::gateway::{BURST, Gateway, Phase};
use crate::base::approved::{Approved, Departures};
use crate::base::clock::Clock;
use crate::base::code::Code;
use crate::base::command::Commands;
use crate::base::log::{Event, Log};
use crate::base::message::{Key, Kind, Market, Report};
use crate::base::ring::{Consumer, Producer};
use crate::base::stage::Outlet;
use crate::base::unit::{Nanos, Seq, Stamp};
use crate::telemetry::{Board, Latency};
use std::io;
use std::net::SocketAddr;

/// Most orders that are taken at a turn.
const ORDERS_MAX: usize = 64;
/// Where a look at the connection is a call of the system, which costs as much as a packet of the feed, the venue is listened to
/// so often at most.
const LISTEN_EVERY: Nanos = Nanos(2_000);
/// Most orders in the socket's way that are timed.
const UNSENT_MAX: usize = 1_024;

/// A gateway with its connection.
pub struct GatewayAgent {
    gateway: Gateway,
    venue: SocketAddr,
    connection: Connection,
    /// While the firm is killed, no new order is written.
    commands: Commands,
    clock: Clock,
    orders: Consumer<Market>,
    back: Producer<Report>,
    /// Why the last connection ended or was not made.
    last_error: Option<io::Error>,
    /// When the venue was last listened to.
    listened: Nanos,
    /// Stamps of what led to the orders that the socket has not taken all of.
    unsent: Vec<Stamp>,
    receive_to_send: Latency,
    board: Option<Board>,
    /// References of orders, and the sequence in the feed of what led to each.
    causes: Vec<(u32, Seq)>,
    /// What has left, against what the gate let through.
    departures: Option<Departures>,
    log: Log,
    /// Ways in which messages made no sense, as far as the log was told.
    odd: usize,
    /// Whether it was told that orders go by plain calls.
    told_fall_back: bool,
}

impl GatewayAgent {
    /// `gateway` connected with `venue` by `connection`, which is closed yet. It takes the desk's orders from `orders`, and tells
    /// the desk what becomes of them through `back`, which has room for more than [`BURST`] reports.
    pub fn new(
        gateway: Gateway,
        (connection, venue): (Connection, SocketAddr),
        commands: Commands,
        clock: Clock,
        orders: Consumer<Market>,
        back: Producer<Report>,
    ) -> Self {
        Self {
            gateway,
            venue,
            connection,
            commands,
            clock,
            orders,
            back,
            last_error: None,
            listened: Nanos(0),
            unsent: Vec::with_capacity(UNSENT_MAX),
            receive_to_send: Latency::default(),
            board: None,
            causes: Vec::new(),
            departures: None,
            log: Log::silent(),
            odd: 0,
            told_fall_back: false,
        }
    }

    /// This agent, which also shows its latencies on `board`.
    pub fn shown_on(self, board: Board) -> Self {
        Self { board: Some(board), ..self }
    }

    /// This agent, which lets no more out than `approved` says; an order beyond it is refused, and the firm killed.
    pub fn held_to(self, approved: Approved) -> Self {
        Self { departures: Some(Departures::new(approved)), ..self }
    }

    /// This agent, which tells `log` what happens.
    pub fn telling(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// Where it tells what happens.
    pub fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// This agent, which also keeps what led to its first `orders` orders.
    pub fn with_causes(self, orders: usize) -> Self {
        Self { causes: Vec::with_capacity(orders), ..self }
    }

    /// References of orders, and the sequence in the feed of what led to each.
    pub fn causes(&self) -> &[(u32, Seq)] {
        &self.causes
    }

    /// Why its orders go by plain calls, if that came about at a reconnect.
    pub fn fell_back(&self) -> Option<&ConnectionError> {
        self.connection.fell_back()
    }

    /// By which way its orders go.
    pub fn transport(&self) -> Transport {
        self.connection.transport()
    }

    /// The gateway.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Cancel all that is open, wait until it has ended, log out; at `deadline` go without.
    pub fn stop(&mut self, deadline: Nanos) {
        self.gateway.stop(deadline);
    }

    /// Why the last connection ended or was not made, if the system said so; given once.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.last_error.take()
    }

    /// Ticks from when the packet that led to an order was read until the kernel had taken the order, in nanoseconds: behind the
    /// call that wrote it, or that submitted it and had its completion.
    pub fn receive_to_send(&self) -> &Latency {
        &self.receive_to_send
    }

    /// Whether there will be no further connection, no order waits, and none will come.
    pub fn is_over(&mut self) -> bool {
        matches!(self.gateway.phase(), Phase::Over(_))
            && self.orders.peek().is_none()
            && self.orders.bound() == Key::MAX
    }

    /// Promises the desk that nothing below `key` will be told. True once it can see that.
    pub fn promise_back(&mut self, key: Key) -> bool {
        self.back.until(key);
        self.back.flush()
    }

    /// One turn, bounded; returns how much was done. `now` never steps back.
    pub fn do_work(&mut self, now: Nanos) -> usize {
        self.gateway.set_killed(self.killed());
        let mut done = self.take_orders(now) + self.write(now);
        if now.since(self.listened) >= LISTEN_EVERY || self.connection.has_news() {
            self.listened = now;
            done += self.connect(now) + self.read(now);
        }
        done += self.gateway.turn(now, &mut self.back);
        self.tell_odd(now);
        done += self.write(now);
        if self.gateway.wants_close() {
            self.close(now, None);
        }
        self.back.flush();
        done
    }

    /// Tells, once, that the connection goes on without io_uring.
    #[cold]
    fn tell_fall_back(&mut self, now: Nanos) {
        self.told_fall_back = true;
        self.log.note(now, Event::OrdersBySocket, []);
    }

    fn tell_odd(&mut self, now: Nanos) {
        let odd = self.gateway.oddities().first().len();
        if odd > self.odd {
            self.odd = odd;
            self.log.note(now, Event::VenueOdd, [odd as u64]);
        }
    }

    fn killed(&self) -> bool {
        self.commands.killed()
    }

    fn take_orders(&mut self, now: Nanos) -> usize {
        let mut done = 0;
        while done < ORDERS_MAX && self.back.room() > BURST {
            let killed = self.killed();
            let Some(order) = self.orders.peek() else { break };
            let written = self.gateway.written();
            if self.departures.as_mut().is_none_or(|departures| departures.may_leave(order)) {
                self.gateway.on_order(order, now, killed, &mut self.back);
            } else {
                // Something between the gate and here makes orders of its own: nobody knows what comes next.
                self.commands.kill();
                let name = if order.reference != 0 { order.reference } else { order.other };
                self.log.note_of(order.head.instrument, now, Event::OrderUnasked, [name]);
                self.gateway.refuse(order, Code::ROUTE_UNASKED, now, &mut self.back);
            }
            // What a timer led to carries no stamp.
            if order.stamp != Stamp(0) && self.gateway.written() > written {
                if self.unsent.len() < UNSENT_MAX {
                    self.unsent.push(order.stamp);
                }
                if order.head.kind != Kind::CANCEL_ORDER
                    && self.causes.len() < self.causes.capacity()
                {
                    self.causes.push((self.gateway.next_reference() - 1, order.head.cause));
                }
            }
            self.orders.take();
            done += 1;
        }
        done
    }

    fn connect(&mut self, now: Nanos) -> usize {
        match self.connection.state() {
            State::Closed if self.gateway.wants_connection(now) => {
                self.gateway.connecting(now);
                if let Err(error) = self.connection.dial(self.venue) {
                    self.close(now, Some(error));
                }
                1
            }
            State::Connecting => match self.connection.stands() {
                Ok(true) => {
                    if !self.told_fall_back && self.connection.fell_back().is_some() {
                        self.tell_fall_back(now);
                    }
                    self.gateway.connected(now);
                    1
                }
                Ok(false) => 0,
                Err(error) => {
                    self.close(now, Some(error));
                    1
                }
            },
            State::Closed | State::Open => 0,
        }
    }

    fn read(&mut self, now: Nanos) -> usize {
        let space = self.gateway.space();
        if self.connection.state() != State::Open || space.is_empty() {
            return 0;
        }
        match self.connection.read(space) {
            Ok(None) => 0,
            // What came before stands in the buffer: it is taken in first, and what is not comes again.
            Ok(Some(0)) => {
                self.gateway.turn(now, &mut self.back);
                self.close(now, None);
                1
            }
            Ok(Some(count)) => {
                self.gateway.filled(count);
                1
            }
            Err(error) => {
                self.gateway.turn(now, &mut self.back);
                self.close(now, Some(error));
                1
            }
        }
    }

    fn write(&mut self, now: Nanos) -> usize {
        let mut done = 0;
        while self.connection.state() == State::Open {
            let unsent = self.gateway.unsent(self.commands.killed());
            if unsent.is_empty() {
                // What was called back never left.
                if self.commands.killed() {
                    self.unsent.clear();
                }
                self.time_sent();
                break;
            }
            match self.connection.write(unsent) {
                Ok(0) => break,
                Ok(count) => self.gateway.sent(count),
                Err(error) => {
                    self.close(now, Some(error));
                    return done + 1;
                }
            }
            done += 1;
        }
        done
    }

    /// All that was written is in the kernel's hands, whichever way it went: a write has ended when it returns.
    fn time_sent(&mut self) {
        if !self.unsent.is_empty() {
            let now = self.clock.stamp();
            for stamp in self.unsent.drain(..) {
                let nanos = self.clock.nanos_between(stamp, now);
                self.receive_to_send.record(nanos);
                if let Some(board) = &self.board {
                    board.latency().record(nanos);
                }
            }
        }
    }

    #[cold]
    fn close(&mut self, now: Nanos, error: Option<io::Error>) {
        // The end of one that was to end is no failure: nor of the first, which but asks what has been.
        let asked = self.gateway.phase() == Phase::Probing && self.gateway.wants_close();
        if !asked && !matches!(self.gateway.phase(), Phase::Leaving | Phase::Over(_)) {
            let number = error.as_ref().and_then(io::Error::raw_os_error).unwrap_or(0);
            self.log.note(now, Event::ConnectionFailed, [number.unsigned_abs().into()]);
        }
        self.connection.close();
        self.unsent.clear();
        self.last_error = error.or(self.last_error.take());
        self.gateway.closed(now);
    }
}

#[cfg(test)]
mod tests;
