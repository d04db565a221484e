//! How the host is set up, as far as it matters for a core that is never to be taken away: read once from the files under a
//! root, which is `/` but in tests. What a system does not tell is taken for what does no harm.
#![forbid(unsafe_code)]

use super::machine::{Machine, parse_list};
use nix::ifaddrs::getifaddrs;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

/// The network interface that the feed comes in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Its name.
    pub name: String,
    /// The memory node that it is near; none if it is no device, or the machine has one node.
    pub node: Option<usize>,
}

/// How the host is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// CPUs that the scheduler leaves alone: by the kernel's line, or an isolated partition of control groups.
    pub isolated: Vec<usize>,
    /// CPUs without a timer's tick while one thread runs there.
    pub nohz_full: Vec<usize>,
    /// Each CPU of the machine with the other hyper-threads of its core that are on.
    pub siblings: Vec<(usize, Vec<usize>)>,
    /// CPUs whose clock rate is let fall, with the governor that does.
    pub slowed: Vec<(usize, String)>,
    /// The interface of the feed, if it was found.
    pub nic: Option<Nic>,
    /// "always", "madvise" or "never"; empty if the kernel has no huge pages.
    pub huge_pages: String,
    /// What the kernel tells the time by; empty if it does not say.
    pub clocksource: String,
    /// Whether the processor's counter counts at one rate, whatever the processor does.
    pub steady_counter: bool,
    /// Whether the kernel moves pages between nodes.
    pub moves_pages: bool,
    /// Microseconds of each second that real-time threads are held up by the system's limit (sched_rt_runtime_us), so that others
    /// run.
    pub held_up_us: u64,
    /// And by the fair server, where others wait.
    pub fair_server: FairServer,
    /// KiB that this process may lock; none: any number.
    pub lockable_kib: Option<u64>,
    /// The highest real-time priority that it may have.
    pub real_time_max: u32,
}

/// A kernel's server of deadlines for threads without priority (Linux 6.12): where some of them wait for a CPU that a real-time
/// thread does not leave, it gives them their share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FairServer {
    /// The kernel has none.
    #[default]
    None,
    /// It does not say what it is set to: to root only, and where debugfs is mounted. At first that is 50 ms of each second.
    Hidden,
    /// Each CPU of the machine with the microseconds of each second that others may have there.
    Us(Vec<(usize, u64)>),
}

/// The first Linux that has a fair server. Limits of real-time threads hold from then on only where those are scheduled by group.
const FAIR_SERVER: (u32, u32) = (6, 12);
/// Microseconds of a second that the fair server gives others, unless it is told otherwise.
const FAIR_US: u64 = 50_000;

/// The bit of a capability in a status's `CapEff`.
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_NICE: u32 = 23;

impl Host {
    /// The host this runs on; `interface` is an address of the interface of the feed.
    pub fn read(machine: &Machine, interface: Ipv4Addr) -> Self {
        Self::read_from(Path::new("/"), machine, name_of(interface).as_deref())
    }

