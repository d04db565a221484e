//! What does not change within a day, or seldom: symbols, their trading states, whose orders say whose they are.

use super::{Tape, put};
use crate::base::instrument::Symbol;
use crate::exchange::matching::{Phase, Resting};
use crate::exchange::unit::{Locate, Participant};
use crate::wire::itch::code::{directory, flag, trading};
use crate::wire::itch::*;
use zerocopy::byteorder::big_endian::U64;

/// ITCH's byte for what may be done in a symbol, and why.
pub(super) type TradingState = (u8, [u8; 4]);

/// The reason of a halt: news are pending.
const HALT_REASON: [u8; 4] = *b"T1  ";
/// The reason of what needs none.
const NO_REASON: [u8; 4] = *b"    ";

/// A symbol of the day. Its locate is its place in the list, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What it is called.
    pub symbol: Symbol,
    /// Shares of a round lot.
    pub round_lot: u32,
    /// Made for tests: nothing of it is real.
    pub is_test: bool,
    /// The phase it begins the day in.
    pub phase: Phase,
}

impl Listing {
    /// A stock in round lots of 100, quoted until it opens.
    pub const fn new(symbol: Symbol) -> Self {
        Self { symbol, round_lot: 100, is_test: false, phase: Phase::Quoting }
    }

    /// The trading state that the day begins with. A symbol that begins closed can only be told as halted.
    pub(super) fn state(&self) -> TradingState {
        state(self.phase).unwrap_or((trading::HALTED, NO_REASON))
    }
}

/// What the tape knows from the start.
#[derive(Clone, Debug, Default)]
pub struct TapeConfig {
    /// The symbols; those beyond the 65,535th have no locate and are left out.
    pub listings: Vec<Listing>,
    /// Whose orders say whose they are, and by which name.
    pub attributions: Vec<(Participant, [u8; 4])>,
    /// Market makers, of every symbol.
    pub market_makers: Vec<[u8; 4]>,
    /// The levels of the market-wide circuit breaker, in 1e-8; none are told if `None`.
    pub decline_levels: Option<[u64; 3]>,
}

impl Tape {
    /// For one who comes late: the directory with the states as they are now, the decline levels, and the last event.
    pub(in crate::exchange::market_data) fn recall(&self, out: &mut impl FnMut(&[u8])) {
        self.directory(out);
        if let Some(event_code) = self.event {
            put(out, &SystemEvent { event_code, ..SystemEvent::new(0, self.time.0) });
        }
    }

    /// For one who comes late: an order that shows now; nothing if it does not.
    pub(in crate::exchange::market_data) fn recall_order(
        &self,
        order: &Resting,
        out: &mut impl FnMut(&[u8]),
    ) {
        if let Some(displayed) = order.displayed.filter(|_| order.shown > 0) {
            self.add(order, displayed, order.shown, self.time.0, out);
        }
    }

    /// R, H, Y and L of every symbol, then V.
    pub(super) fn directory(&self, out: &mut impl FnMut(&[u8])) {
        let now = self.time.0;
        for (locate, listing) in (1..=u16::MAX).zip(&self.config.listings) {
            let stock = listing.symbol;
            put(
                out,
                &StockDirectory {
                    stock,
                    market_category: directory::GLOBAL_SELECT,
                    financial_status_indicator: directory::NORMAL,
                    round_lot_size: listing.round_lot.into(),
                    round_lots_only: flag::NO,
                    issue_classification: directory::COMMON_STOCK,
                    issue_sub_type: *b"Z ",
                    authenticity: if listing.is_test {
                        directory::TEST
                    } else {
                        directory::PRODUCTION
                    },
                    short_sale_threshold_indicator: flag::NO,
                    ipo_flag: flag::NO,
                    luld_reference_price_tier: directory::TIER_1,
                    etp_flag: flag::NO,
                    inverse_indicator: flag::NO,
                    ..StockDirectory::new(locate, now)
                },
            );
            self.trading_action(Locate(locate), now, out);
            put(
                out,
                &RegShoRestriction {
                    stock,
                    reg_sho_action: b'0',
                    ..RegShoRestriction::new(locate, now)
                },
            );
            for &mpid in &self.config.market_makers {
                put(
                    out,
                    &MarketParticipantPosition {
                        mpid,
                        stock,
                        primary_market_maker: flag::YES,
                        market_maker_mode: b'N',
                        market_participant_state: b'A',
                        ..MarketParticipantPosition::new(locate, now)
                    },
                );
            }
        }
        if let Some([level1, level2, level3]) = self.config.decline_levels.map(|l| l.map(U64::new))
        {
            put(out, &MwcbDeclineLevel { level1, level2, level3, ..MwcbDeclineLevel::new(0, now) });
        }
    }

    /// H, as the state is; nothing for a locate that was never given out.
    pub(super) fn trading_action(&self, locate: Locate, now: u64, out: &mut impl FnMut(&[u8])) {
        let place = usize::from(locate.0).wrapping_sub(1);
        let Some(&(trading_state, reason)) = self.states.get(place) else { return };
        put(
            out,
            &StockTradingAction {
                stock: self.stock(locate),
                trading_state,
                reason,
                ..StockTradingAction::new(locate.0, now)
            },
        );
    }
}

/// The trading state of a phase, and its reason. ITCH has none for a closed symbol.
pub(super) fn state(phase: Phase) -> Option<TradingState> {
    match phase {
        Phase::Quoting => Some((trading::QUOTATION_ONLY, NO_REASON)),
        Phase::Open => Some((trading::TRADING, NO_REASON)),
        Phase::Halted => Some((trading::HALTED, HALT_REASON)),
        Phase::Closed => None,
    }
}
