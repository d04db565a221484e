//! What is measured: a program of its own, started anew each round, pinned to a core of its own, connected with the bench's order
//! entry and listening to the bench's line.

use crate::far::{Far, Gate, PAUSE};
use crate::lab::Net;
use crate::market::{self, Line};
use crate::nothing::{RECEIVE_BUFFER, TRANSPORTS};
use coretick::ingest::transport::line::Transport;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// A program to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// [`crate::nothing`].
    Nothing,
    /// `coretick run`.
    Engine,
}

/// Where programs are measured.
#[derive(Clone)]
pub(crate) struct Stand {
    pub(crate) cores: Cores,
    /// The bench is where the sender is, programs where the reader is.
    pub(crate) net: Net,
    /// By which transport the engine's orders go.
    pub(crate) orders_by: String,
}

/// What is measured of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// It answers packets with orders.
    Act,
    /// It takes packets in; the engine's books are kept, and nothing is decided.
    Listen,
}

/// The cores: the bench's own, and that of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) bench: usize,
    pub(crate) program: usize,
}

impl Cores {
    /// The first and the last that this process may use.
    pub(crate) fn of_this_machine() -> Self {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let (first, last) =
            (cores.first().map_or(0, |it| it.id), cores.last().map_or(0, |it| it.id));
        Self { bench: first, program: last }
    }
}

impl Stand {
    /// Those that are possible there.
    pub(crate) fn transports(&self) -> Vec<Transport> {
        let possible = |by: &Transport| *by != Transport::Xdp || self.net.has_interfaces();
        TRANSPORTS.into_iter().filter(possible).collect()
    }

    /// A program that may use both cores: else it would be held to that of the bench, as whoever the bench starts is.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.net.command(1, "taskset");
        let Cores { bench, program: other } = self.cores;
        command.args(["-c", &format!("{bench},{other}")]).arg(program.as_ref());
        command
    }
}

/// A program that runs.
pub(crate) struct Running {
    child: Child,
    pub(crate) far: Far,
    pub(crate) line: Line,
    folder: TempDir,
}

/// What it said at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    /// Messages that it read.
    pub(crate) messages: u64,
    /// Messages that it missed.
    pub(crate) lost: u64,
    /// Packets that the kernel dropped.
    pub(crate) drops: u64,
    /// From the packet read to the order written, by its own clock, ns: median and 99th percentile.
    pub(crate) inside: [u64; 2],
}

impl Program {
    /// Starts it, and waits until it has logged in. `table` is the engine's instrument table.
    pub(crate) fn start(self, by: Transport, task: Task, table: &str, stand: &Stand) -> Running {
        let Net { sender, reader, .. } = stand.net;
        let (gate, line) = (Gate::new(sender), Line::new(sender));
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = match self {
            Self::Nothing => {
                let mut command = stand.command(std::env::current_exe().expect("this program"));
                command.args(["--nothing", &line.address().to_string()]);
                command.args(["--order-entry", &gate.address().to_string()]);
                command.args(["--cpu", &stand.cores.program.to_string(), "--by", by.name()]);
                command.args(["--interface", &reader.to_string()]);
                command.args((task == Task::Act).then_some("--act"));
                command
            }
            Self::Engine => {
                let path = |name| folder.path().join(name);
                fs::write(path("table.csv"), table).expect("a file");
                let config = config(&gate, &line, by, task, stand);
                fs::write(path("config.toml"), config).expect("a file");
                let mut command = stand.command(env!("CARGO_BIN_EXE_coretick"));
                command.args(["run", "--plain"]).env("CORETICK_PASSWORD", "BENCH");
                command.arg("--config").arg(path("config.toml"));
                command.arg("--instruments").arg(path("table.csv"));
                command.arg("--out").arg(path("out"));
                command
            }
        };
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let mut far = loop {
            if let Some(far) = gate.client() {
                break far;
            }
            if let Ok(Some(status)) = child.try_wait() {
                let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                panic!("the program ended before it began: {status}\n{log}");
            }
            thread::park_timeout(PAUSE);
        };
        while !far.is_ready() {
            thread::park_timeout(PAUSE);
        }
        Running { child, far, line, folder }
    }
}

/// The engine's configuration.
fn config(gate: &Gate, line: &Line, by: Transport, task: Task, stand: &Stand) -> String {
    let strategy = if task == Task::Act { "imbalance" } else { "none" };
    let buffer = RECEIVE_BUFFER >> 10;
    format!(
        "[feed]\nline_a = \"{}\"\nline_b = \"\"\ninterface = \"{}\"\ntransport = \"{by}\"\nrerequests = \"\"\nsnapshots = \"\"\n\
         receive_buffer_kib = {buffer}\nsilence_ms = 0\n\
         [venue]\norder_entry = \"{}\"\nuser = \"BENCH\"\n[route]\ntransport = \"{}\"\n\
         [book]\norders_max = 200000\nlevels_max = 200000\ninstruments_max = 1024\n\
         [engine]\ngood_until_us = 86400000000\n\
         [strategy]\nname = \"{strategy}\"\n\
         [strategy.imbalance]\ncooldown_ms = 0\n\
         [[shard]]\nname = \"hot\"\ncpu = {}\nrun = [\"ingest\", \"book\", \"risk\", \"route\"]\nidle = \"spin\"\n\
         [[shard]]\nname = \"log\"\ncpu = {}\nrun = [\"log\"]\nidle = \"back-off\"\n",
        line.address(),
        stand.net.reader,
        gate.address(),
        stand.orders_by,
        stand.cores.program,
        stand.cores.bench,
    )
}

impl Running {
    /// What it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it: `next` is the sequence behind the last message.
    pub(crate) fn end(mut self, program: Program, next: u64) -> Said {
        match program {
            Program::Nothing => {
                for _ in 0..3 {
                    self.line.send(&market::end(next));
                }
            }
            Program::Engine => {
                let id = self.child.id().to_string();
                let told = Command::new("kill").args(["-INT", &id]).status();
                assert!(told.is_ok_and(|status| status.success()), "the engine was there");
            }
        }
        self.far.see_off(|| matches!(self.child.try_wait(), Ok(Some(_))));
        let status = self.child.wait().expect("a child");
        let log = self.log();
        assert!(status.success(), "the program ended with {status}:\n{log}");
        match program {
            Program::Nothing => {
                let mut numbers = log.split_whitespace().map(|word| word.parse().expect("a count"));
                let mut next = || numbers.next().expect("five figures");
                Said { messages: next(), lost: next(), drops: next(), inside: [next(), next()] }
            }
            Program::Engine => {
                let summary = fs::read(self.folder.path().join("out/summary.json"));
                let summary = serde_json::from_slice(&summary.expect("a summary"));
                of_summary(&summary.expect("a summary"))
            }
        }
    }
}

fn of_summary(summary: &Value) -> Said {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (feed, inside) = (&summary["feed"], &summary["latency_ns"]["receive_to_send"]);
    let drops = feed["kernel_drops"].as_array().map_or(0, |drops| drops.iter().map(number).sum());
    // A gap that is still open is in neither: then the gaps that were seen are more than those that were healed.
    let open = number(&summary["gaps_seen"]) - number(&summary["gaps_healed"]);
    Said {
        messages: number(&feed["messages"]),
        lost: number(&feed["lost_messages"]) + open,
        drops,
        inside: [number(&inside["p50"]), number(&inside["p99"])],
    }
}
