//! `coretick demo`: the engine trades against the embedded exchange over real sockets, and the two accounts are compared.

mod far;
mod ledger;

use super::Failure;
use super::exchange::table;
use super::live::{Ends, Engine, Ran};
use super::outputs::Outputs;
use super::signal::Stop;
use super::summary::grouped;
use crate::base::clock::Wall;
use crate::base::instrument::InstrumentTable;
use crate::base::unit::{Nanos, Seq};
use crate::exchange::faults::{Chance, Faults};
use crate::exchange::server::{Addresses, Server};
use crate::exchange::settings::Settings;
use crate::exchange::venue::Venue;
use crate::ingest::date::Day as Date;
use crate::telemetry::Latency;
use crate::topology::Machine;
use crate::topology::config::{Config, MaybeAddress, RouteTransport, StrategyName, TransportName};
use crate::topology::limits::LimitsFile;
use crate::wire::itch;
use crate::wire::soup::secret::Secret;
use far::{FarEnd, Kept, Left, Rows};
use ledger::Account;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Run the whole: the embedded exchange on one core, the engine on another, over loopback sockets
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    coretick demo\n  \
    coretick demo --seconds 60 --rate 100000 --faults loss=0.05,reorder=8 --out out/demo\n  \
    coretick demo --seconds 60 --admin /tmp/demo.sock & coretick kill --socket /tmp/demo.sock --scope strategy:quoter\n\n\
    Market data goes by multicast on the loopback interface, orders by TCP. At the end all orders are cancelled, positions\n\
    traded down, the session logged out, and the exchange's ledger compared with the engine's account.\n\
    Keys of --faults: see `coretick exchange --help`.\n\n\
    Exit code: 0 when both accounts agree; 1 when they do not, or the system refused something; 2 for wrong input;\n\
    3 when orders may still be open.")]
pub(super) struct Arguments {
    /// Seconds of trading
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Draws what the background traders do
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Symbols: 1 to 8000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=8_000))]
    symbols: u32,
    /// Market-data messages a second of background traders, about
    #[arg(long, value_name = "R", default_value_t = 20_000)]
    rate: u32,
    /// What goes wrong on purpose, as key=value,...
    #[arg(long, value_name = "FAULTS")]
    faults: Option<String>,
    /// The strategy
    #[arg(long, value_enum, default_value = "quoter")]
    strategy: StrategyName,
    /// Where stages run: fused, split, or a TOML file of shards
    #[arg(long, value_name = "NAME|FILE")]
    placement: Option<String>,
    /// By which way market data comes in; xdp takes a card, which loopback is not: see scripts/lab
    #[arg(long, value_enum, default_value = "socket")]
    transport: TransportName,
    /// By which way orders go out
    #[arg(long, value_enum, default_value = "socket")]
    order_transport: RouteTransport,
    /// Listen here for `coretick risk`, `kill`, `resume` and `limits`, given as their --socket; else at admin.sock in the
    /// folder of --out
    #[arg(long, value_name = "PATH")]
    admin: Option<String>,
    /// Show plain lines instead of a console
    #[arg(long)]
    plain: bool,
    /// Write summary.json, orders.csv, fills.csv, gaps.csv, audit.csv, events.log, ledger.csv, instruments.csv, latency_*.hgrm and config.toml into
    /// this folder; those of an earlier run are removed from it first. Who was killed is kept there too, in `latches`: the
    /// next demo in this folder starts with it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// On a busy machine the exchange takes a trade back so much later than it should.
