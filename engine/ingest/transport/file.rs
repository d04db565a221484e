//! ITCH out of a file: 2-byte length-prefixed frames, plain or packed with gzip or zstd, told apart by content. A capture of
//! a feed (`transport::capture`) is read as the frames that it brings.
//!
//! The bytes stream through one buffer of fixed size and frames are handed out where they lie, so memory stays flat
//! however long the file is. What is wrong with the bytes is met at its place: all whole frames before it come first, then
//! [`ItchFile::fault`] says what and where.

use super::capture::{Capture, CaptureCounts};
use super::pcap::{self, CaptureFault};
use crate::wire::frame::{self, LENGTH_MAX, PREFIX};
use crate::wire::itch;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes in the buffer: read in pieces that the kernel serves well, small enough to stay in the second cache.
const BUFFER: usize = 256 << 10;
/// Packed bytes read at once.
const PACKED: usize = 128 << 10;

const _: () = assert!(BUFFER > PREFIX + LENGTH_MAX, "the longest frame fits");

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, one member or several.
    Gzip,
    /// zstd, one frame or several.
    Zstd,
}

/// A stream of ITCH frames.
pub struct ItchFile {
    reader: Bytes,
    buffer: Box<[u8]>,
    /// Where in the unpacked stream the buffer begins.
    origin: u64,
    /// The end of the bytes in the buffer.
    filled: usize,
    /// Where in the buffer the next frame's prefix is.
    next: usize,
    /// The reader has no more: its end, or an error.
    dry: Option<Result<(), io::ErrorKind>>,
    /// The frames have ended: cleanly, or at a fault.
    stop: Option<Result<(), FramingFault>>,
    packing: Packing,
    progress: Arc<AtomicU64>,
    total: Option<u64>,
}

/// Where the frames' bytes come from.
enum Bytes {
    /// The unpacked file.
    File(Box<dyn Read + Send>),
    /// The packets in it.
    Capture(Box<Capture>),
}

impl Read for Bytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(reader) => reader.read(into),
            Self::Capture(capture) => capture.read(into),
        }
    }
}

/// How much of the file, as it lies on the disk, has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub read: u64,
    /// Bytes in all; `None` if that cannot be known (a pipe).
    pub total: Option<u64>,
}

