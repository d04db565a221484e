//! The matching core: command in, events out. No I/O, no clock, and no allocation after start.
//!
//! Priority: price, then what shows before what is hidden, then time. An arriving order trades at the resting order's price.
//! A reserve order whose shown part is gone shows its next part at once, behind all that shows at its price.
//!
//! What the commands leave open:
//! * Every symbol begins in `Quoting`. A command about a symbol, a cross or a match that does not exist does nothing.
//! * An entry is looked at in this order: symbol, quantity, price, terms, minimum, phase, room. A replace with bad terms takes the
//!   original with it (`BadReplace`); refused for its phase it leaves the original as it was.
//! * An order that comes with a minimum and finds less does not trade: it rests if it may. So an order that was passed by for
//!   its minimum can stand across from others, until one comes that is large enough; a shown order never does that to another.
//! * A post-only order that would meet any order is cancelled whole, its own participant's included.
//! * The arriving order's [`SelfMatch`] decides. A cross prevents nothing, and passes orders with a minimum by.
//! * A reduction takes what is hidden of a reserve order first, so that market data need not hear of it.
//! * Orders of a cross do not show and cannot be reserve or post-only, nor have a minimum. Their `lasts` means nothing.

mod arrive;
mod clearing;
mod command;
mod cross;
mod event;
mod hint;
mod levels;
mod orders;
mod terms;
mod tree;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use clearing::Indication;
pub use command::*;
pub use event::*;
pub use terms::{PARTS_MAX, PRICE_MAX, SHARES_MAX, is_reserve};

use crate::base::pool::touched;
use crate::base::unit::Side;
use crate::exchange::unit::{Locate, MatchNumber, Price4, Reference};
use levels::{FRONT, LadderId, Levels};
use orders::OrderPool;
use tree::NONE;

/// How much is set aside at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Symbols: locates 1 to this.
    pub symbols: u16,
    /// Live orders. An order that might rest is rejected while there are so many.
    pub orders: usize,
    /// Prices with orders, over all symbols and sides. What would rest at one more is cancelled.
    pub levels: usize,
    /// Participants with live orders. What would rest of one more is cancelled.
    pub participants: usize,
}

#[derive(Clone, Copy)]
struct Symbol {
    phase: Phase,
    /// Whether the opening and the closing cross were.
    over: [bool; 2],
    /// Of the last execution or cross; 0 before.
    last: Price4,
}

/// The books of all symbols.
pub struct Matching {
    /// By locate.
    symbols: Vec<Symbol>,
    levels: Levels,
    orders: OrderPool,
    /// The last one given out.
    references: u64,
    /// The last one given out.
    matches: u64,
}

impl Matching {
    /// Memory that these limits take, in bytes: all of it from the start.
    pub fn bytes(limits: &Limits) -> usize {
        (usize::from(limits.symbols) + 1) * size_of::<Symbol>()
            + Levels::bytes(limits.levels, limits.symbols)
            + OrderPool::bytes(limits.orders, limits.participants)
    }

    /// Empty books, with room for so much.
    pub fn new(limits: &Limits) -> Self {
        let symbol = Symbol { phase: Phase::Quoting, over: [false; 2], last: Price4(0) };
        Self {
            symbols: touched(usize::from(limits.symbols) + 1, symbol),
            levels: Levels::new(limits.levels, limits.symbols),
            orders: OrderPool::new(limits.orders, limits.participants),
            references: 0,
            matches: 0,
        }
    }

    /// Does what the command says, and tells each change.
    #[inline]
    pub fn apply(&mut self, command: &Command, events: &mut impl FnMut(Event)) {
        match *command {
            Command::Enter(ref enter) => self.enter(enter, events),
            Command::Replace(ref replace) => self.replace(replace, events),
            Command::Reduce { order, open, reason } => self.reduce(order, open, reason, events),
            Command::CancelAll { participant, locate, side, reason } => {
                let mut slot = match self.orders.owner(participant) {
                    NONE => NONE,
                    owner => self.orders.owned(owner).oldest,
                };
                while slot != NONE {
                    let (level, younger) = (self.orders[slot].level, self.orders.younger(slot));
                    let ladder = self.levels[level].ladder;
                    if locate.is_none_or(|locate| locate == ladder.locate())
                        && side.is_none_or(|side| side == ladder.side())
                    {
                        self.cancel(slot, reason, events);
                        self.levels.retire(level);
                    }
                    slot = younger;
                }
            }
            Command::SetPhase { locate, phase } if self.knows(locate) => {
                if phase == Phase::Open && self.is_crossed(locate) {
                    self.cross(locate, CrossKind::Halt, self.middle(locate), events);
                }
                self.symbols[usize::from(locate.0)].phase = phase;
                events(Event::PhaseSet { locate, phase });
            }
            Command::Cross { locate, kind, near } if self.knows(locate) => {
                self.cross(locate, kind, near, events);
            }
            Command::Break { match_number, locate } if self.knows(locate) => {
                if (1..=self.matches).contains(&match_number.0) {
                    events(Event::Broken { match_number, locate });
                }
            }
            Command::SetPhase { .. } | Command::Cross { .. } | Command::Break { .. } => {}
        }
    }

    /// How many orders are live.
    pub fn live(&self) -> usize {
        self.orders.len()
    }

    /// A live order.
    pub fn order(&self, order: Reference) -> Option<Resting> {
        self.orders.find(order).map(|slot| self.view(slot))
    }

