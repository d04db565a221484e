//! What the benches share: variants run in turns, costs by CPU and wall time, one table.
//!
//! On a shared machine two figures are comparable only if they were taken side by side. So the variants take turns,
//! round by round, in one process, and the table shows the median of the rounds with the least and the most. CPU time
//! is that of the thread that works: what neighbours take from it is not in it, what they do to its caches is.
#![allow(unsafe_code)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Command;

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Its settings, as in `engine/main.rs`.
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: Option<&'static std::ffi::c_char> = {
    // SAFETY: the literal lives for ever, and both types are one byte.
    Some(unsafe { &*c"thp:always".as_ptr() })
};

/// A clock of the system.
#[derive(Clone, Copy)]
enum Watch {
    /// Time that this thread ran.
    ThreadCpu = libc::CLOCK_THREAD_CPUTIME_ID as isize,
    /// Time that passed.
    Wall = libc::CLOCK_MONOTONIC as isize,
}

fn read(watch: Watch) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec to where the pointer points, which is one.
    let failed = unsafe { libc::clock_gettime(watch as libc::clockid_t, &mut time) };
    assert_eq!(failed, 0, "the system has these clocks");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// CPU and wall time, in nanoseconds: a moment of this thread, or what lies between two.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Time that the thread ran.
    pub(crate) cpu: u64,
    /// Time that passed.
    pub(crate) wall: u64,
}

impl Cost {
    /// Now, on this thread.
    pub(crate) fn now() -> Self {
        Self { cpu: read(Watch::ThreadCpu), wall: read(Watch::Wall) }
    }

    /// From `earlier`, on the same thread, to this.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { cpu: self.cpu - earlier.cpu, wall: self.wall - earlier.wall }
    }
}

/// One of the things compared, with what it cost so far.
pub(crate) struct Variant<'a> {
    name: String,
    run: Box<dyn FnMut() -> Cost + 'a>,
    costs: Vec<Cost>,
}

impl<'a> Variant<'a> {
    /// A variant; `run` sets up, and tells what the part that counts has cost.
    pub(crate) fn new(name: &str, run: impl FnMut() -> Cost + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run), costs: Vec::new() }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether that is its name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Median CPU time of a run, in nanoseconds.
    pub(crate) fn cpu(&self) -> f64 {
        Spread::of(self.costs.iter().map(|cost| cost.cpu)).median
    }
}

/// Runs all `variants` in turns, `rounds` times (at least once).
pub(crate) fn interleave(variants: &mut [Variant<'_>], rounds: usize) {
    for round in 1..=rounds {
        for variant in &mut *variants {
            eprint!("\r\x1b[2Kround {round} of {rounds}: {}", variant.name);
            let cost = (variant.run)();
            variant.costs.push(cost);
        }
    }
    eprint!("\r\x1b[2K");
}

/// The middle of some figures and their ends.
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = u64>) -> Self {
        let mut figures: Vec<u64> = figures.collect();
        figures.sort_unstable();
        let count = figures.len();
        assert!(count > 0, "a variant ran");
        let median = (figures[(count - 1) / 2] + figures[count / 2]) as f64 / 2.0;
        Self { least: figures[0] as f64, median, most: figures[count - 1] as f64 }
    }
}

/// The table of all variants: nanoseconds a message, and their ratio to the first. Each is left for `page` too, as `bench/variant`.
pub(crate) fn table(bench: &str, variants: &[Variant<'_>], messages: u64) -> String {
    let each = |nanos: f64| nanos / messages as f64;
    let floor = variants.first().map_or(1.0, Variant::cpu);
    let mut text = String::from("ns a message");
    let _ = writeln!(
        text,
        "{:22} {:>8} {:>8} {:>18} {:>8} {:>8}",
        "", "CPU", "x floor", "least..most", "wall", "M/s"
    );
    for variant in variants {
        let figures = variant.costs.iter().map(|cost| each(cost.cpu as f64));
        keep(&format!("{bench}/{}", variant.name), "ns", figures);
        let cpu = Spread::of(variant.costs.iter().map(|cost| cost.cpu));
        let wall = each(Spread::of(variant.costs.iter().map(|cost| cost.wall)).median);
        let spread = format!("{:.1}..{:.1}", each(cpu.least), each(cpu.most));
        let (ratio, rate) = (cpu.median / floor, 1_000.0 / each(cpu.median));
        let cpu = each(cpu.median);
        let _ = writeln!(
            text,
            "{:34} {cpu:>8.1} {ratio:>8.2} {spread:>18} {wall:>8.1} {rate:>8.1}",
            variant.name
        );
    }
    text
}

/// Leaves a figure for `page`, in the file that `CORETICK_BENCH_ROWS` names; nowhere if it names none. Figures of rounds.
pub(crate) fn keep(operation: &str, unit: &str, figures: impl Iterator<Item = f64>) {
    let Some(path) = std::env::var_os("CORETICK_BENCH_ROWS") else { return };
    // Thousandths are kept.
    let Spread { least, median, most } = Spread::of(figures.map(|it| (it * 1e3) as u64));
    let [median, low, high] = [median, least, most].map(|it| it / 1e3);
    let row = format!(
        "{{\"operation\":{operation:?},\"unit\":{unit:?},\"median\":{median},\"low\":{low},\"high\":{high}}}"
    );
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    let written = file.and_then(|mut file| writeln!(file, "{row}"));
    written.unwrap_or_else(|why| panic!("{}: {why}", path.display()));
}

/// The machine, its load, and the commit, on two lines.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    format!(
        "machine   {}, {cores} cores for this process, load {}\ncommit    {}\n",
        model.unwrap_or("of unknown model"),
        load.join(" "),
        commit().as_deref().unwrap_or("unknown"),
    )
}

/// The commit checked out, with a mark if files differ from it.
fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let told = git.output().ok().filter(|told| told.status.success())?;
    Some(String::from_utf8(told.stdout).ok()?.trim().into())
}
