//! What the exchange itself says: the day's events, its directory, imbalances, crosses and halts.

use super::floor::{Done, Floor, MARKET_MAKER};
use super::{IMBALANCES_CLOSE, MINUTE};
use crate::base::unit::Side;
use crate::wire::itch::code::{cross, directory, flag, imbalance, trading};
use crate::wire::itch::*;
use std::io::Write;

/// Between two messages that need no time of their own: directory, crosses.
const STEP: u64 = 20_000;
/// How long a symbol is halted, and when the last halt may begin so that all are over before the close.
const HALT: u64 = 5 * MINUTE;
const LAST_HALT: u64 = IMBALANCES_CLOSE - 2 * HALT;
/// Symbols halted at once.
const HALTED_MAX: usize = 4;

impl<W: Write> Floor<'_, W> {
    pub(super) fn system_event(&mut self, event_code: u8) -> Done {
        self.tape.put(&SystemEvent { event_code, ..SystemEvent::new(0, self.now) })
    }

    /// R, H, Y and L of every symbol.
    pub(super) fn directory(&mut self) -> Done {
        for locate in 1..=self.ranked.len() as u16 {
            self.now += STEP;
            let (stock, now) = (self.stock(locate), self.now);
            self.tape.put(&StockDirectory {
                stock,
                market_category: directory::GLOBAL_SELECT,
                financial_status_indicator: directory::NORMAL,
                round_lot_size: 100.into(),
                round_lots_only: flag::NO,
                issue_classification: directory::COMMON_STOCK,
                issue_sub_type: *b"Z ",
                authenticity: directory::PRODUCTION,
                short_sale_threshold_indicator: flag::NO,
                ipo_flag: flag::NO,
                luld_reference_price_tier: directory::TIER_1,
                etp_flag: flag::NO,
                inverse_indicator: flag::NO,
                ..StockDirectory::new(locate, now)
            })?;
            self.trading_state(locate, trading::TRADING, *b"    ")?;
            self.tape.put(&RegShoRestriction {
                stock,
                reg_sho_action: b'0',
                ..RegShoRestriction::new(locate, now)
            })?;
            self.tape.put(&MarketParticipantPosition {
                mpid: MARKET_MAKER,
                stock,
                primary_market_maker: flag::YES,
                market_maker_mode: b'N',
                market_participant_state: b'A',
                ..MarketParticipantPosition::new(locate, now)
            })?;
        }
        Ok(())
    }

    /// The market-wide levels: 7, 13 and 20 % below an index at 5,000.
    pub(super) fn decline_levels(&mut self) -> Done {
        let below = |percent: u64| ((100 - percent) * 50 * 100_000_000).into();
        self.tape.put(&MwcbDeclineLevel {
            level1: below(7),
            level2: below(13),
            level3: below(20),
            ..MwcbDeclineLevel::new(0, self.now)
        })
    }

    /// What would trade in a cross to come, of one of the symbols that have one.
    pub(super) fn imbalance(&mut self, cross_type: u8) -> Done {
        let locate = self.ranked[self.random.below(self.crosses as u32) as usize];
        let listing = self.market.listing(locate);
        let price = listing.middle().unwrap_or(listing.fair()).into();
        let (paired, open) = (self.random.below(500) * 100, self.random.below(100) * 100);
        let direction = match self.random.below(2) {
            _ if open == 0 => imbalance::NONE,
            0 => imbalance::BUY,
            _ => imbalance::SELL,
        };
        self.tape.put(&Noii {
            paired_shares: u64::from(paired).into(),
            imbalance_shares: u64::from(open).into(),
            imbalance_direction: direction,
            stock: self.stock(locate),
            far_price: price,
            near_price: price,
            current_reference_price: price,
            cross_type,
            price_variation_indicator: b'L',
            ..Noii::new(locate, self.now)
        })
    }

    /// The cross of each symbol that has one.
    pub(super) fn crosses(&mut self, cross_type: u8) -> Done {
        for place in 0..self.crosses {
            self.now += STEP;
            self.cross(self.ranked[place], cross_type)?;
        }
        Ok(())
    }

    /// The first orders of both sides meet halfway, together with orders that were never shown; the print counts all.
    fn cross(&mut self, locate: u16, cross_type: u8) -> Done {
        let listing = self.market.listing(locate);
        let (middle, fair) = (listing.middle(), listing.fair());
        let fronts = (self.market.front(locate, Side::BUY), self.market.front(locate, Side::SELL));
        let mut shares = 0;
        if let (Some(price), (Some(bid), Some(ask))) = (middle, fronts) {
            let met = self.market.order(bid).shares.min(self.market.order(ask).shares);
            self.fill(bid, met, Some((price, flag::NO)))?;
            self.fill(ask, met, Some((price, flag::NO)))?;
            shares = met + 100 * self.random.below(500);
        }
        let match_number = self.next_match(locate);
        self.tape.put(&CrossTrade {
            shares: u64::from(shares).into(),
            stock: self.stock(locate),
            cross_price: middle.unwrap_or(fair).into(),
            match_number: match_number.into(),
            cross_type,
            ..CrossTrade::new(locate, self.now)
        })
    }

    /// Whether a symbol should halt now.
    pub(super) fn halt_is_due(&self) -> bool {
        self.tape.messages() >= self.next_halt
            && self.now < LAST_HALT
            && self.halts.len() < HALTED_MAX
    }

    /// A symbol halts for news, or pauses because its price moved too far.
    pub(super) fn halt(&mut self) -> Done {
        self.next_halt += self.halt_every;
        let locate = self.by_activity.draw(&mut self.random) + 1;
        let (state, reason) = match self.random.below(2) {
            0 => (trading::HALTED, *b"T1  "),
            _ => (trading::PAUSED, *b"LUDP"),
        };
        if !std::mem::replace(&mut self.market.listing_mut(locate).halted, true) {
            self.halts.push_back((self.now + HALT, locate));
            self.trading_state(locate, state, reason)?;
        }
        Ok(())
    }

    /// The symbol that was halted first trades again, with a cross.
    pub(super) fn resume(&mut self) -> Done {
        let Some((_, locate)) = self.halts.pop_front() else { return Ok(()) };
        self.market.listing_mut(locate).halted = false;
        self.trading_state(locate, trading::TRADING, *b"    ")?;
        self.cross(locate, cross::HALT)
    }

    /// No symbol stays halted.
    pub(super) fn resume_all(&mut self) -> Done {
        while !self.halts.is_empty() {
            self.resume()?;
        }
        Ok(())
    }

    fn trading_state(&mut self, locate: u16, trading_state: u8, reason: [u8; 4]) -> Done {
        self.tape.put(&StockTradingAction {
            stock: self.stock(locate),
            trading_state,
            reason,
            ..StockTradingAction::new(locate, self.now)
        })
    }
}
