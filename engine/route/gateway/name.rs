//! The exchange carries a client's own name for an order, 14 characters, and gives it back: ours is the [`OrderId`].
//!
//! A `C`, then the 64 bits of the id as 13 digits of five bits each, `0` to `9` and `A` to `V`, highest first. So the
//! exchange's stream alone tells which of our orders it is about, whoever sent it and when.

use crate::base::unit::OrderId;
use crate::wire::ouch::ClOrdId;

/// What our names begin with.
const MARK: u8 = b'C';
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
const BITS: u32 = 5;

/// The order's name at the exchange.
pub(super) fn name_of(order: OrderId) -> ClOrdId {
    let mut name = [MARK; 14];
    let mut rest = order.0;
    for letter in name[1..].iter_mut().rev() {
        *letter = DIGITS[(rest & 31) as usize];
        rest >>= BITS;
    }
    name
}

/// The order of that name; `None` if it is none of ours.
pub(super) fn order_of(name: &ClOrdId) -> Option<OrderId> {
    let (&MARK, digits) = name.split_first()? else { return None };
    let number = digits.iter().try_fold(0_u64, |number, &letter| {
        let digit = match letter {
            b'0'..=b'9' => letter - b'0',
            b'A'..=b'V' => letter - b'A' + 10,
            _ => return None,
        };
        // 13 digits have a bit more than the id.
        (number >> (u64::BITS - BITS) == 0).then_some(number << BITS | u64::from(digit))
    })?;
    (number != OrderId::NONE.0).then_some(OrderId(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_as_written_here() {
        assert_eq!(&name_of(OrderId(1)), b"C0000000000001");
        assert_eq!(&name_of(OrderId(u64::MAX)), b"CFVVVVVVVVVVVV");
        assert_eq!(order_of(b"CFVVVVVVVVVVVV"), Some(OrderId(u64::MAX)));
        let others: [&ClOrdId; 6] = [
            b"CG000000000000",
            b"C0000000000000",
            b"C000000000000W",
            b"c0000000000001",
            b"              ",
            b"D0000000000001",
        ];
        assert!(others.into_iter().all(|name| order_of(name).is_none()));
    }

    proptest! {
        #[test]
        fn an_order_is_known_by_its_name(id in 1..=u64::MAX) {
            prop_assert_eq!(order_of(&name_of(OrderId(id))), Some(OrderId(id)));
        }

        #[test]
        fn a_name_that_is_understood_is_the_only_one(name in any::<[u8; 14]>()) {
            if let Some(order) = order_of(&name) {
                prop_assert_eq!(name_of(order), name);
            }
        }
    }
}
