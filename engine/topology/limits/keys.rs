//! Every key of a limits file: what it can be, and which of two values is the tighter one.
//!
//! `engine/limits.toml` is the manual of these keys; a test holds the two together.

use super::value::Value;
use crate::base::instrument::{Symbol, decimal};
use crate::base::unit::{Phase, Price};
use crate::risk::FAILURES_MAX;
use crate::topology::error::Fault;

/// What a key can be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// A whole number from the first to the second; "off" too, if no other default is named.
    Number(u64, u64),
    /// A price that is not negative, as a decimal in quotes.
    Price,
    /// true or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Names of phases.
    Phases,
    /// Symbols.
    Symbols,
}

/// Which of two values is the tighter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tight {
    /// The lower one; "off" is looser than any.
    Lower,
    /// The lower one; "off" is tighter than any.
    LowerOrOff,
    /// The higher one; "off" is looser than any.
    Higher,
    /// What lies within both; the empty list stands for nothing.
    Fewer,
    /// What lies within both; the empty list stands for all.
    FewerOfAll,
    /// Neither, but "off" is looser than any.
    Neither,
    /// Neither, and where it is left out it is no "off": any other is looser.
    Other,
}

/// A key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) tight: Tight,
    /// What it is where it is left out, in a table that has no default of its own: a number, or "off".
    pub(super) absent: Option<u64>,
}

const fn key(name: &'static str, form: Form, tight: Tight, absent: Option<u64>) -> Key {
    Key { name, form, tight, absent }
}

const MONEY: Form = Form::Number(1, 1_000_000_000_000);
const LOTS: Form = Form::Number(1, 1_000_000_000_000);
const MILLIS: Form = Form::Number(1, 86_400_000);
const MICROS: Form = Form::Number(1, 86_400_000_000);
const SHARE: Form = Form::Number(1, 10_000);

/// Of a scope: controls 13 to 18, 22.
const LEVEL: &[Key] = &[
    key("gross_max", MONEY, Tight::Lower, None),
    key("net_max", MONEY, Tight::Lower, None),
    key("credit_max", MONEY, Tight::Lower, None),
    key("window_ms", MILLIS, Tight::Higher, Some(1_000)),
    key("window_value_max", MONEY, Tight::Lower, None),
    key("window_qty_max", LOTS, Tight::Lower, None),
    key("orders_per_second", Form::Number(1, 10_000_000), Tight::Lower, None),
    key("orders_burst", Form::Number(1, 1_000_000), Tight::Lower, Some(10)),
    key("open_orders_max", Form::Number(1, 1 << 24), Tight::Lower, None),
    key("orders_per_trade_max", Form::Number(1, 1_000_000), Tight::Lower, None),
    key("loss_reduce", MONEY, Tight::Lower, None),
    key("loss_kill", MONEY, Tight::Lower, None),
];

/// Of a scope that breaks as a whole: control 23. An instrument does not: its orders are its strategy's.
const BREAKER: &[Key] = &[
    key("breaker_failures", Form::Number(1, FAILURES_MAX as u64), Tight::Lower, None),
    key("breaker_within_ms", MILLIS, Tight::Higher, Some(1_000)),
    key("breaker_pause_ms", MILLIS, Tight::Higher, Some(5_000)),
    key("breaker_trials", Form::Number(1, 1_000), Tight::Higher, Some(3)),
    key("breaker_answer_us", MICROS, Tight::Lower, None),
];

/// Of one order: controls 7 to 12, 19, 21.
const ORDER: &[Key] = &[
    key("order_qty_max", LOTS, Tight::Lower, None),
    key("order_notional_max", MONEY, Tight::Lower, None),
    key("average_volume_bp", Form::Number(1, 1_000_000), Tight::Lower, None),
    key("collar_bp", SHARE, Tight::Lower, None),
    key("collar_width", Form::Price, Tight::Lower, Some(0)),
    key("collar_passive", Form::Flag, Tight::Higher, Some(0)),
    key("market_collar_bp", SHARE, Tight::LowerOrOff, None),
    key("market_collar_width", Form::Price, Tight::Lower, Some(0)),
    key("sale_marks", Form::Flag, Tight::Higher, Some(0)),
    key("market_age_us", MICROS, Tight::Lower, None),
    key("long_max", LOTS, Tight::Lower, None),
    key("short_max", LOTS, Tight::Lower, None),
    key("repeats_max", Form::Number(1, crate::risk::REPEATS_MAX as u64), Tight::Lower, None),
    key("repeats_within_ms", MILLIS, Tight::Higher, Some(1_000)),
    key(
        "self_trade",
        Form::Word(&["cancel-newest", "cancel-oldest", "cancel-both"]),
        Tight::Neither,
        None,
    ),
];

const STRATEGY: &[Key] = &[
    key("account", Form::Number(0, u32::MAX as u64), Tight::Other, None),
    key("instruments", Form::Symbols, Tight::FewerOfAll, None),
];

const SYMBOL: &[Key] = &[
    key("restricted", Form::Flag, Tight::Higher, Some(0)),
    key("located", Form::Number(0, 1_000_000_000_000), Tight::Lower, None),
    key("negative_prices", Form::Flag, Tight::Lower, Some(0)),
];

