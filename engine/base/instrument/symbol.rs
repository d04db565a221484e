//! Symbols: what an instrument is called at its venue, and the names for those who print.

use super::super::unit::InstrumentId;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A symbol: up to eight bytes, left-justified, padded with spaces, as on the wire.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct Symbol(pub [u8; 8]);

/// Text that is no symbol: empty, longer than eight bytes, or not all printable ASCII without spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolError;

impl Symbol {
    /// All spaces: no symbol.
    pub const BLANK: Self = Self([b' '; 8]);
}

impl Symbol {
    /// The eight bytes as one number, for messages.
    pub const fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// The symbol that `number` was made of.
    pub const fn from_number(number: u64) -> Self {
        Self(number.to_be_bytes())
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > 8 || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(SymbolError);
        }
        let mut symbol = Self::BLANK;
        symbol.0[..bytes.len()].copy_from_slice(bytes);
        Ok(symbol)
    }
}

impl fmt::Display for Symbol {
    /// Without the padding; bytes that do not print are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.trim_ascii_end().escape_ascii().to_string())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Symbol({self})")
    }
}

impl fmt::Display for SymbolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a symbol is one to eight printable ASCII characters without spaces")
    }
}

impl std::error::Error for SymbolError {}

/// The symbols of instruments, for those who print them: written by ingest when an instrument is announced, so before
/// anything can be said of it elsewhere; read by the log. Clones share it.
#[derive(Clone, Debug)]
pub struct Symbols(Arc<[AtomicU64]>);

impl Symbols {
    /// No symbols, for ids below `instruments`.
    pub fn new(instruments: usize) -> Self {
        Self((0..instruments).map(|_| AtomicU64::new(0)).collect())
    }

    /// Announce an instrument. Ids beyond the end are dropped.
    pub fn announce(&self, id: InstrumentId, symbol: u64) {
        if let Some(place) = self.0.get(id.index()) {
            // Whoever asks has a message that came after this one through a ring, which orders them.
            place.store(symbol, Ordering::Relaxed);
        }
    }

    /// The symbol without its padding; `#` and the id if it was never announced.
    pub fn name(&self, id: InstrumentId) -> String {
        match self.0.get(id.index()).map_or(0, |place| place.load(Ordering::Relaxed)) {
            0 => format!("#{}", id.0),
            symbol => Symbol::from_number(symbol).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_padded_with_spaces_and_prints_without() {
        assert_eq!("AAPL".parse(), Ok(Symbol(*b"AAPL    ")));
        assert_eq!("BRK.A+12".parse(), Ok(Symbol(*b"BRK.A+12")));
        assert_eq!(Symbol(*b"AAPL    ").to_string(), "AAPL");
        assert_eq!(format!("{:6}|", Symbol(*b"AAPL    ")), "AAPL  |");
        assert_eq!(Symbol(*b"A\0\xff     ").to_string(), "A\\x00\\xff");
    }

    #[test]
    fn what_is_no_symbol_is_refused() {
        for text in ["", "NINECHARS", "A B", " A", "\u{e9}"] {
            assert_eq!(text.parse::<Symbol>(), Err(SymbolError), "{text:?}");
        }
    }
}
