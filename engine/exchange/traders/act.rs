//! What an action becomes: one command.

use super::distributions::{DISTANCE, chance, share};
use super::quote::{Best, Opinion};
use super::{Dice, Hours, Trade, Traders, token};
use crate::base::unit::{Nanos, Side};
use crate::exchange::matching::{
    CancelReason, Command, CrossKind, CrossSession, Display, Enter, Lasts, Matching, Phase,
    Replace, SelfMatch, Terms, is_reserve,
};
use crate::exchange::unit::{Locate, Price4, Reference};

/// Orders that one taker takes at most; in a crash.
const RUN_MAX: u32 = 8;
const CRASH_RUN_MAX: u32 = 32;

/// Where one kind of action ends and the next begins, among 100,000.
const REPLACES: u32 = share::REPLACE;
const CANCELS: u32 = REPLACES + share::CANCEL;
const EXECUTES: u32 = CANCELS + share::EXECUTE;
const TRADES: u32 = EXECUTES + share::TRADE;

/// Chances of what no reference day tells, in 1/65,536.
mod rare {
    /// An order near the best price is a reserve order.
    pub(super) const RESERVE: u32 = 1_600;
    /// A taker in a crash goes on with the next order.
    pub(super) const CRASH_SWEEP: u32 = 58_982;
    /// A taker wants all or nothing.
    pub(super) const ALL: u32 = 3_277;
    /// A taker is the maker himself.
    pub(super) const OWN: u32 = 128;
    /// While prices fall, an action takes, whatever else it would have been; while they recover.
    pub(super) const SELL_OFF: u32 = 20_000;
    pub(super) const BUY_BACK: u32 = 10_000;
}

/// What an action sees.
#[derive(Clone, Copy)]
struct Scene<'a> {
    view: &'a Matching,
    locate: Locate,
    /// The order that was thought of, if it still shows.
    order: Option<(u32, Reference)>,
    /// An order is entered rather than cancelled.
    adds: bool,
    fair: Price4,
    /// It trades continuously.
    open: bool,
    /// Prices fall; or fall or recover.
    falls: bool,
    moves: bool,
}

impl Scene<'_> {
    fn best(&self) -> Best {
        Best::of(self.view, self.locate)
    }
}

impl Traders {
    /// Decides what can be decided of an action before its turn.
    pub(super) fn throw(&mut self, now: Nanos) -> Dice {
        self.regime.turn(&self.by_activity, &mut self.random);
        let locate = self.symbol();
        self.last = locate;
        let (roll, coin) = (self.random.below(100_000), self.random.below(65_536));
        let order = match roll {
            0..CANCELS => self.holdings.pick(locate, false, &mut self.random),
            CANCELS.. if coin >= self.adds(locate) => {
                let recent = self.falls(now) || self.random.chance(chance::FLEETING);
                self.holdings.pick(locate, recent, &mut self.random)
            }
            _ => None,
        };
        Dice { locate, roll, coin, order }
    }

    /// An action.
    pub(super) fn do_as(&mut self, dice: &Dice, view: &Matching, now: Nanos) -> Option<Command> {
        let &Dice { locate, roll, coin, order } = dice;
        if self.random.below(16) == 0 {
            let up = self.random.below(2) == 0;
            self.opinions[usize::from(locate.0) - 1].drift(up);
        }
        let phase = view.phase(locate);
        if phase == Phase::Closed {
            return None;
        }
        let scene = Scene {
            view,
            locate,
            order: order.filter(|&(handle, number)| self.holdings.has(handle, number)),
            adds: coin < self.adds(locate),
            fair: self.fair(locate, now),
            open: phase == Phase::Open,
            falls: self.falls(now),
            moves: self.config.crash.is_some_and(|crash| crash.moves(now)),
        };
        let takes = scene.open && matches!(self.hours, Hours::Trading | Hours::Closing);
        let hurry = if scene.falls { rare::SELL_OFF } else { rare::BUY_BACK };
        if takes && scene.moves && self.random.chance(hurry) {
            return self.take(&scene).or_else(|| self.add_or_cancel(&scene));
        }
        let command = match roll {
            0..REPLACES => self.replace(&scene),
            REPLACES..CANCELS if self.hours != Hours::Building => self.reduce(&scene),
            CANCELS..EXECUTES if takes => self.take(&scene),
            EXECUTES..TRADES if takes => self.hide(&scene),
            _ => None,
        };
        command.or_else(|| self.add_or_cancel(&scene))
    }

