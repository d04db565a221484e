//! The appendage: optional fields behind a message, each a length (its tag and its value), a tag, and a value.
//!
//! A tag that is not known is passed over by its length, so that what the exchange adds breaks nothing. A known tag with
//! a value of another length is an error: what follows it could not be trusted either.

use super::{Firm, WireOffset, WirePrice};
use std::fmt;

/// The options of a message, as they came. At most 65,535 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Appendage<'a>(&'a [u8]);

impl<'a> Appendage<'a> {
    /// No options.
    pub const EMPTY: Self = Self(&[]);

    /// The options in `bytes`.
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() <= usize::from(u16::MAX), "Invariant: its length is 16 bits");
        Self(bytes)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The bytes after the appendage's length.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The known options in the order in which they came, or the first error, which is also the last item.
    #[inline]
    pub const fn options(self) -> TagValues<'a> {
        TagValues { bytes: self.0, at: 0 }
    }
}

impl fmt::Debug for Appendage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.options()).finish()
    }
}

/// Why the rest of an appendage cannot be read. Offsets count from its first byte after its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagError {
    /// An option's length is 0, which leaves no room for its tag.
    Zero {
        /// Where the option begins.
        offset: usize,
    },
    /// An option is longer than what is left.
    Cut {
        /// Where the option begins.
        offset: usize,
        /// The bytes that it says it has after its length.
        expected: usize,
        /// The bytes that there are.
        found: usize,
    },
    /// The value of a known tag has another length.
    WrongLength {
        /// The tag.
        tag: u8,
        /// Where the option begins.
        offset: usize,
        /// Bytes of such a value.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Zero { offset } => write!(f, "the option at {offset} has no tag"),
            Self::Cut { offset, expected, found } => {
                write!(f, "the option at {offset} wants {expected} bytes, {found} are left")
            }
            Self::WrongLength { tag, offset, expected, found } => {
                write!(f, "option {tag} at {offset} has a value of {expected} bytes, not {found}")
            }
        }
    }
}

impl std::error::Error for TagError {}

/// Reads an appendage option by option: [`Appendage::options`].
#[derive(Clone, Debug)]
pub struct TagValues<'a> {
    bytes: &'a [u8],
    /// Where the next option begins; the end, once there was an error.
    at: usize,
}

impl Iterator for TagValues<'_> {
    type Item = Result<TagValue, TagError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let offset = self.at;
            let (&length, rest) = self.bytes.get(offset..)?.split_first()?;
            let length = usize::from(length);
            let found = match rest.get(..length) {
                Some([tag, value @ ..]) => {
                    self.at += 1 + length;
                    match TagValue::read(*tag, value) {
                        Ok(Some(found)) => Ok(found),
                        Ok(None) => continue,
                        Err(expected) => Err(TagError::WrongLength {
                            tag: *tag,
                            offset,
                            expected,
                            found: value.len(),
                        }),
                    }
                }
                Some([]) => Err(TagError::Zero { offset }),
                None => Err(TagError::Cut { offset, expected: length, found: rest.len() }),
            };
            if found.is_err() {
                self.at = self.bytes.len();
            }
            return Some(found);
        }
    }
}

impl std::iter::FusedIterator for TagValues<'_> {}

/// A value of fixed size in an appendage.
trait Value: Copy {
    const SIZE: usize;
    fn from_wire(bytes: &[u8]) -> Option<Self>;
    fn to_wire(self, out: &mut [u8]);
}

macro_rules! value {
    ($($type:ty as $bytes:ty: |$read:ident| $from:expr, |$write:ident| $to:expr;)*) => {$(
        impl Value for $type {
            const SIZE: usize = size_of::<$bytes>();

            #[inline]
            fn from_wire(bytes: &[u8]) -> Option<Self> {
                let $read: $bytes = bytes.try_into().ok()?;
                Some($from)
            }

            #[inline]
            fn to_wire(self, out: &mut [u8]) {
                let $write = self;
                let bytes: $bytes = $to;
                out.copy_from_slice(&bytes);
            }
        }
    )*};
}

value! {
    u8 as [u8; 1]: |bytes| bytes[0], |value| [value];
    u16 as [u8; 2]: |bytes| u16::from_be_bytes(bytes), |value| value.to_be_bytes();
    u32 as [u8; 4]: |bytes| u32::from_be_bytes(bytes), |value| value.to_be_bytes();
    u64 as [u8; 8]: |bytes| u64::from_be_bytes(bytes), |value| value.to_be_bytes();
    [u8; 2] as [u8; 2]: |bytes| bytes, |value| value;
    [u8; 4] as [u8; 4]: |bytes| bytes, |value| value;
    WirePrice as [u8; 8]: |bytes| Self::from_e4(u64::from_be_bytes(bytes)), |value| value.e4().to_be_bytes();
    WireOffset as [u8; 4]: |bytes| Self(i32::from_be_bytes(bytes)), |value| value.0.to_be_bytes();
}

