//! The desk and its gateway against the embedded exchange, over bytes that come in pieces and connections that break at any
//! of them, with programs that end without a word: nothing is lost, doubled or invented, and the exchange's ledger and
//! our positions agree.

#[path = "stranger.rs"]
mod stranger;

use coretick::base::message::{Flags, Header, Intent, Kind, Market, Order, Report};
use coretick::base::ring::{Consumer, Producer, ring};
use coretick::base::stage::{Outlet, Stage};
use coretick::base::unit::*;
use coretick::exchange::faults::Faults;
use coretick::exchange::market_data::{
    FeedConfig, Line, Listing, PublisherConfig, Session, StoreLimits, TapeConfig,
};
use coretick::exchange::matching::{Command, Limits};
use coretick::exchange::order_entry::{Account, OrderEntryConfig};
use coretick::exchange::unit::Participant;
use coretick::exchange::venue::{Programme, Venue, VenueConfig};
use coretick::route::gateway::{End, Gateway, Odd, Phase, Settings};
use coretick::route::{Desk, Secret};
use coretick::wire::ouch::Symbol;
use coretick::wire::soup::{Password, Username};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

const MS: u64 = 1_000_000;
const SYMBOLS: [&str; 2] = ["AAA", "BBB"];
const PASSWORD: &str = "swordfish";

fn symbols() -> Vec<Symbol> {
    SYMBOLS.iter().map(|symbol| symbol.parse().unwrap()).collect()
}

fn user() -> Username {
    Username::new("DESK").unwrap()
}

fn exchange(faults: &str) -> Venue<Vec<u8>> {
    let password = Password::new(PASSWORD).unwrap();
    let account = Account::new(user(), password, *b"DESK", Participant(1));
    let config = VenueConfig {
        order_entry: OrderEntryConfig::new(vec![account], Vec::new()),
        feed: FeedConfig {
            tape: TapeConfig {
                listings: symbols().into_iter().map(Listing::new).collect(),
                ..TapeConfig::default()
            },
            publication: PublisherConfig::new(Session(*b"  CORETICK")),
            store: StoreLimits { chunk_bytes: 1 << 16, chunks: 1 << 10 },
        },
        limits: Limits { symbols: 0, orders: 100_000, levels: 10_000, participants: 4 },
        day: Programme::open_at_once(),
        faults: Faults::parse(faults).unwrap(),
        background: None,
        background_in_ledger: false,
    };
    Venue::new(config, Vec::new(), Nanos(0)).unwrap()
}

/// Our side: what ends when the program does.
struct Program {
    desk: Desk,
    gateway: Gateway,
    to_gateway: (Producer<Market>, Consumer<Market>),
    from_gateway: (Producer<Report>, Consumer<Report>),
    from_desk: (Producer<Report>, Consumer<Report>),
    positions: [i64; 2],
    /// Orders that were let out and have not ended.
    live: BTreeSet<u64>,
    /// What the chains of orders have executed.
    executed: BTreeMap<u64, u64>,
    first: u64,
}

impl Program {
    fn new(first: u64, now: Nanos) -> Self {
        let secret = Secret::new(PASSWORD, "the test").ok().unwrap();
        let settings =
            Settings { orders_max: 1_024, executions_max: 1 << 14, ..Settings::new(user()) };
        Self {
            desk: Desk::new(1_024, Nanos(1)),
            gateway: Gateway::new(settings, secret, &symbols(), now),
            to_gateway: ring(64, 0, 1),
            from_gateway: ring(1 << 14, 0, 1),
            from_desk: ring(1 << 14, 0, 1),
            positions: [0; 2],
            live: BTreeSet::new(),
            executed: BTreeMap::new(),
            first,
        }
    }

    fn send(&mut self, intent: &Intent, now: Nanos) {
        let (out, back) = (&mut self.to_gateway.0, &mut self.from_desk.0);
        let executed = self.executed.get(&intent.target.0).copied().unwrap_or_default();
        let order = match intent.head.kind {
            Kind::REPLACE_ORDER => Order::after(Qty(executed), *intent),
            _ => *Order::approved(intent),
        };
        self.desk.on(&order, out, back);
        out.flush();
        while let Some(order) = self.to_gateway.1.peek() {
            self.gateway.on_order(order, now, false, &mut self.from_gateway.0);
            self.to_gateway.1.take();
        }
        self.hear();
    }