    /// The host that the files under `root` describe.
    pub fn read_from(root: &Path, machine: &Machine, nic: Option<&str>) -> Self {
        let text = |path: &str| {
            let read = fs::read_to_string(root.join(path));
            read.map(|text| text.trim().to_owned()).unwrap_or_default()
        };
        let cpu = |path: &str| text(&format!("sys/devices/system/cpu/{path}"));
        let online = parse_list(&cpu("online"));
        let siblings = machine.cpus.iter().map(|it| {
            let core = parse_list(&cpu(&format!("cpu{}/topology/thread_siblings_list", it.id)));
            let is_other = |id: &usize| *id != it.id && (online.is_empty() || online.contains(id));
            (it.id, core.into_iter().filter(is_other).collect())
        });
        let slowed = machine.cpus.iter().filter_map(|it| {
            let governor = cpu(&format!("cpu{}/cpufreq/scaling_governor", it.id));
            (!governor.is_empty() && governor != "performance").then_some((it.id, governor))
        });
        let nic = nic.map(|name| {
            // Without nodes the device says -1.
            let node = text(&format!("sys/class/net/{name}/device/numa_node")).parse().ok();
            Nic { name: name.into(), node }
        });
        let huge_pages = text("sys/kernel/mm/transparent_hugepage/enabled");
        let chosen = huge_pages.split(['[', ']']).nth(1).unwrap_or_default();
        let flags = text("proc/cpuinfo");
        let flags = flags.lines().find(|line| line.starts_with("flags")).map(str::to_owned);
        let has = |flags: &str, flag| flags.split_whitespace().any(|word| word == flag);
        let limits = text("proc/self/limits");
        let limit = |name: &str| {
            let rest = limits.lines().find_map(|line| line.strip_prefix(name));
            rest.and_then(|rest| rest.split_whitespace().next()).unwrap_or("unlimited").to_owned()
        };
        let status = text("proc/self/status");
        let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let rights = rights.and_then(|rights| u64::from_str_radix(rights.trim(), 16).ok());
        let may = |capability: u32| rights.is_some_and(|rights| rights >> capability & 1 == 1);
        let bytes: Option<u64> = limit("Max locked memory").parse().ok();
        let fair = |id: usize| {
            let of = |what| text(&format!("sys/kernel/debug/sched/fair_server/cpu{id}/{what}"));
            let [runtime, period] = ["runtime", "period"].map(|what| of(what).parse::<u64>().ok());
            Some((id, share(runtime?, period?)))
        };
        let fair: Option<Vec<_>> = machine.cpus.iter().map(|it| fair(it.id)).collect();
        let fair_server = match fair {
            _ if release(&text("proc/sys/kernel/osrelease")) < FAIR_SERVER => FairServer::None,
            Some(each) => FairServer::Us(each),
            None => FairServer::Hidden,
        };
        let priority = limit("Max realtime priority");
        Self {
            isolated: isolated(root, &cpu("isolated")),
            nohz_full: parse_list(&cpu("nohz_full")),
            siblings: siblings.collect(),
            slowed: slowed.collect(),
            nic,
            huge_pages: chosen.into(),
            clocksource: text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            // A processor of another kind has no flags, and one counter.
            steady_counter: flags
                .is_none_or(|flags| has(&flags, "constant_tsc") && has(&flags, "nonstop_tsc")),
            moves_pages: !matches!(text("proc/sys/kernel/numa_balancing").as_str(), "" | "0"),
            held_up_us: held_up(
                &text("proc/sys/kernel/sched_rt_runtime_us"),
                &text("proc/sys/kernel/sched_rt_period_us"),
            ),
            fair_server,
            lockable_kib: bytes.filter(|_| !may(CAP_IPC_LOCK)).map(|bytes| bytes / 1024),
            real_time_max: if may(CAP_SYS_NICE) { 99 } else { priority.parse().unwrap_or(99) },
        }
    }

    /// Microseconds of each second that threads without priority may have on a CPU that a real-time thread does not leave.
    pub fn left_to_others_us(&self, cpu: usize) -> u64 {
        let fair = match &self.fair_server {
            FairServer::None => 0,
            FairServer::Hidden => FAIR_US,
            FairServer::Us(each) => each.iter().find(|(id, _)| *id == cpu).map_or(0, |(_, us)| *us),
        };
        self.held_up_us.max(fair)
    }

    /// The other hyper-threads of that CPU's core.
    pub fn siblings_of(&self, cpu: usize) -> &[usize] {
        let found = self.siblings.iter().find(|(id, _)| *id == cpu);
        found.map_or(&[], |(_, others)| others)
    }
}

/// The interface that has this address.
fn name_of(address: Ipv4Addr) -> Option<String> {
    let mut all = getifaddrs().ok()?;
    let here = |it: &nix::ifaddrs::InterfaceAddress| {
        it.address.as_ref().and_then(|it| Some(it.as_sockaddr_in()?.ip())) == Some(address)
    };
    all.find(here).map(|it| it.interface_name)
}

/// The first two numbers of a kernel's release; zeros if it does not say.
fn release(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|it: char| !it.is_ascii_digit()).map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    (next(), next())
}

/// Of a second, what `runtime` is of `period`, in microseconds.
fn share(runtime: u64, period: u64) -> u64 {
    let us = u128::from(runtime.min(period)) * 1_000_000 / u128::from(period.max(1));
    us as u64
}

/// Of what real-time threads may run in a period, what is left of a second.
fn held_up(runtime: &str, period: &str) -> u64 {
    match (runtime.parse::<i64>(), period.parse::<i64>().unwrap_or(1_000_000)) {
        (Ok(runtime), period) if runtime >= 0 && period > 0 => {
            share((period - runtime.min(period)) as u64, period as u64)
        }
        _ => 0,
    }
}

