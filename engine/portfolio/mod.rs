//! Positions, average cost, realised and unrealised P&L: from reports only.
//!
//! Average cost: a fill in the position's direction adds to its cost; one against it takes the same share of the cost as
//! of the quantity (what division leaves over stays with what is still open, so nothing is lost to rounding: realised
//! plus cost plus cash is always zero). A fill beyond flat closes, then opens the rest at its own price.
#![forbid(unsafe_code)]

use crate::base::unit::{InstrumentId, Money, Position, Price, Qty, Side};

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

impl Holding {
    /// What `qty` is worth at `price`.
    fn value(&self, price: Price, qty: Qty) -> i128 {
        price.notional(qty).0.saturating_mul(i128::from(self.multiplier))
    }

    /// Takes in a fill.
    pub fn fill(&mut self, side: Side, price: Price, qty: Qty, fee: Money) {
        let signed = if side.is_buy() { qty.signed() } else { -qty.signed() };
        self.fees.0 = self.fees.0.saturating_add(fee.0);
        if side.is_buy() {
            self.bought = self.bought.saturating_add(qty);
        } else {
            self.sold = self.sold.saturating_add(qty);
        }
        let held = self.position.0;
        let closing = if held.signum() * signed.signum() < 0 {
            signed.unsigned_abs().min(held.unsigned_abs())
        } else {
            0
        };
        if closing > 0 {
            let cost = share(self.cost, closing, held.unsigned_abs());
            let value = self.value(price, Qty(closing));
            let proceeds = if held > 0 { value } else { -value };
            self.realised.0 = self.realised.0.saturating_add(proceeds.saturating_sub(cost.0));
            self.cost.0 = self.cost.0.saturating_sub(cost.0);
        }
        let opening = self.value(price, Qty(signed.unsigned_abs() - closing));
        let opening = if signed > 0 { opening } else { -opening };
        self.cost.0 = self.cost.0.saturating_add(opening);
        self.position.0 = held.saturating_add(signed);
    }

    /// Takes a fill back: position and P&L in all are as if it had never been. What of the P&L is realised is not: the
    /// average cost that it was measured against has moved on since.
    pub fn void(&mut self, side: Side, price: Price, qty: Qty, fee: Money) {
        self.fill(side.opposite(), price, qty, Money(fee.0.saturating_neg()));
        self.bought = self.bought.saturating_sub(qty);
        self.sold = self.sold.saturating_sub(qty);
    }

    /// The price at which the open position was bought or sold, on average, rounded towards zero; 0 when flat.
    pub fn average_cost(&self) -> Price {
        if self.position.0 == 0 {
            return Price(0);
        }
        let average = self.cost.0 / (i128::from(self.position.0) * i128::from(self.multiplier));
        Price(i64::try_from(average).unwrap_or(if average > 0 { i64::MAX } else { i64::MIN }))
    }

    /// What the open position would bring at `mark`, less its cost.
    pub fn unrealised(&self, mark: Price) -> Money {
        let units = i128::from(self.position.0) * i128::from(self.multiplier);
        let value = i128::from(mark.0).saturating_mul(units);
        Money(value.saturating_sub(self.cost.0))
    }
}

/// `part / whole` of `amount`, towards zero; all of it when they are equal. `part <= whole`, `whole > 0`.
fn share(amount: Money, part: u64, whole: u64) -> Money {
    let (part, whole) = (i128::from(part), i128::from(whole));
    // Quotient and remainder apart: neither product can overflow.
    Money(amount.0 / whole * part + amount.0 % whole * part / whole)
}

/// Everything that is held.
pub struct Portfolio {
    holdings: Vec<Holding>,
}

impl Portfolio {
    /// A flat portfolio of so many instruments.
    pub fn new(instruments: usize) -> Self {
        Self { holdings: vec![Holding::default(); instruments] }
    }

    /// Units of the underlying in one lot of an instrument, for one that was not traded yet.
    pub fn set_multiplier(&mut self, instrument: InstrumentId, multiplier: u32) {
        if let Some(holding) = self.holdings.get_mut(instrument.index()) {
            *holding = Holding { multiplier, ..Holding::default() };
        }
    }

    /// Takes in a fill. False if the instrument has no place here: nothing was changed.
    pub fn fill(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Money,
    ) -> bool {
        match self.holdings.get_mut(instrument.index()) {
            Some(holding) => {
                holding.fill(side, price, qty, fee);
                true
            }
            None => false,
        }
    }

    /// Takes a fill back. False if the instrument has no place here: nothing was changed.
    pub fn void(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Money,
    ) -> bool {
        match self.holdings.get_mut(instrument.index()) {
            Some(holding) => {
                holding.void(side, price, qty, fee);
                true
            }
            None => false,
        }
    }

    /// What is held of an instrument.
    pub fn holding(&self, instrument: InstrumentId) -> Holding {
        self.holdings.get(instrument.index()).copied().unwrap_or_default()
    }

    /// The instruments that were ever traded.
    pub fn traded(&self) -> impl Iterator<Item = (InstrumentId, &Holding)> {
        let numbered = self.holdings.iter().enumerate();
        numbered
            .filter(|(_, holding)| holding.bought.0 > 0 || holding.sold.0 > 0)
            .map(|(index, holding)| (InstrumentId(index as u32), holding))
    }
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
        assert_eq!(holding.fees, Money(7));
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
    fn a_price_counts_for_every_unit_of_a_lot() {
        let mut portfolio = Portfolio::new(1);
        portfolio.set_multiplier(InstrumentId(0), 50);
        for (side, price, qty) in [(Side::BUY, at(10), Qty(2)), (Side::SELL, at(13), Qty(1))] {
            assert!(portfolio.fill(InstrumentId(0), side, price, qty, Money(0)));
        }
        let holding = portfolio.holding(InstrumentId(0));
        assert_eq!((holding.cost, holding.realised), (usd(500), usd(150)));
        assert_eq!((holding.average_cost(), holding.unrealised(at(9))), (at(10), usd(-50)));
    }

    proptest! {
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