    /// In how many of 65,536 cases an order is entered rather than cancelled: such that the symbol keeps its number of orders.
    fn adds(&self, locate: Locate) -> u32 {
        if self.hours == Hours::Building && self.holdings.shown() < self.config.live {
            return chance::BUILDING;
        }
        let (shown, target) = self.holdings.count(locate);
        let lacking = (i64::from(target) - i64::from(shown)) * 32_768 / (i64::from(target) + 1);
        (i64::from(chance::BALANCED) + lacking).clamp(0, 65_536) as u32
    }

    /// An order that shows: the one that was thought of, or another one. `None` if the symbol has none.
    fn any(&mut self, scene: &Scene<'_>) -> Option<(u32, Reference)> {
        scene.order.or_else(|| self.holdings.pick(scene.locate, false, &mut self.random))
    }

    /// An order for a cross alone, of one of the symbols that have one.
    pub(super) fn for_cross(&mut self, kind: CrossKind, now: Nanos) -> Option<Command> {
        if self.waiting >= self.config.waiting_max() || self.config.crosses == 0 {
            return None;
        }
        let place = self.random.below(u32::from(self.config.crosses)) as usize;
        let locate = Locate(*self.ranked.get(place)?);
        let side = self.side();
        let fair = self.fair(locate, now);
        let beyond = self.random.below(10) * super::quote::TICK;
        let limit = if side.is_buy() { fair.0 + beyond } else { fair.0 - beyond };
        let limit = (self.random.below(2) == 0).then_some(Price4(limit));
        self.at_once = true;
        Some(Command::Enter(Enter {
            session: match kind {
                CrossKind::Closing => CrossSession::Closing,
                CrossKind::Opening | CrossKind::Halt => CrossSession::Opening,
            },
            ..self.enter(locate, Trade::Crosser, side, limit)
        }))
    }

    fn add_or_cancel(&mut self, scene: &Scene<'_>) -> Option<Command> {
        if scene.adds {
            self.add(scene).or_else(|| self.cancel(scene))
        } else {
            self.cancel(scene).or_else(|| self.add(scene))
        }
    }

    /// A new order that shows; `None` if the symbol has no room for it.
    fn add(&mut self, scene: &Scene<'_>) -> Option<Command> {
        let handle = self.holdings.reserve(scene.locate)?;
        let side = self.side();
        let distance = self.random.quantile(&DISTANCE);
        let near = distance <= 2;
        let trade = if near { Trade::Maker } else { Trade::Noise };
        let limit = self.place(side, distance, scene);
        let mut enter = self.enter(scene.locate, trade, side, Some(limit));
        enter.token = token::SHOWN << token::SHIFT | u64::from(handle);
        let attributed = self.config.participants;
        if self.random.chance(chance::ATTRIBUTED) {
            enter.participant = attributed;
        } else if enter.participant == attributed {
            enter.participant.0 = attributed.0.wrapping_add(1);
        }
        if near && self.random.chance(rare::RESERVE) {
            enter.terms.display = Display::Reserve(enter.terms.shares);
            enter.terms.shares *= 2 + self.random.below(4);
        } else if near {
            enter.terms.post_only = self.random.below(4) == 0;
        }
        Some(Command::Enter(enter))
    }

    /// An order goes. `None` if the symbol has none.
    fn cancel(&mut self, scene: &Scene<'_>) -> Option<Command> {
        self.any(scene).map(|(_, order)| cancel(order, 0))
    }

    /// Part of an order that shows is cancelled. `None` if no order was found that has parts.
    fn reduce(&mut self, scene: &Scene<'_>) -> Option<Command> {
        let (_, order) = self.any(scene)?;
        let shown = scene.view.order(order)?.shown;
        (shown > 1).then(|| cancel(order, 1 + self.random.below(shown - 1)))
    }

    /// An order is placed anew, by the same chances as a new one. `None` if there is none.
    fn replace(&mut self, scene: &Scene<'_>) -> Option<Command> {
        let (handle, order) = self.any(scene)?;
        let order = scene.view.order(order)?;
        let distance = self.random.quantile(&DISTANCE);
        let limit = self.place(order.side, distance, scene);
        let keep = self.random.chance(chance::SAME_QUANTITY);
        let shares = if keep { order.open } else { self.random.quantity() };
        let display = match order.display {
            Display::Reserve(part) if is_reserve(shares, part) => Display::Reserve(part),
            _ => Display::Full,
        };
        let terms = Terms { shares, display, ..terms(Some(limit)) };
        let token = token::SHOWN << token::SHIFT | u64::from(handle);
        let (order, self_match) = (order.order, SelfMatch::Allow);
        Some(Command::Replace(Replace { order, token, terms, self_match }))
    }

