//! What stands in a field that nobody has set.

use crate::base::instrument::Symbol;
use zerocopy::byteorder::big_endian::{U16, U32, U64};

/// 0 in a number, spaces in text.
pub(super) trait Blank {
    /// The field as nobody has set it.
    const BLANK: Self;
}

impl Blank for u8 {
    const BLANK: Self = b' ';
}

impl<const N: usize> Blank for [u8; N] {
    const BLANK: Self = [b' '; N];
}

impl Blank for Symbol {
    const BLANK: Self = Symbol::BLANK;
}

impl Blank for U16 {
    const BLANK: Self = U16::ZERO;
}

impl Blank for U32 {
    const BLANK: Self = U32::ZERO;
}

impl Blank for U64 {
    const BLANK: Self = U64::ZERO;
}
