//! Text and numbers of fixed width, padded with spaces.
//!
//! Sides differ in where they pad, so text is compared, and numbers are read, without the spaces around them.

use std::fmt;

/// Text that does not fit its field, or is not all printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextError;

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is too long for its field, or not all printable ASCII")
    }
}

impl std::error::Error for TextError {}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident[$width:literal], $start:path, $equal:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(pub [u8; $width]);

        impl $name {
            /// All spaces.
            pub const BLANK: Self = Self([b' '; $width]);

            /// `text`, padded.
            pub fn new(text: &str) -> Result<Self, TextError> {
                let text = text.as_bytes();
                let printable = |byte: &u8| matches!(byte, b' '..=b'~');
                if text.len() > $width || !text.iter().all(printable) {
                    return Err(TextError);
                }
                let start = $start($width - text.len());
                let mut field = Self::BLANK;
                field.0[start..start + text.len()].copy_from_slice(text);
                Ok(field)
            }

            /// Without the spaces around it.
            pub fn trimmed(&self) -> &[u8] {
                trim(&self.0)
            }

            /// Whether it is all spaces.
            pub fn is_blank(&self) -> bool {
                self.trimmed().is_empty()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                $equal(self.trimmed(), other.trimmed())
            }
        }

        impl Eq for $name {}
    )*};
}

text! {
    /// Who logs in. Equal whatever the case and the padding.
    Username[6], at_left, <[u8]>::eq_ignore_ascii_case;
    /// Proof of it. Equal whatever the case and the padding; never printed.
    Password[10], at_left, <[u8]>::eq_ignore_ascii_case;
    /// The name of a session, padded on the left. Equal whatever the padding. Blank asks for the one that is running.
    SessionName[10], at_right, <[u8] as PartialEq>::eq;
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({})", self.trimmed().escape_ascii())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl fmt::Debug for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionName({})", self.trimmed().escape_ascii())
    }
}

/// Where text begins that is padded on the right.
const fn at_left(_spare: usize) -> usize {
    0
}

/// Where text begins that is padded on the left, with so many spaces to spare.
const fn at_right(spare: usize) -> usize {
    spare
}

/// `field` without the spaces (and only those) around it.
fn trim(field: &[u8]) -> &[u8] {
    let Some(start) = field.iter().position(|&byte| byte != b' ') else { return &[] };
    let end = field.iter().rposition(|&byte| byte != b' ').map_or(start, |last| last + 1);
    &field[start..end]
}

/// The decimal number in `field`; `None` if there is none, or other text, or one beyond 64 bits.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    let digits = trim(field);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// `number` in decimal, padded on the left. Digits beyond the field are lost: callers know that there are none.
pub(super) fn decimal<const N: usize>(mut number: u64) -> [u8; N] {
    let mut field = [b' '; N];
    for byte in field.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    debug_assert_eq!(number, 0, "Invariant: the number fits its field");
    field
}
