//! ITCH frames -> [`Market`] messages: the hottest code of ingest.
//!
//! Every frame is counted by its type. A well-formed frame of a kind that the book needs becomes one `Market`; other
//! well-formed frames become nothing; a malformed one is skipped, and the first of each flaw is remembered with its place.
//! Engine time is the message's own and never steps back. So one timestamp that is damaged and too high would hold all
//! that follow at its time: a leap forward waits for whoever reads the frames to look at those behind
//! ([`Decoder::judge_leap`]). Nothing is allocated but for a directory message.

use crate::base::instrument::{Instrument, InstrumentTable, Symbol};
use crate::base::message::{Flags, Header, Kind, Market};
use crate::base::unit::{InstrumentId, Nanos, Price, Qty, Seq, ShardId, Side};
use crate::wire::frame::PREFIX;
use crate::wire::itch::{
    self, AddOrder, AddOrderMpid, Message, OrderCancel, OrderDelete, OrderExecuted,
    OrderExecutedWithPrice, OrderReplace, StockDirectory, TradeNonCross, code,
};
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
    /// Messages timed after their day's end, or far ahead of those behind them.
    pub bad_time: Malformed,
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
    /// Its number among the frames decoded, from 1, over all files.
    pub message: u64,
    /// Which file it is in, from 0.
    pub file: usize,
    /// Bytes of the file's frames before, prefixes included: where its prefix is. Of a capture, in the frames that it brings.
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
            bad_time: Malformed::default(),
            time_backwards: 0,
            table_full: 0,
        }
    }
}

impl Counts {
    /// Frames skipped as malformed.
    pub fn malformed(&self) -> u64 {
        let flaws = [self.unknown_type, self.wrong_length, self.bad_side, self.bad_time];
        flaws.iter().map(|flaw| flaw.count).sum()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, offset, kind, length, .. } = self;
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
    BadTime,
}

/// A step of time above this is a leap.
pub const LEAP: Nanos = Nanos(1_000_000_000);
/// Timestamps are below.
const DAY: Nanos = Nanos(24 * 3600 * 1_000_000_000);

/// What is thought of a leap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leap {
    /// There is none.
    None,
    /// Its frame was shown, and not yet decoded.
    Met,
    Believed,
    Doubted,
}

