//! Background traders: makers, takers and noise, out of one seed.
//!
//! They are asked for one command at a time, and told every event of the matching core. So the same traders fill a
//! made-up day and trade against clients. Nothing here knows a clock or a socket; memory is taken at start; an action takes
//! the same few steps however many orders live, for the traders know what they own (`holdings`).
//!
//! * **Makers** quote at the best prices around a fair price that drifts, and cancel and replace what they have; some of their
//!   orders are post-only, some show a part only.
//! * **Takers** take what shows, order by order, at a limit or at the market, some of it or nothing; now and then a maker is
//!   the taker and must not meet himself.
//! * **Noise** rests deep in the book.
//! * **Hiders** stand inside the spread, unseen; somebody finds them.
//! * **Crossers** send orders for the opening and the closing cross alone.
//!
//! Activity is skewed over the symbols as measured (`distributions`). Calm and bursts take turns; a crash comes on demand
//! (`regime`). While a symbol is halted the traders know news: orders come around another price, and books cross.
//!
//! ```text
//! loop: now += gap(mean); act(&matching, now) ─► Command ─► matching ─► each Event ─► observe
//! ```

mod act;
mod crash;
pub(super) mod distributions;
mod holdings;
mod quote;
mod regime;
#[cfg(test)]
mod tests;

pub use crash::{Crash, CrashError, CrashPlan};

use crate::base::unit::{Nanos, Side};
use crate::exchange::matching::{
    CancelReason, Command, CrossKind, Event, Limits, Matching, Phase, Resting,
};
use crate::exchange::unit::{Locate, Participant, Price4, Reference};
use distributions::{GAP, Random, Weighted, activity};
use holdings::{Holdings, room};
use quote::{Best, Opinion};
use regime::Regime;

/// Whose attributed orders are, and who makes the market.
pub const MARKET_MAKER: [u8; 4] = *b"NITE";

/// Prices with orders that a symbol has at most: those of the table of distances, on both sides, and drift.
const LEVELS_PER_SYMBOL_MAX: u32 = 4_096;
/// Actions by which the dice are thrown ahead, so that the memory that they need is there when it is their turn.
const AHEAD: usize = 12;
/// Orders that wait for a cross, for each symbol that has one.
const WAITING_PER_CROSS: u32 = 16;

/// What traders there are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradersConfig {
    /// Symbols, at least 1: locates 1 to this.
    pub symbols: u16,
    /// Orders that show, over all symbols, once the books are full. At least 4 a symbol, for a book.
    pub live: u32,
    /// Symbols, the most active ones, that on-open and on-close orders are for.
    pub crosses: u16,
    /// Another seed, other traders.
    pub seed: u64,
    /// The first of their participants; the others follow: see [`Traders::PARTICIPANTS`].
    pub participants: Participant,
    /// A crash, if there is to be one.
    pub crash: Option<Crash>,
}

/// What the traders are up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// They fill the books; then as `Quiet`.
    Building,
    /// Orders come and go, nothing that shows is taken.
    Quiet,
    /// As `Quiet`, and orders for the opening cross come.
    Opening,
    /// All of it.
    Trading,
    /// All of it, and orders for the closing cross come.
    Closing,
}

/// The traders.
pub struct Traders {
    config: TradersConfig,
    random: Random,
    hours: Hours,
    holdings: Holdings,
    /// By locate - 1.
    opinions: Vec<Opinion>,
    /// By locate - 1: the number of the symbol's hidden order, 0 if it has none.
    hidden: Vec<u64>,
    /// Symbols from the most active down.
    ranked: Vec<u16>,
    by_activity: Weighted,
    by_target: Weighted,
    regime: Regime,
    /// The symbol of the last throw.
    last: Locate,
    /// The dice of the actions to come, and which are next.
    dice: [Dice; AHEAD],
    next: usize,
    /// A hidden order of this symbol is about to be found.
    ambush: Option<Locate>,
    /// The last action showed nothing: the next one takes no time.
    at_once: bool,
    /// Orders that wait for a cross.
    waiting: u32,
}