impl ItchFile {
    /// Open the file at `path`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let fail = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => OpenError::NotFound(path.into()),
            io::ErrorKind::PermissionDenied => OpenError::Denied(path.into()),
            io::ErrorKind::IsADirectory => OpenError::Directory(path.into()),
            kind => OpenError::Unreadable(path.into(), kind),
        };
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(OpenError::Directory(path.into()));
        }
        let mut opened = Self::unpack(Box::new(file)).map_err(fail)?;
        opened.total = metadata.is_file().then_some(metadata.len());
        // A capture is read when its turn comes: it may go on where the one before it ended.
        if opened.is_capture() {
            return Ok(opened);
        }
        match opened.next_frame().map(<[u8]>::len) {
            Some(length) => opened.put_back(length),
            None if opened.fault().is_none() => return Err(OpenError::Empty(path.into())),
            None => {}
        }
        Ok(opened)
    }

    /// Frames out of `reader`, unpacked if need be. An error at its very first bytes is a fault at offset 0.
    pub fn from_reader(reader: Box<dyn Read + Send>) -> Self {
        Self::unpack(reader).unwrap_or_else(|error| {
            let nothing = Bytes::File(Box::new(io::empty()));
            let mut nothing = Self::new(nothing, Packing::Plain, Arc::default());
            nothing.dry = Some(Err(error.kind()));
            nothing
        })
    }

    /// Tell from the first bytes how the rest is packed.
    fn unpack(reader: Box<dyn Read + Send>) -> io::Result<Self> {
        let progress = Arc::new(AtomicU64::new(0));
        let mut counted = Counted { reader, count: Arc::clone(&progress) };
        let mut first = Vec::with_capacity(4);
        counted.by_ref().take(4).read_to_end(&mut first)?;
        let packing = match first[..] {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            // A frame of data, or one to be skipped before it.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Packing::Zstd,
            _ => Packing::Plain,
        };
        let whole = Cursor::new(first).chain(counted);
        let reader: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(whole),
            Packing::Gzip => {
                let packed = BufReader::with_capacity(PACKED, whole);
                Box::new(flate2::bufread::MultiGzDecoder::new(packed))
            }
            Packing::Zstd => {
                let packed = BufReader::with_capacity(PACKED, whole);
                Box::new(zstd::stream::read::Decoder::with_buffer(packed)?)
            }
        };
        let mut opened = Self::new(Bytes::File(reader), packing, progress);
        opened.tell_capture();
        Ok(opened)
    }

    /// Tell from the first unpacked bytes whether it is a capture.
    fn tell_capture(&mut self) {
        self.fill_to(4);
        let first = &self.buffer[..self.filled];
        if pcap::is_capture(first) {
            let first = Cursor::new(first.to_vec());
            let rest = std::mem::replace(&mut self.reader, Bytes::File(Box::new(io::empty())));
            self.reader = Bytes::Capture(Box::new(Capture::new(Box::new(first.chain(rest)))));
            self.filled = 0;
        }
    }

    fn new(reader: Bytes, packing: Packing, progress: Arc<AtomicU64>) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            origin: 0,
            filled: 0,
            next: 0,
            dry: None,
            stop: None,
            packing,
            progress,
            total: None,
        }
    }

    /// The next frame, without its prefix. `None`: the file ends, or a fault comes first.
    #[inline]
    pub fn next_frame(&mut self) -> Option<&[u8]> {
        let Some(end) = self.whole() else { return self.seek_frame() };
        let start = self.next + PREFIX;
        self.next = end;
        self.buffer.get(start..end)
    }

    /// The end of the next frame, if the buffer holds it whole and nothing about it is special.
    #[inline]
    fn whole(&self) -> Option<usize> {
        let prefix = self.buffer[..self.filled].get(self.next..)?.first_chunk::<PREFIX>()?;
        let length = usize::from(u16::from_be_bytes(*prefix));
        let end = self.next + PREFIX + length;
        // The very first frame is looked at closely.
        (length > 0 && end <= self.filled && self.origin + self.next as u64 > 0).then_some(end)
    }

    /// As `next_frame`, where more bytes must be read first, or a fault may be met.
    #[cold]
    fn seek_frame(&mut self) -> Option<&[u8]> {
        while self.stop.is_none() {
            match self.find() {
                Ok(Some(length)) => {
                    let start = self.next + PREFIX;
                    self.next = start + length;
                    return self.buffer.get(start..start + length);
                }
                Ok(None) => self.fill(),
                Err(stop) => self.stop = Some(stop),
            }
        }
        None
    }

    /// Takes back the frame that `next_frame` gave last, of this length: it will come again.
    pub fn put_back(&mut self, length: usize) {
        self.next = self.next.saturating_sub(PREFIX + length);
    }

    /// The `n`-th whole frame from here, 0 being the next, if the buffer can hold all up to it. Consumes nothing.
    pub fn peek(&mut self, n: usize) -> Option<&[u8]> {
        let mut at = self.next;
        let mut left = n;
        loop {
            match frame::split(&self.buffer[at..self.filled]) {
                Some((frame, _)) if left == 0 => {
                    let start = at + PREFIX;
                    let end = start + frame.len();
                    return self.buffer.get(start..end);
                }
                Some((frame, _)) => (at, left) = (at + PREFIX + frame.len(), left - 1),
                None if self.dry.is_some() || self.filled - self.next == BUFFER => return None,
                None => {
                    at -= self.next;
                    self.fill();
                }
            }
        }
    }

    /// Once `next_frame` is `None`: why. `None` is the clean end of the file.
    pub fn fault(&self) -> Option<FramingFault> {
        let fault = self.stop?.err();
        // A capture ends its frames as a file does, whatever the reason.
        fault.or_else(|| Some(FramingFault::Capture(self.as_capture()?.fault()?)))
    }

    /// Bytes of the unpacked stream consumed, prefixes included: where the next frame's prefix is.
    pub fn bytes_read(&self) -> u64 {
        self.origin + self.next as u64
    }

    /// How much of the file has been read from the disk: ahead of `bytes_read` by what is buffered.
    pub fn progress(&self) -> Progress {
        Progress { read: self.progress.load(Ordering::Relaxed), total: self.total }
    }

    /// Whether it is a capture.
    pub fn is_capture(&self) -> bool {
        self.as_capture().is_some()
    }

    /// What was met of the capture so far, if it is one.
    pub fn capture_counts(&self) -> Option<CaptureCounts> {
        self.as_capture().map(Capture::counts)
    }

    /// Takes of a capture only the datagrams to `port`; to be said before anything is read.
    pub fn only_port(&mut self, port: u16) {
        if let Bytes::Capture(capture) = &mut self.reader {
            capture.only_port(port);
        }
    }

    /// Captures in a row are one: the lines of each go on in the next.
    pub(in crate::ingest) fn join(files: &mut [Self]) {
        for at in 1..files.len() {
            let joined = files[at].is_capture();
            if let Bytes::Capture(capture) = &mut files[at - 1].reader
                && joined
            {
                capture.set_followed();
            }
        }
    }

    /// Goes on where `before` ended, if both are captures.
    pub(in crate::ingest) fn follow(&mut self, before: &mut Self) {
        if let (Bytes::Capture(mine), Bytes::Capture(before)) =
            (&mut self.reader, &mut before.reader)
        {
            mine.follow(before);
        }
    }

    fn as_capture(&self) -> Option<&Capture> {
        match &self.reader {
            Bytes::File(_) => None,
            Bytes::Capture(capture) => Some(capture),
        }
    }

    /// How the file is packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// Length of the next frame; `None` if more bytes must be read to tell; an error if there is none.
    fn find(&self) -> Result<Option<usize>, Result<(), FramingFault>> {
        let bytes = &self.buffer[self.next..self.filled];
        let offset = self.origin + self.next as u64;
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
            return if bytes.is_empty() { self.more(Ok(())) } else { self.cut(offset, PREFIX) };
        };
        let length = usize::from(u16::from_be_bytes(*prefix));
        match rest.first() {
            Some(_) if length == 0 => Err(Err(FramingFault::ZeroLength { offset })),
            // An end mark, if this is the end.
            None if length == 0 => self.more(Ok(())),
            Some(&kind) if offset == 0 && itch::length(kind) != Some(length) => {
                Err(Err(FramingFault::NotItch { kind, length }))
            }
            _ if rest.len() < length => self.cut(offset, PREFIX + length),
            _ => Ok(Some(length)),
        }
    }

    /// The file ends in the middle of what begins at `offset`, unless more bytes come.
    fn cut(&self, offset: u64, wanted: usize) -> Result<Option<usize>, Result<(), FramingFault>> {
        let got = self.filled - self.next;
        self.more(Err(FramingFault::Truncated { offset, wanted, got }))
    }

    /// More bytes are wanted: `stop` if there are none, or the error that keeps them away.
    fn more(
        &self,
        stop: Result<(), FramingFault>,
    ) -> Result<Option<usize>, Result<(), FramingFault>> {
        match self.dry {
            None => Ok(None),
            Some(Ok(())) => Err(stop),
            Some(Err(kind)) => {
                let offset = self.origin + self.filled as u64;
                Err(Err(FramingFault::Unreadable { offset, kind }))
            }
        }
    }

    /// Move what is not consumed to the front of the buffer and fill the rest.
    fn fill(&mut self) {
        self.buffer.copy_within(self.next..self.filled, 0);
        self.origin += self.next as u64;
        self.filled -= self.next;
        self.next = 0;
        self.fill_to(BUFFER);
    }

    fn fill_to(&mut self, end: usize) {
        while self.filled < end && self.dry.is_none() {
            match self.reader.read(&mut self.buffer[self.filled..end]) {
                Ok(0) => self.dry = Some(Ok(())),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.dry = Some(Err(error.kind())),
            }
        }
    }
}

