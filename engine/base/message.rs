//! Every message that crosses a hop, declared once. The same bytes are ring slot, journal record and replay input.
//!
//! Each opens with a [`Header`]. [`Market`] is one cache line (64 bytes); [`Intent`], [`Order`] and [`Report`] are
//! two (128). The `IntoBytes` derive refuses padding, the asserts below fix the sizes: both at compile time.
//!
//! A message's [`Key`] is its place in the one order of events that every placement of the engine agrees on.
#![forbid(unsafe_code)]

mod key;
mod kind;

pub use key::{Key, Rank};
pub use kind::{Flags, Kind, Source};

use super::unit::*;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Book shards at most: each has a bit in [`Flags::last_for`].
pub const SHARDS_MAX: u16 = 8;

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

/// What a strategy wants, or what it is to be stopped from: book -> risk.
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
    /// What a sale is marked as.
    pub sale: Sale,
    /// How wide a command reaches: the account, strategy or instrument that it names, or all. Orders: 0.
    pub level: Level,
}

/// An intent that passed the gate: risk -> route. Only risk makes one. Whose child it is matters no more: in the place of its
/// parent a replace carries what its chain has executed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct Order(Intent);

impl Order {
    /// The gate's word that `intent` passed: the same bytes, not a copy.
    #[inline]
    pub fn approved(intent: &Intent) -> &Self {
        zerocopy::transmute_ref!(intent)
    }

    /// What was approved.
    pub fn intent(&self) -> &Intent {
        &self.0
    }

    /// That a replace is approved of a chain that has executed so much, as far as the gate knows.
    #[inline]
    pub fn after(executed: Qty, mut intent: Intent) -> Self {
        intent.parent = OrderId(executed.0);
        Self(intent)
    }

    /// A replace: what the orders before it in its chain had executed when the gate reserved for it. A venue counts a replace
    /// with that; what has filled since, it takes off, and so never leaves more open than was reserved.
    #[inline]
    pub fn executed(&self) -> Qty {
        Qty(self.0.parent.0)
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
    /// Whether it goes to every book shard, not to its instrument's alone.
    pub const fn is_for_all(&self) -> bool {
        matches!(
            self.head.kind,
            Kind::SESSION
                | Kind::GAP
                | Kind::WHOLE
                | Kind::CLEAR
                | Kind::TICK
                | Kind::KILL
                | Kind::FLATTEN
                | Kind::QUIET
                | Kind::REDUCE_ONLY
                | Kind::RESUME
                | Kind::LIMITS
        )
    }

    /// The copy that book shard `shard` gets of a message to all: whether it is the last of its packet is the shard's own.
    pub fn copy_for(&self, shard: usize) -> Self {
        let mut copy = *self;
        let flags = &mut copy.head.flags;
        let last = flags.has(Flags::last_for(1 << shard));
        *flags = Flags(flags.0 & ((1 << Flags::SHARDS_AT) - 1));
        if last {
            *flags = flags.with(Flags::LAST);
        }
        copy
    }
}

impl Market {
    const fn rank(&self) -> Rank {
        match self.head.kind {
            Kind::TICK => Rank::Tick,
            Kind::KILL
            | Kind::FLATTEN
            | Kind::QUIET
            | Kind::REDUCE_ONLY
            | Kind::RESUME
            | Kind::LIMITS => Rank::Control,
            Kind::NEW | Kind::CANCEL_ORDER | Kind::REPLACE_ORDER => Rank::Order,
            _ => Rank::Market,
        }
    }
}

impl Report {
    /// By how much the position moves, long above zero: with a fill, and back with one that is void.
    pub const fn moves(&self) -> i64 {
        let qty = self.qty.signed();
        match (self.head.kind, self.side.is_buy()) {
            (Kind::FILLED, true) | (Kind::BROKEN, false) => qty,
            (Kind::FILLED, false) | (Kind::BROKEN, true) => -qty,
            _ => 0,
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
    fn a_promise_survives_every_message_type() {
        let key = Key::new(Nanos(7), Rank::Market, 3, 1 << 40).with_tail(ShardId(2), 9);
        assert_eq!(Market::promise(key).promised(), Some(key));
        assert_eq!(Intent::promise(key).promised(), Some(key));
        assert_eq!(Order::promise(key).promised(), Some(key));
        assert_eq!(Report::promise(key).promised(), Some(key));
        assert_eq!(Market::default().promised(), None);
    }

    #[test]
    fn a_void_fill_moves_the_position_back() {
        let report = |kind, side| {
            let head = Header { kind, ..Header::default() };
            Report { head, side, qty: Qty(7), ..Report::default() }.moves()
        };
        assert_eq!((report(Kind::FILLED, Side::BUY), report(Kind::BROKEN, Side::BUY)), (7, -7));
        assert_eq!((report(Kind::FILLED, Side::SELL), report(Kind::BROKEN, Side::SELL)), (-7, 7));
        assert_eq!(report(Kind::CANCELED, Side::BUY), 0);
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
