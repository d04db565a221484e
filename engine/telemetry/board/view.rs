//! What a look at the board shows: plain values, and rates between two looks.
#![forbid(unsafe_code)]

use super::{Distribution, Held, LINES, RiskView, STATES};
use crate::base::code::Code;
use crate::base::unit::{InstrumentId, Money, Nanos, OrderState, Price};

const SECOND: u128 = 1_000_000_000;

/// A state: its number, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// As it was set.
    pub number: u64,
    /// What the board's maker calls it; the number and `?` if it has no name.
    pub name: std::borrow::Cow<'static, str>,
}

impl Stated {
    pub(super) fn new(number: u64, names: &'static [&'static str]) -> Self {
        let known = usize::try_from(number).ok().and_then(|place| names.get(place));
        let name = known.map_or_else(|| format!("{number}?").into(), |name| (*name).into());
        Self { number, name }
    }
}

/// The board at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// When it was looked at.
    pub at: Nanos,
    /// The feed.
    pub feed: FeedView,
    /// The gateway.
    pub gateway: GatewayView,
    /// Orders that ended, and fills.
    pub trading: TradingView,
    /// The gate: trading states and limits.
    pub risk: RiskView,
    /// What was ever traded, in the order in which it first was.
    pub positions: Vec<PositionView>,
    /// From the market's bytes to the order's, since the start.
    pub latency: Distribution,
}

/// The feed: counts since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedView {
    /// Where it stands.
    pub state: Stated,
    /// Packets by line.
    pub packets: [u64; LINES],
    /// Messages handed on.
    pub messages: u64,
    /// Gaps found.
    pub gaps_seen: u64,
    /// Of those, closed by what came after all, not by a snapshot.
    pub gaps_healed: u64,
    /// Messages that never came.
    pub lost: u64,
    /// Requests for what was missed.
    pub rerequests: u64,
    /// Snapshots taken in.
    pub snapshots: u64,
    /// Packets that the kernel had no room for.
    pub kernel_drops: u64,
}

/// The gateway: counts since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayView {
    /// Where the session stands.
    pub phase: Stated,
    /// New orders written.
    pub orders: u64,
    /// Replaces written.
    pub replaces: u64,
    /// Cancels written.
    pub cancels: u64,
    /// New orders and replaces refused there.
    pub refused: u64,
    /// Numbered messages of the exchange.
    pub messages: u64,
    /// Orders that are open now.
    pub open: u64,
    /// Connections made.
    pub connections: u64,
    /// Logins accepted.
    pub logins: u64,
    /// The reference of the next order.
    pub next_reference: u64,
}

/// Orders and fills: counts since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradingView {
    /// Fills.
    pub fills: u64,
    /// Fills that the venue took back.
    pub broken: u64,
    /// Orders that ended, by state; the first for states that have no place.
    pub ended: [u64; STATES],
    /// How many orders each code ended, those that did; the largest code stands for all that are not known.
    pub refusals: Vec<(Code, u64)>,
}

impl TradingView {
    /// Orders that ended in a state.
    pub fn ended(&self, state: OrderState) -> u64 {
        self.ended.get(usize::from(state.0)).copied().unwrap_or(0)
    }
}

/// What is held of an instrument, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionView {
    /// Of what.
    pub instrument: InstrumentId,
    /// How much, and at what cost.
    pub held: Held,
    /// The last price, if there is one.
    pub mark: Option<Price>,
}

impl PositionView {
    /// What the open position is worth at its mark, or at its cost if there is none; negative for a short one.
    pub fn value(&self) -> Money {
        let Held { position, multiplier, cost, .. } = self.held;
        let units = i128::from(position.0) * i128::from(multiplier);
        self.mark.map_or(cost, |mark| Money(units.saturating_mul(i128::from(mark.0))))
    }

    /// What the open position would bring at its mark, less its cost; nothing while it has no mark.
    pub fn unrealised(&self) -> Option<Money> {
        if self.held.position.0 == 0 {
            return Some(Money::ZERO);
        }
        self.mark.map(|_| Money(self.value().0.saturating_sub(self.held.cost.0)))
    }
}

/// What went on between two looks, a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Packets by line.
    pub packets: [u64; LINES],
    /// Messages of the feed handed on.
    pub messages: u64,
    /// New orders written.
    pub orders: u64,
    /// Replaces written.
    pub replaces: u64,
    /// Cancels written.
    pub cancels: u64,
    /// Numbered messages of the exchange.
    pub answers: u64,
    /// Fills.
    pub fills: u64,
    /// Latencies of what was sent between the looks: these are counts, not rates.
    pub latency: Distribution,
}

impl Rates {
    /// From `earlier` to `later`; all zero if no time passed.
    pub fn between(earlier: &View, later: &View) -> Self {
        let nanos = later.at.since(earlier.at).0;
        if nanos == 0 {
            return Self::default();
        }
        let rate = |then: u64, now: u64| {
            let count = u128::from(now.saturating_sub(then));
            u64::try_from(count * SECOND / u128::from(nanos)).unwrap_or(u64::MAX)
        };
        let (feed, fed) = (&earlier.feed, &later.feed);
        let (gateway, sent) = (&earlier.gateway, &later.gateway);
        Self {
            packets: std::array::from_fn(|line| rate(feed.packets[line], fed.packets[line])),
            messages: rate(feed.messages, fed.messages),
            orders: rate(gateway.orders, sent.orders),
            replaces: rate(gateway.replaces, sent.replaces),
            cancels: rate(gateway.cancels, sent.cancels),
            answers: rate(gateway.messages, sent.messages),
            fills: rate(earlier.trading.fills, later.trading.fills),
            latency: later.latency.since(&earlier.latency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Board;
    use super::*;
    use crate::base::unit::Position;

    #[test]
    fn rates_are_by_the_time_that_passed() {
        let board = Board::new(0, &[], &[]);
        board.feed().messages.set(100);
        board.gateway().cancels.set(50);
        board.latency().record(10);
        let earlier = board.view(Nanos(1_000_000_000));
        board.feed().messages.set(600);
        board.feed().packets[1].set(30);
        board.gateway().cancels.set(40);
        board.latency().record(20);
        let later = board.view(Nanos(1_500_000_000));
        let rates = Rates::between(&earlier, &later);
        assert_eq!((rates.messages, rates.packets), (1_000, [0, 60]));
        assert_eq!(rates.cancels, 0, "what steps back has no rate");
        assert_eq!((rates.latency.count(), rates.latency.quantile(500)), (1, 20));
        assert_eq!(Rates::between(&later, &later), Rates::default());
        assert_eq!(Rates::between(&later, &earlier), Rates::default());
    }

    #[test]
    fn a_position_is_worth_its_mark_and_unknown_without_one() {
        let held =
            Held { position: Position(-10), cost: Money(-500), multiplier: 2, ..Held::default() };
        let marked = PositionView { instrument: InstrumentId(0), held, mark: Some(Price(20)) };
        assert_eq!((marked.value(), marked.unrealised()), (Money(-400), Some(Money(100))));
        let unmarked = PositionView { mark: None, ..marked };
        assert_eq!((unmarked.value(), unmarked.unrealised()), (Money(-500), None));
        let flat = PositionView { held: Held::default(), ..unmarked };
        assert_eq!((flat.value(), flat.unrealised()), (Money::ZERO, Some(Money::ZERO)));
    }
}
