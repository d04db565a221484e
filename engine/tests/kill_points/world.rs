//! The gate, the desk and the gateway on one side, the exchange's core on the other, and all that lies between them in the
//! open: so the kill switch can be pulled between any two of their steps.

use crate::recount::Recount;
use crate::stranger;
use coretick::base::command::{Command, Commands, Scope};
use coretick::base::instrument::Symbols;
use coretick::base::message::{Header, Intent, Key, Kind, Market, Message, Order, Report};
use coretick::base::stage::{Outlet, Sink, Stage};
use coretick::base::unit::*;
use coretick::exchange::faults::Faults;
use coretick::exchange::market_data::{
    FeedConfig, Line, Listing, PublisherConfig, Session, StoreLimits, TapeConfig,
};
use coretick::exchange::matching::{Command as AtVenue, Limits};
use coretick::exchange::order_entry::{Account, OrderEntryConfig};
use coretick::exchange::unit::Participant;
use coretick::exchange::venue::{Programme, Venue, VenueConfig};
use coretick::journal::{LatchKeeper, Latches};
use coretick::portfolio;
use coretick::risk::{Gate, GateSettings, LevelLimits, LimitSet, StrategyScope};
use coretick::route::gateway::{Gateway, Phase as At, Settings};
use coretick::route::{Desk, Secret};
use coretick::wire::ouch::Symbol;
use coretick::wire::soup::{Password, Username};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SYMBOLS: [&str; 2] = ["AAA", "BBB"];
/// Places in a step where the kill switch can be pulled.
pub(crate) const PARTS: usize = 4;
const PASSWORD: &str = "swordfish";
const ACCOUNT: AccountId = AccountId(1);

/// Whose an order is: it is in its name.
pub(crate) fn strategy_of(name: u64) -> StrategyId {
    StrategyId(1 + (name >> 2 & 1) as u16)
}

/// What lies between two stages.
struct Pipe<T>(VecDeque<T>);

impl<T> Outlet for Pipe<T> {
    fn room(&mut self) -> usize {
        1 << 12
    }

