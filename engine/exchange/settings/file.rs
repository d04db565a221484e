//! The configuration as its file says it: a struct for each table, with the manual's keys and defaults.

use crate::exchange::faults::Faults;
use crate::exchange::server::Addresses;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// All settings.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml documents each key")]
pub struct Settings {
    pub flow: FlowOf,
    pub feed: FeedOf,
    pub order_entry: OrderEntryOf,
    pub day: DayOf,
    pub ledger: LedgerOf,
    pub account: Vec<AccountOf>,
    pub faults: Faults,
}

/// `[flow]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml documents each key")]
pub struct FlowOf {
    pub symbols: u32,
    pub rate: u32,
    pub live: u32,
    pub seed: u64,
    pub crash: String,
    pub halt_every_s: u64,
    pub halt_s: u64,
}

/// `[feed]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml documents each key")]
pub struct FeedOf {
    pub session: String,
    pub line_a: SocketAddr,
    pub line_b: SocketAddr,
    pub interface: Ipv4Addr,
    #[serde(with = "maybe_host")]
    pub interface_b: Option<Ipv4Addr>,
    pub ttl: u32,
    pub mtu_a: usize,
    pub mtu_b: usize,
    pub rerequests: SocketAddr,
    pub snapshots: SocketAddr,
    pub kept_mib: usize,
}

/// `[order_entry]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml documents each key")]
pub struct OrderEntryOf {
    pub listen: SocketAddr,
    pub connections: usize,
    pub orders_max: usize,
    pub messages_max: usize,
}

/// `[day]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml documents each key")]
pub struct DayOf {
    pub programme: ProgrammeOf,
    pub seconds: u64,
}

/// `day.programme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "default.toml documents each value")]
pub enum ProgrammeOf {
    Open,
    Regular,
}

/// `[ledger]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml documents each key")]
pub struct LedgerOf {
    pub background: bool,
}

/// `[[account]]`.
#[derive(Clone, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml documents each key")]
pub struct AccountOf {
    pub user: String,
    pub password: String,
    pub firm: String,
    #[serde(default = "yes")]
    pub cancel_on_disconnect: bool,
    #[serde(default = "allow")]
    pub self_match: SelfMatchOf,
}

/// Its password is not shown.
impl fmt::Debug for AccountOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountOf").field("user", &self.user).finish_non_exhaustive()
    }
}

/// `account.self_match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "default.toml documents each value")]
pub enum SelfMatchOf {
    Allow,
    CancelResting,
    CancelIncoming,
    DecrementBoth,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            flow: FlowOf::default(),
            feed: FeedOf::default(),
            order_entry: OrderEntryOf::default(),
            day: DayOf::default(),
            ledger: LedgerOf::default(),
            account: vec![AccountOf {
                user: "DESK01".into(),
                password: "PASS01".into(),
                firm: "CTCK".into(),
                cancel_on_disconnect: true,
                self_match: SelfMatchOf::Allow,
            }],
            faults: Faults::default(),
        }
    }
}

impl Default for FlowOf {
    fn default() -> Self {
        Self {
            symbols: 1_000,
            rate: 1_000,
            live: 0,
            seed: 1,
            crash: String::new(),
            halt_every_s: 0,
            halt_s: 300,
        }
    }
}

impl Default for FeedOf {
    fn default() -> Self {
        let Addresses { lines: [line_a, line_b], interfaces: [interface, _], ttl, .. } =
            Addresses::on_this_machine(26_400, 26_401);
        let here = |port| SocketAddr::new(interface.into(), port);
        Self {
            session: "CORETICK".into(),
            line_a,
            line_b,
            interface,
            interface_b: None,
            ttl,
            mtu_a: 1_400,
            mtu_b: 1_400,
            rerequests: here(26_402),
            snapshots: here(26_403),
            kept_mib: 1_024,
        }
    }
}

impl Default for OrderEntryOf {
    fn default() -> Self {
        let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 26_410);
        Self { listen, connections: 64, orders_max: 1 << 20, messages_max: 1 << 22 }
    }
}

impl Default for DayOf {
    fn default() -> Self {
        Self { programme: ProgrammeOf::Open, seconds: 0 }
    }
}

const fn yes() -> bool {
    true
}

const fn allow() -> SelfMatchOf {
    SelfMatchOf::Allow
}

/// The address of a host, or none: written as "".
mod maybe_host {
    use super::Ipv4Addr;
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        host: &Option<Ipv4Addr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match host {
            Some(host) => serializer.collect_str(host),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Ipv4Addr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = (!text.is_empty()).then(|| text.parse()).transpose();
        parsed.map_err(|_| de::Error::custom(format_args!("\"{text}\" is no address of IPv4")))
    }
}