/// What is decided of an action before its turn.
#[derive(Clone, Copy, Debug)]
struct Dice {
    locate: Locate,
    /// What is done: 0 to 99,999.
    roll: u32,
    /// Whether an order is entered or cancelled: 0 to 65,535.
    coin: u32,
    /// The order that it is done to, if it will likely need one: handle and number.
    order: Option<(u32, Reference)>,
}

/// What an order's token says of it, in its highest byte; below it the handle of an order that shows.
mod token {
    pub(super) const SHOWN: u64 = 0;
    pub(super) const PASSING: u64 = 1;
    pub(super) const HIDDEN: u64 = 2;
    pub(super) const CROSS: u64 = 3;
    pub(super) const SHIFT: u32 = 56;
}

/// What a participant does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trade {
    Maker,
    Taker,
    Noise,
    Hider,
    Crosser,
}

impl Trade {
    /// Number of the first participant, and how many there are.
    const fn range(self) -> (u32, u32) {
        match self {
            Self::Maker => (0, 16),
            Self::Taker => (16, 16),
            Self::Noise => (32, 24),
            Self::Hider => (56, 4),
            Self::Crosser => (60, 4),
        }
    }
}

impl Traders {
    /// How many participants they are.
    pub const PARTICIPANTS: u32 = 64;

    /// Traders without orders.
    pub fn new(config: &TradersConfig) -> Self {
        let mut random = Random::new(config.seed);
        let Plan { ranked, activities, targets } = Plan::new(config, &mut random);
        let half_spreads = {
            let mut spreads = vec![0; ranked.len()];
            for (rank, &locate) in (1u32..).zip(&ranked) {
                spreads[usize::from(locate) - 1] = rank * 5 / u32::from(config.symbols);
            }
            spreads
        };
        let opinions =
            half_spreads.into_iter().map(|spread| Opinion::new(spread, &mut random)).collect();
        let weights: Vec<u64> = targets.iter().map(|&target| u64::from(target)).collect();
        let idle = Dice { locate: Locate(1), roll: 0, coin: 0, order: None };
        let mut traders = Self {
            config: *config,
            hours: Hours::Building,
            holdings: Holdings::new(&targets),
            opinions,
            hidden: vec![0; ranked.len()],
            by_activity: Weighted::new(&activities),
            by_target: Weighted::new(&weights),
            ranked,
            regime: Regime::new(&mut random),
            last: Locate(1),
            dice: [idle; AHEAD],
            next: 0,
            ambush: None,
            at_once: false,
            waiting: 0,
            random,
        };
        for place in 0..AHEAD {
            traders.dice[place] = traders.throw(Nanos(0));
        }
        traders
    }

    /// What a matching core must have room for to hold all of their orders.
    pub fn limits(config: &TradersConfig) -> Limits {
        let targets = Plan::new(config, &mut Random::new(config.seed)).targets;
        let beside = usize::from(config.symbols) + config.waiting_max() as usize + 1;
        let orders = |most: u32| -> usize {
            targets.iter().map(|&target| room(target).min(most) as usize).sum::<usize>() + beside
        };
        Limits {
            symbols: config.symbols,
            orders: orders(u32::MAX),
            levels: orders(LEVELS_PER_SYMBOL_MAX),
            participants: Self::PARTICIPANTS as usize,
        }
    }

    /// What they are up to from now on. They begin with [`Hours::Building`].
    pub fn set_hours(&mut self, hours: Hours) {
        self.hours = hours;
        self.ambush = None;
    }

    /// Orders of theirs that show.
    pub fn shown(&self) -> u32 {
        self.holdings.shown()
    }

    /// The symbols, from the most active down.
    pub fn ranked(&self) -> impl Iterator<Item = Locate> {
        self.ranked.iter().map(|&locate| Locate(locate))
    }

