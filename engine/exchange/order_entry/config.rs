//! What order entry is told at its start: who may log in, what may be traded, and how much room there is.

use crate::base::instrument::Symbol;
use crate::base::unit::Nanos;
use crate::exchange::faults::Faults;
use crate::exchange::matching::SelfMatch;
use crate::exchange::unit::Participant;
use crate::wire::ouch::Firm;
use crate::wire::soup::{PACKET_MAX, Password, SessionName, Username};

/// Nanoseconds of a second.
pub(super) const SECOND: u64 = 1_000_000_000;

/// An account: a user at the exchange, with a sequenced stream and orders of its own.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who logs in.
    pub user: Username,
    /// With what. It is compared and never shown.
    pub password: Password,
    /// For which firm; orders for another one are rejected.
    pub firm: Firm,
    /// Whom the matching core knows it as; no two accounts have the same.
    pub participant: Participant,
    /// All its orders are cancelled when its connection is lost.
    pub cancel_on_disconnect: bool,
    /// All its orders are cancelled when it logs out.
    pub cancel_on_logout: bool,
    /// What happens when two orders of the account meet, unless the arriving one says it itself.
    pub self_match: SelfMatch,
    /// The most shares of one order; more are rejected.
    pub shares_max: u32,
    /// The most price x shares of one order, in 1e-4 of the dollar; more is rejected. Market orders have no such limit.
    pub notional_max: u64,
}

impl Account {
    /// An account whose orders go when its connection is lost, and may trade with each other.
    pub const fn new(
        user: Username,
        password: Password,
        firm: Firm,
        participant: Participant,
    ) -> Self {
        Self {
            user,
            password,
            firm,
            participant,
            cancel_on_disconnect: true,
            cancel_on_logout: false,
            self_match: SelfMatch::Allow,
            shares_max: u32::MAX,
            notional_max: u64::MAX,
        }
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        std::str::from_utf8(self.user.trimmed()).unwrap_or("")
    }
}

/// What order entry is told at its start.
#[derive(Clone, Debug)]
pub struct OrderEntryConfig {
    /// The day's session: what a login may name.
    pub session: SessionName,
    /// Midnight in New York, on the clock that `now` is of.
    pub midnight: Nanos,
    /// Who may log in; at most 65,535.
    pub accounts: Vec<Account>,
    /// What may be traded: `symbols[n]` has locate `n + 1`.
    pub symbols: Vec<Symbol>,
    /// Connections at a time.
    pub connections: usize,
    /// Orders of a day, of all accounts, those that are gone among them; more are rejected.
    pub orders: usize,
    /// Messages of an account's day for which there is room from the start.
    pub messages: usize,
    /// Messages of an account's day: when there are so many, a request that would be answered by more ends the connection.
    /// Cancels are still done, and what happens to live orders is told.
    pub messages_max: usize,
    /// Bytes that wait for a connection to take them, at least one packet; what is beyond waits in the account's stream.
    pub unsent_max: usize,
    /// A connection that takes nothing for so long while bytes wait for it is closed.
    pub stalled: Nanos,
    /// What goes wrong: ends of connections, refused logins, late answers (an account's, by its place in `accounts`).
    pub faults: Faults,
}

impl OrderEntryConfig {
    /// Room for tests and demonstrations; the day begins at 0 on the clock.
    pub fn new(accounts: Vec<Account>, symbols: Vec<Symbol>) -> Self {
        Self {
            session: SessionName(*b"  CORETICK"),
            midnight: Nanos(0),
            accounts,
            symbols,
            connections: 64,
            orders: 1 << 20,
            messages: 1 << 16,
            messages_max: 1 << 22,
            unsent_max: 4 * PACKET_MAX,
            stalled: Nanos(5 * SECOND),
            faults: Faults::default(),
        }
    }
}
