//! Seeded commands of all kinds about few symbols, prices and participants, so that they meet.

use super::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;

pub(super) struct Stream {
    rng: ChaCha8Rng,
    symbols: u16,
    /// References that were given out, some of them to orders that are gone.
    known: Vec<Reference>,
    matches: u64,
}

impl Stream {
    pub(super) fn new(seed: u64, symbols: u16) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, symbols, known: Vec::new(), matches: 0 }
    }

    /// Learns from what its commands did.
    pub(super) fn hear(&mut self, events: &[Event]) {
        for event in events {
            match *event {
                Event::Accepted { order, .. } | Event::Replaced { order, .. } => {
                    self.known.push(order);
                }
                Event::Executed { match_number, .. } | Event::Crossed { match_number, .. } => {
                    self.matches = match_number.0;
                }
                // Most that are gone are forgotten: few commands are to name them.
                Event::Canceled { order, .. } if order.open == 0 && self.below(8) > 0 => {
                    self.known.retain(|known| *known != order.order);
                }
                _ => {}
            }
        }
        if self.known.len() > 200 {
            self.known.drain(..50);
        }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    fn one<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn locate(&mut self) -> Locate {
        match self.below(200) {
            0 => self.one(&[Locate(0), Locate(self.symbols + 1), Locate(u16::MAX)]),
            _ => Locate(1 + self.below(self.symbols.into()) as u16),
        }
    }

    fn participant(&mut self) -> Participant {
        Participant(self.below(6) as u32)
    }

    fn side(&mut self) -> Side {
        self.one(&[Side::BUY, Side::SELL])
    }

    fn self_match(&mut self) -> SelfMatch {
        self.one(&[
            SelfMatch::Allow,
            SelfMatch::CancelResting,
            SelfMatch::CancelIncoming,
            SelfMatch::DecrementBoth,
        ])
    }

    fn order(&mut self) -> Reference {
        match self.below(50) {
            0 => Reference(self.below(1 << 20)),
            _ if self.known.is_empty() => Reference(1),
            _ => {
                let at = self.below(self.known.len() as u64) as usize;
                self.known[at]
            }
        }
    }

    fn price(&mut self) -> Price4 {
        match self.below(300) {
            0 => self.one(&[Price4(0), Price4(PRICE_MAX.0 + 1), Price4::MAX]),
            1 => self.one(&[Price4(1), PRICE_MAX]),
            2..10 => Price4(9_900 + self.below(200) as u32),
            _ => Price4(10_000 + 100 * self.below(16) as u32),
        }
    }

    fn terms(&mut self, for_cross: bool) -> Terms {
        let shares = match self.below(100) {
            0 => self.one(&[0, 1_000_000, u32::MAX]),
            1 => self.one(&[1, SHARES_MAX]),
            2..40 => 1 + self.below(20) as u32,
            _ => 100 * (1 + self.below(5) as u32),
        };
        let lasts = if self.below(5) == 0 { Lasts::Immediate } else { Lasts::Day };
        let display = match self.below(10) {
            0 | 1 => Display::Hidden,
            2 if !for_cross => Display::Reserve(shares / 4),
            3 if !for_cross => Display::Reserve(self.below(60) as u32),
            _ => Display::Full,
        };
        let market = self.below(if for_cross || lasts == Lasts::Immediate { 4 } else { 100 }) == 0;
        let may = lasts == Lasts::Immediate || display == Display::Hidden;
        let minimum = match self.below(if may { 4 } else { 60 }) {
            0 if for_cross => 0,
            0 => shares,
            1 if may => self.below(u64::from(shares) + 2) as u32,
            _ => 0,
        };
        Terms {
            limit: (!market).then(|| self.price()),
            shares,
            lasts,
            display,
            post_only: self.below(if for_cross { 200 } else { 15 }) == 0,
            minimum,
        }
    }

    pub(super) fn next(&mut self) -> Command {
        let reasons = [CancelReason::Requested, CancelReason::Supervisory, CancelReason::Expired];
        let reason = self.one(&reasons);
        match self.below(1_000) {
            0..560 => {
                let session = match self.below(12) {
                    0 => CrossSession::Opening,
                    1 => CrossSession::Closing,
                    _ => CrossSession::Continuous,
                };
                Command::Enter(Enter {
                    locate: self.locate(),
                    participant: self.participant(),
                    token: self.rng.next_u64(),
                    side: self.side(),
                    terms: self.terms(session != CrossSession::Continuous),
                    session,
                    self_match: self.self_match(),
                })
            }
            560..680 => Command::Replace(Replace {
                order: self.order(),
                token: self.rng.next_u64(),
                terms: self.terms(false),
                self_match: self.self_match(),
            }),
            680..780 => Command::Reduce { order: self.order(), open: 0, reason },
            780..960 => {
                let open = self.below(400) as u32;
                Command::Reduce { order: self.order(), open, reason }
            }
            960..964 => Command::CancelAll {
                participant: self.participant(),
                locate: (self.below(2) == 0).then(|| self.locate()),
                side: (self.below(2) == 0).then(|| self.side()),
                reason,
            },
            964..976 => {
                let phase = match self.below(40) {
                    0 => Phase::Closed,
                    1..3 => Phase::Halted,
                    3..8 => Phase::Quoting,
                    _ => Phase::Open,
                };
                Command::SetPhase { locate: self.locate(), phase }
            }
            976..980 => {
                let kind = match self.below(40) {
                    0 => CrossKind::Opening,
                    1 => CrossKind::Closing,
                    _ => CrossKind::Halt,
                };
                Command::Cross { locate: self.locate(), kind, near: self.price() }
            }
            980..990 => Command::Break {
                match_number: MatchNumber(self.below(self.matches + 3)),
                locate: self.locate(),
            },
            _ => Command::Enter(Enter {
                locate: self.locate(),
                participant: Participant(self.below(12) as u32),
                token: 0,
                side: self.side(),
                terms: Terms {
                    limit: Some(Price4(10_000 + 100 * self.below(16) as u32)),
                    shares: 1 + self.below(2_000) as u32,
                    lasts: Lasts::Day,
                    display: Display::Full,
                    post_only: false,
                    minimum: 0,
                },
                session: CrossSession::Continuous,
                self_match: SelfMatch::Allow,
            }),
        }
    }
}

