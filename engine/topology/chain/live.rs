//! The gateway in its place in the chain: it stands where a replay has the paper venue, and knows what the time is.
#![forbid(unsafe_code)]

use crate::base::clock::{Clock, Wall};
use crate::base::command::Commands;
use crate::base::message::{Key, Market, Report};
use crate::base::ring::{Consumer, Producer};
use crate::base::stage::Agent;
use crate::base::unit::Nanos;
use crate::route::agent::GatewayAgent;
use crate::route::gateway::Gateway;
use std::net::SocketAddr;

/// What a gateway is made of, before there are rings.
pub struct GatewayPart {
    /// The machine.
    pub gateway: Gateway,
    /// Where the venue is.
    pub venue: SocketAddr,
    /// The time of day.
    pub wall: Wall,
    /// What is asked of it.
    pub commands: Commands,
    /// After `stop` was asked, it waits so long for what is open to end.
    pub patience: Nanos,
}

/// A gateway that a shard turns.
pub struct LiveGateway {
    agent: GatewayAgent,
    wall: Wall,
    commands: Commands,
    patience: Nanos,
    stopping: bool,
    done: bool,
}

impl LiveGateway {
    pub(super) fn new(
        part: GatewayPart,
        clock: Clock,
        orders: Consumer<Market>,
        back: Producer<Report>,
    ) -> Self {
        let GatewayPart { gateway, venue, wall, commands, patience } = part;
        let agent = GatewayAgent::new(gateway, venue, commands.clone(), clock, orders, back);
        Self { agent, wall, commands, patience, stopping: false, done: false }
    }

    /// The gateway, with its connection.
    pub fn agent(&self) -> &GatewayAgent {
        &self.agent
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
        // Once it is over and no order will come, nothing is told any more.
        self.done = self.agent.is_over() && self.agent.promise_back(Key::MAX);
        work
    }

    fn done(&self) -> bool {
        self.done
    }
}
