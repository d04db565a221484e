//! What is wrong with a host for a placement on it, each with what to do: why it is slower, or stands still, for longer than
//! it need, or would not start.
#![forbid(unsafe_code)]

use super::config::{Config, LockMemory};
use super::host::{FairServer, Host};
use super::machine::{Cpu, Machine};
use super::placement::{Bursts, Placement, ShardSpec, StageName};
use std::fmt;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it concerns.
    pub of: String,
    /// What is wrong, and what that costs.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, what, fix } = self;
        write!(f, "{of}: {what}: {fix}")
    }
}

/// All that is wrong; what concerns a single shard first, in the order of shards.
pub fn findings(
    placement: &Placement,
    config: &Config,
    bursts: &Bursts,
    machine: &Machine,
    host: &Host,
    memory_mib: u64,
) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    for shard in &placement.shards {
        match shard.cpu {
            Some(cpu) if shard.is_hot() => found.hot(shard, cpu, placement, host),
            None if shard.is_hot() => found.add(
                shard_of(shard),
                "is not pinned, and spins on whatever CPU it is put".into(),
                "give it a `cpu`".into(),
            ),
            _ => {}
        }
    }
    found.sqpoll(placement, config, host);
    found.nic(placement, host);
    found.rings(placement, config, bursts);
    found.memory(config, machine, host, memory_mib);
    found.priority(placement, host);
    found.clock(host);
    found.0
}

fn shard_of(shard: &ShardSpec) -> String {
    format!("shard {}", shard.name)
}

struct Found(Vec<Finding>);

