//! What `coretick exchange` is told by its configuration. `engine/exchange/default.toml` is the manual: each key there has
//! its unit and its range; the fields here have the same names.

mod file;
#[cfg(test)]
mod tests;

pub use file::{
    AccountOf, DayOf, FeedOf, FlowOf, LedgerOf, OrderEntryOf, ProgrammeOf, SelfMatchOf, Settings,
};

use super::background::BackgroundConfig;
use super::faults::Span;
use super::market_data::{Cut, FeedConfig, Listing, PublisherConfig, StoreLimits, TapeConfig};
use super::matching::{Limits, Matching, SelfMatch};
use super::order_entry::{Account, OrderEntryConfig};
use super::server::Addresses;
use super::traders::{Crash, CrashError, CrashPlan, MARKET_MAKER, Traders, TradersConfig};
use super::unit::{Locate, Participant};
use super::venue::{Programme, VenueConfig};
use crate::base::instrument::Symbol;
use crate::base::unit::Nanos;
use crate::wire::mold;
use crate::wire::soup::{Password, SessionName, Username};
use std::fmt;

/// The manual, and the defaults.
pub const DEFAULT: &str = include_str!("default.toml");

/// Bytes of a MiB.
const MIB: usize = 1 << 20;
/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;
/// Participants of clients; the background's begin after them.
const CLIENTS_MAX: u32 = 65_535;

/// A setting that cannot be, and the fix.
#[derive(Debug)]
pub enum SettingsError {
    /// Not TOML, or a key is unknown or of the wrong type; with file, line and column.
    Toml {
        /// The file.
        file: String,
        /// What is wrong, and where.
        error: Box<toml::de::Error>,
    },
    /// A value is out of its range.
    Range {
        /// Which key.
        key: String,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml { file, error } => {
                write!(f, "{file}: {error}see engine/exchange/default.toml for all keys")
            }
            Self::Range { key, value, expected } => {
                write!(f, "{key} = {value}: out of range: give {expected}")
            }
        }
    }
}

impl std::error::Error for SettingsError {}

/// What the settings mean.
#[derive(Debug)]
pub struct Plan {
    /// The venue.
    pub venue: VenueConfig,
    /// Its sockets.
    pub addresses: Addresses,
}

/// Bytes of an order of a client in order entry, with its place in the maps and its execution; rounded up.
const ORDER_BYTES: usize = 256;
/// Bytes of a packet that is held back.
const HELD_BYTES: usize = 1_600;

impl Plan {
    /// MiB that its room takes, nearly: books, orders of clients, messages and packets that are kept.
    pub fn memory_mib(&self) -> u64 {
        let VenueConfig { order_entry, feed, limits, faults, .. } = &self.venue;
        let limits = Limits { symbols: feed.tape.listings.len() as u16, ..*limits };
        let held = |waits: bool| if waits { faults.held_max as usize * HELD_BYTES } else { 0 };
        let late = |span: Span| span != Span::ZERO;
        let bytes = Matching::bytes(&limits)
            + order_entry.orders * ORDER_BYTES
            + feed.store.chunks * feed.store.chunk_bytes
            + held(faults.reorder > 0 || late(faults.a_delay))
            + held(faults.reorder > 0 || late(faults.b_delay))
            + held(faults.rerequest_reorder > 0 || late(faults.rerequest_delay));
        (bytes / MIB) as u64
    }
}

