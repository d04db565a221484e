//! A receiver in a world that loses, doubles and delays its packets, step by step.

use super::check;
use super::venue::Venue;
use crate::base::instrument::Symbols;
use crate::base::message::{Flags, Key, Kind, Market, Message};
use crate::base::unit::{Nanos, Stamp};
use crate::ingest::decode::Decoder;
use crate::ingest::live::receiver::{Receiver, ReceiverSettings};
use crate::ingest::live::snapshot::SnapshotClient;
use crate::ingest::live::{FeedCounts, FeedState, Origin, Repair, Seen};
use crate::wire::mold::{Packet, Session};
use crate::wire::soup::secret::Secret;
use crate::wire::soup::{LoginAccepted, Packet as Soup, SessionName, Username};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::ops::Range;

/// A step's length.
const STEP: Nanos = Nanos(20_000);
/// When the world begins: a wall clock's time, more or less.
const START: Nanos = Nanos(1_700_000_000_000_000_000);
/// Steps that it may take until all is well once nothing is said any more.
const SETTLES: u64 = 60_000;

pub(super) const REPAIR: Repair = Repair {
    patience: Nanos(100_000),
    request_messages: 16,
    pause: Nanos(20_000),
    outstanding: 4,
    retry: Nanos(400_000),
    retry_max: Nanos(3_000_000),
    give_up: Nanos(20_000_000),
    silence: Nanos(30_000_000),
    join_within: Nanos(300_000_000),
};

/// What the world is like. Chances are in thousandths, times in steps.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) loss: u64,
    pub(super) dup: u64,
    pub(super) reorder: u64,
    /// When each line is dead.
    pub(super) dead: [Range<u64>; 2],
    pub(super) server: Option<Server>,
    pub(super) service: Option<Service>,
    /// When the receiver begins to listen.
    pub(super) joins: u64,
    /// Until then something waits on a line whenever it looks.
    pub(super) busy: u64,
    /// For how long things are said; then the session ends.
    pub(super) steps: u64,
    /// The session ends for the first time here, and another begins.
    pub(super) changes: Option<u64>,
    /// Whether the end of the first is said.
    pub(super) says_end: bool,
    pub(super) held_packets: usize,
    pub(super) tick: Nanos,
    pub(super) shards: usize,
}

/// The server of re-requests.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) delay: u64,
    pub(super) loss: u64,
    /// Messages in an answer, at most, and so many before what was asked for.
    pub(super) size: usize,
    pub(super) early: u64,
    pub(super) dead: Range<u64>,
    /// It has forgotten what is below.
    pub(super) first: u64,
}

impl Server {
    pub(super) const GOOD: Self =
        Self { delay: 3, loss: 0, size: 9, early: 0, dead: 0..0, first: 1 };
}

/// The service of snapshots.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// So many connections are refused, then so many cut off in the middle.
    pub(super) refused: u64,
    pub(super) cut: u64,
    /// Bytes that it sends in a step.
    pub(super) chunk: usize,
}

impl Service {
    pub(super) const GOOD: Self = Self { refused: 0, cut: 0, chunk: 700 };
}

impl Plan {
    pub(super) fn calm(seed: u64) -> Self {
        Self {
            seed,
            loss: 0,
            dup: 0,
            reorder: 0,
            dead: [0..0, 0..0],
            server: Some(Server::GOOD),
            service: None,
            joins: 0,
            busy: 0,
            steps: 400,
            changes: None,
            says_end: true,
            held_packets: 256,
            tick: Nanos(0),
            shards: 1,
        }
    }
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) out: Vec<Market>,
    pub(super) counts: FeedCounts,
    pub(super) state: FeedState,
    pub(super) venues: Vec<Venue>,
    /// Snapshots served: session, messages, the next sequence.
    pub(super) snapshots: Vec<(usize, Vec<Vec<u8>>, u64)>,
}

impl Outcome {
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.out.iter().filter(|message| message.head.kind == kind).count()
    }
}

struct World {
    plan: Plan,
    rng: ChaCha8Rng,
    now: u64,
    venues: Vec<Venue>,
    /// The next sequence on each line.
    lines: [u64; 2],
    on_the_way: BTreeMap<(u64, u64), (Origin, Vec<u8>)>,
    sent: u64,
    receiver: Receiver,
    out: Vec<Market>,
    last: Key,
    gapped: bool,
    /// What was offered of the session: ranges of sequences, and the highest that was heard of.
    session: Option<Session>,
    offered: Vec<(u64, u64)>,
    heard_of: u64,
    taken: u64,
    connection: Option<Vec<u8>>,
    cuts: Option<usize>,
    dials: u64,
    snapshots: Vec<(usize, Vec<Vec<u8>>, u64)>,
}

