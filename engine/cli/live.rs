//! A live engine from its configuration to what it leaves: what `coretick run` and `coretick demo` have in common.

mod course;

pub(super) use course::Ends;

use super::admin::{Desk, Refusals, Server, scopes_of};
use super::console::{Asked, Console, Watch};
use super::outputs::Outputs;
use super::service::Service;
use super::signal::Stop;
use super::summary::{LiveFigures, Summary, TradingFigures, stages};
use super::{Failure, choose_executor};
use crate::base::approved::Approved;
use crate::base::clock::{Clock, Wall};
use crate::base::command::{Commands, Scope};
use crate::base::instrument::{InstrumentTable, Symbol, Symbols};
use crate::base::step::Pace;
use crate::base::unit::{AccountId, Level, Nanos, TradingState};
use crate::book::Host;
use crate::ingest::LiveFeed;
use crate::ingest::date::Day as Date;
use crate::ingest::decode::Decoder;
use crate::ingest::live::FeedState;
use crate::journal::{Audit, Keeper, LatchKeeper, LatchLock, Latches};
use crate::risk::LimitsInbox;
use crate::route::agent::GatewayAgent;
use crate::route::connection::Connection;
use crate::route::gateway::{End, Gateway, Oddity, Pace as VenuePace, Phase, Settings};
use crate::sim;
use crate::telemetry::{Board, Latency, View};
use crate::topology::chain::{Files, GatewayPart, LiveSeat, OVER, PHASES, Parts, Setup};
use crate::topology::config::{Config, Sales};
use crate::topology::executor::{Birth, ExecutorError, near};
use crate::topology::limits::Control;
use crate::topology::outcome::Outcome;
use crate::topology::placement::{Bursts, Placement, StageName};
use crate::topology::{Machine, memory, run};
use crate::wire::ouch::code::side;
use crate::wire::soup::secret::Secret;
use crate::wire::soup::{SessionName, Username};
use course::{Course, Seen};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// Nanoseconds of a day.
const DAY: u64 = 86_400_000_000_000;
/// Orders are counted from the time of day on, in units of 128 ns: so the ids of an earlier program on the same day lie below,
/// unless it sent more than seven million orders a second.
const ORDER_UNIT_BITS: u32 = 7;

/// What a live run is made of.
pub(super) struct Engine<'a> {
    /// The configuration, its instrument table with it.
    pub(super) config: Config,
    /// The cores that it may take.
    pub(super) machine: Machine,
    /// The password.
    pub(super) secret: Secret,
    /// The time of day.
    pub(super) wall: Wall,
    /// What a person asks for.
    pub(super) stop: Stop,
    /// How it ends of its own accord.
    pub(super) ends: Ends,
    /// Where files go.
    pub(super) outputs: Option<&'a Outputs>,
    /// What the console is headed with.
    pub(super) title: String,
    /// Whether it shows plain lines even on a terminal.
    pub(super) plain: bool,
    /// Orders of which it is kept what led to them.
    pub(super) causes: usize,
}

/// What a live run leaves.
pub(super) struct Ran {
    /// The stages.
    pub(super) outcome: Outcome<LiveFeed>,
    /// The figures.
    pub(super) summary: Summary,
    /// Why there is no connection any more.
    pub(super) end: Option<End>,
    /// Orders that may be open at the venue, in words.
    pub(super) open: Vec<String>,
    /// Whether the log could write its files.
    written: io::Result<()>,
}