    /// A symbol, by how active it is.
    pub fn draw_symbol(&mut self) -> Locate {
        Locate(self.by_activity.draw(&mut self.random) + 1)
    }

    /// What they think that a symbol is worth.
    pub fn fair(&self, locate: Locate, now: Nanos) -> Price4 {
        let down = self.config.crash.map_or(0, |crash| crash.down(now));
        self.opinions[usize::from(locate.0) - 1].fair(down)
    }

    /// Time until the next action, where `mean` is what it is on average.
    pub fn gap(&mut self, mean: Nanos, now: Nanos) -> Nanos {
        if self.ambush.is_some() || self.at_once {
            return Nanos(0);
        }
        let part = u64::from(self.random.quantile(&GAP).unsigned_abs());
        let speed = match self.config.crash {
            Some(crash) if crash.falls(now) => regime::FALL_GAP,
            Some(crash) if crash.moves(now) => regime::RECOVERY_GAP,
            _ => self.regime.gap(),
        };
        let gap = (u128::from(mean.0) * u128::from(part * u64::from(speed))) >> 32;
        Nanos(u64::try_from(gap).unwrap_or(u64::MAX))
    }

    /// The next action, if its symbol is not closed.
    #[inline]
    pub fn act(&mut self, view: &Matching, now: Nanos) -> Option<Command> {
        self.at_once = false;
        if let Some(locate) = self.ambush.take()
            && let Some(command) = self.find_hidden(view, locate, Best::of(view, locate))
        {
            return Some(command);
        }
        let crosser = match self.hours {
            Hours::Opening if self.random.below(4) == 0 => Some(CrossKind::Opening),
            Hours::Closing if self.random.below(32) == 0 => Some(CrossKind::Closing),
            _ => None,
        };
        if let Some(command) = crosser.and_then(|kind| self.for_cross(kind, now)) {
            return Some(command);
        }
        let thrown = self.throw(now);
        let dice = std::mem::replace(&mut self.dice[self.next], thrown);
        self.next = (self.next + 1) % AHEAD;
        self.look_ahead(view, &thrown);
        self.do_as(&dice, view, now)
    }

    /// Memory that actions to come will need is asked for, three steps of one after the other.
    #[inline]
    fn look_ahead(&self, view: &Matching, thrown: &Dice) {
        let soon = |turns: usize| &self.dice[(self.next + turns) % AHEAD];
        for (step, dice) in (0..).zip([thrown, soon(2 * AHEAD / 3), soon(AHEAD / 3)]) {
            if let Some((handle, order)) = dice.order {
                view.hint(&act::cancel(order, 0), step);
                if step == 0 {
                    self.holdings.hint(handle);
                }
            }
        }
    }

    /// What the core did.
    #[inline]
    pub fn observe(&mut self, event: &Event) {
        match *event {
            Event::Accepted { order, enter } if self.knows(enter.participant) => {
                match enter.token >> token::SHIFT {
                    token::SHOWN => self.holdings.name(enter.token as u32, order),
                    token::HIDDEN => self.hidden[usize::from(enter.locate.0) - 1] = order.0,
                    token::CROSS => self.waiting += 1,
                    _ => {}
                }
            }
            Event::Replaced { order, enter, .. } if self.knows(enter.participant) => {
                self.holdings.name(enter.token as u32, order);
            }
            Event::Displayed { order, refill: false, .. } if self.knows(order.participant) => {
                self.holdings.show(order.token as u32, order.order);
            }
            Event::Rejected { participant, token, .. }
                if self.knows(participant) && token >> token::SHIFT == token::SHOWN =>
            {
                self.holdings.refused(token as u32);
            }
            Event::Executed { ref resting, ref incoming, .. } => {
                self.stands(resting);
                self.stands(incoming);
            }
            Event::ExecutedInCross { ref order, .. } | Event::Canceled { ref order, .. } => {
                self.stands(order);
            }
            Event::PhaseSet { locate, phase: Phase::Halted } => {
                if let Some(opinion) = self.opinions.get_mut(usize::from(locate.0).wrapping_sub(1))
                {
                    opinion.jump(&mut self.random);
                }
            }
            _ => {}
        }
    }

