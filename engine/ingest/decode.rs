//! ITCH frames -> [`Market`] messages: the hottest code of ingest.
//!
//! Every frame is counted by its type. A well-formed frame of a kind that the book needs becomes one `Market`; other
//! well-formed frames become nothing; a malformed one is skipped, and the first of each flaw is remembered with its place.
//! Engine time is the message's own and never steps back. Nothing is allocated but for a directory message.

use crate::base::instrument::{Instrument, InstrumentTable};
use crate::base::message::{Flags, Header, Kind, Market};
use crate::base::unit::{InstrumentId, Nanos, Price, Qty, Seq, ShardId, Side};
use crate::wire::frame::PREFIX;
use crate::wire::itch::{self, Message, OrderDelete, StockDirectory, code};
use std::fmt;
use zerocopy::FromBytes;

pub use crate::wire::itch::frame_time;

/// What the decoder has met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Frames by their first byte, malformed ones too; one without bytes counts as 0.
    pub by_type: [u64; 256],
    /// Frames of a type that ITCH does not have.
    pub unknown_type: Malformed,
    /// Frames without bytes, or of another length than their type has.
    pub wrong_length: Malformed,
    /// Orders and trades that neither buy nor sell.
    pub bad_side: Malformed,
    /// Messages timed before the one before; they are given its time.
    pub time_backwards: u64,
    /// Symbols that found the instrument table full; their messages have no instrument.
    pub table_full: u64,
}

/// Frames with one kind of flaw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Malformed {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Option<Place>,
}

/// A frame and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number among the frames decoded, from 1.
    pub message: u64,
    /// Bytes of the frames before, prefixes included: in a file, where its prefix is.
    pub offset: u64,
    /// Its type byte; 0 if it has none.
    pub kind: u8,
    /// Its length.
    pub length: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            by_type: [0; 256],
            unknown_type: Malformed::default(),
            wrong_length: Malformed::default(),
            bad_side: Malformed::default(),
            time_backwards: 0,
            table_full: 0,
        }
    }
}

impl Counts {
    /// Frames skipped as malformed.
    pub fn malformed(&self) -> u64 {
        self.unknown_type.count + self.wrong_length.count + self.bad_side.count
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, offset, kind, length } = self;
        let kind = kind.escape_ascii();
        write!(f, "message {message} at byte {offset}: type '{kind}', {length} bytes")
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy)]
enum Flaw {
    UnknownType,
    WrongLength,
    BadSide,
}

/// Turns the frames of one day into messages.
#[derive(Clone, Debug)]
pub struct Decoder {
    midnight: Nanos,
    /// Engine time of the last message.
    time: Nanos,
    messages: u64,
    offset: u64,
    /// By locate code.
    instruments: Box<[InstrumentId; 1 << 16]>,
    table: InstrumentTable,
    /// Ids below may be traded.
    tradable: u32,
    /// Symbols that the table lacks are dealt out to so many book shards.
    shards: u16,
    counts: Counts,
}

impl Decoder {
    /// A decoder for the day that begins at `midnight`.
    ///
    /// With a `table`, its instruments alone may be traded: other symbols of the day get ids after its own. Without, the
    /// day's directory is the table, and all may be traded. Symbols learnt from the directory are dealt out to `shards`
    /// book shards (1 to 256) in turn.
    pub fn new(midnight: Nanos, table: Option<InstrumentTable>, shards: u16) -> Self {
        let tradable = table.as_ref().map_or(u32::MAX, |table| table.len() as u32);
        Self {
            midnight,
            time: Nanos(0),
            messages: 0,
            offset: 0,
            instruments: Box::new([InstrumentId::NONE; 1 << 16]),
            table: table.unwrap_or_default(),
            tradable,
            shards: shards.clamp(1, 256),
            counts: Counts::default(),
        }
    }

