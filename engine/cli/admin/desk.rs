//! What is answered: commands to the shards and whether they were seen done, limits, and how the gate stands.

use super::protocol::{Answer, Request, StateWord};
use super::scope::{ScopeName, scopes_of};
use crate::base::clock::Wall;
use crate::base::code::Code;
use crate::base::command::{Command, Commands, Scope};
use crate::base::instrument::{InstrumentTable, Symbols};
use crate::base::message::Report;
use crate::base::unit::{AccountId, Level, Nanos, StrategyId, TradingState};
use crate::journal::{Audit, Latches};
use crate::risk::LimitsInbox;
use crate::telemetry::{Board, RiskView, ScopeView, USE_NAMES};
use crate::topology::limits::{Control, LimitsFile};
use serde_json::json;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What was asked is seen done within this, or it is said that it was not.
const DONE_WITHIN: Nanos = Nanos(2_000_000_000);
/// Between two looks at the board.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Between two words to the gate that other limits wait: it may have found them in use.
const TELL_EVERY: Nanos = Nanos(250_000_000);
/// Refusals that are remembered.
const REFUSALS: usize = 16;
/// Longest name and reason, in bytes.
const WORDS_MAX: usize = 200;

/// The last refusals: written by the log's observer, read by whoever looks. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals(Arc<Mutex<VecDeque<Report>>>);

impl Refusals {
    /// One more; the oldest makes room.
    pub(crate) fn push(&self, record: &Report) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == REFUSALS {
            last.pop_front();
        }
        last.push_back(*record);
    }

    /// The last ones, the oldest first.
    pub(crate) fn last(&self) -> Vec<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// What serving the administrator takes.
pub(crate) struct Desk {
    /// Where shards look.
    pub(crate) commands: Commands,
    /// What shards show.
    pub(crate) board: Board,
    /// The last refusals.
    pub(crate) refusals: Refusals,
    /// Names of instruments.
    pub(crate) symbols: Symbols,
    /// Instruments.
    pub(crate) table: Arc<InstrumentTable>,
    /// Where it is kept who asked.
    pub(crate) audit: Audit,
    /// The file of the latches, if there is one.
    pub(crate) latches: Option<PathBuf>,
    /// The limits in force, and proposals.
    pub(crate) control: Mutex<Control>,
    /// Where the gate finds limits.
    pub(crate) inbox: LimitsInbox,
    /// The account that may trade if limits name none.
    pub(crate) account: AccountId,
    /// Whether the engine ticks: losses and breakers are looked at then.
    pub(crate) ticks: bool,
    /// The time of day.
    pub(crate) wall: Wall,
}

impl Desk {
    /// The answer; it comes when what was asked is seen done, or was not in time.
    pub(super) fn answer(&self, request: &Request) -> Answer {
        match request {
            Request::Risk => self.risk(),
            Request::Latch { state, scope, who, why } => self.latch(*state, scope, who, why),
            Request::Limits => self.limits(),
            Request::Propose { name, text, who } => self.propose(name, text, who),
            Request::Confirm { number, who } => self.confirm(*number, who),
        }
    }

