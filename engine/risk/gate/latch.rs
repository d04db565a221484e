//! Trading states: who may trade, who may only reduce, who may not; by command, by loss, by rejects. And what is then
//! cancelled: as far as there is room, then on the next turn.
//!
//! A state that the gate finds itself is in force at once, but what is open is cancelled only when the shards ask for it: all
//! that leaves risk is caused by a counted intent. They do so when they are told, by the answer to their next mark.
#![forbid(unsafe_code)]

use super::*;
use crate::risk::check::{capped, state_at};
use crate::telemetry;

/// Codes of route begin here, and those of the venue.
const ROUTE_CODES: u16 = Code::ROUTE_KILLED.0;
const VENUE_CODES: u16 = Code::VENUE_HALTED.0;
/// Open orders looked at in one turn: others are served in between.
const LOOKED_AT_PER_TURN: usize = 4096;

/// A shard's orders in a scope, which are cancelled before anything new is taken; its intent goes to route after them.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    intent: Intent,
    /// `None`: nothing is.
    place: Option<u32>,
    cursor: u32,
}

impl Gate {
    /// What a person, or a book shard, asks for.
    pub(super) fn command(&mut self, intent: &Intent) {
        let place = self.place_of(intent);
        let state = match intent.head.kind {
            Kind::KILL => Some((TradingState::KILLED, Code::KILLED)),
            Kind::REDUCE_ONLY => Some((TradingState::REDUCE_ONLY, Code::REDUCE_ONLY)),
            Kind::RESUME => Some((TradingState::LIVE, Code::NONE)),
            _ => None,
        };
        if let (Some((state, code)), Some(place)) = (state, place)
            // Who is killed is let do more by a resume alone.
            && (state == TradingState::LIVE || state > self.tallies[place].state)
        {
            let code = if code == Code::NONE { code } else { code.at(intent.level) };
            self.set_state(place, state, code);
        }
        let known = place.is_some();
        let mut cancels = place.map(|place| place as u32);
        match intent.head.kind {
            Kind::LIMITS => {
                cancels = None;
                self.take_limits(intent);
            }
            Kind::RESUME => cancels = None,
            _ => {
                if let Some(place) = place {
                    self.tallies[place].pull &= !(1 << (intent.shard.0 & 7));
                }
            }
        }
        self.counts.unknown_commands += u64::from(!known && intent.head.kind != Kind::LIMITS);
        let cursor = if cancels.is_some() { 0 } else { NIL };
        self.pending = Some(Pending { intent: *intent, place: cancels, cursor });
    }

    /// The scope that a command names.
    fn place_of(&self, intent: &Intent) -> Option<usize> {
        match intent.level {
            Level::FIRM => Some(0),
            Level::ACCOUNT => self.rules.account_place(intent.account),
            Level::STRATEGY => self.rules.strategy_slot(intent.strategy).map(Rules::strategy_place),
            Level::INSTRUMENT => {
                let index = intent.head.instrument.index();
                (index < self.stakes.len()).then_some(SLOTS + index)
            }
            _ => None,
        }
    }

    /// Puts a scope into a state, and tells so. A shard's copy of a command can come late: what tightens holds unless it is
    /// from before the last resume, a resume only if it is from after what tightened.
    fn set_state(&mut self, place: usize, state: TradingState, code: Code) {
        let now = self.now;
        let tally = &mut self.tallies[place];
        let resumes = state == TradingState::LIVE;
        let is_late = match resumes {
            // At the same time what tightens holds: a loss may have been found between two copies of a resume.
            true => tally.tightened_at > Nanos(0) && now <= tally.tightened_at,
            false => now < tally.resumed_at,
        };
        if tally.state == state || is_late {
            return;
        }
        tally.state = state;
        if resumes {
            tally.resumed_at = now;
        } else {
            tally.tightened_at = now;
        }
        self.show_state(place);
        let tally = &mut self.tallies[place];
        if state == TradingState::LIVE {
            tally.pull = 0;
        } else {
            self.pull(place);
        }
        let told = self.tell(place, Kind::LATCHED, code, i64::from(state.0));
        self.news.put(told);
        if state == TradingState::KILLED && self.tallies[place].open_orders == 0 {
            self.tell_flat(place);
        }
    }