impl Engine<'_> {
    /// Runs it to its end.
    pub(super) fn run(self) -> Result<Ran, Failure> {
        let Self { config, machine, secret, wall, stop, ends, outputs, title, plain, causes } =
            self;
        let Some(table) = config.table.clone() else { return Err(Failure::NoTable) };
        let bursts = Bursts::of(&config);
        let placement = Placement::new(&config, &machine, &bursts)?.live(&config, &bursts)?;
        memory::fits(&placement, &config, &bursts, &machine)?;
        let executor = choose_executor(&config)?;
        let now = wall.now();
        let date = Date::of(now);
        let clock = Clock::calibrated();
        let commands = Commands::new();
        let instruments = config.book.instruments_max as usize;
        let symbols = Symbols::new(instruments);
        let board = Board::new(instruments, &FeedState::NAMES, &PHASES);

        let decoder = Decoder::new(date.midnight(), Some((*table).clone()), config.book.shards);
        // Each is made beside the shard that turns it: so its buffers and tables lie in that shard's memory.
        let beside = |stage| {
            let shard = placement.shard_of(stage).map(|at| &placement.shards[at]);
            shard.map_or((Birth::default(), ""), |shard| (shard.birth(&config), &shard.name))
        };
        let (birth, shard) = beside(StageName::Ingest);
        let feed = near(birth, shard, || {
            LiveFeed::open(
                &config.live_feed(secret),
                decoder,
                clock,
                wall,
                commands.clone(),
                symbols.clone(),
                board.clone(),
            )
        });
        let feed = feed?.map_err(Failure::Feed)?;
        if let Some(why) = feed.fallback() {
            let _ = writeln!(io::stderr(), "warning: the lines come by plain sockets: {why}");
        }
        let (birth, shard) = beside(StageName::Route);
        let (gateway, opened) = near(birth, shard, || {
            let gateway = Gateway::new(settings(&config), secret, &names(&table), now);
            let route = &config.route;
            (gateway, Connection::open(route.transport.into(), route.transport_fallback))
        })?;
        let (connection, fallback) = opened.map_err(Failure::Connection)?;
        if let Some(why) = fallback {
            let _ = writeln!(io::stderr(), "warning: orders go by a plain socket: {why}");
        }
        let setup =
            Setup::new(config.clone(), date.number(), Pace::FreeRun, clock, symbols.clone());
        let first_order = (now.0 % DAY) >> ORDER_UNIT_BITS;
        let warm_up = sim::warm_up(&config, clock);
        let setup = Setup { first_order, board: Some(board.clone()), warm_up, ..setup };
        let (files, audit) = match outputs {
            Some(outputs) => (outputs.files()?, outputs.audit()?),
            None => (Files::none(), Audit::none()),
        };
        let refusals = Refusals::default();
        let watch = Watch::new(board.clone(), instruments).with_table(&table);
        let watch = Box::new(watch.with_refusals(refusals.clone()));
        let (latches, states) = latches(&config, &table, &commands, &audit, &symbols, now)?;
        let keeper = Keeper::new(Some(audit.clone()), latches, symbols.clone(), Some(watch));
        let files = Files { observer: Some(Box::new(keeper)), ..files };
        let inbox = LimitsInbox::new();
        let set = Arc::new(config.limit_set()?);
        let version = format!("version {}", set.version);
        audit.said(now, "limits-in-force", "firm", "coretick", &version);
        inbox.offer(set);
        let approved = Approved::new();
        let (shared, waiting) = (Some(approved.clone()), Some(inbox.clone()));
        let setup = Setup { approved: shared, inbox: waiting, states, ..setup };
        let account = AccountId(config.engine.account);
        let desk = Desk {
            commands: commands.clone(),
            board: board.clone(),
            refusals: refusals.clone(),
            symbols: symbols.clone(),
            table: Arc::clone(&table),
            audit: audit.clone(),
            latches: (!config.risk.latches.is_empty()).then(|| (&config.risk.latches).into()),
            control: Mutex::new(Control::new(config.limits.clone(), account)),
            inbox,
            account,
            ticks: config.engine.tick_ms > 0,
            wall,
        };
        let admin = serve(&config, desk)?;
        let part = GatewayPart {
            gateway,
            connection,
            venue: config.venue.order_entry,
            wall,
            commands: commands.clone(),
            patience: Nanos(config.venue.stop_within_ms * 1_000_000),
            board: board.clone(),
            causes,
            approved,
        };
        let parts = Parts {
            source: Some(feed),
            position: Arc::new(AtomicU64::new(0)),
            gateway: Some(part),
            files: Some(files),
        };

        let console =
            Console::open(plain, &title, board.clone(), symbols, commands.clone(), refusals)?;
        let mut console = Some(console);
        let mut course = Course::new(ends, commands.clone(), now);
        let mut told_to_stop = false;
        let mut service = Service::from_env();
        let watch = || {
            let now = wall.now();
            // Where nobody can be shown anything, the engine goes on all the same.
            let asked = console.as_mut().map_or(Ok(Asked::Nothing), |console| console.tick(now));
            match asked.unwrap_or(Asked::Nothing) {
                Asked::Nothing => {}
                // The second time at once, as with a signal.
                Asked::Stop if told_to_stop => {
                    let _ = console.take().map(Console::close);
                    std::process::exit(130);
                }
                Asked::Stop => told_to_stop = true,
                Asked::Kill => commands.kill(),
            }
            told_to_stop |= stop.is_set();
            let view = board.view(now);
            service.tell(&view, now, told_to_stop);
            course.step(seen(&view, now, told_to_stop))
        };
        let ran = run::run::<_, LiveSeat>(&placement, &setup, executor, parts, watch);
        drop(admin);
        // A terminal that is gone takes nothing from the run.
        let _ = console.take().map(Console::close);
        let mut outcome = match ran {
            Err(ExecutorError::NotEnded) => {
                return Err(Failure::NotEnded(board.view(wall.now()).gateway.open));
            }
            ran => ran?,
        };
        // What is open at the venue is to be told, whatever becomes of the files.
        let mut written = Ok(());
        if let (Some(gate), Some(log)) = (&outcome.gate, outcome.log.take()) {
            written = log.finish(&gate.open_orders()).map(|_| ());
        }
        let told = outcome.events.take().map_or(Ok(None), |events| events.finish().map(Some));
        let told_of = told.as_ref().ok().copied().flatten();
        let written = written.and(audit.finish()).and(told.map(|_| ()));
        let mut summary = Summary::new(&config, config.symbols(), date, placed(&config));
        let wanted = placement.cores_wanted;
        summary.events = outputs.and(told_of);
        summary.folded = (wanted > 0).then(|| (wanted, machine.cores().len()));
        Ok(Ran::new(outcome, summary, &table, written))
    }
}

