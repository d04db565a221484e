//! The board: figures that the live parts of a running engine keep, and that whoever looks reads.
//!
//! What must hold. Each figure has one writer, a shard, and writing it is one store that waits for nobody: figures of
//! two writers never share a cache line. A reader takes them one by one, so two figures of a [`View`] can be a moment
//! apart; only what is held of an instrument is read as a whole, because a position and the cost of another one would
//! make a profit that never was.
#![forbid(unsafe_code)]

mod holding;
mod latencies;
mod risk;
mod view;

pub use holding::Held;
pub use latencies::{Distribution, LatencyFigures};
pub use risk::{RISK_SLOTS, RiskFigures, RiskView, ScopeView, USE_NAMES, USES, Use};
pub use view::{FeedView, GatewayView, PositionView, Rates, Stated, TradingView, View};

use crate::base::code::Code;
use crate::base::unit::{InstrumentId, Nanos, OrderState, Price};
use holding::Holdings;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Lines that a feed comes by: A and B.
pub const LINES: usize = 2;
/// States that an order can end in, and one that stands for all that are not known: places by `OrderState`.
pub const STATES: usize = 8;

/// One figure: written by one shard, read by anybody.
#[derive(Debug, Default)]
pub struct Figure(AtomicU64);

impl Figure {
    /// It is this now.
    #[inline]
    pub fn set(&self, value: u64) {
        // Relaxed here and below: no figure says anything of another.
        self.0.store(value, Ordering::Relaxed);
    }

    /// So many more. For its one writer: of two at a time, one would be lost.
    #[inline]
    pub fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// What it is.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the feed's shard says.
#[derive(Debug, Default)]
// Lines are fetched in pairs.
#[repr(align(128))]
pub struct FeedFigures {
    /// Where the feed stands: a place among the names that the board was made with.
    pub state: Figure,
    /// Packets by line.
    pub packets: [Figure; LINES],
    /// Messages handed on.
    pub messages: Figure,
    /// Gaps found.
    pub gaps_seen: Figure,
    /// Of those, closed by what came after all: where a snapshot stepped in, messages are lost.
    pub gaps_healed: Figure,
    /// Messages that never came.
    pub lost: Figure,
    /// Requests for what was missed.
    pub rerequests: Figure,
    /// Snapshots taken in.
    pub snapshots: Figure,
    /// Packets that the kernel had no room for.
    pub kernel_drops: Figure,
}

/// What the gateway's shard says.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct GatewayFigures {
    /// Where the session stands: a place among the names that the board was made with.
    pub phase: Figure,
    /// New orders written.
    pub orders: Figure,
    /// Replaces written.
    pub replaces: Figure,
    /// Cancels written.
    pub cancels: Figure,
    /// New orders and replaces refused there.
    pub refused: Figure,
    /// Numbered messages of the exchange.
    pub messages: Figure,
    /// Orders that are open.
    pub open: Figure,
    /// Connections made.
    pub connections: Figure,
    /// Logins accepted.
    pub logins: Figure,
    /// The reference of the next order.
    pub next_reference: Figure,
}

/// What the log's shard says of orders and positions.
#[derive(Debug)]
#[repr(align(128))]
pub struct TradingFigures {
    /// Fills.
    pub fills: Figure,
    /// Fills that the venue took back.
    pub broken: Figure,
    /// Orders that ended, by state.
    ended: [Figure; STATES],
    /// Orders refused, or cancelled for a reason of the venue's own: by place in `Code::ALL`, others last.
    refusals: Box<[Figure]>,
    holdings: Holdings,
}

impl TradingFigures {
    fn new(instruments: usize) -> Self {
        Self {
            fills: Figure::default(),
            broken: Figure::default(),
            ended: Default::default(),
            refusals: (0..=Code::ALL.len()).map(|_| Figure::default()).collect(),
            holdings: Holdings::new(instruments),
        }
    }

    /// An order ended in this state, for this reason if it has one.
    pub fn end(&self, state: OrderState, code: Code) {
        let place = usize::from(state.0);
        self.ended[if place < STATES { place } else { 0 }].add(1);
        if code != Code::NONE {
            // Codes rise: a test of theirs says so.
            let place = Code::ALL.binary_search(&code).unwrap_or(Code::ALL.len());
            self.refusals[place].add(1);
        }
    }