    /// Takes the first order of a side, or some of it, and perhaps the next one too. `None` if a side shows nothing.
    fn take(&mut self, scene: &Scene<'_>) -> Option<Command> {
        let mut side = Opinion::taken_side(scene.best(), scene.fair, &mut self.random)?;
        let (mut most, mut goes_on) = (RUN_MAX, chance::SWEEP);
        if scene.moves {
            (most, goes_on) = (CRASH_RUN_MAX, rare::CRASH_SWEEP);
        }
        if scene.falls && self.random.below(10) > 0 {
            side = Side::BUY;
        }
        let (mut shares, mut last) = (0, None);
        for (run, order) in (1..).zip(scene.view.shown(scene.locate, side)) {
            last = Some(order);
            if order.shown > 1 && !self.random.chance(chance::WHOLE) {
                shares += 1 + self.random.below(order.shown - 1);
                break;
            }
            shares += order.shown;
            if run == most || !self.random.chance(goes_on) {
                break;
            }
        }
        let last = last?;
        let limit = (self.random.below(5) > 0).then_some(last.price);
        let mut enter = self.enter(scene.locate, Trade::Taker, side.opposite(), limit);
        enter.terms.shares = shares;
        enter.terms.lasts = Lasts::Immediate;
        if self.random.chance(rare::ALL) {
            enter.terms.minimum = shares;
        }
        if self.random.chance(rare::OWN) && self.knows(last.participant) {
            enter.participant = last.participant;
            // Not `CancelResting`: it could go through a whole book, and a taker's messages are to be few.
            enter.self_match = match self.random.below(2) {
                0 => SelfMatch::CancelIncoming,
                _ => SelfMatch::DecrementBoth,
            };
        }
        Some(Command::Enter(enter))
    }

    /// An order hides halfway between the best prices, to be found at once; or the one that hides there is found.
    fn hide(&mut self, scene: &Scene<'_>) -> Option<Command> {
        let best = scene.best();
        if self.hidden[usize::from(scene.locate.0) - 1] > 0 {
            return self.find_hidden(scene.view, scene.locate, best);
        }
        let middle = Price4(best.middle()?);
        let side = self.side();
        let mut enter = self.enter(scene.locate, Trade::Hider, side, Some(middle));
        enter.token = token::HIDDEN << token::SHIFT;
        enter.terms.display = Display::Hidden;
        self.ambush = Some(scene.locate);
        Some(Command::Enter(enter))
    }

    /// Takes the symbol's hidden order, or some of it. One that is not alone between the best prices any more is cancelled.
    pub(super) fn find_hidden(
        &mut self,
        view: &Matching,
        locate: Locate,
        best: Best,
    ) -> Option<Command> {
        let hidden = &mut self.hidden[usize::from(locate.0) - 1];
        let reference = Reference(*hidden);
        let Some(order) = view.order(reference) else {
            *hidden = 0;
            return None;
        };
        let within = best.bid.is_none_or(|bid| bid < order.price.0)
            && best.ask.is_none_or(|ask| order.price.0 < ask);
        if !within {
            self.at_once = true;
            return Some(cancel(reference, 0));
        }
        let side = order.side.opposite();
        let mut enter = self.enter(locate, Trade::Taker, side, Some(order.price));
        enter.terms.lasts = Lasts::Immediate;
        enter.terms.shares = if order.open == 1 || self.random.chance(chance::WHOLE) {
            order.open
        } else {
            1 + self.random.below(order.open - 1)
        };
        Some(Command::Enter(enter))
    }

    fn place(&self, side: Side, distance: i32, scene: &Scene<'_>) -> Price4 {
        let opinion = &self.opinions[usize::from(scene.locate.0) - 1];
        if scene.open {
            opinion.quote(side, distance, scene.best(), scene.fair, scene.moves)
        } else {
            opinion.uncross(side, distance, scene.fair)
        }
    }

    /// An order of the usual size.
    fn enter(&mut self, locate: Locate, trade: Trade, side: Side, limit: Option<Price4>) -> Enter {
        let kind = if trade == Trade::Crosser { token::CROSS } else { token::PASSING };
        Enter {
            locate,
            participant: self.participant(trade),
            token: kind << token::SHIFT,
            side,
            terms: Terms { shares: self.random.quantity(), ..terms(limit) },
            session: CrossSession::Continuous,
            self_match: SelfMatch::Allow,
        }
    }
}

fn terms(limit: Option<Price4>) -> Terms {
    Terms {
        limit,
        shares: 0,
        lasts: Lasts::Day,
        display: Display::Full,
        post_only: false,
        minimum: 0,
    }
}

/// So many shares of an order stay open, none: it goes.
pub(super) fn cancel(order: Reference, open: u32) -> Command {
    Command::Reduce { order, open, reason: CancelReason::Requested }
}
