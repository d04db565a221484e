//! Faults on demand: whatever can go wrong between an exchange and its customers, by configuration and seed.
//!
//! [`Faults`] says which; the machines do them, each in its place where something leaves the exchange:
//!
//! | machine | where | faults |
//! |---|---|---|
//! | [`PacketFaults`] | line A, line B, answers to re-requests | loss, duplicates, reordering, delay, a dead time |
//! | [`ConnectionFaults`] | a TCP connection of order entry or of the snapshot service | disconnect after a byte |
//! | [`LoginFaults`] | logins of order entry or of the snapshot service | refusals |
//! | [`AnswerFaults`] | answers to orders on a connection, a snapshot | late |
//! | [`BustFaults`] | executions and crosses | taken back |
//!
//! Each machine draws from its own stream of the seed, and as often whatever is set: so one fault's setting does not change
//! when another strikes, and the same seed and input give the same faults. What does not strike does not touch the bytes.

mod packets;
mod services;
#[cfg(test)]
mod tests;
mod value;

pub use packets::{PacketCounts, PacketFaults};
pub use services::{AnswerFaults, BustFaults, ConnectionFaults, LoginFaults};
pub use value::{Chance, Span, Window};

use crate::base::unit::Nanos;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use value::Value;

/// From each key: a field, its default, its arm of the parser.
macro_rules! faults {
    ($($(#[$doc:meta])* $key:ident: $type:ty = $default:expr;)*) => {
        /// Which faults strike. All are off by default. Times are counted from the start of the session.
        ///
        /// In TOML the keys are written as here, in one string ([`Faults::parse`]) with `-` for `_` if one likes.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Faults {
            $($(#[$doc])* #[serde(skip_serializing_if = "Value::is_absent")] pub $key: $type,)*
        }

        impl Default for Faults {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl Faults {
            /// All keys.
            pub const KEYS: &[&str] = &[$(stringify!($key)),*];

            fn set(&mut self, key: &str, value: &str) -> Result<(), FaultsError> {
                match key {
                    $(stringify!($key) => {
                        self.$key = <$type>::read(value).ok_or_else(|| FaultsError::Value {
                            key: stringify!($key),
                            value: value.into(),
                            expected: <$type as Value>::EXPECTED,
                        })?;
                    })*
                    _ => return Err(FaultsError::UnknownKey { key: key.into() }),
                }
                Ok(())
            }

            /// What differs from the default, as (key, value).
            fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
                let default = Self::default();
                [$((self.$key != default.$key).then(|| (stringify!($key), self.$key.write()))),*]
                    .into_iter()
                    .flatten()
            }
        }
    };
}

faults! {
    /// Another seed, other faults.
    seed: u64 = 1;
    /// Chance that a packet of a line is lost, for each line by itself.
    loss: Chance = Chance::NEVER;
    /// Chance that a packet of a line comes twice.
    dup: Chance = Chance::NEVER;
    /// A packet of a line may be overtaken by up to so many that follow it; 0: order is kept.
    reorder: u32 = 0;
    /// Chance that a packet is held back to be overtaken, if `reorder` is set.
    reorder_chance: Chance = Chance::parts(100_000_000);
    /// Packets of line A come so much later.
    a_delay: Span = Span::ZERO;
    /// Packets of line B come so much later.
    b_delay: Span = Span::ZERO;
    /// Line A is dead from..to.
    a_dead: Option<Window> = None;
    /// Line B is dead from..to.
    b_dead: Option<Window> = None;
    /// Both lines are dead from..to.
    both_dead: Option<Window> = None;
    /// Packets of a line, or answers to re-requests, held back at most, late or to be overtaken; more are lost. Each takes
    /// 1.5 kB from the start, where any can be held back. 1 to 1,000,000.
    held_max: u32 = 4_096;
    /// Chance that the answer to a re-request is lost.
    rerequest_loss: Chance = Chance::NEVER;
    /// Chance that the answer to a re-request comes twice.
    rerequest_dup: Chance = Chance::NEVER;
    /// An answer to a re-request may be overtaken by up to so many that follow it; 0: order is kept.
    rerequest_reorder: u32 = 0;
    /// Chance that an answer is held back to be overtaken, if `rerequest_reorder` is set.
    rerequest_reorder_chance: Chance = Chance::parts(100_000_000);
    /// Answers to re-requests come so much later.
    rerequest_delay: Span = Span::ZERO;
    /// The re-request server is dead from..to.
    rerequest_dead: Option<Window> = None;
    /// Every connection of the snapshot service ends after so many bytes sent; 0: never.
    snapshot_disconnect_after: u64 = 0;
    /// Every connection of the snapshot service ends at a byte drawn from 1 to this; 0: never.
    snapshot_disconnect_within: u64 = 0;
    /// Only so many connections of the snapshot service end so, the first; 0: all.
    snapshot_disconnect_times: u64 = 0;
    /// So many logins of the snapshot service are refused, the first.
    snapshot_login_refusals: u32 = 0;
    /// Chance that a later login of the snapshot service is refused.
    snapshot_login_refusal_chance: Chance = Chance::NEVER;
    /// A snapshot that is late is late by this: it is the market of its login all the same.
    snapshot_delay: Span = Span::ZERO;
    /// Chance that a snapshot is late.
    snapshot_delay_chance: Chance = Chance::ALWAYS;
    /// Every connection of order entry ends after so many bytes sent; 0: never.
    disconnect_after: u64 = 0;
    /// Every connection of order entry ends at a byte drawn from 1 to this; 0: never.
    disconnect_within: u64 = 0;
    /// Only so many connections of order entry end so, the first; 0: all.
    disconnect_times: u64 = 0;
    /// So many logins of order entry are refused, the first.
    login_refusals: u32 = 0;
    /// Chance that a later login of order entry is refused.
    login_refusal_chance: Chance = Chance::NEVER;
    /// An answer to an order that is late is late by this.
    ack_delay: Span = Span::ZERO;
    /// Chance that an answer is late; those behind it wait for it.
    ack_delay_chance: Chance = Chance::ALWAYS;
    /// Chance that an execution is taken back, or a cross with all that traded in it.
    bust: Chance = Chance::NEVER;
    /// So much later.
    bust_delay: Span = Span(Nanos(1_000_000_000));
}

impl Faults {
    /// The faults that `text` says: `key=value` with commas between, as `loss=0.01,dup=0.005,reorder=8,a-dead=10s..20s`.
    /// Empty text: none.
    ///
    /// # Errors
    /// At the first part that is no `key=value`, names no key or one that was named before, or has a value that is none of
    /// its key.
    pub fn parse(text: &str) -> Result<Self, FaultsError> {
        let (mut faults, mut named) = (Self::default(), Vec::new());
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) =
                part.split_once('=').ok_or_else(|| FaultsError::NoValue { part: part.into() })?;
            let key = key.trim().replace('-', "_");
            faults.set(&key, value.trim())?;
            if named.contains(&key) {
                return Err(FaultsError::Twice { key });
            }
            named.push(key);
        }
        Ok(faults)
    }

    /// The generator of a stream of draws.
    fn random(&self, stream: Stream) -> ChaCha8Rng {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        let mut random = ChaCha8Rng::from_seed(seed);
        random.set_stream(stream.number());
        random
    }
}

impl fmt::Display for Faults {
    /// What [`Faults::parse`] reads: the keys that differ from the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (key, value)) in self.settings().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}={value}", dashed(key))?;
        }
        Ok(())
    }
}

