//! Records: what is kept of each instrument, one cache line each.

use super::ladder::Ladder;
use super::level::key;
use crate::base::unit::{Health, Phase, Price, Qty};

/// The best level of a side; zeros where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Best {
    pub(super) price: Price,
    pub(super) qty: Qty,
}

/// How the two sides of an open instrument stand to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Touch {
    /// Apart; or a side is empty, or the instrument is not open.
    #[default]
    Apart,
    /// At one price.
    Locked,
    /// The bid above the ask.
    Crossed,
}

/// An instrument.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Record {
    /// Bid and ask, as the ladders and levels have them.
    pub(super) best: [Best; 2],
    /// Bids and asks.
    pub(super) ladders: [Ladder; 2],
    /// A function of the session, `trading` and `halted`.
    pub(super) phase: Phase,
    pub(super) health: Health,
    pub(super) touch: Touch,
    pub(super) trading: Trading,
    /// Operational halt.
    pub(super) halted: bool,
}

/// What the session lets instruments do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Session {
    /// Before market hours.
    #[default]
    Before,
    /// Market hours.
    Open,
    /// After market hours.
    After,
}

/// What the venue lets an instrument do. Trading until it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trading {
    #[default]
    Free,
    QuoteOnly,
    Paused,
    Halted,
}

impl Session {
    /// ITCH's event code.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        match code {
            b'O' | b'S' => Some(Self::Before),
            b'Q' => Some(Self::Open),
            b'M' | b'E' | b'C' => Some(Self::After),
            _ => None,
        }
    }
}

impl Trading {
    /// ITCH's trading state.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        match code {
            b'T' => Some(Self::Free),
            b'Q' => Some(Self::QuoteOnly),
            b'P' => Some(Self::Paused),
            b'H' => Some(Self::Halted),
            _ => None,
        }
    }
}

impl Record {
    /// The phase that follows from all three.
    pub(super) fn phase_in(&self, session: Session) -> Phase {
        match (session, self.trading, self.halted) {
            (Session::Before, ..) => Phase::PRE_OPEN,
            (Session::After, ..) => Phase::CLOSED,
            (Session::Open, Trading::Halted, _) | (Session::Open, _, true) => Phase::HALTED,
            (Session::Open, Trading::Paused, _) => Phase::PAUSED,
            (Session::Open, Trading::QuoteOnly, _) => Phase::QUOTE_ONLY,
            (Session::Open, Trading::Free, _) => Phase::OPEN,
        }
    }

    /// How the sides stand now.
    #[inline]
    pub(super) fn touch_now(&self) -> Touch {
        let [bid, ask] = self.best.map(|best| best.price.0);
        if self.phase != Phase::OPEN || bid == 0 || ask == 0 || bid < ask {
            Touch::Apart
        } else if bid == ask {
            Touch::Locked
        } else {
            Touch::Crossed
        }
    }

    /// A level of a lane stands at `price` with `qty`: keeps `best` right if that is the best or better.
    #[inline]
    pub(super) fn stands(&mut self, lane: usize, price: Price, qty: Qty) -> bool {
        let best = &mut self.best[lane];
        let better = best.price.0 == 0 || key(lane, price.0) >= key(lane, best.price.0);
        if better {
            *best = Best { price, qty };
        }
        better
    }
}

const _: () = assert!(size_of::<Record>() == 64, "one cache line");