/// Runs `plan` until all that is to come has come.
pub(super) fn run(plan: &Plan) -> Outcome {
    let mut world = World::new(plan.clone());
    world.run();
    let World { out, receiver, venues, snapshots, .. } = world;
    let (counts, state) = (*receiver.counts(), receiver.state());
    let outcome = Outcome { out, counts, state, venues, snapshots };
    check::well_formed(&outcome);
    outcome
}

impl World {
    fn new(plan: Plan) -> Self {
        let settings = ReceiverSettings {
            shards: plan.shards,
            tick: plan.tick,
            repair: REPAIR,
            held_packets: plan.held_packets,
            rerequests: plan.server.is_some(),
        };
        let client = plan.service.as_ref().map(|_| {
            let secret = Secret::new("PASS", "the test").ok().unwrap();
            SnapshotClient::new(Username::new("USER").unwrap(), secret)
        });
        let decoder = Decoder::new(Nanos(0), None, plan.shards as u16);
        Self {
            rng: ChaCha8Rng::seed_from_u64(plan.seed),
            now: 0,
            venues: vec![Venue::new(b"FIRST     ", plan.seed)],
            lines: [1, 1],
            on_the_way: BTreeMap::new(),
            sent: 0,
            receiver: Receiver::new(settings, client, decoder, Symbols::new(16)),
            out: Vec::new(),
            last: Key::default(),
            gapped: false,
            session: None,
            offered: Vec::new(),
            heard_of: 1,
            taken: 0,
            connection: None,
            cuts: None,
            dials: 0,
            snapshots: Vec::new(),
            plan,
        }
    }

    fn chance(&mut self, thousandths: u64) -> bool {
        self.rng.next_u64() % 1_000 < thousandths
    }

    fn seen(&self) -> Seen {
        Seen { time: START.plus(Nanos(STEP.0 * self.now)), stamp: Stamp(7) }
    }

    fn run(&mut self) {
        let end = self.plan.steps;
        while self.now < end + SETTLES {
            self.step();
            self.now += 1;
            let all = self.on_the_way.is_empty() && self.now > end + 200;
            if all && self.receiver.state() == FeedState::Ended {
                return;
            }
        }
    }

    fn step(&mut self) {
        if self.plan.changes == Some(self.now) {
            if self.plan.says_end {
                self.venues.last_mut().unwrap().ended = true;
                self.idle();
            }
            self.venues.push(Venue::new(b"SECOND    ", self.plan.seed + 1));
            self.lines = [1, 1];
        }
        if self.now < self.plan.steps {
            let count = (self.rng.next_u64() % 6) as usize;
            let venue = self.venues.last_mut().unwrap();
            venue.trade(count);
        } else if self.now == self.plan.steps {
            self.venues.last_mut().unwrap().ended = true;
        }
        self.publish();
        if self.now.is_multiple_of(40) {
            self.idle();
        }
        self.deliver();
        self.converse();
    }

    /// Both lines, each cut as it likes.
    fn publish(&mut self) {
        for (line, size) in [(0, 4), (1, 3)] {
            let venue = self.venues.last().unwrap();
            let packets = venue.packets(self.lines[line], size);
            self.lines[line] = venue.next();
            packets.into_iter().for_each(|packet| self.send(line, packet));
        }
    }

    fn idle(&mut self) {
        let word = self.venues.last().unwrap().idle();
        self.send(0, word.clone());
        self.send(1, word);
    }

    fn send(&mut self, line: usize, packet: Vec<u8>) {
        let (lost, twice) = (self.chance(self.plan.loss), self.chance(self.plan.dup));
        if lost || self.plan.dead[line].contains(&self.now) || self.now < self.plan.joins {
            return;
        }
        let origin = [Origin::A, Origin::B][line];
        for _ in 0..=u8::from(twice) {
            let late = self.chance(self.plan.reorder);
            let delay = if late { 1 + self.rng.next_u64() % 6 } else { 0 };
            self.put(delay, origin, packet.clone());
        }
    }

