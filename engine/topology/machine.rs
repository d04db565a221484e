//! What the host lends: CPUs, which of them are hyper-threads of one core, and the memory node each is near.
//!
//! Read once, at start, from `/sys` and the process's affinity mask; tests describe machines of their own.

use std::fs;
use std::path::Path;

/// A CPU that this process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu {
    /// The memory node it is near.
    pub node: usize,
    /// Its number.
    pub id: usize,
    /// The lowest CPU number on the same physical core: hyper-threads of one core have it in common.
    pub core: usize,
}

/// A memory node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub id: usize,
    /// Memory in MiB; 0 where the system does not tell.
    pub memory_mib: u64,
}

/// What the host lends to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// CPUs, by node and number. Never empty.
    pub cpus: Vec<Cpu>,
    /// Memory nodes.
    pub nodes: Vec<Node>,
    /// Memory in MiB; 0 where the system does not tell. Can be more than that of the nodes: what was plugged in later.
    pub memory_mib: u64,
}

/// CPU numbers from here on are not believed.
const CPU_MAX: usize = 4096;

impl Machine {
    /// The machine this runs on. What the system does not tell is filled in: each CPU a core of its own, on node 0.
    pub fn read() -> Self {
        let allowed = fs::read_to_string("/proc/self/status").ok().and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
            Some(parse_list(line))
        });
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let read = Self::read_from(Path::new("/sys/devices/system"), &allowed.unwrap_or_default());
        Self { memory_mib: memory_mib(&memory), ..read }
    }

    /// The CPUs and nodes described by the files under `system`, as far as its CPUs are in `allowed` (all, if empty).
    fn read_from(system: &Path, allowed: &[usize]) -> Self {
        let text = |path: &str| fs::read_to_string(system.join(path)).unwrap_or_default();
        let online = parse_list(&text("cpu/online"));
        let mut nodes = Vec::new();
        let mut node_of = vec![0; CPU_MAX];
        for id in parse_list(&text("node/online")) {
            for cpu in parse_list(&text(&format!("node/node{id}/cpulist"))) {
                node_of[cpu] = id;
            }
            let memory_mib = memory_mib(&text(&format!("node/node{id}/meminfo")));
            nodes.push(Node { id, memory_mib });
        }
        if nodes.is_empty() {
            nodes.push(Node { id: 0, memory_mib: 0 });
        }
        let usable = |id: &usize| allowed.is_empty() || allowed.contains(id);
        let mut cpus: Vec<Cpu> = online
            .into_iter()
            .filter(usable)
            .map(|id| {
                let siblings =
                    parse_list(&text(&format!("cpu/cpu{id}/topology/thread_siblings_list")));
                Cpu { node: node_of[id], id, core: siblings.first().copied().unwrap_or(id) }
            })
            .collect();
        if cpus.is_empty() {
            let count = std::thread::available_parallelism().map_or(1, usize::from);
            cpus = (0..count).map(|id| Cpu { node: 0, id, core: id }).collect();
        }
        cpus.sort();
        Self { cpus, nodes, memory_mib: 0 }
    }

    /// A machine of one node with `cores` cores of one thread each.
    pub fn uniform(cores: usize) -> Self {
        let cpus = (0..cores).map(|id| Cpu { node: 0, id, core: id }).collect();
        Self { cpus, nodes: vec![Node { id: 0, memory_mib: 0 }], memory_mib: 0 }
    }

    /// This machine but for the core of CPU `id`.
    pub fn without(mut self, id: Option<usize>) -> Self {
        if let Some(core) = id.and_then(|id| self.cpu(id)).map(|cpu| cpu.core) {
            self.cpus.retain(|cpu| cpu.core != core);
        }
        self
    }

    /// The CPU of number `id`, if this process may use it.
    pub fn cpu(&self, id: usize) -> Option<&Cpu> {
        self.cpus.iter().find(|cpu| cpu.id == id)
    }

    /// The CPUs of a list like "0-3,8", in the order of the machine; none if it names what is no number, or no CPU that this
    /// process may use.
    pub fn pick(&self, list: &str) -> Option<Vec<Cpu>> {
        let is_number = |text: &str| text.trim().parse::<usize>().is_ok_and(|id| id < CPU_MAX);
        let mut parts = list.split(',').flat_map(|part| part.split('-').map(is_number));
        let ids = parts.all(|good| good).then(|| parse_list(list))?;
        let all = ids.iter().all(|id| self.cpu(*id).is_some());
        let picked: Vec<Cpu> =
            self.cpus.iter().filter(|cpu| ids.contains(&cpu.id)).copied().collect();
        (all && !picked.is_empty()).then_some(picked)
    }

    /// One CPU of each physical core, by node and number.
    pub fn cores(&self) -> Vec<&Cpu> {
        let mut cores: Vec<&Cpu> = Vec::new();
        for cpu in &self.cpus {
            if cores.iter().all(|taken| taken.core != cpu.core) {
                cores.push(cpu);
            }
        }
        cores
    }

    /// The CPU numbers as ranges, like "0-3,8", of all nodes or of one.
    pub fn list(&self, node: Option<usize>) -> String {
        let here = |cpu: &&Cpu| node.is_none_or(|node| cpu.node == node);
        let mut ids: Vec<usize> = self.cpus.iter().filter(here).map(|cpu| cpu.id).collect();
        ids.sort_unstable();
        let runs = ids.chunk_by(|left, right| left + 1 == *right);
        let text = runs.map(|run| match run {
            [only] => only.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        });
        text.collect::<Vec<_>>().join(",")
    }
}

