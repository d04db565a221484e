//! What turns a shard's agents: a glommio executor, or a bare thread. The only file that knows glommio.
//!
//! Order of birth: the executor is made unbound and of the usual priority, with its helpers and rings of the kernel (threads
//! inherit their maker's mask and priority); then it is pinned; then its memory is allocated and touched by the body that it
//! runs; real-time priority comes last. A hot shard holds one task, its duty cycle, which gives way to the
//! executor's own work by `yield_if_needed` when idle (4 ns; measured no worse than a bare thread).
//!
//! What must hold: no preemption is due while the executor goes from its reactor to its tasks. glommio 0.9 takes "was
//! preempted before anything ran" for "nothing is left to run" and then sleeps, with nobody to wake it; a timer of a
//! millisecond is enough for that on a busy machine. With one task there is nobody to preempt it for, so the timer is
//! set beyond any run.
#![forbid(unsafe_code)]

use super::config::Executor;
use super::machine::Cpu;
use super::system;
use glommio::{ExecutorJoinHandle, LocalExecutorBuilder, Placement};
use std::fmt;
use std::io;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

/// A turn of the duty cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There was work.
    Worked,
    /// There was none.
    Idle,
    /// There will be none.
    Done,
}

/// What a shard runs: made on its thread, turned until it is done.
pub trait Body: Sized + 'static {
    /// What is left at the end.
    type Output: Send + 'static;

    /// One turn.
    fn turn(&mut self) -> Turn;

    /// Takes it apart.
    fn finish(self) -> Self::Output;
}

/// A running shard.
pub enum Running<T: Send + 'static> {
    /// On glommio.
    Glommio(ExecutorJoinHandle<T>),
    /// On a thread.
    Thread(JoinHandle<T>),
}

/// A shard that did not start, or did not end in order.
#[derive(Debug)]
pub enum ExecutorError {
    /// It could not be made.
    NotStarted(String),
    /// The system let it not stay on its CPU: choose another, or leave `cpu` out.
    NotPinned {
        /// Its name.
        shard: String,
        /// The CPU.
        cpu: usize,
    },
    /// Its memory could not be bound to its node.
    NotBound {
        /// Its name.
        shard: String,
        /// The node.
        node: usize,
        /// What the system said.
        error: io::Error,
    },
    /// It may not run before others.
    NotRealTime {
        /// Its name.
        shard: String,
        /// The priority.
        priority: u32,
        /// What the system said.
        error: io::Error,
    },
    /// The memory of the process could not be locked.
    NotLocked(io::Error),
    /// It panicked.
    Panicked,
    /// It was given up: asked to end, it went on.
    NotEnded,
}

impl fmt::Display for ExecutorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(why) => write!(f, "a shard could not be started: {why}"),
            Self::NotPinned { shard, cpu } => write!(
                f,
                "shard \"{shard}\" could not be pinned to CPU {cpu}: choose another, or leave `cpu` out"
            ),
            Self::NotBound { shard, node, error } => write!(
                f,
                "memory of shard \"{shard}\" could not be bound to node {node}: {error}: see that the node has memory for this \
                 process (`numactl --show`), or set engine.bind_memory = false"
            ),
            Self::NotRealTime { shard, priority, error } => write!(
                f,
                "shard \"{shard}\" may not have priority {priority}: {error}: allow it (LimitRTPRIO= of its unit, \
                 `ulimit -r`, or the capability CAP_SYS_NICE), or set topology.real_time = 0"
            ),
            Self::NotLocked(error) => write!(
                f,
                "memory could not be locked: {error}: allow it (LimitMEMLOCK=infinity of its unit, `ulimit -l unlimited`, or \
                 the capability CAP_IPC_LOCK), or set engine.lock_memory = \"no\""
            ),
            Self::Panicked => f.write_str("a shard stopped on a broken invariant (see above)"),
            Self::NotEnded => f.write_str(
                "the engine was asked to end and did not: see that the disk of --out takes what is written",
            ),
        }
    }
}

impl std::error::Error for ExecutorError {}

/// Where a shard's thread is born, and to what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Birth {
    /// The CPU that it is pinned to.
    pub cpu: Option<Cpu>,
    /// Whether its memory comes from that CPU's node and from no other.
    pub bound: bool,
    /// Its real-time priority once it is made; 0: none.
    pub real_time: u32,
}

impl From<Option<Cpu>> for Birth {
    fn from(cpu: Option<Cpu>) -> Self {
        Self { cpu, ..Self::default() }
    }
}

impl Birth {
    /// Moves this thread to where it belongs, before it takes memory. Priority is tried and laid down again.
    fn begin(self, shard: &str) -> Result<(), ExecutorError> {
        let shard = || shard.to_owned();
        let Self { cpu, bound, real_time: priority } = self;
        if let Some(Cpu { id, node, .. }) = cpu {
            if !core_affinity::set_for_current(core_affinity::CoreId { id }) {
                return Err(ExecutorError::NotPinned { shard: shard(), cpu: id });
            }
            if bound {
                system::bind_memory(node).map_err(|error| ExecutorError::NotBound {
                    shard: shard(),
                    node,
                    error,
                })?;
            }
        }
        if priority > 0 {
            system::real_time(priority)
                .and_then(|()| system::real_time(0))
                .map_err(|error| ExecutorError::NotRealTime { shard: shard(), priority, error })?;
        }
        Ok(())
    }

