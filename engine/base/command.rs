//! What a person, or the end of a run, asks of a running engine.
//!
//! Flags for what is for good, a short queue for what concerns a scope. The kill switch of the firm is a word of its own: it
//! never finds a full queue, and route looks at it before every write. It counts how often it was pulled, so that a resume
//! takes back only what was pulled before it was asked for.
#![forbid(unsafe_code)]

use super::unit::{AccountId, InstrumentId, Level, StrategyId};
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Commands that can wait at a time; as many more that stop something find a place behind them.
pub const WAITING_MAX: usize = 16;

/// How wide a command reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything that the engine trades.
    Firm,
    /// One account.
    Account(AccountId),
    /// One strategy.
    Strategy(StrategyId),
    /// One instrument, whoever trades it.
    Instrument(InstrumentId),
}

impl Scope {
    /// Its level.
    pub const fn level(self) -> Level {
        match self {
            Self::Firm => Level::FIRM,
            Self::Account(_) => Level::ACCOUNT,
            Self::Strategy(_) => Level::STRATEGY,
            Self::Instrument(_) => Level::INSTRUMENT,
        }
    }

    /// The number of its account or strategy; 0 for the others.
    pub const fn id(self) -> u32 {
        match self {
            Self::Account(AccountId(id)) => id,
            Self::Strategy(StrategyId(id)) => id as u32,
            Self::Firm | Self::Instrument(_) => 0,
        }
    }

    /// Its instrument; `NONE` for the others.
    pub const fn instrument(self) -> InstrumentId {
        if let Self::Instrument(id) = self { id } else { InstrumentId::NONE }
    }

    /// The scope of a message: its level, id and instrument. `None` if there is no such level, or no instrument.
    pub const fn of(level: Level, id: u32, instrument: InstrumentId) -> Option<Self> {
        Some(match level {
            Level::FIRM => Self::Firm,
            Level::ACCOUNT => Self::Account(AccountId(id)),
            Level::STRATEGY => Self::Strategy(StrategyId(id as u16)),
            Level::INSTRUMENT if instrument.0 != InstrumentId::NONE.0 => {
                Self::Instrument(instrument)
            }
            _ => return None,
        })
    }
}

/// Something that is asked of a scope, or of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Refuse what is new, cancel what is open.
    Kill(Scope),
    /// Let through only what can but reduce a position.
    ReduceOnly(Scope),
    /// Trade again.
    Resume(Scope),
    /// The limits of this version are in force from here on.
    Limits(u32),
}

impl Command {
    /// Whether it stops something: it is not to wait for those that do not.
    const fn stops(self) -> bool {
        matches!(self, Self::Kill(_) | Self::ReduceOnly(_))
    }
}

/// As many commands wait as can: ask again in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as many commands wait as can: ask again in a moment")
    }
}

impl std::error::Error for Full {}

/// Commands from any thread; the shards that they concern see them at their next turn. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Commands(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The firm's kill switch: whether it is pulled (lowest bit), and how often it was.
    kill: AtomicU64,
    flatten: AtomicBool,
    stop: AtomicBool,
    end: AtomicBool,
    /// How many wait: nobody takes the lock for none.
    count: AtomicUsize,
    /// Each with how often the switch had been pulled when it was asked.
    waiting: Mutex<VecDeque<(Command, u64)>>,
}

const PULLED: u64 = 1;

impl Commands {
    /// Nothing was asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuse what is new, cancel what is open, of the whole firm: from now on, until the firm is resumed.
    pub fn kill(&self) {
        let pull = |word: u64| Some((word | PULLED).wrapping_add(2));
        // The closure never declines.
        let _ = self.0.kill.fetch_update(Ordering::AcqRel, Ordering::Acquire, pull);
    }

    /// Asks for `command`. A kill of the firm is never too many.
    ///
    /// # Errors
    /// If too many wait.
    pub fn ask(&self, command: Command) -> Result<(), Full> {
        if command == Command::Kill(Scope::Firm) {
            self.kill();
            return Ok(());
        }
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let most = if command.stops() { 2 * WAITING_MAX } else { WAITING_MAX };
        if waiting.len() >= most {
            return Err(Full);
        }
        waiting.push_back((command, self.kills()));
        self.0.count.store(waiting.len(), Ordering::Release);
        Ok(())
    }

    /// The next command that was asked for, for the one shard that takes them; it waits for nobody. When it is a resume of
    /// the firm, the kill switch is let go of; one that was overtaken by another kill is dropped.
    #[inline]
    pub fn take(&self) -> Option<Command> {
        if self.0.count.load(Ordering::Acquire) == 0 { None } else { self.take_waiting() }
    }

