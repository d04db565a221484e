//! After its start the hot path never calls the allocator: neither for memory nor to give some back.
//!
//! An allocator that counts its calls, by thread, stands before the product's. The engine is turned on the test's own thread
//! over made-up days. Counting begins once a day's directory has passed (announcing a symbol may allocate) and leaves out
//! the log, which is a stage beside the hot path.
#![allow(unsafe_code)]

#[path = "allocation/gate.rs"]
mod gate;
#[path = "allocation/gateway.rs"]
mod gateway;
#[path = "allocation/log.rs"]
mod log;
#[path = "allocation/matching.rs"]
mod matching;
#[path = "allocation/portfolio.rs"]
mod portfolio;
#[path = "allocation/traders.rs"]
mod traders;

use coretick::base::clock::Clock;
use coretick::base::instrument::Symbols;
use coretick::base::message::{Key, Kind, Market};
use coretick::base::stage::{Agent, Sink};
use coretick::base::step::Pace;
use coretick::base::unit::{Nanos, Price, Qty, Seq, Side};
use coretick::book::{Anomaly, Books, Limits};
use coretick::exchange::faults::{Faults, PacketFaults};
use coretick::exchange::flow;
use coretick::exchange::market_data::{
    Feed, FeedConfig, Line, Listing, PublisherConfig, StoreLimits, TapeConfig,
};
use coretick::exchange::matching::{CancelReason, Display, Event, Limits as CoreLimits, Resting};
use coretick::exchange::order_entry::{self, Account};
use coretick::exchange::unit::{Locate, Participant, Price4, Reference};
use coretick::exchange::venue::{self, Venue};
use coretick::ingest::arbiter::{Arbiter, Offer};
use coretick::ingest::decode::Decoder;
use coretick::ingest::transport::file::ItchFile;
use coretick::ingest::{Day, DaySettings, Ingest, Source};
use coretick::sim;
use coretick::topology::alone::{Alone, run_alone};
use coretick::topology::chain::{Actor, Files, Parts, Setup};
use coretick::topology::config::{Config, Idle};
use coretick::topology::outcome::Outcome;
use coretick::topology::placement::{Placement, ShardSpec, StageName};
use coretick::wire::mold::{self, Builder, Request, Session, end_of_session};
use coretick::wire::ouch::{
    Appendage, AppendageBuilder, CancelOrder, EnterOrder, Inbound, TagValue, WirePrice,
};
use coretick::wire::soup::{self, Packet};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::hint::black_box;
use std::io::{self, Cursor};
use std::rc::Rc;
use std::sync::Arc;
use tikv_jemallocator::Jemalloc;

/// The product's allocator, with its calls counted.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Calls of this thread. Made without allocating and never dropped, so that the allocator may touch it at any time.
    static CALLS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that this thread asked for, what it gave back included.
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    CALLS.set(CALLS.get() + 1);
    BYTES.set(BYTES.get() + bytes);
}

// SAFETY: every call goes on, as it came, to an allocator that keeps the contract; counting touches a number only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { Jemalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { Jemalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promises are passed on, and all memory is Jemalloc's.
        unsafe { Jemalloc.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0);
        // SAFETY: the caller's promises are passed on, and all memory is Jemalloc's.
        unsafe { Jemalloc.dealloc(at, layout) }
    }
}

/// What `work` gives, and how often it called the allocator.
fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = CALLS.get();
    let done = work();
    (done, CALLS.get() - before)
}

const DAY: flow::DaySpec =
    flow::DaySpec { messages: 200_000, symbols: 100, live: 8_000, seed: 1, crash: None };

/// The file of a made-up day, in memory.
fn file(day: &flow::DaySpec) -> ItchFile {
    let mut bytes = Vec::new();
    day.write(&mut bytes, &mut |_| ()).unwrap();
    ItchFile::from_reader(Box::new(Cursor::new(bytes)))
}