    /// Has the shards cancel what they have open there.
    fn pull(&mut self, place: usize) {
        self.tallies[place].pull = u8::MAX;
        if !self.pulled.contains(&(place as u32)) {
            self.pulled.push(place as u32);
        }
    }

    /// A scope is in a state from before this program.
    pub fn restore(&mut self, level: Level, id: u32, state: TradingState) -> bool {
        let (account, strategy) = (AccountId(id), StrategyId(id.min(u16::MAX.into()) as u16));
        let mut scope = Intent { level, account, strategy, ..Intent::default() };
        scope.head.instrument = InstrumentId(id);
        let Some(place) = self.place_of(&scope) else {
            // Limits to come may name it.
            self.held_back.push((level, id, state));
            return false;
        };
        self.tallies[place].state = state;
        self.show_state(place);
        true
    }

    /// Shows what a scope may do.
    fn show_state(&self, place: usize) {
        let Some(board) = &self.board else { return };
        match place.checked_sub(SLOTS) {
            None => self.show_scope(place, board),
            Some(instrument) => {
                let state = self.tallies[place].state.0;
                board.risk().instrument(InstrumentId(instrument as u32), state);
            }
        }
    }

    /// Shows what is used of the limits.
    pub(super) fn show(&self) {
        let Some(board) = &self.board else { return };
        board.risk().limits.set(self.rules.set.version.into());
        for place in self.rules.places() {
            self.show_scope(place, board);
        }
    }

    fn show_scope(&self, place: usize, board: &Board) {
        let it = self.use_of(place);
        let figures = it.uses.map(|each| telemetry::Use {
            used: capped(each.used),
            limit: each.limit.map_or(telemetry::Use::OFF, capped),
        });
        board.risk().show(place, it.id, it.state.0, &figures);
    }

    /// A record of a scope: its level in `limit`.
    fn tell(&self, place: usize, kind: Kind, code: Code, value: i64) -> Report {
        let (level, id) = (level_of(place), self.id_at(place));
        let instrument =
            if level == Level::INSTRUMENT { InstrumentId(id) } else { InstrumentId::NONE };
        let head = Header { time: self.now, instrument, kind, ..Header::default() };
        let account = if level == Level::ACCOUNT { AccountId(id) } else { AccountId(0) };
        let strategy = if level == Level::STRATEGY { id as u16 } else { 0 };
        Report {
            head,
            account,
            strategy: StrategyId(strategy),
            code: code.0,
            limit: i64::from(level.0),
            value,
            ..Report::default()
        }
    }

    pub(super) fn tell_flat(&mut self, place: usize) {
        let took = capped(self.now.since(self.tallies[place].tightened_at).0.into());
        let told = self.tell(place, Kind::FLAT, Code::KILLED.at(level_of(place)), took);
        self.news.put(told);
    }

    /// 22: whether a scope has lost as much as it may. What is tighter already stays so.
    pub(super) fn look_at_loss(&mut self, place: usize) {
        let state = state_at(self.tallies[place].profit, self.limits_at(place));
        if state > self.tallies[place].state {
            self.set_state(place, state, Code::LOSS.at(level_of(place)));
        }
    }

