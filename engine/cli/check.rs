//! `coretick check`: what a configuration means on this machine: cores, shards, rings, pools and what they cost. It
//! starts nothing, and refuses what would not run. And what the gate lets through, and which of its controls are off.

use super::{Failure, live};
use crate::ingest::live::HELD_BYTES;
use crate::route::gateway::Gateway;
use crate::topology::config::{Config, Idle};
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
        show_machine(&machine, out)?;
        show_shards(&placement, &config, &machine, out)?;
        show_memory(&placement, &config, &bursts, out)?;
        show_limits(&config, out)?;
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

fn show_machine(machine: &Machine, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "machine   {} cores, {} CPUs", machine.cores().len(), machine.cpus.len())?;
    for node in &machine.nodes {
        let cpus = machine.list(Some(node.id));
        writeln!(out, "  node {}  CPUs {cpus}  {} MiB", node.id, node.memory_mib)?;
    }
    Ok(())
}

fn show_shards(
    placement: &Placement,
    config: &Config,
    machine: &Machine,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "\nshards")?;
    let width = placement.shards.iter().map(|shard| shard.name.len()).max().unwrap_or(0);
    for ShardSpec { name, run, cpu, idle } in &placement.shards {
        let cpu =
            cpu.map_or("not pinned".into(), |cpu| format!("CPU {}, node {}", cpu.id, cpu.node));
        let idle = match idle {
            Idle::Spin => "spin",
            Idle::Pause => "pause",
            Idle::Yield => "yield",
            Idle::BackOff => "back-off",
        };
        let run = run.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ");
        writeln!(out, "  {name:<width$}  {cpu:<14}  {idle:<8}  {run}")?;
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
    writeln!(out, "\nrings       from     to       depth   burst  bytes a slot      KiB")?;
    for ring in placement.rings(config, bursts) {
        let (from, to) = (ring.from.to_string(), ring.to.to_string());
        writeln!(
            out,
            "  {:<8}  {from:<7}  {to:<7}  {:>5}  {:>6}  {:>12}  {:>7}",
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
