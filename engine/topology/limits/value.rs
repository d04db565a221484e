//! A value of a limits file, and which of two is the tighter one.

use super::keys::Tight;
use crate::base::unit::Price;
use std::fmt;

/// What a key of a limits file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// No limit.
    Off,
    /// In the key's unit.
    Number(u64),
    /// A price.
    Price(Price),
    /// Yes or no.
    Flag(bool),
    /// A choice.
    Word(String),
    /// Names, in order.
    List(Vec<String>),
    /// A table that is there, whatever it holds: of an account or a strategy that may trade, or of a symbol.
    There,
}

impl Value {
    /// How large it is, where that says how tight it is; `None` is off.
    fn size(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Price(price) => Some(price.0.max(0).cast_unsigned()),
            Self::Flag(flag) => Some(u64::from(*flag)),
            _ => None,
        }
    }

    /// Whether this is looser than `other`, or cannot be told to be as tight.
    pub(super) fn is_looser_than(&self, other: &Self, tight: Tight) -> bool {
        if self == other {
            return false;
        }
        match (tight, self, other) {
            (Tight::Other, ..) => true,
            (Tight::LowerOrOff, Self::Off, _) => false,
            (Tight::LowerOrOff, _, Self::Off) => true,
            (_, _, Self::Off) => false,
            (_, Self::Off, _) => true,
            (Tight::Lower | Tight::LowerOrOff, ..) => self.size() > other.size(),
            (Tight::Higher, ..) => self.size() < other.size(),
            (Tight::Fewer, Self::List(this), Self::List(that)) => !within(this, that),
            (Tight::FewerOfAll, Self::List(this), Self::List(that)) => {
                !that.is_empty() && (this.is_empty() || !within(this, that))
            }
            _ => true,
        }
    }

    /// What is as tight as both: what it comes to at once when `wanted` is to take the place of this.
    pub(super) fn tightened(&self, wanted: &Self, tight: Tight) -> Self {
        match (tight, self, wanted) {
            _ if !wanted.is_looser_than(self, tight) => wanted.clone(),
            (Tight::Fewer, Self::List(this), Self::List(that)) => Self::List(common(this, that)),
            (Tight::FewerOfAll, Self::List(this), Self::List(that)) => {
                let common = common(this, that);
                // Nothing in common would read as everything.
                if common.is_empty() { self.clone() } else { Self::List(common) }
            }
            _ => self.clone(),
        }
    }

    /// As TOML; nothing for a table.
    pub(super) fn to_toml(&self) -> Option<toml::Value> {
        Some(match self {
            Self::Off => "off".into(),
            Self::Number(number) => toml::Value::Integer((*number).cast_signed()),
            Self::Price(price) => price.to_string().into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Word(word) => word.as_str().into(),
            Self::List(list) => {
                toml::Value::Array(list.iter().map(|it| it.as_str().into()).collect())
            }
            Self::There => return None,
        })
    }
}

fn within(this: &[String], that: &[String]) -> bool {
    this.iter().all(|name| that.contains(name))
}

fn common(this: &[String], that: &[String]) -> Vec<String> {
    this.iter().filter(|name| that.contains(name)).cloned().collect()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Number(number) => number.fmt(f),
            Self::Price(price) => price.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Word(word) => f.write_str(word),
            Self::List(list) if list.is_empty() => f.write_str("[]"),
            Self::List(list) => f.write_str(&list.join(" ")),
            Self::There => f.write_str("may trade"),
        }
    }
}
