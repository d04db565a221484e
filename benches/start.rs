//! How long does the engine take to start, how much memory does it take, and how large is it?
//!
//! A replay of 40,000 messages on 2,000 symbols, with pools for 10,000 instruments, from before the process is made to after its
//! end: what lies between its start and its first message is less. Warm, the program and the day were read before, so that no
//! disk is waited for; cold, the kernel has forgotten both, and reads them again. The live engine's sockets and logins are not in
//! it. Beside them the process alone, which says its version. All take turns.

#![allow(unsafe_code)]

#[expect(dead_code, reason = "other benches have costs and variants")]
mod common;

use clap::Parser;
use coretick::base::clock::Clock;
use coretick::exchange::flow;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

/// How long a start takes, and how much memory.
#[derive(Parser)]
struct Arguments {
    /// Starts of each
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Two starts: to see that it runs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`; without it, as under `cargo test`, it is quick
    #[arg(long, hide = true)]
    bench: bool,
}

const INSTRUMENTS: u32 = 10_000;
const MESSAGES: u64 = 40_000;
const PROGRAM: &str = env!("CARGO_BIN_EXE_coretick");

/// Milliseconds that the program takes with these arguments.
fn start(clock: Clock, arguments: &[&str]) -> f64 {
    let began = clock.ticks();
    let mut command = Command::new(PROGRAM);
    let ended = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let took = clock.nanos(clock.ticks() - began);
    let ended = ended.expect("cargo built it");
    assert!(ended.success(), "coretick {}: {ended}", arguments.join(" "));
    took as f64 / 1e6
}

/// Bytes of a page, or a part of one.
const PAGE: usize = 4_096;
/// Tries to have the kernel forget a file: it does not each time, least of all what was in use a moment ago.
const TRIES: usize = 1_000;

/// Has the kernel forget a file, in some tries. Whether it did.
fn forget(path: &str) -> bool {
    (0..TRIES).any(|_| try_to_forget(path))
}

/// Pages of a file that the kernel has in memory.
fn resident(file: &fs::File) -> usize {
    let length = file.metadata().expect("it is open").len() as usize;
    // SAFETY: a new mapping of an open file, of its own length and where the kernel likes; nothing of it is read.
    let map = unsafe {
        let (shown, shared) = (libc::PROT_READ, libc::MAP_SHARED);
        libc::mmap(std::ptr::null_mut(), length, shown, shared, file.as_raw_fd(), 0)
    };
    assert_ne!(map, libc::MAP_FAILED, "a file of target/ can be mapped");
    let mut pages = vec![0_u8; length.div_ceil(PAGE)];
    // SAFETY: the mapping is as long as is said, and there is a byte for each of its pages.
    let failed = unsafe { libc::mincore(map, length, pages.as_mut_ptr()) };
    // SAFETY: the mapping of before, whole; nobody else knows of it.
    unsafe { libc::munmap(map, length) };
    assert_eq!(failed, 0, "a mapped file's pages can be asked for");
    pages.iter().filter(|page| **page & 1 == 1).count()
}

/// Asks the kernel to forget a file, which it does as far as it likes. Whether no page of it is left.
fn try_to_forget(path: &str) -> bool {
    let file = fs::File::open(path).expect("it was written or built");
    file.sync_all().expect("target/ can be written to");
    // SAFETY: the descriptor is open, and the call touches no memory of ours.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    resident(&file) == 0
}

/// The most memory that a process took which this one started and waited for, in MiB.
fn memory_of_children() -> f64 {
    // SAFETY: all bytes zero are a usage, of nothing.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one usage to where the pointer points, which is one.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) };
    assert_eq!(failed, 0, "the system counts what it gives");
    usage.ru_maxrss as f64 / 1_024.0
}

/// Least, middle and most.
fn spread(figures: &[f64]) -> String {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let [least, middle, most] = [0, sorted.len() / 2, sorted.len() - 1].map(|at| sorted[at]);
    format!("{middle:>8.1} {least:>10.1}..{most:.1}")
}

fn main() {
    let arguments = Arguments::parse();
    let rounds = if arguments.quick || !arguments.bench { 2 } else { arguments.rounds };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("start");
    fs::create_dir_all(&folder).expect("target/ can be written to");
    let (day, config) = (folder.join("day.itch50"), folder.join("desk.toml"));
    let spec =
        flow::DaySpec { messages: MESSAGES, symbols: 2_000, live: 8_000, ..Default::default() };
    let mut file = fs::File::create(&day).expect("target/ can be written to");
    spec.write(&mut file, &mut |_| ()).expect("the disk holds it");
    fs::write(&config, format!("[book]\ninstruments_max = {INSTRUMENTS}\n"))
        .expect("target/ can be written to");
    let [day, config] = [&day, &config].map(|path| path.to_str().expect("target/ is of UTF-8"));
    let replay = ["replay", day, "--config", config, "--strategy", "imbalance"];

    let clock = Clock::calibrated();
    let (mut alone, mut whole, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        eprint!("\r\x1b[2Kround {round} of {rounds}");
        alone.push(start(clock, &["--version"]));
        whole.push(start(clock, &replay));
        if [PROGRAM, day].map(forget) == [true, true] {
            cold.push(start(clock, &replay));
        } else {
            // Those that are to be warm are.
            for path in [PROGRAM, day] {
                fs::read(path).expect("it was written or built");
            }
        }
    }
    eprint!("\r\x1b[2K");
    print!("{}", common::machine());
    println!("\nms, from start to end             median      least..most");
    let (of_start, of_cold) = (
        "start/40,000 messages replayed to their end",
        "start/40,000 messages replayed, cold: from disk",
    );
    if cold.is_empty() {
        println!(
            "no cold start can be had here: the kernel does not forget files that it is told to"
        );
    } else {
        common::keep(of_cold, "ms", cold.iter().copied());
    }
    let of_each = [("process alone", &alone), ("a small day", &whole), ("the same, cold", &cold)];
    for (name, figures) in of_each.into_iter().filter(|(_, figures)| !figures.is_empty()) {
        println!("{name:30} {}", spread(figures));
    }
    common::keep("start/process alone", "ms", alone.into_iter());
    common::keep(of_start, "ms", whole.into_iter());
    // The largest of them all: the replay.
    let memory = memory_of_children();
    let size = fs::metadata(PROGRAM).expect("cargo built it").len() as f64 / (1 << 20) as f64;
    println!("\nmost memory {memory:.0} MiB, the program {size:.1} MiB");
    println!("by component: coretick check --config {config}");
    common::keep("start/memory, 10,000 instruments", "MiB", std::iter::once(memory));
    common::keep("start/size of the program", "MiB", std::iter::once(size));
}
