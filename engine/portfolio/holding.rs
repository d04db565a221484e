//! What is held of one instrument, and how a fill changes it.
//!
//! A fill in the position's direction adds its value to the cost; one against it closes, and takes a part of the cost
//! with it: which part, the [`Costs`] say. A fill beyond flat closes, then opens the rest at its own price. Whatever
//! part is taken, what is realised and what stays in the cost come from the same sums, so that always
//!
//! > realised - cost = cash, and realised + unrealised = cash + position x multiplier x mark,
//!
//! to the last unit; and a flat position costs nothing. Sums that leave an `i128` stop at its end, a position at
//! plus or minus 2^63 - 1: what would go beyond is not held and costs nothing.
#![forbid(unsafe_code)]

use crate::base::unit::{Money, Position, Price, Qty, Side};

/// What is held of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Units of the underlying in one lot: what a price is multiplied with, beside the quantity. At least 1.
    pub multiplier: u32,
    /// Long above zero, short below.
    pub position: Position,
    /// What the open position cost (negative: what its sale brought).
    pub cost: Money,
    /// Profit of what was closed, before fees.
    pub realised: Money,
    /// Fees paid, less rebates.
    pub fees: Money,
    /// Lots bought so far.
    pub bought: Qty,
    /// Lots sold so far.
    pub sold: Qty,
}

impl Default for Holding {
    /// Nothing held of an instrument whose lots are one unit each.
    fn default() -> Self {
        Self {
            multiplier: 1,
            position: Position(0),
            cost: Money::ZERO,
            realised: Money::ZERO,
            fees: Money::ZERO,
            bought: Qty::ZERO,
            sold: Qty::ZERO,
        }
    }
}

/// Which part of a position's cost goes with what is closed of it.
pub(super) trait Costs {
    /// `qty` of what is held is closed, at most all of it: what it had cost (negative: what its sale had brought).
    fn close(&mut self, held: &Holding, qty: u64) -> Money;

    /// `qty` more is held, of what costs `price` a unit and `cost` in all.
    fn open(&mut self, held: &Holding, price: Price, qty: u64, cost: Money);

    /// Takes `qty` out again if it is known to have been opened last and at `price`. False if nothing was changed.
    fn reopen(&mut self, held: &Holding, price: Price, qty: u64) -> bool;
}

/// Each unit of a position has cost as much as any other.
pub(super) struct Average;

impl Costs for Average {
    #[inline]
    fn close(&mut self, held: &Holding, qty: u64) -> Money {
        share(held.cost, qty, held.position.0.unsigned_abs())
    }

    #[inline]
    fn open(&mut self, _: &Holding, _: Price, _: u64, _: Money) {}

    #[inline]
    fn reopen(&mut self, _: &Holding, _: Price, _: u64) -> bool {
        false
    }
}

impl Holding {
    /// Takes in a fill, at average cost.
    pub fn fill(&mut self, side: Side, price: Price, qty: Qty, fee: Money) {
        self.fill_by(&mut Average, side, price, qty, fee);
    }

    /// Takes a fill back, at average cost: position and P&L in all are as if it had never been. What of the P&L is
    /// realised is not: the average cost that it was measured against has moved on since.
    pub fn void(&mut self, side: Side, price: Price, qty: Qty, fee: Money) {
        self.void_by(&mut Average, side, price, qty, fee);
    }

    /// Takes in a fill.
    #[inline]
    pub(super) fn fill_by(
        &mut self,
        costs: &mut impl Costs,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Money,
    ) {
        self.fees.0 = self.fees.0.saturating_add(fee.0);
        let traded = if side.is_buy() { &mut self.bought } else { &mut self.sold };
        *traded = traded.saturating_add(qty);
        self.shift(costs, side, price, qty);
    }

