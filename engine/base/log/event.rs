//! All that hot threads can tell of, in one table: a number that stays, how grave it is, what it is called, what it says.
//!
//! Places for numbers in a text are `{0}` to `{5}`; what a number stands for follows a colon: `us` (nanoseconds, shown as
//! microseconds), `feed` and `session` (a place among the names of their states), `error` (of the system, by its number),
//! `code` (of a refusal), `state` (of trading), `event` (by its number). `{symbol}` is the line's instrument, `{scope}` what the
//! first two numbers name: its level and its id.
#![forbid(unsafe_code)]

/// How grave an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// Of use to who looks for a fault.
    Debug,
    /// As it should be.
    Info,
    /// The engine mends it, or goes on with less.
    Warn,
    /// Somebody should look at it now.
    Error,
    /// Above all: as the least that is told, nothing is.
    Off,
}

impl Severity {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Off => "off",
        }
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $severity:ident, $called:literal, $text:literal;)*) => {
        /// What can happen. A number is never used twice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Event {
            $($(#[$doc])* $name = $number,)*
        }

        impl Event {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// That of this number.
            pub const fn of(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// How grave it is.
            #[inline]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// What it is called: a word to look for.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $called,)*
                }
            }

            /// What it says, with places for numbers.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

events! {
    /// The feed went from one state to another.
    FeedState = 100, Info, "feed-state", "the feed was {0:feed}, and is {1:feed} after {2} messages";
    /// Something of the feed is missing.
    GapOpened = 101, Warn, "gap-opened", "messages from {0} on are missing ({1} gaps so far): nothing is decided until they came";
    /// Nothing is missing any more.
    GapHealed = 102, Info, "gap-healed", "nothing is missing any more from {0} to {1}, after {2:us} us";
    /// What was missing was asked for in vain.
    GapGivenUp = 103, Warn, "gap-given-up", "what is missing was asked for in vain ({0} times so far): a snapshot is asked for";
    /// A snapshot was taken to its end.
    Snapshot = 104, Info, "snapshot", "a snapshot took the place of what was missing ({0} so far, for which {1} messages of the lines were lost)";
    /// A snapshot could not be had.
    SnapshotFailed = 105, Warn, "snapshot-failed", "a snapshot could not be had, or was cut off ({0} so far): it is asked for again";
    /// Catching up took too long.
    LateJoin = 106, Warn, "late-join", "to catch up took longer than feed.join_within_ms ({0} times so far): it is tried again";
    /// The kernel had no room for packets.
    KernelDrops = 107, Warn, "kernel-drops", "the kernel had no room for {0} packets so far: see feed.receive_buffer_kib, and what keeps the core from reading";
    /// Packets made no sense, or were of another session.
    NotTaken = 108, Warn, "packets-not-taken", "{0} packets so far were not taken: of another session, none of MoldUDP64, or too early for what can wait";
    /// What follows ingest had no room.
    HeldBack = 109, Warn, "held-back", "what follows ingest had no room for {0} turns: packets waited in the kernel";

    /// No book can be vouched for.
    BooksStale = 200, Info, "books-stale", "no book can be vouched for: strategies were told, new orders are refused";
    /// They can be again.
    BooksLive = 201, Info, "books-live", "books can be vouched for again";
    /// They were emptied for a snapshot.
    BooksCleared = 202, Info, "books-cleared", "books were emptied for a snapshot";
    /// A book ran out of room.
    BookStale = 203, Error, "book-stale", "{symbol}: its book has no room left, and stays stale: raise book.orders_max and book.levels_max";

    /// The session with the venue went from one phase to another.
    Session = 300, Info, "session", "the session was {0:session}, and is {1:session}: {2} logins, {3} orders open";
    /// The connection ended, or was not made.
    ConnectionFailed = 301, Warn, "connection-failed", "the connection with the venue ended or was not made: {0:error}";
    /// Messages of the venue made no sense.
    VenueOdd = 302, Warn, "venue-odd", "a message of the venue made no sense in a way not met before ({0} such ways so far): the first of each is told at the end";
    /// An order stood at the gateway that the gate did not let through.
    OrderUnasked = 303, Error, "order-unasked", "order {0} was not let through by the gate: it is refused, and the firm killed";

    /// The connection with the venue was made anew without io_uring.
    OrdersBySocket = 304, Warn, "orders-by-socket", "io_uring was not to be had again: orders go by plain calls from here on, as route.transport_fallback allows; the end says why";

    /// A scope's trading state changed.
    Latched = 400, Warn, "latched", "{scope} is {2:state}: {3:code}";
    /// A breaker opened.
    Breaker = 401, Warn, "breaker-open", "{scope} is paused: {3:code}";
    /// Nothing is open any more where it was killed.
    Flat = 402, Info, "flat", "{scope} has nothing open any more, {2:us} us after the kill";
    /// A limit is nearly used up.
    Alert = 403, Warn, "limit-alert", "{scope} has used {2} % of {3:code}";
    /// Other limits are in force.
    Limits = 404, Info, "limits", "limits of version {0} are in force";
    /// An order was too late for the venue.
    OrderLate = 405, Warn, "order-late", "{symbol}: order {0} was too late for the venue, and is refused: see engine.good_until_us";

    /// Lines found no room.
    LinesDropped = 900, Warn, "lines-dropped", "{0} lines found no room in its ring, and are lost: see link.line";
    /// Lines were more than may be written in a second.
    LinesLeftOut = 901, Info, "lines-left-out", "{0} more lines of {1:event} in a second than log.lines_per_second: they are left out";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_event_has_a_number_and_a_name_of_its_own_and_is_found_by_number() {
        let numbers: BTreeSet<_> = Event::ALL.iter().map(|event| *event as u16).collect();
        let names: BTreeSet<_> = Event::ALL.iter().map(|event| event.name()).collect();
        assert_eq!((numbers.len(), names.len()), (Event::ALL.len(), Event::ALL.len()));
        assert!(Event::ALL.iter().all(|event| Event::of(*event as u16) == Some(*event)));
        assert_eq!(Event::of(99), None);
    }

    #[test]
    fn what_is_told_can_be_left_out() {
        assert!(Event::ALL.iter().all(|event| event.severity() < Severity::Off));
    }
}
