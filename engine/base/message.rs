//! Every message that crosses a hop, declared once. The same bytes are ring slot, journal record and replay input.
//!
//! Each opens with a [`Header`]. [`Market`] is one cache line (64 bytes); [`Intent`], [`Order`] and [`Report`] are
//! two (128). The `IntoBytes` derive refuses padding, the asserts below fix the sizes: both at compile time.
//!
//! A message's [`Key`] is its place in the one order of events that every placement of the engine agrees on.
#![forbid(unsafe_code)]

use super::unit::*;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The place of an event: (time, rank, source, sequence, shard, sub), compared in that order. Unique among events.
///
/// Packed into three words: time; rank (4 bits), source (8), sequence (52); shard (16), sub (32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    time: u64,
    place: u64,
    tail: u64,
}

/// What comes first among events of the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rank {
    /// Commands: kill.
    Control = 0,
    /// Answers and venue events.
    Report = 1,
    /// Market data.
    Market = 2,
    /// Orders that reach the venue.
    Order = 3,
    /// Timers.
    Tick = 4,
}

impl Key {
    /// Above every event.
    pub const MAX: Self = Self { time: u64::MAX, place: u64::MAX, tail: u64::MAX };
    const SEQUENCE_BITS: u32 = 52;

    /// The key of an event that has no tail.
    pub const fn new(time: Nanos, rank: Rank, source: u8, sequence: u64) -> Self {
        let sequence = sequence & ((1 << Self::SEQUENCE_BITS) - 1);
        let place = (rank as u64) << 60 | (source as u64) << Self::SEQUENCE_BITS | sequence;
        Self { time: time.0, place, tail: 0 }
    }

    /// Not above any report of `time`; above every event before, commands of `time` among them.
    pub const fn least_report(time: Nanos) -> Self {
        if time.0 == u64::MAX {
            return Self::MAX;
        }
        Self::new(time, Rank::Report, 0, 0)
    }

    /// This key with the tail that tells apart what one cause led to.
    pub const fn with_tail(self, shard: ShardId, sub: u32) -> Self {
        Self { tail: (shard.0 as u64) << 32 | sub as u64, ..self }
    }

    /// Time and rank only, unless it is `MAX`.
    pub(crate) const fn coarse(self) -> Self {
        if self.time == u64::MAX {
            return self;
        }
        Self { time: self.time, place: self.place >> 60 << 60, tail: 0 }
    }

    /// The event's time.
    pub const fn time(self) -> Nanos {
        Nanos(self.time)
    }

    /// The rank's number.
    pub const fn rank(self) -> u8 {
        (self.place >> 60) as u8
    }

    const fn words(self) -> (u64, u64, u64) {
        (self.time, self.place, self.tail)
    }

    const fn from_words(time: u64, place: u64, tail: u64) -> Self {
        Self { time, place, tail }
    }
}