    /// Cancels of all that does not show: what is left then never trades with an order that meets nothing that shows.
    pub fn withdraw_unseen(&self) -> impl Iterator<Item = Command> + use<> {
        let (first, _) = Trade::Hider.range();
        let (last, count) = Trade::Crosser.range();
        let own = self.config.participants.0;
        (first..last + count).map(move |number| Command::CancelAll {
            participant: Participant(own.wrapping_add(number)),
            locate: None,
            side: None,
            reason: CancelReason::Requested,
        })
    }

    /// Whether it is one of them.
    fn knows(&self, participant: Participant) -> bool {
        participant.0.wrapping_sub(self.config.participants.0) < Self::PARTICIPANTS
    }

    /// An order stands like this now.
    fn stands(&mut self, order: &Resting) {
        if order.open > 0 || !self.knows(order.participant) {
            return;
        }
        match order.token >> token::SHIFT {
            token::SHOWN => self.holdings.gone(order.token as u32),
            token::HIDDEN => {
                let hidden = &mut self.hidden[usize::from(order.locate.0) - 1];
                if Reference(*hidden) == order.order {
                    *hidden = 0;
                }
            }
            token::CROSS => self.waiting -= 1,
            _ => {}
        }
    }

    /// What the next action is about.
    fn symbol(&mut self) -> Locate {
        if self.hours == Hours::Building {
            return Locate(self.by_target.draw(&mut self.random) + 1);
        }
        match self.regime.about() {
            Some(locate) if self.random.chance(regime::ABOUT_IT) => locate,
            _ if self.random.chance(distributions::chance::SAME_SYMBOL) => self.last,
            _ => self.draw_symbol(),
        }
    }

    /// Whether prices fall.
    fn falls(&self, now: Nanos) -> bool {
        self.config.crash.is_some_and(|crash| crash.falls(now))
    }

    fn side(&mut self) -> Side {
        if self.random.below(2) == 0 { Side::BUY } else { Side::SELL }
    }

    /// One of those who do this.
    fn participant(&mut self, trade: Trade) -> Participant {
        let (first, count) = trade.range();
        let number = first + self.random.below(count);
        Participant(self.config.participants.0.wrapping_add(number))
    }
}

impl TradersConfig {
    fn waiting_max(&self) -> u32 {
        u32::from(self.crosses) * WAITING_PER_CROSS
    }
}

/// Who is how active, and how many orders each symbol should have.
struct Plan {
    ranked: Vec<u16>,
    activities: Vec<u64>,
    targets: Vec<u32>,
}

impl Plan {
    fn new(config: &TradersConfig, random: &mut Random) -> Self {
        let mut ranked: Vec<u16> = (1..=config.symbols).collect();
        for place in (1..ranked.len()).rev() {
            ranked.swap(place, random.below(place as u32 + 1) as usize);
        }
        let mut activities = vec![0; ranked.len()];
        for (rank, &locate) in (1u32..).zip(&ranked) {
            activities[usize::from(locate) - 1] = activity(rank);
        }
        // Half of the live orders are spread evenly, half by activity: as measured.
        let symbols = u128::from(config.symbols);
        let total: u128 = activities.iter().map(|&weight| u128::from(weight)).sum();
        let target = |&weight: &u64| {
            let parts = u128::from(config.live) * (total + symbols * u128::from(weight));
            ((parts + symbols * total) / (2 * symbols * total)) as u32
        };
        let targets = activities.iter().map(target).collect();
        Self { ranked, activities, targets }
    }
}