const PHASES: &[Key] = &[
    key("limit", Form::Phases, Tight::Fewer, None),
    key("market", Form::Phases, Tight::Fewer, None),
];

/// The tables, and what may stand in each. Those of accounts, strategies and symbols are one each.
pub(super) const TABLES: [(&str, &[&[Key]]); 6] = [
    ("phases", &[PHASES]),
    ("firm", &[LEVEL, BREAKER]),
    ("account", &[LEVEL, BREAKER]),
    ("strategy", &[STRATEGY, LEVEL, BREAKER]),
    ("instrument", &[ORDER, LEVEL]),
    ("symbol", &[SYMBOL, ORDER, LEVEL]),
];

/// Whether a table of this name holds one table each for several.
pub(super) fn is_of_many(table: &str) -> bool {
    matches!(table, "account" | "strategy" | "symbol")
}

/// The keys of a table.
pub(super) fn keys(table: &str) -> impl Iterator<Item = &'static Key> {
    let groups = TABLES.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, keys)| *keys);
    groups.iter().flat_map(|group| group.iter())
}

/// A key of a table by its name.
pub(super) fn find(table: &str, name: &str) -> Option<&'static Key> {
    keys(table).find(|key| key.name == name)
}

/// The names of phases, by number.
pub(super) const PHASE_NAMES: [Phase; 6] =
    [Phase::PRE_OPEN, Phase::OPEN, Phase::QUOTE_ONLY, Phase::HALTED, Phase::PAUSED, Phase::CLOSED];

impl Key {
    /// Whether it can be "off".
    pub(super) fn can_be_off(&self) -> bool {
        let form = matches!(self.form, Form::Number(..) | Form::Word(_));
        form && self.absent.is_none() && self.name != "account"
    }

    /// What it is where it is left out.
    pub(super) fn absent(&self) -> Value {
        match (self.form, self.absent) {
            (Form::Phases | Form::Symbols, _) => Value::List(Vec::new()),
            (Form::Price, at) => Value::Price(Price(at.unwrap_or(0).cast_signed())),
            (Form::Flag, at) => Value::Flag(at == Some(1)),
            (_, Some(number)) => Value::Number(number),
            (_, None) => Value::Off,
        }
    }

    /// Reads what was written.
    pub(super) fn read(&self, written: &toml::Value) -> Result<Value, Fault> {
        use toml::Value as Toml;
        match (self.form, written) {
            (_, Toml::String(text)) if text == "off" && self.can_be_off() => Ok(Value::Off),
            (Form::Number(low, high), Toml::Integer(number)) => {
                let value = u64::try_from(*number).map_err(|_| self.wrong())?;
                let fits = (low..=high).contains(&value);
                fits.then_some(Value::Number(value)).ok_or(Fault::Range { value, low, high })
            }
            (Form::Price, Toml::String(text)) => {
                let price = decimal(text).filter(|price| price.0 >= 0);
                price.map(Value::Price).ok_or_else(|| self.wrong())
            }
            (Form::Flag, Toml::Boolean(flag)) => Ok(Value::Flag(*flag)),
            (Form::Word(words), Toml::String(word)) => word_of(word, words).map(Value::Word),
            (Form::Phases, Toml::Array(list)) => {
                let names = PHASE_NAMES.map(Phase::name);
                let words = list.iter().map(|it| it.as_str().ok_or_else(|| self.wrong()));
                let words = words.map(|word| word_of(word?, &names));
                Ok(Value::List(sorted(words.collect::<Result<_, _>>()?)))
            }
            (Form::Symbols, Toml::Array(list)) => {
                let words = list.iter().map(|it| it.as_str().ok_or_else(|| self.wrong()));
                let words = words.map(|word| {
                    let word = word?;
                    let symbol = word.parse::<Symbol>();
                    symbol.map(|it| it.to_string()).map_err(|_| Fault::NotASymbol(word.into()))
                });
                Ok(Value::List(sorted(words.collect::<Result<_, _>>()?)))
            }
            _ => Err(self.wrong()),
        }
    }

    fn wrong(&self) -> Fault {
        let off = if self.can_be_off() { " or \"off\"" } else { "" };
        let (what, like) = match self.form {
            Form::Number(low, _) => ("a whole number", (low.max(10)).to_string()),
            Form::Price => ("a decimal price in quotes, not negative", "\"0.50\"".into()),
            Form::Flag => ("true or false", "true".into()),
            Form::Word(words) => ("a word in quotes", format!("\"{}\"", words[0])),
            Form::Phases => ("a list of phases", "[\"open\"]".into()),
            Form::Symbols => ("a list of symbols", "[\"AAPL\"]".into()),
        };
        let message = format!("this is to be {what}{off}");
        Fault::Type { message, like: Some(format!("{} = {like}", self.name)) }
    }
}

fn word_of(word: &str, words: &[&str]) -> Result<String, Fault> {
    if words.contains(&word) {
        return Ok(word.into());
    }
    let known = words.iter().map(|word| (*word).into()).collect();
    Err(Fault::Unknown { word: word.into(), known })
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list.dedup();
    list
}
