//! Somebody else at the exchange: so ours have whom to trade with.

use coretick::base::unit::Side;
use coretick::exchange::matching::{CrossSession, Display, Enter, Lasts, SelfMatch, Terms};
use coretick::exchange::unit::{Locate, Participant, Price4};

/// An order around 99.90 and 100.10 for up to `shares_max`, of another participant; `below` draws.
pub(crate) fn order(token: u64, shares_max: u64, mut below: impl FnMut(u64) -> u64) -> Enter {
    Enter {
        locate: Locate(1 + below(2) as u16),
        participant: Participant(2),
        token,
        side: if below(2) == 0 { Side::BUY } else { Side::SELL },
        terms: Terms {
            limit: Some(Price4(100 * (9_990 + below(20) as u32))),
            shares: 1 + below(shares_max) as u32,
            lasts: Lasts::Day,
            display: Display::Full,
            post_only: false,
            minimum: 0,
        },
        session: CrossSession::Continuous,
        self_match: SelfMatch::Allow,
    }
}