impl Settings {
    /// The defaults, overridden key by key by `text`, the content of `file`.
    ///
    /// # Errors
    /// At the first key that is unknown or of the wrong type.
    pub fn read(file: &str, text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text)
            .map_err(|error| SettingsError::Toml { file: file.into(), error: Box::new(error) })
    }

    /// What they mean for an exchange that starts at `now` on a day that began at `midnight`.
    ///
    /// # Errors
    /// At the first value that is out of range.
    pub fn plan(&self, now: Nanos, midnight: Nanos) -> Result<Plan, SettingsError> {
        let Self { flow, feed, order_entry, day, .. } = self;
        within("flow.symbols", u64::from(flow.symbols), 1, 65_535, "1 to 65535")?;
        within("flow.rate", u64::from(flow.rate), 0, 100_000_000, "0 to 100000000")?;
        let live = if flow.live == 0 { 20 * flow.symbols } else { flow.live };
        let least = 4 * u64::from(flow.symbols);
        within("flow.live", u64::from(live), least, 1 << 24, "4 a symbol to 16777216")?;
        within("flow.halt_every_s", flow.halt_every_s, 0, 86_400, "0 to 86400")?;
        within("flow.halt_s", flow.halt_s, 1, 86_400, "1 to 86400")?;
        within("feed.ttl", u64::from(feed.ttl), 0, 255, "0 to 255")?;
        within("feed.mtu_a", feed.mtu_a as u64, 72, 65_507, "72 to 65507")?;
        within("feed.mtu_b", feed.mtu_b as u64, 72, 65_507, "72 to 65507")?;
        within("feed.kept_mib", feed.kept_mib as u64, 2, 1 << 20, "2 to 1048576")?;
        let connections = order_entry.connections as u64;
        within("order_entry.connections", connections, 1, 65_535, "1 to 65535")?;
        let orders = order_entry.orders_max as u64;
        within("order_entry.orders_max", orders, 1, 1 << 27, "1 to 134217728")?;
        let messages = order_entry.messages_max as u64;
        within("order_entry.messages_max", messages, 1, 1 << 30, "1 to 1073741824")?;
        within("day.seconds", day.seconds, 0, 86_400, "0 to 86400")?;
        if day.programme == ProgrammeOf::Regular {
            within("day.seconds", day.seconds, 0, 0, "0 with a regular day: it ends at 20:05")?;
        }
        let held = u64::from(self.faults.held_max);
        within("faults.held_max", held, 1, 1_000_000, "1 to 1000000")?;

        let symbols: Vec<Symbol> =
            (1..=flow.symbols).map(|locate| Locate(locate as u16).symbol()).collect();
        let accounts = self.accounts()?;
        let background = (flow.rate > 0).then(|| -> Result<_, SettingsError> {
            let config = TradersConfig {
                symbols: flow.symbols as u16,
                live,
                crosses: if day.programme == ProgrammeOf::Regular {
                    flow.symbols as u16
                } else {
                    0
                },
                seed: flow.seed,
                participants: Participant(CLIENTS_MAX + 1),
                crash: self.crash(now, midnight)?,
            };
            Ok(BackgroundConfig {
                traders: config,
                rate: flow.rate,
                halt_every: Nanos(flow.halt_every_s * SECOND),
                halt: Nanos(flow.halt_s * SECOND),
                regular_hours: day.programme == ProgrammeOf::Regular,
            })
        });
        let background = background.transpose()?;
        let mut limits = background.as_ref().map_or(NO_LIMITS, |it| Traders::limits(&it.traders));
        limits.orders += order_entry.orders_max;
        limits.levels += order_entry.orders_max;
        limits.participants += accounts.len();
        let session = session(&feed.session)?;
        let publication = PublisherConfig {
            cuts: [feed.mtu_a, feed.mtu_b].map(|mtu| Cut { mtu, ..Cut::default() }),
            ..PublisherConfig::new(mold::Session(session))
        };
        Ok(Plan {
            venue: VenueConfig {
                order_entry: OrderEntryConfig {
                    session: SessionName(session),
                    midnight,
                    connections: order_entry.connections,
                    orders: order_entry.orders_max,
                    messages_max: order_entry.messages_max,
                    ..OrderEntryConfig::new(accounts, symbols.clone())
                },
                feed: FeedConfig {
                    tape: TapeConfig {
                        listings: symbols.into_iter().map(Listing::new).collect(),
                        attributions: Vec::new(),
                        market_makers: vec![MARKET_MAKER],
                        decline_levels: None,
                    },
                    publication,
                    store: StoreLimits { chunk_bytes: MIB, chunks: feed.kept_mib },
                },
                limits,
                day: self.programme(now, midnight),
                faults: self.faults.clone(),
                background,
                background_in_ledger: self.ledger.background,
            },
            addresses: Addresses {
                order_entry: order_entry.listen,
                snapshots: feed.snapshots,
                rerequests: feed.rerequests,
                lines: [feed.line_a, feed.line_b],
                interfaces: [feed.interface, feed.interface_b.unwrap_or(feed.interface)],
                ttl: feed.ttl,
            },
        })
    }

    fn programme(&self, now: Nanos, midnight: Nanos) -> Programme {
        match (self.day.programme, self.day.seconds) {
            (ProgrammeOf::Regular, _) => Programme::regular(),
            (ProgrammeOf::Open, 0) => Programme::open_at_once(),
            (ProgrammeOf::Open, seconds) => {
                Programme::open_until(now.plus(Nanos(seconds * SECOND)).since(midnight))
            }
        }
    }

    fn crash(&self, now: Nanos, midnight: Nanos) -> Result<Option<Crash>, SettingsError> {
        let text = self.flow.crash.trim();
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<CrashPlan>() {
            Ok(plan) => Ok(Some(plan.from_start(now.since(midnight)))),
            Err(CrashError) => range("flow.crash", text, CrashPlan::EXPECTED),
        }
    }

    fn accounts(&self) -> Result<Vec<Account>, SettingsError> {
        let mut accounts: Vec<Account> = Vec::with_capacity(self.account.len());
        for (participant, client) in (1..).map(Participant).zip(&self.account) {
            let user = text::<6>("account.user", &client.user, "1 to 6 letters and digits")?;
            let user = Username(user);
            if accounts.iter().any(|other| other.user == user) {
                return range("account.user", &client.user, "each user once");
            }
            if participant.0 > CLIENTS_MAX {
                return range("account", &client.user, "at most 65535 accounts");
            }
            // Its own text does not tell the password.
            let password = text::<10>("account.password", &client.password, "")
                .or_else(|_| range("account.password", "...", "1 to 10 letters and digits"))?;
            let firm = text::<4>("account.firm", &client.firm, "1 to 4 letters")?;
            accounts.push(Account {
                cancel_on_disconnect: client.cancel_on_disconnect,
                self_match: match client.self_match {
                    SelfMatchOf::Allow => SelfMatch::Allow,
                    SelfMatchOf::CancelResting => SelfMatch::CancelResting,
                    SelfMatchOf::CancelIncoming => SelfMatch::CancelIncoming,
                    SelfMatchOf::DecrementBoth => SelfMatch::DecrementBoth,
                },
                ..Account::new(user, Password(password), firm, participant)
            });
        }
        Ok(accounts)
    }
}

/// What the core needs where nobody but clients trades.
const NO_LIMITS: Limits = Limits { symbols: 0, orders: 0, levels: 0, participants: 0 };

fn range<T>(
    key: &str,
    value: impl fmt::Display,
    expected: &'static str,
) -> Result<T, SettingsError> {
    Err(SettingsError::Range { key: key.into(), value: value.to_string(), expected })
}

fn within(
    key: &str,
    value: u64,
    least: u64,
    most: u64,
    expected: &'static str,
) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) { Ok(()) } else { range(key, value, expected) }
}

/// `text` as a field of `N` letters and digits, spaces behind it.
fn text<const N: usize>(
    key: &str,
    text: &str,
    expected: &'static str,
) -> Result<[u8; N], SettingsError> {
    let fits =
        (1..=N).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !fits {
        return range(key, text, expected);
    }
    let mut field = [b' '; N];
    field[..text.len()].copy_from_slice(text.as_bytes());
    Ok(field)
}

/// The session's name as it goes out, spaces before it.
fn session(name: &str) -> Result<[u8; 10], SettingsError> {
    let mut field = text::<10>("feed.session", name, "1 to 10 letters and digits")?;
    field.rotate_right(10 - name.len());
    Ok(field)
}
