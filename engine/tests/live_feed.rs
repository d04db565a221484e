//! The live feed against the embedded exchange over real sockets of this machine, with lines that lose, double and
//! overtake: the books are those of the exchange's own messages.

#[path = "skip.rs"]
mod skip;

use coretick::base::clock::{Clock, Wall};
use coretick::base::command::{Command, Commands, Scope};
use coretick::base::instrument::Symbols;
use coretick::base::message::{Flags, Key, Kind, Market, Message};
use coretick::base::unit::{AccountId, Health, InstrumentId, Nanos, Seq, Side, StrategyId};
use coretick::book::{Books, Limits};
use coretick::exchange::server::Server;
use coretick::exchange::settings::Settings;
use coretick::exchange::venue::Venue;
use coretick::ingest::Source;
use coretick::ingest::decode::Decoder;
use coretick::ingest::live::{FeedError, FeedState, LiveFeed, LiveSettings, Repair};
use coretick::ingest::transport::line::{LineSettings, Transport, probe};
use coretick::telemetry::Board;
use coretick::wire::soup::Username;
use coretick::wire::soup::secret::Secret;
use skip::skipped;
use std::net::{Ipv4Addr, UdpSocket};

const SYMBOLS: u32 = 20;
const LIMITS: Limits = Limits { orders: 1 << 16, levels: 1 << 16, instruments: 64 };
const SECOND: u64 = 1_000_000_000;

/// Whether a packet to a group comes back on this machine.
fn has_multicast() -> bool {
    let group = Ipv4Addr::new(239, 255, 0, 99);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let joined = socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_ok();
    let from = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
    joined && from.send_to(b"x", (group, port)).is_ok() && socket.recv(&mut [0; 9]).is_ok()
}

/// Lines by a transport, without addresses yet.
fn by(transport: Transport) -> LineSettings {
    LineSettings {
        transport,
        fallback: false,
        lines: [None; 2],
        interfaces: [Ipv4Addr::LOCALHOST; 2],
        receive_buffer: 4 << 20,
        sqpoll: None,
    }
}

/// The transports that are possible on loopback, here.
fn transports() -> Vec<Transport> {
    let mut possible = vec![Transport::Socket];
    match probe(&by(Transport::Uring)) {
        Ok(_) => possible.push(Transport::Uring),
        Err(why) => skipped(&why.to_string()),
    }
    possible
}

struct Run {
    server: Server<Vec<u8>>,
    feed: LiveFeed,
    books: Books,
    wall: Wall,
    commands: Commands,
    last: Key,
    gaps: [u64; 2],
    clears: u64,
}

