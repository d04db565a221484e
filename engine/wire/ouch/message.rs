//! What all messages have in common: how the appendage follows the fixed part, what can be wrong, and the declaration
//! from which come a message's struct, its arms of the parser and the writer, and its row in the tests.

use super::Appendage;
use std::fmt;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of the appendage's length.
pub(super) const PREFIX: usize = 2;

/// Whether an appendage's length follows the fixed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Always, 0 if the appendage is empty.
    Always,
    /// A message may end before it; written only if the appendage is not empty.
    Optional,
    /// There is no appendage.
    Never,
}

/// The shape of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Its type byte.
    pub kind: u8,
    /// Bytes of the fixed part, the type byte with it.
    pub length: usize,
    /// Whether an appendage's length follows.
    pub presence: Presence,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There are no bytes.
    Empty,
    /// No message of OUCH 5.0 in this direction has this type byte.
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The bytes end within the fixed part or the appendage's length, or go on where there is no appendage.
    WrongLength {
        /// The type byte.
        kind: u8,
        /// The fewest bytes that such a message could have and be right.
        expected: usize,
        /// The length of the bytes.
        found: usize,
    },
    /// The appendage is not as long as it says.
    WrongAppendage {
        /// The type byte.
        kind: u8,
        /// The length that it states.
        stated: usize,
        /// The bytes that there are.
        found: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("no bytes where an OUCH message should be"),
            Self::UnknownType { kind } => {
                write!(
                    f,
                    "no OUCH 5.0 message of this direction has type '{}'",
                    kind.escape_ascii()
                )
            }
            Self::WrongLength { kind, expected, found } => {
                let kind = kind.escape_ascii();
                write!(f, "OUCH message '{kind}' wants {expected} bytes, not {found}")
            }
            Self::WrongAppendage { kind, stated, found } => {
                let kind = kind.escape_ascii();
                write!(f, "OUCH message '{kind}' has {found} bytes of options but says {stated}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// A buffer is too small for what was to be written; nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Bytes to write.
    pub needed: usize,
    /// Bytes that the buffer has.
    pub room: usize,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes do not fit into {}", self.needed, self.room)
    }
}

impl std::error::Error for NoRoom {}

/// View `bytes` as a fixed part and its appendage. They begin with the type byte `kind`.
#[inline(always)]
pub(super) fn view<T>(
    bytes: &[u8],
    kind: u8,
    presence: Presence,
) -> Result<(&T, Appendage<'_>), Error>
where
    T: FromBytes + Immutable + KnownLayout + Unaligned,
{
    let found = bytes.len();
    let wrong = |expected| Error::WrongLength { kind, expected, found };
    let prefix = if presence == Presence::Always { PREFIX } else { 0 };
    let Ok((fixed, rest)) = T::ref_from_prefix(bytes) else {
        return Err(wrong(size_of::<T>() + prefix));
    };
    if rest.is_empty() && presence != Presence::Always {
        return Ok((fixed, Appendage::EMPTY));
    }
    if presence == Presence::Never {
        return Err(wrong(size_of::<T>()));
    }
    let Some((stated, options)) = rest.split_first_chunk::<PREFIX>() else {
        return Err(wrong(size_of::<T>() + PREFIX));
    };
    if usize::from(u16::from_be_bytes(*stated)) != options.len() {
        let stated = usize::from(u16::from_be_bytes(*stated));
        return Err(Error::WrongAppendage { kind, stated, found: options.len() });
    }
    Ok((fixed, Appendage::new(options)))
}

/// Bytes of the appendage as it is written, its length with it.
#[inline]
pub(super) fn appended(presence: Presence, appendage: Appendage<'_>) -> usize {
    match presence {
        Presence::Always => PREFIX + appendage.as_bytes().len(),
        Presence::Optional if !appendage.is_empty() => PREFIX + appendage.as_bytes().len(),
        Presence::Optional | Presence::Never => 0,
    }
}

/// Write `fixed` and `appendage`, which together fill `out`.
#[inline]
pub(super) fn fill(fixed: &[u8], appendage: Appendage<'_>, out: &mut [u8]) {
    let (head, tail) = out.split_at_mut(fixed.len());
    head.copy_from_slice(fixed);
    if let Some((prefix, options)) = tail.split_first_chunk_mut::<PREFIX>() {
        // An appendage is never longer than its length can say: `Appendage::new`.
        *prefix = (appendage.as_bytes().len() as u16).to_be_bytes();
        options.copy_from_slice(appendage.as_bytes());
    }
}

/// From each declaration: the struct, its size assured at compile time, a blank one, and its part of the enum. A type
/// byte with two layouts names the whole length of the first (`if 31`).
macro_rules! messages {
    ($(#[$view_doc:meta])* $view:ident {
        $($(#[$doc:meta])* $name:ident = $kind:literal, $length:literal, $presence:ident
            $(if $exact:literal)? {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        })*
    }) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[derive(
                zerocopy::FromBytes,
                zerocopy::IntoBytes,
                zerocopy::Immutable,
                zerocopy::KnownLayout,
                zerocopy::Unaligned,
            )]
            #[repr(C)]
            pub struct $name {
                /// Which message it is.
                pub message_type: u8,
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl $name {
                /// Its shape.
                pub const LAYOUT: Layout =
                    Layout { kind: $kind, length: $length, presence: Presence::$presence };

                /// Such a message with 0 in its numbers and spaces in its text.
                pub const BLANK: Self = Self {
                    message_type: $kind,
                    $($field: <$type as Blank>::BLANK,)*
                };
            }

            const _: () = assert!(size_of::<$name>() == $length);
        )*

        $(#[$view_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $view<'a> {
            $($(#[$doc])* $name(&'a $name, Appendage<'a>),)*
        }

        impl<'a> $view<'a> {
            /// The shapes of all messages.
            pub const LAYOUTS: &'static [Layout] = &[$($name::LAYOUT),*];

            /// View `bytes`, which must be one whole message, as what its first byte says it is. The options are looked at
            /// when they are read: [`Appendage::options`].
            #[inline]
            pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
                let &kind = bytes.first().ok_or(Error::Empty)?;
                match kind {
                    $($kind $(if bytes.len() == $exact)? => {
                        let (fixed, appendage) = view(bytes, kind, Presence::$presence)?;
                        Ok(Self::$name(fixed, appendage))
                    })*
                    _ => Err(Error::UnknownType { kind }),
                }
            }

            /// Its type byte.
            pub fn kind(&self) -> u8 {
                self.layout().kind
            }

            /// Its shape.
            pub fn layout(&self) -> Layout {
                match self {
                    $(Self::$name(..) => $name::LAYOUT,)*
                }
            }

            /// The bytes of the fixed part.
            #[inline]
            pub fn fixed(&self) -> &'a [u8] {
                match self {
                    $(Self::$name(fixed, _) => fixed.as_bytes(),)*
                }
            }

            /// The options.
            #[inline]
            pub fn appendage(&self) -> Appendage<'a> {
                match self {
                    $(Self::$name(_, appendage) => *appendage,)*
                }
            }

            /// Bytes of the message as it is written.
            #[inline]
            pub fn length(&self) -> usize {
                let Layout { length, presence, .. } = self.layout();
                length + appended(presence, self.appendage())
            }

            /// Write it to the front of `out` and say how many bytes it took.
            #[inline]
            pub fn write(&self, out: &mut [u8]) -> Result<usize, NoRoom> {
                let (needed, room) = (self.length(), out.len());
                let out = out.get_mut(..needed).ok_or(NoRoom { needed, room })?;
                fill(self.fixed(), self.appendage(), out);
                Ok(needed)
            }

            /// Append it to `out`, which grows only if it has to.
            pub fn append(&self, out: &mut Vec<u8>) {
                let start = out.len();
                out.resize(start + self.length(), 0);
                fill(self.fixed(), self.appendage(), &mut out[start..]);
            }

            /// For the tests: shape and (name, offset, size) of the fields.
            #[cfg(test)]
            pub(super) const FIELDS: &'static [(Layout, &'static [(&'static str, usize, usize)])] = &[$((
                $name::LAYOUT,
                &[
                    ("message_type", std::mem::offset_of!($name, message_type), 1),
                    $((stringify!($field), std::mem::offset_of!($name, $field), size_of::<$type>()),)*
                ],
            )),*];
        }
    };
}
pub(super) use messages;