/// CPUs that the scheduler leaves alone: those of the kernel's line, and of isolated partitions of control groups.
fn isolated(root: &Path, line: &str) -> Vec<usize> {
    let mut all = parse_list(line);
    let groups = fs::read_dir(root.join("sys/fs/cgroup")).into_iter().flatten().flatten();
    for group in groups {
        let text = |name: &str| fs::read_to_string(group.path().join(name)).unwrap_or_default();
        if text("cpuset.cpus.partition").trim() == "isolated" {
            all.extend(parse_list(&text("cpuset.cpus.effective")));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes a file of a made-up system.
    pub(in crate::topology) fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_system_is_read_from_its_files() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            ("sys/devices/system/cpu/online", "0-2\n"),
            ("sys/devices/system/cpu/isolated", "1-2\n"),
            ("sys/fs/cgroup/coretick/cpuset.cpus.partition", "isolated\n"),
            ("sys/fs/cgroup/coretick/cpuset.cpus.effective", "2-4\n"),
            ("sys/fs/cgroup/other/cpuset.cpus.partition", "isolated invalid (cpu list empty)\n"),
            ("sys/fs/cgroup/other/cpuset.cpus.effective", "9\n"),
            ("sys/devices/system/cpu/nohz_full", "(null)\n"),
            ("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2,4\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
            ("sys/class/net/ens1/device/numa_node", "1\n"),
            ("sys/class/net/ens2/device/numa_node", "-1\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
            ("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu constant_tsc\n"),
            ("proc/sys/kernel/numa_balancing", "1\n"),
            ("proc/sys/kernel/sched_rt_runtime_us", "950000\n"),
            ("proc/sys/kernel/sched_rt_period_us", "1000000\n"),
            (
                "proc/self/limits",
                "Limit   Soft Limit  Hard Limit Units\n\
                 Max locked memory         8388608              unlimited            bytes     \n\
                 Max realtime priority     3                    9\n",
            ),
            ("proc/self/status", "Name:\tx\nCapEff:\t0000000000000001\n"),
        ];
        for (path, text) in files {
            write(root.path(), path, text);
        }
        let read = |nic| Host::read_from(root.path(), &Machine::uniform(2), nic);
        let host = read(Some("ens1"));
        let expected = Host {
            isolated: vec![1, 2, 3, 4],
            nohz_full: vec![],
            siblings: vec![(0, vec![2]), (1, vec![])],
            slowed: vec![(0, "powersave".into())],
            nic: Some(Nic { name: "ens1".into(), node: Some(1) }),
            huge_pages: "never".into(),
            clocksource: "hpet".into(),
            steady_counter: false,
            moves_pages: true,
            held_up_us: 50_000,
            fair_server: FairServer::None,
            lockable_kib: Some(8_192),
            real_time_max: 3,
        };
        assert_eq!(host, expected);
        assert_eq!((host.siblings_of(0), host.siblings_of(9)), (&[2][..], &[][..]));
        assert_eq!(read(Some("ens2")).nic.unwrap().node, None);
        assert_eq!(read(None).nic, None);
        // The right to lock is above the limit, and so is that to be first.
        write(root.path(), "proc/self/status", "CapEff:\t0000000000804000\n");
        let host = read(None);
        assert_eq!((host.lockable_kib, host.real_time_max), (None, 99));
    }

    #[test]
    fn a_system_that_tells_nothing_does_no_harm() {
        let host = Host::read_from(Path::new("/nonexistent"), &Machine::uniform(1), None);
        let expected = Host {
            siblings: vec![(0, vec![])],
            steady_counter: true,
            real_time_max: 99,
            ..Host::default()
        };
        assert_eq!(host, expected);
    }

    #[test]
    fn real_time_threads_are_held_up_as_the_kernel_says() {
        assert_eq!(held_up("-1", "1000000"), 0);
        assert_eq!(held_up("500000", "1000000"), 500_000);
        assert_eq!(held_up("100000", "100000"), 0);
        assert_eq!(held_up("90000", "100000"), 100_000);
        assert_eq!(held_up("", ""), 0);
    }

    #[test]
    fn a_kernel_with_a_fair_server_is_asked_what_it_gives_others() {
        let root = tempfile::tempdir().unwrap();
        let read = || Host::read_from(root.path(), &Machine::uniform(2), None);
        write(root.path(), "proc/sys/kernel/osrelease", "6.11.99-generic\n");
        assert_eq!((read().fair_server, read().left_to_others_us(1)), (FairServer::None, 0));
        write(root.path(), "proc/sys/kernel/osrelease", "6.12.0\n");
        assert_eq!((read().fair_server, read().left_to_others_us(1)), (FairServer::Hidden, 50_000));
        for (cpu, runtime) in [(0, "50000000"), (1, "0")] {
            let folder = format!("sys/kernel/debug/sched/fair_server/cpu{cpu}");
            write(root.path(), &format!("{folder}/runtime"), runtime);
            write(root.path(), &format!("{folder}/period"), "500000000\n");
        }
        assert_eq!(read().fair_server, FairServer::Us(vec![(0, 100_000), (1, 0)]));
        assert_eq!([0, 1].map(|cpu| read().left_to_others_us(cpu)), [100_000, 0]);
        write(root.path(), "proc/sys/kernel/sched_rt_runtime_us", "950000\n");
        assert_eq!(read().left_to_others_us(1), 50_000, "and by the limit");
        assert_eq!([release("6.18.44-fc"), release("7"), release("x")], [(6, 18), (7, 0), (0, 0)]);
    }

    #[test]
    fn an_interface_is_found_by_its_address() {
        assert_eq!(name_of(Ipv4Addr::LOCALHOST).as_deref(), Some("lo"));
        assert_eq!(name_of(Ipv4Addr::new(192, 0, 2, 77)), None);
    }
}