    /// All live orders, those that wait for a cross included, in no order that means anything: the same for the same commands.
    pub fn iter(&self) -> impl Iterator<Item = Resting> {
        self.orders.slots().map(|slot| self.view(slot))
    }

    /// What holds for a symbol; `Closed` if there is no such symbol.
    pub fn phase(&self, locate: Locate) -> Phase {
        if self.knows(locate) { self.symbols[usize::from(locate.0)].phase } else { Phase::Closed }
    }

    /// Price of a symbol's last execution or cross, `None` if there was none yet.
    pub fn last(&self, locate: Locate) -> Option<Price4> {
        let symbol = self.symbols.get(usize::from(locate.0))?;
        (symbol.last.0 > 0).then_some(symbol.last)
    }

    /// The best price of a side at which shares show, and how many.
    pub fn best(&self, locate: Locate, side: Side) -> Option<(Price4, u64)> {
        let level = self.book(locate, side).find(|level| level.shown > 0)?;
        Some((level.price(), level.shown))
    }

    /// The orders that show, bids first, each side in the order in which they trade.
    pub fn displayed(&self, locate: Locate) -> impl Iterator<Item = Resting> {
        [Side::BUY, Side::SELL].into_iter().flat_map(move |side| self.shown(locate, side))
    }

    /// The orders of a side that show, in the order in which they trade.
    pub fn shown(&self, locate: Locate, side: Side) -> impl Iterator<Item = Resting> {
        self.book(locate, side).flat_map(|level| self.queue(level, FRONT)).map(|o| self.view(o))
    }

    /// Number of the last execution or cross; 0 before the first.
    pub fn last_match(&self) -> MatchNumber {
        MatchNumber(self.matches)
    }

    fn knows(&self, locate: Locate) -> bool {
        locate.0 > 0 && usize::from(locate.0) < self.symbols.len()
    }

    /// The levels of one side of a book, best first; none of an unknown symbol.
    fn book(&self, locate: Locate, side: Side) -> impl Iterator<Item = &levels::Level> {
        let known = self.knows(locate);
        let locate = if known { locate } else { Locate(0) };
        self.levels.of(LadderId::new(locate, CrossSession::Continuous, side))
    }

    /// The slots of a queue, first to trade first.
    fn queue(&self, level: &levels::Level, queue: usize) -> impl Iterator<Item = u32> {
        let mut at = level.queues[queue].head;
        std::iter::from_fn(move || {
            let slot = (at != NONE).then_some(at)?;
            at = self.orders[slot].next;
            Some(slot)
        })
    }

    #[inline]
    fn view(&self, slot: u32) -> Resting {
        let order = &self.orders[slot];
        let level = &self.levels[order.level];
        Resting {
            order: Reference(order.reference),
            locate: level.ladder.locate(),
            participant: self.orders.owned(order.owner).participant,
            token: order.token,
            side: level.ladder.side(),
            price: level.price(),
            open: order.open,
            display: order.display(),
            displayed: (order.displayed > 0).then_some(Reference(order.displayed)),
            shown: order.shown,
        }
    }

    fn reduce(
        &mut self,
        order: Reference,
        open: u32,
        reason: CancelReason,
        events: &mut impl FnMut(Event),
    ) {
        let Some(slot) = self.orders.find(order) else {
            return events(Event::NotLive { order });
        };
        let found = &self.orders[slot];
        let Some(shares) = found.open.checked_sub(open).filter(|&shares| shares > 0) else {
            return;
        };
        let (level, displayed_shares) = (found.level, found.shown.saturating_sub(open));
        let order = self.lower(slot, shares, displayed_shares);
        self.levels.retire(level);
        events(Event::Canceled { order, shares, displayed_shares, reason });
    }

    /// Cancels all of an order. Its level stays, even if it is empty.
    fn cancel(&mut self, slot: u32, reason: CancelReason, events: &mut impl FnMut(Event)) {
        let (shares, displayed_shares) = (self.orders[slot].open, self.orders[slot].shown);
        let order = self.lower(slot, shares, displayed_shares);
        events(Event::Canceled { order, shares, displayed_shares, reason });
    }

    /// Takes shares off an order, so many of them shown ones, and the order out if none are left; its level stays. The order as
    /// it stands then.
    #[inline]
    fn lower(&mut self, slot: u32, shares: u32, shown: u32) -> Resting {
        let order = &mut self.orders[slot];
        order.open -= shares;
        order.shown -= shown;
        let (at, gone, conditional) = (order.level, order.open == 0, order.is_conditional());
        let view = self.view(slot);
        let level = &mut self.levels[at];
        level.open -= u64::from(shares);
        level.shown -= u64::from(shown);
        if conditional {
            level.conditional -= u64::from(shares);
        }
        if gone {
            level.orders -= 1;
            self.orders.unlink(level, slot);
            self.orders.remove(slot);
        }
        view
    }

    /// Shows the next part of a reserve order whose shown part is gone, behind all that shows at its price.
    fn refill(&mut self, slot: u32, events: &mut impl FnMut(Event)) {
        self.references += 1;
        let order = &mut self.orders[slot];
        let shares = order.next_part();
        (order.shown, order.displayed) = (shares, self.references);
        let level = &mut self.levels[order.level];
        level.shown += u64::from(shares);
        self.orders.unlink(level, slot);
        self.orders.link(level, slot);
        let (order, displayed) = (self.view(slot), Reference(self.references));
        events(Event::Displayed { order, displayed, shares, refill: true });
    }
}
