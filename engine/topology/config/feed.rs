//! `[feed]`: the live feed.

use super::Config;
use crate::base::unit::Nanos;
use crate::ingest::live::{LiveSettings, Repair};
use crate::wire::soup::Username;
use crate::wire::soup::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::net::{Ipv4Addr, SocketAddr};

/// `[feed]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Line A.
    pub line_a: MaybeAddress,
    /// Line B.
    pub line_b: MaybeAddress,
    /// The interface on which groups are joined.
    pub interface: Ipv4Addr,
    /// The server of re-requests.
    pub rerequests: MaybeAddress,
    /// The service of snapshots.
    pub snapshots: MaybeAddress,
    /// The kernel's buffer for each line, KiB.
    pub receive_buffer_kib: u32,
    /// Packets that can wait for a gap to close.
    pub held_packets: u32,
    /// What is missing is waited for, us.
    pub patience_us: u64,
    /// Messages a re-request.
    pub request_messages: u16,
    /// Between two re-requests, us.
    pub request_pause_us: u64,
    /// Re-requests without an answer at a time.
    pub requests_max: u32,
    /// Until a re-request is tried again at first, ms.
    pub retry_ms: u64,
    /// And at most, ms.
    pub retry_max_ms: u64,
    /// Until a gap is given up, ms.
    pub give_up_ms: u64,
    /// Until silent lines are not believed, ms; 0 for never.
    pub silence_ms: u64,
    /// To catch up in, ms.
    pub join_within_ms: u64,
}

/// An address with its port, or none: written as "".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaybeAddress(pub Option<SocketAddr>);

impl Serialize for MaybeAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => serializer.collect_str(&address),
            None => serializer.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for MaybeAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text
            .parse()
            .map_err(|_| de::Error::custom(format_args!("\"{text}\" is no address with a port")));
        address.map(|address| Self(Some(address)))
    }
}

impl Config {
    /// How the live feed is read; `secret` is the password of `venue.user`, with which snapshots are asked for.
    pub fn live_feed(&self, secret: Secret) -> LiveSettings {
        let feed = &self.feed;
        let (ms, us) = (|n: u64| Nanos(n * 1_000_000), |n: u64| Nanos(n * 1_000));
        // A configuration that was loaded has a name that fits.
        let user = Username::new(&self.venue.user).unwrap_or(Username::BLANK);
        LiveSettings {
            lines: [feed.line_a.0, feed.line_b.0],
            interface: feed.interface,
            rerequests: feed.rerequests.0,
            snapshots: feed.snapshots.0.map(|address| (address, user, secret)),
            shards: usize::from(self.book.shards),
            tick: ms(self.engine.tick_ms),
            look_ahead: self.ingest.look_ahead as usize,
            stamped: true,
            repair: Repair {
                patience: us(feed.patience_us),
                request_messages: feed.request_messages,
                pause: us(feed.request_pause_us),
                outstanding: feed.requests_max as usize,
                retry: ms(feed.retry_ms),
                retry_max: ms(feed.retry_max_ms),
                give_up: ms(feed.give_up_ms),
                silence: ms(feed.silence_ms),
                join_within: ms(feed.join_within_ms),
            },
            receive_buffer: feed.receive_buffer_kib as usize * 1_024,
            held_packets: feed.held_packets as usize,
        }
    }

    /// Each number of `[feed]` with the least and the most it can be.
    pub(super) fn feed_limits(&self) -> Vec<(&'static str, u64, u64, u64)> {
        let feed = &self.feed;
        let minute_us = 60_000_000;
        vec![
            ("feed.receive_buffer_kib", feed.receive_buffer_kib.into(), 4, 1 << 20),
            ("feed.held_packets", feed.held_packets.into(), 16, 1 << 20),
            ("feed.patience_us", feed.patience_us, 0, minute_us),
            ("feed.request_messages", feed.request_messages.into(), 1, 65_534),
            ("feed.request_pause_us", feed.request_pause_us, 0, minute_us),
            ("feed.requests_max", feed.requests_max.into(), 1, Repair::OUTSTANDING_MAX as u64),
            ("feed.retry_ms", feed.retry_ms, 1, 60_000),
            ("feed.retry_max_ms", feed.retry_max_ms, 1, 60_000),
            ("feed.give_up_ms", feed.give_up_ms, 1, 600_000),
            ("feed.silence_ms", feed.silence_ms, 0, 600_000),
            ("feed.join_within_ms", feed.join_within_ms, 1, 3_600_000),
        ]
    }
}
