//! The order desk: what clients ask becomes commands (`request`), what the matching core says becomes answers (`answer`).
//!
//! One command is in hand at a time: `next` or `request` gives it, and before anything else is asked the core's events
//! about it come, between `begin` and `end`. Commands of others (background traders, the operator) go the same way.

use super::chunks::Chunks;
use super::config::{Account, OrderEntryConfig};
use super::count::Counters;
use super::order::{ClientOrders, NONE, State};
use super::stream::Stream;
use super::terms;
use crate::base::instrument::Symbol;
use crate::base::pool::IdMap;
use crate::base::unit::Nanos;
use crate::exchange::faults::AnswerFaults;
use crate::exchange::ledger::{ClientOrder, Note};
use crate::exchange::matching::{CancelReason, Command, CrossKind, CrossSession};
use crate::exchange::unit::{Locate, MatchNumber, Participant, Price4, Reference};
use crate::wire::ouch::{Outbound, SystemEvent};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Room for the longest answer: fixed part and options.
const ANSWER_MAX: usize = 256;

/// An account with its day.
pub(super) struct Client {
    pub(super) account: Account,
    pub(super) stream: Stream,
    acks: AnswerFaults,
    /// The last `UserRefNum` of each channel.
    pub(super) last_refs: Box<[u32; 256]>,
    /// It asked not to enter orders.
    pub(super) disabled: bool,
}

/// Orders of an account that are being cancelled, one command at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    pub(super) account: u16,
    /// The next order to look at.
    pub(super) at: u32,
    pub(super) locate: Option<Locate>,
    /// `code::side`, exactly.
    pub(super) side: Option<u8>,
    pub(super) group: Option<u16>,
    pub(super) reason: CancelReason,
}

/// An order whose first answer waits to say whether the order is dead at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fresh {
    pub(super) place: u32,
    /// `UserRefNum` of the order whose place it took.
    pub(super) replaces: Option<u32>,
}

/// A meeting of an account's own orders: the cancels that follow are told with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prevented {
    pub(super) resting: Reference,
    pub(super) is_resting_hidden: bool,
    /// `code::aiq` of the order that came.
    pub(super) strategy: u8,
    pub(super) shares: u32,
    pub(super) price: Price4,
}

/// What the command in hand means beyond what the core's events say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InHand {
    pub(super) cross: Option<CrossKind>,
    /// The order that a modify shrinks.
    pub(super) modified: Option<u32>,
    pub(super) fresh: Option<Fresh>,
    pub(super) prevented: Option<Prevented>,
}

/// What became of an order without the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aside {
    pub(super) account: u16,
    pub(super) channel: u8,
    pub(super) user_ref: u32,
    pub(super) note: Note,
}

/// The order desk of all accounts.
pub(super) struct Desk {
    pub(super) clients: Vec<Client>,
    /// Place of each account by its participant.
    by_participant: IdMap<u16>,
    pub(super) symbols: Vec<Symbol>,
    by_symbol: IdMap<u16>,
    pub(super) orders: ClientOrders,
    /// Clients' orders by the executions they were in; match numbers never fall.
    pub(super) executions: Chunks<(MatchNumber, u32)>,
    /// Orders for a time, the first to go on top; some may be gone.
    pub(super) expiries: BinaryHeap<Reverse<(Nanos, u32)>>,
    pub(super) sweeps: VecDeque<Sweep>,
    /// For the ledger.
    pub(super) asides: VecDeque<Aside>,
    pub(super) in_hand: InHand,
    pub(super) midnight: Nanos,
    pub(super) now: Nanos,
    /// Orders for the opening and the closing cross can no longer be cancelled.
    pub(super) frozen: [bool; 2],
    pub(super) ended: bool,
    /// Messages of an account after which it is answered no more.
    pub(super) messages_max: usize,
    pub(super) counters: Counters,
}

impl Desk {
    pub(super) fn new(config: &OrderEntryConfig) -> Self {
        let mut by_participant = IdMap::new(config.accounts.len());
        let mut by_symbol = IdMap::new(config.symbols.len());
        // The maps have room for what is in the lists; of equal ones the last is found.
        for (place, account) in config.accounts.iter().enumerate() {
            let _ = by_participant.insert(u64::from(account.participant.0), place as u16);
        }
        for (place, symbol) in config.symbols.iter().enumerate() {
            let _ = by_symbol.insert(symbol.number(), place as u16 + 1);
        }
        let clients = config.accounts.iter().zip(0..).map(|(account, number)| Client {
            account: account.clone(),
            stream: Stream::new(config.messages.min(config.messages_max)),
            acks: AnswerFaults::of_orders(&config.faults, number),
            last_refs: Box::new([0; 256]),
            disabled: false,
        });
        Self {
            clients: clients.collect(),
            by_participant,
            symbols: config.symbols.clone(),
            by_symbol,
            orders: ClientOrders::new(config.orders, config.accounts.len()),
            executions: Chunks::new(config.orders),
            expiries: BinaryHeap::new(),
            sweeps: VecDeque::new(),
            asides: VecDeque::new(),
            in_hand: InHand::default(),
            midnight: config.midnight,
            now: Nanos(0),
            frozen: [false; 2],
            ended: false,
            messages_max: config.messages_max,
            counters: Counters::default(),
        }
    }

