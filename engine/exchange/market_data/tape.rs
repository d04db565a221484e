//! Events -> ITCH 5.0: at most one message for each event.
//!
//! What a reader of the tape may rely on: an order is added before anything else is said of it; executions and cancels
//! never take more shares than it shows; it is gone when none are left, or at its delete, or when it is replaced; times
//! never fall. The events already say which orders show and by which number, so the tape keeps no book: only what was said
//! last of each symbol's state, for those who come late.
//!
//! | event | message |
//! |---|---|
//! | `Displayed` | `A`; `F` if its participant is attributed; `U` if it is the second half of a replace that stays on display |
//! | `Executed` | `E` if the resting order shows, else `P` |
//! | `ExecutedInCross` | `C`, not printable, if the order shows |
//! | `Canceled` | `D` if nothing shows any more, `X` if less shows |
//! | `Replaced` | `D` if the old order showed and the new one is not at once on display |
//! | `Crossed`, `Broken` | `Q`, `B` |
//! | `PhaseSet` | `H`; nothing for `Closed`, which ITCH has no state for: the day's events say it |

mod directory;
#[cfg(test)]
mod tests;

pub use directory::{Listing, TapeConfig};

use crate::base::unit::{Nanos, Side};
use crate::exchange::matching::{CrossKind, Event, Indication, Phase, Resting};
use crate::exchange::unit::{Locate, MatchNumber, Participant, Price4, Reference};
use crate::wire::itch::code::{cross, event, flag, imbalance, side};
use crate::wire::itch::*;
use directory::{TradingState, state};
use zerocopy::{Immutable, IntoBytes};

/// A replace whose new order is about to show.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// What market data knows of the old order.
    old: Reference,
    /// The new order.
    order: Reference,
}

/// Writes the tape. All messages go to the caller's function, in order.
#[derive(Clone, Debug)]
pub struct Tape {
    config: TapeConfig,
    /// By locate - 1: the trading state that was told last.
    states: Vec<TradingState>,
    /// The system event that was told last.
    event: Option<u8>,
    /// The time of the last message.
    time: Nanos,
    pending: Option<Pending>,
}

impl Tape {
    /// A tape on which nothing is written yet.
    pub fn new(mut config: TapeConfig) -> Self {
        config.listings.truncate(usize::from(u16::MAX));
        config.attributions.sort_unstable();
        let states = config.listings.iter().map(Listing::state).collect();
        Self { config, states, event: None, time: Nanos(0), pending: None }
    }

    /// The first messages of a day: its first event, the directory with all states, the decline levels. `now` is in
    /// nanoseconds since midnight in New York, here and below.
    pub fn start(&mut self, now: Nanos, out: &mut impl FnMut(&[u8])) {
        self.system_event(event::START_OF_MESSAGES, now, out);
        self.directory(out);
    }

    /// The next event of the day: one of `wire::itch::code::event`.
    pub fn system_event(&mut self, event_code: u8, now: Nanos, out: &mut impl FnMut(&[u8])) {
        self.event = Some(event_code);
        put(out, &SystemEvent { event_code, ..SystemEvent::new(0, self.at(now)) });
    }

