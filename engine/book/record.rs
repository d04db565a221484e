//! Records: the states of each instrument, and its two ladders.

use super::ladder::Ladder;
use crate::base::unit::{Health, Phase};

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

/// Bids and asks of an instrument.
pub(super) type Sides = [Ladder; 2];

/// The states of an instrument.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Record {
    /// A function of the session, `trading` and `halted`.
    pub(super) phase: Phase,
    pub(super) health: Health,
    pub(super) touch: Touch,
    pub(super) marks: Marks,
}

/// Trading state, operational halt and kind of depth in one byte: four bytes a record are found without a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks(u8);

impl Marks {
    const TRADING: u8 = 3;
    const HALTED: u8 = 4;
    const BY_LEVEL: u8 = 8;

    /// What the venue lets the instrument do.
    pub(super) fn trading(self) -> Trading {
        [Trading::Free, Trading::QuoteOnly, Trading::Paused, Trading::Halted]
            [usize::from(self.0 & Self::TRADING)]
    }

    pub(super) fn set_trading(&mut self, trading: Trading) {
        self.0 = self.0 & !Self::TRADING | trading as u8;
    }

    /// Operational halt.
    pub(super) fn halted(self) -> bool {
        self.0 & Self::HALTED != 0
    }

    pub(super) fn set_halted(&mut self, halted: bool) {
        self.0 = (self.0 & !Self::HALTED) | (u8::from(halted) * Self::HALTED);
    }

    /// Whether the book holds levels without orders: then it takes no orders.
    #[inline]
    pub(super) fn by_level(self) -> bool {
        self.0 & Self::BY_LEVEL != 0
    }

    pub(super) fn set_by_level(&mut self, by_level: bool) {
        self.0 = (self.0 & !Self::BY_LEVEL) | (u8::from(by_level) * Self::BY_LEVEL);
    }
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
#[repr(u8)]
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
        match (session, self.marks.trading(), self.marks.halted()) {
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
    pub(super) fn touch_now(&self, sides: &Sides) -> Touch {
        let [bid, ask] = [sides[0].best_key(), sides[1].best_key().wrapping_neg()];
        let both = !sides[0].is_empty() & !sides[1].is_empty();
        if (self.phase != Phase::OPEN) | !both | (bid < ask) {
            Touch::Apart
        } else if bid == ask {
            Touch::Locked
        } else {
            Touch::Crossed
        }
    }
}

const _: () = assert!(size_of::<Record>() == 4);