    fn latch(&self, state: StateWord, name: &ScopeName, who: &str, why: &str) -> Answer {
        if let Err(answer) = named(who) {
            return answer;
        }
        if state == StateWord::Resume && !is_told(why) {
            return Answer::failed("a resume is on record: say why with --why");
        }
        let Some(scope) = name.find(&self.table) else {
            return Answer::failed(format!("{name}: the instrument table has no such symbol"));
        };
        let (command, wanted) = match state {
            StateWord::Kill => (Command::Kill(scope), TradingState::KILLED),
            StateWord::ReduceOnly => (Command::ReduceOnly(scope), TradingState::REDUCE_ONLY),
            StateWord::Resume => (Command::Resume(scope), TradingState::LIVE),
        };
        let asked = self.wall.now();
        self.audit.asked(asked, wanted, &name.to_string(), who, why);
        let until = asked.plus(DONE_WITHIN);
        while self.commands.ask(command).is_err() {
            if self.wall.now() >= until {
                return Answer::failed("as many commands wait as can: see that the engine runs");
            }
            thread::park_timeout(LOOK_EVERY);
        }
        loop {
            let now = self.wall.now();
            let state = state_of(&self.board.view(now).risk, scope);
            // Who is killed already is not let do more by a word that stops less.
            let is_done = |state: TradingState| match wanted {
                TradingState::LIVE => state == wanted,
                _ => state >= wanted,
            };
            let seen = state.filter(|state| is_done(*state));
            if let Some(state) = seen
                && is_done(self.state_on_disk(scope).unwrap_or(state))
            {
                let micros = now.since(asked).0 / 1_000;
                let text = format!("{name} is {state}, seen done after {micros} us");
                return Answer::done(vec![text]);
            }
            if let (Some(state), Some(path), true) = (seen, &self.latches, now >= until) {
                return Answer::failed(format!(
                    "{name} is {state}, but {} does not say so: it would not be after a restart. See that the file can be written",
                    path.display()
                ));
            }
            if now >= until {
                let state = state.map_or("not shown".into(), |state| state.to_string());
                return Answer::failed(format!(
                    "{name}: asked for, but not confirmed within 2 s: it is {state}. See that the engine runs, that the \
                     limits know this scope, and ask the venue if orders are open"
                ));
            }
            thread::park_timeout(LOOK_EVERY);
        }
    }

    /// What a scope may do after a restart; `None` without a file of latches.
    fn state_on_disk(&self, scope: Scope) -> Option<TradingState> {
        let latches = Latches::read(self.latches.as_deref()?).latches;
        let mut kept = scopes_of(&latches, &self.table).into_iter();
        let state = kept.find(|(it, _)| *it == scope).map(|(_, state)| state);
        Some(state.unwrap_or(TradingState::LIVE))
    }

    fn limits(&self) -> Answer {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = control.in_force();
        let mut said: Vec<String> = limits.to_toml().lines().map(String::from).collect();
        let mut waiting = Vec::new();
        for (number, entries) in control.waiting() {
            said.push(format!("# proposal {number} waits for `coretick limits confirm {number}`:"));
            said.extend(entries.iter().map(|entry| format!("#   {entry}")));
            let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
            waiting.push(json!({ "number": number, "changes": entries }));
        }
        let data = json!({
            "version": limits.version(),
            "limits": serde_json::to_value(limits.to_table()).unwrap_or_default(),
            "waiting": waiting,
        });
        Answer { data, ..Answer::done(said) }
    }

    fn propose(&self, name: &str, text: &str, who: &str) -> Answer {
        if let Err(answer) = named(who) {
            return answer;
        }
        let wanted = match LimitsFile::parse(name, text) {
            Ok(wanted) => wanted,
            Err(error) => return Answer::failed(error.to_string()),
        };
        // What cannot be put in force is not proposed either.
        if let Err(error) = wanted.set(self.account, Some(&self.table)) {
            return Answer::failed(error.to_string());
        }
        if let (false, Some(limit)) = (self.ticks, wanted.needs_ticks()) {
            return Answer::failed(format!(
                "{limit} is looked at once a tick, and this engine has none: start it with engine.tick_ms above 0"
            ));
        }
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = self.stay(control.in_force(), &wanted) {
            return Answer::failed(why);
        }
        let mut next = control.clone();
        let proposed = match next.propose(&wanted) {
            Ok(proposed) => proposed,
            Err(error) => return Answer::failed(error.to_string()),
        };
        let now = self.wall.now();
        for entry in &proposed.entries {
            let event = if entry.looser { "limit-proposed" } else { "limit-tightened" };
            self.audit.said(now, event, &entry.path, who, &entry.to_string());
        }
        let mut said: Vec<String> = proposed.entries.iter().map(ToString::to_string).collect();
        if let Some(Err(why)) =
            proposed.tightened.as_ref().map(|limits| self.put_in_force(limits, who))
        {
            // What is not in force is not proposed against either.
            return Answer::failed(why);
        }
        *control = next;
        if proposed.tightened.is_some() {
            said.push(format!("tighter: in force as version {}", control.in_force().version()));
        }
        if let Some(number) = proposed.number {
            said.push(format!("looser: waits for `coretick limits confirm {number} --who NAME`"));
        }
        let data = json!({ "version": control.in_force().version(), "proposal": proposed.number });
        Answer { data, ..Answer::done(said) }
    }