    /// The message in `frame`, whose packet or place in the file is `seq`. `None` if the engine has no use for it, or if it
    /// is malformed.
    #[inline]
    pub fn decode(&mut self, frame: &[u8], seq: Seq) -> Option<Market> {
        self.messages += 1;
        self.offset += (frame.len() + PREFIX) as u64;
        self.counts.by_type[usize::from(*frame.first().unwrap_or(&0))] += 1;
        let message = match itch::parse(frame) {
            Ok(message) => message,
            Err(itch::Error::UnknownType { .. }) => return self.skip(frame, Flaw::UnknownType),
            Err(itch::Error::Empty | itch::Error::WrongLength { .. }) => {
                return self.skip(frame, Flaw::WrongLength);
            }
        };
        let head = self.head(message.head(), seq);
        let of = |kind| Market { head: Header { kind, ..head }, ..Market::default() };
        Some(match message {
            Message::AddOrder(add) => {
                let Some(side) = side(add.buy_sell_indicator) else {
                    return self.skip(frame, Flaw::BadSide);
                };
                Market {
                    reference: add.order_reference_number.get(),
                    price: Price::from_e4(add.price.get()),
                    qty: Qty(u64::from(add.shares.get())),
                    side,
                    ..of(Kind::ADD)
                }
            }
            Message::OrderDelete(delete) => {
                Market { reference: delete.order_reference_number.get(), ..of(Kind::DELETE) }
            }
            Message::OrderExecuted(execution) => {
                let mut market = Market {
                    reference: execution.order_reference_number.get(),
                    other: execution.match_number.get(),
                    qty: Qty(u64::from(execution.executed_shares.get())),
                    ..of(Kind::EXECUTE)
                };
                market.head.flags = Flags::PRINTABLE;
                market
            }
            Message::OrderReplace(replace) => Market {
                reference: replace.original_order_reference_number.get(),
                other: replace.new_order_reference_number.get(),
                price: Price::from_e4(replace.price.get()),
                qty: Qty(u64::from(replace.shares.get())),
                ..of(Kind::REPLACE)
            },
            Message::OrderCancel(cancel) => Market {
                reference: cancel.order_reference_number.get(),
                qty: Qty(u64::from(cancel.cancelled_shares.get())),
                ..of(Kind::CANCEL)
            },
            Message::AddOrderMpid(add) => {
                let Some(side) = side(add.buy_sell_indicator) else {
                    return self.skip(frame, Flaw::BadSide);
                };
                Market {
                    reference: add.order_reference_number.get(),
                    price: Price::from_e4(add.price.get()),
                    qty: Qty(u64::from(add.shares.get())),
                    side,
                    ..of(Kind::ADD)
                }
            }
            Message::OrderExecutedWithPrice(execution) => {
                let mut market = Market {
                    reference: execution.order_reference_number.get(),
                    other: execution.match_number.get(),
                    price: Price::from_e4(execution.execution_price.get()),
                    qty: Qty(u64::from(execution.executed_shares.get())),
                    ..of(Kind::EXECUTE_AT)
                };
                if execution.printable == code::flag::YES {
                    market.head.flags = Flags::PRINTABLE;
                }
                market
            }
            Message::TradeNonCross(trade) => {
                let Some(side) = side(trade.buy_sell_indicator) else {
                    return self.skip(frame, Flaw::BadSide);
                };
                Market {
                    reference: trade.order_reference_number.get(),
                    other: trade.match_number.get(),
                    price: Price::from_e4(trade.price.get()),
                    qty: Qty(u64::from(trade.shares.get())),
                    side,
                    ..of(Kind::TRADE)
                }
            }
            Message::CrossTrade(cross) => Market {
                other: cross.match_number.get(),
                price: Price::from_e4(cross.cross_price.get()),
                qty: Qty(cross.shares.get()),
                code: cross.cross_type,
                ..of(Kind::CROSS)
            },
            Message::BrokenTrade(broken) => {
                Market { other: broken.match_number.get(), ..of(Kind::BROKEN) }
            }
            Message::SystemEvent(event) => {
                let mut market = Market { code: event.event_code, ..of(Kind::SESSION) };
                market.head.instrument = InstrumentId::NONE;
                market
            }
            Message::StockTradingAction(action) => {
                Market { code: action.trading_state, ..of(Kind::TRADING) }
            }
            Message::OperationalHalt(halt) => {
                Market { code: halt.operational_halt_action, ..of(Kind::HALT) }
            }
            Message::StockDirectory(directory) => {
                let mut market = Market { code: directory.market_category, ..of(Kind::DIRECTORY) };
                market.head.instrument = self.announce(directory);
                market
            }
            Message::RegShoRestriction(_)
            | Message::MarketParticipantPosition(_)
            | Message::MwcbDeclineLevel(_)
            | Message::MwcbStatus(_)
            | Message::IpoQuotingPeriodUpdate(_)
            | Message::LuldAuctionCollar(_)
            | Message::Noii(_)
            | Message::Rpii(_)
            | Message::DlcrPriceDiscovery(_) => return None,
        })
    }