open_set! {
    /// What a message says. One numbering for all messages; a number is never used twice.
    Kind {
        /// In a ring: no message keyed below the one written here will come.
        PROMISE = 1, "promise";

        /// Market: an instrument is announced; `code` is its trading category.
        DIRECTORY = 16, "directory";
        /// Market: the session enters a phase (`code`: ITCH's event code); for every instrument.
        SESSION = 17, "session";
        /// Market: the instrument's trading state (`code`: ITCH's H T P Q).
        TRADING = 18, "trading";
        /// Market: operational halt (`code`: H halted, T resumed).
        HALT = 19, "halt";
        /// Market: an order enters the book.
        ADD = 20, "add";
        /// Market: an order executed at its price.
        EXECUTE = 21, "execute";
        /// Market: an order executed at `price`; flag `PRINTABLE` tells whether it counts as volume.
        EXECUTE_AT = 22, "execute-at";
        /// Market: part of an order is cancelled.
        CANCEL = 23, "cancel";
        /// Market: an order leaves the book.
        DELETE = 24, "delete";
        /// Market: `reference` leaves, `other` enters on the same side with a new priority.
        REPLACE = 25, "replace";
        /// Market: a trade against a hidden order; the book is unchanged.
        TRADE = 26, "trade";
        /// Market: a cross traded.
        CROSS = 27, "cross";
        /// Market: the trade of match number `other` is void.
        BROKEN = 28, "broken";

        /// Market: time passed.
        TICK = 32, "tick";
        /// Market, Intent, Order: stop: refuse what is new, cancel what is open.
        KILL = 33, "kill";

        /// Market at the venue, Intent, Order: a new order.
        NEW = 48, "new";
        /// Market at the venue, Intent, Order: cancel `target`.
        CANCEL_ORDER = 49, "cancel-order";
        /// Market at the venue, Intent, Order: `order` takes the place of `target`.
        REPLACE_ORDER = 50, "replace-order";

        /// Report: route handed the order to the venue.
        SENT = 64, "sent";
        /// Report: risk or route refused; `code` says why, `limit` and `value` with which numbers.
        REFUSED = 65, "refused";
        /// Report: the venue took the order; `leaves` is open.
        ACCEPTED = 66, "accepted";
        /// Report: `quantity` traded at `price`; `leaves` is still open.
        FILLED = 67, "filled";
        /// Report: `quantity` is no longer open; `leaves` is.
        CANCELED = 68, "canceled";
        /// Report: `order` stands in the place of `target`, which is gone.
        REPLACED = 69, "replaced";
        /// Report: the venue refused the order.
        REJECTED = 70, "rejected";
        /// Report: the venue could not cancel or replace `target`: it is not open.
        TOO_LATE = 71, "too-late";
        /// Record: the final state of an order.
        CLOSED = 80, "closed";
    }
}

open_set! {
    /// Where a message comes from; part of its key.
    Source {
        /// Refusals by risk; orders at the venue; commands.
        RISK = 0, "risk";
        /// Answers of route.
        ROUTE = 1, "route";
        /// Events of the first book shard's venue; shard n is `VENUE + n`.
        VENUE = 2, "venue";
    }
}

/// Bits of [`Header::flags`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct Flags(pub u16);

impl Flags {
    /// The last message of its packet for this book shard: strategies decide after it.
    pub const LAST: Self = Self(1);
    /// An execution that counts as volume.
    pub const PRINTABLE: Self = Self(2);
    /// Sent by risk of its own accord (kill): counts as no intent's answer.
    pub const UNASKED: Self = Self(4);
    /// An answer to an intent: each intent gets exactly one.
    pub const ANSWER: Self = Self(8);

    /// Whether all bits of `flag` are set.
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// These bits and those of `flag`.
    pub const fn with(self, flag: Self) -> Self {
        Self(self.0 | flag.0)
    }
}

/// The first 24 bytes of every message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Header {
    /// Engine time.
    pub time: Nanos,
    /// Sequence of the packet that led here.
    pub cause: Seq,
    /// What it is about; `InstrumentId::NONE` for the whole market.
    pub instrument: InstrumentId,
    /// What it says.
    pub kind: Kind,
    /// Where it comes from.
    pub source: Source,
    /// Bits.
    pub flags: Flags,
}

/// A market event, a tick, a command, or an order arriving at the (paper) venue.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Market {
    /// Time, cause, instrument, kind.
    pub head: Header,
    /// The feed's order reference; for an order at the venue, its [`OrderId`].
    pub reference: u64,
    /// New reference (replace), match number (executions, trades); at the venue, the target's [`OrderId`].
    pub other: u64,
    /// Price; 0 where the message has none.
    pub price: Price,
    /// Shares added, executed, cancelled, replaced with.
    pub qty: Qty,
    /// When its bytes were seen; for an order at the venue, route's reference.
    pub stamp: Stamp,
    /// Side, where the message has one.
    pub side: Side,
    /// Kind's own detail: event code, trading state, cross type (the wire's byte).
    pub code: u8,
    /// Orders at the venue only.
    pub order_type: OrderType,
    /// Orders at the venue only.
    pub tif: TimeInForce,
}