/// Who draws.
#[derive(Clone, Copy)]
enum Stream {
    LineA,
    LineB,
    Rerequests,
    Logins,
    Busts,
    /// The end of a connection, by its number.
    Connection(u64),
    /// The answers to an account.
    Acks(u64),
    SnapshotLogins,
    /// The end of a connection of the snapshot service.
    SnapshotConnection(u64),
    /// The snapshot on a connection.
    Snapshot(u64),
}

impl Stream {
    fn number(self) -> u64 {
        match self {
            Self::LineA => 0,
            Self::LineB => 1,
            Self::Rerequests => 2,
            Self::Logins => 3,
            Self::Busts => 4,
            Self::SnapshotLogins => 5,
            // There are no so many connections that their numbers would reach the two highest bits.
            Self::Connection(number) => 1 << 63 | number << 1,
            Self::Acks(number) => 1 << 63 | number << 1 | 1,
            Self::SnapshotConnection(number) => 1 << 62 | number << 1,
            Self::Snapshot(number) => 1 << 62 | number << 1 | 1,
        }
    }
}

/// Why text says no faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultsError {
    /// No such key.
    UnknownKey {
        /// What was written.
        key: String,
    },
    /// A part without `=`.
    NoValue {
        /// What was written.
        part: String,
    },
    /// A key is named twice.
    Twice {
        /// Which.
        key: String,
    },
    /// The value is none of the key's.
    Value {
        /// Which key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What can be written.
        expected: &'static str,
    },
}

fn dashed(key: &str) -> String {
    key.replace('_', "-")
}

impl fmt::Display for FaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key } => {
                write!(f, "there is no fault `{}`; there are ", dashed(key))?;
                Faults::KEYS.iter().enumerate().try_for_each(|(place, known)| {
                    write!(f, "{}{}", if place == 0 { "" } else { ", " }, dashed(known))
                })
            }
            Self::NoValue { part } => write!(f, "`{part}` has no value: write {part}=..."),
            Self::Twice { key } => write!(f, "`{}` is given twice", dashed(key)),
            Self::Value { key, value, expected } => {
                write!(f, "{} cannot be `{value}`: give {expected}", dashed(key))
            }
        }
    }
}

impl std::error::Error for FaultsError {}