    /// What a frame on an order will be about: kind, instrument and reference, all else blank. Counts nothing. `None` for
    /// other frames.
    #[inline]
    pub fn peek(&self, frame: &[u8]) -> Option<Market> {
        let kind = match *frame.first()? {
            b'A' | b'F' => Kind::ADD,
            b'E' => Kind::EXECUTE,
            b'C' => Kind::EXECUTE_AT,
            b'X' => Kind::CANCEL,
            b'D' => Kind::DELETE,
            b'U' => Kind::REPLACE,
            _ => return None,
        };
        // All of these begin as a delete does, with the reference after the head.
        let (order, _) = OrderDelete::ref_from_prefix(frame).ok()?;
        let instrument = self.instruments[usize::from(order.head.stock_locate.get())];
        let head = Header { instrument, kind, ..Header::default() };
        Some(Market { head, reference: order.order_reference_number.get(), ..Market::default() })
    }

    /// Whether orders may be sent for `id`: it is in the table given, or none was.
    pub fn tradable(&self, id: InstrumentId) -> bool {
        id.0 < self.tradable && id.index() < self.table.len()
    }

    /// The table: what was given, and what the directory added.
    pub fn table(&self) -> &InstrumentTable {
        &self.table
    }

    /// The instrument of a locate code today; `NONE` if it was not announced.
    pub fn instrument(&self, locate: u16) -> InstrumentId {
        self.instruments[usize::from(locate)]
    }

    /// What was met so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Frames decoded so far, of any kind.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The header of a well-formed message but for its kind. Engine time moves on to the message's.
    #[inline]
    fn head(&mut self, head: &itch::Head, cause: Seq) -> Header {
        let time = self.midnight.plus(Nanos(head.timestamp.nanos()));
        if time < self.time {
            self.counts.time_backwards += 1;
        } else {
            self.time = time;
        }
        let instrument = self.instruments[usize::from(head.stock_locate.get())];
        Header { time: self.time, cause, instrument, ..Header::default() }
    }

    /// Learn the instrument of a locate code.
    #[cold]
    fn announce(&mut self, directory: &StockDirectory) -> InstrumentId {
        let id = self.table.find(directory.stock).or_else(|| {
            let shard = ShardId((self.table.len() % usize::from(self.shards)) as u16);
            self.table.add(Instrument { shard, ..Instrument::new(directory.stock) })
        });
        if id.is_none() {
            self.counts.table_full += 1;
        }
        let id = id.unwrap_or(InstrumentId::NONE);
        self.instruments[usize::from(directory.head.stock_locate.get())] = id;
        id
    }

    /// Count a malformed frame, and remember the first with its flaw.
    #[cold]
    fn skip(&mut self, frame: &[u8], flaw: Flaw) -> Option<Market> {
        let malformed = match flaw {
            Flaw::UnknownType => &mut self.counts.unknown_type,
            Flaw::WrongLength => &mut self.counts.wrong_length,
            Flaw::BadSide => &mut self.counts.bad_side,
        };
        malformed.count += 1;
        malformed.first.get_or_insert(Place {
            message: self.messages,
            offset: self.offset - (frame.len() + PREFIX) as u64,
            kind: *frame.first().unwrap_or(&0),
            length: frame.len(),
        });
        None
    }
}

/// The side that a wire byte means.
#[inline]
fn side(byte: u8) -> Option<Side> {
    match byte {
        code::side::BUY => Some(Side::BUY),
        code::side::SELL => Some(Side::SELL),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
