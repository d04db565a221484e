//! `coretick check`: what a configuration means on this machine: cores, shards, rings, pools and what they cost. It
//! starts nothing, and refuses what would not run. And what the gate lets through, and which of its controls are off.

use super::{Failure, live};
use crate::ingest::live::{FeedError, HELD_BYTES};
use crate::ingest::transport::line;
use crate::route::connection;
use crate::route::gateway::Gateway;
use crate::topology::config::{Config, Idle};
use crate::topology::findings::{Finding, findings};
use crate::topology::host::{Host, Nic};
use crate::topology::limits::Value;
use crate::topology::machine::Machine;
use crate::topology::memory::{self, pools};
use crate::topology::placement::{Bursts, Placement, ShardSpec};
use std::io::{self, Write};
use std::path::PathBuf;

/// Check a configuration: show cores, shards, rings, memory and limits, or the line that is wrong and its fix
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: coretick check --config desk.toml --placement split\n\n\
    Exit code: 0 if it would run, 2 if it is refused.")]
pub(super) struct Arguments {
    /// The configuration: a TOML file with what differs from the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where stages run: fused, split, or a TOML file of shards; wins over the configuration
    #[arg(long, value_name = "NAME|FILE")]
    placement: Option<String>,
    /// Print the values in force as TOML, and nothing else
    #[arg(long)]
    effective: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let config = Config::load(arguments.config.as_deref(), arguments.placement.as_deref())?;
    let machine = Machine::read();
    let bursts = Bursts::of(&config);
    let placement = Placement::new(&config, &machine, &bursts)?;
    memory::fits(&placement, &config, &bursts, &machine)?;
    config.limit_set()?;
    if arguments.effective {
        out.write_all(config.to_toml().as_bytes())?;
    } else {
        let host = Host::read(&machine, config.feed.interface);
        show_machine(&machine, &host, &config, out)?;
        show_shards(&placement, &config, &machine, out)?;
        show_memory(&placement, &config, &bursts, out)?;
        show_lines(&config, out)?;
        show_limits(&config, out)?;
        show_findings(&placement, &config, &machine, &host, out)?;
    }
    Ok(())
}

/// What of the host is wrong for this placement, and what to do.
fn show_findings(
    placement: &Placement,
    config: &Config,
    machine: &Machine,
    host: &Host,
    out: &mut impl Write,
) -> io::Result<()> {
    let found = found(placement, config, machine, host);
    if found.is_empty() {
        return writeln!(out, "\nhost      nothing is wrong with it for this placement");
    }
    writeln!(out, "\nhost      what is wrong with it for this placement:")?;
    found.iter().try_for_each(|finding| writeln!(out, "  {finding}"))
}

fn found(placement: &Placement, config: &Config, machine: &Machine, host: &Host) -> Vec<Finding> {
    let bursts = Bursts::of(config);
    let live = Gateway::bytes(&live::settings(config));
    let bytes = memory::total(placement, config, &bursts) + live;
    let memory_mib = bytes.div_ceil(1 << 20) as u64;
    findings(placement, config, &bursts, machine, host, memory_mib)
}

/// What is wrong with this host for the placement that the configuration leads to on it.
pub(super) fn host_findings(config: &Config, machine: &Machine) -> Result<Vec<Finding>, Failure> {
    let placement = Placement::new(config, machine, &Bursts::of(config))?;
    Ok(found(&placement, config, machine, &Host::read(machine, config.feed.interface)))
}

/// By which way the lines of `run` come and its orders go, and whether they can here.
fn show_lines(config: &Config, out: &mut impl Write) -> Result<(), Failure> {
    let lines = config.lines();
    let transport = lines.transport;
    match line::probe(&lines) {
        Ok(how) => writeln!(out, "lines     by {transport}: {how}")?,
        Err(why) if lines.fallback => writeln!(out, "lines     by plain sockets: {why}")?,
        Err(why) => return Err(Failure::Lines(FeedError::Line(why))),
    }
    let transport = config.route.transport.into();
    match connection::probe(transport) {
        Ok(()) => writeln!(out, "orders    by {transport}: possible here")?,
        Err(why) if config.route.transport_fallback => {
            writeln!(out, "orders    by a plain socket: {why}")?;
        }
        Err(why) => return Err(Failure::Orders(why)),
    }
    Ok(())
}