macro_rules! tag_values {
    ($($(#[$doc:meta])* $name:ident = $tag:literal, $type:ty;)*) => {
        /// One option. Enumerated values are bytes of [`code`](super::code).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum TagValue {
            $($(#[$doc])* $name($type),)*
        }

        /// Every tag that is known, with the bytes of its value and its name.
        pub const TAGS: &[(u8, usize, &str)] = &[$(($tag, <$type as Value>::SIZE, stringify!($name))),*];

        impl TagValue {
            /// Its tag.
            pub const fn tag(self) -> u8 {
                match self {
                    $(Self::$name(_) => $tag,)*
                }
            }

            /// Bytes of its value.
            pub const fn size(self) -> usize {
                match self {
                    $(Self::$name(_) => <$type as Value>::SIZE,)*
                }
            }

            /// The option with this tag and value; `None` if the tag is not known, the right size as an error.
            #[inline]
            fn read(tag: u8, value: &[u8]) -> Result<Option<Self>, usize> {
                match tag {
                    $($tag => match <$type as Value>::from_wire(value) {
                        Some(value) => Ok(Some(Self::$name(value))),
                        None => Err(<$type as Value>::SIZE),
                    },)*
                    _ => Ok(None),
                }
            }

            /// Write the value, which fills `out`.
            #[inline]
            fn write(self, out: &mut [u8]) {
                match self {
                    $(Self::$name(value) => value.to_wire(out),)*
                }
            }
        }
    };
}

tag_values! {
    /// The number of the order in market data, where it has another than the exchange's (displayed part of a reserve).
    SecondaryOrdRefNum = 1, u64;
    /// The firm; blank: the port's own.
    Firm = 2, Firm;
    /// Fewest shares that may execute at once.
    MinQty = 3, u32;
    /// `code::customer`.
    CustomerType = 4, u8;
    /// Shares of a reserve order that are shown.
    MaxFloor = 5, u32;
    /// `code::price_type`.
    PriceType = 6, u8;
    /// How far a pegged price lies from what it is pegged to.
    PegOffset = 7, WireOffset;
    /// The price up to which the order has discretion.
    DiscretionPrice = 9, WirePrice;
    /// `code::price_type`.
    DiscretionPriceType = 10, u8;
    /// How far a pegged discretion price lies from what it is pegged to.
    DiscretionPegOffset = 11, WireOffset;
    /// `code::post_only`.
    PostOnly = 12, u8;
    /// Shares by which the shown part of a reserve may vary.
    RandomReserves = 13, u32;
    /// Where the order may go.
    Route = 14, [u8; 4];
    /// Seconds from its acceptance, below 86,400: how long an order for a time stands.
    ExpireTime = 15, u32;
    /// `code::flag`, or a space.
    TradeNow = 16, u8;
    /// `code::handling`, or a space.
    HandleInst = 17, u8;
    /// How the order stood to the best prices: `code::bbo_weight`.
    BboWeightIndicator = 18, u8;
    /// No longer in use.
    ReferencePrice = 19, WirePrice;
    /// No longer in use.
    ReferencePriceType = 20, u8;
    /// Shares shown now; of a restated order.
    DisplayQuantity = 22, u32;
    /// The price shown now; of a restated order.
    DisplayPrice = 23, WirePrice;
    /// A group of the client's orders, for mass cancels.
    GroupID = 24, u16;
    /// `code::flag`: shares to sell short are located.
    SharesLocated = 25, u8;
    /// Who located them.
    LocateBroker = 26, Firm;
    /// `code::side`, of a replace or a mass cancel.
    Side = 27, u8;
    /// The client's channel: each has its own `user_ref_num`s. 0 is the default.
    UserRefIdx = 28, u8;
    /// `code::aiq`.
    AiqStrategy = 29, u8;
    /// The group within which orders may not meet.
    AiqGroupID = 30, [u8; 2];
}

/// Gathers options for a message, in a fixed buffer that holds every one once.
#[derive(Clone)]
pub struct AppendageBuilder {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

/// An option was given twice, and there is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendageFull;

impl AppendageBuilder {
    /// Bytes of all known options.
    pub const CAPACITY: usize = {
        let (mut sum, mut index) = (0, 0);
        while index < TAGS.len() {
            sum += 2 + TAGS[index].1;
            index += 1;
        }
        sum
    };

    /// No options.
    pub const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], length: 0 }
    }

    /// Add `option`. The default channel, `UserRefIdx(0)`, is not written: that is what its absence says.
    pub fn push(&mut self, option: TagValue) -> Result<(), AppendageFull> {
        if option == TagValue::UserRefIdx(0) {
            return Ok(());
        }
        let end = self.length + 2 + option.size();
        let [length, tag, value @ ..] =
            self.bytes.get_mut(self.length..end).ok_or(AppendageFull)?
        else {
            return Err(AppendageFull);
        };
        // Values have at most 8 bytes.
        *length = 1 + option.size() as u8;
        *tag = option.tag();
        option.write(value);
        self.length = end;
        Ok(())
    }

    /// Begin anew.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    /// What was gathered.
    pub fn appendage(&self) -> Appendage<'_> {
        Appendage::new(&self.bytes[..self.length])
    }
}

impl Default for AppendageBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AppendageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.appendage().fmt(f)
    }
}

impl fmt::Display for AppendageFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for another option")
    }
}

impl std::error::Error for AppendageFull {}
