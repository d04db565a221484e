//! The gateway in its place in the chain: it stands where a replay has the paper venue, and knows what the time is.
#![forbid(unsafe_code)]

use crate::base::approved::Approved;
use crate::base::clock::{Clock, Wall};
use crate::base::command::Commands;
use crate::base::log::{Event, Log};
use crate::base::message::{Key, Market, Report};
use crate::base::ring::{Consumer, Producer};
use crate::base::stage::Agent;
use crate::base::unit::Nanos;
use crate::route::agent::GatewayAgent;
use crate::route::connection::Connection;
use crate::route::gateway::{End, Gateway, GatewayCounts, Phase};
use crate::telemetry::Board;
use std::io;
use std::net::SocketAddr;

/// What a board calls a gateway's phases, by number; from [`OVER`] on there will be no further connection.
pub const PHASES: [&str; 15] = [
    "down",
    "connecting",
    "probing",
    "logging in",
    "replaying",
    "clearing",
    "live",
    "leaving",
    "stopped",
    "stopped with open orders",
    "stopped unheard",
    "session ended",
    "not authorized",
    "other stream",
    "too many orders",
];
/// The first phase of a gateway that is over.
pub const OVER: u64 = 8;

/// A phase's place in [`PHASES`].
fn number_of(phase: Phase) -> u64 {
    match phase {
        Phase::Down => 0,
        Phase::Connecting => 1,
        Phase::Probing => 2,
        Phase::LoggingIn => 3,
        Phase::Replaying => 4,
        Phase::Clearing => 5,
        Phase::Live => 6,
        Phase::Leaving => 7,
        Phase::Over(End::Stopped) => OVER,
        Phase::Over(End::Deadline) => OVER + 1,
        Phase::Over(End::Unlearned) => OVER + 2,
        Phase::Over(End::SessionEnded) => OVER + 3,
        Phase::Over(End::NotAuthorized) => OVER + 4,
        Phase::Over(End::OtherStream) => OVER + 5,
        Phase::Over(End::TooManyOrders) => OVER + 6,
    }
}

/// What a gateway is made of, before there are rings.
pub struct GatewayPart {
    /// The machine.
    pub gateway: Gateway,
    /// How its bytes go; closed yet.
    pub connection: Connection,
    /// Where the venue is.
    pub venue: SocketAddr,
    /// The time of day.
    pub wall: Wall,
    /// What is asked of it.
    pub commands: Commands,
    /// After `stop` was asked, it waits so long for what is open to end.
    pub patience: Nanos,
    /// Where its figures are shown.
    pub board: Board,
    /// Orders of which it is kept what led to them.
    pub causes: usize,
    /// What the gate let through.
    pub approved: Approved,
}

/// A gateway that a shard turns.
pub struct LiveGateway {
    agent: GatewayAgent,
    wall: Wall,
    commands: Commands,
    patience: Nanos,
    board: Board,
    /// The phase that the board shows.
    shown: Phase,
    stopping: bool,
    done: bool,
}

impl LiveGateway {
    pub(super) fn new(
        part: GatewayPart,
        clock: Clock,
        orders: Consumer<Market>,
        back: Producer<Report>,
        log: Log,
    ) -> Self {
        let GatewayPart { gateway, connection, venue, wall, commands, patience, board, .. } = part;
        let GatewayPart { causes, approved, .. } = part;
        let way = (connection, venue);
        let agent = GatewayAgent::new(gateway, way, commands.clone(), clock, orders, back);
        let agent =
            agent.shown_on(board.clone()).with_causes(causes).held_to(approved).telling(log);
        let (shown, stopping, done) = (Phase::Down, false, false);
        Self { agent, wall, commands, patience, board, shown, stopping, done }
    }

    /// The gateway, with its connection.
    pub fn agent(&self) -> &GatewayAgent {
        &self.agent
    }

    /// Why the last connection ended or was not made, if the system said so; given once.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.agent.take_error()
    }

    /// Tells the log of another phase.
    #[cold]
    fn tell(&mut self, phase: Phase, now: Nanos) {
        let gateway = self.agent.gateway();
        let (logins, open) = (gateway.counts().logins, gateway.open_orders_count() as u64);
        let change = [number_of(self.shown), number_of(phase), logins, open];
        self.agent.log().note(now, Event::Session, change);
    }

    fn show(&self) {
        let (gateway, figures) = (self.agent.gateway(), self.board.gateway());
        let GatewayCounts {
            orders, replaces, cancels, refused, messages, connections, logins, ..
        } = gateway.counts();
        figures.phase.set(number_of(gateway.phase()));
        figures.orders.set(orders);
        figures.replaces.set(replaces);
        figures.cancels.set(cancels);
        figures.refused.set(refused);
        figures.messages.set(messages);
        figures.connections.set(connections);
        figures.logins.set(logins);
        figures.open.set(gateway.open_orders_count() as u64);
        figures.next_reference.set(gateway.next_reference().into());
    }
}

impl Agent for LiveGateway {
    fn do_work(&mut self) -> usize {
        let now = self.wall.now();
        if self.commands.stops() && !self.stopping {
            self.stopping = true;
            self.agent.stop(now.plus(self.patience));
        }
        let work = self.agent.do_work(now);
        // A deadline that passes is no work.
        let phase = self.agent.gateway().phase();
        if phase != self.shown {
            self.tell(phase, now);
        }
        if work > 0 || phase != self.shown {
            self.shown = phase;
            self.show();
        }
        // Once it is over and no order will come, nothing is told any more.
        self.done = self.agent.is_over() && self.agent.promise_back(Key::MAX);
        work
    }

    fn done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_that_are_over_are_the_last_ones() {
        let ends = [
            End::Stopped,
            End::Deadline,
            End::Unlearned,
            End::SessionEnded,
            End::NotAuthorized,
            End::OtherStream,
            End::TooManyOrders,
        ];
        let numbers: Vec<_> = ends.map(|end| number_of(Phase::Over(end))).into();
        assert_eq!(numbers, (OVER..PHASES.len() as u64).collect::<Vec<_>>());
        assert_eq!(PHASES[number_of(Phase::Live) as usize], "live");
    }
}