/// What the gate holds orders against, and which controls are off, by scope.
fn show_limits(config: &Config, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nlimits    version {}", config.limits.version())?;
    for (scope, values) in config.limits.by_scope() {
        writeln!(out, "  {scope}")?;
        let (off, on): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|(_, value)| *value == Value::Off);
        let on: Vec<_> = on.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let off: Vec<_> = off.iter().map(|(name, _)| String::from(*name)).collect();
        for (word, list) in [("on ", on), ("off", off)] {
            for (index, chunk) in list.chunks(5).enumerate() {
                let word = if index == 0 { word } else { "" };
                writeln!(out, "    {word:<5}{}", chunk.join(", "))?;
            }
        }
    }
    let (account, names) = (config.engine.account, ["account.", "strategy."]);
    let [accounts, strategies] =
        names.map(|name| config.limits.values().any(|(path, _)| path.starts_with(name)));
    if !accounts {
        writeln!(out, "  account.{account} may trade, with no limits of its own")?;
    }
    if !strategies {
        writeln!(out, "  every strategy may trade, with no limits of its own")?;
    }
    let word = |path: &str, without: &str| match path {
        "" => String::from(without),
        path => path.into(),
    };
    let latches = word(
        &config.risk.latches,
        "none: who is killed is forgotten when the engine ends; name a file with risk.latches",
    );
    let admin = word(
        &config.risk.admin,
        "none: a running engine cannot be asked; name a socket with risk.admin",
    );
    writeln!(out, "latches   {latches}\nadmin     {admin}")
}

/// What the machine is, what `config` puts where on it, and what is wrong with that.
pub(super) fn show_host(
    config: &Config,
    machine: &Machine,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let placement = Placement::new(config, machine, &Bursts::of(config))?;
    let host = Host::read(machine, config.feed.interface);
    show_machine(machine, &host, config, out)?;
    show_shards(&placement, config, machine, out)?;
    Ok(show_findings(&placement, config, machine, &host, out)?)
}

fn show_machine(
    machine: &Machine,
    host: &Host,
    config: &Config,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "machine   {} cores, {} CPUs", machine.cores().len(), machine.cpus.len())?;
    for node in &machine.nodes {
        let cpus = machine.list(Some(node.id));
        writeln!(out, "  node {}  CPUs {cpus}  {} MiB", node.id, node.memory_mib)?;
    }
    let interface = config.feed.interface;
    match &host.nic {
        Some(Nic { name, node: Some(node) }) => writeln!(out, "  {name}  {interface}, node {node}"),
        Some(Nic { name, node: None }) => {
            writeln!(out, "  {name}  {interface}, on no node of its own")
        }
        None => writeln!(out, "  no interface has feed.interface, {interface}"),
    }
}

fn show_shards(
    placement: &Placement,
    config: &Config,
    machine: &Machine,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "\nshards")?;
    let width = placement.shards.iter().map(|shard| shard.name.len()).max().unwrap_or(0);
    for ShardSpec { name, run, cpu, idle, real_time } in &placement.shards {
        let cpu =
            cpu.map_or("not pinned".into(), |cpu| format!("CPU {}, node {}", cpu.id, cpu.node));
        let idle = match idle {
            Idle::Spin => "spin",
            Idle::Pause => "pause",
            Idle::Yield => "yield",
            Idle::BackOff => "back-off",
        };
        let first = if *real_time > 0 { format!("  priority {real_time}") } else { String::new() };
        let run = run.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ");
        writeln!(out, "  {name:<width$}  {cpu:<14}  {idle:<8}  {run}{first}")?;
    }
    if placement.cores_wanted > 0 {
        let (wanted, cores) = (placement.cores_wanted, machine.cores().len());
        let name = format!("{:?}", config.topology.placement).to_lowercase();
        writeln!(out, "  `{name}` asks for {wanted} cores; folded onto the {cores} there are")?;
    }
    Ok(())
}