/// What scopes may do: level, id, state.
type States = Vec<(Level, u32, TradingState)>;

/// What was latched before this start: told to the shards, and kept from now on. A file that cannot be understood kills the
/// firm, and is left for a person to look at until a latch moves.
fn latches(
    config: &Config,
    table: &InstrumentTable,
    commands: &Commands,
    audit: &Audit,
    symbols: &Symbols,
    now: Nanos,
) -> Result<(Option<LatchKeeper>, States), Failure> {
    if config.risk.latches.is_empty() {
        return Ok((None, Vec::new()));
    }
    let path = Path::new(&config.risk.latches);
    let lock = LatchLock::take(path).map_err(|error| Failure::File(path.into(), error))?;
    let Some(lock) = lock else {
        return Err(Failure::Admin(format!(
            "{}: another engine keeps its latches there: name another file with risk.latches",
            path.display()
        )));
    };
    let read = Latches::read(path);
    let mut states = Vec::new();
    for (scope, state) in scopes_of(&read.latches, table) {
        if (scope, state) == (Scope::Firm, TradingState::KILLED) {
            // Route looks at it too.
            commands.kill();
        }
        let id = if let Scope::Instrument(instrument) = scope { instrument.0 } else { scope.id() };
        states.push((scope.level(), id, state));
    }
    match read.damage {
        Some(damage) => {
            // The next latch that moves writes the file anew: what could not be understood is kept beside it.
            let mut kept = path.as_os_str().to_owned();
            kept.push(".damaged");
            fs::copy(path, &kept).map_err(|error| Failure::File(kept.clone().into(), error))?;
            let kept = Path::new(&kept).display();
            audit.said(now, "failed", "firm", "coretick", &damage.to_string());
            let _ = writeln!(io::stderr(), "warning: {damage} (a copy is kept as {kept})");
        }
        // Whether it can be written is not found out only when it matters.
        None => read.latches.write(path).map_err(|error| Failure::File(path.into(), error))?,
    }
    let keeper = LatchKeeper::new(path, read.latches, symbols.clone());
    Ok((Some(keeper.alone(lock)), states))
}

/// Opens the administrator's socket, if one is named.
fn serve(config: &Config, desk: Desk) -> Result<Option<Server>, Failure> {
    if config.risk.admin.is_empty() {
        return Ok(None);
    }
    let path = Path::new(&config.risk.admin);
    let server = Server::open(path, Arc::new(desk)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::Admin(format!(
            "{}: an engine that runs listens there, or it is no socket: name another with risk.admin",
            path.display()
        )),
        _ => Failure::File(path.into(), error),
    });
    server.map(Some)
}