/// A day that tells when its directory has passed.
struct Watched {
    day: Day,
    taken: u64,
    /// Whether an order was announced: the directory is over.
    trading: Rc<Cell<bool>>,
    /// Taken since then.
    events: u64,
    /// Allocates when so many messages were taken.
    planted: Option<u64>,
}

impl Watched {
    fn new(day: &flow::DaySpec, config: &Config, symbols: Symbols) -> Self {
        let settings = DaySettings {
            look_ahead: config.ingest.look_ahead as usize,
            tick: Nanos(config.engine.tick_ms * 1_000_000),
            kill_at: config.kill_at().unwrap_or(Nanos::MAX),
            shards: 1,
            stamped: true,
            sample: 16,
        };
        let decoder = Decoder::new(Nanos(0), None, 1);
        let day = Day::new(vec![file(day)], decoder, settings, Clock::calibrated(), symbols);
        Self { day, taken: 0, events: 0, trading: Rc::default(), planted: None }
    }
}

impl Source for Watched {
    fn next(&mut self) -> Key {
        self.day.next()
    }

    fn take(&mut self) -> &Market {
        self.taken += 1;
        if self.planted == Some(self.taken) {
            drop(black_box(Box::new(self.taken)));
        }
        let message = self.day.take();
        self.events += u64::from(self.trading.get());
        if message.head.kind == Kind::ADD {
            self.trading.set(true);
        }
        message
    }

    fn hint(&self, sink: &impl Sink<Market>) {
        self.day.hint(sink);
    }
}