    #[cold]
    fn take_waiting(&self) -> Option<Command> {
        let mut waiting = self.0.waiting.try_lock().ok()?;
        while let Some((command, kills)) = waiting.pop_front() {
            self.0.count.store(waiting.len(), Ordering::Release);
            if command != Command::Resume(Scope::Firm) {
                return Some(command);
            }
            let release = |word: u64| (word >> 1 == kills).then_some(word & !PULLED);
            let kill = &self.0.kill;
            if kill.fetch_update(Ordering::AcqRel, Ordering::Acquire, release).is_ok() {
                return Some(command);
            }
        }
        None
    }

    /// Let no strategy decide any more, cancel what is open, trade positions down to none.
    pub fn flatten(&self) {
        self.0.flatten.store(true, Ordering::Release);
    }

    /// Cancel what is open, wait for the answers, log out. New orders are refused.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
    }

    /// Read no more of the feed: the run is over once all that is under way has come back.
    pub fn end(&self) {
        self.0.end.store(true, Ordering::Release);
    }

    /// Whether the firm's kill switch is pulled.
    pub fn killed(&self) -> bool {
        self.0.kill.load(Ordering::Acquire) & PULLED != 0
    }

    /// How often the firm's kill switch was pulled.
    pub fn kills(&self) -> u64 {
        self.0.kill.load(Ordering::Acquire) >> 1
    }

    /// Whether `flatten` was asked.
    pub fn flattens(&self) -> bool {
        self.0.flatten.load(Ordering::Acquire)
    }

    /// Whether `stop` was asked.
    pub fn stops(&self) -> bool {
        self.0.stop.load(Ordering::Acquire)
    }

    /// Whether `end` was asked.
    pub fn ends(&self) -> bool {
        self.0.end.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_command_is_seen_by_all_who_share_it_and_implies_no_other() {
        let commands = Commands::new();
        let seen = commands.clone();
        commands.kill();
        assert!(seen.killed() && !seen.flattens() && !seen.stops() && !seen.ends());
        assert_eq!((seen.kills(), seen.take()), (1, None));
    }

    #[test]
    fn commands_of_scopes_come_in_order_and_no_more_than_can_wait() {
        let commands = Commands::new();
        let account = |id| Command::Kill(Scope::Account(AccountId(id)));
        let most = 2 * WAITING_MAX as u32;
        for id in 0..most {
            // What stops something finds room where nothing else does.
            let full = id >= WAITING_MAX as u32;
            assert!(!full || commands.ask(Command::Limits(2)) == Err(Full));
            commands.ask(account(id)).unwrap();
        }
        assert_eq!(commands.ask(account(most)), Err(Full));
        assert_eq!(commands.ask(Command::Kill(Scope::Firm)), Ok(()), "it never is one too many");
        assert!(commands.killed());
        let taken: Vec<_> = std::iter::from_fn(|| commands.take()).collect();
        assert_eq!(taken, (0..most).map(account).collect::<Vec<_>>());
        commands.ask(Command::Limits(2)).unwrap();
        assert_eq!((commands.take(), commands.take()), (Some(Command::Limits(2)), None));
    }

    #[test]
    fn only_the_firm_s_own_resume_lets_go_of_its_switch_and_a_later_kill_wins() {
        let commands = Commands::new();
        commands.kill();
        let strategy = Command::Resume(Scope::Strategy(StrategyId(1)));
        commands.ask(strategy).unwrap();
        assert_eq!((commands.take(), commands.killed()), (Some(strategy), true));
        let firm = Command::Resume(Scope::Firm);
        commands.ask(firm).unwrap();
        assert!(commands.killed(), "not before it is taken");
        assert_eq!((commands.take(), commands.killed()), (Some(firm), false));
        commands.kill();
        commands.ask(firm).unwrap();
        commands.kill();
        assert_eq!((commands.take(), commands.killed(), commands.kills()), (None, true, 3));
        commands.ask(firm).unwrap();
        assert_eq!((commands.take(), commands.killed()), (Some(firm), false));
        commands.ask(firm).unwrap();
        assert_eq!(commands.take(), Some(firm), "the gate may have killed of its own accord");
    }

    #[test]
    fn no_kill_is_lost_to_a_resume_at_the_same_time() {
        let commands = Commands::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let _ = commands.ask(Command::Resume(Scope::Firm));
                    commands.take();
                }
            });
            for _ in 0..20_000 {
                commands.kill();
            }
        });
        assert_eq!(commands.kills(), 20_000);
        while commands.take().is_some() {}
        commands.kill();
        assert!(commands.killed());
    }

    #[test]
    fn a_scope_comes_back_from_the_words_of_a_message() {
        for scope in [
            Scope::Firm,
            Scope::Account(AccountId(u32::MAX)),
            Scope::Strategy(StrategyId(7)),
            Scope::Instrument(InstrumentId(0)),
        ] {
            assert_eq!(Scope::of(scope.level(), scope.id(), scope.instrument()), Some(scope));
        }
        assert_eq!(Scope::of(Level::INSTRUMENT, 0, InstrumentId::NONE), None);
        assert_eq!(Scope::of(Level(4), 0, InstrumentId(0)), None);
    }
}