impl Run {
    /// An exchange with `faults`, and a feed that begins to listen after `late`.
    fn new(transport: Transport, faults: &str, late: Nanos, snapshots: bool) -> Self {
        let ports = [(); 2].map(|()| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
            socket.local_addr().unwrap().port()
        });
        let text = format!(
            "[flow]\nsymbols = {SYMBOLS}\nrate = 20000\nlive = 2000\n\
             [feed]\nline_a = \"239.255.0.1:{}\"\nline_b = \"239.255.0.2:{}\"\nmtu_b = 500\nkept_mib = 64\n\
             rerequests = \"127.0.0.1:0\"\nsnapshots = \"127.0.0.1:0\"\n\
             [order_entry]\nlisten = \"127.0.0.1:0\"\n[faults]\n{faults}\n",
            ports[0], ports[1]
        );
        let wall = Wall::set();
        let start = wall.now();
        let settings = Settings::read("the test", &text).unwrap();
        let midnight = Nanos(start.0 / (86_400 * SECOND) * 86_400 * SECOND);
        let plan = settings.plan(start, midnight).unwrap();
        let venue = Venue::new(plan.venue, Vec::new(), start).unwrap();
        let mut server = Server::bind(venue, &plan.addresses, 8, &settings.faults, start).unwrap();
        let at = server.addresses().unwrap();
        let joins = wall.now().plus(late);
        while wall.now() < joins {
            server.do_work(wall.now());
        }
        let secret = Secret::new("PASS01", "the test").ok().unwrap();
        let user = Username::new("DESK01").unwrap();
        let settings = LiveSettings {
            lines: LineSettings {
                lines: at.lines.map(Some),
                interfaces: at.interfaces,
                ..by(transport)
            },
            rerequests: Some(at.rerequests),
            snapshots: snapshots.then_some((at.snapshots, user, secret)),
            shards: 1,
            tick: Nanos(SECOND / 10),
            look_ahead: 16,
            stamped: true,
            repair: Repair::default(),
            held_packets: 8_192,
        };
        let (clock, commands) = (Clock::calibrated(), Commands::new());
        let decoder = Decoder::new(midnight, None, 1);
        let (symbols, board) = (Symbols::new(64), Board::new(64, &FeedState::NAMES, &[]));
        let feed =
            LiveFeed::open(&settings, decoder, clock, wall, commands.clone(), symbols, board)
                .unwrap();
        assert!(feed.receive_buffers().iter().all(|bytes| *bytes > 0));
        let books = Books::new(&LIMITS);
        let (last, gaps) = (Key::default(), [0; 2]);
        Self { server, feed, books, wall, commands, last, gaps, clears: 0 }
    }

    /// Both go on for so long, or until the feed stands so.
    fn go(&mut self, span: Nanos, until: Option<FeedState>) {
        let end = self.wall.now().plus(span);
        while self.wall.now() < end && until.is_none_or(|state| self.feed.state() != state) {
            self.server.do_work(self.wall.now());
            self.read();
        }
    }

    /// Turns until one brings nothing.
    fn read(&mut self) {
        let mut before = None;
        while before != Some(self.last) {
            before = Some(self.last);
            self.feed.turn();
            self.turn();
        }
    }

    fn turn(&mut self) {
        loop {
            let key = self.feed.next();
            if key == Key::MAX {
                return;
            }
            let now = self.wall.now();
            let message = *self.feed.take();
            assert_eq!(message.key(), key);
            assert!(key >= self.last, "keys never step back");
            assert!(message.head.time.0.abs_diff(now.0) < 30 * SECOND, "wall time");
            self.last = key;
            match message.head.kind {
                Kind::GAP => self.gaps[0] += 1,
                Kind::WHOLE => self.gaps[1] += 1,
                Kind::CLEAR => self.clears += 1,
                _ => {}
            }
            self.books.apply(&message);
        }
    }

    /// The exchange ends its day, and everything comes in.
    fn end(&mut self) {
        let now = self.wall.now();
        self.server.act(|venue, mut out| venue.end(now, &mut out));
        self.go(Nanos(20 * SECOND), Some(FeedState::Ended));
        assert_eq!(self.feed.state(), FeedState::Ended, "{:?}", self.feed.counts());
        self.read();
        assert_eq!(self.gaps[0], self.gaps[1], "whole in the end");
        let mut whole = Books::new(&LIMITS);
        let mut decoder = Decoder::new(Nanos(0), None, 1);
        let store = self.server.venue().feed().store();
        assert_eq!(store.first(), 1, "all is kept");
        for (message, sequence) in store.range(1, u64::MAX).zip(1..) {
            if let Some(message) = decoder.decode(message, Seq(sequence)) {
                whole.apply(&message);
            }
        }
        assert!(store.next() > 10_000, "{} messages", store.next());
        assert_eq!(self.books.live_orders(), whole.live_orders(), "{:?}", self.feed.counts());
        for i in (0..SYMBOLS).map(InstrumentId) {
            assert_eq!((self.books.top(i), self.books.phase(i)), (whole.top(i), whole.phase(i)));
            assert_eq!(self.books.health(i), Health::LIVE);
            for side in [Side::BUY, Side::SELL] {
                assert!(self.books.levels(i, side).eq(whole.levels(i, side)));
                for level in whole.levels(i, side) {
                    let queue = |books: &Books| -> Vec<_> {
                        let orders = books.orders(i, side, level.price);
                        orders.map(|order| (order.reference, order.qty)).collect()
                    };
                    assert_eq!(queue(&self.books), queue(&whole));
                }
            }
        }
        self.books.verify().unwrap();
        self.commands.end();
        while self.feed.waits() {
            self.feed.turn();
            assert_eq!(self.feed.next(), Key::MAX);
        }
    }
}

const FAULTS: &str = "loss = \"0.1\"\ndup = \"0.1\"\nreorder = 8\nboth_dead = \"700ms..900ms\"\n\
    a_dead = \"1200ms..1500ms\"\nrerequest_loss = \"0.1\"\nrerequest_delay = \"1ms\"";

#[test]
fn books_over_lines_that_lose_are_those_of_the_exchange() {
    if !has_multicast() {
        skipped("no multicast on this machine");
        return;
    }
    for transport in transports() {
        let mut run = Run::new(transport, FAULTS, Nanos(0), false);
        run.go(Nanos(2 * SECOND), None);
        run.end();
        let counts = run.feed.counts();
        assert!(counts.recovered > 0 && counts.gaps > 0 && counts.lost == 0, "{counts:?}");
        assert!(counts.packets.iter().all(|count| *count > 0) && run.clears == 0);
        assert_eq!((run.feed.transport(), counts.read_errors), (transport, [0; 2]));
    }
}

#[test]
fn who_comes_late_has_the_books_of_the_exchange() {
    if !has_multicast() {
        skipped("no multicast on this machine");
        return;
    }
    for transport in transports() {
        let mut run = Run::new(transport, FAULTS, Nanos(SECOND / 2), true);
        run.go(Nanos(2 * SECOND), None);
        run.end();
        let counts = run.feed.counts();
        assert!(counts.snapshots > 0 && run.clears > 0 && counts.join_ns > 0, "{counts:?}");
    }
}