/// How often each thing was seen: a test that sees too little proves little.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, u64>);

impl Seen {
    pub(super) fn count(&mut self, events: &[Event]) {
        for event in events {
            let name = match event {
                Event::Accepted { .. } => "accepted".to_owned(),
                Event::Rejected { reason, .. } => format!("rejected {reason:?}"),
                Event::NotLive { .. } => "not live".to_owned(),
                Event::Replaced { kept_on_display, .. } => format!("replaced {kept_on_display}"),
                Event::Displayed { refill, .. } => format!("displayed {refill}"),
                Event::Executed { resting, .. } => {
                    format!("executed {:?}", resting.displayed.is_some())
                }
                Event::ExecutedInCross { order, .. } => {
                    format!("crossed {:?}", order.displayed.is_some())
                }
                Event::Crossed { kind, shares, .. } => format!("cross {kind:?} {}", *shares > 0),
                Event::Canceled { reason, .. } => format!("canceled {reason:?}"),
                Event::SelfMatchPrevented { .. } => "prevented".to_owned(),
                Event::PhaseSet { phase, .. } => format!("phase {phase:?}"),
                Event::Broken { .. } => "broken".to_owned(),
            };
            *self.0.entry(name).or_default() += 1;
        }
    }

    /// How many kinds came, each of them often.
    pub(super) fn kinds(&self) -> usize {
        assert!(self.0.values().all(|&count| count >= 10), "{:?}", self.0);
        self.0.len()
    }
}