/// What a strategy wants: book -> risk.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Intent {
    /// Time and sequence of its cause; kind: new, cancel, replace, kill.
    pub head: Header,
    /// The order's name.
    pub order: OrderId,
    /// The order to cancel or replace.
    pub target: OrderId,
    /// The order that this one is a child of.
    pub parent: OrderId,
    /// Limit price; 0 for market orders.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// Refused as late after this engine time.
    pub good_until: Nanos,
    /// Best bid that the strategy saw; 0 if there was none.
    pub bid: Price,
    /// Best ask that the strategy saw; 0 if there was none.
    pub ask: Price,
    /// When that market was seen.
    pub seen: Nanos,
    /// The shard's count of intents, from 0: each is answered once.
    pub number: u32,
    /// Its place among what its cause led to.
    pub sub: u32,
    /// For whom.
    pub account: AccountId,
    /// By whom.
    pub strategy: StrategyId,
    /// The book shard.
    pub shard: ShardId,
    /// When the bytes of its cause were seen.
    pub stamp: Stamp,
    /// When the last stage handed it over.
    pub handed: Stamp,
    /// Side.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// How long it stands.
    pub tif: TimeInForce,
    /// The book's health when the strategy decided.
    pub health: Health,
    /// The instrument's phase when the strategy decided.
    pub phase: Phase,
    /// The rank of its cause: part of its key.
    pub rank: u8,
    /// Zero.
    pub zero: [u8; 2],
}

/// An intent that passed the gate: risk -> route. Only risk makes one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct Order(Intent);

impl Order {
    /// The gate's word that `intent` passed.
    pub fn approved(intent: Intent) -> Self {
        Self(intent)
    }

    /// What was approved.
    pub fn intent(&self) -> &Intent {
        &self.0
    }
}

/// What became of an intent or an order: the return path, and the records of the log.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Report {
    /// Time at which it takes effect; kind: sent, refused, accepted, filled, ...
    pub head: Header,
    /// The order.
    pub order: OrderId,
    /// The order that was to be cancelled or replaced.
    pub target: OrderId,
    /// The order that this one is a child of.
    pub parent: OrderId,
    /// Price of the fill; of the order in a record.
    pub price: Price,
    /// Quantity filled or cancelled; of the order in a record.
    pub qty: Qty,
    /// Quantity still open.
    pub leaves: Qty,
    /// The limit that was breached, in the check's unit.
    pub limit: i64,
    /// What would have been, in the check's unit.
    pub value: i64,
    /// Fee of a fill in 1e-9 of the currency; negative for a rebate.
    pub fee: i64,
    /// Its source's count: part of its key.
    pub sequence: u64,
    /// The intent that this answers, if flag `ANSWER` is set.
    pub number: u32,
    /// Route's reference.
    pub reference: u32,
    /// For whom.
    pub account: AccountId,
    /// By whom.
    pub strategy: StrategyId,
    /// The book shard that it returns to.
    pub shard: ShardId,
    /// Refusal or reject code; 0 for none.
    pub code: u16,
    /// Side.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// How long it stands.
    pub tif: TimeInForce,
    /// Made or took.
    pub liquidity: Liquidity,
    /// The order's final state, in a record.
    pub state: OrderState,
    /// Zero.
    pub zero: u8,
}

/// A message that crosses a hop.
pub trait Message:
    Copy + Default + FromBytes + IntoBytes + Immutable + KnownLayout + Send + 'static
{
    /// Its place in the order of events.
    fn key(&self) -> Key;

    /// The record that stands in a ring for "nothing below `key` will come".
    fn promise(key: Key) -> Self;

    /// The key promised, if this is such a record.
    fn promised(&self) -> Option<Key>;
}

const fn promise_header(time: u64) -> Header {
    Header {
        time: Nanos(time),
        cause: Seq(0),
        instrument: InstrumentId::NONE,
        kind: Kind::PROMISE,
        source: Source(0),
        flags: Flags(0),
    }
}

impl Market {
    const fn rank(&self) -> Rank {
        match self.head.kind {
            Kind::TICK => Rank::Tick,
            Kind::KILL => Rank::Control,
            Kind::NEW | Kind::CANCEL_ORDER | Kind::REPLACE_ORDER => Rank::Order,
            _ => Rank::Market,
        }
    }
}

impl Message for Market {
    fn key(&self) -> Key {
        let rank = self.rank();
        let sequence =
            if rank == Rank::Order { u64::from(self.stamp.0) } else { self.head.cause.0 };
        Key::new(self.head.time, rank, self.head.source.0, sequence)
    }

