//! The exchange's reasons, and what the engine calls them.

use crate::base::code::Code;
use crate::base::unit::Liquidity;
use crate::wire::ouch::code::{cancel, liquidity, reject};

/// Why an order or a replace was rejected.
pub(super) const fn of_reject(reason: u16) -> Code {
    match reason {
        reject::HALTED | reject::DESTINATION_CLOSED => Code::VENUE_HALTED,
        reject::INVALID_DISPLAY
        | reject::INVALID_MAX_FLOOR
        | reject::INVALID_PEG_TYPE
        | reject::ISO_NOT_ALLOWED
        | reject::INVALID_SIDE
        | reject::INVALID_MIN_QUANTITY
        | reject::PEGGING_NOT_ALLOWED
        | reject::CROSSED_MARKET
        | reject::INVALID_QUANTITY
        | reject::INVALID_CROSS_ORDER
        | reject::REPLACE_NOT_ALLOWED
        | reject::ROUTING_NOT_ALLOWED
        | reject::INVALID_SYMBOL
        | reject::LATE_LOC_TOO_AGGRESSIVE
        | reject::RETAIL_NOT_ALLOWED
        | reject::INVALID_MIDPOINT_POST_ONLY_PRICE
        | reject::INVALID_DESTINATION
        | reject::INVALID_PRICE => Code::VENUE_TERMS,
        reject::FAT_FINGER
        | reject::SHARES_EXCEED_THRESHOLD
        | reject::EXCEEDS_MAX_NOTIONAL
        | reject::RISK_AGGREGATE_EXPOSURE_EXCEEDED..=reject::RISK_MAX_QUANTITY_EXCEEDED
        | reject::RISK_IPO_MARKET_BUY_NOT_ALLOWED => Code::VENUE_RISK,
        _ => Code::VENUE_REJECTED,
    }
}

/// Why shares were cancelled; none if we asked for it, or the order was for now only.
pub(super) const fn of_cancel(reason: u8) -> Code {
    match reason {
        cancel::USER | cancel::IOC => Code::NONE,
        cancel::CLOSED | cancel::TIMEOUT => Code::VENUE_EXPIRED,
        cancel::HALTED => Code::VENUE_HALTED,
        cancel::SELF_MATCH => Code::VENUE_SELF_MATCH,
        cancel::POST_ONLY_NMS | cancel::POST_ONLY_CONTRA => Code::VENUE_POST_ONLY,
        cancel::COLLAR | cancel::OPEN_PROTECTION => Code::VENUE_COLLAR,
        _ => Code::VENUE_CANCELED,
    }
}

/// Whether a fill made or took liquidity; a flag that says neither stays the exchange's own.
pub(super) const fn of_liquidity(flag: u8) -> Liquidity {
    match flag {
        liquidity::ADDED
        | liquidity::ADDED_HIDDEN
        | liquidity::ADDED_MIDPOINT
        | liquidity::ADDED_NBBO
        | liquidity::ADDED_QBBO => Liquidity::ADDED,
        liquidity::REMOVED | liquidity::REMOVED_MIDPOINT => Liquidity::REMOVED,
        other => Liquidity(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_a_reject_has_a_code() {
        let of = |code| (1..=51).filter(|reason| of_reject(*reason) == code).collect::<Vec<_>>();
        assert!((1..=51).all(|reason| reject::name(reason).is_some()));
        assert_eq!(of(Code::VENUE_HALTED), [2, 7]);
        assert_eq!(
            of(Code::VENUE_TERMS),
            [3, 4, 5, 8, 9, 13, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29]
        );
        let mut risk = vec![6, 30, 31];
        risk.extend(32..=49);
        risk.push(51);
        assert_eq!(of(Code::VENUE_RISK), risk);
        assert_eq!(of(Code::VENUE_REJECTED), [1, 10, 11, 12, 14, 15, 16, 24, 50]);
        assert_eq!(of_reject(60_000), Code::VENUE_REJECTED);
    }

    #[test]
    fn every_letter_of_a_cancel_has_a_code_and_none_means_as_asked() {
        let found = b"UIETHQFGKXDSZCe?".map(of_cancel);
        use Code as C;
        let expected = [
            C::NONE,
            C::NONE,
            C::VENUE_EXPIRED,
            C::VENUE_EXPIRED,
            C::VENUE_HALTED,
            C::VENUE_SELF_MATCH,
            C::VENUE_POST_ONLY,
            C::VENUE_POST_ONLY,
            C::VENUE_COLLAR,
            C::VENUE_COLLAR,
            C::VENUE_CANCELED,
            C::VENUE_CANCELED,
            C::VENUE_CANCELED,
            C::VENUE_CANCELED,
            C::VENUE_CANCELED,
            C::VENUE_CANCELED,
        ];
        assert_eq!(found, expected);
    }
}