    fn until(&mut self, _: Key) -> bool {
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl<T: Message> Sink<T> for Pipe<T> {
    fn put(&mut self, message: &T) {
        self.0.push_back(*message);
    }
}

fn exchange() -> Venue<Vec<u8>> {
    let (user, password) = (Username::new("DESK").unwrap(), Password::new(PASSWORD).unwrap());
    // What a lost connection leaves stays in the market: it is ours to cancel.
    let account = Account {
        cancel_on_disconnect: false,
        ..Account::new(user, password, *b"DESK", Participant(1))
    };
    let listings = SYMBOLS.map(|symbol| Listing::new(symbol.parse().unwrap()));
    let mut order_entry = OrderEntryConfig::new(vec![account], Vec::new());
    (order_entry.orders, order_entry.messages) = (4_096, 1 << 15);
    let config = VenueConfig {
        order_entry,
        feed: FeedConfig {
            tape: TapeConfig { listings: listings.into(), ..TapeConfig::default() },
            publication: PublisherConfig::new(Session(*b"  CORETICK")),
            store: StoreLimits { chunk_bytes: 1 << 16, chunks: 1 << 5 },
        },
        limits: Limits { symbols: 0, orders: 4_096, levels: 256, participants: 4 },
        day: Programme::open_at_once(),
        faults: Faults::parse("").unwrap(),
        background: None,
        background_in_ledger: false,
    };
    let mut venue = Venue::new(config, Vec::new(), Nanos(0)).unwrap();
    venue.start(Nanos(0), &mut |_, _| ());
    venue
}

fn gate() -> Gate {
    let mut limits = LimitSet::open(ACCOUNT, StrategyId(1));
    let second = StrategyScope {
        id: StrategyId(2),
        account: ACCOUNT,
        limits: LevelLimits::default(),
        instruments: Vec::new(),
    };
    limits.strategies.push(second);
    Gate::new(GateSettings {
        limits: Arc::new(limits),
        orders_max: 1_024,
        instruments: SYMBOLS.len(),
        latency_out: Nanos(1),
        portfolio: portfolio::Settings::default(),
        heir: (ACCOUNT, StrategyId(1)),
    })
}

fn gateway(now: Nanos) -> Gateway {
    let secret = Secret::new(PASSWORD, "the test").ok().unwrap();
    let user = Username::new("DESK").unwrap();
    let settings = Settings { orders_max: 1_024, executions_max: 1 << 12, ..Settings::new(user) };
    let symbols: Vec<Symbol> = SYMBOLS.iter().map(|symbol| symbol.parse().unwrap()).collect();
    Gateway::new(settings, secret, &symbols, now)
}

/// Both sides.
pub(crate) struct World {
    pub(crate) venue: Venue<Vec<u8>>,
    pub(crate) commands: Commands,
    /// Firm kills that were passed on.
    kills: u64,
    pub(crate) gate: Gate,
    pub(crate) desk: Desk,
    pub(crate) gateway: Gateway,
    to_desk: Pipe<Order>,
    to_gateway: Pipe<Market>,
    from_gateway: Pipe<Report>,
    from_desk: Pipe<Report>,
    from_gate: Pipe<Report>,
    pub(crate) now: Nanos,
    chance: ChaCha8Rng,
    connected: bool,
    to_venue: Vec<u8>,
    from_venue: Vec<u8>,
    numbers: u32,
    names: u64,
    tokens: u64,
    /// Orders that the strategies know to be open.
    live: BTreeSet<u64>,
    /// Whose orders the gate wants cancelled.
    pulls: VecDeque<Report>,
    keeper: LatchKeeper,
    /// Records of the gate's own.
    pub(crate) told: Vec<Report>,
    /// Whether no new order is to leave: the firm was killed.
    pub(crate) barred: bool,
    pub(crate) recount: Recount,
    /// Names of new orders and replaces that the gate let out, and when.
    pub(crate) let_out: Vec<(u64, Nanos)>,
    /// When the gate saw the last kill.
    pub(crate) killed_at: Nanos,
}

impl World {
    /// A session that stands; latches are kept in the file at `path`, which is not there yet.
    pub(crate) fn new(seed: u64, path: &Path) -> Self {
        let mut world = Self {
            venue: exchange(),
            commands: Commands::new(),
            kills: 0,
            gate: gate(),
            desk: Desk::new(1_024, Nanos(1)),
            gateway: gateway(Nanos(0)),
            to_desk: Pipe(VecDeque::new()),
            to_gateway: Pipe(VecDeque::new()),
            from_gateway: Pipe(VecDeque::new()),
            from_desk: Pipe(VecDeque::new()),
            from_gate: Pipe(VecDeque::new()),
            now: Nanos(0),
            chance: ChaCha8Rng::seed_from_u64(seed),
            connected: false,
            to_venue: Vec::new(),
            from_venue: Vec::new(),
            numbers: 0,
            names: 0,
            tokens: 0,
            live: BTreeSet::new(),
            pulls: VecDeque::new(),
            keeper: LatchKeeper::new(path, Latches::new(), Symbols::new(SYMBOLS.len())),
            told: Vec::new(),
            barred: false,
            recount: Recount::default(),
            let_out: Vec::new(),
            killed_at: Nanos(0),
        };
        world.idle(40);
        assert_eq!(world.gateway.phase(), At::Live);
        world
    }

    /// The program ends without a word, and another one starts with the latches that it left.
    pub(crate) fn restart(&mut self, path: &Path) {
        self.cut();
        (self.commands, self.kills) = (Commands::new(), 0);
        (self.gate, self.desk) = (gate(), Desk::new(1_024, Nanos(1)));
        self.gateway = gateway(self.now);
        self.to_desk.0.clear();
        self.to_gateway.0.clear();
        for pipe in [&mut self.from_gateway, &mut self.from_desk, &mut self.from_gate] {
            pipe.0.clear();
        }
        (self.live, self.pulls) = Default::default();
        let read = Latches::read(path);
        assert!(read.damage.is_none(), "{:?}", read.damage);
        for ((level, id), latch) in read.latches.iter() {
            if (*level, latch.state) == (Level::FIRM, TradingState::KILLED) {
                self.commands.kill();
            }
            let id = id.parse().unwrap_or(0);
            assert!(self.gate.restore(*level, id, latch.state));
        }
        self.keeper = LatchKeeper::new(path, read.latches, Symbols::new(SYMBOLS.len()));
    }

    /// Somebody asks.
    pub(crate) fn ask(&mut self, command: Command) {
        self.commands.ask(command).unwrap();
        match command {
            Command::Kill(Scope::Firm) => self.barred = true,
            Command::Resume(Scope::Firm) => self.barred = false,
            _ => {}
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.chance.next_u64() % end
    }

    /// The connection breaks.
    pub(crate) fn cut(&mut self) {
        self.to_venue.clear();
        self.from_venue.clear();
        if std::mem::take(&mut self.connected) {
            self.recount.cut();
            self.venue.closed(0, self.now, &mut |_, _| ());
            self.gateway.closed(self.now);
        }
    }

    /// Nobody wants anything new; all bytes move.
    pub(crate) fn idle(&mut self, steps: usize) {
        for _ in 0..steps {
            self.now = self.now.plus(Nanos(100 * MS));
            self.pass_commands();
            self.tick();
            self.desk_takes();
            self.gateway_takes();
            self.exchange(true);
        }
    }

    /// One part of a step of the session.
    pub(crate) fn part(&mut self, part: usize) {
        match part {
            0 => {
                let ns = self.below(40 * MS);
                self.now = self.now.plus(Nanos(ns));
                self.pass_commands();
                self.tick();
                for _ in 0..1 + self.below(3) {
                    self.intend();
                }
                self.stranger();
            }
            1 => self.desk_takes(),
            2 => self.gateway_takes(),
            _ => self.exchange(false),
        }
    }

    /// What was asked goes the way of all intents, as ingest and the book stage pass it on.
    fn pass_commands(&mut self) {
        if self.kills != self.commands.kills() {
            self.kills = self.commands.kills();
            self.command(Kind::KILL, Scope::Firm);
            self.killed_at = self.now;
        }
        match self.commands.take() {
            Some(Command::Kill(scope)) => {
                self.command(Kind::KILL, scope);
                self.killed_at = self.now;
            }
            Some(Command::Resume(scope)) => self.command(Kind::RESUME, scope),
            other => assert_eq!(other, None),
        }
    }

    fn command(&mut self, kind: Kind, scope: Scope) {
        let strategy = if let Scope::Strategy(id) = scope { id } else { StrategyId(0) };
        let intent = Intent { level: scope.level(), strategy, ..self.intent(kind) };
        self.send(&intent);
    }

    /// What the book stage tells and asks at a tick.
    fn tick(&mut self) {
        while let Some(pull) = self.pulls.pop_front() {
            let level = Level(pull.limit as u8);
            let all = self.intent(Kind::CANCEL_ALL);
            self.send(&Intent { level, strategy: pull.strategy, ..all });
        }
        let mark = self.intent(Kind::MARK);
        self.send(&mark);
    }

    fn intent(&mut self, kind: Kind) -> Intent {
        self.numbers += 1;
        let (time, cause) = (self.now, Seq(self.numbers.into()));
        let instrument = InstrumentId::NONE;
        let head = Header { time, cause, instrument, kind, ..Header::default() };
        Intent {
            head,
            good_until: Nanos::MAX,
            number: self.numbers,
            account: ACCOUNT,
            health: Health::LIVE,
            phase: Phase::OPEN,
            ..Intent::default()
        }
    }

    /// An intent of one of the strategies.
    fn intend(&mut self) {
        let chosen = self.below(self.live.len().max(1) as u64) as usize;
        let target = self.live.iter().nth(chosen).copied();
        let (kind, target) = match (self.below(4), target) {
            (2, Some(target)) => (Kind::CANCEL_ORDER, target),
            (3, Some(target)) => (Kind::REPLACE_ORDER, target),
            _ => (Kind::NEW, 0),
        };
        // Side, instrument and strategy are in the name.
        let class = if kind == Kind::NEW { self.below(8) } else { target & 7 };
        self.names += 1;
        let order = if kind == Kind::CANCEL_ORDER { 0 } else { self.names << 3 | class };
        let cents = 9_990 + self.below(20) as i64;
        let qty = Qty(if kind == Kind::CANCEL_ORDER { 0 } else { 1 + self.below(300) });
        let mut intent = Intent {
            order: OrderId(order),
            target: OrderId(target),
            price: Price(cents * 10_000_000),
            qty,
            strategy: strategy_of(class),
            side: if class & 1 == 0 { Side::BUY } else { Side::SELL },
            order_type: OrderType::LIMIT,
            tif: TimeInForce::DAY,
            ..self.intent(kind)
        };
        intent.head.instrument = InstrumentId((class >> 1 & 1) as u32);
        self.send(&intent);
    }

    /// Someone else's order.
    fn stranger(&mut self) {
        self.tokens += 1;
        let enter = stranger::order(self.tokens, 200, |end| self.below(end));
        self.venue.apply(&AtVenue::Enter(enter), self.now, &mut |_: Line, _: &[u8]| ());
    }

    fn send(&mut self, intent: &Intent) {
        let before = self.to_desk.0.len();
        self.gate.on(intent, &mut self.to_desk, &mut self.from_gate);
        while self.gate.busy() {
            self.gate.resume(&mut self.to_desk, &mut self.from_gate);
        }
        for order in self.to_desk.0.range(before..).map(Order::intent) {
            if matches!(order.head.kind, Kind::NEW | Kind::REPLACE_ORDER) {
                self.let_out.push((order.order.0, self.now));
            }
        }
        self.strategies_hear();
    }

    fn strategies_hear(&mut self) {
        while let Some(report) = self.from_gate.0.pop_front() {
            let order = report.order.0;
            match report.head.kind {
                Kind::SENT if order != 0 => assert!(self.live.insert(order)),
                Kind::CLOSED => _ = self.live.remove(&order),
                Kind::MARKED if report.code != 0 => self.pulls.push_back(report),
                Kind::LATCHED | Kind::FLAT => {
                    self.keeper.take(&report, None).unwrap();
                    self.told.push(report);
                }
                _ => {}
            }
        }
    }

    fn gate_hears(&mut self) {
        while let Some(report) = self.from_desk.0.pop_front() {
            self.gate.on_report(&report, &mut self.from_gate);
        }
        self.strategies_hear();
    }

    fn desk_takes(&mut self) {
        while let Some(order) = self.to_desk.0.pop_front() {
            self.desk.on(&order, &mut self.to_gateway, &mut self.from_desk);
        }
        self.gate_hears();
    }

    fn desk_hears(&mut self) {
        // Answers first: an order is sent before anything becomes of it.
        self.gate_hears();
        while let Some(report) = self.from_gateway.0.pop_front() {
            self.desk.on_report(&report, &mut self.from_desk);
        }
        self.gate_hears();
    }

    fn gateway_takes(&mut self) {
        self.gateway.set_killed(self.commands.killed());
        while let Some(order) = self.to_gateway.0.pop_front() {
            let killed = self.commands.killed();
            self.gateway.on_order(&order, self.now, killed, &mut self.from_gateway);
        }
        self.desk_hears();
    }

    /// Bytes move: all, or some.
    fn exchange(&mut self, all: bool) {
        let now = self.now;
        let killed = self.commands.killed();
        self.gateway.set_killed(killed);
        self.venue.due(now, &mut |_, _| ());
        if !self.connected && self.gateway.wants_connection(now) {
            self.gateway.connecting(now);
            self.connected = self.venue.connected(0, now);
            assert!(self.connected);
            self.gateway.connected(now);
        }
        if self.connected {
            let unsent = self.gateway.unsent(killed).to_vec();
            let count =
                if all { unsent.len() } else { self.below(unsent.len() as u64 + 1) as usize };
            self.recount.took(&unsent[..count], self.barred);
            self.to_venue.extend_from_slice(&unsent[..count]);
            self.gateway.sent(count);
            let unsent = self.venue.unsent(0, now).to_vec();
            self.from_venue.extend_from_slice(&unsent);
            self.venue.sent(0, unsent.len(), now);
            let counts = [self.to_venue.len(), self.from_venue.len()]
                .map(|count| if all { count } else { self.below(count as u64 + 1) as usize });
            let bytes: Vec<u8> = self.to_venue.drain(..counts[0]).collect();
            self.venue.received(0, &bytes, now, &mut |_, _| ());
            let space = self.gateway.space();
            let count = counts[1].min(space.len());
            space[..count].copy_from_slice(&self.from_venue[..count]);
            self.gateway.filled(count);
            self.from_venue.drain(..count);
        }
        self.gateway.turn(now, &mut self.from_gateway);
        self.desk_hears();
        let over = self.connected && self.venue.is_over(0) && self.from_venue.is_empty();
        if self.connected && (over || self.gateway.wants_close()) {
            self.cut();
        }
    }
}
