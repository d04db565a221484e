//! What order entry counts, and the last input that was wrong: where, and why.

use crate::wire::{ouch, soup};
use std::fmt;

/// What order entry counted since the start. Nothing is lost without a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections for which there was room.
    pub connections: u64,
    /// Connections for which there was none.
    pub connections_refused: u64,
    /// Logins accepted.
    pub logins: u64,
    /// Logins rejected.
    pub logins_rejected: u64,
    /// Connections that gave way to a later login of their account.
    pub taken_over: u64,
    /// Clients that logged out.
    pub logouts: u64,
    /// Logged-in connections that the client closed without logging out, or that broke.
    pub lost: u64,
    /// Connections closed because no login came in time.
    pub no_login: u64,
    /// Connections closed because nothing came for too long.
    pub silent: u64,
    /// Connections closed because the client did not read.
    pub stalled: u64,
    /// Connections that a fault ended.
    pub cut: u64,
    /// Packets that are none, or came when they may not; those that are not of an unknown type end the connection.
    pub bad_packets: u64,
    /// Messages that are no OUCH message, or whose options cannot be read: ignored.
    pub bad_messages: u64,
    /// Connections closed because their account had had all the messages of its day, and asked for more.
    pub full: u64,
    /// Messages from clients that were understood.
    pub messages: u64,
    /// Requests whose `UserRefNum` was not above the last: ignored as repetitions.
    pub repeated: u64,
    /// Requests that change nothing, or are about an order that is not live: ignored.
    pub ignored: u64,
    /// Requests rejected here; what the matching core rejects is not among them.
    pub rejected: u64,
    /// Replaces with bad terms, which cancelled their original.
    pub bad_replaces: u64,
    /// Events of the matching core about an order that this side does not know as it says. Always 0.
    pub out_of_step: u64,
}

impl fmt::Display for Counters {
    /// What a person wants to know of a day: all that is not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { logins, messages, .. } = self;
        write!(f, "{logins} logins, {messages} messages")?;
        for (count, what) in [
            (self.logins_rejected, "logins rejected"),
            (self.connections_refused, "connections refused"),
            (self.taken_over, "taken over"),
            (self.logouts, "logouts"),
            (self.lost, "connections lost"),
            (self.no_login, "without login"),
            (self.silent, "silent"),
            (self.stalled, "stalled"),
            (self.cut, "cut by a fault"),
            (self.full, "closed with a full day"),
            (self.bad_packets, "bad packets"),
            (self.bad_messages, "bad messages"),
            (self.repeated, "repetitions ignored"),
            (self.ignored, "requests ignored"),
            (self.rejected, "requests rejected"),
            (self.bad_replaces, "bad replaces"),
            (self.out_of_step, "OUT OF STEP"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// Input that was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadInput {
    /// On which connection.
    pub connection: usize,
    /// Bytes of the client's stream up to the end of the packet.
    pub offset: u64,
    /// Why.
    pub why: Why,
}

/// Why input is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Where packets begin is lost.
    Stream(soup::StreamError),
    /// Bytes are no packet.
    Packet(soup::Error),
    /// A packet that may not come then.
    Violation(soup::Violation),
    /// Bytes are no OUCH message.
    Message(ouch::Error),
    /// A message's options cannot be read.
    Options(ouch::TagError),
    /// The account has had all the messages of its day, and asks for more.
    Full,
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}, before byte {}: ", self.connection, self.offset)?;
        match self.why {
            Why::Stream(why) => why.fmt(f),
            Why::Packet(why) => why.fmt(f),
            Why::Violation(why) => why.fmt(f),
            Why::Message(why) => why.fmt(f),
            Why::Options(why) => why.fmt(f),
            Why::Full => {
                f.write_str("all the messages of the account's day are told (messages_max)")
            }
        }
    }
}
