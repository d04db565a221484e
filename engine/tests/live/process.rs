//! Programs that run beside a test: an exchange, an engine against it, and the signals that they are sent.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const PASSWORD: &str = "PASS01";
/// For an exchange that leaves the orders of a client in the market when it is gone.
pub(crate) const KEEPS_ORDERS: &str = "[[account]]\nuser = \"DESK01\"\npassword = \"PASS01\"\nfirm = \"CTCK\"\n\
    cancel_on_disconnect = false\n";

/// What a test that fails shows of what its programs printed.
const LAST_LINES: usize = 40;

/// A program that runs; it is killed if a test leaves it.
pub(crate) struct Program {
    process: Child,
    said: PathBuf,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// All that it printed.
    pub(crate) text: String,
    /// From the last signal to the end.
    pub(crate) after: Duration,
}

/// A program in a folder with a socket of this name is a service, which tells it how it stands.
pub(crate) const SERVICE: &str = "service";

impl Program {
    /// Starts `coretick` with these arguments; what it prints goes to a file in `folder`.
    pub(crate) fn start(folder: &Path, name: &str, arguments: &[&str], password: &str) -> Self {
        Self::start_in(None, folder, name, arguments, password)
    }

    /// In a network namespace, if one is named.
    pub(crate) fn start_in(
        namespace: Option<&str>,
        folder: &Path,
        name: &str,
        arguments: &[&str],
        password: &str,
    ) -> Self {
        let said = folder.join(format!("{name}.txt"));
        let file = fs::File::create(&said).unwrap();
        let mut command = coretick(namespace);
        let service = folder.join(SERVICE);
        if service.exists() {
            command.env("NOTIFY_SOCKET", service);
        }
        let process = command
            .args(arguments)
            .env("CORETICK_PASSWORD", password)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { process, said }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.said).unwrap()).into_owned()
    }

    fn last_lines(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Waits until it printed what holds; three minutes at most.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let since = now();
        while !holds(&self.text()) {
            let is_over = self.process.try_wait().unwrap().is_some();
            assert!(
                !is_over && since.elapsed() < Duration::from_secs(180),
                "{what}: {}",
                self.text()
            );
            pause(20);
        }
    }

    /// Waits until it has orders in the market.
    pub(crate) fn trades(&mut self) {
        self.until("it never traded", |text| {
            text.lines().any(|line| line.contains("session live") && !line.contains(" open 0 "))
        });
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for its end; two minutes at most.
    pub(crate) fn end(mut self) -> Ended {
        let since = now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                let text = self.text();
                return Ended { code: status.code(), text, after: since.elapsed() };
            }
            assert!(since.elapsed() < Duration::from_secs(120), "it does not end: {}", self.text());
            pause(5);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, but for a test that failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("{} printed at last:\n{}", self.said.display(), self.last_lines());
        }
    }
}

/// The program, in a network namespace if one is named.
fn coretick(namespace: Option<&str>) -> Command {
    let program = env!("CARGO_BIN_EXE_coretick");
    let Some(namespace) = namespace else { return Command::new(program) };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command
}

