//! A live engine at work calls neither the allocator nor, where it spins, the system for anything but input and output.
//!
//! An exchange runs beside it as a program of its own; the engine runs in this one, by the product's own code and on its own
//! threads, pinned as always. The allocator counts its calls thread by thread. Once the engine has traded for a while, a
//! million messages are let through, and what each shard's thread did meanwhile is told. `scripts/prove-clean` runs this
//! under strace, which leaves input and output alone and writes down all other calls of the system, between two marks:
//! files asked for that are not there.
//!
//! `CORETICK_CLEAN_RATE` (100,000 messages a second) says how fast the exchange is, `CORETICK_CLEAN_FEED` (socket) how the lines
//! come: socket, uring, uring-sqpoll or xdp; `CORETICK_CLEAN_ORDERS` (socket) how orders go. With `CORETICK_CLEAN_LAB` the exchange
//! runs in the namespace of that owner (`scripts/lab`), and this in the engine's. With `CORETICK_CLEAN_PLANTED` the hot shard
//! allocates now and then, and gives way when it is idle: both are to be found.
#![allow(unsafe_code)]

#[expect(dead_code, reason = "other tests start engines, and wait for them")]
#[path = "live/process.rs"]
mod process;

use clap::ValueEnum;
use coretick::base::approved::Approved;
use coretick::base::clock::{Clock, Wall};
use coretick::base::command::Commands;
use coretick::base::instrument::{Symbol, Symbols};
use coretick::base::message::{Key, Market};
use coretick::base::stage::Sink;
use coretick::base::step::Pace;
use coretick::base::unit::Nanos;
use coretick::ingest::date::Day;
use coretick::ingest::decode::Decoder;
use coretick::ingest::live::FeedState;
use coretick::ingest::{LiveFeed, Source};
use coretick::route::connection::Connection;
use coretick::route::gateway::{Gateway, Settings};
use coretick::sim;
use coretick::telemetry::Board;
use coretick::topology::chain::{Files, GatewayPart, LiveSeat, OVER, PHASES, Parts, Setup};
use coretick::topology::config::Executor;
use coretick::topology::config::{Config, Idle, MaybeCpu, RouteTransport};
use coretick::topology::executor::glommio_works;
use coretick::topology::machine::Cpu;
use coretick::topology::placement::{Bursts, Placement, ShardSpec};
use coretick::topology::{Machine, run};
use coretick::wire::soup::Username;
use coretick::wire::soup::secret::Secret;
use process::{Exchange, HERE, Net, PASSWORD};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::{env, fs};
use tikv_jemallocator::Jemalloc;

/// The product's allocator, with its calls counted by thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of a thread.
struct Slot {
    thread: AtomicU64,
    calls: AtomicU64,
}

/// Threads beyond so many share the last slot.
const SLOTS: usize = 64;
static SLOT: [Slot; SLOTS] =
    [const { Slot { thread: AtomicU64::new(0), calls: AtomicU64::new(0) } }; SLOTS];
static TAKEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's slot, one more; 0: none yet. Made without allocating and never dropped.
    static MINE: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    let mut mine = MINE.get();
    if mine == 0 {
        mine = TAKEN.fetch_add(1, Ordering::Relaxed).min(SLOTS - 1) + 1;
        MINE.set(mine);
        // SAFETY: it asks the kernel for a number and touches no memory.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) };
        SLOT[mine - 1].thread.store(thread as u64, Ordering::Relaxed);
    }
    SLOT[mine - 1].calls.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: every call goes on, as it came, to an allocator that keeps the contract; counting touches numbers only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { Jemalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { Jemalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on, and all memory is Jemalloc's.
        unsafe { Jemalloc.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promises are passed on, and all memory is Jemalloc's.
        unsafe { Jemalloc.dealloc(at, layout) }
    }
}

/// The numbers in a thread's `stat` behind its name, which is in brackets: the first is the parent's.
fn stat(thread: u64) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
    let numbers = text.rsplit(')').next()?.split_whitespace().skip(1);
    Some(numbers.map(|number| number.parse().unwrap_or(0)).collect())
}

/// Time that a thread has had, in the kernel's ticks.
fn had(stat: &[u64]) -> u64 {
    stat[10] + stat[11]
}

/// The thread of a shard: an executor adds a number to the name, and has a helper of the same, which has next to nothing to do.
fn thread(name: &str) -> Option<u64> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let ids = tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok());
    let named = ids.filter(|id: &u64| {
        let comm = fs::read_to_string(format!("/proc/self/task/{id}/comm")).unwrap_or_default();
        let rest = comm.trim_end().strip_prefix(name).map(|rest| rest.trim_start_matches('-'));
        rest.is_some_and(|rest| rest.bytes().all(|it| it.is_ascii_digit()))
    });
    named.max_by_key(|id| stat(*id).map(|stat| had(&stat)))
}