    /// Reports go to the desk, and from there to whom it may concern.
    fn hear(&mut self) {
        self.from_gateway.0.flush();
        // Answers first: an order is sent before anything becomes of it.
        self.take_desks();
        while let Some(report) = self.from_gateway.1.peek() {
            self.desk.on_report(report, &mut self.from_desk.0);
            self.from_gateway.1.take();
        }
        self.take_desks();
    }

    fn take_desks(&mut self) {
        self.from_desk.0.flush();
        while let Some(report) = self.from_desk.1.peek().copied() {
            self.from_desk.1.take();
            self.positions[report.head.instrument.index().min(1)] += report.moves();
            let (order, ended) = (report.order.0, report.leaves == Qty::ZERO);
            match report.head.kind {
                Kind::FILLED => *self.executed.entry(order).or_default() += report.qty.0,
                Kind::REPLACED => {
                    let before = self.executed.get(&report.target.0).copied().unwrap_or_default();
                    self.executed.insert(order, before);
                }
                _ => {}
            }
            match report.head.kind {
                Kind::SENT if order != 0 => assert!(self.live.insert(order)),
                Kind::REJECTED => assert!(self.live.remove(&order), "{report:?}"),
                Kind::TOO_LATE if order != 0 => assert!(self.live.remove(&order), "{report:?}"),
                Kind::FILLED | Kind::CANCELED if ended && order >= self.first => {
                    assert!(self.live.remove(&order), "{report:?}");
                }
                Kind::REPLACED => assert!(self.live.remove(&report.target.0), "{report:?}"),
                _ => {}
            }
        }
    }
}

/// Both sides, the bytes between them, and chance.
struct World {
    venue: Venue<Vec<u8>>,
    program: Program,
    now: Nanos,
    chance: ChaCha8Rng,
    connected: bool,
    to_venue: Vec<u8>,
    to_gateway: Vec<u8>,
    names: u64,
    tokens: u64,
    programs: u64,
}