impl Ran {
    fn new(
        mut outcome: Outcome<LiveFeed>,
        mut summary: Summary,
        table: &InstrumentTable,
        written: io::Result<()>,
    ) -> Self {
        summary.seconds = outcome.seconds;
        let notes = notes(&mut outcome);
        if let Some(feed) = &outcome.source {
            summary.decoded(feed.decoder());
        }
        for (host, _) in &outcome.books {
            summary.books(host.books());
        }
        let agent = outcome.gateway.as_ref().map(|live| live.agent());
        let gateway = agent.map(GatewayAgent::gateway);
        let end = gateway.and_then(|gateway| match gateway.phase() {
            Phase::Over(end) => Some(end),
            _ => None,
        });
        let open: Vec<String> = gateway
            .into_iter()
            .flat_map(Gateway::open_orders)
            .map(|order| {
                let symbol =
                    table.get(order.instrument).map_or("?".into(), |it| it.symbol.to_string());
                let (side, open, price, reference) =
                    (order.side, order.open.0, order.price, order.reference);
                let word = if order.confirmed { "" } else { " (never confirmed)" };
                format!(
                    "{side} {open} {symbol} at {price}, reference {reference}, order {}{word}",
                    order.order.0
                )
            })
            .collect();
        if let (Some(feed), Some(agent)) = (&outcome.source, agent) {
            summary.live = Some(LiveFigures {
                state: feed.state(),
                transport: feed.transport(),
                feed: *feed.counts(),
                orders_by: agent.transport(),
                gateway: agent.gateway().counts(),
                odd: agent.gateway().oddities().total(),
                open: open.len(),
                ledger_equal: None,
                notes,
            });
        }
        Self { outcome, summary, end, open, written }
    }

    /// Its latencies, in flow order.
    pub(super) fn latencies(&self) -> Vec<(&'static str, &Latency)> {
        let sent = self.outcome.gateway.as_ref();
        let sent = sent.map(|live| ("receive_to_send", live.agent().receive_to_send()));
        stages(&self.outcome).into_iter().chain(sent).collect()
    }

