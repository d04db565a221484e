//! What is measured: a program of its own, started anew each round, pinned to a core of its own, connected with the bench's order
//! entry and listening to the bench's line.

use crate::far::{Far, Gate};
use crate::market::{self, Line};
use crate::nothing::RECEIVE_BUFFER;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A program to measure. Another way in or out of the engine is another `settings`.
#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// [`crate::nothing`].
    Nothing,
    /// `coretick run`, with settings that differ.
    Engine { settings: &'static str },
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

    /// A program that may use both: else it would be held to that of the bench, as whoever the bench starts is.
    fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", &format!("{},{}", self.bench, self.program)]).arg(program);
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
    /// Packets that it did not answer in time.
    pub(crate) unanswered: u32,
}

impl Program {
    /// Starts it, and waits until it has logged in. `table` is the engine's instrument table.
    pub(crate) fn start(self, task: Task, table: &str, cores: Cores) -> Running {
        let (gate, line) = (Gate::new(), Line::new());
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = match self {
            Self::Nothing => {
                let mut command = cores.command(std::env::current_exe().expect("this program"));
                command.args(["--nothing", &line.address().to_string()]);
                command.args(["--order-entry", &gate.address().to_string()]);
                command.args(["--cpu", &cores.program.to_string()]);
                command.args((task == Task::Act).then_some("--act"));
                command
            }
            Self::Engine { settings } => {
                let path = |name| folder.path().join(name);
                fs::write(path("table.csv"), table).expect("a file");
                let config = config(&gate, &line, task, cores) + settings;
                fs::write(path("config.toml"), config).expect("a file");
                let mut command = cores.command(env!("CARGO_BIN_EXE_coretick"));
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
        };
        while !far.is_ready() {}
        Running { child, far, line, folder }
    }
}

/// The engine's configuration.
fn config(gate: &Gate, line: &Line, task: Task, cores: Cores) -> String {
    let strategy = if task == Task::Act { "imbalance" } else { "none" };
    let buffer = RECEIVE_BUFFER >> 10;
    format!(
        "[feed]\nline_a = \"{}\"\nline_b = \"\"\ninterface = \"127.0.0.1\"\nrerequests = \"\"\nsnapshots = \"\"\n\
         receive_buffer_kib = {buffer}\nsilence_ms = 0\n\
         [venue]\norder_entry = \"{}\"\nuser = \"BENCH\"\n\
         [book]\norders_max = 200000\nlevels_max = 200000\ninstruments_max = 1024\n\
         [engine]\ngood_until_us = 86400000000\n\
         [strategy]\nname = \"{strategy}\"\n\
         [strategy.imbalance]\ncooldown_ms = 0\n\
         [[shard]]\nname = \"hot\"\ncpu = {}\nrun = [\"ingest\", \"book\", \"risk\", \"route\"]\nidle = \"spin\"\n\
         [[shard]]\nname = \"log\"\ncpu = {}\nrun = [\"log\"]\nidle = \"back-off\"\n",
        line.address(),
        gate.address(),
        cores.program,
        cores.bench,
    )
}

impl Running {
    /// Ends it: `next` is the sequence behind the last message.
    pub(crate) fn end(mut self, program: Program, next: u64) -> Said {
        match program {
            Program::Nothing => {
                for _ in 0..3 {
                    self.line.send(&market::end(next));
                }
            }
            Program::Engine { .. } => {
                let id = self.child.id().to_string();
                let told = Command::new("kill").args(["-INT", &id]).status();
                assert!(told.is_ok_and(|status| status.success()), "the engine was there");
            }
        }
        self.far.see_off(|| matches!(self.child.try_wait(), Ok(Some(_))));
        let status = self.child.wait().expect("a child");
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(status.success(), "the program ended with {status}:\n{log}");
        match program {
            Program::Nothing => {
                let mut numbers = log.split_whitespace().map(|word| word.parse().expect("a count"));
                let mut next = || numbers.next().expect("five figures");
                Said {
                    messages: next(),
                    lost: next(),
                    drops: next(),
                    inside: [next(), next()],
                    unanswered: 0,
                }
            }
            Program::Engine { .. } => {
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
        unanswered: 0,
    }
}