    /// Takes a fill back: the costs' own way if they still know it apart, or else as a fill of the other side.
    #[inline]
    pub(super) fn void_by(
        &mut self,
        costs: &mut impl Costs,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Money,
    ) {
        self.fees.0 = self.fees.0.saturating_sub(fee.0);
        let traded = if side.is_buy() { &mut self.bought } else { &mut self.sold };
        *traded = traded.saturating_sub(qty);
        let sign = if side.is_buy() { 1 } else { -1 };
        let covered = qty.0 <= self.position.0.unsigned_abs();
        if self.position.0.signum() == sign && covered && costs.reopen(self, price, qty.0) {
            let signed = sign * qty.signed();
            self.cost.0 = self.cost.0.saturating_sub(value(price, signed, self.multiplier).0);
            self.position.0 -= signed;
        } else {
            let back = if side.is_buy() { Side::SELL } else { Side::BUY };
            self.shift(costs, back, price, qty);
        }
    }

    /// Moves position, cost and what is realised.
    #[inline]
    fn shift(&mut self, costs: &mut impl Costs, side: Side, price: Price, qty: Qty) {
        let sign = if side.is_buy() { 1 } else { -1 };
        let qty = qty.0.min(i64::MAX as u64);
        let held = self.position.0.unsigned_abs();
        let closing = if self.position.0.signum() == -sign { qty.min(held) } else { 0 };
        if closing > 0 {
            let taken = costs.close(self, closing);
            let taken = if closing == held { self.cost } else { taken };
            let brought = value(price, -sign * closing as i64, self.multiplier);
            let profit = brought.0.saturating_sub(taken.0);
            self.realised.0 = self.realised.0.saturating_add(profit);
            self.cost.0 = self.cost.0.saturating_sub(taken.0);
            self.position.0 = self.position.0.saturating_add(sign * closing as i64);
        }
        let room = (i64::MAX as u64).saturating_sub(self.position.0.unsigned_abs());
        let opening = (qty - closing).min(room);
        if opening > 0 {
            let signed = sign * opening as i64;
            let cost = value(price, signed, self.multiplier);
            costs.open(self, price, opening, cost);
            self.cost.0 = self.cost.0.saturating_add(cost.0);
            self.position.0 = self.position.0.saturating_add(signed);
        }
    }

