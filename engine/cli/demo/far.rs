//! The far end of the demo: the embedded exchange on a thread of its own.

use crate::base::clock::Wall;
use crate::base::unit::Nanos;
use crate::cli::Failure;
use crate::exchange::server::{Addresses, Server};
use crate::topology::config::Executor;
use crate::topology::executor::{Body, ExecutorError, Running, Turn, spawn};
use crate::topology::machine::Cpu;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a ledger.
pub(super) type Rows = Arc<Mutex<Vec<u8>>>;

/// A ledger that is written, and kept to be read at the end.
pub(super) struct Kept {
    rows: Rows,
    file: Box<dyn Write + Send>,
}

impl Kept {
    /// One that is kept in `rows`.
    pub(super) fn new(file: Box<dyn Write + Send>, rows: &Rows) -> Self {
        Self { rows: Arc::clone(rows), file }
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The exchange, running.
pub(super) struct FarEnd {
    thread: Running<Server<Kept>>,
    rows: Rows,
    told: Arc<AtomicBool>,
    pub(super) addresses: Addresses,
}

/// What it leaves.
pub(super) struct Left {
    /// The exchange with all that it published.
    pub(super) server: Server<Kept>,
    /// Its ledger.
    pub(super) ledger: String,
}

/// After the end of its day it stays so long, for who is still to hear of it.
const ENDING: Nanos = Nanos(200_000_000);

/// The exchange on its thread.
struct Turns {
    server: Server<Kept>,
    wall: Wall,
    told: Arc<AtomicBool>,
    ended: Option<Nanos>,
}

impl Body for Turns {
    type Output = Server<Kept>;

    fn turn(&mut self) -> Turn {
        let now = self.wall.now();
        let done = self.server.do_work(now);
        if self.told.load(Ordering::Relaxed) && self.ended.is_none() {
            self.ended = Some(now);
            self.server.act(|venue, out| venue.end(now, &mut |line, packet| out(line, packet)));
        }
        if self.ended.is_some_and(|ended| now.since(ended) > ENDING) {
            return Turn::Done;
        }
        if done > 0 {
            return Turn::Worked;
        }
        // It shares its core with the log and with who watches.
        std::thread::yield_now();
        Turn::Idle
    }

    fn finish(self) -> Self::Output {
        self.server
    }
}

impl FarEnd {
    /// Starts it, on `cpu` if there is one; its ledger is kept in `rows`.
    pub(super) fn start(
        server: Server<Kept>,
        rows: Rows,
        wall: Wall,
        cpu: Option<Cpu>,
    ) -> Result<Self, Failure> {
        let addresses = server.addresses()?;
        let told = Arc::new(AtomicBool::new(false));
        let turns = Turns { server, wall, told: Arc::clone(&told), ended: None };
        let thread = spawn(Executor::Thread, "exchange", cpu, move || turns)?;
        Ok(Self { thread, rows, told, addresses })
    }

    /// Ends its day, and takes what it leaves.
    pub(super) fn end(self) -> Result<Left, Failure> {
        self.told.store(true, Ordering::Relaxed);
        let mut server = self.thread.join()?;
        let ledger = server.venue().ledger();
        ledger.flush();
        if let Some(error) = ledger.take_error() {
            return Err(Failure::Ledger(ledger.lost(), error));
        }
        let rows = std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        let ledger = String::from_utf8(rows).map_err(|_| ExecutorError::Panicked)?;
        Ok(Left { server, ledger })
    }
}