impl fmt::Debug for ItchFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ItchFile");
        debug.field("packing", &self.packing).field("bytes_read", &self.bytes_read());
        debug.field("fault", &self.fault()).finish_non_exhaustive()
    }
}

/// Counts the bytes that pass.
struct Counted {
    reader: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        // Relaxed: a number for people to look at.
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Why a file cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// There is no such file.
    NotFound(PathBuf),
    /// It is a directory.
    Directory(PathBuf),
    /// It has no frames: no bytes, nothing packed, or an end mark alone.
    Empty(PathBuf),
    /// Reading it is not allowed.
    Denied(PathBuf),
    /// Reading its first bytes failed.
    Unreadable(PathBuf, io::ErrorKind),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(path) => {
                write!(f, "{}: there is no such file; check the path", path.display())
            }
            Self::Directory(path) => {
                write!(f, "{}: this is a directory; name a file in it", path.display())
            }
            Self::Empty(path) => {
                write!(
                    f,
                    "{}: the file is empty: no message is in it; was its download cut short?",
                    path.display()
                )
            }
            Self::Denied(path) => {
                write!(f, "{}: reading is not allowed; check its permissions", path.display())
            }
            Self::Unreadable(path, kind) => {
                write!(f, "{}: cannot be read ({kind}); check the disk", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}

/// Why frames end before the file's clean end. Offsets are bytes in the unpacked stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingFault {
    /// The file begins with what is no frame of an ITCH message.
    NotItch {
        /// The byte where a message type should be.
        kind: u8,
        /// The length that the first two bytes would mean.
        length: usize,
    },
    /// The file ends in the middle of a frame.
    Truncated {
        /// Where the frame's prefix begins.
        offset: u64,
        /// Bytes from there that the frame needs, its prefix included.
        wanted: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// A frame of no bytes, which may only stand at the very end.
    ZeroLength {
        /// Where its prefix begins.
        offset: u64,
    },
    /// The disk failed, or the packed data is damaged or cut short.
    Unreadable {
        /// How many bytes could be read.
        offset: u64,
        /// The error.
        kind: io::ErrorKind,
    },
    /// The capture is damaged, cut short, or of something else.
    Capture(CaptureFault),
}

impl fmt::Display for FramingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotItch { kind, length } => write!(
                f,
                "this is no ITCH 5.0 file: its first message would be of type '{}' with {length} bytes",
                kind.escape_ascii()
            ),
            Self::Truncated { offset, wanted, got } => write!(
                f,
                "the file ends in the middle of a message: {got} of {wanted} bytes at byte {offset}"
            ),
            Self::ZeroLength { offset } => {
                write!(f, "a message without bytes at byte {offset}, and more after it")
            }
            Self::Unreadable { offset, kind: io::ErrorKind::UnexpectedEof } => {
                write!(f, "the packed data is cut short after byte {offset}")
            }
            Self::Unreadable { offset, kind } => {
                write!(f, "cannot be read or unpacked after byte {offset} ({kind})")
            }
            Self::Capture(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for FramingFault {}

#[cfg(test)]
mod tests;