    /// What is held of an instrument now. Ids beyond the board's are dropped.
    pub fn hold(&self, instrument: InstrumentId, held: &Held) {
        self.holdings.write(instrument, held);
    }
}

/// The last price of an instrument: on a line of its own, since neighbours can belong to two book shards.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Mark(AtomicI64);

#[derive(Debug)]
struct Shared {
    feed: FeedFigures,
    gateway: GatewayFigures,
    trading: TradingFigures,
    risk: RiskFigures,
    latency: LatencyFigures,
    marks: Box<[Mark]>,
    states: &'static [&'static str],
    phases: &'static [&'static str],
}

/// All figures of a running engine. Clones share them.
#[derive(Clone, Debug)]
pub struct Board(Arc<Shared>);

impl Board {
    /// A board on which all is zero, for ids below `instruments`; `states` of the feed and `phases` of the gateway are
    /// what their numbers are called.
    pub fn new(
        instruments: usize,
        states: &'static [&'static str],
        phases: &'static [&'static str],
    ) -> Self {
        Self(Arc::new(Shared {
            feed: FeedFigures::default(),
            gateway: GatewayFigures::default(),
            trading: TradingFigures::new(instruments),
            risk: RiskFigures::new(instruments),
            latency: LatencyFigures::default(),
            marks: (0..instruments).map(|_| Mark::default()).collect(),
            states,
            phases,
        }))
    }

    /// For the feed's shard.
    #[inline]
    pub fn feed(&self) -> &FeedFigures {
        &self.0.feed
    }

    /// For the gateway's shard.
    #[inline]
    pub fn gateway(&self) -> &GatewayFigures {
        &self.0.gateway
    }

    /// For the log's shard.
    #[inline]
    pub fn trading(&self) -> &TradingFigures {
        &self.0.trading
    }

    /// For the risk shard.
    #[inline]
    pub fn risk(&self) -> &RiskFigures {
        &self.0.risk
    }

    /// For the shard that sends: from the market's bytes to the order's.
    #[inline]
    pub fn latency(&self) -> &LatencyFigures {
        &self.0.latency
    }

    /// For the book shard that owns the instrument, while there is a position in it: what it is worth. A price of zero
    /// says that there is none. Ids beyond the board's are dropped.
    #[inline]
    pub fn mark(&self, instrument: InstrumentId, price: Price) {
        if let Some(mark) = self.0.marks.get(instrument.index()) {
            mark.0.store(price.0, Ordering::Relaxed);
        }
    }

    /// What it says at `now`.
    pub fn view(&self, now: Nanos) -> View {
        let Shared { feed, gateway, trading, risk, latency, marks, states, phases } = &*self.0;
        let refusals = trading.refusals.iter().map(Figure::get);
        let codes = Code::ALL.iter().copied().chain([Code(u16::MAX)]);
        let positions = trading.holdings.read().map(|(instrument, held)| {
            let mark = marks[instrument.index()].0.load(Ordering::Relaxed);
            PositionView { instrument, held, mark: (mark != 0).then_some(Price(mark)) }
        });
        View {
            at: now,
            feed: FeedView {
                state: Stated::new(feed.state.get(), states),
                packets: feed.packets.each_ref().map(Figure::get),
                messages: feed.messages.get(),
                gaps_seen: feed.gaps_seen.get(),
                gaps_healed: feed.gaps_healed.get(),
                lost: feed.lost.get(),
                rerequests: feed.rerequests.get(),
                snapshots: feed.snapshots.get(),
                kernel_drops: feed.kernel_drops.get(),
            },
            gateway: GatewayView {
                phase: Stated::new(gateway.phase.get(), phases),
                orders: gateway.orders.get(),
                replaces: gateway.replaces.get(),
                cancels: gateway.cancels.get(),
                refused: gateway.refused.get(),
                messages: gateway.messages.get(),
                open: gateway.open.get(),
                connections: gateway.connections.get(),
                logins: gateway.logins.get(),
                next_reference: gateway.next_reference.get(),
            },
            trading: TradingView {
                fills: trading.fills.get(),
                broken: trading.broken.get(),
                ended: trading.ended.each_ref().map(Figure::get),
                refusals: codes.zip(refusals).filter(|(_, count)| *count > 0).collect(),
            },
            risk: risk.view(),
            positions: positions.collect(),
            latency: latency.read(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unit::{Position, Qty};
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn board(instruments: usize) -> Board {
        Board::new(instruments, &["down", "live"], &["over", "open"])
    }

    #[test]
    fn what_is_set_is_seen_and_what_is_not_is_zero() {
        let (board, now) = (board(2), Nanos(5));
        board.feed().state.set(1);
        board.gateway().phase.set(9);
        board.feed().packets[1].set(7);
        board.gateway().orders.add(2);
        board.gateway().orders.add(2);
        let view = board.clone().view(now);
        let names = [&*view.feed.state.name, &*view.gateway.phase.name];
        assert_eq!((view.at, names), (now, ["live", "9?"]));
        assert_eq!((view.feed.packets, view.gateway.orders), ([0, 7], 4));
        assert_eq!((view.positions.len(), view.trading.refusals.len()), (0, 0));
        assert_eq!(view.latency.count(), 0);
    }

    #[test]
    fn orders_end_by_state_and_codes_have_places_of_their_own() {
        let board = board(0);
        for code in Code::ALL.iter().copied().chain([Code(77), Code(50_000)]) {
            board.trading().end(OrderState::REFUSED, code);
        }
        board.trading().end(OrderState::FILLED, Code::NONE);
        board.trading().end(OrderState(200), Code::NONE);
        let trading = board.view(Nanos(0)).trading;
        assert_eq!(trading.ended(OrderState::REFUSED), Code::ALL.len() as u64 + 2);
        assert_eq!((trading.ended(OrderState::FILLED), trading.ended[0]), (1, 1));
        let ones = trading.refusals.iter().filter(|(_, count)| *count == 1).count();
        assert_eq!(ones, Code::ALL.len());
        assert_eq!(trading.refusals.last(), Some(&(Code(u16::MAX), 2)), "those without a name");
    }

    #[test]
    fn a_position_has_the_mark_of_its_instrument_and_what_was_never_traded_is_none() {
        let board = board(3);
        let held = Held { position: Position(-4), traded: Qty(4), ..Held::default() };
        board.trading().hold(InstrumentId(2), &held);
        board.trading().hold(InstrumentId(2), &held);
        board.trading().hold(InstrumentId(3), &held);
        board.mark(InstrumentId(1), Price(8));
        board.mark(InstrumentId::NONE, Price(8));
        let positions = board.view(Nanos(0)).positions;
        let unmarked = PositionView { instrument: InstrumentId(2), held, mark: None };
        assert_eq!(positions, [unmarked]);
        board.mark(InstrumentId(2), Price(9));
        assert_eq!(board.view(Nanos(0)).positions[0].mark, Some(Price(9)));
    }

    #[test]
    fn another_thread_sees_figures_rise() {
        const INSTRUMENTS: u32 = 3;
        let writer = board(INSTRUMENTS as usize);
        let reader = writer.clone();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..=200_000_u32 {
                    writer.feed().messages.add(1);
                    writer.latency().record(u64::from(n));
                    let held = Held { position: Position(n.into()), ..Held::default() };
                    writer.trading().hold(InstrumentId(n % INSTRUMENTS), &held);
                }
                done.store(true, Ordering::Release);
            });
            let (mut last, mut looks) = (reader.view(Nanos(0)), 0);
            while !done.load(Ordering::Acquire) || looks == 0 {
                let view = reader.view(Nanos(0));
                assert!(view.feed.messages >= last.feed.messages);
                assert!(view.latency.count() >= last.latency.count());
                assert!(view.positions.len() >= last.positions.len());
                (last, looks) = (view, looks + 1);
            }
        });
        let view = reader.view(Nanos(0));
        assert_eq!((view.feed.messages, view.latency.count()), (200_000, 200_000));
        assert_eq!(view.positions.len(), INSTRUMENTS as usize);
    }

    #[test]
    fn no_two_writers_share_a_line() {
        let Shared { feed, gateway, trading, risk, latency, .. } = &*board(1).0;
        let places = [
            std::ptr::from_ref(feed).addr(),
            std::ptr::from_ref(gateway).addr(),
            std::ptr::from_ref(trading).addr(),
            std::ptr::from_ref(risk).addr(),
            std::ptr::from_ref(latency).addr(),
        ];
        assert!(places.iter().all(|place| place % 128 == 0), "{places:?}");
        assert_eq!(size_of::<Mark>(), 64);
    }
}