    fn confirm(&self, number: u32, who: &str) -> Answer {
        if let Err(answer) = named(who) {
            return answer;
        }
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = control.clone();
        let (limits, entries) = match next.confirm(number) {
            Ok(confirmed) => confirmed,
            Err(error) => return Answer::failed(error.to_string()),
        };
        if let Err(why) = self.stay(control.in_force(), &limits) {
            return Answer::failed(why);
        }
        let now = self.wall.now();
        for entry in &entries {
            self.audit.said(now, "limit-confirmed", &entry.path, who, &entry.to_string());
        }
        let mut said: Vec<String> = entries.iter().map(ToString::to_string).collect();
        if let Err(why) = self.put_in_force(&limits, who) {
            return Answer::failed(why);
        }
        *control = next;
        said.push(format!("in force as version {}", limits.version()));
        let data = json!({ "version": limits.version() });
        Answer { data, ..Answer::done(said) }
    }

    /// Refuses to move a strategy with open orders or a position to another account, as the gate does: what it has reserved
    /// and invested is counted for the one that it has.
    fn stay(&self, old: &LimitsFile, new: &LimitsFile) -> Result<(), String> {
        let [old, new] = [old, new].map(|limits| limits.set(self.account, Some(&self.table)));
        let (Ok(old), Ok(new)) = (old, new) else { return Ok(()) };
        let shown = self.board.view(self.wall.now()).risk.scopes;
        for scope in &new.strategies {
            let moved = old.strategies.iter().find(|it| it.id == scope.id);
            let Some(moved) = moved.filter(|it| it.account != scope.account) else { continue };
            let strategy = (Level::STRATEGY, u32::from(scope.id.0));
            let shown = shown.iter().find(|it| (it.level, it.id) == strategy);
            let used = shown.into_iter().flat_map(|it| USE_NAMES.iter().zip(&it.uses));
            let at_stake =
                |name: &str, used: i64| used != 0 && ["credit", "open orders"].contains(&name);
            if used.into_iter().any(|(name, it)| at_stake(name, it.used)) {
                let name = ScopeName::Strategy(scope.id);
                return Err(format!(
                    "{name} has open orders or a position, which count for account {}: hold it to reducing them, with \
                     `coretick kill --reduce-only`, before it goes to account {}, or leave it there",
                    moved.account.0, scope.account.0
                ));
            }
        }
        Ok(())
    }

    /// Hands limits to the gate, and waits until it shows that they are in force. If it does not in time, they are taken
    /// back from it, and will not be.
    fn put_in_force(&self, limits: &LimitsFile, who: &str) -> Result<(), String> {
        let set = limits.set(self.account, Some(&self.table)).map_err(|error| error.to_string())?;
        let version = set.version;
        self.inbox.offer(Arc::new(set));
        let start = self.wall.now();
        let mut told: Option<Nanos> = None;
        loop {
            let now = self.wall.now();
            if self.board.view(now).risk.limits == u64::from(version) {
                self.audit.said(now, "limits-in-force", "firm", who, &format!("version {version}"));
                return Ok(());
            }
            // Who has it shows it in the same turn.
            if now.since(start) >= DONE_WITHIN && self.inbox.withdraw(version) {
                let event = "limits-not-in-force";
                self.audit.said(now, event, "firm", who, &format!("version {version}"));
                return Err(format!(
                    "version {version} of the limits is not in force, and will not be: the gate did not take it within 2 s. \
                     Nothing was changed: see that the engine runs, then ask again"
                ));
            }
            if told.is_none_or(|told| now.since(told) >= TELL_EVERY)
                && self.commands.ask(Command::Limits(version)).is_ok()
            {
                told = Some(now);
            }
            thread::park_timeout(LOOK_EVERY);
        }
    }