    /// Takes orders, positions and latencies into the summary, `more` latencies among them.
    pub(super) fn sum_up(&mut self, more: &[(&'static str, &Latency)]) {
        let mut all = self.latencies();
        all.extend(more);
        let figures = TradingFigures::of(&self.outcome, &all);
        self.summary.trading = figures;
    }

    /// Writes its files, but for those of the log.
    pub(super) fn write(&self, outputs: &Outputs, config: &Config) -> Result<(), Failure> {
        outputs.latencies(&self.latencies())?;
        if let Some(feed) = &self.outcome.source {
            outputs.write("gaps.csv", feed.gaps().to_csv().as_bytes())?;
        }
        outputs.write("config.toml", config.to_toml().as_bytes())?;
        outputs.write("summary.json", self.summary.to_json().as_bytes())
    }

    /// What is to be said of it in the end: whether it ended as it should, and then whether it could be `told`.
    pub(super) fn verdict(self, told: Result<(), Failure>) -> Result<(), Failure> {
        verdict(self.end, self.open)?;
        told?;
        Ok(self.written?)
    }
}

/// What a person should know of it beside the figures.
fn notes(outcome: &mut Outcome<LiveFeed>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(gateway) = &mut outcome.gateway {
        if let Some(error) = gateway.take_error() {
            notes.push(format!("the last connection with the venue that failed: {error}"));
        }
        if let Some(why) = gateway.agent().fell_back() {
            notes.push(format!("orders went by a plain socket from a reconnect on: {why}"));
        }
        for Oddity { odd, standing, sequence, .. } in gateway.agent().gateway().oddities().first() {
            let order = standing.map_or("of no order".into(), |it| format!("of an order {it:?}"));
            let what = format!("the first that was {odd:?}");
            notes.push(format!("{what}: the venue's message {sequence}, {order}").to_lowercase());
        }
    }
    if let Some(feed) = &mut outcome.source {
        notes.extend(feed.transport_notes());
        if let Some(error) = feed.take_snapshot_error() {
            notes.push(format!(
                "the last connection with the snapshot service that failed: {error}"
            ));
        }
    }
    notes
}

/// Whether a session that ended like this, with these orders open, ended as it should.
fn verdict(end: Option<End>, open: Vec<String>) -> Result<(), Failure> {
    let session = match end {
        Some(End::NotAuthorized) => Failure::Session(
            "the venue did not accept user and password, and was asked as often as may be: see that venue.user is right, \
             and what CORETICK_PASSWORD or venue.password_file holds",
        ),
        Some(End::OtherStream) => Failure::Session(
            "the venue gave another session than it was asked for, so what it told before cannot be known: \
             ask it which session runs, and set venue.session",
        ),
        Some(End::TooManyOrders) => Failure::Session(
            "more orders are open at the venue than there is room for here: raise risk.open_orders_max, \
             or have the venue cancel them",
        ),
        Some(End::Unlearned) => return Err(Failure::Unlearned),
        // The venue's own end of the day ends all orders.
        Some(End::SessionEnded) => return Ok(()),
        Some(End::Stopped | End::Deadline) | None if open.is_empty() => return Ok(()),
        Some(End::Stopped | End::Deadline) | None => return Err(Failure::OpenOrders(None, open)),
    };
    match session {
        Failure::Session(why) if !open.is_empty() => Err(Failure::OpenOrders(Some(why), open)),
        session => Err(session),
    }
}

/// What the board says, as far as it matters for the course of the run.
fn seen(view: &View, now: Nanos, told_to_stop: bool) -> Seen {
    let held = view.positions.iter().any(|position| position.held.position.0 != 0);
    let state = &*view.feed.state.name;
    Seen {
        now,
        is_live: state == FeedState::Live.name() && PHASES[6] == view.gateway.phase.name,
        feed_ended: state == FeedState::Ended.name(),
        is_over: view.gateway.phase.number >= OVER,
        is_flat: !held && view.gateway.open == 0,
        told_to_stop,
    }
}

/// The session with the venue, as configured.
pub(super) fn settings(config: &Config) -> Settings {
    let venue = &config.venue;
    // A configuration that was loaded has names that fit.
    let user = Username::new(&venue.user).unwrap_or(Username::BLANK);
    let burst = venue.messages_burst;
    Settings {
        session: SessionName::new(&venue.session).unwrap_or(SessionName::BLANK),
        orders_max: config.risk.open_orders_max as usize * 2,
        pace: VenuePace { per_second: venue.messages_per_second, burst, for_cancels: burst / 10 },
        good_for: Nanos(config.engine.good_until_us.saturating_mul(1_000)),
        queue: venue.messages_queue as usize,
        mass_cancel: venue.mass_cancel,
        sale: match venue.sales {
            Sales::ByPosition => None,
            Sales::Long => Some(side::SELL),
            Sales::Short => Some(side::SELL_SHORT),
            Sales::ShortExempt => Some(side::SELL_SHORT_EXEMPT),
        },
        ..Settings::new(user)
    }
}

fn names(table: &InstrumentTable) -> Vec<Symbol> {
    table.iter().map(|(_, instrument)| instrument.symbol).collect()
}

fn placed(config: &Config) -> String {
    let named = format!("{:?}", config.topology.placement).to_lowercase();
    if config.shards.is_empty() { named } else { "from the configuration".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit code of a session that ended like this, with and without an open order.
    fn codes(end: Option<End>) -> [u8; 2] {
        [vec!["buy 100 AAPL".to_string()], Vec::new()]
            .map(|open| verdict(end, open).map_or_else(|failure| failure.exit_code(), |()| 0))
    }

    #[test]
    fn an_order_that_may_be_open_is_never_an_end_in_order() {
        assert_eq!(codes(Some(End::Stopped)), [3, 0]);
        assert_eq!(codes(Some(End::Deadline)), [3, 0]);
        assert_eq!(codes(Some(End::Unlearned)), [3, 3], "an earlier program's may be");
        assert_eq!(codes(None), [3, 0]);
        assert_eq!(codes(Some(End::SessionEnded)), [0, 0], "the venue's day is over");
        for end in [End::NotAuthorized, End::OtherStream, End::TooManyOrders] {
            assert_eq!(codes(Some(end)), [3, 1]);
        }
    }
}