/// The network between an exchange and its engines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net<'a> {
    /// Their namespaces, if they are not in that of this test.
    pub(crate) namespaces: [Option<&'a str>; 2],
    /// The exchange's addresses, by line; services are at the first.
    pub(crate) exchange: [&'a str; 2],
    /// The engine's.
    pub(crate) engine: [&'a str; 2],
    /// How lines come in.
    pub(crate) transport: &'a str,
}

/// This machine's loopback.
pub(crate) const HERE: Net<'_> = Net {
    namespaces: [None; 2],
    exchange: ["127.0.0.1"; 2],
    engine: ["127.0.0.1"; 2],
    transport: "socket",
};

/// An exchange of its own addresses.
pub(crate) struct Exchange {
    /// Where its engines run.
    namespace: Option<String>,
    process: Child,
    said: BufReader<ChildStdout>,
    pub(crate) folder: PathBuf,
}

impl Exchange {
    /// Starts one in `folder`, and writes there how an engine finds it: `desk.toml`.
    pub(crate) fn start(folder: &Path, rate: u32, faults: &str) -> Self {
        Self::start_with(folder, rate, faults, "")
    }

    /// One whose configuration has `more` at its end.
    pub(crate) fn start_with(folder: &Path, rate: u32, faults: &str, more: &str) -> Self {
        Self::start_on(HERE, folder, rate, faults, more)
    }

    /// One on such a network.
    pub(crate) fn start_on(
        net: Net<'_>,
        folder: &Path,
        rate: u32,
        faults: &str,
        more: &str,
    ) -> Self {
        let Net { namespaces, exchange: [by_a, by_b], engine: [to_a, to_b], transport } = net;
        // A group of this test's own: two exchanges that got the same port are told apart by it.
        static GROUPS: AtomicU8 = AtomicU8::new(1);
        let group = GROUPS.fetch_add(1, Ordering::Relaxed);
        let sockets = [0, 1].map(|_| UdpSocket::bind("0.0.0.0:0").unwrap());
        let ports = sockets.map(|socket| socket.local_addr().unwrap().port());
        let lines = format!(
            "line_a = \"239.255.{group}.1:{}\"\nline_b = \"239.255.{group}.2:{}\"\n",
            ports[0], ports[1]
        );
        let config = folder.join("exchange.toml");
        let text = format!(
            "[flow]\nsymbols = 50\nrate = {rate}\n[feed]\n{lines}rerequests = \"{by_a}:0\"\nkept_mib = 64\n\
             snapshots = \"{by_a}:0\"\ninterface = \"{by_a}\"\ninterface_b = \"{by_b}\"\n\
             [order_entry]\nlisten = \"{by_a}:0\"\n{more}"
        );
        fs::write(&config, text).unwrap();
        let mut process = coretick(namespaces[0])
            .args(["exchange", "--faults", faults, "--config"])
            .arg(&config)
            .arg("--out")
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut address = |of: &str| loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "the exchange said no address");
            if let Some(rest) = line.strip_prefix(of) {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
        };
        let [rerequests, snapshots, order_entry] =
            ["re-requests", "snapshots", "order entry"].map(&mut address);
        let desk = format!(
            "[engine]\ninstruments = \"{}\"\ntick_ms = 20\n[feed]\n{lines}rerequests = \"{rerequests}\"\n\
             snapshots = \"{snapshots}\"\ninterface = \"{to_a}\"\ninterface_b = \"{to_b}\"\n\
             transport = \"{transport}\"\n[venue]\norder_entry = \"{order_entry}\"\n\
             stop_within_ms = 20000\n\
             [strategy]\nname = \"quoter\"\n[book]\ninstruments_max = 64\norders_max = 65536\nlevels_max = 16384\n",
            folder.join("instruments.csv").display()
        );
        fs::write(folder.join("desk.toml"), desk).unwrap();
        let namespace = namespaces[1].map(String::from);
        Self { namespace, process, said, folder: folder.into() }
    }

    /// Starts an engine against it; its files go to the folder `name` beside the exchange's.
    pub(crate) fn engine(&self, name: &str, more: &[&str], password: &str) -> Program {
        let (config, out) = (self.folder.join("desk.toml"), self.folder.join(name));
        let mut arguments = vec!["run", "--plain", "--config", config.to_str().unwrap()];
        arguments.extend(["--out", out.to_str().unwrap()]);
        arguments.extend(more);
        Program::start_in(self.namespace.as_deref(), &self.folder, name, &arguments, password)
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.process.id(), name);
    }

    /// Ends its day; then its ledger is whole.
    pub(crate) fn end(mut self) {
        self.signal("INT");
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success(), "{rest}");
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    let done = Command::new("kill").args(["-s", name, &process.to_string()]).status();
    assert!(done.unwrap().success(), "kill -s {name} {process}");
}

#[expect(clippy::disallowed_methods, reason = "a test waits for other processes")]
pub(crate) fn pause(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
}

#[expect(clippy::disallowed_methods, reason = "a test times other processes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
