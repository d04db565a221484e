//! Which orders are taken in: what can be said of an order without looking at the book.

use super::Matching;
use super::command::{CrossSession, Display, Enter, Lasts, Phase};
use super::event::RejectReason;
use crate::exchange::unit::Price4;

/// Most shares of an order.
pub const SHARES_MAX: u32 = 999_999;
/// Most parts that a reserve order may have, the last one and each that will follow counted: what one arrival can cause is
/// bounded by the shares and parts that were entered before it.
pub const PARTS_MAX: u32 = 1_000;
/// The highest limit: $199,999.99.
pub const PRICE_MAX: Price4 = Price4(1_999_999_900);

/// What is wrong with the order itself, if anything.
pub(super) fn terms_refused(enter: &Enter) -> Option<RejectReason> {
    let terms = &enter.terms;
    let part = match terms.display {
        Display::Reserve(part) => Some(part),
        Display::Full | Display::Hidden => None,
    };
    if !(1..=SHARES_MAX).contains(&terms.shares)
        || part.is_some_and(|part| !is_reserve(terms.shares, part))
    {
        return Some(RejectReason::Quantity);
    }
    if terms.limit.is_some_and(|limit| limit.0 == 0 || limit > PRICE_MAX) {
        return Some(RejectReason::Price);
    }
    let continuous = enter.session == CrossSession::Continuous;
    let rests = continuous && terms.lasts == Lasts::Day;
    let excluded = if continuous {
        rests && terms.limit.is_none() || !rests && terms.post_only
    } else {
        terms.post_only || part.is_some()
    };
    if excluded {
        return Some(RejectReason::Terms);
    }
    let fits = !rests || terms.display == Display::Hidden;
    if terms.minimum > terms.shares || terms.minimum > 1 && !(continuous && fits) {
        return Some(RejectReason::Minimum);
    }
    None
}

/// Whether an order of `shares`, 1 to [`SHARES_MAX`], can show `part` of them at a time.
pub const fn is_reserve(shares: u32, part: u32) -> bool {
    part > 0 && part < shares && shares.div_ceil(part) <= PARTS_MAX
}

impl Matching {
    /// What stands against it at this time, if anything. The symbol is known.
    pub(super) fn phase_refused(&self, enter: &Enter) -> Option<RejectReason> {
        let symbol = &self.symbols[usize::from(enter.locate.0)];
        let (over, rests) = match enter.session {
            CrossSession::Continuous => (false, enter.terms.lasts == Lasts::Day),
            CrossSession::Opening => (symbol.over[0], true),
            CrossSession::Closing => (symbol.over[1], true),
        };
        match symbol.phase {
            Phase::Closed => Some(RejectReason::Closed),
            _ if over => Some(RejectReason::Closed),
            Phase::Halted if !rests => Some(RejectReason::Halted),
            _ => None,
        }
    }
}