    /// What an event says to everybody. At most one message.
    pub fn on_event(&mut self, event: &Event, now: Nanos, out: &mut impl FnMut(&[u8])) {
        let now = self.at(now);
        match *event {
            Event::Accepted { .. }
            | Event::Rejected { .. }
            | Event::NotLive { .. }
            | Event::SelfMatchPrevented { .. } => {}
            Event::Replaced { old_displayed: None, .. } => {}
            Event::Replaced { old_displayed: Some(old), order, kept_on_display: true, .. } => {
                debug_assert!(self.pending.is_none(), "a replace shows before the next begins");
                self.pending = Some(Pending { old, order });
            }
            Event::Replaced { old_displayed: Some(old), enter, .. } => {
                put(out, &delete(old, enter.locate, now));
            }
            Event::Displayed { order, displayed, shares, .. } => {
                self.displayed(&order, displayed, shares, now, out);
            }
            Event::Executed { resting, shares, price, match_number, .. } => {
                self.executed(&resting, shares, price, match_number, now, out);
            }
            Event::ExecutedInCross { order, shares, price, match_number } => {
                let Some(displayed) = order.displayed else { return };
                put(
                    out,
                    &OrderExecutedWithPrice {
                        order_reference_number: displayed.0.into(),
                        executed_shares: shares.into(),
                        match_number: match_number.0.into(),
                        printable: flag::NO,
                        execution_price: price.0.into(),
                        ..OrderExecutedWithPrice::new(order.locate.0, now)
                    },
                );
            }
            Event::Crossed { locate, kind, shares, price, match_number } => put(
                out,
                &CrossTrade {
                    shares: shares.into(),
                    stock: self.stock(locate),
                    cross_price: price.0.into(),
                    match_number: match_number.0.into(),
                    cross_type: cross_type(kind),
                    ..CrossTrade::new(locate.0, now)
                },
            ),
            Event::Canceled { order, displayed_shares, .. } => {
                canceled(&order, displayed_shares, now, out);
            }
            Event::PhaseSet { locate, phase } => self.phase_set(locate, phase, now, out),
            Event::Broken { match_number, locate } => put(
                out,
                &BrokenTrade {
                    match_number: match_number.0.into(),
                    ..BrokenTrade::new(locate.0, now)
                },
            ),
        }
    }

    /// What would trade in a cross to come: `I`.
    pub fn indication(
        &mut self,
        locate: Locate,
        kind: CrossKind,
        it: &Indication,
        now: Nanos,
        out: &mut impl FnMut(&[u8]),
    ) {
        let imbalance_direction = match it.side {
            Some(Side::BUY) => imbalance::BUY,
            Some(_) => imbalance::SELL,
            None if it.paired == 0 => imbalance::INSUFFICIENT,
            None => imbalance::NONE,
        };
        put(
            out,
            &Noii {
                paired_shares: it.paired.into(),
                imbalance_shares: it.imbalance.into(),
                imbalance_direction,
                stock: self.stock(locate),
                far_price: it.far.0.into(),
                near_price: it.near.0.into(),
                current_reference_price: it.reference.0.into(),
                cross_type: cross_type(kind),
                price_variation_indicator: variation(it.near, it.reference),
                ..Noii::new(locate.0, self.at(now))
            },
        );
    }

    /// Any other message, as it is: what the exchange's operator says about collars, breakers, releases and halts.
    pub fn say(&mut self, message: &(impl IntoBytes + Immutable), out: &mut impl FnMut(&[u8])) {
        self.time = self.time.max(Nanos(frame_time(message.as_bytes())));
        put(out, message);
    }

    /// Symbols of the day.
    pub fn listings(&self) -> &[Listing] {
        &self.config.listings
    }

    /// The time of the last message.
    pub fn time(&self) -> Nanos {
        self.time
    }

    /// The time of the next message.
    fn at(&mut self, now: Nanos) -> u64 {
        self.time = self.time.max(now);
        self.time.0
    }

    /// Blank for a locate that was never given out.
    fn stock(&self, locate: Locate) -> Stock {
        let place = usize::from(locate.0).wrapping_sub(1);
        self.config.listings.get(place).map_or(Stock::BLANK, |listing| listing.symbol)
    }

    fn phase_set(&mut self, locate: Locate, phase: Phase, now: u64, out: &mut impl FnMut(&[u8])) {
        let place = usize::from(locate.0).wrapping_sub(1);
        if let (Some(told), Some(state)) = (self.states.get_mut(place), state(phase)) {
            *told = state;
            self.trading_action(locate, now, out);
        }
    }

    fn displayed(
        &mut self,
        order: &Resting,
        displayed: Reference,
        shares: u32,
        now: u64,
        out: &mut impl FnMut(&[u8]),
    ) {
        match self.pending {
            Some(pending) if pending.order == order.order => {
                self.pending = None;
                put(
                    out,
                    &OrderReplace {
                        original_order_reference_number: pending.old.0.into(),
                        new_order_reference_number: displayed.0.into(),
                        shares: shares.into(),
                        price: order.price.0.into(),
                        ..OrderReplace::new(order.locate.0, now)
                    },
                );
            }
            _ => self.add(order, displayed, shares, now, out),
        }
    }