    /// The command that is due without anyone asking: the next of a sweep, or an order whose time is up.
    pub(super) fn next(&mut self, now: Nanos) -> Option<Command> {
        self.now = now;
        while let Some(sweep) = self.sweeps.front_mut() {
            let place = sweep.at;
            let Some(order) = self.orders.get(place).copied() else {
                self.sweeps.pop_front();
                continue;
            };
            if order.state != State::Live {
                // Another sweep was faster.
                sweep.at = self.orders.first(sweep.account);
                continue;
            }
            sweep.at = self.orders.after(place);
            let asked = *sweep;
            let matches = asked.locate.is_none_or(|locate| locate == order.detail.locate)
                && asked.side.is_none_or(|side| side == order.detail.side)
                && asked.group.is_none_or(|group| Some(group) == order.detail.group);
            if !matches {
                continue;
            }
            if asked.reason == CancelReason::Requested && self.is_frozen(order.detail.cross) {
                self.cancel_pends(place);
                continue;
            }
            return Some(Command::Reduce { order: order.reference, open: 0, reason: asked.reason });
        }
        while let Some(Reverse((due, place))) = self.expiries.peek().copied() {
            if due > now {
                break;
            }
            self.expiries.pop();
            if let Some(order) = self.orders.get(place).filter(|order| order.open > 0) {
                let reason = CancelReason::Expired;
                return Some(Command::Reduce { order: order.reference, open: 0, reason });
            }
        }
        None
    }

    /// Cancels all orders of an account.
    pub(super) fn sweep_all(&mut self, account: u16, reason: CancelReason) {
        let at = self.orders.first(account);
        if at != NONE {
            let (locate, side, group) = (None, None, None);
            self.sweeps.push_back(Sweep { account, at, locate, side, group, reason });
        }
    }

    /// When `next` or `release` has something to do, if nothing else happens.
    pub(super) fn next_due(&self) -> Option<Nanos> {
        let expiry = self.expiries.peek().map(|Reverse((due, _))| *due);
        let held = self.clients.iter().filter_map(|client| client.stream.due());
        held.chain(expiry).min()
    }

    /// Whether answers are held back, of any account.
    pub(super) fn is_holding(&self) -> bool {
        self.clients.iter().any(|client| client.stream.is_holding())
    }

    /// Lets clients see the answers whose time has come.
    pub(super) fn release(&mut self, now: Nanos) {
        for client in &mut self.clients {
            client.stream.release(now);
        }
    }

    /// Tells all accounts that the day begins or ends.
    pub(super) fn system_event(&mut self, event_code: u8, now: Nanos) {
        self.now = now;
        let timestamp = self.time().into();
        let event = SystemEvent { timestamp, event_code, ..SystemEvent::BLANK };
        for account in 0..self.clients.len() as u16 {
            self.tell(account, &Outbound::SystemEvent(&event, Default::default()));
        }
    }

    /// Nanoseconds since midnight.
    pub(super) const fn time(&self) -> u64 {
        self.now.since(self.midnight).0
    }

    /// Whether an account has had all the messages that its requests may cause on a day.
    pub(super) fn is_full(&self, account: u16) -> bool {
        self.clients[usize::from(account)].stream.count() >= self.messages_max
    }

    /// Adds an answer to an account's stream.
    pub(super) fn tell(&mut self, account: u16, answer: &Outbound<'_>) {
        let mut bytes = [0; ANSWER_MAX];
        let Ok(length) = answer.write(&mut bytes) else {
            debug_assert!(false, "Invariant: every answer fits");
            return;
        };
        let (client, now) = (&mut self.clients[usize::from(account)], self.now);
        client.stream.append(&bytes[..length], client.acks.leaves_at(now), now);
    }

    /// The account of a participant, if it is a client.
    pub(super) fn account_of(&self, participant: Participant) -> Option<u16> {
        self.by_participant.get(u64::from(participant.0))
    }

    /// The place of a participant's order, if it is a client's.
    pub(super) fn place_of(&self, participant: Participant, token: u64) -> Option<u32> {
        let account = self.account_of(participant)?;
        let place = u32::try_from(token).ok()?;
        self.orders.get(place).filter(|order| order.account == account).map(|_| place)
    }

    /// A client's name for an order.
    pub(super) fn client_order(
        &self,
        participant: Participant,
        token: u64,
    ) -> Option<ClientOrder<'_>> {
        let order = self.orders.get(self.place_of(participant, token)?)?;
        let user = self.clients[usize::from(order.account)].account.name();
        Some(ClientOrder { user, channel: order.channel, user_ref: order.user_ref })
    }

    /// The places of clients' orders that were in an execution or a cross.
    pub(super) fn in_match(&self, number: MatchNumber) -> impl Iterator<Item = u32> + '_ {
        let start = self.executions.first_not(|(other, _)| other < number);
        let found = (start..).map_while(|at| self.executions.get(at));
        found.take_while(move |(other, _)| *other == number).map(|(_, place)| place)
    }

    pub(super) fn locate(&self, symbol: Symbol) -> Option<Locate> {
        self.by_symbol.get(symbol.number()).map(Locate)
    }

    pub(super) fn symbol(&self, locate: Locate) -> Symbol {
        let place = usize::from(locate.0).checked_sub(1);
        place.and_then(|place| self.symbols.get(place)).copied().unwrap_or(Symbol::BLANK)
    }

    /// Whether an order of that cross type is bound to its cross.
    pub(super) fn is_frozen(&self, cross_type: u8) -> bool {
        match terms::session(cross_type) {
            Ok(CrossSession::Opening) => self.frozen[0],
            Ok(CrossSession::Closing) => self.frozen[1],
            _ => false,
        }
    }
}