/// Numbers of a list like "0-3,8", ascending as written. What is not a number is left out.
pub(super) fn parse_list(text: &str) -> Vec<usize> {
    let mut ids = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<usize>(), last.trim().parse::<usize>())
        {
            ids.extend(first..last.saturating_add(1).min(CPU_MAX));
        }
    }
    ids
}

/// "Node 0 MemTotal:  8167848 kB" in MiB.
fn memory_mib(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.split_once("MemTotal:"));
    let kib = line.and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn two_nodes_of_hyper_threads_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "cpu/online", "0-7\n");
        write(root.path(), "node/online", "0-1\n");
        for (node, cpus) in [(0, "0-1,4-5"), (1, "2-3,6-7")] {
            write(root.path(), &format!("node/node{node}/cpulist"), cpus);
            let memory = format!("Node {node} MemTotal:       2097152 kB\n");
            write(root.path(), &format!("node/node{node}/meminfo"), &memory);
        }
        for cpu in 0..8 {
            let siblings = format!("{},{}\n", cpu % 4, cpu % 4 + 4);
            write(root.path(), &format!("cpu/cpu{cpu}/topology/thread_siblings_list"), &siblings);
        }
        let machine = Machine::read_from(root.path(), &[]);
        let cores: Vec<_> = machine.cores().iter().map(|cpu| (cpu.node, cpu.id)).collect();
        assert_eq!(cores, [(0, 0), (0, 1), (1, 2), (1, 3)]);
        assert_eq!(machine.cpu(6), Some(&Cpu { node: 1, id: 6, core: 2 }));
        assert_eq!(machine.nodes[1], Node { id: 1, memory_mib: 2048 });
        assert_eq!((machine.list(None), machine.list(Some(1))), ("0-7".into(), "2-3,6-7".into()));

        let picked = |list| machine.pick(list).map(|all| all.iter().map(|cpu| cpu.id).collect());
        assert_eq!(picked("6,0-2"), Some(vec![0, 1, 2, 6]));
        for wrong in ["", "0-8", "9", "a", "1,,2", "2-1", "0-99999999999999999999"] {
            assert_eq!(picked(wrong), None::<Vec<usize>>, "{wrong}");
        }

        let lent = Machine::read_from(root.path(), &[5, 6]);
        assert_eq!(lent.cpus.iter().map(|cpu| cpu.id).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn a_system_that_tells_nothing_still_has_a_cpu() {
        let machine = Machine::read_from(Path::new("/nonexistent"), &[]);
        assert!(!machine.cpus.is_empty());
        assert_eq!(
            parse_list("3, x, 5-9999999999, 2-1"),
            (3..4).chain(5..CPU_MAX).collect::<Vec<_>>()
        );
    }
}