impl World {
    fn new(seed: u64, faults: &str) -> Self {
        let mut venue = exchange(faults);
        venue.start(Nanos(0), &mut |_, _| ());
        Self {
            venue,
            program: Program::new(1, Nanos(0)),
            now: Nanos(0),
            chance: ChaCha8Rng::seed_from_u64(seed),
            connected: false,
            to_venue: Vec::new(),
            to_gateway: Vec::new(),
            names: 0,
            tokens: 0,
            programs: 1,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.chance.next_u64() % end
    }

    fn cut(&mut self) {
        self.to_venue.clear();
        self.to_gateway.clear();
        if std::mem::take(&mut self.connected) {
            self.venue.closed(0, self.now, &mut |_, _| ());
            self.program.gateway.closed(self.now);
        }
    }

    /// The program ends here, without a word, and another one starts.
    fn restart(&mut self) {
        self.cut();
        self.programs += 1;
        self.program = Program::new(self.names + 1, self.now);
    }

    /// Time passes, and bytes move: all, or some.
    fn turn(&mut self, ns: u64, all: bool) {
        self.now = self.now.plus(Nanos(ns));
        let now = self.now;
        self.venue.due(now, &mut |_, _| ());
        if !self.connected && self.program.gateway.wants_connection(now) {
            self.program.gateway.connecting(now);
            self.connected = self.venue.connected(0, now);
            assert!(self.connected);
            self.program.gateway.connected(now);
        }
        if self.connected {
            let gateway = &mut self.program.gateway;
            self.to_venue.extend_from_slice(gateway.unsent(false));
            let count = gateway.unsent(false).len();
            gateway.sent(count);
            let count = self.venue.unsent(0, now).len();
            self.to_gateway.extend_from_slice(self.venue.unsent(0, now));
            self.venue.sent(0, count, now);
            let counts = [self.to_venue.len(), self.to_gateway.len()]
                .map(|count| if all { count } else { self.below(count as u64 + 1) as usize });
            let bytes: Vec<u8> = self.to_venue.drain(..counts[0]).collect();
            self.venue.received(0, &bytes, now, &mut |_, _| ());
            let space = self.program.gateway.space();
            let count = counts[1].min(space.len());
            space[..count].copy_from_slice(&self.to_gateway[..count]);
            self.program.gateway.filled(count);
            self.to_gateway.drain(..count);
        }
        self.program.gateway.turn(now, &mut self.program.from_gateway.0);
        self.program.hear();
        let over = self.connected && self.venue.is_over(0) && self.to_gateway.is_empty();
        if self.connected && (over || self.program.gateway.wants_close()) {
            self.cut();
        }
    }

    /// An intent of a strategy.
    fn intend(&mut self) {
        let chosen = self.below(self.program.live.len().max(1) as u64) as usize;
        let target = self.program.live.iter().nth(chosen).copied();
        let (kind, target) = match (self.below(4), target) {
            (2, Some(target)) => (Kind::CANCEL_ORDER, target),
            (3, Some(target)) => (Kind::REPLACE_ORDER, target),
            _ => (Kind::NEW, 0),
        };
        let mut order = 0;
        if kind != Kind::CANCEL_ORDER {
            self.names += 1;
            order = self.names;
        }
        // A replace has its target's side and instrument: here they are in the name.
        let like = if target == 0 { order } else { target };
        let like = if kind == Kind::NEW { order } else { like };
        let parity = like % 4;
        if kind == Kind::REPLACE_ORDER {
            // The next name of the same kind.
            self.names += (4 + parity - self.names % 4) % 4;
            order = self.names;
        }
        let side = if parity.is_multiple_of(2) { Side::BUY } else { Side::SELL };
        let cents = 9_990 + self.below(20) as i64;
        let head = Header {
            time: self.now,
            kind,
            instrument: InstrumentId((parity / 2) as u32),
            flags: Flags::default(),
            ..Header::default()
        };
        let intent = Intent {
            head,
            order: OrderId(order),
            target: OrderId(target),
            price: Price(cents * 10_000_000),
            qty: Qty(if kind == Kind::CANCEL_ORDER { 0 } else { 1 + self.below(300) }),
            good_until: Nanos::MAX,
            side,
            order_type: OrderType::LIMIT,
            tif: if self.below(5) == 0 { TimeInForce::IOC } else { TimeInForce::DAY },
            ..Intent::default()
        };
        self.program.send(&intent, self.now);
    }

    /// Someone else's order.
    fn stranger(&mut self) {
        self.tokens += 1;
        let enter = stranger::order(self.tokens, 400, |end| self.below(end));
        self.venue.apply(&Command::Enter(enter), self.now, &mut |_: Line, _: &[u8]| ());
    }

    fn trade(&mut self, steps: u32, cut: u64, restart: u64) {
        for _ in 0..steps {
            match self.below(8) {
                0..=2 => self.intend(),
                3 | 4 => self.stranger(),
                _ => {}
            }
            let ns = self.below(4 * MS);
            self.turn(ns, false);
            if cut > 0 && self.below(cut) == 0 {
                self.cut();
            }
            if restart > 0 && self.below(restart) == 0 {
                self.restart();
            }
        }
    }

    /// What goes wrong stops, and the program does: both sides agree then.
    fn agree(mut self) -> String {
        for _ in 0..150 {
            self.turn(1_000 * MS, true);
            self.turn(MS, true);
        }
        assert_eq!(self.program.gateway.phase(), Phase::Live);
        self.program.gateway.stop(self.now.plus(Nanos(2_000 * MS)));
        for _ in 0..500 {
            self.turn(MS, true);
        }
        assert_eq!(self.program.gateway.phase(), Phase::Over(End::Stopped));
        assert_eq!(self.program.gateway.open_orders().count(), 0);
        assert!(self.program.live.is_empty(), "not ended: {:?}", self.program.live);
        assert_eq!(self.program.desk.open_orders(), 0);
        assert_eq!(self.program.desk.counts().impossible, 0);
        let oddities = self.program.gateway.oddities();
        for odd in [Odd::Unknown, Odd::Repeated, Odd::Impossible, Odd::Unreadable] {
            assert_eq!(oddities.count(odd), 0, "{odd:?}: {:?}", oddities.first());
        }
        assert_eq!(self.program.gateway.counts().untracked, 0);
        let positions = self.program.positions;
        let ledger = String::from_utf8(self.venue.into_ledger()).unwrap();
        assert_eq!(positions, positions_of(&ledger));
        ledger
    }
}

/// Our positions as the exchange's ledger has them. References only ever rise in it.
fn positions_of(ledger: &str) -> [i64; 2] {
    let mut positions = [0; 2];
    let (mut fills, mut last) = (BTreeMap::<_, (usize, i64)>::new(), 0);
    for row in ledger.lines().skip(1) {
        let cells: Vec<_> = row.split(',').collect();
        let [_, _, kind, _, "DESK", _, user_ref, reference, symbol, side, shares, .., number, _] =
            cells[..]
        else {
            panic!("a row of somebody else: {row}");
        };
        let user_ref: u32 = user_ref.parse().unwrap();
        match kind {
            "accept" | "replace" | "reject" => {
                assert!(user_ref > last, "a reference used twice: {row}");
                last = user_ref;
            }
            "execute" => {
                let at = SYMBOLS.iter().position(|name| *name == symbol).unwrap();
                let shares: i64 = shares.parse().unwrap();
                let signed = if side == "B" { shares } else { -shares };
                positions[at] += signed;
                let fill =
                    fills.entry((number.to_owned(), reference.to_owned())).or_insert((at, 0));
                fill.1 += signed;
            }
            "break" => {
                let (at, signed) = fills[&(number.to_owned(), reference.to_owned())];
                positions[at] -= signed;
            }
            _ => {}
        }
    }
    positions
}

fn rows(ledger: &str, kind: &str) -> usize {
    ledger.lines().filter(|row| row.split(',').nth(2) == Some(kind)).count()
}

#[test]
fn undisturbed_all_that_is_sent_arrives_and_both_agree() {
    let mut world = World::new(1, "");
    world.trade(20_000, 0, 0);
    let counts = world.program.gateway.counts();
    // The start of the day is history: it is asked for once its end is known.
    assert_eq!((counts.connections, counts.lost), (2, 0));
    let ledger = world.agree();
    let kinds = ["accept", "replace", "cancel", "execute"].map(|kind| rows(&ledger, kind));
    assert!(kinds.into_iter().all(|count| count > 500), "{kinds:?}");
}

#[test]
fn connections_that_break_lose_and_double_nothing() {
    let mut lost = 0;
    for seed in 1..=12 {
        let mut world = World::new(seed, "");
        world.trade(4_000, 100, 0);
        lost += world.program.gateway.counts().lost;
        assert!(world.program.gateway.counts().connections > 5);
        world.agree();
    }
    assert!(lost > 10, "connections broke with orders on their way");
}

#[test]
fn programs_that_end_without_a_word_are_followed_by_ones_that_know() {
    for seed in 1..=12 {
        let mut world = World::new(seed, "");
        world.trade(4_000, 300, 300);
        assert!(world.programs > 3);
        let ledger = world.agree();
        assert!(rows(&ledger, "execute") > 20);
    }
}

#[test]
fn whatever_goes_wrong_at_the_exchange_both_agree_in_the_end() {
    let faults = [
        "disconnect_within=4000",
        "ack_delay=40ms,ack_delay_chance=0.3",
        "bust=0.3,bust_delay=30ms",
        "login_refusals=2,login_refusal_chance=0.1",
        "disconnect_within=6000,disconnect_times=20,ack_delay=10ms,ack_delay_chance=0.2,bust=0.2,bust_delay=200ms",
    ];
    for (faults, seed) in faults.into_iter().zip(1..) {
        for restart in [0, 500] {
            let mut world = World::new(seed, faults);
            world.trade(5_000, 0, restart);
            let busts = faults.contains("bust");
            let ledger = world.agree();
            assert_eq!(rows(&ledger, "break") > 5, busts, "{faults}");
        }
    }
}