    /// The market of an instrument, or none: a shard asks whether it is to cancel anything.
    pub(super) fn marked(&mut self, intent: &Intent, back: &mut impl Sink<Report>) {
        let instrument = intent.head.instrument;
        let shard = 1 << (intent.shard.0 & 7);
        if self.shards & shard == 0 {
            self.meet(shard);
        }
        if instrument == InstrumentId::NONE {
            self.look_around();
        } else if let Some(stake) = self.stakes.get_mut(instrument.index()) {
            let (bid, ask) = (intent.bid.0, intent.ask.0);
            let mark = match (bid > 0, ask > 0) {
                (true, true) => bid.midpoint(ask),
                (true, false) => bid,
                _ => ask,
            };
            if mark > 0 && intent.health == Health::LIVE {
                (stake.last, stake.last_at) = (Price(mark), intent.seen);
                self.revalue(instrument, Price(mark));
                self.warn_at(SLOTS + instrument.index(), Use::LOSS);
            }
        }
        let pulled =
            self.pulled.iter().find(|place| self.tallies[**place as usize].pull & shard != 0);
        let mut answer = match pulled {
            Some(place) => {
                let place = *place as usize;
                let told = self.tell(place, Kind::MARKED, Code::KILLED.at(level_of(place)), 0);
                let answer = answer_to(intent, Kind::MARKED, self.settings.latency_out);
                let head = Header { instrument: told.head.instrument, ..answer.head };
                Report { head, number: answer.number, shard: answer.shard, ..told }
            }
            None => answer_to(intent, Kind::MARKED, self.settings.latency_out),
        };
        self.answers += 1;
        (answer.head.source, answer.sequence) = (Source::RISK, self.answers);
        back.put(&answer);
    }

    /// A shard is heard of for the first time: what it is to cancel may have been struck off by then.
    #[cold]
    fn meet(&mut self, shard: u8) {
        self.shards |= shard;
        for place in 0..self.tallies.len() as u32 {
            if self.tallies[place as usize].pull & shard != 0 && !self.pulled.contains(&place) {
                self.pulled.push(place);
            }
        }
    }

    /// Once a tick: shows what is used, warns of it, and sees to what is to be cancelled again.
    fn look_around(&mut self) {
        for place in self.rules.places() {
            self.warn(place);
        }
        self.show();
        // What was killed is cancelled until the venue says that nothing is open.
        for at in 0..self.pulled.len() {
            let tally = &mut self.tallies[self.pulled[at] as usize];
            if tally.state == TradingState::KILLED && tally.open_orders > 0 {
                tally.pull = u8::MAX;
            }
        }
        let (tallies, shards) = (&self.tallies, self.shards);
        self.pulled.retain(|place| tallies[*place as usize].pull & shards != 0);
    }

    /// What is held of an instrument is worth something else now.
    pub(super) fn revalue(&mut self, instrument: InstrumentId, mark: Price) {
        self.portfolio.mark(instrument, mark);
        let index = instrument.index();
        let stake = &mut self.stakes[index];
        let each =
            (i128::from(mark.0) - i128::from(stake.mark.0)) * i128::from(stake.terms.multiplier);
        stake.mark = mark;
        let mut held = stake.held;
        while held != 0 && each != 0 {
            let slot = held.trailing_zeros() as usize;
            held &= held - 1;
            let part = &self.parts[slot * self.settings.instruments + index];
            let more = each.saturating_mul(part.exposure.position.0.into());
            let slots = Slots {
                account: self.rules.strategies[slot].account_place,
                strategy: Rules::strategy_place(slot) as u8,
                instrument: instrument.0,
            };
            for place in slots.places() {
                self.tallies[place].revalue(more);
            }
        }
        // Only when all is revalued: what one strategy loses another may have gained.
        let mut held = if each == 0 { 0 } else { self.stakes[index].held };
        while held != 0 {
            let slot = held.trailing_zeros() as usize;
            held &= held - 1;
            let account = usize::from(self.rules.strategies[slot].account_place);
            for place in [0, account, Rules::strategy_place(slot), SLOTS + index] {
                self.look_at_loss(place);
            }
        }
    }