    fn promise(key: Key) -> Self {
        let (time, place, tail) = key.words();
        Self { head: promise_header(time), reference: place, other: tail, ..Self::default() }
    }

    fn promised(&self) -> Option<Key> {
        (self.head.kind == Kind::PROMISE)
            .then(|| Key::from_words(self.head.time.0, self.reference, self.other))
    }
}

impl Message for Intent {
    fn key(&self) -> Key {
        let (time, source) = (self.head.time.0, u64::from(self.head.source.0));
        let sequence = self.head.cause.0 & ((1 << Key::SEQUENCE_BITS) - 1);
        let place = u64::from(self.rank) << 60 | source << Key::SEQUENCE_BITS | sequence;
        Key::from_words(time, place, 0).with_tail(self.shard, self.sub)
    }

    fn promise(key: Key) -> Self {
        let (time, place, tail) = key.words();
        let head = promise_header(time);
        Self { head, order: OrderId(place), target: OrderId(tail), ..Self::default() }
    }

    fn promised(&self) -> Option<Key> {
        (self.head.kind == Kind::PROMISE)
            .then(|| Key::from_words(self.head.time.0, self.order.0, self.target.0))
    }
}

impl Message for Order {
    fn key(&self) -> Key {
        self.0.key()
    }

    fn promise(key: Key) -> Self {
        Self(Intent::promise(key))
    }

    fn promised(&self) -> Option<Key> {
        self.0.promised()
    }
}

impl Message for Report {
    fn key(&self) -> Key {
        Key::new(self.head.time, Rank::Report, self.head.source.0, self.sequence)
    }

    fn promise(key: Key) -> Self {
        let (time, place, tail) = key.words();
        let head = promise_header(time);
        Self { head, order: OrderId(place), target: OrderId(tail), ..Self::default() }
    }

    fn promised(&self) -> Option<Key> {
        (self.head.kind == Kind::PROMISE)
            .then(|| Key::from_words(self.head.time.0, self.order.0, self.target.0))
    }
}

const _: () = {
    assert!(size_of::<Header>() == 24);
    assert!(size_of::<Market>() == 64, "one cache line");
    assert!(size_of::<Intent>() == 128, "two cache lines");
    assert!(size_of::<Order>() == 128, "two cache lines");
    assert!(size_of::<Report>() == 128, "two cache lines");
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_time_then_rank_source_sequence_shard_sub() {
        let key = |t, r, s, q| Key::new(Nanos(t), r, s, q);
        let rising = [
            key(5, Rank::Control, 0, 1),
            Key::least_report(Nanos(5)),
            key(5, Rank::Report, 0, 9),
            key(5, Rank::Report, 1, 1),
            key(5, Rank::Market, 0, 1),
            key(5, Rank::Market, 0, 1).with_tail(ShardId(0), 1),
            key(5, Rank::Market, 0, 1).with_tail(ShardId(1), 0),
            key(5, Rank::Market, 0, 2),
            key(5, Rank::Order, 0, 1),
            key(5, Rank::Tick, 0, 0),
            key(6, Rank::Control, 0, 0),
            Key::MAX,
        ];
        assert!(rising.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_promise_survives_every_message_type() {
        let key = Key::new(Nanos(7), Rank::Market, 3, 1 << 40).with_tail(ShardId(2), 9);
        assert_eq!(Market::promise(key).promised(), Some(key));
        assert_eq!(Intent::promise(key).promised(), Some(key));
        assert_eq!(Order::promise(key).promised(), Some(key));
        assert_eq!(Report::promise(key).promised(), Some(key));
        assert_eq!(Market::default().promised(), None);
    }

    #[test]
    fn an_intent_is_keyed_as_its_cause() {
        let mut cause = Market::default();
        cause.head.time = Nanos(9);
        cause.head.cause = Seq(4);
        cause.head.kind = Kind::TICK;
        let mut intent = Intent { head: cause.head, rank: cause.key().rank(), ..Intent::default() };
        intent.head.kind = Kind::NEW;
        assert_eq!(intent.key(), cause.key());
        (intent.shard, intent.sub) = (ShardId(1), 2);
        assert_eq!(intent.key(), cause.key().with_tail(ShardId(1), 2));
    }
}