/// What a shard's thread has done so far.
#[derive(Clone, Copy, Debug)]
struct Done {
    thread: u64,
    /// Calls of the allocator.
    calls: u64,
    /// Pages that were not there when they were touched.
    faults: u64,
    /// Time that it had, in ticks of the kernel.
    had: u64,
}

fn done(shard: &ShardSpec) -> Done {
    let thread = thread(&shard.name).unwrap_or_else(|| panic!("no thread {}", shard.name));
    let slot = SLOT.iter().find(|slot| slot.thread.load(Ordering::Relaxed) == thread);
    let stat = stat(thread).unwrap();
    let calls = slot.map_or(0, |slot| slot.calls.load(Ordering::Relaxed));
    // Minor faults and major ones.
    Done { thread, calls, faults: stat[6] + stat[8], had: had(&stat) }
}

/// Says to whoever writes down the calls of this process where it is.
fn mark(name: &str) {
    assert!(!Path::new(name).exists());
}

/// A feed that allocates now and then, if that is planted.
struct Feed {
    feed: LiveFeed,
    planted: bool,
    taken: u64,
}

impl Source for Feed {
    fn next(&mut self) -> Key {
        self.feed.next()
    }

    fn turn(&mut self) {
        self.feed.turn();
    }

    fn waits(&self) -> bool {
        self.feed.waits()
    }

    fn take(&mut self) -> &Market {
        self.taken += 1;
        if self.planted && self.taken.is_multiple_of(1 << 18) {
            drop(black_box(Box::new(self.taken)));
        }
        self.feed.take()
    }

    fn hint(&self, sink: &impl Sink<Market>) {
        self.feed.hint(sink);
    }

    fn position(&self) -> u64 {
        self.feed.position()
    }
}

/// Messages that must come through.
const MESSAGES: u64 = 1_000_000;
/// Time that an engine that trades is given to touch what it will touch.
const WARM: Nanos = Nanos(3_000_000_000);
/// A machine that has not brought them through by then is too slow for this.
const PATIENCE: Nanos = Nanos(150_000_000_000);

/// Where the run is.
enum Leg {
    Starting,
    Warming(Nanos),
    Counting(Nanos, u64, Vec<Done>),
    Stopping,
}