    /// The price at which the open position was bought or sold, on average, rounded towards zero; 0 when flat.
    pub fn average_cost(&self) -> Price {
        if self.position.0 == 0 {
            return Price(0);
        }
        let units = i128::from(self.position.0) * i128::from(self.multiplier.max(1));
        let average = self.cost.0.saturating_div(units);
        Price(average.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// What the open position would bring at `mark`; negative for what a short one would take.
    #[inline]
    pub fn value(&self, mark: Price) -> Money {
        value(mark, self.position.0, self.multiplier)
    }

    /// What the open position would bring at `mark`, less its cost.
    pub fn unrealised(&self, mark: Price) -> Money {
        Money(self.value(mark).0.saturating_sub(self.cost.0))
    }

    /// Profit of what was closed, after all fees.
    pub fn net(&self) -> Money {
        Money(self.realised.0.saturating_sub(self.fees.0))
    }

    /// Whether it was ever traded, void fills apart.
    pub fn is_traded(&self) -> bool {
        self.bought.0 > 0 || self.sold.0 > 0
    }
}

/// What a signed quantity is worth at `price`.
#[inline]
pub(super) fn value(price: Price, signed: i64, multiplier: u32) -> Money {
    // 2^63 x 2^63 fits; what a multiplier makes of it may not.
    let units = i128::from(price.0) * i128::from(signed);
    Money(if multiplier == 1 { units } else { units.saturating_mul(i128::from(multiplier)) })
}

/// `part / whole` of `amount`, towards zero; all of it when they are equal. `part <= whole <= 2^63`, `whole > 0`.
#[inline]
pub fn share(amount: Money, part: u64, whole: u64) -> Money {
    if part == whole {
        return amount;
    }
    // Prices in cents of what has one: nearly always the sum fits in half the bits, where dividing is quick.
    if let Ok(amount) = i64::try_from(amount.0) {
        let taken = u128::from(amount.unsigned_abs()) * u128::from(part);
        let taken = match u64::try_from(taken) {
            Ok(taken) => i128::from(taken / whole),
            Err(_) => (taken / u128::from(whole)) as i128,
        };
        return Money(if amount < 0 { -taken } else { taken });
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    // Quotient and remainder apart: neither product can overflow.
    Money(amount.0 / whole * part + amount.0 % whole * part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(dollars: i128) -> Money {
        Money(dollars * 1_000_000_000)
    }

    fn at(dollars: u32) -> Price {
        Price::from_e4(dollars * 10_000)
    }

    #[test]
    fn closing_realises_against_the_average_cost() {
        let mut holding = Holding::default();
        holding.fill(Side::BUY, at(10), Qty(100), Money(0));
        holding.fill(Side::BUY, at(20), Qty(100), Money(0));
        assert_eq!(holding.average_cost(), at(15));
        holding.fill(Side::SELL, at(18), Qty(50), Money(7));
        assert_eq!((holding.realised, holding.position), (usd(150), Position(150)));
        assert_eq!(holding.unrealised(at(16)), usd(150));
        assert_eq!((holding.fees, holding.net()), (Money(7), Money(usd(150).0 - 7)));
    }

    #[test]
    fn a_fill_beyond_flat_opens_the_rest_at_its_own_price() {
        let mut holding = Holding::default();
        holding.fill(Side::SELL, at(10), Qty(100), Money(0));
        holding.fill(Side::BUY, at(9), Qty(150), Money(0));
        assert_eq!((holding.realised, holding.position), (usd(100), Position(50)));
        assert_eq!(holding.average_cost(), at(9));
    }

    #[test]
    fn what_division_leaves_over_stays_with_what_is_open() {
        // 3 units for 10 in all: a third is 3, half of the 7 that are left is 3, and the last unit has cost 4.
        let mut holding = Holding { position: Position(3), cost: Money(10), ..Holding::default() };
        let mut costs = Vec::new();
        for _ in 0..3 {
            holding.fill(Side::SELL, Price(5), Qty(1), Money(0));
            costs.push(holding.cost);
        }
        assert_eq!(costs, [Money(7), Money(4), Money(0)]);
        assert_eq!(holding.realised, Money(5));
    }

    #[test]
    fn a_fill_taken_back_leaves_what_the_others_make() {
        let fills = [
            (Side::BUY, at(10), Qty(100)),
            (Side::BUY, at(20), Qty(100)),
            (Side::SELL, at(18), Qty(250)),
            (Side::BUY, at(9), Qty(30)),
        ];
        for (place, (side, price, qty)) in fills.into_iter().enumerate() {
            let (mut all, mut others) = (Holding::default(), Holding::default());
            for (n, (side, price, qty)) in fills.into_iter().enumerate() {
                all.fill(side, price, qty, Money(3));
                if n != place {
                    others.fill(side, price, qty, Money(3));
                }
            }
            all.void(side, price, qty, Money(3));
            let made = |holding: &Holding| holding.realised.0 + holding.unrealised(at(17)).0;
            assert_eq!((all.position, made(&all)), (others.position, made(&others)));
            assert_eq!((all.bought, all.sold, all.fees), (others.bought, others.sold, others.fees));
        }
    }

    #[test]
    fn a_position_stops_at_its_ends_and_costs_what_is_held() {
        let end = i64::MAX;
        for (side, sign) in [(Side::BUY, 1), (Side::SELL, -1)] {
            let mut holding = Holding::default();
            holding.fill(side, Price(2), Qty(end as u64 - 5), Money(0));
            holding.fill(side, Price(2), Qty(u64::MAX), Money(0));
            assert_eq!(holding.position, Position(sign * end));
            assert_eq!(holding.cost.0, i128::from(sign * end) * 2, "five more, not 2^64 - 1");
            holding.fill(side.opposite(), Price(3), Qty(u64::MAX), Money(0));
            assert_eq!((holding.position, holding.cost), (Position(0), Money(0)));
            assert_eq!(holding.realised.0, i128::from(sign * end));
        }
    }

    #[test]
    fn sums_stop_at_their_ends_and_a_flat_position_costs_nothing() {
        for price in [Price(i64::MAX), Price(i64::MIN)] {
            for side in [Side::BUY, Side::SELL] {
                let mut holding = Holding { multiplier: u32::MAX, ..Holding::default() };
                for _ in 0..3 {
                    holding.fill(side, price, Qty(u64::MAX), Money(i128::MAX));
                    holding.fill(side.opposite(), price, Qty(u64::MAX), Money(i128::MAX));
                    holding.void(side, price, Qty(u64::MAX), Money(i128::MIN));
                    let _ = (holding.unrealised(price), holding.average_cost(), holding.net());
                    holding.fill(side, price, Qty(u64::MAX), Money(i128::MIN));
                    assert_eq!((holding.position, holding.cost), (Position(0), Money(0)));
                }
            }
        }
        let lowest =
            Holding { position: Position(-1), cost: Money(i128::MIN), ..Holding::default() };
        assert_eq!(lowest.average_cost(), Price(i64::MAX));
        assert_eq!(value(Price(i64::MIN), i64::MAX, u32::MAX), Money(i128::MIN));
        assert_eq!(value(Price(i64::MIN), -i64::MAX, u32::MAX), Money(i128::MAX));
    }

    #[test]
    fn an_average_is_rounded_towards_zero_and_stays_a_price() {
        let held = |position, cost, multiplier| {
            let (position, cost) = (Position(position), Money(cost));
            Holding { position, cost, multiplier, ..Holding::default() }.average_cost()
        };
        assert_eq!(
            (held(3, 11, 1), held(3, -11, 1), held(0, 0, 1)),
            (Price(3), Price(-3), Price(0))
        );
        assert_eq!(
            (held(-3, -11, 1), held(3, 11, 2), held(2, 9, 0)),
            (Price(3), Price(1), Price(4))
        );
        assert_eq!(held(1, i128::MAX, 1), Price(i64::MAX));
        assert_eq!(held(1, i128::MIN, 1), Price(i64::MIN));
    }

    proptest! {
        #[test]
        fn a_share_is_the_exact_part_towards_zero(
            amount in prop_oneof![any::<i64>().prop_map(i128::from), -(1i128 << 100)..1i128 << 100],
            part in 0..1u64 << 26,
            more in 0..1u64 << 26,
        ) {
            let whole = part + more + 1;
            // 2^100 x 2^26 fits.
            let exact = amount * i128::from(part) / i128::from(whole);
            prop_assert_eq!(share(Money(amount), part, whole), Money(exact));
            prop_assert_eq!(share(Money(amount), whole, whole), Money(amount));
        }

        #[test]
        fn no_share_of_anything_overflows(amount in any::<i128>(), a in 1u64..=1 << 63, b in 1u64..=1 << 63) {
            let taken = share(Money(amount), a.min(b), a.max(b));
            prop_assert!(taken.0.unsigned_abs() <= amount.unsigned_abs());
        }

        #[test]
        fn realised_plus_unrealised_is_cash_plus_value(
            multiplier in 1u32..1_000,
            fills in prop::collection::vec((any::<bool>(), 1u32..2_000_000_000, 1u64..100_000), 1..60),
            mark in 1u32..2_000_000_000,
        ) {
            let mut holding = Holding { multiplier, ..Holding::default() };
            let units = i128::from(multiplier);
            let (mut cash, mut position) = (0i128, 0i128);
            for (buy, price, qty) in fills {
                let (price, qty) = (Price::from_e4(price), Qty(qty));
                holding.fill(if buy { Side::BUY } else { Side::SELL }, price, qty, Money(0));
                let value = price.notional(qty).0 * units;
                cash += if buy { -value } else { value };
                position += if buy { i128::from(qty.0) } else { -i128::from(qty.0) };
            }
            let mark = Price::from_e4(mark);
            prop_assert_eq!(i128::from(holding.position.0), position);
            prop_assert_eq!(
                holding.realised.0 + holding.unrealised(mark).0,
                cash + position * units * i128::from(mark.0)
            );
            if position == 0 {
                prop_assert_eq!(holding.cost, Money(0));
            }
        }
    }
}