    /// 28: warns of the limits of the scopes that an order is counted in.
    #[cold]
    pub(super) fn warn_of(&mut self, intent: &Intent) {
        let Some(slot) = self.rules.strategy_slot(intent.strategy) else { return };
        let account = usize::from(self.rules.strategies[slot].account_place);
        let mut places = [0, account, Rules::strategy_place(slot), 0];
        let index = intent.head.instrument.index();
        if index < self.stakes.len() {
            places[3] = SLOTS + index;
        }
        for place in places {
            self.warn(place);
        }
    }

    /// 28: an order that passed looks at one limit of one of its scopes, the next one at another: all of them in turn.
    #[inline]
    pub(super) fn warn_in_turn(&mut self, places: [usize; 4]) {
        let turn = self.counts.orders as usize;
        self.warn_at(places[turn % places.len()], turn / places.len() % Use::COUNT);
    }

    /// Warns of the limits of a scope.
    fn warn(&mut self, place: usize) {
        (0..Use::COUNT).for_each(|at| self.warn_at(place, at));
    }

    /// Warns of a limit of a scope: of each step once, until less than the first is used again.
    #[inline]
    fn warn_at(&mut self, place: usize, at: usize) {
        let step = self.one_use(place, at).step();
        let warned = &mut self.tallies[place].warned[at];
        if step > *warned {
            *warned = step;
            self.tell_use(place, at, step);
        } else if step == 0 {
            *warned = 0;
        }
    }

    #[cold]
    fn tell_use(&mut self, place: usize, at: usize, step: u8) {
        const CODES: [Code; Use::COUNT] = [
            Code::GROSS,
            Code::NET,
            Code::CREDIT,
            Code::WINDOW_VALUE,
            Code::WINDOW_QTY,
            Code::OPEN_ORDERS,
            Code::ORDERS_PER_TRADE,
            Code::LOSS,
        ];
        let code = CODES[at].at(level_of(place));
        let told = self.tell(place, Kind::ALERT, code, i64::from(step));
        self.news.put(told);
    }

    /// Other limits are in force from here on.
    fn take_limits(&mut self, intent: &Intent) {
        let version = intent.qty.0 as u32;
        if version <= self.rules.set.version {
            // A copy of the command, from another shard, perhaps overtaken by a later one.
            return;
        }
        let Some(set) = self.inbox.as_ref().and_then(|inbox| inbox.take(version)) else {
            self.counts.unknown_commands += 1;
            return;
        };
        if self.moves_what_is_at_stake(&set) {
            // What it has reserved and invested is counted for the account that it traded for.
            self.counts.refused_limits += 1;
            return;
        }
        // The inbox holds those before too: they are not freed here.
        let before = Arc::clone(&self.rules.set);
        let rates = self.rules.levels.map(|limits| limits.rate);
        self.rules.replace(set);
        for (place, from) in rates.into_iter().enumerate() {
            self.tallies[place].change_rate(from, self.rules.levels[place].rate, self.now);
        }
        self.lay_out(&before);
        for _ in 0..self.held_back.len() {
            // Who is not named yet goes to the end again.
            let (level, id, state) = self.held_back.remove(0);
            self.restore(level, id, state);
        }
        for place in 0..self.tallies.len() {
            if self.tallies[place].profit < 0 {
                self.look_at_loss(place);
            }
        }
        self.show();
        let told = self.tell(0, Kind::LIMITS, Code::NONE, version.into());
        self.news.put(told);
    }

    /// Whether a strategy with open orders or a position would trade for another account.
    fn moves_what_is_at_stake(&self, set: &LimitSet) -> bool {
        set.strategies.iter().any(|scope| {
            let slot = self.rules.strategy_slot(scope.id);
            slot.is_some_and(|slot| {
                self.rules.strategies[slot].account != scope.account && self.is_at_stake(slot)
            })
        })
    }