const BUSTS_LATE: Nanos = Nanos(2_000_000_000);
/// The limits that its orders are held against.
const LIMITS: &str = include_str!("demo/limits.toml");
/// The longest name that a socket can have here, in bytes: the system takes 107.
const SOCKET_NAME_MAX: usize = 100;
/// Orders of which it is kept what led to them.
const CAUSES: usize = 1 << 20;
/// MiB of messages that the exchange keeps, and so many seconds at the rate asked for: a message has some 40 bytes.
const KEPT_MIB: u64 = 64;

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let wall = Wall::set();
    let outputs = arguments.out.as_deref().map(Outputs::create).transpose()?;
    let machine = Machine::read();
    // With cores to spare the exchange has one to itself; else it shares that of the log.
    let cores = machine.cores();
    let cpu = if cores.len() > 2 { cores.last() } else { cores.first() }.map(|cpu| **cpu);
    let spare = if cores.len() > 2 { cpu.map(|cpu| cpu.id) } else { None };
    let settings = settings(arguments)?;
    let (user, password) = (settings.account[0].user.clone(), settings.account[0].password.clone());
    let now = wall.now();
    let mut plan = settings.plan(now, Date::of(now).midnight())?;
    let [line_a, line_b] = free_ports()?;
    plan.addresses = Addresses::on_this_machine(line_a, line_b);
    let table = table(&plan.venue);
    if let Some(outputs) = &outputs {
        outputs.write("instruments.csv", table.to_csv().as_bytes())?;
    }
    let file: Box<dyn Write + Send> = match &outputs {
        Some(outputs) => Box::new(outputs.open("ledger.csv")?),
        None => Box::new(io::sink()),
    };
    let rows = Rows::default();
    let venue = Venue::new(plan.venue, Kept::new(file, &rows), now)?;
    let connections = settings.order_entry.connections;
    let server = Server::bind(venue, &plan.addresses, connections, &settings.faults, now)?;
    let far = FarEnd::start(server, rows, wall, cpu)?;
    let taken_back = match settings.faults.bust {
        Chance::NEVER => Nanos(0),
        _ => settings.faults.bust_delay.0.plus(BUSTS_LATE),
    };

    let config = config(arguments, &far.addresses, &user, table)?;
    let secret = Secret::new(&password, "the demo's account").map_err(Failure::Secret)?;
    if !config.risk.admin.is_empty() {
        let path = &config.risk.admin;
        writeln!(out, "admin     {path}: coretick risk --socket {path}")?;
        out.flush()?;
    }
    let engine = Engine {
        config: config.clone(),
        machine: machine.without(spare),
        secret,
        wall,
        stop,
        ends: Ends {
            after: Some(Nanos(arguments.seconds * 1_000_000_000)),
            flat: true,
            taken_back,
        },
        outputs: outputs.as_ref(),
        title: format!(
            "coretick demo  {} symbols, {} messages/s",
            arguments.symbols,
            grouped(arguments.rate.into())
        ),
        plain: arguments.plain,
        causes: CAUSES,
    };
    let ran = engine.run();
    // Its end comes first, whatever became of the engine.
    let left = far.end()?;
    let mut ran = ran?;
    let account =
        Account::read(&left.ledger, &user).map_err(|why| Failure::LedgerDiffers(vec![why]))?;
    let differences = differences(&ran, &account, &config);
    if let Some(live) = &mut ran.summary.live {
        live.ledger_equal = Some(differences.is_empty());
    }
    let round_trip = round_trip(&ran, left, &account);
    let more = [("exchange_round_trip", &round_trip)];
    ran.sum_up(&more);
    let mut tell = || -> Result<(), Failure> {
        if let Some(outputs) = &outputs {
            outputs.latencies(&more)?;
            ran.write(outputs, &config)?;
        }
        ran.summary.print(out)?;
        writeln!(
            out,
            "\nclocks    receive_to_send: the processor's (TSC), from the packet read to the order taken by the kernel, both in the engine;\n          \
             exchange_round_trip: the exchange's own, from the time of the message that led to the order to the order's"
        )?;
        if let Some(path) = &arguments.out {
            writeln!(out, "written   {}", path.display())?;
        }
        Ok(out.flush()?)
    };
    let told = tell();
    let agreed =
        if differences.is_empty() { told } else { Err(Failure::LedgerDiffers(differences)) };
    ran.verdict(agreed)
}

/// The exchange's settings.
fn settings(arguments: &Arguments) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    settings.flow.symbols = arguments.symbols;
    settings.flow.rate = arguments.rate;
    settings.flow.seed = arguments.seed;
    let bytes = u64::from(arguments.rate) * 40 * (arguments.seconds + 30);
    settings.feed.kept_mib = ((bytes >> 20) + KEPT_MIB).min(4_096) as usize;
    if let Some(text) = &arguments.faults {
        settings.faults = Faults::parse(text).map_err(Failure::Faults)?;
    }
    Ok(settings)
}

/// Two ports that nobody has now.
fn free_ports() -> io::Result<[u16; 2]> {
    let sockets = [UdpSocket::bind("0.0.0.0:0")?, UdpSocket::bind("0.0.0.0:0")?];
    Ok([sockets[0].local_addr()?.port(), sockets[1].local_addr()?.port()])
}