fn show_memory(
    placement: &Placement,
    config: &Config,
    bursts: &Bursts,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(
        out,
        "\nrings       from     to       depth   burst  bytes a slot      KiB  memory of"
    )?;
    for ring in placement.rings(config, bursts) {
        let (from, to) = (ring.from.to_string(), ring.to.to_string());
        // Made, and touched, by the shard that reads it.
        let reader = placement.shard_of(ring.to).map(|at| &placement.shards[at]);
        let near = reader.map_or(String::new(), |shard| match shard.cpu {
            Some(cpu) => format!("{}, node {}", shard.name, cpu.node),
            None => shard.name.clone(),
        });
        writeln!(
            out,
            "  {:<8}  {from:<7}  {to:<7}  {:>5}  {:>6}  {:>12}  {:>7}  {near}",
            ring.link,
            ring.depth,
            ring.burst,
            ring.slot_bytes,
            ring.bytes() / 1024
        )?;
    }
    writeln!(out, "\npools       shards     entries  bytes each      MiB")?;
    for pool in pools(config) {
        writeln!(
            out,
            "  {:<12} {:>3}  {:>10}  {:>10}  {:>7}",
            pool.name,
            pool.shards,
            pool.entries,
            pool.bytes.div_ceil(pool.entries),
            pool.total().div_ceil(1 << 20)
        )?;
    }
    let total = memory::total(placement, config, bursts);
    writeln!(out, "\nmemory    {} MiB, taken at start", total.div_ceil(1 << 20))?;
    let gateway = Gateway::bytes(&live::settings(config));
    let held = config.feed.held_packets as usize * HELD_BYTES;
    writeln!(
        out,
        "live      {} MiB more for `run`: orders and executions at the venue; and up to {} MiB for packets that wait",
        gateway.div_ceil(1 << 20),
        held.div_ceil(1 << 20)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::placement::StageName;
    use clap::Parser;

    fn said(arguments: &[&str]) -> String {
        let all = ["coretick", "check"].iter().chain(arguments);
        let mut out = Vec::new();
        crate::cli::run(&crate::cli::Arguments::parse_from(all), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_tells_where_shards_and_rings_are_and_what_is_wrong_with_the_host() {
        let text = said(&[]);
        let interface = Config::default().feed.interface.to_string();
        assert!(text.lines().any(|line| line.contains(&interface)), "the card: {text}");
        assert!(text.contains("\nhost      "), "{text}");
        // A ring lies in the memory of the shard that reads it.
        let placement = Placement::named(Config::default().topology.placement, 1, &Machine::read());
        let shard = &placement.shards[placement.shard_of(StageName::Log).unwrap()];
        let node = shard.cpu.unwrap().node;
        let record = text.lines().find(|line| line.starts_with("  record ")).unwrap();
        assert!(record.ends_with(&format!("  {}, node {node}", shard.name)), "{record}");
    }

    #[test]
    fn a_priority_is_shown_beside_its_shard() {
        if Machine::read().cpus.len() < 2 {
            crate::base::testing::skipped("a single CPU has no room for real-time priority");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("first.toml");
        std::fs::write(&file, "[topology]\nreal_time = 42\n").unwrap();
        let text = said(&["--placement", file.to_str().unwrap()]);
        let shards: Vec<_> = text.lines().filter(|line| line.ends_with("priority 42")).collect();
        assert!(shards.len() == 1 && shards[0].starts_with("  hot "), "{text}");
    }
}