/// What the feed says besides the market, with the scope that it names.
fn said(feed: &mut LiveFeed) -> Vec<(Kind, u8, u64, InstrumentId)> {
    let mut said = Vec::new();
    let mut last = Key::default();
    for _ in 0..50 {
        feed.turn();
        while feed.next() != Key::MAX {
            assert!(feed.next() >= last, "keys never step back");
            last = feed.next();
            let Market { head, code, reference, .. } = *feed.take();
            if head.kind != Kind::TICK {
                assert!(head.flags.has(Flags::LAST));
                said.push((head.kind, code, reference, head.instrument));
            }
        }
    }
    said
}

/// A feed on lines that nobody writes to.
fn silent_feed(commands: &Commands) -> LiveFeed {
    silent(Transport::Socket, false, commands).unwrap()
}

fn silent(
    transport: Transport,
    fallback: bool,
    commands: &Commands,
) -> Result<LiveFeed, FeedError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let line = socket.local_addr().unwrap();
    drop(socket);
    let settings = LiveSettings {
        lines: LineSettings { lines: [Some(line), None], fallback, ..by(transport) },
        rerequests: None,
        snapshots: None,
        shards: 1,
        tick: Nanos(0),
        look_ahead: 0,
        stamped: false,
        repair: Repair::default(),
        held_packets: 16,
    };
    let (clock, wall) = (Clock::calibrated(), Wall::set());
    let (symbols, board) = (Symbols::new(4), Board::new(4, &FeedState::NAMES, &[]));
    let decoder = Decoder::new(Nanos(0), None, 1);
    LiveFeed::open(&settings, decoder, clock, wall, commands.clone(), symbols, board)
}

#[test]
fn a_transport_that_is_not_possible_falls_back_only_where_it_may_and_says_so() {
    let commands = Commands::new();
    let refused = silent(Transport::Xdp, false, &commands).map(drop).unwrap_err().to_string();
    let why = "\"xdp\" is not possible here: lo is the loopback";
    assert!(refused.contains(why) && refused.contains("transport_fallback"), "{refused}");
    let feed = silent(Transport::Xdp, true, &commands).unwrap();
    assert_eq!(feed.transport(), Transport::Socket);
    let notes = feed.transport_notes();
    assert!(notes.len() == 1 && notes[0].contains(why), "{notes:?}");
    let feed = silent(Transport::Socket, true, &commands).unwrap();
    assert!(feed.fallback().is_none() && feed.transport_notes().is_empty());
}

#[test]
fn what_a_person_asks_is_said_once_with_its_scope() {
    let commands = Commands::new();
    let mut feed = silent_feed(&commands);
    let before = said(&mut feed);
    assert!(before.iter().all(|(kind, ..)| !matches!(*kind, Kind::KILL | Kind::FLATTEN)));
    let none = InstrumentId::NONE;
    let (firm, account) = (Scope::Firm, Scope::Account(AccountId(9)));
    let (strategy, instrument) =
        (Scope::Strategy(StrategyId(2)), Scope::Instrument(InstrumentId(3)));
    for (command, message) in [
        (Command::Kill(firm), (Kind::KILL, 0, 0, none)),
        (Command::Kill(account), (Kind::KILL, 1, 9, none)),
        (Command::Kill(strategy), (Kind::KILL, 2, 2, none)),
        (Command::Kill(instrument), (Kind::KILL, 3, 0, InstrumentId(3))),
        (Command::ReduceOnly(strategy), (Kind::REDUCE_ONLY, 2, 2, none)),
        (Command::Resume(account), (Kind::RESUME, 1, 9, none)),
        (Command::Limits(7), (Kind::LIMITS, 0, 7, none)),
        (Command::Resume(firm), (Kind::RESUME, 0, 0, none)),
    ] {
        assert_eq!(commands.killed(), message.0 != Kind::KILL || message.1 > 0, "route looks here");
        commands.ask(command).unwrap();
        assert_eq!(said(&mut feed), [message]);
    }
    assert!(!commands.killed());
    commands.kill();
    assert_eq!(said(&mut feed), [(Kind::KILL, 0, 0, none)], "it can be killed again");
    commands.flatten();
    assert_eq!(said(&mut feed), [(Kind::FLATTEN, 0, 0, none)]);
    commands.stop();
    assert_eq!(said(&mut feed), [(Kind::QUIET, 0, 0, none)]);
}

#[test]
fn all_that_was_asked_at_once_is_said_in_order_and_a_kill_overtakes() {
    let commands = Commands::new();
    let mut feed = silent_feed(&commands);
    said(&mut feed);
    let scope = |id| Scope::Account(AccountId(id));
    for id in 0..16 {
        commands.ask(Command::ReduceOnly(scope(id))).unwrap();
    }
    commands.kill();
    let said = said(&mut feed);
    assert_eq!((said.len(), said[0].0), (17, Kind::KILL));
    assert!(said[1..].iter().map(|it| it.2).eq(0..16));
}