/// The engine's configuration.
fn config(
    arguments: &Arguments,
    at: &Addresses,
    user: &str,
    table: InstrumentTable,
) -> Result<Config, Failure> {
    let mut config = Config::load(None, arguments.placement.as_deref())?;
    config.strategy.name = arguments.strategy;
    // Timers are what winding down goes by.
    config.engine.tick_ms = 20;
    config.book.instruments_max = arguments.symbols.next_power_of_two().max(64);
    config.book.orders_max = 1 << 19;
    config.book.levels_max = 1 << 17;
    config.venue.order_entry = at.order_entry;
    config.venue.user = user.into();
    // On a busy machine both sides of the demo wait for the processor.
    config.venue.stop_within_ms = 10_000;
    [config.feed.line_a, config.feed.line_b] = at.lines.map(|line| MaybeAddress(Some(line)));
    [config.feed.interface, _] = at.interfaces;
    config.feed.transport = arguments.transport;
    config.route.transport = arguments.order_transport;
    config.feed.rerequests = MaybeAddress(Some(at.rerequests));
    config.feed.snapshots = MaybeAddress(Some(at.snapshots));
    config.table = Some(Arc::new(table));
    config.set_limits(LimitsFile::parse("engine/cli/demo/limits.toml", LIMITS)?);
    let inside = |name| arguments.out.as_deref().map(|folder| in_folder(folder, name));
    let admin = || inside("admin.sock").filter(|path| path.len() <= SOCKET_NAME_MAX);
    config.risk.admin = arguments.admin.clone().or_else(admin).unwrap_or_default();
    config.risk.latches = inside("latches").unwrap_or_default();
    config.validate()?;
    config.limit_set()?;
    Ok(config)
}

fn in_folder(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// Where the two accounts differ.
fn differences(ran: &Ran, account: &Account, config: &Config) -> Vec<String> {
    let (Some(gate), Some(gateway)) = (&ran.outcome.gate, &ran.outcome.gateway) else {
        return vec!["the engine left no account".into()];
    };
    let Some(table) = &config.table else { return Vec::new() };
    let fills = gate.counts().fills;
    account.differences(gate.portfolio(), table, fills, gateway.agent().gateway().next_reference())
}

/// From the time of the message that led to an order to the time of the order, by the exchange's clock.
fn round_trip(ran: &Ran, left: Left, account: &Account) -> Latency {
    let mut latency = Latency::default();
    let mut server = left.server;
    let store = server.venue().feed().store();
    let causes = ran.outcome.gateway.iter().flat_map(|gateway| gateway.agent().causes());
    for (reference, Seq(sequence)) in causes {
        let taken = account.taken.get(reference);
        let message =
            store.get(*sequence).filter(|message| itch::length(message[0]) == Some(message.len()));
        if let (Some(taken), Some(message)) = (taken, message) {
            latency.record(taken.saturating_sub(itch::frame_time(message)));
        }
    }
    latency
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::AccountId;
    use crate::risk::{LevelLimits, OrderLimits};

    /// Whether no control of a level is off.
    fn is_whole(limits: &LevelLimits, breaker: bool) -> bool {
        let LevelLimits { gross_max, net_max, credit_max, window, rate, .. } = *limits;
        let money = [gross_max, net_max, credit_max, limits.loss_reduce, limits.loss_kill];
        let window = window.is_some_and(|it| it.value_max.is_some() && it.qty_max.is_some());
        let orders = limits.open_orders_max.is_some() && limits.orders_per_trade_max.is_some();
        let breaks = limits.breaker.is_some_and(|it| it.answer_within.0 > 0);
        money.iter().all(Option::is_some) && window && orders && rate.is_some() && breaks == breaker
    }

    #[test]
    fn every_control_that_the_demo_has_data_for_is_on_at_every_level() {
        let venue = settings_of(1).plan(Nanos(0), Nanos(0)).unwrap().venue;
        let limits = LimitsFile::parse("limits.toml", LIMITS).unwrap();
        // A demo of one symbol can be run too.
        let set = limits.set(AccountId(1), Some(&table(&venue))).unwrap();
        assert!(is_whole(&set.firm, true));
        assert!(set.accounts.iter().all(|it| is_whole(&it.limits, true)));
        assert!(set.strategies.iter().all(|it| is_whole(&it.limits, true)));
        assert_eq!((set.accounts.len(), set.strategies.len(), set.classes.len()), (1, 2, 1));
        let class = &set.classes[0];
        assert!(is_whole(&class.level, false), "an instrument has no breaker");
        let OrderLimits { qty_max, notional_max, average_volume_bp, collar, .. } = class.order;
        assert!(qty_max.is_some() && notional_max.is_some() && average_volume_bp.is_some());
        assert!(collar.is_some() && class.order.market_collar.is_some() && class.order.sale_marks);
        assert!(class.order.market_age_max.is_some() && class.order.repeats.is_some());
        assert!(class.order.long_max.is_some() && class.order.short_max.is_some());
        assert!(class.order.self_trade.is_some() && set.singles[0].located.is_some());
    }

    fn settings_of(symbols: u32) -> Settings {
        let mut settings = Settings::default();
        settings.flow.symbols = symbols;
        settings
    }
}