/// The CPUs that are so already and those of all shards that spin: a parameter of the kernel replaces the one before.
fn boot_list(placement: &Placement, already: &[usize]) -> String {
    let spinning = placement.shards.iter().filter(|shard| shard.is_hot());
    let mut ids: Vec<usize> = spinning.filter_map(|shard| shard.cpu).map(|cpu| cpu.id).collect();
    ids.extend(already);
    ids.sort_unstable();
    ids.dedup();
    ids.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

impl Found {
    fn add(&mut self, of: impl Into<String>, what: String, fix: String) {
        self.0.push(Finding { of: of.into(), what, fix });
    }

    /// What can be wrong with the CPU of a shard that spins.
    fn hot(&mut self, shard: &ShardSpec, cpu: Cpu, placement: &Placement, host: &Host) {
        let (of, id) = (shard_of(shard), cpu.id);
        let others = placement.shards.iter().filter(|it| it.name != shard.name);
        for other in others {
            match other.cpu {
                Some(its) if its == cpu => self.add(
                    of.clone(),
                    format!("shares CPU {id} with shard {}: each stands still while the other runs", other.name),
                    "give each a CPU of its own".into(),
                ),
                Some(its) if its.core == cpu.core => self.add(
                    of.clone(),
                    format!(
                        "CPU {id} and CPU {} of shard {} are hyper-threads of one core, and each has half of it",
                        its.id, other.name
                    ),
                    "give each a core of its own".into(),
                ),
                _ => {}
            }
        }
        let taken =
            |id: &usize| placement.shards.iter().any(|it| it.cpu.is_some_and(|it| it.id == *id));
        for idle in host.siblings_of(id).iter().filter(|id| !taken(id)) {
            self.add(
                of.clone(),
                format!("CPU {idle} is the other hyper-thread of its core: whatever runs there takes half of it"),
                format!("turn it off: echo 0 > /sys/devices/system/cpu/cpu{idle}/online"),
            );
        }
        if !host.isolated.contains(&id) {
            let all = boot_list(placement, &host.isolated);
            let more = match host.left_to_others_us(id) {
                _ if shard.real_time == 0 => {
                    ", and they take it from the shard for milliseconds".into()
                }
                0 => ", and those that are tied to it never run while the shard does".into(),
                us => format!(
                    ", and those that are tied to it have {us} us of a second while the shard spins"
                ),
            };
            self.add(
                of.clone(),
                format!("CPU {id} is not isolated: other threads run there{more}"),
                format!(
                    "boot with isolcpus=managed_irq,domain,{all} nohz_full={all} rcu_nocbs={all}, or until the next start: \
                     tuning/tune apply cpuset"
                ),
            );
        } else if !host.nohz_full.contains(&id) {
            let all = boot_list(placement, &host.nohz_full);
            self.add(
                of.clone(),
                format!("CPU {id} has a timer's tick, some hundred times a second"),
                format!("boot with nohz_full={all} rcu_nocbs={all}"),
            );
        }
        if let Some((_, governor)) = host.slowed.iter().find(|(slowed, _)| *slowed == id) {
            self.add(
                of,
                format!("the clock of CPU {id} is let fall by the governor `{governor}`"),
                format!(
                    "echo performance > /sys/devices/system/cpu/cpu{id}/cpufreq/scaling_governor"
                ),
            );
        }
    }

    /// What can be wrong with the kernel's thread that receives.
    fn sqpoll(&mut self, placement: &Placement, config: &Config, host: &Host) {
        let feed = &config.feed;
        let named = feed.uring_sqpoll_cpu.0;
        if config.sqpoll().is_none() {
            let (key, why) = match (feed.uring_sqpoll, named) {
                (true, _) => ("feed.uring_sqpoll", "and feed.transport is not \"uring\""),
                (false, Some(_)) => ("feed.uring_sqpoll_cpu", "and feed.uring_sqpoll is false"),
                (false, None) => return,
            };
            return self.add(
                "feed",
                format!("{key} is set, {why}: nothing comes of it"),
                "set that too, or remove this".into(),
            );
        }
        let Some(id) = placement.sqpoll_cpu(config) else {
            return self.add(
                "feed",
                "no CPU is named for the kernel's thread that receives, and it spins on whatever CPU it is put".into(),
                "set feed.uring_sqpoll_cpu".into(),
            );
        };
        let born = if named.is_some() {
            format!("the kernel's thread that receives has CPU {id}")
        } else {
            format!(
                "no CPU is named for the kernel's thread that receives, and it is born on CPU {id}"
            )
        };
        // Who sleeps beside it does no harm where that was chosen.
        let on = |ids: &[usize]| {
            let mut shards = placement.shards.iter().filter(|it| named.is_none() || it.is_hot());
            shards.find(|shard| shard.cpu.is_some_and(|cpu| ids.contains(&cpu.id)))
        };
        let what = match (on(&[id]), on(host.siblings_of(id))) {
            (Some(shard), _) => format!("{born}, that of shard {}: they take turns", shard.name),
            (_, Some(shard)) => {
                format!(
                    "{born}, a hyper-thread of the core of shard {}: each has half of it",
                    shard.name
                )
            }
            _ => return,
        };
        self.add("feed", what, "set feed.uring_sqpoll_cpu to one that no shard spins on".into());
    }

    /// What is read from a card on another node comes by a longer way.
    fn nic(&mut self, placement: &Placement, host: &Host) {
        let Some(nic) = &host.nic else { return };
        for stage in [StageName::Ingest, StageName::Route] {
            let shard = placement.shard_of(stage).map(|at| &placement.shards[at]);
            let Some((shard, cpu)) = shard.and_then(|shard| Some((shard, shard.cpu?))) else {
                continue;
            };
            let is_told =
                self.0.iter().any(|it| it.of == shard_of(shard) && it.what.contains(&nic.name));
            if let Some(node) = nic.node.filter(|node| *node != cpu.node && !is_told) {
                self.add(
                    shard_of(shard),
                    format!(
                        "CPU {} is on node {}, and {} on node {node}: each packet crosses over",
                        cpu.id, cpu.node, nic.name
                    ),
                    format!("give it a CPU of node {node}"),
                );
            }
        }
    }

    /// A ring between two nodes costs a way across for each message.
    fn rings(&mut self, placement: &Placement, config: &Config, bursts: &Bursts) {
        for ring in placement.rings(config, bursts) {
            let [from, to] = [ring.from, ring.to].map(|stage| {
                let at = placement.shard_of(stage)?;
                Some((&placement.shards[at], placement.shards[at].cpu?))
            });
            let (Some((from, its)), Some((to, theirs))) = (from, to) else { continue };
            // The log is not waited for.
            if its.node != theirs.node && ring.to != StageName::Log {
                self.add(
                    format!("ring {}", ring.link),
                    format!(
                        "goes from shard {} on node {} to shard {} on node {}",
                        from.name, its.node, to.name, theirs.node
                    ),
                    "give both a CPU of one node".into(),
                );
            }
        }
    }

    fn memory(&mut self, config: &Config, machine: &Machine, host: &Host, memory_mib: u64) {
        let engine = &config.engine;
        match host.lockable_kib {
            Some(kib) if engine.lock_memory != LockMemory::No && kib < memory_mib * 1024 => self.add(
                "memory",
                format!("{} MiB may be locked, and the engine takes {memory_mib} and more: it would not start", kib / 1024),
                "LimitMEMLOCK=infinity in its unit, or `ulimit -l unlimited`".into(),
            ),
            _ => {}
        }
        if engine.huge_pages && host.huge_pages == "never" {
            self.add(
                "memory",
                "the kernel gives no huge pages, and books reach all over their memory".into(),
                "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, or set engine.huge_pages = false".into(),
            );
        }
        if machine.nodes.len() > 1 && host.moves_pages {
            self.add(
                "memory",
                "the kernel moves pages between nodes, and takes them away to see who uses them"
                    .into(),
                "sysctl kernel.numa_balancing=0".into(),
            );
        }
    }

    fn priority(&mut self, placement: &Placement, host: &Host) {
        let most = placement.shards.iter().map(|shard| shard.real_time).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        if most > host.real_time_max {
            self.add(
                "priority",
                format!("{most} is asked for, and {} is the most that this process may have: it would not start", host.real_time_max),
                format!("LimitRTPRIO={most} in its unit, `ulimit -r {most}`, or the capability CAP_SYS_NICE"),
            );
        }
        if host.held_up_us > 0 {
            self.add(
                "priority",
                format!("the kernel holds shards up for {} us of each second", host.held_up_us),
                "sysctl kernel.sched_rt_runtime_us=-1, where their CPUs are isolated".into(),
            );
        }
        self.fair_server(placement, host);
    }

    /// From Linux 6.12 on others have a share of a CPU whatever sched_rt_runtime_us says.
    fn fair_server(&mut self, placement: &Placement, host: &Host) {
        const FOLDER: &str = "/sys/kernel/debug/sched/fair_server";
        let raised = placement.shards.iter().filter(|shard| shard.real_time > 0);
        for (shard, cpu) in raised.filter_map(|shard| Some((shard, shard.cpu?.id))) {
            let what = match &host.fair_server {
                FairServer::Hidden => {
                    String::from("some 50000 us of each second, as far as is known")
                }
                FairServer::Us(each) => match each.iter().find(|(id, us)| *id == cpu && *us > 0) {
                    Some((_, us)) => format!("{us} us of each second"),
                    None => continue,
                },
                FairServer::None => return,
            };
            self.add(
                shard_of(shard),
                format!("the kernel's fair server gives others that wait for CPU {cpu} {what}"),
                format!("as root, where that CPU is isolated: echo 0 > {FOLDER}/cpu{cpu}/runtime"),
            );
        }
    }

    fn clock(&mut self, host: &Host) {
        if !host.steady_counter {
            self.add(
                "clock",
                "the processor's counter changes its rate: latencies are not to be believed".into(),
                "have the hypervisor show an invariant TSC, or use another machine".into(),
            );
        }
        if !matches!(
            host.clocksource.as_str(),
            "" | "tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page"
        ) {
            self.add(
                "clock",
                format!(
                    "the kernel tells the time by `{}`, and each look at it is a system call",
                    host.clocksource
                ),
                "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"
                    .into(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::host::Nic;
    use crate::topology::machine::Node;

    /// Two nodes of two cores with two hyper-threads each: CPUs 0-3 on node 0, 4-7 on node 1; 0 and 2 are one core.
    fn machine() -> Machine {
        let cpu = |id| Cpu { node: id / 4, id, core: id / 4 * 4 + id % 2 };
        let node = |id| Node { id, memory_mib: 1024 };
        Machine { cpus: (0..8).map(cpu).collect(), nodes: vec![node(0), node(1)], memory_mib: 2048 }
    }

    /// A host on which nothing is wrong for CPUs 1 and 5.
    fn quiet() -> Host {
        Host {
            isolated: vec![1, 5],
            nohz_full: vec![1, 5],
            nic: Some(Nic { name: "ens1".into(), node: Some(0) }),
            huge_pages: "madvise".into(),
            clocksource: "tsc".into(),
            steady_counter: true,
            lockable_kib: Some(8_192),
            real_time_max: 99,
            ..Host::default()
        }
    }

    fn shards(cpus: [usize; 2]) -> String {
        format!(
            "[[shard]]\nname = \"log\"\ncpu = 0\nrun = [\"log\"]\nidle = \"back-off\"\n\
             [[shard]]\nname = \"feed\"\ncpu = {}\nrun = [\"ingest\", \"book\"]\nidle = \"spin\"\n\
             [[shard]]\nname = \"desk\"\ncpu = {}\nrun = [\"risk\", \"route\"]\nidle = \"pause\"\n",
            cpus[0], cpus[1]
        )
    }

    const FUSED: &str = "[[shard]]\nname = \"log\"\ncpu = 0\nrun = [\"log\"]\nidle = \"back-off\"\n\
        [[shard]]\nname = \"hot\"\ncpu = 1\nrun = [\"ingest\", \"book\", \"risk\", \"route\"]\nidle = \"spin\"\n";

    fn found(text: &str, host: &Host) -> Vec<String> {
        let (config, machine) = (Config::parse("my.toml", text).unwrap(), machine());
        let bursts = Bursts::of(&config);
        let placement = Placement::new(&config, &machine, &bursts).unwrap();
        let found = findings(&placement, &config, &bursts, &machine, host, 100);
        found.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn only(text: &str, host: &Host, finding: &str) {
        let found = found(text, host);
        assert!(found.len() == 1 && found[0].contains(finding), "{finding}: {found:#?}");
    }

    #[test]
    fn nothing_is_wrong_where_nothing_is() {
        assert_eq!(found(FUSED, &quiet()), [""; 0]);
    }

    #[test]
    fn a_cpu_that_others_use_is_named() {
        only(
            FUSED,
            &Host { isolated: vec![5], ..quiet() },
            "shard hot: CPU 1 is not isolated: other threads run there, and they take it from the shard for milliseconds: \
             boot with isolcpus=managed_irq,domain,1,5 nohz_full=1,5 rcu_nocbs=1,5, or until the next start: tuning/tune \
             apply cpuset",
        );
        only(FUSED, &Host { nohz_full: vec![], ..quiet() }, "CPU 1 has a timer's tick");
        let siblings = vec![(1, vec![3])];
        only(
            FUSED,
            &Host { siblings, ..quiet() },
            "shard hot: CPU 3 is the other hyper-thread of its core: whatever runs there takes half of it: \
             turn it off: echo 0 > /sys/devices/system/cpu/cpu3/online",
        );
        let slowed = vec![(0, "powersave".into()), (1, "schedutil".into())];
        only(
            FUSED,
            &Host { slowed, ..quiet() },
            "the clock of CPU 1 is let fall by the governor `schedutil`",
        );
        let unpinned = FUSED.replace("cpu = 1\n", "");
        only(&unpinned, &quiet(), "shard hot: is not pinned");
    }

    #[test]
    fn shards_that_share_a_core_are_named_once_each() {
        let both = Host {
            isolated: vec![1, 3],
            nohz_full: vec![1, 3],
            siblings: vec![(1, vec![3]), (3, vec![1])],
            ..quiet()
        };
        let text = format!("topology.oversubscribe = true\n{}", shards([1, 3]));
        let said = found(&text, &both);
        assert_eq!(said.len(), 2, "{said:#?}");
        assert!(said[0].starts_with(
            "shard feed: CPU 1 and CPU 3 of shard desk are hyper-threads of one core"
        ));
        let text = format!("topology.oversubscribe = true\n{}", shards([1, 1]));
        assert!(found(&text, &quiet())[0].starts_with("shard feed: shares CPU 1 with shard desk"));
    }

    #[test]
    fn a_way_across_nodes_is_named() {
        let said = found(&shards([1, 5]), &quiet());
        let near = Host { nic: Some(Nic { name: "ens1".into(), node: None }), ..quiet() };
        assert_eq!(
            said[0],
            "shard desk: CPU 5 is on node 1, and ens1 on node 0: each packet crosses over: give it a CPU of node 0"
        );
        let rings = found(&shards([1, 5]), &near);
        assert_eq!(said[1..], rings);
        assert_eq!(
            rings[0],
            "ring intent: goes from shard feed on node 0 to shard desk on node 1: give both a CPU of one node"
        );
        let named: Vec<_> = rings.iter().map(|it| it.split(':').next().unwrap()).collect();
        assert_eq!(named, ["ring intent", "ring venue", "ring event", "ring report"]);
        // Both ends of the way are on the shard: it is told once.
        let far = Host { nic: Some(Nic { name: "ens1".into(), node: Some(1) }), ..quiet() };
        only(FUSED, &far, "shard hot: CPU 1 is on node 0, and ens1 on node 1");
    }

    #[test]
    fn the_kernels_thread_that_receives_is_named_where_it_takes_turns() {
        let feed = |keys: &str| format!("[feed]\n{keys}\n{FUSED}");
        let uring = "transport = \"uring\"\nuring_sqpoll = true\n";
        only(
            &feed(uring),
            &quiet(),
            "feed: no CPU is named for the kernel's thread that receives, and it is born on CPU 1, that of shard hot: they take \
             turns: set feed.uring_sqpoll_cpu to one that no shard spins on",
        );
        let loose = found(&feed(uring).replace("cpu = 1\n", ""), &quiet());
        assert!(
            loose[1].ends_with("spins on whatever CPU it is put: set feed.uring_sqpoll_cpu"),
            "{loose:?}"
        );
        let on = |cpu: usize| feed(&format!("{uring}uring_sqpoll_cpu = {cpu}"));
        only(
            &on(1),
            &quiet(),
            "feed: the kernel's thread that receives has CPU 1, that of shard hot",
        );
        assert_eq!(found(&on(2), &quiet()), [""; 0]);
        assert_eq!(found(&on(0), &quiet()), [""; 0], "who sleeps there leaves it");
        let siblings = Host { siblings: vec![(2, vec![1])], ..quiet() };
        only(&on(2), &siblings, "a hyper-thread of the core of shard hot: each has half of it");
        // Keys of which nothing comes.
        only(
            &feed("uring_sqpoll = true"),
            &quiet(),
            "feed: feed.uring_sqpoll is set, and feed.transport is not \"uring\": nothing comes of it",
        );
        only(
            &feed("transport = \"uring\"\nuring_sqpoll_cpu = 2"),
            &quiet(),
            "feed: feed.uring_sqpoll_cpu is set, and feed.uring_sqpoll is false: nothing comes of it",
        );
    }

    #[test]
    fn memory_that_is_not_as_it_should_be_is_named() {
        let locked = format!("engine.lock_memory = \"all\"\n{FUSED}");
        only(&locked, &quiet(), "memory: 8 MiB may be locked, and the engine takes 100 and more");
        assert_eq!(found(&locked, &Host { lockable_kib: None, ..quiet() }), [""; 0]);
        assert_eq!(found(&locked, &Host { lockable_kib: Some(102_400), ..quiet() }), [""; 0]);
        let never = Host { huge_pages: "never".into(), ..quiet() };
        only(FUSED, &never, "the kernel gives no huge pages");
        assert_eq!(found(&format!("engine.huge_pages = false\n{FUSED}"), &never), [""; 0]);
        only(FUSED, &Host { moves_pages: true, ..quiet() }, "sysctl kernel.numa_balancing=0");
    }

    #[test]
    fn a_priority_that_starves_or_is_held_up_is_named() {
        let first = format!("topology.real_time = 50\n{FUSED}");
        assert_eq!(found(&first, &quiet()), [""; 0]);
        let common = Host { isolated: vec![], ..quiet() };
        only(&first, &common, "and those that are tied to it never run while the shard does");
        only(&first, &Host { real_time_max: 9, ..quiet() }, "50 is asked for, and 9 is the most");
        let held_up = Host { held_up_us: 50_000, ..quiet() };
        only(&first, &held_up, "the kernel holds shards up for 50000 us of each second");
        assert_eq!(found(FUSED, &held_up), [""; 0]);
        // Linux 6.12, whose fair server is beside that limit, and stays when the limit is lifted.
        let served =
            |us| Host { fair_server: FairServer::Us(vec![(0, 50_000), (1, us)]), ..quiet() };
        only(
            &first,
            &served(40_000),
            "shard hot: the kernel's fair server gives others that wait for CPU 1 40000 us of each second: as root, where that \
             CPU is isolated: echo 0 > /sys/kernel/debug/sched/fair_server/cpu1/runtime",
        );
        assert_eq!(found(&first, &served(0)), [""; 0]);
        assert_eq!(found(FUSED, &served(40_000)), [""; 0], "nobody is of that priority");
        only(&first, &Host { fair_server: FairServer::Hidden, ..quiet() }, "as far as is known");
        let common = Host { isolated: vec![], ..served(40_000) };
        let said = found(&first, &common);
        assert!(said[0].contains("have 40000 us of a second while the shard spins"), "{said:?}");
        assert_eq!(said.len(), 2, "{said:?}");
    }

    #[test]
    fn a_clock_that_is_slow_or_wrong_is_named() {
        only(FUSED, &Host { steady_counter: false, ..quiet() }, "clock: the processor's counter");
        only(
            FUSED,
            &Host { clocksource: "hpet".into(), ..quiet() },
            "the kernel tells the time by `hpet`",
        );
    }
}