    /// Gives this thread its priority, now that it has all else.
    fn end(self) {
        if self.real_time > 0 {
            let raised = system::real_time(self.real_time);
            assert!(raised.is_ok(), "Invariant: what was allowed at birth is allowed: {raised:?}");
        }
    }
}

/// What `make` makes on a thread of its own that is born like that shard's: so its memory lies where the shard reads it.
///
/// # Errors
/// If the thread cannot be made or moved there.
pub fn near<T: Send>(
    birth: Birth,
    shard: &str,
    make: impl FnOnce() -> T + Send,
) -> Result<T, ExecutorError> {
    let birth = Birth { real_time: 0, ..birth };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(format!("make-{shard}"));
        let made = thread
            .spawn_scoped(scope, || birth.begin(shard).map(|()| make()))
            .map_err(|error| ExecutorError::NotStarted(error.to_string()))?;
        made.join().unwrap_or(Err(ExecutorError::Panicked))
    })
}

/// The executor's preemption timer: longer than any run (see above).
const PREEMPT: Duration = Duration::from_hours(24 * 365);

fn builder(name: &str) -> LocalExecutorBuilder {
    LocalExecutorBuilder::new(Placement::Unbound)
        .name(name)
        .io_memory(1 << 20)
        .ring_depth(64)
        .preempt_timer(PREEMPT)
}

/// Whether glommio can run here; if not, why.
///
/// # Errors
/// What the kernel refused, in a sentence.
pub fn glommio_works() -> Result<(), String> {
    // On a thread of its own: an executor leaves marks on the thread that makes it.
    let made = std::thread::spawn(|| builder("probe").make().map(drop).map_err(|e| e.to_string()));
    made.join().unwrap_or_else(|_| Err("its executor panicked".into()))
}

/// Starts a shard: moves it to where it belongs, makes its body there, and turns it until it is done.
///
/// # Errors
/// If the thread cannot be made, or cannot be what it is to be.
pub fn spawn<B: Body>(
    kind: Executor,
    name: &str,
    birth: impl Into<Birth>,
    make: impl FnOnce() -> B + Send + 'static,
) -> Result<Running<B::Output>, ExecutorError> {
    let (tell, told) = channel();
    let (birth, shard) = (birth.into(), name.to_owned());
    let born = move || {
        let begun = birth.begin(&shard);
        let raised = begun.is_ok();
        // Whoever started it waits for this word, and lets it go if it is not the right one.
        let _ = tell.send(begun);
        let body = make();
        if raised {
            birth.end();
        }
        body
    };
    let running = match kind {
        Executor::Glommio => {
            let handle = builder(name).spawn(move || async move {
                let mut body = born();
                loop {
                    match body.turn() {
                        Turn::Worked => {}
                        Turn::Idle => glommio::executor().yield_if_needed().await,
                        Turn::Done => return body.finish(),
                    }
                }
            });
            handle.map(Running::Glommio).map_err(|e| ExecutorError::NotStarted(e.to_string()))
        }
        Executor::Thread => {
            let thread = std::thread::Builder::new().name(name.into());
            let handle: io::Result<_> = thread.spawn(move || {
                let mut body = born();
                while body.turn() != Turn::Done {}
                body.finish()
            });
            handle.map(Running::Thread).map_err(|e| ExecutorError::NotStarted(e.to_string()))
        }
    }?;
    match told.recv() {
        Ok(Err(error)) => Err(error),
        _ => Ok(running),
    }
}

impl<T: Send + 'static> Running<T> {
    /// Waits for its end.
    ///
    /// # Errors
    /// If it panicked.
    pub fn join(self) -> Result<T, ExecutorError> {
        match self {
            Self::Glommio(handle) => handle.join().map_err(|_| ExecutorError::Panicked),
            Self::Thread(handle) => handle.join().map_err(|_| ExecutorError::Panicked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Body for Nothing {
        type Output = ();

        fn turn(&mut self) -> Turn {
            Turn::Done
        }

        fn finish(self) {}
    }

    #[test]
    fn a_shard_that_cannot_be_pinned_is_not_taken_for_one_that_is() {
        for kind in [Executor::Thread, Executor::Glommio] {
            if kind == Executor::Glommio && glommio_works().is_err() {
                continue;
            }
            spawn(kind, "free", None, || Nothing).unwrap().join().unwrap();
            // Linux counts its CPUs below this one.
            let far = Some(Cpu { node: 0, id: 1_023, core: 1_023 });
            let failed = spawn(kind, "far", far, || Nothing).map(|_| ());
            let said = failed.unwrap_err().to_string();
            assert!(said.starts_with("shard \"far\" could not be pinned to CPU 1023"), "{said}");
        }
    }
}
