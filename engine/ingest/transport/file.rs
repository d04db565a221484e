//! ITCH out of a file: 2-byte length-prefixed frames, plain or packed with gzip or zstd, told apart by content.
//!
//! The bytes stream through one buffer of fixed size. Frames are found in batches and handed out where they lie, so memory
//! stays flat however long the file is, and looking a few frames ahead ([`ItchFile::ahead`]) is an index. What is wrong with
//! the bytes is met at its place: all whole frames before it come first, then [`ItchFile::fault`] says what and where.

use crate::wire::frame::{LENGTH_MAX, PREFIX};
use crate::wire::itch;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far [`ItchFile::ahead`] may look.
pub const AHEAD_MAX: usize = 32;

/// Bytes in the buffer: read in pieces that the kernel serves well, small enough to stay in the second cache.
const BUFFER: usize = 256 << 10;
/// Frames found in one batch: enough for the look ahead to be an index nearly always.
const BATCH: usize = 512;
/// Packed bytes read at once.
const PACKED: usize = 128 << 10;

const _: () = assert!(BUFFER >= 3 * (PREFIX + LENGTH_MAX), "three of the longest frames fit");
const _: () = assert!(BATCH > AHEAD_MAX, "a look ahead never needs more than a batch");

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
    reader: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// Where in the unpacked stream the buffer begins.
    origin: u64,
    /// The end of the bytes in the buffer.
    filled: usize,
    /// Where in the buffer the search for frames goes on.
    searched: usize,
    /// Frames found, those from `next` to `found` not yet consumed.
    spans: Box<[Span; BATCH]>,
    next: usize,
    found: usize,
    /// The reader has no more: its end, or an error.
    dry: Option<Result<(), io::ErrorKind>>,
    /// The search has ended: cleanly, or at a fault.
    stop: Option<Result<(), FramingFault>>,
    packing: Packing,
    progress: Arc<AtomicU64>,
    total: Option<u64>,
}

/// A frame without its prefix, in the buffer.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    length: u32,
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
        if opened.progress().read == 0 {
            return Err(OpenError::Empty(path.into()));
        }
        opened.total = metadata.is_file().then_some(metadata.len());
        Ok(opened)
    }

    /// Frames out of `reader`, unpacked if need be. An error at its very first bytes is a fault at offset 0.
    pub fn from_reader(reader: Box<dyn Read + Send>) -> Self {
        Self::unpack(reader).unwrap_or_else(|error| {
            let mut nothing = Self::new(Box::new(io::empty()), Packing::Plain, Arc::default());
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
        Ok(Self::new(reader, packing, progress))
    }

    fn new(reader: Box<dyn Read + Send>, packing: Packing, progress: Arc<AtomicU64>) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            origin: 0,
            filled: 0,
            searched: 0,
            spans: Box::new([Span::default(); BATCH]),
            next: 0,
            found: 0,
            dry: None,
            stop: None,
            packing,
            progress,
            total: None,
        }
    }

    /// The `n`-th frame from here without its prefix, 0 being the next; `n` is at most [`AHEAD_MAX`]. Consumes nothing.
    ///
    /// `None`: there is no such frame, because the file ends or a fault comes first. The three frames from here are always
    /// seen; those beyond only if all of them fit in the buffer, as any 33 frames of less than 7,900 bytes do.
    #[inline]
    pub fn ahead(&mut self, n: usize) -> Option<&[u8]> {
        debug_assert!(n <= AHEAD_MAX);
        if self.next + n >= self.found && !self.search(n) {
            return None;
        }
        let Span { start, length } = *self.spans.get(self.next + n)?;
        self.buffer.get(start as usize..(start + length) as usize)
    }

    /// Consume the next frame. Nothing happens if there is none.
    #[inline]
    pub fn advance(&mut self) {
        if self.next < self.found || self.search(0) {
            self.next += 1;
        }
    }

    /// Once `ahead(0)` is `None`: why. `None` is the clean end of the file.
    pub fn fault(&self) -> Option<FramingFault> {
        if self.next < self.found { None } else { self.stop?.err() }
    }

    /// Bytes of the unpacked stream consumed, prefixes included: where the next frame's prefix is.
    pub fn bytes_read(&self) -> u64 {
        self.origin + self.unread() as u64
    }

    /// How much of the file has been read from the disk: ahead of `bytes_read` by what is buffered.
    pub fn progress(&self) -> Progress {
        Progress { read: self.progress.load(Ordering::Relaxed), total: self.total }
    }

    /// How the file is packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// Where in the buffer the bytes not consumed begin.
    fn unread(&self) -> usize {
        if self.next < self.found {
            self.spans[self.next].start as usize - PREFIX
        } else {
            self.searched
        }
    }

    /// Find a batch of frames; whether the `n`-th from here is now among those found.
    #[inline(never)]
    fn search(&mut self, n: usize) -> bool {
        self.spans.copy_within(self.next..self.found, 0);
        (self.next, self.found) = (0, self.found - self.next);
        while self.stop.is_none() && self.found < BATCH {
            match self.find() {
                Ok(Some(span)) => {
                    self.spans[self.found] = span;
                    self.found += 1;
                    self.searched = (span.start + span.length) as usize;
                }
                Ok(None) if self.found > n => break,
                Ok(None) => {
                    if !self.fill() {
                        break;
                    }
                }
                Err(stop) => self.stop = Some(stop),
            }
        }
        n < self.found
    }

    /// The frame at `searched`; `None` if more bytes must be read to tell; an error if there is none.
    fn find(&self) -> Result<Option<Span>, Result<(), FramingFault>> {
        let bytes = &self.buffer[self.searched..self.filled];
        let offset = self.origin + self.searched as u64;
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
            _ => {
                let start = (self.searched + PREFIX) as u32;
                Ok(Some(Span { start, length: length as u32 }))
            }
        }
    }

    /// The file ends in the middle of what begins at `offset`, unless more bytes come.
    fn cut(&self, offset: u64, wanted: usize) -> Result<Option<Span>, Result<(), FramingFault>> {
        let got = self.filled - self.searched;
        self.more(Err(FramingFault::Truncated { offset, wanted, got }))
    }

    /// More bytes are wanted: `stop` if there are none, or the error that keeps them away.
    fn more(
        &self,
        stop: Result<(), FramingFault>,
    ) -> Result<Option<Span>, Result<(), FramingFault>> {
        match self.dry {
            None => Ok(None),
            Some(Ok(())) => Err(stop),
            Some(Err(kind)) => {
                let offset = self.origin + self.filled as u64;
                Err(Err(FramingFault::Unreadable { offset, kind }))
            }
        }
    }

    /// Move what is not consumed to the front of the buffer and fill the rest. Whether anything has changed.
    fn fill(&mut self) -> bool {
        let unread = self.unread();
        if self.dry.is_some() || (unread == 0 && self.filled == BUFFER) {
            return false;
        }
        self.buffer.copy_within(unread..self.filled, 0);
        self.origin += unread as u64;
        self.filled -= unread;
        self.searched -= unread;
        for span in &mut self.spans[self.next..self.found] {
            span.start -= unread as u32;
        }
        while self.filled < BUFFER && self.dry.is_none() {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.dry = Some(Ok(())),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.dry = Some(Err(error.kind())),
            }
        }
        true
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
    /// It has no bytes.
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
                write!(f, "{}: the file is empty; was its download cut short?", path.display())
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
        }
    }
}

impl std::error::Error for FramingFault {}

#[cfg(test)]
mod tests;