    fn add(
        &self,
        order: &Resting,
        displayed: Reference,
        shares: u32,
        now: u64,
        out: &mut impl FnMut(&[u8]),
    ) {
        let order_reference_number = displayed.0.into();
        let buy_sell_indicator = if order.side.is_buy() { side::BUY } else { side::SELL };
        let (shares, price) = (shares.into(), order.price.0.into());
        let stock = self.stock(order.locate);
        match self.attribution(order.participant) {
            None => put(
                out,
                &AddOrder {
                    order_reference_number,
                    buy_sell_indicator,
                    shares,
                    stock,
                    price,
                    ..AddOrder::new(order.locate.0, now)
                },
            ),
            Some(attribution) => put(
                out,
                &AddOrderMpid {
                    order_reference_number,
                    buy_sell_indicator,
                    shares,
                    stock,
                    price,
                    attribution,
                    ..AddOrderMpid::new(order.locate.0, now)
                },
            ),
        }
    }

    fn attribution(&self, participant: Participant) -> Option<[u8; 4]> {
        let all = &self.config.attributions;
        let place = all.binary_search_by_key(&participant, |&(whose, _)| whose).ok()?;
        Some(all[place].1)
    }

    fn executed(
        &self,
        resting: &Resting,
        shares: u32,
        price: Price4,
        match_number: MatchNumber,
        now: u64,
        out: &mut impl FnMut(&[u8]),
    ) {
        match resting.displayed {
            Some(displayed) => {
                // `E` has no price: it means the order's own.
                debug_assert_eq!(price, resting.price, "a trade is at the resting order's price");
                put(
                    out,
                    &OrderExecuted {
                        order_reference_number: displayed.0.into(),
                        executed_shares: shares.into(),
                        match_number: match_number.0.into(),
                        ..OrderExecuted::new(resting.locate.0, now)
                    },
                );
            }
            None => put(
                out,
                &TradeNonCross {
                    // Order reference 0 and `B`, whatever the hidden order is: the tape must not tell.
                    buy_sell_indicator: side::BUY,
                    shares: shares.into(),
                    stock: self.stock(resting.locate),
                    price: price.0.into(),
                    match_number: match_number.0.into(),
                    ..TradeNonCross::new(resting.locate.0, now)
                },
            ),
        }
    }
}

fn put(out: &mut impl FnMut(&[u8]), message: &(impl IntoBytes + Immutable)) {
    out(message.as_bytes());
}

fn canceled(order: &Resting, displayed_shares: u32, now: u64, out: &mut impl FnMut(&[u8])) {
    let Some(displayed) = order.displayed.filter(|_| displayed_shares > 0) else { return };
    if order.shown == 0 {
        return put(out, &delete(displayed, order.locate, now));
    }
    put(
        out,
        &OrderCancel {
            order_reference_number: displayed.0.into(),
            cancelled_shares: displayed_shares.into(),
            ..OrderCancel::new(order.locate.0, now)
        },
    );
}

fn delete(displayed: Reference, locate: Locate, now: u64) -> OrderDelete {
    OrderDelete { order_reference_number: displayed.0.into(), ..OrderDelete::new(locate.0, now) }
}

fn cross_type(kind: CrossKind) -> u8 {
    match kind {
        CrossKind::Opening => cross::OPENING,
        CrossKind::Closing => cross::CLOSING,
        CrossKind::Halt => cross::HALT,
    }
}

/// How far `near` is from `reference`, in whole per cent: `L` below 1, `1` to `9`, `A`, `B`, `C` from 10, 20, 30; space if
/// one of them is missing.
fn variation(near: Price4, reference: Price4) -> u8 {
    if near.0 == 0 || reference.0 == 0 {
        return b' ';
    }
    match u64::from(near.0.abs_diff(reference.0)) * 100 / u64::from(reference.0) {
        0 => b'L',
        digit @ 1..=9 => b'0' + digit as u8,
        10..=19 => b'A',
        20..=29 => b'B',
        _ => b'C',
    }
}