/// The defaults with pools that hold such a day and no more to speak of, overridden by `text`.
fn config(text: &str) -> Config {
    let text = format!(
        "[book]\norders_max = 60_000\nlevels_max = 60_000\ninstruments_max = 8_192\n\
         [strategy.imbalance]\ncooldown_ms = 10\n{text}"
    );
    Config::parse("test.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

/// The path cut before these stages, and the log beside it.
fn placement(cuts: &[StageName]) -> Placement {
    let mut runs = vec![vec![]];
    for stage in [StageName::Ingest, StageName::Book(0), StageName::Risk, StageName::Route] {
        if cuts.contains(&stage) {
            runs.push(vec![]);
        }
        runs.last_mut().unwrap().push(stage);
    }
    runs.push(vec![StageName::Log]);
    let shard =
        |run| ShardSpec { name: "test".into(), run, cpu: None, idle: Idle::Spin, real_time: 0 };
    Placement { shards: runs.into_iter().map(shard).collect(), cores_wanted: 0, live: false }
}

/// A day through the whole engine, to its end; and how often the hot path called the allocator.
fn engine(
    day: &flow::DaySpec,
    config: &Config,
    cuts: &[StageName],
    pace: Pace,
    planted: Option<u64>,
) -> (Outcome<Watched>, u64) {
    let (outcome, calls) = engine_by_shard(day, config, cuts, pace, planted);
    (outcome, calls.iter().map(|(_, calls)| calls).sum())
}

/// The same, by shard: its stages, and its calls.
fn engine_by_shard(
    day: &flow::DaySpec,
    config: &Config,
    cuts: &[StageName],
    pace: Pace,
    planted: Option<u64>,
) -> (Outcome<Watched>, Vec<(Vec<StageName>, u64)>) {
    let symbols = Symbols::new(config.book.instruments_max as usize);
    let setup = Setup::new(config.clone(), 1, pace, Clock::calibrated(), symbols.clone());
    let source = Watched { planted, ..Watched::new(day, config, symbols) };
    let trading = source.trading.clone();
    let files = Files::none();
    let parts = Parts::of_replay(source, Arc::default(), files);
    let placement = placement(cuts);
    let (shard_of, mut agents): (Vec<usize>, Vec<Actor<Watched>>) =
        sim::agents(&placement, &setup, parts).into_iter().unzip();
    let mut calls: Vec<_> = placement.shards.into_iter().map(|shard| (shard.run, 0)).collect();
    while !agents.iter().all(Agent::done) {
        for (agent, shard) in agents.iter_mut().zip(&shard_of) {
            let counts = trading.get() && !matches!(agent, Actor::Log(_));
            let (_, called) = counted(|| agent.do_work());
            calls[*shard].1 += if counts { called } else { 0 };
        }
    }
    let mut outcome = Outcome::default();
    outcome.take(agents);
    (outcome, calls)
}

const FUSED: &[StageName] = &[];
const SPLIT: &[StageName] = &[StageName::Book(0), StageName::Risk, StageName::Route];

#[test]
fn the_counter_counts() {
    let (_, calls) = counted(|| black_box(7));
    assert_eq!(calls, 0);
    let (cells, calls) = counted(|| black_box(Vec::<u64>::with_capacity(3)));
    assert_eq!(calls, 1, "an allocation");
    let (mut cells, calls) = counted(|| {
        let mut cells = cells;
        cells.reserve_exact(1_000);
        black_box(cells)
    });
    assert_eq!(calls, 1, "a growth");
    let ((), calls) = counted(|| cells.extend(0..1_000));
    assert_eq!(calls, 0, "it was reserved");
    let ((), calls) = counted(|| drop(cells));
    assert_eq!(calls, 1, "a return");
    let (_, calls) = counted(|| std::thread::spawn(|| black_box(vec![0_u8; 99]).len()).join());
    let (_, again) = counted(|| std::thread::spawn(|| ()).join());
    assert!(calls == again && calls > 0, "other threads count for themselves: {calls}, {again}");
}

#[test]
fn an_allocation_planted_in_the_hot_path_is_found() {
    let config = config("");
    for cuts in [FUSED, SPLIT] {
        let (_, calls) = engine(&DAY, &config, cuts, Pace::Lockstep, Some(DAY.messages / 2));
        assert_eq!(calls, 2, "one is made and given back");
    }
}

#[test]
fn books_take_a_day_and_answer_without_the_allocator() {
    let (mut decoder, mut file) = (Decoder::new(Nanos(0), None, 1), file(&DAY));
    let mut messages = Vec::new();
    while let Some(frame) = file.next_frame() {
        messages.extend(decoder.decode(frame, Seq(messages.len() as u64)));
    }
    let roomy = Limits { orders: 20_000, levels: 20_000, instruments: 1_024 };
    // Too small for the day: to run out takes no memory either.
    let tight = Limits { orders: 2_000, ..roomy };
    for (limits, runs_out) in [(roomy, false), (tight, true)] {
        let mut books = Books::new(&limits);
        let (answers, calls) = counted(|| {
            let mut answers = 0;
            for (at, message) in messages.iter().enumerate() {
                for (step, ahead) in [(0, 16), (1, 8), (2, 4)] {
                    if let Some(coming) = messages.get(at + ahead) {
                        books.hint(coming, step);
                    }
                }
                let change = books.apply(message);
                let i = change.instrument;
                answers += books.top(i).bid_qty.0;
                for side in [Side::BUY, Side::SELL] {
                    answers += u64::from(books.walk(i, side, Qty(5_000)).levels);
                    answers += books.levels(i, side).take(10).map(|level| level.qty.0).sum::<u64>();
                    answers += books.orders(i, side, change.price).count() as u64;
                }
                answers += books.ahead(change.reference).map_or(0, |ahead| ahead.qty.0);
            }
            answers
        });
        assert_eq!(calls, 0, "{limits:?}");
        assert!(answers > DAY.messages, "the books were not empty");
        assert_eq!(books.anomalies().count(Anomaly::PoolExhausted) > 0, runs_out);
    }
}

#[test]
fn market_data_and_its_faults_take_a_day_without_the_allocator() {
    let order = |number: u64, shown: u32| Resting {
        order: Reference(number),
        locate: Locate(1),
        participant: Participant(1),
        token: 0,
        side: Side::BUY,
        price: Price4(1_000_000),
        open: shown,
        display: Display::Full,
        displayed: Some(Reference(number)),
        shown,
    };
    let config = FeedConfig {
        tape: TapeConfig {
            listings: vec![Listing::new("CORE".parse().unwrap())],
            ..TapeConfig::default()
        },
        publication: PublisherConfig::new(Session(*b"CORETICK01")),
        // Both chunks are full many times.
        store: StoreLimits { chunk_bytes: 1 << 16, chunks: 2 },
    };
    let faults = Faults::parse("loss=0.1,dup=0.1,reorder=8,a-delay=1ms,held-max=3").unwrap();
    let mut lines = Line::BOTH.map(|line| PacketFaults::of_line(&faults, line, Nanos(0)));
    let mut feed = Feed::new(config, Nanos(0)).unwrap();
    let mut bytes = 0;
    let ((), calls) = counted(|| {
        for number in 1..=50_000 {
            let now = Nanos(number * 20_000);
            let mut out = |line: Line, packet: &[u8]| {
                lines[line as usize].pass((), packet, now, &mut |(), sent| bytes += sent.len());
            };
            let shown = order(number, 100);
            let displayed = Reference(number);
            let show = Event::Displayed { order: shown, displayed, shares: 100, refill: false };
            feed.on_event(&show, now, &mut out);
            let (order, reason) = (order(number, 0), CancelReason::Requested);
            let cancel = Event::Canceled { order, shares: 100, displayed_shares: 100, reason };
            feed.on_event(&cancel, now, &mut out);
            if number % 50 == 0 {
                feed.flush(now, &mut out);
            }
            let session = Session(*b"CORETICK01");
            let request = Request { session, sequence: number, count: 9 }.to_bytes();
            bytes += feed.rerequest(&request).map_or(0, <[u8]>::len);
        }
    });
    assert_eq!(calls, 0, "calls of the allocator");
    assert_eq!(feed.store().next(), 100_001);
    let counts = lines.map(|line| line.counts());
    let all = counts.iter().all(|it| it.lost > 0 && it.duplicated > 0 && it.reordered > 0);
    assert!(all && counts[0].overflowed > 0 && bytes > 4_000_000, "{counts:?}");
    assert!(feed.store().dropped() > 0 && feed.rerequest_counts().too_old > 0);
}

#[test]
fn ingest_and_books_take_a_day_without_the_allocator() {
    let config = config("");
    for books in [false, true] {
        let source = Watched::new(&DAY, &config, Symbols::new(1_024));
        let trading = source.trading.clone();
        let sink = Alone(books.then(|| Setup::books_of(&config)));
        let mut ingest = Ingest::new(source, sink, 64, Arc::default());
        let ((), directory) = counted(|| {
            while !trading.get() {
                ingest.do_work();
            }
        });
        let ((), calls) = counted(|| run_alone(&mut ingest, || ()));
        let (source, books) = ingest.into_parts();
        assert!(directory > 0, "the table of instruments grows as they are announced");
        assert_eq!(calls, 0);
        assert_eq!(source.day.decoder().messages(), DAY.messages);
        assert!(
            books.0.is_none_or(|books| books.live_orders() > 0 && books.anomalies().total() == 0)
        );
    }
}

/// A whole day without a call, in which so many orders and fills happened at least.
fn silent(day: &flow::DaySpec, text: &str, orders: u64, fills: u64) {
    let config = config(text);
    for (cuts, pace) in [(FUSED, Pace::Lockstep), (SPLIT, Pace::Lockstep), (FUSED, Pace::FreeRun)] {
        let (outcome, calls) = engine(day, &config, cuts, pace, None);
        assert_eq!(outcome.source.unwrap().day.decoder().messages(), day.messages);
        let gate = outcome.gate.unwrap();
        let counts = gate.counts();
        assert_eq!(calls, 0, "{cuts:?} {pace:?} {counts:?}");
        // When reports come back in a free run is the schedule's, and with it how many orders there are time for.
        let part = if pace == Pace::FreeRun { 4 } else { 1 };
        let enough = counts.orders >= orders / part && counts.fills >= fills / part;
        assert!(enough, "{cuts:?} {pace:?} {counts:?}");
    }
}

#[test]
fn the_whole_engine_takes_a_day_with_imbalance_without_the_allocator() {
    silent(&DAY, "[strategy]\nname = \"imbalance\"", 1_000, 1_000);
}

const QUOTER: &str = "[strategy]\nname = \"quoter\"\n[strategy.quoter]\ncooldown_ms = 0\n";

#[test]
fn the_whole_engine_takes_a_day_with_quoter_without_the_allocator() {
    silent(&DAY, QUOTER, 1_000, 1_000);
}

#[test]
fn a_kill_in_the_middle_of_a_day_needs_no_allocator() {
    let text = format!("[engine]\nkill_at = \"12:00:00\"\n{QUOTER}");
    silent(&DAY, &text, 1_000, 100);
}

#[test]
fn thousands_of_orders_on_their_way_at_once_need_no_allocator() {
    let wide = flow::DaySpec { symbols: 8_000, messages: 400_000, live: 40_000, ..DAY };
    let text = format!(
        "[engine]\ngood_until_us = 86_400_000_000\n\
         [paper]\nlatency_out_ns = 60_000_000_000\nlatency_in_ns = 60_000_000_000\n{QUOTER}"
    );
    silent(&wide, &text, 50_000, 1_000);
}

#[test]
fn no_shard_calls_the_allocator_in_a_million_events_on_any_placement() {
    let config = config(QUOTER);
    let day = flow::DaySpec { messages: 1_050_000, live: 30_000, ..DAY };
    for cuts in [FUSED, SPLIT] {
        let (outcome, calls) = engine_by_shard(&day, &config, cuts, Pace::FreeRun, None);
        let source = outcome.source.unwrap();
        assert!(source.events >= 1_000_000, "{}", source.events);
        assert_eq!(calls.len(), cuts.len() + 2, "a shard behind each cut, and the log");
        for (run, calls) in calls {
            eprintln!("shard {run:?}: {calls} calls of the allocator in {} events", source.events);
            assert_eq!(calls, 0, "{run:?}");
        }
    }
}

#[test]
fn an_exchange_takes_orders_without_the_allocator() {
    let mut exchange = Exchange::new();
    // What is used for the first time may grow.
    exchange.turns(1..=200);
    let ((), calls) = counted(|| exchange.turns(201..=20_000));
    let counters = *exchange.venue.order_entry().counters();
    assert_eq!((counters.messages, counters.rejected, counters.out_of_step), (80_000, 20_000, 0));
    assert!(exchange.bytes > 20_000 * 200, "answers were taken");
    assert_eq!(calls, 0, "calls of the allocator");
}

/// The whole exchange but its sockets, and a client that sends bytes.
struct Exchange {
    venue: Venue<io::Sink>,
    packets: Vec<u8>,
    bytes: usize,
}

impl Exchange {
    fn new() -> Self {
        let user = soup::Username::new("DESK").unwrap();
        let password = soup::Password::new("secret").unwrap();
        let account = Account::new(user, password, *b"FIRM", Participant(1));
        let mut order_entry = order_entry::OrderEntryConfig::new(vec![account], Vec::new());
        (order_entry.orders, order_entry.messages) = (200_000, 200_000);
        let listings = vec![Listing::new("AAA".parse().unwrap())];
        let config = venue::VenueConfig {
            order_entry,
            feed: FeedConfig {
                tape: TapeConfig { listings, ..TapeConfig::default() },
                publication: PublisherConfig::new(Session(*b"  CORETICK")),
                store: StoreLimits { chunk_bytes: 1 << 20, chunks: 4 },
            },
            limits: CoreLimits { symbols: 1, orders: 1_000, levels: 1_000, participants: 4 },
            day: venue::Programme::open_at_once(),
            faults: Faults::default(),
            background: None,
            background_in_ledger: true,
        };
        let mut venue = Venue::new(config, io::sink(), Nanos(0)).unwrap();
        venue.start(Nanos(0), &mut |_, _| ());
        assert!(venue.connected(0, Nanos(0)));
        let login = soup::LoginRequest {
            username: user,
            password,
            session: soup::SessionName::BLANK,
            sequence: 1,
            heartbeat_timeout_ms: None,
        };
        let mut packets = Vec::with_capacity(1_000);
        Packet::LoginRequest(login).append(&mut packets).unwrap();
        venue.received(0, &packets, Nanos(0), &mut |_, _| ());
        Self { venue, packets, bytes: 0 }
    }

    /// In each turn a sell, a buy that trades with half of it, a reject, and a cancel of the rest.
    fn turns(&mut self, turns: std::ops::RangeInclusive<u32>) {
        for turn in turns {
            self.packets.clear();
            let number = turn * 3;
            self.enter(number, b'S', 200);
            self.enter(number + 1, b'B', 100);
            self.enter(number + 2, b'B', 0);
            let cancel = CancelOrder { user_ref_num: number.into(), ..CancelOrder::BLANK };
            self.put(&Inbound::CancelOrder(&cancel, Appendage::EMPTY));
            let now = Nanos(u64::from(turn) * 1_000);
            self.venue.due(now, &mut |_, _| ());
            self.venue.received(0, &self.packets, now, &mut |_, _| ());
            self.venue.flush(now, &mut |_, _| ());
            let count = self.venue.unsent(0, now).len();
            self.venue.sent(0, count, now);
            self.bytes += count;
        }
    }

    fn enter(&mut self, number: u32, side: u8, shares: u32) {
        let order = EnterOrder {
            user_ref_num: number.into(),
            side,
            quantity: shares.into(),
            symbol: "AAA".parse().unwrap(),
            price: WirePrice::from_e4(100_000),
            time_in_force: b'0',
            display: b'Y',
            capacity: b'P',
            intermarket_sweep_eligibility: b'N',
            cross_type: b'N',
            ..EnterOrder::BLANK
        };
        self.put(&Inbound::EnterOrder(&order, Appendage::EMPTY));
    }

    fn put(&mut self, message: &Inbound<'_>) {
        self.packets.extend(soup::head(b'U', message.length()).unwrap());
        message.append(&mut self.packets);
    }
}

#[test]
fn orders_and_answers_are_written_and_read_without_the_allocator() {
    let mut session = SessionOfBothEnds::new();
    // A stream of whole messages, cut where it comes: 1 to 300 bytes at a time.
    let ((), calls) = counted(|| (1..=20_000).for_each(|number| session.turn(number)));
    assert_eq!(session.heard, 20_000);
    assert_eq!(calls, 0, "calls of the allocator");
}

/// A client and a server whose bytes go through readers, without sockets.
struct SessionOfBothEnds {
    client: soup::ClientSession,
    server: soup::ServerSession,
    reader: soup::Reader,
    packet: [u8; 128],
    heard: u32,
}

impl SessionOfBothEnds {
    fn new() -> Self {
        let (mut client, mut server) =
            (soup::ClientSession::new(Nanos(0)), soup::ServerSession::new(Nanos(0)));
        let request = soup::LoginRequest {
            username: soup::Username::BLANK,
            password: soup::Password::BLANK,
            session: soup::SessionName::BLANK,
            sequence: 1,
            heartbeat_timeout_ms: None,
        };
        let answer = soup::LoginAccepted { session: soup::SessionName::BLANK, sequence: 1 };
        client.on_sent(&Packet::LoginRequest(request), Nanos(0));
        server.on_packet(&Packet::LoginRequest(request), Nanos(0)).unwrap();
        server.on_sent(&Packet::LoginAccepted(answer), Nanos(0));
        client.on_packet(&Packet::LoginAccepted(answer), Nanos(0)).unwrap();
        let reader = soup::Reader::new(1024);
        Self { client, server, reader, packet: [0; 128], heard: 0 }
    }

    /// The client sends an order with an option, and the server hears of it when its last byte has come.
    fn turn(&mut self, number: u32) {
        let order = EnterOrder {
            user_ref_num: number.into(),
            price: WirePrice::from_price(Price(i64::from(number) * 100_000)).unwrap(),
            ..EnterOrder::BLANK
        };
        let mut options = AppendageBuilder::new();
        options.push(TagValue::UserRefIdx(1)).unwrap();
        let (head, body) = self.packet.split_at_mut(3);
        let length = Inbound::EnterOrder(&order, options.appendage()).write(body).unwrap();
        head.copy_from_slice(&soup::head(b'U', length).unwrap());
        let now = Nanos(u64::from(number));
        self.client.on_sent(&Packet::Unsequenced(&body[..length]), now);
        for piece in self.packet[..3 + length].chunks(1 + number as usize % 300) {
            assert_eq!(self.reader.append(piece), piece.len());
            while let Some(frame) = self.reader.next_frame().unwrap() {
                let packet = Packet::parse(frame).unwrap();
                let event = self.server.on_packet(&packet, now).unwrap();
                let soup::ServerEvent::Message(message) = event else { panic!("{event:?}") };
                let Ok(Inbound::EnterOrder(heard, options)) = Inbound::parse(message) else {
                    panic!("no order")
                };
                assert_eq!(*heard, order);
                assert!(options.options().eq([Ok(TagValue::UserRefIdx(1))]));
                self.heard += 1;
            }
        }
    }
}

#[test]
fn packets_are_put_in_order_without_the_allocator() {
    const SLOTS: u64 = 16;
    let mut builder = Builder::new([0; 1_400], Session(*b"session   "), 1);
    let mut packet = |session: Session, first: u64, arbiter: &mut Arbiter| {
        builder.restart(session, first);
        while builder.push(&[7; 36]) {}
        let packet = mold::Packet::parse(builder.bytes()).unwrap();
        let mut messages = match arbiter.offer(&packet) {
            Offer::Due { skip } => packet.messages().skip(skip).count(),
            _ => 0,
        };
        while arbiter.full() && arbiter.give_up().is_some() {}
        while let Some(due) = arbiter.release() {
            messages += due.packet.messages().skip(due.skip).count();
        }
        (messages as u64, packet.next())
    };
    let (mut arbiter, made) = counted(|| Arbiter::new(SLOTS as usize, 1_400));
    assert!(made > 0);
    let (delivered, calls) = counted(|| {
        let mut delivered = 0;
        for session in [Session(*b"morning   "), Session(*b"evening   ")] {
            // Each stretch comes from its end to its beginning, twice, and one that is as long as the slots is given up.
            let (mut next, mut stretch) = (1, 0);
            while next < 200_000 {
                let (mut last, length) = (0, 36 * (1 + stretch % (SLOTS + 2)));
                for first in (0..length / 30 + 1).rev().map(|back| next + 30 * back) {
                    let (first_copy, end) = packet(session, first, &mut arbiter);
                    delivered += first_copy + packet(session, first, &mut arbiter).0;
                    last = last.max(end);
                }
                (next, stretch) = (last, stretch + 1);
            }
            let end = end_of_session(session, next);
            arbiter.offer(&mold::Packet::parse(&end).unwrap());
            arbiter.reset();
        }
        delivered
    });
    let counts = arbiter.counts();
    assert!(counts.held > 1_000 && counts.known > 1_000 && counts.gaps > 10, "{counts:?}");
    assert!(counts.overlapping > 1_000 && counts.sessions == 2, "{counts:?}");
    assert_eq!((delivered > 100_000, calls), (true, 0));
}