/// Turns the frames of one day into messages.
#[derive(Clone, Debug)]
pub struct Decoder {
    midnight: Nanos,
    /// Engine time of the last message.
    time: Nanos,
    leap: Leap,
    /// Which file the frames are of, and bytes of its frames so far, prefixes included.
    file: usize,
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
            leap: Leap::None,
            file: 0,
            offset: 0,
            instruments: Box::new([InstrumentId::NONE; 1 << 16]),
            table: table.unwrap_or_default(),
            tradable,
            shards: shards.clamp(1, 256),
            counts: Counts::default(),
        }
    }

    /// What follows is the next file of the day.
    pub fn next_file(&mut self) {
        self.file += 1;
        self.offset = 0;
    }

    /// The message in `frame`, whose packet or place in the file is `seq`. `None` if the engine has no use for it, or if it
    /// is malformed. Every leap is believed.
    pub fn decode(&mut self, frame: &[u8], seq: Seq) -> Option<Market> {
        let mut market = Market::default();
        let mut done = self.decode_into(frame, seq, &mut market);
        if self.leapt() {
            self.judge_leap(true);
            done = self.decode_into(frame, seq, &mut market);
        }
        done.then_some(market)
    }

    /// Whether the last frame was not decoded, nor counted, because its time leaps. It is to be judged, and then decoded
    /// again.
    pub fn leapt(&self) -> bool {
        self.leap == Leap::Met
    }

    /// The next frame's leap is believed, or the frame is malformed.
    pub fn judge_leap(&mut self, believed: bool) {
        self.leap = if believed { Leap::Believed } else { Leap::Doubted };
    }

    /// As `decode`, written to where it will be used: a copy made at once would wait for each field's store. False, with
    /// anything in `market`, if there is none, or if `leapt`.
    #[inline]
    pub fn decode_into(&mut self, frame: &[u8], seq: Seq, market: &mut Market) -> bool {
        self.offset += (frame.len() + PREFIX) as u64;
        self.counts.by_type[usize::from(*frame.first().unwrap_or(&0))] += 1;
        let &[kind, ..] = frame else { return self.skip(frame, Flaw::WrongLength) };
        // One look in a table, so that the match below is the only branch on what comes.
        let length = itch::length(kind);
        if length != Some(frame.len()) {
            let flaw = if length.is_some() { Flaw::WrongLength } else { Flaw::UnknownType };
            return self.skip(frame, flaw);
        }
        let Some(head) = self.head(frame, seq) else { return false };
        *market = Market { head, ..Market::default() };
        market.head.kind = match kind {
            AddOrder::KIND | AddOrderMpid::KIND => {
                // The one with an MPID begins as the other does.
                let Ok((add, _)) = AddOrder::ref_from_prefix(frame) else { return false };
                let Some(side) = side(add.buy_sell_indicator) else {
                    return self.skip(frame, Flaw::BadSide);
                };
                market.reference = add.order_reference_number.get();
                market.price = Price::from_e4(add.price.get());
                market.qty = Qty(u64::from(add.shares.get()));
                market.side = side;
                Kind::ADD
            }
            OrderDelete::KIND => {
                let Ok(delete) = OrderDelete::ref_from_bytes(frame) else { return false };
                market.reference = delete.order_reference_number.get();
                Kind::DELETE
            }
            OrderReplace::KIND => {
                let Ok(replace) = OrderReplace::ref_from_bytes(frame) else { return false };
                market.reference = replace.original_order_reference_number.get();
                market.other = replace.new_order_reference_number.get();
                market.price = Price::from_e4(replace.price.get());
                market.qty = Qty(u64::from(replace.shares.get()));
                Kind::REPLACE
            }
            OrderExecuted::KIND => {
                let Ok(execution) = OrderExecuted::ref_from_bytes(frame) else { return false };
                market.reference = execution.order_reference_number.get();
                market.other = execution.match_number.get();
                market.qty = Qty(u64::from(execution.executed_shares.get()));
                market.head.flags = Flags::PRINTABLE;
                Kind::EXECUTE
            }
            OrderExecutedWithPrice::KIND => {
                let Ok(execution) = OrderExecutedWithPrice::ref_from_bytes(frame) else {
                    return false;
                };
                market.reference = execution.order_reference_number.get();
                market.other = execution.match_number.get();
                market.price = Price::from_e4(execution.execution_price.get());
                market.qty = Qty(u64::from(execution.executed_shares.get()));
                if execution.printable == code::flag::YES {
                    market.head.flags = Flags::PRINTABLE;
                }
                Kind::EXECUTE_AT
            }
            OrderCancel::KIND => {
                let Ok(cancel) = OrderCancel::ref_from_bytes(frame) else { return false };
                market.reference = cancel.order_reference_number.get();
                market.qty = Qty(u64::from(cancel.cancelled_shares.get()));
                Kind::CANCEL
            }
            TradeNonCross::KIND => {
                let Ok(trade) = TradeNonCross::ref_from_bytes(frame) else { return false };
                let Some(side) = side(trade.buy_sell_indicator) else {
                    return self.skip(frame, Flaw::BadSide);
                };
                market.reference = trade.order_reference_number.get();
                market.other = trade.match_number.get();
                market.price = Price::from_e4(trade.price.get());
                market.qty = Qty(u64::from(trade.shares.get()));
                market.side = side;
                Kind::TRADE
            }
            _ => return self.seldom(frame, market),
        };
        true
    }

    /// The kinds of message of which a day has few. `market` has its header.
    #[inline(never)]
    fn seldom(&mut self, frame: &[u8], market: &mut Market) -> bool {
        let Ok(message) = itch::parse(frame) else { return false };
        market.head.kind = match message {
            Message::SystemEvent(event) => {
                market.head.instrument = InstrumentId::NONE;
                market.code = event.event_code;
                Kind::SESSION
            }
            Message::StockDirectory(directory) => {
                market.head.instrument = self.announce(directory);
                market.reference = directory.stock.number();
                market.other = u64::from(self.tradable(market.head.instrument));
                market.code = directory.market_category;
                Kind::DIRECTORY
            }
            Message::StockTradingAction(action) => {
                market.code = action.trading_state;
                Kind::TRADING
            }
            Message::OperationalHalt(halt) => {
                market.code = halt.operational_halt_action;
                Kind::HALT
            }
            Message::RegShoRestriction(restriction) => {
                market.code = restriction.reg_sho_action;
                Kind::SHORT_SALE
            }
            Message::CrossTrade(cross) => {
                market.other = cross.match_number.get();
                market.price = Price::from_e4(cross.cross_price.get());
                market.qty = Qty(cross.shares.get());
                market.code = cross.cross_type;
                Kind::CROSS
            }
            Message::BrokenTrade(broken) => {
                market.other = broken.match_number.get();
                Kind::BROKEN
            }
            _ => return false,
        };
        true
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

    /// Whether the day's directory has announced `symbol`. Looks through all locate codes.
    pub fn announced(&self, symbol: Symbol) -> bool {
        self.table.find(symbol).is_some_and(|id| self.instruments.contains(&id))
    }

    /// What was met so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Frames decoded so far, of any kind.
    pub fn messages(&self) -> u64 {
        self.counts.by_type.iter().sum()
    }

    /// The header of a well-formed message but for its kind. Engine time moves on to the message's.
    #[inline(always)]
    fn head(&mut self, frame: &[u8], cause: Seq) -> Option<Header> {
        let (head, _) = itch::Head::ref_from_prefix(frame).ok()?;
        let own = Nanos(head.timestamp.nanos());
        let time = self.midnight.plus(own);
        // A step back is above it too.
        let odd = time.0.wrapping_sub(self.time.0) > LEAP.0 || own >= DAY;
        self.time = if odd { self.odd_time(frame, own)? } else { time };
        let instrument = self.instruments[usize::from(head.stock_locate.get())];
        Some(Header { time: self.time, cause, instrument, ..Header::default() })
    }

    /// The engine time of a message whose `own` time steps back, leaps or is none of this day; `None` if it has none (yet).
    #[cold]
    fn odd_time(&mut self, frame: &[u8], own: Nanos) -> Option<Nanos> {
        let time = self.midnight.plus(own);
        let leap = std::mem::replace(&mut self.leap, Leap::None);
        if own < DAY && time < self.time {
            self.counts.time_backwards += 1;
            return Some(self.time);
        }
        if own >= DAY || leap == Leap::Doubted {
            self.skip(frame, Flaw::BadTime);
            return None;
        }
        if leap == Leap::Believed {
            return Some(time);
        }
        self.leap = Leap::Met;
        self.offset -= (frame.len() + PREFIX) as u64;
        self.counts.by_type[usize::from(*frame.first()?)] -= 1;
        None
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
    fn skip(&mut self, frame: &[u8], flaw: Flaw) -> bool {
        let message = self.messages();
        let malformed = match flaw {
            Flaw::UnknownType => &mut self.counts.unknown_type,
            Flaw::WrongLength => &mut self.counts.wrong_length,
            Flaw::BadSide => &mut self.counts.bad_side,
            Flaw::BadTime => &mut self.counts.bad_time,
        };
        malformed.count += 1;
        malformed.first.get_or_insert(Place {
            message,
            file: self.file,
            offset: self.offset - (frame.len() + PREFIX) as u64,
            kind: *frame.first().unwrap_or(&0),
            length: frame.len(),
        });
        false
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