    fn put(&mut self, delay: u64, origin: Origin, packet: Vec<u8>) {
        self.sent += 1;
        self.on_the_way.insert((self.now + delay, self.sent), (origin, packet));
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.on_the_way.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (origin, packet) = entry.remove();
            let seen = self.seen();
            self.receiver.packet(origin, &packet, seen);
            self.note(&packet);
            self.take();
        }
        let seen = self.seen();
        self.receiver.turn(seen, self.now >= self.plan.busy);
        self.take();
    }

    /// What is known to exist, and what came of it.
    fn note(&mut self, packet: &[u8]) {
        let packet = Packet::parse(packet).unwrap();
        if self.receiver.session() != Some(packet.session) {
            return;
        }
        if self.session.replace(packet.session) != Some(packet.session) {
            (self.offered, self.heard_of) = (vec![(1, 1)], 1);
        }
        self.heard_of = self.heard_of.max(packet.next());
        self.offered.push((packet.sequence, packet.next()));
    }

    /// Takes all that there is, which must be as it should.
    fn take(&mut self) {
        loop {
            while let Some(front) = self.receiver.front() {
                let key = front.key();
                let message = *self.receiver.take();
                assert!(key >= self.last, "keys never step back: {:?} {key:?}", self.last);
                self.last = key;
                let kind = message.head.kind;
                match kind {
                    Kind::GAP | Kind::WHOLE => {
                        assert_eq!(self.gapped, kind == Kind::WHOLE, "they alternate");
                        self.gapped = kind == Kind::GAP;
                    }
                    Kind::CLEAR => assert!(self.gapped),
                    _ => self.is_not_behind(),
                }
                if message.is_for_all() && kind != Kind::SESSION {
                    assert!(message.head.flags.has(Flags::LAST));
                }
                self.out.push(message);
            }
            let seen = self.seen();
            if !self.receiver.advance(seen) {
                return;
            }
        }
    }

    /// Nobody is to decide while something is known to be missing, and was not said to be.
    fn is_not_behind(&mut self) {
        if self.gapped {
            return;
        }
        let taken = self.receiver.counts().snapshots;
        if taken > self.taken {
            self.taken = taken;
            // The snapshot holds all that was before.
            self.offered.push((1, self.snapshots.last().unwrap().2));
        }
        self.offered.sort_unstable();
        self.offered.dedup_by(|next, before| {
            let joins = next.0 <= before.1;
            before.1 = if joins { before.1.max(next.1) } else { before.1 };
            joins
        });
        let next = self.offered.first().map_or(1, |(_, next)| *next);
        assert!(next >= self.heard_of, "{next} of {}: a gap", self.heard_of);
    }

    /// Re-requests and snapshots.
    fn converse(&mut self) {
        let now = self.seen().time;
        while let Some(request) = self.receiver.rerequest(now) {
            let Some(server) = self.plan.server.clone() else { panic!("nobody to ask") };
            let lost = self.chance(server.loss) || server.dead.contains(&self.now);
            let venue = self.venues.last().unwrap();
            let asked = u64::from_be_bytes(request[10..18].try_into().unwrap());
            let answer = venue.answer(&request, server.size, server.early);
            if let Some(answer) = answer.filter(|_| !lost && asked >= server.first) {
                self.put(server.delay, Origin::Rerequests, answer);
            }
        }
        self.serve(now);
    }

    fn serve(&mut self, now: Nanos) {
        let Some(service) = self.plan.service.clone() else { return };
        let Some(client) = self.receiver.snapshot() else { return };
        if client.wants_close() {
            client.closed(now);
            self.connection = None;
            return;
        }
        if client.wants_connection(now) {
            client.connecting(now);
            self.dials += 1;
            if self.dials <= service.refused {
                client.closed(now);
            } else {
                self.receiver.snapshot_connected(now);
                self.connection = Some(Vec::new());
            }
            return;
        }
        if self.connection.is_none() {
            return;
        }
        let asked = client.unsent().len();
        if asked > 3 {
            client.sent(asked);
            self.log_in(&service);
            return;
        }
        client.sent(asked);
        let Some(bytes) = &mut self.connection else { return };
        let space = client.space();
        let count = bytes.len().min(service.chunk).min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        client.filled(count);
        bytes.drain(..count);
        if self.cuts.is_some_and(|left| bytes.len() <= left) {
            self.cuts = None;
            self.connection = None;
            client.closed(now);
        }
    }

    fn log_in(&mut self, service: &Service) {
        let at = self.venues.len() - 1;
        let (messages, next) = self.venues[at].snapshot();
        let session = SessionName(self.venues[at].session.0);
        let mut bytes = Vec::new();
        let mut say = |packet: Soup<'_>| packet.append(&mut bytes).unwrap();
        say(Soup::LoginAccepted(LoginAccepted { session, sequence: 1 }));
        messages.iter().for_each(|message| say(Soup::Sequenced(message)));
        say(Soup::Sequenced(format!("G{next:020}").as_bytes()));
        say(Soup::EndOfSession);
        if self.dials <= service.refused + service.cut {
            self.cuts = Some(bytes.len() / 2);
        }
        self.connection = Some(bytes);
        self.snapshots.push((at, messages, next));
    }
}
