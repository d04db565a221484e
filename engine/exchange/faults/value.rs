//! What a fault's key can be set to, as text and in TOML.

use crate::base::unit::Nanos;
use rand_core::RngCore;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A value of the configuration, in one piece of text.
pub(super) trait Value: Sized {
    /// What can be written.
    const EXPECTED: &'static str;

    fn read(text: &str) -> Option<Self>;

    fn write(&self) -> String;

    /// Whether it cannot be written in TOML: it is left out.
    fn is_absent(&self) -> bool {
        false
    }
}

macro_rules! whole {
    ($type:ty, $expected:literal) => {
        impl Value for $type {
            const EXPECTED: &'static str = $expected;

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    };
}

whole!(u32, "a whole number, 0 to 4294967295");
whole!(u64, "a whole number, 0 to 18446744073709551615");

/// Parts of one in which chances are given: 1e-9.
const ONE: u32 = 1_000_000_000;
const DIGITS: usize = 9;

/// A chance, exact to 1e-9. As text or in TOML: `0.005`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u32);

impl Chance {
    /// It never strikes.
    pub const NEVER: Self = Self(0);
    /// It always strikes.
    pub const ALWAYS: Self = Self(ONE);

    /// So many 1e-9, 1e9 at most.
    pub const fn parts(parts: u32) -> Self {
        assert!(parts <= ONE, "a chance is 1 at most");
        Self(parts)
    }

    /// Whether it strikes. Draws one number, whatever the chance.
    pub(super) fn strikes(self, random: &mut impl RngCore) -> bool {
        below(random, u64::from(ONE)) < u64::from(self.0)
    }
}

/// A number from 0 to `bound` - 1, or 0. Draws one number, whatever the bound.
pub(super) fn below(random: &mut impl RngCore, bound: u64) -> u64 {
    // The high half of the product: all numbers below the bound, as even as 64 bits can be.
    ((u128::from(random.next_u64()) * u128::from(bound)) >> 64) as u64
}

impl Value for Chance {
    const EXPECTED: &'static str = "a chance from 0 to 1, with nine decimal places at most";

    fn read(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > DIGITS {
            return None;
        }
        let part: u32 = format!("{part:0<DIGITS$}").parse().ok()?;
        let parts = whole.parse::<u32>().ok()?.checked_mul(ONE)?.checked_add(part)?;
        (parts <= ONE).then_some(Self(parts))
    }

    fn write(&self) -> String {
        let text = format!("{}.{:0DIGITS$}", self.0 / ONE, self.0 % ONE);
        text.trim_end_matches('0').trim_end_matches('.').into()
    }
}

/// A span of time. As text or in TOML: a whole number and `ns`, `us`, `ms`, `s`, `m` or `h`; `0` is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Nanos);

/// Longest first: what is written has the longest that it is a multiple of.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Span {
    /// No time.
    pub const ZERO: Self = Self(Nanos(0));
}

impl Value for Span {
    const EXPECTED: &'static str =
        "a span of time: a whole number and ns, us, ms, s, m or h, as 250ms";

    fn read(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::ZERO);
        }
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let (_, scale) = UNITS.into_iter().find(|&(name, _)| name == unit)?;
        let number: u64 = text[..text.len() - unit.len()].parse().ok()?;
        Some(Self(Nanos(number.checked_mul(scale)?)))
    }

    fn write(&self) -> String {
        let nanos = self.0.0;
        let unit = UNITS.into_iter().find(|(_, scale)| nanos > 0 && nanos.is_multiple_of(*scale));
        unit.map_or("0".into(), |(name, scale)| format!("{}{name}", nanos / scale))
    }
}

/// A time from..to, the end not included. As text or in TOML: `10s..20s`; `10s..` has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: Nanos,
    to: Nanos,
}

impl Window {
    /// From `from` to before `to`; nothing if that is not later.
    pub const fn new(from: Nanos, to: Nanos) -> Self {
        Self { from, to }
    }

    /// Whether it is within, so long after the start.
    pub(super) fn has(self, since_start: Nanos) -> bool {
        (self.from..self.to).contains(&since_start)
    }
}

impl Value for Window {
    const EXPECTED: &'static str =
        "a time from..to in spans since the start, as 10s..20s, or 10s.. without an end";

    fn read(text: &str) -> Option<Self> {
        let (from, to) = text.split_once("..")?;
        let Span(from) = Span::read(from)?;
        let to = if to.is_empty() { Nanos::MAX } else { Span::read(to)?.0 };
        (from < to).then_some(Self { from, to })
    }

    fn write(&self) -> String {
        let to = if self.to == Nanos::MAX { String::new() } else { Span(self.to).write() };
        format!("{}..{to}", Span(self.from).write())
    }
}

impl Value for Option<Window> {
    const EXPECTED: &'static str = Window::EXPECTED;

    fn read(text: &str) -> Option<Self> {
        Window::read(text).map(Some)
    }

    fn write(&self) -> String {
        self.as_ref().map_or_else(String::new, Window::write)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// Reads text, and numbers as the text that they would be.
struct Text<T>(std::marker::PhantomData<T>);

impl<T: Value> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::read(&number.to_string())
            .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        // The shortest text that means this number is what the file says.
        T::read(&number.to_string())
            .ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.write())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Text(std::marker::PhantomData))
            }
        }
    )*};
}

as_text!(Chance, Span, Window);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_exact() {
        let read = |text| Chance::read(text).map(|chance| chance.0);
        assert_eq!((read("0"), read("1"), read("1.0")), (Some(0), Some(ONE), Some(ONE)));
        assert_eq!((read("0.01"), read("0.000000001")), (Some(10_000_000), Some(1)));
        for text in
            ["", ".", "1.", ".5", "-0.1", "1.000000001", "2", "0.0000000001", "1e-3", "9999999999"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Chance(10_000_000).write(), "0.01");
        assert_eq!((Chance::ALWAYS.write(), Chance::NEVER.write()), ("1".into(), "0".into()));
    }

    #[test]
    fn spans_have_units() {
        let read = |text| Span::read(text).map(|span| span.0.0);
        assert_eq!((read("0"), read("7ns"), read("250ms")), (Some(0), Some(7), Some(250_000_000)));
        assert_eq!(read("2h"), Some(7_200_000_000_000));
        for text in
            ["", "s", "10", "-1s", "1.5s", "1 s", "1S", "99999999999999999999s", "9999999999h"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Span(Nanos(90_000_000_000)).write(), "90s");
        assert_eq!(Span(Nanos(120_000_000_000)).write(), "2m");
    }

    #[test]
    fn a_window_ends_before_its_end() {
        let window = Window::read("10s..20s").unwrap();
        let at = |s: u64| window.has(Nanos(s * 1_000_000_000));
        assert_eq!([at(9), at(10), at(19), at(20)], [false, true, true, false]);
        let open = Window::read("0..").unwrap();
        assert!(open.has(Nanos(0)) && open.has(Nanos(1 << 60)));
        assert_eq!((window.write(), open.write()), ("10s..20s".into(), "0..".into()));
        for text in ["", "10s", "..", "..10s", "10s..10s", "20s..10s", "10..20"] {
            assert_eq!(Window::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_chance_strikes_as_often_as_it_says() {
        use rand_core::SeedableRng;
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut count =
            |chance: Chance| (0..100_000).filter(|_| chance.strikes(&mut random)).count();
        assert_eq!((count(Chance::NEVER), count(Chance::ALWAYS)), (0, 100_000));
        // Four standard deviations are 125.
        let hundredth = count(Chance(10_000_000));
        assert!((875..1_125).contains(&hundredth), "{hundredth}");
    }
}