    fn risk(&self) -> Answer {
        let view = self.board.view(self.wall.now());
        let risk = &view.risk;
        let mut said = vec![format!("limits    version {}", risk.limits)];
        let mut scopes = Vec::new();
        if risk.scopes.is_empty() {
            said.push("scopes    none shown yet".into());
        }
        for scope in &risk.scopes {
            let name = name_of(scope);
            let uses = USE_NAMES
                .iter()
                .zip(&scope.uses)
                .filter_map(|(name, it)| it.per_cent().map(|per_cent| (*name, per_cent, *it)));
            let uses: Vec<_> = uses.collect();
            let text: Vec<String> =
                uses.iter().map(|(name, per_cent, _)| format!("{name} {per_cent}%")).collect();
            let text = if text.is_empty() { "no limits".into() } else { text.join(", ") };
            said.push(format!("{:<22} {:<12} {text}", name.to_string(), scope.state.to_string()));
            let uses: serde_json::Map<_, _> = uses
                .iter()
                .map(|(name, per_cent, it)| {
                    let value = json!({ "used": it.used, "limit": it.limit, "per_cent": per_cent });
                    (name.replace(' ', "_"), value)
                })
                .collect();
            scopes.push(
                json!({ "scope": name.to_string(), "state": scope.state.name(), "uses": uses }),
            );
        }
        let mut latched = Vec::new();
        for (instrument, state) in &risk.instruments {
            let name = format!("instrument:{}", self.symbols.name(*instrument));
            said.push(format!("{name:<22} {state}"));
            latched.push(json!({ "scope": name, "state": state.name() }));
        }
        let mut refusals = Vec::new();
        for record in self.refusals.last() {
            let (code, symbol) = (Code(record.code), self.symbols.name(record.head.instrument));
            let Report { order, side, qty, limit, value, .. } = record;
            said.push(format!(
                "refused   {} {side} {} {symbol}: {} ({}), limit {limit}, value {value}",
                order.0,
                qty.0,
                code.name(),
                code.0
            ));
            refusals.push(json!({
                "time_ns": record.head.time.0, "order_id": order.0, "instrument": symbol, "side": side.name(),
                "quantity": qty.0, "code": code.0, "name": code.name(), "limit": limit, "value": value,
            }));
        }
        let data = json!({
            "limits_version": risk.limits, "scopes": scopes, "instruments": latched, "last_refusals": refusals,
        });
        Answer { data, ..Answer::done(said) }
    }
}

/// Refuses who does not say a name that fits a record.
fn named(who: &str) -> Result<(), Answer> {
    if is_told(who) {
        return Ok(());
    }
    Err(Answer::failed(format!("say who you are with --who, in 1 to {WORDS_MAX} letters")))
}

fn is_told(words: &str) -> bool {
    !words.trim().is_empty() && words.len() <= WORDS_MAX && !words.chars().any(char::is_control)
}

/// What a scope may do by its own latch, as far as the gate shows it.
fn state_of(risk: &RiskView, scope: Scope) -> Option<TradingState> {
    if let Scope::Instrument(id) = scope {
        let latched = risk.instruments.iter().find(|(instrument, _)| *instrument == id);
        // Instruments that trade are not shown; the gate that would show them is.
        let shown = !risk.scopes.is_empty();
        return latched.map(|(_, state)| *state).or(shown.then_some(TradingState::LIVE));
    }
    let shown = risk.scopes.iter().find(|it| (it.level, it.id) == (scope.level(), scope.id()));
    shown.map(|it| it.state)
}

fn name_of(scope: &ScopeView) -> ScopeName {
    match scope.level {
        Level::ACCOUNT => ScopeName::Account(AccountId(scope.id)),
        Level::STRATEGY => ScopeName::Strategy(StrategyId(scope.id as u16)),
        _ => ScopeName::Firm,
    }
}
