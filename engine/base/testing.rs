//! What tests share: a sink that records, a file in memory, messages in brief, and a loud word where one is skipped.
#![forbid(unsafe_code)]

use super::message::{Flags, Header, Key, Kind, Market, Message, Source};
use super::stage::{Outlet, Sink};
use super::unit::*;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};

/// Records what is put, and holds whoever puts to the room that it was told of.
pub(crate) struct Recorder<T> {
    /// What was put and not yet taken out.
    pub(crate) put: Vec<T>,
    /// Messages that may still be put; the first `reserve` of them only as cancels of the engine.
    pub(crate) room: usize,
    /// Slots that `room()` leaves out.
    pub(crate) reserve: usize,
    /// The greatest promise heard.
    pub(crate) promise: Key,
}

impl<T> Recorder<T> {
    /// Room for so many.
    pub(crate) fn with_room(room: usize) -> Self {
        Self { put: Vec::new(), room, reserve: 0, promise: Key::default() }
    }

    /// Room for whatever comes.
    pub(crate) fn roomy() -> Self {
        Self::with_room(usize::MAX)
    }

    /// What was put since the last call.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.put)
    }
}

impl<T> Outlet for Recorder<T> {
    fn room(&mut self) -> usize {
        self.room.saturating_sub(self.reserve)
    }

    fn room_for_cancels(&mut self) -> usize {
        self.room
    }

    fn until(&mut self, key: Key) -> bool {
        self.promise = self.promise.max(key);
        true
    }

    fn flush(&mut self) -> bool {
        true
    }
}

impl<T: Message> Sink<T> for Recorder<T> {
    fn put(&mut self, message: &T) {
        assert!(self.room > 0, "put without room");
        self.room -= 1;
        self.put.push(*message);
    }
}

/// A file in memory, which can be full. Clones are the same file.
#[derive(Clone)]
pub(crate) struct Paper {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Paper {
    /// One for so many bytes: what goes beyond is refused as a whole.
    pub(crate) fn with_room(room: usize) -> Self {
        Self { bytes: Arc::default(), room }
    }

    /// One for whatever comes.
    pub(crate) fn roomy() -> Self {
        Self::with_room(usize::MAX)
    }

    /// What was written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }

    /// Its lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// Its lines behind the first, which heads them.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.text().lines().skip(1).map(str::to_owned).collect()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.bytes.lock().unwrap();
        if bytes.len() > self.room - written.len() {
            return Err(ErrorKind::StorageFull.into());
        }
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A market message of which only the head is told.
pub(crate) fn market(time: u64, kind: Kind, instrument: u32) -> Market {
    let head = Header {
        time: Nanos(time),
        cause: Seq(time),
        instrument: InstrumentId(instrument),
        kind,
        source: Source(0),
        flags: Flags::default(),
    };
    Market { head, ..Market::default() }
}

/// A price in whole cents.
pub(crate) const fn cents(cents: i64) -> Price {
    Price(cents * 10_000_000)
}

/// Says that this test is skipped: past the test runner, which keeps to itself what a test prints that passes.
pub(crate) fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let mut terminal = std::io::stderr();
    writeln!(terminal, "SKIPPED: {test}: {why}").unwrap();
}
