//! What goes wrong on connections and in the market itself: ends, refusals, late answers, executions taken back.

use super::value::{Chance, below};
use super::{Faults, Stream};
use crate::base::unit::Nanos;
use crate::exchange::matching::Command;
use crate::exchange::unit::{Locate, MatchNumber};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// Executions that wait to be taken back, at most.
const BUSTS_MAX: usize = 1_024;

/// The end of one connection, at a byte of what it sends.
#[derive(Clone, Debug)]
pub struct ConnectionFaults {
    /// Bytes that may still be sent; `None`: all.
    left: Option<u64>,
}

impl ConnectionFaults {
    /// The fate of the connection of order entry with this number, from 0 in the order in which they are made.
    pub fn new(faults: &Faults, number: u64) -> Self {
        let &Faults { disconnect_after, disconnect_within, disconnect_times, .. } = faults;
        let random = faults.random(Stream::Connection(number));
        Self::drawn(random, number, disconnect_after, disconnect_within, disconnect_times)
    }

    /// As [`ConnectionFaults::new`], of the snapshot service.
    pub fn of_snapshots(faults: &Faults, number: u64) -> Self {
        let (after, within) = (faults.snapshot_disconnect_after, faults.snapshot_disconnect_within);
        let random = faults.random(Stream::SnapshotConnection(number));
        Self::drawn(random, number, after, within, faults.snapshot_disconnect_times)
    }

    fn drawn(mut random: ChaCha8Rng, number: u64, after: u64, within: u64, times: u64) -> Self {
        let drawn = below(&mut random, within);
        let spared = times != 0 && number >= times;
        let after = (after > 0).then_some(after);
        let within = (within > 0).then_some(drawn + 1);
        let left = after.into_iter().chain(within).min().filter(|_| !spared);
        Self { left }
    }

    /// How many of the next `bytes` may be sent. If fewer than all: send those, then close the connection.
    pub fn allow(&mut self, bytes: usize) -> usize {
        let Some(left) = &mut self.left else { return bytes };
        let allowed = usize::try_from(*left).map_or(bytes, |left| left.min(bytes));
        *left -= allowed as u64;
        allowed
    }

    /// Whether the connection is to be closed: all that it may send is sent.
    pub fn is_over(&self) -> bool {
        self.left == Some(0)
    }
}

/// Logins that are refused though nothing is wrong with them.
#[derive(Clone, Debug)]
pub struct LoginFaults {
    random: ChaCha8Rng,
    left: u32,
    chance: Chance,
}

impl LoginFaults {
    /// No login of order entry was tried yet.
    pub fn new(faults: &Faults) -> Self {
        let random = faults.random(Stream::Logins);
        Self { random, left: faults.login_refusals, chance: faults.login_refusal_chance }
    }

    /// No login of the snapshot service was tried yet.
    pub fn of_snapshots(faults: &Faults) -> Self {
        let (left, chance) = (faults.snapshot_login_refusals, faults.snapshot_login_refusal_chance);
        Self { random: faults.random(Stream::SnapshotLogins), left, chance }
    }

    /// Whether the next login is refused.
    pub fn refuses(&mut self) -> bool {
        let drawn = self.chance.strikes(&mut self.random);
        let early = self.left > 0;
        self.left = self.left.saturating_sub(1);
        early || drawn
    }
}

/// Answers that are late. Those to one account's orders keep their order: those behind a late one wait for it.
#[derive(Clone, Debug)]
pub struct AnswerFaults {
    random: ChaCha8Rng,
    chance: Chance,
    delay: Nanos,
    last: Nanos,
}

impl AnswerFaults {
    /// No answer yet to the orders of the account with this number.
    pub fn of_orders(faults: &Faults, number: u64) -> Self {
        let random = faults.random(Stream::Acks(number));
        let (chance, delay) = (faults.ack_delay_chance, faults.ack_delay.0);
        Self { random, chance, delay, last: Nanos(0) }
    }

    /// No snapshot yet on the connection with this number.
    pub fn of_snapshots(faults: &Faults, number: u64) -> Self {
        let random = faults.random(Stream::Snapshot(number));
        let (chance, delay) = (faults.snapshot_delay_chance, faults.snapshot_delay.0);
        Self { random, chance, delay, last: Nanos(0) }
    }

    /// When the next answer, ready at `now`, may leave: not before the one ahead of it.
    pub fn leaves_at(&mut self, now: Nanos) -> Nanos {
        let late = self.chance.strikes(&mut self.random);
        let at = if late { now.plus(self.delay) } else { now };
        self.last = self.last.max(at);
        self.last
    }
}

/// Executions and crosses that are taken back after a while. Market data says the match number once, and each client that was in
/// it is told: ITCH breaks by the match number of an execution, a hidden trade or a cross, OUCH the same order by order.
#[derive(Clone, Debug)]
pub struct BustFaults {
    random: ChaCha8Rng,
    chance: Chance,
    delay: Nanos,
    waiting: VecDeque<(Nanos, Command)>,
    spared: u64,
}

impl BustFaults {
    /// Nothing was executed yet.
    pub fn new(faults: &Faults) -> Self {
        Self {
            random: faults.random(Stream::Busts),
            chance: faults.bust,
            delay: faults.bust_delay.0,
            waiting: VecDeque::with_capacity(BUSTS_MAX),
            spared: 0,
        }
    }

    /// An execution, or a cross. It may be taken back.
    pub fn on_execution(&mut self, locate: Locate, match_number: MatchNumber, now: Nanos) {
        if !self.chance.strikes(&mut self.random) {
            return;
        }
        if self.waiting.len() == BUSTS_MAX {
            self.spared += 1;
            return;
        }
        let command = Command::Break { match_number, locate };
        self.waiting.push_back((now.plus(self.delay), command));
    }

    /// The next command for the core that takes an execution back; `None` if none is due.
    pub fn due(&mut self, now: Nanos) -> Option<Command> {
        let due = self.next_due()? <= now;
        if due { self.waiting.pop_front().map(|(_, command)| command) } else { None }
    }

    /// When the next execution is taken back.
    pub fn next_due(&self) -> Option<Nanos> {
        self.waiting.front().map(|&(due, _)| due)
    }

    /// Executions that were not taken back because too many waited for it.
    pub fn spared(&self) -> u64 {
        self.spared
    }
}
