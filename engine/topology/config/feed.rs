//! `[feed]`: the live feed.

use super::Config;
use crate::base::unit::Nanos;
use crate::base::uring::Sqpoll;
use crate::ingest::live::{LiveSettings, Repair};
use crate::ingest::transport::line::{LineSettings, Transport};
use crate::wire::soup::Username;
use crate::wire::soup::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// `[feed]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Line A.
    pub line_a: MaybeAddress,
    /// Line B.
    pub line_b: MaybeAddress,
    /// The interface that the lines come in by.
    pub interface: Ipv4Addr,
    /// That of line B, if it is another.
    pub interface_b: MaybeHost,
    /// By which way datagrams come.
    pub transport: TransportName,
    /// Whether the plain socket will do where that is not possible.
    pub transport_fallback: bool,
    /// io_uring: whether a thread of the kernel's does the work.
    pub uring_sqpoll: bool,
    /// The CPU of that thread.
    pub uring_sqpoll_cpu: MaybeCpu,
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

/// The ways by which datagrams come, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TransportName {
    /// A plain socket.
    Socket,
    /// A socket that io_uring reads.
    Uring,
    /// AF_XDP.
    Xdp,
}

impl From<TransportName> for Transport {
    fn from(name: TransportName) -> Self {
        match name {
            TransportName::Socket => Self::Socket,
            TransportName::Uring => Self::Uring,
            TransportName::Xdp => Self::Xdp,
        }
    }
}

macro_rules! maybe {
    ($(#[$doc:meta])* $name:ident($of:ty) is $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub Option<$of>);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 {
                    Some(it) => serializer.collect_str(&it),
                    None => serializer.serialize_str(""),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                if text.is_empty() {
                    return Ok(Self(None));
                }
                let parsed = text.parse().map_err(|_| {
                    de::Error::custom(format_args!(concat!("\"{}\" is no ", $what), text))
                });
                parsed.map(|it| Self(Some(it)))
            }
        }
    };
}

maybe! {
    /// An address with its port, or none: written as "".
    MaybeAddress(SocketAddr) is "address with a port"
}

maybe! {
    /// The address of a host, or none: written as "".
    MaybeHost(Ipv4Addr) is "address of IPv4"
}

/// A CPU by its number, or none: written as "".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaybeCpu(pub Option<usize>);

impl Serialize for MaybeCpu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(cpu) => cpu.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for MaybeCpu {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = MaybeCpu;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a CPU, or \"\"")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<MaybeCpu, E> {
                let cpu = usize::try_from(number);
                cpu.map(|cpu| MaybeCpu(Some(cpu)))
                    .map_err(|_| de::Error::invalid_value(de::Unexpected::Signed(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<MaybeCpu, E> {
                match text {
                    "" => Ok(MaybeCpu(None)),
                    _ => Err(de::Error::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
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
            lines: self.lines(),
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
            held_packets: feed.held_packets as usize,
        }
    }

    /// The kernel's thread that receives, if one is asked for and the lines come by a way that has it.
    pub fn sqpoll(&self) -> Option<Sqpoll> {
        let feed = &self.feed;
        let is_used = feed.uring_sqpoll && feed.transport == TransportName::Uring;
        is_used.then_some(Sqpoll { cpu: feed.uring_sqpoll_cpu.0 })
    }

    /// How the lines are opened.
    pub fn lines(&self) -> LineSettings {
        let feed = &self.feed;
        LineSettings {
            transport: feed.transport.into(),
            fallback: feed.transport_fallback,
            lines: [feed.line_a.0, feed.line_b.0],
            interfaces: [feed.interface, feed.interface_b.0.unwrap_or(feed.interface)],
            receive_buffer: feed.receive_buffer_kib as usize * 1_024,
            sqpoll: self.sqpoll(),
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