#[test]
#[ignore = "half a minute: scripts/prove-clean"]
fn a_live_engine_at_work_calls_neither_allocator_nor_system() {
    let rate = env::var("CORETICK_CLEAN_RATE").map_or(100_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let room = "orders_max = 4194304\nmessages_max = 16777216\n";
    let by = env::var("CORETICK_CLEAN_FEED").unwrap_or_else(|_| "socket".into());
    let (transport, sqpoll) = by.strip_suffix("-sqpoll").map_or((&*by, false), |by| (by, true));
    let far = env::var("CORETICK_CLEAN_LAB").ok().map(|owner| format!("ct-{owner}-x"));
    let net = match &far {
        Some(far) => Net {
            // This runs in the engine's already.
            namespaces: [Some(far), None],
            exchange: ["10.77.1.1", "10.77.2.1"],
            engine: ["10.77.1.2", "10.77.2.2"],
            transport,
        },
        None => Net { transport, ..HERE },
    };
    let exchange = Exchange::start_on(net, folder.path(), rate, "", room);
    let mut config = Config::load(Some(&folder.path().join("desk.toml")), None).unwrap();
    if let Ok(name) = env::var("CORETICK_CLEAN_ORDERS") {
        config.route.transport = RouteTransport::from_str(&name, false).unwrap();
    }
    let table = config.table.clone().unwrap();
    let bursts = Bursts::of(&config);
    let machine = Machine::read();
    let placement = Placement::new(&config, &machine, &bursts).unwrap();
    if sqpoll {
        let spins = |cpu: &&Cpu| {
            placement.shards.iter().any(|shard| shard.is_hot() && shard.cpu == Some(**cpu))
        };
        let cpu = machine.cpus.iter().find(|cpu| !spins(cpu)).expect("a CPU beside the shard's");
        (config.feed.uring_sqpoll, config.feed.uring_sqpoll_cpu) = (true, MaybeCpu(Some(cpu.id)));
    }
    let mut placement = placement.live(&config, &bursts).unwrap();
    let planted = env::var_os("CORETICK_CLEAN_PLANTED").is_some();
    for shard in placement.shards.iter_mut().filter(|shard| planted && shard.idle == Idle::Spin) {
        shard.idle = Idle::Yield;
    }
    let executor = if glommio_works().is_ok() { Executor::Glommio } else { Executor::Thread };

    let (wall, clock) = (Wall::set(), Clock::calibrated());
    let (began, commands) = (wall.now(), Commands::new());
    let date = Day::of(began);
    let instruments = config.book.instruments_max as usize;
    let symbols = Symbols::new(instruments);
    let board = Board::new(instruments, &FeedState::NAMES, &PHASES);
    let secret = || Secret::new(PASSWORD, "the test").ok().unwrap();
    let opened = LiveFeed::open(
        &config.live_feed(secret()),
        Decoder::new(date.midnight(), Some((*table).clone()), config.book.shards),
        clock,
        wall,
        commands.clone(),
        symbols.clone(),
        board.clone(),
    );
    let feed = opened.unwrap_or_else(|why| panic!("{why}"));
    let names: Vec<Symbol> = table.iter().map(|(_, instrument)| instrument.symbol).collect();
    let settings = Settings::new(Username::new(&config.venue.user).unwrap());
    let approved = Approved::new();
    let setup = Setup {
        board: Some(board.clone()),
        approved: Some(approved.clone()),
        warm_up: sim::warm_up(&config, clock),
        ..Setup::new(config.clone(), date.number(), Pace::FreeRun, clock, symbols)
    };
    let way = Connection::open(config.route.transport.into(), false).unwrap().0;
    let part = GatewayPart {
        gateway: Gateway::new(settings, secret(), &names, began),
        connection: way,
        venue: config.venue.order_entry,
        wall,
        commands: commands.clone(),
        patience: Nanos(2_000_000_000),
        board: board.clone(),
        causes: 0,
        approved,
    };
    let parts = Parts {
        source: Some(Feed { feed, planted, taken: 0 }),
        position: Default::default(),
        gateway: Some(part),
        files: Some(Files::none()),
    };

    let mut leg = Leg::Starting;
    let mut found: Vec<(ShardSpec, Done, Done)> = Vec::new();
    let mut events = 0;
    let watch = || {
        let now = wall.now();
        let view = board.view(now);
        let is_live = &*view.feed.state.name == FeedState::Live.name();
        let trades = is_live && view.gateway.orders > 0;
        match &leg {
            Leg::Starting if trades => leg = Leg::Warming(now),
            Leg::Warming(since) if now.since(*since) > WARM => {
                let before = placement.shards.iter().map(done).collect();
                mark("/coretick-counts-from-here");
                leg = Leg::Counting(now, view.feed.messages, before);
            }
            Leg::Counting(since, from, before) => {
                let taken = view.feed.messages - from;
                let over = now.since(*since) > PATIENCE;
                if taken >= MESSAGES || over || view.gateway.phase.number >= OVER {
                    mark("/coretick-counts-to-here");
                    events = taken;
                    let both = placement.shards.iter().zip(before);
                    found = both.map(|(it, before)| (it.clone(), *before, done(it))).collect();
                    commands.stop();
                    leg = Leg::Stopping;
                }
            }
            Leg::Stopping if view.gateway.phase.number >= OVER => commands.end(),
            _ => {}
        }
        now.since(began).0 < 2 * PATIENCE.0
    };
    let outcome = run::run::<_, LiveSeat>(&placement, &setup, executor, parts, watch).unwrap();
    exchange.end();
    let counts = outcome.gate.as_ref().unwrap().counts();
    let way = outcome.gateway.as_ref().unwrap().agent().transport();
    eprintln!(
        "{events} messages by {by}, {} orders by {way}, {} fills",
        counts.orders, counts.fills
    );
    let came = outcome.source.as_ref().unwrap().feed.transport();
    assert_eq!((came.name(), config.lines().sqpoll.is_some()), (transport, sqpoll));
    assert!(events >= MESSAGES, "so few came through: lower CORETICK_CLEAN_RATE, or free a core");
    assert!(counts.orders > 1_000 && counts.fills > 100, "it traded: {counts:?}");
    let mut hot = 0;
    for (shard, before, after) in &found {
        let (calls, faults) = (after.calls - before.calls, after.faults - before.faults);
        let spins = shard.idle != Idle::BackOff;
        let kind = if spins { "spins" } else { "sleeps" };
        eprintln!(
            "shard {} thread {} {kind}: {calls} calls of the allocator, {faults} page faults",
            shard.name, after.thread
        );
        assert_eq!(before.thread, after.thread);
        assert!(before.calls > 0, "its start was counted");
        assert!(!spins || after.had > before.had, "it is the thread that spins");
        hot += if spins { calls } else { 0 };
    }
    eprintln!("allocations  {hot} on hot shards in {events} messages");
    assert_eq!(hot, 0, "calls of the allocator on hot shards");
}