    fn is_at_stake(&self, slot: usize) -> bool {
        let instruments = self.settings.instruments;
        let parts = &self.parts[slot * instruments..(slot + 1) * instruments];
        let place = Rules::strategy_place(slot);
        // A replace that adds nothing reserves nothing, and outlives its target.
        let mut open = self.index.iter().filter_map(|(_, order)| self.orders.get(order));
        parts.iter().any(|part| part.exposure != Exposure::default())
            || open.any(|open| usize::from(open.slots.strategy) == place)
    }

    /// 23: the venue took an order, in time or not. Once: what comes of it later is no answer.
    pub(super) fn answered(&mut self, report: &Report) {
        let slot = self.index.get(report.order.0);
        let Some(open) = slot.and_then(|slot| self.orders.get_mut(slot)) else { return };
        if std::mem::replace(&mut open.answered, true) {
            return;
        }
        let sent = open.sent;
        let took = report.head.time.since(open.intent.head.time);
        let places = open.slots.places();
        self.judge_venue(places, sent, |limit| {
            limit.answer_within > Nanos(0) && took > limit.answer_within
        });
    }

    /// 23: the venue rejected an order or a replacement. What route refused, the venue never had, and a replacement may
    /// meet the end of what it replaces: neither says anything of the venue.
    pub(super) fn rejected(&mut self, report: &Report) {
        let crossed = report.head.kind == Kind::TOO_LATE && report.code == Code::VENUE_NOT_OPEN.0;
        if crossed || (ROUTE_CODES..VENUE_CODES).contains(&report.code) {
            return;
        }
        let slot = self.index.get(report.order.0);
        let Some(open) = slot.and_then(|slot| self.orders.get_mut(slot)) else { return };
        if std::mem::replace(&mut open.answered, true) {
            return;
        }
        let sent = open.sent;
        let places = open.slots.places();
        self.judge_venue(places, sent, |_| true);
    }

    fn judge_venue(
        &mut self,
        places: [usize; 4],
        sent: [Generation; 3],
        failed: impl Fn(&BreakerLimit) -> bool,
    ) {
        for (place, sent) in places.into_iter().zip(sent) {
            let Some(limit) = self.rules.levels[place].breaker else { continue };
            let (breaker, now) = (&mut self.breakers[place], self.now);
            if !failed(&limit) {
                breaker.succeeded(sent, &limit);
            } else if breaker.failed(sent, &limit, now) {
                let state = i64::from(self.tallies[place].state.0);
                let code = Code::BREAKER.at(level_of(place));
                let told = self.tell(place, Kind::LATCHED, code, state);
                self.news.put(told);
                self.pull(place);
            }
        }
    }

    /// Cancels what is to be cancelled, as far as there is room.
    pub(super) fn go_on(&mut self, out: &mut impl Sink<Order>) {
        let Some(mut pending) = self.pending else { return };
        let mut room = out.room_for_cancels();
        for _ in 0..LOOKED_AT_PER_TURN {
            if room == 0 {
                break;
            }
            let Some(slot) = self.orders.first_from(pending.cursor) else {
                out.put(Order::approved(&pending.intent));
                self.pending = None;
                return;
            };
            pending.cursor = slot + 1;
            let open = &self.orders[slot];
            let places = open.slots.places();
            let scoped = pending.place.is_some_and(|place| places.contains(&(place as usize)));
            if scoped && open.intent.shard == pending.intent.shard {
                let cancel = cancel_of(&open.intent, &pending.intent);
                room -= 1;
                self.counts.cancels += 1;
                out.put(Order::approved(&cancel));
            }
        }
        self.pending = Some(pending);
    }
}

/// A cancel of an open order that is no intent's own.
pub(super) fn cancel_of(open: &Intent, cause: &Intent) -> Intent {
    let head = Header {
        instrument: open.head.instrument,
        kind: Kind::CANCEL_ORDER,
        flags: Flags::UNASKED,
        ..cause.head
    };
    Intent {
        head,
        order: OrderId::NONE,
        target: open.order,
        side: open.side,
        strategy: open.strategy,
        account: open.account,
        level: Level::FIRM,
        ..*cause
    }
}
